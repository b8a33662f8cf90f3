"""The port behind which items live: get, query, commit. Partition stores know items, never entities.

A commit is atomic: every condition holds and every action is done, or nothing is. Engine faults come out
as errors of the contract (ERR-02); what the layer above has to decide about comes out as one of the four
exceptions below.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

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
    """A commit was sent and no answer came: it may have taken place, or may still (ERR-04)."""


class PartitionStore(ABC):
    """Items by (pk, sk). Reads are consistent: they see every commit acknowledged before they began."""

    #: Actions of one commit at most, None where the engine sets no limit.
    max_actions: int | None = None

    @abstractmethod
    def get(self, pk: str, sk: str) -> Item | None:
        """The item under the key, or None. One engine call."""

    @abstractmethod
    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        """All items of a partition whose sort key begins with ``prefix``, by ascending sort key (bytes).

        Pages past the engine's limits; more than one page is no snapshot (HEAD-04 finds a mixture).
        """

    @abstractmethod
    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        """Do all actions at once or none.

        ``token`` (at most 36 characters) names this commit: a repeat with the same actions and token,
        after a lost answer, is no second write where the engine remembers tokens (HEAD-08).
        Raises :class:`ConditionFailed`, :class:`Contention`, :class:`Transient`, :class:`LostAnswer`, or
        errors of the contract that no repeat cures: ``storage_full``, ``access_denied``,
        ``table_not_found``. Never retries by itself: the layer above owns the deadline.
        """

    @abstractmethod
    def holds_wrapped_keys(self) -> bool:
        """Whether any dialogue of the whole store has a wrapped key (KEY-02): the one scan there is."""

    def close(self) -> None:  # noqa: B027 - memory has nothing to release
        """Release what is held; closing twice is fine."""
