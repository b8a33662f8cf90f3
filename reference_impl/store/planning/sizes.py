"""How large an item would be as stored (STORE-15), before anything is sealed."""

from __future__ import annotations

from ...contract.errors import Problem
from ...contract.items import MAX_ITEM_BYTES, Value, item_size
from ...contract.tables import ENVELOPE_ATTRIBUTES
from ...sealing import envelope
from ...sealing.keys import NONCE_BYTES
from .drafts import Draft, whole_item

__all__ = ["size_as_stored", "too_large"]

_TAG_BYTES = 16


def size_as_stored(dialogue_id: str, draft: Draft, key_id: str) -> int:
    """Bytes of the item of a draft, with an envelope of the right size under ``key_id``."""
    sealed: dict[str, Value] = {}
    if draft.kind.has_envelope:
        ciphertext = bytes(len(envelope.payload_of(draft.kind, draft.fields)) + _TAG_BYTES)
        values: tuple[Value, ...] = (ciphertext, bytes(NONCE_BYTES), key_id, "0" * 64)
        sealed = dict(zip(ENVELOPE_ATTRIBUTES, values, strict=True))
    return item_size(whole_item(dialogue_id, draft.kind, draft.fields, sealed))


def too_large(field: str, size: int) -> Problem | None:
    """The finding for an item of so many bytes; None where it fits."""
    if size <= MAX_ITEM_BYTES:
        return None
    what = f"would take at least {size} bytes as stored, the limit is {MAX_ITEM_BYTES}"
    return Problem("item_too_large", field, what, {"size": size, "limit": MAX_ITEM_BYTES})
