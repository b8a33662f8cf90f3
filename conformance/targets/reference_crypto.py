"""What profile ``crypto`` asks, answered by the reference implementation in process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reference_impl.contract import addresses
from reference_impl.contract.errors import error, integrity_error
from reference_impl.contract.items import Item, canonical_json
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import (
    DekHandle,
    KekHandle,
    KeyProvider,
    UmkHandle,
    system_randomness,
)
from reference_impl.sealing.payloads import Fault
from reference_impl.store.audit_log import Ledger
from reference_impl.store.opening import Keyring, _Reader
from reference_impl.store.snapshot import Snapshot

__all__ = ["ReferenceCrypto"]


class _Given(KeyProvider):
    """The steps that every provider shares, over a KEK that is given."""

    def __init__(self, kek: KekHandle | None = None) -> None:
        self._kek = kek

    def get_umk(self) -> UmkHandle:
        """There is none: what is derived from it is given."""
        return UmkHandle(bytes(32))

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        """The given KEK, or the contract's."""
        return self._kek or super().derive_kek(umk, user_id)


class ReferenceCrypto:
    """See :class:`conformance.targets.base.Crypto`: the reader of the reference store, one item at a
    time, and what its writer is made of."""

    def address(self, dialogue_id: str, entity: str, parts: Mapping[str, Any]) -> str:
        """ADDR-03."""
        return addresses.address(dialogue_id, entity, parts)

    def parse_address(self, address: str) -> tuple[str, str, Mapping[str, Any]]:
        """ADDR-04."""
        dialogue_id, kind, parts = addresses.parse_address(address)
        return dialogue_id, kind.entity, parts

    def canonical(self, text: bytes) -> bytes:
        """ADDR-10."""
        try:
            return canonical_json(orjson.loads(text))
        except ValueError:
            raise error("invalid_field", "not JSON that can be carried") from None

    def derive_kek(self, umk: bytes, user_id: str) -> tuple[bytes, str]:
        """KEY-03, KEY-05."""
        kek = _Given().derive_kek(UmkHandle(umk), user_id)
        return _bytes_of(kek), kek.key_id

    def open_dek(self, kek: bytes, user_id: str, item: Item) -> bytes:
        """KEY-05, KEY-06."""
        reader = _reader(item, _Given(KekHandle(kek, user_id)), user_id)
        _open(reader, item)
        (dek,) = reader.snapshot.deks.values()
        return _bytes_of(dek)

    def seal(
        self, address: str, fields: Mapping[str, Any], *, dek: bytes, key_id: str, nonce: bytes
    ) -> Item:
        """ENV-01 to ENV-03, ENV-09."""
        dialogue_id, kind, _ = addresses.parse_address(address)
        handle = DekHandle(dek, dialogue_id, int(key_id.rpartition("#")[2]))
        return envelope.seal(handle, address, envelope.payload_of(kind, fields), nonce)

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        """ENV-06."""
        reader = _reader(item, _Given(), "local")
        for version, dek in deks.items():
            reader.snapshot.deks[version] = DekHandle(dek, reader.snapshot.dialogue_id, version)
        return _open(reader, item)


def _reader(item: Item, provider: KeyProvider, user_id: str) -> _Reader:
    dialogue_id = addresses.parse_partition_key(str(item["pk"]))
    if dialogue_id is None:
        raise error("invalid_identifier", "not the partition key of a dialogue")
    keys = Keyring(provider, user_id, system_randomness)
    return _Reader(dialogue_id, keys, Ledger(dialogue_id), Snapshot(dialogue_id))


def _open(reader: _Reader, item: Item) -> dict[str, Any]:
    """The sealed fields of one item, as the store's own reader opens it."""
    pk, sk = str(item["pk"]), str(item["sk"])
    parsed = addresses.parse_sort_key(sk)
    if parsed is None:
        raise integrity_error("envelope", None, pk, sk, "the sort key has no form of the contract")
    kind, parts = parsed
    address = envelope.address_of(reader.snapshot.dialogue_id, kind, parts)
    try:
        fields = reader._open(kind, parts, address, item)
    except Fault as fault:
        raise fault.as_error(address, pk, sk) from None
    return {f.name: fields.get(f.name) for f in kind.sealed_fields}


def _bytes_of(key: KekHandle | DekHandle) -> bytes:
    # A handle hides its key, on purpose; the keys of vectors are published.
    hidden: bytes = key._Handle__key  # type: ignore[union-attr]
    return hidden
