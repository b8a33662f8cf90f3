"""Erased dialogues: the chain refuses whatever lies there again (KEY-09)."""

from __future__ import annotations

from typing import Any

from .. import address, chain, hkdf, items
from ..tables import kinds
from ..work import Refused, Work, check

__all__: list[str] = []


def _is_erased(work: Work) -> bool:
    """What the chains say, walked with the key; where they end is said by the last event alone."""
    given = work.input
    kek = hkdf.kek(bytes.fromhex(work.parameters["umk"]), given["user_id"])
    events = {sk: items.stored(event) for sk, event in given["events"].items()}
    writes = sorted(sk for sk in events if sk.startswith("w#"))
    walked = chain.Walk(
        given["dialogue_id"],
        events,
        key=hkdf.mac_key(kek, given["dialogue_id"]),
        kek_id=hkdf.kek_id(kek, given["user_id"]),
        audit_head=events[writes[-1]].get("event_hash"),
    )
    if walked.findings:
        raise Refused("chain")
    return any(event["operation"] == "erase" for event in walked.chains["w"].values())


@check("erasure", "open")
def open_erased(work: Work) -> None:
    """A live dialogue opens; one with an erase event never does."""
    if _is_erased(work):
        raise Refused("chain", "key_erased")
    given = work.input
    if given["items"].get("head", {}).get("state") == "erased":
        raise Refused("head")
    kek = hkdf.kek(bytes.fromhex(work.parameters["umk"]), given["user_id"])
    found = [items.stored(item) for item in given["items"].values()]
    keys = items.Keys(kek, given["user_id"])
    opened, head, refused = items.read_partition(given["dialogue_id"], found, keys)
    if refused:
        raise refused[0]
    last = max(sk for sk in given["events"] if sk.startswith("w#"))
    if head is None or opened["head"]["audit_head"] != given["events"][last]["event_hash"]:
        raise Refused("chain")
    work.give(state=head["state"])


@check("erasure", "collect")
def collect(work: Work) -> None:
    """The cleartext that was kept; nothing that is sealed."""
    if not _is_erased(work):
        raise ValueError("the dialogue was not erased")
    kept: dict[str, Any] = {}
    for sk, shown in work.input["items"].items():
        item = items.stored(shown)
        known = address.parse_sort_key(sk)
        own = (address.partition_key(work.input["dialogue_id"]), sk)
        if known is None or (item["pk"], item["sk"]) != own:
            raise ValueError(f"{sk} does not lie under its own key")
        if sk == "head":
            continue
        names = [field["name"] for field in kinds()[known[0]].placed("cleartext")]
        kept[sk] = {name: item[name] for name in names if name in item}
    work.give(state=work.input["items"]["head"]["state"], kept=kept)
