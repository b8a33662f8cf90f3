"""`python -m generators`: make vectors/ again, compare it, verify it, show a case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from .build import writer
from .build.document import RecipeError
from .kit.sources import SourceError


@click.group(invoke_without_command=True)
@click.option("--check", is_flag=True, help="Build elsewhere and compare byte for byte.")
@click.option("--second-opinion", is_flag=True, help="Verify every case with another library.")
@click.option("--nightly", is_flag=True, help="Make the long accumulated vectors again.")
@click.option("--into", type=click.Path(path_type=Path), help="Build into this empty folder only.")
@click.pass_context
def main(
    context: click.Context, check: bool, second_opinion: bool, nightly: bool, into: Path | None
) -> None:
    """Make the vectors again from published files and seeds, and replace vectors/."""
    chosen = sum([check, second_opinion, nightly, into is not None])
    if context.invoked_subcommand:
        if chosen:
            raise click.UsageError(f"{context.invoked_subcommand} takes no other option")
        return
    if chosen > 1:
        raise click.UsageError("one thing at a time")
    with _told():
        if into is not None:
            _build_into(into)
        elif check:
            _check()
        elif second_opinion:
            _second_opinion(writer.VECTORS)
        elif nightly:
            _nightly()
        else:
            _rebuild()


@main.command()
@click.argument("tc_id")
def show(tc_id: str) -> None:
    """Print one case as it lies in vectors/, for people, and where it is not as it is made."""
    from .build.show import UnknownCaseError, print_case

    with _told():
        try:
            print_case(tc_id, writer.VECTORS)
        except UnknownCaseError as error:
            raise click.ClickException(str(error)) from error


def _rebuild() -> None:
    writer.recover(writer.VECTORS)
    with writer.empty_folder(writer.VECTORS) as folder:
        writer.build(folder)
        _second_opinion(folder)
        digest = writer.digest(folder)
        writer.replace(folder, writer.VECTORS)
    click.echo(f"manifest {digest}")


def _check() -> None:
    writer.recover(writer.VECTORS)
    with writer.empty_folder(writer.VECTORS) as folder:
        writer.build_elsewhere(folder)
        digest = writer.digest(folder)
        found = writer.differences(folder, writer.VECTORS)
    click.echo(f"manifest {digest}")
    for line in found:
        click.echo(f"vectors/{line}")
    if found:
        sys.exit(1)


def _build_into(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty")
    writer.build(folder)
    click.echo(f"manifest {writer.digest(folder)}")


def _second_opinion(vectors: Path) -> None:
    """In a process of its own, so that nothing of the generators is at hand."""
    code = subprocess.run(opinion_command(vectors), cwd=writer.ROOT, check=False).returncode
    if code:
        click.echo("the second opinion disagrees", err=True)
        sys.exit(code)


def opinion_command(vectors: Path) -> list[str]:
    """How the second verifier is started on a folder."""
    return [sys.executable, "-m", "generators.second_opinion", str(vectors)]


def _nightly() -> None:
    from .families import accumulated

    found = accumulated.nightly()
    for line in found:
        click.echo(line)
    if found:
        sys.exit(1)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in a way that was foreseen is told in words, without a traceback."""
    try:
        yield
    except (RecipeError, SourceError, writer.BuildError, OSError) as error:
        raise click.ClickException(str(error)) from error
