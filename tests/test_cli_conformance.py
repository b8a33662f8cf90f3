"""The command line `conformance`: what it says, what it ends with, and what it leaves behind."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import main as command_line
from conformance.cli import run as run_module
from conformance.report.json_form import load
from conformance.running import runner
from conformance.running.runner import Options, run, suite_version
from conformance.spec import RULES
from conformance.targets.base import Target
from tests.fake_suites import WHOLE, suite

Cli = Callable[..., tuple[int, str, str]]

BAD = "\n@rules('STORE-09')\ndef test_bad():\n    assert False, 'wrong total'\n"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Runs the command in an empty folder; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["conformance", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Makes the command run a small suite instead of the real one."""

    def use(body: str) -> None:
        folder = suite(tmp_path / "suite", whole=body)

        def run_small(target: Target, options: Options, *rest: Any, **more: Any) -> Any:
            return run(target, dataclasses.replace(options, suite=folder), *rest, **more)

        monkeypatch.setattr(run_module, "run", run_small)

    return use


# -- run: verdict, exit code, report ----------------------------------------------------------------


def test_a_conformant_run(cli: Cli, small: Callable[[str], None], tmp_path: Path) -> None:
    small(WHOLE)
    code, out, _ = cli("run", "--target", "memory", "--profile", "core", "--seed", "9")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == f"target memory: reference_impl {suite_version()}"
    assert lines[2] == "26 rules of 1 profile (core), 26 cases; seed 9, budget ordinary"
    assert lines[-1].startswith("conformant: memory on memory")
    report = load(tmp_path / "build" / "conformance" / "memory" / "report.json")
    assert (report["verdict"], report["seed"]) == ("conformant", 9)
    assert report["target"]["version"] == suite_version()
    assert "report: build/conformance/memory/report.json" in lines
    table = [line.split() for line in lines]
    assert ["core", "ADDR-01", "pass", "1"] in table
    assert ["STORE-09", "pass", "1"] in table


def test_a_run_that_is_not_conformant(cli: Cli, small: Callable[[str], None]) -> None:
    small(WHOLE + BAD)
    code, out, _ = cli("run", "--target", "memory", "--profile", "core", "--report", "out")
    assert code == 1
    assert "  STORE-09  test_whole.py::test_bad" in out
    assert "wrong total" in out
    assert out.splitlines()[-1].startswith("not_conformant: ")
    assert out.splitlines()[-1].endswith("breaks STORE-09")
    assert load(Path("out") / "report.json")["verdict"] == "not_conformant"


def test_verbose_shows_where_a_case_stopped(cli: Cli, small: Callable[[str], None]) -> None:
    small(WHOLE + BAD)
    _, quiet, _ = cli("run", "--target", "memory", "--profile", "core")
    _, verbose, _ = cli("run", "--target", "memory", "--profile", "core", "--verbose")
    assert "def test_bad" not in quiet
    assert "def test_bad" in verbose


def test_a_filter_that_selects_nothing(cli: Cli) -> None:
    code, out, _ = cli(
        *("run", "--target", "model", "--report", "out", "-k", "no_case_of_this_name")
    )
    assert code == 2
    assert out.splitlines()[-1].startswith("indeterminate: ")
    report = load(Path("out") / "report.json")
    assert report["verdict"] == "indeterminate"
    assert report["reasons"][0]["code"] == "filtered"


def test_an_emulator_is_named_loudly(cli: Cli, small: Callable[[str], None]) -> None:
    small(WHOLE)
    code, out, _ = cli(
        *("run", "--target", "dynamodb", "--engine", "moto", "--profile", "core"),
        *("--report", "out"),
    )
    assert code == 0
    assert "EMULATOR" in out.splitlines()[1]
    assert out.splitlines()[-1].startswith("emulated: ")
    assert "EMULATOR" in out.splitlines()[-1]
    report = load(Path("out") / "report.json")
    assert report["verdict"] == "emulated"
    assert report["target"]["engine"]["kind"] == "moto"
    assert {"name": "core", "verdict": "pass", "emulated_by": "moto"} in report["profiles"]


@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_emulator_is_refused_before_the_first_case(
    cli: Cli, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: tuple[str, ...] = ("--require-engine", "real")
    if how == "environment":
        monkeypatch.setenv("CI", "1")
        more = ()
    code, out, err = cli("run", "--target", "dynamodb", "--engine", "moto", *more)
    assert (code, out) == (2, "")
    assert "moto" in err
    assert not Path("build").exists()


#: A store alone claims profile core, which is what the small suite proves.
PLAIN = (
    "from conformance.model.store import ModelStore\n"
    "def factory(folder, **options):\n    return ModelStore()\n"
)


def test_several_targets_end_with_the_worst(
    cli: Cli, small: Callable[[str], None], tmp_path: Path
) -> None:
    small(WHOLE)
    Path("plain.py").write_text(PLAIN)
    Path("broken.py").write_text("def factory(folder, **options):\n    raise OSError('gone')\n")
    code, out, _ = cli(
        "run", "--target", "plain:factory", "--target", "broken:factory", "--report", "out"
    )
    assert code == 2
    assert load(tmp_path / "out" / "plain_factory" / "report.json")["verdict"] == "conformant"
    report = load(tmp_path / "out" / "broken_factory" / "report.json")
    assert report["verdict"] == "indeterminate"
    assert "OSError: gone" in out


def test_json_is_all_that_goes_to_stdout(cli: Cli, small: Callable[[str], None]) -> None:
    small(WHOLE)
    Path("plain.py").write_text(PLAIN)
    code, out, err = cli("run", "--target", "plain:factory", "--target", "memory", "--json")
    reports = [json.loads(line) for line in out.splitlines()]
    assert [r["target"]["name"] for r in reports] == ["plain:factory", "memory"]
    assert [r["verdict"] for r in reports] == ["conformant", "indeterminate"]
    assert "target plain:factory" in err
    assert code == 2


def test_an_earlier_report_never_stands_for_a_run_that_did_not_end(
    cli: Cli, small: Callable[[str], None]
) -> None:
    small(WHOLE)
    Path("plain.py").write_text(PLAIN)
    assert cli("run", "--target", "plain:factory", "--report", "out")[0] == 0
    Path("unwilling.py").write_text("raise RuntimeError('not today')\n")
    assert cli("run", "--target", "unwilling:factory", "--report", "out")[0] == 2
    report = load(Path("out") / "report.json")
    assert (report["verdict"], report["reasons"][0]["code"]) == ("indeterminate", "setup_error")


def test_a_report_that_cannot_be_written_is_no_success(
    cli: Cli, small: Callable[[str], None]
) -> None:
    # It is noticed before anything is opened, and not after ten minutes.
    small(WHOLE)
    Path("plain.py").write_text("open('opened', 'w').close()\n" + PLAIN)
    Path("out").write_text("in the way")
    code, out, err = cli("run", "--target", "plain:factory", "--report", "out/model")
    assert (code, out) == (2, "")
    assert "cannot be written" in err
    assert not Path("opened").exists()


def test_a_fault_of_the_suite_is_not_one_of_the_backend(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("our own fault")

    monkeypatch.setattr(run_module, "run", broken)
    code, _, err = cli("run", "--target", "model")
    assert code == 2
    assert "our own fault" in err


# -- a backend that leaves -------------------------------------------------------------------------

LEAVING = {
    "import": "import sys\nsys.exit(0)\n",
    "open": "def factory(folder, **options):\n    raise SystemExit(0)\n",
}


@pytest.mark.parametrize("when", ["import", "open"])
def test_a_backend_that_exits_is_no_success(
    cli: Cli, small: Callable[[str], None], when: str
) -> None:
    small(WHOLE)
    Path(f"leaving_{when}.py").write_text(LEAVING[when])
    code, out, _ = cli("run", "--target", f"leaving_{when}:factory", "--report", "out")
    report = load(Path("out") / "report.json")
    assert (code, report["verdict"], report["exit_code"]) == (2, "indeterminate", 2)
    assert [reason["code"] for reason in report["reasons"]] == ["setup_error"]
    assert "SystemExit: 0" in report["reasons"][0]["detail"]
    assert out.splitlines()[-1].startswith("indeterminate: ")


@pytest.mark.parametrize("when", ["import", "open"])
def test_parity_with_a_backend_that_exits_is_no_success(cli: Cli, when: str) -> None:
    Path(f"leaving_parity_{when}.py").write_text(LEAVING[when])
    code, out, err = cli("parity", "model", f"leaving_parity_{when}:factory", "--histories", "1")
    assert code == 2
    assert "SystemExit" in out + err


def test_whatever_leaves_a_command_is_no_success(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: Any, **__: Any) -> Any:
        raise SystemExit(0)

    monkeypatch.setattr(run_module, "run", leave)
    assert cli("run", "--target", "model", "--report", "out")[0] == 2
    assert load(Path("out") / "report.json")["verdict"] == "indeterminate"


@pytest.mark.integration
def test_a_backend_that_kills_the_process_leaves_no_green_report(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text('{"verdict": "conformant"}', encoding="utf-8")
    (tmp_path / "gone.py").write_text("import os\nos._exit(0)\n", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "conformance", "run", "--target", "gone:f", "--report", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(command_line.__file__).parents[2])},
        check=False,
        timeout=240,
    )
    report = load(tmp_path / "out" / "report.json")
    assert (report["verdict"], report["exit_code"]) == ("indeterminate", 2)
    assert [reason["code"] for reason in report["reasons"]] == ["unfinished"]


@pytest.mark.parametrize("when", ["import", "open"])
def test_a_backend_that_hangs_before_the_first_case_is_told(
    cli: Cli, small: Callable[[str], None], when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(WHOLE)
    monkeypatch.setattr(runner, "OPENING_S", 0.3)
    hang = "import time\ntime.sleep(60)\n"
    if when == "open":
        hang = "def factory(folder, **options):\n    import time\n    time.sleep(60)\n"
    Path(f"hanging_{when}.py").write_text(hang)
    began = time.monotonic()
    code, _, _ = cli(
        *("run", "--target", f"hanging_{when}:factory", "--report", "out"),
        *("--case-deadline", "0.3"),
    )
    assert time.monotonic() - began < 30
    (reason,) = load(Path("out") / "report.json")["reasons"]
    assert (code, reason["code"]) == (2, "setup_error")
    assert "no answer within 0.3 s" in reason["detail"]


@pytest.mark.integration
def test_what_a_backend_prints_is_not_on_stdout_beside_the_document(tmp_path: Path) -> None:
    noisy = "import os\nprint('from python')\nos.system('echo from below')\n" + PLAIN
    (tmp_path / "noisy.py").write_text(noisy, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "conformance", "run", "--target", "noisy:factory"),
            *("--json", "-k", "no_case_of_this_name"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(command_line.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert json.loads(done.stdout)["verdict"] == "indeterminate"
    assert "from python" in done.stderr
    assert "from below" in done.stderr


def test_what_a_backend_prints_from_python_is_on_stderr_too(
    cli: Cli, small: Callable[[str], None]
) -> None:
    small(WHOLE)
    Path("talking.py").write_text(PLAIN + "print('hello')\n")
    code, out, err = cli("run", "--target", "talking:factory", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "conformant")
    assert "hello" in err


# -- usage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--no-such-option"], "--no-such-option"),
        (["run", "--target", "postgres"], "sqlite"),
        (["run", "--target", "no_such_module:factory"], "no_such_module"),
        (["run", "--target", "memory", "--profile", "graph"], "core, batch, idempotency"),
        (["run", "--target", "memory", "--profile", "nonsense"], "nonsense"),
        (["run", "--target", "model", "--profile", "core,keys"], "does not claim"),
        (["run", "--target", "memory", "--engine", "local"], "--engine is for target dynamodb"),
        (["run", "--target", "dynamodb", "--engine", "aws"], "aws"),
        (["run", "--target", "dynamodb", "--engine", "endpoint"], "DYNAMODB_ENDPOINT"),
        (["run", "--target", "memory", "--target", "memory"], "twice"),
        (["run", "--target", "memory", "--budget", "huge"], "huge"),
        (["run", "--target", "memory", "-k", "(("], "cannot be read"),
        (["run", "--target", "memory", "-k", "a and"], "'a and'"),
        (["run", "--target", "memory", "--profile", ","], "names no profile"),
        (["run", "--target", "memory", "--profile", "core", "--profile", ""], "names no profile"),
        (["run", "--target", "memory", "--seed", "x"], "seed"),
        (["rules", "NOPE-01"], "NOPE-01"),
        (["liars", "nobody"], "nobody"),
        (["walk"], "walk"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_3(cli: Cli, arguments: list[str], says: str) -> None:
    code, out, err = cli(*arguments)
    assert code == 3
    assert says in err
    assert "Traceback" not in out + err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--help"], "\n  conformance run --target my_store:factory    your own backend\n"),
        (["run", "--help"], "\n    conformance run --target sqlite\n"),
        (["run", "--help"], "\n    3  wrong usage\n"),
        (["liars", "--help"], "deliberately wrong"),
        (["--version"], "conformance, version"),
        (["targets"], "dynamodb"),
        (["rules", "STORE-09"], RULES["STORE-09"].text[:40]),
        (["rules", "keys"], "6 rules"),
        (["rules", "ENV"], "9 rules"),
        (["rules"], f"{len(RULES)} rules"),
        (["cases"], "test_core_addresses.py::"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_be_looked_up(cli: Cli, arguments: list[str], says: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, err) == (0, "")
    assert says in out


# -- stopping ---------------------------------------------------------------------------------------

SLOW = """
import time

from conformance.model.store import ModelStore
from conformance.targets.base import Backend


class Slow(ModelStore):
    def create_dialogue(self, dialogue_id, *args, **options):
        print("captured")
        open("reached", "w").close()
        HANG


def factory(folder, **options):
    return Backend(Slow())
"""


#: What a shell starts in the background ignores SIGINT, and so do its children: the tests' own too.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from conformance.cli.main import main
main()
"""


def started(folder: Path, body: str, *more: str) -> subprocess.Popen[str]:
    """`conformance run` on a target that hangs, once it does."""
    hang = textwrap.indent(textwrap.dedent(body), " " * 8).strip()
    (folder / "slow.py").write_text(SLOW.replace("HANG", hang), encoding="utf-8")
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", INTERRUPTIBLE, "run", "--target", "slow:factory"),
            *("--report", "out", *more),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(command_line.__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not (folder / "reached").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no case was reached"
        time.sleep(0.02)
    return process


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_so(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, "time.sleep(60)")
    try:
        process.send_signal(number)
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "captured" not in out + err
    assert out.splitlines()[-1].startswith("indeterminate: ")
    report = load(tmp_path / "out" / "report.json")
    assert report["verdict"] == "indeterminate"
    assert report["reasons"][0]["code"] == "interrupted"


#: An exception is dropped that a signal raises in a callback of the garbage collector, or that
#: somebody catches.
SWALLOWED = """
def drop(phase, info):
    gc.callbacks.remove(drop)
    os.kill(os.getpid(), signal.{number})
    for _ in range(1000):
        pass

import gc, os, signal
gc.callbacks.append(drop)
gc.collect()
open("survived", "w").close()
return super().create_dialogue(dialogue_id, *args, **options)
"""


@pytest.mark.integration
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_stop_that_python_drops_still_ends_the_run(tmp_path: Path, number: str) -> None:
    process = started(tmp_path, SWALLOWED.format(number=number))
    try:
        out, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert (tmp_path / "survived").exists()
    assert process.returncode == 130
    report = load(tmp_path / "out" / "report.json")
    assert report["verdict"] == "indeterminate"
    assert report["reasons"][0]["code"] == "interrupted"
    shown = sum(r["verdict"] in ("pass", "fail") for r in report["requirements"])
    assert shown < 5, "it ran on"
    assert out.splitlines()[-1].startswith("indeterminate: ")


@pytest.mark.integration
def test_a_run_that_cannot_be_stopped_ends_all_the_same(tmp_path: Path) -> None:
    # In the C library, with the signals held back: no exception reaches it.
    body = """
    import ctypes, signal
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    ctypes.CDLL(None).sleep(120)
    """
    process = started(tmp_path, body, "--case-deadline", "0.3")
    try:
        _, err = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 2
    assert "neither ends nor can be stopped" in err
    report = load(tmp_path / "out" / "report.json")
    assert report["verdict"] == "indeterminate"
    assert "hung" in [reason["code"] for reason in report["reasons"]]
