"""Whole rounds, right and wrong: the reference store and the executable specification agree.

Both were written from SPEC.md and share no rule. Each generated call goes to both: they end in the same
error with the same findings, or give the same and leave equal partitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from conformance.suite.kit.builders import as_json, populate
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import ENTITIES
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Put
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import ManualClock, open_store

pytestmark = pytest.mark.property

NOW = "2026-02-03T10:15:00.000000Z"
THERE = ("P0101", "P0103", "T0101", "T0102", "R0101", "R0102", "E0101", "C0101", "C0103")
EXPERTS = ("muffin", "scone", "eclair")
TYPES = ENTITIES["ref"].by_name["ref_type"].values
MOVES = ENTITIES["move"].by_name["move_type"].values
LETTERS = {"P": "perspective", "T": "tension", "R": "recommendation", "E": "evidence", "C": "claim"}
PLURALS = {"perspective": "P", "tension": "T", "recommendation": "R", "evidence": "E", "claim": "C"}


class Calls:
    """Calls of ``register_round``; each value is wrong with the probability ``wrong``."""

    def __init__(self, seed: int, wrong: float) -> None:
        self.rng = Random(seed)
        self.wrong = wrong
        self.names: dict[str, str] = {}  # local id -> letter

    def one(self, good: Sequence[Any], *bad: Any) -> Any:
        if bad and self.rng.random() < self.wrong:
            return self.rng.choice(bad)
        return self.rng.choice(good)

    def some(self, make: Any, most: int = 2) -> Any:
        if self.rng.random() < self.wrong:
            return self.rng.choice([None, "no list", 3, [None], ["x"], [[]]])
        return [make() for _ in range(self.rng.randint(0, most))]

    def object(self, **members: Any) -> Any:
        if self.rng.random() < self.wrong:
            return self.rng.choice([None, 4, "text", []])
        if self.rng.random() < self.wrong:
            members["mood"] = "calm"
        if members and self.rng.random() < self.wrong:
            del members[self.rng.choice(list(members))]
        return members

    def maybe(self, **members: Any) -> dict[str, Any]:
        return {name: value for name, value in members.items() if self.rng.random() < 0.4}

    def id(self, letters: str = "PTREC") -> Any:
        there = [one for one in THERE if one[0] in letters]
        there += [name for name, letter in self.names.items() if letter in letters]
        there += [
            one for one in ("P0202", "T0201") if one[0] in letters and self.rng.random() < 0.1
        ]
        return self.one(there, "P0901", "T9999", "nobody", "P0100", "", None, 7, "p0101")

    def slug(self) -> Any:
        return self.one(EXPERTS, "brioche", "no slug", "", None, 3)

    def text(self) -> Any:
        return self.one(["a", "Wait.", "ü🦀"], "", None, 5, "\ud800", "x" * 410_000)

    def round(self) -> Any:
        return self.one([2, 2.0, 1, 0, 3], 9, 100, -1, "1", True, 1.5)

    def number(self) -> Any:
        return self.one([0, 1, -4, 2.0], 2**53 - 1, -(2**53) + 1, 2**53, None, "1", True, 1.5)

    def reference(self) -> Any:
        ref_type = self.one(TYPES[1:2] + TYPES[:1], "like", None, 1, "refine", "address")
        return self.object(type=ref_type, target=self.id())

    def entity(self, kind: str, name: str | None) -> Any:
        text = "description" if kind == "tension" else "content"
        members = {
            "label": self.text(),
            text: self.text(),
            "contributors": self.some(self.slug),
            **self.maybe(references=self.some(self.reference)),
        }
        if kind == "recommendation":
            members.update(self.maybe(parameters=self.object(depth=self.number())))
        if name is not None:
            members["local_id"] = self.one([name], "flan", "P0001", "no id", 4)
        return self.object(**members)

    def move(self) -> Any:
        move_type = self.one(MOVES, "sing", None, 2)
        targets = [] if move_type == "converge" else self.some(self.id)
        if move_type == "request":
            targets = self.some(lambda: self.one(["a chart", "flan"], None, 3))
        if self.rng.random() < self.wrong:
            targets = ["T0101"]
        more = self.maybe(context=self.text())
        return self.object(expert_slug=self.slug(), move_type=move_type, targets=targets, **more)

    def ref(self) -> Any:
        ref_type = self.one(
            ["support", "oppose", "question", "depend"], "refine", "resolve", "x", None
        )
        return self.object(source=self.id(), ref_type=ref_type, target=self.id())

    def update(self) -> Any:
        entity_id = self.id()
        letter = self.names.get(entity_id, str(entity_id)[:1])
        kind = LETTERS.get(letter, "perspective")
        statuses = [s for s in ENTITIES[kind].transitions if s not in ("open", "cited", "adopted")]
        status = self.one(statuses, "adopted", "open", "grand", None, 1)
        more: dict[str, Any] = {}
        if kind in ("perspective", "tension", "recommendation"):
            more = self.maybe(
                actors=self.some(self.text),
                event_round=self.round(),
                reason=self.text(),
                reference=self.text(),
                result_id=self.id(),
            )
        elif self.rng.random() < self.wrong:
            more = {"reason": "Because"}
        if self.rng.random() < self.wrong:
            more["verdict_id"] = self.rng.choice(["v-interim", "v-none", "no id", 5])
        if kind == "recommendation" and self.rng.random() < 0.3:
            status = "adopted"
            more["verdict_id"] = self.one(["v-interim"], "v-none", None)
        return self.object(entity_id=entity_id, status=status, **more)

    def by_slug(self, value: Any) -> Any:
        if self.rng.random() < self.wrong:
            return self.rng.choice([[], "x", None])
        return {self.slug(): value() for _ in range(self.rng.randint(0, 2))}

    def call(self, number: int) -> dict[str, Any]:
        names = iter(["tart", "flan", "bun", "pie", "roll", None, None, None, None, None])
        planned = {kind: self.rng.randint(0, 2) for kind in PLURALS}
        named = {kind: [next(names) for _ in range(count)] for kind, count in planned.items()}
        self.names = {n: PLURALS[kind] for kind, given in named.items() for n in given if n}
        call: dict[str, Any] = {
            "dialogue_id": self.one(["tides"], "ebb", "no id", None, 4),
            "round": self.one([number, float(number)], 1, 100, None, "2", 1.5),
            "score": self.number(),
            **self.maybe(
                title=self.text(),
                summary=self.text(),
                metrics=self.object(panel_size=self.one([3, 2.0], -1, "1", None)),
                moves=self.some(self.move),
                refs=self.some(self.ref, 4),
                status_updates=self.some(self.update, 4),
                expert_scores=self.by_slug(self.number),
                responses=self.by_slug(self.text),
                signals=self.some(self.slug, 3),
                request_id=self.one(["r-1", "r-2", "used"], "no id", 4),
            ),
        }
        for kind, given in named.items():
            plural = kind if kind == "evidence" else f"{kind}s"
            if given:
                call[plural] = [self.entity(kind, name) for name in given]
                if self.rng.random() < self.wrong / 4:
                    call[plural] = self.rng.choice(["no list", 5, call[plural][0]])
        if self.rng.random() < self.wrong:
            del call[self.rng.choice(["round", "score"])]
        return call


@dataclass(frozen=True)
class Talk:
    """A dialogue with everything in it, in both stores: what each example begins with."""

    key_file: Path
    items: MemoryPartitionStore
    model: dict[str, Partition] = field(repr=False)

    def reference_store(self) -> DialogueStore:
        items = MemoryPartitionStore()
        for part in ("dialogue", "audit"):
            puts = [Put(item) for item in self.items.query(f"{part}#tides")]
            items.commit(puts, token=part)
        return open_store(items, LocalFileKeyProvider(self.key_file), clock=ManualClock(NOW))

    def model_store(self) -> DialogueStore:
        return ModelStore(ManualClock(NOW), storage=deepcopy(self.model))


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    folder = tmp_path_factory.mktemp("keys")
    folder.chmod(0o700)
    key_file = folder / "umk.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(bytes(range(32)))
    talk = Talk(key_file, MemoryPartitionStore(), {})
    keys = LocalFileKeyProvider(key_file)
    reference = open_store(talk.items, keys, clock=ManualClock(NOW))
    for store in (reference, ModelStore(ManualClock(NOW), storage=talk.model)):
        populate(store, "tides")
        store.register_claim("tides", 1, "l", "c", [], request_id="used")
    return talk


def _outcome(store: DialogueStore, call: dict[str, Any]) -> Any:
    try:
        return plain(store.register_round(**{"round": None, "score": None, **call}))
    except DialogueStoreError as refused:
        found = refused.data["findings"]
        return refused.code, sorted((finding["code"], finding["field"]) for finding in found)


def _compare(talk: Talk, calls: list[dict[str, Any]]) -> list[Any]:
    outcomes = []
    with talk.reference_store() as reference, talk.model_store() as model:
        for call in calls:
            outcomes.append(_outcome(model, deepcopy(call)))
            assert _outcome(reference, call) == outcomes[-1], call
            there = reference.load_partition("tides")
            assert as_json(there) == as_json(model.load_partition("tides")), call
            assert reference.verify_partition("tides") == []
    return outcomes


def test_both_write_the_same(talk: Talk) -> None:
    """STORE-13, 22, 24 and ADDR-09 for rounds in which hardly anything is wrong."""
    outcomes = []
    for seed in range(120):
        calls = Calls(seed, wrong=0.002)
        outcomes += _compare(talk, [calls.call(number) for number in (2, 4, 4)])
    written = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    assert len(written) > 100
    # Every kind of thing is in some of them, or the comparison says nothing about it.
    assert all(any(one["counts"][kind] for one in written) for kind in written[0]["counts"])


def test_both_find_the_same(talk: Talk) -> None:
    """STORE-13 and 14: every finding, in rounds in which much is wrong."""
    codes: Counter[str] = Counter()
    for seed in range(300):
        calls = Calls(seed, wrong=0.02 if seed % 2 else 0.1)
        elsewhere = {**Calls(seed, wrong=0).call(2), "dialogue_id": "ebb"}
        for outcome in _compare(talk, [calls.call(2), elsewhere]):
            if isinstance(outcome, tuple):
                codes.update(code for code, _ in outcome[1])
                codes[outcome[0]] += 1
    assert not {
        *("missing_field", "invalid_field", "invalid_identifier", "invalid_display_id"),
        *("invalid_round", "invalid_ref_type", "invalid_ref_target", "dialogue_not_found"),
        *("round_not_found", "expert_not_found", "entity_not_found", "request_mismatch"),
        *("duplicate_entity", "invalid_status_transition", "item_too_large", "validation_failed"),
    } - set(codes)
