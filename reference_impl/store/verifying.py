"""The daily job: every chain of a dialogue walked as it streams by (AUDIT-05)."""

from __future__ import annotations

from ..contract.addresses import partition_key
from ..contract.entities import ChainReport
from ..contract.errors import DialogueStoreError
from ..partitions.port import PartitionStore
from ..sealing import audit_chain
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
        dialogue_id = operation.dialogue_id
        pk, audit_pk = partition_key(dialogue_id), audit_chain.audit_key(dialogue_id)
        before = self._partitions.get(pk, "head")
        if before is None and self._partitions.last(audit_pk) is None:
            raise no_dialogue(dialogue_id)
        operation.read(before)
        kek_id = self._own_kek_id(operation)
        kek = operation.kek if kek_id is not None else None
        walk = audit_chain.ChainWalk(
            dialogue_id,
            audit_chain.mac_key(kek, dialogue_id) if kek is not None else None,
            kek_id=kek_id,
            audit_head=self._loader.audit_head(operation, before) if kek is not None else None,
        )
        for low, high in audit_chain.WALK_ORDER:
            for event in self._partitions.stream(audit_pk, low=low, high=high):
                walk.take(event)
        chains = walk.finish(is_settled=self._partitions.get(pk, "head") == before)
        return ChainReport(
            ok=not walk.findings,
            with_key=kek_id is not None,
            chains=chains,
            findings=walk.findings,
            unverified=[],
        )

    def _own_kek_id(self, operation: Operation) -> str | None:
        """The KEK's name, if there is one and it is the dialogue's: it wrapped one of its keys, or the
        write chain begins with it. None else: then the walk is one without the key."""
        try:
            kek_id = self._keyring.kek(operation.uses).key_id
        except DialogueStoreError:
            return None
        pk = partition_key(operation.dialogue_id)
        audit_pk = audit_chain.audit_key(operation.dialogue_id)
        first = self._partitions.get(audit_pk, audit_chain.sort_key(audit_chain.WRITE_CHAIN, 1))
        deks = self._partitions.query(pk, prefix="dek#")
        known = [item.get("key_id") for item in (first, *deks) if item is not None]
        return kek_id if kek_id in known or not known else None
