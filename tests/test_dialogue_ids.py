"""Ids from titles (ADDR-06): a pure function, which no backend claims."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.store import ModelStore
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract import addresses
from reference_impl.contract.errors import DialogueStoreError

# `conformance spec` runs this module: it proves a rule that no backend claims.
pytestmark = [profile("project"), rules("ADDR-06")]

SLUGS = {
    "Which Harbour?": "which-harbour",
    "NVIDIA Analysis": "nvidia-analysis",
    "  What -- now?!  ": "what-now",
    "  --Hello,   World!! ": "hello-world",
    "Éclair & Crème brûlée": "eclair-creme-brulee",
    "E\u0301clair": "eclair",  # decomposed, the same
    "re\u0301sume\u0301 r\u00e9sum\u00e9": "resume-resume",
    "\u00dcber \u00c6r\u00f8 \u2013 \u216b": "uber-r-xii",
    "\u0130stanbul": "istanbul",
    "stra\u00dfe": "stra-e",
    "\uff26\uff35\uff2c\uff2c \ufb01ne": "full-fine",  # full-width letters and a ligature
    "20\u212a x\u00b2 \u00bd": "20k-x2-1-2",
    "a\u0345b": "ab",  # a combining mark between letters
    "e\u20ddf": "e-f",  # an enclosing circle is Me, not Mn
    "a\U00011f00b": "ab",  # a mark since Unicode 15
    "\u65e5\u672c\u8a9e": "dialogue",
    "\U0001f9c1": "dialogue",
    "!!!": "dialogue",
    "": "dialogue",
    "---": "dialogue",
    "#/:\0": "dialogue",
    "a\0b": "a-b",
    "a" * 63 + " b": "a" * 63,
    "a" * 80: "a" * 64,
    "snake_case.and-dots": "snake-case-and-dots",
}


def ids(title: str) -> Iterator[str]:
    """The candidates, asked for anew: a test must not keep the function that it tries."""
    return iter(addresses.new_dialogue_id(title))


@pytest.mark.parametrize(("title", "slug"), SLUGS.items(), ids=SLUGS.values())
def test_the_first_id_for_a_title(title: str, slug: str) -> None:
    assert next(ids(title)) == slug


def test_further_ids_count_up_to_99_and_then_end() -> None:
    candidates = ids("y" * 70)
    first = list(itertools.islice(candidates, 99))
    assert first == ["y" * 64, *(f"{'y' * 64}-{number}" for number in range(2, 100))]
    with pytest.raises(DialogueStoreError) as raised:
        next(candidates)
    assert raised.value.code == "too_many_dialogues"


def test_a_store_takes_the_next_candidate_where_one_is_in_use() -> None:
    store = ModelStore()

    def create() -> str:
        for candidate in ids("The Tides"):
            with suppress(DialogueStoreError):
                return store.create_dialogue(candidate, "Tides").dialogue_id
        return "none"

    made = [create() for _ in range(3)]
    assert made == ["the-tides", "the-tides-2", "the-tides-3"]


def test_an_opaque_id_shows_nothing_of_the_title() -> None:
    """`d-` and a UUID of version 7 in hex, another one each time."""
    made = [name for _ in range(3) for name in addresses.new_dialogue_id("Secret", opaque=True)]
    form = re.compile(r"d-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
    assert [name for name in made if form.fullmatch(name)] == made
    assert len(set(made)) == 3


@pytest.mark.property
@given(st.text())
def test_ids_for_any_title_are_identifiers(title: str) -> None:
    form = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
    candidates = list(itertools.islice(ids(title), 99))
    assert [name for name in candidates if not form.fullmatch(name)] == []
    assert len(set(candidates)) == 99
    assert len(candidates[0]) <= 64
    assert candidates[1] == f"{candidates[0]}-2"
