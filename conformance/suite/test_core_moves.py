"""Moves: numbers by round and expert, and targets by the type of the move (ADDR-08, STORE-06, STORE-12)."""

from __future__ import annotations

from functools import partial

import pytest

from conformance.suite.kit.builders import (
    KINDS,
    as_json,
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

pytestmark = profile("core")

AIMED = ["defend", "challenge", "bridge", "concede"]


@rules("STORE-12")
@pytest.mark.parametrize("move_type", [*AIMED, "request", "converge"])
def test_a_move_has_its_fields_and_defaults(store: DialogueStore, move_type: str) -> None:
    begin(store, "tides", rounds=[5], experts=["muffin"])
    register(store, KINDS["perspective"], "tides", 5)
    register(store, KINDS["tension"], "tides", 5)
    targets = {"request": ["a chart", "", "T0599"], "converge": []}.get(
        move_type, ["T0501", "P0501", "T0501"]
    )
    before = partition(store, "tides")
    full = shown(store.register_move("tides", 5, "muffin", move_type, targets, "So far"))
    bare = shown(store.register_move("tides", 5, "muffin", move_type))
    common = {"dialogue_id": "tides", "round": 5, "expert_slug": "muffin", "move_type": move_type}
    assert as_json([without(one, "created_at") for one in (full, bare)]) == as_json(
        [
            {**common, "seq": 1, "targets": targets, "context": "So far"},
            {**common, "seq": 2, "targets": [], "context": None},
        ]
    )
    after = partition(store, "tides")
    assert after["moves"] == [full, bare]
    assert changes(before, after) == {"+moves 5 muffin 1", "+moves 5 muffin 2"}


@rules("ADDR-08")
def test_moves_are_numbered_by_round_and_expert(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin", "scone"])
    begin(store, "ebb", experts=["muffin"])
    made = []
    for round, slug in ((1, "scone"), (0, "muffin"), (1, "muffin"), (1, "scone"), (1, "muffin")):
        move = shown(store.register_move("tides", round, slug, "concede"))
        made.append((move["round"], move["expert_slug"], move["seq"]))
    assert made == [
        (1, "scone", 1),
        (0, "muffin", 1),
        (1, "muffin", 1),
        (1, "scone", 2),
        (1, "muffin", 2),
    ]
    assert shown(store.register_move("ebb", 0, "muffin", "concede"))["seq"] == 1


@rules("ADDR-08", "ERR-02")
def test_the_hundredth_move_of_an_expert_in_a_round_is_refused(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin", "scone"])
    for _ in range(99):
        store.register_move("tides", 0, "muffin", "concede")
    before = partition(store, "tides")
    assert [move["seq"] for move in before["moves"]] == list(range(1, 100))
    with expect_error("limit_exceeded"):
        store.register_move("tides", 0, "muffin", "concede")
    assert partition(store, "tides") == before
    made = [
        shown(store.register_move("tides", round, slug, "concede"))["seq"]
        for round, slug in ((0, "scone"), (1, "muffin"))
    ]
    assert made == [1, 1]


@rules("STORE-06")
@pytest.mark.parametrize("move_type", AIMED)
def test_targets_must_be_there(store: DialogueStore, move_type: str) -> None:
    begin(store, "tides", experts=["muffin"])
    register(store, KINDS["claim"], "tides", 0)
    before = partition(store, "tides")
    move = partial(store.register_move, "tides", 0, "muffin", move_type)
    refused = codes(
        {
            "unknown entity": partial(move, ["C0001", "C0002"]),
            "unknown kind of that number": partial(move, ["E0001"]),
            "a topic": partial(move, ["a chart"]),
            "an expert": partial(move, ["C0001", "muffin"]),
        }
    )
    assert list(refused.values()) == ["entity_not_found"] * 2 + ["invalid_display_id"] * 2
    assert partition(store, "tides") == before


@rules("STORE-14")
def test_a_converge_move_has_no_targets(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    register(store, KINDS["claim"], "tides", 0)
    before = partition(store, "tides")
    with expect_error("invalid_field"):
        store.register_move("tides", 0, "muffin", "converge", ["C0001"])
    assert partition(store, "tides") == before


@rules("STORE-07")
def test_the_same_move_twice_is_two_moves(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    made = [shown(store.register_move("tides", 0, "muffin", "request", ["salt"])) for _ in "12"]
    assert listed(store.get_moves("tides")) == made
    assert [move["seq"] for move in made] == [1, 2]
