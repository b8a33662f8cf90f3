"""The abstract class that every backend implements, with names as in ``methods.json``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from .entities import (
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
from .scoped import PartitionScopedStore

__all__ = ["DialogueStore", "Reference"]

#: One entry of ``references``: ``{"type": ref_type, "target": display_id}``.
Reference = Mapping[str, str]


class DialogueStore(PartitionScopedStore):
    """The contract: one dialogue, one partition, the same behaviour on every backend.

    Every method may raise ``store_closed``, ``invalid_identifier``, ``missing_field``,
    ``invalid_field``, ``dialogue_not_found`` and the errors of the engine and the keys
    (``common_errors`` of methods.json); the codes named with a method come on top. Errors are
    :class:`~reference_impl.contract.errors.DialogueStoreError`. Groups of validation run in the
    order of STORE-14; a write is one atomic commit or nothing (STORE-04). Results are copies
    (STORE-21).
    """

    # -- the dialogue ------------------------------------------------------------------------------

    @abstractmethod
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
        """Make a dialogue with its head and first data key in one write. ``duplicate_entity``."""

    @abstractmethod
    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        """The dialogue itself."""

    @abstractmethod
    def update_dialogue_status(
        self,
        dialogue_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Dialogue:
        """Change the status; ``converged`` also sets ``converged_at``.
        ``invalid_status_transition``."""

    # -- experts -----------------------------------------------------------------------------------

    @abstractmethod
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
        """Add an expert. ``relevance`` is 0 to 1 with at most six decimals.
        ``duplicate_entity``."""

    @abstractmethod
    def record_expert_response(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        content: str,
        *,
        request_id: str | None = None,
    ) -> Expert:
        """Set ``raw_content`` of a round; a repeat replaces. ``expert_not_found``,
        ``round_not_found``."""

    @abstractmethod
    def update_expert_score(
        self,
        dialogue_id: str,
        expert_slug: str,
        round: int,
        score: int,
        *,
        request_id: str | None = None,
    ) -> Expert:
        """Set a round's score; ``total_score`` is the sum (STORE-11). ``expert_not_found``,
        ``round_not_found``."""

    @abstractmethod
    def get_experts(self, dialogue_id: str) -> list[Expert]:
        """All experts by slug."""

    # -- rounds and signals ------------------------------------------------------------------------

    @abstractmethod
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
        """Add a round 0-99; the dialogue's ``total_rounds`` and ``total_alignment`` follow in
        the same write (STORE-09). ``duplicate_entity``, ``invalid_round``."""

    @abstractmethod
    def update_round_status(
        self,
        dialogue_id: str,
        round: int,
        status: str,
        summary: str | None = None,
        *,
        request_id: str | None = None,
    ) -> Round:
        """Change a round's status; ``completed`` sets ``completed_at``. ``round_not_found``,
        ``invalid_status_transition``."""

    @abstractmethod
    def get_rounds(self, dialogue_id: str) -> list[Round]:
        """All rounds by number."""

    @abstractmethod
    def record_convergence_signal(
        self,
        dialogue_id: str,
        round: int,
        expert_slug: str,
        *,
        request_id: str | None = None,
    ) -> Signal:
        """Record that an expert signals convergence; a repeat gives the first back (STORE-07).
        ``round_not_found``, ``expert_not_found``."""

    @abstractmethod
    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        """All signals, or those of one round, by round and slug."""

    # -- perspectives, tensions, recommendations, evidence, claims ---------------------------------

    @abstractmethod
    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        """The number the next entity of a kind would get: information only; 100 when full.
        ``round_not_found``."""

    @abstractmethod
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
        """Add a perspective, its event ``created`` and its references in one write (STORE-24).
        ``round_not_found``, ``limit_exceeded``, ``invalid_ref_type``, ``invalid_display_id``,
        ``entity_not_found``, ``invalid_ref_target``."""

    @abstractmethod
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
        """Add a tension; as :meth:`register_perspective`."""

    @abstractmethod
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
        """Add a recommendation; as :meth:`register_perspective`. ``parameters`` is any JSON object,
        nested at most 64 deep."""

    @abstractmethod
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
        """Add evidence and its references; no event. Errors as :meth:`register_perspective`."""

    @abstractmethod
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
        """Add a claim and its references; no event. Errors as :meth:`register_perspective`."""

    @abstractmethod
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
        """Change the status and write the event in one write (STORE-08). ``invalid_display_id``,
        ``type_id_mismatch``, ``entity_not_found``, ``round_not_found``,
        ``invalid_status_transition``."""

    @abstractmethod
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
        """As :meth:`update_perspective_status`, for a tension."""

    @abstractmethod
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
        """As :meth:`update_perspective_status`; ``adopted`` needs the ``verdict_id`` of an existing
        verdict and sets ``adopted_in_verdict``. ``missing_field`` without it."""

    @abstractmethod
    def update_evidence_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Evidence:
        """Change the status; no event. Errors as :meth:`update_perspective_status`."""

    @abstractmethod
    def update_claim_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        *,
        request_id: str | None = None,
    ) -> Claim:
        """Change the status; no event. Errors as :meth:`update_perspective_status`."""

    @abstractmethod
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
        """Add the event ``commented`` to a tension; its status stays."""

    # -- moves, refs, verdicts ---------------------------------------------------------------------

    @abstractmethod
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
        """Add an expert's move. ``targets``: existing display ids; free text for ``request``;
        empty for ``converge``. ``round_not_found``, ``expert_not_found``,
        ``invalid_display_id``, ``entity_not_found``, ``limit_exceeded``."""

    @abstractmethod
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
        """Join two entities; a repeat gives the first back (STORE-07). ``invalid_display_id``,
        ``invalid_ref_type``, ``invalid_entity_type``, ``type_id_mismatch``, ``entity_not_found``,
        ``invalid_ref_target``."""

    @abstractmethod
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
        """Add a verdict; a final one converges the dialogue in the same write (STORE-10).
        ``round_not_found``, ``duplicate_entity``, ``invalid_status_transition``,
        ``entity_not_found``, ``invalid_display_id``, ``type_id_mismatch``."""

    # -- reads -------------------------------------------------------------------------------------

    @abstractmethod
    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        """All perspectives by (round, seq)."""

    @abstractmethod
    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        """All tensions by (round, seq)."""

    @abstractmethod
    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        """All recommendations by (round, seq)."""

    @abstractmethod
    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        """All evidence by (round, seq)."""

    @abstractmethod
    def get_claims(self, dialogue_id: str) -> list[Claim]:
        """All claims by (round, seq)."""

    @abstractmethod
    def get_moves(self, dialogue_id: str) -> list[Move]:
        """All moves by (round, expert_slug, seq)."""

    @abstractmethod
    def get_refs(self, dialogue_id: str) -> list[Ref]:
        """All refs by (source, type, target)."""

    @abstractmethod
    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        """All verdicts by (round, created_at, verdict_id)."""

    @abstractmethod
    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        """All events, or those of one entity, by (timestamp, entity_id). ``entity_not_found``."""

    @abstractmethod
    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        """The whole dialogue as of one revision. ``on_error="collect"`` returns what can be read
        and lists the rest in ``findings`` (ENV-07)."""

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
        """Write a whole round in one piece (STORE-13). Profile ``batch``.

        Entities are objects as the parameters of ``register_*`` without ``round``, with an optional
        ``local_id`` that stands for the display id anywhere in the call. ``validation_failed`` with every
        finding in ``data.findings``; nothing is written then.
        """
        raise NotImplementedError("this backend does not claim the profile 'batch'")

    # -- profile audit ---------------------------------------------------------------------------

    def verify_chain(self, dialogue_id: str, checkpoints: Sequence[str] = ()) -> ChainReport:
        """Walk every audit chain of the dialogue (AUDIT-05). Profile ``audit``.

        Names for each chain the first sequence that fails; ``with_key`` says whether macs and the head
        could be checked.
        """
        raise NotImplementedError("this backend does not claim the profile 'audit'")

    # -- profile encrypted -------------------------------------------------------------------------

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        """Every bad item of the partition (ENV-07); empty where all is well. Profile ``encrypted``:
        a plaintext backend does not offer it."""
        raise NotImplementedError("this backend does not claim the profile 'encrypted'")
