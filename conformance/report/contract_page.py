"""The contract as a page of the documentation: its text with an anchor for each rule, then its tables.

The page is made from the text and the tables that are installed, and from nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from conformance.spec import PROFILES, RULES, Profile, profiles_of
from conformance.spec.contract_text import SPEC_FILE, Section, contract_text, groups_of
from reference_impl.contract.tables import ENTITIES

from .contract_tables import Part, parts, stores

__all__ = ["PAGE", "contract_page"]

#: Where the page lies, from the project's folder.
PAGE: Final = "docs/contract.md"

_RULE = re.compile(r"\b([A-Z]+-\d\d)\b")
_MADE: Final = (
    "Made by `nox -s spec -- --contract-page docs/contract.md` from\n"
    "`reference_impl/contract/`; not edited by hand."
)


def contract_page() -> str:
    """The whole page as Markdown."""
    text = contract_text()
    lines = [
        f"# {text.heading}",
        "",
        _MADE,
        f"`{SPEC_FILE}` is the text, `entities.json` and `methods.json` beside it are the tables.",
        "On a terminal `conformance explain STORE-14` prints a rule, what it needs of the tables, and which",
        "cases, liars and vectors show it. What is proved by which test stands in [rules.md](rules.md).",
        "",
        text.introduction,
        "",
        *_contents(),
    ]
    for section in text.sections:
        lines += _section(section)
    lines += _tables()
    return "\n".join(lines).rstrip("\n") + "\n"


def _contents() -> Iterator[str]:
    for section in contract_text().sections:
        yield f"- [{section.heading}](#{_anchor(section.heading)})"
    yield "- [Tables](#tables): [entity types](#entity-types), [bookkeeping items](#bookkeeping-items),"
    yield "  [over all of them](#over-all-of-them), [methods](#methods), [profiles](#profiles)"
    yield ""


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.heading}"
    yield ""
    if section.introduction:
        yield _linked(section.introduction)
        yield ""
    for rule, text in section.rules.items():
        first, *points = text.split("\n")
        yield f'<a id="{rule.lower()}"></a>'
        yield ""
        yield f"**{rule}** ({', '.join(profiles_of(rule))}) {_linked(first, rule)}"
        yield ""
        if groups := groups_of(text):
            yield "| group | what is asked |"
            yield "|---|---|"
            yield from (f"| {number} | {_cell(group)} |" for number, group in enumerate(groups))
            yield ""
        if points:
            yield from (_linked(point.removeprefix("  "), rule) for point in points)
            yield ""


def _tables() -> Iterator[str]:
    shown = parts()
    yield "## Tables"
    yield ""
    over_all = ("keys", "letters", "transitions", "indexes", "errors", "results")
    methods = [part for part in shown.values() if ("of", stores()[0]) in part.facts]
    methods += [part for part in shown.values() if ("of", stores()[1]) in part.facts]
    entities = [part for part in shown.values() if ("sort key" in dict(part.facts))]
    bookkeeping = [part for part in entities if part.name not in ENTITIES]
    groups = (
        ("Entity types", [part for part in entities if part.name in ENTITIES]),
        ("Bookkeeping items", bookkeeping),
        ("Over all of them", [shown[name] for name in over_all]),
        ("Methods", [*(shown[name] for name in (*stores(), "MigrationStore")), *methods]),
    )
    for heading, group in groups:
        yield f"### {heading}"
        yield ""
        for part in group:
            yield from _part(part)
    yield "### Profiles"
    yield ""
    yield "Claiming a profile claims what it needs as well. Rules as they are listed, then each of them."
    yield ""
    yield from _table(shown["profiles"])
    for profile in PROFILES.values():
        yield from _profile(profile)


def _profile(profile: Profile) -> Iterator[str]:
    yield f"#### `{profile.name}`"
    yield ""
    yield from (f"- [{rule}](#{rule.lower()}) {RULES[rule].text}" for rule in profile.rules)
    yield ""


def _part(part: Part) -> Iterator[str]:
    yield f"#### {part.title}"
    yield ""
    if part.facts:
        yield from (f"- {name}: {_linked(_marked(name, value))}" for name, value in part.facts)
        yield ""
    yield from _table(part)


def _table(part: Part) -> Iterator[str]:
    """A table; columns in which nothing stands are left out."""
    if not part.rows:
        return
    kept = [n for n in range(len(part.columns)) if any(row[n] for row in part.rows)]
    yield "| " + " | ".join(part.columns[n] for n in kept) + " |"
    yield "|" + "---|" * len(kept)
    for row in part.rows:
        yield "| " + " | ".join(_cell(_code(part.columns[n], row[n])) for n in kept) + " |"
    yield ""


#: What is shown as code; the rest is words.
_AS_CODE: Final = ("sort key", "partition key", "address", "identity", "returns")
_CODE_COLUMNS: Final = (
    *_AS_CODE,
    *("field", "type", "default", "parameter", "method", "item", "entity", "from", "letter"),
    *("name", "partition key's attribute", "sort key's attribute", "result", "profile"),
)


def _marked(name: str, value: str) -> str:
    return f"`{value}`" if name in _AS_CODE and value not in ("none", "nothing") else _plain(value)


def _code(column: str, value: str) -> str:
    if column in _CODE_COLUMNS and value and value != "none":
        return f"`{value}`"
    return _linked(_plain(value))


def _plain(text: str) -> str:
    """Words of the tables, in which Markdown means nothing."""
    return re.sub(r"([*_<])", r"\\\1", text)


def _linked(text: str, own: str = "") -> str:
    """Rules that are named lead to their anchors, but for the rule itself."""

    def link(match: re.Match[str]) -> str:
        rule = match[1]
        return f"[{rule}](#{rule.lower()})" if rule in RULES and rule != own else rule

    parts_ = re.split(r"(`[^`]*`)", text)
    return "".join(each if each.startswith("`") else _RULE.sub(link, each) for each in parts_)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _anchor(heading: str) -> str:
    words = re.sub(r"[^a-z0-9 -]", "", heading.lower())
    return words.strip().replace(" ", "-")
