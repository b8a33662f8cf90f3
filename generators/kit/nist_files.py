"""Reads NIST's response files and the RFC files laid out like them; refuses what it does not know.

A file is lines: blank, `# comment`, `[name = value]` (a section's parameter), `name = value` and
the lone word `FAIL`. Parameters in brackets that follow each other make one section; a section's
records are told apart by the name that each of them begins with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .sources import SourceError, text

FAIL = "FAIL"
_PARAMETER = re.compile(r"\[(\w+) = (\w+)\]")
_FIELD = re.compile(r"(\w+) *=(?: (.*))?")

Record = list[tuple[str, str]]


@dataclass(slots=True)
class Section:
    """Parameters by name and the records under them, each a list of (name, value) in file order.

    `line` is where the section begins.
    """

    line: int
    parameters: dict[str, str] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)


def sections(name: str, first: str, known: Sequence[str]) -> list[Section]:
    """The sections of a published file whose records begin with `first` and hold `known` names."""
    return parse(text(name), name, first, known)


def parse(content: str, name: str, first: str, known: Sequence[str]) -> list[Section]:
    """The same for a text; `SourceError` names the line that is not understood."""
    found = [Section(0)]
    for number, line in enumerate(content.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if parameter := _PARAMETER.fullmatch(line):
            if found[-1].records or not found[-1].line:
                found.append(Section(number))
            if parameter[1] in found[-1].parameters:
                raise SourceError(f"{name}:{number}: a parameter given twice: {line[:80]!r}")
            found[-1].parameters[parameter[1]] = parameter[2]
            continue
        records = found[-1].records
        entry = _FIELD.fullmatch(line)
        if line == FAIL and records:
            records[-1].append((FAIL, ""))
        elif entry is not None and entry[1] in known:
            if entry[1] == first:
                records.append([])
            elif not records:
                raise SourceError(f"{name}:{number}: {entry[1]} before the first {first}")
            records[-1].append((entry[1], (entry[2] or "").strip()))
        else:
            raise SourceError(f"{name}:{number}: a line that is not understood: {line[:80]!r}")
    return [section for section in found if section.line or section.records]


def one(record: Record, name: str) -> str:
    """The one value of that name in a record."""
    values = [value for key, value in record if key == name]
    if len(values) != 1:
        raise SourceError(f"{len(values)} values of {name} in a record that begins {record[0]}")
    return values[0]


def octets(record: Record, name: str, bits: int | None = None) -> bytes:
    """A hex value as bytes; of exactly `bits` bits where that is given."""
    value = one(record, name)
    if not re.fullmatch("([0-9a-f]{2})*", value):
        raise SourceError(f"{name} is not lower-case hex: {value[:80]!r}")
    if bits is not None and len(value) * 4 != bits:
        raise SourceError(f"{name} has {len(value) * 4} bits, its header says {bits}")
    return bytes.fromhex(value)
