"""The tests of the contract, one module per area; ``conformance run`` runs them on a target."""

from __future__ import annotations

__all__ = ["BUILT", "EMULATED"]

#: Profiles that have tests. A target may claim others; this suite cannot prove them yet.
BUILT = ("core", "batch", "idempotency", "encrypted", "keys", "audit", "crypto")

#: Those that run on an emulated engine, with one client: transactions of one only copy the tables.
EMULATED = ("core", "encrypted", "keys", "crypto")
