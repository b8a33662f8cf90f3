"""Canonical payload JSON (ENV-02, ADDR-10): texts and their one form, and the plaintexts of each type."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from ..kit import crypto
from ..kit.field_faults import nested, sealed_values
from ..kit.item_faults import touched
from ..kit.mutations import MUTATIONS
from ..kit.recipe import Case, Family, Fields, Note
from ..kit.samples import SAMPLES, Sample, sample, sealed_fields
from ..kit.schemas import HEX, OBJECT, TEXT
from ..kit.tables import kind

__all__ = ["FAMILY"]

FAMILY = Family(
    "payload",
    title="Canonical JSON of payloads (RFC 8785) and the sealed fields of each type",
    header=[
        "canonicalise: write the JSON text of input.json in its canonical form, expected.canonical.",
        "canonical: say whether input.json is canonical, by parsing it and writing it again.",
        "A text that is not is refused at layer payload wherever it is the plaintext of an item.",
        "fields: read input.plaintext as the opened plaintext of an item of type input.entity.",
        "Texts are given as the hex of their bytes, for some are no text at all.",
    ],
    notes={
        "NumberForm": Note(
            "A number in some spelling.",
            "Two spellings of one number would be two plaintexts, and no sum or digest would agree.",
            ["ADDR-10", "STORE-12"],
        ),
        "Escape": Note(
            "A character that may be written in more ways than one.",
            "Equal texts would not be equal bytes.",
            ["ADDR-10"],
        ),
        "Unicode": Note(
            "Text beyond ASCII: nothing is normalised, dropped or replaced.",
            "Text would come back as another text.",
            ["ADDR-10", "STORE-12"],
        ),
        "KeyOrder": Note(
            "Keys go by their UTF-16 code units, not by code points or by a locale.",
            "Implementations agree until a key lies beyond U+FFFF.",
            ["ADDR-10"],
        ),
        "WhiteSpace": Note(
            "Blanks, tabs and line ends where JSON allows them.",
            "A reader that skips them accepts bytes that no writer of the contract makes.",
            ["ADDR-10"],
        ),
        "Encoding": Note(
            "Bytes that are not UTF-8, or that begin with a byte order mark.",
            "A decoder that replaces what it cannot read returns another text than was sealed.",
            ["ADDR-10", "ENV-06"],
        ),
        "Surrogate": Note(
            "Half of a surrogate pair.",
            "It is no Unicode scalar value: some languages cannot hold it, others write it as '?'.",
            ["STORE-12", "ENV-06"],
        ),
        "DuplicateKey": Note(
            "A key stands twice in one object.",
            "Parsers differ in which of the values they keep.",
            ["ENV-06"],
        ),
        "NotJson": Note(
            "A text that RFC 8259 does not allow; some parsers are more generous.",
            "What one implementation opens, another refuses.",
            ["ENV-06", "ENV-02"],
        ),
        "ExactFields": Note(
            "A sealed field too many, or too few.",
            "A field that is dropped without a word, or a default that nobody wrote.",
            ["ENV-02", "ENV-06"],
        ),
        "FieldForm": Note(
            "A sealed field whose value is not as entities.json says.",
            "A value that no write accepts would come out of a read.",
            ["ENV-02", "ENV-06"],
        ),
        "RfcExample": Note(
            "The RFC's own example, perspective 01#02 of nvidia-analysis.",
            "It is the case that everybody tries first.",
            ["ENV-02"],
        ),
    },
)

CANONICALISE = FAMILY.group(
    type="canonicalise",
    fields=Fields(input={"json": HEX}, intermediate={"text": TEXT}, expected={"canonical": HEX}),
)
CANONICAL = FAMILY.group(
    type="canonical",
    fields=Fields(input={"json": HEX}, intermediate={"text?": TEXT}),
)
FIELDS = FAMILY.group(
    type="fields",
    fields=Fields(
        input={"entity": TEXT, "plaintext": HEX},
        intermediate={"text": TEXT},
        expected={"fields": OBJECT},
    ),
)


def _canonicalise(slug: str, text: str, canonical: str, flag: str, comment: str = "") -> Case:
    """The form is written by hand and must be what the library makes of the text."""
    made = crypto.canonical(json.loads(text))
    if made != canonical.encode():
        raise ValueError(f"payload-canonicalise-{slug}: {made!r} is not what was expected")
    return Case(
        f"payload-canonicalise-{slug}",
        rules=["ADDR-10"],
        flags=[flag],
        data={"json": text.encode()},
        intermediate={"text": canonical},
        expected={"canonical": made},
        comment=comment,
    )


# -- numbers ---------------------------------------------------------------------------------------

#: (word for the tc_id, spellings, canonical form); the first spelling is no canonical one.
_NUMBERS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("one", ("1.0", "1e0", "1E0", "10e-1", "0.1e1", "1.00000000000000000000"), "1"),
    ("zero", ("0.0", "-0", "-0.0", "0e5", "1e-400"), "0"),
    ("hundred", ("1E2", "1e+2", "1e2", "100.0"), "100"),
    ("minus-ten", ("-1e1", "-10.0"), "-10"),
    ("half", ("0.50", "5e-1", "5E-1", "0.5000"), "0.5"),
    ("tenth", ("1e-1", "0.1000000000000000055511151231257827"), "0.1"),
    ("millionth", ("1e-6", "0.0000010"), "0.000001"),
    ("below-a-millionth", ("0.0000001", "1E-7", "1e-07", "1.0e-7"), "1e-7"),
    ("three-tenths-and-more", ("0.300000000000000040", "0.30000000000000004441"), "0.30000000000000004"),
    ("rounded-to-the-nearest", ("333333333.33333329", "333333333.333333301"), "333333333.3333333"),
    ("least", ("4.9e-324", "5E-324", "3e-324"), "5e-324"),
    ("least-negative", ("-4.9406564584124654e-324",), "-5e-324"),
    ("least-normal", ("2.2250738585072014E-308",), "2.2250738585072014e-308"),
    ("largest-whole", ("9007199254740991.0", "9.007199254740991e15"), "9007199254740991"),
    ("least-whole", ("-9007199254740991.0",), "-9007199254740991"),
    ("largest-with-a-half", ("4503599627370495.50",), "4503599627370495.5"),
    ("one-and-an-ulp", ("1.00000000000000022", "1.0000000000000002220446"), "1.0000000000000002"),
    ("octillionth", ("0.000000000000000000000000001", "1e-0027"), "1e-27"),
)  # fmt: skip


@CANONICALISE.case
def numbers() -> Iterator[Case]:
    """A number is its nearest double, written in the shortest form that gives it back (ECMAScript's)."""
    for name, spellings, canonical in _NUMBERS:
        for position, spelling in enumerate(spellings, 1):
            yield _canonicalise(
                f"number-{name}-{position}",
                f'{{"n":{spelling}}}',
                f'{{"n":{canonical}}}',
                "NumberForm",
            )


@CANONICAL.case
def canonical_numbers() -> Iterator[Case]:
    """A number in its one spelling."""
    for name, _, canonical in _NUMBERS:
        yield _is_canonical(f"number-{name}", f'{{"n":{canonical}}}', "NumberForm")


@CANONICAL.case
def number_spellings() -> Iterator[Case]:
    """Any other spelling of a number is refused, though it is the same number."""
    for name, spellings, _ in _NUMBERS:
        for position, spelling in enumerate(spellings, 1):
            yield _is_not(
                f"number-{name}-{position}",
                f'{{"n":{spelling}}}',
                "number-spelling",
                f"number-{name}",
                "NumberForm",
            )


# -- texts -----------------------------------------------------------------------------------------

#: (word, spellings of a text, canonical form), quotation marks included.
_TEXTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("letter", (r'"\u0061"',), '"a"'),
    ("slash", (r'"\/"', r'"\u002f"', r'"\u002F"'), '"/"'),
    ("quotation-mark", (r'"\u0022"',), r'"\""'),
    ("backslash", (r'"\u005c"', r'"\u005C"'), r'"\\"'),
    ("backspace", (r'"\u0008"',), r'"\b"'),
    ("tab", (r'"\u0009"',), r'"\t"'),
    ("line-feed", (r'"\u000a"', r'"\u000A"'), r'"\n"'),
    ("form-feed", (r'"\u000c"',), r'"\f"'),
    ("carriage-return", (r'"\u000d"',), r'"\r"'),
    ("unit-separator", (r'"\u001F"',), r'"\u001f"'),
    ("vertical-tab", (r'"\u000B"',), r'"\u000b"'),
    ("delete", (r'"\u007f"', r'"\u007F"'), '"\x7f"'),
    ("next-line", (r'"\u0085"',), '"\x85"'),
    ("umlaut", (r'"\u00e4"', r'"\u00E4"'), '"\u00e4"'),
    ("decomposed", (r'"a\u0308"',), '"a\u0308"'),
    ("euro", (r'"\u20ac"', r'"\u20AC"'), '"\u20ac"'),
    ("line-separators", (r'"\u2028\u2029"',), '"\u2028\u2029"'),
    ("emoji", (r'"\ud83d\ude00"', r'"\uD83D\uDE00"', '"\U0001f469\\u200d\U0001f52c"'), ""),
    ("right-to-left", (r'"\u05e9\u05dc\u05d5\u05dd \u202eabc"',), '"\u05e9\u05dc\u05d5\u05dd \u202eabc"'),
    ("byte-order-mark-inside", (r'"a\ufeffb"',), '"a\ufeffb"'),
    ("noncharacters", (r'"\uffff\ufffe\udbff\udfff"',), '"\uffff\ufffe\U0010ffff"'),
    ("private-use", (r'"\ue000"',), '"\ue000"'),
    ("angle-brackets", (r'"\u003c\/script\u003e\u0026\u0027"',), "\"</script>&'\""),
)  # fmt: skip


def _text_forms() -> Iterator[tuple[str, str, str]]:
    for name, spellings, canonical in _TEXTS:
        for position, spelling in enumerate(spellings, 1):
            form = canonical or json.dumps(json.loads(spelling), ensure_ascii=False)
            yield f"{name}-{position}", spelling, form


@CANONICALISE.case
def texts() -> Iterator[Case]:
    """Only quotation mark, backslash and U+0000 to U+001F are escaped, in the shortest form, in
    lower-case hex."""
    for name, spelling, form in _text_forms():
        flag = "Escape" if form.isascii() else "Unicode"
        yield _canonicalise(f"text-{name}", f'{{"t":{spelling}}}', f'{{"t":{form}}}', flag)


@CANONICAL.case
def canonical_texts() -> Iterator[Case]:
    """A text in its one spelling."""
    for name, _, form in _text_forms():
        if name.endswith("-1") or name == "emoji-3":
            yield _is_canonical(f"text-{name}", f'{{"t":{form}}}', "Escape")
    yield _is_canonical("text-nul", r'{"t":"\u0000"}', "Escape")


@CANONICAL.case
def text_spellings() -> Iterator[Case]:
    """An escape that is not needed, too long, or in capitals is refused."""
    for name, spelling, _ in _text_forms():
        sibling = name if name == "emoji-3" else name[:-1] + "1"
        yield _is_not(
            f"text-{name}", f'{{"t":{spelling}}}', "escape-spelling", f"text-{sibling}", "Escape"
        )


# -- structure -------------------------------------------------------------------------------------

_KEYS: tuple[tuple[str, str, str], ...] = (
    ("two", '{"b":1,"a":2}', '{"a":2,"b":1}'),
    ("capitals", '{"a":1,"_":2,"B":3,"":4,"aa":5}', '{"":4,"B":3,"_":2,"a":1,"aa":5}'),
    ("digits", '{"9":1,"10":2,"1":3}', '{"1":3,"10":2,"9":1}'),
    ("nested", '{"a":[{"d":1,"c":{"f":1,"e":2}}]}', '{"a":[{"c":{"e":2,"f":1},"d":1}]}'),
    (
        "of-a-prototype",
        '{"constructor":1,"__proto__":{"b":2,"__proto__":null}}',
        '{"__proto__":{"__proto__":null,"b":2},"constructor":1}',
    ),
    ("umlauts", '{"\u00f6":1,"z":2,"o":3}', '{"o":3,"z":2,"\u00f6":1}'),
    ("beyond-the-bmp", '{"\ue000":1,"\U00010000":2}', '{"\U00010000":2,"\ue000":1}'),
    ("last-units", '{"\uffff":1,"\U0010ffff":2,"\ud7ff":3}', '{"\ud7ff":3,"\U0010ffff":2,"\uffff":1}'),
    ("controls", '{"\\"":1," ":2,"\\u001f":3,"\\u0000":4}', '{"\\u0000":4,"\\u001f":3," ":2,"\\"":1}'),
    (
        "many-scripts",
        '{"\u20ac":1,"\\r":2,"\ufb33":3,"1":4,"\U0001f600":5,"\x80":6,"\u00f6":7}',
        '{"\\r":2,"1":4,"\x80":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
    ),
)  # fmt: skip


@CANONICALISE.case
def key_orders() -> Iterator[Case]:
    """Keys go by UTF-16 code units at every depth, lists stay as they are."""
    for name, text, canonical in _KEYS:
        yield _canonicalise(f"keys-{name}", text, canonical, "KeyOrder")


@CANONICAL.case
def canonical_keys() -> Iterator[Case]:
    """Keys in their one order."""
    for name, _, canonical in _KEYS:
        yield _is_canonical(f"keys-{name}", canonical, "KeyOrder")


@CANONICAL.case
def other_key_orders() -> Iterator[Case]:
    """The same members in another order are refused."""
    for name, text, _ in _KEYS:
        yield _is_not(f"keys-{name}-unsorted", text, "key-order", f"keys-{name}", "KeyOrder")


_SPACES = (
    ("after-the-colon", '{"a": [1,{}]}'),
    ("after-the-comma", '{"a":[1, {}]}'),
    ("before-the-brace", '{"a":[1,{}] }'),
    ("in-front", ' {"a":[1,{}]}'),
    ("at-the-end", '{"a":[1,{}]} '),
    ("tab", '{\t"a":[1,{}]}'),
    ("line-feed", '{\n"a":[1,{}]\n}'),
    ("carriage-return", '{\r\n"a":[1,{}]}'),
    ("inside-an-empty-object", '{"a":[1,{ }]}'),
    ("newline-at-the-end", '{"a":[1,{}]}\n'),
)


@CANONICALISE.case
def spaces() -> Iterator[Case]:
    """White space between tokens goes."""
    for name, text in _SPACES:
        yield _canonicalise(f"space-{name}", text, '{"a":[1,{}]}', "WhiteSpace")


@CANONICAL.case
def plain() -> Iterator[Case]:
    """Canonical texts from which others are spoiled."""
    yield _is_canonical("structure", '{"a":[1,{}]}', "WhiteSpace")
    yield _is_canonical("member", '{"a":"grey","b":{"a":1,"c":2.5}}', "NumberForm")
    for name, text in (
        ("empty-object", "{}"),
        ("empty-list", '{"a":[]}'),
        ("literals", '{"a":null,"b":true,"c":false}'),
        ("empty-texts", '{"":"","a":""}'),
        ("63-deep", json.dumps(nested(63), separators=(",", ":"))),
    ):
        yield _is_canonical(name, text, "WhiteSpace")


@CANONICAL.case
def white_space() -> Iterator[Case]:
    """White space where JSON allows it is refused, a newline at the end included."""
    for name, text in _SPACES:
        yield _is_not(f"space-{name}", text, "white-space", "structure", "WhiteSpace")


@CANONICAL.case
def around_the_value() -> Iterator[Case]:
    """Nothing stands before or after the value."""
    for name, spoiled, mutation, flag in (
        ("bom", b'\xef\xbb\xbf{"a":[1,{}]}', "byte-order-mark", "Encoding"),
        ("two-boms", b'\xef\xbb\xbf\xef\xbb\xbf{"a":[1,{}]}', "byte-order-mark", "Encoding"),
        ("nul", b'{"a":[1,{}]}\x00', "trailing-bytes", "NotJson"),
        ("brace", b'{"a":[1,{}]}}', "trailing-bytes", "NotJson"),
        ("comma", b'{"a":[1,{}]},', "trailing-bytes", "NotJson"),
        ("second-value", b'{"a":[1,{}]}{"a":[1,{}]}', "trailing-bytes", "NotJson"),
        ("bom-at-the-end", b'{"a":[1,{}]}\xef\xbb\xbf', "trailing-bytes", "Encoding"),
        ("escape-character", b'{"a":[1,{}]}\x1a', "trailing-bytes", "NotJson"),
    ):
        yield _is_not(f"around-{name}", spoiled, mutation, "structure", flag)


_MEMBER = b'{"a":"grey","b":{"a":1,"c":2.5}}'


@CANONICAL.case
def duplicates() -> Iterator[Case]:
    """A key that stands twice is refused: equal values, other values, other spellings of the key."""
    for name, spoiled in (
        ("equal", b'{"a":"grey","a":"grey","b":{"a":1,"c":2.5}}'),
        ("other-first", b'{"a":"x","a":"grey","b":{"a":1,"c":2.5}}'),
        ("other-last", b'{"a":"grey","a":"x","b":{"a":1,"c":2.5}}'),
        ("at-the-end", b'{"a":"grey","b":{"a":1,"c":2.5},"a":"grey"}'),
        ("escaped", b'{"a":"grey","\\u0061":"grey","b":{"a":1,"c":2.5}}'),
        ("further-in", b'{"a":"grey","b":{"a":1,"a":1,"c":2.5}}'),
        ("null-first", b'{"a":null,"a":"grey","b":{"a":1,"c":2.5}}'),
    ):
        yield _is_not(f"duplicate-{name}", spoiled, "duplicate-key", "member", "DuplicateKey")


@CANONICAL.case
def duplicates_of_a_prototype() -> Iterator[Case]:
    """A name that some objects cannot be given by assignment stands twice."""
    text = '{"__proto__":{"__proto__":null,"__proto__":null,"b":2},"constructor":1}'
    yield _is_not("twice-proto", text, "duplicate-key", "keys-of-a-prototype", "DuplicateKey")


@CANONICAL.case
def not_utf_8() -> Iterator[Case]:
    """Bytes that are no UTF-8: strict decoders agree on all of these, generous ones do not."""
    for name, instead in (
        ("ff", b"\xff"),
        ("latin-1", b"\xe9"),
        ("lone-continuation", b"\x80"),
        ("cut-two-bytes", b"\xc3"),
        ("cut-three-bytes", b"\xe2\x82"),
        ("cut-four-bytes", b"\xf0\x9f\x98"),
        ("overlong-nul", b"\xc0\x80"),
        ("overlong-letter", b"\xc1\xa5"),
        ("overlong-three-bytes", b"\xe0\x81\xa5"),
        ("overlong-four-bytes", b"\xf0\x80\x81\xa5"),
        ("surrogate", b"\xed\xa0\x80"),
        ("surrogate-pair", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("beyond-10ffff", b"\xf4\x90\x80\x80"),
        ("five-bytes", b"\xf8\x88\x80\x80\x80"),
    ):
        spoiled = _MEMBER.replace(b"grey", b"gr" + instead + b"y")
        yield _is_not(f"utf-8-{name}", spoiled, "not-utf-8", "member", "Encoding")
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le"):
        spoiled = _MEMBER.decode().encode(codec)
        # Without a mark these are valid UTF-8 with a NUL beside every character: no JSON.
        yield _is_not(f"{codec}", spoiled, "not-json", "member", "Encoding")
    marked = b"\xff\xfe" + _MEMBER.decode().encode("utf-16-le")
    yield _is_not("utf-16-with-mark", marked, "not-utf-8", "member", "Encoding")


@CANONICAL.case
def lone_surrogates() -> Iterator[Case]:
    """An escaped surrogate without its other half is no Unicode scalar value."""
    for name, instead in (
        ("high", rb"\ud800"),
        ("low", rb"\udc00"),
        ("high-in-capitals", rb"\uD83D"),
        ("two-highs", rb"\ud83d\ud83d"),
        ("reversed", rb"\ude00\ud83d"),
        ("high-and-letter", rb"\ud83dx"),
        ("high-and-escape", rb"\ud83d\n"),
        ("high-and-raw-low", b"\\ud83d\xed\xb8\x80"),
    ):
        spoiled = _MEMBER.replace(b"grey", instead)
        mutation = "not-utf-8" if b"\xed" in instead else "surrogate"
        yield _is_not(f"surrogate-{name}", spoiled, mutation, "member", "Surrogate")
    spoiled = _MEMBER.replace(b'"c"', rb'"\ud800"')
    yield _is_not("surrogate-in-a-key", spoiled, "surrogate", "member", "Surrogate")


@CANONICAL.case
def not_json() -> Iterator[Case]:
    """What some parsers take and RFC 8259 does not."""
    for name, number in (
        ("nan", "NaN"),
        ("infinity", "Infinity"),
        ("minus-infinity", "-Infinity"),
        ("plus", "+2.5"),
        ("leading-zero", "02.5"),
        ("minus-leading-zero", "-02.5"),
        ("no-fraction", "2."),
        ("no-whole-part", ".5"),
        ("no-exponent", "2e"),
        ("exponent-sign-only", "2e+"),
        ("hexadecimal", "0x2"),
        ("underscore", "2_5"),
        ("decimal-comma", "2,5"),
        ("two-signs", "--2"),
        ("arabic-digit", "\u0662"),
        ("capital-literal", "True"),
        ("cut-literal", "nul"),
        ("undefined", "undefined"),
        ("single-quotes", "'x'"),
        ("comment", "2.5/**/"),
        ("trailing-comma", "2.5,"),
        ("list-with-trailing-comma", "[2.5,]"),
        ("list-with-a-hole", "[2.5,,1]"),
        ("list-left-open", "[2.5"),
        ("missing-value", ""),
    ):
        spoiled = _MEMBER.replace(b"2.5", number.encode())
        yield _is_not(f"not-json-{name}", spoiled, "not-json", "member", "NotJson")
    for name, text in (
        ("bare-line-feed", b"gr\ny"),
        ("bare-tab", b"gr\ty"),
        ("bare-nul", b"gr\x00y"),
        ("escape-x", rb"gr\x65y"),
        ("escape-a", rb"gr\ay"),
        ("escape-zero", rb"gr\0y"),
        ("short-escape", rb"gr\u65y"),
        ("capital-u", rb"gr\U0065y"),
        ("long-escape", rb"gr\u{65}y"),
        ("backslash-at-the-end", b"grey\\"),
        ("unquoted", b'grey"x"'),
    ):
        spoiled = _MEMBER.replace(b"grey", text)
        yield _is_not(f"not-json-{name}", spoiled, "not-json", "member", "NotJson")
    for name, spoiled in (
        ("empty", b""),
        ("blank", b" "),
        ("unquoted-key", _MEMBER.replace(b'"a"', b"a", 1)),
        ("no-colon", _MEMBER.replace(b":", b"", 1)),
        ("last-byte-cut", _MEMBER[:-1]),
        ("first-byte-cut", _MEMBER[1:]),
        ("number-as-key", _MEMBER.replace(b'"a"', b"1", 1)),
    ):
        yield _is_not(f"not-json-{name}", spoiled, "not-json", "member", "NotJson")


def _is_canonical(slug: str, text: str, flag: str) -> Case:
    made = crypto.canonical(json.loads(text))
    if made != text.encode():
        raise ValueError(f"payload-canonical-{slug}: {text} is not canonical")
    return Case(
        f"payload-canonical-{slug}",
        rules=["ADDR-10"],
        flags=[flag],
        data={"json": made},
        intermediate={"text": text},
    )


@cache
def _canonical_texts() -> dict[str, bytes]:
    """The valid texts by the rest of their tc_id."""
    recipes = (canonical_numbers, canonical_texts, canonical_keys, plain)
    cases = (case for recipe in recipes for case in recipe())
    return {case.tc_id.removeprefix("payload-canonical-"): case.data["json"] for case in cases}


def _is_not(slug: str, spoiled: str | bytes, mutation: str, sibling: str, flag: str) -> Case:
    text = spoiled.encode() if isinstance(spoiled, str) else spoiled
    return Case(
        f"payload-not-canonical-{slug}",
        rules=MUTATIONS[mutation].rules,
        flags=[flag],
        data={"json": text},
        result="invalid",
        mutation=mutation,
        sibling=f"payload-canonical-{sibling}",
        changed=[touched("/json", _canonical_texts()[sibling], text)],
    )


# -- the sealed fields of each type ----------------------------------------------------------------

_SEALED = tuple(of for of in SAMPLES if kind(of.entity).sealed)


def _fields(slug: str, of: Sample, fields: dict[str, Any], **more: Any) -> Case:
    plaintext = crypto.canonical(fields)
    return Case(
        f"payload-fields-{slug}",
        rules=["ENV-02"],
        flags=more.pop("flags", ["ExactFields"]),
        data={"entity": of.entity, "plaintext": plaintext},
        intermediate={"text": plaintext.decode()},
        expected={"fields": fields},
        **more,
    )


@FIELDS.case
def perspective_of_the_rfc() -> Case:
    """The RFC's example: the decrypted payload of perspective 01#02 of nvidia-analysis."""
    of = sample("perspective")
    return _fields("rfc-example", of, sealed_fields(of), flags=["RfcExample"])


@FIELDS.case
def full_and_bare() -> Iterator[Case]:
    """Each type with every sealed field set, and with null where a field may be unset."""
    for of in _SEALED:
        yield _fields(f"{of.slug}-full", of, sealed_fields(of))
        if any(field.nullable for field in kind(of.entity).sealed):
            yield _fields(f"{of.slug}-bare", of, sealed_fields(of, bare=True))


#: Names that an object of JavaScript has from elsewhere, or cannot be given by assignment.
_PROTOTYPE: dict[str, Any] = {
    "__proto__": {"polluted": True},
    "constructor": {"prototype": None},
    "hasOwnProperty": 0,
    "toString": [],
    "valueOf": "x",
}


@FIELDS.case
def values_come_back() -> Iterator[Case]:
    """Any text and any JSON that a field may hold comes back exactly as it was given (STORE-12)."""
    of = sample("recommendation")
    for slug, change in (
        ("nul", {"content": "a\x00b"}),
        ("controls", {"content": "\x01\x08\t\n\x0b\x0c\r\x1f\x7f\x80"}),
        ("emoji", {"label": "\U0001f469\u200d\U0001f52c \U0001f1e9\U0001f1ea"}),
        ("right-to-left", {"label": "\u05e9\u05dc\u05d5\u05dd \u202e\u0645\u0631\u062d\u0628\u0627"}),
        ("not-normalised", {"label": "a\u0308 \u00e4 \ufb01 \u2126"}),
        ("noncharacters", {"label": "\ufffe\uffff\U0010ffff"}),
        ("numbers", {"parameters": {"n": [0, -1, 0.5, 1e-7, 5e-324, 2**53 - 1, -(2**53) + 1]}}),
        ("empty-members", {"parameters": {"": {}, "a": [], "b": "", "c": None, "d": [[], {}]}}),
        ("keys-beyond-the-bmp", {"parameters": {"\ue000": 1, "\U00010000": 2}}),
        ("64-deep", {"parameters": {"a": nested(63)}}),
        ("empty-object", {"parameters": {}}),
        ("names-of-a-prototype", {"parameters": _PROTOTYPE}),
        ("html", {"label": "</script>&'\"\\/"}),
        ("white-space", {"label": " \t ", "content": "\u00a0\u2028\u2029\ufeff"}),
    ):  # fmt: skip
        yield _fields(f"value-{slug}", of, {**sealed_fields(of), **change}, flags=["Unicode"])
    background = {"background": {"subject": "x"}}
    meta = sample("dialogue")
    yield _fields("optional-members-left-out", meta, {**sealed_fields(meta), **background})
    verdict = sample("verdict")
    lists: dict[str, Any] = {"conditions": [], "supporting_experts": [], "tensions_accepted": []}
    yield _fields("empty-lists", verdict, {**sealed_fields(verdict), **lists})


@FIELDS.case
def field_missing() -> Iterator[Case]:
    """A sealed field is left out instead of null: every field of every type."""
    for of in _SEALED:
        for field in kind(of.entity).sealed:
            rest = {n: v for n, v in sealed_fields(of).items() if n != field.name}
            yield _spoiled(f"{of.slug}-no-{field.name}", of, rest, "key-missing", "ExactFields")


@FIELDS.case
def field_wrong() -> Iterator[Case]:
    """A sealed field is not of its type or form: every field of every type."""
    for of in _SEALED:
        for field in kind(of.entity).sealed:
            for wrong in sealed_values(field):
                yield _spoiled(
                    f"{of.slug}-{field.name}-{wrong.slug}",
                    of,
                    {**sealed_fields(of), field.name: wrong.value},
                    wrong.mutation,
                    "FieldForm",
                )


@FIELDS.case
def field_added() -> Iterator[Case]:
    """A key that the type does not have, a cleartext field, a key field, a computed one."""
    for of in _SEALED:
        yield _spoiled(
            f"{of.slug}-added",
            of,
            {**sealed_fields(of), "note": None},
            "unknown-key",
            "ExactFields",
        )
    for entity, name, value in (
        ("perspective", "status", "open"),
        ("perspective", "round", 1),
        ("perspective", "description", "x"),
        ("dialogue", "dialogue_id", "nvidia-analysis"),
        ("verdict", "key_claims", ["C0101"]),
        ("verdict", "tensions_resolved", []),
        ("head", "revision", 42),
        ("perspective", "", None),
        ("perspective", "Label", "x"),
        ("perspective", "__proto__", None),
        ("perspective", "__proto__", {"label": "x"}),
        ("perspective", "constructor", "x"),
        ("perspective", "toString", None),
    ):
        of = sample(entity)
        slug = f"{of.slug}-added-{name.strip('_') or 'empty-name'}".lower()
        slug = slug.replace("label", "capital-label")
        if isinstance(value, dict):
            slug += "-object"
        fields = {**sealed_fields(of), name: value}
        yield _spoiled(slug, of, fields, "unknown-key", "ExactFields")


@FIELDS.case
def not_an_object() -> Iterator[Case]:
    """Canonical JSON, but no object of the type's fields."""
    of = sample("perspective")
    for slug, value in (
        ("list", []),
        ("object-in-a-list", [sealed_fields(of)]),
        ("text", "x"),
        ("object-as-text", crypto.canonical(sealed_fields(of)).decode()),
        ("null", None),
        ("number", 17),
        ("true", True),
    ):
        yield _spoiled(f"{slug}-for-an-object", of, value, "not-an-object", "ExactFields")
    yield _spoiled("empty-object", of, {}, "key-missing", "ExactFields")


@FIELDS.case
def beyond_a_field() -> Iterator[Case]:
    """Canonical JSON of a value that no write takes: too deep, or a whole number beyond 2^53 - 1."""
    of = sample("recommendation")
    deep = {**sealed_fields(of), "parameters": {"a": nested(64)}}
    yield _spoiled("65-deep", of, deep, "nested-too-deep", "FieldForm")
    objects: Any = {}
    for _ in range(64):
        objects = {"a": objects}
    deep = {**sealed_fields(of), "parameters": objects}
    yield _spoiled("65-objects-deep", of, deep, "nested-too-deep", "FieldForm")
    for name, number in (
        ("2-53", "9007199254740992"),
        ("minus-2-53", "-9007199254740992"),
        ("2-53-and-one", "9007199254740993"),
        ("2-64", "18446744073709552000"),
        ("1e21", "1e+21"),
        ("largest-double", "1.7976931348623157e+308"),
        ("beyond-a-double", "1e400"),
    ):
        yield _rewritten(f"number-{name}", of, b"0.333333", number.encode(), "number-range")
    deep_text = b"[" * 10_000 + b"]" * 10_000
    yield _rewritten("10000-deep", of, b"0.333333", deep_text, "nested-too-deep")


@FIELDS.case
def not_canonical() -> Iterator[Case]:
    """The right fields, but not in the canonical form: any reader that only parses takes these."""
    for of in _SEALED:
        plaintext = crypto.canonical(sealed_fields(of))
        fields = json.loads(plaintext)
        spaced = json.dumps(fields, ensure_ascii=False, sort_keys=True).encode()
        yield _bytes(f"{of.slug}-spaces", of, spaced, "white-space", "WhiteSpace")
        if len(fields) > 1:
            backwards = {name: fields[name] for name in sorted(fields, reverse=True)}
            unsorted = json.dumps(backwards, separators=(",", ":"), ensure_ascii=False).encode()
            # What lies further in stays in its order: only the members themselves are turned round.
            yield _bytes(f"{of.slug}-unsorted", of, unsorted, "key-order", "KeyOrder")
        name = min(fields)
        member = f'"{name}":'.encode() + crypto.canonical(fields[name])
        twice = plaintext.replace(member, member + b"," + member, 1)
        yield _bytes(f"{of.slug}-{name}-twice", of, twice, "duplicate-key", "DuplicateKey")
    of = sample("perspective")
    for slug, how, mutation, flag in _WHOLE:
        whole = how(crypto.canonical(sealed_fields(of)))
        yield _bytes(f"perspective-{slug}", of, whole, mutation, flag)


_WHOLE: tuple[tuple[str, Callable[[bytes], bytes], str, str], ...] = (
    ("newline", lambda text: text + b"\n", "white-space", "WhiteSpace"),
    ("indented", lambda text: json.dumps(json.loads(text), indent=1).encode(), "white-space", "WhiteSpace"),
    ("bom", lambda text: b"\xef\xbb\xbf" + text, "byte-order-mark", "Encoding"),
    ("nul", lambda text: text + b"\x00", "trailing-bytes", "NotJson"),
    ("twice", lambda text: text + text, "trailing-bytes", "NotJson"),
    ("cut", lambda text: text[:-1], "not-json", "NotJson"),
    ("utf-16", lambda text: text.decode().encode("utf-16-le"), "not-json", "Encoding"),
    ("latin-1", lambda text: text.replace(b"premium", b"pr\xe9mium"), "not-utf-8", "Encoding"),
    ("escaped-letter", lambda text: text.replace(b"premium", rb"pr\u0065mium"), "escape-spelling", "Escape"),
    ("escaped-slash", lambda text: text.replace(b"P/E", rb"P\/E"), "escape-spelling", "Escape"),
    ("surrogate", lambda text: text.replace(b"premium", rb"\ud83d"), "surrogate", "Surrogate"),
    ("empty", lambda _: b"", "not-json", "NotJson"),
)  # fmt: skip


def _rewritten(slug: str, of: Sample, old: bytes, new: bytes, mutation: str) -> Case:
    plaintext = crypto.canonical(sealed_fields(of))
    if plaintext.count(old) != 1:
        raise ValueError(f"{slug}: the sample has not one {old!r}")
    return _bytes(slug, of, plaintext.replace(old, new), mutation, "NumberForm")


def _spoiled(slug: str, of: Sample, value: Any, mutation: str, flag: str) -> Case:
    return _bytes(slug, of, crypto.canonical(value), mutation, flag)


def _bytes(slug: str, of: Sample, plaintext: bytes, mutation: str, flag: str) -> Case:
    return Case(
        f"payload-fields-{slug.replace('_', '-')}",
        rules=MUTATIONS[mutation].rules,
        flags=[flag],
        data={"entity": of.entity, "plaintext": plaintext},
        result="invalid",
        mutation=mutation,
        sibling=f"payload-fields-{of.slug}-full",
        changed=[touched("/plaintext", crypto.canonical(sealed_fields(of)), plaintext)],
    )
