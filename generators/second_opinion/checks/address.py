"""Identifiers, display ids, addresses and sort keys, both ways (ADDR-01 to ADDR-06)."""

from __future__ import annotations

import unicodedata

from .. import address
from ..tables import letters
from ..work import Refused, Work, check

__all__: list[str] = []

_KEPT = "abcdefghijklmnopqrstuvwxyz0123456789"


@check("address", "identifier")
def identifier(work: Work) -> None:
    """ADDR-01, ADDR-05."""
    text = work.input["text"]
    if not address.is_identifier(text):
        raise Refused("input", "invalid_identifier")
    work.give(partition_key=address.partition_key(text))


@check("address", "display-id")
def display_id(work: Work) -> None:
    """ADDR-02."""
    text = work.input["text"]
    if not address.is_display_id(text):
        raise Refused("input", "invalid_display_id")
    work.give(entity=letters()[text[0]], round=int(text[1:3]), seq=int(text[3:]))


@check("address", "new-dialogue-id")
def new_dialogue_id(work: Work) -> None:
    """ADDR-06, character by character."""
    slug = ""
    for c in unicodedata.normalize("NFKD", work.input["title"]):
        if unicodedata.category(c) == "Mn":
            continue
        if c.isascii() and c.lower() in _KEPT:
            slug += c.lower()
        elif not slug.endswith("-"):
            slug += "-"
    slug = slug.strip("-")[:64].strip("-") or "dialogue"
    work.give(candidates=[slug, *(f"{slug}-{number}" for number in range(2, 100))])


@check("address", "address")
def made(work: Work) -> None:
    """ADDR-03, ADDR-05, ENV-03."""
    given = work.input
    if not address.is_identifier(given["dialogue_id"]):
        raise Refused("input", "invalid_identifier")
    where = address.of(given["dialogue_id"], given["entity"], given["parts"])
    work.note(aad=address.digest(where))
    work.give(
        address=where,
        pk=address.partition_key(given["dialogue_id"]),
        sk=address.sort_key(given["entity"], given["parts"]),
    )


@check("address", "parse-address")
def parsed(work: Work) -> None:
    """ADDR-04."""
    try:
        dialogue_id, entity, parts = address.parse(work.input["address"])
    except address.NotAnAddressError:
        raise Refused("input", "invalid_identifier") from None
    work.give(dialogue_id=dialogue_id, entity=entity, parts=parts)


@check("address", "parse-sort-key")
def parsed_sort_key(work: Work) -> None:
    """ADDR-04, ENV-06."""
    known = address.parse_sort_key(work.input["sk"])
    if known is None:
        raise Refused("envelope")
    work.give(entity=known[0], parts=known[1])
