"""Which tests go through which lines of the reference, measured once for a commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["Reached", "measure"]

#: file -> line (as text, from 1) -> names of test functions, ``tests/test_x.py::test_y``
Reached = dict[str, dict[str, list[str]]]

_SETTINGS = """\
[run]
source = reference_impl
dynamic_context = test_function
parallel = true
patch = subprocess
sigterm = true
data_file = {folder}/data
"""


def measure(project: Path, folder: Path, kept: Path) -> Reached:
    """The tests by line; taken from ``kept`` where that is there, written to it otherwise. Takes some twice
    as long as the tests themselves. ``RuntimeError`` where any fails: it would for every fault."""
    if kept.is_file():
        found: Reached = json.loads(kept.read_text(encoding="utf-8"))
        return found
    import coverage

    settings = folder / "coveragerc"
    settings.write_text(_SETTINGS.format(folder=folder), encoding="utf-8")
    modules = sorted(
        path.relative_to(project).as_posix() for path in project.glob("tests/test_*.py")
    )
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest"]
    command += ["-q", "-p", "no:cacheprovider"]

    def run(module: str) -> int:
        ended = subprocess.run([*command, module], cwd=project, check=False, capture_output=True)
        return ended.returncode

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ends = dict(zip(modules, pool.map(run, modules), strict=True))
    # 5: pytest chose none of a module's tests.
    broken = [f"{module} ({code})" for module, code in ends.items() if code not in (0, 5)]
    if broken:
        raise RuntimeError(
            f"these tests do not pass with the reference as it is: {', '.join(broken)}"
        )
    data = coverage.CoverageData(basename=str(folder / "data"))
    for part in sorted(folder.glob("data.*")):
        one = coverage.CoverageData(basename=str(part))
        one.read()
        data.update(one)
    reached: Reached = {}
    for path in sorted(data.measured_files()):
        lines: dict[str, list[str]] = defaultdict(list)
        for line, contexts in sorted(data.contexts_by_lineno(path).items()):
            lines[str(line)] = sorted(set(filter(None, map(_node_id, contexts))))
        reached[Path(path).resolve().relative_to(project.resolve()).as_posix()] = lines
    kept.write_text(json.dumps(reached), encoding="utf-8")
    return reached


def _node_id(context: str) -> str | None:
    """``tests.test_x.test_y`` or ``test_x.test_y`` as pytest names it."""
    module, _, name = context.removeprefix("tests.").partition(".")
    return f"tests/{module}.py::{name.replace('.', '::')}" if module.startswith("test_") else None
