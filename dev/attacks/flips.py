"""Flipped bits: in the values of stored items, and in the columns of a SQLite file's rows.

After each flip a store that has read before and one that sees the partition for the first time are asked the
same, and everything is put back (STORE-03, ENV-06).
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from conformance.suite.kit.full import fill
from reference_impl import EncryptedStore, LocalFileKeyProvider, SqliteDialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import ENTITIES

from .outcome import Outcome, Tick

__all__ = ["attack", "flipped", "sealed_values"]

_DIALOGUE: Final = "tides"
_SELECT: Final = "SELECT * FROM items WHERE pk IN (?, ?) ORDER BY pk, sk"
_KEYS: Final = ("pk", "sk")

Row = dict[str, Any]


def attack(folder: Path, count: int, seed: int, *, tick: Tick) -> Outcome:
    """``count`` flips of one bit each, by turns in a value of an item and in a column of a row."""
    drawn = random.Random(seed)
    outcome, said = Outcome(), Counter[str]()
    file, keys = folder / "dialogues.db", LocalFileKeyProvider(folder / "keys" / "umk.key")
    with SqliteDialogueStore(file, keys) as writer:
        fill(writer)
        written = plain(writer.load_partition(_DIALOGUE))
    # Events of these reads go to a file: the partition stays as it was written.
    sinks: dict[str, Any] = {"read_only": True, "audit_sink": folder / "events"}
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as rows,
        closing(SqliteDialogueStore(file, keys, **sinks)) as warm,
    ):
        rows.row_factory = sqlite3.Row
        good = [dict(row) for row in rows.execute(_SELECT, _parts())]
        for number in range(count):
            for _ in range(100):
                row = drawn.choice(good)
                changed, where = (_of_item, _of_row)[number % 2](row, drawn)
                if _exchanged(rows, row, changed):
                    break
            else:
                raise OSError("the SQLite file takes no changed row any more")
            with closing(SqliteDialogueStore(file, keys, **sinks)) as cold:
                cold_says = _says(cold, number)
            warm_says = _says(warm, number)
            _exchange(rows, changed, row)
            what = f"flip {number}, {where} of {row['pk']} {row['sk']}"
            if warm_says != cold_says:
                outcome.broken.append(f"{what}: warm {_short(warm_says)}, cold {_short(cold_says)}")
            for who, says in (("cold", cold_says), ("warm", warm_says)):
                outcome.broken += [f"{what}: {who}: {each}" for each in _wrong(says, written)]
            said[str(cold_says[0][0])] += 1
            tick()
            if number % 100 == 99 and plain(warm.load_partition(_DIALOGUE)) != written:
                outcome.broken.append(f"after flip {number} it is not what was written")
    outcome.figures = {
        "flips": count,
        "rows": len(good),
        "warm_unlike_cold": sum(": warm " in line for line in outcome.broken),
        "other_plaintext": sum("never written" in line for line in outcome.broken),
        "not_of_the_contract": sum("not of the contract" in line for line in outcome.broken),
        "said": dict(sorted(said.items())),
    }
    if count >= 1000 and said["integrity_error"] < count / 2:
        outcome.broken.append("hardly any flip was found")
    return outcome


def _parts() -> tuple[str, str]:
    return f"dialogue#{_DIALOGUE}", f"audit#{_DIALOGUE}"


def flipped(value: Any, drawn: random.Random) -> Any:
    """The value with one bit changed; a text stays one that can be stored, a number a number."""
    if isinstance(value, bytes):
        at, bit = drawn.randrange(len(value)), 1 << drawn.randrange(8)
        return value[:at] + bytes([value[at] ^ bit]) + value[at + 1 :]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ (1 << drawn.randrange(52))
    if isinstance(value, str):
        at, bit = drawn.randrange(len(value) or 1), 1 << drawn.randrange(7)
        return value[:at] + chr(ord(value[at : at + 1] or "\0") ^ bit) + value[at + 1 :]
    return f"{value}0"


def _of_item(row: Row, drawn: random.Random) -> tuple[Row, str]:
    """One value of the item: in SQLite cleartext attributes lie in one column as JSON."""
    attributes = json.loads(row["attributes"])
    own = [n for n, v in row.items() if n not in (*_KEYS, "attributes") and v is not None]
    name = drawn.choice([*sorted(attributes), *own])
    if name in attributes:
        value = flipped(attributes[name], drawn)
        return {**row, "attributes": json.dumps({**attributes, name: value})}, name
    return {**row, name: flipped(row[name], drawn)}, name


def _of_row(row: Row, drawn: random.Random) -> tuple[Row, str]:
    """One column as it is stored, the keys as well."""
    name = drawn.choice([name for name, value in row.items() if value is not None])
    return {**row, name: flipped(row[name], drawn)}, f"column {name}"


def _exchanged(rows: sqlite3.Connection, old: Row, new: Row) -> bool:
    """Whether the file takes it: another row may have that key, and an index wants its JSON whole."""
    try:
        _exchange(rows, old, new)
    except (sqlite3.IntegrityError, sqlite3.OperationalError):
        rows.execute("ROLLBACK")
        return False
    return True


def _exchange(rows: sqlite3.Connection, old: Row, new: Row) -> None:
    rows.execute("BEGIN IMMEDIATE")
    rows.execute("DELETE FROM items WHERE pk = ? AND sk = ?", (old["pk"], old["sk"]))
    rows.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", [*new.values()])
    rows.execute("COMMIT")


def _says(store: EncryptedStore, number: int) -> list[tuple[str, Any]]:
    """What two reads give: ("read", the result), or the code and what is told with it."""
    calls: list[Callable[[], object]] = [
        lambda: store.load_partition(_DIALOGUE),
        lambda: store.load_partition(_DIALOGUE, on_error="collect"),
    ]
    # A store is warm by whichever read came first.
    found = []
    for call in calls if number % 4 < 2 else calls[::-1]:
        try:
            found.append(("read", plain(call())))
        except DialogueStoreError as refused:
            found.append((refused.code, [refused.message, plain(refused.data)]))
        except Exception as stray:  # noqa: BLE001 - whatever it is, it is counted
            found.append((f"{type(stray).__name__}, not of the contract", str(stray)))
    return found if number % 4 < 2 else found[::-1]


def _wrong(says: list[tuple[str, Any]], written: dict[str, Any]) -> list[str]:
    """What no flip may lead to. A read gives what was written, all of it; one that collects findings may
    give an item whose cleartext was changed, but never without a finding (the head's), and no sealed value
    that was not written."""
    wrong = [f"{code}: {told}" for code, told in says if "not of the contract" in code]
    for code, told in says:
        if code != "read" or told == written:
            continue
        if not told["findings"]:
            wrong.append("a read without a finding gave what was never written")
        strange = sealed_values(told) - sealed_values(written)
        wrong += [f"{name} was never written: {text}" for name, text in sorted(strange)]
    return wrong


def sealed_values(partition: dict[str, Any]) -> set[tuple[str, str]]:
    """Every (list and field, JSON of the value) of a partition that is stored sealed."""
    found = set()
    for kind in ENTITIES.values():
        name = kind.plural or kind.entity
        members = partition.get(name) or []
        for member in [members] if isinstance(members, dict) else members:
            found |= {
                (f"{name}.{field.name}", json.dumps(member[field.name], sort_keys=True))
                for field in kind.sealed_fields
                if field.name in member
            }
    return found


def _short(says: list[tuple[str, Any]]) -> str:
    return json.dumps([[code, told if code != "read" else "…"] for code, told in says])[:300]
