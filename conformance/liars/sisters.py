"""Liars that forget in one of several sister methods a check, an order or a finding (STORE-14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.model.findings import Findings
from conformance.model.partition import Partition
from conformance.model.state import State
from reference_impl.contract.errors import DialogueStoreError, error

from .kit.lie import lie
from .kit.meddling import Hand
from .kit.touched import touched

__all__: list[str] = []


# -- a check that one of several methods lacks ---------------------------------------------------------


@lie("core", "STORE-14", also=touched("STORE-06"))
class ResultsOfRecommendationsAreNotLookedUp(Hand):
    """Takes a result_id that names nothing where a recommendation changes."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        fields = [one["field"] for one in refusal.data.get("findings", ())]
        if method == "update_recommendation_status" and fields == ["result_id"]:
            if refusal.code == "entity_not_found":
                return self.honest(method, {**given, "result_id": None})
        raise refusal


@lie("core", "STORE-14", also=touched("STORE-06"))
class CommentsOfNoRound(Hand):
    """Takes a comment of a round that is not there."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "comment_tension" and refusal.code == "round_not_found":
            return self.honest(method, {**given, "event_round": 0})
        raise refusal


# -- a finding that hides another ----------------------------------------------------------------------


class _OnlyTheFirst(Hand):
    """Tells of one method the first finding only."""

    method = ""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == self.method:
            del refusal.data.get("findings", [])[1:]
        raise refusal


@lie("core", "STORE-14")
class OneFindingOfAComment(_OnlyTheFirst):
    """Tells of a comment's faults the first only."""

    method = "comment_tension"


@lie("core", "STORE-14")
class OneFindingOfASignal(_OnlyTheFirst):
    """Tells of a signal's faults the first only."""

    method = "record_convergence_signal"


class _NoResults(Findings):
    """Looks the result up only where the entity is there."""

    def entity_exists(self, field: str, partition: Partition, display_id: str) -> None:
        if field != "result_id" or self.fine("entity_id"):
            super().entity_exists(field, partition, display_id)


@lie("core", "STORE-14")
class LooksResultsUpLast(State):
    """Does not look a result up where the entity itself is not there."""

    def findings(self, method: str) -> Findings:
        return _NoResults()


# -- a group before its turn ---------------------------------------------------------------------------


@lie("core", "STORE-14")
class LooksExpertsUpFirst(Hand):
    """Says that an expert is not there before it looks at the round of a signal."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition, slug = self.partition(given), given.get("expert_slug")
        if method == "record_convergence_signal" and partition and slug == "nobody":
            raise error("expert_not_found", "there is no such expert")
        return given
