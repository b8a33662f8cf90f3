"""`python -m generators`: make vectors/ again, compare it, verify it, show a case."""

from __future__ import annotations

import click


@click.group(invoke_without_command=True)
@click.option("--check", is_flag=True, help="Build elsewhere and compare byte for byte.")
@click.option("--second-opinion", is_flag=True, help="Verify every case with another library.")
@click.pass_context
def main(context: click.Context, check: bool, second_opinion: bool) -> None:
    """Make the vectors again from published files and seeds, and replace vectors/."""
