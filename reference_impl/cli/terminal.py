"""Output that never ends a command: whatever the terminal can show, and whoever reads it."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

__all__ = ["prepare"]


class _Unbroken(io.TextIOWrapper):
    """A stream whose reader may go (``| head``): what is written then is dropped, and the work goes on."""

    #: Hidden: where the encoding is ASCII, click writes UTF-8 past a text stream to the bytes below it.
    buffer = None  # type: ignore[assignment]

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def prepare() -> None:
    """To be called once, before a command prints anything: a character that the terminal's encoding lacks
    is shown by its number, and a reader who has enough changes neither the work nor the exit code."""
    sys.stdout, sys.stderr = _prepared(sys.stdout), _prepared(sys.stderr)


def _prepared(stream: TextIO) -> TextIO:
    buffer = getattr(stream, "buffer", None)
    if buffer is None or stream not in (sys.__stdout__, sys.__stderr__):
        return stream  # prepared already, or somebody's own: a test's, a notebook's
    stream.flush()
    prepared = _Unbroken(
        buffer,
        stream.encoding,
        "backslashreplace",
        write_through=True,
        line_buffering=stream.isatty(),
    )
    _kept.append(prepared)
    return prepared


#: What is no longer used would be closed, and with it the stream that it was made of.
_kept: list[TextIO] = []
