"""What is stored is not believed: every fault is found, by the right layer, and nothing of it
shown."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import METHODS

from ..running.session import Session, World
from ..targets.base import RawAccess
from .kit import faults
from .kit.builders import without
from .kit.faults import Fault, TwoFaults
from .kit.forge import Forge, Item, kind_of
from .kit.helpers import Caught, expect_error
from .kit.leaks import SealedTexts
from .kit.marks import profile, rules
from .kit.sample import (
    PERSPECTIVE,
    REF,
    SAMPLE_ID,
    Sample,
    by_sort_key,
    lasting_world,
    write_sample,
)

pytestmark = profile("encrypted")

#: Every read that needs no more than the dialogue's id.
READS = [
    name
    for name, method in METHODS.items()
    if method.kind == "read"
    and method.profile == "core"
    and [p.name for p in method.params if p.required] == ["dialogue_id"]
]

#: Each would be accepted by a reader who takes an expected value from the item itself.
BELIEVERS = [
    fault
    for fault in (*faults.ADDRESS, *faults.KEY, *faults.TAG, *faults.HEAD)
    if "aad_hash put right" in fault.name
    or fault.name
    in (
        "an item of another dialogue",
        "an item moved within its type",
        "another DEK under the old commitment",
        "a wrapped key sealed under another KEK",
        "sealed under the KEK",
    )
    or "replaced by its earlier version" in fault.name
]


class Bench:
    """The sample, written once in a run, in a storage where each case lays out its own items.

    Only what differs is put: a storage of its own for each of some hundred cases would cost more
    than all the rest. What lies there is asked, never assumed.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._raw: RawAccess | None = None
        self._sample: Sample | None = None
        self._failure: str | None = None
        self._whole: dict[str, Any] = {}
        self._secrets = SealedTexts([])
        self._there: dict[str, Item] | None = None
        self._chain: set[str] = set()

    @property
    def sample(self) -> Sample:
        """The sample's stored items."""
        assert self._failure is None, f"the sample could not be written and opened: {self._failure}"
        if self._sample is None:
            try:
                self._sample = self._written()
            except Exception as failure:
                self._failure = f"{type(failure).__name__}: {failure}"
                raise
        return self._sample

    def _written(self) -> Sample:
        backend = self.world.open()
        assert backend.raw is not None, "the profile needs raw access"
        sample = write_sample(backend.store, backend.raw)
        self._raw = backend.raw
        self._whole = plain(backend.store.load_partition(SAMPLE_ID))
        self._secrets = SealedTexts(sample.texts(), seen=sample.seen())
        if self.world.target.engine.emulated_by is not None:
            self._chain = {str(event["sk"]) for event in self._events()}
        return sample

    @property
    def whole(self) -> dict[str, Any]:
        """What an honest read of the sample gives."""
        assert self.sample.items, "nothing was stored"
        return self._whole

    @property
    def secrets(self) -> SealedTexts:
        """The sealed texts of the sample."""
        assert self.sample.items, "nothing was stored"
        return self._secrets

    @contextmanager
    def laid_out(self, made: Forge) -> Iterator[DialogueStore]:
        """A store newly opened over exactly these items; it is only read from."""
        assert self._raw is not None, "the sample comes first"
        found, self._there = self._there, None
        if found is None:
            found = {str(item["sk"]): dict(item) for item in self._raw.scan(SAMPLE_ID)}
        made.put_into(self._raw, found=found)
        self._there = dict(made.items)
        try:
            with self.world.open().store as store:
                yield store
        finally:
            self._tidy(self._raw)

    def _events(self) -> list[Item]:
        """The sample's audit events, where raw access shows them: that of every emulated target does."""
        scan: Callable[..., list[Item]] = self._raw.scan if self._raw is not None else _nothing
        events: list[Item] = scan(SAMPLE_ID, part="audit")
        return events

    def _tidy(self, raw: RawAccess) -> None:
        """Emulated transactions copy the table: what each reader logged would slow down all the rest."""
        if self.world.target.engine.emulated_by is None:
            return
        for event in self._events():
            if str(event["sk"]) not in self._chain:
                raw.delete(str(event["pk"]), str(event["sk"]))


def _nothing(dialogue_id: str, part: str) -> list[Item]:
    del dialogue_id, part
    return []


@pytest.fixture(scope="session")
def bench(session: Session) -> Iterator[Bench]:
    with lasting_world(session) as world:
        yield Bench(world)


def listed(store: DialogueStore) -> list[dict[str, Any]]:
    """What ``verify_partition`` lists, the wording left out."""
    found = plain(store.verify_partition(SAMPLE_ID))
    assert isinstance(found, list), f"verify_partition gave {found!r}"
    return [{name: f[name] for name in f if name != "detail"} for f in found]


def reported(caught: Caught) -> dict[str, Any]:
    """What an error says of the bad item, as a finding says it."""
    assert caught.error is not None
    named = {name: caught.data.get(name) for name in ("layer", "address", "pk", "sk")}
    return {"code": caught.error.code, **named}


def one_fault(bench: Bench, fault: Fault, budget: str) -> None:
    """The read fails as a whole, verify lists what is bad, collect gives the rest, and nothing
    sealed is shown. In a quick run most cases are shown by the last of the three alone."""
    made, expected = fault.into(bench.sample)
    said = []
    with bench.laid_out(made) as store:
        if budget != "quick" or zlib.crc32(fault.name.encode()) % 4 == 0:
            with expect_error("integrity_error") as caught:
                store.load_partition(SAMPLE_ID)
            assert reported(caught) == expected[0]
            said += [str(caught.error), repr(caught.error), repr(caught.data)]
            assert listed(store) == expected
        collected = plain(store.load_partition(SAMPLE_ID, on_error="collect"))

    assert [without(found, "detail") for found in collected["findings"]] == expected
    rest = made.items.keys() - {finding["sk"] for finding in expected}
    got = by_sort_key(collected)
    if fault.layer != "head":
        assert got == {sk: member for sk, member in by_sort_key(bench.whole).items() if sk in rest}
    else:  # the set is wrong, so the items may differ from those that were written
        assert got.keys() == {sk for sk in rest if kind_of(sk)[0].entity not in ("dek", "head")}

    shown = " ".join([*said, repr(collected["findings"])])
    assert bench.secrets.search(shown.encode(), raw_deflate=False) == []


@rules("ENV-06", "ENV-07", "ENV-08", "STORE-03")
@pytest.mark.parametrize("how", ["as written", "head made again", "every nonce new"])
def test_the_untouched_partition_is_read_whole(bench: Bench, how: str) -> None:
    """The negative control: the toolkit's own hand leaves no trace."""
    made = bench.sample.forge()
    if how == "every nonce new":
        for sk in [*made.sealed(), "dek#1"]:
            made.reseal(sk, made.plaintext(sk))
    if how != "as written":
        made.remake_head()
        assert made.items["head"] != made.original["head"]
    with bench.laid_out(made) as store:
        assert listed(store) == []
        assert plain(store.load_partition(SAMPLE_ID)) == bench.whole
        assert plain(store.load_partition(SAMPLE_ID, on_error="collect")) == bench.whole
    assert len(by_sort_key(bench.whole)) == len(bench.sample.items) - 2  # all but head and dek


@rules("ENV-01", "ENV-06", "ADDR-05")
@pytest.mark.parametrize("fault", faults.ENVELOPE_FORM, ids=str)
def test_an_item_of_another_form_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-06")
@pytest.mark.parametrize("fault", faults.NONCES, ids=str)
def test_a_nonce_met_twice_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-06", "ADDR-10")
@pytest.mark.parametrize("fault", [*faults.SPELLING, *faults.BASE64], ids=str)
def test_another_spelling_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-03", "ENV-06")
@pytest.mark.parametrize("fault", faults.ADDRESS, ids=str)
def test_an_item_of_another_place_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-06")
@pytest.mark.parametrize("fault", faults.KEY, ids=str)
def test_an_item_under_another_key_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-06")
@pytest.mark.parametrize("fault", faults.TAG, ids=str)
def test_a_changed_seal_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-02", "ENV-06")
@pytest.mark.parametrize("fault", faults.PAYLOAD, ids=str)
def test_another_plaintext_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-06", "STORE-03")
@pytest.mark.parametrize("fault", faults.HEAD, ids=str)
def test_another_set_is_refused(bench: Bench, fault: Fault, budget: str) -> None:
    one_fault(bench, fault, budget)


@rules("ENV-06")
@pytest.mark.parametrize("two", faults.TWO, ids=str)
def test_the_first_fault_in_order_is_reported(bench: Bench, two: TwoFaults) -> None:
    made, first = two.into(bench.sample)
    with bench.laid_out(made) as store, expect_error("integrity_error") as caught:
        store.load_partition(SAMPLE_ID)
    assert reported(caught) == first


@rules("ENV-07")
@pytest.mark.parametrize("method", READS)
def test_every_read_meets_every_item(bench: Bench, method: str) -> None:
    """Whatever a read is asked for, one bad item anywhere or a wrong set makes it fail."""
    made, expected = bad_claim().into(bench.sample)
    with bench.laid_out(made) as store, expect_error("integrity_error") as caught:
        getattr(store, method)(SAMPLE_ID)
    assert reported(caught) == expected[0]


@rules("ENV-07")
@pytest.mark.parametrize("method", READS)
def test_every_read_checks_the_whole_set(bench: Bench, method: str) -> None:
    fault = next(fault for fault in faults.HEAD if fault.name == "a count too low")
    made, expected = fault.into(bench.sample)
    with bench.laid_out(made) as store, expect_error("integrity_error") as caught:
        getattr(store, method)(SAMPLE_ID)
    assert reported(caught) == expected[0]


def bad_claim() -> Fault:
    """One item that does not open."""
    return next(fault for fault in faults.TAG if fault.sk == "claim#01#01")


@rules("ENV-07")
def test_every_bad_item_is_listed_and_the_rest_is_read(bench: Bench) -> None:
    """One of each layer, each in an item of its own; the list is in the order of reading."""
    together = [
        next(fault for fault in table if fault.sk == sk)
        for table, sk in (
            (faults.TAG, "claim#01#01"),
            (faults.ADDRESS, "evidence#01#01"),
            (faults.KEY, PERSPECTIVE),
            (faults.ENVELOPE_FORM, REF),
            (faults.TAG, "round#01"),
            (faults.PAYLOAD, "verdict#v-1"),
        )
    ]
    made = bench.sample.forge()
    for fault in together:
        fault.apply(made, fault.sk, bench.sample)
    made.remake_head()
    expected = [fault.into(bench.sample)[1][0] for fault in together]
    with bench.laid_out(made) as store:
        assert listed(store) == expected
        collected = plain(store.load_partition(SAMPLE_ID, on_error="collect"))
        with expect_error("integrity_error") as caught:
            store.load_partition(SAMPLE_ID)
    assert reported(caught) == expected[0]
    assert [without(found, "detail") for found in collected["findings"]] == expected
    bad = {fault.sk for fault in together}
    good = {sk: member for sk, member in by_sort_key(bench.whole).items() if sk not in bad}
    assert by_sort_key(collected) == good


@rules("ENV-08")
@pytest.mark.parametrize("fault", BELIEVERS, ids=str)
def test_what_is_stored_does_not_decide_what_is_accepted(
    bench: Bench, fault: Fault, budget: str
) -> None:
    one_fault(bench, fault, budget)
