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

#: How often which fault was in a call: (method, code, *parameters) -> times, and with the variant.
Used = Counter[tuple[str, ...]]

Params = dict[str, Any]
#: What it is meant to cause, the patch, and which of several of its kind it is, where the patch does not say.
Fault = tuple[str, Params] | tuple[str, Params, str]

_TOO_LARGE: Final = long_text("x", 420_000)
_TOO_MANY_BYTES: Final = long_text("\u00e9", 210_000)
_LARGE: Final = long_text("large", 60_000)
_SURROGATE: Final = "half \ud800"
_NO_IDENTIFIER: Final = ("a#b", "-a", "", "é", "a/b", "a b", "x" * 97, "\uff41")
_NO_DISPLAY_ID: Final = ("P0100", "X0101", "p0101", "P101", "", "P+1-1", "\uff300101", "P010\uff11")
_FULL_WIDTH: Final = {ord("0") + n: 0xFF10 + n for n in range(10)}
_NO_ROUND: Final = (100, -1, 12345)
_NO_INT: Final[tuple[Any, ...]] = (True, 2**53, 1.5, "1")
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
    "invalid_status_transition": 1.5,
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
            one
            for one in found
            if _GROUPS.get(one[0]) in groups and not changed.keys() & one[1].keys()
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


def _least_used(method: str, found: Sequence[Fault], draw: Draw, used: Used) -> tuple[str, Params]:
    """One of those that were met least often for their weight: first the kind, then the variant of it."""

    def kind(fault: Fault) -> tuple[str, ...]:
        by_variant = fault[2:] if fault[0] == "invalid_status_transition" else ()
        return (method, fault[0], *sorted(fault[1]), *by_variant)

    def turns(fault: Fault) -> float:
        return used[kind(fault)] / _WEIGHTS.get(fault[0], 1)

    least = min(map(turns, found))
    chosen = draw.one(sorted({kind(fault) for fault in found if turns(fault) == least}))
    variants = {(*chosen, "", _variant(one)): one for one in found if kind(one) == chosen}
    # The first of them: what is most easily taken for right comes first.
    name = min(variants, key=lambda name: used[name])
    used[chosen] += 1
    used[name] += 1
    return variants[name][0], variants[name][1]


def _variant(fault: Fault) -> str:
    return fault[2] if len(fault) > 2 else repr(sorted(fault[1].items()))[:200]


def _each(code: str, name: str, values: Sequence[Any]) -> Iterator[Fault]:
    """A fault for each of some values of a parameter."""
    for number, value in enumerate(values):
        yield code, {name: value}, str(number)


def _faults(method: str, params: Params, draw: Draw) -> Iterator[Fault]:
    for param in METHODS[method].params:
        yield from _by_type(method, param, draw)
        given = params.get(param.name)
        near: tuple[str, ...] = ()
        if param.type == "identifier":
            if isinstance(given, str):
                near = (f" {given}", f"{given} ", f"{given}\n")
            yield from _each("invalid_identifier", param.name, (*near, *_NO_IDENTIFIER))
        elif param.type == "display_id":
            if isinstance(given, str):
                near = (given.lower(), given[:1] + given[1:].translate(_FULL_WIDTH), f"{given} ")
            yield from _each("invalid_display_id", param.name, (*near, *_NO_DISPLAY_ID))
    if method != "create_dialogue":
        yield from _each("dialogue_not_found", "dialogue_id", ("nowhere", "tid-e", "TIDE"))
    yield from _by_state(method, params, draw)


def _by_type(method: str, param: Param, draw: Draw) -> Iterator[Fault]:
    name, type_ = param.name, param.type
    if param.required and type_ != "text":
        yield "missing_field", {name: None}
    if type_ == "identifier":
        yield from _each("invalid_field", name, (7, ["a"], True))
    elif type_ == "text":
        if param.required:
            yield from _each("missing_field", name, (None, ""))
        yield from _each("invalid_field", name, (_SURROGATE, 7, ["text"]))
    elif type_ == "display_id":
        yield "entity_not_found", {name: _absent(draw, _letter_of(method, draw))}
    elif type_ == "int 0..99":
        yield from _each("invalid_round", name, _NO_ROUND)
        yield from _each("invalid_field", name, _NO_INT)
    elif type_ == "int":
        # The last is fine itself, perhaps not the total.
        yield from _each("invalid_field", name, (*_NO_INT, 2**53 - 1))
    elif type_ == "number 0..1":
        yield from _each("invalid_field", name, (0.1234567, True, 1.5, "0.5", -0.1))
    elif type_ == "bool":
        yield from _each("invalid_field", name, (1, "yes"))
    elif type_ == "list[note]":
        return  # of a later profile
    elif type_.startswith("list["):
        yield from _each("invalid_field", name, ("text", [7], [None], 7))
        yield from _elements(name, type_, draw)
    elif type_.startswith(("object", "map[")):
        wrong: list[Any] = [7, "no object", ["a"], {"mood": -1}]
        if type_ == "object":
            wrong = [*wrong[:3], {"deep": _nested(64)}, {"wide": [2**53]}, {_SURROGATE: _SURROGATE}]
        yield from _each("invalid_field", name, wrong)
    elif _is_enum(param):
        code = _ENUM_CODES.get(type_, "invalid_field")
        yield from _each(code, name, ("Open", "", "sideways"))


def _is_enum(param: Param) -> bool:
    return "|" in param.type or param.type.partition(".")[0] in ENTITIES


def _elements(name: str, type_: str, draw: Draw) -> Iterator[Fault]:
    if type_ == "list[identifier]":
        yield from _each("invalid_identifier", name, [["muffin", one] for one in _NO_IDENTIFIER])
    elif type_ == "list[display_id]":
        yield from _each("invalid_display_id", name, [[one] for one in _NO_DISPLAY_ID])
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
            yield from _each("round_not_found", name, absent)
    if "expert_slug" in types and method != "register_expert":
        yield from _each("expert_not_found", "expert_slug", ("nobody", "MUFFIN"))
    for name in ("content", "description", "role", "title", "recommendation", "summary", "reason"):
        if name in types and METHODS[method].kind == "write":
            yield from _each("item_too_large", name, (_TOO_LARGE, _TOO_MANY_BYTES))
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
        yield from _refused("dialogue", {}, there.dialogue["status"])
    if method == "update_round_status":
        for status, entity in _one_of_each_status(there.rounds):
            yield from _refused("round", {"round": entity["round"]}, status)
    for kind in KINDS:
        if method == f"update_{kind}_status":
            for status, entity in _one_of_each_status(there.of_kind(kind)):
                named: Params = {"entity_id": entity["display_id"]}
                if kind == "recommendation" and there.verdicts:
                    named["verdict_id"] = there.verdicts[0]["verdict_id"]
                yield from _refused(kind, named, status)
    if method == "register_verdict" and not may_follow("dialogue", there.dialogue["status"]):
        status = there.dialogue["status"]
        yield "invalid_status_transition", {"verdict_type": "final"}, f"final when {status}"
    if method == "update_recommendation_status":
        yield "missing_field", {"status": "adopted", "verdict_id": None}
        yield "entity_not_found", {"status": "adopted", "verdict_id": "v-none"}
        yield "invalid_field", {"status": "amended", "verdict_id": "v-none"}


def _one_of_each_status(there: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    return list({entity["status"]: entity for entity in there}.items())


def _refused(entity: str, named: Params, status: str) -> Iterator[Fault]:
    """Every change of a status that is not allowed."""
    for value in ENTITIES[entity].by_name["status"].values:
        if value not in may_follow(entity, status):
            # A verdict belongs to one status alone.
            given = {n: v for n, v in named.items() if n != "verdict_id" or value == "adopted"}
            yield (
                "invalid_status_transition",
                {**given, "status": value},
                f"{status} to {value}",
            )


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
    return [{"ref_type": one, "target_id": target} for one in types]


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
