"""The contract's entity table as data, and which fields and attributes an item of a type has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["ENTITIES_FILE", "ENVELOPE", "Kind", "indexes", "kinds", "letters", "method"]

ENTITIES_FILE = (
    Path(__file__).resolve().parents[2] / "reference_impl" / "contract" / "entities.json"
)
_METHODS_FILE = ENTITIES_FILE.with_name("methods.json")
#: The attributes of ENV-01.
ENVELOPE = frozenset({"content_encrypted", "content_nonce", "key_id", "aad_hash"})


class Kind:
    """One type of item that may lie in a dialogue's partition."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.entity: str = raw["entity"]
        self.sk: str = raw["sk"]
        self.address: str | None = raw["address"]
        self.letter: str | None = raw.get("display_letter")
        self.plural: str | None = raw.get("plural")
        self.fields: dict[str, Mapping[str, Any]] = {f["name"]: f for f in raw["fields"]}

    def placed(self, placement: str) -> list[Mapping[str, Any]]:
        """Its fields that are ``key``, ``cleartext`` or ``sealed``."""
        return [f for f in self.fields.values() if f["placement"] == placement]


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(ENTITIES_FILE.read_text(encoding="utf-8"))
    return table


@cache
def kinds() -> Mapping[str, Kind]:
    """The types by name; those that lie under a partition key of their own left out."""
    table = _table()
    return {
        raw["entity"]: Kind(raw)
        for raw in [*table["types"], *table["bookkeeping"]]
        if "pk" not in raw
    }


@cache
def letters() -> Mapping[str, str]:
    """Display letter -> type."""
    return {kind.letter: name for name, kind in kinds().items() if kind.letter}


@cache
def indexes() -> list[Mapping[str, Any]]:
    """The secondary indexes, ``on`` as a list of types."""
    out: list[Mapping[str, Any]] = []
    for raw in _table()["indexes"]:
        on = [raw["on"]] if isinstance(raw["on"], str) else raw["on"]
        out.append({**raw, "on": [text.split(" ")[0] for text in on]})
    return out


@cache
def _methods() -> Mapping[str, Mapping[str, Any]]:
    table = json.loads(_METHODS_FILE.read_text(encoding="utf-8"))
    return {raw["name"]: raw for raw in table["DialogueStore"]}


def method(name: str) -> Mapping[str, Any]:
    """A method of the store: its parameters and what it returns."""
    return _methods()[name]
