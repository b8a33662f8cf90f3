"""A divergence as a file of its own: everything that is needed to play it again, and what was seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from .blame import rule_of
from .history import HISTORY_SCHEMA, History, Step, expanded
from .inputs import BUILDERS
from .playing import Divergence
from .prepared import PREPARED

__all__ = ["FORMAT_VERSION", "BadRecord", "Record", "as_record", "read_record", "write_record"]

#: 2: other prepared partitions, two clients, findings told once.
FORMAT_VERSION: Final = 2
#: No file of ours is larger: long texts are written as a part and how often it stands there.
_MOST_BYTES: Final = 16 * 1024 * 1024

#: The characters of all its long texts.
_MOST_TEXT: Final = 64 * 1024 * 1024

_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("format_version", "history", "seed", "prepared", "at_once", "with_times", "steps"),
        *("where", "dialogue_id", "rule", "guilty", "outcomes"),
    ],
    "properties": {
        "format_version": {"const": FORMAT_VERSION},
        "history": {"type": "string"},
        "seed": {"type": ["integer", "null"]},
        "prepared": {"enum": list(PREPARED)},
        "at_once": {"type": "boolean"},
        "with_times": {"type": "boolean"},
        "steps": HISTORY_SCHEMA,
        "where": {"enum": ["outcome", "partition", "items"]},
        "dialogue_id": {"type": "string"},
        "rule": {"type": "string"},
        "guilty": {"type": "array", "items": {"type": "string"}},
        "outcomes": {"type": "object"},
    },
}


class BadRecord(ValueError):
    """A file that is no divergence of ours."""


@dataclass(frozen=True)
class Record:
    """A divergence as a file has it. ``outcomes``: side -> what it gave there (the model among them)."""

    history: History
    at_once: bool
    with_times: bool
    where: str
    rule: str
    guilty: Sequence[str]
    outcomes: Mapping[str, Any]


def as_record(found: Divergence, *, seed: int | None, at_once: bool, with_times: bool) -> Any:
    """The divergence as a JSON object."""
    return {
        "format_version": FORMAT_VERSION,
        "history": found.history.name,
        "seed": seed,
        "prepared": found.history.prepared,
        "at_once": at_once,
        "with_times": with_times,
        "where": found.where,
        "dialogue_id": found.dialogue_id,
        "rule": rule_of(found),
        "guilty": list(found.guilty),
        "steps": [step.as_json() for step in found.history.steps],
        "outcomes": dict(found.seen),
    }


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Write it, lone surrogates escaped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_record(path: Path) -> Record:
    """The file's divergence; :class:`BadRecord`, saying what is wrong, for anything else."""
    value = _parsed(path)
    wrong = next(iter(Draft202012Validator(_SCHEMA).iter_errors(value)), None)
    if wrong is not None:
        where = "/".join(map(str, wrong.absolute_path)) or "the document"
        raise BadRecord(f"{path} is no divergence: {where}: {wrong.message[:200]}")
    try:
        steps = tuple(Step.from_json(step) for step in value["steps"])
        if sum(_size(step.params) for step in steps) > _MOST_TEXT:
            raise ValueError(f"its long texts have more than {_MOST_TEXT} characters")
        for step in steps:
            if step.is_call and step.method not in BUILDERS:
                raise ValueError(f"{step.method} is in no history")
            expanded(step.params)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{path} is no divergence: steps: {str(error)[:200]}") from None
    return Record(
        History(value["history"], value["prepared"], steps),
        value["at_once"],
        value["with_times"],
        value["where"],
        value["rule"],
        value["guilty"],
        value["outcomes"],
    )


def _size(value: Any) -> int:
    """The characters of the long texts in a parameter."""
    if isinstance(value, Mapping):
        times, part = value.get("times"), value.get("$text")
        if isinstance(times, int) and isinstance(part, str):
            return times * len(part)
        return sum(_size(member) for member in value.values())
    return sum(_size(member) for member in value) if isinstance(value, list) else 0


def _parsed(path: Path) -> Any:
    try:
        if not path.is_file():
            raise BadRecord(f"there is no file {path}")
        if path.stat().st_size > _MOST_BYTES:
            raise BadRecord(f"{path} is no divergence: it has more than {_MOST_BYTES} bytes")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecord(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadRecord):
            raise
        raise BadRecord(f"{path} is no divergence: it is not JSON in UTF-8") from None
