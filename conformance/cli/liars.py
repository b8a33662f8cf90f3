"""The command ``conformance liars``."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ..liars.kit.trial import LIARS_REPORT
from ..running.signals import stoppable
from .common import usage

__all__ = ["liars_command"]


@click.command("liars")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-k", "part", metavar="TEXT", help="Only liars whose name contains it.")
@click.option(
    "--report",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=LIARS_REPORT,
    show_default=True,
    help="Where the result goes; the table of rules and liars goes beside it (.md).",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="With how many seeds a rule must go red that only randomised cases turn red.",
)
@click.option("--only-own-rules", is_flag=True, help="Run no other rules than those of the liar.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=lambda: min(os.cpu_count() or 1, 8),
    show_default="one for each processor, at most 8",
    help="How many are tried at once.",
)
@click.option("--list", "only_list", is_flag=True, help="Name them and their lies; run nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Name the cases that failed undeclared.")
def liars_command(
    names: tuple[str, ...],
    part: str | None,
    path: Path,
    seed: int,
    seeds: int,
    only_own_rules: bool,
    jobs: int,
    only_list: bool,
    verbose: bool,
) -> int:
    """Can the suite see a lie? Run it against deliberately wrong backends.

    Each liar names the rules that must go red, and exactly those must. Exit 0 when every liar is
    caught that way and every rule has one, 1 when not, 2 when a run could not be decided.
    """
    from ..liars.kit.trial import Plan, chosen, run_liars
    from ..report.liars import outcome, show_liars

    console = Console(emoji=False)
    found = [liar for liar in usage(chosen, names) if part is None or part in liar.name]
    if not found:
        raise click.UsageError(f"no liar's name contains {part}")
    if only_list:
        table = Table("liar", "profile", "must fail", "the lie", box=None, pad_edge=False)
        for liar in found:
            rules = "all" if liar.trivial else " ".join(liar.must_fail)
            table.add_row(liar.name, liar.profile, rules, liar.lie)
        console.print(table)
        return 0
    plan = Plan(seed, seeds, only_own_rules)
    with stoppable():
        results = run_liars(
            found,
            plan=plan,
            jobs=min(jobs, len(found)),
            tell=lambda r: console.print(f"{r.liar.name}: {outcome(r)}", highlight=False),
        )
    whole = not names and part is None
    return show_liars(console, results, path, whole=whole, verbose=verbose)
