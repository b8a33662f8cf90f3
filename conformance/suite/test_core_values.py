"""STORE-12: what is given comes back exactly, and what cannot be kept exactly is refused."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import rfc8785

from conformance.suite.kit.builders import (
    KINDS,
    as_json,
    begin,
    codes,
    listed,
    partition,
    register,
    shown,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.sampling import INTEGERS, JSON_OBJECTS, TEXTS, for_any
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import ENTITIES

pytestmark = profile("core")

# -- texts ---------------------------------------------------------------------------------------------


def write_everywhere(store: DialogueStore, dialogue_id: str, text: str) -> None:
    """``text`` in every field that takes any text; it must not be empty."""
    d = dialogue_id
    store.create_dialogue(
        d,
        text,
        question=text,
        output_dir=text,
        background=dict.fromkeys(("subject", "description", "constraints", "situation"), text),
    )
    store.create_round(d, 0, title=text)
    store.update_round_status(d, 0, "completed", summary=text)
    store.register_expert(
        d,
        "muffin",
        text,
        "Core",
        description=text,
        focus=text,
        creation_reason=text,
        color=text,
    )
    store.record_expert_response(d, "muffin", 0, text)
    for kind in KINDS.values():
        more: dict[str, Any] = {}
        if kind.entity == "recommendation":
            more = {"parameters": {text: [text, {"a": text}]}}
        register(store, kind, d, 0, text, label=text, **more)
    store.comment_tension(d, "T0001", [text], 0, text, reference=text)
    store.register_move(d, 0, "muffin", "request", [text, "", text], context=text)
    store.register_verdict(
        d,
        "v",
        "interim",
        0,
        text,
        text,
        conditions=[text],
        vote=text,
        ethos_compliance={"fully_compliant": False, "exceptions": [text], "violations": [text]},
    )


def read_everywhere(store: DialogueStore, dialogue_id: str) -> dict[str, str]:
    """What lies in the fields that :func:`write_everywhere` fills."""
    whole = partition(store, dialogue_id)
    dialogue, expert, round = whole["dialogue"], whole["experts"][0], whole["rounds"][0]
    event, move, verdict = whole["events"][-1], whole["moves"][0], whole["verdicts"][0]
    found: dict[str, Any] = {
        **{name: dialogue[name] for name in ("title", "question", "output_dir")},
        **{f"background.{name}": text for name, text in (dialogue["background"] or {}).items()},
        "round.title": round["title"],
        "round.summary": round["summary"],
        **{
            name: expert[name]
            for name in ("role", "description", "focus", "creation_reason", "color")
        },
        "raw_content": expert["raw_content"]["00"],
        "event.actors": event["actors"][0],
        "event.reason": event["reason"],
        "event.reference": event["reference"],
        "move.targets[0]": move["targets"][0],
        "move.targets[2]": move["targets"][2],
        "move.context": move["context"],
        **{f"verdict.{name}": verdict[name] for name in ("recommendation", "description", "vote")},
        "verdict.conditions": verdict["conditions"][0],
        "exceptions": verdict["ethos_compliance"]["exceptions"][0],
        "violations": verdict["ethos_compliance"]["violations"][0],
    }
    for kind in KINDS.values():
        entity = whole[kind.plural][0]
        found[f"{kind}.label"], found[f"{kind}.text"] = entity["label"], entity[kind.text]
    ((name, member),) = whole["recommendations"][0]["parameters"].items()
    found |= {"member name": name, "in list": member[0], "in object": member[1]["a"]}
    assert len(found) == 40
    return found


SPECIAL_TEXTS = {
    "composed": "caf\u00e9 \u00c5",
    "decomposed": "cafe\u0301 A\u030a",
    "scripts": (
        "\ufb01 \u2126 \uff21 \u00bd \u0130\u0131\u00df\u1e9e\u03c2\u03c3 "
        "\U0001f9c1\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1eb\U0001f1f7 "
        "\u05e9\u05dc\u05d5\u05dd \u202eabc\u202c \u0645\u0631\u062d\u0628\u0627"
    ),
    "a NUL within": "before\0after",
    "line ends": "one\r\ntwo\rthree\n\n",
    "blanks around": " \t wide open \t\n ",
    "controls": "\0a\0\0b\x01\x07\b\t\n\x0b\f\r\x1b\x7f\x80\x85\u2028\u2029 a\r\nb\rc\n\n\0",
    "blanks": "  \t leading and trailing \u00a0\u3000 ",
    "quotes": "\"'\\`${x}%s{0}<b>&amp;\\u0041\\n/*--;",
    "edges of Unicode": "\ufeff\u0001\ud7ff\ue000\ufffd\ufffe\uffff\U00010000\U0010ffff",
    "looks like a number": "007",
    "looks like null": "null",
    "looks like truth": "true",
    "looks like a float": "1e3",
    "looks like a day": "2026-02-03",
    "looks like a moment": "2026-02-03T10:15:00+01:00",
    "looks like JSON": '{"a": [1.0, null]}',
    "one blank": " ",
    "nothing but blanks": "\u3000\t\u00a0\n",
    "long": "The tide comes in and the tide goes out. " * 700,
}


@rules("STORE-12")
@pytest.mark.parametrize("text", SPECIAL_TEXTS.values(), ids=SPECIAL_TEXTS.keys())
def test_a_text_comes_back_exactly(store: DialogueStore, text: str) -> None:
    write_everywhere(store, "tides", text)
    found = read_everywhere(store, "tides")
    assert found == dict.fromkeys(found, text)


@rules("STORE-12")
def test_any_text_comes_back_exactly(store: DialogueStore, budget: str, seed: int) -> None:
    names = iter(range(10**6))

    def check(text: str) -> None:
        name = f"tides-{next(names)}"
        write_everywhere(store, name, text)
        found = read_everywhere(store, name)
        assert found == dict.fromkeys(found, text)

    for_any(TEXTS.filter(len), check, budget=budget, seed=seed, examples=4)


@rules("STORE-12")
def test_an_empty_optional_text_stays_empty(store: DialogueStore) -> None:
    store.create_dialogue(
        "tides",
        "Tides",
        question="",
        output_dir="",
        background={"subject": "s", "description": "", "constraints": "", "situation": ""},
    )
    store.create_round("tides", 0, title="")
    store.update_round_status("tides", 0, "in_progress", summary="")
    store.register_expert(
        "tides", "muffin", "Pilot", "Core", description="", focus="", creation_reason="", color=""
    )
    register(store, KINDS["tension"], "tides", 0)
    store.comment_tension("tides", "T0001", [""], 0, "Why?", reference="")
    store.update_tension_status("tides", "T0001", "resolved", [], 0, reason="", reference="")
    register(store, KINDS["recommendation"], "tides", 0, parameters={"": "", "a": [], "b": {}})
    store.register_move("tides", 0, "muffin", "request", ["", ""], context="")
    store.register_verdict("tides", "v", "interim", 0, "r", "d", conditions=[""], vote="")
    whole = partition(store, "tides")
    dialogue, expert, move = whole["dialogue"], whole["experts"][0], whole["moves"][0]
    comment = next(e for e in whole["events"] if e["event_type"] == "commented")
    resolved = [e for e in whole["events"] if e["event_type"] == "resolved"]
    found = [
        *(
            dialogue["question"],
            dialogue["output_dir"],
            *without(dialogue["background"], "subject").values(),
        ),
        *(whole["rounds"][0]["title"], whole["rounds"][0]["summary"]),
        *(expert["description"], expert["focus"], expert["creation_reason"], expert["color"]),
        *(comment["actors"][0], comment["reference"]),
        *(event[name] for event in resolved for name in ("reason", "reference")),
        *(move["context"], *move["targets"]),
        *(whole["verdicts"][0]["vote"], *whole["verdicts"][0]["conditions"]),
    ]
    assert set(found) == {""}
    assert [event["actors"] for event in resolved] == [[] for _ in resolved]
    assert whole["recommendations"][0]["parameters"] == {"": "", "a": [], "b": {}}


@rules("STORE-12")
def test_an_empty_object_is_not_null(store: DialogueStore) -> None:
    begin(store, "tides")
    made = shown(register(store, KINDS["recommendation"], "tides", 0, parameters={}))
    none = shown(register(store, KINDS["recommendation"], "tides", 0))
    assert (made["parameters"], none["parameters"]) == ({}, None)
    assert listed(store.get_recommendations("tides")) == [made, none]


@rules("STORE-12")
def test_an_empty_required_text_is_a_missing_field(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    register(store, KINDS["tension"], "tides", 0)
    before = partition(store, "tides")
    verdict = partial(store.register_verdict, "tides", "v", "interim", 0)
    attempts: dict[str, Any] = {
        "title": partial(store.create_dialogue, "ebb", ""),
        "subject": partial(store.create_dialogue, "ebb", "Ebb", background={"subject": ""}),
        "role": partial(store.register_expert, "tides", "scone", "", "Core"),
        "response": partial(store.record_expert_response, "tides", "muffin", 0, ""),
        "recommendation": partial(verdict, "", "d"),
        "description": partial(verdict, "r", ""),
        "comment": partial(store.comment_tension, "tides", "T0001", ["judge"], 0, ""),
    }
    for kind in KINDS.values():
        attempts[f"{kind}.label"] = partial(register, store, kind, "tides", 0, label="")
        attempts[f"{kind}.text"] = partial(register, store, kind, "tides", 0, "")
    refused = codes(attempts)
    assert refused == dict.fromkeys(attempts, "missing_field")
    assert partition(store, "tides") == before
    with expect_error("dialogue_not_found"):
        store.get_dialogue("ebb")


def _texts_of_every_method(store: DialogueStore, text: str) -> dict[str, Any]:
    """A call for every place that takes a text, against a dialogue ``tides``."""
    expert = partial(store.register_expert, "tides", "scone")
    verdict = partial(store.register_verdict, "tides", "v", "interim", 0)
    ethos = {"fully_compliant": True, "exceptions": [], "violations": []}
    status = partial(store.update_tension_status, "tides", "T0001", "resolved")
    attempts: dict[str, Any] = {
        "title": partial(store.create_dialogue, "ebb", text),
        "question": partial(store.create_dialogue, "ebb", "Ebb", question=text),
        "output_dir": partial(store.create_dialogue, "ebb", "Ebb", output_dir=text),
        "subject": partial(store.create_dialogue, "ebb", "Ebb", background={"subject": text}),
        "situation": partial(
            store.create_dialogue, "ebb", "Ebb", background={"subject": "s", "situation": text}
        ),
        "role": partial(expert, text, "Core"),
        "focus": partial(expert, "Pilot", "Core", focus=text),
        "color": partial(expert, "Pilot", "Core", color=text),
        "response": partial(store.record_expert_response, "tides", "muffin", 0, text),
        "round title": partial(store.create_round, "tides", 7, title=text),
        "summary": partial(store.update_round_status, "tides", 0, "completed", summary=text),
        "targets": partial(store.register_move, "tides", 0, "muffin", "request", [text]),
        "context": partial(store.register_move, "tides", 0, "muffin", "concede", context=text),
        "recommendation": partial(verdict, text, "d"),
        "vote": partial(verdict, "r", "d", vote=text),
        "conditions": partial(verdict, "r", "d", conditions=["a", text]),
        "exceptions": partial(verdict, "r", "d", ethos_compliance={**ethos, "exceptions": [text]}),
        "actors": partial(status, [text], 0),
        "reason": partial(status, ["judge"], 0, reason=text),
        "reference": partial(status, ["judge"], 0, reference=text),
        "comment": partial(store.comment_tension, "tides", "T0001", ["judge"], 0, text),
    }
    for kind in KINDS.values():
        attempts[f"{kind}.label"] = partial(register, store, kind, "tides", 0, label=text)
        attempts[f"{kind}.text"] = partial(register, store, kind, "tides", 0, text)
    for place, parameters in {
        "value": {"a": text},
        "in list": {"a": [1, [text]]},
        "name": {text: 1},
        "inner name": {"a": [{text: None}]},
    }.items():
        attempts[f"parameters, {place}"] = partial(
            register, store, KINDS["recommendation"], "tides", 0, parameters=parameters
        )
    return attempts


@rules("STORE-12")
def test_a_lone_surrogate_is_refused_everywhere(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin"])
    register(store, KINDS["tension"], "tides", 0)
    before = partition(store, "tides")
    for text in ("\ud83e", "a\udc00b", "\udc00\ud800"):  # high, low, a pair the wrong way round
        refused = codes(_texts_of_every_method(store, text))
        assert refused == dict.fromkeys(refused, "invalid_field")
    assert partition(store, "tides") == before


# -- numbers -------------------------------------------------------------------------------------------

KEPT_NUMBERS = {
    "1.0": (1.0, "1"),
    "-1.0": (-1.0, "-1"),
    "0.0": (0.0, "0"),
    "-0.0": (-0.0, "0"),
    "1e15": (1e15, "1000000000000000"),
    "largest": (2**53 - 1, "9007199254740991"),
    "smallest": (-(2**53) + 1, "-9007199254740991"),
    "largest as a float": (float(2**53 - 1), "9007199254740991"),
    "a tenth": (0.1, "0.1"),
    "a sum": (0.1 + 0.2, "0.30000000000000004"),
    "half": (-2.5, "-2.5"),
    "tiny": (5e-324, "5e-324"),
    "small": (1e-7, "1e-07"),
    "largest with a fraction": (4503599627370495.5, "4503599627370495.5"),
    "true": (True, "true"),
    "false": (False, "false"),
    "null": (None, "null"),
}

REFUSED_NUMBERS: dict[str, Any] = {
    "2^53": 2**53,
    "-2^53": -(2**53),
    "2^53 as a float": float(2**53),
    "1e16": 1e16,
    "1e300": 1e300,
    "-1e300": -1e300,
    "a hundred digits": 10**100,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
}


@rules("STORE-12")
def test_a_number_comes_back_as_its_double(store: DialogueStore) -> None:
    begin(store, "tides")
    given = {name: [number, {"a": number}] for name, (number, _) in KEPT_NUMBERS.items()}
    register(store, KINDS["recommendation"], "tides", 0, parameters=given)
    stored = listed(store.get_recommendations("tides"))[0]["parameters"]
    assert {name: as_json(value) for name, value in stored.items()} == {
        name: f'[{kept}, {{"a": {kept}}}]' for name, (_, kept) in KEPT_NUMBERS.items()
    }


@rules("STORE-12")
def test_a_number_beyond_the_limits_is_refused(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    before = partition(store, "tides")
    recommend = partial(register, store, KINDS["recommendation"], "tides", 0)
    attempts: dict[str, Any] = {}
    for name, number in REFUSED_NUMBERS.items():
        attempts[f"parameters {name}"] = partial(recommend, parameters={"a": number})
        attempts[f"in a list {name}"] = partial(recommend, parameters={"a": [0, {"b": [number]}]})
        attempts[f"score {name}"] = partial(store.update_expert_score, "tides", "muffin", 0, number)
        attempts[f"round score {name}"] = partial(store.create_round, "tides", 1, score=number)
        attempts[f"metric {name}"] = partial(
            store.create_round, "tides", 1, metrics={"panel_size": number}
        )
        attempts[f"relevance {name}"] = partial(
            store.register_expert, "tides", "scone", "Cook", "Core", relevance=number
        )
        attempts[f"round {name}"] = partial(store.create_round, "tides", number)
    half: Any = 1.5
    attempts["fraction as a score"] = partial(store.update_expert_score, "tides", "muffin", 0, half)
    attempts["metric below 0"] = partial(store.create_round, "tides", 1, metrics={"panel_size": -1})
    refused = codes(attempts)
    assert refused == dict.fromkeys(attempts, "invalid_field")
    assert partition(store, "tides") == before


@rules("STORE-12")
def test_integers_come_back_as_integers(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[])
    top = 2**53 - 1
    given: Any = 2.0
    store.create_round("tides", given, score=given, metrics={"panel_size": given})
    store.create_round("tides", 3, score=-top, metrics={"panel_size": top})
    store.register_expert("tides", "muffin", "Pilot", "Core", first_round=given)
    store.update_expert_score("tides", "muffin", given, given)
    store.update_expert_score("tides", "muffin", 3, top - 2)
    whole = partition(store, "tides")
    seen = [
        [(round["round"], round["score"], round["panel_size"]) for round in whole["rounds"]],
        [whole["dialogue"]["total_alignment"]],
        [whole["experts"][0][name] for name in ("first_round", "scores", "total_score")],
    ]
    assert as_json(seen) == as_json(
        [[(2, 2, 2), (3, -top, top)], [2 - top], [2, {"02": 2, "03": top - 2}, top]]
    )


@rules("STORE-12")
def test_every_integer_field_is_an_integer(store: DialogueStore) -> None:
    """Types, not values: a store that keeps numbers as floats or decimals shows it here."""
    begin(store, "tides", rounds=[0, 1], experts=["muffin"])
    store.update_expert_score("tides", "muffin", 0, 4)
    for kind in KINDS.values():
        register(store, kind, "tides", 1)
    store.register_move("tides", 1, "muffin", "concede")
    store.record_convergence_signal("tides", 1, "muffin")
    store.register_verdict("tides", "v", "interim", 1, "Wait", "Tide")
    whole = partition(store, "tides")
    lists = {kind.entity: whole[kind.plural] for kind in KINDS.values()} | {
        "dialogue": [whole["dialogue"]],
        "expert": whole["experts"],
        "round": whole["rounds"],
        "verdict": whole["verdicts"],
        "move": whole["moves"],
    }
    wrong = [
        (entity, field.name, type(one[field.name]).__name__)
        for entity, ones in lists.items()
        for one in ones
        for field in ENTITIES[entity].fields
        if field.type == "int" and not field.nullable and type(one[field.name]) is not int
    ]
    assert wrong == []
    assert type(whole["experts"][0]["scores"]["00"]) is int
    assert type(whole["dialogue"]["calibrated"]) is bool
    assert type(whole["revision"]) is int
    assert type(whole["events"][0]["event_round"]) is int


@rules("STORE-12")
def test_a_total_beyond_the_limits_is_refused(store: DialogueStore) -> None:
    top = 2**53 - 1
    begin(store, "tides", rounds=[], experts=["muffin"])
    store.create_round("tides", 0, score=top)
    store.update_expert_score("tides", "muffin", 0, -top)
    before = partition(store, "tides")
    assert before["dialogue"]["total_alignment"] == top
    with expect_error("invalid_field"):
        store.create_round("tides", 1, score=1)
    assert partition(store, "tides") == before
    store.create_round("tides", 1, score=-1)
    with expect_error("invalid_field"):
        store.update_expert_score("tides", "muffin", 1, -1)
    kept = shown(store.update_expert_score("tides", "muffin", 1, 1))
    assert (kept["total_score"], kept["scores"]) == (1 - top, {"00": -top, "01": 1})


RELEVANCES: dict[str, tuple[Any, str | None]] = {
    "0": (0, "0"),
    "1": (1, "1"),
    "1.0": (1.0, "1"),
    "-0.0": (-0.0, "0"),
    "half": (0.5, "0.5"),
    "six decimals": (0.123456, "0.123456"),
    "a millionth": (0.000001, "1e-06"),
    "nearly 1": (0.999999, "0.999999"),
    "seven decimals": (0.1234567, None),
    "a sum": (0.1 + 0.2, None),
    "a third": (1 / 3, None),
    "a ten-millionth": (1e-7, None),
    "nearly 1, seven decimals": (0.9999999, None),
    "below 0": (-0.000001, None),
    "above 1": (1.000001, None),
    "2": (2, None),
}


@rules("STORE-12")
def test_relevance_is_between_0_and_1_with_six_decimals(store: DialogueStore) -> None:
    begin(store, "tides")
    outcome = codes(
        {
            name: partial(
                store.register_expert,
                "tides",
                f"e{number}",
                "Pilot",
                "Core",
                relevance=given,
            )
            for number, (name, (given, _)) in enumerate(RELEVANCES.items(), start=10)
        }
    )
    assert outcome == {
        name: None if kept else "invalid_field" for name, (_, kept) in RELEVANCES.items()
    }
    found = [json.dumps(expert["relevance"]) for expert in listed(store.get_experts("tides"))]
    assert found == [kept for _, kept in RELEVANCES.values() if kept]


# -- nested JSON ---------------------------------------------------------------------------------------


def nested(depth: int, kind: str) -> dict[str, Any]:
    """An object of so many levels, itself the first."""
    value: Any = "bottom"
    for level in range(depth - 1):
        as_list = kind == "lists" or (kind == "both" and level % 2 == 0)
        value = [value] if as_list else {"a": value}
    return {"top": value}


@rules("STORE-12")
@pytest.mark.parametrize("kind", ["lists", "objects", "both"])
def test_sixty_four_levels_are_kept_and_sixty_five_refused(store: DialogueStore, kind: str) -> None:
    begin(store, "tides")
    recommend = partial(register, store, KINDS["recommendation"], "tides", 0)
    kept = shown(recommend(parameters=nested(64, kind)))
    before = partition(store, "tides")
    assert kept["parameters"] == nested(64, kind)
    assert before["recommendations"] == [kept]
    refused = codes(
        {
            str(depth): partial(recommend, parameters=nested(depth, kind))
            for depth in (65, 66, 200, 5000)
        }
    )
    assert refused == dict.fromkeys(refused, "invalid_field")
    empty = {"a": nested(63, kind), "b": [[]] * 3}
    assert shown(recommend(parameters=empty))["parameters"] == empty


@rules("STORE-12")
def test_nested_json_comes_back(store: DialogueStore) -> None:
    given = {
        "list": [[], {}, [[]], [None, True, False, 0, "0", ""]],
        "object": {"": {"": {}}, "b": 1, "a": 2, "\U0001f9c1": 3, "\uffff": 4},
        "names": {"type": "x", "__class__": "y", "$ref": "z", "pk": "p", "a.b": 1, "a#b": 2},
        "numbers": [1, 1.5, -1, 0.1, 1e-10],
        "same words": ["a", "a", ["a"], {"a": "a"}],
    }
    begin(store, "tides")
    shown(register(store, KINDS["recommendation"], "tides", 0, parameters=given))
    stored = listed(store.get_recommendations("tides"))[0]["parameters"]
    assert as_json(stored) == as_json(given)


@rules("STORE-12")
def test_any_json_object_comes_back(store: DialogueStore, budget: str, seed: int) -> None:
    begin(store, "tides", rounds=range(7))
    written: list[Any] = []

    def check(given: dict[str, Any]) -> None:
        round = len(written) // 99
        made = shown(register(store, KINDS["recommendation"], "tides", round, parameters=given))
        assert rfc8785.dumps(made["parameters"]) == rfc8785.dumps(given)
        written.append(given)

    for_any(JSON_OBJECTS, check, budget=budget, seed=seed, examples=15)
    stored = [one["parameters"] for one in listed(store.get_recommendations("tides"))]
    assert [rfc8785.dumps(one) for one in stored] == [rfc8785.dumps(one) for one in written]


@rules("STORE-12")
def test_any_integer_comes_back(store: DialogueStore, budget: str, seed: int) -> None:
    begin(store, "tides", experts=["muffin"])

    def check(number: int) -> None:
        shown(store.update_expert_score("tides", "muffin", 0, number))
        expert = listed(store.get_experts("tides"))[0]
        assert as_json([expert["scores"], expert["total_score"]]) == as_json(
            [{"00": number}, number]
        )

    for_any(INTEGERS, check, budget=budget, seed=seed, examples=10)


# -- objects with named members, enums -----------------------------------------------------------------


@rules("STORE-12")
def test_an_object_has_its_members_and_no_others(store: DialogueStore) -> None:
    begin(store, "tides")
    before = partition(store, "tides")
    ethos: dict[str, Any] = {"fully_compliant": True, "exceptions": [], "violations": []}
    create = partial(store.create_dialogue, "ebb", "Ebb")
    verdict = partial(store.register_verdict, "tides", "v", "interim", 0, "r", "d")
    round = partial(store.create_round, "tides", 1)

    def fully(value: Any) -> dict[str, Any]:
        return {"fully_compliant": value}

    refused = codes(
        {
            "no subject": partial(create, background={"description": "d"}),
            "empty background": partial(create, background={}),
            "unknown in background": partial(create, background={"subject": "s", "mood": "m"}),
            "number in background": partial(create, background={"subject": 5}),
            "list in background": partial(create, background={"subject": "s", "situation": ["x"]}),
            "no exceptions": partial(
                verdict, ethos_compliance={"fully_compliant": True, "violations": []}
            ),
            "no violations": partial(
                verdict, ethos_compliance={"fully_compliant": True, "exceptions": []}
            ),
            "no fully_compliant": partial(
                verdict, ethos_compliance={"exceptions": [], "violations": []}
            ),
            "text for a boolean": partial(verdict, ethos_compliance={**ethos, **fully("mostly")}),
            "empty text for a boolean": partial(verdict, ethos_compliance={**ethos, **fully("")}),
            "number for a boolean": partial(verdict, ethos_compliance={**ethos, **fully(1)}),
            "list for a boolean": partial(verdict, ethos_compliance={**ethos, **fully([True])}),
            "unknown in ethos": partial(verdict, ethos_compliance={**ethos, "score": 1}),
            "text for a list": partial(verdict, ethos_compliance={**ethos, "exceptions": "x"}),
            "number in a list": partial(verdict, ethos_compliance={**ethos, "violations": [1]}),
            "unknown metric": partial(round, metrics={"score_beauty": 1}),
            "metric as text": partial(round, metrics={"panel_size": "2"}),
            "metric as truth": partial(round, metrics={"panel_size": True}),
            "metric with a fraction": partial(round, metrics={"panel_size": 1.5}),
        }
    )
    missing = (
        "no subject",
        "empty background",
        "no exceptions",
        "no violations",
        "no fully_compliant",
    )
    assert refused == {
        name: "missing_field" if name in missing else "invalid_field" for name in refused
    }
    assert partition(store, "tides") == before


ENUMS = {
    "dialogue.status": ("open", "converging", "converged", "abandoned"),
    "tier": ("Core", "Adjacent", "Wildcard"),
    "source": ("pool", "created", "retained"),
    "round.status": ("open", "in_progress", "completed"),
    "verdict_type": ("interim", "final", "minority", "dissent"),
    "confidence": ("unanimous", "strong", "split", "contested"),
    "move_type": ("defend", "challenge", "bridge", "request", "concede", "converge"),
    "perspective.status": ("open", "refined", "conceded", "merged"),
    "tension.status": ("open", "addressed", "resolved", "reopened"),
    "recommendation.status": ("proposed", "amended", "adopted", "rejected"),
    "evidence.status": ("cited", "challenged", "confirmed", "refuted"),
    "claim.status": ("asserted", "supported", "opposed", "adopted", "withdrawn"),
    "next_seq": ("perspective", "tension", "recommendation", "evidence", "claim"),
    "on_error": ("fail", "collect"),
    "ref_type": (
        *("support", "oppose", "refine", "address", "resolve", "reopen", "question", "depend"),
    ),
    "references.type": (
        *("support", "oppose", "refine", "address", "resolve", "reopen", "question", "depend"),
    ),
    "source_type": ("P", "R", "T", "E", "C"),
    "target_type": ("P", "R", "T", "E", "C"),
}


def _enums_of_every_method(store: DialogueStore, bad: str) -> dict[str, Any]:
    """A call for every enum of the contract, against a dialogue ``tides``."""
    expert = partial(store.register_expert, "tides", "scone", "Cook")
    verdict = partial(store.register_verdict, "tides", "v")
    likes = {"type": bad, "target": "T0001"}
    return {
        "dialogue.status": partial(store.update_dialogue_status, "tides", bad),
        "tier": partial(expert, bad),
        "source": partial(expert, "Core", bad),
        "round.status": partial(store.update_round_status, "tides", 0, bad),
        "verdict_type": partial(verdict, bad, 0, "r", "d"),
        "confidence": partial(verdict, "interim", 0, "r", "d", confidence=bad),
        "move_type": partial(store.register_move, "tides", 0, "muffin", bad),
        "perspective.status": partial(
            store.update_perspective_status, "tides", "P0001", bad, ["judge"], 0
        ),
        "tension.status": partial(store.update_tension_status, "tides", "T0001", bad, ["judge"], 0),
        "recommendation.status": partial(
            store.update_recommendation_status, "tides", "R0001", bad, ["judge"], 0
        ),
        "evidence.status": partial(store.update_evidence_status, "tides", "E0001", bad),
        "claim.status": partial(store.update_claim_status, "tides", "C0001", bad),
        "next_seq": partial(store.next_seq, "tides", 0, bad),
        "on_error": partial(store.load_partition, "tides", bad),
        "ref_type": partial(store.register_ref, "tides", "P0001", bad, "T0001"),
        "references.type": partial(
            store.register_claim, "tides", 0, "l", "c", [], references=[likes]
        ),
        "source_type": partial(store.register_ref, "tides", "P0001", "support", "T0001", bad),
        "target_type": partial(store.register_ref, "tides", "P0001", "support", "T0001", "P", bad),
    }


@rules("STORE-12")
def test_an_unknown_enum_value_is_refused_and_the_allowed_ones_named(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    for kind in KINDS.values():
        register(store, kind, "tides", 0)
    before = partition(store, "tides")
    unnamed: dict[tuple[str, str], list[str]] = {}
    for bad in ("unheard-of", "", "OPEN", " open", "Core\n", "\u0441ore"):
        for name, attempt in _enums_of_every_method(store, bad).items():
            code = {
                "ref_type": "invalid_ref_type",
                "references.type": "invalid_ref_type",
                "source_type": "invalid_entity_type",
                "target_type": "invalid_entity_type",
            }.get(name, "invalid_field")
            with expect_error(code) as caught:
                attempt()
            assert caught.error is not None
            told = caught.error.message + json.dumps(caught.data)
            unnamed[name, bad] = [value for value in ENUMS[name] if value not in told]
    assert {key: values for key, values in unnamed.items() if values} == {}
    assert partition(store, "tides") == before
