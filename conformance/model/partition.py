"""One dialogue as the model keeps it, and the results that reads make of it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from reference_impl.contract.entities import (
    Event,
    Expert,
    Move,
    Ref,
    Round,
    Signal,
    Verdict,
)

from .values import KIND_OF, Entity


@dataclass
class Partition:
    """One dialogue: its entities in the order of their writing, and what counts of the head."""

    revision: int
    updated_at: str
    dialogue: Entity
    experts: list[Entity] = field(default_factory=list)
    rounds: list[Entity] = field(default_factory=list)
    verdicts: list[Entity] = field(default_factory=list)
    perspectives: list[Entity] = field(default_factory=list)
    tensions: list[Entity] = field(default_factory=list)
    recommendations: list[Entity] = field(default_factory=list)
    evidence: list[Entity] = field(default_factory=list)
    claims: list[Entity] = field(default_factory=list)
    moves: list[Entity] = field(default_factory=list)
    refs: list[Entity] = field(default_factory=list)
    events: list[Entity] = field(default_factory=list)
    signals: list[Entity] = field(default_factory=list)
    #: request_id -> the canonical input of the write that it named, and what that gave
    requests: dict[str, tuple[bytes, Entity]] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Entity]:
        """The entities of one of the five kinds that have display ids."""
        return {
            "perspective": self.perspectives,
            "tension": self.tensions,
            "recommendation": self.recommendations,
            "evidence": self.evidence,
            "claim": self.claims,
        }[kind]

    def round(self, number: int) -> Entity | None:
        return next((e for e in self.rounds if e["round"] == number), None)

    def expert(self, slug: str) -> Entity | None:
        return next((e for e in self.experts if e["expert_slug"] == slug), None)

    def verdict(self, verdict_id: str) -> Entity | None:
        return next((e for e in self.verdicts if e["verdict_id"] == verdict_id), None)

    def entity(self, display_id: str) -> Entity | None:
        same_kind = self.of_kind(KIND_OF[display_id[0]])
        return next((e for e in same_kind if e["display_id"] == display_id), None)

    def next_number(self, kind: str, round: int) -> int:
        """The seq that the next entity of a kind in a round gets: gapless from 1."""
        return 1 + len([e for e in self.of_kind(kind) if e["round"] == round])


# -- new entities ---------------------------------------------------------------------------------


def new_ref(dialogue_id: str, source_id: str, ref_type: str, target_id: str, now: str) -> Entity:
    """A ref item; the letters of the types are those of the ids."""
    return {
        "dialogue_id": dialogue_id,
        "source_id": source_id,
        "ref_type": ref_type,
        "target_id": target_id,
        "source_type": source_id[0],
        "target_type": target_id[0],
        "created_at": now,
    }


def new_event(
    dialogue_id: str,
    entity_id: str,
    event_type: str,
    actors: Sequence[str],
    event_round: int,
    now: str,
) -> Entity:
    """An event without reason, reference and result; ``created_at`` equals ``timestamp``."""
    return {
        "dialogue_id": dialogue_id,
        "entity_id": entity_id,
        "timestamp": now,
        "event_type": event_type,
        "event_round": event_round,
        "created_at": now,
        "actors": actors,
        "reason": None,
        "reference": None,
        "result_id": None,
    }


def replace(entities: list[Entity], old: Entity, new: Entity) -> None:
    """Put a changed entity in the place of what it was."""
    entities[entities.index(old)] = new


def present(entity: Entity | None) -> Entity:
    """An entity that group 5 has just found."""
    assert entity is not None
    return entity


# -- results: copies (STORE-21), in the order of STORE-05 -----------------------------------------


def experts_in(partition: Partition) -> list[Expert]:
    """By slug."""
    ordered = sorted(partition.experts, key=lambda e: e["expert_slug"])
    return [Expert(**deepcopy(e)) for e in ordered]


def rounds_in(partition: Partition) -> list[Round]:
    """By round."""
    ordered = sorted(partition.rounds, key=lambda e: e["round"])
    return [Round(**deepcopy(e)) for e in ordered]


def signals_in(partition: Partition) -> list[Signal]:
    """By (round, slug)."""
    ordered = sorted(partition.signals, key=lambda e: (e["round"], e["expert_slug"]))
    return [Signal(**deepcopy(e)) for e in ordered]


def kind_in(partition: Partition, kind: str) -> list[Entity]:
    """The entities of one of the five kinds that have display ids, by (round, seq)."""
    return deepcopy(sorted(partition.of_kind(kind), key=lambda e: (e["round"], e["seq"])))


def moves_in(partition: Partition) -> list[Move]:
    """By (round, slug, seq)."""
    ordered = sorted(partition.moves, key=lambda e: (e["round"], e["expert_slug"], e["seq"]))
    return [Move(**deepcopy(e)) for e in ordered]


def refs_in(partition: Partition) -> list[Ref]:
    """By (source, type, target)."""
    ordered = sorted(partition.refs, key=lambda e: (e["source_id"], e["ref_type"], e["target_id"]))
    return [Ref(**deepcopy(e)) for e in ordered]


def verdicts_in(partition: Partition) -> list[Verdict]:
    """By (round, created_at, verdict_id)."""
    ordered = sorted(
        partition.verdicts, key=lambda e: (e["round"], e["created_at"], e["verdict_id"])
    )
    return [Verdict(**deepcopy(e)) for e in ordered]


def events_in(partition: Partition) -> list[Event]:
    """By (timestamp, entity_id)."""
    ordered = sorted(partition.events, key=lambda e: (e["timestamp"], e["entity_id"]))
    return [Event(**deepcopy(e)) for e in ordered]
