"""What many liars share: the model, with a hand in what it is asked and in what it answers."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from conformance.model.partition import Partition
from conformance.model.state import State
from conformance.model.store import ModelStore
from reference_impl.contract.entities import DialoguePartition
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS, NUMBERED, PLURALS

__all__ = ["LISTS", "REGISTRATIONS", "Hand", "Meddled"]

#: Each list of a partition and the read that gives it.
LISTS = {
    plural: "get_convergence_signals" if plural == "signals" else f"get_{plural}"
    for plural in dict.fromkeys(PLURALS.values())
}
#: The methods that register an entity with a display id.
REGISTRATIONS = tuple(f"register_{kind}" for kind in NUMBERED.values())
_LIST_OF = {method: name for name, method in LISTS.items()}


class Hand:
    """A hand in what the model is asked and in what it answers; here it leaves all as it is.

    It sees the calls from outside only: what the model's methods, or the hand itself, call of one another
    passes unseen. ``store``: the model that it has its fingers in; ``state_type``: the model's state.
    """

    state_type: ClassVar[type[State]] = State

    def __init__(self, store: ModelStore) -> None:
        self.store = store

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """What a call was given, by name, before anything is done."""
        del method
        return given

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        """What a call that succeeded returns; :meth:`home` is what it wrote."""
        del method, given
        return made

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        """What is done instead of raising a refusal."""
        del method, given
        raise refusal

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        """A list of the partition, as every read shows it."""
        del name
        return found

    @property
    def partitions(self) -> dict[str, Partition]:
        """Every partition there is, by dialogue id."""
        return self.store.state.partitions

    def partition(self, given: Mapping[str, Any]) -> Partition | None:
        """The partition that a call is about, if there is one."""
        return self.partitions.get(str(given.get("dialogue_id")))

    def home(self, given: Mapping[str, Any]) -> Partition:
        """The partition that a call is about, which has been found."""
        return self.partitions[given["dialogue_id"]]

    def honest(self, method: str, given: Mapping[str, Any]) -> Any:
        """What the model says to a call."""
        return getattr(self.store, method)(**given)


class Meddled(ModelStore):
    """The model with a hand in it: of ``hand_type``."""

    hand_type: ClassVar[type[Hand]] = Hand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hand = self.hand_type(self)
        self.is_inside = False


def _meddled(name: str) -> Any:
    honest = getattr(ModelStore, name)
    signature = inspect.signature(honest)

    @functools.wraps(honest)
    def method(self: Meddled, *args: Any, **kwargs: Any) -> Any:
        if self.is_inside:
            return honest(self, *args, **kwargs)
        hand = self.hand
        given = dict(signature.bind(self, *args, **kwargs).arguments)
        del given["self"]
        self.is_inside = True
        try:
            given = hand.asked(name, given)
            try:
                made = honest(self, **given)
            except DialogueStoreError as refusal:
                return hand.refused(name, given, refusal)
            made = hand.answered(name, given, made)
        finally:
            self.is_inside = False
        if name in _LIST_OF:
            return hand.shown(_LIST_OF[name], made)
        if isinstance(made, DialoguePartition):
            lists: dict[str, Any] = {one: hand.shown(one, getattr(made, one)) for one in LISTS}
            return dataclasses.replace(made, **lists)
        return made

    return method


for _name, _method in METHODS.items():
    if _method.profile in ("core", "batch"):
        setattr(Meddled, _name, _meddled(_name))
