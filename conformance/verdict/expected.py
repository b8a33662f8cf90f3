"""Failures that are known: read from a file, held against what a run recorded, written from one.

The list never turns a verdict green and excuses nothing but a recorded failure. See
``docs/adr/0006-what-counts-as-proved.md``.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from .judge import FAILING, WAITING, Case, ExpectedFailure, Reason, Report

__all__ = ["ListError", "made_from", "read", "weigh", "write"]

#: Characters of a reason in a list that people read.
_REASON: Final = 400
#: How long a written entry holds until somebody has to look at it again.
_DAYS: Final = timedelta(days=30)
_FIELDS: Final = ("id", "reason", "link", "expiry")
_LINK: Final = re.compile(r"https?://\S+")
_HEAD: Final = """\
# Failures that are known: `conformance run --target … --expected-failures FILE`.
# One entry for each case: its id as the report names it, why it fails, a link to where that is dealt
# with, and the last day on which the entry holds.
"""


class ListError(ValueError):
    """A file that is no list of expected failures."""


def read(path: Path) -> tuple[ExpectedFailure, ...]:
    """The entries of a file, in its order. ``ListError`` unless each has the four fields and an id
    of its own; a link may still be empty.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ListError(f"{path} cannot be read: {error}") from None
    written = found.pop("expected", [])
    if found or not isinstance(written, list):
        raise ListError(f"{path} holds nothing but [[expected]] tables")
    entries = tuple(_entry(path, number, entry) for number, entry in enumerate(written, 1))
    ids = [entry.id for entry in entries]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise ListError(f"{path} names a case twice: {', '.join(twice)}")
    return entries


def _entry(path: Path, number: int, entry: object) -> ExpectedFailure:
    where = f"{path}, entry {number}"
    if not isinstance(entry, dict) or set(entry) != set(_FIELDS):
        raise ListError(f"{where}: has exactly the fields {', '.join(_FIELDS)}")
    id_, reason, link, expiry = (entry[name] for name in _FIELDS)
    if not all(isinstance(text, str) and text.strip() for text in (id_, reason)):
        raise ListError(f"{where}: id and reason are texts, and not empty")
    if not isinstance(link, str) or (link and not _LINK.fullmatch(link)):
        raise ListError(f"{where}: link is an address that begins with http:// or https://")
    if isinstance(expiry, str):
        try:
            expiry = date.fromisoformat(expiry)
        except ValueError:
            expiry = None
    if not isinstance(expiry, date) or isinstance(expiry, datetime):
        raise ListError(f"{where}: expiry is a date such as 2027-01-31")
    return ExpectedFailure(id_, reason, link, expiry)


def weigh(
    entries: Sequence[ExpectedFailure], cases: Sequence[Case], today: date
) -> tuple[tuple[ExpectedFailure, ...], list[Reason]]:
    """The entries that a recorded failure meets, and what is wrong with the others.

    Wrong is an entry past its date, one that names no case of the run (if any were collected), and
    one whose case passed. A case that did not run, or could not be decided (a set-up error), is
    neither met nor wrong: it stays undecided by itself.
    """
    by_id = {case.id: case for case in cases}
    met: list[ExpectedFailure] = []
    problems: list[Reason] = []
    for entry in entries:
        case = by_id.get(entry.id)
        if today > entry.expiry:
            problems.append(Reason("expected_expired", f"{entry.id}: held until {entry.expiry}"))
        elif case is None:
            if cases:
                problems.append(Reason("expected_unknown", f"{entry.id}: no case of this run"))
        elif case.outcome == "pass":
            problems.append(
                Reason("expected_passed", f"{entry.id}: passes, so take it off the list")
            )
        elif case.outcome in FAILING:
            met.append(entry)
    return tuple(met), problems


def made_from(
    report: Report, before: Sequence[ExpectedFailure], today: date
) -> list[ExpectedFailure]:
    """An entry for each case that failed, by id. One that stood there before is kept as it was.

    ``ListError`` for a run that was not decided: what it left out may fail as well, and an error of
    a set-up is not to become an expected failure.
    """
    undecided = [
        r.code
        for r in report.reasons
        if r.code not in WAITING and not r.code.startswith("expected_")
    ]
    if undecided or report.interrupted:
        codes = ", ".join(dict.fromkeys(undecided)) or "interrupted"
        raise ListError(f"no list is made of a run that is not decided ({codes})")
    kept = {entry.id: entry for entry in before}
    return [
        kept.get(case) or ExpectedFailure(case, _short(reason) or "fails", "", today + _DAYS)
        for case, reason in sorted(report.failed_cases.items())
    ]


def _short(reason: str) -> str:
    return reason if len(reason) <= _REASON else f"{reason[: _REASON - 1]}…"


def write(path: Path, entries: Sequence[ExpectedFailure]) -> None:
    """Write a list that :func:`read` reads, whole or not at all."""
    blocks = [_HEAD, *(_block(entry) for entry in entries)]
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".expected-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(blocks))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _block(entry: ExpectedFailure) -> str:
    fields: Mapping[str, str] = {
        "id": _text(entry.id),
        "reason": _text(entry.reason),
        "link": _text(entry.link),
        "expiry": entry.expiry.isoformat(),
    }
    lines = [f"{name} = {value}" for name, value in fields.items()]
    return "\n".join(["[[expected]]", *lines, ""])


def _text(text: str) -> str:
    # A JSON text is a TOML basic string, but for DEL and, escaped in two halves, what is beyond U+FFFF.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
