"""One case for people: what it says, what goes in, what lies between, what must come out."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.syntax import Syntax

from .document import Document, explanation, test
from .families import families


class UnknownCaseError(Exception):
    """No recipe makes a case of that tc_id."""


def print_case(tc_id: str) -> None:
    """Print the case; `UnknownCaseError` names the nearest thing to look at."""
    made, said = _find(tc_id)
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


def _find(tc_id: str) -> tuple[Document, str]:
    known = [family for family in families() if tc_id.startswith(f"{family.name}-")]
    for family in known:
        for group in family.groups:
            for case, recipe in group.cases():
                if case.tc_id == tc_id:
                    return test(family, case, recipe), explanation(recipe)
    names = ", ".join(family.name for family in known or families())
    raise UnknownCaseError(f"no case {tc_id}; looked in: {names}")
