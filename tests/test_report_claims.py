"""What a report says of the run itself: its budget, its claim, and what the claim has lost since."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.report.json_form import load
from conformance.running import recorder
from conformance.running.runner import Options, run
from conformance.running.selection import Selection
from conformance.targets.builtin import IN_MEMORY, Storages, encrypted_factory
from conformance.targets.engines import choose
from conformance.targets.engines.choose import EngineError, choose_engine
from conformance.targets.engines.detect import Found
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.audit_chain import current_trace
from reference_impl.testing import exchanged
from tests.fake_suites import WHOLE, codes, target
from tests.test_cli_conformance import PLAIN, Cli, cli, small

__all__ = ["cli", "small"]  # fixtures

CHECKOUT = Path(__file__).parents[1]


def test_a_report_names_its_budget_and_its_claim(cli: Cli, small: Callable[[str], None]) -> None:
    small(WHOLE)
    cli(
        *("run", "--target", "memory", "--profile", "core"), *("--budget", "quick", "--report", "o")
    )
    report = load(Path("o") / "report.json")
    assert report["budget"] == "quick"
    assert report["claim"] == {"profiles": ["core"], "narrowed_to": ["core"], "dropped": []}


def test_a_claim_that_got_smaller_is_named(cli: Cli, small: Callable[[str], None]) -> None:
    small(WHOLE)
    Path("shrinking.py").write_text(PLAIN)
    core = ("run", "--target", "memory", "--profile", "core", "--report", "o")
    cli(*("run", "--target", "memory", "--profile", "encrypted", "--report", "o"))
    code, out, _ = cli(*core)
    assert code == 0
    assert "claim smaller than in the last report: encrypted" in out
    assert load(Path("o") / "report.json")["claim"]["dropped"] == ["encrypted"]
    # What was told once, and another target's claim, are not told again.
    assert "claim smaller" not in cli(*core)[1]
    assert "claim smaller" not in cli("run", "--target", "shrinking:factory", "--report", "o")[1]


def test_a_suite_that_has_lost_its_list_of_tests_decides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "CASES_FILE", "lost.json")
    report = run(target(), Options(budget="quick", expression="no_case_of_this_name"))
    assert "missing_test" in codes(report)


def test_an_engine_that_nobody_knows_is_not_a_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Found("unrecognised", "unknown", emulator=False)
    monkeypatch.setattr(choose, "probe", lambda _: stranger)
    environ: dict[str, Any] = {"DYNAMODB_ENDPOINT": "http://127.0.0.1:9"}
    with pytest.raises(EngineError, match="known to be one"):
        choose_engine("endpoint", require_real=True, environ=environ)
    with pytest.raises(EngineError, match="CI is set"):
        choose_engine("endpoint", environ={**environ, "CI": "1"})
    assert choose_engine("endpoint", environ=environ).describe()["kind"] == "unrecognised"


@pytest.mark.parametrize("module", ["conformance", "conformance.cli"])
def test_the_command_runs_as_a_module(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout[:19]) == (0, "conformance, versio"), done.stderr


def test_a_backend_that_imported_the_current_span_by_name_is_right() -> None:
    """It keeps the function that it found first, for every case (AUDIT-06)."""
    kept: list[Callable[[], Any]] = []

    def trace(honest: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        if not kept and "opentelemetry.trace" not in sys.modules:
            return honest()
        if not kept:
            kept.append(sys.modules["opentelemetry.trace"].get_current_span)
        context = kept[0]().get_span_context()
        ids = (context.trace_id, context.span_id) if context.is_valid else (0, 0)
        return f"{ids[0]:032x}", f"{ids[1]:016x}"

    storages = Storages(lambda folder: MemoryPartitionStore())
    factory = encrypted_factory(storages.of, storages.of, elsewhere=IN_MEMORY)
    with exchanged(current_trace, trace):
        report = run(
            target(factory=factory, discard=storages.discard),
            Options(budget="quick", selection=Selection(rules=("AUDIT-06",))),
        )
    assert (report.failed_rules, len(kept)) == ((), 1)
