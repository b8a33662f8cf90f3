"""The contract's text (``reference_impl/contract/SPEC.md``) by section and by rule.

The form that is read here: a section begins with ``## ``, a rule with ``- ID ``; lines behind it that begin
with two spaces belong to the rule. What stands in a section before its first rule is its introduction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["SPEC_FILE", "Section", "Text", "contract_text", "groups_of", "parse"]

SPEC_FILE: Final = "reference_impl/contract/SPEC.md"

_RULE = re.compile(r"- (?P<id>[A-Z]+-\d\d) (?P<text>.+)")
_REVISION = re.compile(r"^# .*\(revision (\d+)\)$", re.MULTILINE)
_GROUP = re.compile(r"\((\d)\) ([^;.]+)")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its heading as written, its introduction, and its rules' texts by id, in order."""

    heading: str
    introduction: str
    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """The whole text: heading, introduction, sections, and the revision that the heading names."""

    heading: str
    introduction: str
    sections: tuple[Section, ...]
    revision: int

    @property
    def rules(self) -> dict[str, str]:
        """Every rule's full text by id, in the order of the text. A rule of several lines keeps them."""
        return {id_: text for section in self.sections for id_, text in section.rules.items()}

    def section_of(self, rule: str) -> Section:
        """The section in which a rule stands. ``KeyError`` where there is no such rule."""
        for section in self.sections:
            if rule in section.rules:
                return section
        raise KeyError(rule)


def parse(text: str) -> Text:
    """The text by sections and rules.

    ``ValueError`` for a rule that stands twice, a list item in a section of rules that is no rule, or a
    heading without a revision: nothing may be left out in silence.
    """
    revision = _REVISION.search(text)
    if revision is None:
        raise ValueError("the heading names no revision, as in `# Title (revision 2)`")
    first, *rest = re.split(r"^## ", text, flags=re.MULTILINE)
    heading, _, introduction = first.partition("\n")
    sections = tuple(_section(part) for part in rest)
    ids = [id_ for section in sections for id_ in section.rules]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise ValueError(f"a rule stands twice: {', '.join(twice)}")
    return Text(heading.removeprefix("# "), introduction.strip(), sections, int(revision[1]))


@cache
def contract_text() -> Text:
    """The contract's text as it is installed."""
    place = files("reference_impl.contract").joinpath("SPEC.md")
    return parse(place.read_text(encoding="utf-8"))


def groups_of(text: str) -> list[str]:
    """The groups ``(0) …; (1) …`` that a rule lists, in order; none where it lists none."""
    found = _GROUP.findall(text)
    return [what.strip() for number, what in found] if [n for n, _ in found[:1]] == ["0"] else []


def _section(part: str) -> Section:
    heading, _, body = part.partition("\n")
    introduction: list[str] = []
    rules: dict[str, str] = {}
    now = ""
    for line in body.splitlines():
        if match := _RULE.fullmatch(line):
            now = match["id"]
            if now in rules:
                raise ValueError(f"a rule stands twice: {now}")
            rules[now] = match["text"]
        elif now and line.startswith("  "):
            rules[now] += f"\n{line}"
        elif now and line.strip():
            raise ValueError(f"neither a rule nor a part of one, behind {now}: {line[:60]}")
        elif not now:
            introduction.append(line)
    return Section(heading.strip(), "\n".join(introduction).strip(), rules)
