"""What a call ended with, in a form that two stores can be compared by."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson

from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError

__all__ = [
    "ABSENT",
    "NOTHING",
    "SOME_TIME",
    "Outcome",
    "as_text",
    "clipped",
    "differing",
    "in_clear",
    "refused",
    "returned",
    "stray",
    "timeless",
    "without",
]

#: Members of an error's data that the contract names; messages and suggestions are free.
_DATA: Final = ("from", "to", "allowed")
_ENVELOPE: Final = ("content_encrypted", "content_nonce", "key_id", "aad_hash", "commitment")
_LONG: Final = 400
#: What stands for a member that one of two values does not have, and for a time that is not compared.
ABSENT: Final = "(not there)"
SOME_TIME: Final = "(a time)"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True)
class Outcome:
    """``body``: JSON, equal for equal outcomes. ``code``: that of an error of the contract, or empty.

    ``is_stray``: an exception outside the contract.
    """

    body: bytes
    code: str = ""
    is_stray: bool = False

    def value(self) -> Any:
        """The outcome as JSON values."""
        return json.loads(self.body)

    def same(self, other: Outcome) -> bool:
        """Whether the outcomes are equal; the order of an object's members does not count."""
        if self.body == other.body:
            return True
        if (self.code, self.is_stray) != (other.code, other.is_stray):
            return False
        return as_text(self.value()) == as_text(other.value())


#: The outcome of what returns nothing.
NOTHING: Final = Outcome(b"null")


def returned(result: object) -> Outcome:
    """The outcome of a call that succeeded."""
    try:
        return Outcome(orjson.dumps(result, option=orjson.OPT_SORT_KEYS))
    except TypeError:  # what no result of the contract holds: a lone surrogate, a set
        return Outcome(as_text(plain(result)))


def refused(error: DialogueStoreError) -> Outcome:
    """The outcome of a call that the store refused: code, retryable, contract fields of data, and whether
    error and findings say something to people."""
    data: dict[str, Any] = {name: error.data[name] for name in _DATA if name in error.data}
    if isinstance(data.get("allowed"), list | tuple):
        data["allowed"] = sorted(map(str, data["allowed"]))
    found = error.data.get("findings", ())
    if isinstance(found, list | tuple):
        # What is wrong in several places of one value may be one finding or several.
        told = {
            (str(one.get("code")), str(one.get("field")), *_silent(one))
            for one in found
            if isinstance(one, Mapping)
        }
        data["findings"] = sorted(map(list, told))
    shown = {"code": error.code, "retryable": error.retryable, "data": data}
    if not str(error.message).strip():
        shown["silent"] = True
    return Outcome(as_text({"error": shown}), error.code)


def _silent(finding: Mapping[str, Any]) -> list[str]:
    """What a finding says nothing in; messages and suggestions are free, but must be there."""
    return [n for n in ("message", "suggestion") if not str(finding.get(n) or "").strip()]


def stray(error: Exception) -> Outcome:
    """The outcome of a call that ended outside the contract (ERR-01)."""
    name = type(error).__name__
    return Outcome(as_text({"no error of the contract": name}), name, is_stray=True)


def timeless(outcome: Outcome) -> Outcome:
    """The outcome without its times, for a store whose clock cannot be set."""
    return Outcome(as_text(_without_times(outcome.value())), outcome.code, outcome.is_stray)


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_times(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_without_times(member) for member in value]
    return _TIME.sub(SOME_TIME, value) if isinstance(value, str) else value


def without(outcome: Outcome, names: Collection[str]) -> Outcome:
    """The outcome without the members of these names, wherever they are."""
    return Outcome(as_text(_less(outcome.value(), names)), outcome.code, outcome.is_stray)


def _less(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return {n: _less(member, names) for n, member in value.items() if n not in names}
    return [_less(member, names) for member in value] if isinstance(value, list) else value


def in_clear(items: Any) -> Outcome:
    """Stored items without what is sealed anew each time."""
    shown = [
        {name: _clear(value) for name, value in item.items() if name not in _ENVELOPE}
        for item in items
    ]
    return Outcome(as_text(shown))


def _clear(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def as_text(value: Any) -> bytes:
    """JSON in which 1, 1.0 and true differ and the order of an object's members does not."""
    return json.dumps(value, sort_keys=True, default=repr).encode("utf-8")


# -- showing -----------------------------------------------------------------------------------------


def clipped(value: Any) -> Any:
    """A copy in which a long text is its beginning, its length and its digest."""
    if isinstance(value, str) and len(value) > _LONG:
        digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{value[:60]}… ({len(value)} characters, SHA-256 {digest}…)"
    if isinstance(value, Mapping):
        return {name: clipped(member) for name, member in value.items()}
    if isinstance(value, list):
        return [clipped(member) for member in value]
    return value


def differing(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, one's value, the other's) of what differs between two JSON values; 1, 1.0 and true do."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in {**one, **other}:
            where = f"{path}.{name}" if path else name
            yield from differing(one.get(name, ABSENT), other.get(name, ABSENT), where)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differing(mine, theirs, f"{path}[{position}]")
    elif isinstance(one, list) and isinstance(other, list):
        yield from _members(one, other, path)
    elif as_text(one) != as_text(other):
        yield path, one, other


def _members(one: list[Any], other: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Lists of different lengths: their lengths, then what only one of them has."""
    yield f"{path} (how many)", len(one), len(other)
    mine, theirs = {as_text(member) for member in one}, {as_text(member) for member in other}
    for position, member in enumerate(one):
        if as_text(member) not in theirs:
            yield f"{path}[{position}]", member, ABSENT
    for position, member in enumerate(other):
        if as_text(member) not in mine:
            yield f"{path}[{position}]", ABSENT, member
