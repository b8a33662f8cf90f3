"""Trying again until a deadline, with full jitter between tries (STORE-16, ERR-04)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..contract.errors import DialogueStoreError, error
from ..partitions.port import ConditionFailed, Contention, LostAnswer, Transient

__all__ = ["EAGER", "YIELDING", "Patience", "outcome_unknown", "persist"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between tries: drawn from nothing up to a bound that doubles from ``first`` to ``longest``.
    ``busy`` bounds the wait for an engine that was only busy for a moment: nothing has to be read again."""

    first: float
    longest: float
    busy: float


#: For reads and writes.
EAGER = Patience(0.002, 0.5, 0.02)
#: For the log of reads: sixteen readers give way to one writer.
YIELDING = Patience(0.005, 0.05, 0.05)


def outcome_unknown(
    evidence: Mapping[str, Any], cause: DialogueStoreError | None = None
) -> DialogueStoreError:
    """ERR-04: nobody can say whether the write took place. ``evidence``: where to look, for
    ``error.data`` (ERR-01); ``cause``: what the engine says instead, if anything."""
    what = "the engine did not say whether the write took place"
    if cause is None:
        return error("outcome_unknown", what, **evidence)
    return error(
        "outcome_unknown", f"{what} ({cause.code}: {cause.message})", **evidence, cause=cause.code
    )


def persist(
    attempt: Callable[[], T],
    until: float,
    patience: Patience = EAGER,
    evidence: Callable[[], Mapping[str, Any]] = dict,
) -> T:
    """Call ``attempt`` until it gets through or ``until`` (monotonic seconds) is past.

    Out of time: ``conflict`` after a loss against others, the engine's own error after it stayed away,
    ``outcome_unknown`` after a lost answer (also of an earlier try, where the attempt has ``lost`` set),
    with ``evidence()`` as its data.
    """
    try:
        return attempt()
    except (ConditionFailed, Contention, Transient, LostAnswer):
        pass
    from tenacity import (
        RetryCallState,
        RetryError,
        Retrying,
        retry_if_exception_type,
        stop_after_delay,
        wait_random_exponential,
    )

    lost = wait_random_exponential(multiplier=patience.first, max=patience.longest)
    busy = wait_random_exponential(multiplier=patience.first, max=patience.busy)

    def wait(state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome is not None else None
        return busy(state) if isinstance(failure, Contention) else lost(state)

    retrying = Retrying(
        stop=stop_after_delay(max(0.0, until - time.monotonic())),
        wait=wait,
        retry=retry_if_exception_type((ConditionFailed, Contention, Transient, LostAnswer)),
    )
    try:
        return retrying(attempt)
    except RetryError as out_of_time:
        last = out_of_time.last_attempt.exception()
    if isinstance(last, LostAnswer) or getattr(attempt, "lost", False):
        cause = last.cause if isinstance(last, LostAnswer) else getattr(last, "error", None)
        raise outcome_unknown(evidence(), cause)
    if isinstance(last, Transient):
        raise last.error
    raise error("conflict", "no calm moment before the deadline")
