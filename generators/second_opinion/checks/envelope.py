"""Items sealed, opened and refused, layer by layer (ENV-01 to ENV-09)."""

from __future__ import annotations

from .. import address, gcm, hkdf, items, json8785
from ..tables import kinds
from ..work import Refused, Work, check

__all__: list[str] = []


@check("envelope", "seal")
def seal(work: Work) -> None:
    """ENV-09: the whole item, from its fields."""
    given = work.input
    dialogue_id = given["pk"].removeprefix("dialogue#")
    known = address.parse_sort_key(given["sk"])
    if known is None or known[0] != given["entity"] or not address.is_identifier(dialogue_id):
        raise ValueError("the keys are not those of the entity")
    kind = kinds()[known[0]]
    sealed = {field["name"]: given["sealed"][field["name"]] for field in kind.placed("sealed")}
    if sealed.keys() != given["sealed"].keys():
        raise ValueError("other fields than the entity has")
    where, plaintext = address.of(dialogue_id, *known), json8785.canonical(sealed)
    aad, nonce = address.digest(where), work.octets("nonce")
    work.note(address=where, aad=aad, plaintext=plaintext)
    item = {
        "pk": address.partition_key(dialogue_id),
        "sk": given["sk"],
        **{name: value for name, value in given["cleartext"].items() if value is not None},
        "content_encrypted": gcm.encrypt(work.octets("dek"), nonce, plaintext, aad),
        "content_nonce": nonce,
        "key_id": f"dek#{dialogue_id}#{given['version']}",
        "aad_hash": aad.hex(),
    }
    item |= items.index_attributes(kind, known[1], dialogue_id, item)
    keys = items.Keys(None)
    keys.deks[given["version"]] = work.octets("dek")
    if items.read_item(dialogue_id, given["sk"], item, keys) != sealed:
        raise ValueError("what was sealed opens to something else")
    work.give(item=items.shown(item))


@check("envelope", "open")
def open_one(work: Work) -> None:
    """ENV-06 for one item under given data keys."""
    item = items.stored(work.input["item"])
    dialogue_id = item["pk"].removeprefix("dialogue#")
    keys = items.Keys(None)
    keys.deks |= {int(number): bytes.fromhex(dek) for number, dek in work.input["deks"].items()}
    fields = items.read_item(dialogue_id, item["sk"], item, keys)
    work.give(fields=fields)
    where = address.item_address(dialogue_id, item["sk"])
    if where is not None:
        plaintext = json8785.canonical(fields)
        work.note(address=where, aad=address.digest(where), plaintext=plaintext)


@check("envelope", "read")
def read(work: Work) -> None:
    """ENV-06, ENV-07: several items of one dialogue, in its order."""
    given = work.input
    found = [items.stored(item) for item in given["items"]]
    (dialogue_id,) = {item["pk"].removeprefix("dialogue#") for item in found} or {""}
    keys = items.Keys(hkdf.kek(work.octets("umk"), given["user_id"]), given["user_id"])
    opened, refused = items.read_items(dialogue_id, found, keys)
    if refused:
        findings = [
            {
                "sk": refusal.sk,
                "layer": refusal.layer,
                "code": refusal.code,
                "address": address.item_address(dialogue_id, refusal.sk or ""),
            }
            for refusal in refused
        ]
        work.give(findings=findings)
        raise Refused(refused[0].layer, refused[0].code, refused[0].sk)
    work.give(opened=opened)
