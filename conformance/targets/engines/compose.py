"""DynamoDB Local in a container, run by Compose from the project's docker-compose.yml.

`Compose` is the one place that runs Docker: Compose 2 (`docker compose`) or 1.29 (`docker-compose`),
and neither is asked for more than both can do. `--wait` is not among it: Compose 2 takes the step
that gives the volume to the server's user, which ends when it is done, for a failure. Whether the
server is ready is asked of the server.

The engine `compose` runs a project of its own, with a port and a volume of its own, and removes just
those. What somebody started with `just up` or `docker compose up` goes on beside it untouched.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import tenacity

from conformance.targets.engines import dynamodb_local
from conformance.targets.engines.base import Engine
from conformance.targets.engines.detect import NotDynamoDB, probe
from conformance.targets.engines.errors import EngineUnavailable, EngineUsage
from conformance.targets.engines.local_server import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = [
    "DEFAULT_PORT",
    "DEFAULT_VOLUME",
    "SERVICE",
    "Compose",
    "ComposeEngine",
    "compose_file",
    "find_compose",
    "is_installed",
    "port_of",
    "wait_until_ready",
]

#: What docker-compose.yml says where the environment says nothing.
DEFAULT_PORT = 8000
DEFAULT_VOLUME = "dialogue-store-dynamodb"
#: The service that is the server.
SERVICE = "dynamodb"
#: Begins the names of projects and volumes that the engine makes, and nobody else's.
OWN_PREFIX = "dsconf-"

HOW_TO_GET_DOCKER = (
    "Install Docker with Compose 1.29 or later (Docker Desktop, or Docker Engine and its Compose "
    "plugin) and start it, until `docker info` answers; without Docker the engine `local` runs the "
    "same DynamoDB Local on Java"
)

READY_WITHIN_S = 60.0
_ASK_EVERY_S = 0.2
_ANSWER_TIMEOUT_S = 30
_PULL_TIMEOUT_S = 900
_STOP_TIMEOUT_S = 60

_HERE = Path(__file__).parent
_LARGEST_PORT = 65535


def compose_file() -> Path:
    """The project's docker-compose.yml: at the root of a checkout, beside this file in a wheel."""
    shipped = _HERE / "docker-compose.yml"
    return shipped if shipped.is_file() else _HERE.parent.parent.parent / "docker-compose.yml"


def find_compose(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command that is Compose here, with a Docker that answers.

    Raises `EngineUnavailable`, which says in one sentence each what is missing and what to do.
    """
    docker, standalone = _which("docker", environ), _which("docker-compose", environ)
    if not docker and not standalone:
        raise _missing("neither `docker` nor `docker-compose` is there")
    compose: tuple[str, ...] | None = None
    if docker and _answers((docker, "compose", "version"), environ) is None:
        compose = (docker, "compose")
    elif standalone and _answers((standalone, "version"), environ) is None:
        compose = (standalone,)
    problems = []
    asked: tuple[str, ...] = (standalone or "", "--file", str(compose_file()), "ps", "--quiet")
    if docker:
        asked = (docker, "version", "--format", "{{.Server.Version}}")
    words = _answers(asked, environ)
    if words is not None:
        problems.append(f"its daemon does not answer ({words})")
    if compose is None:
        problems.append("Compose is not installed (`docker compose` or `docker-compose`)")
    if problems or compose is None:
        raise _missing("; and ".join(problems))
    return compose


def is_installed(environ: Mapping[str, str]) -> bool:
    """Whether some Docker is on this machine, whether or not it answers."""
    return any(_which(name, environ) for name in ("docker", "docker-compose"))


def port_of(environ: Mapping[str, str]) -> int:
    """The port that DYNAMODB_PORT names, else the usual one; `EngineUsage` for what is none."""
    text = environ.get("DYNAMODB_PORT") or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_PORT):
        raise EngineUsage(f"DYNAMODB_PORT must be a port number, 1 to {_LARGEST_PORT}")
    return int(text)


@dataclass(frozen=True)
class Compose:
    """One Compose project of docker-compose.yml. Every method waits for Compose, bounded.

    `project` None: the name that Compose itself takes, from the checkout's folder. With `visible`
    its output goes to the terminal as it comes. Raises `EngineUnavailable` where it fails, with the
    end of its output.
    """

    command: tuple[str, ...]
    environ: Mapping[str, str]
    port: int
    volume: str
    project: str | None = None
    visible: bool = False

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"http://127.0.0.1:{self.port}"

    def pull(self) -> None:
        """Fetch the image."""
        self._run("pull", timeout_s=_PULL_TIMEOUT_S)

    def up(self) -> None:
        """Start the server, or leave a running one alone; it may not answer yet."""
        self._run("up", "--detach", SERVICE, timeout_s=_PULL_TIMEOUT_S)

    def down(self, *, remove_volume: bool) -> None:
        """Stop the project's containers and remove them; the data only with `remove_volume`."""
        more = ("--volumes",) if remove_volume else ()
        self._run("down", *more, timeout_s=_STOP_TIMEOUT_S)

    def logs(self) -> str:
        """The end of what the server printed; empty where that cannot be had."""
        try:
            return replace(self, visible=False)._run(
                "logs", "--no-color", "--tail", "15", timeout_s=_ANSWER_TIMEOUT_S
            )
        except EngineUnavailable:
            return ""

    def _run(self, *arguments: str, timeout_s: float) -> str:
        project = ("--project-name", self.project) if self.project else ()
        command = [*self.command, "--file", str(compose_file()), *project, *arguments]
        shown = f"`{Path(command[0]).name} … {' '.join(arguments)}`"
        environ = {
            **self.environ,
            "DYNAMODB_PORT": str(self.port),
            "DYNAMODB_VOLUME": self.volume,
        }
        try:
            done = subprocess.run(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=None if self.visible else subprocess.PIPE,
                stderr=None if self.visible else subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineUnavailable(f"{shown} was not done after {timeout_s:.0f} s") from error
        except OSError as error:
            raise EngineUnavailable(f"{shown} cannot be run: {error}") from error
        if done.returncode:
            words = "" if self.visible else f"; its last words:\n{dynamodb_local.tail(done.stdout)}"
            raise EngineUnavailable(f"{shown} failed (exit {done.returncode}){words}")
        return done.stdout or ""


def wait_until_ready(compose: Compose, *, within_s: float = READY_WITHIN_S) -> None:
    """Until DynamoDB answers at the project's port; raises `EngineUnavailable` after `within_s`."""
    try:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotDynamoDB),
            stop=tenacity.stop_after_delay(within_s),
            wait=tenacity.wait_fixed(_ASK_EVERY_S),
            reraise=True,
        ):
            with attempt:
                probe(compose.url)
    except NotDynamoDB as error:
        raise EngineUnavailable(
            f"DynamoDB Local is not ready after {within_s:.0f} s: {error}; its last words:\n"
            f"{dynamodb_local.tail(compose.logs())}"
        ) from error


class ComposeEngine(Engine):
    """DynamoDB Local from its image, in a Compose project of this run's own.

    Raises `EngineUnavailable` at once where Docker cannot be used here.
    """

    name = "compose"

    def __init__(self, environ: Mapping[str, str], *, say: Callable[[str], None]) -> None:
        self._command = find_compose(environ)
        self._environ = environ
        self._say = say
        self._compose: Compose | None = None
        self._running = contextlib.ExitStack()

    @property
    def endpoint_url(self) -> str:
        assert self._compose is not None, "the engine is not running: enter it first"
        return self._compose.url

    @property
    def emulator(self) -> bool:
        return False

    def describe(self) -> dict[str, str]:
        return {"kind": "dynamodb-local", "version": dynamodb_local.version()}

    def __enter__(self) -> Self:
        own = f"{OWN_PREFIX}{secrets.token_hex(4)}"
        compose = Compose(self._command, self._environ, free_port(), own, project=own)
        self._say(
            f"starting DynamoDB Local {dynamodb_local.version()} in a container (Compose project "
            f"{own}); the first time Docker fetches its image …"
        )
        with contextlib.ExitStack() as running:
            # Before the start, as half a start has to be taken back as well.
            running.callback(self._stop, compose)
            compose.up()
            wait_until_ready(compose)
            self._running = running.pop_all()
        self._compose = compose
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._compose = None
        self._running.close()

    def _stop(self, compose: Compose) -> None:
        try:
            compose.down(remove_volume=True)
        except EngineUnavailable as error:
            # The verdict stands; what is left behind has to be said.
            self._say(f"the Compose project {compose.project} could not be removed: {error}")


def _missing(what: str) -> EngineUnavailable:
    return EngineUnavailable(f"Docker is missing: {what}. {HOW_TO_GET_DOCKER}")


def _answers(command: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """None where the command succeeds; else the last line that it printed."""
    try:
        done = subprocess.run(
            command,
            env={**environ, "DYNAMODB_PORT": "", "DYNAMODB_VOLUME": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_ANSWER_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing within {_ANSWER_TIMEOUT_S} s"
    except OSError as error:
        return str(error)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return (lines[-1] if lines else f"exit {done.returncode}") if done.returncode else None


def _which(name: str, environ: Mapping[str, str]) -> str | None:
    # An environment without PATH is one in which nothing is found, not one with a default.
    return shutil.which(name, path=environ.get("PATH") or os.devnull)
