"""Where the commands begin: Ctrl-C is told in a word, even while modules are being loaded."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

__all__ = ["dialogue_store", "main"]


def main() -> None:
    """``conformance``. Exit codes: those of :func:`conformance.cli.main.main`."""
    try:
        from .cli.main import main as begin
    except KeyboardInterrupt:
        _stopped()
    begin()


def dialogue_store() -> None:
    """``dialogue-store``. Exit codes: those of :func:`reference_impl.cli.main.main`. It begins here because
    nothing of ``reference_impl`` can be imported without most of it."""
    try:
        from reference_impl.cli.main import main as begin
    except KeyboardInterrupt:
        _stopped()
    begin()


def _stopped() -> NoReturn:
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    os._exit(130)  # nothing was begun; a half-loaded module has nothing to tidy
