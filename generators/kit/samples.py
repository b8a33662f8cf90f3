"""One dialogue as data: an item of every type, with every field set and with as few as it may have.

The dialogue is the RFC's own example, `nvidia-analysis`; its perspective 01#02 is the RFC's, text and all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .tables import kind

__all__ = ["DIALOGUE", "SAMPLES", "TIME", "Sample", "sample", "sealed_fields"]

DIALOGUE = "nvidia-analysis"
TIME = "2026-02-03T10:00:00.000000Z"
_LATER = "2026-02-03T10:15:00.250000Z"


@dataclass(frozen=True)
class Sample:
    """An item's type, the parts of its key, and its fields: all of them, and the fewest."""

    entity: str
    parts: Mapping[str, Any]
    full: Mapping[str, Any]
    bare: Mapping[str, Any]

    @property
    def slug(self) -> str:
        """The type's name as it stands in a tc_id."""
        return self.entity.replace("_", "-")


def _sample(entity: str, parts: Mapping[str, Any], bare: Mapping[str, Any], **more: Any) -> Sample:
    known = {field.name for field in kind(entity).fields if field.placement != "key"}
    unknown = {*bare, *more} - known
    if unknown:
        raise ValueError(f"{entity} has no {sorted(unknown)}")
    return Sample(entity, parts, {**bare, **more}, bare)


def _entity(entity: str, round: int, seq: int, **fields: Any) -> Sample:
    text = "description" if entity == "tension" else "content"
    bare = {
        "status": fields.pop("status"),
        "created_at": TIME,
        "updated_at": TIME,
        "label": fields.pop("label"),
        text: fields.pop(text),
        "contributors": [],
        "references": [],
    }
    return _sample(entity, {"round": round, "seq": seq}, bare, **fields)


def _event(entity: str, of: str, event_type: str, **fields: Any) -> Sample:
    bare = {"event_type": event_type, "event_round": 1, "created_at": _LATER, "actors": ["judge"]}
    return _sample(entity, {"entity_id": of, "timestamp": _LATER}, bare, **fields)


#: The 14 types in the order of the contract, then the bookkeeping items that lie beside them.
SAMPLES: tuple[Sample, ...] = (
    _sample(
        "dialogue",
        {},
        {
            "status": "open",
            "created_at": TIME,
            "updated_at": TIME,
            "total_rounds": 0,
            "total_alignment": 0,
            "calibrated": False,
            "title": "NVIDIA Analysis",
        },
        status="converged",
        converged_at=_LATER,
        updated_at=_LATER,
        total_rounds=3,
        total_alignment=289,
        calibrated=True,
        domain_id="equities",
        ethos_id="Margin.of_Safety-1",
        question="Is the premium earned?\nAnd for how long?",
        output_dir="",
        background={
            "subject": "NVDA \U0001f4c8",
            "description": "Forward P/E 35x",
            "constraints": "no insider knowledge",
            "situation": "",
        },
    ),
    _sample(
        "expert",
        {"expert_slug": "muffin"},
        {
            "tier": "Core",
            "source": "pool",
            "total_score": 0,
            "created_at": TIME,
            "updated_at": TIME,
            "role": "Platform Engineer",
            "scores": {},
            "raw_content": {},
        },
        relevance=0.875,
        first_round=1,
        total_score=25,
        description="Counts watts before dollars",
        focus="supply — d\u00e9j\u00e0 vu",
        creation_reason="asked for by cupcake",
        color="#76b900",
        scores={"00": 12, "01": 13, "10": 0},
        raw_content={"01": "# Muffin\n\nCapacity is sold out.", "10": ""},
    ),
    _sample(
        "round",
        {"round": 1},
        {
            "score": 0,
            "status": "open",
            "score_wisdom": 0,
            "score_consistency": 0,
            "score_truth": 0,
            "score_relationships": 0,
            "open_tensions": 0,
            "new_perspectives": 0,
            "converge_signals": 0,
            "panel_size": 0,
            "created_at": TIME,
            "updated_at": TIME,
        },
        score=-4,
        status="completed",
        score_wisdom=30,
        score_consistency=20,
        score_truth=25,
        score_relationships=14,
        open_tensions=2,
        new_perspectives=7,
        converge_signals=1,
        panel_size=12,
        completed_at=_LATER,
        title="Opening arguments",
        summary="Two camps, one question.",
    ),
    _sample(
        "verdict",
        {"verdict_id": "final"},
        {
            "verdict_type": "interim",
            "round": 0,
            "created_at": TIME,
            "recommendation": "Hold",
            "description": "Not yet clear.",
        },
        verdict_type="final",
        round=2,
        confidence="strong",
        author_expert="cupcake",
        recommendation="Buy, in thirds",
        description="Demand outlasts the cycle.",
        conditions=["gross margin stays above 70 %", "no export ban"],
        vote="9-1-2",
        supporting_experts=["muffin", "cupcake"],
        tensions_accepted=["T0101"],
        ethos_compliance={
            "fully_compliant": False,
            "exceptions": ["concentration"],
            "violations": [],
        },
    ),
    _entity(
        "perspective",
        1,
        2,
        status="open",
        label="Valuation premium justified",
        content="The 35x forward P/E is justified by...",
        contributors=["muffin", "cupcake"],
        references=[{"type": "support", "target": "E0001"}],
    ),
    _entity(
        "tension",
        1,
        1,
        status="addressed",
        label="Growth against price",
        description="Both cannot be right: 35x or 20x.",
        contributors=["scone"],
        references=[{"type": "question", "target": "P0102"}],
    ),
    _entity(
        "recommendation",
        2,
        1,
        status="adopted",
        label="Buy in thirds",
        content="A third now, a third after each report.",
        adopted_in_verdict="final",
        contributors=["palmier"],
        parameters={"steps": [1, 2, 3], "share": 0.333333, "limits": {"low": -1, "high": None}},
        references=[{"type": "address", "target": "T0101"}],
    ),
    _entity(
        "evidence",
        0,
        1,
        status="cited",
        label="Data centre revenue",
        content="Four times that of two years ago.",
        contributors=["cannoli"],
        references=[{"type": "support", "target": "C0101"}],
    ),
    _entity(
        "claim",
        1,
        1,
        status="asserted",
        label="Demand is structural",
        content="Training grows, inference grows faster.",
        contributors=["eclair"],
        references=[{"type": "depend", "target": "E0001"}],
    ),
    _sample(
        "move",
        {"round": 1, "expert_slug": "scone", "seq": 1},
        {"move_type": "converge", "created_at": TIME, "targets": []},
        move_type="challenge",
        targets=["P0102", "C0101"],
        context="What if customers build their own?",
    ),
    _sample(
        "ref",
        {"source_id": "P0102", "ref_type": "support", "target_id": "E0001"},
        {"source_type": "P", "target_type": "E", "created_at": TIME},
    ),
    _event(
        "perspective_event",
        "P0102",
        "refined",
        actors=["muffin"],
        reason="narrowed to data centres",
        reference="P0102",
        result_id="P0201",
    ),
    _event(
        "tension_event",
        "T0101",
        "resolved",
        actors=["judge", "scone"],
        reason="both wait for the next report",
        reference="final",
        result_id="R0201",
    ),
    _event(
        "recommendation_event",
        "R0201",
        "adopted",
        actors=["judge"],
        reason="carried nine to one",
        reference="final",
        result_id="R0201",
    ),
    _sample("signal", {"round": 1, "expert_slug": "scone"}, {"created_at": TIME}),
    _sample(
        "head",
        {},
        {
            "revision": 1,
            "state": "active",
            "updated_at": TIME,
            "count": 2,
            "sum": "00" * 31 + "2a",
            "audit_head": "ab" * 32,
            "seals": 2,
        },
        revision=42,
        state="frozen",
        pending="j-1",
        updated_at=_LATER,
        count=57,
        sum="f0" * 32,
        seals=99,
    ),
    _sample(
        "request",
        {"request_id": "import-2026.02"},
        {
            "created_at": TIME,
            "input_hash": "5c" * 32,
            "result": {},
        },
        result={"display_id": "P0102", "warnings": [], "revision": 7, "more": {"seq": 2}},
    ),
)


def sample(entity: str) -> Sample:
    """The sample of a type."""
    for candidate in SAMPLES:
        if candidate.entity == entity:
            return candidate
    raise KeyError(entity)


def sealed_fields(of: Sample, *, bare: bool = False) -> dict[str, Any]:
    """The sealed fields of a sample by name, null where unset; lists are there, if empty."""
    given = of.bare if bare else of.full
    return {field.name: given.get(field.name) for field in kind(of.entity).sealed}
