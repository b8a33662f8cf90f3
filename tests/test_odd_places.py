"""Places that nothing can be done about are told in a sentence: a checkout whose path has a colon in it, a
folder for temporary files that is mounted noexec."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from conformance.targets.engines.errors import EngineUnavailable
from conformance.targets.engines.local_server import LocalServer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent


@pytest.fixture
def colon(tmp_path: Path) -> Path:
    """The beginning of a checkout in a folder with a colon in its name."""
    folder = tmp_path / "one:two"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / "noxfile.py", folder)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    return folder


def test_a_colon_in_the_path_of_a_checkout_is_told_by_nox(colon: Path) -> None:
    # It comes to that before it asks anything of nox, which need not be there.
    script = (
        "import runpy, sys, types; sys.modules['nox'] = types.ModuleType('nox'); "
        "runpy.run_path('noxfile.py')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=colon, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"nox: {colon} has a ':' in its name")
    assert line.endswith("move the checkout to a folder without one")


def test_a_colon_in_the_path_of_a_checkout_is_told_by_ci(colon: Path) -> None:
    done = subprocess.run(
        ["bash", str(colon / ".ci" / "run")],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ci: {colon} has a ':' in its name, which separates the folders of PATH: move the checkout to "
        "one without\n"
    )


def test_a_folder_for_temporary_files_without_exec_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noexec(_: object) -> SimpleNamespace:
        return SimpleNamespace(f_flag=8)

    monkeypatch.setattr(os, "ST_NOEXEC", 8, raising=False)
    monkeypatch.setattr(os, "statvfs", noexec)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(EngineUnavailable) as told, LocalServer("no-java", tmp_path, {}):
        pass
    assert str(told.value) == (
        "DynamoDB Local loads a library from the folder for temporary files, and "
        f"{tmp_path} is mounted noexec: name another folder in TMPDIR"
    )
    assert list(tmp_path.iterdir()) == []
