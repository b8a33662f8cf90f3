"""The reference encrypted store of the DialogueStore contract, on SQLite and on DynamoDB.

with create_dialogue_store("store.toml") as store:
    store.create_dialogue("nvidia-analysis", "Should we buy?")
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if os.name != "posix":
    raise ImportError(
        "dialogue-store-conformance runs on POSIX systems only (Linux, macOS): it needs their file modes, "
        "locks and forks. On Windows use the Windows Subsystem for Linux."
    )

from .contract.addresses import new_dialogue_id
from .contract.dialogue_store import DialogueStore
from .contract.entities import (
    ChainReport,
    Claim,
    Dialogue,
    DialoguePartition,
    Event,
    Evidence,
    Expert,
    Finding,
    Move,
    NextSeq,
    Perspective,
    Recommendation,
    Ref,
    Round,
    RoundRegistration,
    Signal,
    Tension,
    Verdict,
)
from .contract.errors import DialogueStoreError
from .factory import DynamoDialogueStore, SqliteDialogueStore, create_dialogue_store
from .sealing.providers import KeyProvider, LocalFileKeyProvider
from .store.encrypted_store import EncryptedStore

if TYPE_CHECKING:
    from .contract.analytics_store import AnalyticsStore
    from .contract.migration_store import MigrationStore

__all__ = [
    "AnalyticsStore",
    "ChainReport",
    "Claim",
    "Dialogue",
    "DialoguePartition",
    "DialogueStore",
    "DialogueStoreError",
    "DynamoDialogueStore",
    "EncryptedStore",
    "Event",
    "Evidence",
    "Expert",
    "Finding",
    "KeyProvider",
    "LocalFileKeyProvider",
    "MigrationStore",
    "Move",
    "NextSeq",
    "Perspective",
    "Recommendation",
    "Ref",
    "Round",
    "RoundRegistration",
    "Signal",
    "SqliteDialogueStore",
    "Tension",
    "Verdict",
    "create_dialogue_store",
    "new_dialogue_id",
]

#: What few programs need, and where it is: loaded when it is asked for.
_HOMES = {
    "AnalyticsStore": ".contract.analytics_store",
    "MigrationStore": ".contract.migration_store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
