"""Opening a partition: stored items in, checked records out, layer by layer in the order of ENV-06."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from ..contract import addresses
from ..contract.entities import Finding
from ..contract.errors import DialogueStoreError
from ..contract.items import Item
from ..contract.tables import TYPES, EntityType
from ..sealing import envelope
from ..sealing.head import head_term, sums_equal, term
from ..sealing.keys import DekHandle, KekHandle, KeyProvider, Randomness
from ..sealing.payloads import Fault
from .audit_log import Ledger
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

    def kek(self, ledger: Ledger) -> KekHandle:
        """The KEK; asks the provider on first use."""
        with self._lock:
            if self._kek is None:
                try:
                    self._kek = self._provider.derive_kek(self._provider.get_umk(), self._user_id)
                except DialogueStoreError as refused:
                    ledger.derived(None, "denied" if refused.code == "key_denied" else "failure")
                    raise
                ledger.derived(self._kek.key_id)
            return self._kek

    def known_kek(self) -> KekHandle | None:
        """The KEK if it was derived; does not try to."""
        return self._kek

    def forget(self) -> None:
        """Drop every key: they were used and that could not be logged."""
        with self._lock:
            self._kek = None
            self._deks.clear()

    def make(self, dialogue_id: str, version: int, ledger: Ledger) -> tuple[DekHandle, Item]:
        """A new data key and the wrapped attributes of its item."""
        kek = self.kek(ledger)
        made = self._provider.generate_dek(kek, dialogue_id, version, randomness=self._randomness)
        ledger.wrapped(kek.key_id, version)
        return made

    def open(self, dialogue_id: str, version: int, item: Item, ledger: Ledger) -> DekHandle:
        """The data key of a dek item, unwrapped unless this very item was opened before."""
        place = (dialogue_id, version)
        with self._lock:
            kept = self._deks.get(place)
            if kept is not None and kept[0] == item:
                self._deks.move_to_end(place)
                return kept[1]
        kek = self.kek(ledger)
        try:
            dek = self._provider.decrypt_dek(kek, dialogue_id, version, item)
        except DialogueStoreError as refused:
            outcome = "denied" if refused.code == "key_denied" else "failure"
            ledger.unwrapped(kek.key_id, version, outcome)
            raise
        ledger.unwrapped(kek.key_id, version)
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
    dialogue_id: str,
    items: Iterable[Item],
    keys: Keyring,
    ledger: Ledger,
    known: Snapshot | None = None,
) -> tuple[Snapshot, list[Finding]]:
    """All items of a partition, opened; bad ones as findings in the order in which they were met.

    Data keys come first by version, then everything else by ascending sort key (bytes); an item passes
    all its layers before the next is looked at; count and sum come last. An item that is byte for byte
    one of ``known``'s was opened before: neither its layers nor its term of the sum are gone through again.
    """
    reader = _Reader(dialogue_id, keys, ledger, known or Snapshot(dialogue_id))
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
    def __init__(self, dialogue_id: str, keys: Keyring, ledger: Ledger, known: Snapshot) -> None:
        self.snapshot = Snapshot(dialogue_id)
        self.findings: list[Finding] = []
        self._keys = keys
        self._ledger = ledger
        self._known = known
        self._pk = self.snapshot.pk
        self._met: set[tuple[Any, Any]] = set()
        self._head_seen = False
        self._same: set[str] = set()

    def take(self, sk: str, parsed: tuple[EntityType, Any] | None, item: Item) -> None:
        """Pass one item through its layers, into the snapshot or the findings."""
        if self._take_known(sk, item):
            return
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

    def _take_known(self, sk: str, item: Item) -> bool:
        """Take an item that was opened before, if it is that and its nonce is not met twice."""
        record = self._known.records.get(sk)
        head = self._known.head
        if record is not None and record.item == item:
            self._same.add(sk)
        elif not (sk == "head" and head is not None and head.item == item):
            return False
        if "content_nonce" in item:
            used = (item["key_id"], item["content_nonce"])
            if used in self._met:
                self._same.discard(sk)
                return False
            self._met.add(used)
        if sk == "head":
            self._head_seen = True
            if head is None or head.dek.version not in self.snapshot.deks:
                return False
            self.snapshot.head = head
        elif record is not None:
            self.snapshot.add(sk, record)
        return True

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
                lambda: self._keys.open(dialogue_id, version, item, self._ledger)
            )
            return fields
        dek = self.snapshot.deks.get(envelope.dek_version(dialogue_id, item))
        if dek is None:
            raise Fault("key", "the key_id names a data key that is not there or did not open")
        try:
            fields.update(envelope.open_payload(kind, dek, digest, item))
        except Fault:
            self._ledger.not_opened(dek.version, address)
            raise
        self._ledger.opened(dek.version, address)
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
            audit_head=fields["audit_head"],
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
        terms = self.snapshot.terms
        if self._known.sum_key == key:
            terms.update((sk, self._known.terms[sk]) for sk in self._same)
        try:
            for item in others:
                sk = str(item["sk"])
                if sk not in terms:
                    terms[sk] = term(key, item)
        except ValueError:
            self._set_finding("an item cannot be summed")
            return
        self.snapshot.sum_key = key
        if not sums_equal(sum(terms.values()), f"{head.items_sum % 2**256:064x}"):
            self._set_finding("the set of items is not the one written")

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
