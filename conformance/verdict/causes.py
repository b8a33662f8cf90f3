"""What an exception that ended a case says: the backend's fault, or somebody else's."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

from conformance.targets.guard import Undecided
from conformance.targets.machine import lacks, lacks_by
from reference_impl.contract.tables import METHODS

__all__ = ["chain", "undecided_by", "unsupported_by"]

_METHODS: Final = frozenset({*METHODS, "close"})
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


def unsupported_by(error: BaseException) -> tuple[str, ...]:
    """The methods that ended a case because the backend does not have them (PROTO-03): the one that
    ``NotImplementedError`` came from, or those that it names; empty where it is no such error."""
    for one in chain(error):
        if isinstance(one, NotImplementedError):
            calls = list(traceback.walk_tb(one.__traceback__))
            ways = (_named(str(one)), _by_function(calls), _by_caller(calls), _by_class(calls))
            return next((found for found in ways if found), ())
    return ()


def _named(text: str) -> tuple[str, ...]:
    """The methods among the words of a text."""
    return tuple(dict.fromkeys(word for word in re.findall(r"\w+", text) if word in _METHODS))


def _by_function(calls: Sequence[tuple[FrameType, int]]) -> tuple[str, ...]:
    """The first function on the way that is called as a method is."""
    return tuple(f.f_code.co_name for f, _ in calls if f.f_code.co_name in _METHODS)[:1]


def _by_caller(calls: Sequence[tuple[FrameType, int]]) -> tuple[str, ...]:
    """The method that the latest caller named, in its line or by a variable: one function may stand for
    all methods that are not there yet."""
    for frame, number in reversed(calls):
        line = linecache.getline(frame.f_code.co_filename, number)
        names = [value for value in frame.f_locals.values() if isinstance(value, str)]
        for found in (_named(line), tuple(n for n in names if n in _METHODS)):
            if found:
                return found[:1]
    return ()


def _by_class(calls: Sequence[tuple[FrameType, int]]) -> tuple[str, ...]:
    """The methods that the function which raised stands for in its class: the one, or of several those
    that a function on the way names."""
    raised = calls[-1][0].f_code
    names = raised.co_varnames[:1]
    owner = type(calls[-1][0].f_locals.get(names[0])) if names else None
    found = [
        name
        for name in sorted(_METHODS)
        if getattr(getattr(owner, name, None), "__code__", None) is raised
    ]
    if len(found) < 2:
        return tuple(found)
    for frame, _ in reversed(calls):
        with suppress(OSError, TypeError):
            source = "".join(inspect.getsourcelines(frame.f_code)[0])
            if named := tuple(name for name in _named(source) if name in found):
                return named
    return ()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, and what it was raised from or during, the latest first."""
    seen: list[BaseException] = []
    while error is not None and len(seen) < _LONGEST and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__
