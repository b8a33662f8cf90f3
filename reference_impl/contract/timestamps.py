"""Timestamps (ADDR-07): RFC 3339 in UTC with six fractional digits and ``Z``, so text order is
time order."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "after", "format_time", "is_canonical", "normalise", "parse", "system_clock"]

#: Where the time comes from: a function that returns an aware ``datetime``.
Clock = Callable[[], datetime]

_INPUT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_CANONICAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
#: Canonical times on the days that every month has; the others need a calendar.
_EVERY_MONTH = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)
_MICROSECOND = timedelta(microseconds=1)


def system_clock() -> datetime:
    """The machine's time in UTC."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """The canonical text of an aware ``datetime``."""
    if moment.tzinfo is None:
        raise ValueError("a naive time has no place on the time line")
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:-6] + "Z"  # its offset is +00:00


def parse(text: str) -> datetime:
    """The moment that RFC 3339 ``text`` names, in UTC; digits past the sixth are cut off.

    Any offset from -23:59 to +23:59 is read, but not ``-00:00``, lower-case ``t`` or ``z``, a
    space, second 60, a naive time or a result outside the years 0001 to 9999: ``ValueError``.
    """
    match = _INPUT.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time with an offset or Z")
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour),
        int(minute),
        int(second),
        int((fraction or "")[:6].ljust(6, "0")),
        UTC,
    )
    if sign is not None:
        if int(off_hour) > 23 or int(off_minute) > 59:
            raise ValueError("an offset is at most 23:59")
        offset = timedelta(hours=int(off_hour), minutes=int(off_minute))
        if sign == "-" and not offset:
            raise ValueError("-00:00 says that the offset is unknown")
        try:
            moment = moment - offset if sign == "+" else moment + offset
        except OverflowError:
            raise ValueError("outside the years 0001 to 9999") from None
    return moment


def normalise(text: str) -> str:
    """The canonical form of an RFC 3339 time; ``ValueError`` where :func:`parse` refuses it."""
    return format_time(parse(text))


def is_canonical(text: object) -> bool:
    """Whether ``text`` is exactly what :func:`normalise` gives."""
    if not isinstance(text, str):
        return False
    if _EVERY_MONTH.fullmatch(text) is not None:
        return True
    if _CANONICAL.fullmatch(text) is None:
        return False
    try:
        parse(text)
    except ValueError:
        return False
    return True


def after(text: str) -> str:
    """The canonical time one microsecond after a canonical time."""
    return format_time(parse(text) + _MICROSECOND)
