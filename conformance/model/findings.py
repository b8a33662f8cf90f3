"""Validation: what a call was given, read by the groups of STORE-14, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from reference_impl.contract.errors import Problem, from_problems, validation_failed
from reference_impl.contract.tables import ENTITIES, METRICS

from .partition import Partition
from .values import (
    KIND_OF,
    LAST_TIME,
    MAX_INTEGER,
    MAX_ITEM_BYTES,
    MAX_ROUND,
    MAX_SEQ,
    REF_TYPES,
    Entity,
    is_display_id,
    is_identifier,
    is_number,
    is_unicode,
    normal_json,
    normal_number,
    sort_key,
    stored_size,
)

__all__ = ["Findings"]


class Findings:
    """What the validation of one call has found so far, by the groups of STORE-14.

    A liar gives another one to its store (:meth:`State.findings`), with other limits or another
    :meth:`is_identifier` or :meth:`stored_size`.

    Methods that read a parameter return it as it will be stored: a copy, numbers as STORE-12 has
    them. Where they find something, what they return does not matter: ``stop`` comes before use.
    """

    #: ADDR-08: the most of one kind in a round, and of the moves of one expert.
    max_seq = MAX_SEQ
    #: STORE-15, in bytes.
    max_item_bytes = MAX_ITEM_BYTES

    def __init__(self) -> None:
        self._groups: list[list[Problem]] = [[] for _ in range(8)]
        self._fields: set[str] = set()

    def is_identifier(self, text: str) -> bool:
        """ADDR-01."""
        return is_identifier(text)

    def stored_size(self, kind: str, entity: Entity) -> int:
        """STORE-15: bytes of the item of an entity."""
        return stored_size(kind, entity)

    def add(self, group: int, code: str, field: str, what: str, **data: Any) -> None:
        self._groups[group].append(Problem(code, field, what, data))
        self._fields.add(field)

    def stop(self) -> None:
        """End at the first group that has found something, with all of its findings."""
        for group in self._groups:
            if group:
                raise from_problems(group)

    def stop_before_sizes(self) -> None:
        """As :meth:`stop`; where only the request is another one, sizes are asked for as well."""
        if any(p.code != "request_mismatch" for group in self._groups for p in group):
            self.stop()

    def groups_with_findings(self) -> list[int]:
        """The numbers of the groups that have found something."""
        return [number for number, group in enumerate(self._groups) if group]

    def stop_with_everything(self) -> None:
        """STORE-13: end with the findings of all groups."""
        problems = [problem for group in self._groups for problem in group]
        if problems:
            raise validation_failed(problems)

    def fine(self, *fields: str) -> bool:
        """Whether nothing has been found for any of these values."""
        return self._fields.isdisjoint(fields)

    def fine_within(self, field: str) -> bool:
        """Whether nothing has been found for a value and all that is in it."""
        return not any(f == field or f.startswith((f"{field}.", f"{field}[")) for f in self._fields)

    # Parameters: group 1 for what is missing or of a wrong type, 2 for enums, 3 for ids and rounds.

    def text(self, field: str, value: object) -> str:
        """A required text: not empty."""
        if value is None:
            self.add(1, "missing_field", field, "is required")
        elif value == "":
            self.add(1, "missing_field", field, "is empty")
        return self.optional_text(field, value) or ""

    def optional_text(self, field: str, value: object) -> str | None:
        """Any Unicode scalar values; empty stays empty and is not null (STORE-12)."""
        if value is None or not self._is_unicode_text(value, field):
            return None
        return str.__str__(value)

    def _is_unicode_text(self, value: object, field: str) -> TypeGuard[str]:
        """What is no text of Unicode scalar values is of a wrong type, whatever it is there for."""
        if not isinstance(value, str):
            self.add(1, "invalid_field", field, "is not a text")
            return False
        if not is_unicode(value):
            self.add(1, "invalid_field", field, "holds a lone surrogate")
            return False
        return True

    def boolean(self, field: str, value: object, *, default: bool) -> bool:
        if value is None:
            return default
        if not isinstance(value, bool):
            self.add(1, "invalid_field", field, "is not true or false")
        return value is True

    def integer(self, field: str, value: object, default: int | None = None) -> int:
        """A whole number within ±(2^53-1); 1.0 is 1, true is none (STORE-12)."""
        value = default if value is None else value
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return 0
        if not is_number(value):
            self.add(1, "invalid_field", field, "is not a whole number")
            return 0
        try:
            number = normal_number(value)
        except ValueError as wrong:
            self.add(1, "invalid_field", field, str(wrong))
            return 0
        if not isinstance(number, int):
            self.add(1, "invalid_field", field, "is not a whole number")
            return 0
        return number

    def round(self, field: str, value: object) -> int:
        """ADDR-08: a round is 0 to 99."""
        number = self.integer(field, value)
        if not 0 <= number <= MAX_ROUND:
            self.add(3, "invalid_round", field, "is not a round from 0 to 99")
        return number

    def optional_round(self, field: str, value: object) -> int | None:
        return None if value is None else self.round(field, value)

    def optional_relevance(self, field: str, value: object) -> float | None:
        """A number from 0 to 1 with at most six decimals (STORE-12)."""
        if value is None:
            return None
        if not is_number(value):
            self.add(1, "invalid_field", field, "is not a number")
            return None
        try:
            number = normal_number(value)
        except ValueError as wrong:
            self.add(1, "invalid_field", field, str(wrong))
            return None
        if not 0 <= number <= 1:
            self.add(1, "invalid_field", field, "is not from 0 to 1")
        elif number != round(number, 6):
            self.add(1, "invalid_field", field, "has more than six decimals")
        return number

    def enum(
        self,
        field: str,
        value: object,
        allowed: Sequence[str],
        *,
        default: str | None = None,
        code: str = "invalid_field",
    ) -> str:
        """Group 2: an unknown value is refused and the allowed ones are named (STORE-12)."""
        value = default if value is None else value
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return ""
        if not self._is_unicode_text(value, field):
            return ""
        if value not in allowed:
            what = f"is none of {', '.join(allowed)}"
            self.add(2, code, field, what, allowed=list(allowed))
        return str.__str__(value)

    def optional_entity_letter(self, field: str, value: object) -> str | None:
        if value is None:
            return None
        return self.enum(field, value, tuple(KIND_OF), code="invalid_entity_type")

    def identifier(self, field: str, value: object) -> str:
        """ADDR-01."""
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return ""
        if not self._is_unicode_text(value, field):
            return ""
        if not self.is_identifier(value):
            self.add(3, "invalid_identifier", field, "is not an identifier")
        return str.__str__(value)

    def optional_identifier(self, field: str, value: object) -> str | None:
        return None if value is None else self.identifier(field, value)

    def display_id(self, field: str, value: object) -> str:
        """ADDR-02."""
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return ""
        if not self._is_unicode_text(value, field):
            return ""
        if not is_display_id(value):
            self.add(3, "invalid_display_id", field, "is not a display id")
        return str.__str__(value)

    def optional_display_id(self, field: str, value: object) -> str | None:
        return None if value is None else self.display_id(field, value)

    def elements(
        self, field: str, value: object, default: Sequence[object] | None = None
    ) -> Iterator[tuple[str, object]]:
        """The elements of a list, each with its path; none of them may be null."""
        value = default if value is None else value
        if value is None:
            self.add(1, "missing_field", field, "is required")
            return
        if not isinstance(value, list | tuple):
            self.add(1, "invalid_field", field, "is not a list")
            return
        for i, element in enumerate(value):
            if element is None:
                self.add(1, "invalid_field", f"{field}[{i}]", "is null")
            else:
                yield f"{field}[{i}]", element

    def texts(
        self, field: str, value: object, default: Sequence[object] | None = None
    ) -> list[str]:
        """A list of texts, which may be empty, as may be the texts."""
        elements = self.elements(field, value, default)
        return [self.optional_text(path, element) or "" for path, element in elements]

    def identifiers(self, field: str, value: object) -> list[str]:
        return [self.identifier(path, e) for path, e in self.elements(field, value)]

    def display_ids(self, field: str, value: object) -> list[str]:
        return [self.display_id(path, e) for path, e in self.elements(field, value)]

    def references(self, field: str, value: object) -> list[dict[str, str]]:
        """STORE-24: a list of {type, target}."""
        return [reference for _, reference in self.references_at(field, value, {})]

    def references_at(
        self, field: str, value: object, names: Mapping[str, str]
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Each reference with its path; ``names`` as for ``register_round``."""
        for path, element in self.elements(field, value, default=()):
            entry = self.mapping(path, element, ("type", "target"))
            if entry is None:
                continue
            ref_type = self.enum(
                f"{path}.type", entry.get("type"), REF_TYPES, code="invalid_ref_type"
            )
            target = self.any_id(f"{path}.target", entry.get("target"), names)
            yield path, {"type": ref_type, "target": target}

    def mapping(
        self, field: str, value: object, members: Sequence[str]
    ) -> Mapping[str, object] | None:
        """An object without unknown members; None where it is not even that."""
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            self.add(1, "invalid_field", field, "is not an object")
            return None
        if not all(name in members for name in value):
            self.add(1, "invalid_field", field, f"has members other than {', '.join(members)}")
        return value

    def background(self, field: str, value: object) -> dict[str, str] | None:
        """{subject, description?, constraints?, situation?}; what is unset is left out (ENV-02)."""
        if value is None:
            return None
        entry = self.mapping(field, value, ("subject", "description", "constraints", "situation"))
        if entry is None:
            return None
        background = {"subject": self.text(f"{field}.subject", entry.get("subject"))}
        for name in ("description", "constraints", "situation"):
            text = self.optional_text(f"{field}.{name}", entry.get(name))
            if text is not None:
                background[name] = text
        return background

    def metrics(self, field: str, value: object) -> dict[str, int]:
        """Eight whole numbers from 0, each 0 where it is not given."""
        entry = self.mapping(field, {} if value is None else value, METRICS)
        metrics = {}
        for name in METRICS:
            member = None if entry is None else entry.get(name)
            metrics[name] = self.integer(f"{field}.{name}", member, default=0)
            if metrics[name] < 0:
                self.add(1, "invalid_field", f"{field}.{name}", "is below 0")
        return metrics

    def ethos_compliance(self, field: str, value: object) -> dict[str, Any] | None:
        """{fully_compliant: a boolean; exceptions, violations: lists of text}, all needed."""
        if value is None:
            return None
        entry = self.mapping(field, value, ("fully_compliant", "exceptions", "violations"))
        if entry is None:
            return None
        fully: Any = entry.get("fully_compliant")
        if fully is None:
            self.add(1, "missing_field", f"{field}.fully_compliant", "is required")
        elif not isinstance(fully, bool):
            self.add(1, "invalid_field", f"{field}.fully_compliant", "must be true or false")
        exceptions = self.texts(f"{field}.exceptions", entry.get("exceptions"))
        violations = self.texts(f"{field}.violations", entry.get("violations"))
        return {"fully_compliant": fully, "exceptions": exceptions, "violations": violations}

    def optional_json_object(self, field: str, value: object) -> dict[str, Any] | None:
        """Any JSON object. Its names are sealed text, so that no finding repeats them (ERR-03)."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.add(1, "invalid_field", field, "is not an object")
            return None
        try:
            return dict(normal_json(value))
        except ValueError as wrong:
            self.add(1, "invalid_field", field, str(wrong))
            return None

    def any_id(self, field: str, value: object, names: Mapping[str, str]) -> str:
        """A display id or a local id; ``names``: local id -> kind of the entity that it stands for."""
        if isinstance(value, str) and str.__str__(value) in names:
            return str.__str__(value)
        return self.display_id(field, value)

    # Group 4: letters.

    def letter(self, field: str, display_id: str, letter: str) -> None:
        if not display_id.startswith(letter):
            what = f"an id that begins with {letter} is needed here"
            self.add(4, "type_id_mismatch", field, what, expected=letter)

    # Group 5: what must be there. Rounds come first, then experts, then entities.

    def round_exists(self, field: str, partition: Partition, round: int) -> None:
        if partition.round(round) is None:
            self.add(5, "round_not_found", field, "there is no such round")

    def expert_exists(self, field: str, partition: Partition, slug: str) -> None:
        if partition.expert(slug) is None:
            self.add(5, "expert_not_found", field, "there is no such expert")

    def entity_exists(self, field: str, partition: Partition, display_id: str) -> None:
        if partition.entity(display_id) is None:
            self.add(5, "entity_not_found", field, "there is no such entity")

    # Group 6: by meaning.

    def ref_rules(self, field: str, source_letter: str, ref_type: str, target_letter: str) -> None:
        """The rules of ``ref`` in ``entities.json``."""
        if ref_type in ("address", "resolve", "reopen") and target_letter != "T":
            self.add(6, "invalid_ref_target", field, f"{ref_type} needs a tension as its target")
        if ref_type == "refine" and source_letter != target_letter:
            self.add(6, "invalid_ref_target", field, "refine joins two entities of one type")

    def total(self, field: str, total: int) -> None:
        """STORE-12 holds for sums as well."""
        if not -MAX_INTEGER <= total <= MAX_INTEGER:
            self.add(6, "invalid_field", field, "the total would be beyond 2^53-1")

    # Group 7: what the store's present state refuses.

    def transition(self, field: str, kind: str, old: str, new: str) -> None:
        """STORE-08: the same status again is no transition either."""
        allowed = list(ENTITIES[kind].transitions[old])
        if new not in allowed:
            what = f"from {old} to {new} is none of {', '.join(allowed) or 'no change at all'}"
            self.add(
                7,
                "invalid_status_transition",
                field,
                what,
                **{"from": old, "to": new, "allowed": allowed},
            )

    def time_left(self, partition: Partition) -> None:
        """ADDR-09: a write is later than the one before."""
        if partition.updated_at == LAST_TIME:
            self.add(7, "limit_exceeded", "dialogue_id", "has a write of the last time there is")

    def seq(self, seq: int, of_what: str) -> None:
        """ADDR-08: a number in a round, of an entity's kind or of an expert's moves."""
        if seq > self.max_seq:
            what = f"has {self.max_seq} {of_what}"
            self.add(7, "limit_exceeded", "round", what, limit=self.max_seq)

    def size(self, kind: str, entity: Entity, field: str | None = None) -> None:
        """STORE-15. Signals, refs and the head cannot come near the limit and are not measured."""
        size = self.stored_size(kind, entity)
        if size > self.max_item_bytes:
            self.add(
                7,
                "item_too_large",
                field or sort_key(kind, entity),
                f"the item would take {size} bytes",
                size=size,
                limit=self.max_item_bytes,
            )
