"""The envelope: sealing an item's fields and taking it apart again, layer by layer (ENV-01 to ENV-08).

The reader computes every expected value from where the item was asked for; what is stored never decides
what is accepted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag

from ..contract import addresses
from ..contract.items import Item, canonical_json, index_attributes
from ..contract.tables import ENVELOPE_ATTRIBUTES, INDEXES, EntityType
from .keys import NONCE_BYTES, TAG_BYTES, DekHandle
from .payloads import Fault, cleartext_checks, parse_payload

__all__ = ["address_digest", "check_address", "check_form", "dek_version", "open_payload", "seal"]

_is_dek_key_id = re.compile(r"dek#([A-Za-z0-9][A-Za-z0-9._-]{0,95})#([1-9][0-9]{0,14})").fullmatch
_is_kek_key_id = re.compile(r"kek#[0-9a-f]{16}#[0-9a-f]{16}").fullmatch
_is_hex_digest = re.compile(r"[0-9a-f]{64}").fullmatch
_MIN_SEALED = TAG_BYTES + 2
_INDEXED = frozenset(entity for index in INDEXES for entity in index.entities)


def address_digest(address: str) -> bytes:
    """ENV-03: the AAD, 32 bytes of SHA-256 over the canonical address."""
    return hashlib.sha256(address.encode("ascii")).digest()


def payload_of(kind: EntityType, fields: Mapping[str, Any]) -> bytes:
    """ENV-02: the canonical JSON of exactly the sealed fields, null where unset."""
    return canonical_json({f.name: fields.get(f.name) for f in kind.sealed_fields})


def seal(dek: DekHandle, address: str, payload: bytes, nonce: bytes) -> Item:
    """The four envelope attributes for ``payload`` at ``address`` under a fresh 12-byte ``nonce``."""
    digest = address_digest(address)
    return {
        "content_encrypted": dek.seal(nonce, payload, digest),
        "content_nonce": nonce,
        "key_id": dek.key_id,
        "aad_hash": digest.hex(),
    }


@lru_cache(maxsize=64)
def _names(kind: EntityType) -> tuple[frozenset[str], frozenset[str]]:
    """(attributes that an item of a type must have, those that it may have besides)."""
    must = {"pk", "sk", *(ENVELOPE_ATTRIBUTES if kind.has_envelope else ())}
    must |= {f.name for f in kind.cleartext_fields if not f.nullable}
    may = {f.name for f in kind.cleartext_fields if f.nullable}
    for index in INDEXES:
        if kind.entity in index.entities:
            must |= {index.pk_attribute, index.sk_attribute}
    return frozenset(must), frozenset(may)


def check_form(
    kind: EntityType, parts: Mapping[str, Any], dialogue_id: str, item: Mapping[str, Any]
) -> None:
    """Layer ``envelope``: exactly the attributes of ADDR-05, each of its type, length and form, and those
    that follow from others as they follow."""
    must, may = _names(kind)
    have = item.keys()
    if not (have == must or (have >= must and have <= must | may)):
        missing = sorted(must - have)
        if missing:
            raise Fault("envelope", f"the attribute {missing[0]} is missing")
        raise Fault("envelope", "there is an attribute that the contract does not know")
    for name, nullable, check in cleartext_checks(kind.entity):
        value = item.get(name)
        if value is None and nullable and name not in have:
            continue
        if not check(value):
            raise Fault(
                "envelope", f"the attribute {name} has a value that the contract does not allow"
            )
    if kind.has_envelope:
        _check_envelope(kind, item)
    if kind.entity in _INDEXED:
        for name, expected in index_attributes(kind, dialogue_id, parts, item).items():
            if item[name] != expected:
                raise Fault("envelope", f"the index attribute {name} does not follow from the item")
    if "timestamp" in parts and item["created_at"] != parts["timestamp"]:
        raise Fault("envelope", "created_at is not the event's timestamp")
    if kind.entity == "ref" and (
        item["source_type"] != parts["source_id"][0] or item["target_type"] != parts["target_id"][0]
    ):
        raise Fault("envelope", "source_type or target_type is not the first letter of its id")


def _check_envelope(kind: EntityType, item: Mapping[str, Any]) -> None:
    sealed, nonce = item["content_encrypted"], item["content_nonce"]
    key_id, aad_hash = item["key_id"], item["aad_hash"]
    if type(sealed) is not bytes or len(sealed) < _MIN_SEALED:
        raise Fault("envelope", "content_encrypted is not at least 18 bytes")
    if type(nonce) is not bytes or len(nonce) != NONCE_BYTES:
        raise Fault("envelope", "content_nonce is not 12 bytes")
    form = _is_kek_key_id if kind.entity == "dek" else _dek_parts
    if type(key_id) is not str or form(key_id) is None:
        raise Fault("envelope", "key_id does not have its form")
    if type(aad_hash) is not str or _is_hex_digest(aad_hash) is None:
        raise Fault("envelope", "aad_hash is not 64 lower-case hex digits")


@lru_cache(maxsize=4096)
def _dek_parts(key_id: str) -> tuple[str, int] | None:
    match = _is_dek_key_id(key_id)
    return (match[1], int(match[2])) if match else None


def check_address(address: str, item: Mapping[str, Any]) -> bytes:
    """Layer ``address``: ``aad_hash`` is that of where the item was asked for. Gives the 32 AAD bytes."""
    digest = address_digest(address)
    if item["aad_hash"] != digest.hex():
        raise Fault("address", "sealed for another address")
    return digest


def dek_version(dialogue_id: str, item: Mapping[str, Any]) -> int:
    """Layer ``key``, first half: the version of this dialogue's data key that the item names."""
    parts = _dek_parts(item["key_id"])
    if parts is None or parts[0] != dialogue_id:
        raise Fault("key", "the key_id names another dialogue")
    return parts[1]


def open_payload(
    kind: EntityType, dek: DekHandle, digest: bytes, item: Mapping[str, Any]
) -> dict[str, Any]:
    """Layers ``tag`` and ``payload``: the sealed fields of an item."""
    try:
        plaintext = dek.open(item["content_nonce"], item["content_encrypted"], digest)
    except InvalidTag:
        raise Fault("tag", "authentication tag mismatch") from None
    return parse_payload(kind.entity, plaintext)


def address_of(dialogue_id: str, kind: EntityType, parts: Mapping[str, Any]) -> str | None:
    """The canonical address of an item, None for types that have none."""
    return addresses.address(dialogue_id, kind.entity, parts) if kind.has_envelope else None


__all__ += ["address_of", "payload_of"]
