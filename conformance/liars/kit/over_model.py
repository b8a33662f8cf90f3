"""The model with one wrong part, as a backend."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from conformance.model.findings import Findings
from conformance.model.partition import Partition
from conformance.model.state import State
from conformance.model.store import ModelStore
from conformance.targets.base import Backend, Factory
from reference_impl.testing import ManualClock

from .meddling import Hand, Meddled

__all__ = ["factory_over_model", "forget", "model_with"]

#: The storage of each folder; nothing is kept in the folder itself.
_STORAGE: Final[dict[Path, dict[str, Partition]]] = {}


def forget(folder: Path) -> None:
    """Forget what is stored for a folder."""
    _STORAGE.pop(folder.resolve(), None)


def model_with(wrong: type) -> type[ModelStore]:
    """The model with a wrong part in the place of its own: a :class:`Hand`, or a subclass of one of the
    model's own parts (``State``, ``Findings``, ``Partition``); a subclass of the model is wrong itself."""
    if issubclass(wrong, ModelStore):
        return wrong
    if issubclass(wrong, Hand):
        return type(
            wrong.__name__, (Meddled,), {"hand_type": wrong, "state_type": wrong.state_type}
        )
    if issubclass(wrong, Partition):
        state = type(wrong.__name__, (State,), {"partition_type": wrong})
    elif issubclass(wrong, Findings):
        state = type(wrong.__name__, (State,), {"findings": lambda self, method: wrong()})
    elif issubclass(wrong, State):
        state = wrong
    else:
        raise TypeError(f"the model has no part like {wrong.__qualname__}")
    return type(wrong.__name__, (ModelStore,), {"state_type": state})


def factory_over_model(store: type[ModelStore], profile: str) -> Factory:
    """A backend of a class of the model; it claims what the model has, for ``core`` only that."""

    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        del key_file, user_id, deadline_s
        clock = ManualClock()
        opened = store(clock, storage=_STORAGE.setdefault(folder.resolve(), {}))
        claims = () if profile == "core" else ("batch", "idempotency")
        return Backend(opened, set_clock=clock.set, profiles=("core", *claims))

    return factory
