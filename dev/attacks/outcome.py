"""What an attack found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SHOWN", "Outcome", "Tick"]

#: Called after each fork, answer, flip or call.
Tick = Callable[[], None]

#: How many of the things that did not hold are told in words; the figures count all.
SHOWN = 20


@dataclass
class Outcome:
    """``figures``: numbers and words by name, as they are printed. ``broken``: what did not hold, a
    sentence each; empty: all held."""

    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return not self.broken
