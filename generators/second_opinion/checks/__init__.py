"""What this verifier does for each family and type of group; importing it registers all of them."""

from __future__ import annotations

from . import (
    accumulated,
    address,
    audit,
    backup,
    checkpoint,
    envelope,
    erasure,
    graph,
    item_size,
    journal,
    keys,
    migration,
    partition,
    payload,
    published,
    request,
    timestamp,
)

__all__ = [
    "accumulated",
    "address",
    "audit",
    "backup",
    "checkpoint",
    "envelope",
    "erasure",
    "graph",
    "item_size",
    "journal",
    "keys",
    "migration",
    "partition",
    "payload",
    "published",
    "request",
    "timestamp",
]
