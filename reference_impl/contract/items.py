"""Items as every backend holds them (ADDR-05), their canonical JSON (ADDR-10) and stored size
(STORE-15)."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, TypeAlias

import orjson
import rfc8785

from .addresses import display_id
from .limits import MAX_INTEGER, MAX_ITEM_BYTES
from .tables import INDEXES, EntityType

__all__ = [
    "MAX_ITEM_BYTES",
    "Item",
    "Key",
    "Value",
    "canonical_item",
    "canonical_json",
    "index_attributes",
    "item_size",
    "key_of",
    "shortest",
]

Value: TypeAlias = str | int | float | bool | bytes
#: ``pk``, ``sk``, cleartext fields, index attributes and, where sealed, the envelope's attributes.
Item: TypeAlias = dict[str, Value]
Key: TypeAlias = tuple[str, str]

# Given whole, so that not even decimal.DefaultContext has a say: 40 digits hold every double's shortest form
# and every integer of 64 bits.
_ANY_CALLER = Context(
    prec=40, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, capitals=1, clamp=0, flags=[], traps=[]
)


def key_of(item: Mapping[str, Value]) -> Key:
    """(pk, sk) of an item."""
    return str(item["pk"]), str(item["sk"])


def _orjson_agrees(value: Any) -> bool:
    """Whether orjson's sorted output is RFC 8785 for this value: no floats, no unsafe integers, and
    keys within the BMP (orjson sorts by code point, RFC 8785 by UTF-16 unit)."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-MAX_INTEGER <= value <= MAX_INTEGER)
    if kind is list or kind is tuple:
        # Texts are looked at here: they are what most values are, and a call costs more than the look.
        return all(type(member) is str or _orjson_agrees(member) for member in value)
    if kind is dict:
        for key, member in value.items():
            if type(key) is not str or not (key.isascii() or max(key) <= "\uffff"):
                return False
            if type(member) is not str and not _orjson_agrees(member):
                return False
        return True
    return False


def canonical_json(value: Any) -> bytes:
    """RFC 8785 as UTF-8, no BOM, no newline (ADDR-10). ``ValueError`` for what JSON cannot carry.

    orjson writes the same bytes eight times faster for the values that :func:`_orjson_agrees` lets
    through (a property test compares them); everything else goes through rfc8785.
    """
    try:
        if _orjson_agrees(value):
            try:
                return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            except TypeError:  # a lone surrogate, or deeper than orjson goes
                pass
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        raise ValueError("not a value that RFC 8785 can carry") from None


def canonical_item(item: Mapping[str, Value]) -> bytes:
    """The canonical JSON of an item, bytes as base64 (HEAD-02)."""
    plain: dict[str, Any] = {}
    for name, value in item.items():
        if type(value) is bytes:
            # base64 has nothing to escape, so it goes in as it is
            plain[name] = orjson.Fragment(b'"%b"' % b2a_base64(value, newline=False))
        elif not name.isascii() or not (type(value) is str or _orjson_agrees(value)):
            break
        else:
            plain[name] = value
    else:
        try:
            return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            pass
    return canonical_json(
        {
            name: b2a_base64(value, newline=False).decode("ascii")
            if isinstance(value, bytes)
            else value
            for name, value in item.items()
        }
    )


def shortest(number: int | float) -> Decimal:
    """The shortest decimal number that is this double or this integer of 64 bits, whatever precision and
    traps the caller has set for decimal numbers of its own."""
    return Decimal(repr(number), _ANY_CALLER).normalize(_ANY_CALLER)


def _number_size(value: int | float) -> int:
    """DynamoDB's own count: a byte, one for each base-100 digit from the first to the last that is not
    zero, and one for a sign; 21 at most."""
    sign, digits, exponent = shortest(value).as_tuple()
    if not any(digits) or not isinstance(exponent, int):
        return 1
    pairs = (exponent + len(digits) - 1) // 2 - exponent // 2 + 1
    return min(21, 1 + pairs + sign)


def _value_size(value: Value) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bool):
        return 1
    if isinstance(value, bytes):
        return len(value)
    return _number_size(value)


def item_size(item: Mapping[str, Value]) -> int:
    """Bytes of an item as DynamoDB counts them: UTF-8 names and values, a number as one byte and
    one more for every two significant digits (STORE-15)."""
    size = 0
    for name, value in item.items():
        size += len(name) if name.isascii() else _value_size(name)
        size += len(value) if type(value) is bytes else _value_size(value)
    return size


def index_attributes(
    kind: EntityType, dialogue_id: str, parts: Mapping[str, Any], cleartext: Mapping[str, Any]
) -> dict[str, str]:
    """The index attributes that follow from an item (HEAD-06): empty for types outside the
    indexes."""
    values: dict[str, Any] | None = None
    out: dict[str, str] = {}
    for index in INDEXES:
        if kind.entity not in index.entities:
            continue
        if values is None:
            values = {**cleartext, **parts, "dialogue_id": dialogue_id}
            if kind.display_letter:
                values["tension_id"] = display_id(kind.entity, parts["round"], parts["seq"])
            if kind.entity == "expert":
                values["round"] = cleartext.get("first_round") or 0
        out[index.pk_attribute] = index.pk.format_map(values)
        out[index.sk_attribute] = index.sk.format_map(values)
    return out
