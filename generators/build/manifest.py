"""MANIFEST.json: what the vectors were made from, what each file holds, what they cover."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..kit.recipe import Family
from ..kit.sources import PUBLISHED
from .document import GENERATOR, SPEC_REVISION, Document, mutations

NAME = "MANIFEST.json"
SCHEMA = "schemas/manifest.schema.json"
ROOT = Path(__file__).parent.parent.parent
HERE = ROOT / "generators"
# What is read as data; everything else that decides a byte is a module or a library.
TABLES = ("reference_impl/contract/entities.json", "reference_impl/contract/methods.json")
LIBRARIES = ("cryptography", "cryptography-vectors", "rfc8785")


def manifest(
    built: Iterable[tuple[Family, Mapping[str, Document]]],
    files: Mapping[str, bytes],
    kept: Mapping[str, bytes],
) -> Document:
    """The manifest of these documents; `files` are all files below vectors/ by path, but its own; `kept`
    those that people wrote."""
    built = list(built)
    by_path = {path: document for _, documents in built for path, document in documents.items()}
    contract = [
        d for family, documents in built if not family.algorithm for d in documents.values()
    ]
    published = [d for family, documents in built if family.algorithm for d in documents.values()]
    cases = list(_cases(contract))
    per_rule = Counter(rule for case in cases for rule in case["rules"])
    per_fault = Counter(case["mutation"] for case in cases if "mutation" in case)
    return {
        "generator": GENERATOR,
        "spec_revision": SPEC_REVISION,
        "libraries": {name: version(name) for name in LIBRARIES},
        "sources": [*_published_sources(), *_tables()],
        "modules": _digests(path for path in _all_modules() if not _is_of_opinion(path)),
        "second_opinion": _digests(path for path in _all_modules() if _is_of_opinion(path)),
        "kept": {
            path: hashlib.sha256(content).hexdigest() for path, content in sorted(kept.items())
        },
        "totals": {"contract": _counts(contract), "published": _counts(published)},
        "families": [
            {
                "family": family.name,
                "folder": family.folder,
                "kind": "published" if family.algorithm else "contract",
                "planned": family.planned,
                **_counts(documents.values()),
            }
            for family, documents in built
        ],
        "rules": dict(sorted(per_rule.items())),
        "faults": {
            name: {
                "layer": fault.layer,
                "code": fault.code,
                "rules": list(fault.rules),
                "what": fault.what,
                "cases": per_fault[name],
            }
            for name, fault in sorted(mutations().items())
        },
        "files": [
            {
                "path": path,
                "sha256": hashlib.sha256(content).hexdigest(),
                **(_counts([by_path[path]]) if path in by_path else {}),
            }
            for path, content in sorted(files.items())
        ],
    }


def _cases(documents: Iterable[Document]) -> Iterable[dict[str, Any]]:
    for document in documents:
        for group in document["test_groups"]:
            yield from group["tests"]


def _counts(documents: Iterable[Document]) -> dict[str, int]:
    results = Counter(case["result"] for case in _cases(documents))
    return {
        "cases": results.total(),
        "valid": results["valid"],
        "invalid": results["invalid"],
    }


def _published_sources() -> list[dict[str, str]]:
    return [
        {"name": source.name, "version": source.version, "sha256": source.sha256}
        for source in PUBLISHED.values()
    ]


def _tables() -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "version": f"revision {SPEC_REVISION}",
            "sha256": _digest(ROOT / name),
        }
        for name in TABLES
    ]


def _all_modules() -> list[Path]:
    return sorted(HERE.rglob("*.py"))


def _is_of_opinion(path: Path) -> bool:
    """Whether a module verifies the bytes of the vectors; all others decide them."""
    return HERE / "second_opinion" in path.parents


def _digests(paths: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(ROOT).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
