"""The executable specification: a plain, slow, obviously right ``DialogueStore`` in memory.

Every rule of the profiles ``core``, ``batch`` and ``idempotency`` is written here once, in straight
lines, to be read beside the contract: each method validates in the groups of STORE-14, then changes
the lists of one dialogue, or does nothing. Nothing is sealed, indexed or cached. From the reference
it takes the words of the contract only (tables, errors, result types, the text form of times); no
rule is shared with it.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeGuard, TypeVar

import rfc8785

from reference_impl.contract.entities import (
    Claim,
    Dialogue,
    DialoguePartition,
    Event,
    Evidence,
    Expert,
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
from reference_impl.contract.errors import Problem, error, from_problems, validation_failed
from reference_impl.contract.store import DialogueStore, Reference
from reference_impl.contract.tables import ENTITIES, TYPES
from reference_impl.contract.timestamps import Clock, after, format_time, system_clock

__all__ = [
    "ModelStore",
    "Partition",
    "is_display_id",
    "is_identifier",
    "number_size",
    "stored_size",
]

#: An entity as plain data: the fields of ``entities.json``, ``dialogue_id``, any ``display_id``.
Entity = dict[str, Any]
Value = TypeVar("Value")

KIND_OF = {
    "P": "perspective",
    "T": "tension",
    "R": "recommendation",
    "E": "evidence",
    "C": "claim",
}
LETTER_OF = {kind: letter for letter, kind in KIND_OF.items()}
PLURAL_OF = {
    "perspective": "perspectives",
    "tension": "tensions",
    "recommendation": "recommendations",
    "evidence": "evidence",
    "claim": "claims",
}
FIRST_STATUS = {
    "perspective": "open",
    "tension": "open",
    "recommendation": "proposed",
    "evidence": "cited",
    "claim": "asserted",
}
#: The kinds whose creation and status changes leave an event (``writes_event_on``).
KINDS_WITH_EVENTS = ("perspective", "tension", "recommendation")
REF_TYPES = ("support", "oppose", "refine", "address", "resolve", "reopen", "question", "depend")
MOVE_TYPES = ("defend", "challenge", "bridge", "request", "concede", "converge")
METRICS = (
    "score_wisdom",
    "score_consistency",
    "score_truth",
    "score_relationships",
    "open_tensions",
    "new_perspectives",
    "converge_signals",
    "panel_size",
)

#: In what ``register_round`` has read: where each reference or target stood.
PATHS = "paths"

MAX_ROUND = 99  # ADDR-02, ADDR-08
MAX_SEQ = 99  # ADDR-02, ADDR-08
MAX_INTEGER = 2**53 - 1  # STORE-12
MAX_DEPTH = 64  # STORE-12
MAX_ITEM_BYTES = 400 * 1024  # STORE-15
MAX_REFS = 999  # STORE-13
MAX_ROUND_BYTES = 64 * 1024 * 1024  # STORE-13

#: A load shows one revision (STORE-18): it does not go on while a whole round is put in its place.
_ONE_AT_A_TIME = threading.RLock()

LETTERS_AND_DIGITS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


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

    def written(self, time: str, request: _Request, result: Entity) -> None:
        """One write more: the revision counts it, the head carries its time (HEAD-01, ADDR-09), and a
        request that has an id is remembered (STORE-22)."""
        self.revision += 1
        self.updated_at = time
        if request.id is not None:
            self.requests[request.id] = (request.input, deepcopy(result))


class _Request:
    """STORE-22: a write, and what the same request gave before.

    ``earlier`` is the first result, for a write that names the id of an earlier one and has the same
    input: nothing else is asked then. Inputs are the same where their canonical JSON is.
    """

    def __init__(
        self, partition: Partition | None, request_id: str | None, method: str, **params: Any
    ) -> None:
        self.id = request_id
        self.input = b""
        self.earlier: Entity | None = None
        self._is_another = False
        if request_id is None:
            return
        given = {name: value for name, value in params.items() if value is not None}
        self.input = rfc8785.dumps({"method": method, "params": given})
        first = None if partition is None else partition.requests.get(request_id)
        if first is not None and first[0] == self.input:
            self.earlier = deepcopy(first[1])
        elif first is not None:
            self._is_another = True

    def check(self, found: _Findings) -> None:
        """The first of group 7: the id was used with another input."""
        if self._is_another:
            found.add(7, "request_mismatch", "request_id", "was used with another input")

    def stop(self, found: _Findings) -> None:
        """End with ``request_mismatch``, if it is one."""
        if self._is_another:
            found.stop()

    def size(self, found: _Findings, now: str, result: Entity) -> None:
        """The item that remembers the request holds the result (STORE-15)."""
        if self.id is not None:
            found.size(
                "request",
                {
                    "dialogue_id": result["dialogue_id"],
                    "request_id": self.id,
                    "created_at": now,
                    "input_hash": "0" * 64,
                    "result": result,
                },
            )


class ModelStore(DialogueStore):
    """The contract's profiles ``core``, ``batch`` and ``idempotency`` in memory, without encryption.

    ``clock`` gives aware datetimes. ``storage`` maps dialogue ids to partitions: two stores over
    the same ``storage`` are two clients of one backend, or one before and after a reopening. It is
    made for one thread.
    """

    def __init__(
        self, clock: Clock = system_clock, *, storage: dict[str, Partition] | None = None
    ) -> None:
        self._clock = clock
        self._partitions: dict[str, Partition] = {} if storage is None else storage
        self._closed = False

    def close(self) -> None:
        """STORE-20: closing twice is fine."""
        self._closed = True

    # -- the dialogue -----------------------------------------------------------------------------

    def create_dialogue(
        self,
        dialogue_id: str,
        title: str,
        question: str | None = None,
        output_dir: str | None = None,
        background: Mapping[str, str] | None = None,
        calibrated: bool = False,
        domain_id: str | None = None,
        ethos_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Dialogue:
        """The first write of a partition makes revision 1; its time is the clock's (ADDR-09)."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        title = found.text("title", title)
        question = found.optional_text("question", question)
        output_dir = found.optional_text("output_dir", output_dir)
        background = found.background("background", background)
        calibrated = found.boolean("calibrated", calibrated, default=False)
        domain_id = found.optional_identifier("domain_id", domain_id)
        ethos_id = found.optional_identifier("ethos_id", ethos_id)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        there = self._partitions.get(dialogue_id)
        request = _Request(
            there,
            request_id,
            "create_dialogue",
            dialogue_id=dialogue_id,
            title=title,
            question=question,
            output_dir=output_dir,
            background=background,
            calibrated=calibrated,
            domain_id=domain_id,
            ethos_id=ethos_id,
        )
        if request.earlier is not None:
            return Dialogue(**request.earlier)
        request.check(found)
        if there is not None:
            found.add(7, "duplicate_entity", "dialogue_id", "this dialogue exists")  # STORE-07
        found.stop()
        now = format_time(self._clock())
        dialogue: Entity = {
            "dialogue_id": dialogue_id,
            "status": "open",
            "created_at": now,
            "updated_at": now,
            "converged_at": None,
            "total_rounds": 0,
            "total_alignment": 0,
            "calibrated": calibrated,
            "domain_id": domain_id,
            "ethos_id": ethos_id,
            "title": title,
            "question": question,
            "output_dir": output_dir,
            "background": background,
        }
        found.size("dialogue", dialogue)
        request.size(found, now, dialogue)
        found.stop()
        partition = Partition(revision=0, updated_at="", dialogue=dialogue)
        partition.written(now, request, dialogue)
        self._partitions[dialogue_id] = partition
        return Dialogue(**deepcopy(dialogue))

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        """STORE-06: ``dialogue_not_found`` on every method, reads included."""
        return Dialogue(**deepcopy(self._read(dialogue_id).dialogue))

    def update_dialogue_status(
        self, dialogue_id: str, status: str, *, request_id: str | None = None
    ) -> Dialogue:
        """STORE-08; STORE-10: ``converged`` sets ``converged_at``."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        status = found.enum("status", status, ("open", "converging", "converged", "abandoned"))
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "update_dialogue_status",
            status=status,
        )
        if request.earlier is not None:
            return Dialogue(**request.earlier)
        dialogue = partition.dialogue
        request.check(found)
        found.transition("status", "dialogue", dialogue["status"], status)
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        changed = {**dialogue, "status": status, "updated_at": now}
        if status == "converged":
            changed["converged_at"] = now
        found.size("dialogue", changed)
        request.size(found, now, changed)
        found.stop()
        partition.dialogue = changed
        partition.written(now, request, changed)
        return Dialogue(**deepcopy(changed))

    # -- experts ----------------------------------------------------------------------------------

    def register_expert(
        self,
        dialogue_id: str,
        expert_slug: str,
        role: str,
        tier: str,
        source: str = "pool",
        description: str | None = None,
        focus: str | None = None,
        relevance: float | None = None,
        creation_reason: str | None = None,
        color: str | None = None,
        first_round: int | None = None,
        *,
        request_id: str | None = None,
    ) -> Expert:
        """STORE-06: ``first_round`` need not exist. STORE-07: no second one of the same slug."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        expert_slug = found.identifier("expert_slug", expert_slug)
        role = found.text("role", role)
        tier = found.enum("tier", tier, ("Core", "Adjacent", "Wildcard"))
        source = found.enum("source", source, ("pool", "created", "retained"), default="pool")
        description = found.optional_text("description", description)
        focus = found.optional_text("focus", focus)
        relevance = found.optional_relevance("relevance", relevance)
        creation_reason = found.optional_text("creation_reason", creation_reason)
        color = found.optional_text("color", color)
        first_round = found.optional_round("first_round", first_round)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "register_expert",
            expert_slug=expert_slug,
            role=role,
            tier=tier,
            source=source,
            description=description,
            focus=focus,
            relevance=relevance,
            creation_reason=creation_reason,
            color=color,
            first_round=first_round,
        )
        if request.earlier is not None:
            return Expert(**request.earlier)
        request.check(found)
        if partition.expert(expert_slug) is not None:
            found.add(7, "duplicate_entity", "expert_slug", "this expert is registered")
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        expert: Entity = {
            "dialogue_id": dialogue_id,
            "expert_slug": expert_slug,
            "tier": tier,
            "source": source,
            "relevance": relevance,
            "first_round": first_round,
            "total_score": 0,
            "created_at": now,
            "updated_at": now,
            "role": role,
            "description": description,
            "focus": focus,
            "creation_reason": creation_reason,
            "color": color,
            "scores": {},
            "raw_content": {},
        }
        found.size("expert", expert)
        request.size(found, now, expert)
        found.stop()
        partition.experts.append(expert)
        partition.written(now, request, expert)
        return Expert(**deepcopy(expert))

    def record_expert_response(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        content: str,
        *,
        request_id: str | None = None,
    ) -> Expert:
        """Sets ``raw_content`` of the round, keyed by two digits (ENV-02); a repeat replaces."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        expert_slug = found.identifier("expert_slug", expert_slug)
        round = found.round("round", round)
        content = found.text("content", content)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "record_expert_response",
            expert_slug=expert_slug,
            round=round,
            content=content,
        )
        if request.earlier is not None:
            return Expert(**request.earlier)
        found.round_exists("round", partition, round)
        found.expert_exists("expert_slug", partition, expert_slug)
        found.stop()
        expert = _present(partition.expert(expert_slug))
        request.check(found)
        now = self._time_of_write(partition)
        changed = {
            **expert,
            "raw_content": {**expert["raw_content"], f"{round:02d}": content},
            "updated_at": now,
        }
        found.size("expert", changed)
        request.size(found, now, changed)
        found.stop()
        _replace(partition.experts, expert, changed)
        partition.written(now, request, changed)
        return Expert(**deepcopy(changed))

    def update_expert_score(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        score: int,
        *,
        request_id: str | None = None,
    ) -> Expert:
        """STORE-11: sets that round's score; ``total_score`` is the sum of the scores."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        expert_slug = found.identifier("expert_slug", expert_slug)
        round = found.round("round", round)
        score = found.integer("score", score)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "update_expert_score",
            expert_slug=expert_slug,
            round=round,
            score=score,
        )
        if request.earlier is not None:
            return Expert(**request.earlier)
        found.round_exists("round", partition, round)
        found.expert_exists("expert_slug", partition, expert_slug)
        found.stop()
        expert = _present(partition.expert(expert_slug))
        scores = {**expert["scores"], f"{round:02d}": score}
        total_score = sum(scores.values())
        found.total("score", total_score)
        found.stop()
        request.check(found)
        now = self._time_of_write(partition)
        changed = {**expert, "scores": scores, "total_score": total_score, "updated_at": now}
        found.size("expert", changed)
        request.size(found, now, changed)
        found.stop()
        _replace(partition.experts, expert, changed)
        partition.written(now, request, changed)
        return Expert(**deepcopy(changed))

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        """STORE-05: by slug."""
        return _experts(self._read(dialogue_id))

    # -- rounds and signals -----------------------------------------------------------------------

    def create_round(
        self,
        dialogue_id: str,
        round: int,
        score: int = 0,
        title: str | None = None,
        metrics: Mapping[str, int] | None = None,
        *,
        request_id: str | None = None,
    ) -> Round:
        """STORE-09: ``total_rounds`` and ``total_alignment`` follow in the same write."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        score = found.integer("score", score, default=0)
        title = found.optional_text("title", title)
        numbers = found.metrics("metrics", metrics)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "create_round",
            round=round,
            score=score,
            title=title,
            metrics=None if metrics is None else numbers,
        )
        if request.earlier is not None:
            return Round(**request.earlier)
        dialogue = partition.dialogue
        total_alignment = dialogue["total_alignment"] + score
        found.total("score", total_alignment)
        found.stop()
        request.check(found)
        if partition.round(round) is not None:
            found.add(7, "duplicate_entity", "round", "this round exists")
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        new_round: Entity = {
            "dialogue_id": dialogue_id,
            "round": round,
            "score": score,
            "status": "open",
            **numbers,
            "created_at": now,
            "updated_at": now,
            "completed_at": None,
            "title": title,
            "summary": None,
        }
        changed_dialogue = {
            **dialogue,
            "total_rounds": max(dialogue["total_rounds"], round + 1),
            "total_alignment": total_alignment,
            "updated_at": now,
        }
        found.size("round", new_round)
        found.size("dialogue", changed_dialogue)
        request.size(found, now, new_round)
        found.stop()
        partition.rounds.append(new_round)
        partition.dialogue = changed_dialogue
        partition.written(now, request, new_round)
        return Round(**deepcopy(new_round))

    def update_round_status(
        self,
        dialogue_id: str,
        round: int,
        status: str,
        summary: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Round:
        """``completed`` sets ``completed_at``; a summary that is not given stays as it was."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        status = found.enum("status", status, ("open", "in_progress", "completed"))
        summary = found.optional_text("summary", summary)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "update_round_status",
            round=round,
            status=status,
            summary=summary,
        )
        if request.earlier is not None:
            return Round(**request.earlier)
        found.round_exists("round", partition, round)
        found.stop()
        old = _present(partition.round(round))
        request.check(found)
        found.transition("status", "round", old["status"], status)
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        changed = {**old, "status": status, "updated_at": now}
        if status == "completed":
            changed["completed_at"] = now
        if summary is not None:
            changed["summary"] = summary
        found.size("round", changed)
        request.size(found, now, changed)
        found.stop()
        _replace(partition.rounds, old, changed)
        partition.written(now, request, changed)
        return Round(**deepcopy(changed))

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        """STORE-05: by round."""
        return _rounds(self._read(dialogue_id))

    def record_convergence_signal(
        self, dialogue_id: str, round: int, expert_slug: str, *, request_id: str | None = None
    ) -> Signal:
        """STORE-07: the repeat succeeds, writes nothing and gives the first back."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        expert_slug = found.identifier("expert_slug", expert_slug)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "record_convergence_signal",
            round=round,
            expert_slug=expert_slug,
        )
        if request.earlier is not None:
            return Signal(**request.earlier)
        found.round_exists("round", partition, round)
        found.expert_exists("expert_slug", partition, expert_slug)
        found.stop()
        request.check(found)
        found.stop()
        for signal in partition.signals:
            if signal["round"] == round and signal["expert_slug"] == expert_slug:
                return Signal(**deepcopy(signal))
        now = self._time_of_write(partition)
        new_signal: Entity = {
            "dialogue_id": dialogue_id,
            "round": round,
            "expert_slug": expert_slug,
            "created_at": now,
        }
        request.size(found, now, new_signal)
        found.stop()
        partition.signals.append(new_signal)
        partition.written(now, request, new_signal)
        return Signal(**deepcopy(new_signal))

    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        """STORE-05: by round, then slug. STORE-06: an unknown round gives an empty list."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.optional_round("round", round)
        found.stop()
        signals = _signals(self._partition(dialogue_id))
        return [s for s in signals if round is None or s.round == round]

    # -- perspectives, tensions, recommendations, evidence, claims --------------------------------

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        """Information only; 100 when the round is full. STORE-06: ``round_not_found``."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        entity = found.enum("entity", entity, tuple(LETTER_OF))
        found.stop()
        partition = self._partition(dialogue_id)
        found.round_exists("round", partition, round)
        found.stop()
        return NextSeq(partition.next_number(entity, round))

    def register_perspective(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
        *,
        request_id: str | None = None,
    ) -> Perspective:
        """With its event ``created`` and its refs in one write (STORE-08, STORE-24)."""
        entity = self._register(
            "perspective",
            dialogue_id,
            round,
            label,
            content,
            contributors,
            None,
            references,
            request_id,
        )
        return Perspective(**entity)

    def register_tension(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        description: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
        *,
        request_id: str | None = None,
    ) -> Tension:
        """With its event ``created`` and its refs in one write (STORE-08, STORE-24)."""
        entity = self._register(
            "tension",
            dialogue_id,
            round,
            label,
            description,
            contributors,
            None,
            references,
            request_id,
        )
        return Tension(**entity)

    def register_recommendation(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        parameters: Mapping[str, Any] | None = None,
        references: Sequence[Reference] = (),
        *,
        request_id: str | None = None,
    ) -> Recommendation:
        """With its event ``created`` and its refs in one write (STORE-08, STORE-24)."""
        entity = self._register(
            *("recommendation", dialogue_id, round, label, content),
            *(contributors, parameters, references, request_id),
        )
        return Recommendation(**entity)

    def register_evidence(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
        *,
        request_id: str | None = None,
    ) -> Evidence:
        """With its refs in one write (STORE-24); no event."""
        entity = self._register(
            "evidence",
            dialogue_id,
            round,
            label,
            content,
            contributors,
            None,
            references,
            request_id,
        )
        return Evidence(**entity)

    def register_claim(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
        *,
        request_id: str | None = None,
    ) -> Claim:
        """With its refs in one write (STORE-24); no event."""
        entity = self._register(
            "claim", dialogue_id, round, label, content, contributors, None, references, request_id
        )
        return Claim(**entity)

    def _register(
        self,
        kind: str,
        dialogue_id: str,
        round: int,
        label: str,
        body: str,
        contributors: Sequence[str],
        parameters: Mapping[str, Any] | None,
        references: Sequence[Reference],
        request_id: str | None,
    ) -> Entity:
        """What the five kinds have in common; a copy of the new entity."""
        letter = LETTER_OF[kind]
        body_name = "description" if kind == "tension" else "content"

        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        label = found.text("label", label)
        body = found.text(body_name, body)
        contributors = found.identifiers("contributors", contributors)
        parameters = found.optional_json_object("parameters", parameters)
        references = found.references("references", references)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            f"register_{kind}",
            **{"round": round, "label": label, body_name: body, "contributors": contributors},
            parameters=parameters,
            references=references,
        )
        if request.earlier is not None:
            return request.earlier
        found.round_exists("round", partition, round)
        for i, reference in enumerate(references):
            found.entity_exists(f"references[{i}].target", partition, reference["target"])
        found.stop()
        for i, reference in enumerate(references):
            # The entity's own id is made below: no existing target can be the same.
            found.ref_rules(
                f"references[{i}].target", letter, reference["type"], reference["target"][0]
            )
        found.stop()
        request.check(found)
        seq = partition.next_number(kind, round)
        if seq > MAX_SEQ:
            found.add(7, "limit_exceeded", "round", f"has {MAX_SEQ} of this kind", limit=MAX_SEQ)
        different = []  # the same reference twice in one call is one ref item
        for reference in references:
            if reference not in different:
                different.append(reference)
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        display_id = f"{letter}{round:02d}{seq:02d}"
        entity: Entity = {
            "dialogue_id": dialogue_id,
            "display_id": display_id,
            "round": round,
            "seq": seq,
            "status": FIRST_STATUS[kind],
            "created_at": now,
            "updated_at": now,
            "label": label,
            body_name: body,
            "contributors": contributors,
            "references": references,
        }
        if kind == "recommendation":
            entity["adopted_in_verdict"] = None
            entity["parameters"] = parameters
        refs = [
            _ref(dialogue_id, display_id, reference["type"], reference["target"], now)
            for reference in different
        ]
        created = _event(dialogue_id, display_id, "created", contributors, round, now)
        found.size(kind, entity)
        if kind in KINDS_WITH_EVENTS:
            found.size(f"{kind}_event", created)
        request.size(found, now, entity)
        found.stop()
        partition.of_kind(kind).append(entity)
        if kind in KINDS_WITH_EVENTS:
            partition.events.append(created)
        partition.refs.extend(refs)
        partition.written(now, request, entity)
        return deepcopy(entity)

    def update_perspective_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        reason: str | None = None,
        reference: str | None = None,
        result_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Perspective:
        """STORE-08: perspective and event are written together."""
        entity = self._update_with_event(
            *("perspective", dialogue_id, entity_id, status, actors, event_round),
            *(None, reason, reference, result_id, request_id),
        )
        return Perspective(**entity)

    def update_tension_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        reason: str | None = None,
        reference: str | None = None,
        result_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Tension:
        """STORE-08: tension and event are written together."""
        entity = self._update_with_event(
            *("tension", dialogue_id, entity_id, status, actors, event_round),
            *(None, reason, reference, result_id, request_id),
        )
        return Tension(**entity)

    def update_recommendation_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        verdict_id: str | None = None,
        reason: str | None = None,
        reference: str | None = None,
        result_id: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Recommendation:
        """STORE-08; ``adopted``, and only that, takes a verdict and sets ``adopted_in_verdict``."""
        entity = self._update_with_event(
            *("recommendation", dialogue_id, entity_id, status, actors, event_round),
            *(verdict_id, reason, reference, result_id, request_id),
        )
        return Recommendation(**entity)

    def _update_with_event(
        self,
        kind: str,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        verdict_id: str | None,
        reason: str | None,
        reference: str | None,
        result_id: str | None,
        request_id: str | None,
    ) -> Entity:
        """A status change that leaves an event; a copy of the changed entity."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.display_id("entity_id", entity_id)
        status = found.enum("status", status, ENTITIES[kind].by_name["status"].values)
        actors = found.texts("actors", actors)
        event_round = found.round("event_round", event_round)
        if status == "adopted" and verdict_id is None:
            found.add(1, "missing_field", "verdict_id", "an adoption names its verdict")
        verdict_id = found.optional_identifier("verdict_id", verdict_id)
        reason = found.optional_text("reason", reason)
        reference = found.optional_text("reference", reference)
        result_id = found.optional_display_id("result_id", result_id)
        found.letter("entity_id", entity_id, LETTER_OF[kind])
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            f"update_{kind}_status",
            entity_id=entity_id,
            status=status,
            actors=actors,
            event_round=event_round,
            verdict_id=verdict_id,
            reason=reason,
            reference=reference,
            result_id=result_id,
        )
        if request.earlier is not None:
            return request.earlier
        found.round_exists("event_round", partition, event_round)
        found.entity_exists("entity_id", partition, entity_id)
        if verdict_id is not None and partition.verdict(verdict_id) is None:
            found.add(5, "entity_not_found", "verdict_id", "there is no such verdict")
        if result_id is not None:
            found.entity_exists("result_id", partition, result_id)
        found.stop()
        if verdict_id is not None and status != "adopted":
            found.add(6, "invalid_field", "verdict_id", "goes with the status adopted only")
        found.stop()
        entity = _present(partition.entity(entity_id))
        request.check(found)
        found.transition("status", kind, entity["status"], status)
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        changed = {**entity, "status": status, "updated_at": now}
        if status == "adopted":
            changed["adopted_in_verdict"] = verdict_id
        # The event types are the statuses' names: refined, resolved, adopted and so on.
        event = _event(dialogue_id, entity_id, status, actors, event_round, now)
        event.update(reason=reason, reference=reference, result_id=result_id)
        found.size(kind, changed)
        found.size(f"{kind}_event", event)
        request.size(found, now, changed)
        found.stop()
        _replace(partition.of_kind(kind), entity, changed)
        partition.events.append(event)
        partition.written(now, request, changed)
        return deepcopy(changed)

    def update_evidence_status(
        self, dialogue_id: str, entity_id: str, status: str, *, request_id: str | None = None
    ) -> Evidence:
        """STORE-08; evidence has no events."""
        return Evidence(
            **self._update_without_event("evidence", dialogue_id, entity_id, status, request_id)
        )

    def update_claim_status(
        self, dialogue_id: str, entity_id: str, status: str, *, request_id: str | None = None
    ) -> Claim:
        """STORE-08; claims have no events."""
        return Claim(
            **self._update_without_event("claim", dialogue_id, entity_id, status, request_id)
        )

    def _update_without_event(
        self, kind: str, dialogue_id: str, entity_id: str, status: str, request_id: str | None
    ) -> Entity:
        """A status change that leaves no event; a copy of the changed entity."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.display_id("entity_id", entity_id)
        status = found.enum("status", status, ENTITIES[kind].by_name["status"].values)
        found.letter("entity_id", entity_id, LETTER_OF[kind])
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            f"update_{kind}_status",
            entity_id=entity_id,
            status=status,
        )
        if request.earlier is not None:
            return request.earlier
        found.entity_exists("entity_id", partition, entity_id)
        found.stop()
        entity = _present(partition.entity(entity_id))
        request.check(found)
        found.transition("status", kind, entity["status"], status)
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        changed = {**entity, "status": status, "updated_at": now}
        found.size(kind, changed)
        request.size(found, now, changed)
        found.stop()
        _replace(partition.of_kind(kind), entity, changed)
        partition.written(now, request, changed)
        return deepcopy(changed)

    def comment_tension(
        self,
        dialogue_id: str,
        entity_id: str,
        actors: Sequence[str],
        event_round: int,
        reason: str,
        reference: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Event:
        """An event ``commented``; the tension stays as it is, ``updated_at`` too (ADDR-09)."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.display_id("entity_id", entity_id)
        actors = found.texts("actors", actors)
        event_round = found.round("event_round", event_round)
        reason = found.text("reason", reason)
        reference = found.optional_text("reference", reference)
        found.letter("entity_id", entity_id, "T")
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "comment_tension",
            entity_id=entity_id,
            actors=actors,
            event_round=event_round,
            reason=reason,
            reference=reference,
        )
        if request.earlier is not None:
            return Event(**request.earlier)
        found.round_exists("event_round", partition, event_round)
        found.entity_exists("entity_id", partition, entity_id)
        found.stop()
        request.check(found)
        now = self._time_of_write(partition)
        event = _event(dialogue_id, entity_id, "commented", actors, event_round, now)
        event.update(reason=reason, reference=reference)
        found.size("tension_event", event)
        request.size(found, now, event)
        found.stop()
        partition.events.append(event)
        partition.written(now, request, event)
        return Event(**deepcopy(event))

    # -- moves, refs, verdicts --------------------------------------------------------------------

    def register_move(
        self,
        dialogue_id: str,
        round: int,
        expert_slug: str,
        move_type: str,
        targets: Sequence[str] = (),
        context: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Move:
        """``targets``: existing display ids; free text for ``request``; none for ``converge``."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        expert_slug = found.identifier("expert_slug", expert_slug)
        move_type = found.enum(
            "move_type",
            move_type,
            MOVE_TYPES,
        )
        targets = found.texts("targets", targets, default=())
        context = found.optional_text("context", context)
        targets_are_ids = move_type not in ("request", "converge")
        if targets_are_ids:
            for i, target in enumerate(targets):
                found.display_id(f"targets[{i}]", target)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "register_move",
            round=round,
            expert_slug=expert_slug,
            move_type=move_type,
            targets=targets,
            context=context,
        )
        if request.earlier is not None:
            return Move(**request.earlier)
        found.round_exists("round", partition, round)
        found.expert_exists("expert_slug", partition, expert_slug)
        if targets_are_ids:
            for i, target in enumerate(targets):
                found.entity_exists(f"targets[{i}]", partition, target)
        found.stop()
        if move_type == "converge" and targets:
            found.add(6, "invalid_field", "targets", "a converge move has no targets")
        found.stop()
        earlier = [
            m for m in partition.moves if m["round"] == round and m["expert_slug"] == expert_slug
        ]
        request.check(found)
        seq = len(earlier) + 1
        if seq > MAX_SEQ:
            found.add(
                7, "limit_exceeded", "round", f"has {MAX_SEQ} moves of this expert", limit=MAX_SEQ
            )
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        move: Entity = {
            "dialogue_id": dialogue_id,
            "round": round,
            "expert_slug": expert_slug,
            "seq": seq,
            "move_type": move_type,
            "created_at": now,
            "targets": targets,
            "context": context,
        }
        found.size("move", move)
        request.size(found, now, move)
        found.stop()
        partition.moves.append(move)
        partition.written(now, request, move)
        return Move(**deepcopy(move))

    def register_ref(
        self,
        dialogue_id: str,
        source_id: str,
        ref_type: str,
        target_id: str,
        source_type: str | None = None,
        target_type: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Ref:
        """STORE-07: the repeat succeeds, writes nothing and gives the first back."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        source_id = found.display_id("source_id", source_id)
        ref_type = found.enum("ref_type", ref_type, REF_TYPES, code="invalid_ref_type")
        target_id = found.display_id("target_id", target_id)
        source_type = found.optional_entity_letter("source_type", source_type)
        target_type = found.optional_entity_letter("target_type", target_type)
        if source_type is not None:
            found.letter("source_type", source_id, source_type)
        if target_type is not None:
            found.letter("target_type", target_id, target_type)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "register_ref",
            source_id=source_id,
            ref_type=ref_type,
            target_id=target_id,
            source_type=source_type,
            target_type=target_type,
        )
        if request.earlier is not None:
            return Ref(**request.earlier)
        found.entity_exists("source_id", partition, source_id)
        found.entity_exists("target_id", partition, target_id)
        found.stop()
        if source_id == target_id:
            found.add(6, "invalid_ref_target", "target_id", "is the source itself")
        else:
            found.ref_rules("target_id", source_id[0], ref_type, target_id[0])
        found.stop()
        request.check(found)
        found.stop()
        for ref in partition.refs:
            if (ref["source_id"], ref["ref_type"], ref["target_id"]) == (
                source_id,
                ref_type,
                target_id,
            ):
                return Ref(**deepcopy(ref))
        now = self._time_of_write(partition)
        new_ref = _ref(dialogue_id, source_id, ref_type, target_id, now)
        request.size(found, now, new_ref)
        found.stop()
        partition.refs.append(new_ref)
        partition.written(now, request, new_ref)
        return Ref(**deepcopy(new_ref))

    def register_verdict(
        self,
        dialogue_id: str,
        verdict_id: str,
        verdict_type: str,
        round: int,
        recommendation: str,
        description: str,
        author_expert: str | None = None,
        conditions: Sequence[str] | None = None,
        vote: str | None = None,
        confidence: str | None = None,
        supporting_experts: Sequence[str] | None = None,
        tensions_accepted: Sequence[str] | None = None,
        ethos_compliance: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
    ) -> Verdict:
        """STORE-10: a final verdict converges the dialogue in the same write."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        verdict_id = found.identifier("verdict_id", verdict_id)
        verdict_type = found.enum(
            "verdict_type", verdict_type, ("interim", "final", "minority", "dissent")
        )
        round = found.round("round", round)
        recommendation = found.text("recommendation", recommendation)
        description = found.text("description", description)
        author_expert = found.optional_identifier("author_expert", author_expert)
        if conditions is not None:
            conditions = found.texts("conditions", conditions)
        vote = found.optional_text("vote", vote)
        if confidence is not None:
            confidence = found.enum(
                "confidence", confidence, ("unanimous", "strong", "split", "contested")
            )
        if supporting_experts is not None:
            supporting_experts = found.identifiers("supporting_experts", supporting_experts)
        if tensions_accepted is not None:
            tensions_accepted = found.display_ids("tensions_accepted", tensions_accepted)
            for i, tension in enumerate(tensions_accepted):
                found.letter(f"tensions_accepted[{i}]", tension, "T")
        ethos_compliance = found.ethos_compliance("ethos_compliance", ethos_compliance)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self._partition(dialogue_id)
        request = _Request(
            partition,
            request_id,
            "register_verdict",
            verdict_id=verdict_id,
            verdict_type=verdict_type,
            round=round,
            recommendation=recommendation,
            description=description,
            author_expert=author_expert,
            conditions=conditions,
            vote=vote,
            confidence=confidence,
            supporting_experts=supporting_experts,
            tensions_accepted=tensions_accepted,
            ethos_compliance=ethos_compliance,
        )
        if request.earlier is not None:
            return Verdict(**request.earlier)
        found.round_exists("round", partition, round)
        for i, tension in enumerate(tensions_accepted or ()):
            found.entity_exists(f"tensions_accepted[{i}]", partition, tension)
        found.stop()
        dialogue = partition.dialogue
        request.check(found)
        if partition.verdict(verdict_id) is not None:
            found.add(7, "duplicate_entity", "verdict_id", "this verdict exists")
        if verdict_type == "final":
            found.transition("verdict_type", "dialogue", dialogue["status"], "converged")
        found.stop_before_sizes()
        now = self._time_of_write(partition)
        verdict: Entity = {
            "dialogue_id": dialogue_id,
            "verdict_id": verdict_id,
            "verdict_type": verdict_type,
            "round": round,
            "confidence": confidence,
            "created_at": now,
            "author_expert": author_expert,
            "recommendation": recommendation,
            "description": description,
            "conditions": conditions,
            "vote": vote,
            "supporting_experts": supporting_experts,
            "tensions_accepted": tensions_accepted,
            "ethos_compliance": ethos_compliance,
        }
        found.size("verdict", verdict)
        changed_dialogue = dialogue
        if verdict_type == "final":
            changed_dialogue = {
                **dialogue,
                "status": "converged",
                "converged_at": now,
                "updated_at": now,
            }
            found.size("dialogue", changed_dialogue)
        request.size(found, now, verdict)
        found.stop()
        partition.verdicts.append(verdict)
        partition.dialogue = changed_dialogue
        partition.written(now, request, verdict)
        return Verdict(**deepcopy(verdict))

    # -- a whole round ----------------------------------------------------------------------------

    def register_round(
        self,
        dialogue_id: str,
        round: int,
        score: int,
        title: str | None = None,
        summary: str | None = None,
        metrics: Mapping[str, int] | None = None,
        perspectives: Sequence[Mapping[str, Any]] = (),
        tensions: Sequence[Mapping[str, Any]] = (),
        recommendations: Sequence[Mapping[str, Any]] = (),
        evidence: Sequence[Mapping[str, Any]] = (),
        claims: Sequence[Mapping[str, Any]] = (),
        moves: Sequence[Mapping[str, Any]] = (),
        refs: Sequence[Mapping[str, str]] = (),
        status_updates: Sequence[Mapping[str, Any]] = (),
        expert_scores: Mapping[str, int] | None = None,
        responses: Mapping[str, str] | None = None,
        signals: Sequence[str] = (),
        *,
        request_id: str | None = None,
    ) -> RoundRegistration:
        """STORE-13: all that is wrong is found, or all is written, to every reader at once.

        Everything but ``store_closed``, ``dialogue_not_found`` and ``request_mismatch`` is a finding
        of ``validation_failed``. What a value's own finding makes senseless is not asked any more: an
        id of a wrong form is not also unknown.
        """
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        score = found.integer("score", score)
        title = found.optional_text("title", title)
        summary = found.optional_text("summary", summary)
        numbers = found.metrics("metrics", metrics)
        lists = {
            "perspective": found.objects("perspectives", perspectives),
            "tension": found.objects("tensions", tensions),
            "recommendation": found.objects("recommendations", recommendations),
            "evidence": found.objects("evidence", evidence),
            "claim": found.objects("claims", claims),
        }
        names = found.local_ids(lists)
        whole = _WholeRound(
            entities={
                kind: [(path, found.new_entity(path, kind, e, names)) for path, e in elements]
                for kind, elements in lists.items()
            },
            moves=[
                (path, found.new_move(path, e, names)) for path, e in found.objects("moves", moves)
            ],
            refs=[(path, found.new_ref(path, e, names)) for path, e in found.objects("refs", refs)],
            updates=[
                (path, found.status_update(path, e, names, round))
                for path, e in found.objects("status_updates", status_updates)
            ],
            scores=found.by_slug("expert_scores", expert_scores, found.integer),
            responses=found.by_slug("responses", responses, found.text),
            signals=[
                (path, found.identifier(path, e)) for path, e in found.elements("signals", signals)
            ],
        )
        request_id = found.optional_identifier("request_id", request_id)
        is_valid = not found.groups_with_findings()
        if not (found.fine("dialogue_id") and dialogue_id in self._partitions) and not is_valid:
            found.stop_with_everything()
        before = self._partition(dialogue_id)
        request = _Request(before, None, "register_round")
        if is_valid:
            given = whole.as_given()
            given.update(round=round, score=score, title=title, summary=summary)
            given["metrics"] = None if metrics is None else numbers
            request = _Request(before, request_id, "register_round", **given)
            if request.earlier is not None:
                return RoundRegistration(**request.earlier)
            request.check(found)
            if len(json.dumps(given, ensure_ascii=False).encode()) > MAX_ROUND_BYTES:
                what = f"the whole is more than {MAX_ROUND_BYTES} bytes"
                found.add(7, "limit_exceeded", "round", what, limit=MAX_ROUND_BYTES)

        partition = deepcopy(
            before
        )  # what is written to it is thrown away where there are findings
        now = self._time_of_write(partition)
        work = _RoundWork(found, partition, now, round, is_numbered=found.fine("round"))
        work.add_round({"score": score, "title": title, "summary": summary, **numbers})
        work.add_entities(whole.entities)
        work.add_references(whole.entities)
        work.add_moves(whole.moves)
        work.add_refs(whole.refs)
        work.change_statuses(whole.updates)
        work.change_experts(whole.scores, whole.responses)
        work.add_signals(whole.signals)
        work.measure()
        if found.groups_with_findings() == [7]:
            request.stop(found)
        found.stop_with_everything()

        registration: Entity = {
            "round": round,
            "ids": work.ids,
            "counts": work.counts,
            "revision": partition.revision + 1,
        }
        # 495 local ids at the most: the request's item stays far below the limit of STORE-15.
        partition.written(work.latest, request, registration)
        with _ONE_AT_A_TIME:
            self._partitions[dialogue_id] = partition
        return RoundRegistration(**deepcopy(registration))

    # -- reads ------------------------------------------------------------------------------------

    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        """STORE-05: by (round, seq)."""
        return [Perspective(**e) for e in _of_kind(self._read(dialogue_id), "perspective")]

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        """STORE-05: by (round, seq)."""
        return [Tension(**e) for e in _of_kind(self._read(dialogue_id), "tension")]

    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        """STORE-05: by (round, seq)."""
        return [Recommendation(**e) for e in _of_kind(self._read(dialogue_id), "recommendation")]

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        """STORE-05: by (round, seq)."""
        return [Evidence(**e) for e in _of_kind(self._read(dialogue_id), "evidence")]

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        """STORE-05: by (round, seq)."""
        return [Claim(**e) for e in _of_kind(self._read(dialogue_id), "claim")]

    def get_moves(self, dialogue_id: str) -> list[Move]:
        """STORE-05: by (round, expert_slug, seq)."""
        return _moves(self._read(dialogue_id))

    def get_refs(self, dialogue_id: str) -> list[Ref]:
        """STORE-05: by (source, type, target)."""
        return _refs(self._read(dialogue_id))

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        """STORE-05: by (round, created_at, verdict_id)."""
        return _verdicts(self._read(dialogue_id))

    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        """STORE-05: by (timestamp, entity_id). STORE-06: ``entity_not_found``."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.optional_display_id("entity_id", entity_id)
        found.stop()
        partition = self._partition(dialogue_id)
        if entity_id is not None:
            found.entity_exists("entity_id", partition, entity_id)
        found.stop()
        return [e for e in _events(partition) if entity_id is None or e.entity_id == entity_id]

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        """The whole dialogue as of one revision; nothing is ever bad here, so no findings."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        found.enum("on_error", on_error, ("fail", "collect"), default="fail")
        found.stop()
        with _ONE_AT_A_TIME:
            partition = self._partition(dialogue_id)
            return DialoguePartition(
                dialogue=self.get_dialogue(dialogue_id),
                experts=_experts(partition),
                rounds=_rounds(partition),
                verdicts=_verdicts(partition),
                perspectives=self.get_perspectives(dialogue_id),
                tensions=self.get_tensions(dialogue_id),
                recommendations=self.get_recommendations(dialogue_id),
                evidence=self.get_evidence(dialogue_id),
                claims=self.get_claims(dialogue_id),
                moves=_moves(partition),
                refs=_refs(partition),
                events=_events(partition),
                signals=_signals(partition),
                revision=partition.revision,
                findings=[],
            )

    # -- what every method begins with, and every write ends with ---------------------------------

    def _not_closed(self) -> None:
        """Group 0 of STORE-14, STORE-20."""
        if self._closed:
            raise error("store_closed", "the store is closed")

    def _read(self, dialogue_id: str) -> Partition:
        """What a read does that takes the dialogue's id only."""
        self._not_closed()
        found = _Findings()
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        found.stop()
        return self._partition(dialogue_id)

    def _partition(self, dialogue_id: str) -> Partition:
        """The beginning of group 5 of STORE-14; STORE-06."""
        found = _Findings()
        if dialogue_id not in self._partitions:
            found.add(5, "dialogue_not_found", "dialogue_id", "there is no such dialogue")
        found.stop()
        return self._partitions[dialogue_id]

    def _time_of_write(self, partition: Partition) -> str:
        """ADDR-09: the later of the clock and the head's ``updated_at`` + 1 µs.

        The text order of timestamps is their order in time (ADDR-07). Only ``register_round`` writes
        several events of one entity; everywhere else one time serves for the whole write.
        """
        return max(format_time(self._clock()), after(partition.updated_at))


# -- register_round -------------------------------------------------------------------------------


@dataclass
class _WholeRound:
    """What ``register_round`` was given besides the round's own fields, as read: each entry with the
    path of its findings, None for one that is no object."""

    entities: dict[str, list[tuple[str, Entity | None]]]
    moves: list[tuple[str, Entity | None]]
    refs: list[tuple[str, Entity | None]]
    updates: list[tuple[str, Entity | None]]
    scores: dict[str, int]
    responses: dict[str, str]
    signals: list[tuple[str, str]]

    def as_given(self) -> dict[str, Any]:
        """The parameters by name, what is unset left out (STORE-22)."""

        def set_members(entries: list[tuple[str, Entity | None]]) -> list[Entity]:
            return [
                {n: v for n, v in (entry or {}).items() if v is not None and n != PATHS}
                for _, entry in entries
            ]

        return {
            **{PLURAL_OF[kind]: set_members(entries) for kind, entries in self.entities.items()},
            "moves": set_members(self.moves),
            "refs": set_members(self.refs),
            "status_updates": set_members(self.updates),
            "expert_scores": self.scores,
            "responses": self.responses,
            "signals": [slug for _, slug in self.signals],
        }


class _RoundWork:
    """Groups 5 to 7 of a whole round, done on a copy of the partition: each step looks at what is
    there by then, this call's own entities included, and changes it.

    ``ids``: local id -> display id. ``latest``: the time of the last event (ADDR-09).
    """

    def __init__(
        self, found: _Findings, partition: Partition, now: str, round: int, *, is_numbered: bool
    ) -> None:
        self.found = found
        self.partition = partition
        self.now = self.latest = now
        self.round = round
        self.is_numbered = is_numbered  # else it is not known which round this is
        self.ids: dict[str, str] = {}
        self.counts = dict.fromkeys(
            (
                *PLURAL_OF.values(),
                *("moves", "refs", "events", "status_updates"),
                *("expert_scores", "responses", "signals"),
            ),
            0,
        )
        self._ids_by_path: dict[str, str] = {}
        self._times: dict[str, str] = {}  # entity -> time of its last event in this write
        self._to_measure: dict[str, tuple[str, str, Entity]] = {}  # sort key -> path, kind, item

    def _common(self) -> Entity:
        return {"dialogue_id": self.partition.dialogue["dialogue_id"], "created_at": self.now}

    def _display_id(self, name: str) -> str:
        """What a display or local id stands for."""
        return self.ids.get(name, name)

    def _exists(self, field: str, name: str) -> bool:
        """Whether the id in ``field`` has the right form and names something."""
        if not self.found.fine(field):
            return False
        self.found.entity_exists(field, self.partition, self._display_id(name))
        return self.found.fine(field)

    def _changed(self, path: str, kind: str, entity: Entity) -> None:
        """An item of this write; where it becomes too large, ``path`` is to blame."""
        self._to_measure[_sort_key(kind, entity)] = (path, kind, entity)

    def add_round(self, values: Entity) -> None:
        """STORE-09, in the same write."""
        found, dialogue = self.found, self.partition.dialogue
        total_alignment = dialogue["total_alignment"] + values["score"]
        if found.fine("score"):
            found.total("score", total_alignment)
        if not self.is_numbered:
            return
        if self.partition.round(self.round) is not None:
            found.add(7, "duplicate_entity", "round", "this round exists")
        new_round: Entity = {
            **self._common(),
            "round": self.round,
            "status": "open",
            **values,
            "updated_at": self.now,
            "completed_at": None,
        }
        self.partition.dialogue = {
            **dialogue,
            "total_rounds": max(dialogue["total_rounds"], self.round + 1),
            "total_alignment": total_alignment,
            "updated_at": self.now,
        }
        self.partition.rounds.append(new_round)
        if found.fine("score"):
            self._changed("score", "dialogue", self.partition.dialogue)
        if all(found.fine_within(field) for field in ("score", "title", "summary", "metrics")):
            self._changed("round", "round", new_round)

    def add_entities(self, entities: Mapping[str, list[tuple[str, Entity | None]]]) -> None:
        """The new entities with their ids, references apart: those may point forward."""
        for kind, entries in entities.items():
            if len(entries) > MAX_SEQ:
                what = f"a round has at most {MAX_SEQ} of this kind"
                self.found.add(7, "limit_exceeded", PLURAL_OF[kind], what, limit=MAX_SEQ)
            first = self.partition.next_number(kind, self.round)
            for seq, (path, entry) in enumerate(entries, start=first):
                display_id = f"{LETTER_OF[kind]}{self.round:02d}{seq:02d}"
                if not self.is_numbered or seq > MAX_SEQ:
                    display_id = f"{LETTER_OF[kind]} of {path}"  # only for the findings that follow
                self._ids_by_path[path] = display_id
                if entry is None:
                    continue
                local_id = entry["local_id"]
                if local_id is not None and self.found.fine(f"{path}.local_id"):
                    if local_id in self.ids:
                        what = "is another entity's local id"
                        self.found.add(7, "duplicate_entity", f"{path}.local_id", what)
                    else:
                        self.ids[local_id] = display_id
                entity: Entity = {
                    **self._common(),
                    **{n: value for n, value in entry.items() if n not in ("local_id", PATHS)},
                    "display_id": display_id,
                    "round": self.round,
                    "seq": seq,
                    "status": FIRST_STATUS[kind],
                    "updated_at": self.now,
                }
                if kind == "recommendation":
                    entity["adopted_in_verdict"] = None
                self.partition.of_kind(kind).append(entity)
                self.counts[PLURAL_OF[kind]] += 1

    def add_references(self, entities: Mapping[str, list[tuple[str, Entity | None]]]) -> None:
        """STORE-24, and the events ``created`` (STORE-08)."""
        for kind, entries in entities.items():
            for path, entry in entries:
                if entry is None:
                    continue
                entity = _present(self.partition.entity(self._ids_by_path[path]))
                for at, reference in zip(entry[PATHS], entry["references"], strict=True):
                    self._join(
                        (f"{at} of this entity", entity["display_id"]),
                        (f"{at}.type", reference["type"]),
                        (f"{at}.target", reference["target"]),
                    )
                entity["references"] = [
                    {**reference, "target": self._display_id(reference["target"])}
                    for reference in entry["references"]
                ]
                if kind in KINDS_WITH_EVENTS:
                    self._event(path, kind, entity["display_id"], "created", entry["contributors"])
                if self.found.fine_within(path):
                    self._changed(path, kind, entity)

    def _event(
        self,
        path: str,
        kind: str,
        entity_id: str,
        event_type: str,
        actors: Sequence[str],
        **more: Any,
    ) -> None:
        """ADDR-09: a further event of one entity is one microsecond later."""
        last = self._times.get(entity_id)
        time = self._times[entity_id] = self.now if last is None else after(last)
        self.latest = max(self.latest, time)
        dialogue_id = self.partition.dialogue["dialogue_id"]
        event = _event(dialogue_id, entity_id, event_type, actors, self.round, time)
        event.update(more)
        self.partition.events.append(event)
        self.counts["events"] += 1
        if self.found.fine_within(path):
            self._changed(path, f"{kind}_event", event)

    def _join(
        self, source: tuple[str, str], ref_type: tuple[str, str], target: tuple[str, str]
    ) -> None:
        """A ref by the rules of ``register_ref``; each part with its field."""
        both_exist = [self._exists(*source), self._exists(*target)] == [True, True]
        if not both_exist or not self.found.fine(ref_type[0]):
            return
        source_id, target_id = self._display_id(source[1]), self._display_id(target[1])
        if source_id == target_id:
            self.found.add(6, "invalid_ref_target", target[0], "is the source itself")
        else:
            self.found.ref_rules(target[0], source_id[0], ref_type[1], target_id[0])
        for ref in self.partition.refs:
            if (ref["source_id"], ref["ref_type"], ref["target_id"]) == (
                source_id,
                ref_type[1],
                target_id,
            ):
                return
        dialogue_id = self.partition.dialogue["dialogue_id"]
        self.partition.refs.append(_ref(dialogue_id, source_id, ref_type[1], target_id, self.now))
        self.counts["refs"] += 1

    def add_moves(self, moves: list[tuple[str, Entity | None]]) -> None:
        """By the rules of ``register_move``; local ids in targets give way to display ids."""
        if len(moves) > MAX_SEQ:
            what = f"a round takes at most {MAX_SEQ} moves"
            self.found.add(7, "limit_exceeded", "moves", what, limit=MAX_SEQ)
        for path, move in moves:
            if move is None:
                continue
            slug = move["expert_slug"]
            if self.found.fine(f"{path}.expert_slug"):
                self.found.expert_exists(f"{path}.expert_slug", self.partition, slug)
            if self.found.fine(f"{path}.move_type"):
                if move["move_type"] == "converge" and move["targets"]:
                    what = "a converge move has no targets"
                    self.found.add(6, "invalid_field", f"{path}.targets", what)
                if move["move_type"] not in ("request", "converge"):
                    for at, target in zip(move[PATHS], move["targets"], strict=True):
                        self._exists(at, target)
            earlier = [
                m
                for m in self.partition.moves
                if m["round"] == self.round and m["expert_slug"] == slug
            ]
            new_move: Entity = {
                **self._common(),
                **{name: value for name, value in move.items() if name != PATHS},
                "round": self.round,
                "seq": len(earlier) + 1,
                "targets": [self._display_id(target) for target in move["targets"]],
            }
            self.partition.moves.append(new_move)
            self.counts["moves"] += 1
            if self.found.fine_within(path):
                self._changed(path, "move", new_move)

    def add_refs(self, refs: list[tuple[str, Entity | None]]) -> None:
        if len(refs) > MAX_REFS:
            what = f"a round takes at most {MAX_REFS} refs"
            self.found.add(7, "limit_exceeded", "refs", what, limit=MAX_REFS)
        for path, ref in refs:
            if ref is not None:
                self._join(
                    (f"{path}.source", ref["source"]),
                    (f"{path}.ref_type", ref["ref_type"]),
                    (f"{path}.target", ref["target"]),
                )

    def change_statuses(self, updates: list[tuple[str, Entity | None]]) -> None:
        """By the rules of ``update_*_status``, one after the other: a refused one changes nothing."""
        for path, update in updates:
            if update is not None:
                self._change_status(path, update)

    def _change_status(self, path: str, update: Entity) -> None:
        found, partition = self.found, self.partition
        event_round, verdict_id = update.get("event_round"), update["verdict_id"]
        if event_round is not None and found.fine(f"{path}.event_round") and self.is_numbered:
            found.round_exists(f"{path}.event_round", partition, event_round)
        if verdict_id is not None and found.fine(f"{path}.verdict_id"):
            if partition.verdict(verdict_id) is None:
                found.add(5, "entity_not_found", f"{path}.verdict_id", "there is no such verdict")
            elif (
                found.fine(f"{path}.entity_id", f"{path}.status") and update["status"] != "adopted"
            ):
                what = "goes with the status adopted only"
                found.add(6, "invalid_field", f"{path}.verdict_id", what)
        if update["result_id"] is not None:
            self._exists(f"{path}.result_id", update["result_id"])
        if not self._exists(f"{path}.entity_id", update["entity_id"]):
            return
        entity = _present(partition.entity(self._display_id(update["entity_id"])))
        kind = KIND_OF[entity["display_id"][0]]
        if not found.fine(f"{path}.status"):
            return
        found.transition(f"{path}.status", kind, entity["status"], update["status"])
        if not found.fine(f"{path}.status"):
            return
        entity.update(status=update["status"], updated_at=self.now)
        if kind == "recommendation" and update["status"] == "adopted":
            entity["adopted_in_verdict"] = verdict_id
        self.counts["status_updates"] += 1
        if kind in KINDS_WITH_EVENTS:
            more = {name: update[name] for name in ("reason", "reference")}
            if update["result_id"] is not None:
                more["result_id"] = self._display_id(update["result_id"])
            self._event(
                path,
                kind,
                entity["display_id"],
                update["status"],
                update["actors"],
                event_round=event_round,
                **more,
            )
        if found.fine_within(path) and entity["display_id"] not in self._ids_by_path.values():
            self._changed(path, kind, entity)

    def change_experts(self, scores: Mapping[str, int], responses: Mapping[str, str]) -> None:
        """STORE-11; every change of one expert is a change of one item."""
        key = f"{self.round:02d}"
        for param, member, values in (
            ("expert_scores", "scores", scores),
            ("responses", "raw_content", responses),
        ):
            for slug, value in values.items():
                path = f"{param}.{slug}"
                if self.found.fine(path):
                    self.found.expert_exists(path, self.partition, slug)
                if not self.found.fine(path):
                    continue
                expert = _present(self.partition.expert(slug))
                expert[member] = {**expert[member], key: value}
                expert["total_score"] = sum(expert["scores"].values())
                expert["updated_at"] = self.now
                self.counts[param] += 1
                if param == "expert_scores":
                    self.found.total(path, expert["total_score"])
                self._changed(path, "expert", expert)

    def add_signals(self, signals: list[tuple[str, str]]) -> None:
        """An expert signals once in a round, however often it is said (STORE-07)."""
        for path, slug in signals:
            if self.found.fine(path):
                self.found.expert_exists(path, self.partition, slug)
            if not self.found.fine(path) or any(
                s["round"] == self.round and s["expert_slug"] == slug
                for s in self.partition.signals
            ):
                continue
            self.partition.signals.append(
                {**self._common(), "round": self.round, "expert_slug": slug}
            )
            self.counts["signals"] += 1

    def measure(self) -> None:
        """STORE-15, for what is as it would be stored."""
        for path, kind, entity in self._to_measure.values():
            if self.is_numbered:
                self.found.size(kind, entity, path)


# -- new entities ---------------------------------------------------------------------------------


def _ref(dialogue_id: str, source_id: str, ref_type: str, target_id: str, now: str) -> Entity:
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


def _event(
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


def _replace(entities: list[Entity], old: Entity, new: Entity) -> None:
    entities[entities.index(old)] = new


def _present(entity: Entity | None) -> Entity:
    """An entity that group 5 has just found."""
    assert entity is not None
    return entity


# -- results: copies (STORE-21), in the order of STORE-05 -----------------------------------------


def _experts(partition: Partition) -> list[Expert]:
    ordered = sorted(partition.experts, key=lambda e: e["expert_slug"])
    return [Expert(**deepcopy(e)) for e in ordered]


def _rounds(partition: Partition) -> list[Round]:
    ordered = sorted(partition.rounds, key=lambda e: e["round"])
    return [Round(**deepcopy(e)) for e in ordered]


def _signals(partition: Partition) -> list[Signal]:
    ordered = sorted(partition.signals, key=lambda e: (e["round"], e["expert_slug"]))
    return [Signal(**deepcopy(e)) for e in ordered]


def _of_kind(partition: Partition, kind: str) -> list[Entity]:
    return deepcopy(sorted(partition.of_kind(kind), key=lambda e: (e["round"], e["seq"])))


def _moves(partition: Partition) -> list[Move]:
    ordered = sorted(partition.moves, key=lambda e: (e["round"], e["expert_slug"], e["seq"]))
    return [Move(**deepcopy(e)) for e in ordered]


def _refs(partition: Partition) -> list[Ref]:
    ordered = sorted(partition.refs, key=lambda e: (e["source_id"], e["ref_type"], e["target_id"]))
    return [Ref(**deepcopy(e)) for e in ordered]


def _verdicts(partition: Partition) -> list[Verdict]:
    ordered = sorted(
        partition.verdicts, key=lambda e: (e["round"], e["created_at"], e["verdict_id"])
    )
    return [Verdict(**deepcopy(e)) for e in ordered]


def _events(partition: Partition) -> list[Event]:
    ordered = sorted(partition.events, key=lambda e: (e["timestamp"], e["entity_id"]))
    return [Event(**deepcopy(e)) for e in ordered]


# -- validation -----------------------------------------------------------------------------------


class _Findings:
    """What validation has found so far, by the groups of STORE-14.

    Methods that read a parameter return it as it will be stored: a copy, numbers as STORE-12 has
    them. Where they find something, what they return does not matter: ``stop`` comes before use.
    """

    def __init__(self) -> None:
        self._groups: list[list[Problem]] = [[] for _ in range(8)]
        self._fields: set[str] = set()

    def add(self, group: int, code: str, field: str, what: str, **data: Any) -> None:
        self._groups[group].append(Problem(code, field, what, data))
        self._fields.add(field)

    def stop(self) -> None:
        """End at the first group that has found something, with all of its findings."""
        for group in self._groups:
            if group:
                raise from_problems(group)

    def stop_before_sizes(self) -> None:
        """As :meth:`stop`; where only the request is another one, sizes are asked for as well."""
        if any(p.code != "request_mismatch" for group in self._groups for p in group):
            self.stop()

    def groups_with_findings(self) -> list[int]:
        """The numbers of the groups that have found something."""
        return [number for number, group in enumerate(self._groups) if group]

    def stop_with_everything(self) -> None:
        """STORE-13: end with the findings of all groups."""
        problems = [problem for group in self._groups for problem in group]
        if problems:
            raise validation_failed(problems)

    def fine(self, *fields: str) -> bool:
        """Whether nothing has been found for any of these values."""
        return self._fields.isdisjoint(fields)

    def fine_within(self, field: str) -> bool:
        """Whether nothing has been found for a value and all that is in it."""
        return not any(f == field or f.startswith((f"{field}.", f"{field}[")) for f in self._fields)

    # Parameters: group 1 for what is missing or of a wrong type, 2 for enums, 3 for ids and rounds.

    def text(self, field: str, value: object) -> str:
        """A required text: not empty."""
        if value is None:
            self.add(1, "missing_field", field, "is required")
        elif value == "":
            self.add(1, "missing_field", field, "is empty")
        return self.optional_text(field, value) or ""

    def optional_text(self, field: str, value: object) -> str | None:
        """Any Unicode scalar values; empty stays empty and is not null (STORE-12)."""
        if value is None or not self._is_unicode_text(value, field):
            return None
        return value

    def _is_unicode_text(self, value: object, field: str) -> TypeGuard[str]:
        """What is no text of Unicode scalar values is of a wrong type, whatever it is there for."""
        if not isinstance(value, str):
            self.add(1, "invalid_field", field, "is not a text")
            return False
        if not is_unicode(value):
            self.add(1, "invalid_field", field, "holds a lone surrogate")
            return False
        return True

    def boolean(self, field: str, value: object, *, default: bool) -> bool:
        if value is None:
            return default
        if not isinstance(value, bool):
            self.add(1, "invalid_field", field, "is not true or false")
        return value is True

    def integer(self, field: str, value: object, default: int | None = None) -> int:
        """A whole number within ±(2^53-1); 1.0 is 1, true is none (STORE-12)."""
        value = default if value is None else value
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return 0
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(1, "invalid_field", field, "is not a whole number")
            return 0
        try:
            number = normal_number(value)
        except ValueError as wrong:
            self.add(1, "invalid_field", field, str(wrong))
            return 0
        if not isinstance(number, int):
            self.add(1, "invalid_field", field, "is not a whole number")
            return 0
        return number

    def round(self, field: str, value: object) -> int:
        """ADDR-08: a round is 0 to 99."""
        number = self.integer(field, value)
        if not 0 <= number <= MAX_ROUND:
            self.add(3, "invalid_round", field, "is not a round from 0 to 99")
        return number

    def optional_round(self, field: str, value: object) -> int | None:
        return None if value is None else self.round(field, value)

    def optional_relevance(self, field: str, value: object) -> float | None:
        """A number from 0 to 1 with at most six decimals (STORE-12)."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(1, "invalid_field", field, "is not a number")
            return None
        try:
            number = normal_number(value)
        except ValueError as wrong:
            self.add(1, "invalid_field", field, str(wrong))
            return None
        if not 0 <= number <= 1:
            self.add(1, "invalid_field", field, "is not from 0 to 1")
        elif number != round(number, 6):
            self.add(1, "invalid_field", field, "has more than six decimals")
        return number

    def enum(
        self,
        field: str,
        value: object,
        allowed: Sequence[str],
        *,
        default: str | None = None,
        code: str = "invalid_field",
    ) -> str:
        """Group 2: an unknown value is refused and the allowed ones are named (STORE-12)."""
        value = default if value is None else value
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return ""
        if not self._is_unicode_text(value, field):
            return ""
        if value not in allowed:
            what = f"is none of {', '.join(allowed)}"
            self.add(2, code, field, what, allowed=list(allowed))
        return value

    def optional_entity_letter(self, field: str, value: object) -> str | None:
        if value is None:
            return None
        return self.enum(field, value, tuple(KIND_OF), code="invalid_entity_type")

    def identifier(self, field: str, value: object) -> str:
        """ADDR-01."""
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return ""
        if not self._is_unicode_text(value, field):
            return ""
        if not is_identifier(value):
            self.add(3, "invalid_identifier", field, "is not an identifier")
        return value

    def optional_identifier(self, field: str, value: object) -> str | None:
        return None if value is None else self.identifier(field, value)

    def display_id(self, field: str, value: object) -> str:
        """ADDR-02."""
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return ""
        if not self._is_unicode_text(value, field):
            return ""
        if not is_display_id(value):
            self.add(3, "invalid_display_id", field, "is not a display id")
        return value

    def optional_display_id(self, field: str, value: object) -> str | None:
        return None if value is None else self.display_id(field, value)

    def _elements(
        self, field: str, value: object, default: Sequence[object] | None = None
    ) -> Iterator[tuple[str, object]]:
        """The elements of a list, each with its path; none of them may be null."""
        value = default if value is None else value
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return
        if not isinstance(value, list | tuple):
            self.add(1, "invalid_field", field, "is not a list")
            return
        for i, element in enumerate(value):
            if element is None:
                self.add(1, "invalid_field", f"{field}[{i}]", "is null")
            else:
                yield f"{field}[{i}]", element

    def texts(
        self, field: str, value: object, default: Sequence[object] | None = None
    ) -> list[str]:
        """A list of texts, which may be empty, as may be the texts."""
        elements = self._elements(field, value, default)
        return [self.optional_text(path, element) or "" for path, element in elements]

    def identifiers(self, field: str, value: object) -> list[str]:
        return [self.identifier(path, e) for path, e in self._elements(field, value)]

    def display_ids(self, field: str, value: object) -> list[str]:
        return [self.display_id(path, e) for path, e in self._elements(field, value)]

    def references(self, field: str, value: object) -> list[dict[str, str]]:
        """STORE-24: a list of {type, target}."""
        return [reference for _, reference in self._references(field, value, {})]

    def _references(
        self, field: str, value: object, names: Mapping[str, str]
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Each reference with its path; ``names`` as for ``register_round``."""
        for path, element in self._elements(field, value, default=()):
            entry = self._object(path, element, ("type", "target"))
            if entry is None:
                continue
            ref_type = self.enum(
                f"{path}.type", entry.get("type"), REF_TYPES, code="invalid_ref_type"
            )
            target = self.any_id(f"{path}.target", entry.get("target"), names)
            yield path, {"type": ref_type, "target": target}

    def _object(
        self, field: str, value: object, members: Sequence[str]
    ) -> Mapping[str, object] | None:
        """An object without unknown members; None where it is not even that."""
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            self.add(1, "invalid_field", field, "is not an object")
            return None
        if not all(name in members for name in value):
            self.add(1, "invalid_field", field, f"has members other than {', '.join(members)}")
        return value

    def background(self, field: str, value: object) -> dict[str, str] | None:
        """{subject, description?, constraints?, situation?}; what is unset is left out (ENV-02)."""
        if value is None:
            return None
        entry = self._object(field, value, ("subject", "description", "constraints", "situation"))
        if entry is None:
            return None
        background = {"subject": self.text(f"{field}.subject", entry.get("subject"))}
        for name in ("description", "constraints", "situation"):
            text = self.optional_text(f"{field}.{name}", entry.get(name))
            if text is not None:
                background[name] = text
        return background

    def metrics(self, field: str, value: object) -> dict[str, int]:
        """Eight whole numbers from 0, each 0 where it is not given."""
        entry = self._object(field, {} if value is None else value, METRICS)
        metrics = {}
        for name in METRICS:
            member = None if entry is None else entry.get(name)
            metrics[name] = self.integer(f"{field}.{name}", member, default=0)
            if metrics[name] < 0:
                self.add(1, "invalid_field", f"{field}.{name}", "is below 0")
        return metrics

    def ethos_compliance(self, field: str, value: object) -> dict[str, Any] | None:
        """{fully_compliant: text or boolean; exceptions, violations: lists of text}, all needed."""
        if value is None:
            return None
        entry = self._object(field, value, ("fully_compliant", "exceptions", "violations"))
        if entry is None:
            return None
        fully: Any = entry.get("fully_compliant")
        if fully is None:
            self.add(1, "missing_field", f"{field}.fully_compliant", "is required")
        elif not isinstance(fully, bool):
            fully = self.optional_text(f"{field}.fully_compliant", fully)
        exceptions = self.texts(f"{field}.exceptions", entry.get("exceptions"))
        violations = self.texts(f"{field}.violations", entry.get("violations"))
        return {"fully_compliant": fully, "exceptions": exceptions, "violations": violations}

    def optional_json_object(self, field: str, value: object) -> dict[str, Any] | None:
        """Any JSON object. Its names are sealed text, so that no finding repeats them (ERR-03)."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.add(1, "invalid_field", field, "is not an object")
            return None
        try:
            return dict(normal_json(value))
        except ValueError as wrong:
            self.add(1, "invalid_field", field, str(wrong))
            return None

    # What register_round takes besides. ``names``: local id -> kind of the entity that it stands for.

    def objects(self, field: str, value: object) -> list[tuple[str, object]]:
        """The elements of an optional list of objects, each with its path; they are not looked at yet."""
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.add(1, "invalid_field", field, "is not a list")
            return []
        return [(f"{field}[{i}]", element) for i, element in enumerate(value)]

    def elements(self, field: str, value: object) -> list[tuple[str, object]]:
        """The elements of an optional list, each with its path."""
        return list(self._elements(field, value, default=()))

    def local_ids(self, lists: Mapping[str, list[tuple[str, object]]]) -> dict[str, str]:
        """STORE-13: the local ids of all new entities; where two have one, it is the first's."""
        names: dict[str, str] = {}
        for kind, elements in lists.items():
            for path, element in elements:
                if not isinstance(element, Mapping) or element.get("local_id") is None:
                    continue
                local_id = self.identifier(f"{path}.local_id", element["local_id"])
                if is_display_id(local_id):
                    what = "could be taken for a display id"
                    self.add(3, "invalid_identifier", f"{path}.local_id", what)
                if self.fine(f"{path}.local_id"):
                    names.setdefault(local_id, kind)
        return names

    def any_id(self, field: str, value: object, names: Mapping[str, str]) -> str:
        """A display id or a local id."""
        if isinstance(value, str) and value in names:
            return value
        return self.display_id(field, value)

    def new_entity(
        self, path: str, kind: str, value: object, names: Mapping[str, str]
    ) -> Entity | None:
        """The parameters of ``register_*`` without the round."""
        body = "description" if kind == "tension" else "content"
        own = ["parameters"] if kind == "recommendation" else []
        entry = self._object(
            path, value, ("local_id", "label", body, "contributors", *own, "references")
        )
        if entry is None:
            return None
        entity: Entity = {
            "local_id": entry.get("local_id"),
            "label": self.text(f"{path}.label", entry.get("label")),
            body: self.text(f"{path}.{body}", entry.get(body)),
            "contributors": self.identifiers(f"{path}.contributors", entry.get("contributors")),
        }
        for name in own:
            entity[name] = self.optional_json_object(f"{path}.{name}", entry.get(name))
        references = list(self._references(f"{path}.references", entry.get("references"), names))
        entity["references"] = [reference for _, reference in references]
        entity[PATHS] = [at for at, _ in references]
        return entity

    def new_move(self, path: str, value: object, names: Mapping[str, str]) -> Entity | None:
        """The parameters of ``register_move`` without the round."""
        entry = self._object(path, value, ("expert_slug", "move_type", "targets", "context"))
        if entry is None:
            return None
        move: Entity = {
            "expert_slug": self.identifier(f"{path}.expert_slug", entry.get("expert_slug")),
            "move_type": self.enum(f"{path}.move_type", entry.get("move_type"), MOVE_TYPES),
            "targets": [],
            "context": self.optional_text(f"{path}.context", entry.get("context")),
            PATHS: [],
        }
        for at, target in self.elements(f"{path}.targets", entry.get("targets")):
            move["targets"].append(self.optional_text(at, target) or "")
            move[PATHS].append(at)
        # Of a move of no known type nobody can say what its targets must be.
        if self.fine(f"{path}.move_type") and move["move_type"] not in ("request", "converge"):
            for at, target in zip(move[PATHS], move["targets"], strict=True):
                if self.fine(at):
                    self.any_id(at, target, names)
        return move

    def new_ref(self, path: str, value: object, names: Mapping[str, str]) -> Entity | None:
        """{source, ref_type, target}, with display or local ids."""
        entry = self._object(path, value, ("source", "ref_type", "target"))
        if entry is None:
            return None
        return {
            "source": self.any_id(f"{path}.source", entry.get("source"), names),
            "ref_type": self.enum(
                f"{path}.ref_type", entry.get("ref_type"), REF_TYPES, code="invalid_ref_type"
            ),
            "target": self.any_id(f"{path}.target", entry.get("target"), names),
        }

    def status_update(
        self, path: str, value: object, names: Mapping[str, str], round: int
    ) -> Entity | None:
        """The parameters of the ``update_*_status`` of the entity that is named; without ``actors`` it
        has none, without ``event_round`` it is this round's."""
        of_event = ("actors", "event_round", "reason", "reference", "result_id")
        members = ("entity_id", "status", *of_event, "verdict_id")
        entry = self._object(path, value, members)
        if entry is None:
            return None
        entity_id = self.any_id(f"{path}.entity_id", entry.get("entity_id"), names)
        kind = ""
        if self.fine(f"{path}.entity_id"):
            kind = names[entity_id] if entity_id in names else KIND_OF[entity_id[0]]
        status = entry.get("status")
        if kind or status is None:
            allowed = ENTITIES[kind].by_name["status"].values if kind else ()
            status = self.enum(f"{path}.status", status, allowed)
        else:
            status = self.optional_text(f"{path}.status", status)
        # A member that the entity's own method does not take is unknown (STORE-14, group 1).
        foreign: tuple[str, ...] = ()
        if kind and kind not in KINDS_WITH_EVENTS:
            foreign = (*of_event, "verdict_id")
        elif kind and kind != "recommendation":
            foreign = ("verdict_id",)
        for name in foreign:
            if entry.get(name) is not None:
                self.add(1, "invalid_field", f"{path}.{name}", f"a {kind} takes none")
        given = {name: None if name in foreign else entry.get(name) for name in members}
        if kind == "recommendation" and status == "adopted" and given["verdict_id"] is None:
            self.add(1, "missing_field", f"{path}.verdict_id", "an adoption names its verdict")
        update: Entity = {
            "entity_id": entity_id,
            "status": status,
            "reason": self.optional_text(f"{path}.reason", given["reason"]),
            "reference": self.optional_text(f"{path}.reference", given["reference"]),
            "result_id": None,
            "verdict_id": self.optional_identifier(f"{path}.verdict_id", given["verdict_id"]),
        }
        if given["result_id"] is not None:
            update["result_id"] = self.any_id(f"{path}.result_id", given["result_id"], names)
        if "actors" not in foreign:
            update["actors"] = self.texts(f"{path}.actors", given["actors"], default=())
            update["event_round"] = round
            if given["event_round"] is not None:
                update["event_round"] = self.round(f"{path}.event_round", given["event_round"])
        return update

    def by_slug(
        self, field: str, value: object, read: Callable[[str, object], Value]
    ) -> dict[str, Value]:
        """An object by expert. A name that is no slug is not repeated in its path."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.add(1, "invalid_field", field, "is not an object")
            return {}
        values = {}
        for i, (slug, member) in enumerate(value.items()):
            is_slug = isinstance(slug, str) and is_identifier(slug)
            path = f"{field}.{slug}" if is_slug else f"{field}[{i}]"
            if slug is None:
                self.add(1, "invalid_field", path, "has a name that is no text")
            else:
                self.identifier(path, slug)
            of_slug = read(path, member)
            if is_slug:
                values[slug] = of_slug
        return values

    # Group 4: letters.

    def letter(self, field: str, display_id: str, letter: str) -> None:
        if not display_id.startswith(letter):
            what = f"an id that begins with {letter} is needed here"
            self.add(4, "type_id_mismatch", field, what, expected=letter)

    # Group 5: what must be there. Rounds come first, then experts, then entities.

    def round_exists(self, field: str, partition: Partition, round: int) -> None:
        if partition.round(round) is None:
            self.add(5, "round_not_found", field, "there is no such round")

    def expert_exists(self, field: str, partition: Partition, slug: str) -> None:
        if partition.expert(slug) is None:
            self.add(5, "expert_not_found", field, "there is no such expert")

    def entity_exists(self, field: str, partition: Partition, display_id: str) -> None:
        if partition.entity(display_id) is None:
            self.add(5, "entity_not_found", field, "there is no such entity")

    # Group 6: by meaning.

    def ref_rules(self, field: str, source_letter: str, ref_type: str, target_letter: str) -> None:
        """The rules of ``ref`` in ``entities.json``."""
        if ref_type in ("address", "resolve", "reopen") and target_letter != "T":
            self.add(6, "invalid_ref_target", field, f"{ref_type} needs a tension as its target")
        if ref_type == "refine" and source_letter != target_letter:
            self.add(6, "invalid_ref_target", field, "refine joins two entities of one type")

    def total(self, field: str, total: int) -> None:
        """STORE-12 holds for sums as well."""
        if not -MAX_INTEGER <= total <= MAX_INTEGER:
            self.add(6, "invalid_field", field, "the total would be beyond 2^53-1")

    # Group 7: what the store's present state refuses.

    def transition(self, field: str, kind: str, old: str, new: str) -> None:
        """STORE-08: the same status again is no transition either."""
        allowed = list(ENTITIES[kind].transitions[old])
        if new not in allowed:
            what = f"from {old} to {new} is none of {', '.join(allowed) or 'no change at all'}"
            self.add(
                7,
                "invalid_status_transition",
                field,
                what,
                **{"from": old, "to": new, "allowed": allowed},
            )

    def size(self, kind: str, entity: Entity, field: str | None = None) -> None:
        """STORE-15. Signals, refs and the head cannot come near the limit and are not measured."""
        size = stored_size(kind, entity)
        if size > MAX_ITEM_BYTES:
            self.add(
                7,
                "item_too_large",
                field or _sort_key(kind, entity),
                f"the item would take {size} bytes",
                size=size,
                limit=MAX_ITEM_BYTES,
            )


def is_identifier(text: str) -> bool:
    """ADDR-01: ``[A-Za-z0-9][A-Za-z0-9._-]{0,95}``."""
    return (
        1 <= len(text) <= 96
        and text[0] in LETTERS_AND_DIGITS
        and all(c in LETTERS_AND_DIGITS or c in "._-" for c in text)
    )


def is_display_id(text: str) -> bool:
    """ADDR-02: a letter of P R T E C, round 00-99, seq 01-99; exactly five ASCII characters."""
    return (
        len(text) == 5
        and text[0] in "PRTEC"
        and all(c in "0123456789" for c in text[1:])
        and text[3:] != "00"
    )


def is_unicode(text: str) -> bool:
    """STORE-12: Unicode scalar values only, that is no surrogates."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def normal_number(value: int | float) -> int | float:
    """STORE-12: what comes back for a number; ``ValueError`` for one that is refused."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a finite number")
    if value == math.floor(value):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("is beyond 2^53-1")
        return int(value)  # 1.0 is 1, -0.0 is 0
    return value


def normal_json(value: object, around: int = 0) -> Any:
    """STORE-12: what comes back for a JSON value that stands in ``around`` lists and objects."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not is_unicode(value):
            raise ValueError("holds a lone surrogate")
        return value
    if isinstance(value, int | float):
        return normal_number(value)
    if not isinstance(value, list | tuple | Mapping):
        raise ValueError("holds something that is no JSON value")
    if around == MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH}")
    if isinstance(value, list | tuple):
        return [normal_json(element, around + 1) for element in value]
    if not all(isinstance(name, str) and is_unicode(name) for name in value):
        raise ValueError("holds a name that is no Unicode text")
    return {name: normal_json(member, around + 1) for name, member in value.items()}


# -- stored size (STORE-15) -----------------------------------------------------------------------


def stored_size(kind: str, entity: Entity) -> int:
    """Bytes of the item that an encrypted backend stores for an entity, by DynamoDB's rules.

    The item is that of ADDR-05: keys, cleartext fields, index attributes and the four envelope
    attributes of ENV-01. Names and texts count as UTF-8, a boolean as one byte.
    """
    dialogue_id = entity["dialogue_id"]
    table = TYPES[kind]
    item: dict[str, Any] = {"pk": f"dialogue#{dialogue_id}", "sk": _sort_key(kind, entity)}
    for cleartext in table.cleartext_fields:
        if entity[cleartext.name] is not None:  # an unset field is absent
            item[cleartext.name] = entity[cleartext.name]
    if kind == "dialogue":
        item["by_status_pk"] = f"status#{entity['status']}"
        item["by_status_sk"] = f"{entity['updated_at']}#{dialogue_id}"
    if kind == "tension":
        item["by_tension_status_pk"] = f"tension_status#{entity['status']}"
        item["by_tension_status_sk"] = f"{dialogue_id}#{entity['display_id']}"
    if kind == "expert":
        item["by_expert_pk"] = f"expert#{entity['expert_slug']}"
        item["by_expert_sk"] = f"{dialogue_id}#{entity['first_round'] or 0:02d}"
    if kind == "move":
        item["by_expert_pk"] = f"expert#{entity['expert_slug']}"
        item["by_expert_sk"] = f"{dialogue_id}#{entity['round']:02d}"
    # ENV-02: the sealed fields, each present, null where unset; AES-GCM adds a tag of 16 bytes.
    sealed = {f.name: entity[f.name] for f in table.sealed_fields}
    item["content_encrypted"] = rfc8785.dumps(sealed) + bytes(16)
    item["content_nonce"] = bytes(12)
    item["key_id"] = f"dek#{dialogue_id}#1"
    item["aad_hash"] = "0" * 64

    size = 0
    for name, value in item.items():
        size += len(name)
        if isinstance(value, str):
            size += len(value.encode("utf-8"))
        elif isinstance(value, bytes):
            size += len(value)
        elif isinstance(value, bool):
            size += 1
        else:
            size += number_size(value)
    return size


def number_size(number: int | float) -> int:
    """One byte, one for every two significant digits, and one for a minus sign."""
    significant = "".join(str(d) for d in Decimal(str(number)).as_tuple().digits).strip("0")
    return 1 + math.ceil(len(significant) / 2) + (1 if number < 0 else 0)


def _sort_key(kind: str, entity: Entity) -> str:
    """The sort keys of ``entities.json`` for the items that are measured."""
    if kind == "dialogue":
        return "meta"
    if kind == "expert":
        return f"expert#{entity['expert_slug']}"
    if kind == "round":
        return f"round#{entity['round']:02d}"
    if kind == "verdict":
        return f"verdict#{entity['verdict_id']}"
    if kind == "request":
        return f"request#{entity['request_id']}"
    if kind == "move":
        return f"move#{entity['round']:02d}#{entity['expert_slug']}#{entity['seq']:02d}"
    if kind.endswith("_event"):
        return f"event#{kind.removesuffix('_event')}#{entity['entity_id']}#{entity['timestamp']}"
    return f"{kind}#{entity['round']:02d}#{entity['seq']:02d}"
