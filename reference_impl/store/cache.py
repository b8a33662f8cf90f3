"""What a store knows of its dialogues between calls, so that a further write needs no read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from .. import forks
from ..contract.items import Item
from ..partitions.port import PartitionStore
from .commit import Commit
from .runtime import Runtime
from .snapshot import Snapshot
from .turns import Pace

__all__ = ["Cache", "CachedDialogue"]

#: How many dialogues a store keeps opened.
_KEPT_DIALOGUES = 64


class CachedDialogue:
    """One dialogue: what was opened last, whether a write may be planned on it, and whose turn it is.

    ``writing`` lets the store's own threads queue up; it is held over engine calls. ``pace``, which only its
    holder uses, lets stores take turns.
    """

    def __init__(self, partitions: PartitionStore, dialogue_id: str, runtime: Runtime) -> None:
        self.writing = runtime.lock()
        self.pace = Pace(partitions, dialogue_id, runtime)
        self._guard = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._is_current = False
        #: Parts of journals that no head named when the state was read; nobody can commit them any more
        #: once a write that was planned on that state has gone through.
        self.orphans: list[Item] = []

    def learn(self, snapshot: Snapshot) -> None:
        """Keep a state that was read and logged, unless a later one is known."""
        with self._guard:
            known = self._snapshot
            if known is None or known.revision <= snapshot.revision:
                if known is not None and known.revision == snapshot.revision:
                    snapshot.tip = snapshot.tip or known.tip
                self._snapshot, self._is_current = snapshot, True

    def shown(self) -> Snapshot | None:
        """What is known, for a read: it may look at this while a write goes on with a copy."""
        with self._guard:
            if self._snapshot is not None:
                self._snapshot.is_shared = True
            return self._snapshot

    def plannable(self) -> Snapshot | None:
        """What a write may be planned on without a read, its end of the write chain included: a state
        whose head was written after the chain was looked at does not tell that."""
        with self._guard:
            known = self._snapshot if self._is_current else None
            return known if known is not None and known.tip is not None else None

    def advance(self, commit: Commit) -> None:
        """An acknowledged commit makes the next state of the one that it was planned on."""
        with self._guard:
            known = self._snapshot
            if known is not None and known.revision >= commit.head.revision:
                return
            snapshot = commit.base
            if snapshot.is_shared:
                snapshot = snapshot.copy()
            # An interrupt in between leaves nothing known, and no state that is half of two.
            self._snapshot, self._is_current = None, False
            snapshot.apply(commit.records, commit.new_deks, commit.head, commit.tip)
            self._snapshot, self._is_current = snapshot, True

    def settle(self, commit: Commit) -> None:
        """The journal of a commit is in place: its head waits for nothing any more."""
        head = commit.head
        item = {name: value for name, value in head.item.items() if name != "pending"}
        with self._guard:
            if self._snapshot is not None and self._snapshot.head is head:
                self._snapshot.head = replace(head, item=item, pending=None)

    def doubt(self) -> None:
        """The next write has to read first; what was opened is still known."""
        with self._guard:
            self._is_current = False


class Cache:
    """The dialogues that a store used last."""

    def __init__(self, partitions: PartitionStore, runtime: Runtime) -> None:
        self._partitions = partitions
        self._runtime = runtime
        self._dialogues: OrderedDict[str, CachedDialogue] = OrderedDict()
        self._lock = threading.Lock()
        forks.register(self, after_in_child=Cache.renew)

    def renew(self) -> None:
        """In the child of a fork: none of the parent's plaintext, and no lock that nobody will release."""
        self._dialogues, self._lock = OrderedDict(), threading.Lock()

    def release(self) -> None:
        """Give back every turn that the store holds: nobody has to wait until it ends by itself."""
        with self._lock:
            dialogues = list(self._dialogues.values())
        for cached in dialogues:
            if cached.writing.acquire(blocking=False):
                try:
                    cached.pace.end(failed=True)
                finally:
                    cached.writing.release()

    def of(self, dialogue_id: str) -> CachedDialogue:
        """What is known of a dialogue, nothing at first."""
        with self._lock:
            found = self._dialogues.get(dialogue_id)
            if found is None:
                found = self._dialogues[dialogue_id] = CachedDialogue(
                    self._partitions, dialogue_id, self._runtime
                )
            self._dialogues.move_to_end(dialogue_id)
            while len(self._dialogues) > _KEPT_DIALOGUES:
                self._dialogues.popitem(last=False)
            return found
