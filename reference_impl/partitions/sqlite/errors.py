"""What an error of SQLite means to the contract (ERR-02), told by its name. Knows no sqlite3."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ...contract.errors import DialogueStoreError, error
from ..port import Contention, LostAnswer, Transient
from .file import no_store

__all__ = ["meaning"]

# An engine that says one of these while it commits has written nothing. An SQLITE_IOERR is none of them,
# on a full disk neither: the log may hold the whole commit while its flush or its index failed.
_SURE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PROBE_BYTES = 256 * 1024


def meaning(name: str, path: Path, *, committing: bool = False) -> Exception:
    """The exception of the port, or the contract's error, for an error such as ``SQLITE_BUSY``.

    ``committing``: the error came from COMMIT itself. If it is one after which the log may already
    hold the whole commit, the outcome is open (:class:`LostAnswer`).
    """
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Contention()
    full = name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _is_full(path))
    cause = error("storage_full", f"no space for {path}") if full else None
    if committing and not name.startswith(_SURE):
        return LostAnswer(cause or _failed(name, path))
    if cause is not None:
        return cause
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH", "SQLITE_CANTOPEN")):
        if not path.exists():
            return no_store(f"there is no file {path} any more", "Put it back")
        return error("access_denied", f"{path} and its folder must be writable")
    if name.startswith("SQLITE_CORRUPT"):
        return error(
            "integrity_error",
            f"SQLite finds {path} damaged; restore it from a backup",
            layer="envelope",
            address=None,
            pk=None,
            sk=None,
            detail="the file is damaged",
        )
    if name in ("SQLITE_NOTADB", "SQLITE_ERROR"):
        return no_store(f"{path} does not hold the store's tables")
    if name == "SQLITE_TOOBIG":
        return error("item_too_large")
    return Transient(_failed(name, path))


def _failed(name: str, path: Path) -> DialogueStoreError:
    return error("backend_unavailable", f"SQLite failed on {path} ({name})")


def _is_full(path: Path) -> bool:
    """Whether the folder refuses more bytes: SQLite tells a spent quota from a broken disk no more."""
    import tempfile  # costs a start some milliseconds, and is hardly ever needed

    try:
        size = max(path.stat().st_size, _size(path.with_name(path.name + "-wal")))
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            os.pwrite(probe.fileno(), bytes(_PROBE_BYTES), size)
    except OSError as fault:
        return fault.errno in _FULL
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
