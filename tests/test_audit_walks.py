"""What the auditor of the reference believes (AUDIT-05, ENV-08): its own key, and nothing that is stored."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.suite.kit.chain import by_chain, made
from conformance.suite.kit.forge import PUBLISHED_UMK, derive_kek, kek_key_id
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.sealing.chain_walk import ChainWalk
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store

D = "d"
EVE = derive_kek(PUBLISHED_UMK, "eve")
EVES = kek_key_id(EVE, "eve")


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    path = tmp_path / "umk.key"
    path.touch(mode=0o600)
    path.write_bytes(PUBLISHED_UMK)
    return LocalFileKeyProvider(path)


@pytest.fixture
def partitions() -> MemoryPartitionStore:
    return MemoryPartitionStore()


@pytest.fixture(params=["cold", "warm"])
def auditor(
    request: pytest.FixtureRequest, partitions: MemoryPartitionStore, keys: LocalFileKeyProvider
) -> Iterator[EncryptedStore]:
    """One that opens the store only now, or one that has read and audited before."""
    with open_store(partitions, keys) as writer:
        writer.create_dialogue(D, "title")
        writer.create_round(D, 0)
    with open_store(partitions, keys) as store:
        if request.param == "warm":
            store.get_rounds(D)
            assert store.verify_chain(D).ok
        yield store


def put(partitions: MemoryPartitionStore, *items: dict[str, Any]) -> None:
    partitions.commit([Put(item) for item in items], token="forged")


def found(store: EncryptedStore) -> list[tuple[str, int, str]]:
    report = store.verify_chain(D)
    assert report.ok is not bool(report.findings)
    return [(f["chain"], f["sequence"], f["what"].partition(":")[0]) for f in report.findings]


def test_a_write_chain_under_another_key_does_not_switch_the_key_off(
    partitions: MemoryPartitionStore, auditor: EncryptedStore
) -> None:
    chain = by_chain(partitions.query(f"audit#{D}"))["w"]
    before = None
    for event in chain:
        kept = {
            name: value
            for name, value in event.items()
            if name not in ("pk", "sk", "previous_hash", "event_hash", "mac", "chain", "sequence")
        }
        if str(kept["key_id"]).startswith("kek#"):
            kept["key_id"] = EVES
        before = made(EVE, kept, after=before)
        put(partitions, before)
    for item in partitions.query(f"dialogue#{D}", prefix="dek#"):
        put(partitions, {**item, "key_id": EVES})
    report = auditor.verify_chain(D)
    assert (report.ok, report.with_key) == (False, True)
    assert [(f["chain"], f["sequence"]) for f in report.findings] == [("w", 1)]
    assert report.findings[0]["what"].startswith("key_denied")


def test_a_data_key_under_another_master_key_is_one_finding(
    partitions: MemoryPartitionStore, auditor: EncryptedStore
) -> None:
    other = kek_key_id(derive_kek(bytes(32), "local"), "local")
    for item in partitions.query(f"dialogue#{D}", prefix="dek#"):
        put(partitions, {**item, "key_id": other})
    assert found(auditor) == [("w", 0, "umk_changed")]


def test_a_boundary_without_mac_on_a_read_chain_is_refused(
    partitions: MemoryPartitionStore, auditor: EncryptedStore
) -> None:
    fields = {"dialogue_id": D, "operation": "boundary", "key_id": f"dek#{D}#1", "note": "x"}
    put(partitions, made(None, fields, chain="r#0123456789abcdef"))
    assert found(auditor) == [("r#0123456789abcdef", 1, "foreign")]


def test_strangers_chains_are_told_apart(
    partitions: MemoryPartitionStore, auditor: EncryptedStore
) -> None:
    def chain(name: str, *operations: tuple[str, str, str]) -> str:
        before = None
        for operation, outcome, key_id in operations:
            fields = {
                "dialogue_id": D,
                "operation": operation,
                "outcome": outcome,
                "key_id": key_id,
            }
            before = made(EVE, fields, after=before, chain=f"r#{name * 16}")
            put(partitions, before)
        return f"r#{name * 16}"

    derive = ("derive", "success", EVES)
    tried = chain("1", derive, ("unwrap", "denied", EVES))
    lost = chain("2", derive, ("wrap", "success", EVES))
    chain("3", derive, ("unwrap", "success", EVES))
    chain("4", derive, ("decrypt", "success", f"dek#{D}#1"))
    chain("5", derive, ("derive", "success", f"kek#{'0' * 16}#{'1' * 16}"))
    report = auditor.verify_chain(D)
    assert report.unverified == [
        {"chain": tried, "events": 2, "key_id": EVES},
        {"chain": lost, "events": 2, "key_id": EVES},
    ]
    wrong = [(f["chain"], f["sequence"]) for f in report.findings]
    assert wrong == [(f"r#{n * 16}", 2) for n in "345"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trace_id", "A" * 32),
        ("trace_id", "0" * 31),
        ("span_id", "x" * 16),
        ("span_id", "0" * 17),
        ("key_id", "dek#other#1"),
        ("key_id", "key"),
        ("subject", "dialogue#other"),
        ("note", f"r#{'0' * 16} 1 {'0' * 64}"),
    ],
)
def test_every_field_has_its_form(
    partitions: MemoryPartitionStore, auditor: EncryptedStore, field: str, value: str
) -> None:
    fields = {"dialogue_id": D, "operation": "decrypt", "key_id": f"dek#{D}#1"}
    kek = derive_kek(PUBLISHED_UMK, "local")
    put(partitions, made(kek, {**fields, field: value}, chain="r#0123456789abcdef"))
    assert [at[:2] for at in found(auditor)] == [("r#0123456789abcdef", 1)]


def test_text_that_canonical_json_does_not_have_was_never_hashed() -> None:
    event = made(None, {"dialogue_id": D, "operation": "encrypt", "key_id": f"dek#{D}#1"})
    walk = ChainWalk(D)
    walk.take({**event, "principal": "\ud800"})
    assert [(f["chain"], f["sequence"]) for f in walk.findings] == [("w", 1)]


def test_one_finding_a_chain_in_text_order(
    partitions: MemoryPartitionStore, auditor: EncryptedStore
) -> None:
    last = by_chain(partitions.query(f"audit#{D}"))["w"][-1]
    put(partitions, {**last, "principal": "mallory"})
    for sk in ("z", "a", "w#1", "r#0"):
        put(partitions, {**last, "sk": sk})
    at = [(chain, sequence) for chain, sequence, _ in found(auditor)]
    assert at == [("a", 0), ("r#0", 0), ("w", last["sequence"]), ("w#1", 0), ("z", 0)]


def test_foreign_sort_keys_are_bounded() -> None:
    walk = ChainWalk(D)
    for number in range(5000):
        walk.take({"pk": f"audit#{D}", "sk": f"x{number:04d}"})
    assert [f["chain"] for f in walk.findings] == [f"x{number:04d}" for number in range(1000)]


def test_rows_whose_sort_keys_are_bytes_end(tmp_path: Path, keys: LocalFileKeyProvider) -> None:
    """Text that is no UTF-8 comes back as bytes too, and has its place among the texts."""
    path = tmp_path / "store.db"
    with open_store(SqlitePartitionStore(path), keys) as store:
        store.create_dialogue(D, "title")
        with sqlite3.connect(path) as forger:
            (row,) = forger.execute(
                "SELECT * FROM items WHERE pk = ? AND sk = ?", (f"audit#{D}", "w#000000000001")
            ).fetchall()
            marks = ", ".join("?" * len(row))
            for number in range(2500):
                sk = b"\xff" + number.to_bytes(2, "big")
                forger.execute(f"INSERT INTO items VALUES ({marks})", (row[0], sk, *row[2:]))
                forger.execute(
                    f"INSERT INTO items VALUES (?, CAST(? AS TEXT){', ?' * (len(row) - 2)})",
                    (row[0], b"a" + sk, *row[2:]),
                )
        forger.close()
        begin = time.monotonic()
        report = store.verify_chain(D)
        assert time.monotonic() - begin < 20
        assert len(report.findings) == 1000
        assert report.findings[0]["chain"] == "61ff0000"
        assert report.chains["w"]["events"] == 3
