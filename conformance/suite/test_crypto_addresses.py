"""The vectors of addresses, made and taken apart by ``crypto.address`` and ``crypto.parse_address``."""

from __future__ import annotations

import pytest

from ..targets.base import Crypto
from .kit.crypto import Vector, cases, judge
from .kit.marks import profile

pytestmark = profile("crypto")


@pytest.mark.parametrize("vector", cases("address", "address", otherwise="ADDR-03"))
def test_an_entity_has_its_canonical_address(crypto: Crypto, vector: Vector) -> None:
    given = vector.given
    judge(
        vector,
        lambda: crypto.address(given["dialogue_id"], given["entity"], given["parts"]),
        vector.expected.get("address"),
    )


@pytest.mark.parametrize("vector", cases("address", "parse-address", otherwise="ADDR-04"))
def test_an_address_gives_back_its_parts(crypto: Crypto, vector: Vector) -> None:
    """All of them and in their types; whatever is no canonical address is ``invalid_identifier``."""
    expected = vector.expected
    judge(
        vector,
        lambda: crypto.parse_address(vector.given["address"]),
        tuple(expected.get(name) for name in ("dialogue_id", "entity", "parts")),
    )
