"""What is the suite's own fault, the machine's or the set-up's is never the backend's: one reason, and
no rule red."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.model.store import ModelStore
from conformance.running.session import Session
from conformance.stateful.history import History, Step
from conformance.stateful.machine import Recipe
from conformance.suite.kit import histories as kit
from conformance.suite.kit.histories import Played
from conformance.targets.base import Backend
from conformance.targets.guard import Undecided
from conformance.targets.machine import lacks, lacks_by
from conformance.verdict.judge import Report
from tests.fake_suites import WHOLE, codes, open_model, run_suite, suite, target

CHECKOUT = Path(__file__).parents[1]


def undecided(report: Report, code: str, rule: str = "STORE-09") -> str:
    """The one reason of a run that is undecided for it."""
    assert (report.verdict, report.exit_code, report.failed_rules) == ("indeterminate", 2, ())
    assert codes(report) == [code]
    (reason,) = report.reasons
    assert next(r.verdict for r in report.requirements if r.id == rule) == "indeterminate"
    return reason.detail


# -- deadlines are of calls -------------------------------------------------------------------------


def test_many_short_calls_may_take_longer_than_one(tmp_path: Path) -> None:
    body = """
    import threading

    @rules("STORE-09")
    def test_slow():
        for _ in range(20):
            threading.Event().wait(0.08)
    """
    report = run_suite(suite(tmp_path, slow=body, whole=WHOLE), target(case_deadline_s=0.5))
    assert report.verdict == "conformant"


def test_one_call_among_short_ones_that_hangs_fails(tmp_path: Path) -> None:
    body = """
    import threading

    @rules("STORE-09")
    def test_slow():
        for seconds in (0.1, 0.1, 0.1, 60):
            threading.Event().wait(seconds)
    """
    report = run_suite(suite(tmp_path, slow=body, whole=WHOLE), target(case_deadline_s=0.5))
    assert report.failed_rules == ("STORE-09",)


def test_calls_that_never_come_to_an_end_leave_the_case_undecided(tmp_path: Path) -> None:
    body = """
    import threading

    @rules("STORE-09")
    def test_slow():
        while True:
            threading.Event().wait(0.01)
    """
    report = run_suite(suite(tmp_path, slow=body, whole=WHOLE), target(case_deadline_s=0.3))
    assert "no call took 0.3 s" in undecided(report, "too_slow")


# -- the machine ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["", " from ValueError('wrapped')"])
def test_a_full_disk_is_the_machines_fault(tmp_path: Path, how: str) -> None:
    body = f"""
    import errno

    @rules("STORE-09")
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_full(number):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as full:
            assert number == 0{how and " or not full"}
    """
    report = run_suite(suite(tmp_path, full=body, whole=WHOLE))
    told = undecided(report, "machine_error")
    assert "and 2 more cases" in told
    assert "TMPDIR" in told


def test_another_error_of_the_system_is_the_backends() -> None:
    assert lacks_by(OSError(errno.EACCES, "Permission denied")) == ""
    assert lacks() == ""


@pytest.mark.integration
def test_a_folder_that_takes_no_file_is_seen_before_anything_is_blamed(tmp_path: Path) -> None:
    suite(
        tmp_path / "suite", whole=WHOLE, bad="@rules('STORE-09')\ndef test_bad():\n    assert 0\n"
    )
    script = """
        import resource, sys
        from pathlib import Path
        from conformance.running.runner import Options, run
        from tests.fake_suites import target
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        report = run(target(), Options(suite=Path(sys.argv[1])))
        print(report.verdict, [r.code for r in report.reasons], report.failed_rules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "suite")],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.stdout == "indeterminate ['machine_error'] ()\n", done.stderr


# -- the set-up -------------------------------------------------------------------------------------


def broken_clock(folder: Path, **_: Any) -> Backend:
    def set_clock(text: str) -> None:
        raise LookupError("no clock service at port 9")

    return Backend(ModelStore(), set_clock=set_clock)


def test_a_clock_that_cannot_be_set_is_one_set_up_error(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=broken_clock))
    (reason,) = report.reasons
    assert (report.verdict, reason.code) == ("indeterminate", "setup_error")
    assert "set_clock ended with: LookupError: no clock service at port 9" in reason.detail


def test_a_target_that_does_not_open_for_many_cases_is_one_reason(tmp_path: Path) -> None:
    body = """
    @pytest.fixture
    def server():
        raise ConnectionError("the server is gone")

    @rules("STORE-09")
    @pytest.mark.parametrize("number", range(30))
    def test_gap(number, server):
        pass
    """
    report = run_suite(suite(tmp_path, gap=body, whole=WHOLE))
    told = undecided(report, "setup_error")
    assert "ConnectionError: the server is gone" in told
    assert "and 29 more cases" in told
    left = next(r.failures for r in report.requirements if r.id == "STORE-09")
    assert len(left) == 30


# -- histories --------------------------------------------------------------------------------------

SMALL = Recipe(("core",), most_steps=15, starts=("begun",))


def with_method(store: ModelStore, name: str, method: Callable[..., Any]) -> ModelStore:
    setattr(store, name, method)
    return store


def played(factory: Callable[..., Backend] = open_model) -> Played:
    return Played(Session(target(factory=factory), "quick"), SMALL)


def asked(histories: Played) -> set[tuple[str, str]]:
    """What two tests of the same histories end with."""
    told = set()
    for rule in ("STORE-09", "STORE-12"):
        with pytest.raises(Undecided) as caught:
            histories.must_agree_on(rule)
        told.add((caught.value.code, caught.value.detail))
    return told


def test_a_crash_where_histories_are_made_is_the_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> Any:
        raise KeyError("P0199")

    monkeypatch.setattr(kit, "histories", crash)
    assert asked(played()) == {
        ("suite_error", "the histories could not be made: KeyError: 'P0199'")
    }


def test_a_crash_of_the_model_is_the_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(self: ModelStore, **_: Any) -> Any:
        raise ZeroDivisionError("a fault of the model")

    def sound(folder: Path, **_: Any) -> Backend:
        return Backend(with_method(ModelStore(), "get_experts", lambda **_: []))

    step = Step("2026-02-03T11:00:00.000000Z", "get_experts", {"dialogue_id": "tide"})
    monkeypatch.setattr(kit, "histories", lambda *_: (History("one", "begun", (step,)),))
    monkeypatch.setattr(ModelStore, "get_experts", crash)
    ((code, detail),) = asked(played(sound))
    assert code == "suite_error"
    assert "get_experts: ZeroDivisionError: a fault of the model" in detail


def test_storage_that_does_not_open_is_a_set_up_error() -> None:
    def factory(folder: Path, **_: Any) -> Backend:
        raise ConnectionError("the server is gone")

    ((code, detail),) = asked(played(factory))
    assert (code, "ConnectionError: the server is gone" in detail) == ("setup_error", True)


def test_what_cannot_be_shown_is_still_the_stores() -> None:
    def cyclic(**_: Any) -> Any:
        found: list[Any] = []
        found.append(found)
        return found

    def wrong(folder: Path, **_: Any) -> Backend:
        return Backend(with_method(ModelStore(), "load_partition", cyclic))

    with pytest.raises(AssertionError, match="ERR-01"):
        played(wrong).must_agree_on("ERR-01")
