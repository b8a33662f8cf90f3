"""The daily job: every chain of a dialogue walked as it streams by (AUDIT-05)."""

from __future__ import annotations

from ..contract.addresses import partition_key
from ..contract.entities import ChainReport
from ..contract.errors import DialogueStoreError
from ..partitions.port import PartitionStore
from ..sealing import audit_chain
from ..sealing.event_form import is_kek_id
from ..sealing.keys import KekHandle
from .keyring import Keyring
from .loading import Loader
from .operation import Operation
from .planning.writes import no_dialogue
from .retry import retry_until
from .runtime import Runtime

__all__ = ["Verifier"]


class Verifier:
    """Walks audit chains."""

    def __init__(
        self, partitions: PartitionStore, keyring: Keyring, loader: Loader, runtime: Runtime
    ) -> None:
        self._partitions = partitions
        self._keyring = keyring
        self._loader = loader
        self._runtime = runtime

    def verify_chain(self, operation: Operation) -> ChainReport:
        """What is wrong with the chains of a dialogue; walked again until the operation's deadline where
        the engine does not let it."""
        return retry_until(lambda: self._walk(operation), operation.until, self._runtime)

    def _walk(self, operation: Operation) -> ChainReport:
        """A writer that commits during the walk is no finding: the head before it names an event that the
        chain must have, and what follows that must be linked to it and bear macs."""
        from ..sealing.chain_walk import WALK_ORDER, ChainWalk  # no other job needs them

        dialogue_id = operation.dialogue_id
        pk, audit_pk = partition_key(dialogue_id), audit_chain.audit_key(dialogue_id)
        before = self._partitions.get(pk, "head")
        if before is None and self._partitions.last(audit_pk) is None:
            raise no_dialogue(dialogue_id)
        operation.read(before)
        kek = self._kek(operation)
        wrapped_by = self._wrapped_by(pk) if kek is not None else []
        is_own = kek is not None and all(name == kek.key_id for name in wrapped_by)
        walk = ChainWalk(
            dialogue_id,
            audit_chain.mac_key(kek, dialogue_id) if kek is not None else None,
            kek_id=kek.key_id if kek is not None else "",
            audit_head=self._loader.audit_head(operation, before) if is_own else None,
            wrapped_by=wrapped_by,
        )
        for low, high in WALK_ORDER:
            for event in self._partitions.stream(audit_pk, low=low, high=high):
                walk.take(event)
        chains = walk.finish(is_settled=self._partitions.get(pk, "head") == before)
        findings = walk.findings
        return ChainReport(
            ok=not findings,
            with_key=kek is not None,
            chains=chains,
            findings=findings,
            unverified=walk.unverified,
        )

    def _kek(self, operation: Operation) -> KekHandle | None:
        """The verifier's KEK, if it has one. Whose the dialogue is does not matter: what is stored never
        decides whether the key is used (ENV-08)."""
        try:
            return self._keyring.kek(operation.uses)
        except DialogueStoreError:
            return None

    def _wrapped_by(self, pk: str) -> list[str]:
        """The KEKs that the dialogue's wrapped data keys name."""
        names = (item.get("key_id") for item in self._partitions.query(pk, prefix="dek#"))
        return sorted({str(name) for name in names if is_kek_id(name)})
