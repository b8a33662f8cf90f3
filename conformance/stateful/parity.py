"""The same histories on two backends and on the model, compared after every step."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from conformance.running.session import World
from conformance.spec import BUILT
from conformance.targets.base import Target

from .blame import rule_of
from .corpus import recorded
from .counting import Counts
from .history import History
from .machine import Recipe, histories, methods_of
from .playing import Divergence, Player, Side
from .record import FORMAT_VERSION, Record, as_record, write_record
from .shrinking import shrunk

__all__ = [
    "BUDGETS",
    "ENOUGH_HISTORIES",
    "Found",
    "Pair",
    "Result",
    "compare",
    "play_again",
]

#: Histories of a run by its budget.
BUDGETS: Final = {"quick": 30, "ordinary": 300, "nightly": 2000}
#: From so many histories on a shortfall makes a run say nothing.
ENOUGH_HISTORIES: Final = BUDGETS["ordinary"]
#: After so many different divergences a run ends.
MOST_FOUND: Final = 3
#: How much of the corpus a quick run replays, and after how many steps it looks at the partition.
_QUICK_CORPUS: Final = (5, 10)

Tell = Callable[[str, int, int], None]  # what is done, how many of how many


@dataclass(frozen=True)
class Found:
    """A divergence, made short, with the rule that it is told under and its file."""

    divergence: Divergence
    rule: str
    steps_before: int
    path: Path


@dataclass
class Result:
    """What a run showed."""

    names: tuple[str, ...]
    engines: tuple[str, ...]
    seed: int
    wanted: int
    played: int = 0
    counts: Counts = field(default_factory=Counts)
    shortfalls: list[str] = field(default_factory=list)
    corpus_played: int = 0
    corpus_missing: str = ""
    found: list[Found] = field(default_factory=list)
    again: int = 0
    with_times: bool = True
    emulated_by: str | None = None
    duration_s: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether the run reached what it must; few histories are not asked to."""
        return not self.shortfalls or self.wanted < ENOUGH_HISTORIES

    @property
    def verdict(self) -> str:
        """``equal``, ``diverging``, or ``indeterminate`` for a run that reached too little."""
        if self.found:
            return "diverging"
        return "equal" if self.is_complete else "indeterminate"

    def as_json(self) -> dict[str, Any]:
        """The result for machines."""
        return {
            "format_version": FORMAT_VERSION,
            "verdict": self.verdict,
            "sides": [
                {"name": name, "engine": engine}
                for name, engine in zip(self.names, self.engines, strict=True)
            ],
            "emulated_by": self.emulated_by,
            "seed": self.seed,
            "histories": {"wanted": self.wanted, "played": self.played},
            "corpus": {"played": self.corpus_played, "missing": self.corpus_missing or None},
            "times_compared": self.with_times,
            **self.counts.as_json(),
            "not_reached": self.shortfalls,
            "divergences": [
                {
                    "file": str(one.path),
                    "rule": one.rule,
                    "where": one.divergence.where,
                    "method": one.divergence.step.method,
                    "guilty": list(one.divergence.guilty),
                    "prepared": one.divergence.history.prepared,
                    "steps": len(one.divergence.history.steps),
                }
                for one in self.found
            ],
            "found_again": self.again,
            "duration_s": round(self.duration_s, 3),
        }


class Pair:
    """Opened targets as sides, each history on a folder of its own below ``root``."""

    def __init__(self, targets: Sequence[Target], root: Path) -> None:
        self.targets = targets
        self._root = root
        self._number = count()
        self.profiles: tuple[str, ...] = BUILT
        self.with_times = True
        for target in targets:
            world = self._world(target)
            try:
                backend = world.open()
                self.profiles = tuple(p for p in self.profiles if p in backend.claims())
                self.with_times = self.with_times and backend.set_clock is not None
            finally:
                world.close_all()
        self.sides = [self._side(name, target) for name, target in self._named()]

    def _named(self) -> Iterable[tuple[str, Target]]:
        """Each target by its name; one that is there twice by two."""
        names = [target.name for target in self.targets]
        for number, target in enumerate(self.targets):
            twice = names.index(target.name) != number
            yield f"{target.name} again" if twice else target.name, target

    def _side(self, name: str, target: Target) -> Side:
        threaded = len(self.targets) > 1
        return Side(name, lambda: self._world(target), threaded=threaded)

    def _world(self, target: Target) -> World:
        return World(target, self._root / f"{next(self._number):06d}")

    @property
    def at_once(self) -> bool:
        """Whether whole rounds can be written on every side."""
        return "batch" in self.profiles

    def player(self, watch: Counts | None = None) -> Player:
        """A player for them."""
        return Player(self.sides, at_once=self.at_once, with_times=self.with_times, watch=watch)


def compare(
    targets: Sequence[Target],
    *,
    wanted: int,
    seed: int,
    folder: Path,
    corpus: Path | None = None,
    tell: Tell = lambda what, done, of: None,  # noqa: ARG005
) -> Result:
    """Play ``wanted`` histories of a seed, then those of the corpus, and write what diverges to
    ``divergence-*.json`` in ``folder``.

    Raises what opening a target raises, and :class:`.playing.NoAnswer`.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dsparity-") as root:
        pair = Pair(targets, Path(root))
        result = Result(
            tuple(side.name for side in pair.sides),
            tuple(_engine(target) for target in targets),
            seed,
            wanted,
            with_times=pair.with_times,
            emulated_by=next((t.engine.emulated_by for t in targets if t.engine.emulated_by), None),
        )
        run = _Run(pair, result, folder)
        tell("making histories", 0, wanted)
        made = histories(wanted, seed, Recipe(pair.profiles))
        run.play(made, tell)
        if corpus is not None:
            run.play_corpus(corpus, tell)
    counted = result.counts.shortfalls(methods_of(pair.profiles), pair.profiles)
    result.shortfalls = [] if result.found else counted
    result.duration_s = time.monotonic() - began
    return result


def _engine(target: Target) -> str:
    return f"{target.engine.kind} {target.engine.version or ''}".strip()


class _Run:
    def __init__(self, pair: Pair, result: Result, folder: Path) -> None:
        self._pair = pair
        self._result = result
        self._folder = folder
        names = "-".join(re.sub(r"[^A-Za-z0-9._]+", "_", name) for name in result.names)
        self._stem = f"divergence-{names}-{result.seed}-"
        for old in folder.glob(f"{self._stem}*.json"):
            old.unlink()
        self._known: set[tuple[str, ...]] = set()

    @property
    def _is_enough(self) -> bool:
        return len(self._result.found) >= MOST_FOUND

    def play(self, made: Sequence[History], tell: Tell) -> None:
        player = self._pair.player(self._result.counts)
        for number, history in enumerate(made):
            if self._is_enough:
                return
            self._keep(player.play(history), tell)
            self._result.played += 1
            tell("histories", number + 1, len(made))

    def play_corpus(self, folder: Path, tell: Tell) -> None:
        made = list(recorded(folder)) if folder.is_dir() else []
        if not made:
            self._result.corpus_missing = f"there are none in {folder} (--corpus names a folder)"
            return
        look_every = 1
        if self._result.wanted < ENOUGH_HISTORIES:
            made, look_every = made[: _QUICK_CORPUS[0]], _QUICK_CORPUS[1]
        player = self._pair.player()
        for number, history in enumerate(made):
            if self._is_enough:
                return
            self._keep(player.play(history, look_every=look_every), tell)
            self._result.corpus_played += 1
            tell("recorded dialogues", number + 1, len(made))

    def _keep(self, found: Divergence | None, tell: Tell) -> None:
        if found is None:
            return
        if _signature(found) in self._known:
            self._result.again += 1
            return
        tell("making a divergence short", 0, 1)
        short = shrunk(found, self._pair.player())
        signatures = {_signature(found), _signature(short)}
        known = bool(signatures & self._known)
        self._known |= signatures
        if known:
            self._result.again += 1
            return
        path = self._folder / f"{self._stem}{len(self._result.found) + 1}.json"
        record = as_record(
            short,
            seed=self._result.seed,
            at_once=self._pair.at_once,
            with_times=self._pair.with_times,
        )
        write_record(record, path)
        self._result.found.append(Found(short, rule_of(short), len(found.history.steps), path))


def _signature(found: Divergence) -> tuple[str, ...]:
    """The same for divergences that very likely have one cause."""
    codes = (found.expected.code, found.got.code) if found.where == "outcome" else ()
    return rule_of(found), found.where, found.step.method, *codes, *found.guilty


def play_again(record: Record, targets: Sequence[Target]) -> dict[str, Divergence | None]:
    """A recorded divergence on other targets: for each its divergence from the model, or None.

    Stored items, which the model has none of, are compared between two targets.
    """
    with tempfile.TemporaryDirectory(prefix="dsparity-") as root:
        pair = Pair(targets, Path(root))
        with_times = record.with_times and pair.with_times
        out: dict[str, Divergence | None] = {}
        if record.where == "items":
            player = Player(pair.sides, at_once=record.at_once, with_times=with_times)
            both = player.play(record.history, items_too=True)
            return {side.name: both for side in pair.sides}
        for side in pair.sides:
            player = Player([side], at_once=record.at_once, with_times=with_times)
            out[side.name] = player.play(record.history, prepared_too=False)
        return out
