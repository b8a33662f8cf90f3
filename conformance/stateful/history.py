"""What a history is: a prepared partition, then steps, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from reference_impl.contract.tables import METHODS
from reference_impl.contract.timestamps import normalise

__all__ = [
    "CLOSE",
    "HISTORY_SCHEMA",
    "LONGEST",
    "OPEN",
    "SWITCH",
    "History",
    "Step",
    "expanded",
    "long_text",
]

#: Steps that are no methods of a store: it is closed, the same storage is opened again, the steps that
#: follow are another client's (a second one; after the next such step the first one's again).
CLOSE: Final = "close"
OPEN: Final = "open"
SWITCH: Final = "switch"
_NO_CALLS: Final = (CLOSE, OPEN, SWITCH)

#: The most characters that a repeated text in a step may have: ten times what an item can hold.
LONGEST: Final = 4_000_000


@dataclass(frozen=True)
class Step:
    """One call: the time that the clock stands at, a method, its parameters by name."""

    at: str
    method: str
    params: Mapping[str, Any]

    @property
    def is_call(self) -> bool:
        """Whether a method of the store is called."""
        return self.method not in _NO_CALLS

    def as_json(self) -> dict[str, Any]:
        """The step as a JSON object."""
        return {"at": self.at, "method": self.method, "params": dict(self.params)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Step:
        """The step of :meth:`as_json`; ``ValueError`` for an unknown method or parameter, or a time
        that is none."""
        method, params = value["method"], value["params"]
        if method in _NO_CALLS:
            known: set[str] = set()
        elif method in METHODS:
            known = {param.name for param in METHODS[method].params}
            known |= {"request_id"} if METHODS[method].kind == "write" else set()
        else:
            raise ValueError(f"no method is called {method}")
        unknown = sorted(set(params) - known)
        if unknown:
            raise ValueError(f"{method} has no parameter {', '.join(unknown)}")
        return cls(normalise(value["at"]), method, params)


@dataclass(frozen=True)
class History:
    """Steps after a prepared partition (a name of :data:`.prepared.PREPARED`)."""

    name: str
    prepared: str
    steps: tuple[Step, ...]

    def with_steps(self, steps: Sequence[Step]) -> History:
        """The same beginning with other steps."""
        return replace(self, steps=tuple(steps))


HISTORY_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 5000,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["at", "method", "params"],
        "properties": {
            "at": {"type": "string"},
            "method": {"type": "string"},
            "params": {"type": "object"},
        },
    },
}


def long_text(part: str, times: int) -> dict[str, Any]:
    """A long text as steps write it, so that a file of them stays short."""
    return {"$text": part, "times": times}


def expanded(value: Any) -> Any:
    """A copy of a step's parameter with long texts written out; ``ValueError`` beyond
    :data:`LONGEST`."""
    if isinstance(value, Mapping):
        if set(value) == {"$text", "times"}:
            return _repeated(value["$text"], value["times"])
        return {name: expanded(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [expanded(member) for member in value]
    return value


def _repeated(part: object, times: object) -> str:
    if not isinstance(part, str) or not isinstance(times, int) or isinstance(times, bool):
        raise ValueError('a long text is {"$text": text, "times": number}')
    if times < 0 or len(part) * times > LONGEST:
        raise ValueError(f"a long text has at most {LONGEST} characters")
    return part * times
