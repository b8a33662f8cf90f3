"""Findings of validation by group (STORE-14), and the mark of a value that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...contract.errors import MAX_FINDINGS, Problem, from_problems, validation_failed

__all__ = ["INVALID", "Problems"]

#: Stands for a value that was refused; nobody looks at it further.
INVALID: Final[Any] = object()


@dataclass
class Problems:
    """What was found so far. Of each group the first 1,000 findings are kept, the rest is counted, so
    that a million bad values do not make a million findings."""

    #: group -> its first findings
    groups: dict[int, list[Problem]] = field(default_factory=dict)
    #: group -> how many more there are
    more: dict[int, int] = field(default_factory=dict)
    #: how many findings there are
    total: int = 0
    #: local ids of a round that may stand where a display id is asked for -> entity
    local_ids: Mapping[str, str] = field(default_factory=dict)
    #: entries of a round for which something was found: their items are not measured
    with_findings: set[str] = field(default_factory=set)

    def add(self, group: int, code: str, where: str, what: str, **data: Any) -> Any:
        """A finding; gives :data:`INVALID`, so that a check can end with it."""
        self.total += 1
        kept = self.groups.setdefault(group, [])
        if len(kept) < MAX_FINDINGS:
            kept.append(Problem(code, where, what, data))
        else:
            self.more[group] = self.more.get(group, 0) + 1
        return INVALID

    def copy(self) -> Problems:
        """The same findings, to be added to."""
        groups = {group: list(kept) for group, kept in self.groups.items()}
        return Problems(
            groups, dict(self.more), self.total, self.local_ids, set(self.with_findings)
        )

    def raise_first(self) -> None:
        """End the method at the first group that has findings, with all of them."""
        if self.groups:
            first = min(self.groups)
            raise from_problems(self.groups[first], more=self.more.get(first, 0))

    def raise_all(self, *, below: int = 8) -> None:
        """End a round with the findings of all groups, or of those ``below`` one (STORE-13)."""
        groups = [group for group in sorted(self.groups) if group < below]
        if groups:
            kept = [problem for group in groups for problem in self.groups[group]]
            raise validation_failed(kept, more=sum(self.more.get(group, 0) for group in groups))
