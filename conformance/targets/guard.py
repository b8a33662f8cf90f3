"""Calling what others wrote: it may hang, end the process, or raise what nobody expects."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

__all__ = ["alarm", "because", "blamed", "watched"]


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Fail what takes longer, from within: the exception passes every ``except Exception``."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: object) -> None:
        pytest.fail(f"no answer within {seconds:g} s: it hangs", pytrace=False)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def watched(
    running: Callable[[], tuple[str, float] | None],
    limit_s: float,
    on_stuck: Callable[[str], None] | None,
) -> Iterator[None]:
    """Look from another thread for work that the alarm does not reach: it is deep in foreign code.

    ``running`` gives the work's name and the monotonic time it began, or None. Once it has taken
    ``limit_s``, ``on_stuck`` is called with the name; None: nobody looks.
    """
    if on_stuck is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(min(1.0, limit_s / 4)):
            found = running()
            if found is not None and time.monotonic() - found[1] > limit_s:
                on_stuck(found[0])
                return

    thread = threading.Thread(target=watch, name="watch for what is stuck", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def blamed(what: str, kind: type[Exception]) -> Iterator[None]:
    """Whatever is raised within, ``SystemExit`` too, becomes a ``kind`` that says what failed and why.

    Only Ctrl-C stays what it is: a backend that calls ``sys.exit(0)`` must not end a run as a success.
    """
    try:
        yield
    except (KeyboardInterrupt, kind):
        raise
    except BaseException as error:
        raise kind(f"{what}: {because(error)}") from error


def because(error: BaseException) -> str:
    """What was raised, in words."""
    if isinstance(error, pytest.fail.Exception):  # the alarm: what it says is enough
        return str(error)
    told = f"{type(error).__name__}: {error}"
    return f"{told} (it tried to end the process)" if isinstance(error, SystemExit) else told
