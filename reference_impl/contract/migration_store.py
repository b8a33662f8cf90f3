"""The abstract class for moving partitions byte for byte, with names as in ``methods.json``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from .entities import (
    BackupText,
    BoundaryEvent,
    ChainReport,
    EncryptedBatch,
    Head,
    ImportedBatch,
)
from .scoped import PartitionScopedStore

__all__ = ["MigrationStore"]


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
