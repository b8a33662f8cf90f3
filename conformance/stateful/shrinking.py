"""Making a divergence short: fewer steps, then simpler ones, by playing again what is left.

Delta debugging on the JSON steps, and not Hypothesis's shrinking: a step that is left out leaves the others
as they were (numbers drawn again would make other calls of them), how often an engine is asked is bounded,
and a history that somebody wrote by hand or that came from a corpus is shrunk as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from reference_impl.contract.tables import METHODS

from .history import History, Step
from .inputs import KINDS
from .outcomes import differing
from .playing import Divergence, Player
from .prepared import MAIN, PREPARED

__all__ = ["MOST_TRIALS", "shrunk"]

#: So many steps are few enough to be read.
_SHORT: Final = 6
#: The most times that a history is played again.
MOST_TRIALS: Final = 250
#: As many again, at least, where the history is still long.
_MORE_TRIALS: Final = 100

_Trial = Callable[[History], Divergence | None]


def shrunk(found: Divergence, player: Player, *, most_trials: int = MOST_TRIALS) -> Divergence:
    """A shorter history that diverges on the same sides, as a divergence of all sides of the player.

    What does not diverge when it is played again is given back as it was.
    """
    names = found.guilty
    fewer = player.only(names) if found.where != "items" else player
    work = _Work(fewer, most_trials, items_too=found.where == "items")
    best = work.diverges(found.history)
    if best is None:
        return found
    best, from_step = work.simplest(best), False
    if len(best.history.steps) > _SHORT:
        best = work.from_more(best)
    if len(best.history.steps) > _SHORT:
        # What only a large partition shows is shown after one, by reading it.
        shown = work.after_preparation(best)
        best, from_step = (shown or best), shown is not None
    if fewer is not player:
        items_too = found.where == "items"
        again = player.play(best.history, items_too=items_too, prepared_too=not from_step)
        best = again or best
    return best


class _Work:
    def __init__(self, player: Player, most_trials: int, *, items_too: bool) -> None:
        self._player = player
        self._left = most_trials
        self._more = min(_MORE_TRIALS, most_trials)
        self._items_too = items_too

    def diverges(self, history: History) -> Divergence | None:
        """What playing it shows; None as well when it was played often enough."""
        if self._left <= 0 or not history.steps:
            return None
        self._left -= 1
        return self._player.play(history, items_too=self._items_too)

    def after_preparation(self, best: Divergence) -> Divergence | None:
        """The same sides parting in a read after some prepared partition, or None."""
        at = best.history.steps[-1].at
        read = Step(at, "load_partition", {"dialogue_id": MAIN})
        for prepared in PREPARED:
            history = History(best.history.name, prepared, (read,))
            found = self._player.play(history, prepared_too=False)
            if found is not None and found.guilty == best.guilty and _lists(found) & _lists(best):
                return found
        return None

    def simplest(self, best: Divergence) -> Divergence:
        """From less, if it can be, and made shorter."""
        return self._shorter(self._from_less(best))

    def _shorter(self, best: Divergence) -> Divergence:
        """Repeat every way of making it simpler until none does."""
        while self._left > 0:
            before = best.history
            best = self._fewer_steps(best)
            best = self._simpler_steps(best)
            if best.history == before:
                break
        return best

    def from_more(self, best: Divergence) -> Divergence:
        """The same after a partition that has what the first steps made, where that is shorter."""
        self._left = max(self._left, self._more)
        for prepared in (name for name in PREPARED if best.history.prepared == "empty" != name):
            tried = self.diverges(History(best.history.name, prepared, best.history.steps))
            if tried is not None and tried.history.prepared == prepared:
                shorter = self._shorter(tried)
                if len(shorter.history.steps) < len(best.history.steps):
                    return shorter
        return best

    def _from_less(self, best: Divergence) -> Divergence:
        for prepared in ("empty", "begun"):
            if best.history.prepared not in ("empty", prepared):
                tried = History(best.history.name, prepared, best.history.steps)
                best = self.diverges(tried) or best
        return best

    def _fewer_steps(self, best: Divergence) -> Divergence:
        size = max(1, len(best.history.steps) // 2)
        while size and self._left > 0:
            # From the end: what later steps rest on goes after them.
            end = len(best.history.steps)
            while end > 0:
                start = max(0, end - size)
                found = self._without(best, start, end)
                best = found or best
                end = min(start, len(best.history.steps))
            size //= 2
        return best

    def _without(self, best: Divergence, start: int, end: int) -> Divergence | None:
        steps = best.history.steps
        kept, gone, rest = steps[:start], steps[start:end], steps[end:]
        found = self.diverges(best.history.with_steps([*kept, *rest]))
        if found is None and len(gone) == 1:
            moved = tuple(_renumbered(gone[0], step) for step in rest)
            if moved != rest:
                found = self.diverges(best.history.with_steps([*kept, *moved]))
        return found

    def _simpler_steps(self, best: Divergence) -> Divergence:
        at = 0
        while at < len(best.history.steps) and self._left > 0:
            for simpler in _simpler(best.history.steps[at]):
                steps = list(best.history.steps)
                if at >= len(steps):
                    break
                steps[at] = simpler
                found = self.diverges(best.history.with_steps(steps))
                if found is not None:
                    best = found
            at += 1
        return best


def _lists(found: Divergence) -> set[str]:
    """The lists of a partition that a divergence is about: another one's is another divergence."""
    if found.where == "partition" or found.step.method == "load_partition":
        paths = [path for seen in found.seen.values() if isinstance(seen, Mapping) for path in seen]
        if found.where == "outcome":
            values = found.expected.value(), found.got.value()
            paths = [path for path, _, _ in differing(*values)]
        return {re.split(r"[.\[ ]", path)[0] for path in paths}
    return {found.step.method.removeprefix("get_")}


def _simpler(step: Step) -> Iterator[Step]:
    """The step without each of its optional parameters, and with plainer values."""
    if not step.is_call:
        return
    required = {param.name for param in METHODS[step.method].params if param.required}
    optional = [name for name in step.params if name not in required]
    if len(optional) > 1:
        yield _with(step, {name: v for name, v in step.params.items() if name in required})
    for name in optional:
        yield _with(step, {n: v for n, v in step.params.items() if n != name})
    for name, value in step.params.items():
        if isinstance(value, Mapping) and "$text" in value:
            yield _with(step, {**step.params, name: "x"})
        elif isinstance(value, list) and value:
            yield _with(step, {**step.params, name: value[:1]})
            yield _with(step, {**step.params, name: []})


def _with(step: Step, params: Mapping[str, Any]) -> Step:
    return Step(step.at, step.method, params)


def _renumbered(gone: Step, step: Step) -> Step:
    """A step with the display ids that it would see had ``gone`` not made an entity before."""
    kind = gone.method.removeprefix("register_")
    number = gone.params.get("round")
    if kind not in KINDS or not isinstance(number, int):
        return step
    letter = {"perspective": "P", "tension": "T", "recommendation": "R", "evidence": "E"}
    pattern = re.compile(rf"^{letter.get(kind, 'C')}{number:02d}([0-9]{{2}})$")

    def moved(value: Any) -> Any:
        if isinstance(value, str) and (found := pattern.match(value)) and int(found[1]) > 1:
            return f"{value[:3]}{int(found[1]) - 1:02d}"
        if isinstance(value, Mapping):
            return {name: moved(member) for name, member in value.items()}
        return [moved(member) for member in value] if isinstance(value, list) else value

    return _with(step, moved(step.params))
