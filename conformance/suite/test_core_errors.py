"""STORE-06, ERR-01, ERR-02: what is not there, and which cause has which code."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest

from conformance.suite.kit.builders import (
    CORE_METHODS,
    KINDS,
    begin,
    call,
    calls,
    code_of,
    codes,
    listed,
    partition,
    populate,
    register,
    shown,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import CODES, RETRYABLE, DialogueStoreError

pytestmark = profile("core")

# -- what is not there ---------------------------------------------------------------------------------


@rules("STORE-06")
def test_an_unknown_dialogue_is_said_by_every_method(store: DialogueStore) -> None:
    begin(store, "tides")
    told = codes({name: partial(call, store, name, args) for name, args in calls("ebb").items()})
    assert told == dict.fromkeys(
        [n for n in CORE_METHODS if n != "create_dialogue"], "dialogue_not_found"
    )
    assert code_of(lambda: store.get_dialogue("ebb")) == "dialogue_not_found"
    created = shown(store.create_dialogue("ebb", "Ebb"))
    assert (created["total_rounds"], plain(store.get_experts("ebb"))) == (0, [])


@rules("STORE-06")
def test_an_unknown_round_is_said_and_not_made(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 2], experts=["muffin"])
    register(store, KINDS["tension"], "tides", 0)
    before = partition(store, "tides")
    attempts: dict[str, Callable[[], object]] = {
        **{kind.entity: partial(register, store, kind, "tides", 1) for kind in KINDS.values()},
        "response": partial(store.record_expert_response, "tides", "muffin", 1, "x"),
        "score": partial(store.update_expert_score, "tides", "muffin", 1, 1),
        "status": partial(store.update_round_status, "tides", 1, "completed"),
        "signal": partial(store.record_convergence_signal, "tides", 1, "muffin"),
        "move": partial(store.register_move, "tides", 1, "muffin", "concede"),
        "verdict": partial(store.register_verdict, "tides", "v", "final", 1, "r", "d"),
        "event_round": partial(
            store.update_tension_status, "tides", "T0001", "resolved", ["judge"], 1
        ),
        "comment": partial(store.comment_tension, "tides", "T0001", ["judge"], 1, "Why?"),
        "next_seq": partial(store.next_seq, "tides", 1, "claim"),
    }
    told = codes(attempts)
    assert told == dict.fromkeys(attempts, "round_not_found")
    assert partition(store, "tides") == before
    assert plain(store.get_convergence_signals("tides", 1)) == []


@rules("STORE-06")
def test_an_unknown_expert_is_said_and_not_made(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    before = partition(store, "tides")
    attempts: dict[str, Callable[[], object]] = {
        "response": partial(store.record_expert_response, "tides", "Muffin", 0, "x"),
        "score": partial(store.update_expert_score, "tides", "scone", 0, 1),
        "signal": partial(store.record_convergence_signal, "tides", 0, "muffi"),
        "move": partial(store.register_move, "tides", 0, "muffins", "concede"),
    }
    told = codes(attempts)
    assert told == dict.fromkeys(attempts, "expert_not_found")
    assert partition(store, "tides") == before


@rules("STORE-06")
def test_an_unknown_entity_is_said_and_not_made(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin"])
    for kind in KINDS.values():
        register(store, kind, "tides", 0)
    before = partition(store, "tides")
    tension = partial(store.update_tension_status, "tides")
    attempts: dict[str, Callable[[], object]] = {
        "perspective": partial(
            store.update_perspective_status, "tides", "P0002", "merged", ["x"], 0
        ),
        "tension": partial(tension, "T0101", "resolved", ["x"], 0),
        "recommendation": partial(
            store.update_recommendation_status, "tides", "R9999", "amended", ["x"], 0
        ),
        "evidence": partial(store.update_evidence_status, "tides", "E0002", "confirmed"),
        "claim": partial(store.update_claim_status, "tides", "C0101", "adopted"),
        "comment": partial(store.comment_tension, "tides", "T0002", ["x"], 0, "Why?"),
        "result_id": partial(tension, "T0001", "resolved", ["x"], 0, result_id="P0002"),
        "verdict_id": partial(
            store.update_recommendation_status,
            "tides",
            "R0001",
            "adopted",
            ["x"],
            0,
            verdict_id="v",
        ),
        "source": partial(store.register_ref, "tides", "P0002", "support", "C0001"),
        "target": partial(store.register_ref, "tides", "P0001", "support", "C0002"),
        "move": partial(store.register_move, "tides", 0, "muffin", "defend", ["P0001", "P0002"]),
        "accepted": partial(
            store.register_verdict,
            "tides",
            "v",
            "final",
            0,
            "r",
            "d",
            tensions_accepted=["T0002"],
        ),
        "events": partial(store.get_events, "tides", "E0002"),
    }
    told = codes(attempts)
    assert told == dict.fromkeys(attempts, "entity_not_found")
    assert partition(store, "tides") == before


@rules("STORE-06")
def test_actors_need_not_be_registered(store: DialogueStore) -> None:
    begin(store, "tides")
    register(store, KINDS["tension"], "tides", 0)
    store.comment_tension("tides", "T0001", ["Nobody at all!", "judge"], 0, "Yes")
    events = listed(store.get_events("tides"))
    assert events[-1]["actors"] == ["Nobody at all!", "judge"]
    assert plain(store.get_experts("tides")) == []


@rules("STORE-06")
def test_an_empty_dialogue_has_empty_lists(store: DialogueStore) -> None:
    store.create_dialogue("tides", "Tides")
    whole = partition(store, "tides")
    assert {name: value for name, value in whole.items() if value == []}.keys() == {
        *("experts", "rounds", "verdicts", "moves", "refs", "events", "signals", "findings"),
        *(kind.plural for kind in KINDS.values()),
    }


@rules("STORE-06", "ERR-02")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_an_id_of_another_kind_is_a_mismatch(store: DialogueStore, kind: Any) -> None:
    begin(store, "tides")
    for other in KINDS.values():
        register(store, other, "tides", 0)
    before = partition(store, "tides")
    status = {
        "perspective": "merged",
        "tension": "resolved",
        "recommendation": "amended",
        "evidence": "confirmed",
        "claim": "adopted",
    }[kind.entity]
    more = {"actors": ["judge"], "event_round": 0} if kind.with_events else {}
    method = getattr(store, f"update_{kind.entity}_status")
    others = [other for other in KINDS.values() if other is not kind]
    told = codes(
        {other.entity: partial(method, "tides", other.id(0, 1), status, **more) for other in others}
    )
    assert told == {other.entity: "type_id_mismatch" for other in others}
    assert partition(store, "tides") == before


# -- causes and codes ----------------------------------------------------------------------------------


def _causes(store: DialogueStore) -> list[tuple[str, str, Callable[[], object]]]:
    """(code, cause, call) against the dialogue ``tides`` of :func:`populate`."""
    d = "tides"
    claim = partial(store.register_claim, d)
    tension = partial(store.update_tension_status, d)
    recommendation = partial(store.update_recommendation_status, d)
    verdict = partial(store.register_verdict, d)
    ref = partial(store.register_ref, d)
    expert = partial(store.register_expert, d)
    nothing: Any = None
    number: Any = 5
    return [
        ("missing_field", "None for a text", partial(claim, 1, nothing, "c", [])),
        ("missing_field", "None for a list", partial(claim, 1, "l", "c", nothing)),
        ("missing_field", "empty text", partial(claim, 1, "", "c", [])),
        (
            "missing_field",
            "adopted without a verdict",
            partial(recommendation, "R0101", "adopted", ["x"], 1),
        ),
        ("invalid_field", "number for a text", partial(claim, 1, number, "c", [])),
        ("invalid_field", "text for a list", partial(claim, 1, "l", "c", "muffin")),
        ("invalid_field", "lone surrogate", partial(claim, 1, "\ud83e", "c", [])),
        ("invalid_field", "NaN", partial(expert, "x", "r", "Core", relevance=float("nan"))),
        ("invalid_field", "2^53", partial(store.update_expert_score, d, "muffin", 1, 2**53)),
        ("invalid_field", "unknown tier", partial(expert, "x", "r", "core")),
        ("invalid_field", "unknown status", partial(tension, "T0102", "closed", ["x"], 1)),
        (
            "invalid_field",
            "verdict for another status",
            partial(recommendation, "R0101", "amended", ["x"], 1, verdict_id="v-interim"),
        ),
        (
            "invalid_field",
            "converge with targets",
            partial(store.register_move, d, 1, "muffin", "converge", ["P0101"]),
        ),
        ("invalid_identifier", "blank in a slug", partial(expert, "a b", "r", "Core")),
        ("invalid_identifier", "empty dialogue id", partial(store.get_dialogue, "")),
        ("invalid_identifier", "contributor", partial(claim, 1, "l", "c", ["a/b"])),
        ("invalid_display_id", "sequence 00", partial(store.get_events, d, "T0100")),
        (
            "invalid_display_id",
            "move target",
            partial(store.register_move, d, 1, "muffin", "defend", ["x"]),
        ),
        ("invalid_round", "100", partial(store.create_round, d, 100)),
        ("invalid_round", "-1", partial(store.next_seq, d, -1, "claim")),
        ("invalid_ref_type", "unknown", partial(ref, "P0101", "likes", "T0101")),
        (
            "invalid_ref_type",
            "in references",
            partial(claim, 1, "l", "c", [], [{"type": "likes", "target": "T0101"}]),
        ),
        ("invalid_entity_type", "unknown letter", partial(ref, "P0101", "support", "T0101", "X")),
        ("type_id_mismatch", "letter", partial(ref, "P0101", "support", "T0101", "P", "C")),
        ("type_id_mismatch", "kind", partial(tension, "P0101", "resolved", ["x"], 1)),
        (
            "type_id_mismatch",
            "accepted",
            partial(verdict, "v", "interim", 1, "r", "d", tensions_accepted=["P0101"]),
        ),
        ("dialogue_not_found", "read", partial(store.get_claims, "ebb")),
        ("dialogue_not_found", "write", partial(store.create_round, "ebb", 0)),
        ("round_not_found", "of an entity", partial(claim, 50, "l", "c", [])),
        ("round_not_found", "of an event", partial(tension, "T0102", "resolved", ["x"], 50)),
        (
            "expert_not_found",
            "score",
            partial(store.update_expert_score, d, "nobody", 1, 1),
        ),
        ("entity_not_found", "status", partial(tension, "T0199", "resolved", ["x"], 1)),
        ("entity_not_found", "ref", partial(ref, "P0101", "support", "T0199")),
        (
            "entity_not_found",
            "verdict",
            partial(recommendation, "R0101", "adopted", ["x"], 1, verdict_id="v-none"),
        ),
        ("invalid_ref_target", "itself", partial(ref, "P0101", "support", "P0101")),
        ("invalid_ref_target", "address a claim", partial(ref, "P0101", "address", "C0101")),
        ("invalid_ref_target", "refine another kind", partial(ref, "P0101", "refine", "C0101")),
        ("duplicate_entity", "dialogue", partial(store.create_dialogue, d, "Tides")),
        ("duplicate_entity", "expert", partial(expert, "muffin", "r", "Core")),
        ("duplicate_entity", "round", partial(store.create_round, d, 1)),
        ("duplicate_entity", "verdict", partial(verdict, "v-interim", "interim", 1, "r", "d")),
        (
            "invalid_status_transition",
            "tension",
            partial(tension, "T0101", "addressed", ["x"], 1),
        ),
        (
            "invalid_status_transition",
            "round",
            partial(store.update_round_status, d, 0, "in_progress"),
        ),
        ("invalid_status_transition", "dialogue", partial(store.update_dialogue_status, d, "open")),
        ("item_too_large", "content", partial(claim, 1, "l", "x" * (410 * 1024), [])),
    ]


@rules("ERR-02")
def test_each_cause_has_its_code(store: DialogueStore) -> None:
    populate(store, "tides")
    causes = _causes(store)
    told = {(code, cause): code_of(attempt) for code, cause, attempt in causes}
    assert told == {(code, cause): code for code, cause, _ in causes}


@rules("STORE-04")
def test_a_refused_write_leaves_no_trace(store: DialogueStore) -> None:
    """Not in the partition and not in its revision; whether it is refused is the business of others."""
    populate(store, "tides")
    before = partition(store, "tides")
    refused = 0
    traces = []
    for _, causes in groupby(_causes(store), key=itemgetter(0)):
        told = {cause: code_of(attempt) for _, cause, attempt in causes}
        after = partition(store, "tides")
        if None not in told.values():
            refused += len(told)
            if after != before:
                traces.append(told)
        before = after
    assert traces == []
    assert refused > 20


@rules("ERR-02")
def test_an_ended_dialogue_and_a_closed_store_have_their_codes(store: DialogueStore) -> None:
    begin(store, "tides")
    store.register_verdict("tides", "v", "final", 0, "Wait", "Tide")
    told = codes(
        {
            "second final": lambda: store.register_verdict("tides", "w", "final", 0, "r", "d"),
            "status": lambda: store.update_dialogue_status("tides", "abandoned"),
        }
    )
    store.close()
    told["closed"] = code_of(lambda: store.get_dialogue("tides"))
    assert told == {
        "second final": "invalid_status_transition",
        "status": "invalid_status_transition",
        "closed": "store_closed",
    }


@rules("ERR-01")
def test_every_error_has_code_message_retryable_and_data(store: DialogueStore) -> None:
    populate(store, "tides")
    shapes = {}
    for code, cause, attempt in _causes(store):
        try:
            attempt()
        except DialogueStoreError as error:
            shape = (
                error.code in CODES,
                len(error.message) > 10,
                error.retryable is (error.code in RETRYABLE),
                type(error.data) is dict,
                json.loads(json.dumps(error.data)) == error.data,
                error.message in str(error),
            )
            shapes[code, cause] = shape
    assert len(shapes) > 30
    assert shapes == dict.fromkeys(shapes, (True,) * 6)


@rules("ERR-01")
def test_an_error_of_a_transition_names_from_to_and_allowed(store: DialogueStore) -> None:
    begin(store, "tides")
    store.update_round_status("tides", 0, "completed")
    with expect_error("invalid_status_transition") as caught:
        store.update_round_status("tides", 0, "in_progress")
    told = {name: caught.data.get(name) for name in ("from", "to", "allowed")}
    assert told == {"from": "completed", "to": "in_progress", "allowed": []}
