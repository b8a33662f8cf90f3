"""The suite's own hand at the audit chain: makes events, checks their hashes, macs and links.

Straight over ``hashlib`` and ``hmac``, as AUDIT-02 says it; nothing here knows the reference's
``sealing``. An event is a stored item: ``pk``, ``sk`` and the fields of AUDIT-01 that are set.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ...targets.base import RawAccess, RawParts
from .forge import Forge, Item, canonical, hkdf, kek_key_id

__all__ = [
    "FIELDS",
    "OPTIONAL",
    "Chain",
    "Log",
    "by_chain",
    "event_hash",
    "event_mac",
    "first_write",
    "is_linked",
    "keeps_chains",
    "made",
    "operations",
    "start_of",
    "steps",
]

#: AUDIT-01, in its order: every field of an event and its type.
FIELDS: dict[str, type] = {
    "event_id": str,
    "timestamp": str,
    "trace_id": str,
    "span_id": str,
    "operation": str,
    "key_id": str,
    "principal": str,
    "outcome": str,
    "previous_hash": str,
    "dialogue_id": str,
    "chain": str,
    "sequence": int,
    "subject": str,
    "count": int,
    "revision": int,
    "note": str,
    "event_hash": str,
    "mac": str,
}
#: Those that may be unset.
OPTIONAL = ("key_id", "note", "mac")

Chain = list[Item]


def event_hash(event: Mapping[str, Any]) -> str:
    """AUDIT-02: SHA-256 over every field but ``event_hash`` and ``mac``, null where unset."""
    hashed = {name: event.get(name) for name in FIELDS if name not in ("event_hash", "mac")}
    return hashlib.sha256(canonical(hashed)).hexdigest()


def event_mac(kek: bytes, dialogue_id: str, hash_: str) -> str:
    """AUDIT-02: the mac over the 32 bytes of an event's hash."""
    key = hkdf(kek, b"blue/audit-mac/v1\x00" + dialogue_id.encode())
    return hmac.new(key, bytes.fromhex(hash_), "sha256").hexdigest()


def start_of(dialogue_id: str, chain: str) -> str:
    """AUDIT-02: the ``previous_hash`` of a chain's first event."""
    return hashlib.sha256(
        b"blue/audit/v1\x00%b\x00%b" % (dialogue_id.encode(), chain.encode())
    ).hexdigest()


def made(
    kek: bytes | None,
    fields: Mapping[str, Any],
    *,
    after: Mapping[str, Any] | None = None,
    chain: str = "w",
) -> Item:
    """The event of ``fields`` as it lies in the storage, the next of its chain after ``after``.

    Place, link, hash and mac are computed; what ``fields`` names of them wins. Without ``kek`` there
    is no mac.
    """
    dialogue_id = str(fields["dialogue_id"])
    event: Item = {
        "event_id": new_event_id(),
        "timestamp": "2026-02-03T10:15:00.000000Z",
        "trace_id": "0" * 32,
        "span_id": "0" * 16,
        "key_id": None,
        "principal": "local",
        "outcome": "success",
        "previous_hash": start_of(dialogue_id, chain) if after is None else after["event_hash"],
        "chain": chain,
        "sequence": 1 if after is None else after["sequence"] + 1,
        "subject": f"dialogue#{dialogue_id}",
        "count": 1,
        "revision": 1 if after is None else after["revision"],
        "note": None,
    } | dict(fields)
    event.setdefault("event_hash", event_hash(event))
    if kek is not None:
        event.setdefault("mac", event_mac(kek, dialogue_id, event["event_hash"]))
    event["pk"] = f"audit#{dialogue_id}"
    event["sk"] = f"{event['chain']}#{event['sequence']:012d}"
    return {name: value for name, value in event.items() if value is not None}


def new_event_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) of no particular time."""
    digits = bytearray(os.urandom(16))
    digits[6] = 0x70 | digits[6] & 0x0F
    digits[8] = 0x80 | digits[8] & 0x3F
    text = digits.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def first_write(forge: Forge, revision: int, count: int) -> Chain:
    """The write chain of a partition that was written as a whole: derive, wrap, encrypt."""
    common = {"dialogue_id": forge.dialogue_id, "revision": revision}
    kek_id = kek_key_id(forge.kek, forge.user_id)
    dek_id = f"dek#{forge.dialogue_id}#1"
    steps: list[dict[str, Any]] = [
        {"operation": "derive", "key_id": kek_id},
        {"operation": "wrap", "key_id": kek_id, "subject": forge.address("dek#1")},
        {"operation": "encrypt", "key_id": dek_id, "count": count},
    ]
    events: Chain = []
    for step in steps:
        events.append(made(forge.kek, common | step, after=events[-1] if events else None))
    return events


def keeps_chains(raw: RawAccess, dialogue_id: str) -> bool:
    """Whether a target logged its own writes of a dialogue: one without profile ``audit`` may not."""
    return raw.get(f"audit#{dialogue_id}", f"w#{1:012d}") is not None


def by_chain(events: Iterable[Mapping[str, Any]]) -> dict[str, Chain]:
    """Stored events by the chain that their sort key names, each in ascending order."""
    out: dict[str, Chain] = {}
    for event in sorted(events, key=lambda item: str(item["sk"]).encode()):
        out.setdefault(str(event["sk"]).rpartition("#")[0], []).append(dict(event))
    return out


class Log:
    """The events of one dialogue as they lie in a target's storage; each look tells what is new.

    Every look fails where an event that was seen before is gone or is another one (AUDIT-03).
    """

    def __init__(self, raw: RawAccess, dialogue_id: str) -> None:
        self._raw = raw
        self._dialogue_id = dialogue_id
        self._seen: dict[str, Item] = {}

    def all(self) -> dict[str, Chain]:
        """Every chain, what was seen before included."""
        found = cast(RawParts, self._raw).scan(self._dialogue_id, part="audit")
        there = {str(item["sk"]): dict(item) for item in found}
        kept = {sk: there.get(sk) for sk in self._seen}
        assert kept == self._seen, "an event was changed or removed"
        self._seen = there
        return by_chain(there.values())

    def writes(self) -> Chain:
        """The write chain; there must be one."""
        found = self.all()
        assert "w" in found, f"there is no write chain, only {list(found)}"
        return found["w"]

    def reads(self) -> Chain:
        """The one read chain that there is."""
        found = [name for name in self.all() if name != "w"]
        assert len(found) == 1, f"expected one read chain, got {found}"
        return self.all()[found[0]]

    def new(self) -> dict[str, Chain]:
        """The chains' events since the last look; a chain without any is left out."""
        before = set(self._seen)
        return by_chain(e for c in self.all().values() for e in c if e["sk"] not in before)

    def added(self, chain: str = "w") -> Chain:
        """What is new, which must all be on one chain: ``w``, or ``r`` for any single read chain."""
        new = self.new()
        if chain == "r":
            assert [name[:2] for name in new] == ["r#"], f"expected a read chain, got {list(new)}"
            return next(iter(new.values()))
        assert list(new) == [chain], f"expected chain {chain} only, got {list(new)}"
        return new[chain]


def steps(events: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, Any, str, int]]:
    """What events say that was done: operation, outcome, key_id, subject, count."""
    return [
        (e["operation"], e["outcome"], e.get("key_id"), e["subject"], e["count"]) for e in events
    ]


def operations(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """The operations of events, in their order."""
    return [event["operation"] for event in events]


def is_linked(dialogue_id: str, chain: str, events: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the events are a whole chain: from sequence 1 without a gap, each hash that of its
    event, each link to the event before."""
    previous = start_of(dialogue_id, chain)
    for sequence, event in enumerate(events, start=1):
        if (event["chain"], event["sequence"]) != (chain, sequence):
            return False
        if (event["previous_hash"], event["event_hash"]) != (previous, event_hash(event)):
            return False
        previous = str(event["event_hash"])
    return True
