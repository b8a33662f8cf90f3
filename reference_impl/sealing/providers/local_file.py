"""The provider that keeps a UMK in a file (KEY-02)."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...contract.errors import DialogueStoreError, error
from ..keys import KEY_BYTES, UmkHandle, system_randomness
from .base import KeyProvider

__all__ = ["LocalFileKeyProvider"]


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
