"""Items in memory: the port with nothing behind it, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ..contract.items import Item, Key, key_of
from .port import Absent, Action, ConditionFailed, Delete, Equals, Expectation, PartitionStore, Put

__all__ = ["MemoryPartitionStore"]


class MemoryPartitionStore(PartitionStore):
    """A dictionary under a lock. Several stores may share one instance, as they would share a file."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Item]] = {}
        self._lock = threading.Lock()

    def get(self, pk: str, sk: str) -> Item | None:
        with self._lock:
            item = self._partitions.get(pk, {}).get(sk)
            return dict(item) if item is not None else None

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        with self._lock:
            partition = self._partitions.get(pk, {})
            return [dict(partition[sk]) for sk in sorted(partition) if sk.startswith(prefix)]

    def commit(self, actions: Sequence[Action], *, token: str) -> None:  # noqa: ARG002
        with self._lock:
            failed = [
                key
                for action in actions
                for key in [key_of(action.item) if isinstance(action, Put) else action.key]
                if not self._holds(key, action.expect)
            ]
            if failed:
                raise ConditionFailed(failed)
            for action in actions:
                if isinstance(action, Put):
                    pk, sk = key_of(action.item)
                    self._partitions.setdefault(pk, {})[sk] = dict(action.item)
                elif isinstance(action, Delete):
                    self._partitions.get(action.key[0], {}).pop(action.key[1], None)

    def holds_wrapped_keys(self) -> bool:
        with self._lock:
            return any(sk.startswith("dek#") for part in self._partitions.values() for sk in part)

    def _holds(self, key: Key, expect: Expectation) -> bool:
        item = self._partitions.get(key[0], {}).get(key[1])
        if isinstance(expect, Absent):
            return item is None
        if isinstance(expect, Equals):
            return item is not None and all(
                item.get(name) == value for name, value in expect.attributes.items()
            )
        return True
