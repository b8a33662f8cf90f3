"""Goes through every file, group and case below a folder of vectors and says where it disagrees."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import checks  # noqa: F401 - importing it registers the checks
from .difference import same, unnamed
from .work import CHECKS, Refused, Work

__all__ = [
    "Disagreement",
    "Outcome",
    "against_sibling",
    "compare",
    "go_through",
    "verify",
    "verify_documents",
    "verify_manifest",
]

Document = Mapping[str, Any]

#: Below vectors/, but no vectors.
_APART = ("MANIFEST.json", "schemas/")


@dataclass(frozen=True)
class Disagreement:
    """A case (or a file, where no case is at fault) and what this verifier found instead."""

    tc_id: str
    what: str


@dataclass
class Outcome:
    """Cases looked at by (file, type of group), and every disagreement."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    invalid: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def agreed(self) -> bool:
        """Whether there was something to verify and all of it was."""
        return bool(self.counts) and not self.disagreements

    def disagree(self, tc_id: str, what: str) -> None:
        """Put down a disagreement."""
        self.disagreements.append(Disagreement(tc_id, what))


def verify(folder: Path) -> Outcome:
    """Verify every vector file below a folder, and its manifest's hashes and counts."""
    outcome = Outcome()
    documents: dict[str, Document] = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            document = json.loads(path.read_bytes())
        except ValueError as error:
            outcome.disagree(name, f"no JSON: {error}")
            continue
        if not name.startswith(_APART):
            documents[name] = document
    _verify(documents, outcome)
    verify_manifest(folder, documents, outcome)
    return outcome


def verify_documents(documents: Mapping[str, Document]) -> Outcome:
    """Verify documents by their names, without a manifest."""
    outcome = Outcome()
    _verify(documents, outcome)
    return outcome


def _verify(documents: Mapping[str, Document], outcome: Outcome) -> None:
    inputs: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name, _, test in _cases(documents, outcome):
        if test["tc_id"] in inputs:
            outcome.disagree(test["tc_id"], f"{name}: the tc_id stands twice")
        inputs[test["tc_id"]] = (test["result"], test["input"])
    for name, group, test in _cases(documents, Outcome()):
        place = (name, group["type"])
        outcome.counts[place] += 1
        outcome.invalid[place] += test["result"] == "invalid"
        family = documents[name].get("family") or name.partition("/")[0]
        found = go_through(family, group, test)
        what = found if isinstance(found, str) else compare(test, *found)
        what = what or against_sibling(test, inputs)
        if what is not None:
            outcome.disagree(test["tc_id"], what)


def _cases(
    documents: Mapping[str, Document], outcome: Outcome
) -> Iterator[tuple[str, Document, Document]]:
    """(file, group, case), counts held against what each file says of itself."""
    for name, document in documents.items():
        try:
            groups = document["test_groups"]
            found = [(group, test) for group in groups for test in group["tests"]]
            if not found or len(found) != document["number_of_tests"]:
                outcome.disagree(
                    name, f"{len(found)} cases, number_of_tests {document['number_of_tests']}"
                )
            for group, test in found:
                if not {"tc_id", "result", "input"} <= test.keys() or "type" not in group:
                    raise KeyError(f"a member of {test.get('tc_id', 'a case')}")
        except (KeyError, TypeError, AttributeError) as error:
            outcome.disagree(name, f"no document of vectors: {error!r}")
            continue
        for group, test in found:
            yield name, group, test


def go_through(family: str, group: Document, test: Document) -> tuple[Work, Refused | None] | str:
    """What this verifier makes of a case's input and whether it refuses it; in words where it cannot."""
    function = CHECKS.get((family, group["type"]))
    if function is None:
        return f"there is no check for {family}, {group['type']}: not verified"
    parameters = {n: v for n, v in group.items() if n not in ("type", "source", "tests")}
    work = Work(test["input"], parameters)
    try:
        function(work)
    except Refused as refusal:
        return work, refusal
    except Exception as error:  # noqa: BLE001 - whatever a broken vector leads to is a disagreement
        return f"cannot be gone through: {type(error).__name__}: {error}"
    return work, None


def compare(test: Document, work: Work, refused: Refused | None) -> str | None:
    """Where a case says something else than was found; None where it does not."""
    if test["result"] not in ("valid", "invalid"):
        return f"result {test['result']!r}"
    if test["result"] == "valid" and refused is not None:
        return f"refused by {refused}"
    if test["result"] == "invalid":
        if refused is None:
            return "nothing is refused"
        said = {name: test[name] for name in ("layer", "code") if name in test}
        found = {name: getattr(refused, name) for name in said}
        if said != found or ("mutation" in test) != bool(said):
            return f"{found}, the vector says {said}"
    for part in ("intermediate", "expected"):
        said, found = test.get(part) or {}, getattr(work, part)
        for name, value in said.items():
            if name not in found:
                return f"{part}.{name} is not made by this verifier"
            if not same(found[name], value):
                return f"{part}.{name} is {_short(found[name])}, the vector says {_short(value)}"
        if test["result"] == "valid" and part == "expected" and found and not said:
            return f"the vector lacks expected: {', '.join(sorted(found))}"
    return None


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def against_sibling(
    test: Document, inputs: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> str | None:
    """Where a negative case is not its valid sibling with exactly the named change; ``inputs``: result
    and input of every case."""
    if "mutation" not in test:
        return None
    result, given = inputs.get(test["sibling"], ("missing", {}))
    if result != "valid":
        return f"the sibling {test['sibling']} is {result}"
    what = unnamed(given, test["input"], test["changed"])
    return what and f"against its sibling: {what}"


def verify_manifest(folder: Path, documents: Mapping[str, Document], outcome: Outcome) -> None:
    """Every file is in the manifest with its SHA-256 and counts, and nothing else is."""
    path = folder / "MANIFEST.json"
    try:
        listed = {entry["path"]: entry for entry in json.loads(path.read_bytes())["files"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        outcome.disagree("MANIFEST.json", f"cannot be read: {error!r}")
        return
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*.json")} - {path.name}
    for name in sorted(there | {n for n in listed if n.endswith(".json")}):
        if name not in listed or name not in there:
            outcome.disagree(name, "is " + ("not in the manifest" if name in there else "missing"))
            continue
        entry = listed[name]
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != entry["sha256"]:
            outcome.disagree(name, "has another SHA-256 than the manifest says")
        if name in documents:
            results = Counter(t["result"] for _, _, t in _cases({name: documents[name]}, Outcome()))
            found = {"cases": results.total(), **{r: results[r] for r in ("valid", "invalid")}}
            if {n: entry.get(n) for n in found} != found:
                outcome.disagree(name, "has other counts than the manifest says")
