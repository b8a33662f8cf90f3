"""A stored item, layer by layer in the order of ENV-06."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from . import address, fields, gcm, headsum, hkdf, json8785
from .tables import ENVELOPE, Kind, indexes, kinds

__all__ = [
    "Item",
    "Keys",
    "Refused",
    "index_attributes",
    "open_payload",
    "read_item",
    "read_items",
    "read_partition",
    "shown",
    "spread",
    "stored",
]

Item = Mapping[str, Any]
_LEAST_SEALED = gcm.TAG_BYTES + 2
_HEX = frozenset("0123456789abcdef")


class Refused(Exception):
    """Something was found wrong: by which layer, told by which code, at which sort key."""

    def __init__(self, layer: str, code: str = "integrity_error", sk: str | None = None) -> None:
        super().__init__(f"{layer}: {code}")
        self.layer = layer
        self.code = code
        self.sk = sk


def stored(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An item as vectors show it: ``{"bytes": hex}`` as bytes."""
    return {
        name: bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
        for name, value in shown.items()
    }


class Keys:
    """A KEK and the data keys that were opened with it, by version."""

    def __init__(self, kek: bytes | None, user_id: str = "local") -> None:
        self.kek = kek
        self.user_id = user_id
        self.deks: dict[int, bytes] = {}
        self.met: set[tuple[str, bytes]] = set()


def shown(item: Item) -> dict[str, Any]:
    """An item as vectors show it."""
    return {
        name: {"bytes": value.hex()} if isinstance(value, bytes) else value
        for name, value in item.items()
    }


def read_items(
    dialogue_id: str, found: Iterable[Item], keys: Keys
) -> tuple[dict[str, dict[str, Any]], list[Refused]]:
    """Sealed fields by sort key, and everything refused in the order of ENV-06, item by item."""
    opened: dict[str, dict[str, Any]] = {}
    refused: list[Refused] = []
    for item in sorted(found, key=_turn):
        try:
            opened[item["sk"]] = read_item(dialogue_id, item["sk"], item, keys)
        except Refused as refusal:
            refusal.sk = item["sk"]
            refused.append(refusal)
    return opened, refused


def read_partition(
    dialogue_id: str, items: Iterable[Item], keys: Keys
) -> tuple[dict[str, dict[str, Any]], Item | None, list[Refused]]:
    """What a load finds: sealed fields by sort key, the head's item, and everything refused; count and
    sum last."""
    found = list(items)
    opened, refused = read_items(dialogue_id, found, keys)
    head = next((item for item in found if item["sk"] == "head"), None)
    if head is None or "head" in opened:
        try:
            check_set(found, head, opened.get("head"), keys)
        except Refused as refusal:
            refusal.sk = "head"
            refused.append(refusal)
    return opened, head, refused


def _turn(item: Item) -> tuple[int, int, bytes]:
    known = address.parse_sort_key(item["sk"])
    if known is not None and known[0] == "dek":
        return 0, known[1]["version"], b""
    return 1, 0, item["sk"].encode("utf-8", "surrogatepass")


def check_set(
    found: Iterable[Item], head: Item | None, sealed: Mapping[str, Any] | None, keys: Keys
) -> None:
    """Layer ``head``: there is one, and count and sum are those of the other items."""
    if head is None or sealed is None:
        raise Refused("head")
    others = [item for item in found if item["sk"] != "head"]
    if sealed["count"] != len(others):
        raise Refused("head")
    key = hkdf.sum_key(keys.deks[_version(str(head["key_id"]))])
    if headsum.total(key, others, head) != sealed["sum"]:
        raise Refused("head")


def read_item(dialogue_id: str, sk: str, item: Item, keys: Keys) -> dict[str, Any]:
    """The sealed fields of the item that was asked for under ``sk``; an opened data key goes into
    ``keys``."""
    known = address.parse_sort_key(sk)
    if known is None:
        raise Refused("envelope")
    kind, parts = kinds()[known[0]], known[1]
    _check_form(kind, parts, dialogue_id, item)
    if kind.address is None:
        return {}
    used = (item["key_id"], item["content_nonce"])
    if used in keys.met:
        raise Refused("envelope")
    keys.met.add(used)
    where = address.digest(address.of(dialogue_id, kind.entity, parts))
    if item["aad_hash"] != where.hex():
        raise Refused("address")
    if kind.entity == "dek":
        return _unwrap(kind, parts["version"], where, item, keys)
    owner = item["key_id"][len("dek#") : item["key_id"].rindex("#")]
    dek = keys.deks.get(_version(item["key_id"]))
    if owner != dialogue_id or dek is None:
        raise Refused("key")
    plaintext = gcm.decrypt(dek, item["content_nonce"], item["content_encrypted"], where)
    if plaintext is None:
        raise Refused("tag")
    return open_payload(kind, plaintext)


def _unwrap(kind: Kind, version: int, where: bytes, item: Item, keys: Keys) -> dict[str, Any]:
    if keys.kek is None:
        raise Refused("key")
    _, user, check = item["key_id"].split("#")
    if user != hkdf.sha256(keys.user_id.encode("utf-8")).hex()[:16]:
        raise Refused("key", "key_denied")
    if check != hkdf.kek_check(keys.kek):
        raise Refused("key", "umk_changed")
    plaintext = gcm.decrypt(keys.kek, item["content_nonce"], item["content_encrypted"], where)
    if plaintext is None:
        raise Refused("key")
    sealed = open_payload(kind, plaintext)
    dek = base64.b64decode(sealed["key"])
    if not hmac.compare_digest(hkdf.commitment(dek), item["commitment"]):
        raise Refused("key")
    keys.deks[version] = dek
    return sealed


def open_payload(kind: Kind, plaintext: bytes) -> dict[str, Any]:
    """Layer ``payload``: the canonical JSON of exactly the sealed fields (ENV-02)."""
    try:
        value = json8785.parse(plaintext)
        same = json8785.canonical(value) == plaintext
    except json8785.NotJsonError:
        raise Refused("payload") from None
    expected = kind.placed("sealed")
    if not isinstance(value, dict) or not same or set(value) != {f["name"] for f in expected}:
        raise Refused("payload")
    if not all(fields.fits(field, value[field["name"]]) for field in expected):
        raise Refused("payload")
    return value


def _check_form(kind: Kind, parts: Mapping[str, Any], dialogue_id: str, item: Item) -> None:
    """Layer ``envelope``: the attributes of ADDR-05, each of its form, and what follows from others."""
    rest = set(item) - {"pk", "sk"}
    if not {"pk", "sk"} <= set(item):
        raise Refused("envelope")
    for field in kind.placed("cleartext"):
        name = field["name"]
        if name not in rest:
            if not field.get("nullable"):
                raise Refused("envelope")
            continue
        if item[name] is None or not fields.fits(field, item[name]):
            raise Refused("envelope")
        rest.discard(name)
    for name, value in index_attributes(kind, parts, dialogue_id, item).items():
        if item.get(name) != value:
            raise Refused("envelope")
        rest.discard(name)
    if kind.address is not None:
        if not rest >= ENVELOPE or not _is_envelope(kind, item):
            raise Refused("envelope")
        rest -= ENVELOPE
    if rest:
        raise Refused("envelope")
    if "timestamp" in parts and item["created_at"] != parts["timestamp"]:
        raise Refused("envelope")
    if kind.entity == "ref" and any(
        item[f"{end}_type"] != parts[f"{end}_id"][0] for end in ("source", "target")
    ):
        raise Refused("envelope")


def _is_envelope(kind: Kind, item: Item) -> bool:
    sealed, nonce = item["content_encrypted"], item["content_nonce"]
    key_id, aad_hash = item["key_id"], item["aad_hash"]
    return (
        isinstance(sealed, bytes)
        and len(sealed) >= _LEAST_SEALED
        and isinstance(nonce, bytes)
        and len(nonce) == 12
        and isinstance(key_id, str)
        and (_is_kek_id if kind.entity == "dek" else _is_dek_id)(key_id)
        and isinstance(aad_hash, str)
        and len(aad_hash) == 64
        and set(aad_hash) <= _HEX
    )


def _is_kek_id(text: str) -> bool:
    pieces = text.split("#")
    return (
        len(pieces) == 3
        and pieces[0] == "kek"
        and all(len(piece) == 16 and set(piece) <= _HEX for piece in pieces[1:])
    )


def _is_dek_id(text: str) -> bool:
    pieces = text.split("#")
    if len(pieces) != 3 or pieces[0] != "dek" or not address.is_identifier(pieces[1]):
        return False
    known = address.parse_sort_key(f"dek#{pieces[2]}")
    return known is not None


def _version(key_id: str) -> int:
    return int(key_id.rpartition("#")[2])


def index_attributes(
    kind: Kind, parts: Mapping[str, Any], dialogue_id: str, item: Item
) -> dict[str, str]:
    """HEAD-06: the index attributes that follow from an item."""
    values: dict[str, Any] = {**item, **parts, "dialogue_id": dialogue_id}
    if kind.letter is not None:
        values["tension_id"] = f"{kind.letter}{parts['round']:02d}{parts['seq']:02d}"
    if kind.entity == "expert":
        values["round"] = item.get("first_round", 0)
    return {
        index[f"{end}_attribute"]: index[end].format_map(values)
        for index in indexes()
        if kind.entity in index["on"]
        for end in ("pk", "sk")
    }


def spread(given: Mapping[str, Any]) -> dict[str, Any]:
    """An item of which a value may be ``{"text" or "bytes": …, "times": n}``: that many in a row."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        made[name] = value
        if isinstance(value, dict):
            one = value["text"] if "text" in value else bytes.fromhex(value["bytes"])
            made[name] = one * value.get("times", 1)
    return made
