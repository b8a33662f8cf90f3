"""Errors (ERR-01): one class, stable codes, messages that say what to do."""

from __future__ import annotations

import copy
import pickle

import pytest

from reference_impl.contract.errors import (
    CODES,
    RETRYABLE,
    DialogueStoreError,
    Problem,
    error,
    from_problems,
    integrity_error,
    one_of,
)


@pytest.mark.parametrize("code", CODES)
def test_every_error_says_what_to_do(code: str) -> None:
    advice = CODES[code]
    assert advice[0].isupper()
    assert advice.endswith(".")
    assert 12 < len(advice) < 100

    plain = error(code)
    assert (plain.code, plain.message, plain.data) == (code, advice, {})
    assert str(plain) == f"{code}: {advice}"

    told = error(code, "round 7 is not there", round=7)
    assert told.message == f"round 7 is not there. {advice}"
    assert told.data == {"round": 7}


def test_there_is_one_class_of_errors() -> None:
    assert type(error("conflict")) is DialogueStoreError
    assert type(integrity_error("tag", None, "dialogue#a", "meta", "x")) is DialogueStoreError
    assert type(from_problems([Problem("missing_field", "title", "x")])) is DialogueStoreError
    assert DialogueStoreError.__mro__[1] is Exception


def test_only_what_passes_by_itself_is_retryable() -> None:
    assert sorted(RETRYABLE) == [
        *("backend_unavailable", "conflict", "key_unavailable", "partition_importing"),
    ]
    for code in CODES:
        assert error(code).retryable is (code in RETRYABLE)


@pytest.mark.parametrize("code", ["", "Conflict", "not_a_code", "conflict "])
def test_a_code_that_the_contract_does_not_know_cannot_be_made(code: str) -> None:
    with pytest.raises(ValueError, match="not a code of the contract"):
        DialogueStoreError(code, "x")
    with pytest.raises(KeyError):
        error(code)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(protocol: int) -> None:
    original = error("invalid_field", "round is text", field="round", allowed=[0, 99])
    again = pickle.loads(pickle.dumps(original, protocol))
    assert type(again) is DialogueStoreError
    assert again is not original
    for name in ("code", "message", "retryable", "data", "args"):
        assert getattr(again, name) == getattr(original, name)
    assert str(again) == str(original)


def test_a_copy_does_not_share_its_data() -> None:
    original = error("conflict", tries=[1])
    again = copy.deepcopy(original)
    again.data["tries"].append(2)
    assert original.data == {"tries": [1]}
    assert (again.code, again.message) == (original.code, original.message)


def test_data_is_the_errors_own() -> None:
    given = {"round": 1}
    made = DialogueStoreError("round_not_found", "x", given)
    given["round"] = 2
    assert made.data == {"round": 1}


# -- findings of validation (STORE-14) -----------------------------------------------------------


def test_one_problem() -> None:
    made = from_problems(
        [
            Problem(
                "invalid_ref_type", "references[2].type", "not a ref type", {"allowed": ["support"]}
            )
        ]
    )
    assert made.code == "invalid_ref_type"
    assert made.message == (
        "references[2].type: not a ref type. Use one of the ref types of the contract."
    )
    assert made.data == {
        "field": "references[2].type",
        "allowed": ["support"],
        "findings": [
            {
                "code": "invalid_ref_type",
                "field": "references[2].type",
                "message": "not a ref type",
                "suggestion": "Use one of the ref types of the contract.",
                "allowed": ["support"],
            }
        ],
    }


def test_the_first_problem_gives_the_code_and_all_are_listed() -> None:
    made = from_problems(
        [
            Problem("missing_field", "title", "is required"),
            Problem("invalid_field", "round", "is text", {"type": "str"}),
            Problem("missing_field", "label", "is required"),
        ]
    )
    assert made.code == "missing_field"
    assert made.message == (
        "title: is required. Give the required value. (and 2 more in data.findings)"
    )
    assert made.data["field"] == "title"
    assert "type" not in made.data
    assert [(each["code"], each["field"]) for each in made.data["findings"]] == [
        ("missing_field", "title"),
        ("invalid_field", "round"),
        ("missing_field", "label"),
    ]


def test_what_is_known_beside_a_problem_does_not_replace_the_problem() -> None:
    problem = Problem("missing_field", "title", "is required", {"code": "x", "message": "y"})
    found = problem.as_data()
    assert (found["code"], found["message"]) == ("missing_field", "is required")


def test_findings_survive_pickling() -> None:
    made = from_problems([Problem("missing_field", "title", "is required")])
    assert pickle.loads(pickle.dumps(made)).data == made.data


# -- bad items (ENV-06) --------------------------------------------------------------------------


def test_an_integrity_error_names_the_item_and_the_layer() -> None:
    made = integrity_error(
        "tag", "dialogue:a/entity:dialogue/meta", "dialogue#a", "meta", "the tag fails"
    )
    assert made.code == "integrity_error"
    assert made.message == (
        "dialogue:a/entity:dialogue/meta: the tag fails (layer tag). "
        "Do not use the data; run verify_partition to list every bad item."
    )
    assert made.data == {
        "layer": "tag",
        "address": "dialogue:a/entity:dialogue/meta",
        "pk": "dialogue#a",
        "sk": "meta",
        "detail": "the tag fails",
    }


def test_an_item_without_an_address_is_named_by_its_key() -> None:
    made = integrity_error("envelope", None, "dialogue#a", "ref#P0101", "no such form")
    assert made.message.startswith("ref#P0101: no such form (layer envelope).")
    assert made.data["address"] is None


def test_the_allowed_values_as_text() -> None:
    assert one_of(["open", "closed"]) == "open, closed"
    assert one_of(iter(["a"])) == "a"
