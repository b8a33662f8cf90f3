"""``report.json``: made from a report, checked against its schema, written whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema

from ..verdict.judge import Report

__all__ = [
    "FORMAT_VERSION",
    "FolderInUseError",
    "ReportError",
    "document",
    "lay",
    "load",
    "remove",
    "schema",
    "write",
]

FORMAT_VERSION: Final = 2
_NAME: Final = "report.json"


class ReportError(ValueError):
    """A file that is no whole report: cut off, changed by hand, or of another version."""


def document(report: Report) -> dict[str, Any]:
    """The report as JSON values. ``ReportError`` if they do not fit the schema."""
    made: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "suite": {
            "version": report.suite_version,
            "spec_revision": report.spec_revision,
            "vectors_sha256": report.vectors_sha256,
        },
        "target": {
            "name": report.target,
            "implementation": report.implementation,
            "version": report.target_version,
            "language": report.language,
            "engine": {"kind": report.engine.kind, "version": report.engine.version},
            "profiles": list(report.profiles_claimed),
        },
        "started_at": report.started_at,
        "duration_s": round(report.duration_s, 3),
        "seed": report.seed,
        "budget": report.budget,
        "claim": {
            "profiles": list(report.profiles_claimed),
            "narrowed_to": list(report.narrowed_to),
            "dropped": list(report.dropped),
        },
        "requirements": [
            {
                "id": requirement.id,
                "profile": requirement.profile,
                "verdict": requirement.verdict,
                "cases": requirement.cases,
                "failures": [
                    {"case": f.case, "outcome": f.outcome, "reason": f.reason}
                    for f in requirement.failures
                ],
            }
            for requirement in report.requirements
        ],
        "profiles": [
            {"name": profile.name, "verdict": profile.verdict}
            | ({"emulated_by": profile.emulated_by} if profile.emulated_by else {})
            for profile in report.profiles
        ],
        "verdict": report.verdict,
        "reasons": [{"code": r.code, "detail": r.detail} for r in report.reasons],
        "expected_failures": [
            {"id": e.id, "reason": e.reason, "link": e.link, "expiry": e.expiry.isoformat()}
            for e in report.expected
        ],
        "unsupported": [
            {"method": method, "cases": list(cases)} for method, cases in report.unsupported
        ],
        "not_asked": [{"code": r.code, "detail": r.detail} for r in report.not_asked],
        "exit_code": report.exit_code,
        "footer": True,
    }
    _check(made, "the report")
    return made


def write(report: Report, folder: Path) -> Path:
    """Write ``report.json`` into the folder, whole or not at all; the path of the file."""
    text = json.dumps(document(report), indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _NAME
    descriptor, temporary = tempfile.mkstemp(prefix=".report-", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


class FolderInUseError(Exception):
    """Another run's report goes into the folder."""


@contextmanager
def lay(report: Report, folder: Path) -> Iterator[Callable[[], None]]:
    """Let ``report`` lie in the folder until a run has a result of its own: a backend may end the
    process, and what lies there then must be no success, and no earlier run's.

    Gives a function that takes it away, with the folders made for it: nothing was run after all. While it
    is entered no other run gets the folder: :class:`FolderInUseError` there.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder):
        write(report, folder)

        def withdraw() -> None:
            remove(folder)
            with suppress(OSError):  # somebody has put something there
                for empty in made:
                    empty.rmdir()

        yield withdraw


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A lock on the folder itself: nothing is left behind, and it ends with the process. Where the file
    system knows no locks the folder is free to all."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError(
                f"another run writes its report into {folder}: wait for it, or name another folder "
                "by --report"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Take an earlier run's report away, so that it cannot pass for this one's."""
    (folder / _NAME).unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """A report that is whole and fits the schema; ``ReportError`` for everything else.

    A file that was cut off has no footer, so it cannot be read as a result. A run that was cut off
    leaves an ``indeterminate`` report with the reason ``unfinished``.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: not a report: {error}") from None
    if not isinstance(found, dict) or found.get("footer") is not True:
        raise ReportError(f"{path}: has no footer: the run was cut off, it proves nothing")
    _check(found, str(path))
    return found


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of ``report.json``."""
    text = files(__package__).joinpath("report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _check(made: dict[str, Any], what: str) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    error = jsonschema.exceptions.best_match(validator.iter_errors(made))
    if error is not None:
        raise ReportError(f"{what}: {error.json_path}: {error.message}"[:500])
