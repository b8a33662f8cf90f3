"""docker-compose.yml and the engine `compose`: what it says, what it asks of Docker, and its way back.

There is no Docker in these tests. The file is read as YAML and by Compose 1.29 where that is there; its
health check is run, as it stands, against the real server; and Docker is a script that writes down what
it was asked, in front of the real server or of one that never answers.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.targets.engines import compose
from conformance.targets.engines.choose import Engine, choose_engine
from conformance.targets.engines.compose import (
    DEFAULT_PORT,
    DEFAULT_VOLUME,
    OWN_PREFIX,
    SERVICE,
    Compose,
    ComposeEngine,
    compose_file,
    find_compose,
    port_of,
    wait_until_ready,
)
from conformance.targets.engines.dynamodb_local import cache_folder, find_java, jars_folder, version
from conformance.targets.engines.errors import EngineUnavailable, EngineUsage
from conformance.targets.engines.local_server import LocalServer, free_port
from reference_impl.partitions.dynamodb.errors import Where
from tests.fake_docker import FakeDocker

ROOT = Path(__file__).parent.parent
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVER: dict[str, Any] = FILE["services"][SERVICE]
OWNER: dict[str, Any] = FILE["services"]["volume-owner"]


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    return FakeDocker(tmp_path / "docker")


# ------------------------------------------------------------------------------------ the file


def test_the_image_is_the_version_that_pom_xml_names() -> None:
    images = {service["image"] for service in FILE["services"].values()}
    assert images == {f"amazon/dynamodb-local:{version()}"}


def test_what_the_store_says_starts_the_same_on_loopback() -> None:
    image = f"amazon/dynamodb-local:{version()}"
    said = Where("t", "here", local=True).does_not_answer("x").message
    assert f"docker run -p 127.0.0.1:{DEFAULT_PORT}:8000 {image}," in said
    assert "just up" in said
    assert "docker run" not in Where("t", "here", local=False).does_not_answer("x").message


def test_both_generations_of_compose_read_the_file() -> None:
    # `name` is new in Compose 2; `version` is what it warns of, and 1.29 does without.
    assert set(FILE) == {"services", "volumes"}


def test_the_port_is_open_on_loopback_only() -> None:
    assert SERVER["ports"] == [f"127.0.0.1:${{DYNAMODB_PORT:-{DEFAULT_PORT}}}:8000"]
    assert "ports" not in OWNER
    assert OWNER["network_mode"] == "none"


def test_only_the_step_that_gives_the_volume_away_is_root() -> None:
    assert OWNER["user"] == "root"
    assert "user" not in SERVER
    assert OWNER["entrypoint"][:3] == ["chown", "-R", "dynamodblocal"]
    assert SERVER["depends_on"] == {"volume-owner": {"condition": "service_completed_successfully"}}


def test_the_data_lies_in_the_volume() -> None:
    folder = SERVER["command"][SERVER["command"].index("-dbPath") + 1]
    assert SERVER["volumes"] == OWNER["volumes"] == [f"dynamodb-data:{folder}"]
    assert OWNER["entrypoint"][-1] == folder
    name = FILE["volumes"]["dynamodb-data"]["name"]
    assert name == f"${{DYNAMODB_VOLUME:-{DEFAULT_VOLUME}}}"
    assert "-inMemory" not in SERVER["command"]


def test_the_health_check_waits_longer_than_its_own_command() -> None:
    seconds = re.search(r"read -r -t (\d+)", SERVER["healthcheck"]["test"][-1])
    assert seconds
    assert int(seconds[1]) < int(SERVER["healthcheck"]["timeout"].removesuffix("s"))


def test_compose_1_29_reads_the_file() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("needs docker-compose, whose `config` asks no Docker: it is not installed")
    environ = {**os.environ, "DYNAMODB_PORT": "8123", "DYNAMODB_VOLUME": "mine"}
    done = subprocess.run(
        [program, "--file", str(compose_file()), "config"],
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        timeout=60,
    )
    read = yaml.safe_load(done.stdout)
    server = read["services"][SERVICE]
    assert server["image"] == SERVER["image"]
    assert "8123" in str(server["ports"])
    assert "127.0.0.1" in str(server["ports"])
    assert read["volumes"]["dynamodb-data"]["name"] == "mine"
    assert server["healthcheck"]["test"][-1].count("$$status") == 1


# ---------------------------------------------------------------------------- the health check


def health(port: int) -> subprocess.CompletedProcess[bytes]:
    """Run the file's own command as a container would, on another port, with Bash and nothing else."""
    kind, program, *arguments = SERVER["healthcheck"]["test"]
    assert (kind, program, arguments[0]) == ("CMD", "bash", "-c")
    script = arguments[1].replace("$$", "$")
    assert script.count("127.0.0.1/8000 ") == 1
    bash = shutil.which("bash")
    assert bash
    return subprocess.run(
        [bash, "-c", script.replace("127.0.0.1/8000 ", f"127.0.0.1/{port} ")],
        env={"PATH": os.devnull},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )


@pytest.mark.integration
def test_the_health_check_passes_on_a_running_server(dynamodb_local: Engine) -> None:
    assert dynamodb_local.endpoint_url
    port = int(dynamodb_local.endpoint_url.rpartition(":")[2])
    done = health(port)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.integration
def test_the_health_check_fails_once_the_server_has_stopped(dynamodb_local: Engine) -> None:
    jars = jars_folder(cache_folder())
    with LocalServer(find_java(os.environ), jars, os.environ) as server:
        port = int(server.url.rpartition(":")[2])
        assert health(port).returncode == 0
    assert health(port).returncode != 0


@pytest.mark.integration
def test_the_source_documents_own_check_would_never_pass(dynamodb_local: Engine) -> None:
    """Why this one asks for tables: the server answers its root with 400, and has no shell."""
    address = (dynamodb_local.endpoint_url or "").removeprefix("http://")
    for path in ("/", "/shell/"):
        connection = http.client.HTTPConnection(address, timeout=20)
        connection.request("GET", path)
        assert connection.getresponse().status in (400, 404)
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Server Error\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
)
def test_the_health_check_fails_on_any_other_answer(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert health(port).returncode != 0
        thread.join(20)


def test_the_health_check_ends_where_the_database_cannot_be_written() -> None:
    """DynamoDB Local then takes every request and answers none; only a listener is needed for that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert health(listener.getsockname()[1]).returncode != 0


# ------------------------------------------------------------------------------ what is missing


def test_no_docker_at_all_is_said() -> None:
    with pytest.raises(EngineUnavailable, match="Docker is missing: neither `docker`") as missing:
        choose_engine("compose", environ={"PATH": os.devnull})
    assert missing.value.exit_code == 2
    assert "without Docker the engine `local`" in str(missing.value)


def test_a_docker_without_daemon_is_said_in_its_own_words(docker: FakeDocker) -> None:
    docker.does("version", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(
        EngineUnavailable, match="Docker is missing: its daemon does not"
    ) as missing:
        choose_engine("compose", environ=docker.environ)
    assert "(Cannot connect to the Docker daemon)" in str(missing.value)
    assert "Compose is not installed" not in str(missing.value)


def test_a_docker_without_compose_is_said(docker: FakeDocker) -> None:
    docker.does("compose", "echo 'unknown command: docker compose' >&2; exit 1")
    with pytest.raises(EngineUnavailable, match="Compose is not installed"):
        choose_engine("compose", environ=docker.environ)


def test_compose_2_comes_first_and_1_29_will_do(docker: FakeDocker) -> None:
    assert [Path(part).name for part in find_compose(docker.environ)] == ["docker", "compose"]
    docker.add_standalone()
    assert [Path(part).name for part in find_compose(docker.environ)] == ["docker", "compose"]
    docker.does("compose", "exit 1")
    assert [Path(part).name for part in find_compose(docker.environ)] == ["docker-compose"]


def test_it_is_never_taken_unasked(docker: FakeDocker) -> None:
    assert (
        choose_engine(None, environ={**docker.environ, "DYNAMODB_ENDPOINT": ""}).name != "compose"
    )


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "８０", " 80"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(EngineUsage, match="DYNAMODB_PORT") as refused:
        port_of({"DYNAMODB_PORT": port})
    assert refused.value.exit_code == 3


def test_the_usual_port() -> None:
    assert port_of({}) == port_of({"DYNAMODB_PORT": ""}) == DEFAULT_PORT
    assert port_of({"DYNAMODB_PORT": "8001"}) == 8001


# ----------------------------------------------------------------------------------- the engine


@pytest.mark.integration
def test_a_run_uses_and_removes_a_project_of_its_own(
    docker: FakeDocker, dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int((dynamodb_local.endpoint_url or "").rpartition(":")[2])
    monkeypatch.setattr(compose, "free_port", lambda: port)
    environ = {**docker.environ, "DYNAMODB_VOLUME": "precious", "DYNAMODB_PORT": "1"}
    engine = choose_engine("compose", require_real=True, environ=environ)
    assert isinstance(engine, ComposeEngine)
    assert engine.announcement == "engine `compose`: dynamodb-local 3.0.0 (asked for)"
    assert docker.calls("up") == []
    with engine:
        assert engine.endpoint_url == dynamodb_local.endpoint_url
        (start,) = docker.calls("up")
        assert docker.calls("down") == []
    (stop,) = docker.calls("down")
    own = start.project
    assert re.fullmatch(rf"{OWN_PREFIX}[0-9a-f]{{8}}", own)
    assert (stop.project, stop.volume, start.volume) == (own, own, own)
    assert start.arguments == ["up", "--detach", "dynamodb"]
    assert stop.arguments == ["down", "--volumes"]
    assert start.port == str(port)
    assert {Path(call.file) for call in (start, stop)} == {ROOT / "docker-compose.yml"}
    assert not any("precious" in line for line in docker.log() if "up" in line or "down" in line)


def test_two_runs_never_share_a_project(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "wait_until_ready", lambda running: None)
    for _ in range(2):
        with choose_engine("compose", environ=docker.environ):
            pass
    first, second = docker.calls("up")
    assert first.project != second.project
    assert first.port != second.port


def test_half_a_start_is_taken_back(docker: FakeDocker) -> None:
    docker.does("up", "echo 'port is already allocated' >&2; exit 17")
    engine = choose_engine("compose", environ=docker.environ)
    with pytest.raises(
        EngineUnavailable, match=r"up --detach dynamodb` failed \(exit 17\)"
    ) as failed:
        engine.__enter__()
    assert "port is already allocated" in str(failed.value)
    assert [call.project for call in docker.calls("down")] == [docker.calls("up")[0].project]


def test_a_server_that_never_answers_is_quoted_and_stopped(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        compose, "wait_until_ready", lambda running: wait_until_ready(running, within_s=0.3)
    )
    docker.does("logs", "echo 'unable to open database file'")
    engine = choose_engine("compose", environ=docker.environ)
    with pytest.raises(EngineUnavailable, match=r"not ready after 0 s(?s:.)*open database file"):
        engine.__enter__()
    assert len(docker.calls("down")) == 1


def test_what_cannot_be_removed_is_named(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compose, "wait_until_ready", lambda running: None)
    docker.does("down", "echo 'volume is in use' >&2; exit 1")
    with choose_engine("compose", environ=docker.environ):
        project = docker.calls("up")[0].project
    said = capsys.readouterr().err
    assert f"the Compose project {project} could not be removed" in said
    assert "volume is in use" in said


def test_the_engines_announcement_names_no_fallback(docker: FakeDocker) -> None:
    docker.does("version", "exit 1")
    with pytest.raises(EngineUnavailable):
        choose_engine("compose", environ={**os.environ, **docker.environ, "CI": "1"})


def test_a_stopped_port_is_no_server() -> None:
    stopped = Compose(("false",), {}, free_port(), "v")
    with pytest.raises(EngineUnavailable, match="not ready"):
        wait_until_ready(stopped, within_s=0.2)
