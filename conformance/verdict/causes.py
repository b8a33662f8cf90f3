"""What an exception that ended a case says: the backend's fault, or somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.targets.guard import Undecided
from conformance.targets.machine import lacks, lacks_by

__all__ = ["chain", "undecided_by"]

#: So many exceptions are looked at that caused one another.
_LONGEST: Final = 20


def undecided_by(error: BaseException) -> tuple[str, str] | None:
    """(code, reason) where what ended a case says nothing about the backend: the suite or the set-up
    is at fault, or the machine has no room; else None."""
    for one in chain(error):
        if isinstance(one, Undecided):
            return one.code, one.detail
        if found := lacks_by(one):
            return "machine_error", found
    # What the backend made of it may not say so.
    return ("machine_error", found) if (found := lacks()) else None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, and what it was raised from or during, the latest first."""
    seen: list[BaseException] = []
    while error is not None and len(seen) < _LONGEST and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__
