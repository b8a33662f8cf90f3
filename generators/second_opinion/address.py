"""Part address: identifiers, keys and canonical addresses, both ways (ADDR-01 to ADDR-05)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import hkdf, times
from .tables import Kind, kinds, letters

__all__ = [
    "NotAnAddressError",
    "digest",
    "is_display_id",
    "is_identifier",
    "item_address",
    "of",
    "parse",
    "parse_sort_key",
    "partition_key",
    "sort_key",
]

_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_DIGITS = frozenset("0123456789")
_LARGEST_VERSION = 10**15 - 1


class NotAnAddressError(ValueError):
    """Text that is no canonical address."""


def is_identifier(text: object) -> bool:
    """ADDR-01."""
    return (
        isinstance(text, str)
        and 1 <= len(text) <= 96
        and text[0] in _ALNUM
        and all(c in _ALNUM or c in "._-" for c in text)
    )


def is_display_id(text: object) -> bool:
    """ADDR-02."""
    return (
        isinstance(text, str)
        and len(text) == 5
        and text[0] in letters()
        and set(text[1:]) <= _DIGITS
        and text[3:] != "00"
    )


def of(dialogue_id: str, entity: str, parts: Mapping[str, Any]) -> str:
    """ADDR-03: the canonical address of an entity."""
    kind = kinds()[entity]
    if kind.address is None:
        raise ValueError(f"items of type {entity} have no address")
    return f"dialogue:{dialogue_id}/{_filled(kind, kind.address, parts)}"


def partition_key(dialogue_id: str) -> str:
    """ADDR-05."""
    return f"dialogue#{dialogue_id}"


def sort_key(entity: str, parts: Mapping[str, Any]) -> str:
    """The sort key of an entity."""
    kind = kinds()[entity]
    return _filled(kind, kind.sk, parts)


def _filled(kind: Kind, template: str, parts: Mapping[str, Any]) -> str:
    out = template
    for name, value in parts.items():
        if kind.fields[name]["placement"] != "key" or not _is_part(kind, name, value):
            raise ValueError(f"{name} is no part of a key of {kind.entity}")
        two = f"{value:02d}" if isinstance(value, int) else ""
        out = out.replace(f"{{{name}:02d}}", two).replace(f"{{{name}}}", str(value))
    if "{" in out:
        raise ValueError(f"a part is missing: {out}")
    return out


def _is_part(kind: Kind, name: str, value: Any) -> bool:
    field = kind.fields[name]
    match field["type"]:
        case "int":
            low, high = {"round": (0, 99), "seq": (1, 99), "version": (1, _LARGEST_VERSION)}[name]
            return type(value) is int and low <= value <= high
        case "enum":
            return value in field["values"]
        case "timestamp":
            return times.is_canonical(value)
        case "display_id":
            owner = kinds().get(kind.entity.removesuffix("_event"))
            its_own = owner is None or owner is kind or value[:1] == owner.letter
            return is_display_id(value) and its_own
        case "identifier":
            return is_identifier(value)
        case other:
            raise AssertionError(f"no key has a field of type {other}")


def _matched(kind: Kind, template: str, text: str) -> dict[str, Any] | None:
    """The parts of ``text``, piece by piece: no part holds a ``#``."""
    forms, pieces = template.split("#"), text.split("#")
    if len(forms) != len(pieces):
        return None
    parts: dict[str, Any] = {}
    for form, piece in zip(forms, pieces, strict=True):
        if not form.startswith("{"):
            if form != piece:
                return None
            continue
        name, _, width = form[1:-1].partition(":")
        value: Any = piece
        if kind.fields[name]["type"] == "int":
            if not piece or not set(piece) <= _DIGITS or len(piece) > 15:
                return None
            value = int(piece)
            if piece != (f"{value:02d}" if width else str(value)):
                return None
        if not _is_part(kind, name, value):
            return None
        parts[name] = value
    return parts


def parse_sort_key(text: str) -> tuple[str, dict[str, Any]] | None:
    """(type, parts) of a sort key, None where it has no form of the table (ADDR-04)."""
    for kind in kinds().values():
        parts = _matched(kind, kind.sk, text)
        if parts is not None:
            return kind.entity, parts
    return None


def parse(text: str) -> tuple[str, str, dict[str, Any]]:
    """(dialogue_id, type, parts) of a canonical address (ADDR-04)."""
    found = re.fullmatch(r"dialogue:([^/]*)/(entity:[^/]*/)([^/]*)", text, re.DOTALL)
    if found is None or not is_identifier(found[1]):
        raise NotAnAddressError("no canonical address")
    for kind in kinds().values():
        if kind.address is not None and kind.address.startswith(found[2]):
            parts = _matched(kind, kind.address[len(found[2]) :], found[3])
            if parts is not None:
                return found[1], kind.entity, parts
    raise NotAnAddressError("no canonical address")


def item_address(dialogue_id: str, sk: str) -> str | None:
    """The address of what lies under a sort key, None where it has none."""
    known = parse_sort_key(sk)
    if known is None or kinds()[known[0]].address is None:
        return None
    return of(dialogue_id, *known)


def digest(text: str) -> bytes:
    """ENV-03: the AAD of an address."""
    return hkdf.sha256(text.encode("utf-8"))
