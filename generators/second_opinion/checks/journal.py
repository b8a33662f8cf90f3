"""A journal's parts as a writer makes them (HEAD-07)."""

from __future__ import annotations

from .. import headsum, hkdf, items
from ..work import Work, check

__all__: list[str] = []

_PART = 358_400


@check("journal", "pack")
def pack(work: Work) -> None:
    """The items' text by ascending sort key, cut into parts."""
    given = work.input
    found = {item["sk"]: items.spread(item) for item in given["items"]}
    if len(found) != len(given["items"]):
        raise ValueError("a sort key stands twice")
    ordered = sorted(found, key=lambda sk: sk.encode("utf-8"))
    text = b"[" + b",".join(headsum.item_json(found[sk]) for sk in ordered) + b"]"
    work.note(text=text, length=len(text), sha256=hkdf.sha256(text))
    parts, rest, number = [], text, 0
    while rest:
        number += 1
        piece, rest = rest[:_PART], rest[_PART:]
        key = {"pk": f"journal#{given['dialogue_id']}", "sk": f"{given['token']}#{number:04d}"}
        parts.append({**key, "length": len(piece), "sha256": hkdf.sha256(piece)})
    work.give(parts=parts)
