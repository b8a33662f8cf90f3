"""The published families: NIST's and the RFCs' own cases, in this verifier's primitives."""

from __future__ import annotations

from .. import gcm, hkdf
from ..work import Refused, Work, check

__all__: list[str] = []

_SHOWN_STEPS = 5


@check("nist", "encrypt")
def encrypt(work: Work) -> None:
    """SP 800-38D, authenticated encryption."""
    size = work.parameters["tag_bits"] // 8
    key, iv, aad = (work.octets(name) for name in ("key", "iv", "aad"))
    _check_sizes(work, key, iv)
    sealed = gcm.encrypt(key, iv, work.octets("plaintext"), aad, size)
    work.give(ciphertext=sealed[:-size], tag=sealed[-size:])


@check("nist", "decrypt")
def decrypt(work: Work) -> None:
    """SP 800-38D, authenticated decryption."""
    size = work.parameters["tag_bits"] // 8
    key, iv, aad, ciphertext, tag = (
        work.octets(name) for name in ("key", "iv", "aad", "ciphertext", "tag")
    )
    _check_sizes(work, key, iv)
    if len(tag) != size:
        raise ValueError(f"a tag of {len(tag)} bytes")
    plaintext = gcm.decrypt(key, iv, ciphertext + tag, aad, size)
    if plaintext is None:
        raise Refused("tag")
    work.give(plaintext=plaintext)


def _check_sizes(work: Work, key: bytes, iv: bytes) -> None:
    bits = work.parameters
    if (len(key) * 8, len(iv) * 8) != (bits["key_bits"], bits["iv_bits"]):
        raise ValueError("key or IV has another size than the group says")


@check("nist", "message")
def message(work: Work) -> None:
    """FIPS 180-4."""
    work.give(digest=hkdf.sha256(work.octets("message")))


@check("nist", "monte-carlo")
def monte_carlo(work: Work) -> None:
    """SHAVS: a thousand digests, each of the three before it."""
    last = [work.octets("seed")] * 3
    steps: list[dict[str, int | bytes]] = []
    for number in range(3, 1003):
        text = b"".join(last)
        last = [*last[1:], hkdf.sha256(text)]
        if len(steps) < _SHOWN_STEPS:
            steps.append({"i": number, "message": text, "digest": last[-1]})
    work.note(steps=steps)
    work.give(digest=last[-1])


@check("nist", "mac")
def mac(work: Work) -> None:
    """RFC 4231."""
    work.give(mac=hkdf.hmac_sha256(work.octets("key"), work.octets("message")))


@check("nist", "derive")
def derive(work: Work) -> None:
    """RFC 5869, both steps."""
    prk = hkdf.extract(work.octets("salt"), work.octets("ikm"))
    work.note(prk=prk)
    work.give(okm=hkdf.expand(prk, work.octets("info"), work.input["length"]))
