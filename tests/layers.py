"""The three layers of the tests: unit, integration, property. Each test is in exactly one.

A pytest plugin, registered by `conftest.py`; `nox -s tests -- LAYER` runs one. Integration comes
first: a property that is shown on a real engine belongs there. A test that asks for a real engine
through one of the shared fixtures is marked here; one that starts an engine in its own way marks
itself, and an engine started in another layer fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest

from conformance.targets.engines.local_server import LocalServer

#: Shared fixtures that run DynamoDB Local.
REAL_ENGINES = frozenset({"dynamodb_local", "dynamodb_target", "local_engine"})


class Layers:
    """Marks what needs an engine, and keeps engines out of everything else."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if asks_for_an_engine(item):
                item.add_marker(pytest.mark.integration)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if item.get_closest_marker("integration"):
            return (yield)
        with mock.patch.object(LocalServer, "__enter__", _refuse):
            return (yield)


def asks_for_an_engine(item: pytest.Item) -> bool:
    """Whether a test gets a real engine from a shared fixture, by name or as a parameter."""
    if REAL_ENGINES & set(getattr(item, "fixturenames", ())):
        return True
    call = getattr(item, "callspec", None)
    return call is not None and call.params.get("target") == "dynamodb"


def _refuse(server: LocalServer) -> None:
    pytest.fail("this test starts an engine: mark it with @pytest.mark.integration")
