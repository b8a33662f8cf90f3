"""The abstract classes of the contract: what a backend implements, with names as in
``methods.json``."""

from __future__ import annotations

import inspect
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from .entities import (
    BackupText,
    BoundaryEvent,
    ChainReport,
    Claim,
    Contribution,
    CrossDialogueStats,
    Dialogue,
    DialoguePartition,
    DialogueSummary,
    EncryptedBatch,
    Event,
    Evidence,
    Expert,
    Finding,
    Head,
    ImportedBatch,
    Move,
    NextSeq,
    Page,
    PartitionScoped,
    Perspective,
    Recommendation,
    Ref,
    Round,
    RoundRegistration,
    Signal,
    SimilarDialogue,
    Tension,
    TensionSummary,
    Verdict,
)

__all__ = ["AnalyticsStore", "DialogueStore", "MigrationStore", "Reference"]

#: One entry of ``references``: ``{"type": ref_type, "target": display_id}``.
Reference = Mapping[str, str]


class _Lifecycle:
    """What every store has: it is closed once, twice is fine, and it is a context manager
    (STORE-20)."""

    def close(self) -> None:
        """Release what the store holds. From then on every method is ``store_closed``."""

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()


class _PartitionScopedStore(_Lifecycle, ABC):
    """STORE-01 at class definition: public methods take ``dialogue_id`` first and return only
    results that carry the :class:`PartitionScoped` marker (or lists of them). ``TypeError``
    otherwise.

    Methods that come from a class beside the stores (a mixin) count as well; class methods, static
    methods and properties don't. The mypy plugin ``reference_impl.contract.mypy_plugin`` says the
    same while type checking.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__:
            checked = _PartitionScopedStore in base.__mro__ or base in _PartitionScopedStore.__mro__
            if base is not cls and checked:
                continue
            for name in vars(base):
                if not name.startswith("_") and name != "close":
                    _check_member(cls, name)


_NO_METHODS = (staticmethod, classmethod, property, type)
_MISSING = object()


def _check_member(cls: type, name: str) -> None:
    method = getattr(cls, name, None)
    if isinstance(inspect.getattr_static(cls, name), _NO_METHODS) or not callable(method):
        return
    where = f"{cls.__module__}.{cls.__qualname__}.{name}"
    if not _takes_dialogue_id_first(method):
        raise TypeError(
            f"{where}: the first parameter must be dialogue_id, without a default (STORE-01)"
        )
    result = _result_of(cls, name, where)
    if inspect.iscoroutinefunction(method) or not _is_scoped(result):
        raise TypeError(
            f"{where}: must be annotated to return a PartitionScoped or a list of them (STORE-01)"
        )


def _takes_dialogue_id_first(method: Any) -> bool:
    try:
        params = list(inspect.signature(method).parameters.values())
    except ValueError:  # something built in that does not tell
        return False
    return len(params) > 1 and (
        params[1].name == "dialogue_id"
        and params[1].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        and params[1].default is inspect.Parameter.empty
    )


def _result_of(cls: type, name: str, where: str) -> Any:
    """The result's annotation: the method's own, else that of the method it overrides.

    Only this annotation is evaluated, so that those of parameters may name what is imported for
    type checking alone.
    """
    for base in cls.__mro__:
        member = vars(base).get(name)
        function = inspect.unwrap(member) if callable(member) else None
        annotations = getattr(function, "__annotations__", {})
        if "return" not in annotations:
            continue
        try:
            return typing.get_type_hints(
                types.SimpleNamespace(__annotations__={"return": annotations["return"]}),
                getattr(function, "__globals__", {}),
            )["return"]
        except (NameError, AttributeError) as unresolved:
            raise TypeError(
                f"{where}: {unresolved}; import the result's class at the top of the module: "
                "it is looked up when the store's class is defined (STORE-01)"
            ) from None
    return _MISSING


def _is_scoped(result: Any) -> bool:
    if typing.get_origin(result) is list:
        (result,) = typing.get_args(result)
    result = typing.get_origin(result) or result  # a generic class with its arguments
    while isinstance(result, typing.NewType):
        result = result.__supertype__
    return isinstance(result, type) and issubclass(result, PartitionScoped)


class DialogueStore(_PartitionScopedStore):
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


class MigrationStore(_PartitionScopedStore):
    """Moving partitions byte for byte between backends (MIG-01), without a data key.

    Every step may be killed and repeated, with the same end (MIG-03). Errors beside the common ones
    of :class:`DialogueStore` are named with each method.
    """

    @abstractmethod
    def freeze(self, dialogue_id: str) -> Head:
        """Stop writes (``partition_frozen``); reads go on (MIG-02)."""

    @abstractmethod
    def unfreeze(self, dialogue_id: str) -> Head:
        """Let writes go on and remove the target's copy; ``partition_moved`` once the boundary is
        written (MIG-03)."""

    @abstractmethod
    def export_encrypted_batch(
        self, dialogue_id: str, cursor: str | None = None, limit: int = 100
    ) -> EncryptedBatch:
        """The next stored items, after them the audit events, byte for byte; the cursor of the last
        batch is None. ``invalid_cursor``."""

    @abstractmethod
    def import_encrypted_batch(self, dialogue_id: str, batch: EncryptedBatch) -> ImportedBatch:
        """Put a batch in place; a repeat is a no-op. ``integrity_error`` where the digest fails or
        something else lies there, ``duplicate_entity`` where the dialogue lives here (MIG-03)."""

    @abstractmethod
    def complete_migration(
        self,
        dialogue_id: str,
        role: str,
        target_name: str | None = None,
        count: int | None = None,
        digest: str | None = None,
        chains: Mapping[str, Mapping[str, Any]] | None = None,
        boundary: BoundaryEvent | None = None,
    ) -> BoundaryEvent:
        """Make the cut (``role="source"``), or accept it (``role="target"``, with the source's
        ``boundary``): MIG-02. ``chains`` is ``{chain: {"sequence", "event_hash"}}``, as copied."""

    @abstractmethod
    def verify_chain_continuity(self, dialogue_id: str, boundary: BoundaryEvent) -> ChainReport:
        """Walk the chains across the boundary (MIG-04)."""

    @abstractmethod
    def backup(self, dialogue_id: str) -> BackupText:
        """The dialogue as JSON lines: a manifest, then items, then events (MIG-06)."""

    @abstractmethod
    def restore(self, dialogue_id: str, document: str) -> Head:
        """Put a backup in place, checked against its manifest. ``duplicate_entity`` where
        anything of that id is there, ``key_erased`` where it was erased, ``integrity_error``
        (MIG-06)."""


class AnalyticsStore(_Lifecycle, ABC):
    """Reads across dialogues (STORE-02), from keys and cleartext only but for
    :meth:`find_similar_dialogues`; results do not carry the marker of one partition.

    ``limit`` is 1 to 1,000 (``invalid_field``); a null cursor ends a list, never a short page; a
    foreign or damaged cursor is ``invalid_cursor`` (STORE-23).
    """

    @abstractmethod
    def list_dialogues(
        self, status: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[DialogueSummary]:
        """All dialogues, or those of one status."""

    @abstractmethod
    def list_tensions(
        self, status: str, cursor: str | None = None, limit: int = 100
    ) -> Page[TensionSummary]:
        """The tensions of one status in every dialogue."""

    @abstractmethod
    def list_expert_contributions(
        self, expert_slug: str, cursor: str | None = None, limit: int = 100
    ) -> Page[Contribution]:
        """Where an expert takes part: as an expert of a dialogue, and by moves. Contributors of
        other entities are sealed and not found here."""

    @abstractmethod
    def get_cross_dialogue_stats(self) -> CrossDialogueStats:
        """Numbers over all dialogues, from a paged scan of keys and cleartext."""

    @abstractmethod
    def find_similar_dialogues(self, query: str, limit: int = 10) -> list[SimilarDialogue]:
        """Dialogues whose title holds ``query`` in any case; titles are opened here, so this one
        needs the keys."""
