"""Keys: UMK -> KEK -> DEK, handles that hide the bytes, and the provider that keeps a UMK in a
file.

HKDF is RFC 5869 with SHA-256 and empty salt, 32 bytes (ADDR-10); AES-256-GCM is NIST SP 800-38D.
Both come from ``cryptography``; nothing here is made by hand.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import os
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..contract import addresses
from ..contract.errors import DialogueStoreError, error
from ..contract.items import Value, canonical_json
from .payloads import Fault, parse_payload

__all__ = [
    "DekHandle",
    "KekHandle",
    "KeyProvider",
    "LocalFileKeyProvider",
    "Randomness",
    "UmkHandle",
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

    __slots__ = ("check", "key_id", "user")

    def __init__(self, key: bytes, user_id: str) -> None:
        super().__init__(key)
        self.user = hashlib.sha256(user_id.encode("utf-8")).hexdigest()[:16]
        self.check = self.derive(b"blue/kek-check/v1").hex()[:16]
        self.key_id = f"kek#{self.user}#{self.check}"


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


class KeyProvider(ABC):
    """KEY-01: exercised in the same way everywhere; only the source of the UMK differs."""

    @abstractmethod
    def get_umk(self) -> UmkHandle:
        """The user's master key, 32 bytes behind a handle.

        ``key_malformed``, ``key_permissions``, ``umk_missing``, ``key_denied``,
        ``key_unavailable``.
        """

    def guard(self, holds_wrapped_keys: Callable[[], bool]) -> None:  # noqa: B027
        """Told by a store: how to ask whether it holds wrapped keys. A provider that can make a UMK
        asks first (KEY-02); others have no use for it."""

    def unguard(self, holds_wrapped_keys: Callable[[], bool]) -> None:  # noqa: B027
        """Told by a store that is closed: it is not to be asked any more."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        """KEY-03: HKDF(UMK, ``blue/kek/v1`` 0x00 user_id). ``invalid_field`` for a bad user_id."""
        user_id = check_user_id(user_id)
        return KekHandle(umk.derive(b"blue/kek/v1\x00" + user_id.encode("utf-8")), user_id)

    def generate_dek(
        self,
        kek: KekHandle,
        dialogue_id: str,
        version: int,
        *,
        randomness: Randomness = system_randomness,
    ) -> tuple[DekHandle, dict[str, Value]]:
        """A new random data key and its wrapped form (KEY-05, KEY-06): the four envelope attributes
        and ``commitment``, as they stand in the dek item."""
        key = randomness(KEY_BYTES)
        dek = DekHandle(key, dialogue_id, version)
        nonce = randomness(NONCE_BYTES)
        digest = hashlib.sha256(dek_address(dialogue_id, version).encode("ascii")).digest()
        payload = canonical_json(
            {"algorithm": ALGORITHM, "key": base64.b64encode(key).decode("ascii")}
        )
        return dek, {
            "content_encrypted": kek._gcm().encrypt(nonce, payload, digest),
            "content_nonce": nonce,
            "key_id": kek.key_id,
            "aad_hash": digest.hex(),
            "commitment": dek.commitment(),
        }

    def decrypt_dek(
        self, kek: KekHandle, dialogue_id: str, version: int, wrapped: Mapping[str, Any]
    ) -> DekHandle:
        """Open a wrapped data key; expected values are computed, never taken from it (ENV-08).

        ``key_denied`` (another user), ``umk_changed`` (another UMK), ``integrity_error`` with layer
        ``envelope``, ``address``, ``key`` or ``payload`` otherwise (KEY-08).
        """
        address = dek_address(dialogue_id, version)
        try:
            return _open_dek(kek, address, dialogue_id, version, wrapped)
        except Fault as fault:
            raise fault.as_error(
                address,
                addresses.partition_key(dialogue_id),
                addresses.sort_key("dek", version=version),
            ) from None


def _open_dek(
    kek: KekHandle, address: str, dialogue_id: str, version: int, wrapped: Mapping[str, Any]
) -> DekHandle:
    nonce, sealed = wrapped.get("content_nonce"), wrapped.get("content_encrypted")
    key_id, commitment = wrapped.get("key_id"), wrapped.get("commitment")
    digest = hashlib.sha256(address.encode("ascii")).digest()
    if (
        not isinstance(nonce, bytes)
        or len(nonce) != NONCE_BYTES
        or not isinstance(sealed, bytes)
        or len(sealed) < TAG_BYTES + 2
        or not isinstance(key_id, str)
        or not isinstance(commitment, str)
    ):
        raise Fault("envelope", "an envelope attribute is missing or of another type or length")
    if wrapped.get("aad_hash") != digest.hex():
        raise Fault("address", "sealed for another address")
    if key_id != kek.key_id:
        if not key_id.startswith(f"kek#{kek.user}#"):
            raise Fault("key", "the key was wrapped for another user_id", code="key_denied")
        raise Fault("key", "the key was wrapped under another UMK", code="umk_changed")
    try:
        plaintext = kek._gcm().decrypt(nonce, sealed, digest)
    except InvalidTag:
        raise Fault("key", "the wrapped key does not open") from None
    payload = parse_payload("dek", plaintext)
    dek = DekHandle(base64.b64decode(payload["key"]), dialogue_id, version)
    if not hmac.compare_digest(dek.commitment().encode(), commitment.encode("utf-8", "replace")):
        raise Fault("key", "the commitment is not that of the key")
    return dek


class LocalFileKeyProvider(KeyProvider):
    """KEY-02: a UMK of 32 raw bytes in a file (mode 0600), by default ``~/.blue/keys/umk.key``.

    Made on first use, complete or absent, and never where a store that uses this provider already
    holds wrapped keys. An existing file is never overwritten.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path) if path is not None else Path.home() / ".blue" / "keys" / "umk.key"
        self._guards: list[Callable[[], bool]] = []

    def guard(self, holds_wrapped_keys: Callable[[], bool]) -> None:
        self._guards.append(holds_wrapped_keys)

    def unguard(self, holds_wrapped_keys: Callable[[], bool]) -> None:
        with suppress(ValueError):
            self._guards.remove(holds_wrapped_keys)

    def get_umk(self) -> UmkHandle:
        key = self._read()
        if key is None:
            if any(holds() for holds in tuple(self._guards)):
                # another process may have made both between our look at the file and at the store
                key = self._read()
                if key is None:
                    raise error(
                        "umk_missing",
                        f"there is no key file {self.path}, but the store holds keys wrapped under one",
                        path=str(self.path),
                    )
            else:
                self._make()
                key = self._read()
        if key is None:
            raise error(
                "key_unavailable", f"the key file {self.path} vanished", path=str(self.path)
            )
        return UmkHandle(key)

    def _read(self) -> bytes | None:
        where = str(self.path)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            handle = os.open(where, flags)
        except FileNotFoundError:
            return None
        except OSError as failure:
            if failure.errno == errno.ELOOP:
                raise error("key_malformed", f"{where} is a link", path=where) from None
            if failure.errno in (errno.ENOTDIR, errno.EISDIR):
                raise error("key_malformed", f"{where} is not a file", path=where) from None
            raise error("key_permissions", f"{where} cannot be read", path=where) from None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise error("key_malformed", f"{where} is not a regular file", path=where)
            if os.name == "posix":
                if status.st_mode & 0o077:
                    raise error("key_permissions", f"others may use {where}", path=where)
                if status.st_uid != os.geteuid() and os.geteuid() != 0:
                    raise error("key_permissions", f"{where} belongs to another user", path=where)
            key = os.read(handle, KEY_BYTES + 1)
        finally:
            os.close(handle)
        if len(key) != KEY_BYTES:
            raise error(
                "key_malformed",
                f"{where} holds {status.st_size} bytes, a key has {KEY_BYTES}",
                path=where,
            )
        return key

    def _make(self) -> None:
        """Write the key under a name of its own, then link it into place: whoever links first
        wins."""
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(handle, system_randomness(KEY_BYTES))
                os.fsync(handle)
            finally:
                os.close(handle)
            try:
                os.link(temporary, self.path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as failure:
            raise self._cannot_make(failure) from None

    def _cannot_make(self, failure: OSError) -> DialogueStoreError:
        where = str(self.path)
        if failure.errno in (errno.ENOSPC, errno.EDQUOT):
            return error("storage_full", f"no room to make the key file {where}", path=where)
        if failure.errno in (errno.ENOTDIR, errno.EEXIST):
            return error("key_malformed", f"the folder of {where} is not a folder", path=where)
        return error("key_permissions", f"the key file {where} cannot be made", path=where)


__all__ += ["ALGORITHM", "NONCE_BYTES", "TAG_BYTES", "check_user_id", "dek_address", "hkdf"]
