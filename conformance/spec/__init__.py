"""What there is to prove: the rules of the contract and the profiles that group them.

Rules are data (``rules.json``: id, level, one sentence); which profile holds which rule is read
from the contract's ``methods.json`` and written nowhere else.
"""

from __future__ import annotations

from .register import (
    PROFILES,
    RULES,
    SPEC_REVISION,
    Profile,
    Rule,
    SpecError,
    home_of,
    with_needs,
)

__all__ = [
    "PROFILES",
    "RULES",
    "SPEC_REVISION",
    "Profile",
    "Rule",
    "SpecError",
    "home_of",
    "with_needs",
]
