"""EncryptedStore: the domain layer, once for all backends.

A write flows one way: validate -> plan -> items -> seal -> one commit, conditional on the head that was
read (HEAD-03). A read: one query -> open -> entities. Backends differ in the partition store they are
given, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.dialogue_store import DialogueStore, Reference
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
from ..partitions.port import PartitionStore
from .calls import Calls
from .composing import Parts
from .snapshot import entities, partition_of

__all__ = ["EncryptedStore"]


class EncryptedStore(DialogueStore):
    """The reference store over any partition store and key provider: the parts of :func:`compose`.

    The deadline bounds every call: a writer that never gets through, or a reader that finds no calm
    moment, ends as ``conflict`` (STORE-16, STORE-18); an engine that stays away as
    ``backend_unavailable``, a commit without an answer as ``outcome_unknown`` (ERR-04). It is in seconds: no
    try begins after it, no wait and no engine call without an answer lasts longer than what is left of it,
    and then the call returns within one second. What goes on being answered, such as a load in progress, is
    finished. The store owns its partition store and closes it.
    """

    def __init__(self, parts: Parts) -> None:
        self._calls = Calls(parts)

    @property
    def partitions(self) -> PartitionStore:
        """Where the items lie."""
        return self._calls.partitions

    def close(self) -> None:
        """Release what the store holds. From then on every method is ``store_closed``."""
        self._calls.close()

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
        return self._calls.create(locals())

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        return self._calls.entities(Dialogue, "get_dialogue", dialogue_id)[0]

    def update_dialogue_status(
        self,
        dialogue_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Dialogue:
        return self._calls.write(Dialogue, "update_dialogue_status", locals())

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
        return self._calls.write(Expert, "register_expert", locals())

    def record_expert_response(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        content: str,
        *,
        request_id: str | None = None,
    ) -> Expert:
        return self._calls.write(Expert, "record_expert_response", locals())

    def update_expert_score(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        score: int,
        *,
        request_id: str | None = None,
    ) -> Expert:
        return self._calls.write(Expert, "update_expert_score", locals())

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        return self._calls.entities(Expert, "get_experts", dialogue_id)

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
        return self._calls.write(Round, "create_round", locals())

    def update_round_status(
        self,
        dialogue_id: str,
        round: int,
        status: str,
        summary: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Round:
        return self._calls.write(Round, "update_round_status", locals())

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        return self._calls.entities(Round, "get_rounds", dialogue_id)

    def record_convergence_signal(
        self,
        dialogue_id: str,
        round: int,
        expert_slug: str,
        *,
        request_id: str | None = None,
    ) -> Signal:
        return self._calls.write(Signal, "record_convergence_signal", locals())

    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        args = self._calls.checked("get_convergence_signals", locals())
        signals: list[Signal] = entities(self._calls.load(args), "signal")
        return [s for s in signals if args["round"] is None or s.round == args["round"]]

    # -- perspectives, tensions, recommendations, evidence, claims -------------------------------

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        args = self._calls.checked("next_seq", locals())
        snapshot = self._calls.load(args)
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
        return self._calls.write(Perspective, "register_perspective", locals())

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
        return self._calls.write(Tension, "register_tension", locals())

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
        return self._calls.write(Recommendation, "register_recommendation", locals())

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
        return self._calls.write(Evidence, "register_evidence", locals())

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
        return self._calls.write(Claim, "register_claim", locals())

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
        return self._calls.write(Perspective, "update_perspective_status", locals())

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
        return self._calls.write(Tension, "update_tension_status", locals())

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
        return self._calls.write(Recommendation, "update_recommendation_status", locals())

    def update_evidence_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Evidence:
        return self._calls.write(Evidence, "update_evidence_status", locals())

    def update_claim_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Claim:
        return self._calls.write(Claim, "update_claim_status", locals())

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
        return self._calls.write(Event, "comment_tension", locals())

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
        return self._calls.write(Move, "register_move", locals())

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
        return self._calls.write(Ref, "register_ref", locals())

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
        return self._calls.write(Verdict, "register_verdict", locals())

    # -- reads -----------------------------------------------------------------------------------

    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        return self._calls.entities(Perspective, "get_perspectives", dialogue_id)

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        return self._calls.entities(Tension, "get_tensions", dialogue_id)

    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        return self._calls.entities(Recommendation, "get_recommendations", dialogue_id)

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        return self._calls.entities(Evidence, "get_evidence", dialogue_id)

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        return self._calls.entities(Claim, "get_claims", dialogue_id)

    def get_moves(self, dialogue_id: str) -> list[Move]:
        return self._calls.entities(Move, "get_moves", dialogue_id)

    def get_refs(self, dialogue_id: str) -> list[Ref]:
        return self._calls.entities(Ref, "get_refs", dialogue_id)

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        return self._calls.entities(Verdict, "get_verdicts", dialogue_id)

    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        args = self._calls.checked("get_events", locals())
        snapshot = self._calls.load(args)
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
        args = self._calls.checked("load_partition", locals())
        if args["on_error"] == "fail":
            return partition_of(self._calls.load(args), [])
        loaded = self._calls.collect(args)
        return partition_of(loaded.snapshot, loaded.findings)

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        return self._calls.collect(self._calls.checked("verify_partition", locals())).findings

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
        return self._calls.register_round(locals())

    # -- profile audit ---------------------------------------------------------------------------

    def verify_chain(self, dialogue_id: str, checkpoints: Sequence[str] = ()) -> ChainReport:
        args = self._calls.checked("verify_chain", locals())
        if args["checkpoints"]:
            # Not looked at is not proved: nobody may take the answer for one about them.
            what = (
                "must be empty: this store checks no checkpoints, a profile that it does not claim"
            )
            raise from_problems([Problem("invalid_field", "checkpoints", what)])
        return self._calls.verify_chain(args)
