"""The commands about what is to be proved: ``conformance rules``, ``spec`` and ``cases``."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ..running.recorder import CASES_FILE
from ..running.runner import SUITE, collect, listed_tests
from ..running.signals import stoppable
from ..spec import BUILT, PROFILES, RULES
from .common import SETUP, complain

__all__ = ["cases_command", "rules_command", "spec_command"]


@click.command("rules")
@click.argument("ids", nargs=-1, metavar="[ID|FAMILY|PROFILE]...")
def rules_command(ids: tuple[str, ...]) -> None:
    """Print the register of rules, with the profiles that hold each.

    \b
    conformance rules              all of them
    conformance rules STORE-09     one
    conformance rules ENV core     a family, and a profile
    """  # noqa: D301 - click reads the backspace
    chosen = [rule for rule in RULES.values() if not ids or any(_names(i, rule.id) for i in ids)]
    if not chosen:
        raise click.UsageError(f"no rule, family or profile is called {' or '.join(ids)}")
    table = Table("rule", "level", "profiles", "what it says", box=None, pad_edge=False)
    for rule in chosen:
        holding = [p.name for p in PROFILES.values() if rule.id in p.rules]
        shown = [name if name in BUILT else f"[dim]{name}[/]" for name in holding]
        table.add_row(rule.id, rule.level, ", ".join(shown) or "-", rule.text)
    console = Console(emoji=False)
    console.print(table)
    console.print(f"{len(chosen)} rules; tests are there for {', '.join(BUILT)}")
    console.print("One of them in full, and what shows it: conformance explain ID")


def _names(wanted: str, rule: str) -> bool:
    if wanted in PROFILES:
        return rule in PROFILES[wanted].rules
    return wanted.upper() in (rule, rule.partition("-")[0])


@click.command("spec")
@click.option("--json", "as_json", is_flag=True, help="Print the matrix on stdout as JSON.")
@click.option(
    "--markdown",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the matrix as a page of the documentation, if it is complete.",
)
@click.option(
    "--contract-page",
    "contract",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the contract, its text and its tables, as a page of the documentation; nothing is "
    "run then.",
)
def spec_command(as_json: bool, page: Path | None, contract: Path | None) -> int:
    """Which rule is proved by which test? Run the suite on the reference store in memory and see.

    \b
    Exit codes:
      0  complete: every rule is proved by a test that ran, planned, or excluded by a decision
      1  incomplete: a rule without a test or not proved, a test without a rule or of an unknown
         one, a test or module that is gone, a planned rule of a profile that is claimed
      2  indeterminate: the run could not decide everything
      3  wrong usage
    """  # noqa: D301 - click reads the backspace
    from ..report import matrix_page as shown
    from ..running.matrix import prove

    if contract is not None:
        if as_json or page is not None:
            raise click.UsageError("--contract-page runs nothing: give it alone")
        return _write_contract(contract)
    console = Console(emoji=False, stderr=as_json)
    with stoppable():
        matrix = prove(tell=lambda line: console.print(line, markup=False))
    shown.show_matrix(console, matrix)
    if as_json:
        click.echo(json.dumps(shown.as_json(matrix)))
    if page is not None:
        if matrix.exit_code:
            return complain(f"{page} is not written: the matrix has gaps", matrix.exit_code)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(shown.markdown(matrix), encoding="utf-8")
    return matrix.exit_code


def _write_contract(path: Path) -> int:
    from ..report.contract_page import contract_page

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(contract_page(), encoding="utf-8")
    except OSError as error:
        return complain(f"{path} cannot be written: {error}", SETUP)
    return 0


@click.command("cases")
@click.option(
    "--write",
    "write_list",
    is_flag=True,
    help="Write the suite's list of its tests (cases.json), each with the rules that it cites: after "
    "tests were added, renamed or taken away in a checkout.",
)
def cases_command(write_list: bool) -> int:
    """List every case with its profile and rules, without running one."""
    recording, functions = collect()
    if recording.problems:
        for problem in recording.problems:
            click.echo(f"{problem.code}: {problem.detail}", err=True)
        return SETUP
    if write_list:
        listed = listed_tests(recording.cases, functions)
        text = json.dumps(listed, indent=2) + "\n"
        (SUITE / CASES_FILE).write_text(text, encoding="utf-8")
        click.echo(f"{SUITE / CASES_FILE}: {sum(map(len, functions.values()))} tests")
        return 0
    for case in recording.cases:
        click.echo(f"{case.profile:<10} {case.id}  {' '.join(case.rules)}")
    click.echo(f"{len(recording.cases)} cases")
    return 0
