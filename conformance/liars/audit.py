"""Liars for profile audit: the reference store in memory with a log, or an auditor, that is wrong."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast
from unittest import mock

from conformance.targets.base import Backend
from conformance.targets.builtin import PartitionRaw
from reference_impl.contract.entities import ChainReport, Finding
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.contract.timestamps import format_time
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ANY, Action, Put
from reference_impl.sealing import audit_chain as audit
from reference_impl.sealing.audit_chain import Tip, Use
from reference_impl.sealing.keys import LocalFileKeyProvider
from reference_impl.store.audit_log import AuditLog, Ledger, _Chain
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.snapshot import Snapshot
from reference_impl.testing import ManualClock

from . import all_rules, liar
from .core import NullStore
from .encrypted import snake
from .kit.touched import touched
from .sealed import everywhere

__all__ = ["LyingLog", "LyingLogStore"]

S = TypeVar("S", bound="LyingLogStore")

_PROFILES = ("core", "encrypted", "keys", "audit")
#: What each folder of a run holds.
_STORAGE: dict[Path, MemoryPartitionStore] = {}


def forget(folder: Path) -> None:
    """Discard what a folder holds."""
    _STORAGE.pop(folder.resolve(), None)


class LyingLog(AuditLog):
    """The log, each step of which a subclass may get wrong."""


class LyingLogStore(EncryptedStore):
    """The reference store with a log of its own."""

    log: ClassVar[type[AuditLog]] = LyingLog
    partitions: ClassVar[type[MemoryPartitionStore]] = MemoryPartitionStore

    def __init__(
        self, partitions: MemoryPartitionStore, keys: LocalFileKeyProvider, **more: Any
    ) -> None:
        super().__init__(partitions, keys, **more)
        self._log = self.log(
            partitions,
            self._keys.known_kek,
            principal=more["user_id"],
            clock=self._clock,
            randomness=self._randomness,
        )

    def _overlook(self, ledger: Ledger, *beginnings: str) -> ChainReport:
        """What a walk finds, but for findings that begin so."""
        report = super()._walk(ledger)
        findings = [f for f in report.findings if not f["what"].startswith(beginnings)]
        return replace(report, ok=not findings, findings=findings)


def lie(
    *must_fail: str, also: Mapping[str, str] | None = None, **more: Any
) -> Callable[[type[S]], type[S]]:
    """Make a liar of a store; its docstring tells the lie, its name is the liar's."""

    def register(store: type[S]) -> type[S]:
        def factory(
            folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
        ) -> Backend:
            clock, keys = ManualClock(), LocalFileKeyProvider(key_file)
            items = _STORAGE.setdefault(folder.resolve(), store.partitions())
            opened = store(items, keys, user_id=user_id, clock=clock, deadline_s=deadline_s)
            return Backend(opened, PartitionRaw(items), clock.set, keys, profiles=_PROFILES)

        factory.__name__ = snake(store.__name__)
        factory.__doc__ = store.__doc__
        liar(must_fail=must_fail, profile="audit", also=also, discard=forget, **more)(factory)
        return store

    return register


# -- what is logged -------------------------------------------------------------------------------


@lie("AUDIT-01", "AUDIT-08", "AUDIT-09")
class SkipsFailures(LyingLogStore):
    """Logs what went well and leaves out what failed or was denied."""

    class log(LyingLog):  # noqa: N801
        def append(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> None:
            kept = [use for use in uses if use.outcome == "success"]
            if kept:
                super().append(dialogue_id, kept, *args)


@lie("AUDIT-01")
class ForgetsTheHead(LyingLogStore):
    """Counts the items that a write seals, but not its head."""

    class log(LyingLog):  # noqa: N801
        def for_write(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> Any:
            *others, sealed = uses
            sealed = replace(sealed, count=max(1, sealed.count - 1))
            return super().for_write(dialogue_id, [*others, sealed], *args)


@lie("AUDIT-01")
class LogsEveryRead(LyingLogStore):
    """Logs a decrypt for each read, also of plaintext that the instance has had before."""

    def _log_uses(self, ledger: Ledger, revision: int, until: float) -> None:
        if not ledger.uses():
            ledger.opened(1, f"dialogue:{ledger.dialogue_id}/entity:head/head")
        super()._log_uses(ledger, revision, until)


@lie("AUDIT-06", during=lambda: everywhere(audit.current_trace, lambda: ("0" * 32, "0" * 16)))
class KnowsNoSpan(LyingLogStore):
    """Writes zeros for trace and span, whatever span is the current one."""


@lie("AUDIT-02", "AUDIT-05")
class NotesNothing(LyingLogStore):
    """Never notes on the write chain how far its instance has read."""

    class log(LyingLog):  # noqa: N801
        def _placed(
            self, dialogue_id: str, uses: Sequence[Use], tip: Tip, revision: int, note: str | None
        ) -> tuple[list[Item], Tip]:
            del note
            return super()._placed(dialogue_id, uses, tip, revision, None)


@lie("AUDIT-09")
class ReadsAtNoRevision(LyingLogStore):
    """Logs reads with revision 0, as if there were no head."""

    class log(LyingLog):  # noqa: N801
        def append(
            self, dialogue_id: str, uses: Sequence[Use], revision: int, until: float
        ) -> None:
            del revision
            super().append(dialogue_id, uses, 0, until)


# -- where and whether it is logged ---------------------------------------------------------------


@lie("AUDIT-04")
class AnswersWithoutALog(LyingLogStore):
    """Gives a result also where its events could not be written."""

    class log(LyingLog):  # noqa: N801
        def append(self, *args: Any) -> None:
            try:
                super().append(*args)
            except DialogueStoreError:
                return


class _Overwriting(MemoryPartitionStore):
    """Puts events over whatever lies there."""

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


@lie("AUDIT-03", "AUDIT-04")
class WritesOverEvents(LyingLogStore):
    """Puts an event at its sequence without a condition, over what lies there."""

    partitions = _Overwriting


# -- what the chain is good for -------------------------------------------------------------------


@lie("AUDIT-09")
class TrustsTheHead(LyingLogStore):
    """Never compares the head with the write chain: a partition rolled back is as good as new."""

    def _check_chain(self, snapshot: Snapshot, last: Item | None) -> list[Finding]:
        if last is not None:
            key = self._log.mac_key(snapshot.dialogue_id)
            snapshot.tip = audit.tip_of(last, snapshot.dialogue_id, key)
        return []


@lie("AUDIT-05")
class OverlooksMacs(LyingLogStore):
    """Walks hashes and links only, also with the key at hand."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        return self._overlook(ledger, "mac:")


@lie("AUDIT-05")
class OverlooksCuts(LyingLogStore):
    """Walks to the last event there is and asks nobody whether there were more."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        return self._overlook(ledger, "missing: the head", "missing: a write")


# -- fields and chains of another make ------------------------------------------------------------


class _Placed(LyingLogStore):
    """A store whose events are placed with something else in them."""

    class log(LyingLog):  # noqa: N801
        def _placed(
            self, dialogue_id: str, uses: Sequence[Use], tip: Tip, revision: int, note: str | None
        ) -> tuple[list[Item], Tip]:
            given: dict[str, Any] = {
                "dialogue_id": dialogue_id,
                "revision": revision,
                "timestamp": format_time(self._clock()),
                "principal": self._principal,
                "key": self.mac_key(dialogue_id),
                "note": note,
                "trace": audit.current_trace(),
            }
            return audit.place(self.uses(uses), tip, **self.given(given))

        def uses(self, uses: Sequence[Use]) -> Sequence[Use]:
            return uses

        def given(self, given: dict[str, Any]) -> dict[str, Any]:
            return given


@lie("AUDIT-01", also=touched("AUDIT-02", "AUDIT-08"))
class OnePrincipal(_Placed):
    """Names the same principal whoever uses the store."""

    class log(_Placed.log):  # noqa: N801
        def given(self, given: dict[str, Any]) -> dict[str, Any]:
            return {**given, "principal": "local"}


@lie("AUDIT-01")
class WholeSeconds(_Placed):
    """Gives the time of an event in whole seconds."""

    class log(_Placed.log):  # noqa: N801
        def given(self, given: dict[str, Any]) -> dict[str, Any]:
            return {**given, "timestamp": f"{given['timestamp'][:19]}.000000Z"}


def _any_uuid() -> Any:
    return mock.patch.object(audit, "_is_event_id", re.compile(r"[0-9a-f-]{36}").fullmatch)


@lie("AUDIT-01", during=_any_uuid)
class RandomEventIds(_Placed):
    """Gives events ids that are random throughout, UUIDs of version 4."""

    class log(_Placed.log):  # noqa: N801
        def given(self, given: dict[str, Any]) -> dict[str, Any]:
            return {**given, "event_id": lambda: str(uuid.uuid4())}


@lie("AUDIT-01", also=touched("AUDIT-02", "AUDIT-04", "AUDIT-05", "AUDIT-06", "AUDIT-09"))
class OneEventForEachItem(_Placed):
    """Logs a decrypt for each item of a batch."""

    class log(_Placed.log):  # noqa: N801
        def uses(self, uses: Sequence[Use]) -> Sequence[Use]:
            return [
                replace(use, count=1)
                for use in uses
                for _ in range(use.count if use.operation == "decrypt" else 1)
            ]


@lie("AUDIT-01", also=touched("AUDIT-08"))
class NoSubjects(_Placed):
    """Names the partition as the subject of whatever is wrapped or unwrapped."""

    class log(_Placed.log):  # noqa: N801
        def uses(self, uses: Sequence[Use]) -> Sequence[Use]:
            pks = [use.subject for use in uses if use.subject.startswith("dialogue#")]
            return [
                replace(use, subject=pks[0]) if use.operation in ("wrap", "unwrap") and pks else use
                for use in uses
            ]


@lie("AUDIT-01", also=touched("AUDIT-08"))
class DenialsAreFailures(_Placed):
    """Logs a denial as a failure."""

    class log(_Placed.log):  # noqa: N801
        def uses(self, uses: Sequence[Use]) -> Sequence[Use]:
            return [replace(u, outcome=u.outcome.replace("denied", "failure")) for u in uses]


@lie(
    "AUDIT-04",
    also={
        "AUDIT-01": "the events of an operation are looked at in their order",
        **touched("AUDIT-05", "AUDIT-08"),
    },
)
class LogsBackwards(_Placed):
    """Logs the uses of a read in the order opposite to that in which they were made."""

    class log(_Placed.log):  # noqa: N801
        def append(self, dialogue_id: str, uses: Sequence[Use], *args: Any) -> None:
            super().append(dialogue_id, uses[::-1], *args)


@lie("AUDIT-08", also=touched("AUDIT-03", "AUDIT-04", "AUDIT-05"))
class OneChainForReaders(LyingLogStore):
    """Every instance logs its reads on the same chain, and goes on where it ends."""

    class log(LyingLog):  # noqa: N801
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.chain = f"r#{'0' * 16}"

        def append(self, dialogue_id: str, *args: Any) -> None:
            last = self._partitions.last(audit.audit_key(dialogue_id), prefix=f"{self.chain}#")
            chain = self._chains.get(dialogue_id)
            if chain is not None and last is not None:
                chain.tip = audit.tip_of(last, dialogue_id, None) or chain.tip
            elif last is not None:
                known = audit.tip_of(last, dialogue_id, None)
                assert known is not None
                self._chains[dialogue_id] = _Chain(known)
            super().append(dialogue_id, *args)


def _rewritten(honest: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: everywhere(honest, partial(wrong, honest))


def from_zeros(honest: Callable[..., Any], dialogue_id: str, chain: str) -> Tip:
    """The tip of a chain without events, with a hash of zeros."""
    return Tip(chain, 0, "0" * 64, 0)


@lie(
    "AUDIT-02",
    during=_rewritten(audit.first_tip, from_zeros),
    also=touched("AUDIT-01", "AUDIT-03", "AUDIT-04", "AUDIT-08"),
)
class BeginsWithZeros(LyingLogStore):
    """The first event of a chain names zeros as its previous one."""


def for_all(honest: Callable[..., Any], kek: Any, dialogue_id: str) -> bytes:
    """The key of the macs of every dialogue."""
    return cast(bytes, kek.derive(b"blue/audit-mac/v1"))


@lie(
    "AUDIT-02",
    "AUDIT-05",
    during=_rewritten(audit.mac_key, for_all),
    also=touched("ENV-09", "AUDIT-01", "AUDIT-08"),
)
class OneMacKey(LyingLogStore):
    """Makes the macs of all dialogues with one key."""


@lie("AUDIT-05")
class WalksTheWriteChain(LyingLogStore):
    """Walks the write chain and none of the readers'."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        report = super()._walk(ledger)
        findings = [f for f in report.findings if f["chain"] == "w"]
        return replace(report, ok=not findings, findings=findings)


@lie("AUDIT-05")
class FindsOneFault(LyingLogStore):
    """Names the first fault of all chains and leaves it at that."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        report = super()._walk(ledger)
        return replace(report, findings=report.findings[:1])


@lie("AUDIT-05")
class ClaimsTheKey(LyingLogStore):
    """Says that it walked with the key, whether it had it or not."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        return replace(super()._walk(ledger), with_key=True)


@lie("AUDIT-05")
class CountsOnlyGoodEvents(LyingLogStore):
    """Says ok of chains in which it found something."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        return replace(super()._walk(ledger), ok=True)


@lie("AUDIT-05", also={"AUDIT-03": "nothing is said of what is not there"})
class KnowsNoStrangers(LyingLogStore):
    """Passes over a chain that no instance of the store has begun."""

    def _walk(self, ledger: Ledger) -> ChainReport:
        return self._overlook(ledger, "foreign")


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


@liar(
    must_fail=all_rules("audit"),
    profile="audit",
    null=True,
)
def null_log(
    folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
) -> Backend:
    """Does nothing: a store without answers over a storage without items and events."""
    del folder, key_file, user_id, deadline_s
    return Backend(_NullLogStore(ManualClock()), raw=_NoParts(), profiles=_PROFILES)
