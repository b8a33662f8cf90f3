"""The content that both sides hold: one dialogue of 100 items, each about 0.9 KB as JSON."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import DialoguePartition, plain

__all__ = ["ITEMS", "Document", "differences", "documents", "fresh", "perspective", "write_to"]

#: One item as the caller gave it: ``type``, ``seq`` within the type, and its fields.
Document = dict[str, Any]

ITEMS: Final = 100
ROUND: Final = 1
_EXPERTS: Final = ("muffin", "scone", "brioche")
# Not all of it is ASCII: real text is not, and encoders have a shorter way for what is.
_WORDS: Final = (
    *("alignment", "cache", "cost", "evidence", "latency", "margin", "panel", "replica", "risk"),
    *("naïve", "façade", "Größe", "señal", "“quoted”", "—", "日本語"),
)


def documents(seed: int = 20_240_601) -> list[Document]:
    """The 100 items: a dialogue, three experts, a round, and evidence and claims by turns."""
    rng = random.Random(seed)
    found: list[Document] = [
        {
            "type": "dialogue",
            "seq": 1,
            "title": _text(rng, 60),
            "question": _text(rng, 200),
            "background": {"subject": _text(rng, 60), "description": _text(rng, 500)},
        },
        {"type": "round", "seq": 1, "round": ROUND, "score": 7, "title": _text(rng, 820)},
    ]
    found += [
        {
            "type": "expert",
            "seq": number,
            "expert_slug": slug,
            "role": _text(rng, 60),
            "tier": "Core",
            "description": _text(rng, 480),
            "focus": _text(rng, 220),
        }
        for number, slug in enumerate(_EXPERTS, 1)
    ]
    for number in range(ITEMS - len(found)):
        kind = ("evidence", "claim")[number % 2]
        found.append({"type": kind, "seq": number // 2 + 1, **_statement(rng)})
    return found


def perspective(number: int) -> Document:
    """The arguments of one registration, but for the dialogue: about 0.9 KB as JSON."""
    return _statement(random.Random(number))


def fresh(document: Document) -> Document:
    """The same in new objects. A text keeps its UTF-8 form once it was encoded: a second time over
    the same objects would flatter any encoder."""
    copy: Document = orjson.loads(orjson.dumps(document))
    return copy


def write_to(store: DialogueStore, dialogue_id: str, given: list[Document]) -> None:
    """Put the documents into a store, through its public methods."""
    methods: dict[str, Callable[..., object]] = {
        "dialogue": store.create_dialogue,
        "round": store.create_round,
        "expert": store.register_expert,
        "evidence": store.register_evidence,
        "claim": store.register_claim,
    }
    for document in given:
        fields = {name: value for name, value in document.items() if name not in ("type", "seq")}
        methods[document["type"]](dialogue_id, **fields)


def differences(loaded: DialoguePartition, by_hand: list[Document]) -> list[str]:
    """Where the two sides do not hold the same items with the same contents; empty where they do.

    The hand-written side holds what the caller gave, the store adds fields of its own: every field
    of the former must be in the latter, and neither may have an item more.
    """
    stored = dict(_by_place(loaded))
    found = []
    for document in by_hand:
        place = document["type"], document["seq"]
        item = stored.pop(place, None)
        name = f"{place[0]} {place[1]}"
        if item is None:
            found.append(f"{name} is not in the store")
            continue
        found += [
            f"{name} differs in {field}"
            for field, value in document.items()
            if field != "type" and item[field] != value
        ]
    return found + [f"{kind} {seq} is in the store only" for kind, seq in stored]


def _by_place(loaded: DialoguePartition) -> Iterator[tuple[tuple[str, int], Document]]:
    experts = sorted(loaded.experts, key=lambda expert: _EXPERTS.index(expert.expert_slug))
    kinds: dict[str, Sequence[object]] = {
        "dialogue": [loaded.dialogue],
        "round": loaded.rounds,
        "expert": experts,
        "evidence": loaded.evidence,
        "claim": loaded.claims,
        "verdict": loaded.verdicts,
        "perspective": loaded.perspectives,
        "tension": loaded.tensions,
        "recommendation": loaded.recommendations,
        "move": loaded.moves,
        "ref": loaded.refs,
        "event": loaded.events,
        "signal": loaded.signals,
    }
    for kind, results in kinds.items():
        for number, result in enumerate(results, 1):
            fields = plain(result)
            yield (kind, fields.get("seq", number)), {"seq": number, **fields}


def _statement(rng: random.Random) -> Document:
    return {
        "round": ROUND,
        "label": _text(rng, 40),
        "content": _text(rng, 740),
        "contributors": rng.sample(_EXPERTS, 2),
        "references": [],
    }


def _text(rng: random.Random, size: int) -> str:
    """Words of ``size`` bytes of UTF-8, or a few more."""
    words: list[str] = []
    length = 0
    while length < size:
        words.append(rng.choice(_WORDS))
        length += len(words[-1].encode()) + 1
    return " ".join(words)
