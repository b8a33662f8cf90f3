"""Faults that DynamoDB Local never shows, injected on the wire: conflicts, throttling, torn pages, lost
answers, late requests (ERR-04, HEAD-04, HEAD-08, STORE-16, STORE-18)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.targets.engines.choose import Engine
from reference_impl import EncryptedStore
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.dynamodb.client import make_client
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table
from reference_impl.partitions.port import Anything, Put, Transient
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import open_store
from tests.lying_proxy import Call, LyingProxy, Reply, Send, cancelled, error, honest
from tests.no_answers import NO_ANSWERS

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

pytestmark = pytest.mark.integration

DIALOGUE = "d"
#: How often in a row the engine is at fault before it is honest again.
TIMES = 3


@pytest.fixture(scope="module")
def client(dynamodb_local: Engine) -> Iterator[DynamoDBClient]:
    """Past the proxy."""
    options = dynamodb_local.client_kwargs()
    client = make_client(
        region=options.pop("region_name"), endpoint=options.pop("endpoint_url"), options=options
    )
    yield client
    client.close()


@pytest.fixture
def table(client: DynamoDBClient) -> Iterator[str]:
    name = f"dsconf_faults_{secrets.token_hex(6)}"
    create_table(name, client=client)
    yield name
    client.delete_table(TableName=name)


@pytest.fixture
def proxy(dynamodb_local: Engine) -> Iterator[LyingProxy]:
    assert dynamodb_local.endpoint_url is not None
    with LyingProxy(dynamodb_local.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def keys(tmp_path: Path) -> LocalFileKeyProvider:
    return LocalFileKeyProvider(tmp_path / "keys" / "umk.key")


@pytest.fixture
def calm(table: str, client: DynamoDBClient, keys: LocalFileKeyProvider) -> DialogueStore:
    """A store that the engine is honest to; the dialogue with one round and one expert is its work."""
    store = open_store(DynamoPartitionStore(table, client=client), keys)
    store.create_dialogue(DIALOGUE, "title")
    store.create_round(DIALOGUE, 0)
    store.register_expert(DIALOGUE, "muffin", "role", "Core")
    return store


@dataclass
class Troubled:
    """Opens stores behind the proxy."""

    table: str
    proxy: LyingProxy
    keys: LocalFileKeyProvider
    opened: list[DialogueStore] = field(default_factory=list)

    def open(self, *, deadline_s: float = 20.0, read_timeout_s: float = 10.0) -> DialogueStore:
        options = {"aws_access_key_id": "dummy", "aws_secret_access_key": "dummy"}
        partitions = DynamoPartitionStore(
            self.table,
            region="us-east-1",
            endpoint=self.proxy.url,
            client_options=options,
            read_timeout_s=read_timeout_s,
        )
        store = open_store(partitions, self.keys, deadline_s=deadline_s)
        self.opened.append(store)
        return store


@pytest.fixture
def troubled(table: str, proxy: LyingProxy, keys: LocalFileKeyProvider) -> Iterator[Troubled]:
    troubled = Troubled(table, proxy, keys)
    yield troubled
    proxy.lie = honest
    for store in troubled.opened:
        store.close()


def is_write(call: Call) -> bool:
    return call.operation == "TransactWriteItems"


def actions(call: Call) -> int:
    return len(call.body["TransactItems"])


def add(store: DialogueStore) -> str:
    return store.register_perspective(DIALOGUE, 0, "label", "content", ["muffin"]).display_id


# -- the engine is busy -----------------------------------------------------------------------------


@dataclass
class Faulty:
    """The first `times` writes meet a fault; `done`: how many of them the engine does all the same."""

    fault: Callable[[Call], Reply | None]
    times: int = TIMES
    done: int = 0
    met: int = 0
    tokens: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, call: Call, send: Send) -> Reply | None:
        if not is_write(call):
            return send(call)
        self.tokens.append(call.body["ClientRequestToken"])
        self.bodies.append(call.body)
        if self.met == self.times:
            return send(call)
        self.met += 1
        if self.met <= self.done:
            assert send(call).ok
        return self.fault(call)


def answer(reply: Reply) -> Callable[[Call], Reply]:
    return lambda _: reply


def cancels(code: str) -> Callable[[Call], Reply]:
    """One action is at fault, the last: that of the head, which every writer wants."""
    return lambda call: cancelled(*["None"] * (actions(call) - 1), code)


BUSY: dict[str, Callable[[Call], Reply]] = {
    "conflict": cancels("TransactionConflict"),
    "conflict_alone": answer(error("TransactionConflictException")),
    "in_progress": answer(error("TransactionInProgressException")),
    "throttled": answer(error("ThrottlingException")),
    "throttled_action": cancels("ThrottlingError"),
    "throughput": answer(error("ProvisionedThroughputExceededException")),
    "throughput_action": cancels("ProvisionedThroughputExceeded"),
    "requests": answer(error("RequestLimitExceeded")),
    "server_error": answer(error("InternalServerError", status=500)),
    "unavailable": answer(error("ServiceUnavailable", status=503)),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_busy_engine_is_asked_again_and_the_write_takes_place_once(
    name: str, calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    troubled.proxy.lie = faulty = Faulty(BUSY[name])
    assert add(store) == "P0001"
    assert faulty.met == TIMES
    # HEAD-08: nothing was sealed again for it.
    assert len(set(faulty.tokens)) == 1
    assert faulty.bodies.count(faulty.bodies[0]) == TIMES + 1
    once(calm, before)


def once(calm: DialogueStore, before: int, expected: int = 1) -> None:
    """The dialogue moved on by so many writes, and holds one perspective."""
    partition = calm.load_partition(DIALOGUE)
    assert partition.revision == before + expected
    assert [p.display_id for p in partition.perspectives] == ["P0001"]
    assert calm.verify_partition(DIALOGUE) == []


@pytest.mark.parametrize("name", ["in_progress", "server_error", "unavailable"])
def test_an_engine_that_does_not_know_yet_has_written_once(
    name: str, calm: DialogueStore, troubled: Troubled
) -> None:
    """The first request is done although it is answered by an error."""
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    troubled.proxy.lie = faulty = Faulty(BUSY[name], done=1)
    assert add(store) == "P0001"
    assert faulty.met == TIMES
    once(calm, before)


def test_an_engine_that_stays_busy_is_given_up_at_the_deadline(
    calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open(deadline_s=0.5)
    before = calm.load_partition(DIALOGUE).revision
    for name, code in (("conflict", "conflict"), ("throttled", "backend_unavailable")):
        troubled.proxy.lie = Faulty(BUSY[name], times=1_000_000)
        with pytest.raises(DialogueStoreError) as caught:
            add(store)
        assert (caught.value.code, caught.value.retryable) == (code, True)
    assert calm.load_partition(DIALOGUE).revision == before
    troubled.proxy.lie = honest
    assert add(store) == "P0001"
    once(calm, before)


@pytest.mark.parametrize(
    "fault",
    [
        error("ThrottlingException"),
        error("ProvisionedThroughputExceededException"),
        error("InternalServerError", status=500),
        None,
        Reply(200, {}, cut=True),
    ],
    ids=["throttled", "throughput", "server_error", "dropped", "cut"],
)
def test_a_read_is_made_again(fault: Reply | None, calm: DialogueStore, troubled: Troubled) -> None:
    add(calm)
    left = [fault] * TIMES

    def refuse(call: Call, send: Send) -> Reply | None:
        return left.pop() if left else send(call)

    troubled.proxy.lie = refuse
    assert troubled.open().load_partition(DIALOGUE) == calm.load_partition(DIALOGUE)
    assert left == []


# -- answers get lost -------------------------------------------------------------------------------

LOST: dict[str, Callable[[Call], Reply | None]] = {
    "dropped": lambda _: None,
    "cut": answer(Reply(200, {}, cut=True)),
}

WRITES: dict[str, tuple[Callable[[DialogueStore], Any], Callable[[DialogueStore], Any]]] = {
    "new_item": (add, lambda s: [p.display_id for p in s.get_perspectives(DIALOGUE)]),
    "changed_item": (
        lambda s: s.update_expert_score(DIALOGUE, "muffin", 0, 7).total_score,
        lambda s: s.load_partition(DIALOGUE).experts[0].total_score,
    ),
    "several_items": (
        lambda s: s.create_round(DIALOGUE, 1, score=5).score,
        lambda s: getattr(s.load_partition(DIALOGUE).dialogue, "total_alignment", None),
    ),
}


@pytest.mark.parametrize("done", [0, 1, TIMES])
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_answer_is_lost_is_acknowledged_once(
    write: str, lost: str, done: int, calm: DialogueStore, troubled: Troubled
) -> None:
    """Whether the lost request was done or not."""
    change, look = WRITES[write]
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    troubled.proxy.lie = faulty = Faulty(LOST[lost], done=done)
    result = change(store)
    assert faulty.met == TIMES
    assert look(calm) in (result, [result])
    assert calm.load_partition(DIALOGUE).revision == before + 1
    assert calm.verify_partition(DIALOGUE) == []


def test_a_dialogue_whose_creation_got_no_answer_is_created_once(
    calm: DialogueStore, troubled: Troubled
) -> None:
    """It is not taken for a duplicate of itself."""
    troubled.proxy.lie = Faulty(LOST["dropped"], done=TIMES)
    assert troubled.open().create_dialogue("other", "title").title == "title"
    assert calm.load_partition("other").revision == 1
    assert calm.verify_partition("other") == []


def test_an_engine_that_answers_too_late_has_written_once(
    calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open(read_timeout_s=1.0)
    before = calm.load_partition(DIALOGUE).revision
    again = threading.Event()
    slow = [True]

    def late(call: Call, send: Send) -> Reply | None:
        if is_write(call):
            if slow:
                slow.clear()
                assert send(call).ok
                # Until the store has given up waiting and asks again.
                assert again.wait(30)
                return None
            again.set()
        return send(call)

    troubled.proxy.lie = late
    assert add(store) == "P0001"
    assert again.is_set()
    once(calm, before)


def test_no_answer_at_all_is_an_unknown_outcome_and_at_most_one_write(
    calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open(deadline_s=0.5)
    before = calm.load_partition(DIALOGUE).revision
    troubled.proxy.lie = Faulty(LOST["dropped"], times=1_000_000, done=1)
    with pytest.raises(DialogueStoreError) as caught:
        add(store)
    assert caught.value.code == "outcome_unknown"
    once(calm, before)
    troubled.proxy.lie = honest
    assert add(store) == "P0002"


# -- what is no answer ------------------------------------------------------------------------------


def test_what_is_no_answer_acknowledges_nothing_and_tells_nothing(
    calm: DialogueStore, troubled: Troubled
) -> None:
    """A write is acknowledged once it is done, and a read made again (ERR-04)."""
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    for number, (name, no_answer) in enumerate(NO_ANSWERS.items(), 1):
        troubled.proxy.lie = faulty = Faulty(answer(no_answer), times=2)
        assert add(store) == f"P00{number:02d}", name
        assert faulty.met == 2, name
        found = calm.load_partition(DIALOGUE)
        assert (found.revision, len(found.perspectives)) == (before + number, number), name
        left = [no_answer] * 2

        def mute(call: Call, send: Send, left: list[Reply] = left) -> Reply | None:
            return left.pop() if left else send(call)

        troubled.proxy.lie = mute
        fresh = troubled.open()
        assert fresh.load_partition(DIALOGUE) == found, name
        assert left == [], name
        assert fresh.verify_partition(DIALOGUE) == [], name


def test_an_engine_that_never_answers_is_told_by_a_code_of_the_contract(
    calm: DialogueStore, troubled: Troubled
) -> None:
    before = calm.load_partition(DIALOGUE).revision
    for name, no_answer in NO_ANSWERS.items():
        troubled.proxy.lie = honest
        store = troubled.open(deadline_s=0.2)
        store.load_partition(DIALOGUE)

        def mute(call: Call, send: Send, no_answer: Reply = no_answer) -> Reply | None:
            return no_answer if is_write(call) else send(call)

        troubled.proxy.lie = mute
        with pytest.raises(DialogueStoreError) as written:
            add(store)
        assert written.value.code == "outcome_unknown", name
        assert written.value.data["revision"] == before + 1, name
        troubled.proxy.lie = Always(no_answer)
        with pytest.raises(DialogueStoreError) as read:
            troubled.open(deadline_s=0.2).load_partition(DIALOGUE)
        assert read.value.code == "backend_unavailable", name
        assert "DynamoDB at http://127.0.0.1:" in read.value.message, name
        assert calm.load_partition(DIALOGUE).revision == before, name


OF_OTHERS: dict[str, Reply] = {
    "of a query": Reply(200, {"Count": 0, "Items": [], "ScannedCount": 0}),
    "of a get": Reply(200, {"Item": {"pk": {"S": "p"}}}),
    "of a look at the table": Reply(200, {"Table": {"TableStatus": "ACTIVE"}}),
}


def test_an_answer_to_another_request_acknowledges_nothing(
    calm: DialogueStore, troubled: Troubled
) -> None:
    """Whole, and with its own checksum: a proxy mixed two answers up."""
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    for number, (name, of_another) in enumerate(OF_OTHERS.items(), 1):
        troubled.proxy.lie = faulty = Faulty(answer(of_another), times=2)
        assert add(store) == f"P00{number:02d}", name
        assert faulty.met == 2, name
        assert calm.load_partition(DIALOGUE).revision == before + number, name


def _key(sk: object, pk: str = f"dialogue#{DIALOGUE}") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk} if isinstance(sk, str) else sk}


#: Members of a query's answer that were not asked for.
ODD_PAGES: dict[str, dict[str, Any]] = {
    "an item without its key": {"Items": [{}]},
    "an item without its sort key": {"Items": [{"pk": {"S": f"dialogue#{DIALOGUE}"}}]},
    "an item of another partition": {"Items": [_key("head", "dialogue#other")]},
    "a sort key of another type": {"Items": [_key({"N": "1"})]},
    "an item twice": {"Items": [_key("meta"), _key("meta")]},
    "items in another order": {"Items": [_key("meta"), _key("head")]},
    "a next page that lies before": {"Items": [_key("meta")], "LastEvaluatedKey": _key("head")},
    "a next page of another partition": {
        "Items": [],
        "LastEvaluatedKey": _key("head", "dialogue#other"),
    },
    "a next page for ever": {"Items": [], "LastEvaluatedKey": _key("head")},
}


@pytest.mark.parametrize("name", ODD_PAGES)
def test_a_page_that_was_not_asked_for_is_no_answer(
    calm: DialogueStore, troubled: Troubled, name: str
) -> None:
    """Whole, and with its own checksum. It is asked again, and no store waits for its end for ever."""
    store = troubled.open(deadline_s=0.3)
    asked = 0

    def lie(call: Call, send: Send) -> Reply:
        nonlocal asked
        asked += call.operation == "Query"
        return send(call).but(**ODD_PAGES[name]) if call.operation == "Query" else send(call)

    for ask in (
        lambda: store.get_dialogue(DIALOGUE),
        lambda: store.verify_partition(DIALOGUE),
        lambda: store.verify_chain(DIALOGUE),
        lambda: add(store),
    ):
        troubled.proxy.lie = lie
        asked = 0
        with pytest.raises(DialogueStoreError) as caught:
            ask()
        assert caught.value.code == "backend_unavailable"
        assert 0 < asked < 100
    troubled.proxy.lie = honest
    assert troubled.open().load_partition(DIALOGUE) == calm.load_partition(DIALOGUE)


def test_an_item_that_was_not_asked_for_is_no_answer(
    table: str, client: DynamoDBClient, troubled: Troubled
) -> None:
    partitions = DynamoPartitionStore(table, client=client)
    partitions.commit([Put({"pk": "p", "sk": "s", "n": 1}, Anything())], token="t")
    store = troubled.open()
    assert isinstance(store, EncryptedStore)
    behind = store.partitions
    odd: list[dict[str, Any]] = [{}, {"pk": {"S": "p"}}, _key("other", "p")]
    for item in odd:

        def lie(call: Call, send: Send, item: dict[str, Any] = item) -> Reply:
            return send(call).but(Item=item)

        troubled.proxy.lie = lie
        with pytest.raises(Transient) as caught:
            behind.get("p", "s")
        assert caught.value.error.code == "backend_unavailable"
    troubled.proxy.lie = honest
    assert behind.get("p", "s") == {"pk": "p", "sk": "s", "n": 1}


def test_what_dynamodb_may_add_to_an_answer_is_no_fault(
    calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open()
    troubled.proxy.lie = lambda call, send: send(call).but(AddedOneDay={"a": 1})
    assert add(store) == "P0001"
    assert store.load_partition(DIALOGUE) == calm.load_partition(DIALOGUE)


@dataclass
class Always:
    """One answer to everything."""

    reply: Reply

    def __call__(self, call: Call, send: Send) -> Reply:
        return self.reply


ODD_SHAPES: dict[str, dict[str, Any]] = {
    "an item that is a list": {"Item": [], "Items": [[]]},
    "items that are null": {"Item": None, "Items": None},
    "items that are a text": {"Item": "x", "Items": "x"},
    "a number for an item": {"Item": 1, "Items": [1]},
    "an attribute without a type": {"Item": {"pk": {}}, "Items": [{"pk": {}}]},
    "an attribute of two types": {
        "Item": {"pk": {"S": "a", "N": "1"}},
        "Items": [{"pk": {"S": "a", "N": "1"}}],
    },
    "a number that is none": {"Item": {"n": {"N": "x"}}, "Items": [{"n": {"N": "x"}}]},
    "bytes that are none": {"Item": {"n": {"B": "x"}}, "Items": [{"n": {"B": "x"}}]},
}


@pytest.mark.parametrize("name", ODD_SHAPES)
@pytest.mark.parametrize("call", ["get", "query", "last", "stream", "holds_wrapped_keys"])
def test_an_answer_of_another_shape_is_none(name: str, call: str, proxy: LyingProxy) -> None:
    """With a right checksum: whoever made it is not DynamoDB all the same."""
    member = "Item" if call == "get" else "Items"
    proxy.lie = Always(Reply(200, {member: ODD_SHAPES[name][member]}))
    partitions = DynamoPartitionStore("t", region="us-east-1", endpoint=proxy.url)
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: partitions.get("p", "s"),
        "query": lambda: partitions.query("p"),
        "last": lambda: partitions.last("p"),
        "stream": lambda: list(partitions.stream("p")),
        "holds_wrapped_keys": partitions.holds_wrapped_keys,
    }
    if name == "items that are null" and call == "get":
        assert (
            partitions.get("p", "s") is None
        )  # what botocore makes of it: a member that is not there
    else:
        with pytest.raises(Transient) as caught:
            calls[call]()
        assert caught.value.error.code == "backend_unavailable"
    partitions.close()


# -- requests arrive late ---------------------------------------------------------------------------


def test_a_request_that_arrives_after_its_own_repeat_is_no_second_write(
    calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    held: list[Call] = []
    late: list[Reply] = []

    def hold(call: Call, send: Send) -> Reply | None:
        if not is_write(call):
            return send(call)
        if not held:
            held.append(call)
            return None
        reply = send(call)
        late.append(send(held[0]))
        return reply

    troubled.proxy.lie = hold
    assert add(store) == "P0001"
    assert [reply.ok for reply in late] == [True]  # the engine knows its token
    once(calm, before)


def test_a_request_that_arrives_after_another_writer_is_refused(
    calm: DialogueStore, troubled: Troubled
) -> None:
    store = troubled.open()
    before = calm.load_partition(DIALOGUE).revision
    held: list[Call] = []
    late: list[Reply] = []

    def hold(call: Call, send: Send) -> Reply | None:
        if not is_write(call):
            return send(call)
        if not held:
            held.append(call)
            calm.create_round(DIALOGUE, 1)
            return None
        reply = send(call)
        if reply.ok:
            late.append(send(held[0]))
        return reply

    troubled.proxy.lie = hold
    assert add(store) == "P0001"
    # It was planned again for another revision: what is late belongs to none any more.
    # Tried after each transaction that got through: that of a turn too.
    assert {reply.ok for reply in late} == {False}
    once(calm, before, expected=2)


# -- pages of two moments ---------------------------------------------------------------------------

LARGE = "x" * 300_000


@pytest.fixture
def large(calm: DialogueStore) -> DialogueStore:
    """The dialogue takes more than a megabyte: two pages."""
    for number in range(5):
        calm.register_perspective(DIALOGUE, 0, f"label {number}", LARGE, ["muffin"])
    return calm


class Torn:
    """While the first page of a Query is on its way, somebody writes; `times` Queries in a row."""

    def __init__(self, write: Callable[[], object], times: int) -> None:
        self._write = write
        self.left = times
        self.pages = 0

    def __call__(self, call: Call, send: Send) -> Reply | None:
        reply = send(call)
        if call.operation == "Query":
            self.pages += 1
            first = "ExclusiveStartKey" not in call.body
            if self.left and first and "LastEvaluatedKey" in reply.body:
                self.left -= 1
                self._write()
        return reply


TEARS: dict[str, Callable[[DialogueStore], object]] = {
    "a_new_item": add,
    "a_changed_item": lambda store: store.update_perspective_status(
        DIALOGUE, "P0005", "refined", ["muffin"], 0
    ),
    "an_item_on_the_first_page": lambda store: store.update_expert_score(
        DIALOGUE, "muffin", 0, secrets.randbelow(1000)
    ),
}


@pytest.mark.parametrize("write", TEARS)
def test_pages_of_two_moments_are_read_again(
    write: str, large: DialogueStore, troubled: Troubled
) -> None:
    troubled.proxy.lie = torn = Torn(lambda: TEARS[write](large), times=1)
    found = troubled.open().load_partition(DIALOGUE)
    assert torn.left == 0
    now = large.load_partition(DIALOGUE)
    # Nothing of the two moments at once: it is one revision, the later one or still the earlier.
    assert found.findings == []
    assert found.revision in (now.revision, now.revision - 1)
    if found.revision == now.revision:
        assert found == now
        assert torn.pages > 2


def test_pages_that_are_torn_again_and_again_end_as_one_revision(
    large: DialogueStore, troubled: Troubled
) -> None:
    troubled.proxy.lie = torn = Torn(lambda: add(large), times=TIMES)
    found = troubled.open().load_partition(DIALOGUE)
    assert torn.left == 0
    assert found == large.load_partition(DIALOGUE)


def test_a_torn_read_is_no_finding(large: DialogueStore, troubled: Troubled) -> None:
    """Not for those who collect findings either: nobody tampered with anything."""
    troubled.proxy.lie = torn = Torn(lambda: add(large), times=TIMES)
    assert troubled.open().verify_partition(DIALOGUE) == []
    assert torn.left == 0


def test_a_write_that_read_two_moments_is_planned_on_one(
    large: DialogueStore, troubled: Troubled
) -> None:
    before = large.load_partition(DIALOGUE).revision
    troubled.proxy.lie = torn = Torn(lambda: add(large), times=1)
    written = add(troubled.open())
    assert torn.left == 0
    ids = [p.display_id for p in large.load_partition(DIALOGUE).perspectives]
    assert ids == [f"P{n:04d}" for n in range(1, 8)]
    assert written == ids[-1]
    assert large.load_partition(DIALOGUE).revision == before + 2


def test_a_missing_page_is_no_revision(large: DialogueStore, troubled: Troubled) -> None:
    """An engine that cuts a partition short for good is found out, not believed."""

    def cut(call: Call, send: Send) -> Reply | None:
        return send(call).but(LastEvaluatedKey=None)

    troubled.proxy.lie = cut
    with pytest.raises(DialogueStoreError) as caught:
        troubled.open(deadline_s=2.0).load_partition(DIALOGUE)
    assert caught.value.code == "integrity_error"
    assert caught.value.data["layer"] == "head"
