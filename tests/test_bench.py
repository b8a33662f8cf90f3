"""The benchmarks measure what they say: the same content on both sides, every round, all of it told.

No test looks at how long anything took.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from dev.bench import goals
from dev.bench.contest import READ, WRITTEN, Contest, UnequalSides, on_sqlite
from dev.bench.rounds import Case, measure, ratio, spread
from dev.bench.workload import ITEMS, differences, documents, fresh, perspective
from reference_impl.contract.addresses import partition_key
from reference_impl.contract.entities import plain

ROOT = Path(__file__).parent.parent
SPREAD = {"median", "q1", "q3"}


def bench(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dev.bench", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contest]:
    with on_sqlite(tmp_path_factory.mktemp("bench")) as contest:
        yield contest


@pytest.fixture(scope="module")
def smoke(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    path = tmp_path_factory.mktemp("smoke") / "new" / "bench.json"
    return bench("--quick", "--json", path), path


# -- the content ----------------------------------------------------------------------------------


def test_the_content_is_100_items_of_about_900_bytes() -> None:
    sizes = [len(orjson.dumps(item)) for item in documents()]
    assert len(sizes) == ITEMS == 100
    assert 850 <= min(sizes) <= statistics.median(sizes) <= max(sizes) <= 950
    assert 850 <= len(orjson.dumps(perspective(0))) <= 950


def test_the_content_is_the_same_in_every_run_and_every_item_another() -> None:
    assert documents() == documents()
    assert len({orjson.dumps(item) for item in documents()}) == ITEMS


def test_fresh_arguments_are_equal_and_share_no_text() -> None:
    given = perspective(1)
    again = fresh(given)
    assert again == given
    assert again["content"] is not given["content"]


def test_both_sides_load_the_same_100_items(contest: Contest) -> None:
    by_hand = {(item["type"], item["seq"]): item for item in contest.hand.load()}
    with closing(contest.open_store()) as store:
        loaded = store.load_partition(READ)
    assert len(by_hand) == ITEMS
    stored = {
        ("dialogue", 1): plain(loaded.dialogue),
        **{("round", n): plain(item) for n, item in enumerate(loaded.rounds, 1)},
        **{("evidence", item.seq): plain(item) for item in loaded.evidence},
        **{("claim", item.seq): plain(item) for item in loaded.claims},
    }
    experts = {item.expert_slug: plain(item) for item in loaded.experts}
    for (kind, seq), item in by_hand.items():
        theirs = experts[item["expert_slug"]] if kind == "expert" else stored.pop((kind, seq))
        for name in item.keys() - {"type", "seq"}:
            assert theirs[name] == item[name], (kind, seq, name)
    assert not stored
    assert len(experts) == 3
    contest.check()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda items: items[7].update(content="other"), "claim 8 differs in content"),
        (lambda items: items.pop(), "round 1 is in the store only"),
        (lambda items: items.append({"type": "claim", "seq": 48}), "claim 48 is not in the store"),
    ],
)
def test_sides_that_differ_are_found(contest: Contest, spoil: Any, told: str) -> None:
    by_hand = contest.hand.load()
    spoil(by_hand)
    with closing(contest.open_store()) as store:
        assert differences(store.load_partition(READ), by_hand) == [told]


def test_no_time_is_taken_of_sides_that_differ(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as contest:
        contest.hand.put({"type": "claim", "seq": 99})
        with pytest.raises(UnequalSides, match="claim 99 is not in the store"):
            contest.check()


# -- the cases ------------------------------------------------------------------------------------


def test_the_cases_are_those_that_the_works_are_made_of(contest: Contest) -> None:
    wanted = {work.store_case for work in goals.WORKS} | {work.limit_case for work in goals.WORKS}
    with contest.cases(1) as cases:
        assert {case.name for case in cases} == wanted


def test_every_turn_does_its_work_and_leaves_things_as_they_were(contest: Contest) -> None:
    pk = partition_key(WRITTEN)
    before = contest.partitions.query(pk)
    with contest.cases(2) as cases:
        for case in cases:
            case.before()
            already = len(contest.partitions.query(pk)), len(contest.hand.load())
            result = case.step()()
            if case.name == "hand_load":
                assert isinstance(result, list)
                assert len(result) == ITEMS
            elif case.name == "hand_put":
                assert len(contest.hand.load()) == already[1] + 1
            elif "load" in case.name:
                assert plain(result)["claims"]
            else:  # entity and event; the head is written over
                assert plain(result)["display_id"].startswith("P")
                assert len(contest.partitions.query(pk)) == already[0] + 2
            case.after()
            assert contest.partitions.query(pk) == before, case.name
            assert len(contest.hand.load()) == ITEMS, case.name
    contest.check()


def test_every_case_has_its_turn_in_every_round() -> None:
    log: list[str] = []
    ticks: list[None] = []

    def case(name: str, repeats: int) -> Case:
        def step() -> Any:
            log.append(f"{name} step")
            return lambda: log.append(f"{name} call")

        return Case(
            name,
            step,
            repeats,
            before=lambda: log.append(f"{name} before"),
            after=lambda: log.append(f"{name} after"),
        )

    cases = [case("a", 2), case("b", 1)]
    times = measure(cases, rounds=20, warm_up=3, seed=1, tick=lambda: ticks.append(None))
    turns = {
        "a": ["a before", *["a step", "a call"] * 2, "a after"],
        "b": ["b before", "b step", "b call", "b after"],
    }
    orders = set()
    while log:
        order = log[0][0], "b" if log[0][0] == "a" else "a"
        for name in order:
            assert log[: len(turns[name])] == turns[name]
            del log[: len(turns[name])]
        orders.add(order)
    assert orders == {("a", "b"), ("b", "a")}
    assert {name: len(figures) for name, figures in times.items()} == {"a": 20, "b": 20}
    assert len(ticks) == 23


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine is ten times as slow in the last round; the sides are to each other as before.
    assert ratio([2.0, 4.0, 40.0], [1.0, 2.0, 20.0]) == spread([2.0])
    assert (spread([1, 2, 3, 4, 9]).median, spread([1, 2, 3, 4, 9]).q1) == (3, 2)


# -- the command ----------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_smoke_run_ends_well_with_a_table(
    smoke: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, path = smoke
    assert done.returncode == 0, done.stderr
    for work in goals.WORKS:
        assert work.text in done.stdout
    for word in ("by hand ms", "quartiles", "≤ 3.0", "3 rounds", "A smoke run", str(path)):
        assert word in done.stdout, word
    assert "boto3 imported by a job on SQLite: no" in done.stdout
    assert [entry.name for entry in path.parent.iterdir()] == ["bench.json"]


@pytest.mark.integration
def test_a_smoke_run_tells_everything_as_json(
    smoke: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    told: dict[str, Any] = json.loads(smoke[1].read_text(encoding="utf-8"))
    assert set(told) == {
        *("format_version", "started_at", "duration_s", "quick", "seed", "machine", "versions"),
        *("workload", "engines", "skipped", "figures", "import"),
    }
    assert told["quick"] is True
    assert set(told["machine"]) == {
        *("system", "architecture", "cpus", "load_before", "load_after", "fsync_ms"),
    }
    wanted = {"python", "cryptography", "orjson", "rfc8785", "boto3", "botocore", "sqlite"}
    assert set(told["versions"]) == wanted
    assert told["workload"]["items"] == ITEMS
    assert set(told["engines"]) == {"sqlite"}
    assert [figure["work"] for figure in told["figures"]] == [work.id for work in goals.WORKS]
    for figure in told["figures"]:
        assert figure["engine"] == "sqlite"
        assert figure["rounds"] == 3
        for name in ("store_ms", "limit_ms", "ratio"):
            assert set(figure[name]) == SPREAD
            assert all(math.isfinite(value) and value > 0 for value in figure[name].values())
            assert figure[name]["q1"] <= figure[name]["median"] <= figure[name]["q3"]
        goal = figure["goal"]
        assert figure["met"] is (None if goal is None else figure["ratio"]["median"] <= goal)
    assert {figure["work"]: figure["goal"] for figure in told["figures"]} == {
        "load_warm": 3.0,
        "load_cold": None,
        "register_warm": 2.0,
        "register_cold": None,
    }
    assert set(told["import"]) == {"ms", "runs", "modules", "goal_ms", "boto3_imported", "met"}
    assert told["import"]["boto3_imported"] is False
    assert told["import"]["ms"]["median"] > 0


@pytest.mark.integration
def test_without_the_engine_asked_for_nothing_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    # Nothing listens on port 1.
    address = "http://127.0.0.1:1"
    done = bench("--engine", "dynamodb", "--json", path, DYNAMODB_ENDPOINT=address)
    assert done.returncode == 2
    assert "DYNAMODB_ENDPOINT" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_an_engine_that_cannot_be_had_is_left_out_loudly(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    done = bench("--rounds", "1", "--json", path, DYNAMODB_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert "dynamodb is SKIPPED" in done.stderr
    assert "NOT MEASURED: dynamodb" in done.stdout
    told = json.loads(path.read_text(encoding="utf-8"))
    assert "DYNAMODB_ENDPOINT" in told["skipped"]["dynamodb"]
    assert {figure["engine"] for figure in told["figures"]} == {"sqlite"}


@pytest.mark.integration
@pytest.mark.parametrize(
    "arguments", [["--engine", "moto"], ["--rounds", "0"], ["--quick", "--engine", "dynamodb"]]
)
def test_wrong_usage_ends_with_3(arguments: list[str]) -> None:
    done = bench(*arguments)
    assert done.returncode == 3
    assert "Usage:" in done.stderr


@pytest.mark.integration
def test_help_says_what_is_compared_and_how_to_read_it() -> None:
    done = bench("--help")
    assert done.returncode == 0
    for words in ("by hand", "--engine", "--json", "--quick", "Exit codes", "Look at ratios"):
        assert words in done.stdout
    # click's mark for text that keeps its lines is no text itself.
    assert "\\b" not in done.stdout
    assert "\b" not in done.stdout
