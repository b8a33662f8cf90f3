"""Single values, lists and objects of input: checked, and taken as plain values (groups 1 to 3 of STORE-14).

Each check takes the findings, the path of the value and the value, and gives it back normalised or
:data:`INVALID`. Subclasses of str, int, list and dict become the plain type before anything is made of them;
what only looks like a number is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...contract import addresses
from ...contract.errors import one_of
from ...contract.items import MAX_ITEM_BYTES
from ...contract.limits import MAX_INTEGER, MAX_ROUND
from ...contract.tables import ENTITIES, METRICS
from ...sealing.payloads import MAX_DEPTH
from .problems import INVALID, Problems

__all__ = [
    "MAX_INTEGER",
    "Check",
    "check_display_id",
    "check_identifier",
    "check_int",
    "check_members",
    "check_text",
    "check_value",
    "members_of",
    "sequence_of",
]

#: (findings, path, value) -> the normalised value, or :data:`INVALID`.
Check = Callable[[Problems, str, Any], Any]

#: An item with more JSON values than this cannot fit: each takes a byte, and a comma or a bracket.
_MAX_JSON_VALUES = MAX_ITEM_BYTES // 2
_REF_TYPES = ENTITIES["ref"].by_name["ref_type"].values
_BACKGROUND = ("subject", "description", "constraints", "situation")
#: Enums whose unknown values have a code of their own (STORE-12).
_ENUM_CODES = {"ref.ref_type": "invalid_ref_type", "P|R|T|E|C": "invalid_entity_type"}


def check_value(
    problems: Problems, where: str, kind: str, value: Any, *, required: bool = False
) -> Any:
    """A value of a type as ``methods.json`` writes it; a text that is ``required`` must not be empty."""
    if kind == "text":
        return check_text(problems, where, value, filled=required)
    check = _CHECKS.get(kind)
    if check is not None:
        return check(problems, where, value)
    return _enum(problems, where, value, _enum_values(kind), _ENUM_CODES.get(kind, "invalid_field"))


def _enum_values(kind: str) -> tuple[str, ...]:
    if "|" in kind:
        return tuple(kind.split("|"))
    entity, name = kind.split(".")
    return ENTITIES[entity].by_name[name].values


# -- texts --------------------------------------------------------------------------------------


def check_text(problems: Problems, where: str, value: Any, *, filled: bool = False) -> Any:
    """Text without lone surrogates; ``filled``: an empty one is ``missing_field``."""
    if not isinstance(value, str):
        return problems.add(1, "invalid_field", where, "must be a text")
    text = str.__str__(value)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return problems.add(1, "invalid_field", where, "has a lone surrogate")
    if filled and not text:
        return problems.add(1, "missing_field", where, "must not be empty")
    return text


def _enum(problems: Problems, where: str, value: Any, values: Sequence[str], code: str) -> Any:
    text = check_text(problems, where, value)
    if text is not INVALID and text not in values:
        what = f"must be one of {one_of(values)}"
        return problems.add(2, code, where, what, allowed=list(values))
    return text


def check_identifier(problems: Problems, where: str, value: Any) -> Any:
    """ADDR-01."""
    text = check_text(problems, where, value)
    if text is not INVALID and not addresses.is_identifier(text):
        return problems.add(3, "invalid_identifier", where, "is not an identifier")
    return text


def check_display_id(problems: Problems, where: str, value: Any) -> Any:
    """ADDR-02, or a local id of the round."""
    text = check_text(problems, where, value)
    if text is INVALID or text in problems.local_ids or addresses.is_display_id(text):
        return text
    return problems.add(3, "invalid_display_id", where, "is not a display id")


# -- numbers ------------------------------------------------------------------------------------


def _bool(problems: Problems, where: str, value: Any) -> Any:
    if not isinstance(value, bool):
        return problems.add(1, "invalid_field", where, "must be true or false")
    return value


def _number(problems: Problems, where: str, value: Any) -> Any:
    """A finite number as its nearest double, an integral one as int within ±(2^53-1)."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = int.__index__(value)
    elif type(value) is not float:
        return problems.add(1, "invalid_field", where, "must be a number")
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        what = "must be a finite number of double precision"
        return problems.add(1, "invalid_field", where, what)
    if not double.is_integer():
        return double
    if abs(double) > MAX_INTEGER:
        return problems.add(1, "invalid_field", where, "is a whole number beyond ±(2^53-1)")
    return int(double)


def check_int(problems: Problems, where: str, value: Any) -> Any:
    """A whole number within ±(2^53-1)."""
    number = _number(problems, where, value)
    if number is not INVALID and not isinstance(number, int):
        return problems.add(1, "invalid_field", where, "must be a whole number")
    return number


def _round(problems: Problems, where: str, value: Any) -> Any:
    """ADDR-08: a whole number from 0 to 99."""
    number = check_int(problems, where, value)
    if number is not INVALID and not 0 <= number <= MAX_ROUND:
        return problems.add(3, "invalid_round", where, f"must be from 0 to {MAX_ROUND}")
    return number


def _relevance(problems: Problems, where: str, value: Any) -> Any:
    number = _number(problems, where, value)
    if number is INVALID:
        return INVALID
    if not 0 <= number <= 1:
        return problems.add(1, "invalid_field", where, "must be from 0 to 1")
    if number != round(number, 6):
        return problems.add(1, "invalid_field", where, "has more than six decimals")
    return number


# -- lists and objects --------------------------------------------------------------------------


def sequence_of(problems: Problems, where: str, value: Any) -> Sequence[Any] | None:
    """The members of a list; None where it is no list."""
    if isinstance(value, list):
        return list.copy(value)
    if isinstance(value, str | bytes | bytearray | memoryview) or not isinstance(value, Sequence):
        problems.add(1, "invalid_field", where, "must be a list")
        return None
    return list(value)


def _list_of(check: Check) -> Check:
    """A list, every member of which is checked; one that no item holds is cut as an object is."""

    def checked(problems: Problems, where: str, value: Any) -> Any:
        members = sequence_of(problems, where, value)
        if members is None:
            return INVALID
        read = [check(problems, f"{where}[{i}]", member) for i, member in enumerate(members)]
        return read[:_MAX_JSON_VALUES]

    return checked


def members_of(problems: Problems, where: str, value: Any) -> dict[Any, Any] | None:
    """The members of an object, their names as plain texts; None where it is no object."""
    if not isinstance(value, Mapping):
        problems.add(1, "invalid_field", where, "must be an object")
        return None
    members = dict(value)
    if all(type(name) is str for name in members):
        return members
    return {
        str.__str__(name) if isinstance(name, str) else name: member
        for name, member in members.items()
    }


def check_members(
    problems: Problems, where: str, value: Any, known: Sequence[str]
) -> dict[Any, Any] | None:
    """The members of an object that may have only ``known`` ones; None where it is no object."""
    members = members_of(problems, where, value)
    if members is not None and not members.keys() <= set(known):
        what = f"has a member that is not one of {one_of(known)}"
        problems.add(1, "invalid_field", where, what)
    return members


def _required(problems: Problems, where: str, members: Mapping[str, Any], name: str) -> Any:
    value = members.get(name)
    if value is None:
        problems.add(1, "missing_field", f"{where}.{name}", "a value is required")
    return value


def _reference(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, ("type", "target"))
    if members is None:
        return INVALID
    ref_type = _required(problems, where, members, "type")
    if ref_type is not None:
        ref_type = _enum(problems, f"{where}.type", ref_type, _REF_TYPES, "invalid_ref_type")
    target = _required(problems, where, members, "target")
    if target is not None:
        target = check_display_id(problems, f"{where}.target", target)
    return {
        "type": INVALID if ref_type is None else ref_type,
        "target": INVALID if target is None else target,
    }


def _background(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, _BACKGROUND)
    if members is None:
        return INVALID
    out: dict[str, Any] = {}
    for name in _BACKGROUND:
        if name == "subject":
            _required(problems, where, members, name)
        if members.get(name) is not None:
            filled = name == "subject"
            out[name] = check_text(problems, f"{where}.{name}", members[name], filled=filled)
    return out


def _metrics(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, METRICS)
    if members is None:
        return INVALID
    out = {}
    for name in METRICS:
        member = members.get(name)
        number = 0 if member is None else check_int(problems, f"{where}.{name}", member)
        if number is not INVALID and number < 0:
            problems.add(1, "invalid_field", f"{where}.{name}", "must not be negative")
        out[name] = number
    return out


def _compliance(problems: Problems, where: str, value: Any) -> Any:
    known = ("fully_compliant", "exceptions", "violations")
    members = check_members(problems, where, value, known)
    if members is None:
        return INVALID
    out: dict[str, Any] = {}
    for name, check in zip(known, (_bool, _texts, _texts), strict=True):
        member = _required(problems, where, members, name)
        out[name] = None if member is None else check(problems, f"{where}.{name}", member)
    return out


# -- any JSON -----------------------------------------------------------------------------------


def _object(problems: Problems, where: str, value: Any) -> Any:
    """Any JSON object.

    It is read up to the member with which it is too large for an item, and is cut there: what is left is
    too large as well, so that ten million numbers cost no more than the first two hundred thousand.
    """
    if not isinstance(value, Mapping):
        return problems.add(1, "invalid_field", where, "must be an object")
    return _json(problems, where, value, 0, iter(range(_MAX_JSON_VALUES)))


def _json(problems: Problems, where: str, value: Any, depth: int, left: Iterator[int]) -> Any:
    """Any JSON value, at most 64 lists and objects deep; ``left`` counts the values that may follow."""
    kind = type(value)
    if value is None or kind is bool or (kind is int and -MAX_INTEGER <= value <= MAX_INTEGER):
        return value
    if isinstance(value, str):
        return check_text(problems, where, value)
    if isinstance(value, int | float):
        return _number(problems, where, value)
    if not isinstance(value, Mapping | list | tuple):
        return problems.add(1, "invalid_field", where, "has a value that JSON does not have")
    if depth == MAX_DEPTH:
        what = f"is nested deeper than {MAX_DEPTH} lists and objects"
        return problems.add(1, "invalid_field", where, what)
    if not isinstance(value, Mapping):
        members = list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value)
        return [
            _json(problems, where, each, depth + 1, left)
            for each, _ in zip(members, left, strict=False)
        ]
    pairs = dict.items(value) if isinstance(value, dict) else value.items()
    out = {}
    for (key, member), _ in zip(pairs, left, strict=False):
        name = check_text(problems, where, key)
        if name is not INVALID:
            out[name] = _json(problems, where, member, depth + 1, left)
    return out


_texts = _list_of(check_text)

_CHECKS: dict[str, Check] = {
    "identifier": check_identifier,
    "display_id": check_display_id,
    "bool": _bool,
    "int": check_int,
    "int 0..99": _round,
    "number 0..1": _relevance,
    "object": _object,
    "object{subject,description?,constraints?,situation?}": _background,
    "object{fully_compliant: bool, exceptions, violations}": _compliance,
    f"object{{{','.join(METRICS)}: int >= 0, each default 0}}": _metrics,
    "list[text]": _texts,
    "list[note]": _texts,
    "list[identifier]": _list_of(check_identifier),
    "list[display_id]": _list_of(check_display_id),
    "list[{type,target}]": _list_of(_reference),
}
