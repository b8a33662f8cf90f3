"""Random histories in which requests are made again, the same or with another input."""

from __future__ import annotations

import pytest

from conformance.running.session import Session
from conformance.stateful.machine import Recipe

from .kit.histories import Played
from .kit.marks import profile, rules

pytestmark = profile("idempotency")

_STARTS = ("begun", "empty", "converged")


@pytest.fixture(scope="module")
def played(session: Session) -> Played:
    recipe = Recipe(("core", "idempotency"), starts=_STARTS, often=(("repeat", 25),))
    return Played(session, recipe)


@rules("STORE-22")
def test_requests_go_as_the_model_has_them(played: Played) -> None:
    played.must_agree_on("STORE-22")
