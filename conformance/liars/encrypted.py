"""Liars for profile encrypted: the reference store in memory with one step of a read or of a write wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from reference_impl.contract import addresses
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item, Value, canonical_json
from reference_impl.contract.tables import EntityType
from reference_impl.partitions.port import PartitionStore
from reference_impl.sealing import envelope, payloads
from reference_impl.sealing.keys import DekHandle
from reference_impl.sealing.payloads import Fault
from reference_impl.store.assembling import Assembler
from reference_impl.store.audit_log import AuditLog
from reference_impl.store.keyring import Keyring
from reference_impl.store.loading import Loader
from reference_impl.store.opening import Opener, Opening
from reference_impl.store.operation import Operation
from reference_impl.store.planning.writes import Draft
from reference_impl.store.runtime import Runtime
from reference_impl.store.snapshot import Snapshot
from reference_impl.testing import exposed

from .kit.lie import lie
from .kit.over_reference import Front, in_place_of
from .kit.touched import touched

__all__ = ["Sealer"]

F = Callable[..., Any]


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value


# -- readers -----------------------------------------------------------------------------------


@lie(
    "encrypted",
    *("ENV-03", "ENV-06", "ENV-07", "ENV-08"),
    tried=in_place_of(envelope.check_address),
)
def believes_the_aad_hash(honest: F, address: str, item: Item) -> bytes:
    """Decrypts with the stored aad_hash and never computes it from where the item lies."""
    del honest, address
    return bytes.fromhex(str(item["aad_hash"]))


@lie("encrypted", "ENV-06", tried=in_place_of(envelope.open_payload))
def takes_short_tags(honest: F, kind: EntityType, dek: DekHandle, aad: bytes, item: Item) -> Any:
    """Accepts a tag of 12 bytes, as the mode itself would."""
    try:
        return honest(kind, dek, aad, item)
    except Fault as fault:
        if fault.layer != "tag":
            raise
        sealed, nonce = _bytes(item["content_encrypted"]), _bytes(item["content_nonce"])
        mode = modes.GCM(nonce, sealed[-12:], min_tag_length=12)
        cipher = Cipher(algorithms.AES(exposed(dek)), mode).decryptor()
        cipher.authenticate_additional_data(aad)
        try:
            plaintext = cipher.update(sealed[:-12]) + cipher.finalize()
        except InvalidTag:
            raise fault from None
        return payloads.parse_payload(kind.entity, plaintext)


@lie("encrypted", "ENV-02", "ENV-06", tried=in_place_of(payloads.parse_payload))
def takes_the_last_of_two_keys(honest: F, entity: str, text: bytes) -> Any:
    """Accepts a plaintext in which a JSON key stands twice.

    It is read as ``json`` reads it where nothing else is wrong.
    """

    def sizes(source: bytes) -> list[int]:
        found: list[int] = []
        json.loads(source, object_pairs_hook=lambda pairs: found.append(len(pairs)))
        return sorted(found)

    with suppress(ValueError, RecursionError):
        once = canonical_json(json.loads(text))
        if sizes(once) != sizes(text):
            return honest(entity, once)
    return honest(entity, text)


@lie("encrypted", "ENV-02", "ENV-06", tried=in_place_of(payloads.parse_payload))
def takes_any_json(honest: F, entity: str, text: bytes) -> Any:
    """Accepts a plaintext that is not canonical: spaces, order, 1.0."""
    with suppress(ValueError, RecursionError):
        if entity != "dek":  # what a key provider opens is its own business
            text = canonical_json(json.loads(text))
    return honest(entity, text)


def _in_lower_case(item: Item) -> Item:
    digest = item.get("aad_hash")
    return {**item, "aad_hash": digest.lower()} if isinstance(digest, str) else item


@lie(
    "encrypted",
    *("ADDR-10", "ENV-06"),
    tried=in_place_of(envelope.check_form, envelope.check_address),
)
class TakesCapitalHex:
    """Accepts an aad_hash in capital letters."""

    @staticmethod
    def check_form(honest: F, kind: EntityType, parts: Any, dialogue_id: str, item: Item) -> None:
        honest(kind, parts, dialogue_id, _in_lower_case(item))

    @staticmethod
    def check_address(honest: F, address: str, item: Item) -> Any:
        return honest(address, _in_lower_case(item))


@lie(
    "encrypted",
    *("ADDR-05", "ENV-01", "ENV-06"),
    tried=in_place_of(envelope.check_form),
)
def overlooks_attributes(
    honest: F, kind: EntityType, parts: Any, dialogue_id: str, item: Item
) -> None:
    """Does not mind an attribute that the contract does not know."""
    known = {"pk", "sk", *(f.name for f in kind.cleartext_fields)}
    beginnings = ("by_", "content_", "key_", "aad_")
    seen = {n: v for n, v in item.items() if n in known or n.startswith(beginnings)}
    honest(kind, parts, dialogue_id, seen)


class _Forgetful(set[Any]):
    def __contains__(self, value: object) -> bool:
        return False


@lie("encrypted", "ENV-06")
class OverlooksNonces(Opener):
    """Does not notice two items under one nonce."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__(keyring, nonces=_Forgetful)


@lie("encrypted", "ENV-06", "ENV-07", "ENV-08", "STORE-03")
class OverlooksTheSet(Opener):
    """Proves each item and never the set: count and sum of the head are not looked at."""

    def check_set(self, opening: Opening, items: list[Item]) -> None:
        before = len(opening.findings)
        super().check_set(opening, items)
        if opening.snapshot.head is not None:
            del opening.findings[before:]


_TABLES = ("ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-08", "STORE-03")


@lie(
    "encrypted",
    *("ENV-06", "ENV-07"),
    also=dict.fromkeys(_TABLES, "their faults are verified as well"),
)
class VerifiesNothing(Front):
    """verify_partition always finds a partition in order."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        del given
        return [] if method == "verify_partition" else made


@lie(
    "encrypted",
    *("ENV-06", "ENV-07"),
    also=dict.fromkeys(
        (*_TABLES, "ENV-05", "ERR-03"), "they are shown with reads that have to fail"
    ),
)
class LeavesBadItemsOut(Loader):
    """A read skips what does not open, as if it were not there."""

    def load(self, operation: Operation) -> Snapshot:
        loaded = self.collect(operation)
        if loaded.snapshot.head is None or any(f.sk in ("meta", "head") for f in loaded.findings):
            return super().load(operation)
        return loaded.snapshot


@lie("encrypted", "STORE-03", "STORE-18", also=touched("ENV-06", "STORE-04", "STORE-16"))
class RemembersTooLong(Loader):
    """Answers reads from its first load until it writes itself."""

    def load(self, operation: Operation) -> Snapshot:
        known = operation.cached.shown()
        return super().load(operation) if known is None else known


# -- writers ---------------------------------------------------------------------------------------


class Sealer(Assembler):
    """An assembler that a liar can let seal under a nonce of its own."""

    def __init__(
        self, partitions: PartitionStore, log: AuditLog, runtime: Runtime, **more: Any
    ) -> None:
        super().__init__(partitions, log, runtime, **more)
        self.partitions = partitions
        self.runtime = runtime

    def seal_under(
        self,
        nonce: bytes,
        dialogue_id: str,
        kind: EntityType,
        fields: Mapping[str, Any],
        dek: DekHandle,
    ) -> Mapping[str, Value]:
        """The envelope under a given nonce."""
        address = addresses.address(dialogue_id, kind.entity, fields)
        return envelope.seal(dek, address, envelope.payload_of(kind, fields), nonce)


@lie("encrypted", "ENV-04")
class ReusesANonce(Sealer):
    """Seals every head of a dialogue under the nonce of its first one."""

    def seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        there = self.partitions.get(addresses.partition_key(dialogue_id), "head")
        if kind.entity != "head" or there is None:
            return super().seal(dialogue_id, kind, fields, dek)
        return self.seal_under(_bytes(there["content_nonce"]), dialogue_id, kind, fields, dek)


@lie("encrypted", "ENV-04", also={"ENV-06": "a flipped bit makes one counted nonce another"})
class CountsItsNonces(Sealer):
    """Draws a nonce once and counts on from there."""

    last: int | None = None

    def seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        if self.last is None:
            self.last = int.from_bytes(self.runtime.randomness(12), "big") >> 1
        self.last += 1
        return self.seal_under(self.last.to_bytes(12, "big"), dialogue_id, kind, fields, dek)


@lie("encrypted", "ENV-04")
class CountsNoSeals(Assembler):
    """Counts writes instead of encryptions."""

    def seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        if kind.entity == "head":
            fields = {**fields, "seals": fields["revision"]}
        return super().seal(dialogue_id, kind, fields, dek)


@lie(
    "encrypted",
    *("ENV-03", "ENV-09"),
    also=dict.fromkeys(
        (*(set(_TABLES) - {"ENV-03"}), "ENV-04", "ENV-05", "ENV-06", "ENV-07", "ERR-03"),
        "nothing that this store seals can be opened to be looked at",
    ),
    tried=in_place_of(envelope.check_address),
)
class BindsToHexText(Sealer):
    """Seals and opens with the hex text of the digest as AAD, not with its 32 bytes."""

    @staticmethod
    def check_address(honest: F, address: str, item: Item) -> bytes:
        digest: bytes = honest(address, item)
        return digest.hex().encode()

    def seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        digest = envelope.address_digest(addresses.address(dialogue_id, kind.entity, fields))
        nonce = self.runtime.randomness(12)
        payload = envelope.payload_of(kind, fields)
        return {
            "content_encrypted": dek.seal(nonce, payload, digest.hex().encode()),
            "content_nonce": nonce,
            "key_id": dek.key_id,
            "aad_hash": digest.hex(),
        }


@lie(
    "encrypted",
    *("ADDR-05", "ENV-01", "ENV-05"),
    tried=in_place_of(envelope.check_form),
)
class KeepsAPreview(Assembler):
    """Keeps the beginning of a label in clear beside the sealed one, for a quick list."""

    @staticmethod
    def check_form(honest: F, kind: EntityType, parts: Any, dialogue_id: str, item: Item) -> None:
        seen = {n: v for n, v in item.items() if n != "preview"}
        honest(kind, parts, dialogue_id, seen)

    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item = super().item(dialogue_id, draft, dek)
        label = draft.fields.get("label")
        return {**item, "preview": label[:20]} if isinstance(label, str) else item


@lie("encrypted", "ERR-03", "ENV-05")
class QuotesTheInput(Front):
    """Shows in an error what it was given."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        del method
        texts = [value for value in given.values() if isinstance(value, str)]
        message = f"{refusal.message} Given: {texts}"
        raise DialogueStoreError(refusal.code, message, refusal.data) from None
