"""STORE-14: the groups of validation, their order, and all findings of the group that ends a call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from conformance.running.session import World
from conformance.suite.kit.builders import (
    CORE_METHODS,
    KINDS,
    begin,
    call,
    calls,
    code_of,
    codes,
    partition,
    register,
    shown,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS

pytestmark = profile("core")

CREATE = {"create_dialogue": {"dialogue_id": "ebb", "title": "Ebb"}}


def _findings(attempt: Callable[[], object]) -> list[tuple[str, str]]:
    """(code, field) of the error itself, then of each of its findings."""
    try:
        attempt()
    except DialogueStoreError as refused:
        findings = refused.data.get("findings", [])
        return [(refused.code, "*"), *((one["code"], one["field"]) for one in findings)]
    return []


def _scene(store: DialogueStore) -> None:
    """One of each kind in round 1, an expert and a verdict."""
    begin(store, "tides", rounds=[1], experts=["muffin"])
    for kind in KINDS.values():
        register(store, kind, "tides", 1)
    store.register_verdict("tides", "v-interim", "interim", 1, "Wait", "For the tide.")


# -- the order of the groups ---------------------------------------------------------------------------


@rules("STORE-14")
def test_a_closed_store_says_so_before_anything_else(world: World) -> None:
    store = world.open().store
    begin(store, "tides")
    store.close()
    refused = codes(
        {
            "missing": lambda: store.create_dialogue("ebb", None),  # type: ignore[arg-type]
            "bad id": lambda: store.get_dialogue("a#b"),
            "unknown": lambda: store.get_dialogue("ebb"),
            "duplicate": lambda: store.create_dialogue("tides", "Tides"),
        }
    )
    assert refused == dict.fromkeys(refused, "store_closed")


@rules("STORE-14")
def test_the_groups_of_a_status_change(store: DialogueStore) -> None:
    """Every fault at once, then one group of them mended at a time."""
    _scene(store)
    args: dict[str, Any] = {
        "dialogue_id": "no/such",
        "entity_id": "R1",
        "status": "liked",
        "actors": None,
        "event_round": 100,
        "verdict_id": "v#1",
        "result_id": "P0000",
    }
    mended: list[tuple[str, dict[str, Any]]] = [
        ("missing_field", {}),
        ("invalid_field", {"actors": ["judge"]}),
        ("invalid_identifier", {"status": "adopted"}),
        (
            "type_id_mismatch",
            {
                "dialogue_id": "ebb",
                "entity_id": "T0099",
                "event_round": 50,
                "verdict_id": "v-other",
                "result_id": "P0099",
            },
        ),
        ("dialogue_not_found", {"entity_id": "R0099"}),
        ("round_not_found", {"dialogue_id": "tides"}),
        ("entity_not_found", {"event_round": 1}),
        ("entity_not_found", {"entity_id": "R0101"}),
        ("entity_not_found", {"result_id": "P0101"}),
        ("invalid_field", {"status": "proposed", "verdict_id": "v-interim"}),
        ("invalid_status_transition", {"verdict_id": None}),
    ]
    before = partition(store, "tides")
    seen = []
    for _, better in mended:
        args |= better
        seen.append(code_of(partial(store.update_recommendation_status, **args)))
    assert seen == [code for code, _ in mended]
    assert partition(store, "tides") == before
    args |= {"status": "adopted", "verdict_id": "v-interim"}
    assert shown(store.update_recommendation_status(**args))["status"] == "adopted"


@rules("STORE-14")
def test_the_groups_of_a_ref(store: DialogueStore) -> None:
    _scene(store)
    args: dict[str, Any] = {
        "dialogue_id": "ebb",
        "source_id": "P1",
        "ref_type": "likes",
        "target_id": 5,
        "source_type": "T",
        "target_type": "X",
    }
    mended: list[tuple[str, dict[str, Any]]] = [
        ("invalid_field", {}),
        ("invalid_ref_type", {"target_id": "C9999"}),
        ("invalid_entity_type", {"ref_type": "address"}),
        ("invalid_display_id", {"target_type": "T"}),
        ("type_id_mismatch", {"source_id": "P0199"}),
        ("dialogue_not_found", {"source_type": "P", "target_type": "C"}),
        ("entity_not_found", {"dialogue_id": "tides"}),
        ("entity_not_found", {"source_id": "P0101"}),
        ("invalid_ref_target", {"target_id": "C0101"}),
    ]
    seen = []
    for _, better in mended:
        args |= better
        seen.append(code_of(partial(store.register_ref, **args)))
    assert seen == [code for code, _ in mended]
    args |= {"ref_type": "question"}
    assert shown(store.register_ref(**args))["target_id"] == "C0101"


@rules("STORE-14")
def test_the_groups_of_a_move(store: DialogueStore) -> None:
    _scene(store)
    args: dict[str, Any] = {
        "dialogue_id": "ebb",
        "round": 1.5,
        "expert_slug": "nobody#",
        "move_type": "shrug",
        "targets": ["P9"],
    }
    mended: list[tuple[str, dict[str, Any]]] = [
        ("invalid_field", {}),
        ("invalid_field", {"round": 100}),
        ("invalid_round", {"move_type": "defend"}),
        ("invalid_identifier", {"round": 50}),
        ("invalid_display_id", {"expert_slug": "nobody"}),
        ("dialogue_not_found", {"targets": ["P0999"]}),
        ("round_not_found", {"dialogue_id": "tides"}),
        ("expert_not_found", {"round": 1}),
        ("entity_not_found", {"expert_slug": "muffin"}),
        ("invalid_field", {"move_type": "converge", "targets": ["P0101"]}),
    ]
    seen = []
    for _, better in mended:
        args |= better
        seen.append(code_of(partial(store.register_move, **args)))
    assert seen == [code for code, _ in mended]
    args |= {"move_type": "defend"}
    assert shown(store.register_move(**args))["targets"] == ["P0101"]


@rules("STORE-14")
def test_the_groups_of_a_verdict(store: DialogueStore) -> None:
    _scene(store)
    store.update_dialogue_status("tides", "abandoned")
    args: dict[str, Any] = {
        "dialogue_id": "ebb",
        "verdict_id": "v-interim",
        "verdict_type": "last",
        "round": 50,
        "recommendation": "",
        "description": "For the tide.",
        "author_expert": "a b",
        "confidence": "high",
        "tensions_accepted": ["C0999"],
    }
    mended: list[tuple[str, dict[str, Any]]] = [
        ("missing_field", {}),
        ("invalid_field", {"recommendation": "Wait"}),
        ("invalid_field", {"verdict_type": "final"}),
        ("invalid_identifier", {"confidence": "strong"}),
        ("type_id_mismatch", {"author_expert": "nobody"}),
        ("dialogue_not_found", {"tensions_accepted": ["T0999"]}),
        ("round_not_found", {"dialogue_id": "tides"}),
        ("entity_not_found", {"round": 1}),
        ("duplicate_entity", {"tensions_accepted": ["T0101"], "verdict_type": "interim"}),
        ("invalid_status_transition", {"verdict_id": "v-new", "verdict_type": "final"}),
    ]
    seen = []
    for _, better in mended:
        args |= better
        seen.append(code_of(partial(store.register_verdict, **args)))
    assert seen == [code for code, _ in mended]
    args |= {"verdict_type": "interim"}
    assert shown(store.register_verdict(**args))["verdict_id"] == "v-new"


@rules("STORE-14")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_the_groups_of_a_registration(store: DialogueStore, kind: Any) -> None:
    begin(store, "tides", rounds=[0, 1])
    register(store, KINDS["claim"], "tides", 0)
    args: dict[str, Any] = {
        "dialogue_id": "ebb",
        "round": 100,
        "text": "",
        "contributors": ["a b"],
        "references": [{"type": "likes", "target": "T0"}],
    }
    mended: list[tuple[str, dict[str, Any]]] = [
        ("missing_field", {}),
        ("invalid_ref_type", {"text": "It is late."}),
        ("invalid_round", {"references": [{"type": "address", "target": "T0"}]}),
        ("invalid_identifier", {"round": 50}),
        ("invalid_display_id", {"contributors": ["nobody"]}),
        ("dialogue_not_found", {"references": [{"type": "address", "target": "C0099"}]}),
        ("round_not_found", {"dialogue_id": "tides"}),
        ("entity_not_found", {"round": 1}),
        ("invalid_ref_target", {"references": [{"type": "address", "target": "C0001"}]}),
    ]
    seen = []
    for _, better in mended:
        args |= better
        seen.append(code_of(partial(register, store, kind, **args)))
    assert seen == [code for code, _ in mended]
    args |= {"references": [{"type": "support", "target": "C0001"}]}
    assert shown(register(store, kind, **args))["display_id"][:3] == f"{kind.letter}01"


@rules("STORE-14")
def test_what_is_there_already_is_said_after_what_is_wrong(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    store.register_verdict("tides", "v", "interim", 0, "Wait", "Until the tide turns.")
    verdict = partial(store.register_verdict, "tides", "v")
    seen = codes(
        {
            "dialogue": lambda: store.create_dialogue("tides", ""),
            "expert": lambda: store.register_expert("tides", "muffin", "", "Core"),
            "tier": lambda: store.register_expert("tides", "muffin", "Pilot", "core"),
            "first_round": lambda: store.register_expert(
                "tides", "muffin", "Pilot", "Core", first_round=100
            ),
            "round": lambda: store.create_round("tides", 0, score="1"),  # type: ignore[arg-type]
            "verdict": lambda: verdict("interim", 0, "", "Tide"),
            "author": lambda: verdict("interim", 0, "Wait", "Tide", author_expert="a b"),
            "no round": lambda: verdict("interim", 7, "Wait", "Tide"),
            "no tension": lambda: verdict("interim", 0, "Wait", "T", tensions_accepted=["T0001"]),
            "alone": lambda: verdict("interim", 0, "Wait", "Tide"),
        }
    )
    assert list(seen.values()) == [
        "missing_field",
        "missing_field",
        "invalid_field",
        "invalid_round",
        "invalid_field",
        "missing_field",
        "invalid_identifier",
        "round_not_found",
        "entity_not_found",
        "duplicate_entity",
    ]


@rules("STORE-14")
def test_a_full_round_is_said_after_what_is_wrong(store: DialogueStore) -> None:
    begin(store, "tides")
    register(store, KINDS["tension"], "tides", 0)
    for _ in range(99):
        register(store, KINDS["claim"], "tides", 0)
    seen = []
    for ref_type, target in (
        ("likes", "T0001"),
        ("support", "T1"),
        ("support", "T0002"),
        ("address", "C0001"),
        ("address", "T0001"),
    ):
        references = [{"type": ref_type, "target": target}]
        attempt = partial(register, store, KINDS["claim"], "tides", 0, references=references)
        seen.append(code_of(attempt))
    assert seen == [
        "invalid_ref_type",
        "invalid_display_id",
        "entity_not_found",
        "invalid_ref_target",
        "limit_exceeded",
    ]


@rules("STORE-14")
def test_a_too_large_item_is_found_last(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    large = "x" * (410 * 1024)
    seen = codes(
        {
            "missing": lambda: store.register_claim("tides", 0, "", large, []),
            "identifier": lambda: store.register_claim("tides", 0, "l", large, ["a b"]),
            "dialogue": lambda: store.register_claim("ebb", 0, "l", large, []),
            "round": lambda: store.register_claim("tides", 7, "l", large, []),
            "target": lambda: store.register_claim(
                "tides", 0, "l", large, [], [{"type": "support", "target": "T0001"}]
            ),
            "duplicate": lambda: store.register_expert("tides", "muffin", large, "Core"),
            "alone": lambda: store.register_claim("tides", 0, "l", large, []),
        }
    )
    assert list(seen.values()) == [
        "missing_field",
        "invalid_identifier",
        "dialogue_not_found",
        "round_not_found",
        "entity_not_found",
        "duplicate_entity",
        "item_too_large",
    ]


# -- all findings of a group ---------------------------------------------------------------------------


@rules("STORE-14")
def test_every_missing_or_wrong_value_is_listed(store: DialogueStore) -> None:
    begin(store, "tides")
    found = _findings(
        lambda: store.register_expert(
            "tides",
            "muffin",
            "",
            "Core",
            description=5,  # type: ignore[arg-type]
            relevance=1.5,
            color=["teal"],  # type: ignore[arg-type]
        )
    )
    assert found == [
        ("missing_field", "*"),
        ("missing_field", "role"),
        ("invalid_field", "description"),
        ("invalid_field", "relevance"),
        ("invalid_field", "color"),
    ]


@rules("STORE-14")
def test_every_unknown_enum_value_is_listed(store: DialogueStore) -> None:
    begin(store, "tides")
    experts = _findings(
        lambda: store.register_expert("tides", "a b", "Pilot", "core", source="drawer")
    )
    refs = _findings(
        lambda: store.register_claim(
            "tides",
            0,
            "l",
            "c",
            ["a b"],
            [
                {"type": "support", "target": "T1"},
                {"type": "likes", "target": "T2"},
                {"type": "", "target": "T0001"},
            ],
        )
    )
    assert experts == [
        ("invalid_field", "*"),
        ("invalid_field", "tier"),
        ("invalid_field", "source"),
    ]
    assert refs == [
        ("invalid_ref_type", "*"),
        ("invalid_ref_type", "references[1].type"),
        ("invalid_ref_type", "references[2].type"),
    ]


@rules("STORE-14")
def test_every_malformed_id_is_listed(store: DialogueStore) -> None:
    begin(store, "tides")
    found = _findings(
        lambda: store.register_claim(
            "tides#",
            100,
            "l",
            "c",
            ["muffin", "a b", "scone", ""],
            [{"type": "support", "target": "T1"}, {"type": "support", "target": "T0001"}],
        )
    )
    assert found == [
        ("invalid_identifier", "*"),
        ("invalid_identifier", "dialogue_id"),
        ("invalid_round", "round"),
        ("invalid_identifier", "contributors[1]"),
        ("invalid_identifier", "contributors[3]"),
        ("invalid_display_id", "references[0].target"),
    ]


@rules("STORE-14")
def test_every_mismatch_is_listed(store: DialogueStore) -> None:
    begin(store, "tides")
    found = _findings(
        lambda: store.register_ref(
            "tides", "P0001", "support", "C0001", source_type="T", target_type="E"
        )
    )
    verdict = _findings(
        lambda: store.register_verdict(
            "tides", "v", "interim", 0, "r", "d", tensions_accepted=["C0001", "T0001", "P0001"]
        )
    )
    assert sorted(found) == [
        ("type_id_mismatch", "*"),
        ("type_id_mismatch", "source_type"),
        ("type_id_mismatch", "target_type"),
    ]
    assert verdict == [
        ("type_id_mismatch", "*"),
        ("type_id_mismatch", "tensions_accepted[0]"),
        ("type_id_mismatch", "tensions_accepted[2]"),
    ]


@rules("STORE-14")
def test_everything_that_is_not_there_is_listed(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0])
    register(store, KINDS["tension"], "tides", 0)
    claim = _findings(
        lambda: store.register_claim(
            "tides",
            7,
            "l",
            "c",
            [],
            [
                {"type": "support", "target": "R0001"},
                {"type": "support", "target": "T0001"},
                {"type": "address", "target": "C0002"},
            ],
        )
    )
    move = _findings(
        lambda: store.register_move("tides", 7, "nobody", "defend", ["T0001", "T0002"])
    )
    assert claim == [
        ("round_not_found", "*"),
        ("round_not_found", "round"),
        ("entity_not_found", "references[0].target"),
        ("entity_not_found", "references[2].target"),
    ]
    assert move == [
        ("round_not_found", "*"),
        ("round_not_found", "round"),
        ("expert_not_found", "expert_slug"),
        ("entity_not_found", "targets[1]"),
    ]


@rules("STORE-14")
def test_every_reference_against_the_rules_is_listed(store: DialogueStore) -> None:
    begin(store, "tides")
    for kind in KINDS.values():
        register(store, kind, "tides", 0)
    found = _findings(
        lambda: store.register_claim(
            "tides",
            0,
            "l",
            "c",
            [],
            [
                {"type": "address", "target": "E0001"},
                {"type": "address", "target": "T0001"},
                {"type": "refine", "target": "T0001"},
                {"type": "refine", "target": "C0001"},
            ],
        )
    )
    assert [code for code, _ in found] == ["invalid_ref_target"] * 3
    assert [field.split(".")[0] for _, field in found[1:]] == ["references[0]", "references[2]"]


@rules("STORE-14")
def test_a_finding_says_what_and_what_to_do(store: DialogueStore) -> None:
    begin(store, "tides")
    with expect_error("missing_field") as caught:
        store.register_claim("tides", 0, "", "", ["a b"])
    findings = caught.data["findings"]
    assert [one["field"] for one in findings] == ["label", "content"]
    assert [
        sorted(name for name in ("code", "field", "message", "suggestion") if one.get(name))
        for one in findings
    ] == [["code", "field", "message", "suggestion"]] * 2


# -- every parameter of every method -------------------------------------------------------------------

_REQUIRED = [
    (method, param.name)
    for method in CORE_METHODS
    for param in METHODS[method].params
    if param.required
]


@rules("STORE-14")
def test_none_for_a_required_value_is_a_missing_field(store: DialogueStore) -> None:
    begin(store, "tides")
    before = partition(store, "tides")
    valid = calls("tides") | CREATE
    found = {
        (method, name): _findings(partial(call, store, method, {**valid[method], name: None}))
        for method, name in _REQUIRED
    }
    assert found == {
        (method, name): [("missing_field", "*"), ("missing_field", name)]
        for method, name in _REQUIRED
    }
    assert partition(store, "tides") == before


def _wrong_types(written: str) -> list[Any]:
    """Values of another type than the contract writes for a parameter."""
    if written.startswith("int"):
        return ["1", 1.5, True, [1], float("nan"), 2**53]
    if written.startswith("number"):
        return ["0.5", True, [0.5], float("inf")]
    if written.startswith("list"):
        return ["muffin", {"a": "b"}, 5, [5], [None], [["muffin"]]]
    if written.startswith("object"):
        return ["{}", [], 5, True]
    if written == "bool":
        return ["true", 1, 0, []]
    return [5, True, ["text"], {"text": "text"}, 1.5]  # text, ids, enums


@rules("STORE-14")
def test_a_value_of_another_type_is_an_invalid_field(store: DialogueStore) -> None:
    begin(store, "tides")
    before = partition(store, "tides")
    table = {
        f"{method}({param.name}={value!r})": partial(
            call, store, method, {**valid, param.name: value}
        )
        for method, valid in (calls("tides") | CREATE).items()
        for param in METHODS[method].params
        for value in _wrong_types(param.type)
    }
    taken = {name: code for name, code in codes(table).items() if code != "invalid_field"}
    assert taken == {}
    assert partition(store, "tides") == before


@rules("STORE-14")
def test_an_unknown_parameter_is_refused(store: DialogueStore) -> None:
    begin(store, "tides")
    before = partition(store, "tides")
    outcome = codes(
        {
            name: partial(call, store, name, {**args, "colour": "teal"})
            for name, args in (calls("tides") | CREATE).items()
        }
    )
    allowed = ("invalid_field", "TypeError is no error of the contract")
    assert {name: code for name, code in outcome.items() if code not in allowed} == {}
    assert partition(store, "tides") == before
