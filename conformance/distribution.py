"""What the project is called where it is installed, and which version of it this is."""

from __future__ import annotations

import importlib.metadata
from typing import Final

__all__ = ["suite_version"]

_DISTRIBUTION: Final = "dialogue-store-conformance"


def suite_version() -> str:
    """The version of this distribution: of the suite, and of the reference store that comes along."""
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "0+not.installed"
