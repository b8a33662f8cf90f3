"""Engines that never answer: the deadline bounds silence as well (STORE-16)."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from conformance.targets.builtin import TABLE_PREFIX
from conformance.targets.engines.choose import Engine
from reference_impl import LocalFileKeyProvider
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table
from reference_impl.testing import open_store
from tests.lying_proxy import Call, LyingProxy, Reply, Send, honest

from .answers import DUMMY
from .outcome import Outcome, Tick

__all__ = ["MARGIN_S", "attack", "judge"]

DEADLINES_S: Final = (0.2, 1.0, 7.0)
#: What STORE-16 allows on top of the deadline.
MARGIN_S: Final = 1.0
_COLD: Final[dict[str, dict[str, Any]]] = {
    "load_partition": {},
    "verify_chain": {},
    "create_round": {"round": 0},
}
_WARM: Final[dict[str, dict[str, Any]]] = {"load_partition": {}, "create_round": {"round": 1}}
_CALLS: Final = len(_COLD) + len(_WARM)


def attack(folder: Path, count: int, seed: int, *, tick: Tick, engine: Engine) -> Outcome:
    """``count`` calls: five for each deadline, the shortest first. Nothing is drawn: ``seed`` is not used."""
    del seed
    outcome, over = Outcome(), dict[str, float]()
    keys = LocalFileKeyProvider(folder / "keys" / "umk.key")
    __import__("boto3.session")  # takes a second by itself, once in a process
    for deadline_s in DEADLINES_S[: count // _CALLS]:
        measured = {
            **_cold(keys, deadline_s, tick),
            **_warm(keys, deadline_s, tick, engine),
        }
        for call, (code, seconds) in measured.items():
            wrong = judge(call, deadline_s, code, seconds)
            outcome.broken += [wrong] if wrong else []
        over[f"{deadline_s:g} s"] = max(round(s - deadline_s, 2) for _, s in measured.values())
    outcome.figures = {"calls": _CALLS * len(over), "worst_seconds_past_the_deadline": over}
    return outcome


def judge(call: str, deadline_s: float, code: str, seconds: float) -> str | None:
    """What is wrong with how a call ended."""
    sent = call == "warm create_round"
    want = "outcome_unknown" if sent else "backend_unavailable"
    if code != want:
        return f"{call}, deadline {deadline_s:g} s: ended as {code}, not {want}"
    if not deadline_s / 2 < seconds <= deadline_s + MARGIN_S:
        return f"{call}, deadline {deadline_s:g} s: took {seconds:.2f} s"
    return None


def _cold(keys: LocalFileKeyProvider, deadline_s: float, tick: Tick) -> dict[str, Any]:
    """A store that has read nothing, at a port that accepts and that nobody serves."""
    measured = {}
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for method, given in _COLD.items():
            place = DynamoPartitionStore(
                "t", region="us-east-1", endpoint=url, client_options=DUMMY
            )
            with closing(open_store(place, keys, deadline_s=deadline_s)) as store:
                measured[f"cold {method}"] = _timed(getattr(store, method), given)
            tick()
    return measured


def _warm(
    keys: LocalFileKeyProvider, deadline_s: float, tick: Tick, engine: Engine
) -> dict[str, Any]:
    """A store whose connections stand and that knows the dialogue; then nobody answers any more."""
    url = engine.endpoint_url
    assert url is not None, "DynamoDB Local has an address"
    table, over = f"{TABLE_PREFIX}attacks_{secrets.token_hex(6)}", threading.Event()

    def silent(call: Call, send: Send) -> Reply | None:
        del call, send
        over.wait(60)
        return None

    measured = {}
    with LyingProxy(url) as proxy:
        where: dict[str, Any] = {"region": "us-east-1", "client_options": DUMMY}
        calm = DynamoPartitionStore(table, endpoint=proxy.url, **where)
        create_table(table, client=calm.client)
        try:
            with closing(open_store(calm, keys)) as writer:
                writer.create_dialogue("d", "title")
                place = DynamoPartitionStore(table, endpoint=proxy.url, **where)
                with closing(open_store(place, keys, deadline_s=deadline_s)) as store:
                    _until_it_works(lambda: store.load_partition("d"))
                    proxy.lie = silent
                    for method, given in _WARM.items():
                        measured[f"warm {method}"] = _timed(getattr(store, method), given)
                        tick()
        finally:
            over.set()
            proxy.lie = honest
            with closing(DynamoPartitionStore(table, endpoint=url, **where)) as last:
                last.client.delete_table(TableName=table)
    return measured


def _until_it_works(call: Callable[[], object]) -> None:
    """A busy machine may need longer than a deadline of 0.2 s; forty tries at most."""
    for _ in range(40):
        try:
            call()
        except DialogueStoreError as late:
            if not late.retryable:
                raise
        else:
            return
    raise TimeoutError("a store with a deadline of 0.2 s never got through: is the machine busy?")


def _timed(call: Callable[..., object], given: dict[str, Any]) -> tuple[str, float]:
    began = time.monotonic()
    try:
        call("d", **given)
    except DialogueStoreError as refused:
        code = refused.code
    except Exception as stray:  # noqa: BLE001 - whatever it is, it is told
        code = f"{type(stray).__name__}, not of the contract"
    else:
        code = "answered"
    return code, time.monotonic() - began
