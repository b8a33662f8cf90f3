"""What one run gives its tests: the session, and a world of storage for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from ..targets.base import Backend, Target
from ..targets.streams import lent_streams

__all__ = ["BUDGETS", "PUBLISHED_UMK", "SESSION", "Session", "World"]

BUDGETS: Final = ("quick", "ordinary", "nightly")

#: The master key of every test world: the bytes 0 to 31, published, worthless, never to be used.
PUBLISHED_UMK: Final = bytes(range(32))


@dataclass(frozen=True)
class Session:
    """One run of the suite on one target."""

    target: Target
    budget: str = "ordinary"
    seed: int = 0


#: Where the run leaves its session for the fixtures.
SESSION: Final = pytest.StashKey[Session]()


@dataclass
class World:
    """Isolated storage: a folder, a master key, and the backends opened over them."""

    target: Target
    root: Path
    umk: bytes = PUBLISHED_UMK
    folder: Path = field(init=False)
    key_file: Path = field(init=False)
    _opened: list[Backend] = field(default_factory=list, init=False)
    _others: list[World] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.folder = self.root / "storage"
        self.folder.mkdir(mode=0o700, parents=True)
        keys = self.root / "keys"
        keys.mkdir(mode=0o700)
        self.key_file = keys / "umk.key"
        descriptor = os.open(self.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self.umk)

    def open(
        self, *, key_file: Path | None = None, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        """Open the world's storage: a first client, another one, or the same after a close."""
        with lent_streams():
            backend = self.target.factory(
                self.folder,
                key_file=self.key_file if key_file is None else key_file,
                user_id=user_id,
                deadline_s=deadline_s,
            )
        self._opened.append(backend)
        return backend

    @contextmanager
    def client(self) -> Iterator[Backend]:
        """A client that the same thread opens, uses and closes; some engines ask for that."""
        with lent_streams():
            backend = self.target.factory(self.folder, key_file=self.key_file)
        try:
            yield backend
        finally:
            backend.store.close()

    def new_world(self, *, umk: bytes | None = None) -> World:
        """A second, separate storage with a key file of its own (by default the same key)."""
        other = World(
            self.target,
            self.root / f"world{len(self._others) + 1}",
            self.umk if umk is None else umk,
        )
        self._others.append(other)
        return other

    def close_all(self) -> None:
        """Close every opened store, forget the storage, then raise the first failure."""
        steps: list[Callable[[], None]] = [other.close_all for other in self._others]
        steps += [backend.store.close for backend in reversed(self._opened)]
        steps.append(lambda: self.target.discard(self.folder))
        self._opened, self._others = [], []
        failures: list[Exception | SystemExit] = []
        for step in steps:
            try:
                with lent_streams():
                    step()
            except (Exception, SystemExit) as failure:  # noqa: BLE001 - the others are to be closed as well
                failures.append(failure)
        if failures:
            raise failures[0]
