"""How the store reads and writes: one load that is proven, one commit that is conditional on the head.

The public methods stand in ``encrypted_store``; planning is in ``writes``, opening in ``reading``, logging in
``auditing``. Here they come together.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from ..contract import timestamps
from ..contract.addresses import address, partition_key
from ..contract.entities import ChainReport, Finding
from ..contract.errors import (
    DialogueStoreError,
    Problem,
    error,
    from_problems,
    integrity_error,
)
from ..contract.items import Item, Value, item_size
from ..contract.tables import METHODS, TYPES, EntityType
from ..partitions.port import (
    ABSENT,
    Action,
    ConditionFailed,
    Contention,
    Equals,
    LostAnswer,
    PartitionStore,
    Put,
    Transient,
)
from ..sealing import audit_chain as audit
from ..sealing import envelope
from ..sealing.audit_chain import Tip, Use
from ..sealing.head import MAX_SEALS, head_term, sum_text, term
from ..sealing.keys import (
    NONCE_BYTES,
    DekHandle,
    KeyProvider,
    Randomness,
    check_user_id,
    system_randomness,
)
from .audit_log import AuditLog, Ledger
from .journal import Journal, journal_key, lay_over, sweep
from .opening import Keyring, open_partition
from .planning import idempotency as requests
from .planning import rounds
from .planning.drafts import time_of_write
from .planning.parameters import validated
from .planning.problems import INVALID
from .planning.sizes import size_as_stored, too_large
from .planning.writes import (
    PLANNERS,
    Draft,
    Plan,
    Planner,
    Repeat,
    no_dialogue,
    plan_create,
    whole_item,
)
from .retry import outcome_unknown, persist
from .snapshot import Head, Record, Snapshot, entities

__all__ = ["Mechanics"]

#: Dialogues whose last opened state a store keeps, so that a further write needs no read.
_KEPT_SNAPSHOTS = 64
#: What stands at the beginning of group 5 of STORE-14: the dialogue and its state.
_NOT_THERE = (
    "dialogue_not_found",
    "partition_frozen",
    "partition_importing",
    "partition_moved",
    "key_erased",
)


@dataclass(frozen=True, slots=True)
class Commit:
    """One sealed write: what is sent, again and again if need be, with the same bytes (HEAD-08)."""

    token: str
    actions: Sequence[Action]
    head: Head
    records: Sequence[tuple[str, Record, int]]  # sort key, record, term of the sum
    result: Any
    tip: Tip
    sealed: Use
    journal: Journal | None = None
    added: Mapping[str, int] | None = None  # terms of items that are no records (a new data key)

    @property
    def first_event(self) -> Item:
        """Its first event on the write chain: only this commit can have put it there (HEAD-03)."""
        for action in self.actions:
            if isinstance(action, Put) and action.item["pk"] != self.head.item["pk"]:
                return action.item
        raise AssertionError("every commit has an event")


class _Cell:
    """What a store knows of one dialogue between calls.

    ``snapshot`` is what was opened last; ``current`` says that a write may be planned on it. ``writing``
    lets the store's own threads queue up.
    """

    __slots__ = ("current", "guard", "orphans", "snapshot", "writing")

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self.guard = threading.Lock()
        self.snapshot: Snapshot | None = None
        self.current = False
        #: parts of journals that no head named when the state was read; nobody can commit them any more
        #: once a write that was planned on that state has gone through
        self.orphans: list[Item] = []

    def learn(self, snapshot: Snapshot) -> None:
        """Keep a state that was read, unless a later one is known."""
        with self.guard:
            known = self.snapshot
            if known is None or _revision(known) <= _revision(snapshot):
                if known is not None and _revision(known) == _revision(snapshot):
                    snapshot.tip = snapshot.tip or known.tip
                self.snapshot, self.current = snapshot, True

    def shown(self) -> Snapshot | None:
        """What is known, for a read: it may look at this while a write goes on with a copy."""
        with self.guard:
            if self.snapshot is not None:
                self.snapshot.is_shared = True
            return self.snapshot

    def plannable(self) -> Snapshot | None:
        """What a write may be planned on without a read, its end of the write chain included: a state
        whose head was written after the chain was looked at does not tell that."""
        with self.guard:
            known = self.snapshot if self.current else None
            return known if known is not None and known.tip is not None else None

    def doubt(self) -> None:
        """The next write has to read first; what was opened is still known."""
        with self.guard:
            self.current = False

    def forget(self) -> None:
        """Nothing is known."""
        with self.guard:
            self.snapshot, self.current = None, False


def _revision(snapshot: Snapshot) -> int:
    return snapshot.head.revision if snapshot.head else 0


class Mechanics:
    """Reads, writes, retries and logging of :class:`EncryptedStore`."""

    def __init__(
        self,
        partitions: PartitionStore,
        keys: KeyProvider,
        *,
        user_id: str = "local",
        deadline_s: float = 10.0,
        read_only: bool = False,
        principal: str | None = None,
        audit_sink: str | os.PathLike[str] | None = None,
        clock: timestamps.Clock = timestamps.system_clock,
        randomness: Randomness = system_randomness,
    ) -> None:
        if read_only and audit_sink is None:
            raise error(
                "audit_unavailable",
                "a store that is opened read-only needs a file for its audit events ([audit] sink)",
            )
        self._partitions = partitions
        self._keys = Keyring(keys, check_user_id(user_id), randomness)
        self._deadline_s = min(deadline_s, threading.TIMEOUT_MAX)
        self._read_only = read_only
        self._clock = clock
        self._randomness = randomness
        self._log = AuditLog(
            partitions,
            self._keys.known_kek,
            principal=user_id if principal is None else check_user_id(principal, "principal"),
            clock=clock,
            randomness=randomness,
            sink=Path(audit_sink) if read_only and audit_sink is not None else None,
        )
        self._cells: OrderedDict[str, _Cell] = OrderedDict()
        self._cells_lock = threading.Lock()
        self._closed = False
        self._provider = keys
        self._guard = partitions.holds_wrapped_keys
        keys.guard(self._guard)

    def close(self) -> None:
        """Release what the store holds. From then on every method is ``store_closed``."""
        if not self._closed:
            self._closed = True
            self._provider.unguard(self._guard)  # other stores may go on using the provider
        self._partitions.close()

    def _validated(self, method: str, **given: Any) -> dict[str, Any]:
        self._allow(method)
        return validated(method, given)

    def _allow(self, method: str) -> None:
        if self._closed:
            raise error("store_closed", "this store was closed")
        if self._read_only and METHODS[method].kind == "write":
            raise error("access_denied", "this store was opened read-only")

    # -- reads -----------------------------------------------------------------------------------

    def _list(self, method: str, dialogue_id: str, entity: str) -> list[Any]:
        self._validated(method, dialogue_id=dialogue_id)
        return entities(self._load(dialogue_id), entity)

    def _load(self, dialogue_id: str) -> Snapshot:
        """The whole partition, opened and proven; the first bad item as an error (ENV-07)."""
        snapshot, findings = self._read(dialogue_id)
        if findings:
            raise _as_error(findings[0])
        _check_state(snapshot, write=False)
        return snapshot

    def _read(self, dialogue_id: str) -> tuple[Snapshot, list[Finding]]:
        """Load, log the keys that were used for it, then give it back (AUDIT-04)."""
        until = time.monotonic() + self._deadline_s
        ledger = Ledger(dialogue_id)
        cell = self._cell(dialogue_id)
        try:
            snapshot, findings = persist(lambda: self._read_once(cell, ledger), until)
        except DialogueStoreError as refused:
            self._log_failure(refused, ledger, ledger.uses(), ledger.revision, until)
            raise
        self._log_uses(ledger, ledger.revision, until)
        snapshot.is_shared = True  # the caller goes through it while others write
        if not findings:
            cell.learn(snapshot)
        return snapshot, findings

    def _log_uses(self, ledger: Ledger, revision: int, until: float) -> None:
        """Events of a read, or of an operation that ends in an error, on this instance's chain."""
        self._log_on_own_chain(ledger, ledger.uses(), revision, until)

    def _log_on_own_chain(
        self, ledger: Ledger, uses: Sequence[Use], revision: int, until: float
    ) -> None:
        if not uses:
            return
        try:
            self._log.append(ledger.dialogue_id, uses, revision, until)
        except DialogueStoreError:
            self._keys.forget()
            self._log.forget()
            self._cell(ledger.dialogue_id).forget()
            raise
        ledger.clear()

    def _log_failure(
        self,
        refused: DialogueStoreError,
        ledger: Ledger,
        uses: Sequence[Use],
        revision: int,
        until: float,
    ) -> None:
        """Log what an operation used that ends in an error. It fails in any case: where the log fails as
        well, the error stays the one that tells what to do, and says so in ``data.audit``."""
        try:
            self._log_on_own_chain(ledger, uses, revision, until)
        except DialogueStoreError as unlogged:
            refused.data["audit"] = unlogged.code

    def _read_once(self, cell: _Cell, ledger: Ledger) -> tuple[Snapshot, list[Finding]]:
        """One look at the chain's end, one query. What looks bad is read again, and stands only where
        the head was the same before and after: otherwise the pages were of two moments (HEAD-04)."""
        dialogue_id = ledger.dialogue_id
        snapshot, findings, _ = self._look(cell, ledger)
        if not findings:
            return snapshot, findings
        pk = partition_key(dialogue_id)
        before = self._partitions.get(pk, "head")
        snapshot, findings, within = self._look(cell, ledger)
        if findings and not before == within == self._partitions.get(pk, "head"):
            raise Contention
        return snapshot, findings

    def _look(self, cell: _Cell, ledger: Ledger) -> tuple[Snapshot, list[Finding], Item | None]:
        dialogue_id = ledger.dialogue_id
        pk = partition_key(dialogue_id)
        last = self._log.last_write(dialogue_id)
        items = self._partitions.query(pk)
        if not items:
            if last is not None:
                raise integrity_error(
                    "chain", None, pk, "head", "the chain knows the partition, which is not there"
                )
            raise no_dialogue(dialogue_id)
        head = next((item for item in items if item["sk"] == "head"), None)
        ledger.read(head)
        if head is not None and head.get("pending") is not None:
            items = lay_over(self._partitions, dialogue_id, items, str(head["pending"]))
        snapshot, findings = open_partition(
            dialogue_id, items, self._keys, ledger, known=ledger.known or cell.shown()
        )
        ledger.known = snapshot
        if snapshot.head is not None and not any(f.layer == "head" for f in findings):
            findings += self._check_chain(snapshot, last)
        return snapshot, findings, head

    def _check_chain(self, snapshot: Snapshot, last: Item | None) -> list[Finding]:
        """Layer ``chain``: the head is not below the write chain's last event (AUDIT-09). ``last`` was
        read before the head: a head above it is one that was written since, or a cut tail."""
        head = cast(Head, snapshot.head)
        dialogue_id = snapshot.dialogue_id

        def finding(detail: str) -> list[Finding]:
            where = address(dialogue_id, "head", {})
            return [Finding("integrity_error", "chain", where, snapshot.pk, "head", detail)]

        if last is None:
            return finding("the partition has no write chain")
        tip = audit.tip_of(last, dialogue_id, self._log.mac_key(dialogue_id))
        if tip is None:
            pk, sk = str(last["pk"]), str(last["sk"])
            detail = "the write chain's last event is not the one that was written"
            return [Finding("integrity_error", "chain", None, pk, sk, detail)]
        if head.revision < tip.revision:
            return finding("the head is older than the write chain")
        if head.revision == tip.revision:
            if head.audit_head != tip.event_hash:
                return finding("the write chain ends in another event than the head names")
            snapshot.tip = tip
        return []

    # -- the daily job ---------------------------------------------------------------------------

    def _verify_chain(self, dialogue_id: str) -> ChainReport:
        """AUDIT-05: every chain walked as it streams by, against the head where the key is there.

        A writer that commits during the walk is no finding: the head before it names an event that the
        chain must have, and what follows that must be linked to it and bear macs.
        """
        until = time.monotonic() + self._deadline_s
        ledger = Ledger(dialogue_id)
        try:
            report = persist(lambda: self._walk(ledger), until)
        except DialogueStoreError as refused:
            self._log_failure(refused, ledger, ledger.uses(), ledger.revision, until)
            raise
        self._log_uses(ledger, ledger.revision, until)
        return report

    def _walk(self, ledger: Ledger) -> ChainReport:
        dialogue_id = ledger.dialogue_id
        pk, audit_pk = partition_key(dialogue_id), audit.audit_key(dialogue_id)
        before = self._partitions.get(pk, "head")
        if before is None and self._partitions.last(audit_pk) is None:
            raise no_dialogue(dialogue_id)
        ledger.read(before)
        kek_id = self._own_kek_id(ledger)
        walk = audit.ChainWalk(
            dialogue_id,
            self._log.mac_key(dialogue_id) if kek_id is not None else None,
            kek_id=kek_id,
            audit_head=self._audit_head(before, ledger) if kek_id is not None else None,
        )
        for low, high in audit.WALK_ORDER:
            for event in self._partitions.stream(audit_pk, low=low, high=high):
                walk.take(event)
        chains = walk.finish(is_settled=self._partitions.get(pk, "head") == before)
        return ChainReport(
            ok=not walk.findings,
            with_key=kek_id is not None,
            chains=chains,
            findings=walk.findings,
            unverified=[],
        )

    def _own_kek_id(self, ledger: Ledger) -> str | None:
        """The KEK's name, if there is one and it is the dialogue's: it wrapped one of its keys, or the
        write chain begins with it. None else: then the walk is one without the key."""
        try:
            kek_id = self._keys.kek(ledger).key_id
        except DialogueStoreError:
            return None
        pk = partition_key(ledger.dialogue_id)
        audit_pk = audit.audit_key(ledger.dialogue_id)
        first = self._partitions.get(audit_pk, audit.sort_key(audit.WRITE_CHAIN, 1))
        deks = self._partitions.query(pk, prefix="dek#")
        known = [item.get("key_id") for item in (first, *deks) if item is not None]
        return kek_id if kek_id in known or not known else None

    def _audit_head(self, head: Item | None, ledger: Ledger) -> str | None:
        """What the head seals as the write chain's end; None where it does not open."""
        if head is None:
            return None
        cell = self._cell(ledger.dialogue_id)
        deks = self._partitions.query(str(head["pk"]), prefix="dek#")
        snapshot, _ = open_partition(
            ledger.dialogue_id,
            [*deks, head],
            self._keys,
            ledger,
            known=ledger.known or cell.shown(),
        )
        ledger.known = snapshot
        return snapshot.head.audit_head if snapshot.head is not None else None

    # -- writes ----------------------------------------------------------------------------------

    def _write(self, method: str, **given: Any) -> Any:
        """One atomic write (STORE-04), planned on what is known and proven by its commit."""
        args = self._validated(method, **given)
        return self._operate(
            args["dialogue_id"],
            lambda cell, ledger: self._plan(cell, ledger, method, PLANNERS[method], args),
        )

    def _register_round(self, **given: Any) -> Any:
        """STORE-13: as any other write, but every finding of every group is reported at once."""
        self._allow("register_round")
        args, findings = rounds.validated_round(given)
        if args["dialogue_id"] is INVALID:
            findings.raise_all(below=5)

        def planner(snapshot: Snapshot, args: Mapping[str, Any], now: str) -> Plan:
            return rounds.plan_round(snapshot, args, now, findings)

        try:
            return self._operate(
                args["dialogue_id"],
                lambda cell, ledger: self._plan(cell, ledger, "register_round", planner, args),
            )
        except DialogueStoreError as refused:
            if refused.code in _NOT_THERE:  # what comes first in STORE-14 is said first
                findings.raise_all(below=5)
            raise

    def _create(self, dialogue_id: str, args: Mapping[str, Any]) -> Any:
        return self._operate(
            dialogue_id, lambda cell, ledger: self._plan_creation(cell, ledger, args)
        )

    def _operate(self, dialogue_id: str, plan: Callable[[_Cell, Ledger], Commit | Repeat]) -> Any:
        until = time.monotonic() + self._deadline_s
        cell = self._cell(dialogue_id)
        if not cell.writing.acquire(timeout=self._deadline_s):
            raise error("conflict", "other writers of this store were in the way")
        ledger = Ledger(dialogue_id)
        attempt = _Attempt(self, cell, ledger, lambda: plan(cell, ledger))
        try:
            result = persist(attempt, until, evidence=attempt.evidence)
            if attempt.repeated:  # nothing was committed that could carry the events
                self._log_uses(ledger, ledger.revision or attempt.revision, until)
            return result
        except DialogueStoreError as refused:
            failed = attempt.sealed or ledger.spoilt
            uses = [*ledger.uses(), *([failed] if failed is not None else [])]
            self._log_failure(refused, ledger, uses, ledger.revision or attempt.revision, until)
            raise
        finally:
            cell.writing.release()

    def _plan(
        self,
        cell: _Cell,
        ledger: Ledger,
        method: str,
        planner: Planner,
        args: Mapping[str, Any],
    ) -> Commit | Repeat:
        """A commit ready to be sent. What no commit will prove (an error, a repeat) is only believed
        from a fresh read (STORE-03)."""
        for known in (cell.plannable(), None):
            fresh = known is None
            if known is None:
                known = self._load_for_write(cell, ledger)
            try:
                _check_state(known, write=True)
                plan = self._planned(known, method, planner, args)
                if not isinstance(plan, Repeat):
                    return self._sealed(known, *plan, ledger)
                if fresh:
                    return plan
            except DialogueStoreError:
                if fresh:
                    raise
        raise AssertionError("the second round is fresh")

    def _planned(
        self, known: Snapshot, method: str, planner: Planner, args: Mapping[str, Any]
    ) -> tuple[Plan, str] | Repeat:
        """The plan and its time, with the request remembered where one is named (STORE-22)."""
        now = self._now(known)
        if args.get("request_id") is None:
            plan = planner(known, args, now)
            return plan if isinstance(plan, Repeat) else (plan, now)
        whole = partial(self._with_request, known, method, planner, args, now)
        earlier = requests.earlier_result(known, method, args, lambda: _measured(known, whole()))
        if earlier is not None:
            return earlier
        plan = whole()
        return plan if isinstance(plan, Repeat) else (plan, now)

    def _with_request(
        self, known: Snapshot, method: str, planner: Planner, args: Mapping[str, Any], now: str
    ) -> Plan | Repeat:
        plan = planner(known, args, now)
        if isinstance(plan, Repeat):
            return plan
        result = plan.result_at(_head_of(known).revision + 1)(known.dialogue_id)
        draft = requests.remembered(method, args, result, now)
        return replace(plan, drafts=[*plan.drafts, draft])

    def _load_for_write(self, cell: _Cell, ledger: Ledger) -> Snapshot:
        snapshot, findings = self._read_once(cell, ledger)
        if findings:
            raise _as_error(findings[0])
        head = _head_of(snapshot)
        if head.pending is not None:
            Journal.roll_forward(self._partitions, ledger.dialogue_id, snapshot, self._new_token)
            raise Contention  # what is in place now is read again
        if snapshot.tip is None:
            self._find_tip(snapshot)
        if self._partitions.max_actions is not None:
            cell.orphans = self._partitions.query(journal_key(ledger.dialogue_id))
        cell.learn(snapshot)
        return snapshot

    def _find_tip(self, snapshot: Snapshot) -> None:
        """The write chain's end for a head that was written after the chain was looked at."""
        dialogue_id = snapshot.dialogue_id
        head = _head_of(snapshot)
        last = self._log.last_write(dialogue_id)
        findings = self._check_chain(snapshot, last)
        if snapshot.tip is not None and not findings:
            return
        if self._partitions.get(snapshot.pk, "head") != head.item:
            raise Contention
        raise integrity_error(
            "chain",
            address(dialogue_id, "head", {}),
            snapshot.pk,
            "head",
            "the write chain does not end with the head's own event",
        )

    def _now(self, snapshot: Snapshot) -> str:
        """ADDR-09: the clock, or one microsecond after the partition's latest time."""
        now = timestamps.format_time(self._clock())
        return time_of_write(now, _head_of(snapshot).updated_at)

    def _new_token(self) -> str:
        return self._randomness(16).hex()

    def _sealed(self, snapshot: Snapshot, plan: Plan, now: str, ledger: Ledger) -> Commit:
        """Items, sealed, with the head that they make and the events of the keys they took."""
        head = _head_of(snapshot)
        dek = snapshot.deks[max(snapshot.deks)]
        seals = 1 + sum(draft.kind.has_envelope for draft in plan.drafts)
        actions: list[Action] = []
        records = []
        items_sum, count = head.items_sum, head.count
        key = head.dek.sum_key()
        found: list[Problem] = []
        if head.seals + seals > MAX_SEALS:
            raise error(
                "key_exhausted", f"{dek.key_id} has sealed {head.seals} times", key_id=dek.key_id
            )
        for draft in plan.drafts:
            item = self._item(snapshot.dialogue_id, draft, dek)
            if (problem := too_large(draft.sk, item_size(item))) is not None:
                found.append(problem)
                continue
            own = term(key, item)
            items_sum += own
            if draft.old is None:
                count += 1
                actions.append(Put(item, ABSENT))
            else:
                items_sum -= snapshot.terms[draft.sk]
                actions.append(Put(item, _as_found(draft.old)))
            records.append((draft.sk, Record(draft.kind, draft.parts, item, draft.fields), own))
        if found:
            ledger.spoilt = self._spoilt(snapshot.dialogue_id, plan.drafts, dek)
            raise from_problems(found)
        revision = head.revision + 1
        sealed = Use("encrypt", "success", dek.key_id, self._subject(snapshot, seals), seals)
        events, tip = self._log.for_write(
            snapshot.dialogue_id, [*ledger.uses(), sealed], cast(Tip, snapshot.tip), revision
        )
        latest = max([now, *plan.times])
        new_head = self._head(
            snapshot.dialogue_id,
            dek,
            (revision, latest),
            (count, items_sum, head.seals + seals),
            tip.event_hash,
        )
        condition = {name: head.item[name] for name in ("revision", "content_nonce")}
        return self._as_commit(
            Commit(
                token=self._new_token(),
                actions=actions,
                head=new_head,
                records=records,
                result=plan.result_at(revision),
                tip=tip,
                sealed=sealed,
            ),
            Equals({**condition, "state": "active", "pending": None}),
            events,
            snapshot,
        )

    def _subject(self, snapshot: Snapshot, seals: int) -> str:
        """AUDIT-01: the address of a batch of one item, which then is the head, else the partition key."""
        return address(snapshot.dialogue_id, "head", {}) if seals == 1 else snapshot.pk

    def _spoilt(self, dialogue_id: str, drafts: Sequence[Draft], dek: DekHandle) -> Use:
        """The sealing of a write that turned out too large for an item, as a failure (AUDIT-04)."""
        sealed = [draft for draft in drafts if draft.kind.has_envelope]
        where = address(dialogue_id, sealed[0].kind.entity, sealed[0].fields)
        subject = where if len(sealed) == 1 else partition_key(dialogue_id)
        return Use("encrypt", "failure", dek.key_id, subject, len(sealed))

    def _as_commit(
        self, commit: Commit, condition: Equals, events: Sequence[Item], snapshot: Snapshot
    ) -> Commit:
        """The commit in one transaction, or through a journal where the engine's is too small."""
        own: list[Action] = [Put(commit.head.item, condition)]
        own += [Put(event, ABSENT) for event in events]
        whole = [*commit.actions, *own]
        if Journal.fits(self._partitions, whole):
            return replace(commit, actions=whole)
        items = [action.item for action in commit.actions if isinstance(action, Put)]
        journal = Journal.of(snapshot.dialogue_id, items, self._new_token())
        item = {**commit.head.item, "pending": journal.token}
        head = replace(commit.head, item=item, pending=journal.token)
        own[0] = Put(item, condition)
        return replace(commit, actions=own, head=head, journal=journal)

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        """ADDR-05: the item of an entity, freshly sealed where its type has an envelope."""
        sealed: Mapping[str, Value] = {}
        if draft.kind.has_envelope:
            sealed = self._seal(dialogue_id, draft.kind, draft.fields, dek)
        return whole_item(dialogue_id, draft.kind, draft.fields, sealed)

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        where = address(dialogue_id, kind.entity, fields)
        payload = envelope.payload_of(kind, fields)
        return envelope.seal(dek, where, payload, self._randomness(NONCE_BYTES))

    def _head(
        self,
        dialogue_id: str,
        dek: DekHandle,
        at: tuple[int, str],
        totals: tuple[int, int, int],
        audit_head: str,
    ) -> Head:
        """A new head, sealed; the sum of its payload includes its own term (HEAD-02). ``at``: revision
        and time; ``totals``: count, the items' sum, seals."""
        kind = TYPES["head"]
        (revision, now), (count, items_sum, seals) = at, totals
        own = head_term(dek.sum_key(), partition_key(dialogue_id), revision, now)
        fields = {
            "revision": revision,
            "state": "active",
            "updated_at": now,
            "count": count,
            "sum": sum_text(items_sum + own),
            "audit_head": audit_head,
            "seals": seals,
        }
        item = whole_item(dialogue_id, kind, fields, self._seal(dialogue_id, kind, fields, dek))
        return Head(item, revision, now, "active", None, count, items_sum, seals, audit_head, dek)

    # -- a dialogue's first write ----------------------------------------------------------------

    def _plan_creation(
        self, cell: _Cell, ledger: Ledger, args: Mapping[str, Any]
    ) -> Commit | Repeat:
        dialogue_id = ledger.dialogue_id
        pk = partition_key(dialogue_id)
        there = self._partitions.query(pk)
        found = next((item for item in there if item["sk"] == "head"), None)
        ledger.read(found)
        if found is not None:
            if args.get("request_id") is not None:
                return self._repeated_creation(cell, ledger, args)
            raise from_problems(
                [Problem("duplicate_entity", "dialogue_id", f"dialogue {dialogue_id} exists")]
            )
        last = self._log.last_write(dialogue_id)
        if there or last is not None:
            detail = (
                "the partition has items and no head"
                if there
                else "the chain knows the partition, which is not there"
            )
            raise integrity_error("head", address(dialogue_id, "head", {}), pk, "head", detail)
        now = timestamps.format_time(self._clock())
        plan = plan_create(args, now)
        if args.get("request_id") is not None:
            result = plan.result_at(1)(dialogue_id)
            draft = requests.remembered("create_dialogue", args, result, now)
            plan = replace(plan, drafts=[*plan.drafts, draft])
        dek, wrapped = self._keys.make(dialogue_id, 1, ledger)
        dek_fields = {"version": 1, "created_at": now, "commitment": wrapped["commitment"]}
        dek_item = whole_item(dialogue_id, TYPES["dek"], dek_fields, wrapped)
        key = dek.sum_key()
        actions: list[Action] = [Put(dek_item, ABSENT)]
        added = {"dek#1": term(key, dek_item)}
        records = []
        large = []
        for draft in plan.drafts:
            item = self._item(dialogue_id, draft, dek)
            if (problem := too_large(draft.sk, item_size(item))) is not None:
                large.append(problem)
            actions.append(Put(item, ABSENT))
            record = Record(draft.kind, draft.parts, item, draft.fields)
            records.append((draft.sk, record, term(key, item)))
        if large:
            ledger.spoilt = self._spoilt(dialogue_id, plan.drafts, dek)
            raise from_problems(large)
        total = sum(added.values()) + sum(own for _, _, own in records)
        seals = len(plan.drafts) + 1
        sealed = Use("encrypt", "success", dek.key_id, pk, seals)
        events, tip = self._log.for_write(
            dialogue_id,
            [*ledger.uses(), sealed],
            audit.first_tip(dialogue_id, audit.WRITE_CHAIN),
            1,
        )
        totals = (len(actions), total, seals)
        head = self._head(dialogue_id, dek, (1, now), totals, tip.event_hash)
        actions += [Put(head.item, ABSENT), *(Put(event, ABSENT) for event in events)]
        self._keys.keep(dialogue_id, 1, dek_item, dek)
        return Commit(
            token=self._new_token(),
            actions=actions,
            head=head,
            records=records,
            result=plan.result_at(1),
            tip=tip,
            sealed=sealed,
            added=added,
        )

    def _repeated_creation(self, cell: _Cell, ledger: Ledger, args: Mapping[str, Any]) -> Repeat:
        """STORE-22 for the call that made the dialogue; ``duplicate_entity`` for any other."""
        snapshot = self._load_for_write(cell, ledger)
        there = from_problems(
            [Problem("duplicate_entity", "dialogue_id", "a dialogue of this id exists")]
        )

        def plan() -> None:
            raise there

        earlier = requests.earlier_result(snapshot, "create_dialogue", args, plan)
        if earlier is None:
            raise there
        return earlier

    # -- commits ---------------------------------------------------------------------------------

    def _send(self, commit: Commit) -> None:
        if commit.journal is not None:
            commit.journal.write(self._partitions, commit.actions, commit.token)
        else:
            self._partitions.commit(commit.actions, token=commit.token)

    def _committed(self, cell: _Cell, commit: Commit, ledger: Ledger) -> Any:
        """Take an acknowledged commit into what is known, and give its result."""
        dialogue_id = ledger.dialogue_id
        ledger.clear()
        with cell.guard:
            snapshot = cell.snapshot
            if commit.head.revision == 1:
                snapshot = cell.snapshot = Snapshot(dialogue_id)
                snapshot.deks[commit.head.dek.version] = commit.head.dek
            if snapshot is not None and _revision(snapshot) == commit.head.revision - 1:
                if snapshot.is_shared:
                    snapshot = cell.snapshot = snapshot.copy()
                key = commit.head.dek.sum_key()
                snapshot.terms.update(commit.added or {})
                for sk, record, own in commit.records:
                    snapshot.add(sk, record)
                    snapshot.terms[sk] = own
                snapshot.sum_key, snapshot.head, snapshot.tip = key, commit.head, commit.tip
                cell.current = True
            elif snapshot is not None and _revision(snapshot) < commit.head.revision:
                cell.current = False
        if commit.journal is not None:
            self._roll_forward(cell, commit)
        if cell.orphans:
            self._tidy(lambda: sweep(self._partitions, cell.orphans, self._new_token))
            cell.orphans = []
        return commit.result(dialogue_id)

    def _tidy(self, work: Callable[[], None]) -> bool:
        """Do what another writer would do otherwise; an acknowledged write does not fail by it."""
        try:
            work()
        except (ConditionFailed, Contention, Transient, LostAnswer, DialogueStoreError):
            return False
        return True

    def _roll_forward(self, cell: _Cell, commit: Commit) -> None:
        """Put a journal's items in place. The write is acknowledged already: what fails here is done by
        the next writer."""
        journal = cast(Journal, commit.journal)
        head = commit.head.item
        if not self._tidy(lambda: journal.put_in_place(self._partitions, head, self._new_token)):
            cell.doubt()
            return
        item = {name: value for name, value in commit.head.item.items() if name != "pending"}
        with cell.guard:
            if cell.snapshot is not None and cell.snapshot.head is commit.head:
                cell.snapshot.head = replace(commit.head, item=item, pending=None)

    def _took_place(self, commit: Commit) -> bool | None:
        """ERR-04: whether a commit whose answer was lost is in the store. The event at its sequence of
        the write chain tells: ours, or another's; None: neither, so that it may still come."""
        event = commit.first_event
        there = self._partitions.get(str(event["pk"]), str(event["sk"]))
        return None if there is None else there.get("event_hash") == event["event_hash"]

    def _cell(self, dialogue_id: str) -> _Cell:
        with self._cells_lock:
            cell = self._cells.setdefault(dialogue_id, _Cell())
            self._cells.move_to_end(dialogue_id)
            while len(self._cells) > _KEPT_SNAPSHOTS:
                self._cells.popitem(last=False)
            return cell


class _Attempt:
    """One write, tried until it gets through: planned again when it lost against another writer, sent
    again with the same bytes and token when the engine was busy or did not answer (HEAD-08)."""

    def __init__(
        self,
        store: Mechanics,
        cell: _Cell,
        ledger: Ledger,
        plan: Callable[[], Commit | Repeat],
    ) -> None:
        self._store = store
        self._cell = cell
        self._ledger = ledger
        self._plan = plan
        self._commit: Commit | None = None
        self.lost = False
        self.repeated = False

    @property
    def revision(self) -> int:
        """The revision that was read last, for events of an operation that commits nothing."""
        return _revision(self._cell.snapshot) if self._cell.snapshot is not None else 0

    @property
    def sealed(self) -> Use | None:
        """The sealing of a write that never got through, as a failure (AUDIT-04)."""
        if self._commit is None:
            return None
        use = self._commit.sealed
        return Use(use.operation, "failure", use.key_id, use.subject, use.count)

    def evidence(self) -> dict[str, Any]:
        """ERR-01: how to find out whether the write took place. Its first event, ``event_hash``, lies at
        ``pk`` and ``sk`` if it did; ``revision`` is the one that it makes."""
        if self._commit is None:
            return {}
        event = self._commit.first_event
        found = {name: event[name] for name in ("pk", "sk", "event_hash")}
        return {**found, "revision": self._commit.head.revision}

    def _look(self, commit: Commit, refused: DialogueStoreError | None = None) -> bool | None:
        """Whether the lost commit took place, None: it is open. A look that fails for good, and after
        ``refused`` any that fails, leaves it open as well: no error may deny a write (ERR-04)."""
        try:
            return self._store._took_place(commit)
        except DialogueStoreError as unseen:
            raise outcome_unknown(self.evidence(), refused or unseen) from None
        except (Contention, Transient):
            if refused is None:
                raise
            return None

    def __call__(self) -> Any:
        store, cell = self._store, self._cell
        if self._commit is None:
            plan = self._plan()
            if isinstance(plan, Repeat):
                self.repeated = True
                return plan.result(self._ledger.dialogue_id)
            self._commit = plan
        commit = self._commit
        try:
            store._send(commit)
        except LostAnswer:
            self.lost = True
            raise
        except ConditionFailed:
            if not (self.lost and self._look(commit)):
                self._commit, self.lost = None, False
                cell.doubt()
                raise
        except DialogueStoreError as refused:
            # It says nothing of an earlier try that was sent and not answered.
            took_place = self._look(commit, refused) if self.lost else False
            if took_place is None:
                raise outcome_unknown(self.evidence(), refused) from None
            if not took_place:
                raise
        self._commit = None
        return store._committed(cell, commit, self._ledger)


def _as_found(record: Record) -> Equals:
    """The item still is as it was opened; its nonce stands for the ciphertext."""
    expected: dict[str, Value | None] = {
        f.name: None for f in record.kind.cleartext_fields if f.nullable
    }
    expected.update(record.item)
    for name in ("pk", "sk", "content_encrypted"):
        expected.pop(name, None)
    return Equals(expected)


def _head_of(snapshot: Snapshot) -> Head:
    if snapshot.head is None:
        raise AssertionError("a partition without findings has a head")
    return snapshot.head


def _check_state(snapshot: Snapshot, *, write: bool) -> None:
    """Group 5 of STORE-14: what a partition in migration or erased answers."""
    state = _head_of(snapshot).state
    if state == "active":
        return
    code = {
        "frozen": "partition_frozen",
        "importing": "partition_importing",
        "moved": "partition_moved",
        "erased": "key_erased",
    }[state]
    if state != "frozen" or write:
        raise error(code, f"dialogue {snapshot.dialogue_id} is {state}")


def _as_error(finding: Finding) -> DialogueStoreError:
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


def _measured(snapshot: Snapshot, plan: Plan | Repeat) -> None:
    """``item_too_large`` for what a plan that will not be carried out would put (STORE-15)."""
    if isinstance(plan, Repeat):
        return
    key_id = snapshot.deks[max(snapshot.deks)].key_id
    sizes = {d.sk: size_as_stored(snapshot.dialogue_id, d, key_id) for d in plan.drafts}
    found = [problem for sk, size in sizes.items() if (problem := too_large(sk, size)) is not None]
    if found:
        raise from_problems(found)
