"""Liars for profile core that answer reads wrongly: another order, a part, another dialogue's, old news."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from conformance.model.store import ModelStore
from reference_impl.contract.entities import Dialogue, Evidence, Recommendation, plain
from reference_impl.contract.errors import DialogueStoreError

from .core import lie
from .kit.meddling import LISTS, Meddler
from .kit.touched import touched

__all__: list[str] = []

_WHOLE = "every read is compared with the whole partition"

# -- order (STORE-05) ----------------------------------------------------------------------------------


@lie("STORE-05")
class RoundsAsText(Meddler):
    """Orders rounds as unpadded text: 10 before 9."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: str(one.round)) if name == "rounds" else found


@lie("STORE-05")
class SlugsWithoutCase(Meddler):
    """Orders experts by slug without regard to case."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "experts":
            return found
        return sorted(found, key=lambda one: one.expert_slug.lower())


@lie("STORE-05", also=touched("ADDR-01", "STORE-12"))
class VerdictsById(Meddler):
    """Orders the verdicts of a round by their ids and not by their times."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "verdicts":
            return found
        return sorted(found, key=lambda one: (one.round, one.verdict_id))


@lie("STORE-05")
class EventsByEntity(Meddler):
    """Gives the events of one entity after those of another."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "events":
            return found
        return sorted(found, key=lambda one: (one.entity_id, one.timestamp))


@lie("STORE-05", also=touched("ADDR-08", "STORE-07", "STORE-12", "STORE-18", "ERR-02"))
class NewestFirst(Meddler):
    """Gives the moves of an expert in a round with the newest first."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "moves":
            return found
        return sorted(found, key=lambda one: (one.round, one.expert_slug, -one.seq))


@lie("STORE-05", also=touched("STORE-07", "STORE-12"))
class RefsAsWritten(Meddler):
    """Gives refs in the order of their times."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: one.created_at) if name == "refs" else found


@lie("STORE-05", also=touched("ADDR-02"))
class EntitiesAsWritten(Meddler):
    """Gives evidence in the order in which it was written, over all rounds."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: one.created_at) if name == "evidence" else found


@lie("STORE-05", also=touched("STORE-06"))
class SignalsByExpert(Meddler):
    """Gives signals by expert and then by round."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "signals":
            return found
        return sorted(found, key=lambda one: (one.expert_slug, one.round))


# -- a part of it (STORE-18, STORE-23) -----------------------------------------------------------------


@lie("STORE-15", "STORE-23")
class LosesAPage(Meddler):
    """A list ends where a megabyte is full."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        kept, size = [], 0
        for one in found:
            size += len(json.dumps(plain(one)))
            if size > 1 << 20:
                break
            kept.append(one)
        return kept


@lie("STORE-23", also=touched("ADDR-08", "STORE-14", "ERR-02"))
class StopsAtFifty(Meddler):
    """A list has no more than fifty members."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        return found[:50]


@lie("STORE-05", "STORE-06")
class SignalsOfRoundZeroAreAll(Meddler):
    """Takes round 0 for no round where it gives signals."""

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "get_convergence_signals":
            given["round"] = given.get("round") or None
        return given


@lie("STORE-08")
class EventsOfTheRound(Meddler):
    """Gives the events of all entities of a kind and round where those of one are wanted."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "get_events" and given.get("entity_id") is not None:
            known = self.get_events(given["dialogue_id"])
            return [e for e in known if e.entity_id[:3] == given["entity_id"][:3]]
        return made


@lie(
    "STORE-23",
    also={
        "STORE-18": _WHOLE,
        "STORE-19": _WHOLE,
        "STORE-21": _WHOLE,
        **touched("ADDR-09", "STORE-10"),
    },
)
class PartitionWithoutSignals(Meddler):
    """load_partition leaves the signals out; the read of signals has them."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        return dataclasses.replace(made, signals=[]) if method == "load_partition" else made


@lie("STORE-23", also=touched("ADDR-02", "STORE-08"))
class HidesWhatWasWithdrawn(Meddler):
    """Leaves out claims that were withdrawn."""

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        return [one for one in found if name != "claims" or one.status != "withdrawn"]


@lie("ADDR-02", also=touched("STORE-23"))
class NextNumberAfterTheLiving(Meddler):
    """next_seq does not count claims that were withdrawn, or opposed."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "next_seq" or given["entity"] != "claim":
            return made
        claims = [one for one in self._home(given).claims if one["round"] == given["round"]]
        gone = sum(one["status"] in ("withdrawn", "opposed") for one in claims)
        return type(made)(int(made) - gone)


# -- unknown, another's, old (STORE-06, STORE-18, STORE-19) -------------------------------------------


@lie("STORE-06", "ERR-02")
class UnknownIsEmpty(Meddler):
    """Gives empty lists for a dialogue that is not there."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "dialogue_not_found" and method in LISTS.values():
            return []
        raise refusal


@lie("STORE-06", also=touched("STORE-19"))
class NoEventsOfTheUnknown(Meddler):
    """Gives an empty list for the events of an entity that is not there."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "entity_not_found" and method == "get_events":
            return []
        raise refusal


@lie("STORE-06")
class NumbersInNoRound(Meddler):
    """next_seq is 1 in a round that is not there."""

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "round_not_found" and method == "next_seq":
            return 1
        raise refusal


@lie("STORE-19", also=touched("STORE-21"))
class LeaksAcrossPartitions(Meddler):
    """Gives the refs of every dialogue there is."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "get_refs":
            return made
        return [r for name in sorted(self._partitions) for r in ModelStore.get_refs(self, name)]


@lie("STORE-19")
class CountsForAll(Meddler):
    """The alignment of a dialogue that another one's id begins with counts the other one's as well."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "get_dialogue":
            return made
        own = given["dialogue_id"]
        family = [p for name, p in self._partitions.items() if name.startswith(own)]
        total = sum(p.dialogue["total_alignment"] for p in family)
        return dataclasses.replace(made, total_alignment=total)


@lie("STORE-18", also=touched("STORE-21"))
class RemembersDialogues(Meddler):
    """Gives a dialogue as this client last wrote or read it."""

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        known: dict[str, Dialogue] = self.__dict__.setdefault("_known", {})
        if method == "get_dialogue":
            return known.setdefault(given["dialogue_id"], made)
        if "dialogue_id" in given and not method.startswith(("get_", "next_", "load_")):
            known.pop(given["dialogue_id"], None)
        return made


@lie("STORE-21")
class SharesItsLists(ModelStore):
    """What a read returns is what the store keeps."""

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        found = super().get_evidence(dialogue_id)
        kept = {one["display_id"]: one for one in self._partitions[dialogue_id].evidence}
        for one in found:
            object.__setattr__(one, "contributors", kept[one.display_id]["contributors"])
        return found


@lie("STORE-21")
class SharesItsAnswers(ModelStore):
    """What a registration of a recommendation returns is what the store keeps."""

    def register_recommendation(
        self, dialogue_id: str, *args: Any, **kwargs: Any
    ) -> Recommendation:
        made = super().register_recommendation(dialogue_id, *args, **kwargs)
        kept = self._partitions[dialogue_id].recommendations
        entity = next(one for one in kept if one["display_id"] == made.display_id)
        object.__setattr__(made, "parameters", entity["parameters"])
        return made


@lie("STORE-20", also=touched("STORE-18"))
class ClosesForAll(ModelStore):
    """Closing one client closes every other one of the storage."""

    def close(self) -> None:
        super().close()
        self._partitions.setdefault("closed", None)  # type: ignore[arg-type]

    def _not_closed(self) -> None:
        self._closed = self._closed or "closed" in self._partitions
        super()._not_closed()


@lie("STORE-20")
class SwallowsErrors(ModelStore):
    """Used as a context manager it keeps to itself what went wrong in the block."""

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)  # type: ignore[arg-type]
        return True  # type: ignore[return-value]


@lie("STORE-20")
class ClosesOnce(ModelStore):
    """Is closed a second time with an error."""

    def close(self) -> None:
        self._not_closed()
        super().close()
