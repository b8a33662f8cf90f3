"""Stores that keep STORE-01: accepted by the plugin and when the class is defined."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Generic, NewType, TypeVar

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import Dialogue, Expert, Finding, PartitionScoped
from reference_impl.contract.migration_store import MigrationStore

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")


class Own(PartitionScoped):
    """A result of a backend's own."""


class Box(PartitionScoped, Generic[_T]):
    """A result with a parameter."""


Opened = NewType("Opened", Dialogue)
Findings = list[Finding]
Alias = DialogueStore


class GoodOverride(DialogueStore):
    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        raise NotImplementedError

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        return []


class GoodNewMethods(DialogueStore):
    def look(self, dialogue_id: str, *, deep: bool = False) -> Own:
        return Own()

    def look_around(self, dialogue_id: str, options: Mapping[str, Any]) -> list[Own]:
        return []

    def look_again(self, dialogue_id: str) -> Findings:
        return []

    def box(self, dialogue_id: str) -> Box[int]:
        return Box()

    def boxes(self, dialogue_id: str) -> list[Box[Any]]:
        return []

    def opened(self, dialogue_id: str) -> Opened:
        raise NotImplementedError

    def noted(self, dialogue_id: str) -> Annotated[Own, "for readers"]:
        return Own()

    @abstractmethod
    def to_come(self, dialogue_id: str) -> Own: ...


class GoodMigration(MigrationStore):
    def look(self, dialogue_id: str) -> Own:
        return Own()


class GoodFree(DialogueStore):
    """Private methods, ``close``, class and static methods, properties and nested classes are free."""

    class Settings:
        def names(self) -> list[str]:
            return []

    def close(self) -> None:
        super().close()

    def _scan(self) -> list[str]:
        return []

    @classmethod
    def connect(cls, path: str) -> str:
        return path

    @staticmethod
    def version() -> str:
        return "1"

    @property
    def path(self) -> str:
        return ""

    @path.setter
    def path(self, value: str) -> None: ...


class GoodInherits(GoodNewMethods):
    def look(self, dialogue_id, *, deep=False):  # type: ignore[no-untyped-def]
        return Own()


class GoodMixin:
    def look(self, dialogue_id: str) -> Own:
        return Own()


class GoodMixed(GoodMixin, Alias):
    pass
