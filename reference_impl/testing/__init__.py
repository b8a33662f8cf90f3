"""Stores with a clock and randomness from outside, for tests, replays and vectors.

Nothing here is reachable from a configuration: a store made by ``create_dialogue_store`` takes its nonces
and keys from the operating system, and its time from the machine.
"""

from __future__ import annotations

from datetime import datetime

from ..contract import timestamps
from ..partitions.port import PartitionStore
from ..sealing.keys import KeyProvider, Randomness, system_randomness
from ..store.encrypted_store import EncryptedStore
from .exchange import exchanged

__all__ = ["ManualClock", "exchanged", "open_store"]


class ManualClock:
    """A clock that stands still at the time it was set to; until then it is the machine's."""

    def __init__(self, text: str | None = None) -> None:
        self._moment: datetime | None = None
        if text is not None:
            self.set(text)

    def set(self, text: str) -> None:
        """Stand still at an RFC 3339 time from now on; ``ValueError`` for any other text."""
        self._moment = timestamps.parse(text)

    def __call__(self) -> datetime:
        return self._moment or timestamps.system_clock()


def open_store(
    partitions: PartitionStore,
    keys: KeyProvider,
    *,
    user_id: str = "local",
    clock: timestamps.Clock = timestamps.system_clock,
    randomness: Randomness = system_randomness,
    deadline_s: float = 10.0,
) -> EncryptedStore:
    """An :class:`EncryptedStore` over given partitions, keys, clock and randomness."""
    return EncryptedStore(
        partitions,
        keys,
        user_id=user_id,
        deadline_s=deadline_s,
        clock=clock,
        randomness=randomness,
    )
