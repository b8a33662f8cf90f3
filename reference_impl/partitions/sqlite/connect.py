"""Which SQLite files this process has open, and how to look at one without giving up its locks.

POSIX locks belong to a process: whoever closes any descriptor of a file gives up all locks that the process
holds on it, those of its other connections included ("How To Corrupt An SQLite Database File", section 2.2).
Another process would then take itself for the last one and delete the log that is still written to. So a
file is only looked at past SQLite while nothing here has it open.

A child of a fork inherits SQLite's table of the locks, but not the locks (section 2.6 there): it must not use
an inherited connection, not close it either, and not open the file anew while SQLite remembers it as open.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from pathlib import Path
from typing import Any, TypeAlias

from ... import forks
from .file import Found, examine

__all__ = ["Connection", "Identity", "has_log", "identity_of", "open_examined"]

#: Device and inode: a path may come to mean another file.
Identity: TypeAlias = tuple[int, int]


def identity_of(path: str | os.PathLike[str]) -> Identity | None:
    """Which file lies at the path; None: nothing that can be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 - before and after every commit: a Path costs twice that
    except OSError:
        return None
    return status.st_dev, status.st_ino


def has_log(path: Path) -> bool:
    """Whether something lies beside the file that belongs to what it holds."""
    real = path.resolve()
    for end in ("-wal", "-journal"):
        try:
            if real.with_name(real.name + end).stat().st_size:
                return True
        except OSError:
            continue
    return False


def _state_of(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class _Files:
    """The connections of this process to each file, and the files that it must not touch."""

    def __init__(self) -> None:
        self.guard = threading.RLock()  # a signal may come in between, and fork
        self.open: dict[Identity, weakref.WeakSet[Connection]] = {}
        self.inherited: set[Identity] = set()
        forks.register(self, after_in_child=_Files.begin_anew)

    def begin_anew(self) -> None:
        """In a child: a lock that nobody holds. What the parent had open stays as it is, for ever."""
        self.guard = threading.RLock()
        for identity, connections in self.open.items():
            for connection in list(connections):
                _keep_for_ever(connection)
                self.inherited.add(identity)
        self.open = {}


class Connection(sqlite3.Connection):
    """A connection that is counted until it is closed, and of use only in the process that opened it."""

    #: The file that it has open.
    file: Identity | None = None
    #: What must stay at its path for as long as the connection is open: the file, its log, the log's index.
    places: tuple[tuple[str, Identity | None], ...] = ()
    _state: tuple[int, ...] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pid = os.getpid()
        super().__init__(*args, **kwargs)

    @property
    def is_own(self) -> bool:
        """Whether this process opened it."""
        return self._pid == os.getpid()

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """As ever; ``store_closed`` where a fork came in between, and this is the child."""
        if self._pid != os.getpid():
            raise forks.unusable("This process was forked while the call was running")
        return super().execute(*args)

    def settle(self, path: Path, *, is_still: bool = False) -> None:
        """Note where everything lies, once the log is there. ``is_still``: the file was opened as one that
        does not change, without log and locks."""
        if is_still:
            self._state = _state_of(path)
        self.execute(
            "SELECT 1 FROM sqlite_schema LIMIT 1"
        ).fetchall()  # with it SQLite makes the log
        real = str(path.resolve())  # the log lies beside the file itself, not beside a link to it
        named = (str(path), f"{real}-wal", f"{real}-shm")
        self.places = tuple((place, identity_of(place)) for place in named)

    @property
    def is_still(self) -> bool:
        """Whether the file was opened as one that does not change: then for one call only."""
        return self._state is not None

    def has_changed(self, path: Path) -> bool:
        """Whether a file that was opened as one that does not change has changed since, so that what was
        read may be of two moments."""
        return self._state is not None and (has_log(path) or _state_of(path) != self._state)

    def lost(self) -> str | None:
        """The first place at which no longer lies what this connection has open; None: all is well."""
        for place, identity in self.places:
            if identity is not None and identity_of(place) != identity:
                return place
        return None

    def close(self) -> None:
        """Close, and only then let the file be looked at again."""
        if not self.is_own:
            return
        with _files.guard:
            super().close()
            file, self.file = self.file, None
            if file is not None:
                _files.open[file].discard(self)


def open_examined(path: Path, connect: Any) -> tuple[Found, Connection]:
    """What lies at ``path`` (as :func:`examine` says, and with its errors, unless this process has it open)
    and a connection to it, made by ``connect(found, Connection)``. ``store_closed`` for a file that was in
    use when this process was forked."""
    with _files.guard:
        before = identity_of(path)
        if before in _files.inherited:
            raise forks.unusable(f"{path} was in use when this process was forked")
        found = Found.OPEN if _is_open(before) else examine(path)
        connection: Connection = connect(found, Connection)
        file = identity_of(path)
        if file is not None:
            connection.file = file
            _files.open.setdefault(file, weakref.WeakSet()).add(connection)
    return found, connection


def _is_open(file: Identity | None) -> bool:
    if file is None or file not in _files.open:
        return False
    if not _files.open[file]:
        del _files.open[file]
        return False
    return True


def _keep_for_ever(connection: Connection) -> None:
    """Not even the end of the process may close it: SQLite would clear the log away."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


_files = _Files()
