"""Plans of writes: what is taken as which value, in which bounds, and that one builder makes them all.

What single writes and rounds give and refuse is shown by the suite and beside the model; here stands what
only the reference can show: plain values out of odd ones on every method, and bounds of time and memory.
"""

from __future__ import annotations

import enum
import math
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from conformance.suite.kit.builders import calls
from conformance.suite.kit.rounds import WHOLE
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import MAX_FINDINGS, DialogueStoreError, Problem, from_problems
from reference_impl.contract.tables import METHODS, TYPES
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.planning.drafts import Builder, time_of_write
from reference_impl.store.planning.idempotency import earlier_result
from reference_impl.store.planning.parameters import validated
from reference_impl.store.planning.problems import INVALID, Problems
from reference_impl.store.planning.rounds import validated_round
from reference_impl.store.planning.writes import PLANNERS
from reference_impl.store.snapshot import Record, Snapshot
from reference_impl.testing import open_store

LAST = "9999-12-31T23:59:59.999999Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DialogueStore]:
    """A dialogue ``d`` with round 0 and the expert ``muffin``."""
    keys = LocalFileKeyProvider(tmp_path / "keys" / "umk.key")
    with open_store(MemoryPartitionStore(), keys) as made:
        made.create_dialogue("d", "Title")
        made.create_round("d", 0)
        made.register_expert("d", "muffin", "Baker", "Core")
        yield made


# -- plain values (STORE-12) ---------------------------------------------------------------------------


class Word(str):  # noqa: SLOT000 - as callers write them
    """A text that says something else of itself wherever it is asked."""

    def __str__(self) -> str:
        return "another"

    def __format__(self, spec: str) -> str:
        return "another"

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 7

    def encode(self, *args: Any) -> bytes:
        return b"another"


class Count(int):
    """A whole number that says something else of itself."""

    def __int__(self) -> int:
        return 77

    def __index__(self) -> int:
        return 77

    def __float__(self) -> float:
        return 77.5


class Things(list[Any]):
    """A list that shows nothing of what is in it."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Members(dict[Any, Any]):
    """An object that finds nothing under any name."""

    def get(self, name: Any, default: Any = None) -> Any:
        return default

    def items(self) -> Any:
        return ().__iter__()


def _odd(value: Any) -> Any:
    """The same value in subclasses, names and members too."""
    if isinstance(value, str):
        return Word(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Count(value)
    if isinstance(value, list | tuple):
        return Things([_odd(member) for member in value])
    if isinstance(value, Mapping):
        return Members({Word(name): _odd(member) for name, member in value.items()})
    return value


def _types(value: Any) -> set[type]:
    """The types of a value and of all that is in it."""
    found = {type(value)}
    if isinstance(value, Mapping):
        for name, member in value.items():
            found |= _types(name) | _types(member)
    elif isinstance(value, list):
        for member in value:
            found |= _types(member)
    return found


PLAIN = {str, int, float, bool, list, dict, type(None)}

MORE: dict[str, dict[str, Any]] = {
    "create_dialogue": {
        "title": "Tides",
        "background": {"subject": "The tide", "situation": "Late"},
        "request_id": "r-1",
    },
    "register_recommendation": {
        "round": 1,
        "label": "a",
        "content": "b",
        "contributors": ["muffin", "scone"],
        "parameters": {"depth": [1, {"lights": ["red", None, True]}], "text": "x"},
        "references": [{"type": "support", "target": "P0101"}],
    },
    "register_move": {
        "round": 1,
        "expert_slug": "muffin",
        "move_type": "defend",
        "targets": ["P0101", "C0101"],
    },
    "register_verdict": {
        "verdict_id": "v",
        "verdict_type": "final",
        "round": 1,
        "recommendation": "a",
        "description": "b",
        "conditions": ["c"],
        "tensions_accepted": ["T0101"],
        "ethos_compliance": {"fully_compliant": True, "exceptions": ["a"], "violations": []},
    },
}
VALID = {
    name: {"dialogue_id": "tides", **{**calls("tides"), **MORE}[name]}
    for name in {**calls("tides"), **MORE}
}


def test_there_is_a_call_of_every_method_of_core() -> None:
    core = {name for name, method in METHODS.items() if method.profile == "core"}
    assert core - set(VALID) == set()


@pytest.mark.parametrize("method", VALID)
def test_subclasses_are_taken_as_their_plain_values(method: str) -> None:
    given = {name: _odd(value) for name, value in VALID[method].items()}
    taken = validated(method, given)
    assert taken == validated(method, VALID[method])
    assert _types(taken) <= PLAIN


def test_subclasses_in_a_round_are_taken_as_their_plain_values() -> None:
    given = {"dialogue_id": "tides", "request_id": "r", **deepcopy(dict(WHOLE))}
    taken, problems = validated_round({name: _odd(value) for name, value in given.items()})
    assert problems.groups == {}
    assert taken == validated_round(given)[0]
    assert _types(taken) <= PLAIN


class Shade(str, enum.Enum):  # noqa: UP042 - formats as its name, a StrEnum does not
    """Texts by name, as many callers have them."""

    DIALOGUE = "d"
    LABEL = "In short"


def test_an_enum_of_texts_is_its_text(store: DialogueStore) -> None:
    made = store.register_claim(Shade.DIALOGUE, 0, Shade.LABEL, "c", [])
    assert (made.dialogue_id, made.label) == ("d", "In short")
    assert {type(made.dialogue_id), type(made.label)} == {str}
    assert store.get_dialogue(Shade.DIALOGUE).dialogue_id == "d"


class LooksLikeOne:
    """What numpy's whole numbers are: everything of a number but the type."""

    def __int__(self) -> int:
        return 1

    __index__ = __int__

    def __float__(self) -> float:
        return 1.0


class LooksLikeHalf(float):
    """What numpy's double is: a subclass of float."""


@pytest.mark.parametrize("score", [LooksLikeOne(), LooksLikeHalf(1.0), True, "1", None])
@pytest.mark.parametrize("where", ["score", "parameters"])
def test_what_only_looks_like_a_number_is_refused(where: str, score: Any) -> None:
    if where == "score":
        method, given = "update_expert_score", {**VALID["update_expert_score"], "score": score}
    elif score in (True, "1", None):
        return  # these are values of JSON
    else:
        method = "register_recommendation"
        given = {**VALID[method], "parameters": {"depth": [score]}}
    with pytest.raises(DialogueStoreError) as caught:
        validated(method, given)
    wanted = "missing_field" if score is None else "invalid_field"
    assert (caught.value.code, caught.value.data["field"]) == (wanted, where)


@pytest.mark.parametrize("texts", [b"ab", bytearray(b"ab"), memoryview(b""), "ab", {"a"}, {"a": 1}])
def test_what_is_no_list_is_refused(texts: Any) -> None:
    with pytest.raises(DialogueStoreError) as caught:
        validated("comment_tension", {**VALID["comment_tension"], "actors": texts})
    assert (caught.value.code, caught.value.data["field"]) == ("invalid_field", "actors")


def test_any_mapping_and_sequence_is_taken() -> None:
    given = {**VALID["create_dialogue"], "background": MappingProxyType({"subject": "s"})}
    assert validated("create_dialogue", given)["background"] == {"subject": "s"}
    given = {**VALID["comment_tension"], "actors": ("a", "b")}
    assert validated("comment_tension", given)["actors"] == ["a", "b"]


# -- bounds (STORE-14, STORE-15) -----------------------------------------------------------------------


def _refused(attempt: Any) -> tuple[DialogueStoreError, float]:
    """The error, and the seconds of the processor that it took (others may use the machine too)."""
    begin = time.thread_time()
    with pytest.raises(DialogueStoreError) as caught:
        attempt()
    return caught.value, time.thread_time() - begin


@pytest.mark.parametrize("shape", ["flat", "deep", "names"])
@pytest.mark.parametrize("method", ["single", "named", "round"])
def test_what_no_item_holds_is_refused_before_it_is_read_to_its_end(
    store: DialogueStore, method: str, shape: str
) -> None:
    """Ten million numbers. Read to the end they take some ten seconds, canonicalised a minute more."""
    numbers = [0] * 10_000_000
    many: Any = {
        "flat": numbers,
        "deep": [numbers[:1000]] * 10_000,
        "names": [{"a": 0, "b": 1}] * 5_000_000,
    }[shape]
    entry: Any = {"label": "l", "content": "c", "contributors": [], "parameters": {"a": many}}
    if method == "round":
        error, seconds = _refused(lambda: store.register_round("d", 1, 1, recommendations=[entry]))
        wanted = ("item_too_large", "recommendations[0]")
    else:
        named: Any = {"request_id": "r"} if method == "named" else {}
        error, seconds = _refused(lambda: store.register_recommendation("d", 0, **entry, **named))
        wanted = ("item_too_large", "recommendation#00#01")
    first = error.data["findings"][0]
    assert (first["code"], first["field"]) == wanted
    assert first["size"] > first["limit"] == 409_600
    assert seconds < 2
    assert store.get_recommendations("d") == []


def test_nothing_that_fits_is_cut(store: DialogueStore) -> None:
    """Two bytes for each number: 204,000 of them are within 400 KiB, 204,800 are not."""
    made = store.register_recommendation("d", 0, "l", "c", [], {"a": [7] * 204_000})
    assert made.parameters == {"a": [7] * 204_000}
    error, _ = _refused(
        lambda: store.register_recommendation("d", 0, "l", "c", [], {"a": [7] * 204_800})
    )
    assert error.code == "item_too_large"


@pytest.mark.parametrize(
    "read", [validated, lambda _, given: validated_round(given)[1].raise_all()]
)
def test_many_bad_values_make_few_findings(read: Any) -> None:
    """A finding takes some 400 bytes: of 50,000 only the first thousand are made."""
    slugs = ["no slug"] * 50_000
    entry = {"label": "l", "content": "c", "contributors": slugs}
    given = {"dialogue_id": "d", "round": 1, "score": 1, "claims": [entry], **entry}
    tracemalloc.start()
    try:
        error, _ = _refused(lambda: read("register_claim", given))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(error.data["findings"]) == 1000
    assert error.data["more"] == 49_000
    assert peak < 6_000_000


def test_findings_are_cut_where_an_error_is_made() -> None:
    problems = [Problem("invalid_field", f"label{i}", "is wrong") for i in range(MAX_FINDINGS + 2)]
    error = from_problems(problems, more=3)
    assert [one["field"] for one in error.data["findings"]] == [f"label{i}" for i in range(1000)]
    assert error.data["more"] == 5
    assert "(and 1004 more in data.findings)" in error.message
    assert "more" not in from_problems(problems[:1000]).data


def test_a_reused_request_id_counts_the_rest_too() -> None:
    """The 1,000 findings of the input's own plan, and those it only counted."""
    problems = Problems()
    for i in range(1005):
        problems.add(7, "duplicate_entity", f"claims[{i}].local_id", "is another's")
    snapshot = Snapshot("d")
    fields = {"request_id": "r", "input_hash": "0" * 64, "result": {}}
    snapshot.add("request#r", Record(TYPES["request"], {"request_id": "r"}, {}, fields))
    given = {"dialogue_id": "d", "request_id": "r"}
    error, _ = _refused(
        lambda: earlier_result(snapshot, "get_dialogue", given, problems.raise_first)
    )
    found = [(one["code"], one["field"]) for one in error.data["findings"]]
    assert error.code == "request_mismatch"
    assert found[:2] == [
        ("request_mismatch", "request_id"),
        ("duplicate_entity", "claims[0].local_id"),
    ]
    assert (len(found), error.data["more"]) == (1000, 6)


# -- the builder ---------------------------------------------------------------------------------------


def test_the_last_time_is_the_clocks_or_a_microsecond_on() -> None:
    then, now = "2026-02-03T10:15:00.000000Z", "2026-02-03T10:15:00.000007Z"
    assert time_of_write(now, then) == now
    assert time_of_write(then, now) == "2026-02-03T10:15:00.000008Z"
    assert time_of_write(LAST, now) == LAST
    assert time_of_write(now, "9999-12-31T23:59:59.999998Z") == LAST
    assert time_of_write(now, LAST) == now  # no later one: the builder refuses it


def test_several_changes_of_one_item_are_one() -> None:
    builder = Builder(Snapshot("d"), "2026-02-03T10:15:00.000000Z")
    expert = {"expert_slug": "a", "scores": {}, "total_score": 0, "updated_at": "", "role": "r"}
    record = Record(TYPES["expert"], {"expert_slug": "a"}, {}, expert)
    builder.snapshot.add("expert#a", record)
    first = builder.change(record, "expert_scores.a", scores={"01": 4}, total_score=4)
    builder.change(first, "responses.a", raw_content={"01": "x"})
    assert list(builder.drafts) == ["expert#a"]
    draft = builder.drafts["expert#a"]
    assert draft.old is record
    assert (draft.fields["total_score"], draft.fields["raw_content"]) == (4, {"01": "x"})
    assert builder.paths == {"expert#a": "responses.a"}
    assert record.fields["total_score"] == 0


def test_every_write_has_a_planner() -> None:
    writes = {name for name, method in METHODS.items() if method.kind == "write"}
    unplanned = {name for name in writes if METHODS[name].profile == "core"} - set(PLANNERS)
    assert unplanned == {"create_dialogue"}


def test_a_refused_value_is_no_value() -> None:
    """INVALID is like nothing else, so that no check takes it for a good value."""
    assert INVALID not in (None, 0, "", False, math.nan)
