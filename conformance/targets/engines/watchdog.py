"""Runs one command for as long as whoever started this script lives, and no longer.

Started as a script, by path: `watchdog.py WORKDIR COMMAND…`. The command runs in WORKDIR, its
output goes to WORKDIR/output.txt, its process id is the first line that this script prints. It is
ended when standard input closes, which the operating system does also for a parent that was
killed, so nothing outlives a run that went wrong; or by SIGTERM. Standard library only: no
import of the project slows the start or can fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

OUTPUT = "output.txt"
_GRACE_S = 5.0
_NOT_STARTED = 127


def main(arguments: list[str]) -> int:
    """Watch over the command; the exit code is its own if it ended by itself, else 0."""
    workdir = Path(arguments[0])
    # Whoever has news writes a byte here. (An Event set from a signal handler can deadlock.)
    news, tell = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: _tell(tell))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with (workdir / OUTPUT).open("wb") as output:
        try:
            child = subprocess.Popen(
                arguments[1:],
                cwd=workdir,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            output.write(str(error).encode())
            return _NOT_STARTED
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()

    def until_parent_is_gone() -> None:
        # Not through sys.stdin: its lock, held by this thread, would upset the interpreter's end.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        _tell(tell)

    def until_child_is_gone() -> None:
        child.wait()
        _tell(tell)

    for watch in (until_parent_is_gone, until_child_is_gone):
        threading.Thread(target=watch, daemon=True).start()
    os.read(news, 1)
    code = child.poll()
    if code is not None:
        return code if code >= 0 else 128 - code
    child.terminate()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    shutil.rmtree(workdir, ignore_errors=True)
    return 0


def _tell(pipe: int) -> None:
    os.write(pipe, b".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
