"""What is computed from a partition: verdict context, numbers, dialogue.json (GRAPH-02 to GRAPH-06)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .. import fields, json8785
from ..difference import same
from ..tables import kinds, letters
from ..work import Refused, Work, check

__all__: list[str] = []

Result = Mapping[str, Any]
#: The lists of a document, and the types of what is in them; events are of three.
_LISTS = {k.plural: name for name, k in kinds().items() if k.plural and k.plural != "events"}
_ENTITIES = tuple(plural for plural, name in _LISTS.items() if name in letters().values())
_ROOT = {*_LISTS, "events", "dialogue", "format_version", "scoreboard", "warnings"}
_SCORES = ("wisdom", "consistency", "truth", "relationships")
_SNIPPET = 200
#: Ref types that point at tensions.
_AT_TENSIONS = ("address", "resolve", "reopen")


# -- verdict context (GRAPH-02) --------------------------------------------------------------------


@check("graph", "verdict-context")
def verdict_context(work: Work) -> None:
    """GRAPH-02."""
    work.give(**_context(work.input["partition"], work.input["verdict_id"]))


def _context(partition: Mapping[str, Sequence[Result]], verdict_id: str) -> dict[str, list[str]]:
    moments = [v["created_at"] for v in partition["verdicts"] if v["verdict_id"] == verdict_id]
    if not moments:
        raise Refused("input", "entity_not_found")
    moment = moments[0]

    def there(name: str) -> list[str]:
        return sorted(r["display_id"] for r in partition[name] if r["created_at"] <= moment)

    adopting = {
        r["display_id"]
        for r in partition["recommendations"]
        if r["adopted_in_verdict"] == verdict_id
    }
    adopted = [display_id for display_id in there("recommendations") if display_id in adopting]
    steps = _steps(ref for ref in partition["refs"] if ref["created_at"] <= moment)
    last: dict[str, str] = {}
    for event in sorted(partition["events"], key=lambda event: str(event["timestamp"])):
        if event["timestamp"] <= moment and event["event_type"] != "commented":
            last[event["entity_id"]] = event["event_type"]
    return {
        "tensions_resolved": [d for d in there("tensions") if last.get(d) == "resolved"],
        "recommendations_adopted": adopted,
        "key_evidence": [d for d in there("evidence") if _leads(d, steps, set(adopted))],
        "key_claims": [d for d in there("claims") if _leads(d, steps, set(adopted))],
    }


def _steps(refs: Iterable[Result]) -> dict[str, set[str]]:
    """Where one may go from a display id."""
    steps: dict[str, set[str]] = {}
    for ref in refs:
        if ref["ref_type"] in ("refine", "support", "depend"):
            steps.setdefault(ref["source_id"], set()).add(ref["target_id"])
        if ref["ref_type"] in ("support", "depend"):
            steps.setdefault(ref["target_id"], set()).add(ref["source_id"])
    return steps


def _leads(start: str, steps: Mapping[str, set[str]], ends: set[str]) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        if here in ends:
            return True
        ahead += steps.get(here, set()) - seen
        seen |= steps.get(here, set())
    return False


# -- numbers (GRAPH-04) ----------------------------------------------------------------------------


@check("graph", "scoreboard")
def scoreboard(work: Work) -> None:
    """A row for each round, and what stands in the way of convergence."""
    rows = _rows(work.input["rounds"])
    blockers = ["no rounds registered"]
    if rows:
        last, blockers = rows[-1], []
        if last["velocity"] != 0:
            pair = (last["open_tensions"], last["new_perspectives"])
            text = "velocity={} (open_tensions={}, new_perspectives={})"
            blockers.append(text.format(last["velocity"], *pair))
        if last["converge_percent"] < 100:
            pair = (last["converge_signals"], last["panel_size"])
            blockers.append("converge_percent={}% ({}/{})".format(last["converge_percent"], *pair))
    work.give(rows=rows, can_converge=blockers == [], blockers=blockers)


def _rows(rounds: Sequence[Result]) -> list[dict[str, int]]:
    rows = []
    for number, given in enumerate(rounds, start=1):
        row = {name: given[f"score_{name}"] for name in _SCORES}
        row["total"] = sum(row.values())
        for name in _SCORES:
            so_far = sum(r[f"score_{name}"] for r in rounds[:number])
            row[f"cumulative_{name}"] = so_far
        row["cumulative_total"] = sum(row[f"cumulative_{name}"] for name in _SCORES)
        for name in (
            "round",
            "open_tensions",
            "new_perspectives",
            "converge_signals",
            "panel_size",
        ):
            row[name] = given[name]
        row["velocity"] = row["open_tensions"] + row["new_perspectives"]
        panel = row["panel_size"]
        row["converge_percent"] = 100 * row["converge_signals"] // panel if panel else 0
        rows.append(row)
    return rows


@check("graph", "progress")
def progress(work: Work) -> None:
    """How far a dialogue is."""
    given = work.input
    totals = {name: given["dialogue"][name] for name in ("total_rounds", "total_alignment")}
    scores = [r["score"] for r in given["rounds"]]
    deltas = [later - earlier for earlier, later in pairwise(scores)]
    velocity = deltas[-1] if deltas else 0
    converging = len(scores) >= 3 and _are_small(deltas[-2:])
    unresolved = sum(t["status"] in ("open", "addressed", "reopened") for t in given["tensions"])
    estimate = None
    if converging or unresolved == 0:
        estimate = 1
    elif velocity > 0:
        estimate = max(unresolved // 2, 1)
    board = sorted(given["experts"], key=lambda e: (-e["total_score"], e["expert_slug"]))
    work.give(
        **totals,
        current_round=max(totals["total_rounds"] - 1, 0),
        round_scores=scores,
        velocity=velocity,
        converging=converging,
        open_tensions=unresolved,
        active_experts=[e["expert_slug"] for e in board],
        leaderboard=[{n: e[n] for n in ("expert_slug", "total_score")} for e in board],
        estimated_rounds_remaining=estimate,
    )


def _are_small(deltas: Sequence[int]) -> bool:
    return max(deltas) < 5


@check("graph", "snippet")
def snippet(work: Work) -> None:
    """200 bytes, less a character that does not fit whole."""
    raw = work.input["content"].encode("utf-8")
    end = min(_SNIPPET, len(raw))
    while end < len(raw) and raw[end] & 0xC0 == 0x80:
        end -= 1
    work.give(snippet=raw[:end].decode("utf-8"))


# -- dialogue.json (GRAPH-06) ----------------------------------------------------------------------


@check("graph", "export")
def export(work: Work) -> None:
    """The one dialogue.json of a partition."""
    partition = work.input["partition"]
    made = {"format_version": 1, **partition, **_computed(partition)}
    if json8785.canonical(made) + b"\n" != work.octets("document"):
        raise Refused("input", "validation_failed")


def _computed(partition: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in a document beside what the partition holds."""
    contexts = {
        v["verdict_id"]: _context(partition, v["verdict_id"]) for v in partition["verdicts"]
    }
    return {
        "verdicts": [{**v, "context": contexts[v["verdict_id"]]} for v in partition["verdicts"]],
        "scoreboard": _rows(partition["rounds"]),
        "warnings": _warnings(partition),
    }


def _warnings(partition: Mapping[str, Any]) -> list[dict[str, str]]:
    found = [
        ("missing_score", f"{r['round']:02d}")
        for r in partition["rounds"]
        if (r["status"], r["score"]) == ("completed", 0)
    ]
    if partition["dialogue"]["status"] == "converged":
        still = [t for t in partition["tensions"] if t["status"] != "resolved"]
        found += [("unresolved_tension", tension["display_id"]) for tension in still]
    known = {expert["expert_slug"] for expert in partition["experts"]}
    named = {slug for name in _ENTITIES for r in partition[name] for slug in r["contributors"]}
    found += [("orphaned_contributor", slug) for slug in named - known]
    for verdict in partition["verdicts"]:
        lacks = None in (verdict["vote"], verdict["confidence"])
        if verdict["verdict_type"] == "final" and lacks:
            found.append(("verdict_incomplete", verdict["verdict_id"]))
    return [{"code": code, "subject": subject} for code, subject in sorted(found)]


@check("graph", "import")
def import_dialogue(work: Work) -> None:
    """A document that an export could have given, under its own id."""
    document, dialogue_id = work.input["document"], work.input["dialogue_id"]
    if not _is_document(document) or document["dialogue"]["dialogue_id"] != dialogue_id:
        raise Refused("input", "validation_failed")
    work.give(dialogue_id=dialogue_id)


def _is_document(document: Mapping[str, Any]) -> bool:
    if document.keys() != _ROOT or not same(document["format_version"], 1):
        return False
    if not _is_result(document["dialogue"], "dialogue") or not _has_results(document):
        return False
    partition = {name: document[name] for name in (*_LISTS, "events", "dialogue")}
    partition["verdicts"] = [
        {name: value for name, value in v.items() if name != "context"}
        for v in document["verdicts"]
    ]
    rules = (_is_gapless, _is_unique, _names_what_is_there, _names_another)
    if not all(rule(partition) for rule in rules):
        return False
    return all(same(document[name], value) for name, value in _computed(partition).items())


def _has_results(document: Mapping[str, Any]) -> bool:
    """Lists of results, each with exactly the fields of its type."""
    for name in (*_LISTS, "events"):
        if not isinstance(document[name], list):
            return False
        for result in document[name]:
            if not isinstance(result, dict):
                return False
            kind = _LISTS.get(name) or _event_kind(result)
            extra = ("context",) if name == "verdicts" else ()
            if kind is None or not _is_result(result, kind, extra):
                return False
    return True


def _event_kind(event: Mapping[str, Any]) -> str | None:
    kind = f"{letters().get(str(event.get('entity_id'))[:1])}_event"
    return kind if kind in kinds() else None


def _is_result(result: Mapping[str, Any], kind: str, extra: Iterable[str] = ()) -> bool:
    of = kinds()[kind]
    own = {name: f for name, f in of.fields.items() if name != "dialogue_id" or kind == "dialogue"}
    expected = {*own, *extra, *(["display_id"] if of.letter else [])}
    if result.keys() != expected:
        return False
    if not all(fields.fits(field, result[name]) for name, field in own.items()):
        return False
    if "round" in own and not 0 <= result["round"] <= 99:
        return False
    if of.letter and result["display_id"] != _display_id(of.letter, result):
        return False
    if "timestamp" in own:
        return bool(result["created_at"] == result["timestamp"])
    if kind == "ref":
        return all(result[f"{end}_type"] == result[f"{end}_id"][0] for end in ("source", "target"))
    return True


def _display_id(letter: str, result: Mapping[str, Any]) -> str:
    return f"{letter}{result['round']:02d}{result['seq']:02d}"


def _is_gapless(partition: Mapping[str, Any]) -> bool:
    """STORE-16: every series counts from 1."""
    series: dict[tuple[Any, ...], list[int]] = {}
    for name in (*_ENTITIES, "moves"):
        for result in partition[name]:
            place = (name, result["round"], result.get("expert_slug"))
            series.setdefault(place, []).append(result["seq"])
    return all(sorted(found) == list(range(1, len(found) + 1)) for found in series.values())


#: What makes a result the one that it is, beside what has a seq.
_IDENTITIES = {
    "experts": ("expert_slug",),
    "rounds": ("round",),
    "verdicts": ("verdict_id",),
    "refs": ("source_id", "ref_type", "target_id"),
    "signals": ("round", "expert_slug"),
    "events": ("entity_id", "timestamp"),
}


def _is_unique(partition: Mapping[str, Any]) -> bool:
    """STORE-07: no identity stands there twice."""
    for name, parts in _IDENTITIES.items():
        met = [tuple(result[part] for part in parts) for result in partition[name]]
        if len(met) != len(set(met)):
            return False
    return True


def _names_another(partition: Mapping[str, Any]) -> bool:
    """No entity refers to itself, as a ref or in its own list, and each may point where it does."""
    found = [(ref["source_id"], ref["ref_type"], ref["target_id"]) for ref in partition["refs"]]
    for name in _ENTITIES:
        for result in partition[name]:
            own = result["display_id"]
            found += [(own, r["type"], r["target"]) for r in result["references"]]
    return all(
        source != target
        and (kind not in _AT_TENSIONS or target[0] == "T")
        and (kind != "refine" or target[0] == source[0])
        for source, kind, target in found
    )


def _names_what_is_there(partition: Mapping[str, Any]) -> bool:
    """STORE-06: rounds, experts, entities and verdicts that something names."""
    entities = {r["display_id"] for name in _ENTITIES for r in partition[name]}
    rounds = {r["round"] for r in partition["rounds"]}
    experts = {e["expert_slug"] for e in partition["experts"]}
    verdicts = {v["verdict_id"] for v in partition["verdicts"]}
    of_rounds = (*_ENTITIES, "moves", "signals", "verdicts")
    at_rounds = [r["round"] for name in of_rounds for r in partition[name]]
    at_rounds += [e["event_round"] for e in partition["events"]]
    by_experts = [r["expert_slug"] for name in ("moves", "signals") for r in partition[name]]
    ids = [r[f"{end}_id"] for r in partition["refs"] for end in ("source", "target")]
    ids += [e["entity_id"] for e in partition["events"]]
    ids += [d for v in partition["verdicts"] for d in v["tensions_accepted"] or []]
    ids += [d for m in partition["moves"] if m["move_type"] != "converge" for d in m["targets"]]
    ids += [r["target"] for name in _ENTITIES for e in partition[name] for r in e["references"]]
    ids += [e["result_id"] for e in partition["events"] if e["result_id"] is not None]
    adopting = [r["adopted_in_verdict"] for r in partition["recommendations"]]
    return (
        entities >= set(ids)
        and rounds >= set(at_rounds)
        and experts >= set(by_experts)
        and {*verdicts, None} >= set(adopting)
    )
