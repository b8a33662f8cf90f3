"""Whether two inputs differ in the named places and nowhere else."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["same", "unnamed"]

_MISSING = object()
_HEX = re.compile(r"([0-9a-f]{2})*")


def unnamed(before: Any, after: Any, places: Sequence[Mapping[str, Any]]) -> str | None:
    """What is wrong with ``places``; None where taking them away makes the two inputs equal and each
    of them differs. A place is a JSON pointer, with offset and length for a range of bytes."""
    root = {"input": copy.deepcopy(before)}, {"input": copy.deepcopy(after)}
    for place in places:
        steps = ["input", *map(_unescaped, place["pointer"].split("/")[1:])]
        try:
            holders = [_holder(side, steps[:-1]) for side in root]
            what = _take(holders, steps[-1], place.get("offset"), place.get("length"))
        except (KeyError, IndexError, ValueError, TypeError) as error:
            what = f"cannot be looked up ({error!r})"
        if what is not None:
            return f"{place['pointer']} {what}"
    return None if same(*root) else "there is a difference that is not named"


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _holder(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _take(holders: Sequence[Any], step: str, offset: int | None, length: int | None) -> str | None:
    """Take one place away on both sides."""
    if isinstance(holders[0], list):
        number = int(step)
        if len(holders[0]) != len(holders[1]):
            del max(holders, key=len)[number]
            return None
        values = [holder[number] for holder in holders]
        names: list[int | str] = [number, number]
    else:
        values = [holder.get(step, _MISSING) for holder in holders]
        names = [step, step]
    if same(*values):
        return "does not differ"
    if offset is not None and length is not None:
        what = _outside(values[0], values[1], offset, length)
        if what is not None:
            return what
    for holder, name in zip(holders, names, strict=True):
        holder[name] = None
    return None


def _outside(before: str, after: str, offset: int, length: int) -> str | None:
    """Whether two texts differ in all of the range, and only there."""
    pair = [_octets(text, other) for text, other in ((before, after), (after, before))]
    shorter, longer = sorted(pair, key=len)
    tail = len(longer) - offset - length
    if length < 1 or tail < 0 or offset + tail > len(shorter):
        return "has no such range"
    if (
        longer[:offset] != shorter[:offset]
        or longer[offset + length :] != shorter[len(shorter) - tail :]
    ):
        return "differs outside of the range"
    inner, other = longer[offset : offset + length], shorter[offset : len(shorter) - tail]
    if other and (inner[0] == other[0] or inner[-1] == other[-1]):
        return "differs in less than the range"
    return None


def _octets(text: str, other: str) -> bytes:
    if _HEX.fullmatch(text) and _HEX.fullmatch(other):
        return bytes.fromhex(text)
    return text.encode("utf-8")


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values in which true is not 1, nor 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[n], right[n]) for n in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
