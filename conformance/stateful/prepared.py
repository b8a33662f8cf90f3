"""Where histories start: partitions that sequences of fifty random calls would not reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from .history import Step, long_text

__all__ = ["BEGINNING", "MAIN", "OTHER", "PREPARED", "steps_of"]

#: The dialogue that most steps are about, and one whose id begins like it (STORE-19).
MAIN: Final = "tide"
OTHER: Final = "tide-b"

#: When prepared partitions are written; histories go on from there.
BEGINNING: Final = "2026-02-03T10:15:00.000000Z"

_Calls = list[tuple[str, dict[str, Any]]]
_Entries = list[dict[str, Any]]


_NEW: dict[str, Any] = {"label": "In short", "content": "Said.", "contributors": ["muffin"]}
_TENSION: dict[str, Any] = {"label": "In short", "description": "Said.", "contributors": []}


def _begun(*, at_once: bool) -> _Calls:
    """Two experts, two rounds, two of each kind; beside it a dialogue with a round and a tension."""
    d: dict[str, Any] = {"dialogue_id": MAIN}
    calls: _Calls = [
        ("create_dialogue", {**d, "title": "Which harbour?", "question": ""}),
        ("register_expert", {**d, "expert_slug": "muffin", "role": "Pilot", "tier": "Core"}),
        ("register_expert", {**d, "expert_slug": "Scone", "role": "Mate", "tier": "Wildcard"}),
        ("create_round", {**d, "round": 1, "score": 3}),
    ]
    lists = {name: [_NEW] * 2 for name in ("perspectives", "recommendations", "evidence", "claims")}
    calls += _round(d, 0, {**lists, "tensions": [_TENSION] * 2}, at_once=at_once)
    other: dict[str, Any] = {"dialogue_id": OTHER}
    calls += [
        ("create_dialogue", {**other, "title": "Which harbour?"}),
        ("create_round", {**other, "round": 0, "score": 5}),
        ("register_tension", {**other, "round": 0, **_TENSION}),
    ]
    return calls


def _round(
    dialogue: dict[str, Any], number: int, lists: Mapping[str, _Entries], *, at_once: bool
) -> _Calls:
    """A round as one write, or one by one."""
    if at_once:
        return [("register_round", {**dialogue, "round": number, "score": 0, **lists})]
    calls: _Calls = [("create_round", {**dialogue, "round": number, "score": 0})]
    for name, entries in lists.items():
        method = f"register_{name.removesuffix('s')}"
        calls += [(method, {**dialogue, "round": number, **entry}) for entry in entries]
    return calls


def _full_round(*, at_once: bool) -> _Calls:
    """Ninety-nine claims and ninety-nine pieces of evidence in round 7."""
    lists = {"evidence": [_NEW] * 99, "claims": [_NEW] * 99}
    return [*_begun(at_once=at_once), *_round({"dialogue_id": MAIN}, 7, lists, at_once=at_once)]


def _full_of_tensions(*, at_once: bool) -> _Calls:
    """Ninety-nine perspectives and ninety-nine tensions, with their events, in round 7."""
    lists = {"perspectives": [_NEW] * 99, "tensions": [_TENSION] * 99}
    return [*_begun(at_once=at_once), *_round({"dialogue_id": MAIN}, 7, lists, at_once=at_once)]


def _full_of_moves(*, at_once: bool) -> _Calls:
    """Ninety-nine recommendations, and moves of one expert, in round 7."""
    move = {"expert_slug": "muffin", "move_type": "converge"}
    lists = {"recommendations": [_NEW] * 99, "moves": [move] * 99}
    return [*_begun(at_once=at_once), *_round({"dialogue_id": MAIN}, 7, lists, at_once=at_once)]


def _near_1_mb(*, at_once: bool) -> _Calls:
    """Three items of 320 KiB: one page of the engine holds 1 MB."""
    given = {**_NEW, "dialogue_id": MAIN, "round": 1, "content": long_text("tide ", 65_536)}
    return [*_begun(at_once=at_once), *[("register_claim", given)] * 3]


def _converged(*, at_once: bool) -> _Calls:
    """A final verdict; of each kind one that is at an end, and one on its way."""
    final = {
        "dialogue_id": MAIN,
        "verdict_id": "v-final",
        "verdict_type": "final",
        "round": 1,
        "recommendation": "Anchor outside",
        "description": "Until the tide turns.",
    }
    changes = (
        *(("perspective", "P0001", "conceded"), ("perspective", "P0002", "refined")),
        *(("tension", "T0001", "resolved"), ("tension", "T0002", "addressed")),
        *(("recommendation", "R0001", "rejected"), ("recommendation", "R0002", "amended")),
        *(("evidence", "E0001", "confirmed"), ("evidence", "E0002", "challenged")),
        *(("claim", "C0001", "withdrawn"), ("claim", "C0002", "supported")),
    )
    calls = [*_begun(at_once=at_once), ("register_verdict", final)]
    for kind, entity_id, status in changes:
        event = {"actors": [], "event_round": 1} if kind not in ("evidence", "claim") else {}
        params = {"dialogue_id": MAIN, "entity_id": entity_id, "status": status, **event}
        calls.append((f"update_{kind}_status", params))
    completed = {"dialogue_id": MAIN, "round": 1, "status": "completed"}
    return [*calls, ("update_round_status", completed)]


def _empty(*, at_once: bool) -> _Calls:
    del at_once
    return []


class _Prepare(Protocol):
    def __call__(self, *, at_once: bool) -> _Calls: ...


#: Name -> the calls that write it; ``at_once``: whether whole rounds can be written.
PREPARED: Final[Mapping[str, _Prepare]] = {
    "empty": _empty,
    "begun": _begun,
    "full round": _full_round,
    "full of tensions": _full_of_tensions,
    "full of moves": _full_of_moves,
    "near 1 MB": _near_1_mb,
    "converged": _converged,
}


#: Those with a round that takes no more of some kinds.
FULL_ROUNDS: Final = ("full round", "full of tensions", "full of moves")


def steps_of(prepared: str, *, at_once: bool) -> list[Step]:
    """The steps that write a prepared partition."""
    calls = PREPARED[prepared](at_once=at_once)
    return [Step(BEGINNING, method, params) for method, params in calls]
