"""What fails is logged too, on the chain of the instance that failed; what cannot be logged fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain

from ..running.session import World
from ..targets.base import Backend, RawAccess
from .kit.builders import begin, code_of
from .kit.chain import Chain, Log, event_mac, is_linked, made, operations, steps
from .kit.forge import PUBLISHED_UMK, Forge, derive_kek, kek_key_id
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("audit")

D = "d"
PK = f"dialogue#{D}"
DEK_1 = f"dialogue:{D}/entity:dek/1"
KEK = derive_kek(PUBLISHED_UMK, "local")
KEK_ID = kek_key_id(KEK, "local")
DEK_ID = f"dek#{D}#1"
DERIVE = ("derive", "success", KEK_ID, PK, 1)
UNWRAP = ("unwrap", "success", KEK_ID, DEK_1, 1)


def raw_of(backend: Backend) -> RawAccess:
    assert backend.raw is not None, "the profile needs raw access, and the backend gives none"
    return backend.raw


def start(world: World) -> tuple[Backend, Log]:
    """A small dialogue of four revisions and five sealed items, and its log, looked at."""
    backend = world.open()
    begin(backend.store, D, rounds=[1, 2], experts=["anne"])
    log = Log(raw_of(backend), D)
    log.new()
    return backend, log


#: What an instance without the right key tries, and nobody is told anything.
ATTEMPTS: dict[str, Callable[[DialogueStore], Any]] = {
    "a read": lambda store: store.load_partition(D),
    "a write": lambda store: store.create_round(D, 3),
}


@rules("AUDIT-01", "AUDIT-08")
@pytest.mark.parametrize("attempt", ["a read", "a write"])
def test_another_user_is_denied_and_that_is_logged(world: World, attempt: str) -> None:
    """Its own KEK can be had, so the events name it and bear a mac made with it."""
    _, log = start(world)
    with expect_error("key_denied"):
        ATTEMPTS[attempt](world.open(user_id="eve").store)
    kek = derive_kek(PUBLISHED_UMK, "eve")
    key_id = kek_key_id(kek, "eve")
    events = log.added("r")
    assert steps(events) == [
        ("derive", "success", key_id, PK, 1),
        ("unwrap", "denied", key_id, DEK_1, 1),
    ]
    assert [event["principal"] for event in events] == ["eve", "eve"]
    assert [e.get("mac") for e in events] == [event_mac(kek, D, e["event_hash"]) for e in events]


@rules("AUDIT-01", "AUDIT-08")
@pytest.mark.parametrize("attempt", ["a read", "a write"])
def test_a_key_that_is_gone_is_logged_without_key_id_and_mac(world: World, attempt: str) -> None:
    _, log = start(world)
    missing = world.root / "keys" / "gone.key"
    with expect_error("umk_missing"):
        ATTEMPTS[attempt](world.open(key_file=missing).store)
    events = log.added("r")
    assert steps(events) == [("derive", "failure", None, PK, 1)]
    assert "key_id" not in events[0]
    assert "mac" not in events[0]
    assert is_linked(D, events[0]["chain"], events)


def other_umk(folder: Path) -> Path:
    """A key file with another master key."""
    path = folder / "other.key"
    path.touch(mode=0o600)
    path.write_bytes(bytes(range(1, 33)))
    return path


@rules("AUDIT-01")
def test_a_changed_master_key_is_a_failure_not_a_denial(world: World) -> None:
    _, log = start(world)
    with expect_error("umk_changed"):
        world.open(key_file=other_umk(world.root / "keys")).store.load_partition(D)
    key_id = kek_key_id(derive_kek(bytes(range(1, 33)), "local"), "local")
    assert steps(log.added("r")) == [
        ("derive", "success", key_id, PK, 1),
        ("unwrap", "failure", key_id, DEK_1, 1),
    ]


@rules("AUDIT-01")
def test_a_wrapped_key_that_does_not_open_is_a_failed_unwrap(world: World) -> None:
    backend, log = start(world)
    spoil(raw_of(backend), "dek#1")
    with expect_error("integrity_error", layer="key"):
        world.open().store.load_partition(D)
    events = log.added("r")
    assert steps(events) == [DERIVE, ("unwrap", "failure", KEK_ID, DEK_1, 1)]
    assert [e["mac"] for e in events] == [event_mac(KEK, D, e["event_hash"]) for e in events]


@rules("AUDIT-01")
def test_an_item_that_does_not_open_is_a_failed_decrypt(world: World) -> None:
    """However often it was tried, it is one event with one item; nothing else is said to fail."""
    backend, log = start(world)
    spoil(raw_of(backend), "round#01")
    with expect_error("integrity_error", layer="tag"):
        world.open().store.load_partition(D)
    events = log.added("r")
    assert steps(events)[:2] == [DERIVE, UNWRAP]
    where = f"dialogue:{D}/entity:round/01"
    assert [step for step in steps(events)[2:] if step[1] != "success"] == [
        ("decrypt", "failure", DEK_ID, where, 1)
    ]
    opened = sum(event["count"] for event in events[2:] if event["outcome"] == "success")
    assert opened <= 4


def spoil(raw: RawAccess, sk: str) -> None:
    """Change the last bit of an item's ciphertext."""
    item = raw.get(PK, sk)
    assert item is not None
    sealed: Any = item["content_encrypted"]
    raw.put({**item, "content_encrypted": sealed[:-1] + bytes([sealed[-1] ^ 1])})


@rules("AUDIT-04", "AUDIT-08")
def test_a_write_that_is_refused_logs_what_it_took_as_a_read_does(world: World) -> None:
    """Nothing on the write chain: nothing was committed that could carry it."""
    _, log = start(world)
    second = world.open()
    with expect_error("duplicate_entity"):
        second.store.create_round(D, 1)
    with expect_error("round_not_found"):
        second.store.register_claim(D, 9, "L", "C", [])
    with expect_error("invalid_status_transition"):
        second.store.update_round_status(D, 1, "open")
    events = log.added("r")
    assert operations(events)[:3] == ["derive", "unwrap", "decrypt"]
    assert {event["outcome"] for event in events} == {"success"}
    second.store.create_round(D, 3)
    assert operations(log.added("w")) == ["encrypt"]


@rules("AUDIT-09")
@pytest.mark.parametrize("who", ["another user", "a user without key", "an auditor without key"])
def test_what_fails_bears_the_revision_that_was_read(world: World, who: str) -> None:
    """Though nobody could prove the head."""
    _, log = start(world)
    missing = world.root / "keys" / "gone.key"
    if who == "another user":
        code_of(lambda: world.open(user_id="eve").store.get_rounds(D))
    elif who == "a user without key":
        code_of(lambda: world.open(key_file=missing).store.get_rounds(D))
    else:
        world.open(key_file=missing).store.verify_chain(D)
    assert [event["revision"] for event in log.added("r")] in ([4], [4, 4])


# -- no unlogged use of a key ---------------------------------------------------------------------


def blocked(world: World) -> tuple[DialogueStore, DialogueStore, Log, Chain]:
    """A writer, and a reader on whose chain somebody else's item lies where its next event belongs;
    there is something new to read."""
    backend, log = start(world)
    raw = raw_of(backend)
    reader = world.open(deadline_s=1.0).store
    reader.load_partition(D)
    events = log.added("r")
    foreign = made(KEK, {"dialogue_id": D, "operation": "erase", "revision": 4}, after=events[-1],
                   chain=events[-1]["chain"])  # fmt: skip
    raw.put(foreign | {"principal": "nobody"})
    backend.store.create_round(D, 3)
    log.new()
    return backend.store, reader, log, events


@rules("AUDIT-04")
def test_a_read_that_cannot_be_logged_gives_no_result(world: World) -> None:
    """The next place on the instance's chain is taken. The same again when it is asked again: what
    was opened without being logged is not kept."""
    _, reader, _, _ = blocked(world)
    for attempt in (
        reader.load_partition,
        reader.get_rounds,
        lambda d: reader.load_partition(d, on_error="collect"),
        reader.get_dialogue,
    ):
        with expect_error("audit_unavailable"):
            attempt(D)


@rules("AUDIT-03")
def test_a_place_that_is_taken_is_neither_written_over_nor_gone_round(world: World) -> None:
    _, reader, log, events = blocked(world)
    code_of(lambda: reader.load_partition(D))
    code_of(lambda: reader.get_rounds(D))
    assert log.new() == {}  # which also says that nothing was changed
    assert len(log.reads()) == len(events) + 1


@rules("AUDIT-04")
def test_another_instance_reads_on(world: World) -> None:
    _, reader, log, events = blocked(world)
    with expect_error("audit_unavailable"):
        reader.get_rounds(D)
    assert [r["round"] for r in plain(world.open().store.get_rounds(D))] == [1, 2, 3]
    assert log.added("r")[0]["chain"] != events[0]["chain"]


@rules("AUDIT-03", "AUDIT-04")
def test_a_write_whose_event_has_no_place_is_not_made(world: World) -> None:
    """An item lies at the write chain's next sequence: nothing is written, and it stays there."""
    _, log = start(world)
    writer = world.open(deadline_s=1.0)
    raw = raw_of(writer)
    writer.store.load_partition(D)
    last = log.writes()[-1]
    raw.put(
        made(None, {"dialogue_id": D, "operation": "encrypt", "outcome": "failure"}, after=last)
    )
    log.new()
    before = Forge.of(raw, D).items
    for store in (writer.store, world.open(deadline_s=1.0).store):
        assert code_of(partial(store.create_round, D, 3)) in ("integrity_error", "conflict")
    assert "w" not in log.new()
    assert Forge.of(raw, D).items == before
