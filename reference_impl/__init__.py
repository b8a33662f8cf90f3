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

#: What few programs need, by the module that has it: loaded when it is asked for.
_HOMES = {
    "contract.analytics_store": ("AnalyticsStore",),
    "contract.migration_store": ("MigrationStore",),
}

if not TYPE_CHECKING:  # a type checker has the names above, and is to miss every other one

    def __getattr__(name: str) -> Any:
        for module, names in _HOMES.items():
            if name in names:
                found = getattr(importlib.import_module(f".{module}", __name__), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
