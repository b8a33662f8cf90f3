"""No call goes on with a key or plaintext whose events are not stored (AUDIT-04): warm stores, several
threads, interrupts, forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.suite.kit.marks import rules
from reference_impl.contract.items import Item
from reference_impl.contract.tables import TYPES
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Action
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.planning.drafts import Builder, Draft, Plan
from reference_impl.store.snapshot import Record, Snapshot, Written
from reference_impl.testing import exchanged, open_store

D = "d"


class Stage(MemoryPartitionStore):
    """Items in memory; ``at`` is called with the name of each call that writes, before it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.at: Callable[[str], None] = lambda name: None

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        self.at("commit")
        super().commit(actions, token=token)

    def append(self, items: Sequence[Item], *, token: str) -> None:
        self.at("append")
        super().append(items, token=token)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A dialogue that somebody else made."""
    stage = Stage()
    with opened(stage, tmp_path) as store:
        store.create_dialogue(D, "title")
        store.create_round(D, 0)
    return stage


def opened(stage: Stage, folder: Path) -> EncryptedStore:
    return open_store(stage, LocalFileKeyProvider(folder / "keys" / "umk.key"), deadline_s=20.0)


def logged(stage: Stage) -> dict[str, list[Any]]:
    """The operations on each chain."""
    found: dict[str, list[Any]] = {}
    for item in stage.query(f"audit#{D}"):
        found.setdefault(str(item["chain"]), []).append(item["operation"])
    return found


@rules("AUDIT-04")
def test_what_a_cold_write_opened_is_not_shared_before_its_commit(
    stage: Stage, tmp_path: Path
) -> None:
    """Another thread reads while the write waits at its commit: it opens, and logs, for itself."""
    store = opened(stage, tmp_path)
    before = logged(stage)
    waiting, go_on = threading.Event(), threading.Event()

    def hold(name: str) -> None:
        if name == "commit":
            stage.at = lambda name: None  # the other thread's own log goes through
            waiting.set()
            assert go_on.wait(20)

    stage.at = hold
    writer = threading.Thread(target=store.create_round, args=(D, 1), daemon=True)
    writer.start()
    try:
        assert waiting.wait(20)
        assert len(store.get_rounds(D)) == 1
        (chain,) = logged(stage).keys() - before.keys()
        assert logged(stage)[chain] == ["derive", "unwrap", "decrypt"]
    finally:
        go_on.set()
        writer.join(20)
    assert len(store.get_rounds(D)) == 2
    assert store.verify_chain(D).ok


@rules("AUDIT-04")
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, TimeoutError, SystemExit])
@pytest.mark.parametrize("at", ["append", "commit"])
def test_an_interrupt_before_the_events_are_stored_leaves_no_key_behind(
    stage: Stage, tmp_path: Path, interrupt: type[BaseException], at: str
) -> None:
    store = opened(stage, tmp_path)
    before = logged(stage)

    def interrupted(name: str) -> None:
        if name == at:
            stage.at = lambda name: None
            raise interrupt

    stage.at = interrupted
    call: Callable[..., Any] = store.get_rounds if at == "append" else store.create_round
    with pytest.raises(interrupt):
        call(D) if at == "append" else call(D, 1)
    assert logged(stage) == before
    assert len(store.get_rounds(D)) == 1
    (chain,) = logged(stage).keys() - before.keys()
    assert logged(stage)[chain] == ["derive", "unwrap", "decrypt"]
    store.create_round(D, 1)  # and the store goes on
    assert store.verify_chain(D).ok


@rules("AUDIT-04")
def test_a_failed_write_shares_what_it_opened_once_that_is_logged(
    stage: Stage, tmp_path: Path
) -> None:
    store = opened(stage, tmp_path)
    before = logged(stage)
    with pytest.raises(Exception, match="duplicate_entity"):
        store.create_round(D, 0)
    (chain,) = logged(stage).keys() - before.keys()
    assert logged(stage)[chain] == ["derive", "unwrap", "decrypt"]
    assert len(store.get_rounds(D)) == 1
    assert logged(stage)[chain] == ["derive", "unwrap", "decrypt"]  # no second use of a key


@rules("AUDIT-08")
def test_a_child_of_a_fork_is_another_instance(stage: Stage, tmp_path: Path) -> None:
    """It has none of its parent's keys and plaintext, and a read chain of its own."""
    store = opened(stage, tmp_path)
    store.get_rounds(D)
    known = logged(stage)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.get_rounds(D)
            new = logged(stage).keys() - known.keys()
            text = ";".join(",".join(map(str, logged(stage)[chain])) for chain in new)
            os.write(writing, text.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.read() == "derive,unwrap,decrypt"
    os.waitpid(child, 0)
    store.get_rounds(D)
    assert logged(stage) == known  # the parent is who it was


@rules("STORE-17")
@pytest.mark.parametrize("method", ["create_round", "update_dialogue_status"])
def test_an_interrupt_while_a_commit_is_taken_in_leaves_no_state_that_is_half_of_two(
    stage: Stage, tmp_path: Path, method: str
) -> None:
    """The write took place; the store reads again, and what it then knows is whole."""
    store = opened(stage, tmp_path)
    store.create_round(D, 1)
    store.create_round(D, 2)  # nobody has read since: the state is the store's alone

    def interrupted(honest: Callable[..., None], *args: Any) -> None:
        snapshot, records, *rest = args
        honest(snapshot, list(records)[:1], *rest)
        raise KeyboardInterrupt

    arguments: tuple[Any, ...] = (3,) if method == "create_round" else ("converging",)
    with exchanged(Snapshot.apply, interrupted), pytest.raises(KeyboardInterrupt):
        getattr(store, method)(D, *arguments)
    assert store.verify_partition(D) == []
    assert len(store.get_rounds(D)) == (4 if method == "create_round" else 3)
    store.create_round(D, 5)
    assert store.verify_chain(D).ok


def test_no_part_of_a_store_shows_what_it_holds() -> None:
    """Tracebacks show locals by their repr: none of the domain layer's classes tells a field's value."""
    kind, secret = TYPES["claim"], "a marked secret that nobody may see"
    draft = Draft(kind, {"round": 0, "seq": 1, "label": secret})
    record = Record(kind, {"round": 0, "seq": 1}, {"content_encrypted": secret}, {"label": secret})
    snapshot = Snapshot(D, records={"claim#00#01": record})
    shown = (
        draft,
        Plan([draft], draft),
        record,
        snapshot,
        Builder(snapshot, "now"),
        Written("s", record, 1),
    )
    assert [part for part in shown if secret in repr(part)] == []
    assert secret in repr(record.fields)  # it would be found
