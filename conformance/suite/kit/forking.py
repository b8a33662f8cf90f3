"""A child of this process, as a server that forks its workers makes them, and what it has to say."""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from conformance.targets.guard import NotApplicable, because
from reference_impl.contract.errors import DialogueStoreError

__all__ = ["Child", "can_be_read"]

#: Longer than any call may take (STORE-16), shorter than one case may.
_PATIENCE_S = 20.0
#: Characters of a child's stderr that a reason shows.
_LONGEST = 2000


def can_be_read(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read, or its end, within so many seconds. Any descriptor will do, where
    ``select`` takes none from 1,024 on: a backend may hold as many open as it likes."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(max(0.0, seconds)))


class Child:
    """A fork that does ``work(told)`` and ends; ``told()`` waits there until :meth:`tell` is called here.

    >>> with Child(lambda told: store.next_seq("d", 1, "claim")) as child:
    ...     child.answer()
    """

    def __init__(self, work: Callable[[Callable[[], None]], Any]) -> None:
        self._errors = tempfile.TemporaryFile(prefix="dsconf-")  # noqa: SIM115 - closed on exit
        self._answers, answer = os.pipe()
        go, self._go = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # that threads run beside is the point
            self._pid = os.fork()
        if not self._pid:
            _be_the_child(work, go, answer, self._errors.fileno())
        os.close(answer)
        os.close(go)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        """It is gone when this returns, whatever it was doing."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._answers)
        os.close(self._go)
        self._errors.close()

    def tell(self) -> None:
        """Let the child go on."""
        os.write(self._go, b"!")

    def answer(self) -> Any:
        """What the child's work gave, as JSON values; red where it raised, or gives no answer. A store that
        says by ``store_closed`` and ``data.cause`` = ``fork`` that it is of no use there loses nothing:
        :class:`NotApplicable`."""
        found, until = b"", time.monotonic() + _PATIENCE_S
        while can_be_read(self._answers, until - time.monotonic()):
            part = os.read(self._answers, 65_536)
            if not part:
                break
            found += part
        assert found, f"the child of a fork gave no answer within {_PATIENCE_S:g} s{self._said()}"
        told = json.loads(found)
        if "refused" in told:
            raise NotApplicable(f"the store is refused in the child of a fork: {told['refused']}")
        assert "raised" not in told, f"in the child of a fork: {told['raised']}{self._said()}"
        return told["made"]

    def _said(self) -> str:
        """What the child wrote to stderr, the end of it."""
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()
        return f"; its stderr: {said[-_LONGEST:]}" if said else ""


def _be_the_child(
    work: Callable[[Callable[[], None]], Any], go: int, answer: int, errors: int
) -> NoReturn:
    def told() -> None:
        assert can_be_read(go, _PATIENCE_S), "the parent never told to go on"
        os.read(go, 1)

    try:
        os.dup2(errors, 2)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="replace", closefd=False)
        try:
            said = {"made": work(told)}
        except DialogueStoreError as error:
            is_refusal = error.code == "store_closed" and error.data.get("cause") == "fork"
            said = {"refused" if is_refusal else "raised": because(error)}
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is to know
            said = {"raised": because(error)}
        os.write(answer, json.dumps(said).encode())
    finally:
        os._exit(0)  # nothing of the parent's is closed, flushed or reported here
