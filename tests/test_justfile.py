"""The justfile and what is behind it: set-up, start, waiting, and the way back to nothing.

Docker is the script of `fake_docker`, with the tests' own DynamoDB Local behind the port that it opens.
Every test has a home of its own: no key or database outside it is ever looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from conformance.targets.engines.choose import Engine
from conformance.targets.engines.compose import DEFAULT_VOLUME
from conformance.targets.engines.local_server import free_port
from dev import workspace
from dev.workspace import local_files, main
from reference_impl.factory import DynamoDialogueStore
from reference_impl.partitions.dynamodb.store import create_table
from reference_impl.sealing.providers import LocalFileKeyProvider
from tests.fake_docker import FakeDocker

ROOT = Path(__file__).parent.parent
# It is a part of the tests' dependencies, beside the interpreter that runs them.
JUST = shutil.which("just", path=str(Path(sys.executable).parent)) or shutil.which("just")
RECIPES = {"setup", "up", "wait-ready", "down", "test", "nuke"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("DYNAMODB_PORT", "DYNAMODB_VOLUME", "DYNAMODB_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert Path.home() == folder
    assert LocalFileKeyProvider().path.is_relative_to(folder)
    return folder


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    fake = FakeDocker(tmp_path / "docker")
    monkeypatch.setenv("PATH", fake.environ["PATH"])
    return fake


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def just(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert JUST, "rust-just is among the tests' dependencies, but there is no `just`"
    return subprocess.run(
        [JUST, "--justfile", str(ROOT / "justfile"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


# ---------------------------------------------------------------------------------- the justfile


def test_the_recipes() -> None:
    assert set(just("--summary").stdout.split()) == RECIPES


@pytest.mark.parametrize("arguments", [("--list",), ()])
def test_just_alone_lists_them_with_what_they_do(arguments: tuple[str, ...]) -> None:
    said = just(*arguments).stdout
    lines = dict(re.findall(r"^ +([a-z-]+).*# (.+)$", said, re.MULTILINE))
    assert set(lines) == RECIPES


@pytest.mark.parametrize(
    ("recipe", "lines"),
    [
        (["setup"], ["nox -s workspace -- setup"]),
        (["up"], ["nox -s workspace -- up"]),
        (["wait-ready"], ["nox -s workspace -- wait-ready"]),
        (["down"], ["nox -s workspace -- down"]),
        (["nuke"], ["nox -s workspace -- nuke"]),
        (["nuke", "--dry-run"], ["nox -s workspace -- nuke --dry-run"]),
        (
            ["test"],
            [
                "nox -s tests",
                "nox -s conformance -- --target dynamodb --engine compose --require-engine real",
            ],
        ),
    ],
)
def test_a_recipe_is_thin(recipe: list[str], lines: list[str]) -> None:
    said = just("--dry-run", *recipe).stderr
    assert [line.strip() for line in said.splitlines()] == lines


def test_what_the_recipes_name_is_there() -> None:
    text = (ROOT / "justfile").read_text(encoding="utf-8")
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for session in re.findall(r"nox -s ([a-z]+)", text):
        assert f"\ndef {session}(session: nox.Session)" in noxfile
    named = set(re.findall(r"nox -s workspace -- ([a-z-]+)", text))
    assert named == set(workspace.cli.commands)


# ---------------------------------------------------------------------------------------- set-up


@pytest.fixture
def database(
    docker: FakeDocker, dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """Address of the database behind Docker's port, and the name of a table that is not there yet."""
    url = dynamodb_local.endpoint_url or ""
    monkeypatch.setenv("DYNAMODB_PORT", url.rpartition(":")[2])
    table = f"workspace-{uuid.uuid4()}"
    monkeypatch.setattr(workspace, "TABLE_NAME", table)
    return url, table


@pytest.mark.integration
def test_setup_makes_everything_and_says_so(
    docker: FakeDocker,
    database: tuple[str, str],
    home: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url, table = database
    key = home / ".blue" / "keys" / "umk.key"
    assert run("setup") == 0
    said = capfd.readouterr().out
    assert "Docker and Compose: found" in said
    assert f"DynamoDB Local answers at {url}; its data is in the volume {DEFAULT_VOLUME}." in said
    assert f"Created the table {table}" in said
    assert f"Made the key {key}." in said
    assert f"DYNAMODB_ENDPOINT={url}" in said
    assert [len(docker.calls(command)) for command in ("pull", "up", "down")] == [1, 1, 0]
    assert docker.calls("up")[0].project == ""
    assert docker.calls("up")[0].volume == DEFAULT_VOLUME
    assert (key.stat().st_mode & 0o777, key.stat().st_size) == (0o600, 32)
    with DynamoDialogueStore(table, LocalFileKeyProvider(), endpoint=url) as store:
        store.create_dialogue("a", "Title")

    before = key.read_bytes()
    assert run("setup") == 0
    said = capfd.readouterr().out
    assert f"The table {table} exists and is as it should be." in said
    assert f"The key {key} exists and was left as it is." in said
    assert key.read_bytes() == before


@pytest.mark.integration
def test_setup_makes_no_key_over_data_that_another_has_sealed(
    database: tuple[str, str], home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url, table = database
    create_table(table, endpoint=url)
    other = LocalFileKeyProvider(tmp_path / "other" / "umk.key")
    with DynamoDialogueStore(table, other, endpoint=url) as store:
        store.create_dialogue("a", "Title")
    assert run("setup") == 1
    assert "umk_missing" in capfd.readouterr().err
    assert not (home / ".blue" / "keys" / "umk.key").exists()


@pytest.mark.integration
def test_setup_says_how_a_table_differs_and_leaves_it(
    database: tuple[str, str],
    home: Path,
    dynamodb_local: Engine,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import boto3

    _, table = database
    client = boto3.client("dynamodb", **dynamodb_local.client_kwargs())  # type: ignore[call-overload]
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert run("setup") == 1
    said = capfd.readouterr().out
    assert f"The table {table} exists and was left as it is. It differs:" in said
    assert "its key is id (HASH S)" in said
    assert not (home / ".blue").exists()
    client.close()


def test_setup_without_docker_says_so_plainly(
    no_docker: None, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("setup") == 2
    said = capfd.readouterr().out
    assert "Docker is missing: neither `docker` nor `docker-compose` is there." in said
    assert "Java and Maven: missing" in said
    assert "Nothing was set up" in said
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("command", ["up", "down", "wait-ready"])
def test_the_other_commands_without_docker(
    command: str, no_docker: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 2
    assert "Docker is missing" in capfd.readouterr().err


# ---------------------------------------------------------------------- start, waiting and stop


@pytest.mark.integration
def test_up_waits_until_it_answers(
    docker: FakeDocker, database: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("up") == 0
    assert run("wait-ready") == 0
    assert capfd.readouterr().out.count(f"DynamoDB Local answers at {database[0]}") == 2


def test_waiting_is_bounded(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DYNAMODB_PORT", str(free_port()))
    docker.does("logs", "echo 'the last words of the server'")
    assert run("wait-ready", "--within", "0.2") == 2
    said = capfd.readouterr().err
    assert "DynamoDB Local is not ready" in said
    assert "the last words of the server" in said


def test_down_keeps_the_data(docker: FakeDocker) -> None:
    assert run("down") == 0
    assert docker.calls("down")[0].arguments == ["down"]


@pytest.mark.parametrize("arguments", [["wait-ready", "--within", "0"], ["nonsense"]])
def test_wrong_usage(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 3


# ------------------------------------------------------------------------------------------ nuke


@pytest.fixture
def files(home: Path) -> dict[str, list[Path]]:
    """A home with everything of the project's, and neighbours that are not."""
    keys, db = home / ".blue" / "keys", home / ".blue" / "db"
    ours = [
        keys / "umk.key",
        keys / ".umk.key.0123456789abcdef",
        *(db / f"dialogues.db{ending}" for ending in ("", "-wal", "-shm", "-journal")),
    ]
    others = [
        keys / "signing.key",
        keys / ".umk.key.backup",
        keys / "umk.key.old",
        db / "other.db",
        db / "dialogues.db.aside",
        home / ".blue" / "config.toml",
        home / "dialogues.db",
    ]
    for path in (*ours, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return {"ours": ours, "others": others}


def left(files: dict[str, list[Path]]) -> tuple[int, int]:
    return tuple(sum(path.exists() for path in files[kind]) for kind in ("ours", "others"))  # type: ignore[return-value]


def test_nuke_lists_exactly_what_it_would_remove(
    docker: FakeDocker, files: dict[str, list[Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("nuke", "--dry-run") == 0
    head, *listed = capfd.readouterr().out.splitlines()
    assert head == "To be removed:"
    assert listed[0].startswith(f"  the volume {DEFAULT_VOLUME} and the containers")
    assert sorted(listed[1:]) == sorted(f"  {path}" for path in files["ours"])
    assert left(files) == (6, 7)
    assert docker.calls("down") == []


def test_nuke_removes_that_and_nothing_else(
    docker: FakeDocker, files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYNAMODB_VOLUME", "precious")
    assert run("nuke", "--yes") == 0
    assert left(files) == (0, 7)
    (stop,) = docker.calls("down")
    assert stop.arguments == ["down", "--volumes"]
    assert stop.volume == DEFAULT_VOLUME


def test_nuke_with_nothing_there(no_docker: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("nuke", "--yes") == 0
    said = capfd.readouterr().out.splitlines()
    assert said == [
        "Docker is not here, so there is no volume to look for.",
        "There is nothing to remove.",
    ]


def test_nuke_without_docker_removes_the_files(
    no_docker: None, files: dict[str, list[Path]]
) -> None:
    assert run("nuke", "--yes") == 0
    assert left(files) == (0, 7)


def test_nuke_says_that_a_docker_that_does_not_answer_may_hold_a_volume(
    docker: FakeDocker, files: dict[str, list[Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    docker.does("version", "echo 'no daemon'; exit 1")
    assert run("nuke", "--yes") == 1
    said = capfd.readouterr().out
    assert "its daemon does not answer (no daemon)" in said
    assert "Whether there is a volume cannot be seen; it is left." in said
    assert left(files) == (0, 7)


def test_nuke_keeps_the_key_where_the_volume_cannot_be_removed(
    docker: FakeDocker, files: dict[str, list[Path]]
) -> None:
    """The key goes last: as long as there is data, it can be opened."""
    docker.does("down", "echo 'volume is in use'; exit 1")
    assert run("nuke", "--yes") == 2
    assert left(files) == (6, 7)


def test_nuke_without_a_terminal_is_a_no(
    docker: FakeDocker, files: dict[str, list[Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dev.workspace", "nuke"],
        cwd=ROOT,
        input="y\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "There is no terminal to ask at: add --yes if that is meant." in done.stdout
    assert "Nothing was removed." in done.stdout
    assert left(files) == (6, 7)


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("n", False), ("", False)])
def test_nuke_asks(
    docker: FakeDocker, files: dict[str, list[Path]], answer: str, removed: bool
) -> None:
    ours, terminal = os.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "dev.workspace", "nuke"],
            cwd=ROOT,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(terminal)
    assert "Remove all of this? [y/N]" in done.stdout
    assert done.returncode == (0 if removed else 1)
    assert left(files) == (0 if removed else 6, 7)
    assert len(docker.calls("down")) == removed


@pytest.mark.parametrize("linked", ["keys", ".blue"])
def test_nuke_follows_no_link(no_docker: None, home: Path, tmp_path: Path, linked: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "keys").mkdir(parents=True)
    keys = elsewhere / "keys" / "umk.key"
    keys.write_bytes(b"x")
    if linked == ".blue":
        (home / ".blue").symlink_to(elsewhere)
    else:
        (home / ".blue").mkdir()
        (home / ".blue" / "keys").symlink_to(elsewhere / "keys")
    assert list(local_files()) == []
    assert run("nuke", "--yes") == 0
    assert keys.exists()


def test_nuke_takes_no_link_for_the_key(no_docker: None, home: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x")
    key = home / ".blue" / "keys" / "umk.key"
    key.parent.mkdir(parents=True)
    key.symlink_to(target)
    (home / ".blue" / "db" / "dialogues.db").mkdir(parents=True)
    assert list(local_files()) == []
