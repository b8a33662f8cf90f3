"""Liars about clients that work at the same time (STORE-16): the model without its turns.

Each gives others the time to come between two of its steps; alone, it is the model.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from copy import deepcopy
from typing import Any

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from reference_impl.contract.entities import DialoguePartition, Tension

from .kit.lie import lie
from .kit.touched import touched

__all__: list[str] = []

#: Long enough for every other client to come between, short beside any deadline.
_STEP_S = 0.01


class _CopiesFirst(ModelStore):
    """Writes to a copy of the partition, and puts it in place in a step of its own."""

    def _apart(self, dialogue_id: str, given: dict[str, Any]) -> tuple[Tension, Partition]:
        """What the write gives, and the partition as it would be after it."""
        shared = self.state.partitions
        self.state.partitions = deepcopy(shared)
        try:
            made = super().register_tension(dialogue_id, **given)
            return made, self.state.partitions[dialogue_id]
        finally:
            self.state.partitions = shared


@lie("core", "STORE-16", also=touched("STORE-04", "STORE-18"))
class WritesOverWhatCameBetween(_CopiesFirst):
    """Reads the partition, adds a tension and puts it back, whatever another client wrote meanwhile."""

    def register_tension(self, dialogue_id: str, *args: Any, **more: Any) -> Tension:
        names = ("round", "label", "description", "contributors", "references")
        given = dict(zip(names, args, strict=False)) | more
        made, after = self._apart(dialogue_id, given)
        time.sleep(_STEP_S)
        self.state.partitions[dialogue_id] = after
        return made


@lie("core", "STORE-04", "STORE-18")
class EventsInASecondStep(_CopiesFirst):
    """Writes a tension first and its event a moment later, under a lock that readers do not look at."""

    _lock = threading.Lock()

    def register_tension(self, dialogue_id: str, *args: Any, **more: Any) -> Tension:
        names = ("round", "label", "description", "contributors", "references")
        given = dict(zip(names, args, strict=False)) | more
        with self._lock:
            made, after = self._apart(dialogue_id, given)
            half = dataclasses.replace(after, events=after.events[:-1])
            self.state.partitions[dialogue_id] = half
            time.sleep(_STEP_S)
            self.state.partitions[dialogue_id] = after
        return made


@lie("core", "STORE-18", also=touched("STORE-04"))
class LoadsOfTwoMoments(ModelStore):
    """Loads the lists of entities first and all the rest a moment later, without asking whether another
    client wrote between."""

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        first = super().load_partition(dialogue_id, on_error)
        time.sleep(_STEP_S)
        rest = super().load_partition(dialogue_id, on_error)
        return dataclasses.replace(rest, tensions=first.tensions)
