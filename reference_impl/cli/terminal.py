"""Output that never ends a command: whatever the terminal can show, and whoever reads it."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

__all__ = ["ended", "prepare"]


#: The exit code of a command that did everything but say so.
_UNWRITTEN = 2


#: What moves or ends a line without being seen, so that a path or a message would read as another:
#: bidirectional controls, separators of lines and paragraphs, C1 controls. Shown by their numbers.
_SHOWN = {
    number: f"\\u{number:04x}"
    for number in (
        *range(0x80, 0xA0),
        *(0x061C, 0x200E, 0x200F, 0x2028, 0x2029),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
}


class _Unbroken(io.TextIOWrapper):
    """A stream whose reader may go (``| head``), or whose disk may be full: what is written then is dropped,
    and the work goes on. ``fault``: what kept it from being written, None: nothing, or nobody wants it."""

    fault: OSError | None = None

    #: Hidden: where the encoding is ASCII, click writes UTF-8 past a text stream to the bytes below it.
    buffer = None  # type: ignore[assignment]

    def write(self, text: str, /) -> int:
        try:
            super().write(text.translate(_SHOWN))
        except OSError as fault:
            self._drop(fault)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as fault:
            self._drop(fault)

    def _drop(self, fault: OSError) -> None:
        if not isinstance(fault, BrokenPipeError):
            self.fault = fault
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def prepare() -> None:
    """To be called once, before a command prints anything: a character that the terminal's encoding lacks, or
    that changes how a line reads without being seen, is shown by its number, and a reader who has enough
    changes neither the work nor the exit code."""
    sys.stdout, sys.stderr = _prepared(sys.stdout), _prepared(sys.stderr)


def ended(code: int) -> int:
    """To be called once, when a command has printed everything: the exit code that it ends with.

    Output that could not be written (a full disk) is told in a sentence on stderr, and is no success.
    """
    for stream in _kept:
        stream.flush()
    faults = [stream.fault for stream in _kept if stream.fault is not None]
    if not faults:
        return code
    reason = faults[0].strerror or type(faults[0]).__name__
    sys.stderr.write(f"Error: the output could not be written ({reason}), so it is not complete.\n")
    return code or _UNWRITTEN


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
_kept: list[_Unbroken] = []
