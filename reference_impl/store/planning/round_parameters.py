"""Validation of a whole round, groups 1 to 4 of STORE-14: each entry is read as the parameters of its own
method, under a path of its own and with local ids wherever a display id may stand (STORE-13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...contract import addresses
from ...contract.items import canonical_json
from ...contract.limits import MAX_ROUND_BYTES
from ...contract.tables import LETTERS, METHODS, NUMBERED, Param
from .parameters import check_param, read_params
from .problems import INVALID, Problems
from .values import check_identifier, check_members, members_of, sequence_of

__all__ = ["OWN", "validated_round"]

#: The parameters that are fields of the round itself.
OWN = ("round", "score", "title", "summary", "metrics")

_FROM_THE_CALL = ("dialogue_id", "round")
#: What a status update may have: the parameters of all ``update_*_status``.
_OF_UPDATE = ("actors", "event_round", "reason", "reference", "result_id", "verdict_id")

#: (findings, path of the entry, its members) -> the entry, normalised.
Reader = Callable[[Problems, str, Any], Any]


def _params(method: str, *, but: Sequence[str] = _FROM_THE_CALL) -> tuple[Param, ...]:
    return tuple(param for param in METHODS[method].params if param.name not in but)


_SCORE = next(p for p in METHODS["update_expert_score"].params if p.name == "score")
_RESPONSE = next(p for p in METHODS["record_expert_response"].params if p.name == "content")
#: The members of a ref: those of ``register_ref`` under shorter names.
_OF_REF = tuple(
    replace(param, name=param.name.removesuffix("_id"))
    for name in ("source_id", "ref_type", "target_id")
    for param in METHODS["register_ref"].params
    if param.name == name
)


def validated_round(given: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """The parameters, normalised, and every finding of groups 1 to 4.

    A value that was refused is :data:`INVALID`; where there is any, the call is no request that could be
    remembered. ``with_findings`` names the entries for which there is one (``round``: the round itself).
    """
    problems = Problems(local_ids=_local_ids(given))
    out: dict[str, Any] = {}
    for param in METHODS["register_round"].params:
        name, value, before = param.name, given.get(param.name), problems.total
        if name in _READERS:
            out[name] = _entries(problems, name, value, _READERS[name])
        elif name == "status_updates":
            out[name] = _entries(problems, name, value, partial(_update, out["round"]))
        elif name == "expert_scores":
            out[name] = _by_slug(problems, name, value, _SCORE)
        elif name == "responses":
            out[name] = _by_slug(problems, name, value, _RESPONSE)
        else:
            out[name] = check_param(problems, param, value, name)
            if name in OWN and problems.total != before:
                problems.with_findings.update(("round", name))
    request_id = given.get("request_id")
    if request_id is not None:
        request_id = check_identifier(problems, "request_id", request_id)
    if not problems.total:
        out["request_id"] = request_id
        if len(canonical_json(out)) > MAX_ROUND_BYTES:
            what = "the whole call takes more than 64 MiB"
            problems.add(7, "limit_exceeded", "round", what, limit=MAX_ROUND_BYTES)
    return out, problems


def _entries(problems: Problems, name: str, value: Any, read: Reader) -> list[Any]:
    """The entries of a list, each read by itself; what is no list has none."""
    entries = [] if value is None else sequence_of(problems, name, value) or []
    out = []
    for i, entry in enumerate(entries):
        where, before = f"{name}[{i}]", problems.total
        out.append(read(problems, where, entry))
        if problems.total != before:
            problems.with_findings.add(where)
    return out


def _as_given(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what is unset (STORE-22)."""
    return {name: value for name, value in entry.items() if value is not None}


# -- local ids ----------------------------------------------------------------------------------


def _local_ids(given: Mapping[str, Any]) -> dict[str, str]:
    """Local id -> entity, for every good one; of two that are the same the first counts. What is wrong with
    the others is found where their entry is read."""
    declared: dict[str, str] = {}
    unheard = Problems()
    for kind, entity in NUMBERED.items():
        value = given.get(kind)
        for entry in () if value is None else sequence_of(unheard, kind, value) or ():
            members = members_of(unheard, kind, entry) or {}
            if members.get("local_id") is not None:
                name = _local_id(unheard, kind, members["local_id"])
                if name is not INVALID:
                    declared.setdefault(name, entity)
    return declared


def _local_id(problems: Problems, where: str, value: Any) -> Any:
    name = check_identifier(problems, where, value)
    if name is not INVALID and addresses.is_display_id(name):
        what = "looks like a display id, so it cannot be a local id"
        return problems.add(3, "invalid_identifier", where, what)
    return name


# -- entries ------------------------------------------------------------------------------------


def _new_entity(method: str, problems: Problems, where: str, entry: Any) -> Any:
    """The parameters of ``register_*`` but the round, and a local id."""
    params = _params(method)
    names = [*(param.name for param in params), "local_id"]
    members = check_members(problems, where, entry, names)
    if members is None:
        return INVALID
    local_id = members.get("local_id")
    if local_id is not None:
        local_id = _local_id(problems, f"{where}.local_id", local_id)
    out = {"local_id": local_id, **read_params(problems, method, params, members, f"{where}.")}
    return _as_given(out)


def _move(problems: Problems, where: str, entry: Any) -> Any:
    """The parameters of ``register_move`` but the round."""
    params = _params("register_move")
    members = check_members(problems, where, entry, [param.name for param in params])
    if members is None:
        return INVALID
    return _as_given(read_params(problems, "register_move", params, members, f"{where}."))


def _ref(problems: Problems, where: str, entry: Any) -> Any:
    members = check_members(problems, where, entry, [param.name for param in _OF_REF])
    if members is None:
        return INVALID
    return read_params(problems, "a ref of a round", _OF_REF, members, f"{where}.")


def _update(number: Any, problems: Problems, where: str, entry: Any) -> Any:
    """The parameters of ``update_*_status`` of the entity that is named. Without ``actors`` it has none,
    without an ``event_round`` it is this round's. Of an entity that is not known any of them may be given."""
    names = ("entity_id", "status", *_OF_UPDATE)
    members = check_members(problems, where, entry, names)
    if members is None:
        return INVALID
    entity = _entity_of(problems, members.get("entity_id"))
    method = f"update_{entity or 'recommendation'}_status"
    defaults = {"actors": [], "event_round": number}
    params = [
        replace(param, required=False, default=defaults[param.name])
        if param.name in defaults
        else param
        for param in _params(method)
    ]
    if entity is None:
        params = [replace(p, type="text") if p.name == "status" else p for p in params]
        method = "an update of what is not known"
    out = read_params(problems, method, params, members, f"{where}.")
    for name in names:
        if name not in out and members.get(name) is not None:
            what = f"must not be given: a status update of {entity} does not have it"
            out[name] = problems.add(1, "invalid_field", f"{where}.{name}", what)
    return _as_given(out)


def _entity_of(problems: Problems, some_id: Any) -> str | None:
    """The entity type that a display id or local id stands for; None for anything else."""
    if not isinstance(some_id, str):
        return None
    name = str.__str__(some_id)
    if name in problems.local_ids:
        return problems.local_ids[name]
    return LETTERS[name[0]] if addresses.is_display_id(name) else None


def _signal(problems: Problems, where: str, slug: Any) -> Any:
    return check_identifier(problems, where, slug)


_READERS: Mapping[str, Reader] = {
    **{kind: partial(_new_entity, f"register_{entity}") for kind, entity in NUMBERED.items()},
    "moves": _move,
    "refs": _ref,
    "signals": _signal,
}


def _by_slug(problems: Problems, where: str, value: Any, param: Param) -> dict[str, Any]:
    """An object by expert. A name that is no slug is not repeated in its path: it may be anything."""
    members = {} if value is None else members_of(problems, where, value) or {}
    out = {}
    for number, (slug, member) in enumerate(members.items()):
        path = f"{where}.{slug}" if addresses.is_identifier(slug) else f"{where}[{number}]"
        name = check_identifier(problems, path, slug)
        if member is None:
            checked = problems.add(1, "invalid_field", path, "must not be null")
        else:
            checked = check_param(problems, param, member, path)
        if name is not INVALID:
            out[name] = checked
    return out
