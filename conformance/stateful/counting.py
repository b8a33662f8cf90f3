"""What histories must reach to be worth something, and what they did reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .history import Step
from .outcomes import Outcome

__all__ = ["ENOUGH", "PARITY_CODES", "Counts"]

#: Every code that sequential calls can cause: the one list.
PARITY_CODES: Final = (
    "missing_field",
    "invalid_field",
    "invalid_identifier",
    "invalid_display_id",
    "invalid_round",
    "invalid_ref_type",
    "invalid_entity_type",
    "type_id_mismatch",
    "dialogue_not_found",
    "round_not_found",
    "expert_not_found",
    "entity_not_found",
    "invalid_ref_target",
    "duplicate_entity",
    "invalid_status_transition",
    "limit_exceeded",
    "item_too_large",
    "validation_failed",
    "request_mismatch",
    "store_closed",
)

#: How often each method and each code must occur.
ENOUGH: Final = 20

#: Codes that only some profile's methods can cause.
_NEEDS: Final[Mapping[str, str]] = {
    "validation_failed": "batch",
    "request_mismatch": "idempotency",
}


@dataclass
class Counts:
    """Steps by the method called and by what they ended with, as the model says."""

    methods: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    succeeded: int = 0

    def __call__(self, step: Step, expected: Outcome) -> None:
        """Count a step (a :class:`.playing.Watch`)."""
        if not step.is_call:
            return
        self.steps += 1
        self.methods[step.method] += 1
        if expected.code:
            self.codes[expected.code] += 1
        else:
            self.succeeded += 1

    def shortfalls(self, methods: Sequence[str], profiles: Sequence[str]) -> list[str]:
        """What was not reached, one clause each."""
        out = [f"{name} {self.methods[name]}" for name in methods if self.methods[name] < ENOUGH]
        out += [
            f"{code} {self.codes[code]}"
            for code in PARITY_CODES
            if self.codes[code] < ENOUGH and _NEEDS.get(code, "core") in profiles
        ]
        if self.succeeded * 2 < self.steps:
            out.append(f"{self.succeeded} of {self.steps} calls succeeded, less than half")
        return out

    def as_json(self) -> dict[str, Any]:
        """The counts for machines."""
        return {
            "steps": self.steps,
            "succeeded": self.succeeded,
            "methods": dict(sorted(self.methods.items())),
            "codes": dict(sorted(self.codes.items())),
        }
