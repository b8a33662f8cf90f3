"""Faults of layer ``head``, where every item is right and the set is not, and pairs of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .doctor import (
    FOREIGN,
    Change,
    Fault,
    TwoFaults,
    drop,
    flip,
    indexed,
    members,
    new_dek,
    older,
    planted,
    put,
    remove,
    replaced,
    sealed_with,
)
from .forge import Forge
from .sample import PERSPECTIVE, REF, SEALED, SIGNAL, TENSION_EVENT, Sample

__all__ = ["HEAD", "TWO"]

_TIME = "2031-02-03T10:15:00.000000Z"


def _head_faults() -> Iterator[Fault]:
    """Every item is right, the set is not the one that was written."""

    def fault(name: str, change: Callable[[Forge, Sample], None]) -> Fault:
        return Fault(name, "head", "head", lambda made, sk, s: change(made, s), remake=False)

    def to(sk: str, apply: Change) -> Callable[[Forge, Sample], None]:
        return lambda made, sample: apply(made, sample.key(sk), sample)

    for sk in (*SEALED, REF, SIGNAL):
        yield fault(f"{sk.rstrip('#')} removed", to(sk, remove))
    for sk in ("expert#anne", "tension#01#01", "meta"):
        yield fault(f"{sk} replaced by its earlier version", to(sk, older))
    yield fault("the head of an earlier revision", to("head", older))

    added_ref = planted(source_type="T", target_type="P", created_at=_TIME)
    yield fault("a ref added", to("ref#T0101#question#P0101", added_ref))
    yield fault("a signal added", to("signal#01#bob", planted(created_at=_TIME)))
    yield fault("a wrapped key added", to("dek#2", new_dek(put())))
    exchanged = _exchanged(REF, "ref#P0102#oppose#P0101")
    yield fault("a ref exchanged for another", lambda made, sample: exchanged(made))
    exchanged_signal = _exchanged(SIGNAL, "signal#01#bob")
    yield fault("a signal exchanged", lambda made, sample: exchanged_signal(made))

    for name, sk, change in (
        ("another status", PERSPECTIVE, put(status="conceded")),
        ("a dialogue abandoned", "meta", indexed(status="abandoned")),
        ("a time of convergence", "meta", put(converged_at=_TIME)),
        ("a domain removed", "meta", drop("domain_id")),
        ("another domain", "meta", put(domain_id="desert")),
        ("an ethos added", "meta", put(ethos_id="calm")),
        ("calibrated", "meta", put(calibrated=True)),
        ("another alignment", "meta", put(total_alignment=99)),
        ("another tier", "expert#anne", put(tier="Wildcard")),
        ("another relevance", "expert#anne", put(relevance=0.250001)),
        ("another score", "round#01", put(score=8)),
        ("another round of a verdict", "verdict#v-1", put(round=0)),
        ("a verdict made final", "verdict#v-1", put(verdict_type="final")),
        ("an adoption", "recommendation#01#01", put(status="adopted", adopted_in_verdict="v-1")),
        ("a tension resolved", "tension#01#01", indexed(status="resolved")),
        ("another move", "move#01#anne#01", put(move_type="concede")),
        ("another event", TENSION_EVENT, put(event_type="commented")),
        ("another time of a ref", REF, put(created_at=_TIME)),
        ("another time of a signal", SIGNAL, put(created_at=_TIME)),
        ("another time of an entity", PERSPECTIVE, put(updated_at=_TIME)),
        ("another time of the dek", "dek#1", put(created_at=_TIME)),
        ("another revision", "head", put(revision=1)),
        ("a later revision", "head", replaced("revision", lambda value: value + 1)),
        ("another time of the head", "head", put(updated_at=_TIME)),
    ):
        yield fault(f"{name} ({sk.rstrip('#')})", to(sk, change))

    resealed = to(PERSPECTIVE, sealed_with())
    yield fault("an item sealed again, the sum left", resealed)
    yield fault("a count too low", lambda made, _: made.remake_head(count=len(made.items) - 2))
    yield fault("a count too high", lambda made, _: made.remake_head(count=len(made.items)))
    yield fault("a sum of zeros", lambda made, _: made.remake_head(sum="0" * 64))
    yield fault("another sum", lambda made, _: made.remake_head(sum="f" * 64))
    yield fault("no head", to("head", remove))


def _exchanged(old: str, new: str) -> Callable[[Forge], None]:
    def change(made: Forge) -> None:
        made.items[new] = {**made.items.pop(old), "sk": new}

    return change


def _two_faults() -> Iterator[TwoFaults]:
    spoilt: dict[str, Change] = {
        "envelope": put(note="x"),
        "address": put(aad_hash="0" * 64),
        "key": put(key_id=FOREIGN),
        "tag": flip("content_encrypted", -1),
        "payload": members(note="x"),
    }

    def at(layer: str, sk: str = PERSPECTIVE) -> Fault:
        change = spoilt[layer]
        if sk.startswith("dek#"):  # a wrapped key's own faults, on a further one but for the first
            change = flip("content_encrypted", -1) if layer == "key" else change
            change = change if sk == "dek#1" else new_dek(change)
        return Fault(layer, layer, sk, change, remake=sk != "head")

    set_fault = Fault("head", "head", "head", lambda made, sk, _: remove(made, SIGNAL, _), False)
    layers = ["envelope", "address", "key", "tag", "payload"]
    for i, early in enumerate(layers):
        for late in layers[i + 1 :]:
            if (early, late) != ("tag", "payload"):
                yield TwoFaults(f"{early} and {late} of one item", at(early), at(late))
    for first, second in (
        (at("payload", "claim#01#01"), at("envelope", "tension#01#01")),
        (at("tag", "claim#01#01"), at("address", "evidence#01#01")),
        (at("payload", "expert#anne"), at("envelope", "expert#bob")),
        (at("envelope", "claim#01#01"), at("envelope", "meta")),
        (at("payload", "claim#01#01"), at("tag", "head")),
        (at("tag", "head"), at("envelope", "meta")),
        (at("tag", "round#01"), at("envelope", SIGNAL)),
        (at("key", "dek#1"), at("envelope", "claim#01#01")),
        (at("payload", "dek#2"), at("envelope", "claim#01#01")),
        (at("payload", "dek#2"), at("envelope", "dek#10")),
        (at("payload", "verdict#v-1"), set_fault),
        (at("tag", "meta"), set_fault),
    ):
        yield TwoFaults(f"{first} of {first.sk} before {second} of {second.sk}", first, second)


HEAD = list(_head_faults())
TWO = list(_two_faults())
