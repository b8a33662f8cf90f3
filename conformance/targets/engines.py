"""The engines that target `dynamodb` runs on: `local`, `endpoint`, `moto`.

`choose_engine` takes one and says why; the engine it gives is a context manager, running between
entering and leaving. Nothing falls back in silence, and an emulator is never taken for an engine.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlsplit

import click

from conformance.targets import dynamodb_local
from conformance.targets.engine_errors import (
    HOW_TO_START,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    EngineUsage,
)
from conformance.targets.local_server import LocalServer
from conformance.targets.probe import Found, NotDynamoDB, is_aws, is_loopback, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = [
    "ENGINES",
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

ENGINES = ("local", "endpoint", "moto")
DEFAULT_REGION = "us-east-1"
_REGION_IN_HOST = re.compile(r"^(?:[^.]+\.)*dynamodb\.([a-z0-9-]+)\.")


@dataclass(frozen=True)
class Credentials:
    """What requests to an engine are signed with."""

    access_key: str
    secret_key: str = field(repr=False)


# Published, and worth nothing: DynamoDB Local and moto ask for a name and check no signature.
# (The name may hold letters and digits only.)
DUMMY_CREDENTIALS = Credentials("dummy", "dummy")


class Engine(ABC):
    """A DynamoDB to run against. Use it as a context manager, once.

    `endpoint_url` (None: boto3's own choice, which moto intercepts) is known after entering;
    `credentials` is None where the user's own apply, which is AWS only. `announcement` says in
    one line which engine it is and why this one.
    """

    name: ClassVar[str]
    region: str = DEFAULT_REGION
    credentials: Credentials | None = DUMMY_CREDENTIALS
    announcement: str = ""

    @property
    @abstractmethod
    def endpoint_url(self) -> str | None:
        """Where boto3 must send requests, such as `http://127.0.0.1:41234`."""

    @property
    @abstractmethod
    def emulator(self) -> bool:
        """Whether this only imitates DynamoDB: no verdict on it is ever `conformant`."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """`{"kind": …, "version": …}`, as report.json wants it."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def client_kwargs(self) -> dict[str, str]:
        """Keyword arguments for `boto3.client("dynamodb", …)` that reach this engine only."""
        kwargs = {"region_name": self.region}
        if self.endpoint_url is not None:
            kwargs["endpoint_url"] = self.endpoint_url
        if self.credentials is not None:
            kwargs["aws_access_key_id"] = self.credentials.access_key
            kwargs["aws_secret_access_key"] = self.credentials.secret_key
        return kwargs

    def environment(self) -> dict[str, str | None]:
        """The same for another process, or for a store made from a configuration.

        Environment variables to set; None: to remove.
        """
        variables: dict[str, str | None] = {
            "DYNAMODB_ENDPOINT": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        if self.credentials is not None:
            variables |= {
                "AWS_ACCESS_KEY_ID": self.credentials.access_key,
                "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
                "AWS_SESSION_TOKEN": None,
                "AWS_PROFILE": None,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            }
        return variables


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
    environ: Mapping[str, str] = os.environ,
) -> Engine:
    """The engine of that name; without one: `endpoint` if DYNAMODB_ENDPOINT is set, else
    `local` where Java and Maven (or a filled cache) are there, else `moto`.

    Nothing is started yet. With `require_real`, or CI in the environment, an emulator is refused
    here, before anything is run. Raises `EngineUsage`, `EngineUnavailable`, `EngineRefused`.
    """
    if name is not None and name not in ENGINES:
        raise EngineUsage(f"no engine is called {name!r}; there are: {', '.join(ENGINES)}")
    url = environ.get("DYNAMODB_ENDPOINT")
    if name == "endpoint" or (name is None and url):
        why = "asked for" if name else "DYNAMODB_ENDPOINT is set"
        engine = _endpoint(url, environ, allow_remote=allow_remote)
    else:
        engine, why = _here(name, environ)
    _refuse_emulator(engine, why, environ, require_real=require_real)
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
    if not engine.emulator or not (require_real or environ.get("CI")):
        return
    by = "--require-engine real" if require_real else "CI is set, which means a real engine"
    raise EngineRefused(f"{by}; this is an emulator, {_label(engine)} ({why}). {HOW_TO_START}")


def _announce(engine: Engine, why: str) -> str:
    at = f" at {engine.endpoint_url}" if isinstance(engine, EndpointEngine) else ""
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
