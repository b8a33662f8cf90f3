"""Lending stdout and stderr to what others wrote: what it does to them must not spoil a report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

__all__ = ["lent_streams"]

_NUMBERS: Final = (1, 2)


class _Lent:
    """A stream that can be used and not closed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Lent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def close(self) -> None:
        """It stays open: others write to it as well."""


@contextmanager
def lent_streams() -> Iterator[None]:
    """Lend stdout and stderr while the block runs; whatever was closed or replaced is as before then."""
    before: tuple[Any, Any] = sys.stdout, sys.stderr
    copies = {number: os.dup(number) for number in _NUMBERS if _is_open(number)}
    sys.stdout, sys.stderr = (cast("Any", _Lent(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for number, copy in copies.items():
            if not _is_open(number):
                os.dup2(copy, number)
            os.close(copy)


def _is_open(number: int) -> bool:
    with suppress(OSError):
        os.fstat(number)
        return True
    return False
