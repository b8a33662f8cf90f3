"""Part head sum: what the head says about the set of items (HEAD-01, HEAD-02, MIG-01)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from . import hkdf, json8785

__all__ = ["digest", "head_term", "item_json", "lines", "term", "total"]

_MODULUS = 2**256


def item_json(item: Mapping[str, Any]) -> bytes:
    """The canonical JSON of an item, bytes as base64."""
    return json8785.canonical({name: _plain(value) for name, value in item.items()})


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def term(key: bytes, item: Mapping[str, Any]) -> int:
    """What an item adds to the sum."""
    return int.from_bytes(hkdf.hmac_sha256(key, item_json(item)), "big")


def head_term(key: bytes, pk: str, revision: int, updated_at: str) -> int:
    """What the head adds: four of its attributes only."""
    own = {"pk": pk, "sk": "head", "revision": revision, "updated_at": updated_at}
    return term(key, own)


def total(key: bytes, items: Iterable[Mapping[str, Any]], head: Mapping[str, Any]) -> str:
    """The sum over the items without the head, and the head's own term, as 64 hex digits."""
    own = head_term(key, head["pk"], head["revision"], head["updated_at"])
    return f"{(sum(term(key, item) for item in items) + own) % _MODULUS:064x}"


def lines(items: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """MIG-01: all items by ascending sort key (bytes), the head without state and pending, a LF
    after each."""
    made = []
    for item in sorted(items, key=lambda item: str(item["sk"]).encode("utf-8")):
        kept = {name: value for name, value in item.items() if name not in ("state", "pending")}
        made.append(item_json(kept if item["sk"] == "head" else item) + b"\n")
    return made


def digest(items: Iterable[Mapping[str, Any]]) -> str:
    """MIG-01: hex SHA-256 over those lines."""
    return hkdf.sha256(b"".join(lines(items))).hex()
