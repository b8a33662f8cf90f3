"""The one decorator that makes a liar: of a wrong part, a wrong function or a whole factory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conformance.targets.base import Factory, keep

from .. import liar
from .over_model import factory_over_model, forget, model_with

__all__ = ["Made", "lie"]

W = TypeVar("W")


@dataclass(frozen=True)
class Made:
    """What a wrong part is tried as: a factory, what forgets the storage of one of its folders, and what
    is in force meanwhile."""

    factory: Factory
    discard: Callable[[Path], None] = keep
    during: Callable[[], AbstractContextManager[object]] = nullcontext


def _by_its_kind(wrong: Any, profile: str) -> Made:
    """A wrong class is a part of the model, or the whole; anything else is a factory itself."""
    if isinstance(wrong, type):
        return Made(factory_over_model(model_with(wrong), profile), forget)
    return Made(wrong)


def lie(
    profile: str,
    *must_fail: str,
    also: Mapping[str, str] | None = None,
    tried: Callable[[Any, str], Made] = _by_its_kind,
    trivial: bool = False,
    null: bool = False,
    case_deadline_s: float = 30.0,
) -> Callable[[W], W]:
    """Make a liar of what is decorated; its docstring tells the lie, its name is the liar's.

    ``tried`` makes a backend of it, given the profile too: without one, a class is put into the model (see
    :func:`~conformance.liars.kit.over_model.model_with`), and a function is a factory. What the others mean:
    :func:`conformance.liars.liar`.
    """

    def register(wrong: W) -> W:
        made = tried(wrong, profile)
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", getattr(wrong, "__name__", "")).lower()

        def factory(
            folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
        ) -> Any:
            return made.factory(folder, key_file=key_file, user_id=user_id, deadline_s=deadline_s)

        factory.__name__, factory.__doc__ = name, getattr(wrong, "__doc__", None)
        liar(
            must_fail=must_fail,
            profile=profile,
            also=also,
            discard=made.discard,
            trivial=trivial,
            null=null,
            during=made.during,
            case_deadline_s=case_deadline_s,
        )(factory)
        return wrong

    return register
