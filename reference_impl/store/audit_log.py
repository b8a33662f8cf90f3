"""Logging every use of a key (AUDIT-01 to AUDIT-09): what one operation used, and where its events go.

Events of a write commit with it on the write chain; events of reads, and of operations that end in an error,
go on a chain of the store instance's own, so that no reader holds up a writer (AUDIT-08).
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import forks
from ..contract.errors import CODES, DialogueStoreError, error
from ..contract.items import Item, canonical_json
from ..partitions.port import ConditionFailed, PartitionStore
from ..sealing import audit_chain
from ..sealing.audit_chain import WRITE_CHAIN, Tip, Use
from ..sealing.keys import KekHandle
from .retry import YIELDING, conflict, retry_until
from .runtime import Lock, Runtime

__all__ = ["AuditLog"]

#: Seconds that the log of reads holds back at first and at most while others keep the engine busy.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.03
#: Seconds between looks at whether another store has left the sink.
_SINK_PAUSE = 0.005


class AuditLog:
    """The log of one store instance: the events of its writes, made for their commits, and those of its
    reads, appended to a chain of its own.

    ``principal``: who uses the keys. ``sink``: a file for the events of a store that is opened read-only,
    one canonical JSON line each. ``chain`` is the name of the instance's own chain.
    """

    def __init__(
        self,
        partitions: PartitionStore,
        *,
        principal: str,
        runtime: Runtime,
        sink: Path | None = None,
    ) -> None:
        self.partitions = partitions
        self.principal = principal
        self.runtime = runtime
        self._sink = sink
        self.renew()
        forks.register(self, after_in_child=AuditLog.renew)

    def renew(self) -> None:
        """Begin as another instance, with a chain of its own: in the child of a fork too (AUDIT-08)."""
        self.chain = audit_chain.read_chain(self.runtime.randomness)
        self._chains: dict[str, _Chain] = {}
        self._kek_id: str | None = None
        self._lock = threading.Lock()
        self._pause = 0.0

    def last_write(self, dialogue_id: str) -> Item | None:
        """The write chain's last event."""
        return self.partitions.last(audit_chain.audit_key(dialogue_id), prefix=f"{WRITE_CHAIN}#")

    def write_event(self, dialogue_id: str, sequence: int) -> Item | None:
        """One event of the write chain."""
        sk = audit_chain.sort_key(WRITE_CHAIN, sequence)
        return self.partitions.get(audit_chain.audit_key(dialogue_id), sk)

    def for_write(
        self, dialogue_id: str, uses: Sequence[Use], tip: Tip, revision: int, kek: KekHandle | None
    ) -> tuple[list[Item], Tip]:
        """A write's events, to be committed with it; the last carries the tip of this instance's chain."""
        own = self._chains.get(dialogue_id)
        note = own.tip.note if own is not None and own.tip.sequence else None
        return self.place(dialogue_id, uses, tip, revision, kek, note)

    def append(
        self,
        dialogue_id: str,
        uses: Sequence[Use],
        revision: int,
        kek: KekHandle | None,
        until: float,
    ) -> None:
        """Log on this instance's own chain. Where that cannot be done: the code of the cause where the engine
        or the disk has one (ERR-02), else ``audit_unavailable``."""
        chain = self._chain(dialogue_id, kek)
        try:
            if not chain.lock.acquire(timeout=max(0.0, until - self.runtime.monotonic())):
                raise conflict()
            try:
                self._append(dialogue_id, chain, uses, revision, kek, until)
            finally:
                chain.lock.release()
        except DialogueStoreError as failure:
            raise _unlogged(failure) from None
        except _Unwritten as failure:
            raise DialogueStoreError(
                "audit_unavailable",
                f"the use of a key could not be logged: {failure}. Nothing was done; run verify_chain to see "
                "what lies there, and open the store again: it then has a chain of its own.",
                {"cause": str(failure)},
            ) from None

    def place(
        self,
        dialogue_id: str,
        uses: Sequence[Use],
        tip: Tip,
        revision: int,
        kek: KekHandle | None,
        note: str | None = None,
    ) -> tuple[list[Item], Tip]:
        """The events of ``uses`` behind ``tip``, and the new tip (AUDIT-01, AUDIT-02)."""
        return audit_chain.place(
            uses,
            tip,
            dialogue_id=dialogue_id,
            revision=revision,
            timestamp=self.runtime.now(),
            principal=self.principal,
            key=audit_chain.mac_key(kek, dialogue_id) if kek is not None else None,
            note=note,
            trace=audit_chain.current_trace(),
            event_id=self.runtime.event_id,
        )

    def _chain(self, dialogue_id: str, kek: KekHandle | None) -> _Chain:
        """The chain of this instance in a dialogue. One whose KEK has become another is another instance: no
        chain has events of two (AUDIT-05, AUDIT-08)."""
        with self._lock:
            if kek is not None and self._kek_id not in (None, kek.key_id):
                self.chain = audit_chain.read_chain(self.runtime.randomness)
                self._chains = {}
            if kek is not None:
                self._kek_id = kek.key_id
            chain = self._chains.get(dialogue_id)
            if chain is None:
                lock = self.runtime.lock()
                chain = _Chain(audit_chain.first_tip(dialogue_id, self.chain), lock)
                self._chains[dialogue_id] = chain
            return chain

    def _append(
        self,
        dialogue_id: str,
        chain: _Chain,
        uses: Sequence[Use],
        revision: int,
        kek: KekHandle | None,
        until: float,
    ) -> None:
        items, tip = self.place(dialogue_id, uses, chain.tip, revision, kek)
        if self._sink is not None:
            try:
                self._write_lines(self._sink, items, until)
            except OSError as fault:
                raise _sink_error(self._sink, fault) from None
            chain.tip = tip
            return
        self._give_way(until)
        attempt = _Append(self.partitions, items, self.runtime.token())
        try:
            retry_until(attempt, until, self.runtime, YIELDING)
        except _Unwritten:
            # Looked for as patiently as it was written: the engine may be silent again.
            if not retry_until(lambda: self._found_late(chain), until, self.runtime, YIELDING):
                raise
            self._append(dialogue_id, chain, uses, revision, kek, until)
            return
        except BaseException:  # an interrupt leaves it as open as an answer that never came
            chain.open.append((items, tip))
            raise
        self._learn(attempt.tries)
        chain.tip, chain.open = tip, []

    def _found_late(self, chain: _Chain) -> bool:
        """Whether an earlier append, given up without an answer, took place after all: the chain then
        goes on behind it."""
        for items, tip in chain.open:
            if self.partitions.get(str(items[-1]["pk"]), str(items[-1]["sk"])) == items[-1]:
                chain.tip, chain.open = tip, []
                return True
        return False

    def _write_lines(self, path: Path, items: Sequence[dict[str, Any]], until: float) -> None:
        """Append to the sink and wait until it is on the disk; all of it or nothing."""
        lines = b"".join(canonical_json(item) + b"\n" for item in items)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._lock_file(handle, until)
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

    def _lock_file(self, handle: int, until: float) -> None:
        """Several stores may share a sink: one at a time, and none waits past its deadline (STORE-16)."""
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                left = until - self.runtime.monotonic()
                if left <= 0:
                    raise
                self.runtime.sleep(min(_SINK_PAUSE, left))
            else:
                return

    def _give_way(self, until: float) -> None:
        """Where the engine has one writer at a time and is busy, the log of reads holds back, so that
        readers do not hold up a writer (AUDIT-08)."""
        if self._pause:
            left = max(0.0, until - self.runtime.monotonic())
            self.runtime.sleep(min(self.runtime.jitter(self._pause), left))

    def _learn(self, tries: int) -> None:
        """Hold back twice as long after meeting others, half as long after meeting nobody."""
        if tries > 1:
            self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * self._pause))
        else:
            self._pause = self._pause / 2 if self._pause > _FIRST_PAUSE / 2 else 0.0


def _unlogged(cause: DialogueStoreError) -> DialogueStoreError:
    """What ends a call whose events could not be stored, told by why they could not: a call that is made
    again may then do what helps. Whether an append took place is nothing that the caller has to look for."""
    code, message, data = cause.code, cause.message, cause.data
    if code == "outcome_unknown":
        code, data = str(data.get("cause", "backend_unavailable")), {}
        message = CODES[code]
    message = f"the use of a key could not be logged: {message}"
    return DialogueStoreError(code, message, {**data, "audit": "audit_unavailable"})


def _sink_error(sink: Path, fault: OSError) -> DialogueStoreError:
    reason = os.strerror(fault.errno or 0)
    if isinstance(fault, BlockingIOError):
        return error("conflict", f"other stores held the sink {sink} until the deadline")
    if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return error("storage_full", f"no space for the sink {sink}")
    if fault.errno in (errno.EMFILE, errno.ENFILE):
        return error("backend_unavailable", f"no file descriptor is left to open the sink {sink}")
    return error("audit_unavailable", f"the sink {sink} cannot be written ({reason})")


class _Chain:
    """The instance's chain in one dialogue."""

    __slots__ = ("lock", "open", "tip")

    def __init__(self, tip: Tip, lock: Lock) -> None:
        self.lock = lock
        self.tip = tip
        #: Appends after the tip of which it is not known whether they took place, with their new tips.
        self.open: list[tuple[list[Item], Tip]] = []


class _Append:
    """One append, sent again with the same bytes and token until it got through (HEAD-08)."""

    def __init__(self, partitions: PartitionStore, items: Sequence[Item], token: str) -> None:
        self._partitions = partitions
        self._items = items
        self._token = token
        self.tries = 0

    def __call__(self) -> None:
        self.tries += 1
        try:
            self._partitions.append(self._items, token=self._token)
        except ConditionFailed:
            # nobody else writes on this chain: either an answer was lost, or somebody forged an event
            last = self._items[-1]
            if self._partitions.get(str(last["pk"]), str(last["sk"])) != last:
                raise _Unwritten("another event lies there") from None


class _Unwritten(Exception):
    """The events could not be written; the text says why."""
