"""Moving a dialogue: digests, batches, boundaries, and which side is active (MIG-01 to MIG-04)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from .. import address, chain, headsum, items, notes
from ..difference import same
from ..work import Refused, Work, check
from .audit import keyed

__all__: list[str] = []

_PARTS = {"items": "dialogue#", "events": "audit#"}
_HASH = re.compile("[0-9a-f]{64}")
#: The members of an EncryptedBatch.
_BATCH = {"dialogue_id", "cursor", "kind", "items", "digest", "format_version"}
#: So many may follow each other with no write in between (AUDIT-09).
_BOUNDARIES = 8


@check("migration", "digest")
def digest(work: Work) -> None:
    """MIG-01."""
    found = [items.stored(item) for item in work.input["items"]]
    work.note(lines=headsum.lines(found))
    if headsum.digest(found) != work.input["digest"]:
        raise Refused("head")


@check("migration", "import")
def import_batch(work: Work) -> None:
    """MIG-03: a batch and what lies there already."""
    batch, present = work.input["batch"], work.input["present"]
    dialogue_id = work.input["dialogue_id"]
    if batch.keys() != _BATCH:
        raise Refused("input", "invalid_field")
    found = [items.stored(item) for item in batch["items"]]
    if batch["format_version"] != 1 or batch["kind"] not in _PARTS:
        raise Refused("input", "invalid_field")
    if batch["dialogue_id"] != dialogue_id:
        raise Refused("head")
    own = {kind: f"{part}{dialogue_id}" for kind, part in _PARTS.items()}
    for item in found:
        if item["pk"] not in own.values():
            raise Refused("head")
        if item["pk"] != own[batch["kind"]]:
            raise Refused("input", "invalid_field")
    if len({item["sk"] for item in found}) != len(found):
        raise Refused("input", "invalid_field")
    if headsum.digest(found) != batch["digest"]:
        raise Refused("head")
    again = 0
    for shown in batch["items"]:
        there = present.get(shown["sk"])
        if there is None or there["pk"] != shown["pk"] or _waits(there):
            continue
        if not same(_unmoved(there), _unmoved(shown)):
            raise Refused("head")
        again += 1
    if any(sk != item["sk"] or item["pk"] not in own.values() for sk, item in present.items()):
        raise ValueError("what is present does not lie under its own keys")
    work.give(imported=len(found) - again, already_there=again)


def _waits(there: Mapping[str, Any]) -> bool:
    """Whether this is what lies in the head's place until it comes: a tombstone in form, ``importing``."""
    held = {"pk", "sk", "revision", "updated_at", "state"}
    return there["sk"] == "head" and there.keys() == held and there["state"] == "importing"


def _unmoved(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item as the digest takes it: a head without what tells on which side it lies."""
    if item["sk"] != "head":
        return item
    return {name: value for name, value in item.items() if name not in ("state", "pending")}


@check("migration", "boundary")
def boundary(work: Work) -> None:
    """MIG-02: the boundary event and the note that it carries."""
    given = work.input
    before, event = items.stored(given["before"]), items.stored(given["event"])
    key = (given["name"], work.octets("public_key"))
    sound = chain.form_fault(given["dialogue_id"], before["sk"], before) is None
    if not sound or chain.event_hash(before) != before["event_hash"]:
        raise ValueError("the event before is not sound")
    found = _boundary(given["dialogue_id"], before, event, *key)
    if found is None:
        raise Refused("chain")
    note, lines = found
    work.note(signed=note.signed, signature=note.signature)
    work.give(source=lines[2], target=lines[3], digest=lines[8])


def _boundary(
    dialogue_id: str,
    before: Mapping[str, Any],
    event: Mapping[str, Any],
    name: str,
    public_key: bytes,
) -> tuple[notes.Note, list[str]] | None:
    """The note and its lines; None where event, note and the event before do not fit."""
    number = before["sequence"] + 1
    if chain.form_fault(dialogue_id, f"w#{number:012d}", event) is not None:
        return None
    follows = {
        "operation": "boundary",
        "outcome": "success",
        "chain": "w",
        "sequence": number,
        "previous_hash": before["event_hash"],
        "event_hash": chain.event_hash(event),
        "key_id": before.get("key_id"),
        "subject": address.partition_key(dialogue_id),
        "revision": before["revision"],
    }
    if "note" not in event or "mac" in event:
        return None
    if any(event.get(field) != value for field, value in follows.items()):
        return None
    try:
        note = notes.opened(event["note"].encode("utf-8"), name, public_key)
    except notes.NotSignedError:
        return None
    lines = notes.lines_of(note)
    says = [
        "blue/boundary/v1",
        dialogue_id,
        *lines[2:4],
        str(before["sequence"]),
        before["event_hash"],
        str(event["revision"]),
        str(event["count"]),
        *lines[8:9],
        event["timestamp"],
    ]
    fits = lines == says and all(map(address.is_identifier, lines[2:4])) and lines[2] != lines[3]
    return (note, lines) if fits and _HASH.fullmatch(lines[8]) else None


@check("migration", "continuity")
def continuity(work: Work) -> None:
    """MIG-04: one chain across the boundary, on the target."""
    given = work.input
    dialogue_id = given["dialogue_id"]
    umk = bytes.fromhex(work.parameters["umk"])
    events = {sk: items.stored(event) for sk, event in given["events"].items()}
    own = keyed(dialogue_id, umk, given["user_id"], given["items"])
    walked = chain.Walk(dialogue_id, events, **own)
    findings = set(walked.findings)
    writes, wanted = walked.chains["w"], items.stored(given["boundary"])
    key = (given["name"], work.octets("public_key"))
    crossed = [n for n, event in sorted(writes.items()) if event["operation"] == "boundary"]
    for number in crossed:
        before = writes.get(number - 1)
        if before is None:
            continue
        found = _boundary(dialogue_id, before, writes[number], *key)
        # the last boundary names this store; those before it lead to other places on the way
        if found is None or (number == crossed[-1] and found[1][3] != given["own_name"]):
            findings.add(("w", number))
    if writes.get(wanted["sequence"]) != wanted:
        findings.add(("w", wanted["sequence"]))
    work.give(findings=chain.first_of_each(findings))
    if findings:
        raise Refused("chain")


@check("migration", "side")
def side(work: Work) -> None:
    """MIG-02: whether a store of this name may write."""
    given = work.input
    last = items.stored(given["last_event"])
    before = [items.stored(event) for event in given.get("before", [])]
    for event in (*before, last):
        sound = chain.form_fault(given["dialogue_id"], event["sk"], event) is None
        if not sound or chain.event_hash(event) != event["event_hash"]:
            raise ValueError("an event is not sound")
    for event, after in pairwise((*before, last)):
        if event["operation"] != "boundary" or after["previous_hash"] != event["event_hash"]:
            raise ValueError("what is before the last event is no row of boundaries")
    if len(before) + (last["operation"] == "boundary") > _BOUNDARIES:
        raise Refused("chain")
    if last["operation"] == "boundary" and last["note"].split("\n")[3] != given["own_name"]:
        raise Refused("chain", "partition_moved")
    if given["state"] in ("frozen", "importing"):
        raise Refused("head", f"partition_{given['state']}")
    if given["state"] in ("moved", "erased"):
        raise Refused("head")
    work.give(state=given["state"])
