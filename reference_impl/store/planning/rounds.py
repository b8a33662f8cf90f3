"""``register_round``: a whole round in one piece, with local ids, every finding reported (STORE-13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...contract import addresses, timestamps
from ...contract.entities import RoundRegistration
from ...contract.errors import one_of, validation_failed
from ...contract.items import canonical_json
from ...contract.tables import ENTITIES, METHODS, Param
from ..snapshot import Record, Snapshot
from .parameters import (
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
from .sizes import size_as_stored, too_large
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
_OWN = ("dialogue_id", "round", "score", "title", "summary", "metrics")
_MAX_EACH = 99
_MAX_REFS = 999
_MAX_BYTES = 64 * 1024 * 1024
_OF_EVENT = ("actors", "event_round", "reason", "reference", "result_id")
_REF_TYPES = ENTITIES["ref"].by_name["ref_type"].values

Args = Mapping[str, Any]


def validated_round(given: Args) -> tuple[dict[str, Any], Problems]:
    """Groups 1 to 4 over the whole: the parameters, normalised, and every finding there is.

    A value that was refused is ``BAD``, an entry that is no object None; where there is any, the call is
    no request that could be remembered.
    """
    p = Problems()
    out: dict[str, Any] = {}
    for param in METHODS["register_round"].params:
        if param.name in _OWN:
            out[param.name] = check_param(p, param, given.get(param.name))
    lists = {kind: _sequence(p, kind, given.get(kind)) for kind in KINDS}
    locals_ = _local_ids(p, lists)
    for kind, entries in lists.items():
        method = f"register_{_ENTITY[kind]}"
        out[kind] = [
            _entry(p, f"{kind}[{i}]", entry, method, locals_) for i, entry in enumerate(entries)
        ]
    out["moves"] = [
        _move(p, f"moves[{i}]", entry, locals_)
        for i, entry in enumerate(_sequence(p, "moves", given.get("moves")))
    ]
    out["refs"] = [
        _ref(p, f"refs[{i}]", entry, locals_)
        for i, entry in enumerate(_sequence(p, "refs", given.get("refs")))
    ]
    out["status_updates"] = [
        _update(p, f"status_updates[{i}]", entry, locals_, out["round"])
        for i, entry in enumerate(_sequence(p, "status_updates", given.get("status_updates")))
    ]
    out["expert_scores"] = _by_slug(p, "expert_scores", given.get("expert_scores"), check_int)
    out["responses"] = _by_slug(p, "responses", given.get("responses"), _filled_text)
    out["signals"] = [
        check_identifier(p, f"signals[{i}]", slug)
        for i, slug in enumerate(_sequence(p, "signals", given.get("signals")))
    ]
    request_id = given.get("request_id")
    if request_id is not None:
        request_id = check_identifier(p, "request_id", request_id)
    if not p.groups:
        out["request_id"] = request_id
        if len(canonical_json(out)) > _MAX_BYTES:
            p.add(7, "limit_exceeded", "round", "a round takes at most 64 MiB", limit=_MAX_BYTES)
    return out, p


def _sequence(p: Problems, where: str, value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        p.add(1, "invalid_field", where, "must be a list")
        return ()
    return value


def _local_ids(p: Problems, lists: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Local id -> entity, for every good one that is declared."""
    declared: dict[str, str] = {}
    for kind, entries in lists.items():
        for i, entry in enumerate(entries):
            if not isinstance(entry, Mapping) or entry.get("local_id") is None:
                continue
            where = f"{kind}[{i}].local_id"
            name = check_identifier(p, where, entry["local_id"])
            if name is BAD:
                continue
            if addresses.is_display_id(name):
                p.add(3, "invalid_identifier", where, "looks like a display id")
            else:
                declared.setdefault(name, _ENTITY[kind])
    return declared


def _id(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    """A display id, or a local id of this call."""
    if isinstance(value, str) and value in locals_:
        return value
    return check_display_id(p, where, value)


def _entry(
    p: Problems, where: str, entry: Any, method: str, locals_: Mapping[str, str]
) -> dict[str, Any] | None:
    """One entity: the parameters of its own method but the round, and its local id."""
    params = [m for m in METHODS[method].params if m.name not in ("dialogue_id", "round")]
    members = check_members(p, where, entry, [*(param.name for param in params), "local_id"])
    if members is None:
        return None
    out = {} if members.get("local_id") is None else {"local_id": members["local_id"]}
    for param in params:
        path, value = f"{where}.{param.name}", members.get(param.name)
        if param.name == "references":
            out["references"] = [
                _reference(p, f"{path}[{i}]", reference, locals_)
                for i, reference in enumerate(_sequence(p, path, value))
            ]
        elif param.required or value is not None:
            named = Param(path, param.type, param.required, param.default)
            out[param.name] = check_param(p, named, value)
    return out


def _reference(p: Problems, where: str, value: Any, locals_: Mapping[str, str]) -> Any:
    members = check_members(p, where, value, ("type", "target"))
    if members is None:
        return {"type": BAD, "target": BAD}
    return {
        "type": _ref_type(p, f"{where}.type", members.get("type")),
        "target": _needed_id(p, f"{where}.target", members.get("target"), locals_),
    }


def _move(p: Problems, where: str, entry: Any, locals_: Mapping[str, str]) -> Any:
    """One move; what the targets of a move of no known type must be, nobody can say."""
    params = [m for m in METHODS["register_move"].params if m.name not in ("dialogue_id", "round")]
    members = check_members(p, where, entry, [param.name for param in params])
    if members is None:
        return None
    out = {}
    for param in params:
        named = Param(f"{where}.{param.name}", param.type, param.required, param.default)
        out[param.name] = check_param(p, named, members.get(param.name))
    if out["targets"] is BAD:
        out["targets"] = []
    if out["context"] is None:
        del out["context"]
    if out["move_type"] is not BAD and out["move_type"] not in ("request", "converge"):
        out["targets"] = [
            BAD if target is BAD else _id(p, f"{where}.targets[{i}]", target, locals_)
            for i, target in enumerate(out["targets"])
        ]
    return out


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
        what = f"must be one of {one_of(_REF_TYPES)}"
        return p.add(2, "invalid_ref_type", where, what, allowed=list(_REF_TYPES))
    return text


def _update(p: Problems, where: str, value: Any, locals_: Mapping[str, str], number: Any) -> Any:
    """A status update: the parameters of ``update_*_status`` of the entity that it names. Without actors
    it has none, without an ``event_round`` it is this round's."""
    members = check_members(p, where, value, ("entity_id", "status", *_OF_EVENT, "verdict_id"))
    if members is None:
        return None
    out: dict[str, Any] = {
        "entity_id": _needed_id(p, f"{where}.entity_id", members.get("entity_id"), locals_)
    }
    entity = _entity_of(out["entity_id"], locals_)
    out["status"] = _status(p, f"{where}.status", members.get("status"), entity)
    taken: tuple[str, ...] = (*_OF_EVENT, "verdict_id")
    if entity is not None:
        taken = tuple(param.name for param in METHODS[f"update_{entity}_status"].params)
    if "actors" in taken:
        out.update(actors=[], event_round=number)
    for name in (*_OF_EVENT, "verdict_id"):
        member, path = members.get(name), f"{where}.{name}"
        if member is None:
            continue
        if name not in taken:
            out[name] = p.add(1, "invalid_field", path, f"is nothing that a {entity} takes")
        elif name == "actors":
            out[name] = [
                check_text(p, f"{path}[{i}]", actor)
                for i, actor in enumerate(_sequence(p, path, member))
            ]
        elif name == "event_round":
            out[name] = check_round(p, path, member)
        elif name == "result_id":
            out[name] = _id(p, path, member, locals_)
        elif name == "verdict_id":
            out[name] = check_identifier(p, path, member)
        else:
            out[name] = check_text(p, path, member)
    if entity == "recommendation" and out["status"] == "adopted" and "verdict_id" not in out:
        p.add(1, "missing_field", f"{where}.verdict_id", "adopted needs the verdict's id")
    return out


def _status(p: Problems, where: str, value: Any, entity: str | None) -> Any:
    if value is None:
        return p.add(1, "missing_field", where, "a value is required")
    if entity is None:
        return check_text(p, where, value)
    return check_param(p, Param(where, f"{entity}.status", True, None), value)


def _entity_of(entity_id: Any, locals_: Mapping[str, str]) -> str | None:
    if not isinstance(entity_id, str):
        return None
    if entity_id in locals_:
        return locals_[entity_id]
    return addresses.parse_display_id(entity_id)[0]


def _filled_text(p: Problems, where: str, value: Any) -> Any:
    return check_text(p, where, value, filled=True)


def _by_slug(
    p: Problems, where: str, value: Any, check: Callable[[Problems, str, Any], Any]
) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        p.add(1, "invalid_field", where, "must be an object")
        return {}
    out = {}
    for number, (slug, member) in enumerate(value.items()):
        # what is no slug is not repeated: it may be anything
        path = f"{where}.{slug}" if addresses.is_identifier(slug) else f"{where}[{number}]"
        name = check_identifier(p, path, slug)
        if member is None:
            checked = p.add(1, "missing_field", path, "a value is required")
        else:
            checked = check(p, path, member)
        if name is not BAD:
            out[name] = checked
    return out


# -- the plan -------------------------------------------------------------------------------------


@dataclass
class _Draftsman:
    """The round as it takes shape: drafts by sort key, so that several changes of one item are one.

    What gets no number (the round is bad, or the hundredth of its kind) stands in ``made`` only, under an
    id that nothing else has, for the findings about it.
    """

    s: Snapshot
    now: str
    p: Problems
    drafts: dict[str, Draft] = field(default_factory=dict)
    made: dict[str, Draft] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    times: list[str] = field(default_factory=list)
    #: sort key -> the path that is to blame where the item becomes too large
    paths: dict[str, str] = field(default_factory=dict)

    def put(self, draft: Draft, path: str) -> None:
        self.drafts[draft.sk] = draft
        self.paths[draft.sk] = path

    def find(self, display_id: str) -> Record | Draft | None:
        """An entity of this call, or one that was there."""
        if not addresses.is_display_id(display_id):
            return self.made.get(display_id)
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

    def change(self, found: Record | Draft, path: str, **fields: Any) -> None:
        """Change an entity of this call or one that was there."""
        if isinstance(found, Record):
            self.put(changed(found, self.now, **fields), path)
            return
        draft = Draft(found.kind, {**found.fields, **fields}, found.old)
        for display_id, other in self.made.items():
            if other is found:
                self.made[display_id] = draft
                return
        self.put(draft, path if draft.old is not None else self.paths[draft.sk])

    def event(self, path: str, entity: str, display_id: str, **fields: Any) -> None:
        """An event; a further one of the same entity is a microsecond later (ADDR-09)."""
        when = self.now
        for _ in range(self.events[display_id]):
            when = timestamps.after(when)
        self.events[display_id] += 1
        self.times.append(when)
        self.counts["events"] += 1
        self.put(new_event(entity, display_id, when, **fields), path)


def plan_round(s: Snapshot, a: Args, now: str, found: Problems) -> Plan:
    """Everything that one round writes, or ``validation_failed`` with all findings, ``found`` among
    them."""
    d = _Draftsman(s, now, Problems({group: list(those) for group, those in found.groups.items()}))
    number = None if a["round"] is BAD else a["round"]
    _round_and_dialogue(d, a, number)
    _entities(d, a, number)
    _moves(d, a, number)
    _refs(d, a)
    _updates(d, a, number)
    _experts(d, a, number)
    if number is not None:
        _measure(d)
    problems = [problem for group in sorted(d.p.groups) for problem in d.p.groups[group]]
    if problems:
        raise validation_failed(problems)
    counts = {kind: d.counts[kind] for kind in _COUNTED}
    ids = dict(d.ids)
    return Plan(
        list(d.drafts.values()),
        lambda revision: lambda _: RoundRegistration(a["round"], dict(ids), dict(counts), revision),
        d.times,
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


def _round_and_dialogue(d: _Draftsman, a: Args, number: int | None) -> None:
    dialogue = d.s.records["meta"]
    changes: dict[str, Any] = {}
    if a["score"] is not BAD:
        total = changes["total_alignment"] = dialogue.fields["total_alignment"] + a["score"]
        safe_total(d.p, "score", total)
    if number is None:
        return
    if d.s.find("round", round=number) is not None:
        d.p.add(7, "duplicate_entity", "round", f"round {number} exists")
    metrics = a["metrics"] if isinstance(a["metrics"], dict) else {}
    given = {name: a[name] for name in ("round", "score", "title", "summary")}
    d.put(new_entity("round", d.now, **given, **metrics), "round")
    rounds = max(dialogue.fields["total_rounds"], number + 1)
    d.put(changed(dialogue, d.now, total_rounds=rounds, **changes), "score")


def _entities(d: _Draftsman, a: Args, number: int | None) -> None:
    made: list[tuple[str, dict[str, Any], str, str]] = []
    for kind in KINDS:
        entity = _ENTITY[kind]
        if len(a[kind]) > _MAX_EACH:
            what = f"a round holds {_MAX_EACH} of this kind"
            d.p.add(7, "limit_exceeded", kind, what, limit=_MAX_EACH)
        first = 1 if number is None else d.s.next_seq(entity, round=number)
        for i, entry in enumerate(a[kind]):
            if entry is not None:
                where = f"{kind}[{i}]"
                display_id = _new_entity(d, entry, entity, where, number, first + i)
                made.append((where, entry, entity, display_id))
                d.counts[kind] += 1
    for where, entry, entity, display_id in made:
        _finish_entity(d, where, entry, entity, display_id, number)


def _new_entity(
    d: _Draftsman, entry: Args, entity: str, where: str, number: int | None, seq: int
) -> str:
    """A new entity without its references; its display id."""
    fields = {
        name: value for name, value in entry.items() if name not in ("local_id", "references")
    }
    draft = new_entity(entity, d.now, round=number, seq=seq, **fields)
    if number is None or seq > _MAX_EACH:
        display_id = f"{ENTITIES[entity].display_letter} of {where}"
        d.made[display_id] = draft
    else:
        display_id = addresses.display_id(entity, number, seq)
        d.put(draft, where)
    local_id = entry.get("local_id")
    is_good = addresses.is_identifier(local_id) and not addresses.is_display_id(local_id)
    if is_good and d.ids.setdefault(str(local_id), display_id) != display_id:
        d.p.add(7, "duplicate_entity", f"{where}.local_id", "names another entity of this call")
    return display_id


def _finish_entity(
    d: _Draftsman,
    where: str,
    entry: Args,
    entity: str,
    display_id: str,
    number: int | None,
) -> None:
    """References and the event of a new entity, once every id is known."""
    references = []
    for i, reference in enumerate(entry["references"]):
        path = f"{where}.references[{i}].target"
        target = d.resolve(reference["target"])
        references.append({"type": reference["type"], "target": target})
        if d.needs(path, reference["target"]) and reference["type"] is not BAD:
            _join(d, path, display_id, reference["type"], target)
    found = d.find(display_id)
    if found is not None:
        d.change(found, where, references=references)
    if "create" in ENTITIES[entity].writes_event_on:
        actors = entry["contributors"]
        d.event(where, entity, display_id, event_type="created", event_round=number, actors=actors)


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
    d.put(draft, where)


def _moves(d: _Draftsman, a: Args, number: int | None) -> None:
    if len(a["moves"]) > _MAX_EACH:
        what = f"a round takes {_MAX_EACH} moves at once"
        d.p.add(7, "limit_exceeded", "moves", what, limit=_MAX_EACH)
    seqs: Counter[str] = Counter()
    for i, move in enumerate(a["moves"]):
        if move is None:
            continue
        where = f"moves[{i}]"
        found = d.expert(f"{where}.expert_slug", move["expert_slug"])
        if move["move_type"] == "converge" and move["targets"]:
            d.p.add(6, "invalid_field", f"{where}.targets", "a converge move has no targets")
        elif move["move_type"] not in (BAD, "request", "converge"):
            for k, target in enumerate(move["targets"]):
                d.needs(f"{where}.targets[{k}]", target)
        if found is None or number is None:
            continue
        slug = move["expert_slug"]
        seqs[slug] += 1
        seq = d.s.next_seq("move", round=number, expert_slug=slug) + seqs[slug] - 1
        fields = {**move, "targets": [d.resolve(target) for target in move["targets"]]}
        d.put(new_entity("move", d.now, round=number, seq=seq, **fields), where)
        d.counts["moves"] += 1


def _refs(d: _Draftsman, a: Args) -> None:
    if len(a["refs"]) > _MAX_REFS:
        what = f"a round takes {_MAX_REFS} refs at once"
        d.p.add(7, "limit_exceeded", "refs", what, limit=_MAX_REFS)
    for i, ref in enumerate(a["refs"]):
        if ref is None:
            continue
        both = [d.needs(f"refs[{i}].{side}", ref[side]) for side in ("source", "target")]
        if all(both) and ref["ref_type"] is not BAD:
            source, target = d.resolve(ref["source"]), d.resolve(ref["target"])
            _join(d, f"refs[{i}].target", source, ref["ref_type"], target)


def _updates(d: _Draftsman, a: Args, number: int | None) -> None:
    for i, update in enumerate(a["status_updates"]):
        if update is not None:
            _change_status(d, update, f"status_updates[{i}]", number)


def _change_status(d: _Draftsman, update: Args, where: str, number: int | None) -> None:
    """One change, after those before it; a refused one changes nothing."""
    event_round = update.get("event_round")
    if (
        isinstance(event_round, int)
        and number not in (None, event_round)
        and d.s.find("round", round=event_round) is None
    ):
        what = f"there is no round {event_round}"
        d.p.add(5, "round_not_found", f"{where}.event_round", what)
    verdict_id, status = update.get("verdict_id"), update["status"]
    if isinstance(verdict_id, str):
        if d.s.find("verdict", verdict_id=verdict_id) is None:
            d.p.add(5, "entity_not_found", f"{where}.verdict_id", "names no verdict")
        elif status not in (BAD, "adopted") and update["entity_id"] is not BAD:
            what = "belongs to the status adopted only"
            d.p.add(6, "invalid_field", f"{where}.verdict_id", what)
    if update.get("result_id") is not None:
        d.needs(f"{where}.result_id", update["result_id"])
    if not d.needs(f"{where}.entity_id", update["entity_id"]) or status is BAD:
        return
    display_id = d.resolve(update["entity_id"])
    found = d.find(display_id)
    if found is None or not transition(d.p, found, status, f"{where}.status"):
        return
    changes = {"status": status}
    if status == "adopted" and isinstance(verdict_id, str):
        changes["adopted_in_verdict"] = verdict_id
    d.change(found, where, **changes)
    d.counts["status_updates"] += 1
    if "status change" in found.kind.writes_event_on:
        fields = event_fields({**update, "result_id": d.resolve(update.get("result_id"))})
        d.event(where, found.kind.entity, display_id, event_type=status, **fields)


def _experts(d: _Draftsman, a: Args, number: int | None) -> None:
    key = "" if number is None else f"{number:02d}"
    for slug, score in a["expert_scores"].items():
        path = f"expert_scores.{slug}"
        found = None if score is BAD else d.expert(path, slug)
        if found is not None:
            scores = {**found.fields["scores"], key: score}
            safe_total(d.p, path, sum(scores.values()))
            d.change(found, path, scores=scores, total_score=sum(scores.values()))
            d.counts["expert_scores"] += 1
    for slug, text in a["responses"].items():
        path = f"responses.{slug}"
        found = None if text is BAD else d.expert(path, slug)
        if found is not None:
            d.change(found, path, raw_content={**found.fields["raw_content"], key: text})
            d.counts["responses"] += 1
    for i, slug in enumerate(a["signals"]):
        if d.expert(f"signals[{i}]", slug) is None or number is None:
            continue
        draft = new_entity("signal", d.now, round=number, expert_slug=slug)
        if draft.sk not in d.drafts:
            d.counts["signals"] += 1
            d.put(draft, f"signals[{i}]")


def _measure(d: _Draftsman) -> None:
    """STORE-15, with the other findings: items as they would be stored, but for the ciphertext's bytes."""
    bad = {problem.field for found in d.p.groups.values() for problem in found}
    key_id = d.s.deks[max(d.s.deks)].key_id
    for sk, draft in d.drafts.items():
        path = d.paths[sk]
        if not draft.kind.has_envelope or _is_bad(draft, path, bad):
            continue
        size = size_as_stored(d.s.dialogue_id, draft, key_id)
        if (problem := too_large(path, size)) is not None:
            d.p.groups.setdefault(7, []).append(problem)


def _is_bad(draft: Draft, path: str, bad: set[str]) -> bool:
    """Whether something was found for a value that the item holds. (What an expert's item holds was
    applied only where it was good.)"""
    if draft.kind.entity == "expert" or not bad:
        return False
    paths = ("score", "title", "summary", "metrics") if path == "round" else (path,)
    return any(
        problem == one or problem.startswith((f"{one}.", f"{one}["))
        for one in paths
        for problem in bad
    )
