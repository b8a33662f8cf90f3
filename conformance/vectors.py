"""The test vectors as data, from a checkout or from the installed package.

``load_vectors("envelope")`` gives the documents of one folder of vectors/. How to read them is told in
docs/vectors.md; what they were made from stands in MANIFEST.json (``load_manifest``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["VectorError", "load_manifest", "load_vectors", "vector_families"]

Document = dict[str, Any]

_HERE = Path(__file__).parent
#: In the wheel, and in a checkout.
_PLACES = (_HERE / "_vectors", _HERE.parent / "vectors")
_MANIFEST = "MANIFEST.json"


class VectorError(ValueError):
    """Vectors that are not there, or not as their schema and the manifest say; names the file."""


def load_vectors(family: str, *, root: Path | None = None) -> list[Document]:
    """The documents of a family's folder (``nist``, ``address``, ``envelope``, …) by file name.

    Each document is validated by its schema in ``schemas/`` (no unknown field), its number of tests
    is counted and compared with the manifest: ``VectorError`` where anything is off. ``root`` is
    another folder than the one that came with this package.
    """
    root = root or _root()
    known = vector_families(root=root)
    if family not in known:
        raise VectorError(f"no vectors of family {family!r}; there are: {', '.join(known)}")
    listed = [entry for entry in load_manifest(root=root)["files"] if "cases" in entry]
    counts = {entry["path"]: entry["cases"] for entry in listed}
    there = {f"{family}/{path.name}" for path in (root / family).glob("*.json")}
    expected = {path for path in counts if path.startswith(f"{family}/")}
    if there != expected:
        odd = ", ".join(sorted(there ^ expected))
        raise VectorError(f"listed in {_MANIFEST} or in {root}, but not both: {odd}")
    return [_document(root, path, counts[path]) for path in sorted(expected)]


def vector_families(*, root: Path | None = None) -> list[str]:
    """The names that ``load_vectors`` takes."""
    manifest = load_manifest(root=root)
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


def _document(root: Path, path: str, listed: int) -> Document:
    document = _read(root, path)
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
    return document


def _read(root: Path, path: str) -> Document:
    try:
        document = json.loads((root / path).read_bytes())
    except OSError as error:
        raise VectorError(f"{path} cannot be read: {error.strerror}") from error
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
