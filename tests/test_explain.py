"""`conformance explain`: a rule in full, what it needs of the tables, what shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conformance.cli import main as command_line
from conformance.report.contract_tables import Part
from conformance.report.explain import UnknownNameError, explain, find, show_explanation, show_part
from conformance.report.terminal import show
from conformance.running.recorder import CASES_FILE
from conformance.running.runner import SUITE
from conformance.spec import RULES
from conformance.spec.contract_text import contract_text
from tests.fake_suites import run_suite, suite

ROOT = Path(__file__).parent.parent


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["conformance", "explain", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_rule_is_printed_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Red if a line of the text, a group or what shows the rule is left out."""
    monkeypatch.setenv("COLUMNS", "100")
    assert ran(monkeypatch, "STORE-14") == 0
    out = capsys.readouterr().out
    assert out.startswith("STORE-14 MUST, core\n")
    assert words(contract_text().rules["STORE-14"]) in words(out)
    assert "\n  0  store_closed\n" in out
    assert "\n  4  type_id_mismatch\n" in out
    assert "test_core_validation.py::test_the_groups_of_a_ref\n" in out
    assert "of every method: invalid_identifier, missing_field" in out
    assert max(map(len, out.splitlines())) <= 100
    assert "\n    findings_without_place: " in out
    assert "\n    vectors/graph/dialogue-json.json: " in out


def test_every_rule_can_be_explained() -> None:
    """Red if a rule's parts are gone, or its text is not in the contract."""
    for rule in RULES:
        explained = explain(rule)
        assert explained.text == contract_text().rules[rule]
        assert explained.profiles
        shown = explained.tests or explained.vectors or explained.planned
        assert shown or "project" in explained.profiles, f"nothing shows {rule}"


def test_the_tests_are_those_that_cite_the_rule() -> None:
    """By the list of tests and by the sources: one file, looked at by hand."""
    listed = json.loads((SUITE / CASES_FILE).read_text(encoding="utf-8"))
    source = (SUITE / "test_core_order.py").read_text(encoding="utf-8")
    assert '@rules("STORE-05")' in source
    cited = [name for name, rules in listed["test_core_order.py"].items() if "STORE-05" in rules]
    assert list(explain("STORE-05").tests["test_core_order.py"]) == cited
    assert "test_core_order.py" not in explain("KEY-01").tests


def test_the_liars_are_those_that_declare_the_rule() -> None:
    liars = explain("STORE-08").liars
    assert liars["updates_without_event"].startswith("A change of a tension's status")
    assert "updates_without_event" not in explain("KEY-06").liars


def test_vectors_are_counted_by_file() -> None:
    manifest = json.loads((ROOT / "vectors" / "MANIFEST.json").read_text(encoding="utf-8"))
    for rule in ("ADDR-07", "ENV-06", "STORE-14"):
        assert sum(explain(rule).vectors.values()) == manifest["rules"][rule]
    assert explain("ADDR-07").vectors["timestamp/timestamp.json"] > 50
    assert "graph/numbers.json" not in explain("ADDR-07").vectors
    assert "aad-hash-changed" in explain("ENV-03").faults
    assert explain("STORE-20").vectors == {}


def test_a_rule_that_nothing_shows_yet_says_why() -> None:
    assert explain("KEY-04").planned["kms"].startswith("M")


@pytest.mark.parametrize("name", ["STORE-09", "store-09", "store-9", "STORE9"])
def test_a_rule_has_near_spellings(name: str) -> None:
    assert find(name) == "STORE-09"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("STORE-99", "STORE-09"),
        ("STOR-14", "STORE-14"),
        ("register_roun", "register_round"),
        ("STORE", "conformance rules STORE"),
        ("zzzzzz", "conformance rules"),
    ],
)
def test_an_unknown_name_is_wrong_usage_and_hears_of_near_ones(
    name: str,
    near: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UnknownNameError):
        find(name)
    assert ran(monkeypatch, "STORE-01", name) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert near in words(err)


def test_no_name_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch) == 3


def test_a_method_and_an_entity_type_have_their_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert ran(monkeypatch, "register_move", "tension") == 0
    out = capsys.readouterr().out
    assert "profile: core" in out
    assert "move_type" in out
    assert "sort key: tension#{round:02d}#{seq:02d}" in out
    assert "reopened → addressed, resolved" in words(out)


def test_json_says_the_same_on_a_line_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, "--json", "STORE-14", "tension") == 0
    rule, part = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert rule["id"] == "STORE-14"
    assert rule["text"] == contract_text().rules["STORE-14"]
    assert len(rule["groups"]) == 8
    assert [table["name"] for table in rule["tables"]] == ["errors"]
    assert "test_the_groups_of_a_ref" in rule["tests"]["test_core_validation.py"]
    assert part["facts"]["display letter"] == "T"
    names: list[Any] = [row["field"] for row in part["rows"]]
    assert names[:3] == ["round", "seq", "status"]


def test_help_teaches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(monkeypatch, "--help") == 0
    out = capsys.readouterr().out
    assert "conformance explain store-9 STORE-11" in out
    assert "Exit code 3" in words(out)


@pytest.mark.integration
def test_a_reader_that_has_enough_hears_no_traceback() -> None:
    """Red if `conformance explain … | head -1` ends in one."""
    command = f"{sys.executable} -m conformance explain STORE-14 ENV-06 | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("STORE-14 MUST, core\n", "")


def test_a_failure_names_the_command_once_for_each_rule(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09", "STORE-11")
    def test_first():
        assert 1 == 2

    @rules("STORE-09")
    def test_second():
        assert 1 == 2
    """
    report = run_suite(suite(tmp_path, failing=body))
    console = Console(width=120, record=True, file=StringIO())
    show(console, report, None)
    lines = [line.strip() for line in console.export_text().splitlines()]
    named = [line for line in lines if "conformance explain" in line]
    assert named == ["what the rule says: conformance explain STORE-09 STORE-11"]


def test_a_part_is_shown_without_the_columns_that_hold_nothing() -> None:
    part = Part("x", "`x`", (("note", "n"),), ("a", "b"), (("1", ""), ("2", "")))
    console = Console(width=80, record=True, file=StringIO())
    show_part(console, part)
    assert console.export_text().split() == ["x", "note:", "n", "a", "1", "2"]
    show_explanation(console, explain("KEY-04"))
    assert "planned for M" in console.export_text()
