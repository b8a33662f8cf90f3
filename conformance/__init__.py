"""The contract as a run: does a backend keep it, rule by rule?

What a backend author needs: :class:`Backend` and the protocols of its parts, :func:`run` over a
:class:`Target` with its :class:`Report`, and the test vectors (:func:`load_vectors`). Each is
imported when it is first asked for, so that reading vectors does not load a test runner.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .running.runner import Options, run
    from .targets.base import Backend, Crypto, RawAccess, RawParts, Target
    from .vectors import load_vectors
    from .verdict.judge import Report

__all__ = [
    "Backend",
    "Crypto",
    "Options",
    "RawAccess",
    "RawParts",
    "Report",
    "Target",
    "load_vectors",
    "run",
]

_HOMES = {
    "running.runner": ("Options", "run"),
    "targets.base": ("Backend", "Crypto", "RawAccess", "RawParts", "Target"),
    "vectors": ("load_vectors",),
    "verdict.judge": ("Report",),
}


if not TYPE_CHECKING:  # a type checker has the names above, and is to miss every other one

    def __getattr__(name: str) -> Any:
        for module, names in _HOMES.items():
            if name in names:
                found = getattr(importlib.import_module(f".{module}", __name__), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
