"""The contest's figures, of writes whose times are known by hand (STORE-16)."""

from __future__ import annotations

import pytest

from dev.contest import Write, figures


def test_a_run_counts_only_while_others_wait() -> None:
    """Writer 1 writes three times, writer 2 once, then writer 1 twice more with nobody left to wait."""
    times = [(1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 4), (1, 3, 5), (1, 5, 6)]
    writes = [Write(writer, float(began), float(ended)) for writer, began, ended in times]
    found = figures("sqlite", "updates", 0, writes, 2.0)
    assert found.longest_run == 3
    assert found.worst_wait_s == 4.0
    assert found.rate == 1.0
    assert found.ratio == 0.5
    assert found.missed == ["a write waited 4.00 s, not 1 s"]


@pytest.mark.parametrize("burners", [0, 2])
def test_what_is_missed_is_said(burners: int) -> None:
    writes = [Write(1, float(n), n + 1.0) for n in range(17)]
    writes += [Write(2, 0.0, 18.0), Write(2, 18.0, 20.0, "conflict")]
    found = figures("local", "registrations", burners, writes, 10.0)
    always = ["1 writes ended as conflict", "one process wrote 17 times in a row, not 16"]
    calm = ["a write waited 18.00 s, not 6 s", "9% of one client's rate, not 15%"]
    assert found.missed == (always if burners else always + calm)
