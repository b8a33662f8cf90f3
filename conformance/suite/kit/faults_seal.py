"""Faults of the layers ``address``, ``key`` and ``tag``: another place, another key, another
seal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from .doctor import (
    FOREIGN,
    Change,
    Fault,
    cut,
    flip,
    from_another_dialogue,
    moved_from,
    new_dek,
    other_digit,
    put,
    replaced,
    sealed_with,
)
from .forge import Forge, dek_payload
from .sample import PERSPECTIVE, PERSPECTIVE_EVENT, SAMPLE_ID, SEALED, TENSION_EVENT, Sample

__all__ = ["ADDRESS", "KEY", "TAG"]


def _address_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "address", sk, apply, **more)

    for sk in SEALED:
        name = f"{sk.rstrip('#')} with an aad_hash of zeros"
        yield fault(name, sk, put(aad_hash="0" * 64))
    yield fault("the dek with an aad_hash of zeros", "dek#1", put(aad_hash="0" * 64), locks=True)
    yield fault("the head with another aad_hash", "head", put(aad_hash="0" * 64), remake=False)
    yield fault("one digit of aad_hash changed", "claim#01#01", replaced("aad_hash", other_digit))
    yield fault("an item moved within its type", "perspective#01#02", moved_from(PERSPECTIVE))
    yield fault("an expert moved to another", "expert#bob", moved_from("expert#anne"))
    yield fault("an item moved to a free key", "claim#01#02", moved_from("claim#01#01"))
    yield fault("an item moved to another round", "claim#02#01", moved_from("claim#01#01"))
    yield fault("a move of another expert", "move#01#bob#01", moved_from("move#01#anne#01"))
    yield fault("an item of another type", "claim#01#01", _content_of("evidence#01#01"))
    yield fault("an event moved to another", TENSION_EVENT, _content_of(PERSPECTIVE_EVENT))
    yield fault("an item of another dialogue", PERSPECTIVE, from_another_dialogue)
    yield fault("meta of another dialogue", "meta", from_another_dialogue)


def _content_of(sk: str) -> Change:
    def change(made: Forge, there: str, sample: Sample) -> None:
        other = made.items[sample.key(sk)]
        made.items[there] |= {name: other[name] for name in ("content_encrypted", "aad_hash")}

    return change


def _key_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "key", sk, apply, **more)

    yield fault("key_id of another dialogue", PERSPECTIVE, put(key_id=FOREIGN))
    yield fault("key_id of another dialogue on the head", "head", put(key_id=FOREIGN), remake=False)
    for version in ("2", "10", "9" * 15):
        missing = put(key_id=f"dek#{SAMPLE_ID}#{version}")
        yield fault(f"key_id of the missing version {version}", "claim#01#01", missing)
    missing = put(key_id=f"dek#{SAMPLE_ID}#2")
    yield fault("key_id of a missing version on the head", "head", missing, remake=False)

    wrapped = {
        "the first bit of the wrapped key": flip("content_encrypted", 0),
        "the last bit of the wrapped key": flip("content_encrypted", -17, 7),
        "the tag of the wrapped key": flip("content_encrypted", -1, 7),
        "the nonce of the wrapped key": flip("content_nonce", 5),
        "a wrapped key cut by four bytes": cut(4),
        "a wrapped key sealed without AAD": sealed_with(aad=b""),
        "a wrapped key sealed under another KEK": sealed_with(key=bytes(32)),
        "another commitment": replaced("commitment", other_digit),
        "a commitment of zeros": put(commitment="0" * 64),
        "another DEK under the old commitment": _other_dek,
    }
    for name, change in wrapped.items():
        yield fault(name, "dek#1", change, locks=True)
    flipped = new_dek(flip("content_encrypted", 3))
    yield fault("a second wrapped key that does not open", "dek#2", flipped)
    uncommitted = new_dek(put(commitment="0" * 64))
    yield fault("a second wrapped key with another commitment", "dek#2", uncommitted)


def _as_if_under_dek_2(made: Forge, sk: str, sample: Sample) -> None:
    made.add_dek(2)
    made.items[sk]["key_id"] = f"dek#{SAMPLE_ID}#2"


def _other_dek(made: Forge, sk: str, sample: Sample) -> None:
    made.reseal(sk, dek_payload(os.urandom(32)))


def _tag_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "tag", sk, apply, **more)

    for sk in SEALED:
        name = f"{sk.rstrip('#')} with a bit of the ciphertext flipped"
        yield fault(name, sk, flip("content_encrypted", 1, 3))
    bit = flip("content_encrypted", 0, 1)
    yield fault("the head with a bit of the ciphertext flipped", "head", bit, remake=False)
    yield fault("the last bit of the ciphertext", PERSPECTIVE, flip("content_encrypted", -17))
    yield fault("the first bit of the tag", PERSPECTIVE, flip("content_encrypted", -16, 7))
    yield fault("the last bit of the tag", PERSPECTIVE, flip("content_encrypted", -1))
    yield fault("the first bit of the nonce", PERSPECTIVE, flip("content_nonce", 0, 7))
    yield fault("the last bit of the nonce", PERSPECTIVE, flip("content_nonce", 11))
    for kept in (15, 12, 8, 4):
        yield fault(f"a tag of {kept} bytes", PERSPECTIVE, cut(16 - kept))
    yield fault("a byte more", PERSPECTIVE, replaced("content_encrypted", lambda v: v + b"\x00"))
    yield fault("18 bytes of zeros", PERSPECTIVE, put(content_encrypted=bytes(18)))
    zeros = replaced("content_encrypted", lambda v: v[:-16] + bytes(16))
    yield fault("a tag of zeros", PERSPECTIVE, zeros)
    tag_first = replaced("content_encrypted", lambda v: v[-16:] + v[:-16])
    yield fault("the tag in front", PERSPECTIVE, tag_first)
    yield fault("sealed without AAD", PERSPECTIVE, sealed_with(aad=b""))
    for name, form in (
        ("the address itself as AAD", lambda made, sk: made.address(sk).encode()),
        ("AAD as hex text", lambda made, sk: made.items[sk]["aad_hash"].encode()),
        ("AAD cut to 16 bytes", lambda made, sk: bytes.fromhex(made.items[sk]["aad_hash"])[:16]),
    ):
        yield fault(name, PERSPECTIVE, _with_aad(form))
    yield fault("sealed under the KEK", PERSPECTIVE, _under(lambda made: made.kek))
    half = _under(lambda made: made.deks[1][:16])
    yield fault("sealed with half of the key", PERSPECTIVE, half)
    yield fault("sealed under another version than it names", PERSPECTIVE, _as_if_under_dek_2)
    moved = moved_from("expert#anne", readdressed=True)
    yield fault("moved, with aad_hash put right", "expert#bob", moved)
    yield fault("another content, with aad_hash put right", "claim#01#01", _content_only)
    old = _set_from_older("content_encrypted")
    yield fault("an old ciphertext under the new nonce", "expert#anne", old)


def _with_aad(form: Callable[[Forge, str], bytes]) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, made.plaintext(sk), aad=form(made, sk))

    return change


def _under(key: Callable[[Forge], bytes]) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, made.plaintext(sk), key=key(made))

    return change


def _content_only(made: Forge, sk: str, sample: Sample) -> None:
    made.items[sk]["content_encrypted"] = made.items["evidence#01#01"]["content_encrypted"]


def _set_from_older(name: str) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        assert made.items[sk][name] != sample.older[sk][name], "the item was not sealed again"
        made.items[sk][name] = sample.older[sk][name]

    return change


ADDRESS = list(_address_faults())
KEY = list(_key_faults())
TAG = list(_tag_faults())
