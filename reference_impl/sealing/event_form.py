"""The form of one audit event taken alone (AUDIT-01): its fields, their types and spellings.

Hash, mac and link are the business of :mod:`audit_chain` and :mod:`chain_walk`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ..contract import addresses
from ..contract.errors import DialogueStoreError
from ..contract.items import Value
from ..contract.limits import MAX_INTEGER
from ..contract.timestamps import is_canonical

__all__ = [
    "FIELDS",
    "NOTE",
    "OPERATIONS",
    "OUTCOMES",
    "WRITE_CHAIN",
    "audit_key",
    "fault_of",
    "is_event_id",
    "is_kek_id",
    "number_of",
    "place_of",
    "sort_key",
]

#: The chain on which writes log their own events (AUDIT-08).
WRITE_CHAIN = "w"
#: In the order in which the events of one write commit (AUDIT-04).
OPERATIONS = ("derive", "wrap", "unwrap", "decrypt", "encrypt", "erase", "boundary")
OUTCOMES = ("success", "failure", "denied")

#: Fields of an event in the order of AUDIT-01: (name, may be unset).
FIELDS: tuple[tuple[str, bool], ...] = (
    ("event_id", False),
    ("timestamp", False),
    ("trace_id", False),
    ("span_id", False),
    ("operation", False),
    ("key_id", True),
    ("principal", False),
    ("outcome", False),
    ("previous_hash", False),
    ("dialogue_id", False),
    ("chain", False),
    ("sequence", False),
    ("subject", False),
    ("count", False),
    ("revision", False),
    ("note", True),
    ("event_hash", False),
    ("mac", True),
)
_NAMES = frozenset(name for name, _ in FIELDS)
_MUST = frozenset(name for name, may_be_unset in FIELDS if not may_be_unset)
_NUMBERS = ("sequence", "count", "revision")
#: Uses of the KEK; all other operations use a data key.
_WITH_KEK = ("derive", "wrap", "unwrap")
#: What a write's last event does, the one that may carry a note (AUDIT-02).
_LAST_OF_A_WRITE = ("encrypt", "erase")

_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_is_trace = re.compile(r"[0-9a-f]{32}").fullmatch
_is_span = re.compile(
    r"[0-9a-f]{16}"
).fullmatch  #: A tip as a write's note names it (AUDIT-02): chain, sequence, event_hash.
NOTE = re.compile(r"(r#[0-9a-f]{16}) ([1-9][0-9]{0,11}) ([0-9a-f]{64})").fullmatch

_is_kek = re.compile(r"kek#[0-9a-f]{16}#[0-9a-f]{16}").fullmatch
_is_version = re.compile(r"[1-9][0-9]{0,14}").fullmatch
_sort_key = re.compile(r"(w|r#[0-9a-f]{16})#([0-9]{12})").fullmatch
_event_id = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
).fullmatch
#: A boundary's note (MIG-02): ten lines, an empty one, one signature line. The signature itself takes the
#: public key.
_signed_lines = re.compile(r"((?:[^\n]+\n){10})\n\u2014 [^ \n]+ [A-Za-z0-9+/]+={0,2}\n").fullmatch


def audit_key(dialogue_id: str) -> str:
    """The partition key of a dialogue's audit events."""
    return f"audit#{dialogue_id}"


def sort_key(chain: str, sequence: int) -> str:
    """``{chain}#{sequence:012d}``."""
    return f"{chain}#{sequence:012d}"


def place_of(sk: object) -> tuple[str, int] | None:
    """Chain and sequence of a sort key; None where it is no chain's."""
    match = _sort_key(sk) if isinstance(sk, str) else None
    place = (match[1], int(match[2])) if match is not None else None
    return None if place is None or place[1] == 0 else place


def is_event_id(text: str) -> bool:
    """Whether a text is a UUIDv7 of 36 characters in lower case."""
    return _event_id(text) is not None


def is_kek_id(key_id: object) -> bool:
    """Whether a ``key_id`` has the form of a KEK's (KEY-05)."""
    return isinstance(key_id, str) and _is_kek(key_id) is not None


def number_of(item: Mapping[str, Value], name: str) -> int:
    """A field of an event that is a whole number; 0 where it is none."""
    value = item[name]
    return value if type(value) is int else 0


def fault_of(item: Mapping[str, Value], dialogue_id: str) -> str | None:
    """What is wrong with an event taken alone, but for hash and mac; None where nothing is."""
    names = item.keys() - {"pk", "sk"}
    if not names >= _MUST:
        return "a field is missing"
    if not names <= _NAMES:
        return "there is an additional field"
    for name in names:
        if type(item[name]) is not (int if name in _NUMBERS else str):
            return f"{name} is not of its type"
    if item["dialogue_id"] != dialogue_id or item["pk"] != audit_key(dialogue_id):
        return "the event belongs to another dialogue"
    if place_of(item["sk"]) != (item["chain"], item["sequence"]):
        return "the event lies under another key"
    if number_of(item, "sequence") < 1:
        return "the sequence is out of range"
    if any(not 0 <= number_of(item, name) <= MAX_INTEGER for name in ("count", "revision")):
        return "count or revision is out of range"
    if item["operation"] not in OPERATIONS or item["outcome"] not in OUTCOMES:
        return "operation or outcome is unknown"
    return _fault_of_form(item) or _fault_of_key(item, dialogue_id) or _fault_of_note(item)


def _fault_of_form(item: Mapping[str, Value]) -> str | None:
    text = {name: str(value) for name, value in item.items()}
    if not is_canonical(text["timestamp"]) or not is_event_id(text["event_id"]):
        return "timestamp or event_id has another form"
    if _is_trace(text["trace_id"]) is None or _is_span(text["span_id"]) is None:
        return "trace_id or span_id has another form"
    hashes = (text["event_hash"], text["previous_hash"], text.get("mac", "0" * 64))
    if any(_is_hash(value) is None for value in hashes):
        return "a hash or the mac has another form"
    return None


def _fault_of_key(item: Mapping[str, Value], dialogue_id: str) -> str | None:
    key_id, operation = item.get("key_id"), item["operation"]
    if key_id is None:
        if item["outcome"] == "success":
            return "it names no key"
    elif operation in _WITH_KEK:
        if not is_kek_id(key_id):
            return "key_id has another form"
    else:
        start, _, version = str(key_id).rpartition("#")
        if start != f"dek#{dialogue_id}" or _is_version(version) is None:
            return "key_id has another form"
    if not _is_subject(str(item["subject"]), dialogue_id):
        return "the subject is nothing of this dialogue"
    return None


@lru_cache(maxsize=4096)
def _is_subject(subject: str, dialogue_id: str) -> bool:
    """The partition, or the canonical address of something in it."""
    if subject == addresses.partition_key(dialogue_id):
        return True
    try:
        return addresses.parse_address(subject)[0] == dialogue_id
    except DialogueStoreError:
        return False


def _fault_of_note(item: Mapping[str, Value]) -> str | None:
    operation, is_write = item["operation"], item["chain"] == WRITE_CHAIN
    if operation == "boundary":
        if not is_write or item["outcome"] != "success" or "mac" in item:
            return "a boundary stands on the write chain, without mac"
        return None if _fits_its_boundary(item) else "the boundary's note is not of this event"
    if "note" in item and not (is_write and operation in _LAST_OF_A_WRITE):
        return "a note stands on an event that is no write's last"
    return None


def _fits_its_boundary(item: Mapping[str, Value]) -> bool:
    """Whether a boundary's note has the form of MIG-02 and says what its event says."""
    match = _signed_lines(str(item.get("note")))
    if match is None:
        return False
    *lines, digest, time = match[1].split("\n")[:-1]
    source, target = lines[2], lines[3]
    return (
        lines
        == [
            "blue/boundary/v1",
            item["dialogue_id"],
            source,
            target,
            str(number_of(item, "sequence") - 1),
            item["previous_hash"],
            str(item["revision"]),
            str(item["count"]),
        ]
        and addresses.is_identifier(source)
        and addresses.is_identifier(target)
        and source != target
        and number_of(item, "sequence") > 1
        and _is_hash(digest) is not None
        and time == item["timestamp"]
    )
