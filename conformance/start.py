"""Where the command ``conformance`` begins: Ctrl-C is told in a word, even while modules are being loaded."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Exit codes: those of :func:`conformance.cli.main.main`."""
    try:
        from .cli.main import main as begin
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.stderr.flush()
        os._exit(130)  # nothing was begun; a half-loaded module has nothing to tidy
    begin()
