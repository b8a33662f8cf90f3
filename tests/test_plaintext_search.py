"""The search for plaintext (ENV-05) finds a planted copy in every form, and nothing in clean
bytes."""

from __future__ import annotations

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.suite.kit.leaks import WINDOW, SealedTexts

SECRET = "Nobody outside may read: “zwölf Boxkämpfer”, 漢字かな交じり文, 🔐🗝️ and\n\ta tab."
NOISE = random.Random(58).randbytes(20_000)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


FORMS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "utf-8": ("utf-8", lambda t: t.encode()),
    "utf-16-le": ("utf-16-le", lambda t: t.encode("utf-16-le")),
    "utf-16-be": ("utf-16-be", lambda t: t.encode("utf-16-be")),
    "utf-16 at an odd offset": ("utf-16-le", lambda t: b"\x00" + t.encode("utf-16-le")),
    "JSON, ASCII only": ("json", lambda t: json.dumps(t).encode()),
    "JSON, UTF-8": ("json", lambda t: json.dumps(t, ensure_ascii=False).encode()),
    "hex": ("hex", lambda t: t.encode().hex().encode()),
    "upper-case hex": ("hex", lambda t: t.encode().hex().upper().encode()),
    "hex at an odd offset": ("hex", lambda t: b"a" + t.encode().hex().encode()),
    "base64": ("base64", lambda t: base64.b64encode(t.encode())),
    "base64, second alignment": ("base64", lambda t: base64.b64encode(b"\xfe" + t.encode())),
    "base64, third alignment": ("base64", lambda t: base64.b64encode(b"\xfe\xff" + t.encode())),
    "base64 after a letter": ("base64", lambda t: b"x" + base64.b64encode(t.encode())),
    "base64 for URLs": ("base64url", lambda t: base64.urlsafe_b64encode(t.encode())),
    "zlib": ("zlib > utf-8", lambda t: zlib.compress(t.encode())),
    "zlib, fastest": ("zlib > utf-8", lambda t: zlib.compress(t.encode(), 1)),
    "gzip": ("gzip > utf-8", lambda t: gzip.compress(t.encode())),
    "raw deflate": ("deflate > utf-8", lambda t: _raw_deflate(t.encode())),
    "a cut zlib stream": ("zlib > utf-8", lambda t: zlib.compress(t.encode())[:40]),
    "hex within zlib": ("zlib > hex", lambda t: zlib.compress(t.encode().hex().encode())),
    "UTF-16 within gzip": ("gzip > utf-16-le", lambda t: gzip.compress(t.encode("utf-16-le"))),
    "zlib within gzip": ("gzip > zlib > utf-8", lambda t: gzip.compress(zlib.compress(t.encode()))),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_planted_copy_is_found(name: str) -> None:
    form, disguise = FORMS[name]
    haystack = NOISE[:7001] + disguise(SECRET) + NOISE[7001:]
    assert form in {leak.form for leak in SealedTexts([SECRET]).search(haystack)}


@pytest.mark.parametrize("name", [name for name, (form, _) in FORMS.items() if ">" not in form])
@pytest.mark.parametrize("secret", ["one of \n8", "漢字漢", 'say "no"', "abcdefgh"])
def test_the_shortest_text_with_a_window_is_found(name: str, secret: str) -> None:
    form, disguise = FORMS[name]
    if form == "json" and json.dumps(secret, ensure_ascii="ASCII" in name)[1:-1] == secret:
        form = "utf-8"  # there is nothing to escape in it
    found = SealedTexts([secret]).search(b"\xff\xfe" + disguise(secret) + b"\xff\xfe\x01")
    assert form in {leak.form for leak in found}


def test_every_single_window_is_found_alone() -> None:
    data = SECRET.encode()
    texts = SealedTexts([SECRET])
    for start in range(len(data) - WINDOW + 1):
        for disguised in (
            data[start : start + WINDOW],
            data[start : start + WINDOW].hex().encode(),
        ):
            assert len(texts.search(b"\x01" + disguised + b"\x02")) == 1


@pytest.mark.parametrize("secret", ["seven b", "漢字", ""])
def test_shorter_texts_have_no_window(secret: str) -> None:
    assert SealedTexts([secret]).search(secret.encode()) == []


def test_noise_holds_nothing() -> None:
    texts = SealedTexts([SECRET, "--------- table ---------", " " * 40, "\ufffd" * 40])
    assert texts.search(random.Random(1).randbytes(60_000)) == []


def test_windows_that_may_be_seen_are_no_leak_and_the_others_stay_one() -> None:
    texts = SealedTexts(["the expert judge-judy spoke"], seen=["expert#judge-judy"])
    assert texts.search(b"expert#judge-judy") == []
    (leak,) = texts.search(b"xxx judge-judy spoke")
    assert leak.window == b" judge-j"  # the first window that no key shows


def test_a_key_is_found_as_bytes_and_as_their_repr() -> None:
    key = random.Random(2).randbytes(32)
    texts = SealedTexts([key])
    for shown in (key, repr(key).encode(), key.hex().encode(), repr(bytearray(key)).encode()):
        assert texts.search(b"key=" + shown)
    assert texts.search(bytes(reversed(key))) == []


def test_files_and_their_names_are_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "store.db-wal").write_bytes(NOISE + b"a sealed label" + NOISE)
    (tmp_path / "a sealed label.log").write_bytes(b"clean")
    found = SealedTexts(["a sealed label"]).search_in(tmp_path)
    assert [(leak.where, leak.form) for leak in found] == [
        ("name of a sealed label.log", "utf-8"),
        ("deep/store.db-wal", "utf-8"),
    ]
