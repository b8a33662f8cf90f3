"""The steps of writes, each once: a single write is one of them, a round many.

A step takes the builder, the parameters of its method as validated (in a round some may be refused) and the
``prefix`` of their paths: empty for a single write, ``moves[2].`` for an entry of a round. It adds what is
wrong to the builder's problems, else its drafts to the builder; it never raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...contract import addresses
from ...contract.tables import ENTITIES
from ..snapshot import Record
from .drafts import Args, Builder, Draft, new_entity
from .problems import INVALID
from .rules import (
    MAX_EACH,
    adopts,
    has_no_targets,
    is_allowed,
    is_new,
    is_safe,
    may_become,
    need_entity,
    need_expert,
    need_round,
    need_verdict,
    the_dialogue,
)

__all__ = [
    "add_entity",
    "add_move",
    "add_ref",
    "add_round",
    "add_signal",
    "change_status",
    "fields_of_event",
    "finish_entity",
    "give_response",
    "give_score",
    "known_targets",
    "listed",
    "own_fields",
]

_OF_EVENT = ("event_round", "actors", "reason", "reference", "result_id")
#: Moves whose targets are no entities: any text, or nothing.
_WITHOUT_ENTITIES = (INVALID, "request", "converge")


def own_fields(args: Args, *but: str) -> dict[str, Any]:
    """The parameters that are fields of the item."""
    apart = ("dialogue_id", "request_id", *but)
    return {name: value for name, value in args.items() if name not in apart}


def listed(value: Any) -> Sequence[Any]:
    """A list to go through; one that was refused or is unset has no members."""
    return value if isinstance(value, list) else ()


def fields_of_event(args: Args) -> dict[str, Any]:
    """The parameters that are fields of the event that a write makes."""
    return {name: args.get(name) for name in _OF_EVENT}


# -- rounds and experts -------------------------------------------------------------------------


def add_round(builder: Builder, args: Args) -> Draft | None:
    """A round and the dialogue's totals (STORE-09)."""
    dialogue = the_dialogue(builder)
    changes: dict[str, Any] = {}
    if args["score"] is not INVALID:
        total = changes["total_alignment"] = dialogue.fields["total_alignment"] + args["score"]
        is_safe(builder, total, "score")
    number = args["round"]
    if number is INVALID:
        return None
    is_new(builder, f"round {number}", "round", "round", round=number)
    metrics = args["metrics"] if isinstance(args["metrics"], dict) else {}
    draft = new_entity("round", builder.now, **{**own_fields(args, "metrics"), **metrics})
    builder.put(draft, "round")
    rounds = max(dialogue.fields["total_rounds"], number + 1)
    builder.change(dialogue, "score", total_rounds=rounds, **changes)
    return draft


def give_score(builder: Builder, args: Args, at_expert: str, at_score: str) -> Draft | None:
    """An expert's score in a round, and the sum of all (STORE-11)."""
    need_round(builder, args["round"], "round")
    expert = need_expert(builder, args["expert_slug"], at_expert)
    if expert is None or args["score"] is INVALID:
        return None
    scores = {**expert.fields["scores"], _key_of(args["round"]): args["score"]}
    total = sum(scores.values())
    is_safe(builder, total, at_score)
    builder.counts["expert_scores"] += 1
    return builder.change(expert, at_score, scores=scores, total_score=total)


def give_response(builder: Builder, args: Args, at_expert: str, at_text: str) -> Draft | None:
    """What an expert said in a round."""
    need_round(builder, args["round"], "round")
    expert = need_expert(builder, args["expert_slug"], at_expert)
    if expert is None or args["content"] is INVALID:
        return None
    said = {**expert.fields["raw_content"], _key_of(args["round"]): args["content"]}
    builder.counts["responses"] += 1
    return builder.change(expert, at_text, raw_content=said)


def _key_of(number: Any) -> str:
    """A round's key in the maps of an expert; any will do where nothing can be written."""
    return "" if number is INVALID else f"{number:02d}"


def add_signal(builder: Builder, args: Args, where: str) -> Record | Draft | None:
    """An expert's signal in a round; the one that is there, if there is one (STORE-07)."""
    number, slug = args["round"], args["expert_slug"]
    need_round(builder, number, "round")
    if need_expert(builder, slug, where) is None or number is INVALID:
        return None
    there = builder.find("signal", round=number, expert_slug=slug)
    if there is not None:
        return there
    builder.counts["signals"] += 1
    return builder.put(new_entity("signal", builder.now, round=number, expert_slug=slug), where)


# -- perspectives, tensions, recommendations, evidence, claims ----------------------------------


def add_entity(builder: Builder, entity: str, args: Args, where: str = "") -> str:
    """A new entity, its references as given; the id under which the builder finds it."""
    number = args["round"]
    seq = 0 if number is INVALID else builder.next_seq(entity, round=number)
    draft = new_entity(entity, builder.now, seq=seq, **own_fields(args, "local_id"))
    if 1 <= seq <= MAX_EACH:
        builder.put(draft, where)
        return addresses.display_id(entity, number, seq)
    some_id = f"{ENTITIES[entity].display_letter} of {where}"
    builder.unnumbered[some_id] = draft
    return some_id


def known_targets(builder: Builder, args: Args, prefix: str = "") -> set[int]:
    """Which references of a new entity name something. A single write asks before it makes the entity,
    whose id nobody can know; in a round any entity of the call may be named."""
    return {
        i
        for i, reference in enumerate(listed(args["references"]))
        if reference is not INVALID
        and need_entity(builder, reference["target"], f"{prefix}references[{i}].target")
    }


def finish_entity(
    builder: Builder,
    entity: str,
    args: Args,
    some_id: str,
    known: set[int],
    prefix: str = "",
) -> None:
    """The event and the refs of a new entity, once every id is known (STORE-08, STORE-24). ``known``: as
    :func:`known_targets` gives it."""
    where = prefix.removesuffix(".")
    if "create" in ENTITIES[entity].writes_event_on:
        builder.add_event(
            entity,
            some_id,
            where,
            event_type="created",
            event_round=args["round"],
            actors=args["contributors"],
        )
    references = []
    for i, reference in enumerate(listed(args["references"])):
        if reference is INVALID or reference["target"] is INVALID:
            continue
        ref_type, target = reference["type"], reference["target"]
        if i in known:
            _join(builder, some_id, ref_type, target, f"{prefix}references[{i}].target")
        references.append({"type": ref_type, "target": builder.resolve(target)})
    found = builder.find_by_id(some_id)
    if found is not None and references != args["references"]:
        builder.change(found, where, references=references)


def change_status(builder: Builder, args: Args, prefix: str = "") -> Draft | None:
    """A change of status and its event; a change that is not allowed changes nothing (STORE-08)."""
    if "event_round" in args:
        need_round(builder, args["event_round"], f"{prefix}event_round")
    found = need_entity(builder, args["entity_id"], f"{prefix}entity_id")
    status, verdict_id = args["status"], args.get("verdict_id")
    if (
        verdict_id is not None
        and need_verdict(builder, verdict_id, f"{prefix}verdict_id") is not None
        and INVALID not in (status, args["entity_id"])
    ):
        adopts(builder, status, f"{prefix}verdict_id")
    result_id = args.get("result_id")
    if result_id is not None:
        need_entity(builder, result_id, f"{prefix}result_id")
    if (
        found is None
        or status is INVALID
        or not may_become(builder, found, status, f"{prefix}status")
    ):
        return None
    where = prefix.removesuffix(".")
    adopted = {} if verdict_id in (None, INVALID) else {"adopted_in_verdict": verdict_id}
    draft = builder.change(found, where, status=status, **adopted)
    builder.counts["status_updates"] += 1
    if "status change" in found.kind.writes_event_on:
        fields = fields_of_event(args)
        if result_id not in (None, INVALID):
            fields["result_id"] = builder.resolve(result_id)
        display_id = builder.resolve(args["entity_id"])
        builder.add_event(found.kind.entity, display_id, where, event_type=status, **fields)
    return draft


# -- moves and refs -----------------------------------------------------------------------------


def add_move(builder: Builder, args: Args, prefix: str = "") -> Draft | None:
    """An expert's move; its targets are there, or none are asked for."""
    number, slug, move_type = args["round"], args["expert_slug"], args["move_type"]
    need_round(builder, number, f"{prefix}round")
    expert = need_expert(builder, slug, f"{prefix}expert_slug")
    targets = listed(args["targets"])
    if move_type == "converge":
        has_no_targets(builder, args["targets"], f"{prefix}targets")
    elif move_type not in _WITHOUT_ENTITIES:
        for i, target in enumerate(targets):
            need_entity(builder, target, f"{prefix}targets[{i}]")
    if expert is None or number is INVALID:
        return None
    seq = builder.next_seq("move", round=number, expert_slug=slug)
    fields = {**own_fields(args), "targets": [builder.resolve(target) for target in targets]}
    builder.counts["moves"] += 1
    draft = new_entity("move", builder.now, seq=seq, **fields)
    return builder.put(draft, prefix.removesuffix("."))


def add_ref(
    builder: Builder, source: Any, ref_type: Any, target: Any, at_source: str, at_target: str
) -> Record | Draft | None:
    """A ref between two entities; the one that is there, if there is one (STORE-07)."""
    ends = (need_entity(builder, source, at_source), need_entity(builder, target, at_target))
    if None in ends:
        return None
    return _join(builder, source, ref_type, target, at_target)


def _join(
    builder: Builder, source: str, ref_type: Any, target: str, where: str
) -> Record | Draft | None:
    if ref_type is INVALID:
        return None
    source_id, target_id = builder.resolve(source), builder.resolve(target)
    if not is_allowed(builder, source_id, ref_type, target_id, where):
        return None
    identity = {"source_id": source_id, "ref_type": ref_type, "target_id": target_id}
    there = builder.find("ref", **identity)
    if there is not None:
        return there
    builder.counts["refs"] += 1
    types = {"source_type": source_id[0], "target_type": target_id[0]}
    return builder.put(new_entity("ref", builder.now, **identity, **types), where)
