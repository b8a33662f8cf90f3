"""The accumulated vectors, sealed by the reference from the words of their own header."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from generators import accumulated
from generators.document import documents
from generators.recipe import stored
from reference_impl.contract.addresses import address
from reference_impl.contract.items import Item, canonical_item
from reference_impl.contract.tables import TYPES
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle
from reference_impl.writes import whole_item

KIND = TYPES["perspective"]
CASES = [
    pytest.param(
        group,
        case,
        id=case["tc_id"],
        marks=[pytest.mark.full] if case["input"]["count"] > 10_000 else [],
    )
    for _, document in documents(accumulated.FAMILY)
    for group in document["test_groups"]
    for case in group["tests"]
]


def blocks(label: str) -> Iterator[int]:
    number = 0
    while True:
        yield from hashlib.sha256(label.encode() + b"\0" + number.to_bytes(8, "big")).digest()
        number += 1


def items(group: Mapping[str, Any], count: int) -> Iterator[Item]:
    source = blocks(group["label"])

    def take(size: int) -> bytes:
        return bytes(next(source) for _ in range(size))

    def text(size: int) -> str:
        return "".join(chr(group["alphabet"][byte % 64]) for byte in take(size))

    for number in range(count):
        dialogue_id = f"d{number}"
        dek, nonce = DekHandle(take(32), dialogue_id, 1), take(12)
        fields: dict[str, Any] = {"round": take(1)[0] % 100, "seq": take(1)[0] % 99 + 1}
        fields |= {
            "label": "x" + text(take(1)[0]),
            "content": "y" + text(int.from_bytes(take(2), "big") % 1024),
            "contributors": ["muffin"],
            "references": [],
            "status": "open",
            "created_at": group["time"],
            "updated_at": group["time"],
        }
        where = address(dialogue_id, "perspective", fields)
        sealed = envelope.seal(dek, where, envelope.payload_of(KIND, fields), nonce)
        yield whole_item(dialogue_id, KIND, fields, sealed)


@pytest.mark.parametrize(("group", "case"), CASES)
def test_the_reference_seals_the_same_bytes(
    group: Mapping[str, Any], case: Mapping[str, Any]
) -> None:
    total = hashlib.sha256()
    between = case.get("intermediate", {"first": None, "after": {}})
    after = {}
    for number, item in enumerate(items(group, case["input"]["count"]), start=1):
        total.update(canonical_item(item) + b"\n")
        if str(number) in between["after"]:
            after[str(number)] = total.hexdigest()
        if number == 1 and between["first"]:
            assert stored(item) == between["first"]
    assert after == between["after"]
    assert total.hexdigest() == case["expected"]["sha256"]
