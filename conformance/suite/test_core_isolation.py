"""STORE-18, STORE-19, STORE-21, STORE-04: what a read sees, and what must not reach it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from conformance.running.session import World
from conformance.suite.kit.builders import (
    KINDS,
    PARTITION_LISTS,
    begin,
    call,
    calls,
    codes,
    everything,
    everything_in,
    listed,
    partition,
    populate,
    register,
    set_status,
    shown,
)
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import METHODS

pytestmark = profile("core")

WRITES = [name for name in calls("any") if METHODS[name].kind == "write"]

# -- one write, one commit -----------------------------------------------------------------------------


@rules("STORE-04")
def test_every_write_is_one_commit_and_every_read_is_none(store: DialogueStore) -> None:
    populate(store, "tides")
    steps = {}
    start = revision = partition(store, "tides")["revision"]
    for name in WRITES:
        call(store, name, calls("tides")[name])
        now = partition(store, "tides")["revision"]
        steps[name] = now - revision
        revision = now
    everything(store, "tides")
    for name, args in calls("tides").items():
        if name not in WRITES:
            call(store, name, args)
    assert steps == dict.fromkeys(WRITES, 1)
    assert partition(store, "tides")["revision"] == start + len(WRITES)


@rules("STORE-04")
def test_an_entity_with_everything_it_brings_is_one_commit(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[1, 3], experts=["muffin"])
    for kind in KINDS.values():
        register(store, kind, "tides", 1)
    before = partition(store, "tides")
    references = [{"type": "support", "target": f"{letter}0101"} for letter in "PRTEC"]
    shown(store.register_perspective("tides", 3, "l", "c", ["muffin"], references))
    middle = partition(store, "tides")
    shown(store.register_verdict("tides", "last", "final", 3, "Wait", "Tide"))
    after = partition(store, "tides")
    assert [middle["revision"] - before["revision"], after["revision"] - middle["revision"]] == [
        1,
        1,
    ]
    assert len(middle["refs"]) - len(before["refs"]) == 5
    assert len(middle["events"]) - len(before["events"]) == 1


# -- what a read sees ----------------------------------------------------------------------------------


@rules("STORE-18")
def test_a_read_sees_every_write_that_came_before(store: DialogueStore) -> None:
    """After each write its result is what the next read gives."""
    populate(store, "tides")
    where = {
        "Dialogue": lambda: [shown(store.get_dialogue("tides"))],
        "Expert": lambda: listed(store.get_experts("tides")),
        "Round": lambda: listed(store.get_rounds("tides")),
        "Signal": lambda: listed(store.get_convergence_signals("tides")),
        "Move": lambda: listed(store.get_moves("tides")),
        "Ref": lambda: listed(store.get_refs("tides")),
        "Verdict": lambda: listed(store.get_verdicts("tides")),
        "Event": lambda: listed(store.get_events("tides")),
        "Perspective": lambda: listed(store.get_perspectives("tides")),
        "Tension": lambda: listed(store.get_tensions("tides")),
        "Recommendation": lambda: listed(store.get_recommendations("tides")),
        "Evidence": lambda: listed(store.get_evidence("tides")),
        "Claim": lambda: listed(store.get_claims("tides")),
    }
    seen = {}
    for name in WRITES:
        made = plain(call(store, name, calls("tides")[name]))
        seen[name] = where[METHODS[name].returns]().count(made)
    assert seen == dict.fromkeys(WRITES, 1)


@rules("STORE-18")
def test_another_client_sees_every_write_at_once(world: World) -> None:
    one, other = world.open().store, world.open().store
    populate(one, "tides")
    start = partition(other, "tides")["revision"]
    seen = []
    for number, name in enumerate(WRITES):
        mine, theirs = (one, other) if number % 2 else (other, one)
        call(mine, name, calls("tides")[name])
        seen.append(partition(theirs, "tides")["revision"] - start)
    assert seen == list(range(1, len(WRITES) + 1))
    whole = partition(one, "tides")
    assert everything(other, "tides") == everything_in(whole)


@rules("STORE-18")
def test_a_client_that_only_reads_sees_every_write(world: World) -> None:
    """Whatever it has read before, and through whichever method."""
    writer, reader = world.open().store, world.open().store
    populate(writer, "tides")
    before = everything(reader, "tides")
    for name in WRITES:
        call(writer, name, calls("tides")[name])
        assert shown(reader.get_dialogue("tides")) == shown(writer.get_dialogue("tides"))
    after = everything_in(partition(writer, "tides"))
    assert {name for name in after if after[name] == before[name]} == set()
    assert everything(reader, "tides") == after


@rules("STORE-18")
def test_two_clients_in_turn_make_one_story(world: World) -> None:
    clients = [world.open().store for _ in range(2)]
    begin(clients[0], "tides", experts=["muffin", "scone"])
    for turn in range(6):
        store = clients[turn % 2]
        register(store, KINDS["tension"], "tides", 0, f"Turn {turn}")
        store.register_move("tides", 0, "muffin", "concede")
        store.update_expert_score("tides", "scone", 0, turn)
    set_status(clients[0], KINDS["tension"], "tides", "T0006", "addressed")
    set_status(clients[1], KINDS["tension"], "tides", "T0006", "resolved")
    whole = partition(clients[0], "tides")
    assert partition(clients[1], "tides") == whole
    assert [(one["display_id"], one["description"]) for one in whole["tensions"]] == [
        (f"T000{turn + 1}", f"Turn {turn}") for turn in range(6)
    ]
    assert [move["seq"] for move in whole["moves"]] == [1, 2, 3, 4, 5, 6]
    assert whole["experts"][1]["total_score"] == 5
    assert whole["tensions"][5]["status"] == "resolved"
    assert whole["revision"] == partition(clients[0], "tides")["revision"]


@rules("STORE-18")
def test_what_was_written_is_there_after_opening_again(world: World) -> None:
    store = world.open().store
    populate(store, "tides")
    before = partition(store, "tides")
    store.close()
    again = world.open().store
    assert everything(again, "tides") == everything_in(before)
    again.register_claim("tides", 1, "l", "c", [])
    assert len(listed(again.get_claims("tides"))) == len(before["claims"]) + 1


@rules("STORE-18")
def test_reading_changes_nothing(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[1, 3], experts=["muffin"])
    for kind in KINDS.values():
        register(store, kind, "tides", 1)
    first = partition(store, "tides")
    for name, args in calls("tides").items():
        if name not in WRITES:
            call(store, name, args)
    assert everything(store, "tides") == everything_in(first)
    assert len(first["events"]) == 3


# -- dialogues apart -----------------------------------------------------------------------------------

#: The longer ones first: what is looked for later may be their beginning, or their pattern.
NEIGHBOURS = ["a-b-c", "a-b", "a.b", "a_b", "ab", "a-", "a.", "a", "A", "0"]


@rules("STORE-19")
def test_dialogues_whose_ids_share_a_prefix_are_apart(store: DialogueStore) -> None:
    for name in NEIGHBOURS:
        store.create_dialogue(name, f"Title of {name}")
        store.create_round(name, 0, score=3)
        store.register_expert(name, "muffin", f"Pilot of {name}", "Core")
        store.register_tension(name, 0, "l", f"Tension of {name}", [])
        store.register_claim(name, 0, "l", f"Claim of {name}", [])
        store.record_convergence_signal(name, 0, "muffin")
    seen = {}
    for name in NEIGHBOURS:
        whole = partition(store, name)
        seen[name] = (
            whole["dialogue"]["title"],
            whole["dialogue"]["total_alignment"],
            [expert["role"] for expert in whole["experts"]],
            [(one["display_id"], one["description"]) for one in whole["tensions"]],
            [event["dialogue_id"] for event in whole["events"]],
            [signal["dialogue_id"] for signal in whole["signals"]],
        )
    assert seen == {
        name: (
            f"Title of {name}",
            3,
            [f"Pilot of {name}"],
            [("T0001", f"Tension of {name}")],
            [name],
            [name],
        )
        for name in NEIGHBOURS
    }
    for name in NEIGHBOURS:
        assert everything(store, name) == everything_in(partition(store, name))


@rules("STORE-19")
def test_no_write_to_one_dialogue_changes_a_read_of_another(store: DialogueStore) -> None:
    begin(store, "a-b", rounds=[0, 1], experts=["muffin"])
    register(store, KINDS["tension"], "a-b", 1)
    populate(store, "a")
    populate(store, "a.b")
    before = {name: partition(store, name) for name in ("a", "a-b")}
    changed = []
    for name in WRITES:
        call(store, name, calls("a.b")[name])
        if partition(store, "a-b") != before["a-b"]:
            changed.append(name)
    assert changed == []
    for name, whole in before.items():
        assert everything(store, name) == everything_in(whole)


@rules("STORE-19")
def test_entities_of_one_dialogue_are_unknown_in_another(store: DialogueStore) -> None:
    begin(store, "a", rounds=[1], experts=["muffin"])
    register(store, KINDS["tension"], "a", 1)
    begin(store, "a-b", rounds=[0], experts=["brioche"])
    register(store, KINDS["claim"], "a-b", 0)
    before = partition(store, "a-b")
    refused = codes(
        {
            "expert": lambda: store.update_expert_score("a-b", "muffin", 0, 1),
            "entity": lambda: store.update_tension_status("a-b", "T0101", "resolved", ["x"], 0),
            "events": lambda: store.get_events("a-b", "T0101"),
            "ref": lambda: store.register_ref("a-b", "C0001", "support", "T0101"),
            "target": lambda: store.register_move("a-b", 0, "brioche", "defend", ["T0101"]),
            "verdict": lambda: store.register_verdict(
                "a-b", "v", "interim", 0, "r", "d", tensions_accepted=["T0101"]
            ),
        }
    )
    assert {name: code for name, code in refused.items() if code is None} == {}
    assert partition(store, "a-b") == before
    assert shown(store.register_verdict("a-b", "v-interim", "interim", 0, "r", "d"))["round"] == 0


@rules("STORE-19")
def test_any_sequence_of_writes_stays_in_its_dialogue(store: DialogueStore, seed: int) -> None:
    """Two dialogues written in turns end as each would have ended alone."""
    dice = random.Random(seed)
    plans = {name: list(WRITES) for name in ("a", "a-b")}
    for plan in plans.values():
        dice.shuffle(plan)
    for name in plans:
        populate(store, name)
    while any(plans.values()):
        name = dice.choice([name for name, plan in plans.items() if plan])
        step = plans[name].pop()
        call(store, step, calls(name)[step])

    def timeless(value: Any) -> Any:
        if isinstance(value, list):
            return [timeless(member) for member in value]
        if not isinstance(value, dict):
            return value
        dropped = ("dialogue_id", "timestamp", "created_at", "updated_at", "completed_at")
        return {name: timeless(member) for name, member in value.items() if name not in dropped}

    wholes = [timeless(partition(store, name)) for name in ("a", "a-b")]
    for whole in wholes:  # their order in time is that of the shuffled plan
        whole["events"].sort(key=lambda event: (event["entity_id"], event["event_type"]))
    assert wholes[0]["dialogue"]["status"] == "converging"
    assert wholes[0] == wholes[1]


# -- results and arguments are copies ------------------------------------------------------------------


def _containers(value: Any) -> Iterator[Any]:
    """Every list and object inside a result, the innermost first."""
    inside: list[Any] = []
    if is_dataclass(value) and not isinstance(value, type):
        inside = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, list | tuple):
        inside = list(value)
    for member in inside:
        yield from _containers(member)
    if isinstance(value, list | dict) or is_dataclass(value):
        yield value


def _spoil(result: Any) -> None:
    """Change whatever of a result can be changed."""
    for found in list(_containers(result)):
        try:
            if isinstance(found, dict):
                found.clear()
                found["spoilt"] = "spoilt"
            elif isinstance(found, list):
                found.clear()
                found.append("spoilt")
            else:
                for field in fields(found):
                    setattr(found, field.name, "spoilt")
        except (AttributeError, TypeError):  # immutable: as good
            continue


@rules("STORE-21")
def test_changing_what_a_read_returned_changes_nothing(store: DialogueStore) -> None:
    populate(store, "tides")
    before = partition(store, "tides")
    for name, args in calls("tides").items():
        if name not in WRITES:
            _spoil(call(store, name, args))
    assert before["dialogue"]["title"] == "Which harbour?"
    assert everything(store, "tides") == everything_in(before)


@rules("STORE-21")
def test_changing_what_a_write_returned_changes_nothing(store: DialogueStore) -> None:
    populate(store, "tides")
    results = [call(store, name, args) for name, args in calls("tides").items() if name in WRITES]
    before = partition(store, "tides")
    for result in results:
        _spoil(result)
    assert [type(result).__name__ for result in results] == [
        METHODS[name].returns for name in WRITES
    ]
    assert everything(store, "tides") == everything_in(before)


@rules("STORE-21")
def test_a_repeat_gives_a_result_of_its_own(store: DialogueStore) -> None:
    begin(store, "tides")
    first = plain(store.register_recommendation("tides", 0, "l", "c", ["muffin"], {"a": [1]}))
    _spoil(store.get_recommendations("tides"))
    _spoil(store.load_partition("tides"))
    assert listed(store.get_recommendations("tides"))[-1] == first


def _rich_calls() -> dict[str, dict[str, Any]]:
    """Writes with everything that can be changed later: lists, objects, lists of objects."""
    said = {"round": 3, "label": "l"}
    given: dict[str, dict[str, Any]] = {
        **{
            f"register_{kind.entity}": {
                **said,
                kind.text: "c",
                "contributors": ["muffin"],
                "references": [{"type": "support", "target": "C0101"}],
            }
            for kind in KINDS.values()
        },
        "create_dialogue": {
            "dialogue_id": "ebb",
            "title": "Ebb",
            "background": {"subject": "Landing"},
        },
        "create_round": {"round": 7, "metrics": {"panel_size": 3}},
        "register_recommendation": {
            **said,
            "content": "c",
            "contributors": ["muffin"],
            "parameters": {"a": [1, {"b": [2]}]},
            "references": [{"type": "support", "target": "C0101"}],
        },
        "register_move": {
            "round": 3,
            "expert_slug": "muffin",
            "move_type": "request",
            "targets": ["salt"],
        },
        "register_verdict": {
            "verdict_id": "v-new",
            "verdict_type": "interim",
            "round": 3,
            "recommendation": "r",
            "description": "d",
            "conditions": ["calm"],
            "supporting_experts": ["muffin"],
            "tensions_accepted": ["T0101"],
            "ethos_compliance": {"fully_compliant": True, "exceptions": ["x"], "violations": []},
        },
        "update_tension_status": {
            "entity_id": "T0102",
            "status": "resolved",
            "actors": ["judge"],
            "event_round": 3,
        },
        "update_perspective_status": {
            "entity_id": "P0102",
            "status": "merged",
            "actors": ["judge"],
            "event_round": 3,
        },
        "update_recommendation_status": {
            "entity_id": "R0102",
            "status": "amended",
            "actors": ["judge"],
            "event_round": 3,
        },
        "comment_tension": {
            "entity_id": "T0102",
            "actors": ["muffin"],
            "event_round": 3,
            "reason": "Yes",
        },
    }
    return {name: {"dialogue_id": "tides", **args} for name, args in given.items()}


@rules("STORE-21")
def test_changing_lists_and_objects_that_a_write_returned_changes_nothing(
    store: DialogueStore,
) -> None:
    populate(store, "tides")
    results = [call(store, name, args) for name, args in _rich_calls().items()]
    before = {name: partition(store, name) for name in ("tides", "ebb")}
    for result in results:
        _spoil(result)
    assert before["tides"]["recommendations"][-1]["parameters"] == {"a": [1, {"b": [2]}]}
    for name, whole in before.items():
        assert everything(store, name) == everything_in(whole)


@rules("STORE-21")
def test_changing_what_a_write_was_given_changes_nothing(store: DialogueStore) -> None:
    populate(store, "tides")
    arguments = _rich_calls()
    copies = plain(arguments)
    results = {name: call(store, name, args) for name, args in arguments.items()}
    assert arguments == copies  # nor does the store change what it was given
    before = {name: partition(store, name) for name in ("tides", "ebb")}
    shown_before = plain(results)
    for args in arguments.values():
        _spoil(args)
    assert shown(results["register_recommendation"])["parameters"] == {"a": [1, {"b": [2]}]}
    assert plain(results) == shown_before
    for name, whole in before.items():
        assert everything(store, name) == everything_in(whole)


@rules("STORE-21")
@pytest.mark.parametrize("as_tuple", [False, True], ids=["lists", "tuples"])
def test_lists_and_tuples_are_the_same(store: DialogueStore, as_tuple: bool) -> None:
    begin(store, "tides")
    register(store, KINDS["tension"], "tides", 0)
    actors: Any = ("judge", "muffin") if as_tuple else ["judge", "muffin"]
    store.comment_tension("tides", "T0001", actors, 0, "Yes")
    made = shown(store.register_claim("tides", 0, "l", "c", actors))
    assert made["contributors"] == ["judge", "muffin"]
    assert listed(store.get_events("tides"))[-1]["actors"] == ["judge", "muffin"]


@rules("STORE-23")
def test_long_lists_are_whole(store: DialogueStore) -> None:
    """More than a page, or a transaction, of a hundred."""
    begin(store, "tides", rounds=[0, 1], experts=[f"e-{number}" for number in range(103)])
    for number in range(103):
        store.register_claim("tides", number % 2, f"Claim {number}", "It is late.", [])
        store.record_convergence_signal("tides", number % 2, f"e-{number}")
    targets = [f"C000{seq}" for seq in range(1, 8)]
    for _ in range(15):
        references = [{"type": "support", "target": target} for target in targets]
        store.register_perspective("tides", 0, "In short", "It is late.", [], references)
    store.register_tension("tides", 0, "In short", "Late or early?", [])
    for number in range(101):
        store.comment_tension("tides", "T0001", ["judge"], 0, f"Number {number}")
    whole = partition(store, "tides")
    assert {name: len(whole[name]) for name in ("experts", "claims", "refs", "signals")} == {
        "experts": 103,
        "claims": 103,
        "refs": 105,
        "signals": 103,
    }
    said = [event["reason"] for event in listed(store.get_events("tides", "T0001"))]
    assert said == [None, *(f"Number {number}" for number in range(101))]
    labels = [claim["label"] for claim in whole["claims"]]
    assert labels == [f"Claim {number}" for number in (*range(0, 103, 2), *range(1, 103, 2))]
    assert everything(store, "tides") == everything_in(whole)


@rules("STORE-23")
def test_lists_are_whole_and_the_same_in_every_read(store: DialogueStore) -> None:
    populate(store, "tides")
    whole = partition(store, "tides")
    reads = {
        "experts": store.get_experts,
        "rounds": store.get_rounds,
        "verdicts": store.get_verdicts,
        "moves": store.get_moves,
        "refs": store.get_refs,
        "events": store.get_events,
        "signals": store.get_convergence_signals,
        **{kind.plural: getattr(store, f"get_{kind.plural}") for kind in KINDS.values()},
    }
    assert sorted(reads) == sorted(PARTITION_LISTS)
    assert {name: len(whole[name]) for name in PARTITION_LISTS if name != "events"} == {
        "experts": 3,
        "rounds": 3,
        "verdicts": 2,
        "moves": 4,
        "refs": 4,
        "signals": 3,
        "perspectives": 4,
        "tensions": 4,
        "recommendations": 5,
        "evidence": 4,
        "claims": 4,
    }
    assert {name: plain(read("tides")) for name, read in reads.items()} == {
        name: whole[name] for name in PARTITION_LISTS
    }
    assert whole["dialogue"] == plain(store.get_dialogue("tides"))
    assert whole["findings"] == []
    assert plain(store.load_partition("tides", on_error="collect")) == whole
