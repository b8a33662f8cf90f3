"""What can be wrong with a call: patches for parameters, each with the code that it is meant to cause.

A patch is a wish: what a call really ends with is the model's word. Two faults at once show the order of
the groups of STORE-14.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reference_impl.contract.tables import ENTITIES, METHODS, Param

from .history import long_text
from .inputs import KINDS, LETTERS, Draw, joins, may_follow

__all__ = ["Used", "spoiled", "varied"]

#: How often which fault was in a call: (method, code, *parameters) -> times.
Used = Counter[tuple[str, ...]]

Params = dict[str, Any]
Fault = tuple[str, Params]

_TOO_LARGE: Final = long_text("x", 420_000)
_TOO_MANY_BYTES: Final = long_text("\u00e9", 210_000)
_LARGE: Final = long_text("large", 60_000)
_SURROGATE: Final = "half \ud800"
_NO_IDENTIFIER: Final = ("a#b", "-a", "", "é", "a/b", "a b", "x" * 97, "\uff41")
_NO_DISPLAY_ID: Final = ("P0100", "X0101", "p0101", "P101", "", "P+1-1", "\uff300101", "P010\uff11")
_NO_ROUND: Final = (100, -1, 12345)
_NO_INT: Final[tuple[Any, ...]] = ("1", 1.5, True, 2**53)
_ENUM_CODES: Final = {"ref.ref_type": "invalid_ref_type", "P|R|T|E|C": "invalid_entity_type"}
#: How much likelier a code is than the others: those that few methods or states can cause.
_WEIGHTS: Final = {
    "invalid_entity_type": 10,
    "invalid_ref_target": 4,
    "invalid_ref_type": 2,
    "limit_exceeded": 8,
    "type_id_mismatch": 2,
    "expert_not_found": 2,
    "duplicate_entity": 4,
    "invalid_status_transition": 4,
    "missing_field": 0.4,
    "invalid_field": 1,
    "invalid_identifier": 0.3,
    "dialogue_not_found": 0.3,
    "item_too_large": 0.6,
    "large": 0.3,
}
#: The groups of STORE-14 in which several findings may stand side by side.
_GROUPS: Final = {
    **dict.fromkeys(("missing_field", "invalid_field"), 1),
    **dict.fromkeys(("invalid_identifier", "invalid_display_id", "invalid_round"), 3),
    **dict.fromkeys(("round_not_found", "expert_not_found", "entity_not_found"), 5),
}


def spoiled(method: str, params: Params, draw: Draw, used: Used, *, most: int = 2) -> Params:
    """The call with one thing wrong, sometimes ``most``; as it was where nothing can be wrong.

    Of all that can be wrong it is what was so least often, as ``used`` tells, which it is added to.
    """
    out = dict(params)
    changed: dict[str, str] = {}  # parameter -> code
    for _ in range(most if draw.maybe(0.25) else 1):
        found = list(_faults(method, out, draw))
        if not found:
            break
        # A second finding of the same group, beside the first, or any other.
        groups = {_GROUPS.get(one) for one in changed.values()} - {None}
        more = [
            (c, p) for c, p in found if _GROUPS.get(c) in groups and not changed.keys() & p.keys()
        ]
        code, patch = _least_used(method, more if more and draw.maybe(0.6) else found, draw, used)
        out |= patch
        changed |= dict.fromkeys(patch, code)
    return out


def varied(method: str, params: Params, draw: Draw, used: Used) -> Params:
    """The call with one value that is allowed and seldom seen: a parameter named and unset, an empty text or
    list, a text that fills most of an item."""
    found = list(_variations(method, params))
    return {**params, **_least_used(method, found, draw, used)[1]} if found else params


def _variations(method: str, params: Params) -> Iterator[Fault]:
    writes = METHODS[method].kind == "write"
    for param in METHODS[method].params:
        if not param.required:
            yield "unset", {param.name: None}
        if param.type == "text" and writes:
            yield "large", {param.name: _LARGE}
            if not param.required:
                yield "empty", {param.name: ""}
        if param.type.startswith("list[") and param.type != "list[note]" and params.get(param.name):
            yield "empty", {param.name: []}


def _least_used(method: str, found: Sequence[Fault], draw: Draw, used: Used) -> Fault:
    """One of those that were met least often for their weight."""

    def turns(fault: Fault) -> float:
        return used[(method, fault[0], *sorted(fault[1]))] / _WEIGHTS.get(fault[0], 1)

    least = min(map(turns, found))
    code, patch = draw.one([fault for fault in found if turns(fault) == least])
    used[(method, code, *sorted(patch))] += 1
    return code, patch


def _faults(method: str, params: Params, draw: Draw) -> Iterator[Fault]:
    for param in METHODS[method].params:
        yield from _by_type(method, param, draw)
        given = params.get(param.name)
        if param.type == "identifier" and isinstance(given, str):
            yield (
                "invalid_identifier",
                {param.name: draw.one((f" {given}", f"{given} ", f"{given}\n"))},
            )
    if method != "create_dialogue":
        yield "dialogue_not_found", {"dialogue_id": draw.one(("nowhere", "tid-e", "TIDE"))}
    yield from _by_state(method, params, draw)


def _by_type(method: str, param: Param, draw: Draw) -> Iterator[Fault]:
    name, type_ = param.name, param.type
    if param.required and type_ != "text":
        yield "missing_field", {name: None}
    if type_ == "identifier":
        yield "invalid_identifier", {name: draw.one(_NO_IDENTIFIER)}
        yield "invalid_field", {name: draw.one((7, ["a"], True))}
    elif type_ == "text":
        if param.required:
            yield "missing_field", {name: draw.one((None, ""))}
        yield "invalid_field", {name: draw.one((7, _SURROGATE, _SURROGATE, ["text"]))}
    elif type_ == "display_id":
        yield "invalid_display_id", {name: draw.one(_NO_DISPLAY_ID)}
        yield "entity_not_found", {name: _absent(draw, _letter_of(method, draw))}
    elif type_ == "int 0..99":
        yield "invalid_round", {name: draw.one(_NO_ROUND)}
        yield "invalid_field", {name: draw.one(_NO_INT)}
    elif type_ == "int":
        yield "invalid_field", {name: draw.one(_NO_INT)}
        yield "invalid_field", {name: 2**53 - 1}  # fine itself, perhaps not the total
    elif type_ == "number 0..1":
        yield "invalid_field", {name: draw.one((1.5, -0.1, 0.1234567, "0.5", True))}
    elif type_ == "bool":
        yield "invalid_field", {name: draw.one((1, "yes"))}
    elif type_ == "list[note]":
        return  # of a later profile
    elif type_.startswith("list["):
        yield "invalid_field", {name: draw.one(("no list", 7, [7], [None]))}
        yield from _elements(name, type_, draw)
    elif type_.startswith(("object", "map[")):
        yield "invalid_field", {name: draw.one((7, "no object", ["a"], {"mood": -1}))}
        if type_ == "object":
            yield "invalid_field", {name: {"deep": _nested(64), "wide": [2**53, _SURROGATE]}}
    elif _is_enum(param):
        yield _ENUM_CODES.get(type_, "invalid_field"), {name: draw.one(("sideways", "", "Open"))}


def _is_enum(param: Param) -> bool:
    return "|" in param.type or param.type.partition(".")[0] in ENTITIES


def _elements(name: str, type_: str, draw: Draw) -> Iterator[Fault]:
    if type_ == "list[identifier]":
        yield "invalid_identifier", {name: ["muffin", draw.one(_NO_IDENTIFIER)]}
    elif type_ == "list[display_id]":
        yield "invalid_display_id", {name: [draw.one(_NO_DISPLAY_ID)]}
        yield "entity_not_found", {name: [_absent(draw, "T")]}
        yield "type_id_mismatch", {name: ["P0101"]}
    elif type_ == "list[{type,target}]":
        for code, ref_type, target in (
            ("invalid_ref_type", "likes", "P0101"),
            ("invalid_display_id", "support", draw.one(_NO_DISPLAY_ID)),
            ("entity_not_found", "support", _absent(draw, draw.one("PTREC"))),
        ):
            yield code, {name: [{"type": ref_type, "target": target}]}
        yield "missing_field", {name: [{"type": "support"}]}
        yield "invalid_field", {name: [{"type": "support", "target": "P0101", "why": "so"}]}


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def _absent(draw: Draw, letter: str) -> str:
    return f"{letter}{draw.one(('9998', '0099'))}"


def _letter_of(method: str, draw: Draw) -> str:
    for letter, kind in LETTERS.items():
        if method == f"update_{kind}_status":
            return letter
    return "T" if method == "comment_tension" else draw.one("PTREC")


def _by_state(method: str, params: Params, draw: Draw) -> Iterator[Fault]:
    """What only the dialogue's present state makes wrong."""
    types = {param.name: param.type for param in METHODS[method].params}
    if method == "register_round":
        yield from _whole_round(params, draw)
        return
    absent = [number for number in (40, 41, 99) if number not in draw.rounds()]
    for name in ("round", "event_round"):
        if name in types and method not in ("create_round", "get_convergence_signals"):
            yield "round_not_found", {name: draw.one(absent)}
    if "expert_slug" in types and method != "register_expert":
        yield "expert_not_found", {"expert_slug": draw.one(("nobody", "MUFFIN"))}
    for name in ("content", "description", "role", "title", "recommendation", "summary", "reason"):
        if name in types and METHODS[method].kind == "write":
            yield "item_too_large", {name: draw.one((_TOO_LARGE, _TOO_MANY_BYTES))}
    yield from _twice(method, draw)
    yield from _status(method, draw)
    yield from _letters(method, types, params, draw)
    if method == "register_move":
        for slug, number in draw.busy():
            yield "limit_exceeded", {"expert_slug": slug, "round": number}
    for kind, number in draw.full():
        if method == f"register_{kind}":
            yield "limit_exceeded", {"round": number}


def _twice(method: str, draw: Draw) -> Iterator[Fault]:
    there = draw.partition
    if method == "create_dialogue" and draw.taken:
        yield "duplicate_entity", {"dialogue_id": draw.one(sorted(draw.taken))}
    if method == "register_expert" and there.experts:
        yield "duplicate_entity", {"expert_slug": draw.slug()}
    if method == "create_round" and there.rounds:
        yield "duplicate_entity", {"round": draw.round()}
    if method == "register_verdict" and there.verdicts:
        yield "duplicate_entity", {"verdict_id": draw.one(there.verdicts)["verdict_id"]}


def _status(method: str, draw: Draw) -> Iterator[Fault]:
    there = draw.partition
    if method == "update_dialogue_status":
        status = there.dialogue["status"]
        yield "invalid_status_transition", {"status": _refused("dialogue", status, draw)}
    if method == "update_round_status" and there.rounds:
        entity = draw.one(there.rounds)
        status = _refused("round", entity["status"], draw)
        yield "invalid_status_transition", {"round": entity["round"], "status": status}
    for kind in KINDS:
        if method == f"update_{kind}_status" and there.of_kind(kind):
            entity = draw.one(there.of_kind(kind))
            status = _refused(kind, entity["status"], draw)
            patch: Params = {"entity_id": entity["display_id"], "status": status}
            if status == "adopted" and kind == "recommendation" and there.verdicts:
                patch["verdict_id"] = there.verdicts[0]["verdict_id"]
            yield "invalid_status_transition", patch
    if method == "register_verdict" and not may_follow("dialogue", there.dialogue["status"]):
        yield "invalid_status_transition", {"verdict_type": "final"}
    if method == "update_recommendation_status":
        yield "missing_field", {"status": "adopted", "verdict_id": None}
        yield "entity_not_found", {"status": "adopted", "verdict_id": "v-none"}
        yield "invalid_field", {"status": "amended", "verdict_id": "v-none"}


def _refused(entity: str, status: str, draw: Draw) -> str:
    allowed = may_follow(entity, status)
    values = ENTITIES[entity].by_name["status"].values
    return draw.one([value for value in values if value not in allowed])


def _letters(method: str, types: Mapping[str, str], params: Params, draw: Draw) -> Iterator[Fault]:
    """Ids of another type, and refs that may not be."""
    ids = draw.ids()
    if not ids:
        return
    kind = LETTERS[_letter_of(method, draw)]
    others = [name for name in ids if LETTERS[name[0]] != kind]
    if "entity_id" in types and method != "get_events" and others:
        yield "type_id_mismatch", {"entity_id": draw.one(others)}
    if method == "register_ref":
        source = draw.one(ids)
        yield "invalid_ref_target", {"source_id": source, "target_id": source}
        wrong = _forbidden(LETTERS[source[0]], ids, draw)
        yield from (("invalid_ref_target", {"source_id": source, **one}) for one in wrong)
        letter = draw.one([one for one in "PTREC" if one != str(params["source_id"])[:1]])
        yield "type_id_mismatch", {"source_type": letter}
    if "references" in types:
        for one in _forbidden(method.removeprefix("register_"), ids, draw):
            reference = {"type": one["ref_type"], "target": one["target_id"]}
            yield "invalid_ref_target", {"references": [reference]}
    if method == "register_move":
        yield "invalid_field", {"move_type": "converge", "targets": [draw.one(ids)]}
        yield "entity_not_found", {"move_type": "defend", "targets": [_absent(draw, "P")]}
        yield "invalid_display_id", {"move_type": "bridge", "targets": ["a chart"]}


def _forbidden(kind: str, ids: list[str], draw: Draw) -> list[dict[str, str]]:
    target = draw.one(ids)
    allowed = joins(kind, LETTERS[target[0]])
    types = [one for one in ("refine", "address", "resolve", "reopen") if one not in allowed]
    return [{"ref_type": draw.one(types), "target_id": target}] if types else []


def _whole_round(params: Params, draw: Draw) -> Iterator[Fault]:
    """Anything wrong is a finding (STORE-13)."""
    entry = {"label": "In short", "content": "Said.", "contributors": ["muffin"]}
    wrong: list[Params] = [
        {"claims": [{**entry, "label": ""}, {**entry, "mood": "calm"}]},
        {"claims": [entry] * 100},
        {"evidence": [{**entry, "references": [{"type": "refine", "target": "P0001"}]}]},
        {"evidence": [{**entry, "local_id": "a"}, {**entry, "local_id": "a"}]},
        {"perspectives": [{**entry, "references": [{"type": "support", "target": "nobody"}]}]},
        {"moves": [{"expert_slug": "nobody", "move_type": "sing", "targets": ["P9999"]}]},
        {"refs": [{"source": "P0001", "ref_type": "likes", "target": "P0001"}]},
        {"status_updates": [{"entity_id": "P9999", "status": "merged"}]},
        {"signals": ["nobody", "a#b"]},
        {"expert_scores": {"nobody": 1, "a#b": "x"}, "responses": {"nobody": ""}},
        {"claims": [{**entry, "content": _TOO_LARGE}], "title": 7, "score": 2**53},
    ]
    if draw.partition.rounds:
        wrong.append({"round": draw.round()})
    wrong.append({"round": 100, "claims": params.get("claims") or [entry]})
    for patch in wrong:
        yield "validation_failed", patch
