"""Calling what others wrote: it may hang, end the process, or raise what nobody expects."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

import pytest

__all__ = [
    "LONGEST_CASE",
    "NotApplicable",
    "Undecided",
    "alarm",
    "because",
    "blamed",
    "call_alarm",
    "set_clock",
    "watched",
]

#: So many deadlines of one call a case may take in all.
LONGEST_CASE: Final = 10
#: How often it is looked, within a deadline, which call is being made.
_LOOKS: Final = 8


class Undecided(BaseException):
    """A case shows nothing about the backend. ``code`` for machines: ``suite_error``,
    ``machine_error``, ``setup_error``, ``too_slow``, ``not_played``, ``not_reached`` or
    ``nothing_to_search``.

    No ``except Exception`` of a backend catches it.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class NotApplicable(Undecided):
    """A case asks for what this backend cannot be asked, and the backend says why."""

    def __init__(self, detail: str) -> None:
        super().__init__("not_applicable", detail)


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Fail what takes longer, from within: the exception passes every ``except Exception``."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    before = signal.signal(signal.SIGALRM, lambda *_: _hangs(seconds))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _hangs(seconds: float) -> NoReturn:
    pytest.fail(f"no answer within {seconds:g} s: it hangs", pytrace=False)


@contextmanager
def call_alarm(
    seconds: float, is_ours: Callable[[str], bool], beat: Callable[[], None]
) -> Iterator[None]:
    """Fail one call that takes longer, from within; many short ones may take longer together.

    ``is_ours``: whether a source file is the suite's; what it calls is a call. Work that takes
    :data:`LONGEST_CASE` times as long although no call does ends as :class:`Undecided`. ``beat`` is
    told that it goes on.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return
    calls = _Calls(seconds, is_ours)

    def ring(_: int, frame: FrameType | None) -> None:
        beat()
        calls.look(frame)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds / _LOOKS, seconds / _LOOKS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Calls:
    """Which call is being made, as the stack shows it from time to time, and since when."""

    def __init__(self, seconds: float, is_ours: Callable[[str], bool]) -> None:
        self._seconds = seconds
        self._is_ours = is_ours
        self._began = self._since = time.monotonic()
        # The frames themselves: once they are gone, another one may have their identity.
        self._call: tuple[FrameType | None, int, FrameType | None] | None = None

    def look(self, frame: FrameType | None) -> None:
        """Fail where the call has gone on for too long, or all of them together have."""
        now, before = time.monotonic(), self._call
        self._call = found = self._of(frame)
        same = before is not None and (
            found[0] is before[0] and found[1] == before[1] and found[2] is before[2]
        )
        if before is not None and not same:
            self._since = now
        if now - self._since >= self._seconds:
            _hangs(self._seconds)
        longest = LONGEST_CASE * self._seconds
        if now - self._began >= longest:
            raise Undecided(
                "too_slow",
                f"not through after {longest:g} s, although no call took {self._seconds:g} s: "
                "the machine is busy, or a smaller --budget or a longer --case-deadline is needed",
            )

    def _of(self, frame: FrameType | None) -> tuple[FrameType | None, int, FrameType | None]:
        """The suite's own innermost frame, where it stands, and what it has called."""
        called: FrameType | None = None
        while frame is not None and not self._is_ours(frame.f_code.co_filename):
            called, frame = frame, frame.f_back
        return frame, frame.f_lasti if frame is not None else 0, called


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


def set_clock(setter: Callable[[str], None], text: str) -> None:
    """Set a backend's clock; what that raises is no answer of the store: :class:`Undecided`."""
    try:
        setter(text)
    except (Exception, SystemExit) as error:
        raise Undecided(
            "setup_error", f"the clock cannot be set: set_clock ended with {because(error)}"
        ) from error


def because(error: BaseException) -> str:
    """What was raised, in words."""
    if isinstance(error, pytest.fail.Exception):  # the alarm: what it says is enough
        return str(error)
    told = f"{type(error).__name__}: {error}"
    return f"{told} (it tried to end the process)" if isinstance(error, SystemExit) else told
