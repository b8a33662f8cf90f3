"""`dialogue-store setup-tables` and `make-key`: they look first, change nothing that is there, and say so."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from conformance.targets.engines.choose import Engine
from reference_impl.cli.main import main
from reference_impl.factory import create_dialogue_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("DYNAMODB_ENDPOINT", raising=False)
    return folder


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


# -------------------------------------------------------------------------------- setup-tables


@pytest.fixture
def table(dynamodb_local: Engine) -> tuple[str, list[str]]:
    """A name that no table has, and the options that lead to it."""
    name = f"setup-{uuid.uuid4()}"
    return name, ["--table", name, "--endpoint", dynamodb_local.endpoint_url or ""]


@pytest.mark.integration
def test_a_new_table_and_the_same_again(
    table: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    name, options = table
    assert run("setup-tables", *options) == 0
    assert capsys.readouterr().out == f"Created the table {name} with its three indexes.\n"
    assert run("setup-tables", *options) == 0
    assert capsys.readouterr().out == f"The table {name} exists and is as it should be.\n"


@pytest.mark.integration
def test_an_existing_table_that_differs_is_described_and_left(
    table: tuple[str, list[str]], dynamodb_local: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    import boto3

    name, options = table
    client: Any = boto3.client("dynamodb", **dynamodb_local.client_kwargs())  # type: ignore[call-overload]
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    before = client.describe_table(TableName=name)["Table"]
    assert run("setup-tables", *options) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"The table {name} exists and was left as it is. It differs:",
        "  - it is not billed on demand",
        "  - it has no index ByStatus",
        "  - it has no index ByTensionStatus",
        "  - it has no index ByExpert",
    ]
    assert run("setup-tables", *options, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["table"], told["created"], len(told["differences"])) == (name, False, 4)
    assert client.describe_table(TableName=name)["Table"] == before
    client.close()


def test_a_configuration_of_another_backend_sets_up_nothing(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CONF-02: it does not name DynamoDB, so nothing there is asked for or made."""

    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("DynamoDB was asked")

    monkeypatch.setattr("reference_impl.partitions.dynamodb.store.create_table", asked)
    assert run("setup-tables", "--config", config) == 1
    said = capsys.readouterr()
    assert "this configuration names the backend sqlite, which needs no tables" in said.err
    assert said.out == ""


# ------------------------------------------------------------------------------------ make-key


def test_a_new_key_and_the_same_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = home / ".blue" / "keys" / "umk.key"
    assert run("make-key") == 0
    assert capsys.readouterr().out.startswith(f"Made the key {key}. Keep a copy")
    made = key.read_bytes()
    assert (len(made), key.stat().st_mode & 0o777) == (32, 0o600)
    assert run("make-key") == 0
    assert capsys.readouterr().out == f"The key {key} exists and was left as it is.\n"
    assert run("make-key", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"key": str(key), "created": False}
    assert key.read_bytes() == made


def test_a_bad_key_is_named_and_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = home / ".blue" / "keys" / "umk.key"
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_bytes(bytes(31))
    key.chmod(0o600)
    assert run("make-key") == 1
    assert "key_malformed" in capsys.readouterr().err
    assert key.read_bytes() == bytes(31)
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    assert run("make-key") == 1
    assert "key_permissions" in capsys.readouterr().err


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "store.toml"
    path.write_text(
        f'[storage]\nbackend = "sqlite"\n[storage.sqlite]\npath = "{tmp_path}/d.db"\n'
        f'[keys]\nprovider = "local-file"\npath = "{tmp_path}/mine.key"\n',
        encoding="utf-8",
    )
    return path


def test_the_key_of_a_store_that_is_not_there_yet(config: Path, tmp_path: Path, home: Path) -> None:
    assert run("make-key", "--config", config) == 0
    assert len((tmp_path / "mine.key").read_bytes()) == 32
    assert not (tmp_path / "d.db").exists()
    assert list(home.iterdir()) == []


def test_no_key_where_a_store_holds_keys_under_another(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with create_dialogue_store(config) as store:
        store.create_dialogue("a", "Title")
    assert run("make-key", "--config", config) == 0
    (tmp_path / "mine.key").unlink()
    assert run("make-key", "--config", config) == 1
    assert "umk_missing" in capsys.readouterr().err
    assert not (tmp_path / "mine.key").exists()


@pytest.mark.integration
def test_no_key_where_a_table_holds_keys_under_another(
    table: tuple[str, list[str]],
    dynamodb_local: Engine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, options = table
    config = tmp_path / "store.toml"
    config.write_text(
        f'[storage]\nbackend = "dynamodb"\n[storage.dynamodb]\ntable_name = "{name}"\n'
        f'endpoint = "{dynamodb_local.endpoint_url}"\n[keys]\npath = "{tmp_path}/mine.key"\n',
        encoding="utf-8",
    )
    assert run("setup-tables", *options) == 0
    assert run("make-key", "--config", config) == 0
    with create_dialogue_store(config) as store:
        store.create_dialogue("a", "Title")
    (tmp_path / "mine.key").unlink()
    assert run("make-key", "--config", config) == 1
    assert "umk_missing" in capsys.readouterr().err
    assert not (tmp_path / "mine.key").exists()


@pytest.mark.parametrize("command", ["setup-tables", "make-key", "demo"])
def test_help_shows_its_examples_line_by_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert "\\b" not in text
    assert "\b" not in text
    if command != "demo":
        assert f"\n    dialogue-store {command}" in text
