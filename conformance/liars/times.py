"""Liars for profile core whose writes have another time, or are more or fewer than one commit each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.model.partition import Partition
from conformance.model.state import State
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.timestamps import after, format_time

from .kit.lie import lie
from .kit.meddling import REGISTRATIONS, Hand
from .kit.touched import touched

__all__: list[str] = []

# -- times (ADDR-09) -----------------------------------------------------------------------------------


@lie("core", "ADDR-09", also=touched("STORE-24"))
class RefsOneMicrosecondLate(Hand):
    """The refs of an entity's references are one microsecond later than the entity."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in REGISTRATIONS and made.references:
            late = after(made.created_at)
            partition = self.home(given)
            for ref in partition.refs:
                if ref["source_id"] == made.display_id:
                    ref["created_at"] = late
            partition.updated_at = late
        return made


@lie("core", "ADDR-09")
class FollowsTheClockBack(State):
    """Takes the clock's time also where it is earlier than the last write's."""

    def time_of_write(self, partition: Partition) -> str:
        now = format_time(self.clock())
        return now if now != partition.updated_at else after(now)


@lie("core", "ADDR-09")
class MillisecondsOnly(State):
    """Takes the clock's time in milliseconds."""

    def time_of_write(self, partition: Partition) -> str:
        now = format_time(self.clock())
        return max(f"{now[:23]}000Z", after(partition.updated_at))


@lie("core", "ADDR-09")
class OneClockForAll(State):
    """A write is later than every earlier write of every dialogue."""

    def time_of_write(self, partition: Partition) -> str:
        latest = max(one.updated_at for one in self.partitions.values())
        return max(super().time_of_write(partition), after(latest))


@lie("core", "ADDR-09")
class SecondsOnly(State):
    """Under a clock that stands still, the next write is a second later."""

    def time_of_write(self, partition: Partition) -> str:
        now = format_time(self.clock())
        if now > partition.updated_at:
            return now
        time = partition.updated_at
        for _ in range(1000):
            time = after(time)
        return time


@lie("core", "ADDR-09", also=touched("STORE-23"))
class ScoresWithoutTime(Hand):
    """A new score leaves the expert's updated_at as it was."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        partition = self.partition(given)
        slug = str(given.get("expert_slug"))
        expert = partition.expert(slug) if partition is not None else None
        self._time = expert["updated_at"] if expert is not None else None
        return given

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method != "update_expert_score":
            return made
        expert = self.home(given).expert(made.expert_slug)
        assert expert is not None
        expert["updated_at"] = self._time
        return dataclasses.replace(made, updated_at=self._time)


@lie("core", "ADDR-09", also=touched("STORE-08", "STORE-23"))
class CommentsTouchTensions(Hand):
    """A comment moves the tension's updated_at."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "comment_tension":
            tension = self.home(given).entity(given["entity_id"])
            assert tension is not None
            tension["updated_at"] = made.timestamp
        return made


@lie("core", "ADDR-09", also=touched("STORE-12", "STORE-24", "STORE-23"))
class RefsTouchTheirSource(Hand):
    """A new ref moves the updated_at of its source."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "register_ref":
            source = self.home(given).entity(made.source_id)
            assert source is not None
            source["updated_at"] = max(source["updated_at"], made.created_at)
        return made


# -- commits (STORE-04) --------------------------------------------------------------------------------


@lie("core", "STORE-04", also=touched("STORE-24"))
class RefsByCommitsOfTheirOwn(Hand):
    """An entity with references takes one commit for itself and one for each ref."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method in REGISTRATIONS and made.references:
            self.home(given).revision += len(made.references)
        return made


@lie(
    "core",
    "STORE-04",
    also={"STORE-18": "a read that writes is met where reads are compared", **touched("STORE-21")},
)
class ReadsCountAsWrites(Hand):
    """next_seq reserves a number: the revision moves."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method == "next_seq":
            self.home(given).revision += 1
        return made


@dataclass
class _Burning(Partition):
    #: round -> how many numbers of claims were used up
    burnt: dict[int, int] = field(default_factory=dict)

    def next_number(self, kind: str, round: int) -> int:
        used_up = self.burnt.get(round, 0) if kind == "claim" else 0
        return super().next_number(kind, round) + used_up


class _UsingUp(State):
    partition_type = _Burning


@lie("core", "ADDR-02", also=touched("ADDR-08"))
class UsesUpNumbers(Hand):
    """A claim that is refused for one of its references uses up its number."""

    state_type = _UsingUp

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method == "register_claim" and refusal.code in (
            "entity_not_found",
            "invalid_ref_target",
        ):
            partition = self.home(given)
            assert isinstance(partition, _Burning)
            partition.burnt[given["round"]] = partition.burnt.get(given["round"], 0) + 1
        raise refusal
