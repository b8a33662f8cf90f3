"""The fixtures of the suite: a world of its own for each test, and what is wanted from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.running.session import PUBLISHED_UMK, SESSION, Session, World
from conformance.targets.base import Backend, Crypto, RawAccess
from conformance.targets.guard import NotApplicable, set_clock
from reference_impl.contract.dialogue_store import DialogueStore

# Assertions in the shared modules explain themselves like those in the tests.
pytest.register_assert_rewrite(
    *(
        f"conformance.suite.kit.{module.stem}"
        for module in (Path(__file__).parent / "kit").glob("*.py")
        if module.stem not in ("__init__", "marks")
    )
)

__all__ = [
    "PUBLISHED_UMK",
    "Clock",
    "backend",
    "budget",
    "clock",
    "crypto",
    "raw",
    "seed",
    "session",
    "store",
    "world",
]


@dataclass(frozen=True)
class Clock:
    """The store's clock. ``controlled``: it can be set; times are compared exactly only then."""

    _set: Callable[[str], None] | None

    @property
    def controlled(self) -> bool:
        """Whether :meth:`set` does anything."""
        return self._set is not None

    def set(self, text: str) -> None:
        """Let the clock stand still at ``text`` (canonical, ADDR-07) where it can be controlled."""
        if self._set is not None:
            set_clock(self._set, text)

    def needed(self, what: str) -> None:
        """The end of a case about a clock that is set: where it cannot be, ``what`` was not asked."""
        if self._set is None:
            raise NotApplicable(f"{what} (the backend gives no set_clock)")


@pytest.fixture(scope="session")
def session(request: pytest.FixtureRequest) -> Session:
    """The run: target, budget, seed."""
    found = request.config.stash.get(SESSION, None)
    if found is None:
        pytest.exit("The suite is run by `conformance run --target NAME`, not by pytest.", 4)
    return found


@pytest.fixture
def world(session: Session) -> Iterator[World]:
    """Storage of the test's own, with the published test key; everything is closed when it ends."""
    with tempfile.TemporaryDirectory(prefix="dsconf-") as folder:
        world = World(session.target, Path(folder))
        try:
            yield world
        finally:
            world.close_all()


@pytest.fixture
def backend(world: World) -> Backend:
    """The world's first opened backend."""
    return world.open()


@pytest.fixture
def store(backend: Backend) -> DialogueStore:
    """The store under test."""
    return backend.store


@pytest.fixture
def raw(backend: Backend) -> RawAccess:
    """The stored items; only a target that shows them can claim the profiles that ask for them."""
    assert backend.raw is not None, "the profile needs raw access, and the backend gives none"
    return backend.raw


@pytest.fixture(scope="session")
def crypto(session: Session) -> Iterator[Crypto]:
    """The target's arithmetic, asked for every vector of a run; it keeps nothing between two."""
    with tempfile.TemporaryDirectory(prefix="dsconf-") as folder:
        world = World(session.target, Path(folder))
        try:
            found = world.open().crypto
            assert found is not None, "the profile needs crypto, and the backend gives none"
            yield found
        finally:
            world.close_all()


@pytest.fixture
def clock(backend: Backend) -> Clock:
    """The clock of ``backend``."""
    return Clock(backend.set_clock)


@pytest.fixture(scope="session")
def budget(session: Session) -> str:
    """How much time there is: ``quick``, ``ordinary`` or ``nightly``."""
    return session.budget


@pytest.fixture(scope="session")
def seed(session: Session) -> int:
    """The seed of everything random in this run."""
    return session.seed
