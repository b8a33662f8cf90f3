"""ADDR-01 and ADDR-02: identifiers and display ids."""

from __future__ import annotations

import re
from functools import partial
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
    register,
    shown,
)
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.sampling import TEXTS, for_any
from reference_impl.contract.dialogue_store import DialogueStore

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
