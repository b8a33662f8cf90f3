"""Negative cases about one stored item: a valid case, one change to its item, and that change by name."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .edits import ABSENT, Edit
from .field_faults import attribute_values
from .mutations import MUTATIONS
from .recipe import Bytes, Case
from .tables import ENVELOPE, indexes, kind

__all__ = [
    "Attribute",
    "Spoiler",
    "attribute_faults",
    "envelope_faults",
    "foreign_attributes",
    "touched",
]


def touched(pointer: str, before: bytes, after: bytes) -> Bytes:
    """Where two spellings part, and where they are one again, as a range of the longer one."""
    short = min(len(before), len(after))
    start = next((at for at in range(short) if before[at] != after[at]), short)
    rest = range(1, short - start + 1)
    end = next((at - 1 for at in rest if before[-at] != after[-at]), short - start)
    return Bytes(pointer, start, max(len(before), len(after)) - start - end)


@dataclass(frozen=True)
class Attribute:
    """One attribute of an item and what it becomes (``ABSENT``: taken away)."""

    slug: str
    mutation: str
    name: str
    value: Any


class Spoiler:
    """Makes negative cases out of one valid case whose input has an ``item``."""

    def __init__(self, sibling: Case, family: str, slug: str) -> None:
        self.sibling = sibling
        self._begin = f"{family}-{slug}"

    def put(self, slug: str, mutation: str, flag: str, /, **attributes: Any) -> Case:
        """Some attributes of the item become others; several only where one fault needs them all."""
        edit = Edit(self.sibling.data)
        for name, value in attributes.items():
            edit.set("item", name, to=_shown(value))
        return self._case(slug, mutation, flag, edit)

    def given(self, slug: str, mutation: str, flag: str, /, **given: Any) -> Case:
        """The item stays, something else of the input becomes another value."""
        edit = Edit(self.sibling.data)
        for name, value in given.items():
            edit.set(name, to=value)
        return self._case(slug, mutation, flag, edit)

    def flip(self, slug: str, mutation: str, flag: str, name: str, offset: int, mask: int) -> Case:
        """One byte of a bytes attribute is xored with a mask."""
        edit = Edit(self.sibling.data).flip("item", name, "bytes", offset=offset, mask=mask)
        return self._case(slug, mutation, flag, edit)

    def apply(self, faults: Iterator[Attribute], flag: str) -> Iterator[Case]:
        """One case for each of these."""
        for fault in faults:
            yield self.put(fault.slug, fault.mutation, flag, **{fault.name: fault.value})

    def _case(self, slug: str, mutation: str, flag: str, edit: Edit) -> Case:
        return Case(
            f"{self._begin}-{slug}".lower().replace("_", "-"),
            rules=MUTATIONS[mutation].rules,
            flags=[flag],
            data=edit.data,
            result="invalid",
            mutation=mutation,
            sibling=self.sibling.tc_id,
            changed=edit.changed,
        )


def _shown(value: Any) -> Any:
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def attribute_faults(entity: str, item: Mapping[str, Any]) -> Iterator[Attribute]:
    """Each attribute beside the envelope: missing, of another type, outside its range or form; each index
    attribute that does not follow; null where a field may be unset (ADDR-05)."""
    for field in kind(entity).cleartext:
        if not field.nullable:
            yield Attribute(f"no-{field.name}", "attribute-missing", field.name, ABSENT)
        else:
            yield Attribute(f"{field.name}-null", "attribute-type", field.name, None)
        for wrong in attribute_values(field):
            yield Attribute(f"{field.name}-{wrong.slug}", wrong.mutation, field.name, wrong.value)
    for index in indexes():
        if entity not in index.on:
            continue
        for name, _ in index.forms:
            yield Attribute(f"no-{name}", "attribute-missing", name, ABSENT)
            yield Attribute(f"{name}-other", "index-attribute", name, item[name] + "0")


def foreign_attributes(entity: str, item: Mapping[str, Any]) -> Iterator[Attribute]:
    """What no item of the type has: an unknown attribute, each sealed field in the clear, each field of
    the key, an index attribute or an envelope of other types."""
    of = kind(entity)
    yield Attribute("unknown-attribute", "attribute-added", "note", "x")
    for field in of.sealed:
        yield Attribute(f"planted-{field.name}", "plaintext-planted", field.name, "x")
    for field in of.key:
        yield Attribute(f"key-field-{field.name}", "key-field-repeated", field.name, "1")
    for name in ("by_status_pk", "by_tension_status_pk", "by_expert_pk"):
        if name not in item and entity in ("perspective", "tension"):
            yield Attribute(f"index-{name}", "attribute-added", name, "status#open")
    if not of.sealed:
        for name in ENVELOPE:
            yield Attribute(f"sealed-{name}", "attribute-added", name, "x")


def envelope_faults(item: Mapping[str, Any]) -> Iterator[Attribute]:
    """Each attribute of the envelope: missing, of another type, of another length or form."""
    form = "kek-id-form" if item["sk"].startswith("dek#") else "key-id-form"
    sealed, nonce = item["content_encrypted"], item["content_nonce"]
    key_id, aad_hash = item["key_id"], item["aad_hash"]
    for name in ENVELOPE:
        yield Attribute(f"no-{name}", "envelope-missing", name, ABSENT)
    text = base64.b64encode(sealed).decode()
    yield Attribute("content-encrypted-text", "envelope-type", "content_encrypted", text)
    yield Attribute("content-nonce-text", "envelope-type", "content_nonce", nonce.hex())
    yield Attribute("key-id-bytes", "envelope-type", "key_id", key_id.encode())
    yield Attribute("aad-hash-bytes", "envelope-type", "aad_hash", bytes.fromhex(aad_hash))
    yield Attribute("nonce-13", "nonce-length", "content_nonce", nonce + b"\x00")
    yield Attribute("ciphertext-17", "ciphertext-short", "content_encrypted", sealed[-17:])
    head, _, last = key_id.rpartition("#")
    yield Attribute("key-id-last-part", form, "key_id", f"{head}#0{last}")
    yield Attribute("aad-hash-capitals", "aad-hash-form", "aad_hash", "A" + aad_hash[1:].upper())
