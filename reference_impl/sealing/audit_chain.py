"""The audit chain (AUDIT-01 to AUDIT-09): every use of a key is an event, each bound to the one before it.

Pure functions: uses in, items out. Where they are stored, and when they commit, is the business of the layer
above; the form of one event is in :mod:`event_form`, a walk along whole chains in :mod:`chain_walk`.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.items import Item, Value, canonical_json
from .event_form import FIELDS, WRITE_CHAIN, audit_key, fault_of, number_of, sort_key
from .keys import KekHandle

__all__ = [
    "WRITE_CHAIN",
    "Tip",
    "Trace",
    "Use",
    "audit_key",
    "current_trace",
    "event_hash_of",
    "first_tip",
    "hash_fits",
    "mac_fits",
    "mac_key",
    "new_event_id",
    "place",
    "read_chain",
    "sort_key",
    "tip_of",
]

_HASHED = tuple(name for name, _ in FIELDS if name not in ("event_hash", "mac"))
_NO_TRACE = ("0" * 32, "0" * 16)
#: (trace_id of 32 hex digits, span_id of 16): who asked, as OpenTelemetry knows it.
Trace = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a key, not yet placed on a chain. ``key_id`` None: no key could be had."""

    operation: str
    outcome: str
    key_id: str | None
    subject: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain: its last sequence (0: none yet), that event's hash and revision."""

    chain: str
    sequence: int
    event_hash: str
    revision: int

    @property
    def note(self) -> str:
        """As a write's note and a checkpoint name it."""
        return f"{self.chain} {self.sequence} {self.event_hash}"


def read_chain(randomness: Callable[[int], bytes]) -> str:
    """A chain of one store instance's own: ``r#`` and 16 random hex digits (AUDIT-08)."""
    return f"r#{randomness(8).hex()}"


def first_tip(dialogue_id: str, chain: str) -> Tip:
    """The tip of a chain that has no event yet: what its first event names as previous (AUDIT-02)."""
    start = b"\x00".join((b"blue/audit/v1", dialogue_id.encode("ascii"), chain.encode("ascii")))
    return Tip(chain, 0, hashlib.sha256(start).hexdigest(), 0)


def mac_key(kek: KekHandle, dialogue_id: str) -> bytes:
    """AUDIT-02: the 32-byte key of the macs of a dialogue's events."""
    return kek.derive_kept(b"blue/audit-mac/v1\x00" + dialogue_id.encode("ascii"))


def new_event_id() -> str:
    """A UUIDv7 as 36 characters."""
    from uuid_utils import uuid7

    return str(uuid7())


def current_trace() -> Trace:
    """AUDIT-06: ids of the current OpenTelemetry span; zeros without one.

    A process that has not imported OpenTelemetry has no span, so it is not imported for this.
    """
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return _NO_TRACE
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return _NO_TRACE
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def place(
    uses: Sequence[Use],
    tip: Tip,
    *,
    dialogue_id: str,
    revision: int,
    timestamp: str,
    principal: str,
    key: bytes | None,
    note: str | None = None,
    trace: Trace = _NO_TRACE,
    event_id: Callable[[], str] = new_event_id,
) -> tuple[list[Item], Tip]:
    """The events of ``uses`` after ``tip``, as items, and the new tip.

    ``key``: the mac key, None where no KEK could be had; a use of no key gets no mac. ``note`` goes on the
    last event. A revision below the tip's becomes the tip's: it never falls along a chain (AUDIT-09).
    """
    items = []
    for number, use in enumerate(uses, start=1):
        event: dict[str, Any] = {
            "event_id": event_id(),
            "timestamp": timestamp,
            "trace_id": trace[0],
            "span_id": trace[1],
            "operation": use.operation,
            "key_id": use.key_id,
            "principal": principal,
            "outcome": use.outcome,
            "previous_hash": tip.event_hash,
            "dialogue_id": dialogue_id,
            "chain": tip.chain,
            "sequence": tip.sequence + 1,
            "subject": use.subject,
            "count": use.count,
            "revision": max(revision, tip.revision),
            "note": note if number == len(uses) else None,
        }
        digest = hashlib.sha256(canonical_json(event)).digest()
        event["event_hash"] = digest.hex()
        own_key = key if use.key_id is not None else None
        event["mac"] = hmac.digest(own_key, digest, "sha256").hex() if own_key is not None else None
        tip = Tip(tip.chain, tip.sequence + 1, digest.hex(), event["revision"])
        items.append(
            {
                "pk": audit_key(dialogue_id),
                "sk": sort_key(tip.chain, tip.sequence),
                **{name: value for name, value in event.items() if value is not None},
            }
        )
    return items, tip


def event_hash_of(item: Mapping[str, Value]) -> bytes:
    """The 32 bytes that an event's ``event_hash`` must be."""
    return hashlib.sha256(canonical_json({name: item.get(name) for name in _HASHED})).digest()


def hash_fits(item: Mapping[str, Value]) -> bool:
    """Whether an event's ``event_hash`` is that of its fields."""
    try:
        digest = event_hash_of(item)
    except ValueError:  # a text or number that canonical JSON does not have was never hashed
        return False
    return hmac.compare_digest(digest.hex().encode(), str(item["event_hash"]).encode())


def mac_fits(item: Mapping[str, Value], key: bytes) -> bool:
    """Whether an event's ``mac`` is that of its ``event_hash``, or rightly none: on a boundary, which its
    note vouches for, and where no KEK could be had."""
    mac = item.get("mac")
    if mac is None:
        return item["operation"] == "boundary" or (
            item["operation"] == "derive"
            and item["outcome"] != "success"
            and "key_id" not in item
            and item["chain"] != WRITE_CHAIN
        )
    own = hmac.digest(key, bytes.fromhex(str(item["event_hash"])), "sha256")
    return hmac.compare_digest(own.hex(), str(mac))


def tip_of(item: Mapping[str, Value], dialogue_id: str, key: bytes | None) -> Tip | None:
    """The tip that a chain's last event makes; None where the event is not sound by itself."""
    if fault_of(item, dialogue_id) is not None or not hash_fits(item):
        return None
    if key is not None and not mac_fits(item, key):
        return None
    return Tip(
        str(item["chain"]),
        number_of(item, "sequence"),
        str(item["event_hash"]),
        number_of(item, "revision"),
    )
