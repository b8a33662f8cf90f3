"""Recorded dialogues as histories: the same calls at the same times as a replay makes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from conformance.stateful.recorded import calls_of, load_corpus

from .history import History, Step

__all__ = ["corpus_folder", "recorded"]


def corpus_folder() -> Path:
    """Where the corpus lies: beside the project, or in the folder that DIALOGUE_STORE_SHARED names."""
    named = os.environ.get("DIALOGUE_STORE_SHARED")
    return (Path(named) if named else Path("..") / "shared") / "corpus"


def recorded(folder: Path) -> Iterator[History]:
    """A history from nothing for each dialogue of a corpus, the shortest first."""
    made = [
        History(name, "empty", tuple(Step(at, method, params) for at, method, params in calls))
        for name, document in load_corpus(folder)
        if (calls := list(calls_of(document)))
    ]
    yield from sorted(made, key=lambda history: len(history.steps))
