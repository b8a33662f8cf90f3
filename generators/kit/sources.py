"""Published files that vectors are taken from: found in a pinned package, held to their hashes."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from importlib.resources import files

from .recipe import Source

PACKAGE = "cryptography_vectors"
VERSION = "50.0.2"

GCM_ENCRYPT = "ciphers/AES/GCM/gcmEncryptExtIV256.rsp"
GCM_DECRYPT = "ciphers/AES/GCM/gcmDecrypt256.rsp"
SHA_SHORT = "hashes/SHA2/SHA256ShortMsg.rsp"
SHA_LONG = "hashes/SHA2/SHA256LongMsg.rsp"
SHA_MONTE = "hashes/SHA2/SHA256Monte.txt"
HMAC = "HMAC/rfc-4231-sha256.txt"
HKDF = "KDF/rfc-5869-HKDF-SHA256.txt"

_HASHES = {
    GCM_ENCRYPT: "4448b4998c3f58cd9f5542ddf7c573189a721ff3d3ac24cd5177bb4910a787f8",
    GCM_DECRYPT: "ed318735a517d5a85c82d2846c23dcf56e57a352fb0f0a163d9e7617a7bd12ad",
    SHA_SHORT: "75e1cb83994638481808e225b9eb0c1ebd0c232d952ac42b61abce6363be283c",
    SHA_LONG: "6fac36f37360bcf74ffcf4465c18e30d6d5a04cc90885b901fc3130c16060974",
    SHA_MONTE: "0553303fe5b95ee2a5d8a1671e9bd94f403475e1a2f4ca43f59575cb39d03b3a",
    HMAC: "a152130875a5afa91afe974499822d96a995131ab2bbbaf3106ef4c00d3f334b",
    HKDF: "faeb61bd8baf571f0f42ba3cea5d075c0c7637b9acdd07831dcfa8295472992a",
}

PUBLISHED = {
    name: Source(f"cryptography-vectors/{name}", VERSION, digest)
    for name, digest in _HASHES.items()
}


class SourceError(Exception):
    """A published file is not there, is another one, or holds a line that is not understood."""


def text(name: str) -> str:
    """The text of a published file; `SourceError` where it is not the file that was pinned."""
    source = PUBLISHED[name]
    if (installed := version("cryptography-vectors")) != source.version:
        raise SourceError(f"cryptography-vectors {source.version} is pinned, not {installed}")
    try:
        content = files(PACKAGE).joinpath(name).read_bytes()
    except OSError as error:
        raise SourceError(f"{source.name} cannot be read: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.sha256:
        raise SourceError(
            f"{source.name} is not the pinned file: its SHA-256 is {digest}, not {source.sha256}"
        )
    return content.decode("ascii")
