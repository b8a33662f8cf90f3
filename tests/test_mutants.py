"""The faults that `nox -s mutants` puts in: where they may be, and what the source is with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dev.mutants.campaign import AREAS, Outcome, Searcher, drawn, kept_outcomes, note
from dev.mutants.changes import changes_of, with_change

PROJECT = Path(__file__).parent.parent

SOURCE = '''\
"""A docstring, 1 < 2."""

__all__ = ["found"]


@decorated(first=True)
def found(größe: "int | None", others: list[int]) -> bool:
    """Not 3 > 2 either."""
    # ä comment stays
    if größe is None or not others:
        raise ValueError(f"{1 + 1}")
    return others[0] < größe
'''


def _lines() -> list[tuple[int, str]]:
    """Line and text of what each change gives, at the line itself."""
    return [
        (change.line, with_change(SOURCE, change).splitlines()[change.line - 1].strip())
        for change in changes_of(SOURCE)
    ]


def test_each_kind_of_fault_is_put_where_it_belongs() -> None:
    assert sorted(_lines()) == sorted(
        [
            (10, "if (not (größe is None or not others)):"),
            (10, "if (größe is None and (not others)):"),
            (10, "if (not others):"),
            (10, "if (größe is None):"),
            (10, "if (größe is not None) or not others:"),
            (10, "if größe is None or (others):"),
            (11, "pass"),
            (12, "return None"),
            (12, "return (others[0] <= größe)"),
            (12, "return others[1] < größe"),
        ]
    )


def test_everything_else_stays_byte_for_byte() -> None:
    for change in changes_of(SOURCE):
        changed = with_change(SOURCE, change).encode()
        assert changed.startswith(SOURCE.encode()[: change.start])
        assert changed.endswith(SOURCE.encode()[change.end :])
        assert changed != SOURCE.encode()


def test_a_change_that_is_no_source_any_more_is_refused() -> None:
    change = changes_of("x = 1 < 2\n")[0]
    with pytest.raises(SyntaxError):
        with_change("x = = = 2\n", change)


def test_faults_are_drawn_from_every_area_alike_and_by_the_seed() -> None:
    faults = drawn(PROJECT, 1, 20)
    inside = [fault.path.removeprefix("reference_impl/") for fault in faults]
    areas = [next(area for area in AREAS if path.startswith(f"{area}/")) for path in inside]
    assert {area: areas.count(area) for area in AREAS} == dict.fromkeys(AREAS, 4)
    assert faults == drawn(PROJECT, 1, 20)
    assert faults != drawn(PROJECT, 2, 20)


def test_outcomes_are_kept_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    assert kept_outcomes(path) == {}
    for number in (1, 2):
        note(path, Outcome(f"fault {number}", "suite", 1.5))
    assert kept_outcomes(path)["fault 2"] == Outcome("fault 2", "suite", 1.5)
    assert list(kept_outcomes(path)) == ["fault 1", "fault 2"]


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in drawn(PROJECT, 1, 10_000)]
    assert len(names) > 1000
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("suite", "tests", "found_by"),
    [
        ((2, "fail"), 0, ["suite", "survived"]),
        ((2, "unsupported"), 0, ["suite", "survived"]),
        ((0, "pass"), 1, ["unseen", "tests"]),
        ((2, "indeterminate"), 5, ["unseen", "survived"]),
        ((2, None), 0, ["unseen", "survived"]),
    ],
)
def test_only_a_failure_finds_a_fault(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suite: tuple[int, str | None],
    tests: int,
    found_by: list[str],
) -> None:
    """A suite that cannot be set up, and tests that are not there, have found nothing; nor does a report of
    the run before tell anything."""
    fault = drawn(PROJECT, 1, 1)[0]
    (tmp_path / fault.path).parent.mkdir(parents=True)
    source = (PROJECT / fault.path).read_text(encoding="utf-8")
    (tmp_path / fault.path).write_text(source, encoding="utf-8")
    folder = tmp_path / "build" / "mutants-suite"
    folder.mkdir(parents=True)
    old = json.dumps({"requirements": [{"verdict": "fail"}]})
    (folder / "report.json").write_text(old, encoding="utf-8")
    ended, verdict = suite
    new = json.dumps({"requirements": [{"verdict": "pass"}, {"verdict": verdict}]})
    write = "true" if verdict is None else f"echo '{new}' > build/mutants-suite/report.json"
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\n[ $2 = pytest ] && exit {tests}\n{write}\nexit {ended}\n", encoding="utf-8"
    )
    python.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(python))
    searcher = Searcher(tmp_path, 30)
    reached = {fault.path: {str(fault.change.line): ["tests/x.py::y"]}}
    asked = [searcher.ask_suite(fault), searcher.ask_tests(fault, reached)]
    assert [outcome.found_by for outcome in asked] == found_by
    assert (tmp_path / fault.path).read_text(encoding="utf-8") == source
    assert searcher.unfit([fault]) == ([] if ended == 0 else ["memory"])
