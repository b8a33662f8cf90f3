"""A method that a backend does not have (PROTO-03): an outcome of its own, told once for each method with
the cases that wait for it, never a skip and never green."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.model.store import ModelStore
from conformance.report.json_form import ReportError, document, load, write
from conformance.running.runner import Options, run
from conformance.running.session import Session
from conformance.stateful.machine import Recipe
from conformance.suite.kit.histories import Played
from conformance.targets.base import Backend
from conformance.verdict.judge import Case, Recording, judge
from reference_impl.testing import ManualClock
from tests.fake_suites import WHOLE, run_suite, suite, target

WAITING = """
from conformance.suite.kit.builders import codes
from conformance.suite.kit.helpers import expect_error
from reference_impl.contract.tables import METHODS

class Half:
    def get_rounds(self, dialogue_id):
        raise NotImplementedError

def stand_in(self, dialogue_id):
    raise NotImplementedError

Half.get_moves = stand_in
Half.get_refs = stand_in

@pytest.fixture
def begun():
    Half().get_rounds("d")

@rules("STORE-09")
def test_in_a_method():
    Half().get_rounds("d")

@rules("STORE-09")
def test_in_a_fixture(begun):
    pass

@rules("STORE-11")
def test_where_an_error_is_expected():
    with expect_error("round_not_found"):
        Half().get_rounds("d")

@rules("STORE-11")
def test_by_a_stand_in():
    Half().get_moves("d")

@rules("STORE-11")
@pytest.mark.parametrize("name", ["get_refs"])
def test_by_name(name):
    getattr(Half(), name)("d")

@rules("STORE-10")
def test_in_a_table():
    assert codes({"rounds": lambda: Half().get_rounds("d")}) == {"rounds": "round_not_found"}
"""


def test_each_method_is_told_once_with_the_cases_that_wait_for_it(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path / "suite", whole=WHOLE, half=WAITING))
    assert dict(report.unsupported) == {
        "get_moves": ("test_half.py::test_by_a_stand_in",),
        "get_refs": ("test_half.py::test_by_name[get_refs]",),
        "get_rounds": (
            "test_half.py::test_in_a_fixture",
            "test_half.py::test_in_a_method",
            "test_half.py::test_in_a_table",
            "test_half.py::test_where_an_error_is_expected",
        ),
    }
    assert (report.verdict, report.exit_code, report.reasons) == ("not_conformant", 1, ())
    verdicts = {r.id: r.verdict for r in report.requirements if r.profile == "core"}
    assert [id_ for id_, verdict in verdicts.items() if verdict == "unsupported"] == [
        *("STORE-09", "STORE-10", "STORE-11"),
    ]
    assert report.failed_rules == ("STORE-09", "STORE-10", "STORE-11")
    found = load(write(report, tmp_path))
    assert [entry["method"] for entry in found["unsupported"]] == [
        *("get_moves", "get_refs", "get_rounds"),
    ]


def test_a_failure_outweighs_what_is_not_there() -> None:
    waits = Case(
        "t::a", "core", ("STORE-09",), "unsupported", "needs get_rounds", "", 0, "", ("x",)
    )
    fails = Case("t::b", "core", ("STORE-09",), "fail", "wrong")
    judgement = judge(Recording([waits, fails]), ("core",))
    assert next(r.verdict for r in judgement.requirements if r.id == "STORE-09") == "fail"


def test_no_report_is_green_beside_what_is_not_there(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path / "suite", whole=WHOLE))
    made = {**document(report), "unsupported": [{"method": "get_refs", "cases": ["t::a"]}]}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(ReportError):
        load(path)


def test_an_error_of_the_same_kind_that_no_method_raised_is_a_failure(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_ours():
        raise NotImplementedError("no example")
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, ours=body))
    assert report.unsupported == ()
    assert next(r.verdict for r in report.requirements if r.id == "STORE-09") == "fail"


def half(*missing: str, **wrong: Any) -> Played:
    """Histories on a store without some methods, and with others of them wrong."""

    def not_yet(**_: Any) -> Any:
        raise NotImplementedError

    stored: dict[Path, Any] = {}

    def factory(folder: Path, **_: Any) -> Backend:
        store = ModelStore(storage=stored.setdefault(folder, {}))
        for name, method in {**dict.fromkeys(missing, not_yet), **wrong}.items():
            setattr(store, name, method)
        return Backend(store)

    often = (("next_seq", 60), ("register_verdict", 60))
    recipe = Recipe(("core",), starts=("begun", "converged"), often=often)
    return Played(Session(target(factory=factory), "quick"), recipe)


@pytest.mark.parametrize("missing", ["register_verdict", "load_partition"])
def test_histories_go_on_without_what_is_not_there(missing: str) -> None:
    histories = half(missing)
    histories.must_agree_on("STORE-18")
    with pytest.raises(NotImplementedError, match=missing):
        histories.must_agree_on("ERR-01")
    assert histories.rules == set()


def test_histories_still_find_what_is_wrong_beside_it() -> None:
    histories = half("register_verdict", next_seq=lambda **_: 77)
    with pytest.raises(NotImplementedError, match="register_verdict"):
        histories.must_agree_on("ERR-01")
    assert histories.rules == {"ADDR-02"}


# -- one method that is not there yet, and the cases of others -----------------------------------------


def without_method(method: str, cases: str) -> dict[str, str]:
    """What keeps cases of the suite (pytest's ``-k``) from passing on a whole store that lacks a method."""
    storage: dict[Path, dict[str, Any]] = {}

    def not_yet(self, dialogue_id, *args, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    lacking = type("Lacking", (ModelStore,), {method: not_yet})

    def factory(folder: Path, **_: Any) -> Backend:
        clock = ManualClock()
        return Backend(lacking(clock, storage=storage.setdefault(folder, {})), set_clock=clock.set)

    report = run(target(factory=factory), Options(budget="quick", expression=cases))
    return {
        failure.case: failure.outcome
        for requirement in report.requirements
        for failure in requirement.failures
        if failure.reason != "not run"
    }


def test_what_a_move_is_can_be_asked_without_load_partition() -> None:
    assert without_method("load_partition", "test_a_move_has_its_fields_and_defaults") == {}


def test_clients_at_once_wait_for_a_method_that_is_not_there() -> None:
    waiting = without_method("register_tension", "test_clients_at_once_lose_nothing")
    assert set(waiting.values()) == {"unsupported"}


def test_a_stand_in_is_known_by_its_place_in_the_class() -> None:
    """Neither its name nor the line that calls it names the method."""
    waiting = without_method("register_move", "test_targets_must_be_there")
    assert set(waiting.values()) == {"unsupported"}
