"""What a store may not take for something else: names that begin alike or look like patterns, members whose
names differ little, doubles and order in lists, rounds of two digits, what was not there yet."""

from __future__ import annotations

from functools import partial
from typing import Any

from conformance.running.session import World
from conformance.suite.conftest import Clock
from conformance.suite.kit.builders import (
    KINDS,
    as_json,
    begin,
    call,
    calls,
    changes,
    codes,
    listed,
    partition,
    populate,
    register,
    set_status,
    shown,
)
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("core")

#: Identifiers that are one another's beginnings, the longer ones first, that differ in one character which
#: is any other to a query, in case only, or look like a value of another type.
ALIKE = (
    *("muffin-2", "muffin.2", "muffin_2", "muffin22", "muffin2", "muffin.", "muffin", "muf"),
    *("m_ffin", "m-ffin", "Muffin", "MUFFIN"),
    *("true", "null", "007", "7", "1e3", "1000", "2026-02-03", "0x1F", "constructor"),
)


@rules("ADDR-01")
def test_experts_whose_slugs_are_alike_are_others(store: DialogueStore) -> None:
    """Each has what was written of it, its own moves and its own signal."""
    begin(store, "tides", experts=ALIKE)
    for number, slug in enumerate(ALIKE):
        store.update_expert_score("tides", slug, 0, number)
        store.register_move("tides", 0, slug, "request", [slug])
        store.record_convergence_signal("tides", 0, slug)
    whole = partition(store, "tides")
    ordered = sorted(ALIKE)
    assert {one["expert_slug"]: one["scores"] for one in whole["experts"]} == {
        slug: {"00": number} for number, slug in enumerate(ALIKE)
    }
    assert [(one["expert_slug"], one["seq"], one["targets"]) for one in whole["moves"]] == [
        (slug, 1, [slug]) for slug in ordered
    ]
    assert [one["expert_slug"] for one in whole["signals"]] == ordered


@rules("ADDR-01")
def test_verdicts_whose_ids_are_alike_are_others(store: DialogueStore) -> None:
    """And a name is a text wherever it stands, whatever it looks like."""
    begin(store, "tides")
    for name in ALIKE:
        register(store, KINDS["recommendation"], "tides", 0, contributors=[name])
        store.register_verdict(
            "tides", name, "interim", 0, name, "d", author_expert=name, supporting_experts=[name]
        )
    for seq, name in enumerate(ALIKE, start=1):
        adopt = partial(set_status, store, KINDS["recommendation"], "tides", f"R00{seq:02d}")
        adopt("adopted", verdict_id=name)
    whole = partition(store, "tides")
    assert sorted(
        [one["verdict_id"], one["recommendation"], one["author_expert"], *one["supporting_experts"]]
        for one in whole["verdicts"]
    ) == [[name] * 4 for name in sorted(ALIKE)]
    assert [
        (*one["contributors"], one["adopted_in_verdict"]) for one in whole["recommendations"]
    ] == [(name, name) for name in ALIKE]


#: Members whose names differ in case or normal form, or mean something to a language.
_NAMES = (
    *("a", "A", "\u00e9", "e\u0301", "\u00df", "ss", "\u0131", "i", "I", "\u212a", "k", "0", "00"),
    *("__proto__", "constructor", "toString", "$ref", "$oid", "N", "NULL", "a.b", "a b", "", " "),
)
#: Texts that are values of other types elsewhere.
_TEXTS = (
    *("true", "false", "null", "1", "1.0", "1e3", "0x1F", "NaN", "Infinity", "yes", "12:30", ""),
    *("2026-02-03", "2026-02-03T10:15:00Z", "[1]", '{"a": 1}', "\\u0041", "2+3j", "1_000", " "),
)


@rules("STORE-12")
def test_members_of_objects_are_neither_folded_nor_retyped(store: DialogueStore) -> None:
    given = {
        "names": {name: number for number, name in enumerate(_NAMES)},
        "texts": list(_TEXTS),
        "by name": {text: text for text in _TEXTS},
        **{name: name for name in _NAMES},
    }
    begin(store, "tides")
    made = shown(register(store, KINDS["recommendation"], "tides", 0, parameters=given))
    assert as_json(made["parameters"]) == as_json(given)
    assert as_json(listed(store.get_recommendations("tides"))[0]["parameters"]) == as_json(given)


#: Not in any order, and each of some twice.
_TWICE = ("scone", "muffin", "scone", "eclair", "10", "9", "muffin")
_LONG = tuple(f"e-{number * 7 % 1001}" for number in range(1001))


def _write_lists(store: DialogueStore, names: tuple[str, ...], tensions: tuple[str, ...]) -> None:
    """The names in every list of texts or slugs that a write takes."""
    given = list(names)
    begin(store, "tides", experts=["muffin"])
    for kind in KINDS.values():
        more: dict[str, Any] = {"parameters": {"names": given}} if kind.letter == "R" else {}
        register(store, kind, "tides", 0, contributors=given, **more)
    register(store, KINDS["tension"], "tides", 0)
    changed = {"perspective": "refined", "tension": "addressed", "recommendation": "amended"}
    for name, status in changed.items():
        set_status(store, KINDS[name], "tides", KINDS[name].id(0, 1), status, actors=given)
    store.comment_tension("tides", "T0002", given, 0, "Yes")
    store.register_move("tides", 0, "muffin", "request", given)
    store.register_move("tides", 0, "muffin", "defend", list(tensions))
    store.register_verdict(
        "tides",
        "v",
        "interim",
        0,
        "Wait",
        "Tide",
        conditions=given,
        supporting_experts=given,
        tensions_accepted=list(tensions),
        ethos_compliance={"fully_compliant": True, "exceptions": given, "violations": given},
    )


def _read_lists(store: DialogueStore) -> dict[str, list[str]]:
    """What lies in the lists that :func:`_write_lists` fills."""
    whole = partition(store, "tides")
    verdict = whole["verdicts"][0]
    found = {
        **{
            f"contributors of a {kind}": whole[kind.plural][0]["contributors"]
            for kind in KINDS.values()
        },
        "parameters": whole["recommendations"][0]["parameters"]["names"],
        **{
            f"actors of {event['event_type']} of {event['entity_id']}": event["actors"]
            for event in whole["events"]
            if (event["entity_id"], event["event_type"]) != ("T0002", "created")
        },
        "targets in words": whole["moves"][0]["targets"],
        **{name: verdict[name] for name in ("conditions", "supporting_experts")},
        **{name: verdict["ethos_compliance"][name] for name in ("exceptions", "violations")},
        "targets": whole["moves"][1]["targets"],
        "tensions_accepted": verdict["tensions_accepted"],
    }
    assert len(found) == 20
    return found


@rules("STORE-12")
def test_lists_keep_their_order_and_what_stands_in_them_twice(store: DialogueStore) -> None:
    tensions = ("T0002", "T0001", "T0002")
    _write_lists(store, _TWICE, tensions)
    found = _read_lists(store)
    ids = ("targets", "tensions_accepted")
    assert found == {name: list(tensions if name in ids else _TWICE) for name in found}


@rules("STORE-12")
def test_lists_of_a_thousand_and_one_are_whole(store: DialogueStore) -> None:
    tensions = ("T0002", "T0001") * 500 + ("T0002",)
    _write_lists(store, _LONG, tensions)
    ids = ("targets", "tensions_accepted")
    found = {
        name: (len(members), members == list(tensions if name in ids else _LONG))
        for name, members in _read_lists(store).items()
    }
    assert found == dict.fromkeys(found, (1001, True))


@rules("STORE-24")
def test_a_thousand_and_one_references_are_kept_as_given(store: DialogueStore) -> None:
    """Two of them over and over; they are two refs."""
    begin(store, "tides")
    for _ in range(2):
        register(store, KINDS["tension"], "tides", 0)
    given = [{"type": "address", "target": f"T000{2 - number % 2}"} for number in range(1001)]
    made = shown(register(store, KINDS["claim"], "tides", 0, references=given))["references"]
    kept = listed(store.get_claims("tides"))[0]["references"]
    assert [(len(found), found == given) for found in (made, kept)] == [(1001, True)] * 2
    refs = [(one["source_id"], one["target_id"]) for one in listed(store.get_refs("tides"))]
    assert refs == [("C0001", "T0001"), ("C0001", "T0002")]


@rules("STORE-11")
def test_scores_and_responses_stand_under_their_own_round(store: DialogueStore) -> None:
    """Rounds of two digits too, in any order of writing."""
    numbers = (10, 1, 99, 9, 0, 11, 90)
    begin(store, "tides", rounds=numbers, experts=["muffin"])
    for number in numbers:
        store.update_expert_score("tides", "muffin", number, number + 1)
        store.record_expert_response("tides", "muffin", number, f"In {number}.")
    store.update_expert_score("tides", "muffin", 10, 5)
    store.record_expert_response("tides", "muffin", 9, "Again.")
    found = listed(store.get_experts("tides"))[0]
    assert found["scores"] == {
        **{f"{number:02d}": number + 1 for number in numbers},
        "10": 5,
    }
    assert found["total_score"] == 2 + 100 + 10 + 1 + 12 + 91 + 5
    assert found["raw_content"] == {
        **{f"{number:02d}": f"In {number}." for number in numbers},
        "09": "Again.",
    }


# -- what was not there --------------------------------------------------------------------------------


@rules("STORE-18")
def test_what_was_not_there_is_there_once_another_client_made_it(world: World) -> None:
    """One client asks in vain, for the dialogue by every method; then another makes what it asked for."""
    asking, making = world.open().store, world.open().store
    dialogue = codes(
        {name: partial(call, asking, name, args) for name, args in calls("tides").items()}
    )
    assert dialogue == dict.fromkeys(dialogue, "dialogue_not_found")
    begin(making, "tides")
    reference = [{"type": "support", "target": "C0101"}]
    attempts: dict[str, tuple[str, Any]] = {
        "round": ("round_not_found", partial(asking.next_seq, "tides", 1, "claim")),
        "round of an entity": (
            "round_not_found",
            partial(register, asking, KINDS["evidence"], "tides", 1),
        ),
        "round's status": (
            "round_not_found",
            partial(asking.update_round_status, "tides", 1, "in_progress"),
        ),
        "expert": (
            "expert_not_found",
            partial(asking.record_expert_response, "tides", "muffin", 0, "Land."),
        ),
        "expert's score": (
            "expert_not_found",
            partial(asking.update_expert_score, "tides", "muffin", 0, 1),
        ),
        "expert's move": (
            "expert_not_found",
            partial(asking.register_move, "tides", 0, "muffin", "concede"),
        ),
        "expert's signal": (
            "expert_not_found",
            partial(asking.record_convergence_signal, "tides", 0, "muffin"),
        ),
        "entity": ("entity_not_found", partial(asking.get_events, "tides", "T0101")),
        "entity's status": (
            "entity_not_found",
            partial(asking.update_claim_status, "tides", "C0101", "supported"),
        ),
        "entity of a comment": (
            "entity_not_found",
            partial(asking.comment_tension, "tides", "T0101", ["judge"], 0, "Yes"),
        ),
        "target": (
            "entity_not_found",
            partial(register, asking, KINDS["claim"], "tides", 0, references=reference),
        ),
        "source": (
            "entity_not_found",
            partial(asking.register_ref, "tides", "P0101", "support", "R0101"),
        ),
    }
    in_vain = codes({name: attempt for name, (_, attempt) in attempts.items()})
    assert in_vain == {name: code for name, (code, _) in attempts.items()}
    making.create_round("tides", 1)
    making.register_expert("tides", "muffin", "Pilot", "Core")
    for kind in KINDS.values():
        register(making, kind, "tides", 1)
    found = codes({name: attempt for name, (_, attempt) in attempts.items()})
    assert found == dict.fromkeys(attempts)


@rules("STORE-18")
def test_a_dialogue_that_was_asked_for_in_vain_is_read_whole(world: World) -> None:
    asking, making = world.open().store, world.open().store
    reads = {
        name: args for name, args in calls("tides").items() if name.startswith(("get_", "load_"))
    }
    in_vain = codes({name: partial(call, asking, name, args) for name, args in reads.items()})
    assert in_vain == dict.fromkeys(reads, "dialogue_not_found")
    populate(making, "tides")
    differing = [
        name
        for name, args in reads.items()
        if as_json(call(asking, name, args)) != as_json(call(making, name, args))
    ]
    assert differing == []


@rules("STORE-23")
def test_what_was_written_a_year_ago_is_there(world: World) -> None:
    """For the client that wrote it, and for another one."""
    backends = [world.open() for _ in range(2)]
    clocks = [Clock(backend.set_clock) for backend in backends]
    writer = backends[0].store
    clocks[0].set("2026-02-03T10:15:00.000000Z")
    populate(writer, "tides")
    before = partition(writer, "tides")
    for clock in clocks:
        clock.set("2027-02-03T10:15:00.000000Z")
    for backend in backends:
        assert partition(backend.store, "tides") == before
    writer.comment_tension("tides", "T0103", ["judge"], 3, "Still open")
    # One that is new: whether `backends[1]` sees the write is a question of STORE-03.
    for store in (writer, world.open().store):
        assert changes(before, partition(store, "tides")) == {"+events T0103 2"}
    clocks[0].needed("what is there after a year")
