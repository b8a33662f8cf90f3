"""The commands `conformance parity` and `conformance replay`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.cli import main as command_line
from conformance.stateful.counting import Counts
from conformance.stateful.parity import Result

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Runs the command in an empty folder; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for variable in ("CI", "DYNAMODB_ENDPOINT", "DIALOGUE_STORE_SHARED"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["conformance", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


def test_two_stores_that_agree(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("parity", "memory", "sqlite", "--histories", "6", "--seed", "4")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "memory and sqlite, seed 4"
    assert lines[1].startswith("6 of 6 histories, ")
    assert lines[-1].startswith("equal in what was reached, in ")
    assert "not reached (20 times each, with fewer than 300 histories): " in out
    assert "recorded dialogues: not replayed, there are none in " in out
    assert "SQLite" in err
    report = json.loads((tmp_path / "build" / "parity" / "parity.json").read_text())
    assert (report["verdict"], report["histories"]) == ("equal", {"wanted": 6, "played": 6})
    assert report["divergences"] == []
    assert "validation_failed 0" in report["not_reached"] or report["codes"]["validation_failed"]


def test_json_goes_to_stdout_alone(cli: Cli) -> None:
    code, out, err = cli("parity", "memory", "model", "--histories", "2", "--json")
    assert code == 0
    assert json.loads(out)["sides"][0]["name"] == "memory"
    assert "memory and model, seed 0" in err


def test_a_liar_ends_with_1_and_a_file_that_replays(cli: Cli, tmp_path: Path) -> None:
    liar = "liar:counts_rounds_instead"
    code, out, _ = cli("parity", "memory", liar, "--histories", "3", "--report", "out")
    assert code == 1
    assert "DIVERGENCE (STORE-09) in the partition of create_round" in out
    (path,) = (tmp_path / "out").glob("divergence-*.json")
    assert str(path.relative_to(tmp_path)) in out

    record = json.loads(path.read_text())
    told = f"after {record['prepared']!r}, {len(record['steps'])} steps: "
    code, out, _ = cli("replay", str(path), "--target", liar)
    assert code == 1
    assert f"{liar}: {told}still diverges at step " in out
    assert "as recorded" in out

    code, out, _ = cli("replay", str(path), "--target", "memory", "--target", liar)
    assert code == 1
    assert f"memory: {told}no divergence any more" in out


def test_the_replay_of_a_healed_store_says_so(cli: Cli, tmp_path: Path) -> None:
    cli("parity", "memory", "liar:counts_rounds_instead", "--histories", "3", "--report", "out")
    (path,) = (tmp_path / "out").glob("divergence-*.json")
    code, out, _ = cli("replay", str(path), "--target", "memory")
    assert code == 0
    assert out.strip().endswith("no divergence any more; it does as the model does")


def test_a_replay_that_ends_otherwise_says_so(cli: Cli, tmp_path: Path) -> None:
    cli("parity", "memory", "liar:counts_rounds_instead", "--histories", "3", "--report", "out")
    (path,) = (tmp_path / "out").glob("divergence-*.json")
    code, out, _ = cli("replay", str(path), "--target", "liar:null_store")
    assert code == 1
    first = json.loads(path.read_text())["steps"][0]["method"]
    assert f"still diverges at step 1 ({first})" in out
    assert "in another way than recorded" in out


@pytest.mark.parametrize("content", ["{}", "no JSON", '{"format_version": 1}', "\x1b[31m"])
def test_a_file_that_is_no_divergence_is_wrong_usage(
    content: str, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "d.json").write_text(content)
    code, out, err = cli("replay", "d.json", "--target", "memory")
    assert (code, out) == (3, "")
    assert "d.json is no divergence" in err
    assert "\x1b" not in err


def test_a_file_that_is_not_there_is_wrong_usage(cli: Cli) -> None:
    code, _, err = cli("replay", "none.json", "--target", "memory")
    assert code == 3
    assert "there is no file none.json" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("memory",), "name both, or none"),
        (("memory", "sqlite", "model"), "name both, or none"),
        (("memory", "nobody"), "no target is called 'nobody'"),
        (("memory", "liar:nobody"), "no liar is called nobody"),
        (("memory", "sqlite", "--engine", "moto"), "--engine is for target dynamodb"),
        (("memory", "sqlite", "--histories", "0"), "--histories"),
        (("memory", "sqlite", "--budget", "endless"), "--budget"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, cli: Cli) -> None:
    code, out, err = cli("parity", *arguments)
    assert (code, out) == (3, "")
    assert message in err


def test_a_module_that_breaks_is_a_setup_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken_store.py").write_text("1 / 0\n")
    code, _, err = cli("parity", "memory", "broken_store:factory")
    assert code == 2
    assert "broken_store" in err


def test_an_emulator_is_refused_unless_it_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "conformance.targets.engines.choose.dynamodb_local.obstacle", lambda environ: "no Java here"
    )
    code, out, err = cli("parity", "memory", "dynamodb", "--histories", "1")
    assert (code, out) == (2, "")
    assert "parity is between real engines" in err
    assert "--engine moto asks for it by name" in err


def test_a_named_emulator_is_in_the_result(cli: Cli) -> None:
    code, out, _ = cli("parity", "memory", "dynamodb", "--engine", "moto", "--histories", "1")
    assert code == 0
    assert "equal in what was reached, on an emulator: moto, in " in out


def test_too_little_in_an_ordinary_run_is_indeterminate() -> None:
    result = Result(("a", "b"), ("x", "y"), 0, 300, shortfalls=["get_rounds 3"])
    assert (result.verdict, result.is_complete) == ("indeterminate", False)
    few = Result(("a", "b"), ("x", "y"), 0, 299, shortfalls=["get_rounds 3"])
    assert (few.verdict, few.is_complete) == ("equal", True)
    assert result.as_json()["not_reached"] == ["get_rounds 3"]
    assert Counts().as_json()["steps"] == 0


def test_an_indeterminate_run_ends_with_2(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.stateful.parity.ENOUGH_HISTORIES", 2)
    code, out, _ = cli("parity", "memory", "model", "--histories", "2")
    assert code == 2
    assert "not reached (20 times each): " in out
    assert out.splitlines()[-1].startswith("indeterminate, in ")


@pytest.mark.integration
def test_sqlite_and_dynamodb_agree_on_a_real_engine(cli: Cli, dynamodb_local: object) -> None:
    code, out, err = cli("parity", "--engine", "local", "--histories", "5", "--seed", "11")
    assert code == 0, out
    assert out.startswith("sqlite and dynamodb, seed 11\n")
    assert "dynamodb-local" in err
