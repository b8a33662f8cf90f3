"""The example backends are conformant for what they claim, and agree with the reference store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.examples.python import SqliteStore, make_target
from reference_impl.contract.errors import DialogueStoreError

ROOT = Path(__file__).parents[1]
PYTHON = "conformance.examples.python:make_target"


#: A file system in memory, with room: the example waits for the disk at each write, and what is asked here
#: is not whether the machine may die.
IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A temporary folder, in memory where there is room for one."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > 256 * 2**20
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if has_room else None) as folder:
        yield Path(folder)


def conformance(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder, with a temporary folder of its own."""
    (folder / "tmp").mkdir()
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=folder,
        env={**env, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.mark.integration
def test_the_python_example_is_conformant_for_what_it_claims(quick_folder: Path) -> None:
    done = conformance(
        quick_folder, "run", "--target", PYTHON, "--budget", "quick", "--report", "out"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((quick_folder / "out" / "report.json").read_text("utf-8"))
    assert report["target"]["profiles"] == ["core", "batch", "idempotency"]
    assert report["verdict"] == "conformant"


@pytest.mark.integration
def test_the_python_example_answers_as_the_reference_does(quick_folder: Path) -> None:
    done = conformance(quick_folder, "parity", "sqlite", PYTHON, "--budget", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 of 30 histories, " in done.stdout


WRITER = """
import sys
from pathlib import Path
from conformance.examples.python import SqliteStore

with SqliteStore(Path(sys.argv[1]), deadline_s=60) as store:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[2])):
        store.register_claim("tides", 0, "label", f"{sys.argv[3]} {number}", [])
"""


@pytest.mark.integration
def test_several_processes_write_to_one_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.db"
    with SqliteStore(path) as store:
        store.create_dialogue("tides", "Which harbour?")
        store.create_round("tides", 0)
        writers = [start(WRITER, str(path), "12", f"writer {number}") for number in range(4)]
        try:
            for writer in writers:
                assert writer.stdout is not None
                assert writer.stdout.readline() == "open\n"
            told = [writer.communicate("go\n", timeout=120) for writer in writers]
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
        assert [writer.returncode for writer in writers] == [0] * 4, told
        claims = store.get_claims("tides")
        assert [claim.seq for claim in claims] == list(range(1, 49))
        expected = {f"writer {writer} {number}" for writer in range(4) for number in range(12)}
        assert {claim.content for claim in claims} == expected
        assert store.load_partition("tides").revision == 50


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_writer_that_cannot_have_its_turn_ends_as_conflict(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "dialogues.db")
    first.create_dialogue("tides", "Which harbour?")
    second = SqliteStore(tmp_path / "dialogues.db", deadline_s=0.05)
    blocking = f"""
import sqlite3, sys
connection = sqlite3.connect({str(tmp_path / "dialogues.db")!r}, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holding", flush=True)
sys.stdin.readline()
"""
    holder = start(blocking)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(DialogueStoreError) as refused:
            second.create_round("tides", 0)
        assert second.get_rounds("tides") == []  # a reader is not held up
    finally:
        holder.communicate("go\n", timeout=60)
    assert (refused.value.code, refused.value.retryable) == ("conflict", True)
    assert second.create_round("tides", 0).round == 0


def test_a_folder_opened_twice_is_one_storage(tmp_path: Path) -> None:
    one, two = (make_target(tmp_path, key_file=tmp_path / "umk.key") for _ in range(2))
    one.store.create_dialogue("tides", "Which harbour?")
    assert two.store.get_dialogue("tides").title == "Which harbour?"
