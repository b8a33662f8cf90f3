"""STORE-16: what a call may take where the engine does not answer, by a clock."""

from __future__ import annotations

import time

from conformance.running.session import World
from conformance.suite.kit.builders import begin, code_of, listed, partition
from conformance.suite.kit.marks import profile, rules
from conformance.targets.guard import NotApplicable

pytestmark = profile("core")

DEADLINE_S = 0.4
#: STORE-16: the call returns within one second of its deadline.
MARGIN_S = 1.0
#: A machine that is busy may be late by itself; a store that is late is late each time.
TRIES = 3


@rules("STORE-16")
def test_a_call_ends_within_a_second_of_its_deadline(world: World) -> None:
    """A writer that knows the dialogue meets an engine that is held up. It says so in time, with a code
    that fits, and goes on when the engine does."""
    with world.client() as first:
        begin(first.store, "tides", rounds=[1])
        assert [found["round"] for found in listed(first.store.get_rounds("tides"))] == [1]
    backend = world.open(deadline_s=DEADLINE_S)
    if backend.stall is None:
        raise NotApplicable(
            "no call was held up: the backend names no way to do it (Backend.stall)"
        )
    partition(backend.store, "tides")
    took = []
    for number in range(2, 2 + TRIES):
        with backend.stall():
            began = time.monotonic()
            code = code_of(lambda n=number: backend.store.create_round("tides", n))  # type: ignore[misc]
            took.append(time.monotonic() - began)
        assert code in ("conflict", "backend_unavailable", "outcome_unknown")
        if took[-1] <= DEADLINE_S + MARGIN_S:
            break
    assert min(took) <= DEADLINE_S + MARGIN_S, (
        f"with a deadline of {DEADLINE_S} s the call took {min(took):.1f} s"
    )
    with world.client() as other:
        other.store.create_round("tides", 10)
        assert partition(other.store, "tides")["rounds"][-1]["round"] == 10
