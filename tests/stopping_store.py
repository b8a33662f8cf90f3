"""A partition store that tells what it is asked, and lets a test step in after any call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reference_impl.contract.items import Item
from reference_impl.partitions.port import Action, Check, Delete, PartitionStore, Put

__all__ = ["StoppingPartitionStore"]


class StoppingPartitionStore(PartitionStore):
    """Passes everything on to ``inner``; after each call ``step(number, name)`` is told, from 1 on.

    Names are as in ``last audit``, ``query journal`` and ``commit 3 parts and head with 4 events``.
    """

    def __init__(
        self,
        inner: PartitionStore,
        step: Callable[[int, str], None] = lambda number, name: None,
        *,
        max_actions: int | None = None,
    ) -> None:
        self.inner = inner
        self.step = step
        self.calls: list[str] = []
        self.max_actions = inner.max_actions if max_actions is None else max_actions

    def _done(self, name: str) -> None:
        self.calls.append(name)
        self.step(len(self.calls), name)

    def get(self, pk: str, sk: str) -> Item | None:
        found = self.inner.get(pk, sk)
        self._done(f"get {_part(pk)}")
        return found

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        found = self.inner.query(pk, prefix=prefix)
        self._done(f"query {_part(pk)}")
        return found

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        found = self.inner.last(pk, prefix=prefix)
        self._done(f"last {_part(pk)}")
        return found

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        yield from self.inner.stream(pk, low=low, high=high)
        self._done(f"stream {_part(pk)}")

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        self.inner.commit(actions, token=token)
        self._done(_name(actions))

    def append(self, items: Sequence[Item], *, token: str) -> None:
        self.inner.append(items, token=token)
        self._done("append events")

    def holds_wrapped_keys(self) -> bool:
        return self.inner.holds_wrapped_keys()

    def close(self) -> None:
        self.inner.close()


def _part(pk: str) -> str:
    return pk.partition("#")[0]


def _name(actions: Sequence[Action]) -> str:
    puts = [action.item for action in actions if isinstance(action, Put)]
    heads = [item for item in puts if item["sk"] == "head"]
    counts = {
        "parts": sum(_part(str(item["pk"])) == "journal" for item in puts),
        "items": sum(_part(str(item["pk"])) == "dialogue" for item in puts) - len(heads),
        "events": sum(_part(str(item["pk"])) == "audit" for item in puts),
        "deletions": sum(isinstance(action, Delete) for action in actions),
    }
    said = [f"{count} {what}" for what, count in counts.items() if count]
    said += ["head" if "pending" not in head else "head with pending" for head in heads]
    said += ["check" for action in actions if isinstance(action, Check)]
    return f"commit {', '.join(said)}"
