"""The contract's text: read rule by rule, whole, and with the register beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.spec import RULES, SPEC_REVISION
from conformance.spec.contract_text import SPEC_FILE, contract_text, groups_of, parse
from reference_impl.contract import tables

ROOT = Path(__file__).parent.parent
WRITTEN = (ROOT / SPEC_FILE).read_text(encoding="utf-8")


def test_the_text_and_the_register_have_the_same_rules() -> None:
    """Red if a rule is written into one of them only."""
    assert sorted(re.findall(r"^- ([A-Z]+-\d\d) ", WRITTEN, re.MULTILINE)) == sorted(RULES)
    assert set(contract_text().rules) == set(RULES)


def test_text_tables_and_register_are_of_one_revision() -> None:
    assert contract_text().revision == tables.SPEC_REVISION == SPEC_REVISION == 2


def test_a_rule_stands_in_the_section_of_its_family() -> None:
    for section in contract_text().sections:
        for rule in section.rules:
            assert section.heading.endswith(f"({rule.partition('-')[0]})"), rule


def test_nothing_of_the_text_is_lost_in_the_reading() -> None:
    """Red if a line is dropped: every word of the file stands in some part that was read."""
    text = contract_text()
    parts = [text.heading, text.introduction]
    for section in text.sections:
        parts += [section.heading, section.introduction]
        parts += [f"- {id_} {rule}" for id_, rule in section.rules.items()]
    read = " ".join(" ".join(parts).split())
    assert read == " ".join(re.sub(r"^#+ ", "", WRITTEN, flags=re.MULTILINE).split())


def test_every_rule_that_is_named_is_there() -> None:
    """Red if a sentence points at a rule that was renamed or taken away."""
    families = "|".join(sorted({rule.partition("-")[0] for rule in RULES}))
    named = set(re.findall(rf"\b(?:{families})-\d\d\b", WRITTEN))
    assert len(named) > 80
    assert sorted(named - set(contract_text().rules)) == []


def test_the_text_speaks_of_nothing_outside_of_the_project() -> None:
    assert re.findall(r"\S*\.\./\S*", WRITTEN) == []


SMALL = """# A contract (revision 7)

Said before.

## 1. Letters (A)
Said of letters.
- A-01 One line (B-01).
- A-02 Two lines:
  - the second; (0) no group.

## 2. More (B)
- B-01 Groups: (0) first, of all; (1) second (with a bracket); (2) third. Then more.
"""


def test_rules_keep_their_lines() -> None:
    text = parse(SMALL)
    assert (text.heading, text.revision, text.introduction) == (
        *("A contract (revision 7)", 7),
        "Said before.",
    )
    assert [section.heading for section in text.sections] == ["1. Letters (A)", "2. More (B)"]
    assert text.sections[0].introduction == "Said of letters."
    assert text.rules["A-02"] == "Two lines:\n  - the second; (0) no group."
    assert text.section_of("B-01").heading == "2. More (B)"
    with pytest.raises(KeyError):
        text.section_of("B-02")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("- A-02", "- A-01", "A-01"),
        ("- B-01", "- A-01", "A-01"),
        ("- A-02 Two", "- A02 Two", "A02"),
        (" (revision 7)", "", "revision"),
    ],
)
def test_what_cannot_be_read_is_refused(before: str, after: str, says: str) -> None:
    assert before in SMALL
    with pytest.raises(ValueError, match=says):
        parse(SMALL.replace(before, after))


def test_groups_are_listed_in_order() -> None:
    rules = parse(SMALL).rules
    assert groups_of(rules["B-01"]) == ["first, of all", "second (with a bracket)", "third"]
    assert groups_of(rules["A-01"]) == []
    assert [group.split(",")[0] for group in groups_of(contract_text().rules["STORE-14"])] == [
        *("store_closed", "missing_field", "enums", "invalid_identifier", "type_id_mismatch"),
        *("dialogue_not_found", "invalid_ref_target", "request_mismatch"),
    ]
