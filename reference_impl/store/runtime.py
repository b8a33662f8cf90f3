"""What a store takes from outside: time, chance and waiting, in one place, so that any history and any
interleaving of calls can be replayed to the byte (rule 4 of docs/architecture.md).

Engine calls come from outside as well: they are the methods of the partition store that is handed in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import Protocol

from ..contract import timestamps
from ..sealing.audit_chain import new_event_id
from ..sealing.keys import Randomness, system_randomness

__all__ = ["SYSTEM", "Lock", "Runtime"]


class Lock(Protocol):
    """What is held over engine calls."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Whether it was got within ``timeout`` seconds."""

    def release(self) -> None:
        """Let the next one in."""


def _below(longest: float) -> float:
    return uniform(0, longest)  # noqa: S311 - how long to wait is no secret


@dataclass(frozen=True, slots=True)
class Runtime:
    """Clock, randomness and scheduling points of one store.

    ``clock`` gives the time that is written down, ``monotonic`` seconds for deadlines; ``sleep`` waits for
    so many seconds, of which ``jitter`` draws the number below a bound; ``lock`` makes a lock that is held
    over engine calls; ``event_id`` draws a UUIDv7 of 36 characters. Nonces, keys and tokens are bytes from
    ``randomness``.
    """

    clock: timestamps.Clock = timestamps.system_clock
    randomness: Randomness = system_randomness
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float], float] = _below
    lock: Callable[[], Lock] = threading.Lock
    event_id: Callable[[], str] = new_event_id

    def now(self) -> str:
        """The clock's time in the form of ADDR-07."""
        return timestamps.format_time(self.clock())

    def token(self) -> str:
        """A name for one commit: 32 hex digits (HEAD-08)."""
        return self.randomness(16).hex()


#: The machine's own.
SYSTEM = Runtime()
