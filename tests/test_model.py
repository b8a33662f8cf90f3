"""The executable specification, held to expectations that were written by hand from SPEC.md.

Nothing expected here is computed by the model: results are literal, times are counted by hand. The
clock stands at 10:15:00 unless a test moves it, so that the first write of a dialogue has the time
`at(0)`, the second `at(1)` and so on (ADDR-09). `talk` is a dialogue after three writes: the dialogue
`d`, its round 1, its expert `muffin`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from conformance.model.values import is_display_id, is_identifier, number_size, stored_size
from reference_impl.contract.addresses import new_dialogue_id
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS
from reference_impl.contract.timestamps import normalise

Storage = dict[str, Partition]
Refused = Callable[..., AbstractContextManager[None]]


def at(microsecond: int) -> str:
    return f"2026-02-03T10:15:00.{microsecond:06d}Z"


class Clock:
    """Stands still until it is set."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self.now = datetime.fromisoformat(text)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock("2026-02-03T10:15:00+00:00")


@pytest.fixture
def storage() -> Storage:
    return {}


@pytest.fixture
def store(clock: Clock, storage: Storage) -> ModelStore:
    return ModelStore(clock, storage=storage)


@pytest.fixture
def talk(store: ModelStore) -> ModelStore:
    store.create_dialogue("d", "A title")
    store.create_round("d", 1)
    store.register_expert("d", "muffin", "Baker", "Core")
    return store


@pytest.fixture
def refused(storage: Storage) -> Refused:
    """`with refused(code, *fields)`: the block ends in that error, with findings for exactly these
    fields where any are named, and nothing is written (STORE-04)."""

    @contextmanager
    def expect(code: str, *fields: str, **data: Any) -> Iterator[None]:
        before = deepcopy(storage)
        with pytest.raises(DialogueStoreError) as caught:
            yield
        assert caught.value.code == code
        if fields:
            assert [finding["field"] for finding in caught.value.data["findings"]] == list(fields)
        assert {name: caught.value.data[name] for name in data} == data
        assert storage == before

    return expect


def one_of_each(store: ModelStore) -> None:
    """P0101, T0101, R0101, E0101 and C0101, by five writes."""
    store.register_perspective("d", 1, "L", "C", ["muffin"])
    store.register_tension("d", 1, "L", "D", ["muffin"])
    store.register_recommendation("d", 1, "L", "C", ["muffin"])
    store.register_evidence("d", 1, "L", "C", ["muffin"])
    store.register_claim("d", 1, "L", "C", ["muffin"])


# -- every method ---------------------------------------------------------------------------------

#: A call of every method but create_dialogue that nothing but the dialogue can make fail.
CALLS: dict[str, tuple[Any, ...]] = {
    "get_dialogue": (),
    "update_dialogue_status": ("converging",),
    "register_expert": ("pie", "Baker", "Core"),
    "record_expert_response": ("muffin", 1, "Text"),
    "update_expert_score": ("muffin", 1, 3),
    "get_experts": (),
    "create_round": (2,),
    "update_round_status": (1, "completed"),
    "get_rounds": (),
    "record_convergence_signal": (1, "muffin"),
    "get_convergence_signals": (),
    "next_seq": (1, "claim"),
    "register_perspective": (1, "L", "C", []),
    "register_tension": (1, "L", "D", []),
    "register_recommendation": (1, "L", "C", []),
    "register_evidence": (1, "L", "C", []),
    "register_claim": (1, "L", "C", []),
    "register_move": (1, "muffin", "converge"),
    "register_ref": ("P0101", "support", "R0101"),
    "register_verdict": ("v", "interim", 1, "R", "D"),
    "update_perspective_status": ("P0101", "refined", [], 1),
    "update_tension_status": ("T0101", "addressed", [], 1),
    "update_recommendation_status": ("R0101", "amended", [], 1),
    "update_evidence_status": ("E0101", "confirmed"),
    "update_claim_status": ("C0101", "supported"),
    "comment_tension": ("T0101", [], 1, "Because"),
    "get_perspectives": (),
    "get_tensions": (),
    "get_recommendations": (),
    "get_evidence": (),
    "get_claims": (),
    "get_moves": (),
    "get_refs": (),
    "get_verdicts": (),
    "get_events": (),
    "load_partition": (),
}


def test_the_calls_are_those_of_the_profile() -> None:
    core = {name for name, method in METHODS.items() if method.profile == "core"}
    assert {*CALLS, "create_dialogue"} == core


@pytest.mark.parametrize("method", CALLS)
def test_every_call_succeeds_where_everything_is_there(talk: ModelStore, method: str) -> None:
    one_of_each(talk)
    getattr(talk, method)("d", *CALLS[method])


@pytest.mark.parametrize("method", CALLS)
def test_unknown_dialogue(talk: ModelStore, refused: Refused, method: str) -> None:
    """STORE-06: on every method, reads included."""
    with refused("dialogue_not_found", "dialogue_id"):
        getattr(talk, method)("e", *CALLS[method])


@pytest.mark.parametrize("method", ["create_dialogue", *CALLS])
def test_every_method_looks_at_the_dialogue_id(
    talk: ModelStore, refused: Refused, method: str
) -> None:
    args = CALLS.get(method, ("Title",))
    with refused("invalid_identifier", "dialogue_id"):
        getattr(talk, method)("d#1", *args)
    with refused("missing_field", "dialogue_id"):
        getattr(talk, method)(None, *args)
    with refused("invalid_field", "dialogue_id"):
        getattr(talk, method)(7, *args)


def test_closed_store(talk: ModelStore, refused: Refused) -> None:
    """STORE-20: every method; closing twice is fine; group 0 comes before all others."""
    talk.close()
    talk.close()
    for method, args in {**CALLS, "create_dialogue": ("Title",)}.items():
        with refused("store_closed"):
            getattr(talk, method)("not an id", *args)


def test_stores_are_context_managers(storage: Storage, clock: Clock, refused: Refused) -> None:
    """STORE-20; what was written is there for the next client."""
    with ModelStore(clock, storage=storage) as store:
        store.create_dialogue("d", "T")
    with refused("store_closed"):
        store.get_dialogue("d")
    assert ModelStore(clock, storage=storage).get_dialogue("d").title == "T"


# -- the dialogue ---------------------------------------------------------------------------------


def test_create_dialogue_with_what_is_required(store: ModelStore) -> None:
    expected = {
        "dialogue_id": "d",
        "status": "open",
        "created_at": "2026-02-03T10:15:00.000000Z",
        "updated_at": "2026-02-03T10:15:00.000000Z",
        "converged_at": None,
        "total_rounds": 0,
        "total_alignment": 0,
        "calibrated": False,
        "domain_id": None,
        "ethos_id": None,
        "title": "A title",
        "question": None,
        "output_dir": None,
        "background": None,
    }
    assert plain(store.create_dialogue("d", "A title")) == expected
    assert plain(store.get_dialogue("d")) == expected
    assert store.load_partition("d").revision == 1


def test_create_dialogue_with_everything(store: ModelStore, clock: Clock) -> None:
    clock.set("2026-02-03T12:15:00.25+02:00")
    store.create_dialogue(
        "D.1_x-Y",
        "Brot & Rosen",
        question="Why?",
        output_dir="",
        background={"subject": "S", "description": "", "situation": "now"},
        calibrated=True,
        domain_id="9",
        ethos_id="e.e",
    )
    assert plain(store.get_dialogue("D.1_x-Y")) == {
        "dialogue_id": "D.1_x-Y",
        "status": "open",
        "created_at": "2026-02-03T10:15:00.250000Z",
        "updated_at": "2026-02-03T10:15:00.250000Z",
        "converged_at": None,
        "total_rounds": 0,
        "total_alignment": 0,
        "calibrated": True,
        "domain_id": "9",
        "ethos_id": "e.e",
        "title": "Brot & Rosen",
        "question": "Why?",
        "output_dir": "",
        "background": {"subject": "S", "description": "", "situation": "now"},
    }


def test_unset_members_of_an_object_are_left_out(store: ModelStore) -> None:
    """ENV-02."""
    store.create_dialogue("d", "T", background={"subject": "S", "constraints": None})  # type: ignore[dict-item]
    assert store.get_dialogue("d").background == {"subject": "S"}


def test_second_dialogue_of_an_id(talk: ModelStore, refused: Refused) -> None:
    """STORE-07: the first stays untouched."""
    with refused("duplicate_entity", "dialogue_id"):
        talk.create_dialogue("d", "Another title")


@pytest.mark.parametrize(
    ("background", "code", "field"),
    [
        ({}, "missing_field", "background.subject"),
        ({"subject": None}, "missing_field", "background.subject"),
        ({"subject": ""}, "missing_field", "background.subject"),
        ({"subject": 1}, "invalid_field", "background.subject"),
        ({"subject": "S", "situation": ["x"]}, "invalid_field", "background.situation"),
        ({"subject": "S", "mood": "x"}, "invalid_field", "background"),
        ({"subject": "S", 1: "x"}, "invalid_field", "background"),
        ("S", "invalid_field", "background"),
        ([("subject", "S")], "invalid_field", "background"),
    ],
)
def test_background_refused(
    store: ModelStore, refused: Refused, background: Any, code: str, field: str
) -> None:
    with refused(code, field):
        store.create_dialogue("d", "T", background=background)


def test_converging_back_and_forth(talk: ModelStore) -> None:
    """STORE-08: updated_at moves with each change, converged_at only with the last (STORE-10)."""
    assert talk.update_dialogue_status("d", "converging").updated_at == at(3)
    assert talk.update_dialogue_status("d", "open").updated_at == at(4)
    dialogue = talk.update_dialogue_status("d", "converged")
    assert (dialogue.status, dialogue.converged_at, dialogue.updated_at) == (
        "converged",
        at(5),
        at(5),
    )


def test_an_abandoned_dialogue_was_never_converged(talk: ModelStore) -> None:
    assert talk.update_dialogue_status("d", "abandoned").converged_at is None


def test_a_terminal_dialogue_stays_writable(talk: ModelStore) -> None:
    """STORE-10: only its status is final."""
    talk.update_dialogue_status("d", "abandoned")
    talk.create_round("d", 2)
    talk.register_perspective("d", 2, "L", "C", ["muffin"])
    talk.register_verdict("d", "v", "minority", 2, "R", "D")
    assert talk.get_dialogue("d").status == "abandoned"


# -- experts --------------------------------------------------------------------------------------


def test_register_expert_with_what_is_required(talk: ModelStore) -> None:
    assert plain(talk.register_expert("d", "Pie", "Cook", "Adjacent")) == {
        "dialogue_id": "d",
        "expert_slug": "Pie",
        "tier": "Adjacent",
        "source": "pool",
        "relevance": None,
        "first_round": None,
        "total_score": 0,
        "created_at": at(3),
        "updated_at": at(3),
        "role": "Cook",
        "description": None,
        "focus": None,
        "creation_reason": None,
        "color": None,
        "scores": {},
        "raw_content": {},
    }


def test_register_expert_with_everything(talk: ModelStore) -> None:
    """STORE-06: the first round need not exist."""
    talk.register_expert(
        *("d", "pie", "Cook", "Wildcard", "created"),
        description="",
        focus="f",
        relevance=0.123456,
        creation_reason="r",
        color="#fff",
        first_round=99,
    )
    assert plain(talk.get_experts("d")[1]) == {
        "dialogue_id": "d",
        "expert_slug": "pie",
        "tier": "Wildcard",
        "source": "created",
        "relevance": 0.123456,
        "first_round": 99,
        "total_score": 0,
        "created_at": at(3),
        "updated_at": at(3),
        "role": "Cook",
        "description": "",
        "focus": "f",
        "creation_reason": "r",
        "color": "#fff",
        "scores": {},
        "raw_content": {},
    }


def test_second_expert_of_a_slug(talk: ModelStore, refused: Refused) -> None:
    with refused("duplicate_entity", "expert_slug"):
        talk.register_expert("d", "muffin", "Other", "Core")
    assert talk.register_expert("d", "Muffin", "Other", "Core").role == "Other"  # case counts


@pytest.mark.parametrize(
    ("given", "back"),
    [(0, 0), (1, 1), (1.0, 1), (-0.0, 0), (0.1, 0.1), (0.000001, 0.000001), (0.999999, 0.999999)],
)
def test_relevance(talk: ModelStore, given: float, back: float) -> None:
    relevance = talk.register_expert("d", "pie", "R", "Core", relevance=given).relevance
    assert repr(relevance) == repr(back)


@pytest.mark.parametrize(
    "relevance",
    [
        *(-0.000001, 1.000001, 2, 0.1234567, 0.0000001, 5e-324, float("nan"), float("inf")),
        *(True, "0.5", 10**400, [0.5]),
    ],
)
def test_relevance_refused(talk: ModelStore, refused: Refused, relevance: Any) -> None:
    with refused("invalid_field", "relevance"):
        talk.register_expert("d", "pie", "R", "Core", relevance=relevance)


def test_responses(talk: ModelStore) -> None:
    """A repeat replaces; keys are two digits; other rounds stay."""
    talk.create_round("d", 12)
    talk.record_expert_response("d", "muffin", 1, "first")
    talk.record_expert_response("d", "muffin", 12, "other")
    expert = talk.record_expert_response("d", "muffin", 1, "second")
    assert expert.raw_content == {"01": "second", "12": "other"}
    assert (expert.created_at, expert.updated_at) == (at(2), at(6))
    assert (expert.scores, expert.total_score) == ({}, 0)


def test_scores(talk: ModelStore) -> None:
    """STORE-11: total_score is the sum, also after a correction."""
    talk.create_round("d", 0)
    talk.update_expert_score("d", "muffin", 1, 7)
    talk.update_expert_score("d", "muffin", 0, -10)
    expert = talk.update_expert_score("d", "muffin", 1, 5)
    assert (expert.scores, expert.total_score) == ({"00": -10, "01": 5}, -5)
    assert plain(talk.get_experts("d")) == [plain(expert)]


def test_a_repeated_score_is_a_write_that_changes_nothing_else(talk: ModelStore) -> None:
    """STORE-11; only refs and signals are idempotent (STORE-07)."""
    first = plain(talk.update_expert_score("d", "muffin", 1, 7))
    again = plain(talk.update_expert_score("d", "muffin", 1, 7))
    assert again == {**first, "updated_at": at(4)}
    assert talk.load_partition("d").revision == 5


def test_a_total_score_that_no_double_holds(talk: ModelStore, refused: Refused) -> None:
    talk.create_round("d", 2)
    talk.update_expert_score("d", "muffin", 1, 9007199254740991)
    with refused("invalid_field", "score"):
        talk.update_expert_score("d", "muffin", 2, 1)
    assert talk.update_expert_score("d", "muffin", 2, -1).total_score == 9007199254740990


@pytest.mark.parametrize("method", ["record_expert_response", "update_expert_score"])
def test_expert_methods_name_what_is_not_there(
    talk: ModelStore, refused: Refused, method: str
) -> None:
    """STORE-06; within group 5 the round comes before the expert (STORE-14)."""
    value = "Text" if method == "record_expert_response" else 3
    with refused("expert_not_found", "expert_slug"):
        getattr(talk, method)("d", "pie", 1, value)
    with refused("round_not_found", "round"):
        getattr(talk, method)("d", "muffin", 2, value)
    with refused("round_not_found", "round", "expert_slug"):
        getattr(talk, method)("d", "pie", 2, value)


# -- rounds and signals ---------------------------------------------------------------------------


def test_create_round_with_what_is_required(talk: ModelStore) -> None:
    assert plain(talk.create_round("d", 3)) == {
        "dialogue_id": "d",
        "round": 3,
        "score": 0,
        "status": "open",
        "score_wisdom": 0,
        "score_consistency": 0,
        "score_truth": 0,
        "score_relationships": 0,
        "open_tensions": 0,
        "new_perspectives": 0,
        "converge_signals": 0,
        "panel_size": 0,
        "created_at": at(3),
        "updated_at": at(3),
        "completed_at": None,
        "title": None,
        "summary": None,
    }


def test_create_round_with_everything(talk: ModelStore) -> None:
    metrics = {
        "score_wisdom": 1,
        "score_consistency": 2.0,
        "score_truth": None,
        "panel_size": 12,
    }
    talk.create_round("d", 0, -5, "", metrics)  # type: ignore[arg-type]
    assert plain(talk.get_rounds("d")[0]) == {
        "dialogue_id": "d",
        "round": 0,
        "score": -5,
        "status": "open",
        "score_wisdom": 1,
        "score_consistency": 2,
        "score_truth": 0,
        "score_relationships": 0,
        "open_tensions": 0,
        "new_perspectives": 0,
        "converge_signals": 0,
        "panel_size": 12,
        "created_at": at(3),
        "updated_at": at(3),
        "completed_at": None,
        "title": "",
        "summary": None,
    }


def test_totals_of_rounds_in_any_order(store: ModelStore) -> None:
    """STORE-09: highest round + 1, sum of scores, in the write that makes the round."""
    store.create_dialogue("d", "T")

    def totals() -> tuple[int, int, str]:
        dialogue = store.get_dialogue("d")
        return dialogue.total_rounds, dialogue.total_alignment, dialogue.updated_at

    store.create_round("d", 5, 10)
    assert totals() == (6, 10, at(1))
    store.create_round("d", 2, -4)
    assert totals() == (6, 6, at(2))
    store.create_round("d", 99)
    assert totals() == (100, 6, at(3))


def test_second_round_of_a_number(talk: ModelStore, refused: Refused) -> None:
    with refused("duplicate_entity", "round"):
        talk.create_round("d", 1, 50)


def test_a_total_alignment_that_no_double_holds(talk: ModelStore, refused: Refused) -> None:
    talk.create_round("d", 2, -9007199254740991)
    with refused("invalid_field", "score"):
        talk.create_round("d", 3, -1)


@pytest.mark.parametrize("round", [-1, 100, 100.0, 9007199254740991])
def test_round_out_of_range(talk: ModelStore, refused: Refused, round: Any) -> None:
    """ADDR-08."""
    with refused("invalid_round", "round"):
        talk.create_round("d", round)


@pytest.mark.parametrize("round", [1.5, "1", True, float("nan"), 9007199254740992, 10**400, [1]])
def test_round_that_is_no_whole_number(talk: ModelStore, refused: Refused, round: Any) -> None:
    with refused("invalid_field", "round"):
        talk.create_round("d", round)


@pytest.mark.parametrize(
    ("metrics", "field"),
    [
        ({"panel_size": -1}, "metrics.panel_size"),
        ({"panel_size": 0.5}, "metrics.panel_size"),
        ({"panel_size": False}, "metrics.panel_size"),
        ({"panel_size": "3"}, "metrics.panel_size"),
        ({"size": 3}, "metrics"),
        ([], "metrics"),
    ],
)
def test_metrics_refused(talk: ModelStore, refused: Refused, metrics: Any, field: str) -> None:
    with refused("invalid_field", field):
        talk.create_round("d", 2, metrics=metrics)


def test_update_round_status(talk: ModelStore) -> None:
    """`completed` sets completed_at; a summary that is not given stays."""
    started = talk.update_round_status("d", 1, "in_progress", "so far")
    assert (started.status, started.summary, started.completed_at) == (
        "in_progress",
        "so far",
        None,
    )
    done = talk.update_round_status("d", 1, "completed")
    assert (done.status, done.summary, done.completed_at) == ("completed", "so far", at(4))
    assert (done.created_at, done.updated_at) == (at(1), at(4))


def test_an_empty_summary_is_a_summary(talk: ModelStore) -> None:
    talk.update_round_status("d", 1, "in_progress", "so far")
    assert talk.update_round_status("d", 1, "completed", "").summary == ""


def test_update_of_an_unknown_round(talk: ModelStore, refused: Refused) -> None:
    with refused("round_not_found", "round"):
        talk.update_round_status("d", 2, "completed")


def test_signals(talk: ModelStore) -> None:
    """STORE-07: the repeat gives the first back and writes nothing. STORE-05: round, then slug."""
    talk.register_expert("d", "Zoe", "R", "Core")  # at(3)
    talk.create_round("d", 0)  # at(4)
    first = talk.record_convergence_signal("d", 1, "muffin")  # at(5)
    talk.record_convergence_signal("d", 1, "Zoe")  # at(6)
    talk.record_convergence_signal("d", 0, "muffin")  # at(7)
    assert talk.record_convergence_signal("d", 1, "muffin") == first
    assert talk.load_partition("d").revision == 8
    assert plain(talk.get_convergence_signals("d")) == [
        {"dialogue_id": "d", "round": 0, "expert_slug": "muffin", "created_at": at(7)},
        {"dialogue_id": "d", "round": 1, "expert_slug": "Zoe", "created_at": at(6)},
        {"dialogue_id": "d", "round": 1, "expert_slug": "muffin", "created_at": at(5)},
    ]
    assert plain(talk.get_convergence_signals("d", 0)) == [
        {"dialogue_id": "d", "round": 0, "expert_slug": "muffin", "created_at": at(7)}
    ]


def test_signals_of_rounds_that_are_not_there(talk: ModelStore, refused: Refused) -> None:
    """STORE-06: an unknown round gives an empty list, one that cannot be is `invalid_round`."""
    assert talk.get_convergence_signals("d", 99) == []
    with refused("invalid_round", "round"):
        talk.get_convergence_signals("d", 100)


def test_a_signal_names_what_is_not_there(talk: ModelStore, refused: Refused) -> None:
    with refused("round_not_found", "round"):
        talk.record_convergence_signal("d", 2, "muffin")
    with refused("expert_not_found", "expert_slug"):
        talk.record_convergence_signal("d", 1, "pie")


# -- perspectives, tensions, recommendations, evidence, claims --------------------------------------


def test_register_perspective(talk: ModelStore) -> None:
    """With the event `created` in the same write (STORE-08); contributors need not be experts."""
    perspective = {
        "dialogue_id": "d",
        "display_id": "P0101",
        "round": 1,
        "seq": 1,
        "status": "open",
        "created_at": at(3),
        "updated_at": at(3),
        "label": "L",
        "content": "C",
        "contributors": ["pie", "muffin", "pie"],
        "references": [],
    }
    given = talk.register_perspective("d", 1, "L", "C", ["pie", "muffin", "pie"])
    assert plain(given) == perspective
    assert plain(talk.get_perspectives("d")) == [perspective]
    assert plain(talk.get_events("d")) == [
        {
            "dialogue_id": "d",
            "entity_id": "P0101",
            "timestamp": at(3),
            "event_type": "created",
            "event_round": 1,
            "created_at": at(3),
            "actors": ["pie", "muffin", "pie"],
            "reason": None,
            "reference": None,
            "result_id": None,
        }
    ]
    assert talk.get_dialogue("d").updated_at == at(1)  # not changed by this write (ADDR-09)


def test_register_tension(talk: ModelStore) -> None:
    tension = {
        "dialogue_id": "d",
        "display_id": "T0101",
        "round": 1,
        "seq": 1,
        "status": "open",
        "created_at": at(3),
        "updated_at": at(3),
        "label": "L",
        "description": "D",
        "contributors": [],
        "references": [],
    }
    assert plain(talk.register_tension("d", 1, "L", "D", [])) == tension
    assert plain(talk.get_tensions("d")) == [tension]
    assert [(e.entity_id, e.event_type, e.actors) for e in talk.get_events("d")] == [
        ("T0101", "created", [])
    ]


def test_register_recommendation(talk: ModelStore) -> None:
    recommendation = {
        "dialogue_id": "d",
        "display_id": "R0101",
        "round": 1,
        "seq": 1,
        "status": "proposed",
        "adopted_in_verdict": None,
        "created_at": at(3),
        "updated_at": at(3),
        "label": "L",
        "content": "C",
        "contributors": ["muffin"],
        "parameters": {"a": [1, None, {"b": False}], "": ""},
        "references": [],
    }
    parameters = {"a": [1.0, None, {"b": False}], "": ""}
    assert plain(talk.register_recommendation("d", 1, "L", "C", ["muffin"], parameters)) == (
        recommendation
    )
    assert plain(talk.get_recommendations("d")) == [recommendation]
    assert [(e.entity_id, e.event_type) for e in talk.get_events("d")] == [("R0101", "created")]


def test_parameters_are_null_or_an_object(talk: ModelStore, refused: Refused) -> None:
    assert talk.register_recommendation("d", 1, "L", "C", []).parameters is None
    assert talk.register_recommendation("d", 1, "L", "C", [], {}).parameters == {}
    with refused("invalid_field", "parameters"):
        talk.register_recommendation("d", 1, "L", "C", [], [])  # type: ignore[arg-type]


def test_register_evidence(talk: ModelStore) -> None:
    evidence = {
        "dialogue_id": "d",
        "display_id": "E0101",
        "round": 1,
        "seq": 1,
        "status": "cited",
        "created_at": at(3),
        "updated_at": at(3),
        "label": "L",
        "content": "C",
        "contributors": ["muffin"],
        "references": [],
    }
    assert plain(talk.register_evidence("d", 1, "L", "C", ["muffin"])) == evidence
    assert plain(talk.get_evidence("d")) == [evidence]
    assert talk.get_events("d") == []  # writes no event


def test_register_claim(talk: ModelStore) -> None:
    claim = {
        "dialogue_id": "d",
        "display_id": "C0101",
        "round": 1,
        "seq": 1,
        "status": "asserted",
        "created_at": at(3),
        "updated_at": at(3),
        "label": "L",
        "content": "C",
        "contributors": ["muffin"],
        "references": [],
    }
    assert plain(talk.register_claim("d", 1, "L", "C", ["muffin"])) == claim
    assert plain(talk.get_claims("d")) == [claim]
    assert talk.get_events("d") == []


def test_sequences_are_per_round_and_kind(talk: ModelStore) -> None:
    talk.create_round("d", 2)
    one_of_each(talk)
    ids = [
        talk.register_perspective("d", 1, "L", "C", []).display_id,
        talk.register_perspective("d", 2, "L", "C", []).display_id,
        talk.register_claim("d", 1, "L", "C", []).display_id,
        talk.register_perspective("d", 1, "L", "C", []).display_id,
    ]
    assert ids == ["P0102", "P0201", "C0102", "P0103"]
    assert [talk.next_seq("d", 1, kind) for kind in ("perspective", "tension")] == [4, 2]
    assert [talk.next_seq("d", 2, kind) for kind in ("perspective", "evidence")] == [2, 1]


def test_next_seq_of_an_unknown_round(talk: ModelStore, refused: Refused) -> None:
    with refused("round_not_found", "round"):
        talk.next_seq("d", 2, "claim")


def test_the_hundredth_of_a_kind_in_a_round(talk: ModelStore, refused: Refused) -> None:
    """ADDR-08; other kinds and rounds go on."""
    for _ in range(98):
        talk.register_claim("d", 1, "L", "C", [])
    assert talk.next_seq("d", 1, "claim") == 99
    assert talk.register_claim("d", 1, "L", "C", []).display_id == "C0199"
    assert talk.next_seq("d", 1, "claim") == 100
    with refused("limit_exceeded", "round"):
        talk.register_claim("d", 1, "L", "C", [])
    assert talk.register_evidence("d", 1, "L", "C", []).display_id == "E0101"
    talk.create_round("d", 2)
    assert talk.register_claim("d", 2, "L", "C", []).display_id == "C0201"


@pytest.mark.parametrize(
    "method",
    [
        "register_perspective",
        "register_tension",
        "register_recommendation",
        "register_evidence",
        "register_claim",
    ],
)
def test_registrations_refused(talk: ModelStore, refused: Refused, method: str) -> None:
    register = getattr(talk, method)
    body = "description" if method == "register_tension" else "content"
    with refused("missing_field", "label", body, "contributors"):
        register("d", 1, "", None, None)
    with refused("invalid_field", "label", body, "contributors"):
        register("d", 1, 1, ["C"], "muffin")
    with refused("invalid_field", "contributors[1]", "contributors[2]"):
        register("d", 1, "L", "C", ["muffin", 7, None])
    with refused("invalid_identifier", "contributors[0]", "contributors[2]"):
        register("d", 1, "L", "C", ["", "muffin", "müffin"])
    with refused("invalid_round", "round"):
        register("d", 100, "L", "C", [])
    with refused("round_not_found", "round"):
        register("d", 2, "L", "C", [])


# -- references -----------------------------------------------------------------------------------


def test_references_become_refs(talk: ModelStore) -> None:
    """STORE-24: the list stays as given, the same reference twice is one ref item."""
    one_of_each(talk)  # at(3) to at(7)
    references = [
        {"type": "resolve", "target": "T0101"},
        {"type": "depend", "target": "R0101"},
        {"type": "resolve", "target": "T0101"},
    ]
    claim = talk.register_claim("d", 1, "L", "C", [], references)
    assert claim.references == [
        {"type": "resolve", "target": "T0101"},
        {"type": "depend", "target": "R0101"},
        {"type": "resolve", "target": "T0101"},
    ]
    assert plain(talk.get_refs("d")) == [
        {
            "dialogue_id": "d",
            "source_id": "C0102",
            "ref_type": "depend",
            "target_id": "R0101",
            "source_type": "C",
            "target_type": "R",
            "created_at": at(8),
        },
        {
            "dialogue_id": "d",
            "source_id": "C0102",
            "ref_type": "resolve",
            "target_id": "T0101",
            "source_type": "C",
            "target_type": "T",
            "created_at": at(8),
        },
    ]
    assert talk.load_partition("d").revision == 9  # all of it one write


@pytest.mark.parametrize(
    ("references", "code", "fields"),
    [
        ("P0101", "invalid_field", ["references"]),
        (["P0101", None], "invalid_field", ["references[0]", "references[1]"]),
        ([{}], "missing_field", ["references[0].type", "references[0].target"]),
        ([{"type": "support", "target": None}], "missing_field", ["references[0].target"]),
        (
            [{"type": "support", "target": "P0101", "why": "x"}],
            "invalid_field",
            ["references[0]"],
        ),
        ([{"type": 1, "target": "P0101"}], "invalid_field", ["references[0].type"]),
        ([{"type": "likes", "target": "p"}], "invalid_ref_type", ["references[0].type"]),
        ([{"type": "", "target": "P0101"}], "invalid_ref_type", ["references[0].type"]),
        ([{"type": "support", "target": ""}], "invalid_display_id", ["references[0].target"]),
        ([{"type": "support", "target": "v"}], "invalid_display_id", ["references[0].target"]),
        (
            [{"type": "support", "target": "P0101"}, {"type": "support", "target": "P0102"}],
            "entity_not_found",
            ["references[1].target"],
        ),
        ([{"type": "address", "target": "P0101"}], "invalid_ref_target", ["references[0].target"]),
        ([{"type": "refine", "target": "P0101"}], "invalid_ref_target", ["references[0].target"]),
    ],
)
def test_references_refused(
    talk: ModelStore, refused: Refused, references: Any, code: str, fields: list[str]
) -> None:
    one_of_each(talk)
    with refused(code, *fields):
        talk.register_claim("d", 1, "L", "C", [], references)


def test_an_entity_cannot_refer_to_itself(talk: ModelStore, refused: Refused) -> None:
    """Its id is not there before it is."""
    with refused("entity_not_found", "references[0].target"):
        talk.register_perspective("d", 1, "L", "C", [], [{"type": "support", "target": "P0101"}])


def test_a_write_takes_as_many_references_as_are_given(talk: ModelStore) -> None:
    """No limit of a transaction shows: the perspective, its event and 98 refs are one write."""
    for _ in range(49):
        talk.register_claim("d", 1, "L", "C", [])
    references = [
        {"type": type, "target": f"C01{seq:02d}"}
        for type in ("support", "oppose")
        for seq in range(1, 50)
    ]
    revision = talk.load_partition("d").revision
    talk.register_perspective("d", 1, "L", "C", [], references)
    assert len(talk.get_refs("d")) == 98
    assert talk.load_partition("d").revision == revision + 1


def test_refs(talk: ModelStore) -> None:
    """STORE-07: the repeat gives the first back, with or without letters."""
    one_of_each(talk)  # at(3) to at(7)
    expected = {
        "dialogue_id": "d",
        "source_id": "P0101",
        "ref_type": "question",
        "target_id": "E0101",
        "source_type": "P",
        "target_type": "E",
        "created_at": at(8),
    }
    assert plain(talk.register_ref("d", "P0101", "question", "E0101")) == expected
    assert plain(talk.register_ref("d", "P0101", "question", "E0101", "P", "E")) == expected
    assert plain(talk.get_refs("d")) == [expected]
    assert talk.load_partition("d").revision == 9


def test_a_ref_given_as_a_reference_is_not_written_again(talk: ModelStore) -> None:
    one_of_each(talk)
    talk.register_claim("d", 1, "L", "C", [], [{"type": "support", "target": "P0101"}])
    before = talk.load_partition("d")
    assert talk.register_ref("d", "C0102", "support", "P0101").created_at == at(8)
    assert talk.load_partition("d") == before


ALLOWED_TARGETS = [
    ("support", "PRTEC", "PRTEC"),
    ("oppose", "PRTEC", "PRTEC"),
    ("question", "PRTEC", "PRTEC"),
    ("depend", "PRTEC", "PRTEC"),
    ("address", "PRTEC", "T"),
    ("resolve", "PRTEC", "T"),
    ("reopen", "PRTEC", "T"),
]


@pytest.mark.parametrize(("ref_type", "sources", "targets"), ALLOWED_TARGETS)
def test_ref_targets(
    talk: ModelStore, refused: Refused, ref_type: str, sources: str, targets: str
) -> None:
    one_of_each(talk)
    one_of_each(talk)
    for source, target in itertools.product("PRTEC", repeat=2):
        if source in sources and target in targets:
            talk.register_ref("d", f"{source}0101", ref_type, f"{target}0102")
        else:
            with refused("invalid_ref_target", "target_id"):
                talk.register_ref("d", f"{source}0101", ref_type, f"{target}0102")


def test_refine_joins_one_type(talk: ModelStore, refused: Refused) -> None:
    one_of_each(talk)
    one_of_each(talk)
    for letter in "PRTEC":
        talk.register_ref("d", f"{letter}0102", "refine", f"{letter}0101")
    with refused("invalid_ref_target", "target_id"):
        talk.register_ref("d", "P0101", "refine", "R0101")


@pytest.mark.parametrize("ref_type", ["support", "refine", "resolve"])
def test_a_ref_to_its_own_source(talk: ModelStore, refused: Refused, ref_type: str) -> None:
    one_of_each(talk)
    with refused("invalid_ref_target", "target_id"):
        talk.register_ref("d", "T0101", ref_type, "T0101")


@pytest.mark.parametrize(
    ("args", "code", "fields"),
    [
        (("P0100", "support", "E01"), "invalid_display_id", ["source_id", "target_id"]),
        (("P0101", "likes", "E0101"), "invalid_ref_type", ["ref_type"]),
        (
            ("P0101", "support", "E0101", "X", "V"),
            "invalid_entity_type",
            ["source_type", "target_type"],
        ),
        (("P0101", "support", "E0101", "perspective"), "invalid_entity_type", ["source_type"]),
        (("P0101", "likes", "E0101", "p"), "invalid_ref_type", ["ref_type", "source_type"]),
        (
            ("P0101", "support", "E0101", "E", "P"),
            "type_id_mismatch",
            ["source_type", "target_type"],
        ),
        (("P0101", "support", "E0101", None, "C"), "type_id_mismatch", ["target_type"]),
        (("P0102", "support", "E0102"), "entity_not_found", ["source_id", "target_id"]),
        ((None, 1, ["E0101"]), "missing_field", ["source_id", "ref_type", "target_id"]),
    ],
)
def test_refs_refused(
    talk: ModelStore, refused: Refused, args: Any, code: str, fields: list[str]
) -> None:
    one_of_each(talk)
    with refused(code, *fields):
        talk.register_ref("d", *args)


# -- status changes -------------------------------------------------------------------------------

#: From each status: a way there, and all that is allowed from it.
TRANSITIONS: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "dialogue": {
        "open": ([], ["converging", "converged", "abandoned"]),
        "converging": (["converging"], ["open", "converged", "abandoned"]),
        "converged": (["converged"], []),
        "abandoned": (["abandoned"], []),
    },
    "round": {
        "open": ([], ["in_progress", "completed"]),
        "in_progress": (["in_progress"], ["completed"]),
        "completed": (["completed"], []),
    },
    "perspective": {
        "open": ([], ["refined", "conceded", "merged"]),
        "refined": (["refined"], ["refined", "conceded", "merged"]),
        "conceded": (["conceded"], []),
        "merged": (["merged"], []),
    },
    "tension": {
        "open": ([], ["addressed", "resolved"]),
        "addressed": (["addressed"], ["resolved", "reopened"]),
        "resolved": (["resolved"], ["reopened"]),
        "reopened": (["addressed", "reopened"], ["addressed", "resolved"]),
    },
    "recommendation": {
        "proposed": ([], ["amended", "adopted", "rejected"]),
        "amended": (["amended"], ["amended", "adopted", "rejected"]),
        "adopted": (["adopted"], []),
        "rejected": (["rejected"], []),
    },
    "evidence": {
        "cited": ([], ["challenged", "confirmed", "refuted"]),
        "challenged": (["challenged"], ["confirmed", "refuted"]),
        "confirmed": (["confirmed"], []),
        "refuted": (["refuted"], []),
    },
    "claim": {
        "asserted": ([], ["supported", "opposed", "adopted", "withdrawn"]),
        "supported": (["supported"], ["opposed", "adopted", "withdrawn"]),
        "opposed": (["opposed"], ["supported", "adopted", "withdrawn"]),
        "adopted": (["adopted"], []),
        "withdrawn": (["withdrawn"], []),
    },
}


def change_status(store: ModelStore, kind: str, status: str) -> Any:
    if kind == "dialogue":
        return store.update_dialogue_status("d", status)
    if kind == "round":
        return store.update_round_status("d", 1, status)
    if kind == "evidence":
        return store.update_evidence_status("d", "E0101", status)
    if kind == "claim":
        return store.update_claim_status("d", "C0101", status)
    if kind == "perspective":
        return store.update_perspective_status("d", "P0101", status, ["judge"], 1)
    if kind == "tension":
        return store.update_tension_status("d", "T0101", status, ["judge"], 1)
    verdict = "v" if status == "adopted" else None
    return store.update_recommendation_status("d", "R0101", status, ["judge"], 1, verdict)


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [(kind, old, new) for kind, table in TRANSITIONS.items() for old in table for new in table],
)
def test_transitions(talk: ModelStore, refused: Refused, kind: str, old: str, new: str) -> None:
    """STORE-08: every pair, the same status again included."""
    one_of_each(talk)
    talk.register_verdict("d", "v", "interim", 1, "R", "D")
    way, allowed = TRANSITIONS[kind][old]
    for status in way:
        change_status(talk, kind, status)
    if new in allowed:
        assert change_status(talk, kind, new).status == new
    else:
        with refused(
            "invalid_status_transition",
            "status",
            **{"from": old, "to": new, "allowed": allowed},
        ):
            change_status(talk, kind, new)


def test_update_perspective_status(talk: ModelStore) -> None:
    """STORE-08: perspective and event together, at one time; event_round is another round."""
    one_of_each(talk)  # at(3) to at(7)
    talk.create_round("d", 2)  # at(8)
    changed = talk.update_perspective_status(
        "d", "P0101", "merged", ["judge", "any text"], 2, "", "C0101", "R0101"
    )
    assert plain(changed) == {
        "dialogue_id": "d",
        "display_id": "P0101",
        "round": 1,
        "seq": 1,
        "status": "merged",
        "created_at": at(3),
        "updated_at": at(9),
        "label": "L",
        "content": "C",
        "contributors": ["muffin"],
        "references": [],
    }
    assert plain(talk.get_events("d", "P0101")[1]) == {
        "dialogue_id": "d",
        "entity_id": "P0101",
        "timestamp": at(9),
        "event_type": "merged",
        "event_round": 2,
        "created_at": at(9),
        "actors": ["judge", "any text"],
        "reason": "",
        "reference": "C0101",
        "result_id": "R0101",
    }


def test_each_change_leaves_an_event(talk: ModelStore) -> None:
    talk.register_tension("d", 1, "L", "D", ["muffin"])
    for status in ("addressed", "reopened", "resolved", "reopened"):
        talk.update_tension_status("d", "T0101", status, [], 1)
    assert [(e.timestamp, e.event_type) for e in talk.get_events("d", "T0101")] == [
        (at(3), "created"),
        (at(4), "addressed"),
        (at(5), "reopened"),
        (at(6), "resolved"),
        (at(7), "reopened"),
    ]


def test_adoption(talk: ModelStore) -> None:
    one_of_each(talk)
    talk.register_verdict("d", "v", "interim", 1, "R", "D")
    changed = talk.update_recommendation_status("d", "R0101", "adopted", ["judge"], 1, "v")
    assert (changed.status, changed.adopted_in_verdict) == ("adopted", "v")
    event = talk.get_events("d", "R0101")[1]
    assert (event.event_type, event.reference) == ("adopted", None)


def test_adoption_needs_its_verdict(talk: ModelStore, refused: Refused) -> None:
    one_of_each(talk)
    with refused("missing_field", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "adopted", [], 1)
    with refused("missing_field", "actors", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "adopted", None, 1)  # type: ignore[arg-type]
    with refused("invalid_identifier", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "adopted", [], 1, "")
    with refused("entity_not_found", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "adopted", [], 1, "v")


def test_a_verdict_goes_with_adoption_only(talk: ModelStore, refused: Refused) -> None:
    one_of_each(talk)
    with refused("entity_not_found", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "rejected", [], 1, "v")
    talk.register_verdict("d", "v", "interim", 1, "R", "D")
    with refused("invalid_field", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "rejected", [], 1, "v")


@pytest.mark.parametrize(
    ("method", "letter", "status"),
    [
        ("update_perspective_status", "P", "refined"),
        ("update_tension_status", "T", "addressed"),
        ("update_recommendation_status", "R", "amended"),
    ],
)
def test_changes_with_events_refused(
    talk: ModelStore, refused: Refused, method: str, letter: str, status: str
) -> None:
    one_of_each(talk)
    update = getattr(talk, method)
    here = f"{letter}0101"
    with refused("missing_field", "entity_id", "status", "actors", "event_round"):
        update("d", None, None, None, None)
    with refused("invalid_field", "status"):
        update("d", here, "asserted", [], 1)
    with refused("invalid_display_id", "entity_id", "result_id"):
        update("d", "X0101", status, [], 1, result_id="")
    with refused("invalid_round", "event_round"):
        update("d", here, status, [], -1)
    with refused("type_id_mismatch", "entity_id"):
        update("d", "C0101", status, [], 1)
    with refused("entity_not_found", "entity_id", "result_id"):
        update("d", f"{letter}0102", status, [], 1, result_id="C0102")
    with refused("round_not_found", "event_round", "entity_id"):
        update("d", f"{letter}0102", status, [], 2)


@pytest.mark.parametrize(
    ("method", "here", "status"),
    [
        ("update_evidence_status", "E0101", "confirmed"),
        ("update_claim_status", "C0101", "opposed"),
    ],
)
def test_changes_without_events(
    talk: ModelStore, refused: Refused, method: str, here: str, status: str
) -> None:
    one_of_each(talk)  # at(3) to at(7)
    update = getattr(talk, method)
    with refused("missing_field", "entity_id", "status"):
        update("d", None, None)
    with refused("invalid_field", "status"):
        update("d", here, "open")
    with refused("invalid_display_id", "entity_id"):
        update("d", "E1", status)
    with refused("type_id_mismatch", "entity_id"):
        update("d", "P0101", status)
    with refused("entity_not_found", "entity_id"):
        update("d", f"{here[0]}0102", status)
    events = talk.get_events("d")
    changed = update("d", here, status)
    assert (changed.created_at, changed.updated_at) == (
        {"E0101": at(6), "C0101": at(7)}[here],
        at(8),
    )
    assert talk.get_events("d") == events


def test_comment(talk: ModelStore) -> None:
    """The status stays, and so does updated_at: the write does not change the tension."""
    talk.register_tension("d", 1, "L", "D", [])
    tension = talk.get_tensions("d")
    assert plain(talk.comment_tension("d", "T0101", ["muffin"], 1, "Why?")) == {
        "dialogue_id": "d",
        "entity_id": "T0101",
        "timestamp": at(4),
        "event_type": "commented",
        "event_round": 1,
        "created_at": at(4),
        "actors": ["muffin"],
        "reason": "Why?",
        "reference": None,
        "result_id": None,
    }
    assert talk.comment_tension("d", "T0101", [], 1, "So", "v").reference == "v"
    assert talk.get_tensions("d") == tension
    assert [e.event_type for e in talk.get_events("d", "T0101")] == [
        "created",
        "commented",
        "commented",
    ]


def test_comments_refused(talk: ModelStore, refused: Refused) -> None:
    one_of_each(talk)
    with refused("missing_field", "reason"):
        talk.comment_tension("d", "T0101", [], 1, "")
    with refused("invalid_field", "actors"):
        talk.comment_tension("d", "T0101", "judge", 1, "R")
    with refused("type_id_mismatch", "entity_id"):
        talk.comment_tension("d", "P0101", [], 1, "R")
    with refused("entity_not_found", "entity_id"):
        talk.comment_tension("d", "T0102", [], 1, "R")
    with refused("round_not_found", "event_round"):
        talk.comment_tension("d", "T0101", [], 2, "R")


# -- moves ----------------------------------------------------------------------------------------


def test_register_move(talk: ModelStore) -> None:
    """Numbered per round and expert."""
    one_of_each(talk)  # at(3) to at(7)
    talk.register_expert("d", "pie", "R", "Core")
    talk.create_round("d", 2)
    first = talk.register_move("d", 1, "muffin", "challenge", ["T0101", "P0101"], "ctx")
    assert plain(first) == {
        "dialogue_id": "d",
        "round": 1,
        "expert_slug": "muffin",
        "seq": 1,
        "move_type": "challenge",
        "created_at": at(10),
        "targets": ["T0101", "P0101"],
        "context": "ctx",
    }
    assert talk.register_move("d", 1, "muffin", "bridge").seq == 2
    assert talk.register_move("d", 1, "pie", "concede").seq == 1
    assert talk.register_move("d", 2, "muffin", "defend").seq == 1


def test_targets_of_a_request_are_free_text(talk: ModelStore) -> None:
    move = talk.register_move("d", 1, "muffin", "request", ["", "P9999", "Brot?"])
    assert (move.targets, move.context) == (["", "P9999", "Brot?"], None)


def test_a_converge_move_has_no_targets(talk: ModelStore, refused: Refused) -> None:
    """Nor is their form looked at."""
    assert talk.register_move("d", 1, "muffin", "converge").targets == []
    assert talk.register_move("d", 1, "muffin", "converge", []).seq == 2
    with refused("invalid_field", "targets"):
        talk.register_move("d", 1, "muffin", "converge", ["no id"])


@pytest.mark.parametrize("move_type", ["defend", "challenge", "bridge", "concede"])
def test_targets_refused(talk: ModelStore, refused: Refused, move_type: str) -> None:
    one_of_each(talk)
    with refused("invalid_display_id", "targets[1]"):
        talk.register_move("d", 1, "muffin", move_type, ["P0101", "the topic"])
    with refused("entity_not_found", "targets[1]"):
        talk.register_move("d", 1, "muffin", move_type, ["P0101", "P0102"])
    with refused("invalid_field", "targets"):
        talk.register_move("d", 1, "muffin", move_type, "P0101")


def test_moves_refused(talk: ModelStore, refused: Refused) -> None:
    with refused("invalid_field", "move_type"):
        talk.register_move("d", 1, "muffin", "shrug")
    with refused("expert_not_found", "expert_slug"):
        talk.register_move("d", 1, "pie", "bridge")
    with refused("round_not_found", "round"):
        talk.register_move("d", 2, "muffin", "bridge")
    with refused("round_not_found", "round", "expert_slug", "targets[0]"):
        talk.register_move("d", 2, "pie", "bridge", ["P0101"])


def test_the_hundredth_move_of_an_expert_in_a_round(talk: ModelStore, refused: Refused) -> None:
    for _ in range(99):
        talk.register_move("d", 1, "muffin", "converge")
    with refused("limit_exceeded", "round"):
        talk.register_move("d", 1, "muffin", "converge")
    assert talk.get_moves("d")[-1].seq == 99


# -- verdicts -------------------------------------------------------------------------------------


def test_register_verdict_with_what_is_required(talk: ModelStore) -> None:
    dialogue = talk.get_dialogue("d")
    assert plain(talk.register_verdict("d", "v-1", "interim", 1, "R", "D")) == {
        "dialogue_id": "d",
        "verdict_id": "v-1",
        "verdict_type": "interim",
        "round": 1,
        "confidence": None,
        "created_at": at(3),
        "author_expert": None,
        "recommendation": "R",
        "description": "D",
        "conditions": None,
        "vote": None,
        "supporting_experts": None,
        "tensions_accepted": None,
        "ethos_compliance": None,
    }
    assert talk.get_dialogue("d") == dialogue  # only a final one converges


def test_register_verdict_with_everything(talk: ModelStore) -> None:
    """Experts need not be there, tensions must (STORE-06)."""
    one_of_each(talk)
    talk.register_verdict(
        *("d", "v", "dissent", 1, "R", "D"),
        author_expert="nobody",
        conditions=["", "c"],
        vote="",
        confidence="contested",
        supporting_experts=["x", "muffin"],
        tensions_accepted=["T0101", "T0101"],
        ethos_compliance={"fully_compliant": True, "exceptions": ["e"], "violations": []},
    )
    assert plain(talk.get_verdicts("d")) == [
        {
            "dialogue_id": "d",
            "verdict_id": "v",
            "verdict_type": "dissent",
            "round": 1,
            "confidence": "contested",
            "created_at": at(8),
            "author_expert": "nobody",
            "recommendation": "R",
            "description": "D",
            "conditions": ["", "c"],
            "vote": "",
            "supporting_experts": ["x", "muffin"],
            "tensions_accepted": ["T0101", "T0101"],
            "ethos_compliance": {
                "fully_compliant": True,
                "exceptions": ["e"],
                "violations": [],
            },
        }
    ]


def test_empty_lists_of_a_verdict_are_not_null(talk: ModelStore) -> None:
    verdict = talk.register_verdict(
        *("d", "v", "interim", 1, "R", "D"),
        conditions=[],
        supporting_experts=[],
        tensions_accepted=[],
    )
    assert (verdict.conditions, verdict.supporting_experts, verdict.tensions_accepted) == (
        [],
        [],
        [],
    )


@pytest.mark.parametrize("before", ["open", "converging"])
def test_a_final_verdict_converges(talk: ModelStore, before: str) -> None:
    """STORE-10: in the same write."""
    talk.update_dialogue_status("d", "converging")
    if before == "open":
        talk.update_dialogue_status("d", "open")
    time = {"open": at(5), "converging": at(4)}[before]
    talk.register_verdict("d", "v", "final", 1, "R", "D")
    dialogue = talk.get_dialogue("d")
    assert (dialogue.status, dialogue.converged_at, dialogue.updated_at) == (
        "converged",
        time,
        time,
    )
    assert talk.get_verdicts("d")[0].created_at == time
    assert talk.load_partition("d").revision == {"open": 6, "converging": 5}[before]


@pytest.mark.parametrize("status", ["converged", "abandoned"])
def test_a_final_verdict_comes_too_late(talk: ModelStore, refused: Refused, status: str) -> None:
    talk.update_dialogue_status("d", status)
    with refused("invalid_status_transition", **{"from": status, "to": "converged", "allowed": []}):
        talk.register_verdict("d", "v", "final", 1, "R", "D")
    talk.register_verdict("d", "v", "minority", 1, "R", "D")


def test_second_verdict_of_an_id(talk: ModelStore, refused: Refused) -> None:
    talk.register_verdict("d", "v", "interim", 1, "R", "D")
    with refused("duplicate_entity", "verdict_id"):
        talk.register_verdict("d", "v", "interim", 1, "R2", "D2")


@pytest.mark.parametrize(
    ("given", "code", "fields"),
    [
        ({"tensions_accepted": ["T01"]}, "invalid_display_id", ["tensions_accepted[0]"]),
        ({"tensions_accepted": ["P0101"]}, "type_id_mismatch", ["tensions_accepted[0]"]),
        (
            {"tensions_accepted": ["T0101", "T0102", "T0103"]},
            "entity_not_found",
            ["tensions_accepted[1]", "tensions_accepted[2]"],
        ),
        ({"supporting_experts": ["a b"]}, "invalid_identifier", ["supporting_experts[0]"]),
        ({"author_expert": ""}, "invalid_identifier", ["author_expert"]),
        ({"confidence": "sure"}, "invalid_field", ["confidence"]),
        ({"conditions": "c"}, "invalid_field", ["conditions"]),
        ({"conditions": ["c", 1]}, "invalid_field", ["conditions[1]"]),
        ({"vote": 3}, "invalid_field", ["vote"]),
        (
            {"recommendation": "", "description": None},
            "missing_field",
            ["recommendation", "description"],
        ),
        ({"verdict_type": "last"}, "invalid_field", ["verdict_type"]),
        ({"round": 2}, "round_not_found", ["round"]),
        ({"verdict_id": "v/1"}, "invalid_identifier", ["verdict_id"]),
        (
            {"ethos_compliance": {"fully_compliant": True}},
            "missing_field",
            ["ethos_compliance.exceptions", "ethos_compliance.violations"],
        ),
        (
            {"ethos_compliance": {"exceptions": [1], "violations": "v"}},
            "missing_field",
            [
                "ethos_compliance.fully_compliant",
                "ethos_compliance.exceptions[0]",
                "ethos_compliance.violations",
            ],
        ),
        (
            {"ethos_compliance": {"fully_compliant": 1, "exceptions": [], "violations": []}},
            "invalid_field",
            ["ethos_compliance.fully_compliant"],
        ),
        (
            {
                "ethos_compliance": {
                    "fully_compliant": "mostly",
                    "exceptions": [1],
                    "violations": [],
                }
            },
            "invalid_field",
            ["ethos_compliance.fully_compliant", "ethos_compliance.exceptions[0]"],
        ),
        (
            {
                "ethos_compliance": {
                    "fully_compliant": False,
                    "exceptions": [],
                    "violations": [],
                    "notes": "",
                }
            },
            "invalid_field",
            ["ethos_compliance"],
        ),
        ({"ethos_compliance": True}, "invalid_field", ["ethos_compliance"]),
    ],
)
def test_verdicts_refused(
    talk: ModelStore, refused: Refused, given: dict[str, Any], code: str, fields: list[str]
) -> None:
    one_of_each(talk)
    args = {
        "verdict_id": "v",
        "verdict_type": "final",
        "round": 1,
        "recommendation": "R",
        "description": "D",
    }
    with refused(code, *fields):
        talk.register_verdict("d", **{**args, **given})


@pytest.mark.parametrize("fully", [True, False])
def test_full_compliance_is_a_boolean(talk: ModelStore, fully: bool) -> None:
    """As given, that is also where it is false."""
    compliance = {"fully_compliant": fully, "exceptions": [], "violations": [""]}
    verdict = talk.register_verdict("d", "v", "interim", 1, "R", "D", ethos_compliance=compliance)
    assert verdict.ethos_compliance == {
        "fully_compliant": fully,
        "exceptions": [],
        "violations": [""],
    }


# -- reads ----------------------------------------------------------------------------------------


def test_order_of_experts_and_rounds(talk: ModelStore) -> None:
    """STORE-05: text order is by ASCII code."""
    for slug in ("zoe", "Zoe", "a-b", "a.b", "a", "a_b", "9"):
        talk.register_expert("d", slug, "R", "Core")
    slugs = [expert.expert_slug for expert in talk.get_experts("d")]
    assert slugs == ["9", "Zoe", "a", "a-b", "a.b", "a_b", "muffin", "zoe"]
    for round in (10, 2, 0):
        talk.create_round("d", round)
    assert [round.round for round in talk.get_rounds("d")] == [0, 1, 2, 10]


def test_order_of_entities_moves_and_refs(talk: ModelStore) -> None:
    talk.create_round("d", 10)
    talk.create_round("d", 2)
    talk.register_expert("d", "Zoe", "R", "Core")
    for round in (10, 1, 2, 1):
        talk.register_claim("d", round, "L", "C", [])
        talk.register_move("d", round, "muffin", "converge")
        talk.register_move("d", round, "Zoe", "converge")
    ids = [claim.display_id for claim in talk.get_claims("d")]
    assert ids == ["C0101", "C0102", "C0201", "C1001"]
    assert [(m.round, m.expert_slug, m.seq) for m in talk.get_moves("d")] == [
        (1, "Zoe", 1),
        (1, "Zoe", 2),
        (1, "muffin", 1),
        (1, "muffin", 2),
        (2, "Zoe", 1),
        (2, "muffin", 1),
        (10, "Zoe", 1),
        (10, "muffin", 1),
    ]
    talk.register_ref("d", "C0201", "depend", "C0101")
    talk.register_ref("d", "C0102", "support", "C0101")
    talk.register_ref("d", "C0102", "oppose", "C1001")
    talk.register_ref("d", "C0102", "oppose", "C0201")
    assert [(r.source_id, r.ref_type, r.target_id) for r in talk.get_refs("d")] == [
        ("C0102", "oppose", "C0201"),
        ("C0102", "oppose", "C1001"),
        ("C0102", "support", "C0101"),
        ("C0201", "depend", "C0101"),
    ]


def test_order_of_verdicts(talk: ModelStore) -> None:
    """By round, then time, whatever their ids."""
    talk.create_round("d", 2)
    talk.register_verdict("d", "a", "interim", 2, "R", "D")
    talk.register_verdict("d", "z", "interim", 1, "R", "D")
    talk.register_verdict("d", "b", "interim", 1, "R", "D")
    assert [verdict.verdict_id for verdict in talk.get_verdicts("d")] == ["z", "b", "a"]


def test_events(talk: ModelStore, refused: Refused) -> None:
    """By time; of one entity on request; STORE-06."""
    one_of_each(talk)
    talk.update_tension_status("d", "T0101", "resolved", [], 1)
    talk.update_perspective_status("d", "P0101", "refined", [], 1)
    assert [(e.entity_id, e.event_type) for e in talk.get_events("d")] == [
        ("P0101", "created"),
        ("T0101", "created"),
        ("R0101", "created"),
        ("T0101", "resolved"),
        ("P0101", "refined"),
    ]
    assert [e.event_type for e in talk.get_events("d", "T0101")] == ["created", "resolved"]
    assert talk.get_events("d", "E0101") == []  # it is there, it has none
    with refused("entity_not_found", "entity_id"):
        talk.get_events("d", "E0102")
    with refused("invalid_display_id", "entity_id"):
        talk.get_events("d", "")


def test_load_partition(talk: ModelStore) -> None:
    """Everything in the order of STORE-05, as of one revision."""
    one_of_each(talk)
    talk.register_move("d", 1, "muffin", "converge")
    talk.register_ref("d", "P0101", "support", "C0101")
    talk.register_verdict("d", "v", "final", 1, "R", "D")
    talk.record_convergence_signal("d", 1, "muffin")
    loaded = talk.load_partition("d")
    assert loaded.dialogue == talk.get_dialogue("d")
    assert loaded.experts == talk.get_experts("d")
    assert loaded.rounds == talk.get_rounds("d")
    assert loaded.verdicts == talk.get_verdicts("d")
    assert loaded.perspectives == talk.get_perspectives("d")
    assert loaded.tensions == talk.get_tensions("d")
    assert loaded.recommendations == talk.get_recommendations("d")
    assert loaded.evidence == talk.get_evidence("d")
    assert loaded.claims == talk.get_claims("d")
    assert loaded.moves == talk.get_moves("d")
    assert loaded.refs == talk.get_refs("d")
    assert loaded.events == talk.get_events("d")
    assert loaded.signals == talk.get_convergence_signals("d")
    assert (loaded.revision, loaded.findings) == (12, [])
    assert [len(entities) for entities in (loaded.claims, loaded.events, loaded.refs)] == [1, 3, 1]
    assert talk.load_partition("d", on_error="collect") == loaded


def test_dialogues_are_isolated(store: ModelStore) -> None:
    """STORE-19: ids with a common prefix."""
    for dialogue_id in ("a", "a-b", "a.b"):
        store.create_dialogue(dialogue_id, "T")
        store.create_round(dialogue_id, 1)
    before = [store.load_partition("a"), store.load_partition("a.b")]
    store.register_perspective("a-b", 1, "L", "C", [])
    assert [store.load_partition("a"), store.load_partition("a.b")] == before
    assert store.register_perspective("a", 1, "L", "C", []).display_id == "P0101"


def test_what_was_given_is_copied(talk: ModelStore) -> None:
    """STORE-21."""
    contributors, references = ["muffin"], [{"type": "support", "target": "P0101"}]
    parameters: dict[str, Any] = {"deep": [{"x": 1}]}
    talk.register_perspective("d", 1, "L", "C", contributors)
    talk.register_recommendation("d", 1, "L", "C", contributors, parameters, references)
    before = plain(talk.load_partition("d"))
    contributors.append("pie")
    references[0]["target"] = "P0102"
    parameters["deep"][0]["x"] = 2
    assert plain(talk.load_partition("d")) == before
    assert before["recommendations"][0]["parameters"] == {"deep": [{"x": 1}]}


def test_what_is_returned_is_a_copy(talk: ModelStore) -> None:
    """STORE-21."""
    written = talk.register_recommendation("d", 1, "L", "C", ["muffin"], {"deep": [{"x": 1}]})
    read = talk.get_recommendations("d")[0]
    response = talk.record_expert_response("d", "muffin", 1, "Text")
    before = plain(talk.load_partition("d"))
    for recommendation in (written, read):
        recommendation.contributors.append("pie")
        assert recommendation.parameters is not None
        recommendation.parameters["deep"][0]["x"] = 2
    response.raw_content["02"] = "more"
    talk.get_events("d")[0].actors.clear()
    assert plain(talk.load_partition("d")) == before


# -- the order of validation (STORE-14) -----------------------------------------------------------


def test_group_1_before_2(talk: ModelStore, refused: Refused) -> None:
    with refused("missing_field", "role"):
        talk.register_expert("d", "pie", "", "Boss")


def test_group_2_before_3(talk: ModelStore, refused: Refused) -> None:
    with refused("invalid_field", "tier", "source"):
        talk.register_expert("d#", "pi e", "R", "Boss", "found", first_round=100)


def test_group_3_before_4(talk: ModelStore, refused: Refused) -> None:
    with refused("invalid_identifier", "dialogue_id", "event_round"):
        talk.update_tension_status("d#", "P0101", "resolved", [], 100)


def test_group_4_before_5(talk: ModelStore, refused: Refused) -> None:
    with refused("type_id_mismatch", "entity_id"):
        talk.update_tension_status("nowhere", "P0101", "resolved", [], 2)


def test_the_dialogue_before_the_rest_of_group_5(talk: ModelStore, refused: Refused) -> None:
    with refused("dialogue_not_found", "dialogue_id"):
        talk.register_move("nowhere", 2, "pie", "bridge", ["P0101"])


def test_group_5_before_6(talk: ModelStore, refused: Refused) -> None:
    talk.register_perspective("d", 1, "L", "C", [])
    with refused("expert_not_found", "expert_slug"):
        talk.register_move("d", 1, "pie", "converge", ["x"])
    references = [{"type": "resolve", "target": "P0101"}, {"type": "support", "target": "P0102"}]
    with refused("entity_not_found", "references[1].target"):
        talk.register_claim("d", 1, "L", "C", [], references)


def test_group_6_before_7(talk: ModelStore, refused: Refused) -> None:
    one_of_each(talk)
    talk.register_verdict("d", "v", "interim", 1, "R", "D")
    with refused("invalid_field", "verdict_id"):
        talk.update_recommendation_status("d", "R0101", "proposed", [], 1, "v")
    for _ in range(98):
        talk.register_claim("d", 1, "L", "C", [])
    with refused("invalid_ref_target", "references[0].target"):
        talk.register_claim("d", 1, "L", "C", [], [{"type": "refine", "target": "P0101"}])


def test_the_order_in_group_7(talk: ModelStore, refused: Refused) -> None:
    talk.register_verdict("d", "v", "final", 1, "R", "D")
    with refused("duplicate_entity", "verdict_id", "verdict_type"):
        talk.register_verdict("d", "v", "final", 1, "R", "D")
    with refused("duplicate_entity", "dialogue_id"):
        talk.create_dialogue("d", "x" * 420_000)


def test_findings(talk: ModelStore) -> None:
    """All findings of one group, in the order of the parameters, each with a code and a path."""
    with pytest.raises(DialogueStoreError) as caught:
        talk.register_perspective("d", 1, "", 7, ["a", 1], [{"type": "x"}])  # type: ignore[arg-type,list-item]
    assert caught.value.code == "missing_field"
    found = caught.value.data["findings"]
    assert [(finding["code"], finding["field"]) for finding in found] == [
        ("missing_field", "label"),
        ("invalid_field", "content"),
        ("invalid_field", "contributors[1]"),
        ("missing_field", "references[0].target"),
    ]
    assert all({"code", "field", "message", "suggestion"} == set(finding) for finding in found)
    assert caught.value.retryable is False


@pytest.mark.parametrize(
    ("method", "args", "allowed"),
    [
        ("update_dialogue_status", ("Open",), "open converging converged abandoned"),
        ("register_expert", ("pie", "R", "core"), "Core Adjacent Wildcard"),
        ("register_expert", ("pie", "R", "Core", ""), "pool created retained"),
        ("update_round_status", (1, "done"), "open in_progress completed"),
        ("next_seq", (1, "verdict"), "perspective tension recommendation evidence claim"),
        ("register_verdict", ("v", "x", 1, "R", "D"), "interim final minority dissent"),
        (
            "register_move",
            (1, "muffin", "x"),
            "defend challenge bridge request concede converge",
        ),
        ("update_perspective_status", ("P0101", "x", [], 1), "open refined conceded merged"),
        ("update_tension_status", ("T0101", "x", [], 1), "open addressed resolved reopened"),
        (
            "update_recommendation_status",
            ("R0101", "x", [], 1),
            "proposed amended adopted rejected",
        ),
        ("update_evidence_status", ("E0101", "x"), "cited challenged confirmed refuted"),
        ("update_claim_status", ("C0101", "x"), "asserted supported opposed adopted withdrawn"),
        ("load_partition", ("ignore",), "fail collect"),
    ],
)
def test_an_unknown_value_is_told_the_allowed_ones(
    talk: ModelStore, refused: Refused, method: str, args: Any, allowed: str
) -> None:
    """STORE-12. A value that is no text at all is of the wrong type: group 1."""
    with pytest.raises(DialogueStoreError) as caught:
        getattr(talk, method)("d", *args)
    assert caught.value.code == "invalid_field"
    assert sorted(caught.value.data["allowed"]) == sorted(allowed.split())


def test_an_enum_that_is_no_text(talk: ModelStore, refused: Refused) -> None:
    with refused("invalid_field", "tier"):
        talk.register_expert("d", "pi e", "R", 1)  # type: ignore[arg-type]
    with refused("missing_field", "tier"):
        talk.register_expert("d", "pi e", "R", None)  # type: ignore[arg-type]


def test_none_is_the_default(store: ModelStore) -> None:
    """An optional parameter that is None is not set."""
    unset: Any = None
    assert store.create_dialogue("d", "T", calibrated=unset).calibrated is False
    assert store.create_round("d", 1, unset).score == 0
    assert store.register_expert("d", "muffin", "R", "Core", unset).source == "pool"
    assert store.register_move("d", 1, "muffin", "converge", unset).targets == []
    assert store.register_claim("d", 1, "L", "C", [], unset).references == []
    assert store.load_partition("d", unset).revision == 5


@pytest.mark.parametrize("calibrated", [0, 1, "yes", 1.0])
def test_a_boolean_is_a_boolean(store: ModelStore, refused: Refused, calibrated: Any) -> None:
    with refused("invalid_field", "calibrated"):
        store.create_dialogue("d", "T", calibrated=calibrated)


# -- values (STORE-12) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\u0000",
        "e\u0301 \u00e9",
        "\u05e9\u05dc\u05d5\u05dd \u202e",
        "\U0001f9c1\u200d\U0001f468",
        " \r\n\t",
        "\ufeff\uffff\U0010ffff",
        '"\\/\u2028',
    ],
)
def test_any_text_comes_back(talk: ModelStore, text: str) -> None:
    talk.register_perspective("d", 1, text, text, [])
    perspective = talk.get_perspectives("d")[0]
    assert (perspective.label, perspective.content) == (text, text)
    talk.register_recommendation("d", 1, "L", "C", [], {text: [text]})
    assert talk.get_recommendations("d")[0].parameters == {text: [text]}


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83e\uddc1"])
def test_lone_surrogates(talk: ModelStore, refused: Refused, text: str) -> None:
    with refused("invalid_field", "label", "content"):
        talk.register_perspective("d", 1, text, text, [])
    for parameters in ({"a": text}, {"a": {text: 1}}, {"a": [[text]]}):
        with refused("invalid_field", "parameters"):
            talk.register_recommendation("d", 1, "L", "C", [], parameters)
    with refused("invalid_field", "targets[0]"):
        talk.register_move("d", 1, "muffin", "request", [text])


def test_lone_surrogates_in_ids_and_enums(talk: ModelStore, refused: Refused) -> None:
    """Two rules speak of them, ADDR-01 and STORE-12; group 1 comes first (STORE-14)."""
    with refused("invalid_field", "dialogue_id"):
        talk.get_dialogue("d\ud800")
    with refused("invalid_field", "entity_id"):
        talk.get_events("d", "P010\ud800")
    with refused("invalid_field", "ref_type"):
        talk.register_ref("d", "P0101", "\ud800", "P0102")
    with refused("invalid_field", "contributors[0]"):
        talk.register_claim("d", 1, "L", "C", ["\ud800"])


@pytest.mark.parametrize(
    ("given", "back"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (1e15, "1000000000000000"),
        (-9007199254740991.0, "-9007199254740991"),
        (9007199254740991, "9007199254740991"),
        (0.5, "0.5"),
        (1e-300, "1e-300"),
        (5e-324, "5e-324"),
        (4503599627370495.5, "4503599627370495.5"),
        (True, "True"),
    ],
)
def test_numbers_come_back(talk: ModelStore, given: float, back: str) -> None:
    talk.register_recommendation("d", 1, "L", "C", [], {"n": [given]})
    parameters = talk.get_recommendations("d")[0].parameters
    assert parameters is not None
    assert repr(parameters["n"][0]) == back


@pytest.mark.parametrize(
    "number",
    [
        *(9007199254740992, -9007199254740992, 9007199254740992.0, 1e16, 1e308, 10**400),
        *(float("nan"), float("inf"), float("-inf")),
    ],
)
def test_numbers_refused(talk: ModelStore, refused: Refused, number: float) -> None:
    with refused("invalid_field", "parameters"):
        talk.register_recommendation("d", 1, "L", "C", [], {"n": [number]})
    with refused("invalid_field", "score"):
        talk.create_round("d", 2, number)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [b"x", {1: "x"}, {"x": {2}}, {"x": object()}, {None: 1}])
def test_values_that_are_no_json(talk: ModelStore, refused: Refused, value: Any) -> None:
    with refused("invalid_field", "parameters"):
        talk.register_recommendation("d", 1, "L", "C", [], {"v": value})


def nested(depth: int, *, lists: bool) -> dict[str, Any]:
    """`depth` lists or objects, one in the other, the outermost counted."""
    value: Any = [] if lists else {}
    for _ in range(depth - 2):
        value = [value] if lists else {"x": value}
    return {"x": value}


@pytest.mark.parametrize("lists", [True, False])
def test_nesting(talk: ModelStore, refused: Refused, lists: bool) -> None:
    talk.register_recommendation("d", 1, "L", "C", [], nested(64, lists=lists))
    for depth in (65, 20_000):
        with refused("invalid_field", "parameters"):
            talk.register_recommendation("d", 1, "L", "C", [], nested(depth, lists=lists))


def test_scores_are_whole_numbers(talk: ModelStore, refused: Refused) -> None:
    expert = talk.update_expert_score("d", "muffin", 1, 3.0)  # type: ignore[arg-type]
    assert repr(expert.scores) == "{'01': 3}"
    assert repr(talk.create_round("d", 2.0, -0.0).score) == "0"  # type: ignore[arg-type]
    with refused("invalid_field", "score"):
        talk.update_expert_score("d", "muffin", 1, 3.5)  # type: ignore[arg-type]
    with refused("missing_field", "score"):
        talk.update_expert_score("d", "muffin", 1, None)  # type: ignore[arg-type]


# -- identifiers and display ids --------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "9", "A.b_c-d", "a--", "x" * 96])
def test_identifiers(store: ModelStore, text: str) -> None:
    assert is_identifier(text)
    assert store.create_dialogue(text, "T").dialogue_id == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "-a", ".a", "_a", "a b", "a#b", "a/b", "a:b", "a\u0000", "a\n", "a+b", "a\\b"),
        *("\u00e9", "e\u0301", "\u0430", "\uff41", "\u0661", "x" * 97),
    ],
)
def test_texts_that_are_no_identifiers(store: ModelStore, refused: Refused, text: str) -> None:
    """ADDR-01."""
    assert not is_identifier(text)
    with refused("invalid_identifier", "dialogue_id"):
        store.create_dialogue(text, "T")


@pytest.mark.parametrize("text", ["P0001", "R9999", "T0110", "E1001", "C0909"])
def test_display_ids(text: str) -> None:
    assert is_display_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "P0100", "P+1-1", "p0101", "X0101", "P101", "P00101", "P 101", "P0101 ", "P0101\n"),
        *("P01-1", "P0x01", "\uff300101", "P\uff10101", "P\u0661101", "P010\u00b2", "MUFFIN-P0101"),
    ],
)
def test_texts_that_are_no_display_ids(talk: ModelStore, refused: Refused, text: str) -> None:
    """ADDR-02."""
    assert not is_display_id(text)
    with refused("invalid_display_id", "entity_id"):
        talk.get_events("d", text)


# -- time (ADDR-09) -------------------------------------------------------------------------------


def test_the_time_of_a_write(talk: ModelStore, clock: Clock) -> None:
    """The later of the clock and the head's time + 1 µs: it goes with the clock, never back."""
    clock.set("2026-02-03T10:15:00.000003+00:00")  # exactly the earliest that is possible
    assert talk.register_claim("d", 1, "L", "C", []).created_at == "2026-02-03T10:15:00.000003Z"
    clock.set("2026-02-03T10:15:00.000003+00:00")
    assert talk.register_claim("d", 1, "L", "C", []).created_at == "2026-02-03T10:15:00.000004Z"
    clock.set("2026-02-03T10:15:01+00:00")
    assert talk.register_claim("d", 1, "L", "C", []).created_at == "2026-02-03T10:15:01.000000Z"
    clock.set("2020-01-01T00:00:00+00:00")
    assert talk.register_claim("d", 1, "L", "C", []).created_at == "2026-02-03T10:15:01.000001Z"


def test_a_microsecond_carries(store: ModelStore, clock: Clock) -> None:
    clock.set("2026-12-31T23:59:59.999999+00:00")
    store.create_dialogue("d", "T")
    assert store.create_round("d", 1).created_at == "2027-01-01T00:00:00.000000Z"


def test_every_dialogue_has_its_own_time(talk: ModelStore) -> None:
    assert talk.create_dialogue("e", "T").created_at == at(0)


def test_reads_refusals_and_repeats_take_no_time(talk: ModelStore, refused: Refused) -> None:
    talk.record_convergence_signal("d", 1, "muffin")  # at(3)
    talk.record_convergence_signal("d", 1, "muffin")
    talk.load_partition("d")
    with refused("duplicate_entity"):
        talk.create_round("d", 1)
    assert talk.create_round("d", 2).created_at == at(4)


def test_updated_at_moves_only_on_what_changes(talk: ModelStore) -> None:
    """Dialogue at(1) by its round, expert at(2), the five at(3) to at(7)."""
    one_of_each(talk)
    talk.update_tension_status("d", "T0101", "resolved", [], 1)  # at(8)
    talk.register_ref("d", "P0101", "support", "C0101")  # at(9)
    talk.record_convergence_signal("d", 1, "muffin")  # at(10)
    talk.register_verdict("d", "v", "interim", 1, "R", "D")  # at(11)
    talk.register_move("d", 1, "muffin", "converge")  # at(12)
    loaded = talk.load_partition("d")
    assert loaded.dialogue is not None
    assert loaded.dialogue.updated_at == at(1)
    assert loaded.rounds[0].updated_at == at(1)
    assert loaded.experts[0].updated_at == at(2)
    assert loaded.perspectives[0].updated_at == at(3)
    assert loaded.tensions[0].updated_at == at(8)
    assert loaded.recommendations[0].updated_at == at(5)
    assert loaded.claims[0].updated_at == at(7)
    assert loaded.moves[0].created_at == at(12)
    assert loaded.revision == 13


# -- stored size (STORE-15) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "size"),
    [
        *((0, 1), (1, 2), (10, 2), (12, 2), (1200, 2), (123, 3), (-1, 3), (-123, 4)),
        *((0.25, 2), (0.025, 2), (0.123456, 4), (9007199254740991, 9)),
    ],
)
def test_size_of_a_number(number: float, size: int) -> None:
    """One byte, one for two significant digits, one for a minus."""
    assert number_size(number) == size


def test_stored_sizes(store: ModelStore) -> None:
    """Counted by hand: names and values of keys, cleartext, index and envelope attributes."""
    store.create_dialogue("d", "T")
    # pk 12, sk 6, status 10, times 74, totals 13 + 16, calibrated 11, index 23 + 41,
    # ciphertext 17 + 65 + 16, nonce 25, key_id 13, aad_hash 72
    assert stored_size("dialogue", plain(store.get_dialogue("d"))) == 414
    round = store.create_round("d", 1, 10, metrics={"panel_size": 12})
    # pk 12, sk 10, score 7, status 10, seven zeros 111, panel_size 12, times 74, 17 + 29 + 16, 110
    assert stored_size("round", plain(round)) == 408
    expert = store.register_expert("d", "a", "R", "Core", relevance=0.25, first_round=7)
    # pk 12, sk 10, tier 8, source 10, relevance 11, first_round 13, total 12, times 74,
    # index 20 + 16, 17 + 109 + 16, 110
    assert stored_size("expert", plain(expert)) == 438
    tension = store.register_tension("d", 1, "L", "D", ["a"])
    # pk 12, sk 15, status 10, times 74, index 39 + 27, 17 + 68 + 16, 110
    assert stored_size("tension", plain(tension)) == 388
    event = store.get_events("d")[0]
    # pk 12, sk 49, type 17, round 13, time 37, 17 + 64 + 16, 110
    assert stored_size("tension_event", plain(event)) == 335
    move = store.register_move("d", 1, "a", "request", ["x"])
    # pk 12, sk 14, type 16, time 37, index 20 + 16, 17 + 32 + 16, 110
    assert stored_size("move", plain(move)) == 290
    verdict = store.register_verdict("d", "v", "final", 1, "R", "D", confidence="split")
    # pk 12, sk 11, type 17, round 7, confidence 15, time 37, 17 + 166 + 16, 110
    assert stored_size("verdict", plain(verdict)) == 408


def test_the_last_byte_of_an_item(talk: ModelStore, refused: Refused) -> None:
    """A perspective of `d` takes 258 bytes around its payload, and the payload 63 around the text."""
    with refused("item_too_large", "perspective#01#01"):
        talk.register_perspective("d", 1, "L", "x" * 409_280, ["a"])
    talk.register_perspective("d", 1, "L", "x" * 409_279, ["a"])
    assert len(talk.get_perspectives("d")[0].content) == 409_279


@pytest.mark.parametrize(
    "text", ["\u00e9" * 205_000, "\U0001f9c1" * 102_500, "\u0000" * 68_300, "\n" * 205_000]
)
def test_size_counts_bytes_of_canonical_json(talk: ModelStore, refused: Refused, text: str) -> None:
    with refused("item_too_large", "claim#01#01"):
        talk.register_claim("d", 1, "L", text, [])


def test_every_kind_of_item_has_the_limit(talk: ModelStore, refused: Refused) -> None:
    one_of_each(talk)
    large = "x" * 420_000
    with refused("item_too_large", "meta"):
        talk.create_dialogue("e", large)
    with refused("item_too_large", "expert#pie"):
        talk.register_expert("d", "pie", "R", "Core", focus=large)
    with refused("item_too_large", "round#02"):
        talk.create_round("d", 2, 0, large)
    with refused("item_too_large", "round#01"):
        talk.update_round_status("d", 1, "completed", large)
    with refused("item_too_large", "recommendation#01#02"):
        talk.register_recommendation("d", 1, "L", "C", [], {"a": large})
    with refused("item_too_large", "move#01#muffin#01"):
        talk.register_move("d", 1, "muffin", "request", [large])
    with refused("item_too_large", "verdict#v"):
        talk.register_verdict("d", "v", "final", 1, "R", "D", vote=large)
    with refused("item_too_large", f"event#tension#T0101#{at(8)}"):
        talk.update_tension_status("d", "T0101", "resolved", [], 1, large)
    with refused("item_too_large", f"event#tension#T0101#{at(8)}"):
        talk.comment_tension("d", "T0101", [large], 1, "R")


def test_the_last_byte_after_a_change(talk: ModelStore, refused: Refused) -> None:
    """What fits today need not fit with a longer status, another number, a later event."""
    talk.register_perspective("d", 1, "L", "x" * 409_279, ["a"])
    with refused("item_too_large", "perspective#01#01"):
        talk.update_perspective_status("d", "P0101", "refined", [], 1)
    talk.register_claim("d", 1, "L", "x" * 409_281, ["a"])  # sort key 6 less, status 4 more
    with refused("item_too_large", "claim#01#01"):
        talk.update_claim_status("d", "C0101", "supported")
    talk.update_claim_status("d", "C0101", "opposed")
    # An expert `muffin` of role `Baker` takes 435 bytes around its one response.
    talk.record_expert_response("d", "muffin", 1, "x" * 409_165)
    with refused("item_too_large", "expert#muffin"):
        talk.update_expert_score("d", "muffin", 1, 1)
    # 4134 identifiers are 409,267 bytes of JSON, 317 are around them in the perspective and 334 in
    # its event.
    with refused("item_too_large", f"event#perspective#P0102#{at(7)}"):
        talk.register_perspective("d", 1, "L", "C", ["x" * 96] * 4134)


def test_the_last_byte_of_a_dialogue(store: ModelStore, refused: Refused) -> None:
    """413 bytes are around its title."""
    with refused("item_too_large", "meta"):
        store.create_dialogue("d", "x" * 409_188)
    store.create_dialogue("d", "x" * 409_187)
    with refused("item_too_large", "meta"):
        store.create_round("d", 0)  # total_rounds 1 takes a byte more than 0
    with refused("item_too_large", "meta"):
        store.update_dialogue_status("d", "converging")


def test_a_final_verdict_with_a_large_dialogue(store: ModelStore, refused: Refused) -> None:
    store.create_dialogue("d", "x" * 409_180)
    store.create_round("d", 0)
    with refused("item_too_large", "meta"):
        store.register_verdict("d", "v", "final", 0, "R", "D")
    store.register_verdict("d", "v", "interim", 0, "R", "D")


def test_an_item_grows_to_the_limit(talk: ModelStore, refused: Refused) -> None:
    """Each response fits, both together do not; the first stays."""
    talk.create_round("d", 2)
    talk.record_expert_response("d", "muffin", 1, "x" * 300_000)
    with refused("item_too_large", "expert#muffin"):
        talk.record_expert_response("d", "muffin", 2, "x" * 300_000)
    talk.record_expert_response("d", "muffin", 1, "short")
    talk.record_expert_response("d", "muffin", 2, "x" * 300_000)


# -- new_dialogue_id (ADDR-06) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "first"),
    [
        ("Hello,   World!", "hello-world"),
        ("  --Trim me--  ", "trim-me"),
        ("a_b.c", "a-b-c"),
        ("Caf\u00e9", "cafe"),
        ("e\u0301a", "ea"),
        ("Gr\u00f6\u00dfe", "gro-e"),  # \u00df has no decomposition
        ("\ufb01ne \u2460 \u2122", "fine-1-tm"),
        ("\u212aelvin \u0130st", "kelvin-ist"),
        ("RFC 0058", "rfc-0058"),
        ("\u65e5\u672c\u8a9e", "dialogue"),
        ("", "dialogue"),
        ("!!!", "dialogue"),
        ("a\u0903b", "a-b"),  # category Mc is no Mn
        ("a\U0001e4ecb", "ab"),  # category Mn since Unicode 15.0
        ("x" * 70, "x" * 64),
        ("x" * 63 + " y", "x" * 63),  # cut, then trimmed again
        ("x" * 62 + " y z", "x" * 62 + "-y"),
    ],
)
def test_new_dialogue_id(title: str, first: str) -> None:
    assert next(new_dialogue_id(title)) == first


def test_a_hundredth_candidate_there_is_not() -> None:
    candidates = new_dialogue_id("A talk")
    taken = list(itertools.islice(candidates, 99))
    assert taken[:3] == ["a-talk", "a-talk-2", "a-talk-3"]
    assert taken[-1] == "a-talk-99"
    with pytest.raises(DialogueStoreError) as caught:
        next(candidates)
    assert caught.value.code == "too_many_dialogues"


def test_numbers_come_after_the_cut() -> None:
    second = list(itertools.islice(new_dialogue_id("y" * 80), 2))[1]
    assert second == "y" * 64 + "-2"


def test_opaque_ids() -> None:
    """`d-` and a UUIDv7 in hex, a new one each time, without a word of the title."""
    first, second = (next(new_dialogue_id("Secret", opaque=True)) for _ in range(2))
    form = re.compile(r"d-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
    assert form.fullmatch(first)
    assert form.fullmatch(second)
    assert first != second


# -- timestamps (ADDR-07) ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("2026-02-03T10:15:00Z", "2026-02-03T10:15:00.000000Z"),
        ("2026-02-03T10:15:00.5Z", "2026-02-03T10:15:00.500000Z"),
        ("2026-02-03T10:15:00.123456Z", "2026-02-03T10:15:00.123456Z"),
        ("2026-02-03T10:15:00.1234569Z", "2026-02-03T10:15:00.123456Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ("2026-02-03T10:15:00+00:00", "2026-02-03T10:15:00.000000Z"),
        ("2026-02-03T10:15:00+01:30", "2026-02-03T08:45:00.000000Z"),
        ("2026-02-03T10:15:00-05:00", "2026-02-03T15:15:00.000000Z"),
        ("2026-02-03T00:00:00+23:59", "2026-02-02T00:01:00.000000Z"),
        ("2026-02-03T00:00:00-23:59", "2026-02-03T23:59:00.000000Z"),
        ("2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_times(given: str, canonical: str) -> None:
    assert normalise(given) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03T10:15:00",  # naive
        "2026-02-03T10:15:00-00:00",
        "2026-02-03t10:15:00Z",
        "2026-02-03T10:15:00z",
        "2026-02-03 10:15:00Z",
        "2026-02-03T10:15:60Z",
        "2026-02-03T24:00:00Z",
        "2026-02-03T10:60:00Z",
        "2026-02-03T10:15:00.Z",
        "2026-02-03T10:15:00,5Z",
        "2026-02-03T10:15Z",
        "2026-02-03T10:15:00+24:00",
        "2026-02-03T10:15:00+01:60",
        "2026-02-03T10:15:00+0100",
        "2026-02-03T10:15:00+01",
        "2026-02-03T10:15:00 Z",
        "2026-02-03T10:15:00Z\n",
        "2026-02-30T10:15:00Z",
        "2025-02-29T10:15:00Z",
        "2026-13-01T10:15:00Z",
        "2026-00-01T10:15:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:59:00+01:00",
        "9999-12-31T23:30:00-01:00",
        "26-02-03T10:15:00Z",
        "\u0662026-02-03T10:15:00Z",
        "2026-02-03",
        "",
    ],
)
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the contract's code comes from the caller
        normalise(text)
