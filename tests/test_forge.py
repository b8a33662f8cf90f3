"""The suite's toolkit agrees with published answers and the contract's text, not with a store."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from conformance.suite.kit import forge
from conformance.suite.kit.forge import Forge, Item
from reference_impl.contract.tables import TYPES

TIME = "2026-02-03T10:15:00.000000Z"
PK = "dialogue#d"


def test_hkdf_is_that_of_rfc_5869_case_3() -> None:
    # Appendix A.3: SHA-256, no salt, empty info; the first 32 of its 42 bytes
    okm = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert forge.hkdf(b"\x0b" * 22, b"").hex() == okm


def test_hkdf_made_by_hand_from_its_two_steps() -> None:
    prk = hmac.digest(bytes(32), forge.PUBLISHED_UMK, "sha256")
    okm = hmac.digest(prk, b"blue/kek/v1\x00local\x01", "sha256")
    assert forge.derive_kek(forge.PUBLISHED_UMK, "local") == okm


def test_the_cipher_is_aes_256_gcm_case_14_of_its_specification() -> None:
    # McGrew and Viega, The Galois/Counter Mode of Operation, appendix B: no AAD
    sealed = forge.seal(bytes(32), "k", "dialogue:d/x", bytes(16), nonce=bytes(12), aad=b"")
    assert sealed["content_encrypted"].hex() == (
        "cea7403d4d606b6e074ec5d3baf39d18" + "d0d1c8a799996bf0265b98b5d48ab919"
    )


def test_a_seal_is_bound_to_the_raw_digest_of_its_address() -> None:
    sealed = forge.seal(bytes(32), "k", "dialogue:d/entity:dialogue/meta", b"{}")
    digest = hashlib.sha256(b"dialogue:d/entity:dialogue/meta").digest()
    assert sealed["aad_hash"] == digest.hex()
    again = forge.seal(bytes(32), "k", "x", b"{}", nonce=sealed["content_nonce"], aad=digest)
    assert again["content_encrypted"] == sealed["content_encrypted"]
    with pytest.raises(InvalidTag):
        forge.open_sealed(bytes(32), "dialogue:d/entity:dialogue/other", sealed)


@pytest.mark.parametrize("entity", TYPES)
def test_every_sort_key_is_read_back_and_addressed(entity: str) -> None:
    kind = TYPES[entity]
    letter = {"perspective_event": "P", "tension_event": "T", "recommendation_event": "R"}
    values = {
        "round": 7,
        "seq": 12,
        "version": 3,
        "expert_slug": "judge.judy",
        "verdict_id": "v-1",
        "request_id": "r-1",
        "source_id": "P0101",
        "ref_type": "refine",
        "target_id": "P0102",
        "entity_id": f"{letter.get(entity, 'P')}0101",
        "timestamp": TIME,
    }
    sk = kind.sk.format(**values)
    assert forge.kind_of(sk) == (kind, {name: values[name] for name in kind.identity})
    address = forge.address_of(PK, sk)
    if kind.address is None:
        assert address is None
    else:
        assert address == f"dialogue:d/{kind.address.format(**values)}"


def test_unknown_sort_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="no form"):
        forge.kind_of("note#1")


def test_index_attributes_follow_from_the_item() -> None:
    assert forge.index_attributes(PK, "meta", {"status": "open", "updated_at": TIME}) == {
        "by_status_pk": "status#open",
        "by_status_sk": f"{TIME}#d",
    }
    assert forge.index_attributes(PK, "tension#01#02", {"status": "resolved"}) == {
        "by_tension_status_pk": "tension_status#resolved",
        "by_tension_status_sk": "d#T0102",
    }
    by_expert = {"by_expert_pk": "expert#scone", "by_expert_sk": "d#00"}
    assert forge.index_attributes(PK, "expert#scone", {}) == by_expert
    by_expert["by_expert_sk"] = "d#03"
    assert forge.index_attributes(PK, "expert#scone", {"first_round": 3}) == by_expert
    assert forge.index_attributes(PK, "move#03#scone#01", {}) == by_expert
    assert forge.index_attributes(PK, "claim#01#01", {"status": "asserted"}) == {}


def _partition() -> list[Item]:
    """A dialogue made by hand: a key, a head whose sum is wrong, a signal and one sealed item."""
    dek = bytes(range(100, 132))
    kek = forge.derive_kek(forge.PUBLISHED_UMK, "local")
    key_id = "dek#d#1"

    def item(sk: str, **cleartext: Any) -> Item:
        return {"pk": PK, "sk": sk, **cleartext}

    def at(subkey: str) -> str:
        return f"dialogue:d/entity:{subkey}"

    wrapped = forge.seal(kek, forge.kek_key_id(kek, "local"), at("dek/1"), forge.dek_payload(dek))
    claim = forge.seal(dek, key_id, at("claim/01#01"), b'{"label":"It is so."}')
    head = b'{"audit_head":null,"count":9,"seals":2,"sum":"00"}'
    return [
        item("signal#01#scone", created_at=TIME),
        item("dek#1", created_at=TIME, commitment=forge.commitment(dek), **wrapped),
        item("claim#01#01", status="asserted", created_at=TIME, updated_at=TIME, **claim),
        item(
            "head",
            revision=4,
            state="active",
            updated_at=TIME,
            **forge.seal(dek, key_id, at("head/head"), head),
        ),
    ]


def test_a_partition_is_opened_with_the_published_key_alone() -> None:
    made = Forge("d", _partition())
    assert made.deks == {1: bytes(range(100, 132))}
    assert made.payload("claim#01#01") == {"label": "It is so."}
    assert list(made.sealed()) == ["claim#01#01", "head"]


def test_the_head_is_made_again_with_the_sum_of_the_contract() -> None:
    made = Forge("d", _partition())
    made.remake_head(seals=5)
    key = forge.hkdf(made.deks[1], b"blue/head/v1")
    total = 0
    for sk in ("signal#01#scone", "dek#1", "claim#01#01"):
        shown = {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in made.items[sk].items()
        }
        total += int.from_bytes(hmac.digest(key, forge.canonical(shown), "sha256"), "big")
    own = f'{{"pk":"{PK}","revision":4,"sk":"head","updated_at":"{TIME}"}}'
    total += int.from_bytes(hmac.digest(key, own.encode(), "sha256"), "big")
    assert made.payload("head") == {
        "audit_head": None,
        "count": 3,
        "seals": 5,
        "sum": f"{total % 2**256:064x}",
    }


def test_resealing_keeps_the_cleartext_and_changes_the_nonce() -> None:
    made = Forge("d", _partition())
    before = dict(made.items["claim#01#01"])
    made.reseal("claim#01#01", {"label": "It is so."})
    after = made.items["claim#01#01"]
    assert made.payload("claim#01#01") == {"label": "It is so."}
    assert after["content_nonce"] != before["content_nonce"]
    assert {n for n in after if after[n] != before[n]} == {"content_nonce", "content_encrypted"}


def test_what_is_put_back_is_only_what_was_changed() -> None:
    calls: list[tuple[str, str]] = []

    class Raw:
        def get(self, pk: str, sk: str) -> Item | None:
            raise NotImplementedError

        def put(self, item: Item) -> None:
            calls.append(("put", item["sk"]))

        def delete(self, pk: str, sk: str) -> None:
            calls.append(("delete", sk))

        def scan(self, dialogue_id: str) -> list[Item]:
            raise NotImplementedError

    made = Forge("d", _partition())
    del made.items["signal#01#scone"]
    made.items["claim#01#01"]["status"] = "adopted"
    made.put_into(Raw())
    assert calls == [("delete", "signal#01#scone"), ("put", "claim#01#01")]


def test_sealed_texts_are_found_however_deep() -> None:
    payload = {"label": "a", "parameters": {"depth": [1, {"why": "b"}]}, "context": None}
    texts = list(forge.sealed_texts(payload))
    assert texts == ["label", "a", "parameters", "depth", "why", "b", "context"]
