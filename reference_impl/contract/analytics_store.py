"""The abstract class for reads across dialogues, with names as in ``methods.json``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .entities import (
    Contribution,
    CrossDialogueStats,
    DialogueSummary,
    Page,
    SimilarDialogue,
    TensionSummary,
)
from .scoped import Lifecycle

__all__ = ["AnalyticsStore"]


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
