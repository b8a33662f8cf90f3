"""A dialogue in which no field is left at its default or unset, and what each write may change of it.

What a write forgets shows only in a field that holds something: every nullable field and every field with a
default of every item that a later write rewrites holds something else here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import METRICS

from .builders import KINDS, register

__all__ = ["AS_A_WHOLE", "CHANGED_AS_A_WHOLE", "STEPS", "UNSET", "Step", "fill", "unset"]

#: What is told of a step, the method, its arguments without the dialogue, and all that it may change.
Step = tuple[str, str, Mapping[str, Any], set[str]]

_SAID: Mapping[str, Any] = {"label": "In short", "contributors": ["scone"]}
_FOR = {"actors": ["judge"], "event_round": 10, "reason": "So", "reference": "log"}


def fill(store: DialogueStore) -> None:
    """The dialogue ``tides``: rounds 0, 10 and 11, the experts muffin and scone, two of every kind in round
    0, a verdict, moves, refs and signals."""
    d = "tides"
    store.create_dialogue(
        d,
        "Which harbour?",
        question="Where do we land?",
        output_dir="out/harbour",
        background={
            "subject": "Landing",
            "description": "At dusk",
            "constraints": "Before dark",
            "situation": "Low water",
        },
        calibrated=True,
        domain_id="sea",
        ethos_id="calm",
    )
    metrics = {name: number for number, name in enumerate(METRICS, start=1)}
    for number in (0, 10, 11):
        store.create_round(d, number, score=5, title=f"Watch {number}", metrics=metrics)
    store.update_round_status(d, 0, "in_progress", summary="Half said.")
    for slug in ("muffin", "scone"):
        store.register_expert(
            d,
            slug,
            "Pilot",
            "Wildcard",
            source="created",
            description="Knows the bay",
            focus="Depth",
            relevance=0.25,
            creation_reason="Nobody else did",
            color="teal",
            first_round=10,
        )
        for number in (11, 0, 10):
            store.update_expert_score(d, slug, number, number - 3)
            store.record_expert_response(d, slug, number, f"In {number} I would wait.")
    reference = [{"type": "support", "target": "C0001"}]
    register(store, KINDS["claim"], d, 0, contributors=["muffin", "scone"])
    for kind in (*KINDS.values(), *KINDS.values()):
        more: dict[str, Any] = (
            {"parameters": {"depth": 12.5}} if kind.entity == "recommendation" else {}
        )
        register(store, kind, d, 0, contributors=["muffin", "scone"], references=reference, **more)
    store.register_verdict(
        d,
        "v-interim",
        "interim",
        10,
        "Anchor outside",
        "Until the tide turns.",
        author_expert="muffin",
        conditions=["no swell"],
        vote="2:1",
        confidence="split",
        supporting_experts=["muffin", "scone"],
        tensions_accepted=["T0001"],
        ethos_compliance={"fully_compliant": True, "exceptions": ["one"], "violations": ["two"]},
    )
    store.update_recommendation_status(
        d, "R0002", "adopted", ["judge"], 10, "v-interim", "So", "log", "P0001"
    )
    store.update_perspective_status(d, "P0002", "merged", ["judge"], 10, "So", "log", "P0001")
    store.update_tension_status(d, "T0002", "addressed", ["judge"], 10, "So", "log", "R0001")
    store.register_move(d, 10, "muffin", "challenge", ["P0001", "C0001"], context="Too shallow")
    store.record_convergence_signal(d, 10, "muffin")


#: What nothing has set yet in the dialogue of :func:`fill`.
UNSET: set[str] = {
    "dialogue: converged_at",
    "rounds 0: completed_at",
    *(f"rounds {number}: {name}" for number in (10, 11) for name in ("completed_at", "summary")),
    "claims C0001: references",
    "recommendations R0001: adopted_in_verdict",
}


def unset(whole: Mapping[str, Any]) -> set[str]:
    """The fields of what later writes rewrite that hold nothing: unset, empty, nought or false."""
    found = {f"dialogue: {name}" for name, value in whole["dialogue"].items() if not value}
    lists = {"experts": "expert_slug", "rounds": "round"}
    for plural, identity in {**lists, **{k.plural: "display_id" for k in KINDS.values()}}.items():
        for member in whole[plural]:
            found |= {
                f"{plural} {member[identity]}: {name}"
                for name, value in member.items()
                if not value and name != "round"
            }
    return found


def _entity(kind: str, status: str, number: int) -> set[str]:
    """What a change of the first entity of a kind changes; ``number``: of its event, 0 where it has none."""
    plural, name = KINDS[kind].plural, KINDS[kind].id(0, 1)
    changed = {f"{plural} {name}: {field}" for field in (*status.split(), "updated_at")}
    return changed | ({f"+events {name} {number}"} if number else set())


def _new(kind: str) -> set[str]:
    """What a new entity of round 10 brings."""
    name = KINDS[kind].id(10, 1)
    event = {f"+events {name} 1"} if KINDS[kind].with_events else set()
    return {f"+{KINDS[kind].plural} {name}", f"+refs {name} support C0001", *event}


#: Every write of profile core, in an order in which each can be made once.
STEPS: tuple[Step, ...] = (
    *(
        (
            f"a new {kind}",
            f"register_{kind}",
            {
                **_SAID,
                "round": 10,
                KINDS[kind].text: "Later.",
                "references": [{"type": "support", "target": "C0001"}],
            },
            _new(kind),
        )
        for kind in KINDS
    ),
    (
        "a new expert",
        "register_expert",
        {"expert_slug": "brioche", "role": "Cook", "tier": "Core"},
        {"+experts brioche"},
    ),
    (
        "a response",
        "record_expert_response",
        {"expert_slug": "muffin", "round": 10, "content": "Land."},
        {"experts muffin: raw_content", "experts muffin: updated_at"},
    ),
    (
        "a score",
        "update_expert_score",
        {"expert_slug": "muffin", "round": 10, "score": 40},
        {f"experts muffin: {name}" for name in ("scores", "total_score", "updated_at")},
    ),
    (
        "a new round",
        "create_round",
        {"round": 12, "score": 3},
        {"+rounds 12"}
        | {f"dialogue: {name}" for name in ("total_rounds", "total_alignment", "updated_at")},
    ),
    (
        "a round goes on",
        "update_round_status",
        {"round": 10, "status": "in_progress"},
        {"rounds 10: status", "rounds 10: updated_at"},
    ),
    (
        "a round ends",
        "update_round_status",
        {"round": 0, "status": "completed"},
        {f"rounds 0: {name}" for name in ("status", "completed_at", "updated_at")},
    ),
    (
        "a signal",
        "record_convergence_signal",
        {"round": 10, "expert_slug": "scone"},
        {"+signals 10 scone"},
    ),
    (
        "a move",
        "register_move",
        {"round": 10, "expert_slug": "muffin", "move_type": "concede"},
        {"+moves 10 muffin 2"},
    ),
    (
        "a ref",
        "register_ref",
        {"source_id": "C0002", "ref_type": "depend", "target_id": "E0002"},
        {"+refs C0002 depend E0002"},
    ),
    (
        "a dissent",
        "register_verdict",
        {
            "verdict_id": "v-dissent",
            "verdict_type": "dissent",
            "round": 11,
            "recommendation": "Land",
            "description": "The light is good.",
        },
        {"+verdicts v-dissent"},
    ),
    (
        "a perspective changes",
        "update_perspective_status",
        {"entity_id": "P0001", "status": "refined", **_FOR},
        _entity("perspective", "status", 2),
    ),
    (
        "a tension changes",
        "update_tension_status",
        {"entity_id": "T0001", "status": "addressed", **_FOR},
        _entity("tension", "status", 2),
    ),
    (
        "a tension is talked about",
        "comment_tension",
        {"entity_id": "T0001", **_FOR},
        {"+events T0001 3"},
    ),
    (
        "a recommendation changes",
        "update_recommendation_status",
        {"entity_id": "R0001", "status": "amended", **_FOR},
        _entity("recommendation", "status", 2),
    ),
    (
        "a recommendation is adopted",
        "update_recommendation_status",
        {"entity_id": "R0001", "status": "adopted", "verdict_id": "v-dissent", **_FOR},
        _entity("recommendation", "status adopted_in_verdict", 3),
    ),
    (
        "evidence changes",
        "update_evidence_status",
        {"entity_id": "E0001", "status": "challenged"},
        _entity("evidence", "status", 0),
    ),
    (
        "a claim changes",
        "update_claim_status",
        {"entity_id": "C0001", "status": "opposed"},
        _entity("claim", "status", 0),
    ),
    (
        "the dialogue goes on",
        "update_dialogue_status",
        {"status": "converging"},
        {"dialogue: status", "dialogue: updated_at"},
    ),
    (
        "a final verdict",
        "register_verdict",
        {
            "verdict_id": "v-final",
            "verdict_type": "final",
            "round": 11,
            "recommendation": "Wait",
            "description": "For the tide.",
        },
        {"+verdicts v-final"}
        | {f"dialogue: {name}" for name in ("status", "converged_at", "updated_at")},
    ),
    (
        "a round after the end",
        "create_round",
        {"round": 1, "score": 2},
        {"+rounds 1", "dialogue: total_alignment", "dialogue: updated_at"},
    ),
)

#: A whole round that changes one of everything in the dialogue as :func:`fill` leaves it.
AS_A_WHOLE: Mapping[str, Any] = {
    "round": 12,
    "score": 3,
    "status_updates": [
        {"entity_id": "P0001", "status": "refined"},
        {"entity_id": "T0001", "status": "addressed"},
        {"entity_id": "R0001", "status": "adopted", "verdict_id": "v-interim"},
        {"entity_id": "E0001", "status": "challenged"},
        {"entity_id": "C0001", "status": "opposed"},
    ],
    "expert_scores": {"muffin": 40},
    "responses": {"scone": "Land."},
    "signals": ["scone"],
}
CHANGED_AS_A_WHOLE: set[str] = (
    {"+rounds 12", "+signals 12 scone"}
    | {f"dialogue: {name}" for name in ("total_rounds", "total_alignment", "updated_at")}
    | _entity("perspective", "status", 2)
    | _entity("tension", "status", 2)
    | _entity("recommendation", "status adopted_in_verdict", 2)
    | _entity("evidence", "status", 0)
    | _entity("claim", "status", 0)
    | {f"experts muffin: {name}" for name in ("scores", "total_score", "updated_at")}
    | {"experts scone: raw_content", "experts scone: updated_at"}
)
