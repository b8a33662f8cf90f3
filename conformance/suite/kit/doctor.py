"""One thing wrong with a stored partition, and how to bring it about.

A :class:`Fault` changes exactly one thing in a partition that is right otherwise: the head is
counted, summed and sealed again over the changed items, unless the fault is one of the head or of
the set. So a store that does not look finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .forge import Forge, aad_of, address_of, canonical, index_attributes, seal
from .sample import PK, SAMPLE_ID, Sample

__all__ = [
    "FOREIGN",
    "Change",
    "Fault",
    "TwoFaults",
    "at_the_nonce_of",
    "cut",
    "drop",
    "finding",
    "flip",
    "from_another_dialogue",
    "indexed",
    "members",
    "moved_from",
    "new_dek",
    "older",
    "other_digit",
    "payload_by",
    "plaintext_by",
    "planted",
    "put",
    "remove",
    "replaced",
    "sealed_with",
]

FOREIGN = "dek#another-dialogue#1"


Change = Callable[[Forge, str, Sample], None]


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


def put(**values: Any) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.items[sk] |= values

    return change


def drop(*names: str) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        for name in names:
            del made.items[sk][name]

    return change


def replaced(name: str, how: Callable[[Any], Any]) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.items[sk][name] = how(made.items[sk][name])

    return change


def indexed(**values: Any) -> Change:
    """Set cleartext and let the index attributes follow."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        item = made.items[sk]
        item |= values
        item |= index_attributes(made.pk, sk, item)

    return change


def flip(name: str, position: int, bit: int = 0) -> Change:
    def flipped(value: bytes) -> bytes:
        out = bytearray(value)
        out[position] ^= 1 << bit
        return bytes(out)

    return replaced(name, flipped)


def cut(size: int) -> Change:
    return replaced("content_encrypted", lambda value: value[:-size])


def payload_by(how: Callable[[dict[str, Any]], Any]) -> Change:
    """Seal a changed payload in canonical form."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        value = made.payload(sk)
        result = how(value)
        made.reseal(sk, canonical(value if result is None else result))

    return change


def members(**values: Any) -> Change:
    return payload_by(lambda payload: payload.update(values))


def plaintext_by(how: Callable[[bytes], bytes]) -> Change:
    """Seal changed bytes."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, how(made.plaintext(sk)))

    return change


def sealed_with(**how: Any) -> Change:
    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.reseal(sk, made.plaintext(sk), **how)

    return change


def planted(**attributes: Any) -> Change:
    """An item of its own at a key that nobody wrote."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.items[sk] = {"pk": made.pk, "sk": sk, **attributes}

    return change


def moved_from(sk: str, *, readdressed: bool = False) -> Change:
    """An item taken from its key and laid at another one, index attributes fitted to the new
    place."""

    def change(made: Forge, there: str, sample: Sample) -> None:
        item = {**made.items.pop(sk), "sk": there}
        item |= index_attributes(made.pk, there, item)
        if readdressed:
            item["aad_hash"] = aad_of(made.address(there)).hex()
        made.items[there] = item

    return change


def from_another_dialogue(made: Forge, sk: str, sample: Sample) -> None:
    """The item of the same key out of another dialogue of the same user."""
    address = made.address(sk).replace(f"dialogue:{SAMPLE_ID}/", "dialogue:another-dialogue/")
    key, _ = made.key_for(sk)
    made.items[sk] |= seal(key, FOREIGN, address, made.plaintext(sk))


def at_the_nonce_of(sk: str) -> Change:
    def change(made: Forge, there: str, sample: Sample) -> None:
        nonce = made.items[sample.key(sk)]["content_nonce"]
        made.reseal(there, made.plaintext(there), nonce=nonce)
        if sk == "head":  # it is later in time but earlier in the order of reading
            made.remake_head(nonce=nonce)

    return change


def new_dek(then: Change) -> Change:
    """A further wrapped key, spoilt by ``then``; no item names it."""

    def change(made: Forge, sk: str, sample: Sample) -> None:
        made.add_dek(int(sk.removeprefix("dek#")))
        then(made, sk, sample)

    return change


def older(made: Forge, sk: str, sample: Sample) -> None:
    assert made.items[sk] != sample.older[sk], "the item was not changed since"
    made.items[sk] = dict(sample.older[sk])


def remove(made: Forge, sk: str, sample: Sample) -> None:
    del made.items[sk]


def other_digit(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]
