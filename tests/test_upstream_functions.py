"""docs/upstream-functions.md: all 32 are there, and what it says of ours is so."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import reference_impl
from reference_impl.contract.store import AnalyticsStore, DialogueStore
from reference_impl.store.encrypted_store import EncryptedStore

ROOT = Path(__file__).parent.parent
METHODS: dict[str, dict[str, str]] = {
    store: {method["name"]: method["profile"] for method in listed}
    for store, listed in json.loads(
        (ROOT / "reference_impl/contract/methods.json").read_text(encoding="utf-8")
    ).items()
    if store in (DialogueStore.__name__, AnalyticsStore.__name__)
}
#: A number or two, and one or more names: `13–17 register_perspective/tension`.
UPSTREAM = re.compile(r"(?<![\w…-])(\d{1,2})(?:–(\d{1,2}))? ([a-z]+(?:_[a-z]+)+(?:/[a-z]+)*)")


@dataclass(frozen=True)
class Row:
    number: int
    there: str
    here: str
    state: str
    differences: str

    @property
    def method(self) -> str:
        return self.here.rpartition(".")[2]


def rows() -> list[Row]:
    text = (ROOT / "docs/upstream-functions.md").read_text(encoding="utf-8")
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].isdigit():
            found.append(Row(int(cells[0]), cells[1].strip("`"), cells[2].strip("`"), *cells[3:]))
    return found


ROWS = rows()


def upstream(text: str) -> dict[int, str]:
    """Number → name, from the text that names them all, ranges and shared beginnings written out."""
    found: dict[int, str] = {}
    for match in UPSTREAM.finditer(text):
        first, *more = match[3].split("/")
        beginning = first.partition("_")[0]
        names = [first, *(f"{beginning}_{name}" for name in more)]
        last = int(match[2] or match[1])
        numbers = range(int(match[1]), last + 1)
        assert len(numbers) == len(names), match[0]
        for number, name in zip(numbers, names, strict=True):
            assert found.setdefault(number, name) == name, f"{number} has two names"
    return found


def test_there_are_32_each_with_what_differs() -> None:
    assert [row.number for row in ROWS] == list(range(1, 33))
    assert len({row.there for row in ROWS}) == 32
    assert [row.number for row in ROWS if not row.differences] == []


def test_they_are_those_of_the_source(shared: Path) -> None:
    text = (shared / "spec" / "upstream-functions.md").read_text(encoding="utf-8")
    named = upstream(text)
    assert set(named) == set(range(1, 33))
    assert {row.number: row.there for row in ROWS} == named


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.there)
def test_ours_exists_or_is_planned_with_its_profile(row: Row) -> None:
    owner, _, name = row.here.rpartition(".")
    if owner.startswith(f"{reference_impl.__name__}."):
        assert callable(getattr(importlib.import_module(owner), name))
        assert row.state == "there"
        return
    listed = METHODS[owner]
    assert name in listed
    assert row.state == ("there" if is_there(owner, name) else f"planned: {listed[name]}")


def is_there(owner: str, name: str) -> bool:
    """Whether the reference store does it: not only declares it."""
    if owner == DialogueStore.__name__:
        return name not in EncryptedStore.__abstractmethods__ and hasattr(EncryptedStore, name)
    assert owner == AnalyticsStore.__name__
    return any(
        not inspect.isabstract(store) and store.__module__.startswith(reference_impl.__name__)
        for store in AnalyticsStore.__subclasses__()
    )


def test_the_reader_of_the_source_sees_ranges_and_refuses_contradictions() -> None:
    text = "1 make_it(title): -2…-99 · 3–5 get_pears/plums/figs (P0001 changed T0001)"
    assert upstream(text) == {1: "make_it", 3: "get_pears", 4: "get_plums", 5: "get_figs"}
    for wrong in ("1 make_it, 1 take_it", "1–3 get_pears/plums"):
        with pytest.raises(AssertionError):
            upstream(wrong)
