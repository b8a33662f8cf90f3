"""STORE-13: a whole round, its local ids, what several changes of one item make, and what it gives back."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import pytest

from conformance.suite.conftest import Clock
from conformance.suite.kit.builders import (
    KINDS,
    Kind,
    as_json,
    changes,
    listed,
    partition,
    register,
    shown,
)
from conformance.suite.kit.full import AS_A_WHOLE, CHANGED_AS_A_WHOLE, UNSET, fill, unset
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.rounds import (
    COUNTED,
    NOW,
    WHOLE,
    as_the_model_has_it,
    at,
    entry,
    harbour,
    settled,
    timeless,
    write,
)
from conformance.suite.test_core_clock import ranks
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain

pytestmark = profile("batch")

PERSPECTIVE, TENSION = KINDS["perspective"], KINDS["tension"]


def counts(**more: int) -> dict[str, int]:
    return {**dict.fromkeys(COUNTED, 0), **more}


@rules("STORE-13")
def test_a_whole_round_is_what_the_model_makes_of_it(store: DialogueStore, clock: Clock) -> None:
    clock.set(NOW)
    harbour(store)
    write(store, **WHOLE)
    assert as_json(settled(store, clock)) == as_json(
        as_the_model_has_it(clock, harbour, partial(write, **WHOLE))
    )


@rules("STORE-13")
def test_what_a_registration_tells(store: DialogueStore) -> None:
    harbour(store)
    revision = partition(store, "tides")["revision"]
    assert shown(write(store, **WHOLE)) == {
        "round": 1,
        "ids": {
            "MUFFIN-P0101": "P0101",
            "depth": "T0101",
            "anchor": "R0101",
            "lead": "E0101",
            "shallow": "C0102",
        },
        "counts": counts(
            perspectives=2,
            tensions=1,
            recommendations=1,
            evidence=1,
            claims=2,
            moves=4,
            refs=7,
            events=7,
            status_updates=5,
            expert_scores=2,
            responses=1,
            signals=2,
        ),
        "revision": revision + 1,
    }
    assert partition(store, "tides")["revision"] == revision + 1


@rules("STORE-13")
def test_nothing_but_a_round(store: DialogueStore) -> None:
    harbour(store)
    before = partition(store, "tides")
    made = shown(write(store, round=4, score=-3))
    after = partition(store, "tides")
    assert made == {
        "round": 4,
        "ids": {},
        "counts": counts(),
        "revision": before["revision"] + 1,
    }
    assert [r["score"] for r in after["rounds"]] == [0, -3]
    assert (after["dialogue"]["total_rounds"], after["dialogue"]["total_alignment"]) == (5, -3)
    assert {**after, "rounds": [], "dialogue": {}, "revision": 0} == {
        **before,
        "rounds": [],
        "dialogue": {},
        "revision": 0,
    }


@rules("STORE-13")
def test_the_rounds_own_fields(store: DialogueStore) -> None:
    harbour(store)
    write(store, **WHOLE)
    (_, made) = listed(store.get_rounds("tides"))
    assert timeless(made) == {
        "dialogue_id": "tides",
        "round": 1,
        "score": 7,
        "status": "open",
        "score_wisdom": 3,
        "score_consistency": 0,
        "score_truth": 0,
        "score_relationships": 0,
        "open_tensions": 0,
        "new_perspectives": 0,
        "converge_signals": 0,
        "panel_size": 2,
        "title": "Second watch",
        "summary": "The light went.",
    }


# -- local ids -----------------------------------------------------------------------------------------


@rules("STORE-13")
def test_local_ids_in_references_are_replaced_in_the_list_and_joined(store: DialogueStore) -> None:
    harbour(store)
    write(store, **WHOLE)
    assert listed(store.get_perspectives("tides"))[-1]["references"] == [
        {"type": "refine", "target": "P0101"},
        {"type": "address", "target": "T0101"},
        {"type": "support", "target": "C0001"},
    ]
    joined = [
        (r["source_id"], r["ref_type"], r["target_id"]) for r in listed(store.get_refs("tides"))
    ]
    assert joined == [
        ("C0101", "depend", "E0101"),
        ("E0101", "oppose", "C0102"),
        ("P0001", "question", "T0101"),
        ("P0102", "address", "T0101"),
        ("P0102", "refine", "P0101"),
        ("P0102", "support", "C0001"),
        ("R0101", "resolve", "T0101"),
    ]
    assert {(r["source_type"], r["target_type"]) for r in listed(store.get_refs("tides"))} == {
        (source[0], target[0]) for source, _, target in joined
    }


@rules("STORE-13")
def test_local_ids_in_moves_are_replaced(store: DialogueStore) -> None:
    harbour(store)
    write(store, **WHOLE)
    moves = listed(store.get_moves("tides"))
    assert [(m["expert_slug"], m["seq"], m["move_type"], m["targets"]) for m in moves] == [
        ("muffin", 1, "defend", ["P0101"]),
        ("scone", 1, "challenge", ["C0102", "T0001"]),
        ("scone", 2, "request", ["a chart"]),
        ("scone", 3, "converge", []),
    ]


@rules("STORE-13")
def test_local_ids_in_status_updates_are_replaced(store: DialogueStore) -> None:
    harbour(store)
    write(store, **WHOLE)
    (_, depth) = listed(store.get_tensions("tides"))
    (*_, shallow) = listed(store.get_claims("tides"))
    merged = listed(store.get_events("tides", "P0001"))[-1]
    assert (depth["display_id"], depth["status"]) == ("T0101", "addressed")
    assert (shallow["display_id"], shallow["status"]) == ("C0102", "withdrawn")
    assert (merged["event_type"], merged["result_id"]) == ("merged", "P0101")


@rules("STORE-13")
def test_local_ids_may_point_forward_and_in_circles(store: DialogueStore) -> None:
    harbour(store)
    pair = [
        entry(PERSPECTIVE, local_id="one", references=[{"type": "support", "target": "two"}]),
        entry(PERSPECTIVE, local_id="two", references=[{"type": "oppose", "target": "one"}]),
    ]
    write(store, perspectives=pair)
    assert [
        (r["source_id"], r["ref_type"], r["target_id"]) for r in listed(store.get_refs("tides"))
    ] == [("P0101", "support", "P0102"), ("P0102", "oppose", "P0101")]


@rules("STORE-13")
def test_a_local_id_means_something_in_its_own_call_only(store: DialogueStore) -> None:
    harbour(store)
    ids = [
        shown(write(store, round=number, tensions=[entry(TENSION, local_id="it")]))["ids"]
        for number in (3, 2)
    ]
    assert ids == [{"it": "T0301"}, {"it": "T0201"}]


@rules("STORE-13")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_entities_are_numbered_as_they_are_given(store: DialogueStore, kind: Kind) -> None:
    harbour(store)
    names = ["zulu", "Alfa", "mike"]  # in no order, so that none but the given one is right
    entries = [
        entry(kind, f"Number {n}", local_id=name) for n, name in zip((3, 1, 2), names, strict=True)
    ]
    told = shown(write(store, **{kind.plural: entries}))
    made = partition(store, "tides")[kind.plural][1:]
    assert [(one["display_id"], one["seq"], one[kind.text]) for one in made] == [
        (kind.id(1, seq), seq, f"Number {n}") for seq, n in enumerate((3, 1, 2), start=1)
    ]
    assert told["ids"] == {name: kind.id(1, seq) for seq, name in enumerate(names, start=1)}


# -- one item, one change ------------------------------------------------------------------------------


@rules("STORE-13")
def test_several_changes_of_a_new_entity_are_one(store: DialogueStore, clock: Clock) -> None:
    clock.set(NOW)
    harbour(store)
    clock.set(at(5_000_000))
    steps = ["addressed", "reopened", "resolved"]
    write(
        store,
        tensions=[entry(TENSION, local_id="depth")],
        status_updates=[{"entity_id": "depth", "status": status} for status in steps],
    )
    made = listed(store.get_tensions("tides"))[-1]
    events = listed(store.get_events("tides", "T0101"))
    assert made["status"] == "resolved"
    assert [event["event_type"] for event in events] == ["created", *steps]
    assert made["created_at"] == made["updated_at"] == events[0]["timestamp"]
    times = [event["timestamp"] for event in events]
    expected = [at(5_000_000 + n) for n in range(4)]
    assert (times if clock.controlled else ranks(times)) == (
        expected if clock.controlled else ranks(expected)
    )
    assert [event["created_at"] for event in events] == times


@rules("STORE-13")
def test_several_changes_of_an_old_entity_are_one(store: DialogueStore, clock: Clock) -> None:
    clock.set(NOW)
    harbour(store)
    before = partition(store, "tides")
    clock.set(at(5_000_000))
    write(
        store,
        status_updates=[
            {"entity_id": "P0001", "status": "refined", "actors": ["scone", "muffin"]},
            {"entity_id": "T0001", "status": "resolved"},
            {"entity_id": "P0001", "status": "conceded", "event_round": 0},
        ],
    )
    after = partition(store, "tides")
    (perspective,) = after["perspectives"]
    events = [e for e in after["events"] if e not in before["events"]]
    assert perspective["status"] == "conceded"
    assert perspective["updated_at"] == after["tensions"][0]["updated_at"]
    assert sorted(
        (e["entity_id"], e["event_type"], e["event_round"], e["actors"]) for e in events
    ) == [
        ("P0001", "conceded", 0, []),
        ("P0001", "refined", 1, ["scone", "muffin"]),
        ("T0001", "resolved", 1, []),
    ]
    times = {e["event_type"]: e["timestamp"] for e in events}
    assert times["resolved"] == times["refined"] == perspective["updated_at"]
    assert times["refined"] < times["conceded"]
    assert after["revision"] == before["revision"] + 1


@rules("STORE-13")
def test_an_experts_score_and_response_are_one_change(store: DialogueStore) -> None:
    harbour(store)
    store.update_expert_score("tides", "muffin", 0, 10)
    before = partition(store, "tides")
    write(store, expert_scores={"muffin": -4}, responses={"muffin": "So be it.", "scone": "No."})
    after = partition(store, "tides")
    muffin, scone = after["experts"]
    assert (muffin["scores"], muffin["total_score"]) == ({"00": 10, "01": -4}, 6)
    assert (muffin["raw_content"], scone["raw_content"]) == (
        {"01": "So be it."},
        {"01": "No."},
    )
    assert muffin["updated_at"] == scone["updated_at"] == after["rounds"][1]["created_at"]
    assert muffin["created_at"] == before["experts"][0]["created_at"]


@rules("STORE-13")
def test_a_ref_is_written_once_however_often_it_is_given(store: DialogueStore) -> None:
    harbour(store)
    store.register_ref("tides", "P0001", "support", "C0001")
    (first,) = listed(store.get_refs("tides"))
    twice = [{"type": "support", "target": "C0001"}] * 2
    made = shown(
        write(
            store,
            perspectives=[entry(PERSPECTIVE, local_id="new", references=twice)],
            refs=[
                {"source": "new", "ref_type": "support", "target": "C0001"},
                {"source": "P0001", "ref_type": "support", "target": "C0001"},
                {"source": "P0101", "ref_type": "oppose", "target": "C0001"},
            ],
        )
    )
    refs = listed(store.get_refs("tides"))
    assert made["counts"]["refs"] == 2
    assert [(r["source_id"], r["ref_type"], r["target_id"]) for r in refs] == [
        ("P0001", "support", "C0001"),
        ("P0101", "oppose", "C0001"),
        ("P0101", "support", "C0001"),
    ]
    assert refs[0] == first
    assert listed(store.get_perspectives("tides"))[-1]["references"] == twice


@rules("STORE-13")
def test_an_expert_signals_once(store: DialogueStore) -> None:
    harbour(store)
    made = shown(write(store, signals=["scone", "muffin", "scone"]))
    signals = listed(store.get_convergence_signals("tides", 1))
    assert made["counts"]["signals"] == 2
    assert [signal["expert_slug"] for signal in signals] == ["muffin", "scone"]


# -- times ---------------------------------------------------------------------------------------------


@rules("STORE-13")
def test_a_round_has_one_time(store: DialogueStore, clock: Clock) -> None:
    """But for further events of one entity (ADDR-09)."""
    clock.set(NOW)
    harbour(store)
    before = partition(store, "tides")
    clock.set(at(7_000_000))
    write(store, **WHOLE)
    after = partition(store, "tides")
    times = {after["dialogue"]["updated_at"]}
    for name in ("rounds", *(kind.plural for kind in KINDS.values()), "moves", "refs", "signals"):
        times |= {one["created_at"] for one in after[name] if one not in before[name]} - {
            one["created_at"] for one in before[name]
        }
    times |= {one["updated_at"] for one in after["experts"]}
    assert len(times) == 1
    assert times == {at(7_000_000)} or not clock.controlled
    (second,) = [e for e in after["events"] if e["event_type"] == "addressed"]
    later = [e["timestamp"] for e in after["events"] if e not in before["events"]]
    assert max(later) == second["timestamp"] > min(later) == min(times)


@rules("STORE-13")
def test_the_next_write_is_later_than_the_last_event(store: DialogueStore, clock: Clock) -> None:
    clock.set(NOW)
    harbour(store)
    write(store, **WHOLE)
    last = max(event["timestamp"] for event in listed(store.get_events("tides")))
    made = shown(register(store, TENSION, "tides", 1))
    assert made["created_at"] > last
    assert not clock.controlled or made["created_at"] == at(12)


# -- and then ------------------------------------------------------------------------------------------


@rules("STORE-13")
def test_a_round_is_written_on(store: DialogueStore, clock: Clock) -> None:
    def go_on(store: DialogueStore) -> None:
        for kind in KINDS.values():
            register(store, kind, "tides", 1, references=[{"type": "support", "target": "E0101"}])
        store.register_move("tides", 1, "scone", "bridge", targets=["P0102"])
        store.update_tension_status("tides", "T0101", "resolved", ["judge"], 1)
        store.update_expert_score("tides", "muffin", 1, 9)
        store.update_round_status("tides", 1, "completed", summary="Done.")
        store.register_verdict(
            "tides", "end", "final", 1, "Wait", "Here.", tensions_accepted=["T0101"]
        )
        store.register_round("tides", 2, 5, perspectives=[entry(PERSPECTIVE)])

    clock.set(NOW)
    harbour(store)
    write(store, **WHOLE)
    assert plain(store.next_seq("tides", 1, "claim")) == 3
    go_on(store)
    assert as_json(settled(store, clock)) == as_json(
        as_the_model_has_it(clock, harbour, partial(write, **WHOLE), go_on)
    )


@rules("STORE-13")
def test_what_was_given_and_what_came_back_are_copies(store: DialogueStore) -> None:
    harbour(store)
    given: Any = deepcopy(dict(WHOLE))
    made = write(store, **given)
    assert as_json(given) == as_json(WHOLE)
    kept = as_json(partition(store, "tides"))
    given["perspectives"][0]["contributors"].append("scone")
    given["recommendations"][0]["parameters"]["lights"].append("green")
    given["moves"][0]["targets"].clear()
    plain(made)["ids"].clear()
    assert as_json(partition(store, "tides")) == kept


@rules("STORE-13")
def test_tuples_are_lists_and_whole_floats_integers(store: DialogueStore) -> None:
    harbour(store)
    write(
        store,
        score=2.0,
        perspectives=(entry(PERSPECTIVE, contributors=("muffin",)),),
        expert_scores={"muffin": 3.0},
        signals=("muffin",),
    )
    whole = partition(store, "tides")
    assert whole["perspectives"][-1]["contributors"] == ["muffin"]
    assert as_json([whole["rounds"][1]["score"], whole["experts"][0]["total_score"]]) == "[2, 3]"
    assert len(whole["signals"]) == 1


@rules("STORE-23")
def test_a_whole_round_forgets_no_field_that_it_does_not_own(store: DialogueStore) -> None:
    """It changes one of everything in a dialogue in which no field is empty; then once more after the end."""
    fill(store)
    before = partition(store, "tides")
    assert unset(before) == UNSET
    store.register_round("tides", **AS_A_WHOLE)
    middle = partition(store, "tides")
    assert sorted(changes(before, middle) ^ CHANGED_AS_A_WHOLE) == []
    store.register_verdict("tides", "v-final", "final", 12, "Wait", "For the tide.")
    before = partition(store, "tides")
    store.register_round("tides", round=1, score=2)
    after = partition(store, "tides")
    assert changes(before, after) == {
        "+rounds 1",
        "dialogue: total_alignment",
        "dialogue: updated_at",
    }
