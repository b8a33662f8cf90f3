"""Playing a history on one or more stores at once, compared after every step with the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from conformance.targets.base import Backend
from conformance.targets.guard import Undecided, because, set_clock
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.testing import ManualClock

from .history import CLOSE, OPEN, SWITCH, History, Step, expanded
from .jobs import SideThread, at_once
from .outcomes import (
    NOTHING,
    Outcome,
    clipped,
    differing,
    in_clear,
    refused,
    returned,
    stray,
    timeless,
    without,
)
from .prepared import MAIN, steps_of

__all__ = ["MODEL", "Divergence", "NoAnswer", "Player", "Side", "Stage", "Watch"]

T = TypeVar("T")

#: The name that the model has among the sides.
MODEL: Final = "model"
#: The read that shows a whole partition.
_LOOK: Final = "load_partition"


class Stage(Protocol):
    """Isolated storage for one history: :class:`conformance.running.session.World`, or the model's own."""

    def open(self) -> Backend:
        """Open it: the first time, or again after a close."""

    def close_all(self) -> None:
        """Close what was opened and forget what was stored."""


class NoAnswer(Exception):
    """A side did not answer in time."""


class Watch(Protocol):
    """Is told of every step that the model has played."""

    def __call__(self, step: Step, expected: Outcome) -> None: ...


class Side:
    """One store that plays histories, each on storage of its own.

    ``threaded``: it works in a thread of its own while the others work. ``patience_s``: how long
    one step may take there; :class:`NoAnswer` after that.
    """

    def __init__(
        self,
        name: str,
        stage: Callable[[], Stage],
        *,
        threaded: bool = False,
        patience_s: float = 120.0,
    ) -> None:
        self.name = name
        #: Whether any call has given anything, be it a refusal of the contract.
        self.has_answered = False
        #: Methods that ended with ``NotImplementedError`` (PROTO-03).
        self.unsupported: set[str] = set()
        self._new_stage = stage
        self._stage: Stage | None = None
        self._clients: dict[int, Backend] = {}
        self._client = 0
        self._do: Callable[[Callable[[], Any]], Future[Any]] = (
            SideThread(name) if threaded else at_once
        )
        self._patience_s = patience_s

    def wait(self, future: Future[T]) -> T:
        """What was asked for."""
        try:
            return future.result(self._patience_s)
        except TimeoutError:
            if future.done():
                raise
            raise NoAnswer(f"{self.name} did not answer in {self._patience_s:g} s") from None

    def begin(self) -> Future[None]:
        """Storage for a new history."""
        return self._do(self._begin)

    def _begin(self) -> None:
        self._end()
        self._stage = self._new_stage()
        try:
            self._clients[self._client] = self._stage.open()
        except Exception as error:
            raise Undecided(
                "setup_error", f"storage for a history could not be opened: {because(error)}"
            ) from error

    def end(self) -> Future[None]:
        """Forget the history's storage."""
        return self._do(self._end)

    def _end(self) -> None:
        stage, self._stage, self._clients, self._client = self._stage, None, {}, 0
        if stage is not None:
            with suppress(Exception):  # a close that fails is a step's business, not the end's
                stage.close_all()

    @property
    def backend(self) -> Backend:
        """The client that makes the calls."""
        assert self._client in self._clients, "a history has begun"
        return self._clients[self._client]

    def play(self, step: Step, look_at: str | None) -> Future[tuple[Outcome, Outcome]]:
        """What a step ends with, and the whole partition after it (:data:`NOTHING` for None)."""
        return self._do(lambda: (self._play(step), self._look(look_at)))

    def look(self, dialogue_id: str) -> Future[Outcome]:
        """The whole partition."""
        return self._do(lambda: self._look(dialogue_id))

    def items(self, dialogue_id: str) -> Future[Outcome]:
        """The stored items in clear; :data:`NOTHING` where the store does not show them."""
        return self._do(lambda: self._items(dialogue_id))

    def _play(self, step: Step) -> Outcome:
        if step.method == SWITCH:
            self._client = 1 - self._client
            return NOTHING if self._client in self._clients else self._opened()
        if step.method == OPEN:
            return self._opened()
        ended = self._ended(step.method, step.params, step.at)
        self.has_answered |= ended.body != NOTHING.body and not ended.is_stray
        return ended

    def _opened(self) -> Outcome:
        """Open the storage once more; the new client makes the calls."""
        assert self._stage is not None, "a history has begun"
        try:
            self._clients[self._client] = self._stage.open()
        except DialogueStoreError as error:
            return refused(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
            return stray(error)
        return NOTHING

    def _look(self, dialogue_id: str | None) -> Outcome:
        if dialogue_id is None:
            return NOTHING
        return self._ended(_LOOK, {"dialogue_id": dialogue_id})

    def _items(self, dialogue_id: str) -> Outcome:
        if self.backend.raw is None:
            return NOTHING
        try:
            return in_clear(self.backend.raw.scan(dialogue_id))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
            return stray(error)

    def _ended(self, method: str, params: Mapping[str, Any], at: str | None = None) -> Outcome:
        backend = self.backend
        if at is not None and backend.set_clock is not None:
            set_clock(backend.set_clock, at)
        try:
            result = self._call(backend, method, params)
        except DialogueStoreError as error:
            return refused(error)
        except NotImplementedError as error:
            self.unsupported.add(method)
            return stray(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
            return stray(error)
        try:
            return returned(result)
        except Exception as error:  # noqa: BLE001 - no result of the contract: it contains itself
            return stray(error)

    def _call(self, backend: Backend, method: str, params: Mapping[str, Any]) -> object:
        if method == CLOSE:
            backend.store.close()
            return None
        result = getattr(backend.store, method)(**expanded(params))
        return _verified(result) if method == "verify_chain" else result


def _verified(report: Any) -> object:
    """What every sound store reports of its chains: hashes and a reader's chain are its own."""
    return {
        name: getattr(report, name, None) for name in ("ok", "with_key", "findings", "unverified")
    }


#: What a check of stored items gives where nobody has touched them.
_SOUND: Final[Mapping[str, object]] = {
    "verify_partition": [],
    "verify_chain": {"ok": True, "with_key": True, "findings": [], "unverified": []},
}


class _ModelStage:
    def __init__(self) -> None:
        self.storage: dict[str, Partition] = {}

    def open(self) -> Backend:
        clock = ManualClock()
        return Backend(ModelStore(clock, storage=self.storage), set_clock=clock.set)

    def close_all(self) -> None:
        pass


class _Truth(Side):
    """The model as a side."""

    def __init__(self) -> None:
        super().__init__(MODEL, _ModelStage)

    def dialogues(self) -> list[str]:
        """The dialogues that there are."""
        assert isinstance(self._stage, _ModelStage), "a history has begun"
        return list(self._stage.storage)

    def _call(self, backend: Backend, method: str, params: Mapping[str, Any]) -> object:
        try:
            if method in _SOUND:
                backend.store.get_dialogue(params["dialogue_id"])
                return _SOUND[method]
            return super()._call(backend, method, params)
        except DialogueStoreError:
            raise
        except Exception as error:
            raise Undecided(
                "suite_error", f"the suite's own model broke in {method}: {because(error)}"
            ) from error


@dataclass(frozen=True)
class Divergence:
    """Where stores part: in the ``outcome`` of a step, the ``partition`` or the stored ``items``.

    ``history`` ends with the step that shows it. ``seen``: side -> what it gave, as JSON with long
    texts clipped; of partitions and items only what differs. ``before``: the partition as the
    model had it before the step. ``guilty``: the sides that the model contradicts (of items, which
    it has none of, all of them).
    """

    history: History
    where: str
    dialogue_id: str
    seen: Mapping[str, Any]
    guilty: tuple[str, ...]
    expected: Outcome
    got: Outcome
    outcome: Outcome
    unchanged: bool

    @property
    def step(self) -> Step:
        """The step that shows it."""
        return self.history.steps[-1]


class Player:
    """Plays histories on the model and on sides, step by step.

    ``at_once``: prepared partitions may be written as whole rounds. ``with_times``: whether every
    side's clock can be set, so that times are compared. ``watch`` is told of every step. Steps of
    the methods in ``left_out`` are not played, and without ``load_partition`` no partition is looked at.
    Fields of the names in ``without`` are not compared.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        *,
        at_once: bool,
        with_times: bool = True,
        watch: Watch | None = None,
    ) -> None:
        self.sides = sides
        self.at_once = at_once
        self.with_times = with_times
        self.left_out: set[str] = set()
        self.without: set[str] = set()
        self._truth = _Truth()
        self._watch = watch

    def only(self, names: Sequence[str]) -> Player:
        """A player for some of the sides."""
        sides = [side for side in self.sides if side.name in names]
        fewer = Player(sides, at_once=self.at_once, with_times=self.with_times)
        fewer.left_out = self.left_out
        fewer.without = self.without
        return fewer

    def _left(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        return tuple(step for step in steps if step.method not in self.left_out)

    def play(
        self,
        history: History,
        *,
        look_every: int = 1,
        items_too: bool = False,
        prepared_too: bool = True,
    ) -> Divergence | None:
        """Play a history on new storage; the first divergence, or None.

        ``look_every``: after how many steps the partition is compared. ``items_too``: stored items
        are compared as often, else only at the end; where they differ there, the history is played
        again to find the step. ``prepared_too``: what parts in the preparation is told as a history
        of its own, from nothing; else the first step is the first to be compared.
        """
        everybody = [self._truth, *self.sides]
        history = history.with_steps(self._left(history.steps))
        try:
            for side, begun in [(side, side.begin()) for side in everybody]:
                side.wait(begun)
            prepared = self._left(steps_of(history.prepared, at_once=self.at_once))
            again = found = self._prepare(
                History(history.name, "empty", prepared), compare=prepared_too
            )
            if found is None:
                found = self._steps(history, look_every, items_too=items_too)
                if found is not None and found.where == "items" and not items_too:
                    again, items_too = found, True
        finally:
            for side, ended in [(side, side.end()) for side in everybody]:
                side.wait(ended)
        if again is not None:
            start = again.history if again.history.prepared != history.prepared else history
            found = self.play(start, look_every=look_every, items_too=items_too) or found
        return found

    def _prepare(self, beginning: History, *, compare: bool) -> Divergence | None:
        """Write a prepared partition; the first divergence, though perhaps not at its step."""
        about = _About(beginning, MAIN, NOTHING, unchanged=False)
        for step in beginning.steps:
            expected, answers = self._played(step, None)
            found = about.compared("outcome", expected[0], {n: a[0] for n, a in answers.items()})
            if compare and found is not None:
                return found
        return self._everywhere(about) if compare and beginning.steps else None

    def _steps(self, history: History, look_every: int, *, items_too: bool) -> Divergence | None:
        before: dict[str, Outcome] = {}
        client, shut = 0, {0: False, 1: False}
        about = _About(history, MAIN, NOTHING, unchanged=True)
        for number, step in enumerate(history.steps, 1):
            client = 1 - client if step.method == SWITCH else client
            shut[client] = step.method == CLOSE or (shut[client] and step.method != OPEN)
            # A look would refresh what a client remembers before its turn has shown it.
            looks = not shut[client] and step.method != SWITCH and number % look_every == 0
            looks = looks and _LOOK not in self.left_out
            dialogue_id = self._about(step)
            expected, answers = self._played(step, dialogue_id if looks else None)
            if self._watch is not None:
                self._watch(step, expected[0])
            unchanged = looks and before.get(dialogue_id) == expected[1]
            so_far = history.with_steps(history.steps[:number])
            about = _About(so_far, dialogue_id, expected[0], unchanged)
            for position, where in enumerate(("outcome", "partition")):
                given = {name: answer[position] for name, answer in answers.items()}
                found = about.compared(where, expected[position], given)
                if found is not None:
                    return found
            if items_too and looks and (found := self._items(about)) is not None:
                return found
            if looks:
                before[dialogue_id] = expected[1]
        if shut[client]:
            return None
        # Everything that there is, also what the last steps were not about.
        return self._everywhere(about, items_too=True)

    def _played(
        self, step: Step, look_at: str | None
    ) -> tuple[tuple[Outcome, Outcome], dict[str, tuple[Outcome, Outcome]]]:
        """What the model and each side end with, and their partitions after it."""
        asked = [(side, side.play(step, look_at)) for side in self.sides]
        expected = self._both(self._truth.wait(self._truth.play(step, look_at)))
        return expected, {side.name: self._both(side.wait(answer)) for side, answer in asked}

    def _everywhere(self, about: _About, *, items_too: bool = False) -> Divergence | None:
        """Every dialogue's partition, and its stored items."""
        if _LOOK in self.left_out:
            return None
        for dialogue_id in self._truth.dialogues():
            here = about.of(dialogue_id)
            asked = [(side, side.look(dialogue_id)) for side in self.sides]
            whole = self._shown(self._truth.wait(self._truth.look(dialogue_id)))
            wholes = {side.name: self._shown(side.wait(answer)) for side, answer in asked}
            found = here.compared("partition", whole, wholes)
            if found is None and items_too:
                found = self._items(here)
            if found is not None:
                return found
        return None

    def _items(self, about: _About) -> Divergence | None:
        if len(self.sides) < 2:
            return None
        asked = [(side, side.items(about.dialogue_id)) for side in self.sides]
        stored = {side.name: self._shown(side.wait(answer)) for side, answer in asked}
        first, *others = stored.items()
        if NOTHING in stored.values():
            return None
        return about.compared("items", first[1], dict(others), base=first[0])

    def _about(self, step: Step) -> str:
        """The dialogue that a step is about."""
        named = step.params.get("dialogue_id")
        if isinstance(named, str) and step.method == "create_dialogue":
            return named
        return named if isinstance(named, str) and named in self._truth.dialogues() else MAIN

    def _both(self, ended: tuple[Outcome, Outcome]) -> tuple[Outcome, Outcome]:
        return self._shown(ended[0]), self._shown(ended[1])

    def _shown(self, outcome: Outcome) -> Outcome:
        outcome = without(outcome, self.without) if self.without else outcome
        return outcome if self.with_times else timeless(outcome)


@dataclass(frozen=True)
class _About:
    """What is being compared, for the divergence that may come of it."""

    history: History
    dialogue_id: str
    outcome: Outcome
    unchanged: bool

    def of(self, dialogue_id: str) -> _About:
        return _About(self.history, dialogue_id, self.outcome, self.unchanged)

    def compared(
        self, where: str, expected: Outcome, given: Mapping[str, Outcome], base: str = MODEL
    ) -> Divergence | None:
        guilty = [name for name, outcome in given.items() if not expected.same(outcome)]
        if not guilty:
            return None
        everybody = {base: expected, **given}
        return Divergence(
            self.history,
            where,
            self.dialogue_id,
            _seen(where, everybody, base),
            tuple(guilty) if base == MODEL else tuple(everybody),
            expected,
            given[guilty[0]],
            self.outcome,
            self.unchanged,
        )


def _seen(where: str, everybody: Mapping[str, Outcome], base: str) -> dict[str, Any]:
    values = {name: outcome.value() for name, outcome in everybody.items()}
    if where == "outcome":
        return {name: clipped(value) for name, value in values.items()}
    seen: dict[str, dict[str, Any]] = {name: {} for name in values}
    for name, value in values.items():
        for path, mine, theirs in differing(values[base], value):
            seen[base].setdefault(path, clipped(mine))
            seen[name][path] = clipped(theirs)
    return seen
