"""The suite's own hand at the cipher: opens, seals and re-makes a stored partition without the
reference.

Straight over ``cryptography`` and ``rfc8785``: nothing here knows ``reference_impl.sealing`` or the
domain layer, so that what the suite expects and what a store does are two opinions. Only the entity
tables are shared, because they are data.

A :class:`Forge` holds a copy of the items of one dialogue. A test changes one thing in it, lets
:meth:`Forge.remake_head` count and sum the items again, and puts the result back: everything then
fits but the one fault under test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reference_impl.contract.tables import INDEXES, TYPES, EntityType

__all__ = [
    "ENVELOPE",
    "MAX_SEALS",
    "PUBLISHED_UMK",
    "Forge",
    "Item",
    "Items",
    "address_of",
    "canonical",
    "commitment",
    "derive_kek",
    "hkdf",
    "index_attributes",
    "kek_key_id",
    "kind_of",
    "open_wrapped",
    "partition_sum",
    "seal",
    "sealed_texts",
]

Item = dict[str, Any]

#: The test key that the suite publishes: it protects nothing and must never be used outside of
#: tests.
PUBLISHED_UMK = bytes(range(32))
#: ENV-04: at this number of encryptions under one DEK a store refuses.
MAX_SEALS = 2**31
#: ENV-01, in the contract's order.
ENVELOPE = ("content_encrypted", "content_nonce", "key_id", "aad_hash")


class Items(dict[str, Item]):
    """Stored items by sort key; one that is asked for and not there is the store's fault."""

    def __missing__(self, sk: str) -> Item:
        raise AssertionError(f"no item lies under the sort key {sk}")


class Raw(Protocol):
    """What the suite needs of a target to look at stored items."""

    def get(self, pk: str, sk: str) -> Item | None: ...
    def put(self, item: Any) -> None: ...
    def delete(self, pk: str, sk: str) -> None: ...
    def scan(self, dialogue_id: str) -> Sequence[Any]: ...


# -- keys (KEY-03, KEY-05, KEY-06) -----------------------------------------------------------------


def hkdf(ikm: bytes, info: bytes) -> bytes:
    """ADDR-10: RFC 5869 with SHA-256, empty salt, 32 bytes."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(ikm)


def derive_kek(umk: bytes, user_id: str) -> bytes:
    """KEY-03."""
    return hkdf(umk, b"blue/kek/v1\x00" + user_id.encode())


def kek_key_id(kek: bytes, user_id: str) -> str:
    """KEY-05: the ``key_id`` of a wrapped key, ``kek#{u}#{k}``."""
    u = hashlib.sha256(user_id.encode()).hexdigest()[:16]
    k = hkdf(kek, b"blue/kek-check/v1").hex()[:16]
    return f"kek#{u}#{k}"


def commitment(dek: bytes) -> str:
    """KEY-06: hex of what commits to a DEK."""
    return hkdf(dek, b"blue/commit/v1").hex()


def open_wrapped(kek: bytes, address: str, wrapped: Mapping[str, Any]) -> bytes:
    """The DEK in a dek item or in what a key provider gave; its payload must be exactly
    KEY-05's."""
    plaintext = open_sealed(kek, address, wrapped)
    payload = json.loads(plaintext)
    dek = base64.b64decode(payload["key"], validate=True)
    if plaintext != dek_payload(dek) or len(dek) != 32:
        raise AssertionError("the payload of the wrapped key is not that of KEY-05")
    return dek


def dek_payload(dek: bytes) -> bytes:
    """KEY-05: the plaintext of a dek item."""
    return canonical({"algorithm": "AES-256-GCM", "key": base64.b64encode(dek).decode("ascii")})


# -- items (ADDR-03, ADDR-05, ENV-01 to ENV-03) ----------------------------------------------------


def canonical(value: Any) -> bytes:
    """ADDR-10: RFC 8785 as UTF-8."""
    return rfc8785.dumps(value)


def kind_of(sk: str) -> tuple[EntityType, dict[str, Any]]:
    """(type, identity) of a well-formed sort key; ``ValueError`` for one that no template has."""
    have = sk.split("#")
    for kind in TYPES.values():
        want = kind.sk.split("#")
        if len(want) == len(have) and all(
            w == h or w.startswith("{") for w, h in zip(want, have, strict=True)
        ):
            names = [(w[1:-1].split(":")[0], h) for w, h in zip(want, have, strict=True) if w != h]
            return kind, {n: int(h) if kind.by_name[n].type == "int" else h for n, h in names}
    raise ValueError(f"no form of the contract: {sk}")


def address_of(pk: str, sk: str) -> str | None:
    """ADDR-03: the canonical address of the item under a key, None where its type has none."""
    kind, parts = kind_of(sk)
    if kind.address is None:
        return None
    return f"dialogue:{pk.removeprefix('dialogue#')}/{kind.address.format(**parts)}"


def aad_of(address: str) -> bytes:
    """ENV-03: the 32 bytes that a seal is bound to."""
    return hashlib.sha256(address.encode()).digest()


def index_attributes(pk: str, sk: str, item: Mapping[str, Any]) -> dict[str, str]:
    """The index attributes that follow from an item (ADDR-05)."""
    kind, parts = kind_of(sk)
    values = {**item, **parts, "dialogue_id": pk.removeprefix("dialogue#")}
    if kind.display_letter:
        values["tension_id"] = f"{kind.display_letter}{parts['round']:02d}{parts['seq']:02d}"
    if kind.entity == "expert":
        values["round"] = item.get("first_round", 0)
    return {
        name: form.format(**values)
        for index in INDEXES
        if kind.entity in index.entities
        for name, form in (
            (index.pk_attribute, index.pk),
            (index.sk_attribute, index.sk),
        )
    }


def seal(
    key: bytes,
    key_id: str,
    address: str,
    plaintext: bytes,
    *,
    nonce: bytes | None = None,
    aad: bytes | None = None,
) -> Item:
    """The four envelope attributes of ``plaintext`` at ``address`` (ENV-01 to ENV-04).

    ``aad`` other than ENV-03's makes the wrong item that some tests want.
    """
    nonce = os.urandom(12) if nonce is None else nonce
    bound = aad_of(address) if aad is None else aad
    return {
        "content_encrypted": AESGCM(key).encrypt(nonce, plaintext, bound),
        "content_nonce": nonce,
        "key_id": key_id,
        "aad_hash": aad_of(address).hex(),
    }


def open_sealed(key: bytes, address: str, item: Mapping[str, Any]) -> bytes:
    """The plaintext of a sealed item; ``InvalidTag`` where it was not sealed so and there."""
    return AESGCM(key).decrypt(item["content_nonce"], item["content_encrypted"], aad_of(address))


def sealed_texts(value: Any) -> Iterator[str]:
    """Every text inside a sealed payload, names of members of free objects included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield name
            yield from sealed_texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from sealed_texts(member)


# -- the head (HEAD-02) ----------------------------------------------------------------------------


def _term(key: bytes, value: Mapping[str, Any]) -> int:
    shown = {
        name: base64.b64encode(v).decode("ascii") if isinstance(v, bytes) else v
        for name, v in value.items()
    }
    return int.from_bytes(hmac.digest(key, canonical(shown), "sha256"), "big")


def partition_sum(dek: bytes, items: Iterable[Mapping[str, Any]], head: Mapping[str, Any]) -> str:
    """The sum of HEAD-02 over ``items`` (the head not among them) and the head's own term, as
    hex."""
    key = hkdf(dek, b"blue/head/v1")
    total = sum(_term(key, item) for item in items)
    total += _term(key, {name: head[name] for name in ("pk", "sk", "revision", "updated_at")})
    return f"{total % 2**256:064x}"


class Forge:
    """The items of one dialogue by sort key, with every key that opens them.

    ``items`` may be changed freely; :attr:`original` keeps what was found. ``umk`` and ``user_id``
    are those that the store was opened with.
    """

    def __init__(
        self,
        dialogue_id: str,
        items: Iterable[Mapping[str, Any]],
        *,
        umk: bytes = PUBLISHED_UMK,
        user_id: str = "local",
    ) -> None:
        self.dialogue_id = dialogue_id
        self.pk = f"dialogue#{dialogue_id}"
        self.user_id = user_id
        self.original = Items(
            (item["sk"], dict(item))
            for item in sorted(items, key=lambda i: i["sk"].encode())
            if item["pk"] == self.pk
        )
        self.items = Items((sk, dict(item)) for sk, item in self.original.items())
        self.kek = derive_kek(umk, user_id)
        self.deks: dict[int, bytes] = {
            int(sk.removeprefix("dek#")): open_wrapped(self.kek, self.address(sk), item)
            for sk, item in self.original.items()
            if sk.startswith("dek#")
        }
        self.head_payload: dict[str, Any] = self.payload("head") if "head" in self.items else {}

    @classmethod
    def of(cls, raw: Raw, dialogue_id: str, **keys: Any) -> Forge:
        """The dialogue as it lies in a target's storage."""
        return cls(dialogue_id, raw.scan(dialogue_id), **keys)

    def address(self, sk: str) -> str:
        """The canonical address of a sealed item of this dialogue."""
        address = address_of(self.pk, sk)
        if address is None:
            raise ValueError(f"{sk} has no address")
        return address

    def sealed(self) -> Iterator[str]:
        """Sort keys of the items with an envelope, the dek items left out."""
        for sk, item in self.items.items():
            if "content_encrypted" in item and not sk.startswith("dek#"):
                yield sk

    def key_for(self, sk: str) -> tuple[bytes, str]:
        """(key, key_id) under which an item is sealed here: the KEK for a dek item, else the DEK
        that the original names."""
        if sk.startswith("dek#"):
            return self.kek, kek_key_id(self.kek, self.user_id)
        found = self.original[sk if sk in self.original else "head"]
        key_id = str(found["key_id"])
        return self.deks[int(key_id.rpartition("#")[2])], key_id

    def plaintext(self, sk: str) -> bytes:
        """The opened bytes of an item, its aad_hash and key_id checked on the way."""
        item = self.items[sk]
        key, key_id = self.key_for(sk)
        if item["aad_hash"] != aad_of(self.address(sk)).hex() or item["key_id"] != key_id:
            raise AssertionError(f"{sk}: aad_hash or key_id is not that of its place")
        return open_sealed(key, self.address(sk), item)

    def payload(self, sk: str) -> dict[str, Any]:
        """The opened payload of an item as JSON values."""
        value = json.loads(self.plaintext(sk))
        if not isinstance(value, dict):
            raise AssertionError(f"{sk}: the payload is no object")
        return value

    def reseal(
        self,
        sk: str,
        content: Mapping[str, Any] | bytes,
        *,
        nonce: bytes | None = None,
        key: bytes | None = None,
        key_id: str | None = None,
        aad: bytes | None = None,
    ) -> None:
        """Seal ``content`` (bytes as they are) at the item's own place; cleartext stays as it
        is."""
        own_key, own_key_id = self.key_for(sk)
        plaintext = content if isinstance(content, bytes) else canonical(content)
        self.items[sk] |= seal(
            own_key if key is None else key,
            own_key_id if key_id is None else key_id,
            self.address(sk),
            plaintext,
            nonce=nonce,
            aad=aad,
        )

    def add_dek(self, version: int, dek: bytes | None = None) -> bytes:
        """Wrap a further DEK as KEY-05 says; ``created_at`` is that of version 1."""
        dek = os.urandom(32) if dek is None else dek
        sk = f"dek#{version}"
        self.items[sk] = {
            "pk": self.pk,
            "sk": sk,
            "created_at": self.original["dek#1"]["created_at"],
            "commitment": commitment(dek),
        }
        self.reseal(sk, dek_payload(dek))
        self.deks[version] = dek
        return dek

    def others(self) -> list[Item]:
        """Every item but the head."""
        return [item for sk, item in self.items.items() if sk != "head"]

    def remake_head(self, *, nonce: bytes | None = None, **changes: Any) -> None:
        """Count and sum the items as they are now and seal the head again; ``changes`` win over
        what was computed and over the payload found (HEAD-01, HEAD-02). Revision and time stay."""
        key, _ = self.key_for("head")
        payload = {
            **self.head_payload,
            "count": len(self.others()),
            "sum": partition_sum(key, self.others(), self.items["head"]),
            **changes,
        }
        self.reseal("head", payload, nonce=nonce)

    def put_into(self, raw: Raw, *, found: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Make the storage hold exactly these items; ``found`` is what lies there (default: the
        original)."""
        there = self.original if found is None else found
        for sk in there.keys() - self.items.keys():
            raw.delete(self.pk, sk)
        for sk, item in self.items.items():
            if sk not in there or _exactly(there[sk]) != _exactly(item):
                raw.put(dict(item))


def _exactly(item: Mapping[str, Any]) -> dict[str, tuple[type, Any]]:
    """An item in which 0 and false differ."""
    return {name: (type(value), value) for name, value in item.items()}
