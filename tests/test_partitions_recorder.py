"""The recorder sees what the engine was asked, and a scan is seen as one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from conformance.targets.engines.choose import MotoEngine
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ABSENT, Check, Delete, Equals, PartitionStore, Put
from reference_impl.partitions.sqlite.schema import rows
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.testing.recorder import EngineCall, RecordingPartitionStore, Touch, recorded

PK = "dialogue#it's"


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PartitionStore]:
    if request.param == "sqlite":
        file = SqlitePartitionStore(tmp_path / "items.db")
        yield file
        file.close()
    else:
        with MotoEngine() as engine:
            table = f"recorder-{uuid.uuid4().hex}"
            store = DynamoPartitionStore(table, client_options=engine.client_kwargs())
            create_table(table, client=store.client)
            yield store
            store.close()


def commit_of_all_kinds(store: PartitionStore) -> None:
    store.commit(
        [
            Put({"pk": PK, "sk": "head", "quote": "' AND pk = 'x'"}, Equals({"revision": 1})),
            Put({"pk": PK, "sk": "ref#1"}, ABSENT),
            Put({"pk": "audit#d", "sk": "write#1"}),
            Delete((PK, "old")),
            Check((PK, "round"), ABSENT),
        ],
        token="t",
    )


def put_one(store: PartitionStore) -> None:
    store.commit([Put({"pk": PK, "sk": "x"})], token="t")


CALLS: list[Callable[[PartitionStore], object]] = [
    lambda store: store.get(PK, "head"),
    lambda store: store.query(PK),
    lambda store: store.query(PK, prefix="dek#"),
    commit_of_all_kinds,
]


def test_no_call_scans_and_each_touches_what_it_names(store: PartitionStore) -> None:
    store.commit([Put({"pk": PK, "sk": "head", "revision": 1})], token="t0")
    touched = []
    for call in CALLS:
        with recorded(store) as calls:
            call(store)
        assert not any(c.is_scan for c in calls), calls
        touched.append({touch for c in calls for touch in c.touches})
    assert touched[0] == {Touch("get", PK, "head")}
    assert touched[1] == {Touch("query", PK, "")}
    assert touched[2] == {Touch("query", PK, "dek#")}
    written = {touch for touch in touched[3] if touch.verb in ("put", "delete")}
    assert written == {
        Touch("put", PK, "head"),
        Touch("put", PK, "ref#1"),
        Touch("put", "audit#d", "write#1"),
        Touch("delete", PK, "old"),
    }
    assert {(touch.pk, touch.sk) for touch in touched[3] - written} <= {
        (PK, "head"),  # SQLite reads what it compares
        (PK, "round"),
    }


def test_calls_do_not_grow_with_the_store(store: PartitionStore) -> None:
    def operations() -> list[list[str]]:
        found = []
        for call in (*CALLS[:3], put_one):
            with recorded(store) as calls:
                call(store)
            found.append([c.operation for c in calls])
        return found

    before = operations()
    assert all(before)
    for n in range(20):
        items = [Put({"pk": f"dialogue#{n}", "sk": f"a#{i}"}) for i in range(5)]
        store.commit(items, token=str(n))
    assert operations() == before


def test_a_scan_is_seen(store: PartitionStore) -> None:
    with recorded(store) as calls:
        store.holds_wrapped_keys()
    assert [c.is_scan for c in calls] == [True]


def test_nothing_is_recorded_outside(store: PartitionStore) -> None:
    with recorded(store) as calls:
        pass
    store.get(PK, "head")
    assert calls == []


def test_a_read_of_a_foreign_statement_is_a_scan(tmp_path: Path) -> None:
    """Negative control: what a careless store would ask."""
    store = SqlitePartitionStore(tmp_path / "items.db")
    with recorded(store) as calls:
        for sql in (
            "SELECT sk FROM items WHERE sk = 'head'",
            "SELECT count(*) FROM items",
            f"SELECT sk FROM items WHERE pk = '{PK.replace(chr(39), chr(39) * 2)}'",
        ):
            store._pool.use(partial(rows, sql=sql, values=()))
    assert [c.is_scan for c in calls if c.operation == "SELECT"] == [True, True, False]
    store.close()


def test_the_port_is_recorded_for_any_store() -> None:
    log: list[EngineCall] = []
    inner = MemoryPartitionStore()
    store = RecordingPartitionStore(inner, log)
    inner.commit([Put({"pk": PK, "sk": "head", "revision": 1})], token="t")
    for call in CALLS:
        call(store)
    store.holds_wrapped_keys()
    assert [c.operation for c in log] == ["get", "query", "query", "commit", "scan"]
    assert [c.is_scan for c in log] == [False, False, False, False, True]
    assert log[3].touches == (
        Touch("put", PK, "head"),
        Touch("put", PK, "ref#1"),
        Touch("put", "audit#d", "write#1"),
        Touch("delete", PK, "old"),
        Touch("check", PK, "round"),
    )
    assert log[3].partitions == {PK, "audit#d"}
    with pytest.raises(TypeError, match="no engine"), recorded(store):
        pass
