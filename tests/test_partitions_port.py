"""The port, held by every partition store: memory, SQLite, DynamoDB on moto and on DynamoDB Local."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.targets.engines.choose import Engine, MotoEngine
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import MAX_ITEM_BYTES, Item, Key, Value, item_size
from reference_impl.contract.tables import INDEXES
from reference_impl.partitions.dynamodb.client import make_client
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import (
    ABSENT,
    Action,
    Check,
    ConditionFailed,
    Contention,
    Delete,
    Equals,
    Expectation,
    PartitionStore,
    Put,
)
from reference_impl.partitions.sqlite.store import SqlitePartitionStore

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Opener = Callable[[], PartitionStore]

LOCAL = pytest.param("local", marks=pytest.mark.integration)
ENGINES = ["memory", "sqlite", "moto", LOCAL]
# moto neither locks nor takes an item of exactly the limit.
REAL_ENGINES = ["memory", "sqlite", LOCAL]


@pytest.fixture(scope="module")
def moto_client() -> Iterator[DynamoDBClient]:
    with MotoEngine() as engine:
        yield from client_of(engine)


@pytest.fixture(scope="module")
def local_client(dynamodb_local: Engine) -> Iterator[DynamoDBClient]:
    yield from client_of(dynamodb_local)


def client_of(engine: Engine) -> Iterator[DynamoDBClient]:
    client = make_client(
        region=None,
        endpoint=engine.endpoint_url,
        read_timeout_s=30.0,
        options=engine.client_kwargs(),
    )
    yield client
    client.close()


@pytest.fixture
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Each call opens one more store on the same items."""
    kind = request.param
    if kind == "memory":
        shared = MemoryPartitionStore()
        yield lambda: shared
    elif kind == "sqlite":
        with ExitStack() as stack:

            def open_file() -> PartitionStore:
                store = SqlitePartitionStore(tmp_path / "new folder" / "items #1?.db")
                stack.callback(store.close)
                return store

            yield open_file
    else:
        client = request.getfixturevalue(f"{kind}_client")
        table = f"port-{uuid.uuid4().hex}"
        assert create_table(table, client=client).created
        yield lambda: DynamoPartitionStore(table, client=client)
        client.delete_table(TableName=table)


@pytest.fixture
def store(open_store: Opener) -> PartitionStore:
    return open_store()


on_every_engine = pytest.mark.parametrize("open_store", ENGINES, indirect=True)
on_real_engines = pytest.mark.parametrize("open_store", REAL_ENGINES, indirect=True)


def commit(store: PartitionStore, *actions: Action) -> None:
    store.commit(actions, token=uuid.uuid4().hex)


def item(sk: str = "head", pk: str = "dialogue#d", **attributes: Any) -> Item:
    return {"pk": pk, "sk": sk, **attributes}


def failed_keys(store: PartitionStore, *actions: Action) -> list[Key]:
    with pytest.raises(ConditionFailed) as failure:
        commit(store, *actions)
    return failure.value.keys


# ---------------------------------------------------------------------------------- reads


@on_every_engine
def test_get_gives_the_item_or_none(store: PartitionStore) -> None:
    assert store.get("dialogue#d", "head") is None
    commit(store, Put(item(revision=1)))
    assert store.get("dialogue#d", "head") == item(revision=1)
    assert store.get("dialogue#D", "head") is None
    assert store.get("dialogue#d", "hea") is None


@on_every_engine
def test_query_gives_one_partition_by_bytes_of_the_sort_key(store: PartitionStore) -> None:
    keys = ["Z", "a#", "a#1", "a-", "a.b", "aa", "z", "\x7f", "\uffff", "\U00010000"]
    assert keys == sorted(keys, key=str.encode)
    for pk in ("dialogue#a", "dialogue#a-b", "dialogue#a.b", "audit#a"):
        commit(store, *(Put(item(sk, pk=pk, of=pk)) for sk in reversed(keys)))
    found = store.query("dialogue#a")
    assert [i["sk"] for i in found] == keys
    assert {i["of"] for i in found} == {"dialogue#a"}
    assert store.query("dialogue#") == []


@on_every_engine
def test_query_by_prefix(store: PartitionStore) -> None:
    keys = [
        "dek",
        "dek#",
        "dek#1",
        "dek#10",
        "dek#2",
        "dek$",
        "\U0010ffff",
        "\U0010ffff1",
        "\ud7ff!",
    ]
    commit(store, *(Put(item(sk)) for sk in keys))

    def under(prefix: str) -> list[Value]:
        return [i["sk"] for i in store.query("dialogue#d", prefix=prefix)]

    assert under("dek#") == ["dek#", "dek#1", "dek#10", "dek#2"]
    assert under("dek#1") == ["dek#1", "dek#10"]
    assert under("dek#3") == []
    assert under("\U0010ffff") == ["\U0010ffff", "\U0010ffff1"]
    assert under("\ud7ff") == ["\ud7ff!"]


@on_every_engine
def test_query_goes_past_one_megabyte(store: PartitionStore) -> None:
    items = [item(f"journal#{n}", items=bytes([n]) * 300_000) for n in range(6)]
    for big in items:
        commit(store, Put(big))
    assert store.query("dialogue#d") == items


@on_every_engine
def test_two_stores_see_each_others_commits_at_once(open_store: Opener) -> None:
    one, other = open_store(), open_store()
    for revision in range(5):
        commit(one, Put(item(revision=revision)))
        assert other.get("dialogue#d", "head") == item(revision=revision)
        commit(other, Put(item(f"entity#{revision}")))
        assert len(one.query("dialogue#d")) == revision + 2


@on_every_engine
def test_what_was_read_or_written_may_be_changed(store: PartitionStore) -> None:
    mine = item(status="open")
    commit(store, Put(mine))
    mine["status"] = "changed"
    for found in (store.get("dialogue#d", "head"), store.query("dialogue#d")[0]):
        assert found is not None
        found["status"] = "changed"
    assert store.get("dialogue#d", "head") == item(status="open")


# ---------------------------------------------------------------------------------- values

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_integers = st.integers(-(2**53 - 1), 2**53 - 1)
_floats = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda x: x == 0 or (1e-130 <= abs(x) < 2**53)
)
_values = st.one_of(_texts, _integers, _floats, st.booleans(), st.binary(max_size=40))
_names = st.sampled_from(
    [
        *("status", "state", "relevance", "attributes", "base64", "items", "ünïcode", "a b"),
        *("content_encrypted", "content_nonce", "key_id", "aad_hash"),
    ]
)


def same(found: Item | None, put: Item) -> bool:
    """Equal, and of the same type: ``True`` is not ``1``. An integral float may become an int."""
    return found == put and all(
        isinstance(value, bool) == isinstance(found[name], bool) for name, value in put.items()
    )


@pytest.mark.property
@on_every_engine
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.dictionaries(_names, _values))
def test_every_value_comes_back_as_it_was_put(
    store: PartitionStore, attributes: dict[str, Value]
) -> None:
    put = item() | attributes
    commit(store, Put(put))
    assert same(store.get("dialogue#d", "head"), put)
    assert same(store.query("dialogue#d")[0], put)
    commit(store, Check(("dialogue#d", "head"), Equals(attributes)))


@on_every_engine
@pytest.mark.parametrize(
    "value",
    [
        *("", "\x00", "\U0010ffff", "null", "{}", '{"base64": "AA=="}', b"", b"\x00\xff"),
        *(0, 1, True, False, 2**53 - 1, 1 - 2**53, 0.75, 0.000001, 0.1, 5e-7, 1.5e-130, -0.0, 1.0),
    ],
    ids=repr,
)
def test_a_value_at_an_edge(store: PartitionStore, value: Value) -> None:
    for name in ("status", "content_encrypted", "content_nonce", "key_id", "aad_hash"):
        put = item(other="x") | {name: value}
        commit(store, Put(put))
        assert same(store.get("dialogue#d", "head"), put)
        assert same(store.query("dialogue#d")[0], put)


@on_every_engine
def test_a_put_leaves_nothing_of_the_item_before(store: PartitionStore) -> None:
    sealed: dict[str, Any] = {
        "content_encrypted": b"c",
        "content_nonce": b"n",
        "key_id": "k",
        "aad_hash": "a",
    }
    commit(store, Put(item(status="open", **sealed)))
    assert store.query("dialogue#d") == [item(status="open", **sealed)]
    commit(store, Put(item(state="erased")))
    assert store.query("dialogue#d") == [item(state="erased")]


@on_real_engines
def test_an_item_of_exactly_the_limit(store: PartitionStore) -> None:
    big = item(content_encrypted=b"")
    big["content_encrypted"] = b"x" * (MAX_ITEM_BYTES - item_size(big))
    assert item_size(big) == MAX_ITEM_BYTES
    commit(store, Put(big))
    assert store.get("dialogue#d", "head") == big


@on_every_engine
@pytest.mark.parametrize(
    "wrong",
    [None, [], {"base64": "AA=="}, "\ud800", float("nan"), float("inf"), 2**63, 1e-131, 1e126],
    ids=repr,
)
def test_what_no_item_can_hold_is_refused_before_the_engine(
    store: PartitionStore, wrong: Any
) -> None:
    for name in ("status", "key_id", "content_nonce"):
        with pytest.raises(ValueError, match="attribute"):
            commit(store, Put(item("other")), Put(item() | {name: wrong}))
    assert store.query("dialogue#d") == []


@on_every_engine
@pytest.mark.parametrize(
    "actions",
    [
        [Put(item()), Delete(("dialogue#d", "head"))],
        [Check(("dialogue#d", "head"), ABSENT), Put(item())],
        [Put({"pk": "", "sk": "x"})],
        [Put({"pk": "x", "sk": ""})],
        [Put({"pk": "x", "sk": b"x"})],
        [Put({"pk": "x"})],
    ],
    ids=["put and delete", "check and put", "empty pk", "empty sk", "bytes", "no sk"],
)
def test_a_commit_that_some_engine_could_not_take_is_refused(
    store: PartitionStore, actions: Sequence[Action]
) -> None:
    with pytest.raises(ValueError, match="key"):
        commit(store, *actions)
    assert store.query("dialogue#d") == []


# ---------------------------------------------------------------------------------- commits


@on_every_engine
def test_absent(store: PartitionStore) -> None:
    commit(store, Put(item(revision=1), ABSENT))
    assert failed_keys(store, Put(item(revision=2), ABSENT)) == [("dialogue#d", "head")]
    assert failed_keys(store, Check(("dialogue#d", "head"), ABSENT)) == [("dialogue#d", "head")]
    assert failed_keys(store, Delete(("dialogue#d", "head"), ABSENT)) == [("dialogue#d", "head")]
    assert store.query("dialogue#d") == [item(revision=1)]
    commit(store, Check(("dialogue#d", "other"), ABSENT), Delete(("dialogue#d", "x"), ABSENT))


@on_every_engine
@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ({}, True),
        ({"revision": 7}, True),
        ({"revision": 7, "state": "active", "frozen": False}, True),
        ({"revision": 7, "pending": None}, True),
        ({"relevance": 0.75, "sum": b"\x00"}, True),
        ({"revision": 8}, False),
        ({"revision": "7"}, False),
        ({"revision": None}, False),
        ({"sum": "\x00"}, False),
        ({"state": ""}, False),
        ({"pending": ""}, False),
        ({"revision": 7, "state": "moved"}, False),
    ],
    ids=repr,
)
def test_equals(store: PartitionStore, expected: dict[str, Value | None], holds: bool) -> None:
    head = item(revision=7, state="active", frozen=False, one=1, relevance=0.75, sum=b"\x00")
    commit(store, Put(head))
    key = ("dialogue#d", "head")
    expect = Equals(expected)
    if holds:
        commit(store, Check(key, expect))
        commit(store, Put({**head, "seen": True}, expect))
        commit(store, Delete(key, expect))
        assert store.get(*key) is None
    else:
        assert failed_keys(store, Check(key, expect)) == [key]
        assert failed_keys(store, Put({**head, "seen": True}, expect)) == [key]
        assert failed_keys(store, Delete(key, expect)) == [key]
        assert store.get(*key) == head


@on_real_engines  # moto compares as Python does
@pytest.mark.parametrize("expected", [{"frozen": 0}, {"one": True}], ids=repr)
def test_a_boolean_is_no_number(store: PartitionStore, expected: dict[str, Value]) -> None:
    commit(store, Put(item(frozen=False, one=1)))
    key = ("dialogue#d", "head")
    assert failed_keys(store, Check(key, Equals(expected))) == [key]


@on_every_engine
@pytest.mark.parametrize("expect", [Equals({}), Equals({"pending": None})], ids=repr)
def test_equals_needs_an_item(store: PartitionStore, expect: Expectation) -> None:
    key = ("dialogue#d", "head")
    for action in (Put(item(), expect), Check(key, expect), Delete(key, expect)):
        assert failed_keys(store, action) == [key]


@on_every_engine
def test_one_failing_condition_among_many_stops_all(store: PartitionStore) -> None:
    commit(store, Put(item("a", n=1)), Put(item("b", n=1)), Put(item("c", n=1)))
    before = store.query("dialogue#d")
    failed = failed_keys(
        store,
        Put(item("a", n=2), Equals({"n": 1})),
        Put(item("new"), ABSENT),
        Put(item("c", n=2), ABSENT),
        Delete(("dialogue#d", "b")),
        Check(("dialogue#e", "head"), Equals({})),
        Put(item("x", pk="audit#d")),
    )
    assert failed == [("dialogue#d", "c"), ("dialogue#e", "head")]
    assert store.query("dialogue#d") == before
    assert store.query("audit#d") == []


@on_every_engine
def test_all_or_nothing_over_partitions(store: PartitionStore) -> None:
    commit(store, Put(item("gone")), Put(item("kept", n=1)))
    commit(
        store,
        Put(item("new"), ABSENT),
        Put(item("kept", n=2), Equals({"n": 1})),
        Delete(("dialogue#d", "gone")),
        Delete(("dialogue#d", "never")),
        Put(item("write#000000000001", pk="audit#d"), ABSENT),
    )
    assert store.query("dialogue#d") == [item("kept", n=2), item("new")]
    assert store.query("audit#d") == [item("write#000000000001", pk="audit#d")]


@on_every_engine
def test_a_hundred_actions_at_once(store: PartitionStore) -> None:
    items = [item(f"perspective#01#{n:03d}") for n in range(100)]
    commit(store, *(Put(i, ABSENT) for i in items))
    assert store.query("dialogue#d") == items
    commit(store, *(Delete(("dialogue#d", str(i["sk"])), Equals({})) for i in items))
    assert store.query("dialogue#d") == []


@on_every_engine
def test_nothing_to_do(store: PartitionStore) -> None:
    commit(store)
    assert store.query("dialogue#d") == []


@on_every_engine
def test_a_repeat_with_the_same_token(store: PartitionStore) -> None:
    for _ in range(2):
        store.commit([Put(item(revision=1))], token="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert store.query("dialogue#d") == [item(revision=1)]


@on_real_engines
def test_of_two_commits_at_once_exactly_one_wins(open_store: Opener) -> None:
    stores = [open_store(), open_store()]
    commit(stores[0], Put(item(revision=0)))
    for revision in range(15):
        winner = race(stores, revision)
        assert stores[0].get("dialogue#d", "head") == item(revision=revision + 1, by=winner)
        event = item(f"event#{revision}", by=winner)
        assert stores[1].get("dialogue#d", f"event#{revision}") == event


def race(stores: Sequence[PartitionStore], revision: int) -> int:
    """Every store makes the same step at once; which one did."""
    barrier = threading.Barrier(len(stores), timeout=30)
    won: list[int] = []
    lost: list[int] = []

    def step(number: int) -> None:
        barrier.wait()
        try:
            commit(
                stores[number],
                Put(item(revision=revision + 1, by=number), Equals({"revision": revision})),
                Put(item(f"event#{revision}", by=number), ABSENT),
            )
            won.append(number)
        except (ConditionFailed, Contention):
            lost.append(number)

    threads = [threading.Thread(target=step, args=(n,)) for n in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(won + lost) == list(range(len(stores)))
    assert len(won) == 1
    return won[0]


@on_real_engines
def test_threads_share_a_store(store: PartitionStore) -> None:
    commit(store, Put(item("head", n=1)))
    wrong: list[object] = []

    def work(name: str) -> None:
        for n in range(10):
            while True:
                try:
                    commit(store, Put(item(f"{name}#{n}", by=name), ABSENT))
                    break
                except Contention:
                    continue
            found = [i for i in store.query("dialogue#d", prefix=f"{name}#") if i["by"] == name]
            if len(found) != n + 1:
                wrong.append((name, n, found))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert len(store.query("dialogue#d")) == 41


# ---------------------------------------------------------------------------------- the rest


@on_every_engine
def test_holds_wrapped_keys(store: PartitionStore) -> None:
    assert store.holds_wrapped_keys() is False
    commit(
        store,
        *(Put(item(sk)) for sk in ("dek", "dekk#1", "head")),
        Put(item("dek#0001", pk="journal#d")),
        Put(item("dek#1", pk="audit#d")),
    )
    assert store.holds_wrapped_keys() is False
    commit(store, Put(item("dek#1", pk="dialogue#zz")))
    assert store.holds_wrapped_keys() is True
    commit(store, Delete(("dialogue#zz", "dek#1")))
    assert store.holds_wrapped_keys() is False


@on_every_engine
def test_index_attributes_are_attributes(store: PartitionStore) -> None:
    attributes = {
        name: f"value of {name}" for i in INDEXES for name in (i.pk_attribute, i.sk_attribute)
    }
    commit(store, Put(item("tension#01#01", **attributes)))
    assert store.query("dialogue#d") == [item("tension#01#01", **attributes)]


@pytest.mark.parametrize("open_store", ["sqlite", "moto"], indirect=True)
def test_a_closed_store(open_store: Opener) -> None:
    store, other = open_store(), open_store()
    commit(store, Put(item()))
    store.close()
    store.close()
    for call in (
        lambda: store.get("dialogue#d", "head"),
        lambda: store.query("dialogue#d"),
        lambda: commit(store, Put(item("x"))),
        store.holds_wrapped_keys,
    ):
        with pytest.raises(DialogueStoreError) as failure:
            call()
        assert failure.value.code == "store_closed"
    assert other.query("dialogue#d") == [item()]
