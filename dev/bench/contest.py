"""Both sides over the same content on one engine, and what is timed of them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conformance.targets.builtin import TABLE_PREFIX, own
from reference_impl import SqliteDialogueStore
from reference_impl.contract.addresses import partition_key
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.items import Item, key_of
from reference_impl.partitions.port import Action, Delete, PartitionStore, Put
from reference_impl.sealing.audit_chain import audit_key
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import open_store

from .byhand import DynamoByHand, HandWritten, SqliteByHand
from .rounds import Case
from .workload import ITEMS, Document, differences, documents, fresh, perspective, write_to

if TYPE_CHECKING:
    from conformance.targets.engines.choose import Engine

__all__ = ["Contest", "UnequalSides", "on_dynamodb", "on_sqlite"]

#: Read by the loads, and written to by the registrations: two dialogues with the same content.
READ, WRITTEN = "bench-read", "bench-written"


class UnequalSides(Exception):
    """The two sides do not hold the same: no time of theirs may be compared."""


@dataclass(frozen=True)
class Contest:
    """One engine with both sides set up. ``open_store`` makes a store that knows nothing yet, but
    for what a process shares (a boto3 client); ``partitions`` reaches what it stores, for putting
    it back; ``settle`` is called before each turn."""

    engine: str
    kind: str
    version: str
    description: str
    hand: HandWritten
    open_store: Callable[[], DialogueStore]
    partitions: PartitionStore
    settle: Callable[[], object]
    warm_up: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def fill(self, given: list[Document]) -> None:
        """Give both sides their content, through the store's public methods and by hand."""
        self.hand.fill(given)
        with closing(self.open_store()) as store:
            for dialogue_id in (READ, WRITTEN):
                write_to(store, dialogue_id, given)

    def check(self) -> None:
        """Raise :class:`UnequalSides` unless what both sides load is the same 100 items."""
        with closing(self.open_store()) as store:
            for dialogue_id in (READ, WRITTEN):
                by_hand = self.hand.load()
                found = differences(store.load_partition(dialogue_id), by_hand)
                if len(by_hand) != ITEMS:
                    found.append(f"{len(by_hand)} items by hand, not {ITEMS}")
                if found:
                    raise UnequalSides(f"{self.engine}: {'; '.join(found[:5])}")

    @contextmanager
    def cases(self, repeats: int) -> Iterator[list[Case]]:
        """What is timed; ``repeats`` calls of each in a round, fewer of those from cold."""
        few = max(1, repeats // 3)
        with ExitStack() as opened:
            reader = _Fresh(self.open_store)
            opened.callback(reader.close)
            warm = opened.enter_context(closing(self.open_store()))
            warm.load_partition(READ)
            writer = _Writer(self)
            opened.callback(writer.close)
            yield [
                Case("hand_load", lambda: self.hand.load, repeats, self.settle),
                Case(
                    "store_load_warm",
                    lambda: lambda: warm.load_partition(READ),
                    repeats,
                    self.settle,
                ),
                Case("store_load_cold", lambda: _load(reader.next()), few, self.settle),
                Case("hand_put", self._put, repeats, self.settle, self.hand.forget),
                Case("store_register_warm", writer.same, repeats, writer.warm, writer.restore),
                Case("store_register_cold", writer.another, few, self.settle, writer.restore),
            ]

    def registration(self) -> Document:
        """Arguments that no call had before, in objects that nobody has encoded yet."""
        return fresh(perspective(next(self._numbers)))

    def _put(self) -> Callable[[], object]:
        document = self.registration()
        return lambda: self.hand.put(document)


class _Fresh:
    """A new store each time, the one before closed."""

    def __init__(self, make: Callable[[], DialogueStore]) -> None:
        self._make = make
        self._store: DialogueStore | None = None

    def next(self) -> DialogueStore:
        self.close()
        self._store = self._make()
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class _Writer:
    """Registers perspectives in a dialogue that is put back afterwards: every turn begins with the
    same 100 items, however many there were."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._stores = _Fresh(contest.open_store)
        self._before = self._items()
        self._known: DialogueStore | None = None

    def warm(self) -> None:
        """A store that has just written, and so knows head, key and sequences."""
        self._known = self._stores.next()
        self._register(self._known)()
        self._contest.settle()

    def same(self) -> Callable[[], object]:
        assert self._known is not None, "warmed up before"
        return self._register(self._known)

    def another(self) -> Callable[[], object]:
        return self._register(self._stores.next())

    def restore(self) -> None:
        """Put back what was there at first, without any condition."""
        now = self._items()
        actions: list[Action] = [Delete(key) for key in now.keys() - self._before.keys()]
        actions += [Put(item) for key, item in self._before.items() if now.get(key) != item]
        for start in range(0, len(actions), 100):
            some = actions[start : start + 100]
            self._contest.partitions.commit(some, token=secrets.token_hex(16))

    def _items(self) -> dict[tuple[str, str], Item]:
        """The dialogue and its audit chains: a head alone would be older than its chain."""
        partitions = self._contest.partitions
        keys = (partition_key(WRITTEN), audit_key(WRITTEN))
        return {key_of(item): item for pk in keys for item in partitions.query(pk)}

    def close(self) -> None:
        self._stores.close()

    def _register(self, store: DialogueStore) -> Callable[[], object]:
        arguments = self._contest.registration()
        return lambda: store.register_perspective(WRITTEN, **arguments)


def _load(store: DialogueStore) -> Callable[[], object]:
    return lambda: store.load_partition(READ)


# -- engines --------------------------------------------------------------------------------------


@contextmanager
def on_sqlite(folder: Path) -> Iterator[Contest]:
    """Both sides in files of their own in ``folder``, filled and compared."""
    import sqlite3

    from reference_impl.partitions.sqlite.store import SqlitePartitionStore

    path = folder / "store.db"
    keys = LocalFileKeyProvider(folder / "umk.key")
    hand = SqliteByHand(folder / "byhand.db")

    def settle() -> None:
        hand.checkpoint()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    with closing(hand), closing(SqlitePartitionStore(path)) as partitions:
        contest = Contest(
            "sqlite",
            "sqlite",
            sqlite3.sqlite_version,
            f"SQLite {sqlite3.sqlite_version}, a file with WAL and synchronous=FULL",
            hand,
            lambda: SqliteDialogueStore(path, keys),
            partitions,
            settle,
            warm_up=2,
        )
        contest.fill(documents())
        contest.check()
        yield contest


#: Rounds until the engine's just-in-time compiler has seen the usual requests.
_JVM_WARM_UP: Final = 8


@contextmanager
def on_dynamodb(folder: Path, engine: Engine) -> Iterator[Contest]:
    """Both sides in tables of their own on a running engine, filled and compared."""
    import boto3

    from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table

    settings: Any = engine.client_kwargs()
    keys = LocalFileKeyProvider(folder / "umk.key")
    run = secrets.token_hex(4)
    ours, by_hand = (own(f"{TABLE_PREFIX}bench_{run}_{side}") for side in ("store", "hand"))
    described = engine.describe()
    with ExitStack() as opened:
        # A client each: what the store's own client is set to belongs to what is measured.
        client: Any = boto3.client("dynamodb", **settings)
        hand = DynamoByHand(client, by_hand)
        opened.callback(hand.close)
        for table in (ours, by_hand):
            create_table(table, client=client)
            opened.callback(client.delete_table, TableName=table)
        partitions = opened.enter_context(
            closing(DynamoPartitionStore(ours, client_options=settings))
        )
        contest = Contest(
            "dynamodb",
            described["kind"],
            described["version"],
            f"DynamoDB: {described['kind']} {described['version']}",
            hand,
            lambda: open_store(DynamoPartitionStore(ours, client=partitions.client), keys),
            partitions,
            lambda: None,
            warm_up=_JVM_WARM_UP,
        )
        contest.fill(documents())
        contest.check()
        yield contest
