"""Threads of one store: what a read goes through is not changed by a write meanwhile (STORE-18)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.loading import Loaded, Loader
from reference_impl.store.operation import Operation
from reference_impl.store.snapshot import Snapshot, entities
from reference_impl.testing import open_store

D = "d"


@pytest.fixture
def store(tmp_path: Path) -> EncryptedStore:
    keys = LocalFileKeyProvider(tmp_path / "keys" / "umk.key")
    store = open_store(MemoryPartitionStore(), keys, deadline_s=30.0, loader=Watched)
    store.create_dialogue(D, "title")
    store.create_round(D, 0)
    return store


class Watched(Loader):
    """Keeps the states that it loaded, and those that they were compared with."""

    def attempt(self, operation: Operation) -> Loaded:
        known = operation.cached.shown()
        loaded = super().attempt(operation)
        seen.append((known, loaded.snapshot))
        return loaded


seen: list[tuple[Snapshot | None, Snapshot]] = []


def test_what_was_read_stays_as_it_was_read(store: EncryptedStore) -> None:
    store.get_rounds(D)
    found = seen[-1][1]
    before = (found.head, dict(found.records), dict(found.terms), found.next_seq("claim", round=0))
    store.register_claim(D, 0, "label", "content", [])
    store.create_round(D, 1)
    now = (found.head, found.records, found.terms, found.next_seq("claim", round=0))
    assert now == before
    assert len(entities(found, "round")) == 1
    assert len(store.get_rounds(D)) == 2


def test_what_a_read_compares_with_is_not_changed_under_it(store: EncryptedStore) -> None:
    store.get_rounds(D)
    known = seen[-1][0]
    assert known is not None
    before = dict(known.records)
    store.create_round(D, 1)
    assert known.records == before
    assert len(store.get_rounds(D)) == 2


def test_every_read_is_of_one_revision_while_another_thread_writes(store: EncryptedStore) -> None:
    """Each write adds one entity, so the revision tells how many there must be."""
    done = threading.Event()
    mixed: list[tuple[int, int]] = []
    reads = [0, 0]

    def read(number: int) -> None:
        while not done.is_set():
            whole = store.load_partition(D)
            count = len(whole.rounds) + len(whole.claims) + 1
            if whole.revision != count:
                mixed.append((whole.revision, count))
            reads[number] += 1

    threads = [threading.Thread(target=read, args=(number,), daemon=True) for number in (0, 1)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 99):
            store.create_round(D, number)
            store.register_claim(D, number, "label", "content", [])
    finally:
        done.set()
        for thread in threads:
            thread.join(timeout=30)
    assert mixed == []
    assert min(reads) > 0
    assert store.load_partition(D).revision == 2 + 2 * 98
