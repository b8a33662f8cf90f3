"""One key provider for several stores: a store that was closed is not asked any more (KEY-02)."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_impl.cli.main import has_made_key
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.factory import SqliteDialogueStore
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import open_store


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    return LocalFileKeyProvider(tmp_path / "keys" / "umk.key")


def test_the_second_store_works_after_the_first_was_closed(
    tmp_path: Path, keys: LocalFileKeyProvider
) -> None:
    first = SqliteDialogueStore(tmp_path / "first.db", keys)
    second = SqliteDialogueStore(tmp_path / "second.db", keys)
    first.close()
    first.close()  # twice is fine, and takes nothing of the second's away
    with second:
        assert second.create_dialogue("d", "title").title == "title"


def test_the_stores_that_are_open_are_still_asked(
    tmp_path: Path, keys: LocalFileKeyProvider
) -> None:
    """Two on the same file, one of them closed twice: the other still keeps a new key from being made."""
    with SqliteDialogueStore(tmp_path / "d.db", keys) as store:
        store.create_dialogue("d", "title")
    keys.path.unlink()
    first, second = (SqliteDialogueStore(tmp_path / "d.db", keys) for _ in range(2))
    first.close()
    first.close()
    with second, pytest.raises(DialogueStoreError) as caught:
        second.get_dialogue("d")
    assert caught.value.code == "umk_missing"
    assert not keys.path.exists()


def test_stores_over_the_same_items_leave_each_other_their_guard(
    keys: LocalFileKeyProvider,
) -> None:
    partitions = MemoryPartitionStore()
    with open_store(partitions, keys) as store:
        store.create_dialogue("d", "title")
    keys.path.unlink()
    first, second = open_store(partitions, keys), open_store(partitions, keys)
    first.close()
    first.close()
    with pytest.raises(DialogueStoreError) as caught:
        second.get_dialogue("d")
    assert caught.value.code == "umk_missing"


def test_a_store_that_could_not_be_opened_is_never_asked(
    tmp_path: Path, keys: LocalFileKeyProvider
) -> None:
    with pytest.raises(DialogueStoreError):
        SqliteDialogueStore(tmp_path / "first.db", keys, principal="")
    assert keys._guards == []
    assert has_made_key(keys, lambda: False)
    assert keys._guards == []
