"""What each write checks and does once its values are well formed: groups 5 to 7 of STORE-14.

A rule looks up what it needs, adds what is wrong to the findings and puts items. It is the same for a
single write and for a step of a round. Nothing reaches the database before :meth:`Write.end`, which
writes only where nothing was found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from reference_impl.contract.limits import MAX_EACH, MAX_INTEGER, MAX_ITEM_BYTES
from reference_impl.contract.tables import ENTITIES, LETTERS, TYPES

from .partition import Body, Partition
from .values import NUMBERS_OF_A_ROUND, WRONG, Findings, Values

__all__ = [
    "RULES",
    "Args",
    "Write",
    "change_expert",
    "create_round",
    "display_id_of",
    "entity_of",
    "key_of",
    "record_convergence_signal",
    "ref_between",
]

_EXISTS, _MEANING, _STATE = 5, 6, 7
#: The parameters of ``register_round`` that make the round's own item; other entries are one field.
_FIELDS: Final = {"round": ("score", "title", "summary", "metrics")}
_ON_TENSIONS: Final = ("address", "resolve", "reopen")


class Args:
    """The checked ``values`` of a write; ``at`` is its place in a round, "" for a single write.

    It is false where what was given is no object at all.
    """

    def __init__(self, values: Any, at: str = "") -> None:
        self.values: Values = {} if values is WRONG else values
        self.at = at

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __bool__(self) -> bool:
        return bool(self.values)

    def path(self, name: str) -> str:
        """The field path of a parameter."""
        return f"{self.at}.{name}" if self.at else name


def key_of(entity: str, **identity: Any) -> str:
    """The sort key of an item, by the template in ``entities.json``."""
    return TYPES[entity].sk.format_map(identity)


def display_id_of(entity: str, round: int, seq: int) -> str:
    """The display id of an entity (ADDR-02)."""
    return f"{ENTITIES[entity].display_letter}{round:02d}{seq:02d}"


def entity_of(display_id: str) -> str:
    """The sort key of the entity that a display id names."""
    entity = LETTERS[display_id[0]]
    return key_of(entity, round=int(display_id[1:3]), seq=int(display_id[3:]))


class Write:
    """One atomic write under way: what was found wrong, and the items to be put.

    ``blame``: the entry of a round that the next items come from; a single write has none.
    """

    def __init__(self, part: Partition, found: Findings, clock: datetime) -> None:
        self.found = found
        self.blame = ""
        self.head = part.get("head")
        self.revision = self.head["revision"] if self.head else 0
        # ADDR-09: the later of the clock and one microsecond after the head's time.
        at = _text(clock)
        self.now = max(at, self._after(self.head["updated_at"])) if self.head else at
        self._part = part
        self._items: dict[str, Body] = {}
        self._blamed: dict[str, str] = {}
        self._seqs: dict[str, int] = {}
        self._event_times: dict[str, str] = {}
        self._coming: frozenset[str] | None = None
        self._has_number = True
        self._request: Body = {}

    # -- items -----------------------------------------------------------------------------------

    def get(self, sk: str) -> Body | None:
        """An item as the write leaves it."""
        return self._items.get(sk) or self._part.get(sk)

    def put(self, sk: str, body: Body) -> Body:
        """Put an item when the write ends."""
        self._items[sk] = body
        self._blamed.setdefault(sk, self.blame)
        return body

    def count(self, entity: str) -> int:
        """How many items of a kind the write puts."""
        return sum(sk.startswith(f"{entity}#") for sk in self._items)

    def next_seq(self, prefix: str) -> int:
        """The next number under a key's beginning; numbers have no gaps, so it is their count + 1."""
        if prefix not in self._seqs:
            self._seqs[prefix] = 0 if self._coming is not None else self._part.count(prefix)
        self._seqs[prefix] += 1
        return self._seqs[prefix]

    def begin_round(self, coming: Iterable[str]) -> None:
        """A whole round: numbers begin at 1, and the display ids that it makes may be named."""
        self._coming = frozenset(coming)
        self._has_number = not self.found.within("round")

    def earlier(self, request_id: str | None, text: bytes) -> Any:
        """STORE-22: the result of the first call with this id and input (``text``, canonical JSON),
        or None. An id that stands for another input is ``request_mismatch``."""
        if request_id is None:
            return None
        digest = hashlib.sha256(text).hexdigest()
        self._request = {"request_id": request_id, "input_hash": digest, "created_at": self.now}
        kept = self._part.get(key_of("request", **self._request))
        if kept is not None and kept["input_hash"] == digest:
            return kept["result"]
        if kept is not None:
            what = "was used with another input"
            self.problem(_STATE, "request_mismatch", "request_id", what)
        return None

    def end(self, result: Any) -> None:
        """Raise what was found, or write everything in one piece and remember the result."""
        is_round = self._coming is not None
        if self._request and self._items:
            self.blame = ""
            self.put(key_of("request", **self._request), {**self._request, "result": result})
        if is_round or self.found.codes() <= {"request_mismatch"}:
            self._check_sizes()
        reused = self.found.groups() == {_STATE} and "request_mismatch" in self.found.codes()
        if is_round and not reused:
            self.found.raise_all()
        self.found.raise_first_group()
        if self._items:  # an idempotent repeat puts nothing (STORE-07)
            latest = max([self.now, *self._event_times.values()])
            self.put("head", {"revision": self.revision + 1, "updated_at": latest})
        for sk, body in self._items.items():
            self._part.put(sk, body)

    def _check_sizes(self) -> None:
        """STORE-15. In a round an entry that has findings is not measured."""
        for sk, body in self._items.items() if self._has_number else ():
            blame = self._blamed[sk]
            if any(self.found.within(field) for field in _FIELDS.get(blame, (blame,))):
                continue
            size = self._part.size(sk, body)
            if size > MAX_ITEM_BYTES:
                self.problem(_STATE, "item_too_large", blame or sk, f"takes {size} bytes")

    # -- findings --------------------------------------------------------------------------------

    def problem(self, group: int, code: str, field: str, what: str, **data: Any) -> None:
        """Add a finding."""
        self.found.add(group, code, field, what, **data)

    def there(self, entity: str, code: str, field: str, **identity: Any) -> Body | None:
        """The item of an identity that may be wrong already; not there: a finding of group 5."""
        if WRONG in identity.values() or None in identity.values():
            return None
        body = self.get(key_of(entity, **identity))
        if body is None:
            self.problem(_EXISTS, code, field, f"there is no such {entity}")
        return body

    def need_round(self, a: Args, name: str = "round") -> None:
        """The round is there, or ``round_not_found``."""
        if self._has_number:
            self.there("round", "round_not_found", a.path(name), round=a[name])

    def need_expert(self, slug: Any, field: str) -> Body | None:
        """The expert, or ``expert_not_found``."""
        return self.there("expert", "expert_not_found", field, expert_slug=slug)

    def need_entity(self, display_id: Any, field: str) -> bool:
        """Whether an entity is there or comes with the write; else ``entity_not_found``."""
        if display_id is None or display_id is WRONG:
            return False
        if display_id in (self._coming or ()) or self.get(entity_of(display_id)) is not None:
            return True
        self.problem(_EXISTS, "entity_not_found", field, "there is no such entity")
        return False

    def must_be_new(self, sk: str, field: str) -> None:
        """STORE-07: a second write of an identity leaves the first untouched."""
        if self.get(sk) is not None:
            self.problem(_STATE, "duplicate_entity", field, "is there already")

    def may_become(self, entity: str, body: Body, status: Any, field: str) -> bool:
        """STORE-08: whether a status change follows ``transitions``."""
        allowed = ENTITIES[entity].transitions[body["status"]]
        if status is WRONG or status in allowed:
            return status is not WRONG
        data = {"from": body["status"], "to": status, "allowed": list(allowed)}
        what = f"{body['status']} cannot become {status}"
        self.problem(_STATE, "invalid_status_transition", field, what, **data)
        return False

    def total(self, value: int, field: str) -> int:
        """A sum that is kept has to come back as it is (STORE-12)."""
        if abs(value) > MAX_INTEGER:
            self.problem(_MEANING, "invalid_field", field, "makes a sum beyond 2^53-1")
        return value

    def _after(self, time: str) -> str:
        """A microsecond later, or ``limit_exceeded`` where no later time is left."""
        try:
            return _text(datetime.fromisoformat(time) + timedelta(microseconds=1))
        except OverflowError:
            what = "no later time is left"
            self.problem(_STATE, "limit_exceeded", self.blame or "dialogue_id", what)
            return time

    # -- events and refs -------------------------------------------------------------------------

    def event(self, entity: str, display_id: str, event_type: str, **fields: Any) -> Body:
        """Put an event of an entity; a further one in the same write is 1 µs later (ADDR-09)."""
        last = self._event_times.get(display_id)
        at = self._event_times[display_id] = self._after(last) if last else self.now
        body: Body = {"entity_id": display_id, "timestamp": at, "created_at": at}
        body |= {"event_type": event_type, "reason": None, "reference": None, "result_id": None}
        return self.put(key_of(f"{entity}_event", **body), {**body, **fields})

    def ref(self, source: str, ref_type: Any, target: str, field: str) -> Body | None:
        """Put a ref between two that are there, by the rules of ``entities.json``; ``field`` is the
        target's. A repeat gives the first back."""
        if ref_type is WRONG:
            return None
        wrong = ""
        if source == target:
            wrong = "an entity cannot refer to itself"
        elif ref_type in _ON_TENSIONS and target[0] != "T":
            wrong = f"{ref_type} needs a tension"
        elif ref_type == "refine" and source[0] != target[0]:
            wrong = "refine needs two of one type"
        if wrong:
            self.problem(_MEANING, "invalid_ref_target", field, wrong)
        body = {"source_id": source, "ref_type": ref_type, "target_id": target}
        body |= {"source_type": source[0], "target_type": target[0], "created_at": self.now}
        sk = key_of("ref", **body)
        return self.get(sk) or self.put(sk, body)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


# -- the rules: each gives the entity that its result is of, and the fields -------------------------

Result = tuple[str, Any]


def _body(w: Write, a: Args, entity: str, **more: Any) -> Body:
    """The fields of a new entity: those given, the defaults of the table, the write's time."""
    body: Body = {}
    for field in ENTITIES[entity].fields:
        if field.name in more:
            body[field.name] = more[field.name]
        elif field.name in ("created_at", "updated_at"):
            body[field.name] = w.now
        elif field.name in a.values:
            body[field.name] = a[field.name]
        else:
            body[field.name] = field.default
    return body


def create_dialogue(w: Write, a: Args) -> Result:
    """STORE-07."""
    if w.head is not None:
        w.problem(_STATE, "duplicate_entity", "dialogue_id", "is there already")
    return "dialogue", w.put("meta", _body(w, a, "dialogue"))


def _dialogue(w: Write) -> Body:
    body = w.get("meta")
    assert body is not None  # the dialogue was found before its rule ran
    return body


def _change_dialogue(w: Write, **changes: Any) -> Body:
    return w.put("meta", {**_dialogue(w), **changes, "updated_at": w.now})


def update_dialogue_status(w: Write, a: Args) -> Result:
    """STORE-08, STORE-10."""
    w.may_become("dialogue", _dialogue(w), a["status"], a.path("status"))
    changes = {"converged_at": w.now} if a["status"] == "converged" else {}
    return "dialogue", _change_dialogue(w, status=a["status"], **changes)


def register_expert(w: Write, a: Args) -> Result:
    """STORE-07."""
    body = _body(w, a, "expert", scores={}, raw_content={})
    w.must_be_new(key_of("expert", **body), a.path("expert_slug"))
    return "expert", w.put(key_of("expert", **body), body)


def record_expert_response(w: Write, a: Args) -> Result:
    """A repeat replaces the round's text."""
    w.need_round(a)
    expert = w.need_expert(a["expert_slug"], a.path("expert_slug"))
    return "expert", change_expert(w, expert, "raw_content", a["round"], a["content"], "content")


def update_expert_score(w: Write, a: Args) -> Result:
    """STORE-11."""
    w.need_round(a)
    expert = w.need_expert(a["expert_slug"], a.path("expert_slug"))
    return "expert", change_expert(w, expert, "scores", a["round"], a["score"], "score")


def change_expert(
    w: Write, expert: Body | None, name: str, round: int, value: Any, field: str
) -> Body | None:
    """Set an expert's text or score of one round."""
    if expert is None or value is WRONG:
        return None
    changed = {**expert, name: {**expert[name], f"{round:02d}": value}, "updated_at": w.now}
    changed["total_score"] = w.total(sum(changed["scores"].values()), field)
    return w.put(key_of("expert", **expert), changed)


def create_round(w: Write, a: Args) -> Result:
    """STORE-09."""
    metrics = a["metrics"] if isinstance(a["metrics"], Mapping) else NUMBERS_OF_A_ROUND
    body = _body(w, a, "round", **metrics)
    w.must_be_new(key_of("round", **body), a.path("round"))
    w.put(key_of("round", **body), body)
    if a["score"] is not WRONG:
        w.blame = "score" if w.blame else ""
        before = _dialogue(w)
        total = w.total(before["total_alignment"] + a["score"], a.path("score"))
        rounds = max(before["total_rounds"], a["round"] + 1)
        _change_dialogue(w, total_rounds=rounds, total_alignment=total)
    return "round", body


def update_round_status(w: Write, a: Args) -> Result:
    """STORE-08; ``completed`` sets ``completed_at``, and a summary that is not given stays."""
    body = w.there("round", "round_not_found", "round", round=a["round"])
    if body is None:
        return "round", None
    w.may_become("round", body, a["status"], a.path("status"))
    body |= {"status": a["status"], "updated_at": w.now}
    body |= {"completed_at": w.now} if a["status"] == "completed" else {}
    body |= {"summary": a["summary"]} if a["summary"] is not None else {}
    return "round", w.put(key_of("round", **body), body)


def record_convergence_signal(w: Write, a: Args) -> Result:
    """Idempotent (STORE-07)."""
    w.need_round(a)
    w.need_expert(a["expert_slug"], a.path("expert_slug"))
    body = {"round": a["round"], "expert_slug": a["expert_slug"], "created_at": w.now}
    return "signal", w.get(key_of("signal", **body)) or w.put(key_of("signal", **body), body)


def register(entity: str) -> Callable[[Write, Args], Result]:
    """The rule of ``register_perspective`` and its four siblings (STORE-24)."""

    def rule(w: Write, a: Args) -> Result:
        w.need_round(a)
        seq = w.next_seq(f"{entity}#{a['round']:02d}#")
        if seq > MAX_EACH and not a.at:  # a round tells it once for the whole list
            w.problem(_STATE, "limit_exceeded", "round", f"has {MAX_EACH} of the kind")
        display_id = display_id_of(entity, a["round"], seq)
        if "create" in ENTITIES[entity].writes_event_on:
            told = {"actors": a["contributors"], "event_round": a["round"]}
            w.event(entity, display_id, "created", **told)
        for at, given in enumerate(() if a["references"] is WRONG else a["references"]):
            field = a.path(f"references[{at}].target")
            if given is not WRONG and w.need_entity(given["target"], field):
                w.ref(display_id, given["type"], given["target"], field)
        body = _body(w, a, entity, seq=seq)
        return entity, w.put(key_of(entity, **body), body)

    return rule


def register_move(w: Write, a: Args) -> Result:
    """Targets are display ids of what is there; free text for ``request``, none for ``converge``."""
    w.need_round(a)
    w.need_expert(a["expert_slug"], a.path("expert_slug"))
    targets = () if a["targets"] is WRONG else a["targets"]
    if a["move_type"] == "converge" and targets:
        w.problem(_MEANING, "invalid_field", a.path("targets"), "must be empty for converge")
    elif a["move_type"] not in ("converge", "request", WRONG):
        for at, target in enumerate(targets):
            w.need_entity(target, a.path(f"targets[{at}]"))
    if a["expert_slug"] is WRONG:
        return "move", None
    seq = w.next_seq(f"move#{a['round']:02d}#{a['expert_slug']}#")
    if seq > MAX_EACH and not a.at:
        w.problem(_STATE, "limit_exceeded", "round", f"has {MAX_EACH} moves of the expert")
    body = _body(w, a, "move", seq=seq)
    return "move", w.put(key_of("move", **body), body)


def register_ref(w: Write, a: Args) -> Result:
    """Idempotent (STORE-07)."""
    return "ref", ref_between(w, a, "source_id", "target_id")


def ref_between(w: Write, a: Args, source: str, target: str) -> Body | None:
    """A ref whose two ends have these names."""
    both = [w.need_entity(a[end], a.path(end)) for end in (source, target)]
    return w.ref(a[source], a["ref_type"], a[target], a.path(target)) if all(both) else None


def register_verdict(w: Write, a: Args) -> Result:
    """STORE-10: a final one converges the dialogue in the same write."""
    w.need_round(a)
    for at, tension in enumerate(a["tensions_accepted"] or ()):
        w.need_entity(tension, a.path(f"tensions_accepted[{at}]"))
    body = _body(w, a, "verdict")
    w.must_be_new(key_of("verdict", **body), a.path("verdict_id"))
    if a["verdict_type"] == "final":
        w.may_become("dialogue", _dialogue(w), "converged", a.path("verdict_type"))
        _change_dialogue(w, status="converged", converged_at=w.now)
    return "verdict", w.put(key_of("verdict", **body), body)


def update_status(entity: str) -> Callable[[Write, Args], Result]:
    """The rule of ``update_perspective_status`` and its four siblings (STORE-08)."""
    of_event = ("actors", "event_round", "reason", "reference", "result_id")
    writes_event = "status change" in ENTITIES[entity].writes_event_on

    def rule(w: Write, a: Args) -> Result:
        changes = {"status": a["status"], "updated_at": w.now}
        if writes_event:
            w.need_round(a, "event_round")
        there = w.need_entity(a["entity_id"], a.path("entity_id"))
        if entity == "recommendation":
            changes |= _adoption(w, a)
        if writes_event:
            w.need_entity(a["result_id"], a.path("result_id"))
        body = w.get(entity_of(a["entity_id"])) if there else None
        if body is None or not w.may_become(entity, body, a["status"], a.path("status")):
            return entity, None
        if writes_event:
            w.event(entity, a["entity_id"], a["status"], **{name: a[name] for name in of_event})
        return entity, w.put(key_of(entity, **body), {**body, **changes})

    return rule


def _adoption(w: Write, a: Args) -> Body:
    """``adopted`` names a verdict that is there; with another status it would be lost unseen."""
    field = a.path("verdict_id")
    verdict = w.there("verdict", "entity_not_found", field, verdict_id=a["verdict_id"])
    if verdict is None or a["status"] is WRONG:
        return {}
    if a["status"] != "adopted":
        w.problem(_MEANING, "invalid_field", field, "belongs to adopted only")
    return {"adopted_in_verdict": a["verdict_id"]}


def comment_tension(w: Write, a: Args) -> Result:
    """An event; the tension itself stays as it is."""
    w.need_round(a, "event_round")
    w.need_entity(a["entity_id"], a.path("entity_id"))
    told = {name: a[name] for name in ("actors", "event_round", "reason", "reference")}
    return "tension_event", w.event("tension", a["entity_id"], "commented", **told)


#: Method -> its rule; ``register_round`` is made of these (see ``rounds``).
RULES: Mapping[str, Callable[[Write, Args], Result]] = {
    "create_dialogue": create_dialogue,
    "update_dialogue_status": update_dialogue_status,
    "register_expert": register_expert,
    "record_expert_response": record_expert_response,
    "update_expert_score": update_expert_score,
    "create_round": create_round,
    "update_round_status": update_round_status,
    "record_convergence_signal": record_convergence_signal,
    **{f"register_{entity}": register(entity) for entity in LETTERS.values()},
    "register_move": register_move,
    "register_ref": register_ref,
    "register_verdict": register_verdict,
    **{f"update_{entity}_status": update_status(entity) for entity in LETTERS.values()},
    "comment_tension": comment_tension,
}
