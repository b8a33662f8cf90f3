"""The commands ``conformance targets`` and ``conformance probe``."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from ..running.signals import stoppable
from ..targets.builtin import BUILTIN
from ..targets.engines.choose import ENGINES, EngineError
from .common import SETUP, complain, prefix_option, remote_option

__all__ = ["probe_command", "targets_command"]


@click.command("targets")
def targets_command() -> None:
    """List the targets that come with the project, and the engines for DynamoDB."""
    console = Console(emoji=False)
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


@click.command("probe")
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
        return complain(str(error), error.exit_code)
    found = answered.as_json(described, answers)
    if as_json:
        click.echo(json.dumps(found))
    else:
        answered.show_probe(Console(emoji=False), described, answers)
    return 0 if found["verdict"] == "fit" else SETUP
