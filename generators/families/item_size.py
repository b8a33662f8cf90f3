"""How large an item is by DynamoDB's rules, to the byte, and how large it may be (STORE-15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kit.edits import Edit
from ..kit.recipe import Case, Family, Fields, Note
from ..kit.repeats import REPEATED_ITEM
from ..kit.schemas import INTEGER

__all__ = ["FAMILY"]

FAMILY = Family(
    "item-size",
    title="The size of a stored item, to the byte",
    header=[
        (
            "`size`: the bytes of `item` by DynamoDB's rules: names and texts as UTF-8, bytes by their"
            " number, a boolean 1, a number 1 and one more for each pair of digits (base 100, aligned to the"
            " decimal point) from the first to the last that is not 00, and one more below zero."
        ),
        'A value `{"text": …, "times": n}` or `{"bytes": …, "times": n}` stands for n of them in a row.',
        "An item of more than 409,600 bytes is refused before anything is written.",
    ],
    notes={
        "Text": Note(
            "names and texts in which characters and bytes differ",
            "an item is counted in characters, and the engine refuses what the store let through",
            ["STORE-15"],
        ),
        "Number": Note(
            "numbers of one to seventeen digits",
            "a number is counted as eight bytes, or as its text",
            ["STORE-15"],
        ),
        "Limit": Note(
            "an item of exactly the limit, and one of a byte more",
            "the limit is taken for 400,000 bytes, or for one byte more or less",
            ["STORE-15"],
        ),
    },
)

SIZE = FAMILY.group(
    type="size",
    fields=Fields(input={"item": REPEATED_ITEM}, expected={"size": INTEGER}),
)

#: pk, sk and their names: 2 + 10 + 2 + 4 bytes.
_KEY = {"pk": "dialogue#d", "sk": "meta"}
_LIMIT = 400 * 1024


@SIZE.case
def values() -> Iterator[Case]:
    """Names and values, counted one by one: 18 bytes are those of pk and sk."""
    rows: list[tuple[str, str, dict[str, Any], int]] = [
        ("key-alone", "Text", {}, 18),
        ("ascii", "Text", {"status": "open"}, 18 + 6 + 4),
        ("empty-text", "Text", {"title": ""}, 18 + 5),
        ("two-bytes", "Text", {"title": "é"}, 18 + 5 + 2),
        ("decomposed", "Text", {"title": "e\u0301"}, 18 + 5 + 3),
        ("three-bytes", "Text", {"title": "€"}, 18 + 5 + 3),
        ("four-bytes", "Text", {"title": "\U0001f4c8"}, 18 + 5 + 4),
        ("nul", "Text", {"title": "\u0000"}, 18 + 5 + 1),
        ("name-beyond-ascii", "Text", {"é": "e"}, 18 + 2 + 1),
        ("text-of-digits", "Text", {"n": "12345678"}, 18 + 1 + 8),
        ("empty-bytes", "Text", {"b": {"bytes": ""}}, 18 + 1),
        ("bytes", "Text", {"b": {"bytes": "00ff10"}}, 18 + 1 + 3),
        ("true", "Number", {"flag": True}, 18 + 4 + 1),
        ("false", "Number", {"flag": False}, 18 + 4 + 1),
    ]
    numbers: list[tuple[str, float, int]] = [
        ("zero", 0, 1),
        ("one-digit", 7, 2),
        ("two-digits", 12, 2),
        ("three-digits", 123, 3),
        ("ten", 10, 2),
        ("hundred", 100, 2),
        ("hundred-and-one", 101, 3),
        ("thousand", 1000, 2),
        ("a-million-and-one", 1000001, 5),
        ("below-zero", -7, 3),
        ("below-zero-two-pairs", -123, 4),
        ("half", 0.5, 2),
        ("hundredths", 0.95, 2),
        ("thousandths", 0.125, 3),
        ("one-and-a-half", 1.5, 3),
        ("ten-and-a-half", 10.5, 3),
        ("millionth", 1e-06, 2),
        ("ten-millionths", 1e-05, 2),
        ("six-decimals", 0.123456, 4),
        ("largest-integer", 9007199254740991, 9),
        ("seventeen-digits", 0.30000000000000004, 10),
        ("below-zero-seventeen-digits", -0.30000000000000004, 11),
    ]
    rows += [(name, "Number", {"n": value}, 18 + 1 + size) for name, value, size in numbers]
    for name, flag, more, size in rows:
        yield Case(
            f"item-size-{name}",
            rules=["STORE-15"],
            flags=[flag],
            data={"item": {**_KEY, **more}},
            expected={"size": size},
        )


@SIZE.case
def limits() -> Iterator[Case]:
    """409,600 bytes are the most that an item may have; one more, in a value or in a name, is refused."""
    own = 18 + len("content_encrypted")
    sealed = {"bytes": "00", "times": _LIMIT - own}
    written = {"text": "é", "times": (_LIMIT - 18 - len("title_")) // 2}
    items: dict[str, dict[str, Any]] = {
        "bytes": {**_KEY, "content_encrypted": sealed},
        "text": {**_KEY, "title_": written},
    }
    for name, item in items.items():
        yield Case(
            f"item-size-limit-{name}",
            rules=["STORE-15"],
            flags=["Limit"],
            data={"item": item},
            expected={"size": _LIMIT},
        )

    def over(name: str, edit: Edit, sibling: str) -> Case:
        return Case(
            f"item-size-over-{name}",
            rules=["STORE-15"],
            flags=["Limit"],
            data=edit.data,
            result="invalid",
            mutation="item-size",
            sibling=f"item-size-limit-{sibling}",
            changed=edit.changed,
        )

    edit = Edit({"item": items["bytes"]})
    yield over(
        "by-a-byte", edit.set("item", "content_encrypted", "times", to=_LIMIT - own + 1), "bytes"
    )
    yield over("by-a-digit", Edit({"item": items["bytes"]}).set("item", "n", to=0), "bytes")
    yield over(
        "by-a-name", Edit({"item": items["bytes"]}).set("item", "b", to={"bytes": ""}), "bytes"
    )
    times = (_LIMIT - 18 - len("title_")) // 2 + 1
    edit = Edit({"item": items["text"]}).set("item", "title_", "times", to=times)
    yield over("by-a-letter-of-two-bytes", edit, "text")
    edit = Edit({"item": items["text"]}).set("item", "title_", "text", to="\U0001f4c8")
    yield over("as-characters-it-would-fit", edit, "text")
