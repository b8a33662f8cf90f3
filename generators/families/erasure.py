"""Cryptographic erasure: an `erase` event on the chain closes whatever is put back (KEY-09)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ..kit import audit_events
from ..kit.crypto import Item
from ..kit.edits import Edit
from ..kit.partition_stories import WRITER, dialogue, entity, expert
from ..kit.recipe import PUBLISHED_UMK, Case, Family, Fields, Note, stored
from ..kit.schemas import ITEM, OBJECT, TEXT, hex_of, map_of
from ..kit.stories import Story, at, registered, shown
from ..kit.tables import ENVELOPE, kind, kinds

__all__ = ["FAMILY"]

FAMILY = Family(
    "erasure",
    planned=True,
    title="Erasure: what is refused once the chain says erased, and what is still given",
    header=[
        (
            "`open`: `load_partition` of `items` with the audit events `events`, as user `user_id` with the"
            " master key in `umk`. The valid case is the dialogue before it was erased; each invalid one has"
            " the erase event and more or less of what was there, put back or never taken away."
        ),
        "`collect`: `load_partition(on_error=collect)` of an erased dialogue: the cleartext that was kept.",
    ],
    notes={
        "Live": Note("a dialogue that was not erased", "a live dialogue is lost", ["KEY-09"]),
        "Erased": Note(
            "an erased dialogue as erase_dialogue leaves it, whole or stopped half-way",
            "an erased dialogue is taken for a damaged one, or for one that may be made anew",
            ["KEY-09"],
        ),
        "PutBack": Note(
            "something of before lies there again, from a backup, say",
            "an erasure can be undone by whoever may write items",
            ["KEY-09"],
        ),
        "Forged": Note(
            "an erase event that nobody with the key wrote",
            "anybody who may write items can close a dialogue for good",
            ["KEY-09", "AUDIT-02"],
        ),
        "FalseState": Note(
            "the head says erased and the chain knows of no erasure",
            "anybody who may write items can close a dialogue for good",
            ["HEAD-01"],
        ),
        "Kept": Note(
            "erased with keep_metadata: cleartext stays, no longer covered by a sum",
            "the metadata that were to be kept are lost",
            ["KEY-09"],
        ),
    },
)

_INPUT = {"dialogue_id": TEXT, "user_id": TEXT, "items": map_of(ITEM), "events": map_of(ITEM)}
_PARAMETERS = {"umk": hex_of(32)}
_OPEN = FAMILY.group(
    type="open",
    parameters={"umk": PUBLISHED_UMK},
    fields=Fields(parameters=_PARAMETERS, input=_INPUT, expected={"state": TEXT}),
)
_COLLECT = FAMILY.group(
    type="collect",
    parameters={"umk": PUBLISHED_UMK},
    fields=Fields(
        parameters=_PARAMETERS, input=_INPUT, expected={"state": TEXT, "kept": map_of(OBJECT)}
    ),
)


@cache
def _live() -> Story:
    """Two data keys, and a reader's chain; not erased."""
    return _told()


def _told() -> Story:
    told = Story("to-be-forgotten")
    told.write(at(0), dialogue(at(0), "Nobody's business"))
    told.write(at(1), expert(at(1), "muffin", "Host", relevance=0.5))
    told.rotate(at(2))
    told.read(at(3), WRITER, own=True)
    told.write(at(4), *registered("claim", at(4), entity("claim", 0, 1, "Said in private")))
    return told


@cache
def _erased() -> tuple[Story, Item]:
    """The same dialogue after `erase_dialogue`: the story with its erase event, and the tombstone."""
    told = _told()
    told.revision += 1
    own = audit_events.tip_text(told.tip(WRITER))
    told.append(at(5), "w", "erase", f"dek#{told.dialogue_id}#2", told.pk, count=2, note=own)
    tombstone = {
        "pk": told.pk,
        "sk": "head",
        "revision": told.revision,
        "updated_at": at(5),
        "state": "erased",
    }
    return told, tombstone


def _given(items: Mapping[str, Item], events: Mapping[str, Item]) -> dict[str, Any]:
    return {
        "dialogue_id": "to-be-forgotten",
        "user_id": "local",
        "items": shown(items),
        "events": shown(events),
    }


def _kept(*, without: tuple[str, ...] = ()) -> dict[str, Item]:
    """What keep_metadata leaves: no wrapped key, no envelope, the tombstone; `without`: not yet done."""
    told, tombstone = _erased()
    left = {
        sk: item
        if sk in without
        else {name: value for name, value in item.items() if name not in ENVELOPE}
        for sk, item in told.items.items()
        if not sk.startswith("dek#")
    }
    return {**left, "head": tombstone}


@_OPEN.case
def live() -> Case:
    """The dialogue before it was erased: it opens."""
    told = _live()
    return Case(
        "erasure-open-live",
        rules=["KEY-09", "KEY-07"],
        flags=["Live"],
        data=_given(told.items, told.events),
        expected={"state": "active"},
    )


def _closed(name: str, mutation: str, flag: str, items: Mapping[str, Item]) -> Case:
    """Closed by the erase event; `items` is what lies there."""
    told, _ = _erased()
    edit = Edit(_given(_live().items, _live().events))
    sk = told.tip("w")["sk"]
    edit.set("events", sk, to=stored(told.events[sk]))
    before, now = edit.data["items"], shown(items)
    for own in sorted({*before, *now}, key=str.encode):
        if own not in now:
            edit.remove("items", own)
        elif before.get(own) != now[own]:
            edit.set("items", own, to=now[own])
    return Case(
        f"erasure-open-{name}",
        rules=["KEY-09", "HEAD-01"],
        flags=[flag],
        data=edit.data,
        result="invalid",
        mutation=mutation,
        sibling="erasure-open-live",
        changed=edit.changed,
    )


@_OPEN.case
def erased() -> Iterator[Case]:
    """As `erase_dialogue` leaves it: only the tombstone, or cleartext beside it; or stopped on the way, when
    the wrapped keys are gone and items still have their envelopes."""
    _, tombstone = _erased()
    everything = tuple(_live().items)
    yield _closed("whole", "erased", "Erased", {"head": tombstone})
    yield _closed("kept-metadata", "erased", "Erased", _kept())
    yield _closed("stopped-before-the-items", "erased", "Erased", _kept(without=everything))
    yield _closed("stopped-half-way", "erased", "Erased", _kept(without=("meta", "expert#muffin")))


@_OPEN.case
def put_back() -> Iterator[Case]:
    """The wrapped keys, an item, the head or everything lie there again: the chain refuses all of it."""
    told, tombstone = _erased()
    before = _live().items
    first, second = before["dek#1"], before["dek#2"]
    items = {sk: item for sk, item in before.items() if sk not in ("dek#1", "dek#2", "head")}
    for name, put in {
        "wrapped-key": {"head": tombstone, "dek#2": second},
        "older-wrapped-key": {"head": tombstone, "dek#1": first},
        "both-wrapped-keys": {"head": tombstone, "dek#1": first, "dek#2": second},
        "wrapped-key-beside-kept-metadata": {**_kept(), "dek#2": second},
        "wrapped-keys-and-items": {**items, "head": tombstone, "dek#1": first, "dek#2": second},
    }.items():
        yield _closed(f"{name}-put-back", "wrapped-key-put-back", "PutBack", put)
    for name, put in {
        "dialogue": {"head": tombstone, "meta": before["meta"]},
        "all-items": {**items, "head": tombstone},
        "envelope": {**_kept(), "meta": before["meta"]},
    }.items():
        yield _closed(f"{name}-put-back", "item-put-back", "PutBack", put)
    head = before["head"]
    active = {**head, "revision": told.revision}
    for name, put in {
        "head": {"head": head},
        "head-and-keys": {"head": head, "dek#1": first, "dek#2": second},
        "head-with-the-new-revision": {**before, "head": active},
    }.items():
        yield _closed(f"{name}-put-back", "head-put-back", "PutBack", put)
    yield _closed("everything-put-back", "partition-put-back", "PutBack", before)


@_OPEN.case
def tombstones() -> Iterator[Case]:
    """The tombstone is gone or is another; the erase event stands."""
    told, tombstone = _erased()
    yield _closed("without-tombstone", "tombstone-removed", "PutBack", {})
    kept = _kept()
    del kept["head"]
    yield _closed("kept-metadata-without-tombstone", "tombstone-removed", "PutBack", kept)
    others: dict[str, dict[str, Any]] = {
        "active": {"state": "active"},
        "frozen": {"state": "frozen"},
        "importing": {"state": "importing"},
        "moved": {"state": "moved"},
        "revision-of-before": {"revision": told.revision - 1},
        "later-revision": {"revision": told.revision + 1},
        "later-time": {"updated_at": at(6)},
        "pending": {"pending": "5d" * 16},
    }
    for name, more in others.items():
        yield _closed(
            f"tombstone-{name}", "tombstone-changed", "PutBack", {"head": {**tombstone, **more}}
        )


@_OPEN.case
def states_that_the_chain_does_not_bear_out() -> Iterator[Case]:
    """The head says erased, or is a tombstone, and the chain has no `erase` event: what lies there was
    spoiled, not erased."""
    _, tombstone = _erased()
    before = _live().items
    head = before["head"]
    as_it_was = {**tombstone, "revision": head["revision"], "updated_at": head["updated_at"]}
    for name, items in {
        "state-alone": {**before, "head": {**head, "state": "erased"}},
        "tombstone-alone": {"head": tombstone},
        "tombstone-of-the-same-revision": {**before, "head": as_it_was},
        "tombstone-beside-what-was": {**before, "head": tombstone},
        "kept-metadata-without-erasure": _kept(),
    }.items():
        edit = Edit(_given(before, _live().events))
        now = shown(items)
        for own in list(edit.data["items"]):
            if own not in now:
                edit.remove("items", own)
            elif edit.data["items"][own] != now[own]:
                edit.set("items", own, to=now[own])
        yield Case(
            f"erasure-open-{name}",
            rules=["HEAD-01", "KEY-09"],
            flags=["FalseState"],
            data=edit.data,
            result="invalid",
            mutation="state-not-borne-out",
            sibling="erasure-open-live",
            changed=edit.changed,
        )


@_OPEN.case
def forged_erasures() -> Iterator[Case]:
    """An erase event that nobody with the key wrote closes nothing: it is a broken chain."""
    told, tombstone = _erased()
    event = stored(told.tip("w"))
    for name, spoilt in {
        "without-mac": {k: v for k, v in event.items() if k != "mac"},
        "with-another-mac": {**event, "mac": told.events["w#000000000001"]["mac"]},
    }.items():
        for with_, items in (("live-items", _live().items), ("a-tombstone", {"head": tombstone})):
            edit = Edit(_given(_live().items, _live().events))
            edit.set("events", event["sk"], to=spoilt)
            before, now = edit.data["items"], shown(items)
            for own in list(before):
                if own not in now:
                    edit.remove("items", own)
                elif before[own] != now[own]:
                    edit.set("items", own, to=now[own])
            yield Case(
                f"erasure-open-forged-{name}-{with_}",
                rules=["KEY-09", "AUDIT-02", "AUDIT-09"],
                flags=["Forged"],
                data=edit.data,
                result="invalid",
                mutation="event-mac",
                sibling="erasure-open-live",
                changed=edit.changed,
            )


@_COLLECT.case
def what_was_kept() -> Iterator[Case]:
    """Kept cleartext is given, sealed fields are not; of a dialogue erased whole there is nothing."""
    told, tombstone = _erased()
    everything = tuple(_live().items)
    for name, items in (
        ("kept-metadata", _kept()),
        ("whole", {"head": tombstone}),
        ("stopped-before-the-items", _kept(without=everything)),
    ):
        yield Case(
            f"erasure-collect-{name}",
            rules=["KEY-09"],
            flags=["Kept"],
            data=_given(items, told.events),
            expected={
                "state": "erased",
                "kept": {sk: _cleartext(sk, item) for sk, item in items.items() if sk != "head"},
            },
        )


def _cleartext(sk: str, item: Item) -> dict[str, Any]:
    name = sk.split("#", 1)[0]
    of = kind("dialogue") if name == "meta" else kinds()[name]
    return {field.name: item[field.name] for field in of.cleartext if field.name in item}
