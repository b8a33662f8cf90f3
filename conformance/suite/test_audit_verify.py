"""``verify_chain`` walks every chain and names the first event that is not as it was written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore

from ..running.session import Session, World
from ..targets.base import Backend, RawAccess
from .kit.builders import begin, code_of, populate, shown
from .kit.chain import FIELDS, Chain, Log, by_chain, made
from .kit.chain_faults import FAULTS, KEK, MADE, ChainFault, Laid
from .kit.forge import PUBLISHED_UMK, Forge, Item, derive_kek, kek_key_id
from .kit.helpers import expect_error
from .kit.marks import profile, rules
from .kit.sample import lasting_world

pytestmark = profile("audit")

D = "d"
#: The KEK of another user of the same master key, and its name.
EVE = derive_kek(PUBLISHED_UMK, "eve")
EVES = kek_key_id(EVE, "eve")


def raw_of(backend: Backend) -> RawAccess:
    assert backend.raw is not None, "the profile needs raw access, and the backend gives none"
    return backend.raw


def report_of(store: DialogueStore, dialogue_id: str = D) -> dict[str, Any]:
    """What ``verify_chain`` says, as JSON."""
    return shown(store.verify_chain(dialogue_id))


def without_key(world: World) -> DialogueStore:
    """An auditor who does not hold the key."""
    return world.open(key_file=world.root / "keys" / "not-there.key").store


def write_history(world: World) -> tuple[Backend, Log]:
    """A write chain of 11 events and a read chain of five, two of which are noted by writes."""
    first, second = world.open(), world.open()
    begin(first.store, D, rounds=[1], experts=["anne"])
    second.store.get_rounds(D)
    second.store.create_round(D, 2)
    first.store.create_round(D, 3)
    second.store.get_rounds(D)
    second.store.create_round(D, 4)
    first.store.create_round(D, 5)
    second.store.get_rounds(D)
    return first, Log(raw_of(first), D)


# -- chains as they were written ------------------------------------------------------------------


@rules("AUDIT-05")
def test_good_chains_are_ok(world: World) -> None:
    """With every chain's number of events and its tip; the auditor's own may be among them."""
    _, log = write_history(world)
    chains = log.all()
    report = report_of(world.open().store)
    assert (report["ok"], report["with_key"], report["findings"]) == (True, True, [])
    assert report["unverified"] == []
    expected = {
        name: {
            "events": len(events),
            "tip_sequence": events[-1]["sequence"],
            "tip_hash": events[-1]["event_hash"],
        }
        for name, events in chains.items()
    }
    assert {name: report["chains"].get(name) for name in chains} == expected
    assert {name for name in report["chains"] if name not in chains} <= set(log.new())
    assert [len(events) for events in chains.values()] == [5, 11]


@rules("AUDIT-05")
def test_an_auditor_is_logged_like_everybody(world: World) -> None:
    """On a chain of its own, which the next auditor walks too; nobody's chain is touched."""
    _, log = write_history(world)
    log.new()
    for number in range(3):
        report = report_of(world.open().store)
        assert report["ok"] is True
        assert len(report["chains"]) in (2 + number, 3 + number)
        events = log.added("r")
        assert events[0]["operation"] == "derive"
        assert {event["outcome"] for event in events} == {"success"}


@rules("AUDIT-05")
def test_without_the_key_it_says_so(world: World) -> None:
    write_history(world)
    report = report_of(without_key(world))
    assert (report["ok"], report["with_key"], report["findings"]) == (True, False, [])
    assert report["chains"]["w"]["events"] == 11


@rules("AUDIT-05")
def test_who_was_denied_and_who_had_no_key_are_no_findings(world: World) -> None:
    """Their events are made with another key, or with none, and belong there."""
    write_history(world)
    with expect_error("key_denied"):
        world.open(user_id="eve").store.get_rounds(D)
    with expect_error("umk_missing"):
        without_key(world).get_rounds(D)
    assert report_of(world.open().store)["findings"] == []
    assert report_of(without_key(world))["findings"] == []


def at(report: dict[str, Any]) -> list[tuple[str, int]]:
    """Where a report found something."""
    assert report["ok"] is (not report["findings"])
    return [(f["chain"], f["sequence"]) for f in report["findings"]]


@rules("AUDIT-05", "ENV-08")
def test_another_users_dialogue_is_a_finding(world: World) -> None:
    """Whether the key is used is the auditor's choice, and never what is stored. The dialogue's own user
    sees the other's try as what it is: nothing that can be proved or refuted with this key."""
    write_history(world)
    report = report_of(world.open(user_id="eve").store)
    assert report["with_key"] is True
    assert at(report) == [("w", 1)]
    own = report_of(world.open().store)
    assert (own["ok"], own["findings"]) == (True, [])
    assert [entry["key_id"] for entry in own["unverified"]] == [EVES]
    assert own["unverified"][0]["chain"] in own["chains"]


@rules("AUDIT-05", "ENV-08")
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_write_chain_under_another_key_is_found(world: World, warm: bool) -> None:
    """Overwritten whole, linked and signed, the wrapped key under that name too: the key is used all the
    same."""
    backend, log = write_history(world)
    raw = raw_of(backend)
    auditor = world.open().store
    if warm:
        auditor.get_rounds(D)
        assert report_of(auditor)["ok"] is True
    before: Item | None = None
    for event in log.writes():
        fields = {n: v for n, v in event.items() if n in FIELDS and n not in MADE}
        if fields["key_id"].startswith("kek#"):
            fields["key_id"] = EVES
        before = made(EVE, fields, after=before)
        raw.put(dict(before))
    report = report_of(auditor)
    assert report["with_key"] is True
    assert ("w", 1) in at(report)
    wrapped = raw.get(f"dialogue#{D}", "dek#1")
    assert wrapped is not None, "there is no wrapped key"
    raw.put({**wrapped, "key_id": EVES})
    report = report_of(auditor)
    assert report["with_key"] is True
    assert ("w", 1) in at(report)


@rules("AUDIT-05", "ENV-08")
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_wrapped_key_under_another_key_is_one_finding(world: World, warm: bool) -> None:
    backend, _ = write_history(world)
    raw = raw_of(backend)
    auditor = world.open().store
    if warm:
        assert report_of(auditor)["ok"] is True
    wrapped = raw.get(f"dialogue#{D}", "dek#1")
    assert wrapped is not None, "there is no wrapped key"
    raw.put({**wrapped, "key_id": EVES})
    report = report_of(auditor)
    assert report["with_key"] is True
    assert at(report) == [("w", 0)]


#: What somebody with another KEK may leave on a read chain, and what not: (operation, outcome, key_id).
_DERIVED = ("derive", "success", EVES)
_TRIES: dict[str, list[tuple[str, str, str | None]]] = {
    "derived": [_DERIVED],
    "derived and denied": [_DERIVED, ("unwrap", "denied", EVES)],
    "derived and failed": [_DERIVED, ("unwrap", "failure", EVES)],
    "a create that lost": [_DERIVED, ("wrap", "success", EVES)],
    "no key at first": [("derive", "denied", None), _DERIVED],
}
_NO_TRIES: dict[str, list[tuple[str, str, str | None]]] = {
    "unwrapped": [_DERIVED, ("unwrap", "success", EVES)],
    "decrypted": [_DERIVED, ("decrypt", "success", f"dek#{D}#1")],
    "decrypted in vain": [_DERIVED, ("decrypt", "failure", f"dek#{D}#1")],
    "encrypted": [_DERIVED, ("encrypt", "failure", f"dek#{D}#1")],
    "two other keys": [_DERIVED, ("derive", "success", f"kek#{'0' * 16}#{'1' * 16}")],
}


def lay_try(raw: RawAccess, steps: list[tuple[str, str, str | None]]) -> str:
    """Put a read chain of these steps, made with another KEK, and give its name."""
    chain, before = f"r#{'c3' * 8}", None
    for operation, outcome, key_id in steps:
        fields = {"dialogue_id": D, "operation": operation, "outcome": outcome, "key_id": key_id}
        before = made(EVE if key_id else None, fields, after=before, chain=chain)
        raw.put(dict(before))
    return chain


@rules("AUDIT-05")
@pytest.mark.parametrize("name", sorted(_TRIES))
def test_what_a_strangers_try_leaves_is_unverified(world: World, name: str) -> None:
    """No finding, for it can be neither proved nor refuted; but it is shown. Without the key nothing is
    told apart."""
    backend, _ = write_history(world)
    chain = lay_try(raw_of(backend), _TRIES[name])
    report = report_of(world.open().store)
    assert at(report) == []
    entry = {"chain": chain, "events": len(_TRIES[name]), "key_id": EVES}
    assert report["unverified"] == [entry]
    assert report_of(without_key(world))["unverified"] == []


@rules("AUDIT-05")
@pytest.mark.parametrize("name", sorted(_NO_TRIES))
def test_more_than_a_strangers_try_is_a_finding(world: World, name: str) -> None:
    backend, _ = write_history(world)
    chain = lay_try(raw_of(backend), _NO_TRIES[name])
    report = report_of(world.open().store)
    assert at(report) == [(chain, 2)]
    assert report["unverified"] == []


@rules("AUDIT-05")
def test_a_read_chain_replaced_by_a_strangers_is_found_by_a_note(world: World) -> None:
    """A read chain that writes have noted cannot be passed off as somebody else's try."""
    backend, log = write_history(world)
    raw, (first, *rest) = raw_of(backend), log.reads()
    for event in rest:
        raw.delete(event["pk"], event["sk"])
    fields = {"dialogue_id": D, "operation": "derive", "key_id": EVES}
    raw.put(dict(made(EVE, fields, chain=first["chain"])))
    assert [chain for chain, _ in at(report_of(world.open().store))] == [first["chain"]]


@rules("AUDIT-05")
def test_a_long_history_of_many_writes_is_ok(world: World) -> None:
    backend = world.open()
    populate(backend.store, D)
    report = report_of(world.open().store)
    assert (report["ok"], report["with_key"]) == (True, True)
    assert report["chains"]["w"]["events"] == len(Log(raw_of(backend), D).writes()) > 40


@rules("AUDIT-05")
def test_a_dialogue_that_is_not_there_is_not_found(world: World) -> None:
    store = world.open().store
    begin(store, D)
    with expect_error("dialogue_not_found"):
        store.verify_chain("nowhere")
    with expect_error("invalid_identifier"):
        store.verify_chain("no where")
    assert report_of(store)["ok"] is True


@rules("AUDIT-05")
def test_a_writer_at_work_is_no_finding(world: World, budget: str) -> None:
    """What commits during the walk is not taken for too much, nor what was read before for too
    little."""
    backend = world.open(deadline_s=30.0)
    begin(backend.store, D, rounds=[1], experts=["anne"])
    auditor = world.open(deadline_s=30.0).store
    done = threading.Event()
    failed: list[str | None] = []

    def write() -> None:
        score = 0
        while not done.is_set():
            score += 1
            failed.append(
                code_of(lambda s=score: backend.store.update_expert_score(D, "anne", 1, s))  # type: ignore[misc]
            )

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        walks = {"quick": 10, "ordinary": 15, "nightly": 100}[budget]
        findings = [report_of(auditor)["findings"] for _ in range(walks)]
    finally:
        done.set()
        writer.join(timeout=50)
    assert [found for found in findings if found] == []
    assert set(failed) == {None}


@rules("AUDIT-05")
def test_many_events_are_walked_to_the_end(world: World, budget: str) -> None:
    """More than an engine gives at once; a change in the very last is found."""
    backend, log = write_history(world)
    raw = raw_of(backend)
    read = log.reads()
    count = {"quick": 200, "ordinary": 2000, "nightly": 50_000}[budget]
    last = read[-1]
    common = {"dialogue_id": D, "operation": "decrypt", "key_id": f"dek#{D}#1"}
    for _ in range(count):
        last = made(KEK, common, after=last, chain=last["chain"])
        raw.put(dict(last))
    report = report_of(world.open().store)
    assert (report["ok"], report["findings"]) == (True, [])
    assert report["chains"][last["chain"]]["events"] == len(read) + count
    raw.put({**last, "count": 2})
    found = report_of(world.open().store)["findings"]
    assert [(f["chain"], f["sequence"]) for f in found] == [(last["chain"], last["sequence"])]


# -- chains with one thing wrong ------------------------------------------------------------------


class Bench:
    """A history written once in a run; each case lays out its own events and puts them back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._backend: Backend | None = None
        self._chains: dict[str, Chain] = {}
        self._other: Chain = []
        self._head: Item = {}

    def laid(self) -> Laid:
        """The events as they were written."""
        if self._backend is None:
            backend, log = write_history(self.world)
            begin(backend.store, "e", rounds=[1, 2, 3])
            self._other = Log(raw_of(backend), "e").writes()
            self._chains = {"w": log.writes(), "r": log.reads()}
            head = raw_of(backend).get(f"dialogue#{D}", "head")
            assert head is not None, "there is no head"
            self._head, self._backend = dict(head), backend
        return Laid.of(self._chains["w"], self._chains["r"], self._other)

    def verified(self, laid: Laid, *, twice: bool = True) -> list[dict[str, Any]]:
        """What an auditor with the key says of these events, and what one without it says."""
        assert self._backend is not None, "the history comes first"
        raw = raw_of(self._backend)
        try:
            self._lay(raw, laid.events)
            if laid.audit_head is not None:
                made_again = Forge.of(raw, D)
                made_again.remake_head(audit_head=laid.audit_head)
                raw.put(dict(made_again.items["head"]))
            with self.world.open().store as auditor:
                reports = [report_of(auditor)]
            if twice:
                self._lay(raw, laid.events)  # without the first auditor's own events
                with without_key(self.world) as auditor:
                    reports.append(report_of(auditor))
            return reports
        finally:
            self._lay(raw, {event["sk"]: event for c in self._chains.values() for event in c})
            if laid.audit_head is not None:
                raw.put(dict(self._head))

    def _lay(self, raw: RawAccess, events: dict[str, Item]) -> None:
        there = {e["sk"]: e for c in Log(raw, D).all().values() for e in c}
        for sk in there.keys() - events.keys():
            raw.delete(f"audit#{D}", sk)
        for sk, event in events.items():
            if there.get(sk) != event or type(event.get("revision")) is bool:
                raw.put(dict(event))


@pytest.fixture(scope="session")
def bench(session: Session) -> Iterator[Bench]:
    with lasting_world(session) as world:
        yield Bench(world)


def named(report: dict[str, Any], r: str) -> list[tuple[str, int]]:
    """The findings in their order as (chain, sequence), the read chain's name as ``r``."""
    assert report["ok"] is (not report["findings"])
    found = [(f["chain"], f["sequence"]) for f in report["findings"]]
    return [("r" if chain == r else chain, sequence) for chain, sequence in found]


@rules("AUDIT-05")
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_change_is_found_where_it_is(bench: Bench, fault: ChainFault, budget: str) -> None:
    """Named first is the event that fails; nothing is said about the other chain. In a quick run
    the key is done without only where that makes a difference."""
    laid = bench.laid()
    (r,) = by_chain(laid.r)
    fault.apply(laid)
    reports = bench.verified(laid, twice=budget != "quick" or fault.without != fault.named)
    assert [report["with_key"] for report in reports] == [True, False][: len(reports)]
    for report, expected in zip(reports, (fault.named, fault.without), strict=False):
        if expected is not None:
            found = named(report, r)
            assert found[:1] == [at for at in expected if at in found[:1]], found
            assert bool(found) == bool(expected), found
            assert {chain for chain, _ in found} <= {chain for chain, _ in expected}


@rules("AUDIT-05")
@pytest.mark.parametrize(
    "sk",
    ["w#12", "w#0000000000012", "w#000000000000", "w#00000000000x", "w", "x#000000000001",
     "r#0123#000000000001", "r#0123456789ABCDEF#000000000001", "W#000000000012"],
)  # fmt: skip
def test_an_event_under_another_kind_of_key_is_foreign(bench: Bench, sk: str) -> None:
    laid = bench.laid()
    laid.put(laid.w[-1], sk)
    for report in bench.verified(laid):
        assert at(report) == [(sk, 0)]


@rules("AUDIT-05")
def test_a_chain_of_events_made_up_is_foreign(bench: Bench) -> None:
    """A whole read chain, linked and hashed, that says somebody has opened what nobody has."""
    laid = bench.laid()
    last: Item | None = None
    for _ in range(3):
        fields = {"dialogue_id": D, "operation": "decrypt", "key_id": f"dek#{D}#1", "revision": 3}
        last = made(None, fields, after=last, chain="r#0123456789abcdef")
        laid.put(last)
    (with_key,) = bench.verified(laid, twice=False)
    found = [(f["chain"], f["sequence"]) for f in with_key["findings"]]
    assert found == [("r#0123456789abcdef", 1)]


@rules("AUDIT-05")
def test_faults_of_several_chains_are_all_named(bench: Bench) -> None:
    laid = bench.laid()
    (r,) = by_chain(laid.r)
    laid.put({**laid.w[7], "principal": "mallory"})
    laid.put({**laid.r[1], "principal": "mallory"})
    for report in bench.verified(laid):
        assert named(report, r) == [("r", 2), ("w", 8)]


@rules("AUDIT-05")
def test_the_untouched_chains_are_ok(bench: Bench) -> None:
    """The negative control, after all the others."""
    for report in bench.verified(bench.laid()):
        assert (report["ok"], report["findings"]) == (True, [])
