"""ENV-06 where a head names a journal (HEAD-07): items that lie in no place of theirs, but in a journal that
no writer made, are missing. A store that has no journals misses them as well."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from reference_impl.contract.items import Item

from ..running.session import World
from .kit.builders import begin, partition
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("encrypted")

D = "d"
PK = f"dialogue#{D}"
JOURNAL = "5b3f4c0e9a7d4d1e8f6a2b1c0d9e8f7a"

#: Number (as the sort key has it) and text of each part.
Parts = list[tuple[str, str]]


def _shown(item: Item) -> dict[str, Any]:
    return {
        name: base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        for name, value in item.items()
    }


def _text(items: list[dict[str, Any]]) -> str:
    """As a writer packs them, for items whose texts are ASCII: canonical JSON."""
    return json.dumps(items, separators=(",", ":"), sort_keys=True)


def _halves(text: str, first: str, second: str) -> Parts:
    return [(first, text[:100]), (second, text[100:])]


#: What is made of the items that belong into the journal, in ascending order, and of the head.
FORGED: dict[str, Callable[[list[dict[str, Any]], dict[str, Any]], Parts]] = {
    "numbered from two": lambda items, head: [("0002", _text(items))],
    "a number left out": lambda items, head: _halves(_text(items), "0001", "0003"),
    "a number of five digits": lambda items, head: [("00001", _text(items))],
    "in descending order": lambda items, head: [("0001", _text(items[::-1]))],
    "an item twice": lambda items, head: [("0001", _text([items[0], *items]))],
    "with blanks": lambda items, head: [("0001", json.dumps(items, sort_keys=True))],
    "members in another order": lambda items, head: [
        (
            "0001",
            json.dumps([dict(sorted(i.items(), reverse=True)) for i in items]).replace(" ", ""),
        )
    ],
    "with the head": lambda items, head: [("0001", _text([*items, head]))],
}


@rules("ENV-06")
@pytest.mark.parametrize("forged", FORGED)
def test_what_lies_in_a_journal_that_no_writer_made_is_missing(world: World, forged: str) -> None:
    backend = world.open()
    raw = backend.raw
    assert raw is not None, "the profile needs raw access, and the backend gives none"
    begin(backend.store, D, rounds=[0])
    for label in ("one", "two"):
        backend.store.register_claim(D, 0, label, "said", ["muffin"])
    warm = world.open().store
    whole = partition(warm, D)
    before = raw.scan(D)
    (head,) = [item for item in before if item["sk"] == "head"]
    moved = [item for item in before if str(item["sk"]).startswith("claim#")]
    assert len(moved) == 2, "two claims are two items"
    parts = FORGED[forged]([_shown(item) for item in moved], _shown(head))
    for number, text in parts:
        key = {"pk": f"journal#{D}", "sk": f"{JOURNAL}#{number}"}
        raw.put({**key, "items": text.encode()})
    for item in moved:
        raw.delete(PK, str(item["sk"]))
    raw.put({**head, "pending": JOURNAL})
    for store in (world.open().store, warm, backend.store):
        with expect_error("integrity_error", layer="head"):
            store.load_partition(D)
    for item in before:
        raw.put(item)
    assert partition(warm, D) == whole
