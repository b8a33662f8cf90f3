"""Everything that can be wrong with one call of a write, each fault by itself: its group in STORE-14, its
code, the field that it is found in.

Most come from the types that ``methods.json`` gives the parameters; what only the state of a dialogue can
refuse is written down for each method. The faults are against a dialogue that :func:`ground` makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import ENTITIES, METHODS

from .builders import CORE_METHODS, KINDS, begin, register

__all__ = ["CALLS", "FAULTS", "REF_TYPES", "Fault", "at_once", "ground", "with_later"]

#: The types of refs.
REF_TYPES = ENTITIES["ref"].by_name["ref_type"].values


@dataclass(frozen=True)
class Fault:
    """One fault of a call: what is found of it, and the arguments that make it.

    ``alone``: nothing else of its group can be found beside it.
    """

    group: int
    code: str
    field: str
    given: Mapping[str, Any]
    alone: bool = False

    @property
    def finding(self) -> tuple[str, str]:
        return self.code, self.field

    def meets(self, other: Fault) -> bool:
        """Whether one call can have both."""
        return self.field != other.field and not (self.given.keys() & other.given.keys())

    def __str__(self) -> str:
        return f"{self.code} of {self.field}"


def ground(store: DialogueStore) -> None:
    """The dialogue ``tides``: rounds 0 and 9, an expert, two of every kind, a verdict; it is converged."""
    begin(store, "tides", rounds=[0, 9], experts=["muffin"])
    for kind in (*KINDS.values(), *KINDS.values()):
        register(store, kind, "tides", 0)
    store.register_verdict("tides", "v", "final", 0, "Wait", "For the tide.")


_NEW: Mapping[str, Any] = {"round": 0, "label": "l", "contributors": ["muffin"], "references": []}
_EVENT: Mapping[str, Any] = {
    "actors": ["judge"],
    "event_round": 0,
    "reason": "r",
    "reference": "log",
    "result_id": "C0002",
}

_GIVEN: Mapping[str, Mapping[str, Any]] = {
    "create_dialogue": {
        "dialogue_id": "ebb",
        "title": "t",
        "question": "q",
        "output_dir": "o",
        "background": {"subject": "s"},
        "calibrated": True,
        "domain_id": "sea",
        "ethos_id": "calm",
    },
    "update_dialogue_status": {"status": "open"},
    "register_expert": {
        "expert_slug": "pie",
        "role": "r",
        "tier": "Core",
        "source": "pool",
        "description": "d",
        "focus": "f",
        "relevance": 0.5,
        "creation_reason": "c",
        "color": "teal",
        "first_round": 0,
    },
    "record_expert_response": {"expert_slug": "muffin", "round": 0, "content": "c"},
    "update_expert_score": {"expert_slug": "muffin", "round": 0, "score": 1},
    "create_round": {"round": 1, "score": 1, "title": "t", "metrics": {"panel_size": 1}},
    "update_round_status": {"round": 0, "status": "in_progress", "summary": "s"},
    "record_convergence_signal": {"round": 0, "expert_slug": "muffin"},
    **{f"register_{kind}": {**_NEW, KINDS[kind].text: "c"} for kind in KINDS},
    "register_recommendation": {**_NEW, "content": "c", "parameters": {"a": 1}},
    "register_move": {
        "round": 0,
        "expert_slug": "muffin",
        "move_type": "defend",
        "targets": ["P0001"],
        "context": "c",
    },
    "register_ref": {
        "source_id": "P0001",
        "ref_type": "support",
        "target_id": "C0001",
        "source_type": None,
        "target_type": None,
    },
    "register_verdict": {
        "verdict_id": "w",
        "verdict_type": "interim",
        "round": 0,
        "recommendation": "r",
        "description": "d",
        "author_expert": "muffin",
        "conditions": ["c"],
        "vote": "2:1",
        "confidence": "split",
        "supporting_experts": ["muffin"],
        "tensions_accepted": ["T0001"],
        "ethos_compliance": {"fully_compliant": True, "exceptions": [], "violations": []},
    },
    "update_perspective_status": {"entity_id": "P0001", "status": "refined", **_EVENT},
    "update_tension_status": {"entity_id": "T0001", "status": "addressed", **_EVENT},
    "update_recommendation_status": {
        "entity_id": "R0001",
        "status": "adopted",
        "verdict_id": "v",
        **_EVENT,
    },
    "update_evidence_status": {"entity_id": "E0001", "status": "challenged"},
    "update_claim_status": {"entity_id": "C0001", "status": "supported"},
    "comment_tension": {
        "entity_id": "T0001",
        "actors": ["judge"],
        "event_round": 0,
        "reason": "r",
        "reference": "log",
    },
}

#: A valid call of each write of profile core, with every parameter that it has.
CALLS: Mapping[str, Mapping[str, Any]] = {
    name: {"dialogue_id": "tides", **given} for name, given in _GIVEN.items()
}

_WRITES = {name for name in CORE_METHODS if METHODS[name].kind == "write"}
if set(CALLS) != _WRITES:
    raise NotImplementedError(f"a whole call is wanted of {sorted(_WRITES ^ set(CALLS))}")


def _of_type(name: str, written: str, *, required: bool) -> Iterator[Fault]:
    """The faults of groups 1 to 3 that a parameter of a type can have."""
    wrong_type: Any = 5
    if written.startswith(("int", "number", "bool")):
        wrong_type = "five"
    yield Fault(1, "invalid_field", name, {name: wrong_type})
    if required:
        yield Fault(1, "missing_field", name, {name: None})
    if written == "text" and required:
        yield Fault(1, "missing_field", name, {name: ""})
    elif written in ("text", "list[text]"):
        text: Any = ["P0001", "\ud800"] if written == "list[text]" else "\ud800"
        where = f"{name}[1]" if written == "list[text]" else name
        yield Fault(1, "invalid_field", where, {name: text})
    elif written == "identifier":
        yield Fault(3, "invalid_identifier", name, {name: "a b"})
    elif written == "list[identifier]":
        yield Fault(1, "invalid_field", f"{name}[1]", {name: ["a", None]})
        yield Fault(3, "invalid_identifier", f"{name}[1]", {name: ["a", "a b"]})
    elif written == "display_id":
        yield Fault(3, "invalid_display_id", name, {name: "T0100"})
    elif written == "list[display_id]":
        yield Fault(3, "invalid_display_id", f"{name}[1]", {name: ["T0001", "x"]})
    elif written == "int 0..99":
        yield Fault(3, "invalid_round", name, {name: 100})
        yield Fault(3, "invalid_round", name, {name: -1})
    elif written == "ref.ref_type":
        yield Fault(2, "invalid_ref_type", name, {name: "likes"})
    elif written.startswith("P|R"):
        yield Fault(2, "invalid_entity_type", name, {name: "X"})
    elif "." in written and not written.startswith(("number", "int", "object")):
        yield Fault(2, "invalid_field", name, {name: "nothing of the kind"})
    elif written == "list[{type,target}]":
        yield Fault(1, "missing_field", f"{name}[0].type", {name: [{"target": "C0001"}]})
        for group, code, ref_type, target in (
            (2, "invalid_ref_type", "likes", "C0001"),
            (3, "invalid_display_id", "support", "C1"),
            (5, "entity_not_found", "support", "C0099"),
            (6, "invalid_ref_target", "address", "C0001"),
            (6, "invalid_ref_target", "resolve", "E0001"),
            (6, "invalid_ref_target", "reopen", "P0001"),
        ):
            field = f"{name}[0].{'type' if group == 2 else 'target'}"
            yield Fault(group, code, field, {name: [{"type": ref_type, "target": target}]})


def _of_state(method: str) -> Iterator[Fault]:
    """The faults of groups 4 to 7, those of references apart."""
    params = {param.name for param in METHODS[method].params}
    if method != "create_dialogue":
        given = {"dialogue_id": "nowhere"}
        yield Fault(5, "dialogue_not_found", "dialogue_id", given, alone=True)
    for name in ("round", "event_round"):
        if name in params and method != "create_round":
            yield Fault(5, "round_not_found", name, {name: 50})
    if "expert_slug" in params and method != "register_expert":
        yield Fault(5, "expert_not_found", "expert_slug", {"expert_slug": "nobody"})
    if "entity_id" in params:
        letter = CALLS[method]["entity_id"][0]
        other = "C0001" if letter != "C" else "E0001"
        yield Fault(4, "type_id_mismatch", "entity_id", {"entity_id": other})
        yield Fault(5, "entity_not_found", "entity_id", {"entity_id": f"{letter}0099"})
    if "result_id" in params:
        yield Fault(5, "entity_not_found", "result_id", {"result_id": "C0099"})
    yield from _STATE.get(method, ())


def _transition(**given: Any) -> Fault:
    return Fault(7, "invalid_status_transition", "status", given)


_STATE: Mapping[str, Sequence[Fault]] = {
    "create_dialogue": [Fault(7, "duplicate_entity", "dialogue_id", {"dialogue_id": "tides"})],
    "update_dialogue_status": [_transition(status="abandoned")],
    "register_expert": [Fault(7, "duplicate_entity", "expert_slug", {"expert_slug": "muffin"})],
    "update_expert_score": [],
    "create_round": [Fault(7, "duplicate_entity", "round", {"round": 0})],
    "update_round_status": [_transition(status="open")],
    "register_move": [
        Fault(3, "invalid_display_id", "targets[0]", {"targets": ["x"]}),
        Fault(5, "entity_not_found", "targets[1]", {"targets": ["P0001", "P0099"]}),
        Fault(6, "invalid_field", "targets", {"move_type": "converge", "targets": ["P0001"]}),
    ],
    "register_ref": [
        Fault(4, "type_id_mismatch", "source_type", {"source_type": "T"}),
        Fault(4, "type_id_mismatch", "target_type", {"target_type": "E"}),
        Fault(5, "entity_not_found", "source_id", {"source_id": "P0099"}),
        Fault(5, "entity_not_found", "target_id", {"target_id": "C0099"}),
        *(
            Fault(6, "invalid_ref_target", "target_id", given)
            for given in (
                {"ref_type": "address"},
                {"ref_type": "resolve"},
                {"ref_type": "reopen"},
                {"ref_type": "refine"},
                {"target_id": "P0001"},
            )
        ),
        *(
            Fault(
                6,
                "invalid_ref_target",
                "target_id",
                {"source_id": "T0001", "ref_type": ref_type, "target_id": "T0001"},
            )
            for ref_type in REF_TYPES
        ),
    ],
    "register_verdict": [
        Fault(4, "type_id_mismatch", "tensions_accepted[0]", {"tensions_accepted": ["P0001"]}),
        Fault(
            5,
            "entity_not_found",
            "tensions_accepted[1]",
            {"tensions_accepted": ["T0001", "T0099"]},
        ),
        Fault(7, "duplicate_entity", "verdict_id", {"verdict_id": "v"}),
        Fault(7, "invalid_status_transition", "verdict_type", {"verdict_type": "final"}),
    ],
    "update_perspective_status": [_transition(status="open")],
    "update_tension_status": [_transition(status="reopened")],
    "update_recommendation_status": [
        Fault(1, "missing_field", "verdict_id", {"status": "adopted", "verdict_id": None}),
        Fault(5, "entity_not_found", "verdict_id", {"verdict_id": "v-none"}),
        Fault(6, "invalid_field", "verdict_id", {"status": "amended"}),
        _transition(status="proposed", verdict_id=None),
    ],
    "update_evidence_status": [_transition(status="cited")],
    "update_claim_status": [_transition(status="asserted")],
}


def _faults(method: str) -> list[Fault]:
    params = METHODS[method].params
    of_types = [
        fault
        for param in params
        for fault in _of_type(param.name, param.type, required=param.required)
    ]
    return [*of_types, *_of_state(method)]


#: Method -> its faults; every one can be found by itself.
FAULTS: Mapping[str, Sequence[Fault]] = {method: _faults(method) for method in CALLS}


def _joined(method: str, faults: Sequence[Fault]) -> dict[str, Any]:
    """The call with all of these faults."""
    given = dict(CALLS[method])
    for fault in faults:
        given |= fault.given
    return given


def at_once(method: str) -> Iterator[tuple[list[Fault], dict[str, Any]]]:
    """Calls with as many faults of one group as can meet; each fault is in one of them at least."""
    for group in range(1, 8):
        faults = [fault for fault in FAULTS[method] if fault.group == group and not fault.alone]
        done: list[Fault] = []
        for first in faults:
            if first in done:
                continue
            together = [first]
            for fault in faults:
                if all(fault.meets(other) for other in together):
                    together.append(fault)
            done += together
            yield together, _joined(method, together)


def with_later(method: str) -> Iterator[tuple[Fault, dict[str, Any]]]:
    """Each fault beside as many of later groups as can meet it: it alone is found."""
    for first in FAULTS[method]:
        together = [first]
        for fault in FAULTS[method]:
            later = fault.group > first.group or (first.alone and fault.group >= first.group)
            if later and fault is not first and all(fault.meets(other) for other in together):
                together.append(fault)
        if len(together) > 1:
            yield first, _joined(method, together)
