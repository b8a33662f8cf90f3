"""Backups and erasure certificates (MIG-06, KEY-09)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from .. import address, chain, headsum, items, json8785
from ..difference import same
from ..work import Refused, Work, check
from .partition import laid_over

__all__: list[str] = []

_MANIFEST = {"count", "dialogue_id", "digest", "format_version", "revision"}
_BYTES = ("content_encrypted", "content_nonce")


@check("backup", "make")
def make(work: Work) -> None:
    """The one file of a dialogue."""
    given = work.input
    dialogue_id = given["dialogue_id"]
    found = {sk: items.stored(item) for sk, item in given["items"].items()}
    laid, usable = laid_over(found, given["journal"], f"journal#{dialogue_id}")
    if not usable:
        raise ValueError("the journal cannot be read")
    head = {name: v for name, v in laid["head"].items() if name not in ("state", "pending")}
    laid = {**laid, "head": head}
    manifest = {
        "count": len(laid),
        "dialogue_id": dialogue_id,
        "digest": headsum.digest(laid.values()),
        "format_version": 1,
        "revision": head["revision"],
    }
    events = {sk: items.stored(event) for sk, event in given["events"].items()}
    texts = [json8785.canonical(manifest)]
    for group in (laid, events):
        texts += [headsum.item_json(group[sk]) for sk in sorted(group, key=str.encode)]
    work.give(document=b"".join(text + b"\n" for text in texts))


@check("backup", "restore")
def restore(work: Work) -> None:
    """What may be put back where."""
    given = work.input
    manifest, *rest = _parsed(work.octets("document"))
    own, events = _apart(given["dialogue_id"], manifest, rest)
    head = next(item for item in own if item["sk"] == "head")
    says = (len(own), headsum.digest(own), head["revision"])
    if says != (manifest["count"], manifest["digest"], manifest["revision"]):
        raise Refused("head")
    if _target(events) not in (None, given["own_name"]):
        raise Refused("input", "invalid_field")
    if given["present"] != "nothing":
        erased = given["present"] == "erased"
        raise Refused("input", "key_erased" if erased else "duplicate_entity")
    work.give(revision=head["revision"], items=len(own), events=len(events))


def _target(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Where the last boundary leads; None where there is none."""
    crossed = [event for event in events if event["operation"] == "boundary"]
    last = max(crossed, key=lambda event: int(event["sequence"]), default=None)
    return str(last["note"].split("\n")[3]) if last is not None else None


def _parsed(document: bytes) -> list[Mapping[str, Any]]:
    lines = document.split(b"\n")
    if len(lines) < 3 or lines.pop() != b"":
        raise Refused("input", "invalid_field")
    try:
        found = [json8785.parse(line) for line in lines]
        exact = all(json8785.canonical(v) == line for v, line in zip(found, lines, strict=True))
    except json8785.NotJsonError:
        raise Refused("input", "invalid_field") from None
    if not exact or not all(isinstance(value, dict) for value in found):
        raise Refused("input", "invalid_field")
    return found


def _apart(
    dialogue_id: str, manifest: Mapping[str, Any], rest: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    """Items and events, each part in its order; what is of no form is refused."""
    if manifest.keys() != _MANIFEST or not same(manifest["format_version"], 1):
        raise Refused("input", "invalid_field")
    if manifest["dialogue_id"] != dialogue_id:
        raise Refused("head")
    parts = {address.partition_key(dialogue_id): 0, f"audit#{dialogue_id}": 1}
    places = [(parts.get(str(item.get("pk")), 2), str(item.get("sk")).encode()) for item in rest]
    heads = [item for item in rest if item.get("sk") == "head"]
    ordered = all(before < after for before, after in pairwise(places))
    if not ordered or any(part == 2 for part, _ in places) or len(heads) != 1:
        raise Refused("input", "invalid_field")
    if heads[0].keys() & {"state", "pending"}:
        raise Refused("input", "invalid_field")
    count = sum(part == 0 for part, _ in places)
    return [_from_base64(item) for item in rest[:count]], list(rest[count:])


def _from_base64(item: Mapping[str, Any]) -> dict[str, Any]:
    return {n: base64.b64decode(v, validate=True) if n in _BYTES else v for n, v in item.items()}


@check("certificate", "make")
def certificate(work: Work) -> None:
    """What an erasure leaves in hand."""
    given = work.input
    dialogue_id, event = given["dialogue_id"], items.stored(given["event"])
    sound = chain.form_fault(dialogue_id, event["sk"], event) is None
    if not sound or chain.event_hash(event) != event["event_hash"]:
        raise ValueError("the event is not sound")
    versions = []
    for item in given["wrapped"]:
        known = address.parse_sort_key(item["sk"])
        if known is None or known[0] != "dek" or item["pk"] != address.partition_key(dialogue_id):
            raise ValueError(f"{item['sk']} is no wrapped key of this dialogue")
        versions.append(known[1]["version"])
    if (event["operation"], event["count"]) != ("erase", len(versions)):
        raise ValueError("the event is not of this erasure")
    work.give(
        dialogue_id=dialogue_id,
        erased_at=event["timestamp"],
        key_ids=[f"dek#{dialogue_id}#{version}" for version in sorted(versions)],
        event_hash=event["event_hash"],
        format_version=1,
    )
