"""What liars over the reference are made with: a wrong part or function, or what stands before the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance.liars.kit.lie import Made, lie
from conformance.liars.kit.over_reference import (
    Front,
    forget_reference,
    in_place_of,
    is_of_reference,
)
from conformance.model.store import ModelStore
from conformance.targets.base import Backend, RawAccess
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle, UmkHandle
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.assembling import Assembler
from reference_impl.store.planning.drafts import Draft
from reference_impl.testing import exposed

KEY = bytes(range(32))


class Marks(Assembler):
    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        return {**super().item(dialogue_id, draft, dek), "mark": "wrong"}

    @staticmethod
    def check_form(
        honest: Callable[..., None], kind: Any, parts: Any, dialogue_id: str, item: Item
    ) -> None:
        honest(kind, parts, dialogue_id, {n: v for n, v in item.items() if n != "mark"})


class Loses(MemoryPartitionStore):
    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        del pk, prefix
        return []


class Zeros(LocalFileKeyProvider):
    def get_umk(self) -> UmkHandle:
        return UmkHandle(bytes(32))


class Watches(Front):
    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def asked(self, method: str, given: Mapping[str, Any]) -> None:
        self.seen.append((method, dict(given)))

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        return self.seen if method == "get_experts" else made

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        return f"{method}: {refusal.code}"


@pytest.fixture
def open_as(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    key_file = tmp_path / "umk.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(KEY)

    def opened(made: Made) -> Backend:
        backend: Backend = made.factory(tmp_path, key_file=key_file)
        return backend

    yield opened
    forget_reference(tmp_path)


def raw_of(backend: Backend) -> RawAccess:
    assert backend.raw is not None
    return backend.raw


def test_a_wrong_part_with_a_wrong_function(open_as: Callable[..., Backend]) -> None:
    made = in_place_of(envelope.check_form)(Marks, "encrypted")
    with made.during():
        backend = open_as(made)
        backend.store.create_dialogue("tides", "Tides")
        assert raw_of(backend).get("dialogue#tides", "meta")["mark"] == "wrong"  # type: ignore[index]
        # what was written is read again by another client, which has nothing in memory
        assert open_as(made).store.get_dialogue("tides").title == "Tides"
    with pytest.raises(DialogueStoreError) as caught:
        open_as(made).store.get_dialogue("tides")
    assert caught.value.data["layer"] == "envelope"


def test_wrong_partitions(open_as: Callable[..., Backend]) -> None:
    store = open_as(in_place_of()(Loses, "encrypted")).store
    store.create_dialogue("tides", "Tides")
    with pytest.raises(DialogueStoreError) as caught:
        store.get_dialogue("tides")
    assert caught.value.data["layer"] == "chain"


def test_wrong_keys(open_as: Callable[..., Backend]) -> None:
    backend = open_as(in_place_of()(Zeros, "keys"))
    assert backend.keys is not None
    assert exposed(backend.keys.get_umk()) == bytes(32)
    backend.store.create_dialogue("tides", "Tides")
    with pytest.raises(DialogueStoreError) as caught:
        open_as(in_place_of()(Front, "keys")).store.get_dialogue("tides")  # with the file's key
    assert caught.value.code == "umk_changed"


def test_a_front_sees_every_call_by_name(open_as: Callable[..., Backend]) -> None:
    store: Any = open_as(in_place_of()(Watches, "encrypted")).store
    store.create_dialogue("tides", title="Tides")
    assert store.create_dialogue("tides", "Tides") == "create_dialogue: duplicate_entity"
    assert store.get_experts("tides") == [
        ("create_dialogue", {"dialogue_id": "tides", "title": "Tides"}),
        ("create_dialogue", {"dialogue_id": "tides", "title": "Tides"}),
        ("get_experts", {"dialogue_id": "tides"}),
    ]


def test_a_closed_front_has_a_closed_store(open_as: Callable[..., Backend]) -> None:
    store: Any = open_as(in_place_of()(Watches, "encrypted")).store
    store.close()
    assert store.get_rounds("tides") == "get_rounds: store_closed"


@pytest.mark.parametrize(
    ("profile", "claims"),
    [
        ("encrypted", ("core", "encrypted", "keys")),
        ("keys", ("core", "encrypted", "keys")),
        ("audit", ("core", "encrypted", "keys", "audit")),
    ],
)
def test_what_is_claimed(
    open_as: Callable[..., Backend], profile: str, claims: tuple[str, ...]
) -> None:
    assert open_as(in_place_of()(Front, profile)).claims() == claims


def test_what_is_forgotten_is_gone(open_as: Callable[..., Backend], tmp_path: Path) -> None:
    made = in_place_of()(Front, "encrypted")
    open_as(made).store.create_dialogue("tides", "Tides")
    assert open_as(made).store.get_dialogue("tides").title == "Tides"
    made.discard(tmp_path)
    with pytest.raises(DialogueStoreError) as caught:
        open_as(made).store.get_dialogue("tides")
    assert caught.value.code == "dialogue_not_found"


def test_parts_are_told_apart_from_those_of_the_model() -> None:
    assert [is_of_reference(one) for one in (Marks, Loses, Zeros, Watches)] == [True] * 4
    assert [is_of_reference(one) for one in (ModelStore, Path)] == [False] * 2


def test_a_function_that_the_reference_has_not() -> None:
    @lie("core", "STORE-05", tried=in_place_of(test_what_is_claimed))
    def is_never_asked(honest: Any) -> None:
        """Stands for a function of nobody."""

    from conformance.liars import LIARS

    with pytest.raises(LookupError), LIARS.pop("is_never_asked").during():
        raise AssertionError("nothing was exchanged")
