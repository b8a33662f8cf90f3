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
from ...contract.errors import DialogueStoreError, error
from ..port import Contention, time_left
from . import schema
from .connect import Connection, Identity, has_log, identity_of, open_examined
from .errors import meaning
from .file import Found, is_out_of_descriptors, moved, no_descriptor, no_store, told

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
        self._gate = forks.Gate(time_left)
        self._cut = False
        self._closed = False
        #: The file that the store has, once it has one: nothing else may take its place unnoticed.
        self._file: Identity | None = None
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
                place = connection.lost()
                if place is not None:
                    self.give(
                        connection
                    )  # kept: as long as it is open no other file can look like this one
                    connection = None
                    raise moved(self._path, place)
                result = work(connection)
                if connection.has_changed(self._path):
                    raise Contention
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
        if connection.is_still:
            connection.close()
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
        """Where a reader may not write beside the file and there is no log, the file alone is all there is:
        then it is opened as one that does not change, for one call (:meth:`Connection.has_changed`)."""
        try:
            return self._open_file()
        except sqlite3.OperationalError as fault:
            name = getattr(fault, "sqlite_errorname", "")
            if not self._read_only or not name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
                raise
            if has_log(self._path):
                raise self._log_out_of_reach(name) from None
        return self._open_file("&immutable=1")

    def _log_out_of_reach(self, name: str) -> Exception:
        problem = meaning(name, self._path)
        if isinstance(problem, DialogueStoreError) and problem.code != "access_denied":
            return problem
        return told(
            "access_denied",
            f"{self._path}-wal holds what was written last, and cannot be read where nobody may write",
            "Copy both files to a folder that can be written, or close the store that writes",
        )

    def _open_file(self, options: str = "") -> Connection:
        if self._file is not None and identity_of(self._path) != self._file:
            raise moved(self._path, str(self._path))
        found, connection = open_examined(
            self._path, lambda found, factory: self._connect(found, factory, options)
        )
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
            connection.settle(self._path, is_still=bool(options))
            self._file = connection.file
            if self._trace is not None:
                connection.set_trace_callback(self._trace)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, found: Found, factory: type[Connection], options: str) -> Connection:
        if found is Found.NOTHING and self._read_only:
            raise no_store(
                f"there is no store at {self._path}",
                "Give another path, or write to the store first",
            )
        mode = "ro" if self._read_only else "rw"
        if found is Found.NOTHING:
            _make_file(self._path)
        return sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}{options}",
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


def _make_file(path: Path) -> None:
    """An empty file that only its owner may use; SQLite gives its log the same mode. Every folder above it
    that is missing is made likewise: keys may come to lie there."""
    try:
        missing = [folder for folder in path.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except (FileExistsError, NotADirectoryError):
        raise no_store(f"a folder of {path} is a file", "Give another path") from None
    except OSError as fault:
        if is_out_of_descriptors(fault):
            raise no_descriptor(path) from None
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = os.strerror(fault.errno or 0)
        raise error(
            "storage_full" if full else "access_denied", f"{path} cannot be made ({reason})"
        ) from None
