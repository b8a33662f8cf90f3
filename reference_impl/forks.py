"""What a store does when its process is forked: get quiet before, begin anew in the child (AUDIT-08).

A child inherits memory, and with it locks that nobody in it will ever release, connections that belong to
the parent, and keys. Whoever has such a thing registers what to do about it. A call that must not be cut in
two by a fork goes through a :class:`Gate`.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar

from .contract.errors import DialogueStoreError, error

__all__ = ["WAIT_S", "Gate", "register", "unusable"]

#: Seconds that a fork waits at most, for all stores of the process together.
WAIT_S: Final = 5.0

T = TypeVar("T")


def register(
    owner: T,
    *,
    before: Callable[[T, float], None] | None = None,
    after_in_parent: Callable[[T], None] | None = None,
    after_in_child: Callable[[T], None] | None = None,
) -> None:
    """Have functions called with ``owner`` at each fork, for as long as ``owner`` lives (it is held by a
    weak reference, so give functions that do not hold it: ``Keyring.renew``, not ``self.renew``).

    ``before(owner, until)`` may wait until ``until`` (seconds of :func:`time.monotonic`) and no longer; it
    runs for the latest registered owner first, so that who calls others gets quiet before them. The other
    two run in the order of registration. ``after_in_child`` may also run without ``before``: some servers
    fork without telling Python first.
    """
    number = next(_numbers)

    def gone(_: object) -> None:
        _hooks.pop(number, None)

    _hooks[number] = _Hooks(weakref.ref(owner, gone), before, after_in_parent, after_in_child)


def unusable(what: str) -> DialogueStoreError:
    """The error for what cannot be used in a child: ``store_closed``, for it never passes by itself, and
    ``data.cause`` is ``fork``. ``what``: why, a sentence without its full stop."""
    return DialogueStoreError(
        "store_closed",
        f"{what}. Fork while no call of a store is running, or open the store in a process that is "
        "started afresh (multiprocessing: spawn).",
        {"cause": "fork"},
    )


def _no_bound() -> None:
    return None


class Gate:
    """Counts who is inside. While it is shut nobody comes in, but for threads that are inside already.

    >>> with gate:
    ...     use_the_engine()
    """

    def __init__(self, patience: Callable[[], float | None] = _no_bound) -> None:
        """``patience()``: seconds that who comes in waits for a fork at most, None for ``2 * WAIT_S``."""
        self._patience = patience
        self._lock = threading.RLock()  # a signal may come in between
        self._changed = threading.Condition(self._lock)
        self._inside: dict[int, int] = {}  # depth by thread
        self._shut = 0  # by how many forks at once

    def __enter__(self) -> None:
        if os.getpid() != _process.pid:
            _untold_fork()
        me = threading.get_ident()
        with self._lock:
            if self._shut and me not in self._inside:
                self._wait_until_open()
            self._inside[me] = self._inside.get(me, 0) + 1

    def __exit__(self, *_: object) -> None:
        me = threading.get_ident()
        with self._lock:
            depth = self._inside.pop(me, 0) - 1  # 0: a child came back from a call of its parent
            if depth > 0:
                self._inside[me] = depth
            elif self._shut:
                self._changed.notify_all()

    def shut(self, until: float) -> bool:
        """Let nobody in any more; say whether all have left by ``until``. A thread that forks from within
        a call does not wait for itself."""
        with self._changed:
            self._shut += 1
            if threading.get_ident() in self._inside:
                return False
            return self._changed.wait_for(
                lambda: not self._inside, max(0.0, until - time.monotonic())
            )

    def open(self) -> None:
        """After a fork, in the parent."""
        with self._changed:
            self._shut -= 1
            self._changed.notify_all()

    def renew(self) -> bool:
        """After a fork, in the child: open, nobody inside. Says whether a call was cut in two by it."""
        cut = bool(self._inside)
        vars(self).update(vars(Gate(self._patience)))
        return cut

    def _wait_until_open(self) -> None:
        patience = self._patience()
        longest = 2 * WAIT_S if patience is None else min(2 * WAIT_S, patience)
        if not self._changed.wait_for(lambda: not self._shut, longest):
            raise error("backend_unavailable", "a fork of this process does not come to its end")


@dataclass(frozen=True, slots=True)
class _Hooks:
    owner: weakref.ref[Any]
    before: Callable[[Any, float], None] | None
    after_in_parent: Callable[[Any], None] | None
    after_in_child: Callable[[Any], None] | None


class _Process:
    """Which process this is, and what is prepared in it for a fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.renewing = threading.Lock()
        self.forking = threading.local()  # .told: the hooks that were called before


_hooks: dict[int, _Hooks] = {}  # changed by single, atomic operations only
_numbers = count()
_process = _Process()


def _before() -> None:
    until = time.monotonic() + WAIT_S
    told = _process.forking.told = list(_hooks.copy().values())
    _call([(h, partial(_bounded, h.before, until)) for h in reversed(told) if h.before])


def _after_in_parent() -> None:
    told = _process.forking.__dict__.pop("told", ())
    _call([(h, h.after_in_parent) for h in told if h.after_in_parent])


def _after_in_child() -> None:
    vars(_process).update(vars(_Process()))
    _call([(h, h.after_in_child) for h in _hooks.copy().values() if h.after_in_child])


def _bounded(before: Callable[[Any, float], None], until: float, owner: object) -> None:
    before(owner, until)


def _untold_fork() -> None:
    """Here is another process, and Python was not told: it was forked by a library in C."""
    with _process.renewing:
        if os.getpid() != _process.pid:
            _after_in_child()


def _call(hooks: list[tuple[_Hooks, Callable[[Any], None]]]) -> None:
    """All of them, whatever one of them raises: Python shows that as an exception that it ignored."""
    failed: BaseException | None = None
    for hook, function in hooks:
        owner = hook.owner()
        if owner is not None:
            try:
                function(owner)
            except BaseException as fault:  # noqa: BLE001 - Ctrl-C while waiting, too
                failed = failed or fault
    if failed is not None:
        raise failed


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
