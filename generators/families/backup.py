"""Backups: one file for one dialogue, made without a key and checked against its manifest (MIG-06)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kit import crypto
from ..kit.edits import Edit
from ..kit.partition_stories import small, whole
from ..kit.recipe import Case, Family, Fields, Note
from ..kit.schemas import HEX, INTEGER, ITEM, TEXT, enum, map_of
from ..kit.stories import shown
from .migration import SOURCE, TARGET, digest, moved_away
from .partition import journalled

__all__ = ["FAMILY"]

FAMILY = Family(
    "backup",
    planned=True,
    title="Backups and what may be restored",
    header=[
        (
            "`make`: the bytes of `backup(dialogue_id)`: JSON lines, each canonical JSON (bytes as base64)"
            " and one LF: first `{count, dialogue_id, digest, format_version, revision}` (count with the"
            " head, digest as MIG-01), then the items by ascending sort key (bytes), the head without"
            " `state` and `pending` and a journal laid over, then all audit events by ascending sort key."
        ),
        (
            "`restore`: `restore(dialogue_id, document)` into a store of the name `own_name`, which knows"
            " `present` of that id: `nothing`, an `item`, an `event`, or that it was `erased`."
        ),
    ],
    notes={
        "Backup": Note("the file itself", "no other store can restore it", ["MIG-06"]),
        "Changed": Note("the file is another", "a torn or edited backup is restored", ["MIG-06"]),
        "Place": Note(
            "where it is restored to",
            "a dialogue is live in two places, or comes back after it was erased",
            ["MIG-06", "MIG-02"],
        ),
    },
)

_MAKE = FAMILY.group(
    type="make",
    fields=Fields(
        input={
            "dialogue_id": TEXT,
            "items": map_of(ITEM),
            "journal": map_of(ITEM),
            "events": map_of(ITEM),
        },
        expected={"document": HEX},
    ),
)
_RESTORE = FAMILY.group(
    type="restore",
    fields=Fields(
        input={
            "dialogue_id": TEXT,
            "own_name": TEXT,
            "present": enum("nothing", "item", "event", "erased"),
            "document": HEX,
        },
        expected={"revision": INTEGER, "items": INTEGER, "events": INTEGER},
    ),
)


def _lines(
    dialogue_id: str, items: Mapping[str, Any], events: Mapping[str, Any], /, **other: Any
) -> list[bytes]:
    """The lines of a backup; `other` overrides members of its manifest."""
    plain = {sk: dict(item) for sk, item in items.items()}
    for name in ("state", "pending"):
        plain["head"].pop(name, None)
    manifest = {
        "format_version": 1,
        "dialogue_id": dialogue_id,
        "revision": plain["head"]["revision"],
        "count": len(plain),
        "digest": digest(plain.values()),
        **other,
    }
    parts = [*_ordered(plain), *_ordered(events)]
    return [
        crypto.canonical(manifest) + b"\n",
        *(crypto.item_bytes(item) + b"\n" for item in parts),
    ]


def _ordered(items: Mapping[str, Any]) -> list[Any]:
    return [items[sk] for sk in sorted(items, key=str.encode)]


def _made(
    name: str,
    dialogue_id: str,
    lying: Mapping[str, Any],
    items: Mapping[str, Any],
    events: Mapping[str, Any],
    journal: Mapping[str, Any] | None = None,
) -> Case:
    return Case(
        f"backup-make-{name}",
        rules=["MIG-06", "MIG-01", "HEAD-07"],
        flags=["Backup"],
        data={
            "dialogue_id": dialogue_id,
            "items": lying,
            "journal": journal or {},
            "events": shown(events),
        },
        expected={"document": b"".join(_lines(dialogue_id, items, events))},
    )


@_MAKE.case
def backups() -> Iterator[Case]:
    """A backup of what lies there, of a frozen partition, and of one whose last write is in a journal."""
    for name, state in (
        ("created", small()[1]["created"]),
        ("small", small()[1]["addressed"]),
        ("every-type", whole()[1]["adopted"]),
    ):
        yield _made(name, state.dialogue_id, shown(state.items), state.items, state.events)
    state = small()[1]["addressed"]
    frozen = {**state.items, "head": {**state.head, "state": "frozen"}}
    yield _made("frozen", state.dialogue_id, shown(frozen), state.items, state.events)
    state, data, _ = journalled()
    items, journal = data["items"], data["journal"]
    yield _made("with-a-journal", state.dialogue_id, items, state.items, state.events, journal)


def _given(lines: list[bytes], dialogue_id: str, own_name: str) -> dict[str, Any]:
    return {
        "dialogue_id": dialogue_id,
        "own_name": own_name,
        "present": "nothing",
        "document": b"".join(lines).hex(),
    }


@_RESTORE.case
def restored() -> Iterator[Case]:
    """A backup is restored where nothing is known of its dialogue; one of a dialogue that was moved under the
    name of its last boundary's target."""
    state = small()[1]["addressed"]
    told = moved_away()
    for name, lines, dialogue_id, own in (
        ("small", _lines(state.dialogue_id, state.items, state.events), state.dialogue_id, "attic"),
        ("moved", _lines(told.dialogue_id, told.items, told.events), told.dialogue_id, TARGET),
    ):
        items = sum(b'"pk":"dialogue#' in line for line in lines)
        yield Case(
            f"backup-restore-{name}",
            rules=["MIG-06"],
            flags=["Place"],
            data=_given(lines, dialogue_id, own),
            expected={
                "revision": (state if name == "small" else told).items["head"]["revision"],
                "items": items,
                "events": len(lines) - 1 - items,
            },
        )


def _refused(name: str, mutation: str, edit: Edit, sibling: str = "small") -> Case:
    return Case(
        f"backup-restore-{name}",
        rules=["MIG-06"],
        flags=["Place" if mutation.startswith("restore") else "Changed"],
        data=edit.data,
        result="invalid",
        mutation=mutation,
        sibling=f"backup-restore-{sibling}",
        changed=edit.changed,
    )


@_RESTORE.case
def refused() -> Iterator[Case]:
    """The file is not as its manifest has it, or this store may not restore it."""
    state = small()[1]["addressed"]
    lines = _lines(state.dialogue_id, state.items, state.events)
    given = _given(lines, state.dialogue_id, "attic")
    for name, mutation in (
        ("beside-an-item", "restore-known"),
        ("beside-an-event", "restore-known"),
        ("after-erasure", "restore-erased"),
    ):
        present = {"after-erasure": "erased"}.get(name, name.rpartition("-")[2])
        yield _refused(name, mutation, Edit(given).set("present", to=present))
    told = moved_away()
    moved = _given(_lines(told.dialogue_id, told.items, told.events), told.dialogue_id, TARGET)
    yield _refused(
        "at-its-source", "restore-elsewhere", Edit(moved).set("own_name", to=SOURCE), "moved"
    )
    yield _refused(
        "at-a-third", "restore-elsewhere", Edit(moved).set("own_name", to="attic"), "moved"
    )

    def manifest(**other: Any) -> list[bytes]:
        return _lines(state.dialogue_id, state.items, state.events, **other)

    items = {sk: item for sk, item in state.items.items() if sk != "signal#00#muffin"}
    short = _lines(state.dialogue_id, items, state.events)
    older = small()[1]["entities"]
    files = {
        "count": ("backup-digest", manifest(count=len(state.items) + 1)),
        "count-without-the-head": ("backup-digest", manifest(count=len(state.items) - 1)),
        "revision": ("backup-digest", manifest(revision=3)),
        "digest": ("backup-digest", manifest(digest="0" * 64)),
        "an-item-less": ("backup-digest", [lines[0], *short[1:]]),
        "an-older-item": (
            "backup-digest",
            [
                lines[0],
                *_lines(
                    state.dialogue_id,
                    {**state.items, "expert#muffin": older.items["expert#muffin"]},
                    state.events,
                )[1:],
            ],
        ),
        "dialogue": ("backup-foreign", manifest(dialogue_id="other-talk")),
        "member-more": ("backup-form", manifest(note="")),
        "format-version": ("backup-form", manifest(format_version=2)),
        "without-manifest": ("backup-form", lines[1:]),
        "without-last-line-feed": ("backup-form", [*lines[:-1], lines[-1][:-1]]),
        "carriage-returns": ("backup-form", [line[:-1] + b"\r\n" for line in lines]),
        "with-a-blank": ("backup-form", [lines[0].replace(b":", b": ", 1), *lines[1:]]),
        "item-twice": ("backup-form", [*lines[:2], *lines[1:]]),
        "events-first": (
            "backup-form",
            [lines[0], *lines[len(state.items) + 1 :], *lines[1 : len(state.items) + 1]],
        ),
        "with-a-state": (
            "backup-form",
            [line.replace(b'"sk":"head",', b'"sk":"head","state":"active",') for line in lines],
        ),
    }
    for name, (mutation, changed) in files.items():
        edit = Edit(given).set("document", to=b"".join(changed).hex())
        yield _refused(f"changed-{name}", mutation, edit)
