"""STORE-13: a whole round is a second way to write everything, and holds to all that the first holds to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.suite.kit.builders import (
    KINDS,
    as_json,
    begin,
    code_of,
    codes,
    listed,
    partition,
    register,
    shown,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.rounds import entry, findings_of, write
from conformance.suite.kit.wrong_calls import CALLS, FAULTS, REF_TYPES, ground
from conformance.suite.test_core_values import KEPT_NUMBERS, SPECIAL_TEXTS, nested
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError

pytestmark = profile("batch")

P, T, R, E, C = KINDS.values()


# -- values --------------------------------------------------------------------------------------------


def _with_text(text: str) -> dict[str, Any]:
    """A round 1 with a text in every place that takes any."""
    entities: dict[str, Any] = {
        kind.plural: [entry(kind, text, label=text)] for kind in KINDS.values()
    }
    entities["recommendations"][0]["parameters"] = {text: [text, {"a": text}]}
    return {
        "title": text,
        "summary": text,
        **entities,
        "moves": [
            {
                "expert_slug": "muffin",
                "move_type": "request",
                "targets": [text, "", text],
                "context": text,
            }
        ],
        "status_updates": [
            {
                "entity_id": "T0001",
                "status": "addressed",
                "actors": [text, "", text],
                "reason": text,
                "reference": text,
            }
        ],
        "responses": {"muffin": text},
    }


def _texts_in(whole: Mapping[str, Any]) -> dict[str, Any]:
    """What lies where :func:`_with_text` has put it."""
    made, move = whole["rounds"][-1], whole["moves"][0]
    event = next(one for one in whole["events"] if one["event_type"] == "addressed")
    found = {
        "title": made["title"],
        "summary": made["summary"],
        "context": move["context"],
        "reason": event["reason"],
        "reference": event["reference"],
        "response": whole["experts"][0]["raw_content"]["01"],
    }
    for kind in KINDS.values():
        entity = whole[kind.plural][-1]
        found |= {f"{kind}.label": entity["label"], f"{kind}.text": entity[kind.text]}
    return found


@rules("STORE-12")
def test_a_text_of_a_whole_round_comes_back_exactly(store: DialogueStore) -> None:
    differing = {}
    for number, (what, text) in enumerate(SPECIAL_TEXTS.items()):
        name = f"tides-{number}"
        begin(store, name, experts=["muffin"])
        register(store, T, name, 0)
        store.register_round(name, 1, 1, **_with_text(text))
        whole = partition(store, name)
        found = _texts_in(whole)
        event = next(one for one in whole["events"] if one["event_type"] == "addressed")
        lists = (whole["moves"][0]["targets"], event["actors"])
        parameters = whole["recommendations"][-1]["parameters"]
        if (
            found != dict.fromkeys(found, text)
            or lists != ([text, "", text],) * 2
            or parameters != {text: [text, {"a": text}]}
        ):
            differing[what] = [place for place, kept in found.items() if kept != text]
    assert differing == {}


@rules("STORE-12")
def test_empty_texts_lists_and_numbers_of_a_whole_round_come_back(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    register(store, T, "tides", 0)
    numbers = {name: [number] for name, (number, _) in KEPT_NUMBERS.items()}
    twice = ["scone", "muffin", "scone"]
    write(
        store,
        title="",
        summary="",
        recommendations=[
            entry(R, parameters=numbers, contributors=twice),
            entry(R, parameters={}, contributors=[]),
        ],
        moves=[
            {"expert_slug": "muffin", "move_type": "concede", "targets": [], "context": ""},
            {"expert_slug": "muffin", "move_type": "defend", "targets": ["T0001"] * 2},
        ],
        status_updates=[
            {
                "entity_id": "T0001",
                "status": "addressed",
                "actors": twice,
                "reason": "",
                "reference": "",
            }
        ],
    )
    whole = partition(store, "tides")
    first, second = whole["recommendations"]
    event = next(one for one in whole["events"] if one["event_type"] == "addressed")
    assert [whole["rounds"][-1][name] for name in ("title", "summary")] == ["", ""]
    assert (first["parameters"], first["contributors"]) == (numbers, twice)
    assert (second["parameters"], second["contributors"]) == ({}, [])
    assert [(move["targets"], move["context"]) for move in whole["moves"]] == [
        ([], ""),
        (["T0001", "T0001"], None),
    ]
    assert (event["actors"], event["reason"], event["reference"]) == (twice, "", "")


#: A thousand and two, in no order, one of them twice; and members whose names differ little.
_LONG = [*(f"e-{number * 7 % 1001}" for number in range(1001)), "e-1"]
_DEEP = {"A": 1, "a": 2, "__proto__": "true", "": None, "deep": nested(63, "both")}


@rules("STORE-12")
def test_lists_and_objects_of_a_whole_round_are_whole_and_in_order(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    register(store, T, "tides", 0)
    update = {"entity_id": "T0001", "status": "addressed", "actors": _LONG}
    move = {"expert_slug": "muffin", "move_type": "request", "targets": _LONG}
    entities: dict[str, Any] = {
        kind.plural: [entry(kind, contributors=_LONG)] for kind in KINDS.values()
    }
    entities["recommendations"][0]["parameters"] = _DEEP
    write(store, **entities, moves=[move], status_updates=[update])
    whole = partition(store, "tides")
    addressed = next(one for one in whole["events"] if one["event_type"] == "addressed")
    found = {
        **{str(kind): whole[kind.plural][-1]["contributors"] == _LONG for kind in KINDS.values()},
        "targets": whole["moves"][0]["targets"] == _LONG,
        "actors": addressed["actors"] == _LONG,
        "parameters": as_json(whole["recommendations"][0]["parameters"]) == as_json(_DEEP),
    }
    assert found == dict.fromkeys(found, True)


@rules("STORE-24")
def test_references_of_a_whole_round_keep_their_order_and_what_stands_there_twice(
    store: DialogueStore,
) -> None:
    begin(store, "tides")
    register(store, T, "tides", 0)
    to, own = {"type": "support", "target": "T0001"}, {"type": "address", "target": "own"}
    entities: dict[str, Any] = {
        kind.plural: [entry(kind, references=[to, own, to])] for kind in KINDS.values()
    }
    write(store, **entities | {"tensions": [entry(T, local_id="own", references=[to, to])]})
    whole = partition(store, "tides")
    as_written = [to, {"type": "address", "target": "T0101"}, to]
    found = {str(kind): whole[kind.plural][-1]["references"] for kind in KINDS.values()}
    assert found == {**dict.fromkeys(found, as_written), "tension": [to, to]}


@rules("STORE-11")
def test_scores_and_responses_of_whole_rounds_stand_under_their_own_round(
    store: DialogueStore,
) -> None:
    """Rounds of two digits too, the one that begins with it before."""
    begin(store, "tides", rounds=[], experts=["muffin"])
    numbers = (1, 10, 0, 99, 9)
    for number in numbers:
        more: dict[str, Any] = {
            "expert_scores": {"muffin": number + 1},
            "responses": {"muffin": f"In {number}."},
        }
        write(store, round=number, **more)
    found = listed(store.get_experts("tides"))[0]
    assert found["scores"] == {f"{number:02d}": number + 1 for number in numbers}
    assert found["total_score"] == 2 + 11 + 1 + 100 + 10
    assert found["raw_content"] == {f"{number:02d}": f"In {number}." for number in numbers}


# -- faults --------------------------------------------------------------------------------------------

#: Where the calls of a method stand in a round.
_LISTS = {
    **{f"register_{kind}": KINDS[kind].plural for kind in KINDS},
    "register_move": "moves",
    **{f"update_{kind}_status": "status_updates" for kind in KINDS},
}
#: What a call needs and an entry of a round does not have, or not need.
_OTHERWISE = ("dialogue_id", "round", "actors", "event_round")


def _faults() -> Iterator[tuple[str, dict[str, Any], tuple[str, str]]]:
    """Each fault of a single call as one of a round: what it is, the round, what is found."""
    for method, name in _LISTS.items():
        for fault in FAULTS[method]:
            if fault.field in ("dialogue_id", "round") or fault.code == "type_id_mismatch":
                continue
            if fault.code == "missing_field" and fault.field in _OTHERWISE:
                continue
            given = {**CALLS[method], **fault.given}
            made = {
                key: value for key, value in given.items() if key not in ("dialogue_id", "round")
            }
            what = f"{method}: {fault} {dict(fault.given)!r}"
            yield what, {name: [made]}, (fault.code, f"{name}[0].{fault.field}")


@rules("STORE-13")
def test_every_check_of_a_single_write_is_made_of_a_whole_round(store: DialogueStore) -> None:
    """Each by itself: it is the one finding."""
    ground(store)
    before = partition(store, "tides")
    differing = {}
    for what, params, finding in _faults():
        try:
            write(store, **params)
        except DialogueStoreError as refused:
            found = (refused.code, findings_of(refused))
            if found != ("validation_failed", {finding}):
                differing[what] = found
        else:
            differing[what] = ("was written", set())
    assert differing == {}
    assert partition(store, "tides") == before


@rules("STORE-13")
def test_nothing_refers_to_itself_in_a_whole_round(store: DialogueStore) -> None:
    """By each type of ref, by display id and by local id, among the refs and in a list of references."""
    begin(store, "tides")
    register(store, T, "tides", 0)
    ways: dict[str, dict[str, Any]] = {}
    for ref_type in REF_TYPES:
        own = {"type": ref_type, "target": "it"}
        ways[f"{ref_type}, display id"] = {
            "refs": [{"source": "T0001", "ref_type": ref_type, "target": "T0001"}]
        }
        ways[f"{ref_type}, local id"] = {
            "tensions": [entry(T, local_id="it")],
            "refs": [{"source": "it", "ref_type": ref_type, "target": "it"}],
        }
        ways[f"{ref_type}, reference"] = {"tensions": [entry(T, local_id="it", references=[own])]}
    found = {}
    for way, params in ways.items():
        with expect_error("validation_failed") as caught:
            write(store, **params)
        assert caught.error is not None
        found[way] = [code for code, _ in findings_of(caught.error)]
    assert found == {way: ["invalid_ref_target"] for way in ways}


# -- limits --------------------------------------------------------------------------------------------


@rules("ADDR-08")
def test_after_ninety_nine_of_a_whole_round_a_single_one_is_too_many(store: DialogueStore) -> None:
    """Of each kind, and of an expert's moves; the ninety-nine are taken, and may be of round 99."""
    begin(store, "tides", experts=["muffin", "scone"])
    entities: dict[str, Any] = {kind.plural: [entry(kind)] * 98 for kind in KINDS.values()}
    move = {"expert_slug": "muffin", "move_type": "concede"}
    store.register_round("tides", 99, 1, **entities, moves=[move] * 98)
    last = [shown(register(store, kind, "tides", 99))["seq"] for kind in KINDS.values()]
    last.append(shown(store.register_move("tides", 99, "muffin", "concede"))["seq"])
    assert last == [99] * 6
    refused = codes(
        {
            **{
                str(kind): lambda kind=kind: register(store, kind, "tides", 99)  # type: ignore[misc]
                for kind in KINDS.values()
            },
            "move": lambda: store.register_move("tides", 99, "muffin", "concede"),
        }
    )
    assert refused == dict.fromkeys(refused, "limit_exceeded")
    assert code_of(lambda: store.register_move("tides", 99, "scone", "concede")) is None


@rules("STORE-13")
def test_nine_hundred_and_ninety_nine_refs_are_taken(store: DialogueStore) -> None:
    """And the next one by itself: a round is full, a dialogue is not."""
    write(store, refs=_crowd(store, "support", 999))
    made = shown(store.register_ref("tides", "P0099", "support", "C0099"))
    assert made["source_id"] == "P0099"
    assert len(listed(store.get_refs("tides"))) == 1000


@rules("STORE-23")
def test_lists_of_more_than_a_thousand_are_whole(store: DialogueStore) -> None:
    """Of refs and of events, which a dialogue has most of."""
    refs = _crowd(store, "support", 501)
    write(store, refs=refs[:500])
    crowd = {kind.plural: [entry(kind)] * 99 for kind in (P, T, R)}
    for number in (2, 3, 4):
        write(store, round=number, **crowd)
    write(
        store, round=5, refs=[*refs[500:], *({**one, "ref_type": "oppose"} for one in refs[:500])]
    )
    whole = partition(store, "tides")
    assert [len(whole["refs"]), len(listed(store.get_refs("tides")))] == [1001, 1001]
    assert len({one["entity_id"] for one in listed(store.get_events("tides"))}) == 1188
    assert len(whole["events"]) == 1188


def _crowd(store: DialogueStore, ref_type: str, count: int) -> list[dict[str, Any]]:
    """Round 0 of ``tides`` with ninety-nine of each kind; so many refs that may be written."""
    store.create_dialogue("tides", "Which harbour?")
    crowd: dict[str, Any] = {kind.plural: [entry(kind)] * 99 for kind in KINDS.values()}
    write(store, round=0, **crowd)
    return [
        {
            "source": f"P00{at // 99 + 1:02d}",
            "ref_type": ref_type,
            "target": f"C00{at % 99 + 1:02d}",
        }
        for at in range(count)
    ]
