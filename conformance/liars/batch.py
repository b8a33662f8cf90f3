"""Liars for profile batch: the executable specification with one thing wrong with its whole rounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

from conformance.model.store import ModelStore
from reference_impl.contract.entities import RoundRegistration
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import NUMBERED

from .kit.lie import lie
from .kit.touched import touched

__all__: list[str] = []

KINDS = tuple(NUMBERED)


_COUNTED = {"STORE-14": "its tests count the findings of a whole round, each by its field"}


@lie(
    "batch",
    "STORE-13",
    also={**_COUNTED, **touched("ADDR-08", "STORE-11", "STORE-12", "STORE-23", "STORE-24")},
)
class WritesNoRounds(ModelStore):
    """register_round does nothing and returns None."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        del self, dialogue_id, args, kwargs
        nothing: RoundRegistration = cast(Any, None)
        return nothing


@lie("batch", "STORE-13", also=_COUNTED)
class TellsOneFinding(ModelStore):
    """Lists only the first of a round's findings."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            del refused.data.get("findings", [])[1:]
            raise


@lie("batch", "STORE-13")
class StopsAtTheFirstGroup(ModelStore):
    """Lists the findings of the first group only, as every other method does."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            found = refused.data.get("findings", [])
            forms = ("missing_field", "invalid_field", "invalid_identifier", "invalid_display_id")
            first = [finding for finding in found if finding["code"] in forms]
            found[:] = first or found
            raise


@lie("batch", "STORE-13")
class KeepsLocalIdsInMoves(ModelStore):
    """The targets of moves keep their local ids."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        names = {display_id: local_id for local_id, display_id in made.ids.items()}
        for move in self.state.partitions[dialogue_id].moves:
            move["targets"] = [names.get(target, target) for target in move["targets"]]
        return made


@lie("batch", "STORE-13", "STORE-24")
class KeepsLocalIdsInReferences(ModelStore):
    """The sealed list of references keeps the local ids; the ref items are right."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        names = {display_id: local_id for local_id, display_id in made.ids.items()}
        for perspective in self.state.partitions[dialogue_id].perspectives:
            for reference in perspective["references"]:
                reference["target"] = names.get(reference["target"], reference["target"])
        return made


@lie("batch", "STORE-13")
class WritesRefsAfterwards(ModelStore):
    """Writes the round first and its refs by commits of their own, so that half of it can be seen."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        refs = kwargs.get("refs") or ()
        super_round = super().register_round
        made = super_round(dialogue_id, *args, **kwargs) if not refs else None
        if made is not None:
            return made
        trial = type(self)(self.state.clock, storage={**self.state.partitions})
        whole = super(WritesRefsAfterwards, trial).register_round(dialogue_id, *args, **kwargs)
        made = super_round(dialogue_id, *args, **{**kwargs, "refs": ()})
        for ref in refs:
            source, target = (made.ids.get(ref[side], ref[side]) for side in ("source", "target"))
            self.register_ref(dialogue_id, source, ref["ref_type"], target)
        return dataclasses.replace(whole, revision=self.state.partitions[dialogue_id].revision)


@lie("batch", "STORE-13")
class LeavesARoundBehind(ModelStore):
    """A refused round leaves the round itself, without anything in it."""

    def register_round(
        self, dialogue_id: str, round: int, score: int, *args: Any, **kwargs: Any
    ) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, round, score, *args, **kwargs)
        except DialogueStoreError as refused:
            if all(finding["field"] != "round" for finding in refused.data.get("findings", ())):
                try:
                    self.create_round(dialogue_id, round, score)
                except DialogueStoreError:
                    raise refused from None
            raise


@lie("batch", "STORE-13")
class DropsTheHundredth(ModelStore):
    """Writes ninety-nine of a kind and says nothing of the others."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        for kind in KINDS:
            if isinstance(kwargs.get(kind), list):
                kwargs[kind] = kwargs[kind][:99]
        return super().register_round(dialogue_id, *args, **kwargs)


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


@lie("batch", "STORE-13", also=touched("STORE-23"))
class FillsOneTransaction(ModelStore):
    """Writes as many refs as a transaction of a hundred actions has room for, and leaves out the rest."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        refs = _list(kwargs.get("refs"))
        entities = sum(len(_list(kwargs.get(kind))) for kind in KINDS)
        room = max(0, 97 - 2 * entities)
        if len(refs) <= room or len(refs) > 999:
            return super().register_round(dialogue_id, *args, **kwargs)
        made = super().register_round(dialogue_id, *args, **{**kwargs, "refs": refs[:room]})
        return dataclasses.replace(made, counts={**made.counts, "refs": len(refs)})


@lie("batch", "STORE-13")
class KeepsTheLastChangeOnly(ModelStore):
    """Of several status changes of one entity it writes the last, and no event of the others."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        updates = _list(kwargs.get("status_updates"))
        if updates and all(isinstance(one, dict) and "entity_id" in one for one in updates):
            last = {str(update["entity_id"]): update for update in updates}
            kwargs["status_updates"] = list(last.values())
        return super().register_round(dialogue_id, *args, **kwargs)


@lie("batch", "STORE-13")
class ForgetsItsLastTime(ModelStore):
    """The next write may be as early as the last event of a whole round."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        partition = self.state.partitions[dialogue_id]
        partition.updated_at = partition.dialogue["updated_at"]
        return made


def _afterwards(change: Callable[[Any, Any, Mapping[str, Any]], Any]) -> Any:
    """A register_round after which something is done to the partition, or to the result."""

    def register_round(self: Any, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = ModelStore.register_round(self, dialogue_id, *args, **kwargs)
        partition = self.state.partitions[dialogue_id]
        return cast(RoundRegistration, change(partition, made, kwargs) or made)

    return register_round


def _uncounted(partition: Any, made: Any, given: Mapping[str, Any]) -> None:
    partition.dialogue["total_alignment"] -= partition.round(made.round)["score"]


@lie("batch", "STORE-13", also=touched("STORE-23"))
class ScoresNoRounds(ModelStore):
    """A whole round's score is not part of the dialogue's alignment."""

    register_round = _afterwards(_uncounted)


@lie("batch", "STORE-13")
class TellsTheRevisionBefore(ModelStore):
    """Tells the revision that it found instead of the one that it made."""

    register_round = _afterwards(
        lambda partition, made, given: dataclasses.replace(made, revision=made.revision - 1)
    )


@lie("batch", "STORE-13")
class CountsNoEvents(ModelStore):
    """Tells of no events that a round has made."""

    register_round = _afterwards(
        lambda partition, made, given: dataclasses.replace(
            made, counts={**made.counts, "events": 0}
        )
    )


def _no_total(partition: Any, made: Any, given: Mapping[str, Any]) -> None:
    for slug, score in (given.get("expert_scores") or {}).items():
        partition.expert(slug)["total_score"] -= int(score)


@lie("batch", "STORE-13", also=touched("STORE-11", "STORE-23"))
class ScoresWithoutTotal(ModelStore):
    """The scores of a whole round leave the experts' totals as they were."""

    register_round = _afterwards(_no_total)


def _silent(partition: Any, made: Any, given: Mapping[str, Any]) -> None:
    new = set(made.ids.values())
    partition.events[:] = [
        event
        for event in partition.events
        if event["entity_id"] not in new or event["event_type"] == "created"
    ]


@lie("batch", "STORE-13")
class ChangesWithoutEvents(ModelStore):
    """Changes of status of a round's own entities leave no events."""

    register_round = _afterwards(_silent)


def _numbered_by_name(partition: Any, made: Any, given: Mapping[str, Any]) -> Any:
    claims = [name for name, display_id in made.ids.items() if display_id[0] == "C"]
    ids = [made.ids[name] for name in claims]
    return dataclasses.replace(
        made, ids={**made.ids, **dict(zip(sorted(claims), ids, strict=True))}
    )


@lie("batch", "STORE-13")
class NamesInOrder(ModelStore):
    """Tells the display ids of claims as if they had been numbered by local id."""

    register_round = _afterwards(_numbered_by_name)


def _opened(partition: Any, made: Any, given: Mapping[str, Any]) -> None:
    partition.round(made.round)["summary"] = None


@lie("batch", "STORE-13", also=touched("STORE-12"))
class DropsTheSummary(ModelStore):
    """Takes a summary with a whole round and keeps none."""

    register_round = _afterwards(_opened)


def _unsealed(partition: Any, made: Any, given: Mapping[str, Any]) -> None:
    for ref in partition.refs:
        if ref["source_id"] in made.ids.values() and ref["created_at"] == partition.updated_at:
            ref["created_at"] = partition.dialogue["created_at"]


@lie("batch", "STORE-13")
class RefsOfAnotherTime(ModelStore):
    """The refs of a whole round are as old as the dialogue."""

    register_round = _afterwards(_unsealed)


@lie("batch", "STORE-13", also=_COUNTED)
class FindingsOfAList(ModelStore):
    """The path of a finding names the list and not which of it."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            for finding in refused.data.get("findings", ()):
                finding["field"] = finding["field"].split("[")[0]
            raise


def _of(refused: DialogueStoreError) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = refused.data.get("findings", [])
    return found


@lie("batch", "STORE-13")
class LooksUpGoodAnswersOnly(ModelStore):
    """Where an expert's response is wrong it does not ask whether there is such an expert."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            wrong = {one["field"] for one in _of(refused) if one["code"] == "missing_field"}
            kept = [
                one
                for one in _of(refused)
                if one["code"] != "expert_not_found" or one["field"] not in wrong
            ]
            refused.data["findings"] = kept
            raise


@lie("batch", "STORE-13")
class CountsReferencesApart(ModelStore):
    """Takes 999 refs besides those that are references of its entities."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            refs = _list(kwargs.get("refs"))
            codes = [one["code"] for one in _of(refused)]
            if codes != ["limit_exceeded"] or not 0 < len(refs) <= 999:
                raise
        made = super().register_round(dialogue_id, *args, **{**kwargs, "refs": ()})
        for ref in refs:
            source, target = (made.ids.get(ref[side], ref[side]) for side in ("source", "target"))
            self.register_ref(dialogue_id, source, ref["ref_type"], target)
        return made


@lie("batch", "STORE-13")
class CountsNoRestOfARound(ModelStore):
    """Lists a thousand findings of a round and does not say that there are more."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            refused.data.pop("more", None)
            raise


@lie("batch", "STORE-13")
class TakesNullForNothing(ModelStore):
    """Leaves out a score or response that is null."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        for name in ("expert_scores", "responses"):
            if isinstance(kwargs.get(name), dict):
                kwargs[name] = {k: v for k, v in kwargs[name].items() if v is not None}
        return super().register_round(dialogue_id, *args, **kwargs)
