"""Which rule is proved by which test: shown by a real run, held against the register.

A rule is proved in a profile by at least one case that cites it there and ran, if all of those passed.
Everything else is a finding, or stands in the register as planned or excluded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ..spec import BUILT, EXCLUDED, OWN_PROFILE, OWN_TESTS, PLANNED, PROFILES, RULES, home_of
from ..targets.base import Target
from ..targets.load import TargetOptions, open_target
from ..verdict.judge import FAILING, PASSING, Case, Reason
from .recorder import CASES_FILE, Listener
from .runner import CHECKOUT, SUITE, Options, UsageError, collect, run, run_own

__all__ = ["SPEC_TARGETS", "Matrix", "Row", "assemble", "prove"]

#: What the suite is run on, one after the other, until every profile that has tests was claimed.
SPEC_TARGETS: Final = ("memory", "sqlite")


#: What a run says of the suite itself; all the rest keeps it from deciding.
_FAULTS: Final = ("broken_test", "unknown_rule", "collection_error", "missing_test")

State = Literal["tested", "planned", "excluded", "missing", "undecided"]


@dataclass(frozen=True)
class Row:
    """One rule in one profile. ``tests`` are functions, ``cases`` what they were run with; ``due``
    is the milestone that proves it, or the decision that excludes it, and ``why`` the reason, or
    what is missing.
    """

    id: str
    level: str
    profile: str
    text: str
    state: State
    tests: tuple[str, ...] = ()
    cases: int = 0
    due: str = ""
    why: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        """The files of the tests."""
        return tuple(dict.fromkeys(test.partition("::")[0] for test in self.tests))


@dataclass(frozen=True)
class Matrix:
    """Every rule in every profile that holds it, what is wrong, and what could not be decided."""

    rows: tuple[Row, ...]
    findings: tuple[Reason, ...] = ()
    undecided: tuple[Reason, ...] = ()
    ran_on: tuple[str, ...] = ()

    @property
    def verdict(self) -> Literal["complete", "incomplete", "indeterminate"]:
        """``incomplete``: there are findings, whatever else could not be decided."""
        if self.findings:
            return "incomplete"
        return "indeterminate" if self.undecided else "complete"

    @property
    def exit_code(self) -> int:
        """0 complete, 1 incomplete, 2 indeterminate."""
        return {"complete": 0, "incomplete": 1, "indeterminate": 2}[self.verdict]


class _Book(Listener):
    """Keeps every case and the claim of one run."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.profiles: tuple[str, ...] = ()

    def claimed(self, profiles: tuple[str, ...]) -> None:
        self.profiles = profiles

    def case(self, case: Case) -> None:
        self.cases.append(case)


def prove(
    *,
    suite: Path = SUITE,
    root: Path = CHECKOUT,
    targets: Sequence[str] = SPEC_TARGETS,
    opened: Callable[[str, TargetOptions], AbstractContextManager[Target]] = open_target,
    tell: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Matrix:
    """Collect the suite, run it with the budget quick, and say what is proved.

    Nothing is run where the suite is not whole (a module, a test or a rule of one is missing):
    counting what is left would prove little.
    """
    listed, functions = collect(suite)
    faults = [p for p in listed.problems if p.code in _FAULTS]
    undecided = [p for p in listed.problems if p.code not in _FAULTS]
    faults += _against_the_list(suite, functions)
    if faults or undecided:
        bare = assemble(listed.cases, claimed=BUILT, own=False)
        # A suite that cannot be collected names no case at all; that is one finding and not ninety.
        more = bare.findings if listed.cases else ()
        return Matrix(bare.rows, (*faults, *more), tuple(undecided))

    tell(f"the project's own tests of profile {OWN_PROFILE}")
    own, own_faults, undecided = _own(root)
    faults += own_faults
    cases = list(own or ())
    claimed: set[str] = set()
    ran_on: list[str] = []
    for name in targets:
        missing = tuple(profile for profile in BUILT if profile not in claimed)
        if not missing:
            break
        book = _Book()
        with opened(name, TargetOptions()) as target:
            tell(f"the suite on {name}, budget quick")
            options = Options("quick", profiles=missing if claimed else (), suite=suite)
            try:
                report = run(target, options, book)
            except UsageError as error:  # it does not claim what is still missing
                undecided.append(Reason("not_claimed", str(error)))
                continue
        if report.interrupted:
            raise KeyboardInterrupt
        ran_on.append(name)
        cases += [case for case in book.cases if case.profile not in claimed]
        claimed |= set(book.profiles)
        faults += [reason for reason in report.reasons if reason.code in _FAULTS]
        # A claim without a test is a finding of its own.
        skip = (*_FAULTS, "no_case")
        undecided += [reason for reason in report.reasons if reason.code not in skip]
    made = assemble(cases, claimed={*claimed, *BUILT}, own=own is not None)
    return Matrix(made.rows, (*faults, *made.findings), tuple(undecided), tuple(ran_on))


def assemble(cases: Sequence[Case], *, claimed: Collection[str], own: bool = True) -> Matrix:
    """The rows and what is wrong with them, from recorded cases alone.

    ``claimed``: profiles in which nothing may be planned any more. ``own``: whether the project's own
    tests could be run; otherwise the rules that they prove stay undecided.
    """
    cited: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        for id_ in case.rules:
            if home := home_of(id_, case.profile):
                cited.setdefault((id_, home), []).append(case)
    rows: list[Row] = []
    findings: list[Reason] = []
    for rule in RULES.values():
        for profile in PROFILES.values():
            if rule.id in profile.rules:
                found = cited.get((rule.id, profile.name), [])
                state, due, why, wrong = _state(
                    rule.id, profile.name, found, profile.name in claimed, own
                )
                tests = tuple(dict.fromkeys(case.id.partition("[")[0] for case in found))
                rows.append(
                    Row(
                        *(rule.id, rule.level, profile.name, rule.text, state),
                        tests=tests,
                        cases=len(found),
                        due=due,
                        why=why,
                    )
                )
                findings += wrong
    return Matrix(tuple(rows), tuple(findings))


def _state(
    rule: str, profile: str, cases: Sequence[Case], claimed: bool, own: bool
) -> tuple[State, str, str, list[Reason]]:
    name = f"{rule} of profile {profile}"
    planned, excluded = PLANNED.get((rule, profile)), EXCLUDED.get((rule, profile))
    if planned is not None or excluded is not None:
        wrong = []
        if planned is not None and claimed:
            told = f"{name} is planned for {planned.milestone}, and the profile is claimed already"
            wrong.append(Reason("planned_and_claimed", told))
        elif cases:
            told = f"{name} is said not to be tested, and {cases[0].id} cites it"
            wrong.append(Reason("planned_and_tested", told))
        if planned is not None:
            return "planned", planned.milestone, planned.reason, wrong
        assert excluded is not None
        return "excluded", f"decision {excluded.adr}", excluded.reason, wrong
    if not cases:
        if profile == OWN_PROFILE and not own:
            return "undecided", "", "the project's own tests were not run", []
        told = f"{name}: no test cites it, and the register names no milestone"
        return "missing", "", "no test", [Reason("rule_without_test", told)]
    if failed := [case.id for case in cases if case.outcome in FAILING]:
        told = f"{name} is not proved: {failed[0]} fails"
        return "missing", "", f"{failed[0]} fails", [Reason("rule_not_proved", told)]
    if undecided := [case.id for case in cases if case.outcome not in PASSING]:
        return "undecided", "", f"{undecided[0]} showed nothing", []
    return "tested", "", "", []


def _against_the_list(suite: Path, functions: Mapping[str, Sequence[str]]) -> list[Reason]:
    """What the suite has lost or gained against its list of tests."""
    try:
        listed = json.loads((suite / CASES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [Reason("missing_test", f"the list of tests cannot be read: {error}")]
    reasons = []
    for file, names in sorted(listed.items()):
        if file not in functions:
            reasons.append(Reason("missing_test", f"{file}: the whole file is not there any more"))
            continue
        reasons += [
            Reason("missing_test", f"{file}: {name} is not there any more")
            for name in names
            if name not in functions[file]
        ]
    for file, found in sorted(functions.items()):
        new = [name for name in found if name not in listed.get(file, ())]
        reasons += [
            Reason(
                "unlisted_test", f"{file}: {name} is not on the list (`conformance cases --write`)"
            )
            for name in new
        ]
    return reasons


def _own(root: Path) -> tuple[list[Case] | None, list[Reason], list[Reason]]:
    """The cases of the project's own tests (None: they are not here), faults, what is undecided."""
    files = [root / name for name in OWN_TESTS]
    if not any(file.parent.is_dir() for file in files):
        told = (
            f"the project's own tests are not here ({', '.join(OWN_TESTS)}): run it in a checkout"
        )
        return None, [], [Reason("no_checkout", told)]
    lost = [
        Reason("missing_test", f"{f.relative_to(root)} is gone") for f in files if not f.is_file()
    ]
    here = [file for file in files if file.is_file()]
    if not here:  # pytest, given no file, would look for some
        return [], lost, []
    recording, _ = run_own(here, root)
    faults = [reason for reason in recording.problems if reason.code in _FAULTS]
    undecided = [reason for reason in recording.problems if reason.code not in _FAULTS]
    undecided += [
        Reason(case.code, f"{case.id}: {case.reason}")
        for case in recording.cases
        if case.outcome == "indeterminate"
    ]
    return recording.cases, lost + faults, undecided
