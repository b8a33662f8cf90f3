"""A whole round in one write (STORE-13): the rules of the single writes, one after the other.

First every value is checked by itself and every entity gets its display id, so that a local id can
stand for one anywhere in the call. Then the rules run. Everything that is wrong is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from reference_impl.contract.limits import MAX_EACH, MAX_REFS
from reference_impl.contract.tables import LETTERS, METHODS

from .values import (
    WRONG,
    Findings,
    Made,
    Values,
    as_list,
    as_object,
    check_call,
    check_values,
    display_id,
    identifier,
    is_display_id,
    is_identifier,
    is_object,
    only_members,
    ref_type,
    required_text,
    whole,
)
from .writes import (
    RULES,
    Args,
    Write,
    change_expert,
    display_id_of,
    record_convergence_signal,
    ref_between,
)

__all__ = ["check_round", "register_round"]

_TYPE, _FORM, _STATE = 1, 3, 7
#: Where the round itself is wrong the rest is judged as if it were there; it never is.
_NO_ROUND: Final = -1
#: Parameter of ``register_round`` -> entity: perspectives, tensions, …
_ENTITIES: Final = {
    f"{entity}s".replace("evidences", "evidence"): entity
    for entity in ("perspective", "tension", "recommendation", "evidence", "claim")
}
_LISTS: Final = (*_ENTITIES, "moves", "refs", "status_updates")
_REST: Final = ("expert_scores", "responses", "signals")
_IMPLIED: Final = ("dialogue_id", "round")
_ANY_STATUS: Final = {p.name for p in METHODS["update_recommendation_status"].params[1:]}


def check_round(given: Mapping[str, Any], found: Findings) -> Values:
    """The parameters of ``register_round`` as they are kept. Entities, moves and status updates are
    :class:`Args` for the rules of single writes; ``ids`` maps local ids to display ids."""
    values = check_call("register_round", given, found, without=(*_LISTS, *_REST))
    values["number"] = _NO_ROUND if values["round"] is WRONG else values["round"]
    lists = {name: _sequence(found, name, given.get(name)) for name in (*_LISTS, "signals")}
    check = _Parts(found, values["number"])
    check.take_local_ids(lists)
    for name, entity in _ENTITIES.items():
        values[name] = [
            check.step(f"register_{entity}", f"{name}[{at}]", each, "local_id")
            for at, each in enumerate(lists[name])
        ]
    moves, refs, updates = lists["moves"], lists["refs"], lists["status_updates"]
    values["ids"] = check.ids
    values["moves"] = [
        check.step("register_move", f"moves[{at}]", each) for at, each in enumerate(moves)
    ]
    values["refs"] = [check.ref(f"refs[{at}]", each) for at, each in enumerate(refs)]
    values["status_updates"] = [
        check.update(f"status_updates[{at}]", each) for at, each in enumerate(updates)
    ]
    for name, of_value in (("responses", required_text), ("expert_scores", whole)):
        values[name] = check.by_expert(name, given.get(name), of_value)
    signals = as_list(found, "signals", lists["signals"], identifier)
    values["signals"] = [(f"signals[{at}]", slug) for at, slug in enumerate(signals)]
    return values


def _sequence(found: Findings, name: str, value: Any) -> Sequence[Any]:
    checked = as_list(found, name, () if value is None else value, lambda _, __, member: member)
    return () if checked is WRONG else checked


class _Parts:
    """Checks the parts of a round. ``ids``: local id -> display id."""

    def __init__(self, found: Findings, round: int) -> None:
        self.ids: dict[str, Made] = {}
        self._found = found
        self._round = round

    def take_local_ids(self, lists: Mapping[str, Sequence[Any]]) -> None:
        """An entity's number is its place in its list, so ids are known before anything else."""
        for name, entity in _ENTITIES.items():
            for at, each in enumerate(lists[name]):
                if not isinstance(each, Mapping) or each.get("local_id") is None:
                    continue
                field = f"{name}[{at}].local_id"
                local = identifier(self._found, field, each["local_id"])
                if local is not WRONG and is_display_id(local):
                    what = "could be taken for a display id"
                    self._found.add(_FORM, "invalid_identifier", field, what)
                elif local in self.ids:
                    self._found.add(_STATE, "duplicate_entity", field, "is taken")
                elif local is not WRONG:
                    self.ids[local] = Made(display_id_of(entity, self._round, at + 1))

    def step(self, method: str, at: str, given: Any, *more: str) -> Args:
        """The values of one single write within the round."""
        if not is_object(self._found, at, given):
            return Args({}, at)
        known = {param.name for param in METHODS[method].params} - set(_IMPLIED)
        only_members(self._found, at, given, known | set(more))
        given = dict(given)
        for name in ("references", "targets", "entity_id", "result_id"):
            if name in given and not (name == "targets" and given.get("move_type") == "request"):
                given[name] = self._resolved(given[name])
        values = check_values(method, given, self._found, f"{at}.", without=_IMPLIED)
        return Args({"round": self._round, **values}, at)

    def ref(self, at: str, given: Any) -> Args:
        """One of ``refs``: two display or local ids and the type between them."""
        if not is_object(self._found, at, given):
            return Args({}, at)
        ends = {name: self._resolved(given.get(name)) for name in ("source", "target")}
        members = {"source": display_id, "ref_type": ref_type, "target": display_id}
        return Args(as_object(self._found, at, {**given, **ends}, members, {}), at)

    def update(self, at: str, given: Any) -> Args:
        """A status change; the letter of its id tells the method, which is kept as ``method``."""
        if not is_object(self._found, at, given):
            return Args({}, at)
        only_members(self._found, at, given, _ANY_STATUS)
        given = {name: each for name, each in given.items() if each is not None}
        entity_id = self._resolved(given.get("entity_id"))
        entity = LETTERS[entity_id[0]] if is_display_id(entity_id) else None
        method = f"update_{entity or 'recommendation'}_status"
        takes = {param.name for param in METHODS[method].params}
        for name in given.keys() & _ANY_STATUS - takes:
            self._found.add(_TYPE, "invalid_field", f"{at}.{name}", f"a {entity} takes none")
        if entity is None and isinstance(given.get("status"), str):
            # Nobody can say which statuses there are: one that fits whatever else is given.
            given["status"] = "adopted" if "verdict_id" in given else "amended"
        given = {"actors": (), "event_round": max(self._round, 0), **given}
        args = self.step(method, at, {name: given[name] for name in given.keys() & takes})
        return Args({"method": method, **args.values} if args else {}, at)

    def by_expert(
        self, name: str, given: Any, of_value: Callable[..., Any]
    ) -> list[tuple[str, Any, Any]]:
        """(field, slug, value) of a map by expert. What is no slug is not repeated in a path."""
        if given is None or not is_object(self._found, name, given):
            return []
        out = []
        for at, (key, value) in enumerate(given.items()):
            field = f"{name}.{key}" if is_identifier(key) else f"{name}[{at}]"
            slug = identifier(self._found, field, key)
            if value is None:
                self._found.add(_TYPE, "invalid_field", field, "must not be null")
            kept = WRONG if value is None else of_value(self._found, field, value)
            out.append((field, slug, kept))
        return out

    def _resolved(self, value: Any) -> Any:
        """A value with display ids for local ids, in lists and ``target`` members too."""
        if isinstance(value, str):
            return self.ids.get(value, value)
        if isinstance(value, list | tuple):
            return [self._resolved(member) for member in value]
        if isinstance(value, Mapping) and "target" in value:
            return {**value, "target": self._resolved(value["target"])}
        return value


# -- the write ---------------------------------------------------------------------------------------


def register_round(w: Write, values: Values) -> Values:
    """Run every rule and give the fields of the result; what is wrong stays in ``w.found``."""
    number = values["number"]
    w.begin_round(
        display_id_of(entity, number, at + 1)
        for name, entity in _ENTITIES.items()
        for at, _ in enumerate(values[name])
    )
    _check_limits(w, values)
    _run(w, "create_round", [Args({**values, "round": number, "status": "open"})], "round")
    for name, entity in _ENTITIES.items():
        _run(w, f"register_{entity}", values[name])
    _run(w, "register_move", values["moves"])
    for args in filter(None, values["refs"]):
        w.blame = args.at
        ref_between(w, args, "source", "target")
    for args in filter(None, values["status_updates"]):
        _run(w, args["method"], [args])
    for name, field in (("responses", "raw_content"), ("expert_scores", "scores")):
        for at, slug, value in values[name]:
            w.blame = at
            change_expert(w, w.need_expert(slug, at), field, number, value, at)
    for at, slug in values["signals"]:
        w.blame = at
        if w.need_expert(slug, at) is not None:
            record_convergence_signal(w, Args({"round": number, "expert_slug": slug}, at))
    counts = {name: len(values[name]) for name in (*_LISTS, *_REST)}
    counts |= {"refs": w.count("ref"), "signals": w.count("signal"), "events": w.count("event")}
    made = {"round": values["round"], "ids": values["ids"], "counts": counts}
    return {**made, "revision": w.revision + 1}


def _run(w: Write, method: str, steps: Sequence[Args], blame: str = "") -> None:
    for args in filter(None, steps):
        w.blame = blame or args.at
        RULES[method](w, args)


def _check_limits(w: Write, values: Values) -> None:
    """99 of each kind, and 999 refs as given, those of ``references`` first."""
    for name in (*_ENTITIES, "moves"):
        if len(values[name]) > MAX_EACH:
            w.problem(_STATE, "limit_exceeded", name, f"may be {MAX_EACH} at most")
    fields = [
        args.path(f"references[{number}]")
        for name in _ENTITIES
        for args in filter(None, values[name])
        for number, _ in enumerate(() if args["references"] is WRONG else args["references"])
    ]
    fields += [f"refs[{at}]" for at, _ in enumerate(values["refs"])]
    if len(fields) > MAX_REFS:
        w.problem(_STATE, "limit_exceeded", fields[MAX_REFS], f"is one more than {MAX_REFS}")
