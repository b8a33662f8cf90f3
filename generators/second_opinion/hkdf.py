"""Part HKDF: RFC 5869 with SHA-256 over HMAC (ADDR-10), and the keys that the contract derives."""

from __future__ import annotations

from Crypto.Hash import HMAC, SHA256

__all__ = [
    "commitment",
    "derive",
    "expand",
    "extract",
    "hmac_sha256",
    "kek",
    "kek_check",
    "kek_id",
    "mac_key",
    "sha256",
    "sum_key",
]

KEY_BYTES = 32


def sha256(data: bytes) -> bytes:
    """The 32 bytes of SHA-256."""
    return SHA256.new(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """The 32 bytes of HMAC-SHA256."""
    return HMAC.new(key, data, SHA256).digest()


def extract(salt: bytes, ikm: bytes) -> bytes:
    """RFC 5869, 2.2; an empty salt stands for 32 zeros."""
    return hmac_sha256(salt or bytes(KEY_BYTES), ikm)


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, 2.3."""
    out = block = b""
    number = 1
    while len(out) < length:
        block = hmac_sha256(prk, block + info + bytes([number]))
        out += block
        number += 1
    return out[:length]


def derive(ikm: bytes, info: bytes) -> bytes:
    """The contract's HKDF(ikm, info): empty salt, 32 bytes."""
    return expand(extract(b"", ikm), info, KEY_BYTES)


def kek(umk: bytes, user_id: str) -> bytes:
    """KEY-03: the key that wraps data keys."""
    return derive(umk, b"blue/kek/v1\x00" + user_id.encode("utf-8"))


def kek_check(kek_bytes: bytes) -> str:
    """KEY-05: k, the 16 hex digits that stand for a KEK."""
    return derive(kek_bytes, b"blue/kek-check/v1").hex()[:16]


def kek_id(kek_bytes: bytes, user_id: str) -> str:
    """KEY-05: ``kek#{u}#{k}``."""
    return f"kek#{sha256(user_id.encode('utf-8')).hex()[:16]}#{kek_check(kek_bytes)}"


def commitment(dek: bytes) -> str:
    """KEY-06: what ties a wrapped data key to its bytes."""
    return derive(dek, b"blue/commit/v1").hex()


def sum_key(dek: bytes) -> bytes:
    """HEAD-02: the key of the head's sum."""
    return derive(dek, b"blue/head/v1")


def mac_key(kek_bytes: bytes, dialogue_id: str) -> bytes:
    """AUDIT-02: the key of the macs on a dialogue's events."""
    return derive(kek_bytes, b"blue/audit-mac/v1\x00" + dialogue_id.encode("ascii"))
