"""The commands ``conformance parity`` and ``conformance replay``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..liars.kit.trial import chosen
from ..report.parity import as_text, show_parity
from ..running.recorder import clean
from ..running.runner import UsageError
from ..stateful.corpus import corpus_folder
from ..stateful.parity import BUDGETS, compare, play_again
from ..stateful.playing import NoAnswer
from ..stateful.record import BadRecord, read_record
from ..targets.base import Engine, Target
from ..targets.builtin import BUILTIN
from ..targets.engines.choose import ENGINES, EngineError
from ..targets.engines.errors import HOW_TO_START
from ..targets.guard import Undecided
from ..targets.load import LoadError, LoadUsageError, TargetOptions, adapt, open_target
from .common import SETUP, USAGE, complain, prefix_option, remote_option

__all__ = ["parity_command", "replay_command"]

DIVERGES: Final = 1

_LIAR: Final = "liar:"
#: So many histories take minutes.
_MANY: Final = 100
_REPORT: Final = Path("build") / "parity"

_engine_option = click.option(
    "--engine", type=click.Choice(ENGINES), help="The DynamoDB to run on."
)


@click.command(
    "parity",
    epilog="""\b
Exit codes:
  0  no divergence
  1  a divergence: see the files divergence-*.json
  2  too little was reached to say so, or a target or engine could not be set up
  3  wrong usage""",
)
@click.argument("names", nargs=-1, metavar="[A B]")
@click.option(
    "--histories", "wanted", type=click.IntRange(1, 100_000), help="How many; else by the budget."
)
@click.option(
    "--budget",
    type=click.Choice(list(BUDGETS)),
    default="ordinary",
    show_default=True,
    help=", ".join(f"{name}: {count}" for name, count in BUDGETS.items()) + " histories.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@_engine_option
@remote_option
@prefix_option
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    default=corpus_folder,
    show_default="the folder corpus/ of ../shared, where there is one",
    help="Recorded dialogues, which are replayed as well.",
)
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_REPORT,
    show_default=True,
    metavar="DIR",
    help="Where parity.json and divergence-*.json go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print parity.json on stdout, in one line.")
def parity_command(
    names: tuple[str, ...],
    wanted: int | None,
    budget: str,
    seed: int,
    engine: str | None,
    allow_remote: bool,
    table_prefix: str,
    corpus: Path,
    folder: Path,
    as_json: bool,
) -> int:
    """Do two backends behave alike? The same histories on both, and on the model.

    Results, errors and the whole partition are compared after every step. Without names: sqlite and
    dynamodb, on a real engine; `--engine moto` names an emulator. A backend is a target's name,
    module:factory, or liar:NAME.
    """
    if len(names) not in (0, 2):
        raise click.UsageError("parity compares two targets: name both, or none")
    options = TargetOptions(engine, allow_remote, table_prefix=table_prefix)
    console = Console(emoji=False, stderr=True)
    try:
        with _opened(names or ("sqlite", "dynamodb"), options) as targets:
            for target in targets:
                console.print(target.announcement, markup=False, highlight=False)
            with _progress(console) as tell:
                result = compare(
                    targets,
                    wanted=wanted or BUDGETS[budget],
                    seed=seed,
                    folder=folder,
                    corpus=corpus,
                    tell=tell,
                )
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(result.as_json(), indent=2)
            (folder / "parity.json").write_text(text + "\n", encoding="utf-8")
    except _SetupError as error:
        return complain(str(error), error.code)
    except (NoAnswer, Undecided, OSError) as error:
        return complain(str(error), SETUP)
    show_parity(console if as_json else Console(emoji=False), result)
    if as_json:
        click.echo(json.dumps(result.as_json()))
    return {"equal": 0, "diverging": DIVERGES}.get(result.verdict, SETUP)


@click.command(
    "replay",
    epilog="""\b
Exit codes:
  0  it no longer diverges
  1  it still does
  2  a target or engine could not be set up
  3  wrong usage, or the file is no divergence""",
)
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--target",
    "names",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A target's name, module:factory or liar:NAME; may be given twice.",
)
@_engine_option
@remote_option
@prefix_option
def replay_command(
    path: Path,
    names: tuple[str, ...],
    engine: str | None,
    allow_remote: bool,
    table_prefix: str,
) -> int:
    """Play a divergence-*.json of `parity` again: does the target still diverge from the model?"""
    try:
        record = read_record(path)
    except BadRecord as error:
        raise click.UsageError(clean(str(error))) from None
    if record.where == "items" and len(names) != 2:
        raise click.UsageError("stored items are compared between two targets: name both")
    options = TargetOptions(engine, allow_remote, table_prefix=table_prefix)
    console = Console(emoji=False, stderr=True)
    try:
        with _opened(names, options, real=False) as targets:
            for target in targets:
                console.print(target.announcement, markup=False, highlight=False)
            found = play_again(record, targets)
    except _SetupError as error:
        return complain(str(error), error.code)
    except (NoAnswer, Undecided, OSError) as error:
        return complain(str(error), SETUP)
    for name, divergence in found.items():
        click.echo(clean(as_text(name, divergence, record), longest=2000, keep_layout=True))
    return DIVERGES if any(found.values()) else 0


# -- opening -----------------------------------------------------------------------------------------


class _SetupError(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def _opened(
    names: Sequence[str], options: TargetOptions, *, real: bool = True
) -> Iterator[list[Target]]:
    """The targets; ``real``: an emulator is refused unless it was named."""
    if options.engine is not None and "dynamodb" not in names:
        raise click.UsageError("--engine is for target dynamodb")
    with ExitStack() as stack:
        try:
            targets = [stack.enter_context(_target(name, options)) for name in names]
        except (LoadUsageError, UsageError) as error:
            raise _SetupError(str(error), USAGE) from None
        except LoadError as error:
            raise _SetupError(str(error), SETUP) from None
        except EngineError as error:
            raise _SetupError(str(error), error.exit_code) from None
        for target in targets:
            by = target.engine.emulated_by
            if real and by and options.engine != by:
                raise _SetupError(
                    f"parity is between real engines, and {target.name} would run on an emulator, "
                    f"{by} (--engine {by} asks for it by name). {HOW_TO_START}",
                    SETUP,
                )
        yield targets


@contextmanager
def _target(name: str, options: TargetOptions) -> Iterator[Target]:
    if not name.startswith(_LIAR):
        plain = options if name in BUILTIN else TargetOptions()
        with open_target(name, plain) as target:
            yield target
        return
    liar = chosen([name.removeprefix(_LIAR)])[0]
    if liar.during is not nullcontext:
        raise UsageError(
            f"liar {liar.name} is a wrong function, which an honest store in this process would use as "
            f"well: `conformance liars {liar.name}` tries it"
        )
    yield Target(
        name,
        adapt(liar.factory),
        Engine("in-process"),
        name,
        announcement=f"{name}: {liar.lie}",
        discard=liar.discard,
    )


# -- telling -----------------------------------------------------------------------------------------


@contextmanager
def _progress(console: Console) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("histories", total=None)

        def tell(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of)
            # Where nobody sees a bar, as in CI, a line now and then says how far it is.
            if not console.is_terminal and of >= _MANY and done and done % (of // 10) == 0:
                console.print(f"{what}: {done} of {of}", highlight=False)

        yield tell
