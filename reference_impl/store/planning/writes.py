"""Writes as pure functions: validated parameters and a snapshot in, drafts of items out (groups 5 to 7).

Nothing here reads, seals or stores. ``now`` is the write's one time (ADDR-09).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...contract import addresses
from ...contract.errors import DialogueStoreError, Problem, from_problems
from ...contract.items import Item, Value, index_attributes
from ...contract.tables import ENTITIES, TYPES, EntityType
from ..snapshot import Record, Snapshot, entity_of
from .parameters import Problems

__all__ = ["PLANNERS", "Draft", "Plan", "Repeat", "no_dialogue", "plan_create"]

Args = Mapping[str, Any]
_MAX_SAFE = 2**53 - 1
_MAX_SEQ = 99
#: Ref types that only ever point at a tension.
_AT_TENSIONS = ("address", "resolve", "reopen")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entity as it shall be; ``old`` is the record that it replaces, None for a new one."""

    kind: EntityType
    fields: Mapping[str, Any]
    old: Record | None = None

    @property
    def sk(self) -> str:
        return self.kind.sk.format_map(self.fields)

    @property
    def parts(self) -> dict[str, Any]:
        return {name: self.fields[name] for name in self.kind.identity}


#: Makes a method's result once the dialogue is known.
Result = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one atomic write puts. ``result`` is the draft that the method returns, or a function that
    makes the result for a revision; ``times``: every time that the write gives besides its own."""

    drafts: Sequence[Draft]
    result: Draft | Callable[[int], Result]
    times: Sequence[str] = ()

    def result_at(self, revision: int) -> Result:
        """What the method returns once the write has made ``revision``."""
        draft = self.result
        if isinstance(draft, Draft):
            return lambda dialogue_id: entity_of(dialogue_id, draft.kind, draft.fields)
        return draft(revision)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeat: nothing to write, the first result is given back (STORE-07, STORE-22)."""

    result: Result


def _repeat(record: Record) -> Repeat:
    return Repeat(lambda dialogue_id: entity_of(dialogue_id, record.kind, record.fields))


Planner = Callable[[Snapshot, Args, str], Plan | Repeat]


# -- what a write needs to be there (group 5) ---------------------------------------------------


def no_dialogue(dialogue_id: str) -> DialogueStoreError:
    """STORE-06: the dialogue is unknown."""
    return from_problems(
        [Problem("dialogue_not_found", "dialogue_id", f"there is no dialogue {dialogue_id}")]
    )


def _dialogue(s: Snapshot) -> Record:
    record = s.find("dialogue")
    if record is None:
        raise no_dialogue(s.dialogue_id)
    return record


def _round(p: Problems, s: Snapshot, number: int, where: str = "round") -> Record | None:
    record = s.find("round", round=number)
    if record is None:
        p.add(5, "round_not_found", where, f"there is no round {number}")
    return record


def _expert(p: Problems, s: Snapshot, slug: str) -> Record | None:
    record = s.find("expert", expert_slug=slug)
    if record is None:
        p.add(5, "expert_not_found", "expert_slug", f"there is no expert {slug}")
    return record


def _entity(p: Problems, s: Snapshot, where: str, display_id: str) -> Record | None:
    record = s.find_by_display_id(display_id)
    if record is None:
        p.add(5, "entity_not_found", where, "names nothing in this dialogue")
    return record


def _present(p: Problems, record: Record | None) -> Record:
    """The record that was looked up, once no finding says otherwise."""
    p.raise_first()
    if record is None:
        raise AssertionError("a missing record leaves a finding")
    return record


# -- what several methods do --------------------------------------------------------------------


def new_entity(entity: str, now: str, **fields: Any) -> Draft:
    """A new entity: defaults of the table, both times ``now``, everything else as given."""
    kind = TYPES[entity]
    values: dict[str, Any] = {f.name: _default(f.default) for f in kind.fields}
    for name in ("created_at", "updated_at"):
        if name in values:
            values[name] = now
    values.update(fields)
    return Draft(kind, values)


def _default(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else value


def whole_item(
    dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], sealed: Mapping[str, Value]
) -> Item:
    """ADDR-05: keys, set cleartext fields, index attributes and the envelope of an item."""
    clear = {f.name: fields.get(f.name) for f in kind.cleartext_fields}
    item: Item = {
        "pk": addresses.partition_key(dialogue_id),
        "sk": addresses.sort_key(kind.entity, **fields),
        **{name: value for name, value in clear.items() if value is not None},
        **index_attributes(kind, dialogue_id, fields, clear),
        **sealed,
    }
    return item


def changed(record: Record, now: str, **fields: Any) -> Draft:
    """The entity of a record with some fields changed, ``updated_at`` moved on."""
    values = {**record.fields, **fields}
    if "updated_at" in record.kind.by_name:
        values["updated_at"] = now
    return Draft(record.kind, values, record)


def transition(p: Problems, record: Record | Draft, to: str, where: str = "status") -> bool:
    """Whether a status may become another (STORE-08); a finding if not."""
    have = record.fields["status"]
    allowed = record.kind.transitions[have]
    if to not in allowed:
        p.add(
            7,
            "invalid_status_transition",
            where,
            f"{have} cannot become {to}; allowed from {have}: {', '.join(allowed) or 'nothing'}",
            **{"from": have, "to": to, "allowed": list(allowed)},
        )
    return to in allowed


def new_event(entity: str, display_id: str, now: str, **fields: Any) -> Draft:
    return new_entity(f"{entity}_event", now, entity_id=display_id, timestamp=now, **fields)


def ref_problem(source_id: str, ref_type: str, target_id: str) -> str | None:
    if source_id == target_id:
        return "an entity cannot refer to itself"
    if ref_type in _AT_TENSIONS and target_id[0] != "T":
        return f"{ref_type} points at a tension"
    if ref_type == "refine" and source_id[0] != target_id[0]:
        return "refine joins two entities of one type"
    return None


def new_ref(now: str, source_id: str, ref_type: str, target_id: str) -> Draft:
    return new_entity(
        "ref",
        now,
        source_id=source_id,
        ref_type=ref_type,
        target_id=target_id,
        source_type=source_id[0],
        target_type=target_id[0],
    )


def safe_total(p: Problems, where: str, total: int) -> None:
    if abs(total) > _MAX_SAFE:
        p.add(6, "invalid_field", where, "makes the total exceed ±(2^53-1)")


# -- the dialogue -------------------------------------------------------------------------------


def plan_create(a: Args, now: str) -> Plan:
    """The dialogue's own entity."""
    draft = new_entity("dialogue", now, **_without(a))
    return Plan([draft], draft)


def _update_dialogue_status(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    dialogue = _dialogue(s)
    transition(p, dialogue, a["status"])
    p.raise_first()
    draft = _with_status(dialogue, a["status"], now)
    return Plan([draft], draft)


def _with_status(dialogue: Record, status: str, now: str) -> Draft:
    converged = {"converged_at": now} if status == "converged" else {}
    return changed(dialogue, now, status=status, **converged)


# -- experts, rounds, signals -------------------------------------------------------------------


def _register_expert(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    _dialogue(s)
    if s.find("expert", expert_slug=a["expert_slug"]) is not None:
        p.add(7, "duplicate_entity", "expert_slug", "this expert is registered")
    p.raise_first()
    draft = new_entity("expert", now, **_without(a))
    return Plan([draft], draft)


def _record_expert_response(s: Snapshot, a: Args, now: str) -> Plan:
    expert = _expert_in_round(s, a)
    responses = {**expert.fields["raw_content"], f"{a['round']:02d}": a["content"]}
    draft = changed(expert, now, raw_content=responses)
    return Plan([draft], draft)


def _update_expert_score(s: Snapshot, a: Args, now: str) -> Plan:
    expert = _expert_in_round(s, a)
    scores = {**expert.fields["scores"], f"{a['round']:02d}": a["score"]}
    total = sum(scores.values())
    p = Problems()
    safe_total(p, "score", total)
    p.raise_first()
    draft = changed(expert, now, scores=scores, total_score=total)
    return Plan([draft], draft)


def _expert_in_round(s: Snapshot, a: Args) -> Record:
    p = Problems()
    _dialogue(s)
    _round(p, s, a["round"])
    return _present(p, _expert(p, s, a["expert_slug"]))


def _create_round(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    dialogue = _dialogue(s)
    total = dialogue.fields["total_alignment"] + a["score"]
    safe_total(p, "score", total)
    if s.find("round", round=a["round"]) is not None:
        p.add(7, "duplicate_entity", "round", f"round {a['round']} exists")
    p.raise_first()
    draft = new_entity("round", now, **{**_without(a, "metrics"), **(a["metrics"] or {})})
    rounds = max(dialogue.fields["total_rounds"], a["round"] + 1)
    return Plan([draft, changed(dialogue, now, total_rounds=rounds, total_alignment=total)], draft)


def _update_round_status(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    _dialogue(s)
    record = _present(p, _round(p, s, a["round"]))
    transition(p, record, a["status"])
    p.raise_first()
    changes: dict[str, Any] = {"status": a["status"]}
    if a["status"] == "completed":
        changes["completed_at"] = now
    if a["summary"] is not None:
        changes["summary"] = a["summary"]
    draft = changed(record, now, **changes)
    return Plan([draft], draft)


def _record_convergence_signal(s: Snapshot, a: Args, now: str) -> Plan | Repeat:
    _expert_in_round(s, a)
    there = s.find("signal", round=a["round"], expert_slug=a["expert_slug"])
    if there is not None:
        return _repeat(there)
    draft = new_entity("signal", now, **_without(a))
    return Plan([draft], draft)


# -- perspectives, tensions, recommendations, evidence, claims ----------------------------------


def _register(entity: str) -> Planner:
    kind = ENTITIES[entity]

    def plan(s: Snapshot, a: Args, now: str) -> Plan:
        p = Problems()
        _dialogue(s)
        _round(p, s, a["round"])
        references = a["references"]
        for i, reference in enumerate(references):
            _entity(p, s, f"references[{i}].target", reference["target"])
        p.raise_first()
        seq = s.next_seq(entity, round=a["round"])
        source_id = addresses.display_id(entity, a["round"], min(seq, _MAX_SEQ))
        for i, reference in enumerate(references):
            wrong = ref_problem(source_id, reference["type"], reference["target"])
            if wrong:
                p.add(6, "invalid_ref_target", f"references[{i}].target", wrong)
        if seq > _MAX_SEQ:
            p.add(7, "limit_exceeded", "round", f"round {a['round']} holds {_MAX_SEQ} of this kind")
        p.raise_first()
        draft = new_entity(entity, now, seq=seq, **_without(a))
        drafts = [draft]
        if "create" in kind.writes_event_on:
            drafts.append(
                new_event(
                    entity,
                    source_id,
                    now,
                    event_type="created",
                    event_round=a["round"],
                    actors=a["contributors"],
                )
            )
        joined = dict.fromkeys((r["type"], r["target"]) for r in references)
        drafts += [new_ref(now, source_id, ref_type, target) for ref_type, target in joined]
        return Plan(drafts, draft)

    return plan


def _update_status(entity: str) -> Planner:
    with_event = "status change" in ENTITIES[entity].writes_event_on

    def plan(s: Snapshot, a: Args, now: str) -> Plan:
        p = Problems()
        _dialogue(s)
        if with_event:
            _round(p, s, a["event_round"], "event_round")
        found = _entity(p, s, "entity_id", a["entity_id"])
        verdict_id = a.get("verdict_id")
        if verdict_id is not None and s.find("verdict", verdict_id=verdict_id) is None:
            p.add(5, "entity_not_found", "verdict_id", "names no verdict of this dialogue")
        if a.get("result_id") is not None:
            _entity(p, s, "result_id", a["result_id"])
        record = _present(p, found)
        changes: dict[str, Any] = {"status": a["status"]}
        if verdict_id is not None:
            if a["status"] != "adopted":
                p.add(6, "invalid_field", "verdict_id", "belongs to the status adopted only")
            changes["adopted_in_verdict"] = verdict_id
        transition(p, record, a["status"])
        p.raise_first()
        draft = changed(record, now, **changes)
        if not with_event:
            return Plan([draft], draft)
        event = new_event(entity, a["entity_id"], now, event_type=a["status"], **event_fields(a))
        return Plan([draft, event], draft)

    return plan


def event_fields(a: Args) -> dict[str, Any]:
    return {
        name: a.get(name) for name in ("event_round", "actors", "reason", "reference", "result_id")
    }


def _comment_tension(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    _dialogue(s)
    _round(p, s, a["event_round"], "event_round")
    _entity(p, s, "entity_id", a["entity_id"])
    p.raise_first()
    event = new_event("tension", a["entity_id"], now, event_type="commented", **event_fields(a))
    return Plan([event], event)


# -- moves, refs, verdicts ----------------------------------------------------------------------


def _register_move(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    _dialogue(s)
    _round(p, s, a["round"])
    _expert(p, s, a["expert_slug"])
    if a["move_type"] not in ("request", "converge"):
        for i, target in enumerate(a["targets"]):
            _entity(p, s, f"targets[{i}]", target)
    p.raise_first()
    if a["move_type"] == "converge" and a["targets"]:
        p.add(6, "invalid_field", "targets", "a converge move has no targets")
    seq = s.next_seq("move", round=a["round"], expert_slug=a["expert_slug"])
    if seq > _MAX_SEQ:
        p.add(7, "limit_exceeded", "round", f"this expert made {_MAX_SEQ} moves in the round")
    p.raise_first()
    draft = new_entity("move", now, seq=seq, **_without(a))
    return Plan([draft], draft)


def _register_ref(s: Snapshot, a: Args, now: str) -> Plan | Repeat:
    p = Problems()
    _dialogue(s)
    _entity(p, s, "source_id", a["source_id"])
    _entity(p, s, "target_id", a["target_id"])
    p.raise_first()
    wrong = ref_problem(a["source_id"], a["ref_type"], a["target_id"])
    if wrong:
        p.add(6, "invalid_ref_target", "target_id", wrong)
    p.raise_first()
    identity = {name: a[name] for name in ENTITIES["ref"].identity}
    there = s.find("ref", **identity)
    if there is not None:
        return _repeat(there)
    draft = new_ref(now, **identity)
    return Plan([draft], draft)


def _register_verdict(s: Snapshot, a: Args, now: str) -> Plan:
    p = Problems()
    dialogue = _dialogue(s)
    _round(p, s, a["round"])
    for i, tension in enumerate(a["tensions_accepted"] or ()):
        _entity(p, s, f"tensions_accepted[{i}]", tension)
    p.raise_first()
    if s.find("verdict", verdict_id=a["verdict_id"]) is not None:
        p.add(7, "duplicate_entity", "verdict_id", "this verdict exists")
    final = a["verdict_type"] == "final"
    if final:
        transition(p, dialogue, "converged", "verdict_type")
    p.raise_first()
    draft = new_entity("verdict", now, **_without(a))
    drafts = [draft]
    if final:
        drafts.append(_with_status(dialogue, "converged", now))
    return Plan(drafts, draft)


def _without(a: Args, *names: str) -> dict[str, Any]:
    return {
        name: value
        for name, value in a.items()
        if name not in ("dialogue_id", "request_id", *names)
    }


PLANNERS: Mapping[str, Planner] = {
    "update_dialogue_status": _update_dialogue_status,
    "register_expert": _register_expert,
    "record_expert_response": _record_expert_response,
    "update_expert_score": _update_expert_score,
    "create_round": _create_round,
    "update_round_status": _update_round_status,
    "record_convergence_signal": _record_convergence_signal,
    "register_perspective": _register("perspective"),
    "register_tension": _register("tension"),
    "register_recommendation": _register("recommendation"),
    "register_evidence": _register("evidence"),
    "register_claim": _register("claim"),
    "update_perspective_status": _update_status("perspective"),
    "update_tension_status": _update_status("tension"),
    "update_recommendation_status": _update_status("recommendation"),
    "update_evidence_status": _update_status("evidence"),
    "update_claim_status": _update_status("claim"),
    "comment_tension": _comment_tension,
    "register_move": _register_move,
    "register_ref": _register_ref,
    "register_verdict": _register_verdict,
}
