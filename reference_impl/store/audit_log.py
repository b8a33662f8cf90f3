"""Logging every use of a key (AUDIT-01 to AUDIT-09): what one operation used, and where its events go.

Events of a write commit with it on the write chain; events of reads, and of operations that end in an error,
go on a chain of the store instance's own, so that no reader holds up a writer (AUDIT-08).
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import uniform
from typing import TYPE_CHECKING, Any

from ..contract import timestamps
from ..contract.addresses import address, partition_key
from ..contract.errors import DialogueStoreError, error
from ..contract.items import Item, canonical_json
from ..partitions.port import ConditionFailed, PartitionStore
from ..sealing import audit_chain as audit
from ..sealing.audit_chain import WRITE_CHAIN, Tip, Use
from ..sealing.keys import KekHandle, Randomness
from .retry import YIELDING, persist

if TYPE_CHECKING:
    from .snapshot import Snapshot

__all__ = ["AuditLog", "Ledger"]

#: Seconds that the log of reads holds back at first and at most while others keep the engine busy.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.03


class Ledger:
    """The uses of keys that one operation made and that are not logged yet (AUDIT-04: kinds in order,
    within one kind by ascending DEK version; one batch under one key is one event)."""

    def __init__(self, dialogue_id: str) -> None:
        self.dialogue_id = dialogue_id
        self._derive: Use | None = None
        self._wraps: dict[tuple[str, int], Use] = {}
        self._opened: dict[int, tuple[int, str]] = {}
        self._failed: dict[int, dict[str, None]] = {}
        #: The revision that the head carries that was read, 0 where there is none (AUDIT-09).
        self.revision = 0
        #: What was opened so far: an operation that has to read again does not open it again.
        self.known: Snapshot | None = None
        #: The sealing of a write that was given up before it was sent.
        self.spoilt: Use | None = None

    def read(self, head: Item | None) -> None:
        """The head was read, opened or not."""
        revision = head.get("revision") if head is not None else None
        sound = type(revision) is int and 0 < revision < 2**53
        self.revision = revision if sound and isinstance(revision, int) else 0

    def derived(self, key_id: str | None, outcome: str = "success") -> None:
        """The KEK was derived, or could not be."""
        self._derive = Use("derive", outcome, key_id, partition_key(self.dialogue_id))

    def wrapped(self, key_id: str, version: int) -> None:
        """A new data key was wrapped."""
        self._note("wrap", key_id, version, "success")

    def unwrapped(self, key_id: str, version: int, outcome: str = "success") -> None:
        """A wrapped data key was opened, or not."""
        self._note("unwrap", key_id, version, outcome)

    def opened(self, version: int, where: str) -> None:
        """An item was opened under a data key."""
        count, _ = self._opened.get(version, (0, ""))
        self._opened[version] = (count + 1, where)

    def not_opened(self, version: int, where: str) -> None:
        """An item did not open under a data key; it counts once, however often it was tried."""
        self._failed.setdefault(version, {})[where] = None

    def _note(self, operation: str, key_id: str, version: int, outcome: str) -> None:
        where = address(self.dialogue_id, "dek", {"version": version})
        self._wraps[operation, version] = Use(operation, outcome, key_id, where)

    def uses(self) -> list[Use]:
        """What is to be logged, in the order of AUDIT-04."""
        out = [self._derive] if self._derive is not None else []
        for operation in ("wrap", "unwrap"):
            out += [self._wraps[key] for key in sorted(self._wraps) if key[0] == operation]
        pk = partition_key(self.dialogue_id)
        for version in sorted(self._opened.keys() | self._failed.keys()):
            key_id = f"dek#{self.dialogue_id}#{version}"
            count, where = self._opened.get(version, (0, ""))
            failed = list(self._failed.get(version, ()))
            if count:
                out.append(Use("decrypt", "success", key_id, where if count == 1 else pk, count))
            if failed:
                subject = failed[0] if len(failed) == 1 else pk
                out.append(Use("decrypt", "failure", key_id, subject, len(failed)))
        return out

    def clear(self) -> None:
        """Everything is logged."""
        self._derive = None
        self._wraps.clear()
        self._opened.clear()
        self._failed.clear()
        self.spoilt = None


class _Chain:
    """The instance's chain in one dialogue."""

    __slots__ = ("lock", "open", "tip")

    def __init__(self, tip: Tip) -> None:
        self.lock = threading.Lock()
        self.tip = tip
        #: Appends after the tip of which it is not known whether they took place, with their new tips.
        self.open: list[tuple[list[Item], Tip]] = []


class AuditLog:
    """The log of one store instance. ``kek`` gives the KEK if there is one, without trying to get it.

    ``sink``: a file for the events of a store that is opened read-only, one canonical JSON line each.
    """

    def __init__(
        self,
        partitions: PartitionStore,
        kek: Callable[[], KekHandle | None],
        *,
        principal: str,
        clock: timestamps.Clock,
        randomness: Randomness,
        sink: Path | None = None,
    ) -> None:
        self._partitions = partitions
        self._kek = kek
        self._principal = principal
        self._clock = clock
        self._randomness = randomness
        self._sink = sink
        self.chain = audit.read_chain(randomness)
        self._chains: dict[str, _Chain] = {}
        self._mac_keys: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._pause = 0.0

    def mac_key(self, dialogue_id: str) -> bytes | None:
        """The key of a dialogue's macs; None while no KEK could be had."""
        kek = self._kek()
        if kek is None:
            return None
        with self._lock:
            key = self._mac_keys.get(dialogue_id)
            if key is None:
                key = self._mac_keys[dialogue_id] = audit.mac_key(kek, dialogue_id)
            return key

    def forget(self) -> None:
        """Keys are gone: so are those made from them."""
        with self._lock:
            self._mac_keys.clear()

    def last_write(self, dialogue_id: str) -> Item | None:
        """The write chain's last event."""
        return self._partitions.last(audit.audit_key(dialogue_id), prefix=f"{WRITE_CHAIN}#")

    def for_write(
        self, dialogue_id: str, uses: Sequence[Use], tip: Tip, revision: int
    ) -> tuple[list[Item], Tip]:
        """A write's events, to be committed with it; the last carries the tip of this instance's chain."""
        own = self._chains.get(dialogue_id)
        note = own.tip.note if own is not None and own.tip.sequence else None
        return self._placed(dialogue_id, uses, tip, revision, note)

    def append(self, dialogue_id: str, uses: Sequence[Use], revision: int, until: float) -> None:
        """Log on this instance's own chain. ``audit_unavailable`` where that cannot be done."""
        with self._lock:
            chain = self._chains.get(dialogue_id)
            if chain is None:
                chain = _Chain(audit.first_tip(dialogue_id, self.chain))
                self._chains[dialogue_id] = chain
        with chain.lock:
            try:
                self._append(dialogue_id, chain, uses, revision, until)
            except (DialogueStoreError, OSError, _Taken) as failure:
                why = "sink" if isinstance(failure, OSError) else "another event lies there"
                why = failure.code if isinstance(failure, DialogueStoreError) else why
                raise error(
                    "audit_unavailable", "the use of a key could not be logged", cause=why
                ) from None

    def _append(
        self, dialogue_id: str, chain: _Chain, uses: Sequence[Use], revision: int, until: float
    ) -> None:
        items, tip = self._placed(dialogue_id, uses, chain.tip, revision, None)
        if self._sink is not None:
            _write_lines(self._sink, items)
            chain.tip = tip
            return
        self._give_way(until)
        attempt = _Append(self._partitions, items, self._randomness)
        try:
            persist(attempt, until, YIELDING)
        except _Taken:
            if not self._found_late(chain):
                raise
            self._append(dialogue_id, chain, uses, revision, until)
            return
        except DialogueStoreError:
            chain.open.append((items, tip))
            raise
        self._learn(attempt.tries)
        chain.tip, chain.open = tip, []

    def _found_late(self, chain: _Chain) -> bool:
        """Whether an earlier append, given up without an answer, took place after all: the chain then
        goes on behind it."""
        for items, tip in chain.open:
            if self._partitions.get(str(items[-1]["pk"]), str(items[-1]["sk"])) == items[-1]:
                chain.tip, chain.open = tip, []
                return True
        return False

    def _give_way(self, until: float) -> None:
        """Where the engine has one writer at a time and is busy, the log of reads holds back, so that
        readers do not hold up a writer (AUDIT-08)."""
        if self._pause:
            time.sleep(min(uniform(0, self._pause), max(0.0, until - time.monotonic())))  # noqa: S311

    def _learn(self, tries: int) -> None:
        """Hold back twice as long after meeting others, half as long after meeting nobody."""
        if tries > 1:
            self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * self._pause))
        else:
            self._pause = self._pause / 2 if self._pause > _FIRST_PAUSE / 2 else 0.0

    def _placed(
        self, dialogue_id: str, uses: Sequence[Use], tip: Tip, revision: int, note: str | None
    ) -> tuple[list[Item], Tip]:
        return audit.place(
            uses,
            tip,
            dialogue_id=dialogue_id,
            revision=revision,
            timestamp=timestamps.format_time(self._clock()),
            principal=self._principal,
            key=self.mac_key(dialogue_id),
            note=note,
            trace=audit.current_trace(),
        )


class _Append:
    """One append, sent again with the same bytes and token until it got through (HEAD-08)."""

    def __init__(
        self, partitions: PartitionStore, items: Sequence[Item], randomness: Randomness
    ) -> None:
        self._partitions = partitions
        self._items = items
        self._token = randomness(16).hex()
        self.tries = 0

    def __call__(self) -> None:
        self.tries += 1
        try:
            self._partitions.append(self._items, token=self._token)
        except ConditionFailed:
            # nobody else writes on this chain: either an answer was lost, or somebody forged an event
            last = self._items[-1]
            if self._partitions.get(str(last["pk"]), str(last["sk"])) != last:
                raise _Taken from None


class _Taken(Exception):
    """Another event lies where this instance's next one belongs."""


def _write_lines(path: Path, items: Sequence[dict[str, Any]]) -> None:
    """Append to the sink and wait until it is on the disk; all of it or nothing."""
    lines = b"".join(canonical_json(item) + b"\n" for item in items)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # several stores may share a sink
        size = os.fstat(handle).st_size
        try:
            if os.write(handle, lines) != len(lines):
                raise OSError(errno.ENOSPC, "a part of the events could not be written")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
