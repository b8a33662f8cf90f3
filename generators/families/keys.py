"""Keys (KEY-03 to KEY-08): KEKs and other readings of them, KMS, wrapped data keys and their faults."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from ..kit import crypto
from ..kit.field_faults import sealed_values
from ..kit.item_faults import Spoiler, attribute_faults, envelope_faults, foreign_attributes
from ..kit.mutations import MUTATIONS
from ..kit.recipe import PUBLISHED_UMK, Case, Family, Fields, Note, stored, stream
from ..kit.samples import DIALOGUE, TIME
from ..kit.schemas import BOOLEAN, HEX, INTEGER, ITEM, TEXT, hex_of, list_of
from ..kit.tables import kind

__all__ = ["FAMILY"]

_USER = "local"
_DEK = stream("keys dek").take(32)
_NONCE = stream("keys nonce").take(12)

FAMILY = Family(
    "keys",
    title="Keys: UMK, KEK, wrapped data keys and their commitment",
    header=[
        "kek: derive the KEK of input.user_id from input.umk, and name it (KEY-03, KEY-05).",
        "kms: the same where a KMS key under GenerateMac stands in the UMK's place (KEY-04).",
        "with_kek: open the dek item input.item under input.kek for input.user_id.",
        "open: open the dek item input.item for input.user_id with the KEK of input.umk.",
        "dek: what follows from a data key: its commitment and the key of the head's sum.",
        "rotate: rotate_dek where input.versions of the data key stand (KEY-07): planned.",
        "An item was asked for under its pk and sk. All keys here are published and worthless.",
    ],
    notes={
        "Rotation": Note(
            "how many wrapped keys stand when the data key is rotated",
            "a partition gets more keys than reads of it can open in time, or one too few",
            ["KEY-07"],
        ),
        "UserId": Note(
            "A user_id at the edge of what one may be.",
            "Two users would get one KEK, or one user two.",
            ["KEY-03"],
        ),
        "KeySize": Note(
            "A master key of another size than 32 bytes.",
            "A short key would be taken for a whole one.",
            ["KEY-02", "KEY-04"],
        ),
        "OtherReading": Note(
            "What somebody gets who reads HKDF-SHA256(UMK, user_id) in another way.",
            "Everything works within one implementation, and no other opens what it wrote.",
            ["KEY-03", "ADDR-10"],
        ),
        "Kms": Note(
            "The UMK is the answer of a KMS key, one for each user.",
            "A local store and a production store would derive in different ways.",
            ["KEY-04"],
        ),
        "WrongOwner": Note(
            "The wrapped key names another user, or another KEK of the same user.",
            "Somebody would be told that data is damaged whose key is another one, or the reverse.",
            ["KEY-08", "KEY-05"],
        ),
        "Form": Note(
            "An attribute of the dek item is missing, additional or of another form.",
            "Two spellings of one item, or data that no seal and no reader looks at.",
            ["ENV-06", "KEY-05"],
        ),
        "Place": Note(
            "A wrapped key that was sealed for another place.",
            "The data key of one dialogue or version would be used for another.",
            ["ENV-03", "KEY-05"],
        ),
        "Wrapping": Note(
            "A wrapped key that does not open.",
            "A damaged key would be used, and what is sealed under it lost.",
            ["KEY-05", "KEY-08"],
        ),
        "Commitment": Note(
            "A wrapped key that opens and is not the one committed to.",
            "GCM does not commit to its key: one ciphertext can be made that opens under two.",
            ["KEY-06"],
        ),
        "Payload": Note(
            "The plaintext of a dek item is not exactly the one of KEY-05.",
            "One key would have several plaintexts, or a key of another size be used.",
            ["KEY-05", "ENV-02"],
        ),
        "Valid": Note(
            "A case from which others are spoiled.",
            "An implementation that refuses everything passes every negative case.",
            ["KEY-05", "KEY-06"],
        ),
    },
)

KEK = FAMILY.group(
    type="kek",
    fields=Fields(
        input={"umk": HEX, "user_id": TEXT},
        intermediate={"info": HEX},
        expected={"kek": hex_of(32), "key_id": TEXT},
    ),
)
KMS = FAMILY.group(
    type="kms",
    fields=Fields(
        input={"hmac_key": HEX, "user_id": TEXT},
        intermediate={"message": HEX, "umk": hex_of(32)},
        expected={"kek": hex_of(32), "key_id": TEXT},
    ),
)
WITH_KEK = FAMILY.group(
    type="with_kek",
    fields=Fields(
        input={"kek": hex_of(32), "user_id": TEXT, "item": ITEM},
        expected={"dek": hex_of(32)},
    ),
)
OPEN = FAMILY.group(
    type="open",
    fields=Fields(
        input={"umk": hex_of(32), "user_id": TEXT, "item": ITEM},
        intermediate={
            "kek": hex_of(32),
            "address": TEXT,
            "aad": hex_of(32),
            "plaintext": HEX,
        },
        expected={"dek": hex_of(32)},
    ),
)
DEK = FAMILY.group(
    type="dek",
    fields=Fields(
        input={"dek": hex_of(32)},
        expected={"commitment": TEXT, "sum_key": hex_of(32)},
    ),
)

ROTATE = FAMILY.group(
    type="rotate",
    fields=Fields(
        input={"versions": list_of(INTEGER), "reseal": BOOLEAN},
        expected={"version": INTEGER, "kept": list_of(INTEGER)},
    ),
)


# -- KEK -------------------------------------------------------------------------------------------


def _kek(slug: str, umk: bytes, user_id: str) -> Case:
    kek = crypto.derive_kek(umk, user_id)
    return Case(
        f"keys-kek-{slug}",
        rules=["KEY-03", "KEY-05", "ADDR-10"],
        flags=["UserId"],
        data={"umk": umk, "user_id": user_id},
        intermediate={"info": b"blue/kek/v1\x00" + user_id.encode()},
        expected={"kek": kek, "key_id": crypto.kek_key_id(kek, user_id)},
    )


@KEK.case
def user_ids() -> Iterator[Case]:
    """A user_id is 1-255 bytes of UTF-8, taken as given: no case folding, no normalisation, no trimming."""
    for slug, user_id in (
        ("local", _USER),
        ("capitals", "Local"),
        ("one-byte", "a"),
        ("mail-address", "ann@example.org"),
        ("uuid", "018d6c1e-7b1a-7c3e-9f00-0123456789ab"),
        ("blank", " "),
        ("trailing-blank", "local "),
        ("composed", "Zo\u00eb"),
        ("decomposed", "Zoe\u0308"),
        ("emoji", "\U0001f469\u200d\U0001f52c"),
        ("zero-width", "lo\u200bcal"),
        ("no-break-space", "lo\u00a0cal"),
        ("right-to-left", "\u202e\u05d0\u05d1"),
        ("separators", "blue/kek/v1#:|"),
        ("255-bytes", "a" * 255),
        ("255-bytes-of-umlauts", "\u00e4" * 127 + "a"),
        ("noncharacter", "\uffff"),
    ):
        yield _kek(slug, PUBLISHED_UMK, user_id)


@KEK.case
def master_keys() -> Iterator[Case]:
    """Any 32 bytes are a master key."""
    yield _kek("umk-of-zeros", bytes(32), _USER)
    yield _kek("umk-of-ones", b"\xff" * 32, _USER)
    yield _kek("umk-drawn", stream("keys umk").take(32), _USER)


@KEK.case
def bad_user_ids() -> Iterator[Case]:
    """Empty, longer than 255 bytes of UTF-8, or with a control character (category Cc)."""
    for slug, user_id in (
        ("empty", ""),
        ("256-bytes", "a" * 256),
        ("256-bytes-of-umlauts", "\u00e4" * 128),
        ("64-emoji", "\U0001f600" * 64),
        ("nul", "lo\x00cal"),
        ("nul-at-the-end", "local\x00"),
        ("line-feed", "local\n"),
        ("carriage-return", "lo\rcal"),
        ("tab", "lo\tcal"),
        ("unit-separator", "lo\x1fcal"),
        ("delete", "lo\x7fcal"),
        ("c1-first", "lo\x80cal"),
        ("next-line", "lo\x85cal"),
        ("c1-last", "lo\x9fcal"),
        ("only-a-control", "\x01"),
    ):
        yield _bad_kek(f"user-{slug}", "user-id", "UserId", user_id=user_id)


@KEK.case
def bad_master_keys() -> Iterator[Case]:
    """A master key of other than 32 bytes is refused, not cut and not filled up."""
    for size in (0, 1, 16, 24, 31, 33, 48, 64):
        umk = (PUBLISHED_UMK * 2)[:size]
        yield _bad_kek(f"umk-of-{size}-bytes", "umk-size", "KeySize", umk=umk)
    for slug, text in (
        ("hex", PUBLISHED_UMK.hex().encode()),
        ("base64", base64.b64encode(PUBLISHED_UMK)),
        ("with-a-newline", PUBLISHED_UMK + b"\n"),
    ):
        yield _bad_kek(f"umk-{slug}", "umk-size", "KeySize", umk=text)


def _bad_kek(slug: str, mutation: str, flag: str, **given: Any) -> Case:
    sibling = _kek("local", PUBLISHED_UMK, _USER)
    return Case(
        f"keys-kek-bad-{slug}",
        rules=MUTATIONS[mutation].rules,
        flags=[flag],
        data={**sibling.data, **given},
        result="invalid",
        mutation=mutation,
        sibling=sibling.tc_id,
        changed=[f"/{name}" for name in given],
    )


@KMS.case
def kms_keys() -> Iterator[Case]:
    """The KEK is HKDF over GenerateMac's answer; the user_id goes into both."""
    key = stream("keys kms").take(32)
    for slug, hmac_key, user_id in (
        ("local", key, _USER),
        ("mail-address", key, "ann@example.org"),
        ("composed", key, "Zo\u00eb"),
        ("decomposed", key, "Zoe\u0308"),
        ("255-bytes", key, "a" * 255),
        ("other-key", b"\x0b" * 32, _USER),
    ):
        umk = crypto.kms_umk(hmac_key, user_id)
        kek = crypto.derive_kek(umk, user_id)
        yield Case(
            f"keys-kms-{slug}",
            rules=["KEY-04", "KEY-03"],
            flags=["Kms"],
            data={"hmac_key": hmac_key, "user_id": user_id},
            intermediate={"message": b"blue/umk/v1\x00" + user_id.encode(), "umk": umk},
            expected={"kek": kek, "key_id": crypto.kek_key_id(kek, user_id)},
        )


# -- other readings --------------------------------------------------------------------------------


def _wrapped(
    version: int = 1,
    *,
    dek: bytes = _DEK,
    umk: bytes = PUBLISHED_UMK,
    user_id: str = _USER,
    dialogue_id: str = DIALOGUE,
    nonce: bytes = _NONCE,
) -> crypto.Item:
    return crypto.wrap_dek(
        dek, dialogue_id, version, umk=umk, user_id=user_id, nonce=nonce, created_at=TIME
    )


def _with_kek(slug: str, umk: bytes, user_id: str) -> Case:
    return Case(
        f"keys-with-kek-{slug}",
        rules=["KEY-03", "KEY-05"],
        flags=["Valid"],
        data={
            "kek": crypto.derive_kek(umk, user_id),
            "user_id": user_id,
            "item": stored(_wrapped(umk=umk, user_id=user_id)),
        },
        expected={"dek": _DEK},
    )


_KMS_KEY = stream("keys kms").take(32)
_MIXED = "Zoe\u0308@Example.Org"


@WITH_KEK.case
def the_right_kek() -> Iterator[Case]:
    """The KEK that the contract derives opens the wrapped key that names it."""
    yield _with_kek("local", PUBLISHED_UMK, _USER)
    yield _with_kek("mixed", PUBLISHED_UMK, _MIXED)
    yield _with_kek("kms", crypto.kms_umk(_KMS_KEY, _USER), _USER)


def _hkdf(
    ikm: bytes, info: bytes, *, salt: bytes | None = None, algorithm: HashAlgorithm | None = None
) -> bytes:
    if algorithm is None:
        return crypto.hkdf(ikm, info, salt=salt)
    return HKDF(algorithm=algorithm, length=32, salt=salt, info=info).derive(ikm)


def _readings(umk: bytes, user_id: str) -> dict[str, bytes]:
    """HKDF-SHA256(UMK, user_id) as others have read it."""
    label, user = b"blue/kek/v1", user_id.encode()
    info = label + b"\x00" + user
    extracted = hmac.digest(bytes(32), umk, "sha256")
    return {
        "user-id-alone-as-info": _hkdf(umk, user),
        "user-id-alone-as-salt": _hkdf(umk, b"", salt=user),
        "user-id-as-salt": _hkdf(umk, label, salt=user),
        "label-as-salt": _hkdf(umk, user, salt=label),
        "info-as-salt": _hkdf(umk, b"", salt=info),
        "info-as-salt-too": _hkdf(umk, info, salt=info),
        "umk-as-salt": _hkdf(user, label, salt=umk),
        "umk-as-info": _hkdf(user, umk),
        "user-id-after-umk": _hkdf(umk + user, label),
        "label-alone": _hkdf(umk, label),
        "no-info": _hkdf(umk, b""),
        "no-separator": _hkdf(umk, label + user),
        "slash-for-separator": _hkdf(umk, label + b"/" + user),
        "colon-for-separator": _hkdf(umk, label + b":" + user),
        "hash-for-separator": _hkdf(umk, label + b"#" + user),
        "two-separators": _hkdf(umk, label + b"\x00\x00" + user),
        "final-nul": _hkdf(umk, info + b"\x00"),
        "other-way-round": _hkdf(umk, user + b"\x00" + label),
        "length-in-front": _hkdf(umk, info[:12] + len(user).to_bytes(4, "big") + user),
        "label-v2": _hkdf(umk, b"blue/kek/v2\x00" + user),
        "label-of-umk": _hkdf(umk, b"blue/umk/v1\x00" + user),
        "label-in-capitals": _hkdf(umk, b"BLUE/KEK/V1\x00" + user),
        "user-id-in-utf-16": _hkdf(umk, label + b"\x00" + user_id.encode("utf-16-le")),
        "user-id-hashed": _hkdf(umk, label + b"\x00" + crypto.sha256(user)),
        "user-id-hashed-as-hex": _hkdf(umk, label + b"\x00" + crypto.sha256(user).hex().encode()),
        "user-id-quoted": _hkdf(umk, label + b"\x00" + json.dumps(user_id).encode()),
        "umk-as-hex": _hkdf(umk.hex().encode(), info),
        "umk-as-base64": _hkdf(base64.b64encode(umk), info),
        "umk-reversed": _hkdf(umk[::-1], info),
        "umk-cut-to-16": _hkdf(umk[:16], info),
        "extract-alone": extracted,
        "expand-alone": HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(umk),
        "counter-from-zero": hmac.digest(extracted, info + b"\x00", "sha256"),
        "second-block": _second_block(umk, info),
        "hmac": hmac.digest(umk, info, "sha256"),
        "hmac-of-user-id": hmac.digest(umk, user, "sha256"),
        "sha-256-of-both": crypto.sha256(umk + user),
        "pbkdf2": hashlib.pbkdf2_hmac("sha256", umk, user, 1),
        "sha-1": _hkdf(umk, info, algorithm=SHA1()),  # noqa: S303 — a reading that must differ
        "sha-384": _hkdf(umk, info, algorithm=SHA384()),
        "sha-512": _hkdf(umk, info, algorithm=SHA512()),
        "umk-itself": umk,
    }


def _second_block(umk: bytes, info: bytes) -> bytes:
    return crypto.hkdf(umk, info, length=64)[32:]


@WITH_KEK.case
def kek_readings() -> Iterator[Case]:
    """A KEK by another reading must differ: whoever derives it meets a wrapped key that names another
    KEK of the same user, umk_changed."""
    spoiler = Spoiler(_with_kek("local", PUBLISHED_UMK, _USER), "keys", "reading")
    for slug, kek in _readings(PUBLISHED_UMK, _USER).items():
        yield spoiler.given(slug, "kek-reading", "OtherReading", kek=kek.hex())
    spoiler = Spoiler(_with_kek("mixed", PUBLISHED_UMK, _MIXED), "keys", "reading")
    for slug, other in (
        ("composed", unicodedata.normalize("NFC", _MIXED)),
        ("lower-case", _MIXED.lower()),
        ("case-folded-and-composed", unicodedata.normalize("NFKC", _MIXED.casefold())),
        ("ascii-only", _MIXED.encode("ascii", "ignore").decode()),
        ("question-mark", _MIXED.encode("ascii", "replace").decode()),
    ):
        kek = crypto.derive_kek(PUBLISHED_UMK, other)
        yield spoiler.given(f"user-id-{slug}", "kek-reading", "OtherReading", kek=kek.hex())


@WITH_KEK.case
def kms_readings() -> Iterator[Case]:
    """What GenerateMac is asked, and what its answer is used for, read in another way."""
    spoiler = Spoiler(
        _with_kek("kms", crypto.kms_umk(_KMS_KEY, _USER), _USER), "keys", "kms-reading"
    )
    user = _USER.encode()
    right = crypto.kms_umk(_KMS_KEY, _USER)
    answers = {
        "user-id-alone": hmac.digest(_KMS_KEY, user, "sha256"),
        "label-alone": hmac.digest(_KMS_KEY, b"blue/umk/v1", "sha256"),
        "no-separator": hmac.digest(_KMS_KEY, b"blue/umk/v1" + user, "sha256"),
        "kek-label": hmac.digest(_KMS_KEY, b"blue/kek/v1\x00" + user, "sha256"),
        "message-hashed": hmac.digest(_KMS_KEY, crypto.sha256(b"blue/umk/v1\x00" + user), "sha256"),
        "hmac-sha-512-cut": hmac.digest(_KMS_KEY, b"blue/umk/v1\x00" + user, "sha512")[:32],
        "base64-of-the-answer": base64.b64encode(right),
        "hex-of-the-answer": right.hex().encode(),
    }
    for slug, umk in answers.items():
        kek = crypto.hkdf(umk, b"blue/kek/v1\x00" + user)
        yield spoiler.given(slug, "kms-reading", "Kms", kek=kek.hex())
    yield spoiler.given("answer-as-kek", "kms-reading", "Kms", kek=right.hex())
    without = crypto.hkdf(right, b"blue/kek/v1")
    yield spoiler.given("user-id-once", "kms-reading", "Kms", kek=without.hex())


# -- wrapped keys ----------------------------------------------------------------------------------


def _open(
    slug: str,
    *,
    dek: bytes = _DEK,
    umk: bytes = PUBLISHED_UMK,
    user_id: str = _USER,
    dialogue_id: str = DIALOGUE,
    version: int = 1,
) -> Case:
    item = _wrapped(version, dek=dek, umk=umk, user_id=user_id, dialogue_id=dialogue_id)
    where = crypto.address(dialogue_id, "dek", version=version)
    return Case(
        f"keys-open-{slug}",
        rules=["KEY-05", "KEY-06", "ENV-01"],
        flags=["Valid"],
        data={"umk": umk, "user_id": user_id, "item": stored(item)},
        intermediate={
            "kek": crypto.derive_kek(umk, user_id),
            "address": where,
            "aad": crypto.aad(where),
            "plaintext": crypto.dek_payload(dek),
        },
        expected={"dek": dek},
    )


#: Its base64 holds both characters that the URL-safe alphabet spells otherwise.
_URL_UNSAFE = b"\xfb\xff" * 16


@OPEN.case
def wrapped_keys() -> Iterator[Case]:
    """A dek item opens under the KEK that it names, at its own address."""
    yield _open("version-1")
    yield _open("version-2", version=2)
    yield _open("version-10", version=10)
    yield _open("largest-version", version=999_999_999_999_999)
    yield _open("other-dialogue", dialogue_id="a")
    yield _open("96-characters", dialogue_id="A.b_c-" * 16)
    yield _open("other-user", user_id="Zoe\u0308@Example.Org")
    yield _open("other-umk", umk=stream("keys umk").take(32))
    yield _open("plus-and-slash", dek=_URL_UNSAFE)
    yield _open("dek-of-zeros", dek=bytes(32))


def _spoiler(slug: str = "version-1", **given: Any) -> Spoiler:
    return Spoiler(_open(slug, **given), "keys", "open")


def _sealed(
    plaintext: bytes, *, key: bytes | None = None, associated: bytes | None = None
) -> bytes:
    """What version 1 would hold with another plaintext, key or associated data, nonce as it is."""
    kek = crypto.derive_kek(PUBLISHED_UMK, _USER) if key is None else key
    own = crypto.aad(crypto.address(DIALOGUE, "dek", version=1))
    return crypto.gcm_seal(kek, _NONCE, plaintext, own if associated is None else associated)


@OPEN.case
def form() -> Iterator[Case]:
    """Every attribute of a dek item missing, additional, of another type, length or form."""
    item, spoiler = _wrapped(), _spoiler()
    yield from spoiler.apply(attribute_faults("dek", item), "Form")
    yield from spoiler.apply(foreign_attributes("dek", item), "Form")
    yield from spoiler.apply(envelope_faults(item), "Form")
    u, k = item["key_id"].split("#")[1:]
    for slug, key_id in (
        ("empty", ""),
        ("one-part", f"kek#{u}"),
        ("three-parts", f"kek#{u}#{k}#{k}"),
        ("that-of-a-dek", f"dek#{DIALOGUE}#1"),
        ("capitals", f"kek#{u.upper()}#{'A' * 16}"),
        ("capital-kek", f"KEK#{u}#{k}"),
        ("short-u", f"kek#{u[:-1]}#{k}"),
        ("whole-digest", f"kek#{crypto.sha256(_USER.encode()).hex()}#{k}"),
        ("newline", f"kek#{u}#{k}\n"),
        ("colons", f"kek:{u}:{k}"),
        ("user-id-itself", f"kek#{_USER}#{k}"),
    ):
        yield spoiler.put(f"key-id-{slug}", "kek-id-form", "Form", key_id=key_id)
    value = item["commitment"]
    for slug, commitment in (
        ("newline", value + "\n"),
        ("0x", "0x" + value[2:]),
        ("base64", base64.b64encode(bytes.fromhex(value)).decode()),
        ("empty", ""),
    ):
        yield spoiler.put(f"commitment-{slug}", "commitment-form", "Form", commitment=commitment)
    for sk in (
        "dek#01",
        "dek#0",
        "dek#",
        "dek#-1",
        "dek#1.0",
        "dek#1000000000000000",
        "dek#\uff11",
    ):
        word = (
            sk[4:].replace("\uff11", "full-width").replace(".", "-").replace("-1", "minus-1")
            or "none"
        )
        yield spoiler.put(f"version-{word}", "sort-key-form", "Form", sk=sk)


@OPEN.case
def place() -> Iterator[Case]:
    """A wrapped key is bound to its dialogue and version."""
    spoiler = _spoiler()
    yield spoiler.put("moved-to-version-2", "item-moved", "Place", sk="dek#2")
    yield spoiler.put("moved-to-version-11", "item-moved", "Place", sk="dek#11")
    yield spoiler.put("moved-to-another-dialogue", "item-moved", "Place", pk="dialogue#nvidia")
    for slug, digest in (
        ("zeros", bytes(32)),
        ("version-2", crypto.aad(crypto.address(DIALOGUE, "dek", version=2))),
        ("another-dialogue", crypto.aad(crypto.address("nvidia", "dek", version=1))),
        ("pk-and-sk", crypto.sha256(f"dialogue#{DIALOGUE}dek#1".encode())),
        ("hash-of-the-hash", crypto.sha256(crypto.aad(crypto.address(DIALOGUE, "dek", version=1)))),
    ):
        yield spoiler.put(f"aad-hash-of-{slug}", "aad-hash-changed", "Place", aad_hash=digest.hex())


@OPEN.case
def owner() -> Iterator[Case]:
    """U is compared first, then k: another user is key_denied, another KEK of the user umk_changed."""
    spoiler = _spoiler()
    for slug, user_id in (
        ("capitals", "Local"),
        ("trailing-blank", "local "),
        ("mail", "ann@example.org"),
    ):
        yield spoiler.given(f"user-{slug}", "user-differs", "WrongOwner", user_id=user_id)
    for slug, umk in (
        ("zeros", bytes(32)),
        ("one-bit", bytes([PUBLISHED_UMK[0] ^ 1]) + PUBLISHED_UMK[1:]),
        ("reversed", PUBLISHED_UMK[::-1]),
    ):
        yield spoiler.given(f"umk-{slug}", "umk-differs", "WrongOwner", umk=umk.hex())
    kek = crypto.derive_kek(PUBLISHED_UMK, _USER)
    u, k = crypto.kek_key_id(kek, _USER).split("#")[1:]
    digest = crypto.sha256(_USER.encode()).hex()
    for slug, other in (
        ("zeros", "0" * 16),
        ("last-digits", digest[-16:]),
        ("digest-of-utf-16", crypto.sha256(_USER.encode("utf-16-le")).hex()[:16]),
        ("digest-with-nul", crypto.sha256(_USER.encode() + b"\x00").hex()[:16]),
        ("user-id-as-hex", (_USER.encode().hex() + "0" * 16)[:16]),
    ):
        yield spoiler.put(f"u-{slug}", "user-differs", "WrongOwner", key_id=f"kek#{other}#{k}")
    for slug, made in (
        ("zeros", bytes(8)),
        ("last-digits", crypto.hkdf(kek, b"blue/kek-check/v1")[-8:]),
        ("digest-of-the-kek", crypto.sha256(kek)[:8]),
        ("kek-itself", kek[:8]),
        ("of-the-umk", crypto.hkdf(PUBLISHED_UMK, b"blue/kek-check/v1")[:8]),
        ("commitment-label", crypto.hkdf(kek, b"blue/commit/v1")[:8]),
        ("final-nul", crypto.hkdf(kek, b"blue/kek-check/v1\x00")[:8]),
        ("user-id-in-info", crypto.hkdf(kek, b"blue/kek-check/v1\x00" + _USER.encode())[:8]),
        ("hmac", crypto.hmac_sha256(kek, b"blue/kek-check/v1")[:8]),
    ):
        yield spoiler.put(f"k-{slug}", "umk-differs", "WrongOwner", key_id=f"kek#{u}#{made.hex()}")


@OPEN.case
def wrapping() -> Iterator[Case]:
    """A wrapped key that was changed, cut, or wrapped in another way does not open."""
    item, spoiler = _wrapped(), _spoiler()
    sealed = item["content_encrypted"]
    for name, size in (("content_encrypted", len(sealed)), ("content_nonce", 12)):
        for slug, offset, mask in (
            ("first", 0, 0x80),
            ("second", 1, 0x01),
            ("middle", size // 2, 0x10),
            ("last", size - 1, 0x01),
        ):
            yield spoiler.flip(
                f"{name}-{slug}-byte", "wrapped-key-damaged", "Wrapping", name, offset, mask
            )
    for slug, offset in (("last-of-the-ciphertext", -17), ("first-of-the-tag", -16)):
        yield spoiler.flip(
            slug, "wrapped-key-damaged", "Wrapping", "content_encrypted", offset, 0x04
        )
    for slug, cut in (
        ("a-byte", sealed[:-1]),
        ("four-bytes", sealed[:-4]),
        ("the-tag", sealed[:-16]),
        ("first-byte", sealed[1:]),
        ("all-but-18", sealed[:18]),
    ):
        yield spoiler.put(f"cut-{slug}", "wrapped-key-cut", "Wrapping", content_encrypted=cut)
    plaintext = crypto.dek_payload(_DEK)
    where = crypto.address(DIALOGUE, "dek", version=1)
    for slug, associated in (
        ("none", b""),
        ("the-address", where.encode()),
        ("hex", crypto.aad(where).hex().encode()),
        ("half", crypto.aad(where)[:16]),
        ("pk-and-sk", crypto.sha256(f"dialogue#{DIALOGUE}dek#1".encode())),
    ):
        wrapped = _sealed(plaintext, associated=associated)
        yield spoiler.put(f"aad-{slug}", "wrapped-key-aad", "Wrapping", content_encrypted=wrapped)
    for slug, key in (
        ("umk", PUBLISHED_UMK),
        ("dek", _DEK),
        ("zeros", bytes(32)),
        ("another-users", crypto.derive_kek(PUBLISHED_UMK, "ann@example.org")),
        ("half", crypto.derive_kek(PUBLISHED_UMK, _USER)[:16]),
    ):
        wrapped = _sealed(plaintext, key=key)
        yield spoiler.put(
            f"wrapped-under-{slug}", "wrapped-key-kek", "Wrapping", content_encrypted=wrapped
        )


@OPEN.case
def commitments() -> Iterator[Case]:
    """The commitment is compared at every unwrap; another reading of it is another commitment."""
    spoiler = _spoiler()
    right = crypto.commitment(_DEK)
    other = stream("keys other dek").take(32)
    kek = crypto.derive_kek(PUBLISHED_UMK, _USER)
    label = b"blue/commit/v1"
    for slug, value in (
        ("one-digit", ("1" if right[0] == "0" else "0") + right[1:]),
        ("last-digit", right[:-1] + ("1" if right[-1] == "0" else "0")),
        ("zeros", "0" * 64),
        ("of-another-key", crypto.commitment(other)),
    ):
        yield spoiler.put(
            f"commitment-{slug}", "commitment-changed", "Commitment", commitment=value
        )
    for slug, made in (
        ("final-nul", crypto.hkdf(_DEK, label + b"\x00")),
        ("label-v2", crypto.hkdf(_DEK, b"blue/commit/v2")),
        ("label-as-salt", crypto.hkdf(_DEK, b"", salt=label)),
        ("head-label", crypto.hkdf(_DEK, b"blue/head/v1")),
        ("of-the-kek", crypto.hkdf(kek, label)),
        ("dialogue-in-info", crypto.hkdf(_DEK, label + b"\x00" + DIALOGUE.encode())),
        ("hmac", crypto.hmac_sha256(_DEK, label)),
        ("sha-256", crypto.sha256(_DEK)),
        ("sha-256-with-label", crypto.sha256(label + _DEK)),
        ("reversed", bytes.fromhex(right)[::-1]),
        ("of-base64", crypto.hkdf(base64.b64encode(_DEK), label)),
    ):
        yield spoiler.put(
            f"commitment-{slug}", "commitment-reading", "Commitment", commitment=made.hex()
        )
    exchanged = _sealed(crypto.dek_payload(other))
    yield spoiler.put("another-key", "key-exchanged", "Commitment", content_encrypted=exchanged)
    zeros = _sealed(crypto.dek_payload(bytes(32)))
    yield spoiler.put("key-of-zeros", "key-exchanged", "Commitment", content_encrypted=zeros)


@OPEN.case
def payloads() -> Iterator[Case]:
    """The plaintext is exactly {"algorithm":"AES-256-GCM","key":base64}, canonical."""
    spoiler = _spoiler()
    right = {"algorithm": "AES-256-GCM", "key": base64.b64encode(_DEK).decode()}
    for slug, mutation, plaintext in _payload_faults(right):
        yield spoiler.put(slug, mutation, "Payload", content_encrypted=_sealed(plaintext))
    unsafe = _spoiler("plus-and-slash", dek=_URL_UNSAFE)
    url_safe = crypto.dek_payload(_URL_UNSAFE).replace(b"+", b"-").replace(b"/", b"_")
    yield unsafe.put(
        "base64-for-urls", "base64-spelling", "Payload", content_encrypted=_sealed(url_safe)
    )
    escaped = crypto.dek_payload(_URL_UNSAFE).replace(b"/", b"\\/")
    yield unsafe.put(
        "slash-escaped", "escape-spelling", "Payload", content_encrypted=_sealed(escaped)
    )


def _payload_faults(right: Mapping[str, Any]) -> Iterator[tuple[str, str, bytes]]:
    text, key = crypto.canonical(right), right["key"]

    def of(**change: Any) -> bytes:
        return crypto.canonical({**right, **change})

    for field in kind("dek").sealed:
        rest = {name: value for name, value in right.items() if name != field.name}
        yield f"payload-no-{field.name}", "key-missing", crypto.canonical(rest)
        for wrong in sealed_values(field):
            yield (
                f"payload-{field.name}-{wrong.slug}",
                wrong.mutation,
                of(**{field.name: wrong.value}),
            )
    for name in ("AES-128-GCM", "aes-256-gcm", "AES256GCM", "AES-256-GCM ", "AES-256-GCM-SIV", ""):
        slug = name.lower().replace(" ", "-blank") or "empty"
        slug = f"{slug}-lower" if name.islower() else slug
        yield f"payload-algorithm-{slug}", "algorithm-name", of(algorithm=name)
    for size in (0, 16, 24, 31, 33, 64):
        raw = base64.b64encode((_DEK * 2)[:size]).decode()
        yield f"payload-key-of-{size}-bytes", "key-size", of(key=raw)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = key[:42] + alphabet[alphabet.index(key[42]) | 1] + "="
    for slug, spelling in (
        ("without-padding", key.rstrip("=")),
        ("padded-twice", key + "="),
        ("newline", key + "\n"),
        ("blank-inside", key[:4] + " " + key[4:]),
        ("blank-in-front", " " + key),
        ("stray-bits", stray),
        ("hex", _DEK.hex()),
        ("full-width", "\uff21" + key[1:]),
    ):
        yield f"base64-{slug}", "base64-spelling", of(key=spelling)
    yield "payload-version-added", "unknown-key", of(version=1)
    yield "payload-null-added", "unknown-key", of(kid=None)
    yield "payload-bare-key", "not-json", _DEK
    yield "payload-list", "not-an-object", crypto.canonical([right["algorithm"], key])
    yield "payload-text", "not-an-object", crypto.canonical(key)
    yield "payload-empty-object", "key-missing", b"{}"
    yield "payload-spaces", "white-space", text.replace(b":", b": ")
    yield "payload-newline", "white-space", text + b"\n"
    yield "payload-nul", "trailing-bytes", text + b"\x00"
    yield "payload-bom", "byte-order-mark", b"\xef\xbb\xbf" + text
    yield "payload-cut", "not-json", text[:-1]
    swapped = b'{"key":"' + key.encode() + b'","algorithm":"AES-256-GCM"}'
    yield "payload-unsorted", "key-order", swapped
    member = b'"key":"' + key.encode() + b'"'
    yield "payload-key-twice", "duplicate-key", text.replace(member, member + b"," + member)
    yield "payload-not-utf-8", "not-utf-8", text.replace(b"AES", b"A\xcbS")
    yield "payload-escaped", "escape-spelling", text.replace(b"AES", b"\\u0041ES")


@DEK.case
def what_follows_from_a_dek() -> Iterator[Case]:
    """Commitment (KEY-06) and the key of the head's sum (HEAD-02), both HKDF under the data key."""
    for slug, dek in (
        ("drawn", _DEK),
        ("zeros", bytes(32)),
        ("ones", b"\xff" * 32),
        ("counting", bytes(range(32))),
    ):
        yield Case(
            f"keys-dek-{slug}",
            rules=["KEY-06", "HEAD-02", "ADDR-10"],
            flags=["Valid"],
            data={"dek": dek},
            expected={"commitment": crypto.commitment(dek), "sum_key": crypto.sum_key(dek)},
        )


# -- how many --------------------------------------------------------------------------------------


def _rotated(slug: str, versions: list[int], reseal: bool) -> dict[str, Any]:
    return {
        "tc_id": f"keys-rotate-{slug}",
        "rules": ["KEY-07"],
        "flags": ["Rotation"],
        "data": {"versions": versions, "reseal": reseal},
        "planned": True,
    }


@ROTATE.case
def rotations() -> Iterator[Case]:
    """`rotate_dek` where these versions of the data key stand: the version that it adds, and those that stand
    afterwards. At most 64 do; with `reseal` all but the new one go."""
    for slug, versions, reseal in (
        ("first", [1], False),
        ("second", [1, 2], False),
        ("tenth", list(range(1, 11)), False),
        ("after-reseal", [12], False),
        ("63-keys", list(range(1, 64)), False),
        ("63-late-keys", list(range(40, 103)), False),
        ("one-with-reseal", [1], True),
        ("64-keys-with-reseal", list(range(1, 65)), True),
    ):
        new = versions[-1] + 1
        kept = [new] if reseal else [*versions, new]
        yield Case(**_rotated(slug, versions, reseal), expected={"version": new, "kept": kept})


@ROTATE.case
def too_many() -> Iterator[Case]:
    """Where 64 wrapped keys stand a rotation without `reseal` is refused, whatever their versions are."""
    for slug, versions, sibling in (
        ("64-keys", list(range(1, 65)), "63-keys"),
        ("64-late-keys", list(range(40, 104)), "63-late-keys"),
    ):
        yield Case(
            **_rotated(slug, versions, reseal=False),
            result="invalid",
            mutation="too-many-keys",
            sibling=f"keys-rotate-{sibling}",
            changed=["/versions"],
        )
