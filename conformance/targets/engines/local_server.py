"""One DynamoDB Local, in memory, for the length of a `with`.

The JVM runs under `watchdog.py`, in a session and a scratch folder of its own: Ctrl-C at the
terminal reaches the suite and not the engine, so that a test's clean-up still finds it; and
whichever way the suite ends, SIGKILL included, the engine ends too. DynamoDB Local has no option
to listen on loopback only: it listens on every interface, on a random port, with test data only.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import tenacity

from conformance.targets.engines import dynamodb_local, watchdog
from conformance.targets.engines.detect import NotDynamoDB, probe
from conformance.targets.engines.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

MAIN_CLASS = "software.amazon.dynamodb.services.local.main.ServerRunner"
# Holds 16 writers with items of 400 KiB in transactions of 4 MB; items themselves live outside it.
HEAP = "512m"

_READY_WITHIN_S = 60.0
_ASK_EVERY_S = 0.05
_STOP_WITHIN_S = 15.0
_PORTS_TRIED = 5
_PORT_TAKEN = "Address already in use"
# It prints a stack trace for every refused condition, which is most of what the suite provokes.
_QUIET = '<Configuration status="OFF"><Loggers><Root level="OFF"/></Loggers></Configuration>\n'


class _EndedEarly(Exception):
    """The process is gone before it answered."""


class LocalServer:
    """Starts on entering and stops on leaving; `url` and `jvm_pid` are of the running server.

    Raises `EngineUnavailable` when it does not answer within a minute, or ends before, with the
    end of its output.
    """

    def __init__(
        self,
        java: str,
        jars: Path,
        environ: Mapping[str, str],
        *,
        heap: str = HEAP,
        pick_port: Callable[[], int] | None = None,
    ) -> None:
        self._java = java
        self._jars = jars
        # What is AWS's stays away from the engine, as it needs none of it.
        self._environ = {k: v for k, v in environ.items() if not k.startswith("AWS_")}
        self._heap = heap
        self._pick_port = pick_port or free_port
        self._cleanup = contextlib.ExitStack()
        self.url = ""
        self.jvm_pid = 0

    def __enter__(self) -> Self:
        for _ in range(_PORTS_TRIED):
            output = self._start(self._pick_port())
            if output is None:
                return self
            if _PORT_TAKEN not in output:
                raise EngineUnavailable(
                    f"DynamoDB Local ended before it answered; its last words:\n"
                    f"{dynamodb_local.tail(output)}"
                )
        raise EngineUnavailable(
            f"DynamoDB Local found its port taken {_PORTS_TRIED} times in a row; try again"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _start(self, port: int) -> str | None:
        """None once it answers; its output where it ended instead."""
        with contextlib.ExitStack() as cleanup:
            scratch = cleanup.enter_context(
                tempfile.TemporaryDirectory(prefix="dynamodb-local-", ignore_cleanup_errors=True)
            )
            workdir = Path(scratch)
            if os.statvfs(workdir).f_flag & getattr(os, "ST_NOEXEC", 0):  # Linux tells
                raise EngineUnavailable(
                    "DynamoDB Local loads a library from the folder for temporary files, and "
                    f"{workdir.parent} is mounted noexec: name another folder in TMPDIR"
                )
            (workdir / "log4j2.xml").write_text(_QUIET, encoding="ascii")
            watcher = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", watchdog.__file__),
                    *(str(workdir), *self._command(workdir, port)),
                ],
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            cleanup.callback(_stop, watcher)
            self.jvm_pid = _read_pid(watcher)
            self.url = f"http://127.0.0.1:{port}"
            try:
                _wait_until_ready(watcher, self.url)
            except _EndedEarly:
                return _output(workdir)
            except NotDynamoDB as error:
                raise EngineUnavailable(
                    f"DynamoDB Local does not answer after {_READY_WITHIN_S:.0f} s: {error}; its "
                    f"last words:\n{dynamodb_local.tail(_output(workdir))}"
                ) from error
            self._cleanup = cleanup.pop_all()
        return None

    def _command(self, workdir: Path, port: int) -> Sequence[str]:
        return (
            *(self._java, f"-Xmx{self._heap}", "-XX:-UsePerfData"),
            # Its native library, settings and logs stay in the scratch folder.
            *(f"-Djava.io.tmpdir={workdir}", f"-Duser.home={workdir}"),
            f"-Dlog4j2.configurationFile={workdir / 'log4j2.xml'}",
            *("-cp", f"{self._jars}{os.sep}*", MAIN_CLASS),
            *("-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)),
        )


def free_port() -> int:
    """A port that nobody listens on now, on any interface; somebody else may yet take it."""
    dual = socket.has_dualstack_ipv6()
    with socket.create_server(
        ("", 0), family=socket.AF_INET6 if dual else socket.AF_INET, dualstack_ipv6=dual
    ) as server:
        port: int = server.getsockname()[1]
    return port


def _wait_until_ready(watcher: subprocess.Popen[bytes], url: str) -> None:
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(NotDynamoDB),
        stop=tenacity.stop_after_delay(_READY_WITHIN_S),
        wait=tenacity.wait_fixed(_ASK_EVERY_S),
        reraise=True,
    ):
        with attempt:
            if watcher.poll() is not None:
                raise _EndedEarly
            probe(url)


def _read_pid(watcher: subprocess.Popen[bytes]) -> int:
    """The engine's process id, the watchdog's first line; 0 where there was nothing to start."""
    assert watcher.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(watcher.stdout, selectors.EVENT_READ)
        if not selector.select(_STOP_WITHIN_S):
            raise EngineUnavailable("the process that watches over DynamoDB Local does not start")
    return int(watcher.stdout.readline().strip() or 0)


def _stop(watcher: subprocess.Popen[bytes]) -> None:
    """End the watchdog, which ends the engine; by force after a while. Bounded."""
    assert watcher.stdin is not None
    assert watcher.stdout is not None
    try:
        # Closed or signalled: either is enough, and the pipe may have been inherited by a fork.
        watcher.stdin.close()
        if watcher.poll() is None:
            watcher.terminate()
        watcher.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        # It leads a process group of its own, and is alive: this ends the two and nobody else.
        os.killpg(watcher.pid, signal.SIGKILL)
        watcher.wait()
    finally:
        watcher.stdout.close()
    if watcher.returncode < 0:
        # Somebody killed the watchdog itself; its group is then the engine, if anything.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(watcher.pid, signal.SIGKILL)


def _output(workdir: Path) -> str:
    try:
        return (workdir / watchdog.OUTPUT).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
