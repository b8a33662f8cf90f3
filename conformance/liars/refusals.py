"""Liars for profile core that refuse too much, too little, too early or without saying why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.model.findings import Findings
from conformance.model.partition import Partition
from conformance.model.state import State
from conformance.model.values import is_identifier
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.tables import METHODS

from .kit.lie import lie
from .kit.meddling import Hand
from .kit.touched import touched

__all__: list[str] = []


# -- ids (ADDR-01, ADDR-02, ADDR-08) -------------------------------------------------------------------


@lie("core", "ADDR-01")
class LongIdentifiers(Findings):
    """Takes identifiers of up to 255 characters."""

    def is_identifier(self, text: str) -> bool:
        return len(text) <= 255 and super().is_identifier(text[:96])


@lie("core", "ADDR-01")
class LettersOfAnyScript(Findings):
    """Takes letters and digits of any script in identifiers."""

    def is_identifier(self, text: str) -> bool:
        return super().is_identifier(text) or (text.isalnum() and len(text) <= 96)


@lie("core", "ADDR-01", also=touched("STORE-14", "ERR-02"))
class IdentifiersWithSlash(Findings):
    """Takes a slash within an identifier."""

    def is_identifier(self, text: str) -> bool:
        return super().is_identifier(text.replace("/", "-"))


@lie("core", "ADDR-01")
class TrimsIdentifiers(Hand):
    """Takes an identifier with blanks around it, without them."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("expert_slug"), str):
            given["expert_slug"] = given["expert_slug"].strip()
        return given


@lie("core", "ADDR-02")
class SmallLetters(Hand):
    """Takes a display id in small letters."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("target_id"), str):
            given["target_id"] = given["target_id"].upper()
        return given


@lie("core", "ADDR-02", also=touched("ERR-02"))
class UnknownInsteadOfMalformed(Hand):
    """Says of a malformed display id that there is no such entity."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_display_id" and method == "get_events":
            raise error("entity_not_found", "no such entity", **refusal.data)
        raise refusal


@lie("core", "ADDR-08", also=touched("ERR-02"))
class AHundredMoves(State):
    """Takes the hundredth move of an expert in a round."""

    def findings(self, method: str) -> Findings:
        found = super().findings(method)
        if method == "register_move":
            found.max_seq = 100
        return found


@lie(
    "core",
    "ADDR-08",
    also={
        "ADDR-02": "the last round has display ids too",
        **touched("STORE-05", "STORE-09"),
        **touched("STORE-11"),
    },
)
class RoundsBelowNinetyNine(Hand):
    """Takes round 98 for the last one."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "create_round" and given["round"] == 99:
            raise error("invalid_round", "rounds end at 98")
        return given


@lie("core", "ADDR-08", also=touched("STORE-14"))
class RoundIsAField(Hand):
    """Says invalid_field of a round outside the range."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_round" and method == "register_tension":
            raise error("invalid_field", "no such round", **refusal.data)
        raise refusal


# -- what is missing, and what does not fit (STORE-06, STORE-14) --------------------------------------


@lie("core", "STORE-06", "STORE-14", also=touched("STORE-19"))
class TargetsOfNothing(Hand):
    """Takes a move whose targets are not there."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_move" and refusal.code == "entity_not_found":
            made = self.honest(method, {**given, "targets": []})
            self.home(given).moves[-1]["targets"] = list(given["targets"])
            return type(made)(**self.home(given).moves[-1])
        raise refusal


@lie("core", "STORE-06", also=touched("STORE-12", "STORE-14", "ADDR-01"))
class ActorsMustBeExperts(Hand):
    """Wants the author of a verdict to be registered."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        author = given.get("author_expert")
        if method == "register_verdict" and partition is not None and author is not None:
            if is_identifier(str(author)) and partition.expert(str(author)) is None:
                raise error("expert_not_found", "no such expert")
        return given


@lie("core", "STORE-06", "STORE-14", also=touched("STORE-19"))
class AcceptsAnyTension(Hand):
    """Takes a verdict that accepts tensions which are not there."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_verdict" and refusal.code == "entity_not_found":
            return self.honest(method, {**given, "tensions_accepted": []})
        raise refusal


@lie("core", "STORE-14", "ERR-02")
class RefinesAnything(Hand):
    """Lets refine join two kinds."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_ref" and refusal.code == "invalid_ref_target":
            if given["ref_type"] == "refine" and given["source_id"] != given["target_id"]:
                return self.honest(method, {**given, "ref_type": "support"})
        raise refusal


@lie("core", "STORE-14", also={"ERR-02": "the same fault, another code"})
class IgnoresLetters(Hand):
    """Takes a ref whose type letters are not those of its ids."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_ref" and refusal.code == "type_id_mismatch":
            return self.honest(method, {**given, "source_type": None, "target_type": None})
        raise refusal


@lie("core", "STORE-14")
class TakesTextForNumbers(Hand):
    """Takes a score that is written as text."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("score"), str) and given["score"].isdigit():
            given["score"] = int(given["score"])
        return given


@lie("core", "STORE-14")
class TakesTruthForNumbers(Hand):
    """Takes true for the round 1."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("round"), bool):
            given["round"] = int(given["round"])
        return given


@lie("core", "STORE-14")
class UnknownDialogueFirst(Hand):
    """Says that the dialogue is unknown before it looks at anything else."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        name = given["dialogue_id"]
        if (
            METHODS[method].kind == "write"
            and method != "create_dialogue"
            and not self.store.state.closed
        ):
            if isinstance(name, str) and is_identifier(name) and name not in self.partitions:
                raise error("dialogue_not_found", "there is no such dialogue")
        return given


@lie("core", "STORE-14")
class FullBeforeAllElse(Hand):
    """Says that a round is full before it looks at the references."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        if method == "register_claim" and partition is not None and given.get("references"):
            if partition.next_number("claim", given["round"]) > 99:
                raise error("limit_exceeded", "the round is full")
        return given


@lie("core", "STORE-14")
class DuplicatesFirst(Hand):
    """Says that an expert is there before it looks at the other values."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        if method == "register_expert" and partition is not None and not self.store.state.closed:
            if partition.expert(str(given.get("expert_slug"))) is not None:
                raise error("duplicate_entity", "this expert exists")
        return given


@lie("core", "STORE-14")
class FindingsWithoutAdvice(Hand):
    """Its findings say what is wrong, and not what to do."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        for finding in refusal.data.get("findings", ()):
            finding["suggestion"] = ""
        raise refusal


@lie("core", "STORE-14")
class FindingsWithoutPlace(Hand):
    """Its findings name the parameter, and not the place in it."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        for finding in refusal.data.get("findings", ()):
            finding["field"] = finding["field"].split("[")[0]
        raise refusal


# -- errors (ERR-01, STORE-08, STORE-12) --------------------------------------------------------------


@lie("core", "ERR-01")
class SaysNothing(Hand):
    """Its errors have a code and no message."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        refusal.message = ""
        raise refusal


@lie("core", "STORE-08", also={"ERR-01": "the data of an error is for machines"})
class NamesNoTransition(Hand):
    """The error of a transition does not say what is allowed."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_status_transition":
            for data in (refusal.data, *refusal.data.get("findings", ())):
                data.pop("allowed", None)
        raise refusal


@lie("core", "STORE-12", also=touched("STORE-08", "ERR-01"))
class NamesNoAllowedValues(Hand):
    """The error of an unknown value of an enum does not name the allowed ones."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if "allowed" in refusal.data:
            refusal.message = "not one of those that are allowed"
            for data in (refusal.data, *refusal.data.get("findings", ())):
                data.update(message=refusal.message, suggestion="use another one", allowed=[])
        raise refusal


@lie("core", "STORE-06", also=touched("STORE-14"))
class KeyErrors(Hand):
    """Lets an unknown entity end as a KeyError."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "update_evidence_status" and refusal.code == "entity_not_found":
            raise KeyError(given["entity_id"])
        raise refusal


# -- findings (STORE-14) -------------------------------------------------------------------------------


@lie("core", "STORE-14")
class CountsNoRest(Hand):
    """Lists a thousand findings and does not say that there are more."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        refusal.data.pop("more", None)
        raise refusal


@lie("core", "STORE-14")
class ListsAHundred(Hand):
    """Lists a hundred findings and counts the rest."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        found = refusal.data.get("findings", [])
        if len(found) > 100:
            refusal.data["more"] = refusal.data.get("more", 0) + len(found) - 100
            del found[100:]
        raise refusal


@lie("core", "STORE-14")
class PassesOverNulls(Findings):
    """Leaves nulls out of a list."""

    def elements(
        self, field: str, value: object, default: Sequence[object] | None = None
    ) -> Iterator[tuple[str, object]]:
        if isinstance(value, list):
            value = [one for one in value if one is not None]
        return super().elements(field, value, default)


@lie("core", "STORE-14", also=touched("STORE-10"))
class OneReasonIsEnough(Findings):
    """A transition that is not allowed is not told beside something else of its group."""

    def transition(self, field: str, kind: str, old: str, new: str) -> None:
        if 7 not in self.groups_with_findings():
            super().transition(field, kind, old, new)


@lie("core", "ADDR-09")
class HasTimeForever(Findings):
    """Gives the last time there is to any number of writes."""

    def time_left(self, partition: Partition) -> None:
        del partition
