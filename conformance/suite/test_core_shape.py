"""STORE-01: the shape of a store in Python. Every test here cites that rule alone (PROTO-04)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from conformance.suite.kit.builders import CORE_METHODS, begin, call, calls, populate, shown
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import Dialogue, PartitionScoped

pytestmark = profile("core")


def _scoped(result: object) -> bool:
    results = result if isinstance(result, list) else [result]
    return bool(results) and all(isinstance(one, PartitionScoped) for one in results)


@rules("STORE-01")
def test_every_result_carries_the_marker(store: DialogueStore) -> None:
    populate(store, "tides")
    marked = {"create_dialogue": _scoped(store.create_dialogue("ebb", "Ebb"))}
    for name, args in calls("tides").items():
        marked[name] = _scoped(call(store, name, args))
    assert marked == dict.fromkeys(CORE_METHODS, True)


@rules("STORE-01")
def test_every_method_takes_dialogue_id_first(store: DialogueStore) -> None:
    begin(store, "tides")
    first = {
        name: next(iter(inspect.signature(getattr(store, name)).parameters), None)
        for name in CORE_METHODS
    }
    assert first == dict.fromkeys(CORE_METHODS, "dialogue_id")
    assert shown(store.get_dialogue("tides"))["dialogue_id"] == "tides"


def _no_dialogue(self: DialogueStore) -> Dialogue:
    raise NotImplementedError


def _dialogue_second(self: DialogueStore, status: str, dialogue_id: str) -> Dialogue:
    raise NotImplementedError


def _dialogue_by_name_only(self: DialogueStore, *, dialogue_id: str) -> Dialogue:
    raise NotImplementedError


def _unmarked(self: DialogueStore, dialogue_id: str) -> dict[str, str]:
    raise NotImplementedError


def _unmarked_list(self: DialogueStore, dialogue_id: str) -> list[str]:
    raise NotImplementedError


def _well_made(self: DialogueStore, dialogue_id: str) -> list[Dialogue]:
    raise NotImplementedError


@rules("STORE-01")
def test_a_class_that_breaks_the_shape_cannot_be_defined(store: DialogueStore) -> None:
    assert _scoped(store.create_dialogue("tides", "Tides"))

    def defines(method: Callable[..., Any]) -> bool:
        try:
            type("Derived", (type(store),), {"find": method, "__module__": __name__})
        except TypeError:
            return False
        return True

    methods: list[Callable[..., Any]] = [
        _no_dialogue,
        _dialogue_second,
        _dialogue_by_name_only,
        _unmarked,
        _unmarked_list,
        _well_made,
    ]
    assert [method.__name__ for method in methods if defines(method)] == ["_well_made"]
