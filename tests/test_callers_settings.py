"""What the caller has set for its own process decides nothing of what is stored (STORE-12): precision and
traps of decimal numbers, time zone, locale."""

from __future__ import annotations

import decimal
import locale
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from reference_impl.contract import timestamps
from reference_impl.contract.items import item_size
from reference_impl.partitions.dynamodb.items import from_engine, to_engine
from reference_impl.sealing.payloads import decimals_of


@pytest.fixture(params=["coarse", "strict", "lenient"])
def decimal_settings(request: pytest.FixtureRequest) -> Iterator[None]:
    """Six digits; every signal an error; no signal an error."""
    with decimal.localcontext() as context:
        if request.param == "coarse":
            context.prec = 6
        every = request.param == "strict"
        for signal in context.traps:
            context.traps[signal] = every
        yield


@pytest.mark.usefixtures("decimal_settings")
def test_how_many_digits_a_number_has() -> None:
    expected = {0.1234567: 7, 0.5: 1, 1e-07: 7, 0.12345678901234567: 17, 0.30000000000000004: 17}
    assert {number: decimals_of(number) for number in expected} == expected
    assert [decimals_of(number) for number in (0, 7, 100, 2**53)] == [0, 0, 0, 0]


@pytest.mark.usefixtures("decimal_settings")
def test_how_large_a_number_is_as_stored() -> None:
    """One byte, and one for each pair of digits: 12.34.56.7(0) are four, 90.07.19.92.54.74.09.91 eight."""
    assert item_size({"n": 0.1234567}) - len("n") == 1 + 4
    assert item_size({"n": 2**53 - 1}) - len("n") == 1 + 8
    assert item_size({"n": 0.5}) - len("n") == 1 + 1


@pytest.mark.usefixtures("decimal_settings")
def test_a_number_comes_back_from_dynamodb_as_it_was() -> None:
    for number in (0.1234567, 0.12345678901234567, 1e-07, 1e22, 2**62 + 1, -0.1):
        (kept,) = to_engine({"n": number}).values()
        assert from_engine({"n": kept}) == {"n": number}
    assert from_engine({"n": {"N": "1E+3"}}) == {"n": 1000}
    for wrong in ("x", "NaN", "Infinity", "1E+999999999", ""):
        with pytest.raises(ValueError, match="number"):
            from_engine({"n": {"N": wrong}})


def test_a_time_is_told_in_utc_and_in_english_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    before = locale.setlocale(locale.LC_ALL)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        for name in ("ar_EG.UTF-8", "fa_IR.UTF-8", "de_DE.UTF-8", "C.UTF-8"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:  # not installed on this machine; the last always is
                continue
            told = timestamps.format_time(datetime(2026, 3, 9, 7, 5, 1, 20, tzinfo=UTC))
            assert told == "2026-03-09T07:05:01.000020Z"
    finally:
        locale.setlocale(locale.LC_ALL, before)
        monkeypatch.undo()
        time.tzset()
