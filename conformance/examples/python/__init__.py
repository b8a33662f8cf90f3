"""A backend in Python: profiles core, batch and idempotency on the standard library's ``sqlite3``.

It is here to be read. Nothing is encrypted, every call opens the file anew, and nothing is kept
between two calls. It uses the contract's abstract class, result classes, errors and tables, and shares
no code with the reference store. Read it in this order:

- ``store``: the methods, each a line that names its rule
- ``values``: what one value may be (groups 1 to 4 of STORE-14)
- ``writes``: what each write checks and does (groups 5 to 7)
- ``rounds``: a whole round, made of the same writes (STORE-13)
- ``partition``: one dialogue inside one transaction, the only module that knows SQL

Try it: ``conformance run --target conformance.examples.python:make_target --budget quick``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from conformance.targets.base import Backend

from .store import SqliteStore

__all__ = ["SqliteStore", "make_target"]


def make_target(
    folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
) -> Backend:
    """The factory that the suite calls: two calls with one folder open the same storage."""
    del key_file, user_id  # nothing is sealed
    clock = Clock()
    store = SqliteStore(folder / "dialogues.db", deadline_s=deadline_s, clock=clock)
    return Backend(store, set_clock=clock.stop_at, profiles=("core", "batch", "idempotency"))


class Clock:
    """The machine's time until it is stopped: the suite then knows every timestamp to expect."""

    def __init__(self) -> None:
        self._stopped_at: datetime | None = None

    def stop_at(self, time: str) -> None:
        """Stand still at a canonical time until the next call."""
        self._stopped_at = datetime.fromisoformat(time)

    def __call__(self) -> datetime:
        return self._stopped_at or datetime.now(UTC)
