"""Reading: one query, proven against the audit chain and the head (HEAD-04, AUDIT-09)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..contract.addresses import address, partition_key
from ..contract.entities import Finding
from ..contract.errors import DialogueStoreError, error, integrity_error
from ..contract.items import Item
from ..contract.limits import MAX_BOUNDARIES
from ..partitions.port import Contention, PartitionStore
from ..sealing import audit_chain
from ..sealing.keys import KekHandle
from .audit_log import AuditLog
from .journal import apply_journal
from .opening import Opener
from .operation import Operation
from .planning.writes import no_dialogue
from .retry import retry_until
from .runtime import Runtime
from .snapshot import Snapshot
from .turns import Turn

__all__ = ["Loaded", "Loader", "as_error", "check_state"]


#: What the write chain must end with for a head to be believed that its dialogue is no more (HEAD-01).
_BORNE_OUT_BY = {"erased": "erase", "moved": "boundary"}

#: The attributes of the head of an erased dialogue.
_TOMBSTONE = {"pk", "sk", "revision", "updated_at", "state"}

#: Torn loads after which one takes a turn.
_TORN = 2


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one look at a partition gave: its state, what is wrong with it, and the head as it lay there.

    ``head.pending`` of the state tells that a journal waits to be put in place: a writer's business.
    """

    snapshot: Snapshot
    findings: list[Finding]
    head: Item | None


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a write chain: its very last event, and the last one that a write made."""

    tip: audit_chain.Tip
    written: audit_chain.Tip


class Loader:
    """Reads partitions; writes nothing."""

    def __init__(
        self, partitions: PartitionStore, opener: Opener, log: AuditLog, runtime: Runtime
    ) -> None:
        self._partitions = partitions
        self._opener = opener
        self._log = log
        self._runtime = runtime

    def load(self, operation: Operation) -> Snapshot:
        """The whole partition, opened and proven; the first bad item as an error (ENV-07)."""
        loaded = self.collect(operation)
        if loaded.findings:
            raise as_error(loaded.findings[0])
        check_state(loaded.snapshot, write=False)
        return loaded.snapshot

    def collect(self, operation: Operation) -> Loaded:
        """The partition and every bad item in it; tried again until the operation's deadline, after two
        torn loads with a turn (STORE-18)."""
        reading = _Reading(self, self._partitions, operation, self._runtime)
        try:
            return retry_until(reading, operation.until, self._runtime)
        finally:
            reading.end()

    def attempt(self, operation: Operation) -> Loaded:
        """One look. What looks bad is read again, and stands only where the head was the same before and
        after: otherwise the pages were of two moments (HEAD-04), which is :class:`Contention`."""
        loaded = self._look(operation)
        if loaded.findings:
            pk = partition_key(operation.dialogue_id)
            before = self._partitions.get(pk, "head")
            loaded = self._look(operation)
            if loaded.findings and not before == loaded.head == self._partitions.get(pk, "head"):
                raise Contention
        if not loaded.findings:
            operation.prove(loaded.snapshot)
        return loaded

    def _look(self, operation: Operation) -> Loaded:
        """The chain's end first, then one query."""
        dialogue_id = operation.dialogue_id
        pk = partition_key(dialogue_id)
        last = self._log.last_write(dialogue_id)
        items = self._items(pk, operation.turn)
        if not items:
            if last is not None:
                raise integrity_error(
                    "chain",
                    None,
                    pk,
                    "head",
                    "the audit chain knows this dialogue, but its items are gone",
                )
            raise no_dialogue(dialogue_id)
        head = next((item for item in items if item["sk"] == "head"), None)
        operation.read(head)
        readable = True
        if head is not None and head.get("pending") is not None:
            token = str(head["pending"])
            items, readable = apply_journal(self._partitions, dialogue_id, items, token)
        known = operation.known or operation.cached.shown()
        snapshot, findings = self._opener.open_partition(dialogue_id, items, operation.uses, known)
        operation.known = snapshot
        if head is not None and head.keys() == _TOMBSTONE and head["state"] == "erased":
            # It is no bad item by itself: the chain tells.
            others = [finding for finding in findings if finding.sk != "head"]
            others += self.check_tombstone(dialogue_id, operation.derived_kek())
            return Loaded(snapshot, others, head)
        if not readable and not any(f.layer == "head" for f in findings):
            detail = "the journal that the head names is not the one that was written"
            findings.append(_of_head(dialogue_id, detail))
        if snapshot.head is not None and not any(f.layer == "head" for f in findings):
            kek = operation.derived_kek()
            findings += self.check_chain(snapshot, last, kek)
            if not any(f.layer == "chain" for f in findings):
                findings += self.check_state(snapshot, kek)
        return Loaded(snapshot, findings, head)

    def _items(self, pk: str, turn: Turn | None) -> list[Item]:
        """The whole partition. Whoever has a turn keeps it from page to page."""
        if turn is None or not (turn.is_held and self._partitions.is_paged):
            return self._partitions.query(pk)
        items = []
        for item in self._partitions.stream(pk):
            items.append(item)
            turn.keep()
        return items

    def check_chain(self, snapshot: Snapshot, last: Item | None, kek: KekHandle) -> list[Finding]:
        """Layer ``chain``: the head is not below the write chain's last event (AUDIT-09). ``last`` was
        read before the head: a head above it is one that was written since, or a cut tail. Where the chain
        ends with the head's own event, the state's ``tip`` is set."""
        head = snapshot.known_head
        dialogue_id = snapshot.dialogue_id

        def finding(detail: str) -> list[Finding]:
            where = address(dialogue_id, "head", {})
            return [Finding("integrity_error", "chain", where, snapshot.pk, "head", detail)]

        if last is None:
            return finding("the partition has no write chain")
        end = self._end(dialogue_id, last, kek)
        if end is None:
            return [_of_last_event(last)]
        if head.revision < end.written.revision:
            return finding("the head is older than the audit chain: the dialogue was rolled back")
        if head.revision == end.written.revision:
            if head.audit_head != end.written.event_hash:
                return finding("the audit chain ends with another event than the head names")
            snapshot.tip = end.tip
        return []

    def _end(self, dialogue_id: str, last: Item, kek: KekHandle) -> _End | None:
        """The write chain's last event whose mac is good, and what stands behind it: boundaries of right
        form, eight at most (AUDIT-09). None where anything else does. Only behind a boundary is more read
        than ``last``."""
        key = audit_chain.mac_key(kek, dialogue_id)
        tip = here = audit_chain.tip_of(last, dialogue_id, key)
        event = last
        for _ in range(MAX_BOUNDARIES + 1):
            if tip is None or here is None:
                return None
            if event["operation"] != "boundary":
                return _End(tip, here)
            before = self._log.write_event(dialogue_id, here.sequence - 1)
            if before is None or before.get("event_hash") != event["previous_hash"]:
                return None
            event, here = before, audit_chain.tip_of(before, dialogue_id, key)
        return None

    def check_state(self, snapshot: Snapshot, kek: KekHandle) -> list[Finding]:
        """HEAD-01: nobody needs a key to write ``erased`` or ``moved`` into a head, so the chain, read
        again after the head, has to bear it out."""
        state = snapshot.known_head.state
        if state not in _BORNE_OUT_BY:
            return []
        last = self._log.last_write(snapshot.dialogue_id)
        findings = self.check_chain(snapshot, last, kek)
        if findings or last is None:
            return findings
        if last["operation"] == _BORNE_OUT_BY[state]:
            return []
        return [_not_borne_out(snapshot.dialogue_id, state)]

    def check_tombstone(self, dialogue_id: str, kek: KekHandle) -> list[Finding]:
        """A head without an envelope that says ``erased`` (KEY-09) is believed as the chain bears it out
        (HEAD-01): ``key_erased`` then, else what is wrong."""
        last = self._log.last_write(dialogue_id)
        if last is not None and self._end(dialogue_id, last, kek) is None:
            return [_of_last_event(last)]
        if last is not None and last["operation"] == "erase":
            raise error("key_erased", f"dialogue {dialogue_id} is erased")
        return [_not_borne_out(dialogue_id, "erased")]

    def find_tip(self, snapshot: Snapshot, kek: KekHandle) -> None:
        """The write chain's end for a head that was written after the chain was looked at."""
        last = self._log.last_write(snapshot.dialogue_id)
        findings = self.check_chain(snapshot, last, kek)
        if snapshot.tip is not None and not findings:
            return
        if self._partitions.get(snapshot.pk, "head") != snapshot.known_head.item:
            raise Contention
        raise integrity_error(
            "chain",
            address(snapshot.dialogue_id, "head", {}),
            snapshot.pk,
            "head",
            "the write chain does not end with the head's own event",
        )

    def audit_head(self, operation: Operation, head: Item | None) -> str | None:
        """What the head seals as the write chain's end (64 hex digits); None where it does not open."""
        if head is None:
            return None
        deks = self._partitions.query(str(head["pk"]), prefix="dek#")
        known = operation.known or operation.cached.shown()
        snapshot, _ = self._opener.open_partition(
            operation.dialogue_id, [*deks, head], operation.uses, known
        )
        # Only the keys and the head: no state that a write could be planned on.
        operation.known = replace(snapshot, tip=None)
        return snapshot.head.audit_head if snapshot.head is not None else None


class _Reading:
    """One load, tried until no writer came in between."""

    def __init__(
        self, loader: Loader, partitions: PartitionStore, operation: Operation, runtime: Runtime
    ) -> None:
        self._loader = loader
        self._operation = operation
        self._runtime = runtime
        self._turn = Turn(partitions, operation.dialogue_id, runtime)
        self._may_turn = partitions.turn_look_s is not None
        self._torn = 0

    def __call__(self) -> Loaded:
        if self._torn >= _TORN and self._may_turn:
            self._take_turn()
        try:
            return self._loader.attempt(self._operation)
        except Contention:
            self._torn += 1
            raise

    def end(self) -> None:
        """Others may go on."""
        if self._operation.turn is self._turn:
            self._operation.turn = None
        self._turn.release()

    def _take_turn(self) -> None:
        """Half of what is left is waited for it at most; who can have none reads on without."""
        now = self._runtime.monotonic()
        self._may_turn = self._turn.take(now + (self._operation.until - now) / 2)
        self._operation.turn = self._turn


def check_state(snapshot: Snapshot, *, write: bool) -> None:
    """Group 5 of STORE-14: what a partition in migration or erased answers."""
    state = snapshot.known_head.state
    if state == "active" or (state == "frozen" and not write):
        return
    code = {
        "frozen": "partition_frozen",
        "importing": "partition_importing",
        "moved": "partition_moved",
        "erased": "key_erased",
    }[state]
    raise error(code, f"dialogue {snapshot.dialogue_id} is {state}")


def _of_head(dialogue_id: str, detail: str) -> Finding:
    where = address(dialogue_id, "head", {})
    return Finding("integrity_error", "head", where, partition_key(dialogue_id), "head", detail)


def _not_borne_out(dialogue_id: str, state: str) -> Finding:
    return _of_head(dialogue_id, f"the head says {state}, and the audit chain does not")


def _of_last_event(last: Item) -> Finding:
    pk, sk = str(last["pk"]), str(last["sk"])
    detail = "the write chain's last event is not the one that was written"
    return Finding("integrity_error", "chain", None, pk, sk, detail)


def as_error(finding: Finding) -> DialogueStoreError:
    """A finding as the error that a read ends with."""
    if finding.code == "integrity_error":
        return integrity_error(
            finding.layer, finding.address, finding.pk, finding.sk, finding.detail
        )
    return error(
        finding.code,
        finding.detail,
        layer=finding.layer,
        address=finding.address,
        pk=finding.pk,
        sk=finding.sk,
        detail=finding.detail,
    )
