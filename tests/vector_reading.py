"""What the vector tests share: cases by type of group, stored items, and the reference's own reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance import load_vectors
from reference_impl.contract.addresses import parse_partition_key
from reference_impl.contract.entities import Finding
from reference_impl.contract.items import Item
from reference_impl.sealing.keys import UmkHandle
from reference_impl.sealing.providers import KeyProvider
from reference_impl.store.key_uses import KeyUses
from reference_impl.store.keyring import Keyring
from reference_impl.store.opening import Opener
from reference_impl.store.snapshot import Snapshot


class GivenKey(KeyProvider):
    """A provider whose master key is a vector's."""

    def __init__(self, umk: bytes) -> None:
        self._umk = umk

    def get_umk(self) -> UmkHandle:
        return UmkHandle(self._umk)


def cases(family: str, group_type: str) -> list[Any]:
    """The tests of a family's groups of one type, as parameters named by their tc_id; no planned ones."""
    return [
        pytest.param(test, id=test["tc_id"])
        for document in load_vectors(family)
        for group in document["test_groups"]
        if group["type"] == group_type
        for test in group["tests"]
        if not test.get("planned")
    ]


def item_of(shown: Mapping[str, Any]) -> Item:
    """An item as vectors show it, with bytes as bytes."""
    return {
        name: bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
        for name, value in shown.items()
    }


def read(
    items: list[Item], umk: bytes, user_id: str, dialogue_id: str
) -> tuple[Snapshot, list[Finding]]:
    """What the reference's reader makes of items, findings about the head's set left out."""
    opener = Opener(Keyring(GivenKey(umk), user_id, _nothing_is_drawn))
    snapshot, findings = opener.open_partition(dialogue_id, items, KeyUses(dialogue_id))
    return snapshot, [finding for finding in findings if finding.layer != "head"]


def dialogue_of(item: Item) -> str:
    """The dialogue in whose partition an item lies."""
    found = parse_partition_key(str(item["pk"]))
    assert found is not None
    return found


def _nothing_is_drawn(count: int) -> bytes:
    raise AssertionError("a read draws nothing")
