"""Moving a dialogue: digests, batches, and the signed boundary at which one side ends (MIG)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ..kit import audit_events, crypto
from ..kit.crypto import Item
from ..kit.edits import ABSENT, Edit
from ..kit.partition_stories import dialogue, expert, round_
from ..kit.recipe import PUBLISHED_UMK, Bytes, Case, Family, Fields, Note, stored
from ..kit.schemas import (
    HEX,
    INTEGER,
    ITEM,
    TEXT,
    const,
    hex_of,
    list_of,
    map_of,
    nullable,
    object_of,
)
from ..kit.signed_notes import KEY, NAME, OTHER_KEY, signature_line, signed
from ..kit.stories import Story, at
from .audit.chain import chain_input

__all__ = ["FAMILY", "SOURCE", "TARGET", "boundary_text", "digest", "moved_away"]

FAMILY = Family(
    "migration",
    planned=True,
    title="Migration: digests, batches, the boundary event and its note, and which side is active",
    header=[
        "`digest`: is `digest` the one of `items`?",
        (
            "`import`: `import_encrypted_batch` of `batch` where `present` lies already (bytes as hex here,"
            " as base64 on the wire)."
        ),
        (
            "`boundary`: may this event stand at the end of a write chain whose last event is `before`?"
            " `name` and `public_key` are those of the signing key."
        ),
        "`continuity`: `verify_chain_continuity` over the target's `events`, with the master key in `umk`.",
        (
            "`side`: may a store of the name `own_name` write here? `before`, where it is given: boundaries"
            " between the last event that bears a mac and `last_event`."
        ),
    ],
    notes={
        "Sound": Note(
            "as an implementation does it",
            "a dialogue cannot be moved between implementations",
            ["MIG-01", "MIG-02"],
        ),
        "Digest": Note(
            "the digest is not that of the items",
            "items are lost or changed on the way",
            ["MIG-01", "MIG-03"],
        ),
        "Reading": Note(
            "the digest by another reading of MIG-01",
            "two sides never agree that a move is complete",
            ["MIG-01"],
        ),
        "Batch": Note(
            "a batch that must not be imported",
            "what lies on the target is overwritten, or mixed with another dialogue's",
            ["MIG-03"],
        ),
        "Boundary": Note(
            "event and note do not say the same, or are not what MIG-02 gives",
            "a chain is cut off or taken over with a note that was made for something else",
            ["MIG-02"],
        ),
        "Signature": Note(
            "the note is not signed by the configured key over these lines",
            "anybody can declare a dialogue moved",
            ["MIG-02", "AUDIT-07"],
        ),
        "Side": Note(
            "which side of a boundary this store is on",
            "two sides are active at the same time",
            ["MIG-02"],
        ),
    },
)

_BATCH = object_of(
    {
        "format_version": INTEGER,
        "dialogue_id": TEXT,
        "cursor?": nullable(TEXT),
        "kind": TEXT,
        "items": list_of(ITEM),
        "digest": TEXT,
        "source?": TEXT,
    }
)
_DIGEST = FAMILY.group(
    type="digest",
    file="digest",
    fields=Fields(
        input={"items": list_of(ITEM), "digest": TEXT}, intermediate={"lines": list_of(HEX)}
    ),
)
_IMPORT = FAMILY.group(
    type="import",
    file="batch",
    fields=Fields(
        input={"dialogue_id": TEXT, "batch": _BATCH, "present": map_of(ITEM)},
        expected={"imported": INTEGER, "already_there": INTEGER},
    ),
)
_BOUNDARY = FAMILY.group(
    type="boundary",
    file="boundary",
    parameters={"seed": KEY.seed},
    fields=Fields(
        parameters={"seed": hex_of(32)},
        input={
            "dialogue_id": TEXT,
            "before": ITEM,
            "event": ITEM,
            "name": TEXT,
            "public_key": hex_of(32),
        },
        intermediate={"signed": HEX, "signature": hex_of(64)},
        expected={"source": TEXT, "target": TEXT, "digest": hex_of(32)},
    ),
)
_CONTINUITY = FAMILY.group(
    type="continuity",
    file="continuity",
    parameters={"umk": PUBLISHED_UMK, "with_key": True},
    fields=Fields(
        parameters={"umk": hex_of(32), "with_key": const(True)},
        input={
            "dialogue_id": TEXT,
            "user_id": TEXT,
            "own_name": TEXT,
            "items": map_of(ITEM),
            "events": map_of(ITEM),
            "boundary": ITEM,
            "name": TEXT,
            "public_key": hex_of(32),
        },
        expected={"findings": list_of(object_of({"chain": TEXT, "sequence": INTEGER}))},
    ),
)
_SIDE = FAMILY.group(
    type="side",
    file="boundary",
    fields=Fields(
        input={
            "dialogue_id": TEXT,
            "own_name": TEXT,
            "state": TEXT,
            "before?": list_of(ITEM),
            "last_event": ITEM,
        },
        expected={"state": TEXT},
    ),
)


# -- the story -------------------------------------------------------------------------------------

SOURCE, TARGET = "home-sqlite", "office-dynamodb"


@cache
def _moved() -> tuple[Story, Item, Item, Item]:
    """A dialogue that was moved and then written to: the story, the event before the boundary, the boundary,
    the head at the cut."""
    told = Story("moving-day")
    told.write(at(0), dialogue(at(0), "What goes with us"))
    told.write(at(1), expert(at(1), "muffin", "Host"))
    before, head = told.tip("w"), told.items["head"]
    boundary = _boundary(told, boundary_text(told, before))
    told.write(at(9), round_(at(9), 0, 12))
    return told, before, boundary, head


def moved_away() -> Story:
    """A dialogue that was moved to `TARGET` and written to there."""
    return _moved()[0]


def _before() -> Story:
    told = Story("moving-day")
    told.write(at(0), dialogue(at(0), "What goes with us"))
    told.write(at(1), expert(at(1), "muffin", "Host"))
    return told


def _boundary(told: Story, text: bytes, time: str = at(8)) -> Item:
    """The boundary event that carries the signed text."""
    return told.append(
        time,
        "w",
        "boundary",
        told.items["head"]["key_id"],
        told.pk,
        count=len(told.items),
        note=signed(text).decode(),
        signed=False,
    )


def boundary_text(told: Story, before: Item, **other: str) -> bytes:
    """The ten lines of a boundary's note; `other` overrides single ones by name."""
    lines = {
        "version": "blue/boundary/v1",
        "dialogue_id": told.dialogue_id,
        "source": SOURCE,
        "target": TARGET,
        "sequence": str(before["sequence"]),
        "event_hash": before["event_hash"],
        "revision": str(told.revision),
        "count": str(len(told.items)),
        "digest": digest(told.items.values()),
        "time": at(8),
        **other,
    }
    return "".join(f"{line}\n" for line in lines.values()).encode()


def digest(items: Any) -> str:
    """MIG-01: hex SHA-256 over the items' lines."""
    return crypto.sha256(b"".join(_lines(items))).hex()


def _lines(items: Any) -> list[bytes]:
    """By ascending sort key (bytes), the head without `state` and `pending`, each as canonical JSON
    and one LF."""
    ordered = sorted(items, key=lambda item: str(item["sk"]).encode())
    return [crypto.item_bytes(_stateless(item)) + b"\n" for item in ordered]


def _stateless(item: Mapping[str, Any]) -> Item:
    if item["sk"] != "head":
        return dict(item)
    return {name: value for name, value in item.items() if name not in ("state", "pending")}


# -- digests ---------------------------------------------------------------------------------------


def _digest_input(items: list[Item]) -> dict[str, Any]:
    return {"items": [stored(item) for item in items], "digest": digest(items)}


def _unshown(items: list[Mapping[str, Any]]) -> list[Item]:
    return [
        {n: bytes.fromhex(v["bytes"]) if isinstance(v, dict) else v for n, v in item.items()}
        for item in items
    ]


def _digest_case(name: str, data: Mapping[str, Any], flag: str, **more: Any) -> Case:
    return Case(
        f"migration-digest-{name}",
        rules=["MIG-01", "ADDR-10"],
        flags=[flag],
        data=data,
        intermediate={"lines": _lines(_unshown(data["items"]))},
        **more,
    )


def _few() -> list[Item]:
    told = _before()
    deks = [
        {"pk": told.pk, "sk": f"dek#{n}", "created_at": at(n), "commitment": f"{n:064x}"}
        for n in (2, 10, 1)
    ]
    return [
        told.items["head"],
        {"pk": told.pk, "sk": "signal#00#muffin", "created_at": at(1)},
        *deks,
        {"pk": told.pk, "sk": "meta", "title": "é\u2028\U0001f600", "n": 1e-06, "flag": False},
    ]


@_DIGEST.case
def digests() -> Iterator[Case]:
    """Items in whatever order; the digest takes them by the bytes of their sort keys, `dek#10` before
    `dek#2`, the head without `state` and `pending`."""
    told = _before()
    yield _digest_case("few-items", _digest_input(_few()), "Sound")
    yield _digest_case("whole-partition", _digest_input(list(told.items.values())), "Sound")
    yield _digest_case("no-items", _digest_input([]), "Sound")
    frozen = [{**item, "state": "frozen"} if item["sk"] == "head" else item for item in _few()]
    yield _digest_case("frozen-head", _digest_input(frozen), "Sound")
    named = [{**item, "pending": "5d" * 16} if item["sk"] == "head" else item for item in _few()]
    yield _digest_case("head-with-pending", _digest_input(named), "Sound")


@_DIGEST.case
def digests_that_do_not_fit() -> Iterator[Case]:
    """An item is another, missing or too many, or the digest was made by another reading."""
    data = _digest_input(_few())
    edits = {
        "time-of-a-signal": Edit(data).set("items", 1, "created_at", to=at(2)),
        "byte-of-the-head": Edit(data).flip("items", 0, "content_encrypted", "bytes", offset=4),
        "revision-of-the-head": Edit(data).set("items", 0, "revision", to=9),
        "attribute-added": Edit(data).set("items", 1, "note", to=""),
        "number-as-text": Edit(data).set("items", 5, "n", to="0.000001"),
        "without-an-item": Edit(data).set("items", to=data["items"][:5]),
        "an-item-twice": Edit(data).set("items", to=[*data["items"], data["items"][1]]),
    }
    for name, edit in edits.items():
        yield _bad_digest(name, "digest-items", "Digest", edit)
    lines = _lines(_few())
    items = _few()
    given = [crypto.item_bytes(_stateless(item)) + b"\n" for item in items]
    by_number = [lines[0], lines[2], lines[1], *lines[3:]]
    hexed = [
        crypto.canonical(
            {n: v.hex() if isinstance(v, bytes) else v for n, v in _stateless(item).items()}
        )
        + b"\n"
        for item in sorted(items, key=lambda item: item["sk"].encode())
    ]
    with_state = [
        crypto.item_bytes(item) + b"\n"
        for item in sorted(items, key=lambda item: item["sk"].encode())
    ]
    sha = crypto.sha256
    readings = {
        "in-given-order": sha(b"".join(given)).hex(),
        "versions-as-numbers": sha(b"".join(by_number)).hex(),
        "with-state": sha(b"".join(with_state)).hex(),
        "without-the-head": sha(
            b"".join(line for line in lines if b'"sk":"head"' not in line)
        ).hex(),
        "without-line-feeds": sha(b"".join(line[:-1] for line in lines)).hex(),
        "without-the-last-line-feed": sha(b"".join(lines)[:-1]).hex(),
        "with-carriage-returns": sha(b"".join(line[:-1] + b"\r\n" for line in lines)).hex(),
        "bytes-as-hex": sha(b"".join(hexed)).hex(),
        "as-a-list": sha(b"[" + b",".join(line[:-1] for line in lines) + b"]").hex(),
        "of-hashes": sha(b"".join(sha(line) for line in lines)).hex(),
        "in-upper-case": data["digest"].upper(),
        "cut": data["digest"][:32],
        "backwards": sha(b"".join(reversed(lines))).hex(),
    }
    for name, value in readings.items():
        edit = Edit(data).set("digest", to=value)
        yield _bad_digest(f"reading-{name}", "digest-reading", "Reading", edit)


def _bad_digest(name: str, mutation: str, flag: str, edit: Edit) -> Case:
    return _digest_case(
        name,
        edit.data,
        flag,
        result="invalid",
        mutation=mutation,
        sibling="migration-digest-few-items",
        changed=edit.changed,
    )


# -- batches ---------------------------------------------------------------------------------------


def _batch(kind: str, items: list[Item], cursor: str | None) -> dict[str, Any]:
    ordered = sorted(items, key=lambda item: str(item["sk"]).encode())
    return {
        "format_version": 1,
        "dialogue_id": "moving-day",
        "cursor": cursor,
        "kind": kind,
        "items": [stored(item) for item in ordered],
        "digest": digest(items),
    }


def _import_input(batch: Mapping[str, Any], present: list[Item]) -> dict[str, Any]:
    return {
        "dialogue_id": "moving-day",
        "batch": batch,
        "present": {item["sk"]: stored(item) for item in present},
    }


def _import_case(name: str, data: Mapping[str, Any], flag: str, **more: Any) -> Case:
    return Case(
        f"migration-import-{name}",
        rules=["MIG-01", "MIG-03"],
        flags=[flag],
        data=data,
        **more,
    )


@_IMPORT.case
def batches() -> Iterator[Case]:
    """Batches by ascending sort key, the head in a batch of its own at the end, then the events; a batch
    imported twice changes nothing. Until the head comes a tombstone in its form lies there, and `importing`
    it stays: `state` is no part of what is compared."""
    told = _before()
    others = [item for sk, item in told.items.items() if sk != "head"]
    head = [{**told.items["head"], "state": "frozen"}]
    importing = {**told.items["head"], "state": "importing"}
    held = {n: importing[n] for n in ("pk", "sk", "revision", "updated_at", "state")}
    events = list(told.events.values())
    cases: dict[str, tuple[dict[str, Any], list[Item]]] = {
        "items": (_batch("items", others, "c1"), []),
        "items-again": (_batch("items", others, "c1"), others),
        "items-in-part-there": (_batch("items", others, "c1"), others[:1]),
        "head-last": (_batch("items", head, "c2"), [*others, held]),
        "head-again": (_batch("items", head, "c2"), [*others, importing]),
        "events": (_batch("events", events, None), events[:2]),
        "empty": (_batch("items", [], "c3"), others),
    }
    for name, (batch, present) in cases.items():
        there = {(item["pk"], item["sk"]) for item in present if item is not held}
        again = sum((item["pk"], item["sk"]) in there for item in batch["items"])
        yield _import_case(
            name,
            _import_input(batch, present),
            "Sound",
            expected={"imported": len(batch["items"]) - again, "already_there": again},
        )


@_IMPORT.case
def batches_that_are_refused() -> Iterator[Case]:
    """A batch that misses its digest, holds what is not this dialogue's, or differs from what lies there."""
    told = _before()
    others = [item for sk, item in told.items.items() if sk != "head"]
    data = _import_input(_batch("items", others, "c1"), others[:1])

    def bad(name: str, mutation: str, edit: Edit) -> Case:
        return _import_case(
            name,
            edit.data,
            "Digest" if mutation == "batch-digest" else "Batch",
            result="invalid",
            mutation=mutation,
            sibling="migration-import-items-in-part-there",
            changed=edit.changed,
        )

    def again(edit: Edit) -> Edit:
        """The digest made to fit, which anybody can."""
        return edit.set("batch", "digest", to=digest(_unshown(edit.data["batch"]["items"])))

    last = len(others) - 1
    batch = data["batch"]
    first = batch["items"][0]["sk"]
    yield bad("digest", "batch-digest", Edit(data).set("batch", "digest", to="0" * 64))
    yield bad(
        "digest-in-upper-case",
        "batch-digest",
        Edit(data).set("batch", "digest", to=batch["digest"].upper()),
    )
    yield bad(
        "item-changed",
        "batch-digest",
        Edit(data).set("batch", "items", last, "status", to="closed"),
    )
    yield bad(
        "item-missing", "batch-digest", Edit(data).set("batch", "items", to=batch["items"][:-1])
    )
    twice = [*batch["items"], batch["items"][-1]]
    yield bad("item-twice", "batch-form", again(Edit(data).set("batch", "items", to=twice)))
    yield bad("kind", "batch-form", Edit(data).set("batch", "kind", to="keys"))
    yield bad(
        "kind-of-the-other-partition", "batch-form", Edit(data).set("batch", "kind", to="events")
    )
    yield bad("unknown-member", "batch-form", Edit(data).set("batch", "source", to=SOURCE))
    yield bad("without-cursor", "batch-form", Edit(data).remove("batch", "cursor"))
    yield bad("format-version", "batch-form", Edit(data).set("batch", "format_version", to=2))
    yield bad(
        "of-another-dialogue",
        "batch-foreign",
        Edit(data).set("batch", "dialogue_id", to="other-day"),
    )
    edit = Edit(data).set("batch", "items", last, "pk", to="dialogue#other-day")
    yield bad("item-of-another-dialogue", "batch-foreign", again(edit))
    edit = Edit(data).set("batch", "items", last, "pk", to="journal#moving-day")
    yield bad("item-of-a-journal", "batch-foreign", again(edit))
    edit = Edit(data).set("present", first, "created_at", to=at(5))
    yield bad("other-lies-there", "batch-conflict", edit)
    edit = Edit(data).set("batch", "items", 0, "created_at", to=at(5))
    yield bad("differs-from-what-lies-there", "batch-conflict", again(edit))
    edit = Edit(data)
    edit.flip("present", first, "content_encrypted", "bytes", offset=-1)
    yield bad("tag-of-what-lies-there", "batch-conflict", edit)
    edit = Edit(data).set("present", first, "note", to="x")
    yield bad("more-lies-there", "batch-conflict", edit)


# -- the boundary ----------------------------------------------------------------------------------


def _boundary_input() -> dict[str, Any]:
    _, before, boundary, _ = _moved()
    return {
        "dialogue_id": "moving-day",
        "before": stored(before),
        "event": stored(boundary),
        "name": NAME,
        "public_key": KEY.public.hex(),
    }


@_BOUNDARY.case
def sound_boundary() -> Case:
    """The last event of the source: no mac, for its note is signed like a checkpoint and names ten things."""
    text = _note_text()
    return Case(
        "migration-boundary-sound",
        rules=["MIG-02", "AUDIT-02", "AUDIT-07"],
        flags=["Sound"],
        data=_boundary_input(),
        intermediate={"signed": text, "signature": KEY.sign(text)},
        expected={"source": SOURCE, "target": TARGET, "digest": text.decode().split("\n")[8]},
    )


def _note_text() -> bytes:
    text: str = _moved()[2]["note"]
    return text.split("\n\n", maxsplit=1)[0].encode() + b"\n"


def _bad_boundary(name: str, mutation: str, flag: str, edit: Edit) -> Case:
    return Case(
        f"migration-boundary-{name}",
        rules=["MIG-02", "AUDIT-05"],
        flags=[flag],
        data=edit.data,
        result="invalid",
        mutation=mutation,
        sibling="migration-boundary-sound",
        changed=edit.changed,
    )


def _with_note(note: bytes) -> Edit:
    """Another note in the event, and the hash that fits."""
    return _with_fields(note=note.decode())


def _with_fields(**fields: Any) -> Edit:
    edit = Edit(_boundary_input())
    event = {k: v for k, v in {**edit.data["event"], **fields}.items() if v is not ABSENT}
    for name, value in fields.items():
        edit.set("event", name, to=value)
    return edit.set("event", "event_hash", to=audit_events.event_hash(event))


@_BOUNDARY.case
def notes_with_another_line() -> Iterator[Case]:
    """Signed by the configured key, hashed to fit: and one line is not what the event or the form says."""
    told, before, _, _ = _moved()
    base = _before()
    wrong = {
        "another-version": {"version": "blue/boundary/v2"},
        "checkpoint": {"version": "blue/checkpoint/v1"},
        "another-dialogue": {"dialogue_id": "other-day"},
        "source-no-identifier": {"source": "home sqlite"},
        "target-no-identifier": {"target": "office/dynamodb"},
        "target-empty": {"target": ""},
        "target-is-the-source": {"target": SOURCE},
        "sequence-of-itself": {"sequence": str(before["sequence"] + 1)},
        "sequence-of-an-earlier-event": {"sequence": str(before["sequence"] - 1)},
        "sequence-leading-zero": {"sequence": f"0{before['sequence']}"},
        "hash-of-another-event": {"event_hash": told.events["w#000000000001"]["event_hash"]},
        "hash-in-upper-case": {"event_hash": before["event_hash"].upper()},
        "revision-one-more": {"revision": str(base.revision + 1)},
        "revision-leading-zero": {"revision": f"0{base.revision}"},
        "count-without-the-head": {"count": str(len(base.items) - 1)},
        "count-leading-zero": {"count": f"0{len(base.items)}"},
        "digest-in-upper-case": {"digest": digest(base.items.values()).upper()},
        "digest-cut": {"digest": digest(base.items.values())[:-2]},
        "time-of-another-moment": {"time": at(7)},
        "time-without-fraction": {"time": "2026-02-03T10:23:00Z"},
    }
    for name, lines in wrong.items():
        note = signed(boundary_text(base, before, **lines))
        yield _bad_boundary(f"note-{name}", "boundary-note", "Boundary", _with_note(note))
    text = _note_text()
    lines_ = text.splitlines(keepends=True)
    for name, changed in (
        ("line-more", text + b"more\n"),
        ("line-less", b"".join(lines_[:9])),
        ("lines-exchanged", b"".join([*lines_[:6], lines_[7], lines_[6], *lines_[8:]])),
    ):
        yield _bad_boundary(
            f"note-{name}", "boundary-note", "Boundary", _with_note(signed(changed))
        )


@_BOUNDARY.case
def notes_not_signed_so() -> Iterator[Case]:
    """The signature is not the configured key's over these lines; the event's hash fits."""
    text = _note_text()
    good = KEY.sign(text)
    other = signature_line(OTHER_KEY.key_id("witness"), OTHER_KEY.sign(text), "witness")
    wrong = {
        "by-another-key": signed(text, key=OTHER_KEY),
        "by-another-name": signed(text, name="example.org/red"),
        "last-bit": text
        + b"\n"
        + signature_line(KEY.key_id(NAME), good[:-1] + bytes([good[-1] ^ 0x20])),
        "with-a-witness": signed(text) + other,
        "without-signature": text,
        "of-an-older-boundary": text.replace(TARGET.encode(), b"attic-sqlite")
        + b"\n"
        + signature_line(KEY.key_id(NAME), good),
    }
    for name, note in wrong.items():
        yield _bad_boundary(
            f"signature-{name}", "boundary-signature", "Signature", _with_note(note)
        )
    edit = Edit(_boundary_input()).set("public_key", to=OTHER_KEY.public.hex())
    yield _bad_boundary(
        "signature-checked-with-another-key", "boundary-signature", "Signature", edit
    )


@_BOUNDARY.case
def events_beside_their_note() -> Iterator[Case]:
    """The note is sound; the event around it does not say the same."""
    told, _, boundary, _ = _moved()
    wrong: dict[str, dict[str, Any]] = {
        "count": {"count": boundary["count"] - 1},
        "revision": {"revision": boundary["revision"] + 1},
        "timestamp": {"timestamp": at(9)},
        "sequence": {"sequence": boundary["sequence"] + 1},
        "previous-hash": {"previous_hash": told.events["w#000000000003"]["event_hash"]},
        "operation": {"operation": "encrypt"},
        "outcome": {"outcome": "failure"},
        "chain": {"chain": "r#00000000000000a1"},
        "dialogue": {"dialogue_id": "other-day"},
        "key-id": {"key_id": "dek#moving-day#2"},
        "without-note": {"note": ABSENT},
    }
    for name, fields in wrong.items():
        yield _bad_boundary(f"event-{name}", "boundary-event", "Boundary", _with_fields(**fields))
    own = audit_events.mac(told.mac_key, boundary["event_hash"])
    edit = Edit(_boundary_input()).set("event", "mac", to=own)
    yield _bad_boundary("event-with-mac", "boundary-event", "Boundary", edit)
    edit = Edit(_boundary_input()).set("event", "principal", to="somebody")
    yield _bad_boundary("event-hash", "event-field", "Boundary", edit)
    note = boundary["note"]
    spot = note.index(TARGET)
    edit = Edit(_boundary_input())
    edit.data["event"]["note"] = note[:spot] + "p" + note[spot + 1 :]
    edit.changed.append(Bytes("/event/note", spot, 1))
    yield _bad_boundary("event-target", "event-field", "Boundary", edit)


# -- across the boundary ---------------------------------------------------------------------------


def _continuity_input() -> dict[str, Any]:
    told, _, boundary, _ = _moved()
    return {
        **chain_input(told),
        "own_name": TARGET,
        "boundary": stored(boundary),
        "name": NAME,
        "public_key": KEY.public.hex(),
    }


@_CONTINUITY.case
def one_chain_on_both_sides() -> Case:
    """The target's first event names the boundary as the one before it: one chain from the first write on."""
    return Case(
        "migration-continuity-sound",
        rules=["MIG-02", "MIG-04", "AUDIT-05"],
        flags=["Sound"],
        data=_continuity_input(),
        expected={"findings": []},
    )


@_CONTINUITY.case
def there_and_back() -> Case:
    """Moved, written to, moved back and written to again: what counts is the last boundary's target."""
    told = _before()
    _boundary(told, boundary_text(told, told.tip("w")))
    told.write(at(9), round_(at(9), 0, 12))
    names = {"source": TARGET, "target": SOURCE, "time": at(10)}
    back = _boundary(told, boundary_text(told, told.tip("w"), **names), at(10))
    told.write(at(11), expert(at(11), "eclair", "Guest"))
    return Case(
        "migration-continuity-there-and-back",
        rules=["MIG-02", "MIG-04", "AUDIT-05"],
        flags=["Sound"],
        data={
            **chain_input(told),
            "own_name": SOURCE,
            "boundary": stored(back),
            "name": NAME,
            "public_key": KEY.public.hex(),
        },
        expected={"findings": []},
    )


@_CONTINUITY.case
def chains_broken_at_the_boundary() -> Iterator[Case]:
    """Events before, at or after the boundary are not those of one chain."""
    told, before, boundary, _ = _moved()
    at_boundary, after = boundary["sk"], told.tip("w")["sk"]
    sequence = int(boundary["sequence"])

    def bad(name: str, mutation: str, edit: Edit, found: tuple[str, int]) -> Case:
        return Case(
            f"migration-continuity-{name}",
            rules=["MIG-02", "MIG-04", "AUDIT-05", "AUDIT-09"],
            flags=["Boundary"],
            data=edit.data,
            expected={"findings": [{"chain": found[0], "sequence": found[1]}]},
            result="invalid",
            mutation=mutation,
            sibling="migration-continuity-sound",
            changed=edit.changed,
        )

    def edit() -> Edit:
        return Edit(_continuity_input())

    def resigned(item: Mapping[str, Any], *, mac: bool, **fields: Any) -> dict[str, Any]:
        event = {**item, **fields}
        event["event_hash"] = audit_events.event_hash(event)
        if mac:
            event["mac"] = audit_events.mac(told.mac_key, event["event_hash"])
        return event

    yield bad(
        "boundary-missing", "event-removed", edit().remove("events", at_boundary), ("w", sequence)
    )
    first = edit().remove("events", "w#000000000002")
    yield bad("event-before-missing", "event-removed", first, ("w", 2))
    changed = edit().set("events", at_boundary, "principal", to="somebody")
    yield bad("boundary-changed", "event-field", changed, ("w", sequence))
    skip = edit()
    event = resigned(told.events[after], mac=True, previous_hash=before["event_hash"])
    for name in ("previous_hash", "event_hash", "mac"):
        skip.set("events", after, name, to=event[name])
    yield bad("next-names-the-event-before", "boundary-skipped", skip, ("w", sequence + 1))
    other = edit()
    note = signed(_note_text(), key=OTHER_KEY).decode()
    event = resigned(boundary, mac=False, note=note)
    for name in ("note", "event_hash"):
        other.set("events", at_boundary, name, to=event[name])
    yield bad("boundary-by-another-key", "boundary-signature", other, ("w", sequence))
    given = edit()
    event = resigned(boundary, mac=False, principal="somebody")
    for name in ("principal", "event_hash"):
        given.set("boundary", name, to=event[name])
    yield bad("boundary-given-is-another", "boundary-differs", given, ("w", sequence))
    falls = edit()
    event = resigned(told.events[after], mac=True, revision=1)
    for name in ("revision", "event_hash", "mac"):
        falls.set("events", after, name, to=event[name])
    yield bad("revision-falls-after", "revision-falls", falls, ("w", sequence + 1))


# -- which side ------------------------------------------------------------------------------------


def _side_input() -> dict[str, Any]:
    return {
        "dialogue_id": "moving-day",
        "own_name": TARGET,
        "state": "active",
        "last_event": stored(_moved()[2]),
    }


@_SIDE.case
def active_sides() -> Iterator[Case]:
    """Who may write: the side that the last boundary names, and whoever has no boundary at the end."""
    data = _side_input()
    told, before, _, _ = _moved()
    for name, given in (
        ("target", data),
        ("target-after-its-first-write", {**data, "last_event": stored(told.tip("w"))}),
        ("source-before-the-cut", {**data, "own_name": SOURCE, "last_event": stored(before)}),
    ):
        yield Case(
            f"migration-side-{name}",
            rules=["MIG-02"],
            flags=["Side"],
            data=given,
            expected={"state": "active"},
        )


@_SIDE.case
def moved_to_and_fro() -> Iterator[Case]:
    """Moved again and again with no write in between: eight boundaries in a row are read, a ninth is not."""
    eight, nine = _to_and_fro(8), _to_and_fro(9)
    yield Case(
        "migration-side-after-eight-boundaries",
        rules=["MIG-02", "AUDIT-09"],
        flags=["Side"],
        data=eight,
        expected={"state": "active"},
    )
    edit = Edit(eight)
    for name in ("own_name", "before", "last_event"):
        edit.set(name, to=nine[name])
    yield Case(
        "migration-side-after-nine-boundaries",
        rules=["MIG-02", "AUDIT-09"],
        flags=["Side"],
        data=edit.data,
        result="invalid",
        mutation="boundaries-too-many",
        sibling="migration-side-after-eight-boundaries",
        changed=edit.changed,
    )


def _to_and_fro(times: int) -> dict[str, Any]:
    """A dialogue that was moved so many times since its last write, as its present side sees it."""
    told, sides, row = _before(), (SOURCE, TARGET), []
    for number in range(times):
        here, there = sides[number % 2], sides[(number + 1) % 2]
        time = at(8 + number)
        text = boundary_text(told, told.tip("w"), source=here, target=there, time=time)
        row.append(stored(_boundary(told, text, time)))
    return {
        "dialogue_id": "moving-day",
        "own_name": sides[times % 2],
        "state": "active",
        "before": row[:-1],
        "last_event": row[-1],
    }


@_SIDE.case
def sides_that_stand_still() -> Iterator[Case]:
    """The chain decides who has moved, whatever `state` says; `frozen` and `importing` only stop work, and
    a `moved` or `erased` that the chain does not bear out is a fault of the head."""
    wrong: dict[str, tuple[str, tuple[str, ...], Any]] = {
        "source-after-the-cut": ("moved-by-chain", ("own_name",), SOURCE),
        "a-third-name": ("moved-by-chain", ("own_name",), "attic-sqlite"),
        "target-in-upper-case": ("moved-by-chain", ("own_name",), TARGET.upper()),
        "frozen": ("state-frozen", ("state",), "frozen"),
        "importing": ("state-importing", ("state",), "importing"),
        "moved-by-state-alone": ("state-not-borne-out", ("state",), "moved"),
        "erased-by-state-alone": ("state-not-borne-out", ("state",), "erased"),
    }
    for name, (mutation, steps, value) in wrong.items():
        edit = Edit(_side_input()).set(*steps, to=value)
        yield Case(
            f"migration-side-{name}",
            rules=["MIG-02", "HEAD-01"],
            flags=["Side"],
            data=edit.data,
            result="invalid",
            mutation=mutation,
            sibling="migration-side-target",
            changed=edit.changed,
        )
