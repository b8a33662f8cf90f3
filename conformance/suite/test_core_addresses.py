"""ADDR-01 to ADDR-04 and ADDR-06: identifiers, display ids, addresses, ids from titles."""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from typing import Any

import pytest
from hypothesis import strategies as st

from conformance.suite.kit.builders import (
    CORE_METHODS,
    KINDS,
    begin,
    call,
    calls,
    code_of,
    codes,
    listed,
    partition,
    populate,
    register,
    shown,
)
from conformance.suite.kit.helpers import expect_error
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.sampling import TEXTS, for_any
from reference_impl.contract import addresses
from reference_impl.contract.store import DialogueStore
from reference_impl.contract.tables import LETTERS

pytestmark = profile("core")

# -- identifiers ---------------------------------------------------------------------------------------

GOOD_IDENTIFIERS = ["a", "Z", "7", "0.-_", "a..b--c__d", "x" * 96, "9-lives.", "CON", "null"]

BAD_IDENTIFIERS = {
    "empty": "",
    "97 characters": "x" * 97,
    "starts with a dot": ".hidden",
    "starts with a hyphen": "-rf",
    "starts with an underscore": "_a",
    "number sign": "a#b",
    "slash": "a/b",
    "colon": "a:b",
    "blank": "a b",
    "NUL": "a\0b",
    "newline at the end": "a\n",
    "blank at the end": "a ",
    "percent": "a%2Fb",
    "composed e acute": "caf\u00e9",
    "decomposed e acute": "cafe\u0301",
    "Cyrillic a": "\u0430bc",
    "full-width a": "\uff41bc",
    "Arabic digit": "a\u0661",
    "emoji": "a\U0001f9c1",
}


@rules("ADDR-01")
@pytest.mark.parametrize("name", GOOD_IDENTIFIERS, ids=lambda name: name[:12])
def test_an_identifier_comes_back_as_given(store: DialogueStore, name: str) -> None:
    store.create_dialogue(name, "Tides", domain_id=name, ethos_id=name)
    store.create_round(name, 0)
    store.register_expert(name, name, "Pilot", "Core")
    store.register_claim(name, 0, "In short", "At length.", [name])
    store.register_verdict(
        name, name, "interim", 0, "Wait", "Tide", author_expert=name, supporting_experts=[name]
    )
    found = partition(store, name)
    assert [
        found["dialogue"]["dialogue_id"],
        found["dialogue"]["domain_id"],
        found["dialogue"]["ethos_id"],
        [expert["expert_slug"] for expert in found["experts"]],
        found["claims"][0]["contributors"],
        found["verdicts"][0]["verdict_id"],
        found["verdicts"][0]["author_expert"],
        found["verdicts"][0]["supporting_experts"],
    ] == [name, name, name, [name], [name], name, name, [name]]


@rules("ADDR-01")
def test_identifiers_are_case_sensitive(store: DialogueStore) -> None:
    for name in ("harbour", "Harbour", "HARBOUR"):
        store.create_dialogue(name, f"Title of {name}")
        store.create_round(name, 0)
        for slug in ("muffin", "Muffin"):
            store.register_expert(name, slug, f"{slug} of {name}", "Core")
        for verdict in ("v", "V"):
            store.register_verdict(name, verdict, "interim", 0, f"{verdict} of {name}", "Tide")
    seen = {
        name: (
            shown(store.get_dialogue(name))["title"],
            [expert["role"] for expert in listed(store.get_experts(name))],
            [verdict["recommendation"] for verdict in listed(store.get_verdicts(name))],
        )
        for name in ("harbour", "Harbour", "HARBOUR")
    }
    assert seen == {
        name: (
            f"Title of {name}",
            [f"Muffin of {name}", f"muffin of {name}"],
            [f"v of {name}", f"V of {name}"],
        )
        for name in ("harbour", "Harbour", "HARBOUR")
    }


@rules("ADDR-01")
def test_a_bad_identifier_is_refused_wherever_it_is_given(store: DialogueStore) -> None:
    begin(store, "tides", experts=["muffin"])
    before = partition(store, "tides")
    create = partial(store.create_dialogue, "new", "Tides")
    verdict = partial(store.register_verdict, "tides", "v", "interim", 0, "r", "d")

    def refused(bad: str) -> dict[str, str | None]:
        return codes(
            {
                "create_dialogue": lambda: store.create_dialogue(bad, "Tides"),
                "get_dialogue": lambda: store.get_dialogue(bad),
                "load_partition": lambda: store.load_partition(bad),
                "domain_id": lambda: create(domain_id=bad),
                "ethos_id": lambda: create(ethos_id=bad),
                "register_expert": lambda: store.register_expert("tides", bad, "Pilot", "Core"),
                "response": lambda: store.record_expert_response("tides", bad, 0, "x"),
                "score": lambda: store.update_expert_score("tides", bad, 0, 1),
                "signal": lambda: store.record_convergence_signal("tides", 0, bad),
                "register_move": lambda: store.register_move("tides", 0, bad, "concede"),
                "contributors": lambda: store.register_claim("tides", 0, "l", "c", ["muffin", bad]),
                "verdict_id": lambda: store.register_verdict("tides", bad, "interim", 0, "r", "d"),
                "author_expert": lambda: verdict(author_expert=bad),
                "supporting_experts": lambda: verdict(supporting_experts=["muffin", bad]),
                "adopted in": lambda: store.update_recommendation_status(
                    "tides", "R0001", "adopted", ["judge"], 0, verdict_id=bad
                ),
            }
        )

    told = {name: refused(bad) for name, bad in BAD_IDENTIFIERS.items()}
    assert told == {name: dict.fromkeys(told[name], "invalid_identifier") for name in told}
    assert code_of(lambda: store.get_dialogue("new")) == "dialogue_not_found"
    assert partition(store, "tides") == before


@rules("ADDR-01")
def test_every_method_refuses_a_bad_dialogue_id(store: DialogueStore) -> None:
    valid = calls("tides") | {"create_dialogue": {"dialogue_id": "tides", "title": "Tides"}}
    refused = codes(
        {
            name: partial(call, store, name, {**args, "dialogue_id": "tides#2"})
            for name, args in valid.items()
        }
    )
    assert refused == dict.fromkeys(CORE_METHODS, "invalid_identifier")


@rules("ADDR-01")
def test_any_text_is_an_identifier_or_refused(store: DialogueStore, budget: str, seed: int) -> None:
    begin(store, "tides")
    form = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}", re.ASCII)
    near = st.text("aZ0._-#/: \n\u00e9", min_size=1, max_size=4)
    taken: set[str] = set()

    def check(name: str) -> None:
        good = form.fullmatch(name) is not None
        want = "invalid_identifier" if not good else "duplicate_entity" if name in taken else None
        assert code_of(lambda: store.register_expert("tides", name, "Pilot", "Core")) == want
        if good:
            taken.add(name)

    for_any(near | TEXTS, check, budget=budget, seed=seed, examples=40)
    assert [expert["expert_slug"] for expert in listed(store.get_experts("tides"))] == sorted(taken)
    shown(store.get_dialogue("tides"))


# -- display ids ---------------------------------------------------------------------------------------

BAD_DISPLAY_IDS = {
    "empty": "",
    "sequence 00": "P0100",
    "signs": "P+1-1",
    "full-width digits": "P\uff10\uff11\uff10\uff11",
    "full-width letter": "\uff300101",
    "Arabic digits": "P\u0660\u0661\u0660\u0661",
    "lower-case letter": "p0101",
    "unknown letter": "X0101",
    "no padding": "P11",
    "four characters": "P101",
    "six characters": "P00101",
    "blank before": " P0101",
    "blank after": "P0101 ",
    "newline after": "P0101\n",
    "local id": "MUFFIN-P0101",
    "blanks inside": "P 1 1",
    "hexadecimal": "P0x01",
    "underscore": "P1_01",
}


@rules("ADDR-02")
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_a_display_id_is_letter_round_and_number(store: DialogueStore, kind: Any) -> None:
    begin(store, "tides", rounds=[0, 9, 99])
    made = [
        shown(register(store, kind, "tides", round))["display_id"]
        for round in (99, 0, 99, 9, 0, 99)
    ]
    letter = kind.letter
    assert made == [f"{letter}{end}" for end in ("9901", "0001", "9902", "0901", "0002", "9903")]
    assert [entity["display_id"] for entity in partition(store, "tides")[kind.plural]] == sorted(
        made
    )


@rules("ADDR-02")
def test_another_spelling_of_a_display_id_is_refused(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0, 1], experts=["muffin"])
    register(store, KINDS["perspective"], "tides", 1)
    register(store, KINDS["tension"], "tides", 1)
    before = partition(store, "tides")
    perspective = partial(store.update_perspective_status, "tides")
    by_judge: dict[str, Any] = {"actors": ["judge"], "event_round": 1}

    def refused(bad: str) -> dict[str, str | None]:
        return codes(
            {
                "get_events": lambda: store.get_events("tides", bad),
                "perspective": lambda: perspective(bad, "merged", ["judge"], 1),
                "tension": partial(
                    store.update_tension_status, "tides", bad, "resolved", **by_judge
                ),
                "recommendation": partial(
                    store.update_recommendation_status, "tides", bad, "amended", **by_judge
                ),
                "evidence": lambda: store.update_evidence_status("tides", bad, "confirmed"),
                "claim": lambda: store.update_claim_status("tides", bad, "adopted"),
                "comment": lambda: store.comment_tension("tides", bad, ["judge"], 1, "Why?"),
                "result_id": lambda: perspective("P0101", "merged", ["judge"], 1, result_id=bad),
                "source_id": lambda: store.register_ref("tides", bad, "support", "T0101"),
                "target_id": lambda: store.register_ref("tides", "P0101", "support", bad),
                "references": lambda: store.register_claim(
                    "tides", 1, "l", "c", [], references=[{"type": "support", "target": bad}]
                ),
                "targets": lambda: store.register_move("tides", 1, "muffin", "defend", [bad]),
                "tensions_accepted": lambda: store.register_verdict(
                    "tides", "v", "interim", 1, "r", "d", tensions_accepted=["T0101", bad]
                ),
            }
        )

    told = {name: refused(bad) for name, bad in BAD_DISPLAY_IDS.items()}
    assert told == {name: dict.fromkeys(told[name], "invalid_display_id") for name in told}
    assert partition(store, "tides") == before


@rules("ADDR-02")
def test_any_text_is_a_display_id_or_refused(store: DialogueStore, budget: str, seed: int) -> None:
    begin(store, "tides", rounds=[1])
    register(store, KINDS["perspective"], "tides", 1)
    form = re.compile(r"[PRTEC][0-9]{2}(0[1-9]|[1-9][0-9])", re.ASCII)
    near = st.text("PTXp01\u0661\n ", min_size=4, max_size=6)

    def check(text: str) -> None:
        want = "entity_not_found" if form.fullmatch(text) else "invalid_display_id"
        if text != "P0101":
            assert code_of(lambda: store.get_events("tides", text)) == want

    for_any(near | TEXTS, check, budget=budget, seed=seed, examples=40)
    assert [event["entity_id"] for event in listed(store.get_events("tides", "P0101"))] == ["P0101"]


# -- addresses -----------------------------------------------------------------------------------------


def _entities(whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(type, identity) of everything in a partition that has an address."""
    found: list[tuple[str, dict[str, Any]]] = [("dialogue", {})]
    found += [("expert", {"expert_slug": e["expert_slug"]}) for e in whole["experts"]]
    found += [("round", {"round": r["round"]}) for r in whole["rounds"]]
    found += [("verdict", {"verdict_id": v["verdict_id"]}) for v in whole["verdicts"]]
    for kind in KINDS.values():
        found += [(kind.entity, {"round": e["round"], "seq": e["seq"]}) for e in whole[kind.plural]]
    found += [
        ("move", {"round": m["round"], "expert_slug": m["expert_slug"], "seq": m["seq"]})
        for m in whole["moves"]
    ]
    found += [
        (
            f"{LETTERS[e['entity_id'][0]]}_event",
            {"entity_id": e["entity_id"], "timestamp": e["timestamp"]},
        )
        for e in whole["events"]
    ]
    return found


@rules("ADDR-03")
def test_addresses_of_a_small_dialogue(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[1], experts=["muffin", "eclair.2"])
    for kind in KINDS.values():
        register(store, kind, "tides", 1)
    store.register_move("tides", 1, "eclair.2", "concede")
    store.register_verdict("tides", "v-1", "interim", 1, "Wait", "Tide")
    store.comment_tension("tides", "T0101", ["judge"], 1, "Now, surely.")
    whole = partition(store, "tides")
    times = [event["timestamp"] for event in whole["events"] if event["entity_id"] == "T0101"]
    made = {addresses.address("tides", entity, parts) for entity, parts in _entities(whole)}
    assert len(times) == 2
    assert {address for address in made if "/entity:event/" not in address} == {
        "dialogue:tides/entity:dialogue/meta",
        "dialogue:tides/entity:expert/eclair.2",
        "dialogue:tides/entity:expert/muffin",
        "dialogue:tides/entity:round/01",
        "dialogue:tides/entity:perspective/01#01",
        "dialogue:tides/entity:tension/01#01",
        "dialogue:tides/entity:recommendation/01#01",
        "dialogue:tides/entity:evidence/01#01",
        "dialogue:tides/entity:claim/01#01",
        "dialogue:tides/entity:move/01#eclair.2#01",
        "dialogue:tides/entity:verdict/v-1",
    }
    assert {address for address in made if "/entity:event/tension" in address} == {
        f"dialogue:tides/entity:event/tension#T0101#{time}" for time in times
    }


@rules("ADDR-04")
def test_every_address_is_its_own_and_parses_back(store: DialogueStore) -> None:
    made: dict[str, tuple[str, str, dict[str, Any]]] = {}
    number = 0
    for name in ("tides", "tides-2"):
        populate(store, name)
        for entity, parts in _entities(partition(store, name)):
            made[addresses.address(name, entity, parts)] = (name, entity, parts)
            number += 1
    assert number > 90
    assert len(made) == number
    parsed = {text: addresses.parse_address(text) for text in made}
    assert {
        text: (name, kind.entity, dict(parts)) for text, (name, kind, parts) in parsed.items()
    } == made


@rules("ADDR-04")
def test_an_address_has_one_spelling(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[1])
    event = shown(store.register_tension("tides", 1, "l", "d", []))
    time = listed(store.get_events("tides", event["display_id"]))[0]["timestamp"]
    good = {
        f"dialogue:tides/entity:event/tension#T0101#{time}": "tension_event",
        "dialogue:tides/entity:dek/1": "dek",
        f"dialogue:tides/entity:dek/{'9' * 15}": "dek",
        "dialogue:tides/entity:head/head": "head",
    }
    bad = [
        f"dialogue:tides/entity:event/tension#P0101#{time}",
        f"dialogue:tides/entity:event/perspective#T0101#{time}",
        f"dialogue:tides/entity:event/claim#C0101#{time}",
        f"dialogue:tides/entity:event/tension#T0101#{time[:-1]}",
        f"dialogue:tides/entity:event/tension#T0101#{time.replace('Z', '+00:00')}",
        f"dialogue:tides/entity:event/tension#T0101#{time[:10]}t{time[11:]}",
        "dialogue:tides/entity:event/tension#T0101#2026-02-30T00:00:00.000000Z",
        "dialogue:tides/entity:perspective/1#1",
        "dialogue:tides/entity:perspective/01#00",
        "dialogue:tides/entity:perspective/001#01",
        "dialogue:tides/entity:perspective/\uff10\uff11#01",
        "dialogue:tides/entity:perspective/01#01\n",
        "dialogue:tides/entity:tension/01/01",
        "dialogue:tides/entity:expert/a#b",
        "dialogue:tides/entity:expert/caf\u00e9",
        "dialogue:tides/entity:dek/0",
        "dialogue:tides/entity:dek/01",
        "dialogue:tides/entity:dek/+1",
        f"dialogue:tides/entity:dek/{'9' * 16}",
        "dialogue:tides/entity:dialogue/meta/",
        "dialogue:tides/perspective/01#01",
        "dialogue:/entity:dialogue/meta",
        "dialogue:a/b/entity:dialogue/meta",
        "Dialogue:tides/entity:dialogue/meta",
        "tides/entity:dialogue/meta",
        "",
    ]
    assert {text: addresses.parse_address(text)[1].entity for text in good} == good
    refused = {text: code_of(partial(addresses.parse_address, text)) for text in bad}
    assert refused == dict.fromkeys(bad, "invalid_identifier")


# -- ids from titles -----------------------------------------------------------------------------------

SLUGS = {
    "Which Harbour?": "which-harbour",
    "  --Hello,   World!! ": "hello-world",
    "\u00dcber \u00c6r\u00f8 \u2013 \u216b": "uber-r-xii",
    "\u0130stanbul": "istanbul",
    "re\u0301sume\u0301 r\u00e9sum\u00e9": "resume-resume",
    "e\u20ddf": "e-f",  # an enclosing circle is Me, not Mn
    "\uff26\uff35\uff2c\uff2c \ufb01ne": "full-fine",
    "20\u212a x\u00b2 \u00bd": "20k-x2-1-2",
    "a\U00011f00b": "ab",  # a mark since Unicode 15
    "\u65e5\u672c\u8a9e": "dialogue",
    "!!!": "dialogue",
    "\U0001f9c1": "dialogue",
    "a" * 63 + " b": "a" * 63,
    "a" * 80: "a" * 64,
    "#/:\0": "dialogue",
    "snake_case.and-dots": "snake-case-and-dots",
}


@rules("ADDR-06")
@pytest.mark.parametrize(("title", "slug"), SLUGS.items(), ids=SLUGS.values())
def test_an_id_is_made_from_the_title(store: DialogueStore, title: str, slug: str) -> None:
    made = next(iter(addresses.new_dialogue_id(title)))
    dialogue = shown(store.create_dialogue(made, title))
    assert (dialogue["dialogue_id"], dialogue["title"]) == (slug, title)


@rules("ADDR-06")
def test_the_next_candidate_is_taken_where_an_id_is_in_use(store: DialogueStore) -> None:
    made = []
    for _ in range(3):
        for candidate in addresses.new_dialogue_id("The Tides"):
            code = code_of(partial(store.create_dialogue, candidate, "Tides"))
            if code is None:
                made.append(shown(store.get_dialogue(candidate))["dialogue_id"])
                break
            assert code == "duplicate_entity"
    assert made == ["the-tides", "the-tides-2", "the-tides-3"]


@rules("ADDR-06")
def test_there_are_ninety_nine_candidates(store: DialogueStore) -> None:
    title = "a" * 70
    candidates = addresses.new_dialogue_id(title)
    first = list(islice(candidates, 99))
    assert first == ["a" * 64, *(f"{'a' * 64}-{number}" for number in range(2, 100))]
    with expect_error("too_many_dialogues"):
        next(candidates)
    assert shown(store.create_dialogue(first[-1], title))["dialogue_id"] == first[-1]


@rules("ADDR-06")
def test_an_opaque_id_says_nothing_of_the_title(store: DialogueStore) -> None:
    made = [next(iter(addresses.new_dialogue_id("Secret", opaque=True))) for _ in range(3)]
    for name in made:
        assert shown(store.create_dialogue(name, "Secret"))["dialogue_id"] == name
    form = re.compile(r"d-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
    assert [name for name in made if form.fullmatch(name)] == made
    assert len(set(made)) == 3


@rules("ADDR-06")
def test_any_title_gives_ids_that_a_store_takes(
    store: DialogueStore, budget: str, seed: int
) -> None:
    form = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)

    def check(title: str) -> None:
        candidates = list(islice(addresses.new_dialogue_id(title), 99))
        assert [name for name in candidates if not form.fullmatch(name)] == []
        assert len(candidates[0]) <= 64
        assert len(set(candidates)) == 99
        for candidate in candidates:
            code = code_of(partial(store.create_dialogue, candidate, title))
            if code is None:
                break
            assert code == "duplicate_entity"
        assert shown(store.get_dialogue(candidate))["title"] == title

    for_any(TEXTS.filter(len), check, budget=budget, seed=seed, examples=8)
