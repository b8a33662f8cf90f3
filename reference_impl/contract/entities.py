"""Results of the contract: one frozen class for each entity type, checked against
``entities.json``.

What a store of one dialogue returns carries the :class:`PartitionScoped` marker (STORE-01).
Attributes are the fields of the table plus ``dialogue_id`` and, where the type has a letter,
``display_id``. Times are canonical text (ADDR-07), maps by round have two-digit keys (``"01"``),
lists and objects are copies of the caller's own. Results of reads across dialogues and of migration stand
with their stores.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .tables import TYPES

__all__ = [
    "CLASSES",
    "ChainReport",
    "Claim",
    "Dialogue",
    "DialoguePartition",
    "Event",
    "Evidence",
    "Expert",
    "Finding",
    "Move",
    "NextSeq",
    "PartitionScoped",
    "Perspective",
    "Recommendation",
    "Ref",
    "Round",
    "RoundRegistration",
    "Signal",
    "Tension",
    "Verdict",
    "plain",
]

_C = TypeVar("_C", bound=type)


class PartitionScoped:
    """Marks a result that comes from one dialogue's partition only (STORE-01)."""

    __slots__ = ()


#: Entity name -> result class; the three event types share :class:`Event`.
CLASSES: dict[str, type[Any]] = {}


def _entity(*names: str) -> Callable[[_C], _C]:
    """Register a result class for table entries, after checking that its fields are the table's."""

    def check(cls: _C) -> _C:
        have = [f.name for f in dataclasses.fields(cls)]
        for name in names:
            kind = TYPES[name]
            want = [f.name for f in kind.fields if f.name != "dialogue_id"]
            want = ["dialogue_id", *(["display_id"] if kind.display_letter else []), *want]
            if have != want:
                raise TypeError(f"{cls.__name__} has the fields {have}, entities.json has {want}")
            CLASSES[name] = cls
        return cls

    return check


@_entity("dialogue")
@dataclass(frozen=True, slots=True)
class Dialogue(PartitionScoped):
    """A dialogue: what it is about, how far it is, and its numbers."""

    dialogue_id: str
    status: str
    created_at: str
    updated_at: str
    converged_at: str | None
    total_rounds: int
    total_alignment: int
    calibrated: bool
    domain_id: str | None
    ethos_id: str | None
    title: str
    question: str | None
    output_dir: str | None
    background: dict[str, str] | None


@_entity("expert")
@dataclass(frozen=True, slots=True)
class Expert(PartitionScoped):
    """An expert of the panel; ``scores`` and ``raw_content`` are by round."""

    dialogue_id: str
    expert_slug: str
    tier: str
    source: str
    relevance: float | None
    first_round: int | None
    total_score: int
    created_at: str
    updated_at: str
    role: str
    description: str | None
    focus: str | None
    creation_reason: str | None
    color: str | None
    scores: dict[str, int]
    raw_content: dict[str, str]


@_entity("round")
@dataclass(frozen=True, slots=True)
class Round(PartitionScoped):
    """One round with its scores and counts."""

    dialogue_id: str
    round: int
    score: int
    status: str
    score_wisdom: int
    score_consistency: int
    score_truth: int
    score_relationships: int
    open_tensions: int
    new_perspectives: int
    converge_signals: int
    panel_size: int
    created_at: str
    updated_at: str
    completed_at: str | None
    title: str | None
    summary: str | None


@_entity("verdict")
@dataclass(frozen=True, slots=True)
class Verdict(PartitionScoped):
    """A verdict; ``author_expert`` is None where the judge wrote it."""

    dialogue_id: str
    verdict_id: str
    verdict_type: str
    round: int
    confidence: str | None
    created_at: str
    author_expert: str | None
    recommendation: str
    description: str
    conditions: list[str] | None
    vote: str | None
    supporting_experts: list[str] | None
    tensions_accepted: list[str] | None
    ethos_compliance: dict[str, Any] | None


@_entity("perspective")
@dataclass(frozen=True, slots=True)
class Perspective(PartitionScoped):
    """A view that experts put forward."""

    dialogue_id: str
    display_id: str
    round: int
    seq: int
    status: str
    created_at: str
    updated_at: str
    label: str
    content: str
    contributors: list[str]
    references: list[dict[str, str]]


@_entity("tension")
@dataclass(frozen=True, slots=True)
class Tension(PartitionScoped):
    """A contradiction that the dialogue has to work on."""

    dialogue_id: str
    display_id: str
    round: int
    seq: int
    status: str
    created_at: str
    updated_at: str
    label: str
    description: str
    contributors: list[str]
    references: list[dict[str, str]]


@_entity("recommendation")
@dataclass(frozen=True, slots=True)
class Recommendation(PartitionScoped):
    """A proposal; ``adopted_in_verdict`` names the verdict that adopted it."""

    dialogue_id: str
    display_id: str
    round: int
    seq: int
    status: str
    adopted_in_verdict: str | None
    created_at: str
    updated_at: str
    label: str
    content: str
    contributors: list[str]
    parameters: dict[str, Any] | None
    references: list[dict[str, str]]


@_entity("evidence")
@dataclass(frozen=True, slots=True)
class Evidence(PartitionScoped):
    """Something cited in support."""

    dialogue_id: str
    display_id: str
    round: int
    seq: int
    status: str
    created_at: str
    updated_at: str
    label: str
    content: str
    contributors: list[str]
    references: list[dict[str, str]]


@_entity("claim")
@dataclass(frozen=True, slots=True)
class Claim(PartitionScoped):
    """A statement that can be supported or opposed."""

    dialogue_id: str
    display_id: str
    round: int
    seq: int
    status: str
    created_at: str
    updated_at: str
    label: str
    content: str
    contributors: list[str]
    references: list[dict[str, str]]


@_entity("move")
@dataclass(frozen=True, slots=True)
class Move(PartitionScoped):
    """One expert's move in a round; ``targets`` are display ids, or topics of a ``request``."""

    dialogue_id: str
    round: int
    expert_slug: str
    seq: int
    move_type: str
    created_at: str
    targets: list[str]
    context: str | None


@_entity("ref")
@dataclass(frozen=True, slots=True)
class Ref(PartitionScoped):
    """A typed link from one entity to another."""

    dialogue_id: str
    source_id: str
    ref_type: str
    target_id: str
    source_type: str
    target_type: str
    created_at: str


@_entity("perspective_event", "tension_event", "recommendation_event")
@dataclass(frozen=True, slots=True)
class Event(PartitionScoped):
    """A change in the life of a perspective, tension or recommendation (``entity_id``)."""

    dialogue_id: str
    entity_id: str
    timestamp: str
    event_type: str
    event_round: int
    created_at: str
    actors: list[str]
    reason: str | None
    reference: str | None
    result_id: str | None


@_entity("signal")
@dataclass(frozen=True, slots=True)
class Signal(PartitionScoped):
    """An expert's sign, in one round, that the dialogue has converged."""

    dialogue_id: str
    round: int
    expert_slug: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Finding(PartitionScoped):
    """One bad item, or a bad set (ENV-06): ``address`` is None for items that have none."""

    code: str
    layer: str
    address: str | None
    pk: str
    sk: str
    detail: str


class NextSeq(PartitionScoped, int):
    """The number that the next entity of a kind in a round would get; 100 when the round is
    full."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DialoguePartition(PartitionScoped):
    """A whole dialogue as of one ``revision``; lists in the order of STORE-05.

    ``findings`` is empty unless ``load_partition`` was asked to collect; then ``dialogue`` is None
    where the dialogue's own item is among the bad ones.
    """

    dialogue: Dialogue | None
    experts: list[Expert]
    rounds: list[Round]
    verdicts: list[Verdict]
    perspectives: list[Perspective]
    tensions: list[Tension]
    recommendations: list[Recommendation]
    evidence: list[Evidence]
    claims: list[Claim]
    moves: list[Move]
    refs: list[Ref]
    events: list[Event]
    signals: list[Signal]
    revision: int
    findings: list[Finding] = field(default_factory=list)


# -- profiles audit and migration ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoundRegistration(PartitionScoped):
    """What ``register_round`` wrote (STORE-13): ``ids`` maps local ids to display ids, ``counts`` kinds
    to numbers of what was written, ``revision`` is the one that the write made."""

    round: int
    ids: dict[str, str]
    counts: dict[str, int]
    revision: int


@dataclass(frozen=True, slots=True)
class ChainReport(PartitionScoped):
    """What a walk along a dialogue's audit chains found (AUDIT-05), with the key or without it.

    ``chains``: ``{chain: {"events", "tip_sequence", "tip_hash"}}``; ``findings``: a list of
    ``{"chain", "sequence", "what"}``, empty where ``ok``; ``unverified``: a list of
    ``{"chain", "events", "key_id"}``, the read chains that another user's key alone can prove. They
    are no findings: ``ok`` stays as it is.
    """

    ok: bool
    with_key: bool
    chains: dict[str, dict[str, Any]]
    findings: list[dict[str, Any]]
    unverified: list[dict[str, Any]]


def plain(value: Any) -> Any:
    """A result as JSON values (objects, lists, text, numbers, booleans, None), all of them
    copies."""
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool or kind is float:
        return value
    if kind is list or isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if dataclasses.is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _fields_of(kind)}
    if isinstance(value, int):
        return int(value)
    return str(value) if isinstance(value, str) else value


def _fields_of(kind: type) -> tuple[str, ...]:
    """The names of a result class's fields, looked up once for each class."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind))
    return _FIELDS[kind]


_FIELDS: dict[type, tuple[str, ...]] = {}
