"""Checkpoints: signed notes of where a dialogue's chains stood, and chains held against them (AUDIT-07)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from ...kit import audit_events
from ...kit.crypto import sha256
from ...kit.edits import Edit
from ...kit.partition_stories import OTHER, WRITER, dialogue, expert, round_
from ...kit.recipe import PUBLISHED_UMK, Bytes, Case, Family, Fields, Note
from ...kit.schemas import HEX, INTEGER, ITEM, TEXT, const, hex_of, list_of, map_of, object_of
from ...kit.signed_notes import DASH, KEY, NAME, ORDER, OTHER_KEY, Key, signature_line, signed
from ...kit.stories import Story, at
from .chain import chain_input, story

__all__ = ["FAMILY", "checkpoint_text"]

FAMILY = Family(
    "checkpoint",
    folder="audit",
    planned=True,
    title="Checkpoints: C2SP signed notes (Ed25519), and chains held against them",
    header=[
        "`note`: the bytes of a note, checked with `public_key` and `name` alone.",
        "`name`: may this be the name of a signing key?",
        (
            "`against-chains`: `verify_chain` with `notes` (each hex of its bytes), `name` and `public_key`;"
            " a note that does not hold is a finding of its own, chain empty and sequence 0."
        ),
        "The signing keys are published and therefore worthless: `seed` of the group.",
    ],
    notes={
        "Sound": Note(
            "a note as an implementation signs it",
            "checkpoints of one implementation do not verify in another",
            ["AUDIT-07"],
        ),
        "Signature": Note(
            "the signature is not that of the one configured key over exactly this text",
            "anybody can write checkpoints",
            ["AUDIT-07"],
        ),
        "Form": Note(
            "signed by the right key and not exactly the lines of AUDIT-07",
            "one text is read in two ways",
            ["AUDIT-07", "ADDR-10"],
        ),
        "Name": Note(
            "the name of a signing key",
            "a name that breaks the line it stands in",
            ["AUDIT-07"],
        ),
        "Grown": Note(
            "the chains went on after the checkpoint",
            "an old checkpoint raises an alarm",
            ["AUDIT-05", "AUDIT-07"],
        ),
        "Fork": Note(
            "a chain has another event where the checkpoint names one",
            "history can be rewritten by whoever holds the key",
            ["AUDIT-07"],
        ),
        "Cut": Note(
            "a chain is shorter than its checkpoint, or gone",
            "what a store did can be hidden, wholly or from some moment on",
            ["AUDIT-05", "AUDIT-07", "HEAD-05"],
        ),
    },
)

_SIGNER = {"seed": KEY.seed}
_SIGNER_SCHEMA = {"seed": hex_of(32)}
_TIPS = list_of(object_of({"chain": TEXT, "sequence": INTEGER, "event_hash": hex_of(32)}))
_NOTE = FAMILY.group(
    type="note",
    file="checkpoint",
    parameters=_SIGNER,
    fields=Fields(
        parameters=_SIGNER_SCHEMA,
        input={"note": HEX, "name": TEXT, "public_key": hex_of(32)},
        intermediate={"signed": HEX, "key_id": hex_of(4), "signature": hex_of(64)},
        expected={"dialogue_id": TEXT, "revision": INTEGER, "time": TEXT, "chains": _TIPS},
    ),
)
_NAMES = FAMILY.group(type="name", file="checkpoint", fields=Fields(input={"name": HEX}))
_AGAINST = FAMILY.group(
    type="against-chains",
    file="against-chains",
    parameters={"umk": PUBLISHED_UMK, "with_key": True},
    fields=Fields(
        parameters={"umk": hex_of(32), "with_key": const(True)},
        input={
            "dialogue_id": TEXT,
            "user_id": TEXT,
            "items": map_of(ITEM),
            "events": map_of(ITEM),
            "notes": list_of(HEX),
            "name": TEXT,
            "public_key": hex_of(32),
        },
        expected={"findings": list_of(object_of({"chain": TEXT, "sequence": INTEGER}))},
    ),
)


def checkpoint_text(told: Story, time: str, chains: Mapping[str, int] | None = None) -> bytes:
    """The signed part of a checkpoint of a story: four lines, then one for each chain."""
    tips = {
        chain: told.events[audit_events.event_sort_key(chain, sequence)]
        for chain, sequence in (chains or _ends(told)).items()
    }
    lines = [
        "blue/checkpoint/v1",
        told.dialogue_id,
        str(told.revision),
        time,
        *(audit_events.tip_text(tips[chain]) for chain in sorted(tips)),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _ends(told: Story) -> dict[str, int]:
    ends: dict[str, int] = {}
    for event in told.events.values():
        ends[event["chain"]] = max(ends.get(event["chain"], 0), event["sequence"])
    return ends


_TEXT = checkpoint_text(story(), at(7))
_SIBLING = "checkpoint-note-three-chains"


# -- notes that hold -------------------------------------------------------------------------------


def _valid(name: str, text: bytes, *, key: Key = KEY, signer: str = NAME) -> Case:
    note = signed(text, key=key, name=signer)
    _, dialogue_id, revision, time, *tips = text.decode().splitlines()
    return Case(
        f"checkpoint-note-{name}",
        rules=["AUDIT-07"],
        flags=["Sound"],
        data={"note": note, "name": signer, "public_key": key.public},
        intermediate={
            "signed": text,
            "key_id": key.key_id(signer),
            "signature": key.sign(text),
        },
        expected={
            "dialogue_id": dialogue_id,
            "revision": int(revision),
            "time": time,
            "chains": [
                {"chain": chain, "sequence": int(sequence), "event_hash": tip}
                for chain, sequence, tip in (line.split(" ") for line in tips)
            ],
        },
    )


@_NOTE.case
def sound_notes() -> Iterator[Case]:
    """A checkpoint: its lines, an empty line, one signature by the configured key over the lines."""
    yield _valid("three-chains", _TEXT)
    yield _valid("write-chain-only", checkpoint_text(story(), at(7), {"w": 5}))
    yield _valid("another-key", _TEXT, key=OTHER_KEY)
    yield _valid("name-in-unicode", _TEXT, signer="zoë\U0001f511")
    yield _valid("name-with-signs", _TEXT, signer="a/b:c=d-e_f.g#h")
    large = _TEXT.replace(b"\nw 5 ", b"\nw 999999999999 ").replace(
        b"\n3\n", b"\n9007199254740991\n"
    )
    yield _valid("largest-numbers", large)


# -- notes that are refused ------------------------------------------------------------------------


def _refused(
    name: str, mutation: str, flag: str, note: bytes, changed: str | Bytes = "/note"
) -> Case:
    return Case(
        f"checkpoint-note-{name}",
        rules=["AUDIT-07"],
        flags=[flag],
        data={"note": note, "name": NAME, "public_key": KEY.public},
        result="invalid",
        mutation=mutation,
        sibling=_SIBLING,
        changed=[changed],
    )


@_NOTE.case
def another_key_or_name() -> Iterator[Case]:
    """The note is sound; the reader is configured for another key, or another name."""
    for name, field, value in (
        ("checked-with-another-key", "public_key", OTHER_KEY.public.hex()),
        ("checked-under-another-name", "name", "example.org/red"),
        ("checked-under-the-name-in-upper-case", "name", NAME.upper()),
    ):
        edit = Edit({"note": signed(_TEXT).hex(), "name": NAME, "public_key": KEY.public.hex()})
        edit.set(field, to=value)
        yield Case(
            f"checkpoint-note-{name}",
            rules=["AUDIT-07"],
            flags=["Signature"],
            data=edit.data,
            result="invalid",
            mutation="note-key",
            sibling=_SIBLING,
            changed=edit.changed,
        )


@_NOTE.case
def signatures_that_do_not_hold() -> Iterator[Case]:
    """The signature is not the configured key's over these very bytes."""
    good = KEY.sign(_TEXT)
    key_id = KEY.key_id(NAME)
    body = _TEXT + b"\n"
    order_added = (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    other_name = KEY.key_id("example.org/red")

    def line(signature: bytes, own: bytes = key_id) -> bytes:
        return signature_line(own, signature)

    wrong = {
        "signed-by-another-key": ("note-signature", line(OTHER_KEY.sign(_TEXT))),
        "first-bit": ("note-signature", line(bytes([good[0] ^ 1]) + good[1:])),
        "last-bit": ("note-signature", line(good[:-1] + bytes([good[-1] ^ 0x20]))),
        "all-zeros": ("note-signature", line(bytes(64))),
        "s-not-reduced": ("note-signature", line(good[:32] + order_added)),
        "signed-without-last-line-feed": ("note-signature", line(KEY.sign(_TEXT[:-1]))),
        "signed-with-the-empty-line": ("note-signature", line(KEY.sign(body))),
        "signed-the-hash": ("note-signature", line(KEY.sign(sha256(_TEXT)))),
        "signed-an-older-text": (
            "note-signature",
            line(KEY.sign(_TEXT.replace(b"\n3\n", b"\n2\n"))),
        ),
        "key-id-of-another-key": ("note-key", line(good, OTHER_KEY.key_id(NAME))),
        "key-id-of-another-name": ("note-key", line(good, other_name)),
        "key-id-of-a-cosignature": ("note-key", line(good, KEY.key_id(NAME, b"\x04"))),
        "key-id-without-type": ("note-key", line(good, KEY.key_id(NAME, b""))),
        "key-id-zero": ("note-key", line(good, bytes(4))),
        "one-byte-less": ("note-line", line(good[:-1])),
        "one-byte-more": ("note-line", line(good + b"\x00")),
        "without-key-id": ("note-line", line(good, b"")),
    }
    for name, (mutation, end) in wrong.items():
        yield _refused(f"signature-{name}", mutation, "Signature", body + end)


@_NOTE.case
def signature_lines() -> Iterator[Case]:
    """The line around a sound signature is not the one line of AUDIT-07."""
    good = KEY.sign(_TEXT)
    own = signature_line(KEY.key_id(NAME), good)
    packed = base64.b64encode(KEY.key_id(NAME) + good).decode()
    other = signature_line(OTHER_KEY.key_id("witness"), OTHER_KEY.sign(_TEXT), "witness")
    second = signature_line(KEY.key_id("b"), KEY.sign(_TEXT), "b")
    urlsafe = base64.urlsafe_b64encode(KEY.key_id(NAME) + good).decode()
    last_bits = packed.rstrip("=")
    spelled = last_bits[:-1] + chr(ord(last_bits[-1]) + 1) + "=" * (len(packed) - len(last_bits))
    ends = {
        "a-witness-below": own + other,
        "a-witness-above": other + own,
        "a-witness-instead": other,
        "the-key-twice": own + own,
        "the-key-under-two-names": own + second,
        "a-hyphen": f"- {NAME} {packed}\n".encode(),
        "an-en-dash": f"\u2013 {NAME} {packed}\n".encode(),
        "no-space-after-dash": f"\u2014{NAME} {packed}\n".encode(),
        "two-spaces": f"{DASH}{NAME}  {packed}\n".encode(),
        "a-tab": f"{DASH}{NAME}\t{packed}\n".encode(),
        "a-space-at-the-end": f"{DASH}{NAME} {packed} \n".encode(),
        "without-padding": f"{DASH}{NAME} {packed.rstrip('=')}\n".encode(),
        "carriage-return": f"{DASH}{NAME} {packed}\r\n".encode(),
        "without-line-feed": own[:-1],
        "two-line-feeds": own + b"\n",
        "words-below": own + b"words\n",
        "without-name": f"{DASH}{packed}\n".encode(),
        "with-another-name": f"{DASH}example.org/red {packed}\n".encode(),
        "no-signature": b"",
    }
    if urlsafe != packed:
        ends["base64-for-urls"] = f"{DASH}{NAME} {urlsafe}\n".encode()
    if packed.endswith("="):
        ends["base64-with-loose-bits"] = f"{DASH}{NAME} {spelled}\n".encode()
    for name, end in ends.items():
        note = _TEXT + b"\n" + end
        yield _refused(f"line-{name}", "note-line", "Signature", note)
    whole = {
        "without-the-empty-line": _TEXT + own,
        "with-two-empty-lines": _TEXT + b"\n\n" + own,
        "with-a-blank-in-the-empty-line": _TEXT + b" \n" + own,
        "with-byte-order-mark": b"\xef\xbb\xbf" + signed(_TEXT),
        "with-line-feed-in-front": b"\n" + signed(_TEXT),
        "without-text": b"\n" + signature_line(KEY.key_id(NAME), KEY.sign(b"")),
        "empty": b"",
    }
    for name, note in whole.items():
        yield _refused(f"note-{name}", "note-line", "Signature", note)


@_NOTE.case
def text_changed_after_signing() -> Iterator[Case]:
    """One byte of the text differs from what was signed: in each line one."""
    note = signed(_TEXT)
    offset = 0
    for number, line in enumerate(_TEXT.splitlines(keepends=True), start=1):
        at_ = offset + len(line) - 2
        spoilt = bytearray(note)
        spoilt[at_] ^= 1
        yield _refused(
            f"byte-of-line-{number}",
            "note-text",
            "Signature",
            bytes(spoilt),
            Bytes("/note", at_, 1),
        )
        offset += len(line)


@_NOTE.case
def texts_of_another_form() -> Iterator[Case]:
    """Signed by the configured key, and not exactly the lines of AUDIT-07 in their one spelling."""
    lines = _TEXT.decode().splitlines()
    head, tips = lines[:4], lines[4:]
    reader = tips[0].split(" ")

    def with_line(number: int, text: str) -> list[str]:
        return [*lines[:number], text, *lines[number + 1 :]]

    wrong = {
        "another-version": with_line(0, "blue/checkpoint/v2"),
        "boundary": with_line(0, "blue/boundary/v1"),
        "version-with-blank": with_line(0, "blue/checkpoint/v1 "),
        "dialogue-none": with_line(1, ""),
        "dialogue-no-identifier": with_line(1, "chain talk"),
        "dialogue-with-prefix": with_line(1, "dialogue#chain-talk"),
        "revision-leading-zero": with_line(2, "03"),
        "revision-with-sign": with_line(2, "+3"),
        "revision-zero": with_line(2, "0"),
        "revision-negative": with_line(2, "-3"),
        "revision-fraction": with_line(2, "3.0"),
        "revision-hex": with_line(2, "0x3"),
        "revision-full-width": with_line(2, "\uff13"),
        "revision-too-large": with_line(2, "9007199254740992"),
        "time-without-fraction": with_line(3, "2026-02-03T10:22:00Z"),
        "time-with-offset": with_line(3, "2026-02-03T10:22:00.000000+00:00"),
        "time-as-number": with_line(3, "1770114120"),
        "chains-none": head,
        "chains-without-write-chain": [*head, *tips[:2]],
        "chains-in-another-order": [*head, tips[2], tips[0], tips[1]],
        "chains-one-twice": [*head, tips[0], *tips],
        "chain-of-no-form": [*head, f"x {reader[1]} {reader[2]}", *tips],
        "chain-in-upper-case": [*head, tips[0].replace("a1", "A1"), *tips[1:]],
        "sequence-zero": [*head, f"{reader[0]} 0 {reader[2]}", *tips[1:]],
        "sequence-leading-zero": [*head, f"{reader[0]} 0{reader[1]} {reader[2]}", *tips[1:]],
        "sequence-padded": [*head, f"{reader[0]} {int(reader[1]):012d} {reader[2]}", *tips[1:]],
        "hash-in-upper-case": [*head, f"{reader[0]} {reader[1]} {reader[2].upper()}", *tips[1:]],
        "hash-one-digit-less": [*head, tips[0][:-1], *tips[1:]],
        "hash-none": [*head, f"{reader[0]} {reader[1]}", *tips[1:]],
        "two-blanks": [*head, tips[0].replace(" ", "  ", 1), *tips[1:]],
        "tab": [*head, tips[0].replace(" ", "\t"), *tips[1:]],
        "comment-line": [*lines, "# daily"],
        "empty-line-inside": [*head, "", *tips],
        "line-missing": [*lines[:3], *tips],
    }
    for name, made in wrong.items():
        text = "".join(f"{line}\n" for line in made).encode()
        yield _refused(f"text-{name}", "note-form-signed", "Form", signed(text))
    raw = {
        "carriage-returns": _TEXT.replace(b"\n", b"\r\n"),
        "not-utf-8": _TEXT.replace(b"chain-talk", b"chain-\xfftalk"),
        "nul": _TEXT.replace(b"chain-talk\n", b"chain-talk\x00\n"),
        "line-separator": _TEXT.replace(b"chain-talk\n", "chain-talk\u2028\n".encode()),
    }
    for name, text in raw.items():
        yield _refused(f"text-{name}", "note-form-signed", "Form", signed(text))


# -- names of keys ---------------------------------------------------------------------------------


@_NAMES.case
def names() -> Iterator[Case]:
    """Non-empty UTF-8 without Unicode spaces, `+` and control characters."""
    for name, text in (
        ("plain", NAME),
        ("one-letter", "a"),
        ("in-unicode", "zoë-\u4e2d-\U0001f511"),
        ("signs", "a/b:c=d-e_f.g#h\u2014"),
    ):
        yield Case(
            f"checkpoint-name-{name}",
            rules=["AUDIT-07"],
            flags=["Name"],
            data={"name": text.encode()},
        )


@_NAMES.case
def names_that_none_can_have() -> Iterator[Case]:
    """A name that would break the line it stands in."""
    wrong = {
        "empty": b"",
        "space": b"example org",
        "space-at-the-end": b"example.org ",
        "plus": b"example+org",
        "tab": b"example\torg",
        "line-feed": b"example\norg",
        "carriage-return": b"example\rorg",
        "nul": b"example\x00org",
        "delete": b"example\x7forg",
        "next-line": "example\u0085org".encode(),
        "no-break-space": "example\u00a0org".encode(),
        "em-space": "example\u2003org".encode(),
        "line-separator": "example\u2028org".encode(),
        "ideographic-space": "example\u3000org".encode(),
        "ogham-space": "example\u1680org".encode(),
        "not-utf-8": b"example\xff",
        "surrogate": b"example\xed\xa0\x80",
    }
    for name, raw in wrong.items():
        yield Case(
            f"checkpoint-name-{name}",
            rules=["AUDIT-07"],
            flags=["Name"],
            data={"name": raw},
            result="invalid",
            mutation="signing-name",
            sibling="checkpoint-name-plain",
            changed=["/name"],
        )


# -- chains against checkpoints --------------------------------------------------------------------


def _given(told: Story, *texts: bytes) -> dict[str, Any]:
    return {
        **chain_input(told),
        "notes": [signed(text).hex() for text in texts],
        "name": NAME,
        "public_key": KEY.public.hex(),
    }


def _holds(name: str, data: Mapping[str, Any], flag: str) -> Case:
    return Case(
        f"checkpoint-against-{name}",
        rules=["AUDIT-05", "AUDIT-07"],
        flags=[flag],
        data=data,
        expected={"findings": []},
    )


def _broken(
    name: str,
    mutation: str,
    edit: Edit,
    flag: str,
    *found: tuple[str, int],
    rules: tuple[str, ...] = (),
) -> Case:
    return Case(
        f"checkpoint-against-{name}",
        rules=["AUDIT-05", "AUDIT-07", *rules],
        flags=[flag],
        data=edit.data,
        expected={"findings": [{"chain": chain, "sequence": n} for chain, n in sorted(found)]},
        result="invalid",
        mutation=mutation,
        sibling="checkpoint-against-its-own-moment",
        changed=edit.changed,
    )


@_AGAINST.case
def chains_that_fit() -> Iterator[Case]:
    """A chain may only go on after a checkpoint; chains that began later need not be in it."""
    told = story()
    yield _holds("its-own-moment", _given(told, _TEXT), "Sound")
    early = checkpoint_text(told, at(1), {"w": 3, OTHER: 3}).replace(b"\n3\n", b"\n1\n")
    yield _holds("an-earlier-moment", _given(told, early), "Grown")
    yield _holds("two-moments", _given(told, early, _TEXT), "Grown")
    yield _holds("none", _given(told), "Sound")


@_AGAINST.case
def chains_that_do_not_fit() -> Iterator[Case]:
    """What no walk of the chains alone finds: a read chain cut or gone that no note knows, and a dialogue
    set back together with its audit chain."""

    def edit() -> Edit:
        return Edit(_given(story(), _TEXT))

    sk = audit_events.event_sort_key
    cut = edit().remove("events", sk(OTHER, 3))
    yield _broken("read-chain-cut", "chain-cut", cut, "Cut", (OTHER, 3))
    gone = edit()
    for number in (1, 2, 3):
        gone.remove("events", sk(OTHER, number))
    yield _broken("read-chain-gone", "chain-removed", gone, "Cut", (OTHER, 1))
    past = Story("chain-talk")
    past.write(at(0), dialogue(at(0), "Who knows what"))
    past.read(at(1), OTHER)
    past.read(at(2), WRITER, own=True)
    past.write(at(3), expert(at(3), "muffin", "Host"))
    yield _broken(
        "set-back-with-its-chain",
        "set-back-with-chain",
        _became(edit(), past),
        "Cut",
        ("w", 5),
        (WRITER, 4),
        rules=("HEAD-05",),
    )
    fork = Story("chain-talk")
    fork.write(at(0), dialogue(at(0), "Who knows what"))
    fork.read(at(1), OTHER)
    fork.read(at(2), WRITER, own=True)
    fork.write(at(3), expert(at(3), "muffin", "Host"))
    fork.append(at(4), WRITER, "decrypt", "dek#chain-talk#1", "dialogue#chain-talk", count=3)
    fork.write(at(5), round_(at(5), 0, 13), expert(at(5), "eclair", "Guest"))
    yield _broken("forked", "chain-rewritten", _became(edit(), fork), "Fork", ("w", 5))
    rewritten = Story("chain-talk")
    rewritten.write(at(0), dialogue(at(0), "Who knows what"))
    rewritten.read(at(1), OTHER)
    rewritten.read(at(2), WRITER, own=True)
    rewritten.write(at(3), expert(at(3), "muffin", "Host"))
    rewritten.append(at(4), WRITER, "decrypt", "dek#chain-talk#1", "dialogue#chain-talk", count=2)
    rewritten.write(at(5), round_(at(5), 0, 12))
    yield _broken(
        "forked-in-two-chains",
        "chain-rewritten",
        _became(edit(), rewritten),
        "Fork",
        ("w", 5),
        (WRITER, 4),
    )


def _became(edit: Edit, told: Story) -> Edit:
    """The same input with items and events of another course of events."""
    now = chain_input(told)
    for folder in ("items", "events"):
        before = edit.data[folder]
        for sk in sorted({*before, *now[folder]}, key=str.encode):
            if sk not in now[folder]:
                edit.remove(folder, sk)
            elif before.get(sk) != now[folder][sk]:
                edit.set(folder, sk, to=now[folder][sk])
    return edit


@_AGAINST.case
def notes_of_others() -> Iterator[Case]:
    """The chains are sound; the note is not this dialogue's, or not the configured key's."""
    other = _TEXT.replace(b"chain-talk", b"other-talk")
    for name, mutation, note in (
        ("note-of-another-dialogue", "note-of-another-dialogue", signed(other)),
        ("note-of-another-key", "note-signature", signed(_TEXT, key=OTHER_KEY)),
        (
            "note-with-another-hash",
            "note-text",
            signed(_TEXT).replace(b"\nw 5 ", b"\nw 4 "),
        ),
    ):
        edit = Edit(_given(story(), _TEXT)).set("notes", 0, to=note.hex())
        yield _broken(name, mutation, edit, "Signature", ("", 0))
