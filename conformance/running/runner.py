"""Runs the suite on one target and makes the report from what was recorded."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from ..distribution import suite_version
from ..spec import BUILT, EMULATED, OWN_PROFILE, PROFILES, RULES, SPEC_REVISION, with_needs
from ..targets.base import Backend, Engine, Target
from ..targets.guard import alarm, blamed, watched
from ..targets.machine import lacks
from ..verdict.expected import weigh
from ..verdict.judge import (
    Case,
    ExpectedFailure,
    Reason,
    Recording,
    Report,
    judge,
    judge_own,
    not_asked,
    unsupported,
)
from .isolation import Lending, fresh_modules, own_environment
from .recorder import WHOLE, Listener, Recorder, clean
from .selection import Selection
from .session import Session, World
from .signals import stop_asked

__all__ = [
    "CHECKOUT",
    "SUITE",
    "Listener",
    "Options",
    "UsageError",
    "check_expression",
    "check_profiles",
    "check_rules",
    "collect",
    "listed_tests",
    "report_own",
    "run",
    "run_own",
    "suite_version",
    "unopened",
]

#: The suite that ships with the project.
SUITE: Final = Path(__file__).parent.parent / "suite"

#: Where the project's own tests are, in a checkout.
CHECKOUT: Final = Path(__file__).parent.parent.parent

#: What is allowed for opening a target, at least: a case's deadline may be made much shorter.
OPENING_S: Final = 5.0

#: What a backend's clock is set to, to see whether it can be.
_SOME_TIME: Final = "2026-02-03T10:15:00.000000Z"


_NO_CLOCK: Final = Reason(
    "clock", "the backend gives no set_clock: times are compared by their form and order only"
)


class UsageError(ValueError):
    """What was asked for cannot be run: an unknown profile, or one that the target does not claim."""


@dataclass(frozen=True)
class Options:
    """How a run is made. ``profiles`` narrows the claim; ``expression`` is pytest's ``-k``.

    ``case_deadline_s``: seconds after which a case has failed; None: the target's own.
    ``selection``: which cases are run. ``expected``: failures that are known.
    """

    budget: str = "ordinary"
    seed: int = 0
    profiles: tuple[str, ...] = ()
    expression: str | None = None
    suite: Path = SUITE
    case_deadline_s: float | None = None
    selection: Selection = field(default_factory=Selection)
    expected: tuple[ExpectedFailure, ...] = ()


def run(
    target: Target,
    options: Options,
    listener: Listener | None = None,
    *,
    on_stuck: Callable[[Report], None] | None = None,
    recorder: Callable[..., Recorder] = Recorder,
) -> Report:
    """Run the suite on an opened target.

    Never raises for what the target does: a target that cannot be opened, that breaks the run, or
    whose engine does not do what is relied on, gives a report whose verdict is ``indeterminate``.
    ``UsageError`` before anything is run.

    ``on_stuck`` is called from another thread, with the report so far, when a case neither ends nor
    can be stopped (it is deep in foreign code); it must end the process. ``recorder`` makes what
    writes down the cases: the liars have one of their own, which also leaves out cases.
    """
    told = listener or Listener()
    check_profiles(options.profiles)
    started = _Started(target, options)
    claimed: tuple[str, ...] = with_needs(options.profiles)
    unfit: list[Reason] = []
    try:
        with started.opening(claimed, on_stuck):
            # First: what the engine does not do is no fault of the store's, nor is what follows.
            unfit = _preflight(target)
            if not any(reason.code == "machine_error" for reason in unfit):
                claimed, started.left_out = _claim(target, options.profiles)
        if stop_asked():
            raise KeyboardInterrupt
    except SetupError as error:
        recording = Recording(
            problems=unfit or [Reason("setup_error", clean(str(error), longest=WHOLE))]
        )
    except KeyboardInterrupt:
        reason = Reason("interrupted", "the run was stopped while the target was opened")
        recording = Recording(problems=[reason], interrupted=True)
    else:
        told.claimed(claimed)
        recording = (
            Recording(problems=unfit)
            if unfit
            else _record(started, claimed, told, on_stuck, recorder)
        )
    return started.report(recording, claimed)


class _Started:
    """A run that has begun: what its report will say whatever happens."""

    def __init__(self, target: Target, options: Options) -> None:
        self.target = target
        self.options = options
        self._at = datetime.now(UTC)
        self._began = time.monotonic()
        #: What the target as it was opened cannot be asked.
        self.left_out: tuple[Reason, ...] = ()

    @property
    def case_deadline_s(self) -> float:
        """Seconds that one case may take."""
        return self.options.case_deadline_s or self.target.case_deadline_s

    @contextmanager
    def opening(
        self, claimed: tuple[str, ...], on_stuck: Callable[[Report], None] | None
    ) -> Iterator[None]:
        """The target is opened as a case is run: within a deadline, and watched.

        :class:`SetupError` when the deadline is over.
        """
        seconds = max(self.case_deadline_s, OPENING_S)
        began = time.monotonic()

        def stuck(what: str) -> None:
            reason = Reason("hung", f"{what} neither ends nor can be stopped")
            if on_stuck is not None:
                on_stuck(self.report(Recording(problems=[reason]), claimed))

        with (
            watched(
                lambda: ("opening the target", began),
                3 * seconds,
                stuck if on_stuck is not None else None,
            ),
        ):
            try:
                with alarm(seconds):
                    yield
            except pytest.fail.Exception as late:
                raise SetupError(f"the target could not be opened: {late}") from None

    def report(self, recording: Recording, claimed: tuple[str, ...]) -> Report:
        """The report of what was recorded by now."""
        target = self.target
        met, wrong = weigh(self.options.expected, recording.cases, self._at.date())
        recording = replace(recording, problems=[*recording.problems, *wrong])
        judgement = judge(recording, claimed, emulated_by=target.engine.emulated_by)
        return Report(
            suite_version=suite_version(),
            spec_revision=SPEC_REVISION,
            vectors_sha256=_vectors_digest(),
            target=target.name,
            implementation=target.implementation,
            target_version=target.version,
            language=target.language,
            engine=target.engine,
            profiles_claimed=claimed,
            started_at=self._at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            duration_s=time.monotonic() - self._began,
            seed=self.options.seed,
            requirements=judgement.requirements,
            profiles=judgement.profiles,
            verdict=judgement.verdict,
            reasons=judgement.reasons,
            interrupted=recording.interrupted,
            expected=met,
            unsupported=unsupported(recording.cases),
            budget=self.options.budget,
            narrowed_to=self.options.profiles,
            not_asked=(*self.left_out, *not_asked(recording.cases, claimed)),
        )


def unopened(name: str, options: Options, reason: Reason) -> Report:
    """The report of a target that there is no more to be said of than this."""
    target = Target(name, _no_factory, Engine("none"), name)
    recording = Recording(problems=[Reason(reason.code, clean(reason.detail, longest=WHOLE))])
    return _Started(target, replace(options, expected=())).report(
        recording, with_needs(options.profiles)
    )


def collect(suite: Path = SUITE) -> tuple[Recording, dict[str, list[str]]]:
    """Every case of the suite without running one, and its test functions by file."""
    target = Target("none", _no_factory, Engine("none"), "none")
    recorder = Recorder(
        Session(target), tuple(PROFILES), suite=suite, listener=Listener(), collect_only=True
    )
    _pytest(recorder, suite, Options())
    return recorder.recording(), recorder.functions


def listed_tests(
    cases: Iterable[Case], functions: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, list[str]]]:
    """The list that a suite keeps of its tests: file, function, and the rules that its cases cite."""
    cited: dict[str, set[str]] = {}
    for case in cases:
        cited.setdefault(case.id.partition("[")[0], set()).update(case.rules)
    return {
        file: {name: sorted(cited.get(f"{file}::{name}", ())) for name in sorted(names)}
        for file, names in sorted(functions.items())
    }


def run_own(files: Sequence[Path], root: Path) -> tuple[Recording, dict[str, list[str]]]:
    """Run test modules of the project's own that prove rules of its own profile; the cases, and the
    test functions by file.

    Each module imports what it needs: nothing of the project's pytest configuration is read.
    """
    recorder = Recorder(
        Session(Target("none", _no_factory, Engine("none"), "none")),
        (OWN_PROFILE,),
        suite=root,
        listener=Listener(),
    )
    arguments = [
        *map(str, files),
        *("-c", str(SUITE / "pytest.ini")),
        *("--rootdir", str(root)),
        *("--noconftest", "--import-mode=importlib"),
        *("-p", "no:terminal"),
        *("-p", "no:cacheprovider"),
    ]
    with own_environment():
        code = pytest.main(arguments, plugins=[recorder])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        recorder.problem("pytest_exit", f"pytest ended with {_name(code)}")
    return recorder.recording(), recorder.functions


def report_own(files: Sequence[Path], root: Path, name: str) -> Report:
    """The report of a run of the project's own tests, for the rules that they prove; ``name``: of what."""
    started = _Started(Target(name, _no_factory, Engine("in-process"), name), Options())
    recording, _ = run_own(files, root)
    judgement = judge_own(recording)
    return replace(
        started.report(recording, (OWN_PROFILE,)),
        requirements=judgement.requirements,
        profiles=judgement.profiles,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
    )


def check_profiles(names: Sequence[str]) -> None:
    """``UsageError`` unless this suite has tests for all of them."""
    for name in names:
        if name not in BUILT:
            known = "is not covered by this suite yet" if name in PROFILES else "does not exist"
            raise UsageError(f"profile {name} {known}; there are: {', '.join(BUILT)}")


def check_expression(expression: str) -> None:
    """``UsageError`` unless pytest can read it as ``-k``: pytest itself is asked, about one test."""
    with tempfile.TemporaryDirectory(prefix="dsconf-") as name, redirect_stderr(StringIO()) as said:
        folder = Path(name)
        (folder / "test_one.py").write_text("def test_one():\n    pass\n", encoding="utf-8")
        arguments = [
            *(name, "--rootdir", name, "-c", str(SUITE / "pytest.ini")),
            *("--collect-only", "--import-mode=importlib"),
            *("-p", "no:terminal", "-p", "no:cacheprovider"),
        ]
        with own_environment(), fresh_modules(folder):
            code = pytest.main([*arguments, "-k", expression])
    if code == pytest.ExitCode.USAGE_ERROR:
        detail = said.getvalue().strip().removeprefix("ERROR: ")
        raise UsageError(f"-k {expression!r} cannot be read: {clean(detail)}")


def check_rules(ids: Sequence[str]) -> None:
    """``UsageError`` unless all of them are rules that some profile with tests holds."""
    for id_ in ids:
        if id_ not in RULES:
            raise UsageError(f"{id_} is no rule of the contract; `conformance rules` lists them")
        if not any(id_ in PROFILES[name].rules for name in BUILT):
            raise UsageError(f"{id_} has no test yet; `conformance spec` says what is planned")


class SetupError(Exception):
    """The target could not be opened, or claims what does not exist."""


def _preflight(target: Target) -> list[Reason]:
    if short := lacks():
        return [Reason("machine_error", clean(short))]
    with blamed("the engine cannot be asked", SetupError):
        return [Reason("engine", clean(fault)) for fault in target.preflight()]


def _claim(target: Target, narrowed: Sequence[str]) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """Open the target once and ask what it claims; the profiles that the verdict will speak of, and
    what cannot be asked."""
    if sys.flags.optimize:
        raise SetupError("Python runs with -O, which removes assertions: run it without")
    with tempfile.TemporaryDirectory(prefix="dsconf-") as folder:
        world = World(target, Path(folder))
        try:
            with blamed("the target could not be opened", SetupError):
                backend = world.open()
                claims, has_keys = tuple(backend.claims()), backend.keys is not None
            if can_set := backend.set_clock is not None:
                with blamed("the clock cannot be set: set_clock ended with", SetupError):
                    backend.set_clock(_SOME_TIME)
        finally:
            _close_quietly(world)
    unknown = [name for name in claims if name not in PROFILES]
    if unknown:
        raise SetupError(f"the target claims profiles that do not exist: {', '.join(unknown)}")
    if not claims:
        raise SetupError("the target claims no profile, so there is nothing to show")
    whole = with_needs(claims)
    if target.engine.emulated_by is not None:
        whole = tuple(name for name in whole if name in EMULATED)
    for name in with_needs(narrowed):
        if name not in whole:
            raise UsageError(
                f"target {target.name} does not claim profile {name}; it claims "
                f"{', '.join(whole) or 'nothing'} (a backend without raw access claims core only)"
            )
    asked = with_needs(narrowed) if narrowed else whole
    if "keys" in asked and not has_keys:
        raise SetupError(
            "the target claims profile keys and gives no key provider: Backend(store, raw=..., "
            "keys=...), or leave keys out of Backend.profiles"
        )
    return asked, () if can_set else (_NO_CLOCK,)


def _close_quietly(world: World) -> None:
    # The tests that close stores will tell it properly.
    with suppress(Exception, SystemExit):
        world.close_all()


def _record(
    started: _Started,
    claimed: tuple[str, ...],
    told: Listener,
    on_stuck: Callable[[Report], None] | None,
    make: Callable[..., Recorder],
) -> Recording:
    target, options = started.target, started.options
    recorder = make(
        Session(target, options.budget, options.seed),
        claimed,
        suite=options.suite,
        listener=told,
        case_deadline_s=started.case_deadline_s,
        selection=replace(
            options.selection, known=frozenset(entry.id for entry in options.expected)
        ),
    )
    if options.expression is not None:
        recorder.problem("filtered", f"-k {options.expression!r} leaves cases out")
    for detail in options.selection.filters():
        recorder.problem("filtered", detail)

    def stuck(case: str) -> None:
        recorder.problem("hung", f"{case} neither ends nor can be stopped")
        if on_stuck is not None:
            on_stuck(started.report(recorder.recording(), claimed))

    with recorder.watched(stuck if on_stuck is not None else None):
        code = _pytest(recorder, options.suite, options)
    if stop_asked():
        recorder.interrupt()
    ended = code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if not ended and not recorder.recording().problems:
        recorder.problem("pytest_exit", f"pytest ended with {_name(code)}")
    return recorder.recording()


def _name(code: int) -> str:
    try:
        return f"{int(code)} ({pytest.ExitCode(code).name.lower()})"
    except ValueError:
        return str(int(code))


def _pytest(recorder: Recorder, suite: Path, options: Options) -> int:
    """Run pytest in this process over the suite alone, out of reach of the user's configuration."""
    arguments = [
        str(suite),
        *("-c", str(SUITE / "pytest.ini")),
        *("--rootdir", str(suite)),
        *("--confcutdir", str(suite)),
        "--import-mode=importlib",
        "--strict-markers",
        "--strict-config",
        *("-p", "no:terminal"),
        *("-p", "no:cacheprovider"),
    ]
    if options.expression is not None:
        arguments += ["-k", options.expression]
    with own_environment(), fresh_modules(suite):
        try:
            return _on_one_chunk(lambda: int(pytest.main(arguments, plugins=[recorder, Lending()])))
        except KeyboardInterrupt:
            recorder.interrupt()
            return int(pytest.ExitCode.INTERRUPTED)


def _on_one_chunk(work: Callable[[], int]) -> int:
    """Call ``work`` with room for all of its frames.

    CPython keeps frames in chunks of 16 KiB and maps and unmaps one at each crossing of a border:
    a loop that calls across it spends three quarters of its time there (measured with moto's
    serialiser under pytest's frames). A caller with a large frame gets a large chunk, and what it
    calls shares it.
    """
    return work()


_on_one_chunk.__code__ = _on_one_chunk.__code__.replace(co_stacksize=(1 << 17) + 128)


def _vectors_digest() -> str | None:
    """SHA-256 of the vectors' manifest, which names the digest of every file; None without one."""
    for manifest in (
        CHECKOUT / "conformance" / "_vectors" / "MANIFEST.json",
        CHECKOUT / "vectors" / "MANIFEST.json",
    ):
        if manifest.is_file():
            return sha256(manifest.read_bytes()).hexdigest()
    return None


def _no_factory(
    folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
) -> Backend:
    del folder, key_file, user_id, deadline_s
    raise SetupError("this target is there to collect cases only")
