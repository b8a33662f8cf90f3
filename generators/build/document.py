"""From a family to its JSON documents, one for each file."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..kit.recipe import Bytes, Case, Family, Group, Mutation, Recipe, Source
from .file_format import plain

SPEC_REVISION = 2
GENERATOR = "dialogue-store-conformance generators 1"

Document = dict[str, Any]


class RecipeError(Exception):
    """A recipe that does not keep the rules of a vector; the message names the case."""


def documents(family: Family) -> Iterator[tuple[str, Document]]:
    """The documents of a family with their paths below vectors/."""
    for name in dict.fromkeys(group.file for group in family.groups):
        groups = [group for group in family.groups if group.file == name]
        yield f"{family.folder}/{name}.json", _document(family, groups)


def schema_path(family: Family) -> str:
    """Where the schema of a family's documents lies below vectors/."""
    return f"schemas/{family.name}.schema.json"


def _document(family: Family, groups: list[Group]) -> Document:
    made = [_group(family, group) for group in groups]
    used = {flag for group in made for test in group["tests"] for flag in test["flags"]}
    kind = {"algorithm": family.algorithm} if family.algorithm else {"family": family.name}
    return {
        **kind,
        "spec_revision": SPEC_REVISION,
        "schema": schema_path(family),
        "generator": GENERATOR,
        "number_of_tests": sum(len(group["tests"]) for group in made),
        "header": [family.title, *family.header],
        "notes": {
            flag: {"what": note.what, "effect": note.effect, "rules": list(note.rules)}
            for flag, note in family.notes.items()
            if flag in used
        },
        "test_groups": made,
    }


def _group(family: Family, group: Group) -> Document:
    source = group.source or _own_source(group)
    return {
        "type": group.type,
        "source": {"name": source.name, "version": source.version, "sha256": source.sha256},
        **plain(group.parameters),
        "tests": [test(family, case, recipe) for case, recipe in group.cases()],
    }


def _own_source(group: Group) -> Source:
    """The module that holds the recipes: where the cases of a contract family come from."""
    module = Path(inspect.getfile(inspect.unwrap(group.recipes[0])))
    digest = hashlib.sha256(module.read_bytes()).hexdigest()
    name = module.relative_to(Path(__file__).parents[2]).as_posix()
    return Source(name, GENERATOR.rsplit(" ", 1)[1], digest)


def test(family: Family, case: Case, recipe: Recipe) -> Document:
    """One case as JSON has it; layer and code of a negative one from the table of mutations."""
    if not case.tc_id.startswith(f"{family.name}-"):
        raise RecipeError(f"{case.tc_id}: a tc_id begins with {family.name}-")
    made: Document = {
        "tc_id": case.tc_id,
        "comment": case.comment or explanation(recipe),
        "flags": list(case.flags),
        "rules": list(case.rules),
        **({"planned": True} if case.planned else {}),
        "input": plain(case.data),
    }
    if case.intermediate is not None:
        made["intermediate"] = plain(case.intermediate)
    if case.expected is not None:
        made["expected"] = plain(case.expected)
    made["result"] = case.result
    if case.mutation is not None:
        made |= _fault(case, case.mutation)
    return made


def explanation(recipe: Recipe) -> str:
    """A recipe's docstring in one line."""
    return " ".join((inspect.getdoc(recipe) or "").split())


def _fault(case: Case, name: str) -> Document:
    fault = mutations().get(name)
    if fault is None:
        raise RecipeError(f"{case.tc_id}: the table of mutations has no {name!r}")
    return {
        "mutation": name,
        "sibling": case.sibling,
        "changed": [
            {"pointer": place.pointer, "offset": place.offset, "length": place.length}
            if isinstance(place, Bytes)
            else {"pointer": place}
            for place in case.changed
        ],
        "layer": fault.layer,
        "code": fault.code,
    }


def mutations() -> dict[str, Mutation]:
    """The one table: mutation → layer → rule → code."""
    from ..kit.mutations import MUTATIONS

    return dict(MUTATIONS)
