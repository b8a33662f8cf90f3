"""docs/upstream-functions.md: all 32 are there, and what it says of ours is so."""

from __future__ import annotations

import importlib
import inspect
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

import reference_impl
from reference_impl.contract.analytics_store import AnalyticsStore
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.store.encrypted_store import EncryptedStore

ROOT = Path(__file__).parent.parent
METHODS: dict[str, dict[str, str]] = {
    store: {method["name"]: method["profile"] for method in listed}
    for store, listed in json.loads(
        (ROOT / "reference_impl/contract/methods.json").read_text(encoding="utf-8")
    ).items()
    if store in (DialogueStore.__name__, AnalyticsStore.__name__)
}
#: The upstream program's functions in the order of their numbers, 1 to 32.
UPSTREAM = [
    *("generate_dialogue_id", "create_dialogue", "get_dialogue", "register_expert", "get_experts"),
    *("create_round", "create_round_with_metrics", "record_convergence_signal"),
    *("get_convergence_signals", "get_scoreboard", "can_dialogue_converge", "next_seq"),
    *("register_perspective", "register_tension", "register_recommendation", "register_evidence"),
    *("register_claim", "register_ref", "register_verdict", "update_tension_status"),
    *("update_expert_score", "get_perspectives", "get_tensions", "get_recommendations"),
    *("get_evidence", "get_claims", "get_verdicts", "expand_citation", "expand_citations"),
    *("get_cross_dialogue_stats", "get_dialogue_progress", "find_similar_dialogues"),
]


@dataclass(frozen=True)
class Row:
    number: int
    there: str
    here: str
    state: str
    differences: str

    @property
    def method(self) -> str:
        return self.here.rpartition(".")[2]


def rows() -> list[Row]:
    text = (ROOT / "docs/upstream-functions.md").read_text(encoding="utf-8")
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].isdigit():
            found.append(Row(int(cells[0]), cells[1].strip("`"), cells[2].strip("`"), *cells[3:]))
    return found


ROWS = rows()


def test_there_are_32_each_with_what_differs() -> None:
    assert [row.number for row in ROWS] == list(range(1, 33))
    assert len({row.there for row in ROWS}) == 32
    assert [row.number for row in ROWS if not row.differences] == []


def test_they_are_those_of_the_upstream_program() -> None:
    assert [row.there for row in ROWS] == UPSTREAM


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.there)
def test_ours_exists_or_is_planned_with_its_profile(row: Row) -> None:
    owner, _, name = row.here.rpartition(".")
    if owner.startswith(f"{reference_impl.__name__}."):
        assert callable(getattr(importlib.import_module(owner), name))
        assert row.state == "there"
        return
    listed = METHODS[owner]
    assert name in listed
    assert row.state == ("there" if is_there(owner, name) else f"planned: {listed[name]}")


def is_there(owner: str, name: str) -> bool:
    """Whether the reference store does it: not only declares it."""
    if owner == DialogueStore.__name__:
        return name not in EncryptedStore.__abstractmethods__ and hasattr(EncryptedStore, name)
    assert owner == AnalyticsStore.__name__
    return any(
        not inspect.isabstract(store) and store.__module__.startswith(reference_impl.__name__)
        for store in AnalyticsStore.__subclasses__()
    )
