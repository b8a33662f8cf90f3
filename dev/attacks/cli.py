"""The command line of the attacks."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conformance.targets.engines.choose import Engine, EngineError, choose_engine

from . import answers, deadlines, flips, forks
from .outcome import SHOWN, Outcome, Tick

__all__ = ["main"]

HELD: Final = 0
BROKEN: Final = 1
SETUP: Final = 2
USAGE: Final = 3
INTERRUPTED: Final = 130

HELP: Final = """Attack the reference store on real engines, with child processes, and print the figures.

\b
python -m dev.attacks                     all four, some minutes
python -m dev.attacks flips --seed 7      one of them, other bits
python -m dev.attacks --quick             a tenth of each: does it run?

\b
forks      200 forks of a process whose SQLite store is open and was used: the parent closes
           first, the child closes first, threads at work, multiprocessing's fork and forkserver
answers    300 faulty answers of a DynamoDB behind a dishonest network, of some forty kinds
flips      3,000 bits flipped in stored items and in the rows of a SQLite file
deadlines  an engine that accepts connections and never answers; stores with a deadline of
           0.2, 1 and 7 seconds, cold and warm
"""

HELP_END: Final = """\b
What must hold:
  forks      every acknowledged write is there, the file is intact, and every chain verifies
  answers    nothing is acknowledged and absent, and nothing refused is there; a read gives
             what is stored or an error of the contract
  flips      a store that has read before says what one says that has not; what is handed
             out is what was written; every error is one of the contract
  deadlines  the call ends with the contract's error within a second of its deadline

\b
Exit codes:
  0  everything held
  1  something did not; the first lines of it are printed, all figures are in the JSON
  2  no DynamoDB Local can be had (it needs Java and Maven); forks and flips do without
  3  wrong usage"""


@dataclass(frozen=True)
class Attack:
    """``count``: how many of ``unit``; ``engine``: DynamoDB Local is needed."""

    run: Callable[..., Outcome]
    count: int
    unit: str
    engine: bool = False


ATTACKS: Final = {
    "forks": Attack(forks.attack, 200, "forks"),
    "answers": Attack(answers.attack, 300, "answers", engine=True),
    "flips": Attack(flips.attack, 3000, "flips"),
    "deadlines": Attack(deadlines.attack, 15, "calls", engine=True),
}


def main() -> NoReturn:
    """``python -m dev.attacks``. Exit codes: 0, 1, 2, 3, and 130 for Ctrl-C."""
    try:
        code = cli.main(standalone_mode=False, prog_name="python -m dev.attacks")
    except click.exceptions.Exit as wanted:
        code = wanted.exit_code
    except click.UsageError as error:
        error.show()
        code = USAGE
    except (EngineError, OSError) as error:
        click.echo(f"attacks: {error}", err=True)
        code = SETUP
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else HELD)


@click.command(help=HELP, epilog=HELP_END, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice([*ATTACKS]), metavar="[ATTACK]...")
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything drawn.")
@click.option("--quick", is_flag=True, help="A tenth of each; deadlines without 7 seconds.")
@click.option(
    "--json",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("build/attacks.json"),
    show_default=True,
    help="Where the figures go.",
)
def cli(names: tuple[str, ...], seed: int, quick: bool, path: Path) -> int:
    """Run what is asked for, write the figures, show them."""
    wanted = list(dict.fromkeys(names)) or [*ATTACKS]
    path.parent.mkdir(parents=True, exist_ok=True)
    outcomes: dict[str, dict[str, Any]] = {}
    for name in wanted:
        attack = ATTACKS[name]
        count = max(1, attack.count // 10) if quick and not attack.engine else attack.count
        if quick and attack.engine:
            count = attack.count // 3 if name == "answers" else attack.count * 2 // 3
        began = time.monotonic()
        outcome = _run(name, attack, count, seed)
        outcomes[name] = {
            "held": outcome.held,
            "seconds": round(time.monotonic() - began, 1),
            **outcome.figures,
            "broken": outcome.broken,
        }
        _show(name, outcomes[name])
    held = all(outcome["held"] for outcome in outcomes.values())
    document = {"format_version": 1, "seed": seed, "quick": quick, "held": held, **outcomes}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    click.echo(f"figures: {path}")
    return HELD if held else BROKEN


def _run(name: str, attack: Attack, count: int, seed: int) -> Outcome:
    click.echo(f"{name}: {count} {attack.unit}", err=True)
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        run = partial(attack.run, Path(folder), count, seed)
        if not attack.engine:
            return _with_progress(name, count, run)
        engine: Engine = choose_engine("local")
        with engine:
            return _with_progress(name, count, partial(run, engine=engine))


def _with_progress(name: str, count: int, run: Callable[..., Outcome]) -> Outcome:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(name, total=count)
        tick: Tick = partial(bar.advance, task)
        return run(tick=tick)


def _show(name: str, figures: dict[str, Any]) -> None:
    broken = figures["broken"]
    words = [f"{key.replace('_', ' ')} {_plain(value)}" for key, value in figures.items()]
    shown = [word for word in words if not word.startswith(("held ", "broken "))]
    click.echo(f"{name}: {'held' if not broken else 'BROKEN'}: {'; '.join(shown)}")
    for line in broken[:SHOWN]:
        click.echo(f"  {line}")
    if len(broken) > SHOWN:
        click.echo(f"  and {len(broken) - SHOWN} more")


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(member)}" for key, member in value.items())
    return str(value)
