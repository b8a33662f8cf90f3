"""Identifiers, display ids, canonical addresses and sort keys, both ways (ADDR-01 to ADDR-06)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..kit.recipe import Bytes, Case, Family, Fields, Note
from ..kit.schemas import INTEGER, TEXT, hex_of, list_of, map_of
from ..kit.tables import Kind, kind, kinds

Parts = Mapping[str, Any]
PARTS = map_of({"type": ["string", "integer"]})
DIALOGUE = "nvidia-analysis"
TIME = "2026-02-03T10:15:00.000000Z"

FAMILY = Family(
    "address",
    title="Identifiers, display ids, canonical addresses and sort keys, both ways",
    notes={
        "Separator": Note(
            "a separator of keys or addresses inside an identifier",
            "two entities share an address, and one item passes for the other",
            ["ADDR-01", "ADDR-04"],
        ),
        "LookAlike": Note(
            "a character that looks like an allowed one, or is equal to it after normalisation",
            "two dialogues that people cannot tell apart",
            ["ADDR-01", "ADDR-02"],
        ),
        "Spelling": Note(
            "a number in another spelling than the one form",
            "an address parses to something that is written in another way",
            ["ADDR-02", "ADDR-10"],
        ),
        "Boundary": Note(
            "the first or last allowed value, or the one beyond",
            "off by one",
            ["ADDR-01", "ADDR-02"],
        ),
        "OtherLetter": Note(
            "the display id of an event names an entity of another type",
            "an event is filed under an entity that it does not belong to",
            ["ADDR-04"],
        ),
        "Unicode": Note(
            "a title with marks, compatibility forms or no Latin letter at all",
            "the same title gives other ids in other languages",
            ["ADDR-06"],
        ),
    },
)

IDENTIFIER = FAMILY.group(
    type="identifier",
    file="identifiers",
    fields=Fields(input={"text": TEXT}, expected={"partition_key": TEXT}),
)
DISPLAY_ID = FAMILY.group(
    type="display-id",
    file="identifiers",
    fields=Fields(
        input={"text": TEXT}, expected={"entity": TEXT, "round": INTEGER, "seq": INTEGER}
    ),
)
NEW_ID = FAMILY.group(
    type="new-dialogue-id",
    file="identifiers",
    fields=Fields(input={"title": TEXT}, expected={"candidates": list_of(TEXT)}),
)
ADDRESS = FAMILY.group(
    type="address",
    file="addresses",
    fields=Fields(
        input={"dialogue_id": TEXT, "entity": TEXT, "parts": PARTS},
        intermediate={"aad": hex_of(32)},
        expected={"address": TEXT, "pk": TEXT, "sk": TEXT},
    ),
)
PARSE_ADDRESS = FAMILY.group(
    type="parse-address",
    file="addresses",
    fields=Fields(
        input={"address": TEXT}, expected={"dialogue_id": TEXT, "entity": TEXT, "parts": PARTS}
    ),
)
PARSE_SORT_KEY = FAMILY.group(
    type="parse-sort-key",
    file="sort-keys",
    fields=Fields(input={"sk": TEXT}, expected={"entity": TEXT, "parts": PARTS}),
)


# -------------------------------------------------------------------------------- spoiled texts
@dataclass(frozen=True, slots=True)
class Fault:
    """From byte `at` on, `cut` bytes are taken out of a text and `put` is put in."""

    name: str
    mutation: str
    at: int
    cut: int
    put: str
    comment: str
    flags: tuple[str, ...] = ()

    def applied(self, text: str) -> str:
        """The text with this one fault."""
        octets = text.encode()
        return (octets[: self.at] + self.put.encode() + octets[self.at + self.cut :]).decode()

    def place(self, text: str, pointer: str) -> Bytes:
        """What the fault touches in the text: bytes that stay as they were are not counted."""
        octets, put = text.encode(), self.put.encode()
        cut, after = octets[self.at : self.at + self.cut], octets[self.at + self.cut :]
        kept = _alike(cut, put)
        cut, put, at = cut[kept:], put[kept:], self.at + kept
        kept = _alike(cut[::-1], put[::-1])
        cut, put, after = _less(cut, kept), _less(put, kept), cut[len(cut) - kept :] + after
        if not cut or not put:
            # Where equal bytes follow, which of them came or went is not told: the last one.
            at += _alike((cut or put) + after, after)
        return Bytes(pointer, at, max(len(cut), len(put)))


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes the two have in common at their beginnings."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _less(octets: bytes, count: int) -> bytes:
    return octets[: len(octets) - count]


def spoiled(good: Case, field: str, fault: Fault, rules: list[str]) -> Case:
    """The valid case with one fault in one field."""
    return Case(
        f"{good.tc_id}-{fault.name}",
        rules=rules,
        comment=fault.comment,
        flags=fault.flags,
        data={**good.data, field: fault.applied(good.data[field])},
        result="invalid",
        mutation=fault.mutation,
        sibling=good.tc_id,
        changed=[fault.place(good.data[field], f"/{field}")],
    )


# ---------------------------------------------------------------------------------- identifiers
def _identifier(slug: str, text: str, comment: str, *flags: str) -> Case:
    return Case(
        f"address-identifier-{slug}",
        rules=["ADDR-01", "ADDR-05"],
        comment=comment,
        flags=flags,
        data={"text": text},
        expected={"partition_key": f"dialogue#{text}"},
    )


@IDENTIFIER.case
def identifiers() -> Iterator[Case]:
    """An identifier is 1 to 96 of A-Z a-z 0-9 . _ -, the first a letter or a digit, kept as given."""
    yield _identifier("rfc-example", DIALOGUE, "the dialogue of the RFC's example")
    yield _identifier("one-character", "a", "the shortest", "Boundary")
    yield _identifier("longest", "a" * 96, "96 characters", "Boundary")
    yield _identifier("digit-first", "0-0", "a digit may be first")
    yield _identifier("upper-case", "NVIDIA", "case is kept, and is another identifier")
    yield _identifier("every-mark", "a._-", "dot, underscore and hyphen, the last one too")
    yield _identifier("dots", "a..", "dots have no meaning of their own")


@IDENTIFIER.case
def identifiers_refused() -> Iterator[Case]:
    """Anything else is refused before anything is written: each fault alone, in the RFC's example."""
    good = _identifier("rfc-example", DIALOGUE, "")
    for name, mutation, at, cut, put, comment, *flags in (
        ("hash", "id-separator", 6, 1, "#", "# separates the parts of keys", "Separator"),
        ("slash", "id-separator", 6, 1, "/", "/ separates the parts of addresses", "Separator"),
        ("colon", "id-separator", 6, 1, ":", ": begins addresses", "Separator"),
        ("two-parts", "id-separator", 0, 0, "dialogue#", "a whole key as an id", "Separator"),
        ("nul", "id-character", 15, 0, "\x00", "NUL at the end"),
        ("line-feed", "id-character", 15, 0, "\n", "a final line feed, which $ lets pass"),
        ("carriage-return", "id-character", 15, 0, "\r", "a final carriage return"),
        ("space", "id-character", 6, 1, " ", "a space"),
        ("leading-space", "id-character", 0, 0, " ", "not trimmed"),
        ("tab", "id-character", 6, 1, "\t", "a tab"),
        ("plus", "id-character", 6, 1, "+", "a plus sign"),
        ("percent", "id-character", 6, 1, "%2d", "not decoded"),
        ("backslash", "id-character", 6, 1, "\\", "a backslash"),
        ("delete", "id-character", 6, 1, "\x7f", "a control character"),
        ("first-hyphen", "id-first", 0, 0, "-", "a hyphen first"),
        ("first-dot", "id-first", 0, 0, ".", "a dot first"),
        ("first-underscore", "id-first", 0, 0, "_", "an underscore first"),
        ("cyrillic-a", "id-look-alike", 4, 1, "\u0430", "Cyrillic a for Latin a", "LookAlike"),
        ("full-width", "id-look-alike", 0, 1, "\uff4e", "a full-width n", "LookAlike"),
        ("hyphen-2010", "id-look-alike", 6, 1, "\u2010", "another hyphen", "LookAlike"),
        ("composed", "id-look-alike", 3, 1, "\u00ed", "an i with acute, composed", "LookAlike"),
        ("decomposed", "id-look-alike", 4, 0, "\u0301", "the same, decomposed", "LookAlike"),
        ("dotless-i", "id-look-alike", 3, 1, "\u0131", "a dotless i", "LookAlike"),
        (
            "kelvin",
            "id-look-alike",
            0,
            1,
            "\u212a",
            "the Kelvin sign, k in lower case",
            "LookAlike",
        ),
        ("long-s", "id-look-alike", 11, 1, "\u017f", "a long s, S in upper case", "LookAlike"),
        ("zero-width", "id-look-alike", 6, 0, "\u200b", "a zero-width space", "LookAlike"),
        ("rtl-override", "id-look-alike", 0, 0, "\u202e", "right-to-left override", "LookAlike"),
        ("byte-order-mark", "id-look-alike", 0, 0, "\ufeff", "a byte order mark", "LookAlike"),
        (
            "arabic-digit",
            "id-look-alike",
            15,
            0,
            "\u0661",
            "a digit of another script",
            "LookAlike",
        ),
        ("emoji", "id-character", 15, 0, "\U0001f600", "beyond the basic plane"),
        ("empty", "id-length", 0, 15, "", "the empty text", "Boundary"),
    ):
        fault = Fault(name, mutation, at, cut, put, comment, tuple(flags))
        yield spoiled(good, "text", fault, ["ADDR-01"])
    longest = _identifier("longest", "a" * 96, "")
    fault = Fault("and-one", "id-length", 96, 0, "a", "97 characters", ("Boundary",))
    yield spoiled(longest, "text", fault, ["ADDR-01"])


def _display(slug: str, text: str, comment: str, *flags: str) -> Case:
    (entity,) = (k.name for k in kinds().values() if k.letter == text[0])
    return Case(
        f"address-display-id-{slug}",
        rules=["ADDR-02"],
        comment=comment,
        flags=flags,
        data={"text": text},
        expected={"entity": entity, "round": int(text[1:3]), "seq": int(text[3:])},
    )


@DISPLAY_ID.case
def display_ids() -> Iterator[Case]:
    """A display id is a letter of P R T E C, a round 00-99 and a number 01-99: five characters."""
    for letter in "PRTEC":
        yield _display(f"{letter.lower()}-0102", f"{letter}0102", f"letter {letter}")
    yield _display("first", "P0001", "the first of all", "Boundary")
    yield _display("last", "P9999", "the last of all", "Boundary")


@DISPLAY_ID.case
def display_ids_refused() -> Iterator[Case]:
    """Whatever a tolerant number parser would take is no display id."""
    good = _display("p-0102", "P0102", "")
    for name, mutation, at, cut, put, comment, *flags in (
        ("seq-zero", "display-number", 4, 1, "0", "there is no 00", "Boundary"),
        ("sign", "display-number", 3, 1, "+", "a sign, as in P01+2", "Spelling"),
        ("minus", "display-number", 3, 1, "-", "a minus sign", "Spelling"),
        ("round-sign", "display-number", 1, 1, "+", "a sign in the round", "Spelling"),
        ("space", "display-number", 3, 1, " ", "a space for the zero", "Spelling"),
        ("underscore", "display-number", 2, 1, "_", "an underscore between digits", "Spelling"),
        ("hex", "display-number", 4, 1, "a", "a hex digit", "Spelling"),
        ("full-width", "display-number", 1, 1, "\uff10", "a full-width zero", "LookAlike"),
        ("arabic", "display-number", 4, 1, "\u0662", "an Arabic two", "LookAlike"),
        ("superscript", "display-number", 4, 1, "\u00b2", "a superscript two", "LookAlike"),
        ("unpadded", "display-length", 3, 1, "", "a digit is missing", "Spelling"),
        ("padded", "display-length", 1, 0, "0", "a digit too many", "Spelling"),
        ("line-feed", "display-length", 5, 0, "\n", "a final line feed"),
        ("empty", "display-length", 0, 5, "", "the empty text"),
        ("letter-only", "display-length", 1, 4, "", "no numbers"),
        ("lower-case", "display-letter", 0, 1, "p", "a lower-case letter"),
        ("unknown-letter", "display-letter", 0, 1, "X", "a letter of no type"),
        ("verdict-letter", "display-letter", 0, 1, "V", "verdicts have no display id"),
        ("no-letter", "display-letter", 0, 1, "0", "a digit for the letter"),
        ("cyrillic", "display-letter", 0, 1, "\u0420", "Cyrillic Er for P", "LookAlike"),
        ("local-id", "display-length", 0, 0, "MUFFIN-", "a local id of register_round"),
    ):
        fault = Fault(name, mutation, at, cut, put, comment, tuple(flags))
        yield spoiled(good, "text", fault, ["ADDR-02"])


# ---------------------------------------------------------------------------------------- new ids
def candidates(title: str) -> list[str]:
    """ADDR-06, step by step."""
    decomposed = unicodedata.normalize("NFKD", title)
    unmarked = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    hyphened = re.sub("[^A-Za-z0-9]+", "-", unmarked)
    slug = hyphened.lower().strip("-")[:64].strip("-") or "dialogue"
    return [slug, *(f"{slug}-{number}" for number in range(2, 100))]


@NEW_ID.case
def new_dialogue_ids() -> Iterator[Case]:
    """The candidates for a title: the slug, then the slug with -2 to -99 appended after the cut."""
    for slug, title, comment, *flags in (
        ("plain", "NVIDIA Analysis", "two words"),
        ("runs", "  a -- b??c  ", "each run of other characters is one hyphen"),
        ("empty", "", "no title"),
        ("nothing-kept", "\u4e2d\u6587 \u2014 \U0001f600", "no Latin letter, no digit", "Unicode"),
        ("marks", "Caf\u00e9 Cr\u00e8me", "composed marks", "Unicode"),
        ("marks-decomposed", "Cafe\u0301 Cre\u0300me", "the same, decomposed", "Unicode"),
        ("compatibility", "\ufb01le \u2460 \u33a1", "ligature, circled digit, unit", "Unicode"),
        ("full-width", "\uff21\uff22\uff23\uff11", "full-width letters and a digit", "Unicode"),
        (
            "no-decomposition",
            "stra\u00dfe \u0141\u00f3d\u017a",
            "sharp s and L with stroke",
            "Unicode",
        ),
        ("turkish", "\u0130stanbul I\u0131", "no locale takes part in lower case", "Unicode"),
        ("kelvin", "\u212aelvin \u212b", "signs that decompose to letters", "Unicode"),
        ("spacing-mark", "a\u0903b", "a mark that is not of category Mn is a run", "Unicode"),
        ("digits", "2026-02-03", "digits and hyphens"),
        ("exactly-64", "a" * 64, "exactly as long as may be", "Boundary"),
        ("cut-65", "a" * 65, "one more is cut", "Boundary"),
        ("cut-at-hyphen", "a" * 63 + " b", "trimmed again after the cut", "Boundary"),
        ("cut-inside", "word " * 20, "cut inside a word", "Boundary"),
        ("nul", "a\x00b", "NUL is like any other"),
    ):
        yield Case(
            f"address-new-dialogue-id-{slug}",
            rules=["ADDR-06"],
            comment=comment,
            flags=flags,
            data={"title": title},
            expected={"candidates": candidates(title)},
        )


# --------------------------------------------------------------------------- addresses, sort keys
def pieces(template: str, parts: Parts) -> list[tuple[str | None, str]]:
    """A template filled in, as (field or None for fixed text, text)."""
    found: list[tuple[str | None, str]] = []
    for piece in re.split(r"(\{[^}]*\})", template):
        if piece.startswith("{"):
            name, _, width = piece[1:-1].partition(":")
            found.append((name, f"{parts[name]:02d}" if width else str(parts[name])))
        elif piece:
            found.append((None, piece))
    return found


def filled(template: str, parts: Parts) -> str:
    """A template filled in."""
    return "".join(text for _, text in pieces(template, parts))


# One identity for each type; the perspective is the RFC's example.
_EXAMPLES: dict[str, dict[str, Any]] = {
    "dialogue": {},
    "expert": {"expert_slug": "muffin"},
    "round": {"round": 1},
    "verdict": {"verdict_id": "final-1"},
    "perspective": {"round": 1, "seq": 2},
    "tension": {"round": 0, "seq": 1},
    "recommendation": {"round": 10, "seq": 20},
    "evidence": {"round": 99, "seq": 99},
    "claim": {"round": 2, "seq": 10},
    "move": {"round": 1, "expert_slug": "muffin", "seq": 3},
    "ref": {"source_id": "P0102", "ref_type": "support", "target_id": "R0101"},
    "perspective_event": {"entity_id": "P0102", "timestamp": TIME},
    "tension_event": {"entity_id": "T0001", "timestamp": TIME},
    "recommendation_event": {"entity_id": "R0101", "timestamp": TIME},
    "signal": {"round": 1, "expert_slug": "muffin"},
    "dek": {"version": 1},
    "head": {},
    "request": {"request_id": "req-1"},
}
_MORE: dict[str, tuple[str, dict[str, Any], str]] = {
    "expert-longest": ("expert", {"expert_slug": "Z" * 96}, "an identifier of 96 characters"),
    "expert-dots": ("expert", {"expert_slug": "a.b_c-d"}, "every mark that an identifier may have"),
    "round-first": ("round", {"round": 0}, "round 0 is 00"),
    "round-last": ("round", {"round": 99}, "round 99"),
    "perspective-last": ("perspective", {"round": 99, "seq": 99}, "the last of the last round"),
    "move-digits": ("move", {"round": 1, "expert_slug": "02", "seq": 3}, "a slug like a number"),
    "verdict-like-a-key": ("verdict", {"verdict_id": "01"}, "an id like a round"),
    "dek-ten": ("dek", {"version": 10}, "versions are not padded"),
    "dek-last": ("dek", {"version": 10**15 - 1}, "15 digits"),
    "tension-event-leap": (
        "tension_event",
        {"entity_id": "T0001", "timestamp": "2024-02-29T23:59:59.999999Z"},
        "the 29th of February of a leap year",
    ),
}


def _slug(entity: str) -> str:
    return entity.replace("_", "-")


def _identities() -> Iterator[tuple[str, Kind, Parts, str]]:
    for entity, parts in _EXAMPLES.items():
        yield _slug(entity), kind(entity), parts, f"type {entity}"
    for slug, (entity, parts, comment) in _MORE.items():
        yield slug, kind(entity), parts, comment


def _address(template: str, parts: Parts) -> str:
    return f"dialogue:{DIALOGUE}/{filled(template, parts)}"


@ADDRESS.case
def addresses() -> Iterator[Case]:
    """Address, keys and associated data of an entity, from the templates of entities.json."""
    for slug, of, parts, comment in _identities():
        if of.address is not None:
            address = _address(of.address, parts)
            yield Case(
                f"address-address-{slug}",
                rules=["ADDR-03", "ADDR-05", "ENV-03"],
                comment=comment,
                data={"dialogue_id": DIALOGUE, "entity": of.name, "parts": parts},
                intermediate={"aad": sha256(address.encode()).digest()},
                expected={
                    "address": address,
                    "pk": f"dialogue#{DIALOGUE}",
                    "sk": filled(of.sk, parts),
                },
            )


@ADDRESS.case
def addresses_of_other_dialogues() -> Iterator[Case]:
    """Dialogues whose ids share a prefix never share an address."""
    of = kind("perspective")
    assert of.address is not None  # noqa: S101
    for dialogue_id in ("a", "a-b", "a.b", "A", "a.", "entity", "a" * 96):
        address = f"dialogue:{dialogue_id}/{filled(of.address, {'round': 1, 'seq': 2})}"
        name = {"A": "upper-a", "a.": "a-and-dot", "a.b": "a-dot-b", "a" * 96: "longest"}
        yield Case(
            f"address-address-dialogue-{name.get(dialogue_id, dialogue_id)}",
            rules=["ADDR-03", "ADDR-04", "ENV-03"],
            comment=f"dialogue {dialogue_id}",
            data={
                "dialogue_id": dialogue_id,
                "entity": "perspective",
                "parts": {"round": 1, "seq": 2},
            },
            intermediate={"aad": sha256(address.encode()).digest()},
            expected={
                "address": address,
                "pk": f"dialogue#{dialogue_id}",
                "sk": filled(of.sk, {"round": 1, "seq": 2}),
            },
        )


def _parsed_address(slug: str, of: Kind, parts: Parts, comment: str) -> Case:
    assert of.address is not None  # noqa: S101
    return Case(
        f"address-parse-address-{slug}",
        rules=["ADDR-03", "ADDR-04"],
        comment=comment,
        data={"address": _address(of.address, parts)},
        expected={"dialogue_id": DIALOGUE, "entity": of.name, "parts": parts},
    )


def _parsed_sort_key(slug: str, of: Kind, parts: Parts, comment: str) -> Case:
    return Case(
        f"address-parse-sort-key-{slug}",
        rules=["ADDR-04", "ADDR-05"],
        comment=comment,
        data={"sk": filled(of.sk, parts)},
        expected={"entity": of.name, "parts": parts},
    )


@PARSE_ADDRESS.case
def parsed_addresses() -> Iterator[Case]:
    """Parsing an address gives back its parts."""
    for slug, of, parts, comment in _identities():
        if of.address is not None:
            yield _parsed_address(slug, of, parts, comment)


@PARSE_SORT_KEY.case
def parsed_sort_keys() -> Iterator[Case]:
    """Parsing a sort key gives back the type and the parts."""
    for slug, of, parts, comment in _identities():
        yield _parsed_sort_key(slug, of, parts, comment)


# A fault of a part: name, first byte from the part's beginning, bytes cut, what is put in, why.
_PartFault = tuple[str, int, int, str, str]
_NUMBER: list[_PartFault] = [
    ("unpadded", 0, 1, "", "one digit"),
    ("padded", 0, 0, "0", "three digits"),
    ("sign", 0, 1, "+", "a sign"),
    ("space", 0, 1, " ", "a space"),
    ("full-width", 1, 1, "\uff11", "a full-width digit"),
    ("empty", 0, 2, "", "no number"),
]
_PART_FAULTS: dict[str, list[_PartFault]] = {
    "round": _NUMBER,
    "seq": [*_NUMBER, ("zero", 0, 2, "00", "there is no 00")],
    "version": [
        ("padded", 0, 0, "0", "a leading zero"),
        ("zero", 0, 1, "0", "versions begin at 1"),
        ("sign", 0, 0, "+", "a sign"),
        ("sixteen-digits", 1, 0, "0" * 15, "more than 15 digits"),
        ("point", 1, 0, ".0", "not an integer's spelling"),
        ("empty", 0, 1, "", "no version"),
    ],
    "identifier": [
        ("first", 0, 0, "-", "a hyphen first"),
        ("separator", 1, 0, "#", "a separator inside"),
        ("slash", 1, 0, "/", "a slash inside"),
        ("space", 1, 0, " ", "a space inside"),
        ("cyrillic", 1, 1, "\u0430", "a letter of another script"),
        ("too-long", 1, 0, "." * 96, "more than 96 characters"),
    ],
    "display_id": [
        ("lower-case", 0, 1, "p", "a lower-case letter"),
        ("seq-zero", 3, 2, "00", "there is no 00"),
        ("sign", 1, 1, "+", "a sign"),
        ("full-width", 2, 1, "\uff11", "a full-width digit"),
        ("unpadded", 1, 1, "", "a digit is missing"),
    ],
    "timestamp": [
        ("lower-case-z", 26, 1, "z", "a lower-case z"),
        ("lower-case-t", 10, 1, "t", "a lower-case t"),
        ("offset", 26, 1, "+00:00", "an offset for Z"),
        ("five-digits", 25, 1, "", "five fractional digits"),
        ("seven-digits", 26, 0, "1", "seven fractional digits"),
        ("no-such-day", 8, 2, "30", "the 30th of February"),
        ("second-60", 17, 2, "60", "second 60"),
        ("year-zero", 0, 4, "0000", "there is no year 0000"),
    ],
    "enum": [
        ("unknown", 0, 7, "cites", "no ref_type of the table"),
        ("upper-case", 0, 1, "S", "an upper-case letter"),
        ("empty", 0, 7, "", "no ref_type"),
    ],
}
_MUTATION = {
    "round": "address-number",
    "seq": "address-number",
    "version": "address-number",
    "identifier": "address-identifier",
    "display_id": "address-display-id",
    "timestamp": "address-timestamp",
}
_FLAG = {"separator": "Separator", "slash": "Separator", "cyrillic": "LookAlike"} | dict.fromkeys(
    ("unpadded", "padded", "sign", "full-width", "zero"), "Spelling"
)


def _other_letter(of: Kind, kind_of_field: str) -> list[_PartFault]:
    if kind_of_field == "display_id" and of.name.endswith("_event"):
        return [("other-letter", 0, 1, "E", "the letter of another type than the event's")]
    return []


def _faults_of_parts(of: Kind, prefix: str, template: str, parts: Parts) -> Iterator[Fault]:
    at = len(prefix.encode())
    for name, text in pieces(template, parts):
        if name is not None:
            of_type = of.field(name).type
            what = name if of_type == "int" else of_type
            for slug, start, cut, put, why in _PART_FAULTS[what] + _other_letter(of, what):
                flag = "OtherLetter" if slug == "other-letter" else _FLAG.get(slug)
                yield Fault(
                    f"{_slug(name)}-{slug}",
                    _MUTATION.get(what, "address-form"),
                    at + start,
                    cut,
                    put,
                    f"{name}: {why}",
                    (flag,) if flag else (),
                )
        at += len(text.encode())


@PARSE_ADDRESS.case
def addresses_refused() -> Iterator[Case]:
    """One fault in one part of an address: nothing but the one form is an address."""
    for entity, parts in _EXAMPLES.items():
        of = kind(entity)
        if of.address is None:
            continue
        good = _parsed_address(_slug(entity), of, parts, "")
        for fault in _faults_of_parts(of, f"dialogue:{DIALOGUE}/", of.address, parts):
            yield spoiled(good, "address", fault, ["ADDR-03", "ADDR-04", "ADDR-10"])


@PARSE_ADDRESS.case
def address_frames_refused() -> Iterator[Case]:
    """A fault outside the parts of an address: its frame, its type, its end."""
    good = _parsed_address("perspective", kind("perspective"), _EXAMPLES["perspective"], "")
    text = good.data["address"]
    type_at, end = text.index("perspective"), len(text)
    for name, at, cut, put, comment in (
        ("no-dialogue", 0, 9, "", "dialogue: is missing"),
        ("upper-case-dialogue", 0, 1, "D", "Dialogue: with a capital"),
        ("key-for-address", 8, 1, "#", "the separator of keys"),
        ("dialogue-id-empty", 9, 15, "", "no dialogue id"),
        ("dialogue-id-slash", 15, 1, "/", "a slash in the dialogue id"),
        ("dialogue-id-first", 9, 0, "-", "a dialogue id that is no identifier"),
        ("no-entity", 25, 7, "", "entity: is missing"),
        ("unknown-type", type_at, 11, "opinion", "a type that entities.json does not have"),
        ("upper-case-type", type_at, 1, "P", "a type with a capital"),
        ("type-without-address", type_at, 11, "ref", "refs have no address"),
        ("other-type", type_at, 11, "expert", "the subkey of another type"),
        ("no-subkey", type_at + 12, 5, "", "no subkey"),
        ("trailing-part", end, 0, "#03", "a part too many"),
        ("trailing-slash", end, 0, "/", "a slash at the end"),
        ("line-feed", end, 0, "\n", "a final line feed"),
        ("nul", end, 0, "\x00", "a final NUL"),
        ("leading-space", 0, 0, " ", "a blank in front"),
        ("byte-order-mark", 0, 0, "\ufeff", "a byte order mark in front"),
        ("double-slash", 24, 0, "/", "two slashes"),
        ("empty", 0, end, "", "the empty text"),
    ):
        fault = Fault(name, "address-form", at, cut, put, comment)
        yield spoiled(good, "address", fault, ["ADDR-03", "ADDR-04"])


@PARSE_SORT_KEY.case
def sort_keys_refused() -> Iterator[Case]:
    """One fault in one part of a sort key: an item that lies there is refused, layer envelope."""
    for entity, parts in _EXAMPLES.items():
        of = kind(entity)
        good = _parsed_sort_key(_slug(entity), of, parts, "")
        for fault in _faults_of_parts(of, "", of.sk, parts):
            yield _lying(good, fault)


@PARSE_SORT_KEY.case
def sort_key_frames_refused() -> Iterator[Case]:
    """A fault outside the parts of a sort key."""
    good = _parsed_sort_key("perspective", kind("perspective"), _EXAMPLES["perspective"], "")
    for name, at, cut, put, comment in (
        ("unknown-type", 0, 11, "opinion", "a type that entities.json does not have"),
        ("upper-case-type", 0, 1, "P", "a type with a capital"),
        ("address-for-key", 11, 1, "/", "the separator of addresses"),
        ("trailing-part", 17, 0, "#03", "a part too many"),
        ("trailing-hash", 17, 0, "#", "a separator at the end"),
        ("line-feed", 17, 0, "\n", "a final line feed"),
        ("leading-space", 0, 0, " ", "a blank in front"),
        ("no-type", 0, 12, "", "no type"),
        ("event-of-nothing", 0, 0, "event#", "events of perspectives have another subkey"),
        ("empty", 0, 17, "", "the empty text"),
    ):
        yield _lying(good, Fault(name, "sort-key-form", at, cut, put, comment))
    for entity, at, put, comment in (
        ("dialogue", 4, "#1", "meta has no parts"),
        ("head", 4, "#1", "head has no parts"),
    ):
        good = _parsed_sort_key(entity, kind(entity), {}, "")
        yield _lying(good, Fault("part", "sort-key-form", at, 0, put, comment))


def _lying(good: Case, fault: Fault) -> Case:
    faulty = Fault(
        fault.name, "sort-key-form", fault.at, fault.cut, fault.put, fault.comment, fault.flags
    )
    return spoiled(good, "sk", faulty, ["ADDR-04", "ENV-06"])
