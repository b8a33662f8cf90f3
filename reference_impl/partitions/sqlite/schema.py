"""Making and checking the tables of the store in a file that is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .file import APPLICATION_ID, PAGE_SIZE, SCHEMA, SCHEMA_VERSION, no_store

__all__ = ["check", "create", "is_marked", "rows"]


def create(connection: sqlite3.Connection, path: Path) -> None:
    """Make schema and mark in one transaction, before the file has a write-ahead log: so a file
    either has its mark in its header or is empty, and :func:`examine` needs no log to tell."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("BEGIN IMMEDIATE")
    if is_marked(connection):
        connection.execute("ROLLBACK")  # another process was first
        return
    if rows(connection, "SELECT 1 FROM sqlite_schema", ()):
        connection.execute("ROLLBACK")
        raise no_store(f"{path} is a SQLite file of another program")
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def is_marked(connection: sqlite3.Connection) -> bool:
    """Whether the file is a store's already."""
    return bool(rows(connection, "PRAGMA application_id", ())[0][0] == APPLICATION_ID)


def check(connection: sqlite3.Connection, path: Path) -> None:
    """``table_not_found`` where the tables are others than this release makes."""
    there = dict(rows(connection, "SELECT name, sql FROM sqlite_schema", ()))
    if any(there.get(name) != sql for name, sql in SCHEMA.items()):
        raise no_store(f"{path} has other tables than this release makes")


def rows(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows at once, so that no statement stays open and holds the log back."""
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as fault:
        if hasattr(fault, "sqlite_errorname"):
            raise
    # Somebody wrote text that is no UTF-8 into the file. It comes back as bytes: another type.
    connection.text_factory = _text_or_bytes
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.text_factory = str


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
