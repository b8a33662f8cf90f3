"""The tests of profile core: green for the model, each red by its own assertion for a null store."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from conformance.liars.kit.trial import chosen
from conformance.model.store import ModelStore
from conformance.running.runner import Listener, Options, run
from conformance.suite.kit import builders
from conformance.suite.kit.sampling import for_any
from conformance.targets.base import Engine, Target
from conformance.targets.load import TargetOptions, open_target
from conformance.verdict.judge import Case
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import ENTITIES, METHODS
from reference_impl.testing import ManualClock


class _Cases(Listener):
    def __init__(self) -> None:
        self.found: list[Case] = []

    def case(self, case: Case) -> None:
        self.found.append(case)


def _run(target: Target, seed: int = 0) -> list[Case]:
    heard = _Cases()
    run(target, Options(budget="quick", seed=seed, profiles=("core",)), heard)
    return heard.found


def test_the_model_passes_every_test() -> None:
    with open_target("model", TargetOptions()) as target:
        cases = _run(target, seed=2026)
    assert len(cases) > 250
    others = {case.id: case.outcome for case in cases if case.outcome != "pass"}
    deadline = "test_core_deadline.py::test_a_call_ends_within_a_second_of_its_deadline"
    assert others == {deadline: "not_applicable"}  # there is no engine to hold up


def test_a_store_that_does_nothing_passes_none_and_each_by_its_own_assertion() -> None:
    (null,) = chosen(["null_store"])
    cases = _run(Target("null", null.factory, Engine("in-process"), "null", discard=null.discard))
    assert len(cases) > 250
    assert [case.id for case in cases if case.outcome != "fail"] == []
    strange = [
        case.id for case in cases if not case.reason.startswith(("AssertionError", "assert "))
    ]
    assert strange == []


def test_liars_are_short_and_tell_their_lie() -> None:
    liars = [liar for liar in chosen() if liar.profile == "core"]
    assert len(liars) >= 25
    assert {liar.name for liar in liars} >= {"null_store", "forgets_a_tension"}
    assert [liar.name for liar in liars if len(liar.lie) < 20] == []


# -- the builders ----------------------------------------------------------------------------------------


@pytest.fixture
def store() -> DialogueStore:
    return ModelStore(ManualClock())


def test_calls_are_valid_and_complete(store: DialogueStore) -> None:
    builders.populate(store, "tides")
    calls = builders.calls("tides")
    assert {*calls, "create_dialogue"} == set(builders.CORE_METHODS)
    for name, args in calls.items():
        builders.call(store, name, args)


def test_changes_names_what_differs(store: DialogueStore) -> None:
    builders.begin(store, "tides", experts=["muffin"])
    store.register_tension("tides", 0, "l", "d", [])
    before = builders.partition(store, "tides")
    store.update_tension_status("tides", "T0001", "resolved", ["judge"], 0)
    store.update_expert_score("tides", "muffin", 0, 1)
    after = builders.partition(store, "tides")
    assert builders.changes(before, before) == set()
    assert builders.changes(before, after) == {
        "tensions T0001: status",
        "tensions T0001: updated_at",
        "+events T0001 2",
        "experts muffin: scores",
        "experts muffin: total_score",
        "experts muffin: updated_at",
    }
    assert "-events T0001 2" in builders.changes(after, before)


def test_changes_sees_a_number_of_another_type(store: DialogueStore) -> None:
    builders.begin(store, "tides")
    before = builders.partition(store, "tides")
    after: dict[str, Any] = {**before, "dialogue": {**before["dialogue"], "total_rounds": 1.0}}
    assert before == after
    assert builders.changes(before, after) == {"dialogue: total_rounds"}


@pytest.mark.parametrize("entity", [name for name, kind in ENTITIES.items() if kind.transitions])
def test_walk_goes_along_allowed_transitions(entity: str) -> None:
    kind = ENTITIES[entity]
    for status in kind.transitions:
        here = kind.by_name["status"].default
        for step in builders.walk(entity, status):
            assert step in kind.transitions[here]
            here = step
        assert here == status


def test_code_of_tells_errors_of_the_contract_from_others(store: DialogueStore) -> None:
    assert builders.code_of(lambda: store.get_dialogue("tides")) == "dialogue_not_found"
    assert builders.code_of(lambda: ["one"][len("x")]) == "IndexError is no error of the contract"
    assert builders.code_of(lambda: None) is None


def test_core_methods_are_those_of_the_table() -> None:
    assert len(builders.CORE_METHODS) == 37
    assert {METHODS[name].profile for name in builders.CORE_METHODS} == {"core"}


def test_random_input_is_bounded_and_repeatable() -> None:
    def drawn(seed: int) -> list[int]:
        values: list[int] = []
        for_any(st.integers(), values.append, budget="quick", seed=seed, examples=9)
        return values

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len(drawn(1)) <= 9
