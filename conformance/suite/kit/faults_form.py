"""Faults of layer ``envelope``: attributes, types, forms, index attributes, sort keys, nonces."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from .doctor import Change, Fault, at_the_nonce_of, drop, indexed, planted, put, replaced
from .forge import ENVELOPE, Forge
from .sample import PERSPECTIVE, REF, SAMPLE_ID, SEALED, SIGNAL, TENSION_EVENT, Sample

__all__ = ["ENVELOPE_FORM", "NONCES", "SPELLING"]


def _envelope_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "envelope", sk, apply, **more)

    for name in ENVELOPE:
        yield fault(f"no {name}", PERSPECTIVE, drop(name))
    for sk in SEALED:
        yield fault(f"{sk.rstrip('#')} without its envelope", sk, drop(*ENVELOPE))
    yield fault("no aad_hash on the head", "head", drop("aad_hash"), remake=False)
    yield fault("no content_nonce on the dek", "dek#1", drop("content_nonce"), locks=True)
    yield fault("an envelope on a ref", REF, _sealed_like(PERSPECTIVE))
    yield fault("no status", PERSPECTIVE, drop("status"))
    yield fault("no created_at", SIGNAL, drop("created_at"))
    yield fault("no commitment", "dek#1", drop("commitment"), locks=True)
    yield fault("no revision", "head", drop("revision"), remake=False)
    yield fault("an unknown attribute", PERSPECTIVE, put(note="x"))
    yield fault("an unknown attribute on a ref", REF, put(note="x"))
    yield fault("an unknown attribute on the dek", "dek#1", put(note="x"), locks=True)
    yield fault("an unknown attribute on the head", "head", put(note="x"), remake=False)
    yield fault("planted plaintext", "meta", put(title="A title for everybody"))
    yield fault("a key field as an attribute", PERSPECTIVE, put(round=1))
    yield fault("dialogue_id as an attribute", "meta", put(dialogue_id=SAMPLE_ID))
    yield fault("a cleartext field of another type", PERSPECTIVE, put(score=1))
    yield fault("planted context of a verdict", "verdict#v-1", put(key_claims="C0101"))

    text = base64.b64encode(bytes(32)).decode()
    yield fault("content_encrypted as text", PERSPECTIVE, put(content_encrypted=text))
    yield fault("content_nonce as text", PERSPECTIVE, put(content_nonce="0123456789ab"))
    yield fault("key_id as bytes", PERSPECTIVE, replaced("key_id", lambda v: v.encode()))
    yield fault("aad_hash as bytes", PERSPECTIVE, replaced("aad_hash", bytes.fromhex))
    yield fault("a number for a status", PERSPECTIVE, put(status=1))
    yield fault("bytes for a status", PERSPECTIVE, put(status=b"open"))
    yield fault("a number for a time", PERSPECTIVE, put(created_at=20260203))
    yield fault("text for a number", "round#01", put(score="7"))
    yield fault("true for a number", "round#01", put(panel_size=True))
    yield fault("a fraction for an int", "round#01", put(score=7.5))
    yield fault("a number for a bool", "meta", put(calibrated=0))
    yield fault("text for a bool", "meta", put(calibrated="false"))
    yield fault("text for a fraction", "expert#anne", put(relevance="0.25"))
    yield fault("text for the revision", "head", replaced("revision", str), remake=False)

    for size in (0, 11, 13, 16):
        yield fault(f"a nonce of {size} bytes", PERSPECTIVE, put(content_nonce=bytes(size)))
    for size in (0, 16, 17):
        sealed = put(content_encrypted=bytes(size))
        yield fault(f"a ciphertext of {size} bytes", PERSPECTIVE, sealed)

    yield fault("an unknown status", PERSPECTIVE, put(status="reopened"))
    yield fault("a status in capitals", PERSPECTIVE, put(status="OPEN"))
    yield fault("an unknown dialogue status", "meta", indexed(status="closed"))
    yield fault("an unknown head state", "head", put(state="asleep"), remake=False)
    yield fault("an unknown event type", TENSION_EVENT, put(event_type="merged"))
    yield fault("a ref letter that is none", REF, put(source_type="X"))
    yield fault("an empty domain", "meta", put(domain_id=""))
    yield fault("a domain that is no identifier", "meta", put(domain_id="a b"))
    yield fault("a negative panel", "round#01", put(panel_size=-1))
    yield fault("an event in round 100", TENSION_EVENT, put(event_round=100))
    yield fault("a verdict in round -1", "verdict#v-1", put(round=-1))
    yield fault("a first round of 100", "expert#anne", indexed(first_round=100))
    yield fault("a relevance above 1", "expert#anne", put(relevance=1.5))
    yield fault("a relevance below 0", "expert#anne", put(relevance=-0.25))
    yield fault("a relevance of seven decimals", "expert#anne", put(relevance=0.1234567))
    yield fault("a revision of 0", "head", put(revision=0), remake=False)

    yield fault("no index attribute", "meta", drop("by_status_pk"))
    yield fault("no index attribute of a tension", "tension#01#01", drop("by_tension_status_sk"))
    yield fault("an index of another status", "meta", put(by_status_pk="status#abandoned"))
    yield fault("an index of another time", "meta", put(by_status_sk=f"2026#{SAMPLE_ID}"))
    wrong = put(by_tension_status_sk=f"{SAMPLE_ID}#T0102")
    yield fault("an index of another tension", "tension#01#01", wrong)
    yield fault("an index of another expert", "expert#anne", put(by_expert_pk="expert#bob"))
    yield fault("an index of another round", "move#01#anne#01", put(by_expert_sk=f"{SAMPLE_ID}#02"))
    foreign = put(by_status_pk="status#open", by_status_sk="x")
    yield fault("an index on a type without one", PERSPECTIVE, foreign)
    yield fault("an index of another type", "tension#01#01", foreign)

    moment = "2026-02-03T10:15:00.000001Z"
    yield fault("an event with another created_at", TENSION_EVENT, put(created_at=moment))
    yield fault("a ref with another source letter", REF, put(source_type="T"))
    yield fault("a ref with another target letter", REF, put(target_type="E"))


def _nonce_faults() -> Iterator[Fault]:
    """A nonce that served before under the same key; the item read later is the bad one."""

    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "envelope", sk, apply, **more)

    yield fault("a nonce met before", PERSPECTIVE, at_the_nonce_of("expert#anne"))
    yield fault("the nonce of an event", "tension#01#01", at_the_nonce_of(TENSION_EVENT))
    copied = _copied_from("claim#01#01")
    yield fault("an item copied to a free key", "claim#01#02", copied)
    yield fault("the head's nonce", "meta", at_the_nonce_of("head"), remake=False)


def _copied_from(sk: str) -> Change:
    def change(made: Forge, there: str, sample: Sample) -> None:
        made.items[there] = {**made.items[sk], "sk": there}

    return change


def _sealed_like(sk: str) -> Change:
    def change(made: Forge, there: str, sample: Sample) -> None:
        made.items[there] |= {name: made.items[sk][name] for name in ENVELOPE}

    return change


def _spelling_faults() -> Iterator[Fault]:
    """ADDR-10 and the text forms in keys: one value, one spelling."""

    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "envelope", sk, apply, **more)

    yield fault("aad_hash in capitals", PERSPECTIVE, replaced("aad_hash", str.upper))
    yield fault("aad_hash of 63 digits", PERSPECTIVE, replaced("aad_hash", lambda v: v[:-1]))
    yield fault("aad_hash of 65 digits", PERSPECTIVE, replaced("aad_hash", lambda v: v + "0"))
    yield fault("aad_hash with a newline", PERSPECTIVE, replaced("aad_hash", lambda v: v + "\n"))
    yield fault("aad_hash with a g", PERSPECTIVE, replaced("aad_hash", lambda v: "g" + v[1:]))
    wide = replaced("aad_hash", lambda v: "\uff11" + v[1:])
    yield fault("aad_hash with a full-width digit", PERSPECTIVE, wide)
    yield fault("aad_hash with 0x", PERSPECTIVE, replaced("aad_hash", lambda v: "0x" + v[2:]))

    own = f"dek#{SAMPLE_ID}#"
    for version in ("0", "01", "", "+1", "-1", "1 ", " 1", "1\n", "1.0", "\uff11", "x", "1" * 16):
        key_id = own + version
        yield fault(f"key_id {key_id!r}", PERSPECTIVE, put(key_id=key_id))
    for key_id in ("", "dek#1", f"DEK#{SAMPLE_ID}#1", f"dek:{SAMPLE_ID}:1", f"dek#{SAMPLE_ID}"):
        yield fault(f"key_id {key_id!r}", PERSPECTIVE, put(key_id=key_id))
    for name, key_id in (
        ("digits too few", f"kek#{'0' * 15}#{'0' * 16}"),
        ("capitals", f"kek#{'A' * 16}#{'B' * 16}"),
        ("one part", f"kek#{'0' * 16}"),
        ("that of a DEK", f"dek#{SAMPLE_ID}#1"),
    ):
        yield fault(f"key_id of the dek: {name}", "dek#1", put(key_id=key_id), locks=True)
    yield fault("key_id of a KEK", PERSPECTIVE, put(key_id=f"kek#{'0' * 16}#{'0' * 16}"))

    upper = replaced("commitment", str.upper)
    yield fault("commitment in capitals", "dek#1", upper, locks=True)
    short = replaced("commitment", lambda v: v[:-2])
    yield fault("commitment too short", "dek#1", short, locks=True)

    for time in (
        "2026-02-03T10:15:00Z",
        "2026-02-03T10:15:00.000Z",
        "2026-02-03T10:15:00.000000+00:00",
        "2026-02-03 10:15:00.000000Z",
        "2026-02-03t10:15:00.000000z",
        "2026-02-30T10:15:00.000000Z",
        "2026-02-03T10:15:60.000000Z",
        "2026-02-03T10:15:00.000000Z\n",
        "",
    ):
        yield fault(f"created_at {time!r}", PERSPECTIVE, put(created_at=time))
    noon = "2026-02-03T12:00:00Z"
    yield fault("updated_at of the head", "head", put(updated_at=noon), remake=False)

    stamp = "2026-02-03T10:15:00.000000Z"
    for sk in (
        "note",
        "Meta",
        "meta#",
        "meta\n",
        "metadata#1",
        "round#1",
        "round#001",
        "round#100",
        "round#\uff10\uff12",
        "perspective#1#1",
        "perspective#01#00",
        "perspective#01#100",
        "perspective#01#01#01",
        "perspective#01#1",
        "expert#",
        "expert#a b",
        "expert#-a",
        "expert#\u00e4nne",
        "move#01#anne",
        "move#anne#01#01",
        "verdict#v/1",
        "dek#01",
        "dek#0",
        "dek#",
        "dek#1#1",
        f"dek#{'1' * 16}",
        "head#1",
        "ref#P0101#likes#T0101",
        "ref#P0101#Support#T0101",
        "ref#P0100#support#T0101",
        "ref#p0101#support#T0101",
        "signal#1#anne",
        "signal#01#anne#1",
        f"event#perspective#T0101#{stamp}",
        f"event#claim#C0101#{stamp}",
        "event#tension#T0101#2026-02-03T10:15:00Z",
        "event#tension#T0101#2026-02-30T10:15:00.000000Z",
        "event#tension#T0101",
    ):
        yield fault(f"sort key {sk!r}", sk, planted(created_at=stamp), formless=True)


ENVELOPE_FORM = list(_envelope_faults())
NONCES = list(_nonce_faults())
SPELLING = list(_spelling_faults())
