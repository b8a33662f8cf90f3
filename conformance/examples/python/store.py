"""The methods of the contract, each a line that names its rule or what it reads."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import (
    Claim,
    Dialogue,
    DialoguePartition,
    Event,
    Evidence,
    Expert,
    Move,
    NextSeq,
    Perspective,
    Recommendation,
    Ref,
    Round,
    RoundRegistration,
    Signal,
    Tension,
    Verdict,
)
from reference_impl.contract.errors import DialogueStoreError, Problem, error, from_problems
from reference_impl.contract.limits import MAX_ROUND_BYTES
from reference_impl.contract.tables import ENTITIES

from .partition import Body, Database, Partition
from .rounds import check_round, register_round
from .values import WRONG, Findings, Values, check_call
from .writes import RULES, Args, Write, display_id_of, entity_of, key_of

__all__ = ["SqliteStore"]


def _now() -> datetime:
    return datetime.now(UTC)


_T = TypeVar("_T")


class SqliteStore(DialogueStore):
    """Dialogues in clear in one SQLite file. Parameters are those of the abstract class.

    ``deadline_s``: seconds that a call waits for other writers, then it is ``conflict``. ``clock``: where
    the time comes from. It is not set by a method: a public method of a store takes a dialogue_id
    (STORE-01).
    """

    def __init__(
        self, path: Path, *, deadline_s: float = 10.0, clock: Callable[[], datetime] = _now
    ) -> None:
        self._database = Database(path, deadline_s)
        self._clock = clock
        self._closed = False

    def close(self) -> None:
        """From now on every method is ``store_closed`` (STORE-20)."""
        self._closed = True

    # -- writes ------------------------------------------------------------------------------------

    def create_dialogue(self, dialogue_id: str, *rest: Any, **named: Any) -> Dialogue:
        return self._write(Dialogue, "create_dialogue", dialogue_id, rest, named)

    def update_dialogue_status(self, dialogue_id: str, *rest: Any, **named: Any) -> Dialogue:
        return self._write(Dialogue, "update_dialogue_status", dialogue_id, rest, named)

    def register_expert(self, dialogue_id: str, *rest: Any, **named: Any) -> Expert:
        return self._write(Expert, "register_expert", dialogue_id, rest, named)

    def record_expert_response(self, dialogue_id: str, *rest: Any, **named: Any) -> Expert:
        return self._write(Expert, "record_expert_response", dialogue_id, rest, named)

    def update_expert_score(self, dialogue_id: str, *rest: Any, **named: Any) -> Expert:
        return self._write(Expert, "update_expert_score", dialogue_id, rest, named)

    def create_round(self, dialogue_id: str, *rest: Any, **named: Any) -> Round:
        return self._write(Round, "create_round", dialogue_id, rest, named)

    def update_round_status(self, dialogue_id: str, *rest: Any, **named: Any) -> Round:
        return self._write(Round, "update_round_status", dialogue_id, rest, named)

    def record_convergence_signal(self, dialogue_id: str, *rest: Any, **named: Any) -> Signal:
        return self._write(Signal, "record_convergence_signal", dialogue_id, rest, named)

    def register_perspective(self, dialogue_id: str, *rest: Any, **named: Any) -> Perspective:
        return self._write(Perspective, "register_perspective", dialogue_id, rest, named)

    def register_tension(self, dialogue_id: str, *rest: Any, **named: Any) -> Tension:
        return self._write(Tension, "register_tension", dialogue_id, rest, named)

    def register_recommendation(self, dialogue_id: str, *rest: Any, **named: Any) -> Recommendation:
        return self._write(Recommendation, "register_recommendation", dialogue_id, rest, named)

    def register_evidence(self, dialogue_id: str, *rest: Any, **named: Any) -> Evidence:
        return self._write(Evidence, "register_evidence", dialogue_id, rest, named)

    def register_claim(self, dialogue_id: str, *rest: Any, **named: Any) -> Claim:
        return self._write(Claim, "register_claim", dialogue_id, rest, named)

    def update_perspective_status(self, dialogue_id: str, *rest: Any, **named: Any) -> Perspective:
        return self._write(Perspective, "update_perspective_status", dialogue_id, rest, named)

    def update_tension_status(self, dialogue_id: str, *rest: Any, **named: Any) -> Tension:
        return self._write(Tension, "update_tension_status", dialogue_id, rest, named)

    def update_recommendation_status(
        self, dialogue_id: str, *rest: Any, **named: Any
    ) -> Recommendation:
        return self._write(Recommendation, "update_recommendation_status", dialogue_id, rest, named)

    def update_evidence_status(self, dialogue_id: str, *rest: Any, **named: Any) -> Evidence:
        return self._write(Evidence, "update_evidence_status", dialogue_id, rest, named)

    def update_claim_status(self, dialogue_id: str, *rest: Any, **named: Any) -> Claim:
        return self._write(Claim, "update_claim_status", dialogue_id, rest, named)

    def comment_tension(self, dialogue_id: str, *rest: Any, **named: Any) -> Event:
        return self._write(Event, "comment_tension", dialogue_id, rest, named)

    def register_move(self, dialogue_id: str, *rest: Any, **named: Any) -> Move:
        return self._write(Move, "register_move", dialogue_id, rest, named)

    def register_ref(self, dialogue_id: str, *rest: Any, **named: Any) -> Ref:
        return self._write(Ref, "register_ref", dialogue_id, rest, named)

    def register_verdict(self, dialogue_id: str, *rest: Any, **named: Any) -> Verdict:
        return self._write(Verdict, "register_verdict", dialogue_id, rest, named)

    def register_round(self, dialogue_id: str, *rest: Any, **named: Any) -> RoundRegistration:
        """See :func:`.rounds.register_round`: everything that is wrong is told at once."""
        given, found = self._given("register_round", dialogue_id, *rest, **named), Findings()
        values = check_round(given, found)
        if values["dialogue_id"] is WRONG:
            found.raise_all()
        with self._database.transaction(values["dialogue_id"], write=True) as part:
            if part.get("head") is None:
                found.raise_all()
                raise _missing("dialogue_not_found", "dialogue_id")
            write = Write(part, found, self._clock())
            result = None
            if not found.codes():
                text = _input("register_round", values)
                if len(text) > MAX_ROUND_BYTES:
                    found.add(7, "limit_exceeded", "round", "takes more than 64 MiB")
                result = write.earlier(values["request_id"], text)
            if result is None:
                result = register_round(write, values)
                write.end(result)
            return RoundRegistration(**result)

    def _write(
        self,
        kind: type[_T],
        method: str,
        dialogue_id: str,
        rest: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> _T:
        """Values first (groups 1 to 4), then one transaction: look up, check, commit or nothing."""
        values, found = self._checked(method, dialogue_id, *rest, **named)
        with self._database.transaction(values["dialogue_id"], write=True) as part:
            if part.get("head") is None and method != "create_dialogue":
                raise _missing("dialogue_not_found", "dialogue_id")
            write = Write(part, found, self._clock())
            result = write.earlier(values["request_id"], _input(method, values))
            if result is None:
                result = RULES[method](write, Args(values))
                write.end(result)
            return _result(kind, part, *result)

    def _given(self, method: str, dialogue_id: str, *rest: Any, **named: Any) -> Mapping[str, Any]:
        """What was given, by name; a missing or unknown parameter is a TypeError (STORE-14)."""
        if self._closed:
            raise error("store_closed")
        signature = inspect.signature(getattr(DialogueStore, method))
        return signature.bind(self, dialogue_id, *rest, **named).arguments

    def _checked(
        self, method: str, dialogue_id: str, *rest: Any, **named: Any
    ) -> tuple[Values, Findings]:
        """The parameters as they are kept, where groups 1 to 4 find nothing."""
        found = Findings()
        values = check_call(method, self._given(method, dialogue_id, *rest, **named), found)
        found.raise_first_group()
        return values, found

    # -- reads -------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self, method: str, dialogue_id: str, **given: Any) -> Iterator[Partition]:
        """A dialogue as of one moment, for a read whose parameters are sound (STORE-18)."""
        values, _ = self._checked(method, dialogue_id, **given)
        with self._database.transaction(values["dialogue_id"], write=False) as part:
            if part.get("head") is None:
                raise _missing("dialogue_not_found", "dialogue_id")
            yield part

    def _all(self, kind: type[_T], method: str, dialogue_id: str) -> list[_T]:
        with self._reading(method, dialogue_id) as part:
            return _list(kind, part)

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        """The dialogue itself."""
        with self._reading("get_dialogue", dialogue_id) as part:
            return _result(Dialogue, part, "dialogue", part.get("meta"))

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        """All, by slug."""
        return self._all(Expert, "get_experts", dialogue_id)

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        """All, by number."""
        return self._all(Round, "get_rounds", dialogue_id)

    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        """All, by (round, seq)."""
        return self._all(Perspective, "get_perspectives", dialogue_id)

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        """All, by (round, seq)."""
        return self._all(Tension, "get_tensions", dialogue_id)

    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        """All, by (round, seq)."""
        return self._all(Recommendation, "get_recommendations", dialogue_id)

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        """All, by (round, seq)."""
        return self._all(Evidence, "get_evidence", dialogue_id)

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        """All, by (round, seq)."""
        return self._all(Claim, "get_claims", dialogue_id)

    def get_moves(self, dialogue_id: str) -> list[Move]:
        """All, by (round, expert_slug, seq)."""
        return self._all(Move, "get_moves", dialogue_id)

    def get_refs(self, dialogue_id: str) -> list[Ref]:
        """All, by (source, type, target)."""
        return self._all(Ref, "get_refs", dialogue_id)

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        """All, by (round, created_at, verdict_id)."""
        return self._all(Verdict, "get_verdicts", dialogue_id)

    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        """All, or those of one entity, by (timestamp, entity_id)."""
        with self._reading("get_events", dialogue_id, entity_id=entity_id) as part:
            if entity_id is not None and part.get(entity_of(entity_id)) is None:
                raise _missing("entity_not_found", "entity_id")
            return [e for e in _events(part) if entity_id in (None, e.entity_id)]

    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        """All, or those of one round, by (round, slug)."""
        with self._reading("get_convergence_signals", dialogue_id, round=round) as part:
            return [s for s in _list(Signal, part) if round in (None, s.round)]

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        """The number that the next entity of the kind would get."""
        with self._reading("next_seq", dialogue_id, round=round, entity=entity) as part:
            number = int(round)
            if part.get(key_of("round", round=number)) is None:
                raise _missing("round_not_found", "round")
            return NextSeq(part.count(f"{entity}#{number:02d}#") + 1)

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        """The whole dialogue; nothing is sealed here, so nothing is ever found."""
        with self._reading("load_partition", dialogue_id, on_error=on_error) as part:
            head = part.get("head")
            assert head is not None
            return DialoguePartition(
                dialogue=_result(Dialogue, part, "dialogue", part.get("meta")),
                experts=_list(Expert, part),
                rounds=_list(Round, part),
                verdicts=_list(Verdict, part),
                perspectives=_list(Perspective, part),
                tensions=_list(Tension, part),
                recommendations=_list(Recommendation, part),
                evidence=_list(Evidence, part),
                claims=_list(Claim, part),
                moves=_list(Move, part),
                refs=_list(Ref, part),
                events=_events(part),
                signals=_list(Signal, part),
                revision=head["revision"],
            )


def _input(method: str, values: Values) -> bytes:
    """The input of STORE-22: what is unset, and the request's id, are left out."""
    params = {k: v for k, v in values.items() if v is not None and k != "request_id"}
    whole = {"method": method, "params": params}
    return json.dumps(whole, sort_keys=True, default=lambda args: args.values).encode()


def _missing(code: str, field: str) -> DialogueStoreError:
    return from_problems([Problem(code, field, "is not there")])


def _list(kind: type[_T], part: Partition) -> list[_T]:
    """All entities of a class, in the order of STORE-05: that of their keys, but for verdicts."""
    entity = kind.__name__.lower()
    bodies = part.list(f"{entity}#")
    if kind is Verdict:
        bodies.sort(key=lambda body: (body["round"], body["created_at"], body["verdict_id"]))
    return [_result(kind, part, entity, body) for body in bodies]


def _events(part: Partition) -> list[Event]:
    """All events by (timestamp, entity_id)."""
    bodies = sorted(part.list("event#"), key=lambda body: (body["timestamp"], body["entity_id"]))
    return [_result(Event, part, "event", body) for body in bodies]


def _result(kind: type[_T], part: Partition, entity: str, body: Body | None) -> _T:
    """An object of a result class: the item's fields, ``dialogue_id`` and the display id."""
    assert body is not None  # the caller has looked
    fields = {**body, "dialogue_id": part.dialogue_id}
    if entity in ENTITIES and ENTITIES[entity].display_letter:
        fields["display_id"] = display_id_of(entity, body["round"], body["seq"])
    return kind(**fields)
