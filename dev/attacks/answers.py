"""Faulty answers: a dishonest network before a real DynamoDB Local (ERR-04).

In each trial one kind of fault meets a write or a read, either until the store gives up or for a while. What
the store says is compared with what a store finds that the network is honest to.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from conformance.targets.builtin import TABLE_PREFIX
from conformance.targets.engines.choose import Engine
from reference_impl import LocalFileKeyProvider
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.dynamodb.client import make_client
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table
from reference_impl.testing import open_store
from tests.lying_proxy import Call, LyingProxy, Reply, Send, cancelled, error, honest
from tests.no_answers import NO_ANSWERS

from .outcome import Outcome, Tick

__all__ = ["DUMMY", "KINDS", "attack", "judge"]

#: The keys of an engine that looks at none.
DUMMY: Final = {"aws_access_key_id": "dummy", "aws_secret_access_key": "dummy"}

#: The store's deadline: short where a fault stays, long where it passes.
_STAYS_S, _PASSES_S = 0.4, 30.0
_READ_TIMEOUT_S: Final = 1.0
#: How a call may end over an engine at fault: there is no other cause for any other code.
_CODES: Final = frozenset({"backend_unavailable", "outcome_unknown", "conflict"})
#: Trials on one dialogue: loads stay short.
_PER_DIALOGUE: Final = 50

#: Gets the request, what sends it on to the engine, and an event that ends the trial. None: the connection
#: is reset.
Make = Callable[[Call, Send, threading.Event], Reply | None]


def _fixed(reply: Reply | None) -> Make:
    return lambda _call, _send, _over: reply


def _cancelled(code: str) -> Make:
    def make(call: Call, _send: Send, _over: threading.Event) -> Reply:
        others = len(call.body.get("TransactItems", [None])) - 1
        return cancelled(*["None"] * others, code)

    return make


def _twice(call: Call, send: Send, _over: threading.Event) -> Reply:
    """The answer two times, as one."""
    return Reply(200, {}, raw=json.dumps(send(call).body).encode() * 2)


def _late(call: Call, send: Send, over: threading.Event) -> Reply:
    """Done, and answered when the client has gone."""
    reply = send(call)
    over.wait(_READ_TIMEOUT_S * 2)
    return reply


def _slow(call: Call, send: Send, over: threading.Event) -> Reply:
    over.wait(0.15)
    return send(call)


def _of_another(call: Call, _send: Send, _over: threading.Event) -> Reply:
    """What a proxy kept of another request: whole, and with its checksum."""
    query = {"Count": 0, "Items": [], "ScannedCount": 0}
    return Reply(200, query if _is_write(call) else {})


def _half(call: Call, send: Send, _over: threading.Event) -> Reply:
    reply = send(call)
    return Reply(reply.status, reply.body, reply.headers, cut=True)


#: Whether the engine did what it is asked before it answers so is drawn.
EITHER: Final[dict[str, Make]] = {
    **{name: _fixed(reply) for name, reply in NO_ANSWERS.items()},
    "reset": _fixed(None),
    "internal error": _fixed(error("InternalServerError", status=500)),
    "service unavailable": _fixed(error("ServiceUnavailable", status=503)),
    "bad gateway": _fixed(Reply(502, {}, raw=b"")),
    "server error of an unknown code": _fixed(error("SomethingNew", "no idea", status=500)),
    "server error without a code": _fixed(Reply(500, {"message": "no"})),
    "answer of another request": _of_another,
}
#: These send the request on by themselves, or mean that nothing was done.
AS_MEANT: Final[dict[str, Make]] = {
    "throttled": _fixed(error("ThrottlingException")),
    "throughput": _fixed(error("ProvisionedThroughputExceededException")),
    "conflict alone": _fixed(error("TransactionConflictException")),
    "conflict": _cancelled("TransactionConflict"),
    "throttled action": _cancelled("ThrottlingError"),
    "error of an unknown code": _fixed(error("SomethingNew", "no idea")),
    "error without a code": _fixed(Reply(400, {"message": "no"})),
    "answer twice": _twice,
    "answer that comes late": _late,
    "slow answer": _slow,
    "half an answer": _half,
}
KINDS: Final = {**EITHER, **AS_MEANT}


def _is_write(call: Call) -> bool:
    return call.operation == "TransactWriteItems"


@dataclass
class _Trouble:
    """The lie of one trial: the first ``times`` requests of its sort meet the fault."""

    kind: str
    writes: bool
    done: bool
    times: float
    over: threading.Event = field(default_factory=threading.Event)
    met: int = 0

    def __call__(self, call: Call, send: Send) -> Reply | None:
        if self.over.is_set() or self.met >= self.times or self.writes != _is_write(call):
            return send(call)
        self.met += 1
        if self.done and self.kind in EITHER:
            send(call)
        return KINDS[self.kind](call, send, self.over)


@dataclass
class _Lab:
    """A table, a store that the network is honest to, and stores that it is not."""

    proxy: LyingProxy
    table: str
    keys: LocalFileKeyProvider
    calm: DialogueStore
    outcome: Outcome

    @contextmanager
    def troubled(self, deadline_s: float) -> Iterator[DialogueStore]:
        partitions = DynamoPartitionStore(
            self.table,
            region="us-east-1",
            endpoint=self.proxy.url,
            client_options=DUMMY,
            read_timeout_s=_READ_TIMEOUT_S,
        )
        with closing(open_store(partitions, self.keys, deadline_s=deadline_s)) as store:
            yield store

    def trial(self, number: int, kind: str, drawn: random.Random) -> tuple[str, bool]:
        """How it ended, in a word; whether the fault was met."""
        dialogue = f"d{number // _PER_DIALOGUE}"
        if number % _PER_DIALOGUE == 0:
            self.calm.create_dialogue(dialogue, "title")
            self.calm.create_round(dialogue, 0)
        writes, done, stays, warm = (drawn.random() < 0.5 for _ in range(4))
        label = f"label-{number}"
        said = (
            f"{number} {kind}, {'done' if done else 'not done'}, {'stays' if stays else 'passes'}"
        )
        before = self.calm.load_partition(dialogue)
        with self.troubled(_PASSES_S) as other:
            other.load_partition(
                dialogue
            )  # imports and connects: not what is timed by the deadline
        with self.troubled(_STAYS_S if stays else _PASSES_S) as store:
            if warm:
                with _tolerant():
                    store.load_partition(dialogue)
            trouble = _Trouble(kind, writes, done, float("inf") if stays else drawn.randint(1, 3))
            self.proxy.lie = trouble
            try:
                if writes:
                    store.register_perspective(dialogue, 0, label, "said", ["muffin"])
                    ended = "acknowledged"
                else:
                    found = store.load_partition(dialogue)
                    ended = "read"
                    if plain(found) != plain(before):
                        self.outcome.broken.append(f"{said}: a read gave what is not stored")
            except DialogueStoreError as refused:
                ended = refused.code
                if ended not in _CODES:
                    self.outcome.broken.append(f"{said}: ended as {ended}: {refused.message}")
            except Exception as stray:  # noqa: BLE001 - whatever it is, it is counted
                ended = type(stray).__name__
                self.outcome.broken.append(f"{said}: {ended} is not of the contract: {stray}")
            finally:
                trouble.over.set()
                self.proxy.lie = honest
        if writes:
            self._look(dialogue, label, said, ended)
        return ended, trouble.met > 0

    def _look(self, dialogue: str, label: str, said: str, ended: str) -> None:
        present = [p.label for p in self.calm.load_partition(dialogue).perspectives].count(label)
        self.outcome.broken += [f"{said}: {wrong}" for wrong in judge(ended, present)]


def judge(ended: str, present: int) -> list[str]:
    """What is wrong with a write that ended so and is there so many times."""
    if ended == "acknowledged" and not present:
        return ["acknowledged and absent"]
    if present > 1:
        return [f"there {present} times"]
    if ended not in ("acknowledged", "outcome_unknown") and present:
        return [f"told as {ended} and there"]
    return []


@contextmanager
def _tolerant() -> Iterator[None]:
    """A short deadline may end what only makes the store warm."""
    try:
        yield
    except DialogueStoreError as late:
        if not late.retryable:
            raise


def attack(folder: Path, count: int, seed: int, *, tick: Tick, engine: Engine) -> Outcome:
    """``count`` trials: every kind in turn, all else drawn."""
    drawn = random.Random(seed)
    outcome, ends, met = Outcome(), Counter[str](), Counter[str]()
    names: list[str] = []
    with _laboratory(folder, engine, outcome) as lab:
        for number in range(count):
            if not names:
                names = drawn.sample(sorted(KINDS), len(KINDS))
            kind = names.pop()
            ended, was_met = lab.trial(number, kind, drawn)
            ends[ended] += 1
            met[kind] += was_met
            tick()
        for dialogue in sorted({f"d{number // _PER_DIALOGUE}" for number in range(count)}):
            outcome.broken += [str(each) for each in lab.calm.verify_partition(dialogue)]
            outcome.broken += [str(each) for each in lab.calm.verify_chain(dialogue).findings]
    if met.total() < count:
        outcome.broken.append(f"{met.total()} of {count} faults were met")
    outcome.figures = {
        "faulty_answers": met.total(),
        "kinds": len(+met),
        "acknowledged_and_absent": sum(
            line.endswith("acknowledged and absent") for line in outcome.broken
        ),
        "not_of_the_contract": sum("is not of the contract" in line for line in outcome.broken),
        "ended": dict(sorted(ends.items())),
    }
    return outcome


@contextmanager
def _laboratory(folder: Path, engine: Engine, outcome: Outcome) -> Iterator[_Lab]:
    url = engine.endpoint_url
    assert url is not None, "DynamoDB Local has an address"
    options: dict[str, Any] = dict(engine.client_kwargs())
    region, endpoint = options.pop("region_name"), options.pop("endpoint_url")
    client = make_client(region=region, endpoint=endpoint, options=options)
    table = f"{TABLE_PREFIX}attacks_{secrets.token_hex(6)}"
    keys = LocalFileKeyProvider(folder / "keys" / "umk.key")
    create_table(table, client=client)
    try:
        calm = open_store(DynamoPartitionStore(table, client=client), keys)
        with LyingProxy(url) as proxy, closing(calm):
            yield _Lab(proxy, table, keys, calm, outcome)
    finally:
        client.delete_table(TableName=table)
        client.close()
