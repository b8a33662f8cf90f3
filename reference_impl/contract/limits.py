"""Every number that the contract names, once; the rule that names it stands beside it."""

from __future__ import annotations

from typing import Final

__all__ = [
    "DEADLINE_S",
    "JOURNAL_PART_BYTES",
    "MAX_BOUNDARIES",
    "MAX_DEPTH",
    "MAX_EACH",
    "MAX_FINDINGS",
    "MAX_INTEGER",
    "MAX_ITEM_BYTES",
    "MAX_REFS",
    "MAX_ROUND",
    "MAX_ROUND_BYTES",
    "MAX_SEALS",
    "MAX_SLUG",
    "MAX_TITLE_IDS",
    "MAX_WRAPPED_KEYS",
]

#: ADDR-02: rounds are 0 to this one.
MAX_ROUND: Final = 99
#: ADDR-02, ADDR-08, STORE-13: entities of one kind in a round, moves of one expert in it.
MAX_EACH: Final = 99
#: ADDR-06: candidates for a dialogue's id, and characters of one before its number.
MAX_TITLE_IDS: Final = 99
MAX_SLUG: Final = 64
#: STORE-12: whole numbers, up and down; lists and objects within one another.
MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 64
#: STORE-16: seconds that a call may go on trying, where nobody says otherwise.
DEADLINE_S: Final = 10.0
#: STORE-13: refs of one round, and bytes of it as canonical JSON.
MAX_REFS: Final = 999
MAX_ROUND_BYTES: Final = 64 * 1024 * 1024
#: STORE-14: findings that an error tells one by one.
MAX_FINDINGS: Final = 1000
#: STORE-15: bytes of an item by DynamoDB's rules.
MAX_ITEM_BYTES: Final = 400 * 1024
#: ENV-04: committed encryptions under one data key: half of NIST SP 800-38D's 2^32, room for attempts that
#: did not commit.
MAX_SEALS: Final = 2**31
#: KEY-07: wrapped keys of a dialogue at a time.
MAX_WRAPPED_KEYS: Final = 64
#: AUDIT-09: boundaries that may follow one another on a write chain.
MAX_BOUNDARIES: Final = 8
#: HEAD-07: bytes of one part of a journal.
JOURNAL_PART_BYTES: Final = 350 * 1024
