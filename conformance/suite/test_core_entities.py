"""The five kinds with display ids: fields, numbers, limits, and the references given with them
(ADDR-02, ADDR-08, STORE-12, STORE-24)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from conformance.suite.kit.builders import (
    KINDS,
    Kind,
    as_json,
    begin,
    changes,
    code_of,
    codes,
    listed,
    partition,
    register,
    set_status,
    shown,
    walk,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import ENTITIES

pytestmark = profile("core")

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=str)


def numbers(store: DialogueStore, dialogue_id: str, round: int) -> dict[str, Any]:
    """next_seq of every kind."""
    return {name: plain(store.next_seq(dialogue_id, round, name)) for name in KINDS}


@rules("STORE-12")
@each_kind
def test_an_entity_has_its_fields_and_defaults(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides", rounds=[7])
    store.register_tension("tides", 7, "Now?", "Now or later?", [])
    number = 2 if kind.entity == "tension" else 1
    full = shown(
        register(
            store,
            kind,
            "tides",
            7,
            "It is late.",
            label="Late",
            contributors=["scone", "muffin", "scone"],
            references=[{"type": "question", "target": "T0701"}],
            **({"parameters": {"depth": 3}} if kind.entity == "recommendation" else {}),
        )
    )
    bare = shown(register(store, kind, "tides", 7, "Later.", label="Later", contributors=[]))
    first = {
        "perspective": "open",
        "tension": "open",
        "recommendation": "proposed",
        "evidence": "cited",
        "claim": "asserted",
    }[kind.entity]
    extra: list[dict[str, Any]] = [{}, {}]
    if kind.entity == "recommendation":
        extra = [
            {"adopted_in_verdict": None, "parameters": {"depth": 3}},
            {"adopted_in_verdict": None, "parameters": None},
        ]
    common = {"dialogue_id": "tides", "round": 7, "status": first}
    assert as_json([without(one, "created_at", "updated_at") for one in (full, bare)]) == as_json(
        [
            {
                **common,
                **extra[0],
                "display_id": kind.id(7, number),
                "seq": number,
                "label": "Late",
                kind.text: "It is late.",
                "contributors": ["scone", "muffin", "scone"],
                "references": [{"type": "question", "target": "T0701"}],
            },
            {
                **common,
                **extra[1],
                "display_id": kind.id(7, number + 1),
                "seq": number + 1,
                "label": "Later",
                kind.text: "Later.",
                "contributors": [],
                "references": [],
            },
        ]
    )
    assert partition(store, "tides")[kind.plural][-2:] == [full, bare]


# -- numbers -------------------------------------------------------------------------------------------


@rules("ADDR-02", "ADDR-08")
def test_numbers_run_by_round_and_kind(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1, 2])
    plan = [
        *(("perspective", 1), ("perspective", 0), ("claim", 1), ("perspective", 1)),
        *(("tension", 2), ("tension", 0), ("perspective", 2), ("evidence", 2)),
        *(("recommendation", 1), ("claim", 1), ("recommendation", 0), ("recommendation", 1)),
        *(("evidence", 2), ("perspective", 0), ("tension", 2)),
    ]
    made = []
    for name, round in plan:
        entity = shown(register(store, KINDS[name], "tides", round))
        made.append((entity["display_id"], entity["round"], entity["seq"]))
    ids = (
        "P0101 P0001 C0101 P0102 T0201 T0001 P0201 E0201 R0101 C0102 R0001 R0102 E0202 P0002 T0202"
    )
    assert made == [(name, int(name[1:3]), int(name[3:])) for name in ids.split()]
    assert [numbers(store, "tides", round) for round in range(3)] == [
        {"perspective": 3, "tension": 2, "recommendation": 2, "evidence": 1, "claim": 1},
        {"perspective": 3, "tension": 1, "recommendation": 3, "evidence": 1, "claim": 3},
        {"perspective": 2, "tension": 3, "recommendation": 1, "evidence": 3, "claim": 1},
    ]


@rules("ADDR-02", "ADDR-08")
def test_numbers_are_each_dialogues_own(store: DialogueStore) -> None:
    for name in ("tides", "ebb"):
        begin(store, name)
    made = [
        (name, shown(register(store, KINDS["claim"], name, 0))["display_id"])
        for name in ("tides", "ebb", "tides", "tides", "ebb")
    ]
    assert made == [
        ("tides", "C0001"),
        ("ebb", "C0001"),
        ("tides", "C0002"),
        ("tides", "C0003"),
        ("ebb", "C0002"),
    ]


@rules("ADDR-02", "ADDR-08")
@each_kind
def test_a_failed_write_uses_no_number(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides", rounds=[1])
    register(store, kind, "tides", 1)
    refused = codes(
        {
            "empty label": lambda: register(store, kind, "tides", 1, label=""),
            "unknown target": lambda: register(
                store, kind, "tides", 1, references=[{"type": "question", "target": "T0199"}]
            ),
            "bad contributor": lambda: register(store, kind, "tides", 1, contributors=["a#b"]),
        }
    )
    assert None not in refused.values()
    assert numbers(store, "tides", 1)[kind.entity] == 2
    assert shown(register(store, kind, "tides", 1))["display_id"] == kind.id(1, 2)


@rules("ADDR-02", "STORE-23")
@each_kind
def test_numbers_go_on_whatever_became_of_the_others(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides", rounds=[1])
    store.register_verdict("tides", "v-interim", "interim", 1, "Wait", "Until the tide turns.")
    statuses = ENTITIES[kind.entity].by_name["status"].values
    for seq, status in enumerate(statuses, start=1):
        register(store, kind, "tides", 1)
        for step in walk(kind.entity, status):
            set_status(store, kind, "tides", kind.id(1, seq), step, event_round=1)
        assert plain(store.next_seq("tides", 1, kind.entity)) == seq + 1
    made = shown(register(store, kind, "tides", 1))
    assert made["display_id"] == kind.id(1, len(statuses) + 1)
    found = [one["status"] for one in partition(store, "tides")[kind.plural]]
    assert found == [*statuses, statuses[0]]


@rules("ADDR-08")
def test_the_hundredth_of_a_kind_in_a_round_is_refused(store: DialogueStore) -> None:
    kind = KINDS["tension"]
    begin(store, "tides", rounds=[4, 5])
    for _ in range(99):
        register(store, kind, "tides", 4, "One of many.")
    before = partition(store, "tides")
    assert [entity["display_id"] for entity in before[kind.plural]] == [
        kind.id(4, seq) for seq in range(1, 100)
    ]
    with expect_error("limit_exceeded"):
        register(store, kind, "tides", 4)
    assert partition(store, "tides") == before
    assert plain(store.next_seq("tides", 4, "tension")) == 100
    others = [other for other in KINDS.values() if other is not kind]
    made = [shown(register(store, other, "tides", 4))["display_id"] for other in others]
    assert made == [other.id(4, 1) for other in others]
    assert shown(register(store, kind, "tides", 5))["display_id"] == kind.id(5, 1)


@rules("STORE-07")
@each_kind
def test_the_same_words_twice_are_two_entities(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides")
    made = [shown(register(store, kind, "tides", 0, "Again.")) for _ in range(2)]
    assert [one["display_id"] for one in made] == [kind.id(0, 1), kind.id(0, 2)]
    assert partition(store, "tides")[kind.plural] == made


@rules("STORE-06")
@each_kind
def test_contributors_need_not_be_registered(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides")
    made = shown(register(store, kind, "tides", 0, contributors=["nobody", "no-one"]))
    assert (made["contributors"], plain(store.get_experts("tides"))) == (["nobody", "no-one"], [])


# -- references ----------------------------------------------------------------------------------------


def _targets(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1])
    for kind in KINDS.values():
        for _ in range(2):
            register(store, kind, "tides", 0)


@rules("STORE-24")
@each_kind
def test_references_are_kept_as_given_and_become_refs(store: DialogueStore, kind: Kind) -> None:
    _targets(store)
    given = [
        {"type": "support", "target": "R0002"},
        {"type": "address", "target": "T0001"},
        {"type": "support", "target": "C0001"},
        {"target": "R0002", "type": "support"},
        {"type": "refine", "target": kind.id(0, 1)},
        {"type": "oppose", "target": "R0002"},
    ]
    before = partition(store, "tides")
    made = shown(register(store, kind, "tides", 0, references=given))
    after = partition(store, "tides")
    own = kind.id(0, 3)
    assert made["references"] == given
    assert after[kind.plural][-1] == made
    assert after["refs"] == [
        {
            "dialogue_id": "tides",
            "source_id": own,
            "ref_type": ref_type,
            "target_id": target,
            "source_type": kind.letter,
            "target_type": target[0],
            "created_at": made["created_at"],
        }
        for ref_type, target in (
            ("address", "T0001"),
            ("oppose", "R0002"),
            ("refine", kind.id(0, 1)),
            ("support", "C0001"),
            ("support", "R0002"),
        )
    ]
    assert after["revision"] == before["revision"] + 1


BAD_REFERENCES: dict[str, tuple[str, Any]] = {
    "unknown type": ("invalid_ref_type", {"type": "likes", "target": "T0001"}),
    "type in capitals": ("invalid_ref_type", {"type": "Support", "target": "T0001"}),
    "bad target": ("invalid_display_id", {"type": "support", "target": "T1"}),
    "unknown target": ("entity_not_found", {"type": "support", "target": "T0099"}),
    "target in another round": ("entity_not_found", {"type": "support", "target": "T0101"}),
    "address of a claim": ("invalid_ref_target", {"type": "address", "target": "C0001"}),
    "resolve of a claim": ("invalid_ref_target", {"type": "resolve", "target": "C0001"}),
    "reopen of a claim": ("invalid_ref_target", {"type": "reopen", "target": "C0001"}),
    "no type": ("missing_field", {"target": "T0001"}),
    "no target": ("missing_field", {"type": "support"}),
    "unknown member": ("invalid_field", {"type": "support", "target": "T0001", "why": "x"}),
    "text": ("invalid_field", "support T0001"),
    "number as target": ("invalid_field", {"type": "support", "target": 1}),
}


@rules("STORE-24")
@each_kind
def test_a_bad_reference_refuses_the_entity(store: DialogueStore, kind: Kind) -> None:
    _targets(store)
    before = partition(store, "tides")
    good = {"type": "support", "target": "R0001"}
    refused = codes(
        {
            name: partial(register, store, kind, "tides", 1, references=[good, bad])
            for name, (_, bad) in BAD_REFERENCES.items()
        }
    )
    assert refused == {name: code for name, (code, _) in BAD_REFERENCES.items()}
    other = next(one for one in KINDS.values() if one is not kind)
    refine = [{"type": "refine", "target": other.id(0, 1)}]
    assert code_of(lambda: register(store, kind, "tides", 1, references=refine)) == (
        "invalid_ref_target"
    )
    assert partition(store, "tides") == before


@rules("STORE-24")
def test_a_ref_given_as_a_reference_is_the_same_ref(store: DialogueStore) -> None:
    _targets(store)
    given = [{"type": "depend", "target": "E0001"}]
    made = shown(register(store, KINDS["claim"], "tides", 0, references=given))
    assert [ref["created_at"] for ref in listed(store.get_refs("tides"))] == [made["created_at"]]
    store.register_ref("tides", "C0003", "depend", "E0001")
    assert len(listed(store.get_refs("tides"))) == 1
    before = partition(store, "tides")
    store.register_ref("tides", "C0003", "depend", "E0002")
    after = partition(store, "tides")
    assert changes(before, after) == {"+refs C0003 depend E0002"}
    assert after["claims"][-1]["references"] == given
