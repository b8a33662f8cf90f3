"""The engines of target `dynamodb`: found, started, asked, refused and stopped."""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.targets.builtin import Tables
from conformance.targets.engines import choose as engines
from conformance.targets.engines import detect as probe
from conformance.targets.engines import dynamodb_local, local_server
from conformance.targets.engines.choose import (
    EndpointEngine,
    Engine,
    EngineRefused,
    EngineUnavailable,
    EngineUsage,
    LocalEngine,
    MotoEngine,
    choose_engine,
)
from conformance.targets.engines.detect import Found
from conformance.targets.engines.local_server import LocalServer, free_port
from reference_impl.partitions.port import Put

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
NOBODY = {"PATH": os.devnull}  # an environment in which no program is found
MOTO_VERSION = importlib.metadata.version("moto")


@pytest.fixture(scope="module")
def real_engine() -> None:
    """For tests that run DynamoDB Local: skipped, and listed, where it cannot be had."""
    obstacle = dynamodb_local.obstacle(os.environ)
    if obstacle:
        pytest.skip(f"needs Java and Maven: {obstacle}")


@pytest.fixture(scope="module")
def local(real_engine: None) -> Iterator[LocalEngine]:
    engine = choose_engine("local", environ={**os.environ, "CI": "1"}, require_real=True)
    assert isinstance(engine, LocalEngine)
    with engine:
        yield engine


@pytest.fixture(scope="module")
def jars(local: LocalEngine) -> Path:
    return dynamodb_local.jars_folder(dynamodb_local.cache_folder())


def make_table(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
        ],
    )


def client_of(engine: Engine) -> Any:
    import boto3

    return boto3.client("dynamodb", **engine.client_kwargs())  # type: ignore[call-overload]


def put_and_get(engine: Engine, table: str) -> None:
    client = client_of(engine)
    make_table(client, table)
    item = {"PK": {"S": "p"}, "SK": {"S": "s"}, "v": {"B": b"\x00\xff"}}
    client.put_item(TableName=table, Item=item)
    answer = client.get_item(TableName=table, Key={"PK": {"S": "p"}, "SK": {"S": "s"}})
    assert answer["Item"] == item
    client.delete_table(TableName=table)


def script(path: Path, text: str) -> str:
    """An executable shell script, standing in for `java` or `mvn`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


# ------------------------------------------------------------------------------ DynamoDB Local


@pytest.mark.integration
def test_local_takes_items(local: LocalEngine) -> None:
    put_and_get(local, "items")
    assert local.describe() == {"kind": "dynamodb-local", "version": "3.0.0"}
    assert not local.emulator
    assert local.endpoint_url.startswith("http://127.0.0.1:")
    assert local.announcement == "engine `local`: dynamodb-local 3.0.0 (asked for)"


@pytest.mark.integration
def test_local_is_recognised_behind_an_endpoint(local: LocalEngine) -> None:
    environ = {"DYNAMODB_ENDPOINT": local.endpoint_url, "CI": "true"}
    with choose_engine(None, environ=environ, require_real=True) as engine:
        assert isinstance(engine, EndpointEngine)
        assert engine.describe() == {"kind": "dynamodb-local", "version": "unknown"}
        put_and_get(engine, "behind")


@pytest.mark.integration
def test_transaction_of_4_mb(local: LocalEngine) -> None:
    client = client_of(local)
    make_table(client, "large")
    largest = 409_600 - len("PK" + "p" + "SK" + "0" + "d")
    client.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": "large",
                    "Item": {"PK": {"S": "p"}, "SK": {"S": str(n)}, "d": {"B": bytes(largest)}},
                }
            }
            for n in range(10)
        ]
    )


@pytest.mark.integration
def test_stopping_ends_the_process(local: LocalEngine, jars: Path) -> None:
    with LocalServer(dynamodb_local.find_java(os.environ), jars, os.environ) as server:
        pid = server.jvm_pid
        os.kill(pid, 0)
        assert (server.url, pid) != (local.endpoint_url, local.jvm_pid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    os.kill(local.jvm_pid, 0)


@pytest.mark.integration
def test_engine_does_not_outlive_a_killed_parent(local: LocalEngine, jars: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from conformance.targets.engines.dynamodb_local import find_java\n"
        "from conformance.targets.engines.local_server import LocalServer\n"
        "with LocalServer(find_java(os.environ), Path(sys.argv[1]), os.environ) as server:\n"
        "    print(server.url, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(jars)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            parent.send_signal(signal.SIGKILL)
            # Ends when the engine does; its own limit for idle connections is 30 s.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


@pytest.mark.integration
def test_a_port_taken_meanwhile_is_given_up(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_S", 1.0)
    # A listener that never answers, so that nobody takes it for the engine.
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [other.getsockname()[1], free_port()]
        java = dynamodb_local.find_java(os.environ)
        offered = iter(ports)
        with LocalServer(java, jars, os.environ, pick_port=lambda: next(offered)) as server:
            assert server.url.endswith(f":{ports[1]}")


@pytest.mark.integration
def test_a_port_that_is_always_taken_is_an_error(
    jars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_S", 1.0)
    monkeypatch.setattr(local_server, "_PORTS_TRIED", 2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = LocalServer(
            dynamodb_local.find_java(os.environ), jars, os.environ, pick_port=lambda: port
        )
        with pytest.raises(EngineUnavailable, match="port taken 2 times"), server:
            pass


@pytest.mark.integration
def test_a_jvm_that_dies_at_once_is_quoted(jars: Path) -> None:
    server = LocalServer(dynamodb_local.find_java(os.environ), jars, os.environ, heap="1k")
    with pytest.raises(EngineUnavailable, match="Too small maximum heap"), server:
        pass


@pytest.mark.integration
def test_an_engine_that_never_answers_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "_READY_WITHIN_S", 0.3)
    java = script(tmp_path / "java", "echo still thinking; exec sleep 600")
    server = LocalServer(java, tmp_path, os.environ)
    with pytest.raises(EngineUnavailable, match=r"does not answer after(?s:.)*still thinking"):
        server.__enter__()
    with pytest.raises(ProcessLookupError):
        os.kill(server.jvm_pid, 0)


@pytest.mark.integration
def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    server = LocalServer(str(tmp_path / "no-java"), tmp_path, os.environ)
    with pytest.raises(EngineUnavailable, match="no-java"), server:
        pass


@pytest.mark.integration
def test_the_engine_is_given_nothing_of_aws(tmp_path: Path) -> None:
    java = script(tmp_path / "java", "env | grep -e AWS_ -e ENGINES_SAY; exit 1")
    environ = {**os.environ, "AWS_SECRET_ACCESS_KEY": "mine", "ENGINES_SAY": "hello"}
    with (
        pytest.raises(EngineUnavailable, match="ended before it answered") as refused,
        LocalServer(java, tmp_path, environ),
    ):
        pass
    assert "ENGINES_SAY=hello" in str(refused.value)
    assert "AWS_" not in str(refused.value)


# ------------------------------------------------------------------------------- what is there


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ('openjdk version "11.0.2" 2019-01-15', "is Java 11"),
        ('java version "1.8.0_392"', "is Java 8"),
        ("nonsense", "does not run"),
    ],
)
def test_old_java_is_named(tmp_path: Path, printed: str, said: str) -> None:
    java = script(tmp_path / "java", f"cat >&2 <<'EOF'\n{printed}\nEOF")
    environ = {"PATH": f"{Path(java).parent}:/bin:/usr/bin"}
    with pytest.raises(EngineUnavailable, match=said) as refused:
        choose_engine("local", environ=environ)
    assert "needs Java 17 or later" in str(refused.value)
    assert refused.value.exit_code == 2


def test_java_home_comes_first(tmp_path: Path) -> None:
    java = script(tmp_path / "home" / "bin" / "java", "echo 'openjdk version \"21\"' >&2")
    other = script(tmp_path / "other" / "java", "exit 1")
    environ = {"PATH": str(Path(other).parent), "JAVA_HOME": str(tmp_path / "home")}
    assert dynamodb_local.find_java(environ) == java


def test_maven_is_needed_only_for_an_empty_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = script(tmp_path / "bin" / "java", "echo 'openjdk version \"17.0.1\"' >&2")
    environ = {"PATH": str(Path(java).parent)}
    monkeypatch.setattr(dynamodb_local, "cache_folder", lambda: tmp_path / "cache")
    assert "install Maven" in (dynamodb_local.obstacle(environ) or "")
    dynamodb_local.jars_folder(tmp_path / "cache").mkdir(parents=True)
    assert dynamodb_local.obstacle(environ) is None


def test_the_version_is_said_by_the_pom_alone() -> None:
    assert dynamodb_local.pom_file() == ROOT / "pom.xml"
    assert dynamodb_local.version() == "3.0.0"
    assert "3.0.0" not in Path(dynamodb_local.__file__).read_text(encoding="utf-8")


def test_cache_of_a_checkout_and_of_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dynamodb_local.cache_folder() == ROOT / ".cache" / "dynamodb-local"
    monkeypatch.setattr(dynamodb_local, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    installed = dynamodb_local.cache_folder()
    assert installed.name == "dynamodb-local"
    assert "dialogue-store-conformance" in installed.parts


# ------------------------------------------------------------------------------------ fetching

FETCHES = 'for a; do case "$a" in -DoutputDirectory=*) d="${a#*=}";; esac; done'


def fetch(tmp_path: Path, maven: str) -> tuple[Path, list[str]]:
    mvn = script(tmp_path / "bin" / "mvn", maven)
    environ = {"PATH": f"{Path(mvn).parent}:/bin:/usr/bin"}
    said: list[str] = []
    cache = tmp_path / "cache"
    with dynamodb_local.locked(cache, said.append):
        return dynamodb_local.install(cache, environ, said.append), said


def test_fetching_is_announced_and_happens_once(tmp_path: Path) -> None:
    jars, said = fetch(tmp_path, f'{FETCHES}; echo jar > "$d/DynamoDBLocal-3.0.0.jar"')
    assert [path.name for path in jars.iterdir()] == ["DynamoDBLocal-3.0.0.jar"]
    assert said == ["fetching DynamoDB Local 3.0.0 with Maven, once, about 70 MB …"]
    assert fetch(tmp_path, "exit 1") == (jars, [])


def test_maven_checks_checksums_in_a_repository_of_its_own(tmp_path: Path) -> None:
    jars, _ = fetch(tmp_path, f'{FETCHES}; echo "$@" > "$d/DynamoDBLocal-3.0.0.jar"')
    arguments = (jars / "DynamoDBLocal-3.0.0.jar").read_text(encoding="utf-8").split()
    assert "--strict-checksums" in arguments
    assert f"-Dmaven.repo.local={tmp_path / 'cache' / 'm2'}" in arguments


@pytest.mark.parametrize(
    ("maven", "said"),
    [
        (f'{FETCHES}; echo half > "$d/guava.jar"; echo "no route to host"; exit 1', "no route"),
        (f'{FETCHES}; echo half > "$d/guava.jar"', "brought no DynamoDBLocal"),
    ],
)
def test_half_a_download_leaves_nothing(tmp_path: Path, maven: str, said: str) -> None:
    with pytest.raises(EngineUnavailable, match=said):
        fetch(tmp_path, maven)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_leftovers_of_a_killed_run_are_cleared(tmp_path: Path) -> None:
    left = tmp_path / "cache" / "3.0.0.part-killed"
    left.mkdir(parents=True)
    (left / "half.jar").touch()
    jars, _ = fetch(tmp_path, f'{FETCHES}; echo jar > "$d/DynamoDBLocal-3.0.0.jar"')
    assert sorted(path.name for path in jars.parent.iterdir()) == ["3.0.0", "lock"]


def test_one_at_a_time(tmp_path: Path) -> None:
    waiting, order = threading.Event(), list[str]()

    def second() -> None:
        with dynamodb_local.locked(tmp_path, lambda line: waiting.set()):
            order.append("second")

    thread = threading.Thread(target=second)
    with dynamodb_local.locked(tmp_path, order.append):
        thread.start()
        assert waiting.wait(20)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_a_lock_that_is_never_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_local, "_LOCK_TIMEOUT_S", 0.2)
    with (
        dynamodb_local.locked(tmp_path, print),
        pytest.raises(EngineUnavailable, match="lock"),
        dynamodb_local.locked(tmp_path, print),
    ):
        pass


# -------------------------------------------------------------------------------------- choice


def test_without_java_it_is_moto_said_loudly() -> None:
    engine = choose_engine(None, environ=NOBODY)
    assert isinstance(engine, MotoEngine)
    assert engine.emulator
    assert "EMULATOR" in engine.announcement
    assert "needs Java 17 or later; `java` is not there" in engine.announcement


@pytest.mark.integration
def test_with_java_it_is_local(real_engine: None) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "DYNAMODB_ENDPOINT"}
    engine = choose_engine(None, environ=environ)
    assert isinstance(engine, LocalEngine)
    assert engine.announcement == "engine `local`: dynamodb-local 3.0.0 (Java is here)"


@pytest.mark.parametrize("name", [None, "moto"])
@pytest.mark.parametrize(
    ("environ", "require_real"), [(NOBODY, True), ({**NOBODY, "CI": "1"}, False)]
)
def test_a_real_engine_is_required(
    name: str | None, environ: dict[str, str], require_real: bool
) -> None:
    with pytest.raises(EngineRefused, match=f"emulator, moto {MOTO_VERSION}") as refused:
        choose_engine(name, environ=environ, require_real=require_real)
    assert refused.value.exit_code == 2
    assert "To start one" in str(refused.value)


def test_an_empty_ci_is_no_ci() -> None:
    assert choose_engine("moto", environ={**NOBODY, "CI": ""}).emulator


def test_local_by_name_does_not_fall_back() -> None:
    with pytest.raises(EngineUnavailable, match=r"`local`: .*install it, or set JAVA_HOME"):
        choose_engine("local", environ=NOBODY)


def test_nothing_at_all_says_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match="Java 17") as refused:
        choose_engine(None, environ=NOBODY)
    assert "dialogue-store-conformance[emulator]" in str(refused.value)
    assert "To start one" in str(refused.value)


def test_unknown_engine() -> None:
    with pytest.raises(EngineUsage, match="local, compose, endpoint, aws, moto") as refused:
        choose_engine("dynalite", environ=NOBODY)
    assert refused.value.exit_code == 3


# ------------------------------------------------------------------------------------ endpoint


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what its server was given for that path."""

    server: Stub

    def do_GET(self) -> None:
        self.send_answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_answer()

    def send_answer(self) -> None:
        self.server.signed_by.append(self.headers.get("Authorization", ""))
        body = self.server.answers.get(self.path)
        self.send_response(404 if body is None else 200)
        content = (body or "").encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Stub(ThreadingHTTPServer):
    """A server on loopback with fixed answers, by path."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.answers = answers
        self.signed_by: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(answers: dict[str, str]) -> Iterator[Stub]:
    with Stub(answers) as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield stub
        finally:
            stub.shutdown()
            thread.join(20)


NO_TABLES = json.dumps({"TableNames": []})


def without_ci(**more: str) -> dict[str, str]:
    """This environment, where an engine that nobody knows may be asked."""
    return {**{name: value for name, value in os.environ.items() if name != "CI"}, **more}


MOTO = {"/": NO_TABLES, "/moto-api/data.json": json.dumps({"dynamodb": {"Table": []}})}


def test_endpoint_comes_before_everything_else() -> None:
    with serving({"/": NO_TABLES}) as stub:
        engine = choose_engine(None, environ=without_ci(DYNAMODB_ENDPOINT=stub.url))
    assert isinstance(engine, EndpointEngine)
    assert engine.describe() == {"kind": "unrecognised", "version": "unknown"}
    assert "DYNAMODB_ENDPOINT is set" in engine.announcement
    assert stub.url in engine.announcement


def test_moto_behind_an_endpoint_is_an_emulator() -> None:
    with serving(MOTO) as stub:
        environ = {"DYNAMODB_ENDPOINT": stub.url}
        engine = choose_engine("endpoint", environ=environ)
        assert engine.emulator
        assert engine.describe()["kind"] == "moto"
        assert "EMULATOR" in engine.announcement
        with pytest.raises(EngineRefused):
            choose_engine("endpoint", environ={**environ, "CI": "1"})
        with pytest.raises(EngineRefused):
            choose_engine(None, environ=environ, require_real=True)


def test_nobody_at_the_endpoint_says_how_to_start_one() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(EngineUnavailable, match=f"nothing answers at {url}") as refused:
        choose_engine(None, environ={"DYNAMODB_ENDPOINT": url})
    assert "--engine local" in str(refused.value)
    assert "docker compose up -d" in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("body", ["<html>hello</html>", "[]", "{}", '{"TableNames": 1}'])
def test_something_else_at_the_endpoint(body: str) -> None:
    with (
        serving({"/": body}) as stub,
        pytest.raises(EngineUnavailable, match="is not DynamoDB"),
    ):
        choose_engine("endpoint", environ={"DYNAMODB_ENDPOINT": stub.url})


def test_a_listener_that_is_no_web_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineUnavailable, match="nothing answers"):
            choose_engine("endpoint", environ={"DYNAMODB_ENDPOINT": url})


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:8000",
        "https://dynamodb.eu-west-1.amazonaws.com",
        "http://127.0.0.1.example.com:8000",
        "http://0.0.0.0:8000",
        "http://2130706433:8000",
    ],
)
def test_a_remote_endpoint_needs_leave(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "probe", lambda url: pytest.fail("it was asked already"))
    with pytest.raises(EngineUsage, match="--allow-remote") as refused:
        choose_engine(None, environ={"DYNAMODB_ENDPOINT": url})
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.9.9.9:1", "http://[::1]:1"])
def test_loopback_needs_no_leave(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "probe", lambda url: Found("unrecognised", "1", emulator=False))
    assert choose_engine(None, environ={"DYNAMODB_ENDPOINT": url}).endpoint_url == url


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://dynamodb.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://vpce-1.dynamodb.eu-north-1.vpce.amazonaws.com", "eu-north-1"),
        ("https://elsewhere.amazonaws.com", "ap-south-1"),
    ],
)
def test_only_aws_gets_the_users_credentials(
    url: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "probe", lambda url: Found("aws", "2012-08-10", emulator=False))
    environ = {"DYNAMODB_ENDPOINT": url, "AWS_REGION": "ap-south-1"}
    engine = choose_engine(None, environ=environ, allow_remote=True)
    assert engine.client_kwargs() == {"region_name": region, "endpoint_url": url}
    assert not any("KEY" in name for name in engine.environment())
    environ["DYNAMODB_ENDPOINT"] = "http://dynamodb.example.com:8000"
    elsewhere = choose_engine(None, environ=environ, allow_remote=True)
    assert elsewhere.client_kwargs()["aws_access_key_id"] == "dummy"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "localhost",
        "ftp://127.0.0.1",
        "http://",
        "http://user:word@127.0.0.1:8000",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:8000/?a=b",
        "http://[::1",
    ],
)
def test_an_endpoint_that_is_no_address(url: str) -> None:
    with pytest.raises(EngineUsage, match="must be an address like") as refused:
        choose_engine(None, environ={"DYNAMODB_ENDPOINT": url}, allow_remote=True)
    assert "word" not in str(refused.value)


def test_endpoint_by_name_needs_the_variable() -> None:
    with pytest.raises(EngineUsage, match="needs DYNAMODB_ENDPOINT"):
        choose_engine("endpoint", environ={})


def test_loopback_never_sees_the_users_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "mine")
    with serving({"/": NO_TABLES}) as stub:
        environ = without_ci(DYNAMODB_ENDPOINT=stub.url)
        with choose_engine("endpoint", environ=environ) as engine:
            client_of(engine).list_tables()
    assert any("Credential=dummy/" in line for line in stub.signed_by)
    assert not any("mine" in line for line in stub.signed_by)
    variables = engine.environment()
    assert variables["AWS_ACCESS_KEY_ID"] == "dummy"
    assert variables["AWS_SESSION_TOKEN"] is None
    assert variables["DYNAMODB_ENDPOINT"] == stub.url


# ---------------------------------------------------------------------------------------- moto


def test_moto_keeps_to_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", raising=False)
    with choose_engine("moto", environ=NOBODY) as engine:
        put_and_get(engine, "items")
    assert engine.endpoint_url is None
    assert engine.describe() == {"kind": "moto", "version": MOTO_VERSION}
    assert engine.environment()["DYNAMODB_ENDPOINT"] is None
    assert "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" not in os.environ


def test_moto_starts_empty_each_time() -> None:
    for _ in range(2):
        with choose_engine("moto", environ=NOBODY) as engine:
            client = client_of(engine)
            assert client.list_tables()["TableNames"] == []
            make_table(client, "one")


def test_threads_take_turns_with_an_emulator_in_this_process(tmp_path: Path) -> None:
    """moto's dictionaries change under whoever iterates over them; a client's calls must not overlap."""
    with choose_engine("moto", environ=NOBODY) as engine:
        tables = Tables(engine)
        inside: list[int] = []
        most: list[int] = []

        def watch(**_: object) -> None:
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.001)  # long enough for another to come in

        def leave(**_: object) -> None:
            inside.pop()

        events = tables._client.meta.events
        events.register("before-send.dynamodb.*", watch)
        events.register("after-call.dynamodb.*", leave)
        stores = [tables.partitions(tmp_path) for _ in range(4)]
        with ThreadPoolExecutor(len(stores)) as pool:
            for found in pool.map(lambda store: [store.query("p") for _ in range(5)], stores):
                assert found == [[]] * 5
        assert len(most) >= 20
        assert max(most) == 1
        tables.drop(tmp_path)


def test_an_emulator_keeps_no_copies_of_its_tables(tmp_path: Path) -> None:
    """A copy for each transaction, kept for ever, took gigabytes in a run."""
    from moto.dynamodb.models.table import Table

    with choose_engine("moto", environ=NOBODY) as engine:
        tables = Tables(engine)
        store = tables.partitions(tmp_path)
        for number in range(5):
            store.commit([Put({"pk": "p", "sk": str(number)})], token=f"t-{number}")
        assert len(store.query("p")) == 5
        tables.drop(tmp_path)
        gc.collect()
        assert sum(isinstance(one, Table) for one in gc.get_objects()) <= 1
