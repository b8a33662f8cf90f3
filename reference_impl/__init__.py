"""The reference encrypted store of the DialogueStore contract, on SQLite and on DynamoDB.

with create_dialogue_store("store.toml") as store:
    store.create_dialogue("nvidia-analysis", "Should we buy?")
"""

from .contract.addresses import new_dialogue_id
from .contract.analytics_store import AnalyticsStore
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
from .contract.migration_store import MigrationStore
from .factory import DynamoDialogueStore, SqliteDialogueStore, create_dialogue_store
from .sealing.providers import KeyProvider, LocalFileKeyProvider
from .store.encrypted_store import EncryptedStore

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
