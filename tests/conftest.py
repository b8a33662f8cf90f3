"""What every test gets: the skip gate, and the folder with the contract and real dialogues."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.skip_gate import SkipGate

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SkipGate(HERE / "allowed_skips.toml"), "skip-gate")


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
            "the shared folder is not there: put spec/ and corpus/ into ../shared, "
            "or name their folder in DIALOGUE_STORE_SHARED"
        )
    return folder
