"""What became of the liars, on a terminal and in ``liars.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.liars.run import Result, as_json, write_json

__all__ = ["show_liars"]


def show_liars(
    console: Console,
    results: Sequence[Result],
    path: Path,
    *,
    whole: bool,
    verbose: bool = False,
) -> int:
    """Write the file, show the table, and give the exit code: 0 all caught, 1 not, 2 undecided.

    ``whole``: all liars were run, so rules without one can be named. ``verbose``: name the cases
    that failed although their rule was not declared.
    """
    write_json(results, path)
    table = Table(box=None, pad_edge=False)
    table.add_column("liar", no_wrap=True)
    for title in ("profile", "must fail", "outcome"):
        table.add_column(title)
    for result in results:
        table.add_row(
            result.liar.name, result.liar.profile, " ".join(result.liar.must_fail), _outcome(result)
        )
    console.print(table)
    for result in results:
        for line in _explanation(result):
            console.print(f"  {escape(result.liar.name)}: {escape(line)}", soft_wrap=True)
        if verbose:
            for line in _cases(result):
                console.print(f"      {escape(line)}", soft_wrap=True, highlight=False)
    rules = as_json(results)["rules"]
    shown = sum(1 for names in rules.values() if names)
    console.print(f"rules that a liar turned red: {shown} of {len(rules)}")
    if whole:
        alone = [rule for rule, names in rules.items() if not names]
        console.print(f"no liar yet for: {' '.join(alone) or 'none'}", soft_wrap=True)
    console.print(f"report: {path}", soft_wrap=True)
    if not results or not all(result.decided for result in results):
        console.print("[bold yellow]indeterminate[/]: not every run was decided")
        return 2
    caught = sum(result.killed for result in results)
    style = "bold green" if caught == len(results) else "bold red"
    console.print(f"[{style}]{caught} of {len(results)} liars caught[/]")
    return 0 if caught == len(results) else 1


def _cases(result: Result) -> list[str]:
    return [
        f"{requirement.id}  {failure.case}"
        for requirement in result.report.requirements
        if requirement.id in result.unexpected
        for failure in requirement.failures
    ]


def _outcome(result: Result) -> str:
    if result.killed:
        return "[green]caught[/]"
    return "[bold red]not as declared[/]" if result.decided else "[bold yellow]indeterminate[/]"


def _explanation(result: Result) -> list[str]:
    lines = []
    if result.survived:
        lines.append(f"had to fail and did not: {' '.join(result.survived)}")
    if result.unexpected:
        lines.append(f"failed without being declared: {' '.join(result.unexpected)}")
    if not result.decided:
        lines += [f"{reason.code}: {reason.detail}" for reason in result.report.reasons[:5]]
    return lines
