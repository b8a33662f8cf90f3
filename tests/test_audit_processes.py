"""Processes that read and write one dialogue at once: chains of exactly the expected lengths, loads that
come to an end, readers that do not hold up a writer (AUDIT-03, AUDIT-08, STORE-16, STORE-18)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conformance.running.session import World
from conformance.suite.kit.chain import Chain, Log, event_mac, is_linked
from conformance.suite.kit.forge import PUBLISHED_UMK, derive_kek
from conformance.targets.base import RawAccess, Target
from conformance.targets.engines.choose import Engine
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store
from tests.audit_worker import ROUND, D

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
EXPERTS = ("anne", "bob")
KEK = derive_kek(PUBLISHED_UMK, "local")


@pytest.fixture(params=["sqlite", "dynamodb"])
def target(request: pytest.FixtureRequest) -> Target:
    opened: Target = request.getfixturevalue(f"{request.param}_target")
    return opened


class Storage:
    """A dialogue that other processes are sent to."""

    def __init__(self, world: World, engine: Engine) -> None:
        backend = world.open()
        store = backend.store
        assert isinstance(store, EncryptedStore)
        assert backend.raw is not None
        self.store = store
        self.raw: RawAccess = backend.raw
        self.key_file = world.key_file
        self._common: dict[str, Any] = {"key_file": str(world.key_file)}
        partitions = store.partitions
        if isinstance(partitions, DynamoPartitionStore):
            self._common |= {"table": partitions.table_name, "client": engine.client_kwargs()}
        else:
            (path,) = world.folder.glob("*.db")
            self._common["path"] = str(path)

    @contextmanager
    def processes(self, *workers: dict[str, Any]) -> Iterator[list[subprocess.Popen[str]]]:
        """Started, opened and ready, one for each description; all are let go at once, and ended."""
        started: list[subprocess.Popen[str]] = []
        try:
            for worker in workers:
                given = json.dumps(self._common | worker)
                command = [sys.executable, "-m", "tests.audit_worker", given]
                started.append(
                    subprocess.Popen(
                        command,
                        cwd=HERE.parent,
                        text=True,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                    )
                )
            for process in started:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in started:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            yield started
        finally:
            for process in started:
                process.kill()
                process.communicate()

    def done(self, *workers: dict[str, Any], within_s: float) -> list[dict[str, Any]]:
        """What each of these processes said it did."""
        with self.processes(*workers) as started:
            return [result_of(process, within_s) for process in started]


def result_of(process: subprocess.Popen[str], within_s: float) -> dict[str, Any]:
    """What a process said when it had come to its end."""
    answer, _ = process.communicate(timeout=within_s)
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(answer)
    return result


@pytest.fixture
def storage(world: World, local_engine: Engine) -> Storage:
    store = world.open().store
    store.create_dialogue(D, "A dialogue of under a hundred items")
    store.create_round(D, ROUND)
    for slug in EXPERTS:
        store.register_expert(D, slug, "Pilot", "Core")
    return Storage(world, local_engine)


# -- two processes, N writes and N reads each ------------------------------------------------------


class Expected:
    """How long each chain must be, from what the processes said of their own calls.

    A read has something new to open if its revision is not the one its process knew; a write, if it
    committed further on than right after that. Which revision a write made follows from whose it was:
    the processes' writes are told apart by the principal of the events, and must be as many as were
    acknowledged.
    """

    def __init__(self, said: dict[str, list[Any]], writers: dict[int, str]) -> None:
        self.reads: dict[str, int] = {}
        self.decrypts_of_writes = 0
        for principal, calls in said.items():
            mine = iter(sorted(r for r, who in writers.items() if who == principal))
            known: int | None = None
            events = 0
            for call in calls:
                revision = next(mine) if call is True else call["revision"]
                is_new = known is None or revision > known + (call is True)
                if call is True:
                    self.decrypts_of_writes += is_new
                elif is_new:
                    events += 3 if known is None else 1  # derive and unwrap come first
                known = revision
            self.reads[principal] = events
            assert next(mine, None) is None, f"{principal} has fewer writes than the chain says"


def check_story(storage: Storage, times: int) -> None:
    for number in range(90):
        storage.store.register_claim(D, ROUND, f"Claim {number}", "As it is.", [])
    assert len(storage.raw.scan(D)) < 100
    log = Log(storage.raw, D)
    before = len(log.writes())
    base = storage.store.load_partition(D).revision
    log.new()

    workers = [{"work": "story", "principal": slug, "times": times} for slug in EXPERTS]
    results = storage.done(*workers, within_s=60 + times)
    said = dict(zip(EXPERTS, (result["said"] for result in results), strict=True))
    for slug, calls in said.items():
        assert calls.count(True) == times
        for call in calls:  # the revision is told by the scores, which no log was asked for
            if call is not True:
                counts = [call["scores"][name] or 0 for name in EXPERTS]
                assert call["revision"] == base + sum(counts)
        assert calls[-1]["scores"][slug] == times

    chains = log.all()
    assert all(is_linked(D, name, events) for name, events in chains.items())
    assert all(
        event["mac"] == event_mac(KEK, D, event["event_hash"])
        for events in chains.values()
        for event in events
    )
    new = chains.pop("w")[before:]
    writers = {e["revision"]: e["principal"] for e in new if e["operation"] == "encrypt"}
    assert sorted(writers) == list(range(base + 1, base + 1 + 2 * times))
    assert {slug: list(writers.values()).count(slug) for slug in EXPERTS} == dict.fromkeys(
        EXPERTS, times
    )
    expected = Expected(said, writers)
    assert len(new) == 2 * times + expected.decrypts_of_writes
    assert {principal_of(events): len(events) for events in chains.values()} == expected.reads
    report = storage.store.verify_chain(D)
    assert (report.ok, report.with_key, report.findings) == (True, True, [])
    assert len(storage.store.load_partition(D).claims) == 90


def principal_of(events: Chain) -> str:
    (principal,) = {event["principal"] for event in events}
    return str(principal)


def test_two_processes_leave_chains_of_the_expected_lengths(storage: Storage) -> None:
    check_story(storage, times=60)


@pytest.mark.full
def test_two_processes_with_a_thousand_writes_and_reads_each(storage: Storage) -> None:
    check_story(storage, times=1000)


# -- a load of three megabytes beside a writer ------------------------------------------------------


def check_large_load(storage: Storage, *, loads: int, writes: int) -> dict[str, Any]:
    """Every load is one of a store that knows nothing, with all its pages to read; each ends with
    all of the dialogue, as of one revision."""
    for number in range(63):
        storage.store.register_claim(D, ROUND, f"Claim {number}", "long " * 10_000, [])
    size = sum(len(str(item.get("content_encrypted", b""))) for item in storage.raw.scan(D))
    assert size > 3_000_000
    base = storage.store.load_partition(D).revision
    writer = {"work": "writes", "principal": "anne", "times": writes, "per_second": 10}
    revisions = []
    with storage.processes(writer) as (process,):
        for _ in range(loads):
            keys = LocalFileKeyProvider(storage.key_file)
            reader = open_store(storage.store.partitions, keys)
            whole = reader.load_partition(D)
            assert len(whole.claims) == 63
            scores = [e.scores.get(f"{ROUND:02d}", 0) for e in whole.experts]
            assert whole.revision == base + max(scores)
            revisions.append(whole.revision)
        result = result_of(process, within_s=60 + writes)
    assert revisions == sorted(revisions)
    assert storage.store.load_partition(D).revision == base + writes
    assert storage.store.verify_chain(D).ok
    return result | {"revisions": len(set(revisions))}


def test_a_load_of_three_megabytes_ends_while_a_writer_makes_ten_writes_a_second(
    storage: Storage,
) -> None:
    check_large_load(storage, loads=6, writes=20)


@pytest.mark.full
def test_many_loads_of_three_megabytes_end_and_the_writer_keeps_its_pace(
    storage: Storage,
) -> None:
    done = check_large_load(storage, loads=60, writes=200)
    assert done["revisions"] > 5  # the loads end long before the writer does
    assert done["late"] < 1.0


# -- sixteen readers and a writer -------------------------------------------------------------------


@pytest.mark.full
def test_sixteen_readers_leave_a_writer_a_quarter_of_what_it_makes_alone(
    storage: Storage,
) -> None:
    """Ten seconds each: every write is something new to open, and to log, for every reader."""
    for number in range(90):
        storage.store.register_claim(D, ROUND, f"Claim {number}", "As it is.", [])
    writer = {"work": "writes", "principal": "anne", "seconds": 10}
    readers = {"work": "reads", "principal": "bob", "seconds": 10, "instances": 16}
    (alone,) = storage.done(writer, within_s=60)
    together, read = storage.done(writer, readers, within_s=60)
    assert read["failed"] == []
    assert min(read["reads"]) > 0
    report = storage.store.verify_chain(D)
    assert (report.ok, report.findings) == (True, [])
    assert together["writes"] >= alone["writes"] / 4, (alone, together, read)


def test_sixteen_readers_all_read_beside_a_writer(storage: Storage) -> None:
    """Nobody is shut out, the writer neither; each reader has a chain of its own."""
    writer = {"work": "writes", "principal": "anne", "times": 20}
    readers = {"work": "reads", "principal": "bob", "times": 5, "instances": 16}
    together, read = storage.done(writer, readers, within_s=60)
    assert together["writes"] == 20
    assert read == {"reads": [5] * 16, "failed": []}
    chains = Log(storage.raw, D).all()
    assert all(is_linked(D, name, events) for name, events in chains.items())
    assert [c[-1]["principal"] for c in chains.values()].count("bob") == 16
