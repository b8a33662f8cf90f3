"""STORE-15 as far as profile core goes: 300 KiB is kept, 410 KiB refused, and a partition has no limit."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from conformance.suite.kit.builders import (
    KINDS,
    Kind,
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
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("core")

KIB = 1024


def prose(size: int, salt: str = "") -> str:
    """So many bytes of ASCII in which no part repeats at once."""
    words = "".join(f"{salt}{number:06d} tide " for number in range(size // 11 + 1))
    return words[:size]


@rules("STORE-15")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_300_kib_are_kept_and_410_refused(store: DialogueStore, kind: Kind) -> None:
    begin(store, "tides")
    text = prose(300 * KIB)
    kept = shown(register(store, kind, "tides", 0, text))
    before = partition(store, "tides")
    assert kept[kind.text] == text
    assert before[kind.plural] == [kept]
    with expect_error("item_too_large"):
        register(store, kind, "tides", 0, prose(410 * KIB))
    assert partition(store, "tides") == before
    assert shown(register(store, kind, "tides", 0))["display_id"] == kind.id(0, 2)


@rules("STORE-15")
def test_size_counts_bytes_and_not_characters(store: DialogueStore) -> None:
    begin(store, "tides")
    claim = partial(store.register_claim, "tides", 0, "In short")
    kept = {"two bytes": "\u00e9" * (150 * KIB), "four bytes": "\U0001f9c1" * (75 * KIB)}
    refused = {"two bytes": "\u00e9" * (205 * KIB), "four bytes": "\U0001f9c1" * (103 * KIB)}
    made = {name: shown(claim(text, []))["content"] for name, text in kept.items()}
    before = partition(store, "tides")
    assert made == kept
    assert codes(
        {name: partial(claim, text, []) for name, text in refused.items()}
    ) == dict.fromkeys(refused, "item_too_large")
    assert partition(store, "tides") == before


@rules("STORE-15")
def test_size_counts_the_whole_item(store: DialogueStore) -> None:
    """Parts that fit one by one and do not fit together."""
    begin(store, "tides", rounds=[0, 1], experts=["muffin"])
    half = prose(205 * KIB)
    ethos = {"fully_compliant": True, "exceptions": [half], "violations": [half]}
    shown(store.record_expert_response("tides", "muffin", 0, half))
    store.update_round_status("tides", 0, "in_progress", summary=half)
    before = partition(store, "tides")
    create = partial(store.create_dialogue, "ebb")
    attempts: dict[str, Any] = {
        "title and question": partial(create, half, question=half),
        "background": partial(create, "Ebb", background={"subject": half, "situation": half}),
        "role and focus": partial(store.register_expert, "tides", "x", half, "Core", focus=half),
        "two answers": partial(store.record_expert_response, "tides", "muffin", 1, half),
        "label and text": partial(store.register_tension, "tides", 0, half, half, []),
        "parameters": partial(
            store.register_recommendation, "tides", 0, "l", half, [], {"a": [half]}
        ),
        "name in parameters": partial(
            store.register_recommendation, "tides", 0, "l", half, [], {half: 1}
        ),
        "targets": partial(store.register_move, "tides", 0, "muffin", "request", [half, half]),
        "conditions": partial(
            store.register_verdict, "tides", "v", "final", 0, "r", "d", conditions=[half, half]
        ),
        "ethos": partial(
            store.register_verdict, "tides", "v", "final", 0, "r", "d", ethos_compliance=ethos
        ),
    }
    refused = codes(attempts)
    assert refused == dict.fromkeys(attempts, "item_too_large")
    assert partition(store, "tides") == before
    assert code_of(lambda: store.get_dialogue("ebb")) == "dialogue_not_found"


@rules("STORE-15")
def test_an_event_that_is_too_large_leaves_the_status(store: DialogueStore) -> None:
    begin(store, "tides")
    register(store, KINDS["tension"], "tides", 0)
    before = partition(store, "tides")
    assert before["tensions"][0]["status"] == "open"
    large = prose(410 * KIB)
    refused = codes(
        {
            "reason": lambda: store.update_tension_status(
                "tides", "T0001", "resolved", ["judge"], 0, reason=large
            ),
            "actors": lambda: store.update_tension_status("tides", "T0001", "resolved", [large], 0),
            "comment": lambda: store.comment_tension("tides", "T0001", ["judge"], 0, large),
        }
    )
    assert refused == dict.fromkeys(refused, "item_too_large")
    assert partition(store, "tides") == before


@rules("STORE-15", "STORE-23")
def test_a_large_partition_comes_back_whole(store: DialogueStore) -> None:
    """2 MiB: on an engine that answers in pages of 1 MB, three of them."""
    begin(store, "tides", rounds=[0, 1])
    texts = [prose(290 * KIB, salt=str(number)) for number in range(7)]
    for number, text in enumerate(texts):
        register(store, KINDS["claim"], "tides", number % 2, text)
    register(store, KINDS["tension"], "tides", 1)
    found = listed(store.get_claims("tides"))
    assert [claim["content"] for claim in found] == texts[0::2] + texts[1::2]
    assert len(listed(store.get_tensions("tides"))) == 1
