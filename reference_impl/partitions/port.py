"""The port behind which items live: get, query, commit. Partition stores know items, never entities.

A commit is atomic: every condition holds and every action is done, or nothing is. Engine faults come out
as errors of the contract (ERR-02); what the layer above has to decide about comes out as one of the four
exceptions below.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..contract.errors import DialogueStoreError
from ..contract.items import Item, Key, Value

__all__ = [
    "ABSENT",
    "ANY",
    "Absent",
    "Action",
    "Anything",
    "Check",
    "ConditionFailed",
    "Contention",
    "Delete",
    "Equals",
    "Expectation",
    "LostAnswer",
    "PartitionStore",
    "Put",
    "Transient",
    "bounded_by",
    "holds",
    "keys_of",
    "time_left",
]


@dataclass(frozen=True, slots=True)
class Anything:
    """No condition."""


@dataclass(frozen=True, slots=True)
class Absent:
    """No item may lie under the key."""


@dataclass(frozen=True, slots=True)
class Equals:
    """An item lies under the key, with exactly these values for these attributes; None: the attribute
    is absent."""

    attributes: Mapping[str, Value | None]


Expectation: TypeAlias = Anything | Absent | Equals
ANY = Anything()
ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole item (no merge) where ``expect`` holds."""

    item: Item
    expect: Expectation = ANY


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the item under ``key`` where ``expect`` holds."""

    key: Key
    expect: Expectation = ANY


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing; ``expect`` must hold for ``key``."""

    key: Key
    expect: Expectation


Action: TypeAlias = Put | Delete | Check


@dataclass
class ConditionFailed(Exception):
    """At least one expectation did not hold; nothing was written. ``keys`` are those that failed."""

    keys: list[Key] = field(default_factory=list)


class Contention(Exception):
    """Another writer was in the way (busy file, transaction conflict); nothing was written."""


class Transient(Exception):
    """The engine throttled, timed out or was not there; nothing was written: a later try may succeed.

    ``error`` is the contract's error for the caller who runs out of time.
    """

    def __init__(self, error: DialogueStoreError) -> None:
        super().__init__(error.message)
        self.error = error


class LostAnswer(Exception):
    """A commit was sent and no answer came: it may have taken place, or may still (ERR-04).

    ``cause``: what the engine complained of, where it said anything.
    """

    def __init__(self, cause: DialogueStoreError | None = None) -> None:
        super().__init__(cause.message if cause is not None else "no answer")
        self.cause = cause


_left: ContextVar[Callable[[], float] | None] = ContextVar("left", default=None)


@contextmanager
def bounded_by(left: Callable[[], float]) -> Iterator[None]:
    """Within it no engine call of this thread waits longer for an answer than ``left()`` says at its
    beginning, in seconds (STORE-16). It goes by the thread, so that whatever passes calls on passes it on."""
    token = _left.set(left)
    try:
        yield
    finally:
        _left.reset(token)


def time_left() -> float | None:
    """Seconds that an engine call that begins now may wait for an answer, 0 where the deadline has passed;
    None: nobody has set a bound."""
    left = _left.get()
    return None if left is None else max(0.0, left())


def holds(item: Mapping[str, Value] | None, expect: Expectation) -> bool:
    """Whether an expectation holds for what lies under the key. ``True`` is not ``1``; ``1.0`` is."""
    if isinstance(expect, Absent):
        return item is None
    if isinstance(expect, Equals):
        return item is not None and all(
            _same(item.get(name), value) for name, value in expect.attributes.items()
        )
    return True


def keys_of(actions: Sequence[Action]) -> list[Key]:
    """The keys of a commit, in its order, once it is sure that every engine could take it.

    ``ValueError`` for a key named twice, an empty key, and a value that is none of :data:`Value`'s
    exact types or that some engine cannot hold: a lone surrogate, an integer beyond 64 bits, a
    float that is not finite or outside 1e-130 to 1e126.
    """
    keys: list[Key] = []
    for action in actions:
        if isinstance(action, Put):
            for name, value in action.item.items():
                # What most values are is looked at here: a call costs more than the look.
                if not (type(value) is str and value.isascii()) and not _storable(value):
                    raise ValueError(f"attribute {name!a} holds no value that an item can have")
            pk, sk = action.item.get("pk"), action.item.get("sk")
        else:
            pk, sk = action.key
        if not (isinstance(pk, str) and pk and isinstance(sk, str) and sk):
            raise ValueError("a key needs a pk and an sk that are text and not empty")
        keys.append((pk, sk))
    if len(set(keys)) != len(keys):
        raise ValueError("a commit names one key twice")
    return keys


def _same(left: Value | None, right: Value | None) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _storable(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return bool(value.isascii()) or _is_unicode(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    if kind is float:
        return bool(value == 0 or 1e-130 <= abs(value) < 1e126)
    return kind is bytes or kind is bool


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class PartitionStore(ABC):
    """Items by (pk, sk). Reads are consistent: they see every commit acknowledged before they began.

    No call waits without an answer for longer than :func:`time_left` says, or a quarter of a second where
    that is less.
    """

    #: Actions of one commit at most, None where the engine sets no limit.
    max_actions: int | None = None
    #: Clients that were in each other's way take turns through an item (STORE-16): seconds between two looks
    #: of who waits for one, at most. None: they don't.
    turn_look_s: float | None = None
    #: Whether a whole partition may take more than one page, of more than one moment.
    is_paged = False

    @abstractmethod
    def get(self, pk: str, sk: str) -> Item | None:
        """The item under the key, or None. One engine call."""

    @abstractmethod
    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        """All items of a partition whose sort key begins with ``prefix``, by ascending sort key (bytes).

        Pages past the engine's limits; more than one page is no snapshot (HEAD-04 finds a mixture).
        """

    @abstractmethod
    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        """The item with the highest sort key that begins with ``prefix``, or None. One engine call,
        whose cost does not grow with the partition."""

    @abstractmethod
    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        """Items with ``low <= sk < high`` by ascending sort key (bytes), a page at a time."""

    @abstractmethod
    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        """Do all actions at once or none. No two may name one key (:func:`keys_of`); none is no commit.

        ``token`` (at most 36 characters) names this commit: a repeat with the same actions and token,
        after a lost answer, is no second write where the engine remembers tokens (HEAD-08).
        Raises :class:`ConditionFailed`, :class:`Contention`, :class:`Transient`, :class:`LostAnswer`, or
        errors of the contract that no repeat cures: ``storage_full``, ``access_denied``,
        ``table_not_found``. Never retries by itself: the layer above owns the deadline.
        """

    def append(self, items: Sequence[Item], *, token: str) -> None:
        """Commit new items that nobody else writes, where none may lie: the log of reads. As
        :meth:`commit`, but an engine with one writer at a time is not waited for: others come first."""
        self.commit([Put(item, ABSENT) for item in items], token=token)

    @abstractmethod
    def holds_wrapped_keys(self) -> bool:
        """Whether any dialogue of the whole store has a wrapped key (KEY-02): the one scan there is."""

    def close(self) -> None:  # noqa: B027 - memory has nothing to release
        """Release what is held; closing twice is fine."""
