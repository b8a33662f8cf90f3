"""The command line: run the suite, list targets, rules and cases, ask the liars."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

import click

from reference_impl.cli.terminal import ended, prepare

from ..distribution import suite_version
from ..running.recorder import clean
from .common import INTERRUPTED, SETUP, USAGE
from .explain import explain_command
from .liars import liars_command
from .parity import parity_command, replay_command
from .run import run_command
from .spec import cases_command, rules_command, spec_command
from .targets import probe_command, targets_command

__all__ = ["cli", "main"]


def main() -> NoReturn:
    """The console script ``conformance``. Exit codes: 0, 1, 2, 3, and 130 for Ctrl-C."""
    prepare()
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
        if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):
            raise  # whoever read the output (`| head`) has enough
        click.echo(clean(traceback.format_exc(), longest=20_000, keep_layout=True), err=True)
        code = SETUP
    sys.exit(ended(code if isinstance(code, int) else 0))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(suite_version(), prog_name="conformance")
def cli() -> None:
    """Does a DialogueStore backend keep the contract? Rule by rule, with a report.

    \b
    conformance run                              the reference store on SQLite and DynamoDB
    conformance run --target my_store:factory    your own backend
    conformance rules                            what is checked
    conformance explain STORE-14                 one rule in full, and what shows it
    """  # noqa: D301 - click reads the backspace


for _command in (
    run_command,
    parity_command,
    replay_command,
    targets_command,
    probe_command,
    rules_command,
    explain_command,
    spec_command,
    cases_command,
    liars_command,
):
    cli.add_command(_command)
