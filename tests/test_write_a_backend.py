"""What docs/write-a-backend.md shows can be done, in its order, and ends as the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "write-a-backend.md").read_text("utf-8")
SECTIONS = PAGE.split("\n## ")
BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)

#: Command -> its exit code, in the order of the page.
COMMANDS = [
    ("run --target my_store:make_target --rule STORE-20", 2),
    ("explain STORE-20", 0),
    ("run --target my_store:make_target --rule STORE-20", 2),
    ("parity memory my_store:make_target --histories 2", 1),
    ("run --target my_store:make_target --profile core --budget quick", 1),
    (
        "run --target my_store:make_target --profile core --budget quick --only-failing --fail-fast",
        2,
    ),
    ("run --target my_store:make_target --budget quick --write-expected-failures known.toml", 1),
    ("run --target my_store:make_target --budget quick --expected-failures known.toml", 0),
]


def commands(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ conformance "):
            found.append((line.removeprefix("$ conformance "), []))
        else:
            found[-1][1].append(" ".join(line.split()))
    return found


def test_the_page_shows_the_commands_that_are_tried() -> None:
    consoles = [block for kind, block in BLOCK.findall(PAGE) if kind == "console"]
    shown = [command for block in consoles for command, _ in commands(block)]
    assert shown == [command for command, _ in COMMANDS]


@pytest.mark.integration
@pytest.mark.parametrize(
    "number", range(1, len(SECTIONS)), ids=lambda n: SECTIONS[n].split("\n")[0]
)
def test_a_section_can_be_followed(number: int, tmp_path: Path) -> None:
    before = "".join(SECTIONS[:number])
    codes = [code for _, code in COMMANDS[before.count("$ conformance ") :]]
    files = [block for kind, block in BLOCK.findall(before) if kind == "python"][-1:]
    for kind, block in [*(("python", file) for file in files), *BLOCK.findall(SECTIONS[number])]:
        if kind == "python":
            name = block.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(block, encoding="utf-8")
            continue
        for command, shown in commands(block):
            done = conformance(tmp_path, *command.split())
            assert done.returncode == codes.pop(0), (command, done.stdout, done.stderr)
            told = " ".join(f"{done.stdout} {done.stderr}".split())
            for line in shown:
                assert line in told, (command, line, done.stdout)
                told = told[told.index(line) + len(line) :]


def conformance(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    # my_store.py changes within one second, so no compiled file of it may be kept.
    env |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
