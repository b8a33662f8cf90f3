"""What an event says: fields, forms, hashes, macs, links, and which operation gives which."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import METHODS

from ..running.session import Session, World
from ..targets.base import Backend, RawAccess
from .kit.builders import begin, call, calls, populate
from .kit.chain import (
    FIELDS,
    OPTIONAL,
    Chain,
    Log,
    event_hash,
    event_mac,
    operations,
    start_of,
    steps,
)
from .kit.forge import PUBLISHED_UMK, Forge, derive_kek, kek_key_id
from .kit.helpers import expect_error
from .kit.marks import profile, rules
from .kit.sample import lasting_world

pytestmark = profile("audit")

D = "d"
PK = f"dialogue#{D}"
HEAD = f"dialogue:{D}/entity:head/head"
DEK_1 = f"dialogue:{D}/entity:dek/1"
KEK = derive_kek(PUBLISHED_UMK, "local")
KEK_ID = kek_key_id(KEK, "local")
DEK_ID = f"dek#{D}#1"

DERIVE = ("derive", "success", KEK_ID, PK, 1)
WRAP = ("wrap", "success", KEK_ID, DEK_1, 1)
UNWRAP = ("unwrap", "success", KEK_ID, DEK_1, 1)

READS = [
    name
    for name, method in METHODS.items()
    if method.kind == "read"
    and method.profile in ("core", "encrypted")
    and [p.name for p in method.params if p.required] == ["dialogue_id"]
]


def encrypt(count: int) -> tuple[str, str, str, str, int]:
    """The event of a write that sealed so many items, its head included."""
    return ("encrypt", "success", DEK_ID, HEAD if count == 1 else PK, count)


def decrypt(count: int, subject: str = PK) -> tuple[str, str, str, str, int]:
    """The event of opening so many items, the head included."""
    return ("decrypt", "success", DEK_ID, subject, count)


def raw_of(backend: Backend) -> RawAccess:
    assert backend.raw is not None, "the profile needs raw access, and the backend gives none"
    return backend.raw


def nonces(raw: RawAccess) -> set[bytes]:
    """The nonces of all sealed items, those of wrapped keys left out."""
    return {
        item["content_nonce"]  # type: ignore[misc]
        for item in raw.scan(D)
        if "content_nonce" in item and not str(item["sk"]).startswith("dek#")
    }


# -- a history with every kind of event -----------------------------------------------------------


class History:
    """One dialogue, written and read by several instances, one of another user, one without a key;
    written once in a run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chains: dict[str, Chain] = {}
        self._failure: str | None = None

    @property
    def chains(self) -> dict[str, Chain]:
        """Every chain of the dialogue."""
        assert self._failure is None, f"the history could not be written: {self._failure}"
        if not self._chains:
            try:
                self._chains = self._written()
            except Exception as failure:
                self._failure = f"{type(failure).__name__}: {failure}"
                raise
        return self._chains

    def _written(self) -> dict[str, Chain]:
        first = self._world.open()
        second = self._world.open()
        log = Log(raw_of(first), D)
        begin(first.store, D, rounds=[1], experts=["muffin"])
        second.store.load_partition(D)
        second.store.register_claim(D, 1, "L", "C", ["muffin"])
        first.store.get_claims(D)
        first.store.register_tension(D, 1, "L", "D", ["muffin"])
        second.store.get_tensions(D)
        second.store.register_ref(D, "T0101", "question", "C0101")
        with expect_error("key_denied"):
            self._world.open(user_id="somebody else").store.load_partition(D)
        with expect_error("umk_missing"):
            missing = self._world.root / "keys" / "missing.key"
            self._world.open(key_file=missing).store.load_partition(D)
        found = log.all()
        assert found, "nothing was logged"
        return found

    @property
    def events(self) -> Chain:
        """All of them, chain by chain."""
        return [event for events in self.chains.values() for event in events]


@pytest.fixture(scope="session")
def history(session: Session) -> Iterator[History]:
    with lasting_world(session) as world:
        yield History(world)


@rules("AUDIT-01")
@pytest.mark.parametrize("field", FIELDS)
def test_every_event_has_every_field_of_its_type(history: History, field: str) -> None:
    """Unset ones are absent, never null; only three may be."""
    values = [event[field] for event in history.events if field in event]
    assert {type(value) for value in values} <= {FIELDS[field]}
    assert field in OPTIONAL or len(values) == len(history.events) > 10
    assert values or field == "note"


@rules("AUDIT-01")
def test_an_event_has_no_other_field(history: History) -> None:
    for event in history.events:
        assert event.keys() <= {"pk", "sk", *FIELDS}


@rules("AUDIT-01")
def test_unset_fields_are_those_that_nothing_can_be_said_of(history: History) -> None:
    """No key_id and no mac where no key could be had, no note but on the write chain."""
    keyless = [e for e in history.events if "key_id" not in e]
    assert [(e["operation"], e["outcome"]) for e in keyless] == [("derive", "failure")]
    assert [e for e in history.events if "mac" not in e] == keyless
    assert {event["chain"] for event in history.events if "note" in event} <= {"w"}


@rules("AUDIT-01")
def test_event_ids_are_uuids_of_version_7_and_unique(history: History) -> None:
    form = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    ids = [event["event_id"] for event in history.events]
    assert [text for text in ids if form.fullmatch(text) is None] == []
    assert len(set(ids)) == len(ids) > 10


@rules("AUDIT-01")
def test_times_and_digests_have_their_one_form(history: History) -> None:
    time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
    for event in history.events:
        assert time.fullmatch(event["timestamp"])
        for name in ("previous_hash", "event_hash", "mac"):
            assert re.fullmatch("[0-9a-f]{64}", event.get(name, "0" * 64)), name


@rules("AUDIT-01")
def test_words_are_those_of_the_contract(history: History) -> None:
    said = {(event["operation"], event["outcome"]) for event in history.events}
    assert said == {
        *(("derive", "success"), ("derive", "failure")),
        *(("wrap", "success"), ("unwrap", "success"), ("unwrap", "denied")),
        *(("encrypt", "success"), ("decrypt", "success")),
    }
    assert {event["dialogue_id"] for event in history.events} == {D}
    principals = {event["principal"] for event in history.events}
    assert principals == {"local", "somebody else"}


@rules("AUDIT-01", "AUDIT-08")
def test_an_event_lies_where_its_chain_and_sequence_say(history: History) -> None:
    for event in history.events:
        assert event["pk"] == f"audit#{D}"
        assert event["sk"] == f"{event['chain']}#{event['sequence']:012d}"


@rules("AUDIT-08")
def test_there_is_one_write_chain_and_one_read_chain_for_each_instance(history: History) -> None:
    names = sorted(history.chains)
    assert names[-1] == "w"
    assert [name for name in names[:-1] if re.fullmatch("r#[0-9a-f]{16}", name) is None] == []
    # both writers, the one of another user and the one without a key have read
    assert len(names) == 5
    assert {e["outcome"] for e in history.chains["w"]} == {"success"}


@rules("AUDIT-02")
def test_the_hash_is_that_of_the_whole_event(history: History) -> None:
    for event in history.events:
        assert event["event_hash"] == event_hash(event)


@rules("AUDIT-02")
def test_the_mac_is_made_with_the_key_of_who_acts(history: History) -> None:
    keks = {user: derive_kek(PUBLISHED_UMK, user) for user in ("local", "somebody else")}
    checked = 0
    for event in history.events:
        if "mac" in event:
            assert event["mac"] == event_mac(keks[event["principal"]], D, event["event_hash"])
            checked += 1
    assert checked >= len(history.events) - 1 > 10


@rules("AUDIT-02", "AUDIT-03")
def test_every_event_names_the_one_before_it(history: History) -> None:
    for name, events in history.chains.items():
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        hashes = [start_of(D, name), *(event["event_hash"] for event in events)]
        assert [event["previous_hash"] for event in events] == hashes[:-1]


@rules("AUDIT-09")
def test_the_revision_never_falls_along_a_chain(history: History) -> None:
    for events in history.chains.values():
        found = [event["revision"] for event in events]
        assert found == sorted(found)
        assert found[-1] > 0


# -- which operation gives which events -----------------------------------------------------------


@rules("AUDIT-01")
def test_a_creation_derives_wraps_and_encrypts(store: DialogueStore, raw: RawAccess) -> None:
    log = Log(raw, D)
    store.create_dialogue(D, "T")
    assert steps(log.added("w")) == [DERIVE, WRAP, encrypt(2)]


@rules("AUDIT-01")
def test_every_write_is_one_event_that_counts_what_it_sealed(
    store: DialogueStore, raw: RawAccess
) -> None:
    """By an instance that knows the partition; the head is counted."""
    log = Log(raw, D)
    populate(store, D)
    before, _ = nonces(raw), log.new()
    for method, args in calls(D).items():
        if METHODS[method].kind == "write":
            call(store, method, args)
            after = nonces(raw)
            assert steps(log.added("w")) == [encrypt(len(after - before))], method
            before = after


@rules("AUDIT-01")
def test_the_first_write_of_an_instance_logs_all_that_it_took(world: World) -> None:
    first = world.open()
    raw = raw_of(first)
    populate(first.store, D)
    log = Log(raw, D)
    log.new()
    there = len(nonces(raw))
    world.open().store.update_expert_score(D, "muffin", 1, 5)
    assert steps(log.added("w")) == [DERIVE, UNWRAP, decrypt(there), encrypt(2)]


@rules("AUDIT-04")
def test_the_events_of_a_write_commit_with_it_in_their_order(world: World) -> None:
    """All on the write chain, the sealing last, under the hash that the new head names: of a
    creation, a second write, a first one of another instance, and one after somebody else's."""
    first, second = world.open(), world.open()
    raw = raw_of(first)
    log = Log(raw, D)
    for write, expected in (
        (lambda: first.store.create_dialogue(D, "T"), ["derive", "wrap", "encrypt"]),
        (lambda: first.store.create_round(D, 1), ["encrypt"]),
        (lambda: second.store.create_round(D, 2), ["derive", "unwrap", "decrypt", "encrypt"]),
        (lambda: second.store.register_claim(D, 2, "L", "C", []), ["encrypt"]),
        (lambda: first.store.create_round(D, 3), ["decrypt", "encrypt"]),
    ):
        write()
        events = log.added("w")
        assert operations(events) == expected
        assert Forge.of(raw, D).payload("head")["audit_head"] == events[-1]["event_hash"]


@rules("AUDIT-09")
def test_the_revision_of_a_write_is_the_one_that_it_makes(world: World) -> None:
    """On every one of its events."""
    first, second = world.open(), world.open()
    log = Log(raw_of(first), D)
    begin(first.store, D, rounds=[1], experts=["anne"])
    second.store.update_expert_score(D, "anne", 1, 1)
    second.store.update_expert_score(D, "anne", 1, 2)
    first.store.update_expert_score(D, "anne", 1, 3)
    found = [(event["operation"], event["revision"]) for event in log.added("w")]
    assert found == [
        *(("derive", 1), ("wrap", 1), ("encrypt", 1), ("encrypt", 2), ("encrypt", 3)),
        *(("derive", 4), ("unwrap", 4), ("decrypt", 4), ("encrypt", 4), ("encrypt", 5)),
        *(("decrypt", 6), ("encrypt", 6)),
    ]


@rules("AUDIT-01")
@pytest.mark.parametrize("method", READS)
def test_a_first_read_derives_unwraps_and_decrypts(world: World, method: str) -> None:
    first = world.open()
    raw = raw_of(first)
    begin(first.store, D, rounds=[1, 2], experts=["anne"])
    log = Log(raw, D)
    log.new()
    getattr(world.open().store, method)(D)
    assert steps(log.added("r")) == [DERIVE, UNWRAP, decrypt(5)]


@rules("AUDIT-01")
def test_what_an_instance_has_opened_or_sealed_is_no_event(world: World) -> None:
    """A second read, and a read of what was written by the same instance."""
    first = world.open()
    populate(first.store, D)
    log = Log(raw_of(first), D)
    second = world.open().store
    second.load_partition(D)
    assert len(log.new()) == 2
    for reader in (first.store, second):
        for method in READS:
            getattr(reader, method)(D)
        reader.next_seq(D, 1, "claim")
        reader.load_partition(D, on_error="collect")
    assert log.new() == {}
    second.register_claim(D, 1, "L", "C", [])
    log.added("w")
    second.get_claims(D)
    assert log.new() == {}


@rules("AUDIT-01")
def test_a_read_after_anothers_write_decrypts_what_is_new(world: World) -> None:
    writer, reader = world.open(), world.open()
    raw = raw_of(writer)
    populate(writer.store, D)
    log = Log(raw, D)
    reader.store.load_partition(D)
    own = log.reads()[0]["chain"]
    before = nonces(raw)
    for method, args in calls(D).items():
        if METHODS[method].kind == "write":
            call(writer.store, method, args)
            log.added("w")
            reader.store.get_dialogue(D)
            events, after = log.added(own), nonces(raw)
            subject = HEAD if len(after - before) == 1 else PK
            assert steps(events) == [decrypt(len(after - before), subject)], method
            before = after


@rules("AUDIT-01")
def test_a_key_derived_for_one_dialogue_is_no_event_in_another(world: World) -> None:
    first = world.open()
    raw = raw_of(first)
    begin(first.store, "other")
    log = Log(raw, D)
    begin(first.store, D)
    assert steps(log.added("w")) == [WRAP, encrypt(2), encrypt(3)]
    reader = world.open().store
    reader.get_rounds("other")
    reader.get_rounds(D)
    assert steps(log.added("r")) == [UNWRAP, decrypt(3)]


@rules("AUDIT-01")
def test_a_repeat_that_writes_nothing_logs_as_a_read_does(world: World) -> None:
    first = world.open()
    begin(first.store, D, rounds=[1])
    for _ in range(2):
        first.store.register_claim(D, 1, "L", "C", [])
    first.store.register_ref(D, "C0101", "depend", "C0102")
    log = Log(raw_of(first), D)
    log.new()
    first.store.register_ref(D, "C0101", "depend", "C0102")
    assert log.new() == {}
    world.open().store.register_ref(D, "C0101", "depend", "C0102")
    assert steps(log.added("r")) == [DERIVE, UNWRAP, decrypt(5)]


@rules("AUDIT-08")
def test_what_is_refused_leaves_no_event_of_a_write(store: DialogueStore, raw: RawAccess) -> None:
    """Asked for what is not there, whoever derives the KEK for it logs that, once and as a read."""
    with expect_error("dialogue_not_found"):
        store.get_rounds(D)
    with expect_error("dialogue_not_found"):
        store.create_round(D, 1)
    with expect_error("invalid_round"):
        store.create_round(D, 100)
    log = Log(raw, D)
    assert "w" not in log.all()
    store.create_dialogue(D, "T")
    with expect_error("duplicate_entity"):
        store.create_dialogue(D, "T")
    with expect_error("round_not_found"):
        store.register_claim(D, 1, "L", "C", [])
    chains = log.all()
    assert operations(chains.get("w", []))[-2:] == ["wrap", "encrypt"]
    assert operations(e for c in chains.values() for e in c).count("derive") == 1


@rules("AUDIT-02")
def test_a_write_notes_how_far_its_instance_has_read(world: World) -> None:
    """The last event of a write carries the tip of its instance's read chain, if that has one."""
    first, second = world.open(), world.open()
    log = Log(raw_of(first), D)
    begin(first.store, D, rounds=[1], experts=["anne"])
    assert [event.get("note") for event in log.added("w")] == [None] * 5
    second.store.get_rounds(D)
    tip = log.added("r")[-1]
    assert tip["sequence"] == 3
    note = f"{tip['chain']} 3 {tip['event_hash']}"
    for number in (2, 3):
        second.store.create_round(D, number)
        assert [event.get("note") for event in log.added("w")] == [note]
    first.store.create_round(D, 4)
    events = log.added("w")  # has written only, and opens what is new together with its own write
    assert [event.get("note") for event in events] == [None, None]
    second.store.get_rounds(D)
    later = log.added("r")[-1]
    assert (later["chain"], later["sequence"]) == (tip["chain"], 4)
    third = world.open()
    third.store.create_round(D, 5)
    assert [event.get("note") for event in log.added("w")] == [None] * 4
    second.store.create_round(D, 6)
    notes = [event.get("note") for event in log.added("w")]
    assert notes == [None, f"{tip['chain']} 4 {later['event_hash']}"]


@rules("AUDIT-01")
def test_the_principal_is_who_uses_the_store(world: World) -> None:
    backend = world.open(user_id="ada@example.org")
    kek = derive_kek(PUBLISHED_UMK, "ada@example.org")
    log = Log(raw_of(backend), D)
    backend.store.create_dialogue(D, "T")
    events = log.added("w")
    assert [event["principal"] for event in events] == ["ada@example.org"] * 3
    assert events[0]["key_id"] == kek_key_id(kek, "ada@example.org")
    assert [e["mac"] for e in events] == [event_mac(kek, D, e["event_hash"]) for e in events]


@rules("AUDIT-01")
def test_an_event_takes_the_clock_as_it_is(world: World) -> None:
    """Where an entity's time is pushed past the head's, the event's is not."""
    backend = world.open()
    log = Log(raw_of(backend), D)
    if backend.set_clock is not None:
        backend.set_clock("2026-02-03T10:15:00.123456Z")
    begin(backend.store, D, rounds=[1])
    written = log.added("w")
    backend.store.create_round(D, 2)
    written += log.added("w")
    times = [event["timestamp"] for event in written]
    if backend.set_clock is not None:
        assert times == ["2026-02-03T10:15:00.123456Z"] * 5
        backend.set_clock("2026-02-03T09:00:00.000789Z")
        backend.store.create_round(D, 3)
        assert log.added("w")[0]["timestamp"] == "2026-02-03T09:00:00.000789Z"
    assert times == sorted(times)


# -- who asked (AUDIT-06) -------------------------------------------------------------------------


class _Context:
    """A span's context as OpenTelemetry's API has it."""

    def __init__(self, trace_id: int, span_id: int) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.is_valid = bool(trace_id and span_id)


class _Span:
    def __init__(self, context: _Context) -> None:
        self._context = context

    def get_span_context(self) -> _Context:
        return self._context


class _Current:
    span = _Span(_Context(0, 0))


_CURRENT = _Current()


def _get_current_span(*_: object) -> _Span:
    """One function for the whole process: a backend that imports it by name keeps it for every case."""
    return _CURRENT.span


@pytest.fixture
def in_span(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int], None]]:
    """Makes a span the current one, in OpenTelemetry's own way; where that is not installed, for as
    much of its API as anybody needs to ask for the current span."""
    try:
        from opentelemetry import context, trace  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        yield _stand_in(monkeypatch)
        return
    entered: list[Any] = []

    def enter(trace_id: int, span_id: int) -> None:
        span = trace.NonRecordingSpan(trace.SpanContext(trace_id, span_id, is_remote=False))
        entered.append(context.attach(trace.set_span_in_context(span)))

    yield enter
    for token in reversed(entered):
        context.detach(token)


def _stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    package: Any = types.ModuleType("opentelemetry")
    package.trace = api = types.ModuleType("opentelemetry.trace")
    monkeypatch.setattr(api, "get_current_span", _get_current_span, raising=False)
    monkeypatch.setattr(_CURRENT, "span", _Span(_Context(0, 0)))
    monkeypatch.setitem(sys.modules, "opentelemetry", package)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", api)
    return lambda trace_id, span_id: setattr(_CURRENT, "span", _Span(_Context(trace_id, span_id)))


TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7


@rules("AUDIT-06")
def test_without_a_span_its_ids_are_zeros(history: History) -> None:
    assert {(e["trace_id"], e["span_id"]) for e in history.events} == {("0" * 32, "0" * 16)}


@rules("AUDIT-06")
def test_a_span_that_is_none_is_zeros_too(
    in_span: Callable[[int, int], None], world: World
) -> None:
    backend = world.open()
    log = Log(raw_of(backend), D)
    in_span(0, SPAN_ID)
    backend.store.create_dialogue(D, "T")
    assert {(e["trace_id"], e["span_id"]) for e in log.added("w")} == {("0" * 32, "0" * 16)}


@rules("AUDIT-06")
def test_an_event_names_the_span_in_which_it_was_made(
    in_span: Callable[[int, int], None], world: World
) -> None:
    """Small numbers keep their leading zeros; a write, a read, and the time after the span."""
    backend = world.open()
    log = Log(raw_of(backend), D)
    in_span(TRACE_ID, SPAN_ID)
    backend.store.create_dialogue(D, "T")
    spans = ("0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7")
    assert [(e["trace_id"], e["span_id"]) for e in log.added("w")] == [spans] * 3
    in_span(1, 2)
    world.open().store.get_dialogue(D)
    small = ("0" * 31 + "1", "0" * 15 + "2")
    assert [(e["trace_id"], e["span_id"]) for e in log.added("r")] == [small] * 3
    in_span(0, 0)
    backend.store.create_round(D, 1)
    assert [(e["trace_id"], e["span_id"]) for e in log.added("w")] == [("0" * 32, "0" * 16)]
    assert plain(backend.store.get_rounds(D))[0]["round"] == 1
