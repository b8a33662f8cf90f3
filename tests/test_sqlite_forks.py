"""A SQLite store opened before a fork works in parent and children (STORE-17, AUDIT-08): nobody uses, or
closes, a connection of somebody else's, and what was acknowledged is there. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

BEGIN = """
import ctypes, multiprocessing, os, sys, threading, time, traceback, warnings
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.port import ABSENT, Contention, Equals, Put, Transient
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
warnings.simplefilter("ignore", DeprecationWarning)  # threads and forks, on purpose
PATH = sys.argv[1]

def put(store, sk):
    "Acknowledged, or an error; waits for other writers."
    until = time.monotonic() + 20
    while True:
        try:
            return store.commit([Put({"pk": "p", "sk": sk}, ABSENT)], token="t")
        except (Contention, Transient):
            if time.monotonic() > until:
                raise

def names(store):
    return [item["sk"] for item in store.query("p")]

def start(work, *, finalized=False):
    "A child that does work; then it just ends, as those of multiprocessing do, or as any process does."
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        if finalized:
            sys.exit(0)
        os._exit(0)
    return pid

def end(pid, expected=0):
    found = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert found == expected, found

def refused(call):
    try:
        call()
    except DialogueStoreError as fault:
        assert fault.code == "store_closed" and fault.data == {"cause": "fork"}, (fault, fault.data)
        assert not fault.retryable
    else:
        raise AssertionError("not refused")

def anew():
    "What lies in the file, as a process sees it that never saw the others."
    code = "import sys\\nfrom reference_impl.partitions.sqlite.store import SqlitePartitionStore as S\\n"
    code += "print([i['sk'] for i in S(sys.argv[1]).query('p')])"
    import subprocess
    out = subprocess.run([sys.executable, "-c", code, PATH], capture_output=True, text=True, check=True)
    return eval(out.stdout)

class Signal:
    "One process tells another."
    def __init__(self):
        self.read, self.write = os.pipe()
    def give(self):
        os.write(self.write, b"x")
    def wait(self):
        os.read(self.read, 1)
"""


def run(path: Path, script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d.db"


def test_the_parent_closes_first(path: Path) -> None:
    run(
        path,
        """
store = SqlitePartitionStore(PATH)
put(store, "parent")
wrote, closed = Signal(), Signal()
def work():
    put(store, "child")
    wrote.give()
    closed.wait()
    put(store, "child, later")
pid = start(work)
wrote.wait()
store.close()
assert anew() == ["child", "parent"]
closed.give()
end(pid)
assert anew() == ["child", "child, later", "parent"]
""",
    )


def test_the_child_closes_first(path: Path) -> None:
    run(
        path,
        """
store = SqlitePartitionStore(PATH)
put(store, "parent")
def work():
    put(store, "child")
    store.close()
end(start(work, finalized=True))
put(store, "parent, later")
assert names(store) == anew() == ["child", "parent", "parent, later"]
end(start(lambda: None, finalized=True))  # one that uses nothing, and ends with everything that it inherited
put(store, "parent, last")
assert names(store) == anew() == ["child", "parent", "parent, last", "parent, later"]
""",
    )


def test_a_store_that_was_never_used_and_one_of_several_on_the_file(path: Path) -> None:
    run(
        path,
        """
unused, used = SqlitePartitionStore(PATH), SqlitePartitionStore(PATH)
reader = SqlitePartitionStore(PATH, read_only=True)
put(used, "a")
assert names(reader) == ["a"]
def work():
    put(unused, "b")
    put(used, "c")
    assert names(reader) == ["a", "b", "c"]
end(start(work))
put(unused, "d")
put(used, "e")
assert names(reader) == anew() == ["a", "b", "c", "d", "e"]
""",
    )


def test_two_hundred_forks_and_grandchildren(path: Path) -> None:
    """Ten at a time; every tenth child has a child; parent and children write all the while."""
    run(
        path,
        """
store = SqlitePartitionStore(PATH)
expected = []
for batch in range(20):
    pids = []
    for number in range(10):
        name = f"{batch:02d}-{number}"
        def work():
            put(store, name)
            if not number:
                end(start(lambda: (put(store, name + "-grandchild"), store.close())))
                put(store, name + "-after")
        pids.append(start(work))
        put(store, name + "-parent")
        expected += [name, name + "-parent"]
    expected += [f"{batch:02d}-0-grandchild", f"{batch:02d}-0-after"]
    for pid in pids:
        end(pid)
assert names(store) == sorted(expected), set(expected) ^ set(names(store))
store.close()
assert anew() == sorted(expected)
""",
    )


def test_forks_while_other_threads_write(path: Path) -> None:
    """The children work as well: a fork waits until no call is running."""
    run(
        path,
        """
store = SqlitePartitionStore(PATH)
put(store, "a")
stop, written = threading.Event(), [[] for _ in range(3)]
def write(number):
    while not stop.is_set():
        name = f"thread-{number}-{len(written[number]):05d}"
        put(store, name)
        written[number].append(name)
threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(3)]
for thread in threads:
    thread.start()
def work(name):
    put(store, name)
    assert name in names(store)
for number in range(30):
    end(start(lambda: work(f"child-{number:02d}")))
stop.set()
for thread in threads:
    thread.join(30)
expected = {"a", *(f"child-{n:02d}" for n in range(30)), *sum(written, [])}
assert set(names(store)) == expected
store.close()
assert set(anew()) == expected
""",
    )


def test_a_fork_from_within_a_call_is_refused_in_the_child_for_every_store_on_the_file(
    path: Path,
) -> None:
    """The child inherits the lock table of its parent, so that a lock it takes may be none."""
    run(
        path,
        """
store, other = SqlitePartitionStore(PATH), SqlitePartitionStore(PATH)
elsewhere = SqlitePartitionStore(PATH + "2")
for each in (store, other, elsewhere):
    for name in ("a", "b"):
        each.commit([Put({"pk": "p", "sk": name})], token="t")
class Forking(dict):
    "An expectation that is looked at within the transaction."
    def items(self):
        self.pid = os.fork()
        return super().items()
expected = Forking(pk="p")
try:
    store.commit([Put({"pk": "p", "sk": "a", "n": 2}, Equals(expected))], token="t")
except DialogueStoreError as fault:  # the call goes on in the child, and is refused there
    assert not expected.pid and fault.code == "store_closed" and fault.data == {"cause": "fork"}
if expected.pid:
    end(expected.pid)
    assert names(store) == ["a", "b"] and store.get("p", "a") == {"pk": "p", "sk": "a", "n": 2}
    put(store, "later")
    assert anew() == ["a", "b", "later"] and names(elsewhere) == ["a", "b", "child", "grandchild"]
else:
    for one in (store, other, SqlitePartitionStore(PATH)):
        refused(lambda: names(one))
        refused(lambda: one.commit([Put({"pk": "p", "sk": "lost"})], token="t"))
        one.close()
    refused(lambda: names(SqlitePartitionStore(PATH, read_only=True)))
    put(elsewhere, "child")
    def grandchild():
        refused(lambda: names(SqlitePartitionStore(PATH)))
        put(elsewhere, "grandchild")
    end(start(grandchild))
""",
    )


def test_a_fork_that_python_was_not_told_of_is_refused_and_harms_nobody(path: Path) -> None:
    """A server in C may fork by itself. A store that holds no connection then is as new in the child."""
    run(
        path,
        """
fork = ctypes.PyDLL(None).fork
store, unused = SqlitePartitionStore(PATH), SqlitePartitionStore(PATH + "2")
put(store, "a")
pid = fork()
if not pid:
    refused(lambda: names(store))
    refused(lambda: names(SqlitePartitionStore(PATH)))
    store.close()
    put(unused, "of the child")
    sys.exit(0)  # with everything that it inherited
end(pid)
put(store, "b")
assert names(store) == anew() == ["a", "b"]
assert names(unused) == ["of the child"]
""",
    )


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_of_multiprocessing(path: Path, tmp_path: Path, method: str) -> None:
    main = tmp_path / "main.py"
    main.write_text(
        BEGIN
        + f"""
store = SqlitePartitionStore(PATH)  # in workers that import this file as well
def work(name):
    for number in range(5):
        put(store, f"{{name}}-{{number}}")
    return names(store)
if __name__ == "__main__":
    put(store, "parent")
    with multiprocessing.get_context({method!r}).Pool(4) as pool:
        seen = pool.map(work, [f"w{{n}}" for n in range(12)])
        put(store, "parent, later")
    expected = ["parent", "parent, later"] + [f"w{{n}}-{{i}}" for n in range(12) for i in range(5)]
    assert names(store) == anew() == sorted(expected)
"""
    )
    done = subprocess.run(
        [sys.executable, str(main), str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
