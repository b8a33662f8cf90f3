"""What the tests of whole rounds share: a dialogue to write them into, one of them, and the model's word.

The stories name identities that are known beforehand, as in :mod:`.builders`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.testing import ManualClock

from ...model.store import ModelStore
from .builders import KINDS, Kind, begin, partition, register

if TYPE_CHECKING:
    from ..conftest import Clock

__all__ = [
    "COUNTED",
    "NOW",
    "WHOLE",
    "Looking",
    "as_the_model_has_it",
    "at",
    "entry",
    "findings_of",
    "harbour",
    "many",
    "settled",
    "state_of",
    "timeless",
    "write",
]

#: The kinds of things that a registration counts.
COUNTED = (
    *(kind.plural for kind in KINDS.values()),
    *("moves", "refs", "events", "status_updates"),
    *("expert_scores", "responses", "signals"),
)


def at(microsecond: int) -> str:
    """A time so many microseconds after :data:`NOW`."""
    return f"2026-02-03T10:15:{microsecond // 1_000_000:02d}.{microsecond % 1_000_000:06d}Z"


NOW = at(0)


def harbour(store: DialogueStore) -> None:
    """The dialogue ``tides``: round 0 with one of each kind, two experts and a verdict; ten writes."""
    begin(store, "tides", experts=["muffin", "scone"])
    for kind in KINDS.values():
        register(store, kind, "tides", 0)
    store.register_verdict("tides", "v-interim", "interim", 0, "Wait", "For the tide.")


def write(store: DialogueStore, **params: Any) -> Any:
    """A round of ``tides``: round 1 with a score of 1, if nothing else is said."""
    return store.register_round("tides", **{"round": 1, "score": 1, **params})


def entry(kind: Kind, text: str = "What was said.", **more: Any) -> dict[str, Any]:
    """A new entity of a round, with what its kind asks for."""
    return {"label": "In short", kind.text: text, "contributors": ["muffin"], **more}


_P, _T, _R, _E, _C = KINDS.values()

#: A round with everything in it, for :func:`harbour`: local ids stand wherever an id may stand.
WHOLE: Mapping[str, Any] = {
    "round": 1,
    "score": 7,
    "title": "Second watch",
    "summary": "The light went.",
    "metrics": {"score_wisdom": 3, "panel_size": 2},
    "perspectives": [
        entry(_P, "It is late.", local_id="MUFFIN-P0101"),
        entry(
            _P,
            "Later than that.",
            contributors=["scone", "muffin"],
            references=[
                {"type": "refine", "target": "MUFFIN-P0101"},
                {"type": "address", "target": "depth"},
                {"type": "support", "target": "C0001"},
            ],
        ),
    ],
    "tensions": [entry(_T, "How deep is it?", local_id="depth")],
    "recommendations": [
        entry(
            _R,
            "Anchor outside.",
            local_id="anchor",
            parameters={"depth": 12.5, "lights": ["red", None]},
            references=[{"type": "resolve", "target": "depth"}],
        )
    ],
    "evidence": [entry(_E, "The lead says six.", local_id="lead", contributors=[])],
    "claims": [
        entry(_C, "Six is enough.", references=[{"type": "depend", "target": "lead"}]),
        entry(_C, "Six is not.", local_id="shallow"),
    ],
    "moves": [
        {"expert_slug": "scone", "move_type": "challenge", "targets": ["shallow", "T0001"]},
        {"expert_slug": "muffin", "move_type": "defend", "targets": ["MUFFIN-P0101"]},
        {"expert_slug": "scone", "move_type": "request", "targets": ["a chart"], "context": "New"},
        {"expert_slug": "scone", "move_type": "converge"},
    ],
    "refs": [
        {"source": "lead", "ref_type": "oppose", "target": "shallow"},
        {"source": "P0001", "ref_type": "question", "target": "depth"},
    ],
    "status_updates": [
        {"entity_id": "depth", "status": "addressed", "actors": ["scone"], "reason": "Sounded"},
        {"entity_id": "P0001", "status": "merged", "result_id": "MUFFIN-P0101"},
        {
            "entity_id": "R0001",
            "status": "adopted",
            "verdict_id": "v-interim",
            "event_round": 0,
            "reference": "the log",
        },
        {"entity_id": "shallow", "status": "withdrawn"},
        {"entity_id": "E0001", "status": "confirmed"},
    ],
    "expert_scores": {"muffin": 4, "scone": -1},
    "responses": {"muffin": "I would wait."},
    "signals": ["scone", "muffin"],
}


def many(count: int, text: str = "What was said.") -> dict[str, Any]:
    """A round 1 with ``count`` perspectives, tensions and recommendations each, and as many refs."""
    return {
        "round": 1,
        "score": 1,
        "perspectives": [entry(_P, text, local_id=f"p{number}") for number in range(count)],
        "tensions": [entry(_T, text, local_id=f"t{number}") for number in range(count)],
        "recommendations": [entry(_R, text) for _ in range(count)],
        "refs": [
            {"source": f"p{number}", "ref_type": "address", "target": f"t{number}"}
            for number in range(count)
        ],
    }


def findings_of(refused: DialogueStoreError) -> set[tuple[str, str]]:
    """(code, field) of every finding."""
    return {(finding["code"], finding["field"]) for finding in refused.data.get("findings", ())}


def settled(store: DialogueStore, clock: Clock) -> dict[str, Any]:
    """The whole partition ``tides``, without its times where the clock goes by itself."""
    whole = partition(store, "tides")
    return whole if clock.controlled else timeless(whole)


def as_the_model_has_it(clock: Clock, *story: Callable[[DialogueStore], object]) -> dict[str, Any]:
    """What :func:`settled` must be after a story that was begun at :data:`NOW`."""
    with ModelStore(ManualClock(NOW)) as model:
        for step in story:
            step(model)
        whole = partition(model, "tides")
    return whole if clock.controlled else timeless(whole)


_TIMES = ("created_at", "updated_at", "converged_at", "completed_at", "timestamp")


def timeless(value: Any) -> Any:
    """A copy without times."""
    if isinstance(value, Mapping):
        return {name: timeless(member) for name, member in value.items() if name not in _TIMES}
    if isinstance(value, list):
        return [timeless(member) for member in value]
    return deepcopy(value)


# -- readers ---------------------------------------------------------------------------------------------


class Looking(threading.Thread):
    """A reader that looks again and again, from before the write to after it."""

    def __init__(self, store: DialogueStore) -> None:
        super().__init__(name="reader", daemon=True)
        self._store = store
        self.has_begun = threading.Event()
        self.enough = threading.Event()
        self.seen: list[tuple[int, dict[str, int]]] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while True:
                is_last = self.enough.is_set()
                self._look()
                self.has_begun.set()
                if is_last:
                    return
        except Exception as failure:  # noqa: BLE001 - told by the test, whatever it is
            self.failure = failure
            self.has_begun.set()

    def _look(self) -> None:
        self.seen.append(state_of(self._store))


def state_of(store: DialogueStore) -> tuple[int, dict[str, int]]:
    """The revision, and how many there are of everything."""
    whole = partition(store, "tides")
    counts = {name: len(members) for name, members in whole.items() if isinstance(members, list)}
    return whole["revision"], counts
