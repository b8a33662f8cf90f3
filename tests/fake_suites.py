"""Small suites and targets in temporary folders, to run the runner on."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from conformance.model.store import ModelStore
from conformance.running.runner import Options, run
from conformance.targets.base import Backend, Engine, Target
from conformance.verdict.judge import Report

HEAD = """
import time

import pytest

from conformance.spec import PROFILES
from conformance.suite.kit.marks import profile, rules

pytestmark = profile("core")
"""

#: One case for every rule of profile core.
WHOLE = """
@pytest.mark.parametrize("id_", [pytest.param(r, marks=rules(r)) for r in PROFILES["core"].rules])
def test_rule(id_):
    assert id_
"""


def open_model(folder: Path, **_: Any) -> Backend:
    """A backend that claims core."""
    return Backend(ModelStore())


def target(**changes: Any) -> Target:
    """A target that can be opened, and that no fake test asks for anything."""
    given: dict[str, Any] = {
        "name": "fake",
        "factory": open_model,
        "engine": Engine("in-process"),
        "implementation": "fake",
        **changes,
    }
    return Target(**given)


def suite(folder: Path, **files: str) -> Path:
    """A suite of test files (name without ``test_`` and ``.py`` -> body)."""
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        text = HEAD + textwrap.dedent(body)
        (folder / f"test_{name}.py").write_text(text, encoding="utf-8")
    return folder


def run_suite(folder: Path, on: Target | None = None, **options: Any) -> Report:
    """The report of a run of a fake suite."""
    return run(on or target(), Options(suite=folder, **options))


def codes(report: Report) -> list[str]:
    """The codes of the report's reasons, each once."""
    return list(dict.fromkeys(reason.code for reason in report.reasons))
