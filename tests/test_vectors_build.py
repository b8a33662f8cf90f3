"""The build of vectors/: from the generators alone, the same everywhere, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.vectors import load_manifest, load_vectors, vector_families
from generators import cli
from generators.build import lint, show, writer
from generators.kit.recipe import Family

ROOT = Path(__file__).parent.parent
VECTORS = ROOT / "vectors"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of vectors/ that the command line works on."""
    folder = tmp_path / "vectors"
    shutil.copytree(VECTORS, folder)
    monkeypatch.setattr(writer, "VECTORS", folder)
    return folder


# ----------------------------------------------------------------------------- what is committed
def test_the_lint_finds_nothing() -> None:
    assert lint.findings(VECTORS) == []
    assert lint.shares(VECTORS) == []


def test_every_family_loads() -> None:
    families = vector_families()
    assert {"nist", "address", "timestamp", "payload", "keys", "envelope"} <= set(families)
    assert {"item-size", "journal", "request"} <= set(families)
    assert {"partition", "audit", "migration", "erasure", "graph", "accumulated"} <= set(families)
    found = sum(
        document["number_of_tests"] for family in families for document in load_vectors(family)
    )
    totals = load_manifest()["totals"]
    assert found == totals["contract"]["cases"] + totals["published"]["cases"]


def test_the_manifests_totals_are_what_the_milestone_asks_for() -> None:
    manifest = load_manifest()
    contract, published = manifest["totals"]["contract"], manifest["totals"]["published"]
    assert contract["cases"] >= 1500
    assert contract["invalid"] >= 0.6 * contract["cases"]
    assert published == {"cases": 988, "valid": 797, "invalid": 191}
    assert min(manifest["rules"].values()) >= 1
    assert min(fault["cases"] for fault in manifest["faults"].values()) >= 1
    planned = {family["family"] for family in manifest["families"] if family["planned"]}
    assert planned <= {"checkpoint", "migration", "backup", "erasure", "certificate", "graph"}


def test_the_manifest_holds_the_hash_of_every_file_and_module() -> None:
    manifest = load_manifest()
    listed = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    expected = set(files_of(VECTORS)) - {"MANIFEST.json", *writer.KEPT}
    assert listed.keys() == expected
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "generators").rglob("*.py")}
    opinion = {path for path in modules if path.startswith("generators/second_opinion/")}
    assert manifest["modules"].keys() == modules - opinion
    assert manifest["second_opinion"].keys() == opinion
    assert manifest["kept"].keys() == {"LICENSE", "README.md"}
    data = {source["name"]: source["sha256"] for source in manifest["sources"]}
    tables = {name: digest for name, digest in data.items() if name.startswith("reference_impl/")}
    assert len(tables) == 2
    sources = {**manifest["modules"], **manifest["second_opinion"], **tables}
    for path, digest in sources.items():
        assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == digest, path
    for path, digest in {**listed, **manifest["kept"]}.items():
        assert hashlib.sha256((VECTORS / path).read_bytes()).hexdigest() == digest, path


# ------------------------------------------------------------------------------------- the build
def test_the_generators_make_the_same_bytes_where_the_project_is_not(tmp_path: Path) -> None:
    root = tmp_path / "alone"
    shutil.copytree(
        ROOT / "generators", root / "generators", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path in (ROOT / "reference_impl/contract").glob("*.json"):
        (root / "reference_impl/contract").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / "reference_impl/contract")
    (root / "vectors").mkdir()
    for name in writer.KEPT:
        shutil.copy(VECTORS / name, root / "vectors")
    code = (
        "import sys; from generators.build import writer; from pathlib import Path\n"
        f"writer.build(Path({str(tmp_path / 'made')!r}))\n"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('reference_impl', 'conformance')])"
    )
    (tmp_path / "made").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "7"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert writer.differences(tmp_path / "made", VECTORS) == []


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the child process of `--check` makes, made once for these tests."""
    folder = tmp_path_factory.mktemp("elsewhere")
    writer.build_elsewhere(folder)
    return folder


@pytest.fixture
def made_elsewhere(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(into: Path) -> None:
        shutil.copytree(elsewhere, into, dirs_exist_ok=True)

    monkeypatch.setattr(writer, "build_elsewhere", give)


@pytest.mark.usefixtures("made_elsewhere")
def test_check_says_the_manifests_hash_and_names_nothing_when_all_is_as_made(copied: Path) -> None:
    done = run("--check")
    digest = hashlib.sha256((copied / "MANIFEST.json").read_bytes()).hexdigest()
    assert (done.exit_code, done.output) == (0, f"manifest {digest}\n")


@pytest.mark.usefixtures("made_elsewhere")
def test_check_names_each_file_that_differs_by_a_hex_digit_is_missing_or_too_many(
    copied: Path,
) -> None:
    changed = copied / "timestamp/timestamp.json"
    content = changed.read_text()
    digit = re.search(r'"sha256": "([0-9a-f])', content)
    assert digit is not None
    other = "0" if digit[1] != "0" else "1"
    changed.write_text(content[: digit.start(1)] + other + content[digit.end(1) :])
    (copied / "nist/hmac-sha256.json").unlink()
    (copied / "nist/other.json").write_text("{}")
    done = run("--check")
    assert done.exit_code == 1
    assert done.output.splitlines()[1:] == [
        "vectors/nist/hmac-sha256.json: missing",
        "vectors/nist/other.json: not made",
        "vectors/timestamp/timestamp.json: differs",
    ]


@pytest.mark.usefixtures("made_elsewhere")
def test_check_names_line_endings_where_only_they_differ(copied: Path) -> None:
    for name in ("README.md", "address/addresses.json", "timestamp/timestamp.json"):
        content = (copied / name).read_bytes()
        (copied / name).write_bytes(content.replace(b"\n", b"\r\n"))
    more = (copied / "timestamp/timestamp.json").read_bytes()
    (copied / "timestamp/timestamp.json").write_bytes(more + b" ")
    done = run("--check")
    assert done.exit_code == 1
    only = "differs in its line endings only (git's core.autocrlf may have changed them)"
    # The manifest has the hash of what people wrote.
    assert [line for line in done.output.splitlines()[1:] if "MANIFEST" not in line] == [
        f"vectors/README.md: {only}",
        f"vectors/address/addresses.json: {only}",
        "vectors/timestamp/timestamp.json: differs",
    ]


@pytest.mark.usefixtures("made_elsewhere")
def test_check_names_what_people_wrote_links_modes_and_what_is_no_file(copied: Path) -> None:
    (copied / "LICENSE").write_text("All rights reserved.\n")
    (copied / "README.md").unlink()
    outside = copied.parent / "elsewhere.json"
    (copied / "keys/keys.json").rename(outside)
    (copied / "keys/keys.json").symlink_to(outside)
    (copied / "address/addresses.json").chmod(0o755)
    (copied / "empty").mkdir()
    os.mkfifo(copied / "nist/pipe")
    done = run("--check")
    assert done.exit_code == 1
    assert done.output.splitlines()[1:] == [
        "vectors/LICENSE: not as the manifest has it",
        "vectors/README.md: missing",
        "vectors/address/addresses.json: has mode 0755; a file of vectors is read, never run",
        "vectors/empty: is an empty folder",
        "vectors/keys/keys.json: is a symbolic link",
        "vectors/nist/pipe: is no file",
    ]


def only(name: str) -> Callable[[], list[Family]]:
    """The families of one module, for a short build."""
    from generators.build import families

    found = [family for family in families.families() if family.name == name]
    return lambda: found


def test_a_build_replaces_the_folder_and_keeps_what_people_wrote(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "families", only("timestamp"))
    monkeypatch.setattr(lint, "shares", lambda root: [])
    (copied / "stale.json").write_text("{}")
    done = run()
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == f"manifest {writer.digest(copied)}"
    assert files_of(copied).keys() == {
        *writer.KEPT,
        "MANIFEST.json",
        "schemas/manifest.schema.json",
        "schemas/timestamp.schema.json",
        "timestamp/timestamp.json",
    }
    assert [path.name for path in copied.parent.iterdir()] == ["vectors"]


def stop(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_build_leaves_the_old_folder_whole(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(copied)
    monkeypatch.setattr(lint, "findings", stop)  # everything is written, nothing replaced
    done = run()
    assert done.exit_code != 0
    assert files_of(copied) == before
    assert [path.name for path in copied.parent.iterdir()] == ["vectors"]


@pytest.mark.parametrize("what", ["lint", "second opinion"])
def test_what_is_found_wrong_stops_the_build(
    copied: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    before = files_of(copied)
    monkeypatch.setattr(writer, "families", only("timestamp"))
    monkeypatch.setattr(lint, "shares", lambda root: ["too few"] if what == "lint" else [])
    refusal = [sys.executable, "-c", "raise SystemExit(1)"]
    monkeypatch.setattr(cli, "opinion_command", lambda folder: refusal)
    done = run()
    assert done.exit_code == 1
    assert ("too few" if what == "lint" else "disagrees") in done.output
    assert files_of(copied) == before


def test_an_interruption_between_the_two_renames_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "vectors", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self == new:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writer.replace(new, old)
    assert (old / "file").read_text() == "vectors"


def test_a_build_that_died_between_the_two_renames_is_taken_back_by_the_next(
    tmp_path: Path,
) -> None:
    old = tmp_path / "vectors"
    aside = tmp_path / ".vectors.old"
    aside.mkdir()
    (aside / "file").write_text("old")
    writer.recover(old)
    assert (old / "file").read_text() == "old"
    # Died after the second: the new one stays.
    aside.mkdir()
    writer.recover(old)
    assert (old / "file").read_text() == "old"
    assert not aside.exists()


def test_a_child_that_fails_is_told_with_what_it_said(
    copied: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "generators.py").write_text("raise SystemExit('no such thing')")
    monkeypatch.setattr(writer, "ROOT", tmp_path)
    done = run("--check")
    assert (done.exit_code, done.output) == (1, "Error: no such thing\n")


def test_building_into_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("--into", str(tmp_path))
    assert done.exit_code == 2
    assert "is not empty" in done.output


def test_one_thing_at_a_time() -> None:
    assert run("--check", "--second-opinion").exit_code == 2
    assert run("--check", "show", "x").exit_code == 2


# -------------------------------------------------------------------------------------- showing
def test_show_prints_a_case_with_what_it_changes_and_who_must_see_it() -> None:
    done = run("show", "address-display-id-p-0102-sign")
    assert done.exit_code == 0, done.output
    for expected in (
        "address-display-id-p-0102-sign  invalid",
        "Whatever a tolerant number parser would take is no display id.",
        "a sign, as in P01+2",
        "mutation: display-number of address-display-id-p-0102",
        "layer input, code invalid_display_id",
        '"text": "P01+2"',
    ):
        assert expected in done.output


def test_show_prints_every_part_of_a_valid_case() -> None:
    done = run("show", "nist-hkdf-rfc-5869-case-1")
    parts = [line for line in done.output.splitlines() if re.fullmatch("[a-z]+", line)]
    assert parts == ["input", "intermediate", "expected"]
    shown = done.output.split("\nexpected\n")[1]
    assert json.loads(shown)["okm"].startswith("3cb25f25faacd57a")


def test_show_prints_what_lies_there_and_says_where_it_is_not_as_it_is_made(copied: Path) -> None:
    path = copied / "timestamp/timestamp.json"
    path.write_text(
        path.read_text()
        .replace('"2026-02-03T11:15:00+01:00"', '"2026-02-03T11:16:00+01:00"')
        .replace('"timestamp-normalise-west"', '"timestamp-normalise-out-of-date"')
    )
    done = run("show", "timestamp-normalise-east")
    assert '"text": "2026-02-03T11:16:00+01:00"' in done.output
    lines = done.output.splitlines()
    assert lines[-1] == "the generators make another case: it differs at /input/text"
    done = run("show", "timestamp-normalise-out-of-date")
    assert '"text": "2026-02-03T05:15:00-05:00"' in done.output
    assert done.output.splitlines()[-1] == "the generators make no such case"
    done = run("show", "timestamp-normalise-west")
    lines = done.output.splitlines()
    assert lines[-1] == "this case does not lie in vectors/: it is what the generators make"
    assert "generators" not in run("show", "timestamp-normalise-zero-offset").output


def test_show_says_that_there_is_no_such_case() -> None:
    done = run("show", "timestamp-normalise-nothing")
    assert (done.exit_code, done.output) == (
        1,
        "Error: no case timestamp-normalise-nothing; looked in: timestamp\n",
    )
    with pytest.raises(show.UnknownCaseError, match="looked in: nist-gcm, "):
        show.print_case("nothing", VECTORS)
