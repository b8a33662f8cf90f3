"""The abstract class for moving partitions byte for byte, with names as in ``methods.json``, and its
results."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .entities import ChainReport, PartitionScoped
from .items import Item
from .scoped import PartitionScopedStore

__all__ = [
    "BackupText",
    "BoundaryEvent",
    "CryptoAuditEvent",
    "EncryptedBatch",
    "Head",
    "ImportedBatch",
    "MigrationStore",
]


@dataclass(frozen=True, slots=True)
class CryptoAuditEvent(PartitionScoped):
    """One use of a key, or a migration's cut, as AUDIT-01 gives it; unset fields are None."""

    event_id: str
    timestamp: str
    trace_id: str
    span_id: str
    operation: str
    key_id: str | None
    principal: str
    outcome: str
    previous_hash: str
    dialogue_id: str
    chain: str
    sequence: int
    subject: str
    count: int
    revision: int
    note: str | None
    event_hash: str
    mac: str | None


@dataclass(frozen=True, slots=True)
class BoundaryEvent(CryptoAuditEvent):
    """The event of a migration's cut; its ``note`` is signed (MIG-02)."""


@dataclass(frozen=True, slots=True)
class Head(PartitionScoped):
    """The part of a partition's head that needs no key (HEAD-01)."""

    dialogue_id: str
    revision: int
    state: str
    pending: str | None
    updated_at: str


@dataclass(frozen=True, slots=True)
class EncryptedBatch(PartitionScoped):
    """Stored items or audit events (``kind``) on their way to another store, sealed as they lie
    (MIG-01).

    ``digest`` is that of this batch's items, 64 hex digits; ``cursor`` asks for the next batch and
    is None on the last one.
    """

    dialogue_id: str
    cursor: str | None
    kind: str
    items: list[Item]
    digest: str
    format_version: int


@dataclass(frozen=True, slots=True)
class ImportedBatch(PartitionScoped):
    """How many items of a batch were put in place, how many lay there already, and where to go
    on."""

    imported: int
    already_there: int
    cursor: str | None


class BackupText(PartitionScoped, str):
    """One dialogue as JSON lines: a manifest, then items, then events (MIG-06)."""

    __slots__ = ()


class MigrationStore(PartitionScopedStore):
    """Moving partitions byte for byte between backends (MIG-01), without a data key.

    Every step may be killed and repeated, with the same end (MIG-03). Errors beside the common ones
    of :class:`DialogueStore` are named with each method.
    """

    @abstractmethod
    def freeze(self, dialogue_id: str) -> Head:
        """Stop writes (``partition_frozen``); reads go on (MIG-02)."""

    @abstractmethod
    def unfreeze(self, dialogue_id: str) -> Head:
        """Let writes go on and remove the target's copy; ``partition_moved`` once the boundary is
        written (MIG-03)."""

    @abstractmethod
    def export_encrypted_batch(
        self, dialogue_id: str, cursor: str | None = None, limit: int = 100
    ) -> EncryptedBatch:
        """The next stored items, after them the audit events, byte for byte; the cursor of the last
        batch is None. ``invalid_cursor``."""

    @abstractmethod
    def import_encrypted_batch(self, dialogue_id: str, batch: EncryptedBatch) -> ImportedBatch:
        """Put a batch in place; a repeat is a no-op. ``integrity_error`` where the digest fails or
        something else lies there, ``duplicate_entity`` where the dialogue lives here (MIG-03)."""

    @abstractmethod
    def complete_migration(
        self,
        dialogue_id: str,
        role: str,
        target_name: str | None = None,
        count: int | None = None,
        digest: str | None = None,
        chains: Mapping[str, Mapping[str, Any]] | None = None,
        boundary: BoundaryEvent | None = None,
    ) -> BoundaryEvent:
        """Make the cut (``role="source"``), or accept it (``role="target"``, with the source's
        ``boundary``): MIG-02. ``chains`` is ``{chain: {"sequence", "event_hash"}}``, as copied."""

    @abstractmethod
    def verify_chain_continuity(self, dialogue_id: str, boundary: BoundaryEvent) -> ChainReport:
        """Walk the chains across the boundary (MIG-04)."""

    @abstractmethod
    def backup(self, dialogue_id: str) -> BackupText:
        """The dialogue as JSON lines: a manifest, then items, then events (MIG-06)."""

    @abstractmethod
    def restore(self, dialogue_id: str, document: str) -> Head:
        """Put a backup in place, checked against its manifest. ``duplicate_entity`` where
        anything of that id is there, ``key_erased`` where it was erased, ``integrity_error``
        (MIG-06)."""
