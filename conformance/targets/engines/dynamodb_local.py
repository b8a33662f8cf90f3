"""DynamoDB Local, kept ready on this machine: fetched once by Maven, into a cache of ours.

The version and what belongs to it are said by the project's pom.xml alone. From a checkout the
cache is its `.cache/`; an installed wheel carries a copy of pom.xml beside this file and uses the
platform's cache folder. Maven checks every file against its published checksum.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import platformdirs
import tenacity

from conformance.targets.engines.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ARTIFACT = "DynamoDBLocal"
OLDEST_JAVA = 17
DOWNLOAD_MB = 70

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parent.parent.parent
_MAVEN_TIMEOUT_S = 900
_LOCK_TIMEOUT_S = 1000
_JAVA_TIMEOUT_S = 30
_SHOWN_LINES = 15


def pom_file() -> Path:
    """The project's pom.xml: at the root of a checkout, beside this file in a wheel."""
    shipped = _HERE / "pom.xml"
    return shipped if shipped.is_file() else _CHECKOUT / "pom.xml"


@functools.cache
def version() -> str:
    """The version of DynamoDB Local that pom.xml names."""
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    tree = ET.parse(pom_file())  # noqa: S314 - the project's own file
    found = tree.findtext(f".//m:dependency[m:artifactId='{ARTIFACT}']/m:version", namespaces=names)
    if not found:
        raise EngineUnavailable(f"{pom_file()} names no version of {ARTIFACT}")
    return found


def cache_folder() -> Path:
    """Where the artifact and Maven's repository are kept."""
    if (_CHECKOUT / "pom.xml").is_file() and (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / ".cache" / "dynamodb-local"
    return platformdirs.user_cache_path("dialogue-store-conformance") / "dynamodb-local"


def jars_folder(cache: Path) -> Path:
    """The folder with every jar of this version; it exists only when it is complete."""
    return cache / version()


def find_java(environ: Mapping[str, str]) -> str:
    """Path of a `java` that is new enough (JAVA_HOME first); raises `EngineUnavailable`."""
    needs = f"DynamoDB Local needs Java {OLDEST_JAVA} or later"
    home = environ.get("JAVA_HOME")
    path = environ.get("PATH")
    java = (home and shutil.which("java", path=str(Path(home, "bin")))) or _which("java", path)
    if not java:
        raise EngineUnavailable(f"{needs}; `java` is not there: install it, or set JAVA_HOME")
    found = _java_version(java)
    if found is None:
        raise EngineUnavailable(f"{needs}; {java} does not run: install it, or set JAVA_HOME")
    if found < OLDEST_JAVA:
        raise EngineUnavailable(f"{needs}; {java} is Java {found}: install it, or set JAVA_HOME")
    return java


def obstacle(environ: Mapping[str, str]) -> str | None:
    """What keeps DynamoDB Local from being run here, with what to do about it; None if nothing."""
    try:
        find_java(environ)
    except EngineUnavailable as error:
        return str(error)
    if jars_folder(cache_folder()).is_dir() or _which("mvn", environ.get("PATH")):
        return None
    return "DynamoDB Local is fetched with Maven; `mvn` is not there: install Maven 3.8 or later"


def install(cache: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Have the jars in the cache, fetching them if need be; the folder they are in.

    To be called under `locked`. Raises `EngineUnavailable` with the end of Maven's output.
    """
    jars = jars_folder(cache)
    if jars.is_dir():
        return jars
    maven = _which("mvn", environ.get("PATH"))
    if not maven:
        raise EngineUnavailable(obstacle(environ) or "`mvn` is not there")
    for left in cache.glob("*.part-*"):
        shutil.rmtree(left)  # by a run that was killed: the lock says that nobody is at it
    say(f"fetching DynamoDB Local {version()} with Maven, once, about {DOWNLOAD_MB} MB …")
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"{version()}.part-") as part:
        _run_maven(maven, Path(part), cache / "m2", environ)
        if not list(Path(part).glob(f"{ARTIFACT}-*.jar")):
            raise EngineUnavailable(
                f"Maven brought no {ARTIFACT} jar; remove {cache} and try again"
            )
        # All or nothing: nobody ever sees a folder of this name with half of the jars.
        (Path(part) / "complete").mkdir()
        for jar in Path(part).glob("*.jar"):
            jar.rename(Path(part) / "complete" / jar.name)
        (Path(part) / "complete").rename(jars)
    return jars


@contextlib.contextmanager
def locked(cache: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One process at a time fetches or starts an engine from this cache.

    The lock goes when its holder does, however it ends.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that is fetching or starting DynamoDB Local …")
            _wait_for_lock(file.fileno(), cache)
        yield


def _wait_for_lock(descriptor: int, cache: Path) -> None:
    try:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(BlockingIOError),
            stop=tenacity.stop_after_delay(_LOCK_TIMEOUT_S),
            wait=tenacity.wait_fixed(0.1),
            reraise=True,
        ):
            with attempt:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise EngineUnavailable(
            f"another process has held {cache / 'lock'} for {_LOCK_TIMEOUT_S} s; end it first"
        ) from error


def _run_maven(maven: str, target: Path, repository: Path, environ: Mapping[str, str]) -> None:
    command = [
        *(maven, "--batch-mode", "--strict-checksums", "--no-transfer-progress"),
        *("-Dstyle.color=never", "--file", str(pom_file())),
        *(f"-Dmaven.repo.local={repository}", f"-DoutputDirectory={target}"),
        "dependency:copy-dependencies",
    ]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            cwd=target,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_MAVEN_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailable(f"Maven was not done after {_MAVEN_TIMEOUT_S} s") from error
    except OSError as error:
        raise EngineUnavailable(f"Maven cannot be run: {error}") from error
    if done.returncode:
        raise EngineUnavailable(
            f"Maven could not fetch DynamoDB Local {version()} (exit {done.returncode}); is the "
            f"network there, or a mirror in Maven's settings.xml? Its last words:\n"
            f"{tail(done.stdout)}"
        )


def tail(text: str) -> str:
    """The last lines of some output that say anything, indented."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-_SHOWN_LINES:]) or "  (nothing)"


@functools.cache
def _java_version(java: str) -> int | None:
    """Its feature release (8, 17, 21 …); None where it does not run, such as macOS's stand-in."""
    try:
        done = subprocess.run(
            [java, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_JAVA_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = re.search(r'version "(\d+)(?:\.(\d+))?', done.stdout + done.stderr)
    if done.returncode or not numbers:
        return None
    first, second = numbers.groups()
    return int(second) if first == "1" and second else int(first)


def _which(name: str, path: str | None) -> str | None:
    # An environment without PATH is one in which nothing is found, not one with a default.
    return shutil.which(name, path=path or os.devnull)
