"""Runs the suite against every liar and compares what went red with what the liar declares.

All rules are run once. Where only randomised cases turned a rule red, that rule's randomised cases are
run again with further seeds: a liar is not caught by luck.
"""

from __future__ import annotations

import difflib
import importlib
import multiprocessing
import os
import pkgutil
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import pytest

from conformance import liars as package
from conformance.running.recorder import Recorder, explain
from conformance.running.runner import (
    CHECKOUT,
    SUITE,
    Options,
    UsageError,
    collect,
    report_own,
    run,
)
from conformance.spec import BUILT, OWN_PROFILE, OWN_TESTS, PLANNED, PROFILES, with_needs
from conformance.targets.base import Engine, Target
from conformance.targets.load import adapt
from conformance.verdict.judge import Report

from .. import LIARS, Liar

__all__ = ["LIARS_REPORT", "Plan", "Result", "alone", "as_json", "chosen", "run_liars"]

LIARS_REPORT: Final = Path("build") / "liars.json"

#: How the cases of a partial run are undecided that were left out of it.
_LEFT_OUT: Final = ("incomplete", "skipped", "no_case")

#: Fixtures of the tests of random histories, which liars are tried without: a history ends at the first
#: difference and blames one rule for it, so that it says nothing exact; parity shows what they find. A null
#: target must pass none of them either.
_HISTORIES: Final = frozenset({"played"})

#: How a failure begins that a test's own assertion made.
_BY_ASSERTION: Final = ("AssertionError", "assert ", "Failed: DID NOT RAISE")


@dataclass(frozen=True)
class Plan:
    """How liars are tried: from ``seed`` on, ``seeds`` of them; ``only_own``: their own rules alone,
    so that nothing is said about rules that must not go red."""

    seed: int = 0
    seeds: int = 1
    only_own: bool = False
    suite: Path = SUITE


@dataclass(frozen=True)
class Result:
    """What the runs against one liar showed."""

    liar: Liar
    report: Report
    #: Rules that a further seed did not turn red again, by seed.
    lucky: tuple[tuple[int, str], ...] = ()
    #: Cases that a null target passed, or failed otherwise than by an assertion.
    strange: tuple[str, ...] = ()
    only_own: bool = False

    @property
    def failed(self) -> tuple[str, ...]:
        """The rules that went red; those declared, where no others were run."""
        if not self.only_own:
            return self.report.failed_rules
        declared = {*self.liar.must_fail, *self.liar.also}
        return tuple(rule for rule in self.report.failed_rules if rule in declared)

    @property
    def survived(self) -> tuple[str, ...]:
        """Rules that had to go red and did not, with some seed."""
        lucky = {rule for _, rule in self.lucky}
        return tuple(r for r in self.liar.must_fail if r not in self.failed or r in lucky)

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Rules that went red and are not declared."""
        declared = {*self.liar.must_fail, *self.liar.also}
        return tuple(rule for rule in self.failed if rule not in declared)

    @property
    def decided(self) -> bool:
        """Whether the run came to an end that says something: what was left out on purpose is no gap."""
        left_out = all(reason.code in _LEFT_OUT for reason in self.report.reasons)
        return self.report.verdict == "not_conformant" or left_out

    @property
    def killed(self) -> bool:
        """Whether exactly the declared rules went red, in a run that was decided."""
        return self.decided and not self.survived and not self.unexpected and not self.strange


def chosen(names: Sequence[str] = ()) -> list[Liar]:
    """The named liars, or all of them by profile; ``UsageError`` for a name that there is not."""
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:
            importlib.import_module(f"{package.__name__}.{module.name}")
    unknown = [name for name in names if name not in LIARS]
    if unknown:
        words = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in unknown]
        near = [like for word in words for like in difflib.get_close_matches(word, LIARS, n=3)]
        advice = f"; did you mean {', '.join(near)}?" if near else ""
        raise UsageError(
            f"no liar is called {', '.join(unknown)}{advice} (each is called as its class, in small "
            "letters with _ between the words)"
        )
    found = [LIARS[name] for name in names] if names else list(LIARS.values())
    order = (*BUILT, OWN_PROFILE)
    # What only the project's own tests can catch is tried where they are: in a checkout.
    there = order if all(file.is_file() for file in _own_tests()) else BUILT
    return sorted(
        (liar for liar in found if liar.profile in there or names),
        key=lambda liar: order.index(liar.profile),
    )


def _own_tests() -> list[Path]:
    return [CHECKOUT / name for name in OWN_TESTS]


def run_liars(
    liars: Sequence[Liar],
    *,
    plan: Plan | None = None,
    jobs: int = 1,
    tell: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Run the suite, with the budget quick, against each liar; stops early only on Ctrl-C.

    With several ``jobs`` they are tried in processes of their own, and must be those of this package.
    """
    plan = plan or Plan()
    results: dict[str, Result] = {}
    tried = _in_processes(liars, plan, jobs) if jobs > 1 else (_try(liar, plan) for liar in liars)
    for result in tried:
        if result.report.interrupted:
            raise KeyboardInterrupt
        results[result.liar.name] = result
        tell(result)
    return [results[liar.name] for liar in liars]


def _in_processes(liars: Sequence[Liar], plan: Plan, jobs: int) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        by_future = {pool.submit(_try_by_name, liar.name, plan): liar for liar in liars}
        try:
            for future in as_completed(by_future):
                report, lucky, strange = future.result()
                yield Result(by_future[future], report, lucky, strange, plan.only_own)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


_Tried = tuple[Report, tuple[tuple[int, str], ...], tuple[str, ...]]


def _try_by_name(name: str, plan: Plan) -> _Tried:
    (liar,) = chosen([name])
    result = _try(liar, plan)
    return result.report, result.lucky, result.strange


def _try(liar: Liar, plan: Plan) -> Result:
    """One run over all rules (or the liar's own), then the further seeds where they matter."""
    if liar.profile == OWN_PROFILE:
        with _leaving_nothing_changed(liar), liar.during():
            return Result(liar, report_own(_own_tests(), CHECKOUT, f"liar:{liar.name}"))
    wanted = liar.must_fail if plan.only_own or (liar.trivial and not liar.null) else None
    report, book = _run(liar, plan.seed, plan.suite, wanted)
    strange = tuple(book.strange) if liar.null and wanted is None else ()
    chancy = [r for r in liar.must_fail if r in report.failed_rules and book.by_chance(r)]
    lucky: list[tuple[int, str]] = []
    for seed in range(plan.seed + 1, plan.seed + plan.seeds):
        if chancy and not report.interrupted:
            again, _ = _run(liar, seed, plan.suite, chancy, only=book.randomised)
            report = replace(report, interrupted=again.interrupted)
            lucky += [(seed, rule) for rule in chancy if rule not in again.failed_rules]
    return Result(liar, report, tuple(lucky), strange, plan.only_own)


def _run(
    liar: Liar,
    seed: int,
    suite: Path,
    wanted: Collection[str] | None,
    only: Collection[str] | None = None,
) -> tuple[Report, _Book]:
    book = _Book(
        wanted,
        only,
        _files_of(liar.profile, wanted, suite),
        without=frozenset() if liar.null else _HISTORIES,
    )
    target = Target(
        f"liar:{liar.name}",
        adapt(liar.factory),
        Engine("in-process"),
        f"{package.__name__}.{liar.name}",
        case_deadline_s=liar.case_deadline_s,
        discard=liar.discard,
    )
    options = Options(budget="quick", seed=seed, profiles=(liar.profile,), suite=suite)
    with _leaving_nothing_changed(liar), _fast_folders(), liar.during():
        report = run(target, options, recorder=partial(_Recorder, book))
    return report, book


@contextmanager
def _leaving_nothing_changed(liar: Liar) -> Iterator[None]:
    before = _reference()
    yield
    after = _reference()
    # What a first use adds, as a module that is imported late, changes nothing that was there.
    if changed := sorted(name for name, part in before.items() if after.get(name) is not part):
        # The next liar would be tried against another reference than its lie is told of.
        raise RuntimeError(f"liar {liar.name} has left {', '.join(changed)} changed")


def _reference() -> dict[str, object]:
    """Every part of the modules and classes of the reference and of the model, by name."""
    parts: dict[str, object] = {}
    for module, loaded in list(sys.modules.items()):
        if module.startswith(("reference_impl.", "conformance.model.")):
            for name, part in list(vars(loaded).items()):
                parts[f"{module}.{name}"] = part
                if isinstance(part, type) and part.__module__ == module:
                    parts |= {
                        f"{module}.{name}.{member}": own for member, own in vars(part).items()
                    }
    return parts


def _files_of(profile: str, rules: Collection[str] | None, suite: Path) -> set[str]:
    """The files of a suite with a test of a profile or of its needs, that cites one of some rules (None:
    whatever it cites)."""
    profiles = with_needs([profile])
    return {
        file
        for file, owner, cited in _tests(suite)
        if owner in profiles and (rules is None or not cited.isdisjoint(rules))
    }


@lru_cache(maxsize=8)
def _tests(suite: Path) -> list[tuple[str, str, frozenset[str]]]:
    """(file, profile, cited rules) of every test."""
    cases = collect(suite)[0].cases
    return [(case.id.partition("::")[0], case.profile, frozenset(case.rules)) for case in cases]


@contextmanager
def _fast_folders() -> Iterator[None]:
    """Folders in memory where there are some: a liar keeps nothing in them, but a test makes several."""
    before, memory = tempfile.tempdir, Path("/dev/shm")  # noqa: S108
    if memory.is_dir() and os.access(memory, os.W_OK | os.X_OK):
        tempfile.tempdir = str(memory)
    try:
        yield
    finally:
        tempfile.tempdir = before


class _Book:
    """What a run of a liar is about, and what happened by test.

    ``wanted``: the rules that matter, None for all; ``only``: the tests to choose from; ``files``: where
    there are any; ``without``: fixtures whose tests are left out.
    """

    def __init__(
        self,
        wanted: Collection[str] | None,
        only: Collection[str] | None,
        files: Collection[str],
        without: Collection[str] = _HISTORIES,
    ) -> None:
        self._open = None if wanted is None else set(wanted)
        self._only = only
        self._files = files
        self._without = {*without}
        self._rules: dict[str, set[str]] = {}
        #: The tests that depend on the seed.
        self.randomised: set[str] = set()
        #: Those that failed, and those that did so, or passed, as none should that meets a null target.
        self.failed: set[str] = set()
        self.strange: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_assertrepr_compare(self) -> list[str]:
        """Nobody reads the difference: making it takes longer than most tests."""
        return ["the two sides differ"]

    def pytest_configure(self, config: pytest.Config) -> None:
        """Nor the way to it."""
        config.option.tbstyle = "native"

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """A file without a test that matters is not read."""
        name = collection_path.name
        return True if name.startswith("test_") and name not in self._files else None

    def collected(self, items: list[pytest.Item]) -> None:
        """Keep the tests that can show something about the rules that matter."""
        for item in items:
            cited = {str(arg) for mark in item.iter_markers("rules") for arg in mark.args}
            self._rules[item.nodeid] = cited
            if "seed" in getattr(item, "fixturenames", ()):
                self.randomised.add(item.nodeid)
        items[:] = [
            item
            for item in items
            if not self.is_settled(item)
            and (self._only is None or item.nodeid in self._only)
            and not self._without & {*getattr(item, "fixturenames", ())}
        ]

    def is_settled(self, item: pytest.Item) -> bool:
        """Whether a test cites no rule that still matters: each is red, or another liar's business."""
        return self._open is not None and not self._rules[item.nodeid] & self._open

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Nothing is set up for a test of which nothing depends any more."""
        if self.is_settled(item):
            pytest.skip("its rules are red already")

    def note(self, report: pytest.TestReport, against: bool) -> None:
        """Write down how the call of a test ended, and whether it fails its rules: what a target in memory
        cannot show, as a fork, settles nothing."""
        if not report.failed or not explain(report).startswith(_BY_ASSERTION):
            self.strange.append(report.nodeid)
        if against:
            self.failed.add(report.nodeid)
            if self._open is not None:
                self._open -= self._rules[report.nodeid]

    def by_chance(self, rule: str) -> bool:
        """Whether only tests that depend on the seed turned a rule red."""
        red = {test for test in self.failed if rule in self._rules[test]}
        return bool(red) and red <= self.randomised


class _Recorder(Recorder):
    """Records as in every run, but for what the book leaves out."""

    def __init__(self, book: _Book, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._book = book

    def pytest_configure(self, config: pytest.Config) -> None:
        """The book skips from within the deadlines of this recorder."""
        super().pytest_configure(config)
        config.pluginmanager.register(self._book)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """As in every run; then only what the book keeps."""
        super().pytest_collection_modifyitems(items)
        self._book.collected(items)

    def _look_for_lost_tests(self) -> None:
        """Whole files are left out, so that nothing can be missed; ``conformance run`` looks."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Into the book as well."""
        super().pytest_runtest_logreport(report)
        if report.when == "call":
            self._book.note(report, self.counts_against(report.nodeid))


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


def alone(results: Sequence[Result]) -> list[str]:
    """Rules of the built profiles that no liar is caught by but trivial ones."""
    shown = {
        rule
        for result in results
        if result.killed and not result.liar.trivial
        for rule in result.failed
        if rule in result.liar.must_fail
    }
    rules = dict.fromkeys(rule for name in BUILT for rule in PROFILES[name].rules)
    if all(file.is_file() for file in _own_tests()):
        own = PROFILES[OWN_PROFILE].rules
        rules |= dict.fromkeys(rule for rule in own if (rule, OWN_PROFILE) not in PLANNED)
    return [rule for rule in rules if rule not in shown]
