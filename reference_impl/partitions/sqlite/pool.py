"""The connections of one store to its file: each call has one to itself, and a fork finds none."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ... import forks
from ...contract.errors import error
from ..port import Contention
from . import schema
from .connect import Connection, open_examined
from .errors import meaning
from .file import Found, no_store

__all__ = ["CommitFault", "Pool"]

_T = TypeVar("_T")


class CommitFault(sqlite3.Error):
    """COMMIT itself failed; ``sqlite_errorname`` says how."""


class Pool:
    """Connections to the file ``path``, opened when they are needed; threads may share a pool.

    ``busy_timeout_s``: how long SQLite itself waits for another writer.
    """

    def __init__(self, path: Path, *, read_only: bool, busy_timeout_s: float) -> None:
        self._path = path
        self._read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._idle: deque[Connection] = deque()
        self._gate = forks.Gate()
        self._cut = False
        self._closed = False
        self._trace: Callable[[str], None] | None = None
        forks.register(
            self,
            before=Pool._before_fork,
            after_in_parent=Pool._after_fork,
            after_in_child=Pool._begin_anew,
        )

    def use(self, work: Callable[[Connection], _T]) -> _T:
        """Do ``work`` with a connection that nobody else has; one whose call failed is not reused.

        Errors of SQLite come out as those of the port.
        """
        with self._gate:
            connection = None
            try:
                connection = self.take()
                result = work(connection)
            except sqlite3.Error as fault:
                name = getattr(fault, "sqlite_errorname", type(fault).__name__)
                problem = meaning(name, self._path, committing=isinstance(fault, CommitFault))
                if connection is not None:
                    if isinstance(problem, Contention):
                        self.give(connection)
                    else:
                        connection.close()
                raise problem from None
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            self.give(connection)
            return result

    def take(self) -> Connection:
        """A connection for whoever gives it back, or closes it; better to :meth:`use` one."""
        if self._closed:
            raise error("store_closed")
        if self._cut:
            raise forks.unusable("This process was forked while a call of the store was running")
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def give(self, connection: Connection) -> None:
        """Give back a connection that works."""
        if not connection.is_own:
            return
        self._idle.append(connection)
        if self._closed:
            self._drain()

    def close(self) -> None:
        """Close every connection; one in use in another thread is closed as its call ends."""
        self._closed = True
        self._drain()

    def trace(self, callback: Callable[[str], None] | None) -> None:
        """Have every statement shown to ``callback``; None ends it."""
        self._trace = callback
        for connection in self._idle:
            connection.set_trace_callback(callback)

    # ----------------------------------------------------------------------------- forks

    def _before_fork(self, until: float) -> None:
        self._gate.shut(until)
        self._drain()

    def _after_fork(self) -> None:
        self._gate.open()

    def _begin_anew(self) -> None:
        self._cut = self._gate.renew() or self._cut
        self._idle = deque()

    # --------------------------------------------------------------------------- opening

    def _drain(self) -> None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return
            connection.close()

    def _open(self) -> Connection:
        found, connection = open_examined(self._path, self._connect)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            if found is Found.NOTHING or (
                # Somebody here opened it first and may not have made the schema yet.
                found is Found.OPEN and not self._read_only and not schema.is_marked(connection)
            ):
                schema.create(connection, self._path)
            schema.check(connection, self._path)
            self._write_ahead(connection)
            if self._trace is not None:
                connection.set_trace_callback(self._trace)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, found: Found, factory: type[Connection]) -> Connection:
        if found is Found.NOTHING and self._read_only:
            raise no_store(
                f"there is no store at {self._path}",
                "Give another path, or write to the store first",
            )
        mode = "ro" if self._read_only else "rw"
        if found is Found.NOTHING:
            mode = "rwc"
            _make_folder(self._path.parent)
        return sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,  # one thread at a time has it
            factory=factory,
        )

    def _write_ahead(self, connection: Connection) -> None:
        if self._read_only:
            return
        # Kept in the file; set here too, for one that was interrupted or changed by hand.
        mode = schema.rows(connection, "PRAGMA journal_mode = WAL", ())[0][0]
        if mode != "wal":
            raise error(
                "backend_unavailable",
                f"the file system of {self._path} cannot hold a write-ahead log; use another folder",
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise no_store(f"{folder} is a file, no folder", "Give another path") from None
    except OSError as fault:
        code = "storage_full" if fault.errno in (errno.ENOSPC, errno.EDQUOT) else "access_denied"
        reason = os.strerror(fault.errno or 0)
        raise error(code, f"the folder {folder} cannot be made ({reason})") from None
