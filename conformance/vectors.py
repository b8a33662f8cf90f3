"""The test vectors as data, from a checkout or from the installed package.

``load_vectors("envelope")`` gives the documents of one folder of vectors/. How to read them is told in
docs/vectors.md; what they were made from stands in MANIFEST.json (``load_manifest``).
"""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["VectorError", "cited_rules", "load_manifest", "load_vectors", "vector_families"]

Document = dict[str, Any]

_HERE = Path(__file__).parent
#: In the wheel, and in a checkout.
_PLACES = (_HERE / "_vectors", _HERE.parent / "vectors")
_MANIFEST = "MANIFEST.json"


class VectorError(ValueError):
    """Vectors that are not there, or not as their schema and the manifest say; names the file."""


def load_vectors(family: str, *, root: Path | None = None) -> list[Document]:
    """The documents of a family's folder (``nist``, ``address``, ``envelope``, …) by file name.

    Each file must be the one that the manifest names, by its SHA-256: ``VectorError`` where it is not,
    which says what is wrong by the file's schema in ``schemas/`` (no unknown field) or by its number
    of tests, where one of them shows it. ``root`` is another folder than the one that came with
    this package.
    """
    root = root or _root()
    manifest = load_manifest(root=root)
    known = _families(manifest)
    if family not in known:
        raise VectorError(f"no vectors of family {family!r}; there are: {', '.join(known)}")
    listed = {entry["path"]: entry for entry in manifest["files"] if "cases" in entry}
    there = {f"{family}/{path.name}" for path in (root / family).glob("*.json")}
    expected = {path for path in listed if path.startswith(f"{family}/")}
    if there != expected:
        odd = ", ".join(sorted(there ^ expected))
        raise VectorError(f"listed in {_MANIFEST} or in {root}, but not both: {odd}")
    return [_document(root, path, listed[path]) for path in sorted(expected)]


def cited_rules(*, root: Path | None = None) -> dict[str, Counter[str]]:
    """How many cases of each file cite each rule, by the file's path as the manifest has it."""
    root = root or _root()
    counted = {}
    for listed in load_manifest(root=root)["files"]:
        if "cases" in listed:
            document = _document(root, listed["path"], listed)
            tests = (test for group in document["test_groups"] for test in group["tests"])
            counted[listed["path"]] = Counter(rule for test in tests for rule in test["rules"])
    return counted


def vector_families(*, root: Path | None = None) -> list[str]:
    """The names that ``load_vectors`` takes."""
    return _families(load_manifest(root=root))


def _families(manifest: Document) -> list[str]:
    return list(dict.fromkeys(family["folder"] for family in manifest["families"]))


def load_manifest(*, root: Path | None = None) -> Document:
    """MANIFEST.json: sources, hashes, counts, what is covered, which families are planned."""
    root = root or _root()
    manifest = _read(root, _MANIFEST)
    _validate(_MANIFEST, manifest, _read(root, "schemas/manifest.schema.json"))
    return manifest


def _root() -> Path:
    for place in _PLACES:
        if (place / _MANIFEST).is_file():
            return place
    raise VectorError("there are no vectors here; `nox -s vectors` makes them in a checkout")


def _document(root: Path, path: str, listed: Document) -> Document:
    content = _bytes(root, path)
    document = _parsed(path, content)
    if sha256(content).hexdigest() != listed["sha256"]:
        # What was written with the manifest has passed its schema; this is something else.
        _look_for_the_fault(root, path, document, listed["cases"])
        likely = "its line endings were changed (CR LF for LF), which git does with core.autocrlf. Check it"
        again = "out again with `git config core.autocrlf false`, or copy the folder as bytes"
        why = f": {likely} {again}" if _differs_in_line_ends(content, listed["sha256"]) else ""
        raise VectorError(f"{path}: it is not the file that {_MANIFEST} names (SHA-256){why}")
    _bytes(root, document["schema"])  # whoever is given vectors is given their schemas
    return document


def _differs_in_line_ends(content: bytes, expected: str) -> bool:
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest() == expected


def _look_for_the_fault(root: Path, path: str, document: Document, listed: int) -> None:
    """``VectorError`` for what the schema or the counts show."""
    schema = document.get("schema")
    if not isinstance(schema, str):
        raise VectorError(f"{path}: it names no schema")
    if not schema.startswith("schemas/") or ".." in schema:
        raise VectorError(f"{path}: its schema lies outside schemas/: {schema}")
    _validate(path, document, _read(root, schema))
    count = sum(len(group["tests"]) for group in document["test_groups"])
    if not count == document["number_of_tests"] == listed:
        raise VectorError(
            f"{path}: {count} tests, number_of_tests says {document['number_of_tests']}"
            f" and {_MANIFEST} {listed}"
        )


def _read(root: Path, path: str) -> Document:
    return _parsed(path, _bytes(root, path))


def _bytes(root: Path, path: str) -> bytes:
    try:
        return (root / path).read_bytes()
    except OSError as error:
        raise VectorError(f"{path} cannot be read: {error.strerror}") from error


def _parsed(path: str, content: bytes) -> Document:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise VectorError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise VectorError(f"{path}: not an object")
    return document


def _validate(path: str, document: Document, schema: Document) -> None:
    # Imported where it is used: it takes longer than all the rest of the package.
    import jsonschema

    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(document)
    )
    if error is not None:
        raise VectorError(f"{path}: {error.json_path}: {error.message[:300]}")
