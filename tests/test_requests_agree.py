"""A request id used again, with an input that is too large as well: the model and the reference list both."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from conformance.running.session import World
from conformance.stateful.history import History, Step
from conformance.stateful.playing import Player, Side
from conformance.stateful.prepared import BEGINNING, MAIN
from conformance.targets.base import Target

LARGE = {"$text": "x", "times": 420_000}
ENTITY = {"round": 1, "label": "a", "contributors": []}
CHANGE = {"event_round": 1, "actors": [], "reason": LARGE}
VERDICT = {"verdict_id": "v", "verdict_type": "interim", "round": 1, "recommendation": "x"}
MOVE = {"round": 1, "expert_slug": "muffin", "move_type": "converge"}

CALLS: dict[str, dict[str, Any]] = {
    "create_dialogue": {"title": LARGE},
    "register_expert": {"expert_slug": "pie", "role": LARGE, "tier": "Core"},
    "record_expert_response": {"expert_slug": "muffin", "round": 1, "content": LARGE},
    "create_round": {"round": 5, "title": LARGE},
    "update_round_status": {"round": 1, "status": "completed", "summary": LARGE},
    **{
        f"register_{kind}": {**ENTITY, "content": LARGE}
        for kind in ("perspective", "recommendation", "evidence", "claim")
    },
    "register_tension": {**ENTITY, "description": LARGE},
    "register_move": {**MOVE, "context": LARGE},
    "register_verdict": {**VERDICT, "description": LARGE},
    "update_tension_status": {"entity_id": "T0001", "status": "addressed", **CHANGE},
    "update_perspective_status": {"entity_id": "P0001", "status": "refined", **CHANGE},
    "comment_tension": {"entity_id": "T0001", **CHANGE},
    "register_round": {"round": 5, "score": 0, "claims": [{"content": LARGE, "label": "a"}]},
}
#: The first is a duplicate, which is told without a look at sizes; the second has findings of its own kind.
OTHERWISE = ("create_dialogue", "register_round")


@pytest.mark.parametrize("method", CALLS)
def test_both_are_told(method: str, memory_target: Target, tmp_path: Path) -> None:
    number = count()
    side = Side("memory", lambda: World(memory_target, tmp_path / f"{next(number)}"))
    named = {"dialogue_id": MAIN, "request_id": "r-1"}
    first = Step(BEGINNING, "create_round", {**named, "round": 2})
    second = Step(BEGINNING, method, {**named, **CALLS[method]})
    told: list[Any] = []
    player = Player([side], at_once=True, watch=lambda _, expected: told.append(expected.value()))
    assert player.play(History(method, "begun", (first, second))) is None
    findings = told[-1]["error"]["data"]["findings"]
    assert method in OTHERWISE or ["request_mismatch", "request_id"] in findings
    assert method in OTHERWISE or "item_too_large" in [code for code, *_ in findings]
