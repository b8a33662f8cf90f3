"""Canonical JSON, and the sealed fields of each type (ENV-02, ADDR-10)."""

from __future__ import annotations

from .. import items, json8785
from ..tables import kinds
from ..work import Refused, Work, check

__all__: list[str] = []


@check("payload", "canonicalise")
def canonicalise(work: Work) -> None:
    """A text in its canonical form."""
    try:
        text = json8785.canonical(json8785.parse(work.octets("json")))
    except json8785.NotJsonError:
        raise Refused("payload") from None
    work.note(text=text.decode("utf-8"))
    work.give(canonical=text)


@check("payload", "canonical")
def canonical(work: Work) -> None:
    """Only a text that is its own canonical form."""
    given = work.octets("json")
    canonicalise(work)
    if work.expected.pop("canonical") != given.hex():
        raise Refused("payload")


@check("payload", "fields")
def fields(work: Work) -> None:
    """The plaintext of an item of a type."""
    plaintext = work.octets("plaintext")
    found = items.open_payload(kinds()[work.input["entity"]], plaintext)
    work.note(text=plaintext.decode("utf-8"))
    work.give(fields=found)
