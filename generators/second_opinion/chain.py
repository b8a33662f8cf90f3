"""Audit events and the chains that they make (AUDIT-01 to AUDIT-05, AUDIT-08, AUDIT-09)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from . import address, hkdf, json8785, times

__all__ = [
    "HASHED",
    "Finding",
    "Walk",
    "event_hash",
    "first_of_each",
    "first_previous",
    "form_fault",
    "has_mac",
    "hashed_text",
    "mac",
]

#: What is hashed of an event, null where unset.
HASHED = (
    *("event_id", "timestamp", "trace_id", "span_id", "operation", "key_id", "principal"),
    *("outcome", "previous_hash", "dialogue_id", "chain", "sequence", "subject", "count"),
    *("revision", "note"),
)
_NULLABLE = frozenset({"key_id", "note", "mac"})
_NUMBERS = frozenset({"sequence", "count", "revision"})
_OPERATIONS = frozenset({"derive", "wrap", "unwrap", "encrypt", "decrypt", "erase", "boundary"})
_OUTCOMES = frozenset({"success", "failure", "denied"})
_EVENT_ID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)
_HASH = re.compile("[0-9a-f]{64}")
_SORT_KEY = re.compile("(w|r#[0-9a-f]{16})#([0-9]{12})")
_KEK = re.compile("kek#[0-9a-f]{16}#[0-9a-f]{16}")
_VERSION = re.compile("[1-9][0-9]{0,14}")
_OF_KEK = frozenset({"derive", "wrap", "unwrap"})
_SIGNED = re.compile("((?:[^\n]+\n){10})\n\u2014 [^ \n]+ [A-Za-z0-9+/]+={0,2}\n")
_TIP = re.compile("(r#[0-9a-f]{16}) ([1-9][0-9]{0,11}) ([0-9a-f]{64})")

#: (chain, first sequence that fails)
Finding = tuple[str, int]


def hashed_text(event: Mapping[str, Any]) -> bytes:
    """The canonical JSON that an event's hash is over."""
    return json8785.canonical({name: event.get(name) for name in HASHED})


def event_hash(event: Mapping[str, Any]) -> str:
    """AUDIT-02."""
    return hkdf.sha256(hashed_text(event)).hex()


def mac(key: bytes, digest: str) -> str:
    """AUDIT-02, under the key of :func:`hkdf.mac_key`."""
    return hkdf.hmac_sha256(key, bytes.fromhex(digest)).hex()


def first_previous(dialogue_id: str, chain: str) -> str:
    """What the first event of a chain names as the one before it."""
    pieces = (b"blue/audit/v1", dialogue_id.encode("ascii"), chain.encode("ascii"))
    return hkdf.sha256(b"\x00".join(pieces)).hex()


def first_of_each(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Each broken chain with its first bad sequence, as vectors show them."""
    first: dict[str, int] = {}
    for chain, sequence in findings:
        first[chain] = min(sequence, first.get(chain, sequence))
    return [{"chain": chain, "sequence": first[chain]} for chain in sorted(first)]


def form_fault(dialogue_id: str, sk: str, event: Mapping[str, Any]) -> str | None:
    """What is wrong with one event's fields and place, hash and mac not looked at."""
    rest = set(event) - {"pk", "sk"}
    for name in (*HASHED, "event_hash", "mac"):
        if name not in rest:
            if name not in _NULLABLE:
                return f"{name} is missing"
            continue
        rest.discard(name)
        if type(event[name]) is not (int if name in _NUMBERS else str):
            return f"{name} has another type"
    if rest:
        return f"{min(rest)} is additional"
    if event["dialogue_id"] != dialogue_id or event.get("pk") != f"audit#{dialogue_id}":
        return "another dialogue's"
    if event["sk"] != sk or sk != f"{event['chain']}#{event['sequence']:012d}":
        return "under another key"
    in_range = (
        1 <= event["sequence"] < 10**12
        and 0 <= event["count"] <= json8785.MAX_SAFE
        and 0 <= event["revision"] <= json8785.MAX_SAFE
    )
    if not in_range:
        return "a number out of range"
    if event["operation"] not in _OPERATIONS or event["outcome"] not in _OUTCOMES:
        return "an unknown operation or outcome"
    forms = (
        _EVENT_ID.fullmatch(event["event_id"]),
        _HASH.fullmatch(event["event_hash"]),
        _HASH.fullmatch(event["previous_hash"]),
        re.fullmatch("[0-9a-f]{32}", event["trace_id"]),
        re.fullmatch("[0-9a-f]{16}", event["span_id"]),
        times.is_canonical(event["timestamp"]),
        _HASH.fullmatch(event.get("mac", "0" * 64)),
        _names_its_key(dialogue_id, event),
        _has_subject(dialogue_id, event["subject"]),
        _may_be_noted(event),
    )
    return None if all(forms) else "a field of another form"


def _names_its_key(dialogue_id: str, event: Mapping[str, Any]) -> bool:
    """AUDIT-01: the KEK, or a data key of the dialogue; none only where none could be had."""
    if event.get("key_id") is None:
        return bool(event["outcome"] != "success")
    if event["operation"] in _OF_KEK:
        return _KEK.fullmatch(event["key_id"]) is not None
    kind, _, rest = event["key_id"].partition("#")
    of, _, version = rest.rpartition("#")
    return (kind, of) == ("dek", dialogue_id) and _VERSION.fullmatch(version) is not None


def _has_subject(dialogue_id: str, subject: str) -> bool:
    if subject == address.partition_key(dialogue_id):
        return True
    try:
        return address.parse(subject)[0] == dialogue_id
    except ValueError:
        return False


def _may_be_noted(event: Mapping[str, Any]) -> bool:
    """A note stands on a write's last event and on a boundary, whose note is about the event itself."""
    if event["operation"] != "boundary":
        last = event["chain"] == "w" and event["operation"] in ("encrypt", "erase")
        return last or "note" not in event
    signed = _SIGNED.fullmatch(event.get("note", ""))
    if signed is None or event["chain"] != "w" or event["outcome"] != "success" or "mac" in event:
        return False
    lines = signed[1].splitlines()
    says = [
        *("blue/boundary/v1", event["dialogue_id"], *lines[2:4], str(event["sequence"] - 1)),
        *(event["previous_hash"], str(event["revision"]), str(event["count"]), lines[8]),
        event["timestamp"],
    ]
    named = all(map(address.is_identifier, lines[2:4])) and lines[2] != lines[3]
    return lines == says and named and _HASH.fullmatch(lines[8]) is not None


def has_mac(event: Mapping[str, Any], key: bytes, kek_id: str) -> bool:
    """Whether an event's mac is as AUDIT-02 asks, or may be another's: of a boundary, of an attempt
    for which no KEK could be had, or with a KEK that is not this reader's (KEY-08)."""
    given, used = event.get("mac"), event.get("key_id")
    is_read = event["chain"] != "w"
    if given is None:
        no_kek = event["operation"] == "derive" and event["outcome"] != "success" and used is None
        return event["operation"] == "boundary" or (is_read and no_kek)
    if given == mac(key, event["event_hash"]):
        return True
    tried = event["operation"] in ("derive", "wrap") or (
        event["operation"] == "unwrap" and event["outcome"] != "success"
    )
    return is_read and tried and str(used).startswith("kek#") and used != kek_id


class Walk:
    """Every chain of a dialogue from its first event on (AUDIT-05): ``findings``, how long each sound
    chain is, and which of them are ``unverified``.

    ``key``: None for a walk without one, which looks at no mac and at no head. ``audit_head``: what the
    head names as the write chain's end.
    """

    def __init__(
        self,
        dialogue_id: str,
        events: Mapping[str, Mapping[str, Any]],
        *,
        key: bytes | None = None,
        kek_id: str = "",
        audit_head: str | None = None,
    ) -> None:
        self.dialogue_id = dialogue_id
        self.findings: list[Finding] = []
        #: Chains that another KEK's holder left, as AUDIT-05 tells them.
        self.unverified: list[dict[str, Any]] = []
        self.chains: dict[str, dict[int, Mapping[str, Any]]] = {"w": {}}
        self._key, self._kek_id = key, kek_id
        self._noted: dict[tuple[str, int], str] = {}
        for sk, event in events.items():
            found = _SORT_KEY.fullmatch(sk)
            if found is None or int(found[2]) == 0:
                self.findings.append((sk, 0))
            else:
                self.chains.setdefault(found[1], {})[int(found[2])] = event
        # The write chain first: its notes say what the others must hold.
        self._ends = {chain: self._walk(chain) for chain in sorted(self.chains, reverse=True)}
        if key is not None:
            self._against_head(audit_head)
        self._against_notes()

    def _walk(self, chain: str) -> int | None:
        """The last sequence of a sound chain; None where it is broken."""
        previous, revision = first_previous(self.dialogue_id, chain), 0
        events = self.chains[chain]
        keks: set[str] = set()
        for number in range(1, len(events) + 1):
            event = events.get(number)
            before = events.get(number - 1, {})
            is_over = chain == "w" and before.get("operation") == "erase"  # KEY-09: nothing follows
            fits = event and self._follows(event, chain, number, previous, revision)
            if event is None or not fits or is_over:
                self.findings.append((chain, number))
                return None
            previous, revision = event["event_hash"], event["revision"]
            if self._key is not None and str(event.get("key_id")).startswith("kek#"):
                keks.add(event["key_id"])
            if len(keks) > 1:  # one instance has one KEK (AUDIT-08)
                self.findings.append((chain, number))
                return None
        if chain != "w" and keks and keks != {self._kek_id}:
            (key_id,) = keks
            found = {"chain": chain, "events": len(events), "key_id": key_id}
            self.unverified.append(found)
        return len(events)

    def _follows(
        self, event: Mapping[str, Any], chain: str, number: int, previous: str, revision: int
    ) -> bool:
        sk = f"{chain}#{number:012d}"
        return (
            form_fault(self.dialogue_id, sk, event) is None
            and event_hash(event) == event["event_hash"]
            and event["previous_hash"] == previous
            and event["revision"] >= revision
            and not self._is_anothers(event)
            and (self._key is None or has_mac(event, self._key, self._kek_id))
            and (self._take_note(event) if chain == "w" else self._is_noted(event))
        )

    def _is_anothers(self, event: Mapping[str, Any]) -> bool:
        """Whether a write names another KEK: then the key is of no use for the other chains."""
        used = event.get("key_id")
        if event["chain"] != "w" or self._key is None or _KEK.fullmatch(str(used)) is None:
            return False
        if used != self._kek_id:
            self._key = None
        return bool(used != self._kek_id)

    def _take_note(self, event: Mapping[str, Any]) -> bool:
        note = event.get("note")
        if note is None or event["operation"] == "boundary":
            return True
        found = _TIP.fullmatch(note)
        if found is None:
            return False
        place = (found[1], int(found[2]))
        return self._noted.setdefault(place, found[3]) == found[3]

    def _is_noted(self, event: Mapping[str, Any]) -> bool:
        noted = self._noted.get((event["chain"], event["sequence"]))
        return noted is None or noted == event["event_hash"]

    def _against_head(self, audit_head: str | None) -> None:
        end = self._ends["w"]
        if end is None:
            return
        hashes = [self.chains["w"][number]["event_hash"] for number in range(1, end + 1)]
        named = hashes.index(audit_head) + 1 if audit_head in hashes else end
        if audit_head not in hashes and (audit_head is not None or hashes):
            self.findings.append(("w", end + 1))
        elif named != end:
            self.findings.append(("w", named + 1))

    def _against_notes(self) -> None:
        for chain in dict.fromkeys(chain for chain, _ in self._noted):
            last = max(number for of, number in self._noted if of == chain)
            end = self._ends.get(chain, 0)
            if end is not None and end < last:
                self.findings.append((chain, end + 1))
