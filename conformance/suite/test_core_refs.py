"""Refs: which pairs each type may join, letters, and repeats (STORE-06, STORE-07, STORE-14, ERR-02)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from conformance.suite.kit.builders import (
    KINDS,
    begin,
    changes,
    codes,
    listed,
    partition,
    register,
    shown,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore

if TYPE_CHECKING:
    from conformance.suite.conftest import Clock

pytestmark = profile("core")

FREE = ["support", "oppose", "question", "depend"]
OF_TENSIONS = ["address", "resolve", "reopen"]


def _two_of_each(store: DialogueStore) -> None:
    begin(store, "tides")
    for kind in KINDS.values():
        register(store, kind, "tides", 0)
        register(store, kind, "tides", 0)


@rules("STORE-12")
def test_a_ref_has_its_fields(store: DialogueStore) -> None:
    _two_of_each(store)
    before = partition(store, "tides")
    derived = shown(store.register_ref("tides", "R0001", "address", "T0002"))
    given = shown(
        store.register_ref("tides", "E0001", "support", "C0001", source_type="E", target_type="C")
    )
    common = {"dialogue_id": "tides"}
    assert [without(ref, "created_at") for ref in (derived, given)] == [
        {
            **common,
            "source_id": "R0001",
            "ref_type": "address",
            "target_id": "T0002",
            "source_type": "R",
            "target_type": "T",
        },
        {
            **common,
            "source_id": "E0001",
            "ref_type": "support",
            "target_id": "C0001",
            "source_type": "E",
            "target_type": "C",
        },
    ]
    after = partition(store, "tides")
    assert after["refs"] == [given, derived]
    assert changes(before, after) == {"+refs E0001 support C0001", "+refs R0001 address T0002"}


@rules("STORE-14", "ERR-02")
def test_which_kinds_a_ref_joins(store: DialogueStore) -> None:
    _two_of_each(store)
    pairs = [(source, target) for source in "PTREC" for target in "PTREC"]
    few = [*zip("PTREC", "TRECP", strict=True), *zip("PTREC", "PTREC", strict=True)]
    triples = [(ref_type, *pair) for ref_type in FREE[1:] for pair in few]
    triples += [
        (ref_type, *pair) for ref_type in (FREE[0], *OF_TENSIONS, "refine") for pair in pairs
    ]
    outcome = codes(
        {
            f"{source} {ref_type} {target}": partial(
                store.register_ref, "tides", f"{source}0001", ref_type, f"{target}0002"
            )
            for ref_type, source, target in triples
        }
    )
    allowed = {
        f"{source} {ref_type} {target}"
        for ref_type, source, target in triples
        if ref_type in FREE
        or (ref_type in OF_TENSIONS and target == "T")
        or (ref_type == "refine" and source == target)
    }
    assert outcome == {
        triple: None if triple in allowed else "invalid_ref_target" for triple in outcome
    }
    assert {
        f"{ref['source_type']} {ref['ref_type']} {ref['target_type']}"
        for ref in listed(store.get_refs("tides"))
    } == allowed


@rules("STORE-14", "ERR-02")
def test_what_a_ref_may_not_be(store: DialogueStore) -> None:
    _two_of_each(store)
    before = partition(store, "tides")
    ref = partial(store.register_ref, "tides")
    table = {
        "to itself": ("invalid_ref_target", partial(ref, "P0001", "support", "P0001")),
        "refine of itself": ("invalid_ref_target", partial(ref, "P0001", "refine", "P0001")),
        "unknown type": ("invalid_ref_type", partial(ref, "P0001", "like", "T0001")),
        "event type": ("invalid_ref_type", partial(ref, "P0001", "resolved", "T0001")),
        "empty type": ("invalid_ref_type", partial(ref, "P0001", "", "T0001")),
        "unknown source": ("entity_not_found", partial(ref, "P0003", "support", "T0001")),
        "unknown target": ("entity_not_found", partial(ref, "P0001", "support", "T0101")),
        "source letter": ("type_id_mismatch", partial(ref, "P0001", "support", "T0001", "T")),
        "target letter": ("type_id_mismatch", partial(ref, "P0001", "support", "T0001", "P", "P")),
        "no such letter": ("invalid_entity_type", partial(ref, "P0001", "support", "T0001", "X")),
        "small letter": ("invalid_entity_type", partial(ref, "P0001", "support", "T0001", "p")),
        "a word": (
            "invalid_entity_type",
            partial(ref, "P0001", "support", "T0001", None, "tension"),
        ),
    }
    refused = codes({name: attempt for name, (_, attempt) in table.items()})
    assert refused == {name: code for name, (code, _) in table.items()}
    assert partition(store, "tides") == before


@rules("STORE-07")
def test_a_repeated_ref_gives_the_first_back(store: DialogueStore, clock: Clock) -> None:
    """After a year too."""
    clock.set("2026-02-03T10:15:00.000000Z")
    _two_of_each(store)
    first = shown(store.register_ref("tides", "P0001", "support", "C0001"))
    before = partition(store, "tides")
    clock.set("2027-02-03T11:15:00.000000Z")
    again = shown(store.register_ref("tides", "P0001", "support", "C0001", "P", "C"))
    assert (again, partition(store, "tides")) == (first, before)


@rules("STORE-07")
def test_refs_that_differ_in_one_part_are_other_refs(store: DialogueStore) -> None:
    _two_of_each(store)
    refs = {
        ("P0001", "support", "P0002"),
        ("P0002", "support", "P0001"),
        ("P0001", "oppose", "P0002"),
        ("P0001", "refine", "P0002"),
        ("P0001", "support", "T0002"),
        ("T0001", "support", "P0002"),
    }
    for source, ref_type, target in refs:
        store.register_ref("tides", source, ref_type, target)
    found = [
        (ref["source_id"], ref["ref_type"], ref["target_id"])
        for ref in listed(store.get_refs("tides"))
    ]
    assert found == sorted(refs)


@rules("STORE-14")
def test_a_repeat_with_a_wrong_letter_is_refused(store: DialogueStore) -> None:
    _two_of_each(store)
    store.register_ref("tides", "P0001", "support", "C0001")
    with expect_error("type_id_mismatch"):
        store.register_ref("tides", "P0001", "support", "C0001", source_type="C")
