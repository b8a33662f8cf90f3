"""JSON Schemas (2020-12) of the vector files, made from what each family says of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
ANY: Schema = {}
HEX: Schema = {"type": "string", "pattern": "^([0-9a-f]{2})*$", "description": "bytes as hex"}


def hex_of(size: int) -> Schema:
    """Hex of exactly `size` bytes."""
    return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * size}}}$", "description": "bytes as hex"}


def const(value: object) -> Schema:
    """Exactly this value."""
    return {"const": value}


def enum(*values: object) -> Schema:
    """One of these values."""
    return {"enum": list(values)}


def nullable(schema: Mapping[str, Any]) -> Schema:
    """Null as well."""
    return {"anyOf": [dict(schema), {"type": "null"}]}


def list_of(schema: Mapping[str, Any]) -> Schema:
    """A list of these, maybe empty."""
    return {"type": "array", "items": dict(schema)}


def map_of(schema: Mapping[str, Any]) -> Schema:
    """An object with any names, whose values are these."""
    return {"type": "object", "additionalProperties": dict(schema)}


def object_of(fields: Mapping[str, Any]) -> Schema:
    """An object of exactly these fields; a name that ends in `?` may be left out."""
    return {
        "type": "object",
        "properties": {name.removesuffix("?"): dict(schema) for name, schema in fields.items()},
        "required": [name for name in fields if not name.endswith("?")],
        "additionalProperties": False,
    }


# An item as it is stored, spoiled ones included: any attribute, any scalar, bytes as hex.
ITEM: Schema = map_of(
    {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, object_of({"bytes": HEX})]}
)

# Any JSON object, for plaintexts and the like.
OBJECT: Schema = {"type": "object"}
