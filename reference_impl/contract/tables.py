"""The contract's tables as data: entity types, bookkeeping items, indexes, methods, profiles.

Everything here is read from ``entities.json`` and ``methods.json``; nothing is written a second
time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

__all__ = [
    "BOOKKEEPING",
    "ENTITIES",
    "ENVELOPE_ATTRIBUTES",
    "INDEXES",
    "LETTERS",
    "METHODS",
    "METRICS",
    "NUMBERED",
    "PLURALS",
    "PROFILES",
    "SPEC_REVISION",
    "TABLE_NAME",
    "TYPES",
    "EntityType",
    "Field",
    "Index",
    "Method",
    "Param",
    "Profile",
]

#: The four attributes of ENV-01, in the order of the contract.
ENVELOPE_ATTRIBUTES = ("content_encrypted", "content_nonce", "key_id", "aad_hash")


@dataclass(frozen=True)
class Field:
    """One field of an entity: its type as the contract writes it and where it is placed."""

    name: str
    type: str
    placement: str  # key | cleartext | sealed
    nullable: bool = False
    default: Any = None
    has_default: bool = False
    values: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    min_length: int = 0
    decimals: int | None = None
    metric: bool = False  # of a round: a member of the parameter ``metrics``


@dataclass(frozen=True, eq=False)
class EntityType:
    """One of the 14 entity types or of the bookkeeping items that lie in a dialogue's partition."""

    entity: str
    sk: str
    address: str | None
    identity: tuple[str, ...]
    fields: tuple[Field, ...]
    display_letter: str | None
    transitions: Mapping[str, tuple[str, ...]]
    writes_event_on: tuple[str, ...]
    immutable: bool
    sequenced: bool
    plural: str | None  # what a list of it is called

    @cached_property
    def key_fields(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.placement == "key")

    @cached_property
    def cleartext_fields(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.placement == "cleartext")

    @cached_property
    def sealed_fields(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.placement == "sealed")

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {f.name: f for f in self.fields}

    @property
    def has_envelope(self) -> bool:
        return self.address is not None


@dataclass(frozen=True)
class Index:
    """A secondary index: the names of its two attributes and the forms of their values."""

    name: str
    pk_attribute: str
    pk: str
    sk_attribute: str
    sk: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Param:
    """One parameter of a method, its type as the contract writes it."""

    name: str
    type: str
    required: bool
    default: Any


@dataclass(frozen=True)
class Method:
    """One method of the contract."""

    name: str
    params: tuple[Param, ...]
    returns: str
    kind: str  # read | write
    profile: str
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """A set of rules that a backend may claim, with the profiles that it needs."""

    name: str
    needs: tuple[str, ...]
    rules: tuple[str, ...]  # as written: single ids, ranges (ADDR-01..04) and families (ENV-*)
    note: str


def _load(name: str) -> Any:
    return json.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _field(raw: Mapping[str, Any]) -> Field:
    return Field(
        name=raw["name"],
        type=raw["type"],
        placement=raw["placement"],
        nullable=raw.get("nullable", False),
        default=raw.get("default"),
        has_default="default" in raw,
        values=tuple(raw.get("values", ())),
        minimum=raw.get("minimum"),
        maximum=raw.get("maximum"),
        min_length=raw.get("min_length", 0),
        decimals=raw.get("decimals"),
        metric=raw.get("metric", False),
    )


def _entity(raw: Mapping[str, Any]) -> EntityType:
    return EntityType(
        entity=raw["entity"],
        sk=raw["sk"],
        address=raw["address"],
        identity=tuple(raw["identity"]),
        fields=tuple(_field(f) for f in raw["fields"]),
        display_letter=raw.get("display_letter"),
        transitions={k: tuple(v) for k, v in raw.get("transitions", {}).items()},
        writes_event_on=tuple(raw.get("writes_event_on", ())),
        immutable=raw.get("immutable", False),
        sequenced="sequence" in raw,
        plural=raw.get("plural"),
    )


def _index(raw: Mapping[str, Any]) -> Index:
    on = [raw["on"]] if isinstance(raw["on"], str) else raw["on"]
    return Index(
        name=raw["name"],
        pk_attribute=raw["pk_attribute"],
        pk=raw["pk"],
        sk_attribute=raw["sk_attribute"],
        sk=raw["sk"],
        entities=tuple(entry.split(" ")[0] for entry in on),
    )


def _method(raw: Mapping[str, Any]) -> Method:
    return Method(
        name=raw["name"],
        params=tuple(
            Param(p["name"], p["type"], p.get("required", True), p.get("default"))
            for p in raw["params"]
        ),
        returns=raw["returns"],
        kind=raw.get("kind", "read"),
        profile=raw["profile"],
        errors=tuple(raw.get("errors", ())),
    )


_entities = _load("entities.json")
_methods = _load("methods.json")

SPEC_REVISION: int = _methods["spec_revision"]
TABLE_NAME: str = _entities["table"]
#: The 14 entity types, in the order of the contract.
ENTITIES: Mapping[str, EntityType] = {raw["entity"]: _entity(raw) for raw in _entities["types"]}
#: Bookkeeping items that lie in the dialogue's own partition (signal, dek, head, request).
BOOKKEEPING: Mapping[str, EntityType] = {
    raw["entity"]: _entity(raw) for raw in _entities["bookkeeping"] if "pk" not in raw
}
#: Every item type that may lie in a dialogue's partition.
TYPES: Mapping[str, EntityType] = {**ENTITIES, **BOOKKEEPING}
#: Display letter -> entity name: P perspective, T tension, and so on.
LETTERS: Mapping[str, str] = {
    t.display_letter: t.entity for t in ENTITIES.values() if t.display_letter
}
#: Entity -> what a list of it is called, in ``load_partition`` and everywhere else; events share one list.
PLURALS: Mapping[str, str] = {t.entity: t.plural for t in TYPES.values() if t.plural}
#: The five kinds that have a display id: plural -> entity.
NUMBERED: Mapping[str, str] = {PLURALS[entity]: entity for entity in LETTERS.values()}
#: The metrics of a round.
METRICS: tuple[str, ...] = tuple(f.name for f in ENTITIES["round"].fields if f.metric)
INDEXES: tuple[Index, ...] = tuple(_index(raw) for raw in _entities["indexes"])
METHODS: Mapping[str, Method] = {raw["name"]: _method(raw) for raw in _methods["DialogueStore"]}
PROFILES: Mapping[str, Profile] = {
    raw["name"]: Profile(raw["name"], tuple(raw["needs"]), tuple(raw["rules"]), raw.get("note", ""))
    for raw in _methods["profiles"]
}
