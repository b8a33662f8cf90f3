"""Which SQLite files this process has open, and how to look at one without giving up its locks.

POSIX locks belong to a process: whoever closes any descriptor of a file gives up all locks that the process
holds on it, those of its other connections included ("How To Corrupt An SQLite Database File", section 2.2).
Another process would then take itself for the last one and delete the log that is still written to. So a
file is only looked at past SQLite while nothing here has it open.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from .file import Found, examine

__all__ = ["Connection", "open_examined"]

_File = tuple[int, int]  # device and inode: a path may come to mean another file


class _Files:
    """How many connections this process has to each file."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.count: dict[_File, int] = {}

    def after_fork(self) -> None:
        """A child begins with a lock that nobody holds; its parent's connections it never closes."""
        self.guard = threading.Lock()


_files = _Files()
os.register_at_fork(after_in_child=_files.after_fork)


class Connection(sqlite3.Connection):
    """A connection that is counted until it is closed."""

    _file: _File | None = None

    def close(self) -> None:
        """Close, and only then let the file be looked at again."""
        super().close()
        file, self._file = self._file, None
        if file is not None:
            with _files.guard:
                _files.count[file] -= 1
                if not _files.count[file]:
                    del _files.count[file]


def open_examined(path: Path, connect: Any) -> tuple[Found, Connection]:
    """What lies at ``path`` (as :func:`examine` says, and with its errors, unless this process has it open)
    and a connection to it, made by ``connect(found, Connection)``."""
    with _files.guard:
        found = Found.OPEN if _identity(path) in _files.count else examine(path)
        connection: Connection = connect(found, Connection)
        file = _identity(path)
        if file is not None:
            connection._file = file
            _files.count[file] = _files.count.get(file, 0) + 1
    return found, connection


def _identity(path: Path) -> _File | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
