"""What an engine answered to the probe, on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.targets.probe.questions import Answer

__all__ = ["as_json", "show_probe"]

_STYLES: Final = {
    "holds": "green",
    "fails": "bold red",
    "not_relied_on": "yellow",
    "not_asked": "dim",
}


def show_probe(console: Console, engine: Mapping[str, str], answers: Sequence[Answer]) -> None:
    """A line for each point, and in the last one whether a run on this engine would show anything."""
    table = Table("point", "", "what is relied on", box=None, pad_edge=False)
    for answer in answers:
        told = f"\n[{_STYLES[answer.verdict]}]{escape(answer.detail)}[/]" if answer.detail else ""
        verdict = f"[{_STYLES[answer.verdict]}]{answer.verdict.replace('_', ' ')}[/]"
        table.add_row(answer.point, verdict, escape(answer.text) + told)
    console.print(table)
    name = escape(" ".join(engine.values()))
    failed = [answer.point for answer in answers if answer.verdict == "fails"]
    if failed:
        text = f"[bold yellow]unfit[/]: {name} does not hold {', '.join(failed)}: runs on it are "
        text += "indeterminate"
    else:
        text = f"[bold green]fit[/]: {name} holds every point that is relied on"
    console.print(text, highlight=False, soft_wrap=True)


def as_json(engine: Mapping[str, str], answers: Sequence[Answer]) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "engine": dict(engine),
        "points": [
            {"name": a.point, "text": a.text, "verdict": a.verdict, "detail": a.detail}
            for a in answers
        ],
        "verdict": "unfit" if any(a.verdict == "fails" for a in answers) else "fit",
    }
