"""Why tests of one rule go red for a lie about another: what else they look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["touched"]

_REASONS: Final[Mapping[str, str]] = {
    "ADDR-01": "its tests look names up in lists, and compare them whole",
    "ADDR-02": "its tests look numbers up in lists",
    "ADDR-05": "its tests compare whole items",
    "ADDR-07": "its tests look at every time that a read gives",
    "ADDR-08": "its tests fill a round and compare its lists",
    "ADDR-09": "its tests compare the times of everything that a write made",
    "ADDR-10": "its tests compare spellings within whole items",
    "STORE-01": "its tests ask every method for an answer",
    "STORE-03": "its tests compare what clients read",
    "STORE-04": "its tests compare the whole partition before and after",
    "STORE-05": "its tests compare whole lists",
    "STORE-06": "its tests compare what is there with what is not",
    "STORE-07": "its tests compare the whole partition after a repeat",
    "STORE-08": "its tests compare entity and events, whole",
    "STORE-09": "its tests compare rounds and totals, whole",
    "STORE-10": "its tests go through the end of a dialogue and compare it whole",
    "STORE-11": "its tests compare experts, whole",
    "STORE-12": "its tests compare entities whole, as they come back",
    "STORE-13": "its tests compare what a whole round wrote, and what it found",
    "STORE-14": "its tests end with a call that must succeed, or be refused for one reason",
    "STORE-15": "its tests compare what is there after a refusal",
    "STORE-16": "its tests count what clients wrote at the same time",
    "STORE-18": "its tests compare what one client reads with what another one wrote",
    "STORE-19": "its tests compare every read with the whole partition",
    "STORE-20": "its tests compare what is there after a reopening",
    "STORE-21": "its tests compare every read with the whole partition",
    "STORE-22": "its tests ask for every write again",
    "STORE-23": "its tests compare lists, whole and in every read",
    "STORE-24": "its tests compare references and refs, whole",
    "ERR-01": "its tests look at every error",
    "ERR-02": "its tests ask for one error of each cause",
    "ERR-03": "its tests need a partition that opens, or does not",
    "ENV-01": "its tests compare the attributes of whole items",
    "ENV-02": "its tests open what lies there with a toolkit of their own",
    "ENV-03": "its tests open what lies there with a toolkit of their own",
    "ENV-04": "its tests open the head with a toolkit of their own",
    "ENV-05": "its tests open what lies there with a toolkit of their own",
    "ENV-06": "its tests compare all that a verification says of a partition",
    "ENV-07": "its tests compare all that a verification says of a partition",
    "ENV-08": "its tests compare all that is said of a bad item",
    "ENV-09": "its tests seal and open with a toolkit of their own",
    "KEY-01": "its tests open what was wrapped with a toolkit of their own",
    "KEY-02": "its tests look for the key that a dialogue was wrapped under",
    "KEY-03": "its tests open what was wrapped with a toolkit of their own",
    "KEY-05": "its tests open what was wrapped with a toolkit of their own",
    "KEY-06": "its tests open what was wrapped with a toolkit of their own",
    "KEY-08": "its tests compare what is said of a wrapped key",
    "AUDIT-01": "its tests compare the events of an operation, whole",
    "AUDIT-02": "its tests compute every hash and mac of a chain again",
    "AUDIT-03": "its tests go through chains that others have written",
    "AUDIT-04": "its tests compare the events of an operation, in order",
    "AUDIT-05": "its tests need chains on which nothing is wrong",
    "AUDIT-06": "its tests compare the events of an operation, whole",
    "AUDIT-08": "its tests look for events on the chain where they belong",
    "AUDIT-09": "its tests compare the revisions of events along a chain",
}


def touched(*rules: str) -> dict[str, str]:
    """Rules that may go red as well, each with the reason."""
    return {rule: _REASONS[rule] for rule in rules}
