"""Writes that may be repeated (STORE-22): what a request was, and what it gave the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from ...contract.entities import CLASSES, RoundRegistration, plain
from ...contract.errors import DialogueStoreError, Problem, from_problems, validation_failed
from ...contract.items import canonical_json
from ...contract.tables import METHODS, TYPES
from ..snapshot import Snapshot
from .drafts import Draft, Repeat

__all__ = ["earlier_result", "input_hash", "remembered"]

#: Codes of the last group of STORE-14, in which request_mismatch comes first.
_LAST_GROUP = (
    "duplicate_entity",
    "invalid_status_transition",
    "limit_exceeded",
    "item_too_large",
)
#: What a write method's result is called in methods.json -> the class.
_RESULTS: Mapping[str, type[Any]] = {
    **{cls.__name__: cls for cls in CLASSES.values()},
    RoundRegistration.__name__: RoundRegistration,
}


def input_hash(method: str, args: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the canonical JSON of method and parameters as validated: defaults filled in, unset
    ones and ``request_id`` left out."""
    params = {
        name: value for name, value in args.items() if name != "request_id" and value is not None
    }
    return hashlib.sha256(canonical_json({"method": method, "params": params})).hexdigest()


def remembered(method: str, args: Mapping[str, Any], result: Any, now: str) -> Draft:
    """The item that remembers a request, for the same commit as the write."""
    return Draft(
        TYPES["request"],
        {
            "request_id": args["request_id"],
            "created_at": now,
            "input_hash": input_hash(method, args),
            "result": plain(result),
        },
    )


def earlier_result(
    snapshot: Snapshot, method: str, args: Mapping[str, Any], plan: Callable[[], object]
) -> Repeat | None:
    """What the same request gave before; None where there was none.

    ``request_mismatch`` where the id was used with another input: the first of the last group of STORE-14,
    so that ``plan``, which makes this input's own plan, is asked what else there is to say.
    """
    record = snapshot.find("request", request_id=args["request_id"])
    if record is None:
        return None
    if record.fields["input_hash"] != input_hash(method, args):
        raise _mismatch(plan)
    name = METHODS[method].returns.split("{")[0]
    values = plain(record.fields["result"])
    return Repeat(lambda _: _RESULTS[name](**values))


def _mismatch(plan: Callable[[], object]) -> DialogueStoreError:
    problems = [Problem("request_mismatch", "request_id", "was used before with another input")]
    more = 0
    try:
        plan()
    except DialogueStoreError as other:
        found = [_as_problem(data) for data in other.data.get("findings", ())]
        more = other.data.get("more", 0)
        earlier = [problem for problem in found if problem.code not in _LAST_GROUP]
        if earlier and other.code == "validation_failed":
            return validation_failed([*earlier, *problems, *found[len(earlier) :]], more=more)
        if earlier or not found:
            return other
        problems += found
    return from_problems(problems, more=more)


def _as_problem(data: Mapping[str, Any]) -> Problem:
    known = ("code", "field", "message", "suggestion")
    more = {name: value for name, value in data.items() if name not in known}
    return Problem(data["code"], data["field"], data["message"], more)
