"""Stories to begin from: dialogues, one valid call of every method, whole partitions and what changed.

Nothing here needs a result of the store: identities are known beforehand (the second perspective of round
1 is ``P0102``), so that a store that answers nothing fails in the test's own assertion, never in here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import DialoguePartition, plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import ENTITIES, METHODS

__all__ = [
    "CORE_METHODS",
    "KINDS",
    "PARTITION_LISTS",
    "Kind",
    "as_json",
    "begin",
    "call",
    "calls",
    "changes",
    "code_of",
    "codes",
    "everything",
    "everything_in",
    "listed",
    "partition",
    "populate",
    "register",
    "set_status",
    "shown",
    "walk",
    "without",
]

#: The methods of profile core, by name.
CORE_METHODS = [name for name, method in METHODS.items() if method.profile == "core"]


@dataclass(frozen=True)
class Kind:
    """One of the five kinds of entity with a display id, and its methods."""

    entity: str
    letter: str
    plural: str  # the list of load_partition, and get_{plural}
    text: str  # the parameter of its long text
    with_events: bool

    def id(self, round: int, seq: int) -> str:
        return f"{self.letter}{round:02d}{seq:02d}"

    def __str__(self) -> str:
        return self.entity


def _kinds() -> Iterator[tuple[str, Kind]]:
    plurals = {"evidence": "evidence"}
    for entity, kind in ENTITIES.items():
        if kind.display_letter:
            yield (
                entity,
                Kind(
                    entity,
                    kind.display_letter,
                    plurals.get(entity, f"{entity}s"),
                    "description" if entity == "tension" else "content",
                    bool(kind.writes_event_on),
                ),
            )


#: perspective, tension, recommendation, evidence, claim.
KINDS: Mapping[str, Kind] = dict(_kinds())

#: The lists of a partition as load_partition gives them.
PARTITION_LISTS = [
    f.name for f in fields(DialoguePartition) if f.name not in ("dialogue", "revision", "findings")
]


# -- looking at results ------------------------------------------------------------------------------


def shown(result: object) -> dict[str, Any]:
    """A result as a JSON object; fails where it is none."""
    value = plain(result)
    assert isinstance(value, dict), f"expected an entity, got {value!r}"
    return value


def listed(result: object) -> list[dict[str, Any]]:
    """A result as a list of JSON objects; fails where it is none."""
    value = plain(result)
    assert isinstance(value, list), f"expected a list, got {value!r}"
    return value


def partition(store: DialogueStore, dialogue_id: str) -> dict[str, Any]:
    """The whole partition, its revision included, as one JSON object.

    Where there is no ``load_partition`` yet, what the other reads give: a case about another method needs
    no more.
    """
    try:
        return shown(store.load_partition(dialogue_id))
    except NotImplementedError as missing:
        return _Gathered(store, dialogue_id, missing)


class _Gathered(dict[str, Any]):
    """A partition as the other reads show it; it has no revision."""

    def __init__(
        self, store: DialogueStore, dialogue_id: str, missing: NotImplementedError
    ) -> None:
        super().__init__(dialogue=shown(store.get_dialogue(dialogue_id)), findings=[])
        for name in PARTITION_LISTS:
            read = "get_convergence_signals" if name == "signals" else f"get_{name}"
            self[name] = listed(getattr(store, read)(dialogue_id))
        self._missing = missing

    def __missing__(self, name: str) -> Any:
        raise self._missing


def as_json(value: object) -> str:
    """JSON text in which 1, 1.0 and true differ, for comparisons that Python would let pass."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False)


def without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object but for some members."""
    return {name: member for name, member in value.items() if name not in names}


def everything(store: DialogueStore, dialogue_id: str) -> dict[str, Any]:
    """What every read of the contract returns for a dialogue."""
    out: dict[str, Any] = {"load_partition": partition(store, dialogue_id)}
    for name in CORE_METHODS:
        method = METHODS[name]
        if method.kind == "read" and [p.name for p in method.params if p.required] == [
            "dialogue_id"
        ]:
            out[name] = plain(getattr(store, name)(dialogue_id))
    return out


def everything_in(whole: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`everything` must be where ``whole`` is the partition."""
    other = {"get_dialogue": "dialogue", "get_convergence_signals": "signals"}
    out = {f"get_{name}": whole[name] for name in PARTITION_LISTS if name != "signals"}
    return {"load_partition": whole, **out, **{name: whole[key] for name, key in other.items()}}


# -- errors as data ----------------------------------------------------------------------------------


def code_of(attempt: Callable[[], object]) -> str | None:
    """The code of the error that a call ends with; None where it succeeds.

    An exception outside the contract is given by its class, so that a table shows it.
    """
    try:
        attempt()
    except DialogueStoreError as refused:
        return refused.code
    except NotImplementedError:  # a method that is not there is told once, and not in each table
        raise
    except Exception as stray:  # noqa: BLE001 - whatever it is, the table must show it
        return f"{type(stray).__name__} is no error of the contract"
    return None


def codes(attempts: Mapping[str, Callable[[], object]]) -> dict[str, str | None]:
    """:func:`code_of` for a whole table.

    Its cells share no identity: what an accepted call has taken is asked for under a new one, so that one
    wrong answer does not change the next.
    """
    found: dict[str, str | None] = {}
    for number, (name, attempt) in enumerate(attempts.items()):
        found[name] = code_of(attempt)
        if found[name] == "duplicate_entity" and None in found.values():
            found[name] = code_of(_under_another_identity(attempt, number))
    return found


#: The parameter that a method's caller names the new thing by.
_NAMED_BY = {
    "create_dialogue": "dialogue_id",
    "create_round": "round",
    "register_expert": "expert_slug",
    "register_verdict": "verdict_id",
}


def _under_another_identity(attempt: Callable[[], object], number: int) -> Callable[[], object]:
    """The same call for something new; the call as it is where it is not known what it makes."""
    if not isinstance(attempt, partial):
        return attempt
    method = getattr(attempt.func, "__name__", "")
    name = _NAMED_BY.get(method)
    if name is None:
        return attempt
    order = [parameter.name for parameter in METHODS[method].params]
    given = {**dict(zip(order, attempt.args, strict=False)), **attempt.keywords}
    taken = given[name]
    given[name] = 98 - number % 50 if name == "round" else f"{taken}-{number}"
    return partial(attempt.func, **given)


# -- what a write changed ----------------------------------------------------------------------------

_IDENTITY = {
    "experts": ("expert_slug",),
    "rounds": ("round",),
    "verdicts": ("verdict_id",),
    "moves": ("round", "expert_slug", "seq"),
    "refs": ("source_id", "ref_type", "target_id"),
    "events": ("entity_id", "timestamp"),
    "signals": ("round", "expert_slug"),
}


def _by_identity(whole: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {"dialogue": whole["dialogue"]}
    for name in PARTITION_LISTS:
        identity = _IDENTITY.get(name, ("display_id",))
        count: dict[str, int] = {}
        for member in whole[name]:
            key = " ".join(str(member[part]) for part in identity)
            if name == "events":  # by entity and running number: times differ from run to run
                owner = member["entity_id"]
                count[owner] = count.get(owner, 0) + 1
                key = f"{owner} {count[owner]}"
            found[f"{name} {key}"] = member
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """What differs between two partitions: ``+events T0101 2``, ``tensions T0101: status``, ``-…``.

    The revision is left out.
    """
    old, new = _by_identity(before), _by_identity(after)
    out = {f"+{name}" for name in new.keys() - old.keys()}
    out |= {f"-{name}" for name in old.keys() - new.keys()}
    for name in old.keys() & new.keys():
        if as_json(old[name]) == as_json(new[name]):
            continue
        members = old[name].keys() | new[name].keys()
        out |= {
            f"{name}: {member}"
            for member in members
            if as_json(old[name].get(member)) != as_json(new[name].get(member))
            or (member in old[name]) != (member in new[name])
        }
    return out


# -- dialogues ---------------------------------------------------------------------------------------


def begin(
    store: DialogueStore,
    dialogue_id: str,
    *,
    rounds: Iterable[int] = (0,),
    experts: Iterable[str] = (),
) -> None:
    """A dialogue with some rounds and experts and nothing else."""
    store.create_dialogue(dialogue_id, "Which harbour?")
    for number in rounds:
        store.create_round(dialogue_id, number)
    for slug in experts:
        store.register_expert(dialogue_id, slug, "Pilot", "Core")


def register(
    store: DialogueStore,
    kind: Kind,
    dialogue_id: str,
    round: int,
    text: str = "What was said.",
    *,
    label: str = "In short",
    contributors: Sequence[str] = ("muffin",),
    **more: Any,
) -> Any:
    """Register an entity of a kind."""
    method = getattr(store, f"register_{kind.entity}")
    return method(
        dialogue_id,
        round,
        **{"label": label, kind.text: text, "contributors": contributors},
        **more,
    )


def set_status(
    store: DialogueStore,
    kind: Kind,
    dialogue_id: str,
    entity_id: str,
    status: str,
    *,
    event_round: int = 0,
    actors: Sequence[str] = ("judge",),
    verdict_id: str = "v-interim",
    **more: Any,
) -> Any:
    """Change an entity's status, with what its kind asks for besides."""
    method = getattr(store, f"update_{kind.entity}_status")
    if kind.with_events:
        more = {"actors": actors, "event_round": event_round, **more}
    if kind.entity == "recommendation" and status == "adopted":
        more = {"verdict_id": verdict_id, **more}
    return method(dialogue_id, entity_id, status, **more)


def walk(entity: str, status: str) -> list[str]:
    """A shortest way of allowed transitions from an entity's first status to another."""
    kind = ENTITIES[entity]
    start = str(kind.by_name["status"].default)
    ways = {start: [start]}
    queue = [start]
    while queue:
        here = queue.pop(0)
        for there in kind.transitions[here]:
            if there not in ways:
                ways[there] = [*ways[here], there]
                queue.append(there)
    return ways[status][1:]


def populate(store: DialogueStore, dialogue_id: str) -> None:
    """A dialogue with all fourteen types and a signal: three rounds, three experts, four of every kind,
    written out of order; a verdict ``v-interim`` in round 1 and nothing terminal but one claim.

    Ids are named of round 1 only, which is written first: a store that counts wrongly over several rounds
    still gets this far, and shows it in the tests that are about numbers.
    """
    d = dialogue_id
    store.create_dialogue(
        d,
        "Which harbour?",
        question="Where do we land?",
        output_dir="out/harbour",
        background={"subject": "Landing", "constraints": "Before dark"},
        domain_id="sea",
        ethos_id="calm",
    )
    store.create_round(d, 1, score=7, title="Second watch")
    store.create_round(d, 0, score=5, metrics={"score_wisdom": 3, "panel_size": 2})
    store.create_round(d, 3)
    for slug, tier in (("scone", "Wildcard"), ("muffin", "Core"), ("eclair", "Adjacent")):
        store.register_expert(d, slug, "Pilot", tier, relevance=0.25)
    store.record_expert_response(d, "muffin", 0, "I would wait.")
    store.update_expert_score(d, "muffin", 1, 4)
    for kind in KINDS.values():
        register(store, kind, d, 1, "Later in time, earlier in the story.")
        register(store, kind, d, 1, "Second of the second round.", contributors=("scone", "muffin"))
        register(store, kind, d, 1, "Third of the second round.", contributors=())
        register(store, kind, d, 0, "First of the first round.")
    register(
        store,
        KINDS["recommendation"],
        d,
        3,
        "Anchor outside.",
        parameters={"depth": 12.5, "lights": ["red", "green"]},
        references=[{"type": "address", "target": "T0101"}],
    )
    store.register_ref(d, "P0102", "refine", "P0101")
    store.register_ref(d, "E0101", "support", "C0101")
    store.register_ref(d, "E0101", "oppose", "C0101")
    store.register_move(d, 1, "scone", "challenge", targets=["P0101"], context="Too shallow")
    store.register_move(d, 1, "muffin", "defend", targets=["P0101", "T0101"])
    store.register_move(d, 0, "scone", "request", targets=["a chart"])
    store.register_move(d, 1, "scone", "converge")
    store.register_verdict(
        d,
        "v-interim",
        "interim",
        1,
        "Anchor outside",
        "Until the tide turns.",
        author_expert="muffin",
        conditions=["no swell"],
        vote="2:1",
        confidence="split",
        supporting_experts=["muffin", "scone"],
        tensions_accepted=["T0101"],
        ethos_compliance={"fully_compliant": True, "exceptions": [], "violations": []},
    )
    store.register_verdict(d, "a-dissent", "dissent", 1, "Land now", "The light is good.")
    store.update_tension_status(d, "T0101", "addressed", ["muffin"], 1, reason="Chart found")
    store.comment_tension(d, "T0101", ["scone"], 3, "Old chart")
    store.update_perspective_status(d, "P0103", "refined", ["muffin"], 1, result_id="P0102")
    store.update_claim_status(d, "C0103", "withdrawn")
    store.update_round_status(d, 0, "completed", summary="All said.")
    store.record_convergence_signal(d, 1, "scone")
    store.record_convergence_signal(d, 1, "eclair")
    store.record_convergence_signal(d, 0, "muffin")


def calls(dialogue_id: str) -> dict[str, dict[str, Any]]:
    """One valid call of every method of profile core, ``create_dialogue`` apart, for a dialogue made by
    :func:`populate`: method -> keyword arguments. Each may be made in any order, once."""
    entity = {"round": 3, "label": "In short", "contributors": ["muffin"]}
    made: dict[str, dict[str, Any]] = {
        "get_dialogue": {},
        "update_dialogue_status": {"status": "converging"},
        "register_expert": {"expert_slug": "brioche", "role": "Cook", "tier": "Adjacent"},
        "record_expert_response": {"expert_slug": "scone", "round": 1, "content": "Land."},
        "update_expert_score": {"expert_slug": "scone", "round": 1, "score": 3},
        "get_experts": {},
        "create_round": {"round": 4, "score": 2},
        "update_round_status": {"round": 1, "status": "in_progress"},
        "get_rounds": {},
        "record_convergence_signal": {"round": 3, "expert_slug": "muffin"},
        "get_convergence_signals": {},
        "next_seq": {"round": 1, "entity": "claim"},
        "register_perspective": {**entity, "content": "It is late."},
        "register_tension": {**entity, "description": "Late or early?"},
        "register_recommendation": {**entity, "content": "Wait."},
        "register_evidence": {**entity, "content": "The sun is low."},
        "register_claim": {**entity, "content": "It will be dark."},
        "register_move": {"round": 3, "expert_slug": "muffin", "move_type": "concede"},
        "register_ref": {"source_id": "C0102", "ref_type": "depend", "target_id": "E0102"},
        "register_verdict": {
            "verdict_id": "minority-1",
            "verdict_type": "minority",
            "round": 3,
            "recommendation": "Turn back",
            "description": "While we can.",
        },
        "update_perspective_status": {
            "entity_id": "P0101",
            "status": "conceded",
            "actors": ["scone"],
            "event_round": 3,
        },
        "update_tension_status": {
            "entity_id": "T0102",
            "status": "resolved",
            "actors": ["judge"],
            "event_round": 3,
        },
        "update_recommendation_status": {
            "entity_id": "R0101",
            "status": "adopted",
            "actors": ["judge"],
            "event_round": 3,
            "verdict_id": "v-interim",
        },
        "update_evidence_status": {"entity_id": "E0101", "status": "challenged"},
        "update_claim_status": {"entity_id": "C0101", "status": "supported"},
        "comment_tension": {
            "entity_id": "T0103",
            "actors": ["muffin"],
            "event_round": 3,
            "reason": "Still open",
        },
        "get_perspectives": {},
        "get_tensions": {},
        "get_recommendations": {},
        "get_evidence": {},
        "get_claims": {},
        "get_moves": {},
        "get_refs": {},
        "get_verdicts": {},
        "get_events": {},
        "load_partition": {},
    }
    missing = set(CORE_METHODS) - set(made) - {"create_dialogue"}
    if missing:
        raise NotImplementedError(f"no example of {sorted(missing)}: add one here")
    return {name: {"dialogue_id": dialogue_id, **args} for name, args in made.items()}


def call(store: DialogueStore, method: str, args: Mapping[str, Any]) -> Any:
    """Call a method by name."""
    return getattr(store, method)(**args)
