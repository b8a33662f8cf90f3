"""STORE-11: experts, their answers and their scores."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.suite.kit.builders import (
    as_json,
    begin,
    changes,
    listed,
    partition,
    shown,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.sampling import for_any
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("core")


@rules("STORE-12")
def test_a_new_expert_has_its_fields_and_defaults(store: DialogueStore) -> None:
    begin(store, "tides")
    full = shown(
        store.register_expert(
            "tides",
            "muffin",
            "Pilot",
            "Wildcard",
            source="created",
            description="Knows the rocks",
            focus="Depth",
            relevance=0.625,
            creation_reason="Nobody else did",
            color="teal",
            first_round=7,
        )
    )
    bare = shown(store.register_expert("tides", "scone", "Cook", "Core"))
    both = (
        without(full, "created_at", "updated_at"),
        without(bare, "created_at", "updated_at"),
    )
    assert both == (
        {
            "dialogue_id": "tides",
            "expert_slug": "muffin",
            "tier": "Wildcard",
            "source": "created",
            "relevance": 0.625,
            "first_round": 7,
            "total_score": 0,
            "role": "Pilot",
            "description": "Knows the rocks",
            "focus": "Depth",
            "creation_reason": "Nobody else did",
            "color": "teal",
            "scores": {},
            "raw_content": {},
        },
        {
            "dialogue_id": "tides",
            "expert_slug": "scone",
            "tier": "Core",
            "source": "pool",
            "relevance": None,
            "first_round": None,
            "total_score": 0,
            "role": "Cook",
            "description": None,
            "focus": None,
            "creation_reason": None,
            "color": None,
            "scores": {},
            "raw_content": {},
        },
    )
    assert listed(store.get_experts("tides")) == [full, bare]


@rules("STORE-07")
def test_an_expert_is_registered_once(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    store.update_expert_score("tides", "muffin", 0, 3)
    before = partition(store, "tides")
    assert [expert["expert_slug"] for expert in before["experts"]] == ["muffin"]
    with expect_error("duplicate_entity"):
        store.register_expert("tides", "muffin", "Somebody else", "Adjacent")
    assert partition(store, "tides") == before


@rules("STORE-11")
def test_total_score_is_the_sum_of_scores(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 3, 12], experts=["muffin", "scone"])
    steps = [(3, 5), (0, -2), (12, 40), (3, 1), (12, 0)]
    seen = []
    for round, score in steps:
        expert = shown(store.update_expert_score("tides", "muffin", round, score))
        seen.append((expert["scores"], expert["total_score"]))
    assert as_json(seen) == as_json(
        [
            [{"03": 5}, 5],
            [{"03": 5, "00": -2}, 3],
            [{"03": 5, "00": -2, "12": 40}, 43],
            [{"03": 1, "00": -2, "12": 40}, 39],
            [{"03": 1, "00": -2, "12": 0}, -1],
        ]
    )
    stored = listed(store.get_experts("tides"))
    assert as_json([(e["expert_slug"], e["total_score"], e["scores"]) for e in stored]) == as_json(
        [("muffin", -1, {"00": -2, "03": 1, "12": 0}), ("scone", 0, {})]
    )


@rules("STORE-11")
def test_a_repeated_score_changes_nothing_else(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin", "scone"])
    store.record_expert_response("tides", "muffin", 0, "Wait.")
    store.update_expert_score("tides", "muffin", 0, 3)
    store.update_expert_score("tides", "muffin", 1, 4)
    before = partition(store, "tides")
    again = shown(store.update_expert_score("tides", "muffin", 1, 4))
    after = partition(store, "tides")
    assert (again["scores"], again["total_score"]) == ({"00": 3, "01": 4}, 7)
    assert changes(before, after) <= {"experts muffin: updated_at"}


@rules("STORE-11")
def test_totals_follow_any_scores(store: DialogueStore, budget: str, seed: int) -> None:
    begin(store, "tides", rounds=range(4), experts=["muffin"])
    scores: dict[str, int] = {}

    def check(drawn: tuple[int, int]) -> None:
        round, score = drawn
        scores[f"{round:02d}"] = score
        expert = shown(store.update_expert_score("tides", "muffin", round, score))
        assert (expert["scores"], expert["total_score"]) == (scores, sum(scores.values()))

    small = st.integers(-(2**40), 2**40)
    for_any(st.tuples(st.integers(0, 3), small), check, budget=budget, seed=seed, examples=8)
    assert shown(listed(store.get_experts("tides"))[0])["scores"] == scores


@rules("STORE-12", "STORE-23")
def test_a_repeated_answer_replaces_that_rounds_answer_only(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin", "scone"])
    store.update_expert_score("tides", "muffin", 0, 3)
    store.record_expert_response("tides", "muffin", 0, "Wait.")
    store.record_expert_response("tides", "muffin", 1, "Still wait.")
    before = partition(store, "tides")
    changed = shown(store.record_expert_response("tides", "muffin", 0, "Land."))
    assert changed["raw_content"] == {"00": "Land.", "01": "Still wait."}
    assert (changed["scores"], changed["total_score"]) == ({"00": 3}, 3)
    after = partition(store, "tides")
    assert changes(before, after) == {
        "experts muffin: raw_content",
        "experts muffin: updated_at",
    }
    assert after["experts"][0] == changed


@rules("STORE-06")
def test_first_round_need_not_exist(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0])
    store.register_expert("tides", "muffin", "Pilot", "Core", first_round=42)
    whole = partition(store, "tides")
    assert (whole["experts"][0]["first_round"], [r["round"] for r in whole["rounds"]]) == (42, [0])
