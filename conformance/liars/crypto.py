"""Liars for profile crypto: the reference's arithmetic with one step of it wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance.model.store import ModelStore
from conformance.targets.base import Backend
from conformance.targets.reference_crypto import ReferenceCrypto
from reference_impl.contract.addresses import parse_sort_key
from reference_impl.contract.errors import DialogueStoreError, error, integrity_error
from reference_impl.contract.items import Item, canonical_json
from reference_impl.contract.tables import TYPES
from reference_impl.sealing.keys import hkdf
from reference_impl.testing import ManualClock

from . import all_rules
from .kit import lie as liars
from .kit.made import Made

__all__: list[str] = []


def _in_process(crypto: type[ReferenceCrypto], profile: str) -> Made:
    """A backend of a subclass of the reference's arithmetic, and nothing else."""

    def factory(folder: Path, **options: Any) -> Backend:
        del folder, options
        return Backend(ModelStore(ManualClock()), profiles=(profile,), crypto=crypto())

    return Made(factory)


lie = partial(liars.lie, "crypto", tried=_in_process)


def _in_one_vector(*rules: str) -> dict[str, str]:
    return dict.fromkeys(rules, "a vector of an address, or of its fault, cites this rule as well")


# -- addresses -------------------------------------------------------------------------------------


@lie("ADDR-03", "ENV-03", also={"ADDR-04": "so have dialogues whose ids share a prefix"})
class PadsNoNumbers(ReferenceCrypto):
    """Writes round and number of an address without leading zeros."""

    def address(self, dialogue_id: str, entity: str, parts: Mapping[str, Any]) -> str:
        made = super().address(dialogue_id, entity, parts)
        return re.sub(r"(?<=[/#])0(?=[0-9](?:#|$))", "", made)


@lie("ADDR-03", "ADDR-04", "ADDR-10")
class ParsesNumbersAsTheyCome(ReferenceCrypto):
    """Takes any spelling of a round and a number in an address that a number parser takes."""

    def parse_address(self, address: str) -> tuple[str, str, Mapping[str, Any]]:
        def padded(found: re.Match[str]) -> str:
            try:
                return f"{int(found[0]):02d}"
            except ValueError:
                return found[0]

        head, slash, subkey = address.rpartition("/")
        return super().parse_address(head + slash + re.sub("[^#]+", padded, subkey))


@lie("ADDR-03", also=_in_one_vector("ADDR-04", "ENV-02", "ENV-03"))
class AddressesByDisplayId(ReferenceCrypto):
    """Gives an entity's address by its display id."""

    def address(self, dialogue_id: str, entity: str, parts: Mapping[str, Any]) -> str:
        letter = TYPES[entity].display_letter if entity in TYPES else None
        made = super().address(dialogue_id, entity, parts)
        if letter is None:
            return made
        return f"{made.rpartition('/')[0]}/{letter}{parts['round']:02d}{parts['seq']:02d}"


@lie("ADDR-03", also=_in_one_vector("ENV-02", "ENV-03"))
class OneAddressForAllEvents(ReferenceCrypto):
    """Leaves the time out of an event's address, so that events of one entity share it."""

    def address(self, dialogue_id: str, entity: str, parts: Mapping[str, Any]) -> str:
        made = super().address(dialogue_id, entity, parts)
        return made.rpartition("#")[0] if entity.endswith("_event") else made


@lie("ADDR-04", also=_in_one_vector("ADDR-03", "ADDR-10", "ENV-02", "ENV-03"))
class TakesAnyLetterInAnEvent(ReferenceCrypto):
    """Reads the address of a tension's event that names a claim."""

    def parse_address(self, address: str) -> tuple[str, str, Mapping[str, Any]]:
        own = {"perspective": "P", "tension": "T", "recommendation": "R"}
        form = re.compile(r"(entity:event/)(\w+)#[PTREC](\d{4})#")
        right = form.sub(lambda m: f"{m[1]}{m[2]}#{own.get(m[2], 'P')}{m[3]}#", address)
        return super().parse_address(right)


# -- canonical JSON --------------------------------------------------------------------------------


@lie("ADDR-10", "ENV-06")
class SortsByCodePoint(ReferenceCrypto):
    """Orders the keys of an object by code points and not by UTF-16 units."""

    def canonical(self, text: bytes) -> bytes:
        super().canonical(text)
        value = json.loads(text)
        made = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return made.encode() if not _has_numbers(value) else super().canonical(text)


def _has_numbers(value: Any) -> bool:
    if isinstance(value, dict | list):
        members = value.values() if isinstance(value, dict) else value
        return any(map(_has_numbers, members))
    return isinstance(value, float)


@lie("ADDR-10", "ENV-06")
class ReplacesWhatIsNoUtf8(ReferenceCrypto):
    """Reads bytes that are no UTF-8 as the replacement character, and gives them back as they were."""

    def canonical(self, text: bytes) -> bytes:
        readable = text.decode("utf-8", "replace").encode()
        made = super().canonical(readable)
        return text if made == readable else made


@lie("ADDR-10", "ENV-02", "ENV-06")
class OpensAnyJson(ReferenceCrypto):
    """Opens a plaintext that is JSON of the right fields, canonical or not."""

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        try:
            return super().open(item, deks)
        except DialogueStoreError as refused:
            if refused.data.get("layer") != "payload":
                raise
            return super().open(_resealed(item, deks), deks)


def _resealed(item: Item, deks: Mapping[int, bytes]) -> Item:
    """The item with its plaintext in canonical form, where that can be made."""
    cipher = AESGCM(deks[int(str(item["key_id"]).rpartition("#")[2])])
    nonce, sealed = _sealed(item)
    aad = bytes.fromhex(str(item["aad_hash"]))
    plaintext = cipher.decrypt(nonce, sealed, aad)
    try:
        again = canonical_json(json.loads(plaintext))
    except (ValueError, RecursionError):
        return item
    return {**item, "content_encrypted": cipher.encrypt(nonce, again, aad)}


def _sealed(item: Item) -> tuple[bytes, bytes]:
    nonce, sealed = item["content_nonce"], item["content_encrypted"]
    assert isinstance(nonce, bytes), "looked at before"
    assert isinstance(sealed, bytes), "looked at before"
    return nonce, sealed


# -- keys ------------------------------------------------------------------------------------------


@lie("KEY-03", "KEY-05", "ADDR-10")
class DerivesFromTheUserAlone(ReferenceCrypto):
    """Derives a KEK with the user_id as info, without the label."""

    def derive_kek(self, umk: bytes, user_id: str) -> tuple[bytes, str]:
        super().derive_kek(umk, user_id)
        kek = hkdf(umk, user_id.encode())
        u = hashlib.sha256(user_id.encode()).hexdigest()[:16]
        return kek, f"kek#{u}#{hkdf(kek, b'blue/kek-check/v1').hex()[:16]}"


@lie("KEY-03", "KEY-05", "ADDR-10")
class ComposesUserIds(ReferenceCrypto):
    """Takes a user_id in its composed form."""

    def derive_kek(self, umk: bytes, user_id: str) -> tuple[bytes, str]:
        return super().derive_kek(umk, unicodedata.normalize("NFC", user_id))


@lie("KEY-03")
class TakesAnyUserId(ReferenceCrypto):
    """Derives a KEK for a user_id of any length and any characters."""

    def derive_kek(self, umk: bytes, user_id: str) -> tuple[bytes, str]:
        try:
            return super().derive_kek(umk, user_id)
        except DialogueStoreError as refused:
            if refused.code != "invalid_field":
                raise
            return hkdf(umk, b"blue/kek/v1\x00" + user_id.encode()), "kek#?"


@lie("KEY-06", "ENV-06", also={"ADDR-10": "a commitment by another reading passes as well"})
class ChecksNoCommitment(ReferenceCrypto):
    """Opens a wrapped key whatever commitment stands beside it."""

    def open_dek(self, kek: bytes, user_id: str, item: Item) -> bytes:
        try:
            return super().open_dek(kek, user_id, item)
        except DialogueStoreError as refused:
            if refused.data.get("layer") != "key" or refused.code != "integrity_error":
                raise
            nonce, sealed = _sealed(item)
            try:
                plaintext = AESGCM(kek).decrypt(nonce, sealed, bytes.fromhex(str(item["aad_hash"])))
            except InvalidTag:
                raise refused from None
            return base64.b64decode(json.loads(plaintext)["key"])


@lie("KEY-03", "KEY-05")
class CallsEveryStrangerDenied(ReferenceCrypto):
    """Says key_denied where the master key changed, too."""

    def open_dek(self, kek: bytes, user_id: str, item: Item) -> bytes:
        try:
            return super().open_dek(kek, user_id, item)
        except DialogueStoreError as refused:
            if refused.code != "umk_changed":
                raise
            raise error("key_denied", "another user's") from None


# -- envelopes -------------------------------------------------------------------------------------


@lie("ENV-02", "ENV-03", "ENV-06", "ENV-09")
class SealsToHexText(ReferenceCrypto):
    """Seals and opens with the hex text of the address digest as associated data."""

    def seal(
        self, address: str, fields: Mapping[str, Any], *, dek: bytes, key_id: str, nonce: bytes
    ) -> Item:
        made = super().seal(address, fields, dek=dek, key_id=key_id, nonce=nonce)
        return _rebound(made, dek, bytes.fromhex, str.encode)

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        try:
            dek = deks[int(str(item["key_id"]).rpartition("#")[2])]
            bound = _rebound(item, dek, str.encode, bytes.fromhex)
        except (AssertionError, InvalidTag, KeyError, TypeError, ValueError):
            bound = item
        return super().open(bound, deks)


def _rebound(
    item: Item, dek: bytes, old: Callable[[str], bytes], new: Callable[[str], bytes]
) -> Item:
    cipher, digest = AESGCM(dek), str(item["aad_hash"])
    nonce, sealed = _sealed(item)
    plaintext = cipher.decrypt(nonce, sealed, old(digest))
    return {**item, "content_encrypted": cipher.encrypt(nonce, plaintext, new(digest))}


@lie("ENV-02", "ENV-09", also={"ENV-03": "what is sealed so is compared whole"})
class LeavesOutWhatIsUnset(ReferenceCrypto):
    """Seals an unset field by leaving it out, not as null."""

    def seal(
        self, address: str, fields: Mapping[str, Any], *, dek: bytes, key_id: str, nonce: bytes
    ) -> Item:
        made = super().seal(address, fields, dek=dek, key_id=key_id, nonce=nonce)
        plaintext = canonical_json({n: v for n, v in fields.items() if v is not None})
        aad = bytes.fromhex(str(made["aad_hash"]))
        return {**made, "content_encrypted": AESGCM(dek).encrypt(nonce, plaintext, aad)}


@lie(
    "ENV-06",
    also=dict.fromkeys(
        ("ADDR-04", "ADDR-10", "ENV-02", "ENV-03"), "a fault against it is told by another layer"
    ),
)
class CallsEverythingATag(ReferenceCrypto):
    """Tells each fault of an item as one of its tag."""

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        try:
            return super().open(item, deks)
        except DialogueStoreError as refused:
            data = refused.data
            raise integrity_error(
                "tag", data.get("address"), str(item["pk"]), str(item["sk"]), "bad"
            ) from None


@lie("ENV-03", "ENV-06")
class GoesByTheAadHash(ReferenceCrypto):
    """Opens an item with the aad_hash that it carries, wherever it lies."""

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        try:
            return super().open(item, deks)
        except DialogueStoreError as refused:
            if refused.data.get("layer") != "address":
                raise
            known = parse_sort_key(str(item["sk"]))
            assert known is not None, "the sort key was looked at before"
            address = refused.data["address"]
            dek = deks[int(str(item["key_id"]).rpartition("#")[2])]
            right = hashlib.sha256(str(address).encode()).hexdigest()
            moved = _rebound(item, dek, bytes.fromhex, lambda _: bytes.fromhex(right))
            return super().open({**moved, "aad_hash": right}, deks)


@lie("ENV-06")
class OverlooksNotes(ReferenceCrypto):
    """Does not mind an attribute called note."""

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        return super().open({n: v for n, v in item.items() if n != "note"}, deks)


@lie(*all_rules("crypto"), null=True)
class AnswersNothing(ReferenceCrypto):
    """Answers None to everything."""

    def address(self, *_: Any, **__: Any) -> Any:
        return None

    parse_address = canonical = derive_kek = open_dek = seal = open = address
