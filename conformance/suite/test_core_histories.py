"""Random histories: whatever sequence of calls is made, the store does as the model does."""

from __future__ import annotations

import pytest

from conformance.running.session import Session
from conformance.stateful.blame import CORE_RULES
from conformance.stateful.machine import Recipe

from .kit.histories import Played
from .kit.marks import profile, rules

pytestmark = profile("core")

#: Partitions that single calls write quickly.
_STARTS = ("begun", "empty", "converged", "near 1 MB", "empty")


@pytest.fixture(scope="module")
def played(session: Session) -> Played:
    return Played(session, Recipe(("core",), starts=_STARTS))


@pytest.mark.parametrize("rule", [pytest.param(rule, marks=rules(rule)) for rule in CORE_RULES])
def test_a_history_goes_as_the_rule_has_it(rule: str, played: Played) -> None:
    played.must_agree_on(rule)
