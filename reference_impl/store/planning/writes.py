"""Single writes as pure functions: a snapshot, validated parameters and a time in, a plan out.

Each planner is one step of a builder (``steps``) with paths of its own; it ends with the first group of
findings, groups 5 to 7 of STORE-14. Nothing here reads, seals or stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...contract.tables import ENTITIES
from ..snapshot import Record, Snapshot
from .drafts import Args, Builder, Draft, Plan, Repeat, new_entity, repeat_of, whole_item
from .rules import (
    MAX_EACH,
    at_most,
    is_new,
    may_become,
    need_entity,
    need_round,
    no_dialogue,
    the_dialogue,
)
from .steps import (
    add_entity,
    add_move,
    add_ref,
    add_round,
    add_signal,
    change_status,
    fields_of_event,
    finish_entity,
    give_response,
    give_score,
    known_targets,
    listed,
    own_fields,
)

__all__ = [
    "PLANNERS",
    "Draft",
    "Plan",
    "Planner",
    "Repeat",
    "no_dialogue",
    "plan_create",
    "whole_item",
]

Planner = Callable[[Snapshot, Args, str], Plan | Repeat]
#: One step of a builder: what the method returns, a record where it repeats an earlier call.
Step = Callable[[Builder, Args], Draft | Record | None]


def plan_create(args: Args, now: str) -> Plan:
    """The dialogue's own entity."""
    draft = new_entity("dialogue", now, **own_fields(args))
    return Plan([draft], draft)


def _planner(step: Step) -> Planner:
    """The planner of a single write: one step, then its findings or its plan."""

    def plan(snapshot: Snapshot, args: Args, now: str) -> Plan | Repeat:
        builder = Builder(snapshot, now)
        the_dialogue(builder)
        made = step(builder, args)
        if not isinstance(made, Record):
            return builder.plan(made)
        builder.problems.raise_first()
        return repeat_of(made)

    return plan


# -- the dialogue, experts, rounds --------------------------------------------------------------


def _update_dialogue_status(builder: Builder, args: Args) -> Draft:
    return _become(builder, args["status"], "status")


def _become(builder: Builder, status: str, where: str) -> Draft:
    dialogue = the_dialogue(builder)
    may_become(builder, dialogue, status, where)
    converged = {"converged_at": builder.now} if status == "converged" else {}
    return builder.change(dialogue, status=status, **converged)


def _register_expert(builder: Builder, args: Args) -> Draft:
    slug = args["expert_slug"]
    is_new(builder, "this expert", "expert_slug", "expert", expert_slug=slug)
    return builder.put(new_entity("expert", builder.now, **own_fields(args)))


def _update_round_status(builder: Builder, args: Args) -> Draft | None:
    found = need_round(builder, args["round"], "round")
    if found is None:
        return None
    may_become(builder, found, args["status"], "status")
    changes: dict[str, Any] = {"status": args["status"]}
    if args["status"] == "completed":
        changes["completed_at"] = builder.now
    if args["summary"] is not None:
        changes["summary"] = args["summary"]
    return builder.change(found, **changes)


# -- entities, events, moves, refs, verdicts ----------------------------------------------------


def _register(entity: str) -> Step:
    def step(builder: Builder, args: Args) -> Draft | Record | None:
        number = args["round"]
        need_round(builder, number, "round")
        there = builder.snapshot.next_seq(entity, round=number)
        at_most(builder, there, MAX_EACH, "of this kind", "round")
        known = known_targets(builder, args)
        display_id = add_entity(builder, entity, args)
        finish_entity(builder, entity, args, display_id, known)
        return builder.find_by_id(display_id)

    return step


def _comment_tension(builder: Builder, args: Args) -> Draft:
    need_round(builder, args["event_round"], "event_round")
    need_entity(builder, args["entity_id"], "entity_id")
    fields = fields_of_event(args)
    return builder.add_event("tension", args["entity_id"], event_type="commented", **fields)


def _register_move(builder: Builder, args: Args) -> Draft | None:
    series = {"round": args["round"], "expert_slug": args["expert_slug"]}
    there = builder.snapshot.next_seq("move", **series)
    at_most(builder, there, MAX_EACH, "moves of one expert", "round")
    return add_move(builder, args)


def _register_ref(builder: Builder, args: Args) -> Draft | Record | None:
    ends = (args["source_id"], args["ref_type"], args["target_id"])
    return add_ref(builder, *ends, "source_id", "target_id")


def _register_verdict(builder: Builder, args: Args) -> Draft:
    need_round(builder, args["round"], "round")
    for i, tension in enumerate(listed(args["tensions_accepted"])):
        need_entity(builder, tension, f"tensions_accepted[{i}]")
    verdict_id = args["verdict_id"]
    is_new(builder, "this verdict", "verdict_id", "verdict", verdict_id=verdict_id)
    draft = builder.put(new_entity("verdict", builder.now, **own_fields(args)))
    if args["verdict_type"] == "final":
        _become(builder, "converged", "verdict_type")
    return draft


_STEPS: Mapping[str, Step] = {
    "update_dialogue_status": _update_dialogue_status,
    "register_expert": _register_expert,
    "record_expert_response": lambda b, args: give_response(b, args, "expert_slug", "content"),
    "update_expert_score": lambda b, args: give_score(b, args, "expert_slug", "score"),
    "create_round": add_round,
    "update_round_status": _update_round_status,
    "record_convergence_signal": lambda b, args: add_signal(b, args, "expert_slug"),
    **{f"register_{name}": _register(name) for name, e in ENTITIES.items() if e.display_letter},
    **{f"update_{name}_status": change_status for name, e in ENTITIES.items() if e.display_letter},
    "comment_tension": _comment_tension,
    "register_move": _register_move,
    "register_ref": _register_ref,
    "register_verdict": _register_verdict,
}

#: How each write but the first of a dialogue is planned, by its method.
PLANNERS: Mapping[str, Planner] = {name: _planner(step) for name, step in _STEPS.items()}
