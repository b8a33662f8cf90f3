"""How a public method is carried out: may it be called, are its parameters valid, then one operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ..contract.entities import CLASSES, ChainReport, Dialogue, RoundRegistration
from ..contract.errors import error
from ..contract.tables import METHODS
from ..partitions.port import PartitionStore
from .composing import Parts
from .loading import Loaded
from .operation import Operation
from .planning.parameters import validated
from .planning.problems import INVALID
from .snapshot import Snapshot, entities

__all__ = ["Calls"]

T = TypeVar("T")

_ENTITY_OF = {cls: entity for entity, cls in CLASSES.items()}


class Calls:
    """The calls of one store, until it is closed. ``given`` are always a method's parameters by name."""

    def __init__(self, parts: Parts) -> None:
        self.partitions: PartitionStore = parts.partitions
        self._parts = parts
        self._is_closed = False
        self._guard = self._holds_wrapped_keys
        parts.keys.guard(self._guard)

    def close(self) -> None:
        """Let go of partitions and keys; closing twice is fine."""
        if not self._is_closed:
            self._is_closed = True
            self._parts.keys.unguard(self._guard)  # other stores may go on using the provider
            self._parts.operations.end()
        self.partitions.close()

    def write(self, result: type[T], method: str, given: Mapping[str, Any]) -> T:
        """One write; ``result`` is the class of what the method returns."""
        del result  # for the type checker
        args = self.checked(method, given)
        with self._begin(args) as operation:
            made: T = self._parts.writer.write(operation, method, args)
        return made

    def create(self, given: Mapping[str, Any]) -> Dialogue:
        """``create_dialogue``."""
        args = self.checked("create_dialogue", given)
        with self._begin(args) as operation:
            made: Dialogue = self._parts.creator.create(operation, args)
        return made

    def register_round(self, given: Mapping[str, Any]) -> RoundRegistration:
        """``register_round``: what is wrong with its parameters is told with what is wrong in the
        dialogue (STORE-13), but for a dialogue that cannot be named."""
        from .planning.round_parameters import validated_round  # few jobs write whole rounds

        self._allow("register_round")
        args, problems = validated_round(given)
        if args["dialogue_id"] is INVALID:
            problems.raise_all(below=5)
        with self._begin(args) as operation:
            made: RoundRegistration = self._parts.writer.register_round(operation, args, problems)
        return made

    def entities(self, result: type[T], method: str, dialogue_id: str) -> list[T]:
        """All entities of a class, in the order of STORE-05."""
        args = self.checked(method, {"dialogue_id": dialogue_id})
        return entities(self.load(args), _ENTITY_OF[result])

    def load(self, args: Mapping[str, Any]) -> Snapshot:
        """The partition, opened, proven and logged; the first bad item as an error."""
        with self._begin(args) as operation:
            return self._parts.loader.load(operation)

    def collect(self, args: Mapping[str, Any]) -> Loaded:
        """The partition and every bad item in it, logged."""
        with self._begin(args) as operation:
            return self._parts.loader.collect(operation)

    def verify_chain(self, args: Mapping[str, Any]) -> ChainReport:
        """What is wrong with the audit chains."""
        with self._begin(args) as operation:
            return self._parts.verifier.verify_chain(operation)

    def checked(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, normalised, of a method that may be called now."""
        self._allow(method)
        return validated(method, given)

    def _holds_wrapped_keys(self) -> bool:
        return self.partitions.holds_wrapped_keys()

    def _begin(self, args: Mapping[str, Any]) -> Operation:
        return self._parts.operations.begin(args["dialogue_id"])

    def _allow(self, method: str) -> None:
        if self._is_closed:
            raise error("store_closed", "this store was closed")
        if self._parts.read_only and METHODS[method].kind == "write":
            advice = "Open it without read_only to write."
            raise error("access_denied", "this store was opened read-only", advice=advice)
