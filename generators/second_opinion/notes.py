"""Signed notes: checkpoints and boundaries, checked with a public key alone (AUDIT-07, MIG-02)."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from dataclasses import dataclass

from Crypto.Signature import eddsa

from . import hkdf

__all__ = ["NotSignedError", "Note", "is_name", "lines_of", "number", "opened"]

_DASH = "\u2014 "
_KEY_ID, _SIGNATURE = 4, 64
#: RFC 8032, 5.1: a signature's second half is below it.
_ORDER = 2**252 + 27742317777372353535851937790883648493


class NotSignedError(ValueError):
    """No note of the one configured key."""


@dataclass(frozen=True)
class Note:
    """A note whose signature holds."""

    signed: bytes
    key_id: bytes
    signature: bytes


def is_name(raw: bytes) -> bool:
    """Whether bytes are the name of a signing key."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(
        c == "+" or c.isspace() or unicodedata.category(c) == "Cc" for c in text
    )


def opened(raw: bytes, name: str, public_key: bytes) -> Note:
    """The note in ``raw``: some lines, an empty one, and one signature line by this key."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotSignedError("not UTF-8") from None
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or lines[-3] != "" or not is_name(name.encode()):
        raise NotSignedError("another form")
    start, line = f"{_DASH}{name} ", lines[-2]
    if not line.startswith(start):
        raise NotSignedError("no signature under this name")
    packed = _decoded(line[len(start) :])
    key_id, signature = packed[:_KEY_ID], packed[_KEY_ID:]
    signed = "".join(f"{line}\n" for line in lines[:-3]).encode("utf-8")
    if key_id != hkdf.sha256(name.encode("utf-8") + b"\n\x01" + public_key)[:_KEY_ID]:
        raise NotSignedError("another key")
    if int.from_bytes(signature[32:], "little") >= _ORDER:
        raise NotSignedError("a second spelling of a signature")
    try:
        eddsa.new(eddsa.import_public_key(public_key), "rfc8032").verify(signed, signature)
    except ValueError:
        raise NotSignedError("the signature does not hold") from None
    return Note(signed, key_id, signature)


def _decoded(text: str) -> bytes:
    try:
        packed = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise NotSignedError("no base64") from None
    if base64.b64encode(packed).decode("ascii") != text or len(packed) != _KEY_ID + _SIGNATURE:
        raise NotSignedError("another base64, or of another length")
    return packed


def lines_of(note: Note) -> list[str]:
    """The signed lines."""
    return note.signed.decode("utf-8").split("\n")[:-1]


def number(text: str, least: int, most: int) -> int:
    """A decimal number in its one spelling."""
    if not text or set(text) - set("0123456789") or len(text) > 16 or str(int(text)) != text:
        raise NotSignedError("no decimal number")
    if not least <= int(text) <= most:
        raise NotSignedError("a number out of range")
    return int(text)
