"""Forks of a process whose store is open and was used: what was acknowledged must be there.

The forking happens in processes of their own (:mod:`dev.attacks.forking`). Each acknowledged write is noted
by whoever made it in a file that lies elsewhere; a process that never saw the others looks afterwards.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from reference_impl import SqliteDialogueStore
from reference_impl.contract.errors import DialogueStoreError

from .forking import SCENARIOS, Place
from .outcome import Outcome, Tick

__all__ = ["attack", "look"]

_PATIENCE_S: Final = 300


def attack(folder: Path, count: int, seed: int, *, tick: Tick) -> Outcome:
    """``count`` forks, as evenly spread over the scenarios as they can be."""
    outcome = Outcome()
    acknowledged = lost = refused = forked = 0
    each: dict[str, int] = {}
    for number, scenario in enumerate(SCENARIOS):
        share = count // len(SCENARIOS) + (number < count % len(SCENARIOS))
        if not share:
            continue
        place = Place(folder / scenario)
        place.folder.mkdir()
        _run(scenario, place, share, seed, outcome, tick)
        said = place.said()
        forked += said.count("forked")
        each[scenario] = said.count("forked")
        # Only a fork beside threads that are inside a call may end so (AUDIT-08 in SPEC: another instance).
        refusals = [line for line in said if line.startswith("refused ")]
        refused += len(refusals)
        outcome.broken += [f"{scenario}: {line}" for line in refusals]
        outcome.broken += [f"{scenario}: {line}" for line in said if line.startswith("failed ")]
        written = {line.removeprefix("wrote ") for line in said if line.startswith("wrote ")}
        acknowledged += len(written)
        absent = look(scenario, place, written, outcome)
        lost += absent
    if forked < count:
        outcome.broken.append(f"only {forked} of {count} forks took place")
    outcome.figures = {
        "forks": forked,
        "by_scenario": each,
        "acknowledged": acknowledged,
        "lost": lost,
        "refused": refused,
    }
    return outcome


def _run(scenario: str, place: Place, count: int, seed: int, outcome: Outcome, tick: Tick) -> None:
    # Not `-m`: a child of multiprocessing would run the module a second time.
    script = "import sys; from dev.attacks.forking import main; main(*sys.argv[1:])"
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(
        [*command, scenario, str(place.folder), str(count), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    words: list[str] = []
    with process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line == "tick\n":
                    tick()
                else:
                    words.append(line.rstrip())
            code = process.wait(_PATIENCE_S)
        except BaseException:
            process.kill()
            raise
    if code:
        outcome.broken.append(f"{scenario}: ended with {code}: {' | '.join(words[-3:])}")


def look(scenario: str, place: Place, written: set[str], outcome: Outcome) -> int:
    """What somebody finds who comes afterwards; how many acknowledged writes are not there."""
    with closing(sqlite3.connect(place.file)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        outcome.broken.append(f"{scenario}: the file is damaged: {verdict}")
    try:
        with closing(SqliteDialogueStore(place.file, place.keys)) as store:
            labels = [entity.label for entity in store.load_partition(place.dialogue).perspectives]
            findings = store.verify_partition(place.dialogue)
            chains = store.verify_chain(place.dialogue)
    except DialogueStoreError as error:
        outcome.broken.append(f"{scenario}: nothing can be read any more: {error}")
        return len(written)
    absent = written - set(labels)
    outcome.broken += [f"{scenario}: acknowledged and absent: {label}" for label in sorted(absent)]
    outcome.broken += [f"{scenario}: {finding}" for finding in findings]
    outcome.broken += [f"{scenario}: chain {finding}" for finding in chains.findings]
    if len(set(labels)) != len(labels):
        outcome.broken.append(f"{scenario}: a write was made twice")
    return len(absent)
