"""Runs the suite against every liar and compares what went red with what the liar declares."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from conformance import liars as package
from conformance.report.verdict import Report
from conformance.runner import SUITE, Options, UsageError, run
from conformance.spec import PROFILES, with_needs
from conformance.suite import BUILT
from conformance.targets.base import Engine, Target
from conformance.targets.load import adapt

from . import LIARS, Liar

__all__ = ["LIARS_REPORT", "Result", "as_json", "chosen", "run_liars"]

LIARS_REPORT: Final = Path("build") / "liars.json"


@dataclass(frozen=True)
class Result:
    """What a run against one liar showed."""

    liar: Liar
    report: Report

    @property
    def failed(self) -> tuple[str, ...]:
        """The rules that went red."""
        return self.report.failed_rules

    @property
    def survived(self) -> tuple[str, ...]:
        """Rules that had to go red and did not."""
        return tuple(rule for rule in self.liar.must_fail if rule not in self.failed)

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Rules that went red and are not declared."""
        declared = {*self.liar.must_fail, *self.liar.also}
        return tuple(rule for rule in self.failed if rule not in declared)

    @property
    def decided(self) -> bool:
        """Whether the run came to an end that says something."""
        return self.report.verdict != "indeterminate"

    @property
    def killed(self) -> bool:
        """Whether exactly the declared rules went red, in a run that was decided."""
        return self.report.verdict == "not_conformant" and not self.survived and not self.unexpected


def chosen(names: Sequence[str] = ()) -> list[Liar]:
    """The named liars, or all of them by profile; ``UsageError`` for a name that there is not."""
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "run":
            importlib.import_module(f"{package.__name__}.{module.name}")
    unknown = [name for name in names if name not in LIARS]
    if unknown:
        raise UsageError(f"no liar is called {', '.join(unknown)}; there are {', '.join(LIARS)}")
    found = [LIARS[name] for name in names] if names else list(LIARS.values())
    return sorted(found, key=lambda liar: BUILT.index(liar.profile))


def run_liars(
    liars: Sequence[Liar],
    *,
    seed: int = 0,
    suite: Path = SUITE,
    tell: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> list[Result]:
    """Run the suite, with the budget quick, against each liar; stops early only on Ctrl-C."""
    results: list[Result] = []
    for liar in liars:
        target = Target(
            f"liar:{liar.name}",
            adapt(liar.factory),
            Engine("in-process"),
            f"{package.__name__}.{liar.name}",
            case_deadline_s=30.0,
            discard=liar.discard,
        )
        options = Options(budget="quick", seed=seed, profiles=(liar.profile,), suite=suite)
        result = Result(liar, run(target, options))
        if result.report.interrupted:
            raise KeyboardInterrupt
        results.append(result)
        tell(f"{liar.name}: {'caught' if result.killed else 'NOT caught as declared'}")
    return results


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """The results for machines: each liar, and for each rule the liars that turned it red."""
    profiles = with_needs({result.liar.profile for result in results})
    rules = dict.fromkeys(rule for name in profiles for rule in PROFILES[name].rules)
    return {
        "format_version": 1,
        "liars": [
            {
                "name": result.liar.name,
                "lie": result.liar.lie,
                "profile": result.liar.profile,
                "must_fail": list(result.liar.must_fail),
                "also": dict(result.liar.also),
                "failed": list(result.failed),
                "killed": result.killed,
            }
            for result in results
        ],
        "rules": {rule: [r.liar.name for r in results if rule in r.failed] for rule in rules},
        "footer": True,
    }


def write_json(results: Sequence[Result], path: Path) -> None:
    """Write :func:`as_json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_json(results), indent=2) + "\n", encoding="utf-8")
