"""What keeps one run of pytest in this process from the user's settings, and from the next run."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from ..targets.streams import lent_streams

__all__ = ["Lending", "fresh_modules", "own_environment"]


class Lending:
    """The pytest plugin that lends its streams to each case: a store that closes them ends no run."""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Within pytest's own capture, which has set them up by then."""
        with lent_streams():
            return (yield)


@contextmanager
def own_environment() -> Iterator[None]:
    """Pytest's settings of the user's are not ours, and nothing is left in the working directory."""
    with tempfile.TemporaryDirectory(prefix="dsconf-") as folder:
        ours: Mapping[str, str | None] = {
            "PYTEST_ADDOPTS": None,
            "PYTEST_PLUGINS": None,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": folder,
        }
        before = {name: os.environ.get(name) for name in ours}
        _set(ours)
        try:
            yield
        finally:
            _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def fresh_modules(suite: Path) -> Iterator[None]:
    """Forget the modules of any suite but our own: the next one may use the same names."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if not name.startswith("conformance.") and _lies_in(sys.modules[name], suite):
                del sys.modules[name]


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_relative_to(folder)
