"""STORE-09, STORE-07: rounds, what the dialogue counts of them, and convergence signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.suite.kit.builders import (
    as_json,
    begin,
    changes,
    codes,
    listed,
    partition,
    shown,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore

if TYPE_CHECKING:
    from conformance.suite.conftest import Clock

pytestmark = profile("core")

METRICS = {
    "score_wisdom": 1,
    "score_consistency": 2,
    "score_truth": 3,
    "score_relationships": 4,
    "open_tensions": 5,
    "new_perspectives": 6,
    "converge_signals": 7,
    "panel_size": 8,
}


@rules("STORE-12")
def test_a_new_round_has_its_fields_and_defaults(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[])
    full = shown(store.create_round("tides", 3, score=-7, title="Watch", metrics=METRICS))
    some = shown(store.create_round("tides", 4, metrics={"panel_size": 2}))
    bare = shown(store.create_round("tides", 5))
    common = {"dialogue_id": "tides", "status": "open", "completed_at": None, "summary": None}
    zeros = dict.fromkeys(METRICS, 0)
    got = [without(one, "created_at", "updated_at") for one in (full, some, bare)]
    assert as_json(got) == as_json(
        [
            {**common, **METRICS, "round": 3, "score": -7, "title": "Watch"},
            {**common, **zeros, "panel_size": 2, "round": 4, "score": 0, "title": None},
            {**common, **zeros, "round": 5, "score": 0, "title": None},
        ]
    )
    assert listed(store.get_rounds("tides")) == [full, some, bare]


@rules("STORE-09")
def test_rounds_in_any_order_are_counted_by_the_highest(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[])
    seen = []
    for round, score in ((4, 10), (0, 3), (7, -5), (2, 1), (6, 20)):
        made = shown(store.create_round("tides", round, score=score))
        dialogue = shown(store.get_dialogue("tides"))
        seen.append(
            (
                dialogue["total_rounds"],
                dialogue["total_alignment"],
                dialogue["updated_at"] == made["created_at"],
            )
        )
    assert seen == [(5, 10, True), (5, 13, True), (8, 8, True), (8, 9, True), (8, 29, True)]


@rules("STORE-09", "ADDR-08")
def test_the_last_round_is_ninety_nine(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[99])
    assert shown(store.get_dialogue("tides"))["total_rounds"] == 100


@rules("STORE-09", "STORE-04")
def test_round_and_totals_are_one_write(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[1])
    before = partition(store, "tides")
    store.create_round("tides", 2, score=9)
    after = partition(store, "tides")
    assert changes(before, after) == {
        "+rounds 2",
        "dialogue: total_rounds",
        "dialogue: total_alignment",
        "dialogue: updated_at",
    }
    assert after["revision"] == before["revision"] + 1


@rules("STORE-07", "STORE-09")
def test_a_round_is_created_once_and_counted_once(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[])
    store.create_round("tides", 1, score=9)
    before = partition(store, "tides")
    assert before["dialogue"]["total_alignment"] == 9
    with expect_error("duplicate_entity"):
        store.create_round("tides", 1, score=4, title="Again")
    assert partition(store, "tides") == before


@rules("STORE-08")
def test_a_completed_round_has_its_time_and_summary(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1, 2])
    started = shown(store.update_round_status("tides", 0, "in_progress", summary="So far"))
    ended = shown(store.update_round_status("tides", 0, "completed"))
    at_once = shown(store.update_round_status("tides", 1, "completed", summary="All said"))
    assert (started["status"], started["completed_at"], started["summary"]) == (
        "in_progress",
        None,
        "So far",
    )
    assert [
        (one["status"], one["completed_at"] == one["updated_at"]) for one in (ended, at_once)
    ] == [("completed", True)] * 2
    assert (ended["summary"], at_once["summary"]) == ("So far", "All said")
    rounds = listed(store.get_rounds("tides"))
    assert rounds[:2] == [ended, at_once]
    assert (rounds[2]["status"], rounds[2]["completed_at"]) == ("open", None)


@rules("STORE-07")
def test_a_repeated_signal_gives_the_first_back(store: DialogueStore, clock: Clock) -> None:
    """After a year too."""
    clock.set("2026-02-03T10:15:00.000000Z")
    begin(store, "tides", rounds=[0, 1], experts=["muffin"])
    first = shown(store.record_convergence_signal("tides", 1, "muffin"))
    before = partition(store, "tides")
    clock.set("2027-02-03T11:00:00.000000Z")
    again = shown(store.record_convergence_signal("tides", 1, "muffin"))
    assert (again, partition(store, "tides")) == (first, before)
    assert without(first, "created_at") == {
        "dialogue_id": "tides",
        "round": 1,
        "expert_slug": "muffin",
    }


@rules("STORE-05", "STORE-06")
def test_signals_of_one_round(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1, 10], experts=["muffin", "scone"])
    for round, slug in ((10, "muffin"), (1, "scone"), (0, "scone"), (1, "muffin")):
        store.record_convergence_signal("tides", round, slug)

    def pairs(round: int | None) -> list[tuple[int, str]]:
        found = listed(store.get_convergence_signals("tides", round))
        return [(signal["round"], signal["expert_slug"]) for signal in found]

    every = [(0, "scone"), (1, "muffin"), (1, "scone"), (10, "muffin")]
    asked: list[int | None] = [None, 0, 1, 10, 2, 99]
    assert {round: pairs(round) for round in asked} == {
        None: every,
        0: [(0, "scone")],
        1: [(1, "muffin"), (1, "scone")],
        10: [(10, "muffin")],
        2: [],
        99: [],
    }


@rules("ADDR-08")
def test_a_round_outside_the_range_is_refused_everywhere(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0], experts=["muffin"])
    store.register_tension("tides", 0, "Now?", "Now or later?", [])
    before = partition(store, "tides")

    def refused(bad: int) -> dict[str, str | None]:
        return codes(
            {
                "create_round": lambda: store.create_round("tides", bad),
                "first_round": lambda: store.register_expert(
                    "tides", "scone", "Cook", "Core", first_round=bad
                ),
                "response": lambda: store.record_expert_response("tides", "muffin", bad, "x"),
                "score": lambda: store.update_expert_score("tides", "muffin", bad, 1),
                "status": lambda: store.update_round_status("tides", bad, "completed"),
                "signal": lambda: store.record_convergence_signal("tides", bad, "muffin"),
                "signals": lambda: store.get_convergence_signals("tides", bad),
                "next_seq": lambda: store.next_seq("tides", bad, "claim"),
                "perspective": lambda: store.register_perspective("tides", bad, "l", "c", []),
                "tension": lambda: store.register_tension("tides", bad, "l", "c", []),
                "recommendation": lambda: store.register_recommendation("tides", bad, "l", "c", []),
                "evidence": lambda: store.register_evidence("tides", bad, "l", "c", []),
                "claim": lambda: store.register_claim("tides", bad, "l", "c", []),
                "move": lambda: store.register_move("tides", bad, "muffin", "concede"),
                "verdict": lambda: store.register_verdict("tides", "v", "interim", bad, "r", "d"),
                "event_round": lambda: store.update_tension_status(
                    "tides", "T0001", "resolved", ["judge"], bad
                ),
                "comment": lambda: store.comment_tension("tides", "T0001", ["judge"], bad, "Why?"),
            }
        )

    for bad in (-1, 100, 1000, 2**53 - 1, -(2**31)):
        codes_of_bad = refused(bad)
        assert codes_of_bad == dict.fromkeys(codes_of_bad, "invalid_round")
    assert partition(store, "tides") == before
