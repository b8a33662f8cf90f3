"""Turns of clients that were in each other's way (STORE-16, STORE-18): no real time, no real engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.items import Item
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Action, Check, LostAnswer, Put, Transient, keys_of
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.runtime import SYSTEM, Runtime
from reference_impl.store.turns import Turn
from reference_impl.testing import open_store

TURN = ("turn#d", "turn")


class Time:
    """A machine's own seconds, which pass where somebody waits; ``meanwhile`` happens after each wait."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.meanwhile: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()

    @property
    def runtime(self) -> Runtime:
        return replace(
            SYSTEM, monotonic=lambda: self.now, sleep=self.sleep, jitter=lambda longest: longest / 2
        )


class Turning(MemoryPartitionStore):
    """An engine whose clients take turns. A whole partition takes two pages; between them, and before the
    first, something may happen."""

    max_actions = 100
    turn_look_s = 0.12
    is_paged = True

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.sent: list[Sequence[Action]] = []
        self.tokens: list[str] = []
        self.between: Callable[[], object] = lambda: None
        self._is_in_between = False
        #: What happens to the next commits: raised before it, and after it took place.
        self.before: list[Exception | None] = []
        self.after: list[Exception] = []
        self.denied: set[str] = set()

    def get(self, pk: str, sk: str) -> Item | None:
        self.calls.append(f"get {pk}")
        self._refuse("get", pk)
        return super().get(pk, sk)

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        self.calls.append(f"last {pk}")
        return super().last(pk, prefix=prefix)

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        self.calls.append(f"query {pk}")
        first = super().query(pk, prefix=prefix)
        if not pk.startswith("dialogue#") or self._is_in_between:
            return first
        middle = str(first[len(first) // 2]["sk"]) if first else ""
        self._is_in_between = True
        try:
            self.between()
        finally:
            self._is_in_between = False
        second = super().query(pk, prefix=prefix)
        return [i for i in first if str(i["sk"]) < middle] + [
            i for i in second if str(i["sk"]) >= middle
        ]

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        self.calls.append("commit " + " ".join(sorted({pk for pk, _ in keys_of(actions)})))
        self.sent.append(actions)
        self.tokens.append(token)
        for action, (pk, _) in zip(actions, keys_of(actions), strict=True):
            self._refuse(type(action).__name__, pk)
        if self.before and (fault := self.before.pop(0)) is not None:
            raise fault
        super().commit(actions, token=token)
        if self.after:
            raise self.after.pop(0)

    def _refuse(self, what: str, pk: str) -> None:
        if pk == TURN[0] and what in self.denied:
            raise error("access_denied", "no policy allows it")


@pytest.fixture
def partitions() -> Turning:
    return Turning()


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    return LocalFileKeyProvider(tmp_path / "keys" / "umk.key")


@pytest.fixture
def time() -> Time:
    return Time(5.0)


@pytest.fixture
def store(partitions: Turning, keys: LocalFileKeyProvider, time: Time) -> EncryptedStore:
    """A warm client, whose clock shows 5."""
    store = open_store(partitions, keys, runtime=time.runtime)
    store.create_dialogue("d", "title")
    store.create_round("d", 0)
    store.register_expert("d", "muffin", "role", "Core")
    partitions.calls.clear()
    partitions.sent.clear()
    partitions.tokens.clear()
    return store


def say(store: EncryptedStore, text: str = "said") -> None:
    store.record_expert_response("d", "muffin", 0, text)


def test_who_is_alone_makes_one_call_for_a_write_and_never_takes_a_turn(
    store: EncryptedStore, partitions: Turning
) -> None:
    for _ in range(20):
        say(store)
    assert len(partitions.calls) == 20
    assert not any(
        isinstance(a, Put) and a.item["pk"] == TURN[0] for s in partitions.sent for a in s
    )
    # After eight commits (three made the dialogue) every fourth looks whether somebody waits.
    looks = [
        n for n, sent in enumerate(partitions.sent, 1) if any(isinstance(a, Check) for a in sent)
    ]
    assert looks == [6, 10, 14, 18]


def test_a_winner_that_meets_who_waits_goes_on_from_what_it_knows(
    partitions: Turning, keys: LocalFileKeyProvider
) -> None:
    time = Time(5.0)
    store = open_store(partitions, keys, runtime=time.runtime)
    store.create_dialogue("d", "title")
    store.create_round("d", 0)
    store.register_expert("d", "muffin", "role", "Core")
    reader = Turn(partitions, "d", Time(900.0).runtime)
    assert reader.take(901.0)
    time.meanwhile = reader.release
    for _ in range(5):
        say(store)
    partitions.calls.clear()
    say(store)
    assert "query dialogue#d" not in partitions.calls
    assert store.load_partition("d").revision == 9


def test_a_loser_takes_the_turn_before_it_reads_again(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    other = open_store(partitions, keys, runtime=Time(70.0).runtime)
    time.now += 60  # no burst: the turn is given back at once
    say(other)  # the first store does not know of it
    partitions.calls.clear()
    say(store)
    write = "commit audit#d dialogue#d"
    assert partitions.calls == [
        write,
        "get turn#d",
        "commit turn#d",
        "last audit#d",
        "query dialogue#d",
        "query journal#d",
        "commit audit#d dialogue#d turn#d",  # gives it back
    ]
    assert MemoryPartitionStore.get(partitions, *TURN) is None


def test_a_turn_names_no_time_of_any_machine(partitions: Turning) -> None:
    assert Turn(partitions, "d", Time(1.0).runtime).take(2.0)
    item = partitions.get(*TURN)
    assert item is not None
    assert item.keys() == {"pk", "sk", "holder", "count"}
    assert item["count"] == 1


def test_a_holder_that_died_is_followed_when_its_lease_is_over(partitions: Turning) -> None:
    time = Time(2.0)
    dead, other = Turn(partitions, "d", Time(1e9).runtime), Turn(partitions, "d", time.runtime)
    assert dead.take(2e9)
    assert other.take(12.0)
    assert other.met_others
    assert 0.3 <= time.now - 2.0 <= 0.45


def test_a_holder_that_is_alive_is_waited_for(partitions: Turning) -> None:
    mine, time = Time(50.0), Time(2.0)
    holder, other = Turn(partitions, "d", mine.runtime), Turn(partitions, "d", time.runtime)
    assert holder.take(51.0)

    def work() -> None:
        mine.now = 50.0 + (time.now - 2.0)
        assert holder.keep()

    time.meanwhile = work
    assert not other.take(4.0)
    assert time.now == pytest.approx(4.0)


def test_a_lease_that_is_over_is_not_kept(partitions: Turning) -> None:
    time = Time(2.0)
    turn = Turn(partitions, "d", time.runtime)
    assert turn.take(3.0)
    time.now += 0.26
    assert not turn.keep()


def test_who_gave_a_turn_back_leaves_it_to_others_first(partitions: Turning) -> None:
    time = Time(2.0)
    turn, other = Turn(partitions, "d", time.runtime), Turn(partitions, "d", Time(9.0).runtime)
    assert turn.take(3.0)
    turn.release()
    taken: list[bool] = []
    time.meanwhile = lambda: taken.append(other.take(9.0)) if not taken else None
    assert not turn.take(2.2)
    assert taken == [True]


def test_a_store_gives_its_turn_back_when_it_is_closed(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider
) -> None:
    say(open_store(partitions, keys, runtime=Time(70.0).runtime))
    say(store)
    say(store)  # a burst: the turn is kept
    assert MemoryPartitionStore.get(partitions, *TURN) is not None
    store.close()
    assert MemoryPartitionStore.get(partitions, *TURN) is None


def test_a_load_beside_steady_writes_gets_through_by_a_turn(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider
) -> None:
    """The writer comes in between the pages of every load, unless somebody holds a turn."""

    def write() -> None:
        if MemoryPartitionStore.get(partitions, *TURN) is None:
            say(store)

    partitions.between = write
    reader = open_store(partitions, keys, deadline_s=3.0, runtime=Time(300.0).runtime)
    assert reader.load_partition("d").revision > 3
    looks = [call for call in partitions.calls if call == "query dialogue#d"]
    assert len(looks) == 5  # two torn loads, each looked at twice; then one that keeps its turn
    assert MemoryPartitionStore.get(partitions, *TURN) is None


def losing(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    """The store, which knows of nobody, writes after another one has: it loses, then takes a turn."""
    other = open_store(partitions, keys, runtime=Time(70.0).runtime)
    time.now += 60
    other.record_expert_response("d", "muffin", 0, "other")
    partitions.calls.clear()
    store.record_expert_response("d", "muffin", 0, "mine")


def looking(store: EncryptedStore, partitions: Turning) -> None:
    """Write until the next commit looks whether somebody waits."""
    for _ in range(5):
        say(store)
    partitions.calls.clear()
    partitions.sent.clear()
    partitions.tokens.clear()


@pytest.mark.parametrize("what", ["get", "Put", "Delete"])
def test_a_client_that_may_not_touch_turns_writes_without_them(
    store: EncryptedStore,
    partitions: Turning,
    keys: LocalFileKeyProvider,
    time: Time,
    what: str,
) -> None:
    partitions.denied = {what}
    losing(store, partitions, keys, time)
    assert store.load_partition("d").revision == 5
    partitions.calls.clear()
    losing(store, partitions, keys, time)
    assert store.load_partition("d").revision == 7
    assert not any("turn#d" in call for call in partitions.calls)  # asked once, not again


def test_a_winner_that_may_not_look_writes_on(store: EncryptedStore, partitions: Turning) -> None:
    partitions.denied = {"Check"}
    for _ in range(20):
        say(store)
    assert len(partitions.calls) == 21
    assert store.load_partition("d").revision == 23


def test_a_denial_of_the_write_itself_is_told(store: EncryptedStore, partitions: Turning) -> None:
    looking(store, partitions)
    denied = error("access_denied", "nothing here")
    partitions.before = [denied, denied]
    with pytest.raises(DialogueStoreError) as told:
        say(store)
    assert told.value.code == "access_denied"


def test_an_engine_that_does_not_answer_for_turns_ends_no_write(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    away = Transient(error("backend_unavailable", "away"))
    # The other's write and the lost one go through; then the turn's.
    partitions.before = [None, None, away]
    losing(store, partitions, keys, time)
    assert store.load_partition("d").revision == 5


def test_a_lost_answer_of_a_commit_that_looks_is_sent_again_as_it_was(
    store: EncryptedStore, partitions: Turning
) -> None:
    looking(store, partitions)
    partitions.after = [LostAnswer()]
    say(store)
    assert store.load_partition("d").revision == 9
    first, second = partitions.sent
    assert first == second
    assert any(isinstance(action, Check) for action in first)
    assert partitions.tokens[0] == partitions.tokens[1]


def test_a_lost_answer_is_followed_by_the_same_write_where_somebody_took_a_turn(
    store: EncryptedStore, partitions: Turning, time: Time
) -> None:
    """The first try may still take place: the second is sealed by no other event, and looks for nobody."""
    looking(store, partitions)
    partitions.before = [LostAnswer(), LostAnswer()]
    reader = Turn(partitions, "d", Time(900.0).runtime)
    taken: list[bool] = []
    time.meanwhile = lambda: taken.append(reader.take(901.0)) if not taken else None
    say(store)
    dialogue = [sent for sent in partitions.sent if any(pk != TURN[0] for pk, _ in keys_of(sent))]
    first, second, third, alone = dialogue
    assert first == second == third
    assert list(alone) == [action for action in first if not isinstance(action, Check)]
    assert store.load_partition("d").revision == 9


def test_a_write_whose_answer_was_lost_is_found_though_it_is_sent_with_another_token(
    store: EncryptedStore, partitions: Turning
) -> None:
    """The lost try took place; the next is refused because of a turn, and then looks for nobody."""
    looking(store, partitions)
    partitions.after = [LostAnswer()]
    denied = error("access_denied", "no")
    partitions.before = [None, denied]
    say(store)
    assert store.load_partition("d").revision == 9


FORGED: list[Item] = [
    {"holder": "f" * 32, "count": 7},
    {"holder": 5, "count": "x"},
    {"holder": "g" * 32, "count": 1},
    {"holder": "f" * 32, "count": True},
    {"holder": "f" * 32, "count": 2**60},
    {"holder": b"\x00", "count": 1.5, "ttl": 1},
    {},
]


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_a_forged_turn_is_waited_for_as_any_other_and_replaced(
    partitions: Turning, forged: Item
) -> None:
    pk, sk = TURN
    partitions.commit([Put({"pk": pk, "sk": sk, **forged})], token="t")
    time = Time(2.0)
    assert Turn(partitions, "d", time.runtime).take(12.0)
    assert 0.3 <= time.now - 2.0 <= 0.45


def test_a_turn_that_somebody_forges_again_and_again_delays_a_write_less_and_less(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    numbers = iter(range(1, 10**6))

    def forge() -> None:
        pk, sk = TURN
        item: Item = {"pk": pk, "sk": sk, "holder": "f" * 32, "count": next(numbers)}
        MemoryPartitionStore.commit(partitions, [Put(item)], token="t")

    forge()
    time.meanwhile = forge
    waited = []
    for revision in (5, 7, 9):
        begun = time.now + 60
        losing(store, partitions, keys, time)
        waited.append(time.now - begun)
        assert store.load_partition("d").revision == revision
    assert waited[0] == pytest.approx(7.5, abs=0.2)
    assert waited[1] == pytest.approx(3.75, abs=0.2)
    assert waited[2] == pytest.approx(1.875, abs=0.2)


def test_a_turn_is_over_after_eight_commits(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    losing(store, partitions, keys, time)
    for _ in range(3):  # a burst that has met somebody
        say(store)
    partitions.sent.clear()
    for _ in range(8):
        say(store)
    about = [
        (type(action).__name__, len(sent) > 1)
        for sent in partitions.sent
        for action, key in zip(sent, keys_of(sent), strict=True)
        if key == TURN
    ]
    # Kept from write to write, given back with the eighth, then taken anew; each with a write but the taking.
    assert about.count(("Delete", True)) == 1
    assert about.count(("Put", False)) == 1
    given_back = about.index(("Delete", True))
    assert about[given_back + 1] == ("Put", False)
    assert set(about) == {("Put", True), ("Delete", True), ("Put", False)}
    # Between giving it back and taking it nothing is written, and nothing without it afterwards.
    assert all(TURN in keys_of(sent) for sent in partitions.sent)


def test_a_burst_that_ends_holds_nobody_up(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    """A client that stays open, and writes no more, is not waited for as one that is at work."""
    losing(store, partitions, keys, time)
    say(store)  # a burst: the turn is kept for the next call
    assert MemoryPartitionStore.get(partitions, *TURN) is not None
    others = Time(70.0)
    assert Turn(partitions, "d", others.runtime).take(80.0)
    assert others.now - 70.0 <= 0.1


def test_who_reads_in_a_burst_says_first_that_it_is_at_work(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    """Else others would take its turn away from under a long read."""
    losing(store, partitions, keys, time)
    say(store)  # a burst: the turn is kept for the next call
    partitions.calls.clear()
    with pytest.raises(DialogueStoreError):  # what no commit will prove is read afresh
        store.record_expert_response("d", "nobody", 0, "said")
    reading = partitions.calls.index("query dialogue#d")
    assert partitions.calls[:reading] == ["commit turn#d", "last audit#d"]


def test_a_call_soon_after_a_burst_asks_for_no_turn(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    """It may still be its own: the condition of the commit tells, which gives it back."""
    losing(store, partitions, keys, time)
    say(store)
    time.now += 0.1
    partitions.calls.clear()
    say(store)
    assert partitions.calls == ["commit audit#d dialogue#d turn#d"]
    assert MemoryPartitionStore.get(partitions, *TURN) is None


def test_who_waits_on_a_fast_engine_leaves_the_cpu_to_who_works(partitions: Turning) -> None:
    partitions.turn_look_s = SqlitePartitionStore.turn_look_s
    mine, time = Time(50.0), Time(2.0)
    holder = Turn(partitions, "d", mine.runtime)
    assert holder.take(51.0)

    def work() -> None:
        mine.now = 50.0 + (time.now - 2.0)
        assert holder.keep()

    time.meanwhile = work
    partitions.calls.clear()
    assert not Turn(partitions, "d", time.runtime).take(4.0)
    assert partitions.calls.count("get turn#d") <= 510  # 4 ms apart on average


def test_a_turn_lies_in_no_partition(tmp_path: Path, keys: LocalFileKeyProvider) -> None:
    """What is read, proven and listed of a dialogue is the same with it."""
    partitions = SqlitePartitionStore(tmp_path / "d.db")
    store = open_store(partitions, keys)
    store.create_dialogue("d", "title")
    before = (
        plain(store.load_partition("d")),
        store.verify_partition("d"),
        store.verify_chain("d"),
    )
    assert Turn(partitions, "d", SYSTEM).take(math.inf)
    assert partitions.get(*TURN) is not None
    after = (plain(store.load_partition("d")), store.verify_partition("d"), store.verify_chain("d"))
    assert after[:2] == before[:2]
    assert after[2].ok
    store.close()


def test_a_turn_that_was_taken_away_is_not_given_back_in_the_other_s_place(
    store: EncryptedStore, partitions: Turning, keys: LocalFileKeyProvider, time: Time
) -> None:
    """A slow holder, whose turn another took meanwhile, lets the other write first."""
    losing(store, partitions, keys, time)
    say(store)  # of a burst: the turn is kept
    theft: Item = {"pk": TURN[0], "sk": TURN[1], "holder": "a" * 32, "count": 1}
    MemoryPartitionStore.commit(partitions, [Put(theft)], token="t")
    revision = store.load_partition("d").revision
    time.now += 0.1  # no burst any more: the next commit would give it back
    begun = time.now
    say(store)
    assert time.now - begun >= 0.3  # it waited for the other, until that one was gone
    assert store.load_partition("d").revision == revision + 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_in_a_burst_keeps_the_write_and_the_turn(
    store: EncryptedStore,
    partitions: Turning,
    keys: LocalFileKeyProvider,
    time: Time,
    when: str,
) -> None:
    """Whether the first try took place or not, the same write is there once, and the burst goes on."""
    losing(store, partitions, keys, time)
    say(store)
    revision = store.load_partition("d").revision
    getattr(partitions, when).append(LostAnswer())
    partitions.sent.clear()
    say(store)
    assert partitions.sent[0] == partitions.sent[1]
    partitions.calls.clear()
    say(store)
    assert partitions.calls == ["commit audit#d dialogue#d turn#d"]
    assert store.load_partition("d").revision == revision + 2
