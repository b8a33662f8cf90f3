"""Whole partitions: items, journal, head and the write chain's last event (HEAD, ENV-06, AUDIT-09)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from .. import address, chain, headsum, hkdf, items, json8785
from ..tables import ENVELOPE
from ..work import Refused, Work, check

__all__ = ["laid_over"]


@check("partition", "load")
def load(work: Work) -> None:
    """What a load of the partition gives, or the first finding."""
    given = work.input
    dialogue_id, user_id = given["dialogue_id"], given["user_id"]
    kek = hkdf.kek(bytes.fromhex(work.parameters["umk"]), user_id)
    keys = items.Keys(kek, user_id)
    found = _stored(given["items"], address.partition_key(dialogue_id))
    last = given["last_event"] and items.stored(given["last_event"])
    false = _false_state(dialogue_id, found.get("head", {}), last, kek)
    if false is not None:
        sk = false.sk or ""
        work.give(sk=sk, address=address.item_address(dialogue_id, sk))
        raise false
    laid, usable = laid_over(found, given["journal"], f"journal#{dialogue_id}")
    opened, head, refused = items.read_partition(dialogue_id, laid.values(), keys)
    work.note(kek=kek, deks={str(version): dek for version, dek in keys.deks.items()})
    if head is not None:
        _note_sum(work, laid, head, keys)
    if not usable and not refused:
        refused = [Refused("head", sk="head")]
    if not refused:
        refused = _against_chain(dialogue_id, opened["head"], head or {}, last, kek)
    for first in refused[:1]:
        sk = first.sk or ""
        work.give(sk=sk, address=address.item_address(dialogue_id, sk))
        raise first
    assert head is not None  # noqa: S101 - without one something was refused
    work.give(
        revision=head["revision"],
        state=head["state"],
        count=opened["head"]["count"],
        sum=opened["head"]["sum"],
        opened={sk: sealed for sk, sealed in opened.items() if _is_content(laid[sk])},
    )


def _stored(shown: Mapping[str, Any], pk: str) -> dict[str, dict[str, Any]]:
    found = {sk: items.stored(item) for sk, item in shown.items()}
    for sk, item in found.items():
        if (item.get("pk"), item.get("sk")) != (pk, sk):
            raise ValueError(f"{sk} does not lie under its own key")
    return found


def _is_content(item: Mapping[str, Any]) -> bool:
    return item.keys() >= ENVELOPE and not item["sk"].startswith(("dek#", "head"))


def laid_over(
    found: Mapping[str, dict[str, Any]], journal: Mapping[str, Any], pk: str
) -> tuple[dict[str, dict[str, Any]], bool]:
    """The items with the journal that the head names laid over them (HEAD-07), and whether that could
    be read."""
    laid = dict(found)
    token = found.get("head", {}).get("pending")
    parts = _stored(journal, pk)
    own = [sk for sk in sorted(parts) if sk.rpartition("#")[0] == token]
    if not own:
        return laid, True
    if own != [f"{token}#{number:04d}" for number in range(1, len(own) + 1)]:
        return laid, False
    text = b"".join(parts[sk]["items"] for sk in own)
    try:
        written = json8785.parse(text)
        keys = [(item["pk"], item["sk"].encode()) for item in written]
        whole = json8785.canonical(written) == text and all(a < b for a, b in pairwise(keys))
        mine = {f"dialogue#{pk.removeprefix('journal#')}"} == {of for of, _ in keys}
        if not whole or not mine or any(sk == b"head" for _, sk in keys):
            return laid, False
        return {**laid, **{item["sk"]: _from_base64(item) for item in written}}, True
    except (json8785.NotJsonError, TypeError, KeyError, ValueError):
        return laid, False


def _from_base64(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value, validate=True)
        if name in ("content_encrypted", "content_nonce")
        else value
        for name, value in item.items()
    }


def _note_sum(
    work: Work, laid: Mapping[str, dict[str, Any]], head: items.Item, keys: items.Keys
) -> None:
    """The terms and the sum of what was found, under the key that the head names."""
    dek = keys.deks.get(int(str(head.get("key_id", "#0")).rpartition("#")[2]))
    if dek is None or not {"pk", "revision", "updated_at"} <= head.keys():
        return
    key = hkdf.sum_key(dek)
    others = {sk: item for sk, item in laid.items() if sk != "head"}
    own = headsum.head_term(key, head["pk"], head["revision"], head["updated_at"])
    shown = {name: head[name] for name in ("pk", "sk", "revision", "updated_at")}
    work.note(
        sum_key=key,
        canonical_head=headsum.item_json(shown),
        terms={sk: headsum.term(key, item).to_bytes(32, "big") for sk, item in others.items()},
        head_term=own.to_bytes(32, "big"),
        sum_found=headsum.total(key, others.values(), head),
    )


def _false_state(
    dialogue_id: str, head: Mapping[str, Any], last: Mapping[str, Any] | None, kek: bytes
) -> Refused | None:
    """HEAD-01: a head that says erased or moved where the chain's end does not."""
    wanted = {"erased": "erase", "moved": "boundary"}.get(head.get("state", ""))
    if wanted is None:
        return None
    if last is not None and not _is_sound(dialogue_id, last, kek):
        return Refused("chain", sk=last["sk"])
    if last is not None and last["operation"] == wanted:
        raise ValueError("what the chain bears out is no matter of this family")
    return Refused("head", sk="head")


def _is_sound(dialogue_id: str, last: Mapping[str, Any], kek: bytes) -> bool:
    return (
        chain.form_fault(dialogue_id, last["sk"], last) is None
        and last["chain"] == "w"
        and chain.event_hash(last) == last["event_hash"]
        and chain.mac(hkdf.mac_key(kek, dialogue_id), last["event_hash"]) == last.get("mac")
    )


def _against_chain(
    dialogue_id: str,
    sealed: Mapping[str, Any],
    head: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    kek: bytes,
) -> list[Refused]:
    """Layer ``chain`` of a load: the write chain's last event against the head (AUDIT-09)."""
    if last is None:
        return [Refused("chain", sk="head")]
    if not _is_sound(dialogue_id, last, kek):
        return [Refused("chain", sk=last["sk"])]
    if head["revision"] < last["revision"]:
        return [Refused("chain", sk="head")]
    if head["revision"] == last["revision"] and sealed["audit_head"] != last["event_hash"]:
        return [Refused("chain", sk="head")]
    return []


@check("partition", "head-sum")
def head_sum(work: Work) -> None:
    """HEAD-02 over given items."""
    given = work.input
    key = hkdf.sum_key(bytes.fromhex(work.parameters["dek"]))
    head = items.stored(given["head"])
    others = [items.stored(item) for item in given["items"]]
    own = headsum.head_term(key, head["pk"], head["revision"], head["updated_at"])
    shown = {name: head[name] for name in ("pk", "sk", "revision", "updated_at")}
    work.note(
        sum_key=key,
        canonical=[headsum.item_json(item) for item in others],
        terms=[headsum.term(key, item).to_bytes(32, "big") for item in others],
        canonical_head=headsum.item_json(shown),
        head_term=own.to_bytes(32, "big"),
    )
    found = headsum.total(key, others, head)
    if found != given["sum"]:
        raise Refused("head")
    work.give(sum=found)
