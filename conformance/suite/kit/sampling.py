"""Random input for tests that are about "any" value: bounded by the budget, repeatable by the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

__all__ = ["INTEGERS", "JSON_OBJECTS", "TEXTS", "for_any"]

T = TypeVar("T")

_TIMES = {"quick": 1, "ordinary": 4, "nightly": 40}

#: Any text that the contract takes: every Unicode scalar value, U+0000 among them.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
#: Integers that a double holds exactly.
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)

_numbers = INTEGERS | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: not number.is_integer() or abs(number) < 2**53
)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
#: JSON objects within the limits of STORE-12.
JSON_OBJECTS = st.dictionaries(TEXTS, _values, max_size=5)


def for_any(
    values: st.SearchStrategy[T],
    check: Callable[[T], None],
    *,
    budget: str,
    seed: int,
    examples: int = 12,
) -> None:
    """Run ``check`` on generated values: ``examples`` of them with the budget quick, more with others.

    A failure is shrunk only with the budget nightly: on an engine every step of that costs writes.
    """
    phases = [Phase.explicit, Phase.generate]
    if budget == "nightly":
        phases.append(Phase.shrink)

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples * _TIMES[budget],
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(values)
    def on_each(value: T) -> None:
        check(value)

    on_each()
