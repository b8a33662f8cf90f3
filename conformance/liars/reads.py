"""Liars for profile core that answer reads wrongly: another order, a part, another dialogue's, old news."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from conformance.model.state import State
from conformance.model.store import ModelStore
from reference_impl.contract.entities import Dialogue, Evidence, Recommendation, plain
from reference_impl.contract.errors import DialogueStoreError

from .kit.lie import lie
from .kit.meddling import LISTS, Hand
from .kit.touched import touched

__all__: list[str] = []

_WHOLE = "every read is compared with the whole partition"

# -- order (STORE-05) ----------------------------------------------------------------------------------


@lie("core", "STORE-05")
class RoundsAsText(Hand):
    """Orders rounds as unpadded text: 10 before 9."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: str(one.round)) if name == "rounds" else found


@lie("core", "STORE-05")
class SlugsWithoutCase(Hand):
    """Orders experts by slug without regard to case."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "experts":
            return found
        return sorted(found, key=lambda one: one.expert_slug.lower())


@lie("core", "STORE-05", also=touched("ADDR-01", "STORE-12"))
class VerdictsById(Hand):
    """Orders the verdicts of a round by their ids and not by their times."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "verdicts":
            return found
        return sorted(found, key=lambda one: (one.round, one.verdict_id))


@lie("core", "STORE-05")
class EventsByEntity(Hand):
    """Gives the events of one entity after those of another."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "events":
            return found
        return sorted(found, key=lambda one: (one.entity_id, one.timestamp))


@lie("core", "STORE-05", also=touched("ADDR-08", "STORE-07", "STORE-12", "STORE-18", "ERR-02"))
class NewestFirst(Hand):
    """Gives the moves of an expert in a round with the newest first."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "moves":
            return found
        return sorted(found, key=lambda one: (one.round, one.expert_slug, -one.seq))


@lie("core", "STORE-05", also=touched("STORE-07", "STORE-12"))
class RefsAsWritten(Hand):
    """Gives refs in the order of their times."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: one.created_at) if name == "refs" else found


@lie("core", "STORE-05", also=touched("ADDR-02"))
class EntitiesAsWritten(Hand):
    """Gives evidence in the order in which it was written, over all rounds."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return sorted(found, key=lambda one: one.created_at) if name == "evidence" else found


@lie("core", "STORE-05", also=touched("STORE-06"))
class SignalsByExpert(Hand):
    """Gives signals by expert and then by round."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "signals":
            return found
        return sorted(found, key=lambda one: (one.expert_slug, one.round))


# -- a part of it (STORE-18, STORE-23) -----------------------------------------------------------------


@lie("core", "STORE-15", "STORE-23")
class LosesAPage(Hand):
    """A list ends where a megabyte is full."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        kept, size = [], 0
        for one in found:
            size += len(json.dumps(plain(one)))
            if size > 1 << 20:
                break
            kept.append(one)
        return kept


@lie("core", "STORE-23", also=touched("ADDR-08", "STORE-14", "ERR-02"))
class StopsAtFifty(Hand):
    """A list has no more than fifty members."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return found[:50]


@lie("core", "STORE-05", "STORE-06")
class SignalsOfRoundZeroAreAll(Hand):
    """Takes round 0 for no round where it gives signals."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "get_convergence_signals":
            given["round"] = given.get("round") or None
        return given


@lie("core", "STORE-08")
class EventsOfTheRound(Hand):
    """Gives the events of all entities of a kind and round where those of one are wanted."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "get_events" and given.get("entity_id") is not None:
            known = self.store.get_events(given["dialogue_id"])
            return [e for e in known if e.entity_id[:3] == given["entity_id"][:3]]
        return made


@lie(
    "core",
    "STORE-23",
    also={
        "STORE-18": _WHOLE,
        "STORE-19": _WHOLE,
        "STORE-21": _WHOLE,
        **touched("ADDR-09", "STORE-10"),
        **touched("ADDR-01"),
    },
)
class PartitionWithoutSignals(Hand):
    """load_partition leaves the signals out; the read of signals has them."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        return dataclasses.replace(made, signals=[]) if method == "load_partition" else made


@lie("core", "STORE-23", also=touched("ADDR-02", "STORE-08"))
class HidesWhatWasWithdrawn(Hand):
    """Leaves out claims that were withdrawn."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return [one for one in found if name != "claims" or one.status != "withdrawn"]


@lie("core", "ADDR-02", also=touched("STORE-23"))
class NextNumberAfterTheLiving(Hand):
    """next_seq does not count claims that were withdrawn, or opposed."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "next_seq" or given["entity"] != "claim":
            return made
        claims = [one for one in self.home(given).claims if one["round"] == given["round"]]
        gone = sum(one["status"] in ("withdrawn", "opposed") for one in claims)
        return type(made)(int(made) - gone)


# -- unknown, another's, old (STORE-06, STORE-18, STORE-19) -------------------------------------------


@lie("core", "STORE-06", "ERR-02", also=touched("STORE-18"))
class UnknownIsEmpty(Hand):
    """Gives empty lists for a dialogue that is not there."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "dialogue_not_found" and method in LISTS.values():
            return []
        raise refusal


@lie("core", "STORE-06", also=touched("STORE-19", "STORE-18"))
class NoEventsOfTheUnknown(Hand):
    """Gives an empty list for the events of an entity that is not there."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "entity_not_found" and method == "get_events":
            return []
        raise refusal


@lie("core", "STORE-06", also=touched("STORE-18"))
class NumbersInNoRound(Hand):
    """next_seq is 1 in a round that is not there."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if refusal.code == "round_not_found" and method == "next_seq":
            return 1
        raise refusal


@lie("core", "STORE-19", also=touched("STORE-21"))
class LeaksAcrossPartitions(Hand):
    """Gives the refs of every dialogue there is."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "get_refs":
            return made
        return [r for name in sorted(self.partitions) for r in self.store.get_refs(name)]


@lie("core", "STORE-19")
class CountsForAll(Hand):
    """The alignment of a dialogue that another one's id begins with counts the other one's as well."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "get_dialogue":
            return made
        own = given["dialogue_id"]
        family = [p for name, p in self.partitions.items() if name.startswith(own)]
        total = sum(p.dialogue["total_alignment"] for p in family)
        return dataclasses.replace(made, total_alignment=total)


@lie("core", "STORE-18", also=touched("STORE-21"))
class RemembersDialogues(Hand):
    """Gives a dialogue as this client last wrote or read it."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        known: dict[str, Dialogue] = self.__dict__.setdefault("_known", {})
        if method == "get_dialogue":
            return known.setdefault(given["dialogue_id"], made)
        if "dialogue_id" in given and not method.startswith(("get_", "next_", "load_")):
            known.pop(given["dialogue_id"], None)
        return made


@lie("core", "STORE-21")
class SharesItsLists(ModelStore):
    """What a read returns is what the store keeps."""

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        found = super().get_evidence(dialogue_id)
        kept = {one["display_id"]: one for one in self.state.partitions[dialogue_id].evidence}
        for one in found:
            object.__setattr__(one, "contributors", kept[one.display_id]["contributors"])
        return found


@lie("core", "STORE-21")
class SharesItsAnswers(ModelStore):
    """What a registration of a recommendation returns is what the store keeps."""

    def register_recommendation(
        self, dialogue_id: str, *args: Any, **kwargs: Any
    ) -> Recommendation:
        made = super().register_recommendation(dialogue_id, *args, **kwargs)
        kept = self.state.partitions[dialogue_id].recommendations
        entity = next(one for one in kept if one["display_id"] == made.display_id)
        object.__setattr__(made, "parameters", entity["parameters"])
        return made


@lie("core", "STORE-20", also=touched("STORE-04", "STORE-16", "STORE-18"))
class ClosesForAll(State):
    """Closing one client closes every other one of the storage."""

    def close(self) -> None:
        super().close()
        self.partitions.setdefault("closed", None)  # type: ignore[arg-type]

    def check_open(self) -> None:
        self.closed = self.closed or "closed" in self.partitions
        super().check_open()


@lie("core", "STORE-20")
class SwallowsErrors(ModelStore):
    """Used as a context manager it keeps to itself what went wrong in the block."""

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)  # type: ignore[arg-type]
        return True  # type: ignore[return-value]


@lie("core", "STORE-20")
class ClosesOnce(ModelStore):
    """Is closed a second time with an error."""

    def close(self) -> None:
        self.state.check_open()
        super().close()
