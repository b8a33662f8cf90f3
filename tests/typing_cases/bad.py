"""Stores that break STORE-01, each in one way, at the lines whose error is ignored here.

mypy fails where an ignored line has no error, so this file proves the plugin in every lint as well.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Self, overload

from reference_impl.contract.analytics_store import DialogueSummary, Page
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import Dialogue, Expert, PartitionScoped
from reference_impl.contract.migration_store import MigrationStore


class Own(PartitionScoped):
    """A result of a backend's own."""


# -- dialogue_id is not first ----------------------------------------------------------------------


class NoDialogueId(DialogueStore):
    def look(self) -> Own:  # type: ignore[partition-scoped]
        return Own()


class NoDialogueIdInOverride(DialogueStore):
    def get_dialogue(self, title: str) -> Dialogue:  # type: ignore[partition-scoped]
        raise NotImplementedError


class NotFirst(DialogueStore):
    def look(self, depth: int, dialogue_id: str) -> Own:  # type: ignore[partition-scoped]
        return Own()


class ByNameOnly(DialogueStore):
    def look(self, *, dialogue_id: str) -> Own:  # type: ignore[partition-scoped]
        return Own()


class ByPositionOnly(DialogueStore):
    def look(self, dialogue_id: str, /) -> Own:  # type: ignore[partition-scoped]
        return Own()


class Many(DialogueStore):
    def look(self, *dialogue_id: str) -> Own:  # type: ignore[partition-scoped]
        return Own()


class AnyName(DialogueStore):
    def look(self, **dialogue_id: str) -> Own:  # type: ignore[partition-scoped]
        return Own()


class NoneMeansAll(DialogueStore):
    def look(self, dialogue_id: str | None = None) -> Own:  # type: ignore[partition-scoped]
        return Own()


class NoDialogueIdInMigration(MigrationStore):
    def look(self) -> Own:  # type: ignore[partition-scoped]
        return Own()


# -- the result is not scoped ----------------------------------------------------------------------


class PlainList(DialogueStore):
    def look(self, dialogue_id: str) -> list[str]:  # type: ignore[partition-scoped]
        return []


class PlainListInOverride(DialogueStore):
    def get_experts(self, dialogue_id: str) -> list[str]:  # type: ignore[partition-scoped, override]
        return []


class PlainResultInMigration(MigrationStore):
    def look(self, dialogue_id: str) -> str:  # type: ignore[partition-scoped]
        return ""


class NoResult(DialogueStore):
    def look(self, dialogue_id: str) -> None:  # type: ignore[partition-scoped]
        return None


class MaybeNone(DialogueStore):
    def look(self, dialogue_id: str) -> Own | None:  # type: ignore[partition-scoped]
        return None


class Either(DialogueStore):
    def look(self, dialogue_id: str) -> Own | list[Own]:  # type: ignore[partition-scoped]
        return []


class Anything(DialogueStore):
    def look(self, dialogue_id: str) -> Any:  # type: ignore[partition-scoped]
        return None


class AnyList(DialogueStore):
    def look(self, dialogue_id: str) -> list[Any]:  # type: ignore[partition-scoped]
        return []


class ListOfLists(DialogueStore):
    def look(self, dialogue_id: str) -> list[list[Own]]:  # type: ignore[partition-scoped]
        return []


class Mapped(DialogueStore):
    def look(self, dialogue_id: str) -> dict[str, Own]:  # type: ignore[partition-scoped]
        return {}


class Streamed(DialogueStore):
    def look(self, dialogue_id: str) -> Iterator[Own]:  # type: ignore[partition-scoped]
        yield Own()


class AcrossDialogues(DialogueStore):
    def look(self, dialogue_id: str) -> Page[DialogueSummary]:  # type: ignore[partition-scoped]
        return Page([], None)


class ItsStore(DialogueStore):
    def look(self, dialogue_id: str) -> Self:  # type: ignore[partition-scoped]
        return self


class Later(DialogueStore):
    async def look(self, dialogue_id: str) -> Own:  # type: ignore[partition-scoped]
        return Own()


class Unannotated(DialogueStore):
    def look(self, dialogue_id):  # type: ignore[partition-scoped, no-untyped-def]
        return Own()


class ResultUnannotated(DialogueStore):
    def look(self, dialogue_id: str):  # type: ignore[partition-scoped, no-untyped-def]
        return Own()


# -- where the method stands -----------------------------------------------------------------------


class Abstract(DialogueStore):
    @abstractmethod
    def look(self, dialogue_id: str) -> list[str]: ...  # type: ignore[partition-scoped]


class Overloaded(DialogueStore):
    @overload
    def look(self, dialogue_id: str) -> Own: ...
    @overload
    def look(self, dialogue_id: str, deep: int) -> str: ...  # type: ignore[partition-scoped]
    def look(self, dialogue_id: str, deep: int = 0) -> Own | str:  # type: ignore[partition-scoped]
        return Own()


class Between(DialogueStore):
    def get_experts(self, dialogue_id: str) -> list[Expert]:
        return []


class FurtherDown(Between):
    def get_experts(self, dialogue_id: str) -> list[str]:  # type: ignore[partition-scoped, override]
        return []


class Mixin:
    def look(self) -> list[str]:
        return []


class Mixed(Mixin, DialogueStore):  # type: ignore[partition-scoped]
    pass


class ClassMethod(DialogueStore):
    @classmethod
    def look(cls, dialogue_id: str) -> str:
        return ""


class InPlaceOfClassMethod(ClassMethod):
    def look(self, dialogue_id):  # type: ignore[partition-scoped, no-untyped-def, override]
        return ""


def inside() -> None:
    class Local(DialogueStore):
        def get_experts(self, dialogue_id: str) -> list[Expert]:
            return []

    class LocalBelow(Local):
        def look(self, dialogue_id: str) -> list[str]:  # type: ignore[partition-scoped]
            return []
