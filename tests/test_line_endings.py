"""Line endings: a checkout with ``core.autocrlf`` has the same bytes, and vectors that lost theirs say so."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.vectors import VectorError, load_vectors

ROOT = Path(__file__).parents[1]
FAMILY = "timestamp"
DOCUMENT = f"{FAMILY}/{FAMILY}.json"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid")
    command = ["git", "-c", "core.autocrlf=true", "-c", "core.safecrlf=false", *who, *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_checkout_with_autocrlf_has_the_same_bytes(tmp_path: Path) -> None:
    """Red without .gitattributes: git then gives every line CR LF, and no hash fits."""
    kept = tmp_path / "kept"
    shutil.copytree(ROOT / "vectors" / FAMILY, kept / "vectors" / FAMILY)
    shutil.copytree(ROOT / "requirements", kept / "requirements")
    for name in (".gitattributes", "README.md", "docs/adr/README.md", "tests/test_line_endings.py"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, kept / name)
    git(kept, "init", "--quiet")
    git(kept, "add", "--all")
    git(kept, "commit", "--quiet", "--message", "as it is")
    git(tmp_path, "clone", "--quiet", str(kept), "checkout")
    assert files(tmp_path / "checkout") == files(kept)
    assert len(files(kept)) > 8


@pytest.fixture
def other_ends(tmp_path: Path) -> Path:
    """The vectors, one file of them with CR LF."""
    folder = tmp_path / "vectors"
    shutil.copytree(ROOT / "vectors", folder)
    path = folder / DOCUMENT
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return folder


def test_vectors_with_other_line_endings_name_the_cause(other_ends: Path) -> None:
    with pytest.raises(VectorError, match=r"CR LF for LF.*core\.autocrlf"):
        load_vectors(FAMILY, root=other_ends)


def test_a_file_that_differs_otherwise_does_not(other_ends: Path) -> None:
    path = other_ends / DOCUMENT
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(VectorError) as found:
        load_vectors(FAMILY, root=other_ends)
    assert "autocrlf" not in str(found.value)
