"""What there is to prove: the rules of the contract and the profiles that group them.

Rules are data (``rules.json``: id, level, one sentence; which of them wait for a milestone or are
excluded); which profile holds which rule is read from the contract's ``methods.json`` and written
nowhere else, and which test proves which rule comes from a run (:mod:`conformance.running.matrix`).
"""

from __future__ import annotations

from .register import (
    BUILT,
    EMULATED,
    EXCLUDED,
    OWN_PROFILE,
    OWN_TESTS,
    PLANNED,
    PROFILES,
    RULES,
    SPEC_REVISION,
    Excluded,
    Planned,
    Profile,
    Rule,
    SpecError,
    home_of,
    profiles_of,
    with_needs,
)

__all__ = [
    "BUILT",
    "EMULATED",
    "EXCLUDED",
    "OWN_PROFILE",
    "OWN_TESTS",
    "PLANNED",
    "PROFILES",
    "RULES",
    "SPEC_REVISION",
    "Excluded",
    "Planned",
    "Profile",
    "Rule",
    "SpecError",
    "home_of",
    "profiles_of",
    "with_needs",
]
