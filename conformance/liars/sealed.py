"""Liars for profiles encrypted and keys in single functions: seals, keys, sums. The wrong one is in force,
wherever the reference uses it, while the reference store in memory is tried."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from reference_impl.contract.items import Item, canonical_json, index_attributes
from reference_impl.contract.tables import TYPES
from reference_impl.sealing import envelope, head, keys, payloads
from reference_impl.store import journal
from reference_impl.testing import exposed

from .kit.lie import lie
from .kit.over_reference import in_place_of
from .kit.touched import touched

__all__: list[str] = []

F = Callable[..., Any]

_OPENS_NOTHING = "what lies there is not what the toolkit makes or opens"
_READS = ("STORE-03", "ENV-06", "ENV-07", "ENV-08", "ENV-05", "ERR-03", "ENV-04", "ENV-03")


def _because(*rules: str) -> dict[str, str]:
    return dict.fromkeys(rules, _OPENS_NOTHING)


# -- what is sealed (ENV-02, ENV-09) -------------------------------------------------------------------


def _reading(honest: F, entity: str, text: bytes, change: F) -> Any:
    with suppress(ValueError, zlib.error, TypeError, AttributeError):
        text = change(text)
    return honest(entity, text)


class _Pair:
    """A writer that changes what is sealed, with a reader that changes it back."""

    @staticmethod
    def write(text: bytes) -> bytes:
        """What is sealed."""
        return text

    @staticmethod
    def read(text: bytes) -> bytes:
        """What is parsed."""
        return text

    @classmethod
    def payload_of(cls, honest: F, *args: Any) -> bytes:
        """In the place of the writer's last step before it seals."""
        return cls.write(honest(*args))

    @classmethod
    def parse_payload(cls, honest: F, entity: str, text: bytes) -> Any:
        """In the place of the reader's first step after it opened."""
        return _reading(honest, entity, text, cls.read)


_PAIR = in_place_of(envelope.payload_of, payloads.parse_payload)


@lie(
    "encrypted",
    "ENV-02",
    "ENV-09",
    also={
        **_because(*_READS, "ADDR-10", "ADDR-05"),
        **touched("STORE-04", "STORE-16", "STORE-18", "STORE-20", "STORE-23", "ENV-01"),
    },
    tried=_PAIR,
)
class LeavesNullsOut(_Pair):
    """Seals only the fields that are set."""

    @staticmethod
    def write(text: bytes) -> bytes:
        return canonical_json({k: v for k, v in json.loads(text).items() if v is not None})


@lie(
    "encrypted",
    "ENV-02",
    "ENV-09",
    also={
        **_because(*_READS, "ADDR-10", "ADDR-05"),
        **touched("STORE-14", "STORE-15", "ERR-02", "ENV-01"),
    },
    tried=_PAIR,
)
class CompressesFirst(_Pair):
    """Compresses what it seals."""

    @staticmethod
    def write(text: bytes) -> bytes:
        return zlib.compress(text)

    @staticmethod
    def read(text: bytes) -> bytes:
        return zlib.decompress(text)


@lie(
    "encrypted",
    "ENV-02",
    "ADDR-10",
    also={**_because(*_READS, "ADDR-05", "ENV-09"), **touched("STORE-15")},
    tried=_PAIR,
)
class SealsWithSpaces(_Pair):
    """Seals JSON as Python writes it: with spaces, in ASCII, unsorted."""

    @staticmethod
    def write(text: bytes) -> bytes:
        return json.dumps(json.loads(text)).encode()

    @staticmethod
    def read(text: bytes) -> bytes:
        return canonical_json(json.loads(text))


# -- what a reader takes (ENV-02, ENV-03, ENV-06) ------------------------------------------------------


@lie(
    "encrypted",
    "ENV-02",
    "ENV-06",
    also=touched("ENV-05", "ERR-03"),
    tried=in_place_of(payloads.parse_payload),
)
def takes_unknown_members(honest: F, entity: str, text: bytes) -> Any:
    """Overlooks a member of a plaintext that the type does not have."""
    known = {field.name for field in TYPES[entity].sealed_fields}

    def drop(plain: bytes) -> bytes:
        value = json.loads(plain)
        if canonical_json(value) != plain:
            return plain
        return canonical_json({k: v for k, v in value.items() if k in known})

    return _reading(honest, entity, text, drop)


@lie(
    "encrypted",
    "ENV-02",
    "ENV-06",
    also=touched("ENV-05", "ENV-07", "ERR-03"),
    tried=in_place_of(payloads.parse_payload),
)
def fills_missing_members(honest: F, entity: str, text: bytes) -> Any:
    """Takes a member that a plaintext lacks for null."""
    fields = TYPES[entity].sealed_fields

    def fill(plain: bytes) -> bytes:
        value = json.loads(plain)
        if canonical_json(value) != plain:
            return plain
        return canonical_json({**{f.name: None for f in fields if f.nullable}, **value})

    return _reading(honest, entity, text, fill)


@lie(
    "encrypted",
    "ENV-03",
    "ENV-06",
    also={"ENV-08": "what is stored is not looked at", **touched("ENV-07")},
    tried=in_place_of(envelope.check_address),
)
def ignores_the_aad_hash(honest: F, address: str, item: Mapping[str, Any]) -> bytes:
    """Decrypts with the right AAD and never looks at the stored aad_hash."""
    return hashlib.sha256(address.encode()).digest()


@lie(
    "encrypted",
    "ENV-06",
    also={
        "ENV-08": "the key is not the one that is named",
        **touched("ENV-05", "ENV-07", "ERR-03"),
    },
    tried=in_place_of(envelope.dek_version),
)
def ignores_the_key_id(honest: F, dialogue_id: str, item: Mapping[str, Any]) -> int:
    """Opens every item under the first data key, whatever dialogue or version it names."""
    return 1


@lie("encrypted", "ENV-01", "ENV-06", "ADDR-05", tried=in_place_of(envelope.check_form))
def takes_any_index(
    honest: F, kind: Any, parts: Any, dialogue_id: str, item: Mapping[str, Any]
) -> None:
    """Does not compare index attributes with what they follow from."""
    try:
        right = index_attributes(kind, dialogue_id, parts, item)
    except (KeyError, ValueError, TypeError):
        right = {}
    honest(kind, parts, dialogue_id, {**item, **{n: right[n] for n in right if n in item}})


# -- what is written (ADDR-05, ENV-01, ENV-04) ---------------------------------------------------------


@lie(
    "encrypted",
    "ENV-04",
    also={"ENV-06": "a nonce twice in one read is a bad item"},
    tried=in_place_of(envelope.seal),
)
def derives_nonces(honest: F, dek: Any, address: str, payload: bytes, nonce: bytes) -> Any:
    """Takes a nonce from the address and the text, so that the same text has the same one."""
    return honest(dek, address, payload, hashlib.sha256(address.encode() + payload).digest()[:12])


@lie("encrypted", "ENV-04", tried=in_place_of(envelope.seal))
def fixes_half_a_nonce(honest: F, dek: Any, address: str, payload: bytes, nonce: bytes) -> Any:
    """Begins every nonce with four bytes that name the dialogue."""
    fixed = hashlib.sha256(dek.key_id.encode()).digest()[:4]
    return honest(dek, address, payload, fixed + nonce[4:])


@lie("encrypted", "ENV-05", "ERR-03", tried=in_place_of(envelope.seal))
def logs_what_it_seals(honest: F, dek: Any, address: str, payload: bytes, nonce: bytes) -> Any:
    """Logs what it seals, for debugging."""
    logging.getLogger("store").debug("sealing %s: %s", address, payload.decode())
    return honest(dek, address, payload, nonce)


# -- the head (HEAD-02 as far as ENV-09 shows it) ------------------------------------------------------


@lie(
    "encrypted",
    "ENV-06",
    "ENV-09",
    also={
        **_because("STORE-03", "ENV-07", "ENV-08", "ENV-02", "ENV-04", "ENV-03"),
        **touched("ADDR-05", "ADDR-10", "ENV-01"),
    },
    tried=in_place_of(head.term),
)
def sums_without_refs(honest: F, key: bytes, item: Mapping[str, Any]) -> int:
    """Leaves refs out of the head's sum."""
    term: int = honest(key, item)
    return 0 if str(item["sk"]).startswith("ref#") else term


@lie("encrypted", "ENV-06", tried=in_place_of(journal.apply_journal))
def believes_any_journal(
    honest: F, partitions: Any, dialogue_id: str, items: Any, token: str
) -> tuple[list[Item], bool]:
    """Lays over a partition whatever journal the head names, in whatever form."""
    del honest
    parts = partitions.query(f"journal#{dialogue_id}", prefix=f"{token}#")
    laid = {str(item["sk"]): item for item in items}
    for item in json.loads(b"".join(bytes(part["items"]) for part in parts) or b"[]"):
        sealed = {name for name in ("content_encrypted", "content_nonce") if name in item}
        laid[item["sk"]] = {**item, **{n: base64.b64decode(item[n]) for n in sealed}}
    return [laid[sk] for sk in sorted(laid, key=str.encode)], True


# -- keys (KEY-03, KEY-05, KEY-06) ---------------------------------------------------------------------

_TOOLKIT = (*_READS, "ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-09", "KEY-01", "KEY-02")


@lie(
    "keys",
    "KEY-05",
    "KEY-06",
    also=_because(*_TOOLKIT, "KEY-08"),
    tried=in_place_of(keys.DekHandle.commitment),
)
def commits_without_a_label(honest: F, dek: Any) -> str:
    """Commits to a data key by its plain digest."""
    return hashlib.sha256(exposed(dek)).hexdigest()


@lie(
    "keys",
    "KEY-03",
    "KEY-05",
    also=_because(*_TOOLKIT, "KEY-06", "KEY-08"),
    tried=in_place_of(keys.hkdf),
)
def ends_labels_with_nul(honest: F, key: bytes, info: bytes) -> bytes:
    """Ends every label of a derivation with NUL, as a C string does."""
    derived: bytes = honest(key, info + b"\x00")
    return derived
