"""From a master key to a data key: KEKs, wrapped keys and their commitment (KEY-03 to KEY-08)."""

from __future__ import annotations

import unicodedata

from .. import address, gcm, hkdf, items
from ..work import Refused, Work, check

__all__: list[str] = []

_MOST_KEYS = 64


def _check_user_id(user_id: str) -> None:
    """KEY-03."""
    size = len(user_id.encode("utf-8"))
    if not 1 <= size <= 255 or any(unicodedata.category(c) == "Cc" for c in user_id):
        raise Refused("input", "invalid_field")


@check("keys", "kek")
def kek(work: Work) -> None:
    """KEY-03, KEY-05."""
    umk, user_id = work.octets("umk"), work.input["user_id"]
    if len(umk) != 32:
        raise Refused("input", "key_malformed")
    _check_user_id(user_id)
    made = hkdf.kek(umk, user_id)
    work.note(info=b"blue/kek/v1" + bytes(1) + user_id.encode("utf-8"))
    work.give(kek=made, key_id=hkdf.kek_id(made, user_id))


@check("keys", "kms")
def kms(work: Work) -> None:
    """KEY-04: HMAC under the KMS key gives the UMK of a user."""
    user_id = work.input["user_id"]
    _check_user_id(user_id)
    message = b"blue/umk/v1" + bytes(1) + user_id.encode("utf-8")
    umk = hkdf.hmac_sha256(work.octets("hmac_key"), message)
    work.note(message=message, umk=umk)
    made = hkdf.kek(umk, user_id)
    work.give(kek=made, key_id=hkdf.kek_id(made, user_id))


@check("keys", "open")
def from_umk(work: Work) -> None:
    """KEY-05 under the KEK of a master key."""
    _open(work, hkdf.kek(work.octets("umk"), work.input["user_id"]))


@check("keys", "with_kek")
def from_kek(work: Work) -> None:
    """KEY-05 under a KEK."""
    _open(work, work.octets("kek"))


def _open(work: Work, kek_bytes: bytes) -> None:
    item = items.stored(work.input["item"])
    dialogue_id = item["pk"].removeprefix("dialogue#")
    where = address.item_address(dialogue_id, item["sk"])
    keys = items.Keys(kek_bytes, work.input["user_id"])
    work.note(kek=kek_bytes)
    if where is not None:
        work.note(address=where, aad=address.digest(where))
    items.read_item(dialogue_id, item["sk"], item, keys)
    assert where is not None  # noqa: S101 - an item without an address is refused before
    aad = address.digest(where)
    plaintext = gcm.decrypt(kek_bytes, item["content_nonce"], item["content_encrypted"], aad)
    work.note(plaintext=plaintext)
    (dek,) = keys.deks.values()
    work.give(dek=dek)


@check("keys", "dek")
def dek(work: Work) -> None:
    """KEY-06, HEAD-02."""
    given = work.octets("dek")
    work.give(commitment=hkdf.commitment(given), sum_key=hkdf.sum_key(given))


@check("keys", "rotate")
def rotate(work: Work) -> None:
    """KEY-07: one version more, and how many may stand."""
    versions = work.input["versions"]
    if sorted(set(versions)) != versions or not versions:
        raise ValueError("the versions are not in their order")
    if len(versions) >= _MOST_KEYS and not work.input["reseal"]:
        raise Refused("input", "limit_exceeded")
    new = max(versions) + 1
    work.give(version=new, kept=[new] if work.input["reseal"] else [*versions, new])
