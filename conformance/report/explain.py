"""One rule explained: its whole text, what it needs of the tables, and what shows it. Nothing is run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from textwrap import wrap
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.liars.kit.trial import chosen
from conformance.running.recorder import CASES_FILE
from conformance.running.runner import SUITE
from conformance.spec import OWN_PROFILE, PLANNED, RULES, SPEC_REVISION, profiles_of
from conformance.spec.contract_text import contract_text, groups_of
from conformance.vectors import VectorError, cited_rules, load_manifest

from .contract_tables import Part, parts, parts_of

__all__ = [
    "Explanation",
    "UnknownNameError",
    "as_json",
    "explain",
    "find",
    "show_explanation",
    "show_part",
]

_ID: Final = re.compile(r"([A-Za-z]+)-?(\d{1,2})")


class UnknownNameError(ValueError):
    """Neither a rule nor a part of the tables; the message says what there is that is like it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A rule and everything that a reader needs beside it.

    ``tests``: functions of the suite by file. ``liars``: what each of them does wrong, by name.
    ``vectors``: number of cases by file; ``faults``: what each kind of fault is, by name. ``planned``: why
    it is not shown yet, by profile.
    """

    rule: str
    level: str
    title: str
    section: str
    text: str
    profiles: tuple[str, ...]
    groups: tuple[str, ...]
    named: tuple[str, ...]
    parts: tuple[Part, ...]
    tests: Mapping[str, tuple[str, ...]]
    liars: Mapping[str, str]
    vectors: Mapping[str, int]
    faults: Mapping[str, str]
    planned: Mapping[str, str]


def find(name: str) -> str | Part:
    """What is meant by a name: the id of a rule (``store-9`` will do), or a part of the tables.

    ``UnknownNameError`` for anything else.
    """
    if name in parts():
        return parts()[name]
    if match := _ID.fullmatch(name):
        rule = f"{match[1].upper()}-{int(match[2]):02d}"
        if rule in RULES:
            return rule
    if any(rule.startswith(f"{name.upper()}-") for rule in RULES):
        raise UnknownNameError(
            f"{name} is a family of rules and no rule: `conformance rules {name.upper()}` lists it"
        )
    like = get_close_matches(name.upper(), RULES, 4, 0.7) or get_close_matches(name, parts(), 4)
    more = f"near it: {', '.join(like)}" if like else "`conformance rules` lists all rules"
    raise UnknownNameError(
        f"{name!r} is no rule of the contract, no method and no entity type; {more}"
    )


def explain(rule: str) -> Explanation:
    """Everything about one rule of the register. ``KeyError`` where there is none of that id."""
    contract, registered = contract_text(), RULES[rule]
    text = contract.rules[rule]
    named = dict.fromkeys(found for found in re.findall(r"\b[A-Z]+-\d\d\b", text))
    vectors, faults = _vectors(rule)
    return Explanation(
        rule=rule,
        level=registered.level,
        title=registered.text,
        section=contract.section_of(rule).heading,
        text=text,
        profiles=profiles_of(rule),
        groups=tuple(groups_of(text)),
        named=tuple(each for each in named if each in RULES and each != rule),
        parts=parts_of(rule),
        tests={file: names for file, names in _tests(rule).items() if names},
        liars={
            liar.name: liar.lie for liar in chosen() if rule in liar.must_fail and not liar.trivial
        },
        vectors=vectors,
        faults=faults,
        planned={
            profile: f"{planned.milestone}: {planned.reason}"
            for (id_, profile), planned in PLANNED.items()
            if id_ == rule
        },
    )


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "format_version": 1,
        "spec_revision": SPEC_REVISION,
        "id": explanation.rule,
        "level": explanation.level,
        "title": explanation.title,
        "section": explanation.section,
        "text": explanation.text,
        "profiles": list(explanation.profiles),
        "groups": list(explanation.groups),
        "named_rules": list(explanation.named),
        "tables": [part.as_json() for part in explanation.parts],
        "tests": {file: list(names) for file, names in explanation.tests.items()},
        "liars": dict(explanation.liars),
        "vectors": dict(explanation.vectors),
        "faults": dict(explanation.faults),
        "planned": dict(explanation.planned),
    }


def show_explanation(console: Console, explanation: Explanation) -> None:
    """The rule for people, in the width of the terminal."""
    e = explanation
    console.print(Text(e.rule, style="bold"), Text(f"{e.level}, {', '.join(e.profiles)}"))
    console.print(Text(f"Section {e.section}", style="dim"))
    console.print()
    _wrapped(console, e.title, 0)
    console.print()
    first, *points = e.text.split("\n")
    _wrapped(console, first, 2)
    for point in points:
        _wrapped(console, point.strip(), 4, 2)
    if e.groups:
        _headed(console, "The groups, in their order")
        for number, group in enumerate(e.groups):
            _wrapped(console, f"{number}  {group}", 2, 3)
    if e.named:
        _headed(console, "Rules that it names")
        for rule in e.named:
            _wrapped(console, f"{rule}  {RULES[rule].text}", 2, 2)
    for part in e.parts:
        show_part(console, part)
    _shown_by(console, e)


def show_part(console: Console, part: Part) -> None:
    """A part of the tables: its facts, then its table."""
    _headed(console, part.title.replace("`", ""))
    for name, value in part.facts:
        _wrapped(console, f"{name}: {value}", 2, 2)
    kept = [n for n in range(len(part.columns)) if any(row[n] for row in part.rows)]
    table = Table(box=None, pad_edge=False)
    for n in kept:
        table.add_column(part.columns[n], overflow="fold")
    for row in part.rows:
        table.add_row(*(Text(row[n]) for n in kept))
    if part.rows:
        console.print(Padding(table, (0, 0, 0, 2)))


def _shown_by(console: Console, e: Explanation) -> None:
    _headed(console, "Shown by")
    if e.tests:
        number = sum(map(len, e.tests.values()))
        _wrapped(console, f"tests of the suite: {number}", 2)
        for file, names in e.tests.items():
            for name in names:
                _wrapped(console, f"{file}::{name}", 4)
    elif OWN_PROFILE in e.profiles:
        _wrapped(console, "the project's own tests, as docs/rules.md lists them", 2)
    for profile, why in e.planned.items():
        _wrapped(console, f"profile {profile}: planned for {why}", 2)
    if e.liars:
        _wrapped(console, f"wrong backends that the suite catches by it: {len(e.liars)}", 2)
        for name, lie in e.liars.items():
            _wrapped(console, f"{name}: {lie}", 4, 2)
    if e.vectors:
        _wrapped(console, f"cases of vectors: {sum(e.vectors.values())}", 2)
        for file, number in e.vectors.items():
            _wrapped(console, f"vectors/{file}: {number}", 4)
    if e.faults:
        _wrapped(console, f"faults that vectors show: {len(e.faults)}", 2)
        for name, what in e.faults.items():
            _wrapped(console, f"{name}: {what}", 4, 2)
    if e.tests:
        console.print()
        _wrapped(console, f"Only its cases: conformance run --target … --rule {e.rule}", 0)


def _headed(console: Console, heading: str) -> None:
    console.print()
    console.print(Text(heading, style="bold"))


def _wrapped(console: Console, text: str, indent: int, hanging: int = 0) -> None:
    """The text in the console's width; names and paths stay whole, so that they can be copied."""
    lines = wrap(
        text,
        max(console.width, 40),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(Text("\n".join(lines)), soft_wrap=True, highlight=False)


# -- what shows it ----------------------------------------------------------------------------------


@cache
def _listed() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(
        (SUITE / CASES_FILE).read_text(encoding="utf-8")
    )
    return found


def _tests(rule: str) -> dict[str, tuple[str, ...]]:
    return {
        file: tuple(name for name, cited in tests.items() if rule in cited)
        for file, tests in _listed().items()
    }


def _vectors(rule: str) -> tuple[dict[str, int], dict[str, str]]:
    """Number of cases by file, and faults by name; nothing where there are no vectors."""
    try:
        counted, faults = _known_vectors()
    except VectorError:
        return {}, {}
    return (
        {file: rules[rule] for file, rules in counted.items() if rules[rule]},
        {name: fault["what"] for name, fault in faults.items() if rule in fault["rules"]},
    )


@cache
def _known_vectors() -> tuple[Mapping[str, Counter[str]], Mapping[str, Any]]:
    """What ``cited_rules`` says, and the faults of the manifest."""
    return cited_rules(), load_manifest()["faults"]
