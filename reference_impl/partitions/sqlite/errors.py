"""What an error of SQLite means to the contract (ERR-02), told by its name. Knows no sqlite3."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ...contract.errors import DialogueStoreError, error
from ..port import Contention, LostAnswer, Transient
from .file import (
    MAX_PATH_BYTES,
    is_out_of_descriptors,
    moved,
    no_descriptor,
    no_store,
    told,
)

__all__ = ["meaning"]

# An engine that says one of these while it commits has written nothing. An SQLITE_IOERR is none of them,
# on a full disk neither: the log may hold the whole commit while its flush or its index failed.
_SURE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PROBE_BYTES = 256 * 1024
#: The file, its log, the log's index, and the folder while a file in it is made.
_DESCRIPTORS = 4


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
        return _not_opened(name, path)
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


def _not_opened(name: str, path: Path) -> Exception:
    """SQLite has one name for many causes: look which it is."""
    if _are_descriptors_spent():
        return no_descriptor(path)
    longest = len(os.fsencode(os.path.realpath(path)))
    if longest > MAX_PATH_BYTES:
        what = f"the path {path} has {longest} bytes, links resolved; SQLite opens {MAX_PATH_BYTES}"
        return told("invalid_field", what, "Give a shorter path")
    folder = path.parent
    if not folder.exists():
        return no_store(f"there is no folder {folder} any more", "Put it back")
    if not path.exists():
        return moved(path, str(path))
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        advice = "Open the store read-only, or move the file to where it can be written"
        return told("access_denied", f"{path} lies on a read-only file system", advice)
    for place in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            return error("access_denied", f"{place} must be readable and writable")
    if not os.access(folder, os.W_OK | os.X_OK):
        what = f"the folder {folder} must be writable: SQLite keeps its log beside the file"
        return error("access_denied", what)
    if _is_full(path):
        return error("storage_full", f"no space for the log of {path}")
    if name.startswith("SQLITE_CANTOPEN"):
        return Transient(_failed(name, path))
    return error("access_denied", f"SQLite may not write {path} ({name})")


def _are_descriptors_spent() -> bool:
    """Whether there are not as many as SQLite needs at once: it has given back those that it got."""
    taken: list[int] = []
    try:
        while len(taken) < _DESCRIPTORS:
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as fault:
        return is_out_of_descriptors(fault)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return False


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
