"""What several commands share: exit codes, options, how a refusal is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import click

from ..running.recorder import clean
from ..running.runner import UsageError

__all__ = ["INTERRUPTED", "SETUP", "USAGE", "complain", "prefix_option", "remote_option", "usage"]

T = TypeVar("T")
R = TypeVar("R")

SETUP: Final = 2
USAGE: Final = 3
INTERRUPTED: Final = 130

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


def usage(function: Callable[[T], R], argument: T) -> R:
    """The answer of a function; what it refuses is wrong usage."""
    try:
        return function(argument)
    except UsageError as error:
        raise click.UsageError(str(error)) from None


def complain(message: str, code: int) -> int:
    """Say on stderr what is wrong, and give the exit code back."""
    click.echo(f"conformance: {clean(message)}", err=True)
    return code
