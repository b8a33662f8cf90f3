"""The words, limits and forms of the contract's values, and the size of what would be stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeGuard

import rfc8785

from reference_impl.contract.tables import LETTERS, NUMBERED, TYPES

#: An entity as plain data: the fields of ``entities.json``, ``dialogue_id``, any ``display_id``.
Entity = dict[str, Any]
KIND_OF = dict(LETTERS)
LETTER_OF = {kind: letter for letter, kind in KIND_OF.items()}
PLURAL_OF = {kind: plural for plural, kind in NUMBERED.items()}
FIRST_STATUS = {
    "perspective": "open",
    "tension": "open",
    "recommendation": "proposed",
    "evidence": "cited",
    "claim": "asserted",
}
#: The kinds whose creation and status changes leave an event (``writes_event_on``).
KINDS_WITH_EVENTS = ("perspective", "tension", "recommendation")
REF_TYPES = ("support", "oppose", "refine", "address", "resolve", "reopen", "question", "depend")
MOVE_TYPES = ("defend", "challenge", "bridge", "request", "concede", "converge")

MAX_ROUND = 99  # ADDR-02, ADDR-08
MAX_SEQ = 99  # ADDR-02, ADDR-08
MAX_INTEGER = 2**53 - 1  # STORE-12
MAX_DEPTH = 64  # STORE-12
MAX_ITEM_BYTES = 400 * 1024  # STORE-15
MAX_REFS = 999  # STORE-13
MAX_ROUND_BYTES = 64 * 1024 * 1024  # STORE-13
LAST_TIME = "9999-12-31T23:59:59.999999Z"  # ADDR-07

LETTERS_AND_DIGITS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def is_identifier(text: str) -> bool:
    """ADDR-01: ``[A-Za-z0-9][A-Za-z0-9._-]{0,95}``."""
    return (
        1 <= len(text) <= 96
        and text[0] in LETTERS_AND_DIGITS
        and all(c in LETTERS_AND_DIGITS or c in "._-" for c in text)
    )


def is_display_id(text: str) -> bool:
    """ADDR-02: a letter of P R T E C, round 00-99, seq 01-99; exactly five ASCII characters."""
    return (
        len(text) == 5
        and text[0] in "PRTEC"
        and all(c in "0123456789" for c in text[1:])
        and text[3:] != "00"
    )


def is_unicode(text: str) -> bool:
    """STORE-12: Unicode scalar values only, that is no surrogates."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number: no boolean, and nothing that only looks like one."""
    return type(value) is float or (isinstance(value, int) and not isinstance(value, bool))


def normal_number(value: int | float) -> int | float:
    """STORE-12: what comes back for a number; ``ValueError`` for one that is refused."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a finite number")
    if isinstance(value, int):
        value = int.__index__(value)
    if value == math.floor(value):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("is beyond 2^53-1")
        return int(value)  # 1.0 is 1, -0.0 is 0
    return value


def normal_json(value: object, around: int = 0) -> Any:
    """STORE-12: what comes back for a JSON value that stands in ``around`` lists and objects."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not is_unicode(value):
            raise ValueError("holds a lone surrogate")
        return str.__str__(value)
    if is_number(value):
        return normal_number(value)
    if not isinstance(value, list | tuple | Mapping):
        raise ValueError("holds something that is no JSON value")
    if around == MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH}")
    if isinstance(value, list | tuple):
        return [normal_json(element, around + 1) for element in value]
    if not all(isinstance(name, str) and is_unicode(name) for name in value):
        raise ValueError("holds a name that is no Unicode text")
    return {str.__str__(name): normal_json(each, around + 1) for name, each in value.items()}


# -- stored size (STORE-15) -----------------------------------------------------------------------


def stored_size(kind: str, entity: Entity) -> int:
    """Bytes of the item that an encrypted backend stores for an entity, by DynamoDB's rules.

    The item is that of ADDR-05: keys, cleartext fields, index attributes and the four envelope
    attributes of ENV-01. Names and texts count as UTF-8, a boolean as one byte.
    """
    dialogue_id = entity["dialogue_id"]
    table = TYPES[kind]
    item: dict[str, Any] = {"pk": f"dialogue#{dialogue_id}", "sk": sort_key(kind, entity)}
    for cleartext in table.cleartext_fields:
        if entity[cleartext.name] is not None:  # an unset field is absent
            item[cleartext.name] = entity[cleartext.name]
    if kind == "dialogue":
        item["by_status_pk"] = f"status#{entity['status']}"
        item["by_status_sk"] = f"{entity['updated_at']}#{dialogue_id}"
    if kind == "tension":
        item["by_tension_status_pk"] = f"tension_status#{entity['status']}"
        item["by_tension_status_sk"] = f"{dialogue_id}#{entity['display_id']}"
    if kind == "expert":
        item["by_expert_pk"] = f"expert#{entity['expert_slug']}"
        item["by_expert_sk"] = f"{dialogue_id}#{entity['first_round'] or 0:02d}"
    if kind == "move":
        item["by_expert_pk"] = f"expert#{entity['expert_slug']}"
        item["by_expert_sk"] = f"{dialogue_id}#{entity['round']:02d}"
    # ENV-02: the sealed fields, each present, null where unset; AES-GCM adds a tag of 16 bytes.
    sealed = {f.name: entity[f.name] for f in table.sealed_fields}
    item["content_encrypted"] = rfc8785.dumps(sealed) + bytes(16)
    item["content_nonce"] = bytes(12)
    item["key_id"] = f"dek#{dialogue_id}#1"
    item["aad_hash"] = "0" * 64

    size = 0
    for name, value in item.items():
        size += len(name)
        if isinstance(value, str):
            size += len(value.encode("utf-8"))
        elif isinstance(value, bytes):
            size += len(value)
        elif isinstance(value, bool):
            size += 1
        else:
            size += number_size(value)
    return size


def number_size(number: int | float) -> int:
    """One byte, one for every two significant digits, and one for a minus sign."""
    significant = "".join(str(d) for d in Decimal(str(number)).as_tuple().digits).strip("0")
    return 1 + math.ceil(len(significant) / 2) + (1 if number < 0 else 0)


def sort_key(kind: str, entity: Entity) -> str:
    """The sort keys of ``entities.json`` for the items that are measured."""
    if kind == "dialogue":
        return "meta"
    if kind == "expert":
        return f"expert#{entity['expert_slug']}"
    if kind == "round":
        return f"round#{entity['round']:02d}"
    if kind == "verdict":
        return f"verdict#{entity['verdict_id']}"
    if kind == "request":
        return f"request#{entity['request_id']}"
    if kind == "move":
        return f"move#{entity['round']:02d}#{entity['expert_slug']}#{entity['seq']:02d}"
    if kind.endswith("_event"):
        return f"event#{kind.removesuffix('_event')}#{entity['entity_id']}#{entity['timestamp']}"
    return f"{kind}#{entity['round']:02d}#{entity['seq']:02d}"
