"""Liars for profile audit: the reference store in memory with a log, or an auditor, that is wrong."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from conformance.targets.base import Backend
from reference_impl.contract.entities import ChainReport, Finding
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ANY, Action, PartitionStore, Put
from reference_impl.sealing import audit_chain, event_form
from reference_impl.sealing.audit_chain import Tip, Use
from reference_impl.sealing.keys import KekHandle
from reference_impl.store.audit_log import AuditLog
from reference_impl.store.loading import Loaded, Loader
from reference_impl.store.operation import Operation
from reference_impl.store.runtime import Runtime
from reference_impl.store.snapshot import Snapshot
from reference_impl.testing import ManualClock

from . import all_rules
from .core import NullStore
from .kit.lie import lie
from .kit.over_reference import in_place_of
from .kit.touched import touched

__all__: list[str] = []

F = Callable[..., Any]


# -- what is logged -------------------------------------------------------------------------------


@lie("audit", "AUDIT-01", "AUDIT-08", "AUDIT-09")
class SkipsFailures(AuditLog):
    """Logs what went well and leaves out what failed or was denied."""

    def append(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> None:
        kept = [use for use in uses if use.outcome == "success"]
        if kept:
            super().append(dialogue_id, kept, *args)


@lie("audit", "AUDIT-01")
class ForgetsTheHead(AuditLog):
    """Counts the items that a write seals, but not its head."""

    def for_write(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> Any:
        *others, sealed = uses
        sealed = replace(sealed, count=max(1, sealed.count - 1))
        return super().for_write(dialogue_id, [*others, sealed], *args)


@lie("audit", "AUDIT-01")
class LogsEveryRead(Loader):
    """Logs a decrypt for each read, also of plaintext that the instance has had before."""

    def collect(self, operation: Operation) -> Loaded:
        loaded = super().collect(operation)
        if not operation.uses.events():
            operation.uses.opened(1, f"dialogue:{operation.dialogue_id}/entity:head/head")
        return loaded


@lie("audit", "AUDIT-06", tried=in_place_of(audit_chain.current_trace))
def knows_no_span(honest: F) -> tuple[str, str]:
    """Writes zeros for trace and span, whatever span is the current one."""
    del honest
    return "0" * 32, "0" * 16


@lie("audit", "AUDIT-02", "AUDIT-05")
class NotesNothing(AuditLog):
    """Never notes on the write chain how far its instance has read."""

    def place(
        self,
        dialogue_id: str,
        uses: Sequence[Use],
        tip: Tip,
        revision: int,
        kek: KekHandle | None,
        note: str | None = None,
    ) -> tuple[list[Item], Tip]:
        del note
        return super().place(dialogue_id, uses, tip, revision, kek)


@lie("audit", "AUDIT-09")
class ReadsAtNoRevision(AuditLog):
    """Logs reads with revision 0, as if there were no head."""

    def append(self, dialogue_id: str, uses: Sequence[Use], revision: int, *args: Any) -> None:
        del revision
        super().append(dialogue_id, uses, 0, *args)


# -- where and whether it is logged ---------------------------------------------------------------


@lie("audit", "AUDIT-04")
class AnswersWithoutALog(AuditLog):
    """Gives a result also where its events could not be written."""

    def append(self, *args: Any) -> None:
        try:
            super().append(*args)
        except DialogueStoreError:
            return


@lie("audit", "AUDIT-03", "AUDIT-04")
class WritesOverEvents(MemoryPartitionStore):
    """Puts an event at its sequence without a condition, over what lies there."""

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        super().commit(
            [
                Put(action.item, ANY)
                if isinstance(action, Put) and str(action.item["pk"]).startswith("audit#")
                else action
                for action in actions
            ],
            token=token,
        )


# -- what the chain is good for -------------------------------------------------------------------


@lie("audit", "AUDIT-09")
class TrustsTheHead(Loader):
    """Never compares the head with the write chain: a partition rolled back is as good as new."""

    def check_chain(self, snapshot: Snapshot, last: Item | None, kek: KekHandle) -> list[Finding]:
        if last is not None:
            dialogue_id = snapshot.dialogue_id
            key = audit_chain.mac_key(kek, dialogue_id)
            snapshot.tip = audit_chain.tip_of(last, dialogue_id, key)
        return []


@lie("audit", "AUDIT-09")
class BelievesStates(Loader):
    """Tells what the head's state says without asking the chain."""

    def check_state(self, snapshot: Snapshot, kek: KekHandle) -> list[Finding]:
        del snapshot, kek
        return []


@lie("audit", "AUDIT-09")
class BelievesTombstones(Loader):
    """Takes a tombstone's word, without a look at the mac of the chain's last event."""

    def check_tombstone(self, dialogue_id: str, kek: KekHandle) -> list[Finding]:
        del kek
        raise error("key_erased", f"dialogue {dialogue_id} is erased")


@lie("audit", "AUDIT-09")
class BelievesAnyBoundary(Loader):
    """Takes a boundary at the write chain's end for the end, whatever it says."""

    def check_chain(self, snapshot: Snapshot, last: Item | None, kek: KekHandle) -> list[Finding]:
        is_boundary = last is not None and last["operation"] == "boundary"
        return [] if is_boundary else super().check_chain(snapshot, last, kek)


# -- fields and chains of another make ------------------------------------------------------------


class _OfOtherMake(AuditLog):
    """A log that is made with something else."""

    def __init__(
        self, partitions: PartitionStore, *, principal: str, runtime: Runtime, **more: Any
    ) -> None:
        super().__init__(
            partitions,
            principal=self.principal_of(principal),
            runtime=self.runtime_of(runtime),
            **more,
        )

    def principal_of(self, principal: str) -> str:
        """Whom it names."""
        return principal

    def runtime_of(self, runtime: Runtime) -> Runtime:
        """Where its times and ids come from."""
        return runtime


@lie("audit", "AUDIT-01", also=touched("AUDIT-02", "AUDIT-08"))
class OnePrincipal(_OfOtherMake):
    """Names the same principal whoever uses the store."""

    def principal_of(self, principal: str) -> str:
        del principal
        return "local"


@lie("audit", "AUDIT-01")
class WholeSeconds(_OfOtherMake):
    """Gives the time of an event in whole seconds."""

    def runtime_of(self, runtime: Runtime) -> Runtime:

        def clock() -> datetime:
            return runtime.clock().replace(microsecond=0)

        return replace(runtime, clock=clock)


@lie(
    "audit",
    "AUDIT-01",
    tried=in_place_of(event_form.is_event_id),
    also=touched("AUDIT-05"),
)
class RandomEventIds(_OfOtherMake):
    """Gives events ids that are random throughout, UUIDs of version 4."""

    @staticmethod
    def is_event_id(honest: F, text: str) -> bool:
        del honest
        return re.fullmatch(r"[0-9a-f-]{36}", text) is not None

    def runtime_of(self, runtime: Runtime) -> Runtime:
        return replace(runtime, event_id=lambda: str(uuid.uuid4()))


class _Retelling(AuditLog):
    """A log that tells of other uses than there were."""

    def place(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> tuple[list[Item], Tip]:
        """The events of what it tells."""
        return super().place(dialogue_id, self.told(uses), *args)

    def told(self, uses: Sequence[Use]) -> Sequence[Use]:
        """What it tells of some uses."""
        return uses


@lie(
    "audit",
    "AUDIT-01",
    also=touched("AUDIT-02", "AUDIT-04", "AUDIT-05", "AUDIT-06", "AUDIT-08", "AUDIT-09"),
)
class OneEventForEachItem(_Retelling):
    """Logs a decrypt for each item of a batch."""

    def told(self, uses: Sequence[Use]) -> Sequence[Use]:
        return [
            replace(use, count=1)
            for use in uses
            for _ in range(use.count if use.operation == "decrypt" else 1)
        ]


@lie("audit", "AUDIT-01", also=touched("AUDIT-08"))
class NoSubjects(_Retelling):
    """Names the partition as the subject of whatever is wrapped or unwrapped."""

    def told(self, uses: Sequence[Use]) -> Sequence[Use]:
        pks = [use.subject for use in uses if use.subject.startswith("dialogue#")]
        return [
            replace(use, subject=pks[0]) if use.operation in ("wrap", "unwrap") and pks else use
            for use in uses
        ]


@lie("audit", "AUDIT-01", also=touched("AUDIT-08"))
class DenialsAreFailures(_Retelling):
    """Logs a denial as a failure."""

    def told(self, uses: Sequence[Use]) -> Sequence[Use]:
        return [replace(u, outcome=u.outcome.replace("denied", "failure")) for u in uses]


@lie(
    "audit",
    "AUDIT-04",
    also={
        "AUDIT-01": "the events of an operation are looked at in their order",
        **touched("AUDIT-05", "AUDIT-08"),
    },
)
class LogsBackwards(AuditLog):
    """Logs the uses of a read in the order opposite to that in which they were made."""

    def append(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> None:
        super().append(dialogue_id, uses[::-1], *args)


@lie("audit", "AUDIT-08", also=touched("ENV-08", "AUDIT-03", "AUDIT-04", "AUDIT-05"))
class OneChainForReaders(AuditLog):
    """Every instance logs its reads on the same chain, and goes on where it ends."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.chain = f"r#{'0' * 16}"

    def place(
        self, dialogue_id: str, uses: Sequence[Use], tip: Tip, *args: Any
    ) -> tuple[list[Item], Tip]:
        if tip.chain == self.chain:
            pk = audit_chain.audit_key(dialogue_id)
            last = self.partitions.last(pk, prefix=f"{self.chain}#")
            if last is not None:
                tip = audit_chain.tip_of(last, dialogue_id, None) or tip
        return super().place(dialogue_id, uses, tip, *args)


@lie(
    "audit",
    "AUDIT-02",
    tried=in_place_of(audit_chain.first_tip),
    also=touched("AUDIT-01", "AUDIT-03", "AUDIT-04", "AUDIT-05", "AUDIT-08"),
)
def begins_with_zeros(honest: F, dialogue_id: str, chain: str) -> Tip:
    """The first event of a chain names zeros as its previous one."""
    del honest, dialogue_id
    return Tip(chain, 0, "0" * 64, 0)


@lie(
    "audit",
    *("AUDIT-02", "AUDIT-05"),
    tried=in_place_of(audit_chain.mac_key),
    also=touched("ENV-09", "AUDIT-01", "AUDIT-08"),
)
def one_mac_key(honest: F, kek: KekHandle, dialogue_id: str) -> bytes:
    """Makes the macs of all dialogues with one key."""
    del honest, dialogue_id
    return kek.derive(b"blue/audit-mac/v1")


# -- the trivial ----------------------------------------------------------------------------------


class _NoParts:
    """A storage that holds nothing, whatever is put there."""

    def get(self, pk: str, sk: str) -> Item | None:
        del pk, sk
        return None

    def put(self, item: Item) -> None:
        del item

    def delete(self, pk: str, sk: str) -> None:
        del pk, sk

    def scan(self, dialogue_id: str, part: str = "dialogue") -> list[Item]:
        del dialogue_id, part
        return []


class _NullLogStore(NullStore):
    """A store that finds nothing wrong with anything, nor anything at all."""

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        del dialogue_id
        return cast(list[Finding], None)

    def verify_chain(self, dialogue_id: str, checkpoints: Sequence[str] = ()) -> ChainReport:
        del dialogue_id, checkpoints
        return cast(ChainReport, None)


@lie("audit", *all_rules("audit"), null=True)
def null_log(
    folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
) -> Backend:
    """Does nothing: a store without answers over a storage without items and events."""
    del folder, key_file, user_id, deadline_s
    return Backend(
        _NullLogStore(ManualClock()),
        raw=_NoParts(),
        profiles=("core", "encrypted", "keys", "audit"),
    )
