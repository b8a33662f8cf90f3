"""Part GCM: AES-256-GCM with a 96-bit nonce and a 128-bit tag at the end (ENV-01, ENV-04)."""

from __future__ import annotations

from Crypto.Cipher import AES

__all__ = ["TAG_BYTES", "decrypt", "encrypt"]

TAG_BYTES = 16


def encrypt(
    key: bytes, nonce: bytes, plaintext: bytes, aad: bytes, tag_bytes: int = TAG_BYTES
) -> bytes:
    """Ciphertext followed by the tag."""
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=tag_bytes)
    cipher.update(aad)
    ciphertext, tag = cipher.encrypt_and_digest(plaintext)
    return bytes(ciphertext) + bytes(tag)


def decrypt(
    key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_bytes: int = TAG_BYTES
) -> bytes | None:
    """The plaintext of ciphertext and tag, or None where the tag does not fit."""
    if len(sealed) < tag_bytes:
        return None
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=tag_bytes)
    cipher.update(aad)
    try:
        return bytes(cipher.decrypt_and_verify(sealed[:-tag_bytes], sealed[-tag_bytes:]))
    except ValueError:
        return None
