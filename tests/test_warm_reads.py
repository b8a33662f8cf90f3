"""A warm store finds what a cold one finds: what it may use again is the same in type and value, and the
data key that it names is still there (STORE-03, ENV-06)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.suite.kit.builders import populate
from conformance.suite.kit.marks import rules
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Delete, Put
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store

D = "d"
PK = f"dialogue#{D}"


class Lab:
    """A partition with every type, a store that knows it, and stores that do not."""

    def __init__(self, folder: Path) -> None:
        self.items = MemoryPartitionStore()
        self.keys = LocalFileKeyProvider(folder / "keys" / "umk.key")
        self.warm = self.cold()
        populate(self.warm, D)
        assert self.warm.verify_partition(D) == []

    def cold(self) -> EncryptedStore:
        return open_store(self.items, self.keys, deadline_s=1.0)

    def put(self, item: Item) -> None:
        self.items.commit([Put(item)], token="t")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def confusable(items: list[Item]) -> list[tuple[Item, str, Any, Any]]:
    """(item, attribute, its value, the value that Python takes for the same), one of each type."""
    found: dict[tuple[str, str], tuple[Item, str, Any, Any]] = {}
    for item in items:
        for name, value in item.items():
            kind = str(item["sk"]).split("#")[0]
            if value in (0, 1) and isinstance(value, int | float):
                other = int(value) if isinstance(value, bool) else bool(value)
                found.setdefault((kind, name), (item, name, value, other))
    return list(found.values())


@rules("STORE-03", "ENV-06")
def test_true_is_not_one_for_a_store_that_knows_the_item(lab: Lab) -> None:
    cases = confusable(lab.items.query(PK))
    assert len(cases) >= 6
    assert any(isinstance(value, bool) for _, _, value, _ in cases)
    for item, name, value, other in cases:
        lab.put({**item, name: other})
        want = [(f.layer, f.sk) for f in lab.cold().verify_partition(D)]
        assert ("envelope", item["sk"]) in want, name
        assert [(f.layer, f.sk) for f in lab.warm.verify_partition(D)] == want, name
        with pytest.raises(DialogueStoreError) as caught:
            lab.warm.get_dialogue(D)
        assert caught.value.code == "integrity_error", name
        lab.put({**item, name: value})
        assert lab.warm.verify_partition(D) == []


@rules("STORE-03")
def test_one_point_zero_is_what_a_cold_store_says_it_is(lab: Lab) -> None:
    """It equals 1, and no whole number is stored so: whoever has read 1 before may not go on with it."""
    for item, name, value, _ in confusable(lab.items.query(PK)):
        if not isinstance(value, bool):
            lab.put({**item, name: float(value)})
            cold = lab.cold().verify_partition(D)
            assert [finding.layer for finding in cold] == ["envelope"], name
            assert lab.warm.verify_partition(D) == cold, name
            lab.put(item)


@rules("STORE-03", "ENV-06")
def test_a_write_onto_a_changed_type_is_no_conflict(lab: Lab) -> None:
    """A conflict would be tried again for ever."""
    (meta,) = lab.items.query(PK, prefix="meta")
    lab.put({**meta, "calibrated": int(bool(meta["calibrated"]))})
    with pytest.raises(DialogueStoreError) as caught:
        lab.warm.create_round(D, 7, score=1)
    assert (caught.value.code, caught.value.data["layer"]) == ("integrity_error", "envelope")


@rules("STORE-03", "ENV-06")
def test_nothing_is_handed_out_without_its_data_key(lab: Lab) -> None:
    (dek,) = lab.items.query(PK, prefix="dek#")
    lab.items.commit([Delete((PK, str(dek["sk"])))], token="t")
    cold, warm = lab.cold().verify_partition(D), lab.warm.verify_partition(D)
    assert {f.layer for f in cold} == {"key"}
    assert [(f.layer, f.sk) for f in warm] == [(f.layer, f.sk) for f in cold]
    whole = lab.warm.load_partition(D, on_error="collect")
    assert (whole.dialogue, whole.experts, whole.claims) == (None, [], [])
    with pytest.raises(DialogueStoreError) as caught:
        lab.warm.get_claims(D)
    assert caught.value.data["layer"] == "key"


@rules("STORE-03", "KEY-06")
def test_another_key_in_the_dek_item_opens_nothing_that_was_known(lab: Lab) -> None:
    (dek,) = lab.items.query(PK, prefix="dek#")
    other = Lab(lab.keys.path.parent.parent)
    (others,) = other.items.query(PK, prefix="dek#")
    lab.put({**others, "pk": dek["pk"], "sk": dek["sk"]})
    want = [(f.layer, f.sk) for f in lab.cold().verify_partition(D)]
    assert [(f.layer, f.sk) for f in lab.warm.verify_partition(D)] == want
    assert {layer for layer, _ in want} == {"tag"}
