"""Faults of layer ``payload``: what opens, and is not the canonical JSON of the expected object."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from .doctor import Change, Fault, members, payload_by, plaintext_by
from .forge import Forge, commitment, dek_payload
from .sample import PERSPECTIVE, TENSION_EVENT, Sample

__all__ = ["BASE64", "PAYLOAD"]


def _plaintext_faults() -> Iterator[Fault]:
    """Bytes that are not the canonical JSON of an object."""

    def fault(name: str, how: Callable[[bytes], bytes], sk: str = PERSPECTIVE) -> Fault:
        return Fault(name, "payload", sk, plaintext_by(how))

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
        return payload_by(lambda payload: {k: v for k, v in payload.items() if k != name})

    for sk, name in (
        *(("meta", "title"), ("meta", "output_dir"), ("expert#anne", "scores")),
        *(("round#01", "summary"), ("verdict#v-1", "vote"), (PERSPECTIVE, "references")),
        *(("tension#01#01", "description"), ("recommendation#01#01", "parameters")),
        *(("evidence#01#01", "label"), ("claim#01#01", "contributors")),
        *(("move#01#anne#01", "context"), (TENSION_EVENT, "reason")),
    ):
        yield fault(f"{sk.rstrip('#')} without {name}", sk, without(name))
    yield fault("a field too many", PERSPECTIVE, members(note="x"))
    yield fault("a cleartext field sealed as well", PERSPECTIVE, members(status="open"))
    yield fault("a key field sealed as well", PERSPECTIVE, members(round=1))
    yield fault("the context of a verdict sealed", "verdict#v-1", members(key_claims=["C0101"]))

    def wrong(sk: str, field: str, *values: Any) -> Iterator[Fault]:
        for value in values:
            shown = json.dumps(value)
            yield fault(f"{sk.rstrip('#')}: {field} {shown}", sk, members(**{field: value}))

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
        {"fully_compliant": "yes", "exceptions": [], "violations": []},
        {"fully_compliant": 1, "exceptions": [], "violations": []},
        {"fully_compliant": None, "exceptions": [], "violations": []},
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
        yield fault(name, "head", members(**{field: wrong_value}), remake=False)
    yield fault("the head without seals", "head", without("seals"), remake=False)

    for name, key in (
        ("31 bytes", base64.b64encode(bytes(31)).decode()),
        ("33 bytes", base64.b64encode(bytes(33)).decode()),
        ("no text", 1),
    ):
        yield fault(f"dek: a key of {name}", "dek#1", members(key=key), locks=True)
    yield fault("dek: algorithm", "dek#1", members(algorithm="AES-128-GCM"), locks=True)
    yield fault("dek: no algorithm", "dek#1", without("algorithm"), locks=True)
    yield fault("dek: a member too many", "dek#1", members(version=1), locks=True)
    spaced = plaintext_by(lambda text: text.replace(b":", b": "))
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
        change = payload_by(lambda p, how=spelling: p.update(key=how(p["key"])))  # type: ignore[misc]
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


PAYLOAD = [*_plaintext_faults(), *_member_faults()]
BASE64 = list(_base64_faults())
