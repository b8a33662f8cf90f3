"""How a test says what it proves: ``@rules("STORE-09")``, and ``profile("core")`` for a module."""

from __future__ import annotations

import pytest

from conformance.spec import PROFILES, RULES

__all__ = ["UnknownProfileError", "UnknownRuleError", "profile", "rules"]


class UnknownRuleError(ValueError):
    """A test cites an id that is no rule of the contract."""


class UnknownProfileError(ValueError):
    """A module names a profile that the contract does not have."""


def rules(*ids: str) -> pytest.MarkDecorator:
    """The rules that a test (or a whole module) proves. An unknown id is an error at import."""
    unknown = [id_ for id_ in ids if id_ not in RULES]
    if unknown or not ids:
        raise UnknownRuleError(f"no rule of the contract: {', '.join(unknown) or '(none given)'}")
    return pytest.mark.rules(*ids)


def profile(name: str) -> pytest.MarkDecorator:
    """The profile of all tests of a module, set as its ``pytestmark``."""
    if name not in PROFILES:
        raise UnknownProfileError(f"no profile of the contract: {name}")
    return pytest.mark.profile(name)
