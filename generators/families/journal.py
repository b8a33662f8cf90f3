"""What a writer makes of a write that is too large for one transaction: the parts of a journal (HEAD-07)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..kit import crypto
from ..kit.recipe import Case, Family, Fields, Note
from ..kit.repeats import REPEATED_ITEM, spread
from ..kit.schemas import HEX, INTEGER, TEXT, hex_of, list_of, object_of

__all__ = ["FAMILY"]

FAMILY = Family(
    "journal",
    title="Journals as a writer makes them: one canonical text, cut into parts of 350 KiB",
    header=[
        (
            "`pack`: the parts of the journal `token` of dialogue `dialogue_id` that holds `items` (given in"
            " any order): the canonical JSON list of all of them by ascending sort key (bytes), bytes as"
            " base64, cut into parts of 358,400 bytes, the last one shorter. Each part is an item of `pk`,"
            " `sk` and `items`, which is given here by its length and its SHA-256."
        ),
        'A value `{"text": …, "times": n}` or `{"bytes": …, "times": n}` stands for n of them in a row.',
        "What a reader must refuse stands in `partition`, whose flag is `Journal`.",
    ],
    notes={
        "Text": Note(
            "a journal of one part: its text",
            "a reader of another implementation takes the journal for a changed one",
            ["HEAD-07", "ADDR-10"],
        ),
        "Cut": Note(
            "a journal at and beyond the length of a part",
            "parts are cut at another byte, at characters or at items, or numbered otherwise",
            ["HEAD-07"],
        ),
    },
)

PACK = FAMILY.group(
    type="pack",
    fields=Fields(
        input={"dialogue_id": TEXT, "token": TEXT, "items": list_of(REPEATED_ITEM)},
        intermediate={"text?": HEX, "length": INTEGER, "sha256": hex_of(32)},
        expected={
            "parts": list_of(
                object_of({"pk": TEXT, "sk": TEXT, "length": INTEGER, "sha256": hex_of(32)})
            )
        },
    ),
)

_PART = 350 * 1024
_TOKEN = "5d" * 16
_PK = "dialogue#large-talk"
_TIME = "2026-02-03T10:00:00.000000Z"


def _signal(slug: str) -> dict[str, Any]:
    return {"pk": _PK, "sk": f"signal#00#{slug}", "created_at": _TIME}


def _sealed(sk: str, times: int, byte: str = "a5") -> dict[str, Any]:
    """An item with an envelope whose ciphertext is that long; what it holds is no matter here."""
    return {
        "pk": _PK,
        "sk": sk,
        "aad_hash": "0f" * 32,
        "content_encrypted": {"bytes": byte, "times": times},
        "content_nonce": {"bytes": "00" * 12},
        "key_id": "dek#large-talk#1",
    }


def _text(items: Sequence[Mapping[str, Any]]) -> bytes:
    plain = [
        {
            name: base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
            for name, value in spread(item).items()
        }
        for item in items
    ]
    return crypto.canonical(sorted(plain, key=lambda item: str(item["sk"]).encode()))


def _case(
    name: str, flag: str, items: list[dict[str, Any]], lengths: list[int], comment: str
) -> Case:
    """A case whose parts must have these lengths, counted by hand."""
    text = _text(items)
    pieces = [text[start : start + _PART] for start in range(0, len(text), _PART)]
    if [len(piece) for piece in pieces] != lengths:
        raise ValueError(f"{name}: parts of {[len(piece) for piece in pieces]} bytes")
    return Case(
        f"journal-pack-{name}",
        comment=comment,
        rules=["HEAD-07", "ADDR-10"],
        flags=[flag],
        data={"dialogue_id": "large-talk", "token": _TOKEN, "items": items},
        intermediate={
            **({"text": text} if len(text) < 4096 else {}),
            "length": len(text),
            "sha256": crypto.sha256(text),
        },
        expected={
            "parts": [
                {
                    "pk": "journal#large-talk",
                    "sk": f"{_TOKEN}#{number:04d}",
                    "length": len(piece),
                    "sha256": crypto.sha256(piece),
                }
                for number, piece in enumerate(pieces, start=1)
            ]
        },
    )


@PACK.case
def texts() -> Iterator[Case]:
    """What the text of a journal is."""
    signal = _signal("muffin")
    yield _case("one-item", "Text", [signal], [97], "One item without an envelope.")
    yield _case(
        "bytes-as-base64",
        "Text",
        [{**_sealed("meta", 18, "ff"), "status": "open"}],
        [246],
        "Items go in as they were sealed: bytes as base64 with padding, `+` and `/`.",
    )
    yield _case(
        "in-order-of-bytes",
        "Text",
        [_signal(slug) for slug in ("z", "a", "Z", "a-b", "a.b", "a0", "A")]
        + [{**_signal("x"), "sk": f"dek#{version}"} for version in (2, 10)],
        [814],
        "Given in another order than they must lie in: capitals first, `dek#10` before `dek#2`.",
    )
    yield _case(
        "numbers-and-text",
        "Text",
        [
            {
                **_signal("m"),
                "half": 0.5,
                "one": 1.0,
                "small": 1e-06,
                "flag": True,
                "é": "\u2028\U0001f4c8",
            }
        ],
        [155],
        "RFC 8785 in the cleartext fields as everywhere: `1`, not `1.0`; text as UTF-8.",
    )


@PACK.case
def cuts() -> Iterator[Case]:
    """Where the text is cut: after each 358,400 bytes, wherever that is."""
    own = len(_text([{**_signal("m"), "text": ""}]))
    most = _PART - own

    def long(times: int, letter: str = "a") -> list[dict[str, Any]]:
        return [{**_signal("m"), "text": {"text": letter, "times": times}}]

    yield _case("a-part-exactly", "Cut", long(most), [_PART], "One part, and no empty second one.")
    yield _case("a-byte-more", "Cut", long(most + 1), [_PART, 1], "The second part has one byte.")
    yield _case("a-byte-less", "Cut", long(most - 1), [_PART - 1], "One part, a byte short.")
    before = len(_text([{**_signal("m"), "text": ""}])) - len('"}]')
    letters = (_PART - before) // 2 + 2
    comment = "A letter of two bytes lies across the cut: parts are bytes, not text."
    # an odd number of bytes before the letters, so that the cut falls inside one
    odd = [
        {**_signal("m" if (_PART - before) % 2 else "mm"), "text": {"text": "é", "times": letters}}
    ]
    length = len(_text(odd))
    yield _case("across-a-letter", "Cut", odd, [_PART, length - _PART], comment)
    items = [_sealed(f"perspective#00#{seq:02d}", 120_000) for seq in range(1, 8)]
    length = len(_text(items))
    yield _case(
        "across-items",
        "Cut",
        items,
        [_PART, _PART, _PART, length - 3 * _PART],
        "Seven items in four parts: an item may begin in one part and end in another.",
    )
    items = [_sealed(f"claim#00#{seq:02d}", 262_000) for seq in range(1, 12)]
    length = len(_text(items))
    yield _case(
        "eleven-parts",
        "Cut",
        items,
        [*[_PART] * (length // _PART), length % _PART],
        "More than nine parts: numbers have four digits, so that text order is their order.",
    )
