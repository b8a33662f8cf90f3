"""Single audit events, where a chain begins, and walks over whole chains (AUDIT-01 to AUDIT-09)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import chain, hkdf, items
from ..work import Refused, Work, check

__all__ = ["keyed"]


@check("audit", "event")
def event(work: Work) -> None:
    """AUDIT-02: hash and mac of one event."""
    found = items.stored(work.input["event"])
    dialogue_id = str(found["pk"]).removeprefix("audit#")
    kek = hkdf.kek(bytes.fromhex(work.parameters["umk"]), work.input["user_id"])
    key, text = hkdf.mac_key(kek, dialogue_id), chain.hashed_text(found)
    digest = hkdf.sha256(text).hex()
    mac = chain.mac(key, digest)
    work.note(kek=kek, mac_key=key, canonical=text, event_hash=digest, mac=mac)
    fault = chain.form_fault(dialogue_id, found["sk"], found)
    if fault is not None or found["event_hash"] != digest or found.get("mac") != mac:
        raise Refused("chain")


@check("audit", "first")
def first(work: Work) -> None:
    """AUDIT-02: what the first event of a chain names as the one before it."""
    given = work.input
    pieces = (b"blue/audit/v1", given["dialogue_id"].encode(), given["chain"].encode())
    work.note(hashed=b"\x00".join(pieces))
    if given["previous_hash"] != chain.first_previous(given["dialogue_id"], given["chain"]):
        raise Refused("chain")


@check("audit", "walk", "walk-without-key")
def walk(work: Work) -> None:
    """AUDIT-05 over every chain of a dialogue, with the key or without."""
    given = work.input
    dialogue_id = given["dialogue_id"]
    events = {sk: items.stored(event) for sk, event in given["events"].items()}
    own: dict[str, Any] = {}
    if work.parameters["with_key"]:
        umk = bytes.fromhex(work.parameters["umk"])
        own = keyed(dialogue_id, umk, given["user_id"], given["items"])
    walked = chain.Walk(dialogue_id, events, **own)
    found = chain.first_of_each(walked.findings)
    work.give(findings=found)
    if found:
        raise Refused("chain")
    work.give(
        chains={
            name: {
                "events": len(of),
                "tip_sequence": max(of),
                "tip_hash": of[max(of)]["event_hash"],
            }
            for name, of in walked.chains.items()
            if of
        },
        unverified=walked.unverified,
    )


def keyed(dialogue_id: str, umk: bytes, user_id: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The key of the macs, and what the head names as the write chain's end."""
    kek = hkdf.kek(umk, user_id)
    keys = items.Keys(kek, user_id)
    found = [items.stored(item) for item in shown.values()]
    opened, refused = items.read_items(dialogue_id, found, keys)
    if refused:
        raise ValueError(f"the head cannot be opened: {refused[0]}")
    return {
        "key": hkdf.mac_key(kek, dialogue_id),
        "kek_id": hkdf.kek_id(kek, user_id),
        "audit_head": opened["head"]["audit_head"],
    }
