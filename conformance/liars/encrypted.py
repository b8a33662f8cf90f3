"""Liars for profile encrypted: the reference store in memory with one thing wrong.

Each replaces one step of a write, or of a read while that is under way; nothing outlives the
liar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest import mock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from conformance.targets.base import Backend
from conformance.targets.builtin import PartitionRaw
from reference_impl.contract import addresses
from reference_impl.contract.entities import Finding
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item, Value, canonical_json
from reference_impl.contract.tables import EntityType
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle, LocalFileKeyProvider
from reference_impl.sealing.payloads import Fault, parse_payload
from reference_impl.store import opening as reading
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.opening import _Reader
from reference_impl.store.planning.writes import Draft
from reference_impl.store.snapshot import Snapshot
from reference_impl.testing import ManualClock

from . import liar
from .kit.patching import PATCHING

__all__ = ["LyingStore", "factory_of", "forget", "lie"]

S = TypeVar("S", bound="LyingStore")

#: What each folder of a run holds.
_STORAGE: dict[Path, MemoryPartitionStore] = {}


def forget(folder: Path) -> None:
    """Discard what a folder holds."""
    _STORAGE.pop(folder.resolve(), None)


class LyingStore(EncryptedStore):
    """The reference store, some steps of whose reads are replaced while a read is under way.

    ``steps``: name of a step of the envelope -> what is done in its place; it is given the real
    step first. ``reader``: what opens the items. Both are in force only within :meth:`_read_once`,
    under a lock, so that nothing is left behind.
    """

    steps: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    reader: ClassVar[type[_Reader]] = _Reader

    def _read_once(self, *args: Any, **kwargs: Any) -> tuple[Snapshot, list[Finding]]:
        with PATCHING, ExitStack() as patches:
            patches.enter_context(mock.patch.object(reading, "_Reader", self.reader))
            for name, step in self.steps.items():
                instead = partial(step, getattr(envelope, name))
                patches.enter_context(mock.patch.object(envelope, name, instead))
            return super()._read_once(*args, **kwargs)


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


def lie(
    *must_fail: str, also: Mapping[str, str] | None = None, **more: Any
) -> Callable[[type[S]], type[S]]:
    """Make a liar of a subclass of :class:`LyingStore`; its docstring tells the lie, its name is
    the liar's."""

    def register(store: type[S]) -> type[S]:
        factory = factory_of(store)
        factory.__name__ = snake(store.__name__)
        factory.__doc__ = store.__doc__
        liar(must_fail=must_fail, profile="encrypted", also=also, discard=forget, **more)(factory)
        return store

    return register


def snake(name: str) -> str:
    """``ReusesANonce`` as ``reuses_a_nonce``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


# -- readers -----------------------------------------------------------------------------------


def _believed(_: Any, address: str, item: Item) -> bytes:
    del address
    return bytes.fromhex(str(item["aad_hash"]))


@lie("ENV-03", "ENV-06", "ENV-07", "ENV-08")
class BelievesTheAadHash(LyingStore):
    """Decrypts with the stored aad_hash and never computes it from where the item lies."""

    steps: ClassVar = {"check_address": _believed}


def _short(
    real: Callable[..., dict[str, Any]], kind: EntityType, dek: DekHandle, aad: bytes, item: Item
) -> dict[str, Any]:
    try:
        return real(kind, dek, aad, item)
    except Fault as fault:
        if fault.layer != "tag":
            raise
        sealed, nonce = _bytes(item["content_encrypted"]), _bytes(item["content_nonce"])
        key = dek._Handle__key  # type: ignore[attr-defined]
        mode = modes.GCM(nonce, sealed[-12:], min_tag_length=12)
        cipher = Cipher(algorithms.AES(key), mode).decryptor()
        cipher.authenticate_additional_data(aad)
        try:
            plaintext = cipher.update(sealed[:-12]) + cipher.finalize()
        except InvalidTag:
            raise fault from None
        return parse_payload(kind.entity, plaintext)


@lie("ENV-06")
class TakesShortTags(LyingStore):
    """Accepts a tag of 12 bytes, as the mode itself would."""

    steps: ClassVar = {"open_payload": _short}


def _last_of_two(real: Callable[..., dict[str, Any]], entity: str, text: bytes) -> dict[str, Any]:
    """The payload, read as ``json`` reads it where a key stands twice and nothing else is wrong."""

    def sizes(source: bytes) -> list[int]:
        found: list[int] = []
        json.loads(source, object_pairs_hook=lambda pairs: found.append(len(pairs)))
        return sorted(found)

    with suppress(ValueError, RecursionError):
        once = canonical_json(json.loads(text))
        if sizes(once) != sizes(text):
            return real(entity, once)
    return real(entity, text)


@lie("ENV-02", "ENV-06")
class TakesTheLastOfTwoKeys(LyingStore):
    """Accepts a plaintext in which a JSON key stands twice."""

    steps: ClassVar = {"parse_payload": _last_of_two}


def _any_json(real: Callable[..., dict[str, Any]], entity: str, text: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        text = canonical_json(json.loads(text))
    return real(entity, text)


@lie("ENV-02", "ENV-06")
class TakesAnyJson(LyingStore):
    """Accepts a plaintext that is not canonical: spaces, order, 1.0."""

    steps: ClassVar = {"parse_payload": _any_json}


def _in_lower_case(item: Item) -> Item:
    digest = item.get("aad_hash")
    return {**item, "aad_hash": digest.lower()} if isinstance(digest, str) else item


@lie("ADDR-10", "ENV-06")
class TakesCapitalHex(LyingStore):
    """Accepts an aad_hash in capital letters."""

    steps: ClassVar = {
        "check_form": lambda real, kind, parts, dialogue_id, item: real(
            kind, parts, dialogue_id, _in_lower_case(item)
        ),
        "check_address": lambda real, address, item: real(address, _in_lower_case(item)),
    }


def _of_the_contract(item: Item, kind: EntityType) -> Item:
    known = {"pk", "sk", *(f.name for f in kind.cleartext_fields)}
    beginnings = ("by_", "content_", "key_", "aad_")
    return {n: v for n, v in item.items() if n in known or n.startswith(beginnings)}


@lie("ADDR-05", "ENV-01", "ENV-06")
class OverlooksAttributes(LyingStore):
    """Does not mind an attribute that the contract does not know."""

    steps: ClassVar = {
        "check_form": lambda real, kind, parts, dialogue_id, item: real(
            kind, parts, dialogue_id, _of_the_contract(item, kind)
        )
    }


class _Forgetful(set[Any]):
    def __contains__(self, value: object) -> bool:
        return False


@lie("ENV-06")
class OverlooksNonces(LyingStore):
    """Does not notice two items under one nonce."""

    class reader(_Reader):  # noqa: N801
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._met = _Forgetful()


@lie("ENV-06", "ENV-07", "ENV-08", "STORE-03")
class OverlooksTheSet(LyingStore):
    """Proves each item and never the set: count and sum of the head are not looked at."""

    class reader(_Reader):  # noqa: N801
        def check_set(self, items: list[Item]) -> None:
            before = len(self.findings)
            super().check_set(items)
            if self.snapshot.head is not None:
                del self.findings[before:]


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
        known = self._cell(dialogue_id).snapshot
        return super()._load(dialogue_id) if known is None else known


# -- writers ---------------------------------------------------------------------------------------


@lie("ENV-04")
class ReusesANonce(LyingStore):
    """Seals every head of a dialogue under the nonce of its first one."""

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        there = self._partitions.get(addresses.partition_key(dialogue_id), "head")
        if kind.entity != "head" or there is None:
            return super()._seal(dialogue_id, kind, fields, dek)
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

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        if kind.entity == "head":
            fields = {**fields, "seals": fields["revision"]}
        return super()._seal(dialogue_id, kind, fields, dek)


@lie(
    "ENV-03",
    "ENV-09",
    also=dict.fromkeys(
        (*(set(_TABLES) - {"ENV-03"}), "ENV-04", "ENV-05", "ENV-06", "ENV-07", "ERR-03"),
        "nothing that this store seals can be opened to be looked at",
    ),
)
class BindsToHexText(LyingStore):
    """Seals and opens with the hex text of the digest as AAD, not with its 32 bytes."""

    steps: ClassVar = {
        "check_address": lambda real, address, item: real(address, item).hex().encode()
    }

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

    steps: ClassVar = {
        "check_form": lambda real, kind, parts, dialogue_id, item: real(
            kind, parts, dialogue_id, {n: v for n, v in item.items() if n != "preview"}
        )
    }

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
