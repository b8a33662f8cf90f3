"""The form of ``conformance parity`` and ``conformance replay`` in a terminal."""

from __future__ import annotations

import json

from rich.console import Console

from ..running.recorder import clean
from ..stateful.counting import ENOUGH, PARITY_CODES
from ..stateful.parity import ENOUGH_HISTORIES, Result
from ..stateful.playing import MODEL, Divergence
from ..stateful.record import Record

__all__ = ["as_text", "show_parity"]


def show_parity(console: Console, result: Result) -> None:
    """What was compared, how much was reached, and every divergence."""

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    counts = result.counts
    share = counts.succeeded * 100 // counts.steps if counts.steps else 0
    say(f"{' and '.join(result.names)}, seed {result.seed}")
    say(
        f"{result.played} of {result.wanted} histories, {counts.steps} calls of "
        f"{len(counts.methods)} methods, {share} % succeeded"
    )
    if counts.methods:
        name, least = min(counts.methods.items(), key=lambda item: item[1])
        say(f"least often called: {name}, {least} times")
    say("codes: " + ", ".join(f"{code} {counts.codes[code]}" for code in PARITY_CODES))
    if result.corpus_missing:
        say(f"recorded dialogues: not replayed, {result.corpus_missing}")
    else:
        say(f"recorded dialogues: {result.corpus_played} replayed")
    if not result.with_times:
        say("times were not compared: a clock cannot be set")
    for one in result.found:
        found = one.divergence
        say(f"DIVERGENCE ({one.rule}) in the {found.where} of {found.step.method}")
        say(
            f"  after {found.history.prepared!r}: {len(found.history.steps)} steps "
            f"(found after {one.steps_before}), in {one.path}"
        )
        for line in _both(found):
            say(clean(line, longest=700, keep_layout=True))
    if result.again:
        say(f"{result.again} more histories diverged in the same ways")
    if result.shortfalls:
        few = f", with fewer than {ENOUGH_HISTORIES} histories" if result.is_complete else ""
        say(f"not reached ({ENOUGH} times each{few}): {'; '.join(result.shortfalls)}")
    emulated = f", on an emulator: {result.emulated_by}" if result.emulated_by else ""
    so_far = " in what was reached" if result.shortfalls and result.verdict == "equal" else ""
    say(f"{result.verdict}{so_far}{emulated}, in {result.duration_s:.0f} s")


def as_text(name: str, found: Divergence | None, record: Record) -> str:
    """What came of a divergence that was played again on the target ``name``; None: nothing did."""
    steps = len(record.history.steps)
    start = f"{name}: after {record.history.prepared!r}, {steps} steps"
    if found is None:
        return f"{start}: no divergence any more; it does as the model does"
    lines = [f"{start}: still diverges at step {len(found.history.steps)} ({found.step.method})"]
    earlier = [record.outcomes.get(guilty) for guilty in record.guilty]
    same = found.where == record.where and found.seen[name] in earlier
    lines.append(f"  {'as recorded' if same else 'in another way than recorded'}")
    if same and found.seen.get(MODEL) != record.outcomes.get(MODEL):
        lines.append("  the model does not say what it said when this was recorded")
    lines += _both(found)
    return "\n".join(lines)


def _both(found: Divergence) -> list[str]:
    return [f"  {name}: {json.dumps(value)[:600]}" for name, value in found.seen.items()]
