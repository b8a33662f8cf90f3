"""The SQLite file of the store: its schema, its mark, and whether a path holds one. Knows no sqlite3."""

from __future__ import annotations

import errno
import os
import stat
from enum import Enum
from pathlib import Path

from ...contract.errors import DialogueStoreError, error
from ...contract.tables import INDEXES
from ..port import Transient

__all__ = [
    "APPLICATION_ID",
    "COLUMNS",
    "MAX_PATH_BYTES",
    "PAGE_SIZE",
    "SCHEMA",
    "SCHEMA_VERSION",
    "Found",
    "examine",
    "is_out_of_descriptors",
    "moved",
    "no_descriptor",
    "no_store",
    "told",
]

#: Marks the file as ours (PRAGMA application_id): "DLGS".
APPLICATION_ID = int.from_bytes(b"DLGS", "big")
SCHEMA_VERSION = 1
#: SQLite keeps 512 bytes for a path, of which it needs eight for the names beside the file.
MAX_PATH_BYTES = 504

#: Attributes with a column of their own, and the type for which they have it.
COLUMNS: dict[str, type] = {
    "content_encrypted": bytes,
    "content_nonce": bytes,
    "key_id": str,
    "aad_hash": str,
}

# Items of a partition lie side by side in the key's own tree, which makes a load a quarter faster
# than a table with rowids, for a tenth more per commit. In that tree a row leaves its page beyond a
# quarter of it; 99 of 100 items are under 2 KB, which is what pages of 8 KiB hold.
PAGE_SIZE = 8192


def _expression_index(name: str, pk: str, sk: str) -> str:
    extract = "json_extract(attributes, '$.{}')".format
    return (
        f"CREATE INDEX {name} ON items ({extract(pk)}, {extract(sk)}) "
        f"WHERE {extract(pk)} IS NOT NULL"
    )


#: What makes the schema, by the name of what it makes. SQLite keeps these texts as they are.
SCHEMA: dict[str, str] = {
    "items": (
        "CREATE TABLE items (pk TEXT NOT NULL, sk TEXT NOT NULL, attributes TEXT NOT NULL, "
        "content_encrypted BLOB, content_nonce BLOB, key_id TEXT, aad_hash TEXT, "
        "PRIMARY KEY (pk, sk)) WITHOUT ROWID"
    ),
    **{
        index.name: _expression_index(index.name, index.pk_attribute, index.sk_attribute)
        for index in INDEXES
    },
}


class Found(Enum):
    """What lies at the path: nothing yet (no file, or an empty one), a store, or a file that this process
    has open already, which may still be empty."""

    NOTHING = "nothing"
    STORE = "store"
    OPEN = "open"


def no_store(
    what: str, advice: str = "Give another path, or put the file aside"
) -> DialogueStoreError:
    """``table_not_found`` with advice of its own: a file needs no set-up, its first write makes it."""
    return DialogueStoreError("table_not_found", f"{what}. {advice}.")


def told(code: str, what: str, advice: str) -> DialogueStoreError:
    """The error ``code`` with advice of its own, where that of the code would not help."""
    return DialogueStoreError(code, f"{what}. {advice}.")


def moved(path: Path, place: str) -> DialogueStoreError:
    """``table_not_found`` for a file, or a log beside it, that was deleted, moved or replaced while it was
    open. What was written there would be lost."""
    there = Path(place).exists()
    if place != str(path):
        what = (
            f"{place} was {'replaced' if there else 'deleted or moved'} while the store had it open"
        )
        return no_store(what, "Close every store on the file, then open it again")
    if there:
        what = f"{path} is not the file any more that the store has open: it was replaced"
        return no_store(what, "Put the former file back, or close the store and open it again")
    what = f"there is no file {path} any more: it, or a folder above it, was deleted or moved"
    return no_store(what, "Put it back")


def is_out_of_descriptors(fault: OSError) -> bool:
    """Whether the process, or the machine, has no file descriptor left."""
    return fault.errno in (errno.EMFILE, errno.ENFILE)


def no_descriptor(path: Path) -> Transient:
    """For :func:`is_out_of_descriptors`."""
    what = f"no file descriptor is left to open {path}"
    return Transient(
        told(
            "backend_unavailable",
            what,
            "Close files, or raise the limit (ulimit -n), and try again",
        )
    )


def examine(path: Path) -> Found:
    """Look at the file's header without opening it as a database, so that nothing is written to a
    file of somebody else: even reading one through SQLite may fold its log into it.

    ``table_not_found`` where the path holds something other than a store, ``access_denied`` where
    it may not be read, :class:`Transient` where no descriptor is left to read it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise no_store(f"{path} is not a file", "Give the path of a SQLite file")
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return Found.NOTHING
    except NotADirectoryError:
        raise no_store(f"a folder of {path} is a file", "Give another path") from None
    except PermissionError:
        raise error("access_denied", f"{path} may not be read") from None
    except OSError as fault:
        if is_out_of_descriptors(fault):
            raise no_descriptor(path) from None
        reason = os.strerror(fault.errno or 0)
        raise no_store(f"{path} cannot be read ({reason})", "Give another path") from None
    if not header:
        return Found.NOTHING
    if len(header) < 100 or header[:16] != b"SQLite format 3\x00":
        raise no_store(f"{path} is not a SQLite file")
    version, mark = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))
    if mark != APPLICATION_ID:
        raise no_store(f"{path} is a SQLite file of another program")
    if version != SCHEMA_VERSION:
        raise no_store(f"{path} has schema {version}, this release knows {SCHEMA_VERSION}")
    return Found.STORE
