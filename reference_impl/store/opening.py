"""Opening a partition: stored items in, checked records out, layer by layer in the order of ENV-06."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableSet
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..contract import addresses
from ..contract.entities import Finding
from ..contract.errors import DialogueStoreError
from ..contract.items import Item
from ..contract.tables import TYPES, EntityType
from ..sealing import envelope
from ..sealing.head import head_term, sums_equal, term
from ..sealing.keys import DekHandle
from ..sealing.payloads import Fault
from .key_uses import KeyUses
from .keyring import Keyring
from .snapshot import Head, Record, Snapshot

__all__ = ["Opener", "Opening"]

_HEAD = TYPES["head"]
_DEK = TYPES["dek"]

#: Cleartext fields of each type whose values can equal one of another type: numbers and booleans.
_CONFUSABLE = {
    kind.entity: tuple(
        f.name for f in kind.cleartext_fields if f.type.startswith(("int", "number", "bool"))
    )
    for kind in TYPES.values()
}

_DEKS = "dek#"

#: A sort key that has one of the contract's forms: the type, and the parts by name.
_Parsed: TypeAlias = tuple[EntityType, Any]

#: (key_id, nonce) of what was met in one read.
Nonces = MutableSet[tuple[Any, Any]]


@dataclass
class Opening:
    """One partition on its way from items to records.

    ``known`` is what was opened before; ``snapshot`` and ``findings`` are what comes out; ``same`` are the
    records of ``known`` whose items are still there; ``has_head`` says whether an item lay at the head's key.
    """

    dialogue_id: str
    uses: KeyUses
    known: Snapshot
    nonces: Nonces
    snapshot: Snapshot = field(init=False)
    findings: list[Finding] = field(default_factory=list)
    same: Mapping[str, Record] = field(default_factory=dict)
    has_head: bool = False
    #: key_ids of data keys that are those of ``known``: only under them is anything opened already
    trusted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.snapshot = Snapshot(self.dialogue_id)

    def find(self, layer: str, address: str | None, sk: str, detail: str, **more: Any) -> None:
        """One finding more."""
        code = more.get("code", "integrity_error")
        self.findings.append(Finding(code, layer, address, self.snapshot.pk, sk, detail))


class Opener:
    """Opens items with the keys of a keyring. ``nonces`` makes what remembers the nonces of one read."""

    def __init__(self, keyring: Keyring, *, nonces: Callable[[], Nonces] = set) -> None:
        self._keyring = keyring
        self._nonces = nonces

    def open_partition(
        self, dialogue_id: str, items: Iterable[Item], uses: KeyUses, known: Snapshot | None = None
    ) -> tuple[Snapshot, list[Finding]]:
        """All items of a partition, opened; bad ones as findings in the order in which they were met.

        Data keys come first by version, then everything else by ascending sort key (bytes); an item passes
        all its layers before the next is looked at; count and sum come last. An item that is byte for byte
        one of ``known``'s was opened before: neither its layers nor its term of the sum are gone through
        again.
        """
        opening = Opening(dialogue_id, uses, known or Snapshot(dialogue_id), self._nonces())
        deks: list[tuple[int, str, _Parsed, Item]] = []
        others: list[tuple[str, Item]] = []
        for item in items:
            sk = str(item["sk"])
            parsed = addresses.parse_sort_key(sk) if sk.startswith(_DEKS) else None
            if parsed is None:
                others.append((sk, item))
            else:
                deks.append((parsed[1]["version"], sk, parsed, item))
        deks.sort(key=lambda entry: entry[0])
        for _, sk, parsed, item in deks:
            self._take(opening, sk, parsed, item)
        opening.trusted = frozenset(
            dek.key_id
            for version, dek in opening.snapshot.deks.items()
            if opening.known.deks.get(version) is dek
        )
        rest = [
            (sk.encode("utf-8", "surrogatepass"), sk, item)
            for sk, item in _take_known(opening, others)
        ]
        rest.sort(key=lambda entry: entry[0])
        for _, sk, item in rest:
            self._take(opening, sk, addresses.parse_sort_key(sk), item)
        self.check_set(opening, [*(entry[3] for entry in deks), *(item for _, item in others)])
        return opening.snapshot, opening.findings

    def open_item(self, opening: Opening, item: Item) -> dict[str, Any]:
        """The fields of one item by name, its sort key's parts among them, with the data keys that
        ``opening.snapshot`` has; a dek item's key is put there. ``integrity_error`` and the codes of
        KEY-08, with the layer that caught it (ENV-06)."""
        pk, sk = str(item["pk"]), str(item["sk"])
        parsed = addresses.parse_sort_key(sk)
        address = None
        try:
            if parsed is None:
                raise Fault(
                    "envelope", "its sort key has none of the forms that the contract knows"
                )
            address = envelope.address_of(opening.dialogue_id, *parsed)
            return self._open(opening, *parsed, address, item)
        except Fault as fault:
            raise fault.as_error(address, pk, sk) from None

    def opening(self, dialogue_id: str, uses: KeyUses) -> Opening:
        """Where single items of a dialogue are opened (:meth:`open_item`)."""
        return Opening(dialogue_id, uses, Snapshot(dialogue_id), self._nonces())

    def check_set(self, opening: Opening, items: list[Item]) -> None:
        """Layer ``head``: the head is there, and count and sum are those of the items found."""
        snapshot, known = opening.snapshot, opening.known
        head = snapshot.head
        if head is None:
            if not opening.has_head:
                self._find_set(opening, "the partition has items and no head")
            return
        others = [item for item in items if item["sk"] != "head"]
        if head.count != len(others):
            self._find_set(opening, "there are more or fewer items than were written")
            return
        key = head.dek.sum_key()
        terms = snapshot.terms
        if known.sum_key == key:
            terms.update({sk: known.terms[sk] for sk in opening.same})
        try:
            for item in others:
                sk = str(item["sk"])
                if sk not in terms:
                    terms[sk] = term(key, item)
        except ValueError:
            self._find_set(opening, "an item holds a value that cannot be summed")
            return
        snapshot.sum_key = key
        if not sums_equal(sum(terms.values()), f"{head.items_sum % 2**256:064x}"):
            self._find_set(opening, "the items are not those that were written: their sum differs")

    def _find_set(self, opening: Opening, detail: str) -> None:
        address = addresses.address(opening.dialogue_id, "head", {})
        opening.find("head", address, "head", detail)

    def _take(self, opening: Opening, sk: str, parsed: _Parsed | None, item: Item) -> None:
        """Pass one item through its layers, into the snapshot or the findings."""
        address = None
        try:
            if parsed is None:
                raise Fault(
                    "envelope", "its sort key has none of the forms that the contract knows"
                )
            kind, parts = parsed
            opening.has_head |= kind is _HEAD
            address = envelope.address_of(opening.dialogue_id, kind, parts)
            fields = self._open(opening, kind, parts, address, item)
        except Fault as fault:
            opening.find(fault.layer, address, sk, fault.detail, code=fault.code)
            return
        if kind is _HEAD:
            self._take_head(opening, item, fields)
        elif kind is not _DEK:
            opening.snapshot.add(sk, Record(kind, parts, item, fields))

    def _open(
        self, opening: Opening, kind: EntityType, parts: Any, address: str | None, item: Item
    ) -> dict[str, Any]:
        dialogue_id, deks = opening.dialogue_id, opening.snapshot.deks
        envelope.check_form(kind, parts, dialogue_id, item)
        fields: dict[str, Any] = {f.name: item.get(f.name) for f in kind.cleartext_fields}
        fields.update(parts)
        if address is None:
            return fields
        used = (item["key_id"], item["content_nonce"])
        if used in opening.nonces:
            raise Fault("envelope", "its nonce was used for another item under the same key")
        opening.nonces.add(used)
        digest = envelope.check_address(address, item)
        if kind is _DEK:
            version = parts["version"]
            deks[version] = self._open_dek(version, item, opening.uses)
            return fields
        dek = deks.get(envelope.dek_version(dialogue_id, item))
        if dek is None:
            raise Fault("key", "the key_id names a data key that is not there or did not open")
        try:
            fields.update(envelope.open_payload(kind, dek, digest, item))
        except Fault:
            opening.uses.not_opened(dek.version, address)
            raise
        opening.uses.opened(dek.version, address)
        return fields

    def _open_dek(self, version: int, item: Item, uses: KeyUses) -> DekHandle:
        """Errors about this one wrapped key become findings; errors of the UMK itself go on as they are."""
        try:
            return self._keyring.open(version, item, uses)
        except DialogueStoreError as refused:
            if "layer" not in refused.data:
                raise
            raise Fault(
                refused.data["layer"],
                refused.data.get("detail", refused.message),
                code=refused.code,
            ) from None

    def _take_head(self, opening: Opening, item: Item, fields: Mapping[str, Any]) -> None:
        snapshot = opening.snapshot
        dek = snapshot.deks[envelope.dek_version(opening.dialogue_id, item)]
        own = head_term(dek.sum_key(), snapshot.pk, fields["revision"], fields["updated_at"])
        snapshot.head = Head(
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


def _take_known(opening: Opening, found: list[tuple[str, Item]]) -> list[tuple[str, Item]]:
    """Take what was opened before, and give back the rest. An item is known if it is that in type and value
    and the data key that it names is still there (STORE-03).

    Where a nonce was met twice nothing is taken: the items go through their layers in order, as in a store
    that knows none of them, and with the same findings.
    """
    known = opening.known
    head, trusted = known.head, opening.trusted
    records: dict[str, Record] = {}
    rest: list[tuple[str, Item]] = []
    met: set[tuple[Any, Any]] = set()
    sealed, is_head_known = 0, False
    for entry in found:
        sk, item = entry
        record = known.records.get(sk)
        if record is not None:
            is_same = record.item == item and _has_types(record.kind, record.item, item)
        else:
            is_same = (
                sk == "head"
                and head is not None
                and head.item == item
                and _has_types(_HEAD, head.item, item)
            )
        if is_same and "content_nonce" in item:
            is_same = item["key_id"] in trusted
        nonce = item.get("content_nonce")
        if type(nonce) is bytes and type(item.get("key_id")) is str:
            met.add((item["key_id"], nonce))
            sealed += 1
        if not is_same:
            rest.append(entry)
        elif record is not None:
            records[sk] = record
        else:
            is_head_known = True
    if len(met) < sealed or not opening.nonces.isdisjoint(met):
        return found
    opening.same = records
    opening.snapshot.take_over(records, known)
    if is_head_known:
        opening.has_head, opening.snapshot.head = True, head
    return rest


def _has_types(kind: EntityType, known: Item, item: Item) -> bool:
    """Whether an item that equals a known one does so in type as well: ``true`` and 1.0 equal 1. One that
    does not goes through its layers, as in a store that knows nothing."""
    names = _CONFUSABLE[kind.entity]
    return not names or all(type(item.get(name)) is type(known.get(name)) for name in names)
