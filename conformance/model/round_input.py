"""What ``register_round`` is given, read by the first three groups of STORE-14."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reference_impl.contract.tables import ENTITIES

from .findings import Findings
from .values import (
    KIND_OF,
    KINDS_WITH_EVENTS,
    MOVE_TYPES,
    PLURAL_OF,
    REF_TYPES,
    Entity,
    is_display_id,
)

__all__ = ["PATHS", "RoundReader", "WholeRound"]

Value = TypeVar("Value")

#: In an entry as it was read: where each reference or target stood.
PATHS = "paths"


@dataclass
class WholeRound:
    """What ``register_round`` was given besides the round's own fields, as read: each entry with the
    path of its findings, None for one that is no object."""

    entities: dict[str, list[tuple[str, Entity | None]]]
    moves: list[tuple[str, Entity | None]]
    refs: list[tuple[str, Entity | None]]
    #: where each ref stands that was given, references first, whatever is wrong with it
    refs_as_given: list[str]
    updates: list[tuple[str, Entity | None]]
    scores: dict[str, int]
    responses: dict[str, str]
    signals: list[tuple[str, str]]

    def as_given(self) -> dict[str, Any]:
        """The parameters by name, what is unset left out (STORE-22)."""

        def set_members(entries: list[tuple[str, Entity | None]]) -> list[Entity]:
            return [
                {n: v for n, v in (entry or {}).items() if v is not None and n != PATHS}
                for _, entry in entries
            ]

        return {
            **{PLURAL_OF[kind]: set_members(entries) for kind, entries in self.entities.items()},
            "moves": set_members(self.moves),
            "refs": set_members(self.refs),
            "status_updates": set_members(self.updates),
            "expert_scores": self.scores,
            "responses": self.responses,
            "signals": [slug for _, slug in self.signals],
        }


class RoundReader:
    """Reads the lists and objects that ``register_round`` takes, into ``found``.

    ``names``: local id -> kind of the entity that it stands for, once the lists of entities are read.
    """

    def __init__(self, found: Findings, round: int) -> None:
        self.found = found
        self.round = round
        self.names: dict[str, str] = {}

    def read(self, given: Mapping[str, object]) -> WholeRound:
        """What was given, by parameter."""
        found = self.found
        lists = {kind: self._objects(name, given[name]) for kind, name in PLURAL_OF.items()}
        self.names = self._local_ids(lists)
        return WholeRound(
            entities={
                kind: [(path, self._new_entity(path, kind, e)) for path, e in elements]
                for kind, elements in lists.items()
            },
            moves=[
                (path, self._new_move(path, e))
                for path, e in self._objects("moves", given["moves"])
            ],
            refs=[
                (path, self._new_ref(path, e)) for path, e in self._objects("refs", given["refs"])
            ],
            refs_as_given=[
                *(at for elements in lists.values() for at in self._references_in(elements)),
                *(at for at, _ in self._listed("refs", given["refs"])),
            ],
            updates=[
                (path, self._status_update(path, e))
                for path, e in self._objects("status_updates", given["status_updates"])
            ],
            scores=self._by_slug("expert_scores", given["expert_scores"], found.integer, 0),
            responses=self._by_slug("responses", given["responses"], found.text, "-"),
            signals=[
                (path, found.identifier(path, e))
                for path, e in found.elements("signals", given["signals"], ())
            ],
        )

    def _objects(self, field: str, value: object) -> list[tuple[str, object]]:
        """The elements of an optional list of objects, each with its path; they are not looked at yet."""
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.found.add(1, "invalid_field", field, "is not a list")
            return []
        return self._listed(field, value)

    def _listed(self, field: str, value: object) -> list[tuple[str, object]]:
        """The elements of what may be a list, each with its path."""
        elements = value if isinstance(value, list | tuple) else ()
        return [(f"{field}[{i}]", element) for i, element in enumerate(elements)]

    def _references_in(self, elements: list[tuple[str, object]]) -> list[str]:
        """Where the references of new entities stand."""
        return [
            at
            for path, element in elements
            if isinstance(element, Mapping)
            for at, _ in self._listed(f"{path}.references", element.get("references"))
        ]

    def _local_ids(self, lists: Mapping[str, list[tuple[str, object]]]) -> dict[str, str]:
        """STORE-13: the local ids of all new entities; where two have one, it is the first's."""
        names: dict[str, str] = {}
        for kind, elements in lists.items():
            for path, element in elements:
                if not isinstance(element, Mapping) or element.get("local_id") is None:
                    continue
                local_id = self.found.identifier(f"{path}.local_id", element["local_id"])
                if is_display_id(local_id):
                    what = "could be taken for a display id"
                    self.found.add(3, "invalid_identifier", f"{path}.local_id", what)
                if self.found.fine(f"{path}.local_id"):
                    names.setdefault(local_id, kind)
        return names

    def _new_entity(self, path: str, kind: str, value: object) -> Entity | None:
        """The parameters of ``register_*`` without the round."""
        body = "description" if kind == "tension" else "content"
        own = ["parameters"] if kind == "recommendation" else []
        entry = self.found.mapping(
            path, value, ("local_id", "label", body, "contributors", *own, "references")
        )
        if entry is None:
            return None
        entity: Entity = {
            "local_id": self._plain(entry.get("local_id")),
            "label": self.found.text(f"{path}.label", entry.get("label")),
            body: self.found.text(f"{path}.{body}", entry.get(body)),
            "contributors": self.found.identifiers(
                f"{path}.contributors", entry.get("contributors")
            ),
        }
        for name in own:
            entity[name] = self.found.optional_json_object(f"{path}.{name}", entry.get(name))
        references = list(
            self.found.references_at(f"{path}.references", entry.get("references"), self.names)
        )
        entity["references"] = [reference for _, reference in references]
        entity[PATHS] = [at for at, _ in references]
        return entity

    def _plain(self, local_id: object) -> object:
        return str.__str__(local_id) if isinstance(local_id, str) else local_id

    def _new_move(self, path: str, value: object) -> Entity | None:
        """The parameters of ``register_move`` without the round."""
        entry = self.found.mapping(path, value, ("expert_slug", "move_type", "targets", "context"))
        if entry is None:
            return None
        move: Entity = {
            "expert_slug": self.found.identifier(f"{path}.expert_slug", entry.get("expert_slug")),
            "move_type": self.found.enum(f"{path}.move_type", entry.get("move_type"), MOVE_TYPES),
            "targets": [],
            "context": self.found.optional_text(f"{path}.context", entry.get("context")),
            PATHS: [],
        }
        for at, target in self.found.elements(f"{path}.targets", entry.get("targets"), ()):
            move["targets"].append(self.found.optional_text(at, target) or "")
            move[PATHS].append(at)
        # Of a move of no known type nobody can say what its targets must be.
        if self.found.fine(f"{path}.move_type") and move["move_type"] not in (
            "request",
            "converge",
        ):
            for at, target in zip(move[PATHS], move["targets"], strict=True):
                if self.found.fine(at):
                    self.found.any_id(at, target, self.names)
        return move

    def _new_ref(self, path: str, value: object) -> Entity | None:
        """{source, ref_type, target}, with display or local ids."""
        entry = self.found.mapping(path, value, ("source", "ref_type", "target"))
        if entry is None:
            return None
        return {
            "source": self.found.any_id(f"{path}.source", entry.get("source"), self.names),
            "ref_type": self.found.enum(
                f"{path}.ref_type", entry.get("ref_type"), REF_TYPES, code="invalid_ref_type"
            ),
            "target": self.found.any_id(f"{path}.target", entry.get("target"), self.names),
        }

    def _status_update(self, path: str, value: object) -> Entity | None:
        """The parameters of the ``update_*_status`` of the entity that is named; without ``actors`` it
        has none, without ``event_round`` it is this round's."""
        of_event = ("actors", "event_round", "reason", "reference", "result_id")
        members = ("entity_id", "status", *of_event, "verdict_id")
        entry = self.found.mapping(path, value, members)
        if entry is None:
            return None
        entity_id = self.found.any_id(f"{path}.entity_id", entry.get("entity_id"), self.names)
        kind = ""
        if self.found.fine(f"{path}.entity_id"):
            kind = self.names[entity_id] if entity_id in self.names else KIND_OF[entity_id[0]]
        status = entry.get("status")
        if kind or status is None:
            allowed = ENTITIES[kind].by_name["status"].values if kind else ()
            status = self.found.enum(f"{path}.status", status, allowed)
        else:
            status = self.found.optional_text(f"{path}.status", status)
        # A member that the entity's own method does not take is unknown (STORE-14, group 1).
        foreign: tuple[str, ...] = ()
        if kind and kind not in KINDS_WITH_EVENTS:
            foreign = (*of_event, "verdict_id")
        elif kind and kind != "recommendation":
            foreign = ("verdict_id",)
        for name in foreign:
            if entry.get(name) is not None:
                self.found.add(1, "invalid_field", f"{path}.{name}", f"a {kind} takes none")
        given = {name: None if name in foreign else entry.get(name) for name in members}
        if kind == "recommendation" and status == "adopted" and given["verdict_id"] is None:
            self.found.add(
                1, "missing_field", f"{path}.verdict_id", "an adoption names its verdict"
            )
        update: Entity = {
            "entity_id": entity_id,
            "status": status,
            "reason": self.found.optional_text(f"{path}.reason", given["reason"]),
            "reference": self.found.optional_text(f"{path}.reference", given["reference"]),
            "result_id": None,
            "verdict_id": self.found.optional_identifier(f"{path}.verdict_id", given["verdict_id"]),
        }
        if given["result_id"] is not None:
            update["result_id"] = self.found.any_id(
                f"{path}.result_id", given["result_id"], self.names
            )
        if "actors" not in foreign:
            update["actors"] = self.found.texts(f"{path}.actors", given["actors"], default=())
            update["event_round"] = self.round
            if given["event_round"] is not None:
                update["event_round"] = self.found.round(
                    f"{path}.event_round", given["event_round"]
                )
        return update

    def _by_slug(
        self, field: str, value: object, read: Callable[[str, object], Value], placeholder: Value
    ) -> dict[str, Value]:
        """An object by expert. A name that is no slug is not repeated in its path; ``placeholder``
        stands where a value is null."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.found.add(1, "invalid_field", field, "is not an object")
            return {}
        values = {}
        for i, (slug, member) in enumerate(value.items()):
            is_slug = isinstance(slug, str) and self.found.is_identifier(slug)
            path = f"{field}.{slug}" if is_slug else f"{field}[{i}]"
            if slug is None:
                self.found.add(1, "invalid_field", path, "has a name that is no text")
            else:
                self.found.identifier(path, slug)
            if member is None:  # null is no value of a map (STORE-14)
                self.found.add(1, "invalid_field", path, "is null")
            of_slug = read(path, placeholder if member is None else member)
            if is_slug:
                values[str.__str__(slug)] = of_slug
        return values
