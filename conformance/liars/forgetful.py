"""Liars whose writes forget what they do not own: a field of the item that they rewrite (STORE-23)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from conformance.model.store import ModelStore
from reference_impl.contract.entities import RoundRegistration

from .kit.lie import lie
from .kit.meddling import Hand
from .kit.touched import touched

__all__: list[str] = []


@lie("core", "STORE-23")
class FinalVerdictsForgetCalibration(Hand):
    """A final verdict writes the dialogue anew and takes it for one that is not calibrated."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_verdict" and made.verdict_type == "final":
            self.home(given).dialogue["calibrated"] = False
        return made


@lie("core", "STORE-23", also=touched("STORE-12"))
class ScoresForgetTheColour(Hand):
    """A score writes the expert anew without colour and first round."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self.home(given).expert(made.expert_slug)
        assert expert is not None
        expert.update(color=None, first_round=None)
        return dataclasses.replace(made, color=None, first_round=None)


@lie("core", "STORE-23")
class RoundsGoBackToTheirDefaults(Hand):
    """A round's change of status puts a number of its metrics back to nought."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_round_status":
            return made
        kept = self.home(given).round(made.round)
        assert kept is not None
        kept["converge_signals"] = 0
        return dataclasses.replace(made, converge_signals=0)


@lie("core", "STORE-23")
class AmendmentsForgetReferences(Hand):
    """A recommendation's change of status empties its list of references; the refs stay."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_recommendation_status":
            return made
        kept = self.home(given).entity(made.display_id)
        assert kept is not None
        kept["references"] = []
        return dataclasses.replace(made, references=[])


@lie("batch", "STORE-23")
class WholeRoundsForgetParameters(ModelStore):
    """A whole round that changes the status of an older recommendation drops its parameters."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        for update in kwargs.get("status_updates") or ():
            entity = self.state.partitions[dialogue_id].entity(
                made.ids.get(update["entity_id"], update["entity_id"])
            )
            if entity is not None and "parameters" in entity:
                entity["parameters"] = None
        return made


@lie("batch", "STORE-23")
class WholeRoundsForgetTheFocus(ModelStore):
    """A whole round with an expert's response keeps no focus of the expert."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        for slug in kwargs.get("responses") or ():
            expert = self.state.partitions[dialogue_id].expert(slug)
            assert expert is not None
            expert["focus"] = None
        return made
