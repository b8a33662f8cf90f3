"""HKDF-SHA256: the test cases of RFC 5869 (A.1 to A.3)."""

from __future__ import annotations

from collections.abc import Iterator

from ...kit.nist_files import octets, one, sections
from ...kit.recipe import Case, Family, Fields
from ...kit.schemas import HEX, hex_of
from ...kit.sources import HKDF, PUBLISHED, SourceError

CASES = 3

FAMILY = Family(
    "nist-hkdf",
    folder="nist",
    title="HKDF-SHA256: the test cases of RFC 5869",
    algorithm="HKDF-SHA256",
)
DERIVE = FAMILY.group(
    type="derive",
    file="hkdf-sha256",
    fields=Fields(
        input={"ikm": HEX, "salt": HEX, "info": HEX, "length": {"type": "integer", "minimum": 1}},
        intermediate={"prk": hex_of(32)},
        expected={"okm": HEX},
    ),
    source=PUBLISHED[HKDF],
)


@DERIVE.case
def rfc_5869() -> Iterator[Case]:
    """A test case of RFC 5869, appendix A."""
    (section,) = sections(
        HKDF, "COUNT", ("COUNT", "Hash", "IKM", "salt", "info", "L", "PRK", "OKM")
    )
    counts = [one(record, "COUNT") for record in section.records]
    if counts != [str(n + 1) for n in range(CASES)]:
        raise SourceError(f"{HKDF}: the cases are not 1 to {CASES}")
    for number, record in enumerate(section.records, start=1):
        if one(record, "Hash") != "SHA-256":
            raise SourceError(f"{HKDF}: case {number} is not of SHA-256")
        length = int(one(record, "L"))
        yield Case(
            f"nist-hkdf-rfc-5869-case-{number}",
            rules=["RFC 5869"],
            data={
                "ikm": octets(record, "IKM"),
                "salt": octets(record, "salt"),
                "info": octets(record, "info"),
                "length": length,
            },
            intermediate={"prk": octets(record, "PRK", 256)},
            expected={"okm": octets(record, "OKM", 8 * length)},
        )
