"""Opening a partition: stored items in, checked records out, layer by layer in the order of ENV-06."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from .contract import addresses
from .contract.entities import Finding
from .contract.errors import DialogueStoreError
from .contract.items import Item
from .contract.tables import TYPES, EntityType
from .sealing import envelope
from .sealing.head import head_term, sums_equal, term
from .sealing.keys import DekHandle, KekHandle, KeyProvider, Randomness
from .sealing.payloads import Fault
from .snapshot import Head, Record, Snapshot

__all__ = ["Keyring", "open_partition"]

_HEAD = TYPES["head"]
_DEK = TYPES["dek"]
#: How many opened data keys a store keeps.
_KEPT_DEKS = 1024


class Keyring:
    """The keys of one store: the KEK derived once, data keys kept while their wrapped bytes are the same."""

    def __init__(self, provider: KeyProvider, user_id: str, randomness: Randomness) -> None:
        self._provider = provider
        self._user_id = user_id
        self._randomness = randomness
        self._kek: KekHandle | None = None
        self._deks: OrderedDict[tuple[str, int], tuple[Item, DekHandle]] = OrderedDict()
        self._lock = threading.Lock()

    def kek(self) -> KekHandle:
        """The KEK; asks the provider on first use."""
        with self._lock:
            if self._kek is None:
                self._kek = self._provider.derive_kek(self._provider.get_umk(), self._user_id)
            return self._kek

    def make(self, dialogue_id: str, version: int) -> tuple[DekHandle, Item]:
        """A new data key and the wrapped attributes of its item."""
        return self._provider.generate_dek(
            self.kek(), dialogue_id, version, randomness=self._randomness
        )

    def open(self, dialogue_id: str, version: int, item: Item) -> DekHandle:
        """The data key of a dek item, unwrapped unless this very item was opened before."""
        place = (dialogue_id, version)
        with self._lock:
            kept = self._deks.get(place)
            if kept is not None and kept[0] == item:
                self._deks.move_to_end(place)
                return kept[1]
        dek = self._provider.decrypt_dek(self.kek(), dialogue_id, version, item)
        self.keep(dialogue_id, version, item, dek)
        return dek

    def keep(self, dialogue_id: str, version: int, item: Item, dek: DekHandle) -> None:
        """Remember an opened data key together with the item that it lies in."""
        with self._lock:
            self._deks[dialogue_id, version] = (dict(item), dek)
            self._deks.move_to_end((dialogue_id, version))
            while len(self._deks) > _KEPT_DEKS:
                self._deks.popitem(last=False)


def open_partition(
    dialogue_id: str, items: Iterable[Item], keys: Keyring
) -> tuple[Snapshot, list[Finding]]:
    """All items of a partition, opened; bad ones as findings in the order in which they were met.

    Data keys come first by version, then everything else by ascending sort key (bytes); an item passes
    all its layers before the next is looked at; count and sum come last.
    """
    reader = _Reader(dialogue_id, keys)
    deks, others = [], []
    for item in items:
        sk = str(item["sk"])
        parsed = addresses.parse_sort_key(sk)
        if parsed is not None and parsed[0] is _DEK:
            deks.append((parsed[1]["version"], sk, parsed, item))
        else:
            others.append((sk.encode("utf-8", "surrogatepass"), sk, parsed, item))
    for _, sk, parsed, item in sorted(deks, key=lambda entry: entry[0]):
        reader.take(sk, parsed, item)
    for _, sk, parsed, item in sorted(others, key=lambda entry: entry[0]):
        reader.take(sk, parsed, item)
    reader.check_set([item for _, _, _, item in deks] + [item for _, _, _, item in others])
    return reader.snapshot, reader.findings


class _Reader:
    def __init__(self, dialogue_id: str, keys: Keyring) -> None:
        self.snapshot = Snapshot(dialogue_id)
        self.findings: list[Finding] = []
        self._keys = keys
        self._pk = self.snapshot.pk
        self._met: set[tuple[Any, Any]] = set()
        self._head_seen = False

    def take(self, sk: str, parsed: tuple[EntityType, Any] | None, item: Item) -> None:
        """Pass one item through its layers, into the snapshot or the findings."""
        address = None
        try:
            if parsed is None:
                raise Fault("envelope", "the sort key has no form of the contract")
            kind, parts = parsed
            self._head_seen |= kind is _HEAD
            address = envelope.address_of(self.snapshot.dialogue_id, kind, parts)
            fields = self._open(kind, parts, address, item)
        except Fault as fault:
            self.findings.append(
                Finding(fault.code, fault.layer, address, self._pk, sk, fault.detail)
            )
            return
        if kind is _HEAD:
            self._take_head(item, fields)
        elif kind is not _DEK:
            self.snapshot.add(sk, Record(kind, parts, item, fields))

    def _open(
        self, kind: EntityType, parts: Any, address: str | None, item: Item
    ) -> dict[str, Any]:
        dialogue_id = self.snapshot.dialogue_id
        envelope.check_form(kind, parts, dialogue_id, item)
        fields: dict[str, Any] = {f.name: item.get(f.name) for f in kind.cleartext_fields}
        fields.update(parts)
        if address is None:
            return fields
        used = (item["key_id"], item["content_nonce"])
        if used in self._met:
            raise Fault("envelope", "this nonce was used for another item under the same key")
        self._met.add(used)
        digest = envelope.check_address(address, item)
        if kind is _DEK:
            version = parts["version"]
            self.snapshot.deks[version] = _refused_as_fault(
                lambda: self._keys.open(dialogue_id, version, item)
            )
            return fields
        dek = self.snapshot.deks.get(envelope.dek_version(dialogue_id, item))
        if dek is None:
            raise Fault("key", "the key_id names a data key that is not there or did not open")
        fields.update(envelope.open_payload(kind, dek, digest, item))
        return fields

    def _take_head(self, item: Item, fields: dict[str, Any]) -> None:
        dek = self.snapshot.deks[envelope.dek_version(self.snapshot.dialogue_id, item)]
        own = head_term(dek.sum_key(), self._pk, fields["revision"], fields["updated_at"])
        self.snapshot.head = Head(
            item=item,
            revision=fields["revision"],
            updated_at=fields["updated_at"],
            state=fields["state"],
            pending=fields["pending"],
            count=fields["count"],
            items_sum=int(fields["sum"], 16) - own,
            seals=fields["seals"],
            dek=dek,
        )

    def check_set(self, items: list[Item]) -> None:
        """Layer ``head``: the head is there, and count and sum are those of the items found."""
        head = self.snapshot.head
        if head is None:
            if not self._head_seen:
                self._set_finding("the partition has items and no head")
            return
        others = [item for item in items if item["sk"] != "head"]
        if head.count != len(others):
            self._set_finding("the number of items is not the one written")
            return
        key = head.dek.sum_key()
        try:
            total = sum(term(key, item) for item in others)
        except ValueError:
            self._set_finding("an item cannot be summed")
            return
        if not sums_equal(total, f"{head.items_sum % 2**256:064x}"):
            self._set_finding("the set of items is not the one written")
        elif head.pending is not None:
            self._set_finding("the head names a journal that is not there")

    def _set_finding(self, detail: str) -> None:
        address = addresses.address(self.snapshot.dialogue_id, "head", {})
        self.findings.append(Finding("integrity_error", "head", address, self._pk, "head", detail))


def _refused_as_fault(open_dek: Callable[[], DekHandle]) -> DekHandle:
    """Errors about this one wrapped key become findings; errors of the UMK itself go on as they are."""
    try:
        return open_dek()
    except DialogueStoreError as refused:
        if "layer" not in refused.data:
            raise
        raise Fault(
            refused.data["layer"],
            refused.data.get("detail", refused.message),
            code=refused.code,
        ) from None
