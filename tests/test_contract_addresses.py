"""Identifiers, display ids, sort keys and addresses (ADDR-01 to ADDR-05), by hand-written examples."""

from __future__ import annotations

import itertools
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.contract import addresses, timestamps
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import LETTERS, TYPES

T = "2026-02-03T10:15:00.000000Z"

# type, identity, sort key, what follows `dialogue:nvidia-analysis/`
EXAMPLES: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("dialogue", {}, "meta", "entity:dialogue/meta"),
    ("expert", {"expert_slug": "muffin"}, "expert#muffin", "entity:expert/muffin"),
    ("round", {"round": 0}, "round#00", "entity:round/00"),
    ("round", {"round": 99}, "round#99", "entity:round/99"),
    ("verdict", {"verdict_id": "V.1_a-b"}, "verdict#V.1_a-b", "entity:verdict/V.1_a-b"),
    ("perspective", {"round": 1, "seq": 2}, "perspective#01#02", "entity:perspective/01#02"),
    ("tension", {"round": 0, "seq": 1}, "tension#00#01", "entity:tension/00#01"),
    (
        "recommendation",
        {"round": 7, "seq": 10},
        "recommendation#07#10",
        "entity:recommendation/07#10",
    ),
    ("evidence", {"round": 99, "seq": 99}, "evidence#99#99", "entity:evidence/99#99"),
    ("claim", {"round": 10, "seq": 9}, "claim#10#09", "entity:claim/10#09"),
    (
        "move",
        {"round": 3, "expert_slug": "cup-cake", "seq": 4},
        "move#03#cup-cake#04",
        "entity:move/03#cup-cake#04",
    ),
    (
        "ref",
        {"source_id": "P0101", "ref_type": "support", "target_id": "T0002"},
        "ref#P0101#support#T0002",
        None,
    ),
    (
        "perspective_event",
        {"entity_id": "P0102", "timestamp": T},
        f"event#perspective#P0102#{T}",
        f"entity:event/perspective#P0102#{T}",
    ),
    (
        "tension_event",
        {"entity_id": "T0001", "timestamp": T},
        f"event#tension#T0001#{T}",
        f"entity:event/tension#T0001#{T}",
    ),
    (
        "recommendation_event",
        {"entity_id": "R9999", "timestamp": T},
        f"event#recommendation#R9999#{T}",
        f"entity:event/recommendation#R9999#{T}",
    ),
    ("signal", {"round": 2, "expert_slug": "muffin"}, "signal#02#muffin", None),
    ("dek", {"version": 1}, "dek#1", "entity:dek/1"),
    ("dek", {"version": 999_999_999_999_999}, "dek#999999999999999", "entity:dek/999999999999999"),
    ("head", {}, "head", "entity:head/head"),
    ("request", {"request_id": "r-1"}, "request#r-1", "entity:request/r-1"),
]


def test_there_is_an_example_of_every_type() -> None:
    assert {row[0] for row in EXAMPLES} == set(TYPES)


@pytest.mark.parametrize(("entity", "parts", "sk", "address"), EXAMPLES)
def test_keys_and_addresses(
    entity: str, parts: dict[str, Any], sk: str, address: str | None
) -> None:
    assert addresses.sort_key(entity, **parts) == sk
    found = addresses.parse_sort_key(sk)
    assert found is not None
    assert (found[0].entity, found[1]) == (entity, parts)

    if address is None:
        with pytest.raises(ValueError, match="no address"):
            addresses.address("nvidia-analysis", entity, parts)
        return
    full = f"dialogue:nvidia-analysis/{address}"
    assert addresses.address("nvidia-analysis", entity, parts) == full
    dialogue_id, kind, again = addresses.parse_address(full)
    assert (dialogue_id, kind.entity, again) == ("nvidia-analysis", entity, parts)


def test_what_a_parser_hands_out_cannot_be_changed() -> None:
    found = addresses.parse_sort_key("round#01")
    assert found is not None
    with pytest.raises(TypeError):
        found[1]["round"] = 2  # type: ignore[index]
    again = addresses.parse_sort_key("round#01")
    assert again is not None
    assert again[1] == {"round": 1}


NEAR_MISSES = [
    "",
    "Meta",
    "meta ",
    "meta\n",
    "\nmeta",
    "meta#",
    "heads",
    "round#1",
    "round#001",
    "round#+1",
    "round#-1",
    "round# 1",
    "round#１2",  # full-width 1
    "round#٠١",  # Arabic-Indic digits
    "round#01\n",
    "perspective#01#00",
    "perspective#01#100",
    "perspective#01#1",
    "perspective#01",
    "perspective#01#02#",
    "perspective#01#02\n",
    "perspective/01#02",
    "Perspective#01#02",
    "expert#",
    "expert#-a",
    "expert#a b",
    "expert#a/b",
    "expert#a:b",
    "expert#a#b",
    "expert#é",
    "expert#a\0",
    "expert#a\n",
    "expert#" + "a" * 97,
    "move#01##01",
    "move#01#muffin",
    "move#01#muffin#00",
    "signal#01",
    "signal#1#muffin",
    "dek#0",
    "dek#01",
    "dek#",
    "dek#+1",
    "dek#1.0",
    "dek#1000000000000000",  # 16 digits
    "dek#１",
    "request#",
    "ref#P0101#supports#T0002",
    "ref#P0101#support#T0200",
    "ref#X0101#support#T0001",
    "ref#P0101#support",
    "event#tension#P0001#" + T,
    "event#perspective#T0001#" + T,
    "event#recommendation#C0001#" + T,
    "event#claim#C0001#" + T,
    "event#tension#T0001#2026-02-03T10:15:00Z",
    "event#tension#T0001#2026-02-03T10:15:00.000000+00:00",
    "event#tension#T0001#2026-13-03T10:15:00.000000Z",
    "event#tension#T0001#2026-02-30T10:15:00.000000Z",
    "event#tension#T0001#2026-02-03T24:15:00.000000Z",
    "event#tension#T0001#2026-02-03T10:15:60.000000Z",
    "event#tension#T0001#0000-02-03T10:15:00.000000Z",
    "event#tension#T0001#2026-02-03T10:15:00.000000Z\n",
    "event#tension#T0001#２026-02-03T10:15:00.000000Z",
]


@pytest.mark.parametrize("sk", NEAR_MISSES)
def test_a_near_miss_is_no_sort_key(sk: str) -> None:
    assert addresses.parse_sort_key(sk) is None


GOOD_ADDRESS = "dialogue:nvidia-analysis/entity:perspective/01#02"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dialogue:nvidia-analysis",
        "dialogue:nvidia-analysis/",
        "dialogue:/entity:head/head",
        "dialogue:-a/entity:head/head",
        "dialogue:a:b/entity:head/head",
        "dialogue:a/b/entity:head/head",
        "dialogue:é/entity:head/head",
        f"dialogue:{'a' * 97}/entity:head/head",
        "dialogue:a/head",
        "dialogue:a/entity:head",
        "dialogue:a/entity:head/meta",
        "dialogue:a/entity:meta/meta",
        "dialogue:a/entity:dek/0",
        "dialogue:a/entity:dek/01",
        "dialogue:a/entity:ref/P0101#support#T0002",
        "dialogue:a/entity:signal/01#muffin",
        f"dialogue:a/entity:tension_event/T0001#{T}",
        f"dialogue:a/entity:event/tension#P0001#{T}",
        "dialogue:a/entity:event/tension#T0001#2026-13-03T10:15:00.000000Z",
        GOOD_ADDRESS + "\n",
        " " + GOOD_ADDRESS,
        GOOD_ADDRESS.upper(),
        GOOD_ADDRESS.replace("02", "00"),
        GOOD_ADDRESS.replace("01", "０1"),
        GOOD_ADDRESS.replace("#", "%23"),
        GOOD_ADDRESS + "/" + GOOD_ADDRESS,
    ],
)
def test_a_near_miss_is_no_address(text: str) -> None:
    addresses.parse_address(GOOD_ADDRESS)
    with pytest.raises(DialogueStoreError) as raised:
        addresses.parse_address(text)
    assert raised.value.code == "invalid_identifier"


# -- identifiers and display ids -----------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a", "0", "A.b_c-9", "a" * 96, "a..", "a-", "CON", "null", "..a".lstrip("."), "1e5"]
)
def test_an_identifier(text: str) -> None:
    assert addresses.is_identifier(text)
    assert addresses.parse_partition_key(addresses.partition_key(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "-a",
            ".a",
            "_a",
            "a b",
            "a/b",
            "a:b",
            "a#b",
            "a\0",
            "a\n",
            "\na",
            "é",
            "e\u0301",
        ),
        *("a" * 97, "ａ", "a\u200b", "а", "a%", "a+b", "\ud800"),  # the lone letter is Cyrillic
        *(None, 1, b"a", ["a"], True),
    ],
)
def test_no_identifier(text: object) -> None:
    assert not addresses.is_identifier(text)
    assert addresses.parse_partition_key(f"dialogue#{text}") is None or not isinstance(text, str)


@pytest.mark.parametrize(
    "pk", ["", "dialogue#", "Dialogue#a", "dialogue:a", "audit#a", "dialogue#a\n"]
)
def test_no_partition_key(pk: str) -> None:
    assert addresses.partition_key("a") == "dialogue#a"
    assert addresses.parse_partition_key(pk) is None


@pytest.mark.parametrize(
    ("entity", "round", "seq", "text"),
    [
        ("perspective", 1, 2, "P0102"),
        ("tension", 0, 1, "T0001"),
        ("recommendation", 99, 99, "R9999"),
        ("evidence", 10, 20, "E1020"),
        ("claim", 0, 10, "C0010"),
    ],
)
def test_a_display_id(entity: str, round: int, seq: int, text: str) -> None:
    assert addresses.display_id(entity, round, seq) == text
    assert addresses.is_display_id(text)
    assert addresses.parse_display_id(text) == (entity, round, seq)


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "P+1-1", "P0100", "P010", "P01011", "p0101", "X0101", "M0101", "D0101"),
        *("P01 1", " P0101", "P0101 ", "P0101\n", "P-101", "P1", "PP101", "P0x01", "P1e01"),
        *("Ｐ0101", "P０101", "P٠١01", "Р0101", "P0101\0", "MUFFIN-P0101"),  # Р is Cyrillic
    ],
)
def test_no_display_id(text: str) -> None:
    assert not addresses.is_display_id(text)
    with pytest.raises(DialogueStoreError) as raised:
        addresses.parse_display_id(text)
    assert raised.value.code == "invalid_display_id"


@pytest.mark.parametrize("value", [None, 101, b"P0101", ["P0101"]])
def test_another_type_is_no_display_id(value: object) -> None:
    assert not addresses.is_display_id(value)


# -- for all entities ----------------------------------------------------------------------------

_LETTER = string.ascii_letters + string.digits
# Short ones that are easily confused with their neighbours, and long ones.
IDENTIFIERS = st.one_of(
    st.sampled_from(
        ["a", "A", "a-b", "a.b", "a_b", "aa", "0", "01", "head", "meta", "P0101", "dek"]
    ),
    st.builds(
        str.__add__,
        st.sampled_from(_LETTER),
        st.text(_LETTER + "._-", max_size=95),
    ),
)
ROUNDS = st.integers(0, 99)
SEQS = st.integers(1, 99)
TIMES = st.datetimes(
    min_value=datetime(1, 1, 1),  # noqa: DTZ001 - hypothesis takes naive bounds
    timezones=st.just(UTC),
).map(timestamps.format_time)


def _display_ids(letters: str) -> st.SearchStrategy[str]:
    return st.builds("{}{:02d}{:02d}".format, st.sampled_from(letters), ROUNDS, SEQS)


_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "round": ROUNDS,
    "seq": SEQS,
    "version": st.integers(1, 10**15 - 1),
    "timestamp": TIMES,
    "ref_type": st.sampled_from(TYPES["ref"].by_name["ref_type"].values),
    "source_id": _display_ids("PRTEC"),
    "target_id": _display_ids("PRTEC"),
}


def _parts_of(entity: str) -> st.SearchStrategy[tuple[str, Mapping[str, Any]]]:
    letter = {"perspective_event": "P", "tension_event": "T", "recommendation_event": "R"}
    own = {**_PARTS, "entity_id": _display_ids(letter.get(entity, "P"))}
    parts = {name: own.get(name, IDENTIFIERS) for name in TYPES[entity].identity}
    return st.tuples(st.just(entity), st.fixed_dictionaries(parts))


ENTITIES = st.sampled_from(sorted(TYPES)).flatmap(_parts_of)


@pytest.mark.property
@given(IDENTIFIERS, ENTITIES)
def test_parsing_gives_the_parts_back(
    dialogue_id: str, entity: tuple[str, Mapping[str, Any]]
) -> None:
    name, parts = entity
    found = addresses.parse_sort_key(addresses.sort_key(name, **parts))
    assert found is not None
    assert (found[0].entity, found[1]) == (name, parts)
    if TYPES[name].has_envelope:
        where, kind, again = addresses.parse_address(addresses.address(dialogue_id, name, parts))
        assert (where, kind.entity, again) == (dialogue_id, name, parts)


@pytest.mark.property
@given(st.lists(st.tuples(IDENTIFIERS, ENTITIES), min_size=2, max_size=8))
def test_different_entities_have_different_addresses(
    entities: list[tuple[str, tuple[str, Mapping[str, Any]]]],
) -> None:
    for one, other in itertools.combinations(entities, 2):
        same = one == other
        (here, (name, parts)), (there, (name_2, parts_2)) = one, other
        key = addresses.partition_key(here), addresses.sort_key(name, **parts)
        key_2 = addresses.partition_key(there), addresses.sort_key(name_2, **parts_2)
        assert (key == key_2) == same
        if TYPES[name].has_envelope and TYPES[name_2].has_envelope:
            first = addresses.address(here, name, parts)
            assert (first == addresses.address(there, name_2, parts_2)) == same


@pytest.mark.property
@given(st.text(), st.sampled_from([row[2] for row in EXAMPLES]), st.data())
def test_a_text_that_parses_is_written_the_same_way(
    more: str, sk: str, data: st.DataObject
) -> None:
    """No second spelling: whatever is accepted is what the parts would be written as."""
    at = data.draw(st.integers(0, len(sk)))
    cut = data.draw(st.integers(at, min(at + 2, len(sk))))
    changed = sk[:at] + more[:2] + sk[cut:]
    found = addresses.parse_sort_key(changed)
    if found is not None:
        assert addresses.sort_key(found[0].entity, **found[1]) == changed


@pytest.mark.property
@given(st.sampled_from(sorted(LETTERS.values())), ROUNDS, SEQS)
def test_display_ids_are_read_as_written(entity: str, round: int, seq: int) -> None:
    text = addresses.display_id(entity, round, seq)
    assert len(text) == len(text.encode()) == 5
    assert addresses.parse_display_id(text) == (entity, round, seq)
