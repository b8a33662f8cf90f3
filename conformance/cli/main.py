"""The command line: run the suite, list targets, rules and cases, ask the liars."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table

from ..distribution import suite_version
from ..liars.kit.trial import LIARS_REPORT
from ..report.json_form import ReportError, document, lay, load, write
from ..report.terminal import Narrator, show
from ..run.recorder import CASES_FILE, clean
from ..run.runner import (
    SUITE,
    Options,
    UsageError,
    check_expression,
    check_profiles,
    check_rules,
    collect,
    run,
    unopened,
)
from ..run.selection import Selection
from ..run.session import BUDGETS
from ..run.signals import stoppable
from ..spec import PROFILES, RULES
from ..suite import BUILT
from ..targets.builtin import BUILTIN
from ..targets.engines.choose import ENGINES, EngineError
from ..targets.load import IMPORT_S, LoadError, LoadUsageError, TargetOptions, open_target
from ..verdict.expected import ListError, made_from
from ..verdict.expected import read as read_list
from ..verdict.expected import write as write_list
from ..verdict.judge import ExpectedFailure, Reason, Report
from .parity import add_parity

__all__ = ["main"]

T = TypeVar("T")
R = TypeVar("R")

SETUP: Final = 2
USAGE: Final = 3
INTERRUPTED: Final = 130

DEFAULT_TARGETS: Final = ("sqlite", "dynamodb")

remote_option = click.option(
    "--allow-remote", is_flag=True, help="Allow a DYNAMODB_ENDPOINT elsewhere, or engine aws."
)
prefix_option = click.option(
    "--table-prefix",
    envvar="CONFORMANCE_TABLE_PREFIX",
    default="",
    metavar="TEXT",
    help="How the names of the suite's tables begin; engine aws needs one "
    "[env: CONFORMANCE_TABLE_PREFIX].",
)

EXIT_CODES_HELP: Final = """\b
Exit codes:
  0  conformant (or emulated: every case passed, but on an emulator);
     with --expected-failures also: not conformant, in the expected ways and no others
  1  not conformant
  2  indeterminate (any filter, or a list of expected failures that is out of date), or the
     target or engine could not be set up
  3  wrong usage
With several targets the highest one counts."""


def main() -> NoReturn:
    """The console script ``conformance``. Exit codes: 0, 1, 2, 3, and 130 for Ctrl-C."""
    completing = "_CONFORMANCE_COMPLETE" in os.environ  # click answers the shell and exits
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as wanted:
        code = wanted.exit_code
    except click.UsageError as error:
        error.show()
        code = USAGE
    except click.ClickException as error:
        error.show()
        code = SETUP
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = INTERRUPTED
    except BaseException as error:
        if isinstance(error, SystemExit) and completing:
            raise
        click.echo(clean(traceback.format_exc(), longest=20_000, keep_layout=True), err=True)
        code = SETUP
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(suite_version(), prog_name="conformance")
def cli() -> None:
    """Does a DialogueStore backend keep the contract? Rule by rule, with a report.

    \b
    conformance run                              the reference store on SQLite and DynamoDB
    conformance run --target my_store:factory    your own backend
    conformance rules                            what is checked
    """  # noqa: D301 - click reads the backspace


@cli.command("run", epilog=EXIT_CODES_HELP)
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
      from conformance.targets.base import Backend
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
    _usage(check_profiles, wanted)
    if engine is not None and "dynamodb" not in names:
        raise click.UsageError("--engine is for target dynamodb")
    if len(names) > 1 and (expected_file or write_file):
        raise click.UsageError("a list of expected failures is for one target: name it by --target")
    _usage(check_rules, rules)
    if expression is not None:
        _usage(check_expression, expression)
    expected, before = _usage(_lists, (expected_file, write_file))
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
    console = Console(stderr=as_json)
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
            code = _complain(str(nothing), SETUP)
        if write_file is not None and made:
            code = max(code, _write_list(write_file, made[0], before, console))
        worst = max(worst, code)
        if code == INTERRUPTED:
            break
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
    cut_off = Reason("unfinished", "the run did not come to its end; what it showed is lost")
    try:
        withdraw = lay(unopened(name, options, cut_off), destination)
    except OSError as error:
        return _complain(f"the report cannot be written: {error}", SETUP)
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
        return _complain(str(error), USAGE)
    except LoadError as error:
        report = unopened(name, options, Reason("setup_error", str(error)))
    except EngineError as error:
        withdraw()
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("stopped before the first case", INTERRUPTED)
    made.append(report)
    try:
        path = write(report, destination)
    except OSError as error:
        show(console, report, None)
        return _complain(f"the report cannot be written: {error}", SETUP)
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
        told = f"the report in {destination} is of target {last['target']['name']}, not {name}"
        raise click.UsageError(told)
    failed = frozenset(
        failure["case"]
        for requirement in last["requirements"]
        for failure in requirement["failures"]
        if failure["outcome"] == "fail"
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
        return _complain(f"{path} is not written: {error}", SETUP)
    console.print(f"{path}: expected failures: {len(entries)}", markup=False, soft_wrap=True)
    return 0


add_parity(cli)


@cli.command("targets")
def targets_command() -> None:
    """List the targets that come with the project, and the engines for DynamoDB."""
    console = Console()
    table = Table("target", "what it is", box=None, pad_edge=False)
    for target in BUILTIN.values():
        if not target.hidden:
            table.add_row(target.name, target.text)
    table.add_row("module:factory", "your own: a callable in a Python module, see `run --help`")
    console.print(table)
    engines = Table("engine", "what it is", box=None, pad_edge=False)
    engines.add_row("local", "DynamoDB Local, started here for the run (Java and Maven)")
    engines.add_row("compose", "DynamoDB Local in a container, for the run (Docker with Compose)")
    engines.add_row("endpoint", "what answers at DYNAMODB_ENDPOINT")
    engines.add_row("aws", "DynamoDB itself; needs --allow-remote and --table-prefix")
    engines.add_row("moto", "an emulator in this process: the verdict is `emulated` at best")
    console.print()
    console.print(engines)
    console.print("Without --engine: endpoint if DYNAMODB_ENDPOINT is set, else local, else moto.")


@cli.command("probe")
@click.option("--target", default="dynamodb", show_default=True, metavar="NAME")
@click.option("--engine", type=click.Choice(ENGINES), help="The DynamoDB to ask.")
@remote_option
@prefix_option
@click.option("--json", "as_json", is_flag=True, help="Print the answers on stdout as JSON.")
def probe_command(
    target: str, engine: str | None, allow_remote: bool, table_prefix: str, as_json: bool
) -> int:
    """Does a DynamoDB do what stores rely on? Every run asks this before its first case.

    Makes a table of its own, named [PREFIX]dsconf_probe_…, and deletes it. Exit 0 when every point
    that is relied on holds, 2 when one does not (runs are then indeterminate), 3 for wrong usage.
    """
    from ..report import probe as answered
    from ..targets.engines.choose import choose_engine
    from ..targets.probe.questions import probe_engine

    if target not in BUILTIN or not BUILTIN[target].needs_engine:
        raise click.UsageError(f"target {target} has no engine that could be asked")
    try:
        chosen = choose_engine(engine, allow_remote=allow_remote, table_prefix=table_prefix)
        with stoppable(), chosen as running:
            click.echo(running.announcement, err=as_json)
            described, answers = running.describe(), probe_engine(running)
    except EngineError as error:
        return _complain(str(error), error.exit_code)
    found = answered.as_json(described, answers)
    if as_json:
        click.echo(json.dumps(found))
    else:
        answered.show_probe(Console(), described, answers)
    return 0 if found["verdict"] == "fit" else SETUP


@cli.command("rules")
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
    console = Console()
    console.print(table)
    console.print(f"{len(chosen)} rules; tests are there for {', '.join(BUILT)}")


def _names(wanted: str, rule: str) -> bool:
    if wanted in PROFILES:
        return rule in PROFILES[wanted].rules
    return wanted.upper() in (rule, rule.partition("-")[0])


@cli.command("spec")
@click.option("--json", "as_json", is_flag=True, help="Print the matrix on stdout as JSON.")
@click.option(
    "--markdown",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the matrix as a page of the documentation, if it is complete.",
)
def spec_command(as_json: bool, page: Path | None) -> int:
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
    from ..run.matrix import prove

    console = Console(stderr=as_json)
    with stoppable():
        matrix = prove(tell=lambda line: console.print(line, markup=False))
    shown.show_matrix(console, matrix)
    if as_json:
        click.echo(json.dumps(shown.as_json(matrix)))
    if page is not None:
        if matrix.exit_code:
            return _complain(f"{page} is not written: the matrix has gaps", matrix.exit_code)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(shown.markdown(matrix), encoding="utf-8")
    return matrix.exit_code


@cli.command("cases")
@click.option("--write", "write_list", is_flag=True, hidden=True)
def cases_command(write_list: bool) -> int:
    """List every case with its profile and rules, without running one."""
    recording, functions = collect()
    if recording.problems:
        for problem in recording.problems:
            click.echo(f"{problem.code}: {problem.detail}", err=True)
        return SETUP
    if write_list:
        listed = {file: sorted(names) for file, names in sorted(functions.items())}
        text = json.dumps(listed, indent=2) + "\n"
        (SUITE / CASES_FILE).write_text(text, encoding="utf-8")
        click.echo(f"{SUITE / CASES_FILE}: {sum(map(len, functions.values()))} tests")
        return 0
    for case in recording.cases:
        click.echo(f"{case.profile:<10} {case.id}  {' '.join(case.rules)}")
    click.echo(f"{len(recording.cases)} cases")
    return 0


@cli.command("liars")
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
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True)
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

    console = Console()
    found = [liar for liar in _usage(chosen, names) if part is None or part in liar.name]
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


def _destination(name: str, folder: Path | None, *, several: bool) -> Path:
    part = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if folder is None:
        return Path("build") / "conformance" / part
    return folder / part if several else folder


def _usage(function: Callable[[T], R], argument: T) -> R:
    try:
        return function(argument)
    except UsageError as error:
        raise click.UsageError(str(error)) from None


def _complain(message: str, code: int) -> int:
    click.echo(f"conformance: {clean(message)}", err=True)
    return code
