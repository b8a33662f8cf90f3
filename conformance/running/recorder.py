"""The pytest plugin that writes down what happened to every test, and nothing else decides later."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from ..spec import PROFILES, RULES, home_of
from ..targets.guard import call_alarm, watched
from ..verdict.causes import undecided_by, unsupported_by
from ..verdict.judge import FAILING, PASSING, Case, Outcome, Reason, Recording
from .selection import Selection
from .session import SESSION, Session
from .signals import stop_asked
from .wording import Comparisons, without_bytes, worded

__all__ = ["CASES_FILE", "WHOLE", "Listener", "Recorder", "clean"]

#: The tests that a suite must have, file by file: one that got lost leaves the run undecided.
CASES_FILE: Final = "cases.json"

#: What calls backends, beside the suite's own tests.
_PACKAGE: Final = Path(__file__).parent.parent
_OURS: Final = tuple(
    f"{folder}{os.sep}"
    for folder in (Path(__file__).parent, _PACKAGE / "suite", _PACKAGE / "stateful")
)
_PHASES: Final = ("setup", "call", "teardown")
#: Characters of a line on a terminal, and of a reason in a report, where nothing is cut.
_LINE: Final = 400
WHOLE: Final = 1_000_000
_TRACE: Final = 20_000
_NOT_PRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SECRET_VARIABLES: Final = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass
class _Item:
    """A collected test and the reports of its phases."""

    id: str
    profile: str
    rules: tuple[str, ...]
    marked_xfail: bool
    deselected: bool = False
    reports: dict[str, list[pytest.TestReport]] = field(default_factory=dict)
    #: Phases that ended by somebody else's fault than the backend's: code and reason.
    undecided: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: What failed phases found, and where they stopped.
    explained: dict[str, str] = field(default_factory=dict)
    traced: list[str] = field(default_factory=list)
    #: Phases that ended because the backend has no such methods.
    unsupported: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def case(self) -> Case:
        """What was recorded, as a case; nothing but three clean phases is a pass."""
        outcome, code, reason = self._judge()
        duration = sum(r.duration for reports in self.reports.values() for r in reports)
        waits_for = self._waits_for() if outcome == "unsupported" else ()
        return Case(
            *(self.id, self.profile, self.rules, outcome, reason, code, duration, self._trace()),
            waits_for,
        )

    def _waits_for(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for names in self.unsupported.values() for name in names))

    def _trace(self) -> str:
        return clean("\n".join(self.traced), longest=_TRACE, keep_layout=True)

    def _judge(self) -> tuple[Outcome, str, str]:
        if self.deselected:
            return "indeterminate", "deselected", "not run"
        everything = [report for reports in self.reports.values() for report in reports]
        excused = next((r for r in everything if hasattr(r, "wasxfail")), None)
        if self.marked_xfail or excused is not None:
            return "indeterminate", "xfail", "expected to fail, so it shows nothing"
        for phase in ("call", "setup", "teardown"):
            for report in self.reports.get(phase, ()):
                if report.failed:
                    why = self.explained.get(phase) or explain(report)
                    if phase in self.undecided:
                        code, reason = self.undecided[phase]
                        if code == "not_applicable":
                            return "not_applicable", "", reason
                        return "indeterminate", code, reason
                    if phase in self.unsupported:
                        names = ", ".join(self.unsupported[phase])
                        return "unsupported", "", f"needs {names}: {why}"
                    if phase == "call":
                        return "fail", "", why
                    return "indeterminate", f"{phase}_error", why
        for report in everything:
            if report.skipped:
                return "indeterminate", "skipped", explain(report)
        missing = [phase for phase in _PHASES if not self.reports.get(phase)]
        if missing or not all(report.passed for report in everything):
            return "indeterminate", "incomplete", f"did not run to its end ({', '.join(missing)})"
        return "pass", "", ""


class Listener:
    """Told what happens while it happens; this one does not mind."""

    def claimed(self, profiles: tuple[str, ...]) -> None:
        """The profiles that the verdict will speak of; the target could be opened."""

    def collected(self, cases: Sequence[Case]) -> None:
        """The cases that will run, before the first one does."""

    def case(self, case: Case) -> None:
        """A case has ended."""


class Recorder:
    """Collects what the claim asks for, runs it with a deadline for each call, and records it."""

    def __init__(
        self,
        session: Session,
        claimed: Sequence[str],
        *,
        suite: Path,
        listener: Listener,
        case_deadline_s: float = 60.0,
        collect_only: bool = False,
        selection: Selection | None = None,
    ) -> None:
        self._session = session
        self._claimed = claimed
        self._suite = suite
        self._listener = listener
        self._case_deadline_s = case_deadline_s
        self._collect_only = collect_only
        self._selection = selection or Selection()
        self._items: dict[str, _Item] = {}
        self._problems: list[Reason] = []
        self._interrupted = False
        self._broken = False
        self._running: tuple[str, float] | None = None
        self._told: set[str] = set()
        self._comparisons = Comparisons()
        self._pytest: pytest.Session | None = None
        #: Test functions by file, as collected (before anything was left out).
        self.functions: dict[str, list[str]] = {}

    def recording(self) -> Recording:
        """Everything recorded so far."""
        items = [i for i in self._items.values() if i.reports or not self._broken]
        return Recording([item.case() for item in items], list(self._problems), self._interrupted)

    def problem(self, code: str, detail: str) -> None:
        """Something concerns the run as a whole: it stays undecided."""
        reason = Reason(code, clean(detail, longest=WHOLE))
        if reason not in self._problems:
            self._problems.append(reason)

    # -- hooks of pytest --------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the session where the fixtures look for it."""
        config.stash[SESSION] = self._session

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep the session: it can be told to end."""
        self._pytest = session

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported, or that skips itself, leaves a gap."""
        if report.failed:
            self._break("collection_error", f"{report.nodeid}: {explain(report)}")
        elif report.skipped:
            self._break("skipped", f"{report.nodeid}: {explain(report)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Record every item before anybody can leave one out; keep those of the claimed profiles."""
        claimed: list[pytest.Item] = []
        for item in items:
            self._count(item)
            found = self._record(item)
            if found is not None and found.profile in self._claimed:
                if found.id in self._items:
                    self._break("broken_test", f"{found.id}: two tests of one name")
                self._items[found.id] = found
                found.deselected = self._selection.leaves_out(found.id, found.rules)
                if not found.deselected:
                    claimed.append(item)
        self._look_for_lost_tests()
        for lost in self._selection.lost(self._items):
            self.problem("filtered", f"{lost} failed last time and is no case of this run")
        items[:] = [] if self._broken else claimed

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str]:
        """Every place in which two values differ, in our own words."""
        return [self._comparisons.mark(op, left, right)]

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """A test that a filter left out is undecided."""
        for item in items:
            if found := self._items.get(_id(item.nodeid)):
                found.deselected = True

    def pytest_collection_finish(self) -> None:
        """Say how many cases there are, before the first of them runs."""
        self._listener.collected([i.case() for i in self._items.values() if not i.deselected])

    def pytest_runtestloop(self) -> bool | None:
        """Collecting was all that was wanted, or the run cannot be decided any more."""
        return True if self._collect_only or self._broken else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """The deadline of a case holds for each call in each of its phases."""
        with self._deadline(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """As for the set-up: here it makes the case fail."""
        with self._deadline(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """As for the set-up."""
        with self._deadline(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Ask what ended a phase while it can still be seen: storage is taken away after it."""
        report = yield
        found = self._items.get(_id(item.nodeid))
        if found is not None and report.failed:
            found.explained[call.when] = self._comparisons.told(explain(report))
            trace = without_bytes(self._comparisons.told(report.longreprtext))
            found.traced.append(trace[:_TRACE])
        if call.when == "teardown":
            self._comparisons.forget()
        if found is not None and call.excinfo is not None and report.failed:
            cause = undecided_by(call.excinfo.value)
            if cause is not None:
                found.undecided[call.when] = cause[0], clean(cause[1], longest=WHOLE)
            elif methods := unsupported_by(call.excinfo.value):
                found.unsupported[call.when] = methods
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down what happened in one phase of one test."""
        item = self._items.get(_id(report.nodeid))
        if item is None:
            self.problem("broken_suite", f"{report.nodeid} ran without having been collected")
            return
        phase = report.when if report.when in _PHASES else "call"
        item.reports.setdefault(phase, []).append(report)
        self._look_for_a_stop()
        if phase == "teardown" and item.id not in self._told:
            self._told.add(item.id)
            case = item.case()
            self._listener.case(case)
            self._fail_fast(case)

    def counts_against(self, nodeid: str) -> bool:
        """Whether what was recorded of a test so far fails its rules: not what nobody could decide."""
        item = self._items.get(_id(nodeid))
        return item is not None and item.case().outcome in FAILING

    def interrupt(self) -> None:
        """Somebody stopped the run."""
        self._interrupted = True
        self.problem("interrupted", "the run was stopped before its end")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Somebody stopped the run: by the keyboard, or from within it (``pytest.exit``)."""
        if excinfo.errisinstance(KeyboardInterrupt):
            self.interrupt()
        else:
            self.problem("interrupted", f"the run was ended from within: {excinfo.value}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """The suite itself broke."""
        lines = [line for line in str(excrepr).splitlines() if line.strip()]
        self.problem("broken_suite", lines[-1] if lines else "internal error")

    # -- details ----------------------------------------------------------------------------------

    def _break(self, code: str, detail: str) -> None:
        """The suite is not what it must be: nothing is run."""
        self._broken = True
        self.problem(code, detail)

    def _fail_fast(self, case: Case) -> None:
        if not self._selection.fail_fast or case.outcome in PASSING:
            return
        if case.outcome in FAILING and case.id in self._selection.known:
            return
        if any(not item.reports and not item.deselected for item in self._items.values()):
            self.problem("filtered", f"--fail-fast ended the run after {case.id}")
            if self._pytest is not None:
                self._pytest.shouldfail = f"{case.id} did not pass"

    def _look_for_a_stop(self) -> None:
        if stop_asked():  # and no exception came through, or it would have ended the run
            self.interrupt()
            if self._pytest is not None:
                self._pytest.shouldstop = "a signal asked for it"

    def _count(self, item: pytest.Item) -> None:
        file, _, rest = _id(item.nodeid).partition("::")
        name = rest.partition("[")[0]
        names = self.functions.setdefault(file, [])
        if name not in names:
            names.append(name)

    def _record(self, item: pytest.Item) -> _Item | None:
        id_ = _id(item.nodeid)
        profiles = {str(arg) for mark in item.iter_markers("profile") for arg in mark.args}
        rules = tuple(
            dict.fromkeys(str(arg) for mark in item.iter_markers("rules") for arg in mark.args)
        )
        if len(profiles) != 1 or not profiles <= PROFILES.keys():
            named = ", ".join(sorted(profiles)) or "none"
            self._break("broken_test", f"{id_}: needs one profile of the contract, has {named}")
            return None
        (profile,) = profiles
        if not rules:
            self._break("broken_test", f"{id_}: cites no rule")
        for rule in rules:
            if rule not in RULES:
                self._break("unknown_rule", f"{id_}: {rule} is no rule of the contract")
            elif home_of(rule, profile) is None:
                self._break(
                    "unknown_rule", f"{id_}: {rule} belongs neither to {profile} nor to its needs"
                )
        return _Item(id_, profile, rules, item.get_closest_marker("xfail") is not None)

    def _look_for_lost_tests(self) -> None:
        listed = self._suite / CASES_FILE
        if self._collect_only:
            return
        if not listed.exists():
            if self._suite == _PACKAGE / "suite":  # it has a list, so what is lost cannot be told
                self.problem("missing_test", f"the list of tests is not there: {listed.name}")
            return
        known = json.loads(listed.read_text(encoding="utf-8"))
        if not known:
            self.problem("missing_test", f"the list of tests names none: {listed.name}")
        for file, names in known.items():
            lost = [name for name in names if name not in self.functions.get(file, ())]
            if lost:
                what = "the whole file" if file not in self.functions else ", ".join(lost)
                self.problem("missing_test", f"{file}: {what} is not there any more")

    @contextmanager
    def _deadline(self, item: pytest.Item) -> Iterator[None]:
        id_ = _id(item.nodeid)

        def beat() -> None:
            self._running = (id_, time.monotonic())

        beat()
        try:
            with call_alarm(self._case_deadline_s, self._is_ours, beat):
                yield
        finally:
            self._running = None

    def _is_ours(self, file: str) -> bool:
        """Whether a source file is the suite's, and no backend's."""
        return file.startswith((f"{self._suite}{os.sep}", *_OURS))

    @contextmanager
    def watched(self, on_stuck: Callable[[str], None] | None) -> Iterator[None]:
        """Look from another thread for a case that the alarm does not reach: after three times the
        deadline ``on_stuck`` is called with its id.
        """
        with watched(lambda: self._running, 3 * self._case_deadline_s, on_stuck):
            yield


def explain(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a phase did not pass: everything that its assertion found, in one line."""
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):  # a skip: file, line, reason
        return clean(str(longrepr[2]), longest=WHOLE)
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return clean(worded(str(crash.message), str(crash.path), crash.lineno), longest=WHOLE)
    lines = [line.strip() for line in str(longrepr or "").splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return clean(without_bytes((errors or lines or ["no reason given"])[-1]), longest=WHOLE)


def clean(text: str, *, longest: int = _LINE, keep_layout: bool = False) -> str:
    """Text fit for any terminal and file: printable, not too long, without credentials, and, unless
    its layout is kept, one line.
    """
    for variable in _SECRET_VARIABLES:
        if secret := os.environ.get(variable):
            text = text.replace(secret, f"<{variable}>")
    if not keep_layout:
        text = " ".join(text.split())
    text = _NOT_PRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _id(nodeid: str) -> str:
    """A node id in printable form: it names parameters, whatever they hold."""
    return _NOT_PRINTABLE.sub(lambda found: ascii(found[0])[1:-1], nodeid)
