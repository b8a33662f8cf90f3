"""STORE-05: the order of every list, whatever the order of writing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from conformance.suite.kit.builders import KINDS, Kind, begin, listed, register, set_status
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("core")

#: In ASCII order; a language's own collation, a natural sort or one without case would differ.
SLUGS = ["10", "9", "B", "Zz", "a", "a-b", "a.b", "a0", "aC", "a_b", "ad", "c"]


def _shuffled(values: Any, seed: int) -> list[Any]:
    """The values in an order other than their own."""
    mixed = list(values)
    random.Random(seed).shuffle(mixed)
    if mixed == list(values):
        mixed.reverse()
    return mixed


@rules("STORE-05")
def test_experts_by_slug(store: DialogueStore, seed: int) -> None:
    begin(store, "tides", experts=_shuffled(SLUGS, seed))
    assert [expert["expert_slug"] for expert in listed(store.get_experts("tides"))] == SLUGS


@rules("STORE-05")
def test_rounds_by_number(store: DialogueStore, seed: int) -> None:
    order = [0, 1, 2, 9, 10, 11, 20, 99]
    begin(store, "tides", rounds=_shuffled(order, seed))
    assert [round["round"] for round in listed(store.get_rounds("tides"))] == order


@rules("STORE-05")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_entities_by_round_and_number(store: DialogueStore, kind: Kind, seed: int) -> None:
    rounds = [0, 2, 10]
    begin(store, "tides", rounds=rounds)
    written = _shuffled([*rounds * 3], seed)
    for number, round in enumerate(written):
        register(store, kind, "tides", round, f"Text {number}")
    found = listed(getattr(store, f"get_{kind.plural}")("tides"))
    texts = [entity[kind.text] for entity in found]
    order = [
        f"Text {number}"
        for wanted in rounds
        for number, round in enumerate(written)
        if round == wanted
    ]
    assert len(texts) > 6
    assert texts == [text for text in order if text in texts]


@rules("STORE-05")
def test_moves_by_round_expert_and_number(store: DialogueStore, seed: int) -> None:
    slugs = ["B", "a", "a-b", "a.b", "ab"]
    begin(store, "tides", rounds=[0, 2, 10], experts=slugs)
    places = [(round, slug) for round in (0, 2, 10) for slug in slugs]
    for round, slug in _shuffled(places * 2, seed):
        store.register_move("tides", round, slug, "concede")
    found = listed(store.get_moves("tides"))
    assert [(move["round"], move["expert_slug"], move["seq"]) for move in found] == [
        (*place, seq) for place in places for seq in (1, 2)
    ]


@rules("STORE-05")
def test_signals_by_round_and_expert(store: DialogueStore, seed: int) -> None:
    slugs = ["10", "9", "B", "a", "a-b"]
    begin(store, "tides", rounds=[0, 2, 10], experts=slugs)
    places = [(round, slug) for round in (0, 2, 10) for slug in slugs]
    for round, slug in _shuffled(places, seed):
        store.record_convergence_signal("tides", round, slug)
    found = listed(store.get_convergence_signals("tides"))
    assert [(signal["round"], signal["expert_slug"]) for signal in found] == places


@rules("STORE-05")
def test_refs_by_source_type_and_target(store: DialogueStore, seed: int) -> None:
    begin(store, "tides")
    for kind in KINDS.values():
        for _ in range(2):
            register(store, kind, "tides", 0)
    refs = [
        (source, ref_type, target)
        for source in ("C0001", "C0002", "P0001", "T0001")
        for ref_type in ("depend", "oppose", "support")
        for target in ("E0001", "E0002", "R0001")
    ]
    for ref in _shuffled(refs, seed):
        store.register_ref("tides", *ref)
    found = listed(store.get_refs("tides"))
    assert [(ref["source_id"], ref["ref_type"], ref["target_id"]) for ref in found] == refs


@rules("STORE-05")
def test_verdicts_by_round_then_time(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 2, 10])
    written = [
        *((2, "m-first"), (10, "a-late"), (0, "z-early"), (2, "a-second"), (0, "y-after")),
        *((10, "Z-last"), (2, "z-third"), (2, "B-fourth")),
    ]
    for round, verdict_id in written:
        store.register_verdict("tides", verdict_id, "interim", round, "Wait", "For the tide.")
    found = listed(store.get_verdicts("tides"))
    assert [(verdict["round"], verdict["verdict_id"]) for verdict in found] == [
        *((0, "z-early"), (0, "y-after")),
        *((2, "m-first"), (2, "a-second"), (2, "z-third"), (2, "B-fourth")),
        *((10, "a-late"), (10, "Z-last")),
    ]


@rules("STORE-05")
def test_events_by_time(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1])
    steps = [
        *(("tension", 1), ("perspective", 1), ("recommendation", 0), ("tension", 0)),
        *(("perspective", 0), ("tension", 1)),
    ]
    for name, round in steps:
        register(store, KINDS[name], "tides", round)
    set_status(store, KINDS["tension"], "tides", "T0101", "resolved")
    set_status(store, KINDS["recommendation"], "tides", "R0001", "amended")
    store.comment_tension("tides", "T0101", ["judge"], 0, "Really?")
    store.comment_tension("tides", "T0101", ["judge"], 0, "Really.")
    places = [(e["timestamp"], e["entity_id"]) for e in listed(store.get_events("tides"))]
    assert places == sorted(places)
    assert len({entity_id for _, entity_id in places}) > 3
    assert [entity_id for _, entity_id in places[:3]] == ["T0101", "P0101", "R0001"]
    assert [entity_id for _, entity_id in places[-2:]] == ["T0101", "T0101"]
