"""One case for people: what it says, what goes in, what lies between, what must come out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from .document import Document, explanation, test
from .families import families
from .lint import difference, tests


class UnknownCaseError(Exception):
    """No recipe makes a case of that tc_id."""


def print_case(tc_id: str, vectors: Path) -> None:
    """Print the case as it lies in the folder ``vectors``, and where the generators make another one of it;
    `UnknownCaseError` names the nearest thing to look at."""
    there, now = _lying(tc_id, vectors), _find(tc_id)
    if now is None and there is None:
        raise UnknownCaseError(f"no case {tc_id}; looked in: {', '.join(_near(tc_id))}")
    made = there or (now[0] if now else {})
    said = now[1] if now else made["comment"]
    # Plain text when piped, so that a case can be compared with another.
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{tc_id}[/bold]  {made['result']}", markup=True)
    console.print(said, markup=False)
    if made["comment"] != said:
        console.print(made["comment"], markup=False)
    console.print(f"rules: {', '.join(made['rules'])}", markup=False)
    if made["flags"]:
        console.print(f"flags: {', '.join(made['flags'])}", markup=False)
    if "mutation" in made:
        changed = ", ".join(json.dumps(place) for place in made["changed"])
        console.print(
            f"mutation: {made['mutation']} of {made['sibling']} at {changed}", markup=False
        )
        console.print(f"must be caught by layer {made['layer']}, code {made['code']}", markup=False)
    for part in ("input", "intermediate", "expected"):
        if part in made:
            console.print(f"\n{part}", markup=False)
            text = json.dumps(made[part], indent=2, ensure_ascii=True)
            if sys.stdout.isatty():
                console.print(Syntax(text, "json", word_wrap=True, background_color="default"))
            else:
                console.print(text, markup=False)
    for line in _against(there, now[0] if now else None):
        console.print(f"\n{line}", markup=False)


def _against(there: Document | None, made: Document | None) -> list[str]:
    """Where what lies there and what the generators make are not the same."""
    if there is None:
        return ["this case does not lie in vectors/: it is what the generators make"]
    if made is None:
        return ["the generators make no such case"]
    places = [place[0] or "/" for place in difference(there, json.loads(json.dumps(made)))]
    if not places:
        return []
    return [f"the generators make another case: it differs at {', '.join(places)}"]


def _lying(tc_id: str, vectors: Path) -> Document | None:
    for path in sorted(vectors.glob("*/*.json")):
        text = path.read_bytes()
        if f'"{tc_id}"'.encode() not in text:
            continue
        try:
            found = [case for case in tests(json.loads(text)) if case["tc_id"] == tc_id]
        except (ValueError, KeyError, TypeError):
            continue  # a schema, or a file that the lint tells of
        if found:
            return found[0]
    return None


def _near(tc_id: str) -> list[str]:
    names = [family.name for family in families()]
    return [name for name in names if tc_id.startswith(f"{name}-")] or names


def _find(tc_id: str) -> tuple[Document, str] | None:
    known = [family for family in families() if tc_id.startswith(f"{family.name}-")]
    for family in known:
        for group in family.groups:
            for case, recipe in group.cases():
                if case.tc_id == tc_id:
                    return test(family, case, recipe), explanation(recipe)
    return None
