"""Trying again until a deadline, with full jitter between tries (STORE-16, ERR-04)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..contract.errors import DialogueStoreError, error
from ..partitions.port import ConditionFailed, Contention, LostAnswer, Transient
from .runtime import Runtime

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["EAGER", "YIELDING", "Patience", "conflict", "outcome_unknown", "retry_until"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between tries: drawn from nothing up to a bound that doubles from ``first`` to ``longest``.
    ``busy`` bounds the wait for an engine that was only busy for a moment: nothing has to be read again."""

    first: float
    longest: float
    busy: float

    def bound(self, number: int, *, is_busy: bool) -> float:
        """The longest wait after the try of this number (from 1)."""
        doubled = self.first * 2.0 ** min(number - 1, 32)
        return min(doubled, self.busy if is_busy else self.longest)


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


def conflict() -> DialogueStoreError:
    """STORE-16: others were in the way until the deadline."""
    return error("conflict", "conflict with other clients of the dialogue until the deadline")


def retry_until(
    attempt: Callable[[], T],
    until: float,
    runtime: Runtime,
    patience: Patience = EAGER,
    evidence: Callable[[], Mapping[str, Any]] = dict,
) -> T:
    """Call ``attempt`` until it gets through; no try begins after ``until`` (seconds of ``monotonic``).

    Out of time: ``conflict`` after a loss against others, the engine's own error after it stayed away,
    ``outcome_unknown`` after a lost answer (also of an earlier try, where the attempt has ``lost`` set),
    with ``evidence()`` as its data.
    """
    try:
        return attempt()
    except (ConditionFailed, Contention, Transient, LostAnswer) as failure:
        first = failure
    from tenacity import RetryError, Retrying, retry_if_exception_type

    def wait(state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome is not None else None
        is_busy = isinstance(failure, Contention)
        return runtime.jitter(patience.bound(state.attempt_number, is_busy=is_busy))

    def is_late(state: RetryCallState) -> bool:
        return runtime.monotonic() + state.upcoming_sleep >= until

    retrying = Retrying(
        stop=is_late,
        wait=wait,
        sleep=runtime.sleep,
        retry=retry_if_exception_type((ConditionFailed, Contention, Transient, LostAnswer)),
    )
    last: BaseException | None = first
    if runtime.monotonic() < until:
        try:
            return retrying(attempt)
        except RetryError as out_of_time:
            last = out_of_time.last_attempt.exception()
    if isinstance(last, LostAnswer) or getattr(attempt, "lost", False):
        cause = last.cause if isinstance(last, LostAnswer) else getattr(last, "error", None)
        raise outcome_unknown(evidence(), cause)
    if isinstance(last, Transient):
        raise last.error
    raise conflict()
