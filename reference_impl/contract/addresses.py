"""Identifiers, display ids, sort keys and canonical addresses (ADDR-01 to ADDR-06).

Forms come from the tables: a sort key or an address is made from its template and parsed by the
pattern that the same template gives, so that both directions agree by construction.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from . import timestamps
from .errors import error
from .limits import MAX_SLUG, MAX_TITLE_IDS
from .tables import LETTERS, TYPES, EntityType

if sys.version_info >= (3, 12):
    import unicodedata
else:  # CPython 3.11 knows Unicode 14, ADDR-06 asks for 15 or later
    import unicodedata2 as unicodedata  # type: ignore[import-not-found]  # it has no stubs

__all__ = [
    "address",
    "display_id",
    "is_display_id",
    "is_identifier",
    "new_dialogue_id",
    "parse_address",
    "parse_display_id",
    "parse_sort_key",
    "partition_key",
    "sort_key",
]

Parts = Mapping[str, Any]

_IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_ROUND = r"[0-9]{2}"
_SEQ = r"(?:0[1-9]|[1-9][0-9])"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_is_identifier = re.compile(_IDENTIFIER).fullmatch
_display = re.compile(rf"([{''.join(LETTERS)}])({_ROUND})({_SEQ})").fullmatch
_dialogue_key = re.compile(rf"dialogue#({_IDENTIFIER})").fullmatch
_dialogue_address = re.compile(rf"dialogue:({_IDENTIFIER})/(.+)", re.DOTALL).fullmatch


def is_identifier(value: object) -> bool:
    """ADDR-01: 1-96 ASCII characters of A-Z a-z 0-9 . _ -, the first a letter or digit."""
    return isinstance(value, str) and _is_identifier(value) is not None


def is_display_id(value: object) -> bool:
    """ADDR-02: a letter of P R T E C, a two-digit round, a two-digit number from 01."""
    return isinstance(value, str) and _display(value) is not None


def display_id(entity: str, round: int, seq: int) -> str:
    """The display id of an entity, such as ``P0102`` for perspective 2 of round 1."""
    return f"{TYPES[entity].display_letter}{round:02d}{seq:02d}"


def parse_display_id(text: str) -> tuple[str, int, int]:
    """(entity, round, seq) of a display id; ``invalid_display_id`` for any other text."""
    match = _display(text)
    if match is None:
        raise error("invalid_display_id", "not a display id")
    return LETTERS[match[1]], int(match[2]), int(match[3])


def partition_key(dialogue_id: str) -> str:
    """ADDR-05: ``dialogue#{dialogue_id}``."""
    return f"dialogue#{dialogue_id}"


def parse_partition_key(pk: str) -> str | None:
    """The dialogue id of a partition key, or None for any other key."""
    match = _dialogue_key(pk)
    return match[1] if match else None


def sort_key(entity: str, **parts: Any) -> str:
    """The sort key of an entity, its identity given as keywords (valid values are the caller's
    duty)."""
    return TYPES[entity].sk.format_map(parts)


def address(dialogue_id: str, entity: str, parts: Parts) -> str:
    """ADDR-03: the canonical address ``dialogue:{dialogue_id}/entity:{type}/{subkey}``."""
    template = TYPES[entity].address
    if template is None:
        raise ValueError(f"items of type {entity} have no address")
    return f"dialogue:{dialogue_id}/{template.format_map(parts)}"


def _pattern_of(kind: EntityType, name: str) -> str:
    field = kind.by_name[name]
    if field.type == "int":
        return {"round": _ROUND, "seq": _SEQ, "version": r"[1-9][0-9]{0,14}"}[name]
    if field.type == "enum":
        return "|".join(field.values)
    if field.type == "timestamp":
        return _TIME
    if field.type == "display_id":
        letters = "".join(LETTERS)
        if kind.entity.endswith("_event"):  # ADDR-04: the letter of the event's type
            letters = TYPES[kind.entity.removesuffix("_event")].display_letter or ""
        return rf"[{letters}]{_ROUND}{_SEQ}"
    return _IDENTIFIER


def _compile(kind: EntityType, template: str) -> re.Pattern[str]:
    out = []
    for piece in re.split(r"(\{[^}]*\})", template):
        if piece.startswith("{"):
            name = piece[1:-1].split(":")[0]
            out.append(f"(?P<{name}>{_pattern_of(kind, name)})")
        else:
            out.append(re.escape(piece))
    return re.compile("".join(out))


# Each pattern is made when it is first needed: all of them would be a good part of a short job's time.
_SORT_KEYS: dict[str, list[EntityType]] = {}
for _kind in TYPES.values():
    _SORT_KEYS.setdefault(_kind.sk.partition("#")[0], []).append(_kind)


@cache
def _pattern_of_sort_key(kind: EntityType) -> re.Pattern[str]:
    return _compile(kind, kind.sk)


@cache
def _addresses() -> list[tuple[EntityType, re.Pattern[str]]]:
    kinds = [(kind, kind.address) for kind in TYPES.values()]
    return [(kind, _compile(kind, form)) for kind, form in kinds if form is not None]


def _read(
    forms: Iterable[tuple[EntityType, re.Pattern[str]]], text: str
) -> tuple[EntityType, Parts] | None:
    for kind, pattern in forms:
        match = pattern.fullmatch(text)
        if match is not None:
            parts: dict[str, Any] = {}
            for name, text_of in match.groupdict().items():
                type_of = kind.by_name[name].type
                if type_of == "timestamp" and not timestamps.is_canonical(text_of):
                    return None
                parts[name] = int(text_of) if type_of == "int" else text_of
            return kind, MappingProxyType(parts)  # parse_sort_key hands it out more than once
    return None


@lru_cache(maxsize=65536)
def parse_sort_key(sk: str) -> tuple[EntityType, Parts] | None:
    """(type, identity) of a sort key, or None where it has no form of the contract (ADDR-04)."""
    kinds = _SORT_KEYS.get(sk.partition("#")[0], ())
    return _read(((kind, _pattern_of_sort_key(kind)) for kind in kinds), sk)


def parse_address(text: str) -> tuple[str, EntityType, Parts]:
    """(dialogue id, type, identity) of a canonical address; ``invalid_identifier`` for other
    text."""
    match = _dialogue_address(text)
    found = _read(_addresses(), match[2]) if match else None
    if match is None or found is None:
        raise error("invalid_identifier", "not a canonical address")
    return (match[1], *found)


def new_dialogue_id(title: str, *, opaque: bool = False) -> Iterator[str]:
    """ADDR-06: candidate ids for a title, best first; take the first that ``create_dialogue``
    accepts.

    The slug shows words of the (sealed) title; ``opaque=True`` yields one random id instead (``d-``
    and a UUIDv7 in hex). After 99 candidates the iterator raises ``too_many_dialogues``.
    """
    if opaque:
        from uuid_utils import uuid7

        yield f"d-{uuid7().hex}"
        return
    kept = "".join(
        c for c in unicodedata.normalize("NFKD", title) if unicodedata.category(c) != "Mn"
    )
    slug = re.sub(r"[^A-Za-z0-9]+", "-", kept).lower().strip("-")[:MAX_SLUG].strip("-")
    slug = slug or "dialogue"
    yield slug
    for number in range(2, MAX_TITLE_IDS + 1):
        yield f"{slug}-{number}"
    raise error("too_many_dialogues", f"every id from {slug} to {slug}-{MAX_TITLE_IDS} is taken")
