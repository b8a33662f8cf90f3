"""The vectors of payloads: canonical JSON, and the sealed fields of each type inside an envelope."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from ..targets.base import Crypto
from .kit.crypto import Vector, asked, cases, judge, same, stored, vectors
from .kit.forge import Item, address_of, kind_of, seal
from .kit.marks import profile

pytestmark = profile("crypto")


@pytest.mark.parametrize("vector", cases("payload", "canonicalise", otherwise="ADDR-10"))
def test_a_text_has_one_canonical_form(crypto: Crypto, vector: Vector) -> None:
    text = bytes.fromhex(vector.given["json"])
    judge(
        vector,
        lambda: crypto.canonical(text).hex(),
        vector.expected.get("canonical"),
    )


@pytest.mark.parametrize("vector", cases("payload", "canonical", otherwise="ADDR-10"))
def test_only_a_canonical_text_is_its_own_form(crypto: Crypto, vector: Vector) -> None:
    """Another text is refused, or its form is another one."""
    text = bytes.fromhex(vector.given["json"])
    form, refused = asked(lambda: crypto.canonical(text))
    if refused is None:
        assert isinstance(form, bytes), "an answer that is no text"
    else:
        assert refused.code == "invalid_field", f"refused with {refused.code}"
    assert (form == text) == vector.is_valid


@cache
def _items() -> dict[str, tuple[Item, bytes]]:
    """A sound item of each type and its data key, to seal a plaintext into."""
    (whole,) = (v for v in vectors("partition", "load") if v.tc_id == "partition-load-every-type")
    dek = bytes.fromhex(whole.intermediate["deks"]["1"])
    found = [stored(item) for item in whole.given["items"].values()]
    return {kind_of(item["sk"])[0].entity: (item, dek) for item in found if "key_id" in item}


@pytest.mark.parametrize("vector", cases("payload", "fields", otherwise="ENV-02"))
def test_a_payload_is_exactly_its_fields(crypto: Crypto, vector: Vector) -> None:
    """Sealed into a sound item, its tag fits: what opens must still be the canonical JSON of exactly
    the type's sealed fields, each of its type, else layer ``payload``."""
    item, dek = _items()[vector.given["entity"]]
    address = address_of(item["pk"], item["sk"])
    assert address is not None
    plaintext = bytes.fromhex(vector.given["plaintext"])
    if len(plaintext) < 2:
        # By itself no payload; inside an item its ciphertext is too short to be looked at (ENV-06).
        vector = replace(vector, layer="envelope")
    nonce, key_id = item["content_nonce"], item["key_id"]
    sealed = seal(dek, key_id, address, plaintext, nonce=nonce)
    judge(vector, lambda: crypto.open({**item, **sealed}, {1: dek}), vector.expected.get("fields"))
    if vector.is_valid:
        made = crypto.seal(address, vector.expected["fields"], dek=dek, key_id=key_id, nonce=nonce)
        assert same(made, sealed), "sealing the same fields gives other bytes"
