"""ENV-04: a fresh nonce for every encryption, counted in the head, and an end to it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import METHODS

from ..running.session import World
from ..targets.base import Backend, RawAccess
from .kit.builders import begin, call, calls, populate
from .kit.forge import MAX_SEALS, Forge, Item, Items
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("encrypted")

D = "d"


def sealed(raw: RawAccess) -> dict[str, Item]:
    """The items of the dialogue that bear an envelope, by sort key."""
    return Items((str(item["sk"]), dict(item)) for item in raw.scan(D) if "content_nonce" in item)


def nonces(items: Iterable[Item]) -> set[tuple[str, bytes]]:
    return {(item["key_id"], item["content_nonce"]) for item in items}


@rules("ENV-04")
def test_no_nonce_is_met_twice_whatever_is_written(
    world: World, store: DialogueStore, raw: RawAccess, budget: str
) -> None:
    """Two clients take turns, so that each finds the head moved on and has to seal again."""
    rounds = {"quick": 20, "ordinary": 60, "nightly": 500}[budget]
    begin(store, D, rounds=[1], experts=["anne"])
    clients = [store, world.open().store]
    met = [(item["key_id"], item["content_nonce"]) for item in sealed(raw).values()]
    pk = f"dialogue#{D}"
    for number in range(rounds):
        clients[number % 2].record_expert_response(D, "anne", 1, f"Answer {number}")
        for sk in ("expert#anne", "head"):
            item = raw.get(pk, sk)
            assert item is not None
            met.append((item["key_id"], item["content_nonce"]))
    assert len(met) == 6 - 1 + 2 * rounds
    assert len(set(met)) == len(met)

    # Drawn at random, 45 nonces take some 41 values in each byte (standard deviation 2), and each
    # bit is set in about half of them: the bounds are more than ten and six deviations off. A
    # counter, a time or a fixed field keeps some bytes as they are.
    drawn = [nonce for _, nonce in met]
    values = [len({nonce[i] for nonce in drawn}) for i in range(12)]
    assert min(values) > 0.35 * min(len(drawn), 100)
    share = [sum(n[i // 8] >> (i % 8) & 1 for n in drawn) / len(drawn) for i in range(96)]
    assert min(share) > 0.05
    assert max(share) < 0.95
    numbers = sorted(int.from_bytes(nonce, "big") for nonce in drawn)
    gaps = [b - a for a, b in pairwise(numbers)]
    assert min(gaps) > 2**32  # neighbours would be the steps of a counter


@rules("ENV-04")
def test_the_same_content_is_sealed_under_another_nonce(
    store: DialogueStore, raw: RawAccess
) -> None:
    """A nonce derived from what is sealed, or from where, would come back."""
    begin(store, D, rounds=[1], experts=["anne"])
    met = set()
    for _ in range(5):
        store.record_expert_response(D, "anne", 1, "The same as ever.")
        met |= nonces([sealed(raw)["expert#anne"]])
    assert len(met) == 5
    found = Forge.of(raw, D)
    assert found.payload("expert#anne")["raw_content"] == {"01": "The same as ever."}


@rules("ENV-04")
def test_two_stores_with_the_same_history_share_no_nonce(world: World) -> None:
    """The same ids, texts and times in two storages: nothing of it is what nonces are made from."""
    met: list[bytes] = []
    for storage in (world, world.new_world()):
        backend = storage.open()
        assert backend.raw is not None
        if backend.set_clock is not None:
            backend.set_clock("2026-02-03T10:15:00.000000Z")
        begin(backend.store, D, rounds=[0, 1], experts=["anne", "bob"])
        items = sealed(backend.raw)
        met += [item["content_nonce"] for item in items.values()]
    assert len(met) == 14
    assert len(set(met)) == 14


@rules("ENV-04")
def test_an_update_seals_anew_what_it_rewrites_and_nothing_else(
    store: DialogueStore, raw: RawAccess
) -> None:
    populate(store, D)
    before = sealed(raw)
    store.record_expert_response(D, "scone", 1, "Land now.")
    after = sealed(raw)
    changed = {sk for sk in after if after[sk] != before.get(sk)}
    assert changed == {"expert#scone", "head"}
    for sk in changed:
        assert after[sk]["content_nonce"] != before[sk]["content_nonce"]


@rules("ENV-04")
def test_seals_counts_every_encryption_of_every_write(store: DialogueStore, raw: RawAccess) -> None:
    """The head's count moves by as many items as have a new nonce, its own included; the wrapped
    key is sealed under another key and does not count."""
    store.create_dialogue("fresh", "T")
    assert Forge.of(raw, "fresh").payload("head")["seals"] == 2  # the dialogue and the head
    populate(store, D)
    found: dict[str, int] = {}
    expected: dict[str, int] = {}
    for method, args in calls(D).items():
        if METHODS[method].kind == "write":
            before = Forge.of(raw, D)
            call(store, method, args)
            after = Forge.of(raw, D)
            moved = after.payload("head")["seals"] - before.payload("head")["seals"]
            found[method] = moved
            new = nonces(after.original[sk] for sk in after.sealed())
            expected[method] = len(new - nonces(before.original[sk] for sk in before.sealed()))
    assert found == expected
    assert found["register_ref"] == 1  # the ref is not sealed, the head is
    assert found["register_perspective"] == 3  # the entity, its event, the head


def doctored(backend: Backend, seals: int) -> Forge:
    """A dialogue whose head says that its key was used so many times; everything else is right."""
    assert backend.raw is not None
    populate(backend.store, D)
    made = Forge.of(backend.raw, D)
    made.remake_head(seals=seals)
    made.put_into(backend.raw)
    return made


@rules("ENV-04")
def test_a_key_used_up_refuses_every_write(world: World) -> None:
    """At 2^31 encryptions: ``key_exhausted``, nothing written, and reads go on."""
    made = doctored(world.open(), MAX_SEALS)
    backend = world.open()
    assert backend.raw is not None
    refused = []
    for method, args in calls(D).items():
        if METHODS[method].kind == "write":
            with expect_error("key_exhausted"):
                call(backend.store, method, args)
            refused.append(method)
    assert len(refused) > 15
    assert {str(item["sk"]): item for item in backend.raw.scan(D)} == made.items
    assert plain(backend.store.verify_partition(D)) == []
    assert len(plain(backend.store.get_rounds(D))) == 3


@rules("ENV-04")
def test_a_key_used_up_in_one_dialogue_is_not_used_up_in_another(world: World) -> None:
    doctored(world.open(), MAX_SEALS)
    store = world.open().store
    begin(store, "other", rounds=[1])
    with expect_error("key_exhausted"):
        store.create_round(D, 9)
    store.create_round("other", 9)
    assert [r["round"] for r in plain(store.get_rounds("other"))] == [1, 9]


@rules("ENV-04")
def test_a_key_nearly_used_up_is_used_on_and_counted_on(world: World) -> None:
    doctored(world.open(), MAX_SEALS - 1000)
    backend = world.open()
    assert backend.raw is not None
    backend.store.register_ref(D, "C0102", "depend", "E0102")
    assert Forge.of(backend.raw, D).payload("head")["seals"] == MAX_SEALS - 999
