"""No way to a wrong green: every gap in a run, and what the verdict makes of it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.liars import Liar
from conformance.liars.kit.trial import Plan, as_json, run_liars
from conformance.model.store import ModelStore
from conformance.report.json_form import ReportError, document, load, write
from conformance.running.recorder import CASES_FILE, clean
from conformance.running.runner import SUITE, UsageError, collect, listed_tests
from conformance.spec import PROFILES, RULES, SpecError, home_of, with_needs
from conformance.spec.register import Rule, expand
from conformance.targets.base import Backend, Engine
from conformance.verdict.judge import Case, Outcome, Reason, Recording, judge
from reference_impl.contract.items import Item
from tests.fake_suites import WHOLE, codes, open_model, run_suite, suite, target

CORE = PROFILES["core"].rules


# -- what is decided ------------------------------------------------------------------------------


def test_every_rule_shown_is_conformant(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE), seed=7)
    assert report.verdict == "conformant"
    assert report.exit_code == 0
    assert report.reasons == ()
    claimed = [r for r in report.requirements if r.profile == "core"]
    assert [(r.id, r.verdict, r.cases) for r in claimed] == [(id_, "pass", 1) for id_ in CORE]
    others = {r.verdict for r in report.requirements if r.profile != "core"}
    assert others == {"not_claimed"}
    assert [p.name for p in report.profiles if p.verdict == "pass"] == ["core"]
    path = write(report, tmp_path / "out")
    found = load(path)
    assert found == document(report)
    assert (found["verdict"], found["seed"], found["footer"]) == ("conformant", 7, True)
    assert found["target"] == {
        "name": "fake",
        "implementation": "fake",
        "version": None,
        "language": "python",
        "engine": {"kind": "in-process", "version": None},
        "profiles": ["core"],
    }
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_one_failed_case_is_not_conformant_and_names_its_rules(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09", "STORE-11")
    def test_total():
        assert 1 == 2, "the total is wrong"
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, bad=body))
    assert report.verdict == "not_conformant"
    assert report.exit_code == 1
    assert report.failed_rules == ("STORE-09", "STORE-11")
    (failure,) = next(r.failures for r in report.requirements if r.id == "STORE-09")
    assert failure.case == "test_bad.py::test_total"
    assert failure.reason.startswith("AssertionError: the total is wrong")
    assert next(r.cases for r in report.requirements if r.id == "STORE-09") == 2
    assert document(report)["verdict"] == "not_conformant"


def test_a_failed_case_outweighs_an_undecided_one(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_bad():
        assert False

    @rules("STORE-11")
    def test_skipped():
        pytest.skip("later")
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, more=body))
    assert report.verdict == "not_conformant"
    assert codes(report) == ["skipped"]
    assert next(r.verdict for r in report.requirements if r.id == "STORE-11") == "indeterminate"


def test_an_error_of_the_target_inside_a_case_is_a_failure(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_breaks():
        raise SystemExit(0)
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, bad=body))
    assert report.failed_rules == ("STORE-09",)


# -- what is not ----------------------------------------------------------------------------------

GAPS = {
    "skipped": 'pytest.skip("no time")',
    "xfail": 'pytest.xfail("known")',
}


@pytest.mark.parametrize("code", GAPS)
def test_a_case_that_excuses_itself_shows_nothing(tmp_path: Path, code: str) -> None:
    body = f"""
    @rules("STORE-09")
    def test_gap():
        {GAPS[code]}
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, gap=body))
    assert (report.verdict, report.exit_code, codes(report)) == ("indeterminate", 2, [code])
    assert next(r.verdict for r in report.requirements if r.id == "STORE-09") == "indeterminate"


@pytest.mark.parametrize(
    ("mark", "code"),
    [
        ("skip(reason='no')", "skipped"),
        ("skipif(True, reason='no')", "skipped"),
        ("xfail", "xfail"),
        ("xfail(strict=False)", "xfail"),
        ("xfail(run=False)", "xfail"),
    ],
)
@pytest.mark.parametrize("passes", [True, False])
def test_a_case_that_is_excused_shows_nothing(
    tmp_path: Path, mark: str, code: str, passes: bool
) -> None:
    body = f"""
    @rules("STORE-09")
    @pytest.mark.{mark}
    def test_gap():
        assert {passes}
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, gap=body))
    assert (report.verdict, codes(report)) == ("indeterminate", [code])


@pytest.mark.parametrize(
    ("fixture", "code"),
    [
        ("raise RuntimeError('no engine')", "setup_error"),
        ("yield; raise RuntimeError('does not close')", "teardown_error"),
    ],
)
def test_a_fixture_that_breaks_leaves_its_case_undecided(
    tmp_path: Path, fixture: str, code: str
) -> None:
    body = f"""
    @pytest.fixture
    def broken():
        {fixture}

    @rules("STORE-09")
    def test_gap(broken):
        pass
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, gap=body))
    assert (report.verdict, codes(report)) == ("indeterminate", [code])


def test_a_missing_fixture_leaves_its_case_undecided(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_gap(nowhere):
        pass
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, gap=body))
    assert (report.verdict, codes(report)) == ("indeterminate", ["setup_error"])
    assert "nowhere" in report.reasons[0].detail


def test_a_module_that_skips_itself_leaves_the_run_undecided(tmp_path: Path) -> None:
    folder = suite(tmp_path, whole=WHOLE, gap='pytest.skip("no", allow_module_level=True)')
    report = run_suite(folder)
    assert (report.verdict, codes(report)) == ("indeterminate", ["skipped"])


def test_a_module_that_cannot_be_imported_leaves_the_run_undecided(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE, gap="import nothing_of_this_name"))
    assert report.verdict == "indeterminate"
    assert "collection_error" in codes(report)


@pytest.mark.parametrize("code", [0, 1, 5])
def test_a_run_that_is_ended_from_within_is_undecided(tmp_path: Path, code: int) -> None:
    body = f"""
    @rules("STORE-09")
    def test_a():
        pytest.exit("enough", {code})
    """
    report = run_suite(suite(tmp_path, a=body, whole=WHOLE))
    assert report.verdict == "indeterminate"
    assert "interrupted" in codes(report)
    assert report.exit_code == 2


def test_a_run_stopped_by_the_keyboard_is_undecided(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_a():
        raise KeyboardInterrupt
    """
    report = run_suite(suite(tmp_path, a=body, whole=WHOLE))
    assert (report.verdict, report.exit_code) == ("indeterminate", 130)
    assert "interrupted" in codes(report)


def test_a_deleted_test_file_leaves_a_rule_without_a_case(tmp_path: Path) -> None:
    half = len(CORE) // 2
    folder = suite(
        tmp_path,
        first=WHOLE.replace(".rules]", f".rules[:{half}]]"),
        second=WHOLE.replace(".rules]", f".rules[{half}:]]"),
    )
    assert run_suite(folder).verdict == "conformant"
    (folder / "test_second.py").unlink()
    report = run_suite(folder)
    assert (report.verdict, report.exit_code, codes(report)) == ("indeterminate", 2, ["no_case"])
    assert len(report.reasons) == len(CORE) - half


def test_a_deleted_test_is_missed_even_where_others_show_its_rules(tmp_path: Path) -> None:
    folder = suite(tmp_path, first=WHOLE, second=WHOLE)
    listed = {"test_first.py": ["test_rule"], "test_second.py": ["test_rule"]}
    (folder / CASES_FILE).write_text(json.dumps(listed), encoding="utf-8")
    assert run_suite(folder).verdict == "conformant"
    (folder / "test_second.py").unlink()
    report = run_suite(folder)
    assert (report.verdict, codes(report)) == ("indeterminate", ["missing_test"])
    assert "test_second.py" in report.reasons[0].detail


def test_the_list_of_tests_is_that_of_the_suite() -> None:
    recording, functions = collect()
    assert recording.problems == []
    listed = json.loads((SUITE / CASES_FILE).read_text(encoding="utf-8"))
    have = listed_tests(recording.cases, functions)
    assert listed == have, "write it again: python -m conformance cases --write"


def test_a_rule_renamed_in_a_test_breaks_the_run(tmp_path: Path) -> None:
    body = """
    @rules("STORE-90")
    def test_total():
        pass
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, renamed=body))
    assert (report.verdict, report.exit_code) == ("indeterminate", 2)
    assert "collection_error" in codes(report)
    assert "STORE-90" in report.reasons[0].detail


def test_a_rule_renamed_in_the_register_breaks_the_run(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_total():
        pass
    """
    folder = suite(tmp_path, whole=WHOLE, cites=body)
    register = cast(dict[str, Rule], RULES)
    before = dict(register)
    del register["STORE-09"]
    try:
        report = run_suite(folder)
    finally:  # in its old order, which the pages that other tests make follow
        register.clear()
        register.update(before)
    assert report.verdict == "indeterminate"
    assert "collection_error" in codes(report)


def test_a_rule_cited_by_a_bare_mark_is_checked_as_well(tmp_path: Path) -> None:
    body = """
    @pytest.mark.rules("STORE-90")
    def test_total():
        pass
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, renamed=body))
    assert (report.verdict, codes(report)[0]) == ("indeterminate", "unknown_rule")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("def test_x(): pass", "broken_test"),
        ("pytestmark = []\n@rules('STORE-09')\ndef test_x(): pass", "broken_test"),
        (
            "pytestmark = pytest.mark.profile('x')\n@rules('STORE-09')\ndef test_x(): pass",
            "broken_test",
        ),
        ("@rules('ENV-01')\ndef test_x(): pass", "unknown_rule"),
    ],
    ids=["no rule", "no profile", "unknown profile", "rule of another profile"],
)
def test_a_test_that_does_not_say_what_it_proves_breaks_the_run(
    tmp_path: Path, body: str, code: str
) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE, odd=body))
    assert report.verdict == "indeterminate"
    assert code in codes(report)


@pytest.mark.parametrize("expression", ["selects_nothing", "test_rule"])
def test_a_filter_is_never_green(tmp_path: Path, expression: str) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE), expression=expression)
    assert (report.verdict, report.exit_code) == ("indeterminate", 2)
    assert codes(report)[0] == "filtered"


def test_a_filter_is_not_red_either(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_bad():
        assert False
    """
    report = run_suite(suite(tmp_path, whole=WHOLE, bad=body), expression="test_bad")
    assert report.verdict == "indeterminate"


def test_a_conftest_that_drops_tests_is_seen(tmp_path: Path) -> None:
    folder = suite(tmp_path, whole=WHOLE)
    hook = "def pytest_collection_modifyitems(items):\n    del items[-1]\n"
    (folder / "conftest.py").write_text(hook, encoding="utf-8")
    report = run_suite(folder)
    assert (report.verdict, codes(report)) == ("indeterminate", ["incomplete"])


def test_a_suite_without_tests_is_undecided(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path))
    assert report.verdict == "indeterminate"
    assert "pytest_exit" in codes(report)


def test_nothing_of_the_users_pytest_reaches_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = suite(tmp_path / "suite", whole=WHOLE)
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not yours')\n", encoding="utf-8")
    ini = "[pytest]\naddopts = -k nothing --no-such-option\n"
    (tmp_path / "pytest.ini").write_text(ini, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    before = set(tmp_path.iterdir())
    assert run_suite(folder).verdict == "conformant"
    assert os.environ["PYTEST_ADDOPTS"] == "-k nothing"
    assert set(tmp_path.iterdir()) == before


def test_suites_of_the_same_names_do_not_mix(tmp_path: Path) -> None:
    bad = "\n@rules('STORE-09')\ndef test_bad():\n    assert False\n"
    assert run_suite(suite(tmp_path / "a", whole=WHOLE)).verdict == "conformant"
    assert run_suite(suite(tmp_path / "b", whole=WHOLE + bad)).verdict == "not_conformant"


# -- hanging --------------------------------------------------------------------------------------


def test_a_case_that_hangs_fails_and_the_run_goes_on(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_hangs():
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                time.sleep(60)
            except Exception:
                pass
    """
    began = time.monotonic()
    report = run_suite(suite(tmp_path, hangs=body, whole=WHOLE), target(case_deadline_s=0.3))
    assert time.monotonic() - began < 20
    assert (report.verdict, report.failed_rules) == ("not_conformant", ("STORE-09",))
    (failure,) = next(r.failures for r in report.requirements if r.id == "STORE-09")
    assert "hangs" in failure.reason
    assert sum(r.verdict == "pass" for r in report.requirements) == len(CORE) - 1


def test_a_set_up_that_hangs_leaves_its_case_undecided(tmp_path: Path) -> None:
    body = """
    @pytest.fixture
    def slow():
        time.sleep(60)

    @rules("STORE-09")
    def test_gap(slow):
        pass
    """
    report = run_suite(suite(tmp_path, hangs=body, whole=WHOLE), target(case_deadline_s=0.3))
    assert (report.verdict, codes(report)) == ("indeterminate", ["setup_error"])


# -- the target -----------------------------------------------------------------------------------


def test_a_target_that_cannot_be_opened_is_undecided(tmp_path: Path) -> None:
    def factory(folder: Path, **_: Any) -> Backend:
        raise RuntimeError("the server is away")

    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=factory))
    assert (report.verdict, report.exit_code, codes(report)) == (
        "indeterminate",
        2,
        ["setup_error"],
    )
    assert "RuntimeError: the server is away" in report.reasons[0].detail
    assert document(report)["verdict"] == "indeterminate"


def test_an_engine_that_does_not_do_what_is_relied_on_is_blamed(tmp_path: Path) -> None:
    bad = "\n@rules('STORE-09')\ndef test_bad():\n    assert False\n"
    on = target(preflight=lambda: ["a transaction is not atomic"])
    report = run_suite(suite(tmp_path, whole=WHOLE + bad), on)
    assert report.verdict == "indeterminate"
    assert report.reasons == (Reason("engine", "a transaction is not atomic"),)


def test_an_engine_that_cannot_be_asked_is_undecided(tmp_path: Path) -> None:
    def away() -> list[str]:
        raise OSError("gone")

    report = run_suite(suite(tmp_path, whole=WHOLE), target(preflight=away))
    assert (report.verdict, codes(report)) == ("indeterminate", ["setup_error"])


def test_a_target_that_claims_an_unknown_profile_is_undecided(tmp_path: Path) -> None:
    def factory(folder: Path, **options: Any) -> Backend:
        backend = open_model(folder)
        backend.profiles = ("core", "everything")
        return backend

    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=factory))
    assert (report.verdict, codes(report)) == ("indeterminate", ["setup_error"])


def claiming(*profiles: str) -> Any:
    def factory(folder: Path, **options: Any) -> Backend:
        backend = open_model(folder)
        backend.profiles = profiles
        return backend

    return factory


def test_a_claim_without_tests_is_undecided(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=claiming("core", "batch")))
    assert (report.verdict, codes(report)) == ("indeterminate", ["no_case"])
    assert [p.verdict for p in report.profiles if p.name == "batch"] == ["indeterminate"]


def test_a_claim_of_nothing_is_undecided(tmp_path: Path) -> None:
    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=claiming()))
    assert (report.verdict, codes(report)) == ("indeterminate", ["setup_error"])
    assert judge(Recording(), ()).verdict == "indeterminate"


def test_a_narrowed_claim_adds_what_it_needs(tmp_path: Path) -> None:
    on = target(factory=claiming("core", "encrypted", "keys"))
    report = run_suite(suite(tmp_path, whole=WHOLE), on, profiles=("core",))
    assert (report.verdict, report.profiles_claimed) == ("conformant", ("core",))
    report = run_suite(suite(tmp_path / "b", whole=WHOLE), on, profiles=("encrypted",))
    assert report.profiles_claimed == ("core", "encrypted")
    assert report.verdict == "indeterminate"


class Raw:
    """Raw access that nobody asks for anything."""

    def get(self, pk: str, sk: str) -> Item | None:
        return None

    def put(self, item: Item) -> None:
        raise NotImplementedError

    def delete(self, pk: str, sk: str) -> None:
        raise NotImplementedError

    def scan(self, dialogue_id: str) -> list[Item]:
        return []


def test_a_backend_without_a_key_provider_claims_no_keys(tmp_path: Path) -> None:
    def factory(folder: Path, **options: Any) -> Backend:
        return Backend(ModelStore(), raw=Raw())

    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=factory))
    assert report.profiles_claimed == ("core", "encrypted")


def test_a_claim_of_keys_without_a_key_provider_is_undecided(tmp_path: Path) -> None:
    def factory(folder: Path, **options: Any) -> Backend:
        return Backend(ModelStore(), raw=Raw(), profiles=("core", "encrypted", "keys"))

    report = run_suite(suite(tmp_path, whole=WHOLE), target(factory=factory))
    assert (report.verdict, codes(report)) == ("indeterminate", ["setup_error"])
    assert "keys=" in report.reasons[0].detail
    narrowed = run_suite(suite(tmp_path, whole=WHOLE), target(factory=factory), profiles=("core",))
    assert narrowed.verdict == "conformant"


@pytest.mark.parametrize("name", ["encrypted", "batch", "nonsense"])
def test_a_profile_that_cannot_be_shown_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        run_suite(suite(tmp_path, whole=WHOLE), profiles=(name,))


def test_an_emulator_is_never_conformant(tmp_path: Path) -> None:
    on = target(engine=Engine("moto", "5", emulated_by="moto"))
    report = run_suite(suite(tmp_path, whole=WHOLE), on)
    assert (report.verdict, report.exit_code) == ("emulated", 0)
    made = document(report)
    assert {"name": "core", "verdict": "pass", "emulated_by": "moto"} in made["profiles"]


def test_an_emulator_can_still_fail(tmp_path: Path) -> None:
    on = target(engine=Engine("moto", "5", emulated_by="moto"))
    bad = "\n@rules('STORE-09')\ndef test_bad():\n    assert False\n"
    assert run_suite(suite(tmp_path, whole=WHOLE + bad), on).verdict == "not_conformant"


def test_on_an_emulator_only_the_first_profiles_are_claimed(tmp_path: Path) -> None:
    on = target(
        factory=claiming("core", "concurrency"),
        engine=Engine("moto", "5", emulated_by="moto"),
    )
    report = run_suite(suite(tmp_path, whole=WHOLE), on)
    assert (report.verdict, report.profiles_claimed) == ("emulated", ("core",))


# -- the report -----------------------------------------------------------------------------------


def test_a_report_that_was_cut_off_cannot_be_read(tmp_path: Path) -> None:
    path = write(run_suite(suite(tmp_path / "suite", whole=WHOLE)), tmp_path)
    whole = path.read_text(encoding="utf-8")
    for length in range(0, len(whole) - 2, 97):
        path.write_text(whole[:length], encoding="utf-8")
        with pytest.raises(ReportError):
            load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"footer": None},
        {"footer": False},
        {"reasons": [{"code": "filtered", "detail": "-k"}]},
        {"profiles": [{"name": "core", "verdict": "fail"}]},
        {"profiles": [{"name": "core", "verdict": "not_claimed"}]},
        {"profiles": [{"name": "core", "verdict": "pass", "emulated_by": "moto"}]},
        {"verdict": "indeterminate"},
        {"verdict": "not_conformant"},
        {"verdict": "fine"},
        {"format_version": 1},
        {"more": 1},
    ],
    ids=str,
)
def test_a_report_whose_verdict_does_not_follow_cannot_be_read(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = write(run_suite(suite(tmp_path / "suite", whole=WHOLE)), tmp_path)
    found = load(path)
    for name, value in change.items():
        found.pop(name, None)
        if value is not None:
            found[name] = value
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(ReportError):
        load(path)


def test_a_requirement_cannot_pass_without_a_case(tmp_path: Path) -> None:
    path = write(run_suite(suite(tmp_path / "suite", whole=WHOLE)), tmp_path)
    found = load(path)
    found["requirements"][0]["cases"] = 0
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(ReportError, match="requirements"):
        load(path)


def test_reasons_are_fit_for_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "c29tZSBzZWNyZXQ"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    body = r"""
    @rules("STORE-09")
    @pytest.mark.parametrize("text", ["\ud800", "\x1b[31m"])
    def test_bad(text):
        import os
        raise ValueError(text + os.environ["AWS_SECRET_ACCESS_KEY"] + "x" * 5000)
    """
    report = run_suite(suite(tmp_path / "suite", whole=WHOLE, bad=body))
    text = write(report, tmp_path).read_text(encoding="utf-8")
    assert secret not in text
    failures = next(r.failures for r in report.requirements if r.id == "STORE-09")
    assert len(failures) == 2
    for failure in failures:
        assert failure.reason.isprintable()
        assert failure.case.isprintable()
        assert failure.reason.endswith("x" * 5000)


def test_clean_keeps_what_can_be_read() -> None:
    assert clean("a  b\n c “ü”") == "a b c “ü”"
    assert clean("\x00\x1b\ud800") == r"\x00\x1b\ud800"


# -- judging, for any recording ---------------------------------------------------------------------

OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(("pass", "fail", "indeterminate"))


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Most rules with a passing case, and a few cases or problems more."""
    rules = [rule for rule in CORE if draw(st.integers(0, 60))]
    cases = [Case(f"t::{rule}", "core", (rule,), "pass") for rule in rules]
    for number in range(draw(st.integers(0, 3))):
        outcome = draw(OUTCOMES)
        code = "skipped" if outcome == "indeterminate" else ""
        rule = draw(st.sampled_from(CORE))
        cases.append(Case(f"t::more{number}", "core", (rule,), outcome, "why", code))
    problems = [Reason("filtered", "-k")] if draw(st.integers(0, 9)) == 0 else []
    return Recording(cases, problems)


@given(recordings(), st.sampled_from([None, "moto"]))
@settings(max_examples=300, deadline=None)
def test_green_only_when_nothing_is_missing(recording: Recording, emulator: str | None) -> None:
    judgement = judge(recording, ("core",), emulated_by=emulator)
    shown = {rule for case in recording.cases for rule in case.rules}
    outcomes = {case.outcome for case in recording.cases}
    if recording.problems:
        expected = "indeterminate"
    elif "fail" in outcomes:
        expected = "not_conformant"
    elif "indeterminate" in outcomes or shown != set(CORE):
        expected = "indeterminate"
    else:
        expected = "emulated" if emulator else "conformant"
    assert judgement.verdict == expected
    assert (not judgement.reasons) == (
        not recording.problems and "indeterminate" not in outcomes and shown == set(CORE)
    )


# -- the register -----------------------------------------------------------------------------------


def test_profiles_expand_ranges_and_families() -> None:
    assert PROFILES["keys"].rules == (
        *("KEY-01", "KEY-02", "KEY-03", "KEY-05", "KEY-06", "KEY-08"),
    )
    assert PROFILES["encrypted"].rules[3:12] == tuple(f"ENV-0{n}" for n in range(1, 10))
    assert len(PROFILES["core"].rules) == 26
    assert with_needs(["keys"]) == ("core", "encrypted", "keys")


@pytest.mark.parametrize("written", ["NONE-*", "STORE-99", "STORE-23..25"])
def test_a_profile_that_names_what_is_not_there_is_refused(written: str) -> None:
    with pytest.raises(SpecError):
        expand([written], RULES)


def test_a_rule_that_stands_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="twice"):
        expand(["A-01", "A-*"], {"A-01": Rule("A-01", "MUST", "…")})


def test_a_case_counts_where_its_rule_is_at_home() -> None:
    assert home_of("STORE-15", "encrypted") == "core"
    assert home_of("KEY-03", "keys") == "keys"
    assert home_of("KEY-08", "encrypted") is None
    assert home_of("STORE-16", "core") == "core"
    assert home_of("STORE-17", "core") is None


# -- liars ------------------------------------------------------------------------------------------


def test_a_liar_must_turn_exactly_its_rules_red(tmp_path: Path) -> None:
    bad = "\n@rules('STORE-09', 'STORE-11')\ndef test_bad():\n    assert False\n"
    folder = suite(tmp_path, whole=WHOLE + bad)

    def made(name: str, *must_fail: str, **also: str) -> Liar:
        allowed = {rule.replace("_", "-"): why for rule, why in also.items()}
        return Liar(name, "Lies.", "core", must_fail, open_model, allowed)

    liars = [
        made("exact", "STORE-09", "STORE-11"),
        made("explained", "STORE-09", STORE_11="the total is part of it"),
        made("too_few", "STORE-09"),
        made("too_many", "STORE-09", "STORE-11", "STORE-10"),
    ]
    results = run_liars(liars, plan=Plan(suite=folder))
    assert [r.killed for r in results] == [True, True, False, False]
    assert results[2].unexpected == ("STORE-11",)
    assert results[3].survived == ("STORE-10",)
    made_json = as_json(results)
    assert made_json["rules"]["STORE-09"] == ["exact", "explained", "too_few", "too_many"]
    assert made_json["rules"]["STORE-10"] == []
    assert made_json["liars"][0] == {
        "name": "exact",
        "lie": "Lies.",
        "profile": "core",
        "must_fail": ["STORE-09", "STORE-11"],
        "also": {},
        "failed": ["STORE-09", "STORE-11"],
        "killed": True,
    }


def test_a_liar_that_nobody_could_try_is_not_caught(tmp_path: Path) -> None:
    def factory(folder: Path, **_: Any) -> Backend:
        raise RuntimeError("broken")

    liar = Liar("broken", "Lies.", "core", ("STORE-09",), factory)
    (result,) = run_liars([liar], plan=Plan(suite=suite(tmp_path, whole=WHOLE)))
    assert (result.killed, result.decided) == (False, False)
