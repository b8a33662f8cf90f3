"""Which modules hold vector families, in the order in which the manifest lists them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

from ..kit.recipe import Family

MODULES = (
    "nist.gcm",
    "nist.sha256",
    "nist.hmac",
    "nist.hkdf",
    "address",
    "timestamp",
    "payload",
    "keys",
    "envelope",
    "partition",
    "journal",
    "item_size",
    "request",
    "audit.chain",
    "audit.checkpoint",
    "migration",
    "backup",
    "erasure",
    "certificate",
    "graph",
    "accumulated",
)


def families() -> Iterator[Family]:
    """Every family; a module holds `FAMILY`, or several as `FAMILIES`."""
    for name in MODULES:
        if importlib.util.find_spec(f"generators.families.{name}") is None:
            continue
        module = importlib.import_module(f"generators.families.{name}")
        yield from getattr(module, "FAMILIES", None) or [module.FAMILY]
