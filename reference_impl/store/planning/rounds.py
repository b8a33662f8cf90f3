"""``register_round``: a whole round in one piece, many steps of one builder, all findings told (STORE-13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contract.entities import RoundRegistration
from ...contract.limits import MAX_REFS
from ...contract.tables import NUMBERED
from ..snapshot import Snapshot
from .drafts import Args, Builder, Plan
from .problems import INVALID, Problems
from .round_parameters import OWN, validated_round
from .rules import MAX_EACH, at_most
from .sizes import size_as_stored, too_large
from .steps import (
    add_entity,
    add_move,
    add_ref,
    add_round,
    add_signal,
    change_status,
    finish_entity,
    give_response,
    give_score,
    known_targets,
    listed,
)

__all__ = ["plan_round", "validated_round"]

_COUNTED = (
    *NUMBERED,
    *("moves", "refs", "events", "status_updates"),
    *("expert_scores", "responses", "signals"),
)


def plan_round(snapshot: Snapshot, args: Args, now: str, found: Problems) -> Plan:
    """Everything that one round writes, or ``validation_failed`` with all findings, ``found`` among
    them."""
    builder = Builder(snapshot, now, found.copy())
    _Round(builder, args).add_all()
    if args["round"] is not INVALID:
        _measure(builder)
    builder.check_time()
    builder.problems.raise_all()
    counts = {kind: builder.counts.get(kind, 0) for kind in _COUNTED}
    ids = dict(builder.ids)
    return Plan(
        list(builder.drafts.values()),
        lambda revision: (
            lambda _: RoundRegistration(args["round"], dict(ids), dict(counts), revision)
        ),
        builder.times,
    )


class _Round:
    """The steps of a round, in the order of its parameters; later ones see what earlier ones made."""

    def __init__(self, builder: Builder, args: Args) -> None:
        self._builder = builder
        self._args = args
        self._number = args["round"]
        self._refs = 0

    def add_all(self) -> None:
        self._add_round()
        self._add_entities()
        self._add_moves()
        self._add_refs()
        self._change_statuses()
        self._change_experts()

    def _entries(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The entries of a list that are objects, each with its path."""
        return [
            (f"{name}[{i}]", entry)
            for i, entry in enumerate(self._args[name])
            if entry is not INVALID
        ]

    def _in_round(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {**entry, "round": self._number}

    def _judge(self, where: str, before: int) -> None:
        """Mark an entry about which something was found since there were ``before`` findings."""
        problems = self._builder.problems
        if problems.total != before:
            problems.with_findings.add(where)

    def _add_round(self) -> None:
        problems = self._builder.problems
        add_round(self._builder, {name: self._args[name] for name in OWN})
        if "score" in {problem.field for problem in problems.groups.get(6, ())}:
            problems.with_findings.update(("round", "score"))

    def _add_entities(self) -> None:
        builder = self._builder
        made = []
        for kind, entity in NUMBERED.items():
            at_most(builder, len(self._args[kind]), MAX_EACH, "of this kind", kind)
            for where, entry in self._entries(kind):
                some_id = add_entity(builder, entity, self._in_round(entry), where)
                builder.counts[kind] += 1
                self._name(where, entry.get("local_id"), some_id)
                made.append((where, entity, self._in_round(entry), some_id))
        for where, entity, entry, some_id in made:
            self._count_refs(entry["references"], f"{where}.references")
            before = builder.problems.total
            known = known_targets(builder, entry, f"{where}.")
            finish_entity(builder, entity, entry, some_id, known, f"{where}.")
            self._judge(where, before)

    def _name(self, where: str, local_id: Any, some_id: str) -> None:
        """A local id stands for one entity."""
        if local_id in (None, INVALID):
            return
        builder = self._builder
        if builder.ids.setdefault(local_id, some_id) != some_id:
            what = "is the local id of another entity of this call"
            builder.problems.add(7, "duplicate_entity", f"{where}.local_id", what)
            builder.problems.with_findings.add(where)

    def _count_refs(self, refs: Any, where: str) -> None:
        """Refs count as given, references among them; the first over the limit is the one finding."""
        count = len(listed(refs))
        if self._refs <= MAX_REFS < self._refs + count:
            at_most(
                self._builder,
                self._refs + count,
                MAX_REFS,
                "refs, references of entities included",
                f"{where}[{MAX_REFS - self._refs}]",
            )
        self._refs += count

    def _add_moves(self) -> None:
        builder = self._builder
        at_most(builder, len(self._args["moves"]), MAX_EACH, "moves", "moves")
        for where, entry in self._entries("moves"):
            before = builder.problems.total
            add_move(builder, self._in_round(entry), f"{where}.")
            self._judge(where, before)

    def _add_refs(self) -> None:
        self._count_refs(self._args["refs"], "refs")
        for where, entry in self._entries("refs"):
            ends = (entry["source"], entry["ref_type"], entry["target"])
            add_ref(self._builder, *ends, f"{where}.source", f"{where}.target")

    def _change_statuses(self) -> None:
        """One change after the other; a refused one changes nothing."""
        builder = self._builder
        for where, entry in self._entries("status_updates"):
            before = builder.problems.total
            if self._number is INVALID and "event_round" in entry:
                entry = {**entry, "event_round": INVALID}  # it may be this round's
            change_status(builder, entry, f"{where}.")
            self._judge(where, before)

    def _change_experts(self) -> None:
        builder = self._builder
        for slug, score in self._args["expert_scores"].items():
            path = f"expert_scores.{slug}"
            entry = self._in_round({"expert_slug": slug, "score": score})
            give_score(builder, entry, path, path)
        for slug, text in self._args["responses"].items():
            path = f"responses.{slug}"
            entry = self._in_round({"expert_slug": slug, "content": text})
            give_response(builder, entry, path, path)
        for where, slug in self._entries("signals"):
            add_signal(builder, self._in_round({"expert_slug": slug}), where)


def _measure(builder: Builder) -> None:
    """STORE-15, with the other findings: items as they would be stored, but for the ciphertext's bytes.
    Where something was found about an item's values nobody knows how large it would be. (What an expert's
    item holds was applied only where it was good.)"""
    snapshot, problems = builder.snapshot, builder.problems
    key_id = snapshot.deks[max(snapshot.deks)].key_id
    for sk, draft in builder.drafts.items():
        path = builder.paths[sk]
        if not draft.kind.has_envelope or path in problems.with_findings:
            continue
        size = size_as_stored(snapshot.dialogue_id, draft, key_id)
        if (problem := too_large(path, size)) is not None:
            problems.add(7, problem.code, problem.field, problem.what, **problem.data)
