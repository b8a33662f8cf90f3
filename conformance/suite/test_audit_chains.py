"""Chains only grow, one event at a time, and know how far the partition was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import METHODS

from ..running.session import World
from ..targets.base import Backend, RawAccess
from .kit.builders import begin, call, calls, code_of, partition, populate
from .kit.chain import Log, is_linked, made
from .kit.forge import PUBLISHED_UMK, Forge, Item, derive_kek
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("audit")

D = "d"
PK = f"dialogue#{D}"
KEK = derive_kek(PUBLISHED_UMK, "local")


def raw_of(backend: Backend) -> RawAccess:
    assert backend.raw is not None, "the profile needs raw access, and the backend gives none"
    return backend.raw


# -- append only ----------------------------------------------------------------------------------


@rules("AUDIT-03")
def test_no_event_is_ever_changed_or_removed(world: World) -> None:
    """By no method, whoever calls it, whether it succeeds or fails: each only adds, in sequence."""
    backend = world.open()
    log = Log(raw_of(backend), D)
    populate(backend.store, D)
    others = [world.open().store, world.open(user_id="eve").store]
    clients = [backend.store, *others]
    for number, (method, args) in enumerate(calls(D).items()):
        client = clients[number % 3]
        code_of(partial(call, client, method, args))
        code_of(partial(call, client, method, args))  # most writes are refused a second time
        log.new()  # fails where one was changed
    clients[1].verify_chain(D)
    clients[1].verify_partition(D)
    chains = log.all()
    assert {name for name, events in chains.items() if not is_linked(D, name, events)} == set()
    assert len(chains) == 4
    writes = sum(METHODS[m].kind == "write" for m in calls(D))
    assert len(chains["w"]) > writes


def in_threads(work: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Do all at once; what each gave, or the code of the error it ended with."""
    results: dict[str, Any] = {}
    barrier = threading.Barrier(len(work))

    def run(name: str, job: Callable[[], Any]) -> None:
        barrier.wait(timeout=30)
        results[name] = code_of(job)

    threads = [threading.Thread(target=run, args=entry, daemon=True) for entry in work.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=50)
    assert not any(thread.is_alive() for thread in threads), "a call never came back"
    return results


def score_often(store: DialogueStore, expert: str, times: int) -> None:
    """Set scores one after the other, each of which is one write."""
    for score in range(times):
        store.update_expert_score(D, expert, 1, score)


def read_often(store: DialogueStore, times: int) -> None:
    for _ in range(times):
        store.get_experts(D)


@rules("AUDIT-03", "AUDIT-04")
def test_writers_and_readers_at_once_do_not_fork_a_chain(world: World, budget: str) -> None:
    """Two writers, two readers and two threads of one instance: as many events of writes as writes
    were acknowledged, none of an attempt that lost; every chain is one line."""
    times = {"quick": 8, "ordinary": 30, "nightly": 300}[budget]
    first = world.open(deadline_s=30.0)
    log = Log(raw_of(first), D)
    begin(first.store, D, rounds=[1], experts=["anne", "bob"])
    began = len(log.writes())
    second, reader, third = (world.open(deadline_s=30.0).store for _ in range(3))
    done = in_threads(
        {
            "writer": lambda: score_often(first.store, "anne", times),
            "other writer": lambda: score_often(second, "bob", times),
            "reader": lambda: read_often(reader, times),
            "one thread": lambda: read_often(third, times),
            "another thread": lambda: read_often(third, times),
        }
    )
    assert set(done.values()) == {None}
    chains = log.all()
    assert {name for name, events in chains.items() if not is_linked(D, name, events)} == set()
    written = [event for event in chains["w"][began:] if event["operation"] == "encrypt"]
    assert len(written) == 2 * times
    assert {event["outcome"] for event in chains["w"]} == {"success"}
    readers = [events for name, events in chains.items() if name != "w"]
    assert 2 <= len(readers) <= 2 + 2  # a writer that met nobody has read nothing by itself
    assert plain(world.open().store.verify_chain(D))["findings"] == []


@rules("AUDIT-08")
def test_readers_leave_the_write_chain_alone(world: World) -> None:
    """Between two writes of one instance others read; its next event follows its own."""
    writer = world.open()
    log = Log(raw_of(writer), D)
    begin(writer.store, D, rounds=[1], experts=["anne"])
    log.new()
    seen = set()
    for number in range(5):
        reader = world.open().store
        writer.store.update_expert_score(D, "anne", 1, number)
        (event,) = log.added("w")
        reader.load_partition(D)
        reader.verify_partition(D)
        name = log.added("r")[0]["chain"]
        assert name not in seen
        seen.add(name)
        writer.store.update_expert_score(D, "anne", 1, number + 100)
        (following,) = log.added("w")
        assert following["previous_hash"] == event["event_hash"]


@rules("AUDIT-08")
def test_an_instance_has_one_chain_as_long_as_it_lives(world: World) -> None:
    """In each dialogue one, with a sequence of its own."""
    writer, reader = world.open(), world.open()
    for dialogue_id in ("d", "e"):
        log = Log(raw_of(writer), dialogue_id)
        begin(writer.store, dialogue_id, rounds=[1], experts=["anne"])
        log.new()
        read = []
        for score in range(3):
            writer.store.update_expert_score(dialogue_id, "anne", 1, score)
            reader.store.get_experts(dialogue_id)
            read += [name for name in log.new() if name != "w"]
        assert len(read) == 3
        assert len(set(read)) == 1
        assert is_linked(dialogue_id, read[0], log.reads())


# -- what the chain knows of the partition (AUDIT-09) ---------------------------------------------


class RolledBack:
    """A dialogue that was put back to an earlier state, item for item, while its chain stayed."""

    def __init__(self, world: World) -> None:
        self.backend = world.open()
        self.raw = raw_of(self.backend)
        self.store = self.backend.store
        begin(self.store, D, rounds=[1], experts=["anne"])
        self.knows_both = world.open().store
        self.knows_both.load_partition(D)
        earlier = Forge.of(self.raw, D)
        self.store.update_expert_score(D, "anne", 1, 3)
        self.store.create_round(D, 2)
        self.later = Forge.of(self.raw, D)
        self.knows_both.load_partition(D)
        self.log = Log(self.raw, D)
        self.last = self.log.writes()[-1]
        earlier.put_into(self.raw, found=self.later.items)
        self.earlier = earlier.items

    def items(self) -> dict[str, Item]:
        return {str(item["sk"]): dict(item) for item in self.raw.scan(D)}


@rules("AUDIT-09")
@pytest.mark.parametrize("who", ["a new instance", "one that knows both states", "the writer"])
def test_a_partition_rolled_back_is_read_by_nobody(world: World, who: str) -> None:
    """Every item is right and so is their sum: only the chain knows that there was more."""
    back = RolledBack(world)
    store = {
        "a new instance": world.open().store,
        "one that knows both states": back.knows_both,
        "the writer": back.store,
    }[who]
    with expect_error("integrity_error", layer="chain"):
        store.load_partition(D)
    with expect_error("integrity_error", layer="chain"):
        store.get_rounds(D)
    assert [finding["layer"] for finding in plain(store.verify_partition(D))] == ["chain"]
    collected = plain(store.load_partition(D, on_error="collect"))
    assert [finding["layer"] for finding in collected["findings"]] == ["chain"]


@rules("AUDIT-09")
@pytest.mark.parametrize("who", ["a new instance", "one that knows both states", "the writer"])
def test_a_partition_rolled_back_is_written_on_by_nobody(world: World, who: str) -> None:
    back = RolledBack(world)
    store = {
        "a new instance": world.open().store,
        "one that knows both states": back.knows_both,
        "the writer": back.store,
    }[who]
    with expect_error("integrity_error", layer="chain"):
        store.create_round(D, 3)
    assert back.items() == back.earlier
    assert back.log.writes()[-1] == back.last


@rules("AUDIT-09")
def test_a_partition_put_forward_again_is_read_and_written(world: World) -> None:
    """The negative control: the later items, put back the same way, are fine."""
    back = RolledBack(world)
    back.later.put_into(back.raw, found=back.earlier)
    for store in (world.open().store, back.knows_both, back.store):
        assert plain(store.verify_partition(D)) == []
        assert [r["round"] for r in plain(store.get_rounds(D))] == [1, 2]
    back.store.create_round(D, 3)
    assert back.log.writes()[-1]["revision"] == 6


@rules("AUDIT-09")
@pytest.mark.parametrize("who", ["a new instance", "one that knows both states"])
@pytest.mark.parametrize("mac", ["no mac", "a mac of zeros", "a boundary"])
def test_an_event_that_anybody_can_put_does_not_hide_a_rollback(
    world: World, mac: str, who: str
) -> None:
    """Linked and hashed, with the revision of the earlier state, but made without the key."""
    back = RolledBack(world)
    fields: dict[str, Any] = {
        "dialogue_id": D,
        "operation": "encrypt",
        "key_id": f"dek#{D}#1",
        "revision": 1,
        "subject": PK,
        "count": 2,
    }
    if mac == "no mac":
        fields["outcome"] = "failure"
    elif mac == "a boundary":  # which has none, but for a note that says what it ends
        fields |= {"operation": "boundary", "revision": 0, "note": "moved"}
    else:
        fields["mac"] = "0" * 64
    back.raw.put(made(None, fields, after=back.last))

    def store() -> DialogueStore:
        return world.open().store if who == "a new instance" else back.knows_both

    with expect_error("integrity_error", layer="chain"):
        store().load_partition(D)
    with expect_error("integrity_error", layer="chain"):
        store().create_round(D, 3)
    assert back.items() == back.earlier


@rules("AUDIT-09")
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("state", ["erased", "moved"])
def test_a_state_is_believed_only_as_the_chain_bears_out(
    world: World, state: str, warm: bool
) -> None:
    """HEAD-01: nobody needs a key to write it into a head; the chain knows neither an erasure nor a
    boundary."""
    backend = world.open()
    raw = raw_of(backend)
    begin(backend.store, D, rounds=[1])
    store = world.open().store
    if warm:
        store.get_rounds(D)
    head = raw.get(PK, "head")
    assert head is not None, "there is no head"
    raw.put({**head, "state": state})
    with expect_error("integrity_error", layer="head"):
        store.load_partition(D)
    with expect_error("integrity_error", layer="head"):
        store.create_round(D, 3)
    raw.put(dict(head))
    assert [r["round"] for r in plain(store.get_rounds(D))] == [1]


@rules("AUDIT-09")
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("left", ["nothing", "everything"])
def test_an_erasure_is_believed_only_with_its_mac(world: World, left: str, warm: bool) -> None:
    """KEY-09: somebody without a key puts a tombstone and an `erase` event, right in form, hash and link.
    Whether its mac is looked at does not depend on what else lies there."""
    backend = world.open()
    raw = raw_of(backend)
    begin(backend.store, D, rounds=[1])
    store = world.open().store
    if warm:
        store.get_rounds(D)
    head = raw.get(PK, "head")
    assert head is not None, "there is no head"
    revision = int(head["revision"]) + 1
    kept = {name: head[name] for name in ("pk", "sk", "updated_at")}
    if left == "nothing":
        for item in raw.scan(D):
            raw.delete(PK, str(item["sk"]))
    raw.put({**kept, "revision": revision, "state": "erased"})
    fields = {"dialogue_id": D, "operation": "erase", "revision": revision}
    last = Log(raw, D).all()["w"][-1]
    raw.put(made(None, {**fields, "key_id": last["key_id"], "mac": "0" * 64}, after=last))
    for _ in range(2):
        with expect_error("integrity_error", layer="chain"):
            store.load_partition(D)
    with expect_error("integrity_error", layer="chain"):
        store.create_round(D, 3)


def removed(world: World) -> tuple[Backend, Log]:
    """A dialogue whose items are all gone while its chain stayed."""
    backend = world.open()
    raw = raw_of(backend)
    begin(backend.store, D, rounds=[1], experts=["anne"])
    log = Log(raw, D)
    log.new()
    for item in raw.scan(D):
        raw.delete(PK, str(item["sk"]))
    return backend, log


@rules("AUDIT-09")
def test_a_partition_that_is_gone_is_not_made_anew(world: World) -> None:
    """``create_dialogue`` where the chain knows a revision: layer head; nothing is written."""
    backend, log = removed(world)
    for store in (backend.store, world.open().store):
        with expect_error("integrity_error", layer="head"):
            store.create_dialogue(D, "T")
    assert list(raw_of(backend).scan(D)) == []
    assert "w" not in log.new()


@rules("AUDIT-09")
def test_a_partition_that_is_gone_is_missed(world: World) -> None:
    """No head is a head below the chain's; a dialogue that never was stays ``dialogue_not_found``."""
    backend, _ = removed(world)
    for store in (backend.store, world.open().store):
        with expect_error("integrity_error", layer="chain"):
            store.create_round(D, 2)
        with expect_error("dialogue_not_found"):
            store.create_round("nowhere", 2)
    assert list(raw_of(backend).scan(D)) == []


@rules("AUDIT-03", "AUDIT-09")
def test_a_chain_that_is_gone_is_not_begun_again(world: World) -> None:
    """An instance that finds a partition without a write chain does not write on it."""
    backend = world.open()
    raw = raw_of(backend)
    begin(backend.store, D, rounds=[1], experts=["anne"])
    for event in Log(raw, D).writes():
        raw.delete(f"audit#{D}", event["sk"])
    before = Forge.of(raw, D).items
    with expect_error("integrity_error", layer="chain"):
        world.open().store.create_round(D, 2)
    assert Forge.of(raw, D).items == before
    assert "w" not in Log(raw, D).all()


@rules("AUDIT-09")
def test_where_there_is_no_head_the_revision_is_0(world: World) -> None:
    backend = world.open()
    raw = raw_of(backend)
    begin(backend.store, D, rounds=[1], experts=["anne"])
    log = Log(raw, D)
    log.new()
    raw.delete(PK, "head")
    with expect_error("integrity_error", layer="head"):
        world.open().store.get_rounds(D)
    assert {event["revision"] for event in log.added("r")} == {0}


@rules("AUDIT-09")
def test_the_revision_on_a_read_chain_is_the_one_read(world: World) -> None:
    writer, reader = world.open(), world.open()
    begin(writer.store, D, rounds=[1], experts=["anne"])
    log = Log(raw_of(writer), D)
    log.new()
    found = []
    for score in range(3):
        writer.store.update_expert_score(D, "anne", 1, score)
        writer.store.update_expert_score(D, "anne", 1, score + 100)
        assert len(log.added("w")) == 2
        reader.store.get_experts(D)
        found += [event["revision"] for event in log.added("r")]
    reader.store.verify_chain(D)  # may open nothing new, or the head anew
    found += [event["revision"] for events in log.new().values() for event in events]
    assert found[:5] == [5, 5, 5, 7, 9]
    assert set(found[5:]) <= {9}
    assert partition(reader.store, D)["revision"] == 9
