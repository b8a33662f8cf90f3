"""A `docker` that does nothing but write down what it is asked; single commands may be given a body."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_SCRIPT = """\
#!/bin/sh
here={here}
if [ "$(basename "$0")" = docker ] && [ "$1" = compose ]; then
    [ ! -f "$here/does-compose" ] || . "$here/does-compose"
    [ "$2" != version ] || exit 0
fi
{python} -c '
import json, os, sys
print(json.dumps([*sys.argv[1:], os.environ.get("DYNAMODB_PORT"), os.environ.get("DYNAMODB_VOLUME")]))
' "$@" >> "$here/log"
for word in version pull up logs down; do
    for argument; do
        if [ "$argument" = "$word" ]; then
            [ ! -f "$here/does-$word" ] || . "$here/does-$word"
            exit 0
        fi
    done
done
"""


@dataclass(frozen=True)
class Call:
    """One call of Compose: its command with arguments, its project, and the settings it was given."""

    arguments: list[str]
    file: str
    project: str
    port: str
    volume: str


class FakeDocker:
    """An environment in which `docker` is a script in `folder`, and nothing else but the shell's tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._log = folder / "log"
        self.environ = {"PATH": f"{folder}:/usr/bin:/bin"}
        self._write("docker", _SCRIPT.format(here=folder, python=sys.executable))
        # In front of one that the machine may have.
        self._write("docker-compose", "#!/bin/sh\nexit 1\n")

    def add_standalone(self) -> None:
        """Have a `docker-compose` that works as well, as of Compose 1.29."""
        self._write("docker-compose", _SCRIPT.format(here=self.folder, python=sys.executable))

    def does(self, command: str, body: str) -> None:
        """Run these lines of shell when that command is asked for."""
        (self.folder / f"does-{command}").write_text(body + "\n", encoding="utf-8")

    def log(self) -> list[str]:
        """What was asked, a line each."""
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []

    def calls(self, command: str) -> list[Call]:
        """The calls of one Compose command, in order."""
        found = []
        for line in self.log():
            *words, port, volume = json.loads(line)
            if command in words:
                before, after = words[: words.index(command)], words[words.index(command) :]
                found.append(
                    Call(after, _after(before, "--file"), _after(before, "-name"), port, volume)
                )
        return found

    def _write(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)


def _after(words: list[str], ending: str) -> str:
    return next((b for a, b in pairwise(words) if a.endswith(ending)), "")
