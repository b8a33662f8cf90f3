"""STORE-22: the id of a request that was made with another input, and ids that are none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from conformance.suite.kit.builders import (
    begin,
    call,
    calls,
    code_of,
    codes,
    partition,
    populate,
    shown,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.requests import NEW, OTHER_INPUT, told
from conformance.suite.kit.rounds import WHOLE, findings_of, harbour, write
from conformance.suite.kit.wrong_calls import CALLS, FAULTS, ground
from conformance.targets.base import Backend
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS

pytestmark = profile("idempotency")


@rules("STORE-22")
def test_another_input_under_the_same_id_is_refused(store: DialogueStore) -> None:
    """Every write, with one parameter changed; nothing is written."""
    populate(store, "tides")
    for name in OTHER_INPUT:
        told(store, name, f"r-{name}")
    before = partition(store, "tides")
    attempts = {
        name: partial(
            call, store, name, {**calls("tides")[name], **other, "request_id": f"r-{name}"}
        )
        for name, other in OTHER_INPUT.items()
    }
    assert codes(attempts) == dict.fromkeys(OTHER_INPUT, "request_mismatch")
    assert partition(store, "tides") == before


@rules("STORE-22")
def test_another_method_under_the_same_id_is_refused(store: DialogueStore) -> None:
    """Even one that takes the same parameters."""
    begin(store, "tides")
    args: Mapping[str, Any] = {"round": 0, "label": "l", "content": "c", "contributors": []}
    shown(store.register_perspective("tides", **args, request_id="r-1"))
    before = partition(store, "tides")
    others = ("register_evidence", "register_claim", "register_recommendation")
    assert codes(
        {
            **{
                name: partial(getattr(store, name), "tides", **args, request_id="r-1")
                for name in others
            },
            "create_dialogue": partial(store.create_dialogue, **NEW, request_id="r-1"),
        }
    ) == dict.fromkeys([*others, "create_dialogue"], "request_mismatch")
    assert partition(store, "tides") == before


@rules("STORE-22")
def test_another_dialogue_under_the_same_request(store: DialogueStore) -> None:
    """``create_dialogue`` with another title is another input, with no id it is a duplicate."""
    shown(store.create_dialogue(**NEW, request_id="r-1"))
    other = {**NEW, "title": "Another harbour?"}
    assert codes(
        {
            "another title": partial(store.create_dialogue, **other, request_id="r-1"),
            "another question": partial(
                store.create_dialogue, **NEW, question="", request_id="r-1"
            ),
            "another id": partial(store.create_dialogue, **NEW, request_id="r-2"),
            "no id": partial(store.create_dialogue, **NEW),
        }
    ) == {
        "another title": "request_mismatch",
        "another question": "request_mismatch",
        "another id": "duplicate_entity",
        "no id": "duplicate_entity",
    }


@rules("STORE-22")
def test_what_the_other_input_lacks_is_said_first(store: DialogueStore) -> None:
    """STORE-14: groups 1 to 6 of the second input come before the mismatch."""
    begin(store, "tides", experts=["muffin"])
    store.register_tension("tides", 0, "l", "d", [])
    shown(store.update_expert_score("tides", "muffin", 0, 2**53 - 1, request_id="r-1"))
    before = partition(store, "tides")
    score = partial(store.update_expert_score, "tides", request_id="r-1")
    store.create_round("tides", 1)
    claim = partial(store.register_claim, "tides", request_id="r-1", contributors=[], content="c")
    refine = [{"type": "refine", "target": "T0001"}]
    assert codes(
        {
            "1: missing": partial(score, "muffin", 0, None),
            "1: type": partial(score, "muffin", 0, "4"),
            "2: enum": partial(store.update_dialogue_status, "tides", "sunk", request_id="r-1"),
            "3: form": partial(score, "no slug", 0, 4),
            "4: letter": partial(
                store.update_claim_status, "tides", "T0001", "adopted", request_id="r-1"
            ),
            "5: expert": partial(score, "scone", 0, 4),
            "5: round": partial(claim, 9, "l"),
            "6: meaning": partial(score, "muffin", 1, 1),
            "6: target": partial(claim, 0, "l", references=refine),
            "7: mismatch": partial(score, "muffin", 0, 4),
        }
    ) == {
        "1: missing": "missing_field",
        "1: type": "invalid_field",
        "2: enum": "invalid_field",
        "3: form": "invalid_identifier",
        "4: letter": "type_id_mismatch",
        "5: expert": "expert_not_found",
        "5: round": "round_not_found",
        "6: meaning": "invalid_field",
        "6: target": "invalid_ref_target",
        "7: mismatch": "request_mismatch",
    }
    assert partition(store, "tides")["experts"] == before["experts"]


@rules("STORE-22")
def test_the_mismatch_is_said_before_what_else_the_state_refuses(store: DialogueStore) -> None:
    """It is the first of group 7, and all that the group finds is listed."""
    begin(store, "tides", experts=["muffin"])
    shown(store.create_round("tides", 1, request_id="r-1"))
    with expect_error("request_mismatch") as caught:
        store.register_expert("tides", "muffin", "Cook", "Core", request_id="r-1")
    assert [finding["code"] for finding in caught.data["findings"]] == [
        "request_mismatch",
        "duplicate_entity",
    ]
    with expect_error("request_mismatch") as caught:
        store.update_dialogue_status("tides", "open", request_id="r-1")
    assert [(f["code"], f["field"]) for f in caught.data["findings"]] == [
        ("request_mismatch", "request_id"),
        ("invalid_status_transition", "status"),
    ]


@rules("STORE-22")
def test_a_mismatch_leaves_the_request_as_it_was(store: DialogueStore) -> None:
    begin(store, "tides")
    claim = partial(store.register_claim, "tides", 0, "l", contributors=[], request_id="r-1")
    first = shown(claim(content="c"))
    with expect_error("request_mismatch"):
        claim(content="d")
    assert shown(claim(content="c")) == first
    with expect_error("request_mismatch"):
        claim(content="d")


@rules("STORE-22")
def test_small_differences_are_differences(store: DialogueStore) -> None:
    begin(store, "tides")
    recommend = partial(
        store.register_recommendation, "tides", 0, "l", "c", ["a", "b"], request_id="r-1"
    )
    shown(recommend(parameters={"x": 1, "y": None, "z": "\u00e9", "l": [1, 2]}))
    others: Mapping[str, Any] = {
        "true for 1": {"x": True, "y": None, "z": "\u00e9", "l": [1, 2]},
        "text for 1": {"x": "1", "y": None, "z": "\u00e9", "l": [1, 2]},
        "no null": {"x": 1, "z": "\u00e9", "l": [1, 2]},
        "another normal form": {"x": 1, "y": None, "z": "e\u0301", "l": [1, 2]},
        "another order": {"x": 1, "y": None, "z": "\u00e9", "l": [2, 1]},
        "empty": {},
        "none": None,
    }
    assert codes(
        {name: partial(recommend, parameters=value) for name, value in others.items()}
    ) == dict.fromkeys(others, "request_mismatch")


# -- ids -----------------------------------------------------------------------------------------------


@rules("STORE-22")
def test_a_request_id_is_an_identifier(store: DialogueStore) -> None:
    """On every write; a bad one is told with the parameters, and nothing is written."""
    populate(store, "tides")
    before = partition(store, "tides")
    attempts: dict[str, Any] = {}
    expected: dict[str, str] = {}
    for name in OTHER_INPUT:
        for bad, code in (("no id", "invalid_identifier"), (7, "invalid_field")):
            args = {**calls("tides")[name], "request_id": bad}
            attempts[f"{name} {bad}"] = partial(call, store, name, args)
            expected[f"{name} {bad}"] = code
    assert codes(attempts) == expected
    assert partition(store, "tides") == before


@rules("STORE-22")
def test_forms_of_request_ids(store: DialogueStore) -> None:
    begin(store, "tides")
    good = ("a", "9", "x" * 96, "0190a-7.b_C", "head", "request")
    bad = ("", "-a", "x" * 97, "a#b", "a/b", "a:b", "\u00e9", "a\x00")
    attempts = {
        name: partial(store.register_claim, "tides", 0, "l", "c", [], request_id=name)
        for name in (*good, *bad)
    }
    assert codes(attempts) == {
        **dict.fromkeys(good, None),
        **dict.fromkeys(bad, "invalid_identifier"),
    }
    assert len(partition(store, "tides")["claims"]) == len(good)


@rules("STORE-22")
def test_a_bad_request_id_is_listed_with_the_rest(store: DialogueStore) -> None:
    begin(store, "tides")
    with expect_error("invalid_identifier") as caught:
        store.register_expert("tides", "no slug", "Cook", "Core", request_id="no id")
    assert [finding["field"] for finding in caught.data["findings"]] == [
        "expert_slug",
        "request_id",
    ]
    with expect_error("invalid_identifier", field="request_id"):
        store.create_dialogue("ebb", "Which way?", request_id="no id")


# -- every parameter -------------------------------------------------------------------------------------

#: For each parameter of a whole round another value, as good as that of ``WHOLE``; of a list, another order
#: of the same.
_OTHER_ROUND: Mapping[str, Any] = {
    "round": 2,
    "score": 8,
    "title": "Third watch",
    "summary": None,
    "metrics": {"score_wisdom": 3, "panel_size": 3},
    "perspectives": [{**WHOLE["perspectives"][0], "content": "Late."}, WHOLE["perspectives"][1]],
    "tensions": [{**WHOLE["tensions"][0], "contributors": []}],
    "recommendations": [{**WHOLE["recommendations"][0], "parameters": {"depth": 12.5}}],
    "evidence": [{**WHOLE["evidence"][0], "label": "In full"}],
    "claims": WHOLE["claims"][::-1],
    "moves": WHOLE["moves"][::-1],
    "refs": WHOLE["refs"][::-1],
    "status_updates": WHOLE["status_updates"][::-1],
    "expert_scores": {"muffin": 4, "scone": -2},
    "responses": {"muffin": "I would not wait."},
    "signals": WHOLE["signals"][::-1],
}
_PARAMS = {param.name for param in METHODS["register_round"].params} - {"dialogue_id"}
if set(_OTHER_ROUND) != _PARAMS:
    raise NotImplementedError(f"another value is wanted for {sorted(_PARAMS - set(_OTHER_ROUND))}")


@rules("STORE-22")
def test_every_parameter_of_a_whole_round_is_part_of_its_input(backend: Backend) -> None:
    """And the order of each list; where the backend has profile batch, else of one entity's list."""
    store = backend.store
    harbour(store)
    if "batch" in backend.claims():
        shown(write(store, **WHOLE, request_id="r-1"))
        attempts = {
            name: partial(write, store, **{**WHOLE, name: value}, request_id="r-1")
            for name, value in _OTHER_ROUND.items()
        }
        assert codes(attempts) == dict.fromkeys(attempts, "request_mismatch")
    claim = partial(store.register_claim, "tides", 0, "l", "c", request_id="r-2")
    shown(claim(["scone", "muffin"]))
    with expect_error("request_mismatch"):
        claim(["muffin", "scone"])


#: Parameters of single writes, each with another value that is as good in the dialogue of ``ground``.
_OTHER_VALUE: Mapping[str, Any] = {
    "expert_slug": "scone",
    "tier": "Adjacent",
    "source": "created",
    "calibrated": False,
    "relevance": 0.25,
    "metrics": {"panel_size": 2},
    "parameters": {"a": 2},
    "background": {"subject": "s", "situation": ""},
    "contributors": ["muffin", "muffin"],
    "references": [{"type": "support", "target": "C0001"}],
    "actors": [],
    "targets": ["C0001"],
    "conditions": [],
    "supporting_experts": [],
    "tensions_accepted": ["T0002"],
    "ethos_compliance": {"fully_compliant": False, "exceptions": [], "violations": []},
    "confidence": "strong",
    "verdict_type": "dissent",
    "move_type": "challenge",
    "ref_type": "question",
    "target_id": "C0002",
    "source_id": "P0002",
    "source_type": "P",
    "target_type": "C",
    "result_id": "E0002",
    "domain_id": "land",
    "ethos_id": "storm",
    "author_expert": "scone",
    "event_round": 9,
    "first_round": 9,
    "score": 2,
}


def _other_value(method: str, name: str, value: Any) -> Any:
    """Another good value of a parameter, None where there is none to be had."""
    if name in (
        "dialogue_id",
        "verdict_id",
        "status",
    ):  # others of these are told by their own cases
        return None
    if method == "register_expert" and name == "expert_slug":
        return "tart"
    if name == "entity_id":
        return f"{value[:-1]}2"
    if name == "round":
        return 2 if method == "create_round" else 9
    return _OTHER_VALUE.get(name, f"{value} ")


@rules("STORE-22")
def test_every_parameter_of_a_write_is_part_of_its_input(store: DialogueStore) -> None:
    """One parameter after the other is given otherwise under the same request."""
    ground(store)
    store.register_expert("tides", "scone", "Pilot", "Core")
    found = {}
    for method, given in CALLS.items():
        if method == "update_dialogue_status":  # the dialogue has ended
            continue
        named = {**given, "request_id": f"r-{method}"}
        shown(call(store, method, named))
        for name, value in given.items():
            other = _other_value(method, name, value)
            if other is not None:
                attempt = partial(call, store, method, {**named, name: other})
                found[f"{method}: {name}"] = code_of(attempt)
    assert found == dict.fromkeys(found, "request_mismatch")


@rules("STORE-22", "STORE-14")
def test_a_mismatch_hides_nothing_else_of_the_last_group(store: DialogueStore) -> None:
    """What the state refuses besides is listed with it."""
    ground(store)
    shown(store.register_expert("tides", "scone", "Pilot", "Core", request_id="r-1"))
    found, expected = {}, {}
    for method, faults in FAULTS.items():
        for fault in faults:
            if fault.group != 7:
                continue
            given = {**CALLS[method], **fault.given, "request_id": "r-1"}
            name = f"{method}: {fault}"
            try:
                call(store, method, given)
            except DialogueStoreError as refused:
                found[name] = (refused.code, findings_of(refused))
            expected[name] = (
                "request_mismatch",
                {("request_mismatch", "request_id"), fault.finding},
            )
    assert found == expected
