"""Expected failures and filters: what they may change of a verdict, and what they must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.report.json_form import ReportError, document, load
from conformance.running.recorder import clean
from conformance.running.selection import Selection
from conformance.verdict.expected import ListError, made_from, read, weigh, write
from conformance.verdict.judge import Case, ExpectedFailure, Outcome, Report
from tests.fake_suites import WHOLE, codes, run_suite, suite
from tests.test_cli_conformance import BAD, Cli, cli, small

__all__ = ["cli", "small"]  # fixtures

TODAY = datetime.now(UTC).date()
NEVER = date(9999, 12, 31)
BAD_ID = "test_whole.py::test_bad"
WORSE = "\n@rules('STORE-11')\ndef test_worse():\n    assert False, 'wrong sum'\n"
BROKEN = """
@pytest.fixture
def broken():
    raise RuntimeError("no storage")

@rules('STORE-11')
def test_broken(broken):
    pass
"""


def entry(id_: str = BAD_ID, **changes: Any) -> ExpectedFailure:
    given: dict[str, Any] = {"reason": "known", "link": "https://example.org/1", "expiry": NEVER}
    return ExpectedFailure(id_, **{**given, **changes})


def judged(tmp_path: Path, body: str, *entries: ExpectedFailure, **options: Any) -> Report:
    return run_suite(suite(tmp_path / "suite", whole=WHOLE + body), expected=entries, **options)


# -- the verdict ------------------------------------------------------------------------------------


def test_an_expected_failure_is_no_news_and_no_conformance(tmp_path: Path) -> None:
    """Red if a list can turn a verdict green, or if the rule is not red any more."""
    report = judged(tmp_path, BAD, entry())
    assert (report.verdict, report.exit_code) == ("not_conformant", 0)
    assert report.failed_rules == ("STORE-09",)
    assert report.expected == (entry(),)
    assert report.reasons == ()
    made = document(report)
    assert (made["verdict"], made["exit_code"]) == ("not_conformant", 0)
    assert made["expected_failures"] == [
        {
            "id": BAD_ID,
            "reason": "known",
            "link": "https://example.org/1",
            "expiry": "9999-12-31",
        }
    ]


def test_one_failure_that_nobody_expected_is_news(tmp_path: Path) -> None:
    """Red if one expected failure excuses the others."""
    report = judged(tmp_path, BAD + WORSE, entry())
    assert (report.verdict, report.exit_code) == ("not_conformant", 1)
    assert report.failed_rules == ("STORE-09", "STORE-11")


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        (entry("test_whole.py::test_bda"), "expected_unknown"),
        (entry("test_whole.py"), "expected_unknown"),
        (entry("test_whole.py::test_rule"), "expected_unknown"),
        (entry("STORE-09"), "expected_unknown"),
        (entry("test_whole.py::test_rule[ADDR-01]"), "expected_passed"),
        (entry(expiry=TODAY - timedelta(days=2)), "expected_expired"),
    ],
    ids=["typing error", "module", "function", "rule", "passes", "past its date"],
)
def test_an_entry_that_is_not_right_is_an_error(
    tmp_path: Path, listed: ExpectedFailure, code: str
) -> None:
    """Red if a list may say what is not so: with or without other entries that are right."""
    alone = judged(tmp_path, BAD, listed)
    beside = alone if listed.id == BAD_ID else judged(tmp_path, BAD, entry(), listed)
    for report in (alone, beside):
        assert (report.verdict, report.exit_code, codes(report)) == ("indeterminate", 2, [code])
        assert listed.id in report.reasons[0].detail


def test_a_list_is_no_way_from_a_pass_to_another_verdict(tmp_path: Path) -> None:
    report = judged(tmp_path, "")
    assert (report.verdict, report.exit_code, report.expected) == ("conformant", 0, ())


def test_a_set_up_error_is_not_excused(tmp_path: Path) -> None:
    """Red if a broken fixture counts as the failure that was expected."""
    listed = entry("test_whole.py::test_broken")
    report = judged(tmp_path, BROKEN, listed)
    assert (report.verdict, report.exit_code, codes(report)) == (
        "indeterminate",
        2,
        ["setup_error"],
    )
    beside = judged(tmp_path, BAD + BROKEN, entry(), listed)
    assert beside.exit_code == 1
    assert beside.expected == (entry(),)


def test_an_expected_failure_on_an_emulator(tmp_path: Path) -> None:
    from conformance.targets.base import Engine
    from tests.fake_suites import target

    emulator = target(engine=Engine("moto", emulated_by="moto"))
    report = judged(tmp_path, BAD, entry(), on=emulator)
    assert (report.verdict, report.exit_code) == ("not_conformant", 0)


@pytest.mark.parametrize(("days", "held"), [(-1, False), (0, True), (1, True)])
def test_an_entry_holds_on_its_last_day(days: int, held: bool) -> None:
    case = Case(BAD_ID, "core", ("STORE-09",), "fail", "no")
    met, wrong = weigh([entry(expiry=TODAY + timedelta(days=days))], [case], TODAY)
    assert (bool(met), [reason.code for reason in wrong]) == (
        held,
        [] if held else ["expected_expired"],
    )


def test_an_old_entry_is_an_error_whatever_its_case_did() -> None:
    """Red if an entry past its date is forgotten because its case was filtered away."""
    for cases in ([], [Case(BAD_ID, "core", (), "indeterminate", "not run", "deselected")]):
        _, wrong = weigh([entry(expiry=TODAY - timedelta(days=1))], cases, TODAY)
        assert [reason.code for reason in wrong] == ["expected_expired"]


@given(st.lists(st.sampled_from(("pass", "fail", "indeterminate")), max_size=6), st.data())
def test_only_failures_are_met(outcomes: list[Outcome], data: st.DataObject) -> None:
    cases = [Case(f"t::{n}", "core", ("STORE-09",), o, "x") for n, o in enumerate(outcomes)]
    named = data.draw(st.sets(st.sampled_from([c.id for c in cases] or ["t::x"])))
    met, wrong = weigh([entry(id_) for id_ in named], cases, TODAY)
    failed = {case.id for case in cases if case.outcome == "fail"}
    assert {e.id for e in met} == named & failed
    passed = {case.id for case in cases if case.outcome == "pass"}
    assert len(wrong) == len(named & passed)


# -- report.json ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"exit_code": 0},
        {"verdict": "conformant", "exit_code": 0},
        {"exit_code": 2},
        {"exit_code": 0, "expected_failures": [], "reasons": []},
        {"expected_failures": [{"id": "x", "reason": "y", "link": ""}]},
    ],
    ids=["0 without a list", "green", "undecided", "0 with an empty list", "no expiry"],
)
def test_a_report_cannot_excuse_more_than_is_listed(tmp_path: Path, change: Any) -> None:
    """Red if the schema lets a changed report pass for one that the run could have made."""
    made = {**document(judged(tmp_path, BAD)), **change}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(ReportError):
        load(path)


# -- the file ---------------------------------------------------------------------------------------

GOOD = 'id = "a"\nreason = "b"\nlink = "https://example.org"\nexpiry = 2027-01-31\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[expected]\n", "cannot be read"),
        (f"[[expectd]]\n{GOOD}", "nothing but"),
        (f"[expected]\n{GOOD}", "nothing but"),
        ('expected = ["a"]\n', "entry 1"),
        (f'[[expected]]\n{GOOD}case = "a"\n', "exactly the fields"),
        (f"[[expected]]\n{GOOD.replace('reason', 'why')}", "exactly the fields"),
        (f"[[expected]]\n{GOOD.replace(chr(34) + 'b', chr(34) + ' ')}", "not empty"),
        (f"[[expected]]\n{GOOD.replace('https://example.org', 'see tracker')}", "link"),
        (f"[[expected]]\n{GOOD.replace('2027-01-31', '2027-01-31T10:00:00Z')}", "expiry"),
        (f"[[expected]]\n{GOOD.replace('2027-01-31', '20')}", "expiry"),
        (f"[[expected]]\n{GOOD.replace('2027-01-31', chr(34) + 'never' + chr(34))}", "expiry"),
        (f"[[expected]]\n{GOOD}[[expected]]\n{GOOD}", "twice"),
    ],
    ids=[
        *("no TOML", "misspelt", "a table", "a text", "more", "misspelt field", "empty reason"),
        *("no address", "a time", "a number", "no date", "twice"),
    ],
)
def test_a_file_that_is_no_list_is_wrong_usage(
    cli: Cli, tmp_path: Path, text: str, says: str
) -> None:
    """Red if a misspelt list is taken for an empty one."""
    (tmp_path / "known.toml").write_text(text, encoding="utf-8")
    code, _, err = cli("run", "--target", "model", "--expected-failures", "known.toml")
    assert code == 3
    assert "known.toml" in err
    assert says in err
    assert not (tmp_path / "build").exists()


def test_a_file_that_is_not_there_is_wrong_usage(cli: Cli) -> None:
    assert cli("run", "--target", "model", "--expected-failures", "none.toml")[0] == 3


@pytest.mark.parametrize("option", ["--expected-failures", "--write-expected-failures"])
def test_a_list_is_for_one_target(cli: Cli, tmp_path: Path, option: str) -> None:
    (tmp_path / "known.toml").write_text("", encoding="utf-8")
    code, _, err = cli("run", option, "known.toml")
    assert code == 3
    assert "one target" in err


TEXTS = st.text(min_size=1).map(lambda text: clean(text) or "x").filter(str.strip)


@given(st.dictionaries(TEXTS, st.tuples(TEXTS, st.dates()), max_size=4))
def test_what_is_written_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, made: dict[str, tuple[str, date]]
) -> None:
    """Red for any id or reason whose text is no TOML as it stands."""
    entries = [entry(id_, reason=reason, expiry=day) for id_, (reason, day) in made.items()]
    path = tmp_path_factory.mktemp("list") / "known.toml"
    write(path, entries)
    assert list(read(path)) == entries


# -- the command ------------------------------------------------------------------------------------


def core(*arguments: str) -> tuple[str, ...]:
    return ("run", "--target", "memory", "--profile", "core", "--report", "out", *arguments)


Small = Callable[[str], None]


def test_a_list_is_made_and_used(cli: Cli, small: Small) -> None:
    """Red if a list from a run does not fit the next one."""
    small(WHOLE + BAD + WORSE)
    code, out, _ = cli(*core("--write-expected-failures", "known.toml"))
    assert code == 1
    assert "known.toml: expected failures: 2" in out
    written = read(Path("known.toml"))
    assert [e.id for e in written] == [BAD_ID, "test_whole.py::test_worse"]
    assert {e.expiry for e in written} == {TODAY + timedelta(days=30)}
    assert "wrong total" in written[0].reason

    code, out, _ = cli(*core("--expected-failures", "known.toml"))
    last = out.splitlines()[-1]
    assert code == 0
    assert last.startswith("not_conformant, as expected: memory on memory")
    assert "STORE-09, STORE-11" in last
    assert "2 expected failures, nothing new (exit code 0)" in last
    assert "no link says" in out
    report = load(Path("out") / "report.json")
    assert (report["verdict"], report["exit_code"]) == ("not_conformant", 0)
    assert len(report["expected_failures"]) == 2

    small(WHOLE + WORSE)
    code, out, _ = cli(*core("--expected-failures", "known.toml"))
    assert code == 2
    assert f"expected_unknown: {BAD_ID}" in out
    assert out.splitlines()[-1].startswith("indeterminate: ")


def test_writing_again_keeps_what_people_wrote(cli: Cli, small: Small) -> None:
    """Red if writing renews a date, loses a reason, or keeps what passes."""
    small(WHOLE + BAD + WORSE)
    mine = entry(expiry=TODAY - timedelta(days=3))
    write(Path("known.toml"), [mine, entry("test_whole.py::test_rule[ADDR-01]")])
    lists = ("--expected-failures", "known.toml", "--write-expected-failures", "known.toml")
    code, _, _ = cli(*core(*lists))
    assert code == 2
    found = read(Path("known.toml"))
    assert [e.id for e in found] == [BAD_ID, "test_whole.py::test_worse"]
    assert found[0] == mine


@pytest.mark.parametrize(
    ("body", "more"),
    [(BAD + BROKEN, ()), (BAD, ("--rule", "STORE-09")), (BAD, ("-k", "bad"))],
    ids=["set-up error", "rule", "-k"],
)
def test_no_list_is_made_of_what_is_undecided(
    cli: Cli, small: Small, body: str, more: tuple[str, ...]
) -> None:
    """Red if a set-up error, or what a filter left out, can be written off."""
    small(WHOLE + body)
    code, _, err = cli(*core("--write-expected-failures", "known.toml", *more))
    assert code == 2
    assert "not decided" in err
    assert not Path("known.toml").exists()


def test_a_run_without_failures_makes_an_empty_list(cli: Cli, small: Small) -> None:
    small(WHOLE)
    assert cli(*core("--write-expected-failures", "known.toml"))[0] == 0
    assert read(Path("known.toml")) == ()
    code, out, _ = cli(*core("--expected-failures", "known.toml"))
    assert (code, out.splitlines()[-1].partition(":")[0]) == (0, "conformant")


def test_no_list_is_made_of_a_run_that_was_stopped(tmp_path: Path) -> None:
    report = judged(
        tmp_path, "\n@rules('STORE-09')\ndef test_stop():\n    raise KeyboardInterrupt\n"
    )
    with pytest.raises(ListError):
        made_from(report, (), TODAY)


# -- filters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [BAD, WORSE, ""], ids=["red", "red elsewhere", "green"])
def test_a_run_of_one_rule_decides_nothing(tmp_path: Path, body: str) -> None:
    """Red if a filtered run is green, or red: it is neither."""
    report = judged(tmp_path, body, selection=Selection(rules=("STORE-09",)))
    assert (report.verdict, report.exit_code) == ("indeterminate", 2)
    assert codes(report)[0] == "filtered"
    assert report.failed_rules == (("STORE-09",) if body == BAD else ())


def test_several_rules_are_run_and_no_others(cli: Cli, small: Small) -> None:
    small(WHOLE + BAD)
    code, out, _ = cli(*core("--rule", "STORE-09", "--rule", "STORE-11"))
    assert code == 2
    assert "26 rules of 1 profile (core), 3 cases" in out
    assert "filtered" in out.splitlines()[-1]
    report = load(Path("out") / "report.json")
    assert report["reasons"][0]["code"] == "filtered"
    assert "STORE-09 STORE-11" in report["reasons"][0]["detail"]


@pytest.mark.parametrize(
    ("rule", "says"), [("STORE-99", "no rule"), ("store-09", "no rule"), ("KEY-04", "no test yet")]
)
def test_a_rule_that_cannot_be_run_is_wrong_usage(cli: Cli, rule: str, says: str) -> None:
    """Red if a misspelt rule gives an empty run."""
    code, _, err = cli(*core("--rule", rule))
    assert code == 3
    assert says in err
    assert rule in err


def test_only_what_failed_is_run_again(cli: Cli, small: Small) -> None:
    """Red if the filter leaves out what failed, runs what passed, or loses the seed."""
    small(WHOLE + BAD + WORSE)
    assert cli(*core("--seed", "77"))[0] == 1
    small(WHOLE + WORSE + BAD.replace("assert False, 'wrong total'", "pass"))
    code, out, _ = cli(*core("--only-failing"))
    assert code == 2
    assert "2 cases; seed 77," in out
    report = load(Path("out") / "report.json")
    assert (report["verdict"], report["seed"]) == ("indeterminate", 77)
    failed = {f["case"] for r in report["requirements"] for f in r["failures"]}
    assert BAD_ID not in failed
    assert "test_whole.py::test_worse" in failed
    code, out, _ = cli(*core("--only-failing", "--seed", "78"))
    assert code == 2
    assert "1 case; seed 78," in out


def test_when_nothing_failed_nothing_is_run_again(cli: Cli, small: Small) -> None:
    """Red if that ends with 0, or takes the report away."""
    small(WHOLE)
    assert cli(*core())[0] == 0
    code, _, err = cli(*core("--only-failing"))
    assert code == 2
    assert "nothing to run again" in err
    assert load(Path("out") / "report.json")["verdict"] == "conformant"


def test_without_a_last_report_nothing_can_be_run_again(cli: Cli, small: Small) -> None:
    """Red if another target's report is taken, or none."""
    small(WHOLE + BAD)
    code, _, err = cli(*core("--only-failing"))
    assert code == 3
    assert "report" in err
    assert cli(*core())[0] == 1
    code, _, err = cli("run", "--target", "model", "--report", "out", "--only-failing")
    assert code == 3
    assert "target memory, not model" in err


def test_what_failed_last_time_and_is_gone_is_named(tmp_path: Path) -> None:
    report = judged(tmp_path, "", selection=Selection(cases=frozenset({BAD_ID})))
    assert report.verdict == "indeterminate"
    assert any(BAD_ID in reason.detail for reason in report.reasons)


COUNTED = """
@rules('STORE-09')
def test_{0}():
    import pathlib
    pathlib.Path({1!r}).joinpath("{0}").touch()
    assert {2}
"""


def test_the_first_failure_ends_the_run(tmp_path: Path) -> None:
    """Red if later cases run, or if what was left out is not said."""
    ran = tmp_path / "ran"
    ran.mkdir()
    body = "".join(
        COUNTED.format(name, str(ran), good) for name, good in (("a", 1), ("b", 0), ("c", 1))
    )
    fast = Selection(fail_fast=True)
    report = judged(tmp_path, body, selection=fast)
    assert sorted(path.name for path in ran.iterdir()) == ["a", "b"]
    assert (report.verdict, report.exit_code) == ("indeterminate", 2)
    assert codes(report)[0] == "filtered"
    assert report.failed_rules == ("STORE-09",)


def test_an_expected_failure_does_not_end_the_run(tmp_path: Path) -> None:
    """Red if --fail-fast and a list cannot be used together."""
    report = judged(tmp_path, BAD + WHOLE.replace("_rule", "_more"), entry(), selection=FAST)
    assert (report.verdict, report.exit_code) == ("not_conformant", 0)
    broken = judged(tmp_path, BROKEN + WHOLE.replace("_rule", "_more"), selection=FAST)
    assert (broken.verdict, codes(broken)[0]) == ("indeterminate", "filtered")


FAST = Selection(fail_fast=True)


@pytest.mark.parametrize(
    ("body", "verdict"), [("", "conformant"), (BAD, "not_conformant")], ids=["none", "the last"]
)
def test_what_left_nothing_out_was_no_filter(tmp_path: Path, body: str, verdict: str) -> None:
    assert judged(tmp_path, body, selection=FAST).verdict == verdict
