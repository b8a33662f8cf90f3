"""The dialogues that the families of whole partitions and chains tell again and again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .stories import Draft, State, Story, at, moved, reference, registered

__all__ = ["OTHER", "WRITER", "entity", "small", "whole"]

#: The read chains of two store instances: the one that writes, and another.
WRITER, OTHER = "r#00000000000000a1", "r#00000000000000b2"


def dialogue(time: str, title: str, **more: Any) -> Draft:
    """A dialogue's own item."""
    fields = {
        "status": "open",
        "created_at": time,
        "updated_at": time,
        "total_rounds": 0,
        "total_alignment": 0,
        "calibrated": False,
        "title": title,
        **more,
    }
    return ("dialogue", fields)


def expert(time: str, slug: str, role: str, **more: Any) -> Draft:
    """An expert as registered."""
    fields = {
        "expert_slug": slug,
        "tier": "Core",
        "source": "pool",
        "total_score": 0,
        "created_at": time,
        "updated_at": time,
        "role": role,
        "scores": {},
        "raw_content": {},
        **more,
    }
    return ("expert", fields)


def round_(time: str, number: int, score: int, **more: Any) -> Draft:
    """A round as created."""
    metrics = ("wisdom", "consistency", "truth", "relationships")
    fields = {
        "round": number,
        "score": score,
        "status": "open",
        **{f"score_{name}": 0 for name in metrics},
        "open_tensions": 0,
        "new_perspectives": 0,
        "converge_signals": 0,
        "panel_size": 0,
        "created_at": time,
        "updated_at": time,
        **more,
    }
    return ("round", fields)


def entity(of: str, number: int, seq: int, label: str, **more: Any) -> Mapping[str, Any]:
    """The fields of one of the five types with display ids, as given."""
    first = {
        "recommendation": "proposed",
        "evidence": "cited",
        "claim": "asserted",
    }.get(of, "open")
    text = "description" if of == "tension" else "content"
    return {
        "round": number,
        "seq": seq,
        "status": first,
        "label": label,
        text: f"{label}, in a sentence.",
        "contributors": ["muffin"],
        **more,
    }


@cache
def small() -> tuple[Story, dict[str, State]]:
    """`small-talk`: every kind of trouble fits into it. Its states by name, in their order."""
    story = Story("small-talk")
    states: dict[str, State] = {}
    meta = dialogue(at(0), "Tea or coffee?")
    states["created"] = story.write(at(0), meta)
    meta = dialogue(at(0), "Tea or coffee?", updated_at=at(1), total_rounds=1, total_alignment=12)
    muffin = expert(at(1), "muffin", "Host", relevance=0.95, first_round=0)
    number = round_(at(1), 0, 12, panel_size=1)
    states["round"] = story.write(at(1), meta, muffin, number)
    perspective = entity("perspective", 0, 1, "Tea keeps longer")
    tension = entity("tension", 0, 1, "Who boils the water")
    states["entities"] = story.write(
        at(2),
        *registered("perspective", at(2), perspective),
        *registered("tension", at(2), {**tension, "contributors": []}),
        reference("P0001", "address", "T0001", at(2)),
        ("signal", {"round": 0, "expert_slug": "muffin", "created_at": at(2)}),
    )
    states["read"] = story.read(at(3), OTHER)
    now = {**story.fields["tension#00#01"]}
    drafts = moved("tension", at(4), now, "addressed", reason="A kettle was found")
    scored = {**story.fields["expert#muffin"], "scores": {"00": 12}, "total_score": 12}
    scored["updated_at"] = at(4)
    states["addressed"] = story.write(at(4), *drafts, ("expert", scored))
    return story, states


@cache
def whole() -> tuple[Story, dict[str, State]]:
    """`nvidia-analysis`: each of the 14 types, signals, refs and a remembered request."""
    story = Story("nvidia-analysis")
    states: dict[str, State] = {}
    title = "Should the fund add NVIDIA?"
    background = {"subject": "A long-only fund", "constraints": "≤ 6 % \U0001f4c8"}
    details = {"question": "At this price?", "domain_id": "equities", "background": background}
    request = {
        "request_id": "req-1",
        "created_at": at(0),
        "input_hash": "5f" * 32,
        "result": {"dialogue_id": "nvidia-analysis", "revision": 1},
    }
    states["created"] = story.write(
        at(0), dialogue(at(0), title, calibrated=True, **details), ("request", request)
    )
    late = {"calibrated": True, "total_rounds": 2, "total_alignment": 57, **details}
    states["rounds"] = story.write(
        at(1),
        dialogue(at(0), title, updated_at=at(1), **late),
        expert(at(1), "muffin", "Value analyst", relevance=0.95, first_round=0),
        expert(at(1), "eclair", "Supply chain", tier="Adjacent", relevance=1e-06, color=""),
        round_(at(1), 0, 30, panel_size=2, score_wisdom=10),
        round_(at(1), 1, 27, panel_size=2, summary="ﬁnal → draft\u0000é"),
    )
    states["entities"] = story.write(
        at(2),
        *registered("perspective", at(2), entity("perspective", 1, 2, "Income mandate mismatch")),
        *registered("tension", at(2), entity("tension", 0, 1, "Growth vs income")),
        *registered(
            "recommendation",
            at(2),
            entity("recommendation", 1, 1, "Hold", parameters={"weight": 0.04, "steps": [1, 2]}),
        ),
        *registered(
            "evidence",
            at(2),
            entity("evidence", 1, 1, "Filing", references=[{"type": "support", "target": "R0101"}]),
        ),
        *registered("claim", at(2), entity("claim", 1, 1, "Margins last", contributors=["eclair"])),
        (
            "move",
            {
                "round": 1,
                "expert_slug": "muffin",
                "seq": 1,
                "move_type": "challenge",
                "created_at": at(2),
                "targets": ["P0102"],
                "context": None,
            },
        ),
        ("signal", {"round": 1, "expert_slug": "muffin", "created_at": at(2)}),
        ("signal", {"round": 1, "expert_slug": "eclair", "created_at": at(2)}),
    )
    states["read"] = story.read(at(3), WRITER, own=True)
    verdict = {
        "verdict_id": "v-1",
        "verdict_type": "interim",
        "round": 1,
        "confidence": "split",
        "created_at": at(4),
        "recommendation": "Hold",
        "description": "Until the next filing",
        "conditions": ["Margin above 60 %"],
        "tensions_accepted": ["T0001"],
        "ethos_compliance": {
            "fully_compliant": True,
            "exceptions": [],
            "violations": [],
        },
    }
    states["verdict"] = story.write(at(4), ("verdict", verdict))
    now = story.fields["recommendation#01#01"]
    adoption = moved(
        "recommendation", at(5), now, "adopted", adopted_in_verdict="v-1", reference="v-1"
    )
    states["adopted"] = story.write(at(5), *adoption)
    return story, states
