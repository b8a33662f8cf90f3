"""What a store computes before it writes: sizes of items, parts of a journal, requests (STORE-15, HEAD-07,
STORE-22)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance import load_vectors
from generators.kit.repeats import spread
from reference_impl.contract.entities import plain
from reference_impl.contract.items import canonical_json, item_size
from reference_impl.contract.limits import MAX_ITEM_BYTES
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.store.journal import Journal
from reference_impl.store.planning.idempotency import input_hash
from reference_impl.store.planning.parameters import validated
from reference_impl.store.planning.round_parameters import validated_round
from reference_impl.testing import ManualClock, open_store

from .vector_reading import GivenKey, cases

Case = Mapping[str, Any]
Hash = Callable[[str, Mapping[str, Any]], str]


def whole(family: str, type_: str) -> list[Case]:
    """All cases of a family's groups of a type."""
    return [case.values[0] for case in cases(family, type_)]


def refused_wrongly(family: str, type_: str, holds: Callable[[Case], bool]) -> list[str]:
    """The cases of which somebody says otherwise than the vectors."""
    return [
        case["tc_id"] for case in whole(family, type_) if holds(case) != (case["result"] == "valid")
    ]


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("item-size", "size"))
def test_the_size_of_an_item(case: Case) -> None:
    size = item_size(spread(case["input"]["item"]))
    if case["result"] == "valid":
        assert size == case["expected"]["size"]
    assert (size <= MAX_ITEM_BYTES) == (case["result"] == "valid")


def in_characters(value: Any) -> int:
    if isinstance(value, bool):
        return 1
    return len(value) if isinstance(value, str | bytes) else item_size({"": value})


def as_eight_bytes(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return 8 if is_number else item_size({"": value})


def as_text(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return len(canonical_json(value)) if is_number else item_size({"": value})


def half_of_the_digits(value: Any) -> int:
    """Two digits a byte without a look at where the decimal point is, and nothing for a sign."""
    if isinstance(value, str | bytes | bool):
        return item_size({"": value})
    digits = f"{abs(value):.17g}".replace(".", "").strip("0").partition("e")[0]
    return 1 + (len(digits) + 1) // 2


@pytest.mark.parametrize(
    ("wrong", "most", "shown_by"),
    [
        (in_characters, MAX_ITEM_BYTES, "item-size-two-bytes"),
        (as_eight_bytes, MAX_ITEM_BYTES, "item-size-zero"),
        (as_text, MAX_ITEM_BYTES, "item-size-one-digit"),
        (half_of_the_digits, MAX_ITEM_BYTES, "item-size-below-zero"),
        (lambda value: item_size({"": value}), 400_000, "item-size-limit-bytes"),
        (lambda value: item_size({"": value}), MAX_ITEM_BYTES - 1, "item-size-limit-text"),
        (lambda value: item_size({"": value}), MAX_ITEM_BYTES + 1, "item-size-over-by-a-byte"),
    ],
)
def test_sizes_that_are_counted_wrongly_are_seen(
    wrong: Callable[[Any], int], most: int, shown_by: str
) -> None:
    def holds(case: Case) -> bool:
        item = spread(case["input"]["item"])
        size = sum(len(name.encode()) + wrong(value) for name, value in item.items())
        return size <= most and size == case.get("expected", {"size": size})["size"]

    assert shown_by in refused_wrongly("item-size", "size", holds)


# -- journals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("journal", "pack"))
def test_the_parts_of_a_journal(case: Case) -> None:
    given = case["input"]
    items = [spread(item) for item in given["items"]]
    journal = Journal.of(given["dialogue_id"], items, given["token"])
    assert [told(part) for part in journal.parts] == case["expected"]["parts"]
    text = b"".join(bytes(part["items"]) for part in journal.parts)  # type: ignore[arg-type]
    assert (len(text), hashlib.sha256(text).hexdigest()) == (
        case["intermediate"]["length"],
        case["intermediate"]["sha256"],
    )


def told(part: Mapping[str, Any]) -> dict[str, Any]:
    assert part.keys() == {"pk", "sk", "items"}
    piece = part["items"]
    key = {"pk": part["pk"], "sk": part["sk"]}
    return {**key, "length": len(piece), "sha256": hashlib.sha256(piece).hexdigest()}


def cut(text: bytes, size: int, first: int = 1, form: str = "04d") -> list[tuple[str, bytes]]:
    starts = enumerate(range(0, len(text), size), start=first)
    return [(f"{number:{form}}", text[at : at + size]) for number, at in starts]


@pytest.mark.parametrize(
    ("cutting", "shown_by"),
    [
        (lambda text: cut(text, 350_000), "journal-pack-a-part-exactly"),
        (lambda text: cut(text, 350 * 1024, first=0), "journal-pack-one-item"),
        (lambda text: cut(text, 350 * 1024, form="03d"), "journal-pack-one-item"),
        (lambda text: cut(text, 350 * 1024, form="d"), "journal-pack-eleven-parts"),
        (lambda text: [*cut(text, 350 * 1024), ("0002", b"")], "journal-pack-a-part-exactly"),
        (
            lambda text: [
                (number, piece.decode(errors="ignore").encode())
                for number, piece in cut(text, 350 * 1024)
            ],
            "journal-pack-across-a-letter",
        ),
    ],
)
def test_journals_that_are_cut_wrongly_are_seen(
    cutting: Callable[[bytes], list[tuple[str, bytes]]], shown_by: str
) -> None:
    def holds(case: Case) -> bool:
        given = case["input"]
        journal = Journal.of("large-talk", [spread(item) for item in given["items"]], "t")
        text = b"".join(bytes(part["items"]) for part in journal.parts)  # type: ignore[arg-type]
        found = [
            (number, len(piece), hashlib.sha256(piece).hexdigest())
            for number, piece in cutting(text)
        ]
        return found == [
            (part["sk"].rpartition("#")[2], part["length"], part["sha256"])
            for part in case["expected"]["parts"]
        ]

    assert shown_by in refused_wrongly("journal", "pack", holds)


# -- requests --------------------------------------------------------------------------------------


def args_of(method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    if method == "register_round":
        return validated_round(arguments)[0]
    return validated(method, arguments)


def of_reference(method: str, arguments: Mapping[str, Any]) -> str:
    return input_hash(method, args_of(method, arguments))


@pytest.mark.parametrize("case", cases("request", "input-hash"))
def test_the_hash_of_an_input(case: Case) -> None:
    given = case["input"]
    found = of_reference(given["method"], given["arguments"])
    canonical = bytes.fromhex(case["intermediate"]["canonical"])
    assert found == hashlib.sha256(canonical).hexdigest()
    assert (found == given["remembered"]) == (case["result"] == "valid")


@pytest.mark.parametrize("case", cases("request", "result"))
def test_what_the_first_call_gave_is_what_is_remembered(case: Case) -> None:
    """Through a store: what it gives is what the vector says, and a repeat a day later gives it again."""
    given, clock = case["input"], ManualClock("2026-02-03T10:00:00Z")
    with open_store(MemoryPartitionStore(), GivenKey(bytes(32)), clock=clock) as store:
        if given["method"] != "create_dialogue":
            store.create_dialogue("tides", "Ebb")
            numbers = [0] if given["method"] == "create_round" else [0, 1]
            for number in numbers:
                store.create_round("tides", number)
            if given["method"] != "register_expert":
                store.register_expert("tides", "muffin", "Cook", "Core")
            named = {"P0101": "perspective", "C0101": "claim", "E0101": "evidence"}
            for name, kind in named.items():
                if f'"{name}"' in str(given["arguments"]).replace("'", '"'):
                    getattr(store, f"register_{kind}")("tides", 1, "l", "c", [])
        clock.set(given["time"])
        made = getattr(store, given["method"])(**given["arguments"])
        assert plain(made) == case["expected"]["result"]
        clock.set("2026-02-04T10:00:00Z")
        assert getattr(store, given["method"])(**given["arguments"]) == made


def raw(method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in arguments.items() if name != "request_id"}


def sha(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def set_ones(method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    args = args_of(method, arguments)
    return {name: v for name, v in args.items() if v is not None and name != "request_id"}


WRONG: dict[str, tuple[Hash, str]] = {
    "as given": (
        lambda method, args: sha({"method": method, "params": raw(method, args)}),
        "request-input-claim",
    ),
    "nulls kept": (
        lambda method, args: sha({"method": method, "params": {**args_of(method, args)}}),
        "request-input-dialogue",
    ),
    "what is false left out": (
        lambda method, args: sha(
            {"method": method, "params": {n: v for n, v in set_ones(method, args).items() if v}}
        ),
        "request-input-claim",
    ),
    "without the dialogue": (
        lambda method, args: sha(
            {"method": method, "params": {**set_ones(method, args), "dialogue_id": ""}}
        ),
        "request-input-another-dialogue",
    ),
    "without the method": (
        lambda method, args: sha(set_ones(method, args)),
        "request-input-claim",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_hashes_by_another_reading_are_seen(name: str) -> None:
    wrong, shown_by = WRONG[name]

    def holds(case: Case) -> bool:
        given = case["input"]
        return bool(wrong(given["method"], given["arguments"]) == given["remembered"])

    assert of_reference("register_claim", whole("request", "input-hash")[0]["input"]["arguments"])
    seen = refused_wrongly("request", "input-hash", holds)
    remembers_its_own = {
        case["tc_id"]
        for case in whole("request", "input-hash")
        if case["result"] == "invalid"
        and case["flags"] == ["Another"]
        # what such an implementation remembers of the sibling, held against this input
        and wrong(case["input"]["method"], case["input"]["arguments"]) == wrong(*sibling_of(case))
    }
    assert shown_by in {*seen, *remembers_its_own}


def sibling_of(case: Case) -> tuple[str, Mapping[str, Any]]:
    inputs = {other["tc_id"]: other["input"] for other in whole("request", "input-hash")}
    given = inputs[case["sibling"]]
    return given["method"], given["arguments"]


def test_every_family_of_this_page_is_asked() -> None:
    asked = {("item-size", "size"), ("journal", "pack")}
    asked |= {("request", "input-hash"), ("request", "result")}
    found = {
        (folder, group["type"])
        for folder in ("item-size", "journal", "request")
        for document in load_vectors(folder)
        for group in document["test_groups"]
    }
    assert found == asked
