"""STORE-10, STORE-20: the life of a dialogue and of a store."""

from __future__ import annotations

from functools import partial

import pytest

from conformance.running.session import World
from conformance.suite.kit.builders import (
    CORE_METHODS,
    KINDS,
    PARTITION_LISTS,
    begin,
    call,
    calls,
    changes,
    code_of,
    codes,
    listed,
    partition,
    populate,
    register,
    set_status,
    shown,
    without,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import METHODS

pytestmark = profile("core")


@rules("STORE-12")
def test_a_new_dialogue_has_its_fields_and_defaults(store: DialogueStore) -> None:
    full = shown(
        store.create_dialogue(
            "tides",
            "Which harbour?",
            question="Where do we land?",
            output_dir="out/harbour",
            background={
                "subject": "Landing",
                "description": "A coast",
                "constraints": "Before dark",
                "situation": "Swell",
            },
            calibrated=True,
            domain_id="sea",
            ethos_id="calm",
        )
    )
    bare = shown(store.create_dialogue("bare", "Bare"))
    times = {name: full[name] for name in ("created_at", "updated_at")}
    assert full == {
        "dialogue_id": "tides",
        "status": "open",
        **times,
        "converged_at": None,
        "total_rounds": 0,
        "total_alignment": 0,
        "calibrated": True,
        "domain_id": "sea",
        "ethos_id": "calm",
        "title": "Which harbour?",
        "question": "Where do we land?",
        "output_dir": "out/harbour",
        "background": {
            "subject": "Landing",
            "description": "A coast",
            "constraints": "Before dark",
            "situation": "Swell",
        },
    }
    assert without(bare, "created_at", "updated_at") == {
        "dialogue_id": "bare",
        "status": "open",
        "converged_at": None,
        "total_rounds": 0,
        "total_alignment": 0,
        "calibrated": False,
        "domain_id": None,
        "ethos_id": None,
        "title": "Bare",
        "question": None,
        "output_dir": None,
        "background": None,
    }
    assert [shown(store.get_dialogue("tides")), shown(store.get_dialogue("bare"))] == [full, bare]


@rules("STORE-07")
def test_a_dialogue_is_created_once(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    before = partition(store, "tides")
    with expect_error("duplicate_entity"):
        store.create_dialogue("tides", "Another title")
    assert partition(store, "tides") == before


@rules("STORE-10")
def test_converged_at_is_set_when_the_dialogue_converges(store: DialogueStore) -> None:
    begin(store, "tides")
    seen = [
        shown(store.get_dialogue("tides")),
        *(
            shown(store.update_dialogue_status("tides", status))
            for status in ("converging", "open", "converging", "converged")
        ),
    ]
    begin(store, "given-up")
    abandoned = shown(store.update_dialogue_status("given-up", "abandoned"))
    assert [one["converged_at"] for one in seen[:-1]] == [None] * 4
    assert seen[-1]["converged_at"] == seen[-1]["updated_at"]
    assert (seen[-1]["status"], seen[-1]["updated_at"] > seen[-2]["updated_at"]) == (
        "converged",
        True,
    )
    assert (abandoned["status"], abandoned["converged_at"]) == ("abandoned", None)
    assert shown(store.get_dialogue("tides")) == seen[-1]


@rules("STORE-10")
@pytest.mark.parametrize("status", ["open", "converging"])
def test_a_final_verdict_converges_the_dialogue_in_the_same_write(
    store: DialogueStore, status: str
) -> None:
    begin(store, "tides")
    if status != "open":
        store.update_dialogue_status("tides", status)
    before = partition(store, "tides")
    verdict = shown(store.register_verdict("tides", "v", "final", 0, "Wait", "For the tide."))
    after = partition(store, "tides")
    assert changes(before, after) == {
        "+verdicts v",
        "dialogue: status",
        "dialogue: converged_at",
        "dialogue: updated_at",
    }
    assert after["revision"] == before["revision"] + 1
    assert (
        after["dialogue"]["status"],
        after["dialogue"]["converged_at"],
        after["dialogue"]["updated_at"],
        after["verdicts"],
    ) == ("converged", verdict["created_at"], verdict["created_at"], [verdict])


@rules("STORE-10")
@pytest.mark.parametrize("verdict_type", ["interim", "minority", "dissent"])
def test_another_verdict_leaves_the_dialogue_as_it_is(
    store: DialogueStore, verdict_type: str
) -> None:
    begin(store, "tides")
    before = partition(store, "tides")
    store.register_verdict("tides", "v", verdict_type, 0, "Wait", "For the tide.")
    assert changes(before, partition(store, "tides")) == {"+verdicts v"}


@rules("STORE-10")
@pytest.mark.parametrize("how", ["final verdict", "converged", "abandoned"])
def test_a_dialogue_that_has_ended_takes_no_final_verdict(store: DialogueStore, how: str) -> None:
    begin(store, "tides")
    if how == "final verdict":
        store.register_verdict("tides", "v", "final", 0, "Wait", "For the tide.")
    else:
        store.update_dialogue_status("tides", how)
    before = partition(store, "tides")
    with expect_error("invalid_status_transition"):
        store.register_verdict("tides", "v-2", "final", 0, "Land", "Now.")
    assert partition(store, "tides") == before
    store.register_verdict("tides", "v-2", "dissent", 0, "Land", "Now.")
    assert changes(before, partition(store, "tides")) == {"+verdicts v-2"}


@rules("STORE-10")
@pytest.mark.parametrize("status", ["converged", "abandoned"])
def test_a_dialogue_that_has_ended_stays_writable(store: DialogueStore, status: str) -> None:
    populate(store, "tides")
    store.update_dialogue_status("tides", status)
    ended = shown(store.get_dialogue("tides"))
    done = calls("tides")
    del done["update_dialogue_status"]
    before = partition(store, "tides")
    refused = codes({name: partial(call, store, name, args) for name, args in done.items()})
    after = partition(store, "tides")
    assert refused == dict.fromkeys(done)
    grown = {name for name in PARTITION_LISTS if len(after[name]) > len(before[name])}
    assert grown == set(PARTITION_LISTS)
    assert {name: after["dialogue"][name] for name in ("status", "converged_at")} == {
        name: ended[name] for name in ("status", "converged_at")
    }


@rules("STORE-10")
def test_verdicts_moves_refs_and_events_never_change(store: DialogueStore) -> None:
    populate(store, "tides")
    kept = ("verdicts", "moves", "refs", "events", "signals")
    before = partition(store, "tides")
    for args in calls("tides").items():
        call(store, *args)
    store.register_verdict("tides", "last", "final", 3, "Wait", "For the tide.")
    after = partition(store, "tides")
    for name in kept:
        assert len(after[name]) > len(before[name])
        assert [one for one in before[name] if one not in after[name]] == []


@rules("STORE-23")
def test_what_no_method_changes_stays_as_written(store: DialogueStore) -> None:
    populate(store, "tides")
    before = partition(store, "tides")
    footprint = {}
    for name, args in calls("tides").items():
        if METHODS[name].kind == "read":
            continue
        call(store, name, args)
        after = partition(store, "tides")
        footprint[name] = {
            what
            for what in changes(before, after)
            if not what.startswith("+") and not what.endswith(": updated_at")
        }
        before = after
    assert {name: what for name, what in footprint.items() if what} == {
        "update_dialogue_status": {"dialogue: status"},
        "record_expert_response": {"experts scone: raw_content"},
        "update_expert_score": {"experts scone: scores", "experts scone: total_score"},
        "create_round": {"dialogue: total_rounds", "dialogue: total_alignment"},
        "update_round_status": {"rounds 1: status"},
        "update_perspective_status": {"perspectives P0101: status"},
        "update_tension_status": {"tensions T0102: status"},
        "update_recommendation_status": {
            "recommendations R0101: status",
            "recommendations R0101: adopted_in_verdict",
        },
        "update_evidence_status": {"evidence E0101: status"},
        "update_claim_status": {"claims C0101: status"},
    }


@rules("STORE-23")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_a_status_change_leaves_every_other_entity_alone(
    store: DialogueStore, kind: object
) -> None:
    chosen = KINDS[str(kind)]
    begin(store, "tides", rounds=[0, 1])
    store.register_verdict("tides", "v-interim", "interim", 0, "Wait", "Tide")
    for number in (1, 1, 1, 0, 0, 0):
        register(store, chosen, "tides", number)
    before = partition(store, "tides")
    status = {
        "perspective": "refined",
        "tension": "addressed",
        "recommendation": "adopted",
        "evidence": "challenged",
        "claim": "opposed",
    }[chosen.entity]
    own = chosen.id(1, 2)
    set_status(store, chosen, "tides", own, status, event_round=1)
    want = {f"{chosen.plural} {own}: status", f"{chosen.plural} {own}: updated_at"}
    if status == "adopted":
        want.add(f"{chosen.plural} {own}: adopted_in_verdict")
    found = changes(before, partition(store, "tides"))
    assert {what for what in found if not what.startswith("+events")} == want


# -- the store -----------------------------------------------------------------------------------------


@rules("STORE-20")
def test_a_closed_store_refuses_every_method(world: World) -> None:
    store = world.open().store
    begin(store, "tides")
    store.close()
    every = calls("tides") | {"create_dialogue": {"dialogue_id": "ebb", "title": "Ebb"}}
    refused = codes({name: partial(call, store, name, args) for name, args in every.items()})
    assert refused == dict.fromkeys(CORE_METHODS, "store_closed")


@rules("STORE-20")
def test_a_store_may_be_closed_twice(world: World) -> None:
    store = world.open().store
    begin(store, "tides")
    store.close()
    store.close()
    with expect_error("store_closed"):
        store.get_dialogue("tides")
    store.close()


@rules("STORE-20")
def test_a_store_is_a_context_manager(world: World) -> None:
    with world.open().store as store:
        begin(store, "tides")
        inside = shown(store.get_dialogue("tides"))["dialogue_id"]
    assert inside == "tides"
    with expect_error("store_closed"):
        store.get_dialogue("tides")


@rules("STORE-20")
def test_a_store_is_closed_when_its_block_fails(world: World) -> None:
    store = world.open().store
    begin(store, "tides")
    with expect_error("dialogue_not_found"), store:
        store.get_dialogue("ebb")
    with expect_error("store_closed"):
        store.get_dialogue("tides")


@rules("STORE-20")
def test_closing_one_client_leaves_the_other_open(world: World) -> None:
    one, other = world.open().store, world.open().store
    begin(one, "tides")
    one.close()
    other.create_round("tides", 5)
    assert [round["round"] for round in listed(other.get_rounds("tides"))] == [0, 5]
    assert code_of(lambda: one.get_rounds("tides")) == "store_closed"
