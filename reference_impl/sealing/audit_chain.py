"""The audit chain (AUDIT-01 to AUDIT-09): every use of a key is an event, each bound to the one before it.

Pure functions: uses in, items out; items in, findings out. Where they are stored, and when they commit, is
the business of the layer above.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.items import Item, Value, canonical_json
from ..contract.limits import MAX_INTEGER
from ..contract.timestamps import is_canonical
from .keys import KekHandle

__all__ = [
    "OPERATIONS",
    "WALK_ORDER",
    "WRITE_CHAIN",
    "ChainWalk",
    "Tip",
    "Trace",
    "Use",
    "audit_key",
    "current_trace",
    "first_tip",
    "is_event_id",
    "mac_key",
    "new_event_id",
    "place",
    "read_chain",
    "tip_of",
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
_HASHED = tuple(name for name, _ in FIELDS if name not in ("event_hash", "mac"))
_NUMBERS = ("sequence", "count", "revision")
_NO_TRACE = ("0" * 32, "0" * 16)
_SORT_KEY = re.compile(r"(w|r#[0-9a-f]{16})#([0-9]{12})")
_NOTE = re.compile(r"(r#[0-9a-f]{16}) ([1-9][0-9]*) ([0-9a-f]{64})")
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_event_id = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
).fullmatch

#: (trace_id of 32 hex digits, span_id of 16): who asked, as OpenTelemetry knows it.
Trace = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a key, not yet placed on a chain. ``key_id`` None: no key could be had."""

    operation: str
    outcome: str
    key_id: str | None
    subject: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of a chain: its last sequence (0: none yet), that event's hash and revision."""

    chain: str
    sequence: int
    event_hash: str
    revision: int

    @property
    def note(self) -> str:
        """As a write's note and a checkpoint name it."""
        return f"{self.chain} {self.sequence} {self.event_hash}"


def audit_key(dialogue_id: str) -> str:
    """The partition key of a dialogue's audit events."""
    return f"audit#{dialogue_id}"


def sort_key(chain: str, sequence: int) -> str:
    """``{chain}#{sequence:012d}``."""
    return f"{chain}#{sequence:012d}"


def read_chain(randomness: Callable[[int], bytes]) -> str:
    """A chain of one store instance's own: ``r#`` and 16 random hex digits (AUDIT-08)."""
    return f"r#{randomness(8).hex()}"


def first_tip(dialogue_id: str, chain: str) -> Tip:
    """The tip of a chain that has no event yet: what its first event names as previous (AUDIT-02)."""
    start = b"\x00".join((b"blue/audit/v1", dialogue_id.encode("ascii"), chain.encode("ascii")))
    return Tip(chain, 0, hashlib.sha256(start).hexdigest(), 0)


def mac_key(kek: KekHandle, dialogue_id: str) -> bytes:
    """AUDIT-02: the 32-byte key of the macs of a dialogue's events."""
    return kek.derive(b"blue/audit-mac/v1\x00" + dialogue_id.encode("ascii"))


def new_event_id() -> str:
    """A UUIDv7 as 36 characters."""
    from uuid_utils import uuid7

    return str(uuid7())


def is_event_id(text: str) -> bool:
    """Whether a text is a UUIDv7 of 36 characters in lower case."""
    return _event_id(text) is not None


def current_trace() -> Trace:
    """AUDIT-06: ids of the current OpenTelemetry span; zeros without one.

    A process that has not imported OpenTelemetry has no span, so it is not imported for this.
    """
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return _NO_TRACE
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return _NO_TRACE
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def place(
    uses: Sequence[Use],
    tip: Tip,
    *,
    dialogue_id: str,
    revision: int,
    timestamp: str,
    principal: str,
    key: bytes | None,
    note: str | None = None,
    trace: Trace = _NO_TRACE,
    event_id: Callable[[], str] = new_event_id,
) -> tuple[list[Item], Tip]:
    """The events of ``uses`` after ``tip``, as items, and the new tip.

    ``key``: the mac key, None where no KEK could be had. ``note`` goes on the last event. A revision
    below the tip's becomes the tip's: it never falls along a chain (AUDIT-09).
    """
    items = []
    for number, use in enumerate(uses, start=1):
        event: dict[str, Any] = {
            "event_id": event_id(),
            "timestamp": timestamp,
            "trace_id": trace[0],
            "span_id": trace[1],
            "operation": use.operation,
            "key_id": use.key_id,
            "principal": principal,
            "outcome": use.outcome,
            "previous_hash": tip.event_hash,
            "dialogue_id": dialogue_id,
            "chain": tip.chain,
            "sequence": tip.sequence + 1,
            "subject": use.subject,
            "count": use.count,
            "revision": max(revision, tip.revision),
            "note": note if number == len(uses) else None,
        }
        digest = hashlib.sha256(canonical_json(event)).digest()
        event["event_hash"] = digest.hex()
        event["mac"] = hmac.digest(key, digest, "sha256").hex() if key is not None else None
        tip = Tip(tip.chain, tip.sequence + 1, digest.hex(), event["revision"])
        items.append(
            {
                "pk": audit_key(dialogue_id),
                "sk": sort_key(tip.chain, tip.sequence),
                **{name: value for name, value in event.items() if value is not None},
            }
        )
    return items, tip


def event_hash_of(item: Mapping[str, Value]) -> bytes:
    """The 32 bytes that an event's ``event_hash`` must be."""
    return hashlib.sha256(canonical_json({name: item.get(name) for name in _HASHED})).digest()


def tip_of(item: Mapping[str, Value], dialogue_id: str, key: bytes | None) -> Tip | None:
    """The tip that a chain's last event makes; None where the event is not sound by itself."""
    if _fault_of(item, dialogue_id) is not None:
        return None
    digest = event_hash_of(item)
    if not hmac.compare_digest(digest.hex(), str(item["event_hash"])):
        return None
    if key is not None and not _mac_fits(item, digest, key):
        return None
    return Tip(
        str(item["chain"]),
        _number(item, "sequence"),
        str(item["event_hash"]),
        _number(item, "revision"),
    )


def _mac_fits(item: Mapping[str, Value], digest: bytes, key: bytes) -> bool:
    mac = item.get("mac")
    if mac is None:  # only on a boundary, which its note vouches for, and where no KEK could be had
        return item["operation"] == "boundary" or (
            item["operation"] == "derive"
            and item["outcome"] != "success"
            and "key_id" not in item
            and item["chain"] != WRITE_CHAIN
        )
    return hmac.compare_digest(hmac.digest(key, digest, "sha256").hex(), str(mac))


def _fault_of(item: Mapping[str, Value], dialogue_id: str) -> str | None:
    """What is wrong with an event taken alone, but for hash and mac; None where nothing is."""
    names = item.keys() - {"pk", "sk"}
    must = {name for name, unset in FIELDS if not unset}
    if not must <= names:
        return "a field is missing"
    if not names <= {name for name, _ in FIELDS}:
        return "there is an additional field"
    for name in names:
        value = item[name]
        if type(value) is not (int if name in _NUMBERS else str):
            return f"{name} is not of its type"
    if item["dialogue_id"] != dialogue_id or item["pk"] != audit_key(dialogue_id):
        return "the event belongs to another dialogue"
    sequence = item["sequence"]
    if not isinstance(sequence, int) or not 1 <= sequence < 10**12:
        return "the sequence is out of range"
    if item["sk"] != sort_key(str(item["chain"]), sequence):
        return "the event lies under another key"
    if (
        not 0 <= _number(item, "count") <= MAX_INTEGER
        or not 0 <= _number(item, "revision") <= MAX_INTEGER
    ):
        return "count or revision is out of range"
    if item["operation"] not in OPERATIONS or item["outcome"] not in OUTCOMES:
        return "operation or outcome is unknown"
    if not is_canonical(item["timestamp"]) or not is_event_id(str(item["event_id"])):
        return "timestamp or event_id has another form"
    if _is_hash(str(item["event_hash"])) is None or _is_hash(str(item["previous_hash"])) is None:
        return "a hash has another form"
    return None


#: Ranges of sort keys in the order in which a walk has to see them: the write chain first, for its notes
#: name tips of the read chains. (low, high): from low up to, but without, high.
WALK_ORDER: tuple[tuple[str, str | None], ...] = (("w#", "w$"), ("", "w#"), ("w$", None))


@dataclass
class _Progress:
    tip: Tip
    events: int = 0
    broken: bool = False


class ChainWalk:
    """Walks every chain of a dialogue (AUDIT-05), one event at a time.

    Feed :meth:`take` with the audit partition's items, ascending within the ranges of :data:`WALK_ORDER`,
    then call :meth:`finish`. A chain is named with the first sequence that fails and not walked further.
    With ``key``, made from the KEK of ``kek_id``, every change but a cut tail is found; without it, hashes
    and links only. ``audit_head``: the hash that the head named as the write chain's end before the walk.
    """

    def __init__(
        self,
        dialogue_id: str,
        key: bytes | None = None,
        *,
        kek_id: str | None = None,
        audit_head: str | None = None,
    ) -> None:
        self._dialogue_id = dialogue_id
        self._key = key
        self._kek_id = kek_id
        self._audit_head = audit_head
        self._head_at: int | None = None
        self._chains: dict[str, _Progress] = {}
        self._noted: dict[tuple[str, int], str] = {}
        self.findings: list[dict[str, Any]] = []

    @property
    def events(self) -> int:
        """How many were taken."""
        return sum(progress.events for progress in self._chains.values()) + len(self.findings)

    def take(self, item: Mapping[str, Value]) -> None:
        """The next event."""
        match = _SORT_KEY.fullmatch(str(item["sk"]))
        if match is None:
            self._find(str(item["sk"]), 0, "foreign: the sort key is no chain's")
            return
        chain, sequence = match[1], int(match[2])
        progress = self._chains.get(chain)
        if progress is None:
            progress = self._chains[chain] = _Progress(first_tip(self._dialogue_id, chain))
        progress.events += 1
        if progress.broken:
            return
        if sequence != progress.tip.sequence + 1:
            progress.broken = True
            self._find(chain, progress.tip.sequence + 1, "missing: the event is not there")
            return
        what = self._fault(item, progress.tip)
        if what is not None:
            progress.broken = True
            self._find(chain, sequence, what)
            return
        progress.tip = Tip(chain, sequence, str(item["event_hash"]), _number(item, "revision"))

    def _fault(self, item: Mapping[str, Value], tip: Tip) -> str | None:
        wrong = _fault_of(item, self._dialogue_id)
        if wrong is not None:
            return f"foreign: {wrong}"
        digest = event_hash_of(item)
        event_hash = str(item["event_hash"])
        if not hmac.compare_digest(digest.hex(), event_hash):
            return "hash: the event is not the one that was hashed"
        if not hmac.compare_digest(tip.event_hash, str(item["previous_hash"])):
            return "link: the event before it is another one"
        if self._key is not None and not (
            _mac_fits(item, digest, self._key) or self._is_strangers(item)
        ):
            return "mac: the event was not written with the key"
        if _number(item, "revision") < tip.revision:
            return "revision: it falls along the chain"
        if tip.chain == WRITE_CHAIN:
            if event_hash == self._audit_head:
                self._head_at = tip.sequence + 1
            return self._take_note(item)
        noted = self._noted.pop((tip.chain, tip.sequence + 1), None)
        if noted is not None and noted != event_hash:
            return "note: a write knew another event here"
        return None

    def _is_strangers(self, item: Mapping[str, Value]) -> bool:
        """Whether somebody with another KEK tried: derived it, and could not unwrap with it. The mac is
        made with that KEK; like a denial without one, it can be forged at the tail (HEAD-05)."""
        operation, key_id = item["operation"], str(item.get("key_id", ""))
        return (
            item["chain"] != WRITE_CHAIN
            and key_id.startswith("kek#")
            and key_id != self._kek_id
            and (operation == "derive" or (operation == "unwrap" and item["outcome"] != "success"))
        )

    def _take_note(self, item: Mapping[str, Value]) -> str | None:
        note = item.get("note")
        if note is None or item["operation"] == "boundary":
            return None
        match = _NOTE.fullmatch(str(note))
        if match is None:
            return "note: it names no tip"
        chain, sequence, event_hash = match[1], int(match[2]), match[3]
        if self._noted.setdefault((chain, sequence), event_hash) != event_hash:
            return "note: an earlier one names another event"
        return None

    def finish(self, *, is_settled: bool = True) -> dict[str, dict[str, Any]]:
        """What is known after the last event: ``{chain: {"events", "tip_sequence", "tip_hash"}}``.

        ``is_settled``: the head is still the one that was there before the walk; otherwise events that a
        later write appended meanwhile are none too many.
        """
        writes = self._chains.get(WRITE_CHAIN)
        if self._key is not None and (writes is None or not writes.broken):
            end = writes.tip.sequence if writes else 0
            if self._audit_head is None:
                if end:
                    self._find(WRITE_CHAIN, end + 1, "head: none tells where the chain ends")
            elif self._head_at is None:
                self._find(WRITE_CHAIN, end + 1, "missing: the head names another end")
            elif is_settled and self._head_at != end:
                self._find(WRITE_CHAIN, self._head_at + 1, "foreign: the head names an earlier end")
        cut: dict[str, int] = {}
        for chain, sequence in self._noted:
            progress = self._chains.get(chain)
            if progress is None or (not progress.broken and progress.tip.sequence < sequence):
                cut[chain] = (progress.tip.sequence if progress else 0) + 1
        for chain, sequence in cut.items():
            self._find(chain, sequence, "missing: a write knew of later events")
        return {
            chain: {
                "events": progress.events,
                "tip_sequence": progress.tip.sequence,
                "tip_hash": progress.tip.event_hash,
            }
            for chain, progress in self._chains.items()
        }

    def _find(self, chain: str, sequence: int, what: str) -> None:
        self.findings.append({"chain": chain, "sequence": sequence, "what": what})


def _number(item: Mapping[str, Value], name: str) -> int:
    value = item[name]
    return value if isinstance(value, int) else 0
