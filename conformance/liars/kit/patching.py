"""Putting something in the place of a part of a module for as long as one call lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

__all__ = ["PATCHING", "for_now"]

#: Held while a module is changed for one call: another thread that changed it then would put back what is
#: not its own, and the change would stay.
PATCHING: Final = threading.RLock()


@contextmanager
def for_now(target: object, **attributes: Any) -> Iterator[None]:
    """Other attributes for ``target``, in one thread at a time."""
    with PATCHING, mock.patch.multiple(target, **attributes):
        yield
