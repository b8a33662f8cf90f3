"""Random histories with many whole rounds, right and wrong, among other calls."""

from __future__ import annotations

import pytest

from conformance.running.session import Session
from conformance.stateful.machine import Recipe

from .kit.histories import Played
from .kit.marks import profile, rules

pytestmark = profile("batch")


_STARTS = ("begun", "empty", "full round")


@pytest.fixture(scope="module")
def played(session: Session) -> Played:
    recipe = Recipe(("core", "batch"), starts=_STARTS, often=(("register_round", 25),))
    return Played(session, recipe)


@rules("STORE-13")
def test_whole_rounds_go_as_the_model_has_them(played: Played) -> None:
    played.must_agree_on("STORE-13")
