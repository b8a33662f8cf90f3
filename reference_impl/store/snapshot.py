"""A dialogue's partition in memory, opened and checked, as of one revision: what writes are planned on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ..contract import addresses
from ..contract.entities import CLASSES, DialoguePartition, Finding
from ..contract.items import Item
from ..contract.tables import TYPES, EntityType
from ..sealing.audit_chain import Tip
from ..sealing.keys import DekHandle

__all__ = [
    "Head",
    "NewDek",
    "Record",
    "Snapshot",
    "Written",
    "entities",
    "entity_of",
    "partition_of",
]

#: How the types of fields begin whose values a caller could change.
_MUTABLE = ("list", "map", "object")

_EVENTS = tuple(name for name in TYPES if name.endswith("_event"))


@dataclass(frozen=True, slots=True)
class Record:
    """One opened item: its type, identity, the item as found and all its fields by name."""

    kind: EntityType
    parts: Mapping[str, Any]
    item: Item = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The partition's head, opened. ``items_sum`` is the sum of HEAD-02 without the head's own term."""

    item: Item = field(repr=False)
    revision: int
    updated_at: str
    state: str
    pending: str | None
    count: int = field(repr=False)
    items_sum: int = field(repr=False)
    seals: int = field(repr=False)
    audit_head: str = field(repr=False)
    dek: DekHandle


@dataclass(frozen=True, slots=True)
class Written:
    """An item of a commit: its sort key, the record that it makes, its term of the head's sum."""

    sk: str
    record: Record
    term: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewDek:
    """A new data key's item, which makes no record, its term of the head's sum, and the key."""

    item: Item = field(repr=False)
    term: int = field(repr=False)
    dek: DekHandle


@dataclass
class Snapshot:
    """Records by sort key, the head, and what new numbers follow from. ``head`` is None where it is
    missing or bad (only ever seen while findings are collected)."""

    dialogue_id: str
    head: Head | None = None
    records: dict[str, Record] = field(default_factory=dict, repr=False)
    deks: dict[int, DekHandle] = field(default_factory=dict)
    #: each item's term of the head's sum, by sort key, and the key they were made with
    terms: dict[str, int] = field(default_factory=dict, repr=False)
    sum_key: bytes | None = field(default=None, repr=False)
    #: the end of the write chain, where it is known to be this revision's
    tip: Tip | None = None
    #: whether anybody else looks at it, so that a write has to go on with a copy
    is_shared: bool = False
    _last: dict[tuple[Any, ...], int] = field(default_factory=dict, repr=False)

    @property
    def revision(self) -> int:
        """The revision that the head carries; 0 where there is none."""
        return self.head.revision if self.head is not None else 0

    @property
    def newest_dek(self) -> DekHandle:
        """The data key that new items are sealed under."""
        return self.deks[max(self.deks)]

    @property
    def known_head(self) -> Head:
        """The head of a partition that was proven, which has one."""
        if self.head is None:
            raise AssertionError("a partition without findings has a head")
        return self.head

    @property
    def pk(self) -> str:
        return addresses.partition_key(self.dialogue_id)

    def copy(self) -> Snapshot:
        """The same state, to be changed by one alone; records are never changed in place."""
        return replace(
            self,
            records=dict(self.records),
            deks=dict(self.deks),
            terms=dict(self.terms),
            is_shared=False,
            _last=dict(self._last),
        )

    def add(self, sk: str, record: Record) -> None:
        """Put a record in place, new or changed."""
        self.records[sk] = record
        parts = record.parts
        if "seq" in parts:
            series = _series(record.kind.entity, parts)
            if parts["seq"] > self._last.get(series, 0):
                self._last[series] = parts["seq"]

    def take_over(self, records: Mapping[str, Record], known: Snapshot) -> None:
        """Put records of another state in place."""
        if len(records) == len(known.records):  # all of them
            self.records.update(records)
            self._last.update(known._last)
            return
        for sk, record in records.items():
            self.add(sk, record)

    def apply(
        self, records: Iterable[Written], new_deks: Iterable[NewDek], head: Head, tip: Tip
    ) -> None:
        """Become the state that an acknowledged commit made."""
        for made in new_deks:
            self.deks[made.dek.version] = made.dek
            self.terms[str(made.item["sk"])] = made.term
        for written in records:
            self.add(written.sk, written.record)
            self.terms[written.sk] = written.term
        self.sum_key, self.head, self.tip = head.dek.sum_key(), head, tip

    def find(self, entity: str, **identity: Any) -> Record | None:
        """The record of an entity, or None."""
        return self.records.get(addresses.sort_key(entity, **identity))

    def find_by_display_id(self, display_id: str) -> Record | None:
        """The record that a display id names, or None."""
        entity, round_, seq = addresses.parse_display_id(display_id)
        return self.find(entity, round=round_, seq=seq)

    def next_seq(self, entity: str, **series: Any) -> int:
        """The number after the last one of a series (per round, and per expert for moves)."""
        return self._last.get(_series(entity, series), 0) + 1


def _series(entity: str, parts: Mapping[str, Any]) -> tuple[Any, ...]:
    return (entity, parts["round"], parts.get("expert_slug"))


@lru_cache(maxsize=64)
def _shape(kind: EntityType) -> tuple[Any, tuple[str, ...], tuple[int, ...]]:
    """The result class of a type, the names of its fields after the ids in its order, and which of them
    (by place) hold lists and objects."""
    fields = [f for f in kind.fields if f.name != "dialogue_id"]
    mutable = tuple(i for i, f in enumerate(fields) if f.type.startswith(_MUTABLE))
    return CLASSES[kind.entity], tuple(f.name for f in fields), mutable


def entity_of(dialogue_id: str, kind: EntityType, fields: Mapping[str, Any]) -> Any:
    """The result object of a type, its lists and objects copied (STORE-21)."""
    cls, names, mutable = _shape(kind)
    values = [*map(fields.get, names)]
    for i in mutable:
        values[i] = _copy(values[i])
    if kind.display_letter:
        display_id = addresses.display_id(kind.entity, fields["round"], fields["seq"])
        return cls(dialogue_id, display_id, *values)
    return cls(dialogue_id, *values)


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return [_copy(member) for member in value]
    if kind is dict:
        return {key: _copy(member) for key, member in value.items()}
    return value


def entities(snapshot: Snapshot, *names: str) -> list[Any]:
    """The results of some types in the order of STORE-05."""
    found = [
        (_order(record, sk), record)
        for sk, record in snapshot.records.items()
        if record.kind.entity in names
    ]
    found.sort(key=lambda pair: pair[0])
    return [entity_of(snapshot.dialogue_id, r.kind, r.fields) for _, r in found]


def _order(record: Record, sk: str) -> tuple[Any, ...]:
    """STORE-05. Sort keys pad their numbers and separate with ``#``, which sorts before every character
    of an identifier: their text order is the order of their parts."""
    fields = record.fields
    if record.kind.entity == "verdict":
        return (fields["round"], fields["created_at"], fields["verdict_id"])
    if record.kind.entity in _EVENTS:
        return (fields["timestamp"], fields["entity_id"])
    return (sk,)


def partition_of(snapshot: Snapshot, findings: list[Finding]) -> DialoguePartition:
    """The whole dialogue as a result."""
    dialogues = entities(snapshot, "dialogue")
    return DialoguePartition(
        dialogue=dialogues[0] if dialogues else None,
        experts=entities(snapshot, "expert"),
        rounds=entities(snapshot, "round"),
        verdicts=entities(snapshot, "verdict"),
        perspectives=entities(snapshot, "perspective"),
        tensions=entities(snapshot, "tension"),
        recommendations=entities(snapshot, "recommendation"),
        evidence=entities(snapshot, "evidence"),
        claims=entities(snapshot, "claim"),
        moves=entities(snapshot, "move"),
        refs=entities(snapshot, "ref"),
        events=entities(snapshot, *_EVENTS),
        signals=entities(snapshot, "signal"),
        revision=snapshot.head.revision if snapshot.head else 0,
        findings=findings,
    )
