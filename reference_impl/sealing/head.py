"""The partition head's sum (HEAD-02): GCM proves each item, the head proves the set."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from ..contract.items import Value, canonical_item, canonical_json

__all__ = ["SUM_BITS", "head_term", "sum_text", "sums_equal", "term"]

SUM_BITS = 256
_MODULUS = 1 << SUM_BITS


def term(key: bytes, item: Mapping[str, Value]) -> int:
    """HMAC-SHA256 over the canonical JSON of an item, bytes as base64, as a big-endian number."""
    return int.from_bytes(hmac.digest(key, canonical_item(item), "sha256"), "big")


def head_term(key: bytes, pk: str, revision: int, updated_at: str) -> int:
    """The head's own term, over exactly {pk, sk, revision, updated_at}."""
    text = canonical_json({"pk": pk, "sk": "head", "revision": revision, "updated_at": updated_at})
    return int.from_bytes(hmac.digest(key, text, "sha256"), "big")


def sum_text(total: int) -> str:
    """A sum mod 2^256 as 64 lower-case hex digits."""
    return f"{total % _MODULUS:064x}"


def sums_equal(total: int, stored: str) -> bool:
    """Whether ``total`` is the ``stored`` sum, in constant time (ENV-08)."""
    return hmac.compare_digest(sum_text(total), stored)
