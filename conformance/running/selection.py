"""What a run leaves out on request: a run under a filter decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """Which of the collected cases are run.

    ``rules``: only cases that cite one of them. ``cases``: only these ids (None: any).
    ``fail_fast``: end after the first case that does not pass; ``known``: cases whose failure does
    not end it.
    """

    rules: tuple[str, ...] = ()
    cases: frozenset[str] | None = None
    fail_fast: bool = False
    known: frozenset[str] = frozenset()

    def leaves_out(self, case: str, rules: Collection[str]) -> bool:
        """Whether the case of this id, which cites ``rules``, is not to run."""
        if self.rules and not set(self.rules) & set(rules):
            return True
        return self.cases is not None and case not in self.cases

    def filters(self) -> list[str]:
        """What leaves cases out, in words; empty: nothing does from the outset."""
        told = []
        if self.rules:
            told.append(f"--rule {' '.join(self.rules)} leaves cases out")
        if self.cases is not None:
            told.append(f"--only-failing runs again what failed last time ({len(self.cases)})")
        return told

    def lost(self, collected: Collection[str]) -> list[str]:
        """Asked for and not there."""
        return sorted(set(self.cases or ()) - set(collected))
