"""From recorded outcomes to a verdict: pure, so that every way to a wrong green can be tested.

Nothing passes by default. A rule passes when the profile was claimed, at least one case cites it, and
every case that does was recorded as set up, run and torn down without an objection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from conformance.spec import BUILT, EXCLUDED, OWN_PROFILE, PLANNED, PROFILES, home_of
from conformance.targets.base import Engine

__all__ = [
    "EXIT_CODES",
    "FAILING",
    "PASSING",
    "WAITING",
    "Case",
    "ExpectedFailure",
    "Failure",
    "Outcome",
    "ProfileVerdict",
    "Reason",
    "Recording",
    "Report",
    "Requirement",
    "Verdict",
    "judge",
    "not_asked",
    "unsupported",
]

Outcome = Literal["pass", "fail", "unsupported", "not_applicable", "indeterminate"]
RuleVerdict = Literal[
    "pass", "fail", "unsupported", "not_claimed", "not_applicable", "indeterminate"
]
Verdict = Literal["conformant", "emulated", "not_conformant", "indeterminate"]

#: Outcomes of a case, and verdicts of a rule, that decide against a backend.
FAILING: Final = ("fail", "unsupported")
#: Outcomes of a case that keep no rule from passing; ``not_applicable`` alone makes none pass.
PASSING: Final = ("pass", "not_applicable")
#: Codes of cases that nothing but a failure told elsewhere leaves undecided.
WAITING: Final = ("not_reached",)
#: What the command line ends with; usage errors are 3.
EXIT_CODES: Final[dict[Verdict, int]] = {
    "conformant": 0,
    "emulated": 0,
    "not_conformant": 1,
    "indeterminate": 2,
}


@dataclass(frozen=True)
class Reason:
    """Why something is not decided: a code for machines, the detail for people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Case:
    """One test as it was recorded. ``reason`` is set unless it passed; ``code`` if indeterminate;
    ``waits_for``, if unsupported: the methods that the backend does not have.

    ``trace``: where it stopped, for people; it goes into no report.
    """

    id: str
    profile: str
    rules: tuple[str, ...]
    outcome: Outcome
    reason: str = ""
    code: str = ""
    duration_s: float = 0.0
    trace: str = ""
    waits_for: tuple[str, ...] = ()


@dataclass
class Recording:
    """All that one run recorded. ``problems`` concern the run as a whole and leave it undecided."""

    cases: list[Case] = field(default_factory=list)
    problems: list[Reason] = field(default_factory=list)
    interrupted: bool = False


@dataclass(frozen=True)
class Failure:
    """A case that keeps a rule from passing."""

    case: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class ExpectedFailure:
    """A case that is known to fail: why, where that is dealt with, and until which day it holds."""

    id: str
    reason: str
    link: str
    expiry: date


@dataclass(frozen=True)
class Requirement:
    """One rule in one profile."""

    id: str
    profile: str
    verdict: RuleVerdict
    cases: int = 0
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class ProfileVerdict:
    """One profile. ``emulated_by``: what imitated the engine while it ran."""

    name: str
    verdict: Literal["pass", "fail", "indeterminate", "not_claimed"]
    emulated_by: str | None = None


@dataclass(frozen=True)
class Report:
    """What a run found out; :mod:`.document` and :mod:`.terminal` show it."""

    suite_version: str
    spec_revision: int
    vectors_sha256: str | None
    target: str
    implementation: str
    target_version: str | None
    language: str
    engine: Engine
    profiles_claimed: tuple[str, ...]
    started_at: str
    duration_s: float
    seed: int
    requirements: tuple[Requirement, ...]
    profiles: tuple[ProfileVerdict, ...]
    verdict: Verdict
    reasons: tuple[Reason, ...]
    interrupted: bool = False
    #: The expected failures that did fail.
    expected: tuple[ExpectedFailure, ...] = ()
    #: The methods that the backend does not have, each with the cases that wait for it.
    unsupported: tuple[tuple[str, tuple[str, ...]], ...] = ()
    budget: str = "ordinary"
    #: What the claim was narrowed to on request; empty: all that the backend claims.
    narrowed_to: tuple[str, ...] = ()
    #: Profiles of the last report that this one does not speak of any more.
    dropped: tuple[str, ...] = ()
    #: What the verdict does not speak of, and why.
    not_asked: tuple[Reason, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 conformant or emulated, or not conformant as expected; 1 not conformant; 2 indeterminate;
        130 interrupted.
        """
        if self.interrupted:
            return 130
        return 0 if self.as_expected else EXIT_CODES[self.verdict]

    @property
    def as_expected(self) -> bool:
        """Whether the backend does not conform, in exactly the ways that were expected: everything
        is decided but what waits for an expected failure to be mended, and every case that failed is on
        the list.
        """
        return (
            self.verdict == "not_conformant"
            and not [reason for reason in self.reasons if reason.code not in WAITING]
            and self.failed_cases.keys() <= {entry.id for entry in self.expected}
        )

    @property
    def failed_cases(self) -> dict[str, str]:
        """The ids of the cases that failed, or wait for a method, with the reason."""
        return {
            failure.case: failure.reason
            for requirement in self.requirements
            for failure in requirement.failures
            if failure.outcome in FAILING
        }

    @property
    def failed_rules(self) -> tuple[str, ...]:
        """The ids of the rules that failed, if only because a method is not there, in the order of
        the contract."""
        return tuple(dict.fromkeys(r.id for r in self.requirements if r.verdict in FAILING))


@dataclass(frozen=True)
class Judgement:
    """The part of a report that follows from the recording."""

    requirements: tuple[Requirement, ...]
    profiles: tuple[ProfileVerdict, ...]
    verdict: Verdict
    reasons: tuple[Reason, ...]


def judge(
    recording: Recording, claimed: Sequence[str], *, emulated_by: str | None = None
) -> Judgement:
    """Judge a recording against the claimed profiles (their needs included).

    A failed case decides against the backend even if others are undecided; a problem of the run as a
    whole (filtered, interrupted, a broken suite) leaves everything undecided.
    """
    cases: dict[tuple[str, str], list[Case]] = {}
    for case in recording.cases:
        for rule in case.rules:
            home = home_of(rule, case.profile)
            if home is not None:
                cases.setdefault((rule, home), []).append(case)

    requirements = tuple(
        _requirement(rule, profile.name, cases.get((rule, profile.name), []))
        if profile.name in claimed
        else Requirement(rule, profile.name, "not_claimed")
        for profile in PROFILES.values()
        if profile.name != OWN_PROFILE
        for rule in profile.rules
    )
    profiles = tuple(
        _profile(name, [r for r in requirements if r.profile == name], claimed, emulated_by)
        for name in PROFILES
        if name != OWN_PROFILE
    )
    reasons = list(recording.problems)
    if recording.cases or not reasons:  # else nothing was run, and the problems say why
        reasons += _undecided(recording.cases, requirements)
    if not reasons and not any(p.name in claimed for p in profiles):
        reasons.append(Reason("no_profile", "no profile was claimed, so nothing was to be shown"))

    verdict: Verdict
    if recording.problems or recording.interrupted:
        verdict = "indeterminate"
    elif any(p.verdict == "fail" for p in profiles):
        verdict = "not_conformant"
    elif reasons or any(p.verdict == "indeterminate" for p in profiles):
        verdict = "indeterminate"
    else:
        verdict = "conformant" if emulated_by is None else "emulated"
    return Judgement(requirements, profiles, verdict, tuple(reasons))


def unsupported(cases: Iterable[Case]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The methods that cases wait for, by name, each with the ids of its cases."""
    waiting: dict[str, list[str]] = {}
    for case in cases:
        for method in case.waits_for:
            waiting.setdefault(method, []).append(case.id)
    return tuple((method, tuple(sorted(ids))) for method, ids in sorted(waiting.items()))


def not_asked(cases: Iterable[Case], claimed: Sequence[str]) -> tuple[Reason, ...]:
    """What a run leaves out that this suite could ask: profiles that are not claimed, and cases that
    are not applicable, each reason once."""
    left = [name for name in PROFILES if name in BUILT and name not in claimed]
    told = [Reason("profile", f"not claimed: {', '.join(left)}")] if left else []
    told += [
        Reason("not_applicable", f"{case.id}: {case.reason}")
        for case in cases
        if case.outcome == "not_applicable"
    ]
    return tuple(told)


def judge_own(recording: Recording) -> Judgement:
    """Judge a recording of the project's own tests: each rule that they cite, for profile ``project``."""
    cited = dict.fromkeys(rule for case in recording.cases for rule in case.rules)
    requirements = tuple(
        _requirement(rule, OWN_PROFILE, [case for case in recording.cases if rule in case.rules])
        for rule in cited
    )
    profile = _profile(OWN_PROFILE, requirements, [OWN_PROFILE], None)
    reasons = (*recording.problems, *_undecided(recording.cases, requirements))
    verdict: Verdict = "conformant" if profile.verdict == "pass" else "not_conformant"
    if reasons or recording.interrupted:
        verdict = "indeterminate"
    return Judgement(requirements, (profile,), verdict, reasons)


def _requirement(rule: str, profile: str, cases: Sequence[Case]) -> Requirement:
    failures = tuple(
        Failure(case.id, case.outcome, case.reason) for case in cases if case.outcome not in PASSING
    )
    applied = {case.outcome for case in cases}
    outcomes = applied - {"not_applicable"}
    verdict: RuleVerdict
    if not outcomes and (applied or (rule, profile) in EXCLUDED):
        verdict = "not_applicable"
    elif "fail" in outcomes:
        verdict = "fail"
    elif "unsupported" in outcomes:
        verdict = "unsupported"
    elif outcomes == {"pass"}:
        verdict = "pass"
    else:
        verdict = "indeterminate"
    return Requirement(rule, profile, verdict, len(cases), failures)


def _profile(
    name: str,
    requirements: Iterable[Requirement],
    claimed: Sequence[str],
    emulated_by: str | None,
) -> ProfileVerdict:
    if name not in claimed:
        return ProfileVerdict(name, "not_claimed")
    verdicts = {requirement.verdict for requirement in requirements}
    if not verdicts.isdisjoint(FAILING):
        return ProfileVerdict(name, "fail", emulated_by)
    if "pass" in verdicts and verdicts <= {"pass", "not_applicable"}:
        return ProfileVerdict(name, "pass", emulated_by)
    return ProfileVerdict(name, "indeterminate", emulated_by)


def _undecided(cases: Iterable[Case], requirements: Iterable[Requirement]) -> list[Reason]:
    alike: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        if case.outcome == "indeterminate":
            alike.setdefault((case.code or "undecided", case.reason), []).append(case.id)
    # One fault is one reason, however many cases it leaves undecided; the rules name them all.
    reasons = [
        Reason(code, f"{ids[0]}{_and_more(ids)}: {reason}") for (code, reason), ids in alike.items()
    ]
    reasons += [
        Reason("no_case", _without_case(requirement))
        for requirement in requirements
        if requirement.verdict == "indeterminate" and not requirement.cases
    ]
    return reasons


def _and_more(ids: Sequence[str]) -> str:
    more = len(ids) - 1
    return f" and {more} more case{'' if more == 1 else 's'}" if more else ""


def _without_case(requirement: Requirement) -> str:
    told = f"no case shows {requirement.id} of profile {requirement.profile}"
    planned = PLANNED.get((requirement.id, requirement.profile))
    return f"{told}: planned for {planned.milestone}" if planned else told
