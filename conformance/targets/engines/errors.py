"""What can go wrong before an engine is there; `exit_code` is what the command line ends with."""

from __future__ import annotations

from typing import ClassVar

HOW_TO_START = (
    "To start one: `--engine local` runs DynamoDB Local for the length of the run (needs Java 17 "
    "or later and Maven), `--engine compose` the same in a container (needs Docker); or start it "
    "yourself with `docker compose up -d` and set DYNAMODB_ENDPOINT=http://127.0.0.1:8000; or "
    "`--engine moto` uses an emulator, on which the verdict can only be `emulated`."
)


class EngineError(Exception):
    """There is no engine to run on: a set-up error, nothing has been run or written."""

    exit_code: ClassVar[int] = 2


class EngineUnavailable(EngineError):
    """The engine asked for cannot be had here; the message says what to install or start."""


class EngineRefused(EngineError):
    """Only an emulator could be had, and the run must not accept one."""


class EngineUsage(EngineError):
    """The request itself is wrong: an unknown name, a bad or a remote endpoint."""

    exit_code: ClassVar[int] = 3
