"""No part of the suite, liars and targets included, names what is private in the reference or patches it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.public_names import Module, private_names, read, violations

ROOT = Path(__file__).parents[1]

#: Hypothesis draws numbers that it finds in loaded modules, and has no public name to forbid it.
PATCHES_HYPOTHESIS = frozenset({"conformance.stateful.machine"})


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
    assert {name: lines for name, lines in found.items() if name not in PATCHES_HYPOTHESIS} == {}


def test_the_check_looks_at_the_suite(found: dict[str, list[str]]) -> None:
    assert found.keys() >= PATCHES_HYPOTHESIS


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
