"""The abstract class for reads across dialogues, with names as in ``methods.json``, and its results: they
belong to no one partition, so none has the marker (STORE-02)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .scoped import Lifecycle

__all__ = [
    "AnalyticsStore",
    "Contribution",
    "CrossDialogueStats",
    "DialogueSummary",
    "Page",
    "SimilarDialogue",
    "TensionSummary",
]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Page(Generic[_T]):
    """One page of a list over all dialogues; only a null ``cursor`` ends it (STORE-23)."""

    __slots__ = ("cursor", "items")  # slots=True would make ``Page[X](…)`` fail on Python 3.11

    items: list[_T]
    cursor: str | None

    def __reduce__(self) -> tuple[Any, ...]:
        """To be pickled and copied like the other results, which ``slots=True`` sees to."""
        return (type(self), (self.items, self.cursor))


@dataclass(frozen=True, slots=True)
class DialogueSummary:
    """A dialogue's cleartext."""

    dialogue_id: str
    status: str
    created_at: str
    updated_at: str
    total_rounds: int
    total_alignment: int


@dataclass(frozen=True, slots=True)
class TensionSummary:
    """A tension's cleartext; ``tension_id`` is its display id."""

    dialogue_id: str
    tension_id: str
    status: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """Where an expert takes part; ``kind`` is ``expert`` or ``move``."""

    dialogue_id: str
    round: int
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class CrossDialogueStats:
    """Numbers over all dialogues: ``avg_alignment`` is per dialogue, to six decimals;
    ``top_experts`` are at most ten ``{"expert_slug", "total_score"}``, best first, then by slug."""

    dialogues: int
    by_status: dict[str, int]
    perspectives: int
    tensions: int
    recommendations: int
    evidence: int
    claims: int
    open_tensions: int
    resolved_tensions: int
    avg_alignment: float
    experts: int
    top_experts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SimilarDialogue:
    """A dialogue whose title matched."""

    dialogue_id: str
    title: str
    total_alignment: int


class AnalyticsStore(Lifecycle, ABC):
    """Reads across dialogues (STORE-02), from keys and cleartext only but for
    :meth:`find_similar_dialogues`; results do not carry the marker of one partition.

    ``limit`` is 1 to 1,000 (``invalid_field``); a null cursor ends a list, never a short page; a
    foreign or damaged cursor is ``invalid_cursor`` (STORE-23).
    """

    @abstractmethod
    def list_dialogues(
        self, status: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[DialogueSummary]:
        """All dialogues, or those of one status."""

    @abstractmethod
    def list_tensions(
        self, status: str, cursor: str | None = None, limit: int = 100
    ) -> Page[TensionSummary]:
        """The tensions of one status in every dialogue."""

    @abstractmethod
    def list_expert_contributions(
        self, expert_slug: str, cursor: str | None = None, limit: int = 100
    ) -> Page[Contribution]:
        """Where an expert takes part: as an expert of a dialogue, and by moves. Contributors of
        other entities are sealed and not found here."""

    @abstractmethod
    def get_cross_dialogue_stats(self) -> CrossDialogueStats:
        """Numbers over all dialogues, from a paged scan of keys and cleartext."""

    @abstractmethod
    def find_similar_dialogues(self, query: str, limit: int = 10) -> list[SimilarDialogue]:
        """Dialogues whose title holds ``query`` in any case; titles are opened here, so this one
        needs the keys."""
