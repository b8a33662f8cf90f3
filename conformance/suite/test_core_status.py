"""STORE-08: statuses, the transitions between them and the events they leave."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.suite.kit.builders import (
    KINDS,
    Kind,
    begin,
    changes,
    listed,
    partition,
    register,
    set_status,
    shown,
    walk,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import ENTITIES

pytestmark = profile("core")

WITH_EVENTS = [kind for kind in KINDS.values() if kind.with_events]


def _pairs(entity: str) -> list[tuple[str, str]]:
    transitions = ENTITIES[entity].transitions
    return [(old, new) for old in transitions for new in transitions]


def _expected(entity: str) -> dict[tuple[str, str], Any]:
    """What each pair must end with: the new status, or the error and its data."""
    transitions = ENTITIES[entity].transitions
    return {
        (old, new): new
        if new in transitions[old]
        else ("invalid_status_transition", old, new, sorted(transitions[old]))
        for old, new in _pairs(entity)
    }


def _outcome(change: Any) -> Any:
    try:
        result = plain(change())
    except DialogueStoreError as refused:
        data = refused.data
        return (
            refused.code,
            data.get("from"),
            data.get("to"),
            sorted(data.get("allowed", ["(not named)"])),
        )
    return result.get("status") if isinstance(result, dict) else result


@rules("STORE-08")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_every_pair_of_statuses_of_an_entity(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides")
    store.register_verdict("tides", "v-interim", "interim", 0, "Wait", "Tide")
    outcomes = {}
    stories = {}
    statuses = []
    for number, (old, new) in enumerate(_pairs(kind.entity), start=1):
        own = kind.id(0, number)
        register(store, kind, "tides", 0)
        for step in walk(kind.entity, old):
            set_status(store, kind, "tides", own, step)

        def change(own: str = own, new: str = new) -> Any:
            return set_status(store, kind, "tides", own, new)

        outcomes[old, new] = _outcome(change)
        allowed = new in ENTITIES[kind.entity].transitions[old]
        statuses.append(new if allowed else old)
        if kind.with_events:
            stories[own] = ["created", *walk(kind.entity, old), *([new] if allowed else [])]
    whole = partition(store, "tides")
    assert outcomes == _expected(kind.entity)
    assert [entity["status"] for entity in whole[kind.plural]] == statuses
    told: dict[str, list[str]] = {}
    for event in whole["events"]:
        told.setdefault(event["entity_id"], []).append(event["event_type"])
    assert told == stories


@rules("STORE-08")
def test_every_pair_of_statuses_of_a_dialogue(store: DialogueStore) -> None:
    outcomes = {}
    left = {}
    for old, new in _pairs("dialogue"):
        name = f"{old}-{new}"
        store.create_dialogue(name, "Tides")
        for step in walk("dialogue", old):
            store.update_dialogue_status(name, step)

        def change(name: str = name, new: str = new) -> Any:
            return store.update_dialogue_status(name, new)

        outcomes[old, new] = _outcome(change)
        left[old, new] = shown(store.get_dialogue(name))["status"]
    assert outcomes == _expected("dialogue")
    assert left == {
        (old, new): new if new in ENTITIES["dialogue"].transitions[old] else old
        for old, new in _pairs("dialogue")
    }


@rules("STORE-08")
def test_every_pair_of_statuses_of_a_round(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[])
    outcomes = {}
    for number, (old, new) in enumerate(_pairs("round")):
        store.create_round("tides", number)
        for step in walk("round", old):
            store.update_round_status("tides", number, step)

        def change(number: int = number, new: str = new) -> Any:
            return store.update_round_status("tides", number, new)

        outcomes[old, new] = _outcome(change)
    assert outcomes == _expected("round")
    assert [round["status"] for round in listed(store.get_rounds("tides"))] == [
        new if new in ENTITIES["round"].transitions[old] else old for old, new in _pairs("round")
    ]


@rules("STORE-08")
@pytest.mark.parametrize("kind", WITH_EVENTS, ids=str)
def test_a_refused_transition_writes_nothing(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides")
    store.register_verdict("tides", "v-interim", "interim", 0, "Wait", "Tide")
    register(store, kind, "tides", 0)
    last = {"perspective": "conceded", "tension": "resolved", "recommendation": "adopted"}
    set_status(store, kind, "tides", kind.id(0, 1), last[kind.entity])
    before = partition(store, "tides")
    with expect_error("invalid_status_transition"):
        set_status(store, kind, "tides", kind.id(0, 1), last[kind.entity])
    assert partition(store, "tides") == before
    assert before[kind.plural][0]["status"] == last[kind.entity]


@rules("STORE-08")
@pytest.mark.parametrize("kind", WITH_EVENTS, ids=str)
def test_the_event_of_a_creation(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides", rounds=[3])
    made = shown(register(store, kind, "tides", 3, contributors=["scone", "nobody", "scone"]))
    assert listed(store.get_events("tides")) == [
        {
            "dialogue_id": "tides",
            "entity_id": kind.id(3, 1),
            "timestamp": made["created_at"],
            "event_type": "created",
            "event_round": 3,
            "created_at": made["created_at"],
            "actors": ["scone", "nobody", "scone"],
            "reason": None,
            "reference": None,
            "result_id": None,
        }
    ]


@rules("STORE-08")
@pytest.mark.parametrize("kind", WITH_EVENTS, ids=str)
def test_the_event_of_a_status_change(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides", rounds=[3, 8])
    store.register_verdict("tides", "v-interim", "interim", 3, "Wait", "Tide")
    register(store, kind, "tides", 3)
    register(store, KINDS["evidence"], "tides", 3)
    status = {"perspective": "refined", "tension": "addressed", "recommendation": "amended"}
    before = partition(store, "tides")
    changed = shown(
        set_status(
            store,
            kind,
            "tides",
            kind.id(3, 1),
            status[kind.entity],
            event_round=8,
            actors=["judge", "a passer-by"],
            reason="New chart",
            reference="v-interim",
            result_id="E0301",
        )
    )
    after = partition(store, "tides")
    assert after["revision"] == before["revision"] + 1
    assert after[kind.plural] == [changed]
    assert listed(store.get_events("tides", kind.id(3, 1)))[1] == {
        "dialogue_id": "tides",
        "entity_id": kind.id(3, 1),
        "timestamp": changed["updated_at"],
        "event_type": status[kind.entity],
        "event_round": 8,
        "created_at": changed["updated_at"],
        "actors": ["judge", "a passer-by"],
        "reason": "New chart",
        "reference": "v-interim",
        "result_id": "E0301",
    }


@rules("STORE-08")
@pytest.mark.parametrize("status", ENTITIES["tension"].transitions)
def test_a_comment_leaves_the_status(store: DialogueStore, status: str) -> None:
    begin(store, "tides")
    register(store, KINDS["tension"], "tides", 0)
    for step in walk("tension", status):
        set_status(store, KINDS["tension"], "tides", "T0001", step)
    before = partition(store, "tides")
    number = len(before["events"]) + 1
    assert shown(store.comment_tension("tides", "T0001", ["scone"], 0, "Why?"))["reason"] == "Why?"
    after = partition(store, "tides")
    assert changes(before, after) == {f"+events T0001 {number}"}
    assert after["tensions"][0]["status"] == status


@rules("STORE-08")
def test_a_comment_is_an_event_and_leaves_the_tension(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 2])
    register(store, KINDS["tension"], "tides", 0)
    set_status(store, KINDS["tension"], "tides", "T0001", "resolved")
    before = partition(store, "tides")
    said = shown(
        store.comment_tension("tides", "T0001", ["scone"], 2, "Still not sure", reference="R0001")
    )
    store.comment_tension("tides", "T0001", ["scone"], 2, "Still not sure")
    after = partition(store, "tides")
    assert changes(before, after) == {"+events T0001 3", "+events T0001 4"}
    assert after["events"][-2] == said
    assert said["created_at"] == said["timestamp"]
    assert without(said, "created_at", "timestamp") == {
        "dialogue_id": "tides",
        "entity_id": "T0001",
        "event_type": "commented",
        "event_round": 2,
        "actors": ["scone"],
        "reason": "Still not sure",
        "reference": "R0001",
        "result_id": None,
    }
    assert without(after["events"][-1], "created_at", "timestamp") == without(
        {**said, "reference": None}, "created_at", "timestamp"
    )


@rules("STORE-08")
@pytest.mark.parametrize("name", ["evidence", "claim"])
def test_kinds_without_events_write_none(store: DialogueStore, name: str) -> None:
    kind = KINDS[name]
    begin(store, "tides")
    register(store, kind, "tides", 0)
    changed = shown(
        set_status(
            store,
            kind,
            "tides",
            kind.id(0, 1),
            walk(name, "adopted" if name == "claim" else "refuted")[-1],
        )
    )
    assert changed["status"] == ("adopted" if name == "claim" else "refuted")
    assert plain(store.get_events("tides")) == []
    assert plain(store.get_events("tides", kind.id(0, 1))) == []


@rules("STORE-08")
def test_events_of_one_entity(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1])
    for name in ("tension", "perspective", "tension", "tension"):
        register(store, KINDS[name], "tides", 1)
    set_status(store, KINDS["tension"], "tides", "T0101", "resolved")
    set_status(store, KINDS["perspective"], "tides", "P0101", "merged")
    set_status(store, KINDS["tension"], "tides", "T0101", "reopened")

    def story(entity_id: str) -> list[tuple[str, str]]:
        events = listed(store.get_events("tides", entity_id))
        return [(event["entity_id"], event["event_type"]) for event in events]

    assert {name: story(name) for name in ("T0101", "T0102", "T0103", "P0101")} == {
        "T0101": [("T0101", "created"), ("T0101", "resolved"), ("T0101", "reopened")],
        "T0102": [("T0102", "created")],
        "T0103": [("T0103", "created")],
        "P0101": [("P0101", "created"), ("P0101", "merged")],
    }


# -- adoption ------------------------------------------------------------------------------------------


@rules("STORE-08")
def test_an_adopted_recommendation_names_its_verdict(store: DialogueStore) -> None:
    begin(store, "tides")
    store.register_verdict("tides", "v-interim", "interim", 0, "Wait", "Tide")
    for _ in range(2):
        register(store, KINDS["recommendation"], "tides", 0)
    amended = shown(set_status(store, KINDS["recommendation"], "tides", "R0001", "amended"))
    adopted = shown(set_status(store, KINDS["recommendation"], "tides", "R0001", "adopted"))
    assert [(one["status"], one["adopted_in_verdict"]) for one in (amended, adopted)] == [
        ("amended", None),
        ("adopted", "v-interim"),
    ]
    assert [one["adopted_in_verdict"] for one in listed(store.get_recommendations("tides"))] == [
        "v-interim",
        None,
    ]


@rules("STORE-08", "STORE-06")
def test_an_adoption_needs_an_existing_verdict(store: DialogueStore) -> None:
    begin(store, "tides")
    store.register_verdict("tides", "v-interim", "interim", 0, "Wait", "Tide")
    register(store, KINDS["recommendation"], "tides", 0)
    before = partition(store, "tides")
    with expect_error("missing_field"):
        store.update_recommendation_status("tides", "R0001", "adopted", ["judge"], 0)
    with expect_error("entity_not_found"):
        store.update_recommendation_status(
            "tides", "R0001", "adopted", ["judge"], 0, verdict_id="v-other"
        )
    with expect_error("invalid_field"):
        store.update_recommendation_status(
            "tides", "R0001", "amended", ["judge"], 0, verdict_id="v-interim"
        )
    assert partition(store, "tides") == before
