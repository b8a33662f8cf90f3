"""The command ``conformance run``."""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource
from rich.console import Console

from ..report.json_form import FolderInUseError, ReportError, document, lay, load, write
from ..report.terminal import Narrator, show
from ..running.runner import (
    Options,
    UsageError,
    check_expression,
    check_profiles,
    check_rules,
    run,
    unopened,
)
from ..running.selection import Selection
from ..running.session import BUDGETS
from ..running.signals import stoppable
from ..targets.engines.choose import ENGINES, EngineError
from ..targets.load import IMPORT_S, LoadError, LoadUsageError, TargetOptions, open_target
from ..verdict.expected import ListError, made_from
from ..verdict.expected import read as read_list
from ..verdict.expected import write as write_list
from ..verdict.judge import FAILING, ExpectedFailure, Reason, Report
from .common import INTERRUPTED, SETUP, USAGE, complain, prefix_option, remote_option, usage

__all__ = ["run_command"]

DEFAULT_TARGETS: Final = ("sqlite", "dynamodb")

EXIT_CODES_HELP: Final = """\b
Exit codes:
  0  conformant (or emulated: every case passed, but on an emulator);
     with --expected-failures also: not conformant, in the expected ways and no others
  1  not conformant
  2  indeterminate (any filter, or a list of expected failures that is out of date), or the
     target or engine could not be set up
  3  wrong usage
With several targets the highest one counts."""


@click.command("run", epilog=EXIT_CODES_HELP)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="A target's name (see `conformance targets`) or module:factory; may be given several "
    "times. Default: sqlite, then dynamodb.",
)
@click.option("--engine", type=click.Choice(ENGINES), help="The DynamoDB to run on.")
@click.option(
    "--require-engine",
    type=click.Choice(["real"]),
    help="Refuse an emulator before the first case (as CI in the environment does).",
)
@remote_option
@prefix_option
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAMES",
    help="Narrow the claim to these profiles and those they need, as in core,batch,encrypted.",
)
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where report.json goes (default build/conformance/TARGET). With several targets each "
    "gets a folder in it.",
)
@click.option(
    "--budget",
    type=click.Choice(BUDGETS),
    default="ordinary",
    show_default=True,
    help="How much time randomised cases take.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of everything random; it is in the report.",
)
@click.option(
    "--case-deadline",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="After this long one case has failed (default 60, on DynamoDB 120, on moto 600).",
)
@click.option(
    "-k",
    "expression",
    metavar="EXPR",
    help="Only cases that match, as in pytest: the verdict is then always indeterminate.",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="ID",
    help="Only cases that cite this rule; may be given several times. Always indeterminate.",
)
@click.option(
    "--only-failing",
    is_flag=True,
    help="Only cases that failed in the target's last report, with its seed. Always indeterminate.",
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="End after the first case that does not pass; a run that ended so is indeterminate.",
)
@click.option(
    "--expected-failures",
    "expected_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Failures that are known: with these and no others the exit code is 0, the verdict still "
    "not conformant. For one target.",
)
@click.option(
    "--write-expected-failures",
    "write_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Make such a list from this run; entries that stand there and still fail are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report on stdout, one line each.")
@click.option("-v", "--verbose", is_flag=True, help="Show where each failed case stopped.")
@click.pass_context
def run_command(
    context: click.Context,
    targets: tuple[str, ...],
    engine: str | None,
    require_engine: str | None,
    allow_remote: bool,
    table_prefix: str,
    profiles: tuple[str, ...],
    folder: Path | None,
    budget: str,
    seed: int,
    case_deadline: float | None,
    expression: str | None,
    rules: tuple[str, ...],
    only_failing: bool,
    fail_fast: bool,
    expected_file: Path | None,
    write_file: Path | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Run the suite on one or more targets.

    \b
    Examples:
      conformance run --target sqlite
      conformance run --target dynamodb --engine local --require-engine real
      conformance run --target my_store:factory --profile core --report out

    A backend of your own is a callable that opens it in a folder:

    \b
      # my_store.py
      from conformance import Backend
      def factory(folder, *, key_file, user_id="local", deadline_s=10.0):
          store = MyStore(folder / "data")          # a DialogueStore
          # raw, the stored items: for profile encrypted and up; keys, a KeyProvider: for keys
          return Backend(store, raw=MyRaw(store), keys=MyKeys(key_file))

    Called twice with one folder it opens the same storage twice. `return store` is enough for
    profile core.
    """  # noqa: D301 - click reads the backspace
    names = targets or DEFAULT_TARGETS
    if len(set(names)) != len(names):
        raise click.UsageError("a target is named twice")
    wanted = tuple(n for given in profiles for n in given.split(",") if n)
    if not all(given.strip(",") for given in profiles):
        raise click.UsageError(
            "--profile names no profile; without the option all that are claimed"
        )
    usage(check_profiles, wanted)
    if engine is not None and "dynamodb" not in names:
        raise click.UsageError("--engine is for target dynamodb")
    if len(names) > 1 and (expected_file or write_file):
        raise click.UsageError("a list of expected failures is for one target: name it by --target")
    usage(check_rules, rules)
    if expression is not None:
        usage(check_expression, expression)
    expected, before = usage(_lists, (expected_file, write_file))
    options = Options(
        *(budget, seed, wanted, expression),
        case_deadline_s=case_deadline,
        selection=Selection(rules, fail_fast=fail_fast),
        expected=expected,
    )
    own_seed = context.get_parameter_source("seed") is not ParameterSource.DEFAULT
    target_options = TargetOptions(
        engine,
        allow_remote,
        require_engine == "real",
        table_prefix=table_prefix,
        import_deadline_s=case_deadline or IMPORT_S,
    )
    console = Console(emoji=False, stderr=as_json)
    worst = 0
    for number, name in enumerate(names):
        if number:
            console.print()
        destination = _destination(name, folder, several=len(names) > 1)
        made: list[Report] = []
        try:
            code = _run_one(
                name,
                target_options,
                _again(name, destination, options, own_seed) if only_failing else options,
                destination,
                console,
                as_json=as_json,
                verbose=verbose,
                made=made,
            )
        except NothingFailedError as nothing:
            code = complain(str(nothing), SETUP)
        if write_file is not None and made:
            code = max(code, _write_list(write_file, made[0], before, console))
        worst = max(worst, code)
        if code == INTERRUPTED:
            break
    if as_json:
        atexit.register(_nothing_more_on_stdout)
    return worst


def _run_one(
    name: str,
    target_options: TargetOptions,
    options: Options,
    destination: Path,
    console: Console,
    *,
    as_json: bool,
    verbose: bool,
    made: list[Report],
) -> int:
    before = _claimed_before(name, destination)
    cut_off = Reason("unfinished", "the run did not come to its end; what it showed is lost")
    with ExitStack() as laid:
        try:
            withdraw = laid.enter_context(lay(unopened(name, options, cut_off), destination))
        except FolderInUseError as error:
            return complain(str(error), SETUP)
        except OSError as error:
            return complain(f"the report cannot be written: {error}", SETUP)
        return _run_laid(
            name,
            target_options,
            options,
            destination,
            console,
            as_json=as_json,
            verbose=verbose,
            made=made,
            before=before,
            withdraw=withdraw,
        )


def _run_laid(
    name: str,
    target_options: TargetOptions,
    options: Options,
    destination: Path,
    console: Console,
    *,
    as_json: bool,
    verbose: bool,
    made: list[Report],
    before: tuple[str, ...],
    withdraw: Callable[[], None],
) -> int:
    try:
        with ExitStack() as stack:
            if as_json:
                stack.enter_context(_stdout_kept_clean())
            stack.enter_context(stoppable())
            report = _opened_and_run(
                name, target_options, options, destination, console, verbose=verbose
            )
    except (LoadUsageError, UsageError) as error:
        withdraw()
        return complain(str(error), USAGE)
    except LoadError as error:
        report = unopened(name, options, Reason("setup_error", str(error)))
    except EngineError as error:
        withdraw()
        return complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return complain("stopped before the first case", INTERRUPTED)
    lost = tuple(profile for profile in before if profile not in report.profiles_claimed)
    report = replace(report, dropped=lost)
    made.append(report)
    try:
        path = write(report, destination)
    except OSError as error:
        show(console, report, None)
        return complain(f"the report cannot be written: {error}", SETUP)
    show(console, report, path)
    if as_json:
        click.echo(json.dumps(document(report)))
    return report.exit_code


def _opened_and_run(
    name: str,
    target_options: TargetOptions,
    options: Options,
    destination: Path,
    console: Console,
    *,
    verbose: bool,
) -> Report:
    with open_target(name, target_options) as target:
        narrator = Narrator(
            console, target, seed=options.seed, budget=options.budget, verbose=verbose
        )
        narrator.opening()

        own_stderr = os.dup(2)  # while a case runs, the other one is captured

        def end(report: Report) -> None:
            # The stuck case holds the main thread, so nothing but leaving is left to do.
            write(report, destination)
            hung = next(r.detail for r in report.reasons if r.code == "hung")
            os.write(own_stderr, f"conformance: indeterminate: {hung}\n".encode())
            with suppress(Exception):
                target.close()
            os._exit(SETUP)

        try:
            return run(target, options, narrator, on_stuck=end)
        finally:
            os.close(own_stderr)
            narrator.close()


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """What a backend prints, from Python or from below, goes to stderr: stdout is for the document."""
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(real, 1)
        os.close(real)


def _nothing_more_on_stdout() -> None:
    """What a backend still prints while the process ends goes to stderr: the document is whole."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        os.dup2(2, 1)
    sys.stdout = sys.stderr


def _claimed_before(name: str, destination: Path) -> tuple[str, ...]:
    """The profiles that the last report of the target in that folder spoke of."""
    try:
        last = load(destination / "report.json")
    except ReportError:
        return ()
    return tuple(last["claim"]["profiles"]) if last["target"]["name"] == name else ()


class NothingFailedError(Exception):
    """There is nothing to run again."""


def _again(name: str, destination: Path, options: Options, own_seed: bool) -> Options:
    """Only what failed in the last report, with its seed unless another was asked for."""
    try:
        last = load(destination / "report.json")
    except ReportError as error:
        raise click.UsageError(
            f"--only-failing needs a report of an earlier run: {error}"
        ) from None
    if last["target"]["name"] != name:
        other = last["target"]["name"]
        raise click.UsageError(f"the report in {destination} is of target {other}, not {name}")
    failed = frozenset(
        failure["case"]
        for requirement in last["requirements"]
        for failure in requirement["failures"]
        if failure["outcome"] in FAILING
    )
    if not failed:
        raise NothingFailedError(
            f"no case failed in {destination / 'report.json'}: there is nothing to run again, and "
            "nothing is shown by that. Run without --only-failing"
        )
    selection = replace(options.selection, cases=failed)
    seed = options.seed if own_seed else int(last["seed"])
    return replace(options, selection=selection, seed=seed)


_Lists = tuple[tuple[ExpectedFailure, ...], tuple[ExpectedFailure, ...]]


def _lists(files: tuple[Path | None, Path | None]) -> _Lists:
    """The expected failures to judge by, and those that a list to be written holds already."""
    to_read, to_write = files
    try:
        expected = read_list(to_read) if to_read else ()
        return expected, read_list(to_write) if to_write and to_write.exists() else expected
    except ListError as error:
        raise UsageError(str(error)) from None


def _write_list(
    path: Path, report: Report, before: tuple[ExpectedFailure, ...], console: Console
) -> int:
    try:
        entries = made_from(report, before, datetime.now(UTC).date())
        write_list(path, entries)
    except (ListError, OSError) as error:
        return complain(f"{path} is not written: {error}", SETUP)
    console.print(f"{path}: expected failures: {len(entries)}", markup=False, soft_wrap=True)
    return 0


def _destination(name: str, folder: Path | None, *, several: bool) -> Path:
    part = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if folder is None:
        return Path("build") / "conformance" / part
    return folder / part if several else folder
