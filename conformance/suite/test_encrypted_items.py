"""What lies in the storage after ordinary writes: attributes, addresses, seals, plaintexts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.tables import TYPES, EntityType

from ..running.session import Session, World
from ..targets.base import Backend, RawAccess
from .kit import chain
from .kit.builders import as_json, begin, calls, populate
from .kit.forge import ENVELOPE, Forge, Item, canonical, index_attributes, kind_of
from .kit.marks import profile, rules
from .kit.sample import by_sort_key, lasting_world

pytestmark = profile("encrypted")

D = "harbour-1"
#: What populate writes: every type but the one for remembered requests.
WRITTEN = [entity for entity in TYPES if entity != "request"]
SEALED = [entity for entity in WRITTEN if TYPES[entity].address is not None]
READABLE = [entity for entity in WRITTEN if entity not in ("dek", "head")]


class Written:
    """One populated dialogue: what lies there and what a read gives, taken once in a run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._items: list[Item] = []
        self._whole: dict[str, Any] = {}
        #: Whether the target has logged these writes on a chain (profile audit asks for it).
        self.is_logged = False

    def _fill(self) -> None:
        if not self._items:
            backend = self._world.open()
            assert backend.raw is not None, "the profile needs raw access"
            populate(backend.store, D)
            self._items = [dict(item) for item in backend.raw.scan(D)]
            self._whole = plain(backend.store.load_partition(D))
            self.is_logged = chain.keeps_chains(backend.raw, D)
        assert self._items, "nothing is in the storage"

    def of(self, entity: str) -> list[Item]:
        """The items of a type, one at least."""
        self._fill()
        found = [item for item in self._items if kind_of(item["sk"])[0].entity == entity]
        assert found, f"there is no {entity} in the storage"
        return found

    def forge(self) -> Forge:
        """The toolkit over all of them."""
        self._fill()
        return Forge(D, self._items)

    @property
    def whole(self) -> dict[str, Any]:
        """What a read gives."""
        self._fill()
        return self._whole

    def members(self) -> dict[str, Any]:
        """What a read gives, by sort key."""
        return by_sort_key(self.whole)


@pytest.fixture(scope="session")
def written(session: Session) -> Iterator[Written]:
    with lasting_world(session) as world:
        yield Written(world)


def exactly(value: object) -> str:
    """A value with its type: 1, 1.0, true and "1" differ, and so do bytes and text."""
    return f"{type(value).__name__} {value!r}"


@rules("ADDR-05", "ENV-01")
@pytest.mark.parametrize("entity", WRITTEN)
def test_an_item_has_its_attributes_and_no_others(written: Written, entity: str) -> None:
    """Keys, set cleartext fields, index attributes, envelope: names, types and values."""
    kind = TYPES[entity]
    members = written.members()
    for item in written.of(entity):
        envelope = {name: item[name] for name in ENVELOPE if name in item}
        assert sorted(envelope) == (sorted(ENVELOPE) if kind.address else [])
        cleartext = members.get(item["sk"], item)
        expected = {"pk": f"dialogue#{D}", "sk": item["sk"], **envelope}
        for field in kind.cleartext_fields:
            value = cleartext.get(field.name)
            if value is not None:
                expected[field.name] = value
        expected |= index_attributes(item["pk"], item["sk"], expected)
        shown = {name: exactly(value) for name, value in item.items()}
        assert shown == {name: exactly(value) for name, value in expected.items()}


@rules("ADDR-05")
@pytest.mark.parametrize("entity", READABLE)
def test_the_sort_keys_are_those_of_the_entities(written: Written, entity: str) -> None:
    """As many items as entities, each under the key that its identity gives."""
    expected = {sk for sk in written.members() if kind_of(sk)[0].entity == entity}
    assert {item["sk"] for item in written.of(entity)} == expected


@rules("ADDR-05")
def test_every_item_lies_in_the_partition_of_its_dialogue(written: Written) -> None:
    keys = {(item["pk"], item["sk"]) for entity in WRITTEN for item in written.of(entity)}
    made = written.forge()
    assert {(made.pk, sk) for sk in made.items} == keys
    for pk, _ in keys:
        assert pk == f"dialogue#{D}"


@rules("ENV-01", "ENV-03", "ADDR-10")
@pytest.mark.parametrize("entity", SEALED)
def test_the_envelope_has_the_forms_of_the_contract(written: Written, entity: str) -> None:
    made = written.forge()
    for item in written.of(entity):
        kind, parts = kind_of(item["sk"])
        assert kind.address is not None
        address = f"dialogue:{D}/{kind.address.format(**parts)}"
        assert exactly(item["aad_hash"]) == exactly(hashlib.sha256(address.encode()).hexdigest())
        key_id = made.key_for(item["sk"])[1] if entity == "dek" else f"dek#{D}#1"
        assert exactly(item["key_id"]) == exactly(key_id)
        nonce, sealed = item["content_nonce"], item["content_encrypted"]
        assert (type(nonce), len(nonce)) == (bytes, 12)
        size = len(made.plaintext(item["sk"])) + 16
        assert (type(sealed), len(sealed)) == (bytes, size)


@rules("ENV-02", "ENV-03")
@pytest.mark.parametrize("entity", [entity for entity in SEALED if entity in READABLE])
def test_the_plaintext_is_canonical_json_of_exactly_the_sealed_fields(
    written: Written, entity: str
) -> None:
    """Opened with the toolkit, the AAD computed from where the item lies; null where unset."""
    made = written.forge()
    members = written.members()
    for item in written.of(entity):
        member = members[item["sk"]]
        expected = {field.name: member[field.name] for field in TYPES[entity].sealed_fields}
        assert made.plaintext(item["sk"]) == canonical(expected)


@rules("ENV-02", "ENV-04")
def test_the_head_holds_count_sum_and_seals(written: Written) -> None:
    made = written.forge()
    payload = made.payload("head")
    assert made.plaintext("head") == canonical(payload)
    assert sorted(payload) == ["audit_head", "count", "seals", "sum"]
    found = (payload["count"], payload["sum"])
    made.remake_head()
    remade = made.payload("head")
    assert found == (remade["count"], remade["sum"])
    assert payload["seals"] > 0


@rules("ENV-09")
@pytest.mark.parametrize("entity", SEALED)
def test_the_toolkit_seals_the_same_bytes(written: Written, entity: str) -> None:
    """The same inputs, nonce included, give the same bytes."""
    made = written.forge()
    for item in written.of(entity):
        sk = item["sk"]
        made.reseal(sk, made.plaintext(sk), nonce=item["content_nonce"])
        assert made.items[sk] == made.original[sk]


@rules("ENV-09")
def test_a_partition_sealed_by_the_toolkit_is_read(written: Written, world: World) -> None:
    """Another dialogue, another DEK, given nonces: every item made by the toolkit, none by the
    store."""
    backend = world.open()
    put_transplant(written, backend)
    expected = json.loads(json.dumps(written.whole).replace(f'"{D}"', '"harbour-2"'))
    assert plain(backend.store.load_partition("harbour-2")) == expected
    assert plain(backend.store.verify_partition("harbour-2")) == []


@rules("ENV-09")
def test_a_partition_sealed_by_the_toolkit_is_written_on(written: Written, world: World) -> None:
    backend = world.open()
    made = put_transplant(written, backend)
    assert backend.raw is not None
    backend.store.record_expert_response("harbour-2", "muffin", 3, "Anchored.")
    found = Forge("harbour-2", backend.raw.scan("harbour-2"))
    assert found.payload("expert#muffin")["raw_content"]["03"] == "Anchored."
    assert found.payload("head")["count"] == made.payload("head")["count"]
    assert plain(world.open().store.verify_partition("harbour-2")) == []


def put_transplant(written: Written, backend: Backend) -> Forge:
    """Put the written dialogue into the storage as ``harbour-2``, with a write chain where the
    backend keeps one."""
    assert backend.raw is not None, "the profile needs raw access"
    made = transplanted(written.forge(), "harbour-2")
    if written.is_logged:
        sealed = sum("content_nonce" in item for item in made.items.values()) - 1  # but for the dek
        events = chain.first_write(made, made.items["head"]["revision"], sealed)
        made.remake_head(nonce=bytes(12), audit_head=events[-1]["event_hash"])
        for event in events:
            backend.raw.put(dict(event))
    for item in made.items.values():
        backend.raw.put(dict(item))
    return made


def transplanted(found: Forge, dialogue_id: str) -> Forge:
    """The same entities as another dialogue, sealed anew under another DEK with nonces 1, 2, 3 …

    Its head names no event; no write of this dialogue was logged.
    """
    pk = f"dialogue#{dialogue_id}"
    dek = hashlib.sha256(b"a published test key").digest()
    made = Forge(dialogue_id, [])
    made.original["dek#1"] = made.items["dek#1"] = {"created_at": "2026-02-03T10:15:00.000000Z"}
    made.original["head"] = {"key_id": f"dek#{dialogue_id}#1"}
    made.add_dek(1, dek)
    for number, sk in enumerate(found.items):
        if sk.startswith("dek#"):
            continue
        item = {n: v for n, v in found.items[sk].items() if not n.startswith("by_")}
        item["pk"] = pk
        made.items[sk] = {**item, **index_attributes(pk, sk, item)}
        if "content_encrypted" in item:
            nonce = (number + 1).to_bytes(12, "big")
            made.reseal(sk, found.plaintext(sk), nonce=nonce)
    made.head_payload = found.head_payload
    made.remake_head(nonce=bytes(12), audit_head=None)
    return made


# -- values with more than one spelling ------------------------------------------------------------


@rules("ADDR-05", "ENV-02")
def test_unset_fields_are_absent_in_clear_and_null_when_sealed(
    store: DialogueStore, raw: RawAccess
) -> None:
    begin(store, "d", rounds=[1], experts=["anne"])
    store.register_move("d", 1, "anne", "converge")
    store.register_verdict("d", "v", "interim", 1, "Stay", "For now")
    found = Forge.of(raw, "d")
    envelope = {"pk", "sk", *ENVELOPE}
    index = {"by_status_pk", "by_status_sk"}
    counts = {"total_rounds", "total_alignment", "calibrated", "status"}
    times = {"created_at", "updated_at"}
    assert found.items["meta"].keys() == envelope | index | counts | times
    assert found.payload("meta") == {
        "title": "Which harbour?",
        "question": None,
        "output_dir": None,
        "background": None,
    }
    by_expert = {"by_expert_pk", "by_expert_sk"}
    expert = envelope | by_expert | times | {"tier", "source", "total_score"}
    assert found.items["expert#anne"].keys() == expert
    empty = {"description": None, "focus": None, "creation_reason": None, "color": None}
    assert found.payload("expert#anne") == {
        "role": "Pilot",
        **empty,
        "scores": {},
        "raw_content": {},
    }
    assert "completed_at" not in found.items["round#01"]
    assert found.payload("round#01") == {"title": None, "summary": None}
    assert found.payload("move#01#anne#01") == {"targets": [], "context": None}
    verdict = envelope | {"verdict_type", "round", "created_at"}
    assert found.items["verdict#v"].keys() == verdict
    assert found.payload("verdict#v") == {
        "recommendation": "Stay",
        "description": "For now",
        "author_expert": None,
        "conditions": None,
        "vote": None,
        "supporting_experts": None,
        "tensions_accepted": None,
        "ethos_compliance": None,
    }


@rules("ENV-02")
def test_members_rounds_and_lists_are_sealed_as_the_contract_says(
    store: DialogueStore, raw: RawAccess
) -> None:
    """Unset members left out, two-digit rounds, lists in their order, empty texts kept."""
    store.create_dialogue("d", "T", background={"subject": "S", "situation": ""})
    for number in (10, 1):
        store.create_round("d", number, title="")
    store.register_expert("d", "anne", "Pilot", "Core", focus="")
    store.update_expert_score("d", "anne", 10, -3)
    store.update_expert_score("d", "anne", 1, 5)
    store.record_expert_response("d", "anne", 1, "One.")
    store.register_perspective("d", 1, "L", "C", ["zoe", "anne", "zoe"])
    found = Forge.of(raw, "d")
    assert b'"background":{"situation":"","subject":"S"}' in found.plaintext("meta")
    assert found.payload("round#10") == {"title": "", "summary": None}
    assert b'"raw_content":{"01":"One."}' in found.plaintext("expert#anne")
    assert b'"scores":{"01":5,"10":-3}' in found.plaintext("expert#anne")
    assert b'"contributors":["zoe","anne","zoe"]' in found.plaintext("perspective#01#01")
    assert found.payload("expert#anne")["focus"] == ""


#: A value of ``parameters`` and its canonical text.
SPELLINGS: dict[str, tuple[Any, str]] = {
    "a whole number as a double": (1.0, "1"),
    "minus zero": (-0.0, "0"),
    "a fraction": (0.1, "0.1"),
    "a sum of fractions": (0.1 + 0.2, "0.30000000000000004"),
    "ten to the -6": (1e-6, "0.000001"),
    "ten to the -7": (1e-7, "1e-7"),
    "the smallest double": (5e-324, "5e-324"),
    "the largest whole number": (2**53 - 1, "9007199254740991"),
    "a negative whole number": (-(2**53 - 1), "-9007199254740991"),
    "a long fraction": (4.35e-5, "0.0000435"),
    "quotes and controls": (
        '"\\/\b\f\n\r\t\x00\x1f\x7f',
        r'"\"\\/\b\f\n\r\t\u0000\u001f' + '\x7f"',
    ),
    "letters of all planes": ("é ß 漢 😀 \u2028", '"é ß 漢 😀 \u2028"'),
    "composed and decomposed": ("\u00e9e\u0301", '"\u00e9e\u0301"'),
    "keys by UTF-16 units": (
        {"\ufb33": 1, "\U0001f600": 2, "\u00f6": 3},
        '{"ö":3,"😀":2,"\ufb33":1}',
    ),
    "keys of one beginning": (
        {"b": 1, "a": 2, "aa": 3, "A": 4, "": 5},
        '{"":5,"A":4,"a":2,"aa":3,"b":1}',
    ),
    "lists and objects": ([[], {}, [None, True, False]], "[[],{},[null,true,false]]"),
}


@rules("ADDR-10", "ENV-02")
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_value_is_sealed_in_its_one_canonical_spelling(
    store: DialogueStore, raw: RawAccess, name: str
) -> None:
    value, text = SPELLINGS[name]
    begin(store, "d", rounds=[1])
    store.register_recommendation("d", 1, "L", "C", [], parameters={"x": value})
    found = Forge.of(raw, "d")
    expected = '{"content":"C","contributors":[],"label":"L","parameters":{"x":' + text
    assert found.plaintext("recommendation#01#01").decode() == expected + '},"references":[]}'


@rules("ADDR-05", "ENV-03", "ADDR-10")
def test_the_longest_and_oddest_identifiers_are_taken_as_they_are(
    store: DialogueStore, raw: RawAccess
) -> None:
    """Case, dots and leading digits stay; the address and the keys hold them unchanged."""
    dialogue_id, slug = "0A." + "x" * 93, "Z_-." + "9" * 92
    store.create_dialogue(dialogue_id, "T")
    store.create_round(dialogue_id, 7)
    store.register_expert(dialogue_id, slug, "Pilot", "Core")
    store.register_move(dialogue_id, 7, slug, "converge")
    found = Forge.of(raw, dialogue_id)
    assert found.items.keys() == {
        "meta",
        "head",
        "dek#1",
        "round#07",
        f"expert#{slug}",
        f"move#07#{slug}#01",
    }
    for sk in found.sealed():
        found.plaintext(sk)  # checks aad_hash and key_id against the place
    assert found.items[f"move#07#{slug}#01"]["by_expert_sk"] == f"{dialogue_id}#07"


@rules("ADDR-05")
def test_a_cleared_or_changed_value_leaves_no_old_attribute(
    backend: Backend, store: DialogueStore, raw: RawAccess
) -> None:
    """Items are written whole: index attributes follow the status, nothing is merged."""
    populate(store, "d")
    args = calls("d")
    for method in ("update_dialogue_status", "update_tension_status", "update_round_status"):
        getattr(store, method)(**args[method])
    found = Forge.of(raw, "d")
    meta, tension = found.items["meta"], found.items["tension#01#02"]
    assert meta["by_status_pk"] == "status#converging"
    assert meta["by_status_sk"] == f"{meta['updated_at']}#d"
    assert tension["by_tension_status_pk"] == "tension_status#resolved"
    whole = plain(backend.store.load_partition("d"))
    for sk, member in by_sort_key(whole).items():
        kind: EntityType = kind_of(sk)[0]
        clear = {f.name: member[f.name] for f in kind.cleartext_fields}
        stored = {f.name: found.items[sk].get(f.name) for f in kind.cleartext_fields}
        assert as_json(stored) == as_json(clear)


@rules("ADDR-05")
def test_two_dialogues_lie_in_partitions_of_their_own(store: DialogueStore, raw: RawAccess) -> None:
    for dialogue_id in ("a", "a-b", "a.b"):
        begin(store, dialogue_id, rounds=[1], experts=["anne"])
    for dialogue_id in ("a", "a-b", "a.b"):
        keys = [(item["pk"], item["sk"]) for item in raw.scan(dialogue_id)]
        own = [sk for pk, sk in keys if pk == f"dialogue#{dialogue_id}"]
        assert own == ["dek#1", "expert#anne", "head", "meta", "round#01"]
