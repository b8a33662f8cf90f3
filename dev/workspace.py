"""The workspace on this machine, behind the justfile: DynamoDB Local in a container, its table, the key.

    nox -s workspace -- setup      what `just setup` runs; likewise up, wait-ready, down, nuke

Everything here looks first and says what it did. Exit codes: 0 done, 1 something differs or was left,
2 Docker or another tool is missing, 3 wrong usage.
"""

from __future__ import annotations

import os
import platform
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from conformance.targets.engines import dynamodb_local
from conformance.targets.engines.compose import (
    DEFAULT_VOLUME,
    READY_WITHIN_S,
    Compose,
    find_compose,
    is_installed,
    port_of,
    wait_until_ready,
)
from conformance.targets.engines.errors import EngineError, EngineUnavailable
from reference_impl.cli.main import has_made_key, say_key, say_table
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import TABLE_NAME
from reference_impl.sealing.providers import LocalFileKeyProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cli", "main"]

#: What a SQLite file may have beside it.
_SQLITE_ENDINGS: Final = ("", "-wal", "-shm", "-journal")

DIFFERS: Final = 1
USAGE: Final = 3
INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """DynamoDB Local in a container, its table and the local key."""


@cli.command()
def setup() -> int:
    """Check the tools, fetch the image, start it, make the table and the key; say what was done."""
    click.echo(f"Python {platform.python_version()}: found")
    obstacle = dynamodb_local.obstacle(os.environ)
    click.echo(
        "Java and Maven: found"
        if obstacle is None
        else f"Java and Maven: missing, so tests on engine `local` will be skipped. {obstacle}"
    )
    try:
        compose = _compose()
    except EngineUnavailable as missing:
        click.echo(f"{missing}.")
        click.echo(
            "Nothing was set up: the table and the key need the database. Then run it again."
        )
        return missing.exit_code
    click.echo("Docker and Compose: found")
    compose.pull()
    _start(compose)
    return _make_table_and_key(compose)


@cli.command()
def up() -> None:
    """Start DynamoDB Local and wait until it answers; a running one is left alone."""
    _start(_compose())


@cli.command("wait-ready")
@click.option(
    "--within",
    type=click.FloatRange(min=0, min_open=True),
    default=READY_WITHIN_S,
    show_default=True,
    metavar="SECONDS",
)
def wait_ready(within: float) -> None:
    """Wait until DynamoDB Local answers; after SECONDS that is an error."""
    compose = _compose()
    wait_until_ready(compose, within_s=within)
    click.echo(f"DynamoDB Local answers at {compose.url}.")


@cli.command()
def down() -> None:
    """Stop DynamoDB Local; its data stays in the volume."""
    _compose().down(remove_volume=False)


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
def nuke(yes: bool, dry_run: bool) -> int:
    """Remove the volume, the local database and the local key, and nothing else; asks first.

    What was sealed with the key is lost with it.
    """
    compose, left = _compose_for_nuke()
    files = list(local_files())
    click.echo("To be removed:" if compose or files else "There is nothing to remove.")
    if compose:
        click.echo(
            f"  the volume {compose.volume} and the containers that use it, if they are there"
        )
    for path in files:
        click.echo(f"  {path}")
    if dry_run or not (compose or files):
        return left
    if not yes and not _agreed():
        click.echo("Nothing was removed.")
        return DIFFERS
    if compose:
        compose.down(remove_volume=True)
    for path in files:
        path.unlink(missing_ok=True)
        click.echo(f"Removed {path}.")
    return left


def local_files() -> Iterator[Path]:
    """The files of this project at their default places: the key, half a key, the database.

    Only regular files directly in their folder: what lies behind a link is somebody else's.
    """
    key = LocalFileKeyProvider().path
    database = key.parent.parent / "db" / "dialogues.db"
    # A key is written under a name of its own before it is put in place; a kill may leave that.
    candidates = [key, *sorted(key.parent.glob(f".{key.name}.{'[0-9a-f]' * 16}"))]
    candidates += [database.with_name(database.name + ending) for ending in _SQLITE_ENDINGS]
    home = Path.home().resolve()
    for path in candidates:
        if path.parent.resolve() == home / path.parent.relative_to(Path.home()) and _is_file(path):
            yield path


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _agreed() -> bool:
    """Whether somebody at a terminal says yes; without one the answer is no."""
    if not sys.stdin.isatty():
        click.echo("There is no terminal to ask at: add --yes if that is meant.")
        return False
    return click.confirm("Remove all of this?", default=False)


def _compose(*, volume: str | None = None) -> Compose:
    environ = os.environ
    named = volume or environ.get("DYNAMODB_VOLUME") or DEFAULT_VOLUME
    return Compose(find_compose(environ), environ, port_of(environ), named, visible=True)


def _compose_for_nuke() -> tuple[Compose | None, int]:
    """Compose with the project's own volume, whatever DYNAMODB_VOLUME says; None without Docker.

    And the exit code that this stands for: a Docker that is there and does not answer may hold a
    volume, which is then left.
    """
    try:
        return _compose(volume=DEFAULT_VOLUME), 0
    except EngineUnavailable as missing:
        if not is_installed(os.environ):
            click.echo("Docker is not here, so there is no volume to look for.")
            return None, 0
        click.echo(f"{missing}.")
        click.echo("Whether there is a volume cannot be seen; it is left.")
        return None, DIFFERS


def _start(compose: Compose) -> None:
    compose.up()
    wait_until_ready(compose)
    click.echo(
        f"DynamoDB Local answers at {compose.url}; its data is in the volume {compose.volume}."
    )


def _make_table_and_key(compose: Compose) -> int:
    from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, create_table

    report = create_table(TABLE_NAME, endpoint=compose.url)
    say_table(report)
    if report.differences:
        click.echo("The key was not looked at: a store cannot use this table.")
        return DIFFERS
    keys = LocalFileKeyProvider()
    partitions = DynamoPartitionStore(TABLE_NAME, endpoint=compose.url)
    try:
        say_key(keys, created=has_made_key(keys, partitions.holds_wrapped_keys))
    finally:
        partitions.close()
    click.echo(f"To use it: DYNAMODB_ENDPOINT={compose.url}. Next: just test")
    return 0


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command; whatever is missing or refused becomes a message and an exit code."""
    try:
        code = cli.main(arguments, prog_name="workspace", standalone_mode=False)
    except click.UsageError as wrong:
        wrong.show()
        code = USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = INTERRUPTED
    except EngineError as error:
        click.echo(f"{error}.", err=True)
        code = error.exit_code
    except DialogueStoreError as refused:
        click.echo(f"Error: {refused}", err=True)
        code = DIFFERS
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
