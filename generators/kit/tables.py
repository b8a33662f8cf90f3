"""The contract's tables as data: ``entities.json``, read by its path; no code of the project is used."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["ENTITIES_JSON", "ENVELOPE", "Field", "Index", "Kind", "indexes", "kind", "kinds"]

ENTITIES_JSON = (
    Path(__file__).resolve().parent.parent.parent / "reference_impl/contract/entities.json"
)
#: ENV-01: the attributes that every item with sealed fields carries.
ENVELOPE = ("content_encrypted", "content_nonce", "key_id", "aad_hash")


@dataclass(frozen=True)
class Field:
    """One field of a type, as the table gives it."""

    name: str
    type: str
    placement: str
    nullable: bool
    min_length: int
    values: tuple[str, ...]
    minimum: int | None
    maximum: int | None
    decimals: int | None


@dataclass(frozen=True)
class Index:
    """A cross-partition index: two attributes, each with the form of its value."""

    name: str
    forms: tuple[tuple[str, str], ...]
    on: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A type of item that lies in a dialogue's partition."""

    name: str
    letter: str | None
    plural: str | None
    sk: str
    address: str | None
    fields: tuple[Field, ...]

    @property
    def sealed(self) -> tuple[Field, ...]:
        """The fields inside the envelope."""
        return tuple(field for field in self.fields if field.placement == "sealed")

    @property
    def cleartext(self) -> tuple[Field, ...]:
        """The fields that stand beside the envelope."""
        return tuple(field for field in self.fields if field.placement == "cleartext")

    @property
    def key(self) -> tuple[Field, ...]:
        """The fields that pk and sk are made of."""
        return tuple(field for field in self.fields if field.placement == "key")

    def field(self, name: str) -> Field:
        """The field of that name; ``KeyError`` where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


@cache
def _document() -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(ENTITIES_JSON.read_text(encoding="utf-8"))
    return document


def _field(raw: Mapping[str, Any]) -> Field:
    return Field(
        name=raw["name"],
        type=raw["type"],
        placement=raw["placement"],
        nullable=raw.get("nullable", False),
        min_length=raw.get("min_length", 0),
        values=tuple(raw.get("values", ())),
        minimum=raw.get("minimum"),
        maximum=raw.get("maximum"),
        decimals=raw.get("decimals"),
    )


@cache
def kinds() -> Mapping[str, Kind]:
    """Every type of item in a dialogue's own partition, the 14 entities first, in the table's
    order."""
    rows = [*_document()["types"], *(r for r in _document()["bookkeeping"] if "pk" not in r)]
    return {
        row["entity"]: Kind(
            name=row["entity"],
            letter=row.get("display_letter"),
            plural=row.get("plural"),
            sk=row["sk"],
            address=row["address"],
            fields=tuple(map(_field, row["fields"])),
        )
        for row in rows
    }


def kind(name: str) -> Kind:
    """A type by its name."""
    return kinds()[name]


@cache
def indexes() -> tuple[Index, ...]:
    """The indexes, each with the types that it holds."""
    return tuple(
        Index(
            name=row["name"],
            forms=((row["pk_attribute"], row["pk"]), (row["sk_attribute"], row["sk"])),
            on=tuple(
                re.split(r"[ (]", text)[0]
                for text in (row["on"] if isinstance(row["on"], list) else [row["on"]])
            ),
        )
        for row in _document()["indexes"]
    )
