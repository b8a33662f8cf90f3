"""Checkpoints by themselves, names of signing keys, and chains held against notes (AUDIT-07)."""

from __future__ import annotations

import re
from typing import Any

from .. import address, chain, items, json8785, notes, times
from ..work import Refused, Work, check
from .audit import keyed

__all__: list[str] = []

_CHAIN = re.compile("w|r#[0-9a-f]{16}")
_HASH = re.compile("[0-9a-f]{64}")


@check("checkpoint", "name")
def name(work: Work) -> None:
    """AUDIT-07: what a signing key may be called."""
    if not notes.is_name(work.octets("name")):
        raise Refused("input", "invalid_field")


@check("checkpoint", "note")
def note(work: Work) -> None:
    """AUDIT-07: one note."""
    given = work.input
    try:
        found = notes.opened(work.octets("note"), given["name"], work.octets("public_key"))
        read = _read(found)
    except notes.NotSignedError:
        raise Refused("chain") from None
    work.note(signed=found.signed, key_id=found.key_id, signature=found.signature)
    work.give(**read)


def _read(found: notes.Note) -> dict[str, Any]:
    """What the lines of a checkpoint say."""
    lines = notes.lines_of(found)
    if len(lines) < 5 or lines[0] != "blue/checkpoint/v1":
        raise notes.NotSignedError("no checkpoint")
    if not address.is_identifier(lines[1]) or not times.is_canonical(lines[3]):
        raise notes.NotSignedError("no dialogue or no time")
    tips = []
    for line in lines[4:]:
        pieces = line.split(" ")
        if len(pieces) != 3 or not (_CHAIN.fullmatch(pieces[0]) and _HASH.fullmatch(pieces[2])):
            raise notes.NotSignedError("no chain's tip")
        sequence = notes.number(pieces[1], 1, 10**12 - 1)
        tips.append({"chain": pieces[0], "sequence": sequence, "event_hash": pieces[2]})
    named = [str(tip["chain"]) for tip in tips]
    if named != sorted(set(named)) or "w" not in named:
        raise notes.NotSignedError("chains in another order, twice, or without the write chain")
    return {
        "dialogue_id": lines[1],
        "revision": notes.number(lines[2], 1, json8785.MAX_SAFE),
        "time": lines[3],
        "chains": tips,
    }


@check("checkpoint", "against-chains")
def against_chains(work: Work) -> None:
    """AUDIT-05 with checkpoints: a walk, and from each note to the chains."""
    given = work.input
    dialogue_id = given["dialogue_id"]
    umk = bytes.fromhex(work.parameters["umk"])
    events = {sk: items.stored(event) for sk, event in given["events"].items()}
    own = keyed(dialogue_id, umk, given["user_id"], given["items"])
    walked = chain.Walk(dialogue_id, events, **own)
    findings = set(walked.findings)
    for raw in given["notes"]:
        try:
            found = notes.opened(bytes.fromhex(raw), given["name"], work.octets("public_key"))
            read = _read(found)
        except notes.NotSignedError:
            read = {}
        if read.get("dialogue_id") != dialogue_id:
            findings.add(("", 0))
            continue
        for tip in read["chains"]:
            there = walked.chains.get(tip["chain"], {})
            event = there.get(tip["sequence"])
            if event is None:
                findings.add((tip["chain"], len(there) + 1))
            elif event["event_hash"] != tip["event_hash"]:
                findings.add((tip["chain"], tip["sequence"]))
    work.give(findings=chain.first_of_each(findings))
    if findings:
        raise Refused("chain")
