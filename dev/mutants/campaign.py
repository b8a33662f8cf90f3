"""Sixty faults, drawn by a seed; each is put into a copy of the project, and who finds it is written down."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .changes import Change, changes_of, with_change
from .coverage import Reached

__all__ = ["AREAS", "Fault", "Outcome", "Searcher", "copy_project", "drawn", "kept_outcomes"]

#: Where faults are put, as folders below ``reference_impl``; of nested ones the innermost counts.
AREAS = ("sealing", "store/planning", "store", "partitions", "contract")
#: Tests of a fault at most, those that go through the fewest lines first.
_TESTS = 120
#: In place of an exit code.
_HANGS = -999
#: How pytest ends where it found a fault: a test fails, or a module cannot be imported.
_FAILED = (1, 2, 4, _HANGS)
#: Where the suite's report goes.
_REPORT = "build/mutants-suite"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and the file that it is in, relative to the project."""

    path: str
    change: Change

    @property
    def name(self) -> str:
        """It, for people and for going on where a run was cut off."""
        place = f"{self.path}:{self.change.line} (byte {self.change.start})"
        return f"{place} {self.change.what} -> {self.change.text}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who found a fault: ``suite``, ``tests``, or nobody (``survived``; ``unseen`` as long as only the suite
    was asked), and in how many seconds."""

    fault: str
    found_by: str
    seconds: float


def drawn(project: Path, seed: int, count: int) -> list[Fault]:
    """``count`` faults, from each area in turn."""
    chance = random.Random(seed)
    by_area: dict[str, list[Fault]] = {area: [] for area in AREAS}
    for path in sorted((project / "reference_impl").rglob("*.py")):
        inside = path.relative_to(project / "reference_impl").as_posix()
        area = next((area for area in AREAS if inside.startswith(f"{area}/")), None)
        if area is not None:
            where = path.relative_to(project).as_posix()
            source = path.read_text(encoding="utf-8")
            by_area[area] += [Fault(where, change) for change in changes_of(source)]
    for faults in by_area.values():
        chance.shuffle(faults)
    found: list[Fault] = []
    while len(found) < count and any(by_area.values()):
        found += [faults.pop() for faults in by_area.values() if faults]
    return found[:count]


def copy_project(project: Path, target: Path) -> None:
    """The files that git knows, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project, check=True, capture_output=True
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (project / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, target / name)


def kept_outcomes(path: Path) -> dict[str, Outcome]:
    """What an earlier run of the same campaign found out."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {o.fault: o for o in (Outcome(**json.loads(line)) for line in lines)}


class Searcher:
    """Looks for one fault after the other in ``copy``, a copy of the project that nobody else uses."""

    def __init__(self, copy: Path, patience_s: float) -> None:
        self._copy = copy
        self._patience_s = patience_s
        self._reached: Reached = {}
        self._weights: dict[str, int] = {}

    def ask_suite(self, fault: Fault) -> Outcome:
        """Put the fault in, ask the suite, take it out again."""
        return self._with(
            fault, lambda: any(map(self._suite_fails, _targets(fault))), "suite", "unseen"
        )

    def ask_tests(self, fault: Fault, reached: Reached) -> Outcome:
        """The same with the tests that go through the fault's line."""
        if reached is not self._reached:
            self._reached = reached
            self._weights = {}
            for lines in reached.values():
                for tests in lines.values():
                    for test in tests:
                        self._weights[test] = self._weights.get(test, 0) + 1
        tests = self.tests_of(fault)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        return self._with(
            fault, lambda: bool(tests) and self._ends(command) in _FAILED, "tests", "survived"
        )

    def unfit(self, faults: Iterable[Fault]) -> list[str]:
        """The targets of the suite that do not pass with the copy as it is: nothing that they said of these
        faults would mean anything."""
        targets = {target for fault in faults for target in _targets(fault)}
        return sorted(target for target in targets if self._ends(_suite(target)) != 0)

    def _with(self, fault: Fault, asked: Callable[[], bool], found: str, missed: str) -> Outcome:
        started = time.monotonic()
        path = self._copy / fault.path
        source = path.read_text(encoding="utf-8")
        path.write_text(with_change(source, fault.change), encoding="utf-8")
        try:
            found_by = found if asked() else missed
        finally:
            path.write_text(source, encoding="utf-8")
        return Outcome(fault.name, found_by, round(time.monotonic() - started, 1))

    def _suite_fails(self, target: str) -> bool:
        """Whether a case fails its rules, or hangs: the first one ends the run, which then decides nothing
        else."""
        report = self._copy / _REPORT / "report.json"
        report.unlink(missing_ok=True)
        ended = self._ends([*_suite(target), "--fail-fast"])
        if ended == _HANGS:
            return True
        if not report.is_file():
            return False
        told = json.loads(report.read_text(encoding="utf-8"))
        return any(one["verdict"] in ("fail", "unsupported") for one in told["requirements"])

    def tests_of(self, fault: Fault) -> list[str]:
        """The tests that go through the fault's line, the narrowest first; for a line that runs as the module
        is loaded, which no test function does, those of the lines around it."""
        lines = self._reached.get(fault.path, {})
        tests = set(lines.get(str(fault.change.line), ()))
        if not tests:
            tests = {test for found in lines.values() for test in found}
        return sorted(tests, key=lambda test: (self._weights[test], test))[:_TESTS]

    def _ends(self, command: Sequence[str]) -> int:
        """How a command ends, as an exit code; :data:`_HANGS` where it does not. What it started ends with
        it."""
        environment = {**os.environ, "PYTHONPATH": str(self._copy), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command,
            cwd=self._copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(self._patience_s)
        except subprocess.TimeoutExpired:
            return _HANGS
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _targets(fault: Fault) -> list[str]:
    """What the suite is asked about for a fault: the reference in memory, and the engine that it is in."""
    inside = fault.path.removeprefix("reference_impl/partitions/").partition("/")[0]
    return ["memory", *(engine for engine in ("sqlite", "dynamodb") if engine == inside)]


def _suite(target: str) -> list[str]:
    command = [sys.executable, "-m", "conformance", "run", "--target", target]
    if target == "dynamodb":
        command += ["--engine", "local"]
    return [*command, "--budget", "quick", "--report", _REPORT]


def note(path: Path, outcome: Outcome) -> None:
    """Keep an outcome, so that a campaign that is cut off goes on there."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(outcome)) + "\n")
