"""The deadline bounds silence as well as retries (STORE-16): engines that never answer, locks that nobody
gives back. A call that ends so returns within one second of its deadline."""

from __future__ import annotations

import fcntl
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.targets.engines.choose import Engine
from reference_impl import forks
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ABSENT, Put, bounded_by, time_left
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.runtime import SYSTEM
from reference_impl.testing import open_store
from tests.lying_proxy import Call, LyingProxy, Reply, Send, honest

DUMMY = {"aws_access_key_id": "dummy", "aws_secret_access_key": "dummy"}
DEADLINES = [0.2, 1.0, pytest.param(7.0, marks=pytest.mark.full)]
#: What STORE-16 allows on top of the deadline.
MARGIN_S = 1.0


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    return LocalFileKeyProvider(tmp_path / "keys" / "umk.key")


class Time:
    """Seconds that pass only where somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def ended(call: Callable[[], object]) -> tuple[str, float]:
    """The code of the error that a call ends with, and the seconds that it took."""
    start = time.monotonic()
    with pytest.raises(DialogueStoreError) as failure:
        call()
    return failure.value.code, time.monotonic() - start


# -- an engine that accepts connections and never answers ---------------------------------------------


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a port whose connections the kernel accepts, and that nobody serves."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("deadline_s", DEADLINES)
@pytest.mark.parametrize("method", ["load_partition", "verify_chain", "create_round"])
def test_a_cold_store_gives_up_in_time(
    silent: str, keys: LocalFileKeyProvider, method: str, deadline_s: float
) -> None:
    __import__("boto3.session")  # takes a second by itself
    partitions = DynamoPartitionStore(
        "t", region="us-east-1", endpoint=silent, client_options=DUMMY
    )
    with closing(open_store(partitions, keys, deadline_s=deadline_s)) as store:
        given = {"round": 0} if method == "create_round" else {}
        code, seconds = ended(lambda: getattr(store, method)("d", **given))
    assert code == "backend_unavailable"
    assert deadline_s / 2 < seconds <= deadline_s + MARGIN_S


class Silence:
    """A lie of the proxy: no answer before it is left."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def __call__(self, call: Call, send: Send) -> Reply | None:
        del call, send
        self._over.wait(60)
        return None

    def end(self) -> None:
        self._over.set()


@pytest.mark.parametrize("deadline_s", DEADLINES)
def test_a_warm_store_gives_up_in_time(
    dynamodb_local: Engine, keys: LocalFileKeyProvider, deadline_s: float
) -> None:
    """Its connections stand, and it knows the dialogue: the write is sent, so its outcome is unknown."""
    url = dynamodb_local.endpoint_url
    assert url is not None
    name = f"t{uuid.uuid4().hex}"
    silence = Silence()
    with LyingProxy(url) as proxy:
        try:
            place: dict[str, Any] = {"region": "us-east-1", "client_options": DUMMY}
            calm = DynamoPartitionStore(name, endpoint=proxy.url, **place)
            create_table(name, client=calm.client)
            with closing(open_store(calm, keys)) as store:
                store.create_dialogue("d", "title")
            partitions = DynamoPartitionStore(name, endpoint=proxy.url, **place)
            with closing(open_store(partitions, keys, deadline_s=deadline_s)) as store:
                for number in range(3):
                    until_it_works(store, number)
                proxy.lie = silence
                read = ended(lambda: store.load_partition("d"))
                write = ended(lambda: store.create_round("d", 3))
        finally:
            proxy.lie = honest
            silence.end()
    assert [read[0], write[0]] == ["backend_unavailable", "outcome_unknown"]
    assert max(read[1], write[1]) <= deadline_s + MARGIN_S


def until_it_works(store: DialogueStore, number: int) -> None:
    """A busy machine may need longer for one write than a deadline of 0.2 s; forty tries at most."""
    for _ in range(40):
        try:
            store.create_round("d", number)
        except DialogueStoreError as late:
            if late.code == "duplicate_entity":
                return
            if not late.retryable and late.code not in ("outcome_unknown", "audit_unavailable"):
                raise
        else:
            return
    raise AssertionError("no write got through")


# -- what an engine call is told ----------------------------------------------------------------------


class Asking(MemoryPartitionStore):
    """Notes how long each call may wait; each takes a second."""

    def __init__(self, clock: Time) -> None:
        super().__init__()
        self.clock = clock
        self.told: list[float | None] = []

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        self.told.append(time_left())
        self.clock.sleep(1.0)
        return super().last(pk, prefix=prefix)

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        self.told.append(time_left())
        self.clock.sleep(1.0)
        return super().query(pk, prefix=prefix)


def test_every_call_is_told_what_is_left(keys: LocalFileKeyProvider) -> None:
    clock = Time()
    partitions = Asking(clock)
    runtime = replace(SYSTEM, monotonic=clock, sleep=clock.sleep)
    open_store(partitions, keys).create_dialogue("d", "title")
    partitions.told.clear()
    store = open_store(partitions, keys, deadline_s=1.5, runtime=runtime)
    store.load_partition("d")
    with pytest.raises(DialogueStoreError):
        store.load_partition("absent")
    # The chain's end, then the items; each call of the store has a deadline of its own.
    assert partitions.told == [1.5, 0.5, 1.5, 0.5]
    assert time_left() is None


def test_after_the_deadline_nothing_is_left() -> None:
    with bounded_by(lambda: -3.0):
        assert time_left() == 0.0


@pytest.mark.parametrize(
    ("left", "connect", "read"),
    [
        (None, 2.0, 5.0),
        (7.0, 2.0, 5.0),
        (6.9, 1.2, 2.8),
        (1.9, 0.3, 0.7),
        (0.5, 0.15, 0.35),
        (0.49, 0.075, 0.175),
        (0.0, 0.075, 0.175),
    ],
)
def test_a_request_is_given_up_when_its_time_is_over(
    left: float | None, connect: float, read: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    class Client:
        def get_item(self, **_: object) -> dict[str, Any]:
            return {}

    def make(**given: Any) -> Client:
        made.append((given["connect_timeout_s"], given["read_timeout_s"]))
        return Client()

    monkeypatch.setattr("reference_impl.partitions.dynamodb.store.make_client", make)
    store = DynamoPartitionStore("t")
    for _ in range(2):
        if left is None:
            store.get("a", "b")
        else:
            with bounded_by(lambda: left):
                store.get("a", "b")
    assert made == [(pytest.approx(connect), pytest.approx(read))]  # and the client is kept


def test_a_transaction_does_not_wait_for_the_file_past_its_deadline(tmp_path: Path) -> None:
    path = tmp_path / "items.db"
    with (
        closing(SqlitePartitionStore(path)) as first,
        closing(SqlitePartitionStore(path, busy_timeout_s=60.0)) as second,
    ):
        item: Item = {"pk": "p", "sk": "s"}
        second.get("p", "s")
        entered, leave = threading.Event(), threading.Event()

        def hold(statement: str) -> None:
            if statement == "COMMIT":
                entered.set()
                leave.wait(60)

        first.trace(hold)
        holder = threading.Thread(target=first.commit, args=([Put(item)],), kwargs={"token": "a"})
        holder.start()
        try:
            assert entered.wait(30)
            start = time.monotonic()
            with bounded_by(lambda: 0.1), pytest.raises(Exception) as failure:  # noqa: PT011
                second.commit([Put({"pk": "p", "sk": "t"}, ABSENT)], token="b")
            seconds = time.monotonic() - start
        finally:
            leave.set()
            holder.join(30)
        assert type(failure.value).__name__ == "Contention"
        assert seconds <= 0.1 + MARGIN_S


# -- locks --------------------------------------------------------------------------------------------


def test_a_sink_that_another_process_holds_is_not_waited_for_past_the_deadline(
    tmp_path: Path, keys: LocalFileKeyProvider
) -> None:
    clock = Time()
    partitions = MemoryPartitionStore()
    open_store(partitions, keys).create_dialogue("d", "title")
    sink = tmp_path / "sink"
    store = open_store(
        partitions,
        keys,
        read_only=True,
        audit_sink=sink,
        deadline_s=0.2,
        runtime=replace(SYSTEM, monotonic=clock, sleep=clock.sleep),
    )
    with sink.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DialogueStoreError) as failure:
            store.load_partition("d")
    assert failure.value.code == "conflict"
    assert clock.now == pytest.approx(100.2)
    assert sink.read_bytes() == b""
    assert store.load_partition("d").revision == 1
    assert sink.read_bytes().count(b"\n") > 0


def test_a_fork_that_does_not_end_is_not_waited_for_past_the_deadline() -> None:
    gate = forks.Gate(lambda: 0.0)
    assert gate.shut(0.0)
    with pytest.raises(DialogueStoreError) as failure, gate:
        pass
    assert failure.value.code == "backend_unavailable"
