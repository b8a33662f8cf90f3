"""What every method asks of its engine (STORE-01, STORE-03): seen by a recorder under both real engines."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.running.session import World
from conformance.targets.builtin import PartitionRaw
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import METHODS
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import PartitionStore
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing.recorder import EngineCall, recorded

pytestmark = pytest.mark.integration

D = "recorded"
#: One successful call of every method, in an order in which they can follow one another.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("create_dialogue", {"title": "A title"}),
    ("register_expert", {"expert_slug": "muffin", "role": "Judge of muffins", "tier": "Core"}),
    ("create_round", {"round": 0, "score": 3}),
    ("record_expert_response", {"expert_slug": "muffin", "round": 0, "content": "Text"}),
    ("update_expert_score", {"expert_slug": "muffin", "round": 0, "score": 7}),
    ("register_perspective", {"round": 0, "label": "l", "content": "c", "contributors": []}),
    ("register_tension", {"round": 0, "label": "l", "description": "d", "contributors": []}),
    (
        "register_recommendation",
        {
            "round": 0,
            "label": "l",
            "content": "c",
            "contributors": [],
            "references": [{"type": "address", "target": "T0001"}],
        },
    ),
    ("register_evidence", {"round": 0, "label": "l", "content": "c", "contributors": []}),
    ("register_claim", {"round": 0, "label": "l", "content": "c", "contributors": []}),
    (
        "update_perspective_status",
        {"entity_id": "P0001", "status": "refined", "actors": [], "event_round": 0},
    ),
    (
        "update_tension_status",
        {"entity_id": "T0001", "status": "resolved", "actors": [], "event_round": 0},
    ),
    (
        "update_recommendation_status",
        {"entity_id": "R0001", "status": "rejected", "actors": [], "event_round": 0},
    ),
    ("update_evidence_status", {"entity_id": "E0001", "status": "confirmed"}),
    ("update_claim_status", {"entity_id": "C0001", "status": "supported"}),
    (
        "comment_tension",
        {"entity_id": "T0001", "actors": [], "event_round": 0, "reason": "because"},
    ),
    (
        "register_move",
        {"round": 0, "expert_slug": "muffin", "move_type": "defend", "targets": ["P0001"]},
    ),
    ("register_ref", {"source_id": "E0001", "ref_type": "support", "target_id": "P0001"}),
    ("record_convergence_signal", {"round": 0, "expert_slug": "muffin"}),
    ("update_round_status", {"round": 0, "status": "completed"}),
    ("update_dialogue_status", {"status": "converging"}),
    (
        "register_verdict",
        {
            "verdict_id": "v",
            "verdict_type": "final",
            "round": 0,
            "recommendation": "r",
            "description": "d",
        },
    ),
    ("next_seq", {"round": 0, "entity": "claim"}),
    ("get_convergence_signals", {"round": 0}),
    ("get_events", {"entity_id": "T0001"}),
]
CALLS += [
    (name, {})
    for name, method in METHODS.items()
    if method.profile in ("core", "encrypted")
    and method.kind == "read"
    and name not in {called for called, _ in CALLS}
]


def test_every_method_is_called() -> None:
    want = {n for n, m in METHODS.items() if m.profile in ("core", "encrypted")}
    assert {name for name, _ in CALLS} == want
    assert want == set(DialogueStore.__abstractmethods__) | {"verify_partition"}


def history(world: World, *, cold: bool) -> dict[str, list[EngineCall]]:
    """The engine's calls of each method, on a store that is warm or opened anew for each."""
    heard = {}
    store = reference(world)
    store.load_partition("other-0")  # connections and keys are made, another dialogue is known
    for name, params in CALLS:
        if cold:
            store.close()
            store = reference(world)
            store.load_partition("other-0")
        with recorded(store.partitions) as calls:
            getattr(store, name)(dialogue_id=D, **params)
        heard[name] = [c for c in calls if c.operation not in ("BEGIN", "COMMIT", "PRAGMA")]
    store.close()
    return heard


def reference(world: World) -> EncryptedStore:
    store = world.open().store
    assert isinstance(store, EncryptedStore)
    return store


def fill(world: World, dialogues: int) -> None:
    store = reference(world)
    for number in range(dialogues):
        store.create_dialogue(f"other-{number}", "Another title")
        store.create_round(f"other-{number}", 0)
    store.close()


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_no_scan_one_partition_and_as_many_calls_in_a_store_of_many(
    world: World, cold: bool
) -> None:
    if world.target.name == "memory" and cold:
        # in memory a closed store is the same dictionary: nothing more to be seen than warm
        assert isinstance(partitions_of(world), MemoryPartitionStore)
    fill(world, 1)
    few = history(world, cold=cold)
    many_world = world.new_world()
    fill(many_world, 30)
    many = history(many_world, cold=cold)
    for name, calls in many.items():
        assert calls, f"{name} asked nothing of the engine"
        assert not any(call.is_scan for call in calls), name
        own = {f"{kind}#{D}" for kind in ("dialogue", "audit", "journal", "turn")}
        assert f"dialogue#{D}" in {pk for call in calls for pk in call.partitions} <= own, name
        assert shape(calls) == shape(few[name]), name


def shape(calls: list[EngineCall]) -> list[tuple[str, int]]:
    return [(call.operation, len(call.touches)) for call in calls]


def partitions_of(world: World) -> PartitionStore:
    raw = world.open().raw
    assert isinstance(raw, PartitionRaw)
    return raw._partitions


def test_a_warm_write_is_one_commit_and_a_read_one_query_beside_the_chain(world: World) -> None:
    """Shaped for speed: nothing is read before a write whose partition is known."""
    fill(world, 1)
    heard = history(world, cold=False)
    for name, calls in heard.items():
        verbs = {touch.verb for call in calls for touch in call.touches}
        if METHODS[name].kind == "read":
            assert verbs == {"query"}, name
            assert len(calls) == 2, name  # the write chain's last event, the partition
        elif name != "create_dialogue":
            # SQLite looks at a row to judge its condition; some commits look whether somebody waits.
            assert verbs <= {"put", "get", "check"}, name
            if world.target.name == "dynamodb":
                assert [call.operation for call in calls] == ["TransactWriteItems"], name
            if world.target.name == "memory":
                assert [call.operation for call in calls] == ["commit"], name


def test_only_a_missing_master_key_scans(world: World) -> None:
    """KEY-02: before a key is made the store asks once whether wrapped keys are there."""
    fill(world, 1)
    store = world.open(key_file=world.root / "gone" / "umk.key").store
    assert isinstance(store, EncryptedStore)
    with recorded(store.partitions) as log, pytest.raises(Exception, match="umk_missing"):
        store.get_dialogue("other-0")
    assert sum(call.is_scan for call in log) == 1
