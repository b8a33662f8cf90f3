"""A process that forks: :func:`main` with the arguments SCENARIO FOLDER COUNT SEED.

It prints ``tick`` after each fork. What it and its children did they say in the folder's ``said``, a line
for each; a line is one ``write`` to a file opened for appending, so that none is torn or lost.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reference_impl import LocalFileKeyProvider, SqliteDialogueStore
from reference_impl.contract.errors import DialogueStoreError

__all__ = ["SCENARIOS", "Place", "main"]

_ROUNDS: Final = 40
#: The folder, for processes of multiprocessing that import this module and find the store used already.
_FOLDER: Final = "DSCONF_ATTACK_FOLDER"


@dataclass(frozen=True)
class Place:
    """Where a scenario takes place."""

    folder: Path
    dialogue: str = "forked"

    @property
    def file(self) -> Path:
        return self.folder / "dialogues.db"

    @property
    def keys(self) -> LocalFileKeyProvider:
        return LocalFileKeyProvider(self.folder / "keys" / "umk.key")

    def opened(self) -> SqliteDialogueStore:
        """A store that was used: it has read, written, and so has connections, keys and a read chain."""
        store = SqliteDialogueStore(self.file, self.keys, deadline_s=60.0)
        store.load_partition(self.dialogue)
        self.write(store, f"of-{os.getpid()}-when-opened-{os.urandom(4).hex()}")
        return store

    def begin(self) -> None:
        """The dialogue, with rounds for more writes than one of them takes."""
        with SqliteDialogueStore(self.file, self.keys) as store:
            store.create_dialogue(self.dialogue, "title")
            for number in range(_ROUNDS):
                store.create_round(self.dialogue, number)

    def write(self, store: SqliteDialogueStore, label: str) -> None:
        """One write, which is said once it is acknowledged."""
        number = sum(label.encode()) % _ROUNDS
        try:
            store.register_perspective(self.dialogue, number, label, "said", ["muffin"])
        except DialogueStoreError as error:
            # Of retryable ones the caller would know that nothing is acknowledged.
            self.say(f"refused {label}: {error.code}: {error.message}")
        else:
            self.say(f"wrote {label}")

    def say(self, line: str) -> None:
        descriptor = os.open(self.folder / "said", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)

    def said(self) -> list[str]:
        path = self.folder / "said"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def forked(self) -> None:
        self.say("forked")
        print("tick", flush=True)


class Signal:
    """One process tells another."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def give(self) -> None:
        os.write(self._write, b"x")

    def wait(self) -> None:
        os.read(self._read, 1)

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


def start(place: Place, work: Callable[[], None]) -> int:
    """A child that does ``work``; its process id."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - told, and the child must not go on as its parent
            traceback.print_exc()
            place.say(f"failed {type(error).__name__}: {error}")
        finally:
            os._exit(code)
    place.forked()
    return pid


def end(place: Place, pid: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        place.say(f"failed with exit code {code}")


def parent_closes_first(place: Place, count: int, _: random.Random) -> None:
    """The child writes, the parent closes, the child writes again."""
    for number in range(count):
        store = place.opened()
        wrote, closed = Signal(), Signal()

        def work(
            store: SqliteDialogueStore = store,
            number: int = number,
            wrote: Signal = wrote,
            closed: Signal = closed,
        ) -> None:
            place.write(store, f"child-{number}")
            wrote.give()
            closed.wait()
            place.write(store, f"child-{number}-later")
            if number % 2:
                store.close()

        pid = start(place, work)
        wrote.wait()
        store.close()
        closed.give()
        end(place, pid)
        wrote.close()
        closed.close()


def child_closes_first(place: Place, count: int, _: random.Random) -> None:
    """The child writes and closes, or just ends; the parent goes on with its own."""
    with place.opened() as store:
        for number in range(count):

            def work(number: int = number) -> None:
                place.write(store, f"child-{number}")
                if number % 2:
                    store.close()

            pid = start(place, work)
            if number % 3 == 0:
                place.write(store, f"parent-{number}-meanwhile")
            end(place, pid)
            place.write(store, f"parent-{number}")


def threads_at_work(place: Place, count: int, drawn: random.Random) -> None:
    """Three threads write all the while; forks whenever."""
    with place.opened() as store:
        stop = threading.Event()

        def work_on(thread: int) -> None:
            for number in range(400):
                if stop.is_set():
                    return
                place.write(store, f"thread-{thread}-{number}")

        threads = [threading.Thread(target=work_on, args=(thread,)) for thread in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(count):
                stop.wait(drawn.random() / 50)

                def work(number: int = number) -> None:
                    place.write(store, f"child-{number}")
                    store.load_partition(place.dialogue)

                end(place, start(place, work))
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _of_multiprocessing(method: str) -> Callable[[Place, int, random.Random], None]:
    def scenario(place: Place, count: int, _: random.Random) -> None:
        context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            # The server imports this module, so that the store is open and used where it forks.
            multiprocessing.set_forkserver_preload([__name__])
        store = place.opened()
        _used.append(store)
        for first in range(0, count, 4):
            numbers = range(first, min(count, first + 4))
            workers = [context.Process(target=_worker, args=(place, n)) for n in numbers]
            for worker in workers:
                worker.start()
                place.forked()
            place.write(store, f"parent-{first}")
            for worker in workers:
                worker.join(120)
                if worker.exitcode != 0:
                    place.say(f"failed with exit code {worker.exitcode}")
        store.close()

    return scenario


def _worker(place: Place, number: int) -> None:
    (store,) = _used
    place.write(store, f"worker-{number}")
    store.load_partition(place.dialogue)
    place.write(store, f"worker-{number}-later")


SCENARIOS: Final[dict[str, Callable[[Place, int, random.Random], None]]] = {
    "parent_closes_first": parent_closes_first,
    "child_closes_first": child_closes_first,
    "threads_at_work": threads_at_work,
    "multiprocessing_fork": _of_multiprocessing("fork"),
    "multiprocessing_forkserver": _of_multiprocessing("forkserver"),
}

#: The one store that the workers of multiprocessing use: opened and used before the fork.
_used: list[SqliteDialogueStore] = []
if _FOLDER in os.environ:
    _used.append(Place(Path(os.environ[_FOLDER])).opened())


def main(scenario: str, folder: str, count: str, seed: str) -> None:
    """Run one scenario."""
    warnings.simplefilter("ignore", DeprecationWarning)  # threads and forks, on purpose
    place = Place(Path(folder))
    place.begin()
    if scenario == "multiprocessing_forkserver":
        os.environ[_FOLDER] = folder
    SCENARIOS[scenario](place, int(count), random.Random(seed))
