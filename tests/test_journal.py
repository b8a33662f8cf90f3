"""Rounds that need a journal (HEAD-07): whole or absent for every reader wherever the writer stops.

In memory every call of the partition store is a place to stop, to lose an answer or to let another writer
in; the memory store is told that it takes only so many actions. On DynamoDB Local the writer is a process of
its own that is killed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance.running.session import World
from conformance.suite.kit.builders import KINDS, as_json, partition, register
from conformance.suite.kit.rounds import Looking, harbour, many, state_of, write
from conformance.targets.base import RawAccess, Target
from conformance.targets.engines.choose import Engine
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import LostAnswer, Put
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store import journal
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.journal import Journal, journal_key
from reference_impl.testing import open_store
from tests.stopping_store import StoppingPartitionStore

HERE = Path(__file__).parent
PK = "dialogue#tides"
CLAIM = KINDS["claim"]

#: What the memory store is told of an engine: few actions and small parts, or DynamoDB's own limits.
SMALL = {"max_actions": 8, "part_bytes": 2048}
FULL = {"max_actions": 100, "part_bytes": 350 * 1024}


class Stopped(BaseException):
    """The writer ends here, like a process that is killed."""


@dataclass
class Storage:
    """A dialogue in memory, and as many stores over it as are asked for."""

    key_file: Path
    limits: dict[str, int]
    count: int
    items: MemoryPartitionStore = field(default_factory=MemoryPartitionStore)

    def __post_init__(self) -> None:
        self.items.max_actions = self.limits["max_actions"]

    def open(self, step: Callable[[int, str], None] = lambda number, name: None) -> EncryptedStore:
        """A store of its own; ``step`` is told of each call that it makes."""
        partitions = StoppingPartitionStore(self.items, step)
        return open_store(partitions, LocalFileKeyProvider(self.key_file))

    def copy(self) -> Storage:
        """The same items once more, for a test to ruin."""
        other = Storage(self.key_file, self.limits, self.count)
        for part in ("dialogue", "audit", "journal"):
            for item in self.items.query(f"{part}#tides"):
                other.items.commit([Put(item)], token="t")
        return other

    def journal(self) -> list[Item]:
        return self.items.query(journal_key("tides"))

    def head(self) -> Item:
        head = self.items.get(PK, "head")
        assert head is not None
        return head

    def everything(self) -> dict[str, list[Item]]:
        """All items but the events of reads, which every look adds to."""
        return {
            part: self.items.query(f"{part}#tides", prefix="w#" if part == "audit" else "")
            for part in ("dialogue", "audit", "journal")
        }

    def calls(self) -> list[str]:
        """What a writer asks that nobody disturbs."""
        other = self.copy().open()
        write(other, **many(self.count))
        found: list[str] = other.partitions.calls  # type: ignore[attr-defined]
        return found

    def stopped_after(self, number: int) -> None:
        """A new store writes the round, and is gone after so many calls."""

        def step(at: int, name: str) -> None:
            if at == number:
                raise Stopped

        with pytest.raises(Stopped):
            write(self.open(step), **many(self.count))

    def stopped_when(self, begins: str) -> Storage:
        """A copy in which a writer was gone right after its first call of that name."""
        calls = self.calls()
        other = self.copy()
        other.stopped_after(1 + next(n for n, name in enumerate(calls) if name.startswith(begins)))
        return other


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    path = tmp_path / "umk.key"
    path.touch(mode=0o600)
    path.write_bytes(bytes(range(32)))
    return path


def storage_of(key_file: Path, limits: dict[str, int], count: int) -> Storage:
    storage = Storage(key_file, limits, count)
    harbour(storage.open())
    return storage


@pytest.fixture
def small(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """Two of everything, through an engine that takes very little."""
    monkeypatch.setattr(journal, "PART_BYTES", SMALL["part_bytes"])
    return storage_of(key_file, SMALL, 2)


@pytest.fixture
def full(key_file: Path) -> Storage:
    """Ninety-nine of everything, through an engine with DynamoDB's limits."""
    return storage_of(key_file, FULL, 99)


@pytest.fixture(params=["small", "full"])
def storage(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found


def sizes(store: EncryptedStore) -> int:
    """How many of the round's perspectives are there."""
    return len(partition(store, "tides")["perspectives"]) - 1


def is_sound(storage: Storage) -> None:
    """No journal is left, and neither items nor chains have anything wrong."""
    store = storage.open()
    assert storage.journal() == []
    assert "pending" not in storage.head()
    assert store.verify_partition("tides") == []
    assert store.verify_chain("tides").ok


# -- what the steps are ----------------------------------------------------------------------------

#: Everything that a fresh writer asks of an engine of eight actions for two of everything.
STEPS = (
    "last audit",
    "query dialogue",
    "query journal",
    "commit 3 parts",
    "commit 1 parts, 4 events, head with pending",
    "commit 7 items, check",
    "commit 7 items, check",
    "commit 2 items, check",
    "commit head",
    "commit 4 deletions",
)
COMMITTED = STEPS[4]


def test_the_steps_of_a_write_through_a_journal(small: Storage) -> None:
    """The events and the head go with the last parts, and the items come after them."""
    assert small.calls() == list(STEPS)


def test_a_full_round_takes_few_calls(full: Storage) -> None:
    """ "99 of everything: 695 items in eight transactions of puts."""
    calls = full.calls()
    assert sum(name.endswith("items, check") for name in calls) == 8
    assert len(calls) == 14


def test_what_fits_takes_no_journal(small: Storage) -> None:
    store = small.open()
    store.create_round("tides", 5)
    register(store, CLAIM, "tides", 0)
    calls: list[str] = store.partitions.calls  # type: ignore[attr-defined]
    assert [name for name in calls if "part" in name or "pending" in name] == []


# -- the writer stops ------------------------------------------------------------------------------


def test_wherever_the_writer_stops_all_is_there_or_nothing(storage: Storage) -> None:
    """The next writer goes on from there and leaves nothing behind."""
    before = partition(storage.open(), "tides")
    calls = storage.calls()
    committed = 1 + next(n for n, name in enumerate(calls) if name.endswith("head with pending"))
    for number in range(1, len(calls) + 1):
        here = storage.copy()
        here.stopped_after(number)
        expected = storage.count if number >= committed else 0
        reader = here.open()
        whole = partition(reader, "tides")
        assert (number, sizes(reader)) == (number, expected)
        assert whole["revision"] == before["revision"] + bool(expected)
        assert expected or whole == before
        assert reader.verify_partition("tides") == []
        assert reader.verify_chain("tides").ok
        writer = here.open()
        claim = register(writer, CLAIM, "tides", 0)
        assert claim.display_id == "C0002"
        is_sound(here)
        after = partition(here.open(), "tides")
        assert after["revision"] == whole["revision"] + 1
        assert {**after, "claims": [], "revision": 0} == {**whole, "claims": [], "revision": 0}


def test_a_reader_with_a_cache_sees_a_pending_round_too(small: Storage) -> None:
    reader = small.open()
    before = state_of(reader)
    small.stopped_after(STEPS.index(COMMITTED) + 1)
    after = state_of(reader)
    assert after[0] == before[0] + 1
    assert sizes(reader) == 2


def test_reads_roll_nothing_forward(small: Storage) -> None:
    here = small.stopped_when(COMMITTED)
    before = here.everything()
    reader = here.open()
    assert state_of(reader) == state_of(here.open())
    assert len(reader.get_tensions("tides")) == 3
    assert reader.next_seq("tides", 1, "tension") == 3
    assert reader.verify_partition("tides") == []
    assert here.everything() == before


def test_the_writer_that_stopped_may_go_on_itself(small: Storage) -> None:
    """As when the engine was away for a moment: the store that wrote it rolls its own journal forward."""
    away = {"from": 0}

    def step(number: int, name: str) -> None:
        if name.endswith("head with pending"):
            away["from"] = number
        if away["from"] and number == away["from"] + 1:
            raise LostAnswer

    store = small.open(step)
    write(store, **many(2))
    assert small.head()["pending"]
    register(store, CLAIM, "tides", 0)
    assert sizes(store) == 2
    is_sound(small)


def test_a_lost_answer_is_no_second_round(storage: Storage) -> None:
    """Each commit in turn was done, and the answer to it is lost (ERR-04)."""
    before = partition(storage.open(), "tides")["revision"]
    calls = storage.calls()
    commits = [n for n, name in enumerate(calls, start=1) if name.startswith("commit")]
    for number in commits:
        here = storage.copy()

        def step(at: int, name: str, number: int = number) -> None:
            if at == number:
                raise LostAnswer

        made = write(here.open(step), **many(storage.count))
        assert (number, made.revision) == (number, before + 1)
        register(here.open(), CLAIM, "tides", 0)
        assert sizes(here.open()) == storage.count
        assert partition(here.open(), "tides")["revision"] == before + 2
        is_sound(here)


# -- others are in the way -------------------------------------------------------------------------


def test_another_writer_may_come_between_any_two_calls(storage: Storage) -> None:
    """Both get through, one after the other, and nothing is left behind."""
    before = partition(storage.open(), "tides")["revision"]
    for number in range(1, len(storage.calls()) + 1):
        here = storage.copy()

        def step(at: int, name: str, number: int = number, here: Storage = here) -> None:
            if at == number:
                register(here.open(), CLAIM, "tides", 0)

        made = write(here.open(step), **many(storage.count))
        after = partition(here.open(), "tides")
        assert (number, after["revision"]) == (number, before + 2)
        assert made.revision in (before + 1, before + 2)
        assert sizes(here.open()) == storage.count
        assert [claim["display_id"] for claim in after["claims"]] == ["C0001", "C0002"]
        register(here.open(), CLAIM, "tides", 0)
        is_sound(here)


def test_another_whole_round_may_come_between_any_two_calls(small: Storage) -> None:
    """Two journals at once: one of them is begun anew."""
    before = partition(small.open(), "tides")["revision"]
    for number in range(1, len(STEPS) + 1):
        here = small.copy()

        def step(at: int, name: str, number: int = number, here: Storage = here) -> None:
            if at == number:
                write(here.open(), **{**many(2), "round": 2})

        write(here.open(step), **many(2))
        after = partition(here.open(), "tides")
        assert (number, after["revision"]) == (number, before + 2)
        assert [one["display_id"] for one in after["tensions"]] == [
            *("T0001", "T0101", "T0102", "T0201", "T0202")
        ]
        register(here.open(), CLAIM, "tides", 0)
        is_sound(here)


def test_a_late_roll_forward_changes_nothing(small: Storage) -> None:
    """Somebody who read the journal before others went on."""
    here = small.stopped_when(COMMITTED)
    head, parts = here.head(), here.journal()
    late = Journal(
        str(head["pending"]),
        journal._unpacked("tides", parts, str(head["pending"])),
        parts,
    )
    store = here.open()
    store.update_tension_status("tides", "T0101", "resolved", ["judge"], 1)
    store.update_expert_score("tides", "muffin", 1, 9)
    after = here.everything()
    late.put_in_place(here.items, head, lambda: "late")
    assert here.everything() == after
    is_sound(here)


def test_two_roll_it_forward_at_once(small: Storage) -> None:
    """The one is in the midst of it when the other does it all, at each of its calls."""
    pending = small.stopped_when(COMMITTED)
    alone = pending.copy()
    one = alone.open()
    register(one, CLAIM, "tides", 0)
    calls: list[str] = one.partitions.calls  # type: ignore[attr-defined]
    for number in range(1, len(calls) + 1):
        here = pending.copy()

        def step(at: int, name: str, number: int = number, here: Storage = here) -> None:
            if at == number:
                here.open().record_convergence_signal("tides", 0, "muffin")

        register(here.open(step), CLAIM, "tides", 0)
        after = partition(here.open(), "tides")
        assert (number, len(after["signals"]), len(after["claims"])) == (number, 1, 2)
        assert sizes(here.open()) == 2
        is_sound(here)


# -- journals that no head names -------------------------------------------------------------------


def test_parts_that_were_never_committed_are_swept(small: Storage) -> None:
    here = small.stopped_when("commit 3 parts")
    assert len(here.journal()) == 3
    assert partition(here.open(), "tides") == partition(small.open(), "tides")
    with pytest.raises(DialogueStoreError, match="round_not_found"):
        register(here.open(), CLAIM, "tides", 9)
    assert len(here.journal()) == 3
    register(here.open(), CLAIM, "tides", 0)
    is_sound(here)


def test_the_parts_of_a_writer_at_work_may_be_swept(small: Storage) -> None:
    """It cannot commit them any more, for the head has moved on: it begins anew."""
    left: list[int] = []

    def step(number: int, name: str) -> None:
        if name == "commit 3 parts" and not left:
            register(small.open(), CLAIM, "tides", 0)
            left.append(len(small.journal()))

    write(small.open(step), **many(2))
    assert left == [0]
    assert sizes(small.open()) == 2
    is_sound(small)


# -- somebody changes it ---------------------------------------------------------------------------


def code_of_read(storage: Storage) -> str | None:
    """What a read of the whole ends with; no other answer than one error for reads and writes."""
    attempts: list[Callable[[EncryptedStore], object]] = [
        lambda store: store.load_partition("tides"),
        lambda store: store.get_dialogue("tides"),
        lambda store: register(store, CLAIM, "tides", 0),
        lambda store: write(store, **{**many(1), "round": 3}),
    ]
    codes: set[str | None] = set()
    for attempt in attempts:
        try:
            attempt(storage.open())
            codes.add(None)
        except DialogueStoreError as refused:
            codes.add(refused.code)
    (code,) = codes
    return code


def set_pending(storage: Storage, token: str | None) -> None:
    head = {name: value for name, value in storage.head().items() if name != "pending"}
    if token is not None:
        head["pending"] = token
    storage.items.commit([Put(head)], token="t")


@pytest.mark.parametrize("after", STEPS[4:7])
def test_pending_removed_too_early(small: Storage, after: str) -> None:
    here = small.stopped_when(after)
    set_pending(here, None)
    before = here.everything()
    assert code_of_read(here) == "integrity_error"
    assert here.open().verify_partition("tides") != []
    assert here.everything() == before


def test_pending_set_to_a_journal_that_is_done(small: Storage) -> None:
    """Somebody kept its parts, puts them back and names them: it would undo what came since."""
    here = small.stopped_when(COMMITTED)
    token, parts = str(here.head()["pending"]), here.journal()
    here.open().update_tension_status("tides", "T0101", "resolved", ["judge"], 1)
    is_sound(here)
    for part in parts:
        here.items.commit([Put(part)], token="t")
    set_pending(here, token)
    before = here.everything()
    assert code_of_read(here) == "integrity_error"
    assert here.everything() == before


def test_pending_set_to_nothing_only_costs_a_step(small: Storage) -> None:
    """It needs no key and changes no item: the sum says that all is there (HEAD-01)."""
    before = partition(small.open(), "tides")
    set_pending(small, "0" * 32)
    assert partition(small.open(), "tides") == before
    register(small.open(), CLAIM, "tides", 0)
    is_sound(small)


def _flip(parts: list[Item]) -> list[Item]:
    data = bytearray(bytes(parts[2]["items"]))  # type: ignore[arg-type]
    data[len(data) // 2] ^= 1
    return [*parts[:2], {**parts[2], "items": bytes(data)}, *parts[3:]]


def _renamed(parts: list[Item]) -> list[Item]:
    """The first two in the other order."""
    first, second, *others = parts
    return [
        {**first, "items": second["items"]},
        {**second, "items": first["items"]},
        *others,
    ]


def _remade(change: Callable[[list[Any]], object]) -> Callable[[list[Item]], list[Item]]:
    """The journal, well formed, with another list of items."""

    def remake(parts: list[Item]) -> list[Item]:
        items = json.loads(b"".join(bytes(part["items"]) for part in parts))  # type: ignore[arg-type]
        change(items)
        return [{**parts[0], "items": json.dumps(items, separators=(",", ":")).encode()}]

    return remake


def _older_perspective(items: list[Any]) -> None:
    """A ref in clear, of which no envelope tells anything."""
    (ref, *_) = [item for item in items if item["sk"].startswith("ref#")]
    ref["target_type"] = "P"


FORGERIES: dict[str, Callable[[list[Item]], list[Item]]] = {
    "a bit in a part": _flip,
    "a part that is gone": lambda parts: parts[:-1],
    "the first part gone": lambda parts: parts[1:],
    "all parts gone": lambda parts: [],
    "two parts exchanged": _renamed,
    "a part more": lambda parts: [*parts, {**parts[0], "sk": str(parts[0]["sk"])[:-1] + "9"}],
    "no list": lambda parts: [{**parts[0], "items": b"{}"}],
    "an item less": _remade(lambda items: items.pop()),
    "an item twice": _remade(
        lambda items: items.append({**items[0], "sk": "ref#P0001#oppose#T0001"})
    ),
    "a ref changed": _remade(_older_perspective),
    "a sealed item changed": _remade(
        lambda items: items[0].update(updated_at="2020-01-01T00:00:00.000000Z")
    ),
    "another dialogue's item": _remade(lambda items: items[0].update(pk="dialogue#ebb")),
    "a head": _remade(lambda items: items[0].update(sk="head")),
    "a wrapped key": _remade(lambda items: items[0].update(sk="dek#1")),
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("after", [COMMITTED, STEPS[5]], ids=["committed", "half in place"])
def test_a_changed_journal_is_found(small: Storage, name: str, after: str) -> None:
    """By every reader and writer, and nothing of it is put in place."""
    here = small.stopped_when(after)
    assert sizes(here.open()) == 2
    changed = FORGERIES[name](here.journal())
    ruined = Storage(here.key_file, here.limits, here.count)
    for item in [*here.items.query(PK), *here.items.query("audit#tides"), *changed]:
        ruined.items.commit([Put(item)], token="t")
    before = ruined.everything()
    assert code_of_read(ruined) == "integrity_error"
    assert ruined.open().verify_partition("tides") != []
    assert ruined.everything() == before


# -- DynamoDB Local, and a process that is killed --------------------------------------------------


@dataclass
class Table:
    """A dialogue in DynamoDB Local that another process writes to."""

    world: World
    store: EncryptedStore
    raw: RawAccess
    given: dict[str, Any]

    def run(self, kill_after: int | None = None, **limits: int) -> subprocess.CompletedProcess[str]:
        """The process, at its end."""
        given = {**self.given, **limits, "kill_after": kill_after}
        return subprocess.run(
            [sys.executable, "-m", "tests.journal_writer", json.dumps(given)],
            cwd=HERE.parent,
            text=True,
            stdout=subprocess.PIPE,
            timeout=120,
            check=False,
        )

    def journal(self) -> list[Item]:
        return self.raw.scan("tides", part="journal")  # type: ignore[call-arg]


@pytest.fixture
def table(dynamodb_target: Target, local_engine: Engine, tmp_path: Path) -> Iterator[Table]:
    world = World(dynamodb_target, tmp_path)
    backend = world.open()
    store, raw = backend.store, backend.raw
    assert isinstance(store, EncryptedStore)
    assert raw is not None
    assert isinstance(store.partitions, DynamoPartitionStore)
    harbour(store)
    given = {
        "table": store.partitions.table_name,
        "client": local_engine.client_kwargs(),
        "key_file": str(world.key_file),
    }
    yield Table(world, store, raw, given)
    world.close_all()


def comes_through(table: Table, before: dict[str, Any], expected: int) -> None:
    """All or nothing for a reader that was there and a new one, and the next writer tidies up."""
    for reader in (table.store, table.world.open().store):
        whole = partition(reader, "tides")
        assert len(whole["perspectives"]) - 1 == len(whole["refs"]) == expected
        assert whole["revision"] == before["revision"] + bool(expected)
        assert expected or as_json(whole) == as_json(before)
    register(table.world.open().store, CLAIM, "tides", 0)
    after = table.world.open().store
    assert len(partition(after, "tides")["perspectives"]) - 1 == expected
    assert table.journal() == []
    head = table.raw.get(PK, "head")
    assert head is not None
    assert "pending" not in head
    assert after.verify_partition("tides") == []
    assert after.verify_chain("tides").ok


@pytest.mark.integration
@pytest.mark.parametrize("number", range(len(STEPS) + 1), ids=["nothing", *STEPS])
def test_the_process_is_killed_after_each_call(table: Table, number: int) -> None:
    """Two of everything in transactions of eight actions: two for the journal, three for its items."""
    before = partition(table.store, "tides")
    ended = table.run(number, count=2, **SMALL)
    assert ended.returncode == -signal.SIGKILL
    expected = 2 if number > STEPS.index(COMMITTED) else 0
    comes_through(table, before, expected)


@pytest.mark.integration
def test_the_process_makes_these_calls(table: Table) -> None:
    """So that the test above has killed it after each of them."""
    ended = table.run(count=2, **SMALL)
    assert (ended.returncode, json.loads(ended.stdout)) == (0, list(STEPS))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("number", "expected"),
    [(3, 0), (4, 99), (9, 99), (13, 99)],
    ids=["before the commit", "after the commit", "half in place", "before the journal goes"],
)
def test_the_process_is_killed_in_a_full_round(table: Table, number: int, expected: int) -> None:
    """Ninety-nine of everything, while somebody reads."""
    before = partition(table.store, "tides")
    looking = Looking(table.world.open().store)
    looking.start()
    try:
        assert looking.has_begun.wait(30)
        ended = table.run(number, count=99, **FULL)
    finally:
        looking.enough.set()
        looking.join(60)
    assert ended.returncode == -signal.SIGKILL
    assert (looking.failure, looking.is_alive()) == (None, False)
    states = {
        (revision, counts["perspectives"], counts["refs"]) for revision, counts in looking.seen
    }
    there = (before["revision"] + 1, 100, 99)
    assert states <= {(before["revision"], 1, 0), there}
    assert (there in states) == bool(expected)
    comes_through(table, before, expected)


@pytest.mark.integration
def test_a_reader_sees_a_full_round_whole_or_not_at_all(table: Table) -> None:
    """99 perspectives, 99 tensions, 99 recommendations and 99 refs, while a reader looks on."""
    looking = Looking(table.world.open().store)
    looking.start()
    try:
        assert looking.has_begun.wait(30)
        made = write(table.store, **many(99))
    finally:
        looking.enough.set()
        looking.join(60)
    assert (looking.failure, looking.is_alive()) == (None, False)
    before, after = looking.seen[0], looking.seen[-1]
    assert [state for state in looking.seen if state not in (before, after)] == []
    assert (before[0], after[0]) == (made.revision - 1, made.revision)
    kinds = ("perspectives", "tensions", "recommendations", "refs")
    assert [after[1][kind] - before[1][kind] for kind in kinds] == [99, 99, 99, 99]
    assert table.journal() == []
