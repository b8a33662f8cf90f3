"""What every wrong part, function or factory comes to: a backend that can be tried."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from conformance.targets.base import Factory, keep

__all__ = ["Made"]


@dataclass(frozen=True)
class Made:
    """What a wrong part is tried as: a factory, what forgets the storage of one of its folders, and what
    is in force meanwhile."""

    factory: Factory
    discard: Callable[[Path], None] = keep
    during: Callable[[], AbstractContextManager[object]] = nullcontext
