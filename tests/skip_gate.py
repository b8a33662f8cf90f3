"""No test is skipped in silence: a skip or xfail that `allowed_skips.toml` does not list is red.

A pytest plugin, registered by `conftest.py`. The list is an array of tables:

    [[skip]]
    test = "tests/test_x.py::test_y"    # the start of a test's id, or a glob over all of it
    reason = "what is missing"          # the start of the reason that the test gives
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Allowance:
    """One entry of the list: these tests may be skipped, for this reason."""

    test: str
    reason: str

    def covers(self, nodeid: str, reason: str) -> bool:
        same_test = nodeid.startswith(self.test) or fnmatchcase(nodeid, self.test)
        return same_test and reason.startswith(self.reason)


class SkipGate:
    """Collects what was skipped and makes the run fail for whatever is not on the list."""

    def __init__(self, listed: Path) -> None:
        self._listed = listed
        self._allowances = read_allowances(listed)
        self._refused: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._judge(report)
        if report.nodeid in self._refused and "PYTEST_XDIST_WORKER" in os.environ:
            # A worker tells of a module that it could not collect, and of no skipped one.
            report.outcome = "failed"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._judge(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._refused:
            return
        terminalreporter.section("skipped without leave", red=True, bold=True)
        for nodeid, reason in self._refused.items():
            terminalreporter.write_line(f"{nodeid}: {reason}")
        terminalreporter.write_line(
            f"Make these tests run, or list them with this reason in {self._listed.name}."
        )

    def _judge(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        reason = reason_of(report)
        if reason is None:
            return
        if not any(allowance.covers(report.nodeid, reason) for allowance in self._allowances):
            self._refused[report.nodeid] = reason


def reason_of(report: pytest.CollectReport | pytest.TestReport) -> str | None:
    """Why this test did not count, in its own words; None if it did."""
    expected_failure = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        return str(expected_failure).removeprefix("reason: ")
    if not report.skipped:
        return None
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def read_allowances(path: Path) -> tuple[Allowance, ...]:
    """The entries of the list; one that is not exactly a test and a reason ends the run."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise pytest.UsageError(f"{path.name} cannot be read: {error}") from error
    entries = document.pop("skip", [])
    if document or not isinstance(entries, list):
        raise pytest.UsageError(f"{path.name} holds nothing but [[skip]] tables")
    allowances = tuple(_allowance(path, entry) for entry in entries)
    if len(set(allowances)) < len(allowances):
        raise pytest.UsageError(f"{path.name} lists the same test and reason twice")
    return allowances


def _allowance(path: Path, entry: object) -> Allowance:
    match entry:
        case {"test": str(test), "reason": str(reason), **rest} if not rest:
            if test.strip() and reason.strip():
                return Allowance(test, reason)
    raise pytest.UsageError(
        f"{path.name}: an entry has a test and a reason, both texts and neither empty: {entry!r}"
    )
