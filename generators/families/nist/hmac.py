"""HMAC-SHA256: the test cases of RFC 4231."""

from __future__ import annotations

from collections.abc import Iterator

from ...kit.nist_files import octets, one, sections
from ...kit.recipe import Case, Family, Fields
from ...kit.schemas import HEX, hex_of
from ...kit.sources import HMAC, PUBLISHED, SourceError

# RFC 4231's seven but the fifth (a shortened output), which the published file leaves out.
NUMBERS = (1, 2, 3, 4, 6, 7)

FAMILY = Family(
    "nist-hmac",
    folder="nist",
    title="HMAC-SHA256: the test cases of RFC 4231",
    algorithm="HMAC-SHA256",
)
MAC = FAMILY.group(
    type="mac",
    file="hmac-sha256",
    fields=Fields(input={"key": HEX, "message": HEX}, expected={"mac": hex_of(32)}),
    source=PUBLISHED[HMAC],
)


@MAC.case
def rfc_4231() -> Iterator[Case]:
    """A test case of RFC 4231."""
    (section,) = sections(HMAC, "Len", ("Len", "Key", "Msg", "MD"))
    if len(section.records) != len(NUMBERS):
        raise SourceError(f"{HMAC}: {len(section.records)} cases, not {len(NUMBERS)}")
    for number, record in zip(NUMBERS, section.records, strict=True):
        yield Case(
            f"nist-hmac-rfc-4231-case-{number}",
            rules=["RFC 4231"],
            data={
                "key": octets(record, "Key"),
                "message": octets(record, "Msg", int(one(record, "Len"))),
            },
            expected={"mac": octets(record, "MD", 256)},
        )
