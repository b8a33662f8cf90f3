"""The engine `aws`, up to the client's configuration: nobody is asked anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main as cli
from conformance.targets.builtin import TABLE_PREFIX, Tables, own
from conformance.targets.engines.aws import LONGEST_PREFIX, AwsEngine
from conformance.targets.engines.choose import Engine, EngineUsage, choose_engine

ALLOWED = {"allow_remote": True, "table_prefix": "mine-"}
ENVIRON = {"AWS_REGION": "eu-central-1"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "DYNAMODB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("CONFORMANCE_TABLE_PREFIX", raising=False)


def aws(environ: dict[str, str] | None = None) -> AwsEngine:
    engine = choose_engine(
        "aws", allow_remote=True, table_prefix="mine-", environ=environ or ENVIRON
    )
    assert isinstance(engine, AwsEngine)
    return engine


# ------------------------------------------------------------------------------------- leave


def test_it_wants_to_be_told_twice() -> None:
    with pytest.raises(EngineUsage, match="add --allow-remote") as refused:
        choose_engine("aws", table_prefix="mine-", environ=ENVIRON)
    assert refused.value.exit_code == 3
    with pytest.raises(EngineUsage, match="--table-prefix"):
        choose_engine("aws", allow_remote=True, environ=ENVIRON)


def test_it_is_never_taken_unasked() -> None:
    environ = {**ENVIRON, "PATH": os.devnull, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}
    assert choose_engine(None, allow_remote=True, table_prefix="mine-", environ=environ).name == (
        "moto"
    )


@pytest.mark.parametrize("prefix", ["a b", "ä", "a/b", "x" * (LONGEST_PREFIX + 1), "a\n"])
def test_a_prefix_that_no_table_can_have(prefix: str) -> None:
    for name in ("aws", "moto"):
        with pytest.raises(EngineUsage, match="a table prefix has 1 to 100"):
            choose_engine(name, allow_remote=True, table_prefix=prefix, environ=ENVIRON)


def test_an_endpoint_contradicts_it() -> None:
    environ = {**ENVIRON, "DYNAMODB_ENDPOINT": "http://127.0.0.1:8000"}
    with pytest.raises(EngineUsage, match="DYNAMODB_ENDPOINT is set"):
        aws(environ)


# ------------------------------------------------------------------------------------ region


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-central-1"),
    ],
)
def test_the_region(environ: dict[str, str], region: str) -> None:
    assert aws(environ).region == region


def test_the_region_of_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "[default]\nregion = eu-north-1\n[profile other]\nregion = eu-south-1\n", encoding="ascii"
    )
    assert aws({"PATH": os.devnull}).region == "eu-north-1"
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert aws({"PATH": os.devnull}).region == "eu-south-1"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(EngineUsage, match="nobody"):
        aws({"PATH": os.devnull})


def test_no_region_is_guessed() -> None:
    with pytest.raises(EngineUsage, match="set AWS_REGION"):
        aws({"PATH": os.devnull})


# ------------------------------------------------------------------------------------ client


def test_what_it_says_of_itself() -> None:
    engine = aws()
    assert engine.announcement == (
        "engine `aws`: aws 2012-08-10 in eu-central-1, tables mine-… (asked for)"
    )
    assert not engine.emulator
    assert engine.describe() == {"kind": "aws", "version": "2012-08-10"}


def test_the_clients_are_the_users_own_with_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    with aws() as engine:
        assert engine.endpoint_url is None
        assert engine.client_kwargs() == {"region_name": "eu-central-1"}
        client = Tables(engine)._client
    assert client.meta.endpoint_url == "https://dynamodb.eu-central-1.amazonaws.com"
    signer = client._request_signer
    assert signer._credentials.access_key == "AKIDEXAMPLE"


def test_another_process_is_led_to_the_same_place() -> None:
    variables = aws().environment()
    assert variables == {
        "DYNAMODB_ENDPOINT": None,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }


# ------------------------------------------------------------------------------------ tables


class Nothing:
    """A client that must not be asked."""

    def delete_table(self, **arguments: str) -> None:
        raise AssertionError(f"about to be deleted: {arguments}")


def test_every_table_begins_with_the_prefix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[str] = []
    monkeypatch.setattr(
        "reference_impl.partitions.dynamodb.store.create_table",
        lambda name, client: made.append(name),
    )
    tables = Tables(aws())
    names = [tables.name(tmp_path / folder) for folder in "abc"]
    assert made == names
    assert len(set(names)) == 3
    for name in names:
        assert name.startswith(f"mine-{TABLE_PREFIX}")
        assert len(name) <= 255 - LONGEST_PREFIX


def test_a_table_under_another_name_is_never_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tables = Tables(aws())
    monkeypatch.setattr(tables, "_client", Nothing())
    for name in ("blue_dialogues", f"{TABLE_PREFIX}of-somebody-else", "mine-dialogues"):
        tables._names[tmp_path] = name
        with pytest.raises(ValueError, match="no table of the suite"):
            tables.drop(tmp_path)
        with pytest.raises(ValueError, match="no table of the suite"):
            own(name, f"mine-{TABLE_PREFIX}")


# ------------------------------------------------------------------------------ command line


@pytest.mark.parametrize("command", ["run", "probe"])
def test_the_command_line_asks_for_both(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    arguments = [command, "--target", "dynamodb", "--engine", "aws"]
    for more, said in (([], "--allow-remote"), (["--allow-remote"], "CONFORMANCE_TABLE_PREFIX")):
        result = CliRunner().invoke(cli.cli, [*arguments, *more], standalone_mode=False)
        assert result.return_value == 3
        assert said in result.output


@pytest.mark.parametrize("by", ["option", "environment"])
def test_the_prefix_reaches_the_engine(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[tuple[str | None, str]] = []

    def refuse(name: str | None, *, table_prefix: str, **_: object) -> Engine:
        chosen.append((name, table_prefix))
        raise EngineUsage("stop")

    monkeypatch.setattr("conformance.targets.load.choose_engine", refuse)
    arguments = ["run", "--target", "dynamodb", "--engine", "aws", "--allow-remote"]
    if by == "option":
        arguments += ["--table-prefix", "mine-"]
    else:
        monkeypatch.setenv("CONFORMANCE_TABLE_PREFIX", "mine-")
    CliRunner().invoke(cli.cli, arguments, standalone_mode=False)
    assert chosen == [("aws", "mine-")]
