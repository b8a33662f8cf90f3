"""Whether the machine can carry a run: what it lacks is never a backend's fault."""

from __future__ import annotations

import errno
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["lacks", "lacks_by"]

#: So many bytes must go into a temporary folder before anything is said of a backend.
_ROOM: Final = 256 * 1024
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


def lacks(folder: Path | None = None) -> str:
    """What keeps a temporary folder (None: the usual one) from taking a file, in one sentence; empty
    where nothing does."""
    try:
        with tempfile.TemporaryFile(prefix="dsconf-", dir=folder, buffering=0) as file:
            written = file.write(bytes(_ROOM))
            if written < _ROOM:
                written += file.write(bytes(_ROOM - written))
    except OSError as error:
        return _sentence(error.strerror or type(error).__name__)
    return "" if written == _ROOM else _sentence("it takes no whole file")


def lacks_by(error: BaseException) -> str:
    """What an exception says that the machine lacks, in one sentence; empty where it says nothing of
    that kind."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return _sentence(str(error.strerror))
    if isinstance(error, sqlite3.Error) and error.args:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            return _sentence("database or disk is full")
    return ""


def _sentence(why: str) -> str:
    return (
        f"there is no room in the temporary folder ({why}): make room, or name another folder by "
        "TMPDIR, and run again"
    )
