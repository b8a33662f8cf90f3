"""The accumulated vectors, sealed by the reference from the words of their own header."""

from __future__ import annotations

import faulthandler
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from generators.build.document import documents
from generators.families import accumulated
from generators.kit.recipe import stored
from reference_impl.contract.addresses import address
from reference_impl.contract.items import Item, canonical_item
from reference_impl.contract.tables import TYPES
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle
from reference_impl.store.planning.writes import whole_item

KIND = TYPES["perspective"]
DOCUMENT: dict[str, Any] = dict(documents(accumulated.FAMILY))["accumulated/accumulated.json"]
GROUP: dict[str, Any] = DOCUMENT["test_groups"][0]


class Stream:
    """The blocks of the header, joined as far as they are needed."""

    def __init__(self, label: str) -> None:
        self._start = label.encode() + b"\0"
        self._number, self._at = 0, 0
        self._joined = bytearray()

    def take(self, size: int) -> bytes:
        while len(self._joined) - self._at < size:
            if self._at > 1 << 16:
                del self._joined[: self._at]
                self._at = 0
            block = self._start + self._number.to_bytes(8, "big")
            self._joined += hashlib.sha256(block).digest()
            self._number += 1
        self._at += size
        return bytes(self._joined[self._at - size : self._at])


def items(group: Mapping[str, Any], count: int) -> Iterator[Item]:
    take = Stream(group["label"]).take

    def text(size: int) -> str:
        return "".join(chr(group["alphabet"][byte % 64]) for byte in take(size))

    for number in range(count):
        dialogue_id = f"d{number}"
        dek, nonce = DekHandle(take(32), dialogue_id, 1), take(12)
        fields: dict[str, Any] = {"round": take(1)[0] % 100, "seq": take(1)[0] % 99 + 1}
        fields |= {
            "label": "x" + text(take(1)[0]),
            "content": "y" + text(int.from_bytes(take(2), "big") % 1024),
            "contributors": ["muffin"],
            "references": [],
            "status": "open",
            "created_at": group["time"],
            "updated_at": group["time"],
        }
        where = address(dialogue_id, "perspective", fields)
        sealed = envelope.seal(dek, where, envelope.payload_of(KIND, fields), nonce)
        yield whole_item(dialogue_id, KIND, fields, sealed)


def test_the_reference_seals_the_same_bytes() -> None:
    (case,) = GROUP["tests"]
    total = hashlib.sha256()
    between = case["intermediate"]
    after = {}
    for number, item in enumerate(items(GROUP, case["input"]["count"]), start=1):
        total.update(canonical_item(item) + b"\n")
        if str(number) in between["after"]:
            after[str(number)] = total.hexdigest()
        if number == 1:
            assert stored(item) == between["first"]
    assert after == between["after"]
    assert total.hexdigest() == case["expected"]["sha256"]


def test_a_nightly_run_tells_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accumulated, "_LONG", 2)
    after, right = GROUP["tests"][0]["intermediate"]["after"]["2"], GROUP["nightly"]["sha256"]
    assert accumulated.nightly() == [f"2 envelopes: {after}, not {right}"]


@pytest.fixture
def patient() -> Iterator[None]:
    # The run's own limit is for tests that hang; a million envelopes take longer than that.
    faulthandler.dump_traceback_later(3600, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.full
@pytest.mark.usefixtures("patient")
def test_a_million_by_the_reference() -> None:
    total = hashlib.sha256()
    for item in items(GROUP, GROUP["nightly"]["count"]):
        total.update(canonical_item(item) + b"\n")
    assert total.hexdigest() == GROUP["nightly"]["sha256"]


@pytest.mark.full
@pytest.mark.usefixtures("patient")
def test_a_million_by_the_generator() -> None:
    assert accumulated.nightly() == []
