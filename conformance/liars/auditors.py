"""Liars that audit: wrong reports of a chain, and what an auditor believes (AUDIT-05)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from reference_impl.contract.entities import ChainReport
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.items import Value
from reference_impl.partitions.port import PartitionStore
from reference_impl.sealing import audit_chain, event_form
from reference_impl.sealing.keys import KekHandle
from reference_impl.store.key_uses import KeyUses
from reference_impl.store.keyring import Keyring
from reference_impl.store.loading import Loader
from reference_impl.store.operation import Operation
from reference_impl.store.runtime import Runtime
from reference_impl.store.verifying import Verifier

from .kit.lie import lie
from .kit.over_reference import in_place_of
from .kit.touched import touched

__all__: list[str] = []

F = Callable[..., Any]


class _Auditor(Verifier):
    """An auditor that gives another report than it made."""

    def verify_chain(self, operation: Operation) -> ChainReport:
        """The other one."""
        return self.retold(super().verify_chain(operation))

    def retold(self, report: ChainReport) -> ChainReport:
        """What becomes of a report."""
        return report


class _Overlooking(_Auditor):
    """Does not tell of findings that begin so."""

    beginnings: tuple[str, ...]

    def retold(self, report: ChainReport) -> ChainReport:
        """What is left."""
        findings = [f for f in report.findings if not f["what"].startswith(self.beginnings)]
        return replace(report, ok=not findings, findings=findings)


@lie("audit", "AUDIT-05")
class OverlooksMacs(_Overlooking):
    """Walks hashes and links only, also with the key at hand."""

    beginnings = ("mac:",)


@lie("audit", "AUDIT-05")
class OverlooksCuts(_Overlooking):
    """Walks to the last event there is and asks nobody whether there were more."""

    beginnings = ("missing: the head", "missing: a write")


@lie("audit", "AUDIT-05")
class WalksTheWriteChain(_Auditor):
    """Walks the write chain and none of the readers'."""

    def retold(self, report: ChainReport) -> ChainReport:
        findings = [f for f in report.findings if f["chain"] == "w"]
        return replace(report, ok=not findings, findings=findings)


@lie("audit", "AUDIT-05")
class FindsOneFault(_Auditor):
    """Names the first fault of all chains and leaves it at that."""

    def retold(self, report: ChainReport) -> ChainReport:
        return replace(report, findings=report.findings[:1])


@lie("audit", "AUDIT-05")
class ClaimsTheKey(_Auditor):
    """Says that it walked with the key, whether it had it or not."""

    def retold(self, report: ChainReport) -> ChainReport:
        return replace(report, with_key=True)


@lie("audit", "AUDIT-05", also=touched("ENV-08"))
class CountsOnlyGoodEvents(_Auditor):
    """Says ok of chains in which it found something."""

    def retold(self, report: ChainReport) -> ChainReport:
        return replace(report, ok=True)


@lie("audit", "AUDIT-05", also={"AUDIT-03": "nothing is said of what is not there"})
class KnowsNoStrangers(_Overlooking):
    """Passes over a chain that no instance of the store has begun."""

    beginnings = ("foreign",)


# -- what an auditor believes ---------------------------------------------------------------------


class _NoKey(Keyring):
    """A keyring that cannot get a key."""

    def kek(self, uses: KeyUses) -> KekHandle:
        """None."""
        del uses
        raise error("umk_missing", "there is no key")


@lie("audit", "AUDIT-05", "ENV-08")
class BelievesStoredKeyIds(Verifier):
    """Uses its key only where the write chain or a wrapped key names it."""

    def __init__(
        self, partitions: PartitionStore, keyring: Keyring, loader: Loader, runtime: Runtime
    ) -> None:
        super().__init__(partitions, keyring, loader, runtime)
        self.storage, self.keyring = partitions, keyring
        no_key = _NoKey(keyring.provider, keyring.user_id, runtime.randomness)
        self.keyless = Verifier(partitions, no_key, loader, runtime)

    def verify_chain(self, operation: Operation) -> ChainReport:
        """With the key or without, as the stored names have it."""
        first = self.storage.get(audit_chain.audit_key(operation.dialogue_id), f"w#{1:012d}")
        deks = self.storage.query(f"dialogue#{operation.dialogue_id}", prefix="dek#")
        names = [item["key_id"] for item in (first, *deks) if item is not None]
        try:
            is_named = not names or self.keyring.kek(operation.uses).key_id in names
        except DialogueStoreError:
            is_named = False
        if is_named:
            return super().verify_chain(operation)
        return self.keyless.verify_chain(operation)


@lie("audit", "AUDIT-05")
class BelievesStrangers(_Overlooking):
    """Takes whatever stands on a read chain under another key for a stranger's."""

    beginnings = ("mac: another key", "foreign: the chain has events of two keys")


@lie("audit", "AUDIT-05", "ENV-08")
class HidesStrangers(_Auditor):
    """Says nothing of chains that it could not verify."""

    def retold(self, report: ChainReport) -> ChainReport:
        return replace(report, unverified=[])


@lie("audit", "AUDIT-05", "ENV-08", also=touched("KEY-08"))
class AlarmedByStrangers(_Auditor):
    """Finds something wrong with the chain of anybody who was denied."""

    def retold(self, report: ChainReport) -> ChainReport:
        strange = [
            {"chain": entry["chain"], "sequence": 1, "what": "mac: another key"}
            for entry in report.unverified
        ]
        findings = [*report.findings, *strange]
        return replace(report, ok=not findings, findings=findings, unverified=[])


@lie("audit", "AUDIT-05", also=touched("ENV-08"))
class CutsForeignKeys(_Auditor):
    """Names what comes before the last number sign of a sort key that is no chain's."""

    def retold(self, report: ChainReport) -> ChainReport:
        findings = [
            {**f, "chain": f["chain"].rpartition("#")[0]} if f["sequence"] == 0 else f
            for f in report.findings
        ]
        return replace(report, findings=findings)


@lie("audit", "AUDIT-05")
class TellsTheLastChainFirst(_Auditor):
    """Gives its findings in the order opposite to that of the chains' names."""

    def retold(self, report: ChainReport) -> ChainReport:
        return replace(report, findings=report.findings[::-1])


@lie("audit", "AUDIT-05", tried=in_place_of(event_form.fault_of))
def believes_boundaries_of_readers(
    honest: F, item: Mapping[str, Value], dialogue_id: str
) -> str | None:
    """Takes a boundary without mac wherever it stands."""
    return None if item.get("operation") == "boundary" else honest(item, dialogue_id)


@lie("audit", "AUDIT-05", tried=in_place_of(event_form.fault_of))
def takes_any_trace(honest: F, item: Mapping[str, Value], dialogue_id: str) -> str | None:
    """Does not look at the form of trace_id and span_id."""
    text = type(item.get("trace_id")) is str and type(item.get("span_id")) is str
    zeros = {"trace_id": "0" * 32, "span_id": "0" * 16} if text else {}
    return cast(str | None, honest({**item, **zeros}, dialogue_id))
