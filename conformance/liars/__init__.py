"""Deliberately wrong backends: each tells one lie and names the rules that must go red for it.

A liar is made by :func:`conformance.liars.kit.lie.lie`, in a module of this package, of one wrong part of the
model or of the reference, of a wrong function, or of a whole factory; its docstring begins with the lie::

    @lie("core", "STORE-05")
    class RefsAsWritten(Hand):
        '''Gives refs in the order of their times.'''

        def shown(self, name, found):
            return sorted(found, key=lambda one: one.created_at) if name == "refs" else found
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from conformance.spec import BUILT, OWN_PROFILE, PROFILES, RULES, with_needs
from conformance.targets.base import Factory, keep

__all__ = ["LIARS", "Liar", "all_rules", "liar"]

F = TypeVar("F", bound=Factory)


@dataclass(frozen=True)
class Liar:
    """A wrong backend. ``must_fail``: the rules that must go red, all of them and no others, except
    those in ``also``, which may (with the reason why the lie touches them).

    ``trivial``: it is wrong everywhere (``must_fail`` is all), so it shows little about any one rule;
    ``null``: it does nothing at all, so that no case may pass, nor fail but by its own assertion.
    ``during`` is in force while it is tried, for lies of functions that no store holds.
    ``discard`` forgets the storage of one folder, where the factory keeps any outside of it.
    """

    name: str
    lie: str
    profile: str
    must_fail: tuple[str, ...]
    factory: Factory
    also: Mapping[str, str] = field(default_factory=dict)
    discard: Callable[[Path], None] = keep
    trivial: bool = False
    null: bool = False
    during: Callable[[], AbstractContextManager[object]] = nullcontext
    case_deadline_s: float = 30.0


#: Every liar by name, once the modules of this package are imported (``liars.run.chosen``).
LIARS: dict[str, Liar] = {}


def all_rules(profile: str) -> tuple[str, ...]:
    """Every rule that a backend claims with a profile, those of what it needs included."""
    rules = (rule for name in with_needs([profile]) for rule in PROFILES[name].rules)
    return tuple(dict.fromkeys(rules))


def liar(
    *,
    must_fail: tuple[str, ...],
    profile: str,
    also: Mapping[str, str] | None = None,
    discard: Callable[[Path], None] = keep,
    trivial: bool = False,
    null: bool = False,
    during: Callable[[], AbstractContextManager[object]] = nullcontext,
    case_deadline_s: float = 30.0,
) -> Callable[[F], F]:
    """Register a factory as a liar; its docstring begins with the lie, in one paragraph.

    ``ValueError`` for an unknown rule or profile, a missing docstring, a name used twice, a rule that
    stands in ``also`` as well or without a reason there.
    """
    unknown = [rule for rule in (*must_fail, *(also or {})) if rule not in RULES]
    if unknown or not must_fail:
        raise ValueError(f"must_fail names no rule of the contract: {', '.join(unknown)}")
    if profile not in (*BUILT, OWN_PROFILE):
        raise ValueError(f"there are no tests for profile {profile}")
    if unclear := [rule for rule, why in (also or {}).items() if rule in must_fail or not why]:
        raise ValueError(f"declared twice or without a reason: {', '.join(unclear)}")

    def register(factory: F) -> F:
        name = getattr(factory, "__name__", type(factory).__name__)
        lie = " ".join((factory.__doc__ or "").partition("\n\n")[0].split())
        if not lie:
            raise ValueError(f"liar {name} must tell its lie in its docstring")
        if name in LIARS:
            raise ValueError(f"two liars are called {name}")
        LIARS[name] = Liar(
            name=name,
            lie=lie,
            profile=profile,
            must_fail=must_fail,
            factory=factory,
            also=also or {},
            discard=discard,
            trivial=trivial or null,
            null=null,
            during=during,
            case_deadline_s=case_deadline_s,
        )
        return factory

    return register
