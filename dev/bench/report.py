"""What was measured: one result object, to a table for people and to JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .contest import Contest
from .goals import IMPORT_GOAL_MS, WORKS, Work
from .imports import Imports
from .rounds import Spread, ratio, spread
from .workload import documents

__all__ = ["Figure", "Result", "document", "figures", "machine", "show", "versions", "workload"]

FORMAT_VERSION: Final = 1
_LIBRARIES: Final = ("cryptography", "orjson", "rfc8785", "boto3", "botocore")
_FSYNCS: Final = 50


@dataclass(frozen=True)
class Figure:
    """One work on one engine: milliseconds of both sides, and their ratio round by round."""

    engine: str
    work: Work
    store_ms: Spread
    limit_ms: Spread
    ratio: Spread
    rounds: int

    @property
    def goal(self) -> float | None:
        """The ratio wanted, None where none is set."""
        return self.work.goals.get(self.engine)

    @property
    def met(self) -> bool | None:
        """Whether the median is within the goal."""
        return None if self.goal is None else self.ratio.median <= self.goal


@dataclass
class Result:
    """A whole run. ``engines``: by name, what it is and which version; ``skipped``: by name, why."""

    started_at: str
    quick: bool
    seed: int
    machine: Mapping[str, Any]
    imports: Imports | None = None
    duration_s: float = 0.0
    figures: list[Figure] = field(default_factory=list)
    engines: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def figures(contest: Contest, times: Mapping[str, Sequence[float]]) -> list[Figure]:
    """The ratios of one engine, from the seconds of every case."""
    return [
        Figure(
            contest.engine,
            work,
            _ms(times[work.store_case]),
            _ms(times[work.limit_case]),
            ratio(times[work.store_case], times[work.limit_case]),
            len(times[work.store_case]),
        )
        for work in WORKS
    ]


def machine(folder: Path) -> dict[str, Any]:
    """Where it ran. ``fsync_ms``: 4 KiB in ``folder``, where the databases will be; near zero means
    a file system in memory, on which a commit costs nothing that it costs elsewhere."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "load_before": _load(),
        "fsync_ms": _fsync_ms(folder),
    }


def versions(result: Result) -> dict[str, str]:
    """Of everything that the figures depend on."""
    found = {"python": platform.python_version()}
    found |= {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return found | {engine["kind"]: engine["version"] for engine in result.engines.values()}


def workload() -> dict[str, Any]:
    """The content that both sides loaded."""
    sizes = [len(orjson.dumps(item)) for item in documents()]
    return {
        "items": len(sizes),
        "json_bytes_median": statistics.median(sizes),
        "json_bytes_min": min(sizes),
        "json_bytes_max": max(sizes),
    }


def document(result: Result) -> dict[str, Any]:
    """The result as JSON values."""
    imports = result.imports
    return {
        "format_version": FORMAT_VERSION,
        "started_at": result.started_at,
        "duration_s": round(result.duration_s, 3),
        "quick": result.quick,
        "seed": result.seed,
        "machine": {**result.machine, "load_after": _load()},
        "versions": versions(result),
        "workload": workload(),
        "engines": result.engines,
        "skipped": result.skipped,
        "figures": [
            {
                "engine": figure.engine,
                "work": figure.work.id,
                "text": figure.work.text,
                "store_ms": dataclasses.asdict(figure.store_ms),
                "limit_ms": dataclasses.asdict(figure.limit_ms),
                "ratio": dataclasses.asdict(figure.ratio),
                "rounds": figure.rounds,
                "goal": figure.goal,
                "met": figure.met,
            }
            for figure in result.figures
        ],
        "import": imports
        and {
            "ms": dataclasses.asdict(imports.ms),
            "runs": imports.runs,
            "modules": imports.modules,
            "goal_ms": IMPORT_GOAL_MS,
            "boto3_imported": imports.boto3_imported,
            "met": imports.ms.median <= IMPORT_GOAL_MS and not imports.boto3_imported,
        },
    }


def show(console: Console, result: Result) -> None:
    """The tables, and what to think of them."""
    for name, engine in result.engines.items():
        mine = [figure for figure in result.figures if figure.engine == name]
        title = f"{engine['text']}; {mine[0].rounds} rounds"
        table = Table(
            title=escape(title), title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        table.add_column("work")
        for heading in ("store ms", "by hand ms", "ratio", "quartiles", "goal"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("met")
        for figure in mine:
            table.add_row(
                figure.work.text,
                f"{figure.store_ms.median:.2f}",
                f"{figure.limit_ms.median:.2f}",
                f"{figure.ratio.median:.2f}",
                f"{figure.ratio.q1:.2f}-{figure.ratio.q3:.2f}",
                "" if figure.goal is None else f"≤ {figure.goal:.1f}",
                _yes_or_no(figure.met),
            )
        console.print(table)
        console.print()
    if result.imports is not None:
        _show_imports(console, result.imports)
    cpus, load = result.machine["cpus"] or 1, result.machine["load_before"]
    _say(
        console,
        f"{cpus} CPUs, load {load:.1f} at the start, one fsync of 4 KiB "
        f"{result.machine['fsync_ms']:.3f} ms",
    )
    _say(
        console,
        "Ratios are medians over rounds. Cold: by a store just made, which first reads key file and "
        "dialogue. No goal has to be met yet; they allow for an audit event with every load and write.",
    )
    if result.quick:
        _say(console, "[bold]A smoke run: too few rounds for a figure to mean anything.[/]")
    elif load > cpus:
        _say(console, "[bold yellow]The machine was busy: measure again when it is not.[/]")
    for name, why in result.skipped.items():
        _say(console, f"[bold red]NOT MEASURED: {name}.[/] {escape(why)}")


def _show_imports(console: Console, imports: Imports) -> None:
    within = imports.ms.median <= IMPORT_GOAL_MS
    _say(
        console,
        f"import of reference_impl with SQLite: {imports.ms.median:.0f} ms "
        f"({imports.ms.q1:.0f}-{imports.ms.q3:.0f}, {imports.runs} processes, "
        f"{imports.modules} modules), goal ≤ {IMPORT_GOAL_MS:.0f}: {_yes_or_no(within)}",
    )
    loaded = "[red]yes, and must not be[/]" if imports.boto3_imported else "[green]no[/]"
    _say(console, f"boto3 imported by a job on SQLite: {loaded}")


def _yes_or_no(met: bool | None) -> str:
    return "" if met is None else "[green]yes[/]" if met else "[yellow]no[/]"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _ms(seconds: Sequence[float]) -> Spread:
    return spread([second * 1000 for second in seconds])


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def _fsync_ms(folder: Path) -> float:
    path = folder / "fsync"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_FSYNCS):
            file.seek(0)
            began = perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            times.append(perf_counter() - began)
    path.unlink()
    return round(statistics.median(times) * 1000, 4)
