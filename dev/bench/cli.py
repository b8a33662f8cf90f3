"""The command line of the benchmarks."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from conformance.targets.engines.choose import EngineError, choose_engine
from reference_impl import DialogueStoreError

from .contest import Contest, UnequalSides, on_dynamodb, on_sqlite
from .goals import ENGINES
from .imports import measure_imports
from .report import Result, document, figures, machine, show
from .rounds import measure

__all__ = ["main"]

SETUP: Final = 2
USAGE: Final = 3
INTERRUPTED: Final = 130

#: Rounds, calls of each case in a round, processes for the import; of a smoke run and of a real one.
QUICK: Final = (3, 2, 2)
FULL: Final = (31, 12, 7)

HELP: Final = """How fast is the reference store, as a ratio to the hand-written limit in the same run?

\b
python -m dev.bench                       both engines, a minute or two
python -m dev.bench --engine sqlite       SQLite only
nox -s bench -- --engine dynamodb --rounds 101    through nox; calmer figures
"""

HELP_END: Final = """\b
What the two sides are:
  store    the reference store as an application uses it: typed results, every
           item checked, the head checked; a registration is entity, event and
           head in one commit
  by hand  the least that any encrypted store does: one query, AES-GCM with a
           kept cipher object, orjson; or one sealed row in one commit
Both load the same 100 items of about 0.9 KB, which is checked before anything is
timed. Warm: this store loaded (or wrote to) the dialogue before. Cold: it was
just made, and first reads key file and dialogue; only a boto3 client is kept.

\b
How to read it:
  Look at ratios. Milliseconds are those of this machine at this moment. Where
  the quartiles of two runs overlap there is no difference to speak of. More
  in docs/benchmarks.md.

\b
Exit codes:
  0  measured, whatever the figures are; with --engine all, at least SQLite
  2  --engine dynamodb, and none can be had; or the two sides are not equal
  3  wrong usage"""


def main() -> NoReturn:
    """``python -m dev.bench``. Exit codes: 0, 2, 3, and 130 for Ctrl-C."""
    try:
        code = cli.main(standalone_mode=False, prog_name="python -m dev.bench")
    except click.exceptions.Exit as wanted:
        code = wanted.exit_code
    except click.UsageError as error:
        error.show()
        code = USAGE
    except EngineError as error:
        click.echo(f"bench: {error}", err=True)
        code = error.exit_code
    except (DialogueStoreError, OSError, UnequalSides) as error:
        click.echo(f"bench: {error}", err=True)
        code = SETUP
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


@click.command(help=HELP, epilog=HELP_END, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--engine",
    "wanted",
    type=click.Choice([*ENGINES, "all"]),
    default="all",
    show_default=True,
    help="What to measure on. DynamoDB: the one at DYNAMODB_ENDPOINT if set (on this machine), "
    "else DynamoDB Local; never an emulator.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("build/bench.json"),
    show_default=True,
    help="Where the figures go. The databases are made beside it, and removed.",
)
@click.option("--rounds", type=click.IntRange(1, 10_000), help=f"Default: {FULL[0]}.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the order within rounds.")
@click.option("--quick", is_flag=True, help="A smoke run: SQLite only, three rounds.")
def cli(wanted: str, path: Path, rounds: int | None, seed: int, quick: bool) -> None:
    """Measure, write the figures, show them."""
    if quick and wanted == "dynamodb":
        raise click.UsageError("--quick measures SQLite only")
    names = ("sqlite",) if quick else ENGINES if wanted == "all" else (wanted,)
    default_rounds, repeats, processes = QUICK if quick else FULL
    path.parent.mkdir(parents=True, exist_ok=True)
    # On the disk that was asked for: the system's folder for such files may be memory, where a
    # commit is free.
    with _stoppable(), tempfile.TemporaryDirectory(dir=path.parent, prefix="bench-") as folder:
        began = time.monotonic()
        result = Result(_now(), quick, seed, machine(Path(folder)))
        for name in names:
            try:
                _measure(name, Path(folder), rounds or default_rounds, repeats, result)
            except EngineError as error:
                if wanted == name:
                    raise
                result.skipped[name] = str(error)
                click.echo(f"bench: {name} is SKIPPED: {error}", err=True)
        click.echo(f"import: {processes} processes", err=True)
        result.imports = measure_imports(processes)
        result.duration_s = time.monotonic() - began
    path.write_text(json.dumps(document(result), indent=2) + "\n", encoding="utf-8")
    console = Console()
    show(console, result)
    click.echo(f"figures: {path}")


def _measure(name: str, folder: Path, rounds: int, repeats: int, result: Result) -> None:
    own_folder = folder / name
    own_folder.mkdir()
    with _contest(name, own_folder) as contest, contest.cases(repeats) as cases:
        result.engines[name] = {
            "kind": contest.kind,
            "version": contest.version,
            "text": contest.description,
        }
        total = contest.warm_up + rounds
        click.echo(f"{name}: {rounds} rounds, {contest.warm_up} before them to warm up", err=True)
        with _progress() as bar:
            task = bar.add_task(name, total=total)
            times = measure(
                cases,
                rounds=rounds,
                warm_up=contest.warm_up,
                seed=result.seed,
                tick=lambda: bar.advance(task),
            )
        contest.check()
        result.figures += figures(contest, times)


@contextmanager
def _contest(name: str, folder: Path) -> Iterator[Contest]:
    click.echo(f"{name}: filling both sides with the same 100 items", err=True)
    if name == "sqlite":
        with on_sqlite(folder) as contest:
            yield contest
        return
    engine = choose_engine(None, require_real=True)
    click.echo(engine.announcement, err=True)
    with engine, on_dynamodb(folder, engine) as contest:
        yield contest


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does, so that what it started is stopped."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
