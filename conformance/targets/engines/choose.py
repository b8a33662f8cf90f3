"""The engines that target `dynamodb` runs on: `local`, `compose`, `endpoint`, `aws`, `moto`.

`choose_engine` takes one and says why; the engine it gives is a context manager, running between
entering and leaving. Nothing falls back in silence, and an emulator is never taken for an engine.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import click

from conformance.targets.engines import dynamodb_local
from conformance.targets.engines.aws import AwsEngine, check_prefix
from conformance.targets.engines.base import DEFAULT_REGION, Credentials, Engine
from conformance.targets.engines.compose import ComposeEngine
from conformance.targets.engines.detect import Found, NotDynamoDB, is_aws, is_loopback, probe
from conformance.targets.engines.errors import (
    HOW_TO_START,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    EngineUsage,
)
from conformance.targets.engines.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = [
    "ENGINES",
    "AwsEngine",
    "ComposeEngine",
    "Credentials",
    "EndpointEngine",
    "Engine",
    "EngineError",
    "EngineRefused",
    "EngineUnavailable",
    "EngineUsage",
    "LocalEngine",
    "MotoEngine",
    "choose_engine",
]

ENGINES = ("local", "compose", "endpoint", "aws", "moto")
_REGION_IN_HOST = re.compile(r"^(?:[^.]+\.)*dynamodb\.([a-z0-9-]+)\.")


class LocalEngine(Engine):
    """DynamoDB Local, in memory, started here on a port of its own (see `local_server`)."""

    name = "local"

    def __init__(
        self, environ: Mapping[str, str], *, say: Callable[[str], None] | None = None
    ) -> None:
        self._environ = environ
        self._say = say or _say
        self._server: LocalServer | None = None
        self._running = contextlib.ExitStack()

    @property
    def endpoint_url(self) -> str:
        return self._started().url

    @property
    def jvm_pid(self) -> int:
        """Process id of the running JVM."""
        return self._started().jvm_pid

    @property
    def emulator(self) -> bool:
        return False

    def describe(self) -> dict[str, str]:
        return {"kind": "dynamodb-local", "version": dynamodb_local.version()}

    def __enter__(self) -> Self:
        cache = dynamodb_local.cache_folder()
        java = dynamodb_local.find_java(self._environ)
        # Held until the server answers: no other run can then be given the port that this one
        # has picked and not yet opened, and take this server for its own.
        with dynamodb_local.locked(cache, self._say):
            jars = dynamodb_local.install(cache, self._environ, self._say)
            self._server = self._running.enter_context(LocalServer(java, jars, self._environ))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server = None
        self._running.close()

    def _started(self) -> LocalServer:
        assert self._server is not None, "the engine is not running: enter it first"
        return self._server


class EndpointEngine(Engine):
    """Whatever answers at DYNAMODB_ENDPOINT; asked once, when this is made.

    Raises `EngineUsage` for an address that is none, or a remote one without leave, and
    `EngineUnavailable` where no DynamoDB answers.
    """

    name = "endpoint"

    def __init__(self, url: str, environ: Mapping[str, str], *, allow_remote: bool) -> None:
        _check_address(url)
        if not (allow_remote or is_loopback(url)):
            raise EngineUsage(
                f"DYNAMODB_ENDPOINT={url} is not on this machine; the suite makes and deletes "
                f"tables there, which costs time and money: add --allow-remote if that is meant"
            )
        self._url = url
        if is_aws(url):
            self.credentials = None
            self.region = _aws_region(url, environ)
        try:
            self._found: Found = probe(url)
        except NotDynamoDB as error:
            raise EngineUnavailable(f"DYNAMODB_ENDPOINT: {error}. {HOW_TO_START}") from error

    @property
    def endpoint_url(self) -> str:
        return self._url

    @property
    def emulator(self) -> bool:
        return self._found.emulator

    def describe(self) -> dict[str, str]:
        return {"kind": self._found.kind, "version": self._found.version}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing was started, so nothing is stopped."""


class MotoEngine(Engine):
    """moto, in this process: an emulator. Enter it before a boto3 client is made."""

    name = "moto"

    def __init__(self) -> None:
        if importlib.util.find_spec("moto") is None:
            raise EngineUnavailable(
                "moto is not installed: `pip install 'dialogue-store-conformance[emulator]'`"
            )
        self._running = contextlib.ExitStack()

    @property
    def endpoint_url(self) -> None:
        return None

    @property
    def emulator(self) -> bool:
        return True

    def describe(self) -> dict[str, str]:
        return {"kind": "moto", "version": importlib.metadata.version("moto")}

    def __enter__(self) -> Self:
        from moto import mock_aws

        with contextlib.ExitStack() as running:
            # An AWS_ENDPOINT_URL in the environment would lead clients past moto.
            running.enter_context(_variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"))
            running.enter_context(mock_aws())
            self._running = running.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()


def choose_engine(
    name: str | None,
    *,
    allow_remote: bool = False,
    require_real: bool = False,
    table_prefix: str = "",
    environ: Mapping[str, str] = os.environ,
) -> Engine:
    """The engine of that name; without one: `endpoint` if DYNAMODB_ENDPOINT is set, else
    `local` where Java and Maven (or a filled cache) are there, else `moto`. `compose` and `aws`
    are only ever taken by name.

    Nothing is started yet. The names of the suite's tables will begin with `table_prefix`. With
    `require_real`, or CI in the environment, an emulator is refused here, before anything is run.
    Raises `EngineUsage`, `EngineUnavailable`, `EngineRefused`.
    """
    if name is not None and name not in ENGINES:
        raise EngineUsage(f"no engine is called {name!r}; there are: {', '.join(ENGINES)}")
    check_prefix(table_prefix)
    url = environ.get("DYNAMODB_ENDPOINT")
    if name == "aws":
        why = "asked for"
        engine: Engine = AwsEngine(environ, allow_remote=allow_remote, table_prefix=table_prefix)
    elif name == "endpoint" or (name is None and url):
        why = "asked for" if name else "DYNAMODB_ENDPOINT is set"
        engine = _endpoint(url, environ, allow_remote=allow_remote)
    else:
        engine, why = _here(name, environ)
    _refuse_emulator(engine, why, environ, require_real=require_real)
    engine.table_prefix = table_prefix
    engine.announcement = _announce(engine, why)
    return engine


def _endpoint(url: str | None, environ: Mapping[str, str], *, allow_remote: bool) -> Engine:
    if not url:
        raise EngineUsage(f"engine `endpoint` needs DYNAMODB_ENDPOINT. {HOW_TO_START}")
    return EndpointEngine(url, environ, allow_remote=allow_remote)


def _here(name: str | None, environ: Mapping[str, str]) -> tuple[Engine, str]:
    """An engine on this machine, and why this one."""
    if name == "moto":
        return MotoEngine(), "asked for"
    if name == "compose":
        return ComposeEngine(environ, say=_say), "asked for"
    obstacle = dynamodb_local.obstacle(environ)
    if obstacle is None:
        return LocalEngine(environ), "asked for" if name else "Java is here"
    if name == "local":
        raise EngineUnavailable(f"engine `local`: {obstacle}")
    try:
        return MotoEngine(), f"no real engine can be had here: {obstacle}"
    except EngineUnavailable as error:
        raise EngineUnavailable(f"{obstacle}; and {error}. {HOW_TO_START}") from error


def _refuse_emulator(
    engine: Engine, why: str, environ: Mapping[str, str], *, require_real: bool
) -> None:
    unknown = engine.describe()["kind"] == "unrecognised"
    if not (engine.emulator or unknown) or not (require_real or environ.get("CI")):
        return
    by = "--require-engine real" if require_real else "CI is set, which means a real engine"
    if unknown:
        raise EngineRefused(
            f"{by}; what answers here is no engine that is known to be one ({why}). {HOW_TO_START}"
        )
    raise EngineRefused(f"{by}; this is an emulator, {_label(engine)} ({why}). {HOW_TO_START}")


def _announce(engine: Engine, why: str) -> str:
    at = ""
    if isinstance(engine, EndpointEngine):
        at = f" at {engine.endpoint_url}"
    elif isinstance(engine, AwsEngine):
        at = f" in {engine.region}, tables {engine.table_prefix}…"
    line = f"engine `{engine.name}`: {_label(engine)}{at} ({why})"
    if engine.emulator:
        line += ". An EMULATOR: the verdict can only be `emulated`, never `conformant`"
    return line


def _label(engine: Engine) -> str:
    return " ".join(engine.describe().values())


def _check_address(url: str) -> None:
    wrong = EngineUsage(
        "DYNAMODB_ENDPOINT must be an address like http://127.0.0.1:8000, without user, query "
        "or fragment"
    )
    try:
        parts = urlsplit(url)
        valid = parts.port is None or parts.port > 0
    except ValueError as error:
        raise wrong from error
    if not valid or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong


def _aws_region(url: str, environ: Mapping[str, str]) -> str:
    in_host = _REGION_IN_HOST.match(urlsplit(url).hostname or "")
    if in_host:
        return in_host[1]
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _say(line: str) -> None:
    click.echo(line, err=True)
