"""The executable specification: a plain, slow, obviously right ``DialogueStore`` in memory.

Every rule of the profiles ``core``, ``batch`` and ``idempotency`` is written here once, in straight
lines, to be read beside the contract: each method validates in the groups of STORE-14, then changes
the lists of one dialogue, or does nothing. Nothing is sealed, indexed or cached. From the reference
it takes the words of the contract only (tables, errors, result types, the text form of times); no
rule is shared with it.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore, Reference
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
from reference_impl.contract.tables import ENTITIES, METHODS
from reference_impl.contract.timestamps import Clock, format_time, system_clock

from .partition import (
    Partition,
    events_in,
    experts_in,
    kind_in,
    moves_in,
    new_event,
    new_ref,
    present,
    refs_in,
    replace,
    rounds_in,
    signals_in,
    verdicts_in,
)
from .round import RoundWork
from .round_input import RoundReader
from .state import Request, State
from .values import (
    FIRST_STATUS,
    KINDS_WITH_EVENTS,
    LETTER_OF,
    MAX_ROUND_BYTES,
    MOVE_TYPES,
    REF_TYPES,
    Entity,
)

__all__ = ["ModelStore"]

#: Clients in several threads take turns, call by call: every outcome is that of a serial order
#: (STORE-16), and a load shows one revision (STORE-18).
_ONE_AT_A_TIME = threading.RLock()


class ModelStore(DialogueStore):
    """The contract's profiles ``core``, ``batch`` and ``idempotency`` in memory, without encryption.

    ``clock`` gives aware datetimes. ``storage`` maps dialogue ids to partitions: two stores over
    the same ``storage`` are two clients of one backend, or one before and after a reopening. Threads
    take turns: one call at a time. ``state``: what all methods have in common; a liar that is wrong in
    that names another ``state_type``.
    """

    state_type: type[State] = State

    def __init__(
        self, clock: Clock = system_clock, *, storage: dict[str, Partition] | None = None
    ) -> None:
        self.state = self.state_type(clock, {} if storage is None else storage)

    def close(self) -> None:
        """STORE-20: closing twice is fine."""
        self.state.close()

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
        found = self.state.begin("create_dialogue")
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
        there = self.state.partitions.get(dialogue_id)
        request = Request(
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
        now = format_time(self.state.clock())
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
        partition = self.state.partition_type(revision=0, updated_at="", dialogue=dialogue)
        request.written(partition, now, dialogue)
        self.state.partitions[dialogue_id] = partition
        return Dialogue(**deepcopy(dialogue))

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        """STORE-06: ``dialogue_not_found`` on every method, reads included."""
        return Dialogue(**deepcopy(self._read("get_dialogue", dialogue_id).dialogue))

    def update_dialogue_status(
        self, dialogue_id: str, status: str, *, request_id: str | None = None
    ) -> Dialogue:
        """STORE-08; STORE-10: ``converged`` sets ``converged_at``."""
        found = self.state.begin("update_dialogue_status")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        status = found.enum("status", status, ("open", "converging", "converged", "abandoned"))
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        changed = {**dialogue, "status": status, "updated_at": now}
        if status == "converged":
            changed["converged_at"] = now
        found.size("dialogue", changed)
        request.size(found, now, changed)
        found.stop()
        partition.dialogue = changed
        request.written(partition, now, changed)
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
        found = self.state.begin("register_expert")
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
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
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
        request.written(partition, now, expert)
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
        found = self.state.begin("record_expert_response")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        expert_slug = found.identifier("expert_slug", expert_slug)
        round = found.round("round", round)
        content = found.text("content", content)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        expert = present(partition.expert(expert_slug))
        request.check(found)
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        changed = {
            **expert,
            "raw_content": {**expert["raw_content"], f"{round:02d}": content},
            "updated_at": now,
        }
        found.size("expert", changed)
        request.size(found, now, changed)
        found.stop()
        replace(partition.experts, expert, changed)
        request.written(partition, now, changed)
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
        found = self.state.begin("update_expert_score")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        expert_slug = found.identifier("expert_slug", expert_slug)
        round = found.round("round", round)
        score = found.integer("score", score)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        expert = present(partition.expert(expert_slug))
        scores = {**expert["scores"], f"{round:02d}": score}
        total_score = sum(scores.values())
        found.total("score", total_score)
        found.stop()
        request.check(found)
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        changed = {**expert, "scores": scores, "total_score": total_score, "updated_at": now}
        found.size("expert", changed)
        request.size(found, now, changed)
        found.stop()
        replace(partition.experts, expert, changed)
        request.written(partition, now, changed)
        return Expert(**deepcopy(changed))

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        """STORE-05: by slug."""
        return experts_in(self._read("get_experts", dialogue_id))

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
        found = self.state.begin("create_round")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        score = found.integer("score", score, default=0)
        title = found.optional_text("title", title)
        numbers = found.metrics("metrics", metrics)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
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
        request.written(partition, now, new_round)
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
        found = self.state.begin("update_round_status")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        status = found.enum("status", status, ("open", "in_progress", "completed"))
        summary = found.optional_text("summary", summary)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        old = present(partition.round(round))
        request.check(found)
        found.transition("status", "round", old["status"], status)
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        changed = {**old, "status": status, "updated_at": now}
        if status == "completed":
            changed["completed_at"] = now
        if summary is not None:
            changed["summary"] = summary
        found.size("round", changed)
        request.size(found, now, changed)
        found.stop()
        replace(partition.rounds, old, changed)
        request.written(partition, now, changed)
        return Round(**deepcopy(changed))

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        """STORE-05: by round."""
        return rounds_in(self._read("get_rounds", dialogue_id))

    def record_convergence_signal(
        self, dialogue_id: str, round: int, expert_slug: str, *, request_id: str | None = None
    ) -> Signal:
        """STORE-07: the repeat succeeds, writes nothing and gives the first back."""
        found = self.state.begin("record_convergence_signal")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        expert_slug = found.identifier("expert_slug", expert_slug)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        new_signal: Entity = {
            "dialogue_id": dialogue_id,
            "round": round,
            "expert_slug": expert_slug,
            "created_at": now,
        }
        request.size(found, now, new_signal)
        found.stop()
        partition.signals.append(new_signal)
        request.written(partition, now, new_signal)
        return Signal(**deepcopy(new_signal))

    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        """STORE-05: by round, then slug. STORE-06: an unknown round gives an empty list."""
        found = self.state.begin("get_convergence_signals")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.optional_round("round", round)
        found.stop()
        signals = signals_in(self.state.partition(dialogue_id))
        return [s for s in signals if round is None or s.round == round]

    # -- perspectives, tensions, recommendations, evidence, claims --------------------------------

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        """Information only; 100 when the round is full. STORE-06: ``round_not_found``."""
        found = self.state.begin("next_seq")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        entity = found.enum("entity", entity, tuple(LETTER_OF))
        found.stop()
        partition = self.state.partition(dialogue_id)
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

        found = self.state.begin(f"register_{kind}")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        label = found.text("label", label)
        body = found.text(body_name, body)
        contributors = found.identifiers("contributors", contributors)
        parameters = found.optional_json_object("parameters", parameters)
        references = found.references("references", references)
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.seq(seq, "of this kind")
        different = []  # the same reference twice in one call is one ref item
        for reference in references:
            if reference not in different:
                different.append(reference)
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
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
            new_ref(dialogue_id, display_id, reference["type"], reference["target"], now)
            for reference in different
        ]
        created = new_event(dialogue_id, display_id, "created", contributors, round, now)
        found.size(kind, entity)
        if kind in KINDS_WITH_EVENTS:
            found.size(f"{kind}_event", created)
        request.size(found, now, entity)
        found.stop()
        partition.of_kind(kind).append(entity)
        if kind in KINDS_WITH_EVENTS:
            partition.events.append(created)
        partition.refs.extend(refs)
        request.written(partition, now, entity)
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
        found = self.state.begin(f"update_{kind}_status")
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
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        entity = present(partition.entity(entity_id))
        request.check(found)
        found.transition("status", kind, entity["status"], status)
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        changed = {**entity, "status": status, "updated_at": now}
        if status == "adopted":
            changed["adopted_in_verdict"] = verdict_id
        # The event types are the statuses' names: refined, resolved, adopted and so on.
        event = new_event(dialogue_id, entity_id, status, actors, event_round, now)
        event.update(reason=reason, reference=reference, result_id=result_id)
        found.size(kind, changed)
        found.size(f"{kind}_event", event)
        request.size(found, now, changed)
        found.stop()
        replace(partition.of_kind(kind), entity, changed)
        partition.events.append(event)
        request.written(partition, now, changed)
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
        found = self.state.begin(f"update_{kind}_status")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.display_id("entity_id", entity_id)
        status = found.enum("status", status, ENTITIES[kind].by_name["status"].values)
        found.letter("entity_id", entity_id, LETTER_OF[kind])
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        entity = present(partition.entity(entity_id))
        request.check(found)
        found.transition("status", kind, entity["status"], status)
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        changed = {**entity, "status": status, "updated_at": now}
        found.size(kind, changed)
        request.size(found, now, changed)
        found.stop()
        replace(partition.of_kind(kind), entity, changed)
        request.written(partition, now, changed)
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
        found = self.state.begin("comment_tension")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.display_id("entity_id", entity_id)
        actors = found.texts("actors", actors)
        event_round = found.round("event_round", event_round)
        reason = found.text("reason", reason)
        reference = found.optional_text("reference", reference)
        found.letter("entity_id", entity_id, "T")
        request_id = found.optional_identifier("request_id", request_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        event = new_event(dialogue_id, entity_id, "commented", actors, event_round, now)
        event.update(reason=reason, reference=reference)
        found.size("tension_event", event)
        request.size(found, now, event)
        found.stop()
        partition.events.append(event)
        request.written(partition, now, event)
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
        found = self.state.begin("register_move")
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
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.seq(seq, "moves of this expert")
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
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
        request.written(partition, now, move)
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
        found = self.state.begin("register_ref")
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
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
        written = new_ref(dialogue_id, source_id, ref_type, target_id, now)
        request.size(found, now, written)
        found.stop()
        partition.refs.append(written)
        request.written(partition, now, written)
        return Ref(**deepcopy(written))

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
        found = self.state.begin("register_verdict")
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
        partition = self.state.partition(dialogue_id)
        request = Request(
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
        found.time_left(partition)
        found.stop_before_sizes()
        now = self.state.time_of_write(partition)
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
        request.written(partition, now, verdict)
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
        found = self.state.begin("register_round")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        round = found.round("round", round)
        score = found.integer("score", score)
        title = found.optional_text("title", title)
        summary = found.optional_text("summary", summary)
        numbers = found.metrics("metrics", metrics)
        whole = RoundReader(found, round).read(
            {
                "perspectives": perspectives,
                "tensions": tensions,
                "recommendations": recommendations,
                "evidence": evidence,
                "claims": claims,
                "moves": moves,
                "refs": refs,
                "status_updates": status_updates,
                "expert_scores": expert_scores,
                "responses": responses,
                "signals": signals,
            }
        )
        request_id = found.optional_identifier("request_id", request_id)
        is_valid = not found.groups_with_findings()
        if (
            not (found.fine("dialogue_id") and dialogue_id in self.state.partitions)
            and not is_valid
        ):
            found.stop_with_everything()
        before = self.state.partition(dialogue_id)
        request = Request(before, None, "register_round")
        if is_valid:
            given = whole.as_given()
            given.update(round=round, score=score, title=title, summary=summary)
            given["metrics"] = None if metrics is None else numbers
            request = Request(before, request_id, "register_round", **given)
            if request.earlier is not None:
                return RoundRegistration(**request.earlier)
            request.check(found)
            if len(json.dumps(given, ensure_ascii=False).encode()) > MAX_ROUND_BYTES:
                what = f"the whole is more than {MAX_ROUND_BYTES} bytes"
                found.add(7, "limit_exceeded", "round", what, limit=MAX_ROUND_BYTES)

        partition = deepcopy(
            before
        )  # what is written to it is thrown away where there are findings
        found.time_left(partition)
        now = self.state.time_of_write(partition)
        work = RoundWork(found, partition, now, round, is_numbered=found.fine("round"))
        work.add_round({"score": score, "title": title, "summary": summary, **numbers})
        work.add_entities(whole.entities)
        work.add_references(whole.entities)
        work.add_moves(whole.moves)
        work.add_refs(whole.refs, whole.refs_as_given)
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
        request.written(partition, work.latest, registration)
        self.state.partitions[dialogue_id] = partition
        return RoundRegistration(**deepcopy(registration))

    # -- reads ------------------------------------------------------------------------------------

    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        """STORE-05: by (round, seq)."""
        return [
            Perspective(**e)
            for e in kind_in(self._read("get_perspectives", dialogue_id), "perspective")
        ]

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        """STORE-05: by (round, seq)."""
        partition = self._read("get_tensions", dialogue_id)
        return [Tension(**e) for e in kind_in(partition, "tension")]

    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        """STORE-05: by (round, seq)."""
        return [
            Recommendation(**e)
            for e in kind_in(self._read("get_recommendations", dialogue_id), "recommendation")
        ]

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        """STORE-05: by (round, seq)."""
        partition = self._read("get_evidence", dialogue_id)
        return [Evidence(**e) for e in kind_in(partition, "evidence")]

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        """STORE-05: by (round, seq)."""
        partition = self._read("get_claims", dialogue_id)
        return [Claim(**e) for e in kind_in(partition, "claim")]

    def get_moves(self, dialogue_id: str) -> list[Move]:
        """STORE-05: by (round, expert_slug, seq)."""
        return moves_in(self._read("get_moves", dialogue_id))

    def get_refs(self, dialogue_id: str) -> list[Ref]:
        """STORE-05: by (source, type, target)."""
        return refs_in(self._read("get_refs", dialogue_id))

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        """STORE-05: by (round, created_at, verdict_id)."""
        return verdicts_in(self._read("get_verdicts", dialogue_id))

    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        """STORE-05: by (timestamp, entity_id). STORE-06: ``entity_not_found``."""
        found = self.state.begin("get_events")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        entity_id = found.optional_display_id("entity_id", entity_id)
        found.stop()
        partition = self.state.partition(dialogue_id)
        if entity_id is not None:
            found.entity_exists("entity_id", partition, entity_id)
        found.stop()
        return [e for e in events_in(partition) if entity_id is None or e.entity_id == entity_id]

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        """The whole dialogue as of one revision; nothing is ever bad here, so no findings."""
        found = self.state.begin("load_partition")
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        found.enum("on_error", on_error, ("fail", "collect"), default="fail")
        found.stop()
        partition = self.state.partition(dialogue_id)
        return DialoguePartition(
            dialogue=self.get_dialogue(dialogue_id),
            experts=experts_in(partition),
            rounds=rounds_in(partition),
            verdicts=verdicts_in(partition),
            perspectives=self.get_perspectives(dialogue_id),
            tensions=self.get_tensions(dialogue_id),
            recommendations=self.get_recommendations(dialogue_id),
            evidence=self.get_evidence(dialogue_id),
            claims=self.get_claims(dialogue_id),
            moves=moves_in(partition),
            refs=refs_in(partition),
            events=events_in(partition),
            signals=signals_in(partition),
            revision=partition.revision,
            findings=[],
        )

    def _read(self, method: str, dialogue_id: str) -> Partition:
        """What a read does that takes the dialogue's id only."""
        found = self.state.begin(method)
        dialogue_id = found.identifier("dialogue_id", dialogue_id)
        found.stop()
        return self.state.partition(dialogue_id)


def _alone(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with _ONE_AT_A_TIME:
            return method(*args, **kwargs)

    return alone


for _name in METHODS:
    if _name in vars(ModelStore):
        setattr(ModelStore, _name, _alone(vars(ModelStore)[_name]))
