"""What can be run here: `nox -l` is the menu.

Every session starts from a lock file with hashes in `requirements/`, so that two machines
install the same bytes; `nox -s lock` makes those files again from pyproject.toml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import nox

if os.pathsep in os.getcwd():  # noqa: PTH109 - no other path is looked at
    sys.exit(
        f"nox: {os.getcwd()} has a {os.pathsep!r} in its name, which separates the folders of PATH, so that "  # noqa: PTH109
        "no environment can be made in it: move the checkout to a folder without one"
    )

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "tests", "conformance"]
nox.options.reuse_venv = "yes"
# pip checks the hashes; one installer everywhere keeps a session's outcome the same everywhere.
nox.options.default_venv_backend = "virtualenv"

BOTH = ("sqlite", "dynamodb")
REAL_ENGINE = ("--engine", "local", "--require-engine", "real")

# Tests share nothing but the machine; each worker may start a DynamoDB Local. `-n 0` undoes it.
PARALLEL = ("--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal")

# A layer of the tests, as a pytest marker expression; each test is in one (tests/layers.py).
# Hypothesis marks its own tests.
LAYERS = {
    "unit": "not integration and not property and not hypothesis",
    "integration": "integration",
    "property": "(property or hypothesis) and not integration",
}

# Lock file → what goes into it. The largest comes first: the others are held to its versions.
LOCKS = {
    "lint": ("pyproject.toml", "--extra", "emulator", "--group", "lint"),
    "tests": ("pyproject.toml", "--extra", "emulator", "--group", "test"),
    "vectors": ("--group", "pyproject.toml:vectors"),
    "run": ("pyproject.toml", "--extra", "emulator", "--group", "build"),
    "ci": ("--group", "pyproject.toml:ci"),
    "lock": ("--group", "pyproject.toml:lock"),
    "lowest": ("pyproject.toml", "--extra", "emulator", "--group", "dev"),
}
# The lock file that takes every lower bound of pyproject.toml as it stands.
LOWEST = "lowest"

# What `full` looks for beside the Python that runs it.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@nox.session
def conformance(session: nox.Session) -> None:
    """Does a backend keep the contract? Without arguments: SQLite and DynamoDB."""
    _install(session, "run")
    runs = [session.posargs] if session.posargs else [("--target", name) for name in BOTH]
    _exit_with(max(_conformance(session, "run", *arguments) for arguments in runs))


@nox.session
def tests(session: nox.Session) -> None:
    """The project's own tests. Arguments: unit, integration, property, or any of pytest's."""
    _install(session, "tests")
    layer, rest = "", session.posargs
    if rest and rest[0] in LAYERS:
        layer, rest = LAYERS[rest[0]], rest[1:]
    session.run("pytest", *PARALLEL, *(("-m", layer) if layer else ()), *rest)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and who may import whom: ruff, mypy --strict, import-linter."""
    _install(session, "lint")
    _lint(session)


@nox.session
def liars(session: nox.Session) -> None:
    """Can the suite see a lie? Runs it against deliberately wrong backends."""
    _install(session, "run")
    _exit_with(_conformance(session, "liars", *session.posargs))


@nox.session
def spec(session: nox.Session) -> None:
    """Which rule is proved by which test? Fails on a rule without a test, or a test without a rule."""
    _install(session, "run")
    _exit_with(_conformance(session, "spec", *session.posargs))


@nox.session
def parity(session: nox.Session) -> None:
    """The same histories on two backends, compared after every step: `-- A B`."""
    _install(session, "run")
    _exit_with(_conformance(session, "parity", *session.posargs))


@nox.session
def vectors(session: nox.Session) -> None:
    """Make vectors/ again from published files and seeds: --check compares, --second-opinion verifies."""
    # The project is not installed: the generators and the verifier import nothing of it.
    session.install("--require-hashes", "-r", "requirements/vectors.txt")
    _exit_with(_code_of(session, "python", "-m", "generators", *session.posargs))


@nox.session
def mutants(session: nox.Session) -> None:
    """Who finds a fault of the reference, the suite or the tests? 60 are drawn and put in: `-- --seed 2`."""
    _install(session, "lint")
    _exit_with(_code_of(session, "python", "-m", "dev.mutants", *session.posargs))


@nox.session
def bench(session: nox.Session) -> None:
    """How fast, as a ratio to the hand-written limit measured in the same run."""
    _install(session, "run")
    session.run("python", "-m", "dev.bench", *session.posargs)


@nox.session
def attacks(session: nox.Session) -> None:
    """Forks, faulty answers, flipped bits and silence against the reference: `-- flips --seed 2`."""
    _install(session, "run")
    _exit_with(_code_of(session, "python", "-m", "dev.attacks", *session.posargs))


@nox.session
def workspace(session: nox.Session) -> None:
    """DynamoDB Local in a container, its table, the local key: setup, up, wait-ready, down, nuke."""
    _install(session, "run")
    _exit_with(_code_of(session, "python", "-m", "dev.workspace", *session.posargs))


@nox.session
def lowest(session: nox.Session) -> None:
    """Do the lower bounds of pyproject.toml hold? Installs each as it stands, and runs the suite, quickly."""
    _install(session, LOWEST)
    session.run("python", "-m", "generators", "--second-opinion")
    quick = ("--budget", "quick", "--report", "build/conformance/lowest")
    _exit_with(_conformance(session, "run", *quick, *session.posargs))


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """The tests and the suite under one Python: `nox -s pythons-3.12`."""
    _install(session, "tests")
    session.run("pytest", *PARALLEL, *session.posargs)
    _exit_with(_conformance(session, "run", "--target", "sqlite", "--budget", "quick"))


@nox.session
def full(session: nox.Session) -> None:
    """Everything a release stands on, for hours: tests, liars, engines, parity, attacks, vectors, bench."""
    lacking = _notify_other_pythons(session)
    _install(session, "lint")
    _lint(session)
    # One at a time: some tests compare what processes get done beside each other.
    session.run("pytest", "--full")
    for what in ("--check", "--second-opinion", "--nightly"):
        session.run("python", "-m", "generators", what)
    worst = max(
        _conformance(session, "spec"),
        _conformance(session, "liars"),
        _conformance(session, "run", "--target", "sqlite"),
        _conformance(session, "run", "--target", "dynamodb", *REAL_ENGINE),
        _conformance(session, "parity", "--budget", "nightly", "--engine", "local"),
        _code_of(session, "python", "-m", "dev.attacks"),
    )
    session.notify("vectors", ["--check"])
    session.notify("lowest")
    session.run("python", "-m", "dev.bench")
    for engine in ("sqlite", "local"):
        for burners in ("0", "2"):
            contest = ("--engine", engine, "--burners", burners)
            worst = max(worst, _code_of(session, "python", "-m", "dev.contest", *contest))
    session.log(f"not run, since there is no such Python here: {', '.join(lacking) or 'none'}")
    _exit_with(worst)


@nox.session
def lock(session: nox.Session) -> None:
    """Make the lock files in requirements/ again. `-- --upgrade` takes the newest versions."""
    session.install("--require-hashes", "-r", "requirements/lock.txt")
    largest = "requirements/lint.txt"
    for name, what in LOCKS.items():
        target = f"requirements/{name}.txt"
        session.run(
            *("uv", "pip", "compile", *what, "--output-file", target, *session.posargs),
            *("--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"),
            *("--no-config", "--no-header", "--no-emit-index-url", "--no-emit-find-links"),
            *_held_to(name, largest),
        )


def _held_to(name: str, largest: str) -> tuple[str, ...]:
    if name == LOWEST:
        return ("--resolution", "lowest-direct", "--only-binary", ":all:")
    return () if largest == f"requirements/{name}.txt" else ("--constraints", largest)


def _notify_other_pythons(session: nox.Session) -> list[str]:
    """Have every other Python that is found run its session afterwards; those that are not found."""
    own = "{}.{}".format(*sys.version_info)
    found = [number for number in PYTHONS if shutil.which(f"python{number}")]
    for number in found:
        if number != own:
            session.notify(f"pythons-{number}")
    lacking = [number for number in PYTHONS if number not in (own, *found)]
    session.log(f"Pythons: {own} runs everything, {', '.join(found) or 'none'} is found")
    session.log(f"not found, and so not run: {', '.join(lacking) or 'none'}")
    return lacking


def _lint(session: nox.Session) -> None:
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports")


def _install(session: nox.Session, lock_file: str) -> None:
    """Install what the lock file names, checked against its hashes, then the project itself."""
    session.install("--require-hashes", "-r", f"requirements/{lock_file}.txt")
    session.install("--no-deps", "--no-build-isolation", "--editable", ".")


def _conformance(session: nox.Session, *args: str) -> int:
    return _code_of(session, "conformance", *args)


def _code_of(session: nox.Session, name: str, *args: str) -> int:
    """Run a program of the session and give its exit code, which says more than yes or no."""
    program = shutil.which(name, path=session.bin)
    if program is None:
        session.error("the project is not installed in this session")
    session.log(" ".join((name, *args)))
    env = {key: value for key, value in {**os.environ, **session.env}.items() if value is not None}
    return subprocess.run([program, *args], env=env, check=False).returncode


def _exit_with(code: int) -> None:
    """End nox with the suite's own exit code: 0, 1, 2 or 3 (nox itself knows only 0 and 1)."""
    if code:
        sys.exit(code)
