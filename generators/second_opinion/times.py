"""Timestamps (ADDR-07), by counting microseconds: no calendar library."""

from __future__ import annotations

import re

__all__ = ["NotATimeError", "is_canonical", "normalise"]

_DAY = 86_400_000_000
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class NotATimeError(ValueError):
    """Text that the contract does not take for a time."""


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _length(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _MONTHS[month - 1]


def _days_before(year: int, month: int, day: int) -> int:
    """Days since 0001-01-01."""
    earlier = year - 1
    days = 365 * earlier + earlier // 4 - earlier // 100 + earlier // 400
    return days + sum(_length(year, m) for m in range(1, month)) + day - 1


_END = _days_before(10000, 1, 1) * _DAY


def normalise(text: str) -> str:
    """The canonical text of an RFC 3339 time."""
    found = re.fullmatch(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
        r"(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})",
        text,
    )
    if found is None:
        raise NotATimeError("another form")
    year, month, day, hour, minute, second = (int(found[n]) for n in range(1, 7))
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _length(year, month)):
        raise NotATimeError("no such day")
    if hour > 23 or minute > 59 or second > 59:
        raise NotATimeError("no such time of day")
    micros = int(((found[7] or "") + "000000")[:6])
    total = _days_before(year, month, day) * _DAY
    total += ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
    zone = found[8]
    if zone != "Z":
        if zone == "-00:00" or int(zone[1:3]) > 23 or int(zone[4:]) > 59:
            raise NotATimeError("no such offset")
        ahead = (int(zone[1:3]) * 60 + int(zone[4:])) * 60_000_000
        total += ahead if zone[0] == "-" else -ahead
    if not 0 <= total < _END:
        raise NotATimeError("outside the years 0001 to 9999")
    return _text(total)


def _text(total: int) -> str:
    days, rest = divmod(total, _DAY)
    year = days // 366 + 1  # never too late
    while _days_before(year + 1, 1, 1) <= days:
        year += 1
    days -= _days_before(year, 1, 1)
    month = 1
    while days >= _length(year, month):
        days -= _length(year, month)
        month += 1
    seconds, micros = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return (
        f"{year:04d}-{month:02d}-{days + 1:02d}T{hour:02d}:{minute:02d}:{second:02d}.{micros:06d}Z"
    )


def is_canonical(text: object) -> bool:
    """Whether a value is a time in its one form."""
    if not isinstance(text, str):
        return False
    try:
        return normalise(text) == text
    except NotATimeError:
        return False
