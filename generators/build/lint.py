"""What a JSON Schema cannot say of a folder of vectors; every finding names the file or the case."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from .file_format import file_bytes

MANIFEST = "MANIFEST.json"
MANIFEST_SCHEMA = "schemas/manifest.schema.json"

# By folder: at least this share of its cases is invalid; of all contract cases together, the last.
NEGATIVE = {"envelope": 0.8, "audit": 0.8, "partition": 0.8}
NEGATIVE_OVERALL = 0.6
LARGEST_FAMILY = 1 / 3
# What the contract families must speak of. Rules that no data can show (a lock, a deadline, the
# freshness of a nonce) are not here.
RULES = (
    *("ADDR-01", "ADDR-02", "ADDR-03", "ADDR-04", "ADDR-05", "ADDR-06", "ADDR-07", "ADDR-10"),
    *("ENV-01", "ENV-02", "ENV-03", "ENV-04", "ENV-06", "ENV-08", "ENV-09"),
    *("KEY-03", "KEY-04", "KEY-05", "KEY-06", "KEY-07", "KEY-08", "KEY-09"),
    *("AUDIT-01", "AUDIT-02", "AUDIT-05", "AUDIT-07", "AUDIT-08", "AUDIT-09"),
    *("HEAD-01", "HEAD-02", "HEAD-04", "HEAD-05", "HEAD-06"),
    *("GRAPH-02", "GRAPH-03", "GRAPH-06"),
    *("MIG-01", "MIG-02", "MIG-03", "STORE-12"),
)

Document = Mapping[str, Any]
Place = tuple[str, int | None, int | None]
_HEX = re.compile(r"([0-9a-f]{2})*")
_MISSING = object()


def findings(root: Path) -> list[str]:
    """Everything that is wrong with the vectors below `root`; empty when nothing is."""
    texts = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*.json"))
    }
    parsed: dict[str, Document] = {}
    found: list[str] = []
    for path, content in texts.items():
        try:
            parsed[path] = json.loads(content)
        except ValueError as error:
            found.append(f"{path}: not JSON: {error}")
            continue
        found += _canonical(path, content, parsed[path])
    vectors = {
        path: document
        for path, document in parsed.items()
        if path != MANIFEST and not path.startswith("schemas/")
    }
    for path, document in vectors.items():
        found += _against_schema(path, str(document.get("schema")), document, parsed)
    manifest = parsed.get(MANIFEST)
    if manifest is None:
        found.append(f"{MANIFEST} is missing")
    else:
        found += _against_schema(MANIFEST, MANIFEST_SCHEMA, manifest, parsed)
    if found or manifest is None:
        return found  # what follows takes the shape for granted
    for path, document in vectors.items():
        found += _counts(path, document)
        found += _flags(path, document)
    found += _unique(vectors)
    found += _siblings(vectors)
    found += _faults(manifest, vectors)
    found += _manifest(manifest, parsed, vectors)
    return found


def shares(root: Path) -> list[str]:
    """What the whole lacks: negatives, a family that is too large, a rule or fault without a case."""
    manifest = json.loads((root / MANIFEST).read_bytes())
    contract = [family for family in manifest["families"] if family["kind"] == "contract"]
    total = manifest["totals"]["contract"]
    found = []
    if total["cases"] == 0 or total["invalid"] < NEGATIVE_OVERALL * total["cases"]:
        found.append(f"of {total['cases']} contract cases only {total['invalid']} are invalid")
    for folder in sorted({family["folder"] for family in contract}):
        cases = sum(family["cases"] for family in contract if family["folder"] == folder)
        invalid = sum(family["invalid"] for family in contract if family["folder"] == folder)
        if invalid < NEGATIVE.get(folder, 0) * cases:
            found.append(f"{folder}: of {cases} cases only {invalid} are invalid")
        if cases > LARGEST_FAMILY * total["cases"]:
            found.append(f"{folder}: {cases} cases are more than a third of {total['cases']}")
    found += [f"no case cites {rule}" for rule in RULES if rule not in manifest["rules"]]
    found += [
        f"no case has the mutation {name}"
        for name, fault in manifest["faults"].items()
        if not fault["cases"]
    ]
    return found


# ------------------------------------------------------------------------------- one document
def _canonical(path: str, content: bytes, document: Document) -> Iterator[str]:
    if file_bytes(document) != content:
        yield f"{path}: its bytes are not the ones that the writer gives"
    if re.search(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", content):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            yield f"{path}: a lone surrogate; such text is given as the hex of its bytes"


def _against_schema(
    path: str, named: str, document: Document, files: Mapping[str, Document]
) -> Iterator[str]:
    schema = files.get(named)
    if schema is None:
        yield f"{path}: its schema {named} is missing"
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
        best = jsonschema.exceptions.best_match([error]) or error
        yield f"{path}: {best.json_path}: {best.message[:200]}"


def tests(document: Document) -> Iterator[dict[str, Any]]:
    """Every test of a document."""
    for group in document["test_groups"]:
        yield from group["tests"]


def _counts(path: str, document: Document) -> Iterator[str]:
    found = sum(1 for _ in tests(document))
    if found != document["number_of_tests"]:
        yield f"{path}: {found} tests, number_of_tests says {document['number_of_tests']}"


def _flags(path: str, document: Document) -> Iterator[str]:
    used = {flag for test in tests(document) for flag in test["flags"]}
    for flag in sorted(used - set(document["notes"])):
        yield f"{path}: the flag {flag} is not explained"
    for flag in sorted(set(document["notes"]) - used):
        yield f"{path}: the flag {flag} is explained but not used"


# ------------------------------------------------------------------------------ all documents
def _unique(vectors: Mapping[str, Document]) -> Iterator[str]:
    ids = Counter(test["tc_id"] for document in vectors.values() for test in tests(document))
    for tc_id, count in ids.items():
        if count > 1:
            yield f"{tc_id}: {count} cases have this tc_id"


def _siblings(vectors: Mapping[str, Document]) -> Iterator[str]:
    cases = {
        test["tc_id"]: (document.get("family"), group, test)
        for document in vectors.values()
        for group in document["test_groups"]
        for test in group["tests"]
    }
    for tc_id, (family, group, test) in cases.items():
        if "mutation" not in test:
            continue
        where = cases.get(test["sibling"])
        if where is None or where[2]["result"] != "valid":
            yield f"{tc_id}: its sibling {test['sibling']} is no valid case"
        elif where[0] != family or _without_tests(where[1]) != _without_tests(group):
            yield f"{tc_id}: its sibling {test['sibling']} is of another type or has other parameters"
        else:
            yield from _one_mutation(test, where[2])


def _faults(manifest: Document, vectors: Mapping[str, Document]) -> Iterator[str]:
    """Layer and code are those of the one table, and the case cites a rule that says so."""
    for test in (test for document in vectors.values() for test in tests(document)):
        if "mutation" not in test:
            continue
        fault = manifest["faults"].get(test["mutation"])
        if fault is None:
            yield f"{test['tc_id']}: the manifest knows no mutation {test['mutation']}"
        elif (fault["layer"], fault["code"]) != (test["layer"], test["code"]):
            yield f"{test['tc_id']}: layer and code are not those of {test['mutation']}"
        elif not set(fault["rules"]) & set(test["rules"]):
            yield f"{test['tc_id']}: cites none of the rules of {test['mutation']}"


def _without_tests(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("tests", "source")}


def _one_mutation(test: Mapping[str, Any], sibling: Mapping[str, Any]) -> Iterator[str]:
    """Named and found must be the same places; a named value stands for all that lies in it."""
    found = difference(sibling["input"], test["input"])
    named = [
        (place["pointer"], place.get("offset"), place.get("length")) for place in test["changed"]
    ]
    used: set[Place] = set()
    for place in found:
        covering = [name for name in named if _covers(name, place)]
        if not covering:
            yield f"{test['tc_id']}: differs from {sibling['tc_id']} at {_shown(place)}, which is not named"
        used.update(covering)
    for name in named:
        if name not in used:
            yield f"{test['tc_id']}: does not differ from {sibling['tc_id']} at {_shown(name)}"
    if len(set(named)) != len(named):
        yield f"{test['tc_id']}: a place is named twice"


def _covers(named: Place, place: Place) -> bool:
    pointer, offset, _ = named
    if offset is not None:
        return named == place
    return place[0] == pointer or place[0].startswith(f"{pointer}/")


def _shown(place: Place) -> str:
    pointer, offset, length = place
    return pointer if offset is None else f"{pointer}[{offset}:{offset}+{length}]"


def difference(before: object, after: object, pointer: str = "") -> list[Place]:
    """Where two inputs differ: (JSON pointer, first byte, number of bytes), the last two for text.

    An added or removed member is its pointer alone. In lists of other lengths one element put in or
    taken out is that element's pointer, anything else the list's. Bytes are those of the hex where
    both texts are hex, else of the UTF-8; they lie between the common beginning and the common end,
    and are counted in the longer text.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        places: list[Place] = []
        for name in [*before, *(name for name in after if name not in before)]:
            step = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            pair = before.get(name, _MISSING), after.get(name, _MISSING)
            places += [(step, None, None)] if _MISSING in pair else difference(*pair, step)
        return places
    if isinstance(before, list) and isinstance(after, list):
        return _lists(before, after, pointer)
    if _same(before, after):
        return []
    if isinstance(before, str) and isinstance(after, str):
        return [(pointer, *_range(*_octets(before, after)))]
    return [(pointer, None, None)]


def _same(before: object, after: object) -> bool:
    """Equal as JSON: true is not 1, and 1.0 is not 1."""
    return type(before) is type(after) and before == after


def _lists(before: list[Any], after: list[Any], pointer: str) -> list[Place]:
    if len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [place for n, pair in pairs for place in difference(*pair, f"{pointer}/{n}")]
    start, length = _range(before, after)
    if abs(len(before) - len(after)) == 1 == length:
        return [(f"{pointer}/{start}", None, None)]
    return [(pointer, None, None)]


def _octets(before: str, after: str) -> tuple[bytes, bytes]:
    if _HEX.fullmatch(before) and _HEX.fullmatch(after):
        return bytes.fromhex(before), bytes.fromhex(after)
    return before.encode(), after.encode()


def _range(before: bytes | list[Any], after: bytes | list[Any]) -> tuple[int, int]:
    """First place and length of what lies between the common beginning and the common end."""
    shorter, longer = sorted((len(before), len(after)))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, longer - start - end


# ------------------------------------------------------------------------------- the manifest
def _manifest(
    manifest: Document, files: Mapping[str, Document], vectors: Mapping[str, Document]
) -> Iterator[str]:
    listed = {entry["path"]: entry for entry in manifest["files"]}
    yield from _names(set(files) - {MANIFEST}, set(listed))
    for path, document in vectors.items():
        results = Counter(test["result"] for test in tests(document))
        counts = {
            "cases": results.total(),
            "valid": results["valid"],
            "invalid": results["invalid"],
        }
        entry = listed.get(path, {})
        if {name: entry.get(name) for name in counts} != counts:
            yield f"{MANIFEST}: its counts for {path} are not {counts}"


def _names(there: Iterable[str], listed: Iterable[str]) -> Iterator[str]:
    for path in sorted(set(there) ^ set(listed)):
        yield f"{MANIFEST}: {path} is listed or there, but not both"
