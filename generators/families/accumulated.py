"""Many envelopes from one seeded stream as one hash: a port proves breadth with one line (as CCTV does)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from ..kit import crypto
from ..kit.crypto import Item
from ..kit.recipe import Case, Family, Fields, Note, Stream, stored, stream
from ..kit.schemas import INTEGER, ITEM, TEXT, hex_of, map_of, object_of

__all__ = ["FAMILY", "envelopes", "nightly"]

_LABEL = "accumulated envelopes"
#: What a byte of the stream becomes in a text, by its value mod 64.
_ALPHABET = (
    "abcdefghijklmnopqrstuvwxyz0123456789 .,-+"
    '"\\/\n\t\b\u0000\u001f\u007fé\u0301ß\u05d0\u0645中\u2028\ufb01\ufeff\uffee\U0001f600\U0001d11e\U0010ffff~'
)
_TIME = "2026-02-03T10:15:00.000000Z"
_SHORT, _LONG = 10_000, 1_000_000
#: Computed once by generator and reference alike; `--nightly` and `pytest --full` compute it again.
_EXPECTED_LONG = "5d34e20ef320e2695ddcb22ad8bf054b9c84eb093317e1f5a9fbf0577dc14c94"

FAMILY = Family(
    "accumulated",
    title="Sealed envelopes from a seeded stream, as one hash",
    header=[
        "The stream: the blocks SHA-256(label as UTF-8, 0x00, k as 8 bytes big-endian) for k = 0, 1, 2, …",
        "one after the other; every step takes the bytes that come next.",
        "Envelope n, from 0: take 32 bytes, the data key; 12, the nonce; 1, the round (mod 100);",
        "1, the seq (mod 99, plus 1); 1, the length L; L bytes, the label; 2 bytes big-endian, mod 1024,",
        "the length M; M bytes, the content. A byte b of label and content is the character of `alphabet`",
        "(the list of its 64 code points) at b mod 64; the label has `x` in front, the content `y`.",
        "It is a perspective of the dialogue d{n}, status open, created_at and updated_at `time`,",
        "contributors [muffin], no references, sealed under version 1 of the data key.",
        "`sha256` is over the canonical JSON of each whole item (bytes as base64, HEAD-02) and one LF",
        "after each. `after` gives it after the first envelopes; `first` is the first item.",
        "`nightly` of the group is a longer run over the same stream, which a rebuild does not repeat.",
    ],
    notes={
        "Breadth": Note(
            "many sizes, characters and addresses at once",
            "an implementation that is right for a few examples and wrong for some input",
            ["ENV-09"],
        )
    },
)
_GROUP = FAMILY.group(
    type="sealed",
    parameters={
        "label": _LABEL,
        "alphabet": [ord(character) for character in _ALPHABET],
        "time": _TIME,
        "nightly": {"count": _LONG, "sha256": _EXPECTED_LONG},
    },
    fields=Fields(
        parameters={
            "label": TEXT,
            "alphabet": {"type": "array", "items": INTEGER, "minItems": 64, "maxItems": 64},
            "time": TEXT,
            "nightly": object_of({"count": INTEGER, "sha256": hex_of(32)}),
        },
        input={"count": INTEGER},
        intermediate={"first": ITEM, "after": map_of(hex_of(32))},
        expected={"sha256": hex_of(32)},
    ),
)


def envelopes(count: int) -> Iterator[tuple[bytes, Item]]:
    """The first items of the stream, each with its data key."""
    source = stream(_LABEL)
    for number in range(count):
        yield _next(source, number)


def _next(source: Stream, number: int) -> tuple[bytes, Item]:
    key, nonce = source.take(32), source.take(12)
    parts = {"round": source.take(1)[0] % 100, "seq": source.take(1)[0] % 99 + 1}
    label = _text(source.take(source.take(1)[0]))
    content = _text(source.take(int.from_bytes(source.take(2), "big") % 1024))
    fields = {
        "status": "open",
        "created_at": _TIME,
        "updated_at": _TIME,
        "label": f"x{label}",
        "content": f"y{content}",
        "contributors": ["muffin"],
        "references": [],
    }
    dialogue_id = f"d{number}"
    item = crypto.make_item(
        "perspective",
        dialogue_id,
        parts,
        fields,
        key=key,
        key_id=f"dek#{dialogue_id}#1",
        nonce=nonce,
    )
    return key, item


def _text(data: bytes) -> str:
    return "".join(_ALPHABET[byte % 64] for byte in data)


def _accumulate(count: int, marks: tuple[int, ...] = ()) -> tuple[str, dict[str, str]]:
    """The hash over `count` items, and what it was after some of them."""
    total = hashlib.sha256()
    after: dict[str, str] = {}
    for number, (_, item) in enumerate(envelopes(count), start=1):
        total.update(crypto.item_bytes(item) + b"\n")
        if number in marks:
            after[str(number)] = total.hexdigest()
    return total.hexdigest(), after


@_GROUP.case
def ten_thousand() -> Case:
    """10,000 perspectives of 10,000 dialogues, sealed with given keys and nonces."""
    found, after = _accumulate(_SHORT, (1, 2, 10, 100, 1000))
    return _case("ten-thousand", _SHORT, found, {"first": _first(), "after": after})


def _case(name: str, count: int, found: str, between: Mapping[str, Any] | None) -> Case:
    return Case(
        f"accumulated-sealed-{name}",
        rules=["ENV-02", "ENV-03", "ENV-09", "ADDR-10"],
        flags=["Breadth"],
        data={"count": count},
        intermediate=between,
        expected={"sha256": found},
    )


def _first() -> dict[str, Any]:
    return stored(next(envelopes(1))[1])


def nightly() -> list[str]:
    """Compute the million again; what differs, in words."""
    found, _ = _accumulate(_LONG)
    return [] if found == _EXPECTED_LONG else [f"{_LONG} envelopes: {found}, not {_EXPECTED_LONG}"]
