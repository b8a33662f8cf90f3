"""What really lies in the engines: read by plain sqlite3 and a bare boto3 client, searched for plaintext, and
carried from one engine to the other byte for byte (ADDR-05, ENV-05, ENV-09)."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.running.session import World
from conformance.stateful.recorded import load_corpus, replay
from conformance.suite.kit.leaks import SealedTexts
from conformance.targets.base import RawParts, Target
from conformance.targets.engines.choose import Engine
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import ENVELOPE_ATTRIBUTES, INDEXES, TYPES
from reference_impl.demo import load_demo, play
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.store.encrypted_store import EncryptedStore

pytestmark = pytest.mark.integration

D = "nvidia-analysis"

#: Run in another process: nothing of the project is imported.
READER = """
import json, sqlite3, sys
rows = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
    "SELECT pk, sk, attributes, content_encrypted, content_nonce, key_id, aad_hash FROM items "
    "ORDER BY pk, sk").fetchall()
print(json.dumps([[v.hex() if isinstance(v, bytes) else v for v in row] for row in rows]))
"""


@pytest.fixture
def file_world(sqlite_target: Target, tmp_path: Path) -> Iterator[World]:
    world = World(sqlite_target, tmp_path / "file")
    yield world
    world.close_all()


@pytest.fixture
def table_world(dynamodb_target: Target, tmp_path: Path) -> Iterator[World]:
    world = World(dynamodb_target, tmp_path / "table")
    yield world
    world.close_all()


def check_attributes(item: dict[str, Any]) -> None:
    """ADDR-05, written out by hand for the three types that have most to get wrong."""
    sk, names = item["sk"], set(item) - {"pk", "sk"}
    envelope = set(ENVELOPE_ATTRIBUTES)
    if sk.startswith("tension#"):
        assert names == envelope | {
            "status",
            "created_at",
            "updated_at",
            "by_tension_status_pk",
            "by_tension_status_sk",
        }
        assert item["by_tension_status_pk"] == f"tension_status#{item['status']}"
        assert item["by_tension_status_sk"] == f"{D}#T0001"
    elif sk.startswith("ref#"):
        assert names == {"source_type", "target_type", "created_at"}
    elif sk == "head":
        assert names == envelope | {"revision", "state", "updated_at"}
        assert (item["revision"], item["state"]) == (len(load_demo()), "active")
    elif sk == "dek#1":
        assert names == envelope | {"created_at", "commitment"}
        assert item["key_id"].startswith("kek#")
    elif sk.startswith("round#"):
        assert type(item["score"]) is int


def test_plain_sqlite3_in_another_process_sees_keys_and_attributes(file_world: World) -> None:
    store = file_world.open().store
    play(store, load_demo(), D)
    (path,) = file_world.folder.glob("*.db")
    done = subprocess.run(
        [sys.executable, "-I", "-c", READER, str(path)], capture_output=True, check=True, timeout=60
    )
    rows = json.loads(done.stdout)
    items = [row for row in rows if row[0] == f"dialogue#{D}"]
    events = [row for row in rows if row[0] == f"audit#{D}"]
    assert len(items) == 37
    assert [row[1] for row in events] == [f"w#{n:012d}" for n in range(1, len(load_demo()) + 3)]
    assert len(rows) == len(items) + len(events)
    for pk, sk, attributes, *envelope in items:
        item = {"pk": pk, "sk": sk, **json.loads(attributes)}
        item |= {n: v for n, v in zip(ENVELOPE_ATTRIBUTES, envelope, strict=True) if v is not None}
        check_attributes(item)


def test_a_bare_boto3_client_sees_keys_and_attributes(
    table_world: World, local_engine: Engine
) -> None:
    import boto3

    store = table_world.open().store
    play(store, load_demo(), D)
    assert isinstance(store, EncryptedStore)
    assert isinstance(store.partitions, DynamoPartitionStore)
    make: Any = boto3.client
    client = make("dynamodb", **local_engine.client_kwargs())
    table = store.partitions.table_name
    answer = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"dialogue#{D}"}},
    )
    assert answer["Count"] == 37
    for item in answer["Items"]:
        flat = {}
        for name, typed in item.items():
            ((kind, value),) = typed.items()
            flat[name] = int(value) if kind == "N" and "." not in value else value
            if name in ("content_encrypted", "content_nonce"):
                assert kind == "B"
        check_attributes(flat)
    described = client.describe_table(TableName=table)["Table"]
    assert {i["IndexName"] for i in described["GlobalSecondaryIndexes"]} == {
        "ByStatus",
        "ByTensionStatus",
        "ByExpert",
    }
    found = client.query(
        TableName=table,
        IndexName="ByStatus",
        KeyConditionExpression="by_status_pk = :s",
        ExpressionAttributeValues={":s": {"S": "status#converged"}},
    )
    assert [item["pk"]["S"] for item in found["Items"]] == [f"dialogue#{D}"]


def carry(source: World, target: World) -> tuple[Any, Any]:
    """All items and events of the dialogue, byte for byte, and both sides as they read them."""
    writer = source.open()
    play(writer.store, load_demo(), D)
    reader = target.open()
    assert writer.raw is not None
    assert reader.raw is not None
    for item in (*writer.raw.scan(D), *cast(RawParts, writer.raw).scan(D, part="audit")):
        reader.raw.put(item)
    assert reader.raw.scan(D) == writer.raw.scan(D)
    assert reader.store.verify_partition(D) == []
    return plain(writer.store.load_partition(D)), plain(reader.store.load_partition(D))


def test_items_sealed_on_sqlite_open_on_dynamodb(file_world: World, table_world: World) -> None:
    written, read = carry(file_world, table_world)
    assert written == read
    assert table_world.open().store.create_round(D, 2).round == 2


def test_items_sealed_on_dynamodb_open_on_sqlite(file_world: World, table_world: World) -> None:
    written, read = carry(table_world, file_world)
    assert written == read
    assert file_world.open().store.create_round(D, 2).round == 2


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from texts_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts_of(member)


def sealed_and_clear(partition: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Every text that is sealed, and every text that may be seen, of a loaded partition."""
    plural = {"dialogue": "dialogue", "evidence": "evidence"}
    sealed: list[str] = []
    clear: list[str] = []
    for entity, kind in TYPES.items():
        name = plural.get(entity, f"{entity}s")
        rows = partition.get("events" if entity.endswith("_event") else name) or []
        hidden = {f.name for f in kind.sealed_fields}
        for row in [rows] if isinstance(rows, dict) else rows:
            for field, value in row.items():
                (sealed if field in hidden else clear).extend(texts_of(value))
    return sealed, clear


def clear_in_the_file(path: Path) -> list[str]:
    """Names of tables, columns and indexes, and the cleartext column, as SQLite keeps them."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT coalesce(sql, name) FROM sqlite_master UNION ALL SELECT attributes FROM items"
        ).fetchall()
    connection.close()
    return [row[0] for row in rows]


def framed(clear: Iterable[str | bytes]) -> set[bytes]:
    """Clear texts with one byte of the file's own framing before or behind: SQLite writes the length of
    a key right before it, and a length of 39 looks like a quotation mark."""
    texts = [text.encode() if isinstance(text, str) else text for text in clear]
    return {bytes([byte]) + head for head in {t[:7] for t in texts} for byte in range(256)} | {
        tail + bytes([byte]) for tail in {t[-7:] for t in texts} for byte in range(256)
    }


def test_no_window_of_a_sealed_text_lies_in_the_file_or_its_log(
    file_world: World, shared: Path
) -> None:
    """ENV-05 with the corpus, the store still open so that WAL and shm are there."""
    backend = file_world.open()
    assert backend.set_clock is not None
    assert backend.raw is not None
    sealed: list[str] = []
    seen: list[str | bytes] = ["dialogues.db", "SQLite format 3", *(i.name for i in INDEXES)]
    for kind in TYPES.values():
        seen += [kind.entity, *(field.name for field in kind.fields)]
    for _, document in load_corpus(shared / "corpus"):
        done = replay(backend.store, backend.set_clock, document)
        hidden, clear = sealed_and_clear(plain(backend.store.load_partition(done.dialogue_id)))
        sealed += hidden
        seen += clear
        for item in backend.raw.scan(done.dialogue_id):
            seen += [value for value in item.values() if isinstance(value, str)]
    (path,) = file_world.folder.glob("*.db")
    names = {file.name for file in file_world.folder.iterdir()}
    assert names == {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    seen += clear_in_the_file(path)
    seen += framed(seen)
    search = SealedTexts(sealed, seen)
    assert len(search.windows) > 100_000
    leaks = search.search_in(file_world.folder)
    assert not leaks, leaks[:5]
    planted = max(sealed, key=len)[:4000]
    (file_world.folder / "planted").write_text(planted, encoding="utf-8")
    assert search.search_in(file_world.folder) != []
