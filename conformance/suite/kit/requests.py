"""What the tests of requests share: every write of a dialogue, named, and another input for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import METHODS

from .builders import CORE_METHODS, call, calls, shown

__all__ = ["NEW", "OTHER_INPUT", "again", "told"]

#: A new dialogue.
NEW: Mapping[str, Any] = {"dialogue_id": "tides", "title": "Which harbour?"}

#: For each write of :func:`.builders.calls`: what makes another input of it, as good as the first. Some
#: name what the first has made or changed, so that nothing but group 7 of STORE-14 could refuse them.
OTHER_INPUT: Mapping[str, Mapping[str, Any]] = {
    "update_dialogue_status": {"status": "abandoned"},
    "register_expert": {"role": "Pilot"},
    "record_expert_response": {"content": "Land!"},
    "update_expert_score": {"score": 4},
    "create_round": {"title": "Fourth watch"},
    "update_round_status": {"summary": "Half said."},
    "record_convergence_signal": {"expert_slug": "eclair"},
    "register_perspective": {"content": "It is late!"},
    "register_tension": {"references": [{"type": "support", "target": "P0101"}]},
    "register_recommendation": {"parameters": {"depth": 1}},
    "register_evidence": {"contributors": []},
    "register_claim": {"round": 1},
    "register_move": {"move_type": "converge"},
    "register_ref": {"source_type": "C"},
    "register_verdict": {"confidence": "strong"},
    "update_perspective_status": {"status": "merged"},
    "update_tension_status": {"actors": []},
    "update_recommendation_status": {"reason": "Agreed"},
    "update_evidence_status": {"status": "confirmed"},
    "update_claim_status": {"entity_id": "C0102"},
    "comment_tension": {"reference": "the log"},
}

_WRITES = {name for name in CORE_METHODS if METHODS[name].kind == "write"} - {"create_dialogue"}
if set(OTHER_INPUT) != _WRITES:
    raise NotImplementedError(f"another input is wanted for {sorted(_WRITES - set(OTHER_INPUT))}")


def again(store: DialogueStore, method: str, args: Mapping[str, Any], request_id: str = "") -> Any:
    """A write of ``tides`` under a request id, by default one that is named after the method."""
    named = {"dialogue_id": "tides", **args, "request_id": request_id or f"r-{method}"}
    return call(store, method, named)


def told(store: DialogueStore, method: str, request_id: str) -> dict[str, Any]:
    """The result of the method's example under a request id."""
    return shown(call(store, method, {**calls("tides")[method], "request_id": request_id}))
