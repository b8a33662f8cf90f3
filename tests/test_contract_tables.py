"""The tables of the contract and the code that follows from them say the same."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from reference_impl.contract import analytics_store, entities, migration_store, tables
from reference_impl.contract.analytics_store import AnalyticsStore
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import PartitionScoped
from reference_impl.contract.errors import CODES
from reference_impl.contract.migration_store import MigrationStore

CONTRACT = Path(tables.__file__).parent
METHODS: dict[str, Any] = json.loads((CONTRACT / "methods.json").read_text(encoding="utf-8"))
ENTITIES: dict[str, Any] = json.loads((CONTRACT / "entities.json").read_text(encoding="utf-8"))

#: Every code that the contract names, written down by hand.
ALL_CODES = [
    *("access_denied", "audit_unavailable", "backend_unavailable", "conflict"),
    *("dialogue_not_found", "duplicate_entity", "entity_not_found", "expert_not_found"),
    *("integrity_error", "invalid_cursor", "invalid_display_id", "invalid_entity_type"),
    *("invalid_field", "invalid_identifier", "invalid_ref_target", "invalid_ref_type"),
    *("invalid_round", "invalid_status_transition", "item_too_large", "key_denied", "key_erased"),
    *("key_exhausted", "key_malformed", "key_permissions", "key_unavailable", "limit_exceeded"),
    *("missing_field", "outcome_unknown", "partition_frozen", "partition_importing"),
    *("partition_moved", "request_mismatch", "round_not_found", "storage_full", "store_closed"),
    *("table_not_found", "too_many_dialogues", "type_id_mismatch", "umk_changed", "umk_missing"),
    *("unknown_setting", "validation_failed"),
]

#: What methods.json describes in words, as the class that it is here.
NAMED = {
    "int": "NextSeq",
    "{imported, already_there, cursor}": "ImportedBatch",
    "text (JSON lines)": "BackupText",
    "list[{dialogue_id, title, total_alignment}]": "list[SimilarDialogue]",
}


def test_the_tables_hold_the_fourteen_types_and_the_bookkeeping() -> None:
    assert list(tables.ENTITIES) == [
        *("dialogue", "expert", "round", "verdict"),
        *("perspective", "tension", "recommendation", "evidence", "claim"),
        *("move", "ref", "perspective_event", "tension_event", "recommendation_event"),
    ]
    assert list(tables.BOOKKEEPING) == ["signal", "dek", "head", "request"]
    assert tables.LETTERS == {
        "P": "perspective",
        "T": "tension",
        "R": "recommendation",
        "E": "evidence",
        "C": "claim",
    }
    assert {kind.entity for kind in tables.TYPES.values() if not kind.has_envelope} == {
        "ref",
        "signal",
    }
    assert tables.TABLE_NAME == "blue_dialogues"
    assert tables.SPEC_REVISION == 2


def test_fields_are_read_as_they_stand_in_the_table() -> None:
    relevance = tables.TYPES["expert"].by_name["relevance"]
    assert relevance == tables.Field(
        "relevance", "number", "cleartext", nullable=True, minimum=0, maximum=1, decimals=6
    )
    status = tables.TYPES["claim"].by_name["status"]
    assert status.has_default
    assert status.default == "asserted"
    assert status.values == ("asserted", "supported", "opposed", "adopted", "withdrawn")
    tension = tables.TYPES["tension"]
    assert [f.name for f in tension.key_fields] == ["round", "seq"]
    assert [f.name for f in tension.cleartext_fields] == ["status", "created_at", "updated_at"]
    assert [f.name for f in tension.sealed_fields] == [
        *("label", "description", "contributors", "references"),
    ]
    assert tension.transitions["open"] == ("addressed", "resolved")
    assert tension.writes_event_on == ("create", "status change")
    assert tension.sequenced
    assert not tension.immutable
    assert tables.TYPES["verdict"].immutable


def test_every_field_of_the_table_is_placed() -> None:
    for raw in ENTITIES["types"]:
        kind = tables.ENTITIES[raw["entity"]]
        assert [f.name for f in kind.fields] == [f["name"] for f in raw["fields"]]
        assert {f.placement for f in kind.fields} <= {"key", "cleartext", "sealed"}
        assert set(kind.identity) == {f.name for f in kind.key_fields} - {"dialogue_id"}
        for status, following in kind.transitions.items():
            assert {status, *following} <= set(kind.by_name["status"].values)


#: Profiles whose methods the class declares; the other methods come with theirs.
BUILT = ("core", "batch", "encrypted", "audit")


#: Where result classes stand.
HOMES = (entities, analytics_store, migration_store)


# -- methods -------------------------------------------------------------------------------------


def _described(kind: type) -> dict[str, dict[str, Any]]:
    if kind is AnalyticsStore:
        return {raw["name"]: raw for raw in METHODS["AnalyticsStore"]}
    profiles = ("migration",) if kind is MigrationStore else BUILT
    return {raw["name"]: raw for raw in METHODS["DialogueStore"] if raw["profile"] in profiles}


def _public(kind: type) -> set[str]:
    return {
        name
        for name, member in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(member)
    }


@pytest.mark.parametrize(
    ("kind", "how_many"), [(DialogueStore, 40), (AnalyticsStore, 5), (MigrationStore, 8)]
)
def test_a_store_has_the_methods_of_the_contract(kind: type, how_many: int) -> None:
    assert _public(kind) == set(_described(kind))
    assert len(_public(kind)) == how_many
    optional = {"verify_partition", "register_round", "verify_chain"}
    claimed_apart = optional if kind is DialogueStore else set()
    assert vars(kind)["__abstractmethods__"] == _public(kind) - claimed_apart


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(kind, name, id=name)
        for kind in (DialogueStore, AnalyticsStore, MigrationStore)
        for name in _described(kind)
    ],
)
def test_a_method_has_the_contracts_signature(kind: type, name: str) -> None:
    raw = _described(kind)[name]
    signature = inspect.signature(getattr(kind, name))
    _, *params = signature.parameters.values()
    if kind is DialogueStore and raw["kind"] == "write":  # STORE-22, for every write
        request_id = params.pop()
        assert (request_id.name, request_id.kind) == ("request_id", request_id.KEYWORD_ONLY)
        assert request_id.default is None
    assert [param.name for param in params] == [param["name"] for param in raw["params"]]
    for param, want in zip(params, raw["params"], strict=True):
        assert param.kind is param.POSITIONAL_OR_KEYWORD
        if want.get("required", True):
            assert param.default is param.empty
        else:
            default = want.get("default")
            # A list is written as a tuple: the same default, but nobody can change it.
            default = None if default == {} else default
            assert param.default == (tuple(default) if isinstance(default, list) else default)
            assert type(param.default) in (str, int, bool, tuple, type(None))

    returns = (
        re.sub(r" \(.*", "", raw["returns"]) if "(titles" in raw["returns"] else raw["returns"]
    )
    returns = NAMED.get(returns) or re.sub(r"\{.*?\}| \(.*", "", returns)
    assert signature.return_annotation == returns.replace("page[", "Page[")


@pytest.mark.parametrize("name", [*_described(DialogueStore), *_described(MigrationStore)])
def test_the_result_of_a_store_of_one_dialogue_is_scoped(name: str) -> None:
    kind = DialogueStore if name in _described(DialogueStore) else MigrationStore
    result = typing.get_type_hints(getattr(kind, name))["return"]
    (each,) = typing.get_args(result) or (result,)
    assert issubclass(each, PartitionScoped)


@pytest.mark.parametrize("name", _described(AnalyticsStore))
def test_the_result_of_analytics_is_not_scoped(name: str) -> None:
    result = typing.get_type_hints(getattr(AnalyticsStore, name))["return"]
    for each in (typing.get_origin(result) or result, *typing.get_args(result)):
        assert not issubclass(each, PartitionScoped)


# -- results -------------------------------------------------------------------------------------


def _names(kind: Any) -> list[str]:
    return [each.name for each in dataclasses.fields(kind)]


@pytest.mark.parametrize("raw", ENTITIES["types"], ids=lambda raw: str(raw["entity"]))
def test_a_result_has_the_fields_of_the_table(raw: dict[str, Any]) -> None:
    kind = entities.CLASSES[raw["entity"]]
    own = [each["name"] for each in raw["fields"] if each["name"] != "dialogue_id"]
    letter = ["display_id"] if "display_letter" in raw else []
    assert _names(kind) == ["dialogue_id", *letter, *own]

    hints = typing.get_type_hints(kind)
    for each in raw["fields"]:
        may_be_none = type(None) in typing.get_args(hints[each["name"]])
        assert may_be_none == each.get("nullable", False), each["name"]


def _without_brackets(text: str) -> str:
    before = None
    while before != text:
        before, text = text, re.sub(r"\([^()]*\)|\{[^{}]*\}", "", text)
    return text


@pytest.mark.parametrize(
    "name",
    [
        *("Finding", "ChainReport", "EncryptedBatch", "Head", "DialogueSummary"),
        *("TensionSummary", "Contribution", "CrossDialogueStats"),
    ],
)
def test_another_result_has_the_fields_that_methods_json_lists(name: str) -> None:
    listed = [part.strip() for part in _without_brackets(METHODS["results"][name]).split(",")]
    kind = next(vars(home)[name] for home in HOMES if name in vars(home))
    assert _names(kind) == [part.removesuffix("|null") for part in listed]
    hints = typing.get_type_hints(kind)
    for part in listed:
        may_be_none = type(None) in typing.get_args(hints[part.removesuffix("|null")])
        assert may_be_none == part.endswith("|null"), part


def test_results_that_methods_json_gives_inline() -> None:
    assert _names(migration_store.ImportedBatch) == ["imported", "already_there", "cursor"]
    assert _names(analytics_store.SimilarDialogue) == ["dialogue_id", "title", "total_alignment"]
    assert _names(analytics_store.Page) == ["items", "cursor"]
    assert _names(entities.DialoguePartition) == [
        *("dialogue", "experts", "rounds", "verdicts", "perspectives", "tensions"),
        *("recommendations", "evidence", "claims", "moves", "refs", "events", "signals"),
        *("revision", "findings"),
    ]


def test_an_audit_event_has_the_fields_of_audit_01() -> None:
    assert _names(migration_store.BoundaryEvent) == [
        *("event_id", "timestamp", "trace_id", "span_id", "operation", "key_id", "principal"),
        *("outcome", "previous_hash", "dialogue_id", "chain", "sequence", "subject", "count"),
        *("revision", "note", "event_hash", "mac"),
    ]


def test_the_spec_names_the_fields_of_an_audit_event_in_that_order() -> None:
    text = (CONTRACT / "SPEC.md").read_text(encoding="utf-8")
    rule = next(line for line in text.splitlines() if line.startswith("- AUDIT-01"))
    named = re.findall(r"`([a-z_]+)`", rule)
    own = [name for name in named if name in _names(migration_store.BoundaryEvent)]
    assert list(dict.fromkeys(own)) == _names(migration_store.BoundaryEvent)


def _results() -> list[Any]:
    found = {name: each for home in HOMES for name, each in vars(home).items()}.values()
    return [each for each in found if isinstance(each, type) and dataclasses.is_dataclass(each)]


@pytest.mark.parametrize("kind", _results(), ids=lambda kind: str(kind.__name__))
def test_a_result_cannot_be_changed(kind: Any) -> None:
    values = dict.fromkeys(_names(kind), "x")
    result = kind(**values)
    for name in values:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, name, "y")
    assert not hasattr(result, "__dict__")
    assert result == kind(**values)
    assert entities.plain(result) == values


def test_a_page_may_be_made_with_its_type_named() -> None:
    page = analytics_store.Page[str](["a"], None)
    assert pickle.loads(pickle.dumps(page)) == copy.copy(page) == page
    assert page == analytics_store.Page(["a"], None)
    assert page.items == ["a"]


def test_a_class_that_differs_from_the_table_is_refused() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Signal(PartitionScoped):
        dialogue_id: str
        round: int
        created_at: str

    with pytest.raises(TypeError, match=r"Signal has the fields .*entities\.json has"):
        entities._entity("signal")(Signal)
    assert entities.CLASSES["signal"] is entities.Signal


def test_plain_gives_copies_of_json_values() -> None:
    inner = {"a": [1, (2, None)], "b": True}
    batch = migration_store.EncryptedBatch("d", None, "items", [{"pk": "x", "n": b"\0"}], "00", 1)
    found = entities.plain({"batch": batch, "inner": inner})
    assert found == {
        "batch": {
            "dialogue_id": "d",
            "cursor": None,
            "kind": "items",
            "items": [{"pk": "x", "n": b"\0"}],
            "digest": "00",
            "format_version": 1,
        },
        "inner": {"a": [1, [2, None]], "b": True},
    }
    found["inner"]["a"].append(3)
    assert inner == {"a": [1, (2, None)], "b": True}
    assert type(entities.plain(entities.NextSeq(3))) is int
    assert type(entities.plain(migration_store.BackupText("x"))) is str
    assert entities.plain(True) is True


def test_scalar_results_behave_as_what_they_are() -> None:
    seq = entities.NextSeq(7)
    assert isinstance(seq, PartitionScoped)
    assert seq == 7
    assert f"{seq:02d}" == "07"
    text = migration_store.BackupText('{"a": 1}\n')
    assert isinstance(text, PartitionScoped)
    assert text.splitlines() == ['{"a": 1}']


# -- codes ---------------------------------------------------------------------------------------


def test_the_codes_are_those_of_the_contract() -> None:
    assert sorted(CODES) == ALL_CODES


def test_every_code_of_methods_json_is_known() -> None:
    named = {text.split(" ")[0] for text in METHODS["common_errors"]}
    for raw in METHODS["DialogueStore"]:
        named |= set(raw.get("errors", ()))
    assert named <= set(CODES)
    assert len(named) == 39


def test_every_code_stands_in_the_contract() -> None:
    text = (CONTRACT / "SPEC.md").read_text(encoding="utf-8") + json.dumps(METHODS)
    assert [code for code in CODES if not re.search(rf"\b{code}\b", text)] == []
