"""The report on a terminal, or as plain lines where there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from conformance.running.recorder import Listener, clean
from conformance.spec import PROFILES
from conformance.targets.base import Target

from ..verdict.judge import Case, ExpectedFailure, Failure, Reason, Report, Requirement

__all__ = ["Narrator", "show"]

_COLOURS: Final = {
    "pass": "green",
    "conformant": "bold green",
    "emulated": "bold yellow",
    "fail": "bold red",
    "unsupported": "red",
    "not_conformant": "bold red",
    "indeterminate": "bold yellow",
    "not_claimed": "dim",
    "not_applicable": "dim",
}
#: Reasons of one kind that are shown; the report has them all.
_SHOWN: Final = 8


class Narrator(Listener):
    """Says what is going to run, and then how far it is."""

    def __init__(
        self, console: Console, target: Target, *, seed: int, budget: str, verbose: bool = False
    ) -> None:
        self._console = console
        self._target = target
        self._with = f"seed {seed}, budget {budget}"
        self._verbose = verbose
        self._profiles: tuple[str, ...] = ()
        self._progress: Progress | None = None
        self._left: Counter[str] = Counter()
        self._done: dict[str, Counter[str]] = {}

    def opening(self) -> None:
        """The target, and the engine with the reason why it was chosen."""
        target = self._target
        version = f" {target.version}" if target.version else ""
        self._say(
            f"[bold]target {escape(target.name)}[/]: {escape(target.implementation + version)}"
        )
        if target.announcement:
            style = "bold yellow" if target.engine.emulated_by else "default"
            self._say(f"[{style}]{escape(target.announcement)}[/]")

    def claimed(self, profiles: tuple[str, ...]) -> None:
        """Keep the profiles for the arithmetic."""
        self._profiles = profiles

    def collected(self, cases: Sequence[Case]) -> None:
        """The arithmetic: what will be shown by how much."""
        rules = sum(len(PROFILES[name].rules) for name in self._profiles)
        self._say(
            f"{_count(rules, 'rule')} of {_count(len(self._profiles), 'profile')} "
            f"({', '.join(self._profiles)}), {_count(len(cases), 'case')}; {self._with}"
        )
        self._left = Counter(_file(case) for case in cases)
        if self._console.is_terminal and cases:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.add_task("", total=len(cases))
            self._progress.start()

    def case(self, case: Case) -> None:
        """One further case; on a terminal the bar moves, elsewhere each file is one line."""
        file = _file(case)
        done = self._done.setdefault(file, Counter())
        done[case.outcome] += 1
        self._left[file] -= 1
        if self._verbose and case.trace:
            self._say(f"[bold]{escape(case.id)}[/]\n{escape(case.trace)}")
        if self._progress is not None:
            (task,) = self._progress.task_ids
            self._progress.update(task, advance=1, description=escape(file))
            self._progress.refresh()
        elif self._left[file] == 0:
            told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(done.items()))
            self._say(f"  {escape(file)}: {told}")

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


def show(console: Console, report: Report, path: Path | None) -> None:
    """The result: a table of the claimed rules, what failed and why, and the verdict last."""
    claimed = [r for r in report.requirements if r.profile in report.profiles_claimed]
    if any(requirement.cases for requirement in claimed):
        console.print(_table(claimed))
    _show_failures(console, claimed, {entry.id: entry for entry in report.expected})
    _show_unsupported(console, report)
    if report.dropped:
        _print(
            console,
            f"[bold yellow]claim smaller than in the last report:[/] {', '.join(report.dropped)}",
        )
    for left_out in report.not_asked:
        _print(console, f"[dim]not asked: {escape(left_out.detail)}[/]")
    _show_reasons(console, report.reasons)
    for profile in report.profiles:
        if profile.name in report.profiles_claimed:
            rules = [r for r in claimed if r.profile == profile.name]
            passed = sum(1 for r in rules if r.verdict == "pass")
            by = f", emulated by {profile.emulated_by}" if profile.emulated_by else ""
            line = f"profile {profile.name}: {_styled(profile.verdict)}"
            _print(console, f"{line} ({passed} of {_count(len(rules), 'rule')}{by})")
    if path is not None:
        _print(console, f"report: {escape(str(path))}")
    _print(console, _last_line(report))


def _table(requirements: Sequence[Requirement]) -> Table:
    table = Table("profile", "rule", "verdict", box=None, pad_edge=False)
    table.add_column("cases", justify="right")
    before = ""
    for requirement in requirements:
        name = requirement.profile if requirement.profile != before else ""
        before = requirement.profile
        table.add_row(name, requirement.id, _styled(requirement.verdict), str(requirement.cases))
    return table


def _show_failures(
    console: Console, requirements: Sequence[Requirement], expected: Mapping[str, ExpectedFailure]
) -> None:
    rules: dict[Failure, list[str]] = {}
    for requirement in requirements:
        for failure in requirement.failures:
            if failure.outcome == "fail":
                rules.setdefault(failure, []).append(requirement.id)
    if rules:
        known = f", {len(expected)} as expected" if expected else ""
        _print(console, f"[bold red]{_count(len(rules), 'case')} failed{known}[/]")
    explained: set[str] = set()
    for failure, ids in rules.items():
        _print(console, f"  {' '.join(ids)}  {escape(failure.case)}")
        _print(console, f"      {escape(clean(failure.reason))}")
        if new := [rule for rule in ids if rule not in explained]:  # once for each rule
            _print(console, f"      what the rule says: conformance explain {' '.join(new)}")
            explained.update(new)
        if entry := expected.get(failure.case):
            link = escape(entry.link) or "no link says where it is dealt with"
            told = f"expected until {entry.expiry}: {escape(entry.reason)} ({link})"
            _print(console, f"      [yellow]{told}[/]")


def _show_unsupported(console: Console, report: Report) -> None:
    """Each method that is not there once, however many cases wait for it."""
    if report.unsupported:
        _print(console, f"[bold red]{_count(len(report.unsupported), 'method')} not supported[/]")
    for method, cases in report.unsupported:
        waits = "case waits" if len(cases) == 1 else "cases wait"
        _print(console, f"  {method}  NotImplementedError; {len(cases)} {waits} for it")
        _print(console, f"      {escape(cases[0])}")


def _show_reasons(console: Console, reasons: Sequence[Reason]) -> None:
    if reasons:
        _print(console, "[bold yellow]not decided[/]")
    by_code: dict[str, list[Reason]] = {}
    for reason in reasons:
        by_code.setdefault(reason.code, []).append(reason)
    for code, found in by_code.items():
        for reason in found[:_SHOWN]:
            _print(console, f"  {code}: {escape(clean(reason.detail))}")
        if len(found) > _SHOWN:
            _print(console, f"  {code}: and {len(found) - _SHOWN} more, all in the report")


def _last_line(report: Report) -> str:
    kind = report.engine.kind + (f" {report.engine.version}" if report.engine.version else "")
    on = f"{escape(report.target)} on {escape(kind)}"
    profiles = ", ".join(report.profiles_claimed) or "no profile"
    verdict = _styled(report.verdict)
    if report.verdict == "emulated":
        return (
            f"{verdict}: {on} is an EMULATOR; every case passed for {profiles}, but what it "
            f"shows of a real engine is not conformance. Run it with --engine local or endpoint."
        )
    if report.verdict == "conformant":
        return f"{verdict}: {on}, profiles {profiles}"
    if report.as_expected:
        until = min(entry.expiry for entry in report.expected)
        return (
            f"{verdict}, as expected: {on} breaks {', '.join(report.failed_rules)}; "
            f"{_count(len(report.expected), 'expected failure')}, nothing new (exit code 0), "
            f"until {until}"
        )
    if report.verdict == "not_conformant":
        return f"{verdict}: {on} breaks {', '.join(report.failed_rules)}"
    codes = ", ".join(dict.fromkeys(reason.code for reason in report.reasons))
    return f"{verdict}: {on} is neither proved nor refuted ({codes})"


def _styled(verdict: str) -> str:
    return f"[{_COLOURS[verdict]}]{verdict}[/]"


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _file(case: Case) -> str:
    return case.id.partition("::")[0]
