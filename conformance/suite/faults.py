"""One dialogue with every type in it, and the table of what can be wrong with its items (ENV-06).

Each :class:`Fault` changes exactly one thing in a partition that is right otherwise: the head is
counted, summed and sealed again over the changed items, unless the fault is one of the head or of
the set. So a store that does not look finds nothing.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .forge import (
    ENVELOPE,
    Forge,
    aad_of,
    address_of,
    canonical,
    commitment,
    dek_payload,
    index_attributes,
    seal,
)
from .sample import (
    PERSPECTIVE,
    PERSPECTIVE_EVENT,
    PK,
    REF,
    SAMPLE_ID,
    SEALED,
    SIGNAL,
    TENSION_EVENT,
    Sample,
)

__all__ = [
    "ADDRESS",
    "ENVELOPE_FORM",
    "HEAD",
    "KEY",
    "NONCES",
    "PAYLOAD",
    "SPELLING",
    "TAG",
    "TWO",
    "Fault",
    "TwoFaults",
]

FOREIGN = "dek#another-dialogue#1"


@dataclass(frozen=True)
class Fault:
    """One thing wrong: ``apply`` does it to the item at ``sk``, ``layer`` is the one that must find
    it.

    ``remake``: whether the head is made again afterwards. ``locks``: the DEK cannot be had any
    more, so that every item sealed under it is bad as well, layer ``key``. ``formless``: the sort
    key has no form, so that there is no address.
    """

    name: str
    layer: str
    sk: str
    apply: Callable[[Forge, str, Sample], None]
    remake: bool = True
    locks: bool = False
    formless: bool = False

    def __str__(self) -> str:
        return self.name

    def into(self, sample: Sample) -> tuple[Forge, list[dict[str, Any]]]:
        """The doctored partition and the findings that it must give, in order."""
        made = sample.forge()
        sk = self.sk if self.formless else sample.key(self.sk)
        self.apply(made, sk, sample)
        if self.remake:
            made.remake_head()
        findings = [finding(self.layer, sk, formless=self.formless)]
        if self.locks:
            findings += [finding("key", other) for other in made.sealed()]
        return made, findings


@dataclass(frozen=True)
class TwoFaults:
    """Two faults at once and what a read must report: the first of them in the order of ENV-06."""

    name: str
    first: Fault
    second: Fault

    def __str__(self) -> str:
        return self.name

    def into(self, sample: Sample) -> tuple[Forge, dict[str, Any]]:
        """The doctored partition, the later fault made first, and the finding to be reported."""
        made = sample.forge()
        for fault in (self.second, self.first):
            fault.apply(made, sample.key(fault.sk), sample)
        if self.first.remake and self.second.remake:
            made.remake_head()
        sk = sample.key(self.first.sk)
        return made, finding(self.first.layer, sk, formless=self.first.formless)


def finding(layer: str, sk: str, *, formless: bool = False) -> dict[str, Any]:
    """A finding as ``verify_partition`` lists it, ``detail`` left out."""
    address = None if formless else address_of(PK, sk)
    return {"code": "integrity_error", "layer": layer, "address": address, "pk": PK, "sk": sk}


# -- how to do it ----------------------------------------------------------------------------------

Change = Callable[[Forge, str, Sample], None]


def _set(**values: Any) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.items[sk] |= values

    return change


def _drop(*names: str) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        for name in names:
            del made.items[sk][name]

    return change


def _with(name: str, how: Callable[[Any], Any]) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.items[sk][name] = how(made.items[sk][name])

    return change


def _indexed(**values: Any) -> Change:
    """Set cleartext and let the index attributes follow."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        item = made.items[sk]
        item |= values
        item |= index_attributes(made.pk, sk, item)

    return change


def _flip(name: str, position: int, bit: int = 0) -> Change:
    def flipped(value: bytes) -> bytes:
        out = bytearray(value)
        out[position] ^= 1 << bit
        return bytes(out)

    return _with(name, flipped)


def _cut(size: int) -> Change:
    return _with("content_encrypted", lambda value: value[:-size])


def _payload(how: Callable[[dict[str, Any]], Any]) -> Change:
    """Seal a changed payload in canonical form."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        value = made.payload(sk)
        result = how(value)
        made.reseal(sk, canonical(value if result is None else result))

    return change


def _members(**values: Any) -> Change:
    return _payload(lambda payload: payload.update(values))


def _plaintext(how: Callable[[bytes], bytes]) -> Change:
    """Seal changed bytes."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, how(made.plaintext(sk)))

    return change


def _sealed_otherwise(**how: Any) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, made.plaintext(sk), **how)

    return change


def _planted(**attributes: Any) -> Change:
    """An item of its own at a key that nobody wrote."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.items[sk] = {"pk": made.pk, "sk": sk, **attributes}

    return change


def _moved_from(sk: str, *, readdressed: bool = False) -> Change:
    """An item taken from its key and laid at another one, index attributes fitted to the new
    place."""

    def change(made: Forge, there: str, sample: Sample) -> None:
        item = {**made.items.pop(sk), "sk": there}
        item |= index_attributes(made.pk, there, item)
        if readdressed:
            item["aad_hash"] = aad_of(made.address(there)).hex()
        made.items[there] = item

    return change


def _from_another_dialogue(made: Forge, sk: str, sample: Sample) -> None:
    """The item of the same key out of another dialogue of the same user."""
    address = made.address(sk).replace(f"dialogue:{SAMPLE_ID}/", "dialogue:another-dialogue/")
    key, _ = made.key_for(sk)
    made.items[sk] |= seal(key, FOREIGN, address, made.plaintext(sk))


def _at_the_nonce_of(sk: str) -> Change:
    def change(made: Forge, there: str, sample: Sample) -> None:
        nonce = made.items[sample.key(sk)]["content_nonce"]
        made.reseal(there, made.plaintext(there), nonce=nonce)
        if sk == "head":  # it is later in time but earlier in the order of reading
            made.remake_head(nonce=nonce)

    return change


def _new_dek(then: Change) -> Change:
    """A further wrapped key, spoilt by ``then``; no item names it."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.add_dek(int(sk.removeprefix("dek#")))
        then(made, sk, sample)

    return change


def _as_if_under_dek_2(made: Forge, sk: str, sample: Sample) -> None:
    made.add_dek(2)
    made.items[sk]["key_id"] = f"dek#{SAMPLE_ID}#2"


def _other_dek(made: Forge, sk: str, sample: Sample) -> None:
    made.reseal(sk, dek_payload(os.urandom(32)))


def _older(made: Forge, sk: str, sample: Sample) -> None:
    assert made.items[sk] != sample.older[sk], "the item was not changed since"
    made.items[sk] = dict(sample.older[sk])


def _remove(made: Forge, sk: str, sample: Sample) -> None:
    del made.items[sk]


# -- layer envelope --------------------------------------------------------------------------------


def _envelope_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "envelope", sk, apply, **more)

    for name in ENVELOPE:
        yield fault(f"no {name}", PERSPECTIVE, _drop(name))
    for sk in SEALED:
        yield fault(f"{sk.rstrip('#')} without its envelope", sk, _drop(*ENVELOPE))
    yield fault("no aad_hash on the head", "head", _drop("aad_hash"), remake=False)
    yield fault("no content_nonce on the dek", "dek#1", _drop("content_nonce"), locks=True)
    yield fault("an envelope on a ref", REF, _sealed_like(PERSPECTIVE))
    yield fault("no status", PERSPECTIVE, _drop("status"))
    yield fault("no created_at", SIGNAL, _drop("created_at"))
    yield fault("no commitment", "dek#1", _drop("commitment"), locks=True)
    yield fault("no revision", "head", _drop("revision"), remake=False)
    yield fault("an unknown attribute", PERSPECTIVE, _set(note="x"))
    yield fault("an unknown attribute on a ref", REF, _set(note="x"))
    yield fault("an unknown attribute on the dek", "dek#1", _set(note="x"), locks=True)
    yield fault("an unknown attribute on the head", "head", _set(note="x"), remake=False)
    yield fault("planted plaintext", "meta", _set(title="A title for everybody"))
    yield fault("a key field as an attribute", PERSPECTIVE, _set(round=1))
    yield fault("dialogue_id as an attribute", "meta", _set(dialogue_id=SAMPLE_ID))
    yield fault("a cleartext field of another type", PERSPECTIVE, _set(score=1))
    yield fault("planted context of a verdict", "verdict#v-1", _set(key_claims="C0101"))

    text = base64.b64encode(bytes(32)).decode()
    yield fault("content_encrypted as text", PERSPECTIVE, _set(content_encrypted=text))
    yield fault("content_nonce as text", PERSPECTIVE, _set(content_nonce="0123456789ab"))
    yield fault("key_id as bytes", PERSPECTIVE, _with("key_id", lambda v: v.encode()))
    yield fault("aad_hash as bytes", PERSPECTIVE, _with("aad_hash", bytes.fromhex))
    yield fault("a number for a status", PERSPECTIVE, _set(status=1))
    yield fault("bytes for a status", PERSPECTIVE, _set(status=b"open"))
    yield fault("a number for a time", PERSPECTIVE, _set(created_at=20260203))
    yield fault("text for a number", "round#01", _set(score="7"))
    yield fault("true for a number", "round#01", _set(panel_size=True))
    yield fault("a fraction for an int", "round#01", _set(score=7.5))
    yield fault("a number for a bool", "meta", _set(calibrated=0))
    yield fault("text for a bool", "meta", _set(calibrated="false"))
    yield fault("text for a fraction", "expert#anne", _set(relevance="0.25"))
    yield fault("text for the revision", "head", _with("revision", str), remake=False)

    for size in (0, 11, 13, 16):
        yield fault(f"a nonce of {size} bytes", PERSPECTIVE, _set(content_nonce=bytes(size)))
    for size in (0, 16, 17):
        sealed = _set(content_encrypted=bytes(size))
        yield fault(f"a ciphertext of {size} bytes", PERSPECTIVE, sealed)

    yield fault("an unknown status", PERSPECTIVE, _set(status="reopened"))
    yield fault("a status in capitals", PERSPECTIVE, _set(status="OPEN"))
    yield fault("an unknown dialogue status", "meta", _indexed(status="closed"))
    yield fault("an unknown head state", "head", _set(state="asleep"), remake=False)
    yield fault("an unknown event type", TENSION_EVENT, _set(event_type="merged"))
    yield fault("a ref letter that is none", REF, _set(source_type="X"))
    yield fault("an empty domain", "meta", _set(domain_id=""))
    yield fault("a domain that is no identifier", "meta", _set(domain_id="a b"))
    yield fault("a negative panel", "round#01", _set(panel_size=-1))
    yield fault("an event in round 100", TENSION_EVENT, _set(event_round=100))
    yield fault("a verdict in round -1", "verdict#v-1", _set(round=-1))
    yield fault("a first round of 100", "expert#anne", _indexed(first_round=100))
    yield fault("a relevance above 1", "expert#anne", _set(relevance=1.5))
    yield fault("a relevance below 0", "expert#anne", _set(relevance=-0.25))
    yield fault("a relevance of seven decimals", "expert#anne", _set(relevance=0.1234567))
    yield fault("a revision of 0", "head", _set(revision=0), remake=False)

    yield fault("no index attribute", "meta", _drop("by_status_pk"))
    yield fault("no index attribute of a tension", "tension#01#01", _drop("by_tension_status_sk"))
    yield fault("an index of another status", "meta", _set(by_status_pk="status#abandoned"))
    yield fault("an index of another time", "meta", _set(by_status_sk=f"2026#{SAMPLE_ID}"))
    wrong = _set(by_tension_status_sk=f"{SAMPLE_ID}#T0102")
    yield fault("an index of another tension", "tension#01#01", wrong)
    yield fault("an index of another expert", "expert#anne", _set(by_expert_pk="expert#bob"))
    yield fault(
        "an index of another round", "move#01#anne#01", _set(by_expert_sk=f"{SAMPLE_ID}#02")
    )
    indexed = _set(by_status_pk="status#open", by_status_sk="x")
    yield fault("an index on a type without one", PERSPECTIVE, indexed)
    yield fault("an index of another type", "tension#01#01", indexed)

    moment = "2026-02-03T10:15:00.000001Z"
    yield fault("an event with another created_at", TENSION_EVENT, _set(created_at=moment))
    yield fault("a ref with another source letter", REF, _set(source_type="T"))
    yield fault("a ref with another target letter", REF, _set(target_type="E"))


def _nonce_faults() -> Iterator[Fault]:
    """A nonce that served before under the same key; the item read later is the bad one."""

    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "envelope", sk, apply, **more)

    yield fault("a nonce met before", PERSPECTIVE, _at_the_nonce_of("expert#anne"))
    yield fault("the nonce of an event", "tension#01#01", _at_the_nonce_of(TENSION_EVENT))
    copied = _copied_from("claim#01#01")
    yield fault("an item copied to a free key", "claim#01#02", copied)
    yield fault("the head's nonce", "meta", _at_the_nonce_of("head"), remake=False)


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

    yield fault("aad_hash in capitals", PERSPECTIVE, _with("aad_hash", str.upper))
    yield fault("aad_hash of 63 digits", PERSPECTIVE, _with("aad_hash", lambda v: v[:-1]))
    yield fault("aad_hash of 65 digits", PERSPECTIVE, _with("aad_hash", lambda v: v + "0"))
    yield fault("aad_hash with a newline", PERSPECTIVE, _with("aad_hash", lambda v: v + "\n"))
    yield fault("aad_hash with a g", PERSPECTIVE, _with("aad_hash", lambda v: "g" + v[1:]))
    wide = _with("aad_hash", lambda v: "\uff11" + v[1:])
    yield fault("aad_hash with a full-width digit", PERSPECTIVE, wide)
    yield fault("aad_hash with 0x", PERSPECTIVE, _with("aad_hash", lambda v: "0x" + v[2:]))

    own = f"dek#{SAMPLE_ID}#"
    for version in ("0", "01", "", "+1", "-1", "1 ", " 1", "1\n", "1.0", "\uff11", "x", "1" * 16):
        key_id = own + version
        yield fault(f"key_id {key_id!r}", PERSPECTIVE, _set(key_id=key_id))
    for key_id in ("", "dek#1", f"DEK#{SAMPLE_ID}#1", f"dek:{SAMPLE_ID}:1", f"dek#{SAMPLE_ID}"):
        yield fault(f"key_id {key_id!r}", PERSPECTIVE, _set(key_id=key_id))
    for name, key_id in (
        ("digits too few", f"kek#{'0' * 15}#{'0' * 16}"),
        ("capitals", f"kek#{'A' * 16}#{'B' * 16}"),
        ("one part", f"kek#{'0' * 16}"),
        ("that of a DEK", f"dek#{SAMPLE_ID}#1"),
    ):
        yield fault(f"key_id of the dek: {name}", "dek#1", _set(key_id=key_id), locks=True)
    yield fault("key_id of a KEK", PERSPECTIVE, _set(key_id=f"kek#{'0' * 16}#{'0' * 16}"))

    upper = _with("commitment", str.upper)
    yield fault("commitment in capitals", "dek#1", upper, locks=True)
    short = _with("commitment", lambda v: v[:-2])
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
        yield fault(f"created_at {time!r}", PERSPECTIVE, _set(created_at=time))
    noon = "2026-02-03T12:00:00Z"
    yield fault("updated_at of the head", "head", _set(updated_at=noon), remake=False)

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
        planted = _planted(created_at=stamp)
        yield fault(f"sort key {sk!r}", sk, planted, formless=True)


# -- layers address, key and tag -------------------------------------------------------------------


def _address_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "address", sk, apply, **more)

    for sk in SEALED:
        name = f"{sk.rstrip('#')} with an aad_hash of zeros"
        yield fault(name, sk, _set(aad_hash="0" * 64))
    yield fault("the dek with an aad_hash of zeros", "dek#1", _set(aad_hash="0" * 64), locks=True)
    yield fault("the head with another aad_hash", "head", _set(aad_hash="0" * 64), remake=False)
    yield fault("one digit of aad_hash changed", "claim#01#01", _with("aad_hash", _other_digit))
    yield fault("an item moved within its type", "perspective#01#02", _moved_from(PERSPECTIVE))
    yield fault("an expert moved to another", "expert#bob", _moved_from("expert#anne"))
    yield fault("an item moved to a free key", "claim#01#02", _moved_from("claim#01#01"))
    yield fault("an item moved to another round", "claim#02#01", _moved_from("claim#01#01"))
    yield fault("a move of another expert", "move#01#bob#01", _moved_from("move#01#anne#01"))
    yield fault("an item of another type", "claim#01#01", _content_of("evidence#01#01"))
    yield fault("an event moved to another", TENSION_EVENT, _content_of(PERSPECTIVE_EVENT))
    yield fault("an item of another dialogue", PERSPECTIVE, _from_another_dialogue)
    yield fault("meta of another dialogue", "meta", _from_another_dialogue)


def _other_digit(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


def _content_of(sk: str) -> Change:
    def change(made: Forge, there: str, sample: Sample) -> None:
        other = made.items[sample.key(sk)]
        made.items[there] |= {name: other[name] for name in ("content_encrypted", "aad_hash")}

    return change


def _key_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "key", sk, apply, **more)

    yield fault("key_id of another dialogue", PERSPECTIVE, _set(key_id=FOREIGN))
    yield fault(
        "key_id of another dialogue on the head", "head", _set(key_id=FOREIGN), remake=False
    )
    for version in ("2", "10", "9" * 15):
        missing = _set(key_id=f"dek#{SAMPLE_ID}#{version}")
        yield fault(f"key_id of the missing version {version}", "claim#01#01", missing)
    missing = _set(key_id=f"dek#{SAMPLE_ID}#2")
    yield fault("key_id of a missing version on the head", "head", missing, remake=False)

    wrapped = {
        "the first bit of the wrapped key": _flip("content_encrypted", 0),
        "the last bit of the wrapped key": _flip("content_encrypted", -17, 7),
        "the tag of the wrapped key": _flip("content_encrypted", -1, 7),
        "the nonce of the wrapped key": _flip("content_nonce", 5),
        "a wrapped key cut by four bytes": _cut(4),
        "a wrapped key sealed without AAD": _sealed_otherwise(aad=b""),
        "a wrapped key sealed under another KEK": _sealed_otherwise(key=bytes(32)),
        "another commitment": _with("commitment", _other_digit),
        "a commitment of zeros": _set(commitment="0" * 64),
        "another DEK under the old commitment": _other_dek,
    }
    for name, change in wrapped.items():
        yield fault(name, "dek#1", change, locks=True)
    flipped = _new_dek(_flip("content_encrypted", 3))
    yield fault("a second wrapped key that does not open", "dek#2", flipped)
    uncommitted = _new_dek(_set(commitment="0" * 64))
    yield fault("a second wrapped key with another commitment", "dek#2", uncommitted)


def _tag_faults() -> Iterator[Fault]:
    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "tag", sk, apply, **more)

    for sk in SEALED:
        name = f"{sk.rstrip('#')} with a bit of the ciphertext flipped"
        yield fault(name, sk, _flip("content_encrypted", 1, 3))
    flip = _flip("content_encrypted", 0, 1)
    yield fault("the head with a bit of the ciphertext flipped", "head", flip, remake=False)
    yield fault("the last bit of the ciphertext", PERSPECTIVE, _flip("content_encrypted", -17))
    yield fault("the first bit of the tag", PERSPECTIVE, _flip("content_encrypted", -16, 7))
    yield fault("the last bit of the tag", PERSPECTIVE, _flip("content_encrypted", -1))
    yield fault("the first bit of the nonce", PERSPECTIVE, _flip("content_nonce", 0, 7))
    yield fault("the last bit of the nonce", PERSPECTIVE, _flip("content_nonce", 11))
    for kept in (15, 12, 8, 4):
        yield fault(f"a tag of {kept} bytes", PERSPECTIVE, _cut(16 - kept))
    yield fault("a byte more", PERSPECTIVE, _with("content_encrypted", lambda v: v + b"\x00"))
    yield fault("18 bytes of zeros", PERSPECTIVE, _set(content_encrypted=bytes(18)))
    zeros = _with("content_encrypted", lambda v: v[:-16] + bytes(16))
    yield fault("a tag of zeros", PERSPECTIVE, zeros)
    tag_first = _with("content_encrypted", lambda v: v[-16:] + v[:-16])
    yield fault("the tag in front", PERSPECTIVE, tag_first)
    yield fault("sealed without AAD", PERSPECTIVE, _sealed_otherwise(aad=b""))
    for name, form in (
        ("the address itself as AAD", lambda made, sk: made.address(sk).encode()),
        ("AAD as hex text", lambda made, sk: made.items[sk]["aad_hash"].encode()),
        ("AAD cut to 16 bytes", lambda made, sk: bytes.fromhex(made.items[sk]["aad_hash"])[:16]),
    ):
        yield fault(name, PERSPECTIVE, _with_aad(form))
    yield fault("sealed under the KEK", PERSPECTIVE, _under(lambda made: made.kek))
    half = _under(lambda made: made.deks[1][:16])
    yield fault("sealed with half of the key", PERSPECTIVE, half)
    yield fault("sealed under another version than it names", PERSPECTIVE, _as_if_under_dek_2)
    moved = _moved_from("expert#anne", readdressed=True)
    yield fault("moved, with aad_hash put right", "expert#bob", moved)
    yield fault("another content, with aad_hash put right", "claim#01#01", _content_only)
    old = _set_from_older("content_encrypted")
    yield fault("an old ciphertext under the new nonce", "expert#anne", old)


def _with_aad(form: Callable[[Forge, str], bytes]) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, made.plaintext(sk), aad=form(made, sk))

    return change


def _under(key: Callable[[Forge], bytes]) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, made.plaintext(sk), key=key(made))

    return change


def _content_only(made: Forge, sk: str, sample: Sample) -> None:
    made.items[sk]["content_encrypted"] = made.items["evidence#01#01"]["content_encrypted"]


def _set_from_older(name: str) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        assert made.items[sk][name] != sample.older[sk][name], "the item was not sealed again"
        made.items[sk][name] = sample.older[sk][name]

    return change


# -- layer payload ---------------------------------------------------------------------------------


def _plaintext_faults() -> Iterator[Fault]:
    """Bytes that are not the canonical JSON of an object."""

    def fault(name: str, how: Callable[[bytes], bytes], sk: str = PERSPECTIVE) -> Fault:
        return Fault(name, "payload", sk, _plaintext(how))

    def instead(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
        def replaced(plaintext: bytes) -> bytes:
            assert plaintext.count(old) == 1, f"expected {old!r} in the sample once"
            return plaintext.replace(old, new)

        return replaced

    yield fault("bytes that are no UTF-8", instead(b"grigio", b"gr\xff\xfe"))
    yield fault("a surrogate as bytes", instead(b"grigio", b"gr\xed\xa0\x80"))
    yield fault("an overlong form", instead(b"grigio", b"gr\xc1\xa5y"))
    yield fault("UTF-16", lambda text: text.decode().encode("utf-16"))
    yield fault("a BOM", lambda text: b"\xef\xbb\xbf" + text)
    yield fault("a lone surrogate, escaped", instead(b"grigio", b"\\ud800"))
    for text in (b"[]", b"{}", b'""', b"null", b"true", b"17", b"xy", b"  ", b"{]"):
        yield fault(f"{text.decode()!r} for a payload", lambda _, text=text: text)  # type: ignore[misc]
    yield fault("the object in a list", lambda text: b"[" + text + b"]")
    yield fault("the object as text", lambda text: json.dumps(text.decode()).encode())
    yield fault("two objects", lambda text: text + text)
    yield fault("the last byte cut off", lambda text: text[:-1])

    def loosely(plaintext: bytes, **form: Any) -> bytes:
        return json.dumps(json.loads(plaintext), **form).encode()

    yield fault("spaces after commas and colons", loosely)
    yield fault("indented", lambda text: loosely(text, indent=1))
    yield fault("a newline at the end", lambda text: text + b"\n")
    yield fault("a space in front", lambda text: b" " + text)
    yield fault("a NUL at the end", lambda text: text + b"\x00")
    yield fault("keys in another order", _reordered)
    yield fault("a letter escaped", instead(b"grigio", b"gr\\u0065y"))
    yield fault("a slash escaped", instead(b"grigio", b"gr\\/ey"))
    yield fault("a newline in the long form", instead(b"grigio", b"gr\\u000aey"))
    yield fault("an umlaut escaped", instead(b"grigio", b"gr\\u00e4y"))
    yield fault("a bare control character", instead(b"grigio", b"gr\ney"))
    yield fault("the same key twice", instead(b'{"content"', b'{"content":"x","content"'))
    twice = instead(b'"label":"Arriva nebbia"', b'"label":"Arriva nebbia","label":"Arriva nebbia"')
    yield fault("the same member twice", twice)

    for number in (
        *("NaN", "Infinity", "-Infinity", "1e400", "2.50", "25e-1", "2.5E0", "2.5e0", "02.5"),
        *("+2.5", "2.", "1.0", "-0", "1E1", "0x2", "9007199254740993", "1e400", "2,5"),
    ):
        name = f"the number {number}"
        sk = "recommendation#01#01"
        yield fault(name, instead(b'"intervallo":2.5', f'"intervallo":{number}'.encode()), sk)
    deep = b"[" * 20_000 + b"]" * 20_000
    name = "lists within lists, 20,000 deep"
    yield fault(name, instead(b"2.5", deep), "recommendation#01#01")
    inner = instead(b'{"intervallo"', b'{"intervallo":1,"intervallo"')
    yield fault("the same key twice, further in", inner, "recommendation#01#01")


def _reordered(plaintext: bytes) -> bytes:
    members = json.loads(plaintext)
    backwards = {name: members[name] for name in sorted(members, reverse=True)}
    return json.dumps(backwards, separators=(",", ":")).encode()


def _member_faults() -> Iterator[Fault]:
    """Canonical JSON of an object that is not the one of ``entities.json``."""

    def fault(name: str, sk: str, apply: Change, **more: Any) -> Fault:
        return Fault(name, "payload", sk, apply, **more)

    def without(name: str) -> Change:
        return _payload(lambda payload: {k: v for k, v in payload.items() if k != name})

    for sk, name in (
        *(("meta", "title"), ("meta", "output_dir"), ("expert#anne", "scores")),
        *(("round#01", "summary"), ("verdict#v-1", "vote"), (PERSPECTIVE, "references")),
        *(("tension#01#01", "description"), ("recommendation#01#01", "parameters")),
        *(("evidence#01#01", "label"), ("claim#01#01", "contributors")),
        *(("move#01#anne#01", "context"), (TENSION_EVENT, "reason")),
    ):
        yield fault(f"{sk.rstrip('#')} without {name}", sk, without(name))
    yield fault("a field too many", PERSPECTIVE, _members(note="x"))
    yield fault("a cleartext field sealed as well", PERSPECTIVE, _members(status="open"))
    yield fault("a key field sealed as well", PERSPECTIVE, _members(round=1))
    yield fault("the context of a verdict sealed", "verdict#v-1", _members(key_claims=["C0101"]))

    def wrong(sk: str, field: str, *values: Any) -> Iterator[Fault]:
        for value in values:
            shown = json.dumps(value)
            yield fault(f"{sk.rstrip('#')}: {field} {shown}", sk, _members(**{field: value}))

    yield from wrong("meta", "title", None, 1, ["x"])
    yield from wrong("meta", "question", 1, {"a": "b"})
    yield from wrong("meta", "background", "x", [], {}, {"description": "x"})
    yield from wrong("meta", "background", {"subject": "x", "why": "y"}, {"subject": 1})
    yield from wrong("meta", "background", {"subject": "x", "situation": None})
    yield from wrong("expert#anne", "role", None, True)
    yield from wrong("expert#anne", "scores", None, [], {"1": 1}, {"001": 1}, {"100": 1})
    yield from wrong("expert#anne", "scores", {"01": "1"}, {"01": True}, {"01": 1.5}, {"01": None})
    yield from wrong("expert#anne", "raw_content", None, {"1": "x"}, {"01": 1}, {"01": None})
    yield from wrong("round#01", "title", 1, ["x"])
    yield from wrong("verdict#v-1", "author_expert", "a b", 1)
    yield from wrong("verdict#v-1", "recommendation", None)
    yield from wrong("verdict#v-1", "conditions", "x", [1], [None])
    yield from wrong("verdict#v-1", "supporting_experts", ["a b"], "anne", [1])
    yield from wrong("verdict#v-1", "tensions_accepted", ["T0100"], ["x"], [101])
    compliance: tuple[Any, ...] = (
        {"fully_compliant": True, "exceptions": []},
        {"fully_compliant": True, "exceptions": None, "violations": []},
        {"fully_compliant": True, "exceptions": [1], "violations": []},
        {"fully_compliant": True, "exceptions": [], "violations": [], "why": "x"},
    )
    yield from wrong("verdict#v-1", "ethos_compliance", *compliance)
    yield from wrong(PERSPECTIVE, "label", None, 1, False, ["x"])
    yield from wrong(PERSPECTIVE, "contributors", None, "anne", [1], ["a b"], [""], {"anne": 1})
    yield from wrong(PERSPECTIVE, "references", None, [{}], ["P0101"], [{"type": "refine"}])
    for reference in (
        {"type": "likes", "target": "P0101"},
        {"type": "refine", "target": "P0100"},
        {"type": "refine", "target": "P0101", "note": "x"},
    ):
        yield from wrong(PERSPECTIVE, "references", [reference])
    yield from wrong("recommendation#01#01", "parameters", [], "x", 1)
    yield from wrong("move#01#anne#01", "targets", None, "P0101", [1])
    yield from wrong("move#01#anne#01", "context", 1)
    yield from wrong(TENSION_EVENT, "actors", None, "judge", [1])
    yield from wrong(TENSION_EVENT, "reason", 1)
    yield from wrong(TENSION_EVENT, "result_id", "P0100", "x", 1)

    head: list[tuple[str, Any]] = [("count", "20"), ("count", None), ("count", 1.5)]
    head += [("sum", None), ("sum", "0" * 63), ("sum", "A" * 64), ("seals", "3"), ("seals", None)]
    head += [("audit_head", 5), ("note", "x")]
    for field, wrong_value in head:
        name = f"head: {field} {json.dumps(wrong_value)}"
        yield fault(name, "head", _members(**{field: wrong_value}), remake=False)
    yield fault("the head without seals", "head", without("seals"), remake=False)

    for name, key in (
        ("31 bytes", base64.b64encode(bytes(31)).decode()),
        ("33 bytes", base64.b64encode(bytes(33)).decode()),
        ("no text", 1),
    ):
        yield fault(f"dek: a key of {name}", "dek#1", _members(key=key), locks=True)
    yield fault("dek: algorithm", "dek#1", _members(algorithm="AES-128-GCM"), locks=True)
    yield fault("dek: no algorithm", "dek#1", without("algorithm"), locks=True)
    yield fault("dek: a member too many", "dek#1", _members(version=1), locks=True)
    spaced = _plaintext(lambda text: text.replace(b":", b": "))
    yield fault("dek: spaces", "dek#1", spaced, locks=True)


def _base64_faults() -> Iterator[Fault]:
    """ADDR-10: another spelling of the very key."""
    for name, spelling in (
        ("without padding", lambda text: text.rstrip("=")),
        ("with padding twice", lambda text: text + "="),
        ("with a newline", lambda text: text + "\n"),
        ("with a space inside", lambda text: text[:4] + " " + text[4:]),
        ("with bits after the end", _with_stray_bits),
    ):
        change = _payload(lambda p, how=spelling: p.update(key=how(p["key"])))  # type: ignore[misc]
        yield Fault(f"base64 {name}", "payload", "dek#1", change, locks=True)
    yield Fault("base64 for URLs", "payload", "dek#1", _for_urls, locks=True)


def _with_stray_bits(text: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:42] + alphabet[alphabet.index(text[42]) | 1] + text[43:]


def _for_urls(made: Forge, sk: str, sample: Sample) -> None:
    # The sample's own key may hold neither + nor /, so it becomes another one, with its commitment.
    key = b"\xfb\xff" * 16
    made.items[sk]["commitment"] = commitment(key)
    plaintext = dek_payload(key).replace(b"+", b"-").replace(b"/", b"_")
    assert b"-" in plaintext
    assert b"_" in plaintext
    made.reseal(sk, plaintext)


# -- layer head ------------------------------------------------------------------------------------


def _head_faults() -> Iterator[Fault]:
    """Every item is right, the set is not the one that was written."""

    def fault(name: str, change: Callable[[Forge, Sample], None]) -> Fault:
        return Fault(name, "head", "head", lambda made, sk, s: change(made, s), remake=False)

    def to(sk: str, apply: Change) -> Callable[[Forge, Sample], None]:
        return lambda made, sample: apply(made, sample.key(sk), sample)

    for sk in (*SEALED, REF, SIGNAL):
        yield fault(f"{sk.rstrip('#')} removed", to(sk, _remove))
    for sk in ("expert#anne", "tension#01#01", "meta"):
        yield fault(f"{sk} replaced by its earlier version", to(sk, _older))
    yield fault("the head of an earlier revision", to("head", _older))

    added_ref = _planted(source_type="T", target_type="P", created_at=_TIME)
    yield fault("a ref added", to("ref#T0101#question#P0101", added_ref))
    yield fault("a signal added", to("signal#01#bob", _planted(created_at=_TIME)))
    yield fault("a wrapped key added", to("dek#2", _new_dek(_set())))
    exchanged = _exchanged(REF, "ref#P0102#oppose#P0101")
    yield fault("a ref exchanged for another", lambda made, sample: exchanged(made))
    exchanged_signal = _exchanged(SIGNAL, "signal#01#bob")
    yield fault("a signal exchanged", lambda made, sample: exchanged_signal(made))

    for name, sk, change in (
        ("another status", PERSPECTIVE, _set(status="conceded")),
        ("a dialogue abandoned", "meta", _indexed(status="abandoned")),
        ("a time of convergence", "meta", _set(converged_at=_TIME)),
        ("a domain removed", "meta", _drop("domain_id")),
        ("another domain", "meta", _set(domain_id="desert")),
        ("an ethos added", "meta", _set(ethos_id="calm")),
        ("calibrated", "meta", _set(calibrated=True)),
        ("another alignment", "meta", _set(total_alignment=99)),
        ("another tier", "expert#anne", _set(tier="Wildcard")),
        ("another relevance", "expert#anne", _set(relevance=0.250001)),
        ("another score", "round#01", _set(score=8)),
        ("another round of a verdict", "verdict#v-1", _set(round=0)),
        ("a verdict made final", "verdict#v-1", _set(verdict_type="final")),
        ("an adoption", "recommendation#01#01", _set(status="adopted", adopted_in_verdict="v-1")),
        ("a tension resolved", "tension#01#01", _indexed(status="resolved")),
        ("another move", "move#01#anne#01", _set(move_type="concede")),
        ("another event", TENSION_EVENT, _set(event_type="commented")),
        ("another time of a ref", REF, _set(created_at=_TIME)),
        ("another time of a signal", SIGNAL, _set(created_at=_TIME)),
        ("another time of an entity", PERSPECTIVE, _set(updated_at=_TIME)),
        ("another time of the dek", "dek#1", _set(created_at=_TIME)),
        ("another revision", "head", _set(revision=1)),
        ("a later revision", "head", _with("revision", lambda value: value + 1)),
        ("another time of the head", "head", _set(updated_at=_TIME)),
    ):
        yield fault(f"{name} ({sk.rstrip('#')})", to(sk, change))

    resealed = to(PERSPECTIVE, _sealed_otherwise())
    yield fault("an item sealed again, the sum left", resealed)
    yield fault("a count too low", lambda made, _: made.remake_head(count=len(made.items) - 2))
    yield fault("a count too high", lambda made, _: made.remake_head(count=len(made.items)))
    yield fault("a sum of zeros", lambda made, _: made.remake_head(sum="0" * 64))
    yield fault("another sum", lambda made, _: made.remake_head(sum="f" * 64))
    yield fault("no head", to("head", _remove))


_TIME = "2031-02-03T10:15:00.000000Z"


def _exchanged(old: str, new: str) -> Callable[[Forge], None]:
    def change(made: Forge) -> None:
        made.items[new] = {**made.items.pop(old), "sk": new}

    return change


# -- the tables ------------------------------------------------------------------------------------

ENVELOPE_FORM = list(_envelope_faults())
NONCES = list(_nonce_faults())
SPELLING = [*_spelling_faults(), *_base64_faults()]
ADDRESS = list(_address_faults())
KEY = list(_key_faults())
TAG = list(_tag_faults())
PAYLOAD = [*_plaintext_faults(), *_member_faults()]
HEAD = list(_head_faults())


def _two_faults() -> Iterator[TwoFaults]:
    spoilt: dict[str, Change] = {
        "envelope": _set(note="x"),
        "address": _set(aad_hash="0" * 64),
        "key": _set(key_id=FOREIGN),
        "tag": _flip("content_encrypted", -1),
        "payload": _members(note="x"),
    }

    def at(layer: str, sk: str = PERSPECTIVE) -> Fault:
        change = spoilt[layer]
        if sk.startswith("dek#"):  # a wrapped key's own faults, on a further one but for the first
            change = _flip("content_encrypted", -1) if layer == "key" else change
            change = change if sk == "dek#1" else _new_dek(change)
        return Fault(layer, layer, sk, change, remake=sk != "head")

    set_fault = Fault("head", "head", "head", lambda made, sk, _: _remove(made, SIGNAL, _), False)
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


TWO = list(_two_faults())
