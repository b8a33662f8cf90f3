"""STORE-22: a request that is made again gives what it gave, and writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from conformance.running.session import World
from conformance.suite.conftest import Clock
from conformance.suite.kit.builders import (
    as_json,
    begin,
    call,
    calls,
    changes,
    code_of,
    codes,
    partition,
    populate,
    shown,
    without,
)
from conformance.suite.kit.forge import Forge, Item, canonical
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.requests import NEW, OTHER_INPUT, again, told
from conformance.suite.kit.rounds import WHOLE, harbour, write
from conformance.suite.kit.sampling import JSON_OBJECTS, for_any
from conformance.targets.base import Backend
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import ENVELOPE_ATTRIBUTES

pytestmark = profile("idempotency")


@rules("STORE-22")
def test_a_repeat_gives_the_first_result_and_writes_nothing(store: DialogueStore) -> None:
    """Every write of a dialogue that is there."""
    populate(store, "tides")
    first = {name: told(store, name, f"r-{name}") for name in OTHER_INPUT}
    before = partition(store, "tides")
    second = {name: told(store, name, f"r-{name}") for name in OTHER_INPUT}
    assert second == first
    assert partition(store, "tides") == before


@rules("STORE-22")
def test_a_named_write_is_as_any_other(world: World) -> None:
    """The request shows in nothing that a read gives."""
    plainly, named = world.open().store, world.new_world().open().store
    populate(plainly, "tides")
    populate(named, "tides")
    before = partition(plainly, "tides"), partition(named, "tides")
    for name in OTHER_INPUT:
        call(plainly, name, calls("tides")[name])
        call(named, name, {**calls("tides")[name], "request_id": f"r-{name}"})
    after = partition(plainly, "tides"), partition(named, "tides")
    assert changes(before[0], after[0]) == changes(before[1], after[1])
    assert after[0]["revision"] - before[0]["revision"] == len(OTHER_INPUT)
    assert after[1]["revision"] - before[1]["revision"] == len(OTHER_INPUT)


@rules("STORE-22")
def test_the_first_result_is_given_whatever_came_since(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    first = shown(store.update_expert_score("tides", "muffin", 0, 4, request_id="r-1"))
    tension = shown(store.register_tension("tides", 0, "l", "d", [], request_id="r-2"))
    store.update_expert_score("tides", "muffin", 0, 9)
    store.record_expert_response("tides", "muffin", 0, "So be it.")
    store.update_tension_status("tides", "T0001", "resolved", ["judge"], 0)
    before = partition(store, "tides")
    assert shown(store.update_expert_score("tides", "muffin", 0, 4, request_id="r-1")) == first
    assert shown(store.register_tension("tides", 0, "l", "d", [], request_id="r-2")) == tension
    assert (first["total_score"], tension["status"]) == (4, "open")
    assert partition(store, "tides") == before


@rules("STORE-22")
def test_a_repeat_needs_nothing_that_the_first_needed(store: DialogueStore) -> None:
    """What would now be refused was done, and is told again."""
    begin(store, "tides")
    store.register_claim("tides", 0, "l", "c", [])
    asked: dict[str, dict[str, Any]] = {
        "update_claim_status": {"entity_id": "C0001", "status": "withdrawn"},
        "update_dialogue_status": {"status": "abandoned"},
        "create_round": {"round": 1, "score": 2**53 - 2},
        "register_expert": {"expert_slug": "pie", "role": "Cook", "tier": "Core"},
    }
    first = {name: shown(again(store, name, args)) for name, args in asked.items()}
    store.create_round("tides", 2, 1)
    assert {name: shown(again(store, name, args)) for name, args in asked.items()} == first


@rules("STORE-22")
def test_creating_a_dialogue_again(store: DialogueStore) -> None:
    args = {**NEW, "request_id": "r-1"}
    first = shown(store.create_dialogue(**args))
    store.create_round("tides", 0)
    before = partition(store, "tides")
    assert shown(store.create_dialogue(**args)) == first
    assert first["total_rounds"] == 0
    assert partition(store, "tides") == before


@rules("STORE-22")
def test_another_client_and_a_reopened_store_know_the_request(world: World) -> None:
    one, other = world.open().store, world.open().store
    populate(one, "tides")
    partition(other, "tides")
    created = shown(one.create_dialogue("ebb", "Which way?", request_id="r-0"))
    first = {name: told(one, name, f"r-{name}") for name in OTHER_INPUT}
    before = partition(one, "tides")
    for client in (other, world.open().store):
        results = {name: told(client, name, f"r-{name}") for name in OTHER_INPUT}
        assert results == first
        assert shown(client.create_dialogue("ebb", "Which way?", request_id="r-0")) == created
    one.close()
    assert partition(world.open().store, "tides") == before


@rules("STORE-22")
def test_the_same_id_in_another_dialogue_is_another_request(store: DialogueStore) -> None:
    begin(store, "tides")
    begin(store, "ebb")
    made = [
        shown(store.register_claim(dialogue_id, 0, "l", dialogue_id, [], request_id="r-1"))
        for dialogue_id in ("tides", "ebb", "tides")
    ]
    assert [(one["dialogue_id"], one["content"]) for one in made] == [
        ("tides", "tides"),
        ("ebb", "ebb"),
        ("tides", "tides"),
    ]
    assert [len(partition(store, name)["claims"]) for name in ("tides", "ebb")] == [1, 1]


@rules("STORE-22")
def test_another_id_is_another_request(store: DialogueStore) -> None:
    begin(store, "tides")
    ids = [
        shown(store.register_claim("tides", 0, "l", "c", [], request_id=request_id))["display_id"]
        for request_id in ("r-1", "r-2", "R-1", None, None, "r-1")
    ]
    assert ids == ["C0001", "C0002", "C0003", "C0004", "C0005", "C0001"]


@rules("STORE-22")
def test_the_same_input_in_other_words(store: DialogueStore) -> None:
    """Defaults filled in, unset ones left out, numbers and lists as they are kept."""
    begin(store, "tides", experts=["muffin"])
    store.register_tension("tides", 0, "l", "d", [])
    words: Mapping[str, list[dict[str, Any]]] = {
        "create_round": [{"round": 1}, {"round": 1.0, "score": 0, "title": None}],
        "register_expert": [
            {"expert_slug": "pie", "role": "Cook", "tier": "Core", "relevance": 1},
            {
                "expert_slug": "pie",
                "role": "Cook",
                "tier": "Core",
                "source": "pool",
                "relevance": 1.0,
            },
        ],
        "register_recommendation": [
            {"round": 0, "label": "l", "content": "c", "contributors": ["a", "b"]}
            | {"parameters": {"x": 1, "y": {"b": -0.0, "a": [1.5]}}},
            {"round": 0, "label": "l", "content": "c", "contributors": ("a", "b"), "references": []}
            | {"parameters": {"y": {"a": (1.5,), "b": 0}, "x": 1.0}},
        ],
        "register_move": [
            {"round": 0, "expert_slug": "muffin", "move_type": "converge"},
            {"round": 0, "expert_slug": "muffin", "move_type": "converge", "targets": ()},
        ],
    }
    results = {
        name: [shown(again(store, name, one)) for one in inputs] for name, inputs in words.items()
    }
    assert [name for name, (first, second) in results.items() if first != second] == []
    whole = partition(store, "tides")
    counts = [len(whole[name]) for name in ("rounds", "experts", "recommendations", "moves")]
    assert counts == [2, 2, 1, 1]


@rules("STORE-22")
def test_any_input_is_known_again(store: DialogueStore, budget: str, seed: int) -> None:
    begin(store, "tides")
    numbers = iter(range(10**6))

    def ask(number: int, parameters: dict[str, Any]) -> dict[str, Any]:
        return shown(
            store.register_recommendation(
                *("tides", round_of(number), "l", "c", ["muffin"]),
                parameters=parameters,
                request_id=f"r-{number}",
            )
        )

    def check(parameters: dict[str, Any]) -> None:
        number = next(numbers)
        if number % 99 == 0 and number:
            store.create_round("tides", round_of(number))
        assert as_json(ask(number, parameters)) == as_json(ask(number, parameters))

    def round_of(number: int) -> int:
        return number // 99

    for_any(JSON_OBJECTS, check, budget=budget, seed=seed, examples=6)


@rules("STORE-22")
def test_a_whole_round_again(backend: Backend) -> None:
    """Where the backend has profile batch as well; everywhere the write after it is asked for again."""
    store = backend.store
    harbour(store)
    if "batch" in backend.claims():
        first = shown(write(store, **WHOLE, request_id="r-1"))
        before = partition(store, "tides")
        assert shown(write(store, **WHOLE, request_id="r-1")) == first
        assert (
            shown(write(store, **{**WHOLE, "summary": "The light went."}, request_id="r-1"))
            == first
        )
        assert partition(store, "tides") == before
        attempts = {
            "another score": partial(write, store, **{**WHOLE, "score": 8}, request_id="r-1"),
            "another round": partial(write, store, round=2, request_id="r-1"),
            "a bad one": partial(write, store, round=2, signals=["pie"], request_id="r-1"),
            "another method": partial(store.create_round, "tides", 3, request_id="r-1"),
        }
        assert codes(attempts) == {
            **dict.fromkeys(attempts, "request_mismatch"),
            "a bad one": "validation_failed",
        }
        assert partition(store, "tides") == before
    last = shown(store.create_round("tides", 5, request_id="r-2"))
    assert shown(store.create_round("tides", 5, request_id="r-2")) == last


@rules("STORE-22")
def test_a_refused_whole_round_is_not_remembered(backend: Backend) -> None:
    store = backend.store
    harbour(store)
    if "batch" in backend.claims():
        assert (
            code_of(partial(write, store, signals=["pie"], request_id="r-1")) == "validation_failed"
        )
    made = shown(store.create_round("tides", 1, request_id="r-1"))
    assert shown(store.create_round("tides", 1, request_id="r-1")) == made


# -- what writes nothing -------------------------------------------------------------------------------


@rules("STORE-22")
def test_a_refused_write_is_not_remembered(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    refused: Mapping[str, dict[str, Any]] = {
        "register_claim": {"round": 7, "label": "l", "content": "c", "contributors": []},
        "register_expert": {"expert_slug": "muffin", "role": "Cook", "tier": "Core"},
        "update_dialogue_status": {"status": "open"},
    }
    numbered = {name: f"r-{number}" for number, name in enumerate(refused)}
    assert codes(
        {name: partial(again, store, name, args, numbered[name]) for name, args in refused.items()}
    ) == {
        "register_claim": "round_not_found",
        "register_expert": "duplicate_entity",
        "update_dialogue_status": "invalid_status_transition",
    }
    made = [
        shown(store.register_claim("tides", 0, "l", "c", [], request_id=f"r-{number}"))[
            "display_id"
        ]
        for number in range(len(refused))
    ]
    assert made == ["C0001", "C0002", "C0003"]


@rules("STORE-22")
def test_what_was_there_already_is_not_remembered(store: DialogueStore) -> None:
    """A ref or a signal that is there is given back, and nothing is written (STORE-07)."""
    begin(store, "tides", experts=["muffin"])
    store.register_claim("tides", 0, "l", "c", [])
    store.register_evidence("tides", 0, "l", "c", [])
    ref = shown(store.register_ref("tides", "E0001", "support", "C0001"))
    signal = shown(store.record_convergence_signal("tides", 0, "muffin"))
    before = partition(store, "tides")
    again_ref = store.register_ref("tides", "E0001", "support", "C0001", request_id="r-1")
    again_signal = store.record_convergence_signal("tides", 0, "muffin", request_id="r-2")
    assert (shown(again_ref), shown(again_signal)) == (ref, signal)
    assert partition(store, "tides") == before
    made = [
        shown(store.register_claim("tides", 0, "l", "c", [], request_id=request_id))["display_id"]
        for request_id in ("r-1", "r-2")
    ]
    assert made == ["C0002", "C0003"]


# -- how it is remembered ------------------------------------------------------------------------------


@rules("STORE-22")
def test_the_item_that_remembers(backend: Backend) -> None:
    """In the partition, with an envelope as any other; a store that shows no items is only asked again."""
    store = backend.store
    begin(store, "tides")
    args = {"round": 0, "label": "l", "content": "c", "contributors": ["muffin"]}
    made = shown(again(store, "register_claim", args))
    assert shown(again(store, "register_claim", args)) == made
    if backend.raw is None:
        return
    found = Forge.of(backend.raw, "tides")
    sk = "request#r-register_claim"
    (item,) = [dict(item) for item in backend.raw.scan("tides") if item["sk"] == sk]
    envelope = without(item, "pk", "sk", "created_at")
    assert (item["pk"], item["created_at"]) == ("dialogue#tides", made["created_at"])
    assert sorted(envelope) == sorted(ENVELOPE_ATTRIBUTES)
    assert found.payload(sk) == {
        "input_hash": _hash("register_claim", {"dialogue_id": "tides", **args, "references": []}),
        "result": made,
    }
    assert store.verify_partition("tides") == []


def _hash(method: str, params: Item) -> str:
    return hashlib.sha256(canonical({"method": method, "params": params})).hexdigest()


@rules("STORE-22")
def test_requests_count_as_items(backend: Backend) -> None:
    """HEAD-01: where a head counts, they are counted; everywhere they are one write with their own."""
    store = backend.store
    begin(store, "tides")
    start = partition(store, "tides")["revision"]
    for number in range(3):
        store.register_claim("tides", 0, "l", "c", [], request_id=f"r-{number}")
    assert partition(store, "tides")["revision"] == start + 3
    if backend.raw is not None:
        items = backend.raw.scan("tides")
        assert len([item for item in items if str(item["sk"]).startswith("request#")]) == 3
        assert Forge.of(backend.raw, "tides").payload("head")["count"] == len(items) - 1
        assert plain(store.verify_partition("tides")) == []


@rules("STORE-22")
def test_a_request_is_remembered_after_a_day_and_after_a_year(
    store: DialogueStore, clock: Clock
) -> None:
    """As long as the dialogue lives."""
    clock.set("2026-02-03T10:15:00.000000Z")
    begin(store, "tides")
    claim = partial(store.register_claim, "tides", 0, "l", "c", [], request_id="r-1")
    first = shown(claim())
    for later in ("2026-02-04T10:15:01.000000Z", "2027-02-05T00:00:00.000000Z"):
        clock.set(later)
        store.register_evidence("tides", 0, "l", "c", [])
        before = partition(store, "tides")
        assert shown(claim()) == first
        assert partition(store, "tides") == before
    clock.needed("a repeat after a day and a year")


@rules("STORE-22")
def test_requests_whose_ids_are_alike_are_others(store: DialogueStore) -> None:
    """An id that another one begins with, or that is its pattern, is new; each gives its own again."""
    begin(store, "tides")
    ids = ("r-10", "r-1.", "r-1", "r_1", "r-", "r", "R-1")
    claims = {
        name: partial(store.register_claim, "tides", 0, name, "c", [], request_id=name)
        for name in ids
    }
    made = {name: shown(claim()) for name, claim in claims.items()}
    assert {name: (one["label"], one["seq"]) for name, one in made.items()} == {
        name: (name, number) for number, name in enumerate(ids, start=1)
    }
    assert {name: shown(claim()) for name, claim in claims.items()} == made
