"""Measuring in turns: every case once a round, in a new order each time."""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

__all__ = ["Case", "Spread", "measure", "ratio", "spread"]


def _nothing() -> None:
    """Nothing to prepare."""


@dataclass(frozen=True)
class Case:
    """Something to time. ``step`` prepares one call, untimed, and gives it; ``before`` and ``after``
    stand around the ``repeats`` calls of a round."""

    name: str
    step: Callable[[], Callable[[], object]]
    repeats: int = 1
    before: Callable[[], object] = _nothing
    after: Callable[[], object] = _nothing


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and where their middle half lies."""

    median: float
    q1: float
    q3: float


def measure(
    cases: Sequence[Case],
    *,
    rounds: int,
    warm_up: int,
    seed: int,
    tick: Callable[[], object] = _nothing,
) -> dict[str, list[float]]:
    """Seconds for one call, by case and round. The rounds of ``warm_up`` come first and don't count.

    ``tick`` is called after every round, those of the warm-up included.
    """
    order = list(cases)
    rng = random.Random(seed)
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(warm_up + rounds):
        rng.shuffle(order)
        for case in order:
            seconds = _once(case)
            if number >= warm_up:
                times[case.name].append(seconds)
        tick()
    return times


def spread(figures: Sequence[float]) -> Spread:
    """Median and quartiles; of one figure, that figure three times."""
    if len(figures) == 1:
        return Spread(figures[0], figures[0], figures[0])
    q1, median, q3 = statistics.quantiles(figures, n=4, method="inclusive")
    return Spread(median, q1, q3)


def ratio(store: Sequence[float], limit: Sequence[float]) -> Spread:
    """Taken round by round, then the median: slow drift of a shared machine cancels out."""
    return spread([ours / theirs for ours, theirs in zip(store, limit, strict=True)])


def _once(case: Case) -> float:
    case.before()
    gc.collect()  # nobody pays for what another one left behind
    total = 0.0
    for _ in range(case.repeats):
        call = case.step()
        began = perf_counter()
        call()
        total += perf_counter() - began
    case.after()
    return total / case.repeats
