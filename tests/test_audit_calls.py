"""AUDIT-03 as the engines see it: events are put where nothing lies, and never touched again."""

from __future__ import annotations

import pytest

from conformance.running.session import World
from conformance.suite.kit.chain import Log
from conformance.targets.base import Target
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing.recorder import EngineCall, recorded
from tests.test_engine_calls import CALLS, D, reference

pytestmark = pytest.mark.integration

AUDIT = f"audit#{D}"


@pytest.fixture(params=["sqlite", "dynamodb"])
def target(request: pytest.FixtureRequest) -> Target:
    opened: Target = request.getfixturevalue(f"{request.param}_target")
    return opened


def heard_of(world: World) -> list[EngineCall]:
    """The engine's calls of every method, twice each, by two stores in turn; most second calls of a
    write are refused, and one store is another user's."""
    heard: list[EngineCall] = []
    raw = world.open().raw
    assert raw is not None
    log = Log(raw, D)
    stores = [reference(world), reference(world)]
    denied = world.open(user_id="eve").store
    assert isinstance(denied, EncryptedStore)
    for name, params in CALLS:
        for store in (*stores, denied):
            with recorded(store.partitions) as calls:
                try:
                    getattr(store, name)(dialogue_id=D, **params)
                except DialogueStoreError as refused:
                    assert refused.code not in ("audit_unavailable", "conflict")  # noqa: PT017
            heard += calls
            log.new()  # fails where an event is gone or another one
    with recorded(stores[0].partitions) as calls:
        assert stores[0].verify_chain(D).ok
    return heard + calls


def test_only_puts_ever_touch_audit_items(world: World) -> None:
    """What lies there stays as it was, also where a writer that lost has put its event at the same
    sequence: that is on the condition that nothing lies there."""
    calls = heard_of(world)
    touches = [touch for call in calls for touch in call.touches if touch.pk == AUDIT]
    assert {touch.verb for touch in touches} <= {"put", "get", "query"}
    put = [touch.sk for touch in touches if touch.verb == "put"]
    assert len(set(put)) > 50
    operations = {call.operation for call in calls}
    writing = {"INSERT", "TransactWriteItems", "PutItem"} & operations
    assert writing
    assert operations - writing <= {
        *("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SELECT", "DELETE"),
        *("Query", "GetItem"),
    }


def test_an_event_asks_the_same_of_the_engine_however_long_the_chain_is(world: World) -> None:
    writer, reader = reference(world), reference(world)
    writer.create_dialogue(D, "A title")
    writer.create_round(D, 0)
    writer.register_expert(D, "anne", "Pilot", "Core")
    costs = []
    for number in range(60):
        cost = []
        for store, call in (
            (writer, lambda n=number: writer.update_expert_score(D, "anne", 0, n)),
            (reader, lambda: reader.get_experts(D)),
        ):
            with recorded(store.partitions) as calls:
                call()
            cost += [(c.operation, len(c.touches), c.is_scan) for c in calls]
        costs.append(cost)
    assert costs[1] == costs[30] == costs[-1]
    assert not any(is_scan for _, _, is_scan in costs[-1])
