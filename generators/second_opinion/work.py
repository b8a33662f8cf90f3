"""What a check of one vector works on, and how checks are registered for the types of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .items import Refused

__all__ = ["CHECKS", "Check", "Refused", "Work", "check"]


class Work:
    """One vector's input, its group's parameters, and what this verifier made of them."""

    def __init__(self, given: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self.input = given
        self.parameters = parameters
        self.intermediate: dict[str, Any] = {}
        self.expected: dict[str, Any] = {}

    def octets(self, name: str) -> bytes:
        """An input field that is hex."""
        return bytes.fromhex(self.input[name])

    def note(self, **found: Any) -> None:
        """Values on the way, bytes as they are: they must be the vector's ``intermediate``."""
        self.intermediate |= {name: _shown(value) for name, value in found.items()}

    def give(self, **found: Any) -> None:
        """Results, bytes as they are: they must be the vector's ``expected``."""
        self.expected |= {name: _shown(value) for name, value in found.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: _shown(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(member) for member in value]
    return value


#: Goes through a vector; raises `Refused` where the contract refuses its input.
Check = Callable[[Work], None]

#: (family or folder, type of group) -> check. What is not here is not known, and an error.
CHECKS: dict[tuple[str, str], Check] = {}


def check(family: str, *types: str) -> Callable[[Check], Check]:
    """Register a check for groups of these types."""

    def register(function: Check) -> Check:
        for type_ in types:
            if (family, type_) in CHECKS:
                raise ValueError(f"two checks for {family} {type_}")
            CHECKS[family, type_] = function
        return function

    return register
