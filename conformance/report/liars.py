"""What became of the liars: on a terminal, in ``liars.json``, and rule by liar in ``liars.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.liars.kit.trial import Result, alone, as_json

__all__ = ["outcome", "show_liars"]


def show_liars(
    console: Console,
    results: Sequence[Result],
    path: Path,
    *,
    whole: bool,
    verbose: bool = False,
) -> int:
    """Write the files, show the tables, and give the exit code: 0 all caught, 1 not, 2 undecided.

    ``whole``: all liars were run, so that a rule without one counts. ``verbose``: name the cases
    that failed although their rule was not declared.
    """
    _write(path, json.dumps(as_json(results), indent=2) + "\n")
    _write(path.with_suffix(".md"), _markdown(results))
    table = Table(box=None, pad_edge=False)
    table.add_column("liar", no_wrap=True)
    for title in ("profile", "must fail", "outcome"):
        table.add_column(title)
    for result in results:
        rules = "all" if result.liar.trivial else " ".join(result.liar.must_fail)
        table.add_row(result.liar.name, result.liar.profile, rules, outcome(result))
    console.print(table)
    console.print(_by_rule(results))
    for result in results:
        for line in _explanation(result):
            console.print(f"  {escape(result.liar.name)}: {escape(line)}", soft_wrap=True)
        if verbose:
            for line in _cases(result):
                console.print(f"      {escape(line)}", soft_wrap=True, highlight=False)
    without = alone(results) if whole else []
    if whole:
        console.print(
            f"rules without a liar of their own: {' '.join(without) or 'none'}", soft_wrap=True
        )
    console.print(f"report: {path}, {path.with_suffix('.md')}", soft_wrap=True)
    if not results or not all(result.decided for result in results):
        console.print("[bold yellow]indeterminate[/]: not every run was decided")
        return 2
    caught = sum(result.killed for result in results)
    is_good = caught == len(results) and not without
    style = "bold green" if is_good else "bold red"
    console.print(f"[{style}]{caught} of {len(results)} liars caught[/]")
    return 0 if is_good else 1


def outcome(result: Result) -> str:
    """One word or three for what became of a liar."""
    if result.killed:
        return "[green]caught[/]"
    return "[bold red]not as declared[/]" if result.decided else "[bold yellow]indeterminate[/]"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _by_rule(results: Sequence[Result]) -> Table:
    """For each rule, who was caught by it; trivial liars, caught by all, are left out."""
    table = Table(box=None, pad_edge=False)
    for title in ("rule", "liars", "among them"):
        table.add_column(title)
    trivial = {result.liar.name for result in results if result.liar.trivial}
    for rule, names in as_json(results)["rules"].items():
        own = [name for name in names if name not in trivial]
        if own:
            more = "" if len(own) <= 3 else ", …"
            table.add_row(rule, str(len(own)), ", ".join(own[:3]) + more)
    return table


def _markdown(results: Sequence[Result]) -> str:
    """Which rule caught which liar: ● declared, ○ touched as well, with a reason, ! not declared."""
    rules = list(as_json(results)["rules"])
    caught = sum(r.killed for r in results)
    legend = "● must go red, ○ may go red, ! went red undeclared, ✗ had to go red and did not"
    lines = [
        "# Liars",
        "",
        f"{caught} of {len(results)} liars caught. {legend}.",
        "",
        f"| liar | its lie | {' | '.join(rules)} |",
        f"|---|---|{'---|' * len(rules)}",
    ]
    for result in results:
        marks = " | ".join(_mark(result, rule) for rule in rules)
        lie = result.liar.lie.replace("|", "\\|")
        lines.append(f"| {result.liar.name} | {lie} | {marks} |")
    return "\n".join(lines) + "\n"


def _mark(result: Result, rule: str) -> str:
    if rule in result.survived:
        return "✗"
    if rule not in result.failed:
        return ""
    return "!" if rule in result.unexpected else "○" if rule in result.liar.also else "●"


def _cases(result: Result) -> list[str]:
    return [
        f"{requirement.id}  {failure.case}"
        for requirement in result.report.requirements
        if requirement.id in result.unexpected
        for failure in requirement.failures
        if failure.outcome == "fail"
    ]


def _explanation(result: Result) -> list[str]:
    lines = []
    if result.survived:
        lines.append(f"had to fail and did not: {' '.join(result.survived)}")
    if result.lucky:
        seeds = ", ".join(f"{rule} with seed {seed}" for seed, rule in result.lucky)
        lines.append(f"caught by chance only, not: {seeds}")
    if result.unexpected:
        lines.append(f"failed without being declared: {' '.join(result.unexpected)}")
    if result.strange:
        shown = ", ".join(result.strange[:5])
        lines.append(f"passed, or not red by an assertion: {len(result.strange)} cases: {shown}")
    if not result.decided:
        lines += [f"{reason.code}: {reason.detail}" for reason in result.report.reasons[:5]]
    return lines
