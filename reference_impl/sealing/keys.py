"""Keys: UMK -> KEK -> DEK, behind handles that hide the bytes; who keeps them is in ``providers``.

HKDF is RFC 5869 with SHA-256 and empty salt, 32 bytes (ADDR-10); AES-256-GCM is NIST SP 800-38D.
Both come from ``cryptography``; nothing here is made by hand.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..contract import addresses
from ..contract.errors import error

__all__ = [
    "ALGORITHM",
    "DEFAULT_USER",
    "KEY_BYTES",
    "NONCE_BYTES",
    "TAG_BYTES",
    "DekHandle",
    "KekHandle",
    "Randomness",
    "UmkHandle",
    "check_user_id",
    "dek_address",
    "hkdf",
    "system_randomness",
]

#: Where nonces and keys come from: a function of a number of bytes.
Randomness = Callable[[int], bytes]
#: The operating system's generator: the only one that a production configuration can have.
system_randomness: Randomness = os.urandom

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
ALGORITHM = "AES-256-GCM"
#: Whose keys they are where nobody says it (KEY-02).
DEFAULT_USER = "local"
#: What a KEK keeps of what was derived from it: a dialogue that is worked on needs its own at each call.
_KEPT = 64


def hkdf(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, empty salt, 32 bytes."""
    return HKDF(SHA256(), KEY_BYTES, None, info).derive(key)


class _Handle:
    """A key whose bytes no repr, pickle, copy or ``vars`` shows (KEY-01)."""

    __slots__ = ("__cipher", "__key", "__weakref__")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise error("key_malformed", f"a key has {KEY_BYTES} bytes")
        self.__key = key
        self.__cipher: AESGCM | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied: it stands for a key")

    def __getstate__(self) -> NoReturn:
        # the default one hands out every slot
        raise TypeError(f"{type(self).__name__} has no state to show: it stands for a key")

    def derive(self, info: bytes) -> bytes:
        """HKDF under this key with ``info``: 32 bytes."""
        return hkdf(self.__key, info)

    def _gcm(self) -> AESGCM:
        if self.__cipher is None:
            self.__cipher = AESGCM(self.__key)
        return self.__cipher


class UmkHandle(_Handle):
    """The user's master key."""

    __slots__ = ()


class KekHandle(_Handle):
    """The key that wraps data keys. ``key_id`` is ``kek#{u}#{k}`` of KEY-05: it names, and hides,
    the key."""

    __slots__ = ("check", "derive_kept", "key_id", "open", "seal", "user")

    def __init__(self, key: bytes, user_id: str) -> None:
        super().__init__(key)
        self.user = hashlib.sha256(user_id.encode("utf-8")).hexdigest()[:16]
        self.check = self.derive(b"blue/kek-check/v1").hex()[:16]
        self.key_id = f"kek#{self.user}#{self.check}"
        #: As :meth:`derive`; what was asked for last is kept for as long as this key is.
        self.derive_kept = lru_cache(_KEPT)(lambda info: hkdf(key, info))
        gcm = self._gcm()
        #: As those of :class:`DekHandle`.
        self.seal: Callable[[bytes, bytes, bytes], bytes] = gcm.encrypt
        self.open: Callable[[bytes, bytes, bytes], bytes] = gcm.decrypt


class DekHandle(_Handle):
    """A dialogue's data key. ``key_id`` is ``dek#{dialogue_id}#{version}`` (ENV-01).

    ``seal`` and ``open`` are AES-256-GCM with a 96-bit nonce and a 128-bit tag after the
    ciphertext; the cipher object and the key of the head's sum are kept.
    """

    __slots__ = ("_sum_key", "key_id", "open", "seal", "version")

    def __init__(self, key: bytes, dialogue_id: str, version: int) -> None:
        super().__init__(key)
        self.version = version
        self.key_id = f"dek#{dialogue_id}#{version}"
        gcm = self._gcm()
        #: (nonce, plaintext, aad) -> ciphertext and tag
        self.seal: Callable[[bytes, bytes, bytes], bytes] = gcm.encrypt
        #: (nonce, ciphertext and tag, aad) -> plaintext; ``InvalidTag`` otherwise
        self.open: Callable[[bytes, bytes, bytes], bytes] = gcm.decrypt
        self._sum_key: bytes | None = None

    def sum_key(self) -> bytes:
        """HEAD-02: the key of the head's sum, HKDF(DEK, ``blue/head/v1``)."""
        if self._sum_key is None:
            self._sum_key = self.derive(b"blue/head/v1")
        return self._sum_key

    def commitment(self) -> str:
        """KEY-06: hex of HKDF(DEK, ``blue/commit/v1``)."""
        return self.derive(b"blue/commit/v1").hex()


def check_user_id(user_id: object, name: str = "user_id") -> str:
    """KEY-03: 1-255 bytes of UTF-8 without control characters (category Cc), else
    ``invalid_field``, which calls the value ``name``."""
    if isinstance(user_id, str):
        try:
            size = len(user_id.encode("utf-8"))
        except UnicodeEncodeError:
            size = 0
        if 1 <= size <= 255 and not any(c < " " or "\x7f" <= c <= "\x9f" for c in user_id):
            return user_id
    raise error(
        "invalid_field",
        f"{name} must be 1-255 bytes of UTF-8 without control characters",
        field=name,
    )


def dek_address(dialogue_id: str, version: int) -> str:
    """The canonical address of a data key's item."""
    return addresses.address(dialogue_id, "dek", {"version": version})
