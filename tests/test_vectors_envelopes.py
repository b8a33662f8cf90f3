"""The envelope vectors against the reference: the same bytes, the same fields, and for every fault of
ENV-06 the layer that the vector names."""

from __future__ import annotations

from typing import Any

import pytest

from reference_impl.contract.addresses import parse_sort_key
from reference_impl.contract.items import Item, index_attributes
from reference_impl.contract.tables import TYPES
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle
from tests.vector_reading import GivenKey, cases, dialogue_of, item_of, read

UMK, USER = bytes(range(32)), "local"


@pytest.mark.parametrize("test", cases("envelope", "seal"))
def test_seal(test: Any) -> None:
    given = test["input"]
    parsed = parse_sort_key(given["sk"])
    assert parsed is not None
    kind, parts = parsed
    assert kind.entity == given["entity"]
    dialogue_id = given["pk"].removeprefix("dialogue#")
    dek = DekHandle(bytes.fromhex(given["dek"]), dialogue_id, given["version"])
    where = envelope.address_of(dialogue_id, kind, parts)
    assert where is not None
    plaintext = envelope.payload_of(kind, given["sealed"])
    between = {
        "address": where,
        "aad": envelope.address_digest(where).hex(),
        "plaintext": plaintext.hex(),
    }
    assert between == test["intermediate"]
    cleartext = {name: value for name, value in given["cleartext"].items() if value is not None}
    item = {"pk": given["pk"], "sk": given["sk"], **cleartext}
    item |= index_attributes(kind, dialogue_id, parts, cleartext)
    item |= envelope.seal(dek, where, plaintext, bytes.fromhex(given["nonce"]))
    assert item == item_of(test["expected"]["item"])


@pytest.mark.parametrize("test", cases("envelope", "open"))
def test_open(test: Any) -> None:
    item = item_of(test["input"]["item"])
    dialogue_id = dialogue_of(item)
    wrapped = _wrapped(dialogue_id, test["input"]["deks"])
    snapshot, findings = read([*wrapped, item], UMK, USER, dialogue_id)
    if test["result"] == "invalid":
        assert [(f.layer, f.code, f.sk) for f in findings] == [
            (test["layer"], test["code"], item["sk"])
        ]
        assert snapshot.records == {}
        assert snapshot.head is None
        return
    assert findings == []
    if item["sk"] == "head":
        head = snapshot.head
        assert head is not None
        assert (head.count, head.seals) == (
            test["expected"]["fields"]["count"],
            test["expected"]["fields"]["seals"],
        )
        assert head.audit_head == test["expected"]["fields"]["audit_head"]
        return
    record = snapshot.records[str(item["sk"])]
    sealed = {field.name: record.fields[field.name] for field in record.kind.sealed_fields}
    assert sealed == test["expected"]["fields"]
    if record.kind.has_envelope:
        assert (
            envelope.address_of(dialogue_id, record.kind, record.parts)
            == test["intermediate"]["address"]
        )


def _wrapped(dialogue_id: str, deks: dict[str, str]) -> list[Item]:
    """The given data keys as the items that the reader takes them from."""
    provider = GivenKey(UMK)
    kek = provider.derive_kek(provider.get_umk(), USER)
    items: list[Item] = []
    for version, key in deks.items():
        drawn = [bytes(11) + bytes([int(version)]), bytes.fromhex(key)]

        def randomness(count: int, drawn: list[bytes] = drawn) -> bytes:
            return drawn.pop()

        _, made = provider.generate_dek(kek, dialogue_id, int(version), randomness=randomness)
        items.append(
            {
                "pk": f"dialogue#{dialogue_id}",
                "sk": f"dek#{version}",
                "created_at": "2026-02-03T10:00:00.000000Z",
                **made,
            }
        )
    return items


@pytest.mark.parametrize("test", cases("envelope", "read"))
def test_read(test: Any) -> None:
    given = test["input"]
    items = [item_of(item) for item in given["items"]]
    umk = bytes.fromhex(given["umk"])
    snapshot, findings = read(items, umk, given["user_id"], "nvidia-analysis")
    expected = test["expected"]
    if test["result"] == "invalid":
        shown = [
            {"sk": f.sk, "layer": f.layer, "code": f.code, "address": f.address} for f in findings
        ]
        assert shown == expected["findings"]
        assert (findings[0].layer, findings[0].code) == (test["layer"], test["code"])
        return
    assert findings == []
    records = snapshot.records
    opened = {sk: records[sk].fields for sk in expected["opened"] if not sk.startswith("dek#")}
    for sk, fields in opened.items():
        assert {name: fields[name] for name in expected["opened"][sk]} == expected["opened"][sk]
    wrapped = {f"dek#{version}" for version in snapshot.deks}
    assert wrapped == {sk for sk in expected["opened"] if sk.startswith("dek#")}


def test_another_reading_of_the_address_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address itself for its digest: no item of the vectors opens, and none is sealed alike."""
    monkeypatch.setattr(envelope, "address_digest", lambda address: address.encode())
    (rfc,) = (
        param.values[0]
        for param in cases("envelope", "open")
        if param.id == "envelope-open-perspective-rfc-example"
    )
    with pytest.raises(AssertionError):
        test_open(rfc)
    for param in cases("envelope", "seal"):
        with pytest.raises(AssertionError):
            test_seal(param.values[0])


def test_what_the_vectors_cover() -> None:
    """Every type that has an envelope is sealed, opened and refused at each of its layers."""
    entities = {param.values[0]["input"]["entity"] for param in cases("envelope", "seal")}
    assert entities == {name for name, kind in TYPES.items() if kind.has_envelope} - {"dek"}
    layers: dict[str, set[str]] = {}
    for param in cases("envelope", "open"):
        test: Any = param.values[0]
        if test["result"] == "invalid":
            layers.setdefault(test["sibling"], set()).add(test["layer"])
    for name in entities:
        sibling = f"envelope-open-{name.replace('_', '-')}-full"
        assert layers[sibling] == {"envelope", "address", "key", "tag", "payload"}, name
