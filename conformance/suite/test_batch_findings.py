"""STORE-13: everything that is wrong with a round is found at once, and then nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance.suite.kit.builders import KINDS, Kind, begin, code_of, partition, register, shown
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.rounds import entry, findings_of, harbour, write
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError

pytestmark = profile("batch")

P, T, R, E, C = KINDS.values()
KIB = 1024

Findings = set[tuple[str, str]]


def refused(store: DialogueStore, params: Mapping[str, Any]) -> DialogueStoreError:
    """The error that a round ends with; fails where it is written."""
    with expect_error("validation_failed") as caught:
        write(store, **params)
    assert caught.error is not None
    return caught.error


def all_findings(store: DialogueStore, params: Mapping[str, Any]) -> Findings:
    return findings_of(refused(store, params))


#: One fault of every group and of every parameter.
EVERYTHING_WRONG: Mapping[str, Any] = {
    "round": 0,
    "score": 1.5,
    "title": 7,
    "summary": "\ud800",
    "metrics": {"panel_size": -1, "mood": 3},
    "perspectives": [
        {"content": "c", "contributors": ["no slug"], "local_id": "it"},
        entry(P, local_id="P0101"),
        entry(P, label="", references=[{"type": "like", "target": "T9901"}, {"type": "support"}]),
        entry(
            P,
            references=[
                {"type": "address", "target": "P0001"},
                {"type": "resolve", "target": "it"},
            ],
        ),
        "no object",
    ],
    "tensions": [entry(T, local_id="it"), entry(T, content="c")],
    "recommendations": [entry(R, parameters={"depth": float("nan")}, references="none")],
    "evidence": [entry(E, contributors="muffin")],
    "claims": "none",
    "moves": [
        {"expert_slug": "brioche", "move_type": "defend", "targets": ["nobody", "C9901", "it"]},
        {"expert_slug": "muffin", "move_type": "sing"},
        {"expert_slug": "muffin", "move_type": "converge", "targets": ["T0001"]},
        {"move_type": "request", "targets": [3], "context": 4},
    ],
    "refs": [
        {"source": "P0001", "ref_type": "support", "target": "P0001"},
        {"source": "P0001", "ref_type": "refine", "target": "T0001"},
        {"source": "P0901", "ref_type": "like", "target": "x"},
        {"source": "P0001", "target": "T0001", "why": "so"},
    ],
    "status_updates": [
        {"entity_id": "T0001", "status": "open"},
        {"entity_id": "R0001", "status": "amended", "verdict_id": "v-interim"},
        {"entity_id": "R0001", "status": "adopted"},
        {"entity_id": "P0001", "status": "resolved", "event_round": 100, "actors": [1]},
        {"entity_id": "P0001", "status": "merged", "event_round": 9, "result_id": "P0901"},
        {"entity_id": "R0901", "status": "adopted", "verdict_id": "v-none"},
        {"status": "merged"},
    ],
    "expert_scores": {"muffin": None, "no slug": 1, "brioche": 2},
    "responses": {"muffin": "", "brioche": "Here."},
    "signals": ["brioche", "no slug", 3],
}

ALL_THAT_IS_WRONG: Findings = {
    ("duplicate_entity", "round"),
    ("invalid_field", "score"),
    ("invalid_field", "title"),
    ("invalid_field", "summary"),
    ("invalid_field", "metrics"),
    ("invalid_field", "metrics.panel_size"),
    ("missing_field", "perspectives[0].label"),
    ("invalid_identifier", "perspectives[0].contributors[0]"),
    ("invalid_identifier", "perspectives[1].local_id"),
    ("missing_field", "perspectives[2].label"),
    ("invalid_ref_type", "perspectives[2].references[0].type"),
    ("entity_not_found", "perspectives[2].references[0].target"),
    ("missing_field", "perspectives[2].references[1].target"),
    ("invalid_ref_target", "perspectives[3].references[0].target"),
    ("invalid_ref_target", "perspectives[3].references[1].target"),
    ("invalid_field", "perspectives[4]"),
    ("duplicate_entity", "tensions[0].local_id"),
    ("invalid_field", "tensions[1]"),
    ("invalid_field", "recommendations[0].parameters"),
    ("invalid_field", "recommendations[0].references"),
    ("invalid_field", "evidence[0].contributors"),
    ("invalid_field", "claims"),
    ("expert_not_found", "moves[0].expert_slug"),
    ("invalid_display_id", "moves[0].targets[0]"),
    ("entity_not_found", "moves[0].targets[1]"),
    ("invalid_field", "moves[1].move_type"),
    ("invalid_field", "moves[2].targets"),
    ("missing_field", "moves[3].expert_slug"),
    ("invalid_field", "moves[3].targets[0]"),
    ("invalid_field", "moves[3].context"),
    ("invalid_ref_target", "refs[0].target"),
    ("invalid_ref_target", "refs[1].target"),
    ("entity_not_found", "refs[2].source"),
    ("invalid_ref_type", "refs[2].ref_type"),
    ("invalid_display_id", "refs[2].target"),
    ("invalid_field", "refs[3]"),
    ("missing_field", "refs[3].ref_type"),
    ("invalid_status_transition", "status_updates[0].status"),
    ("invalid_field", "status_updates[1].verdict_id"),
    ("missing_field", "status_updates[2].verdict_id"),
    ("invalid_field", "status_updates[3].status"),
    ("invalid_round", "status_updates[3].event_round"),
    ("invalid_field", "status_updates[3].actors[0]"),
    ("round_not_found", "status_updates[4].event_round"),
    ("entity_not_found", "status_updates[4].result_id"),
    ("entity_not_found", "status_updates[5].entity_id"),
    ("entity_not_found", "status_updates[5].verdict_id"),
    ("missing_field", "status_updates[6].entity_id"),
    ("invalid_field", "expert_scores.muffin"),
    ("invalid_identifier", "expert_scores[1]"),
    ("expert_not_found", "expert_scores.brioche"),
    ("missing_field", "responses.muffin"),
    ("expert_not_found", "responses.brioche"),
    ("expert_not_found", "signals[0]"),
    ("invalid_identifier", "signals[1]"),
    ("invalid_field", "signals[2]"),
}


@rules("STORE-13")
def test_everything_that_is_wrong_is_found_at_once(store: DialogueStore) -> None:
    harbour(store)
    before = partition(store, "tides")
    error = refused(store, EVERYTHING_WRONG)
    found = findings_of(error)
    assert (found - ALL_THAT_IS_WRONG, ALL_THAT_IS_WRONG - found) == (set(), set())
    assert len(error.data["findings"]) == len(ALL_THAT_IS_WRONG)
    assert partition(store, "tides") == before


@rules("STORE-13")
def test_every_finding_says_what_and_what_to_do(store: DialogueStore) -> None:
    harbour(store)
    found = refused(store, EVERYTHING_WRONG).data["findings"]
    members = ("code", "field", "message", "suggestion")
    speechless = [
        finding
        for finding in found
        if not all(isinstance(finding.get(name), str) and finding[name] for name in members)
    ]
    assert len(found) > 1
    assert speechless == []


#: What is wrong -> parameters, and the only finding there is.
FAULTS: Mapping[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "no round": ({"round": None}, ("missing_field", "round")),
    "round 100": ({"round": 100}, ("invalid_round", "round")),
    "a round as text": ({"round": "1"}, ("invalid_field", "round")),
    "an existing round": ({"round": 0}, ("duplicate_entity", "round")),
    "no score": ({"score": None}, ("missing_field", "score")),
    "a score beyond a double": ({"score": 2**53}, ("invalid_field", "score")),
    "a total beyond a double": ({"score": 2**53 - 1}, ("invalid_field", "score")),
    "a list that is text": ({"perspectives": "P"}, ("invalid_field", "perspectives")),
    "null for an entity": ({"claims": [None]}, ("invalid_field", "claims[0]")),
    "an entity's round": ({"claims": [entry(C, round=1)]}, ("invalid_field", "claims[0]")),
    "an empty label": ({"claims": [entry(C, label="")]}, ("missing_field", "claims[0].label")),
    "a local id with a space": (
        {"claims": [entry(C, local_id="a b")]},
        ("invalid_identifier", "claims[0].local_id"),
    ),
    "a local id like a display id": (
        {"claims": [entry(C, local_id="C0101")]},
        ("invalid_identifier", "claims[0].local_id"),
    ),
    "a local id twice": (
        {"claims": [entry(C, local_id="a")], "evidence": [entry(E, local_id="a")]},
        ("duplicate_entity", "claims[0].local_id"),
    ),
    "a local id of nobody": (
        {"claims": [entry(C, references=[{"type": "support", "target": "MUFFIN-P0101"}])]},
        ("invalid_display_id", "claims[0].references[0].target"),
    ),
    "a target of another round": (
        {"claims": [entry(C, references=[{"type": "support", "target": "C0002"}])]},
        ("entity_not_found", "claims[0].references[0].target"),
    ),
    "a reference to itself": (
        {"claims": [entry(C, local_id="a", references=[{"type": "support", "target": "a"}])]},
        ("invalid_ref_target", "claims[0].references[0].target"),
    ),
    "refine of another type": (
        {"claims": [entry(C, references=[{"type": "refine", "target": "E0001"}])]},
        ("invalid_ref_target", "claims[0].references[0].target"),
    ),
    "a move of a stranger": (
        {"moves": [{"expert_slug": "brioche", "move_type": "concede"}]},
        ("expert_not_found", "moves[0].expert_slug"),
    ),
    "a move's round": (
        {"moves": [{"expert_slug": "muffin", "move_type": "concede", "round": 1}]},
        ("invalid_field", "moves[0]"),
    ),
    "an update of nothing": (
        {"status_updates": [{"entity_id": "T0002", "status": "resolved"}]},
        ("entity_not_found", "status_updates[0].entity_id"),
    ),
    "another kind's status": (
        {"status_updates": [{"entity_id": "T0001", "status": "merged"}]},
        ("invalid_field", "status_updates[0].status"),
    ),
    "a reason where none is kept": (
        {"status_updates": [{"entity_id": "E0001", "status": "confirmed", "reason": "So"}]},
        ("invalid_field", "status_updates[0].reason"),
    ),
    "a verdict for a perspective": (
        {"status_updates": [{"entity_id": "P0001", "status": "merged", "verdict_id": "v-interim"}]},
        ("invalid_field", "status_updates[0].verdict_id"),
    ),
    "an adoption without a verdict": (
        {"status_updates": [{"entity_id": "R0001", "status": "adopted"}]},
        ("missing_field", "status_updates[0].verdict_id"),
    ),
    "a verdict that is none": (
        {"status_updates": [{"entity_id": "R0001", "status": "adopted", "verdict_id": "v"}]},
        ("entity_not_found", "status_updates[0].verdict_id"),
    ),
    "a change after the last": (
        {
            "claims": [entry(C, local_id="a")],
            "status_updates": [
                {"entity_id": "a", "status": "adopted"},
                {"entity_id": "a", "status": "withdrawn"},
            ],
        },
        ("invalid_status_transition", "status_updates[1].status"),
    ),
    "the same status again": (
        {
            "status_updates": [
                {"entity_id": "T0001", "status": "resolved"},
                {"entity_id": "T0001", "status": "resolved"},
            ]
        },
        ("invalid_status_transition", "status_updates[1].status"),
    ),
    "a score of a stranger": (
        {"expert_scores": {"pie": 1}},
        ("expert_not_found", "expert_scores.pie"),
    ),
    "a total score beyond a double": (
        {"expert_scores": {"scone": 2**53 - 1}},
        ("invalid_field", "expert_scores.scone"),
    ),
    "an empty response": ({"responses": {"muffin": ""}}, ("missing_field", "responses.muffin")),
    "a score that is null": (
        {"expert_scores": {"muffin": None}},
        ("invalid_field", "expert_scores.muffin"),
    ),
    "a response that is null": (
        {"responses": {"muffin": None}},
        ("invalid_field", "responses.muffin"),
    ),
    "null for a target": (
        {"moves": [{"expert_slug": "muffin", "move_type": "request", "targets": [None]}]},
        ("invalid_field", "moves[0].targets[0]"),
    ),
    "null for a signal": ({"signals": [None]}, ("invalid_field", "signals[0]")),
    "a signal of a stranger": ({"signals": ["pie"]}, ("expert_not_found", "signals[0]")),
    "a content of 410 KiB": (
        {"claims": [entry(C), entry(C, "tide " * (82 * KIB))]},
        ("item_too_large", "claims[1]"),
    ),
    "a response of 410 KiB": (
        {"responses": {"muffin": "tide " * (82 * KIB)}},
        ("item_too_large", "responses.muffin"),
    ),
}


@rules("STORE-13")
def test_each_fault_is_the_one_finding_and_leaves_no_trace(store: DialogueStore) -> None:
    """A dialogue with one of everything; each call has one thing wrong."""
    harbour(store)
    store.create_round("tides", 9, score=1)
    store.update_expert_score("tides", "scone", 9, 1)
    before = partition(store, "tides")
    found: dict[str, object] = {}
    for name, (params, _) in FAULTS.items():
        try:
            result = write(store, **params)
            found[name] = f"was written: {result is not None}"
        except DialogueStoreError as error:
            found[name] = (error.code, findings_of(error))
    assert found == {
        name: ("validation_failed", {finding}) for name, (_, finding) in FAULTS.items()
    }
    assert partition(store, "tides") == before


@rules("STORE-13")
def test_too_large_items_are_found_with_all_else(store: DialogueStore) -> None:
    harbour(store)
    text = "tide " * (82 * KIB)
    assert all_findings(
        store,
        {
            "title": text,
            "perspectives": [entry(P, text)],
            "tensions": [entry(T, contributors=["no slug"])],
            "moves": [{"expert_slug": "muffin", "move_type": "concede", "context": text}],
            "status_updates": [{"entity_id": "T0001", "status": "resolved", "reason": text}],
            "signals": ["brioche"],
        },
    ) == {
        ("item_too_large", "round"),
        ("item_too_large", "perspectives[0]"),
        ("invalid_identifier", "tensions[0].contributors[0]"),
        ("item_too_large", "moves[0]"),
        ("item_too_large", "status_updates[0]"),
        ("expert_not_found", "signals[0]"),
    }


@rules("STORE-13")
def test_a_bad_round_hides_nothing(store: DialogueStore) -> None:
    harbour(store)
    assert all_findings(
        store,
        {
            "round": 100,
            "claims": [entry(C, local_id="a", references=[{"type": "refine", "target": "E0001"}])],
            "refs": [{"source": "a", "ref_type": "support", "target": "C0901"}],
            "signals": ["brioche"],
        },
    ) == {
        ("invalid_round", "round"),
        ("invalid_ref_target", "claims[0].references[0].target"),
        ("entity_not_found", "refs[0].target"),
        ("expert_not_found", "signals[0]"),
    }


@rules("STORE-13")
def test_each_value_is_judged_on_its_own(store: DialogueStore) -> None:
    """A wrong value hides nothing of its neighbours, nor of the name that it stands under."""
    harbour(store)
    assert all_findings(
        store,
        {
            "moves": [{"expert_slug": "pie", "move_type": "sing", "targets": ["nobody"]}],
            "refs": [{"source": "P0901", "ref_type": "like", "target": "x"}],
            "status_updates": [
                {
                    "entity_id": "R0901",
                    "status": "grand",
                    "verdict_id": "v-none",
                    "event_round": 9,
                    "result_id": "P0901",
                }
            ],
            "expert_scores": {"pie": "1", "no slug": "2"},
            "responses": {"pie": ""},
        },
    ) == {
        ("expert_not_found", "moves[0].expert_slug"),
        ("invalid_field", "moves[0].move_type"),
        ("entity_not_found", "refs[0].source"),
        ("invalid_ref_type", "refs[0].ref_type"),
        ("invalid_display_id", "refs[0].target"),
        ("entity_not_found", "status_updates[0].entity_id"),
        ("invalid_field", "status_updates[0].status"),
        ("entity_not_found", "status_updates[0].verdict_id"),
        ("round_not_found", "status_updates[0].event_round"),
        ("entity_not_found", "status_updates[0].result_id"),
        ("expert_not_found", "expert_scores.pie"),
        ("invalid_field", "expert_scores.pie"),
        ("invalid_identifier", "expert_scores[1]"),
        ("invalid_field", "expert_scores[1]"),
        ("expert_not_found", "responses.pie"),
        ("missing_field", "responses.pie"),
    }


@rules("STORE-13")
def test_a_thousand_findings_are_listed_and_the_rest_is_counted(store: DialogueStore) -> None:
    """Those of earlier groups first, whatever parameter they are of."""
    harbour(store)
    error = refused(
        store,
        {
            "claims": [entry(C, contributors=["no slug"] * 998)],
            "signals": ["pie", 3, *["brioche"] * 10, 4],
        },
    )
    listed = [(finding["code"], finding["field"]) for finding in error.data["findings"]]
    assert listed == [
        ("invalid_field", "signals[1]"),
        ("invalid_field", "signals[12]"),
        *(("invalid_identifier", f"claims[0].contributors[{at}]") for at in range(998)),
    ]
    assert error.data.get("more") == 11


# -- limits --------------------------------------------------------------------------------------------


@rules("STORE-13")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_ninety_nine_of_a_kind_and_no_more(store: DialogueStore, kind: Kind) -> None:
    harbour(store)
    entries = [entry(kind, local_id=f"n{number}") for number in range(100)]
    last = {"source": "n99", "ref_type": "support", "target": "n0"}
    before = partition(store, "tides")
    assert all_findings(store, {kind.plural: entries, "refs": [last], "signals": ["pie"]}) == {
        ("limit_exceeded", kind.plural),
        ("expert_not_found", "signals[0]"),
    }
    assert partition(store, "tides") == before
    made = shown(write(store, **{kind.plural: entries[:99]}))
    assert made["ids"]["n98"] == kind.id(1, 99)
    assert code_of(lambda: register(store, kind, "tides", 1)) == "limit_exceeded"


@rules("STORE-13")
def test_ninety_nine_moves_and_no_more(store: DialogueStore) -> None:
    harbour(store)
    moves = [{"expert_slug": "scone", "move_type": "concede"} for _ in range(100)]
    assert all_findings(store, {"moves": moves}) == {("limit_exceeded", "moves")}
    write(store, moves=moves[:99])
    assert [move["seq"] for move in partition(store, "tides")["moves"]] == list(range(1, 100))
    assert code_of(lambda: store.register_move("tides", 1, "scone", "concede")) == "limit_exceeded"


def refs(count: int) -> list[dict[str, str]]:
    """So many different refs among forty new entities."""
    pairs = [(a, b) for a in range(20) for b in range(20)]
    return [
        {"source": f"p{a}", "ref_type": ref_type, "target": f"c{b}"}
        for ref_type in ("support", "oppose", "question")
        for a, b in pairs
    ][:count]


@rules("STORE-13")
def test_a_thousand_refs_are_one_too_many(store: DialogueStore, budget: str) -> None:
    harbour(store)
    params: dict[str, Any] = {
        "perspectives": [entry(P, local_id=f"p{number}") for number in range(20)],
        "claims": [entry(C, local_id=f"c{number}") for number in range(20)],
    }
    assert all_findings(store, {**params, "refs": refs(1000)}) == {("limit_exceeded", "refs[999]")}
    count = 120 if budget == "quick" else 999
    made = shown(write(store, **params, refs=refs(count)))
    assert made["counts"]["refs"] == len(partition(store, "tides")["refs"]) == count


@rules("STORE-13")
def test_references_count_among_the_refs(store: DialogueStore) -> None:
    """The thousandth is told, once, whatever the others are: refs count as given, references first."""
    harbour(store)
    reference = {"type": "support", "target": "E0001"}
    with_references = {
        "perspectives": [entry(P, references=[reference] * 400)],
        "claims": [entry(C, references=[reference] * 590)],
    }
    ref = {"source": "P0001", "ref_type": "support", "target": "E0001"}
    assert all_findings(store, {**with_references, "refs": [ref] * 12}) == {
        ("limit_exceeded", "refs[9]")
    }
    assert all_findings(
        store, {**with_references, "claims": [entry(C, references=[reference] * 600)]}
    ) == {("limit_exceeded", "claims[0].references[599]")}
    made = shown(write(store, **with_references, refs=[ref] * 9))
    assert made["counts"]["refs"] == len(partition(store, "tides")["refs"]) == 3


@rules("STORE-13")
def test_more_than_64_mib_are_too_much(store: DialogueStore) -> None:
    harbour(store)
    before = partition(store, "tides")
    text = "x" * (227 * KIB)
    params = {kind.plural: [entry(kind, text) for _ in range(99)] for kind in (P, R, C)}
    found = refused(store, params).data["findings"]
    assert [finding["code"] for finding in found] == ["limit_exceeded"]
    assert partition(store, "tides") == before


# -- what is no finding --------------------------------------------------------------------------------


@rules("STORE-13")
def test_an_unknown_dialogue_is_said_before_what_its_partition_tells(store: DialogueStore) -> None:
    harbour(store)

    def attempt(**params: Any) -> Callable[[], object]:
        return lambda: store.register_round("ebb", **{"round": 1, "score": 1, **params})

    assert code_of(attempt()) == "dialogue_not_found"
    assert code_of(attempt(signals=["pie"])) == "dialogue_not_found"
    assert code_of(attempt(signals=[3])) == "validation_failed"
    assert code_of(lambda: store.get_dialogue("ebb")) == "dialogue_not_found"


@rules("STORE-13")
def test_a_closed_store_says_that_first(store: DialogueStore) -> None:
    begin(store, "tides")
    store.close()
    assert code_of(lambda: store.register_round("no id", None, 1)) == "store_closed"  # type: ignore[arg-type]
