"""Liars for profile core whose writes change too much or too little."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from conformance.model.partition import Partition
from conformance.model.values import KINDS_WITH_EVENTS
from reference_impl.contract.errors import DialogueStoreError, error

from .kit.lie import lie
from .kit.meddling import REGISTRATIONS, Hand
from .kit.touched import touched

__all__: list[str] = []

# -- rounds, scores, experts (STORE-09, STORE-11) ------------------------------------------------------


@lie("core", "STORE-09", also=touched("STORE-12"))
class AlignmentOfTheLastRound(Hand):
    """total_alignment is the score of the round that was created last."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round":
            self.home(given).dialogue["total_alignment"] = made.score
        return made


@lie("core", "STORE-09", also=touched("STORE-12"))
class LosesNegativeScores(Hand):
    """total_alignment never falls: a negative score of a round is not added."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round" and made.score < 0:
            self.home(given).dialogue["total_alignment"] -= made.score
        return made


@lie("core", "STORE-09", also=touched("STORE-23"))
class LastRoundCounts(Hand):
    """total_rounds is the last created round + 1, even where a higher one is there."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round":
            self.home(given).dialogue["total_rounds"] = made.round + 1
        return made


@lie("core", "STORE-11", also=touched("STORE-12", "STORE-18"))
class ScoresAddUp(Hand):
    """A score given again is added to the total, not put in place of the first."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        self._before = 0
        partition = self.partition(given)
        if method == "update_expert_score" and partition is not None:
            expert = partition.expert(str(given["expert_slug"])) or {"total_score": 0}
            self._before = expert["total_score"]
        return given

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self.home(given).expert(made.expert_slug)
        assert expert is not None
        expert["total_score"] = self._before + int(given["score"])
        return dataclasses.replace(made, total_score=expert["total_score"])


@lie("core", "STORE-11", also={"STORE-12": "scores are compared as they come back"})
class OneScoreOnly(Hand):
    """An expert has the score of the last round only."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self.home(given).expert(made.expert_slug)
        assert expert is not None
        last = list(expert["scores"].items())[-1:]
        expert.update(scores=dict(last), total_score=sum(score for _, score in last))
        return dataclasses.replace(
            made, scores=dict(last), total_score=sum(score for _, score in last)
        )


@lie("core", "STORE-23", also=touched("STORE-12", "STORE-11"))
class AnswersReplaceAnswers(Hand):
    """An expert's response in one round replaces those in the others."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "record_expert_response":
            return made
        expert = self.home(given).expert(made.expert_slug)
        assert expert is not None
        number = f"{int(given['round']):02d}"
        kept = {key: text for key, text in expert["raw_content"].items() if key == number}
        expert["raw_content"] = kept or expert["raw_content"]
        return dataclasses.replace(made, raw_content=dict(expert["raw_content"]))


@lie("core", "STORE-23", also=touched("STORE-12"))
class LosesTheSummary(Hand):
    """A round's change of status without a summary removes the title."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_round_status":
            return made
        kept = self.home(given).round(made.round)
        assert kept is not None
        kept["title"] = None
        return dataclasses.replace(made, title=None)


@lie("core", "STORE-08", also=touched("ADDR-09", "STORE-23"))
class NeverCompletes(Hand):
    """A completed round has no completed_at."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_round_status":
            return made
        kept = self.home(given).round(made.round)
        assert kept is not None
        kept["completed_at"] = None
        return dataclasses.replace(made, completed_at=None)


# -- verdicts and the end (STORE-10) -------------------------------------------------------------------


@lie("core", "STORE-10")
class ConvergesWithoutTime(Hand):
    """update_dialogue_status(converged) leaves converged_at unset."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_dialogue_status":
            return made
        self.home(given).dialogue["converged_at"] = None
        return dataclasses.replace(made, converged_at=None)


@lie("core", "STORE-10", also=touched("ADDR-09", "STORE-12", "STORE-19", "STORE-23"))
class AnyVerdictConverges(Hand):
    """A minority verdict ends the dialogue too."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_verdict" and made.verdict_type == "minority":
            dialogue = self.home(given).dialogue
            if dialogue["status"] in ("open", "converging"):
                dialogue.update(status="converged", converged_at=made.created_at)
                dialogue["updated_at"] = made.created_at
        return made


@lie("core", "STORE-10", also=touched("STORE-14"))
class EndsForGood(Hand):
    """Takes no claim, no evidence and no move more once the dialogue has converged."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        if method in ("register_claim", "register_evidence", "register_move") and partition:
            if partition.dialogue["status"] == "converged":
                raise error("invalid_status_transition", "the dialogue has ended")
        return given


@lie("core", "STORE-10", also=touched("STORE-14", "ERR-02"))
class FinalAfterTheEnd(Hand):
    """Takes a final verdict in a dialogue that was abandoned, as an interim one with that type."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method != "register_verdict" or refusal.code != "invalid_status_transition":
            raise refusal
        made = self.honest(method, {**given, "verdict_type": "interim"})
        self.home(given).verdicts[-1]["verdict_type"] = "final"
        return dataclasses.replace(made, verdict_type="final")


@lie(
    "core",
    "STORE-10",
    also={"ADDR-09": "the time of the end is a time of the write", **touched("STORE-23")},
)
class ConvergedWhenLastTouched(Hand):
    """converged_at moves with every later write of a round."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round":
            dialogue = self.home(given).dialogue
            if dialogue["converged_at"] is not None:
                dialogue["converged_at"] = dialogue["updated_at"]
        return made


@lie("core", "STORE-10", also=touched("STORE-23", "ADDR-01"))
class AmendsTheVerdict(Hand):
    """Adopting a recommendation writes its label into the verdict's recommendation."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "update_recommendation_status" and made.status == "adopted":
            verdict = self.home(given).verdict(given["verdict_id"])
            assert verdict is not None
            verdict["recommendation"] += f" ({made.label})"
        return made


# -- events (STORE-08) ---------------------------------------------------------------------------------


class _Events(Hand):
    """Changes the last event after a change of status."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        raise NotImplementedError

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in [f"update_{kind}_status" for kind in KINDS_WITH_EVENTS]:
            self._changed(self.home(given), self.home(given).events[-1])
        return made


@lie("core", "STORE-08")
class EventsInTheEntitysRound(_Events):
    """event_round is the round of the entity and not the one given."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["event_round"] = int(event["entity_id"][1:3])


@lie("core", "STORE-08", also=touched("STORE-12"))
class EventsWithoutReason(_Events):
    """The event of a status change keeps no reason."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["reason"] = None


@lie("core", "STORE-08")
class EventsWithoutResult(_Events):
    """The event of a status change keeps no result_id."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["result_id"] = None


@lie("core", "STORE-08", also=touched("STORE-12"))
class OneActor(_Events):
    """The event of a status change names the first actor only."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["actors"] = event["actors"][:1]


@lie("core", "STORE-08", also=touched("STORE-12"))
class SortsActors(Hand):
    """The event of a creation has the contributors sorted and each once."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in REGISTRATIONS[:3]:
            event = self.home(given).events[-1]
            event["actors"] = sorted(set(event["actors"]))
        return made


@lie("core", "STORE-08", also=touched("ADDR-09", "STORE-05", "STORE-18", "STORE-12", "STORE-23"))
class NoEventOfACreation(Hand):
    """A new recommendation leaves no event."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_recommendation":
            self.home(given).events.pop()
        return made


@lie("core", "STORE-08", also=touched("ADDR-09", "STORE-18", "STORE-19", "STORE-12", "STORE-23"))
class EventsOfClaims(Hand):
    """A claim's creation leaves an event as well."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_claim":
            event = {
                "dialogue_id": made.dialogue_id,
                "entity_id": made.display_id,
                "timestamp": made.created_at,
                "created_at": made.created_at,
                "event_type": "created",
                "event_round": made.round,
                "result_id": None,
                "actors": list(made.contributors),
                "reason": None,
                "reference": None,
            }
            self.home(given).events.append(event)
        return made


@lie("core", "STORE-08", also=touched("STORE-23"))
class CommentsAddress(Hand):
    """A comment on an open tension makes it addressed."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "comment_tension":
            tension = self.home(given).entity(given["entity_id"])
            assert tension is not None
            if tension["status"] == "open":
                tension["status"] = "addressed"
        return made


@lie("core", "STORE-08", also=touched("STORE-23", "ADDR-01"))
class ForgetsTheVerdict(Hand):
    """An adopted recommendation does not say in which verdict."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "update_recommendation_status" and made.status == "adopted":
            kept = self.home(given).entity(made.display_id)
            assert kept is not None
            kept["adopted_in_verdict"] = None
            return dataclasses.replace(made, adopted_in_verdict=None)
        return made


@lie("core", "STORE-08")
class ReopensAnything(Hand):
    """Lets a resolved tension be addressed again without being reopened."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_status_transition" and method == "update_tension_status":
            if refusal.data.get("from") == "resolved" and given["status"] == "addressed":
                tension = self.home(given).entity(given["entity_id"])
                assert tension is not None
                tension["status"] = "reopened"
                return self.honest(method, given)
        raise refusal


# -- refs (STORE-07, STORE-24) -------------------------------------------------------------------------


@lie("core", "STORE-24", also=touched("STORE-23"))
class EvidenceWithoutRefs(Hand):
    """Keeps the references of evidence and writes no ref items for them."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_evidence" and made.references:
            refs = self.home(given).refs
            refs[:] = [ref for ref in refs if ref["source_id"] != made.display_id]
        return made


@lie("core", "STORE-24", also=touched("STORE-12", "STORE-23"))
class RefsWithoutReferences(Hand):
    """Writes ref items for the references of a claim and keeps none in the claim."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_claim" and made.references:
            self.home(given).claims[-1]["references"] = []
            return dataclasses.replace(made, references=[])
        return made


@lie("core", "STORE-24", also=touched("STORE-23"))
class RefsTurnedRound(Hand):
    """The ref items of an entity's references point from the target to the entity."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in REGISTRATIONS:
            for ref in self.home(given).refs:
                if ref["source_id"] == made.display_id:
                    ref["source_id"], ref["target_id"] = ref["target_id"], ref["source_id"]
                    ref["source_type"], ref["target_type"] = ref["target_type"], ref["source_type"]
        return made


@lie("core", "STORE-07", also=touched("STORE-05", "STORE-14", "STORE-23", "ERR-02"))
class OneRefForEachPair(Hand):
    """A second ref between the same two entities, of another type, is taken for a repeat."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        if method == "register_ref" and partition is not None:
            for ref in partition.refs:
                pair = (ref["source_id"], ref["target_id"])
                if pair == (given["source_id"], given["target_id"]):
                    given["ref_type"] = ref["ref_type"]
        return given


@lie("core", "STORE-07")
class SignalsAgain(Hand):
    """A repeated signal is a write: the revision moves."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        self._revision = partition.revision if partition is not None else 0
        return given

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "record_convergence_signal":
            self.home(given).revision = self._revision + 1
        return made


@lie(
    "core",
    "STORE-07",
    also={"STORE-14": "a duplicate is the last thing that is refused", **touched("STORE-04")},
)
class ReplacesExperts(Hand):
    """Registering an expert again replaces role and tier of the first."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_expert" and refusal.code == "duplicate_entity":
            expert = self.home(given).expert(given["expert_slug"])
            assert expert is not None
            expert.update(role=given["role"], tier=given["tier"])
        raise refusal


@lie(
    "core",
    "STORE-07",
    also=touched(
        "ADDR-02", "ADDR-08", "STORE-05", "STORE-08", "STORE-14", "STORE-23", "STORE-24", "ERR-02"
    ),
)
class SameTextIsARepeat(Hand):
    """A claim with the words of an earlier one of its round is that one, not another."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        self._count = len(getattr(self.partition(given), "claims", ()))
        return given

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "register_claim":
            return made
        claims = self.home(given).claims
        words = ("round", "label", "content", "contributors")
        twins = [c for c in claims[:-1] if all(c[w] == claims[-1][w] for w in words)]
        if not twins:
            return made
        claims.pop()
        return type(made)(**twins[0])
