"""The end of the write chain as reads and writes believe it (AUDIT-09, HEAD-01): cold and warm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.suite.kit.chain import made
from conformance.suite.kit.forge import PUBLISHED_UMK, derive_kek
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ANY, Delete, Put
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store

D = "d"
PK, AUDIT = f"dialogue#{D}", f"audit#{D}"
KEK = derive_kek(PUBLISHED_UMK, "local")


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    path = tmp_path / "umk.key"
    path.touch(mode=0o600)
    path.write_bytes(PUBLISHED_UMK)
    return LocalFileKeyProvider(path)


@pytest.fixture
def partitions(keys: LocalFileKeyProvider) -> MemoryPartitionStore:
    partitions = MemoryPartitionStore()
    with open_store(partitions, keys) as store:
        store.create_dialogue(D, "title")
        store.create_round(D, 0)
    return partitions


@pytest.fixture(params=["cold", "warm"])
def store(
    request: pytest.FixtureRequest, partitions: MemoryPartitionStore, keys: LocalFileKeyProvider
) -> Iterator[EncryptedStore]:
    with open_store(partitions, keys, deadline_s=1.0) as store:
        if request.param == "warm":
            store.get_rounds(D)
        yield store


def put(partitions: MemoryPartitionStore, *items: dict[str, Any]) -> None:
    partitions.commit([Put(item) for item in items], token="forged")


def refusal(call: Callable[[], Any]) -> tuple[str, Any, Any]:
    with pytest.raises(DialogueStoreError) as told:
        call()
    return told.value.code, told.value.data.get("layer"), told.value.data.get("sk")


def last_event(partitions: MemoryPartitionStore) -> dict[str, Any]:
    last = partitions.last(AUDIT, prefix="w#")
    assert last is not None
    return dict(last)


def boundary(after: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A boundary of right form behind an event; its signature is nobody's."""
    time, hash_ = "2026-02-03T10:15:00.000000Z", after["event_hash"]
    lines = ["blue/boundary/v1", D, "here", "there", str(after["sequence"]), hash_]
    lines += [str(after["revision"]), "4", "0" * 64, time]
    note = "".join(f"{line}\n" for line in lines) + f"\n\u2014 key {'A' * 91}=\n"
    fields = {"dialogue_id": D, "operation": "boundary", "key_id": f"dek#{D}#1", "count": 4}
    return made(None, {**fields, "note": note, **changes}, after=after)


def roll_back(partitions: MemoryPartitionStore, before: list[dict[str, Any]]) -> None:
    now = {str(item["sk"]) for item in partitions.query(PK)}
    gone = now - {str(item["sk"]) for item in before}
    partitions.commit([Delete((PK, sk), ANY) for sk in gone], token="gone") if gone else None
    put(partitions, *before)


@pytest.mark.parametrize("right", [True, False], ids=["a right boundary", "any boundary"])
def test_a_forged_event_at_the_end_hides_no_rollback(
    partitions: MemoryPartitionStore, keys: LocalFileKeyProvider, store: EncryptedStore, right: bool
) -> None:
    before = [dict(item) for item in partitions.query(PK)]
    with open_store(partitions, keys) as writer:
        writer.create_round(D, 1)
    roll_back(partitions, before)
    last = last_event(partitions)
    # a revision that no head is below
    forged = boundary(last) if right else boundary(last, note="x", revision=0)
    put(partitions, forged)
    assert refusal(lambda: store.get_rounds(D))[:2] == ("integrity_error", "chain")
    assert [f.layer for f in store.verify_partition(D)] == ["chain"]
    assert refusal(lambda: store.create_round(D, 7))[:2] == ("integrity_error", "chain")


def test_up_to_eight_boundaries_are_looked_behind(
    partitions: MemoryPartitionStore, store: EncryptedStore
) -> None:
    last = last_event(partitions)
    for _ in range(8):
        last = boundary(last)
        put(partitions, last)
    assert len(store.get_rounds(D)) == 1
    put(partitions, boundary(last))
    assert refusal(lambda: store.get_rounds(D))[:2] == ("integrity_error", "chain")


def test_a_write_goes_on_behind_a_boundary(
    partitions: MemoryPartitionStore, keys: LocalFileKeyProvider
) -> None:
    put(partitions, boundary(last_event(partitions)))
    with open_store(partitions, keys) as store:
        store.create_round(D, 1)
        assert store.verify_chain(D).ok
    with open_store(partitions, keys) as store:
        assert len(store.get_rounds(D)) == 2


@pytest.mark.parametrize("state", ["erased", "moved"])
def test_a_state_is_believed_only_as_the_chain_bears_out(
    partitions: MemoryPartitionStore, store: EncryptedStore, state: str
) -> None:
    head = next(dict(item) for item in partitions.query(PK) if item["sk"] == "head")
    put(partitions, {**head, "state": state})
    assert refusal(lambda: store.get_rounds(D)) == ("integrity_error", "head", "head")
    assert [f.layer for f in store.verify_partition(D)] == ["head"]


def test_a_bad_event_is_told_before_a_state(
    partitions: MemoryPartitionStore, store: EncryptedStore
) -> None:
    head = next(dict(item) for item in partitions.query(PK) if item["sk"] == "head")
    put(partitions, {**head, "state": "moved"}, boundary(last_event(partitions), note="x"))
    assert refusal(lambda: store.get_rounds(D))[:2] == ("integrity_error", "chain")


def test_a_moved_dialogue_is_moved(partitions: MemoryPartitionStore, store: EncryptedStore) -> None:
    head = next(dict(item) for item in partitions.query(PK) if item["sk"] == "head")
    put(partitions, {**head, "state": "moved"}, boundary(last_event(partitions)))
    assert refusal(lambda: store.get_rounds(D))[0] == "partition_moved"
    assert refusal(lambda: store.create_round(D, 7))[0] == "partition_moved"
