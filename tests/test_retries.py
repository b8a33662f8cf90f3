"""What the store does when the engine is busy, away or silent (ERR-04, HEAD-08): faults at the port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Action, Contention, LostAnswer, Put, Transient
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store


class Faulty(MemoryPartitionStore):
    """Raises what it was told to before or after a commit; remembers what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Exception] = []
        self.looks: list[Exception] = []
        self.after: list[Exception] = []
        self.between: Callable[[], object] | None = None
        self.queries: list[list[Item]] = []
        self.sent: list[tuple[str, Sequence[Action]]] = []
        self.calls: list[str] = []

    def get(self, pk: str, sk: str) -> Item | None:
        self.calls.append("get")
        if self.looks:
            raise self.looks.pop(0)
        return super().get(pk, sk)

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        self.calls.append("query")
        return self.queries.pop(0) if self.queries else super().query(pk, prefix=prefix)

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        self.calls.append("last")
        return super().last(pk, prefix=prefix)

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        self.calls.append("commit")
        self.sent.append((token, actions))
        if self.before:
            raise self.before.pop(0)
        super().commit(actions, token=token)
        fault = self.after.pop(0) if self.after else None
        if self.between is not None:
            then, self.between = self.between, None
            then()
        if fault is not None:
            raise fault


@pytest.fixture
def partitions() -> Faulty:
    return Faulty()


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    return LocalFileKeyProvider(tmp_path / "keys" / "umk.key")


@pytest.fixture
def store(partitions: Faulty, keys: LocalFileKeyProvider) -> EncryptedStore:
    store = open_store(partitions, keys, deadline_s=0.2)
    store.create_dialogue("d", "title")
    store.create_round("d", 0)
    partitions.sent.clear()
    partitions.calls.clear()
    return store


def add(store: EncryptedStore) -> str:
    return store.register_perspective("d", 0, "label", "content", ["muffin"]).display_id


def test_a_warm_write_is_one_engine_call(store: EncryptedStore, partitions: Faulty) -> None:
    add(store)
    assert partitions.calls == ["commit"]


def test_a_cold_write_is_a_look_a_query_and_a_commit(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    add(open_store(partitions, keys))
    assert partitions.calls == ["last", "query", "commit"]


def test_a_load_looks_at_the_chain_and_is_one_query(
    store: EncryptedStore, partitions: Faulty
) -> None:
    store.load_partition("d")
    assert partitions.calls == ["last", "query"]


@pytest.mark.parametrize(
    "fault", [Contention(), Transient(error("backend_unavailable")), LostAnswer()]
)
def test_a_retry_sends_the_same_bytes_and_the_same_token(
    store: EncryptedStore, partitions: Faulty, fault: Exception
) -> None:
    partitions.before = [fault, fault]
    assert add(store) == "P0001"
    first, second, third = partitions.sent
    assert first == second == third


def test_a_lost_answer_after_the_write_took_place_is_an_acknowledged_write(
    store: EncryptedStore, partitions: Faulty
) -> None:
    partitions.after = [LostAnswer()]
    assert add(store) == "P0001"
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001"]
    assert store.load_partition("d").revision == 3


def test_a_lost_answer_is_recognised_after_another_writer_moved_on(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    other = open_store(partitions, keys)
    partitions.after = [LostAnswer()]
    partitions.between = lambda: other.create_round("d", 1)
    assert add(store) == "P0001"
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001"]
    assert store.load_partition("d").revision == 4


def test_a_lost_answer_that_was_no_write_is_tried_again_after_another_writer(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    other = open_store(partitions, keys)
    assert add(other) == "P0001"
    partitions.before = [LostAnswer()]
    assert add(store) == "P0002"
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001", "P0002"]


def test_no_answer_by_the_deadline_is_outcome_unknown(
    store: EncryptedStore, partitions: Faulty
) -> None:
    partitions.before = [LostAnswer() for _ in range(1000)]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "outcome_unknown"


#: What an engine may answer to the repeat of a commit whose first answer was lost.
FINAL = ("access_denied", "storage_full", "table_not_found")


@pytest.mark.parametrize("code", FINAL)
def test_a_write_that_took_place_is_not_denied_by_an_error_of_its_repeat(
    store: EncryptedStore, partitions: Faulty, code: str
) -> None:
    partitions.after = [LostAnswer()]
    partitions.between = lambda: partitions.before.append(error(code))
    assert add(store) == "P0001"
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001"]
    assert store.load_partition("d").revision == 3


@pytest.mark.parametrize("code", FINAL)
def test_an_error_after_a_lost_answer_leaves_open_what_may_still_arrive(
    store: EncryptedStore, partitions: Faulty, code: str
) -> None:
    partitions.before = [LostAnswer(), error(code)]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "outcome_unknown"
    assert caught.value.data["cause"] == code
    assert code in caught.value.message
    _, actions = partitions.sent[0]
    MemoryPartitionStore.commit(partitions, actions, token="late")  # so it does
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001"]


@pytest.mark.parametrize(
    "look", [error("access_denied"), Transient(error("backend_unavailable")), Contention()]
)
def test_a_look_that_fails_denies_nothing(
    store: EncryptedStore, partitions: Faulty, look: Exception
) -> None:
    partitions.after = [LostAnswer()]
    partitions.between = lambda: partitions.before.append(error("storage_full"))
    partitions.looks = [look]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "outcome_unknown"


def test_a_look_that_is_refused_after_a_failed_condition_denies_nothing(
    store: EncryptedStore, partitions: Faulty
) -> None:
    partitions.after = [LostAnswer()]
    partitions.looks = [error("access_denied")]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "outcome_unknown"
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001"]


def test_an_error_is_believed_where_another_writer_has_the_sequence(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    """Another's event there, or the revision moved on = refused: the lost one can never arrive."""
    other = open_store(partitions, keys)
    assert add(other) == "P0001"
    partitions.before = [LostAnswer(), error("access_denied")]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "access_denied"


def test_an_error_without_a_lost_answer_is_believed_unseen(
    store: EncryptedStore, partitions: Faulty
) -> None:
    partitions.before = [error("storage_full")]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "storage_full"
    assert "get" not in partitions.calls


@pytest.mark.parametrize("arrives", [False, True])
def test_an_unknown_outcome_says_how_to_find_out(
    store: EncryptedStore, partitions: Faulty, arrives: bool
) -> None:
    partitions.before = [LostAnswer() for _ in range(1000)]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    partitions.before = []
    data = caught.value.data
    assert {"pk", "sk", "event_hash", "revision"} <= data.keys()
    assert (data["pk"], data["revision"]) == ("audit#d", 3)
    assert data["sk"].startswith("w#")
    assert partitions.get(data["pk"], data["sk"]) is None
    if arrives:
        MemoryPartitionStore.commit(partitions, partitions.sent[0][1], token="late")
        found = partitions.get(data["pk"], data["sk"])
        assert found is not None
        assert found["event_hash"] == data["event_hash"]
    else:
        add(store)  # another write: what lies there now is no event of ours
        found = partitions.get(data["pk"], data["sk"])
        assert found is not None
        assert found["event_hash"] != data["event_hash"]


def test_the_cause_of_a_lost_answer_is_told(store: EncryptedStore, partitions: Faulty) -> None:
    partitions.before = [LostAnswer(error("storage_full", "no space")) for _ in range(1000)]
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert (caught.value.code, caught.value.data["cause"]) == ("outcome_unknown", "storage_full")


def test_a_load_in_progress_is_finished_past_the_deadline(
    partitions: Faulty, keys: LocalFileKeyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(partitions, keys).create_dialogue("d", "title")
    store = open_store(partitions, keys, deadline_s=1e-9)
    assert store.get_dialogue("d").title == "title"
    assert "a load in progress" in " ".join((EncryptedStore.__doc__ or "").split())


def test_a_lost_update_is_told_by_its_event_on_the_write_chain(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    other = open_store(partitions, keys)
    partitions.after = [LostAnswer()]
    partitions.between = lambda: other.create_round("d", 1)
    assert store.update_dialogue_status("d", "converging").status == "converging"
    assert store.get_dialogue("d").status == "converging"
    assert store.verify_chain("d").findings == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Contention(), "conflict"),
        (Transient(error("backend_unavailable", "gone")), "backend_unavailable"),
    ],
)
def test_a_fault_that_stays_ends_at_the_deadline(
    store: EncryptedStore, partitions: Faulty, fault: Exception, code: str
) -> None:
    partitions.before = [fault] * 10_000
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert (caught.value.code, caught.value.retryable) == (code, True)
    partitions.before = []
    assert store.get_perspectives("d") == []


def test_a_writer_that_lost_plans_again_with_a_new_token_and_fresh_nonces(
    store: EncryptedStore, partitions: Faulty, keys: LocalFileKeyProvider
) -> None:
    open_store(partitions, keys).create_round("d", 1)
    partitions.sent.clear()
    add(store)
    (lost, first), (won, second) = partitions.sent
    assert lost != won
    nonces = [
        action.item["content_nonce"]
        for action in [*first, *second]
        if isinstance(action, Put) and "content_nonce" in action.item
    ]
    assert len(set(nonces)) == len(nonces) == 6


def test_pages_of_two_moments_are_read_again(store: EncryptedStore, partitions: Faulty) -> None:
    old = partitions.query("dialogue#d")
    add(store)
    new = partitions.query("dialogue#d")
    head = [item for item in new if item["sk"] == "head"]
    torn = [item for item in old if item["sk"] != "head"] + head
    partitions.queries = [torn]
    assert [p.display_id for p in store.get_perspectives("d")] == ["P0001"]


def test_a_head_that_never_stands_still_is_a_conflict(
    store: EncryptedStore, partitions: Faulty
) -> None:
    old = partitions.query("dialogue#d")
    add(store)
    new = partitions.query("dialogue#d")
    torn = [item for item in new if item["sk"] != "head"] + [i for i in old if i["sk"] == "head"]
    partitions.queries = [torn] * 100_000
    with pytest.raises(DialogueStoreError) as caught:
        store.get_dialogue("d")
    assert caught.value.code == "conflict"


def test_a_missing_item_under_an_unchanged_head_is_an_integrity_error(
    store: EncryptedStore, partitions: Faulty
) -> None:
    whole = partitions.query("dialogue#d")
    partitions.queries = [[item for item in whole if item["sk"] != "round#00"]] * 2
    with pytest.raises(DialogueStoreError) as caught:
        store.get_dialogue("d")
    assert (caught.value.code, caught.value.data["layer"]) == ("integrity_error", "head")


def test_a_write_onto_a_changed_item_is_refused_and_says_so(
    store: EncryptedStore, partitions: Faulty
) -> None:
    item = partitions.get("dialogue#d", "meta")
    assert item is not None
    partitions.commit([Put({**item, "calibrated": True})], token="tamper")
    with pytest.raises(DialogueStoreError) as caught:
        store.update_dialogue_status("d", "converging")
    assert (caught.value.code, caught.value.data["layer"]) == ("integrity_error", "head")
