"""JSON Schemas (2020-12) of the vector files, made from what each family says of its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .recipe import Family, Group

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

# ------------------------------------------------------------------------- the documents
_DIGEST = hex_of(32)
_RULE = {"type": "string", "pattern": "^(ADDR|AUDIT|ENV|ERR|GRAPH|HEAD|KEY|MIG|STORE)-[0-9]{2}$"}
_SLUG = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
_WORDS = {"type": "string", "minLength": 1}
_SOURCE = object_of({"name": _WORDS, "version": _WORDS, "sha256": _DIGEST})
_NOTE = object_of({"what": _WORDS, "effect": _WORDS, "rules": list_of(_WORDS)})
_COUNT: Schema = {"type": "integer", "minimum": 0}
_PLACE = object_of(
    {
        "pointer": {"type": "string", "pattern": "^/"},
        "offset?": _COUNT,
        "length?": {"type": "integer", "minimum": 1},
    }
)
_FAULT = {
    "mutation": _SLUG,
    "sibling": _SLUG,
    "changed": {**list_of(_PLACE), "minItems": 1},
    "layer": _WORDS,
    "code": {"type": "string", "pattern": "^[a-z]+(_[a-z]+)*$"},
}


def family_schema(family: Family) -> Schema:
    """The JSON Schema of a family's documents: what each group type holds, and nothing else."""
    types: dict[str, Group] = {}
    for group in family.groups:
        if types.setdefault(group.type, group).fields != group.fields:
            raise ValueError(f"{family.name}: groups of type {group.type} differ in their fields")
    kind = "algorithm" if family.algorithm else "family"
    document = object_of(
        {
            kind: const(family.algorithm or family.name),
            "spec_revision": const(2),
            "schema": const(f"schemas/{family.name}.schema.json"),
            "generator": _WORDS,
            "number_of_tests": {"type": "integer", "minimum": 1},
            "header": list_of(_WORDS),
            "notes": map_of(_NOTE),
            "test_groups": {
                "type": "array",
                "minItems": 1,
                "items": _one_of(types),
            },
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": family.title,
        **document,
        "$defs": {name: _group(family, group) for name, group in types.items()},
    }


def _one_of(types: Iterable[str]) -> Schema:
    """The definition that a group's type names; a validator then says what is wrong with that one."""
    return {
        "type": "object",
        "properties": {"type": enum(*types)},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": const(name)}},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in types
        ],
    }


def _group(family: Family, group: Group) -> Schema:
    return object_of(
        {
            "type": const(group.type),
            "source": _SOURCE,
            **group.fields.parameters,
            "tests": {"type": "array", "minItems": 1, "items": _test(family, group)},
        }
    )


def _test(family: Family, group: Group) -> Schema:
    published = family.algorithm is not None
    fields = group.fields
    test = object_of(
        {
            "tc_id": {**_SLUG, "pattern": f"^{family.name}(-[a-z0-9]+)+$"},
            "comment": TEXT if published else _WORDS,
            "flags": list_of(_WORDS),
            "rules": {**list_of(_WORDS if published else _RULE), "minItems": 1},
            **({} if published else {"planned?": const(True)}),
            "input": object_of(fields.input),
            **({"intermediate?": object_of(fields.intermediate)} if fields.intermediate else {}),
            **({"expected?": object_of(fields.expected)} if fields.expected else {}),
            "result": enum("valid", "invalid"),
            **({} if published else {f"{name}?": schema for name, schema in _FAULT.items()}),
        }
    )
    if not published:
        test["if"] = {"properties": {"result": const("invalid")}}
        test["then"] = {"required": list(_FAULT)}
        test["else"] = {"properties": dict.fromkeys(_FAULT, False)}
    return test


def manifest_schema() -> Schema:
    """The JSON Schema of MANIFEST.json."""
    shares = {"cases": _COUNT, "valid": _COUNT, "invalid": _COUNT}
    document = object_of(
        {
            "generator": _WORDS,
            "spec_revision": const(2),
            "libraries": map_of(_WORDS),
            "sources": list_of(_SOURCE),
            "modules": map_of(_DIGEST),
            "second_opinion": map_of(_DIGEST),
            "kept": map_of(_DIGEST),
            "totals": object_of({"contract": object_of(shares), "published": object_of(shares)}),
            "families": list_of(
                object_of(
                    {
                        "family": _SLUG,
                        "folder": _SLUG,
                        "kind": enum("contract", "published"),
                        "planned": BOOLEAN,
                        **shares,
                    }
                )
            ),
            "rules": map_of({"type": "integer", "minimum": 1}),
            "faults": map_of(
                object_of(
                    {
                        "layer": _WORDS,
                        "code": _WORDS,
                        "rules": list_of(_RULE),
                        "what": _WORDS,
                        "cases": _COUNT,
                    }
                )
            ),
            "files": list_of(
                object_of(
                    {
                        "path": _WORDS,
                        "sha256": _DIGEST,
                        **{f"{name}?": schema for name, schema in shares.items()},
                    }
                )
            ),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the vectors are, where they come from and what they cover",
        **document,
    }
