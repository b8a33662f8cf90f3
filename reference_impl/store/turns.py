"""Turns: clients of a dialogue that were in each other's way take it one after the other (STORE-16).

A turn is advisory. Who holds it writes without being overtaken by those who look at it; safety rests on the
condition of each commit alone, so that nothing is wrong where two hold it, or nobody.
"""

from __future__ import annotations

import math
import string
from typing import NamedTuple

from ..contract.errors import DialogueStoreError
from ..contract.items import Item
from ..contract.limits import MAX_INTEGER
from ..partitions.port import (
    ABSENT,
    ANY,
    Action,
    Check,
    ConditionFailed,
    Contention,
    Delete,
    Equals,
    Expectation,
    LostAnswer,
    PartitionStore,
    Put,
    Transient,
)
from .runtime import Runtime

__all__ = ["Pace", "Turn"]

#: Seconds for which a turn is its holder's unless it is renewed, by the holder's own clock; and for which
#: have to see it unchanged, by theirs, before one of them takes it away.
_LEASE_S, _GONE_S = 0.25, 0.3
#: Either is so many times what one look takes, where the engine is that slow: three times as long at most.
_SLOW_LEASE, _SLOW_GONE, _SLOWEST = 15.0, 20.0, 3.0
#: A turn between two calls of its holder is taken away when it was unchanged for this share of what two looks
#: are apart, or for so many times what one look takes.
_IDLE, _SLOW_IDLE = 1 / 3, 10.0
#: Commits of one turn; and of a client that has met nobody, before it looks whether somebody waits.
_COMMITS = 8
#: Such a client looks with every so many commits from then on, in the commit itself.
_LOOK_EVERY = 4
#: Who released a turn leaves it to others for so many times what two looks are apart; twice as long each time
#: that nobody took it, up to the second.
_REST, _LONGEST_REST = 1.25, 3.0
#: The most that two looks of who waits are apart shrinks to this share, within so many times its length, but
#: never below these seconds: those who wait would take the CPU from who works.
_PATIENT, _AGE, _SHORTEST_LOOK_S = 6.0, 20.0, 0.008
#: Where one look takes long, two are so many times further apart, so that who waits holds up nobody who
#: works; up to these seconds.
_COURTESY, _LONGEST_LOOK_S = 5.0, 0.3
#: Looks for one turn at most, however fast they are.
_LOOKS = 5_000
#: Seconds after meeting others for which a client goes on taking turns.
_CONTENDED_S = 1.0
#: Two calls that are no further apart are one burst: the turn is kept in between.
_BURST_S = 0.05
#: The share of what is left of a deadline that may be waited for a turn; then it is tried without one. Half
#: as much each time that none was had: it may be an item that somebody forges.
_SHARE = 0.75
#: Seconds for which no turn is asked for after the engine refused to look for one.
_WITHOUT_S = 5.0

#: How an engine call for a turn may end without one. None of it ends the call that asked for it.
_NO_TURN = (ConditionFailed, Contention, Transient, LostAnswer, DialogueStoreError)


class _Mark(NamedTuple):
    """What tells one turn from another: its holder, and how often it was renewed. ``is_idle``: the holder is
    between two calls, and there may be no other."""

    holder: str
    number: int
    is_idle: bool = False

    @property
    def attributes(self) -> dict[str, str | int]:
        """Those of the item that are the mark's."""
        idle = {"idle": 1} if self.is_idle else {}
        return {"holder": self.holder, "count": self.number, **idle}

    def renewed(self, *, is_idle: bool = False) -> _Mark:
        """The same turn, later."""
        return _Mark(self.holder, self.number + 1, is_idle)


#: Of whatever no holder has put there.
_FORGED = _Mark("", 0)


class Turn:
    """One client's place in the queue of a dialogue: an item that its holder put there.

    It lies at pk ``turn#{dialogue_id}``, in no partition of the contract: ``holder`` is made anew for each
    turn (32 hex digits), ``count`` grows as it is renewed, ``idle`` is there between two calls of a burst. No
    machine's clock stands in it. Whatever else lies there is waited for as long as an unchanged turn, and
    replaced. No error of the engine comes out of here: who cannot have a turn goes on without one.
    """

    def __init__(self, partitions: PartitionStore, dialogue_id: str, runtime: Runtime) -> None:
        self._partitions = partitions
        self._runtime = runtime
        self._held: _Mark | None = None
        self._since = -math.inf
        self._lease_s = _LEASE_S
        self._look_s = partitions.turn_look_s or 0.0
        #: The most that two looks of another client are apart, by what they take here.
        self._apart_s = self._look_s
        self._released = -math.inf
        self._rest = _REST
        self._leaving: tuple[_Mark, float] | None = None
        self.key = (f"turn#{dialogue_id}", "turn")
        #: Whether somebody else held it when it was asked for last.
        self.met_others = False
        #: Why the engine would not even look when it was asked for last.
        self.refusal: DialogueStoreError | None = None

    @property
    def is_held(self) -> bool:
        """Whether this client took it and has not given it back; the lease may be over."""
        return self._held is not None

    @property
    def is_idle(self) -> bool:
        """Whether it is held between two calls, so that others need not wait for long."""
        return self._held is not None and self._held.is_idle

    def goes_on(self) -> bool:
        """Whether the next call may count on it without asking: the condition of its commit will tell."""
        return self.is_idle and self._age() < self._lease_s

    def take(self, until: float) -> bool:
        """Whether it could be had by ``until``, seconds of the runtime's ``monotonic``."""
        if self.keep():
            return True
        self.met_others, self.refusal = False, None
        try:
            return self._wait(until)
        except DialogueStoreError as refused:
            self.refusal = refused
        except _NO_TURN:
            pass
        return False

    def _wait(self, until: float) -> bool:
        runtime = self._runtime
        begun = runtime.monotonic()
        self._sleep(self._released + max(self._rest * self._look_s, self._apart_s) - begun, until)
        seen: _Mark | None = None
        since = 0.0
        for _ in range(_LOOKS):
            asked = runtime.monotonic()
            there = self._partitions.get(*self.key)
            took = runtime.monotonic() - asked
            gone_s = min(max(_GONE_S, _SLOW_GONE * took), _SLOWEST * _GONE_S)
            idle_s = min(max(_IDLE * self._look_s, _SLOW_IDLE * took), gone_s)
            mark = None if there is None else _mark(there)
            is_idle = mark is not None and mark.is_idle
            if mark is None or (mark == seen and asked - since >= (idle_s if is_idle else gone_s)):
                if self._put(_lies(mark), _Mark(runtime.token(), 1)):
                    self._lease_s = min(max(_LEASE_S, _SLOW_LEASE * took), _SLOWEST * _LEASE_S)
                    self._rest = _REST if self.met_others else min(2 * self._rest, _LONGEST_REST)
                    return True
            elif mark != seen:
                self.met_others = True
                seen, since = mark, runtime.monotonic()
            now = runtime.monotonic()
            if now >= until:
                return False
            aged = min(1.0, (now - begun) / (_AGE * self._look_s))
            bound = self._look_s * (1 - aged * (1 - 1 / _PATIENT))
            slow_s = min(max(_COURTESY * took, _SHORTEST_LOOK_S), _LONGEST_LOOK_S)
            self._apart_s = max(self._look_s, slow_s) + took
            # One that is idle is looked at again as soon as it may be over.
            wait_s = idle_s if is_idle else runtime.jitter(max(bound, slow_s))
            self._sleep(wait_s, until)
        return False

    def keep(self) -> bool:
        """Whether it is still held; renewed where half of the lease is over, or others take it to be idle."""
        held = self._held
        if held is None:
            return False
        age = self._age()
        if age < self._lease_s / 2 and not held.is_idle:
            return True
        self.given_back()
        try:
            return age < self._lease_s and self._put(_lies(held), held.renewed())
        except _NO_TURN:
            return False

    def giving_back(self) -> list[Action]:
        """What gives it back in a commit of the dialogue, which fails where another took it away: then it is
        the other's to write. Nothing where the lease is over."""
        held = self._held
        if held is None or self._age() >= self._lease_s:
            return []
        return [Delete(self.key, _lies(held))]

    def leaving_idle(self) -> list[Action]:
        """What keeps it for the next call of a burst, in a commit of the dialogue; it fails as
        :meth:`giving_back` does."""
        held = self._held
        now = self._runtime.monotonic()
        if held is None or self._age() >= self._lease_s:
            return []
        mark = held.renewed(is_idle=True)
        self._leaving = mark, now
        return [self._item(mark, _lies(held))]

    def left_idle(self) -> None:
        """A commit with :meth:`leaving_idle` is through."""
        if self._leaving is not None:
            self._held, self._since = self._leaving

    def given_back(self) -> None:
        """It is no longer this client's: a commit with :meth:`giving_back` is through."""
        self._held = None
        self._released = self._runtime.monotonic()

    def release(self) -> None:
        """Give it back, if it is held. Where that fails it ends by itself."""
        held = self._held
        if held is None:
            return
        self.given_back()
        try:
            gone = Delete(self.key, _lies(held))
            self._partitions.commit([gone], token=self._runtime.token())
        except _NO_TURN:
            pass

    def _put(self, expect: Expectation, mark: _Mark) -> bool:
        begun = self._runtime.monotonic()
        try:
            self._partitions.commit([self._item(mark, expect)], token=self._runtime.token())
        except (ConditionFailed, Contention):
            self.met_others = True
            return False
        except LostAnswer:
            return False  # if it took place, it ends by itself
        self._held, self._since = mark, begun
        return True

    def _item(self, mark: _Mark, expect: Expectation) -> Put:
        pk, sk = self.key
        item: Item = {"pk": pk, "sk": sk, **mark.attributes}
        return Put(item, expect)

    def _age(self) -> float:
        return self._runtime.monotonic() - self._since

    def _sleep(self, seconds: float, until: float) -> None:
        seconds = min(seconds, until - self._runtime.monotonic())
        if seconds > 0:
            self._runtime.sleep(seconds)


class Pace:
    """How one store writes one dialogue beside other clients; used by one thread at a time.

    Who has met nobody writes from what it knows, and pays for no turn. Who has lost takes turns for a while.
    A winner meets no loser, so after some commits it has its commit fail where somebody holds a turn.
    """

    def __init__(self, partitions: PartitionStore, dialogue_id: str, runtime: Runtime) -> None:
        self._takes_turns = partitions.turn_look_s is not None
        self._room = partitions.max_actions or math.inf
        self._runtime = runtime
        self._met = self._lost = self._ended = self._refused = -math.inf
        self._commits = 0
        self._share = _SHARE
        self._is_burst = False
        self.turn = Turn(partitions, dialogue_id, runtime)

    def begin(self) -> None:
        """A call begins."""
        self._is_burst = self._runtime.monotonic() - self._ended < _BURST_S

    def wait(self, until: float) -> bool:
        """Before a write is prepared: wait for the turn, where others were met. No turn ever refuses a
        write: where none can be had, it is tried without one.

        Returns whether others have most likely written meanwhile, so that it is better to read first."""
        now = self._runtime.monotonic()
        if self.turn.goes_on() or self.turn.keep():
            return False
        if now - self._met < _CONTENDED_S and self._asks(now):
            self._commits = 0
            if self.turn.take(now + self._share * (until - now)):
                self._share = _SHARE
            else:
                self._share /= 2
            if self.turn.refusal is not None:
                self.refused(self.turn.refusal)
            self._note_others()
            return now - self._lost < _CONTENDED_S
        return False

    def besides(self, actions: int) -> list[Action]:
        """What a commit of so many actions does besides: it gives the turn back with the last write, or
        looks whether somebody has one, so that a winner meets who waits."""
        if actions >= self._room:
            return []
        if self.turn.is_held:
            is_last = not self._is_burst or self._commits + 1 >= _COMMITS
            return self.turn.giving_back() if is_last else self.turn.leaving_idle()
        over = self._commits - _COMMITS
        if over < 0 or over % _LOOK_EVERY or not self._asks(self._runtime.monotonic()):
            return []
        return [Check(self.turn.key, ABSENT)]

    def met(self, *, only_turn: bool = False) -> None:
        """A commit lost against others, or they wrote while it was being prepared; ``only_turn``: nobody
        wrote, but somebody holds a turn."""
        self._commits = 0
        self._met = self._runtime.monotonic()
        if not only_turn:
            self._lost = self._met
        elif self.turn.is_held:
            self.turn.given_back()

    def refused(self, refusal: DialogueStoreError) -> None:
        """The engine has no turns for this client: go on without, for some seconds; for good where it is
        not allowed any."""
        self._refused = math.inf if refusal.code == "access_denied" else self._runtime.monotonic()

    def committed(self, besides: list[Action]) -> None:
        """A commit is through, and what it did besides."""
        self._commits += 1
        if any(isinstance(action, Delete) for action in besides):
            self._note_others()
            self.turn.given_back()
        elif any(isinstance(action, Put) for action in besides):
            self.turn.left_idle()
        elif self.turn.is_held and self._commits >= _COMMITS:
            self._release()

    def end(self, *, failed: bool) -> None:
        """The call ends: the turn is kept for the next one of a burst alone, and others know."""
        self._ended = self._runtime.monotonic()
        if failed or not self.turn.is_idle:
            self._release()

    def _release(self) -> None:
        if self.turn.is_held:
            self._note_others()
            self.turn.release()

    def _note_others(self) -> None:
        """Whoever waited for a turn waits for the next one as well."""
        if self.turn.met_others:
            self._met = self._runtime.monotonic()

    def _asks(self, now: float) -> bool:
        return self._takes_turns and now - self._refused >= _WITHOUT_S


def _lies(mark: _Mark | None) -> Expectation:
    """What is expected under the key; nothing of what no holder has put there, for no engine need
    compare it."""
    if mark is None:
        return ABSENT
    return ANY if mark == _FORGED else Equals({"holder": mark.holder, "count": mark.number})


def _mark(item: Item) -> _Mark:
    holder, count = item.get("holder"), item.get("count")
    if type(holder) is not str or type(count) is not int:
        return _FORGED
    is_turn = len(holder) == 32 and set(holder) <= set(string.hexdigits)
    if not is_turn or not 0 < count < MAX_INTEGER:
        return _FORGED
    return _Mark(holder, count, "idle" in item)
