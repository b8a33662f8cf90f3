"""Items in one SQLite file: WAL, ``synchronous=FULL``, secure delete (STORE-17).

The statements are here; connections are in ``pool`` and ``connect``, the tables in ``file`` and ``schema``,
an item as a row in ``rows``, errors in ``errors``.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...contract.errors import DialogueStoreError, error
from ...contract.items import Item, Key
from ..port import (
    ABSENT,
    Absent,
    Action,
    ConditionFailed,
    Delete,
    Equals,
    LostAnswer,
    PartitionStore,
    Put,
    holds,
    keys_of,
    time_left,
)
from .connect import Connection
from .file import MAX_PATH_BYTES, moved, told
from .pool import CommitFault, Pool
from .rows import item_of, items_of, row_of
from .schema import rows as _rows

__all__ = ["STATEMENTS", "SqlitePartitionStore"]

_SELECT = (
    "SELECT sk, attributes, content_encrypted, content_nonce, key_id, aad_hash FROM items WHERE "
)
_SELECT_TYPED = _SELECT.replace(" FROM ", ", typeof(sk) FROM ")
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
#: A page of a stream by where it begins and whether it has an end. Somebody else may have put sort keys
#: there that are bytes, which come after every text, or text that is no UTF-8, which comes back as bytes too.
_BEGINNINGS = {"from": "sk >= ?", "after": "sk > ?", "after text": "sk > CAST(? AS TEXT)"}
_PAGES = {
    (where, has_end): (
        f"{_SELECT_TYPED}pk = ? AND {begins}{' AND sk < ?' if has_end else ''} "
        f"ORDER BY sk LIMIT {_PAGE_ROWS}"
    )
    for where, begins in _BEGINNINGS.items()
    for has_end in (False, True)
}
_PUT = f"INSERT OR REPLACE {_INSERT}"
_PUT_NEW = f"INSERT {_INSERT} ON CONFLICT DO NOTHING"
_DELETE = "DELETE FROM items WHERE pk = ? AND sk = ?"
#: Every statement that touches items, but for the one scan there is (KEY-02).
STATEMENTS = (
    *(_GET, _EXISTS, _QUERY, _QUERY_FROM, _QUERY_BETWEEN, _LAST, _LAST_BETWEEN),
    *_PAGES.values(),
    *(_PUT, _PUT_NEW, _DELETE),
)
_ANY_WRAPPED_KEY = (
    "SELECT EXISTS (SELECT 1 FROM items WHERE pk >= 'dialogue#' AND pk < 'dialogue$' "
    "AND sk >= 'dek#' AND sk < 'dek$')"
)


class SqlitePartitionStore(PartitionStore):
    """Items in the SQLite file ``path``, made with its folder on first use unless ``read_only``.

    ``busy_timeout_s``: seconds to wait for another writer before :class:`Contention`; short, because
    the layer above retries with jitter and gets more commits through that way. Threads may share a
    store: each call has a connection to itself. A fork waits until no call is running; then parent and
    child open their own.

    Errors: ``invalid_field`` for a path that no file can have; at the first call ``table_not_found`` (no
    store at the path, something else, or another schema: nothing is written), ``access_denied``; later
    also ``storage_full``, and ``store_closed`` with ``data.cause`` = ``fork`` in a child that was forked
    while a call was running.
    """

    turn_look_s = 0.008  # a look costs little

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
        if len(os.fsencode(self.path)) > MAX_PATH_BYTES:
            what = f"the path of a SQLite file has at most {MAX_PATH_BYTES} bytes"
            raise told("invalid_field", what, "Give a shorter path")
        self._read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._pool = Pool(self.path, read_only=read_only, busy_timeout_s=busy_timeout_s)

    def get(self, pk: str, sk: str) -> Item | None:
        rows = self._pool.use(lambda connection: _rows(connection, _GET, (pk, sk)))
        return items_of(pk, rows)[0] if rows else None

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        """All in one statement, and so a snapshot."""
        if not prefix:
            return items_of(pk, self._pool.use(lambda connection: _rows(connection, _QUERY, (pk,))))
        end = _after(prefix)
        sql, bounds = (
            (_QUERY_FROM, (pk, prefix)) if end is None else (_QUERY_BETWEEN, (pk, prefix, end))
        )
        return items_of(pk, self._pool.use(lambda connection: _rows(connection, sql, bounds)))

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        end = _after(prefix)
        sql, bounds = (_LAST, (pk,)) if end is None else (_LAST_BETWEEN, (pk, prefix, end))
        rows = self._pool.use(lambda connection: _rows(connection, sql, bounds))
        return items_of(pk, rows)[0] if rows else None

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        """A page is a statement of its own, so that no reader keeps the log from being cleared."""
        end = () if high is None else (high,)
        where, begin = "from", low
        while True:
            sql, bounds = _PAGES[where, bool(end)], (pk, begin, *end)
            page = self._pool.use(lambda c, s=sql, b=bounds: _rows(c, s, b))  # type: ignore[misc]
            yield from items_of(pk, [row[:-1] for row in page])
            if len(page) < _PAGE_ROWS:
                return
            begin, stored_as = page[-1][0], page[-1][-1]
            is_text = stored_as == "text" and not isinstance(begin, str)
            where = "after text" if is_text else "after"

    def commit(self, actions: Sequence[Action], *, token: str) -> None:  # noqa: ARG002
        """One IMMEDIATE transaction. No answer gets lost in between, so tokens are not remembered.

        ``table_not_found`` where the file, or its log, no longer lies at its path: it would take what is
        written with it. :class:`LostAnswer` only where that happens, or the disk fails, while the log is
        being flushed.
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

        def act(connection: Connection) -> list[Key]:
            self._begin(connection, busy_timeout_s)
            try:
                failed = [key for key, action, row in work if not _do(connection, key, action, row)]
                if failed:
                    connection.execute("ROLLBACK")
                else:
                    self._refuse_lost(connection)
                    _commit(connection)
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error, DialogueStoreError):
                        connection.execute("ROLLBACK")
                raise
            if not failed:
                try:
                    self._refuse_lost(connection)
                except (
                    DialogueStoreError
                ) as gone:  # since we looked: the file may be put back, or not
                    raise LostAnswer(gone) from None
            return failed

        failed = self._pool.use(act)
        if failed:
            raise ConditionFailed(failed)

    def _refuse_lost(self, connection: Connection) -> None:
        place = connection.lost()
        if place is not None:
            raise moved(self.path, place)

    def _begin(self, connection: sqlite3.Connection, busy_timeout_s: float | None) -> None:
        if busy_timeout_s is None:
            left = time_left()
            if left is None or left >= self._busy_timeout_s:
                connection.execute("BEGIN IMMEDIATE")
                return
            busy_timeout_s = left
        connection.execute(f"PRAGMA busy_timeout = {round(busy_timeout_s * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(self._busy_timeout_s * 1000)}")

    def holds_wrapped_keys(self) -> bool:
        return bool(
            self._pool.use(lambda connection: _rows(connection, _ANY_WRAPPED_KEY, ()))[0][0]
        )

    def close(self) -> None:
        """Close every connection; one in use in another thread is closed as its call ends."""
        self._pool.close()

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Have every statement shown to ``callback`` as the engine runs it, values filled in; None
        ends it. For tests, in one thread: what is shown includes what is stored."""
        self._pool.trace(callback)

    def query_plan(self, statement: str, values: Sequence[Any] = ()) -> list[str]:
        """How the engine would find the rows of a statement: ``SEARCH items …`` or ``SCAN items``."""
        plan = self._pool.use(lambda c: _rows(c, f"EXPLAIN QUERY PLAN {statement}", values))
        return [str(row[3]) for row in plan]


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as fault:
        mark = CommitFault()
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


def _after(prefix: str) -> str | None:
    """The least text above all that begin with ``prefix``, by code point; None: there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    last = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if 0xD800 <= last <= 0xDFFF else last)
