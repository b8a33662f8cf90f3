"""What only the SQLite store has: a file, its settings, and files of somebody else."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.contract.tables import INDEXES
from reference_impl.partitions.port import (
    ABSENT,
    ConditionFailed,
    Contention,
    LostAnswer,
    PartitionStore,
    Put,
    Transient,
)
from reference_impl.partitions.sqlite.errors import meaning
from reference_impl.partitions.sqlite.file import APPLICATION_ID, SCHEMA_VERSION
from reference_impl.partitions.sqlite.store import STATEMENTS, SqlitePartitionStore

HEAD: Item = {"pk": "dialogue#d", "sk": "head", "revision": 1}
SEALED: Item = {
    "pk": "dialogue#d",
    "sk": "tension#01#01",
    "status": "open",
    "by_tension_status_pk": "tension_status#open",
    "by_tension_status_sk": "d#T0101",
    "content_encrypted": b"\x00" * 40,
    "content_nonce": b"\x01" * 12,
    "key_id": "dek#d#1",
    "aad_hash": "ab" * 32,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "items.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlitePartitionStore]:
    store = SqlitePartitionStore(path)
    yield store
    store.close()


def put(store: PartitionStore, *items: Item) -> None:
    store.commit([Put(item) for item in items], token="t")


def code_of(store: PartitionStore, path: Path, *, writes: bool = True) -> str:
    """The code with which every call is refused; each message names the path."""
    codes = set()
    calls: list[Callable[[], object]] = [
        lambda: store.get("dialogue#d", "head"),
        lambda: store.query("dialogue#d"),
        store.holds_wrapped_keys,
    ]
    if writes:
        calls.append(lambda: put(store, HEAD))
    for call in calls:
        with pytest.raises(DialogueStoreError) as failure:
            call()
        assert str(path) in failure.value.message
        codes.add(failure.value.code)
    (code,) = codes
    return code


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


# ---------------------------------------------------------------------------------- the file


def test_every_connection_is_durable_and_deletes_for_good(store: SqlitePartitionStore) -> None:
    put(store, HEAD)
    for _ in range(2):
        connection = store._pool.take()  # never given back: the second is a new one
        try:
            pragmas = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "secure_delete")
            }
        finally:
            connection.close()
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


def test_a_plain_process_reads_the_open_file(store: SqlitePartitionStore, path: Path) -> None:
    put(store, HEAD, SEALED)
    script = """
import json, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute(
    "SELECT pk, sk, attributes, hex(content_encrypted), hex(content_nonce), key_id, aad_hash "
    "FROM items ORDER BY pk, sk").fetchall()
print(json.dumps(rows))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, check=True, timeout=60
    )
    head, sealed = json.loads(done.stdout)
    assert head[:2] == ["dialogue#d", "head"]
    assert json.loads(head[2]) == {"revision": 1}
    assert head[3:] == ["", "", None, None]
    assert sealed[:2] == ["dialogue#d", "tension#01#01"]
    assert json.loads(sealed[2]) == {
        "status": "open",
        "by_tension_status_pk": "tension_status#open",
        "by_tension_status_sk": "d#T0101",
    }
    assert sealed[3:] == ["00" * 40, "01" * 12, "dek#d#1", "ab" * 32]


def test_deleted_bytes_are_gone_from_the_file(store: SqlitePartitionStore, path: Path) -> None:
    secret = b"wrapped key that has to go"
    put(store, {**SEALED, "content_encrypted": secret})
    put(store, {**HEAD, "sk": "tension#01#01"})
    store.close()  # the last connection folds the log into the file
    assert secret not in path.read_bytes()
    assert sorted(p.name for p in path.parent.iterdir()) == ["items.db"]


def test_every_index_is_used(store: SqlitePartitionStore) -> None:
    put(store, HEAD, SEALED)
    for index in INDEXES:
        pk, sk = (
            f"json_extract(attributes, '$.{a}')" for a in (index.pk_attribute, index.sk_attribute)
        )
        plan = store.query_plan(f"SELECT pk, sk FROM items WHERE {pk} = ? ORDER BY {sk}", ("x",))
        assert len(plan) == 1
        assert plan[0].startswith(f"SEARCH items USING INDEX {index.name} ")
    with closing(sqlite3.connect(store.path)) as plain:
        found = plain.execute(
            "SELECT pk, sk FROM items WHERE json_extract(attributes, '$.by_tension_status_pk') = ?",
            ("tension_status#open",),
        ).fetchall()
    assert found == [("dialogue#d", "tension#01#01")]


def test_no_statement_scans(store: SqlitePartitionStore) -> None:
    for statement in STATEMENTS:
        plan = store.query_plan(statement, ("x",) * statement.count("?"))
        if statement.startswith("INSERT"):
            assert plan == []
        else:
            assert len(plan) == 1, statement  # no temporary B-tree to sort with either
            assert plan[0].startswith("SEARCH items USING PRIMARY KEY (pk=?"), statement


def test_making_a_store_touches_nothing_until_it_is_used(path: Path) -> None:
    SqlitePartitionStore(path / "deep" / "items.db").close()
    assert list(path.parent.iterdir()) == []


def test_two_processes_make_the_file_at_once(path: Path) -> None:
    script = """
import sys
from reference_impl.partitions.port import ABSENT, Contention, Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
store = SqlitePartitionStore(sys.argv[1])
sys.stdin.readline()
for attempt in range(10_000):
    try:
        store.commit([Put({"pk": "dialogue#d", "sk": sys.argv[2]}, ABSENT)], token="t")
        break
    except Contention:
        pass
store.close()
"""
    deep = path.parent / "a" / "b" / "items.db"
    command = [sys.executable, "-c", script, str(deep)]
    racers = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, text=True) for name in "abcd"
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=60)
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    with closing(SqlitePartitionStore(deep)) as store:
        assert [item["sk"] for item in store.query("dialogue#d")] == ["a", "b", "c", "d"]


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with closing(SqlitePartitionStore(path)) as store:
        put(store, HEAD)
        assert store.query("dialogue#d") == [HEAD]


# ------------------------------------------------------------------------------ other files


def not_a_database(path: Path) -> None:
    path.write_bytes(b"SQLite is what this text is about. " * 40)


def too_short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00")


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE items (pk TEXT, sk TEXT)")
        other.execute("PRAGMA journal_mode = WAL")


def in_use_by_another_program(path: Path) -> None:
    """A log that has not been folded in: opening the file would do it."""
    of_another_program(path)
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('INSERT INTO items VALUES (1, 2)'); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
    assert path.with_name(path.name + "-wal").stat().st_size > 0


def of_another_release(path: Path) -> None:
    with closing(SqlitePartitionStore(path)) as store:
        put(store, HEAD)
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def with_other_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE items (pk TEXT, sk TEXT, attributes TEXT)")
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def without_an_index(path: Path) -> None:
    with closing(SqlitePartitionStore(path)) as store:
        put(store, HEAD)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP INDEX ByExpert")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        *(not_a_database, too_short, of_another_program, in_use_by_another_program),
        *(of_another_release, with_other_tables, without_an_index, a_folder, a_pipe),
    ],
)
def test_anything_else_is_refused_and_left_alone(path: Path, make: Any, read_only: bool) -> None:
    make(path)
    before = contents(path.parent) if make is not a_pipe else {}
    store = SqlitePartitionStore(path, read_only=read_only)
    assert code_of(store, path, writes=not read_only) == "table_not_found"
    store.close()
    if make is not a_pipe:
        after = contents(path.parent)
        # Our own schema is looked at through SQLite, which may leave an empty log behind.
        assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("below", ["x/items.db", "x/y/items.db"])
def test_a_file_where_a_folder_should_be(tmp_path: Path, below: str) -> None:
    (tmp_path / "x").write_text("a file")
    store = SqlitePartitionStore(tmp_path / below)
    assert code_of(store, tmp_path / "x") == "table_not_found"
    assert (tmp_path / "x").read_text() == "a file"


# -------------------------------------------------------------------------------- read-only


def test_read_only_makes_nothing(path: Path) -> None:
    store = SqlitePartitionStore(path, read_only=True)
    for call in (lambda: store.get("dialogue#d", "head"), lambda: store.query("dialogue#d")):
        with pytest.raises(DialogueStoreError) as failure:
            call()
        assert failure.value.code == "table_not_found"
    assert list(path.parent.iterdir()) == []


def test_read_only_reads_and_does_not_write(store: SqlitePartitionStore, path: Path) -> None:
    put(store, HEAD)
    with closing(SqlitePartitionStore(path, read_only=True)) as reader:
        assert reader.query("dialogue#d") == [HEAD]
        put(store, {**HEAD, "revision": 2})
        assert reader.get("dialogue#d", "head") == {**HEAD, "revision": 2}
        assert reader.holds_wrapped_keys() is False
        with pytest.raises(DialogueStoreError) as failure:
            put(reader, HEAD)
        assert failure.value.code == "access_denied"
    assert store.query("dialogue#d") == [{**HEAD, "revision": 2}]


# ---------------------------------------------------------------------- what others wrote


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("content_nonce = 'text'", {"content_nonce": "text"}),
        ("content_encrypted = 7", {"content_encrypted": 7}),
        ("key_id = x'6465'", {"key_id": b"de"}),
        ("aad_hash = NULL", {"aad_hash": None}),
        ("key_id = CAST(x'ff' AS TEXT)", {"key_id": b"\xff"}),
        ("attributes = '[1]'", {"attributes": "[1]"}),
        ("attributes = x'01'", None),
        ("attributes = '{\"status\": null}'", {"status": None}),
        ('attributes = \'{"key_id": "x"}\'', {"attributes": '{"key_id": "x"}'}),
        ('attributes = \'{"pk": "x"}\'', {"attributes": '{"pk": "x"}'}),
        ('attributes = \'{"a": {"base64": "not"}}\'', {"attributes": '{"a": {"base64": "not"}}'}),
        ('attributes = \'{"a": {"b": 1}}\'', {"a": {"b": 1}}),
    ],
)
def test_a_row_changed_by_hand_comes_back_recognisably_wrong(
    store: SqlitePartitionStore, path: Path, change: str, expected: dict[str, Any] | None
) -> None:
    put(store, HEAD, SEALED)
    with closing(sqlite3.connect(path, isolation_level=None)) as plain:
        if expected is None:  # an index on JSON refuses what is none
            with pytest.raises(sqlite3.Error):
                plain.execute(f"UPDATE items SET {change} WHERE sk LIKE 'tension%'")
            return
        plain.execute(f"UPDATE items SET {change} WHERE sk LIKE 'tension%'")
    head, found = store.query("dialogue#d")
    assert head == HEAD
    assert {name: found.get(name) for name in expected} == expected
    assert store.get("dialogue#d", "tension#01#01") == found
    put(store, SEALED)
    assert store.query("dialogue#d") == [HEAD, SEALED]


def test_a_damaged_file_is_an_integrity_error(path: Path) -> None:
    with closing(SqlitePartitionStore(path)) as store:
        put(store, *({**SEALED, "sk": f"tension#01#{n:02d}"} for n in range(1, 100)))
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (path.stat().st_size - 8192))
    with closing(SqlitePartitionStore(path)) as store, pytest.raises(DialogueStoreError) as failure:
        store.query("dialogue#d")
    assert failure.value.code == "integrity_error"
    assert failure.value.data["layer"] == "envelope"


# ------------------------------------------------------------------ contention and faults


def test_another_writer_is_contention(store: SqlitePartitionStore, path: Path) -> None:
    put(store, HEAD)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Contention):
            put(store, {**HEAD, "revision": 2})
        assert store.get("dialogue#d", "head") == HEAD  # readers are not held up
        other.execute("ROLLBACK")
    put(store, {**HEAD, "revision": 2})
    assert store.get("dialogue#d", "head") == {**HEAD, "revision": 2}


def test_a_full_disk_is_named_and_nothing_is_written(path: Path) -> None:
    """A limit on the size of files stands for a quota: both are errors that SQLite has no name for, so
    that a COMMIT that meets it has no outcome of its own."""
    script = """
import resource, sys
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.port import LostAnswer, Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
store = SqlitePartitionStore(sys.argv[1])
store.commit([Put({"pk": "dialogue#d", "sk": "head"})], token="t")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
try:
    for n in range(100):
        big = {"pk": "dialogue#d", "sk": f"a#{n:03d}", "content_encrypted": bytes(30_000)}
        store.commit([Put(big), Put({**big, "sk": f"b#{n:03d}"})], token="t")
except (DialogueStoreError, LostAnswer) as fault:
    error = fault.cause if isinstance(fault, LostAnswer) else fault
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    keys = [item["sk"] for item in store.query("dialogue#d")]
    store.commit([Put({"pk": "dialogue#d", "sk": "later"})], token="t")
    print(error.code, keys == [f"a#{i:03d}" for i in range(n)] + [f"b#{i:03d}" for i in range(n)] + ["head"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        timeout=60,
        text=True,
        check=True,
    )
    assert done.stdout == "storage_full True\n"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("SQLITE_BUSY", Contention, None),
        ("SQLITE_BUSY_SNAPSHOT", Contention, None),
        ("SQLITE_LOCKED", Contention, None),
        ("SQLITE_FULL", DialogueStoreError, "storage_full"),
        ("SQLITE_READONLY", DialogueStoreError, "access_denied"),
        ("SQLITE_READONLY_DIRECTORY", DialogueStoreError, "access_denied"),
        ("SQLITE_CANTOPEN", Transient, "backend_unavailable"),
        ("SQLITE_PERM", DialogueStoreError, "access_denied"),
        ("SQLITE_NOTADB", DialogueStoreError, "table_not_found"),
        ("SQLITE_TOOBIG", DialogueStoreError, "item_too_large"),
        ("SQLITE_IOERR_READ", Transient, "backend_unavailable"),
        ("SQLITE_NOMEM", Transient, "backend_unavailable"),
        ("SQLITE_PROTOCOL", Transient, "backend_unavailable"),
    ],
)
def test_what_an_error_of_the_engine_means(path: Path, name: str, kind: type, code: str) -> None:
    path.touch()
    found = meaning(name, path)
    assert type(found) is kind
    if isinstance(found, Transient):
        found = found.error
    assert getattr(found, "code", None) == code


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_IOERR_FSYNC", LostAnswer),
        ("SQLITE_IOERR", LostAnswer),
        ("SQLITE_IOERR_SHMSIZE", LostAnswer),
        ("SQLITE_BUSY", Contention),
        ("SQLITE_FULL", DialogueStoreError),
    ],
)
def test_what_it_means_where_commit_itself_fails(path: Path, name: str, kind: type) -> None:
    path.touch()
    assert type(meaning(name, path, committing=True)) is kind


def test_a_full_disk_says_nothing_of_a_commit_that_failed_over_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log may hold the whole commit while its flush, or the growth of its index, had no room left."""
    path.touch()
    monkeypatch.setattr("reference_impl.partitions.sqlite.errors._is_full", lambda path: True)
    for name in ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_WRITE"):
        before, open_ = meaning(name, path), meaning(name, path, committing=True)
        assert isinstance(before, DialogueStoreError)
        assert before.code == "storage_full"
        assert isinstance(open_, LostAnswer)
        assert open_.cause is not None
        assert open_.cause.code == "storage_full"
    sure = meaning("SQLITE_FULL", path, committing=True)
    assert isinstance(sure, DialogueStoreError)
    assert sure.code == "storage_full"


@pytest.mark.parametrize("name", ["SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_CANTOPEN"])
def test_nobody_is_sent_to_a_set_up_that_makes_no_file(path: Path, name: str) -> None:
    found = meaning(name, path)
    assert isinstance(found, DialogueStoreError)
    assert found.code == "table_not_found"
    assert "setup-tables" not in found.message


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(DialogueStoreError) as failure:
        SqlitePartitionStore("d\0b")
    assert failure.value.code == "invalid_field"


def test_a_file_that_went_away(store: SqlitePartitionStore, path: Path) -> None:
    assert isinstance(meaning("SQLITE_CANTOPEN", path), DialogueStoreError)
    assert "no file" in str(meaning("SQLITE_CANTOPEN", path))


def test_no_value_in_an_exception(store: SqlitePartitionStore) -> None:
    put(store, HEAD)
    store.trace(None)
    with pytest.raises(ConditionFailed) as failure:
        store.commit([Put({**HEAD, "status": "secret words"}, ABSENT)], token="t")
    assert "secret" not in repr(failure.value)


# -------------------------------------------------------------------------- life of a store


def test_closing_from_another_thread_closes_every_connection(path: Path) -> None:
    store = SqlitePartitionStore(path)
    put(store, HEAD)  # makes the file: four at once would be in each other's way
    held = threading.Barrier(4, timeout=30)

    def work() -> None:
        connection = store._pool.take()
        held.wait()
        store._pool.give(connection)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert open_files(path) >= 4
    closer = threading.Thread(target=store.close)
    closer.start()
    closer.join(30)
    assert open_files(path) == 0


def test_a_connection_in_use_while_the_store_is_closed_is_closed_after_it(path: Path) -> None:
    store = SqlitePartitionStore(path)
    connection = store._pool.take()
    store.close()
    assert open_files(path) > 0
    store._pool.give(connection)
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    """Descriptors of this process that lead to the file or its log."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += str(link.readlink()).startswith(str(path))
        except FileNotFoundError:  # the listing's own
            continue
    return found


@pytest.mark.integration
def test_acknowledged_commits_survive_a_killed_process(path: Path) -> None:
    """STORE-17: whatever was acknowledged is there, and each commit wholly or not at all."""
    script = """
import sys
from reference_impl.partitions.port import Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
store = SqlitePartitionStore(sys.argv[1])
for n in range(100_000):
    pair = [Put({"pk": "dialogue#d", "sk": f"{kind}#{n:06d}", "n": n}) for kind in "ab"]
    store.commit(pair, token="t")
    print(n, flush=True)
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
    writer.kill()
    rest, _ = writer.communicate(timeout=60)
    acknowledged += map(int, rest.split("\n")[:-1])  # the last line may be torn
    with closing(SqlitePartitionStore(path)) as store:
        kept_a, kept_b = (
            [item["n"] for item in store.query("dialogue#d", prefix=p)] for p in ("a#", "b#")
        )
    assert kept_a == kept_b == list(range(len(kept_a)))
    assert max(acknowledged) < len(kept_a) <= max(acknowledged) + 2
