"""``register_round``: a whole round in one piece, with local ids, every finding reported (STORE-13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .contract import addresses, timestamps
from .contract.entities import RoundRegistration
from .contract.errors import Problem, one_of, validation_failed
from .contract.items import canonical_json
from .contract.tables import ENTITIES, METHODS, Param
from .snapshot import Record, Snapshot
from .validation import (
    BAD,
    Problems,
    check_display_id,
    check_identifier,
    check_int,
    check_members,
    check_param,
    check_round,
    check_text,
)
from .writes import (
    Draft,
    Plan,
    changed,
    event_fields,
    new_entity,
    new_event,
    new_ref,
    ref_problem,
    safe_total,
    transition,
)

__all__ = ["plan_round", "validated_round"]

KINDS = ("perspectives", "tensions", "recommendations", "evidence", "claims")
_ENTITY = {
    "perspectives": "perspective",
    "tensions": "tension",
    "recommendations": "recommendation",
    "evidence": "evidence",
    "claims": "claim",
}
_MAX_EACH = 99
_MAX_REFS = 999
_MAX_BYTES = 64 * 1024 * 1024
_UPDATE = ("entity_id", "status", "actors", "event_round", "reason", "reference", "result_id")
_REF_TYPES = ENTITIES["ref"].by_name["ref_type"].values

Args = Mapping[str, Any]


def validated_round(given: Args) -> tuple[dict[str, Any], list[Problem]]:
    """Groups 1 to 4 over the whole: the parameters, normalised, and every finding there is."""
    p = Problems()
    out: dict[str, Any] = {}
    method = METHODS["register_round"]
    for param in method.params:
        if param.name in ("dialogue_id", "round", "score", "title", "summary", "metrics"):
            out[param.name] = check_param(p, param, given.get(param.name))
    locals_ = _local_ids(p, given)
    for kind in KINDS:
        out[kind] = [
            _entry(p, f"{kind}[{i}]", entry, f"register_{_ENTITY[kind]}", locals_)
            for i, entry in enumerate(_sequence(p, kind, given.get(kind)))
        ]
    out["moves"] = [
        _entry(p, f"moves[{i}]", entry, "register_move", locals_)
        for i, entry in enumerate(_sequence(p, "moves", given.get("moves")))
    ]
    out["refs"] = [
        _ref(p, f"refs[{i}]", entry, locals_)
        for i, entry in enumerate(_sequence(p, "refs", given.get("refs")))
    ]
    out["status_updates"] = [
        _update(p, f"status_updates[{i}]", entry, locals_)
        for i, entry in enumerate(_sequence(p, "status_updates", given.get("status_updates")))
    ]
    out["expert_scores"] = _by_slug(p, "expert_scores", given.get("expert_scores"))
    out["responses"] = _by_slug(p, "responses", given.get("responses"))
    out["signals"] = [
        check_identifier(p, f"signals[{i}]", slug)
        for i, slug in enumerate(_sequence(p, "signals", given.get("signals")))
    ]
    if given.get("request_id") is not None:
        out["request_id"] = check_identifier(p, "request_id", given["request_id"])
    found = [problem for group in sorted(p.groups) for problem in p.groups[group]]
    if not found and len(canonical_json(out)) > _MAX_BYTES:
        found.append(Problem("limit_exceeded", "round", "a round takes at most 64 MiB"))
    if out["dialogue_id"] is BAD:
        raise validation_failed(found)
    return out, found


def _sequence(p: Problems, where: str, value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        p.add(1, "invalid_field", where, "must be a list")
        return ()
    return value


def _local_ids(p: Problems, given: Args) -> dict[str, str]:
    """Local id -> entity, for every one that is declared."""
    declared: dict[str, str] = {}
    for kind in KINDS:
        for i, entry in enumerate(_sequence(Problems(), kind, given.get(kind))):
            if not isinstance(entry, Mapping) or entry.get("local_id") is None:
                continue
            where = f"{kind}[{i}].local_id"
            name = check_identifier(p, where, entry["local_id"])
            if name is BAD:
                continue
            if addresses.is_display_id(name):
                p.add(3, "invalid_identifier", where, "looks like a display id")
            elif name in declared:
                p.add(7, "duplicate_entity", where, "names another entity of this call")
            else:
                declared[name] = _ENTITY[kind]
    return declared


def _id(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    """A display id, or a local id of this call."""
    if isinstance(value, str) and value in locals_:
        return value
    return check_display_id(p, where, value)


def _entry(
    p: Problems, where: str, entry: Any, method: str, locals_: Mapping[str, str]
) -> dict[str, Any] | None:
    """One entity or move: the parameters of its own method but the round."""
    params = [m for m in METHODS[method].params if m.name not in ("dialogue_id", "round")]
    names = [param.name for param in params]
    known = names if method == "register_move" else [*names, "local_id"]
    members = check_members(p, where, entry, known)
    if members is None:
        return None
    out: dict[str, Any] = {"local_id": members.get("local_id")} if "local_id" in known else {}
    for param in params:
        path, value = f"{where}.{param.name}", members.get(param.name)
        if param.name == "references":
            out["references"] = [
                _reference(p, f"{path}[{i}]", reference, locals_)
                for i, reference in enumerate(_sequence(p, path, value))
            ]
        else:
            named = Param(path, param.type, param.required, param.default)
            out[param.name] = check_param(p, named, value)
    if method == "register_move" and out["move_type"] not in ("request", "converge"):
        targets = out["targets"] if isinstance(out["targets"], list) else []
        out["targets"] = [
            BAD if target is BAD else _id(p, f"{where}.targets[{i}]", target, locals_)
            for i, target in enumerate(targets)
        ]
    return out


def _reference(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    members = check_members(p, where, value, ("type", "target"))
    if members is None:
        return None
    return {
        "type": _ref_type(p, f"{where}.type", members.get("type")),
        "target": _needed_id(p, f"{where}.target", members.get("target"), locals_),
    }


def _ref(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    members = check_members(p, where, value, ("source", "ref_type", "target"))
    if members is None:
        return None
    return {
        "source": _needed_id(p, f"{where}.source", members.get("source"), locals_),
        "ref_type": _ref_type(p, f"{where}.ref_type", members.get("ref_type")),
        "target": _needed_id(p, f"{where}.target", members.get("target"), locals_),
    }


def _needed_id(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    if value is None:
        return p.add(1, "missing_field", where, "a value is required")
    return _id(p, where, value, locals_)


def _ref_type(p: Problems, where: str, value: Any) -> Any:
    if value is None:
        return p.add(1, "missing_field", where, "a value is required")
    text = check_text(p, where, value)
    if text is not BAD and text not in _REF_TYPES:
        return p.add(2, "invalid_ref_type", where, f"must be one of {one_of(_REF_TYPES)}")
    return text


def _update(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    """A status update: the parameters of ``update_*_status`` of the entity that it names."""
    members = check_members(p, where, value, (*_UPDATE, "verdict_id"))
    if members is None:
        return None
    out: dict[str, Any] = {
        "entity_id": _needed_id(p, f"{where}.entity_id", members.get("entity_id"), locals_),
        "status": members.get("status"),
        "actors": [
            check_text(p, f"{where}.actors[{i}]", actor)
            for i, actor in enumerate(_sequence(p, f"{where}.actors", members.get("actors")))
        ],
        "event_round": None,
        "reason": None,
        "reference": None,
        "result_id": None,
        "verdict_id": None,
    }
    if out["status"] is None:
        out["status"] = p.add(1, "missing_field", f"{where}.status", "a value is required")
    if members.get("event_round") is not None:
        out["event_round"] = check_round(p, f"{where}.event_round", members["event_round"])
    for name in ("reason", "reference"):
        if members.get(name) is not None:
            out[name] = check_text(p, f"{where}.{name}", members[name])
    if members.get("result_id") is not None:
        out["result_id"] = _id(p, f"{where}.result_id", members["result_id"], locals_)
    if members.get("verdict_id") is not None:
        out["verdict_id"] = check_identifier(p, f"{where}.verdict_id", members["verdict_id"])
    entity = _entity_of(out["entity_id"], locals_)
    if entity is not None and out["status"] is not BAD:
        status = check_text(p, f"{where}.status", out["status"])
        allowed = ENTITIES[entity].by_name["status"].values
        if status is not BAD and status not in allowed:
            status = p.add(
                2,
                "invalid_field",
                f"{where}.status",
                f"must be one of {one_of(allowed)}",
                allowed=list(allowed),
            )
        out["status"] = status
    if out["status"] == "adopted" and entity == "recommendation" and out["verdict_id"] is None:
        p.add(1, "missing_field", f"{where}.verdict_id", "adopted needs the verdict's id")
    return out


def _entity_of(entity_id: Any, locals_: Mapping[str, str]) -> str | None:
    if not isinstance(entity_id, str):
        return None
    if entity_id in locals_:
        return locals_[entity_id]
    return addresses.parse_display_id(entity_id)[0]


def _by_slug(p: Problems, where: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        p.add(1, "invalid_field", where, "must be an object")
        return {}
    out = {}
    for number, (slug, member) in enumerate(value.items()):
        path = f"{where}.{slug}" if addresses.is_identifier(slug) else f"{where}[{number}]"
        name = check_identifier(p, path, slug)
        if where == "expert_scores":
            checked = check_int(p, path, member)
        elif member is None or member == "":
            checked = p.add(1, "missing_field", path, "a value is required")
        else:
            checked = check_text(p, path, member)
        if name is not BAD:
            out[name] = checked
    return out


# -- the plan -------------------------------------------------------------------------------------


@dataclass
class _Draftsman:
    """The round as it takes shape: drafts by sort key, so that several changes of one item are one."""

    s: Snapshot
    now: str
    p: Problems = field(default_factory=Problems)
    drafts: dict[str, Draft] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    times: list[str] = field(default_factory=list)

    def put(self, draft: Draft) -> None:
        self.drafts[draft.sk] = draft

    def find(self, display_id: str) -> Record | Draft | None:
        """An entity of this call, or one that was there."""
        entity, number, seq = addresses.parse_display_id(display_id)
        sk = addresses.sort_key(entity, round=number, seq=seq)
        return self.drafts.get(sk) or self.s.records.get(sk)

    def resolve(self, some_id: Any) -> Any:
        """The display id behind a local one."""
        return self.ids.get(some_id, some_id) if isinstance(some_id, str) else some_id

    def needs(self, where: str, some_id: Any) -> bool:
        """Whether an id (display or local) is good and names something; a finding if it names nothing."""
        if some_id is BAD:
            return False
        if self.find(self.resolve(some_id)) is None:
            self.p.add(5, "entity_not_found", where, "names nothing in this dialogue or call")
            return False
        return True

    def expert(self, where: str, slug: Any) -> Record | Draft | None:
        if slug is BAD:
            return None
        sk = addresses.sort_key("expert", expert_slug=slug)
        found = self.drafts.get(sk) or self.s.records.get(sk)
        if found is None:
            self.p.add(5, "expert_not_found", where, f"there is no expert {slug}")
        return found

    def change(self, found: Record | Draft, **fields: Any) -> None:
        """Change an entity of this call or one that was there."""
        if isinstance(found, Record):
            self.put(changed(found, self.now, **fields))
        else:
            self.put(Draft(found.kind, {**found.fields, **fields}, found.old))

    def event(self, entity: str, display_id: str, **fields: Any) -> None:
        """An event; a further one of the same entity is a microsecond later (ADDR-09)."""
        when = self.now
        for _ in range(self.events[display_id]):
            when = timestamps.after(when)
        self.events[display_id] += 1
        self.times.append(when)
        self.counts["events"] += 1
        self.put(new_event(entity, display_id, when, **fields))


def plan_round(s: Snapshot, a: Args, now: str, found: Sequence[Problem]) -> Plan:
    """Everything that one round writes, or ``validation_failed`` with all findings, ``found`` first."""
    d = _Draftsman(s, now)
    number = a["round"]
    _round_and_dialogue(d, a)
    if number is not BAD:
        _entities(d, a, number)
        _moves(d, a, number)
        _refs(d, a)
        _updates(d, a, number)
        _experts(d, a, number)
    problems = [*found, *(problem for g in sorted(d.p.groups) for problem in d.p.groups[g])]
    if problems:
        raise validation_failed(problems)
    counts = {kind: d.counts[kind] for kind in _COUNTED}
    ids = dict(d.ids)
    return Plan(
        list(d.drafts.values()),
        lambda revision: lambda _: RoundRegistration(number, dict(ids), dict(counts), revision),
        d.times,
        is_batch=True,
    )


_COUNTED = (
    *KINDS,
    "moves",
    "refs",
    "events",
    "status_updates",
    "expert_scores",
    "responses",
    "signals",
)


def _round_and_dialogue(d: _Draftsman, a: Args) -> None:
    dialogue = d.s.records["meta"]
    if a["round"] is BAD or a["score"] is BAD:
        return
    total = dialogue.fields["total_alignment"] + a["score"]
    safe_total(d.p, "score", total)
    if d.s.find("round", round=a["round"]) is not None:
        d.p.add(7, "duplicate_entity", "round", f"round {a['round']} exists")
    metrics = a["metrics"] if isinstance(a["metrics"], dict) else {}
    given = {name: a[name] for name in ("round", "score", "title", "summary")}
    d.put(new_entity("round", d.now, **given, **metrics))
    rounds = max(dialogue.fields["total_rounds"], a["round"] + 1)
    d.put(changed(dialogue, d.now, total_rounds=rounds, total_alignment=total))


def _entities(d: _Draftsman, a: Args, number: int) -> None:
    made: list[tuple[str, dict[str, Any], str, str]] = []
    for kind in KINDS:
        entity = _ENTITY[kind]
        if len(a[kind]) > _MAX_EACH:
            d.p.add(7, "limit_exceeded", kind, f"a round holds {_MAX_EACH} of this kind")
        for i, entry in enumerate(a[kind][:_MAX_EACH]):
            if entry is None:
                continue
            display_id = addresses.display_id(entity, number, i + 1)
            if isinstance(entry.get("local_id"), str):
                d.ids.setdefault(entry["local_id"], display_id)
            fields = {
                name: value
                for name, value in entry.items()
                if name not in ("local_id", "references")
            }
            d.put(new_entity(entity, d.now, round=number, seq=i + 1, **fields))
            made.append((f"{kind}[{i}]", entry, entity, display_id))
            d.counts[kind] += 1
    for where, entry, entity, display_id in made:
        _finish_entity(d, where, entry, entity, display_id, number)


def _finish_entity(
    d: _Draftsman, where: str, entry: dict[str, Any], entity: str, display_id: str, number: int
) -> None:
    """References and the event of a new entity, once every id is known."""
    references = []
    for i, reference in enumerate(entry["references"]):
        if reference is None:
            continue
        path = f"{where}.references[{i}].target"
        target = d.resolve(reference["target"])
        references.append({"type": reference["type"], "target": target})
        if d.needs(path, reference["target"]) and reference["type"] is not BAD:
            _join(d, path, display_id, reference["type"], target)
    found = d.find(display_id)
    if found is not None:
        d.change(found, references=references)
    if "create" in ENTITIES[entity].writes_event_on:
        d.event(
            entity,
            display_id,
            event_type="created",
            event_round=number,
            actors=entry["contributors"],
        )


def _join(d: _Draftsman, where: str, source: str, ref_type: str, target: str) -> None:
    """A ref item, once."""
    wrong = ref_problem(source, ref_type, target)
    if wrong is not None:
        d.p.add(6, "invalid_ref_target", where, wrong)
        return
    draft = new_ref(d.now, source, ref_type, target)
    if draft.sk in d.s.records or draft.sk in d.drafts:
        return
    d.counts["refs"] += 1
    d.put(draft)


def _moves(d: _Draftsman, a: Args, number: int) -> None:
    if len(a["moves"]) > _MAX_EACH:
        d.p.add(7, "limit_exceeded", "moves", f"a round takes {_MAX_EACH} moves at once")
    seqs: Counter[str] = Counter()
    for i, move in enumerate(a["moves"]):
        if move is None:
            continue
        where = f"moves[{i}]"
        found = d.expert(f"{where}.expert_slug", move["expert_slug"])
        targets = move["targets"] if isinstance(move["targets"], list) else []
        if move["move_type"] == "converge" and targets:
            d.p.add(6, "invalid_field", f"{where}.targets", "a converge move has no targets")
        elif move["move_type"] not in ("request", "converge"):
            for k, target in enumerate(targets):
                d.needs(f"{where}.targets[{k}]", target)
        if found is None:
            continue
        slug = move["expert_slug"]
        seqs[slug] += 1
        seq = d.s.next_seq("move", round=number, expert_slug=slug) + seqs[slug] - 1
        fields = {**move, "targets": [d.resolve(target) for target in targets]}
        if move["move_type"] == "request":
            fields["targets"] = list(targets)
        d.put(new_entity("move", d.now, round=number, seq=seq, **fields))
        d.counts["moves"] += 1


def _refs(d: _Draftsman, a: Args) -> None:
    if len(a["refs"]) > _MAX_REFS:
        d.p.add(7, "limit_exceeded", "refs", f"a round takes {_MAX_REFS} refs at once")
    for i, ref in enumerate(a["refs"][:_MAX_REFS]):
        if ref is None:
            continue
        both = [d.needs(f"refs[{i}].{side}", ref[side]) for side in ("source", "target")]
        if all(both) and ref["ref_type"] is not BAD:
            _join(
                d,
                f"refs[{i}].target",
                d.resolve(ref["source"]),
                ref["ref_type"],
                d.resolve(ref["target"]),
            )


def _updates(d: _Draftsman, a: Args, number: int) -> None:
    for i, update in enumerate(a["status_updates"]):
        if update is None:
            continue
        where = f"status_updates[{i}]"
        event_round = number if update["event_round"] is None else update["event_round"]
        if (
            event_round is not BAD
            and event_round != number
            and d.s.find("round", round=event_round) is None
        ):
            what = f"there is no round {event_round}"
            d.p.add(5, "round_not_found", f"{where}.event_round", what)
        verdict_id = update["verdict_id"]
        if isinstance(verdict_id, str) and d.s.find("verdict", verdict_id=verdict_id) is None:
            d.p.add(5, "entity_not_found", f"{where}.verdict_id", "names no verdict")
        if update["result_id"] is not None:
            d.needs(f"{where}.result_id", update["result_id"])
        if not d.needs(f"{where}.entity_id", update["entity_id"]) or update["status"] is BAD:
            continue
        display_id = d.resolve(update["entity_id"])
        found = d.find(display_id)
        if found is None:
            continue
        entity = found.kind.entity
        changes: dict[str, Any] = {"status": update["status"]}
        if verdict_id is not None:
            if entity != "recommendation" or update["status"] != "adopted":
                what = "belongs to an adopted recommendation only"
                d.p.add(6, "invalid_field", f"{where}.verdict_id", what)
            changes["adopted_in_verdict"] = verdict_id
        transition(d.p, found, update["status"], f"{where}.status")
        d.change(found, **changes)
        d.counts["status_updates"] += 1
        if "status change" in found.kind.writes_event_on:
            fields = {**update, "event_round": event_round}
            fields["result_id"] = d.resolve(update["result_id"])
            d.event(entity, display_id, event_type=update["status"], **event_fields(fields))


def _experts(d: _Draftsman, a: Args, number: int) -> None:
    key = f"{number:02d}"
    for slug, score in a["expert_scores"].items():
        found = d.expert(f"expert_scores.{slug}", slug)
        if found is not None and score is not BAD:
            scores = {**found.fields["scores"], key: score}
            safe_total(d.p, f"expert_scores.{slug}", sum(scores.values()))
            d.change(found, scores=scores, total_score=sum(scores.values()))
            d.counts["expert_scores"] += 1
    for slug, text in a["responses"].items():
        found = d.expert(f"responses.{slug}", slug)
        if found is not None:
            d.change(found, raw_content={**found.fields["raw_content"], key: text})
            d.counts["responses"] += 1
    for i, slug in enumerate(a["signals"]):
        if d.expert(f"signals[{i}]", slug) is None:
            continue
        draft = new_entity("signal", d.now, round=number, expert_slug=slug)
        if draft.sk not in d.drafts:
            d.counts["signals"] += 1
            d.put(draft)
