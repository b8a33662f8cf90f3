"""Writes that may be repeated (STORE-22): what a request was, and what it gave the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .contract.entities import CLASSES, RoundRegistration, plain
from .contract.errors import Problem, from_problems
from .contract.items import canonical_json
from .contract.tables import METHODS, TYPES
from .snapshot import Snapshot
from .writes import Draft, Repeat

__all__ = ["earlier_result", "input_hash", "remembered"]

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


def earlier_result(snapshot: Snapshot, method: str, args: Mapping[str, Any]) -> Repeat | None:
    """What the same request gave before; None where there was none. ``request_mismatch`` where the id was
    used with another input."""
    record = snapshot.find("request", request_id=args["request_id"])
    if record is None:
        return None
    if record.fields["input_hash"] != input_hash(method, args):
        raise from_problems(
            [Problem("request_mismatch", "request_id", "was used with another input")]
        )
    name = METHODS[method].returns.split("{")[0]
    values = plain(record.fields["result"])
    return Repeat(lambda _: _RESULTS[name](**values))
