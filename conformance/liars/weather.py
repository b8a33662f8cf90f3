"""Liars about what happens around a store: a fork, files that are moved, an engine that is held up, and items
that look the same to a store that has read before. The reference over a SQLite file, or in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from conformance.targets.base import Backend
from conformance.targets.builtin import PartitionRaw, hold_sqlite, sqlite_file
from reference_impl.contract.entities import Finding
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.port import Action, Contention
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.sealing.keys import KekHandle
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.audit_log import AuditLog
from reference_impl.store.key_uses import KeyUses
from reference_impl.store.opening import Opener
from reference_impl.store.snapshot import Snapshot
from reference_impl.testing import ManualClock, open_store

from .kit.lie import Made, lie
from .kit.touched import touched

__all__: list[str] = []


# -- the file and its engine (STORE-03, STORE-16) ----------------------------------------------------------


def _over_a_file(wrong: type[SqlitePartitionStore], profile: str) -> Made:
    """The reference store over a wrong store of items in a SQLite file."""
    del profile

    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        clock, keys = ManualClock(), LocalFileKeyProvider(key_file)
        items = wrong(sqlite_file(folder))
        store = open_store(items, keys, user_id=user_id, clock=clock, deadline_s=deadline_s)
        stall: Callable[[], AbstractContextManager[None]] = partial(hold_sqlite, folder)
        raw = PartitionRaw(SqlitePartitionStore(sqlite_file(folder)))
        claims = ("core", "encrypted", "keys")
        return Backend(store, raw, clock.set, keys, profiles=claims, stall=stall)

    return Made(factory)


@lie("encrypted", "STORE-03", tried=_over_a_file)
class LosesWhatAChildWrites(SqlitePartitionStore):
    """A child of a fork acknowledges writes that go into a log nobody will ever read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._made_by = os.getpid()

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        if os.getpid() == self._made_by:
            super().commit(actions, token=token)


@lie("encrypted", "STORE-03", tried=_over_a_file)
class WritesIntoFilesThatAreGone(SqlitePartitionStore):
    """Goes on acknowledging writes after its file was moved away: they go with it."""

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        try:
            super().commit(actions, token=token)
        except DialogueStoreError as refused:
            if refused.code != "table_not_found":
                raise


@lie("core", "STORE-16", tried=_over_a_file)
class WaitsOnPastItsDeadline(SqlitePartitionStore):
    """Waits for another client's lock as long as its engine likes, whatever the caller's deadline."""

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        try:
            super().commit(actions, token=token)
        except Contention:
            time.sleep(2.0)
            raise


# -- what was read before (ENV-06, STORE-03) ---------------------------------------------------------------


@lie("encrypted", "ENV-06", "STORE-03", also=touched("ENV-07", "ENV-08"))
class TakesTrueForOne(Opener):
    """A store that has read an item before takes whatever compares equal for the same: true for 1."""

    def open_partition(
        self, dialogue_id: str, items: Iterable[Item], uses: KeyUses, known: Snapshot | None = None
    ) -> tuple[Snapshot, list[Finding]]:
        records = known.records if known is not None else {}
        taken = [
            records[sk].item
            if (sk := str(item["sk"])) in records and records[sk].item == item
            else item
            for item in items
        ]
        return super().open_partition(dialogue_id, taken, uses, known)


@lie("encrypted", "ENV-06", "STORE-03", also=touched("ENV-07", "ENV-08"))
class GoesOnWithoutTheDataKey(Opener):
    """A store that has unwrapped a data key does not look whether it is still there."""

    _kept: dict[str, Item]

    def open_partition(
        self, dialogue_id: str, items: Iterable[Item], uses: KeyUses, known: Snapshot | None = None
    ) -> tuple[Snapshot, list[Finding]]:
        there = {str(item["sk"]): item for item in items}
        kept = vars(self).setdefault("_kept", {})
        if known is not None:
            there = {**kept.get(dialogue_id, {}), **there}
        kept[dialogue_id] = {sk: item for sk, item in there.items() if sk.startswith("dek#")}
        return super().open_partition(dialogue_id, list(there.values()), uses, known)


# -- the log (AUDIT-08) ------------------------------------------------------------------------------------


class _Here(AuditLog):
    """Remembers which process made it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made_by = os.getpid()


@lie("audit", "AUDIT-08")
class UsesItsParentsKeys(_Here):
    """A child of a fork goes on with the keys of its parent, and logs no use of those."""

    def append(
        self,
        dialogue_id: str,
        uses: Sequence[Any],
        revision: int,
        kek: KekHandle | None,
        until: float,
    ) -> None:
        if os.getpid() != self._made_by:
            uses = [use for use in uses if use.operation not in ("derive", "unwrap")]
        super().append(dialogue_id, uses, revision, kek, until)


@lie("audit", "AUDIT-08")
class GoesOnWithItsParentsChain(_Here):
    """A child of a fork logs on the read chain of its parent."""

    @property
    def chain(self) -> str:
        return str(vars(self)["_chain_name"])

    @chain.setter
    def chain(self, name: str) -> None:
        vars(self).setdefault("_chain_name", name)
