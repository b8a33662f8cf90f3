"""The reason of a failed case says everything that its assertion found, in words, and the same in every
process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.running.runner import Listener, Options, run
from conformance.running.wording import compared, shown
from conformance.suite.kit.leaks import SealedTexts
from conformance.verdict.judge import Case
from tests.fake_suites import WHOLE, run_suite, suite, target

CHECKOUT = Path(__file__).parents[1]

#: Test bodies, and what their reasons are.
FAILING = {
    "found = {f'k{n}': n for n in range(30)}\n    assert found == dict.fromkeys(found, 0)": (
        "assert found == dict.fromkeys(found, 0): "
        + "; ".join(f"k{n}: got {n}, expected 0" for n in sorted(range(1, 30), key=str))
        + ";"
    ),
    "stored = None\n    assert stored": "assert stored: None",
    "class Store:\n        def get(self, key): pass\n    assert Store().get('a')": (
        "assert Store().get('a'): None"
    ),
    "first = 1\n    assert first == (\n        1 + 1\n    )": (
        "assert first == 1 + 1: got 1, expected 2;"
    ),
    "assert {'a', 'b', 'c', 'd'} == {'a', 'e', 'f'}": (
        "assert {'a', 'b', 'c', 'd'} == {'a', 'e', 'f'}: got 'b' too; got 'c' too; got 'd' too; "
        "got no 'e'; got no 'f';"
    ),
    "found = [{'x', 'y', 'z'}, object]\n    assert found == [{'x'}, object]": (
        "assert found == [{'x'}, object]: [0]: got 'y' too; [0]: got 'z' too;"
    ),
    "codes = frozenset(f'{n}' for n in range(9))\n    assert 'x' in codes": (
        "assert 'x' in codes: 'x' in {'0', '1', '2', '3', '4', '5', '6', '7', '8'}"
    ),
    "many = '1, ' * 10**5\n    assert f'[{many}2]' == f'[{many}3]'": (
        "assert f'[{many}2]' == f'[{many}3]': [100000]: got 2, expected 3;"
    ),
    # Bytes may be a key: how many, and SHA-256 of 32 of 7 (computed by sha256sum).
    "key, other = bytes([7]) * 32, bytes(32)\n    assert key != key": (
        "assert key != key: (32 bytes, SHA-256 4bb06f8e4e3a7715…) != (32 bytes, SHA-256 4bb06f8e4e3a7715…)"
    ),
    "key = bytes([7]) * 32\n    raise AssertionError(f'no key: {key}')": (
        "AssertionError: no key: (32 bytes, SHA-256 4bb06f8e4e3a7715…)"
    ),
    "assert False, 'words of its own'": "AssertionError: words of its own assert False",
}


def reasons(folder: Path) -> list[str]:
    """The reasons of a run of the bodies, in their order."""
    body = "".join(
        f'\n@rules("STORE-09")\ndef test_{number:02d}():\n    {text}\n'
        for number, text in enumerate(FAILING)
    )
    report = run_suite(suite(folder, failing=body, whole=WHOLE))
    failures = next(r.failures for r in report.requirements if r.id == "STORE-09")
    return [failure.reason for failure in sorted(failures, key=lambda one: one.case)]


def test_a_reason_says_in_words_everything_that_differs(tmp_path: Path) -> None:
    assert reasons(tmp_path) == list(FAILING.values())


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_reasons_are_the_same_in_every_process(tmp_path: Path, hash_seed: str) -> None:
    code = (
        "import json, pathlib, sys\nfrom tests.test_reasons import reasons\n"
        "print(json.dumps(reasons(pathlib.Path(sys.argv[1]))))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == list(FAILING.values())


def test_the_finding_that_is_missing_is_named() -> None:
    wanted = [("invalid_field", "*"), ("invalid_field", "expert_scores[1]")]
    assert compared("==", wanted[:1], wanted) == [
        "got 1 of them, expected 2;",
        "[1]: got nothing, expected ('invalid_field', 'expert_scores[1]');",
    ]
    assert compared("==", {"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}, "c": 1}) == [
        "a.b[1]: got 2, expected 3;",
        "c: got nothing, expected 1;",
    ]
    assert compared("==", [2, 1, 1], [1, 1, 2]) == [
        "[0]: got 2, expected 1;",
        "[2]: got 1, expected 2;",
    ]


def test_what_cannot_be_shown_whole_is_shown_by_its_digest() -> None:
    text = shown("a" * 5000)
    assert text.startswith(repr("a" * 60))
    assert "(5000 characters, SHA-256 " in text
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "(list, nested too deeply)"


def test_a_leak_shows_no_piece_of_what_leaked() -> None:
    (leak,) = SealedTexts(["sixteen letters!"]).search(b"sixteen letters!")
    assert "sixteen" not in shown([leak])
    assert "utf-8" in shown([leak])


def test_where_a_case_stopped_shows_no_key(tmp_path: Path) -> None:
    """``--verbose`` shows arguments of functions too, whatever a backend has made."""
    body = """
    @rules("STORE-09")
    def test_key():
        def check(made):
            found = {"made": made}
            assert set(made) == found
        check(bytes([7] * 31) + b"'")
    """
    cases: list[Case] = []

    class Told(Listener):
        def case(self, case: Case) -> None:
            cases.append(case)

    run(target(), Options(suite=suite(tmp_path, key=body, whole=WHOLE)), Told())
    (failed,) = (case for case in cases if case.outcome == "fail")
    assert "made = (32 bytes, SHA-256 " in failed.trace
    assert "\\x07" not in failed.trace
