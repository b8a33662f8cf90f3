"""What a plug-in does to stdout and stderr spoils neither the report nor what is printed of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.report.json_form import load

CHECKOUT = Path(__file__).parents[1]

PLUG_IN = """
import atexit, os, sys
from conformance.model.store import ModelStore
from conformance.targets.base import Backend

{imported}

class Store(ModelStore):
    def create_dialogue(self, dialogue_id, *args, **kwargs):
        {called}
        return super().create_dialogue(dialogue_id, *args, **kwargs)

def factory(folder, **_):
    {opened}
    return Backend(Store())
"""

_CLOSE = "sys.stdout.close(); sys.stderr.close()"
_BY_NUMBER = "os.close(1); os.close(2)"
_PRINT = 'print("hello"); os.write(1, b"hello")'

#: What a plug-in does when it is imported, when a store is opened, and when a store is called.
SPOILERS = {
    "prints": (_PRINT, _PRINT, _PRINT),
    "closes its streams": ("sys.stdout.close()", _CLOSE, _CLOSE),
    "closes them by number": ("", _BY_NUMBER, _BY_NUMBER),
    "replaces them": (*["sys.stdout = sys.stderr = None"] * 3,),
    "prints at the end": ('atexit.register(os.write, 1, b"bye")', "atexit.register(print, 1)", ""),
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_a_plug_in_does_not_spoil_the_report(tmp_path: Path, spoiler: str) -> None:
    imported, opened, called = SPOILERS[spoiler]
    (tmp_path / "spoiler.py").write_text(
        PLUG_IN.format(imported=imported, opened=opened, called=called)
    )
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "conformance.cli", "run", "--json"),
            *("--target", "spoiler:factory", "--report", "o"),
            *("--budget", "quick", "-k", "test_an_identifier_comes_back_as_given"),
        ],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr  # cases were left out
    report = load(tmp_path / "o" / "report.json")
    assert json.loads(ended.stdout) == report
    assert {reason["code"] for reason in report["reasons"]} == {"filtered", "deselected"}
