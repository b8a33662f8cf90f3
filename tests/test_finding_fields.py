"""STORE-13 and STORE-14 point by point: the ``field`` of every finding, as the contract's text says it.

Expected values are written from the text; the model and the reference both have to give them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.model.store import ModelStore
from conformance.spec.contract_text import contract_text
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import RETRYABLE, DialogueStoreError
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import ManualClock, open_store

LARGE = "x" * (410 * 1024)

Call = Callable[[DialogueStore], object]
Findings = list[tuple[str, str]]


class Looks(float):
    """What only looks like a number."""


class Word(str):
    """A text that is more than that."""

    __slots__ = ()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["model", "reference"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> DialogueStore:
    """A dialogue ``d`` with round 0, an expert, a perspective, a tension, a recommendation."""
    made: DialogueStore
    if request.param == "model":
        made = ModelStore(clock)
    else:
        keys = LocalFileKeyProvider(tmp_path / "keys" / "umk.key")
        made = open_store(MemoryPartitionStore(), keys, clock=clock)
    made.create_dialogue("d", "title")
    made.create_round("d", 0)
    made.register_expert("d", "muffin", "role", "Core")
    made.register_perspective("d", 0, "label", "content", ["muffin"])
    made.register_tension("d", 0, "label", "description", ["muffin"])
    made.register_recommendation("d", 0, "label", "content", ["muffin"])
    return made


def findings(attempt: Call, store: DialogueStore) -> tuple[str, Findings]:
    with pytest.raises(DialogueStoreError) as caught:
        attempt(store)
    found = [(one["code"], one["field"]) for one in caught.value.data["findings"]]
    return caught.value.code, list(dict.fromkeys(found))


def claim(**more: Any) -> Call:
    given = {"round": 0, "label": "label", "content": "content", "contributors": [], **more}
    return lambda store: store.register_claim("d", **given)


def whole(**more: Any) -> Call:
    return lambda store: store.register_round("d", **{"round": 1, "score": 1, **more})


def entry(**more: Any) -> dict[str, Any]:
    return {"label": "label", "content": "content", "contributors": [], **more}


#: What is wrong -> the call, and its findings in order.
SINGLE: dict[str, tuple[Call, Findings]] = {
    "an unknown member beside a missing one": (
        claim(references=[{"target": "P0001", "why": "so"}]),
        [("invalid_field", "references[0]"), ("missing_field", "references[0].type")],
    ),
    "several unknown members": (
        lambda s: s.create_dialogue("e", "t", background={"subject": "s", "a": "1", "b": "2"}),
        [("invalid_field", "background")],
    ),
    "a required member that is null": (
        claim(references=[{"type": None, "target": "P0001"}]),
        [("missing_field", "references[0].type")],
    ),
    "null in a list": (
        claim(contributors=["muffin", None]),
        [("invalid_field", "contributors[1]")],
    ),
    "null for a reference": (claim(references=[None]), [("invalid_field", "references[0]")]),
    "an object within an object": (
        lambda s: s.register_verdict(
            "d", "v", "interim", 0, "r", "d", ethos_compliance={"mood": 1, "exceptions": [None]}
        ),
        [
            ("invalid_field", "ethos_compliance"),
            ("missing_field", "ethos_compliance.fully_compliant"),
            ("invalid_field", "ethos_compliance.exceptions[0]"),
            ("missing_field", "ethos_compliance.violations"),
        ],
    ),
    "deep in parameters, twice": (
        lambda s: s.register_recommendation(
            "d", 0, "l", "c", [], parameters={"a": [float("nan")], "b": {"c": "\ud800"}}
        ),
        [("invalid_field", "parameters")],
    ),
    "request_id comes last": (
        claim(contributors=["a b"], references=[{"type": "support", "target": "x"}], request_id=""),
        [
            ("invalid_identifier", "contributors[0]"),
            ("invalid_display_id", "references[0].target"),
            ("invalid_identifier", "request_id"),
        ],
    ),
    "adopted without a verdict": (
        lambda s: s.update_recommendation_status("d", "R0001", "adopted", ["judge"], 0),
        [("missing_field", "verdict_id")],
    ),
    "round, expert and entity, in this order": (
        lambda s: s.update_recommendation_status(
            "d", "R0099", "adopted", ["judge"], 9, verdict_id="none", result_id="P0099"
        ),
        [
            ("round_not_found", "event_round"),
            ("entity_not_found", "entity_id"),
            ("entity_not_found", "verdict_id"),
            ("entity_not_found", "result_id"),
        ],
    ),
    "a verdict with another status": (
        lambda s: (
            s.register_verdict("d", "v", "interim", 0, "r", "d"),
            s.update_recommendation_status("d", "R0001", "amended", ["j"], 0, verdict_id="v"),
        ),
        [("invalid_field", "verdict_id")],
    ),
    "targets of converge": (
        lambda s: s.register_move("d", 0, "muffin", "converge", ["no id at all"]),
        [("invalid_field", "targets")],
    ),
    "a sum": (
        lambda s: (s.create_round("d", 1, score=1), s.create_round("d", 2, score=2**53 - 1)),
        [("invalid_field", "score")],
    ),
    "a round beyond a double": (
        lambda s: s.create_round("d", 2**53),
        [("invalid_field", "round")],
    ),
    "what only looks like a number": (
        lambda s: s.create_round("d", 5, score=Looks(1.0)),  # type: ignore[arg-type]
        [("invalid_field", "score")],
    ),
    "a first round": (
        lambda s: s.register_expert("d", "scone", "role", "Core", first_round=100),
        [("invalid_round", "first_round")],
    ),
    "an item": (claim(content=LARGE), [("item_too_large", "claim#00#01")]),
    "a new dialogue": (
        lambda s: s.create_dialogue("e", LARGE),
        [("item_too_large", "meta")],
    ),
    "an item and its request": (
        claim(content=LARGE, request_id="r-1"),
        [("item_too_large", "claim#00#01"), ("item_too_large", "request#r-1")],
    ),
    "another request, too large": (
        lambda s: (claim(request_id="r-1")(s), claim(content=LARGE, request_id="r-1")(s)),
        [
            ("request_mismatch", "request_id"),
            ("item_too_large", "claim#00#02"),
            ("item_too_large", "request#r-1"),
        ],
    ),
    "a duplicate, too large": (
        lambda s: s.register_expert("d", "muffin", LARGE, "Core"),
        [("duplicate_entity", "expert_slug")],
    ),
    "a second final verdict under a known id": (
        lambda s: (
            s.register_verdict("d", "v", "final", 0, "r", "d"),
            s.register_verdict("d", "v", "final", 0, "r", "d"),
        ),
        [("duplicate_entity", "verdict_id"), ("invalid_status_transition", "verdict_type")],
    ),
}

#: The same for whole rounds, whose findings are compared without their order.
WHOLE: dict[str, tuple[Call, set[tuple[str, str]]]] = {
    "a bad dialogue id": (
        lambda s: s.register_round("no/such", 1, 1),
        {("invalid_identifier", "dialogue_id")},
    ),
    "a bad dialogue id hides what its partition would tell": (
        lambda s: s.register_round("no/such", 1, 1, signals=["nobody"]),
        {("invalid_identifier", "dialogue_id")},
    ),
    "names that are no slugs": (
        whole(expert_scores={"muffin": 1, "no slug": 2}, responses={"": "text"}),
        {("invalid_identifier", "expert_scores[1]"), ("invalid_identifier", "responses[0]")},
    ),
    "unknown and missing members": (
        whole(refs=[{"source": "P0001", "target": "T0001", "why": "so"}], claims=[entry(round=1)]),
        {
            ("invalid_field", "refs[0]"),
            ("missing_field", "refs[0].ref_type"),
            ("invalid_field", "claims[0]"),
        },
    ),
    "null in lists": (
        whole(perspectives=[None], signals=[None], claims=[entry(contributors=[None])]),
        {
            ("invalid_field", "perspectives[0]"),
            ("invalid_field", "signals[0]"),
            ("invalid_field", "claims[0].contributors[0]"),
        },
    ),
    "local ids": (
        whole(
            perspectives=[entry(local_id="a"), entry(local_id="P0101")],
            evidence=[entry(local_id="a")],
            refs=[{"source": "a", "ref_type": "support", "target": "nobody"}],
        ),
        {
            ("invalid_identifier", "perspectives[1].local_id"),
            ("duplicate_entity", "evidence[0].local_id"),
            ("invalid_display_id", "refs[0].target"),
        },
    ),
    "targets of moves": (
        whole(
            moves=[
                {"expert_slug": "muffin", "move_type": "sing", "targets": ["?"]},
                {"expert_slug": "muffin", "move_type": "defend", "targets": ["?", "P0099"]},
                {"expert_slug": "muffin", "move_type": "converge", "targets": ["?"]},
            ]
        ),
        {
            ("invalid_field", "moves[0].move_type"),
            ("invalid_display_id", "moves[1].targets[0]"),
            ("entity_not_found", "moves[1].targets[1]"),
            ("invalid_field", "moves[2].targets"),
        },
    ),
    "status updates": (
        whole(
            evidence=[entry(local_id="lead")],
            status_updates=[
                {"entity_id": "lead", "status": "confirmed", "reason": "so"},
                {"entity_id": "R0001", "status": "adopted"},
                {"entity_id": "T0001", "status": "resolved", "event_round": 7},
                {"entity_id": "P0001", "status": "merged"},
                {"entity_id": "P0001", "status": "refined"},
                {"entity_id": "nobody", "status": "unheard-of"},
            ],
        ),
        {
            ("invalid_field", "status_updates[0].reason"),
            ("missing_field", "status_updates[1].verdict_id"),
            ("round_not_found", "status_updates[2].event_round"),
            ("invalid_status_transition", "status_updates[4].status"),
            ("invalid_display_id", "status_updates[5].entity_id"),
        },
    ),
    "too large": (
        whole(
            title=LARGE,
            perspectives=[entry(content=LARGE)],
            claims=[entry(content=LARGE, label="")],
            moves=[{"expert_slug": "muffin", "move_type": "concede", "context": LARGE}],
            status_updates=[{"entity_id": "T0001", "status": "resolved", "reason": LARGE}],
            expert_scores={"muffin": 1},
            responses={"muffin": LARGE},
        ),
        {
            ("item_too_large", "round"),
            ("item_too_large", "perspectives[0]"),
            ("missing_field", "claims[0].label"),
            ("item_too_large", "moves[0]"),
            ("item_too_large", "status_updates[0]"),
            ("item_too_large", "responses.muffin"),
        },
    ),
    "too many": (
        whole(
            perspectives=[entry() for _ in range(100)],
            moves=[{"expert_slug": "muffin", "move_type": "concede"} for _ in range(100)],
        ),
        {("limit_exceeded", "perspectives"), ("limit_exceeded", "moves")},
    ),
    "a sum of scores": (
        lambda s: (
            s.update_expert_score("d", "muffin", 0, 1),
            whole(expert_scores={"muffin": 2**53 - 1})(s),
        ),
        {("invalid_field", "expert_scores.muffin")},
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_finding_of_a_single_write_has_its_field(name: str, store: DialogueStore) -> None:
    attempt, expected = SINGLE[name]
    assert findings(attempt, store) == (expected[0][0], expected)


@pytest.mark.parametrize("name", WHOLE)
def test_a_finding_of_a_whole_round_has_its_path(name: str, store: DialogueStore) -> None:
    attempt, expected = WHOLE[name]
    code, found = findings(attempt, store)
    assert (code, set(found)) == ("validation_failed", expected)


def test_an_unknown_dialogue_comes_alone_where_the_values_are_good(store: DialogueStore) -> None:
    alone = findings(lambda s: s.register_round("e", 1, 1, signals=["nobody"]), store)
    assert alone == ("dialogue_not_found", [("dialogue_not_found", "dialogue_id")])
    beside = findings(lambda s: s.register_round("e", 1, 1, signals=["no slug"]), store)
    assert beside == ("validation_failed", [("invalid_identifier", "signals[0]")])


def test_another_request_keeps_its_code_beside_group_7_only(store: DialogueStore) -> None:
    whole(request_id="r")(store)
    again = whole(round=0, request_id="r")
    assert findings(again, store) == (
        "request_mismatch",
        [("request_mismatch", "request_id"), ("duplicate_entity", "round")],
    )
    beside = whole(round=0, signals=["nobody"], request_id="r")
    code, found = findings(beside, store)
    assert (code, set(found)) == (
        "validation_failed",
        {
            ("request_mismatch", "request_id"),
            ("duplicate_entity", "round"),
            ("expert_not_found", "signals[0]"),
        },
    )
    bad = whole(round=0, signals=["no slug"], request_id="r")
    code, found = findings(bad, store)
    assert ("request_mismatch", "request_id") not in found
    assert code == "validation_failed"


def test_the_first_findings_field_is_the_errors(store: DialogueStore) -> None:
    with pytest.raises(DialogueStoreError) as caught:
        claim(label="", content=5)(store)
    assert caught.value.data["field"] == "label"


def test_a_subclass_counts_as_its_plain_value(store: DialogueStore) -> None:
    made = store.register_claim("d", 0, Word("label"), "content", [Word("muffin")])
    assert [type(made.label), type(made.contributors[0])] == [str, str]


def test_where_no_later_time_is_left(store: DialogueStore, clock: ManualClock) -> None:
    """ADDR-09: the write that takes the last time is good, the next one has none."""
    clock.set("9999-12-31T23:59:59.999999Z")
    found = [{"entity_id": "P0001", "status": "refined"}] * 2
    code, findings_ = findings(whole(status_updates=found), store)
    assert (code, findings_) == ("validation_failed", [("limit_exceeded", "status_updates[1]")])
    claim()(store)
    assert findings(claim(), store) == ("limit_exceeded", [("limit_exceeded", "dialogue_id")])


def test_what_is_counted(store: DialogueStore) -> None:
    """Each member present; a ref that is given twice counts once, one that was there not at all."""
    store.register_ref("d", "P0001", "support", "T0001")
    made = store.register_round(
        "d",
        1,
        1,
        perspectives=[
            entry(local_id="a", references=[{"type": "support", "target": "P0001"}] * 2),
        ],
        refs=[
            {"source": "a", "ref_type": "support", "target": "P0001"},
            {"source": "P0001", "ref_type": "support", "target": "T0001"},
        ],
        status_updates=[{"entity_id": "a", "status": "merged"}],
        signals=["muffin", "muffin"],
    )
    assert made.ids == {"a": "P0101"}
    assert made.counts == {
        "perspectives": 1,
        "tensions": 0,
        "recommendations": 0,
        "evidence": 0,
        "claims": 0,
        "moves": 0,
        "refs": 1,
        "events": 2,
        "status_updates": 1,
        "expert_scores": 0,
        "responses": 0,
        "signals": 1,
    }


def test_the_text_names_what_is_counted(store: DialogueStore) -> None:
    """Red if a member is added in the code and not in STORE-13."""
    made = store.register_round("d", 1, 1)
    (point,) = (p for p in contract_text().rules["STORE-13"].split("\n") if "`counts` has" in p)
    named = re.findall(r"`(\w+)`", point.partition(", each present")[0])
    assert named[1:] == list(made.counts)


def test_the_text_names_what_is_retryable() -> None:
    """Red if a code becomes retryable in the code and not in ERR-01."""
    sentence = contract_text().rules["ERR-01"].partition("Retryable are ")[2]
    assert set(re.findall(r"`(\w+)`", sentence.partition(", no others")[0])) == RETRYABLE


@pytest.mark.parametrize("name", [None, "score", "title", "metrics"])
def test_null_for_an_optional_parameter_is_its_default(
    name: str | None, store: DialogueStore
) -> None:
    given: dict[str, Any] = {} if name is None else {name: None}
    made = store.create_round("d", 1, **given)
    assert (made.score, made.title, made.panel_size) == (0, None, 0)
