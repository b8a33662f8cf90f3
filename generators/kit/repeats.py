"""Long values in few bytes: ``{"text": "é", "times": 3}`` stands for ``ééé``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schemas import HEX, INTEGER, TEXT, Schema, map_of, object_of

__all__ = ["REPEATED_ITEM", "spread"]

_COUNT = {**INTEGER, "minimum": 1}

#: An item whose values may be repeated ones: bytes as hex, or text.
REPEATED_ITEM: Schema = map_of(
    {
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            object_of({"bytes": HEX, "times?": _COUNT}),
            object_of({"text": TEXT, "times": _COUNT}),
        ]
    }
)


def spread(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item itself, its values written out."""
    return {name: _value(value) for name, value in item.items()}


def _value(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    one: Any = value["text"] if "text" in value else bytes.fromhex(value["bytes"])
    return one * value.get("times", 1)
