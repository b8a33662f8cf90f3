"""Which modules hold vector families, in the order in which the manifest lists them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

from .recipe import Family

MODULES = (
    "nist_gcm",
    "nist_sha256",
    "nist_hmac",
    "nist_hkdf",
    "addresses",
    "timestamps",
    "payloads",
    "keys",
    "envelopes",
    "partitions",
    "chains",
    "checkpoints",
    "migration",
    "erasure",
    "graph",
    "accumulated",
)


def families() -> Iterator[Family]:
    """Every family; a module holds `FAMILY`, or several as `FAMILIES`."""
    for name in MODULES:
        if importlib.util.find_spec(f"generators.{name}") is None:
            continue
        module = importlib.import_module(f"generators.{name}")
        yield from getattr(module, "FAMILIES", None) or [module.FAMILY]
