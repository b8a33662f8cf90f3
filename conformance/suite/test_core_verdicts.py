"""Verdicts: fields, identity, what they name (STORE-06, STORE-07, STORE-10, STORE-12)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from conformance.suite.kit.builders import (
    KINDS,
    as_json,
    begin,
    changes,
    codes,
    listed,
    partition,
    register,
    set_status,
    shown,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("core")


@rules("STORE-12")
@pytest.mark.parametrize("confidence", ["unanimous", "strong", "split", "contested"])
def test_a_verdict_has_its_fields_and_defaults(store: DialogueStore, confidence: str) -> None:
    begin(store, "tides", rounds=[6])
    register(store, KINDS["tension"], "tides", 6)
    register(store, KINDS["tension"], "tides", 6)
    full = shown(
        store.register_verdict(
            "tides",
            "b-verdict",
            "minority",
            6,
            "Wait",
            "For the tide.",
            author_expert="muffin",
            conditions=["no swell", "", "no swell"],
            vote="2:1",
            confidence=confidence,
            supporting_experts=["scone", "muffin"],
            tensions_accepted=["T0602", "T0601"],
            ethos_compliance={
                "fully_compliant": False,
                "exceptions": ["speed", ""],
                "violations": [],
            },
        )
    )
    bare = shown(store.register_verdict("tides", "a-verdict", "final", 6, "Land", "Now."))
    empty = shown(
        store.register_verdict(
            "tides",
            "c-verdict",
            "dissent",
            6,
            "Turn back",
            "Now.",
            conditions=[],
            supporting_experts=[],
            tensions_accepted=[],
            ethos_compliance={"fully_compliant": True, "exceptions": [], "violations": ["x"]},
        )
    )
    nothing: dict[str, Any] = {
        "confidence": None,
        "author_expert": None,
        "conditions": None,
        "vote": None,
        "supporting_experts": None,
        "tensions_accepted": None,
        "ethos_compliance": None,
    }
    common = {"dialogue_id": "tides", "round": 6}
    got = [without(one, "created_at") for one in (full, bare, empty)]
    assert as_json(got) == as_json(
        [
            {
                **common,
                "verdict_id": "b-verdict",
                "verdict_type": "minority",
                "confidence": confidence,
                "author_expert": "muffin",
                "recommendation": "Wait",
                "description": "For the tide.",
                "conditions": ["no swell", "", "no swell"],
                "vote": "2:1",
                "supporting_experts": ["scone", "muffin"],
                "tensions_accepted": ["T0602", "T0601"],
                "ethos_compliance": {
                    "fully_compliant": False,
                    "exceptions": ["speed", ""],
                    "violations": [],
                },
            },
            {
                **common,
                **nothing,
                "verdict_id": "a-verdict",
                "verdict_type": "final",
                "recommendation": "Land",
                "description": "Now.",
            },
            {
                **common,
                **nothing,
                "verdict_id": "c-verdict",
                "verdict_type": "dissent",
                "recommendation": "Turn back",
                "description": "Now.",
                "conditions": [],
                "supporting_experts": [],
                "tensions_accepted": [],
                "ethos_compliance": {
                    "fully_compliant": True,
                    "exceptions": [],
                    "violations": ["x"],
                },
            },
        ]
    )
    assert listed(store.get_verdicts("tides")) == [full, bare, empty]


@rules("STORE-07")
@pytest.mark.parametrize("verdict_type", ["interim", "final"])
def test_a_verdict_is_registered_once(store: DialogueStore, verdict_type: str) -> None:
    begin(store, "tides", rounds=[0, 1])
    store.register_verdict("tides", "v", "interim", 0, "Wait", "For the tide.")
    before = partition(store, "tides")
    with expect_error("duplicate_entity"):
        store.register_verdict("tides", "v", verdict_type, 1, "Land", "Now.")
    assert partition(store, "tides") == before
    assert before["dialogue"]["status"] == "open"


@rules("STORE-06")
def test_accepted_tensions_must_be_there_and_be_tensions(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1])
    register(store, KINDS["tension"], "tides", 0)
    register(store, KINDS["claim"], "tides", 0)
    before = partition(store, "tides")
    verdict = partial(store.register_verdict, "tides", "v", "final", 0, "Wait", "For the tide.")
    refused = codes(
        {
            "unknown": partial(verdict, tensions_accepted=["T0001", "T0002"]),
            "in another round": partial(verdict, tensions_accepted=["T0101"]),
            "a claim": partial(verdict, tensions_accepted=["C0001"]),
            "an unknown claim": partial(verdict, tensions_accepted=["C0099"]),
            "no id": partial(verdict, tensions_accepted=["all"]),
        }
    )
    assert refused == {
        "unknown": "entity_not_found",
        "in another round": "entity_not_found",
        "a claim": "type_id_mismatch",
        "an unknown claim": "type_id_mismatch",
        "no id": "invalid_display_id",
    }
    assert partition(store, "tides") == before


@rules("STORE-06")
def test_experts_of_a_verdict_need_not_be_registered(store: DialogueStore) -> None:
    begin(store, "tides")
    made = shown(
        store.register_verdict(
            "tides",
            "v",
            "interim",
            0,
            "Wait",
            "Tide",
            author_expert="nobody",
            supporting_experts=["no-one"],
        )
    )
    whole = partition(store, "tides")
    assert (whole["verdicts"], whole["experts"]) == ([made], [])


@rules("STORE-10")
def test_a_verdict_changes_nothing_it_names(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    register(store, KINDS["tension"], "tides", 0)
    register(store, KINDS["recommendation"], "tides", 0)
    before = partition(store, "tides")
    store.register_verdict(
        "tides",
        "v",
        "interim",
        0,
        "R0001",
        "For the tide.",
        author_expert="muffin",
        tensions_accepted=["T0001"],
    )
    assert changes(before, partition(store, "tides")) == {"+verdicts v"}


@rules("STORE-10")
def test_later_writes_leave_a_verdict_as_it_was(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1])
    register(store, KINDS["tension"], "tides", 0)
    register(store, KINDS["recommendation"], "tides", 0)
    made = shown(
        store.register_verdict(
            "tides", "v-interim", "interim", 0, "Wait", "Tide", tensions_accepted=["T0001"]
        )
    )
    set_status(store, KINDS["tension"], "tides", "T0001", "resolved")
    set_status(store, KINDS["recommendation"], "tides", "R0001", "adopted")
    store.register_verdict("tides", "v-2", "final", 1, "Land", "Now.")
    assert listed(store.get_verdicts("tides"))[0] == made
