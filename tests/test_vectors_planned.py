"""Families whose rules a later milestone keeps: what can be said of them today.

A note is checked by a reader of its own here, written from C2SP's signed-note and RFC 8032 alone; a dialogue
that was moved back, cut or erased is given to the reference as far as it goes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from conformance import load_vectors
from generators.families import erasure, graph, migration
from generators.families.audit import chain
from generators.families.audit import checkpoint as checkpoints
from reference_impl.contract.addresses import is_identifier
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import canonical_item, canonical_json
from reference_impl.contract.timestamps import is_canonical
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing import audit_chain as audit
from reference_impl.testing import open_store

from .test_vectors_partitions import Case, cases_of, item_of, key_file, put_raw

NUMBER = re.compile(r"[1-9][0-9]{0,15}").fullmatch
TIP = re.compile(r"(w|r#[0-9a-f]{16}) ([1-9][0-9]{0,11}) ([0-9a-f]{64})").fullmatch
DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch


def signed_lines(note: bytes, name: str, public_key: str) -> list[str] | None:
    """The lines of a note that one key signed and nobody else; None for any other bytes."""
    parts = re.fullmatch(rb"(.*\n)\n\xe2\x80\x94 ([^ \n]+) ([A-Za-z0-9+/]+=*)\n", note, re.DOTALL)
    if parts is None or parts[2] != name.encode() or b"\n\n" in parts[1] or b"\r" in note:
        return None
    try:
        raw = base64.b64decode(parts[3], validate=True)
        lines = parts[1].decode().split("\n")[:-1]
    except ValueError:
        return None
    key = bytes.fromhex(public_key)
    own = hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]
    if base64.b64encode(raw) != parts[3] or len(raw) != 68 or raw[:4] != own:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(raw[4:], parts[1])
    except InvalidSignature:
        return None
    return lines


def is_number(text: str) -> bool:
    return NUMBER(text) is not None and int(text) < 2**53


def checkpoint_of(lines: list[str]) -> dict[str, Any] | None:
    if len(lines) < 5 or lines[0] != "blue/checkpoint/v1" or not is_identifier(lines[1]):
        return None
    if not is_number(lines[2]) or not is_canonical(lines[3]):
        return None
    tips = [TIP(line) for line in lines[4:]]
    if any(tip is None for tip in tips):
        return None
    chains = [tip[1] for tip in tips if tip]
    if chains != sorted(set(chains)) or "w" not in chains:
        return None
    return {
        "dialogue_id": lines[1],
        "revision": int(lines[2]),
        "time": lines[3],
        "chains": [
            {"chain": tip[1], "sequence": int(tip[2]), "event_hash": tip[3]} for tip in tips if tip
        ],
    }


@pytest.mark.parametrize(("group", "case"), cases_of(checkpoints.FAMILY, "note"))
def test_a_checkpoint_by_the_public_key_alone(group: Case, case: Case) -> None:
    given = case["input"]
    lines = signed_lines(bytes.fromhex(given["note"]), given["name"], given["public_key"])
    found = checkpoint_of(lines) if lines is not None else None
    assert found == case.get("expected")
    if lines is None:
        assert case["mutation"] != "note-form-signed" or not is_text(given["note"])


def is_text(note: str) -> bool:
    """Whether a note's bytes are UTF-8 with LF alone: otherwise its signature need not be looked at."""
    try:
        text = bytes.fromhex(note).decode()
    except ValueError:
        return False
    return "\r" not in text and text.count("\n\n") == 1


@pytest.mark.parametrize(("group", "case"), cases_of(checkpoints.FAMILY, "name"))
def test_names_of_signing_keys(group: Case, case: Case) -> None:
    try:
        name = bytes.fromhex(case["input"]["name"]).decode()
    except ValueError:
        name = ""
    bad = {"Cc", "Zs", "Zl", "Zp", "Cs"}
    fits = name != "" and "+" not in name and not any(unicodedata.category(c) in bad for c in name)
    assert fits == (case["result"] == "valid")


@pytest.mark.parametrize(("group", "case"), cases_of(checkpoints.FAMILY, "against-chains"))
def test_only_a_checkpoint_shows_it(tmp_path: Path, group: Case, case: Case) -> None:
    # The negative control: without the notes the reference finds nothing in any of these.
    given = case["input"]
    items = MemoryPartitionStore()
    put_raw(items, given["items"], given["events"])
    with open_store(items, key_file(tmp_path, group["umk"]), user_id=given["user_id"]) as store:
        assert store.verify_chain(given["dialogue_id"]).ok
    tips = {}
    for event in given["events"].values():
        tips[event["chain"]] = event["sequence"]
    found = []
    for note in given["notes"]:
        lines = signed_lines(bytes.fromhex(note), given["name"], given["public_key"])
        named = checkpoint_of(lines) if lines is not None else None
        if named is None or named["dialogue_id"] != given["dialogue_id"]:
            found.append(("", 0))
            continue
        for tip in named["chains"]:
            there = given["events"].get(audit.sort_key(tip["chain"], tip["sequence"]))
            if there is None:
                found.append((tip["chain"], tips.get(tip["chain"], 0) + 1))
            elif there["event_hash"] != tip["event_hash"]:
                found.append((tip["chain"], tip["sequence"]))
    assert sorted(found) == [(f["chain"], f["sequence"]) for f in case["expected"]["findings"]]


# -- migration -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "case"), cases_of(migration.FAMILY, "digest"))
def test_digests(group: Case, case: Case) -> None:
    items = [item_of(item) for item in case["input"]["items"]]
    lines = []
    for item in sorted(items, key=lambda item: str(item["sk"]).encode()):
        if item["sk"] == "head":
            item.pop("state")
            item.pop("pending", None)
        lines.append(canonical_item(item) + b"\n")
    assert [line.hex() for line in lines] == case["intermediate"]["lines"]
    fits = hashlib.sha256(b"".join(lines)).hexdigest() == case["input"]["digest"]
    assert fits == (case["result"] == "valid")


def boundary_holds(given: Mapping[str, Any]) -> bool:
    event, before = given["event"], given["before"]
    if audit.event_hash_of(event).hex() != event["event_hash"] or "note" not in event:
        return False
    lines = signed_lines(event["note"].encode(), given["name"], given["public_key"])
    if lines is None or len(lines) != 10:
        return False
    version, dialogue_id, source, target, sequence, event_hash, revision, count, digest, time = (
        lines
    )
    return (
        version == "blue/boundary/v1"
        and is_identifier(source)
        and is_identifier(target)
        and source != target
        and "mac" not in event
        and DIGEST(digest) is not None
        and dialogue_id == event["dialogue_id"] == given["dialogue_id"] == before["dialogue_id"]
        and (event["operation"], event["outcome"]) == ("boundary", "success")
        and event["chain"] == before["chain"] == "w"
        and event["sequence"] == before["sequence"] + 1
        and sequence == str(before["sequence"])
        and event_hash == event["previous_hash"] == before["event_hash"]
        and revision == str(event["revision"]) == str(before["revision"])
        and count == str(event["count"])
        and time == event["timestamp"]
        and event["key_id"] == f"dek#{dialogue_id}#1"
    )


@pytest.mark.parametrize(("group", "case"), cases_of(migration.FAMILY, "boundary"))
def test_boundaries(group: Case, case: Case) -> None:
    assert boundary_holds(case["input"]) == (case["result"] == "valid")


# -- erasure ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "case"), cases_of(erasure.FAMILY, "open"))
def test_nothing_opens_after_an_erasure(tmp_path: Path, group: Case, case: Case) -> None:
    given = case["input"]
    items = MemoryPartitionStore()
    put_raw(items, given["items"], given["events"])
    with open_store(items, key_file(tmp_path, group["umk"]), user_id=given["user_id"]) as store:
        if case["result"] == "valid":
            assert store.load_partition(given["dialogue_id"]).findings == []
        else:  # with what code, is for the milestone that erases
            with pytest.raises(DialogueStoreError):
                store.load_partition(given["dialogue_id"])


# -- what is computed ------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "case"), cases_of(graph.FAMILY, "export"))
def test_documents_are_canonical(group: Case, case: Case) -> None:
    raw = bytes.fromhex(case["input"]["document"])
    try:
        canonical = canonical_json(json.loads(raw)) + b"\n" == raw
    except ValueError:
        canonical = False
    if case["result"] == "valid":
        assert canonical
        document = json.loads(raw)
        assert {k: v for k, v in document.items() if k in case["input"]["partition"]} == {
            **case["input"]["partition"],
            "verdicts": document["verdicts"],
        }


@pytest.mark.parametrize(("group", "case"), cases_of(graph.FAMILY, "snippet"))
def test_a_snippet_is_the_longest_that_fits(group: Case, case: Case) -> None:
    content, snippet = case["input"]["content"], case["expected"]["snippet"]
    assert content.startswith(snippet)
    assert len(snippet.encode()) <= 200
    rest = content[len(snippet) :]
    assert not rest or len((snippet + rest[0]).encode()) > 200


def test_planned_cases_are_asked_of_nobody_and_the_walks_of_a_stranger_are_planned_no_more() -> (
    None
):
    """Red if a planned case reaches the tests of a backend, or if the walks that were planned once go
    unasked."""
    planned = {
        test["tc_id"]
        for document in load_vectors("audit")
        for group in document["test_groups"]
        for test in group["tests"]
        if test.get("planned")
    }
    asked = {case["tc_id"] for _, case in (p.values for p in cases_of(chain.FAMILY, "walk"))}
    assert {"audit-walk-three-chains", "audit-walk-stranger-who-was-denied"} <= asked
    assert not asked & planned
