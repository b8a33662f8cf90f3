"""docs/contract.md: made from the text and the tables, whole, and with an anchor for each rule."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import main as command_line
from conformance.report.contract_page import PAGE, contract_page
from conformance.report.contract_tables import parts, parts_of
from conformance.spec import PROFILES, RULES
from conformance.spec.contract_text import contract_text

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "reference_impl" / "contract"
MADE = contract_page()


def test_the_page_is_what_the_command_makes() -> None:
    """Red if text or tables change and the page does not, or if the page is edited by hand."""
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page == MADE, f"write it again: nox -s spec -- --contract-page {PAGE}"


def test_every_rule_has_one_anchor_and_every_link_leads_to_one() -> None:
    anchors = re.findall(r'<a id="([a-z0-9-]+)"></a>', MADE)
    assert sorted(anchors) == sorted(rule.lower() for rule in RULES)
    headings = re.findall(r"^#+ (.+)$", MADE, re.MULTILINE)
    slugs = {re.sub(r"[^a-z0-9 _-]", "", h.lower()).replace(" ", "-") for h in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", MADE))
    assert sorted(linked - set(anchors) - slugs) == []


def test_the_whole_text_of_every_rule_is_there() -> None:
    plain = re.sub(r"\[([A-Z]+-\d\d)\]\(#[a-z0-9-]+\)", r"\1", MADE)
    lost = [
        (rule, line)
        for rule, text in contract_text().rules.items()
        for line in text.split("\n")
        if line.strip() not in plain
    ]
    assert lost == []


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


@pytest.mark.parametrize("name", ["entities.json", "methods.json"])
def test_nothing_of_the_tables_is_left_out(name: str) -> None:
    """Red if a member that somebody adds to the tables is not shown."""
    written = json.loads((CONTRACT / name).read_text(encoding="utf-8"))
    plain = re.sub(r"\[([A-Z]+-\d\d)\]\(#[a-z0-9-]+\)", r"\1", MADE).replace("\\", "")
    assert [text for text in strings(written) if text not in plain] == []


def test_numbers_and_defaults_of_the_tables_are_shown() -> None:
    expert = MADE.partition("#### `expert`")[2].partition("####")[0]
    assert "| `relevance` | `number` | cleartext | yes |  | minimum 0; maximum 1; decimals 6 |" in (
        expert
    )
    method = MADE.partition("#### `register_round`")[2].partition("####")[0]
    assert "- errors: validation\\_failed" in method
    assert "| `claims` |" in method


def test_a_profile_lists_each_of_its_rules() -> None:
    for profile in PROFILES.values():
        shown = MADE.partition("### Profiles")[2].partition(f"#### `{profile.name}`")[2]
        listed = re.findall(r"^- \[([A-Z]+-\d\d)\]", shown.partition("####")[0], re.MULTILINE)
        assert tuple(listed) == profile.rules, profile.name


def test_the_parts_that_rules_need_are_there() -> None:
    """Red if a part is renamed, or a rule that leans on the tables has none."""
    assert {rule for rule in RULES if parts_of(rule)} >= {
        rule for rule, text in contract_text().rules.items() if "`entities.json`" in text
    }
    assert [part.name for part in parts_of("HEAD-07")] == ["journal", "head"]
    assert len(parts()) > 80


def test_the_command_writes_the_page_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "docs" / "contract.md"
    monkeypatch.setattr(sys, "argv", ["conformance", "spec", "--contract-page", str(page)])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 0
    assert page.read_text(encoding="utf-8") == MADE


@pytest.mark.parametrize("more", [["--json"], ["--markdown", "rules.md"]])
def test_the_page_is_asked_for_alone(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "contract.md"
    monkeypatch.setattr(sys, "argv", ["conformance", "spec", "--contract-page", str(page), *more])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert (ended.value.code, page.exists()) == (3, False)
