"""The matrix of rules and tests: on a terminal, as JSON, and as a page of the documentation."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.running.matrix import Matrix, Row
from conformance.spec import SPEC_REVISION

__all__ = ["as_json", "markdown", "show_matrix"]

_STYLES: Final = {
    "tested": "green",
    "planned": "dim",
    "excluded": "yellow",
    "missing": "bold red",
    "undecided": "bold yellow",
    "complete": "bold green",
    "incomplete": "bold red",
    "indeterminate": "bold yellow",
}


def show_matrix(console: Console, matrix: Matrix) -> None:
    """A line for each rule in each profile, what is wrong, and the verdict last."""
    table = Table("rule", "level", "profile", box=None, pad_edge=False)
    table.add_column("tests", justify="right")
    table.add_column("cases", justify="right")
    table.add_column("state", overflow="fold")
    for row in matrix.rows:
        told = f"{row.state} {row.due}".strip()
        if row.state in ("missing", "undecided"):
            told += f": {row.why}"
        table.add_row(
            *(row.id, row.level, row.profile, str(len(row.tests)), str(row.cases)),
            f"[{_STYLES[row.state]}]{escape(told)}[/]",
        )
    console.print(table)
    _show_reasons(console, matrix)
    for title, reasons in (("wrong", matrix.findings), ("not decided", matrix.undecided)):
        if reasons:
            _print(console, f"[bold]{title}[/]")
        for reason in reasons:
            _print(console, f"  {reason.code}: {escape(reason.detail)}")
    ran = ", ".join(matrix.ran_on) or "nothing"
    _print(console, f"run on {ran}; {_counted(matrix)}")
    verdict = f"[{_STYLES[matrix.verdict]}]{matrix.verdict}[/]"
    _print(console, f"{verdict}: {_said(matrix)}")


def _show_reasons(console: Console, matrix: Matrix) -> None:
    """Why rules are planned or excluded, once for all that wait for the same."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in matrix.rows:
        if row.due:
            groups.setdefault((row.due, row.profile, row.why), []).append(row.id)
    for (due, profile, why), ids in sorted(groups.items()):
        _print(console, f"{due}  {profile}: {escape(why)} ({' '.join(ids)})")


def as_json(matrix: Matrix) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "format_version": 1,
        "spec_revision": SPEC_REVISION,
        "ran_on": list(matrix.ran_on),
        "rules": [
            {
                "id": row.id,
                "level": row.level,
                "profile": row.profile,
                "text": row.text,
                "spec_revision": SPEC_REVISION,
                "state": row.state,
                "due": row.due,
                "why": row.why,
                "tests": list(row.tests),
                "cases": row.cases,
            }
            for row in matrix.rows
        ],
        "counts": dict(_counts(matrix)),
        "findings": [{"code": r.code, "detail": r.detail} for r in matrix.findings],
        "undecided": [{"code": r.code, "detail": r.detail} for r in matrix.undecided],
        "verdict": matrix.verdict,
        "footer": True,
    }


def markdown(matrix: Matrix) -> str:
    """A page: every rule, the modules that prove it, and what is not proved yet."""
    lines = [
        "# The rules, and what proves them",
        "",
        "Made by `nox -s spec -- --markdown docs/rules.md` from a run of the suite; not edited by hand.",
        f"The contract is of revision {SPEC_REVISION}. A rule that several profiles hold has a line for",
        "each. How many cases a rule has, `nox -s spec` prints.",
        "",
        f"{_counted(matrix)}.",
        "",
        "| rule | level | profile | what it says | proved by |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.id} | {row.level} | {row.profile} | {_cell(row.text)} | {_cell(_proof(row))} |"
        for row in matrix.rows
    ]
    return "\n".join(lines) + "\n"


def _proof(row: Row) -> str:
    if row.state == "tested":
        return ", ".join(f"`{name}`" for name in row.modules)
    return f"*{row.state} {row.due}*: {row.why}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _counts(matrix: Matrix) -> Counter[str]:
    return Counter(row.state for row in matrix.rows)


def _counted(matrix: Matrix) -> str:
    rules = len({row.id for row in matrix.rows})
    told = ", ".join(f"{number} {state}" for state, number in _counts(matrix).items())
    return f"{rules} rules, in their profiles: {told}"


def _said(matrix: Matrix) -> str:
    if matrix.verdict == "complete":
        return (
            "every rule is proved by a test that ran, planned or excluded; every test has its rule"
        )
    codes = ", ".join(dict.fromkeys(r.code for r in (*matrix.findings, *matrix.undecided)))
    if matrix.verdict == "incomplete":
        return f"{len(matrix.findings)} findings ({codes})"
    return f"the run did not decide everything ({codes})"


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
