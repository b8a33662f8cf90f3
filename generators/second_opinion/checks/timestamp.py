"""Timestamps in and out (ADDR-07)."""

from __future__ import annotations

from .. import times
from ..work import Refused, Work, check

__all__: list[str] = []


@check("timestamp", "normalise")
def normalise(work: Work) -> None:
    """Any time that is let in, in its one form."""
    try:
        work.give(timestamp=times.normalise(work.input["text"]))
    except times.NotATimeError:
        raise Refused("input", "invalid_field") from None


@check("timestamp", "canonical")
def canonical(work: Work) -> None:
    """A text by itself, where only the one form will do."""
    if not times.is_canonical(work.input["text"]):
        raise Refused("input", "invalid_field")
