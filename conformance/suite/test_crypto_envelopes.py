"""The vectors of envelopes: the same bytes everywhere, and a bad item refused at its layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ..targets.base import Crypto
from .kit.crypto import Vector, cases, judge, stored
from .kit.forge import ENVELOPE, address_of
from .kit.marks import profile

pytestmark = profile("crypto")


@pytest.mark.parametrize("vector", cases("envelope", "seal", otherwise="ENV-09"))
def test_the_same_fields_give_the_same_bytes(crypto: Crypto, vector: Vector) -> None:
    """Nonce and key given, the four attributes of the envelope are the vector's, byte for byte."""
    given = vector.given
    address = address_of(given["pk"], given["sk"])
    assert address is not None
    dialogue_id = given["pk"].removeprefix("dialogue#")
    item = stored(vector.expected["item"])
    judge(
        vector,
        lambda: crypto.seal(
            address,
            given["sealed"],
            dek=bytes.fromhex(given["dek"]),
            key_id=f"dek#{dialogue_id}#{given['version']}",
            nonce=bytes.fromhex(given["nonce"]),
        ),
        {name: item[name] for name in ENVELOPE},
    )


@pytest.mark.parametrize("vector", cases("envelope", "open", otherwise="ENV-06"))
def test_an_item_opens_or_is_refused_at_its_layer(crypto: Crypto, vector: Vector) -> None:
    """The fields of a sound item; every fault of ENV-06 by its layer, the first that fails."""
    deks = {int(version): bytes.fromhex(dek) for version, dek in vector.given["deks"].items()}
    item = stored(vector.given["item"])

    def ask() -> Mapping[str, Any]:
        return crypto.open(item, deks)

    judge(vector, ask, vector.expected.get("fields"))
