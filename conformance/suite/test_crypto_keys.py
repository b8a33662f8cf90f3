"""The vectors of keys: a KEK and its name from a master key, a data key from a wrapped one."""

from __future__ import annotations

import pytest

from ..targets.base import Crypto
from .kit.crypto import Vector, cases, judge, stored
from .kit.forge import derive_kek
from .kit.marks import profile

pytestmark = profile("crypto")


@pytest.mark.parametrize("vector", cases("keys", "kek", otherwise="KEY-03"))
def test_a_kek_is_derived_from_umk_and_user(crypto: Crypto, vector: Vector) -> None:
    """Its 32 bytes and its ``kek#{u}#{k}``; a user_id or a master key that is none is refused."""
    expected = vector.expected
    umk = bytes.fromhex(vector.given["umk"])

    def ask() -> tuple[str, str]:
        kek, key_id = crypto.derive_kek(umk, vector.given["user_id"])
        return kek.hex(), key_id

    judge(vector, ask, (expected.get("kek"), expected.get("key_id")))


@pytest.mark.parametrize("vector", cases("keys", "open", "with_kek", otherwise="KEY-05"))
def test_a_wrapped_key_opens_or_is_refused_at_its_layer(crypto: Crypto, vector: Vector) -> None:
    """The data key of a dek item; every fault of one is told by the code and layer of the contract."""
    given = vector.given
    user_id = given["user_id"]
    kek = bytes.fromhex(given["kek"]) if "kek" in given else _kek(given["umk"], user_id)
    judge(
        vector,
        lambda: crypto.open_dek(kek, user_id, stored(given["item"])).hex(),
        vector.expected.get("dek"),
    )


def _kek(umk: str, user_id: str) -> bytes:
    return derive_kek(bytes.fromhex(umk), user_id)
