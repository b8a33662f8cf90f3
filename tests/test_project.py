"""What is shipped and what it is built from: the wheel, the source archive, the lock files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: Every requirement of the project, groups and extras among them.
ASKED = [
    text
    for texts in (
        PROJECT["build-system"]["requires"],
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    )
    for text in texts
    if isinstance(text, str)
]
LOCKS = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("requirements/*.txt")}


def names(requirements: list[object]) -> set[str]:
    """The distributions that a list of requirements names, leaving out included groups."""
    texts = [text for text in requirements if isinstance(text, str)]
    return {re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower() for text in texts}


DEPENDENCIES = names(PROJECT["project"]["dependencies"])
EMULATOR = names(PROJECT["project"]["optional-dependencies"]["emulator"])
GROUPS = PROJECT["dependency-groups"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel made from it as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run([*build, "--target", "sdist"], cwd=ROOT, check=True, timeout=120)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    subprocess.run([*build, "--target", "wheel"], cwd=source, check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_two_packages_and_the_data(shipped: set[str]) -> None:
    tops = {name.split("/")[0] for name in shipped if ".dist-info/" not in name}
    assert tops == {"reference_impl", "conformance"}
    assert {
        "reference_impl/py.typed",
        "reference_impl/contract/SPEC.md",
        "reference_impl/contract/entities.json",
        "reference_impl/contract/methods.json",
        "conformance/py.typed",
        "conformance/targets/engines/pom.xml",
        "conformance/targets/engines/docker-compose.yml",
        "conformance/_vectors/LICENSE",
    } <= shipped
    vectors = {
        f"conformance/_{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "vectors").rglob("*")
        if path.is_file()
    }
    assert len(vectors) > 20
    assert vectors <= shipped


@pytest.mark.parametrize("package", ["reference_impl", "conformance"])
def test_the_wheel_holds_every_file_of_a_package(package: str, shipped: set[str]) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - shipped == set()


def test_the_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    scripts = PROJECT["project"]["scripts"]
    code = "".join(f"from {place.replace(':', ' import ')}\n" for place in scripts.values())
    code += "import conformance; from conformance import load_vectors, vectors\n"
    code += "documents = [load_vectors(name) for name in vectors.vector_families()]\n"
    code += "assert all(documents); print(conformance.__file__)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)


def test_the_source_archive_holds_what_makes_and_tests_the_rest(built: Path) -> None:
    (source,) = (built / "source").iterdir()
    here = {path.name for path in source.iterdir()}
    assert {"generators", "vectors", "tests", "requirements", "noxfile.py", "pom.xml"} <= here
    assert {"justfile", "docker-compose.yml"} <= here


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("run", DEPENDENCIES | EMULATOR | names(GROUPS["build"])),
        ("tests", DEPENDENCIES | EMULATOR | names(GROUPS["build"]) | names(GROUPS["test"])),
        ("lint", DEPENDENCIES | EMULATOR | names(GROUPS["lint"]) | names(GROUPS["ci"])),
        ("ci", names(GROUPS["ci"])),
        ("lock", names(GROUPS["lock"])),
        ("lowest", names(list(ASKED))),
    ],
)
def test_a_lock_pins_what_the_project_asks_for(lock: str, wanted: set[str]) -> None:
    assert wanted - set(pins(LOCKS[lock])) == set()


def test_all_locks_pin_the_same_versions() -> None:
    versions: dict[str, set[str]] = {}
    for lock, text in LOCKS.items():
        for name, version in pins(text).items() if lock != "lowest" else ():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("asked", ASKED)
def test_the_lowest_versions_are_those_that_are_declared(asked: str) -> None:
    # As it stands there: a bound that no release has is a bound that nobody ever installed.
    found = re.match(r"([a-z0-9-]+)(?:\[\w+])?[>=]=([\w.]+)(?:;|$|\s)", asked)
    assert found, f"{asked} declares no lower bound"
    name, bound = found[1], found[2]
    pinned = pins(LOCKS["lowest"])[name]
    assert re.sub(r"(\.0)+$", "", pinned) == re.sub(r"(\.0)+$", "", bound)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_hashes_and_no_place(lock: str) -> None:
    text = LOCKS[lock]
    entries = re.split(r"\n(?=\S)", text)
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"://|^-|--(?:index|extra-index|find)\S*| @ ", text, re.MULTILINE) == []


def test_every_dependency_has_its_reason_written_down() -> None:
    decision = (ROOT / "docs/adr/0001-libraries.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].split()[0] for line in decision.splitlines() if line[:1] == "|"}
    assert (DEPENDENCIES | EMULATOR) - rows == set()


def pins(text: str) -> dict[str, str]:
    """Name → version of every pin in a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", text, re.MULTILINE))
