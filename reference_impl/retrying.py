"""Trying again until a deadline, with full jitter between tries (STORE-16, ERR-04)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .contract.errors import error
from .partitions.port import ConditionFailed, Contention, LostAnswer, Transient

__all__ = ["persist"]

T = TypeVar("T")

#: Seconds between tries: drawn from nothing up to a bound that doubles from the first to the longest.
_FIRST_WAIT, _LONGEST_WAIT = 0.002, 0.5


def persist(attempt: Callable[[], T], until: float) -> T:
    """Call ``attempt`` until it gets through or ``until`` (monotonic seconds) is past.

    Out of time: ``conflict`` after a loss against others, the engine's own error after it stayed away,
    ``outcome_unknown`` after a lost answer (also of an earlier try, where the attempt has ``lost`` set).
    """
    try:
        return attempt()
    except (ConditionFailed, Contention, Transient, LostAnswer):
        pass
    from tenacity import (
        RetryError,
        Retrying,
        retry_if_exception_type,
        stop_after_delay,
        wait_random_exponential,
    )

    retrying = Retrying(
        stop=stop_after_delay(max(0.0, until - time.monotonic())),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        retry=retry_if_exception_type((ConditionFailed, Contention, Transient, LostAnswer)),
    )
    try:
        return retrying(attempt)
    except RetryError as out_of_time:
        last = out_of_time.last_attempt.exception()
    if isinstance(last, LostAnswer) or getattr(attempt, "lost", False):
        raise error("outcome_unknown", "the engine did not say whether the write took place")
    if isinstance(last, Transient):
        raise last.error
    raise error("conflict", "no calm moment before the deadline")
