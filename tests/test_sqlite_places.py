"""A file that is deleted, moved or replaced under an open store: nothing is acknowledged that goes with it
(STORE-17), and reads say it too. What cannot be opened is told by its cause (ERR-01)."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reference_impl import LocalFileKeyProvider, SqliteDialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.port import ABSENT, Equals, LostAnswer, Put, Transient
from reference_impl.partitions.sqlite.errors import meaning
from reference_impl.partitions.sqlite.store import SqlitePartitionStore

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "items.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlitePartitionStore]:
    store = SqlitePartitionStore(path)
    put(store, "before")
    yield store
    store.close()


def put(store: SqlitePartitionStore, sk: str) -> None:
    store.commit([Put({"pk": "p", "sk": sk}, ABSENT)], token="t")


def names(store: SqlitePartitionStore) -> list[object]:
    return [item["sk"] for item in store.query("p")]


def refused(call: Callable[[], object], *words: str) -> None:
    with pytest.raises(DialogueStoreError) as caught:
        call()
    assert caught.value.code == "table_not_found"
    assert "setup-tables" not in caught.value.message
    for word in words:
        assert word in caught.value.message


def deleted(path: Path) -> str:
    path.unlink()
    return "there is no file"


def renamed(path: Path) -> str:
    path.rename(path.with_name("other.db"))
    return "there is no file"


def without_its_folder(path: Path) -> str:
    shutil.rmtree(path.parent)
    return "there is no file"


def in_a_renamed_folder(path: Path) -> str:
    path.parent.rename(path.parent.with_name("elsewhere"))
    return "there is no file"


def replaced_by_a_copy(path: Path) -> str:
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    copy.replace(path)
    return "it was replaced"


def replaced_by_another_store(path: Path) -> str:
    with closing(SqlitePartitionStore(path.with_name("new.db"))) as other:
        put(other, "of the other")
    path.with_name("new.db").replace(path)
    return "it was replaced"


def without_its_log(path: Path) -> str:
    path.with_name("items.db-wal").unlink()
    return "items.db-wal was deleted or moved"


def without_the_index_of_its_log(path: Path) -> str:
    path.with_name("items.db-shm").unlink()
    return "items.db-shm was deleted or moved"


WAYS = [deleted, renamed, without_its_folder, in_a_renamed_folder, replaced_by_a_copy]
WAYS += [replaced_by_another_store, without_its_log, without_the_index_of_its_log]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_acknowledged_into_a_file_that_is_gone(
    way: Callable[[Path], str], store: SqlitePartitionStore, path: Path
) -> None:
    reader = SqlitePartitionStore(path, read_only=True)
    assert names(reader) == ["before"]
    words = way(path)
    for _ in range(2):  # not even at the second try
        refused(lambda: put(store, "lost"), words)
        refused(lambda: names(store), words)
        refused(lambda: store.get("p", "before"), words)
        refused(lambda: names(reader), words)
    reader.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_condition_that_fails_is_not_told_of_a_file_that_is_gone(
    way: Callable[[Path], str], store: SqlitePartitionStore, path: Path
) -> None:
    """What it was looked up in is nobody's any more."""
    words = way(path)
    refused(lambda: put(store, "before"), words)
    refused(lambda: store.append([{"pk": "p", "sk": "before"}], token="t"), words)
    unequal = Put({"pk": "p", "sk": "before"}, Equals({"sk": "another"}))
    refused(lambda: store.commit([unequal], token="t"), words)


def test_a_file_that_is_put_back_is_as_good_as_before(
    store: SqlitePartitionStore, path: Path
) -> None:
    aside = path.parent.with_name("aside")
    path.parent.rename(aside)
    refused(lambda: put(store, "lost"))
    aside.rename(path.parent)
    put(store, "after")
    assert names(store) == ["after", "before"]
    with closing(SqlitePartitionStore(path)) as other:
        assert names(other) == ["after", "before"]


def test_a_file_that_goes_within_a_transaction_takes_nothing_with_it(
    store: SqlitePartitionStore, path: Path
) -> None:
    aside = path.with_name("aside.db")

    class Removing(dict[str, str]):
        """An expectation that is looked at within the transaction."""

        def items(self):  # type: ignore[no-untyped-def]
            path.rename(aside)
            return super().items()

    with pytest.raises(DialogueStoreError) as caught:
        store.commit([Put({"pk": "p", "sk": "before", "n": 1}, Equals(Removing()))], token="t")
    assert caught.value.code == "table_not_found"
    aside.rename(path)
    assert store.query("p") == [{"pk": "p", "sk": "before"}]


def test_whether_a_commit_took_place_is_open_where_the_file_goes_meanwhile(
    store: SqlitePartitionStore, path: Path
) -> None:
    aside = path.with_name("aside.db")

    def rename(statement: str) -> None:
        if statement == "COMMIT":
            path.rename(aside)

    store.trace(rename)
    with pytest.raises(LostAnswer) as caught:
        put(store, "open")
    assert caught.value.cause is not None
    assert caught.value.cause.code == "table_not_found"
    store.trace(None)
    aside.rename(path)
    assert names(store) == ["before", "open"]


def test_a_store_that_closes_leaves_the_log_of_another_file_alone(
    store: SqlitePartitionStore, path: Path
) -> None:
    """Another process has put its own store there, and works."""
    path.unlink()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink()
    script = """
import sys
from reference_impl.partitions.port import Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
store = SqlitePartitionStore(sys.argv[1])
store.commit([Put({"pk": "p", "sk": "first"})], token="t")
print("ready", flush=True)
sys.stdin.readline()
store.commit([Put({"pk": "p", "sk": "second"})], token="t")
import os
os._exit(0)  # what it wrote is still in the log
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        refused(lambda: put(store, "lost"), "it was replaced")
        store.close()
        other.communicate("go\n", timeout=60)
    with closing(SqlitePartitionStore(path)) as fresh:
        assert names(fresh) == ["first", "second"]


def test_the_files_belong_to_their_owner_alone_and_so_do_folders_that_are_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a" / "b" / "items.db"
    before = os.umask(0o022)
    try:
        with closing(SqlitePartitionStore(path)) as store:
            put(store, "x")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    finally:
        os.umask(before)
    assert modes == {
        "a": 0o700,
        "b": 0o700,
        "items.db": 0o600,
        "items.db-wal": 0o600,
        "items.db-shm": 0o600,
    }


# -- what cannot be opened ---------------------------------------------------------------------------


def test_a_path_that_is_too_long_for_sqlite(tmp_path: Path) -> None:
    deep = tmp_path / ("f" * 250) / ("g" * 250) / "items.db"
    with pytest.raises(DialogueStoreError) as caught:
        SqlitePartitionStore(deep)
    assert caught.value.code == "invalid_field"
    assert "504 bytes" in caught.value.message


def test_a_short_path_that_leads_to_a_long_one(tmp_path: Path) -> None:
    deep = tmp_path / ("f" * 250) / ("g" * 250)
    deep.mkdir(parents=True)
    (tmp_path / "short").symlink_to(deep)
    store = SqlitePartitionStore(tmp_path / "short" / "items.db")
    with pytest.raises(DialogueStoreError) as caught:
        names(store)
    assert caught.value.code == "invalid_field"
    assert "shorter path" in caught.value.message


NO_DESCRIPTORS = """
import os, resource, sys
from reference_impl.partitions.port import Put, Transient
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
fresh, warm = SqlitePartitionStore(sys.argv[1]), SqlitePartitionStore(sys.argv[1])
warm.commit([Put({"pk": "p", "sk": "a"})], token="t")
import tempfile
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
spent = []
try:
    while True:
        spent.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
other = SqlitePartitionStore(sys.argv[2])
for left in range(4):  # from the look at the file to the last of SQLite's own files
    for store in (fresh, other):
        try:
            store.commit([Put({"pk": "p", "sk": "b"})], token="t")
        except Transient as fault:
            assert fault.error.code == "backend_unavailable", fault.error
            print("file descriptor" in fault.error.message)
        else:
            print("written")
    os.close(spent.pop())
for descriptor in spent:
    os.close(descriptor)
fresh.commit([Put({"pk": "p", "sk": "b"})], token="t")
print([item["sk"] for item in warm.query("p")])
"""


def test_no_descriptors_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_DESCRIPTORS, str(tmp_path / "a.db"), str(tmp_path / "b.db")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert last == "['a', 'b']"
    assert lines[:2] == ["True", "True"]
    assert "False" not in lines


AS_NOBODY = """
import os, sys, tempfile
from reference_impl import LocalFileKeyProvider, SqliteDialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.port import Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
store = SqlitePartitionStore(sys.argv[1], read_only=len(sys.argv) > 2)
calls = [lambda: store.query("p")]
if len(sys.argv) == 2:
    calls.append(lambda: store.commit([Put({"pk": "p", "sk": "b"})], token="t"))
for call in calls:
    try:
        print([item["sk"] for item in call()])
    except DialogueStoreError as fault:
        print(fault.code, fault.message)
"""


def as_nobody(path: Path, *more: str) -> list[str]:
    """What somebody without rights is told."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path), *more],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def made() -> Iterator[Path]:
    """A store in a folder of its own, to which everybody gets: pytest's are closed to others."""
    with tempfile.TemporaryDirectory() as named:
        above = Path(named)
        above.chmod(0o755)
        folder = above / "folder"
        folder.mkdir()
        path = folder / "items.db"
        with closing(SqlitePartitionStore(path)) as store:
            put(store, "a")
        path.chmod(0o666)
        yield path


def test_who_may_not_write_the_folder_is_told_so(made: Path) -> None:
    made.parent.chmod(0o555)
    for line in as_nobody(made):
        assert line.startswith(f"access_denied the folder {made.parent} must be writable")


def test_who_may_not_write_the_file_is_told_so(made: Path) -> None:
    made.parent.chmod(0o777)
    made.chmod(0o444)
    read, written = as_nobody(made)
    assert read == "['a']"
    assert written.startswith(f"access_denied {made} must be readable and writable")


def test_who_may_not_read_the_file_is_told_so(made: Path) -> None:
    made.chmod(0o000)
    assert as_nobody(made, "read-only")[0].startswith(f"access_denied {made} may not be read")


def test_who_may_only_read_reads(made: Path) -> None:
    """As on a medium that cannot be written: SQLite can make no log there, and needs none."""
    made.chmod(0o444)
    made.parent.chmod(0o555)
    assert as_nobody(made, "read-only") == ["['a']"]
    assert sorted(p.name for p in made.parent.iterdir()) == ["items.db"]


ON_A_READ_ONLY_MEDIUM = """
import sys
from reference_impl import DialogueStoreError, create_dialogue_store
folder, sink = sys.argv[1:]
given = {
    "storage": {"backend": "sqlite", "sqlite": {"path": f"{folder}/items.db"}},
    "keys": {"provider": "local-file", "path": f"{folder}/keys/umk.key"},
}
def write(store):
    try:
        store.create_round("d", 1)
    except DialogueStoreError as fault:
        print(fault.code, fault.message)

with create_dialogue_store({**given, "read_only": True, "audit": {"sink": sink}}) as store:
    print(store.load_partition("d").revision, store.verify_partition("d"), store.verify_chain("d").ok)
    write(store)
with create_dialogue_store(given) as store:
    write(store)
"""
MOUNTED = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def test_a_medium_that_is_mounted_read_only_is_read(tmp_path: Path) -> None:
    """A mount of its own, which nobody else sees and which ends with the process."""
    folder = tmp_path / "medium"
    folder.mkdir()
    keys = LocalFileKeyProvider(folder / "keys" / "umk.key")
    with SqliteDialogueStore(folder / "items.db", keys) as store:
        store.create_dialogue("d", "title")
        store.create_round("d", 0)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    apart = [shutil.which("unshare") or "unshare", "--map-root-user", "--mount"]
    in_mount = [*apart, "sh", "-c", MOUNTED, "sh", str(folder)]
    try:
        possible = subprocess.run([*in_mount, "true"], capture_output=True, timeout=30).returncode
    except FileNotFoundError:
        possible = 1
    if possible:
        pytest.skip("needs the right to mount in a namespace of its own")
    sink = tmp_path / "reads.jsonl"
    done = subprocess.run(
        [*in_mount, sys.executable, "-c", ON_A_READ_ONLY_MEDIUM, str(folder), str(sink)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    read, refused, written = done.stdout.splitlines()
    assert read == "2 [] True"
    assert refused == (
        "access_denied this store was opened read-only. Open it without read_only to write."
    )
    assert written == (
        f"access_denied {folder}/items.db lies on a read-only file system. Open the store read-only, "
        "or move the file to where it can be written."
    )
    assert sink.read_bytes().count(b"\n") > 0
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_log_that_cannot_be_folded_in_is_not_left_out(made: Path) -> None:
    """A copy of a file in use, log and all, where nobody may write: what the log holds is not skipped."""
    with closing(SqlitePartitionStore(made)) as store:
        put(store, "b")
        copied = made.parent.with_name("copied")
        copied.mkdir()
        for name in ("items.db", "items.db-wal"):
            shutil.copy(made.with_name(name), copied / name)
            (copied / name).chmod(0o444)
    copied.chmod(0o555)
    (line,) = as_nobody(copied / "items.db", "read-only")
    assert line.startswith("access_denied")
    assert "items.db-wal" in line


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    found = meaning("SQLITE_CANTOPEN", tmp_path / "gone" / "items.db")
    assert isinstance(found, DialogueStoreError)
    assert found.code == "table_not_found"
    assert f"no folder {tmp_path / 'gone'}" in found.message


def test_what_has_no_known_cause_passes_perhaps(tmp_path: Path) -> None:
    (tmp_path / "items.db").touch()
    found = meaning("SQLITE_CANTOPEN", tmp_path / "items.db")
    assert isinstance(found, Transient)
    assert "SQLITE_CANTOPEN" in found.error.message
