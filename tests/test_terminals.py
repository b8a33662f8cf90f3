"""What a terminal, or whoever reads its output, may not change: the work, the report and the exit code."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
#: One case, so that the run is not to be decided: exit code 2.
RUN = (
    sys.executable,
    "-m",
    "conformance",
    "run",
    "--target",
    "memory",
    "--budget",
    "quick",
    "-k",
    "test_core_deadline",
)
COMMANDS = {
    "conformance": ("-m", "conformance", "explain", "STORE-14"),
    "dialogue-store": ("-c", "from reference_impl.cli.main import main; main(['--help'])"),
    "generators": ("-m", "generators", "show", "--help"),
}


def _run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **more}
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _run_for_nobody(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """As in ``… | head``: the pipe is closed before the first word."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **more},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_that_knows_ascii_only_is_no_error(name: str) -> None:
    ended = _run(sys.executable, *COMMANDS[name], PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.isascii()
    assert ended.stdout.strip()


def test_what_ascii_lacks_is_shown_by_its_number() -> None:
    whole = _run(sys.executable, *COMMANDS["conformance"], PYTHONIOENCODING="utf-8").stdout
    lacking = {character for character in whole if not character.isascii()}
    assert lacking, "this rule's text has nothing but ASCII: take another"
    shown = _run(sys.executable, *COMMANDS["conformance"], PYTHONIOENCODING="ascii").stdout
    for character in lacking:
        assert character.encode("ascii", "backslashreplace").decode() in shown


def test_a_reader_who_has_enough_changes_neither_report_nor_exit_code(tmp_path: Path) -> None:
    """As in ``conformance run … | head``: the pipe is closed before the first word."""
    ended = _run_for_nobody(*RUN, "--report", str(tmp_path))
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"] == "indeterminate"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_reader_who_has_enough_is_no_error_in_any_encoding(encoding: str) -> None:
    """A list goes past rich: by way of click, which has an opinion of its own on ASCII."""
    command = (sys.executable, "-m", "conformance", "cases")
    ended = _run_for_nobody(*command, PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_click_prints_what_the_terminal_knows() -> None:
    code = "from reference_impl.cli.terminal import prepare; import click; prepare(); click.echo('\u2014')"
    ended = _run(sys.executable, "-c", code, PYTHONIOENCODING="ascii")
    assert ended.stdout == "\\u2014\n"


def test_paths_are_shown_as_they_are_and_nothing_hidden_is_obeyed(tmp_path: Path) -> None:
    """Neither emoji codes nor markup mean anything in a path; what turns a line round or ends it is shown by
    its number."""
    folder = tmp_path / "a :smile: [red] \u202egpj\u2028.x"
    ended = _run(*RUN, "--report", str(folder), PYTHONIOENCODING="utf-8")
    shown = str(tmp_path / "a :smile: [red] \\u202egpj\\u2028.x" / "report.json")
    assert f"report: {shown}" in ended.stdout.splitlines()
    assert (folder / "report.json").is_file()
    config = str(folder / "none.toml")
    script = "from reference_impl.cli.main import main; main()"
    ended = _run(sys.executable, "-c", script, "setup-tables", "--config", config)
    (line,) = ended.stderr.splitlines()
    assert shown.replace("report.json", "none.toml") in line


def test_a_second_run_does_not_write_into_the_folder_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("of the first")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        ended = _run(*RUN, "--report", str(tmp_path))
    finally:
        os.close(descriptor)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"conformance: another run writes its report into {tmp_path}: wait for it, or name another "
        "folder by --report\n"
    )
    assert (tmp_path / "report.json").read_text() == "of the first"


def test_a_run_keeps_its_folder_while_it_goes_on(tmp_path: Path) -> None:
    """A backend looks, from another process, whether its run has the folder."""
    looking = f"import fcntl, os; fcntl.flock(os.open({str(tmp_path)!r}, os.O_RDONLY), 6)"
    plug_in = f"""
import pathlib, subprocess, sys
from conformance.model.store import ModelStore
from conformance.targets.base import Backend
def factory(folder, **_):
    ended = subprocess.run([sys.executable, "-c", {looking!r}], capture_output=True, text=True)
    pathlib.Path({str(tmp_path / "looked")!r}).write_text(ended.stderr)
    return Backend(ModelStore())
"""
    (tmp_path / "looking.py").write_text(plug_in)
    own = [*RUN]
    own[own.index("memory")] = "looking:factory"
    path = os.pathsep.join((str(PROJECT), str(tmp_path)))
    _run(*own, "--report", str(tmp_path), PYTHONPATH=path)
    assert "BlockingIOError" in (tmp_path / "looked").read_text()
    with (tmp_path / "report.json").open() as file:
        assert json.load(file)["footer"] is True


@pytest.mark.parametrize(
    ("begins", "loaded"),
    [
        ("main", "conformance.cli.main"),
        ("dialogue_store", "reference_impl"),
        ("dialogue_store", "reference_impl.cli.main"),
    ],
)
def test_ctrl_c_while_modules_are_loaded_is_told_in_a_word(begins: str, loaded: str) -> None:
    """The loading of the command line is interrupted, as a signal would do it."""
    code = f"""
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {loaded!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from conformance.start import {begins}
{begins}()
"""
    ended = _run(sys.executable, "-c", code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "stopped\n")


def test_the_commands_begin_where_ctrl_c_is_told() -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {
        "dialogue-store": "conformance.start:dialogue_store",
        "conformance": "conformance.start:main",
    }


#: A device that takes nothing, as a full disk does.
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is full")
_LOST = "Error: the output could not be written (No space left on device), so it is not complete.\n"


def _run_for_a_full_disk(*command: str) -> subprocess.CompletedProcess[str]:
    with FULL.open("wb") as full:
        return subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )


@needs_full
@pytest.mark.parametrize(
    "command",
    [
        ("-m", "conformance", "rules"),
        ("-m", "conformance", "--help"),
        ("-c", "from conformance.start import dialogue_store; dialogue_store()", "--help"),
        ("-c", "from conformance.start import dialogue_store; dialogue_store()", "demo"),
    ],
    ids=["rules", "help", "help of the store", "demo"],
)
def test_output_onto_a_full_disk_is_told_in_a_sentence(command: tuple[str, ...]) -> None:
    ended = _run_for_a_full_disk(sys.executable, *command)
    assert (ended.returncode, ended.stderr) == (2, _LOST)


@needs_full
def test_a_run_whose_output_is_lost_has_its_report(tmp_path: Path) -> None:
    ended = _run_for_a_full_disk(*RUN, "--report", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.endswith(_LOST)
    assert "Traceback" not in ended.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"] == "indeterminate"


def test_windows_is_told_in_a_sentence() -> None:
    ended = _run(sys.executable, "-c", "import os; os.name = 'nt'; import reference_impl")
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ImportError: dialogue-store-conformance runs on POSIX systems only")
    assert last.endswith("On Windows use the Windows Subsystem for Linux.")
