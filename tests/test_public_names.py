"""No part of the suite, liars and targets included, names what is private in the reference or patches it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.public_names import Module, private_names, read, violations

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    suite, reference = read(ROOT, "conformance", "dev"), read(ROOT, "reference_impl")
    private = private_names(reference)
    all_found = {}
    for name, module in suite.items():
        lines = [f"{line}: {what}" for line, what in violations(module, suite | reference, private)]
        if lines:
            all_found[name] = lines
    return all_found


def test_only_public_names_of_the_reference(found: dict[str, list[str]]) -> None:
    assert found == {}


def test_the_check_looks_at_the_suite() -> None:
    assert {"conformance.stateful.machine", "conformance.suite.test_core_errors"} <= read(
        ROOT, "conformance", "dev"
    ).keys()


def private_parts(root: Path, *packages: str) -> set[str]:
    """What some packages import of other libraries below a private name."""
    found = set()
    for module in read(root, *packages).values():
        for source, name in module.imported.values():
            parts = [*source.split("."), name]
            own = parts[0] in ("", *packages)
            if not own and any(p == "internal" or (p[:1] == "_" and p[:2] != "__") for p in parts):
                found.add(f"{module.name}: {'.'.join(parts)}")
    return found


def test_only_public_names_of_other_libraries() -> None:
    assert private_parts(ROOT, "conformance", "dev", "generators", "reference_impl") == set()


def test_a_private_module_of_a_library_is_seen(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    lines = (
        "from __future__ import annotations\n"
        "import hypothesis.internal.conjecture\n"
        "from _pytest import nodes\n"
        "from rich import _wrap\n"
        "from ours import _mine\n"
        "from hypothesis import strategies\n"
    )
    (tmp_path / "ours" / "some.py").write_text(lines, encoding="utf-8")
    assert private_parts(tmp_path, "ours") == {
        "ours.some: hypothesis.internal.conjecture.",
        "ours.some: _pytest.nodes",
        "ours.some: rich._wrap",
    }


REFERENCE = Module(
    "reference_impl.store",
    ast.parse(
        "_LIMIT = 3\n"
        "def _step(): ...\n"
        "class Store:\n"
        "    def __init__(self): self._keys = 1\n"
        "    def _read(self): ...\n"
    ),
)


def lines_of(source: str) -> list[int]:
    module = Module("conformance.liars.some", ast.parse(source))
    modules = {module.name: module, REFERENCE.name: REFERENCE}
    private = private_names({REFERENCE.name: REFERENCE})
    return sorted({line for line, _ in violations(module, modules, private)})


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("from reference_impl.store import _step\n", [1]),
        ("from reference_impl._store import step\n", [1]),
        ("from reference_impl import store\n\nstore._LIMIT\n", [3]),
        ("from reference_impl import store\n\nstore.LIMIT = 4\n", [3]),
        ("from reference_impl import store\n\nsetattr(store, 'LIMIT', 4)\n", [3]),
        ("def f(opened):\n    return opened._keys\n", [2]),
        ("def f(opened):\n    return getattr(opened, '_keys')\n", [2]),
        ("def f(handle):\n    return handle._Handle__key\n", [2]),
        ("from unittest import mock\n", [1]),
        ("import unittest.mock\n", [1]),
        (
            (
                "from reference_impl.store import Store\n"
                "class Liar(Store):\n"
                "    def _read(self): ...\n"
                "class Worse(Liar):\n"
                "    def read(self):\n"
                "        return self._keys\n"
            ),
            [3, 6],
        ),
    ],
)
def test_the_check_sees(source: str, lines: list[int]) -> None:
    assert lines_of(source) == lines


@pytest.mark.parametrize(
    "source",
    [
        "from reference_impl import store\n\nstore.open()\n",
        # its own class, and its own private name of the same spelling
        "class Own:\n    def _read(self):\n        return self._keys\n",
        "class Own:\n    def __init__(self, other):\n        self._keys = other._keys\n",
        "def f(own):\n    return own._of_mine\n",
        # of the reference's class Store that one has no such name
        "from reference_impl.store import Store\nclass Own(Store):\n    def _step(self): ...\n",
        "from reference_impl.store import Store\nclass Own(Store):\n    def _mine(self): ...\n",
    ],
)
def test_the_check_lets_pass(source: str) -> None:
    assert lines_of(source) == []
