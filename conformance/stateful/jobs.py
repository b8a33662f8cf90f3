"""Where the calls of a side are made: at once, or in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

__all__ = ["SideThread", "at_once"]

T = TypeVar("T")


class SideThread:
    """A side's own thread, so that two stores work at the same time."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        Thread(target=self._run, name=f"side {name}", daemon=True).start()

    def __call__(self, job: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    def _run(self) -> None:
        while True:
            job, future = self._jobs.get()
            _fulfil(job, future)


def at_once(job: Callable[[], T]) -> Future[T]:
    """Make the call now; its result is there already."""
    future: Future[T] = Future()
    _fulfil(job, future)
    return future


def _fulfil(job: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(job())
    except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
        future.set_exception(error)
