"""Liars for profile batch: the executable specification with one thing wrong with its whole rounds."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from conformance.model import ModelStore
from reference_impl.contract.entities import RoundRegistration
from reference_impl.contract.errors import DialogueStoreError

from .core import lie

__all__: list[str] = []

KINDS = ("perspectives", "tensions", "recommendations", "evidence", "claims")


@lie("STORE-13", profile="batch")
class WritesNoRounds(ModelStore):
    """register_round does nothing and returns None."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        del self, dialogue_id, args, kwargs
        nothing: RoundRegistration = cast(Any, None)
        return nothing


@lie("STORE-13", profile="batch")
class TellsOneFinding(ModelStore):
    """Lists only the first of a round's findings."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        try:
            return super().register_round(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            del refused.data.get("findings", [])[1:]
            raise


@lie("STORE-13", profile="batch")
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


@lie("STORE-13", profile="batch")
class KeepsLocalIdsInMoves(ModelStore):
    """The targets of moves keep their local ids."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        names = {display_id: local_id for local_id, display_id in made.ids.items()}
        for move in self._partitions[dialogue_id].moves:
            move["targets"] = [names.get(target, target) for target in move["targets"]]
        return made


@lie("STORE-13", profile="batch")
class KeepsLocalIdsInReferences(ModelStore):
    """The sealed list of references keeps the local ids; the ref items are right."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        names = {display_id: local_id for local_id, display_id in made.ids.items()}
        for perspective in self._partitions[dialogue_id].perspectives:
            for reference in perspective["references"]:
                reference["target"] = names.get(reference["target"], reference["target"])
        return made


@lie("STORE-13", profile="batch")
class WritesRefsAfterwards(ModelStore):
    """Writes the round first and its refs by commits of their own, so that half of it can be seen."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        refs = kwargs.get("refs") or ()
        super_round = super().register_round
        made = super_round(dialogue_id, *args, **kwargs) if not refs else None
        if made is not None:
            return made
        trial = type(self)(self._clock, storage={**self._partitions})
        whole = super(WritesRefsAfterwards, trial).register_round(dialogue_id, *args, **kwargs)
        made = super_round(dialogue_id, *args, **{**kwargs, "refs": ()})
        for ref in refs:
            source, target = (made.ids.get(ref[side], ref[side]) for side in ("source", "target"))
            self.register_ref(dialogue_id, source, ref["ref_type"], target)
        return dataclasses.replace(whole, revision=self._partitions[dialogue_id].revision)


@lie("STORE-13", profile="batch")
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


@lie("STORE-13", profile="batch")
class DropsTheHundredth(ModelStore):
    """Writes ninety-nine of a kind and says nothing of the others."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        for kind in KINDS:
            if isinstance(kwargs.get(kind), list):
                kwargs[kind] = kwargs[kind][:99]
        return super().register_round(dialogue_id, *args, **kwargs)


@lie("STORE-13", profile="batch")
class FillsOneTransaction(ModelStore):
    """Writes as many refs as a transaction of a hundred actions has room for, and leaves out the rest."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        refs = kwargs.get("refs") or []
        entities = sum(len(kwargs.get(kind) or ()) for kind in KINDS)
        room = max(0, 97 - 2 * entities)
        if len(refs) <= room or len(refs) > 999:
            return super().register_round(dialogue_id, *args, **kwargs)
        made = super().register_round(dialogue_id, *args, **{**kwargs, "refs": refs[:room]})
        return dataclasses.replace(made, counts={**made.counts, "refs": len(refs)})


@lie("STORE-13", profile="batch")
class KeepsTheLastChangeOnly(ModelStore):
    """Of several status changes of one entity it writes the last, and no event of the others."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        updates = kwargs.get("status_updates") or ()
        if all(isinstance(update, dict) and "entity_id" in update for update in updates):
            last = {str(update["entity_id"]): update for update in updates}
            kwargs["status_updates"] = list(last.values())
        return super().register_round(dialogue_id, *args, **kwargs)


@lie("STORE-13", profile="batch")
class ForgetsItsLastTime(ModelStore):
    """The next write may be as early as the last event of a whole round."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        partition = self._partitions[dialogue_id]
        partition.updated_at = partition.dialogue["updated_at"]
        return made
