"""A synthetic dialogue of all 14 entity types, and rows of what is stored in clear and what sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from ..contract.addresses import parse_sort_key, partition_key
from ..contract.dialogue_store import DialogueStore
from ..contract.items import Item, item_size
from ..contract.tables import ENVELOPE_ATTRIBUTES, TYPES
from ..partitions.port import PartitionStore

__all__ = ["load_demo", "play", "stored_rows"]


def load_demo() -> list[dict[str, Any]]:
    """The demonstration as calls: ``{"method": name, "params": {...}}``, in order."""
    text = files(__package__).joinpath("dialogue.json").read_text(encoding="utf-8")
    calls: list[dict[str, Any]] = json.loads(text)
    return calls


def play(store: DialogueStore, calls: Sequence[Mapping[str, Any]], dialogue_id: str) -> None:
    """Make the calls through the store's public methods, under another dialogue id."""
    for call in calls:
        getattr(store, call["method"])(**{**call["params"], "dialogue_id": dialogue_id})


def stored_rows(partitions: PartitionStore, dialogue_id: str) -> list[dict[str, Any]]:
    """Every stored item of a dialogue: entity, sort key, what anybody can read, what only the key opens."""
    return [_row(item) for item in partitions.query(partition_key(dialogue_id))]


def _row(item: Item) -> dict[str, Any]:
    parsed = parse_sort_key(str(item["sk"]))
    entity = parsed[0].entity if parsed else "unknown"
    hidden = ("pk", "sk", *ENVELOPE_ATTRIBUTES)
    sealed = item.get("content_encrypted", b"")
    return {
        "entity": entity,
        "sort_key": item["sk"],
        "clear": {name: value for name, value in sorted(item.items()) if name not in hidden},
        "sealed_fields": [f.name for f in TYPES[entity].sealed_fields] if parsed else [],
        "sealed_bytes": len(sealed) if isinstance(sealed, bytes) else 0,
        "stored_bytes": item_size(item),
    }
