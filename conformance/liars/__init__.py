"""Deliberately wrong backends: each tells one lie and names the rules that must go red for it.

A liar is a factory (see ``conformance.targets.base.Factory``) in a module of this package::

    @liar(must_fail=("STORE-05",), profile="core")
    def forgets_the_order(folder, *, key_file, user_id="local", deadline_s=10.0):
        '''Gives experts back in the order of their registration.'''
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from conformance.spec import RULES
from conformance.suite import BUILT
from conformance.targets.base import Factory, keep

__all__ = ["LIARS", "Liar", "liar"]

F = TypeVar("F", bound=Factory)


@dataclass(frozen=True)
class Liar:
    """A wrong backend. ``must_fail``: the rules that must go red, all of them and no others, except
    those in ``also``, which may (with the reason why the lie touches them).

    ``discard`` forgets the storage of one folder, where the factory keeps any outside of it.
    """

    name: str
    lie: str
    profile: str
    must_fail: tuple[str, ...]
    factory: Factory
    also: Mapping[str, str] = field(default_factory=dict)
    discard: Callable[[Path], None] = keep


#: Every liar by name, once the modules of this package are imported (``liars.run.chosen``).
LIARS: dict[str, Liar] = {}


def liar(
    *,
    must_fail: tuple[str, ...],
    profile: str,
    also: Mapping[str, str] | None = None,
    discard: Callable[[Path], None] = keep,
) -> Callable[[F], F]:
    """Register a factory as a liar; the first line of its docstring tells the lie.

    ``ValueError`` for an unknown rule or profile, a missing docstring or a name used twice.
    """
    unknown = [rule for rule in (*must_fail, *(also or {})) if rule not in RULES]
    if unknown or not must_fail:
        raise ValueError(f"must_fail names no rule of the contract: {', '.join(unknown)}")
    if profile not in BUILT:
        raise ValueError(f"there are no tests for profile {profile}")

    def register(factory: F) -> F:
        name = getattr(factory, "__name__", type(factory).__name__)
        lie = (factory.__doc__ or "").strip().partition("\n")[0]
        if not lie:
            raise ValueError(f"liar {name} must tell its lie in its docstring")
        if name in LIARS:
            raise ValueError(f"two liars are called {name}")
        LIARS[name] = Liar(name, lie, profile, must_fail, factory, also or {}, discard)
        return factory

    return register
