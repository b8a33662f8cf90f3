"""Tells people what was verified: counts for each file and type, and every disagreement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .verify import Outcome, verify

__all__ = ["main", "run"]

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def main(arguments: Sequence[str] = ()) -> int:
    """Verify the vectors of a folder (default: the project's). Exit codes: 0 all agree, 1 not."""
    return run(Path(arguments[0]) if arguments else VECTORS)


def run(folder: Path = VECTORS, tell: Callable[[str], None] = print) -> int:
    """Verify a folder, tell what came of it, give the exit code."""
    outcome = verify(folder)
    for line in _lines(outcome, folder):
        tell(line)
    return 0 if outcome.agreed else 1


def _lines(outcome: Outcome, folder: Path) -> list[str]:
    lines = [
        f"{name}  {type_}: {count} ({outcome.invalid[name, type_]} invalid)"
        for (name, type_), count in outcome.counts.items()
    ]
    lines += [f"DISAGREES {found.tc_id}: {found.what}" for found in outcome.disagreements]
    total, bad = outcome.counts.total(), len(outcome.disagreements)
    if not total:
        lines.append(f"there are no vectors in {folder}")
    elif bad:
        lines.append(f"{total} cases, {bad} disagreements")
    else:
        lines.append(f"{total} cases verified, none left out")
    return lines
