"""Items in memory: the port with nothing behind it, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from .. import forks
from ..contract.items import Item
from .port import Action, ConditionFailed, Delete, PartitionStore, Put, holds, keys_of

__all__ = ["MemoryPartitionStore"]


class MemoryPartitionStore(PartitionStore):
    """A dictionary under a lock. Several stores may share one instance, as they would share a file. A child
    of a fork has a copy of its own, as of everything in memory."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Item]] = {}
        self._lock = _Lock()

    def get(self, pk: str, sk: str) -> Item | None:
        with self._lock:
            item = self._partitions.get(pk, {}).get(sk)
            return dict(item) if item is not None else None

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        with self._lock:
            partition = self._partitions.get(pk, {})
            return [dict(partition[sk]) for sk in sorted(partition) if sk.startswith(prefix)]

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        with self._lock:
            partition = self._partitions.get(pk, {})
            sk = max((sk for sk in partition if sk.startswith(prefix)), default=None)
            return dict(partition[sk]) if sk is not None else None

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        for item in self.query(pk):
            sk = str(item["sk"])
            if sk >= low and (high is None or sk < high):
                yield item

    def commit(self, actions: Sequence[Action], *, token: str) -> None:  # noqa: ARG002 - no answer gets lost
        keys = keys_of(actions)
        with self._lock:
            failed = [
                key
                for key, action in zip(keys, actions, strict=True)
                if not holds(self._partitions.get(key[0], {}).get(key[1]), action.expect)
            ]
            if failed:
                raise ConditionFailed(failed)
            for (pk, sk), action in zip(keys, actions, strict=True):
                if isinstance(action, Put):
                    self._partitions.setdefault(pk, {})[sk] = dict(action.item)
                elif isinstance(action, Delete):
                    self._partitions.get(pk, {}).pop(sk, None)

    def holds_wrapped_keys(self) -> bool:
        with self._lock:
            return any(
                sk.startswith("dek#")
                for pk, partition in self._partitions.items()
                if pk.startswith("dialogue#")
                for sk in partition
            )


class _Lock:
    """One call at a time; a fork waits for it, so that no child has half a commit, or a lock for ever."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._gate = forks.Gate()
        self._cut = False
        forks.register(
            self, before=_Lock._shut, after_in_parent=_Lock._open, after_in_child=_Lock._begin_anew
        )

    def __enter__(self) -> None:
        self._gate.__enter__()
        if self._cut:
            self._gate.__exit__()
            raise forks.unusable("This process was forked while a call of the store was running")
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._gate.__exit__()

    def _shut(self, until: float) -> None:
        self._gate.shut(until)

    def _open(self) -> None:
        self._gate.open()

    def _begin_anew(self) -> None:
        self._cut = self._gate.renew() or self._cut
        if not self._cut:
            self._lock = threading.RLock()
