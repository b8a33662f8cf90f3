"""Whatever lie calls alone can show, parity finds with its ordinary number of histories and makes short."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest

from conformance.liars import Liar
from conformance.liars.kit.trial import chosen
from conformance.stateful.machine import Recipe, histories
from conformance.stateful.parity import BUDGETS
from conformance.stateful.shrinking import shrunk
from tests.test_parity import liar_target, player_of

#: Liars about what calls say. The others are about what lies stored, keys and chains.
PROFILES: Final = ("core", "batch", "idempotency")

#: Why calls alone, one after another, do not show a lie.
NOT_BY_CALLS: Final[Mapping[str, str]] = {
    "hangs": "it gives no answer, which ends a run",
    "rounds_without_marker": "a marker is seen on a Python object, not in what it says",
    "keeps_what_it_was_given": "every call is given values of its own",
    "shares_its_lists": "nobody changes what a call returned",
    "shares_its_answers": "nobody changes what a call returned",
    "swallows_errors": "no call is made within a block of Python",
}

FOUND: Final = [
    one
    for one in chosen()
    if one.profile in PROFILES and one.during is nullcontext and one.name not in NOT_BY_CALLS
]


def test_only_liars_that_there_are_are_left_out() -> None:
    assert NOT_BY_CALLS.keys() <= {one.name for one in chosen()}
    assert len(FOUND) > 150


@pytest.mark.full
@pytest.mark.property
@pytest.mark.parametrize("liar", [pytest.param(one, id=one.name) for one in FOUND])
def test_a_lie_is_found_and_made_short(liar: Liar, tmp_path: Path) -> None:
    # A liar about calls claims all three profiles, or core alone.
    at_once = liar.profile != "core"
    player = player_of(liar_target(liar.name), tmp_path, at_once=at_once)
    made = histories(BUDGETS["ordinary"], 0, Recipe(PROFILES if at_once else PROFILES[:1]))
    found = next((one for history in made if (one := player.play(history)) is not None), None)
    assert found is not None, "no history shows it"
    short = shrunk(found, player)
    assert len(short.history.steps) <= 6
    assert short.guilty == (f"liar:{liar.name}",)
