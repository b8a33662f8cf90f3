"""Nothing to search is no pass (ENV-05, ERR-03): what a process lets be seen is looked at wherever it goes,
and a search that could not find anything says so."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from conformance.report.json_form import document
from conformance.running.session import World
from conformance.suite.kit.leaks import SealedTexts
from conformance.suite.kit.watching import watching
from conformance.suite.test_encrypted_secrets import (
    test_the_files_hold_no_window_of_a_sealed_text as search_files,
)
from conformance.targets.base import Backend, Factory
from conformance.targets.builtin import Storages, encrypted_factory
from conformance.targets.guard import Undecided
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from tests.fake_suites import WHOLE, run_suite, suite, target

SECRET: Final = "what nobody may read"


def apart(folder: Path) -> logging.Logger:
    """A logger whose records come to no other's handlers."""
    logger = logging.getLogger(f"tests.apart.{folder.name}")
    logger.propagate = False
    logger.handlers = [logging.NullHandler()]
    return logger


def _warned_level(folder: Path) -> None:
    logger = apart(folder)
    logger.debug("%s", SECRET)


def _with_traceback(folder: Path) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        apart(folder).exception("it failed")


def _renamed(folder: Path) -> None:
    (folder / "a").write_bytes(b"")
    with (folder / "a").open("r+b") as file:
        (folder / "a").replace(folder / "b")
        file.write(SECRET.encode())


def _in_sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "log.db") as connection:
        connection.execute("CREATE TABLE log (line TEXT)")
        connection.execute("INSERT INTO log VALUES (?)", (SECRET,))
    connection.close()


def _by_number(folder: Path) -> None:
    number = os.open(folder / "file", os.O_WRONLY | os.O_CREAT)
    os.write(number, SECRET.encode("utf-16-le"))
    os.close(number)


#: Ways by which a backend lets a text be seen.
WAYS: Final[dict[str, Callable[[Path], object]]] = {
    "a logger that passes nothing on": lambda folder: apart(folder).warning(SECRET),
    "a logger below its level": _warned_level,
    "the arguments of a record": lambda folder: apart(folder).info("%r", {"label": SECRET}),
    "what a record was given": lambda folder: apart(folder).info("x", extra={"label": SECRET}),
    "the traceback of a record": _with_traceback,
    "stdout": lambda folder: print(SECRET),
    "stderr": lambda folder: print(SECRET, file=sys.stderr),
    "stderr by its number": lambda folder: os.write(2, SECRET.encode()),
    "the interpreter's own stdout": lambda folder: print(SECRET, file=sys.__stdout__),
    "a file": lambda folder: (folder / "file").write_text(SECRET),
    "a file by its number": _by_number,
    "a file under another name": _renamed,
    "a database": _in_sqlite,
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_let_out_is_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], way: str
) -> None:
    with watching(capfd) as watch:
        WAYS[way](tmp_path)
    assert watch.search(SealedTexts([SECRET])) != []


def test_what_a_file_that_was_open_takes_is_found_and_what_it_held_is_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(b"what lay there before")
        file.flush()
        with watching(capfd) as watch:
            file.write(SECRET.encode())
            file.flush()
        if Path("/proc/self/fd").is_dir():  # else the system shows no open files
            assert watch.search(SealedTexts([SECRET])) != []
        assert watch.search(SealedTexts(["what lay there before"])) == []


def test_a_silent_block_shows_nothing_and_leaves_the_loggers_as_they_were(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = apart(tmp_path)
    logger.setLevel(logging.ERROR)
    made_by = logging.getLogRecordFactory()
    with watching(capfd) as watch:
        Path(os.devnull).write_text(SECRET)
    assert watch.search(SealedTexts([SECRET])) == []
    assert (logger.level, logging.getLogRecordFactory()) == (logging.ERROR, made_by)


def test_a_search_that_has_become_blind_decides_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Undecided) as caught, watching(capfd):
        logging.setLogRecordFactory(logging.LogRecord)
    assert caught.value.code == "nothing_to_search"
    assert "a log" in caught.value.detail


# -- the storage -----------------------------------------------------------------------------------


def searched(folder: Path, capfd: pytest.CaptureFixture[str], factory: Factory) -> str:
    """How the suite's search of files ends: ``passed``, or the code of why it was not made."""
    with tempfile.TemporaryDirectory(dir=folder) as root:
        world = World(target(factory=factory), Path(root))
        try:
            search_files(world, world.open(), capfd, 0, "quick")
        except Undecided as undecided:
            return undecided.code
        finally:
            world.close_all()
    return "passed"


def changed(factory: Factory, **changes: Any) -> Factory:
    """A factory whose backends say something else of themselves."""

    def made(folder: Path, **options: Any) -> Backend:
        return replace(factory(folder, **options), **changes)

    return made


def test_a_storage_that_is_not_found_is_no_pass_unless_it_lies_elsewhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    in_memory = Storages(lambda folder: MemoryPartitionStore())
    factory = encrypted_factory(in_memory.of, in_memory.of)
    assert searched(tmp_path, capfd, factory) == "nothing_to_search"
    elsewhere = changed(factory, elsewhere="on a server")
    assert searched(tmp_path, capfd, elsewhere) == "not_applicable"


def test_a_storage_outside_the_folder_is_searched_where_the_backend_says(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()

    def other(folder: Path) -> SqlitePartitionStore:
        return SqlitePartitionStore(data / f"{folder.parent.name}.db")

    factory = encrypted_factory(other, other)
    assert searched(tmp_path, capfd, factory) == "nothing_to_search"
    for old in data.iterdir():  # it is searched as well
        old.unlink()
    said = changed(factory, places=(data,))
    assert searched(tmp_path, capfd, said) == "passed"
    (data / "copy").write_bytes(bytes(range(32)))  # the key of every run
    with pytest.raises(AssertionError):
        searched(tmp_path, capfd, said)


def test_a_report_says_what_was_not_asked(tmp_path: Path) -> None:
    body = """
    from conformance.targets.guard import NotApplicable

    @rules("STORE-09")
    def test_elsewhere():
        raise NotApplicable("its items lie on a server")
    """
    report = run_suite(suite(tmp_path, elsewhere=body, whole=WHOLE), profiles=("core",))
    assert report.verdict == "conformant"  # the other case of STORE-09 passed
    assert document(report)["not_asked"] == [
        {
            "code": "clock",
            "detail": "the backend gives no set_clock: times are compared by their form and order only",
        },
        {
            "code": "profile",
            "detail": "not claimed: batch, idempotency, crypto, encrypted, keys, audit",
        },
        {
            "code": "not_applicable",
            "detail": "test_elsewhere.py::test_elsewhere: its items lie on a server",
        },
    ]


def test_a_rule_of_which_nothing_applies_has_not_passed(tmp_path: Path) -> None:
    body = """
    from conformance.targets.guard import NotApplicable

    @pytest.mark.parametrize("id_", [pytest.param(r, marks=rules(r)) for r in PROFILES["core"].rules])
    def test_elsewhere(id_):
        raise NotApplicable("there is nothing to ask")
    """
    report = run_suite(suite(tmp_path, elsewhere=body))
    assert report.verdict == "indeterminate"
    assert {r.verdict for r in report.requirements if r.profile == "core"} == {"not_applicable"}
