"""Changing the input of a valid case by named steps, each of which is written down in ``changed``.

What a recipe says that it changed is what it did: the lint then finds the difference by itself and compares.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .recipe import Bytes

__all__ = ["ABSENT", "Edit", "flipped", "pointer"]


class _Absent:
    """Stands for a member that is not there."""


ABSENT = _Absent()


def pointer(*steps: str | int) -> str:
    """RFC 6901: the JSON pointer of these steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def flipped(data: str, offset: int, mask: int) -> str:
    """Hex with one byte xored; a negative offset counts from the end."""
    raw = bytearray.fromhex(data)
    raw[offset] ^= mask
    return raw.hex()


class Edit:
    """A copy of a case's input and the steps that spoil it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: dict[str, Any] = copy.deepcopy(dict(data))
        self.changed: list[str | Bytes] = []

    def get(self, *steps: str | int) -> Any:
        """The value at a place as it is now; ``ABSENT`` where there is none."""
        holder = self._holder(steps)
        if isinstance(holder, list):
            return holder[int(steps[-1])]
        return holder.get(steps[-1], ABSENT)

    def set(self, *steps: str | int, to: Any) -> Edit:
        """Put a value at a place, new or in the stead of another; ``ABSENT`` takes it away."""
        holder = self._holder(steps)
        if to is ABSENT:
            del holder[steps[-1]]
        else:
            holder[steps[-1]] = to
            if isinstance(holder, dict) and steps == ("items", steps[-1]):
                ordered = sorted(holder.items(), key=lambda pair: pair[0].encode())
                holder.clear()
                holder.update(ordered)
        self.changed.append(pointer(*steps))
        return self

    def remove(self, *steps: str | int) -> Edit:
        """Take a member away."""
        return self.set(*steps, to=ABSENT)

    def flip(self, *steps: str | int, offset: int, mask: int = 1) -> Edit:
        """Xor one byte of a hex field; a negative offset counts from the end."""
        old = self.get(*steps)
        at = offset % (len(old) // 2)
        self._holder(steps)[steps[-1]] = flipped(old, at, mask)
        self.changed.append(Bytes(pointer(*steps), at, 1))
        return self

    def _holder(self, steps: tuple[str | int, ...]) -> Any:
        holder: Any = self.data
        for step in steps[:-1]:
            holder = holder[step]
        return holder
