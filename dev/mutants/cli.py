"""``nox -s mutants``: the command."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from .campaign import Fault, Outcome, Searcher, copy_project, drawn, kept_outcomes, note
from .coverage import measure

__all__ = ["main"]

#: Shares, in percent, that have to be found: by the suite alone, by suite and tests together.
_SUITE, _BOTH = 85, 95
_TOLD = {
    "tests": "found by tests alone",
    "unseen": "unseen by the suite, the tests not asked",
    "survived": "nobody found",
}
_REASONS = Path(__file__).with_name("equivalent.json")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--count", default=60, show_default=True, type=click.IntRange(1), help="How many faults."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Which ones.")
@click.option(
    "--minutes", default=90.0, show_default=True, help="Begin no other fault after this long."
)
@click.option("--list", "only_list", is_flag=True, help="Show the faults and end.")
@click.option(
    "--report",
    "folder",
    default=Path("build/mutants"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where outcomes are kept; a campaign that was cut off goes on from there.",
)
def main(count: int, seed: int, minutes: float, only_list: bool, folder: Path) -> None:
    """Put faults into the reference, one by one, and see who finds them.

    Each is asked of the suite (memory, quick; faults of an engine also on that engine), then of the tests
    that go through its line. Which tests these are is measured once for a commit, with all of them. A fault
    that changes nothing anybody could see stands in dev/mutants/equivalent.json, with the reason.

    Exit code: 0 the shares are reached, 1 they are not, 2 it could not be found out.
    """
    project = Path.cwd()
    if not (project / "reference_impl").is_dir():
        raise click.UsageError("run this in the project's own folder")
    faults = drawn(project, seed, count)
    if only_list:
        click.echo("\n".join(fault.name for fault in faults))
        return
    folder.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    outcomes = folder / f"{commit}-seed{seed}.jsonl"
    known = kept_outcomes(outcomes)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        copy, data = Path(temporary) / "project", Path(temporary) / "coverage"
        copy.mkdir()
        data.mkdir()
        copy_project(project, copy)
        searcher = Searcher(copy, patience_s=600)
        if unfit := searcher.unfit(faults):
            names = ", ".join(unfit)
            click.echo(f"with the reference as it is the suite does not pass on {names}", err=True)
            sys.exit(2)

        def go_on(which: list[Fault], ask: Callable[[Fault], Outcome]) -> bool:
            """Ask about each; False where the time is up."""
            began = time.monotonic()
            for number, fault in enumerate(which, start=1):
                if time.monotonic() - started > minutes * 60:
                    click.echo(
                        f"out of time, {len(which) - number + 1} left: run it again to go on"
                    )
                    return False
                outcome = known[fault.name] = ask(fault)
                note(outcomes, outcome)
                left = (time.monotonic() - began) / number * (len(which) - number) / 60
                click.echo(
                    f"{number}/{len(which)} {outcome.found_by:8} {outcome.seconds:6.1f} s  {fault.name}"
                    f"  (about {left:.0f} min left)"
                )
            return True

        click.echo("asking the suite")
        if go_on([fault for fault in faults if fault.name not in known], searcher.ask_suite):
            unseen = [fault for fault in faults if known[fault.name].found_by == "unseen"]
            if unseen:
                click.echo("measuring which tests go through which lines (once for a commit)")
                try:
                    reached = measure(copy, data, folder / f"{commit}-lines.json")
                except RuntimeError as failure:
                    click.echo(str(failure), err=True)
                    sys.exit(2)
                click.echo("asking the tests about what the suite did not see")
                go_on(unseen, lambda fault: searcher.ask_tests(fault, reached))
    sys.exit(_told([known[fault.name] for fault in faults if fault.name in known], len(faults)))


def _told(outcomes: list[Outcome], wanted: int) -> int:
    """Print the shares; the exit code."""
    reasons: dict[str, str] = json.loads(_REASONS.read_text(encoding="utf-8"))
    missed = ("unseen", "survived")
    counted = [o for o in outcomes if o.found_by not in missed or o.fault not in reasons]
    suite = sum(o.found_by == "suite" for o in counted)
    both = sum(o.found_by not in missed for o in counted)
    for outcome in counted:
        if outcome.found_by != "suite":
            click.echo(f"{_TOLD[outcome.found_by]}: {outcome.fault}")
    for outcome in outcomes:
        if outcome not in counted:
            click.echo(f"changes nothing: {outcome.fault}: {reasons[outcome.fault]}")
    total = max(1, len(counted))
    for who, found, goal in (("the suite alone", suite, _SUITE), ("suite and tests", both, _BOTH)):
        share = f"{100 * found / total:.0f} %, goal {goal} %"
        click.echo(f"{who} found {found} of {len(counted)} ({share})")
    if len(outcomes) < wanted or any(o.found_by == "unseen" for o in counted):
        return 2
    return 0 if 100 * suite >= _SUITE * total and 100 * both >= _BOTH * total else 1
