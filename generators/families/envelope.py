"""Envelopes (ENV-01 to ENV-09): an item of every type sealed and opened, and every fault of ENV-06."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from ..kit import crypto
from ..kit.edits import Edit
from ..kit.field_faults import sealed_values
from ..kit.item_faults import Spoiler, attribute_faults, envelope_faults, foreign_attributes
from ..kit.mutations import MUTATIONS
from ..kit.recipe import PUBLISHED_UMK, Case, Family, Fields, Note, stored, stream
from ..kit.samples import DIALOGUE, SAMPLES, TIME, Sample, sample, sealed_fields
from ..kit.schemas import HEX, INTEGER, ITEM, OBJECT, TEXT, hex_of, list_of, map_of, object_of
from ..kit.schemas import nullable as or_null
from ..kit.tables import kind

__all__ = ["FAMILY"]

_DEKS = {version: stream(f"envelope dek {version}").take(32) for version in (1, 2)}
_USER = "local"

FAMILY = Family(
    "envelope",
    title="Envelopes: items sealed, opened and refused, layer by layer",
    header=[
        "seal: make the item of input.entity from its fields, under the given data key and nonce.",
        "open: open input.item with input.deks (data keys by version; others are not there).",
        "An item was asked for under its pk and sk. The head's count and sum are not looked at.",
        "read: open all input.items with the KEK of input.umk for input.user_id, in the order of ENV-06.",
        "expected.findings are all that verify_partition tells of them; the first is what a read ends with.",
        "A nonce occurs in more than one case, so that a case differs from its sibling in one place only.",
    ],
    notes={
        "Valid": Note(
            "An item from which others are spoiled.",
            "An implementation that refuses everything passes every negative case.",
            ["ENV-01", "ENV-09"],
        ),
        "RfcExample": Note(
            "The RFC's own example, perspective 01#02 of nvidia-analysis.",
            "It is the case that everybody tries first.",
            ["ENV-01", "ENV-02", "ENV-03"],
        ),
        "Attribute": Note(
            "A cleartext or index attribute is missing, additional, of another type or form.",
            "GCM does not see it: an item that no store wrote would be believed.",
            ["ENV-06", "ADDR-05"],
        ),
        "EnvelopeForm": Note(
            "An attribute of the envelope is missing or of another type, length or form.",
            "A library would be called with what it was not made for: a nonce of another length is hashed,"
            " a short tag is accepted.",
            ["ENV-01", "ENV-06"],
        ),
        "SortKey": Note(
            "The item lies under a sort key that no type has.",
            "Two spellings of one key, or an item that no method ever shows.",
            ["ADDR-04", "ENV-06"],
        ),
        "Place": Note(
            "An item or its envelope was moved.",
            "What was sealed for one place would be read at another.",
            ["ENV-03", "ENV-06"],
        ),
        "OtherKey": Note(
            "key_id names a key that is not this dialogue's or not there.",
            "The stored item would decide what is accepted.",
            ["ENV-06", "ENV-08"],
        ),
        "Damage": Note(
            "Bytes of nonce, ciphertext or tag are others.",
            "Changed data would be read as if somebody had written it.",
            ["ENV-06"],
        ),
        "OtherSeal": Note(
            "Sealed with another key, cipher or associated data.",
            "An implementation that seals so opens only what it wrote itself.",
            ["ENV-03", "ENV-04", "ENV-09"],
        ),
        "Payload": Note(
            "It opens, and the plaintext is not the canonical JSON of the type's fields.",
            "Whoever holds the key could bring in values that no write accepts.",
            ["ENV-02", "ENV-06"],
        ),
        "Nonce": Note(
            "One nonce twice under one key.",
            "Two texts under one nonce give away their difference, and the key of the tag.",
            ["ENV-04", "ENV-06"],
        ),
        "Dependent": Note(
            "A data key does not open, and items name it.",
            "Such an item would be called damaged, or be passed over without a word.",
            ["ENV-06", "ENV-07"],
        ),
    },
)

_SEALED_HERE = {"address?": TEXT, "aad?": hex_of(32), "plaintext?": HEX}
SEAL = FAMILY.group(
    type="seal",
    fields=Fields(
        input={
            "entity": TEXT,
            "pk": TEXT,
            "sk": TEXT,
            "dek": hex_of(32),
            "version": INTEGER,
            "nonce": hex_of(12),
            "cleartext": OBJECT,
            "sealed": OBJECT,
        },
        intermediate=_SEALED_HERE,
        expected={"item": ITEM},
    ),
)
OPEN = FAMILY.group(
    type="open",
    fields=Fields(
        input={"deks": map_of(hex_of(32)), "item": ITEM},
        intermediate=_SEALED_HERE,
        expected={"fields": OBJECT},
    ),
)
READ = FAMILY.group(
    type="read",
    fields=Fields(
        input={"umk": hex_of(32), "user_id": TEXT, "items": list_of(ITEM)},
        expected={
            "opened?": map_of(OBJECT),
            "findings?": list_of(
                object_of({"sk": TEXT, "layer": TEXT, "code": TEXT, "address": or_null(TEXT)})
            ),
        },
    ),
)


# -- making items ----------------------------------------------------------------------------------


def _item(
    of: Sample,
    fields: Mapping[str, Any],
    slug: str,
    *,
    version: int = 1,
    dialogue_id: str = DIALOGUE,
    nonce: bytes | None = None,
) -> crypto.Item:
    return crypto.make_item(
        of.entity,
        dialogue_id,
        of.parts,
        fields,
        key=_DEKS[version],
        key_id=f"dek#{dialogue_id}#{version}",
        nonce=stream(f"envelope nonce {slug}").take(12) if nonce is None else nonce,
    )


def _between(of: Sample, fields: Mapping[str, Any], dialogue_id: str) -> dict[str, Any]:
    if kind(of.entity).address is None:
        return {}
    where = crypto.address(dialogue_id, of.entity, **of.parts)
    plaintext = crypto.payload(of.entity, fields)
    return {"address": where, "aad": crypto.aad(where), "plaintext": plaintext}


def _open(
    of: Sample,
    fields: Mapping[str, Any],
    slug: str,
    flag: str = "Valid",
    *,
    version: int = 1,
    dialogue_id: str = DIALOGUE,
) -> Case:
    item = _item(of, fields, slug, version=version, dialogue_id=dialogue_id)
    return Case(
        f"envelope-open-{slug}",
        rules=["ENV-01", "ENV-02", "ENV-03", "ENV-08"] if kind(of.entity).address else ["ADDR-05"],
        flags=[flag],
        data={"deks": _shown_deks(), "item": stored(item)},
        intermediate=_between(of, fields, dialogue_id),
        expected={"fields": {f.name: fields.get(f.name) for f in kind(of.entity).sealed}},
    )


def _large(slug: str, size: int) -> Case:
    """An item whose plaintext has exactly that many bytes, no two pieces of it alike."""
    of = sample("claim")
    own = len(crypto.payload(of.entity, {**of.full, "content": ""}))
    content = stream(f"envelope large {slug}").take((size - own) // 2 + 1).hex()[: size - own]
    fields = {**of.full, "content": content}
    item = _item(of, fields, f"large-{slug}")
    return Case(
        f"envelope-open-plaintext-of-{slug}",
        comment="A plaintext longer than the buffers that programs read and decrypt by.",
        rules=["ENV-01", "ENV-02", "STORE-15"],
        flags=["Valid"],
        data={"deks": {"1": _DEKS[1].hex()}, "item": stored(item)},
        intermediate={"address": crypto.address(DIALOGUE, of.entity, **of.parts)},
        expected={"fields": {f.name: fields.get(f.name) for f in kind(of.entity).sealed}},
    )


def _shown_deks() -> dict[str, str]:
    return {str(version): dek.hex() for version, dek in _DEKS.items()}


def _full(of: Sample) -> Case:
    return _open(of, of.full, f"{of.slug}-full")


def _spoiler(of: Sample) -> Spoiler:
    return Spoiler(_full(of), "envelope", of.slug)


def _full_item(of: Sample) -> crypto.Item:
    return _item(of, of.full, f"{of.slug}-full")


def _resealed(
    of: Sample,
    plaintext: bytes,
    *,
    key: bytes | None = None,
    associated: bytes | None = None,
) -> bytes:
    """What the full item would hold with another plaintext, key or associated data; nonce as it is."""
    own = crypto.aad(crypto.address(DIALOGUE, of.entity, **of.parts))
    return crypto.gcm_seal(
        _DEKS[1] if key is None else key,
        _full_item(of)["content_nonce"],
        plaintext,
        own if associated is None else associated,
    )


_WITH_ENVELOPE = tuple(of for of in SAMPLES if kind(of.entity).address is not None)
_RFC = sample("perspective")


# -- what is right ---------------------------------------------------------------------------------


@OPEN.case
def perspective_of_the_rfc() -> Case:
    """The RFC's example: perspective 01#02 of nvidia-analysis under dek#nvidia-analysis#1, sealed for
    dialogue:nvidia-analysis/entity:perspective/01#02."""
    return _open(_RFC, _RFC.full, "perspective-rfc-example", "RfcExample")


@OPEN.case
def full_and_bare() -> Iterator[Case]:
    """An item of each type with every field set, and with as few as it may have."""
    for of in SAMPLES:
        yield _full(of)
        if of.bare != of.full:
            yield _open(of, of.bare, f"{of.slug}-bare")


@OPEN.case
def edges() -> Iterator[Case]:
    """Items at the edge of what is allowed."""
    yield _open(_RFC, _RFC.full, "version-2", version=2)
    yield _open(_RFC, _RFC.full, "other-dialogue", dialogue_id="A.b_c-9")
    yield _open(_RFC, _RFC.full, "longest-dialogue-id", dialogue_id="d" * 96)
    expert = sample("expert")
    for slug, change in (
        ("relevance-0", {"relevance": 0}),
        ("relevance-1", {"relevance": 1}),
        ("relevance-six-decimals", {"relevance": 0.000001}),
        ("round-99", {"first_round": 99}),
    ):
        yield _open(expert, {**expert.full, **change}, f"expert-{slug}")
    for slug, size in (("65537-bytes", 65_537), ("300-kib", 300 * 1024)):
        yield _large(slug, size)
    scored = sample("round")
    yield _open(scored, {**scored.full, "score": 2**53 - 1}, "round-largest-score")
    last = Sample("claim", {"round": 99, "seq": 99}, sample("claim").full, {})
    yield _open(last, last.full, "claim-last")
    huge = {**_RFC.full, "content": "\U0001f600" * 1000}
    yield _open(_RFC, huge, "perspective-4000-bytes")


@SEAL.case
def sealing() -> Iterator[Case]:
    """The same inputs, nonce included, give the same bytes in every language (ENV-09)."""
    for of in _WITH_ENVELOPE:
        for slug, fields in ((of.slug, of.full), (f"{of.slug}-bare", of.bare)):
            if slug != of.slug and fields == of.full:
                continue
            item = _item(of, fields, f"seal {slug}", version=2)
            cleartext = {f.name: fields.get(f.name) for f in kind(of.entity).cleartext}
            yield Case(
                f"envelope-seal-{slug}",
                rules=["ENV-09", "ENV-01", "ENV-02", "ENV-03", "HEAD-06"],
                flags=["Valid"],
                data={
                    "entity": of.entity,
                    "pk": item["pk"],
                    "sk": item["sk"],
                    "dek": _DEKS[2],
                    "version": 2,
                    "nonce": item["content_nonce"],
                    "cleartext": cleartext,
                    "sealed": {f.name: fields.get(f.name) for f in kind(of.entity).sealed},
                },
                intermediate=_between(of, fields, DIALOGUE),
                expected={"item": stored(item)},
            )


# -- layer envelope --------------------------------------------------------------------------------


@OPEN.case
def attributes() -> Iterator[Case]:
    """Every attribute of every type: missing, of another type, outside its range or form; index attributes
    that do not follow."""
    for of in SAMPLES:
        yield from _spoiler(of).apply(attribute_faults(of.entity, _full_item(of)), "Attribute")


@OPEN.case
def added_attributes() -> Iterator[Case]:
    """What no item of the type has: an unknown attribute, each sealed field in the clear, each key field."""
    for of in SAMPLES:
        yield from _spoiler(of).apply(foreign_attributes(of.entity, _full_item(of)), "Attribute")


@OPEN.case
def envelope_attributes() -> Iterator[Case]:
    """Each attribute of the envelope of every type: missing, of another type, length or form."""
    for of in _WITH_ENVELOPE:
        yield from _spoiler(of).apply(envelope_faults(_full_item(of)), "EnvelopeForm")


@OPEN.case
def spellings() -> Iterator[Case]:
    """key_id, aad_hash, nonce, ciphertext and times in every spelling that somebody may take for right."""
    spoiler, item = _spoiler(_RFC), _full_item(_RFC)
    own = f"dek#{DIALOGUE}#"
    for slug, key_id in (
        ("version-0", own + "0"),
        ("no-version", own),
        ("no-last-part", own[:-1]),
        ("plus", own + "+1"),
        ("minus", own + "-1"),
        ("blank-behind", own + "1 "),
        ("blank-in-front", " " + own + "1"),
        ("newline", own + "1\n"),
        ("fraction", own + "1.0"),
        ("full-width", own + "\uff11"),
        ("16-digits", own + "1" * 16),
        ("hexadecimal", own + "0x1"),
        ("four-parts", own + "1#1"),
        ("no-dialogue", "dek##1"),
        ("version-alone", "dek#1"),
        ("capitals", "DEK" + own[3:] + "1"),
        ("colons", own.replace("#", ":") + "1"),
        ("empty", ""),
        ("97-characters", f"dek#{'d' * 97}#1"),
        ("kek", f"kek#{'0' * 16}#{'0' * 16}"),
    ):
        yield spoiler.put(f"key-id-{slug}", "key-id-form", "EnvelopeForm", key_id=key_id)
    digest = item["aad_hash"]
    for slug, aad_hash in (
        ("63-digits", digest[:-1]),
        ("65-digits", digest + "0"),
        ("newline", digest + "\n"),
        ("blank", " " + digest[1:]),
        ("g", "g" + digest[1:]),
        ("full-width", "\uff11" + digest[1:]),
        ("0x", "0x" + digest[2:]),
        ("with-0x", "0x" + digest),
        ("half", digest[:32]),
        ("none", ""),
        ("base64", _base64(bytes.fromhex(digest))),
        ("the-address", f"sha256(dialogue:{DIALOGUE}/entity:perspective/01#02)"),
    ):
        yield spoiler.put(f"aad-hash-{slug}", "aad-hash-form", "EnvelopeForm", aad_hash=aad_hash)
    for size in (0, 1, 8, 11, 16, 24):
        nonce = (item["content_nonce"] * 2)[:size]
        yield spoiler.put(f"nonce-{size}", "nonce-length", "EnvelopeForm", content_nonce=nonce)
    for size in (0, 1, 12, 16):
        sealed = item["content_encrypted"][-size:] if size else b""
        yield spoiler.put(
            f"ciphertext-{size}", "ciphertext-short", "EnvelopeForm", content_encrypted=sealed
        )
    for slug, time in (
        ("three-digits", "2026-02-03T10:00:00.000Z"),
        ("nine-digits", "2026-02-03T10:00:00.000000000Z"),
        ("offset", "2026-02-03T10:00:00.000000+00:00"),
        ("other-offset", "2026-02-03T11:00:00.000000+01:00"),
        ("naive", "2026-02-03T10:00:00.000000"),
        ("blank-for-t", "2026-02-03 10:00:00.000000Z"),
        ("lower-case", "2026-02-03t10:00:00.000000z"),
        ("no-such-day", "2026-02-30T10:00:00.000000Z"),
        ("second-60", "2026-02-03T10:00:60.000000Z"),
        ("hour-24", "2026-02-03T24:00:00.000000Z"),
        ("year-0", "0000-02-03T10:00:00.000000Z"),
        ("year-10000", "10000-02-03T10:00:00.000000Z"),
        ("comma", "2026-02-03T10:00:00,000000Z"),
        ("newline", "2026-02-03T10:00:00.000000Z\n"),
        ("full-width", "2026-02-03T10:00:00.00000\uff10Z"),
        ("date", "2026-02-03"),
        ("empty", ""),
    ):
        yield spoiler.put(f"created-at-{slug}", "timestamp-form", "Attribute", created_at=time)


@OPEN.case
def followers() -> Iterator[Case]:
    """What follows from something else: an event's created_at, a ref's letters, index attributes."""
    for name in ("perspective_event", "tension_event", "recommendation_event"):
        spoiler = _spoiler(sample(name))
        for slug, time in (("earlier", "2026-02-03T10:15:00.249999Z"), ("later", TIME)):
            yield spoiler.put(f"created-at-{slug}", "event-time", "Attribute", created_at=time)
    ref = _spoiler(sample("ref"))
    for letter in ("R", "T", "E", "C"):
        yield ref.put(f"source-{letter}", "ref-letter", "Attribute", source_type=letter)
    for letter in ("P", "R", "T", "C"):
        yield ref.put(f"target-{letter}", "ref-letter", "Attribute", target_type=letter)
    for entity, name, value in (
        ("dialogue", "by_status_pk", "status#open"),
        ("dialogue", "by_status_sk", f"{TIME}#{DIALOGUE}"),
        ("dialogue", "by_status_sk", f"2026-02-03T10:15:00.250000Z#{DIALOGUE}-2"),
        ("tension", "by_tension_status_pk", "tension_status#resolved"),
        ("tension", "by_tension_status_sk", f"{DIALOGUE}#T0102"),
        ("tension", "by_tension_status_sk", f"{DIALOGUE}#tension#01#01"),
        ("expert", "by_expert_pk", "expert#cupcake"),
        ("expert", "by_expert_sk", f"{DIALOGUE}#00"),
        ("move", "by_expert_pk", "expert#muffin"),
        ("move", "by_expert_sk", f"{DIALOGUE}#1"),
    ):
        of = sample(entity)
        word = value.replace("#", "-").replace(":", "").replace(".", "-")
        yield _spoiler(of).put(f"{name}-{word}", "index-attribute", "Attribute", **{name: value})


_EVENT_TIME = "2026-02-03T10:15:00.250000Z"
_BAD_SORT_KEYS: Mapping[str, Sequence[str]] = {
    "dialogue": ["Meta", "meta#", "meta\n", "metadata", ""],
    "expert": ["#", "#a b", "#-a", "#\u00e4nne", "#muffin#1", "s#muffin"],
    "round": ["#1", "#001", "#100", "#-1", "#\uff10\uff11", "#"],
    "verdict": ["#v/1", "#", "#" + "v" * 97],
    "perspective": ["#1#2", "#01#00", "#01#100", "#01#2", "#01", "#01#02#03", "#0102", "#01#02 "],
    "tension": ["#01#0a", "#01-01"],
    "recommendation": ["#02#1", "#2#01"],
    "evidence": ["#00#00", "##01"],
    "claim": ["#01#+1", "# 01#01"],
    "move": ["#01#scone", "#scone#01#01", "#1#scone#01", "#01#scone#00"],
    "ref": [
        *("#P0102#likes#E0001", "#P0102#Support#E0001", "#P0100#support#E0001"),
        *("#p0102#support#E0001", "#P0102#E0001#support", "#P0102#support"),
    ],
    "perspective_event": [
        *(f"#perspective#T0101#{_EVENT_TIME}", "#perspective#P0102", f"#P0102#{_EVENT_TIME}"),
        "#perspective#P0102#2026-02-03T10:15:00Z",
        "#perspective#P0102#2026-02-30T10:15:00.250000Z",
    ],
    "tension_event": [f"#tension#P0102#{_EVENT_TIME}"],
    "recommendation_event": [f"#claim#C0101#{_EVENT_TIME}"],
    "signal": ["#1#scone", "#01#scone#1", "#01"],
    "head": ["head#1", "Head", "heads"],
    "request": ["#", "#a b", "#a#b"],
}


@OPEN.case
def sort_keys() -> Iterator[Case]:
    """An item under a sort key that has no form of entities.json."""
    for entity, bad in _BAD_SORT_KEYS.items():
        spoiler = _spoiler(sample(entity))
        begin = "" if entity in ("dialogue", "head") else kind(entity).sk.split("#")[0]
        for number, rest in enumerate(bad, 1):
            yield spoiler.put(f"sort-key-{number}", "sort-key-form", "SortKey", sk=begin + rest)


# -- layer address ---------------------------------------------------------------------------------

#: Another place of the same type, as parts of its key.
_ELSEWHERE: Mapping[str, Mapping[str, Any]] = {
    "expert": {"expert_slug": "cupcake"},
    "round": {"round": 2},
    "verdict": {"verdict_id": "final-2"},
    "perspective": {"seq": 3},
    "tension": {"seq": 2},
    "recommendation": {"round": 1},
    "evidence": {"seq": 2},
    "claim": {"round": 2},
    "move": {"expert_slug": "muffin"},
    "perspective_event": {"entity_id": "P0103"},
    "tension_event": {"entity_id": "T0102"},
    "recommendation_event": {"entity_id": "R0202"},
    "request": {"request_id": "import-2026.03"},
}


@OPEN.case
def moved() -> Iterator[Case]:
    """An item that lies under another key of its type, or in another dialogue, index attributes put right."""
    for of in _WITH_ENVELOPE:
        spoiler, item = _spoiler(of), _full_item(of)
        if of.entity in _ELSEWHERE:
            parts = {**of.parts, **_ELSEWHERE[of.entity]}
            there = crypto.index_attributes(of.entity, DIALOGUE, parts, of.full)
            sk = {"sk": crypto.sort_key(of.entity, **parts)}
            sk |= {name: value for name, value in there.items() if item[name] != value}
            yield spoiler.put("moved", "item-moved", "Place", **sk)
            digest = crypto.aad(crypto.address(DIALOGUE, of.entity, **parts)).hex()
            yield spoiler.put(
                "moved-and-readdressed",
                "item-moved-and-readdressed",
                "Place",
                **sk,
                aad_hash=digest,
            )
        if of.entity not in ("dialogue", "perspective", "tension", "move", "head", "request"):
            continue
        there = crypto.index_attributes(of.entity, "nvidia", of.parts, of.full)
        pk = {"pk": "dialogue#nvidia"}
        pk |= {name: value for name, value in there.items() if item[name] != value}
        yield spoiler.put("in-another-dialogue", "item-moved", "Place", **pk)


@OPEN.case
def aad_hashes() -> Iterator[Case]:
    """aad_hash is compared with the address of where the item was asked for."""
    for of in _WITH_ENVELOPE:
        spoiler = _spoiler(of)
        yield spoiler.put("aad-hash-zeros", "aad-hash-changed", "Place", aad_hash="0" * 64)
        if of.entity not in ("dialogue", "verdict", "perspective", "claim", "move", "head"):
            continue
        other = sample("claim" if of.entity != "claim" else "evidence")
        where = crypto.address(DIALOGUE, other.entity, **other.parts)
        item = _full_item(of)
        strange = crypto.seal(
            _DEKS[1],
            item["key_id"],
            where,
            crypto.payload(of.entity, of.full),
            item["content_nonce"],
        )
        yield spoiler.put(
            "sealed-elsewhere",
            "envelope-of-another-place",
            "Place",
            content_encrypted=strange["content_encrypted"],
            aad_hash=strange["aad_hash"],
        )
    spoiler = _spoiler(_RFC)
    right = _full_item(_RFC)["aad_hash"]
    for slug, digest in (
        ("one-digit", ("1" if right[0] == "0" else "0") + right[1:]),
        ("last-digit", right[:-1] + ("1" if right[-1] == "0" else "0")),
        *((slug, made.hex()) for slug, made in _address_readings()),
    ):
        yield spoiler.put(f"aad-hash-{slug}", "aad-hash-changed", "Place", aad_hash=digest)


def _address_readings() -> Iterator[tuple[str, bytes]]:
    """Digests of what somebody may take for the address of perspective 01#02."""
    for slug, text in (
        ("pk-and-sk", f"dialogue#{DIALOGUE}perspective#01#02"),
        ("pk-bars-sk", f"dialogue#{DIALOGUE}||perspective#01#02"),
        ("sort-key", f"dialogue:{DIALOGUE}/entity:perspective#01#02"),
        ("no-padding", f"dialogue:{DIALOGUE}/entity:perspective/1#2"),
        ("display-id", f"dialogue:{DIALOGUE}/entity:perspective/P0102"),
        ("slash-for-hash", f"dialogue:{DIALOGUE}/entity:perspective/01/02"),
        ("final-nul", f"dialogue:{DIALOGUE}/entity:perspective/01#02\x00"),
        ("final-newline", f"dialogue:{DIALOGUE}/entity:perspective/01#02\n"),
        ("capital", f"dialogue:{DIALOGUE}/entity:Perspective/01#02"),
        ("no-dialogue", "entity:perspective/01#02"),
        ("of-nothing", ""),
    ):
        yield slug, crypto.sha256(text.encode())
    right = crypto.address(DIALOGUE, "perspective", round=1, seq=2)
    yield "twice", crypto.sha256(crypto.aad(right))
    yield "of-hex", crypto.sha256(crypto.aad(right).hex().encode())
    yield "utf-16", crypto.sha256(right.encode("utf-16-le"))
    yield "reversed", crypto.aad(right)[::-1]


# -- layer key -------------------------------------------------------------------------------------


@OPEN.case
def foreign_keys() -> Iterator[Case]:
    """key_id names another dialogue, or a version that is not there."""
    for of in _WITH_ENVELOPE:
        spoiler = _spoiler(of)
        yield spoiler.put(
            "key-of-nvidia", "key-id-of-another-dialogue", "OtherKey", key_id="dek#nvidia#1"
        )
        yield spoiler.put(
            "key-version-3", "key-version-missing", "OtherKey", key_id=f"dek#{DIALOGUE}#3"
        )
    spoiler = _spoiler(_RFC)
    for slug, other in (
        ("longer", f"{DIALOGUE}-2"),
        ("shorter", DIALOGUE[:-1]),
        ("capitals", DIALOGUE.upper()),
        ("dot", DIALOGUE.replace("-", ".")),
    ):
        yield spoiler.put(
            f"key-of-{slug}", "key-id-of-another-dialogue", "OtherKey", key_id=f"dek#{other}#1"
        )
    for version in (10, 11, 20, 100, 999_999_999_999_999):
        yield spoiler.put(
            f"key-version-{version}",
            "key-version-missing",
            "OtherKey",
            key_id=f"dek#{DIALOGUE}#{version}",
        )


# -- layer tag -------------------------------------------------------------------------------------


@OPEN.case
def damage() -> Iterator[Case]:
    """One bit of ciphertext, tag or nonce of every type."""
    for of in _WITH_ENVELOPE:
        spoiler = _spoiler(of)
        yield spoiler.flip(
            "ciphertext-first", "ciphertext-bit", "Damage", "content_encrypted", 0, 0x80
        )
        yield spoiler.flip("tag-last", "tag-bit", "Damage", "content_encrypted", -1, 0x01)
        yield spoiler.flip("nonce-middle", "nonce-bit", "Damage", "content_nonce", 6, 0x10)
    spoiler, size = _spoiler(_RFC), len(_full_item(_RFC)["content_encrypted"])
    for offset in (1, 12, 15, 16, 31, 32, size // 2, size - 17):
        yield spoiler.flip(
            f"ciphertext-byte-{offset}", "ciphertext-bit", "Damage", "content_encrypted", offset, 1
        )
    for offset in range(15):
        yield spoiler.flip(
            f"tag-byte-{offset}", "tag-bit", "Damage", "content_encrypted", offset - 16, 0x40
        )
    for offset in (0, 3, 4, 8, 11):
        yield spoiler.flip(
            f"nonce-byte-{offset}", "nonce-bit", "Damage", "content_nonce", offset, 2
        )


@OPEN.case
def cuts() -> Iterator[Case]:
    """Bytes cut off or added: a shorter tag is none, and the tag is the last 16 bytes."""
    spoiler = _spoiler(_RFC)
    sealed = _full_item(_RFC)["content_encrypted"]
    body, tag = sealed[:-16], sealed[-16:]
    for slug, mutation, content in (
        *((f"tag-of-{kept}", "sealed-bytes-cut", body + tag[:kept]) for kept in (15, 14, 13, 12, 8, 4, 0)),
        ("first-byte-cut", "sealed-bytes-cut", sealed[1:]),
        ("last-of-the-ciphertext-cut", "sealed-bytes-cut", body[:-1] + tag),
        ("18-bytes", "sealed-bytes-cut", sealed[:18]),
        ("nul-added", "sealed-bytes-added", sealed + b"\x00"),
        ("nul-in-front", "sealed-bytes-added", b"\x00" + sealed),
        ("nul-before-the-tag", "sealed-bytes-added", body + b"\x00" + tag),
        ("tag-twice", "sealed-bytes-added", sealed + tag),
        ("nonce-in-front", "sealed-bytes-added", _full_item(_RFC)["content_nonce"] + sealed),
        ("tag-in-front", "tag-misplaced", tag + body),
        ("tag-reversed", "tag-misplaced", body + tag[::-1]),
        ("tag-of-zeros", "tag-bit", body + bytes(16)),
        ("ciphertext-of-zeros", "ciphertext-bit", bytes(len(body)) + tag),
        ("plaintext", "ciphertext-bit", crypto.payload("perspective", _RFC.full) + tag),
    ):  # fmt: skip
        yield spoiler.put(slug, mutation, "Damage", content_encrypted=content)


@OPEN.case
def other_seals() -> Iterator[Case]:
    """Sealed with another key, another cipher, or another reading of the associated data."""
    spoiler, item = _spoiler(_RFC), _full_item(_RFC)
    plaintext = crypto.payload("perspective", _RFC.full)
    kek = crypto.derive_kek(PUBLISHED_UMK, _USER)
    for slug, key in (
        ("version-2", _DEKS[2]),
        ("kek", kek),
        ("umk", PUBLISHED_UMK),
        ("zeros", bytes(32)),
        ("reversed", _DEKS[1][::-1]),
        ("derived", crypto.hkdf(_DEKS[1], b"blue/head/v1")),
        ("digest", crypto.sha256(_DEKS[1])),
    ):
        content = _resealed(_RFC, plaintext, key=key)
        yield spoiler.put(f"under-{slug}", "other-key", "OtherSeal", content_encrypted=content)
    nonce, associated = item["content_nonce"], bytes.fromhex(item["aad_hash"])
    for slug, content in (
        ("aes-128-gcm", AESGCM(_DEKS[1][:16]).encrypt(nonce, plaintext, associated)),
        ("aes-192-gcm", AESGCM(_DEKS[1][:24]).encrypt(nonce, plaintext, associated)),
        ("aes-256-ccm", AESCCM(_DEKS[1]).encrypt(nonce, plaintext, associated)),
        ("chacha20-poly1305", ChaCha20Poly1305(_DEKS[1]).encrypt(nonce, plaintext, associated)),
    ):
        yield spoiler.put(f"cipher-{slug}", "other-cipher", "OtherSeal", content_encrypted=content)
    where = crypto.address(DIALOGUE, "perspective", round=1, seq=2)
    for slug, reading in (
        ("none", b""),
        ("address", where.encode()),
        ("hex", associated.hex().encode()),
        ("half", associated[:16]),
        ("address-and-key-id", crypto.sha256(f"{where}{item['key_id']}".encode())),
        ("digest-and-key-id", associated + item["key_id"].encode()),
        ("digest-and-nonce", associated + nonce),
        *_address_readings(),
    ):
        content = _resealed(_RFC, plaintext, associated=reading)
        yield spoiler.put(f"aad-{slug}", "other-aad", "OtherSeal", content_encrypted=content)


@OPEN.case
def other_ciphertexts() -> Iterator[Case]:
    """The ciphertext of another item or of an earlier write, under this item's nonce and aad_hash."""
    for of in _WITH_ENVELOPE:
        other = sample("claim" if of.entity != "claim" else "evidence")
        if of.entity in ("dialogue", "expert", "perspective", "evidence", "claim", "head"):
            yield _spoiler(of).put(
                "ciphertext-of-another-item",
                "ciphertext-of-another-item",
                "Damage",
                content_encrypted=_full_item(other)["content_encrypted"],
            )
        if of.entity in ("expert", "round", "perspective", "dialogue", "head"):
            earlier = _item(of, of.bare, f"{of.slug} earlier", nonce=None)
            yield _spoiler(of).put(
                "ciphertext-of-an-earlier-write",
                "ciphertext-of-another-write",
                "Damage",
                content_encrypted=earlier["content_encrypted"]
                if of.bare != of.full
                else _item(of, of.full, f"{of.slug} again")["content_encrypted"],
            )


# -- layer payload ---------------------------------------------------------------------------------


def _payload(of: Sample, slug: str, mutation: str, plaintext: bytes) -> Case:
    content = _resealed(of, plaintext)
    return _spoiler(of).put(slug, mutation, "Payload", content_encrypted=content)


@OPEN.case
def payload_fields() -> Iterator[Case]:
    """Every sealed field of every type: left out, and of another type."""
    for of in _WITH_ENVELOPE:
        fields = sealed_fields(of)
        for field in kind(of.entity).sealed:
            rest = {name: value for name, value in fields.items() if name != field.name}
            yield _payload(of, f"payload-no-{field.name}", "key-missing", crypto.canonical(rest))
            wrong = next(sealed_values(field))
            spoiled = crypto.canonical({**fields, field.name: wrong.value})
            yield _payload(of, f"payload-{field.name}-{wrong.slug}", wrong.mutation, spoiled)


@OPEN.case
def payload_forms() -> Iterator[Case]:
    """The plaintext in another form: a key too many (every type), one twice, blanks, another order, a
    newline, no object, nothing."""
    for of in _WITH_ENVELOPE:
        fields = sealed_fields(of)
        text = crypto.canonical(fields)
        first = min(fields)
        member = f'"{first}":'.encode() + crypto.canonical(fields[first])
        added = crypto.canonical({**fields, "note": "x"})
        yield _payload(of, "payload-added", "unknown-key", added)
        if of.entity in ("dialogue", "perspective", "tension_event", "head"):
            twice = text.replace(member, member + b"," + member, 1)
            yield _payload(of, "payload-twice", "duplicate-key", twice)
            blank = text.replace(b'":', b'": ', 1)
            yield _payload(of, "payload-blank", "white-space", blank)
    text = crypto.payload("perspective", _RFC.full)
    backwards = {name: json.loads(text)[name] for name in sorted(json.loads(text), reverse=True)}
    for slug, mutation, plaintext in (
        ("newline", "white-space", text + b"\n"),
        ("nul", "trailing-bytes", text + b"\x00"),
        ("bom", "byte-order-mark", b"\xef\xbb\xbf" + text),
        ("cut", "not-json", text[:-1]),
        ("unsorted", "key-order", json.dumps(backwards, separators=(",", ":")).encode()),
        ("latin-1", "not-utf-8", text.replace(b"premium", b"pr\xe9mium")),
        ("surrogate", "surrogate", text.replace(b"premium", rb"\ud83d")),
        ("escaped", "escape-spelling", text.replace(b"P/E", rb"P\/E")),
        ("number", "number-spelling", text.replace(b'"label":', b'"label":1.0,"label2":')),
        ("list", "not-an-object", b"[]"),
        ("two-bytes", "key-missing", b"{}"),
        ("not-json", "not-json", b"no"),
        ("field-in-the-clear", "unknown-key", crypto.canonical({**sealed_fields(_RFC), "status": "open"})),
        ("null-label", "not-nullable", crypto.canonical({**sealed_fields(_RFC), "label": None})),
        ("empty-label", "required-empty", crypto.canonical({**sealed_fields(_RFC), "label": ""})),
    ):  # fmt: skip
        yield _payload(_RFC, f"payload-{slug}", mutation, plaintext)


# -- several items in one read ---------------------------------------------------------------------


def _wrapped(version: int, nonce: bytes | None = None) -> crypto.Item:
    return crypto.wrap_dek(
        _dek(version),
        DIALOGUE,
        version,
        umk=PUBLISHED_UMK,
        user_id=_USER,
        nonce=stream(f"envelope read dek {version}").take(12) if nonce is None else nonce,
        created_at=TIME,
    )


def _dek(version: int) -> bytes:
    return _DEKS.get(version) or stream(f"envelope dek {version}").take(32)


def _read(slug: str, items: Sequence[crypto.Item], flag: str = "Valid") -> Case:
    opened: dict[str, Any] = {}
    for item in items:
        if item["sk"].startswith("dek#"):
            key = _dek(int(item["sk"][4:]))
            opened[item["sk"]] = json.loads(crypto.dek_payload(key))
        else:
            opened[item["sk"]] = next(
                sealed_fields(of)
                for of in SAMPLES
                if crypto.sort_key(of.entity, **of.parts) == item["sk"]
            )
    return Case(
        f"envelope-read-{slug}",
        rules=["ENV-06", "ENV-07"],
        flags=[flag],
        data={
            "umk": PUBLISHED_UMK.hex(),
            "user_id": _USER,
            "items": [stored(item) for item in items],
        },
        expected={"opened": dict(sorted(opened.items()))},
    )


def _some(*entities: str, version: int = 1) -> list[crypto.Item]:
    return [
        _item(sample(name), sample(name).full, f"read {name}", version=version) for name in entities
    ]


_MANY = ("expert", "claim", "perspective", "dialogue", "tension_event", "ref", "tension")


def _bad_read(
    slug: str, sibling: Case, edit: Edit, mutation: str, bad: Sequence[str], flag: str
) -> Case:
    """``bad``: sort keys in the order in which they are met; the first has the mutation's own code."""
    fault = MUTATIONS[mutation]
    findings = []
    for position, sk in enumerate(bad):
        entity, subkey = sk.split("#", 1) if "#" in sk else (sk, sk)
        findings.append(
            {
                "sk": sk,
                "layer": fault.layer,
                "code": fault.code if position == 0 or sk.startswith("dek#") else "integrity_error",
                "address": f"dialogue:{DIALOGUE}/entity:{'dialogue' if sk == 'meta' else entity}/{subkey}",
            }
        )
    return Case(
        f"envelope-read-{slug}",
        rules=fault.rules,
        flags=[flag],
        data=edit.data,
        expected={"findings": findings},
        result="invalid",
        mutation=mutation,
        sibling=sibling.tc_id,
        changed=edit.changed,
    )


@READ.case
def reads() -> Iterator[Case]:
    """Items of one dialogue together, data keys first by version, then by sort key."""
    yield _many()
    yield _read(
        "two-versions", [_wrapped(1), _wrapped(2), *_some("expert"), *_some("claim", version=2)]
    )
    yield _read("versions-2-and-10", [_wrapped(10), _wrapped(2), *_some("claim", version=2)])
    # One nonce under two keys is none met twice.
    shared = stream("envelope read shared").take(12)
    claim = _item(sample("claim"), sample("claim").full, "", version=1, nonce=shared)
    expert = _item(sample("expert"), sample("expert").full, "", version=2, nonce=shared)
    items = [_wrapped(1, nonce=shared), _wrapped(2), claim, expert]
    yield _read("one-nonce-under-three-keys", items, "Nonce")
    yield _read("no-item", [])
    yield _read("a-key-alone", [_wrapped(1)])


def _many() -> Case:
    return _read("many", [_wrapped(1), *_some(*_MANY)])


@READ.case
def nonces_met_twice() -> Iterator[Case]:
    """A nonce that served before under the same key: the item that is read later is the bad one, in
    whatever order the engine gave them."""
    places = {name: place for place, name in enumerate(_MANY, 1)}
    for early, late in (
        ("claim", "expert"),
        ("claim", "perspective"),
        ("claim", "tension"),
        ("expert", "perspective"),
        ("expert", "dialogue"),
        ("dialogue", "perspective"),
        ("perspective", "tension"),
        ("tension_event", "tension"),
        ("claim", "tension_event"),
        ("tension_event", "expert"),
    ):
        yield _same_nonce(
            f"nonce-of-{early}-at-{late}", places, source=early, target=late, bad=late
        )
    # Changed is the item that is read first; bad is still the one that is read later.
    for early, late in (("claim", "perspective"), ("expert", "tension")):
        yield _same_nonce(
            f"nonce-of-{late}-at-{early}", places, source=late, target=early, bad=late
        )
    sibling = _read("versions-2-and-10", [_wrapped(10), _wrapped(2), *_some("claim", version=2)])
    edit = Edit(sibling.data)
    again = _wrapped(2, nonce=_wrapped(10)["content_nonce"])
    _exchange(edit, 1, again)
    # Version 10 is read after 2, though its sort key is the lesser; the claim is under 2, which opens.
    yield _bad_read(
        "nonce-of-version-10-at-2", sibling, edit, "nonce-repeated", ["dek#10"], "Nonce"
    )


def _same_nonce(
    slug: str, places: Mapping[str, int], *, source: str, target: str, bad: str
) -> Case:
    sibling = _many()
    nonce = _some(source)[0]["content_nonce"]
    edit = Edit(sibling.data)
    _exchange(edit, places[target], _item(sample(target), sample(target).full, "", nonce=nonce))
    sk = crypto.sort_key(sample(bad).entity, **sample(bad).parts)
    return _bad_read(slug.replace("_", "-"), sibling, edit, "nonce-repeated", [sk], "Nonce")


def _exchange(edit: Edit, place: int, item: crypto.Item) -> None:
    for name in ("content_encrypted", "content_nonce"):
        edit.set("items", place, name, "bytes", to=item[name].hex())


@READ.case
def copies() -> Iterator[Case]:
    """An item copied to a free key brings its nonce along: refused before its address is looked at."""
    sibling = _many()
    for entity, sk in (
        ("claim", "claim#01#02"),
        ("perspective", "perspective#01#03"),
        ("tension_event", f"event#tension#T0102#{sample('tension_event').parts['timestamp']}"),
    ):
        edit = Edit(sibling.data)
        copy = {**_some(entity)[0], "sk": sk}
        edit.data["items"].append(stored(copy))
        edit.changed.append(f"/items/{len(edit.data['items']) - 1}")
        slug = f"copy-of-{entity}".replace("_", "-")
        yield _bad_read(slug, sibling, edit, "nonce-repeated", [sk], "Nonce")


@READ.case
def keys_that_do_not_open() -> Iterator[Case]:
    """What names a data key that did not open is bad itself, by layer key; items without a key are not."""
    named = sorted(
        crypto.sort_key(of.entity, **of.parts) for of in map(sample, _MANY) if of.entity != "ref"
    )
    sibling = _many()
    for slug, name, offset in (
        ("ciphertext", "content_encrypted", 0),
        ("tag", "content_encrypted", -1),
        ("nonce", "content_nonce", 3),
    ):
        edit = Edit(sibling.data).flip("items", 0, name, "bytes", offset=offset)
        yield _bad_read(
            f"damaged-key-{slug}", sibling, edit, "key-did-not-open", ["dek#1", *named], "Dependent"
        )
    edit = Edit(sibling.data).set("items", 0, "commitment", to="0" * 64)
    yield _bad_read(
        "other-commitment", sibling, edit, "commitment-changed", ["dek#1", *named], "Dependent"
    )
    edit = Edit(sibling.data).set("user_id", to="ann@example.org")
    yield _bad_read("other-user", sibling, edit, "user-differs", ["dek#1", *named], "Dependent")
    edit = Edit(sibling.data).set("umk", to="00" * 32)
    yield _bad_read("other-umk", sibling, edit, "umk-differs", ["dek#1", *named], "Dependent")
    edit = Edit(sibling.data)
    edit.data["items"].pop(0)
    edit.changed.append("/items/0")
    yield _bad_read("key-removed", sibling, edit, "key-version-missing", named, "Dependent")
    items = [_wrapped(1), _wrapped(2), *_some("expert"), *_some("claim", version=2)]
    two = _read("two-versions", items)
    edit = Edit(two.data).flip("items", 1, "content_encrypted", "bytes", offset=2)
    claim = crypto.sort_key("claim", **sample("claim").parts)
    yield _bad_read(
        "damaged-version-2", two, edit, "key-did-not-open", ["dek#2", claim], "Dependent"
    )


def _base64(data: bytes) -> str:
    return json.loads(crypto.item_bytes({"x": data}))["x"]  # type: ignore[no-any-return]
