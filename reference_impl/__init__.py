"""The reference encrypted store of the DialogueStore contract, on SQLite and on DynamoDB.

with create_dialogue_store("store.toml") as store:
    store.create_dialogue("nvidia-analysis", "Should we buy?")
"""

from .contract.errors import DialogueStoreError
from .contract.store import AnalyticsStore, DialogueStore, MigrationStore
from .factory import DynamoDialogueStore, SqliteDialogueStore, create_dialogue_store

__all__ = [
    "AnalyticsStore",
    "DialogueStore",
    "DialogueStoreError",
    "DynamoDialogueStore",
    "MigrationStore",
    "SqliteDialogueStore",
    "create_dialogue_store",
]
