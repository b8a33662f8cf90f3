"""Timestamps (ADDR-07): what is read, what is refused, and that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.contract import timestamps


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-02-03T10:15:00.000000Z", "2026-02-03T10:15:00.000000Z"),
        ("2026-02-03T10:15:00Z", "2026-02-03T10:15:00.000000Z"),
        ("2026-02-03T10:15:00.5Z", "2026-02-03T10:15:00.500000Z"),
        ("2026-02-03T10:15:00.123456Z", "2026-02-03T10:15:00.123456Z"),
        # Further digits are cut off, towards the past.
        ("2026-02-03T10:15:00.1234567Z", "2026-02-03T10:15:00.123456Z"),
        ("2026-02-03T10:15:00.123456999999999999Z", "2026-02-03T10:15:00.123456Z"),
        ("2026-12-31T23:59:59.9999999Z", "2026-12-31T23:59:59.999999Z"),
        ("1960-01-01T00:00:00.0000009Z", "1960-01-01T00:00:00.000000Z"),
        ("2026-02-03T10:15:00." + "0" * 400 + "1+00:00", "2026-02-03T10:15:00.000000Z"),
        # Offsets.
        ("2026-02-03T10:15:00+00:00", "2026-02-03T10:15:00.000000Z"),
        ("2026-02-03T10:15:00+01:00", "2026-02-03T09:15:00.000000Z"),
        ("2026-02-03T10:15:00-01:30", "2026-02-03T11:45:00.000000Z"),
        ("2026-02-03T10:15:00-00:01", "2026-02-03T10:16:00.000000Z"),
        ("2026-02-03T10:15:00.25+23:59", "2026-02-02T10:16:00.250000Z"),
        ("2026-02-03T10:15:00-23:59", "2026-02-04T10:14:00.000000Z"),
        ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000000Z"),
        # Leap days.
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"),
        ("2000-02-29T12:00:00Z", "2000-02-29T12:00:00.000000Z"),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00.000000Z"),
        ("2023-03-01T00:30:00+01:00", "2023-02-28T23:30:00.000000Z"),
        # The ends of the time line.
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.000000Z"),
        ("0999-06-01T00:00:00Z", "0999-06-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T22:59:59.999999-01:00", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_what_is_read(text: str, canonical: str) -> None:
    assert timestamps.normalise(text) == canonical
    assert timestamps.is_canonical(canonical)
    assert timestamps.is_canonical(text) == (text == canonical)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-03",
        "10:15:00Z",
        "2026-02-03T10:15Z",
        # A naive time, and an offset that is not known.
        "2026-02-03T10:15:00",
        "2026-02-03T10:15:00.000000",
        "2026-02-03T10:15:00-00:00",
        "2026-02-03T10:15:00.5-00:00",
        # Another spelling.
        "2026-02-03t10:15:00Z",
        "2026-02-03T10:15:00z",
        "2026-02-03 10:15:00Z",
        "2026-02-03T10:15:00 Z",
        " 2026-02-03T10:15:00Z",
        "2026-02-03T10:15:00Z ",
        "2026-02-03T10:15:00Z\n",
        "2026-02-03T10:15:00ZZ",
        "2026-02-03T10:15:00Z+00:00",
        "2026-02-03T10:15:00UTC",
        "2026-02-03T10:15:00.Z",
        "2026-02-03T10:15:00.+01:00",
        "2026-02-03T10:15:00,5Z",
        "2026-02-03T10:15:00.5.5Z",
        "2026-02-03T10:15:00.1_0Z",
        "20260203T101500Z",
        "2026-2-3T10:15:00Z",
        "2026-034T10:15:00Z",
        "2026-W06-2T10:15:00Z",
        "26-02-03T10:15:00Z",
        "+2026-02-03T10:15:00Z",
        "12026-02-03T10:15:00Z",
        "２026-02-03T10:15:00Z",
        "2026-02-03T10:15:0٣Z",
        # No such moment.
        "2026-02-03T10:15:60Z",
        "2016-12-31T23:59:60Z",
        "2026-02-03T24:00:00Z",
        "2026-02-03T10:60:00Z",
        "2026-13-03T10:15:00Z",
        "2026-00-03T10:15:00Z",
        "2026-02-00T10:15:00Z",
        "2026-04-31T10:15:00Z",
        "2026-02-29T10:15:00Z",
        "2100-02-29T10:15:00Z",
        "0000-01-01T00:00:00Z",
        # No such offset.
        "2026-02-03T10:15:00+24:00",
        "2026-02-03T10:15:00-24:00",
        "2026-02-03T10:15:00+00:60",
        "2026-02-03T10:15:00+23:60",
        "2026-02-03T10:15:00+1:00",
        "2026-02-03T10:15:00+0100",
        "2026-02-03T10:15:00+01",
        "2026-02-03T10:15:00+01:00:00",
        "2026-02-03T10:15:00\u221201:00",  # a minus sign
        # Outside the years 0001 to 9999 once it is in UTC.
        "0001-01-01T00:59:59.999999+01:00",
        "9999-12-31T23:00:00-01:00",
        "0000-12-31T23:30:00-01:00",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        timestamps.normalise(text)
    assert not timestamps.is_canonical(text)


@pytest.mark.parametrize("value", [None, 0, 1.5, b"2026-02-03T10:15:00.000000Z", ["x"]])
def test_another_type_is_not_canonical(value: object) -> None:
    assert not timestamps.is_canonical(value)


def test_a_moment_is_written_in_utc() -> None:
    moment = datetime(2026, 2, 3, 10, 15, 0, 7, timezone(timedelta(hours=2)))
    assert timestamps.format_time(moment) == "2026-02-03T08:15:00.000007Z"
    assert timestamps.parse("2026-02-03T10:15:00.000007+02:00") == moment
    assert timestamps.parse("2026-02-03T10:15:00Z").tzinfo is UTC


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        timestamps.format_time(datetime(2026, 2, 3))  # noqa: DTZ001 - the point of the test


def test_the_moment_after() -> None:
    assert timestamps.after("2026-02-03T10:15:00.000000Z") == "2026-02-03T10:15:00.000001Z"
    assert timestamps.after("2023-12-31T23:59:59.999999Z") == "2024-01-01T00:00:00.000000Z"
    assert timestamps.after("2024-02-28T23:59:59.999999Z") == "2024-02-29T00:00:00.000000Z"


def test_the_system_clock_knows_its_zone() -> None:
    assert timestamps.system_clock().tzinfo is UTC


# -- for all times -------------------------------------------------------------------------------

OFFSETS = st.integers(-(24 * 60 - 1), 24 * 60 - 1)
MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
FRACTIONS = st.text("0123456789", max_size=12)


def _write(moment: datetime, offset: int, more: str) -> str:
    """RFC 3339 text of a moment at an offset in minutes, with digits past the sixth."""
    local = moment.astimezone(timezone(timedelta(minutes=offset)))
    hours, minutes = divmod(abs(offset), 60)
    zone = f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
    return f"{local.replace(tzinfo=None).isoformat(timespec='microseconds')}{more}{zone}"


TEXTS = st.builds(_write, MOMENTS, OFFSETS, FRACTIONS)


@pytest.mark.property
@given(MOMENTS, OFFSETS, FRACTIONS)
def test_every_spelling_of_a_moment_has_one_form(moment: datetime, offset: int, more: str) -> None:
    canonical = timestamps.normalise(_write(moment, offset, more))
    assert canonical == timestamps.format_time(moment)
    assert timestamps.normalise(canonical) == canonical
    assert timestamps.is_canonical(canonical)
    assert timestamps.parse(canonical) == moment
    assert len(canonical) == 27


@pytest.mark.property
@given(MOMENTS, st.one_of(MOMENTS, st.none()), st.integers(-3, 3), OFFSETS, OFFSETS)
def test_text_order_is_time_order(
    one: datetime, other: datetime | None, step: int, offset: int, offset_2: int
) -> None:
    second = other or one + timedelta(microseconds=step)
    first = timestamps.normalise(_write(one, offset, ""))
    then = timestamps.normalise(_write(second, offset_2, ""))
    assert (first < then) == (one < second)
    assert (first == then) == (one == second)


@pytest.mark.property
@given(TEXTS, st.text("0123456789TtZz:+-. ", max_size=2), st.integers(0, 30), st.integers(0, 2))
def test_whatever_is_read_is_canonical_afterwards(
    text: str, more: str, at: int, instead_of: int
) -> None:
    changed = text[:at] + more + text[at + instead_of :]
    try:
        canonical = timestamps.normalise(changed)
    except ValueError:
        return
    assert timestamps.is_canonical(canonical)
    assert timestamps.normalise(canonical) == canonical


@pytest.mark.property
@given(MOMENTS)
def test_the_moment_after_is_the_next_text(moment: datetime) -> None:
    text = timestamps.format_time(moment)
    assert timestamps.after(text) > text
    assert timestamps.parse(timestamps.after(text)) - moment == timedelta(microseconds=1)
