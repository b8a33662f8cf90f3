"""What every method of the model begins with, and every write ends with."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import rfc8785

from reference_impl.contract.errors import error
from reference_impl.contract.timestamps import Clock, after, format_time

from .findings import Findings
from .partition import Partition
from .values import LAST_TIME, Entity

__all__ = ["Request", "State"]


class State:
    """What the methods of one opened store have in common: its clock, its partitions, whether it is
    closed, and what holds for all of them.

    A liar is a store with a wrong one (``ModelStore.state_type``): each method here is made to be
    replaced.
    """

    #: The class of new partitions.
    partition_type: type[Partition] = Partition

    def __init__(self, clock: Clock, partitions: dict[str, Partition]) -> None:
        self.clock = clock
        #: dialogue id -> partition; stores that are clients of one backend share it
        self.partitions = partitions
        self.closed = False

    def close(self) -> None:
        """STORE-20: closing twice is fine."""
        self.closed = True

    def begin(self, method: str) -> Findings:
        """Group 0 of STORE-14; then nothing is found yet."""
        self.check_open()
        return self.findings(method)

    def check_open(self) -> None:
        """STORE-20: ``store_closed``."""
        if self.closed:
            raise error("store_closed", "the store is closed")

    def findings(self, method: str) -> Findings:
        """What reads the parameters of a call of ``method``, and notes what is wrong with them."""
        del method
        return Findings()

    def partition(self, dialogue_id: str) -> Partition:
        """The beginning of group 5 of STORE-14; STORE-06: ``dialogue_not_found``."""
        found = Findings()
        if dialogue_id not in self.partitions:
            found.add(5, "dialogue_not_found", "dialogue_id", "there is no such dialogue")
        found.stop()
        return self.partitions[dialogue_id]

    def time_of_write(self, partition: Partition) -> str:
        """ADDR-09: the later of the clock and the head's ``updated_at`` + 1 µs.

        The text order of timestamps is their order in time (ADDR-07). Only ``register_round`` writes
        several events of one entity; everywhere else one time serves for the whole write. (Where no
        time is left, :meth:`Findings.time_left` says so.)
        """
        if partition.updated_at == LAST_TIME:
            return LAST_TIME
        return max(format_time(self.clock()), after(partition.updated_at))


class Request:
    """STORE-22: a write, and what the same request gave before.

    ``earlier`` is the first result, for a write that names the id of an earlier one and has the same
    input: nothing else is asked then. Inputs are the same where their canonical JSON is.
    """

    def __init__(
        self, partition: Partition | None, request_id: str | None, method: str, **params: Any
    ) -> None:
        self.id = request_id
        self.input = b""
        self.earlier: Entity | None = None
        self._is_another = False
        if request_id is None:
            return
        given = {name: value for name, value in params.items() if value is not None}
        self.input = rfc8785.dumps({"method": method, "params": given})
        first = None if partition is None else partition.requests.get(request_id)
        if first is not None and first[0] == self.input:
            self.earlier = deepcopy(first[1])
        elif first is not None:
            self._is_another = True

    def check(self, found: Findings) -> None:
        """The first of group 7: the id was used with another input."""
        if self._is_another:
            found.add(7, "request_mismatch", "request_id", "was used with another input")

    def stop(self, found: Findings) -> None:
        """End with ``request_mismatch``, if it is one."""
        if self._is_another:
            found.stop()

    def size(self, found: Findings, now: str, result: Entity) -> None:
        """The item that remembers the request holds the result (STORE-15)."""
        if self.id is not None:
            found.size(
                "request",
                {
                    "dialogue_id": result["dialogue_id"],
                    "request_id": self.id,
                    "created_at": now,
                    "input_hash": "0" * 64,
                    "result": result,
                },
            )

    def written(self, partition: Partition, time: str, result: Entity) -> None:
        """One write more: the revision counts it, the head carries its time (HEAD-01, ADDR-09), and a
        request that has an id is remembered."""
        partition.revision += 1
        partition.updated_at = time
        if self.id is not None:
            partition.requests[self.id] = (self.input, deepcopy(result))
