"""Whole partitions: the items of a dialogue, what they open to, and the head that proves the set (HEAD)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..kit import crypto
from ..kit.crypto import Item
from ..kit.edits import ABSENT, Edit
from ..kit.partition_stories import entity, small, whole
from ..kit.recipe import PUBLISHED_UMK, Case, Family, Fields, Note, stored
from ..kit.schemas import HEX, INTEGER, ITEM, OBJECT, TEXT, hex_of, list_of, map_of, nullable
from ..kit.stories import State, Story, at, reference, registered, shown
from ..kit.tables import kind, kinds

__all__ = ["FAMILY", "given", "journalled"]

FAMILY = Family(
    "partition",
    title="Whole partitions: all items of a dialogue, their head, and the write chain's last event",
    header=[
        (
            "A loader gets every item under pk `dialogue#{dialogue_id}` (`items`, by sort key), the parts of"
            " journals (`journal`) and the write chain's last event that bears a mac (`last_event`)."
        ),
        "It opens them with the master key in `umk`, as user `user_id`, item by item in the order of ENV-06.",
        "An invalid case fails with `code` at `layer`; the first finding names `sk` and `address`.",
    ],
    notes={
        "Whole": Note(
            "the partition as a store leaves it",
            "an implementation that refuses it cannot read what others wrote",
            ["HEAD-04", "ENV-09"],
        ),
        "Cleartext": Note(
            "a field that no envelope covers is another",
            "statuses, scores and times can be changed by whoever may write items",
            ["HEAD-02", "HEAD-04"],
        ),
        "Set": Note(
            "an item is missing, added or from elsewhere; each by itself is sound",
            "items can be taken away or brought in unseen",
            ["HEAD-02", "HEAD-04"],
        ),
        "Replay": Note(
            "an item is replaced by what it was before",
            "a change can be undone by whoever keeps old items",
            ["HEAD-04"],
        ),
        "Rollback": Note(
            "the head, or everything, is as it was at an earlier revision",
            "the whole dialogue can be set back",
            ["AUDIT-09", "HEAD-04"],
        ),
        "OnlyByCheckpoint": Note(
            "everything is set back, the audit chain with it",
            "none: this cannot be seen from the partition; the contract says so (HEAD-05)",
            ["HEAD-05"],
        ),
        "KeyHolder": Note(
            "made by somebody who holds the data key",
            "the reader trusts that whatever opens is well-formed",
            ["ENV-06"],
        ),
        "Item": Note(
            "one item is bad by itself",
            "an item is believed that nobody with the key wrote",
            ["ENV-06"],
        ),
        "Order": Note(
            "two layers are hurt and one of them is reported",
            "two implementations tell different things of the same bytes",
            ["ENV-06"],
        ),
        "Journal": Note(
            "a large write lies in a journal",
            "a committed write is lost, or one that was not committed is seen",
            ["HEAD-07"],
        ),
        "State": Note(
            "`state` and `pending` of the head, which need no key",
            "a partition cannot be frozen without the key, or be closed for good by whoever has none",
            ["HEAD-01", "HEAD-02"],
        ),
        "Reading": Note(
            "the sum is made by another reading of HEAD-02",
            "sums differ between implementations",
            ["HEAD-02"],
        ),
    },
)

_PARAMETERS = {"umk": PUBLISHED_UMK}
_INPUT = {
    "dialogue_id": TEXT,
    "user_id": TEXT,
    "items": map_of(ITEM),
    "journal": map_of(ITEM),
    "last_event": nullable(ITEM),
}
LOAD = FAMILY.group(
    type="load",
    parameters=_PARAMETERS,
    fields=Fields(
        parameters={"umk": hex_of(32)},
        input=_INPUT,
        intermediate={
            "kek?": hex_of(32),
            "deks?": map_of(hex_of(32)),
            "sum_key?": hex_of(32),
            "canonical_head?": HEX,
            "terms?": map_of(hex_of(32)),
            "head_term?": hex_of(32),
            "sum_found?": hex_of(32),
        },
        expected={
            "revision?": INTEGER,
            "state?": TEXT,
            "count?": INTEGER,
            "sum?": hex_of(32),
            "opened?": map_of(OBJECT),
            "sk?": TEXT,
            "address?": nullable(TEXT),
        },
    ),
)
SUM = FAMILY.group(
    type="head-sum",
    file="head-sum",
    parameters={"dek": bytes(range(32, 64))},
    fields=Fields(
        parameters={"dek": hex_of(32)},
        input={"head": ITEM, "items": list_of(ITEM), "sum": TEXT},
        intermediate={
            "sum_key": hex_of(32),
            "canonical": list_of(HEX),
            "terms": list_of(hex_of(32)),
            "canonical_head": HEX,
            "head_term": hex_of(32),
        },
        expected={"sum": hex_of(32)},
    ),
)


def given(
    state: State, *, items: Mapping[str, Item] | None = None, user_id: str = "local"
) -> dict[str, Any]:
    """What a loader is given of a story's state."""
    return {
        "dialogue_id": state.dialogue_id,
        "user_id": user_id,
        "items": shown(items or state.items),
        "journal": {},
        "last_event": stored(state.last_write),
    }


# -- partitions that are sound ---------------------------------------------------------------------


def _opened(state: State, data: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    """Intermediate values and results of a sound partition."""
    items = dict(state.items)
    head = {**items.pop("head")}
    key = crypto.sum_key(state.newest_dek)
    own = crypto.head_term(key, head)
    terms = {sk: crypto.term(key, item) for sk, item in items.items()}
    total = f"{(own + sum(terms.values())) % 2**256:064x}"
    kek = crypto.derive_kek(PUBLISHED_UMK, data["user_id"])
    plain = {
        sk: {f.name: state.fields[sk].get(f.name) for f in kind(_type_of(sk)).sealed}
        for sk in items
        if sk in state.fields and "content_nonce" in items[sk]
    }
    return {
        "intermediate": {
            "kek": kek,
            "deks": {str(version): dek for version, dek in state.deks.items()},
            "sum_key": key,
            "canonical_head": crypto.canonical(
                {name: head[name] for name in ("pk", "sk", "revision", "updated_at")}
            ),
            "terms": {sk: term.to_bytes(32, "big") for sk, term in terms.items()},
            "head_term": own.to_bytes(32, "big"),
        },
        "expected": {
            "revision": head["revision"],
            "state": "active",
            "count": len(items),
            "sum": total,
            "opened": plain,
            **more,
        },
    }


def _type_of(sk: str) -> str:
    name = sk.split("#", 1)[0]
    if name == "event":
        return f"{sk.split('#')[1]}_event"
    return {"meta": "dialogue"}.get(name, name)


def _short(state: State, state_name: str = "active") -> Mapping[str, Any]:
    return {"expected": {"revision": state.head["revision"], "state": state_name}}


@LOAD.case
def fresh_dialogue() -> Case:
    """The first write of a dialogue: its data key, its own item and the head, nothing else."""
    data = given(small()[1]["created"])
    return Case(
        "partition-load-created",
        rules=["HEAD-01", "HEAD-02", "KEY-05", "ENV-09"],
        flags=["Whole"],
        data=data,
        **_opened(small()[1]["created"], data),
    )


@LOAD.case
def every_type() -> Case:
    """Each of the 14 types that has an envelope, refs, signals and a remembered request, after six writes."""
    data = given(whole()[1]["adopted"])
    return Case(
        "partition-load-every-type",
        rules=["HEAD-01", "HEAD-02", "HEAD-06", "ADDR-05", "ENV-01", "ENV-02", "ENV-09"],
        flags=["Whole"],
        data=data,
        **_opened(whole()[1]["adopted"], data),
    )


@LOAD.case
def after_each_write() -> Iterator[Case]:
    """A small dialogue after a write: an update takes the old term out of the sum and adds the new one."""
    for name in ("round", "entities", "addressed"):
        state = small()[1][name]
        data = given(state)
        yield Case(
            f"partition-load-small-{name}",
            rules=["HEAD-01", "HEAD-02", "STORE-08"],
            flags=["Whole"],
            data=data,
            **_opened(state, data),
        )


SMALL = "partition-load-small-addressed"


@LOAD.case
def two_data_keys() -> Case:
    """After a rotation without reseal: old items stay under version 1, the head and its sum are under 2."""
    state = _rotated()[1]
    data = given(state)
    return Case(
        "partition-load-rotated",
        rules=["KEY-07", "HEAD-02", "ENV-06"],
        flags=["Whole"],
        data=data,
        **_opened(state, data),
    )


@LOAD.case
def versions_as_numbers() -> Case:
    """Twelve data keys: reads take versions as numbers, so `dek#2` is looked at before `dek#10`."""
    return _of_many_keys("twelve-keys", "many-keys", 12)


@LOAD.case
def as_many_keys_as_there_may_be() -> Case:
    """Sixty-four data keys stand: reads take all of them, in the order of their numbers."""
    return _of_many_keys("64-keys", "sixty-four-keys", 64)


def _of_many_keys(name: str, dialogue_id: str, keys: int) -> Case:
    story = Story(dialogue_id)
    story.write(at(0), ("dialogue", small()[0].fields["meta"]))
    for minute in range(1, keys):
        story.rotate(at(minute))
    state = story.state()
    return Case(
        f"partition-load-{name}",
        rules=["KEY-07", "ADDR-04", "ENV-06"],
        flags=["Whole"],
        data=given(state),
        **_short(state),
    )


@LOAD.case
def another_user() -> Case:
    """The same master key gives another user another KEK; the dialogue opens for that user only."""
    story = Story("of-another-user", user_id="zoë")
    state = story.write(at(0), ("dialogue", small()[0].fields["meta"]))
    data = given(state, user_id="zoë")
    return Case(
        "partition-load-another-user",
        rules=["KEY-03", "KEY-05", "KEY-08"],
        flags=["Whole"],
        data=data,
        **_opened(state, data),
    )


@LOAD.case
def frozen_by_anybody() -> Case:
    """`state` is no part of the head's term: a partition is frozen without a key and still proves itself."""
    data = Edit(given(small()[1]["addressed"])).set("items", "head", "state", to="frozen").data
    return Case(
        "partition-load-frozen",
        rules=["HEAD-01", "HEAD-02"],
        flags=["State"],
        data=data,
        **_short(small()[1]["addressed"], "frozen"),
    )


@LOAD.case
def states_that_the_chain_does_not_bear_out() -> Iterator[Case]:
    """Somebody without a key says that the partition was moved or erased, or puts a tombstone in the head's
    place: the write chain has neither a boundary nor an `erase` event."""
    head = small()[1]["addressed"].head
    tombstone = {n: head[n] for n in ("pk", "sk", "revision", "updated_at")} | {"state": "erased"}
    edits = {
        "moved": _small().set("items", "head", "state", to="moved"),
        "erased": _small().set("items", "head", "state", to="erased"),
        "tombstone": _small().set("items", "head", to=stored(tombstone)),
    }
    for name, edit in edits.items():
        yield _false_state(f"state-{name}", "state-not-borne-out", edit, "head")
    edit = _small().set("items", "head", "state", to="moved")
    edit.set("last_event", "mac", to="0" * 64)
    yield _false_state(
        "state-moved-and-event-mac",
        "state-and-event",
        edit,
        str(edit.data["last_event"]["sk"]),
        comment="Of a false state and a bad event at the chain's end the event is told.",
    )


def _false_state(name: str, mutation: str, edit: Edit, sk: str, comment: str = "") -> Case:
    return Case(
        f"partition-load-{name}",
        comment=comment,
        rules=["HEAD-01", "KEY-09", "MIG-02"],
        flags=["State"],
        data=edit.data,
        expected={"sk": sk, "address": _address("small-talk", sk) if sk == "head" else None},
        result="invalid",
        mutation=mutation,
        sibling=SMALL,
        changed=edit.changed,
    )


@LOAD.case
def set_back_with_its_chain() -> Case:
    """Items, head and audit chain are all as they were one write ago: no reader of the partition can tell."""
    state = small()[1]["entities"]
    return Case(
        "partition-load-set-back-with-its-chain",
        rules=["HEAD-05"],
        flags=["OnlyByCheckpoint"],
        data=given(state),
        **_short(state),
    )


@LOAD.case
def head_ahead_of_a_cut_chain() -> Case:
    """The write chain's last event was cut off: a head above it may be one that was written since the look at
    the chain, so a read goes on; `verify_chain` finds it."""
    _story, states = small()
    data = given(states["addressed"])
    data["last_event"] = stored(states["entities"].last_write)
    return Case(
        "partition-load-chain-cut",
        rules=["AUDIT-09", "AUDIT-05"],
        flags=["Rollback"],
        data=data,
        **_short(states["addressed"]),
    )


def _rotated() -> tuple[Story, State]:
    story = Story("rotated")
    story.write(at(0), ("dialogue", small()[0].fields["meta"]))
    story.write(at(1), ("expert", small()[0].fields["expert#muffin"]))
    story.rotate(at(2))
    return story, story.write(at(3), ("round", small()[0].fields["round#00"]))


# -- single items in a set -------------------------------------------------------------------------


def _bad(
    name: str,
    mutation: str,
    edit: Edit,
    sk: str,
    *flags: str,
    rules: tuple[str, ...] = (),
    sibling: str = SMALL,
    comment: str = "",
    sum_found: str | None = None,
) -> Case:
    return Case(
        f"partition-load-{name}",
        comment=comment,
        rules=["ENV-06", "ENV-07", *rules],
        flags=list(flags),
        data=edit.data,
        intermediate={"sum_found": sum_found} if sum_found else None,
        expected={"sk": sk, "address": _address(str(edit.data["dialogue_id"]), sk)},
        result="invalid",
        mutation=mutation,
        sibling=sibling,
        changed=edit.changed,
    )


def _address(dialogue_id: str, sk: str) -> str | None:
    name, *rest = sk.split("#")
    of = kinds().get(_type_of(sk))
    if of is None or of.address is None or sk in _NO_FORM:
        return None
    if name == "event":
        return f"dialogue:{dialogue_id}/entity:event/{'#'.join(rest)}"
    return f"dialogue:{dialogue_id}/entity:{of.name}/{'#'.join(rest) or sk}"


_NO_FORM = (
    *("perspective#0#1", "perspective#00#00", "tension#00#1", "dek#01", "dek#0", "note", "Meta"),
    *("event#perspective#T0001#2026-02-03T10:17:00.000000Z", "round#100", "ref#P0001#likes#T0001"),
    *("event#perspective#P0001#2026-02-03T10:17:00Z", "expert#", "signal#0#muffin", "meta#"),
)


def _small() -> Edit:
    return Edit(given(small()[1]["addressed"]))


@LOAD.case
def sort_key_of_no_form() -> Iterator[Case]:
    """An item lies under a sort key that the contract has no form for; its bytes are a sound item's."""
    for number, sk in enumerate(_NO_FORM, start=1):
        edit = _small()
        source = next(
            (own for own in edit.data["items"] if own.split("#")[0] == sk.split("#")[0]), "meta"
        )
        item = {**edit.data["items"][source], "sk": sk}
        edit.set("items", sk, to=item)
        yield _bad(f"sort-key-{number:02d}", "sort-key-form", edit, sk, "Item", rules=("ADDR-04",))


@LOAD.case
def one_bit_of_an_item() -> Iterator[Case]:
    """One bit of an item differs: of its ciphertext, of its tag or of its nonce."""
    edit = _small()
    for sk, item in edit.data["items"].items():
        if "content_nonce" not in item:
            continue
        slug = _slug(sk)
        sizes = {"ciphertext": 0, "tag": -1, "nonce": 5}
        for part, offset in sizes.items():
            edit = _small()
            attribute = "content_nonce" if part == "nonce" else "content_encrypted"
            edit.flip("items", sk, attribute, "bytes", offset=offset, mask=0x40)
            mutation = "wrapped-key-damaged" if sk.startswith("dek#") else f"{part}-bit"
            yield _bad(f"{slug}-{part}-bit", mutation, edit, sk, "Item")


def _slug(sk: str) -> str:
    words = "".join(c if c.isalnum() else "-" for c in sk.lower())
    return "-".join(word for word in words.split("-") if word)


@LOAD.case
def envelope_taken_off() -> Iterator[Case]:
    """An envelope attribute is missing from one item of the set."""
    names = ("content_encrypted", "content_nonce", "key_id", "aad_hash")
    for sk, name in zip(("meta", "tension#00#01", "head", "dek#1"), names, strict=True):
        edit = _small().remove("items", sk, name)
        yield _bad(f"{_slug(sk)}-without-{_slug(name)}", "envelope-missing", edit, sk, "Item")


@LOAD.case
def envelope_on_a_ref() -> Case:
    """A ref has no envelope; four planted attributes are four too many."""
    edit = _small()
    sk = "ref#P0001#address#T0001"
    for name in ("aad_hash", "content_encrypted", "content_nonce", "key_id"):
        edit.set("items", sk, name, to=edit.data["items"]["meta"][name])
    return _bad("ref-with-envelope", "attribute-added", edit, sk, "Item", rules=("ADDR-05",))


@LOAD.case
def title_in_clear() -> Case:
    """A sealed field stands in clear beside the envelope: planted, or leaked."""
    edit = _small().set("items", "meta", "title", to="Tea or coffee?")
    return _bad("meta-title-planted", "plaintext-planted", edit, "meta", "Item", rules=("ADDR-05",))


@LOAD.case
def verdict_context_in_clear() -> Case:
    """GRAPH-03: what is computed is never stored, in clear neither."""
    edit = Edit(given(whole()[1]["adopted"]))
    edit.set("items", "verdict#v-1", "tensions_resolved", to="T0001")
    return _bad(
        "verdict-context-planted",
        "attribute-added",
        edit,
        "verdict#v-1",
        "Item",
        rules=("GRAPH-03", "ADDR-05"),
        sibling="partition-load-every-type",
    )


@LOAD.case
def index_attribute_elsewhere() -> Iterator[Case]:
    """An index attribute does not follow from the item: a query by it would find the wrong dialogue."""
    wrong = {
        ("meta", "by_status_pk"): "status#converged",
        ("meta", "by_status_sk"): f"{at(0)}#small-talk",
        ("tension#00#01", "by_tension_status_pk"): "tension_status#open",
        ("tension#00#01", "by_tension_status_sk"): "small-talk#T0002",
        ("expert#muffin", "by_expert_pk"): "expert#Muffin",
        ("expert#muffin", "by_expert_sk"): "small-talk#01",
    }
    for (sk, name), value in wrong.items():
        edit = _small().set("items", sk, name, to=value)
        case = f"{_slug(sk)}-{_slug(name)}"
        yield _bad(case, "index-attribute", edit, sk, "Item", rules=("HEAD-06",))


@LOAD.case
def nonce_used_twice() -> Case:
    """Two items under one key and nonce: the later one by sort key is bad, though each opens by itself."""
    story, states = small()
    edit = _small()
    used = states["addressed"].items["expert#muffin"]["content_nonce"]
    again = crypto.make_item(
        "round",
        story.dialogue_id,
        {"round": 0},
        story.fields["round#00"],
        key=story.deks[1],
        key_id="dek#small-talk#1",
        nonce=used,
    )
    for name in ("content_encrypted", "content_nonce"):
        edit.set("items", "round#00", name, to={"bytes": again[name].hex()})
    return _bad(
        "nonce-repeated", "nonce-repeated", edit, "round#00", "KeyHolder", rules=("ENV-04",)
    )


@LOAD.case
def moved_to_another_place() -> Iterator[Case]:
    """A sound item of this dialogue lies under another sort key of its own type."""
    targets = {
        "perspective#00#01": "perspective#00#02",
        "tension#00#01": "tension#00#02",
        "expert#muffin": "expert#eclair",
        "round#00": "round#01",
        "dek#1": "dek#2",
    }
    for source, target in targets.items():
        edit = _small()
        item = {**edit.data["items"][source], "sk": target}
        if source.startswith("tension"):
            item["by_tension_status_sk"] = "small-talk#T0002"
        if source.startswith("expert"):
            item["by_expert_pk"] = "expert#eclair"
        edit.set("items", target, to=item)
        # The copy keeps its nonce, which for a copy that sorts later is met twice; so the first one goes.
        edit.remove("items", source)
        yield _bad(
            f"{_slug(source)}-moved-to-{_slug(target)}",
            "item-moved",
            edit,
            target,
            "Item",
            rules=("ENV-03",),
        )


@LOAD.case
def copied_from_another_dialogue() -> Iterator[Case]:
    """A sound item of another dialogue, written under this one's partition key."""
    other = Story("other-talk")
    for number, (entity_name, sk) in enumerate(
        (("dialogue", "meta"), ("expert", "expert#muffin"), ("round", "round#00"))
    ):
        fields = small()[0].fields[sk]
        other.write(at(number), (entity_name, fields))
        item = other.items[sk] | {"pk": "dialogue#small-talk"}
        # Index attributes name the dialogue; whoever copies makes them fit.
        for name in ("by_status_sk", "by_expert_sk"):
            if name in item:
                item[name] = item[name].replace("other-talk", "small-talk")
        edit = _small().set("items", sk, to=stored(item))
        yield _bad(f"{_slug(sk)}-of-another-dialogue", "envelope-of-another-place", edit, sk, "Set")
    edit = _small().set(
        "items", "head", to=stored(other.items["head"] | {"pk": "dialogue#small-talk"})
    )
    yield _bad("head-of-another-dialogue", "envelope-of-another-place", edit, "head", "Set")
    edit = _small().set(
        "items", "dek#1", to=stored(other.items["dek#1"] | {"pk": "dialogue#small-talk"})
    )
    yield _bad("dek-of-another-dialogue", "envelope-of-another-place", edit, "dek#1", "Set")


@LOAD.case
def envelope_of_another_item() -> Case:
    """The four envelope attributes of a tension on a perspective: the address tells."""
    edit = _small()
    for name in ("aad_hash", "content_encrypted", "content_nonce"):
        edit.set("items", "perspective#00#01", name, to=edit.data["items"]["tension#00#01"][name])
    return _bad(
        "envelopes-exchanged", "envelope-of-another-place", edit, "perspective#00#01", "Item"
    )


@LOAD.case
def ciphertext_of_another_item() -> Case:
    """Ciphertext and nonce of the tension, aad_hash as it should be: only the tag tells."""
    edit = _small()
    for name in ("content_encrypted", "content_nonce"):
        edit.set("items", "perspective#00#01", name, to=edit.data["items"]["tension#00#01"][name])
    return _bad(
        "ciphertext-exchanged", "ciphertext-of-another-item", edit, "perspective#00#01", "Item"
    )


@LOAD.case
def key_ids() -> Iterator[Case]:
    """An item names a data key that is another dialogue's, or that is not there."""
    edit = _small().set("items", "round#00", "key_id", to="dek#other-talk#1")
    yield _bad("key-id-of-another-dialogue", "key-id-of-another-dialogue", edit, "round#00", "Item")
    edit = _small().set("items", "round#00", "key_id", to="dek#small-talk#2")
    yield _bad("key-version-missing", "key-version-missing", edit, "round#00", "Item")
    edit = _small().set("items", "head", "key_id", to="dek#small-talk#2")
    yield _bad("head-key-version-missing", "key-version-missing", edit, "head", "Item")


@LOAD.case
def data_key_gone() -> Iterator[Case]:
    """The wrapped key is not there any more: the first item that names it is bad."""
    edit = _small().remove("items", "dek#1")
    sk = f"event#perspective#P0001#{at(2)}"
    yield _bad("dek-removed", "key-version-missing", edit, sk, "Set", rules=("KEY-07",))
    edit = Edit(given(_rotated()[1])).remove("items", "dek#1")
    yield _bad(
        "older-dek-removed",
        "key-version-missing",
        edit,
        "expert#muffin",
        "Set",
        rules=("KEY-07",),
        sibling="partition-load-rotated",
    )


@LOAD.case
def commitment() -> Case:
    """The wrapped key opens, and the commitment beside it is not the one of that key."""
    edit = _small()
    old = edit.data["items"]["dek#1"]["commitment"]
    edit.set("items", "dek#1", "commitment", to=old[:-1] + ("0" if old[-1] != "0" else "1"))
    return _bad("commitment", "commitment-changed", edit, "dek#1", "Item", rules=("KEY-06",))


@LOAD.case
def another_users_key() -> Iterator[Case]:
    """The data key was wrapped for another user, or for this one under another master key."""
    edit = _small().set("user_id", to="zoë")
    yield _bad("read-by-another-user", "user-differs", edit, "dek#1", "Item", rules=("KEY-08",))
    edit = _small()
    u, k = edit.data["items"]["dek#1"]["key_id"].split("#")[1:]
    edit.set("items", "dek#1", "key_id", to=f"kek#{u[:-1]}{'0' if u[-1] != '0' else '1'}#{k}")
    yield _bad("kek-of-another-user", "user-differs", edit, "dek#1", "Item", rules=("KEY-08",))
    edit = _small()
    edit.set("items", "dek#1", "key_id", to=f"kek#{u}#{k[:-1]}{'0' if k[-1] != '0' else '1'}")
    yield _bad("kek-of-another-umk", "umk-differs", edit, "dek#1", "Item", rules=("KEY-08",))


@LOAD.case
def payloads_by_a_key_holder() -> Iterator[Case]:
    """The head opens and its payload is not exactly the canonical JSON of the four sealed fields."""
    story, states = small()
    state = states["addressed"]
    sound = {
        "audit_head": state.last_write["event_hash"],
        "count": 11,
        "seals": story.seals,
        "sum": crypto.partition_sum(story.deks[1], state.others, state.head),
    }
    text = crypto.canonical(sound)
    wrong: dict[str, tuple[str, bytes]] = {
        "without-seals": (
            "key-missing",
            crypto.canonical({k: v for k, v in sound.items() if k != "seals"}),
        ),
        "with-state": ("unknown-key", crypto.canonical({**sound, "state": "active"})),
        "count-as-text": ("wrong-type", crypto.canonical({**sound, "count": "11"})),
        "sum-in-upper-case": (
            "member-form",
            crypto.canonical({**sound, "sum": str(sound["sum"]).upper()}),
        ),
        "sum-cut": ("member-form", crypto.canonical({**sound, "sum": str(sound["sum"])[1:]})),
        "audit-head-null": ("not-nullable", crypto.canonical({**sound, "audit_head": None})),
        "with-a-blank": ("white-space", text.replace(b'"count":11', b'"count": 11')),
        "count-as-float": ("number-spelling", text.replace(b'"count":11', b'"count":11.0')),
        "key-twice": ("duplicate-key", text.replace(b'"count":11', b'"count":11,"count":11')),
        "not-json": ("not-json", text[:-1]),
    }
    for name, (mutation, plaintext) in wrong.items():
        sealed = crypto.seal(
            story.deks[1],
            "dek#small-talk#1",
            crypto.address("small-talk", "head"),
            plaintext,
            bytes.fromhex(_small().data["items"]["head"]["content_nonce"]["bytes"]),
        )
        edit = _small()
        edit.set(
            *("items", "head", "content_encrypted"),
            to={"bytes": sealed["content_encrypted"].hex()},
        )
        yield _bad(f"head-payload-{name}", mutation, edit, "head", "KeyHolder", rules=("ENV-02",))


@LOAD.case
def stored_verdict_context() -> Iterator[Case]:
    """GRAPH-03: the four computed names are never stored, sealed neither."""
    story, states = whole()
    for name in ("tensions_resolved", "recommendations_adopted", "key_evidence", "key_claims"):
        fields = {f.name: story.fields["verdict#v-1"].get(f.name) for f in kind("verdict").sealed}
        sealed = crypto.seal(
            story.deks[1],
            "dek#nvidia-analysis#1",
            crypto.address("nvidia-analysis", "verdict", verdict_id="v-1"),
            crypto.canonical({**fields, name: []}),
            states["adopted"].items["verdict#v-1"]["content_nonce"],
        )
        edit = Edit(given(states["adopted"]))
        edit.set(
            *("items", "verdict#v-1", "content_encrypted"),
            to={"bytes": sealed["content_encrypted"].hex()},
        )
        yield _bad(
            f"verdict-stores-{_slug(name)}",
            "unknown-key",
            edit,
            "verdict#v-1",
            "KeyHolder",
            rules=("GRAPH-03", "ENV-02"),
            sibling="partition-load-every-type",
        )


# -- the set ---------------------------------------------------------------------------------------


def _unsound(
    name: str,
    mutation: str,
    edit: Edit,
    flag: str,
    *rules: str,
    sibling: str = SMALL,
    dek: bytes | None = None,
) -> Case:
    # Where a journal is laid over the items, their sum by themselves is not what a reader finds.
    laid = edit.data["journal"]
    found = None if laid else _sum_of(edit.data["items"], dek or small()[0].deks[1])
    return Case(
        f"partition-load-{name}",
        rules=["HEAD-04", "ENV-06", *rules],
        flags=[flag],
        data=edit.data,
        intermediate={"sum_found": found} if found else None,
        expected={"sk": "head", "address": _address(str(edit.data["dialogue_id"]), "head")},
        result="invalid",
        mutation=mutation,
        sibling=sibling,
        changed=edit.changed,
    )


def _sum_of(items: Mapping[str, Any], dek: bytes) -> str | None:
    if "head" not in items:
        return None
    plain = [
        {
            name: bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
            for name, value in item.items()
        }
        for sk, item in items.items()
        if sk != "head"
    ]
    return crypto.partition_sum(dek, plain, items["head"])


#: Another value of a cleartext field that is as good by itself.
_OTHER_VALUES: Mapping[str, Any] = {
    "text": "another-word",
    "bool": True,
    "int": 7,
    "number": 0.5,
    "identifier": "somebody",
    "timestamp": at(999),
}


@LOAD.case
def cleartext_changed() -> Iterator[Case]:
    """A cleartext field is another valid value, its index attributes made to fit: only the sum tells."""
    edit = _small()
    for sk in edit.data["items"]:
        of = kind(_type_of(sk))
        for spot in of.cleartext:
            if sk == "head" or spot.name in ("commitment", "source_type", "target_type"):
                continue
            if of.name.endswith("_event") and spot.name == "created_at":
                continue
            edit = _small()
            old = edit.get("items", sk, spot.name)
            new = _another(spot.values, old, spot.type)
            edit.set("items", sk, spot.name, to=new)
            _refit(edit, sk)
            yield _unsound(
                f"{_slug(sk)}-{_slug(spot.name)}", "cleartext-changed", edit, "Cleartext", "HEAD-02"
            )


def _another(values: tuple[str, ...], old: Any, type_: str) -> Any:
    if values:
        return next(value for value in values if value != old)
    new = _OTHER_VALUES[type_]
    if new == old:
        raise ValueError(f"{type_}: no other value")
    return new


def _refit(edit: Edit, sk: str) -> None:
    """Index attributes as they follow from the changed item."""
    item = edit.data["items"][sk]
    fresh: dict[str, str] = {}
    if sk == "meta":
        fresh["by_status_pk"] = f"status#{item['status']}"
        fresh["by_status_sk"] = f"{item['updated_at']}#small-talk"
    elif sk.startswith("tension#"):
        fresh["by_tension_status_pk"] = f"tension_status#{item['status']}"
    elif sk.startswith("expert#"):
        fresh["by_expert_sk"] = f"small-talk#{item.get('first_round', 0):02d}"
    for name, value in fresh.items():
        if item[name] != value:
            edit.set("items", sk, name, to=value)


@LOAD.case
def optional_cleartext_taken_away() -> Iterator[Case]:
    """A nullable cleartext field is gone, as if it had never been set."""
    for sk, name in (("expert#muffin", "relevance"), ("expert#muffin", "first_round")):
        edit = _small().remove("items", sk, name)
        _refit(edit, sk)
        yield _unsound(f"{_slug(sk)}-without-{_slug(name)}", "cleartext-removed", edit, "Cleartext")


@LOAD.case
def head_in_clear() -> Iterator[Case]:
    """Revision and time of the head are in its term of the sum."""
    for name, value in (("revision", 5), ("revision", 3), ("updated_at", at(5))):
        edit = _small().set("items", "head", name, to=value)
        slug = f"head-{_slug(name)}-{_slug(str(value))}"
        yield _unsound(slug, "head-cleartext-changed", edit, "Cleartext", "HEAD-02", "HEAD-01")


@LOAD.case
def item_removed() -> Iterator[Case]:
    """One item is not there any more."""
    for sk in _small().data["items"]:
        if sk in ("head", "dek#1"):
            continue
        yield _unsound(
            f"without-{_slug(sk)}", "item-removed", _small().remove("items", sk), "Set", "HEAD-02"
        )


@LOAD.case
def head_removed() -> Case:
    """A partition with items and no head."""
    return _unsound("without-head", "head-removed", _small().remove("items", "head"), "Set")


@LOAD.case
def only_the_head() -> Case:
    """Every item but the head and its key is gone."""
    edit = _small()
    for sk in list(edit.data["items"]):
        if sk not in ("head", "dek#1"):
            edit.remove("items", sk)
    return _unsound("only-the-head", "item-removed", edit, "Set")


@LOAD.case
def item_planted() -> Iterator[Case]:
    """An item without an envelope needs no key to be made: the sum does."""
    ref = reference("T0001", "support", "P0001", at(2))[1]
    edit = _small()
    item = {
        "pk": "dialogue#small-talk",
        "sk": "ref#T0001#support#P0001",
        **{name: ref[name] for name in ("created_at", "source_type", "target_type")},
    }
    edit.set("items", item["sk"], to=item)
    yield _unsound("ref-planted", "item-added", edit, "Set", "HEAD-02")
    edit = _small()
    signal = {"pk": "dialogue#small-talk", "sk": "signal#00#eclair", "created_at": at(2)}
    edit.set("items", signal["sk"], to=signal)
    yield _unsound("signal-planted", "item-added", edit, "Set", "HEAD-02")


@LOAD.case
def sealed_item_added_by_a_key_holder() -> Iterator[Case]:
    """A sound new entity that no commit brought: it opens, and the set is not what was written."""
    story = small()[0]
    for entity_name, parts, fields in (
        ("claim", {"round": 0, "seq": 1}, entity("claim", 0, 1, "Milk first")),
        ("evidence", {"round": 0, "seq": 1}, entity("evidence", 0, 1, "A receipt")),
    ):
        more = {"references": [], "created_at": at(4), "updated_at": at(4)}
        item = crypto.make_item(
            entity_name,
            "small-talk",
            parts,
            {**fields, **more},
            key=story.deks[1],
            key_id="dek#small-talk#1",
            nonce=crypto.sha256(entity_name.encode())[:12],
        )
        edit = _small().set("items", item["sk"], to=stored(item))
        yield _unsound(f"{entity_name}-added", "item-added", edit, "KeyHolder", "HEAD-02")


@LOAD.case
def earlier_version() -> Iterator[Case]:
    """An item as it was before its last update, envelope and all."""
    _story, states = small()
    for sk, when in (
        ("tension#00#01", "entities"),
        ("expert#muffin", "entities"),
        ("meta", "created"),
    ):
        edit = _small().set("items", sk, to=stored(states[when].items[sk]))
        yield _unsound(f"{_slug(sk)}-replayed", "item-replayed", edit, "Replay", "HEAD-02")


@LOAD.case
def only_the_envelope_replayed() -> Case:
    """The envelope is an earlier one of the same item, the cleartext is today's."""
    old = stored(small()[1]["entities"].items["expert#muffin"])
    edit = _small()
    for name in ("content_encrypted", "content_nonce"):
        edit.set("items", "expert#muffin", name, to=old[name])
    return _unsound("expert-envelope-replayed", "item-replayed", edit, "Replay", "HEAD-02")


@LOAD.case
def earlier_head() -> Case:
    """The head is one write old; the items are not."""
    edit = _small().set("items", "head", to=stored(small()[1]["entities"].items["head"]))
    return _unsound("head-replayed", "head-replayed", edit, "Rollback", "HEAD-02")


@LOAD.case
def heads_sealed_by_a_key_holder() -> Iterator[Case]:
    """The head opens; its count or its sum is not that of the items."""
    story, states = small()
    state = states["addressed"]
    sound = crypto.partition_sum(story.deks[1], state.others, state.head)
    key = crypto.sum_key(story.deks[1])
    items_only = sum(crypto.term(key, item) for item in state.others) % 2**256
    other_key = crypto.hkdf(crypto.derive_kek(PUBLISHED_UMK, "local"), b"blue/head/v1")
    with_state = crypto.term(
        key, {n: state.head[n] for n in ("pk", "sk", "revision", "updated_at", "state")}
    )
    xored = 0
    for item in state.others:
        xored ^= crypto.term(key, item)
    hexed = _hex_sum(state, key)
    payloads: dict[str, tuple[str, dict[str, Any]]] = {
        "count-with-the-head": ("head-count", {"count": 12}),
        "count-one-less": ("head-count", {"count": 10}),
        "count-zero": ("head-count", {"count": 0}),
        "sum-one-more": ("head-sum", {"sum": f"{(int(sound, 16) + 1) % 2**256:064x}"}),
        "sum-zero": ("head-sum", {"sum": "0" * 64}),
        "sum-without-the-head": ("head-sum-reading", {"sum": f"{items_only:064x}"}),
        "sum-little-endian": (
            "head-sum-reading",
            {"sum": bytes.fromhex(sound)[::-1].hex()},
        ),
        "sum-as-xor": (
            "head-sum-reading",
            {"sum": f"{xored ^ crypto.head_term(key, state.head):064x}"},
        ),
        "sum-with-state": (
            "head-sum-reading",
            {"sum": f"{(items_only + with_state) % 2**256:064x}"},
        ),
        "sum-under-the-kek": (
            "head-sum-reading",
            {"sum": _sum_under(other_key, state)},
        ),
        "sum-under-the-dek": ("head-sum-reading", {"sum": _sum_under(story.deks[1], state)}),
        "sum-with-bytes-as-hex": ("head-sum-reading", {"sum": hexed}),
    }
    for name, (mutation, payload) in payloads.items():
        fields = {
            "audit_head": state.last_write["event_hash"],
            "count": 11,
            "seals": story.seals,
            "sum": sound,
            **payload,
        }
        edit = _reseal_head(fields)
        yield _unsound(f"head-{name}", mutation, edit, "KeyHolder", "HEAD-01", "HEAD-02")


def _reseal_head(fields: Mapping[str, Any]) -> Edit:
    story = small()[0]
    edit = _small()
    sealed = crypto.seal(
        story.deks[1],
        "dek#small-talk#1",
        crypto.address("small-talk", "head"),
        crypto.canonical(fields),
        bytes.fromhex(edit.data["items"]["head"]["content_nonce"]["bytes"]),
    )
    return edit.set(
        *("items", "head", "content_encrypted"), to={"bytes": sealed["content_encrypted"].hex()}
    )


def _sum_under(key: bytes, state: State) -> str:
    total = crypto.head_term(key, state.head) + sum(crypto.term(key, i) for i in state.others)
    return f"{total % 2**256:064x}"


def _hex_sum(state: State, key: bytes) -> str:
    total = crypto.head_term(key, state.head)
    for item in state.others:
        text = {n: v.hex() if isinstance(v, bytes) else v for n, v in item.items()}
        total += int.from_bytes(crypto.hmac_sha256(key, crypto.canonical(text)), "big")
    return f"{total % 2**256:064x}"


@LOAD.case
def sum_of_the_older_key() -> Case:
    """After a rotation the sum is made under the key that the head names, not under the older one."""
    story, state = _rotated()
    clear = {name: state.head[name] for name in ("pk", "sk", "revision", "updated_at")}
    payload = {
        "audit_head": state.last_write["event_hash"],
        "count": len(state.others),
        "seals": story.seals,
        "sum": crypto.partition_sum(state.deks[1], state.others, clear),
    }
    sealed = crypto.seal(
        state.deks[2],
        "dek#rotated#2",
        crypto.address("rotated", "head"),
        crypto.canonical(payload),
        state.head["content_nonce"],
    )
    edit = Edit(given(state))
    edit.set(
        *("items", "head", "content_encrypted"), to={"bytes": sealed["content_encrypted"].hex()}
    )
    return _unsound(
        "rotated-sum-of-the-older-key",
        "head-sum-reading",
        edit,
        "KeyHolder",
        "KEY-07",
        "HEAD-02",
        sibling="partition-load-rotated",
        dek=state.deks[2],
    )


# -- the chain's end -------------------------------------------------------------------------------


def _against_the_chain(name: str, mutation: str, edit: Edit, *rules: str, sk: str = "head") -> Case:
    own = None if sk != "head" else _address("small-talk", "head")
    return Case(
        f"partition-load-{name}",
        rules=["AUDIT-09", "ENV-06", *rules],
        flags=["Rollback"],
        data=edit.data,
        expected={"sk": sk, "address": own},
        result="invalid",
        mutation=mutation,
        sibling=SMALL,
        changed=edit.changed,
    )


@LOAD.case
def set_back_without_its_chain() -> Iterator[Case]:
    """Items and head are all as they were at an earlier revision: the write chain knows of later ones."""
    for when in ("entities", "round", "created"):
        edit = _small()
        now, then = edit.data["items"], given(small()[1][when])["items"]
        for sk in sorted({*now, *then}, key=str.encode):
            if sk not in then:
                edit.remove("items", sk)
            elif now[sk] != then[sk]:
                edit.set("items", sk, to=then[sk])
        yield _against_the_chain(f"rolled-back-to-{when}", "partition-rolled-back", edit, "HEAD-04")


@LOAD.case
def no_chain() -> Case:
    """The partition is sound and has no write chain at all."""
    edit = _small().set("last_event", to=None)
    return _against_the_chain("without-chain", "chain-removed", edit, "AUDIT-04")


@LOAD.case
def last_event_spoilt() -> Iterator[Case]:
    """The write chain's last event is not the one that was written: field, hash or mac differ."""
    wrong: dict[str, tuple[str, Any]] = {
        "principal": ("event-field", "somebody"),
        "revision": ("event-field", 3),
        "count": ("event-field", 1),
        "operation": ("event-field", "decrypt"),
        "note": ("event-field", ABSENT),
        "event_hash": ("event-hash", "0" * 64),
        "mac": ("event-mac", "0" * 64),
        "previous_hash": ("event-field", "0" * 64),
        "timestamp": ("event-field", at(3)),
    }
    for name, (mutation, value) in wrong.items():
        edit = _small()
        if name == "note":
            value = "r#00000000000000b2 3 " + "0" * 64
        edit.set("last_event", name, to=value)
        sk = edit.data["last_event"]["sk"]
        yield _against_the_chain(f"last-event-{_slug(name)}", mutation, edit, "AUDIT-02", sk=sk)
    edit = _small().remove("last_event", "mac")
    sk = edit.data["last_event"]["sk"]
    yield _against_the_chain("last-event-without-mac", "event-mac", edit, "AUDIT-02", sk=sk)


@LOAD.case
def head_names_another_event() -> Case:
    """Made by a key holder: the head is of the chain's revision and names another last event."""
    story, states = small()
    state = states["addressed"]
    fields = {
        "audit_head": states["entities"].last_write["event_hash"],
        "count": 11,
        "seals": story.seals,
        "sum": crypto.partition_sum(story.deks[1], state.others, state.head),
    }
    edit = _reseal_head(fields)
    return _against_the_chain("head-names-another-event", "audit-head", edit, "AUDIT-04", "HEAD-01")


# -- which of two is told --------------------------------------------------------------------------


@LOAD.case
def which_is_reported() -> Iterator[Case]:
    """Where more than one thing is wrong, ENV-06's order decides which is told."""
    edit = _small()
    edit.set("items", "meta", "aad_hash", to="0" * 64)
    edit.flip("items", "expert#muffin", "content_encrypted", "bytes", offset=3)
    yield _bad(
        "first-by-sort-key",
        "two-items-tag-first",
        edit,
        "expert#muffin",
        "Order",
        comment="An item passes all its layers before the next is looked at: the tag of `expert#muffin`"
        " comes before the address of `meta`.",
    )
    edit = _small()
    edit.flip("items", "dek#1", "content_encrypted", "bytes", offset=3)
    edit.set("items", "expert#muffin", "title", to="planted")
    yield _bad(
        "keys-first",
        "two-items-key-first",
        edit,
        "dek#1",
        "Order",
        comment="Data keys are looked at before all other items, although `dek#1` does not sort first"
        " among all types.",
    )
    edit = _small()
    edit.set("items", "round#00", "aad_hash", to="0" * 64)
    edit.flip("items", "round#00", "content_encrypted", "bytes", offset=0)
    yield _bad(
        "address-before-tag",
        "address-and-tag",
        edit,
        "round#00",
        "Order",
        comment="One item with two faults: the earlier layer is told.",
    )
    edit = _small()
    edit.remove("items", "signal#00#muffin")
    edit.flip("items", "tension#00#01", "content_encrypted", "bytes", offset=0)
    yield _bad(
        "items-before-the-set",
        "tag-and-set",
        edit,
        "tension#00#01",
        "Order",
        comment="Count and sum come after all items, those that sort after the head among them.",
    )


# -- journals --------------------------------------------------------------------------------------


def journalled() -> tuple[State, dict[str, Any], str]:
    """A dialogue whose last write still lies in a journal of one part, named by the head."""
    story = Story("in-a-journal")
    story.write(at(0), ("dialogue", small()[0].fields["meta"]))
    before = dict(story.items)
    muffin = {**small()[0].fields["expert#muffin"]}
    claim = entity("claim", 0, 1, "Milk first")
    drafts = registered("claim", at(1), claim)
    state = story.write(
        at(1), ("expert", muffin), ("round", small()[0].fields["round#00"]), *drafts
    )
    token = "5d" * 16
    new = [item for sk, item in state.items.items() if sk != "head" and before.get(sk) != item]
    packed = crypto.canonical([_base64(item) for item in new])
    data = given(state, items={**before, "head": {**state.head, "pending": token}})
    parts = [packed[:700], packed[700:]]
    data["journal"] = {
        f"{token}#{number:04d}": {
            "pk": "journal#in-a-journal",
            "sk": f"{token}#{number:04d}",
            "items": {"bytes": part.hex()},
        }
        for number, part in enumerate(parts, start=1)
    }
    return state, data, token


def _base64(item: Item) -> dict[str, Any]:
    return {n: base64.b64encode(v).decode() if isinstance(v, bytes) else v for n, v in item.items()}


@LOAD.case
def write_in_a_journal() -> Case:
    """The head names a journal: its parts, put together, are laid over the items. (A writer cuts parts at
    350 KiB; a reader takes them as they are.)"""
    state, data, _ = journalled()
    return Case(
        "partition-load-journal",
        rules=["HEAD-07"],
        flags=["Journal"],
        data=data,
        **_opened(state, data),
    )


@LOAD.case
def journal_that_nobody_names() -> Case:
    """A journal that no head names is invisible: that write never took place."""
    _, data, _ = journalled()
    edit = _small()
    for sk, part in data["journal"].items():
        edit.set("journal", sk, to={**part, "pk": "journal#small-talk"})
    return Case(
        "partition-load-journal-unnamed",
        rules=["HEAD-07"],
        flags=["Journal"],
        data=edit.data,
        **_short(small()[1]["addressed"]),
    )


@LOAD.case
def journal_rolled_forward_in_part() -> Case:
    """A roll-forward died half-way: an item is in place already, the journal still says the same."""
    state, data, _ = journalled()
    edit = Edit(data).set("items", "round#00", to=stored(state.items["round#00"]))
    return Case(
        "partition-load-journal-half-done",
        rules=["HEAD-07"],
        flags=["Journal"],
        data=edit.data,
        **_short(state),
    )


@LOAD.case
def journal_spoilt() -> Iterator[Case]:
    """`pending` is removed too early or set falsely, or the journal is not what was committed."""
    state, data, token = journalled()
    first, second = f"{token}#0001", f"{token}#0002"

    def bad(name: str, mutation: str, edit: Edit, sibling: str) -> Case:
        dek = state.deks[1]
        return _unsound(
            f"journal-{name}", mutation, edit, "Journal", "HEAD-07", sibling=sibling, dek=dek
        )

    sound = "partition-load-journal"
    edit = Edit(data).remove("items", "head", "pending")
    yield bad("pending-removed", "pending-removed", edit, sound)
    edit = Edit(data).set("items", "head", "pending", to="00" * 16)
    yield bad("pending-of-another", "pending-changed", edit, sound)
    yield bad("without-a-part", "journal-part-removed", Edit(data).remove("journal", second), sound)
    yield bad(
        "without-its-first-part", "journal-part-removed", Edit(data).remove("journal", first), sound
    )
    edit = Edit(data).set("journal", second, "items", to=data["journal"][first]["items"])
    yield bad("part-twice", "journal-changed", edit, sound)
    whole_text = bytes.fromhex(
        data["journal"][first]["items"]["bytes"] + data["journal"][second]["items"]["bytes"]
    )
    at_score = whole_text.index(b'"score":12') - 700
    edit = Edit(data).flip("journal", second, "items", "bytes", offset=at_score + 9)
    yield bad("score-changed", "journal-changed", edit, sound)
    edit = _small().set("items", "head", "pending", to="5d" * 16)
    yield Case(
        "partition-load-pending-without-a-journal",
        comment="`pending` set by somebody without a key names no journal: nothing is laid over, and what is"
        " there proves itself.",
        rules=["HEAD-07", "HEAD-01"],
        flags=["Journal", "State"],
        data=edit.data,
        **_short(small()[1]["addressed"]),
    )
    packed = crypto.canonical([_base64(small()[1]["entities"].items["expert#muffin"])])
    edit = _small().set("items", "head", "pending", to="5d" * 16)
    edit.set(
        *("journal", "5d" * 16 + "#0001"),
        to={
            "pk": "journal#small-talk",
            "sk": "5d" * 16 + "#0001",
            "items": {"bytes": packed.hex()},
        },
    )
    yield _unsound("journal-planted", "journal-planted", edit, "Journal", "HEAD-07")


@LOAD.case
def journal_of_another_form() -> Iterator[Case]:
    """The items that a journal holds are those of the commit, and it is not the one text of HEAD-07: its
    parts are numbered otherwise, it is spelled otherwise, or holds what no journal may hold."""
    state, data, token = journalled()
    parts = [part["items"]["bytes"] for part in data["journal"].values()]
    text = bytes.fromhex("".join(parts))
    written = json.loads(text)
    foreign = {"sk": "signal#00#muffin", "created_at": at(1)}

    def journal(numbers: Sequence[str], pieces: Sequence[bytes]) -> Edit:
        edit, before = Edit(data), data["journal"]
        now = {}
        for number, piece in zip(numbers, pieces, strict=True):
            sk = f"{token}#{number}"
            now[sk] = {
                "pk": "journal#in-a-journal",
                "sk": sk,
                "items": {"bytes": piece.hex()},
            }
        for sk in sorted({*before, *now}):
            if before.get(sk) != now.get(sk):
                edit.set("journal", sk, to=now.get(sk, ABSENT))
        return edit

    def packed(*more: Mapping[str, Any]) -> bytes:
        ordered = sorted([*written, *more], key=lambda item: str(item["sk"]).encode())
        return crypto.canonical(ordered)

    two = (text[:700], text[700:])
    edits = {
        "numbered-from-zero": journal(("0000", "0001"), two),
        "numbered-with-a-gap": journal(("0001", "0003"), two),
        "numbered-in-three-digits": journal(("001", "002"), two),
        "with-a-blank": journal(("0001",), (text.replace(b"},{", b"}, {", 1),)),
        "with-line-feed": journal(("0001",), (text + b"\n",)),
        "in-another-order": journal(("0001",), (crypto.canonical(written[::-1]),)),
        "with-an-item-twice": journal(("0001",), (packed(written[0]),)),
        "with-the-head": journal(("0001",), (packed(_base64(state.head)),)),
        "with-an-item-of-another-dialogue": journal(
            ("0001",), (packed({"pk": "dialogue#other-talk", **foreign}),)
        ),
        "with-an-audit-event": journal(("0001",), (packed(state.last_write),)),
        "with-a-part-of-a-journal": journal(
            ("0001",), (packed({"pk": "journal#in-a-journal", "sk": f"{token}#0009"}),)
        ),
    }
    rolled = Edit(data)
    for sk, item in sorted(state.items.items()):
        if sk != "head" and data["items"].get(sk) != stored(item):
            rolled.set("items", sk, to=stored(item))
    last = f"{token}#0002"
    rolled.set("journal", last, "items", to={"bytes": (two[1] + b"\n").hex()})
    edits["of-another-form-and-all-in-place"] = rolled
    for name, edit in edits.items():
        yield _unsound(
            f"journal-{name}",
            "journal-form",
            edit,
            "Journal",
            "HEAD-07",
            sibling="partition-load-journal",
        )


# -- the sum alone ---------------------------------------------------------------------------------

_DEK = bytes(range(32, 64))


def _sum_input() -> dict[str, Any]:
    items: list[Item] = [
        {"pk": "dialogue#d", "sk": "a", "text": "é\U0001f600\u2028", "flag": True, "n": 1},
        {"pk": "dialogue#d", "sk": "b", "bytes": b"\x00\xff\x10", "half": 0.5, "small": 1e-06},
        {"pk": "dialogue#d", "sk": "signal#00#muffin", "created_at": at(0)},
    ]
    return _sum_case(items, {"pk": "dialogue#d", "sk": "head", "revision": 3, "updated_at": at(0)})


def _sum_case(items: list[Item], head: Item) -> dict[str, Any]:
    return {
        "head": stored({**head, "state": "active"}),
        "items": [stored(item) for item in items],
        "sum": crypto.partition_sum(_DEK, items, head),
    }


def _sum_parts(data: Mapping[str, Any]) -> dict[str, Any]:
    key = crypto.sum_key(_DEK)
    items = [
        {n: bytes.fromhex(v["bytes"]) if isinstance(v, dict) else v for n, v in item.items()}
        for item in data["items"]
    ]
    head = {name: data["head"][name] for name in ("pk", "sk", "revision", "updated_at")}
    return {
        "sum_key": key,
        "canonical": [crypto.item_bytes(item) for item in items],
        "terms": [crypto.term(key, item).to_bytes(32, "big") for item in items],
        "canonical_head": crypto.canonical(head),
        "head_term": crypto.head_term(key, head).to_bytes(32, "big"),
    }


@SUM.case
def sums() -> Iterator[Case]:
    """The sum of some items and a head: Σ HMAC-SHA256(K, canonical JSON) mod 2^256, K = HKDF(DEK,
    `blue/head/v1`)."""
    head = {"pk": "dialogue#d", "sk": "head", "revision": 1, "updated_at": at(0)}
    cases = {
        "kinds-of-values": _sum_input(),
        "no-items": _sum_case([], head),
        "one-item": _sum_case([{"pk": "dialogue#d", "sk": "meta", "status": "open"}], head),
        "twice-the-same-term": _sum_case([{"pk": "dialogue#d", "sk": "meta"}] * 2, head),
        "largest-revision": _sum_case([], {**head, "revision": 2**53 - 1}),
        "key-order-by-utf-16": _sum_case(
            [{"pk": "dialogue#d", "sk": "x", "\ufb01": "f", "\U0001f600": "g"}], head
        ),
        "forty-items": _sum_case(
            [
                {"pk": "dialogue#d", "sk": f"signal#{n:02d}#m", "created_at": at(n)}
                for n in range(40)
            ],
            head,
        ),
    }
    for name, data in cases.items():
        yield Case(
            f"partition-sum-{name}",
            rules=["HEAD-02", "ADDR-10"],
            flags=["Whole"],
            data=data,
            intermediate=_sum_parts(data),
            expected={"sum": data["sum"]},
        )


@SUM.case
def sums_that_do_not_fit() -> Iterator[Case]:
    """One value of an item, of the head or of the sum differs, or the sum was made by another reading."""
    data = _sum_input()
    total = data["sum"]
    wrong = {
        "a-text": ("cleartext-changed", ("items", 0, "text"), "e\u0301\U0001f600\u2028"),
        "a-flag": ("cleartext-changed", ("items", 0, "flag"), False),
        "a-flag-as-number": ("cleartext-changed", ("items", 0, "flag"), 1),
        "a-number": ("cleartext-changed", ("items", 0, "n"), 2),
        "a-number-as-text": ("cleartext-changed", ("items", 0, "n"), "1"),
        "a-fraction": ("cleartext-changed", ("items", 1, "half"), 0.25),
        "a-small-fraction": ("cleartext-changed", ("items", 1, "small"), 1e-07),
        "bytes-as-text": ("cleartext-changed", ("items", 1, "bytes"), "00ff10"),
        "a-time": ("cleartext-changed", ("items", 2, "created_at"), at(1)),
        "a-sort-key": ("cleartext-changed", ("items", 2, "sk"), "signal#00#eclair"),
        "a-partition-key": ("cleartext-changed", ("items", 2, "pk"), "dialogue#e"),
        "the-revision": ("head-cleartext-changed", ("head", "revision"), 4),
        "the-time": ("head-cleartext-changed", ("head", "updated_at"), at(1)),
        "the-partition-key": ("head-cleartext-changed", ("head", "pk"), "dialogue#e"),
        "the-sum": ("head-sum", ("sum",), total[:-1] + ("0" if total[-1] != "0" else "1")),
        "the-sum-in-upper-case": ("head-sum-spelling", ("sum",), total.upper()),
        "the-sum-with-a-zero": ("head-sum-spelling", ("sum",), "0" + total),
        "the-sum-with-0x": ("head-sum-spelling", ("sum",), "0x" + total),
        "the-sum-without-mod": (
            "head-sum-spelling",
            ("sum",),
            f"{int(total, 16) + 2**256:065x}",
        ),
    }
    for name, (mutation, steps, value) in wrong.items():
        yield _bad_sum(name, mutation, Edit(data).set(*steps, to=value))
    items = data["items"]
    yield _bad_sum("an-item-less", "item-removed", Edit(data).set("items", to=items[:2]))
    more = [*items, {"pk": "dialogue#d", "sk": "z"}]
    yield _bad_sum("an-item-more", "item-added", Edit(data).set("items", to=more))
    yield _bad_sum("an-item-twice", "item-added", Edit(data).set("items", to=[*items, items[2]]))
    edit = Edit(data)
    edit.set("items", 0, "note", to="planted")
    yield _bad_sum("an-attribute-more", "cleartext-changed", edit)
    edit = Edit(data).remove("items", 1, "half")
    yield _bad_sum("an-attribute-less", "cleartext-removed", edit)
    for name, value in _readings(data).items():
        yield _bad_sum(name, "head-sum-reading", Edit(data).set("sum", to=value))


def _readings(data: Mapping[str, Any]) -> dict[str, str]:
    """The sum as somebody might have read HEAD-02 who did not read it well."""
    parts = _sum_parts(data)
    key: bytes = parts["sum_key"]
    texts: list[bytes] = [*parts["canonical"], parts["canonical_head"]]

    def total(numbers: list[int], bits: int = 256) -> str:
        return f"{sum(numbers) % 2**bits:064x}"

    def under(other: bytes) -> str:
        return total([int.from_bytes(crypto.hmac_sha256(other, text), "big") for text in texts])

    own = [int.from_bytes(crypto.hmac_sha256(key, text), "big") for text in texts]
    reverse = [int.from_bytes(crypto.hmac_sha256(key, text), "little") for text in texts]
    xored = 0
    for number in own:
        xored ^= number
    whole_head = crypto.term(key, {n: data["head"][n] for n in data["head"]})
    hexed = crypto.canonical({**data["items"][1], "bytes": "00ff10"})
    hexed_term = int.from_bytes(crypto.hmac_sha256(key, hexed), "big")
    return {
        "reading-without-the-head": total(own[:-1]),
        "reading-with-state": total([*own[:-1], whole_head]),
        "reading-little-endian-terms": total(reverse),
        "reading-little-endian-sum": bytes.fromhex(total(own))[::-1].hex(),
        "reading-xor": f"{xored:064x}",
        "reading-mod-2-255": total(own, 255)
        if own and sum(own) % 2**256 >= 2**255
        else total(own, 128),
        "reading-bytes-as-hex": total([own[0], hexed_term, *own[2:]]),
        "reading-key-is-the-dek": under(_DEK),
        "reading-commit-label": under(crypto.hkdf(_DEK, b"blue/commit/v1")),
        "reading-label-with-nul": under(crypto.hkdf(_DEK, b"blue/head/v1\x00")),
        "reading-label-as-salt": under(crypto.hkdf(_DEK, b"", salt=b"blue/head/v1")),
        "reading-label-as-ikm": under(crypto.hkdf(b"blue/head/v1", _DEK)),
        "reading-with-line-feeds": total(
            [int.from_bytes(crypto.hmac_sha256(key, text + b"\n"), "big") for text in texts]
        ),
        "reading-plain-sha-256": total(
            [int.from_bytes(crypto.sha256(text), "big") for text in texts]
        ),
        "reading-one-hmac": crypto.hmac_sha256(key, b"".join(texts)).hex(),
        "reading-of-older-dek": under(crypto.sum_key(bytes(32))),
    }


def _bad_sum(name: str, mutation: str, edit: Edit) -> Case:
    return Case(
        f"partition-sum-{name}",
        rules=["HEAD-02", "HEAD-04"],
        flags=["Reading" if mutation == "head-sum-reading" else "Cleartext"],
        data=edit.data,
        intermediate=_sum_parts(edit.data),
        result="invalid",
        mutation=mutation,
        sibling="partition-sum-kinds-of-values",
        changed=edit.changed,
    )
