"""Real dialogues: recorded histories replayed through the public write methods, and compared field by field.

A corpus is a folder of JSON files, one dialogue each, as an older tool recorded them. Times are set to the
recorded ones; what the contract refuses has to be in :data:`REFUSED`, anything else is a failure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METRICS, NUMBERED
from reference_impl.contract.timestamps import normalise

__all__ = ["REFUSED", "Replay", "calls_of", "differences", "load_corpus", "replay"]

#: What the contract refuses in recorded histories: (method, from or what, to, code) -> how often in the
#: fifteen dialogues of the project's corpus.
REFUSED: Mapping[tuple[str, str, str, str], int] = {
    ("update_tension_status", "resolved", "resolved", "invalid_status_transition"): 76,
    ("update_tension_status", "open", "reopened", "invalid_status_transition"): 1,
    ("register_move", "converge", "targets", "invalid_field"): 2,
}

#: Fields that the older tool kept and the contract computes instead (GRAPH-03).
_COMPUTED = ("tensions_resolved", "recommendations_adopted", "key_evidence", "key_claims")
_KINDS = tuple(NUMBERED)

Document = Mapping[str, Any]


@dataclass
class Replay:
    """What a replay did: calls by method, refusals by (method, from, to, code), entities that must not
    come back."""

    dialogue_id: str
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    #: (kind, recorded position) of what was refused and therefore is not expected back
    missing: set[tuple[str, int]] = field(default_factory=set)
    #: display id -> status that the store must have, where it differs from the recorded one
    statuses: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Step:
    time: str
    rank: int
    kind: str
    position: int
    method: str
    params: dict[str, Any]
    refusal: tuple[str, str] = ("", "")


def load_corpus(folder: Path) -> Iterator[tuple[str, Document]]:
    """(file name, document) of every dialogue in a folder, by name."""
    for path in sorted(folder.glob("*.json")):
        yield path.name, json.loads(path.read_text(encoding="utf-8"))


def replay(store: DialogueStore, set_clock: Callable[[str], None], document: Document) -> Replay:
    """Write a recorded dialogue through the public methods, each at its recorded time.

    A refusal is counted under its code; whoever calls compares the counts with :data:`REFUSED`.
    """
    dialogue = document["dialogue"]
    done = Replay(dialogue["dialogue_id"])
    status: dict[str, str] = {}
    for step in sorted(_steps(document), key=lambda s: (s.time, s.rank)):
        set_clock(normalise(step.time))
        entity_id = step.params.get("entity_id", "")
        try:
            getattr(store, step.method)(dialogue_id=done.dialogue_id, **step.params)
        except DialogueStoreError as refused:
            have, want = step.refusal
            have = have or status.get(entity_id, "open")
            done.refused[step.method, have, want, refused.code] += 1
            done.missing.add((step.kind, step.position))
            if entity_id:
                done.statuses[entity_id] = have
        else:
            done.calls[step.method] += 1
            if entity_id:
                status[entity_id] = done.statuses[entity_id] = step.params["status"]
    return done


def calls_of(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(time, method, parameters) of every call that :func:`replay` makes, in its order."""
    dialogue_id = document["dialogue"]["dialogue_id"]
    for step in sorted(_steps(document), key=lambda s: (s.time, s.rank)):
        yield normalise(step.time), step.method, {"dialogue_id": dialogue_id, **step.params}


def _steps(document: Document) -> Iterator[_Step]:
    """Every recorded write; the rank keeps parents before children where two times are equal."""
    dialogue = document["dialogue"]
    names = (
        "title",
        "question",
        "output_dir",
        "background",
        "calibrated",
        "domain_id",
        "ethos_id",
    )
    yield _Step(
        dialogue["created_at"], 0, "dialogue", 0, "create_dialogue", _some(dialogue, *names)
    )
    for i, expert in enumerate(document["experts"]):
        given = _some(
            expert,
            "expert_slug",
            "role",
            "tier",
            "source",
            "description",
            "focus",
            "relevance",
            "creation_reason",
            "color",
            "first_round",
        )
        yield _Step(expert["created_at"], 1, "experts", i, "register_expert", given)
        last = _last_time(document)
        for round_, score in (expert["scores"] or {}).items():
            params = {
                "expert_slug": expert["expert_slug"],
                "round": int(round_),
                "score": score,
            }
            yield _Step(last, 8, "scores", i, "update_expert_score", params)
        for round_, content in (expert["raw_content"] or {}).items():
            params = {
                "expert_slug": expert["expert_slug"],
                "round": int(round_),
                "content": content,
            }
            yield _Step(last, 9, "responses", i, "record_expert_response", params)
    for i, round_ in enumerate(document["rounds"]):
        given = {
            **_some(round_, "round", "score", "title"),
            "metrics": {name: round_[name] for name in METRICS},
        }
        yield _Step(round_["created_at"], 2, "rounds", i, "create_round", given)
    for kind in _KINDS:
        for i, entity in enumerate(document[kind]):
            text = "description" if kind == "tensions" else "content"
            given = _some(entity, "round", "label", text, "contributors", "references")
            if "parameters" in entity:
                given |= _some(entity, "parameters")
            method = f"register_{kind.removesuffix('s')}"
            yield _Step(entity["created_at"], 3, kind, i, method, given)
    for i, event in enumerate(document["events"]["tension"]):
        if event["event_type"] == "created":
            continue
        entity_id = f"T{event['tension_round']:02d}{event['tension_seq']:02d}"
        given = {
            "entity_id": entity_id,
            "status": event["event_type"],
            **_some(event, "actors", "event_round", "reason", "reference"),
        }
        yield _Step(
            event["created_at"],
            5,
            "tension_events",
            i,
            "update_tension_status",
            given,
            ("", event["event_type"]),
        )
    for i, move in enumerate(document["moves"]):
        given = _some(move, "round", "expert_slug", "move_type", "targets", "context")
        yield _Step(
            move["created_at"],
            4,
            "moves",
            i,
            "register_move",
            given,
            (move["move_type"], "targets"),
        )
    for i, ref in enumerate(document["refs"]):
        given = _some(ref, "source_id", "ref_type", "target_id", "source_type", "target_type")
        yield _Step(ref["created_at"], 4, "refs", i, "register_ref", given)
    for i, verdict in enumerate(document["verdicts"]):
        given = {
            name: value
            for name, value in verdict.items()
            if name not in (*_COMPUTED, "dialogue_id", "created_at") and value is not None
        }
        yield _Step(verdict["created_at"], 6, "verdicts", i, "register_verdict", given)
    for i, signal in enumerate(document["convergence_signals"]):
        given = {"round": signal["round"], "expert_slug": signal["expert_name"]}
        time = signal["signaled_at"]
        yield _Step(time, 4, "signals", i, "record_convergence_signal", given)
    final = any(v["verdict_type"] == "final" for v in document["verdicts"])
    if dialogue["status"] != "open" and not final:
        time = dialogue["converged_at"] or _last_time(document)
        given = {"status": dialogue["status"]}
        yield _Step(time, 7, "dialogue", 0, "update_dialogue_status", given)


def _some(source: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: source[name] for name in names if source[name] is not None}


def _last_time(document: Document) -> str:
    """A time at or after every recorded one: for steps that were recorded without their own."""
    dialogue = document["dialogue"]
    times = [dialogue["created_at"], dialogue["converged_at"] or ""]
    for kind in ("experts", "rounds", *_KINDS, "moves", "refs", "verdicts"):
        times += [entity["created_at"] for entity in document[kind]]
    times += [e["created_at"] for events in document["events"].values() for e in events]
    times += [signal["signaled_at"] for signal in document["convergence_signals"]]
    return str(max(times))


def differences(store: DialogueStore, document: Document, done: Replay) -> list[str]:
    """Where the stored dialogue is not the recorded one: empty when every field came back equal, and
    nothing is there that was not recorded."""
    partition = plain(store.load_partition(done.dialogue_id))
    out: list[str] = []
    for kind, want in _expected(document, done).items():
        have = partition[kind]
        rows: list[Any] = [have] if kind == "dialogue" else have
        if len(rows) != len(want):
            out.append(f"{kind}: {len(rows)} stored, {len(want)} expected")
            continue
        for recorded, stored in zip(want, rows, strict=True):
            out += [
                f"{kind} {recorded}: {name} is {stored.get(name)!r}"
                for name, value in recorded.items()
                if stored.get(name) != value
            ]
    return out


def _expected(document: Document, done: Replay) -> dict[str, list[dict[str, Any]]]:
    """The recorded dialogue in the contract's shape and order (STORE-05)."""
    recorded: dict[str, list[dict[str, Any]]] = {"dialogue": [_timed(document["dialogue"])]}
    recorded["experts"] = sorted(
        (_expert(e) for e in document["experts"]), key=lambda e: e["expert_slug"]
    )
    recorded["rounds"] = sorted(map(_timed, document["rounds"]), key=lambda r: r["round"])
    for kind in _KINDS:
        rows = [_entity(e, done) for e in document[kind]]
        recorded[kind] = sorted(rows, key=lambda e: (e["round"], e["seq"]))
    moves = [_timed(m) for i, m in enumerate(document["moves"]) if ("moves", i) not in done.missing]
    recorded["moves"] = sorted(moves, key=lambda m: (m["round"], m["expert_slug"], m["seq"]))
    recorded["refs"] = sorted(
        map(_timed, document["refs"]), key=lambda r: (r["source_id"], r["ref_type"], r["target_id"])
    )
    verdicts = [
        {name: value for name, value in _timed(v).items() if name not in _COMPUTED}
        for v in document["verdicts"]
    ]
    recorded["verdicts"] = sorted(
        verdicts, key=lambda v: (v["round"], v["created_at"], v["verdict_id"])
    )
    recorded["signals"] = sorted(
        (
            {
                "round": s["round"],
                "expert_slug": s["expert_name"],
                "created_at": normalise(s["signaled_at"]),
            }
            for s in document["convergence_signals"]
        ),
        key=lambda s: (s["round"], s["expert_slug"]),
    )
    recorded["events"] = sorted(
        _events(document, done), key=lambda e: (e["timestamp"], e["entity_id"])
    )
    return recorded


def _timed(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: normalise(value) if name.endswith("_at") and value is not None else value
        for name, value in entity.items()
    }


def _expert(expert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_timed(expert),
        "scores": {f"{int(r):02d}": score for r, score in (expert["scores"] or {}).items()},
        "raw_content": {f"{int(r):02d}": t for r, t in (expert["raw_content"] or {}).items()},
    }


def _entity(entity: Mapping[str, Any], done: Replay) -> dict[str, Any]:
    out = {name: value for name, value in _timed(entity).items() if name != "id"}
    out["display_id"] = entity["id"]
    out["references"] = entity["references"] or []
    out["status"] = done.statuses.get(entity["id"], entity["status"])
    return out


def _events(document: Document, done: Replay) -> Iterator[dict[str, Any]]:
    for kind, letter in (("perspective", "P"), ("tension", "T"), ("recommendation", "R")):
        for i, event in enumerate(document["events"][kind]):
            if (f"{kind}_events", i) in done.missing:
                continue
            out = {
                name: value
                for name, value in _timed(event).items()
                if name not in (f"{kind}_round", f"{kind}_seq")
            }
            out["entity_id"] = f"{letter}{event[f'{kind}_round']:02d}{event[f'{kind}_seq']:02d}"
            out["timestamp"] = out["created_at"]
            yield out
