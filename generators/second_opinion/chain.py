"""Audit events and the chains that they make (AUDIT-01 to AUDIT-05, AUDIT-08, AUDIT-09)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import hkdf, json8785, times

__all__ = [
    "HASHED",
    "Finding",
    "event_hash",
    "first_previous",
    "hashed_text",
    "mac",
    "tip",
    "walk",
]

#: What is hashed of an event, null where unset.
HASHED = (
    *("event_id", "timestamp", "trace_id", "span_id", "operation", "key_id", "principal"),
    *("outcome", "previous_hash", "dialogue_id", "chain", "sequence", "subject", "count"),
    *("revision", "note"),
)
_NULLABLE = frozenset({"key_id", "note", "mac"})
_NUMBERS = frozenset({"sequence", "count", "revision"})
_OPERATIONS = frozenset({"derive", "wrap", "unwrap", "encrypt", "decrypt", "erase", "boundary"})
_OUTCOMES = frozenset({"success", "failure", "denied"})
_EVENT_ID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)
_HASH = re.compile("[0-9a-f]{64}")
_CHAIN = re.compile("w|r#[0-9a-f]{16}")
_TIP = re.compile("(r#[0-9a-f]{16}) ([1-9][0-9]{0,11}) ([0-9a-f]{64})")

#: (chain, first sequence that fails, in a word why)
Finding = tuple[str, int, str]


def hashed_text(event: Mapping[str, Any]) -> bytes:
    """The canonical JSON that an event's hash is over."""
    return json8785.canonical({name: event.get(name) for name in HASHED})


def event_hash(event: Mapping[str, Any]) -> str:
    """AUDIT-02."""
    return hkdf.sha256(hashed_text(event)).hex()


def mac(key: bytes, digest: str) -> str:
    """AUDIT-02, under the key of :func:`hkdf.mac_key`."""
    return hkdf.hmac_sha256(key, bytes.fromhex(digest)).hex()


def first_previous(dialogue_id: str, chain: str) -> str:
    """What the first event of a chain names as the one before it."""
    pieces = (b"blue/audit/v1", dialogue_id.encode("ascii"), chain.encode("ascii"))
    return hkdf.sha256(b"\x00".join(pieces)).hex()


def tip(event: Mapping[str, Any]) -> str:
    """An event as a note names it."""
    return f"{event['chain']} {event['sequence']} {event['event_hash']}"


def form_fault(dialogue_id: str, sk: str, event: Mapping[str, Any]) -> str | None:
    """What is wrong with one event's fields and place, hash and mac not looked at."""
    rest = set(event) - {"pk", "sk"}
    for name in (*HASHED, "event_hash", "mac"):
        if name not in rest:
            if name not in _NULLABLE:
                return f"{name} is missing"
            continue
        rest.discard(name)
        if type(event[name]) is not (int if name in _NUMBERS else str):
            return f"{name} has another type"
    if rest:
        return f"{min(rest)} is additional"
    if event["dialogue_id"] != dialogue_id or event.get("pk") != f"audit#{dialogue_id}":
        return "another dialogue's"
    if event["sk"] != sk or sk != f"{event['chain']}#{event['sequence']:012d}":
        return "under another key"
    in_range = (
        1 <= event["sequence"] < 10**12
        and 0 <= event["count"] <= json8785.MAX_SAFE
        and 0 <= event["revision"] <= json8785.MAX_SAFE
    )
    if not in_range:
        return "a number out of range"
    if event["operation"] not in _OPERATIONS or event["outcome"] not in _OUTCOMES:
        return "an unknown operation or outcome"
    forms = (
        _EVENT_ID.fullmatch(event["event_id"]),
        _HASH.fullmatch(event["event_hash"]),
        _HASH.fullmatch(event["previous_hash"]),
        re.fullmatch("[0-9a-f]{32}", event["trace_id"]),
        re.fullmatch("[0-9a-f]{16}", event["span_id"]),
        times.is_canonical(event["timestamp"]),
    )
    return None if all(forms) else "a field of another form"
