"""The log of the reference under faults of its engine, and what only a look from inside shows."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.suite.kit.chain import Chain, by_chain, is_linked, made, operations, steps
from conformance.suite.kit.forge import PUBLISHED_UMK, derive_kek
from reference_impl.contract.errors import CODES, DialogueStoreError, error
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import (
    Action,
    ConditionFailed,
    Contention,
    LostAnswer,
    Put,
    Transient,
)
from reference_impl.sealing import audit_chain as audit
from reference_impl.sealing.chain_walk import ChainWalk
from reference_impl.sealing.keys import KekHandle
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store
from reference_impl.testing.recorder import EngineCall, RecordingPartitionStore

D = "d"
PK = f"dialogue#{D}"
DEK_ID = f"dek#{D}#1"


class Faulty(MemoryPartitionStore):
    """Calls ``before`` and ``after`` each commit with the keys of its items; both may raise."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[list[str]], None] = lambda sks: None
        self.after: Callable[[list[str]], None] = lambda sks: None
        self.tokens: list[str] = []
        self.torn: list[list[Item]] = []

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        if self.torn and pk == PK and not prefix:
            return self.torn.pop(0)
        return super().query(pk, prefix=prefix)

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        sks = [str(action.item["sk"]) for action in actions if isinstance(action, Put)]
        self.tokens.append(token)
        self.before(sks)
        super().commit(actions, token=token)
        self.after(sks)


@pytest.fixture
def partitions() -> Faulty:
    return Faulty()


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    path = folder / "umk.key"
    path.touch(mode=0o600)
    path.write_bytes(PUBLISHED_UMK)
    return LocalFileKeyProvider(path)


@pytest.fixture
def opened(partitions: Faulty, keys: LocalFileKeyProvider) -> Callable[[], EncryptedStore]:
    return lambda: open_store(partitions, keys, deadline_s=0.2)


@pytest.fixture
def store(opened: Callable[[], EncryptedStore]) -> EncryptedStore:
    store = opened()
    store.create_dialogue(D, "title")
    store.create_round(D, 0)
    store.register_expert(D, "anne", "Pilot", "Core")
    return store


def chains(partitions: MemoryPartitionStore, dialogue_id: str = D) -> dict[str, Chain]:
    found = by_chain(partitions.query(f"audit#{dialogue_id}"))
    assert all(is_linked(dialogue_id, name, events) for name, events in found.items())
    return found


def reads(partitions: MemoryPartitionStore, dialogue_id: str = D) -> Chain:
    (name,) = chains(partitions, dialogue_id).keys() - {"w"}
    return chains(partitions, dialogue_id)[name]


def is_log_of_reads(sks: list[str]) -> bool:
    return any(sk.startswith("r#") for sk in sks)


def failing_with(code: str) -> Any:
    return pytest.raises(DialogueStoreError, match=rf"^{code}:")


# -- attempts -------------------------------------------------------------------------------------


def test_an_attempt_that_lost_logs_nothing_of_its_own(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """Another store's write comes first each time: what is sealed anew is logged once."""
    other = opened()
    other.load_partition(D)
    before = len(chains(partitions)["w"])
    turns = iter(range(3))

    def first(sks: list[str]) -> None:
        turn = next(turns, None)
        if turn is not None and threading.current_thread() is threading.main_thread():
            partitions.before = lambda sks: None
            other.update_expert_score(D, "anne", 0, turn)
            partitions.before = first

    partitions.before = first
    store.create_round(D, 1)
    new = chains(partitions)["w"][before:]
    assert operations(new)[-2:] == ["decrypt", "encrypt"]
    assert operations(new).count("encrypt") == 4
    assert {event["outcome"] for event in new} == {"success"}
    assert reads(partitions)[-1]["sequence"] == 3  # the other's first read; the loser's nothing


def test_an_attempt_that_ends_in_an_error_logs_one_failure(
    store: EncryptedStore, partitions: Faulty
) -> None:
    before = chains(partitions)["w"]

    def busy(sks: list[str]) -> None:
        if "head" in sks:
            raise Contention

    partitions.before = busy
    with failing_with("conflict"):
        store.create_round(D, 1)
    assert chains(partitions)["w"] == before
    assert steps(reads(partitions)) == [("encrypt", "failure", DEK_ID, PK, 3)]
    assert reads(partitions)[0]["revision"] == 3


def test_a_write_too_large_for_an_item_logs_one_failure(
    store: EncryptedStore, partitions: Faulty
) -> None:
    """It was sealed to be measured; the head was not. Once, though it was planned twice."""
    with failing_with("item_too_large"):
        store.register_claim(D, 0, "label", "x" * 420_000, [])
    where = f"dialogue:{D}/entity:claim/00#01"
    assert steps(reads(partitions)) == [("encrypt", "failure", DEK_ID, where, 1)]
    with failing_with("item_too_large"):
        store.register_tension(D, 0, "label", "x" * 420_000, [])
    assert steps(reads(partitions))[1:] == [("encrypt", "failure", DEK_ID, PK, 2)]


def test_a_creation_that_ends_in_an_error_leaves_no_write_chain(
    opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    store = opened()
    with failing_with("item_too_large"):
        store.create_dialogue(D, "x" * 420_000)
    events = reads(partitions)
    assert [(e["operation"], e["outcome"]) for e in events] == [
        *(("derive", "success"), ("wrap", "success"), ("encrypt", "failure")),
    ]
    assert {event["revision"] for event in events} == {0}
    store.create_dialogue(D, "title")
    assert operations(chains(partitions)["w"]) == ["wrap", "encrypt"]


def test_a_write_after_a_failed_one_notes_its_chain(
    store: EncryptedStore, partitions: Faulty
) -> None:
    with failing_with("item_too_large"):
        store.register_claim(D, 0, "label", "x" * 420_000, [])
    store.create_round(D, 1)
    tip = reads(partitions)[-1]
    note = f"{tip['chain']} {tip['sequence']} {tip['event_hash']}"
    assert chains(partitions)["w"][-1]["note"] == note


# -- the log cannot be written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        (Contention(), "conflict", True),
        (Transient(error("backend_unavailable", "away")), "backend_unavailable", True),
        (error("storage_full", "no space"), "storage_full", False),
        (error("access_denied", "no rights"), "access_denied", False),
        (LostAnswer(error("storage_full", "no space")), "storage_full", False),
        (LostAnswer(), "backend_unavailable", True),
    ],
)
def test_a_read_that_cannot_be_logged_gives_nothing_and_keeps_no_key(
    store: EncryptedStore,
    opened: Callable[[], EncryptedStore],
    partitions: Faulty,
    fault: Exception,
    code: str,
    retryable: bool,
) -> None:
    """What it ends as is told by the cause. When the engine is back, whatever was used then is used, and
    logged, again."""

    def away(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            raise fault

    partitions.before = away
    reader = opened()
    for _ in range(2):
        with failing_with(code) as caught:
            reader.get_rounds(D)
        assert caught.value.retryable is retryable
        assert caught.value.data == {"audit": "audit_unavailable"}
        assert CODES[code] in str(caught.value)
        assert "could not be logged" in str(caught.value)
    assert chains(partitions).keys() == {"w"}
    partitions.before = lambda sks: None
    assert len(reader.get_rounds(D)) == 1
    assert operations(reads(partitions)) == ["derive", "unwrap", "decrypt"]


def test_what_failed_stays_the_error_and_says_that_it_was_not_logged(
    store: EncryptedStore, partitions: Faulty, tmp_path: Path
) -> None:
    def away(sks: list[str]) -> None:
        raise Contention

    partitions.before = away
    gone = LocalFileKeyProvider(tmp_path / "gone" / "umk.key")
    with failing_with("umk_missing") as caught:
        open_store(partitions, gone, deadline_s=0.1).get_rounds(D)
    assert caught.value.data["audit"] == "audit_unavailable"


def test_an_answer_that_got_lost_is_asked_for_with_the_same_token(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    def lost(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            partitions.after = lambda sks: None
            raise LostAnswer

    partitions.after = lost
    partitions.tokens.clear()
    assert len(opened().get_rounds(D)) == 1
    assert len(partitions.tokens) == 2
    assert len(set(partitions.tokens)) == 1
    assert operations(reads(partitions)) == ["derive", "unwrap", "decrypt"]


def test_an_append_that_took_place_without_an_answer_is_gone_on_from(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """The read fails, for nobody said that it was logged; the next one finds that it was."""

    def lost(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            partitions.before = away
            raise LostAnswer

    def away(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            raise LostAnswer

    partitions.after = lost
    reader = opened()
    with failing_with("backend_unavailable"):
        reader.get_rounds(D)
    partitions.before = partitions.after = lambda sks: None
    assert len(reader.get_rounds(D)) == 1
    assert operations(reads(partitions)) == ["derive", "unwrap", "decrypt"] * 2
    store.create_round(D, 1)
    assert len(reader.get_rounds(D)) == 2
    assert len(reads(partitions)) == 7


def test_an_append_that_lands_late_is_gone_on_from(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """It comes between the next append's placing and its commit."""
    late: list[Item] = []

    def never(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            raise LostAnswer

    real = partitions.append

    def sent(items: Sequence[Item], *, token: str) -> None:
        late[:] = items
        real(items, token=token)

    partitions.append = sent  # type: ignore[method-assign]
    partitions.before = never
    reader = opened()
    with failing_with("backend_unavailable"):
        reader.get_rounds(D)
    partitions.append = real  # type: ignore[method-assign]
    partitions.before = lambda sks: None
    assert len(late) == 3
    real(late, token="late")
    assert len(reader.get_rounds(D)) == 1
    assert operations(reads(partitions)) == ["derive", "unwrap", "decrypt"] * 2


def test_an_engine_that_is_silent_while_a_late_append_is_looked_for_is_asked_again(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """And no exception of the port reaches the caller."""
    late: list[Item] = []
    real, get = partitions.append, partitions.get
    looks: list[str] = []

    def lost(items: Sequence[Item], *, token: str) -> None:
        del token
        late[:] = items
        raise LostAnswer

    def silent_once(pk: str, sk: str) -> Item | None:
        looks.append(sk)
        if len(looks) == 2:  # the first asks what lies in the way
            raise Transient(error("backend_unavailable", "silent"))
        return get(pk, sk)

    reader = opened()
    partitions.append = lost  # type: ignore[method-assign]
    with failing_with("backend_unavailable"):
        reader.get_rounds(D)
    partitions.append = real  # type: ignore[method-assign]
    real(late, token="late")
    partitions.get = silent_once  # type: ignore[method-assign]
    assert len(reader.get_rounds(D)) == 1
    assert len(looks) == 3


def test_a_foreign_event_in_the_way_is_left_there(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    reader = opened()
    reader.get_rounds(D)
    last = reads(partitions)[-1]
    foreign = made(
        None, {"dialogue_id": D, "operation": "decrypt"}, after=last, chain=last["chain"]
    )
    partitions.commit([Put(foreign)], token="foreign")
    store.create_round(D, 1)
    for _ in range(2):
        with failing_with("audit_unavailable") as caught:
            reader.get_rounds(D)
        assert caught.value.data["cause"] == "another event lies there"
    assert partitions.get(foreign["pk"], foreign["sk"]) == foreign


# -- counts ---------------------------------------------------------------------------------------


def test_what_is_read_again_is_counted_once(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """A torn page, and a look again: what was opened then is not opened again."""
    items = partitions.query(PK)
    torn = [item for item in items if item["sk"] != "expert#anne"]
    partitions.torn = [torn]
    reader = opened()
    assert len(reader.get_experts(D)) == 1
    assert steps(reads(partitions))[-1] == ("decrypt", "success", DEK_ID, PK, 4)


def test_a_bad_item_is_counted_once_though_it_is_looked_at_twice(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    item = partitions.get(PK, "expert#anne")
    assert item is not None
    partitions.commit([Put({**item, "content_nonce": bytes(12)})], token="spoil")
    reader = opened()
    with failing_with("integrity_error"):
        reader.get_experts(D)
    where = f"dialogue:{D}/entity:expert/anne"
    assert steps(reads(partitions))[2:] == [
        ("decrypt", "success", DEK_ID, PK, 3),
        ("decrypt", "failure", DEK_ID, where, 1),
    ]


# -- the cost of an append ---------------------------------------------------------------------------


def test_an_append_asks_as_little_after_five_hundred_events_as_after_five(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    calls: list[EngineCall] = []
    recorder = RecordingPartitionStore(partitions, calls)
    reader = open_store(recorder, keys)
    reader.get_experts(D)
    costs = []
    for number in range(500):
        store.update_expert_score(D, "anne", 0, number)
        calls.clear()
        reader.get_experts(D)
        costs.append([(call.operation, len(call.touches)) for call in calls])
    assert len(reads(partitions)) == 503
    assert costs[0] == costs[-1] == [("last", 1), ("query", 1), ("append", 1)]
    assert [cost for cost in costs if cost != costs[0]] == []


# -- the walk -------------------------------------------------------------------------------------


def test_a_dialogue_that_is_not_there_gets_no_chain(store: EncryptedStore) -> None:
    partitions = store.partitions
    with failing_with("dialogue_not_found"):
        store.verify_chain("nowhere")
    assert partitions.query("audit#nowhere") == []


def test_a_head_that_does_not_open_cannot_vouch_for_the_end(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """A chain may have been cut, and the head spoilt so that it does not tell."""
    head = partitions.get(PK, "head")
    assert head is not None
    partitions.commit([Put({**head, "content_nonce": bytes(12)})], token="spoil")
    report = opened().verify_chain(D)
    assert (report.ok, report.with_key) == (False, True)
    assert [(f["chain"], f["sequence"]) for f in report.findings] == [("w", 6)]


def test_a_denial_can_be_forged_at_the_tail(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """HEAD-05: what nobody signs anybody can write. It says that somebody had no key, and no more."""
    failed = {"dialogue_id": D, "operation": "derive", "outcome": "failure", "revision": 3}
    forged = made(None, failed, chain="r#0123456789abcdef")
    partitions.commit([Put(forged)], token="forged")
    assert opened().verify_chain(D).ok
    says_more = made(None, {**failed, "operation": "unwrap"}, chain="r#fedcba9876543210")
    partitions.commit([Put(says_more)], token="forged again")
    assert [f["chain"] for f in opened().verify_chain(D).findings] == ["r#fedcba9876543210"]


def many_events(count: int, key: bytes) -> Iterator[Item]:
    """Events of a read chain, one made after the other as they are asked for."""
    tip = audit.first_tip(D, "r#0123456789abcdef")
    use = audit.Use("decrypt", "success", DEK_ID, PK, 3)
    for number in range(count):
        items, tip = audit.place(
            [use],
            tip,
            dialogue_id=D,
            revision=number,
            timestamp="2026-02-03T10:15:00.000000Z",
            principal="local",
            key=key,
        )
        yield items[0]


def test_a_walk_keeps_nothing_of_what_it_has_passed() -> None:
    key = audit.mac_key(KekHandle(derive_kek(PUBLISHED_UMK, "local"), "local"), D)
    walk = ChainWalk(D, key, audit_head=None)
    tracemalloc.start()
    try:
        for event in many_events(200, key):
            walk.take(event)
        tracemalloc.reset_peak()
        _, before = tracemalloc.get_traced_memory()
        walk = ChainWalk(D, key, audit_head=None)
        for event in many_events(10_000, key):
            walk.take(event)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 300_000  # 10,000 events are some 9 MB
    chains = walk.finish()
    assert walk.findings == []
    assert chains["r#0123456789abcdef"]["events"] == 10_000


def test_a_walk_beside_a_writer_that_never_rests(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """A write commits while each chain streams by: neither too much nor too little is found."""
    stream = partitions.stream

    def busy(pk: str, **bounds: Any) -> Iterator[Item]:
        for number, event in enumerate(stream(pk, **bounds)):
            if number % 3 == 0:
                store.update_expert_score(D, "anne", 0, number)
            yield event
        store.update_expert_score(D, "anne", 0, 99)

    auditor = opened()
    auditor.load_partition(D)
    partitions.stream = busy  # type: ignore[method-assign]
    report = auditor.verify_chain(D)
    assert (report.ok, report.findings) == (True, [])


def test_a_write_after_a_read_that_met_a_newer_head_finds_the_chains_end(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """A read looks at the chain before it looks at the head, and somebody writes in between."""
    reader = opened()
    last = partitions.last

    def then_a_write(pk: str, *, prefix: str = "") -> Item | None:
        partitions.last = last  # type: ignore[method-assign]
        found = last(pk, prefix=prefix)
        store.create_round(D, 1)
        return found

    partitions.last = then_a_write  # type: ignore[method-assign]
    assert len(reader.get_rounds(D)) == 2
    reader.create_round(D, 2)
    assert chains(partitions)["w"][-1]["revision"] == 5
    assert reader.verify_chain(D).ok


def test_a_condition_that_fails_for_ever_is_no_answer(
    store: EncryptedStore, opened: Callable[[], EncryptedStore], partitions: Faulty
) -> None:
    """An engine that refuses without anything lying there: no result, no endless loop."""

    def refuse(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            raise ConditionFailed

    partitions.before = refuse
    with failing_with("audit_unavailable"):
        opened().get_rounds(D)


def test_an_instance_whose_key_has_become_another_begins_a_new_chain(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider, tmp_path: Path
) -> None:
    """An append of which nobody knows whether it took place, and then another key in the file: red if the
    second key's events go on behind the first's."""
    reader = open_store(partitions, keys, deadline_s=0.2)

    def away(sks: list[str]) -> None:
        if is_log_of_reads(sks):
            raise LostAnswer

    def lost(sks: list[str]) -> None:
        partitions.before = away
        away(sks)

    partitions.after = lost
    with failing_with("backend_unavailable"):
        reader.get_rounds(D)
    partitions.before = partitions.after = lambda sks: None
    path = tmp_path / "keys" / "umk.key"
    path.write_bytes(bytes(32))
    with failing_with("umk_changed"):
        reader.get_rounds(D)
    path.write_bytes(PUBLISHED_UMK)
    report = open_store(partitions, keys).verify_chain(D)
    assert report.findings == []
    assert [entry["events"] for entry in report.unverified] == [2]
