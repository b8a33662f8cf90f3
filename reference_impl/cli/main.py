"""The command ``dialogue-store``: set up tables and the key, and see on an example what is stored."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from ..config import BACKENDS, ENDPOINT_VARIABLE, StoreConfig, read_config
from ..contract.entities import plain
from ..contract.errors import DialogueStoreError
from ..contract.tables import ENTITIES, TABLE_NAME
from ..demo import load_demo, play, stored_rows
from ..partitions.port import PartitionStore
from ..sealing.providers import LocalFileKeyProvider
from ..store.encrypted_store import EncryptedStore
from .terminal import ended, prepare

if TYPE_CHECKING:
    from ..partitions.dynamodb.store import SetupReport

__all__ = ["has_made_key", "main", "say_key", "say_table"]

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_CONTEXT)
@click.version_option(package_name="dialogue-store-conformance")
def cli() -> None:
    """The reference encrypted dialogue store.

    Exit codes: 0 done, 1 the store refused (the message says what to do), 2 the output could not be
    written, 3 wrong usage, 130 stopped by Ctrl-C.
    """


@cli.command("setup-tables")
@click.option("--config", "path", type=click.Path(path_type=Path), help="A store's TOML file.")
@click.option("--table", help=f"The table's name. Default: {TABLE_NAME}.")
@click.option("--region", help="The AWS region. Default: that of your AWS configuration.")
@click.option("--endpoint", help=f"A DynamoDB endpoint instead of AWS. {ENDPOINT_VARIABLE} wins.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def setup_tables(
    path: Path | None, table: str | None, region: str | None, endpoint: str | None, as_json: bool
) -> None:
    """Create the DynamoDB table with its three indexes, or say how an existing one differs.

    An existing table is never changed.

    \b
    Examples:
      dialogue-store setup-tables --config store.toml
      dialogue-store setup-tables --table blue_dialogues --endpoint http://127.0.0.1:8000
    """  # noqa: D301 - click reads the backspace
    from ..partitions.dynamodb.store import create_table

    chosen = _dynamodb_config(path, table, region, endpoint)
    report = create_table(chosen.table_name, region=chosen.region, endpoint=chosen.endpoint)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "table": chosen.table_name,
                    "created": report.created,
                    "differences": list(report.differences),
                }
            )
        )
    else:
        say_table(report)
    if report.differences:
        sys.exit(1)


def say_table(report: SetupReport) -> None:
    """Say what set-up did with the table."""
    name = report.table_name
    if report.created:
        click.echo(f"Created the table {name} with its three indexes.")
    elif report.differences:
        click.echo(f"The table {name} exists and was left as it is. It differs:")
        for difference in report.differences:
            click.echo(f"  - {difference}")
    else:
        click.echo(f"The table {name} exists and is as it should be.")


def _dynamodb_config(
    path: Path | None, table: str | None, region: str | None, endpoint: str | None
) -> StoreConfig:
    if path is not None:
        if table or region or endpoint:
            raise click.UsageError("give --config, or the single options, not both")
        chosen = read_config(path)
        if chosen.backend != "dynamodb":
            raise DialogueStoreError(
                "invalid_field",
                f"this configuration names the backend {chosen.backend}, which needs no tables; the "
                "first write makes its file. Nothing was done",
                {"setting": "storage.backend"},
            )
        return chosen
    given = {"table_name": table, "region": region, "endpoint": endpoint}
    settings = {name: value for name, value in given.items() if value is not None}
    return read_config(storage={"backend": "dynamodb", "dynamodb": settings})


@cli.command("make-key")
@click.option("--config", "path", type=click.Path(path_type=Path), help="A store's TOML file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def make_key(path: Path | None, as_json: bool) -> None:
    """Make the local master key, unless it is there, and say which.

    An existing key is checked and never overwritten. With --config it is the key of that store, and
    none is made where the store already holds keys that were wrapped under another one. Without, it
    is ~/.blue/keys/umk.key.

    \b
    Examples:
      dialogue-store make-key
      dialogue-store make-key --config store.toml
    """  # noqa: D301 - click reads the backspace
    chosen = None if path is None else read_config(path)
    keys = LocalFileKeyProvider(None if chosen is None else chosen.key_path)
    with _partitions_for_guard(chosen) as partitions:
        made = has_made_key(keys, *(() if partitions is None else (partitions.holds_wrapped_keys,)))
    if as_json:
        click.echo(json.dumps({"key": str(keys.path), "created": made}))
    else:
        say_key(keys, created=made)


def has_made_key(keys: LocalFileKeyProvider, *guards: Callable[[], bool]) -> bool:
    """Make the key unless it is there; whether it was made (KEY-02).

    ``guards`` tell whether a store holds wrapped keys: then none is made. ``umk_missing``,
    ``key_malformed``, ``key_permissions``, ``storage_full``.
    """
    there = os.path.lexists(keys.path)
    for guard in guards:
        keys.guard(guard)
    try:
        keys.get_umk()
    finally:
        for guard in guards:
            keys.unguard(guard)
    return not there


def say_key(keys: LocalFileKeyProvider, *, created: bool) -> None:
    """Say what was done about the key, and what it is worth."""
    if created:
        click.echo(
            f"Made the key {keys.path}. Keep a copy apart from the data: what is sealed with it is "
            f"lost with it."
        )
    else:
        click.echo(f"The key {keys.path} exists and was left as it is.")


@contextmanager
def _partitions_for_guard(chosen: StoreConfig | None) -> Iterator[PartitionStore | None]:
    """Where wrapped keys may lie; None where no store was named, or there is none yet."""
    if chosen is None:
        yield None
        return
    if chosen.backend == "sqlite" and (chosen.path is None or not chosen.path.exists()):
        yield None
        return
    partitions = BACKENDS[chosen.backend](chosen, read_only=True)
    try:
        yield partitions
    finally:
        partitions.close()


@cli.command()
@click.option(
    "--config", "path", type=click.Path(path_type=Path), help="A store's TOML file to write to."
)
@click.option("--dialogue-id", default="nvidia-analysis", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def demo(path: Path | None, dialogue_id: str, as_json: bool) -> None:
    """Load a synthetic dialogue of all 14 types and show what is stored in clear and what is sealed.

    Without --config it writes to a SQLite file and a key in a temporary folder, and removes both.
    """
    with _demo_store(path) as (store, where):
        play(store, load_demo(), dialogue_id)
        loaded = plain(store.load_partition(dialogue_id))
        findings = plain(store.verify_partition(dialogue_id))
        rows = stored_rows(_partitions_of(store), dialogue_id)
    if as_json:
        click.echo(json.dumps({"stored_in": where, "items": rows, "findings": findings}))
        return
    console = Console(emoji=False)
    if not console.is_terminal:
        console = Console(emoji=False, width=120)
    console.print(f"Stored in {where}: {len(rows)} items", highlight=False)
    console.print(_table(rows))
    kinds = {row["entity"] for row in rows} & ENTITIES.keys()
    console.print(
        f"{len(kinds)} of {len(ENTITIES)} entity types; {loaded['dialogue']['title']!r} was opened "
        f"again at revision {loaded['revision']}; "
        f"{'every item is as written' if not findings else f'{len(findings)} bad items'}.",
        highlight=False,
    )


def _partitions_of(store: EncryptedStore) -> PartitionStore:
    return store.partitions


@contextmanager
def _demo_store(path: Path | None) -> Iterator[tuple[EncryptedStore, str]]:
    from ..factory import SqliteDialogueStore, create_dialogue_store

    if path is not None:
        with create_dialogue_store(path) as store:
            yield store, str(path)
        return
    with tempfile.TemporaryDirectory(prefix="dialogue-store-demo-") as folder:
        keys = LocalFileKeyProvider(Path(folder) / "keys" / "umk.key")
        with SqliteDialogueStore(Path(folder) / "dialogues.db", keys) as store:
            yield store, "a temporary SQLite file, removed at the end"


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(show_lines=False, header_style="bold")
    table.add_column("sort key", overflow="fold", ratio=3)
    table.add_column("in clear, for anybody who can read the store", overflow="fold", ratio=5)
    table.add_column("sealed, for the key's owner only", ratio=3)
    table.add_column("bytes", justify="right")
    for row in rows:
        clear = ", ".join(f"{name}={value}" for name, value in row["clear"].items())
        sealed = ", ".join(row["sealed_fields"]) or "—"
        table.add_row(row["sort_key"], clear, sealed, str(row["stored_bytes"]))
    return table


def main(args: list[str] | None = None) -> None:
    """Run the command; the contract's errors become a message and exit status 1, wrong usage 3."""
    prepare()
    sys.exit(ended(_status(args)))


def _status(args: list[str] | None) -> int:
    try:
        status = cli.main(args, standalone_mode=False)
    except SystemExit as wanted:  # a command that chose its status
        return wanted.code if isinstance(wanted.code, int) else int(wanted.code is not None)
    except click.UsageError as wrong:
        wrong.show()
        return 3
    except click.ClickException as wrong:
        wrong.show()
        return 1
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except DialogueStoreError as refused:
        click.echo(f"Error: {refused}", err=True)
        return 1
    except Exception as failure:
        known = getattr(failure, "error", None)
        if not isinstance(known, DialogueStoreError):
            raise
        click.echo(f"Error: {known}", err=True)
        return 1
    return status if isinstance(status, int) else 0
