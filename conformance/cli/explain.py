"""``conformance explain``: what a rule says, in full, and what shows it."""

from __future__ import annotations

import json

import click
from rich.console import Console

__all__ = ["explain_command"]


@click.command("explain")
@click.argument("names", nargs=-1, required=True, metavar="RULE|METHOD|ENTITY...")
@click.option("--json", "as_json", is_flag=True, help="Print it on stdout as JSON, one line each.")
def explain_command(names: tuple[str, ...], as_json: bool) -> int:
    """Print a rule of the contract in full, what it needs of the tables, and what shows it.

    \b
    Examples:
      conformance explain STORE-14           the rule, its groups, the errors of every method
      conformance explain store-9 STORE-11   two rules; small letters will do
      conformance explain register_round     a method: parameters, result, errors
      conformance explain tension            an entity type: keys, fields, states

    Below the text stand the rules that it names, the parts of entities.json and methods.json that it
    cannot be read without, and then what shows it: the suite's tests, the wrong backends that must turn it
    red (`conformance liars NAME` tries one), and the cases of the test vectors. Nothing is run.
    The whole contract is docs/contract.md. Exit code 3: there is no such rule or name.
    """  # noqa: D301 - click reads the backspace
    from ..report import explain as explained

    try:
        found = [explained.find(name) for name in names]
    except explained.UnknownNameError as unknown:
        raise click.UsageError(str(unknown)) from None
    console = Console(emoji=False)
    for number, one in enumerate(found):
        explanation = explained.explain(one) if isinstance(one, str) else None
        if as_json:
            part = None if isinstance(one, str) else one.as_json()
            click.echo(json.dumps(explained.as_json(explanation) if explanation else part))
            continue
        if number:
            console.rule()
        if explanation is not None:
            explained.show_explanation(console, explanation)
        elif not isinstance(one, str):
            explained.show_part(console, one)
    return 0
