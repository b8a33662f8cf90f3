"""What many liars share: the model, with a hand in what it is asked and in what it answers."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from conformance.model.store import ModelStore, Partition
from reference_impl.contract.entities import DialoguePartition
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS

__all__ = ["LISTS", "Meddler"]

#: Each list of a partition and the read that gives it.
LISTS = {
    **{
        name: f"get_{name}"
        for name in (
            *("experts", "rounds", "verdicts", "perspectives", "tensions", "recommendations"),
            *("evidence", "claims", "moves", "refs", "events"),
        )
    },
    "signals": "get_convergence_signals",
}
_LIST_OF = {method: name for name, method in LISTS.items()}


class Meddler(ModelStore):
    """The model; a lie replaces one of the hooks, which here leave all as it is.

    They are asked of the model's own methods only: what these call of one another passes unseen.
    """

    _is_inside = False

    def _around(self) -> AbstractContextManager[object]:
        """What is in force while the model does what it is asked."""
        return nullcontext()

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """What a call was given, by name, before anything is done."""
        del method
        return given

    def _answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        """What a call that succeeded returns; :meth:`_home` is what it wrote."""
        del method, given
        return made

    def _refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        """What is done instead of raising a refusal."""
        del method, given
        raise refusal

    def _shown(self, name: str, found: list[Any]) -> list[Any]:
        """A list of the partition, as every read shows it."""
        del name
        return found

    def _home(self, given: Mapping[str, Any]) -> Partition:
        return self._partitions[given["dialogue_id"]]


def _meddled(name: str) -> Any:
    honest = getattr(ModelStore, name)
    signature = inspect.signature(honest)

    @functools.wraps(honest)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._is_inside:
            return honest(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        given = dict(bound.arguments)
        del given["self"]
        self._is_inside = True
        try:
            given = self._asked(name, given)
            try:
                with self._around():
                    made = honest(self, **given)
            except DialogueStoreError as refusal:
                return self._refused(name, given, refusal)
            made = self._answered(name, given, made)
        finally:
            self._is_inside = False
        if name in _LIST_OF:
            return self._shown(_LIST_OF[name], made)
        if isinstance(made, DialoguePartition):
            lists = {list_: self._shown(list_, getattr(made, list_)) for list_ in LISTS}
            return dataclasses.replace(made, **lists)
        return made

    return method


for _name, _method in METHODS.items():
    if _method.profile in ("core", "batch"):
        setattr(Meddler, _name, _meddled(_name))
