"""What a key provider is (KEY-01), and how it derives, makes, wraps and opens keys: the same everywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag

from ...contract import addresses
from ...contract.items import Value, canonical_json
from ..keys import (
    ALGORITHM,
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    DekHandle,
    KekHandle,
    Randomness,
    UmkHandle,
    check_user_id,
    dek_address,
    system_randomness,
)
from ..payloads import Fault, parse_payload

__all__ = ["KeyProvider"]


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
            "content_encrypted": kek.seal(nonce, payload, digest),
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
        plaintext = kek.open(nonce, sealed, digest)
    except InvalidTag:
        raise Fault("key", "the wrapped key does not open") from None
    payload = parse_payload("dek", plaintext)
    dek = DekHandle(base64.b64decode(payload["key"]), dialogue_id, version)
    if not hmac.compare_digest(dek.commitment().encode(), commitment.encode("utf-8", "replace")):
        raise Fault("key", "the commitment is not that of the key")
    return dek
