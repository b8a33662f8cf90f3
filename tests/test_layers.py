"""Layers by name: each test is in exactly one, and the unit layer starts no engine."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent

CONFTEST = """
import pytest
from tests.layers import Layers

def pytest_configure(config):
    config.pluginmanager.register(Layers())
    for name in ("integration", "property"):
        config.addinivalue_line("markers", name)

@pytest.fixture
def dynamodb_local(): return None

@pytest.fixture(params=["memory", "dynamodb"])
def target(request): return None
"""

TESTS = """
import pytest
from hypothesis import given, strategies

def test_plain(): pass

@pytest.mark.integration
def test_marked(): pass

def test_engine(dynamodb_local): pass

def test_target(target): pass

@pytest.mark.property
def test_property(): pass

@given(strategies.booleans())
def test_hypothesis(x): pass

@pytest.mark.integration
@given(strategies.booleans())
def test_hypothesis_on_an_engine(x): pass
"""

LAYERS = {
    "unit": {"test_plain", "test_target[memory]"},
    "integration": {
        "test_marked",
        "test_engine",
        "test_target[dynamodb]",
        "test_hypothesis_on_an_engine",
    },
    "property": {"test_property", "test_hypothesis"},
}


def expressions() -> dict[str, str]:
    """LAYERS of noxfile.py, without nox."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LAYERS":
            found = ast.literal_eval(node.value)
            assert isinstance(found, dict)
            return found
    raise AssertionError("noxfile.py names no LAYERS")


def test_the_layers_have_the_names_that_are_promised() -> None:
    assert set(expressions()) == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_run_alone(pytester: pytest.Pytester, layer: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest_inprocess(
        "-m", expressions()[layer], "-v", "-p", "no:cacheprovider"
    )
    ran = {line.split("::")[1].split(" ")[0] for line in result.outlines if " PASSED " in line}
    assert ran == LAYERS[layer]
    result.assert_outcomes(passed=len(LAYERS[layer]), deselected=8 - len(LAYERS[layer]))


def test_together_they_are_everything() -> None:
    assert sum(map(len, LAYERS.values())) == len(set().union(*LAYERS.values())) == 8


@pytest.mark.integration
def test_an_engine_in_another_layer_fails(pytester: pytest.Pytester) -> None:
    start = (
        "import os, pathlib, pytest\n"
        "from conformance.targets.engines.local_server import LocalServer\n"
        "def test_it():\n"
        "    with LocalServer('false', pathlib.Path('.'), os.environ): pass\n"
    )
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=start)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*this test starts an engine: mark it*"])
    # With the mark it is let through, and fails for what it does itself.
    pytester.makepyfile(test_it=start.replace("def test", "@pytest.mark.integration\ndef test"))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*EngineUnavailable: DynamoDB Local ended before it answered*"])


def test_the_documentation_names_them() -> None:
    text = (ROOT / "docs/test-layers.md").read_text(encoding="utf-8")
    for layer in LAYERS:
        assert f"`nox -s tests -- {layer}`" in text
