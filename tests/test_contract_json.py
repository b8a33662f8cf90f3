"""Canonical JSON (ADDR-10), the canonical form, size and index attributes of items (ADDR-05, STORE-15)."""

from __future__ import annotations

import enum
import json
import struct
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.contract import items
from reference_impl.contract.entities import NextSeq
from reference_impl.contract.items import canonical_item, canonical_json, item_size
from reference_impl.contract.migration_store import BackupText
from reference_impl.contract.tables import TYPES

MAX_SAFE = 2**53 - 1

# -- canonical JSON, by hand ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ("", '""'),
        ([], "[]"),
        ({}, "{}"),
        ([1, [2, []], {}], "[1,[2,[]],{}]"),
        ((1, "a"), '[1,"a"]'),
        ({"b": 1, "a": {"d": None, "c": []}}, '{"a":{"c":[],"d":null},"b":1}'),
        ({"a": 1, "B": 2, "": 3, "aa": 4, "_": 5}, '{"":3,"B":2,"_":5,"a":1,"aa":4}'),
        # Only what must be escaped is, in its shortest form and in lower case.
        ("\b\t\n\f\r", r'"\b\t\n\f\r"'),
        ("\x00\x01\x0b\x1f", r'"\u0000\u0001\u000b\u001f"'),
        ('"\\/', r'"\"\\/"'),
        ("\x7f\x80\u2028\u2029\ufeff\uffff", '"\x7f\x80\u2028\u2029\ufeff\uffff"'),
        ("€😀e\u0301é", '"€😀e\u0301é"'),
        ("</script>&'", '"</script>&\'"'),
        # Keys go by UTF-16 code units: an astral key lies before U+E000 and after U+D7FF.
        ({"\ue000": 1, "\U00010000": 2}, '{"\U00010000":2,"\ue000":1}'),
        ({"\uffff": 1, "\U0010ffff": 2, "\ud7ff": 3}, '{"\ud7ff":3,"\U0010ffff":2,"\uffff":1}'),
        (
            {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7},
            '{"\\r":2,"1":4,"\x80":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
        ),
        ({"\0": 1, "\x1f": 2, " ": 3, '"': 4}, r'{"\u0000":1,"\u001f":2," ":3,"\"":4}'),
        # Integers.
        (0, "0"),
        (-1, "-1"),
        (MAX_SAFE, "9007199254740991"),
        (-MAX_SAFE, "-9007199254740991"),
        # What only looks like another type.
        (NextSeq(7), "7"),
        (BackupText("a\n"), r'"a\n"'),
    ],
)
def test_canonical_json(value: Any, text: str) -> None:
    assert canonical_json(value) == text.encode("utf-8")
    assert canonical_json([value, 0.5]) == f"[{text},0.5]".encode()


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
        (0xFFEFFFFFFFFFFFFF, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xC340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
        (0x44B52D02C7E14AF6, "1e+23"),
        (0x44B52D02C7E14AF7, "1.0000000000000001e+23"),
        (0x444B1AE4D6E2EF4E, "999999999999999700000"),
        (0x444B1AE4D6E2EF4F, "999999999999999900000"),
        (0x444B1AE4D6E2EF50, "1e+21"),
        (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
        (0x3EB0C6F7A0B5ED8D, "0.000001"),
        (0x41B3DE4355555553, "333333333.3333332"),
        (0x41B3DE4355555555, "333333333.3333333"),
        (0x41B3DE4355555557, "333333333.33333343"),
        (0xBECBF647612F3696, "-0.0000033333333333333333"),
        (0x43143FF3C1CB0959, "1424953923781206.2"),
    ],
)
def test_a_number_as_rfc_8785_writes_it(bits: int, text: str) -> None:
    """The pairs of appendix B: the bits of a double and its text."""
    (number,) = struct.unpack(">d", bits.to_bytes(8, "big"))
    assert canonical_json(number) == text.encode()
    assert canonical_json({"n": [number]}) == b'{"n":[' + text.encode() + b"]}"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-1.0, "-1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-10, "1.25e-10"),
        (123456789012345.0, "123456789012345"),
        (1e15, "1000000000000000"),
        (1e16, "10000000000000000"),
        (1e20, "100000000000000000000"),
        (1.5e300, "1.5e+300"),
        (4.35, "4.35"),
    ],
)
def test_a_number_in_its_shortest_form(number: float, text: str) -> None:
    assert canonical_json(number) == text.encode()


def _nested(depth: int, inside: Any = None) -> Any:
    value: Any = inside
    for _ in range(depth):
        value = [value]
    return value


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "wrap", [lambda v: v, lambda v: {"k": [v, 0.5]}, lambda v: [v, "\U0001f600"]]
)
@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "\ud800",
        "a\udfff",
        {"\ud83d": 1},
        {"\udc00\U00010000": 1},
        2**53,
        -(2**53),
        2**64,
        10**400,
        {1: 2},
        {None: 1},
        {b"k": 1},
        {"a": 1, 2: 3},
        {("a",): 1},
        b"bytes",
        bytearray(b"x"),
        {1, 2},
        object(),
        1j,
        enum.Enum("Kind", "A"),
        _nested(100_000),
        _nested(100_000, 0.5),
        _endless(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_carry_is_refused(wrap: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="RFC 8785"):
        canonical_json(wrap(value))


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(ValueError, match=r".+") as raised:
        canonical_json({"title": "secret \ud800"})
    assert "secret" not in repr(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("inside", [None, 0.5], ids=["integers", "floats"])
def test_nesting_is_no_matter_of_which_library_writes(inside: Any) -> None:
    """orjson stops at depth 254; the contract's 64, and far more, must pass either way."""
    for depth in (64, 253, 254, 255, 300):
        value = _nested(depth, inside)
        assert canonical_json(value) == rfc8785.dumps(value)


# -- canonical JSON, for all values --------------------------------------------------------------

TEXT = st.one_of(
    st.text(),
    st.text(
        st.sampled_from('\0\b\t\n\x1f\x7f\x80"\\/\u2028\ud7ff\ue000\uffff\U00010000\U0010ffffaé')
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_SAFE, MAX_SAFE),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
WITHOUT_FLOATS = st.one_of(st.none(), st.booleans(), st.integers(-MAX_SAFE, MAX_SAFE), TEXT)


def _trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5), st.dictionaries(TEXT, inner, max_size=8)
        ),
        max_leaves=20,
    )


@pytest.mark.property
@given(st.one_of(_trees(SCALARS), _trees(WITHOUT_FLOATS)))
def test_the_fast_way_writes_what_rfc8785_writes(value: Any) -> None:
    written = canonical_json(value)
    assert written == rfc8785.dumps(value)
    again = json.loads(written, parse_int=float)  # every number is a double
    assert again == value
    assert canonical_json(again) == written


@pytest.mark.property
@given(st.dictionaries(TEXT, st.integers(0, 9), min_size=2, max_size=10), st.randoms())
def test_the_order_of_insertion_does_not_matter(value: dict[str, int], random: Any) -> None:
    pairs = list(value.items())
    random.shuffle(pairs)
    written = canonical_json(dict(pairs))
    assert written == canonical_json(value)
    order = list(json.loads(written))
    assert order == sorted(value, key=lambda key: key.encode("utf-16-be"))


# -- items ---------------------------------------------------------------------------------------


def test_a_canonical_item_has_its_bytes_as_base64() -> None:
    item: items.Item = {
        "sk": "round#01",
        "pk": "dialogue#a",
        "score": -12,
        "relevance": 0.25,
        "calibrated": True,
        "content_nonce": bytes(12),
        "content_encrypted": b"\xfb\xff",
        "empty": b"",
    }
    assert canonical_item(item) == (
        b'{"calibrated":true,"content_encrypted":"+/8=","content_nonce":"AAAAAAAAAAAAAAAA",'
        b'"empty":"","pk":"dialogue#a","relevance":0.25,"score":-12,"sk":"round#01"}'
    )
    assert item["content_nonce"] == bytes(12)


def test_a_number_in_an_item_does_not_depend_on_how_an_engine_gives_it_back() -> None:
    assert canonical_item({"n": 1}) == canonical_item({"n": 1.0}) == b'{"n":1}'


@pytest.mark.parametrize("value", [float("nan"), 2**53, "\ud800"])
def test_an_item_that_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="RFC 8785"):
        canonical_item({"pk": "a", "n": value})


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        # Names and texts count their UTF-8 bytes.
        ({"pk": "dialogue#a", "sk": "meta"}, 2 + 10 + 2 + 4),
        ({"a": ""}, 1),
        ({"a": "é"}, 1 + 2),
        ({"a": "€"}, 1 + 3),
        ({"a": "😀"}, 1 + 4),
        ({"a": "e\u0301\0"}, 1 + 4),
        ({"é€": "x"}, 5 + 1),
        # Bytes count themselves, not their base64; a boolean is one.
        ({"a": b""}, 1),
        ({"a": b"\xff" * 28}, 1 + 28),
        ({"a": True, "b": False}, 4),
        # A number: one, one more for each two significant digits, one more below zero.
        ({"n": 0}, 1 + 1),
        ({"n": 1}, 1 + 2),
        ({"n": 10}, 1 + 2),
        ({"n": 99}, 1 + 2),
        ({"n": 100}, 1 + 2),
        ({"n": 101}, 1 + 3),
        ({"n": 12_345}, 1 + 4),
        ({"n": -12}, 1 + 3),
        ({"n": 0.25}, 1 + 2),
        ({"n": 0.125}, 1 + 3),
        ({"n": 0.000001}, 1 + 2),
        ({"n": 1.0}, 1 + 2),
        ({"n": 9_007_199_254_740_991}, 1 + 9),
    ],
)
def test_the_size_of_an_item(item: items.Item, size: int) -> None:
    assert item_size(item) == size


def test_the_limit_is_dynamodbs() -> None:
    assert items.MAX_ITEM_BYTES == 409_600
    assert item_size({"pk": "x" * 409_598}) == items.MAX_ITEM_BYTES


@pytest.mark.property
@given(
    st.dictionaries(
        st.text(min_size=1), st.one_of(st.text(), st.binary(), st.booleans()), max_size=6
    )
)
def test_an_item_is_the_sum_of_its_attributes(item: items.Item) -> None:
    assert item_size(item) == sum(item_size({name: value}) for name, value in item.items())
    for name, value in item.items():
        data = value.encode() if isinstance(value, str) else value
        length = len(data) if isinstance(data, bytes) else 1
        assert item_size({name: value}) == len(name.encode()) + length


def test_the_key_of_an_item() -> None:
    assert items.key_of({"pk": "dialogue#a", "sk": "meta", "status": "open"}) == (
        "dialogue#a",
        "meta",
    )


# -- index attributes (HEAD-06) ------------------------------------------------------------------

AT = "2026-02-03T10:15:00.000000Z"


@pytest.mark.parametrize(
    ("entity", "parts", "cleartext", "expected"),
    [
        (
            "dialogue",
            {},
            {"status": "open", "updated_at": AT},
            {"by_status_pk": "status#open", "by_status_sk": f"{AT}#nvidia"},
        ),
        (
            "tension",
            {"round": 1, "seq": 2},
            {"status": "reopened", "updated_at": AT},
            {
                "by_tension_status_pk": "tension_status#reopened",
                "by_tension_status_sk": "nvidia#T0102",
            },
        ),
        (
            "expert",
            {"expert_slug": "muffin"},
            {"tier": "Core", "first_round": 7},
            {"by_expert_pk": "expert#muffin", "by_expert_sk": "nvidia#07"},
        ),
        (
            "expert",
            {"expert_slug": "muffin"},
            {"tier": "Core"},
            {"by_expert_pk": "expert#muffin", "by_expert_sk": "nvidia#00"},
        ),
        (
            "move",
            {"round": 12, "expert_slug": "muffin", "seq": 3},
            {"move_type": "defend"},
            {"by_expert_pk": "expert#muffin", "by_expert_sk": "nvidia#12"},
        ),
        ("perspective", {"round": 1, "seq": 2}, {"status": "open"}, {}),
        ("head", {}, {"revision": 1}, {}),
        ("signal", {"round": 1, "expert_slug": "muffin"}, {}, {}),
    ],
)
def test_index_attributes(
    entity: str, parts: dict[str, Any], cleartext: dict[str, Any], expected: dict[str, str]
) -> None:
    assert items.index_attributes(TYPES[entity], "nvidia", parts, cleartext) == expected
