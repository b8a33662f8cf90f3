"""Audit chains: hash, mac and link of an event, notes and tips, and walks that find what is wrong (AUDIT)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from ...kit import audit_events, crypto
from ...kit.edits import ABSENT, Edit
from ...kit.partition_stories import OTHER, WRITER, dialogue, expert, round_
from ...kit.recipe import PUBLISHED_UMK, Case, Family, Fields, Note, stored
from ...kit.schemas import HEX, INTEGER, ITEM, TEXT, const, hex_of, list_of, map_of, object_of
from ...kit.stories import Story, at, shown

__all__ = ["FAMILY", "chain_input", "story"]

FAMILY = Family(
    "audit",
    title="Audit events and chains: hash, mac, link, notes, and what a walk finds",
    header=[
        "`event`: are `event_hash` and `mac` of one event those of AUDIT-02?",
        "`first`: is `previous_hash` the one that a chain begins with?",
        (
            "`walk`: `verify_chain` over all `events` of a dialogue, with the key; `items` holds the data key"
            " and the head. `walk-without-key`: the same by somebody who has no key."
        ),
        (
            "A walk that finds something names each chain that is broken with its first bad sequence, in"
            " `expected.findings`."
        ),
    ],
    notes={
        "Sound": Note(
            "an event or a chain as a store writes it",
            "sound logs raise alarms",
            ["AUDIT-02", "AUDIT-05"],
        ),
        "Changed": Note(
            "an event is not what was written",
            "the log can be edited",
            ["AUDIT-02", "AUDIT-05"],
        ),
        "Gone": Note(
            "an event is missing or lies elsewhere",
            "the use of a key can be hidden",
            ["AUDIT-05"],
        ),
        "Cut": Note(
            "the end of a chain is missing and a head or a note knows of it",
            "the latest uses of a key can be hidden",
            ["AUDIT-05", "AUDIT-02"],
        ),
        "NotFound": Note(
            "a change that this walk cannot find, as the contract says",
            "none; a checkpoint, a note or the key would show it",
            ["HEAD-05", "AUDIT-05"],
        ),
        "KeyHolder": Note(
            "made by somebody who holds the KEK",
            "a key's holder can write any history",
            ["AUDIT-05", "AUDIT-09"],
        ),
        "Reading": Note(
            "hash, mac or first link by another reading",
            "logs do not verify across implementations",
            ["AUDIT-02", "ADDR-10"],
        ),
        "Form": Note(
            "an event that is not as AUDIT-01 gives it",
            "what is not hashed is believed",
            ["AUDIT-01"],
        ),
    },
)

_CHAINS = map_of(object_of({"events": INTEGER, "tip_sequence": INTEGER, "tip_hash": TEXT}))
_FINDINGS = list_of(object_of({"chain": TEXT, "sequence": INTEGER}))
_UNVERIFIED = list_of(object_of({"chain": TEXT, "events": INTEGER, "key_id": TEXT}))
_WALK = Fields(
    parameters={"umk?": hex_of(32), "with_key": const(True)},
    input={
        "dialogue_id": TEXT,
        "user_id": TEXT,
        "items": map_of(ITEM),
        "events": map_of(ITEM),
    },
    expected={"chains?": _CHAINS, "findings": _FINDINGS, "unverified?": _UNVERIFIED},
)
_EVENT = FAMILY.group(
    type="event",
    file="event",
    parameters={"umk": PUBLISHED_UMK},
    fields=Fields(
        parameters={"umk": hex_of(32)},
        input={"user_id": TEXT, "event": ITEM},
        intermediate={
            "kek": hex_of(32),
            "mac_key": hex_of(32),
            "canonical": HEX,
            "event_hash": hex_of(32),
            "mac": hex_of(32),
        },
    ),
)
_FIRST = FAMILY.group(
    type="first",
    file="event",
    fields=Fields(
        input={"dialogue_id": TEXT, "chain": TEXT, "previous_hash": TEXT},
        intermediate={"hashed": HEX},
    ),
)
_KEYED = FAMILY.group(
    type="walk",
    file="walk",
    parameters={"umk": PUBLISHED_UMK, "with_key": True},
    fields=_WALK,
)
_KEYLESS = FAMILY.group(
    type="walk-without-key",
    file="walk",
    parameters={"with_key": False},
    fields=Fields(
        parameters={"with_key": const(False)}, input=_WALK.input, expected=_WALK.expected
    ),
)


# -- the story -------------------------------------------------------------------------------------


@cache
def story() -> Story:
    """`chain-talk`: a write chain of five events, its writer's read chain of four, a reader's of three."""
    return _told()


def _told() -> Story:
    told = Story("chain-talk")
    title = "Who knows what"
    told.write(at(0), dialogue(at(0), title))
    told.read(at(1), OTHER)
    told.read(at(2), WRITER, own=True)
    told.write(at(3), expert(at(3), "muffin", "Host"))
    told.append(at(4), WRITER, "decrypt", "dek#chain-talk#1", "dialogue#chain-talk", count=3)
    told.write(at(5), round_(at(5), 0, 12))
    return told


def chain_input(told: Story) -> dict[str, Any]:
    """What a walk is given."""
    return {
        "dialogue_id": told.dialogue_id,
        "user_id": told.user_id,
        "items": shown(
            {sk: told.items[sk] for sk in told.items if sk.split("#")[0] in ("dek", "head")}
        ),
        "events": shown(told.events),
    }


def _tips(data: Mapping[str, Any]) -> dict[str, Any]:
    chains: dict[str, Any] = {}
    for event in data["events"].values():
        entry = chains.setdefault(event["chain"], {"events": 0})
        entry["events"] += 1
        entry["tip_sequence"] = event["sequence"]
        entry["tip_hash"] = event["event_hash"]
    return chains


def _edit() -> Edit:
    return Edit(chain_input(story()))


def _sk(chain: str, sequence: int) -> str:
    return audit_events.event_sort_key(chain, sequence)


def _sound(
    name: str,
    data: Mapping[str, Any],
    flag: str,
    *rules: str,
    keyed: bool = True,
    unverified: Sequence[Mapping[str, Any]] = (),
    planned: bool = False,
) -> Case:
    return Case(
        f"audit-walk-{name}" if keyed else f"audit-walk-without-key-{name}",
        rules=["AUDIT-05", *rules],
        flags=[flag],
        data=data,
        expected={"chains": _tips(data), "findings": [], "unverified": list(unverified)},
        planned=planned,
    )


def _found(
    name: str,
    mutation: str,
    edit: Edit,
    flag: str,
    *found: tuple[str, int],
    rules: tuple[str, ...] = (),
    keyed: bool = True,
    planned: bool = False,
) -> Case:
    _in_order(edit.data["events"])
    start = "audit-walk" if keyed else "audit-walk-without-key"
    return Case(
        f"{start}-{name}",
        rules=["AUDIT-05", *rules],
        flags=[flag],
        data=edit.data,
        expected={"findings": [{"chain": chain, "sequence": n} for chain, n in sorted(found)]},
        result="invalid",
        mutation=mutation,
        sibling=f"{start}-three-chains",
        changed=edit.changed,
        planned=planned,
    )


def _in_order(events: dict[str, Any]) -> None:
    ordered = sorted(events.items(), key=lambda pair: pair[0].encode())
    events.clear()
    events.update(ordered)


def _rewritten(item: Mapping[str, Any], *, signed: bool, **fields: Any) -> dict[str, Any]:
    """An event with other fields and the hash that fits them; the mac too for who holds the key."""
    event = {name: value for name, value in {**item, **fields}.items() if value is not None}
    event["event_hash"] = audit_events.event_hash(event)
    if signed:
        event["mac"] = audit_events.mac(story().mac_key, event["event_hash"])
    return stored(event)


# -- one event -------------------------------------------------------------------------------------


def _event_case(name: str, event: Mapping[str, Any], **more: Any) -> Case:
    told = story()
    digest = audit_events.event_hash(event)
    return Case(
        f"audit-event-{name}",
        rules=["AUDIT-01", "AUDIT-02", "ADDR-10"],
        data={"user_id": "local", "event": stored(event)},
        intermediate={
            "kek": told.kek,
            "mac_key": told.mac_key,
            "canonical": audit_events.hashed_bytes(event),
            "event_hash": digest,
            "mac": audit_events.mac(told.mac_key, digest),
        },
        **more,
    )


@cache
def _events() -> dict[str, Mapping[str, Any]]:
    """One event of each kind, each the first of a chain; only a write's last one has a note."""
    told = Story("chain-talk", label="single events")
    pk, kek, dek = told.pk, told.kek_id, "dek#chain-talk#1"
    address = "dialogue:chain-talk/entity:dek/1"
    trace: dict[str, Any] = {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
    }
    return {
        "derive": told.append(at(0), "r#0000000000000001", "derive", kek, pk),
        "wrap": told.append(at(0), "w", "wrap", kek, address),
        "unwrap": told.append(at(0), "r#0000000000000002", "unwrap", kek, address, **trace),
        "unwrap-denied": told.append(
            at(0), "r#0000000000000003", "unwrap", kek, address, outcome="denied"
        ),
        "encrypt": told.append(at(0, 1), "r#0000000000000004", "encrypt", dek, pk, count=4096),
        "decrypt-failed": told.append(
            at(0),
            "r#0000000000000005",
            "decrypt",
            dek,
            "dialogue:chain-talk/entity:perspective/01#02",
            outcome="failure",
            revision=2**53 - 1,
        ),
        "erase": told.append(at(0), "r#0000000000000006", "erase", dek, pk, count=2),
        "with-note": Story("chain-talk", label="a noted event").append(
            at(0),
            "w",
            "encrypt",
            dek,
            pk,
            note=f"r#00000000000000a1 3 {'5f' * 32}",
        ),
        "principal-in-unicode": told.append(
            at(0),
            "r#0000000000000008",
            "decrypt",
            dek,
            pk,
            principal='zoë "the\u2028judge" \U0001f600\u0001',
        ),
    }


@_EVENT.case
def sound_events() -> Iterator[Case]:
    """The hash covers every field but hash and mac, null where unset; the mac covers the 32 bytes of the
    hash, under a key of the dialogue's own."""
    for name, event in _events().items():
        yield _event_case(name, event, flags=["Sound"])


@_EVENT.case
def fields_of_one_event() -> Iterator[Case]:
    """One field of the event differs: the hash does not fit any more."""
    _events()["with-note"]
    values: dict[str, Any] = {
        "event_id": "0196a000-0000-7000-8000-000000000000",
        "timestamp": at(1),
        "trace_id": "1" * 32,
        "span_id": "1" * 16,
        "operation": "decrypt",
        "key_id": "dek#chain-talk#2",
        "principal": "Local",
        "outcome": "failure",
        "previous_hash": "0" * 64,
        "dialogue_id": "chain-talk2",
        "chain": "r#0000000000000007",
        "sequence": 2,
        "subject": "dialogue#chain-talk2",
        "count": 2,
        "revision": 1,
        "note": f"r#00000000000000a1 4 {'5f' * 32}",
    }
    for name, value in values.items():
        yield _event_bad(
            f"field-{name.replace('_', '-')}", "event-field", "Changed", **{name: value}
        )
    for name in ("key_id", "note"):
        slug = name.replace("_", "-")
        yield _event_bad(f"without-{slug}", "event-field", "Changed", **{name: ABSENT})


@_EVENT.case
def readings_of_hash_and_mac() -> Iterator[Case]:
    """Hash or mac were made by another reading of AUDIT-02."""
    event = _events()["with-note"]
    bare = {name: event.get(name) for name in audit_events.HASHED}
    unset = {
        name: value for name, value in _events()["encrypt"].items() if name in audit_events.HASHED
    }
    told = story()
    digest = str(event["event_hash"])
    sha, key, text = crypto.sha256, told.mac_key, crypto.canonical(bare)
    hashes = {
        "hash-with-line-feed": sha(text + b"\n").hex(),
        "hash-of-hash": sha(sha(text)).hex(),
        "hash-with-pk-and-sk": sha(
            crypto.canonical({**bare, "pk": event["pk"], "sk": event["sk"]})
        ).hex(),
        "hash-with-null-hash": sha(
            crypto.canonical({**bare, "event_hash": None, "mac": None})
        ).hex(),
        "hash-without-note": sha(
            crypto.canonical({k: v for k, v in bare.items() if k != "note"})
        ).hex(),
        "hash-numbers-as-text": sha(
            crypto.canonical({k: str(v) if isinstance(v, int) else v for k, v in bare.items()})
        ).hex(),
        "hash-keyed": crypto.hmac_sha256(key, text).hex(),
        "hash-in-upper-case": digest.upper(),
    }
    for name, value in hashes.items():
        yield _event_bad(f"reading-{name}", "event-reading", "Reading", event_hash=value)
    hkdf, mac = crypto.hkdf, crypto.hmac_sha256
    label, raw = b"blue/audit-mac/v1", bytes.fromhex(digest)
    macs = {
        "mac-of-hex-text": mac(key, digest.encode()),
        "mac-of-canonical": mac(key, text),
        "mac-under-the-kek": mac(told.kek, raw),
        "mac-without-dialogue": mac(hkdf(told.kek, label), raw),
        "mac-without-nul": mac(hkdf(told.kek, label + b"chain-talk"), raw),
        "mac-with-final-nul": mac(hkdf(told.kek, label + b"\x00chain-talk\x00"), raw),
        "mac-label-as-salt": mac(hkdf(told.kek, b"chain-talk", salt=label), raw),
        "mac-under-a-dek": mac(hkdf(told.deks[1], label + b"\x00chain-talk"), raw),
        "mac-of-another-dialogue": mac(audit_events.mac_key(told.kek, "other-talk"), raw),
        "mac-of-another-user": mac(
            audit_events.mac_key(crypto.derive_kek(PUBLISHED_UMK, "zoë"), "chain-talk"), raw
        ),
        "mac-cut-to-16": mac(key, raw)[:16],
        "mac-plain-sha-256": sha(key + raw),
    }
    for name, code in macs.items():
        yield _event_bad(f"reading-{name}", "event-reading", "Reading", mac=code.hex())
    left_out = sha(crypto.canonical(unset)).hex()
    edit = Edit({"user_id": "local", "event": stored(_events()["encrypt"])})
    edit.set("event", "event_hash", to=left_out)
    yield _event_case(
        "reading-hash-without-unset-fields",
        edit.data["event"],
        flags=["Reading"],
        result="invalid",
        mutation="event-reading",
        sibling="audit-event-encrypt",
        changed=edit.changed,
    )


def _event_bad(name: str, mutation: str, flag: str, **changes: Any) -> Case:
    edit = Edit({"user_id": "local", "event": stored(_events()["with-note"])})
    for field, value in changes.items():
        edit.set("event", field, to=value)
    return _event_case(
        name,
        edit.data["event"],
        flags=[flag],
        result="invalid",
        mutation=mutation,
        sibling="audit-event-with-note",
        changed=edit.changed,
    )


# -- where a chain begins --------------------------------------------------------------------------


@_FIRST.case
def beginnings() -> Iterator[Case]:
    """A chain begins with SHA-256 of `blue/audit/v1`, the dialogue and the chain, NUL between them."""
    for name, dialogue_id, chain in (
        ("write", "chain-talk", "w"),
        ("read", "chain-talk", "r#00000000000000a1"),
        ("another-dialogue", "a", "w"),
        ("longest-id", "A" * 96, "w"),
    ):
        yield _first(name, dialogue_id, chain)


def _first(name: str, dialogue_id: str, chain: str, value: str | None = None) -> Case:
    own = audit_events.first_previous_hash(dialogue_id, chain)
    negative: dict[str, Any] = {}
    if value is not None:
        negative = {
            "result": "invalid",
            "mutation": "previous-hash-reading",
            "sibling": "audit-first-write",
            "changed": ["/previous_hash"],
        }
    return Case(
        f"audit-first-{name}",
        rules=["AUDIT-02", "AUDIT-08"],
        flags=["Reading" if value else "Sound"],
        data={"dialogue_id": dialogue_id, "chain": chain, "previous_hash": value or own},
        intermediate={
            "hashed": b"\x00".join((b"blue/audit/v1", dialogue_id.encode(), chain.encode()))
        },
        **negative,
    )


@_FIRST.case
def other_beginnings() -> Iterator[Case]:
    """Another reading of where a chain begins."""
    sha, label = crypto.sha256, b"blue/audit/v1"
    sound = audit_events.first_previous_hash("chain-talk", "w")
    for name, value in {
        "zeros": "0" * 64,
        "without-nul": sha(label + b"chain-talk" + b"w").hex(),
        "with-slashes": sha(label + b"/chain-talk/w").hex(),
        "with-final-nul": sha(label + b"\x00chain-talk\x00w\x00").hex(),
        "without-chain": sha(label + b"\x00chain-talk").hex(),
        "without-dialogue": sha(label + b"\x00w").hex(),
        "chain-first": sha(label + b"\x00w\x00chain-talk").hex(),
        "of-another-dialogue": audit_events.first_previous_hash("other-talk", "w"),
        "of-a-read-chain": audit_events.first_previous_hash("chain-talk", WRITER),
        "of-sort-key": audit_events.first_previous_hash("chain-talk", "w#000000000001"),
        "of-nothing": sha(b"").hex(),
        "in-upper-case": sound.upper(),
        "of-the-mac-label": sha(b"blue/audit-mac/v1\x00chain-talk\x00w").hex(),
    }.items():
        yield _first(name, "chain-talk", "w", value)


# -- walks that find nothing -----------------------------------------------------------------------


@_KEYED.case
def sound_walks() -> Iterator[Case]:
    """A dialogue just made, and one with a write chain and two read chains, whose tips writes have noted."""
    told = Story("chain-talk", label="just made")
    told.write(at(0), dialogue(at(0), "Who knows what"))
    yield _sound("just-made", chain_input(told), "Sound", "AUDIT-08")
    yield _sound("three-chains", chain_input(story()), "Sound", "AUDIT-02", "AUDIT-08", "AUDIT-09")


@_KEYED.case
def denial_without_a_mac() -> Case:
    """No KEK could be had: the denial is logged on the instance's chain, without key_id and mac."""
    told = _copy()
    told.append(
        at(6), "r#00000000000000c3", "derive", None, told.pk, outcome="denied", signed=False
    )
    return _sound("denial-without-mac", chain_input(told), "Sound", "AUDIT-02")


STRANGER = "r#00000000000000e5"


def _strangers(*events: tuple[str, str, str], user: str = "eve") -> dict[str, dict[str, Any]]:
    """(operation, outcome, user) on a chain of an instance of somebody else, hashed and signed by them."""
    told = _copy()
    for operation, outcome, name in events:
        kek = crypto.derive_kek(told.umk, name or user)
        key = audit_events.mac_key(kek, told.dialogue_id)
        used = crypto.kek_key_id(kek, name or user)
        event = told.append(
            *(at(6), STRANGER, operation, used, told.pk), outcome=outcome, principal=name or user
        )
        event["mac"] = audit_events.mac(key, str(event["event_hash"]))
    return {sk: stored(item) for sk, item in told.events.items() if sk.startswith(STRANGER)}


@_KEYED.case
def what_a_stranger_leaves() -> Iterator[Case]:
    """A read chain all of whose events name one other KEK and which opened nothing: neither proved nor
    refuted with this key, so no finding, and told as unverified."""
    eve = crypto.kek_key_id(crypto.derive_kek(story().umk, "eve"), "eve")
    for name, events in {
        "who-was-denied": [("derive", "success", ""), ("unwrap", "denied", "")],
        "who-failed": [("derive", "success", ""), ("unwrap", "failure", "")],
        "whose-create-lost": [("derive", "success", ""), ("wrap", "success", "")],
    }.items():
        edit = _edit()
        for sk, event in _strangers(*events).items():
            edit.set("events", sk, to=event)
        _in_order(edit.data["events"])
        told = [{"chain": STRANGER, "events": 2, "key_id": eve}]
        slug = f"stranger-{name}"
        yield _sound(slug, edit.data, "Sound", "KEY-08", unverified=told)


@_KEYED.case
def what_no_stranger_leaves() -> Iterator[Case]:
    """A read chain under another KEK that opened something, or of two KEKs, is a finding."""
    for name, events, at_fault in (
        ("who-opened", [("derive", "success", ""), ("unwrap", "success", "")], 2),
        ("who-decrypted", [("derive", "success", ""), ("decrypt", "success", "")], 2),
        ("of-two-keys", [("derive", "success", ""), ("derive", "success", "mallory")], 2),
    ):
        edit = _edit()
        for sk, event in _strangers(*events).items():
            edit.set("events", sk, to=event)
        slug = f"stranger-{name}"
        found = (STRANGER, at_fault)
        yield _found(slug, "stranger-used-a-key", edit, "Changed", found)


@_KEYED.case
def under_another_key() -> Iterator[Case]:
    """A write chain under another KEK is not this verifier's, whatever it says itself; and who had a KEK
    made macs with it."""
    other = Story("chain-talk", user_id="eve", label="another's dialogue")
    other.write(at(0), dialogue(at(0), "Who knows what"))
    edit = _edit()
    for number in range(len(other.events) + 1, 6):
        edit.remove("events", _sk("w", number))
    for sk in sorted(other.events):
        edit.set("events", sk, to=stored(other.events[sk]))
    yield _found(
        "write-chain-of-another-user",
        "stranger-used-a-key",
        edit,
        "Changed",
        ("w", 1),
        rules=("ENV-08",),
    )
    edit = _edit()
    for sk, event in _strangers(("derive", "success", "")).items():
        edit.set("events", sk, to={name: value for name, value in event.items() if name != "mac"})
    yield _found("stranger-without-mac", "stranger-used-a-key", edit, "Changed", (STRANGER, 1))


@_KEYED.case
def boundaries_and_notes_where_they_do_not_belong() -> Iterator[Case]:
    """Only the write chain has a boundary, and among a write's events only the last has a note."""
    told = _copy()
    boundary = told.append(
        *(at(6), OTHER, "boundary", "dek#chain-talk#1", told.pk), note="x", signed=False
    )
    edit = _edit().set("events", _sk(OTHER, 4), to=stored(boundary))
    slug = "reader-4-boundary"
    yield _found(slug, "boundary-misplaced", edit, "Changed", (OTHER, 4))
    last = story().tip(OTHER)
    noted = {**last, "note": audit_events.tip_text(story().tip(WRITER))}
    edit = _edit().set("events", _sk(OTHER, 3), to=_rewritten(noted, signed=True))
    yield _found("reader-3-note", "note-misplaced", edit, "Changed", (OTHER, 3))


@_KEYED.case
def many_instances() -> Case:
    """Six store instances, each with a chain of its own; the order of the chains' names is not the order
    of time."""
    told = _copy()
    for number in (6, 2, 4, 5, 3, 1):
        told.read(at(10 - number), f"r#000000000000000{number}")
    return _sound("many-instances", chain_input(told), "Sound", "AUDIT-08")


@_KEYED.case
def what_a_walk_cannot_find() -> Iterator[Case]:
    """The contract says what stays hidden (HEAD-05, AUDIT-05): the tail of a read chain that no write or
    checkpoint knows, a denial without a mac, and whatever a holder of the KEK appends."""
    edit = _edit().remove("events", _sk(OTHER, 3))
    yield _sound("read-chain-cut-beyond-every-note", edit.data, "NotFound", "HEAD-05")
    edit = _edit()
    for number in (1, 2, 3):
        edit.remove("events", _sk(OTHER, number))
    yield _sound("read-chain-gone-that-no-note-knows", edit.data, "NotFound", "HEAD-05")
    told = _copy()
    told.append(at(6), OTHER, "derive", None, told.pk, outcome="denied", signed=False)
    yield _sound("denial-forged-at-the-tail", chain_input(told), "NotFound", "HEAD-05")
    told = _copy()
    told.append(at(6), OTHER, "decrypt", "dek#chain-talk#1", told.pk, count=3)
    yield _sound("append-by-a-key-holder", chain_input(told), "NotFound", "HEAD-05")


def _copy() -> Story:
    """The story once more, to be told on."""
    return _told()


# -- walks that find something ---------------------------------------------------------------------

_VALUES: Mapping[str, Any] = {
    "event_id": "0196a000-0000-7000-8000-000000000000",
    "timestamp": at(9),
    "trace_id": "1" * 32,
    "span_id": "1" * 16,
    "operation": "wrap",
    "key_id": "dek#chain-talk#2",
    "principal": "somebody",
    "outcome": "failure",
    "previous_hash": "0" * 64,
    "subject": "dialogue#other-talk",
    "count": 9,
    "revision": 9,
    "note": f"{WRITER} 2 {'5f' * 32}",
}


@_KEYED.case
def a_field_of_an_event() -> Iterator[Case]:
    """One field of an event on the write chain or on a read chain is another, valid one."""
    for chain, sequence in (("w", 4), (WRITER, 2)):
        for name, value in _VALUES.items():
            edit = _edit().set("events", _sk(chain, sequence), name, to=value)
            slug = f"{_name(chain)}-{sequence}-{name.replace('_', '-')}"
            # The note of the write chain's fifth event knows the read chain further on.
            found = [(chain, sequence)]
            yield _found(slug, "event-field", edit, "Changed", *found, rules=("AUDIT-02",))


def _name(chain: str) -> str:
    return {"w": "write", WRITER: "writer", OTHER: "reader"}[chain]


@_KEYED.case
def hash_or_mac_of_an_event() -> Iterator[Case]:
    """Hash or mac of an event differ in one digit, or are those of another event."""
    for chain, sequence in (("w", 1), ("w", 5), (WRITER, 4), (OTHER, 3)):
        sk = _sk(chain, sequence)
        for name in ("event_hash", "mac"):
            old = story().events[sk][name]
            mutation = "event-hash" if name == "event_hash" else "event-mac"
            for kind, value in (
                ("digit", old[:-1] + ("0" if old[-1] != "0" else "1")),
                ("of-another", story().events[_sk("w", 2)][name]),
            ):
                edit = _edit().set("events", sk, name, to=value)
                slug = f"{_name(chain)}-{sequence}-{name.replace('_', '-')}-{kind}"
                yield _found(slug, mutation, edit, "Changed", (chain, sequence))
        edit = _edit().remove("events", sk, "mac")
        yield _found(
            f"{_name(chain)}-{sequence}-without-mac",
            "event-mac",
            edit,
            "Changed",
            (chain, sequence),
            rules=("AUDIT-02",),
        )


@_KEYED.case
def rehashed_without_the_key() -> Iterator[Case]:
    """A field differs and the hash was made to fit: without the key the mac cannot be."""
    for chain, sequence in (("w", 2), ("w", 5), (OTHER, 3), (WRITER, 1)):
        sk = _sk(chain, sequence)
        event = _rewritten(story().events[sk], signed=False, principal="somebody")
        edit = _edit()
        for name in ("principal", "event_hash"):
            edit.set("events", sk, name, to=event[name])
        slug = f"{_name(chain)}-{sequence}-rehashed"
        yield _found(slug, "event-rehashed", edit, "Changed", (chain, sequence))


@_KEYED.case
def rewritten_from_here_on() -> Iterator[Case]:
    """Everything from an event on was written anew and linked, by somebody without the key."""
    for chain, start, end in (("w", 1, 5), ("w", 4, 5), (OTHER, 2, 3)):
        edit = _edit()
        previous: str | None = None
        for sequence in range(start, end + 1):
            sk = _sk(chain, sequence)
            more = {"previous_hash": previous} if previous else {}
            event = _rewritten(story().events[sk], signed=False, principal="x", **more)
            for name in ("principal", "event_hash", *(["previous_hash"] if previous else [])):
                edit.set("events", sk, name, to=event[name])
            previous = event["event_hash"]
        slug = f"{_name(chain)}-forked-at-{start}"
        yield _found(slug, "chain-forked", edit, "Changed", (chain, start))


@_KEYED.case
def events_not_as_the_contract_gives_them() -> Iterator[Case]:
    """A key holder wrote an event that AUDIT-01 does not know: hash and mac fit, its form does not."""
    wrong: dict[str, tuple[str, Any]] = {
        "operation-unknown": ("operation", "peek"),
        "outcome-unknown": ("outcome", "maybe"),
        "timestamp-without-fraction": ("timestamp", "2026-02-03T10:16:00Z"),
        "timestamp-with-offset": ("timestamp", "2026-02-03T10:16:00.000000+00:00"),
        "event-id-version-4": ("event_id", "0196a000-0000-4000-8000-000000000000"),
        "event-id-in-upper-case": ("event_id", "0196A000-0000-7000-8000-00000000000A"),
        "event-id-without-hyphens": ("event_id", "0196a000000070008000000000000000"),
        "event-id-of-another-variant": ("event_id", "0196a000-0000-7000-c000-000000000000"),
        "event-id-in-braces": ("event_id", "{0196a000-0000-7000-8000-000000000000}"),
        "event-id-as-urn": ("event_id", "urn:uuid:0196a000-0000-7000-8000-000000000000"),
        "event-id-with-line-feed": ("event_id", "0196a000-0000-7000-8000-000000000000\n"),
        "event-id-hyphens-elsewhere": ("event_id", "0196a00-00000-7000-8000-000000000000"),
        "event-id-empty": ("event_id", ""),
        "previous-hash-in-upper-case": (
            "previous_hash",
            story().tip(OTHER)["previous_hash"].upper(),
        ),
        "count-as-text": ("count", "1"),
        "count-negative": ("count", -1),
        "revision-negative": ("revision", -1),
        "revision-as-text": ("revision", "1"),
        "principal-as-number": ("principal", 7),
        "trace-id-in-upper-case": ("trace_id", "4BF92F3577B34DA6A3CE929D0E0E4736"),
        "trace-id-of-31-digits": ("trace_id", "0" * 31),
        "trace-id-with-line-feed": ("trace_id", "0" * 31 + "\n"),
        "span-id-of-17-digits": ("span_id", "0" * 17),
        "span-id-of-a-word": ("span_id", "not-a-span-id-no"),
        "key-id-of-version-01": ("key_id", "dek#chain-talk#01"),
        "key-id-of-another-dialogue": ("key_id", "dek#other-talk#1"),
        "key-id-of-a-kek": ("key_id", story().kek_id),
        "key-id-unset-after-success": ("key_id", None),
        "subject-of-another-dialogue": ("subject", "dialogue#other-talk"),
        "subject-of-nothing": ("subject", "everything"),
    }
    sk = _sk(OTHER, 3)
    for name, (field, value) in wrong.items():
        event = _rewritten(story().events[sk], signed=True, **{field: value})
        edit = _edit()
        for changed in (field, "event_hash", "mac"):
            edit.set("events", sk, changed, to=event.get(changed, ABSENT))
        yield _found(f"form-{name}", "event-form", edit, "Form", (OTHER, 3), rules=("AUDIT-01",))
    edit = _edit().set("events", sk, "comment", to="not hashed")
    yield _found(
        "form-attribute-added", "event-form", edit, "Form", (OTHER, 3), rules=("AUDIT-01",)
    )
    for field in ("event_id", "span_id", "principal", "count", "subject", "event_hash"):
        edit = _edit().remove("events", sk, field)
        slug = f"form-without-{field.replace('_', '-')}"
        yield _found(slug, "event-form", edit, "Form", (OTHER, 3), rules=("AUDIT-01",))


@_KEYED.case
def written_on_after_an_erasure() -> Iterator[Case]:
    """A key holder wrote on behind an `erase` event: hash, mac and head fit, and nothing may follow it."""
    for name, erased, after in (("a-write", 6, 1), ("three-writes", 6, 3)):
        told = _copy()
        told.revision += 1
        told.append(at(6), "w", "erase", "dek#chain-talk#1", told.pk)
        for number in range(after):
            told.revision += 1
            told.append(at(7 + number), "w", "encrypt", "dek#chain-talk#1", told.pk)
        edit = _edit()
        for sk in told.events:
            if sk not in edit.data["events"]:
                edit.set("events", sk, to=stored(told.events[sk]))
        edit.set("items", "head", to=stored(told.seal_head(time=at(9))))
        yield _found(
            *(f"write-erased-and-{name}", "event-after-erasure", edit, "Changed"),
            ("w", erased + 1),
            rules=("KEY-09",),
        )


def _spelled(name: str) -> dict[str, str]:
    """A hash or mac that says the same in another spelling."""
    own = story().tip(OTHER)[name]
    return {
        "upper-case": own.upper(),
        "line-feed": own + "\n",
        "blank": " " + own,
        "0x": "0x" + own,
        "63-digits": own[:-1],
        "empty": "",
    }


@_KEYED.case
def hash_and_mac_in_another_spelling() -> Iterator[Case]:
    """The right bytes, spelled otherwise: whoever decodes hex before comparing takes some of them."""
    for name in ("event_hash", "mac"):
        for how, text in _spelled(name).items():
            edit = _edit().set("events", _sk(OTHER, 3), name, to=text)
            slug = f"form-{name.replace('_', '-')}-{how}"
            yield _found(slug, "event-form", edit, "Form", (OTHER, 3), rules=("AUDIT-01",))


@_KEYED.case
def foreign_events() -> Iterator[Case]:
    """An event of another dialogue or of another chain, or one that lies under a key that is no chain's."""
    other = Story("other-talk")
    other.write(at(0), dialogue(at(0), "Another"))
    strange = stored({**other.events[_sk("w", 2)], "pk": "audit#chain-talk"})
    edit = _edit().set("events", _sk("w", 2), to=strange)
    yield _found("write-2-of-another-dialogue", "event-foreign", edit, "Changed", ("w", 2))
    edit = _edit().set(
        "events", _sk("w", 2), to={**edit.data["events"][_sk(OTHER, 2)], "sk": _sk("w", 2)}
    )
    yield _found("write-2-of-another-chain", "event-foreign", edit, "Changed", ("w", 2))
    for sk in ("x#000000000001", "w#1", "w#0000000000001", "r#00000000000000A1#000000000001", "w"):
        edit = _edit()
        edit.set("events", sk, to={**edit.data["events"][_sk("w", 1)], "sk": sk})
        slug = "".join(c if c.isalnum() else "-" for c in sk).lower()
        yield _found(f"foreign-key-{slug}", "event-foreign", edit, "Changed", (sk, 0))


@_KEYED.case
def gone_or_elsewhere() -> Iterator[Case]:
    """An event before the end is missing, lies twice, or has another's place."""
    for chain, sequence in (
        ("w", 1),
        ("w", 3),
        ("w", 4),
        (WRITER, 1),
        (WRITER, 2),
        (OTHER, 1),
        (OTHER, 2),
    ):
        edit = _edit().remove("events", _sk(chain, sequence))
        slug = f"{_name(chain)}-{sequence}-removed"
        yield _found(slug, "event-removed", edit, "Gone", (chain, sequence))
    for chain, first, second in (("w", 2, 3), (WRITER, 1, 2), ("w", 4, 5)):
        edit = _edit()
        events = edit.data["events"]
        one, two = dict(events[_sk(chain, first)]), dict(events[_sk(chain, second)])
        edit.set("events", _sk(chain, first), to={**two, "sk": one["sk"]})
        edit.set("events", _sk(chain, second), to={**one, "sk": two["sk"]})
        slug = f"{_name(chain)}-{first}-and-{second}-exchanged"
        yield _found(slug, "events-exchanged", edit, "Gone", (chain, first))
    for chain, sequence in (("w", 2), (WRITER, 2), (OTHER, 2)):
        edit = _edit()
        sk, after = _sk(chain, sequence), _sk(chain, sequence + 1)
        edit.set("events", after, to={**edit.data["events"][sk], "sk": after})
        slug = f"{_name(chain)}-{sequence}-doubled"
        yield _found(slug, "event-doubled", edit, "Gone", (chain, sequence + 1))
    edit = _edit()
    events = edit.data["events"]
    edit.set("events", _sk(OTHER, 4), to={**events[_sk(OTHER, 3)], "sk": _sk(OTHER, 4)})
    edit.remove("events", _sk(OTHER, 3))
    yield _found("reader-3-moved-to-4", "event-moved", edit, "Gone", (OTHER, 3))


@_KEYED.case
def cut_tails() -> Iterator[Case]:
    """The end of a chain is missing: the head knows the write chain's, notes know the read chains'."""
    edit = _edit().remove("events", _sk("w", 5))
    yield _found("write-cut-by-one", "chain-cut", edit, "Cut", ("w", 5))
    edit = _edit().remove("events", _sk("w", 4)).remove("events", _sk("w", 5))
    yield _found("write-cut-by-two", "chain-cut", edit, "Cut", ("w", 4))
    edit = _edit()
    for number in range(1, 6):
        edit.remove("events", _sk("w", number))
    yield _found("write-chain-gone", "chain-removed", edit, "Cut", ("w", 1))
    edit = _edit()
    for number in range(4, 0, -1):
        edit.remove("events", _sk(WRITER, number))
        name = "writer-chain-gone" if number == 1 else f"writer-cut-by-{5 - number}"
        mutation = "chain-removed" if number == 1 else "chain-cut"
        snapshot = Edit(edit.data)
        snapshot.changed = list(edit.changed)
        yield _found(name, mutation, snapshot, "Cut", (WRITER, number), rules=("AUDIT-02",))


@_KEYED.case
def extended() -> Iterator[Case]:
    """An event follows the end that the head names: forged without the key, or by its holder."""
    last = story().events[_sk("w", 5)]
    next_ = {
        "sequence": 6,
        "sk": _sk("w", 6),
        "previous_hash": last["event_hash"],
        "note": None,
    }
    for name, signed in (("without-the-key", False), ("by-a-key-holder", True)):
        event = _rewritten(last, signed=signed, **next_)
        edit = _edit().set("events", _sk("w", 6), to=event)
        flag = "KeyHolder" if signed else "Changed"
        yield _found(f"write-extended-{name}", "chain-extended", edit, flag, ("w", 6))
    last = story().events[_sk(OTHER, 3)]
    next_ = {"sequence": 4, "sk": _sk(OTHER, 4), "previous_hash": last["event_hash"]}
    edit = _edit().set("events", _sk(OTHER, 4), to=_rewritten(last, signed=False, **next_))
    yield _found("reader-extended-without-the-key", "chain-extended", edit, "Changed", (OTHER, 4))


@_KEYED.case
def by_a_key_holder() -> Iterator[Case]:
    """Hashes and macs fit: a revision falls, or a note is none, or names what no chain has."""
    sk = _sk(OTHER, 3)
    event = _rewritten(story().events[sk], signed=True, revision=0)
    edit = _edit()
    for name in ("revision", "event_hash", "mac"):
        edit.set("events", sk, name, to=event[name])
    yield _found(
        "reader-revision-falls",
        "revision-falls",
        edit,
        "KeyHolder",
        (OTHER, 3),
        rules=("AUDIT-09",),
    )
    yield _renoted(
        "revision-falls", "revision-falls", {"revision": 1}, ("w", 5), rules=("AUDIT-09",)
    )
    tip = story().events[_sk(WRITER, 4)]["event_hash"]
    third = story().events[_sk(WRITER, 3)]["event_hash"]
    notes = {
        "of-another-hash": ("note-changed", f"{WRITER} 4 {'5f' * 32}", (WRITER, 4)),
        "of-the-event-before": ("note-changed", f"{WRITER} 4 {third}", (WRITER, 4)),
        "of-a-later-event": ("note-changed", f"{WRITER} 5 {tip}", (WRITER, 5)),
        "of-an-unknown-chain": (
            "note-changed",
            f"r#00000000000000c3 1 {tip}",
            ("r#00000000000000c3", 1),
        ),
        "of-the-write-chain": ("note-form", f"w 4 {tip}", ("w", 5)),
        "as-a-word": ("note-form", "tip", ("w", 5)),
        "empty": ("note-form", "", ("w", 5)),
        "with-two-blanks": ("note-form", f"{WRITER}  4 {tip}", ("w", 5)),
        "with-a-zero": ("note-form", f"{WRITER} 04 {tip}", ("w", 5)),
        "in-upper-case": ("note-form", f"{WRITER} 4 {tip.upper()}", ("w", 5)),
        "with-line-feed": ("note-form", f"{WRITER} 4 {tip}\n", ("w", 5)),
        "at-zero": ("note-form", f"{WRITER} 0 {tip}", ("w", 5)),
    }
    for name, (mutation, note, found) in notes.items():
        yield _renoted(f"note-{name}", mutation, {"note": note}, found, rules=("AUDIT-02",))


def _renoted(
    name: str,
    mutation: str,
    fields: Mapping[str, Any],
    found: tuple[str, int],
    *,
    rules: tuple[str, ...],
) -> Case:
    """The write chain's last event and the head that names it, both written by a key holder."""
    told = story()
    sk = _sk("w", 5)
    event = _rewritten(told.events[sk], signed=True, **fields)
    edit = _edit()
    for changed in (*fields, "event_hash", "mac"):
        edit.set("events", sk, changed, to=event[changed])
    head = told.seal_head(
        payload={"audit_head": event["event_hash"]}, nonce=told.items["head"]["content_nonce"]
    )
    edit.set(*("items", "head", "content_encrypted"), to={"bytes": head["content_encrypted"].hex()})
    return _found(f"write-5-{name}", mutation, edit, "KeyHolder", found, rules=rules)


@_KEYED.case
def head_names_another_end() -> Iterator[Case]:
    """The head, sealed by a key holder, names an event that is not the write chain's last."""
    told = story()
    for name, value, found in (
        ("an-earlier-event", told.events[_sk("w", 4)]["event_hash"], ("w", 5)),
        ("an-event-of-a-read", told.events[_sk(WRITER, 4)]["event_hash"], ("w", 6)),
        ("no-event", "0" * 64, ("w", 6)),
    ):
        head = told.seal_head(
            payload={"audit_head": value}, nonce=told.items["head"]["content_nonce"]
        )
        edit = _edit().set(
            *("items", "head", "content_encrypted"), to={"bytes": head["content_encrypted"].hex()}
        )
        slug = f"head-names-{name}"
        yield _found(slug, "audit-head", edit, "KeyHolder", found, rules=("HEAD-01", "AUDIT-04"))


# -- without the key -------------------------------------------------------------------------------


@_KEYLESS.case
def sound_without_key() -> Case:
    """The same chains, walked by somebody without a key: hashes, links and notes hold."""
    return _sound("three-chains", chain_input(story()), "Sound", keyed=False)


@_KEYLESS.case
def hidden_without_the_key() -> Iterator[Case]:
    """Macs and the head's end of the chain cannot be checked without the key: these go unseen."""
    edit = _edit().set("events", _sk("w", 2), "mac", to="0" * 64)
    yield _sound("mac-changed", edit.data, "NotFound", keyed=False)
    edit = _edit().remove("events", _sk("w", 5))
    yield _sound("write-chain-cut", edit.data, "NotFound", keyed=False)
    event = _rewritten(story().events[_sk("w", 5)], signed=False, principal="somebody")
    edit = _edit()
    for name in ("principal", "event_hash"):
        edit.set("events", _sk("w", 5), name, to=event[name])
    yield _sound("last-event-rehashed", edit.data, "NotFound", keyed=False)


@_KEYLESS.case
def found_without_the_key() -> Iterator[Case]:
    """What hashes, links and notes show without a key."""

    def found(
        name: str, mutation: str, edit: Edit, *where: tuple[str, int], flag: str = "Changed"
    ) -> Case:
        return _found(name, mutation, edit, flag, *where, keyed=False)

    for name in ("principal", "count", "timestamp", "outcome", "key_id", "subject", "revision"):
        edit = _edit().set("events", _sk("w", 4), name, to=_VALUES[name])
        slug = f"write-4-{name.replace('_', '-')}"
        yield found(slug, "event-field", edit, ("w", 4))
    old = story().events[_sk("w", 3)]["event_hash"]
    edit = _edit().set(
        "events", _sk("w", 3), "event_hash", to=old[:-1] + ("0" if old[-1] != "0" else "1")
    )
    yield found("write-3-event-hash", "event-hash", edit, ("w", 3))
    for chain, sequence in (("w", 2), (OTHER, 1), (WRITER, 2)):
        sk = _sk(chain, sequence)
        event = _rewritten(story().events[sk], signed=False, principal="somebody")
        edit = _edit()
        for name in ("principal", "event_hash"):
            edit.set("events", sk, name, to=event[name])
        slug = f"{_name(chain)}-{sequence}-rehashed"
        yield found(slug, "event-rehashed", edit, (chain, sequence + 1))
    sk = _sk(WRITER, 4)
    event = _rewritten(story().events[sk], signed=False, principal="somebody")
    edit = _edit()
    for name in ("principal", "event_hash"):
        edit.set("events", sk, name, to=event[name])
    yield found("writer-4-rehashed-but-noted", "event-rehashed", edit, (WRITER, 4))
    for chain, sequence in (("w", 1), ("w", 4), (WRITER, 2), (OTHER, 1)):
        edit = _edit().remove("events", _sk(chain, sequence))
        yield found(
            f"{_name(chain)}-{sequence}-removed",
            "event-removed",
            edit,
            (chain, sequence),
            flag="Gone",
        )
    edit = _edit().remove("events", _sk(WRITER, 4))
    yield found("writer-cut", "chain-cut", edit, (WRITER, 4), flag="Cut")
    edit = _edit().set("events", _sk("w", 1), "previous_hash", to="0" * 64)
    yield found("write-1-previous-hash", "event-field", edit, ("w", 1))
    event = _rewritten(story().events[_sk("w", 1)], signed=False, previous_hash="0" * 64)
    edit = _edit()
    for name in ("previous_hash", "event_hash"):
        edit.set("events", _sk("w", 1), name, to=event[name])
    yield found("write-1-begins-with-zeros", "event-rehashed", edit, ("w", 1))


@_KEYLESS.case
def macs_of_another_form() -> Iterator[Case]:
    """No mac can be made again without the key; what is no mac by its form is found all the same."""
    for how, text in _spelled("mac").items():
        edit = _edit().set("events", _sk(OTHER, 3), "mac", to=text)
        yield _found(
            *(f"form-mac-{how}", "event-form", edit, "Form", (OTHER, 3)),
            rules=("AUDIT-01",),
            keyed=False,
        )
