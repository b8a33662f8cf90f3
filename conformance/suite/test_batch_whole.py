"""STORE-13: all of a round is there for every reader, or none of it, at any size."""

from __future__ import annotations

from functools import partial
from typing import Any

from conformance.running.session import World
from conformance.suite.conftest import Clock
from conformance.suite.kit.builders import KINDS, as_json, partition, register, shown
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.rounds import (
    NOW,
    Looking,
    as_the_model_has_it,
    entry,
    harbour,
    many,
    settled,
    state_of,
    write,
)
from conformance.targets.base import Backend
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("batch")

P, T, R, E, C = KINDS.values()
KIB = 1024


def everything(texts: int, *, count: int = 99) -> dict[str, Any]:
    """Round 1 with ``count`` of each kind, as many moves and three times as many refs."""
    body = "tide " * (texts // 5)
    return {
        "round": 1,
        "score": 1,
        **{
            kind.plural: [entry(kind, body, local_id=f"{kind.letter}{n}") for n in range(count)]
            for kind in KINDS.values()
        },
        "moves": [
            {"expert_slug": "scone", "move_type": "challenge", "targets": [f"C{n}"]}
            for n in range(count)
        ],
        "refs": [
            {"source": source.format(n), "ref_type": ref_type, "target": target.format(n)}
            for source, ref_type, target in (
                ("P{}", "address", "T{}"),
                ("R{}", "resolve", "T{}"),
                ("E{}", "support", "C{}"),
            )
            for n in range(count)
        ],
        "expert_scores": {"muffin": 3},
        "responses": {"scone": body},
        "signals": ["muffin"],
    }


def comes_back(backend: Backend, clock: Clock, params: dict[str, Any]) -> None:
    """A round is what the model makes of it, and nothing is wrong with what is stored."""
    store = backend.store
    clock.set(NOW)
    harbour(store)
    write(store, **params)
    assert as_json(settled(store, clock)) == as_json(
        as_the_model_has_it(clock, harbour, partial(write, **params))
    )
    if backend.raw is not None:
        assert store.verify_partition("tides") == []


@rules("STORE-13")
def test_more_items_than_any_transaction_takes(backend: Backend, clock: Clock) -> None:
    """Sixty perspectives with an event and a ref each are more than the hundred of DynamoDB."""
    comes_back(backend, clock, many(60))


@rules("STORE-13")
def test_more_bytes_than_any_transaction_takes(backend: Backend, clock: Clock) -> None:
    """Six megabytes, DynamoDB takes four."""
    params = {"round": 1, "score": 1, "claims": [entry(C, "tide " * (60 * KIB)) for _ in range(20)]}
    comes_back(backend, clock, params)


@rules("STORE-13")
def test_all_that_a_round_may_hold(backend: Backend, clock: Clock, budget: str) -> None:
    """Ninety-nine of everything, unless there is little time."""
    comes_back(backend, clock, everything(1000, count=30 if budget == "quick" else 99))


@rules("STORE-13")
def test_a_large_round_is_written_on(store: DialogueStore, clock: Clock) -> None:
    def go_on(store: DialogueStore) -> None:
        register(store, P, "tides", 1, references=[{"type": "support", "target": "P0160"}])
        store.update_tension_status("tides", "T0160", "resolved", ["judge"], 1)
        store.register_round(
            "tides",
            2,
            3,
            refs=[
                {"source": "R0101", "ref_type": "resolve", "target": "T0101"},
            ],
        )

    clock.set(NOW)
    harbour(store)
    write(store, **many(60))
    go_on(store)
    assert as_json(settled(store, clock)) == as_json(
        as_the_model_has_it(clock, harbour, partial(write, **many(60)), go_on)
    )


@rules("STORE-13")
def test_another_client_sees_and_goes_on_with_a_large_round(world: World) -> None:
    one, other = world.open().store, world.open().store
    harbour(one)
    before = partition(other, "tides")
    write(one, **many(60))
    after = partition(other, "tides")
    register(other, P, "tides", 1)
    assert after["revision"] == before["revision"] + 1
    assert partition(one, "tides")["revision"] == after["revision"] + 1
    assert [len(after[kind.plural]) for kind in (P, T, R)] == [61, 61, 61]
    assert [e["display_id"] for e in partition(one, "tides")["perspectives"]][-1] == "P0161"


@rules("STORE-13")
def test_a_refused_large_round_leaves_no_trace(world: World) -> None:
    store = world.open().store
    harbour(store)
    write(store, **many(60))
    before = partition(store, "tides")
    again = {**many(60), "round": 2, "signals": ["brioche"]}
    try:
        write(store, **again)
        written = True
    except Exception:  # noqa: BLE001 - which error is another test's business
        written = False
    assert (written, partition(world.open().store, "tides")) == (False, before)


# -- readers in the midst of it ------------------------------------------------------------------------


@rules("STORE-13")
def test_a_reader_sees_all_of_a_round_or_none(world: World, budget: str) -> None:
    writer, reader = world.open().store, world.open().store
    harbour(writer)
    looking = Looking(reader)
    looking.start()
    try:
        assert looking.has_begun.wait(30)
        write(writer, **many(40 if budget == "quick" else 99))
    finally:
        looking.enough.set()
        looking.join(60)
    assert (looking.failure, looking.is_alive()) == (None, False)
    before, after = looking.seen[0], looking.seen[-1]
    assert [state for state in looking.seen if state not in (before, after)] == []
    assert after[0] == before[0] + 1
    assert after[1]["perspectives"] == before[1]["perspectives"] + (40 if budget == "quick" else 99)
    assert after == state_of(writer)


@rules("STORE-13")
def test_a_round_is_one_revision_whatever_it_holds(store: DialogueStore) -> None:
    harbour(store)
    start = partition(store, "tides")["revision"]
    sizes = (0, 1, 35, 60)
    told = []
    for number, count in enumerate(sizes, start=1):
        made = shown(write(store, **{**many(count), "round": number}))
        told.append(made["revision"])
        assert partition(store, "tides")["revision"] == told[-1]
    assert told == [start + number for number in range(1, len(sizes) + 1)]
