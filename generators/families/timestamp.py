"""Timestamps in and out (ADDR-07)."""

from __future__ import annotations

from collections.abc import Iterator

from ..kit.recipe import Case, Family, Fields, Note
from ..kit.schemas import TEXT
from .address import Fault, spoiled

FAMILY = Family(
    "timestamp",
    title="Timestamps: RFC 3339 in, one form in UTC out",
    header=[
        "The one form: YYYY-MM-DDTHH:MM:SS.ffffffZ, so that the order of texts is that of times."
    ],
    notes={
        "Offset": Note(
            "the input has an offset", "two writers order the same times differently", ["ADDR-07"]
        ),
        "Precision": Note(
            "more or fewer than six fractional digits",
            "a time is rounded into the future, or text order is not time order",
            ["ADDR-07"],
        ),
        "Calendar": Note(
            "the last day of a month, a leap year, the turn of a year or of the calendar",
            "a time that does not exist, or another day",
            ["ADDR-07"],
        ),
        "Spelling": Note(
            "a spelling that RFC 3339 or a tolerant parser allows and the contract does not",
            "one time has two texts",
            ["ADDR-07"],
        ),
    },
)

NORMALISE = FAMILY.group(
    type="normalise",
    fields=Fields(input={"text": TEXT}, expected={"timestamp": TEXT}),
)
CANONICAL = FAMILY.group(type="canonical", fields=Fields(input={"text": TEXT}))

RULES = ["ADDR-07"]
TIME = "2026-02-03T10:15:00.000000Z"


# Written out by hand: no calendar library has a say in what must come out.
_NORMALISED = (
    ("canonical", TIME, TIME, "already in the one form"),
    ("no-fraction", "2026-02-03T10:15:00Z", TIME, "no fraction", "Precision"),
    (
        "one-digit",
        "2026-02-03T10:15:00.5Z",
        "2026-02-03T10:15:00.500000Z",
        "one digit is tenths",
        "Precision",
    ),
    (
        "milliseconds",
        "2026-02-03T10:15:00.123Z",
        "2026-02-03T10:15:00.123000Z",
        "three digits",
        "Precision",
    ),
    (
        "nanoseconds",
        "2026-02-03T10:15:00.123456789Z",
        "2026-02-03T10:15:00.123456Z",
        "cut, not rounded",
        "Precision",
    ),
    (
        "nines",
        "2026-02-03T10:15:59.9999999Z",
        "2026-02-03T10:15:59.999999Z",
        "cut towards the past, never into the next second",
        "Precision",
    ),
    (
        "forty-digits",
        "2026-02-03T10:15:00." + "1" * 40 + "Z",
        "2026-02-03T10:15:00.111111Z",
        "any precision",
        "Precision",
    ),
    ("zero-offset", "2026-02-03T10:15:00+00:00", TIME, "+00:00 is UTC", "Offset"),
    ("east", "2026-02-03T11:15:00+01:00", TIME, "east of UTC is earlier there", "Offset"),
    ("west", "2026-02-03T05:15:00-05:00", TIME, "west of UTC is later there", "Offset"),
    ("half-hour", "2026-02-03T15:45:00+05:30", TIME, "half an hour", "Offset"),
    ("quarter-hour", "2026-02-03T16:00:00+05:45", TIME, "three quarters of an hour", "Offset"),
    ("largest-east", "2026-02-04T10:14:00+23:59", TIME, "the largest offset", "Offset"),
    ("largest-west", "2026-02-02T10:16:00-23:59", TIME, "the largest offset west", "Offset"),
    ("minute-west", "2026-02-03T10:14:00-00:01", TIME, "a negative minute", "Offset"),
    (
        "offset-and-fraction",
        "2026-02-03T11:15:00.1234567+01:00",
        "2026-02-03T10:15:00.123456Z",
        "offset and cut at once",
        "Offset",
        "Precision",
    ),
    (
        "into-yesterday",
        "2026-03-01T00:30:00+01:00",
        "2026-02-28T23:30:00.000000Z",
        "an offset across the end of February",
        "Offset",
        "Calendar",
    ),
    (
        "into-leap-day",
        "2024-03-01T00:30:00+01:00",
        "2024-02-29T23:30:00.000000Z",
        "the same in a leap year",
        "Offset",
        "Calendar",
    ),
    (
        "into-last-year",
        "2026-01-01T00:00:00+00:01",
        "2025-12-31T23:59:00.000000Z",
        "across the turn of the year",
        "Offset",
        "Calendar",
    ),
    (
        "into-next-year",
        "2025-12-31T23:59:59.999999-00:01",
        "2026-01-01T00:00:59.999999Z",
        "into the next year",
        "Offset",
        "Calendar",
    ),
    (
        "leap-day",
        "2024-02-29T12:00:00Z",
        "2024-02-29T12:00:00.000000Z",
        "a leap day",
        "Calendar",
    ),
    (
        "leap-century",
        "2000-02-29T12:00:00Z",
        "2000-02-29T12:00:00.000000Z",
        "a century that is a leap year",
        "Calendar",
    ),
    ("last-second", "2026-02-03T23:59:59Z", "2026-02-03T23:59:59.000000Z", "the last second"),
    ("midnight", "2026-02-03T00:00:00Z", "2026-02-03T00:00:00.000000Z", "the first second"),
    (
        "first-of-all",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000000Z",
        "the earliest time, with four digits of year",
        "Calendar",
    ),
    (
        "last-of-all",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999Z",
        "the latest time",
        "Calendar",
    ),
    (
        "back-into-range",
        "0001-01-01T00:00:00-00:01",
        "0001-01-01T00:01:00.000000Z",
        "an offset at the edge",
        "Calendar",
        "Offset",
    ),
    (
        "before-1970",
        "1969-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999999Z",
        "before the epoch of clocks",
    ),
    (
        "beyond-2038",
        "2038-01-19T03:14:08Z",
        "2038-01-19T03:14:08.000000Z",
        "beyond 32 bits of seconds",
    ),
)


def _normalised(slug: str) -> Case:
    (row,) = (row for row in _NORMALISED if row[0] == slug)
    _, text, timestamp, comment, *flags = row
    return Case(
        f"timestamp-normalise-{slug}",
        rules=RULES,
        comment=comment,
        flags=flags,
        data={"text": text},
        expected={"timestamp": timestamp},
    )


@NORMALISE.case
def normalised() -> Iterator[Case]:
    """Any offset and any precision come out as UTC with six digits."""
    for row in _NORMALISED:
        yield _normalised(row[0])


@NORMALISE.case
def refused() -> Iterator[Case]:
    """What is no time of the contract is `invalid_field`: each fault alone, in a time that is one."""
    for of, name, mutation, at, cut, put, comment, *flags in (
        ("canonical", "lower-case-t", "time-form", 10, 1, "t", "a lower-case t", "Spelling"),
        ("canonical", "lower-case-z", "time-form", 26, 1, "z", "a lower-case z", "Spelling"),
        ("canonical", "space", "time-form", 10, 1, " ", "a space for T", "Spelling"),
        ("canonical", "underscore", "time-form", 10, 1, "_", "an underscore for T", "Spelling"),
        ("canonical", "no-separator", "time-form", 10, 1, "", "nothing between date and time"),
        ("canonical", "date-only", "time-form", 10, 17, "", "a date"),
        ("canonical", "slashes", "time-form", 4, 1, "/", "a slash in the date"),
        ("canonical", "basic-form", "time-form", 4, 1, "", "a hyphen is missing"),
        ("canonical", "comma", "time-form", 19, 1, ",", "a comma for the point", "Spelling"),
        ("canonical", "no-digit", "time-form", 20, 6, "", "a point needs a digit", "Precision"),
        ("canonical", "two-points", "time-form", 23, 1, ".", "two points"),
        ("canonical", "no-seconds", "time-form", 16, 10, "", "hours and minutes only"),
        ("canonical", "one-digit-month", "time-form", 5, 1, "", "a month of one digit"),
        ("canonical", "five-digit-year", "time-form", 0, 0, "1", "a year of five digits"),
        ("canonical", "signed-year", "time-form", 0, 0, "+", "a signed year"),
        ("canonical", "full-width", "time-form", 0, 1, "\uff12", "a full-width digit", "Spelling"),
        ("canonical", "arabic", "time-form", 9, 1, "\u0663", "a digit of another script", "Spelling"),
        ("canonical", "leading-space", "time-form", 0, 0, " ", "a blank in front", "Spelling"),
        ("canonical", "line-feed", "time-form", 27, 0, "\n", "a final line feed", "Spelling"),
        ("canonical", "nul", "time-form", 27, 0, "\x00", "a final NUL"),
        ("canonical", "week-date", "time-form", 5, 5, "W06-2", "a week date"),
        ("canonical", "empty", "time-form", 0, 27, "", "the empty text"),
        ("canonical", "naive", "time-offset", 26, 1, "", "no offset: a naive time"),
        ("canonical", "zone-name", "time-offset", 26, 1, "UTC", "a zone's name"),
        ("canonical", "zone-suffix", "time-offset", 27, 0, "[UTC]", "a suffix of RFC 9557"),
        ("zero-offset", "minus-zero", "time-offset", 19, 1, "-", "-00:00: offset unknown", "Offset"),
        ("zero-offset", "minus-sign", "time-offset", 19, 1, "\u2212", "another minus sign", "Offset"),
        ("zero-offset", "no-colon", "time-offset", 22, 1, "", "an offset without colon", "Offset"),
        ("zero-offset", "hours-only", "time-offset", 22, 3, "", "an offset of hours only", "Offset"),
        ("zero-offset", "hour-24", "time-offset", 20, 2, "24", "an offset of 24 hours", "Offset"),
        ("zero-offset", "minute-60", "time-offset", 23, 2, "60", "an offset of 60 minutes", "Offset"),
        ("zero-offset", "seconds", "time-offset", 25, 0, ":00", "an offset with seconds", "Offset"),
        ("zero-offset", "and-z", "time-offset", 25, 0, "Z", "an offset and Z", "Offset"),
        ("canonical", "month-13", "time-range", 5, 2, "13", "month 13", "Calendar"),
        ("canonical", "month-0", "time-range", 6, 1, "0", "month 00", "Calendar"),
        ("canonical", "day-0", "time-range", 9, 1, "0", "day 00", "Calendar"),
        ("canonical", "day-29", "time-range", 8, 2, "29", "the 29th in no leap year", "Calendar"),
        ("canonical", "april-31", "time-range", 6, 4, "4-31", "the 31st of April", "Calendar"),
        ("leap-century", "common-century", "time-range", 0, 2, "19", "1900 was no leap year", "Calendar"),
        ("canonical", "hour-24", "time-range", 11, 2, "24", "hour 24"),
        ("canonical", "minute-60", "time-range", 14, 2, "60", "minute 60"),
        ("canonical", "second-60", "time-range", 17, 1, "6", "second 60"),
        ("last-second", "leap-second", "time-range", 17, 2, "60", "a leap second"),
        ("first-of-all", "year-0", "time-range", 3, 1, "0", "there is no year 0000", "Calendar"),
        ("back-into-range", "year-0", "time-range", 19, 1, "+", "the result is in year 0", "Calendar"),
        ("last-of-all", "year-10000", "time-range", 26, 1, "-00:01", "in year 10000", "Calendar"),
    ):  # fmt: skip
        fault = Fault(name, mutation, at, cut, put, comment, tuple(flags))
        yield spoiled(_normalised(of), "text", fault, RULES)


def _canonical(slug: str, text: str, comment: str, *flags: str) -> Case:
    return Case(
        f"timestamp-canonical-{slug}",
        rules=RULES,
        comment=comment,
        flags=flags,
        data={"text": text},
    )


_CANONICAL = (
    ("example", TIME, "the example of the contract"),
    ("leap-day", "2024-02-29T00:00:00.000001Z", "a leap day", "Calendar"),
    ("first", "0001-01-01T00:00:00.000000Z", "the earliest", "Calendar"),
    ("last", "9999-12-31T23:59:59.999999Z", "the latest", "Calendar"),
)


@CANONICAL.case
def in_the_one_form() -> Iterator[Case]:
    """A stored time is in the one form."""
    for row in _CANONICAL:
        yield _canonical(*row)


@CANONICAL.case
def not_in_the_one_form() -> Iterator[Case]:
    """What the store would take and write otherwise is not what it may find."""
    good = {row[0]: _canonical(*row) for row in _CANONICAL}
    for of, name, at, cut, put, comment, *flags in (
        ("example", "no-fraction", 19, 7, "", "no fraction", "Precision"),
        ("example", "five-digits", 25, 1, "", "five digits", "Precision"),
        ("example", "seven-digits", 26, 0, "1", "seven digits", "Precision"),
        ("example", "zero-offset", 26, 1, "+00:00", "an offset for Z", "Offset"),
        ("example", "minus-zero", 26, 1, "-00:00", "an unknown offset", "Offset"),
        ("example", "lower-case-z", 26, 1, "z", "a lower-case z", "Spelling"),
        ("example", "lower-case-t", 10, 1, "t", "a lower-case t", "Spelling"),
        ("example", "space", 10, 1, " ", "a space for T", "Spelling"),
        ("example", "line-feed", 27, 0, "\n", "a final line feed", "Spelling"),
        ("example", "full-width", 0, 1, "\uff12", "a full-width digit", "Spelling"),
        ("example", "day-30", 8, 2, "30", "the 30th of February", "Calendar"),
        ("example", "hour-24", 11, 2, "24", "hour 24", "Calendar"),
        ("example", "second-60", 17, 1, "6", "second 60", "Calendar"),
        ("leap-day", "no-leap-year", 3, 1, "3", "the 29th in no leap year", "Calendar"),
        ("first", "year-0", 3, 1, "0", "there is no year 0000", "Calendar"),
        ("last", "month-13", 6, 1, "3", "month 13", "Calendar"),
    ):  # fmt: skip
        fault = Fault(name, "time-not-canonical", at, cut, put, comment, tuple(flags))
        yield spoiled(good[of], "text", fault, RULES)
