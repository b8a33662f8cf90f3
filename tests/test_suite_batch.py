"""The tests of profiles batch and idempotency: green for the model, each red by its own assertion for a
store that does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.liars.core import NullStore
from conformance.liars.kit.trial import chosen
from conformance.running.runner import Listener, Options, run
from conformance.targets.base import Backend, Engine, Target
from conformance.targets.load import TargetOptions, open_target
from conformance.verdict.judge import Case
from reference_impl.testing import ManualClock

PROFILES = ("batch", "idempotency")


class _Cases(Listener):
    def __init__(self) -> None:
        self.found: list[Case] = []

    def case(self, case: Case) -> None:
        if case.profile in PROFILES:
            self.found.append(case)


def _run(target: Target) -> list[Case]:
    heard = _Cases()
    options = Options(
        budget="quick", seed=2026, profiles=PROFILES, expression="batch or idempotency"
    )
    run(target, options, heard)
    return [case for case in heard.found if case.outcome != "indeterminate"]


def test_the_model_passes_every_test() -> None:
    with open_target("model", TargetOptions()) as target:
        cases = _run(target)
    assert {profile: sum(c.profile == profile for c in cases) for profile in PROFILES} == {
        "batch": 62,
        "idempotency": 32,
    }
    assert [case.id for case in cases if case.outcome != "pass"] == []


def test_a_store_that_does_nothing_passes_none_and_each_by_its_own_assertion() -> None:
    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        clock = ManualClock()
        return Backend(NullStore(clock), set_clock=clock.set, profiles=("core", *PROFILES))

    cases = _run(Target("null", factory, Engine("in-process"), "null"))
    assert len(cases) == 94
    assert [case.id for case in cases if case.outcome != "fail"] == []
    strange = [
        case.id for case in cases if not case.reason.startswith(("AssertionError", "assert "))
    ]
    assert strange == []


@pytest.mark.parametrize("profile", PROFILES)
def test_liars_are_short_and_tell_their_lie(profile: str) -> None:
    liars = [liar for liar in chosen() if liar.profile == profile]
    assert len(liars) >= 8
    assert [liar.name for liar in liars if len(liar.lie) < 20] == []
