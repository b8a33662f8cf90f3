"""Liars that take one thing for another: names for their beginnings or for patterns, members for others,
lists for sets, rounds for their last digit, what was not there for what is not there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from conformance.model.values import Entity
from reference_impl.contract.errors import DialogueStoreError

from .kit.lie import lie
from .kit.meddling import Hand
from .kit.touched import touched

__all__: list[str] = []


# -- names (ADDR-01) -----------------------------------------------------------------------------------


@lie("core", "ADDR-01", also=touched("STORE-05"))
class ExpertsByTheirBeginning(Partition):
    """Finds an expert by the beginning of a longer slug."""

    def expert(self, slug: str) -> Entity | None:
        found = super().expert(slug)
        return found or next(
            (one for one in self.experts if one["expert_slug"].startswith(f"{slug}-")), None
        )


@lie("core", "ADDR-01")
class VerdictsByPattern(Partition):
    """Takes an underscore in a verdict's id for any character, as a query with LIKE does."""

    def verdict(self, verdict_id: str) -> Entity | None:
        pattern = re.escape(verdict_id).replace("_", ".")
        for one in self.verdicts:
            if re.fullmatch(pattern, one["verdict_id"]):
                return one
        return None


@lie("core", "ADDR-01")
class SignalsByTheirBeginning(Hand):
    """Takes the signal of an expert for a repeat where a longer slug of that beginning has signalled."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        home = self.partition(given)
        if method == "record_convergence_signal" and home is not None:
            longer = f"{given['expert_slug']}."
            for one in home.signals:
                if one["round"] == given["round"] and one["expert_slug"].startswith(longer):
                    given["expert_slug"] = one["expert_slug"]
        return given


@lie("core", "STORE-19")
class DialoguesByPattern(Hand):
    """Takes an underscore in a dialogue's id for any character where it reads claims."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "get_claims":
            return made
        pattern = re.escape(given["dialogue_id"]).replace("_", ".")
        found = [name for name in sorted(self.partitions) if re.fullmatch(pattern, name)]
        return [claim for name in found for claim in self.store.get_claims(name)]


# -- objects and lists (STORE-12) ----------------------------------------------------------------------


class _Parameters(Hand):
    def changed(self, value: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("parameters"), dict):
            given["parameters"] = self.changed(given["parameters"])
        return given


@lie("core", "STORE-12")
class FoldsNames(_Parameters):
    """Keeps one of the members of parameters whose names differ in case only."""

    def changed(self, value: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, str] = {}
        for name in value:
            kept.setdefault(str(name).casefold(), name)
        return {name: value[name] for name in kept.values()}


@lie("core", "STORE-12")
class DropsPrototypes(_Parameters):
    """Loses a member of parameters that is called __proto__."""

    def changed(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: member for name, member in value.items() if name != "__proto__"}


@lie("core", "STORE-12")
class RefusesBlanks(Hand):
    """Takes a required text of blanks for an empty one."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        for name in ("title", "role", "label", "recommendation"):
            if isinstance(given.get(name), str) and not given[name].strip(" "):
                given[name] = ""
        return given


class _Lists(Hand):
    parameter = ""

    def changed(self, value: list[Any]) -> list[Any]:
        raise NotImplementedError

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        value = given.get(self.parameter)
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            given[self.parameter] = self.changed(list(value))
        return given


@lie("core", "STORE-12")
class AcceptsATensionOnce(_Lists):
    """Keeps each accepted tension once."""

    parameter = "tensions_accepted"

    def changed(self, value: list[Any]) -> list[Any]:
        return list(dict.fromkeys(value))


@lie("core", "STORE-12")
class AThousandConditions(_Lists):
    """Keeps the first thousand conditions of a verdict."""

    parameter = "conditions"

    def changed(self, value: list[Any]) -> list[Any]:
        return value[:1000]


# -- rounds of two digits (STORE-11) -------------------------------------------------------------------


@lie("core", "STORE-11", also=touched("STORE-23", "STORE-12"))
class ResponsesByOneDigit(Hand):
    """Keeps the response of round 10 under round 1 of an expert who answered there already."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "record_expert_response" or given["round"] < 10:
            return made
        expert = self.home(given).expert(made.expert_slug)
        assert expert is not None
        first = f"{given['round'] // 10:02d}"
        if first in expert["raw_content"]:
            expert["raw_content"][first] = expert["raw_content"].pop(f"{given['round']:02d}")
        return dataclasses.replace(made, raw_content=dict(expert["raw_content"]))


# -- what was not there (STORE-18) ---------------------------------------------------------------------


class _Remembers(Hand):
    """A client that remembers a refusal of one code, and says it again."""

    code = ""

    def __init__(self, store: ModelStore) -> None:
        super().__init__(store)
        self.refusals: dict[str, DialogueStoreError] = {}

    def name_of(self, method: str, given: Mapping[str, Any]) -> str:
        """What was not there."""
        raise NotImplementedError

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if not self.store.state.closed and self.name_of(method, given) in self.refusals:
            raise self.refusals[self.name_of(method, given)]
        return given

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == self.code and self.name_of(method, given):
            self.refusals[self.name_of(method, given)] = refusal
        raise refusal

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in ("create_dialogue", "register_expert"):
            self.refusals.clear()
        return made


@lie("core", "STORE-18")
class RemembersMissingDialogues(_Remembers):
    """A client that asked for the verdicts of a dialogue before it was there never finds them, unless it
    makes a dialogue itself."""

    code = "dialogue_not_found"

    def name_of(self, method: str, given: Mapping[str, Any]) -> str:
        return str(given.get("dialogue_id")) if method == "get_verdicts" else ""


@lie("core", "STORE-18")
class RemembersMissingExperts(_Remembers):
    """A client that scored an expert who was not there never finds the expert, unless it makes one."""

    code = "expert_not_found"

    def name_of(self, method: str, given: Mapping[str, Any]) -> str:
        if method != "update_expert_score":
            return ""
        return f"{given.get('dialogue_id')} {given.get('expert_slug')}"
