"""What a process lets be seen while a block runs: what it logs, prints and writes into files,
wherever those lie (ENV-05, ERR-03)."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import stat
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest

from conformance.targets.guard import Undecided

from .leaks import Leak, SealedTexts

__all__ = ["Watch", "watching"]

#: Open files of this process, where the system shows them.
_DESCRIPTORS: Final = Path("/proc/self/fd")
#: What every record has; anything else was given to it as ``extra``.
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({})))

_Place = tuple[str, bytes]


class Watch:
    """What was logged, printed and written into files while the block of :func:`watching` ran."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._records: list[logging.LogRecord] = []
        self._told: list[str] = []
        #: Files that were opened for writing, and how much lay there before where it was appended to.
        self._files: dict[str, int] = {}
        #: Files that were open before, and how much lay there.
        self._before = {file.identity: file.size for file in _open_files()}
        self._printed = ""
        self._make: Callable[..., logging.LogRecord] = logging.LogRecord

    def search(
        self, texts: SealedTexts, where: str = "", *, apart: Path | None = None
    ) -> list[Leak]:
        """Every window of the texts in what was let be seen; ``apart``: a folder whose files somebody
        else looks at."""
        return [
            leak
            for place, data in self._seen(apart)
            for leak in texts.search(data, f"{where} {place}".strip(), raw_deflate=False)
        ]

    def _seen(self, apart: Path | None = None) -> Iterator[_Place]:
        yield "a log", "\n".join(self._told).encode("utf-8", "surrogatepass")
        extra = [vars(record)[name] for record in self._records for name in _extra(record)]
        yield "a log record", "\n".join(map(_text, extra)).encode("utf-8", "surrogatepass")
        yield "stdout or stderr", self._printed.encode("utf-8", "surrogatepass")
        wrote = [(name, Path(name), start) for name, start in self._files.items()]
        wrote += [
            (file.name, _DESCRIPTORS / str(file.number), self._before.get(file.identity, 0))
            for file in _open_files()
            if file.name not in self._files
        ]
        for name, path, start in wrote:
            if not (name.endswith(".pyc") or (apart and Path(name).is_relative_to(apart))):
                yield name, _content(path, start)

    # -- while the block runs ----------------------------------------------------------------------

    def record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a log record as before, and keep it: no logger or handler comes past this."""
        made = self._make(*args, **kwargs)
        self._records.append(made)
        self._told.append(f"{made.name} {_text(made.args)} {_message(made)}")
        if made.exc_info:
            self._told.append("".join(traceback.format_exception(*made.exc_info)))
        return made

    def event(self, name: str, args: tuple[Any, ...]) -> None:
        """What the interpreter tells of itself (``sys.addaudithook``)."""
        if name == "open" and isinstance(args[2], int):
            if args[2] & (os.O_WRONLY | os.O_RDWR):
                self._wrote(args[0], appended=bool(args[2] & os.O_APPEND))
        elif name == "os.rename":
            self._wrote(args[1])
        elif name == "sqlite3.connect":
            self._wrote(_database(args[0]))
        elif name == "syslog.syslog":
            self._told.append(str(args[1]))

    def _wrote(self, path: Any, *, appended: bool = False) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - a hook resolves no links
        if name not in self._files:
            self._files[name] = _size(name) if appended else 0

    @contextmanager
    def on(self) -> Iterator[None]:
        """Listen while the block runs."""
        self._make = logging.getLogRecordFactory()
        loggers = [logging.getLogger(), *_loggers()]
        before = [(logger, logger.level, logger.disabled) for logger in loggers]
        silenced = logging.root.manager.disable
        root, handlers = loggers[0], loggers[0].handlers
        root.handlers = [logging.NullHandler()]  # nobody else is to keep megabytes of it
        for handler in (h for logger in loggers for h in logger.handlers):
            if isinstance(handler, logging.FileHandler):
                self._wrote(handler.baseFilename, appended=True)
        for logger, level, _ in before:
            logger.disabled = False
            if level or logger is root:
                logger.setLevel(logging.DEBUG)
        logging.disable(logging.NOTSET)
        logging.setLogRecordFactory(self.record)
        _listen(self)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                yield
                self._told += [str(warning.message) for warning in warned]
        finally:
            _WATCHING.remove(self)
            logging.setLogRecordFactory(self._make)
            logging.disable(silenced)
            root.handlers = handlers
            for logger, level, disabled in before:
                logger.setLevel(level)
                logger.disabled = disabled
            for stream in (sys.__stdout__, sys.__stderr__):
                if stream is not None and not stream.closed:
                    stream.flush()
            self._printed = "".join(self._capfd.readouterr())

    def proved(self, canary: str, file: Path) -> None:
        """Undecided unless what was let out on purpose is found: the search is blind then."""
        texts = SealedTexts([canary])
        found = {place for place, data in self._seen() if texts.search(data, raw_deflate=False)}
        wanted = {"a log", "a log record", "stdout or stderr", str(file)}
        if missing := wanted - found:
            raise Undecided(
                "nothing_to_search",
                f"the search is blind: a text that was let out on purpose was not found in "
                f"{', '.join(sorted(missing))}",
            )


@contextmanager
def watching(capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """Look at what this process lets be seen while the block runs: records of every logger, whatever
    its handlers and levels; warnings; stdout and stderr; files that are opened for writing or were
    open before, wherever they lie.

    At the end a text is let out in each of these ways; unless all are found the case is undecided.
    """
    watch = Watch(capfd)
    canary = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="dsconf-") as folder:
        file = Path(folder).resolve() / "canary"
        with watch.on():
            yield watch
            _let_out(canary, file)
        watch.proved(canary, file)


def _let_out(canary: str, file: Path) -> None:
    logger = logging.getLogger("conformance.canary")
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    logger.setLevel(logging.DEBUG)
    logger.debug("%s", canary, extra={"canary": canary})
    sys.stdout.write(f"{canary}\n")
    sys.stdout.flush()
    sys.stderr.write(f"{canary}\n")
    sys.stderr.flush()
    file.write_text(canary, encoding="utf-8")


#: Those that want to hear what the interpreter tells of itself: a hook cannot be taken away.
_WATCHING: Final[list[Watch]] = []
_HOOKED: Final[list[bool]] = []


def _listen(watch: Watch) -> None:
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_hook)
    _WATCHING.append(watch)


def _hook(name: str, args: tuple[Any, ...]) -> None:
    if _WATCHING:
        for watch in tuple(_WATCHING):
            watch.event(name, args)


def _loggers() -> list[logging.Logger]:
    known = list(logging.root.manager.loggerDict.values())
    return [logger for logger in known if isinstance(logger, logging.Logger)]


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a record that cannot be formatted shows its parts
        return _text(record.msg)


def _text(value: object) -> str:
    try:
        return value if isinstance(value, str) else f"{value} {value!r}"
    except Exception:  # noqa: BLE001 - it shows nothing
        return ""


def _extra(record: logging.LogRecord) -> list[str]:
    return [name for name in vars(record) if name not in _PLAIN]


def _database(name: Any) -> Any:
    if isinstance(name, str) and name.startswith("file:"):
        return unquote(urlsplit(name).path)
    return None if name in (":memory:", b":memory:", "", b"") else name


@dataclass(frozen=True)
class _Open:
    number: int
    name: str
    identity: tuple[int, int]
    size: int


def _open_files() -> list[_Open]:
    """The files that this process has open for writing, where the system shows them."""
    found = []
    for number in (int(path.name) for path in _DESCRIPTORS.glob("*")):
        try:
            known = os.fstat(number)
            readable_only = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
            if stat.S_ISREG(known.st_mode) and not readable_only:
                name = str((_DESCRIPTORS / str(number)).readlink())
                found.append(_Open(number, name, (known.st_dev, known.st_ino), known.st_size))
        except OSError:  # closed meanwhile
            continue
    return found


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size  # noqa: PTH116 - within a hook, as little as may be
    except OSError:
        return 0


def _content(path: Path, start: int) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:  # it is gone, or not to be read
        return b""
