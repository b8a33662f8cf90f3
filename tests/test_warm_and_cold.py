"""A store that has read before says of a tampered partition what a store says that sees it for the first time
(STORE-03, ENV-06): the same findings, in the same order, whatever was done to the stored items."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference_impl import EncryptedStore, LocalFileKeyProvider
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Anything, Delete, Put
from reference_impl.testing import open_store

D = "d"
PK = f"dialogue#{D}"
TRIALS = 120

Tamper = Callable[[random.Random, dict[str, Item]], Item | str | None]


def _any(chance: random.Random, items: dict[str, Item]) -> Item:
    return dict(items[chance.choice(sorted(items))])


def _field(chance: random.Random, item: Item) -> str:
    return chance.choice(sorted(item.keys() - {"pk", "sk"}))


def _of_type(chance: random.Random, items: dict[str, Item], kind: type) -> tuple[Item, str]:
    found = [
        (sk, name) for sk, item in items.items() for name, v in item.items() if type(v) is kind
    ]
    sk, name = chance.choice(found)
    return dict(items[sk]), name


def _remove(chance: random.Random, items: dict[str, Item]) -> str:
    return chance.choice(sorted(items))


def _lay_over_another(chance: random.Random, items: dict[str, Item]) -> Item:
    return {**_any(chance, items), "sk": chance.choice(sorted(items))}


def _lay_elsewhere(chance: random.Random, items: dict[str, Item]) -> Item:
    places = ("perspective#00#09", "zzz", "dek#2", "dek#x", "claim#01#07", "event#tension#T0001#x")
    return {**_any(chance, items), "sk": chance.choice(places)}


def _give_a_nonce_twice(chance: random.Random, items: dict[str, Item]) -> Item | None:
    one, other = _any(chance, items), _any(chance, items)
    if "content_nonce" not in one or "content_nonce" not in other:
        return None
    return {**one, "content_nonce": other["content_nonce"]}


def _change_a_value(chance: random.Random, items: dict[str, Item]) -> Item:
    item = _any(chance, items)
    name = _field(chance, item)
    value: Any = item[name]
    other: Any
    if isinstance(value, bytes):
        other = value[:-1] + bytes([value[-1] ^ 1])
    else:
        other = f"{value}x" if isinstance(value, str) else value + 1
    return {**item, name: other}


def _leave_a_value_out(chance: random.Random, items: dict[str, Item]) -> Item:
    item = _any(chance, items)
    del item[_field(chance, item)]
    return item


def _add_a_value(chance: random.Random, items: dict[str, Item]) -> Item:
    values: list[Any] = ["x", 1, True, b"z"]
    return {**_any(chance, items), "extra": chance.choice(values)}


def _name_another_key(chance: random.Random, items: dict[str, Item]) -> Item:
    return {**_any(chance, items), "key_id": chance.choice(["dek#d#2", "dek#e#1", "x"])}


def _retype(old: type, new: type) -> Tamper:
    def retype(chance: random.Random, items: dict[str, Item]) -> Item:
        item, name = _of_type(chance, items, old)
        value: Any = new(item[name])
        return {**item, name: value}

    return retype


TAMPERS: dict[str, Tamper] = {
    "remove": _remove,
    "lay over another": _lay_over_another,
    "lay elsewhere": _lay_elsewhere,
    "a nonce twice": _give_a_nonce_twice,
    "another value": _change_a_value,
    "a value less": _leave_a_value_out,
    "a value more": _add_a_value,
    "another key": _name_another_key,
    "true for 1": _retype(int, bool),
    "1 for true": _retype(bool, int),
    "1.0 for 1": _retype(int, float),
}


def _said(store: EncryptedStore) -> list[Any]:
    try:
        return list(store.verify_partition(D))
    except DialogueStoreError as refused:
        return [refused.code, refused.message]


@pytest.mark.parametrize("seed", [1, 2])
def test_both_say_the_same(tmp_path: Path, seed: int) -> None:
    items, keys = MemoryPartitionStore(), LocalFileKeyProvider(tmp_path / "keys" / "umk.key")
    writer = open_store(items, keys)
    writer.create_dialogue(D, "title")
    writer.create_round(D, 0, score=1)
    writer.create_round(D, 1)
    for number in range(3):
        writer.register_perspective(D, 0, f"p{number}", "text", ["m"])
        writer.register_tension(D, 0, f"t{number}", "text", ["m"])
    earlier = {str(item["sk"]): item for item in items.query(PK)}
    writer.register_claim(D, 1, "c", "text", ["m"])
    good = {str(item["sk"]): item for item in items.query(PK)}
    chance = random.Random(seed)
    tokens = iter(range(100_000))

    def put(item: Item) -> None:
        items.commit([Put(item, Anything())], token=str(next(tokens)))

    def remove(sk: str) -> None:
        items.commit([Delete((PK, sk), Anything())], token=str(next(tokens)))

    warm = open_store(items, keys)
    found, done = 0, set()
    for _ in range(TRIALS):
        assert _said(warm) == []
        names = [chance.choice(sorted(TAMPERS)) for _ in range(chance.choice([1, 1, 2, 3]))]
        for name in names:
            changed = TAMPERS[name](chance, good)
            if isinstance(changed, str):
                remove(changed)
            elif changed is not None:
                put(changed)
        if chance.random() < 0.2:
            put(earlier[chance.choice(sorted(earlier))])
        cold = _said(open_store(items, keys))
        assert _said(warm) == cold, names
        found += bool(cold)
        done |= set(names)
        for item in items.query(PK):
            if item["sk"] not in good:
                remove(str(item["sk"]))
        for item in good.values():
            put(dict(item))
    assert done == set(TAMPERS)
    assert found > TRIALS * 0.8, "hardly anything was tampered with"
