"""The targets that come with the project: the reference store on each engine, and the model."""

from __future__ import annotations

import inspect
import secrets
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conformance.distribution import suite_version
from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from reference_impl.contract.items import Item
from reference_impl.partitions.dynamodb.items import to_engine
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import ANY, Delete, PartitionStore, Put
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import ManualClock, open_store

from .base import Backend, Engine, Factory, Target, keep
from .reference_crypto import ReferenceCrypto

if TYPE_CHECKING:
    from .engines.choose import Engine as DynamoEngine

__all__ = [
    "BUILTIN",
    "IN_MEMORY",
    "TABLE_PREFIX",
    "Builtin",
    "PartitionRaw",
    "Tables",
    "encrypted_factory",
    "hold_sqlite",
    "sqlite_file",
]

#: Every table of the suite begins so, after the user's prefix if there is one; a store's own never does.
TABLE_PREFIX: Final = "dsconf_"

_REFERENCE: Final = "reference_impl"
#: Where items lie that no file holds.
IN_MEMORY: Final = "in the memory of this process"
#: What the reference store claims.
REFERENCE_PROFILES: Final = ("core", "batch", "idempotency", "encrypted", "keys", "audit", "crypto")


@dataclass(frozen=True)
class Builtin:
    """A built-in target: what it is, how it is opened, and whether the list of targets shows it."""

    name: str
    text: str
    open: Callable[[DynamoEngine | None], Any]  # a context manager that gives a Target
    needs_engine: bool = False
    hidden: bool = False


class PartitionRaw:
    """Raw access through a partition store: no condition, no seal, no head."""

    def __init__(self, partitions: PartitionStore) -> None:
        self._partitions = partitions

    def get(self, pk: str, sk: str) -> Item | None:
        """The item under the key, or None."""
        return self._partitions.get(pk, sk)

    def put(self, item: Item) -> None:
        """Store the item, whatever lay there."""
        self._partitions.commit([Put(item, ANY)], token=uuid.uuid4().hex)

    def delete(self, pk: str, sk: str) -> None:
        """Remove the item under the key."""
        self._partitions.commit([Delete((pk, sk), ANY)], token=uuid.uuid4().hex)

    def scan(self, dialogue_id: str, part: str = "dialogue") -> list[Item]:
        """Every item of one part of the dialogue, by ascending sort key (bytes)."""
        return self._partitions.query(f"{part}#{dialogue_id}")


class TableRaw(PartitionRaw):
    """Raw access to a DynamoDB table: single puts and deletes, which cost less than transactions."""

    def __init__(self, partitions: DynamoPartitionStore) -> None:
        super().__init__(partitions)
        self._client = partitions.client
        self._table = partitions.table_name

    def put(self, item: Item) -> None:
        """Store the item, whatever lay there."""
        self._client.put_item(TableName=self._table, Item=to_engine(item))

    def delete(self, pk: str, sk: str) -> None:
        """Remove the item under the key."""
        self._client.delete_item(TableName=self._table, Key=to_engine({"pk": pk, "sk": sk}))


def raw_access(partitions: PartitionStore) -> PartitionRaw:
    """The stored items behind a partition store."""
    if isinstance(partitions, DynamoPartitionStore):
        return TableRaw(partitions)
    return PartitionRaw(partitions)


@dataclass
class Storages:
    """The partition store that raw access uses, one for each folder until that is discarded."""

    open: Callable[[Path], PartitionStore]
    drop: Callable[[Path], None] = keep
    _opened: dict[Path, PartitionStore] = field(default_factory=dict)

    def of(self, folder: Path) -> PartitionStore:
        """The folder's partition store."""
        key = folder.resolve()
        if key not in self._opened:
            self._opened[key] = self.open(folder)
        return self._opened[key]

    def discard(self, folder: Path) -> None:
        """Close it and forget what it held."""
        partitions = self._opened.pop(folder.resolve(), None)
        if partitions is not None:
            partitions.close()
            self.drop(folder)

    def close(self) -> None:
        """Discard all that is left."""
        for folder in list(self._opened):
            with suppress(Exception):
                self.discard(folder)


def encrypted_factory(
    client: Callable[[Path], PartitionStore],
    raw: Callable[[Path], PartitionStore],
    *,
    elsewhere: str = "",
    stall: Callable[[Path], AbstractContextManager[None]] | None = None,
) -> Factory:
    """The reference store over ``client``'s partitions; raw access through ``raw``'s. ``elsewhere``:
    where the items lie if in no file; ``stall`` holds up the engine of a folder."""

    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        clock = ManualClock()
        keys = LocalFileKeyProvider(key_file)
        items = raw(folder)
        store = open_store(
            client(folder), keys, user_id=user_id, clock=clock, deadline_s=deadline_s
        )
        return Backend(
            store,
            raw=raw_access(items),
            set_clock=clock.set,
            keys=keys,
            profiles=REFERENCE_PROFILES,
            crypto=ReferenceCrypto(),
            elsewhere=elsewhere,
            stall=None if stall is None else partial(stall, folder),
        )

    return factory


# -- memory, model, sqlite ------------------------------------------------------------------------


@contextmanager
def _memory(_: DynamoEngine | None) -> Iterator[Target]:
    def client(folder: Path) -> PartitionStore:
        del folder
        return MemoryPartitionStore()

    storages = Storages(client)
    yield Target(
        "memory",
        encrypted_factory(storages.of, storages.of, elsewhere=IN_MEMORY),
        Engine("memory", _python()),
        _REFERENCE,
        version=suite_version(),
        announcement="a dictionary in this process; nothing is kept",
        discard=storages.discard,
        close=storages.close,
    )


@contextmanager
def _model(_: DynamoEngine | None) -> Iterator[Target]:
    kept: dict[Path, dict[str, Partition]] = {}

    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        del key_file, user_id, deadline_s
        clock = ManualClock()
        store = ModelStore(clock, storage=kept.setdefault(folder.resolve(), {}))
        return Backend(store, set_clock=clock.set, profiles=("core", "batch", "idempotency"))

    def discard(folder: Path) -> None:
        kept.pop(folder.resolve(), None)

    yield Target(
        "model",
        factory,
        Engine("memory", _python()),
        "conformance.model.store",
        version=suite_version(),
        announcement="the executable specification, without encryption",
        discard=discard,
    )


def sqlite_file(folder: Path) -> Path:
    """Where a folder's items lie."""
    return folder / "dialogues.db"


@contextmanager
def hold_sqlite(folder: Path) -> Iterator[None]:
    """Nobody can write to a folder's file: another connection holds the place of the one writer."""
    import sqlite3

    with closing(sqlite3.connect(sqlite_file(folder), isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 5000")
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextmanager
def _sqlite(_: DynamoEngine | None) -> Iterator[Target]:
    import sqlite3

    from reference_impl.partitions.sqlite.store import SqlitePartitionStore

    def client(folder: Path) -> PartitionStore:
        return SqlitePartitionStore(sqlite_file(folder))

    storages = Storages(client)
    yield Target(
        "sqlite",
        encrypted_factory(client, storages.of, stall=hold_sqlite),
        Engine("sqlite", sqlite3.sqlite_version),
        _REFERENCE,
        version=suite_version(),
        announcement=f"SQLite {sqlite3.sqlite_version}, a real file in a temporary folder",
        discard=storages.discard,
        close=storages.close,
    )


# -- dynamodb -------------------------------------------------------------------------------------


class OneAtATime:
    """A client of moto in this process, whose calls wait for each other."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._turn = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not inspect.ismethod(found):
            return found

        from moto.core.model_instances import reset_model_data

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._turn:
                try:
                    return found(*args, **kwargs)
                finally:
                    # Each transaction copies its tables, and moto keeps a list of all that it ever made.
                    reset_model_data()

        return call


class Tables:
    """The suite's own tables, one for each folder; no other table is ever made or deleted."""

    def __init__(self, engine: DynamoEngine) -> None:
        from reference_impl.partitions.dynamodb.client import make_client

        options = engine.client_kwargs()
        region, endpoint = options.pop("region_name"), options.pop("endpoint_url", None)
        # One client for all: making one takes longer than most cases.
        client = make_client(region=region, endpoint=endpoint, options=options)
        # An emulator in this process is no database: two threads at once spoil its dictionaries.
        self._client: Any = OneAtATime(client) if engine.emulator and not endpoint else client
        self._prefix = f"{engine.table_prefix}{TABLE_PREFIX}"
        self._run = secrets.token_hex(4)
        self._names: dict[Path, str] = {}

    def name(self, folder: Path) -> str:
        """The folder's table, made on first use."""
        from reference_impl.partitions.dynamodb.store import create_table

        key = folder.resolve()
        if key not in self._names:
            name = f"{self._prefix}{self._run}_{len(self._names):04d}{secrets.token_hex(3)}"
            create_table(own(name, self._prefix), client=self._client)
            self._names[key] = name
        return self._names[key]

    def partitions(self, folder: Path) -> PartitionStore:
        """A partition store over the folder's table."""
        partitions: PartitionStore = DynamoPartitionStore(
            own(self.name(folder), self._prefix), client=self._client
        )
        return partitions

    def drop(self, folder: Path) -> None:
        """Delete the folder's table."""
        name = self._names.pop(folder.resolve(), None)
        if name is not None:
            self._client.delete_table(TableName=own(name, self._prefix))


def own(name: str, prefix: str = TABLE_PREFIX) -> str:
    """The name, if it is one of the suite's tables; ``ValueError`` for any other."""
    if not name.startswith(prefix):
        raise ValueError(f"{name} is no table of the suite: those begin with {prefix}")
    return name


@contextmanager
def _dynamodb(engine: DynamoEngine | None) -> Iterator[Target]:
    from .probe.questions import failures, known_gaps, probe_engine

    assert engine is not None, "chosen before the target is opened"
    with engine:
        tables = Tables(engine)
        storages = Storages(tables.partitions, tables.drop)
        described = engine.describe()
        try:
            yield Target(
                "dynamodb",
                encrypted_factory(
                    tables.partitions, storages.of, elsewhere="in the tables of a DynamoDB"
                ),
                Engine(
                    described["kind"],
                    described.get("version"),
                    described["kind"] if engine.emulator else None,
                ),
                _REFERENCE,
                version=suite_version(),
                announcement=engine.announcement + known_gaps(engine),
                case_deadline_s=600.0 if engine.emulator else 120.0,  # it copies whole tables
                discard=storages.discard,
                close=storages.close,
                preflight=lambda: failures(engine, probe_engine(engine)),
            )
        finally:
            storages.close()


def _python() -> str:
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"


#: The built-in targets by name.
BUILTIN: Final[dict[str, Builtin]] = {
    target.name: target
    for target in (
        Builtin("memory", "the reference store in memory: the quickest look", _memory),
        Builtin("sqlite", "the reference store on SQLite, in a real file", _sqlite),
        Builtin(
            "dynamodb",
            "the reference store on DynamoDB: DynamoDB Local, an endpoint, AWS, or moto",
            _dynamodb,
            needs_engine=True,
        ),
        Builtin("model", "the executable specification, without encryption", _model, hidden=True),
    )
}
