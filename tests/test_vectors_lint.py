"""What the lint of the vectors sees, and what the loader refuses: one spoiled thing each."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.vectors import VectorError, load_manifest, load_vectors, vector_families
from generators.build import lint, writer
from generators.build.document import RecipeError, documents
from generators.build.file_format import file_bytes, plain
from generators.build.lint import difference
from generators.families import timestamp as timestamps
from generators.kit.recipe import Bytes, Case, Family, Fields, Note, Stream, stored, stream
from generators.kit.schemas import HEX, TEXT

DOCUMENT = "timestamp/timestamp.json"
SCHEMA = "schemas/timestamp.schema.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of one family."""
    folder = tmp_path_factory.mktemp("made")
    writer.write(writer.contents([timestamps.FAMILY]), folder)
    return folder


@pytest.fixture
def vectors(made: Path, tmp_path: Path) -> Path:
    """The same, to be spoiled."""
    folder = tmp_path / "vectors"
    shutil.copytree(made, folder)
    return folder


def change(folder: Path, path: str, how: Callable[[Any], object]) -> None:
    document = json.loads((folder / path).read_bytes())
    how(document)
    (folder / path).write_bytes(file_bytes(document))


def first_negative(document: dict[str, Any]) -> dict[str, Any]:
    tests = document["test_groups"][0]["tests"]
    return next(test for test in tests if test["result"] == "invalid")


def test_nothing_is_wrong_with_what_was_made(vectors: Path) -> None:
    assert lint.findings(vectors) == []
    assert len(load_vectors("timestamp", root=vectors)) == 1


def delete(name: str) -> Callable[[Any], object]:
    return lambda document: document.pop(name)


def set_to(name: str, value: object) -> Callable[[Any], object]:
    return lambda document: document.update({name: value})


def in_test(name: str, value: object) -> Callable[[Any], object]:
    return lambda document: first_negative(document).update({name: value})


def a_second_time(document: dict[str, Any]) -> None:
    tests = document["test_groups"][0]["tests"]
    tests.append(tests[0])
    document["number_of_tests"] += 1


def unexplained(document: dict[str, Any]) -> None:
    del document["notes"]["Offset"]


def not_used(document: dict[str, Any]) -> None:
    document["notes"]["Other"] = document["notes"]["Offset"]


def second_mutation(document: dict[str, Any]) -> None:
    first_negative(document)["input"]["text"] += "!"


def no_mutation(document: dict[str, Any]) -> None:
    test = first_negative(document)
    tests = {each["tc_id"]: each for each in document["test_groups"][0]["tests"]}
    test["input"] = tests[test["sibling"]]["input"]


def sibling_is_negative(document: dict[str, Any]) -> None:
    test = first_negative(document)
    test["sibling"] = test["tc_id"]


def sibling_of_another_type(document: dict[str, Any]) -> None:
    first_negative(document)["sibling"] = "timestamp-canonical-example"


def named_twice(document: dict[str, Any]) -> None:
    first_negative(document)["changed"] *= 2


def named_with_another_length(document: dict[str, Any]) -> None:
    first_negative(document)["changed"][0]["length"] += 1


def one_more_place_named(document: dict[str, Any]) -> None:
    first_negative(document)["changed"].append({"pointer": "/other"})


def lone_surrogate(document: dict[str, Any]) -> None:
    document["header"].append("\ud800")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (set_to("number_of_tests", 1), "96 tests, number_of_tests says 1|95 tests"),
        (set_to("comment", "?"), "Additional properties"),
        (in_test("note", "?"), "Additional properties"),
        (in_test("tc_id", "Timestamp-X"), "does not match"),
        (in_test("tc_id", "address-x"), "does not match"),
        (in_test("rules", []), "non-empty"),
        (in_test("result", "acceptable"), "one of"),
        (in_test("result", "valid"), "False schema"),
        (in_test("comment", ""), "too short|non-empty"),
        (set_to("schema", "schemas/other.json"), "its schema schemas/other.json is missing"),
        (delete("schema"), "its schema None is missing"),
        (a_second_time, "2 cases have this tc_id"),
        (unexplained, "the flag Offset is not explained"),
        (not_used, "the flag Other is explained but not used"),
        (second_mutation, "which is not named"),
        (no_mutation, "does not differ"),
        (sibling_is_negative, "is no valid case"),
        (sibling_of_another_type, "is of another type"),
        (named_twice, "a place is named twice"),
        (named_with_another_length, "which is not named"),
        (one_more_place_named, "does not differ from .* at /other"),
        (lone_surrogate, "a lone surrogate"),
        (in_test("layer", "tag"), "layer and code are not those of time-form"),
        (in_test("code", "integrity_error"), "layer and code are not those of time-form"),
        (in_test("rules", ["ADDR-01"]), "cites none of the rules of time-form"),
        (in_test("mutation", "unheard-of"), "the manifest knows no mutation unheard-of"),
    ],
)
def test_the_lint_sees(vectors: Path, spoil: Callable[[Any], object], what: str) -> None:
    change(vectors, DOCUMENT, spoil)
    assert any(re.search(what, line) for line in lint.findings(vectors))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content + b"\n",
        lambda content: content.replace(b"\n ", b"\n  "),
        lambda content: content.replace(b'"spec_revision": 2', b'"spec_revision":2'),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: content.replace(b"Timestamps", b"\\u0054imestamps"),
        lambda content: content.replace(
            b'"result": "valid"', b'"result": "invalid","result":"valid"'
        ),
    ],
)
def test_the_lint_sees_bytes_that_the_writer_does_not_give(
    vectors: Path, spoil: Callable[[bytes], bytes]
) -> None:
    content = (vectors / DOCUMENT).read_bytes()
    assert spoil(content) != content
    (vectors / DOCUMENT).write_bytes(spoil(content))
    assert any("its bytes are not the ones" in line for line in lint.findings(vectors))


def test_the_lint_sees_what_is_no_json(vectors: Path) -> None:
    (vectors / DOCUMENT).write_text("{")
    assert any(f"{DOCUMENT}: not JSON" in line for line in lint.findings(vectors))


def test_upper_case_hex_is_refused_where_the_schema_says_hex(tmp_path: Path) -> None:
    family = Family("timestamp", title="hex")
    group = family.group(type="hex", fields=Fields(input={"bytes": HEX}))
    group.case(one_case)
    writer.write(writer.contents([family]), tmp_path)
    assert lint.findings(tmp_path) == []
    change(tmp_path, DOCUMENT, lambda d: cases_of(d)[0]["input"].update(bytes="00FF"))
    assert any("00FF" in line for line in lint.findings(tmp_path))


def one_case() -> Case:
    """Two bytes."""
    return Case("timestamp-hex-one", rules=["ADDR-10"], data={"bytes": b"\x00\xff"})


def cases_of(document: dict[str, Any]) -> list[Any]:
    return list(lint.tests(document))


def test_the_lint_sees_a_manifest_that_says_otherwise(vectors: Path) -> None:
    change(vectors, "MANIFEST.json", lambda m: m["files"][0].update(path="other.json"))
    found = lint.findings(vectors)
    assert any("other.json is listed or there, but not both" in line for line in found)


def test_the_lint_sees_counts_of_the_manifest_that_are_off(vectors: Path) -> None:
    def spoil(manifest: Any) -> None:
        (entry,) = (each for each in manifest["files"] if each["path"] == DOCUMENT)
        entry["invalid"] += 1

    change(vectors, "MANIFEST.json", spoil)
    assert any("its counts for timestamp" in line for line in lint.findings(vectors))


def test_a_missing_manifest_is_seen(vectors: Path) -> None:
    (vectors / "MANIFEST.json").unlink()
    assert lint.findings(vectors) == ["MANIFEST.json is missing"]


def test_shares_of_negatives_sizes_and_what_is_not_covered_are_seen(vectors: Path) -> None:
    found = lint.shares(vectors)
    assert "timestamp: 95 cases are more than a third of 95" in found
    assert "no case cites ENV-06" in found
    assert "no case has the mutation tag-bit" in found
    assert not any("are invalid" in line for line in found)
    change(vectors, "MANIFEST.json", lambda m: m["totals"]["contract"].update(invalid=50))
    assert "of 95 contract cases only 50 are invalid" in lint.shares(vectors)
    change(vectors, "MANIFEST.json", lambda m: m["families"][0].update(folder="envelope"))
    assert "envelope: of 95 cases only 62 are invalid" in lint.shares(vectors)


# --------------------------------------------------------------------------------- differences
@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("/a", None, None)]),
        ({"a": 1}, {"a": True}, [("/a", None, None)]),
        ({"a": 1}, {"a": 1.0}, [("/a", None, None)]),
        ({"a": 1}, {}, [("/a", None, None)]),
        ({}, {"a": None}, [("/a", None, None)]),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, [("/a~1b/~0", None, None)]),
        ({"a": "00ff"}, {"a": "00fe"}, [("/a", 1, 1)]),
        ({"a": "00ff11"}, {"a": "0011"}, [("/a", 1, 1)]),
        ({"a": "0011"}, {"a": "00ff11"}, [("/a", 1, 1)]),
        ({"a": "x\u00e9z"}, {"a": "xyz"}, [("/a", 1, 2)]),
        ({"a": "aa"}, {"a": "aaa"}, [("/a", 2, 1)]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [("/a/1", None, None)]),
        ({"a": [1, 3]}, {"a": [1, 2, 3]}, [("/a/1", None, None)]),
        ({"a": [1, 2, 3]}, {"a": [3]}, [("/a", None, None)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("/a/0", None, None), ("/a/1", None, None)]),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, [("/a/0/b", 0, 1)]),
    ],
)
def test_where_two_inputs_differ(before: Any, after: Any, places: list[Any]) -> None:
    assert difference(before, after) == places


# ----------------------------------------------------------------------------------- the loader
def refused(vectors: Path, family: str = "timestamp") -> str:
    with pytest.raises(VectorError) as found:
        load_vectors(family, root=vectors)
    return str(found.value)


def test_the_loader_refuses_an_unknown_field(vectors: Path) -> None:
    change(vectors, DOCUMENT, set_to("remark", "?"))
    assert "remark" in refused(vectors)


def test_the_loader_refuses_an_unknown_field_of_a_test(vectors: Path) -> None:
    change(vectors, DOCUMENT, in_test("remark", "?"))
    assert DOCUMENT in refused(vectors)


def test_the_loader_refuses_a_missing_schema(vectors: Path) -> None:
    (vectors / SCHEMA).unlink()
    assert f"{SCHEMA} cannot be read" in refused(vectors)


def test_the_loader_refuses_a_document_that_names_no_schema(vectors: Path) -> None:
    change(vectors, DOCUMENT, delete("schema"))
    assert "names no schema" in refused(vectors)


@pytest.mark.parametrize("schema", ["/etc/schema.json", "schemas/../../schema.json"])
def test_the_loader_reads_no_schema_from_elsewhere(vectors: Path, schema: str) -> None:
    change(vectors, DOCUMENT, set_to("schema", schema))
    assert "outside schemas/" in refused(vectors)


def test_the_loader_refuses_what_only_the_hash_shows(vectors: Path) -> None:
    path = vectors / DOCUMENT
    path.write_bytes(path.read_bytes() + b" ")
    assert f"{DOCUMENT}: it is not the file that MANIFEST.json names (SHA-256)" in refused(vectors)


def test_the_loader_refuses_a_count_that_is_off(vectors: Path) -> None:
    change(vectors, DOCUMENT, set_to("number_of_tests", 94))
    assert "95 tests, number_of_tests says 94" in refused(vectors)


def test_the_loader_refuses_a_test_cut_off_with_its_count(vectors: Path) -> None:
    def cut(document: Any) -> None:
        document["test_groups"][0]["tests"].pop()
        document["number_of_tests"] -= 1

    change(vectors, DOCUMENT, cut)
    assert "94 tests, number_of_tests says 94 and MANIFEST.json 95" in refused(vectors)


def test_the_loader_refuses_files_that_the_manifest_does_not_know(vectors: Path) -> None:
    shutil.copy(vectors / DOCUMENT, vectors / "timestamp/more.json")
    assert "timestamp/more.json" in refused(vectors)
    (vectors / "timestamp/more.json").unlink()
    (vectors / DOCUMENT).unlink()
    assert DOCUMENT in refused(vectors)


def test_the_loader_refuses_what_is_no_json_object(vectors: Path) -> None:
    (vectors / DOCUMENT).write_text("[]")
    assert "not an object" in refused(vectors)
    (vectors / DOCUMENT).write_text("{")
    assert "not JSON" in refused(vectors)


def test_an_unknown_family_is_told_with_those_there_are(vectors: Path) -> None:
    assert refused(vectors, "other") == "no vectors of family 'other'; there are: timestamp"
    assert vector_families(root=vectors) == ["timestamp"]


def test_the_manifest_is_held_against_its_schema_as_well(vectors: Path) -> None:
    change(vectors, "MANIFEST.json", delete("sources"))
    with pytest.raises(VectorError, match="sources"):
        load_manifest(root=vectors)


# ------------------------------------------------------------------------------------ recipes
def a_family(case: Case) -> Family:
    family = Family("trial", title="a trial", notes={"Flag": Note("a", "b", ["ADDR-01"])})

    def recipe() -> Iterator[Case]:
        """What the documentation
        shows."""
        yield case

    family.group(type="trial", fields=Fields(input={"text": TEXT})).case(recipe)
    return family


def only_test(case: Case) -> dict[str, Any]:
    ((_, document),) = documents(a_family(case))
    (test,) = cases_of(document)
    assert isinstance(test, dict)
    return test


def test_a_cases_comment_is_its_recipes_docstring() -> None:
    test = only_test(Case("trial-one", rules=["ADDR-01"], data={"text": b"\xff"}))
    assert test == {
        "tc_id": "trial-one",
        "comment": "What the documentation shows.",
        "flags": [],
        "rules": ["ADDR-01"],
        "input": {"text": "ff"},
        "result": "valid",
    }


def test_layer_and_code_come_from_the_one_table() -> None:
    case = Case(
        "trial-one",
        rules=["ENV-06"],
        data={"text": ""},
        result="invalid",
        mutation="tag-bit",
        sibling="trial-two",
        changed=["/a", Bytes("/b", 1, 2)],
    )
    test = only_test(case)
    assert (test["layer"], test["code"]) == ("tag", "integrity_error")
    assert test["changed"] == [{"pointer": "/a"}, {"pointer": "/b", "offset": 1, "length": 2}]


def test_a_recipe_that_names_no_known_mutation_or_another_family_stops_the_build() -> None:
    with pytest.raises(RecipeError, match="trial-one: the table of mutations has no 'unheard-of'"):
        only_test(Case("trial-one", rules=[], data={}, result="invalid", mutation="unheard-of"))
    with pytest.raises(RecipeError, match="begins with trial-"):
        only_test(Case("other-one", rules=[], data={}))


def test_groups_of_one_type_have_the_same_fields() -> None:
    family = a_family(Case("trial-one", rules=[], data={}))
    other = family.group(type="trial", fields=Fields(input={"other": TEXT}))
    other.case(lambda: Case("trial-two", rules=[], data={}))
    with pytest.raises(ValueError, match="differ in their fields"):
        writer.contents([family])


def test_what_has_no_one_order_or_no_json_is_refused() -> None:
    for value in ({"a"}, {1: "a"}, object()):
        with pytest.raises(TypeError):
            plain(value)
    with pytest.raises(ValueError, match="not JSON compliant"):
        file_bytes({"a": float("nan")})


def test_a_stream_is_the_same_on_every_machine_however_it_is_read() -> None:
    assert stream("label").take(8).hex() == "7ed557d9b422a1b8"
    one, other = Stream("label"), Stream("label")
    assert one.take(100) == other.take(1) + other.take(32) + other.take(67)
    assert stream("label").take(32) != stream("label2").take(32)
    assert {stream("x").below(3) for _ in range(5)} <= {0, 1, 2}


def test_an_item_is_shown_keys_first_with_its_bytes_as_hex() -> None:
    assert list(stored({"b": 1, "sk": "s", "a": b"\x01", "pk": "p"}).items()) == [
        ("pk", "p"),
        ("sk", "s"),
        ("a", {"bytes": "01"}),
        ("b", 1),
    ]
