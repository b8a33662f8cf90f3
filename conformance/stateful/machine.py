"""The rule-based machine that makes histories: one rule for each method, the model as its memory.

The seed alone chooses which rules are on, their order and a number for each step; from that number and the
model's present state a call follows (:mod:`.inputs`, :mod:`.faults`). It keeps the calls as JSON and plays
them on nothing but the model: a history is the same whatever it will be played on, and whatever else is
installed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from random import Random
from typing import Any, Final

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS
from reference_impl.contract.timestamps import format_time, parse
from reference_impl.testing import ManualClock

from .faults import Used, spoiled, varied
from .history import CLOSE, OPEN, SWITCH, History, Step, expanded, long_text
from .inputs import BUILDERS, Draw, Lacks, one_too_many
from .prepared import BEGINNING, FULL_ROUNDS, MAIN, steps_of

__all__ = ["MOST_STEPS", "STARTS", "Recipe", "histories", "methods_of"]

#: The fewest and the most steps of a history after its prepared partition.
_FEWEST: Final = 15
MOST_STEPS: Final = 50

#: The prepared partitions that histories start from, in turn, so that few histories see each as well.
STARTS: Final = (
    *("begun", "empty", "converged", "near 1 MB", "full round"),
    *("begun", "empty", "begun", "empty", "begun"),
    *("converged", "empty", "begun", "full of tensions", "empty"),
    *("begun", "empty", "full of moves", "converged", "begun"),
)
#: The most steps after those that cost most to compare.
_SHORTER: Final = {"near 1 MB": 30} | dict.fromkeys(FULL_ROUNDS, 20)
#: Share of the histories in which two clients take turns, and how often it is the other's.
_TURNS: Final = 0.35
_NEXT_TURN: Final = 0.35
#: So many reads are asked for by both of them, and how often a write is the same one.
_FAVOURITES: Final = 3
_FOCUSED: Final = 0.5
#: Share of the steps after a full round that are about it.
_CROWDED: Final = 0.6
_TWICE_WRONG: Final = 0.6
#: Share of the steps near 1 MB that go past it.
_GROWING: Final = 0.06
_SWELL: Final = long_text("swell ", 25_000)
#: A history ends with so many reads, when there is most to be read.
_LAST_READS: Final = 4
#: So many methods are rare.
_RARE: Final = 6
#: Share of the calls that something is wrong with; writes have more to show.
_WRONG: Final = {"read": 0.22, "write": 0.46}
#: Share of the others that are given something allowed but seldom seen.
_VARIED: Final = 0.15
#: Methods with a rule for each of so many: they have more to show than one rule would.
_TIMES: Final = {
    "register_ref": 3,
    "register_move": 2,
    "register_verdict": 2,
    "register_round": 2,
    "record_convergence_signal": 2,
    "get_convergence_signals": 2,
    "record_expert_response": 2,
    **{name: 2 for name in METHODS if name.startswith("update_") and name.endswith("_status")},
} | {"repeat": 6}
#: Whose repeat writes nothing, and leaves a request id free.
_IDEMPOTENT: Final = ("register_ref", "record_convergence_signal")
#: What a dialogue needs before most calls can succeed.
_FIRST: Final = ("create_dialogue", "create_round", "register_expert")

#: Rules beside those of the methods.
_RARE_RULES: Final = 30
_CLOSING_RULES: Final = 2
_LARGEST: Final = 2**32 - 1


def methods_of(profiles: Sequence[str]) -> tuple[str, ...]:
    """The methods of some profiles that there are inputs for."""
    return tuple(
        name for name, method in METHODS.items() if method.profile in profiles and name in BUILDERS
    )


@dataclass(frozen=True)
class Recipe:
    """How histories are made. ``often``: (method or ``repeat``, times) for what a suite is about.

    ``most_steps``: after the prepared partition; ``starts``: these, in turn; ``most_faults``: how
    many things may be wrong with one call.
    """

    profiles: tuple[str, ...]
    most_steps: int = MOST_STEPS
    starts: tuple[str, ...] = STARTS
    often: tuple[tuple[str, int], ...] = ()
    most_faults: int = 2


@lru_cache(maxsize=8)
def histories(count: int, seed: int, recipe: Recipe) -> tuple[History, ...]:
    """``count`` histories: the same for the same arguments."""
    common = _Common(recipe, seed)
    return tuple(_Machine(common, number).made() for number in range(count))


class _Memory:
    """The model, and the steps played on it."""

    def __init__(self) -> None:
        self.storage: dict[str, Partition] = {}
        self._clock = ManualClock(BEGINNING)
        self._model = ModelStore(self._clock, storage=self.storage)

    def play(self, step: Step) -> None:
        """Change the model as the step changes a store."""
        self._clock.set(step.at)
        if step.method == SWITCH:
            return  # what is stored is the same for every client
        if step.method == CLOSE:
            self._model.close()
        elif step.method == OPEN:
            self._model = ModelStore(self._clock, storage=self.storage)
        else:
            # What the model does not have is a check of stored items, and changes nothing.
            with suppress(DialogueStoreError, NotImplementedError):
                getattr(self._model, step.method)(**expanded(step.params))


class _Common:
    """What the histories of one seed share: prepared partitions, and what was tried how often."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self.recipe = recipe
        self.seed = seed
        self.rules = _rules(recipe)
        self.written: dict[str, dict[str, Partition]] = {}
        self.used = Used()
        self.crowded = Used()
        self.calls: Counter[str] = Counter()


class _Machine:
    """Makes one history."""

    def __init__(self, common: _Common, number: int) -> None:
        self.recipe = common.recipe
        self.number = number
        self._common = common
        self._memory = _Memory()
        self._storage = self._memory.storage
        self._now = parse(BEGINNING)
        self._prepared = ""
        self._steps: list[Step] = []
        self._length = 0
        self._takes_turns = False
        self._favourites: list[str] = []
        self._focus = ""
        self._asked: list[list[Step]] = [[], []]  # reads, of the client whose turn it is first

    def made(self) -> History:
        """The history of this number: its beginning, then rules until it is long enough."""
        rng = Random(f"history {self.number} of {self._common.seed}")
        self._begin(rng.randint(0, _LARGEST))
        rules = self._on(rng)
        for _ in range(self.recipe.most_steps):
            if len(self._steps) >= self._length:
                break
            rng.choice(rules)(self, rng.randint(0, _LARGEST))
        # Where most of what was on found nothing to do here.
        rest = Random(f"{self.number} {len(self._steps)}")
        while len(self._steps) < self._length:
            self._rare(rest.getrandbits(32))
        name = f"history {self.number} of seed {self._common.seed}"
        return History(name, self._prepared, tuple(self._steps))

    def _on(self, rng: Random) -> list[_Rule]:
        """The rules that are on in this history: nearly all, nearly none, or anything between."""
        share = 1 - rng.random()
        on = [body for body in self._common.rules if rng.random() < share]
        return on or [rng.choice(self._common.rules)]

    def _begin(self, entropy: int) -> None:
        rng = Random(f"{self.number} {entropy}")
        self._prepared = self.recipe.starts[self.number % len(self.recipe.starts)]
        most = min(self.recipe.most_steps, _SHORTER.get(self._prepared, MOST_STEPS))
        self._length = rng.randint(min(_FEWEST, most), most)
        self._takes_turns = rng.random() < _TURNS
        if self._takes_turns:
            there = methods_of(self.recipe.profiles)
            reads = [name for name in there if METHODS[name].kind == "read"]
            first = self._common.calls[SWITCH] * _FAVOURITES
            self._common.calls[SWITCH] += 1
            self._favourites = [reads[(first + n) % len(reads)] for n in range(_FAVOURITES)]
            self._focus = rng.choice(self._writes())
        self._storage.update(deepcopy(self._written(self._prepared)))
        if not self._storage:
            for method in _FIRST:
                self._one(method, rng, right=True)

    def _written(self, prepared: str) -> dict[str, Partition]:
        """A prepared partition, written once for all histories that start from it."""
        written = self._common.written
        if prepared not in written:
            memory = _Memory()
            for step in steps_of(prepared, at_once="batch" in self.recipe.profiles):
                memory.play(step)
            written[prepared] = memory.storage
        return written[prepared]

    def _chance(self, entropy: int) -> Random:
        return Random(f"{entropy} {len(self._steps)}")

    # -- rules ----------------------------------------------------------------------------------

    def call(self, entropy: int, method: str) -> None:
        if len(self._steps) >= self._length:
            return
        rng = self._chance(entropy)
        if self._prepared in FULL_ROUNDS and rng.random() < _CROWDED:
            self._crowd(rng)
            return
        if self._prepared == "near 1 MB" and rng.random() < _GROWING:
            method, params = self._built("register_claim", self._draw(rng, MAIN))
            self._add(method, {**params, "dialogue_id": MAIN, "content": _SWELL})
            return
        if self._takes_turns and len(self._steps) + 2 < self._length and rng.random() < _NEXT_TURN:
            self._next_turn()
        if len(self._steps) >= self._length - _LAST_READS:
            there = methods_of(self.recipe.profiles)
            method = rng.choice([name for name in there if METHODS[name].kind == "read"])
        if self._takes_turns and METHODS[method].kind == "read":
            method = rng.choice(self._favourites)  # so that both clients ask for the same
        elif self._takes_turns and rng.random() < _FOCUSED:
            method = self._focus
        self._one(method, rng)

    def _next_turn(self) -> None:
        """Each client reads again what it read before: the one whose turn ends, and then the other."""
        self._read_again()
        self._add(SWITCH, {})
        self._asked.reverse()
        self._read_again()

    def _read_again(self) -> None:
        before = {step.method: step for step in self._asked[0]}
        for again in list(before.values())[-_FAVOURITES:]:
            if len(self._steps) + 2 < self._length:
                self._add(again.method, again.params)

    def _rare(self, entropy: int) -> None:
        """One of the methods that were called least often so far."""
        there = sorted(methods_of(self.recipe.profiles), key=lambda name: self._common.calls[name])
        self.call(entropy, self._chance(entropy).choice(there[:_RARE]))

    def _close(self, entropy: int) -> None:
        """A call while the store is closed; sometimes it is closed twice."""
        rng = self._chance(entropy)
        if len(self._steps) + 4 > self._length:
            return
        for _ in range(rng.choice((1, 1, 2))):
            self._add(CLOSE, {})
        self._one(rng.choice(methods_of(self.recipe.profiles)), rng)
        self._add(OPEN, {})

    def _crowd(self, rng: Random) -> None:
        """One more, or a question for its number, where a round is full."""
        draw = self._draw(rng, MAIN)
        if found := one_too_many(draw):
            method, params = found
            params = {"dialogue_id": MAIN, **params}
            if rng.random() < _TWICE_WRONG:  # which of the two is told first?
                params = spoiled(method, params, draw, self._common.crowded, most=1)
            self._add(method, params)

    def _repeat(self, entropy: int) -> None:
        """A request made before: the same, or another under its id."""
        rng = self._chance(entropy)
        named = [step for step in self._steps if isinstance(step.params.get("request_id"), str)]
        if not named or len(self._steps) >= self._length:
            return
        seldom = [step for step in named if step.method in _IDEMPOTENT]
        first = rng.choice(seldom if seldom and rng.random() < 0.4 else named)
        if rng.random() < 0.6:
            self._add(first.method, first.params)
            return
        dialogue_id = first.params["dialogue_id"]
        if not isinstance(dialogue_id, str) or dialogue_id not in self._storage:
            return
        method = first.method if rng.random() < 0.6 else rng.choice(self._writes())
        method, params = self._built(method, self._draw(rng, dialogue_id))
        if method == first.method and rng.random() < 0.5:
            # The same parameters, with other values.
            params = {name: params.get(name, value) for name, value in first.params.items()}
        request_id = first.params["request_id"]
        self._add(method, {**params, "dialogue_id": dialogue_id, "request_id": request_id})

    # -- steps ----------------------------------------------------------------------------------

    def _writes(self) -> list[str]:
        there = methods_of(self.recipe.profiles)
        return [
            name for name in there if METHODS[name].kind == "write" and name != "create_dialogue"
        ]

    def _draw(self, rng: Random, dialogue_id: str) -> Draw:
        partition = self._storage.get(dialogue_id) or Partition(0, "", {"status": "open"})
        long = self._prepared == "near 1 MB"
        taken = frozenset(self._storage)
        return Draw(rng, dialogue_id, partition, len(self._steps), long=long, taken=taken)

    def _built(self, method: str, draw: Draw) -> tuple[str, dict[str, Any]]:
        """A call of the method, or of one that makes what it lacks."""
        while True:
            try:
                return method, BUILDERS[method](draw)
            except Lacks as lacking:
                method = lacking.method

    def _one(self, method: str, rng: Random, *, right: bool = False) -> None:
        there = sorted(self._storage)
        dialogue_id = MAIN
        if there and (MAIN not in there or rng.random() < 0.1):
            dialogue_id = rng.choice(there)
        draw = self._draw(rng, dialogue_id)
        method, params = self._built(method, draw)
        params = {"dialogue_id": dialogue_id, **params}
        writes = METHODS[method].kind == "write"
        share = 0.5 if method in _IDEMPOTENT else 0.25
        if writes and "idempotency" in self.recipe.profiles and rng.random() < share:
            params["request_id"] = f"r-{len(self._steps)}"
        if not right and rng.random() < _WRONG["write" if writes else "read"]:
            params = spoiled(method, params, draw, self._common.used, most=self.recipe.most_faults)
        elif not right and rng.random() < _VARIED:
            params = varied(method, params, draw, self._common.used)
        self._add(method, params)

    def _add(self, method: str, params: Any) -> None:
        rng = Random(f"{len(self._steps)} {method}")
        # Mostly later, sometimes the same moment or an earlier one (ADDR-09).
        microseconds = rng.choice((0, 0, 1, 1_000_003, 59_999_999, 3_600_000_000, -5_000_000))
        self._now += timedelta(microseconds=microseconds)
        step = Step(format_time(self._now), method, params)
        self._steps.append(step)
        self._common.calls[method] += step.is_call
        if step.is_call and METHODS[method].kind == "read":
            self._asked[0].append(step)
        self._memory.play(step)


_Rule = Callable[[_Machine, int], None]


def _rules(recipe: Recipe) -> list[_Rule]:
    """The rules of a recipe; what has more to show stands there more than once."""
    times = {**_TIMES, **dict(recipe.often)}
    found: list[_Rule] = []
    found += [_Machine._rare] * _RARE_RULES + [_Machine._close] * _CLOSING_RULES
    if "idempotency" in recipe.profiles:
        found += [_Machine._repeat] * times["repeat"]
    for method in methods_of(recipe.profiles):
        found += [_call_of(method)] * times.get(method, 1)
    return found


def _call_of(method: str) -> _Rule:
    def call(machine: _Machine, entropy: int) -> None:
        machine.call(entropy, method)

    return call
