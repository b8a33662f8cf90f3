"""The address and timestamp vectors against the reference, as far as it implements the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

import pytest

from conformance import load_vectors
from reference_impl.contract import timestamps
from reference_impl.contract.addresses import (
    address,
    is_identifier,
    new_dialogue_id,
    parse_address,
    parse_display_id,
    parse_sort_key,
    partition_key,
    sort_key,
)
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.sealing.envelope import address_digest

Fields = dict[str, Any]


def identifier(given: Fields) -> Fields:
    if not is_identifier(given["text"]):
        raise error("invalid_identifier", "not an identifier")
    return {"partition_key": partition_key(given["text"])}


def display_id(given: Fields) -> Fields:
    return dict(zip(("entity", "round", "seq"), parse_display_id(given["text"]), strict=True))


def new_id(given: Fields) -> Fields:
    return {"candidates": list(islice(new_dialogue_id(given["title"]), 99))}


def addressed(given: Fields) -> Fields:
    dialogue_id, entity, parts = given["dialogue_id"], given["entity"], given["parts"]
    return {
        "address": address(dialogue_id, entity, parts),
        "pk": partition_key(dialogue_id),
        "sk": sort_key(entity, **parts),
    }


def parsed_address(given: Fields) -> Fields:
    dialogue_id, kind, parts = parse_address(given["address"])
    return {"dialogue_id": dialogue_id, "entity": kind.entity, "parts": dict(parts)}


def parsed_sort_key(given: Fields) -> Fields:
    found = parse_sort_key(given["sk"])
    if found is None:
        raise error("integrity_error", "no form of the table", layer="envelope")
    return {"entity": found[0].entity, "parts": dict(found[1])}


def normalised(given: Fields) -> Fields:
    try:
        return {"timestamp": timestamps.normalise(given["text"])}
    except ValueError as failure:
        raise error("invalid_field", str(failure)) from failure


def canonical(given: Fields) -> Fields | None:
    if not timestamps.is_canonical(given["text"]):
        raise error("invalid_field", "not in the one form")
    return None


HOW: dict[str, Callable[[Fields], Fields | None]] = {
    "identifier": identifier,
    "display-id": display_id,
    "new-dialogue-id": new_id,
    "address": addressed,
    "parse-address": parsed_address,
    "parse-sort-key": parsed_sort_key,
    "normalise": normalised,
    "canonical": canonical,
}


@cache
def groups() -> dict[str, list[Fields]]:
    documents = [*load_vectors("address"), *load_vectors("timestamp")]
    return {
        group["type"]: group["tests"] for document in documents for group in document["test_groups"]
    }


def test_every_type_of_group_is_known_here() -> None:
    assert groups().keys() == HOW.keys()


@pytest.mark.parametrize("kind", HOW)
def test_the_reference_agrees(kind: str) -> None:
    seen: Counter[str] = Counter()
    for test in groups()[kind]:
        seen[test["result"]] += 1
        if test["result"] == "valid":
            assert HOW[kind](test["input"]) == test.get("expected"), test["tc_id"]
            continue
        with pytest.raises(DialogueStoreError) as refused:
            HOW[kind](test["input"])
        assert refused.value.code == test["code"], test["tc_id"]
        layer = refused.value.data.get("layer", "input")
        assert layer == test["layer"], test["tc_id"]
    assert seen["valid"] >= 4
    if kind not in ("new-dialogue-id", "address"):
        assert seen["invalid"] >= 16


def test_the_associated_data_is_the_digest_of_the_address() -> None:
    for test in groups()["address"]:
        digest = address_digest(test["expected"]["address"])
        assert digest.hex() == test["intermediate"]["aad"], test["tc_id"]


def test_addresses_and_keys_are_injective() -> None:
    made = [test["expected"] for test in groups()["address"]]
    assert len({each["address"] for each in made}) == len(made)
    assert len({(each["pk"], each["sk"]) for each in made}) == len(made)


def test_times_in_text_order_are_in_time_order() -> None:
    made = [test["expected"]["timestamp"] for test in groups()["normalise"] if "expected" in test]
    assert len(made) >= 25
    assert sorted(made) == sorted(made, key=timestamps.parse)
