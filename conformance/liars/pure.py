"""Liars about times, which are pure functions: no store holds them, so that the wrong one is in force while
the model is tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from conformance.model.store import ModelStore
from reference_impl.contract import timestamps
from reference_impl.testing import exchanged

from .kit.lie import Made, lie
from .kit.over_model import factory_over_model, forget

__all__: list[str] = []

F = Callable[..., Any]


def instead(honest: F, *must_fail: str) -> Callable[[F], F]:
    """Put a function in the place of another one, which it is given first."""

    def tried(wrong: F, profile: str) -> Made:
        factory = factory_over_model(ModelStore, profile)
        return Made(factory, forget, lambda: exchanged(honest, wrong))

    return lie("core", *must_fail, tried=tried)


# -- times (ADDR-07) -----------------------------------------------------------------------------------

time_text = partial(instead, timestamps.parse, "ADDR-07")


@time_text()
def rounds_times(honest: F, text: str) -> datetime:
    """Rounds a time to the nearest microsecond instead of cutting it off."""
    moment: datetime = honest(text)
    digits = re.search(r"\.\d{6}([5-9])", text)
    return moment + timedelta(microseconds=1) if digits else moment


@time_text()
def reads_small_letters(honest: F, text: str) -> datetime:
    """Reads a time with a small t or z."""
    moment: datetime = honest(text.upper())
    return moment


@time_text()
def reads_naive_times(honest: F, text: str) -> datetime:
    """Takes a time without an offset for UTC."""
    moment: datetime = honest(text if re.search(r"(Z|[+-]\d\d:\d\d)$", text) else f"{text}Z")
    return moment


@time_text()
def forgets_the_offset(honest: F, text: str) -> datetime:
    """Reads a time as if its offset were UTC's."""
    moment: datetime = honest(re.sub(r"[+-](?!00:00)\d\d:\d\d$", "Z", text))
    return moment
