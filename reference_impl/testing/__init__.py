"""Stores with a clock and randomness from outside, for tests, replays and vectors.

Nothing here is reachable from a configuration: a store made by ``create_dialogue_store`` takes its nonces
and keys from the operating system, and its time from the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..contract import timestamps
from ..contract.limits import DEADLINE_S
from ..partitions.port import PartitionStore
from ..sealing.keys import DEFAULT_USER, Randomness
from ..sealing.providers import KeyProvider
from ..store.composing import Makers, compose
from ..store.encrypted_store import EncryptedStore
from ..store.runtime import SYSTEM, Runtime
from .exchange import exchanged
from .exposing import exposed

__all__ = ["ManualClock", "Runtime", "exchanged", "exposed", "open_store"]


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
    user_id: str = DEFAULT_USER,
    deadline_s: float = DEADLINE_S,
    read_only: bool = False,
    principal: str | None = None,
    audit_sink: str | os.PathLike[str] | None = None,
    clock: timestamps.Clock | None = None,
    randomness: Randomness | None = None,
    runtime: Runtime = SYSTEM,
    **makers: Callable[..., Any],
) -> EncryptedStore:
    """An :class:`EncryptedStore` over given partitions and keys, with everything else from outside.

    ``runtime``: clock, randomness and scheduling points; ``clock`` and ``randomness`` alone stand for those
    of it. ``makers``: what makes a part in the place of the reference's own, called as its class is
    (:class:`Makers`): ``keyring``, ``log``, ``opener``, ``loader``, ``assembler``, ``writer``, ``creator``,
    ``verifier``. So a wrong part is handed in, and nothing has to be changed in a module.
    """
    chosen = replace(
        runtime,
        clock=clock or runtime.clock,
        randomness=randomness or runtime.randomness,
    )
    return EncryptedStore(
        compose(
            partitions,
            keys,
            user_id=user_id,
            deadline_s=deadline_s,
            read_only=read_only,
            principal=principal,
            audit_sink=audit_sink,
            runtime=chosen,
            makers=Makers(**makers),
        )
    )
