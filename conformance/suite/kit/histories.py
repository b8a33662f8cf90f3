"""What the tests of histories share: they are played once, and each test asks about one rule.

A history ends where the store first parts from the model, and that is told under one rule (see
:mod:`conformance.stateful.blame`), so that a store that breaks one rule is not red for all of them. A field
of a wrong form is told once, and all others are compared on. A rule that every history would have come to
only later is undecided.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from conformance.running.session import Session, World
from conformance.stateful.blame import malformed, rule_of
from conformance.stateful.history import History, Step
from conformance.stateful.machine import Recipe, histories
from conformance.stateful.outcomes import clipped
from conformance.stateful.playing import Divergence, Player, Side, Watch
from conformance.stateful.prepared import FULL_ROUNDS
from conformance.stateful.reach import Reach
from conformance.stateful.shrinking import shrunk
from conformance.targets.guard import Undecided, because
from conformance.targets.machine import lacks

from .sample import lasting_world

__all__ = ["Played"]

#: Histories for each partition of the recipe, and the most steps of each.
_COUNT = {"quick": 1, "ordinary": 4, "nightly": 12}
_STEPS = {"quick": 20, "ordinary": 50, "nightly": 50}
#: How often a failing history is played again to make it short.
_TRIALS = {"quick": 0, "ordinary": 60, "nightly": 250}


#: Prepared partitions of more than a few items, or of large ones.
LARGE = (*FULL_ROUNDS, "near 1 MB")


class Played:
    """The histories of a recipe on the target of a session, played when the first test asks."""

    def __init__(self, session: Session, recipe: Recipe) -> None:
        self._session = session
        self._recipe = recipe
        self._found: list[tuple[str, Divergence]] = []
        self._state = "not begun"
        self._has_answered = False
        self._undecided: Undecided | None = None
        self._unsupported: set[str] = set()
        self._reach = Reach()

    def must_agree_on(self, rule: str, *other: str) -> None:
        """Fails where a history parted from the model by breaking the rule, or one of ``other``."""
        if self._state == "not begun":
            self._state = "stopped"
            try:
                self._play()
            except Undecided as undecided:
                self._undecided = undecided
            self._state = "played"
        if self._undecided is not None:
            raise Undecided(self._undecided.code, self._undecided.detail)
        if self._state != "played":
            raise Undecided("not_played", "the histories were stopped before they had ended")
        assert self._has_answered or self._unsupported, "the store answers nothing at all"
        told = [_told(one, found) for one, found in self._found if one in (rule, *other)]
        assert not told, told[0]
        if rule in self._reach.missed:
            raise Undecided(
                "not_reached",
                "every history that asks about the rule parted from the model before it came to it, "
                "by breaking another rule: mend that first",
            )
        # Told once: all else was compared without these methods.
        if self._unsupported and (rule == "ERR-01" or self._recipe.profiles != ("core",)):
            names = ", ".join(sorted(self._unsupported))
            raise NotImplementedError(f"the histories could only be played without {names}")

    @property
    def rules(self) -> set[str]:
        """The rules that divergences were told under."""
        return {rule for rule, _ in self._found}

    def _play(self) -> None:
        budget = self._session.budget
        starts, count = self._recipe.starts, _COUNT[budget]
        if self._session.target.engine.emulated_by is not None:
            # Its transactions copy whole tables: a few histories, and none on a large partition.
            starts, count = tuple(start for start in starts if start not in LARGE), 1
        # Of two faults at once nobody could say which one the store does not see.
        recipe = replace(self._recipe, most_steps=_STEPS[budget], starts=starts, most_faults=1)
        with _ours("the histories could not be made"):
            made = histories(count * len(starts), self._session.seed, recipe)
        with lasting_world(self._session) as world:
            player, side = _player(world, self._reach, at_once="batch" in recipe.profiles)
            for history in made:
                with _ours(f"{history.name} could not be played"):
                    self._one(player, side, history, _TRIALS[budget])
            self._has_answered = side.has_answered
            self._unsupported = side.unsupported

    def _one(self, player: Player, side: Side, history: History, trials: int) -> None:
        while True:
            self._reach.begin()
            found = player.play(history)
            if found is not None and (no_room := lacks()):
                # What the store made of that may look like anything.
                raise Undecided("machine_error", no_room)
            if found is not None and not side.unsupported <= player.left_out:
                # What the store does not have is told as that; all else it can be asked for.
                player.left_out |= side.unsupported
            elif found is not None and (wrong := malformed(found)):
                # Told once; all other fields can still be compared.
                for rule in dict.fromkeys(wrong.values()):
                    self._tell(rule, found, player, trials)
                player.without |= wrong.keys()
            else:
                break
        self._reach.ended(found, history, player)
        if found is not None:
            self._tell(rule_of(found), found, player, trials)

    def _tell(self, rule: str, found: Divergence, player: Player, trials: int) -> None:
        if trials and rule not in self.rules:
            short = shrunk(found, player, most_trials=trials)
            found = short if rule_of(short) == rule else found
        self._found.append((rule, found))


@contextmanager
def _ours(what: str) -> Iterator[None]:
    """What breaks within is the suite's: what a store raises is an outcome that is compared."""
    try:
        yield
    except Exception as error:
        raise Undecided("suite_error", f"{what}: {because(error)}") from error


def _player(world: World, watch: Watch, *, at_once: bool) -> tuple[Player, Side]:
    try:
        with_times = world.open().set_clock is not None
    except Exception as error:
        told = f"storage for histories could not be opened: {because(error)}"
        raise Undecided("setup_error", told) from error
    side = Side("the store", world.new_world)
    return Player([side], at_once=at_once, with_times=with_times, watch=watch), side


def _params(step: Step) -> str:
    return json.dumps(clipped(dict(step.params)), default=repr)


def _told(rule: str, found: Divergence) -> str:
    steps = found.history.steps
    lines = [
        f"{found.history.name}, after the partition {found.history.prepared!r}",
        f"the {found.where} of step {len(steps)} is not as {rule} has it",
    ]
    if len(steps) <= 8:
        lines += [f"{step.method} {_params(step)}" for step in steps]
    else:
        lines.append(f"{found.step.method} {_params(found.step)}")
    lines += [f"{name}: {json.dumps(value)}" for name, value in found.seen.items()]
    return "\n".join(lines)
