"""Values that a field of the contract cannot have, each with the name of the fault that it is.

Written from the types of ``entities.json`` alone; used for plaintexts and for attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .tables import Field

__all__ = ["Wrong", "attribute_values", "nested", "sealed_values"]

#: STORE-12: what lies beyond the whole numbers that a double holds exactly.
_BEYOND = 2**53


@dataclass(frozen=True)
class Wrong:
    """A value, what is wrong with it, and a word for the tc_id."""

    slug: str
    value: Any
    mutation: str


def nested(depth: int) -> Any:
    """Lists within lists, ``depth`` of them."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def sealed_values(field: Field) -> Iterator[Wrong]:
    """What a sealed field must not hold: first one of another type, then the rest."""
    yield from _of_type(field)
    if not field.nullable:
        yield Wrong("null", None, "not-nullable")
    if field.min_length:
        yield Wrong("empty", "", "required-empty")


def _of_type(field: Field) -> Iterator[Wrong]:
    match field.type:
        case "text":
            yield Wrong("number", 1, "wrong-type")
        case "identifier":
            yield Wrong("number", 1, "wrong-type")
            yield Wrong("blank", "a b", "member-form")
            yield Wrong("empty", "", "member-form")
            yield Wrong("97-characters", "a" * 97, "member-form")
        case "display_id":
            yield Wrong("number", 101, "wrong-type")
            yield Wrong("seq-00", "P0100", "member-form")
            yield Wrong("lower-case", "p0101", "member-form")
        case "list[text]":
            yield Wrong("empty-object", {}, "wrong-type")
            yield Wrong("text", "P0101", "wrong-type")
            yield Wrong("list-of-numbers", [1], "wrong-type")
            yield Wrong("list-with-null", [None], "wrong-type")
        case "list[expert_slug]":
            yield Wrong("empty-object", {}, "wrong-type")
            yield Wrong("text", "muffin", "wrong-type")
            yield Wrong("list-of-numbers", [1], "wrong-type")
            yield Wrong("slug-with-a-blank", ["a b"], "member-form")
            yield Wrong("empty-slug", [""], "member-form")
        case "list[display_id]":
            yield Wrong("empty-object", {}, "wrong-type")
            yield Wrong("text", "T0101", "wrong-type")
            yield Wrong("list-of-numbers", [101], "wrong-type")
            yield Wrong("seq-00", ["T0100"], "member-form")
            yield Wrong("four-characters", ["T011"], "member-form")
        case "list[{type,target}]":
            yield Wrong("empty-object", {}, "wrong-type")
            good = {"type": "support", "target": "E0001"}
            yield Wrong("object", good, "wrong-type")
            yield Wrong("list-of-texts", ["E0001"], "wrong-type")
            yield Wrong("no-target", [{"type": "support"}], "member-form")
            yield Wrong("unknown-type", [{**good, "type": "likes"}], "member-form")
            yield Wrong("target-seq-00", [{**good, "target": "E0000"}], "member-form")
            yield Wrong("member-added", [{**good, "note": "x"}], "member-form")
        case "map[round:02d->int]":
            yield Wrong("empty-list", [], "wrong-type")
            yield Wrong("list", [1], "wrong-type")
            yield Wrong("text-in-it", {"01": "1"}, "wrong-type")
            yield Wrong("boolean-in-it", {"01": True}, "wrong-type")
            yield Wrong("null-in-it", {"01": None}, "wrong-type")
            yield Wrong("fraction-in-it", {"01": 1.5}, "wrong-type")
            yield from _round_keys(1)
        case "map[round:02d->text]":
            yield Wrong("empty-list", [], "wrong-type")
            yield Wrong("list", ["x"], "wrong-type")
            yield Wrong("number-in-it", {"01": 1}, "wrong-type")
            yield Wrong("null-in-it", {"01": None}, "wrong-type")
            yield from _round_keys("x")
        case "object{subject,description?,constraints?,situation?}":
            yield Wrong("empty-list", [], "wrong-type")
            yield Wrong("text", "x", "wrong-type")
            yield Wrong("number-in-it", {"subject": 1}, "wrong-type")
            yield Wrong("no-subject", {"description": "x"}, "member-form")
            yield Wrong("member-added", {"subject": "x", "why": "y"}, "member-form")
            yield Wrong("null-in-it", {"subject": "x", "situation": None}, "optional-member-null")
        case "object{fully_compliant:bool,exceptions[],violations[]}":
            yield Wrong("empty-list", [], "wrong-type")
            whole: dict[str, Any] = {"fully_compliant": True, "exceptions": [], "violations": []}
            yield Wrong("text", "yes", "wrong-type")
            yield Wrong("number-in-it", {**whole, "exceptions": [1]}, "wrong-type")
            yield Wrong("object-in-it", {**whole, "exceptions": {}}, "wrong-type")
            yield Wrong("text-for-true", {**whole, "fully_compliant": "yes"}, "wrong-type")
            yield Wrong("number-for-true", {**whole, "fully_compliant": 1}, "wrong-type")
            yield Wrong("no-verdict", {**whole, "fully_compliant": None}, "member-form")
            yield Wrong("null-in-it", {**whole, "violations": None}, "member-form")
            yield Wrong(
                "no-violations",
                {n: v for n, v in whole.items() if n != "violations"},
                "member-form",
            )
            yield Wrong("member-added", {**whole, "why": "x"}, "member-form")
        case "object":
            yield Wrong("list", [], "wrong-type")
            yield Wrong("text", "x", "wrong-type")
        case "int":
            yield Wrong("text", "2", "wrong-type")
            yield Wrong("fraction", 1.5, "wrong-type")
            yield Wrong("boolean", True, "wrong-type")
        case "hex of 32 bytes" | "hex of SHA-256, see STORE-22":
            yield Wrong("number", 5, "wrong-type")
            yield Wrong("63-digits", "0" * 63, "member-form")
            yield Wrong("65-digits", "0" * 65, "member-form")
            yield Wrong("capitals", "A" * 64, "member-form")
        case "enum":
            yield Wrong("number", 1, "wrong-type")
        case "base64 of 32 bytes":
            yield Wrong("number", 1, "wrong-type")
        case other:
            raise ValueError(f"no wrong values are known for {other}")


def _round_keys(value: Any) -> Iterator[Wrong]:
    for slug, key in (
        ("one-digit", "1"),
        ("three-digits", "001"),
        ("round-100", "100"),
        ("negative", "-1"),
        ("full-width", "\uff10\uff11"),
    ):
        yield Wrong(f"key-{slug}", {key: value}, "round-key-form")


def attribute_values(field: Field) -> Iterator[Wrong]:
    """What a cleartext attribute must not be: first one of another type, then the rest."""
    match field.type:
        case "text" | "identifier":
            yield Wrong("number", 1, "attribute-type")
            yield Wrong("blank", "a b", "identifier-form")
            yield Wrong("empty", "", "identifier-form")
        case "timestamp":
            if field.name == "created_at":
                yield Wrong("number", 1770112800, "attribute-type")
            yield Wrong("no-fraction", "2026-02-03T10:00:00Z", "timestamp-form")
        case "enum":
            yield Wrong("number", 1, "attribute-type")
            yield Wrong("capitals", field.values[0].upper() + "X", "cleartext-value")
        case "int":
            yield Wrong("text", "7", "attribute-type")
            yield Wrong("boolean", True, "attribute-type")
            if field.minimum is None or field.name == "revision":
                yield Wrong("fraction", 7.5, "cleartext-value")
                yield Wrong("beyond-2-53", _BEYOND, "cleartext-value")
            if field.minimum is not None:
                yield Wrong("too-low", field.minimum - 1, "cleartext-value")
            if field.maximum is not None:
                yield Wrong("too-high", field.maximum + 1, "cleartext-value")
        case "number":
            yield Wrong("text", "0.5", "attribute-type")
            yield Wrong("too-high", 1.000001, "cleartext-value")
            yield Wrong("too-low", -0.000001, "cleartext-value")
            yield Wrong("seven-decimals", 0.1234567, "cleartext-value")
        case "bool":
            yield Wrong("text", "true", "attribute-type")
            yield Wrong("number", 1, "attribute-type")
        case "hex of 32 bytes":
            yield Wrong("number", 5, "attribute-type")
            yield Wrong("bytes", bytes(32), "attribute-type")
            yield Wrong("63-digits", "0" * 63, "commitment-form")
            yield Wrong("capitals", "A" * 64, "commitment-form")
        case other:
            raise ValueError(f"no wrong values are known for {other}")
