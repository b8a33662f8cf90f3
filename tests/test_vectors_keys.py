"""The key vectors against the reference: KEKs, wrapped keys, and the layer and code of every fault."""

from __future__ import annotations

from typing import Any

import pytest

from reference_impl.contract.errors import DialogueStoreError
from reference_impl.sealing.keys import DekHandle, KekHandle, UmkHandle
from tests.vector_reading import GivenKey, cases, dialogue_of, item_of, read


@pytest.mark.parametrize("test", cases("keys", "kek"))
def test_kek(test: Any) -> None:
    umk, user_id = bytes.fromhex(test["input"]["umk"]), test["input"]["user_id"]
    provider = GivenKey(umk)
    if test["result"] == "valid":
        assert _shown(provider.derive_kek(provider.get_umk(), user_id)) == test["expected"]
        return
    assert test["layer"] == "input"
    with pytest.raises(DialogueStoreError) as refused:
        provider.derive_kek(provider.get_umk(), user_id)
    assert refused.value.code == test["code"]


def _shown(kek: KekHandle) -> dict[str, str]:
    """The bytes of a KEK, which no handle gives away: it opens what is sealed under the vector's."""
    key: bytes = kek._Handle__key  # type: ignore[attr-defined]
    return {"kek": key.hex(), "key_id": kek.key_id}


@pytest.mark.parametrize("test", cases("keys", "kms"))
def test_kms(test: Any) -> None:
    """From KMS's answer on: what is asked of KMS is shown where its provider is."""
    answer = UmkHandle(bytes.fromhex(test["intermediate"]["umk"]))
    kek = GivenKey(b"").derive_kek(answer, test["input"]["user_id"])
    assert _shown(kek) == test["expected"]


@pytest.mark.parametrize("test", cases("keys", "dek"))
def test_dek(test: Any) -> None:
    dek = DekHandle(bytes.fromhex(test["input"]["dek"]), "d", 1)
    assert dek.commitment() == test["expected"]["commitment"]
    assert dek.sum_key().hex() == test["expected"]["sum_key"]


@pytest.mark.parametrize("test", cases("keys", "with_kek"))
def test_with_kek(test: Any) -> None:
    given = test["input"]
    item = item_of(given["item"])
    kek = KekHandle(bytes.fromhex(given["kek"]), given["user_id"])
    provider = GivenKey(b"")
    if test["result"] == "valid":
        dek = provider.decrypt_dek(kek, dialogue_of(item), 1, item)
        assert dek.commitment() == item["commitment"]
        return
    with pytest.raises(DialogueStoreError) as refused:
        provider.decrypt_dek(kek, dialogue_of(item), 1, item)
    assert (refused.value.data["layer"], refused.value.code) == (test["layer"], test["code"])


@pytest.mark.parametrize("test", cases("keys", "open"))
def test_open(test: Any) -> None:
    given = test["input"]
    item, umk = item_of(given["item"]), bytes.fromhex(given["umk"])
    snapshot, findings = read([item], umk, given["user_id"], dialogue_of(item))
    if test["result"] == "valid":
        assert findings == []
        (dek,) = snapshot.deks.values()
        expected = DekHandle(bytes.fromhex(test["expected"]["dek"]), "d", 1)
        assert dek.sum_key() == expected.sum_key()
    else:
        assert [(f.layer, f.code) for f in findings] == [(test["layer"], test["code"])]
        assert snapshot.deks == {}


@pytest.mark.parametrize("test", cases("keys", "open"))
def test_the_provider_alone(test: Any) -> None:
    """`decrypt_dek` gets no whole item and no sort key; what it does see it refuses in the same way."""
    if test["result"] == "invalid" and test["layer"] == "envelope":
        return
    given = test["input"]
    item = item_of(given["item"])
    provider = GivenKey(bytes.fromhex(given["umk"]))
    kek = provider.derive_kek(provider.get_umk(), given["user_id"])
    version = int(str(item["sk"]).removeprefix("dek#"))
    if test["result"] == "valid":
        provider.decrypt_dek(kek, dialogue_of(item), version, item)
        return
    with pytest.raises(DialogueStoreError) as refused:
        provider.decrypt_dek(kek, dialogue_of(item), version, item)
    assert (refused.value.data["layer"], refused.value.code) == (test["layer"], test["code"])
