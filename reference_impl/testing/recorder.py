"""What a store asks of its engine, for tests: no scan, one partition, so many calls.

:func:`recorded` listens at the engine itself (SQLite's trace, boto3's events), so it sees what was
run and not what was meant. :class:`RecordingPartitionStore` listens at the port, for any store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

from ..contract.items import Item
from ..partitions.dynamodb.store import DynamoPartitionStore
from ..partitions.memory import MemoryPartitionStore
from ..partitions.port import Action, Check, PartitionStore, Put, keys_of
from ..partitions.sqlite.store import SqlitePartitionStore

__all__ = ["EngineCall", "RecordingPartitionStore", "Touch", "recorded"]


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing done to a key: ``verb`` is get, query, put, delete or check. ``sk`` of a query is
    its prefix, empty for the whole partition."""

    verb: str
    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class EngineCall:
    """One call of the engine: the SQL verb, the name of the API's operation, or the port's method."""

    operation: str
    touches: tuple[Touch, ...] = ()
    is_scan: bool = False

    @property
    def partitions(self) -> frozenset[str]:
        """The partition keys touched."""
        return frozenset(touch.pk for touch in self.touches)


class RecordingPartitionStore(PartitionStore):
    """Passes everything on to ``inner`` and appends each call to ``log``."""

    def __init__(self, inner: PartitionStore, log: list[EngineCall]) -> None:
        self.inner = inner
        self.log = log
        self.max_actions = inner.max_actions
        self.turn_look_s = inner.turn_look_s
        self.is_paged = inner.is_paged

    def get(self, pk: str, sk: str) -> Item | None:
        self.log.append(EngineCall("get", (Touch("get", pk, sk),)))
        return self.inner.get(pk, sk)

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        self.log.append(EngineCall("query", (Touch("query", pk, prefix),)))
        return self.inner.query(pk, prefix=prefix)

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        self.log.append(EngineCall("last", (Touch("query", pk, prefix),)))
        return self.inner.last(pk, prefix=prefix)

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        self.log.append(EngineCall("stream", (Touch("query", pk, low),)))
        return self.inner.stream(pk, low=low, high=high)

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        touches = (
            Touch("put" if isinstance(action, Put) else _verb(action), *key)
            for key, action in zip(keys_of(actions), actions, strict=True)
        )
        self.log.append(EngineCall("commit", tuple(touches)))
        self.inner.commit(actions, token=token)

    def append(self, items: Sequence[Item], *, token: str) -> None:
        touches = tuple(Touch("put", str(item["pk"]), str(item["sk"])) for item in items)
        self.log.append(EngineCall("append", touches))
        self.inner.append(items, token=token)

    def holds_wrapped_keys(self) -> bool:
        self.log.append(EngineCall("scan", is_scan=True))
        return self.inner.holds_wrapped_keys()

    def close(self) -> None:
        self.inner.close()


@contextmanager
def recorded(store: PartitionStore) -> Iterator[list[EngineCall]]:
    """Within it, every call of the engine behind ``store`` is in the list, as soon as the block ends."""
    calls: list[EngineCall] = []
    if isinstance(store, SqlitePartitionStore):
        statements: list[str] = []
        store.trace(statements.append)
        try:
            yield calls
        finally:
            store.trace(None)
            calls.extend(_of_sql(store, statement) for statement in statements)
    elif isinstance(store, DynamoPartitionStore):
        events = store.client.meta.events

        def listen(params: Any, model: Any, **_: Any) -> None:
            calls.append(_of_request(model.name, params))

        events.register("before-parameter-build.dynamodb", listen)
        try:
            yield calls
        finally:
            events.unregister("before-parameter-build.dynamodb", listen)
    elif isinstance(store, MemoryPartitionStore):
        recording = RecordingPartitionStore(copy(store), calls)  # a copy shares the items
        names = ("get", "query", "last", "stream", "commit", "append", "holds_wrapped_keys")
        for name in names:
            setattr(store, name, getattr(recording, name))
        try:
            yield calls
        finally:
            for name in names:
                delattr(store, name)
    else:
        raise TypeError(f"no engine to listen at behind {type(store).__name__}")


def _verb(action: Action) -> str:
    return "check" if isinstance(action, Check) else "delete"


_TEXT = r"'((?:[^']|'')*)'"
_WHERE = re.compile(rf"WHERE pk = {_TEXT}(?: AND sk >?= {_TEXT})?")
_VALUES = re.compile(rf"VALUES \({_TEXT}, {_TEXT}")
_SQL_VERBS = {"SELECT": "get", "INSERT": "put", "DELETE": "delete"}


def _of_sql(store: SqlitePartitionStore, statement: str) -> EngineCall:
    operation = statement.split(" ", 1)[0].upper()
    if operation not in _SQL_VERBS:
        return EngineCall(operation)  # BEGIN, COMMIT, PRAGMA
    found = (_VALUES if operation == "INSERT" else _WHERE).search(statement)
    plan = [] if operation == "INSERT" else store.query_plan(statement)
    is_scan = found is None or any(step.startswith("SCAN ") for step in plan)
    if found is None:
        return EngineCall(operation, is_scan=is_scan)
    pk, sk = ((text or "").replace("''", "'") for text in found.groups())
    verb = "query" if "ORDER BY" in statement else _SQL_VERBS[operation]
    return EngineCall(operation, (Touch(verb, pk, sk),), is_scan)


def _of_request(operation: str, params: Any) -> EngineCall:
    if operation == "Query":
        values = params["ExpressionAttributeValues"]
        prefix = values.get(":prefix", values.get(":low", {"S": ""}))["S"]
        return EngineCall(operation, (Touch("query", values[":pk"]["S"], prefix),))
    if operation == "GetItem":
        return EngineCall(operation, (_touch("get", params["Key"]),))
    if operation == "TransactWriteItems":
        touches = [
            _touch(
                {"Put": "put", "Delete": "delete", "ConditionCheck": "check"}[kind],
                write["Item"] if kind == "Put" else write["Key"],
            )
            for member in params["TransactItems"]
            for kind, write in member.items()
        ]
        return EngineCall(operation, tuple(touches))
    return EngineCall(operation, is_scan=operation == "Scan")


def _touch(verb: str, key: Any) -> Touch:
    return Touch(verb, key["pk"]["S"], key["sk"]["S"])
