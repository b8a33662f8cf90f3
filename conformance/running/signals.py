"""Ctrl-C and SIGTERM end a run, and cannot be lost on the way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stop_asked", "stoppable"]

#: Python drops an exception that is raised inside a finaliser or a callback of the garbage collector,
#: and foreign code may catch it: so it is written down as well.
_asked: list[int] = []


def stop_asked() -> bool:
    """Whether a signal has asked the present :func:`stoppable` work to end."""
    return bool(_asked)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM raises ``KeyboardInterrupt`` as Ctrl-C does, so that what was started is stopped; both
    are remembered until the context ends.
    """

    def stop(number: int, _: object) -> None:
        _asked.append(number)
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job ignores it
        numbers.append(signal.SIGINT)
    _asked.clear()
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()
