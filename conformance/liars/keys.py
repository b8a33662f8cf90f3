"""Liars for profile keys: the reference store in memory with a wrong key provider."""

from __future__ import annotations

import base64
import hashlib
import os
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from conformance.targets.base import Backend
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.items import Item, Value
from reference_impl.sealing.keys import (
    DekHandle,
    KekHandle,
    Randomness,
    UmkHandle,
    system_randomness,
)
from reference_impl.sealing.payloads import Fault, parse_payload
from reference_impl.sealing.providers import KeyProvider, LocalFileKeyProvider
from reference_impl.store.keyring import Keyring
from reference_impl.testing import ManualClock, exposed

from . import all_rules
from .core import NullStore
from .kit.lie import Made, lie
from .kit.over_reference import forget_reference, open_reference
from .kit.touched import touched

__all__: list[str] = []

# -- derivation ------------------------------------------------------------------------------------

_OF_THE_TOOLKIT = dict.fromkeys(
    (
        *("STORE-03", "ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-04", "ENV-05"),
        *("ENV-06", "ENV-07", "ENV-08", "ENV-09", "ERR-03", "KEY-01", "KEY-02", "KEY-06"),
    ),
    "nothing that is wrapped under this KEK can be opened to be looked at",
)


@lie("keys", "KEY-03", "KEY-05", "KEY-08", also=_OF_THE_TOOLKIT)
class SwapsSaltAndInfo(LocalFileKeyProvider):
    """Derives the KEK with the label as salt and nothing as info."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        super().derive_kek(umk, user_id)  # refuses what is no user_id
        salt = b"blue/kek/v1\x00" + user_id.encode()
        return KekHandle(HKDF(SHA256(), 32, salt, b"").derive(exposed(umk)), user_id)


@lie("keys", "KEY-03")
class FoldsTheUser(LocalFileKeyProvider):
    """Takes a user_id without the spaces around it."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        super().derive_kek(umk, user_id)
        return super().derive_kek(umk, user_id.strip() or user_id)


def _whoever_it_is(provider: type[LocalFileKeyProvider], profile: str) -> Made:
    """A store that takes its KEK for a user_id that it never looked at."""

    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        return open_reference(
            folder,
            key_file=key_file,
            deadline_s=deadline_s,
            profile=profile,
            keys=provider,
            keyring=lambda keys, _, randomness: Keyring(keys, user_id, randomness),
        )

    return Made(factory, forget_reference)


@lie("keys", "KEY-03", tried=_whoever_it_is)
class TakesAnyUser(LocalFileKeyProvider):
    """Takes any text as a user_id: empty, too long, with control characters."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        info = b"blue/kek/v1\x00" + user_id.encode("utf-8", "surrogatepass")
        return _AnyKek(umk.derive(info), user_id)


class _AnyKek(KekHandle):
    __slots__ = ()

    def __init__(self, key: bytes, user_id: str) -> None:
        super().__init__(key, user_id.encode("utf-8", "replace").decode())


# -- wrapping --------------------------------------------------------------------------------------


@lie(
    "keys",
    "KEY-05",
    "KEY-06",
    "KEY-08",
    "ENV-06",
    also={"ENV-08": "another key under the old commitment is believed"},
)
class SkipsTheCommitment(LocalFileKeyProvider):
    """Opens a wrapped key and does not look at its commitment."""

    def decrypt_dek(
        self, kek: KekHandle, dialogue_id: str, version: int, wrapped: Mapping[str, Any]
    ) -> DekHandle:
        try:
            return super().decrypt_dek(kek, dialogue_id, version, wrapped)
        except DialogueStoreError as refused:
            if refused.data.get("layer") != "key" or refused.code != "integrity_error":
                raise
            key = _unwrapped(kek, wrapped)
            if key is None:
                raise
            return DekHandle(key, dialogue_id, version)


def _unwrapped(kek: KekHandle, wrapped: Mapping[str, Any]) -> bytes | None:
    """The key in a wrapped one whose tag fits, else None."""
    digest = bytes.fromhex(wrapped["aad_hash"])
    try:
        plaintext = AESGCM(exposed(kek)).decrypt(
            wrapped["content_nonce"], wrapped["content_encrypted"], digest
        )
        return base64.b64decode(parse_payload("dek", plaintext)["key"])
    except (InvalidTag, Fault):
        return None


@lie("keys", "KEY-05")
class OneKeyForAll(LocalFileKeyProvider):
    """Derives the DEK from the KEK, the same for every dialogue of a user."""

    def generate_dek(
        self,
        kek: KekHandle,
        dialogue_id: str,
        version: int,
        *,
        randomness: Randomness = system_randomness,
    ) -> tuple[DekHandle, dict[str, Value]]:
        key = kek.derive(b"blue/dek/v1")
        return super().generate_dek(
            kek,
            dialogue_id,
            version,
            randomness=lambda size: key if size == 32 else randomness(size),
        )


@lie("keys", "KEY-08")
class ComparesNoUser(LocalFileKeyProvider):
    """Says umk_changed where another user's key was met."""

    def decrypt_dek(
        self, kek: KekHandle, dialogue_id: str, version: int, wrapped: Mapping[str, Any]
    ) -> DekHandle:
        try:
            return super().decrypt_dek(kek, dialogue_id, version, wrapped)
        except DialogueStoreError as refused:
            if refused.code != "key_denied":
                raise
            raise error("umk_changed", "the key does not fit", **refused.data) from None


# -- handles and the file --------------------------------------------------------------------------


class _OpenUmk(UmkHandle):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"<UmkHandle {exposed(self).hex()}>"


@lie("keys", "KEY-01")
class ShowsTheKey(LocalFileKeyProvider):
    """Gives a master key whose repr holds it, for easier debugging."""

    def get_umk(self) -> UmkHandle:
        return _OpenUmk(exposed(super().get_umk()))


@lie("keys", "KEY-02")
class MakesANewKey(LocalFileKeyProvider):
    """Makes a new master key wherever it finds none, also where keys are wrapped under the lost
    one."""

    def guard(self, holds_wrapped_keys: Callable[[], bool]) -> None:
        pass


@lie("keys", "KEY-02")
class MendsTheKey(LocalFileKeyProvider):
    """Replaces a file that is no key by a new one."""

    def get_umk(self) -> UmkHandle:
        try:
            return super().get_umk()
        except DialogueStoreError as refused:
            if refused.code != "key_malformed" or not self.path.is_file():
                raise
            self.path.write_bytes(os.urandom(32))
            return super().get_umk()


@lie("keys", "KEY-02")
class TrustsEverybody(LocalFileKeyProvider):
    """Takes a key that others may read, and lets them read the one that it makes."""

    def get_umk(self) -> UmkHandle:
        made = not self.path.exists()
        if not made and self.path.is_file() and not self.path.is_symlink():
            key = self.path.read_bytes()
            if len(key) == 32:
                return UmkHandle(key)
        handle = super().get_umk()
        self.path.chmod(0o644)
        return handle


# -- more of the same ------------------------------------------------------------------------------


@lie("keys", "KEY-03")
class ComposesTheUser(LocalFileKeyProvider):
    """Takes a user_id in its composed form."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        super().derive_kek(umk, user_id)
        return super().derive_kek(umk, unicodedata.normalize("NFC", user_id))


@lie("keys", "KEY-03", "KEY-05", "KEY-08", also=_OF_THE_TOOLKIT)
class NoZeroByte(LocalFileKeyProvider):
    """Derives the KEK from label and user without the zero byte between them."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        super().derive_kek(umk, user_id)
        return KekHandle(umk.derive(b"blue/kek/v1" + user_id.encode()), user_id)


@lie("keys", "KEY-05")
class HalfAKey(LocalFileKeyProvider):
    """Draws half of a data key and takes it twice."""

    def generate_dek(
        self,
        kek: KekHandle,
        dialogue_id: str,
        version: int,
        *,
        randomness: Randomness = system_randomness,
    ) -> tuple[DekHandle, dict[str, Value]]:
        def half(size: int) -> bytes:
            return randomness(16) * 2 if size == 32 else randomness(size)

        return super().generate_dek(kek, dialogue_id, version, randomness=half)


class _PlainKek(KekHandle):
    __slots__ = ()

    def __init__(self, key: bytes, user_id: str) -> None:
        super().__init__(key, user_id)
        self.check = hashlib.sha256(key).hexdigest()[:16]
        self.key_id = f"kek#{self.user}#{self.check}"


@lie(
    "keys",
    "KEY-05",
    also={**_OF_THE_TOOLKIT, "KEY-03": "a KEK is told by its name", "KEY-08": "k is compared"},
)
class NamesKeysByDigest(LocalFileKeyProvider):
    """Names a KEK by the plain digest of its bytes."""

    def derive_kek(self, umk: UmkHandle, user_id: str) -> KekHandle:
        return _PlainKek(exposed(super().derive_kek(umk, user_id)), user_id)


class _Pickled(UmkHandle):
    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return bytes, (exposed(self),)


@lie("keys", "KEY-01")
class PicklesTheKey(LocalFileKeyProvider):
    """Lets a master key be pickled."""

    def get_umk(self) -> UmkHandle:
        return _Pickled(exposed(super().get_umk()))


@lie("keys", "KEY-02")
class TrimsTheKey(LocalFileKeyProvider):
    """Takes a key of 32 bytes and a newline, as an editor leaves it."""

    def get_umk(self) -> UmkHandle:
        try:
            return super().get_umk()
        except DialogueStoreError as refused:
            if refused.code != "key_malformed" or not self.path.is_file():
                raise
            key = self.path.read_bytes()
            if len(key) != 33 or key[-1:] != b"\n":
                raise
            return UmkHandle(key[:32])


@lie("keys", "KEY-02")
class ReadsHex(LocalFileKeyProvider):
    """Takes a key written as 64 hex digits."""

    def get_umk(self) -> UmkHandle:
        try:
            return super().get_umk()
        except DialogueStoreError as refused:
            try:
                return UmkHandle(bytes.fromhex(self.path.read_text("ascii")))
            except (OSError, ValueError, DialogueStoreError):
                raise refused from None


@lie("keys", "KEY-02")
class FollowsLinks(LocalFileKeyProvider):
    """Takes a link to a key that lies elsewhere."""

    def get_umk(self) -> UmkHandle:
        if self.path.is_symlink() and self.path.is_file():
            return UmkHandle(self.path.read_bytes())
        return super().get_umk()


@lie("keys", "KEY-02")
class OpensTheFolder(LocalFileKeyProvider):
    """Makes the folder of a key with everybody's right to look."""

    def get_umk(self) -> UmkHandle:
        made = not self.path.parent.exists()
        handle = super().get_umk()
        if made:
            self.path.parent.chmod(0o755)
        return handle


@lie("keys", "KEY-08")
class DeniesEverything(LocalFileKeyProvider):
    """Says key_denied where another master key was used."""

    def decrypt_dek(
        self, kek: KekHandle, dialogue_id: str, version: int, wrapped: Mapping[str, Any]
    ) -> DekHandle:
        try:
            return super().decrypt_dek(kek, dialogue_id, version, wrapped)
        except DialogueStoreError as refused:
            if refused.code != "umk_changed":
                raise
            raise error("key_denied", "the key does not fit", **refused.data) from None


@lie(
    "keys",
    "KEY-05",
    "KEY-06",
    "KEY-08",
    also={"ENV-06": "a damaged key is said to be another's", **touched("ENV-08")},
)
class DamageIsAnotherKey(LocalFileKeyProvider):
    """Says umk_changed of a wrapped key that is damaged."""

    def decrypt_dek(
        self, kek: KekHandle, dialogue_id: str, version: int, wrapped: Mapping[str, Any]
    ) -> DekHandle:
        try:
            return super().decrypt_dek(kek, dialogue_id, version, wrapped)
        except DialogueStoreError as refused:
            if refused.data.get("layer") != "key":
                raise
            raise error("umk_changed", "the key does not fit", **refused.data) from None


@lie("keys", "ERR-03")
class QuotesTheKey(LocalFileKeyProvider):
    """Shows the bytes of a file that is no key."""

    def get_umk(self) -> UmkHandle:
        try:
            return super().get_umk()
        except DialogueStoreError as refused:
            if not self.path.is_file():
                raise
            shown = f"{refused.message} It holds {self.path.read_bytes().hex()}"
            raise DialogueStoreError(refused.code, shown, refused.data) from None


# -- the trivial -----------------------------------------------------------------------------------


class _NoRaw:
    """A storage that holds nothing, whatever is put there."""

    def get(self, pk: str, sk: str) -> Item | None:
        del pk, sk
        return None

    def put(self, item: Item) -> None:
        del item

    def delete(self, pk: str, sk: str) -> None:
        del pk, sk

    def scan(self, dialogue_id: str) -> list[Item]:
        del dialogue_id
        return []


class _NoKeys(KeyProvider):
    """A provider that answers nothing."""

    def get_umk(self) -> Any:
        return None

    def derive_kek(self, umk: Any, user_id: Any) -> Any:
        del umk, user_id

    def generate_dek(self, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs

    def decrypt_dek(self, *args: Any) -> Any:
        del args


@lie("keys", *all_rules("keys"), null=True)
def null_vault(
    folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
) -> Backend:
    """Does nothing: a store without answers, a storage without items, a provider without keys."""
    del folder, key_file, user_id, deadline_s
    return Backend(NullStore(ManualClock()), raw=_NoRaw(), keys=_NoKeys())
