"""Many envelopes from one stream, as one hash."""

from __future__ import annotations

from Crypto.Hash import SHA256

from .. import address, gcm, headsum, hkdf, items, json8785
from ..tables import kinds
from ..work import Work, check

__all__: list[str] = []

_MARKS = (1, 2, 10, 100, 1000)


class _Stream:
    """SHA-256 over a label, a NUL and a counter, block after block."""

    def __init__(self, label: str) -> None:
        self._label = label.encode("utf-8") + bytes(1)
        self._number = 0
        self._rest = bytearray()

    def take(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._rest += hkdf.sha256(self._label + self._number.to_bytes(8, "big"))
            self._number += 1
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken


@check("accumulated", "sealed")
def sealed(work: Work) -> None:
    """Perspectives of as many dialogues, sealed with keys and nonces of the stream."""
    source = _Stream(work.parameters["label"])
    total = SHA256.new()
    after: dict[str, str] = {}
    for number in range(work.input["count"]):
        item = _item(source, number, work)
        if number == 0:
            work.note(first=items.shown(item))
        total.update(headsum.item_json(item) + b"\n")
        if number + 1 in _MARKS:
            after[str(number + 1)] = total.copy().hexdigest()
    work.note(after=after)
    work.give(sha256=total.hexdigest())


def _item(source: _Stream, number: int, work: Work) -> dict[str, object]:
    dek, nonce = source.take(32), source.take(12)
    parts = {"round": source.take(1)[0] % 100, "seq": source.take(1)[0] % 99 + 1}
    letters, time = work.parameters["alphabet"], work.parameters["time"]

    def text(size: int) -> str:
        return "".join(chr(letters[byte % 64]) for byte in source.take(size))

    label = "x" + text(source.take(1)[0])
    content = "y" + text(int.from_bytes(source.take(2), "big") % 1024)
    fields = {
        "label": label,
        "content": content,
        "contributors": ["muffin"],
        "references": [],
    }
    assert fields.keys() == {f["name"] for f in kinds()["perspective"].placed("sealed")}  # noqa: S101
    dialogue_id = f"d{number}"
    aad = address.digest(address.of(dialogue_id, "perspective", parts))
    return {
        "pk": address.partition_key(dialogue_id),
        "sk": address.sort_key("perspective", parts),
        "status": "open",
        "created_at": time,
        "updated_at": time,
        "content_encrypted": gcm.encrypt(dek, nonce, json8785.canonical(fields), aad),
        "content_nonce": nonce,
        "key_id": f"dek#{dialogue_id}#1",
        "aad_hash": aad.hex(),
    }
