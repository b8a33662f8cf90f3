"""SHA-256: NIST's CAVP responses for short and long messages, and the Monte Carlo chain."""

from __future__ import annotations

from collections.abc import Iterator

from ...kit.nist_files import Record, octets, one, sections
from ...kit.recipe import Case, Family, Fields
from ...kit.schemas import HEX, INTEGER, hex_of, list_of, object_of
from ...kit.sources import PUBLISHED, SHA_LONG, SHA_MONTE, SHA_SHORT, SourceError

CHECKPOINTS = 100
STEPS_SHOWN = 5

FAMILY = Family(
    "nist-sha256",
    folder="nist",
    title="SHA-256: NIST CAVP vectors, short and long messages and the Monte Carlo test",
    algorithm="SHA-256",
    header=[
        (
            "Monte Carlo (SHAVS): MD0 = MD1 = MD2 = seed; for i = 3 to 1002, MDi = SHA-256 of"
            " MD(i-3), MD(i-2), MD(i-1) one after the other; the digest is MD1002, and the next"
            " checkpoint's seed. The first five steps stand beside each result."
        ),
    ],
)
_MESSAGE = Fields(input={"message": HEX}, expected={"digest": hex_of(32)})
_STEP = object_of({"i": INTEGER, "message": hex_of(96), "digest": hex_of(32)})

SHORT = FAMILY.group(
    type="message", file="sha-256-short", fields=_MESSAGE, source=PUBLISHED[SHA_SHORT]
)
LONG = FAMILY.group(
    type="message", file="sha-256-long", fields=_MESSAGE, source=PUBLISHED[SHA_LONG]
)
MONTE = FAMILY.group(
    type="monte-carlo",
    file="sha-256-monte-carlo",
    fields=Fields(
        input={"seed": hex_of(32)},
        intermediate={"steps": list_of(_STEP)},
        expected={"digest": hex_of(32)},
    ),
    source=PUBLISHED[SHA_MONTE],
)


def messages(name: str) -> Iterator[tuple[bytes, bytes]]:
    """(message, digest) of each case of a message file; the message has the length it says."""
    for record in _records(name, "Len", ("Len", "Msg", "MD")):
        bits = int(one(record, "Len"))
        # The file writes the empty message as one zero byte.
        yield (
            octets(record, "Msg", bits) if bits else octets(record, "Msg", 8)[:0],
            octets(record, "MD", 256),
        )


def _records(name: str, first: str, known: tuple[str, ...]) -> list[Record]:
    found = [section for section in sections(name, first, known) if section.records]
    if len(found) != 1 or found[0].parameters != {"L": "32"}:
        raise SourceError(f"{name}: not one section with [L = 32]")
    return found[0].records


@SHORT.case
def short() -> Iterator[Case]:
    """A case of NIST's SHA256ShortMsg.rsp."""
    yield from _cases(SHA_SHORT, "short")


@LONG.case
def long() -> Iterator[Case]:
    """A case of NIST's SHA256LongMsg.rsp."""
    yield from _cases(SHA_LONG, "long")


def _cases(name: str, kind: str) -> Iterator[Case]:
    for message, digest in messages(name):
        yield Case(
            f"nist-sha256-{kind}-{8 * len(message)}",
            rules=["FIPS 180-4"],
            data={"message": message},
            expected={"digest": digest},
        )


@MONTE.case
def monte_carlo() -> Iterator[Case]:
    """A checkpoint of NIST's SHA256Monte.txt."""
    seed_record, *records = _monte_records()
    seed = octets(seed_record, "Seed", 256)
    if [one(record, "COUNT") for record in records] != [str(n) for n in range(CHECKPOINTS)]:
        raise SourceError(f"{SHA_MONTE}: the checkpoints are not 0 to {CHECKPOINTS - 1}")
    for count, record in enumerate(records):
        digest = octets(record, "MD", 256)
        yield Case(
            f"nist-sha256-monte-carlo-{count}",
            rules=["FIPS 180-4", "SHAVS"],
            data={"seed": seed},
            intermediate={"steps": list(_steps(record))},
            expected={"digest": digest},
        )
        seed = digest


def _monte_records() -> list[Record]:
    """The seed's record, then one for each count (which follow the seed in one list)."""
    flat = [pair for record in _records(SHA_MONTE, "Seed", _MONTE_NAMES) for pair in record]
    records: list[Record] = []
    for pair in flat:
        if pair[0] in ("Seed", "COUNT"):
            records.append([])
        records[-1].append(pair)
    return records


_MONTE_NAMES = ("Seed", "COUNT", "i", "M", "MDi", "MD")


def _steps(record: Record) -> Iterator[dict[str, object]]:
    inner = record[1:-1]
    names = ("i", "M", "MDi") * STEPS_SHOWN
    if tuple(name for name, _ in inner) != names:
        raise SourceError(f"{SHA_MONTE}: the steps of a checkpoint are not i, M, MDi five times")
    for n in range(STEPS_SHOWN):
        step = inner[3 * n : 3 * n + 3]
        yield {
            "i": int(one(step, "i")),
            "message": octets(step, "M", 768),
            "digest": octets(step, "MDi", 256),
        }
