"""What `erase_dialogue` gives: the certificate of an erasure (KEY-09)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kit.partition_stories import dialogue
from ..kit.recipe import Case, Family, Fields, Note, stored
from ..kit.schemas import INTEGER, ITEM, TEXT, hex_of, list_of
from ..kit.stories import Story, at

__all__ = ["FAMILY"]

FAMILY = Family(
    "certificate",
    planned=True,
    title="Erasure certificates",
    header=[
        (
            "`make`: the certificate of an erasure of a dialogue whose wrapped keys were `wrapped` (in any"
            " order) and whose `erase` event is `event`. `remaining`, for people, is left out here;"
            " `key_ids` are the erased data keys by ascending version; `erased_at` is the event's time."
        )
    ],
    notes={
        "Certificate": Note(
            "what was erased, when, and where the chain says so",
            "nobody can hold the certificate against the chain",
            ["KEY-09"],
        )
    },
)

_MAKE = FAMILY.group(
    type="make",
    fields=Fields(
        input={"dialogue_id": TEXT, "wrapped": list_of(ITEM), "event": ITEM},
        expected={
            "dialogue_id": TEXT,
            "erased_at": TEXT,
            "key_ids": list_of(TEXT),
            "event_hash": hex_of(32),
            "format_version": INTEGER,
        },
    ),
)


def _erased(name: str, versions: list[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    told = Story(name)
    told.write(at(0), dialogue(at(0), "Nobody's business"))
    for minute in range(1, max(versions)):
        told.rotate(at(minute))
    told.revision += 1
    newest = f"dek#{name}#{max(versions)}"
    event = told.append(at(30), "w", "erase", newest, told.pk, count=len(versions))
    wrapped = [stored(told.items[f"dek#{version}"]) for version in sorted(versions, key=str)]
    given = {"dialogue_id": name, "wrapped": wrapped, "event": stored(event)}
    expected = {
        "dialogue_id": name,
        "erased_at": at(30),
        "key_ids": [f"dek#{name}#{version}" for version in versions],
        "event_hash": event["event_hash"],
        "format_version": 1,
    }
    return given, expected


@_MAKE.case
def certificates() -> Iterator[Case]:
    """One wrapped key, several (by their numbers: `dek#2` before `dek#10`), the one that a reseal left."""
    for name, versions in (
        ("one-key", [1]),
        ("two-keys", [1, 2]),
        ("twelve-keys", list(range(1, 13))),
        ("after-a-reseal", [4]),
    ):
        given, expected = _erased(name, versions)
        yield Case(
            f"certificate-make-{name}",
            rules=["KEY-09"],
            flags=["Certificate"],
            data=given,
            expected=expected,
        )
