"""The attacks see what does not hold, and say so in words, figures and exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.attacks import answers, cli, deadlines, flips, forks
from dev.attacks.forking import SCENARIOS, Place
from dev.attacks.outcome import Outcome

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dev.attacks", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.integration
def test_the_help_says_what_is_done_what_must_hold_and_how_it_ends() -> None:
    done = run("--help")
    assert done.returncode == 0
    for name in cli.ATTACKS:
        assert len(re.findall(rf"^ +{name} ", done.stdout, re.MULTILINE)) == 2, name
    assert "1  something did not" in done.stdout
    assert run("flip").returncode == 3


@pytest.mark.parametrize(
    ("broken", "code", "said"), [([], 0, "flips: held: "), (["it broke"], 1, "flips: BROKEN: ")]
)
def test_the_exit_code_is_0_only_if_everything_held(
    broken: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def attack(folder: Path, count: int, seed: int, *, tick: Any) -> Outcome:
        return Outcome({"flips": count, "seed": seed}, broken)

    monkeypatch.setitem(cli.ATTACKS, "flips", cli.Attack(attack, 7, "flips"))
    path = tmp_path / "new" / "attacks.json"
    monkeypatch.setattr(sys, "argv", ["attacks", "flips", "--seed", "5", "--json", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert said in capsys.readouterr().out
    document = json.loads(path.read_text())
    assert (document["held"], document["flips"]["broken"]) == (not broken, broken)
    assert (document["flips"]["flips"], document["flips"]["seed"]) == (7, 5)


@pytest.mark.integration
def test_every_way_to_fork_is_tried_and_a_lost_write_is_seen(tmp_path: Path) -> None:
    ticks: list[None] = []
    outcome = forks.attack(tmp_path, 5, 1, tick=lambda: ticks.append(None))
    assert outcome.broken == []
    assert (len(ticks), outcome.figures["forks"]) == (5, 5)
    place = Place(tmp_path / next(iter(SCENARIOS)))
    seen = Outcome()
    assert forks.look("x", place, {"child-0", "never stored"}, seen) == 1
    assert seen.broken == ["x: acknowledged and absent: never stored"]


def test_flips_of_every_sort_and_what_they_may_not_lead_to(tmp_path: Path) -> None:
    outcome = flips.attack(tmp_path, 20, 1, tick=lambda: None)
    assert outcome.broken == []
    assert outcome.figures["flips"] == sum(outcome.figures["said"].values()) == 20
    one = {"claims": [{"content": "said", "status": "active"}]}
    other = {"claims": [{"content": "sold", "status": "other"}]}
    assert flips.sealed_values(other) - flips.sealed_values(one) == {("claims.content", '"sold"')}


@pytest.mark.parametrize(
    ("ended", "present", "wrong"),
    [
        ("acknowledged", 1, []),
        ("acknowledged", 0, ["acknowledged and absent"]),
        ("acknowledged", 2, ["there 2 times"]),
        ("outcome_unknown", 1, []),
        ("outcome_unknown", 0, []),
        ("backend_unavailable", 0, []),
        ("backend_unavailable", 1, ["told as backend_unavailable and there"]),
    ],
)
def test_what_is_said_of_a_write_is_compared_with_what_is_there(
    ended: str, present: int, wrong: list[str]
) -> None:
    assert answers.judge(ended, present) == wrong


def test_there_are_faulty_answers_of_more_than_twenty_kinds() -> None:
    assert len(answers.KINDS) == len(answers.EITHER) + len(answers.AS_MEANT) >= 20


@pytest.mark.parametrize(
    ("code", "seconds", "wrong"),
    [
        ("backend_unavailable", 2.0, None),
        ("backend_unavailable", 2.1, "cold x, deadline 1 s: took 2.10 s"),
        ("backend_unavailable", 0.1, "cold x, deadline 1 s: took 0.10 s"),
        ("conflict", 1.0, "cold x, deadline 1 s: ended as conflict, not backend_unavailable"),
    ],
)
def test_a_second_too_much_is_too_much(code: str, seconds: float, wrong: str | None) -> None:
    assert deadlines.judge("cold x", 1.0, code, seconds) == wrong
