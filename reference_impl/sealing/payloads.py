"""What an item may hold: cleartext and sealed fields checked against ``entities.json`` (ENV-02, ENV-06).

The checks are those of a reader: they say yes or no. Fields of input are checked where they come in.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from ..contract import addresses, timestamps
from ..contract.errors import DialogueStoreError, error, integrity_error
from ..contract.items import canonical_json, shortest
from ..contract.limits import MAX_DEPTH, MAX_INTEGER
from ..contract.tables import ENTITIES, TYPES, Field

__all__ = ["MAX_DEPTH", "Fault", "cleartext_checks", "decimals_of", "parse_payload"]

_REF_TYPES = frozenset(ENTITIES["ref"].by_name["ref_type"].values)
_is_round = re.compile(r"[0-9]{2}").fullmatch
_is_hex = re.compile(r"[0-9a-f]{64}").fullmatch

Check = Callable[[Any], bool]


class Fault(Exception):
    """A layer of ENV-06 that refused an item; ``detail`` names the fault, never a value."""

    def __init__(self, layer: str, detail: str, *, code: str = "integrity_error") -> None:
        super().__init__(detail)
        self.layer = layer
        self.detail = detail
        self.code = code

    def as_error(self, address: str | None, pk: str, sk: str) -> DialogueStoreError:
        """The contract's error for the item under (pk, sk)."""
        if self.code == "integrity_error":
            return integrity_error(self.layer, address, pk, sk, self.detail)
        return error(
            self.code,
            self.detail,
            layer=self.layer,
            address=address,
            pk=pk,
            sk=sk,
            detail=self.detail,
        )


def decimals_of(number: int | float) -> int:
    """How many digits after the point the shortest form of a number has."""
    exponent = shortest(number).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_int(value: Any) -> bool:
    return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER


def _is_list_of(check: Check) -> Check:
    return lambda value: type(value) is list and all(map(check, value))


def _is_map_of(check: Check) -> Check:
    return lambda value: (
        type(value) is dict
        and all(_is_round(key) and check(member) for key, member in value.items())
    )


def _is_json(value: Any, depth: int = 0) -> bool:
    if type(value) is dict:
        return depth < MAX_DEPTH and all(_is_json(member, depth + 1) for member in value.values())
    if type(value) is list:
        return depth < MAX_DEPTH and all(_is_json(member, depth + 1) for member in value)
    if type(value) is float:  # 1e+21 is as whole as 2**70 (STORE-12: however written)
        return not value.is_integer() or abs(value) <= MAX_INTEGER
    return not isinstance(value, int) or type(value) is bool or _is_int(value)


def _is_background(value: Any) -> bool:
    return (
        type(value) is dict
        and value.keys() <= {"subject", "description", "constraints", "situation"}
        and bool(value.get("subject"))
        and all(map(_is_text, value.values()))
    )


def _is_compliance(value: Any) -> bool:
    texts = _is_list_of(_is_text)
    return (
        type(value) is dict
        and value.keys() == {"fully_compliant", "exceptions", "violations"}
        and type(value["fully_compliant"]) is bool
        and texts(value["exceptions"])
        and texts(value["violations"])
    )


def _is_reference(value: Any) -> bool:
    return (
        type(value) is dict
        and value.keys() == {"type", "target"}
        and value["type"] in _REF_TYPES
        and addresses.is_display_id(value["target"])
    )


def _is_key(value: Any) -> bool:
    if type(value) is not str or len(value) != 44:
        return False
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError:
        return False
    return len(raw) == 32 and base64.b64encode(raw).decode("ascii") == value


def _is_hex_digest(value: Any) -> bool:
    return type(value) is str and _is_hex(value) is not None


_BY_TYPE: dict[str, Check] = {
    "identifier": addresses.is_identifier,
    "display_id": addresses.is_display_id,
    "timestamp": timestamps.is_canonical,
    "text": _is_text,
    "int": _is_int,
    "bool": lambda value: type(value) is bool,
    "object": lambda value: type(value) is dict and _is_json(value),
    "list[text]": _is_list_of(_is_text),
    "list[expert_slug]": _is_list_of(addresses.is_identifier),
    "list[display_id]": _is_list_of(addresses.is_display_id),
    "list[{type,target}]": _is_list_of(_is_reference),
    "map[round:02d->int]": _is_map_of(_is_int),
    "map[round:02d->text]": _is_map_of(_is_text),
    "object{subject,description?,constraints?,situation?}": _is_background,
    "object{fully_compliant:bool,exceptions[],violations[]}": _is_compliance,
    "hex of 32 bytes": _is_hex_digest,
    "hex of SHA-256, see STORE-22": _is_hex_digest,
    "base64 of 32 bytes": _is_key,
}


def _check_for(field: Field) -> Check:
    if field.type == "enum":
        return frozenset(field.values).__contains__
    if field.type == "number":
        low, high, most = field.minimum, field.maximum, field.decimals
        return lambda value: (
            type(value) in (int, float)
            and (low is None or value >= low)
            and (high is None or value <= high)
            and (most is None or decimals_of(value) <= most)
        )
    check = _BY_TYPE[field.type]
    if (
        field.name == "result"
    ):  # what a method gave (STORE-22) holds fields that are as deep themselves
        return lambda value: type(value) is dict and _is_json(value, -4)
    if field.type == "int" and (field.minimum is not None or field.maximum is not None):
        low = -MAX_INTEGER if field.minimum is None else field.minimum
        high = MAX_INTEGER if field.maximum is None else field.maximum
        return lambda value: type(value) is int and low <= value <= high
    if field.min_length:
        return lambda value: type(value) is str and value != ""
    return check


def _safe(check: Check) -> Check:
    """Unhashable values from odd engines must not break a set look-up."""

    def checked(value: Any) -> bool:
        try:
            return bool(check(value))
        except TypeError:
            return False

    return checked


@lru_cache(maxsize=64)
def cleartext_checks(entity: str) -> tuple[tuple[str, bool, Check], ...]:
    """(name, nullable, check) for each cleartext field of a type; nullable ones may be absent."""
    return tuple(
        (f.name, f.nullable, _safe(_check_for(f)) if f.type == "enum" else _check_for(f))
        for f in TYPES[entity].cleartext_fields
    )


@lru_cache(maxsize=64)
def _sealed_checks(entity: str) -> tuple[tuple[str, bool, Check], ...]:
    return tuple((f.name, f.nullable, _safe(_check_for(f))) for f in TYPES[entity].sealed_fields)


def parse_payload(entity: str, plaintext: bytes) -> dict[str, Any]:
    """The sealed fields of an item, from its opened plaintext; :class:`Fault` of layer ``payload`` where
    it is not exactly the canonical JSON of exactly those fields (ENV-02)."""
    try:
        value = orjson.loads(plaintext)
        canonical = canonical_json(value)
    except (orjson.JSONDecodeError, ValueError, RecursionError):
        raise Fault("payload", "the plaintext is not JSON in UTF-8") from None
    if type(value) is not dict:
        raise Fault("payload", "the plaintext is not an object")
    if canonical != plaintext:
        raise Fault("payload", "the plaintext is not canonical JSON")
    checks = _sealed_checks(entity)
    if len(value) != len(checks):
        raise Fault("payload", "a sealed field is missing or unknown")
    for name, nullable, check in checks:
        if name not in value:
            raise Fault("payload", f"the sealed field {name} is missing")
        member = value[name]
        if not (nullable if member is None else check(member)):
            raise Fault("payload", f"the sealed field {name} is not of its type")
    return value
