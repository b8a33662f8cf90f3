"""Chains with one thing wrong: what was changed, and which event a verifier must name for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .chain import FIELDS, Chain, made
from .forge import PUBLISHED_UMK, Item, derive_kek

__all__ = ["FAULTS", "KEK", "MADE", "ChainFault", "Laid"]

KEK = derive_kek(PUBLISHED_UMK, "local")


@dataclass
class Laid:
    """The audit events of a dialogue as a fault lays them out, by sort key.

    ``w``: the write chain's 11 events, the last named by the head. ``r``: a read chain's five, of
    which writes noted the third and the fourth. ``other``: the write chain of another dialogue.
    ``audit_head``: what the head is to name; None leaves it as it is.
    """

    w: Chain
    r: Chain
    other: Chain
    events: dict[str, Item]
    audit_head: str | None = None

    @classmethod
    def of(cls, w: Chain, r: Chain, other: Chain) -> Laid:
        """The events as they were written."""
        return cls(w, r, other, {event["sk"]: dict(event) for event in (*w, *r)})

    def chain(self, name: str) -> Chain:
        """``w`` or ``r``."""
        return self.w if name == "w" else self.r

    def put(self, event: Mapping[str, Any], sk: str | None = None) -> None:
        """Lay out an event under its own key or another."""
        sk = str(event["sk"]) if sk is None else sk
        self.events[sk] = {**event, "sk": sk}

    def relink(self, name: str, first: int, /, **changes: Any) -> None:
        """Make a chain again from a sequence on, with the key, and let the head name its end: what
        whoever holds the KEK could have written. ``changes`` go into the first event of these."""
        chain = self.chain(name)
        before = chain[first - 2] if first > 1 else None
        for event in chain[first - 1 :]:
            kept = {n: v for n, v in event.items() if n in FIELDS and n not in MADE}
            fields = kept | (changes if event is chain[first - 1] else {})
            before = made(KEK, fields, after=before, chain=event["chain"])
            self.put(before)
        if name == "w" and before is not None:
            self.audit_head = before["event_hash"]


#: What follows from the other fields and from the event before.
MADE = ("previous_hash", "sequence", "chain", "event_hash", "mac")


@dataclass(frozen=True)
class ChainFault:
    """A change, and the events of which one must be named first: (chain, sequence), ``w`` or ``r``.

    ``named`` is for a verifier with the key, ``without`` for one without it; empty: it is not found.
    None: nothing is said about that verifier.
    """

    name: str
    apply: Callable[[Laid], None]
    named: tuple[tuple[str, int], ...]
    without: tuple[tuple[str, int], ...] | None

    def __str__(self) -> str:
        return self.name


def _flipped(value: Any) -> Any:
    """The value with one bit changed."""
    if isinstance(value, int):
        return value ^ 1
    if value[-1] in "af":  # the neighbours of these are no hex digits
        return value[:-1] + chr(ord(value[-1]) ^ 4)
    return value[:-1] + chr(ord(value[-1]) ^ 1)


def _set(name: str, sequence: int, /, **changes: Any) -> Callable[[Laid], None]:
    """Change fields of an event and nothing else; None removes one."""

    def apply(laid: Laid) -> None:
        event = laid.chain(name)[sequence - 1]
        changed = {**event, **changes}
        laid.put({n: v for n, v in changed.items() if v is not None})

    return apply


def _flip(name: str, sequence: int, field: str) -> Callable[[Laid], None]:
    def apply(laid: Laid) -> None:
        event = laid.chain(name)[sequence - 1]
        assert field in event, f"{name} {sequence} has no {field}"
        laid.put({**event, field: _flipped(event[field])})

    return apply


def _rehash(name: str, sequence: int, /, **changes: Any) -> Callable[[Laid], None]:
    """Change fields and make the hash right again; the mac stays: nobody but the key's holder can
    make another."""

    def apply(laid: Laid) -> None:
        event = laid.chain(name)[sequence - 1]
        fields = {n: v for n, v in event.items() if n in FIELDS and n != "event_hash"}
        laid.put(made(None, fields | changes, chain=event["chain"]))

    return apply


def _remove(name: str, *sequences: int) -> Callable[[Laid], None]:
    def apply(laid: Laid) -> None:
        for event in laid.chain(name):
            if event["sequence"] in sequences:
                del laid.events[event["sk"]]

    return apply


def _append(name: str, *, kek: bytes | None = None, **fields: Any) -> Callable[[Laid], None]:
    """Go on with a chain, linked and hashed; without ``kek`` there is no mac."""

    def apply(laid: Laid) -> None:
        last = laid.chain(name)[-1]
        common = {"dialogue_id": last["dialogue_id"], "operation": "decrypt"}
        laid.put(made(kek, common | fields, after=last, chain=last["chain"]))

    return apply


def _field_faults() -> Iterator[ChainFault]:
    without: tuple[tuple[str, int], ...]
    for field in FIELDS:
        at = (("w", 6),)  # it has a note
        without = () if field == "mac" else at
        yield ChainFault(f"a bit of {field}", _flip("w", 6, field), at, without)
        yield ChainFault(f"no {field}", _set("w", 6, **{field: None}), at, without)
    for name, sequence in (("w", 1), ("w", 11), ("r", 1), ("r", 3), ("r", 5)):
        shown = f"{name} {sequence}"
        for field in ("count", "event_hash", "previous_hash"):
            at = ((name, sequence),)
            yield ChainFault(f"a bit of {field} of {shown}", _flip(name, sequence, field), at, at)
        yield ChainFault(
            f"a bit of mac of {shown}", _flip(name, sequence, "mac"), ((name, sequence),), ()
        )
    at = (("w", 6),)
    for shown, changes in (
        ("a field too many", {"comment": "x"}),
        ("a sequence as text", {"sequence": "6"}),
        ("a count as text", {"count": "2"}),
        ("a revision that is true", {"revision": True}),
        ("bytes for a note", {"note": b"x"}),
        ("a key_id that is a number", {"key_id": 1}),
    ):
        yield ChainFault(shown, _set("w", 6, **changes), at, at)
    huge = _set("w", 6, revision=2**60)
    yield ChainFault("a revision beyond what canonical JSON holds", huge, at, at)


def _form_faults() -> Iterator[ChainFault]:
    """AUDIT-01: made again with the key, so that hash, links, macs and the head fit; but the event has a
    field of another form, and a reader checks the form of every field."""
    at = (("w", 9),)
    for name, changes in (
        ("a trace_id in upper case", {"trace_id": "A" * 32}),
        ("a trace_id of 31 digits", {"trace_id": "0" * 31}),
        ("a trace_id that is a word", {"trace_id": "no trace"}),
        ("a span_id in upper case", {"span_id": "B" * 16}),
        ("a span_id of 17 digits", {"span_id": "0" * 17}),
        ("an empty span_id", {"span_id": ""}),
        ("an event_id of version 4", {"event_id": "0196a000-0000-4000-8000-000000000000"}),
        ("a time without a fraction", {"timestamp": "2026-02-03T10:15:00Z"}),
        ("an operation that is none", {"operation": "peek"}),
        ("an outcome that is none", {"outcome": "maybe"}),
        ("a key_id of version 01", {"key_id": "dek#d#01"}),
        ("a key_id of another dialogue", {"key_id": "dek#e#1"}),
        ("a subject in another dialogue", {"subject": "dialogue#e"}),
        ("a count below zero", {"count": -1}),
    ):
        yield ChainFault(name, lambda x, c=changes: x.relink("w", 9, **c), at, at)  # type: ignore[misc]
    end = (("r", 6),)
    opened: dict[str, Any] = {"key_id": "dek#d#1", "revision": 99}
    noted = _append("r", kek=KEK, note=f"r#{'0' * 16} 1 {'0' * 64}", **opened)
    yield ChainFault("a note on a read", noted, end, end)
    for name, note in (("no note", None), ("a note", "blue/boundary/v1\n")):
        boundary = _append("r", operation="boundary", note=note, **opened)
        yield ChainFault(f"r goes on with a boundary with {name}", boundary, end, end)


def _hash_faults() -> Iterator[ChainFault]:
    """The hash is made right again; only the key, a later event or a note can tell."""
    fake = {"principal": "mallory"}
    yield ChainFault("w 4 hashed again", _rehash("w", 4, **fake), (("w", 4),), (("w", 5),))
    yield ChainFault("w 11 hashed again", _rehash("w", 11, **fake), (("w", 11),), ())
    yield ChainFault("r 2 hashed again", _rehash("r", 2, **fake), (("r", 2),), (("r", 3),))
    noted = (("r", 4),)
    yield ChainFault("r 4 hashed again, which a write noted", _rehash("r", 4, **fake), noted, noted)
    yield ChainFault("r 5 hashed again", _rehash("r", 5, **fake), (("r", 5),), ())
    unlinked = _rehash("w", 4, previous_hash="0" * 64)
    yield ChainFault("w 4 linked elsewhere", unlinked, (("w", 4),), (("w", 4),))
    yield ChainFault("w 4 without mac", _set("w", 4, mac=None), (("w", 4),), ())
    failed = _rehash("w", 4, outcome="failure", mac=None)
    yield ChainFault("w 4 a failure without mac", failed, (("w", 4),), (("w", 5),))
    tail = _rehash("r", 5, outcome="failure", mac=None)
    yield ChainFault("r 5 a failed decrypt without mac", tail, (("r", 5),), ())

    def by_the_holder(name: str, sequence: int) -> Callable[[Laid], None]:
        def apply(laid: Laid) -> None:
            event = laid.chain(name)[sequence - 1]
            kept = {n: v for n, v in event.items() if n in FIELDS}
            kept = {n: v for n, v in kept.items() if n not in ("event_hash", "mac")}
            laid.put(made(KEK, kept | fake, chain=event["chain"]))

        return apply

    at = (("w", 5),)
    yield ChainFault("w 4 made again with the key", by_the_holder("w", 4), at, at)
    ends = (("w", 11), ("w", 12))
    yield ChainFault("w 11 made again with the key", by_the_holder("w", 11), ends, ())
    at = (("r", 3),)
    yield ChainFault("r 3 made again with the key", by_the_holder("r", 3), at, at)


def _set_faults() -> Iterator[ChainFault]:
    """Events that are missing, doubled or foreign."""
    for name, sequence in (("w", 1), ("w", 4), ("w", 10), ("r", 1), ("r", 2)):
        at = ((name, sequence),)
        yield ChainFault(f"{name} {sequence} missing", _remove(name, sequence), at, at)
    yield ChainFault("w 4 to 6 missing", _remove("w", 4, 5, 6), (("w", 4),), (("w", 4),))
    yield ChainFault("w cut by one", _remove("w", 11), (("w", 11),), ())
    yield ChainFault("w cut by two", _remove("w", 10, 11), (("w", 10),), ())
    yield ChainFault("w gone", _remove("w", *range(1, 12)), (("w", 1),), None)
    yield ChainFault("r cut beyond what was noted", _remove("r", 5), (), ())
    yield ChainFault("r cut below a note", _remove("r", 4, 5), (("r", 4),), (("r", 4),))
    yield ChainFault("r cut below two notes", _remove("r", 3, 4, 5), (("r", 3),), (("r", 3),))
    yield ChainFault("r gone", _remove("r", 1, 2, 3, 4, 5), (("r", 1),), (("r", 1),))

    def copied(source: Callable[[Laid], Item], to: str) -> Callable[[Laid], None]:
        return lambda laid: laid.put(source(laid), to)

    def key(sequence: int) -> str:
        return f"w#{sequence:012d}"

    at = (("w", 5),)
    yield ChainFault("w 4 in the place of w 5", copied(lambda x: x.w[3], key(5)), at, at)
    at = (("w", 12),)
    yield ChainFault("w 4 once more at the end", copied(lambda x: x.w[3], key(12)), at, at)
    yield ChainFault("w 11 once more at the end", copied(lambda x: x.w[10], key(12)), at, at)
    yield ChainFault("an event of r at the end of w", copied(lambda x: x.r[4], key(12)), at, at)

    def exchanged(laid: Laid) -> None:
        laid.put(laid.w[3], key(5))
        laid.put(laid.w[4], key(4))

    yield ChainFault("w 4 and w 5 exchanged", exchanged, (("w", 4),), (("w", 4),))
    at = (("w", 4),)
    yield ChainFault("an event of another dialogue", lambda x: _of_another(x, 4), at, at)

    def whole(laid: Laid) -> None:
        for sequence in range(1, len(laid.other) + 1):
            _of_another(laid, sequence)

    yield ChainFault("the chain of another dialogue", whole, (("w", 1),), (("w", 1),))

    def gap(laid: Laid) -> None:
        fields = {"dialogue_id": laid.w[0]["dialogue_id"], "operation": "decrypt", "sequence": 13}
        laid.put(made(KEK, fields, after=laid.w[-1]))

    yield ChainFault("w goes on with 13", gap, (("w", 12),), (("w", 12),))


def _of_another(laid: Laid, sequence: int) -> None:
    event = laid.other[sequence - 1]
    laid.put({**event, "pk": laid.w[0]["pk"]}, laid.w[sequence - 1]["sk"])


def _append_faults() -> Iterator[ChainFault]:
    """Events too many, linked and hashed as they should be."""
    end = (("w", 12),)
    done: dict[str, Any] = {"key_id": "dek#d#1", "revision": 99}
    yield ChainFault("w goes on without mac", _append("w", **done), end, None)
    failed = _append("w", operation="derive", outcome="failure", revision=99)
    yield ChainFault("w goes on with a failure without mac", failed, end, None)
    yield ChainFault("w goes on past the head", _append("w", kek=KEK, **done), end, None)
    end = (("r", 6),)
    yield ChainFault("r goes on without mac", _append("r", **done), end, None)
    failed = _append("r", outcome="failure", **done)
    yield ChainFault("r goes on with a failed decrypt without mac", failed, end, None)
    wrong = _append("r", kek=bytes(32), **done)
    yield ChainFault("r goes on with a mac of another key", wrong, end, None)


def _note_faults() -> Iterator[ChainFault]:
    """Chains made again with the key, the head included: only what they say of each other is
    wrong."""

    def noted(sequence: int, note: Callable[[Laid], str]) -> Callable[[Laid], None]:
        return lambda laid: laid.relink("w", sequence, note=note(laid))

    def tip(laid: Laid, sequence: int, digest: str | None = None) -> str:
        event = laid.r[sequence - 1]
        return f"{event['chain']} {event['sequence']} {digest or event['event_hash']}"

    either = (("w", 9), ("r", 4))
    other = noted(9, lambda x: tip(x, 4, "0" * 64))
    yield ChainFault("a note of another event", other, either, either)
    either = (("w", 9), ("r", 3))
    second = noted(9, lambda x: tip(x, 3, "0" * 64))
    yield ChainFault("a note that contradicts an earlier one", second, either, either)

    def ahead(laid: Laid) -> str:
        return f"{laid.r[0]['chain']} 6 {'0' * 64}"

    either = (("w", 9), ("r", 6))
    yield ChainFault("a note of what is not there", noted(9, ahead), either, either)
    at = (("w", 9),)
    for name, note in (
        ("a note that is no tip", lambda x: "all read"),
        ("a note with two spaces", lambda x: tip(x, 4).replace(" ", "  ")),
        ("a note in upper case", lambda x: tip(x, 4).upper()),
        ("a note with a padded sequence", lambda x: tip(x, 4).replace(" 4 ", " 04 ")),
        ("a note with a newline", lambda x: tip(x, 4) + "\n"),
    ):
        yield ChainFault(name, noted(9, note), at, at)
    fell = ChainFault("a revision that falls", lambda x: x.relink("w", 9, revision=1), at, at)
    yield fell
    untouched = ChainFault("made again as it was", lambda x: x.relink("w", 9), (), ())
    yield untouched


FAULTS = [
    *_field_faults(),
    *_form_faults(),
    *_hash_faults(),
    *_set_faults(),
    *_append_faults(),
    *_note_faults(),
]
