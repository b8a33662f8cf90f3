"""AES-256-GCM: NIST's CAVP responses with the envelope's parameters (IV 96 bits, tag 128 bits).

`every_case` reads all 15,750 cases of the two 256-bit files; the tests run them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...kit.nist_files import FAIL, Section, octets, one, sections
from ...kit.recipe import Case, Family, Fields, Group
from ...kit.schemas import HEX, hex_of
from ...kit.sources import GCM_DECRYPT, GCM_ENCRYPT, PUBLISHED, SourceError

SECTIONS = 525
PER_SECTION = 15
NAMES = ("Count", "Key", "IV", "PT", "AAD", "CT", "Tag")
HEADER = ("Keylen", "IVlen", "PTlen", "AADlen", "Taglen")

FAMILY = Family(
    "nist-gcm",
    folder="nist",
    title="AES-256-GCM: NIST CAVP vectors with a 96-bit IV and a 128-bit tag",
    algorithm="AES-256-GCM",
    header=[
        "Of each section of NIST's files with these parameters, every case, in the file's order.",
        "An invalid case is one that the file marks FAIL: nothing may be decrypted.",
    ],
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """One case of a file; `plaintext` is None where the file says FAIL."""

    section: int
    count: int
    key: bytes
    iv: bytes
    aad: bytes
    plaintext: bytes | None
    ciphertext: bytes
    tag: bytes


def every_case(name: str) -> Iterator[Sealed]:
    """All cases of one file, with every length held against its section's header."""
    found = sections(name, "Count", NAMES)
    if len(found) != SECTIONS:
        raise SourceError(f"{name}: {len(found)} sections, not {SECTIONS}")
    for number, section in enumerate(found):
        yield from _section(name, number, section)


def _section(name: str, number: int, section: Section) -> Iterator[Sealed]:
    if tuple(section.parameters) != HEADER:
        raise SourceError(f"{name}:{section.line}: parameters {list(section.parameters)}")
    bits = {key: int(value) for key, value in section.parameters.items()}
    counts = [one(record, "Count") for record in section.records]
    if counts != [str(count) for count in range(PER_SECTION)]:
        raise SourceError(f"{name}:{section.line}: counts are not 0 to {PER_SECTION - 1}")
    for count, record in enumerate(section.records):
        failed = (FAIL, "") in record
        if len(record) != len(NAMES) or (failed and name != GCM_DECRYPT):
            raise SourceError(f"{name}:{section.line}: count {count} has other fields")
        yield Sealed(
            section=number,
            count=count,
            key=octets(record, "Key", bits["Keylen"]),
            iv=octets(record, "IV", bits["IVlen"]),
            aad=octets(record, "AAD", bits["AADlen"]),
            plaintext=None if failed else octets(record, "PT", bits["PTlen"]),
            ciphertext=octets(record, "CT", bits["PTlen"]),
            tag=octets(record, "Tag", bits["Taglen"]),
        )


def _like_the_envelope(name: str) -> Iterator[Sealed]:
    return (case for case in every_case(name) if (len(case.iv), len(case.tag)) == (12, 16))


def _slug(case: Sealed, direction: str) -> str:
    lengths = f"pt{8 * len(case.ciphertext)}-aad{8 * len(case.aad)}"
    return f"nist-gcm-{direction}-{lengths}-count{case.count}"


_PARAMETERS = {"key_bits": 256, "iv_bits": 96, "tag_bits": 128}
_BITS = {"type": "integer", "minimum": 1}


def _group(kind: str, name: str, fields: Fields) -> Group:
    return FAMILY.group(
        type=kind,
        file=f"aes-256-gcm-{kind}",
        fields=fields,
        parameters=_PARAMETERS,
        source=PUBLISHED[name],
    )


ENCRYPT = _group(
    "encrypt",
    GCM_ENCRYPT,
    Fields(
        input={"key": hex_of(32), "iv": hex_of(12), "aad": HEX, "plaintext": HEX},
        expected={"ciphertext": HEX, "tag": hex_of(16)},
        parameters=dict.fromkeys(_PARAMETERS, _BITS),
    ),
)
DECRYPT = _group(
    "decrypt",
    GCM_DECRYPT,
    Fields(
        input={
            "key": hex_of(32),
            "iv": hex_of(12),
            "aad": HEX,
            "ciphertext": HEX,
            "tag": hex_of(16),
        },
        expected={"plaintext": HEX},
        parameters=dict.fromkeys(_PARAMETERS, _BITS),
    ),
)


@ENCRYPT.case
def encrypt() -> Iterator[Case]:
    """A case of NIST's gcmEncryptExtIV256.rsp."""
    for case in _like_the_envelope(GCM_ENCRYPT):
        yield Case(
            _slug(case, "encrypt"),
            rules=["NIST SP 800-38D"],
            data={"key": case.key, "iv": case.iv, "aad": case.aad, "plaintext": case.plaintext},
            expected={"ciphertext": case.ciphertext, "tag": case.tag},
        )


@DECRYPT.case
def decrypt() -> Iterator[Case]:
    """A case of NIST's gcmDecrypt256.rsp."""
    for case in _like_the_envelope(GCM_DECRYPT):
        failed = case.plaintext is None
        yield Case(
            _slug(case, "decrypt"),
            rules=["NIST SP 800-38D"],
            data={
                "key": case.key,
                "iv": case.iv,
                "aad": case.aad,
                "ciphertext": case.ciphertext,
                "tag": case.tag,
            },
            expected=None if failed else {"plaintext": case.plaintext},
            result="invalid" if failed else "valid",
        )
