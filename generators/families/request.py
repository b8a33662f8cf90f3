"""Requests that may be repeated: what their input's hash is over, and what is remembered (STORE-22)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kit import crypto
from ..kit.edits import Edit
from ..kit.recipe import Case, Family, Fields, Note
from ..kit.schemas import ANY, HEX, OBJECT, TEXT, hex_of

__all__ = ["FAMILY"]

FAMILY = Family(
    "request",
    title="Requests: the hash of an input, and the result that is remembered",
    header=[
        (
            "`input-hash`: a write method was called with `arguments`, and the partition remembers its"
            " `request_id` with the hash `remembered`. Valid: it is the same request, whose hash is"
            " `expected.input_hash`. Invalid: it is another one, and the call is refused."
        ),
        (
            "`result`: what is remembered (the sealed fields of the request item) after the first such call,"
            " as committed at `time`. The dialogue holds whatever the call names; an entity is the first of"
            " its type in its round. `result` is written as the adapter protocol gives it."
        ),
    ],
    notes={
        "Same": Note(
            "arguments that are the same request however they are given",
            "a repeat is refused as another request, or is made twice",
            ["STORE-22"],
        ),
        "Another": Note(
            "one argument is another, or another method is called",
            "a client is given the answer to another question",
            ["STORE-22"],
        ),
        "Reading": Note(
            "the hash is made by another reading of STORE-22",
            "what one implementation remembers another one refuses",
            ["STORE-22"],
        ),
        "Result": Note(
            "what the first call gave",
            "the repeat gives something else than the first call gave",
            ["STORE-22"],
        ),
    },
)

INPUT = FAMILY.group(
    type="input-hash",
    fields=Fields(
        input={"method": TEXT, "arguments": OBJECT, "remembered": hex_of(32)},
        intermediate={"canonical": HEX},
        expected={"input_hash": hex_of(32)},
    ),
)
RESULT = FAMILY.group(
    type="result",
    fields=Fields(
        input={"method": TEXT, "arguments": OBJECT, "time": TEXT},
        intermediate={"payload": HEX},
        expected={"input_hash": hex_of(32), "result": ANY},
    ),
)

Params = Mapping[str, Any]
_D = {"dialogue_id": "tides"}
_CLAIM = {**_D, "round": 1, "label": "l", "content": "c", "contributors": ["muffin", "eclair"]}
_ZEROS = dict.fromkeys(
    (
        *("score_wisdom", "score_consistency", "score_truth", "score_relationships"),
        *("open_tensions", "new_perspectives", "converge_signals", "panel_size"),
    ),
    0,
)
_ID = {"request_id": "r-1"}


def _canonical(method: str, params: Params) -> bytes:
    return crypto.canonical({"method": method, "params": dict(params)})


def _hash(method: str, params: Params) -> bytes:
    return crypto.sha256(_canonical(method, params))


#: name, method, arguments as given, parameters as they are hashed (by hand)
_SAME: list[tuple[str, str, Params, Params]] = [
    ("claim", "register_claim", _CLAIM, {**_CLAIM, "references": []}),
    (
        "claim-with-defaults-given",
        "register_claim",
        {**_CLAIM, "references": []},
        {**_CLAIM, "references": []},
    ),
    (
        "claim-with-null-for-a-default",
        "register_claim",
        {**_CLAIM, "references": None},
        {**_CLAIM, "references": []},
    ),
    (
        "claim-with-references",
        "register_claim",
        {**_CLAIM, "references": [{"type": "support", "target": "P0101"}]},
        {**_CLAIM, "references": [{"target": "P0101", "type": "support"}]},
    ),
    (
        "dialogue",
        "create_dialogue",
        {**_D, "title": "Ebb \U0001f30a"},
        {**_D, "title": "Ebb \U0001f30a", "calibrated": False},
    ),
    (
        "dialogue-with-nulls",
        "create_dialogue",
        {**_D, "title": "Ebb", "question": None, "calibrated": None, "ethos_id": None},
        {**_D, "title": "Ebb", "calibrated": False},
    ),
    (
        "dialogue-with-an-empty-text",
        "create_dialogue",
        {**_D, "title": "Ebb", "question": ""},
        {**_D, "title": "Ebb", "question": "", "calibrated": False},
    ),
    (
        "dialogue-with-a-member-unset",
        "create_dialogue",
        {**_D, "title": "Ebb", "background": {"subject": "s", "situation": None}},
        {**_D, "title": "Ebb", "background": {"subject": "s"}, "calibrated": False},
    ),
    (
        "expert",
        "register_expert",
        {**_D, "expert_slug": "muffin", "role": "Cook", "tier": "Core"},
        {**_D, "expert_slug": "muffin", "role": "Cook", "tier": "Core", "source": "pool"},
    ),
    (
        "expert-with-a-whole-number",
        "register_expert",
        {**_D, "expert_slug": "muffin", "role": "Cook", "tier": "Core", "relevance": 1.0},
        {
            **_D,
            "expert_slug": "muffin",
            "role": "Cook",
            "tier": "Core",
            "source": "pool",
            "relevance": 1,
        },
    ),
    ("round", "create_round", {**_D, "round": 1}, {**_D, "round": 1, "score": 0}),
    (
        "round-with-no-metrics",
        "create_round",
        {**_D, "round": 1, "metrics": {}},
        {**_D, "round": 1, "score": 0, "metrics": _ZEROS},
    ),
    (
        "round-with-one-metric",
        "create_round",
        {**_D, "round": 1, "metrics": {"panel_size": 6}},
        {**_D, "round": 1, "score": 0, "metrics": {**_ZEROS, "panel_size": 6}},
    ),
    (
        "recommendation-with-parameters",
        "register_recommendation",
        {**_CLAIM, "parameters": {"b": None, "a": [1.0, -0.0, 1e-07], "__proto__": {"x": "é"}}},
        {
            **_CLAIM,
            "parameters": {"__proto__": {"x": "é"}, "a": [1, 0, 1e-07], "b": None},
            "references": [],
        },
    ),
    (
        "move",
        "register_move",
        {**_D, "round": 1, "expert_slug": "muffin", "move_type": "converge"},
        {**_D, "round": 1, "expert_slug": "muffin", "move_type": "converge", "targets": []},
    ),
    (
        "ref",
        "register_ref",
        {**_D, "source_id": "E0101", "ref_type": "support", "target_id": "C0101"},
        {**_D, "source_id": "E0101", "ref_type": "support", "target_id": "C0101"},
    ),
    (
        "ref-with-a-letter",
        "register_ref",
        {
            **_D,
            "source_id": "E0101",
            "ref_type": "support",
            "target_id": "C0101",
            "source_type": "E",
        },
        {
            **_D,
            "source_id": "E0101",
            "ref_type": "support",
            "target_id": "C0101",
            "source_type": "E",
        },
    ),
    (
        "verdict-with-empty-lists",
        "register_verdict",
        {
            **_D,
            "verdict_id": "v",
            "verdict_type": "interim",
            "round": 1,
            "recommendation": "r",
            "description": "d",
            "conditions": [],
        },
        {
            **_D,
            "verdict_id": "v",
            "verdict_type": "interim",
            "round": 1,
            "recommendation": "r",
            "description": "d",
            "conditions": [],
        },
    ),
    (
        "status",
        "update_tension_status",
        {**_D, "entity_id": "T0101", "status": "addressed", "actors": [], "event_round": 1},
        {**_D, "entity_id": "T0101", "status": "addressed", "actors": [], "event_round": 1},
    ),
    (
        "whole-round",
        "register_round",
        {**_D, "round": 2, "score": 5},
        {
            **_D,
            "round": 2,
            "score": 5,
            **{
                name: []
                for name in (
                    *("perspectives", "tensions", "recommendations", "evidence", "claims", "moves"),
                    *("refs", "status_updates", "signals"),
                )
            },
            "expert_scores": {},
            "responses": {},
        },
    ),
]


@INPUT.case
def the_same() -> Iterator[Case]:
    """SHA-256 over `{"method": …, "params": {…}}` as canonical JSON: defaults filled in, what is unset and
    `request_id` left out, lists in their order."""
    for name, method, given, hashed in _SAME:
        digest = _hash(method, hashed)
        yield Case(
            f"request-input-{name}",
            rules=["STORE-22", "ADDR-10"],
            flags=["Same"],
            data={"method": method, "arguments": {**given, **_ID}, "remembered": digest.hex()},
            intermediate={"canonical": _canonical(method, hashed)},
            expected={"input_hash": digest},
        )


def _another(name: str, sibling: str, edit: Edit, canonical: bytes, mutation: str) -> Case:
    return Case(
        f"request-input-{name}",
        rules=["STORE-22"],
        flags=["Reading" if mutation == "request-hash-reading" else "Another"],
        data=edit.data,
        intermediate={"canonical": canonical},
        result="invalid",
        mutation=mutation,
        sibling=f"request-input-{sibling}",
        changed=edit.changed,
    )


def _given(name: str) -> tuple[dict[str, Any], str, Params]:
    _, method, given, hashed = next(row for row in _SAME if row[0] == name)
    data = {
        "method": method,
        "arguments": {**given, **_ID},
        "remembered": _hash(method, hashed).hex(),
    }
    return data, method, hashed


@INPUT.case
def another_input() -> Iterator[Case]:
    """The same request id, and an argument is another; every parameter counts, and the method too."""
    wrong: list[tuple[str, str, str, Any]] = [
        ("label", "claim", "label", "L"),
        ("content", "claim", "content", "c "),
        ("round", "claim", "round", 0),
        ("dialogue", "claim", "dialogue_id", "tides-2"),
        ("order-of-a-list", "claim", "contributors", ["eclair", "muffin"]),
        ("a-name-less", "claim", "contributors", ["muffin"]),
        ("references", "claim", "references", [{"type": "support", "target": "P0101"}]),
        ("a-letter-given", "ref", "source_type", "E"),
        ("metrics-given", "round", "metrics", {}),
        ("empty-is-not-unset", "dialogue", "question", ""),
        ("a-default-not-taken", "dialogue", "calibrated", True),
        ("a-list-given", "move", "targets", ["T0101"]),
        ("a-source-given", "expert", "source", "created"),
        ("zero-is-not-unset", "expert", "relevance", 0),
        ("a-first-round", "expert", "first_round", 0),
        ("an-actor", "status", "actors", ["muffin"]),
        ("a-signal", "whole-round", "signals", ["muffin"]),
        ("a-score", "whole-round", "expert_scores", {"muffin": 1}),
        ("a-summary", "whole-round", "summary", ""),
    ]
    for name, sibling, parameter, value in wrong:
        data, method, hashed = _given(sibling)
        params = {**hashed, parameter: _ZEROS if parameter == "metrics" else value}
        edit = Edit(data).set("arguments", parameter, to=value)
        yield _another(
            f"another-{name}", sibling, edit, _canonical(method, params), "request-input"
        )
    data, _, hashed = _given("claim")
    edit = Edit(data).set("method", to="register_evidence")
    canonical = _canonical("register_evidence", hashed)
    yield _another("another-method", "claim", edit, canonical, "request-input")


@INPUT.case
def other_readings() -> Iterator[Case]:
    """The hash is made as somebody might have read STORE-22 who did not read it well."""
    data, method, hashed = _given("claim")
    own = _canonical(method, hashed)
    sha = crypto.sha256
    unset = {**dict.fromkeys(("parameters",)), **hashed}
    less = {name: value for name, value in hashed.items() if name != "dialogue_id"}
    readings = {
        "with-the-request-id": sha(_canonical(method, {**hashed, **_ID})),
        "without-the-dialogue": sha(_canonical(method, less)),
        "without-defaults": sha(_canonical(method, _CLAIM)),
        "with-nulls": sha(_canonical(method, unset)),
        "parameters-alone": sha(crypto.canonical(dict(hashed))),
        "members-at-the-top": sha(crypto.canonical({"method": method, **hashed})),
        "with-line-feed": sha(own + b"\n"),
        "lists-sorted": sha(
            _canonical(method, {**hashed, "contributors": sorted(hashed["contributors"])})
        ),
        "with-blanks": sha(own.replace(b":", b": ").replace(b",", b", ")),
        "twice": sha(sha(own)),
    }
    for name, digest in readings.items():
        edit = Edit(data).set("remembered", to=digest.hex())
        yield _another(f"reading-{name}", "claim", edit, own, "request-hash-reading")


# -- what is remembered ----------------------------------------------------------------------------

_TIME = "2026-02-03T10:15:00.000000Z"
_MADE = {"created_at": _TIME, "updated_at": _TIME}
_ENTITY = {"round": 1, "seq": 1, **_D, **_MADE, "contributors": ["muffin", "eclair"], "label": "l"}

#: name of a row of _SAME, and the result, by hand
_RESULTS: dict[str, Params] = {
    "claim": {
        **_ENTITY,
        "display_id": "C0101",
        "status": "asserted",
        "content": "c",
        "references": [],
    },
    "claim-with-references": {
        **_ENTITY,
        "display_id": "C0101",
        "status": "asserted",
        "content": "c",
        "references": [{"type": "support", "target": "P0101"}],
    },
    "recommendation-with-parameters": {
        **_ENTITY,
        "display_id": "R0101",
        "status": "proposed",
        "content": "c",
        "references": [],
        "adopted_in_verdict": None,
        "parameters": {"__proto__": {"x": "é"}, "a": [1, 0, 1e-07], "b": None},
    },
    "dialogue-with-a-member-unset": {
        **_D,
        **_MADE,
        "status": "open",
        "converged_at": None,
        "total_rounds": 0,
        "total_alignment": 0,
        "calibrated": False,
        "domain_id": None,
        "ethos_id": None,
        "title": "Ebb",
        "question": None,
        "output_dir": None,
        "background": {"subject": "s"},
    },
    "expert-with-a-whole-number": {
        **_D,
        **_MADE,
        "expert_slug": "muffin",
        "tier": "Core",
        "source": "pool",
        "relevance": 1,
        "first_round": None,
        "total_score": 0,
        "role": "Cook",
        "description": None,
        "focus": None,
        "creation_reason": None,
        "color": None,
        "scores": {},
        "raw_content": {},
    },
    "round-with-one-metric": {
        **_D,
        **_MADE,
        **_ZEROS,
        "panel_size": 6,
        "round": 1,
        "score": 0,
        "status": "open",
        "completed_at": None,
        "title": None,
        "summary": None,
    },
    "move": {
        **_D,
        "round": 1,
        "expert_slug": "muffin",
        "seq": 1,
        "move_type": "converge",
        "created_at": _TIME,
        "targets": [],
        "context": None,
    },
    "ref": {
        **_D,
        "source_id": "E0101",
        "ref_type": "support",
        "target_id": "C0101",
        "source_type": "E",
        "target_type": "C",
        "created_at": _TIME,
    },
    "verdict-with-empty-lists": {
        **_D,
        "verdict_id": "v",
        "verdict_type": "interim",
        "round": 1,
        "confidence": None,
        "created_at": _TIME,
        "author_expert": None,
        "recommendation": "r",
        "description": "d",
        "conditions": [],
        "vote": None,
        "supporting_experts": None,
        "tensions_accepted": None,
        "ethos_compliance": None,
    },
}


@RESULT.case
def results() -> Iterator[Case]:
    """The first result as it was given: every field of the entity, null where unset, with `dialogue_id` and,
    where the type has a letter, `display_id`."""
    for name, result in _RESULTS.items():
        data, method, hashed = _given(name)
        remembered = {"input_hash": _hash(method, hashed).hex(), "result": dict(result)}
        yield Case(
            f"request-result-{name}",
            rules=["STORE-22", "ENV-02"],
            flags=["Result"],
            data={"method": method, "arguments": data["arguments"], "time": _TIME},
            intermediate={"payload": crypto.canonical(remembered)},
            expected=remembered,
        )
