"""AUDIT-04: a store that is opened read-only logs its reads in a file, or it is not opened."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.running.session import World
from conformance.suite.kit.chain import Log, by_chain, event_mac, is_linked, operations
from conformance.suite.kit.forge import PUBLISHED_UMK, derive_kek
from conformance.targets.base import Target
from conformance.targets.engines.choose import Engine
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.factory import create_dialogue_store
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store
from reference_impl.testing.recorder import recorded

pytestmark = pytest.mark.integration

D = "d"
KEK = derive_kek(PUBLISHED_UMK, "local")

#: How a test opens the world's storage read-only: (sink or None, further settings).
Open = Callable[..., EncryptedStore]


@pytest.fixture(params=["sqlite", "dynamodb"])
def target(request: pytest.FixtureRequest) -> Target:
    opened: Target = request.getfixturevalue(f"{request.param}_target")
    return opened


@pytest.fixture
def writer(world: World) -> EncryptedStore:
    store = world.open().store
    assert isinstance(store, EncryptedStore)
    store.create_dialogue(D, "A title")
    store.create_round(D, 0)
    store.register_expert(D, "anne", "Pilot", "Core")
    return store


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    return tmp_path / "reads.jsonl"


@pytest.fixture
def open_read_only(
    world: World,
    writer: EncryptedStore,
    local_engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Open:
    """Opens the storage with a configuration file that says read_only."""
    partitions = writer.partitions
    if isinstance(partitions, DynamoPartitionStore):
        client = local_engine.client_kwargs()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(client["aws_access_key_id"]))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(client["aws_secret_access_key"]))
        storage = f"""
            [storage]
            backend = "dynamodb"
            [storage.dynamodb]
            table_name = "{partitions.table_name}"
            region = "{client["region_name"]}"
            endpoint = "{client["endpoint_url"]}"
        """
    else:
        (path,) = world.folder.glob("*.db")
        storage = f"""
            [storage]
            backend = "sqlite"
            [storage.sqlite]
            path = "{path}"
        """

    def opened(sink: Path | None, principal: str | None = None, **keys: str) -> EncryptedStore:
        audit = [f'sink = "{sink}"'] if sink else []
        audit += [f'principal = "{principal}"'] if principal else []
        keys = {"path": str(world.key_file), **keys}
        lines = [
            "read_only = true",
            "deadline_s = 5",
            storage,
            "[keys]",
            *(f'{name} = "{value}"' for name, value in keys.items()),
            "[audit]",
            *audit,
        ]
        config = tmp_path / "store.toml"
        config.write_text("\n".join(lines), encoding="utf-8")
        return create_dialogue_store(config)

    return opened


def logged(sink: Path) -> list[Item]:
    """The events of a sink: one canonical JSON object in each line."""
    lines = sink.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") for line in lines)
    return [json.loads(line) for line in lines]


def failing_with(code: str) -> Any:
    return pytest.raises(DialogueStoreError, match=rf"^{code}:")


def stored(world: World) -> dict[str, Any]:
    """Every item and event, and the bytes of the files."""
    raw = world.open().raw
    assert raw is not None
    chains = Log(raw, D).all()
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in world.folder.glob("*.db")
    }
    return {"items": raw.scan(D), "chains": chains, "files": files}


def test_without_a_sink_it_is_not_opened(world: World, open_read_only: Open) -> None:
    before = stored(world)
    with failing_with("audit_unavailable"):
        open_read_only(None)
    assert stored(world) == before


def test_reads_are_logged_in_the_sink_and_nowhere_else(
    world: World, open_read_only: Open, sink: Path
) -> None:
    before = stored(world)
    with open_read_only(sink, principal="ada") as store:
        with recorded(store.partitions) as calls:
            assert [r.round for r in store.get_rounds(D)] == [0]
            events = logged(sink)
            assert store.verify_partition(D) == []
            assert [e.expert_slug for e in store.get_experts(D)] == ["anne"]
        assert logged(sink) == events  # nothing new was opened
    assert operations(events) == ["derive", "unwrap", "decrypt"]
    chain = str(events[0]["chain"])
    assert chain.startswith("r#")
    assert is_linked(D, chain, events)
    macs = [event_mac(KEK, D, str(event["event_hash"])) for event in events]
    assert [event["mac"] for event in events] == macs
    assert {event["principal"] for event in events} == {"ada"}
    assert {event["revision"] for event in events} == {3}
    assert {event["pk"] for event in events} == {f"audit#{D}"}
    assert {touch.verb for call in calls for touch in call.touches} <= {"get", "query"}
    assert {call.operation for call in calls} <= {"BEGIN", "COMMIT", "SELECT", "Query", "GetItem"}
    assert stored(world) == before
    assert sink.stat().st_mode & 0o777 == 0o600


def test_new_writes_are_seen_and_logged(
    writer: EncryptedStore, open_read_only: Open, sink: Path
) -> None:
    with open_read_only(sink) as store:
        store.load_partition(D)
        writer.create_round(D, 1)
        assert [r.round for r in store.get_rounds(D)] == [0, 1]
    events = logged(sink)
    assert [(e["operation"], e["count"]) for e in events[3:]] == [("decrypt", 3)]
    assert is_linked(D, str(events[0]["chain"]), events)


def test_a_sink_that_cannot_be_written_gives_no_result(open_read_only: Open, sink: Path) -> None:
    """Neither the first time nor when asked again; once it can, what was used is logged."""
    sink.mkdir()
    with open_read_only(sink) as store:
        for _ in range(2):
            with failing_with("audit_unavailable"):
                store.get_rounds(D)
        sink.rmdir()
        assert len(store.get_rounds(D)) == 1
    assert operations(logged(sink)) == ["derive", "unwrap", "decrypt"]


def test_a_full_disk_leaves_whole_lines_only(
    open_read_only: Open, sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_read_only(sink) as store:
        real = os.write
        monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[: len(data) // 2]))
        with failing_with("storage_full"):
            store.get_rounds(D)
        monkeypatch.undo()
        assert sink.read_bytes() == b""
        assert len(store.get_rounds(D)) == 1
    assert is_linked(D, str(logged(sink)[0]["chain"]), logged(sink))


def test_several_stores_share_a_sink(open_read_only: Open, sink: Path) -> None:
    for _ in range(3):
        with open_read_only(sink) as store:
            store.load_partition(D)
    chains = by_chain(logged(sink))
    assert len(chains) == 3
    assert all(is_linked(D, name, events) for name, events in chains.items())


def test_writes_are_refused_before_any_key_is_used(
    world: World, open_read_only: Open, sink: Path
) -> None:
    before = stored(world)
    with open_read_only(sink) as store:
        with failing_with("access_denied"):
            store.create_round(D, 1)
        with failing_with("access_denied"):
            store.create_dialogue("other", "A title")
        with failing_with("access_denied"):
            store.register_round(D, 1, 0)
    assert not sink.exists()
    assert stored(world) == before


def test_a_denial_is_logged_in_the_sink(open_read_only: Open, sink: Path) -> None:
    with open_read_only(sink, user_id="eve") as store, failing_with("key_denied"):
        store.get_rounds(D)
    assert [(e["operation"], e["outcome"], e["principal"]) for e in logged(sink)] == [
        ("derive", "success", "eve"),
        ("unwrap", "denied", "eve"),
    ]


def test_an_auditor_may_be_read_only(world: World, open_read_only: Open, sink: Path) -> None:
    before = stored(world)
    with open_read_only(sink) as store:
        report = plain(store.verify_chain(D))
    assert (report["ok"], report["with_key"]) == (True, True)
    assert operations(logged(sink)) == ["derive", "unwrap", "decrypt"]
    assert stored(world) == before


def test_a_store_that_may_write_takes_no_sink(world: World, sink: Path) -> None:
    """Its events lie beside the dialogues: who names a file would look for them in vain."""
    store = world.open().store
    assert isinstance(store, EncryptedStore)
    with failing_with("invalid_field"):
        open_store(store.partitions, LocalFileKeyProvider(world.key_file), audit_sink=sink)
    assert not sink.exists()
