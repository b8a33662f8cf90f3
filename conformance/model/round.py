"""What ``register_round`` does, step by step (STORE-13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_impl.contract.timestamps import after

from .findings import Findings
from .partition import Partition, new_event, new_ref, present
from .round_input import PATHS
from .values import (
    FIRST_STATUS,
    KIND_OF,
    KINDS_WITH_EVENTS,
    LAST_TIME,
    LETTER_OF,
    MAX_REFS,
    MAX_SEQ,
    PLURAL_OF,
    Entity,
    sort_key,
)

__all__ = ["RoundWork"]


class RoundWork:
    """Groups 5 to 7 of a whole round, done on a copy of the partition: each step looks at what is
    there by then, this call's own entities included, and changes it.

    ``ids``: local id -> display id. ``latest``: the time of the last event (ADDR-09).
    """

    def __init__(
        self, found: Findings, partition: Partition, now: str, round: int, *, is_numbered: bool
    ) -> None:
        self.found = found
        self.partition = partition
        self.now = self.latest = now
        self.round = round
        self.is_numbered = is_numbered  # else it is not known which round this is
        self.ids: dict[str, str] = {}
        self.counts = dict.fromkeys(
            (
                *PLURAL_OF.values(),
                *("moves", "refs", "events", "status_updates"),
                *("expert_scores", "responses", "signals"),
            ),
            0,
        )
        self._ids_by_path: dict[str, str] = {}
        self._times: dict[str, str] = {}  # entity -> time of its last event in this write
        self._to_measure: dict[str, tuple[str, str, Entity]] = {}  # sort key -> path, kind, item

    def _common(self) -> Entity:
        return {"dialogue_id": self.partition.dialogue["dialogue_id"], "created_at": self.now}

    def _display_id(self, name: str) -> str:
        """What a display or local id stands for."""
        return self.ids.get(name, name)

    def _exists(self, field: str, name: str) -> bool:
        """Whether the id in ``field`` has the right form and names something."""
        if not self.found.fine(field):
            return False
        self.found.entity_exists(field, self.partition, self._display_id(name))
        return self.found.fine(field)

    def _changed(self, path: str, kind: str, entity: Entity) -> None:
        """An item of this write; where it becomes too large, ``path`` is to blame."""
        self._to_measure[sort_key(kind, entity)] = (path, kind, entity)

    def add_round(self, values: Entity) -> None:
        """STORE-09, in the same write."""
        found, dialogue = self.found, self.partition.dialogue
        total_alignment = dialogue["total_alignment"] + values["score"]
        if found.fine("score"):
            found.total("score", total_alignment)
        if not self.is_numbered:
            return
        if self.partition.round(self.round) is not None:
            found.add(7, "duplicate_entity", "round", "this round exists")
        new_round: Entity = {
            **self._common(),
            "round": self.round,
            "status": "open",
            **values,
            "updated_at": self.now,
            "completed_at": None,
        }
        self.partition.dialogue = {
            **dialogue,
            "total_rounds": max(dialogue["total_rounds"], self.round + 1),
            "total_alignment": total_alignment,
            "updated_at": self.now,
        }
        self.partition.rounds.append(new_round)
        if found.fine("score"):
            self._changed("score", "dialogue", self.partition.dialogue)
        if all(found.fine_within(field) for field in ("score", "title", "summary", "metrics")):
            self._changed("round", "round", new_round)

    def add_entities(self, entities: Mapping[str, list[tuple[str, Entity | None]]]) -> None:
        """The new entities with their ids, references apart: those may point forward."""
        for kind, entries in entities.items():
            if len(entries) > MAX_SEQ:
                what = f"a round has at most {MAX_SEQ} of this kind"
                self.found.add(7, "limit_exceeded", PLURAL_OF[kind], what, limit=MAX_SEQ)
            first = self.partition.next_number(kind, self.round)
            for seq, (path, entry) in enumerate(entries, start=first):
                display_id = f"{LETTER_OF[kind]}{self.round:02d}{seq:02d}"
                if not self.is_numbered or seq > MAX_SEQ:
                    display_id = f"{LETTER_OF[kind]} of {path}"  # only for the findings that follow
                self._ids_by_path[path] = display_id
                if entry is None:
                    continue
                local_id = entry["local_id"]
                if local_id is not None and self.found.fine(f"{path}.local_id"):
                    if local_id in self.ids:
                        what = "is another entity's local id"
                        self.found.add(7, "duplicate_entity", f"{path}.local_id", what)
                    else:
                        self.ids[local_id] = display_id
                entity: Entity = {
                    **self._common(),
                    **{n: value for n, value in entry.items() if n not in ("local_id", PATHS)},
                    "display_id": display_id,
                    "round": self.round,
                    "seq": seq,
                    "status": FIRST_STATUS[kind],
                    "updated_at": self.now,
                }
                if kind == "recommendation":
                    entity["adopted_in_verdict"] = None
                self.partition.of_kind(kind).append(entity)
                self.counts[PLURAL_OF[kind]] += 1

    def add_references(self, entities: Mapping[str, list[tuple[str, Entity | None]]]) -> None:
        """STORE-24, and the events ``created`` (STORE-08)."""
        for kind, entries in entities.items():
            for path, entry in entries:
                if entry is None:
                    continue
                entity = present(self.partition.entity(self._ids_by_path[path]))
                for at, reference in zip(entry[PATHS], entry["references"], strict=True):
                    self._join(
                        (f"{at} of this entity", entity["display_id"]),
                        (f"{at}.type", reference["type"]),
                        (f"{at}.target", reference["target"]),
                    )
                entity["references"] = [
                    {**reference, "target": self._display_id(reference["target"])}
                    for reference in entry["references"]
                ]
                if kind in KINDS_WITH_EVENTS:
                    self._event(path, kind, entity["display_id"], "created", entry["contributors"])
                if self.found.fine_within(path):
                    self._changed(path, kind, entity)

    def _event(
        self,
        path: str,
        kind: str,
        entity_id: str,
        event_type: str,
        actors: Sequence[str],
        **more: Any,
    ) -> None:
        """ADDR-09: a further event of one entity is one microsecond later."""
        last = self._times.get(entity_id)
        if last == LAST_TIME:
            self.found.add(7, "limit_exceeded", path, "no later time is left for this event")
            return
        time = self._times[entity_id] = self.now if last is None else after(last)
        self.latest = max(self.latest, time)
        dialogue_id = self.partition.dialogue["dialogue_id"]
        event = new_event(dialogue_id, entity_id, event_type, actors, self.round, time)
        event.update(more)
        self.partition.events.append(event)
        self.counts["events"] += 1
        if self.found.fine_within(path):
            self._changed(path, f"{kind}_event", event)

    def _join(
        self, source: tuple[str, str], ref_type: tuple[str, str], target: tuple[str, str]
    ) -> None:
        """A ref by the rules of ``register_ref``; each part with its field."""
        both_exist = [self._exists(*source), self._exists(*target)] == [True, True]
        if not both_exist or not self.found.fine(ref_type[0]):
            return
        source_id, target_id = self._display_id(source[1]), self._display_id(target[1])
        if source_id == target_id:
            self.found.add(6, "invalid_ref_target", target[0], "is the source itself")
        else:
            self.found.ref_rules(target[0], source_id[0], ref_type[1], target_id[0])
        for ref in self.partition.refs:
            if (ref["source_id"], ref["ref_type"], ref["target_id"]) == (
                source_id,
                ref_type[1],
                target_id,
            ):
                return
        dialogue_id = self.partition.dialogue["dialogue_id"]
        self.partition.refs.append(
            new_ref(dialogue_id, source_id, ref_type[1], target_id, self.now)
        )
        self.counts["refs"] += 1

    def add_moves(self, moves: list[tuple[str, Entity | None]]) -> None:
        """By the rules of ``register_move``; local ids in targets give way to display ids."""
        if len(moves) > MAX_SEQ:
            what = f"a round takes at most {MAX_SEQ} moves"
            self.found.add(7, "limit_exceeded", "moves", what, limit=MAX_SEQ)
        for path, move in moves:
            if move is None:
                continue
            slug = move["expert_slug"]
            if self.found.fine(f"{path}.expert_slug"):
                self.found.expert_exists(f"{path}.expert_slug", self.partition, slug)
            if self.found.fine(f"{path}.move_type"):
                if move["move_type"] == "converge" and move["targets"]:
                    what = "a converge move has no targets"
                    self.found.add(6, "invalid_field", f"{path}.targets", what)
                if move["move_type"] not in ("request", "converge"):
                    for at, target in zip(move[PATHS], move["targets"], strict=True):
                        self._exists(at, target)
            earlier = [
                m
                for m in self.partition.moves
                if m["round"] == self.round and m["expert_slug"] == slug
            ]
            new_move: Entity = {
                **self._common(),
                **{name: value for name, value in move.items() if name != PATHS},
                "round": self.round,
                "seq": len(earlier) + 1,
                "targets": [self._display_id(target) for target in move["targets"]],
            }
            self.partition.moves.append(new_move)
            self.counts["moves"] += 1
            if self.found.fine_within(path):
                self._changed(path, "move", new_move)

    def add_refs(self, refs: list[tuple[str, Entity | None]], as_given: list[str]) -> None:
        """By the rules of ``register_ref``; ``as_given``: the paths of all refs of the call, references
        too, of which the first over the limit is told."""
        if len(as_given) > MAX_REFS:
            what = f"a round takes at most {MAX_REFS} refs, references included"
            self.found.add(7, "limit_exceeded", as_given[MAX_REFS], what, limit=MAX_REFS)
        for path, ref in refs:
            if ref is not None:
                self._join(
                    (f"{path}.source", ref["source"]),
                    (f"{path}.ref_type", ref["ref_type"]),
                    (f"{path}.target", ref["target"]),
                )

    def change_statuses(self, updates: list[tuple[str, Entity | None]]) -> None:
        """By the rules of ``update_*_status``, one after the other: a refused one changes nothing."""
        for path, update in updates:
            if update is not None:
                self._change_status(path, update)

    def _change_status(self, path: str, update: Entity) -> None:
        found, partition = self.found, self.partition
        event_round, verdict_id = update.get("event_round"), update["verdict_id"]
        if event_round is not None and found.fine(f"{path}.event_round") and self.is_numbered:
            found.round_exists(f"{path}.event_round", partition, event_round)
        if verdict_id is not None and found.fine(f"{path}.verdict_id"):
            if partition.verdict(verdict_id) is None:
                found.add(5, "entity_not_found", f"{path}.verdict_id", "there is no such verdict")
            elif (
                found.fine(f"{path}.entity_id", f"{path}.status") and update["status"] != "adopted"
            ):
                what = "goes with the status adopted only"
                found.add(6, "invalid_field", f"{path}.verdict_id", what)
        if update["result_id"] is not None:
            self._exists(f"{path}.result_id", update["result_id"])
        if not self._exists(f"{path}.entity_id", update["entity_id"]):
            return
        entity = present(partition.entity(self._display_id(update["entity_id"])))
        kind = KIND_OF[entity["display_id"][0]]
        if not found.fine(f"{path}.status"):
            return
        found.transition(f"{path}.status", kind, entity["status"], update["status"])
        if not found.fine(f"{path}.status"):
            return
        entity.update(status=update["status"], updated_at=self.now)
        if kind == "recommendation" and update["status"] == "adopted":
            entity["adopted_in_verdict"] = verdict_id
        self.counts["status_updates"] += 1
        if kind in KINDS_WITH_EVENTS:
            more = {name: update[name] for name in ("reason", "reference")}
            if update["result_id"] is not None:
                more["result_id"] = self._display_id(update["result_id"])
            self._event(
                path,
                kind,
                entity["display_id"],
                update["status"],
                update["actors"],
                event_round=event_round,
                **more,
            )
        if found.fine_within(path) and entity["display_id"] not in self._ids_by_path.values():
            self._changed(path, kind, entity)

    def change_experts(self, scores: Mapping[str, int], responses: Mapping[str, str]) -> None:
        """STORE-11; every change of one expert is a change of one item."""
        key = f"{self.round:02d}"
        for param, member, values in (
            ("expert_scores", "scores", scores),
            ("responses", "raw_content", responses),
        ):
            for slug, value in values.items():
                path = f"{param}.{slug}"
                self.found.expert_exists(path, self.partition, slug)
                if not self.found.fine(path):
                    continue
                expert = present(self.partition.expert(slug))
                expert[member] = {**expert[member], key: value}
                expert["total_score"] = sum(expert["scores"].values())
                expert["updated_at"] = self.now
                self.counts[param] += 1
                if param == "expert_scores":
                    self.found.total(path, expert["total_score"])
                self._changed(path, "expert", expert)

    def add_signals(self, signals: list[tuple[str, str]]) -> None:
        """An expert signals once in a round, however often it is said (STORE-07)."""
        for path, slug in signals:
            if self.found.fine(path):
                self.found.expert_exists(path, self.partition, slug)
            if not self.found.fine(path) or any(
                s["round"] == self.round and s["expert_slug"] == slug
                for s in self.partition.signals
            ):
                continue
            self.partition.signals.append(
                {**self._common(), "round": self.round, "expert_slug": slug}
            )
            self.counts["signals"] += 1

    def measure(self) -> None:
        """STORE-15, for what is as it would be stored."""
        for path, kind, entity in self._to_measure.values():
            if self.is_numbered:
                self.found.size(kind, entity, path)
