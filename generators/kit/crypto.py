"""Straight-line cryptography of the contract: keys, seals, wrapped keys, terms of the head's sum.

Every function takes all of its inputs and gives all of its output; nonces and keys come in, nothing is
drawn here. AES-256-GCM, HKDF and HMAC are those of ``cryptography``, canonical JSON that of ``rfc8785``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .tables import indexes, kind

__all__ = [
    "Item",
    "aad",
    "address",
    "canonical",
    "commitment",
    "dek_payload",
    "derive_kek",
    "gcm_seal",
    "head_term",
    "hkdf",
    "hmac_sha256",
    "index_attributes",
    "item_bytes",
    "kek_key_id",
    "kms_umk",
    "make_item",
    "partition_sum",
    "payload",
    "seal",
    "sha256",
    "sort_key",
    "sum_key",
    "term",
    "wrap_dek",
]

#: pk, sk and attributes; a value is text, a number, a boolean or bytes (ADDR-05).
Item = dict[str, Any]


# -- primitives ------------------------------------------------------------------------------------


def sha256(data: bytes) -> bytes:
    """FIPS 180-4, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104 with SHA-256, 32 bytes."""
    mac = HMAC(key, SHA256())
    mac.update(message)
    return mac.finalize()


def hkdf(ikm: bytes, info: bytes, *, salt: bytes | None = None, length: int = 32) -> bytes:
    """ADDR-10: RFC 5869 with SHA-256, by default with empty salt and 32 bytes of output."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(ikm)


def gcm_seal(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """NIST SP 800-38D: the ciphertext followed by the 16-byte tag."""
    return AESGCM(key).encrypt(nonce, plaintext, associated)


def canonical(value: Any) -> bytes:
    """ADDR-10: RFC 8785 as UTF-8, no BOM, no newline at the end."""
    return rfc8785.dumps(value)


# -- places (ADDR-03, ADDR-05) ---------------------------------------------------------------------


def sort_key(entity: str, **parts: Any) -> str:
    """The sort key of an item of a type."""
    return kind(entity).sk.format(**parts)


def address(dialogue_id: str, entity: str, **parts: Any) -> str:
    """ADDR-03: the canonical address of an item; ``ValueError`` for a type that has none."""
    form = kind(entity).address
    if form is None:
        raise ValueError(f"{entity} has no address")
    return f"dialogue:{dialogue_id}/{form.format(**parts)}"


def aad(canonical_address: str) -> bytes:
    """ENV-03: the 32 raw bytes of SHA-256 over the address; ``aad_hash`` is their hex."""
    return sha256(canonical_address.encode("utf-8"))


def index_attributes(
    entity: str, dialogue_id: str, parts: Mapping[str, Any], fields: Mapping[str, Any]
) -> Item:
    """HEAD-06: the index attributes that follow from an item's key and cleartext fields."""
    values = {**fields, **parts, "dialogue_id": dialogue_id}
    letter = kind(entity).letter
    if letter is not None:
        values["tension_id"] = f"{letter}{parts['round']:02d}{parts['seq']:02d}"
    if entity == "expert":
        values["round"] = fields.get("first_round", 0)
    return {
        name: form.format(**values)
        for index in indexes()
        if entity in index.on
        for name, form in index.forms
    }


# -- envelopes (ENV-01 to ENV-03) ------------------------------------------------------------------


def payload(entity: str, fields: Mapping[str, Any]) -> bytes:
    """ENV-02: canonical JSON of exactly the type's sealed fields, null where unset."""
    return canonical({field.name: fields.get(field.name) for field in kind(entity).sealed})


def seal(key: bytes, key_id: str, where: str, plaintext: bytes, nonce: bytes) -> Item:
    """ENV-01: the four attributes of ``plaintext`` sealed at the address ``where``."""
    associated = aad(where)
    return {
        "content_encrypted": gcm_seal(key, nonce, plaintext, associated),
        "content_nonce": nonce,
        "key_id": key_id,
        "aad_hash": associated.hex(),
    }


def make_item(
    entity: str,
    dialogue_id: str,
    parts: Mapping[str, Any],
    fields: Mapping[str, Any],
    *,
    key: bytes,
    key_id: str,
    nonce: bytes,
) -> Item:
    """ADDR-05: a whole item: key, cleartext fields, index attributes and, where the type has one, the
    envelope over its sealed fields.

    ``key`` is the DEK that ``key_id`` names (the KEK for a dek item). Unset fields are absent.
    """
    of = kind(entity)
    item: Item = {"pk": f"dialogue#{dialogue_id}", "sk": sort_key(entity, **parts)}
    item |= {f.name: fields[f.name] for f in of.cleartext if fields.get(f.name) is not None}
    item |= index_attributes(entity, dialogue_id, parts, item)
    if of.address is not None:
        where = address(dialogue_id, entity, **parts)
        item |= seal(key, key_id, where, payload(entity, fields), nonce)
    return item


# -- keys (KEY-03 to KEY-06) -----------------------------------------------------------------------


def derive_kek(umk: bytes, user_id: str) -> bytes:
    """KEY-03."""
    return hkdf(umk, b"blue/kek/v1\x00" + user_id.encode("utf-8"))


def kms_umk(hmac_key: bytes, user_id: str) -> bytes:
    """KEY-04: what ``GenerateMac`` answers for a user; the HMAC key itself never leaves the
    service."""
    return hmac_sha256(hmac_key, b"blue/umk/v1\x00" + user_id.encode("utf-8"))


def kek_key_id(kek: bytes, user_id: str) -> str:
    """KEY-05: ``kek#{u}#{k}``."""
    u = sha256(user_id.encode("utf-8")).hex()[:16]
    k = hkdf(kek, b"blue/kek-check/v1").hex()[:16]
    return f"kek#{u}#{k}"


def commitment(dek: bytes) -> str:
    """KEY-06: what commits to a DEK, hex."""
    return hkdf(dek, b"blue/commit/v1").hex()


def dek_payload(dek: bytes) -> bytes:
    """KEY-05: the plaintext of a dek item."""
    return canonical({"algorithm": "AES-256-GCM", "key": base64.b64encode(dek).decode("ascii")})


def wrap_dek(
    dek: bytes,
    dialogue_id: str,
    version: int,
    *,
    umk: bytes,
    user_id: str,
    nonce: bytes,
    created_at: str,
) -> Item:
    """KEY-05, KEY-06: the whole dek item of a data key."""
    kek = derive_kek(umk, user_id)
    where = address(dialogue_id, "dek", version=version)
    return {
        "pk": f"dialogue#{dialogue_id}",
        "sk": sort_key("dek", version=version),
        "created_at": created_at,
        "commitment": commitment(dek),
        **seal(kek, kek_key_id(kek, user_id), where, dek_payload(dek), nonce),
    }


# -- the head's sum (HEAD-02) ----------------------------------------------------------------------


def item_bytes(item: Mapping[str, Any]) -> bytes:
    """The canonical JSON of an item, bytes as base64."""
    return canonical(
        {
            name: base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
            for name, value in item.items()
        }
    )


def sum_key(dek: bytes) -> bytes:
    """K of HEAD-02."""
    return hkdf(dek, b"blue/head/v1")


def term(key: bytes, item: Mapping[str, Any]) -> int:
    """One item's term of the sum, under :func:`sum_key`."""
    return int.from_bytes(hmac_sha256(key, item_bytes(item)), "big")


def head_term(key: bytes, head: Mapping[str, Any]) -> int:
    """The head's own term: over exactly pk, sk, revision and updated_at."""
    return term(key, {name: head[name] for name in ("pk", "sk", "revision", "updated_at")})


def partition_sum(dek: bytes, items: Iterable[Mapping[str, Any]], head: Mapping[str, Any]) -> str:
    """The sum over ``items`` (the head not among them) and the head's own term: 64 hex digits."""
    key = sum_key(dek)
    total = head_term(key, head) + sum(term(key, item) for item in items)
    return f"{total % 2**256:064x}"
