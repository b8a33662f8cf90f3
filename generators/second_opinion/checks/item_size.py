"""The size of an item (STORE-15)."""

from __future__ import annotations

from typing import Any

from .. import items, json8785
from ..work import Refused, Work, check

__all__: list[str] = []

_MOST = 409_600


@check("item-size", "size")
def size(work: Work) -> None:
    """Names and values; an item of more than 400 KiB is refused."""
    item = items.spread(work.input["item"])
    found = sum(len(name.encode("utf-8")) + _length(value) for name, value in item.items())
    if found > _MOST:
        raise Refused("input", "item_too_large")
    work.give(size=found)


def _length(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value.encode("utf-8"))
    return 1 if isinstance(value, bool) else _number(value)


def _number(value: float) -> int:
    """One, a byte for each pair of digits from the first to the last that is not 00, one for a sign."""
    text, _, power = json8785.number(abs(value)).partition("e")
    whole, _, fraction = text.partition(".")
    shift = int(power or 0)
    digits = whole + fraction + "0" * max(0, shift - len(fraction))
    point = len(whole) + shift
    if point < 0:
        digits, point = "0" * -point + digits, 0
    if point % 2:
        digits = "0" + digits
    if len(digits) % 2:
        digits += "0"
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    while pairs and pairs[0] == "00":
        pairs.pop(0)
    while pairs and pairs[-1] == "00":
        pairs.pop()
    return 1 + len(pairs) + (value < 0)
