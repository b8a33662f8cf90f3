"""Wrong implementations that agreed with every vector once: each is the second opinion with one thing broken,
and the cases that were made for it, and no others, turn it red."""

from __future__ import annotations

import copy
import importlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from generators.second_opinion import chain, fields, gcm, items, json8785
from generators.second_opinion.checks import backup, graph, keys, partition

verifier = importlib.import_module("generators.second_opinion.verify")
VECTORS = Path(__file__).parent.parent / "vectors"


def red(*paths: str) -> set[str]:
    """The cases of some files that the broken verifier disagrees with."""
    documents = {path: json.loads((VECTORS / path).read_bytes()) for path in paths}
    return {found.tc_id for found in verifier.verify_documents(documents).disagreements}


_PROTOTYPE = {"__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"}
Break = Callable[[pytest.MonkeyPatch], None]


def loses_a_name(patch: pytest.MonkeyPatch) -> None:
    """`object["__proto__"] = value` sets no member."""
    honest = json8785._object

    def assigned(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return honest([(name, value) for name, value in pairs if name != "__proto__"])

    patch.setattr(json8785, "_object", assigned)


def known_by_in(patch: pytest.MonkeyPatch) -> None:
    """`name in known` is true of what every object has."""
    honest = items.open_payload

    def opened(kind: Any, plaintext: bytes) -> dict[str, Any]:
        try:
            value = json.loads(plaintext)
        except (ValueError, RecursionError):
            return honest(kind, plaintext)
        if not isinstance(value, dict) or not value.keys() & _PROTOTYPE:
            return honest(kind, plaintext)
        kept = {name: member for name, member in value.items() if name not in _PROTOTYPE}
        return honest(kind, json8785.canonical(kept))

    patch.setattr(items, "open_payload", opened)


def one_empty_collection(patch: pytest.MonkeyPatch) -> None:
    """An empty list and an empty map are one value, as in PHP or Lua."""
    honest = fields.fits

    def fits(field: Mapping[str, Any], value: Any) -> bool:
        other: Any = {} if value == [] else [] if value == {} else value
        if field["type"] == "object":  # a case of old saw it here
            other = value
        return honest(field, value) or (honest(field, other) and type(other) is not type(value))

    patch.setattr(fields, "fits", fits)


def hex_is_decoded(patch: pytest.MonkeyPatch) -> None:
    """Hashes and macs are compared as bytes, whatever the case of their digits."""
    form, has_mac, event_hash = chain.form_fault, chain.has_mac, chain.event_hash

    class Hash(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return str(self) == str(other).lower()

        def __hash__(self) -> int:
            return hash(str(self))

    def lower(event: Mapping[str, Any]) -> dict[str, Any]:
        names = {"event_hash", "mac"} & event.keys()
        return {**event, **{name: str(event[name]).lower() for name in names}}

    patch.setattr(chain, "form_fault", lambda id_, sk, event: form(id_, sk, lower(event)))
    patch.setattr(chain, "has_mac", lambda event, *key: has_mac(lower(event), *key))
    patch.setattr(chain, "event_hash", lambda event: Hash(event_hash(event)))


def no_mac_form(patch: pytest.MonkeyPatch) -> None:
    """Without the key a mac is any text."""
    form = chain.form_fault

    def fault(id_: str, sk: str, event: Mapping[str, Any]) -> str | None:
        return form(id_, sk, {name: value for name, value in event.items() if name != "mac"})

    def without_key(id_: str, sk: str, event: Mapping[str, Any]) -> str | None:
        return fault(id_, sk, event) if type(event.get("mac")) is str else form(id_, sk, event)

    patch.setattr(chain, "form_fault", without_key)


def any_uuid(patch: pytest.MonkeyPatch) -> None:
    """A UUID as a parser takes it: in braces, as a URN, hyphens anywhere."""

    class Parsed:
        @staticmethod
        def fullmatch(text: str) -> bool:
            try:
                return uuid.UUID(text).version == 7 and text == text.lower() and "-" in text
            except ValueError:
                return False

    patch.setattr(chain, "_EVENT_ID", Parsed)


def any_variant(patch: pytest.MonkeyPatch) -> None:
    """A UUID by its version alone."""
    hyphened = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    patch.setattr(chain, "_EVENT_ID", re.compile(hyphened))


def a_buffer(patch: pytest.MonkeyPatch) -> None:
    """A plaintext of at most 64 KiB."""
    honest = gcm.decrypt

    def decrypt(key: bytes, nonce: bytes, sealed: bytes, *more: Any) -> bytes | None:
        return honest(key, nonce, sealed, *more) if len(sealed) <= 65_536 + 16 else None

    patch.setattr(gcm, "decrypt", decrypt)


def erasure_is_an_event(patch: pytest.MonkeyPatch) -> None:
    """An erase event may be followed by others."""
    honest = chain.Walk._follows

    def follows(self: Any, event: Any, *more: Any) -> bool:
        found = honest(self, event, *more)
        if event["operation"] == "erase" and event["chain"] == "w":
            event["operation"] = "encrypt"  # what the next one looks at
        return found

    patch.setattr(chain.Walk, "_follows", follows)


def a_key_more(patch: pytest.MonkeyPatch) -> None:
    """Sixty-five wrapped keys."""
    patch.setattr(keys, "_MOST_KEYS", 65)


def a_key_less(patch: pytest.MonkeyPatch) -> None:
    """Sixty-three wrapped keys."""
    patch.setattr(keys, "_MOST_KEYS", 63)


def always(name: str) -> Break:
    """A rule of imports that nobody keeps."""
    return lambda patch: patch.setattr(graph, name, lambda partition: True)


def gaps_of_claims_alone(patch: pytest.MonkeyPatch) -> None:
    """Only claims and moves are looked at."""
    honest = graph._is_gapless
    kinds = ("perspectives", "tensions", "recommendations", "evidence")
    unseen: dict[str, list[Any]] = {kind: [] for kind in kinds}
    patch.setattr(graph, "_is_gapless", lambda partition: honest({**partition, **unseen}))


def falls_are_deltas(patch: pytest.MonkeyPatch) -> None:
    """A fall by more than four is as far from converging as a rise."""
    patch.setattr(graph, "_are_small", lambda deltas: max(map(abs, deltas)) < 5)


def warned_of(change: Callable[[dict[str, Any]], None]) -> Break:
    """Warnings of a partition in which something else stands."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        honest = graph._warnings

        def warnings(partition: Mapping[str, Any]) -> list[dict[str, str]]:
            other = copy.deepcopy(dict(partition))
            change(other)
            return honest(other)

        patch.setattr(graph, "_warnings", warnings)

    return breaks


def is_converged(partition: dict[str, Any]) -> None:
    """Tensions count before the dialogue is converged."""
    partition["dialogue"]["status"] = "converged"


def only_open(partition: dict[str, Any]) -> None:
    """Addressed and reopened tensions do not count."""
    kept = [tension for tension in partition["tensions"] if tension["status"] == "open"]
    partition["tensions"] = kept


def all_completed(partition: dict[str, Any]) -> None:
    """Rounds count before they are completed."""
    for number in partition["rounds"]:
        number["status"] = "completed"


def versions_as_text(patch: pytest.MonkeyPatch) -> None:
    """Erased keys in text order."""
    patch.setattr(backup, "sorted", lambda found: sorted(found, key=str), raising=False)


def journal_left_out(patch: pytest.MonkeyPatch) -> None:
    """A backup of the items as they lie."""
    patch.setattr(backup, "laid_over", lambda found, journal, pk: (found, True))


def journal_as_it_comes(patch: pytest.MonkeyPatch) -> None:
    """Whatever parses is laid over: nobody looks at numbers, spelling or order."""

    def laid(found: Any, journal: Mapping[str, Any], pk: str) -> tuple[dict[str, Any], bool]:
        token = found.get("head", {}).get("pending")
        own = [
            journal[sk]["items"]["bytes"] for sk in sorted(journal) if sk.startswith(f"{token}#")
        ]
        try:
            written = json8785.parse(bytes.fromhex("".join(own))) if own else []
            return {**found, **{i["sk"]: partition._from_base64(i) for i in written}}, True
        except json8785.NotJsonError:
            return dict(found), False

    patch.setattr(partition, "laid_over", laid)


def anywhere(patch: pytest.MonkeyPatch) -> None:
    """A backup is restored under any name."""
    patch.setattr(backup, "_target", lambda events: None)


_NO_MAC = {f"audit-walk-without-key-form-mac-{how}" for how in ("63-digits", "empty", "0x")}
_NO_MAC |= {f"audit-walk-without-key-form-mac-{how}" for how in ("line-feed", "blank")}
_UPPER = {f"audit-walk-form-{name}-upper-case" for name in ("event-hash", "mac")}
WRONG: dict[str, tuple[Break, str, set[str]]] = {
    "a name is lost": (
        loses_a_name,
        "payload/payload.json",
        {
            "payload-canonicalise-keys-of-a-prototype",
            "payload-canonical-keys-of-a-prototype",
            "payload-fields-value-names-of-a-prototype",
        },
    ),
    "a prototype's names are known": (
        known_by_in,
        "payload/payload.json",
        {
            f"payload-fields-perspective-added-{name}"
            for name in ("proto", "proto-object", "constructor", "tostring")
        },
    ),
    "one empty collection": (one_empty_collection, "payload/payload.json", set()),
    "hex is decoded": (
        hex_is_decoded,
        "audit/walk.json",
        {*_UPPER, "audit-walk-without-key-form-mac-upper-case"},
    ),
    "a mac is any text without the key": (
        no_mac_form,
        "audit/walk.json",
        {*_NO_MAC, "audit-walk-without-key-form-mac-upper-case"},
    ),
    "a UUID as a parser takes it": (
        any_uuid,
        "audit/walk.json",
        {
            "audit-walk-form-event-id-in-braces",
            "audit-walk-form-event-id-as-urn",
            "audit-walk-form-event-id-hyphens-elsewhere",
        },
    ),
    "a UUID by its version": (
        any_variant,
        "audit/walk.json",
        {"audit-walk-form-event-id-of-another-variant"},
    ),
    "a buffer of 64 KiB": (
        a_buffer,
        "envelope/envelope.json",
        {f"envelope-open-plaintext-of-{size}" for size in ("65537-bytes", "300-kib")},
    ),
    "an erasure is an event like others": (
        erasure_is_an_event,
        "audit/walk.json",
        {f"audit-walk-write-erased-and-{name}" for name in ("a-write", "three-writes")},
    ),
    "gaps of claims alone": (
        gaps_of_claims_alone,
        "graph/dialogue-json.json",
        {
            f"graph-import-gap-in-{kind}"
            for kind in ("perspectives", "tensions", "recommendations", "evidence")
        },
    ),
    "nothing is twice": (
        always("_is_unique"),
        "graph/dialogue-json.json",
        {
            f"graph-import-{what}"
            for what in (
                *("expert-twice", "expert-twice-with-another-role", "ref-twice"),
                *("ref-twice-at-another-time", "signal-twice", "event-twice", "verdict-twice"),
            )
        },
    ),
    "references to whatever there is": (
        always("_names_another"),
        "graph/dialogue-json.json",
        {
            f"graph-import-{what}"
            for what in (
                *("ref-to-itself", "reference-to-itself"),
                *("refine-of-another-type", "address-at-no-tension"),
            )
        },
    ),
    "falls are deltas": (
        falls_are_deltas,
        "graph/numbers.json",
        {
            f"graph-progress-{what}"
            for what in ("a-deep-fall-at-last", "a-deep-fall-before", "two-deep-falls")
        },
    ),
    "warned of tensions too early": (
        warned_of(is_converged),
        "graph/dialogue-json.json",
        {"graph-export-live-dialogue"},
    ),
    "warned of open tensions alone": (
        warned_of(only_open),
        "graph/dialogue-json.json",
        {"graph-export-scope-of-warnings"},
    ),
    "warned of rounds too early": (
        warned_of(all_completed),
        "graph/dialogue-json.json",
        {"graph-export-live-dialogue"},
    ),
    "versions as text": (
        versions_as_text,
        "certificate/certificate.json",
        {"certificate-make-twelve-keys"},
    ),
    "a journal left out": (
        journal_left_out,
        "backup/backup.json",
        {"backup-make-with-a-journal"},
    ),
    "a journal as it comes": (
        journal_as_it_comes,
        "partition/partition.json",
        {
            f"partition-load-journal-{what}"
            for what in (
                *("numbered-from-zero", "numbered-with-a-gap", "numbered-in-three-digits"),
                *("with-a-blank", "with-line-feed", "in-another-order", "with-an-item-twice"),
                *("of-another-form-and-all-in-place", "with-the-head"),
                *("with-an-audit-event", "with-a-part-of-a-journal"),
            )
        },
    ),
    "restored under any name": (
        anywhere,
        "backup/backup.json",
        {"backup-restore-at-its-source", "backup-restore-at-a-third"},
    ),
    "a key more": (
        a_key_more,
        "keys/keys.json",
        {"keys-rotate-64-keys", "keys-rotate-64-late-keys"},
    ),
    "a key less": (
        a_key_less,
        "keys/keys.json",
        {"keys-rotate-63-keys", "keys-rotate-63-late-keys"},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_agreed_once_is_seen_by_the_cases_made_for_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    breaks, path, expected = WRONG[name]
    breaks(monkeypatch)
    found = red(path)
    assert found
    if name == "one empty collection":
        assert all(
            case.endswith(("-empty-list", "-empty-object", "-object-in-it")) for case in found
        )
        assert len(found) == 19
    else:
        assert found == expected
