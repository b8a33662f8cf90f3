"""Straight-line audit events (AUDIT-01, AUDIT-02): a hash over all fields, a mac under the KEK, a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .crypto import Item, canonical, hkdf, hmac_sha256, sha256

__all__ = [
    "FIELDS",
    "HASHED",
    "ZERO_SPAN",
    "ZERO_TRACE",
    "event_hash",
    "event_id",
    "event_item",
    "event_sort_key",
    "first_previous_hash",
    "hashed_bytes",
    "mac",
    "mac_key",
    "tip_text",
]

#: Every field of an event in the order of AUDIT-01.
FIELDS = (
    *("event_id", "timestamp", "trace_id", "span_id", "operation", "key_id", "principal"),
    *("outcome", "previous_hash", "dialogue_id", "chain", "sequence", "subject", "count"),
    *("revision", "note", "event_hash", "mac"),
)
HASHED = FIELDS[:-2]
ZERO_TRACE, ZERO_SPAN = "0" * 32, "0" * 16


def first_previous_hash(dialogue_id: str, chain: str) -> str:
    """What a chain's first event names as the one before it."""
    return sha256(b"blue/audit/v1\x00" + dialogue_id.encode() + b"\x00" + chain.encode()).hex()


def hashed_bytes(event: Mapping[str, Any]) -> bytes:
    """The canonical JSON that is hashed: each field but hash and mac, null where unset."""
    return canonical({name: event.get(name) for name in HASHED})


def event_hash(event: Mapping[str, Any]) -> str:
    """AUDIT-02."""
    return sha256(hashed_bytes(event)).hex()


def mac_key(kek: bytes, dialogue_id: str) -> bytes:
    """The key of the macs of one dialogue's events."""
    return hkdf(kek, b"blue/audit-mac/v1\x00" + dialogue_id.encode())


def mac(key: bytes, digest: str) -> str:
    """HMAC over the 32 bytes of an event's hash."""
    return hmac_sha256(key, bytes.fromhex(digest)).hex()


def event_id(random: bytes, milliseconds: int) -> str:
    """RFC 9562, UUID version 7: a time in milliseconds and 10 bytes, 36 characters."""
    raw = bytearray(milliseconds.to_bytes(6, "big") + random[:10])
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def event_sort_key(chain: str, sequence: int) -> str:
    """``{chain}#{sequence:012d}``."""
    return f"{chain}#{sequence:012d}"


def event_item(event: Mapping[str, Any]) -> Item:
    """An event as it is stored: fields that are set, under the audit partition's key."""
    return {
        "pk": f"audit#{event['dialogue_id']}",
        "sk": event_sort_key(event["chain"], event["sequence"]),
        **{name: event[name] for name in FIELDS if event.get(name) is not None},
    }


def tip_text(event: Mapping[str, Any]) -> str:
    """An event as notes and checkpoints name it: chain, sequence and hash."""
    return f"{event['chain']} {event['sequence']} {event['event_hash']}"
