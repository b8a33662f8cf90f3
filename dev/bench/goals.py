"""What is measured, against which limit, and where it should end up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["ENGINES", "IMPORT_GOAL_MS", "WORKS", "Work"]

ENGINES: Final = ("sqlite", "dynamodb")

#: Import of ``reference_impl`` with its SQLite store, in milliseconds; boto3 must stay out.
IMPORT_GOAL_MS: Final = 120.0


@dataclass(frozen=True)
class Work:
    """Something the store does, with the hand-written counterpart that its time is divided by.

    ``goals``: by engine, the ratio wanted. They are set for the store that commits an audit event
    with every load and write, so a store without the audit chain should be well below them.
    """

    id: str
    text: str
    store_case: str
    limit_case: str
    goals: Mapping[str, float] = field(default_factory=dict)


WORKS: Final = (
    Work(
        "load_warm",
        "load 100 items, warm",
        "store_load_warm",
        "hand_load",
        {"sqlite": 3.0, "dynamodb": 1.5},
    ),
    Work(
        "load_cold",
        "load 100 items, cold",
        "store_load_cold",
        "hand_load",
        {"dynamodb": 1.8},
    ),
    Work(
        "register_warm",
        "one registration, warm",
        "store_register_warm",
        "hand_put",
        {"sqlite": 2.0, "dynamodb": 2.7},
    ),
    Work(
        "register_cold",
        "one registration, cold",
        "store_register_cold",
        "hand_put",
        {"dynamodb": 4.7},
    ),
)
