"""The tests of the contract, one module per area; ``conformance run`` runs them on a target."""

from __future__ import annotations

import pytest

__all__ = ["BUILT"]

#: Profiles that have tests. A target may claim others; this suite cannot prove them yet.
BUILT = ("core", "encrypted", "keys")

# Assertions in the shared helpers explain themselves like those in the tests.
pytest.register_assert_rewrite(
    "conformance.suite.builders", "conformance.suite.forge", "conformance.suite.helpers"
)
