"""C2SP signed notes with one Ed25519 signature of type 0x01 (AUDIT-07, MIG-02)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .crypto import sha256

__all__ = ["KEY", "NAME", "OTHER_KEY", "Key", "signature_line", "signed"]

#: What stands in front of a signature: EM DASH and one space.
DASH = "\u2014 "
#: The order of the group, RFC 8032 §5.1.
ORDER = 2**252 + 27742317777372353535851937790883648493
NAME = "example.org/blue"


@dataclass(frozen=True)
class Key:
    """A signing key by its 32-byte seed; published here and therefore worthless."""

    seed: bytes

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """RFC 8032, 64 bytes; the same for the same text."""
        return self._private.sign(text)

    def key_id(self, name: str, kind: bytes = b"\x01") -> bytes:
        """The first 4 bytes of SHA-256(name, LF, type, public key)."""
        return sha256(name.encode() + b"\n" + kind + self.public)[:4]

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


KEY = Key(bytes(range(64, 96)))
OTHER_KEY = Key(bytes(range(96, 128)))


def signature_line(key_id: bytes, signature: bytes, name: str = NAME) -> bytes:
    """One signature line with its LF."""
    return f"{DASH}{name} {base64.b64encode(key_id + signature).decode()}\n".encode()


def signed(text: bytes, *, key: Key = KEY, name: str = NAME) -> bytes:
    """The whole note: the text, which ends in LF, an empty line, one signature line."""
    return text + b"\n" + signature_line(key.key_id(name), key.sign(text), name)
