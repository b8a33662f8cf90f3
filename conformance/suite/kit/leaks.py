"""ENV-05: does any 8-byte window of a sealed text lie in stored bytes, in any of the usual
disguises?

The haystack is turned into views (UTF-8 as it lies, UTF-16 in both byte orders, JSON escapes
undone, base64 at every alignment, hex at both) and each view is searched for the windows; streams
of zlib, gzip and raw DEFLATE are inflated and searched in the same way, streams within streams too.
So the texts are kept once, however many forms there are, and the cost is that of the haystack.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["WINDOW", "Leak", "SealedTexts", "files_in"]

#: Bytes of a window (ENV-05).
WINDOW = 8

_MAX_DEPTH = 3  # streams within streams
_MAX_INFLATED = 64 * 1024 * 1024
_PIECE = 64  # bytes of a stream that are fed at once
#: Raw DEFLATE has no mark: every offset is tried, so only in haystacks of this size unless asked
#: for.
_RAW_LIMIT = 64 * 1024
#: What random bytes inflate to repeats itself; a window of fewer distinct bytes proves nothing
#: there.
_MIN_DISTINCT = 4

_HEX = re.compile(rb"[0-9A-Fa-f]{16,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{11,}")
_URLSAFE = re.compile(rb"[A-Za-z0-9_-]{11,}")
# JSON's escapes, and \xNN as Python's repr of bytes has it
_ESCAPE = re.compile(rb'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt])|x([0-9A-Fa-f]{2}))')
_SHORT = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
# RFC 1950: method 8, a window of at most 32 KiB, no preset dictionary, the check over both bytes.
_ZLIB = re.compile(
    b"|".join(
        re.escape(bytes((cmf, flags)))
        for cmf in range(0x08, 0x80, 0x10)
        for flags in range(256)
        if (cmf * 256 + flags) % 31 == 0 and not flags & 0x20
    ),
    re.DOTALL,
)
_GZIP = re.compile(rb"\x1f\x8b\x08")


@dataclass(frozen=True)
class Leak:
    """A window found: in which form (``utf-8``, ``zlib > base64`` …), where, and at which offset of
    that view."""

    window: bytes = field(repr=False)  # it may be a piece of a key
    form: str
    where: str
    offset: int


class SealedTexts:
    """The windows of sealed texts, without those that may be seen.

    ``texts``: every sealed text, and keys as bytes (less than 8 bytes have no window). ``seen``: what may be
    seen anyhow: cleartext values, keys, names of fields, tables, columns and indexes, and whatever
    the engine writes into an empty store.
    """

    def __init__(self, texts: Iterable[str | bytes], seen: Iterable[str | bytes] = ()) -> None:
        windows: set[bytes] = set()
        characters: set[str] = set()
        for text in texts:
            data = text.encode("utf-8") if isinstance(text, str) else text
            if len(data) >= WINDOW:
                windows.update(_windows(data))
                characters.update(text if isinstance(text, str) else ())
        characters.discard("\ufffd")  # what bytes that are no text decode to
        for known in seen:
            windows.difference_update(_windows(known.encode() if isinstance(known, str) else known))
        self.windows = windows
        # A run of characters of the texts is what UTF-16 can show; anything else is not worth
        # decoding.
        escaped = "".join(re.escape(c) for c in sorted(characters))
        self._run = re.compile(f"[{escaped}]{{2,}}") if characters else None

    def search(
        self, data: bytes, where: str = "", *, raw_deflate: bool | None = None
    ) -> list[Leak]:
        """Every form in which a window lies in ``data``, the first occurrence in each place.

        ``raw_deflate``: try every offset as the start of a stream without a header (None: in
        haystacks up to 64 KiB).
        """
        return list(self._search(data, where, "", _MAX_DEPTH, raw_deflate))

    def search_in(self, place: Path, *, raw_deflate: bool | None = None) -> list[Leak]:
        """:meth:`search` in a file, or in every file below a folder, names included."""
        found: list[Leak] = []
        for path in (place, *sorted(place.rglob("*"))):
            where = path.relative_to(place).as_posix() if path != place else place.name
            if path != place:
                found += self.search(where.encode("utf-8", "surrogateescape"), f"name of {where}")
            if path.is_file() and not path.is_symlink():
                found += self.search(path.read_bytes(), where, raw_deflate=raw_deflate)
        return found

    def _search(
        self, data: bytes, where: str, through: str, depth: int, raw: bool | None
    ) -> Iterator[Leak]:
        for form, view in self._views(data):
            offset = self._first(view, _MIN_DISTINCT if through else 1)
            if offset is not None:
                window = view[offset : offset + WINDOW]
                yield Leak(window, f"{through}{form}", where, offset)
        if depth:
            for form, inflated in _streams(data, len(data) <= _RAW_LIMIT if raw is None else raw):
                yield from self._search(inflated, where, f"{through}{form} > ", depth - 1, False)

    def _first(self, view: bytes, distinct: int) -> int | None:
        windows = self.windows
        for i in range(len(view) - WINDOW + 1):
            window = view[i : i + WINDOW]
            if window in windows and len(set(window)) >= distinct:
                return i
        return None

    def _views(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        yield "utf-8", data
        if self._run is not None:
            yield from self._utf16(self._run, data)
        yield from _unescaped(data)
        for run in _HEX.findall(data):
            for start in (0, 1):
                digits = run[start:]
                yield "hex", bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))
        for form, pattern, extra in (("base64", _BASE64, b"+/"), ("base64url", _URLSAFE, b"-_")):
            for run in pattern.findall(data):
                for start in range(4):
                    digits = run[start:]
                    yield form, base64.b64decode(digits + b"A" * (-len(digits) % 4), altchars=extra)

    def _utf16(self, pattern: re.Pattern[str], data: bytes) -> Iterator[tuple[str, bytes]]:
        for start in (0, 1):
            units = data[start : start + ((len(data) - start) & ~1)]
            for form in ("utf-16-le", "utf-16-be"):
                # Bytes that are no UTF-16 become U+FFFD here: no run goes on past them.
                for run in pattern.findall(units.decode(form, "replace")):
                    view = run.encode("utf-8")
                    if len(view) >= WINDOW:
                        yield form, view


def files_in(place: Path) -> list[Path]:
    """The file, or every file below the folder."""
    return [path for path in (place, *sorted(place.rglob("*"))) if path.is_file()]


def _windows(data: bytes) -> Iterator[bytes]:
    return (data[i : i + WINDOW] for i in range(len(data) - WINDOW + 1))


def _unit(match: re.Match[bytes]) -> bytes:
    """An escape as a UTF-16 unit."""
    if match[1] is not None:
        return chr(int(match[1], 16)).encode("utf-16-le", "surrogatepass")
    return _SHORT.get(match[2], match[2]).decode("ascii").encode("utf-16-le")


def _unescaped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The neighbourhoods of JSON escapes with the escapes undone.

    What lies between two escapes is UTF-8, the escapes are UTF-16 units (two make one character
    outside the BMP), so runs of escapes are decoded together.
    """
    start = end = -1
    for match in _ESCAPE.finditer(data):
        if end >= 0 and match.start() - end <= 2 * WINDOW:
            end = match.end()
            continue
        if end >= 0:
            yield "json", _undo(data[max(0, start - WINDOW) : end + WINDOW])
        start, end = match.span()
    if end >= 0:
        yield "json", _undo(data[max(0, start - WINDOW) : end + WINDOW])


def _undo(region: bytes) -> bytes:
    out: list[bytes] = []
    units = b""
    position = 0
    for match in _ESCAPE.finditer(region):
        between = region[position : match.start()]
        if between or match[3] is not None:
            out += [units.decode("utf-16-le", "replace").encode(), between]
            units = b""
        if match[3] is not None:
            out.append(bytes((int(match[3], 16),)))
        else:
            units += _unit(match)
        position = match.end()
    out += [units.decode("utf-16-le", "replace").encode(), region[position:]]
    return b"".join(out)


def _inflate(data: memoryview, wbits: int, *, patient: bool) -> bytes:
    """What a stream at the start of ``data`` gives up to its end or its first fault.

    zlib keeps back what the faulty call has made already, so the last piece is fed again byte by
    byte; ``patient`` does so for the very first piece too.
    """
    out, position, whole = _feed(data, wbits)
    if whole or (position == 0 and not patient):
        return out
    again = zlib.decompressobj(wbits)
    out = again.decompress(data[:position])
    for i in range(position, position + _PIECE):
        try:
            out += again.decompress(data[i : i + 1])
        except zlib.error:
            break
    return out


def _feed(data: memoryview, wbits: int) -> tuple[bytes, int, bool]:
    """(output, how many bytes went in without a fault, whether there was none)."""
    stream = zlib.decompressobj(wbits)
    out: list[bytes] = []
    made = 0
    for position in range(0, len(data), _PIECE):
        try:
            got = stream.decompress(data[position : position + _PIECE])
        except zlib.error:
            return b"".join(out), position, False
        out.append(got)
        made += len(got)
        if stream.eof or made > _MAX_INFLATED:
            break
    return b"".join(out), len(data), True


def _streams(data: bytes, raw: bool) -> Iterator[tuple[str, bytes]]:
    view = memoryview(data)
    for form, pattern, wbits in (("zlib", _ZLIB, 15), ("gzip", _GZIP, 31)):
        position = 0
        while (match := pattern.search(data, position)) is not None:
            position = match.start() + 1
            inflated = _inflate(view[match.start() :], wbits, patient=True)
            if len(inflated) >= WINDOW:
                yield form, inflated
    if raw:
        for start in range(len(data)):
            inflated = _inflate(view[start:], -15, patient=False)
            if len(inflated) >= WINDOW:
                yield "deflate", inflated
