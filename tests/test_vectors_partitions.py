"""The families of whole partitions and of chains, read by the reference as they are given (M4, item 5a)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from generators.build.document import documents
from generators.families import partition as partitions
from generators.families.audit import chain as chains
from generators.kit.recipe import Family
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Put
from reference_impl.sealing import audit_chain as audit
from reference_impl.sealing import head, keys
from reference_impl.sealing.keys import KekHandle, UmkHandle
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.loading import Loaded, Loader
from reference_impl.store.operation import Operation
from reference_impl.testing import open_store

Case = Mapping[str, Any]


def cases_of(family: Family, *types: str) -> list[Any]:
    """The cases of some groups that are not planned, each with its group's parameters, named by tc_id."""
    return [
        pytest.param(group, case, id=case["tc_id"])
        for _, document in documents(family)
        for group in document["test_groups"]
        if group["type"] in types
        for case in group["tests"]
        if not case.get("planned")
    ]


def item_of(shown: Mapping[str, Any]) -> Item:
    return {
        name: bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
        for name, value in shown.items()
    }


def put_raw(partitions_: MemoryPartitionStore, *folders: Mapping[str, Any]) -> None:
    for number, folder in enumerate(folders):
        for sk, item in folder.items():
            # one commit each: nothing of the port's conditions is asked
            partitions_.commit([Put(item_of(item))], token=f"{number}-{sk}"[:36])


def key_file(folder: Path, umk: str) -> LocalFileKeyProvider:
    folder.chmod(0o700)
    path = folder / "umk.key"
    path.touch(mode=0o600)
    path.write_bytes(bytes.fromhex(umk))
    return LocalFileKeyProvider(path)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    stores: list[EncryptedStore] = []

    def open_with(
        group: Case, case: Case, *folders: Mapping[str, Any], **makers: Any
    ) -> EncryptedStore:
        items = MemoryPartitionStore()
        put_raw(items, *folders)
        # without a master key there is no file, and none is made where wrapped keys lie
        nowhere = LocalFileKeyProvider(tmp_path / "not-there.key")
        keys = key_file(tmp_path, group["umk"]) if "umk" in group else nowhere
        store = open_store(items, keys, user_id=case["user_id"], **makers)
        stores.append(store)
        return store

    yield open_with
    for store in stores:
        store.close()


# -- loading a partition ---------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "case"), cases_of(partitions.FAMILY, "load"))
def test_a_partition_is_read_or_refused_as_its_vector_says(
    opened: Any, group: Case, case: Case
) -> None:
    given = case["input"]
    last = given["last_event"]
    events = {last["sk"]: last} if last is not None else {}
    store = opened(group, given, given["items"], given["journal"], events)
    dialogue_id = given["dialogue_id"]
    if case["result"] == "valid":
        loaded = store.load_partition(dialogue_id)
        assert loaded.revision == case["expected"]["revision"]
        assert store.verify_partition(dialogue_id) == []
        return
    with pytest.raises(DialogueStoreError) as refused:
        store.load_partition(dialogue_id)
    assert (refused.value.code, refused.value.data["layer"]) == (case["code"], case["layer"])
    assert refused.value.data["sk"] == case["expected"]["sk"]
    assert refused.value.data.get("address") == case["expected"]["address"]
    first = store.verify_partition(dialogue_id)[0]
    assert (first.code, first.layer, first.sk) == (
        case["code"],
        case["layer"],
        case["expected"]["sk"],
    )


WHOLE = [
    param
    for param in cases_of(partitions.FAMILY, "load")
    if param.values[1].get("expected", {}).get("opened")
]


@pytest.mark.parametrize(("group", "case"), WHOLE)
def test_what_a_partition_opens_to(opened: Any, group: Case, case: Case) -> None:
    given = case["input"]
    last = given["last_event"]
    loaded: list[Loaded] = []

    class Watched(Loader):
        def attempt(self, operation: Operation) -> Loaded:
            loaded.append(super().attempt(operation))
            return loaded[-1]

    events = {last["sk"]: last}
    store = opened(group, given, given["items"], given["journal"], events, loader=Watched)
    assert store.verify_partition(given["dialogue_id"]) == []
    snapshot = loaded[-1].snapshot
    assert snapshot.head is not None
    for sk, sealed in case["expected"]["opened"].items():
        record = snapshot.records[sk]
        assert {name: record.fields[name] for name in sealed} == sealed
    between, found = case["intermediate"], case["expected"]
    assert snapshot.head.dek.sum_key().hex() == between["sum_key"]
    assert snapshot.head.count == found["count"]
    assert {sk: f"{number:064x}" for sk, number in snapshot.terms.items()} == between["terms"]
    own = head.head_term(
        snapshot.head.dek.sum_key(), snapshot.pk, found["revision"], snapshot.head.updated_at
    )
    assert f"{own:064x}" == between["head_term"]
    assert head.sum_text(snapshot.head.items_sum + own) == found["sum"]


@pytest.mark.parametrize(("group", "case"), cases_of(partitions.FAMILY, "head-sum"))
def test_the_sum_of_a_head(group: Case, case: Case) -> None:
    given, between = case["input"], case["intermediate"]
    key = keys.DekHandle(bytes.fromhex(group["dek"]), "d", 1).sum_key()
    terms = [head.term(key, item_of(item)) for item in given["items"]]
    own = head.head_term(
        key, given["head"]["pk"], given["head"]["revision"], given["head"]["updated_at"]
    )
    assert [f"{number:064x}" for number in terms] == between["terms"]
    assert f"{own:064x}" == between["head_term"]
    fits = head.sums_equal(sum(terms) + own, given["sum"])
    assert fits == (case["result"] == "valid")


# -- audit events and chains -----------------------------------------------------------------------


def kek_of(umk: str, user_id: str) -> KekHandle:
    return LocalFileKeyProvider("unused").derive_kek(UmkHandle(bytes.fromhex(umk)), user_id)


@pytest.mark.parametrize(("group", "case"), cases_of(chains.FAMILY, "event"))
def test_hash_and_mac_of_an_event(group: Case, case: Case) -> None:
    event, between = case["input"]["event"], case["intermediate"]
    key = audit.mac_key(kek_of(group["umk"], case["input"]["user_id"]), "chain-talk")
    assert key.hex() == between["mac_key"]
    digest = audit.event_hash_of(event)
    assert digest.hex() == between["event_hash"]
    fits = digest.hex() == event["event_hash"] and audit.mac_fits(event, key)
    assert fits == (case["result"] == "valid")
    if case["result"] == "valid":
        assert audit.tip_of(event, "chain-talk", key) is not None


@pytest.mark.parametrize(("group", "case"), cases_of(chains.FAMILY, "first"))
def test_where_a_chain_begins(group: Case, case: Case) -> None:
    given = case["input"]
    own = audit.first_tip(given["dialogue_id"], given["chain"]).event_hash
    assert (own == given["previous_hash"]) == (case["result"] == "valid")


@pytest.mark.parametrize(("group", "case"), cases_of(chains.FAMILY, "walk", "walk-without-key"))
def test_what_a_walk_finds(opened: Any, group: Case, case: Case) -> None:
    given = case["input"]
    store = opened(group, given, given["items"], given["events"])
    report = store.verify_chain(given["dialogue_id"])
    assert report.with_key == group["with_key"]
    found = sorted((finding["chain"], finding["sequence"]) for finding in report.findings)
    assert found == [(f["chain"], f["sequence"]) for f in case["expected"]["findings"]]
    assert report.ok == (case["result"] == "valid")
    if case["result"] == "valid":
        assert report.chains == case["expected"]["chains"]
        assert report.unverified == case["expected"]["unverified"]
