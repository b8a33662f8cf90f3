"""Liars that are wrong everywhere; the null targets are in core, keys and audit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from conformance.model.store import ModelStore
from reference_impl.contract.errors import error
from reference_impl.contract.tables import METHODS

from . import all_rules
from .kit.lie import lie

__all__: list[str] = []

_ALL = all_rules("core")


def every_method(answer: Callable[..., Any]) -> Callable[[type[ModelStore]], type[ModelStore]]:
    """Let ``answer`` stand for every method of profile core: it is given its name and arguments."""

    def changed(store: type[ModelStore]) -> type[ModelStore]:
        for name, method in METHODS.items():
            if method.profile == "core":
                setattr(store, name, _named(name, answer))
        return store

    return changed


def _named(name: str, answer: Callable[..., Any]) -> Any:
    def method(self: ModelStore, dialogue_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        del self
        return answer(name, dialogue_id, *args, **kwargs)

    return method


@lie("core", *_ALL, trivial=True)
@every_method(lambda name, dialogue_id, *args, **kwargs: {"dialogue_id": dialogue_id, **kwargs})
class Echoes(ModelStore):
    """Gives back what it was given."""


@lie("core", *_ALL, trivial=True)
@every_method(lambda name, dialogue_id, *args, **kwargs: [])
class AlwaysEmpty(ModelStore):
    """Answers everything with an empty list."""


def _raise(*args: Any, **kwargs: Any) -> Any:
    del args, kwargs
    raise error("backend_unavailable", "try again later")


@lie("core", *_ALL, trivial=True)
@every_method(_raise)
class AlwaysRaises(ModelStore):
    """Is never available, whatever is asked."""


def _hang(*args: Any, **kwargs: Any) -> Any:
    """No answer within the deadline of a case, nor much later, so that no thread stays behind."""
    del args, kwargs
    threading.Event().wait(2.0)


@lie("core", *_ALL, trivial=True, case_deadline_s=0.5)
@every_method(_hang)
class Hangs(ModelStore):
    """Never answers anything."""
