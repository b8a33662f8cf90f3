"""STORE-03 across processes and files: what was acknowledged is there for whoever reads next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError

from ..running.session import World
from ..targets.guard import NotApplicable
from .kit.builders import begin, code_of, listed
from .kit.forking import Child
from .kit.marks import profile, rules

pytestmark = profile("encrypted")

D = "d"


def rounds(store: DialogueStore) -> list[int]:
    return [found["round"] for found in listed(store.get_rounds(D))]


def read_afresh(world: World) -> list[int]:
    with world.client() as backend:
        return rounds(backend.store)


def begin_in_another_process(world: World) -> None:
    """A dialogue of round 1, begun by a process of its own; storage of one process alone is not asked."""

    def work(_: Callable[[], None]) -> None:
        with world.client() as backend:
            begin(backend.store, D, rounds=[1])

    with world.client():  # whatever the storage needs is made
        pass
    with Child(work) as child:
        child.answer()
    with world.client() as backend:
        if code_of(lambda: backend.store.get_dialogue(D)) == "dialogue_not_found":
            raise NotApplicable("no fork was tried: the storage is of one process alone")


@rules("STORE-03")
@pytest.mark.parametrize("first", ["the parent", "the child"])
def test_a_store_that_was_used_before_a_fork_loses_nothing(world: World, first: str) -> None:
    """As a server does that opens its store before it forks its workers: parent and child go on with it,
    one of them closes it, and the other one writes again."""
    begin_in_another_process(world)
    store = world.open().store
    assert rounds(store) == [1]
    store.create_round(D, 2)

    def work(told: Callable[[], None]) -> list[int]:
        store.create_round(D, 3)
        seen = rounds(store)
        if first == "the child":
            store.close()
        told()
        if first == "the parent":
            store.create_round(D, 5)
        return seen

    with Child(work) as child:
        if first == "the parent":
            store.create_round(D, 4)
            store.close()
            child.tell()
            seen = child.answer()
        else:
            child.tell()
            seen = child.answer()
            store.create_round(D, 4)
            store.create_round(D, 5)
    assert {1, 2, 3} <= set(seen)
    assert read_afresh(world) == [1, 2, 3, 4, 5]


def files_of(world: World) -> list[Path]:
    return sorted(path for path in world.folder.rglob("*") if path.is_file())


@rules("STORE-03")
@pytest.mark.parametrize("taken", ["its files", "its folder"])
def test_no_write_is_acknowledged_into_files_that_were_taken_away(world: World, taken: str) -> None:
    """Somebody moves them while the store is open, and perhaps makes the folder anew: a write is refused, or
    whoever opens the storage next sees it."""
    store = world.open().store
    begin(store, D, rounds=[1])
    assert rounds(store) == [1]
    files = files_of(world)
    if not files:
        raise NotApplicable("no file was taken away: the storage has none in its folder")
    aside = world.root / "aside"
    if taken == "its folder":
        world.folder.rename(aside)
        world.folder.mkdir(mode=0o700)
    else:
        aside.mkdir()
        for file in files:
            file.rename(aside / file.name)
    try:
        store.create_round(D, 2)
    except DialogueStoreError:
        acknowledged = False
    else:
        acknowledged = True
        assert code_of(lambda: read_afresh(world)) is None, "an acknowledged write is gone"
        assert read_afresh(world) == [1, 2]
    if not acknowledged:
        store.close()
        for file in files:
            (aside / file.name).replace(file)
        assert read_afresh(world) == [1]
