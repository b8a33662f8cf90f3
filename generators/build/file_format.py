"""How a vector file is written: one way only, so that equal documents are equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def file_bytes(document: Mapping[str, Any]) -> bytes:
    """The bytes of a file: members as given, one blank deep, ASCII only, one LF at the end.

    Floats that are no number (NaN, infinities) raise `ValueError`.
    """
    text = json.dumps(document, indent=1, ensure_ascii=True, sort_keys=False, allow_nan=False)
    return text.encode("ascii") + b"\n"


def plain(value: object) -> Any:
    """The value as JSON has it: bytes as lower-case hex, tuples as lists; others as they are."""
    match value:
        case bytes():
            return value.hex()
        case Mapping():
            return {_name(name): plain(member) for name, member in value.items()}
        case list() | tuple():
            return [plain(member) for member in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            # A set, say, whose order is chance.
            raise TypeError(f"a vector cannot hold a {type(value).__name__}")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a member's name is text, not {type(name).__name__}")
    return name
