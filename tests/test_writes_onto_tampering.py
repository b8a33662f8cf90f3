"""A warm writer and an item that somebody changed behind its back (HEAD-02, HEAD-03, HEAD-04).

Finding it is what reads are for: a write's commit is conditional on the head and on the items that it changes
(HEAD-03), and its cost does not grow with the partition (HEAD-02), so that it looks at no other item. What a
write must not do is launder: whatever was changed is found afterwards as it was before, or is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.suite.kit.builders import code_of
from conformance.suite.kit.marks import rules
from reference_impl import EncryptedStore, LocalFileKeyProvider, SqliteDialogueStore
from reference_impl.contract.items import Item
from reference_impl.partitions.port import Anything, Put
from reference_impl.partitions.sqlite.store import SqlitePartitionStore

D = "d"
ROUND = (f"dialogue#{D}", "round#01")

CHANGES: dict[str, Callable[[Item], Item]] = {
    "cleartext": lambda item: {**item, "score": 2},
    "cleartext of another type": lambda item: {**item, "score": True},
    "an attribute more": lambda item: {**item, "extra": "x"},
    "ciphertext": lambda item: {**item, "content_encrypted": _other(item["content_encrypted"])},
    "tag": lambda item: {**item, "content_encrypted": _other(item["content_encrypted"], -1)},
    "nonce": lambda item: {**item, "content_nonce": _other(item["content_nonce"])},
    "address": lambda item: {**item, "aad_hash": "0" * 64},
    "key": lambda item: {**item, "key_id": f"dek#{D}#2"},
}
#: What the condition on an item sees; for its ciphertext stands its nonce.
SEEN = {"cleartext", "cleartext of another type", "nonce", "address", "key"}
WRITES: dict[str, Callable[[EncryptedStore], object]] = {
    "onto it": lambda store: store.update_round_status(D, 1, "in_progress", summary="mine"),
    "elsewhere": lambda store: store.register_perspective(D, 0, "label", "text", ["muffin"]),
}


def _other(value: object, at: int = 0) -> bytes:
    assert isinstance(value, bytes)
    changed = bytearray(value)
    changed[at] ^= 1
    return bytes(changed)


def _found(store: EncryptedStore) -> list[str]:
    return [finding.layer for finding in store.verify_partition(D)]


@rules("HEAD-02", "HEAD-04")
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_write_launders_nothing(tmp_path: Path, change: str, write: str) -> None:
    keys = LocalFileKeyProvider(tmp_path / "keys" / "umk.key")
    with (
        SqliteDialogueStore(tmp_path / "d.db", keys) as warm,
        SqliteDialogueStore(tmp_path / "d.db", keys) as cold,
    ):
        warm.create_dialogue(D, "title")
        warm.create_round(D, 0)
        warm.create_round(D, 1, score=1, title="as written")
        rows = SqlitePartitionStore(tmp_path / "d.db")
        item = rows.get(*ROUND)
        assert item is not None
        changed = CHANGES[change](item)
        rows.commit([Put(changed, Anything())], token="t")
        code = code_of(lambda: WRITES[write](warm))
        assert code in (None, "integrity_error")
        if write == "onto it" and change in SEEN:
            assert code == "integrity_error"
        lies_there = rows.get(*ROUND)
        rows.close()
        if code is None and write == "onto it":
            # Gone: what was changed did not get into what is there now.
            assert _found(cold) == []
            (_, now) = cold.get_rounds(D)
            assert (now.score, now.title, now.summary) == (1, "as written", "mine")
        else:
            assert lies_there == changed
            assert _found(cold) != []
            assert _found(warm) == _found(cold)
