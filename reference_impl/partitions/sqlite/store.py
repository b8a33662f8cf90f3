"""Items in one SQLite file: WAL, ``synchronous=FULL``, secure delete (STORE-17).

The schema is in ``sqlite_file``, an item as a row in ``sqlite_rows``, the errors in
``sqlite_errors``; this module alone talks to the engine.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ...contract.errors import error
from ...contract.items import Item, Key
from ..port import (
    ABSENT,
    Absent,
    Action,
    ConditionFailed,
    Contention,
    Delete,
    Equals,
    PartitionStore,
    Put,
    holds,
    keys_of,
)
from .connect import Connection, open_examined
from .errors import meaning
from .file import APPLICATION_ID, PAGE_SIZE, SCHEMA, SCHEMA_VERSION, Found, no_store
from .rows import item_of, items_of, row_of

__all__ = ["STATEMENTS", "SqlitePartitionStore"]

_SELECT = (
    "SELECT sk, attributes, content_encrypted, content_nonce, key_id, aad_hash FROM items WHERE "
)
_INSERT = (
    "INTO items (pk, sk, attributes, content_encrypted, content_nonce, key_id, aad_hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
# The texts are constants, so that each is prepared once for a connection.
#: Rows that a stream reads at once.
_PAGE_ROWS = 2000
_GET = f"{_SELECT}pk = ? AND sk = ?"
_EXISTS = "SELECT 1 FROM items WHERE pk = ? AND sk = ?"
_QUERY = f"{_SELECT}pk = ? ORDER BY sk"
_QUERY_FROM = f"{_SELECT}pk = ? AND sk >= ? ORDER BY sk"
_QUERY_BETWEEN = f"{_SELECT}pk = ? AND sk >= ? AND sk < ? ORDER BY sk"
_LAST = f"{_SELECT}pk = ? ORDER BY sk DESC LIMIT 1"
_LAST_BETWEEN = f"{_SELECT}pk = ? AND sk >= ? AND sk < ? ORDER BY sk DESC LIMIT 1"
_PAGE = f"{_SELECT}pk = ? AND sk > ? ORDER BY sk LIMIT {_PAGE_ROWS}"
_PUT = f"INSERT OR REPLACE {_INSERT}"
_PUT_NEW = f"INSERT {_INSERT} ON CONFLICT DO NOTHING"
_DELETE = "DELETE FROM items WHERE pk = ? AND sk = ?"
#: Every statement that touches items, but for the one scan there is (KEY-02).
STATEMENTS = (
    *(_GET, _EXISTS, _QUERY, _QUERY_FROM, _QUERY_BETWEEN, _LAST, _LAST_BETWEEN, _PAGE),
    *(_PUT, _PUT_NEW, _DELETE),
)
_ANY_WRAPPED_KEY = (
    "SELECT EXISTS (SELECT 1 FROM items WHERE pk >= 'dialogue#' AND pk < 'dialogue$' "
    "AND sk >= 'dek#' AND sk < 'dek$')"
)

_T = TypeVar("_T")

# Connections that a fork brought into this process. SQLite forbids even to close them here.
_inherited: list[sqlite3.Connection] = []


class SqlitePartitionStore(PartitionStore):
    """Items in the SQLite file ``path``, made with its folder on first use unless ``read_only``.

    ``busy_timeout_s``: seconds to wait for another writer before :class:`Contention`; short, because
    the layer above retries with jitter and gets more commits through that way. Threads may share a
    store: each call has a connection to itself. After a fork the child opens its own.

    Errors: ``invalid_field`` for a path that no file can have; at the first call ``table_not_found`` (no
    store at the path, something else, or another schema: nothing is written), ``access_denied``; later
    also ``storage_full``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        busy_timeout_s: float = 0.005,
    ) -> None:
        if "\0" in os.fspath(path):
            raise error("invalid_field", "the path of a SQLite file holds no NUL")
        self.path = Path(path).expanduser().absolute()
        self._read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._idle: deque[sqlite3.Connection] = deque()
        self._owner = os.getpid()
        self._closed = False
        self._trace: Callable[[str], None] | None = None

    def get(self, pk: str, sk: str) -> Item | None:
        rows = self._with(lambda connection: _rows(connection, _GET, (pk, sk)))
        return items_of(pk, rows)[0] if rows else None

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        """All in one statement, and so a snapshot."""
        if not prefix:
            return items_of(pk, self._with(lambda connection: _rows(connection, _QUERY, (pk,))))
        end = _after(prefix)
        sql, bounds = (
            (_QUERY_FROM, (pk, prefix)) if end is None else (_QUERY_BETWEEN, (pk, prefix, end))
        )
        return items_of(pk, self._with(lambda connection: _rows(connection, sql, bounds)))

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        end = _after(prefix)
        sql, bounds = (_LAST, (pk,)) if end is None else (_LAST_BETWEEN, (pk, prefix, end))
        rows = self._with(lambda connection: _rows(connection, sql, bounds))
        return items_of(pk, rows)[0] if rows else None

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        """A page is a statement of its own, so that no reader keeps the log from being cleared."""
        first = self.get(pk, low) if low else None
        if first is not None:
            yield first
        after = low
        while True:
            bounds = (pk, after)
            page = items_of(pk, self._with(lambda c, b=bounds: _rows(c, _PAGE, b)))  # type: ignore[misc]
            for item in page:
                if high is not None and str(item["sk"]) >= high:
                    return
                yield item
            if len(page) < _PAGE_ROWS:
                return
            after = str(page[-1]["sk"])

    def commit(self, actions: Sequence[Action], *, token: str) -> None:  # noqa: ARG002
        """One IMMEDIATE transaction. No answer gets lost in between, so tokens are not remembered.

        :class:`LostAnswer` only where the disk fails while the log is being flushed.
        """
        self._commit_all(actions)

    def append(self, items: Sequence[Item], *, token: str) -> None:  # noqa: ARG002
        """One try: whoever writes has the file first."""
        self._commit_all([Put(item, ABSENT) for item in items], busy_timeout_s=0)

    def _commit_all(
        self, actions: Sequence[Action], *, busy_timeout_s: float | None = None
    ) -> None:
        if self._read_only:
            raise error("access_denied", "the store was opened for reading only")
        keys = keys_of(actions)
        if not keys:
            return
        work = [
            (key, action, row_of(action.item) if isinstance(action, Put) else None)
            for key, action in zip(keys, actions, strict=True)
        ]

        def act(connection: sqlite3.Connection) -> list[Key]:
            self._begin(connection, busy_timeout_s)
            try:
                failed = [key for key, action, row in work if not _do(connection, key, action, row)]
                if failed:
                    connection.execute("ROLLBACK")
                else:
                    _commit(connection)
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise
            return failed

        failed = self._with(act)
        if failed:
            raise ConditionFailed(failed)

    def _begin(self, connection: sqlite3.Connection, busy_timeout_s: float | None) -> None:
        if busy_timeout_s is None:
            connection.execute("BEGIN IMMEDIATE")
            return
        connection.execute(f"PRAGMA busy_timeout = {round(busy_timeout_s * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(self._busy_timeout_s * 1000)}")

    def holds_wrapped_keys(self) -> bool:
        return bool(self._with(lambda connection: _rows(connection, _ANY_WRAPPED_KEY, ()))[0][0])

    def close(self) -> None:
        """Close every connection; one in use in another thread is closed as its call ends."""
        self._closed = True
        self._drain()

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Have every statement shown to ``callback`` as the engine runs it, values filled in; None
        ends it. For tests, in one thread: what is shown includes what is stored."""
        self._trace = callback
        for connection in self._idle:
            connection.set_trace_callback(callback)

    def query_plan(self, statement: str, values: Sequence[Any] = ()) -> list[str]:
        """How the engine would find the rows of a statement: ``SEARCH items …`` or ``SCAN items``."""
        plan = self._with(lambda c: _rows(c, f"EXPLAIN QUERY PLAN {statement}", values))
        return [str(row[3]) for row in plan]

    # ------------------------------------------------------------------------ connections

    def _with(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do ``work`` with a connection that nobody else has; one whose call failed is not reused."""
        connection = None
        try:
            connection = self._take()
            result = work(connection)
        except sqlite3.Error as fault:
            name = getattr(fault, "sqlite_errorname", type(fault).__name__)
            problem = meaning(name, self.path, committing=isinstance(fault, _CommitFault))
            if connection is not None:
                if isinstance(problem, Contention):
                    self._give(connection)
                else:
                    connection.close()
            raise problem from None
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        self._give(connection)
        return result

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise error("store_closed")
        if os.getpid() != self._owner:
            _inherited.extend(self._idle)
            self._idle = deque()
            self._owner = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _give(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        if self._closed:
            self._drain()

    def _drain(self) -> None:
        while os.getpid() == self._owner:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _open(self) -> sqlite3.Connection:
        found, connection = open_examined(self.path, self._connect)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            if found is Found.NOTHING or (
                # Somebody here opened it first and may not have made the schema yet.
                found is Found.OPEN and not self._read_only and not _is_marked(connection)
            ):
                _create(connection, self.path)
            self._check(connection)
            if self._trace is not None:
                connection.set_trace_callback(self._trace)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, found: Found, factory: type[Connection]) -> Connection:
        if found is Found.NOTHING and self._read_only:
            raise no_store(
                f"there is no store at {self.path}",
                "Give another path, or write to the store first",
            )
        mode = "ro" if self._read_only else "rw"
        if found is Found.NOTHING:
            mode = "rwc"
            _make_folder(self.path.parent)
        return sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,  # one thread at a time has it
            factory=factory,
        )

    def _check(self, connection: sqlite3.Connection) -> None:
        there = dict(_rows(connection, "SELECT name, sql FROM sqlite_schema", ()))
        if any(there.get(name) != sql for name, sql in SCHEMA.items()):
            raise no_store(f"{self.path} has other tables than this release makes")
        if self._read_only:
            return
        # Kept in the file; set here too, for one that was interrupted or changed by hand.
        mode = _rows(connection, "PRAGMA journal_mode = WAL", ())[0][0]
        if mode != "wal":
            raise error(
                "backend_unavailable",
                f"the file system of {self.path} cannot hold a write-ahead log; use another folder",
            )


class _CommitFault(sqlite3.Error):
    """COMMIT itself failed."""


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as fault:
        mark = _CommitFault()
        mark.sqlite_errorname = fault.sqlite_errorname
        raise mark from None


def _do(
    connection: sqlite3.Connection, key: Key, action: Action, row: tuple[Any, ...] | None
) -> bool:
    """Do one action where its expectation holds; say whether it does. Keys are distinct, so no
    action changes what another expects."""
    expect = action.expect
    if row is not None and isinstance(expect, Absent):
        return connection.execute(_PUT_NEW, row).rowcount == 1
    if isinstance(expect, Absent):
        if _rows(connection, _EXISTS, key):
            return False
    elif isinstance(expect, Equals):
        found = _rows(connection, _GET, key)
        if not holds(item_of(key[0], found[0]) if found else None, expect):
            return False
    if row is not None:
        connection.execute(_PUT, row)
    elif isinstance(action, Delete):
        connection.execute(_DELETE, key)
    return True


def _rows(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows at once, so that no statement stays open and holds the log back."""
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as fault:
        if hasattr(fault, "sqlite_errorname"):
            raise
    # Somebody wrote text that is no UTF-8 into the file. It comes back as bytes: another type.
    connection.text_factory = _text_or_bytes
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.text_factory = str


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Make schema and mark in one transaction, before the file has a write-ahead log: so a file
    either has its mark in its header or is empty, and :func:`examine` needs no log to tell."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("BEGIN IMMEDIATE")
    if _is_marked(connection):
        connection.execute("ROLLBACK")  # another process was first
        return
    if _rows(connection, "SELECT 1 FROM sqlite_schema", ()):
        connection.execute("ROLLBACK")
        raise no_store(f"{path} is a SQLite file of another program")
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _is_marked(connection: sqlite3.Connection) -> bool:
    return bool(_rows(connection, "PRAGMA application_id", ())[0][0] == APPLICATION_ID)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise no_store(f"{folder} is a file, no folder", "Give another path") from None
    except OSError as fault:
        code = "storage_full" if fault.errno in (errno.ENOSPC, errno.EDQUOT) else "access_denied"
        reason = os.strerror(fault.errno or 0)
        raise error(code, f"the folder {folder} cannot be made ({reason})") from None


def _after(prefix: str) -> str | None:
    """The least text above all that begin with ``prefix``, by code point; None: there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    last = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if 0xD800 <= last <= 0xDFFF else last)
