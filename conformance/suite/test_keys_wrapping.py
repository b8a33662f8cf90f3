"""KEY-03, 05, 06, 08: how keys come from one another, and what is said when they do not fit."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain

from ..running.session import World
from ..targets.base import Backend, RawAccess
from .kit.builders import begin, call, calls, populate, shown
from .kit.forge import (
    PUBLISHED_UMK,
    Forge,
    Item,
    aad_of,
    canonical,
    commitment,
    dek_payload,
    derive_kek,
    kek_key_id,
    seal,
)
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("keys")

D = "d"
ADDRESS = f"dialogue:{D}/entity:dek/1"

# -- KEY-03 ----------------------------------------------------------------------------------------

USERS = {
    "the default": "local",
    "one byte": "a",
    "255 bytes": "x" * 255,
    "255 bytes of two each, and one": "é" * 127 + "x",
    "an address": "ann@example.org",
    "a capital": "Local",
    "spaces around": " local ",
    "a space": " ",
    "signs of the keys": "a#b/c:d",
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "compatible": "\ufb01",
    "beyond the BMP": "\U0001f511",
    "right to left": "\u05d0\u202e",
    "no character": "\u200b",
    "a line separator": "\u2028",
}


@rules("KEY-03")
@pytest.mark.parametrize("name", USERS)
def test_the_kek_is_derived_from_umk_and_user(world: World, name: str) -> None:
    """The user_id as given, its UTF-8 after the label and a zero byte: the toolkit opens the
    dialogue."""
    user_id = USERS[name]
    backend = world.open(user_id=user_id)
    backend.store.create_dialogue(D, "Which harbour?")
    assert backend.raw is not None
    found = Forge.of(backend.raw, D, user_id=user_id)
    assert found.payload("meta")["title"] == "Which harbour?"
    expected = kek_key_id(derive_kek(PUBLISHED_UMK, user_id), user_id)
    assert found.items["dek#1"]["key_id"] == expected
    if backend.keys is not None:
        kek = backend.keys.derive_kek(backend.keys.get_umk(), user_id)
        assert backend.keys.generate_dek(kek, D, 1)[1]["key_id"] == expected


@rules("KEY-03")
def test_no_two_users_have_one_kek(world: World) -> None:
    """No trimming, no folding, no normalisation."""
    key_ids = []
    for number, user_id in enumerate(USERS.values()):
        backend = world.open(user_id=user_id)
        backend.store.create_dialogue(f"d-{number}", "T")
        assert backend.raw is not None
        item = backend.raw.get(f"dialogue#d-{number}", "dek#1")
        assert item is not None
        key_ids.append(str(item["key_id"]))
    assert len({key_id.split("#")[1] for key_id in key_ids}) == len(USERS)
    assert len({key_id.split("#")[2] for key_id in key_ids}) == len(USERS)


NO_USERS = {
    "empty": "",
    "256 bytes": "x" * 256,
    "256 bytes of two each": "é" * 128,
    "a NUL": "a\x00b",
    "a newline": "local\n",
    "a tab": "\tlocal",
    "an escape": "\x1b[0m",
    "a delete": "\x7f",
    "a C1 control": "\x85",
    "the last C1 control": "\x9f",
    "a lone surrogate": "\ud800",
}


@rules("KEY-03")
@pytest.mark.parametrize("name", NO_USERS)
def test_what_is_no_user_id_is_refused(world: World, name: str) -> None:
    with expect_error("invalid_field"):
        world.open(user_id=NO_USERS[name]).store.create_dialogue(D, "T")
    backend = world.open()
    assert backend.raw is not None
    assert list(backend.raw.scan(D)) == []
    if backend.keys is not None:
        umk = backend.keys.get_umk()
        with expect_error("invalid_field"):
            backend.keys.derive_kek(umk, NO_USERS[name])


# -- KEY-05, KEY-06 --------------------------------------------------------------------------------


@rules("KEY-05", "KEY-06")
def test_the_dek_is_an_item_sealed_under_the_kek(store: DialogueStore, raw: RawAccess) -> None:
    store.create_dialogue(D, "T")
    found = Forge.of(raw, D)
    item = found.items["dek#1"]
    dek = found.deks[1]
    assert set(item) == {
        *("pk", "sk", "created_at", "commitment"),
        *("content_encrypted", "content_nonce", "key_id", "aad_hash"),
    }
    key = base64.b64encode(dek).decode()
    payload = canonical({"algorithm": "AES-256-GCM", "key": key})
    assert found.plaintext("dek#1") == payload
    assert item["aad_hash"] == aad_of(ADDRESS).hex()
    assert item["key_id"] == kek_key_id(found.kek, "local")
    assert item["commitment"] == commitment(dek)
    assert item["created_at"] == found.items["meta"]["created_at"]


@rules("KEY-05")
def test_every_dialogue_has_a_random_dek_of_its_own(world: World) -> None:
    """Also where everything else is the same: id, texts, user, time."""
    deks: list[bytes] = []
    for storage in (world, world.new_world()):
        backend = storage.open()
        assert backend.raw is not None
        if backend.set_clock is not None:
            backend.set_clock("2026-02-03T10:15:00.000000Z")
        for number in range(8):
            backend.store.create_dialogue(f"d-{number}", "T")
            deks += Forge.of(backend.raw, f"d-{number}").deks.values()
    assert len(deks) == 16
    assert len(set(deks)) == 16
    assert all(len({dek[i] for dek in deks}) > 6 for i in range(32))
    # No part is drawn once and used again, in one key or in another.
    assert len({dek[i : i + 8] for dek in deks for i in range(0, 32, 8)}) == 4 * len(deks)
    assert not {PUBLISHED_UMK, derive_kek(PUBLISHED_UMK, "local")} & set(deks)


@rules("KEY-05")
def test_writes_leave_the_wrapped_key_as_it_is(store: DialogueStore, raw: RawAccess) -> None:
    populate(store, D)
    before = raw.get(f"dialogue#{D}", "dek#1")
    assert before is not None
    for method, args in calls(D).items():
        call(store, method, args)
    assert raw.get(f"dialogue#{D}", "dek#1") == before
    assert [sk for sk in Forge.of(raw, D).items if sk.startswith("dek#")] == ["dek#1"]


@rules("KEY-05")
def test_an_older_version_still_opens_what_names_it(world: World) -> None:
    """Versions are numbers: the items of 1, 2 and 10 are all read, and 10 is not before 2."""
    backend = world.open()
    assert backend.raw is not None
    begin(backend.store, D, rounds=[1, 2], experts=["anne"])
    before = plain(backend.store.load_partition(D))
    made = Forge.of(backend.raw, D)
    for version, sk in ((2, "round#01"), (10, "expert#anne")):
        key = made.add_dek(version)
        made.reseal(sk, made.plaintext(sk), key=key, key_id=f"dek#{D}#{version}")
    made.remake_head()
    made.put_into(backend.raw)
    store = world.open().store
    assert plain(store.load_partition(D)) == before
    assert plain(store.verify_partition(D)) == []


def _flip(item: Item, name: str, position: int) -> Item:
    value = bytearray(item[name])
    value[position] ^= 1
    return {**item, name: bytes(value)}


def _other_key(item: Item) -> Item:
    """Another DEK, wrapped as it should be, beside the first one's commitment."""
    kek = derive_kek(PUBLISHED_UMK, "local")
    wrapped = seal(kek, item["key_id"], ADDRESS, dek_payload(os.urandom(32)))
    return {**item, **wrapped}


def _other_payload(plaintext: bytes) -> Callable[[Item], Item]:
    def change(item: Item) -> Item:
        kek = derive_kek(PUBLISHED_UMK, "local")
        return {**item, **seal(kek, item["key_id"], ADDRESS, plaintext)}

    return change


def _committed(position: int) -> Callable[[Item], Item]:
    """Another digit at a place of the commitment."""

    def change(item: Item) -> Item:
        digits = list(item["commitment"])
        digits[position] = "1" if digits[position] == "0" else "0"
        return {**item, "commitment": "".join(digits)}

    return change


def _without(name: str) -> Callable[[Item], Item]:
    return lambda item: {n: value for n, value in item.items() if n != name}


def _payload_of(algorithm: str, size: int) -> Callable[[Item], Item]:
    key = base64.b64encode(bytes(size)).decode()
    return _other_payload(canonical({"algorithm": algorithm, "key": key}))


#: What can be wrong with a wrapped key -> (the change, the layer that finds it).
WRONG: dict[str, tuple[Callable[[Item], Item], str]] = {
    "the first digit of the commitment": (_committed(0), "key"),
    "the last digit of the commitment": (_committed(-1), "key"),
    "a commitment of zeros": (lambda item: {**item, "commitment": "0" * 64}, "key"),
    "another key's commitment": (lambda item: {**item, "commitment": commitment(bytes(32))}, "key"),
    "another key": (_other_key, "key"),
    "a bit of the ciphertext": (lambda item: _flip(item, "content_encrypted", 0), "key"),
    "a bit of the tag": (lambda item: _flip(item, "content_encrypted", -1), "key"),
    "a bit of the nonce": (lambda item: _flip(item, "content_nonce", 0), "key"),
    "another address": (lambda item: {**item, "aad_hash": "0" * 64}, "address"),
    "another algorithm": (_payload_of("AES-256-CBC", 32), "payload"),
    "a key of 31 bytes": (_payload_of("AES-256-GCM", 31), "payload"),
    "no object": (_other_payload(b"[]"), "payload"),
    "no nonce": (_without("content_nonce"), "envelope"),
    "no commitment": (_without("commitment"), "envelope"),
}


@rules("KEY-05", "KEY-06", "KEY-08")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrapped_key_that_is_not_right_opens_nothing(world: World, name: str) -> None:
    """``integrity_error`` for reads and writes alike, and nothing is written."""
    change, layer = WRONG[name]
    backend = world.open()
    assert backend.raw is not None
    begin(backend.store, D, rounds=[1])
    made = Forge.of(backend.raw, D)
    made.items["dek#1"] = change(made.items["dek#1"])
    made.remake_head()
    made.put_into(backend.raw)
    store = world.open().store
    where = {"layer": layer, "address": ADDRESS, "pk": made.pk, "sk": "dek#1"}
    with expect_error("integrity_error", **where):
        store.get_rounds(D)
    with expect_error("integrity_error", **where):
        store.create_round(D, 2)
    assert {str(item["sk"]): dict(item) for item in backend.raw.scan(D)} == made.items


@rules("KEY-06")
@pytest.mark.parametrize("name", WRONG)
def test_the_provider_opens_no_wrapped_key_that_is_not_right(backend: Backend, name: str) -> None:
    keys: Any = backend.keys
    assert keys is not None, "the profile needs the backend's key provider (Backend.keys)"
    change, layer = WRONG[name]
    kek = keys.derive_kek(keys.get_umk(), "local")
    made = keys.generate_dek(kek, D, 1)
    assert isinstance(made, tuple), f"expected a handle and a wrapped key, got {type(made)}"
    wrapped = made[1]
    with expect_error("integrity_error", layer=layer, address=ADDRESS):
        keys.decrypt_dek(kek, D, 1, change(dict(wrapped)))
    assert keys.decrypt_dek(kek, D, 1, wrapped) is not None


@rules("KEY-06")
def test_another_key_with_a_commitment_of_its_own_opens_no_item(world: World) -> None:
    """Whoever holds the KEK can exchange the DEK, but nothing sealed before opens under it."""
    backend = world.open()
    assert backend.raw is not None
    begin(backend.store, D, rounds=[1])
    made = Forge.of(backend.raw, D)
    made.items["dek#1"] = {
        **_other_key(made.items["dek#1"]),
    }
    dek = Forge(D, [made.items["dek#1"]]).deks[1]
    made.items["dek#1"]["commitment"] = commitment(dek)
    made.put_into(backend.raw)
    found = plain(world.open().store.verify_partition(D))
    assert [(f["sk"], f["layer"]) for f in found] == [
        ("head", "tag"),
        ("meta", "tag"),
        ("round#01", "tag"),
    ]


# -- KEY-08 ----------------------------------------------------------------------------------------


def other_key_file(world: World) -> Path:
    """Another good master key."""
    path = world.key_file.with_name("other.key")
    path.write_bytes(bytes(range(32, 64)))
    path.chmod(0o600)
    return path


WHO: dict[str, tuple[bool, bool, str]] = {  # another user, another master key -> the code
    "another user": (True, False, "key_denied"),
    "another master key": (False, True, "umk_changed"),
    "another user with another master key": (True, True, "key_denied"),
}


@rules("KEY-08")
@pytest.mark.parametrize("who", WHO)
def test_who_holds_other_keys_reads_and_writes_nothing(world: World, who: str) -> None:
    """U is compared first, then k; every method of the contract, and nothing is written."""
    user, umk, code = WHO[who]
    owner = world.open()
    begin(owner.store, D, rounds=[1, 3], experts=["muffin", "scone"])
    before = plain(owner.store.load_partition(D))
    key_file = other_key_file(world) if umk else None
    stranger = world.open(key_file=key_file, user_id="eve" if user else "local").store
    tried = [method for method in calls(D) if method != "next_seq"]  # that may need no key
    assert len(tried) > 30
    if who != "another user":
        tried = ["load_partition", "get_rounds", "create_round", "register_claim"]
    for method in tried:
        with expect_error(code):
            call(stranger, method, calls(D)[method])
    assert plain(world.open().store.load_partition(D)) == before


@rules("KEY-08")
def test_two_users_of_one_master_key_keep_to_their_own(world: World) -> None:
    ann, bob = world.open(user_id="ann").store, world.open(user_id="bob").store
    ann.create_dialogue("of-ann", "Ann's")
    bob.create_dialogue("of-bob", "Bob's")
    assert shown(ann.get_dialogue("of-ann"))["title"] == "Ann's"
    assert shown(bob.get_dialogue("of-bob"))["title"] == "Bob's"
    with expect_error("key_denied"):
        ann.get_dialogue("of-bob")
    with expect_error("key_denied"):
        bob.get_dialogue("of-ann")


KEK_ID = kek_key_id(derive_kek(PUBLISHED_UMK, "local"), "local")
U, K = KEK_ID.split("#")[1:]
OTHER = "0123456789abcdef"

#: A forged key_id of the wrapped key, what else was done to it -> what is said of it.
FORGED: dict[str, tuple[str, Callable[[Item], Item], dict[str, Any]]] = {
    "another user": (f"kek#{OTHER}#{K}", dict, {"code": "key_denied"}),
    "another key": (f"kek#{U}#{OTHER}", dict, {"code": "umk_changed"}),
    "both": (f"kek#{OTHER}#{OTHER}", dict, {"code": "key_denied"}),
    "the two exchanged": (f"kek#{K}#{U}", dict, {"code": "key_denied"}),
    "another key, and a flipped bit": (
        f"kek#{U}#{OTHER}",
        lambda item: _flip(item, "content_encrypted", 0),
        {"code": "umk_changed"},
    ),
    "another user, and another commitment": (
        f"kek#{OTHER}#{K}",
        lambda item: {**item, "commitment": "0" * 64},
        {"code": "key_denied"},
    ),
    "another user, and another address": (
        f"kek#{OTHER}#{K}",
        lambda item: {**item, "aad_hash": "0" * 64},
        {"code": "integrity_error", "layer": "address"},
    ),
    "another key, and a nonce too short": (
        f"kek#{U}#{OTHER}",
        lambda item: {**item, "content_nonce": bytes(11)},
        {"code": "integrity_error", "layer": "envelope"},
    ),
    "no such form": ("kek#local#1", dict, {"code": "integrity_error", "layer": "envelope"}),
}


@rules("KEY-08")
@pytest.mark.parametrize("name", FORGED)
def test_the_first_difference_in_order_is_what_is_said(world: World, name: str) -> None:
    """Envelope, address, u, k, and only then whether it opens."""
    key_id, change, said = FORGED[name]
    backend = world.open()
    assert backend.raw is not None
    begin(backend.store, D, rounds=[1])
    made = Forge.of(backend.raw, D)
    made.items["dek#1"] = change({**made.items["dek#1"], "key_id": key_id})
    made.remake_head()
    made.put_into(backend.raw)
    expected = dict(said)
    with expect_error(expected.pop("code"), **expected):
        world.open().store.get_rounds(D)


@rules("KEY-08")
def test_a_key_put_back_opens_all_again(world: World) -> None:
    """The error leaves everything as it is."""
    world.open().store.create_dialogue(D, "Which harbour?")
    with expect_error("umk_changed"):
        world.open(key_file=other_key_file(world)).store.get_dialogue(D)
    assert world.key_file.read_bytes() == PUBLISHED_UMK
    assert plain(world.open().store.get_dialogue(D))["title"] == "Which harbour?"
