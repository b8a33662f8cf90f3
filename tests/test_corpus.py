"""Real dialogues on every target: replayed at their recorded times, equal field by field."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conformance.running.session import World
from conformance.stateful.recorded import REFUSED, differences, load_corpus, replay
from reference_impl.contract.entities import plain

pytestmark = pytest.mark.integration

#: What the fifteen files hold, so that a file that is missing or cut is seen.
COUNTED = {
    "dialogues": 15,
    "experts": 108,
    "rounds": 53,
    "verdicts": 11,
    "perspectives": 284,
    "tensions": 133,
    "moves": 97,
    "refs": 54,
    "signals": 18,
    "events": 590,
}


@pytest.fixture
def corpus(shared: Path) -> dict[str, Any]:
    documents = dict(load_corpus(shared / "corpus"))
    assert documents, "the folder corpus is there, and empty"
    return documents


def counts(documents: dict[str, Any]) -> dict[str, int]:
    out: Counter[str] = Counter({"dialogues": len(documents)})
    for document in documents.values():
        for kind in ("experts", "rounds", "verdicts", "perspectives", "tensions", "moves", "refs"):
            out[kind] += len(document[kind])
        out["signals"] += len(document["convergence_signals"])
        out["events"] += sum(len(events) for events in document["events"].values())
    return dict(out)


def test_the_corpus_is_the_one_that_was_counted(corpus: dict[str, Any]) -> None:
    assert counts(corpus) == COUNTED


def test_every_dialogue_comes_back_equal_field_by_field(
    world: World, corpus: dict[str, Any]
) -> None:
    backend = world.open()
    assert backend.set_clock is not None
    refused: Counter[tuple[str, str, str, str]] = Counter()
    stored: Counter[str] = Counter({"dialogues": 0})
    for name, document in corpus.items():
        done = replay(backend.store, backend.set_clock, document)
        refused.update(done.refused)
        reader = world.open().store
        assert differences(reader, document, done) == [], name
        assert reader.verify_partition(done.dialogue_id) == [], name
        partition = plain(reader.load_partition(done.dialogue_id))
        stored["dialogues"] += partition["dialogue"] is not None
        for kind in COUNTED.keys() - {"dialogues"}:
            stored[kind] += len(partition[kind])
    assert dict(refused) == dict(REFUSED)
    refused_tensions = sum(n for (method, *_), n in refused.items() if "tension" in method)
    refused_moves = sum(n for (method, *_), n in refused.items() if "move" in method)
    assert dict(stored) == {
        **COUNTED,
        "events": COUNTED["events"] - refused_tensions,
        "moves": COUNTED["moves"] - refused_moves,
    }


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("perspectives", "content", "another text"),
        ("tensions", "created_at", "2026-11-20T23:22:45.000000001+00:00"),
        ("experts", "relevance", 0.123456),
        ("rounds", "score", 999),
        ("verdicts", "vote", "none"),
    ],
)
def test_a_difference_is_seen(
    memory_world: World, corpus: dict[str, Any], kind: str, field: str, value: object
) -> None:
    """The comparison can fail: one recorded field changed after the replay."""
    document = corpus["pm-repo-sync-architecture.json"]
    backend = memory_world.open()
    assert backend.set_clock is not None
    done = replay(backend.store, backend.set_clock, document)
    changed = copy.deepcopy(document)
    changed[kind][0][field] = value
    found = differences(backend.store, changed, done)
    assert len(found) == 1
    assert f": {field} is " in found[0]


def test_a_lost_entity_is_seen(memory_world: World, corpus: dict[str, Any]) -> None:
    document = corpus["spike-resolved-lifecycle.json"]
    backend = memory_world.open()
    assert backend.set_clock is not None
    done = replay(backend.store, backend.set_clock, document)
    more = json.loads(json.dumps(document))
    more["refs"].append({**more["refs"][0], "ref_type": "question"})
    found = differences(backend.store, more, done)
    assert found == ["refs: 1 stored, 2 expected"]
