"""One dialogue's items inside one SQLite transaction: the only module that knows SQL.

An item is a row (dialogue_id, sk, body): the sort key of ``entities.json`` and the fields as JSON. Keys
are ASCII and SQLite compares them byte by byte, so rows come back in the order of STORE-05.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from reference_impl.contract.errors import error

__all__ = ["Database", "Partition"]

Body = dict[str, Any]

_TABLE = (
    "CREATE TABLE IF NOT EXISTS items (dialogue_id TEXT NOT NULL, sk TEXT NOT NULL, "
    "body TEXT NOT NULL, PRIMARY KEY (dialogue_id, sk)) WITHOUT ROWID"
)


#: Names and values that a sealed item carries besides its fields.
_ENVELOPE = 200


class Database:
    """A file that several stores, threads and processes may open at once.

    Each transaction has a connection of its own, so nothing of SQLite is shared by threads or taken
    through a fork. ``deadline_s``: seconds that a call waits for other writers (STORE-16).
    """

    def __init__(self, path: Path, deadline_s: float) -> None:
        self._path = path
        self._deadline_s = deadline_s
        path.parent.mkdir(parents=True, exist_ok=True)
        self._create()

    def _create(self) -> None:
        """Make the file a database in WAL mode with its table. SQLite does not wait for a lock when
        it changes the mode, so this is tried until the deadline."""
        until = time.monotonic() + self._deadline_s
        while True:
            try:
                with self._connect() as connection:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute(_TABLE)
                return
            except sqlite3.Error as failure:
                if _code_of(failure) != "conflict" or time.monotonic() > until:
                    raise error(_code_of(failure)) from None
                time.sleep(0.005)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        # isolation_level=None: transactions begin and end where this module says so.
        with closing(
            sqlite3.connect(self._path, timeout=self._deadline_s, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA synchronous = FULL")  # STORE-17
            yield connection

    @contextmanager
    def transaction(self, dialogue_id: str, *, write: bool) -> Iterator[Partition]:
        """One dialogue as of one moment (STORE-18). A write is committed where the block ends, and
        nothing of it stays where the block raises (STORE-04)."""
        try:
            with self._connect() as connection:
                # IMMEDIATE takes the writer's turn before anything is read, so what a write has
                # read is still true when it commits (STORE-16).
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield Partition(connection, dialogue_id)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except sqlite3.Error as failure:
            raise error(_code_of(failure)) from None


def _code_of(failure: sqlite3.Error) -> str:
    primary = getattr(failure, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return {
        sqlite3.SQLITE_BUSY: "conflict",
        sqlite3.SQLITE_LOCKED: "conflict",
        sqlite3.SQLITE_FULL: "storage_full",
        sqlite3.SQLITE_PERM: "access_denied",
        sqlite3.SQLITE_READONLY: "access_denied",
    }.get(primary, "backend_unavailable")


class Partition:
    """The items of one dialogue, inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, dialogue_id: str) -> None:
        self._connection = connection
        self.dialogue_id = dialogue_id

    def get(self, sk: str) -> Body | None:
        """The fields of the item under the sort key, or None."""
        row = self._connection.execute(
            "SELECT body FROM items WHERE dialogue_id = ? AND sk = ?", (self.dialogue_id, sk)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def list(self, prefix: str) -> list[Body]:
        """The fields of all items whose sort key begins so, by sort key."""
        rows = self._connection.execute(
            "SELECT body FROM items WHERE dialogue_id = ? AND sk >= ? AND sk < ? ORDER BY sk",
            (self.dialogue_id, prefix, prefix + "\x7f"),
        )
        return [json.loads(body) for (body,) in rows]

    def count(self, prefix: str) -> int:
        """How many items have a sort key that begins so."""
        row = self._connection.execute(
            "SELECT count(*) FROM items WHERE dialogue_id = ? AND sk >= ? AND sk < ?",
            (self.dialogue_id, prefix, prefix + "\x7f"),
        ).fetchone()
        return int(row[0])

    def put(self, sk: str, body: Body) -> None:
        """Store an item under its sort key in place of what lay there."""
        self._connection.execute(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?)",
            (self.dialogue_id, sk, json.dumps(body)),
        )

    def size(self, sk: str, body: Body) -> int:
        """Bytes of an item as a sealed store would have them, or a few more (STORE-15)."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return len(text.encode("utf-8")) + len(self.dialogue_id) + len(sk) + _ENVELOPE
