"""What a field may hold, by its type in the entity table (ENV-02, ENV-06, STORE-12)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from . import address, json8785, times
from .tables import kinds

__all__ = ["MAX_DEPTH", "fits"]

MAX_DEPTH = 64
#: A remembered result holds entities, whose own fields may be nested to the limit.
_RESULT_DEPTH = MAX_DEPTH + 4
_HEX = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")

Check = Callable[[Any], bool]


def fits(field: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is one of the field; null counts where the table says so."""
    if value is None:
        return bool(field.get("nullable"))
    kind: str = field["type"]
    if kind == "enum":
        return isinstance(value, str) and value in field["values"]
    if kind in ("int", "number"):
        return _is_number(value, whole=kind == "int") and _in_range(field, value)
    if kind == "object" and field["name"] == "result":
        return isinstance(value, dict) and _is_carried(value, _RESULT_DEPTH)
    if kind == "text":
        return isinstance(value, str) and len(value) >= field.get("min_length", 0)
    return _TYPES[kind](value)


def _in_range(field: Mapping[str, Any], value: int | float) -> bool:
    least, most, decimals = (field.get(name) for name in ("minimum", "maximum", "decimals"))
    if (least is not None and value < least) or (most is not None and value > most):
        return False
    # as the double is written, and not as its binary digits go on
    return decimals is None or round(Decimal(repr(value)), decimals) == Decimal(repr(value))


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    return bool(value != int(value) or abs(value) <= json8785.MAX_SAFE)


def _is_carried(value: Any, depth: int) -> bool:
    """Any JSON, nested no deeper, every number one that STORE-12 takes."""
    if isinstance(value, dict):
        return depth > 0 and all(_is_carried(member, depth - 1) for member in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_carried(member, depth - 1) for member in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return _is_number(value, whole=False)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _all(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _by_round(check: Check) -> Check:
    def is_map(value: Any) -> bool:
        return isinstance(value, dict) and all(
            len(name) == 2 and set(name) <= _DIGITS and check(member)
            for name, member in value.items()
        )

    return is_map


def _is_background(value: Any) -> bool:
    if not isinstance(value, dict) or not value.get("subject"):
        return False
    allowed = {"subject", "description", "constraints", "situation"}
    return set(value) <= allowed and all(map(_is_text, value.values()))


def _is_compliance(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if set(value) != {"fully_compliant", "exceptions", "violations"}:
        return False
    texts = _all(_is_text)
    return (
        isinstance(value["fully_compliant"], bool)
        and texts(value["exceptions"])
        and texts(value["violations"])
    )


def _is_reference(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"type", "target"}:
        return False
    known = kinds()["ref"].fields["ref_type"]["values"]
    return value["type"] in known and address.is_display_id(value["target"])


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= _HEX


def _is_key(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        key = base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return len(key) == 32 and base64.b64encode(key).decode("ascii") == value


_TYPES: Mapping[str, Check] = {
    "identifier": address.is_identifier,
    "display_id": address.is_display_id,
    "timestamp": times.is_canonical,
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict) and _is_carried(value, MAX_DEPTH),
    "list[text]": _all(_is_text),
    "list[expert_slug]": _all(address.is_identifier),
    "list[display_id]": _all(address.is_display_id),
    "list[{type,target}]": _all(_is_reference),
    "map[round:02d->int]": _by_round(lambda value: _is_number(value, whole=True)),
    "map[round:02d->text]": _by_round(_is_text),
    "object{subject,description?,constraints?,situation?}": _is_background,
    "object{fully_compliant:bool,exceptions[],violations[]}": _is_compliance,
    "hex of 32 bytes": _is_hex,
    "hex of SHA-256, see STORE-22": _is_hex,
    "base64 of 32 bytes": _is_key,
}
