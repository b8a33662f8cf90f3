"""ADDR-07: the form of every time, and what input is read as a time.

No method of profile core takes a time, so the table of inputs goes through the contract's own function, and
the store's clock is set to what it gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from conformance.suite.kit.builders import begin, partition, populate, shown
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.sampling import for_any
from reference_impl.contract import timestamps
from reference_impl.contract.dialogue_store import DialogueStore

if TYPE_CHECKING:
    from conformance.suite.conftest import Clock

pytestmark = profile("core")

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)

READ = {
    "2026-02-03T10:15:00Z": "2026-02-03T10:15:00.000000Z",
    "2026-02-03T10:15:00.5Z": "2026-02-03T10:15:00.500000Z",
    "2026-02-03T10:15:00.1234567Z": "2026-02-03T10:15:00.123456Z",
    "2026-02-03T10:15:00.999999999999Z": "2026-02-03T10:15:00.999999Z",
    "1969-12-31T23:59:59.9999999Z": "1969-12-31T23:59:59.999999Z",
    "2026-02-03T10:15:00+00:00": "2026-02-03T10:15:00.000000Z",
    "2026-02-03T10:15:00+05:30": "2026-02-03T04:45:00.000000Z",
    "2026-02-03T00:15:00.000001+01:00": "2026-02-02T23:15:00.000001Z",
    "2026-12-31T23:59:59-00:01": "2027-01-01T00:00:59.000000Z",
    "2026-02-03T10:15:00+23:59": "2026-02-02T10:16:00.000000Z",
    "2026-02-03T10:15:00-23:59": "2026-02-04T10:14:00.000000Z",
    "2024-02-29T12:00:00Z": "2024-02-29T12:00:00.000000Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000000Z",
    "9999-12-30T23:59:59Z": "9999-12-30T23:59:59.000000Z",
}

REFUSED = {
    "lower-case t": "2026-02-03t10:15:00Z",
    "lower-case z": "2026-02-03T10:15:00z",
    "blank for T": "2026-02-03 10:15:00Z",
    "second 60": "2026-06-30T23:59:60Z",
    "unknown offset": "2026-02-03T10:15:00-00:00",
    "naive": "2026-02-03T10:15:00",
    "point without a digit": "2026-02-03T10:15:00.Z",
    "comma": "2026-02-03T10:15:00,5Z",
    "offset of 24 hours": "2026-02-03T10:15:00+24:00",
    "offset of 60 minutes": "2026-02-03T10:15:00+01:60",
    "offset without a colon": "2026-02-03T10:15:00+0100",
    "hour 24": "2026-02-03T24:00:00Z",
    "minute 60": "2026-02-03T10:60:00Z",
    "February 29": "2026-02-29T10:15:00Z",
    "month 13": "2026-13-01T10:15:00Z",
    "day 0": "2026-01-00T10:15:00Z",
    "year 0": "0000-01-01T00:00:00Z",
    "before year 1": "0001-01-01T00:00:00+00:01",
    "after year 9999": "9999-12-31T23:59:59-00:01",
    "five-digit year": "12026-02-03T10:15:00Z",
    "no seconds": "2026-02-03T10:15Z",
    "date only": "2026-02-03",
    "blank after": "2026-02-03T10:15:00Z ",
    "newline after": "2026-02-03T10:15:00Z\n",
    "full-width digit": "\uff12026-02-03T10:15:00Z",
    "basic format": "20260203T101500Z",
    "week date": "2026-W06-2T10:15:00Z",
    "empty": "",
}


def _times(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if (name.endswith("_at") or name == "timestamp") and member is not None:
                yield member
            else:
                yield from _times(member)
    elif isinstance(value, list):
        for member in value:
            yield from _times(member)


@rules("ADDR-07")
def test_every_time_has_the_one_form(store: DialogueStore) -> None:
    populate(store, "tides")
    store.update_dialogue_status("tides", "converged")
    times = list(_times(partition(store, "tides")))
    assert len(times) > 60
    assert [time for time in times if not FORM.fullmatch(time)] == []


@rules("ADDR-07")
@pytest.mark.parametrize(("given", "meant"), READ.items(), ids=READ.keys())
def test_a_time_is_read_and_given_in_its_one_form(
    store: DialogueStore, clock: Clock, given: str, meant: str
) -> None:
    assert timestamps.normalise(given) == meant
    clock.set(timestamps.normalise(given))
    made = shown(store.create_dialogue("tides", "Tides"))["created_at"]
    assert made == meant if clock.controlled else FORM.fullmatch(made)
    clock.needed(f"the one form of {given}")


@rules("ADDR-07")
def test_text_order_is_time_order(store: DialogueStore, clock: Clock) -> None:
    given = [
        "2026-02-03T10:15:00.000009Z",
        "2026-02-03T10:15:00.00001Z",
        "2026-02-03T11:15:00.1+01:00",
        "2026-02-03T10:15:00.100001Z",
        "2026-02-03T09:15:01-01:00",
        "2026-02-03T10:16:00Z",
    ]
    made = []
    for number, time in enumerate(given):
        clock.set(timestamps.normalise(time))
        made.append(shown(store.create_dialogue(f"tide-{number}", "Tide"))["created_at"])
    assert [timestamps.normalise(time) for time in given] == sorted(
        timestamps.normalise(time) for time in given
    )
    assert made == sorted(made)


def _is_read(text: str) -> bool:
    try:
        timestamps.normalise(text)
    except ValueError:
        return False
    return True


@rules("ADDR-07")
def test_what_is_no_time_is_refused(store: DialogueStore) -> None:
    time = shown(store.create_dialogue("tides", "Tides"))["created_at"]
    own = {
        "as given by the store": time,
        "own, lower-case t": time.replace("T", "t"),
        "own, lower-case z": time.replace("Z", "z"),
        "own, blank": time.replace("T", " "),
        "own, naive": time[:-1],
        "own, unknown offset": time[:-1] + "-00:00",
        "own, second 60": f"{time[:17]}60{time[19:]}",
    }
    read = {name: _is_read(text) for name, text in (REFUSED | own).items()}
    assert [name for name, taken in read.items() if taken] == ["as given by the store"]


@rules("ADDR-07")
def test_any_moment_is_one_text(store: DialogueStore, clock: Clock, budget: str, seed: int) -> None:
    begin(store, "tides")
    offsets = st.integers(-1439, 1439).filter(bool)

    def check(drawn: tuple[Any, int, int]) -> None:
        moment, offset, digits = drawn
        text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[: 20 + digits].rstrip(".")
        zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
        canonical = timestamps.normalise(text + zone)
        assert FORM.fullmatch(canonical)
        assert timestamps.normalise(canonical) == canonical
        minutes = (timestamps.parse(text + "Z") - timestamps.parse(canonical)).total_seconds() / 60
        assert minutes == offset

    moments = st.datetimes(
        min_value=timestamps.parse("1000-01-03T00:00:00Z").replace(tzinfo=None),
        max_value=timestamps.parse("9999-12-29T00:00:00Z").replace(tzinfo=None),
    )
    for_any(
        st.tuples(moments, offsets, st.integers(0, 6)), check, budget=budget, seed=seed, examples=50
    )
    assert FORM.fullmatch(shown(store.get_dialogue("tides"))["created_at"])
