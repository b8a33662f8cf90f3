"""Opening a second store must not give up the locks of the first: another process would take the log away.

POSIX locks belong to a process, and closing any descriptor of a file gives up all of them (STORE-17).
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from reference_impl.partitions.port import Put
from reference_impl.partitions.sqlite import schema
from reference_impl.partitions.sqlite.store import SqlitePartitionStore

pytestmark = pytest.mark.integration

#: In a process of its own: opens the file, commits an item, says what else is there, and closes.
OTHER = """
import sys
from reference_impl.partitions import sqlite
from reference_impl.partitions.port import Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
store = SqlitePartitionStore(sys.argv[1])
store.commit([Put({"pk": "p", "sk": sys.argv[2]})], token="t")
print(" ".join(str(item["sk"]) for item in store.query("p")))
store.close()
"""


def elsewhere(path: Path, sk: str) -> list[str]:
    """Commit an item in another process; what it then sees."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER, str(path), sk], capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode().split()


def put(store: SqlitePartitionStore, sk: str) -> None:
    store.commit([Put({"pk": "p", "sk": sk})], token="t")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_second_store_does_not_give_up_the_locks_of_the_first(
    tmp_path: Path, read_only: bool
) -> None:
    path = tmp_path / "d.db"
    first = SqlitePartitionStore(path)
    put(first, "a")
    second = SqlitePartitionStore(path, read_only=read_only)
    assert len(second.query("p")) == 1
    log = Path(f"{path}-wal")
    before = log.stat().st_ino
    assert elsewhere(path, "b") == ["a", "b"]
    assert log.exists(), "the other process believed to be the last one"
    assert log.stat().st_ino == before
    put(first, "c")
    assert [item["sk"] for item in second.query("p")] == ["a", "b", "c"]
    assert elsewhere(path, "d") == ["a", "b", "c", "d"]
    second.close()
    put(first, "e")
    assert elsewhere(path, "f") == ["a", "b", "c", "d", "e", "f"]
    first.close()


def test_a_file_put_in_the_place_of_another_is_looked_at_anew(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    first = SqlitePartitionStore(path)
    put(first, "a")
    path.rename(tmp_path / "aside.db")
    path.write_bytes(b"somebody else's file " * 10)
    with pytest.raises(Exception, match="table_not_found"):
        SqlitePartitionStore(path).query("p")
    first.close()
    assert path.read_bytes() == b"somebody else's file " * 10


def test_a_closed_store_leaves_the_file_to_be_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    for _ in range(2):
        store = SqlitePartitionStore(path)
        put(store, "a")
        store.close()
    path.write_bytes(b"no database at all " * 10)  # the same file, other bytes
    with pytest.raises(Exception, match="table_not_found"):
        SqlitePartitionStore(path).query("p")


def test_a_file_that_another_thread_is_about_to_make_is_made_by_whoever_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between one thread's opening of the file and its making of the tables, another thread comes."""
    path = tmp_path / "d.db"
    make = schema.create
    between: list[str] = []

    def come_between(connection: sqlite3.Connection, at: Path) -> None:
        if not between:
            between.append("once")
            other = SqlitePartitionStore(path)
            put(other, "other")
            other.close()
        make(connection, at)

    monkeypatch.setattr(schema, "create", come_between)
    store = SqlitePartitionStore(path)
    put(store, "own")
    assert [item["sk"] for item in store.query("p")] == ["other", "own"]
    store.close()
    assert between == ["once"]
