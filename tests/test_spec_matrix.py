"""`conformance spec`: what is proved, what is not, and every way in which it must not say "complete"."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.cli import main as command_line
from conformance.model.store import ModelStore
from conformance.report.matrix_page import as_json, markdown, show_matrix
from conformance.running import matrix as matrices
from conformance.running.matrix import Matrix, assemble, prove
from conformance.running.recorder import CASES_FILE
from conformance.running.runner import SUITE, collect, run_own
from conformance.spec import BUILT, EXCLUDED, OWN_TESTS, PLANNED, PROFILES, RULES, Excluded
from conformance.spec.contract_text import SPEC_FILE
from conformance.spec.register import SpecError, states
from conformance.targets.base import Backend, Target
from conformance.verdict.judge import Case, Reason, Recording, judge
from tests.fake_suites import suite, target

ROOT = Path(__file__).parent.parent
CLAIMED = BUILT

MODULES = sorted(path.name for path in SUITE.glob("test_*.py"))
SOME = ["test_core_order.py", "test_keys_file.py", "test_audit_verify.py"]


def findings(matrix: Matrix) -> list[tuple[str, str]]:
    """Code and first word of each finding."""
    return [(reason.code, re.split(r"[ :]", reason.detail)[0]) for reason in matrix.findings]


def whole() -> list[Case]:
    """A passing case for everything that is not planned."""
    return [
        Case(f"test_{name}.py::test_{rule}", name, (rule,), "pass")
        for name, profile in PROFILES.items()
        for rule in profile.rules
        if (rule, name) not in PLANNED
    ]


def listed(folder: Path) -> Path:
    """Writes down the tests of a fake suite, each file with its functions."""
    found = {
        path.name: re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in folder.glob("test_*.py")
    }
    (folder / CASES_FILE).write_text(json.dumps(found), encoding="utf-8")
    return folder


def copied(tmp_path: Path) -> Path:
    """The suite in a copy of the package, without the project's own tests."""
    package = tmp_path / "conformance"
    shutil.copytree(ROOT / "conformance", package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "vectors").symlink_to(ROOT / "vectors")  # the cases of profile crypto
    return package / "suite"


def in_the_copy(folder: Path, *arguments: str) -> tuple[int, Any]:
    """Runs Python with the copied package; exit code, and what it prints as JSON."""
    root = folder.parent.parent
    path = os.pathsep.join([str(root), str(ROOT)])
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


# -- a suite that is not whole ----------------------------------------------------------------------


@pytest.mark.integration
@pytest.mark.parametrize("name", SOME)
def test_any_module_that_is_deleted_is_missed(tmp_path: Path, name: str) -> None:
    """Red if the list of tests is not looked at, or only rules without any test are found."""
    folder = copied(tmp_path)
    (folder / name).unlink()
    code, made = in_the_copy(folder, "-m", "conformance", "spec", "--json")
    assert (code, made["verdict"], made["ran_on"]) == (1, "incomplete", [])
    told = [f["detail"] for f in made["findings"] if f["code"] == "missing_test"]
    assert f"{name}: the whole file is not there any more" in told
    # Modules that are there are not called missing, unless they cannot be imported without this one.
    importing = {path.name for path in folder.glob("*.py") if name[:-3] in path.read_text()}
    assert {detail.partition(":")[0] for detail in told} == {name} | importing


@pytest.mark.full
@pytest.mark.integration
@pytest.mark.parametrize("name", [name for name in MODULES if name not in SOME])
def test_each_module_that_is_deleted_is_missed(tmp_path: Path, name: str) -> None:
    test_any_module_that_is_deleted_is_missed(tmp_path, name)


def test_no_module_is_off_the_list() -> None:
    """Red if a module could go without being missed: the same for each, without the deleting."""
    on_list = json.loads((SUITE / CASES_FILE).read_text(encoding="utf-8"))
    assert sorted(on_list) == MODULES
    assert all(on_list.values())


COLLECTED = """
import json
from conformance.running.matrix import assemble
from conformance.running.runner import collect
from conformance.spec import BUILT
recording, _ = collect()
assert not recording.problems
matrix = assemble(recording.cases, claimed=BUILT, own=False)
print(json.dumps([[f.code, f.detail.split()[0]] for f in matrix.findings]))
"""


@pytest.mark.integration
def test_modules_deleted_from_the_list_as_well_leave_their_rule_bare(tmp_path: Path) -> None:
    """Red if the register is not asked which rules need a test."""
    folder = copied(tmp_path)
    on_list = json.loads((folder / CASES_FILE).read_text(encoding="utf-8"))
    for name in [name for name in on_list if name.startswith("test_idempotency_")]:
        (folder / name).unlink()
        del on_list[name]
    (folder / CASES_FILE).write_text(json.dumps(on_list), encoding="utf-8")
    assert in_the_copy(folder, "-c", COLLECTED)[1] == [["rule_without_test", "STORE-22"]]


def test_a_suite_without_its_list_is_not_whole(tmp_path: Path) -> None:
    folder = suite(tmp_path / "suite", a="@rules('STORE-09')\ndef test_a():\n    pass\n")
    assert prove(suite=folder, targets=()).findings[0].code == "missing_test"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("def test_b():\n    pass\n", "broken_test"),
        ("@rules('STORE-90')\ndef test_b():\n    pass\n", "collection_error"),
        ("@pytest.mark.rules('STORE-90')\ndef test_b():\n    pass\n", "unknown_rule"),
        ("@rules('KEY-03')\ndef test_b():\n    pass\n", "unknown_rule"),
        ("import no_such_module\ndef test_b():\n    pass\n", "collection_error"),
    ],
    ids=["no rule", "unknown", "unknown, bare mark", "of another profile", "not importable"],
)
def test_a_test_without_a_rule_of_its_own(tmp_path: Path, body: str, code: str) -> None:
    """Red if such a test only leaves the run undecided (2): it is a finding (1)."""
    matrix = prove(suite=listed(suite(tmp_path / "suite", b=body)), targets=())
    assert matrix.exit_code == 1
    assert matrix.findings[0].code == code


def test_a_test_that_is_not_on_the_list(tmp_path: Path) -> None:
    """Red if a test could be added and later lost without anybody noticing."""
    folder = listed(suite(tmp_path / "suite", a="@rules('STORE-09')\ndef test_a():\n    pass\n"))
    suite(folder, b="@rules('STORE-09')\ndef test_b():\n    pass\n")
    assert findings(prove(suite=folder, targets=()))[0] == ("unlisted_test", "test_b.py")


# -- what a run shows -------------------------------------------------------------------------------


def opened_as(**made: Target) -> Any:
    """In place of the command's targets."""

    @contextmanager
    def opened(name: str, options: object) -> Iterator[Target]:
        yield made[name]

    return opened


def claiming(*profiles: str) -> Target:
    return target(factory=lambda folder, **_: Backend(ModelStore(), profiles=profiles))


ALL_OF_CORE = """
@pytest.mark.parametrize("id_", [pytest.param(r, marks=rules(r)) for r in PROFILES["core"].rules])
def test_rule(id_):
    {}
"""


@pytest.fixture
def only_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "BUILT", ("core",))


@pytest.mark.parametrize(
    ("body", "state", "verdict"),
    [
        ("pass", "tested", "complete"),
        ("assert id_ != 'STORE-09'", "missing", "incomplete"),
        ("assert id_ != 'STORE-09' or pytest.skip('later')", "undecided", "indeterminate"),
    ],
    ids=["passes", "fails", "skips"],
)
@pytest.mark.usefixtures("only_core")
def test_a_rule_is_proved_by_what_ran_and_passed(
    tmp_path: Path, body: str, state: str, verdict: str
) -> None:
    """Red if a citation is enough: the case has to run and pass."""
    folder = listed(suite(tmp_path / "suite", whole=ALL_OF_CORE.format(body)))
    matrix = prove(suite=folder, targets=["a"], opened=opened_as(a=claiming("core")))
    (row,) = (row for row in matrix.rows if row.id == "STORE-09")
    others = {r.state for r in matrix.rows if r.profile in ("core", "project") and r is not row}
    assert (row.state, row.cases, row.tests) == (state, 1, ("test_whole.py::test_rule",))
    assert others == {"tested", "planned"}
    # Profiles that this suite does not have, and that no milestone promises, are findings too.
    told = {r.code for r in matrix.findings if r.detail.startswith("STORE-09 ")}
    assert told == ({"rule_not_proved"} if state == "missing" else set())
    narrow = Matrix(
        tuple(r for r in matrix.rows if r.profile == "core"),
        tuple(r for r in matrix.findings if "profile core" in r.detail),
        matrix.undecided,
    )
    assert narrow.verdict == verdict


def test_what_the_first_target_does_not_claim_is_shown_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red if cases of the second target are lost, or those of the first counted twice."""
    monkeypatch.setattr(matrices, "BUILT", ("core", "batch"))
    body = '\npytestmark = profile("batch")\n\n@rules("STORE-13")\ndef test_round():\n    pass\n'
    folder = listed(suite(tmp_path / "suite", whole=ALL_OF_CORE.format("pass"), more=body))
    first, second = claiming("core"), claiming("core", "batch")
    matrix = prove(
        suite=folder, targets=["a", "b", "c"], opened=opened_as(a=first, b=second, c=second)
    )
    assert matrix.ran_on == ("a", "b")
    cases = {row.id: row.cases for row in matrix.rows if row.profile in ("core", "batch")}
    assert set(cases.values()) == {1}
    alone = prove(suite=folder, targets=["a"], opened=opened_as(a=first))
    assert ("rule_without_test", "STORE-13") in findings(alone)


@pytest.mark.full
def test_the_register_and_the_suite_are_complete() -> None:
    """The command itself, as `nox -s spec` runs it."""
    matrix = prove()
    assert (matrix.findings, matrix.undecided, matrix.verdict) == ((), (), "complete")
    assert matrix.ran_on[0] == "memory"


# -- the project's own rules ------------------------------------------------------------------------


def test_the_projects_own_tests_prove_its_rules() -> None:
    recording, _ = run_own([ROOT / name for name in OWN_TESTS], ROOT)
    assert recording.problems == []
    assert {case.outcome for case in recording.cases} == {"pass"}
    proved = {rule for case in recording.cases for rule in case.rules}
    planned = {rule for rule, profile in PLANNED if profile == "project"}
    assert proved | planned == set(PROFILES["project"].rules)
    assert not proved & planned


def test_a_module_of_the_projects_own_that_is_deleted_is_missed(tmp_path: Path) -> None:
    """Red if CONF-01 could lose its tests unseen."""
    (tmp_path / "tests").mkdir()
    folder = listed(suite(tmp_path / "suite", a="@rules('STORE-09')\ndef test_a():\n    pass\n"))
    matrix = prove(suite=folder, root=tmp_path, targets=())
    assert findings(matrix)[0] == ("missing_test", "tests/test_config.py")
    assert ("rule_without_test", "CONF-01") in findings(matrix)


def test_without_a_checkout_the_projects_own_rules_are_undecided(tmp_path: Path) -> None:
    """Red if an installed suite calls them proved, or untested."""
    folder = listed(suite(tmp_path / "suite", a="@rules('STORE-09')\ndef test_a():\n    pass\n"))
    matrix = prove(suite=folder, root=tmp_path / "installed", targets=())
    assert [reason.code for reason in matrix.undecided] == ["no_checkout"]
    assert {row.state for row in matrix.rows if row.id == "CONF-01"} == {"undecided"}
    assert not [name for _, name in findings(matrix) if name.startswith("CONF")]


# -- judging, from cases alone ----------------------------------------------------------------------


def test_everything_proved_or_planned_is_complete() -> None:
    matrix = assemble(whole(), claimed=CLAIMED)
    assert (matrix.verdict, matrix.findings) == ("complete", ())
    assert {row.id for row in matrix.rows} == set(RULES)
    assert {(row.id, row.profile) for row in matrix.rows if row.state == "planned"} == set(PLANNED)
    assert {(row.id, row.profile) for row in matrix.rows} == {
        (rule, name) for name, profile in PROFILES.items() for rule in profile.rules
    }


def test_a_rule_without_a_test_is_found_in_each_of_its_profiles() -> None:
    """Red if a proof in one profile counts for the other (ADDR-10 is held by two)."""
    cases = [case for case in whole() if "ADDR-10" not in case.rules or case.profile != "encrypted"]
    assert findings(assemble(cases, claimed=CLAIMED)) == [("rule_without_test", "ADDR-10")]


def test_a_planned_rule_of_a_claimed_profile_is_an_error() -> None:
    """Red if a plan could outlive the claim."""
    matrix = assemble(whole(), claimed=(*CLAIMED, "graph"))
    assert findings(matrix) == [
        ("planned_and_claimed", rule) for rule in RULES if rule.startswith("GRAPH")
    ]
    assert matrix.exit_code == 1


def test_a_test_of_a_planned_rule_is_an_error() -> None:
    """Red if the register could understate what is there."""
    case = Case("test_kms.py::test_x", "kms", ("KEY-04",), "pass")
    assert findings(assemble([*whole(), case], claimed=CLAIMED)) == [
        ("planned_and_tested", "KEY-04")
    ]


def test_one_failed_case_is_enough() -> None:
    """Red if a rule counts as proved by the cases that did pass."""
    bad = Case("test_x.py::test_y[1]", "core", ("STORE-09",), "fail", "no")
    matrix = assemble([*whole(), bad], claimed=CLAIMED)
    assert findings(matrix) == [("rule_not_proved", "STORE-09")]


def test_parametrised_cases_are_one_test() -> None:
    more = [Case(f"t.py::test_y[{n}]", "core", ("STORE-09",), "pass") for n in range(3)]
    matrix = assemble([*whole(), *more], claimed=CLAIMED)
    (row,) = (row for row in matrix.rows if row.id == "STORE-09")
    assert (len(row.tests), row.cases) == (2, 4)


# -- planned and excluded rules in a verdict --------------------------------------------------------


def test_a_claim_of_a_planned_profile_is_undecided_and_says_when() -> None:
    cases = [case for case in whole() if case.profile == "core"]
    judgement = judge(Recording(cases), ("core", "graph"))
    assert judgement.verdict == "indeterminate"
    assert {reason.code for reason in judgement.reasons} == {"no_case"}
    assert all("planned for M8" in reason.detail for reason in judgement.reasons)


def test_an_excluded_rule_counts_neither_for_nor_against(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red if it passes without a case, or keeps its profile from passing."""
    place = ("STORE-09", "core")
    monkeypatch.setitem(cast(dict[Any, Any], EXCLUDED), place, Excluded(*place, "why", 6))
    cases = [case for case in whole() if case.profile == "core" and "STORE-09" not in case.rules]
    judgement = judge(Recording(cases), ("core",))
    assert judgement.verdict == "conformant"
    assert [r.verdict for r in judgement.requirements if r.id == "STORE-09"] == ["not_applicable"]
    (row,) = (r for r in assemble(cases, claimed=()).rows if r.id == "STORE-09")
    assert (row.state, row.due) == ("excluded", "decision 6")


def test_a_profile_of_nothing_but_excluded_rules_does_not_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = ("STORE-13", "batch")
    monkeypatch.setitem(cast(dict[Any, Any], EXCLUDED), place, Excluded(*place, "why", 6))
    cases = [case for case in whole() if case.profile == "core"]
    assert judge(Recording(cases), ("core", "batch")).verdict == "indeterminate"


# -- the register -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"profile": "nowhere", "milestone": "M5", "reason": "x"}, "planned"),
        ({"profile": "graph", "milestone": "M5", "reason": " "}, "planned"),
        ({"profile": "graph", "milestone": "soon", "reason": "x"}, "planned"),
        ({"profile": "graph", "reason": "x"}, "planned"),
        ({"profile": "graph", "rules": ["KEY-01"], "milestone": "M5", "reason": "x"}, "planned"),
        ({"profile": "graph", "rules": ["GRAPH-99"], "milestone": "M5", "reason": "x"}, "planned"),
        ({"profile": "graph", "reason": "x"}, "excluded"),
        ({"profile": "graph", "reason": "x", "adr": 0}, "excluded"),
        ({"profile": "kms", "reason": "x", "adr": 6}, "excluded"),
    ],
    ids=[
        *("profile", "reason", "milestone", "no milestone", "another's rule", "unknown rule"),
        *("no decision", "decision 0", "planned as well"),
    ],
)
def test_what_the_register_cannot_place_is_refused(entry: dict[str, Any], kind: str) -> None:
    planned: list[dict[str, Any]] = [{"profile": "kms", "milestone": "M6", "reason": "x"}]
    written = {"planned": planned, "excluded": []}
    states(written, RULES, PROFILES)
    written[kind] = [*written[kind], entry]
    with pytest.raises(SpecError):
        states(written, RULES, PROFILES)


def test_every_exclusion_names_a_decision_that_is_there() -> None:
    for excluded in EXCLUDED.values():
        assert list((ROOT / "docs" / "adr").glob(f"{excluded.adr:04d}-*.md")), excluded


def test_nothing_that_has_tests_is_planned() -> None:
    assert not [place for place in PLANNED if place[1] in BUILT]


def test_sentences_are_our_own() -> None:
    """Each rule once, in a sentence that is not copied from the contract."""
    contract = " ".join((ROOT / SPEC_FILE).read_text(encoding="utf-8").split())
    for rule in RULES.values():
        assert rule.level in ("MUST", "SHOULD", "MAY")
        assert len(rule.text) > 30
        assert rule.text.endswith(".")
        assert rule.text not in contract, rule.id


# -- the command, its forms, and the page -----------------------------------------------------------


def test_the_page_is_that_of_the_suite() -> None:
    """Red if a rule is proved by other modules than docs/rules.md says."""
    cases = [replace(case, outcome="pass") for case in collect()[0].cases]
    own, _ = run_own([ROOT / name for name in OWN_TESTS], ROOT)
    made = markdown(assemble([*own.cases, *cases], claimed=CLAIMED))
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert page == made, "write it again: nox -s spec -- --markdown docs/rules.md"


def test_json_says_the_same() -> None:
    made = as_json(assemble(whole(), claimed=CLAIMED))
    first = made["rules"][0]
    assert (first["id"], first["level"], first["profile"]) == ("ADDR-01", "MUST", "core")
    assert (first["state"], first["cases"], first["spec_revision"]) == ("tested", 1, 2)
    assert made["counts"]["planned"] == len(PLANNED)
    assert (made["verdict"], made["findings"], made["footer"]) == ("complete", [], True)
    assert json.loads(json.dumps(made)) == made


COMPLETE = assemble(whole(), claimed=CLAIMED)


@pytest.mark.parametrize(
    ("matrix", "code", "says"),
    [
        (COMPLETE, 0, "complete: "),
        (replace(COMPLETE, findings=(Reason("missing_test", "x"),)), 1, "incomplete: 1 finding"),
        (replace(COMPLETE, undecided=(Reason("no_checkout", "x"),)), 2, "indeterminate: "),
        (
            replace(COMPLETE, findings=(Reason("a", "x"),), undecided=(Reason("b", "y"),)),
            1,
            "incomplete: ",
        ),
    ],
    ids=["complete", "incomplete", "undecided", "both"],
)
def test_the_commands_exit_code_and_last_line(
    matrix: Matrix,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Red if a gap ends with 0, or if a page is written of a matrix with gaps."""
    monkeypatch.setattr(matrices, "prove", lambda **_: matrix)
    page = tmp_path / "rules.md"
    arguments = ["conformance", "spec", "--json", "--markdown", str(page)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    out, err = capsys.readouterr()
    assert ended.value.code == code
    assert json.loads(out)["verdict"] == matrix.verdict
    assert [line for line in err.splitlines() if line.startswith(says)]
    assert page.exists() == (code == 0)
    if page.exists():
        assert all(rule in page.read_text(encoding="utf-8") for rule in RULES)


def test_wrong_usage_of_the_command_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["conformance", "spec", "--no-such-option"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 3


def test_the_table_names_every_rule_and_why_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    show_matrix(Console(width=200), COMPLETE)
    out = capsys.readouterr().out
    table = [line.split() for line in out.splitlines()]
    assert ["ADDR-01", "MUST", "core", "1", "1", "tested"] in table
    assert ["MIG-05", "MUST", "project", "0", "0", "planned", "M7"] in table
    for place, planned in PLANNED.items():
        assert planned.reason in out, place
