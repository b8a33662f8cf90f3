"""A call of each method that the model's present state takes, drawn at random.

Nothing is drawn from a store under test: the same seed gives the same calls whatever is tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

from conformance.model.partition import Partition
from reference_impl.contract.tables import ENTITIES, LETTERS, METHODS, METRICS, NUMBERED, PLURALS

from .history import long_text

__all__ = [
    "BUILDERS",
    "KINDS",
    "LETTERS",
    "Draw",
    "Lacks",
    "joins",
    "may_follow",
    "one_too_many",
]

T = TypeVar("T")
Params = dict[str, Any]

KINDS: Final = tuple(NUMBERED.values())
#: The profiles whose methods histories call; what is built later takes its place here and in the model.
_PROFILES: Final = ("core", "batch", "idempotency", "encrypted", "audit")
WITH_EVENTS: Final = KINDS[:3]
FULL: Final = 99
#: So many entities have more pairs than a transaction of the engine has actions.
_MANY: Final = 15

#: Few, each with much that a store may not touch: what is odd is met often.
_TEXTS: Final = (
    "Anchor outside.",
    "Said twice, and meant once; the third time nobody asked who had said it first.",
    " two\r\nlines\r and\ta tab, nul \x00 inside, a blank at both ends ",
    "Über, U\u0308ber, ﬁ ① Å \u212b 🦀 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u202eshalom \u05e9\u05dc ",
    ' {"not": "parsed", "n": 1.0} ',
    " 0123 ",
)
_SLUGS: Final = (
    *("muffin", "Scone", "eclair", "brioche", "strudel", "donut", "Tarte.2", "a-b", "a.b", "a_b"),
    *("0cake", "pie", "Pie-crust", "x", "Z9", "palmier"),
)
_VALUES: Final[tuple[Any, ...]] = (
    *({}, {"depth": 12.5}, {"lights": ["red", None, True, {"n": -3}]}, {"n": 1.0, "zero": -0.0}),
    *({"": "", "é": ["a"]}, {"big": 9007199254740991, "small": 1e-7}, {"deep": [[[[[]]]]]}),
    *({"none": None, "some": {"none": None}},),
)


class Lacks(Exception):
    """Nothing is there that the method could be about; ``method`` makes some."""

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method


@dataclass
class Draw:
    """Chance, and what there is to choose from in one dialogue of the model.

    ``number`` is another one for each step of a history, for ids that nobody has yet.
    """

    rng: Random
    dialogue_id: str
    partition: Partition
    number: int
    long: bool = False
    taken: frozenset[str] = field(default_factory=frozenset)  # ids of dialogues

    # -- chance ---------------------------------------------------------------------------------

    def maybe(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def one(self, values: Sequence[T]) -> T:
        """One of them."""
        return self.rng.choice(values)

    def some(self, values: Sequence[T], most: int = 3) -> list[T]:
        """Up to ``most`` of them, in any order, each at most once."""
        return self.rng.sample(values, min(self.rng.randint(0, most), len(values)))

    def text(self) -> Any:
        """A text that is not empty; now and then a long one."""
        if self.maybe(0.03 if self.long else 0.003):
            return long_text("large", 60_000)  # much of what one item may hold
        if self.long and self.maybe(0.15):
            return long_text("long ", self.rng.randint(2_000, 40_000))
        if self.maybe(0.01):
            return long_text("\u00e9 ", self.rng.randint(100, 5_000))
        return self.one(_TEXTS)

    def any_text(self) -> Any:
        """A text, or an empty one."""
        return "" if self.maybe(0.2) else self.text()

    def given(self, **makers: Callable[[], Any]) -> Params:
        """Optional parameters: each there in four of ten cases."""
        return {name: make() for name, make in makers.items() if self.maybe(0.4)}

    # -- what is there --------------------------------------------------------------------------

    def rounds(self) -> list[int]:
        """The numbers of the rounds."""
        return [entity["round"] for entity in self.partition.rounds]

    def round(self) -> int:
        """A round that exists."""
        there = self.rounds()
        if not there:
            raise Lacks("create_round")
        return self.one(there[-6:])

    def new_round(self) -> int:
        """A round that does not exist."""
        there = set(self.rounds())
        free = [number for number in range(100) if number not in there]
        low = [number for number in free if number < 12]
        return self.one(low or free if self.maybe(0.85) else free)

    def slug(self) -> str:
        """An expert who is registered."""
        there = [entity["expert_slug"] for entity in self.partition.experts]
        if not there:
            raise Lacks("register_expert")
        return str(self.one(there))

    def slugs(self) -> list[str]:
        """Slugs of anybody, registered or not; now and then one twice."""
        slugs = self.some(_SLUGS)
        return [*slugs, *slugs[:1]] if self.maybe(0.1) else slugs

    def new_slug(self) -> str:
        """A slug that nobody has; never one that differs from another only in case."""
        there = {entity["expert_slug"].lower() for entity in self.partition.experts}
        free = [slug for slug in _SLUGS if slug.lower() not in there]
        return self.one(free) if free else f"guest-{self.number}"

    def entities(self, kinds: Sequence[str] = KINDS) -> list[Mapping[str, Any]]:
        """The entities of some kinds."""
        return [entity for kind in kinds for entity in self.partition.of_kind(kind)]

    def ids(self, kinds: Sequence[str] = KINDS) -> list[str]:
        """Their display ids."""
        return [entity["display_id"] for entity in self.entities(kinds)]

    def id(self, kinds: Sequence[str] = KINDS) -> str:
        """An entity that exists."""
        there = self.ids(kinds)
        if not there:
            raise Lacks(f"register_{self.one(kinds)}")
        return self.one(there)

    def open_round(self, kind: str) -> int:
        """A round with room for one more of a kind."""
        counts: dict[int, int] = {}
        for entity in self.partition.of_kind(kind):
            counts[entity["round"]] = counts.get(entity["round"], 0) + 1
        there = [number for number in self.rounds() if counts.get(number, 0) < FULL]
        if not there:
            raise Lacks("create_round")
        return self.one(there[-6:])

    def full(self) -> list[tuple[str, int]]:
        """(kind, round) of what takes no more."""
        counts = Counter(
            (kind, entity["round"]) for kind in KINDS for entity in self.partition.of_kind(kind)
        )
        return [key for key, count in counts.items() if count >= FULL]

    def busy(self) -> list[tuple[str, int]]:
        """(expert, round) of whoever makes no more moves there."""
        made = Counter((move["expert_slug"], move["round"]) for move in self.partition.moves)
        return [key for key, count in made.items() if count >= FULL]

    def references(self, kind: str) -> list[dict[str, str]]:
        """References that an entity of a kind may have."""
        out = []
        for target in self.some(self.ids(), 2 if self.maybe(0.4) else 0):
            ref_type = self.one(joins(kind, LETTERS[target[0]]))
            out.append({"type": ref_type, "target": target})
        return out * 2 if len(out) == 1 and self.maybe(0.1) else out


def joins(source: str, target: str) -> list[str]:
    """The ref types that may lead from one kind to another."""
    types = ["support", "oppose", "question", "depend"]
    if source == target:
        types.append("refine")
    if target == "tension":
        types += ["address", "resolve", "reopen"]
    return types


def may_follow(entity: str, status: str) -> tuple[str, ...]:
    """The statuses that a status of an entity allows."""
    return tuple(ENTITIES[entity].transitions[status])


# -- the dialogue, rounds, experts ----------------------------------------------------------------


def _create_dialogue(draw: Draw) -> Params:
    wanted = [name for name in ("tide", "tide-b", "tide.b", "tid") if name not in draw.taken]
    return {
        "dialogue_id": wanted[0] if wanted and draw.maybe(0.7) else f"quay-{draw.number}",
        "title": draw.text(),
        **draw.given(
            question=draw.any_text,
            output_dir=draw.any_text,
            background=lambda: {
                "subject": draw.text(),
                **draw.given(
                    description=draw.any_text, constraints=draw.any_text, situation=draw.any_text
                ),
            },
            calibrated=lambda: draw.maybe(0.5),
            domain_id=lambda: draw.one(("sea", "Sea.2")),
            ethos_id=lambda: draw.one(("calm", "0")),
        ),
    }


def _update_dialogue_status(draw: Draw) -> Params:
    allowed = may_follow("dialogue", draw.partition.dialogue["status"])
    if not allowed:
        raise Lacks("create_dialogue")
    mild = [status for status in allowed if status in ("open", "converging")]
    return {"status": draw.one(mild if mild and draw.maybe(0.7) else allowed)}


def _register_expert(draw: Draw) -> Params:
    return {
        "expert_slug": draw.new_slug(),
        "role": draw.text(),
        "tier": draw.one(("Core", "Adjacent", "Wildcard")),
        **draw.given(
            source=lambda: draw.one(("pool", "created", "retained")),
            description=draw.any_text,
            focus=draw.any_text,
            relevance=lambda: draw.one((0, 1, 0.5, 0.123456, 1e-6, 1.0)),
            creation_reason=draw.any_text,
            color=draw.any_text,
            first_round=lambda: draw.rng.randint(0, 99),
        ),
    }


def _record_expert_response(draw: Draw) -> Params:
    return {"expert_slug": draw.slug(), "round": draw.round(), "content": draw.text()}


def _score(draw: Draw) -> int | float:
    return draw.one((0, 1, 7, 12, -3, 2.0, -0.0, 2**40))


def _update_expert_score(draw: Draw) -> Params:
    return {"expert_slug": draw.slug(), "round": draw.round(), "score": _score(draw)}


def _metrics(draw: Draw) -> dict[str, int]:
    return {name: draw.rng.randint(0, 30) for name in draw.some(METRICS, 8)}


def _create_round(draw: Draw) -> Params:
    return {
        "round": draw.new_round(),
        **draw.given(
            score=lambda: _score(draw), title=draw.any_text, metrics=lambda: _metrics(draw)
        ),
    }


def _update_round_status(draw: Draw) -> Params:
    movable = [entity for entity in draw.partition.rounds if may_follow("round", entity["status"])]
    if not movable:
        raise Lacks("create_round")
    entity = draw.one(movable)
    return {
        "round": entity["round"],
        "status": draw.one(may_follow("round", entity["status"])),
        **draw.given(summary=draw.any_text),
    }


def _record_convergence_signal(draw: Draw) -> Params:
    there = draw.partition.signals
    if there and draw.maybe(0.25):
        signal = draw.one(there)
        return {"round": signal["round"], "expert_slug": signal["expert_slug"]}
    return {"round": draw.round(), "expert_slug": draw.slug()}


# -- entities, moves, refs, verdicts --------------------------------------------------------------


def _new_entity(draw: Draw, kind: str) -> Params:
    return {
        "label": draw.text(),
        "description" if kind == "tension" else "content": draw.text(),
        "contributors": draw.slugs(),
        **(draw.given(parameters=lambda: draw.one(_VALUES)) if kind == "recommendation" else {}),
    }


def _register(kind: str) -> Callable[[Draw], Params]:
    def build(draw: Draw) -> Params:
        references = draw.references(kind)
        return {
            "round": draw.open_round(kind),
            **_new_entity(draw, kind),
            **({"references": references} if references or draw.maybe(0.1) else {}),
        }

    return build


def _move(draw: Draw, there: Sequence[str]) -> Params:
    move_type = draw.one(("defend", "challenge", "bridge", "request", "concede", "converge"))
    params: Params = {"expert_slug": draw.slug(), "move_type": move_type}
    if move_type == "request":
        params["targets"] = [draw.any_text() for _ in range(draw.rng.randint(0, 2))]
    elif move_type != "converge":
        params["targets"] = draw.some(there)
    return params | draw.given(context=draw.any_text)


def _register_move(draw: Draw) -> Params:
    return {"round": draw.round(), **_move(draw, draw.ids())}


def _register_ref(draw: Draw) -> Params:
    refs = draw.partition.refs
    if refs and draw.maybe(0.4):
        ref = draw.one(refs)
        source, ref_type, target = ref["source_id"], ref["ref_type"], ref["target_id"]
    else:
        source = draw.id()
        others = [name for name in draw.ids() if name != source]
        if not others:
            raise Lacks(f"register_{draw.one(KINDS)}")
        target = draw.one(others)
        ref_type = draw.one(joins(LETTERS[source[0]], LETTERS[target[0]]))
    return {
        "source_id": source,
        "ref_type": ref_type,
        "target_id": target,
        **draw.given(source_type=lambda: source[0], target_type=lambda: target[0]),
    }


def _register_verdict(draw: Draw) -> Params:
    types = ["interim", "minority", "dissent"]
    if may_follow("dialogue", draw.partition.dialogue["status"]) and draw.maybe(0.2):
        types = ["final"]
    tensions = draw.ids(("tension",))
    return {
        "verdict_id": f"{draw.one(('v', 'A', 'dissent'))}-{draw.number}",
        "verdict_type": draw.one(types),
        "round": draw.round(),
        "recommendation": draw.text(),
        "description": draw.text(),
        **draw.given(
            author_expert=lambda: draw.one(_SLUGS),
            conditions=lambda: [draw.any_text() for _ in range(draw.rng.randint(0, 2))],
            vote=draw.any_text,
            confidence=lambda: draw.one(("unanimous", "strong", "split", "contested")),
            supporting_experts=draw.slugs,
            tensions_accepted=lambda: draw.some(tensions),
            ethos_compliance=lambda: {
                "fully_compliant": draw.one((True, False)),
                "exceptions": [draw.any_text()],
                "violations": [],
            },
        ),
    }


def _update_status(kind: str) -> Callable[[Draw], Params]:
    def build(draw: Draw) -> Params:
        movable = [e for e in draw.entities((kind,)) if may_follow(kind, e["status"])]
        if not movable:
            raise Lacks(f"register_{kind}")
        entity = draw.one(movable)
        status = draw.one(may_follow(kind, entity["status"]))
        params: Params = {"entity_id": entity["display_id"], "status": status}
        if kind not in WITH_EVENTS:
            return params
        if status == "adopted":
            if not draw.partition.verdicts:
                raise Lacks("register_verdict")
            params["verdict_id"] = draw.one(draw.partition.verdicts)["verdict_id"]
        return params | {
            "actors": [draw.any_text() for _ in range(draw.rng.randint(0, 2))],
            "event_round": draw.round(),
            **draw.given(reason=draw.any_text, reference=draw.any_text, result_id=draw.id),
        }

    return build


def _comment_tension(draw: Draw) -> Params:
    return {
        "entity_id": draw.id(("tension",)),
        "actors": draw.slugs(),
        "event_round": draw.round(),
        "reason": draw.text(),
        **draw.given(reference=draw.any_text),
    }


def one_too_many(draw: Draw) -> tuple[str, Params] | None:
    """A call for the hundredth of a kind, or for its number; None where no round is full."""
    full, busy = draw.full(), draw.busy()
    if not full and not busy:
        return None
    kind, number = draw.one([*full, *(("move", number) for _, number in busy)])
    if draw.maybe(0.2) and kind != "move":
        return "next_seq", {"round": number, "entity": kind}
    if kind != "move":
        return f"register_{kind}", {"round": number, **_new_entity(draw, kind)}
    slug, number = draw.one(busy)
    return "register_move", {"round": number, "expert_slug": slug, "move_type": "converge"}


# -- whole rounds ---------------------------------------------------------------------------------


def _register_round(draw: Draw) -> Params:
    """A whole round in which local ids stand wherever an id may stand."""
    number = draw.new_round()
    names: dict[str, str] = {}  # id -> kind
    made: dict[str, list[Params]] = {PLURALS[kind]: [] for kind in KINDS}
    for kind in KINDS:
        for position in range(draw.rng.randint(0, 2)):
            entry = _new_entity(draw, kind)
            if draw.maybe(0.7):
                # In no order: numbers follow from where an entry stands, not from its name.
                first = draw.one(("MUFFIN", "x.y", "Brioche"))
                local = f"{first}-{kind[0].upper()}{number}{9 - position}"
                entry["local_id"] = local
                names[local] = kind
            made[PLURALS[kind]].append(entry)
    names |= {name: LETTERS[name[0]] for name in draw.some(draw.ids(), 4)}
    for kind in KINDS:
        for entry in made[PLURALS[kind]]:
            targets = [name for name in names if name != entry.get("local_id")]
            if targets and draw.maybe(0.4):
                target = draw.one(targets)
                ref_type = draw.one(joins(kind, names[target]))
                entry["references"] = [{"type": ref_type, "target": target}]
    params: Params = {"round": number, "score": _score(draw)}
    params |= {plural: entries for plural, entries in made.items() if entries}
    params |= draw.given(title=draw.any_text, summary=draw.any_text, metrics=lambda: _metrics(draw))
    if draw.partition.experts:
        params |= draw.given(
            moves=lambda: [_move(draw, list(names)) for _ in range(draw.rng.randint(1, 2))],
            expert_scores=lambda: {draw.slug(): _score(draw)},
            responses=lambda: {draw.slug(): draw.text()},
            signals=lambda: [draw.slug()],
        )
    if len(names) > 1:
        params |= draw.given(refs=lambda: [_ref_of(draw, names)])
    if len(draw.ids()) > _MANY and draw.maybe(0.3):
        params["refs"] = _many_refs(draw)
    new = [one["local_id"] for entries in made.values() for one in entries if "local_id" in one]
    if new:
        params |= draw.given(status_updates=lambda: _updates_of(draw, new, names))
    return params


def _ref_of(draw: Draw, names: Mapping[str, str]) -> Params:
    source, target = draw.rng.sample(sorted(names), 2)
    return {
        "source": source,
        "ref_type": draw.one(joins(names[source], names[target])),
        "target": target,
    }


def _many_refs(draw: Draw) -> list[Params]:
    """More refs than one transaction of the engine takes."""
    ids = draw.rng.sample(draw.ids(), _MANY)
    pairs = [(source, target) for source in ids for target in ids if source != target]
    return [
        {"source": source, "ref_type": draw.one(("support", "oppose")), "target": target}
        for source, target in draw.rng.sample(pairs, 120)
    ]


def _updates_of(draw: Draw, local: Sequence[str], names: Mapping[str, str]) -> list[Params]:
    """A change of status of something new in the round, sometimes another one after it."""
    entity = draw.one(local)
    kind = names[entity]
    status = str(ENTITIES[kind].by_name["status"].default)
    updates: list[Params] = []
    for _ in range(2 if draw.maybe(0.5) else 1):
        allowed = [one for one in may_follow(kind, status) if one != "adopted"]
        if not allowed:
            break
        status = draw.one(allowed)
        more = {"actors": draw.slugs(), "reason": draw.any_text()} if kind in WITH_EVENTS else {}
        updates.append({"entity_id": entity, "status": status, **more})
    return updates


# -- reads ----------------------------------------------------------------------------------------


def _nothing(draw: Draw) -> Params:
    del draw
    return {}


def _get_convergence_signals(draw: Draw) -> Params:
    there = [signal["round"] for signal in draw.partition.signals]
    if there and draw.maybe(0.5):
        return {"round": draw.one((0, *there))}
    return draw.given(round=lambda: draw.rng.randint(0, 9))


def _reads() -> dict[str, Callable[[Draw], Params]]:
    return {
        name: _nothing
        for name, method in METHODS.items()
        if method.kind == "read"
        and method.profile in _PROFILES
        and [param.name for param in method.params if param.required] == ["dialogue_id"]
    }


#: Method -> its parameters but ``dialogue_id`` (which only ``create_dialogue`` draws itself).
BUILDERS: Final[Mapping[str, Callable[[Draw], Params]]] = {
    **_reads(),
    "get_convergence_signals": _get_convergence_signals,
    "get_events": lambda draw: {"entity_id": draw.id(WITH_EVENTS)} if draw.maybe(0.5) else {},
    "load_partition": lambda draw: draw.given(on_error=lambda: draw.one(("fail", "collect"))),
    "next_seq": lambda draw: {"round": draw.round(), "entity": draw.one(KINDS)},
    "create_dialogue": _create_dialogue,
    "update_dialogue_status": _update_dialogue_status,
    "register_expert": _register_expert,
    "record_expert_response": _record_expert_response,
    "update_expert_score": _update_expert_score,
    "create_round": _create_round,
    "update_round_status": _update_round_status,
    "record_convergence_signal": _record_convergence_signal,
    **{f"register_{kind}": _register(kind) for kind in KINDS},
    **{f"update_{kind}_status": _update_status(kind) for kind in KINDS},
    "register_move": _register_move,
    "register_ref": _register_ref,
    "register_verdict": _register_verdict,
    "comment_tension": _comment_tension,
    "register_round": _register_round,
}
