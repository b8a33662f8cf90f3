"""Liars for profile core whose writes change too much, too little, or at another time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from conformance.model.store import KINDS_WITH_EVENTS, ModelStore, Partition
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.timestamps import after, format_time

from .core import lie
from .kit.meddling import Meddler
from .kit.touched import touched

__all__: list[str] = []

_REGISTER = tuple(
    f"register_{kind}" for kind in ("perspective", "tension", "recommendation", "evidence", "claim")
)

# -- rounds, scores, experts (STORE-09, STORE-11) ------------------------------------------------------


@lie("STORE-09", also=touched("STORE-12"))
class AlignmentOfTheLastRound(Meddler):
    """total_alignment is the score of the round that was created last."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round":
            self._home(given).dialogue["total_alignment"] = made.score
        return made


@lie("STORE-09", also=touched("STORE-12"))
class LosesNegativeScores(Meddler):
    """total_alignment never falls: a negative score of a round is not added."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round" and made.score < 0:
            self._home(given).dialogue["total_alignment"] -= made.score
        return made


@lie("STORE-09")
class LastRoundCounts(Meddler):
    """total_rounds is the last created round + 1, even where a higher one is there."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round":
            self._home(given).dialogue["total_rounds"] = made.round + 1
        return made


@lie("STORE-11", also=touched("STORE-12", "STORE-18"))
class ScoresAddUp(Meddler):
    """A score given again is added to the total, not put in place of the first."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        self._before = 0
        partition = self._partitions.get(str(given.get("dialogue_id")))
        if method == "update_expert_score" and partition is not None:
            expert = partition.expert(str(given["expert_slug"])) or {"total_score": 0}
            self._before = expert["total_score"]
        return given

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self._home(given).expert(made.expert_slug)
        assert expert is not None
        expert["total_score"] = self._before + int(given["score"])
        return dataclasses.replace(made, total_score=expert["total_score"])


@lie("STORE-11", also={"STORE-12": "scores are compared as they come back"})
class OneScoreOnly(Meddler):
    """An expert has the score of the last round only."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self._home(given).expert(made.expert_slug)
        assert expert is not None
        last = list(expert["scores"].items())[-1:]
        expert.update(scores=dict(last), total_score=sum(score for _, score in last))
        return dataclasses.replace(
            made, scores=dict(last), total_score=sum(score for _, score in last)
        )


@lie("STORE-23", also=touched("STORE-12"))
class AnswersReplaceAnswers(Meddler):
    """An expert's response in one round replaces those in the others."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "record_expert_response":
            return made
        expert = self._home(given).expert(made.expert_slug)
        assert expert is not None
        number = f"{int(given['round']):02d}"
        kept = {key: text for key, text in expert["raw_content"].items() if key == number}
        expert["raw_content"] = kept or expert["raw_content"]
        return dataclasses.replace(made, raw_content=dict(expert["raw_content"]))


@lie("STORE-23", also=touched("STORE-12"))
class LosesTheSummary(Meddler):
    """A round's change of status without a summary removes the title."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_round_status":
            return made
        kept = self._home(given).round(made.round)
        assert kept is not None
        kept["title"] = None
        return dataclasses.replace(made, title=None)


@lie("STORE-08", also=touched("ADDR-09"))
class NeverCompletes(Meddler):
    """A completed round has no completed_at."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_round_status":
            return made
        kept = self._home(given).round(made.round)
        assert kept is not None
        kept["completed_at"] = None
        return dataclasses.replace(made, completed_at=None)


# -- verdicts and the end (STORE-10) -------------------------------------------------------------------


@lie("STORE-10")
class ConvergesWithoutTime(Meddler):
    """update_dialogue_status(converged) leaves converged_at unset."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_dialogue_status":
            return made
        self._home(given).dialogue["converged_at"] = None
        return dataclasses.replace(made, converged_at=None)


@lie("STORE-10", also=touched("ADDR-09", "STORE-12", "STORE-19", "STORE-23"))
class AnyVerdictConverges(Meddler):
    """A minority verdict ends the dialogue too."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_verdict" and made.verdict_type == "minority":
            dialogue = self._home(given).dialogue
            if dialogue["status"] in ("open", "converging"):
                dialogue.update(status="converged", converged_at=made.created_at)
                dialogue["updated_at"] = made.created_at
        return made


@lie("STORE-10")
class EndsForGood(Meddler):
    """Takes no claim, no evidence and no move more once the dialogue has converged."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        if method in ("register_claim", "register_evidence", "register_move") and partition:
            if partition.dialogue["status"] == "converged":
                raise error("invalid_status_transition", "the dialogue has ended")
        return given


@lie("STORE-10", also=touched("STORE-14", "ERR-02"))
class FinalAfterTheEnd(Meddler):
    """Takes a final verdict in a dialogue that was abandoned, as an interim one with that type."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method != "register_verdict" or refusal.code != "invalid_status_transition":
            raise refusal
        made = super().register_verdict(**{**given, "verdict_type": "interim"})
        self._home(given).verdicts[-1]["verdict_type"] = "final"
        return dataclasses.replace(made, verdict_type="final")


@lie("STORE-10", also={"ADDR-09": "the time of the end is a time of the write"})
class ConvergedWhenLastTouched(Meddler):
    """converged_at moves with every later write of a round."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "create_round":
            dialogue = self._home(given).dialogue
            if dialogue["converged_at"] is not None:
                dialogue["converged_at"] = dialogue["updated_at"]
        return made


@lie("STORE-10", also=touched("STORE-23"))
class AmendsTheVerdict(Meddler):
    """Adopting a recommendation writes its label into the verdict's recommendation."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "update_recommendation_status" and made.status == "adopted":
            verdict = self._home(given).verdict(given["verdict_id"])
            assert verdict is not None
            verdict["recommendation"] += f" ({made.label})"
        return made


# -- events (STORE-08) ---------------------------------------------------------------------------------


class _Events(Meddler):
    """Changes the last event after a change of status."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        raise NotImplementedError

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in [f"update_{kind}_status" for kind in KINDS_WITH_EVENTS]:
            self._changed(self._home(given), self._home(given).events[-1])
        return made


@lie("STORE-08")
class EventsInTheEntitysRound(_Events):
    """event_round is the round of the entity and not the one given."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["event_round"] = int(event["entity_id"][1:3])


@lie("STORE-08", also=touched("STORE-12"))
class EventsWithoutReason(_Events):
    """The event of a status change keeps no reason."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["reason"] = None


@lie("STORE-08")
class EventsWithoutResult(_Events):
    """The event of a status change keeps no result_id."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["result_id"] = None


@lie("STORE-08")
class OneActor(_Events):
    """The event of a status change names the first actor only."""

    def _changed(self, partition: Partition, event: dict[str, Any]) -> None:
        event["actors"] = event["actors"][:1]


@lie("STORE-08")
class SortsActors(Meddler):
    """The event of a creation has the contributors sorted and each once."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in _REGISTER[:3]:
            event = self._home(given).events[-1]
            event["actors"] = sorted(set(event["actors"]))
        return made


@lie("STORE-08", also=touched("ADDR-04", "ADDR-09", "STORE-05", "STORE-18"))
class NoEventOfACreation(Meddler):
    """A new recommendation leaves no event."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_recommendation":
            self._home(given).events.pop()
        return made


@lie("STORE-08", also=touched("ADDR-03", "ADDR-04", "ADDR-09", "STORE-18"))
class EventsOfClaims(Meddler):
    """A claim's creation leaves an event as well."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
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
            self._home(given).events.append(event)
        return made


@lie("STORE-08", also=touched("STORE-23"))
class CommentsAddress(Meddler):
    """A comment on an open tension makes it addressed."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "comment_tension":
            tension = self._home(given).entity(given["entity_id"])
            assert tension is not None
            if tension["status"] == "open":
                tension["status"] = "addressed"
        return made


@lie("STORE-08", also=touched("STORE-23"))
class ForgetsTheVerdict(Meddler):
    """An adopted recommendation does not say in which verdict."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "update_recommendation_status" and made.status == "adopted":
            kept = self._home(given).entity(made.display_id)
            assert kept is not None
            kept["adopted_in_verdict"] = None
            return dataclasses.replace(made, adopted_in_verdict=None)
        return made


@lie("STORE-08")
class ReopensAnything(Meddler):
    """Lets a resolved tension be addressed again without being reopened."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "invalid_status_transition" and method == "update_tension_status":
            if refusal.data.get("from") == "resolved" and given["status"] == "addressed":
                tension = self._home(given).entity(given["entity_id"])
                assert tension is not None
                tension["status"] = "reopened"
                return self._meddle_again(method, given)
        raise refusal

    def _meddle_again(self, method: str, given: Mapping[str, Any]) -> Any:
        return getattr(ModelStore, method)(self, **given)


# -- refs (STORE-07, STORE-24) -------------------------------------------------------------------------


@lie("STORE-24")
class EvidenceWithoutRefs(Meddler):
    """Keeps the references of evidence and writes no ref items for them."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_evidence" and made.references:
            refs = self._home(given).refs
            refs[:] = [ref for ref in refs if ref["source_id"] != made.display_id]
        return made


@lie("STORE-24", also=touched("STORE-12"))
class RefsWithoutReferences(Meddler):
    """Writes ref items for the references of a claim and keeps none in the claim."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_claim" and made.references:
            self._home(given).claims[-1]["references"] = []
            return dataclasses.replace(made, references=[])
        return made


@lie("STORE-24")
class RefsTurnedRound(Meddler):
    """The ref items of an entity's references point from the target to the entity."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in _REGISTER:
            for ref in self._home(given).refs:
                if ref["source_id"] == made.display_id:
                    ref["source_id"], ref["target_id"] = ref["target_id"], ref["source_id"]
                    ref["source_type"], ref["target_type"] = ref["target_type"], ref["source_type"]
        return made


@lie("STORE-07", also=touched("STORE-05", "STORE-14", "STORE-23", "ERR-02"))
class OneRefForEachPair(Meddler):
    """A second ref between the same two entities, of another type, is taken for a repeat."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        if method == "register_ref" and partition is not None:
            for ref in partition.refs:
                pair = (ref["source_id"], ref["target_id"])
                if pair == (given["source_id"], given["target_id"]):
                    given["ref_type"] = ref["ref_type"]
        return given


@lie("STORE-07")
class SignalsAgain(Meddler):
    """A repeated signal is a write: the revision moves."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        self._revision = partition.revision if partition is not None else 0
        return given

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "record_convergence_signal":
            self._home(given).revision = self._revision + 1
        return made


@lie(
    "STORE-07",
    also={"STORE-14": "a duplicate is the last thing that is refused", **touched("STORE-04")},
)
class ReplacesExperts(Meddler):
    """Registering an expert again replaces role and tier of the first."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_expert" and refusal.code == "duplicate_entity":
            expert = self._home(given).expert(given["expert_slug"])
            assert expert is not None
            expert.update(role=given["role"], tier=given["tier"])
        raise refusal


@lie(
    "STORE-07",
    also=touched(
        "ADDR-02", "ADDR-08", "STORE-05", "STORE-08", "STORE-14", "STORE-23", "STORE-24", "ERR-02"
    ),
)
class SameTextIsARepeat(Meddler):
    """A claim with the words of an earlier one of its round is that one, not another."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        self._count = len(
            getattr(self._partitions.get(str(given.get("dialogue_id"))), "claims", ())
        )
        return given

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "register_claim":
            return made
        claims = self._home(given).claims
        words = ("round", "label", "content", "contributors")
        twins = [c for c in claims[:-1] if all(c[w] == claims[-1][w] for w in words)]
        if not twins:
            return made
        claims.pop()
        return type(made)(**twins[0])


# -- times (ADDR-09) -----------------------------------------------------------------------------------


@lie("ADDR-09", also=touched("STORE-24"))
class RefsOneMicrosecondLate(Meddler):
    """The refs of an entity's references are one microsecond later than the entity."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in _REGISTER and made.references:
            late = after(made.created_at)
            partition = self._home(given)
            for ref in partition.refs:
                if ref["source_id"] == made.display_id:
                    ref["created_at"] = late
            partition.updated_at = late
        return made


@lie("ADDR-09")
class FollowsTheClockBack(ModelStore):
    """Takes the clock's time also where it is earlier than the last write's."""

    def _time_of_write(self, partition: Partition) -> str:
        now = format_time(self._clock())
        return now if now != partition.updated_at else after(now)


@lie("ADDR-09")
class MillisecondsOnly(ModelStore):
    """Takes the clock's time in milliseconds."""

    def _time_of_write(self, partition: Partition) -> str:
        now = format_time(self._clock())
        return max(f"{now[:23]}000Z", after(partition.updated_at))


@lie("ADDR-09")
class OneClockForAll(ModelStore):
    """A write is later than every earlier write of every dialogue."""

    def _time_of_write(self, partition: Partition) -> str:
        latest = max(one.updated_at for one in self._partitions.values())
        return max(super()._time_of_write(partition), after(latest))


@lie("ADDR-09")
class SecondsOnly(ModelStore):
    """Under a clock that stands still, the next write is a second later."""

    def _time_of_write(self, partition: Partition) -> str:
        now = format_time(self._clock())
        if now > partition.updated_at:
            return now
        time = partition.updated_at
        for _ in range(1000):
            time = after(time)
        return time


@lie("ADDR-09")
class ScoresWithoutTime(Meddler):
    """A new score leaves the expert's updated_at as it was."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self._partitions.get(str(given.get("dialogue_id")))
        slug = str(given.get("expert_slug"))
        expert = partition.expert(slug) if partition is not None else None
        self._time = expert["updated_at"] if expert is not None else None
        return given

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self._home(given).expert(made.expert_slug)
        assert expert is not None
        expert["updated_at"] = self._time
        return dataclasses.replace(made, updated_at=self._time)


@lie("ADDR-09", also=touched("STORE-08"))
class CommentsTouchTensions(Meddler):
    """A comment moves the tension's updated_at."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "comment_tension":
            tension = self._home(given).entity(given["entity_id"])
            assert tension is not None
            tension["updated_at"] = made.timestamp
        return made


@lie("ADDR-09", also=touched("STORE-12", "STORE-24"))
class RefsTouchTheirSource(Meddler):
    """A new ref moves the updated_at of its source."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_ref":
            source = self._home(given).entity(made.source_id)
            assert source is not None
            source["updated_at"] = max(source["updated_at"], made.created_at)
        return made


# -- commits (STORE-04) --------------------------------------------------------------------------------


@lie("STORE-04", also=touched("STORE-24"))
class RefsByCommitsOfTheirOwn(Meddler):
    """An entity with references takes one commit for itself and one for each ref."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in _REGISTER and made.references:
            self._home(given).revision += len(made.references)
        return made


@lie(
    "STORE-04",
    also={"STORE-18": "a read that writes is met where reads are compared", **touched("STORE-21")},
)
class ReadsCountAsWrites(Meddler):
    """next_seq reserves a number: the revision moves."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "next_seq":
            self._home(given).revision += 1
        return made


class _Burning(Partition):
    def next_number(self, kind: str, round: int) -> int:
        burnt = self.__dict__.get("burnt", {}).get((kind, round), 0)
        return super().next_number(kind, round) + int(burnt)


@lie("ADDR-02", also=touched("ADDR-08"))
class UsesUpNumbers(Meddler):
    """A claim that is refused for one of its references uses up its number."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_claim" and refusal.code in (
            "entity_not_found",
            "invalid_ref_target",
        ):
            partition = self._home(given)
            partition.__class__ = _Burning
            burnt = partition.__dict__.setdefault("burnt", {})
            place = ("claim", given["round"])
            burnt[place] = burnt.get(place, 0) + 1
        raise refusal
