"""What is computed, never stored: verdict context, scoreboard, progress, snippets, dialogue.json (GRAPH)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..kit import crypto
from ..kit.edits import ABSENT, Edit
from ..kit.recipe import Bytes, Case, Family, Fields, Note
from ..kit.schemas import BOOLEAN, HEX, INTEGER, OBJECT, TEXT, list_of, nullable, object_of
from ..kit.stories import at
from ..kit.tables import kind, kinds

__all__ = ["FAMILY", "export", "verdict_context"]

FAMILY = Family(
    "graph",
    planned=True,
    title="What is computed from a partition: verdict context, scoreboard, progress, citations, export",
    header=[
        "`partition` is what `load_partition` gives, the dialogue's id left out; unset is null.",
        (
            "`export`: is `document` (hex of its bytes) the dialogue.json of `partition`? Its members besides"
            " GRAPH-06's: every result has the fields of its type in entities.json, and its display id where"
            " it has one, unset ones null; a verdict has its computed lists in `context`; a warning is"
            " {code, subject}, by code, then subject (a round's two digits, a display id, a slug, a verdict)."
        ),
        "`import`: `import_dialogue(dialogue_id, document)`.",
    ],
    notes={
        "Context": Note(
            "the verdict's context as of its moment",
            "what a verdict rested on is shown wrongly",
            ["GRAPH-02"],
        ),
        "LaterWrite": Note(
            "something was written after the verdict",
            "a verdict's context changes behind its back",
            ["GRAPH-02"],
        ),
        "Path": Note(
            "which refs lead from evidence or claim to an adopted recommendation",
            "evidence is credited to what it does not support",
            ["GRAPH-02"],
        ),
        "Cycle": Note("refs that go round in a circle", "a traversal does not end", ["GRAPH-05"]),
        "Rounding": Note(
            "an integer percentage, rounded down",
            "a dialogue converges one signal too early",
            ["GRAPH-04"],
        ),
        "Numbers": Note("computed from rounds", "dashboards disagree", ["GRAPH-04"]),
        "Cut": Note(
            "a snippet of 200 bytes, cut at a character",
            "a multi-byte character is torn or the process stops",
            ["GRAPH-04"],
        ),
        "Export": Note(
            "dialogue.json, byte for byte",
            "exports of two backends differ",
            ["GRAPH-06", "ADDR-10"],
        ),
        "Import": Note(
            "a document to be imported",
            "a partition comes to be that no sequence of writes could make",
            ["GRAPH-06"],
        ),
        "Unknown": Note("something that is not there", "a wrong answer for none", ["STORE-06"]),
    },
)

_LISTS = {k.plural: name for name, k in kinds().items() if k.letter and k.plural}
_RESULTS = list_of(OBJECT)
_IDS = list_of(TEXT)
_CONTEXT_SCHEMA = {
    "tensions_resolved": _IDS,
    "recommendations_adopted": _IDS,
    "key_evidence": _IDS,
    "key_claims": _IDS,
}
_CONTEXT = FAMILY.group(
    type="verdict-context",
    file="verdict-context",
    fields=Fields(
        input={
            "verdict_id": TEXT,
            "partition": object_of(
                dict.fromkeys(
                    (
                        *("verdicts", "tensions", "recommendations", "evidence", "claims"),
                        *("perspectives", "refs", "events"),
                    ),
                    _RESULTS,
                )
            ),
        },
        expected=_CONTEXT_SCHEMA,
    ),
)
_ROW = (
    *("round", "wisdom", "consistency", "truth", "relationships", "total", "open_tensions"),
    *("new_perspectives", "velocity", "converge_signals", "panel_size", "converge_percent"),
    *("cumulative_total", "cumulative_wisdom", "cumulative_consistency", "cumulative_truth"),
    "cumulative_relationships",
)
_BOARD = FAMILY.group(
    type="scoreboard",
    file="numbers",
    fields=Fields(
        input={"rounds": _RESULTS},
        expected={
            "rows": list_of(object_of(dict.fromkeys(_ROW, INTEGER))),
            "can_converge": BOOLEAN,
            "blockers": _IDS,
        },
    ),
)
_PROGRESS = FAMILY.group(
    type="progress",
    file="numbers",
    fields=Fields(
        input={
            "dialogue": OBJECT,
            "rounds": _RESULTS,
            "tensions": _RESULTS,
            "experts": _RESULTS,
        },
        expected={
            "current_round": INTEGER,
            "total_rounds": INTEGER,
            "total_alignment": INTEGER,
            "round_scores": list_of(INTEGER),
            "velocity": INTEGER,
            "converging": BOOLEAN,
            "open_tensions": INTEGER,
            "active_experts": _IDS,
            "leaderboard": list_of(object_of({"expert_slug": TEXT, "total_score": INTEGER})),
            "estimated_rounds_remaining": nullable(INTEGER),
        },
    ),
)
_SNIPPET = FAMILY.group(
    type="snippet",
    file="numbers",
    fields=Fields(input={"content": TEXT}, expected={"snippet": TEXT}),
)
_EXPORT = FAMILY.group(
    type="export",
    file="dialogue-json",
    fields=Fields(input={"partition": OBJECT, "document": HEX}),
)
_IMPORT = FAMILY.group(
    type="import",
    file="dialogue-json",
    fields=Fields(input={"dialogue_id": TEXT, "document": OBJECT}, expected={"dialogue_id": TEXT}),
)


# -- results ---------------------------------------------------------------------------------------


def _result(of: str, **given: Any) -> dict[str, Any]:
    """A result with every field of its type, unset ones null."""
    own: dict[str, Any] = {}
    letter = kind(of).letter
    if letter:
        own["display_id"] = f"{letter}{given['round']:02d}{given['seq']:02d}"
    names = [field.name for field in kind(of).fields if field.name != "dialogue_id"]
    unknown = given.keys() - set(names)
    if unknown:
        raise ValueError(f"{of} has no {sorted(unknown)}")
    return {**own, **{name: given.get(name) for name in names}}


def _entity(
    of: str, number: int, seq: int, minute: int, status: str, **more: Any
) -> dict[str, Any]:
    text = "description" if of == "tension" else "content"
    label = f"{of} {number}.{seq}"
    return _result(
        of,
        **{
            "round": number,
            "seq": seq,
            "status": status,
            "created_at": at(minute),
            "updated_at": at(minute),
            "label": label,
            text: f"{label}, in full",
            "contributors": ["muffin"],
            "references": [],
            **more,
        },
    )


def _event(entity_id: str, event_type: str, minute: int, **more: Any) -> dict[str, Any]:
    of = {"T": "tension", "P": "perspective", "R": "recommendation"}[entity_id[0]]
    return _result(
        f"{of}_event",
        entity_id=entity_id,
        timestamp=at(minute),
        event_type=event_type,
        event_round=int(entity_id[1:3]),
        created_at=at(minute),
        actors=["judge"],
        **more,
    )


def _ref(source: str, ref_type: str, target: str, minute: int) -> dict[str, Any]:
    return _result(
        "ref",
        source_id=source,
        ref_type=ref_type,
        target_id=target,
        source_type=source[0],
        target_type=target[0],
        created_at=at(minute),
    )


def _verdict(verdict_id: str, minute: int, **more: Any) -> dict[str, Any]:
    return _result(
        "verdict",
        **{
            "verdict_id": verdict_id,
            "verdict_type": "interim",
            "round": 1,
            "created_at": at(minute),
            "recommendation": "Go on",
            "description": "Because of what was said",
            **more,
        },
    )


# -- verdict context -------------------------------------------------------------------------------


def verdict_context(partition: Mapping[str, Any], verdict_id: str) -> dict[str, list[str]]:
    """GRAPH-02, word by word."""
    verdict = next(v for v in partition["verdicts"] if v["verdict_id"] == verdict_id)
    moment = verdict["created_at"]

    def by_then(name: str) -> list[dict[str, Any]]:
        return [result for result in partition[name] if result["created_at"] <= moment]

    resolved = []
    for tension in by_then("tensions"):
        own = [
            event
            for event in partition["events"]
            if event["entity_id"] == tension["display_id"]
            and event["timestamp"] <= moment
            and event["event_type"] != "commented"
        ]
        if own and max(own, key=lambda event: event["timestamp"])["event_type"] == "resolved":
            resolved.append(tension["display_id"])
    adopted = [
        r["display_id"] for r in by_then("recommendations") if r["adopted_in_verdict"] == verdict_id
    ]
    # Backwards from the adopted recommendations: who has a path to them?
    reaching = set(adopted)
    refs = by_then("refs")
    while True:
        more = set()
        for ref in refs:
            source, target = ref["source_id"], ref["target_id"]
            if ref["ref_type"] in ("refine", "support", "depend") and target in reaching:
                more.add(source)
            if ref["ref_type"] in ("support", "depend") and source in reaching:
                more.add(target)
        if more <= reaching:
            break
        reaching |= more
    return {
        "tensions_resolved": sorted(resolved),
        "recommendations_adopted": sorted(adopted),
        "key_evidence": sorted(
            e["display_id"] for e in by_then("evidence") if e["display_id"] in reaching
        ),
        "key_claims": sorted(
            c["display_id"] for c in by_then("claims") if c["display_id"] in reaching
        ),
    }


def _base() -> dict[str, Any]:
    """A verdict at minute 10 over one resolved and one open tension, two recommendations of which one was
    adopted, two pieces of evidence and two claims."""
    return {
        "verdicts": [_verdict("v-1", 10)],
        "tensions": [
            _entity("tension", 0, 1, 1, "resolved"),
            _entity("tension", 0, 2, 1, "open"),
        ],
        "recommendations": [
            _entity("recommendation", 1, 1, 2, "adopted", adopted_in_verdict="v-1"),
            _entity("recommendation", 1, 2, 2, "proposed"),
        ],
        "evidence": [
            _entity("evidence", 1, 1, 3, "cited"),
            _entity("evidence", 1, 2, 3, "cited"),
        ],
        "claims": [
            _entity("claim", 1, 1, 4, "asserted"),
            _entity("claim", 1, 2, 4, "asserted"),
        ],
        "perspectives": [_entity("perspective", 0, 1, 1, "open")],
        "refs": [
            _ref("E0101", "support", "R0101", 5),
            _ref("C0101", "depend", "E0101", 5),
            _ref("E0102", "support", "R0102", 5),
        ],
        "events": [
            _event("T0001", "created", 1),
            _event("T0002", "created", 1),
            _event("R0101", "created", 2),
            _event("R0102", "created", 2),
            _event("T0001", "resolved", 6),
            _event("R0101", "adopted", 11, reference="v-1"),
        ],
    }


def _context(
    name: str, partition: dict[str, Any], flag: str, comment: str, verdict: str = "v-1"
) -> Case:
    partition["events"].sort(key=lambda event: (event["timestamp"], event["entity_id"]))
    partition["refs"].sort(key=lambda r: (r["source_id"], r["ref_type"], r["target_id"]))
    return Case(
        f"graph-context-{name}",
        comment=comment,
        rules=["GRAPH-02", "GRAPH-01", *(["GRAPH-05"] if flag == "Cycle" else [])],
        flags=[flag],
        data={"verdict_id": verdict, "partition": partition},
        expected=verdict_context(partition, verdict),
    )


@_CONTEXT.case
def as_of_its_moment() -> Iterator[Case]:
    """The context of a verdict, before and after later writes."""
    yield _context(
        "as-registered", _base(), "Context", "What had been said by the verdict's moment."
    )
    made = _base()
    made["recommendations"][0] = _entity("recommendation", 1, 1, 2, "proposed")
    made["events"] = made["events"][:-1]
    yield _context(
        "before-the-adoption", made, "Context", "Nothing is adopted yet: no path ends anywhere."
    )
    made = _base()
    made["events"].append(_event("T0001", "reopened", 12))
    made["tensions"][0]["status"] = "reopened"
    yield _context(
        "tension-reopened-later", made, "LaterWrite", "A tension reopened later was resolved then."
    )
    made = _base()
    made["events"].append(_event("T0002", "resolved", 12))
    made["tensions"][1]["status"] = "resolved"
    yield _context(
        "tension-resolved-later", made, "LaterWrite", "A tension resolved later was open then."
    )
    made = _base()
    made["events"].append(_event("T0002", "resolved", 10))
    made["tensions"][1]["status"] = "resolved"
    yield _context(
        "tension-resolved-at-the-moment", made, "Context", "The verdict's own moment is included."
    )
    made = _base()
    made["events"].append(_event("T0001", "commented", 7, reason="Well done"))
    yield _context("comment-after-the-resolution", made, "Context", "A comment is no status event.")
    made = _base()
    made["events"] += [_event("T0001", "reopened", 8), _event("T0001", "resolved", 9)]
    yield _context(
        "resolved-reopened-resolved", made, "Context", "The last status event by then decides."
    )
    made = _base()
    made["events"].append(_event("T0001", "reopened", 8))
    yield _context(
        "resolved-then-reopened", made, "Context", "Resolved once, reopened before the verdict."
    )
    made = _base()
    made["events"] += [_event("T0001", "reopened", 7), _event("T0001", "addressed", 8)]
    yield _context("addressed-after-reopening", made, "Context", "Addressed is not resolved.")
    made = _base()
    made["evidence"].append(_entity("evidence", 1, 3, 12, "cited"))
    made["refs"].append(_ref("E0103", "support", "R0101", 12))
    yield _context("evidence-later", made, "LaterWrite", "Evidence given later was not there.")
    made = _base()
    made["refs"].append(_ref("E0102", "support", "R0101", 12))
    yield _context(
        "ref-later", made, "LaterWrite", "A ref drawn later does not make old evidence key."
    )
    made = _base()
    made["refs"].append(_ref("E0102", "support", "R0101", 10))
    yield _context(
        "ref-at-the-moment", made, "Context", "A ref of the verdict's own moment counts."
    )
    made = _base()
    made["claims"].append(_entity("claim", 1, 3, 12, "asserted"))
    made["refs"] += [_ref("C0103", "support", "R0101", 12), _ref("C0103", "support", "C0102", 12)]
    yield _context("claim-later", made, "LaterWrite", "A claim made later leads nowhere then.")
    made = _base()
    made["recommendations"].append(
        _entity("recommendation", 1, 3, 12, "adopted", adopted_in_verdict="v-1")
    )
    made["refs"].append(_ref("E0102", "support", "R0103", 12))
    yield _context(
        "recommendation-later", made, "LaterWrite", "Adopted, but it did not exist by then."
    )
    made = _base()
    made["recommendations"][1] = _entity(
        "recommendation", 1, 2, 2, "adopted", adopted_in_verdict="v-1", updated_at=at(20)
    )
    made["events"].append(_event("R0102", "adopted", 20, reference="v-1"))
    yield _context(
        "adoption-later",
        made,
        "LaterWrite",
        "The adoption itself is the one later write that counts.",
    )
    made = _base()
    made["verdicts"].append(_verdict("v-2", 12))
    made["recommendations"][1] = _entity(
        "recommendation", 1, 2, 2, "adopted", adopted_in_verdict="v-2", updated_at=at(13)
    )
    yield _context(
        "another-verdict-later", made, "LaterWrite", "A later verdict's adoption is its own."
    )
    second = _base()
    second["verdicts"].append(_verdict("v-2", 12))
    second["recommendations"][1] = made["recommendations"][1]
    yield _context(
        "of-the-later-verdict", second, "Context", "The later verdict has its own context.", "v-2"
    )
    made = _base()
    for name in (
        "tensions",
        "recommendations",
        "evidence",
        "claims",
        "perspectives",
        "refs",
        "events",
    ):
        made[name] = []
    yield _context("of-nothing", made, "Context", "Four empty lists.")


@_CONTEXT.case
def along_refs() -> Iterator[Case]:
    """Which refs a path may take: `refine` from source to target, `support` and `depend` both ways."""
    followed = {
        "support-to": ("E0102", "support", "R0101"),
        "support-from": ("R0101", "support", "E0102"),
        "depend-to": ("E0102", "depend", "R0101"),
        "depend-from": ("R0101", "depend", "E0102"),
        "oppose-to": ("E0102", "oppose", "R0101"),
        "question-to": ("E0102", "question", "R0101"),
        "question-from": ("R0101", "question", "E0102"),
        "oppose-from": ("R0101", "oppose", "E0102"),
        "refine-evidence-to": ("E0102", "refine", "E0101"),
        "refine-evidence-from": ("E0101", "refine", "E0102"),
        "refine-claim-to": ("C0102", "refine", "C0101"),
        "refine-claim-from": ("C0101", "refine", "C0102"),
        "through-a-perspective": ("P0001", "support", "R0101"),
    }
    for name, (source, ref_type, target) in followed.items():
        made = _base()
        made["refs"].append(_ref(source, ref_type, target, 6))
        if name == "through-a-perspective":
            made["refs"].append(_ref("C0102", "support", "P0001", 6))
        yield _context(
            f"path-{name}", made, "Path", f"`{source} {ref_type} {target}` beside the sound ones."
        )
    made = _base()
    made["recommendations"].append(_entity("recommendation", 1, 3, 3, "proposed"))
    made["refs"] += [_ref("R0103", "refine", "R0101", 6), _ref("C0102", "support", "R0103", 6)]
    yield _context(
        "path-through-a-refinement", made, "Path", "A refinement of the adopted leads to it."
    )
    made = _base()
    made["recommendations"].append(_entity("recommendation", 1, 3, 3, "proposed"))
    made["refs"] += [_ref("R0101", "refine", "R0103", 6), _ref("C0102", "support", "R0103", 6)]
    yield _context(
        "path-through-what-was-refined", made, "Path", "What the adopted refines does not."
    )
    made = _base()
    made["tensions"][1]["status"] = "addressed"
    made["events"].append(_event("T0002", "addressed", 6))
    made["refs"] += [_ref("R0101", "address", "T0002", 6), _ref("C0102", "support", "T0002", 6)]
    yield _context("path-over-a-tension", made, "Path", "`address` is no step of a path.")
    made = _base()
    made["refs"] += [
        _ref("E0102", "refine", "E0101", 6),
        _ref("E0101", "refine", "E0102", 6),
        _ref("C0102", "support", "C0101", 6),
        _ref("C0101", "support", "C0102", 6),
    ]
    yield _context("cycles", made, "Cycle", "Refs that go round: every traversal ends.")
    made = _base()
    made["claims"] = [_entity("claim", n // 99, n % 99 + 1, 4, "asserted") for n in range(400)]
    ids = [claim["display_id"] for claim in made["claims"]]
    made["refs"] = [_ref(ids[0], "support", "R0101", 5)]
    made["refs"] += [_ref(b, "refine", a, 5) for a, b in itertools.pairwise(ids)]
    made["evidence"] = []
    yield _context(
        "long-path", made, "Cycle", "A chain of 400 claims, each refining the one before."
    )


@_CONTEXT.case
def no_such_verdict() -> Iterator[Case]:
    """A verdict that is not there."""
    for name, verdict in (("unknown", "v-2"), ("in-upper-case", "V-1")):
        made = _base()
        made["refs"].sort(key=lambda r: (r["source_id"], r["ref_type"], r["target_id"]))
        yield Case(
            f"graph-context-verdict-{name}",
            rules=["GRAPH-02", "STORE-06"],
            flags=["Unknown"],
            data={"verdict_id": verdict, "partition": made},
            result="invalid",
            mutation="verdict-unknown",
            sibling="graph-context-as-registered",
            changed=["/verdict_id"],
        )


# -- numbers ---------------------------------------------------------------------------------------


def _round(number: int, score: int, **more: Any) -> dict[str, Any]:
    metrics = ("wisdom", "consistency", "truth", "relationships")
    return _result(
        "round",
        **{
            "round": number,
            "score": score,
            "status": "completed",
            **{f"score_{name}": 0 for name in metrics},
            "open_tensions": 0,
            "new_perspectives": 0,
            "converge_signals": 0,
            "panel_size": 0,
            "created_at": at(number),
            "updated_at": at(number),
            "completed_at": at(number),
            **more,
        },
    )


def _scoreboard(rounds: list[dict[str, Any]]) -> list[dict[str, int]]:
    rows: list[dict[str, int]] = []
    sums = dict.fromkeys(("total", "wisdom", "consistency", "truth", "relationships"), 0)
    for given in rounds:
        scores = {name: given[f"score_{name}"] for name in list(sums)[1:]}
        scores["total"] = sum(scores.values())
        for name in sums:
            sums[name] += scores[name]
        signals, panel = given["converge_signals"], given["panel_size"]
        values = {
            **{name: scores[name] for name in scores},
            "round": given["round"],
            "open_tensions": given["open_tensions"],
            "new_perspectives": given["new_perspectives"],
            "velocity": given["open_tensions"] + given["new_perspectives"],
            "converge_signals": signals,
            "panel_size": panel,
            "converge_percent": signals * 100 // panel if panel else 0,
            **{f"cumulative_{name}": value for name, value in sums.items()},
        }
        rows.append({name: values[name] for name in _ROW})
    return rows


def _blockers(rows: list[dict[str, int]]) -> list[str]:
    if not rows:
        return ["no rounds registered"]
    last = rows[-1]
    found = []
    if last["velocity"]:
        found.append(
            f"velocity={last['velocity']} (open_tensions={last['open_tensions']},"
            f" new_perspectives={last['new_perspectives']})"
        )
    if last["converge_percent"] < 100:
        found.append(
            f"converge_percent={last['converge_percent']}%"
            f" ({last['converge_signals']}/{last['panel_size']})"
        )
    return found


@_BOARD.case
def scoreboards() -> Iterator[Case]:
    """A row for each round, with cumulative sums, and what stands in the way of convergence."""
    scored = {
        "score_wisdom": 10,
        "score_consistency": 7,
        "score_truth": 5,
        "score_relationships": 3,
    }
    boards = {
        "no-rounds": [],
        "one-round": [_round(0, 25, **scored, open_tensions=2, new_perspectives=3, panel_size=6)],
        "cumulative": [
            _round(0, 25, **scored, open_tensions=10, new_perspectives=20, panel_size=6),
            _round(1, 25, **scored, open_tensions=1, converge_signals=3, panel_size=6),
            _round(2, 25, **scored, converge_signals=6, panel_size=6),
        ],
        "gap-in-rounds": [_round(0, 1, score_truth=1), _round(7, 2, score_truth=2, panel_size=1)],
        "velocity-blocks": [
            _round(0, 0, open_tensions=10, new_perspectives=20, converge_signals=6, panel_size=6)
        ],
        "both-block": [
            _round(0, 0, open_tensions=10, new_perspectives=20, converge_signals=5, panel_size=6)
        ],
        "earlier-round-does-not-block": [
            _round(0, 0, open_tensions=9),
            _round(1, 0, converge_signals=2, panel_size=2),
        ],
    }
    for name, rounds in boards.items():
        yield _board(name, rounds, "Numbers")


@_BOARD.case
def percentages() -> Iterator[Case]:
    """Signals times 100 / panel, rounded down; 0 without a panel; more signals than panel is over 100."""
    for signals, panel in (
        *((0, 0), (1, 0), (0, 1), (1, 1), (1, 3), (2, 3), (5, 6), (6, 7), (99, 100), (199, 200)),
        *((200, 201), (1, 8), (7, 8), (3, 2), (999, 1000), (29, 29), (1, 100), (1, 101)),
    ):
        rounds = [_round(0, 0, converge_signals=signals, panel_size=panel)]
        yield _board(f"percent-{signals}-of-{panel}", rounds, "Rounding")


def _board(name: str, rounds: list[dict[str, Any]], flag: str) -> Case:
    rows = _scoreboard(rounds)
    blockers = _blockers(rows)
    return Case(
        f"graph-scoreboard-{name}",
        rules=["GRAPH-04"],
        flags=[flag],
        data={"rounds": rounds},
        expected={"rows": rows, "can_converge": not blockers, "blockers": blockers},
    )


@_PROGRESS.case
def progress() -> Iterator[Case]:
    """Velocity, convergence and the estimate of rounds that remain."""
    cases: dict[str, tuple[list[int], list[str], int | None, bool]] = {
        "rising-five-open": ([10, 20], ["open"] * 5, 2, False),
        "rising-one-open": ([10, 20], ["open"], 1, False),
        "rising-four-of-each": ([10, 20], ["open", "addressed", "reopened", "resolved"], 1, False),
        "falling": ([20, 10], ["open"] * 4, None, False),
        "standing": ([20, 20], ["open"] * 4, None, False),
        "no-open-tension": ([20, 10], ["resolved"] * 3, 1, False),
        "no-tension-at-all": ([20, 10], [], 1, False),
        "converging": ([10, 12, 14], ["open"] * 6, 1, True),
        "converging-just": ([10, 14, 18], ["open"] * 6, 1, True),
        "not-converging-last-delta": ([10, 14, 19], ["open"] * 6, 3, False),
        "not-converging-delta-before": ([10, 15, 19], ["open"] * 6, 3, False),
        "two-rounds-never-converge": ([10, 11], ["open"] * 6, 3, False),
        "only-the-last-deltas": ([0, 50, 51, 52], ["open"] * 6, 1, True),
        "a-deep-fall-at-last": ([40, 42, 3], ["open"] * 6, 1, True),
        "a-deep-fall-before": ([90, 10, 13], ["open"] * 6, 1, True),
        "two-deep-falls": ([90, 40, 0], ["open"] * 6, 1, True),
        "a-deep-fall-of-two-rounds": ([90, 0], ["open"] * 6, None, False),
        "falling-then-rising": ([90, 10, 60], ["open"] * 6, 3, False),
    }
    slugs = {"muffin": 7, "eclair": 12, "donut": 7, "Zimt": 7}
    experts = [
        _result(
            "expert",
            expert_slug=slug,
            tier="Core",
            source="pool",
            total_score=score,
            created_at=at(0),
            updated_at=at(0),
            role="Host",
            scores={},
            raw_content={},
        )
        for slug, score in sorted(slugs.items())
    ]
    board = sorted(slugs, key=lambda slug: (-slugs[slug], slug))
    for name, (scores, statuses, estimate, converging) in cases.items():
        tensions = [
            _entity("tension", 0, n, 1, status) for n, status in enumerate(statuses, start=1)
        ]
        dialogue = _dialogue(total_rounds=len(scores), total_alignment=sum(scores))
        still = sum(status != "resolved" for status in statuses)
        yield Case(
            f"graph-progress-{name}",
            rules=["GRAPH-04"],
            flags=["Numbers"],
            data={
                "dialogue": dialogue,
                "rounds": [_round(n, score) for n, score in enumerate(scores)],
                "tensions": tensions,
                "experts": experts,
            },
            expected={
                "current_round": len(scores) - 1,
                "total_rounds": len(scores),
                "total_alignment": sum(scores),
                "round_scores": scores,
                "velocity": scores[-1] - scores[-2],
                "converging": converging,
                "open_tensions": still,
                "active_experts": board,
                "leaderboard": [{"expert_slug": s, "total_score": slugs[s]} for s in board],
                "estimated_rounds_remaining": estimate,
            },
        )


def _dialogue(**more: Any) -> dict[str, Any]:
    return _result(
        "dialogue",
        **{
            "status": "open",
            "created_at": at(0),
            "updated_at": at(0),
            "total_rounds": 0,
            "total_alignment": 0,
            "calibrated": False,
            "title": "Whither",
            **more,
        },
    )


@_SNIPPET.case
def snippets() -> Iterator[Case]:
    """The first 200 bytes of the UTF-8, less what would be a part of a character."""
    texts = {
        "short": "Short.",
        "exactly-200": "a" * 200,
        "201": "a" * 201,
        "two-bytes-across": "a" * 199 + "é" + "b",
        "two-bytes-fit": "a" * 198 + "é" + "b",
        "three-bytes-across": "a" * 198 + "→" + "b" * 9,
        "three-bytes-fit": "a" * 197 + "→" + "b" * 9,
        "four-bytes-across": "a" * 197 + "\U0001f600" + "b" * 9,
        "four-bytes-fit": "a" * 196 + "\U0001f600" + "b" * 9,
        "emoji-only": "\U0001f600" * 60,
        "thai": "ภาษา" * 40,
        "combining-mark-may-be-cut-off": "a" * 199 + "e\u0301" * 4,
        "line-feeds": "line\n" * 50,
        "nul": "\u0000" * 201,
        "one-character": "é",
    }
    for name, text in texts.items():
        cut = text.encode()[:200].decode("utf-8", "ignore")
        yield Case(
            f"graph-snippet-{name}",
            rules=["GRAPH-04"],
            flags=["Cut"],
            data={"content": text},
            expected={"snippet": cut},
        )


# -- dialogue.json ---------------------------------------------------------------------------------


def _partition() -> dict[str, Any]:
    """A small dialogue with something of everything, and each kind of warning."""
    made = _base()
    expert = _result(
        "expert",
        expert_slug="muffin",
        tier="Core",
        source="pool",
        relevance=0.95,
        first_round=0,
        total_score=12,
        created_at=at(0),
        updated_at=at(2),
        role="Host",
        scores={"00": 5, "01": 7},
        raw_content={"00": "**Tea** \u2192 first\n"},
    )
    move = _result(
        "move",
        round=1,
        expert_slug="muffin",
        seq=1,
        move_type="defend",
        created_at=at(5),
        targets=["P0001"],
    )
    made["claims"][1]["contributors"] = ["guest"]
    made["tensions"][0]["updated_at"] = at(6)
    made["recommendations"][0]["updated_at"] = at(11)
    final = _verdict("v-2", 12, verdict_type="final", confidence="strong")
    made["events"].append(_event("P0001", "created", 1))
    made["events"].sort(key=lambda event: (event["timestamp"], event["entity_id"]))
    made["refs"].sort(key=lambda r: (r["source_id"], r["ref_type"], r["target_id"]))
    status = {"status": "converged", "converged_at": at(12), "updated_at": at(12)}
    about = {"subject": "Tea \U0001f375", "situation": ""}
    totals = {"total_rounds": 2, "total_alignment": 30}
    return {
        "dialogue": {
            "dialogue_id": "whither",
            **_dialogue(**status, **totals, background=about),
        },
        "experts": [expert],
        "rounds": [_round(0, 30, panel_size=2, converge_signals=1, score_truth=30), _round(1, 0)],
        "verdicts": [*made["verdicts"], final],
        "perspectives": made["perspectives"],
        "tensions": made["tensions"],
        "recommendations": made["recommendations"],
        "evidence": made["evidence"],
        "claims": made["claims"],
        "moves": [move],
        "refs": made["refs"],
        "events": made["events"],
        "signals": [_result("signal", round=1, expert_slug="muffin", created_at=at(9))],
    }


def export(partition: Mapping[str, Any]) -> dict[str, Any]:
    """GRAPH-06 as an object; its bytes are the canonical JSON and one LF."""
    return {
        "format_version": 1,
        **partition,
        "verdicts": [
            {**verdict, "context": verdict_context(partition, verdict["verdict_id"])}
            for verdict in partition["verdicts"]
        ],
        "scoreboard": _scoreboard(partition["rounds"]),
        "warnings": _warnings(partition),
    }


def _warnings(partition: Mapping[str, Any]) -> list[dict[str, str]]:
    found = {
        ("missing_score", f"{r['round']:02d}")
        for r in partition["rounds"]
        if r["status"] == "completed" and r["score"] == 0
    }
    if partition["dialogue"]["status"] == "converged":
        found |= {
            ("unresolved_tension", t["display_id"])
            for t in partition["tensions"]
            if t["status"] != "resolved"
        }
    known = {expert["expert_slug"] for expert in partition["experts"]}
    for name in _LISTS:
        for result in partition[name]:
            found |= {
                ("orphaned_contributor", slug) for slug in set(result["contributors"]) - known
            }
    found |= {
        ("verdict_incomplete", v["verdict_id"])
        for v in partition["verdicts"]
        if v["verdict_type"] == "final" and (v["vote"] is None or v["confidence"] is None)
    }
    return [{"code": code, "subject": subject} for code, subject in sorted(found)]


def _empty() -> dict[str, Any]:
    lists = dict.fromkeys(kind.plural for kind in kinds().values() if kind.plural)
    return {
        "dialogue": {"dialogue_id": "empty", **_dialogue()},
        **{name: [] for name in lists},
    }


def _bytes(partition: Mapping[str, Any]) -> bytes:
    return crypto.canonical(export(partition)) + b"\n"


@_EXPORT.case
def exports() -> Iterator[Case]:
    """dialogue.json: canonical JSON and one LF."""
    for name, partition in (("everything", _partition()), ("empty-dialogue", _empty())):
        yield Case(
            f"graph-export-{name}",
            rules=["GRAPH-06", "GRAPH-02", "ADDR-10"],
            flags=["Export"],
            data={"partition": partition, "document": _bytes(partition)},
        )


@_EXPORT.case
def scope_of_warnings() -> Iterator[Case]:
    """Who is warned of what: of tensions only where the dialogue is converged, of rounds only where they are
    completed, of verdicts only where they are final; a contributor once."""
    live, converged = _partition(), _partition()
    live["dialogue"] |= {"status": "open", "converged_at": None}
    live["verdicts"] = live["verdicts"][:1]
    live["rounds"][1] |= {"status": "open", "completed_at": None}
    converged["tensions"] += [
        _entity("tension", 1, seq, 3, status)
        for seq, status in enumerate(("addressed", "reopened", "resolved"), start=1)
    ]
    converged["rounds"][1]["score"] = -3
    converged["recommendations"][1]["contributors"] = ["guest", "muffin", "guest"]
    converged["evidence"][0]["contributors"] = ["another-guest"]
    converged["verdicts"][1] |= {"vote": "3:1", "supporting_experts": ["nobody"]}
    expected = {
        "live-dialogue": (live, [("orphaned_contributor", "guest")]),
        "scope-of-warnings": (
            converged,
            [
                *[("orphaned_contributor", slug) for slug in ("another-guest", "guest")],
                *[("unresolved_tension", name) for name in ("T0002", "T0101", "T0102")],
            ],
        ),
    }
    for name, (partition, warnings) in expected.items():
        wanted = [{"code": code, "subject": subject} for code, subject in warnings]
        if export(partition)["warnings"] != wanted:
            raise ValueError(f"{name}: {export(partition)['warnings']}")
        yield Case(
            f"graph-export-{name}",
            rules=["GRAPH-06", "GRAPH-04"],
            flags=["Export"],
            data={"partition": partition, "document": _bytes(partition)},
        )


@_EXPORT.case
def exports_of_another_form() -> Iterator[Case]:
    """The same dialogue, written otherwise: the bytes are not the ones."""
    partition = _partition()
    good = _bytes(partition)
    document = export(partition)
    last = len(good) - 1
    readings: dict[str, tuple[bytes, str | Bytes]] = {
        "without-line-feed": (good[:-1], Bytes("/document", last, 1)),
        "two-line-feeds": (good + b"\n", Bytes("/document", len(good), 1)),
        "carriage-return": (good[:-1] + b"\r\n", Bytes("/document", last, 1)),
        "byte-order-mark": (b"\xef\xbb\xbf" + good, Bytes("/document", 0, 3)),
        "indented": (
            json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True).encode(),
            "",
        ),
        "in-ascii": (
            json.dumps(document, separators=(",", ":"), sort_keys=True).encode() + b"\n",
            "",
        ),
        "keys-as-given": (
            json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n",
            "",
        ),
    }
    for name in ("warnings", "scoreboard", "signals", "format_version"):
        less = {key: value for key, value in document.items() if key != name}
        readings[f"without-{name.replace('_', '-')}"] = (crypto.canonical(less) + b"\n", "")
    no_context = [
        {k: v for k, v in verdict.items() if k != "context"} for verdict in document["verdicts"]
    ]
    readings["without-context"] = (
        crypto.canonical({**document, "verdicts": no_context}) + b"\n",
        "",
    )
    camel = {("formatVersion" if k == "format_version" else k): v for k, v in document.items()}
    readings["in-camel-case"] = (crypto.canonical(camel) + b"\n", "")
    for name, (raw, place) in readings.items():
        yield Case(
            f"graph-export-{name}",
            rules=["GRAPH-06", "ADDR-10"],
            flags=["Export"],
            data={"partition": partition, "document": raw},
            result="invalid",
            mutation="document-not-canonical",
            sibling="graph-export-everything",
            changed=[place or "/document"],
        )


@_IMPORT.case
def imports() -> Iterator[Case]:
    """An exported document gives an equal partition."""
    for name, partition in (("everything", _partition()), ("empty-dialogue", _empty())):
        dialogue_id = partition["dialogue"]["dialogue_id"]
        yield Case(
            f"graph-import-{name}",
            rules=["GRAPH-06"],
            flags=["Import"],
            data={"dialogue_id": dialogue_id, "document": export(partition)},
            expected={"dialogue_id": dialogue_id},
        )


_Steps = list[tuple[tuple[str | int, ...], Any]]


def _renamed(
    plural: str, place: int, letter: str, seq: int, *others: tuple[str | int, ...]
) -> _Steps:
    """The last of a series gets another number, wherever it is named."""
    number = 1 if letter in "RE" else 0
    name = f"{letter}{number:02d}{seq:02d}"
    own = ("document", plural, place)
    steps: _Steps = [((*own, "seq"), seq), ((*own, "display_id"), name)]
    return steps + [(("document", *other), name) for other in others]


#: Gaps in the series of each kind; whatever names the entity names it by its new number.
_GAPS: dict[str, tuple[str, _Steps]] = {
    "gap-in-perspectives": (
        "document-gap",
        _renamed("perspectives", 0, "P", 2, ("events", 0, "entity_id"), ("moves", 0, "targets", 0)),
    ),
    "gap-in-tensions": (
        "document-gap",
        _renamed("tensions", 1, "T", 3, ("events", 2, "entity_id"), ("warnings", 2, "subject")),
    ),
    "gap-in-recommendations": (
        "document-gap",
        _renamed(
            "recommendations", 1, "R", 3, ("events", 4, "entity_id"), ("refs", 2, "target_id")
        ),
    ),
    "gap-in-evidence": (
        "document-gap",
        _renamed("evidence", 1, "E", 3, ("refs", 2, "source_id")),
    ),
}


def _twice(name: str, **other: Any) -> tuple[str, _Steps]:
    """The first of a list stands there once more, with another text perhaps."""
    found = export(_partition())[name]
    return "document-twice", [(("document", name), [*found, {**found[0], **other}])]


#: Identities that stand there twice.
_TWICE: dict[str, tuple[str, _Steps]] = {
    "expert-twice": _twice("experts"),
    "expert-twice-with-another-role": _twice("experts", role="Guest"),
    "ref-twice": _twice("refs"),
    "ref-twice-at-another-time": _twice("refs", created_at=at(9)),
    "signal-twice": _twice("signals"),
    "event-twice": _twice("events"),
    "verdict-twice": _twice("verdicts"),
}


#: What is named and is not there, and what names itself.
_NAMED: dict[str, tuple[str, _Steps]] = {
    "ref-to-itself": (
        "document-self-reference",
        [
            (("document", "refs", 2, "target_id"), "E0102"),
            (("document", "refs", 2, "target_type"), "E"),
        ],
    ),
    "refine-of-another-type": (
        "document-reference",
        [(("document", "refs", 2, "ref_type"), "refine")],
    ),
    "address-at-no-tension": (
        "document-reference",
        [(("document", "refs", 2, "ref_type"), "address")],
    ),
    "ref-from-nothing": ("document-reference", [(("document", "refs", 0, "source_id"), "C0109")]),
    "event-of-a-claim": ("document-member", [(("document", "events", 0, "entity_id"), "C0101")]),
    "event-of-no-round": ("document-reference", [(("document", "events", 0, "event_round"), 9)]),
    "event-with-no-result": (
        "document-reference",
        [(("document", "events", 5, "result_id"), "C0109")],
    ),
    "verdict-of-no-round": ("document-reference", [(("document", "verdicts", 0, "round"), 9)]),
    "move-at-nothing": ("document-reference", [(("document", "moves", 0, "targets", 0), "P0009")]),
    "reference-to-nothing": (
        "document-reference",
        [(("document", "claims", 0, "references"), [{"type": "support", "target": "E0109"}])],
    ),
    "reference-to-itself": (
        "document-self-reference",
        [(("document", "claims", 0, "references"), [{"type": "refine", "target": "C0101"}])],
    ),
}


@_IMPORT.case
def imports_that_are_refused() -> Iterator[Case]:
    """A document that no export gives: another id, a gap in seq, a member or value that is refused."""
    wrong: dict[str, tuple[str, list[tuple[tuple[str | int, ...], Any]]]] = {
        "under-another-id": ("document-id", [(("dialogue_id",), "thither")]),
        "of-another-id": ("document-id", [(("document", "dialogue", "dialogue_id"), "thither")]),
        "gap-in-claims": (
            "document-gap",
            [
                (("document", "claims", 1, "seq"), 3),
                (("document", "claims", 1, "display_id"), "C0103"),
            ],
        ),
        "gap-in-moves": ("document-gap", [(("document", "moves", 0, "seq"), 2)]),
        "seq-twice": (
            "document-gap",
            [
                (("document", "claims", 1, "seq"), 1),
                (("document", "claims", 1, "display_id"), "C0101"),
            ],
        ),
        "seq-zero": (
            "document-value",
            [
                (("document", "perspectives", 0, "seq"), 0),
                (("document", "perspectives", 0, "display_id"), "P0000"),
            ],
        ),
        "display-id-of-another": (
            "document-value",
            [(("document", "claims", 1, "display_id"), "E0102")],
        ),
        "round-too-large": ("document-value", [(("document", "moves", 0, "round"), 100)]),
        "status-unknown": ("document-value", [(("document", "tensions", 1, "status"), "closed")]),
        "title-empty": ("document-value", [(("document", "dialogue", "title"), "")]),
        "relevance-over-one": ("document-value", [(("document", "experts", 0, "relevance"), 1.5)]),
        "relevance-too-fine": (
            "document-value",
            [(("document", "experts", 0, "relevance"), 0.1234567)],
        ),
        "time-with-offset": (
            "document-value",
            [(("document", "signals", 0, "created_at"), "2026-02-03T11:24:00.000000+01:00")],
        ),
        "event-time-differs": (
            "document-value",
            [(("document", "events", 0, "created_at"), at(30))],
        ),
        "round-key-of-scores": (
            "document-value",
            [(("document", "experts", 0, "scores"), {"0": 5})],
        ),
        "format-version": ("document-value", [(("document", "format_version"), 2)]),
        "identifier": ("document-value", [(("document", "experts", 0, "expert_slug"), "muf fin")]),
        "without-experts": ("document-member", [(("document", "experts"), ABSENT)]),
        "without-title": ("document-member", [(("document", "dialogue", "title"), ABSENT)]),
        "unknown-root-key": ("document-member", [(("document", "comment"), "x")]),
        "unknown-field": ("document-member", [(("document", "claims", 0, "mood"), "calm")]),
        "title-as-number": ("document-member", [(("document", "dialogue", "title"), 7)]),
        "claims-as-object": ("document-member", [(("document", "claims"), {})]),
        "required-null": ("document-member", [(("document", "rounds", 0, "score"), None)]),
        "score-as-text": ("document-member", [(("document", "rounds", 0, "score"), "30")]),
        "ref-to-nothing": (
            "document-reference",
            [(("document", "refs", 0, "target_id"), "E0109")],
        ),
        "ref-letter": ("document-reference", [(("document", "refs", 0, "target_type"), "P")]),
        "verdict-unknown": (
            "document-reference",
            [(("document", "recommendations", 0, "adopted_in_verdict"), "v-9")],
        ),
        "tension-accepted-unknown": (
            "document-reference",
            [(("document", "verdicts", 0, "tensions_accepted"), ["T0009"])],
        ),
        "event-of-nothing": (
            "document-reference",
            [(("document", "events", 0, "entity_id"), "T0009")],
        ),
        "signal-of-nobody": (
            "document-reference",
            [(("document", "signals", 0, "expert_slug"), "nobody")],
        ),
        "move-of-nobody": (
            "document-reference",
            [(("document", "moves", 0, "expert_slug"), "nobody")],
        ),
        **_GAPS,
        **_TWICE,
        **_NAMED,
        "entity-of-no-round": (
            "document-reference",
            [(("document", "signals", 0, "round"), 9)],
        ),
    }
    given = {"dialogue_id": "whither", "document": export(_partition())}
    for name, (mutation, steps) in wrong.items():
        edit = Edit(given)
        for place, value in steps:
            edit.set(*place, to=value)
        yield Case(
            f"graph-import-{name}",
            rules=["GRAPH-06", "STORE-14"],
            flags=["Import"],
            data=edit.data,
            result="invalid",
            mutation=mutation,
            sibling="graph-import-everything",
            changed=edit.changed,
        )
