"""Liars for profile core that refuse too much, too little, too early or without saying why."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from conformance.model import store as model
from conformance.model.store import ModelStore
from reference_impl.contract.entities import Move
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.tables import METHODS

from .core import lie
from .kit.meddling import Meddler
from .kit.patching import for_now
from .kit.touched import touched

__all__: list[str] = []


def _again(store: ModelStore, method: str, given: Mapping[str, Any]) -> Any:
    return getattr(ModelStore, method)(store, **given)


# -- ids (ADDR-01, ADDR-02, ADDR-08) -------------------------------------------------------------------


class _Identifiers(Meddler):
    """Takes for an identifier what the model does not."""

    @staticmethod
    def _takes(text: str) -> bool:
        """Whether a text is taken."""
        raise NotImplementedError

    def _around(self) -> AbstractContextManager[object]:
        return for_now(model, is_identifier=self._is_one)

    def _is_one(self, text: str) -> bool:
        return _is_identifier(text) or type(self)._takes(text)


_is_identifier = model.is_identifier


@lie("ADDR-01")
class LongIdentifiers(_Identifiers):
    """Takes identifiers of up to 255 characters."""

    @staticmethod
    def _takes(text: str) -> bool:
        return len(text) <= 255 and _is_identifier(text[:96])


@lie("ADDR-01")
class LettersOfAnyScript(_Identifiers):
    """Takes letters and digits of any script in identifiers."""

    @staticmethod
    def _takes(text: str) -> bool:
        return text.isalnum() and len(text) <= 96


@lie("ADDR-01", also=touched("STORE-14", "ERR-02"))
class IdentifiersWithSlash(_Identifiers):
    """Takes a slash within an identifier."""

    @staticmethod
    def _takes(text: str) -> bool:
        return _is_identifier(text.replace("/", "-"))


@lie("ADDR-01")
class TrimsIdentifiers(Meddler):
    """Takes an identifier with blanks around it, without them."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("expert_slug"), str):
            given["expert_slug"] = given["expert_slug"].strip()
        return given


@lie("ADDR-02")
class SmallLetters(Meddler):
    """Takes a display id in small letters."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("target_id"), str):
            given["target_id"] = given["target_id"].upper()
        return given


@lie("ADDR-02", also=touched("ERR-02"))
class UnknownInsteadOfMalformed(Meddler):
    """Says of a malformed display id that there is no such entity."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_display_id" and method == "get_events":
            raise error("entity_not_found", "no such entity", **refusal.data)
        raise refusal


@lie("ADDR-08", also=touched("ERR-02"))
class AHundredMoves(ModelStore):
    """Takes the hundredth move of an expert in a round."""

    def register_move(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Move:
        with for_now(model, MAX_SEQ=100):
            return super().register_move(dialogue_id, *args, **kwargs)


@lie(
    "ADDR-08",
    also={"ADDR-02": "the last round has display ids too", **touched("STORE-05", "STORE-09")},
)
class RoundsBelowNinetyNine(Meddler):
    """Takes round 98 for the last one."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "create_round" and given["round"] == 99:
            raise error("invalid_round", "rounds end at 98")
        return given


@lie("ADDR-08", also=touched("STORE-14"))
class RoundIsAField(Meddler):
    """Says invalid_field of a round outside the range."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_round" and method == "register_tension":
            raise error("invalid_field", "no such round", **refusal.data)
        raise refusal


# -- what is missing, and what does not fit (STORE-06, STORE-14) --------------------------------------


@lie("STORE-06", "STORE-14", also=touched("STORE-19"))
class TargetsOfNothing(Meddler):
    """Takes a move whose targets are not there."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_move" and refusal.code == "entity_not_found":
            made = _again(self, method, {**given, "targets": []})
            self._home(given).moves[-1]["targets"] = list(given["targets"])
            return type(made)(**self._home(given).moves[-1])
        raise refusal


@lie("STORE-06", also=touched("STORE-12", "STORE-14"))
class ActorsMustBeExperts(Meddler):
    """Wants the author of a verdict to be registered."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        author = given.get("author_expert")
        if method == "register_verdict" and partition is not None and author is not None:
            if model.is_identifier(str(author)) and partition.expert(str(author)) is None:
                raise error("expert_not_found", "no such expert")
        return given


@lie("STORE-06", "STORE-14", also=touched("STORE-19"))
class AcceptsAnyTension(Meddler):
    """Takes a verdict that accepts tensions which are not there."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_verdict" and refusal.code == "entity_not_found":
            return _again(self, method, {**given, "tensions_accepted": []})
        raise refusal


@lie("STORE-14", "ERR-02")
class RefinesAnything(Meddler):
    """Lets refine join two kinds."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_ref" and refusal.code == "invalid_ref_target":
            if given["ref_type"] == "refine" and given["source_id"] != given["target_id"]:
                return _again(self, method, {**given, "ref_type": "support"})
        raise refusal


@lie("STORE-14", also={"ERR-02": "the same fault, another code"})
class IgnoresLetters(Meddler):
    """Takes a ref whose type letters are not those of its ids."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_ref" and refusal.code == "type_id_mismatch":
            return _again(self, method, {**given, "source_type": None, "target_type": None})
        raise refusal


@lie("STORE-14")
class TakesTextForNumbers(Meddler):
    """Takes a score that is written as text."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("score"), str) and given["score"].isdigit():
            given["score"] = int(given["score"])
        return given


@lie("STORE-14")
class TakesTruthForNumbers(Meddler):
    """Takes true for the round 1."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("round"), bool):
            given["round"] = int(given["round"])
        return given


@lie("STORE-14")
class UnknownDialogueFirst(Meddler):
    """Says that the dialogue is unknown before it looks at anything else."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        name = given["dialogue_id"]
        if METHODS[method].kind == "write" and method != "create_dialogue" and not self._closed:
            if isinstance(name, str) and model.is_identifier(name) and name not in self._partitions:
                raise error("dialogue_not_found", "there is no such dialogue")
        return given


@lie("STORE-14")
class FullBeforeAllElse(Meddler):
    """Says that a round is full before it looks at the references."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        if method == "register_claim" and partition is not None and given.get("references"):
            if partition.next_number("claim", given["round"]) > 99:
                raise error("limit_exceeded", "the round is full")
        return given


@lie("STORE-14")
class DuplicatesFirst(Meddler):
    """Says that an expert is there before it looks at the other values."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        if method == "register_expert" and partition is not None and not self._closed:
            if partition.expert(str(given.get("expert_slug"))) is not None:
                raise error("duplicate_entity", "this expert exists")
        return given


@lie("STORE-14")
class FindingsWithoutAdvice(Meddler):
    """Its findings say what is wrong, and not what to do."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        for finding in refusal.data.get("findings", ()):
            finding["suggestion"] = ""
        raise refusal


@lie("STORE-14")
class FindingsWithoutPlace(Meddler):
    """Its findings name the parameter, and not the place in it."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        for finding in refusal.data.get("findings", ()):
            finding["field"] = finding["field"].split("[")[0]
        raise refusal


# -- errors (ERR-01, STORE-08, STORE-12) --------------------------------------------------------------


@lie("ERR-01")
class SaysNothing(Meddler):
    """Its errors have a code and no message."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        refusal.message = ""
        raise refusal


@lie("STORE-08", also={"ERR-01": "the data of an error is for machines"})
class NamesNoTransition(Meddler):
    """The error of a transition does not say what is allowed."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_status_transition":
            for data in (refusal.data, *refusal.data.get("findings", ())):
                data.pop("allowed", None)
        raise refusal


@lie("STORE-12", also=touched("STORE-08", "ERR-01"))
class NamesNoAllowedValues(Meddler):
    """The error of an unknown value of an enum does not name the allowed ones."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if "allowed" in refusal.data:
            refusal.message = "not one of those that are allowed"
            for data in (refusal.data, *refusal.data.get("findings", ())):
                data.update(message=refusal.message, suggestion="use another one", allowed=[])
        raise refusal


@lie("STORE-06")
class KeyErrors(Meddler):
    """Lets an unknown entity end as a KeyError."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "update_evidence_status" and refusal.code == "entity_not_found":
            raise KeyError(given["entity_id"])
        raise refusal
