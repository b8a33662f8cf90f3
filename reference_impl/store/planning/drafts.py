"""What a write puts: drafts of items, collected by one builder for a single write and for a whole round.

Nothing here reads, seals or stores. ``now`` is the write's one time (ADDR-09).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...contract import addresses, timestamps
from ...contract.items import Item, Value, index_attributes
from ...contract.tables import TYPES, EntityType
from ..snapshot import Record, Snapshot, entity_of
from .problems import Problems

__all__ = [
    "Args",
    "Builder",
    "Draft",
    "Plan",
    "Repeat",
    "Result",
    "new_entity",
    "repeat_of",
    "time_of_write",
    "whole_item",
]

#: Parameters of a method or of an entry of a round, as validated.
Args = Mapping[str, Any]
#: Makes a method's result once the dialogue is known.
Result = Callable[[str], Any]

_LAST_TIME = "9999-12-31T23:59:59.999999Z"


@dataclass(frozen=True, slots=True)
class Draft:
    """An entity as it shall be; ``old`` is the record that it replaces, None for a new one."""

    kind: EntityType
    fields: Mapping[str, Any] = field(repr=False)
    old: Record | None = None

    @property
    def sk(self) -> str:
        return self.kind.sk.format_map(self.fields)

    @property
    def parts(self) -> dict[str, Any]:
        return {name: self.fields[name] for name in self.kind.identity}


@dataclass(frozen=True, slots=True)
class Plan:
    """What one atomic write puts. ``result`` is the draft that the method returns, or a function that
    makes the result for a revision; ``times``: every time that the write gives besides its own."""

    drafts: Sequence[Draft]
    result: Draft | Callable[[int], Result] = field(repr=False)
    times: Sequence[str] = ()

    def result_at(self, revision: int) -> Result:
        """What the method returns once the write has made ``revision``."""
        draft = self.result
        if isinstance(draft, Draft):
            return lambda dialogue_id: entity_of(dialogue_id, draft.kind, draft.fields)
        return draft(revision)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeat: nothing to write, the first result is given back (STORE-07, STORE-22)."""

    result: Result


def repeat_of(record: Record) -> Repeat:
    """What was written before, given back."""
    return Repeat(lambda dialogue_id: entity_of(dialogue_id, record.kind, record.fields))


# -- drafts and items ---------------------------------------------------------------------------


def new_entity(entity: str, now: str, **fields: Any) -> Draft:
    """A new entity: defaults of the table, both times ``now``, everything else as given."""
    kind = TYPES[entity]
    values: dict[str, Any] = {f.name: _copied(f.default) for f in kind.fields}
    for name in ("created_at", "updated_at"):
        if name in values:
            values[name] = now
    values.update(fields)
    return Draft(kind, values)


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else value


def whole_item(
    dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], sealed: Mapping[str, Value]
) -> Item:
    """ADDR-05: keys, set cleartext fields, index attributes and the envelope of an item."""
    clear = {f.name: fields.get(f.name) for f in kind.cleartext_fields}
    item: Item = {
        "pk": addresses.partition_key(dialogue_id),
        "sk": addresses.sort_key(kind.entity, **fields),
        **{name: value for name, value in clear.items() if value is not None},
        **index_attributes(kind, dialogue_id, fields, clear),
        **sealed,
    }
    return item


def time_of_write(clock: str, updated_at: str) -> str:
    """ADDR-09: the later of the clock's time and the head's ``updated_at`` + 1 µs. Where no later time is
    left it is the last one, which :meth:`Builder.plan` refuses."""
    return clock if updated_at >= _LAST_TIME else max(clock, timestamps.after(updated_at))


# -- the builder --------------------------------------------------------------------------------


@dataclass
class Builder:
    """A write as it takes shape: the snapshot, what it puts so far, and what is wrong with it.

    Drafts lie by sort key, so that several changes of one item are one. A new entity that gets no number
    (its round is not known, or it is the hundredth of its kind) is not written: it stands in ``unnumbered``
    under an id that nothing else has, for the findings about it.
    """

    snapshot: Snapshot
    now: str
    problems: Problems = field(default_factory=Problems)
    drafts: dict[str, Draft] = field(default_factory=dict)
    unnumbered: dict[str, Draft] = field(default_factory=dict)
    #: local id -> display id
    ids: dict[str, str] = field(default_factory=dict)
    #: what was done, by the names that a round counts
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    times: list[str] = field(default_factory=list)
    #: sort key -> the path that is to blame where the item becomes too large
    paths: dict[str, str] = field(default_factory=dict)
    _last_event: dict[str, str] = field(default_factory=dict)
    _numbered: dict[tuple[Any, ...], int] = field(default_factory=lambda: defaultdict(int))

    def find(self, entity: str, **identity: Any) -> Record | Draft | None:
        """An entity by its identity: of this write, or one that was there."""
        sk = addresses.sort_key(entity, **identity)
        return self.drafts.get(sk) or self.snapshot.records.get(sk)

    def find_by_id(self, some_id: str) -> Record | Draft | None:
        """An entity by its display id or local id."""
        display_id = self.resolve(some_id)
        if not addresses.is_display_id(display_id):
            return self.unnumbered.get(display_id)
        entity, number, seq = addresses.parse_display_id(display_id)
        return self.find(entity, round=number, seq=seq)

    def resolve(self, some_id: str) -> str:
        """The display id that a local one stands for; a display id is itself."""
        return self.ids.get(some_id, some_id)

    def next_seq(self, entity: str, **series: Any) -> int:
        """The next number of a series: per round, and per expert for moves. It is taken by that."""
        key = (entity, *series.values())
        self._numbered[key] += 1
        return self.snapshot.next_seq(entity, **series) - 1 + self._numbered[key]

    def put(self, draft: Draft, where: str = "") -> Draft:
        """Write a draft; ``where`` is blamed for its size, else its sort key."""
        sk = draft.sk
        self.drafts[sk] = draft
        self.paths[sk] = where or sk
        return draft

    def change(self, found: Record | Draft, where: str = "", **fields: Any) -> Draft:
        """Change an entity: one that was there, or one of this write, which stays that one's path."""
        values = {**found.fields, **fields}
        if "updated_at" in found.kind.by_name:
            values["updated_at"] = self.now
        if isinstance(found, Record):
            return self.put(Draft(found.kind, values, found), where)
        draft = Draft(found.kind, values, found.old)
        for name, other in self.unnumbered.items():
            if other is found:
                self.unnumbered[name] = draft
                return draft
        return self.put(draft, where if found.old is not None else self.paths[draft.sk])

    def add_event(self, entity: str, display_id: str, where: str = "", **fields: Any) -> Draft:
        """An event; a further one of the same entity is a microsecond later (ADDR-09)."""
        last = self._last_event.get(display_id)
        if last == _LAST_TIME:
            self._no_time_left(where or "entity_id")
        when = self.now if last is None else time_of_write(last, last)
        self._last_event[display_id] = when
        self.times.append(when)
        self.counts["events"] += 1
        event = new_entity(f"{entity}_event", when, entity_id=display_id, timestamp=when, **fields)
        return self.put(event, where)

    def check_time(self) -> None:
        """ADDR-09: a write has a later time than the one before it."""
        head = self.snapshot.head
        if head is not None and self.now <= head.updated_at:
            self._no_time_left("dialogue_id")

    def _no_time_left(self, where: str) -> None:
        what = f"no later time is left: the last write has the time {_LAST_TIME}"
        self.problems.add(7, "limit_exceeded", where, what)

    def plan(self, result: Draft | None) -> Plan:
        """The single write that returns ``result``; the first group of findings where there is any."""
        self.check_time()
        self.problems.raise_first()
        if result is None:
            raise AssertionError("a write without a result has a finding")
        return Plan(list(self.drafts.values()), result, self.times)
