"""One fault, one blame: histories go on without a field of a wrong form, and a rule that none of them came to
has not passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance.model.store import ModelStore
from conformance.report.json_form import document
from conformance.running.session import Session
from conformance.stateful.blame import CORE_RULES
from conformance.stateful.machine import Recipe
from conformance.suite.kit.builders import codes
from conformance.suite.kit.histories import Played
from conformance.targets.base import Backend
from conformance.targets.guard import Undecided
from conformance.verdict.expected import made_from
from conformance.verdict.judge import Report
from reference_impl.contract.entities import Dialogue, Round
from reference_impl.testing import ManualClock
from tests.fake_suites import WHOLE, run_suite, suite, target

RECIPE = Recipe(("core",), starts=("empty", "begun", "empty"))


class NineDigits(ModelStore):
    """A store whose times have nine digits."""

    def create_dialogue(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Dialogue:
        return _nine(super().create_dialogue(dialogue_id, *args, **kwargs))

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        return _nine(super().get_dialogue(dialogue_id))


class NineDigitsAndLostTitles(NineDigits):
    """... and whose rounds have no title."""

    def create_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Round:
        made = super().create_round(dialogue_id, *args, **kwargs)
        return replace(made, title="another one")


class ForgetfulStore(ModelStore):
    """A store that gives every dialogue another title."""

    def create_dialogue(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Dialogue:
        made = super().create_dialogue(dialogue_id, *args, **kwargs)
        return replace(made, title="another one")


def _nine(dialogue: Dialogue) -> Dialogue:
    return replace(dialogue, created_at=dialogue.created_at.replace("Z", "000Z"))


def told(store: type[ModelStore], *, clocked: bool = True) -> dict[str, str]:
    """What the case of histories for each rule ends with: nothing, ``red``, or a code."""
    storage: dict[Path, dict[str, Any]] = {}

    def factory(folder: Path, **_: Any) -> Backend:
        clock = ManualClock()
        opened = store(clock, storage=storage.setdefault(folder, {}))
        return Backend(opened, set_clock=clock.set if clocked else None)

    played = Played(Session(target(factory=factory), budget="quick"), RECIPE)
    found = {}
    for rule in CORE_RULES:
        try:
            played.must_agree_on(rule)
        except AssertionError:
            found[rule] = "red"
        except Undecided as undecided:
            found[rule] = undecided.code
    return found


@pytest.mark.parametrize("clocked", [True, False])
def test_histories_go_on_without_a_field_of_a_wrong_form(clocked: bool) -> None:
    assert told(NineDigits, clocked=clocked) == {"ADDR-07": "red"}


def test_what_else_is_wrong_is_told_as_well() -> None:
    found = told(NineDigitsAndLostTitles)
    assert (found["ADDR-07"], found["STORE-12"]) == ("red", "red")


def test_a_rule_that_no_history_came_to_is_undecided() -> None:
    """Where the first call of each history differs, nothing that comes later was compared."""
    found = told(ForgetfulStore)
    assert found.pop("STORE-12") == "red"
    assert set(found.values()) == {"not_reached"}
    assert {"STORE-04", "STORE-08", "STORE-24", "ADDR-02"} <= found.keys()


WAITS = """
from conformance.targets.guard import Undecided

@rules("STORE-09")
def test_first():
    assert False, "wrong"

@rules("STORE-11")
def test_later():
    raise Undecided("not_reached", "mend the first one first")
"""


def test_a_failure_that_is_expected_may_keep_others_waiting(tmp_path: Path) -> None:
    folder = suite(tmp_path, waits=WAITS, whole=WHOLE)
    first = run_suite(folder)
    assert verdicts(first, "STORE-09", "STORE-11") == ["fail", "indeterminate"]
    known = made_from(first, (), datetime.now(UTC).date())
    assert [entry.id for entry in known] == ["test_waits.py::test_first"]
    again = run_suite(folder, expected=tuple(known))
    assert (again.verdict, document(again)["exit_code"]) == ("not_conformant", 0)


def verdicts(report: Report, *rules: str) -> list[str]:
    """The verdicts of rules of profile core."""
    found = {r.id: r.verdict for r in report.requirements if r.profile == "core"}
    return [found[rule] for rule in rules]


def test_the_cells_of_a_table_share_no_identity() -> None:
    """What one wrong answer has taken does not become the next one's answer."""
    store = ModelStore()
    store.create_dialogue("d", "T")
    bad: Any = 5
    calls: dict[str, Callable[..., Any]] = {
        "dialogue": partial(store.create_dialogue, "ebb"),
        "expert": partial(store.register_expert, "d", "scone", "Cook"),
        "verdict": partial(store.register_verdict, "d", "v", "interim", 1, "r"),
        "round": partial(store.create_round, "d", 1),
    }
    good = {"dialogue": "T", "expert": "Core", "verdict": "d", "round": 0}
    for name in ("dialogue", "expert", "round", "verdict"):
        asked = {
            "accepted": partial(calls[name], good[name]),
            "again": partial(calls[name], good[name]),
            "refused": partial(calls[name], bad if name != "round" else "five"),
        }
        assert codes(asked) == {"accepted": None, "again": None, "refused": "invalid_field"}


def test_a_table_shows_what_is_there_already() -> None:
    store = ModelStore()
    store.create_dialogue("ebb", "T")
    again = partial(store.create_dialogue, "ebb", "T")
    assert codes({"again": again, "once more": again}) == {
        "again": "duplicate_entity",
        "once more": "duplicate_entity",
    }
