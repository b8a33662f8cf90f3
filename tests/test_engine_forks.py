"""A store on DynamoDB, or in memory, that was opened before a fork works in parent and children (AUDIT-08):
no connection, client or lock of the parent's is used. Each in a process of its own."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from conformance.targets.engines.choose import Engine
from reference_impl.partitions.dynamodb.client import make_client
from reference_impl.partitions.dynamodb.store import create_table

pytestmark = pytest.mark.integration

BEGIN = """
import os, sys, threading, time, traceback, warnings
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.dynamodb.client import make_client
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ABSENT, Put
warnings.simplefilter("ignore", DeprecationWarning)  # threads and forks, on purpose
DUMMY = {"aws_access_key_id": "dummy", "aws_secret_access_key": "dummy"}

def dynamo(**more):
    return DynamoPartitionStore(
        sys.argv[2], region="us-east-1", endpoint=sys.argv[1], client_options=DUMMY, **more
    )

def put(store, sk):
    store.commit([Put({"pk": "p", "sk": sk}, ABSENT)], token=os.urandom(8).hex())

def names(store):
    return [item["sk"] for item in store.query("p")]

def start(work):
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid

def end(pid):
    found = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert found == 0, found

def refused(call):
    try:
        call()
    except DialogueStoreError as fault:
        assert fault.code == "store_closed" and fault.data == {"cause": "fork"}, (fault, fault.data)
    else:
        raise AssertionError("not refused")
"""


def run(script: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def place(dynamodb_local: Engine) -> Iterator[tuple[str, str]]:
    """The endpoint, and a table there."""
    options = dynamodb_local.client_kwargs()
    region, endpoint = options.pop("region_name"), options.pop("endpoint_url")
    client = make_client(region=region, endpoint=endpoint, options=options)
    name = f"dsconf_forks_{secrets.token_hex(6)}"
    create_table(name, client=client)
    yield endpoint, name
    client.delete_table(TableName=name)
    client.close()


def test_parent_and_children_write_to_dynamodb_at_once(place: tuple[str, str]) -> None:
    run(
        """
store, unused = dynamo(), dynamo()
put(store, "parent")
def work(name):
    assert not [c for c in made if c is store.client]
    for number in range(5):
        put(store, f"{name}-{number}")
    put(unused, f"{name}-unused")
    end(start(lambda: put(store, f"{name}-grandchild")))
made = [store.client]
pids = [start(lambda: work(f"c{n}")) for n in range(3)]
for number in range(5):
    put(store, f"parent-{number}")
for pid in pids:
    end(pid)
assert store.client is made[0]
expected = ["parent"] + [f"parent-{i}" for i in range(5)]
for n in range(3):
    expected += [f"c{n}-{i}" for i in range(5)] + [f"c{n}-unused", f"c{n}-grandchild"]
assert names(store) == sorted(expected), names(store)
store.close()
""",
        *place,
    )


THREADS = """
put(store, "first")
stop, written = threading.Event(), [[] for _ in range(3)]
def write(number):
    while not stop.is_set():
        name = f"thread-{number}-{len(written[number]):06d}"
        put(store, name)
        written[number].append(name)
threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(3)]
for thread in threads:
    thread.start()
def work(name):
    put(store, name)
    assert name in names(store)
for number in range(15):
    end(start(lambda: work(f"child-{number:02d}")))
stop.set()
for thread in threads:
    thread.join(30)
"""


def test_forks_while_other_threads_write_to_dynamodb(place: tuple[str, str]) -> None:
    run(
        "store = dynamo()\n"
        + THREADS
        + """
expected = {"first", *(f"child-{n:02d}" for n in range(15)), *sum(written, [])}
assert set(names(store)) == expected
""",
        *place,
    )


def test_forks_while_other_threads_write_to_memory() -> None:
    """A child has a copy: what it writes is its own."""
    run(
        "store = MemoryPartitionStore()\n"
        + THREADS
        + """
assert set(names(store)) == {"first", *sum(written, [])}
"""
    )


def test_a_call_that_is_forked_within_ends_in_an_error_in_the_child(place: tuple[str, str]) -> None:
    run(
        """
store = dynamo()
put(store, "before")
pids = []
def in_between(**_):
    if not pids:
        pids.append(os.fork())
        if not pids[0]:
            raise OSError("the child goes no further with the parent's connection")
store.client.meta.events.register("before-send.dynamodb", in_between)
try:
    put(store, "of the parent")
except BaseException:
    assert pids == [0]
    refused(lambda: put(store, "of the child"))
    refused(lambda: store.client)
    put(dynamo(), "of another store in the child")
    os._exit(0)
assert pids[0]
end(pids[0])
assert names(store) == ["before", "of another store in the child", "of the parent"]
""",
        *place,
    )


def test_the_callers_own_client_stays_with_its_process(place: tuple[str, str]) -> None:
    run(
        """
client = make_client(region="us-east-1", endpoint=sys.argv[1], options=DUMMY)
store = DynamoPartitionStore(sys.argv[2], client=client)
put(store, "a")
end(start(lambda: refused(lambda: names(store))))
assert names(store) == ["a"]
""",
        *place,
    )
