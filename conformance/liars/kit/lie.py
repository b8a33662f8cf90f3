"""The one decorator that makes a liar: of a wrong part, a wrong function or a whole factory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from .. import liar
from .made import Made
from .over_model import factory_over_model, forget, model_with
from .over_reference import in_place_of, is_of_reference

__all__ = ["Made", "lie"]

W = TypeVar("W")


def _by_its_kind(wrong: Any, profile: str) -> Made:
    """A wrong class is a part of the reference, or of the model, or the whole model; anything else is a
    factory itself."""
    if isinstance(wrong, type) and is_of_reference(wrong):
        return in_place_of()(wrong, profile)
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

    ``tried`` makes a backend of it, given the profile too: without one, a class is put into the reference or
    the model, whichever has such a part (see :mod:`~conformance.liars.kit.over_reference` and
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
