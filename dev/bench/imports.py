"""What starting costs: importing the reference store in a fresh process, SQLite included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import conformance

from .rounds import Spread, spread

__all__ = ["Imports", "measure_imports"]

_TIMEOUT_S: Final = 60.0
# The interpreter's own start does not count. A store is used afterwards: a late import of boto3
# would only hide the cost.
_PROGRAM: Final = """
import json, sys, time
began = time.perf_counter()
import reference_impl, reference_impl.partitions.sqlite.store
seconds = time.perf_counter() - began
modules = len(sys.modules)
folder = sys.argv[1]
with reference_impl.create_dialogue_store(
    storage={"backend": "sqlite", "sqlite": {"path": folder + "/d.db"}},
    keys={"path": folder + "/umk.key"},
) as store:
    store.create_dialogue("bench", "Started?")
    store.load_partition("bench")
print(json.dumps({
    "seconds": seconds,
    "modules": modules,
    "boto3": not {"boto3", "botocore"}.isdisjoint(sys.modules),
}))
"""


@dataclass(frozen=True)
class Imports:
    """Milliseconds of the import alone, over ``runs`` processes; modules that it loads; whether
    boto3 was loaded by the end of a small job on SQLite."""

    ms: Spread
    runs: int
    modules: int
    boto3_imported: bool


def measure_imports(runs: int) -> Imports:
    """Import in ``runs`` fresh processes, after one that writes the compiled files."""
    with tempfile.TemporaryDirectory() as compiled:
        found = [_run(compiled) for _ in range(runs + 1)][1:]
    return Imports(
        spread([run["seconds"] * 1000 for run in found]),
        runs,
        int(found[0]["modules"]),
        any(run["boto3"] for run in found),
    )


def _run(compiled: str) -> dict[str, float]:
    # The packages that this process runs, wherever it was started; and compiled files as an
    # installed package has them, whatever the environment says of writing any.
    root = str(Path(conformance.__file__).parent.parent)
    before = os.environ.get("PYTHONPATH")
    env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    env["PYTHONPATH"] = root if not before else f"{root}{os.pathsep}{before}"
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, folder],
            env=env,
            stdout=subprocess.PIPE,
            check=True,
            timeout=_TIMEOUT_S,
        )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer
