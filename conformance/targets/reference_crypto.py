"""What profile ``crypto`` asks, answered by the reference implementation in process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reference_impl.contract import addresses
from reference_impl.contract.errors import error
from reference_impl.contract.items import Item, canonical_json
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle, KekHandle, UmkHandle, system_randomness
from reference_impl.sealing.providers import KeyProvider
from reference_impl.store.key_uses import KeyUses
from reference_impl.store.keyring import Keyring
from reference_impl.store.opening import Opener, Opening
from reference_impl.testing import exposed

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
        return exposed(kek), kek.key_id

    def open_dek(self, kek: bytes, user_id: str, item: Item) -> bytes:
        """KEY-05, KEY-06."""
        opener, opening = _opener(item, _Given(KekHandle(kek, user_id)), user_id)
        opener.open_item(opening, item)
        (dek,) = opening.snapshot.deks.values()
        return exposed(dek)

    def seal(
        self, address: str, fields: Mapping[str, Any], *, dek: bytes, key_id: str, nonce: bytes
    ) -> Item:
        """ENV-01 to ENV-03, ENV-09."""
        dialogue_id, kind, _ = addresses.parse_address(address)
        handle = DekHandle(dek, dialogue_id, int(key_id.rpartition("#")[2]))
        return envelope.seal(handle, address, envelope.payload_of(kind, fields), nonce)

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        """ENV-06."""
        opener, opening = _opener(item, _Given(), "local")
        for version, dek in deks.items():
            opening.snapshot.deks[version] = DekHandle(dek, opening.dialogue_id, version)
        fields = opener.open_item(opening, item)
        kind, _ = addresses.parse_sort_key(str(item["sk"])) or (None, None)
        return {f.name: fields.get(f.name) for f in kind.sealed_fields} if kind else {}


def _opener(item: Item, provider: KeyProvider, user_id: str) -> tuple[Opener, Opening]:
    """The store's own opener with the keys of a provider, at the item's dialogue."""
    dialogue_id = addresses.parse_partition_key(str(item["pk"]))
    if dialogue_id is None:
        raise error("invalid_identifier", "not the partition key of a dialogue")
    opener = Opener(Keyring(provider, user_id, system_randomness))
    return opener, opener.opening(dialogue_id, KeyUses(dialogue_id))
