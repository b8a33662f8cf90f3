"""EncryptedStore: the domain layer, once for all backends.

A write flows one way: validate -> plan -> items -> seal -> one commit, conditional on the head that was
read (HEAD-03). A read: one query -> open -> entities. Backends differ in the partition store they are
given, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..contract.entities import (
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
from ..contract.errors import Problem, from_problems
from ..contract.store import DialogueStore, Reference
from .mechanics import Mechanics
from .snapshot import entities, partition_of

__all__ = ["EncryptedStore"]


class EncryptedStore(Mechanics, DialogueStore):
    """The reference store over any :class:`PartitionStore` and :class:`KeyProvider`.

    ``deadline_s`` bounds every call: a writer that never gets through, or a reader that finds no calm
    moment, ends as ``conflict`` (STORE-16, STORE-18); an engine that stays away as
    ``backend_unavailable``, a commit without an answer as ``outcome_unknown`` (ERR-04). It bounds how long
    a call tries again, in seconds, and cuts nothing off: a request of the engine and a load in progress
    are finished, so that a call may take longer by one load of the partition. The store owns
    ``partitions`` and closes it. ``principal`` is who the audit names, by default ``user_id``; a store
    that is ``read_only`` needs ``audit_sink``, a file for its events. ``clock`` and ``randomness`` are
    for tests: the stores that are made from a configuration have no parameter for them.
    """

    # -- the dialogue ----------------------------------------------------------------------------

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
        args = self._validated(
            "create_dialogue",
            dialogue_id=dialogue_id,
            title=title,
            question=question,
            output_dir=output_dir,
            background=background,
            calibrated=calibrated,
            domain_id=domain_id,
            ethos_id=ethos_id,
            request_id=request_id,
        )
        return cast(Dialogue, self._create(dialogue_id, args))

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        args = self._validated("get_dialogue", dialogue_id=dialogue_id)
        return cast(Dialogue, entities(self._load(args["dialogue_id"]), "dialogue")[0])

    def update_dialogue_status(
        self,
        dialogue_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Dialogue:
        return cast(
            Dialogue,
            self._write(
                "update_dialogue_status",
                dialogue_id=dialogue_id,
                status=status,
                request_id=request_id,
            ),
        )

    # -- experts ---------------------------------------------------------------------------------

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
        return cast(
            Expert,
            self._write(
                "register_expert",
                dialogue_id=dialogue_id,
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
                request_id=request_id,
            ),
        )

    def record_expert_response(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        content: str,
        *,
        request_id: str | None = None,
    ) -> Expert:
        return cast(
            Expert,
            self._write(
                "record_expert_response",
                dialogue_id=dialogue_id,
                expert_slug=expert_slug,
                round=round,
                content=content,
                request_id=request_id,
            ),
        )

    def update_expert_score(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        score: int,
        *,
        request_id: str | None = None,
    ) -> Expert:
        return cast(
            Expert,
            self._write(
                "update_expert_score",
                dialogue_id=dialogue_id,
                expert_slug=expert_slug,
                round=round,
                score=score,
                request_id=request_id,
            ),
        )

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        return self._list("get_experts", dialogue_id, "expert")

    # -- rounds and signals ----------------------------------------------------------------------

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
        return cast(
            Round,
            self._write(
                "create_round",
                dialogue_id=dialogue_id,
                round=round,
                score=score,
                title=title,
                metrics=metrics,
                request_id=request_id,
            ),
        )

    def update_round_status(
        self,
        dialogue_id: str,
        round: int,
        status: str,
        summary: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Round:
        return cast(
            Round,
            self._write(
                "update_round_status",
                dialogue_id=dialogue_id,
                round=round,
                status=status,
                summary=summary,
                request_id=request_id,
            ),
        )

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        return self._list("get_rounds", dialogue_id, "round")

    def record_convergence_signal(
        self,
        dialogue_id: str,
        round: int,
        expert_slug: str,
        *,
        request_id: str | None = None,
    ) -> Signal:
        return cast(
            Signal,
            self._write(
                "record_convergence_signal",
                dialogue_id=dialogue_id,
                round=round,
                expert_slug=expert_slug,
                request_id=request_id,
            ),
        )

    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        args = self._validated("get_convergence_signals", dialogue_id=dialogue_id, round=round)
        signals: list[Signal] = entities(self._load(dialogue_id), "signal")
        return [s for s in signals if args["round"] is None or s.round == args["round"]]

    # -- perspectives, tensions, recommendations, evidence, claims -------------------------------

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        args = self._validated("next_seq", dialogue_id=dialogue_id, round=round, entity=entity)
        snapshot = self._load(dialogue_id)
        if snapshot.find("round", round=args["round"]) is None:
            raise from_problems(
                [Problem("round_not_found", "round", f"there is no round {args['round']}")]
            )
        return NextSeq(snapshot.next_seq(args["entity"], round=args["round"]))

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
        return cast(
            Perspective,
            self._write(
                "register_perspective",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                references=references,
                request_id=request_id,
            ),
        )

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
        return cast(
            Tension,
            self._write(
                "register_tension",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                description=description,
                contributors=contributors,
                references=references,
                request_id=request_id,
            ),
        )

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
        return cast(
            Recommendation,
            self._write(
                "register_recommendation",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                parameters=parameters,
                references=references,
                request_id=request_id,
            ),
        )

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
        return cast(
            Evidence,
            self._write(
                "register_evidence",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                references=references,
                request_id=request_id,
            ),
        )

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
        return cast(
            Claim,
            self._write(
                "register_claim",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                references=references,
                request_id=request_id,
            ),
        )

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
        return cast(
            Perspective,
            self._write(
                "update_perspective_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                actors=actors,
                event_round=event_round,
                reason=reason,
                reference=reference,
                result_id=result_id,
                request_id=request_id,
            ),
        )

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
        return cast(
            Tension,
            self._write(
                "update_tension_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                actors=actors,
                event_round=event_round,
                reason=reason,
                reference=reference,
                result_id=result_id,
                request_id=request_id,
            ),
        )

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
        return cast(
            Recommendation,
            self._write(
                "update_recommendation_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                actors=actors,
                event_round=event_round,
                verdict_id=verdict_id,
                reason=reason,
                reference=reference,
                result_id=result_id,
                request_id=request_id,
            ),
        )

    def update_evidence_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Evidence:
        return cast(
            Evidence,
            self._write(
                "update_evidence_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                request_id=request_id,
            ),
        )

    def update_claim_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Claim:
        return cast(
            Claim,
            self._write(
                "update_claim_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                request_id=request_id,
            ),
        )

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
        return cast(
            Event,
            self._write(
                "comment_tension",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                actors=actors,
                event_round=event_round,
                reason=reason,
                reference=reference,
                request_id=request_id,
            ),
        )

    # -- moves, refs, verdicts -------------------------------------------------------------------

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
        return cast(
            Move,
            self._write(
                "register_move",
                dialogue_id=dialogue_id,
                round=round,
                expert_slug=expert_slug,
                move_type=move_type,
                targets=targets,
                context=context,
                request_id=request_id,
            ),
        )

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
        return cast(
            Ref,
            self._write(
                "register_ref",
                dialogue_id=dialogue_id,
                source_id=source_id,
                ref_type=ref_type,
                target_id=target_id,
                source_type=source_type,
                target_type=target_type,
                request_id=request_id,
            ),
        )

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
        return cast(
            Verdict,
            self._write(
                "register_verdict",
                dialogue_id=dialogue_id,
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
                request_id=request_id,
            ),
        )

    # -- reads -----------------------------------------------------------------------------------

    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        return self._list("get_perspectives", dialogue_id, "perspective")

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        return self._list("get_tensions", dialogue_id, "tension")

    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        return self._list("get_recommendations", dialogue_id, "recommendation")

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        return self._list("get_evidence", dialogue_id, "evidence")

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        return self._list("get_claims", dialogue_id, "claim")

    def get_moves(self, dialogue_id: str) -> list[Move]:
        return self._list("get_moves", dialogue_id, "move")

    def get_refs(self, dialogue_id: str) -> list[Ref]:
        return self._list("get_refs", dialogue_id, "ref")

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        return self._list("get_verdicts", dialogue_id, "verdict")

    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        args = self._validated("get_events", dialogue_id=dialogue_id, entity_id=entity_id)
        snapshot = self._load(dialogue_id)
        wanted = args["entity_id"]
        if wanted is not None and snapshot.find_by_display_id(wanted) is None:
            raise from_problems(
                [Problem("entity_not_found", "entity_id", "names nothing in this dialogue")]
            )
        events: list[Event] = entities(
            snapshot, "perspective_event", "tension_event", "recommendation_event"
        )
        return [e for e in events if wanted is None or e.entity_id == wanted]

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        args = self._validated("load_partition", dialogue_id=dialogue_id, on_error=on_error)
        if args["on_error"] == "fail":
            return partition_of(self._load(dialogue_id), [])
        return partition_of(*self._read(dialogue_id))

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        self._validated("verify_partition", dialogue_id=dialogue_id)
        return self._read(dialogue_id)[1]

    # -- profile batch ---------------------------------------------------------------------------

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
        return cast(
            RoundRegistration,
            self._register_round(
                dialogue_id=dialogue_id,
                round=round,
                score=score,
                title=title,
                summary=summary,
                metrics=metrics,
                perspectives=perspectives,
                tensions=tensions,
                recommendations=recommendations,
                evidence=evidence,
                claims=claims,
                moves=moves,
                refs=refs,
                status_updates=status_updates,
                expert_scores=expert_scores,
                responses=responses,
                signals=signals,
                request_id=request_id,
            ),
        )

    # -- profile audit ---------------------------------------------------------------------------

    def verify_chain(self, dialogue_id: str, checkpoints: Sequence[str] = ()) -> ChainReport:
        args = self._validated("verify_chain", dialogue_id=dialogue_id, checkpoints=checkpoints)
        if args["checkpoints"]:
            # Not looked at is not proved: nobody may take the answer for one about them.
            what = (
                "must be empty: this store checks no checkpoints, a profile that it does not claim"
            )
            raise from_problems([Problem("invalid_field", "checkpoints", what)])
        return self._verify_chain(dialogue_id)
