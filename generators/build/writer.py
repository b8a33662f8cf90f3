"""Builds all files in an empty folder; puts them in place of vectors/ whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..kit.recipe import Family
from ..kit.schemas import family_schema, manifest_schema
from . import lint
from .document import Document, documents, schema_path
from .families import families
from .file_format import file_bytes
from .manifest import NAME, SCHEMA, manifest

ROOT = Path(__file__).parent.parent.parent
VECTORS = ROOT / "vectors"
# Written by people; they stay as they are.
KEPT = ("README.md", "LICENSE")
TIMEOUT_S = 900


class BuildError(Exception):
    """The vectors cannot stand as they are; the message holds every finding."""


def build(into: Path) -> None:
    """Make every file of vectors/ in the empty folder `into`; `BuildError` where the lint objects."""
    write(contents(families()), into)
    if found := lint.findings(into) or lint.shares(into):
        raise BuildError("\n".join(found))


def contents(of: Iterable[Family]) -> dict[str, bytes]:
    """All files of these families by path: documents, schemas, manifest."""
    built: list[tuple[Family, dict[str, Document]]] = []
    files: dict[str, bytes] = {SCHEMA: file_bytes(manifest_schema())}
    for family in of:
        made = dict(documents(family))
        built.append((family, made))
        files |= {path: file_bytes(document) for path, document in made.items()}
        files[schema_path(family)] = file_bytes(family_schema(family))
    files[NAME] = file_bytes(manifest(built, files, _kept(VECTORS)))
    return files


def write(files: Mapping[str, bytes], into: Path) -> None:
    """Write these files below a folder."""
    for path, content in files.items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_bytes(content)


@contextmanager
def empty_folder(beside: Path) -> Iterator[Path]:
    """A folder on the same file system as `beside`, gone in the end unless it was moved away."""
    folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}-", dir=beside.parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace(new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `old`, keeping what people wrote there."""
    for name in KEPT:
        if (old / name).is_file():
            shutil.copy2(old / name, new / name)
    aside = _aside(old)
    if old.exists():
        old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        if aside.exists() and not old.exists():
            aside.rename(old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def recover(old: Path) -> None:
    """Put `old` back where a build died between the two renames of `replace`."""
    aside = _aside(old)
    if aside.exists():
        if old.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(old)


def _aside(old: Path) -> Path:
    return old.with_name(f".{old.name}.old")


def build_elsewhere(into: Path) -> None:
    """Build in a child process of another hash seed, time zone, locale and working folder."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [sys.executable, "-m", "generators", "--into", str(into)],
            cwd=elsewhere,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("LC_")},
                "PYTHONPATH": str(ROOT),
                "PYTHONHASHSEED": "4242",
                "PYTHONDONTWRITEBYTECODE": "1",
                "TZ": "Pacific/Kiritimati",
                "LC_ALL": "tr_TR.ISO-8859-9",
                "LANG": "tr_TR.ISO-8859-9",
            },
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    if done.returncode:
        raise BuildError(
            done.stderr.strip().removeprefix("Error: ") or f"the child ended with {done.returncode}"
        )


#: A likely cause: git rewrites them on checkout where nothing tells it not to.
_LINE_ENDINGS = "differs in its line endings only (git's core.autocrlf may have changed them)"


def differences(expected: Path, present: Path) -> list[str]:
    """Every file that differs, is missing, is there though nothing makes it, or is no plain file; of those
    that people wrote, every one that is not as the manifest has it."""
    made, found, odd = _files(expected), _files(present), _odd(present)
    said = [
        f"{path}: {_how(made.get(path), found.get(path))}"
        for path in made.keys() | found.keys()
        if made.get(path) != found.get(path) and path not in odd
    ]
    said += [f"{path}: {what}" for path, what in odd.items()]
    kept = {path: content for path, content in _kept(present).items() if path not in odd}
    listed = _listed(present)
    for path in kept.keys() | listed.keys():
        content, digest = kept.get(path), listed.get(path)
        if path in odd or (content is not None and _sha256(content) == digest):
            continue
        if content is None:
            said.append(f"{path}: missing")
        elif _sha256(content.replace(b"\r\n", b"\n")) == digest:
            said.append(f"{path}: {_LINE_ENDINGS}")
        else:
            said.append(f"{path}: not as the manifest has it")
    return sorted(said)


def _how(made: bytes | None, found: bytes | None) -> str:
    if made is None or found is None:
        return "missing" if found is None else "not made"
    return _LINE_ENDINGS if found.replace(b"\r\n", b"\n") == made else "differs"


def _files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return {path: content for path, content in files.items() if path not in KEPT}


def _odd(root: Path) -> dict[str, str]:
    """What lies there and is neither a folder nor a file that anybody may read and nobody runs."""
    found = {}
    for path in [root, *root.rglob("*")]:
        name = path.relative_to(root).as_posix()
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = "is a symbolic link"
        elif stat.S_ISDIR(mode):
            if path != root and not any(path.iterdir()):
                found[name] = "is an empty folder"
        elif not stat.S_ISREG(mode):
            found[name] = "is no file"
        elif mode & 0o111 or not mode & 0o444:
            found[name] = f"has mode {stat.S_IMODE(mode):04o}; a file of vectors is read, never run"
    return found


def _kept(root: Path) -> dict[str, bytes]:
    """What people wrote."""
    return {name: (root / name).read_bytes() for name in KEPT if (root / name).is_file()}


def _listed(root: Path) -> dict[str, str]:
    """What the manifest there says of what people wrote; nothing where it cannot be read, which is told of
    the manifest itself."""
    try:
        kept = json.loads((root / NAME).read_bytes())["kept"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(kept) if isinstance(kept, dict) else {}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(root: Path) -> str:
    """The SHA-256 of the manifest, which holds that of every other file."""
    return hashlib.sha256((root / NAME).read_bytes()).hexdigest()
