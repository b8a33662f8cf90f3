"""One sealed write: what is sent, again and again if need be, with the same bytes (HEAD-08)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contract.items import Item
from ..partitions.port import Action, Put
from ..sealing.audit_chain import Tip, Use
from .journal import Journal
from .snapshot import Head, NewDek, Snapshot, Written

__all__ = ["Commit"]


@dataclass(frozen=True, slots=True)
class Commit:
    """Actions of one atomic write, and what the store knows once it is acknowledged.

    ``base``: the state that it was planned on; ``sealed``: the use of the key that sealed it; ``result``
    makes what the method returns, from the dialogue's id.
    """

    token: str
    actions: Sequence[Action]
    base: Snapshot = field(repr=False)
    head: Head
    records: Sequence[Written] = field(repr=False)
    result: Callable[[str], Any] = field(repr=False)
    tip: Tip
    sealed: Use
    journal: Journal | None = None
    new_deks: Sequence[NewDek] = ()

    @property
    def first_event(self) -> Item:
        """Its first event on the write chain: only this commit can have put it there (HEAD-03)."""
        for action in self.actions:
            if isinstance(action, Put) and action.item["pk"] != self.head.item["pk"]:
                return action.item
        raise AssertionError("every commit has an event")

    def evidence(self) -> Mapping[str, Any]:
        """ERR-01: how to find out whether the write took place. Its first event, ``event_hash``, lies at
        ``pk`` and ``sk`` if it did; ``revision`` is the one that it makes."""
        event = self.first_event
        found = {name: event[name] for name in ("pk", "sk", "event_hash")}
        return {**found, "revision": self.head.revision}
