"""Liars for profile encrypted: the reference store in memory with one thing wrong.

Each overrides one step of the store, of its reader or of its storage; nothing outside of the
instance is changed, so that nothing outlives the liar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from conformance.targets.base import Backend
from conformance.targets.builtin import PartitionRaw
from reference_impl.contract import addresses
from reference_impl.contract.entities import Finding
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item, Value, canonical_json
from reference_impl.contract.tables import TYPES, EntityType
from reference_impl.encrypted_store import EncryptedStore
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.reading import _Reader
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle, LocalFileKeyProvider
from reference_impl.sealing.payloads import Fault, parse_payload
from reference_impl.snapshot import Head, Snapshot
from reference_impl.testing import ManualClock
from reference_impl.writes import Draft, no_dialogue

from . import liar

__all__ = ["LyingReader", "LyingStore", "factory_of", "forget", "lie"]

S = TypeVar("S", bound="LyingStore")

_DEK = TYPES["dek"]
#: What each folder of a run holds.
_STORAGE: dict[Path, MemoryPartitionStore] = {}


def forget(folder: Path) -> None:
    """Discard what a folder holds."""
    _STORAGE.pop(folder.resolve(), None)


class LyingReader(_Reader):
    """The reader of sealed items, each step of which a subclass may get wrong."""

    def form(self, kind: EntityType, parts: Any, item: Item) -> None:
        envelope.check_form(kind, parts, self.snapshot.dialogue_id, item)

    def nonce(self, item: Item) -> None:
        used = (item["key_id"], item["content_nonce"])
        if used in self._met:
            raise Fault("envelope", "this nonce was used for another item under the same key")
        self._met.add(used)

    def aad(self, address: str, item: Item) -> bytes:
        return envelope.check_address(address, item)

    def opened(self, dek: DekHandle, aad: bytes, item: Item) -> bytes:
        return dek.open(_bytes(item["content_nonce"]), _bytes(item["content_encrypted"]), aad)

    def parsed(self, kind: EntityType, plaintext: bytes) -> dict[str, Any]:
        return parse_payload(kind.entity, plaintext)

    def _open(
        self, kind: EntityType, parts: Any, address: str | None, item: Item
    ) -> dict[str, Any]:
        if address is None or kind is _DEK:
            return super()._open(kind, parts, address, item)
        self.form(kind, parts, item)
        self.nonce(item)
        aad = self.aad(address, item)
        dek = self.snapshot.deks.get(envelope.dek_version(self.snapshot.dialogue_id, item))
        if dek is None:
            raise Fault("key", "the key_id names a data key that is not there or did not open")
        try:
            plaintext = self.opened(dek, aad, item)
        except InvalidTag:
            raise Fault("tag", "the tag does not fit") from None
        fields = {field.name: item.get(field.name) for field in kind.cleartext_fields}
        return {**fields, **parts, **self.parsed(kind, plaintext)}


class LyingStore(EncryptedStore):
    """The reference store with a reader of its own; it reads once, as memory tears no page."""

    reader: ClassVar[type[LyingReader]] = LyingReader

    def _read_once(self, dialogue_id: str) -> tuple[Snapshot, list[Finding]]:
        items = self._partitions.query(addresses.partition_key(dialogue_id))
        if not items:
            raise no_dialogue(dialogue_id)
        reader = self.reader(dialogue_id, self._keys)
        forms = [(addresses.parse_sort_key(str(item["sk"])), item) for item in items]
        forms.sort(key=lambda entry: _order(*entry))
        for form, item in forms:
            reader.take(str(item["sk"]), form, item)
        reader.check_set(items)
        return reader.snapshot, reader.findings


def _order(form: Any, item: Item) -> tuple[int, int, bytes]:
    """Data keys by version, then everything else by the bytes of its sort key."""
    if form is not None and form[0] is _DEK:
        return (0, form[1]["version"], b"")
    return (1, 0, str(item["sk"]).encode())


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value


def factory_of(
    store: type[LyingStore], keys: Callable[[Path], LocalFileKeyProvider] = LocalFileKeyProvider
) -> Callable[..., Backend]:
    """Opens a lying store over the memory of a folder, with the key provider that ``keys``
    makes."""

    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        clock, provider = ManualClock(), keys(key_file)
        items = _STORAGE.setdefault(folder.resolve(), MemoryPartitionStore())
        opened = store(items, provider, user_id=user_id, clock=clock, deadline_s=deadline_s)
        return Backend(opened, raw=PartitionRaw(items), set_clock=clock.set, keys=provider)

    return factory


def lie(*must_fail: str, also: Mapping[str, str] | None = None) -> Callable[[type[S]], type[S]]:
    """Make a liar of a subclass of :class:`LyingStore`; its docstring tells the lie, its name is
    the liar's."""

    def register(store: type[S]) -> type[S]:
        factory = factory_of(store)
        factory.__name__ = snake(store.__name__)
        factory.__doc__ = store.__doc__
        liar(must_fail=must_fail, profile="encrypted", also=also, discard=forget)(factory)
        return store

    return register


def snake(name: str) -> str:
    """``ReusesANonce`` as ``reuses_a_nonce``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


# -- readers
# -------------------------------------------------------------------------------------------


@lie("ENV-03", "ENV-06", "ENV-07", "ENV-08")
class BelievesTheAadHash(LyingStore):
    """Decrypts with the stored aad_hash and never computes it from where the item lies."""

    class reader(LyingReader):  # noqa: N801
        def aad(self, address: str, item: Item) -> bytes:  # noqa: ARG002
            return bytes.fromhex(str(item["aad_hash"]))


@lie("ENV-06")
class TakesShortTags(LyingStore):
    """Accepts a tag of 12 bytes, as the mode itself would."""

    class reader(LyingReader):  # noqa: N801
        def opened(self, dek: DekHandle, aad: bytes, item: Item) -> bytes:
            try:
                return super().opened(dek, aad, item)
            except InvalidTag:
                sealed, nonce = _bytes(item["content_encrypted"]), _bytes(item["content_nonce"])
                mode = modes.GCM(nonce, sealed[-12:], min_tag_length=12)
                key = dek._Handle__key  # type: ignore[attr-defined]
                cipher = Cipher(algorithms.AES(key), mode).decryptor()
                cipher.authenticate_additional_data(aad)
                return cipher.update(sealed[:-12]) + cipher.finalize()


@lie("ENV-02", "ENV-06")
class TakesTheLastOfTwoKeys(LyingStore):
    """Accepts a plaintext in which a JSON key stands twice."""

    class reader(LyingReader):  # noqa: N801
        def parsed(self, kind: EntityType, plaintext: bytes) -> dict[str, Any]:
            try:
                value = json.loads(plaintext)
                pairs: list[int] = []
                json.loads(plaintext, object_pairs_hook=lambda found: pairs.append(len(found)))
                once = canonical_json(value)
            except (ValueError, RecursionError):
                once = plaintext
            else:
                objects: list[int] = []
                json.loads(once, object_pairs_hook=lambda found: objects.append(len(found)))
                if sorted(pairs) == sorted(
                    objects
                ):  # no key twice: whatever else is wrong stays so
                    once = plaintext
            return super().parsed(kind, once)


@lie("ENV-02", "ENV-06")
class TakesAnyJson(LyingStore):
    """Accepts a plaintext that is not canonical: spaces, order, 1.0."""

    class reader(LyingReader):  # noqa: N801
        def parsed(self, kind: EntityType, plaintext: bytes) -> dict[str, Any]:
            with suppress(ValueError, RecursionError):
                plaintext = canonical_json(json.loads(plaintext))
            return super().parsed(kind, plaintext)


@lie("ADDR-10", "ENV-06")
class TakesCapitalHex(LyingStore):
    """Accepts an aad_hash in capital letters."""

    class reader(LyingReader):  # noqa: N801
        def form(self, kind: EntityType, parts: Any, item: Item) -> None:
            super().form(kind, parts, _in_lower_case(item))

        def aad(self, address: str, item: Item) -> bytes:
            return super().aad(address, _in_lower_case(item))


def _in_lower_case(item: Item) -> Item:
    digest = item.get("aad_hash")
    return {**item, "aad_hash": digest.lower()} if isinstance(digest, str) else item


@lie("ADDR-05", "ENV-01", "ENV-06")
class OverlooksAttributes(LyingStore):
    """Does not mind an attribute that the contract does not know."""

    class reader(LyingReader):  # noqa: N801
        def form(self, kind: EntityType, parts: Any, item: Item) -> None:
            known = {"pk", "sk", *(f.name for f in kind.cleartext_fields)}
            known |= {name for name in item if name.startswith(("by_", "content_", "key_", "aad_"))}
            super().form(kind, parts, {n: v for n, v in item.items() if n in known})


@lie("ENV-06")
class OverlooksNonces(LyingStore):
    """Does not notice two items under one nonce."""

    class reader(LyingReader):  # noqa: N801
        def nonce(self, item: Item) -> None:
            pass


@lie("ENV-06", "ENV-07", "ENV-08", "STORE-03")
class OverlooksTheSet(LyingStore):
    """Proves each item and never the set: count and sum of the head are not looked at."""

    class reader(LyingReader):  # noqa: N801
        def check_set(self, items: list[Item]) -> None:
            pass


_TABLES = ("ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-08", "STORE-03")


@lie("ENV-06", "ENV-07", also=dict.fromkeys(_TABLES, "their faults are verified as well"))
class VerifiesNothing(LyingStore):
    """verify_partition always finds a partition in order."""

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        super().verify_partition(dialogue_id)
        return []


@lie(
    "ENV-06",
    "ENV-07",
    also=dict.fromkeys(
        (*_TABLES, "ENV-05", "ERR-03"), "they are shown with reads that have to fail"
    ),
)
class LeavesBadItemsOut(LyingStore):
    """A read skips what does not open, as if it were not there."""

    def _load(self, dialogue_id: str) -> Snapshot:
        snapshot, findings = self._read(dialogue_id)
        if snapshot.head is None or any(found.sk in ("meta", "head") for found in findings):
            return super()._load(dialogue_id)
        return snapshot


@lie("STORE-03", "STORE-18")
class RemembersTooLong(LyingStore):
    """Answers reads from its first load until it writes itself."""

    def _load(self, dialogue_id: str) -> Snapshot:
        cell = self._cell(dialogue_id)
        if cell.snapshot is None:
            cell.snapshot = super()._load(dialogue_id)
        return cell.snapshot


# -- writers
# -------------------------------------------------------------------------------------------


@lie("ENV-04")
class ReusesANonce(LyingStore):
    """Seals every head of a dialogue under the nonce of its first one."""

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        sealed = super()._seal(dialogue_id, kind, fields, dek)
        there = self._partitions.get(addresses.partition_key(dialogue_id), "head")
        if kind.entity != "head" or there is None:
            return sealed
        address = addresses.address(dialogue_id, "head", {})
        nonce = _bytes(there["content_nonce"])
        return envelope.seal(dek, address, envelope.payload_of(kind, fields), nonce)


@lie("ENV-04", also={"ENV-06": "a flipped bit makes one counted nonce another"})
class CountsItsNonces(LyingStore):
    """Draws a nonce once and counts on from there."""

    _next: int | None = None

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        if self._next is None:
            self._next = int.from_bytes(self._randomness(12), "big") >> 1
        self._next += 1
        address = addresses.address(dialogue_id, kind.entity, fields)
        payload = envelope.payload_of(kind, fields)
        return envelope.seal(dek, address, payload, self._next.to_bytes(12, "big"))


@lie("ENV-04")
class CountsNoSeals(LyingStore):
    """Counts writes instead of encryptions."""

    def _head(
        self,
        dialogue_id: str,
        dek: DekHandle,
        revision: int,
        now: str,
        count: int,
        items_sum: int,
        seals: int,  # noqa: ARG002
    ) -> Head:
        return super()._head(dialogue_id, dek, revision, now, count, items_sum, revision)


@lie(
    "ENV-03",
    "ENV-09",
    also=dict.fromkeys(
        (*_TABLES, "ENV-04", "ENV-05", "ENV-06", "ENV-07", "ERR-03"),
        "nothing that this store seals can be opened to be looked at",
    ),
)
class BindsToHexText(LyingStore):
    """Seals and opens with the hex text of the digest as AAD, not with its 32 bytes."""

    class reader(LyingReader):  # noqa: N801
        def aad(self, address: str, item: Item) -> bytes:
            return super().aad(address, item).hex().encode()

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        digest = envelope.address_digest(addresses.address(dialogue_id, kind.entity, fields))
        nonce = self._randomness(12)
        payload = envelope.payload_of(kind, fields)
        return {
            "content_encrypted": dek.seal(nonce, payload, digest.hex().encode()),
            "content_nonce": nonce,
            "key_id": dek.key_id,
            "aad_hash": digest.hex(),
        }


@lie("ADDR-05", "ENV-01", "ENV-05")
class KeepsAPreview(LyingStore):
    """Keeps the beginning of a label in clear beside the sealed one, for a quick list."""

    class reader(LyingReader):  # noqa: N801
        def form(self, kind: EntityType, parts: Any, item: Item) -> None:
            super().form(kind, parts, {n: v for n, v in item.items() if n != "preview"})

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item = super()._item(dialogue_id, draft, dek)
        label = draft.fields.get("label")
        return {**item, "preview": label[:20]} if isinstance(label, str) else item


@lie("ERR-03", "ENV-05")
class QuotesTheInput(LyingStore):
    """Shows in an error what it was given."""

    def _validated(self, method: str, **given: Any) -> dict[str, Any]:
        try:
            return super()._validated(method, **given)
        except DialogueStoreError as refused:
            texts = [value for value in given.values() if isinstance(value, str)]
            message = f"{refused.message} Given: {texts}"
            raise DialogueStoreError(refused.code, message, refused.data) from None
