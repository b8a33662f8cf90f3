"""ADDR-09: one write, one time, later than all before it.

Where the target's clock can be set, times are compared to the microsecond; elsewhere their form and order.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from conformance.suite.kit.builders import (
    KINDS,
    Kind,
    begin,
    call,
    calls,
    codes,
    listed,
    partition,
    populate,
    register,
    set_status,
    shown,
    walk,
)
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import METHODS

if TYPE_CHECKING:
    from conformance.suite.conftest import Clock

pytestmark = profile("core")

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def at(microseconds: int) -> str:
    """So many microseconds after a quarter past ten."""
    return f"2026-02-03T10:15:{microseconds // 1_000_000:02d}.{microseconds % 1_000_000:06d}Z"


def ranks(times: list[str]) -> list[int]:
    """The place of each time among all of them: what is left of times without their values."""
    order = sorted(set(times))
    return [order.index(time) for time in times]


def check(clock: Clock, times: list[str], expected: list[str]) -> None:
    """The times are the expected ones or, under a clock of its own, in their order."""
    assert [time for time in times if not FORM.fullmatch(str(time))] == []
    if clock.controlled:
        assert times == expected
    assert ranks(times) == ranks(expected)


def _created(store: DialogueStore, dialogue_id: str) -> dict[str, str]:
    """created_at of everything in a dialogue, by a name for it."""
    whole = partition(store, dialogue_id)
    return {
        "dialogue": whole["dialogue"]["created_at"],
        **{f"round {r['round']}": r["created_at"] for r in whole["rounds"]},
        **{e["expert_slug"]: e["created_at"] for e in whole["experts"]},
        **{e["display_id"]: e["created_at"] for k in KINDS.values() for e in whole[k.plural]},
        **{f"{r['source_id']} {r['target_id']}": r["created_at"] for r in whole["refs"]},
        **{f"event of {e['entity_id']}": e["created_at"] for e in whole["events"]},
        **{f"signal {s['round']}": s["created_at"] for s in whole["signals"]},
        **{v["verdict_id"]: v["created_at"] for v in whole["verdicts"]},
        **{f"move {m['seq']}": m["created_at"] for m in whole["moves"]},
    }


@rules("ADDR-09")
def test_one_write_has_one_time(store: DialogueStore, clock: Clock) -> None:
    clock.set(at(13))
    dialogue = shown(store.create_dialogue("tides", "Tides"))
    clock.set(at(1_001))
    first = shown(store.create_round("tides", 1, score=4))
    counted = shown(store.get_dialogue("tides"))
    clock.set(at(2_012))
    store.register_claim("tides", 1, "Late", "It is late.", [])
    clock.set(at(3_123))
    tension = shown(
        store.register_tension(
            "tides", 1, "Now?", "Now or later?", [], [{"type": "question", "target": "C0101"}]
        )
    )
    event = listed(store.get_events("tides"))[0]
    ref = listed(store.get_refs("tides"))[0]
    clock.set(at(4_999))
    comment = shown(store.comment_tension("tides", "T0101", ["judge"], 1, "Later."))
    clock.set(at(5_050))
    completed = shown(store.update_round_status("tides", 1, "completed"))
    clock.set(at(6_007))
    verdict = shown(store.register_verdict("tides", "v", "final", 1, "Wait", "Tide"))
    converged = shown(store.get_dialogue("tides"))
    check(
        clock,
        [
            *(dialogue["created_at"], dialogue["updated_at"]),
            *(first["created_at"], first["updated_at"], counted["updated_at"]),
            *(tension["created_at"], tension["updated_at"]),
            *(event["timestamp"], event["created_at"], ref["created_at"]),
            *(comment["timestamp"], comment["created_at"]),
            *(completed["updated_at"], completed["completed_at"]),
            *(verdict["created_at"], converged["updated_at"], converged["converged_at"]),
        ],
        [
            *(at(13), at(13)),
            *(at(1_001), at(1_001), at(1_001)),
            *(at(3_123), at(3_123), at(3_123), at(3_123), at(3_123)),
            *(at(4_999), at(4_999)),
            *(at(5_050), at(5_050)),
            *(at(6_007), at(6_007), at(6_007)),
        ],
    )
    assert completed["created_at"] == first["created_at"]


@rules("ADDR-09")
@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.with_events], ids=str)
def test_a_status_change_and_its_event_have_one_time(
    store: DialogueStore, clock: Clock, kind: Kind
) -> None:
    clock.set(at(0))
    begin(store, "tides")
    made = shown(register(store, kind, "tides", 0))
    clock.set(at(1_000))
    status = walk(
        kind.entity, {"tension": "resolved", "recommendation": "amended"}.get(kind.entity, "merged")
    )[-1:]
    changed = shown(set_status(store, kind, "tides", kind.id(0, 1), *status))
    told = [event for event in listed(store.get_events("tides")) if event["event_type"] in status]
    check(clock, [made["updated_at"], changed["updated_at"]], [at(2), at(1_000)])
    assert changed["created_at"] == made["created_at"]
    for event in told:
        assert [event["timestamp"], event["created_at"]] == [changed["updated_at"]] * 2


def _one_of_each(store: DialogueStore, dialogue_id: str) -> list[str]:
    """A write of every kind that makes something new; the names of :func:`_created`, as written."""
    begin(store, dialogue_id, experts=["muffin"])
    for kind in KINDS.values():
        register(store, kind, dialogue_id, 0)
    store.register_ref(dialogue_id, "P0001", "support", "C0001")
    store.record_convergence_signal(dialogue_id, 0, "muffin")
    store.register_move(dialogue_id, 0, "muffin", "concede")
    store.register_verdict(dialogue_id, "v", "interim", 0, "Wait", "Tide")
    return [
        *("dialogue", "round 0", "muffin", *(kind.id(0, 1) for kind in KINDS.values())),
        *("P0001 C0001", "signal 0", "move 1", "v"),
    ]


@rules("ADDR-09")
def test_under_a_clock_that_stands_still_each_write_is_a_microsecond_later(
    store: DialogueStore, clock: Clock
) -> None:
    clock.set(at(0))
    names = _one_of_each(store, "tides")
    made = _created(store, "tides")
    check(clock, [made[name] for name in names], [at(number) for number in range(len(names))])
    for kind in KINDS.values():
        if kind.with_events:
            assert made[f"event of {kind.id(0, 1)}"] == made[kind.id(0, 1)]
    clock.needed("the times of writes under a clock that stands still")


@rules("ADDR-09")
def test_a_clock_that_goes_back_does_not_take_the_store_along(
    store: DialogueStore, clock: Clock
) -> None:
    clock.set(at(5_000_000))
    store.create_dialogue("tides", "Tides")
    clock.set(at(0))
    store.create_round("tides", 0)
    clock.set(at(4_999_999))
    store.create_round("tides", 1)
    clock.set(at(5_000_002))
    store.create_round("tides", 2)
    clock.set(at(5_000_004))
    store.create_round("tides", 3)
    made = _created(store, "tides")
    check(
        clock,
        [made["dialogue"], *(made[f"round {number}"] for number in range(4))],
        [at(5_000_000), at(5_000_001), at(5_000_002), at(5_000_003), at(5_000_004)],
    )
    clock.needed("the times of writes after the clock went back")


@rules("ADDR-09")
def test_the_clock_is_each_dialogues_own(store: DialogueStore, clock: Clock) -> None:
    clock.set(at(9_000_000))
    store.create_dialogue("later", "Later")
    clock.set(at(0))
    store.create_dialogue("earlier", "Earlier")
    store.create_round("earlier", 0)
    store.create_round("later", 0)
    made = _created(store, "earlier"), _created(store, "later")
    times = [made[0]["dialogue"], made[0]["round 0"], made[1]["dialogue"], made[1]["round 0"]]
    expected = [at(0), at(1), at(9_000_000), at(9_000_001)]
    if clock.controlled:
        assert times == expected
    assert (times[0] < times[1], times[2] < times[3]) == (True, True)
    clock.needed("whether a dialogue's times keep clear of a later one's")


@rules("ADDR-09")
def test_what_writes_nothing_takes_no_time(store: DialogueStore, clock: Clock) -> None:
    clock.set(at(0))
    begin(store, "tides", experts=["muffin"])  # at 0, 1 and 2
    first = shown(register(store, KINDS["perspective"], "tides", 0))
    clock.set(at(1_000))
    listed(store.get_events("tides"))
    partition(store, "tides")
    refused = codes(
        {
            "round": lambda: store.create_round("tides", 0),
            "expert": lambda: store.register_expert("tides", "muffin", "Pilot", "Core"),
            "dialogue": lambda: store.create_dialogue("tides", "Tides"),
            "label": lambda: store.register_claim("tides", 0, "", "c", []),
        }
    )
    clock.set(at(0))
    claim = shown(store.register_claim("tides", 0, "Late", "It is late.", []))
    assert None not in refused.values()
    check(clock, [first["created_at"], claim["created_at"]], [at(3), at(4)])


@rules("ADDR-09")
def test_updated_at_moves_only_on_what_a_write_changes(store: DialogueStore) -> None:
    populate(store, "tides")

    def updated() -> dict[str, str]:
        whole = partition(store, "tides")
        named: list[tuple[str, Any]] = [("dialogue", whole["dialogue"])]
        named += [(f"round {r['round']}", r) for r in whole["rounds"]]
        named += [(e["expert_slug"], e) for e in whole["experts"]]
        named += [(e["display_id"], e) for k in KINDS.values() for e in whole[k.plural]]
        return {name: entity["updated_at"] for name, entity in named}

    moved: dict[str, list[str]] = {}
    before = updated()
    for name, args in calls("tides").items():
        if METHODS[name].kind == "read":
            continue
        call(store, name, args)
        after = updated()
        latest = max(before.values())
        moved[name] = sorted(
            (key if key in before else f"new {key[0]}")
            + ("" if after[key] > latest else " went back")
            for key in after
            if after[key] != before.get(key)
        )
        before = after
    assert {name: keys for name, keys in moved.items() if keys} == {
        "update_dialogue_status": ["dialogue"],
        "register_expert": ["new b"],
        "record_expert_response": ["scone"],
        "update_expert_score": ["scone"],
        "create_round": ["dialogue", "new r"],
        "update_round_status": ["round 1"],
        "register_perspective": ["new P"],
        "register_tension": ["new T"],
        "register_recommendation": ["new R"],
        "register_evidence": ["new E"],
        "register_claim": ["new C"],
        "update_perspective_status": ["P0101"],
        "update_tension_status": ["T0102"],
        "update_recommendation_status": ["R0101"],
        "update_evidence_status": ["E0101"],
        "update_claim_status": ["C0101"],
    }


LAST = "9999-12-31T23:59:59.999999Z"


@rules("ADDR-09")
def test_where_no_later_time_is_left_nothing_is_written(store: DialogueStore, clock: Clock) -> None:
    """The last time there is can be taken once."""
    begin(store, "tides", rounds=[0])
    clock.set(LAST)
    last = shown(store.register_claim("tides", 0, "Late", "It is late.", []))
    check(clock, [last["created_at"]], [LAST])
    clock.needed("what a write ends with where no later time is left")
    before = partition(store, "tides")
    found = codes(
        {
            "another claim": lambda: store.register_claim("tides", 0, "Later", "Later.", []),
            "a status": lambda: store.update_claim_status("tides", "C0001", "supported"),
            "a whole expert": lambda: store.register_expert("tides", "pie", "Cook", "Core"),
        }
    )
    assert found == dict.fromkeys(found, "limit_exceeded")
    assert partition(store, "tides") == before
