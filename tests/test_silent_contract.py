"""Lines of ADR 0003, and calls for a profile that is not there, at the reference store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.spec import RULES
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store

ADR = Path(__file__).parent.parent / "docs" / "adr" / "0003-where-the-contract-is-silent.md"


@pytest.fixture
def partitions() -> MemoryPartitionStore:
    return MemoryPartitionStore()


@pytest.fixture
def store(partitions: MemoryPartitionStore, tmp_path: Path) -> EncryptedStore:
    store = open_store(partitions, LocalFileKeyProvider(tmp_path / "keys" / "umk.key"))
    store.create_dialogue("d", "title")
    store.create_round("d", 0)
    for label in ("one", "two"):
        store.register_perspective("d", 0, label, "content", ["muffin"])
    return store


def test_every_question_of_the_decision_is_answered_in_a_rule() -> None:
    """Red if an answer is written down in the decision again, and not where it is looked for."""
    rows = [line for line in ADR.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = [row.split(" | ")[1].split(", ") for row in rows[1:]]
    assert len(named) == 24
    assert [rule for rules in named for rule in rules if rule not in RULES] == []


def test_the_request_id_of_an_idempotent_repeat_is_forgotten(
    store: EncryptedStore, partitions: MemoryPartitionStore
) -> None:
    """STORE-07: the repeat writes nothing, its request_id included, which stays free for another call."""
    assert "`request_id` given to an idempotent repeat" in ADR.read_text(encoding="utf-8")
    first = store.register_ref("d", "P0001", "refine", "P0002")
    before = partitions.query("dialogue#d")
    assert store.register_ref("d", "P0001", "refine", "P0002", request_id="r") == first
    assert partitions.query("dialogue#d") == before
    other = store.register_perspective("d", 0, "three", "content", ["muffin"], request_id="r")
    assert other.display_id == "P0003"


@pytest.mark.parametrize("checkpoints", [["a note"], ("a note",), "a note", [7], ["\ud800"], {}, 7])
def test_checkpoints_that_nobody_would_look_at_are_refused(
    store: EncryptedStore, checkpoints: Any
) -> None:
    """Never taken without a word: ``ok`` would seem to speak of them."""
    with pytest.raises(DialogueStoreError) as caught:
        store.verify_chain("d", checkpoints)
    assert caught.value.code == "invalid_field"
    assert caught.value.data["field"].startswith("checkpoints")


@pytest.mark.parametrize("checkpoints", [[], (), None])
def test_no_checkpoints_are_none(store: EncryptedStore, checkpoints: Any) -> None:
    assert store.verify_chain("d", checkpoints).ok
