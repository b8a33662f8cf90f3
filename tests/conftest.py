"""What every test gets: the skip gate, the folder with real dialogues, an engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from conformance.running.session import World
from conformance.targets.base import Target
from conformance.targets.builtin import BUILTIN
from conformance.targets.engines.choose import Engine, choose_engine
from conformance.targets.engines.dynamodb_local import obstacle
from tests.layers import Layers
from tests.skip_gate import SkipGate

HERE = Path(__file__).parent

# How long one example takes depends on what else the machine does, so that it proves nothing.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also what takes minutes (nox -s full)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        long = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SkipGate(HERE / "allowed_skips.toml"), "skip-gate")
    config.pluginmanager.register(Layers(), "layers")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the project, or where DIALOGUE_STORE_SHARED says."""
    named = os.environ.get("DIALOGUE_STORE_SHARED")
    if named:
        folder = Path(named)
        # Somebody who names a folder wants it used: a wrong name is no reason to test less.
        assert folder.is_dir(), f"DIALOGUE_STORE_SHARED names no folder: {folder}"
        return folder
    folder = HERE.parent.parent / "shared"
    if not folder.is_dir():
        pytest.skip(
            "the shared folder is not there: put corpus/ into ../shared, "
            "or name their folder in DIALOGUE_STORE_SHARED"
        )
    return folder


@pytest.fixture(scope="session")
def local_engine() -> Engine:
    """DynamoDB Local, not yet started."""
    missing = obstacle(os.environ)
    if missing:
        pytest.skip(f"needs Java and Maven: {missing}")
    return choose_engine("local", environ={**os.environ, "DYNAMODB_ENDPOINT": ""})


@pytest.fixture(scope="session")
def dynamodb_target(local_engine: Engine) -> Iterator[Target]:
    """The reference store on DynamoDB Local, started once for all tests."""
    with BUILTIN["dynamodb"].open(local_engine) as opened:
        yield opened


@pytest.fixture(scope="session")
def sqlite_target() -> Iterator[Target]:
    """The reference store on SQLite files."""
    with BUILTIN["sqlite"].open(None) as opened:
        yield opened


@pytest.fixture(scope="session")
def memory_target() -> Iterator[Target]:
    """The reference store in memory."""
    with BUILTIN["memory"].open(None) as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def target(request: pytest.FixtureRequest) -> Target:
    """The reference store on each engine: memory, a SQLite file, DynamoDB Local."""
    opened: Target = request.getfixturevalue(f"{request.param}_target")
    return opened


@pytest.fixture
def world(target: Target, tmp_path: Path) -> Iterator[World]:
    """A storage of its own on the target, with the published test key."""
    world = World(target, tmp_path)
    yield world
    world.close_all()


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[Engine]:
    """DynamoDB Local, running, one for all tests: they make tables of their own."""
    missing = obstacle(os.environ)
    if missing:
        pytest.skip(f"needs Java and Maven: {missing}")
    with choose_engine("local") as engine:
        yield engine


@pytest.fixture
def memory_world(memory_target: Target, tmp_path: Path) -> Iterator[World]:
    """A storage in memory."""
    world = World(memory_target, tmp_path)
    yield world
    world.close_all()
