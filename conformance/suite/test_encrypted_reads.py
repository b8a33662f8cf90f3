"""STORE-03: what a read says is what was acknowledged, whoever wrote it, and under a checked
head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import METHODS

from ..running.session import World
from .kit.builders import begin, call, calls, everything, listed, partition, populate
from .kit.forge import Forge
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("encrypted")

D = "d"


def start(store: DialogueStore) -> None:
    """A small dialogue to write on."""
    begin(store, D, rounds=[1, 3], experts=["muffin", "scone"])
    for _ in range(2):
        store.register_claim(D, 1, "L", "C", ["muffin"])
    store.register_tension(D, 1, "L", "D", ["muffin"])
    store.register_recommendation(D, 1, "L", "C", ["muffin"])
    store.register_evidence(D, 1, "L", "C", ["muffin"])


def two_clients(world: World) -> tuple[DialogueStore, DialogueStore]:
    """Two stores over one small dialogue, each of which has read it."""
    first, second = world.open().store, world.open().store
    start(first)
    assert whole(second) == whole(first)
    return first, second


def whole(store: DialogueStore) -> dict[str, Any]:
    return partition(store, D)


@rules("STORE-03")
def test_every_write_of_another_client_is_seen_at_once(world: World) -> None:
    first, second = world.open().store, world.open().store
    populate(first, D)
    seen = whole(first)
    for method, args in calls(D).items():
        if METHODS[method].kind == "write":
            call(second, method, args)
            before, seen = seen, whole(first)
            assert seen["revision"] == before["revision"] + 1, method
            assert seen == whole(second), method
    assert seen == whole(world.open().store)


@rules("STORE-03")
def test_every_read_sees_another_clients_writes(world: World) -> None:
    first, second = world.open().store, world.open().store
    populate(first, D)
    before = everything(first, D)
    for method, args in calls(D).items():
        if METHODS[method].kind == "write":
            call(second, method, args)
    after = everything(first, D)
    assert after == everything(world.open().store, D)
    assert {name for name in after if after[name] == before[name]} == set()


@rules("STORE-03")
def test_a_read_is_of_one_revision_and_says_which(world: World) -> None:
    first, second = two_clients(world)
    revisions = [whole(first)["revision"]]
    for number in (10, 11, 12):
        second.create_round(D, number)
        found = whole(first)
        revisions.append(found["revision"])
        assert [r["round"] for r in found["rounds"]][-1] == number
        assert found["dialogue"]["total_rounds"] == number + 1
    assert revisions == list(range(revisions[0], revisions[0] + 4))


@rules("STORE-03")
def test_a_client_that_has_read_before_checks_the_next_head_too(world: World) -> None:
    """What is kept may serve only while the stored head is the very same."""
    backend = world.open()
    assert backend.raw is not None
    begin(backend.store, D, rounds=[1], experts=["anne"])
    reader = world.open().store
    assert len(listed(reader.get_rounds(D))) == 1
    made = Forge.of(backend.raw, D)
    made.items["round#01"]["score"] = 99
    made.remake_head(sum=made.head_payload["sum"])
    made.put_into(backend.raw)
    with expect_error("integrity_error", layer="head", sk="head", pk=made.pk):
        reader.get_rounds(D)


@rules("STORE-03")
def test_a_write_is_not_built_on_a_head_that_does_not_fit(world: World) -> None:
    backend = world.open()
    assert backend.raw is not None
    begin(backend.store, D, rounds=[1], experts=["anne"])
    made = Forge.of(backend.raw, D)
    made.items["round#01"]["score"] = 99
    made.put_into(backend.raw)
    with expect_error("integrity_error", layer="head", sk="head", pk=made.pk):
        world.open().store.create_round(D, 2)
    assert {str(item["sk"]): item for item in backend.raw.scan(D)} == made.items


#: What another client does behind the back of one that has read everything, and what that one then
#: tries: name -> (the other's write, the attempt, the error).
BEHIND_THE_BACK: dict[
    str, tuple[Callable[[DialogueStore], Any], Callable[[DialogueStore], Any], str]
] = {
    "a round is there now": (
        lambda s: s.create_round(D, 5),
        lambda s: s.create_round(D, 5),
        "duplicate_entity",
    ),
    "an expert is there now": (
        lambda s: s.register_expert(D, "brioche", "Cook", "Core"),
        lambda s: s.register_expert(D, "brioche", "Baker", "Adjacent"),
        "duplicate_entity",
    ),
    "a verdict is there now": (
        lambda s: s.register_verdict(D, "v-2", "interim", 1, "Stay", "A while"),
        lambda s: s.register_verdict(D, "v-2", "interim", 1, "Go", "At once"),
        "duplicate_entity",
    ),
    "the dialogue has ended": (
        lambda s: s.update_dialogue_status(D, "abandoned"),
        lambda s: s.update_dialogue_status(D, "converged"),
        "invalid_status_transition",
    ),
    "a tension is resolved": (
        lambda s: s.update_tension_status(D, "T0101", "resolved", ["judge"], 1),
        lambda s: s.update_tension_status(D, "T0101", "addressed", ["judge"], 1),
        "invalid_status_transition",
    ),
    "a claim is withdrawn": (
        lambda s: s.update_claim_status(D, "C0101", "withdrawn"),
        lambda s: s.update_claim_status(D, "C0101", "supported"),
        "invalid_status_transition",
    ),
    "a round is completed": (
        lambda s: s.update_round_status(D, 1, "completed"),
        lambda s: s.update_round_status(D, 1, "in_progress"),
        "invalid_status_transition",
    ),
}


@rules("STORE-03")
@pytest.mark.parametrize("name", BEHIND_THE_BACK)
def test_an_error_is_said_of_what_is_there_now(world: World, name: str) -> None:
    first, second = two_clients(world)
    write, attempt, code = BEHIND_THE_BACK[name]
    write(second)
    settled = whole(second)
    with expect_error(code):
        attempt(first)
    assert whole(first) == settled


#: What another client has made meanwhile: the first one's own memory would refuse the attempt.
MADE_MEANWHILE: dict[str, tuple[Callable[[DialogueStore], Any], Callable[[DialogueStore], Any]]] = {
    "a round": (
        lambda s: s.create_round(D, 8),
        lambda s: s.register_claim(D, 8, "L", "C", ["muffin"]),
    ),
    "an expert": (
        lambda s: s.register_expert(D, "brioche", "Cook", "Core"),
        lambda s: s.register_move(D, 1, "brioche", "converge"),
    ),
    "the target of a ref": (
        lambda s: s.register_claim(D, 3, "L", "C", ["muffin"]),
        lambda s: s.register_ref(D, "E0101", "support", "C0301"),
    ),
    "a verdict": (
        lambda s: s.register_verdict(D, "v-2", "interim", 1, "Stay", "A while"),
        lambda s: s.update_recommendation_status(
            D, "R0101", "adopted", ["judge"], 1, verdict_id="v-2"
        ),
    ),
    "a status that allows the next": (
        lambda s: s.update_tension_status(D, "T0101", "resolved", ["judge"], 1),
        lambda s: s.update_tension_status(D, "T0101", "reopened", ["judge"], 1),
    ),
}


@rules("STORE-03")
@pytest.mark.parametrize("name", MADE_MEANWHILE)
def test_no_error_is_said_of_what_was_there_once(world: World, name: str) -> None:
    first, second = two_clients(world)
    write, attempt = MADE_MEANWHILE[name]
    write(second)
    attempt(first)
    fresh = whole(world.open().store)
    assert whole(first) == fresh
    assert whole(second) == fresh


@rules("STORE-03")
def test_a_dialogue_unknown_a_moment_ago_is_found(world: World) -> None:
    first, second = world.open().store, world.open().store
    with expect_error("dialogue_not_found"):
        first.get_dialogue(D)
    with expect_error("dialogue_not_found"):
        first.create_round(D, 1)
    second.create_dialogue(D, "Which harbour?")
    assert plain(first.get_dialogue(D))["title"] == "Which harbour?"
    with expect_error("duplicate_entity"):
        first.create_dialogue(D, "Another one")
    first.create_round(D, 1)
    assert [r["round"] for r in plain(second.get_rounds(D))] == [1]


@rules("STORE-03")
def test_a_repeat_gives_back_what_another_client_wrote(world: World) -> None:
    """An idempotent repeat is no commit, so it is answered from a consistent read."""
    first, second = two_clients(world)
    ref = plain(second.register_ref(D, "C0102", "depend", "E0101"))
    signal = plain(second.record_convergence_signal(D, 3, "muffin"))
    revision = whole(second)["revision"]
    assert plain(first.register_ref(D, "C0102", "depend", "E0101")) == ref
    assert plain(first.record_convergence_signal(D, 3, "muffin")) == signal
    assert whole(first)["revision"] == revision


@rules("STORE-03")
def test_the_next_number_is_that_of_what_is_there_now(world: World) -> None:
    first, second = two_clients(world)
    assert plain(first.next_seq(D, 1, "claim")) == 3
    second.register_claim(D, 1, "L", "C", ["muffin"])
    assert plain(first.next_seq(D, 1, "claim")) == 4
    assert plain(first.register_claim(D, 1, "L", "C", ["muffin"]))["display_id"] == "C0104"
    assert plain(second.next_seq(D, 1, "claim")) == 5
