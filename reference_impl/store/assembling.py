"""From drafts to one commit: items sealed, a new head over them, the events of the keys that it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contract.addresses import address, partition_key
from ..contract.errors import Problem, error, from_problems
from ..contract.items import Item, Value, item_size
from ..contract.limits import MAX_SEALS
from ..contract.tables import TYPES, EntityType
from ..partitions.port import ABSENT, Action, Equals, PartitionStore, Put
from ..sealing import audit_chain, envelope
from ..sealing.audit_chain import Tip, Use
from ..sealing.head import head_term, sum_text, term
from ..sealing.keys import NONCE_BYTES, DekHandle
from .audit_log import AuditLog
from .commit import Commit
from .journal import Journal
from .operation import Operation
from .planning.sizes import too_large
from .planning.writes import Draft, Plan, whole_item
from .runtime import Runtime
from .snapshot import Head, NewDek, Record, Snapshot, Written

__all__ = ["Assembler", "HeadFields"]


@dataclass(frozen=True, slots=True)
class HeadFields:
    """What a new head says: ``items_sum`` is the sum of HEAD-02 without the head's own term; ``audit_head``
    the hash of the write's last event (64 hex digits)."""

    revision: int
    updated_at: str
    count: int
    items_sum: int
    seals: int
    audit_head: str


class Assembler:
    """Makes commits. ``max_seals``: how often one data key may seal (ENV-04)."""

    def __init__(
        self,
        partitions: PartitionStore,
        log: AuditLog,
        runtime: Runtime,
        *,
        max_seals: int = MAX_SEALS,
    ) -> None:
        self._partitions = partitions
        self._log = log
        self._runtime = runtime
        self._max_seals = max_seals

    def assemble(self, base: Snapshot, plan: Plan, now: str, operation: Operation) -> Commit:
        """The commit that carries a plan out on the state that it was planned on. ``item_too_large`` for
        items over the limit, ``key_exhausted`` where the data key sealed often enough."""
        head, dek = base.known_head, base.newest_dek
        seals = 1 + sum(draft.kind.has_envelope for draft in plan.drafts)
        if head.seals + seals > self._max_seals:
            raise error(
                "key_exhausted", f"{dek.key_id} has sealed {head.seals} times", key_id=dek.key_id
            )
        records, actions = self._items(base.dialogue_id, plan.drafts, dek, head.dek, operation)
        changed = sum(base.terms[draft.sk] for draft in plan.drafts if draft.old is not None)
        revision = head.revision + 1
        subject = address(base.dialogue_id, "head", {}) if seals == 1 else base.pk
        sealed = Use("encrypt", "success", dek.key_id, subject, seals)
        if base.tip is None:
            raise AssertionError("a write is planned on a state whose end of the chain is known")
        events, tip = self._events(operation, sealed, base.tip, revision)
        new_head = self.head(
            base.dialogue_id,
            dek,
            HeadFields(
                revision=revision,
                updated_at=max([now, *plan.times]),
                count=head.count + sum(draft.old is None for draft in plan.drafts),
                items_sum=head.items_sum - changed + sum(written.term for written in records),
                seals=head.seals + seals,
                audit_head=tip.event_hash,
            ),
        )
        condition = {name: head.item[name] for name in ("revision", "content_nonce")}
        as_read = Equals({**condition, "state": "active", "pending": None})
        own = [Put(new_head.item, as_read), *(Put(event, ABSENT) for event in events)]
        journal, actions = None, [*actions, *own]
        if not Journal.fits(self._partitions, actions):
            journal, new_head, actions = self._through_journal(base, records, new_head, own)
        return Commit(
            token=self._runtime.token(),
            actions=actions,
            base=base,
            head=new_head,
            records=records,
            result=plan.result_at(revision),
            tip=tip,
            sealed=sealed,
            journal=journal,
        )

    def first(
        self,
        plan: Plan,
        now: str,
        made: tuple[DekHandle, Mapping[str, Value]],
        operation: Operation,
    ) -> Commit:
        """The commit that makes a dialogue, with its first data key and the attributes that wrap it."""
        dialogue_id = operation.dialogue_id
        dek, wrapped = made
        dek_fields = {"version": 1, "created_at": now, "commitment": wrapped["commitment"]}
        dek_item = whole_item(dialogue_id, TYPES["dek"], dek_fields, wrapped)
        new_dek = NewDek(dek_item, term(dek.sum_key(), dek_item), dek)
        records, actions = self._items(dialogue_id, plan.drafts, dek, dek, operation)
        seals = len(plan.drafts) + 1
        sealed = Use("encrypt", "success", dek.key_id, partition_key(dialogue_id), seals)
        start = audit_chain.first_tip(dialogue_id, audit_chain.WRITE_CHAIN)
        events, tip = self._events(operation, sealed, start, 1)
        head = self.head(
            dialogue_id,
            dek,
            HeadFields(
                revision=1,
                updated_at=now,
                count=1 + len(actions),
                items_sum=new_dek.term + sum(written.term for written in records),
                seals=seals,
                audit_head=tip.event_hash,
            ),
        )
        own = [Put(head.item, ABSENT), *(Put(event, ABSENT) for event in events)]
        return Commit(
            token=self._runtime.token(),
            actions=[Put(dek_item, ABSENT), *actions, *own],
            base=Snapshot(dialogue_id),
            head=head,
            records=records,
            result=plan.result_at(1),
            tip=tip,
            sealed=sealed,
            new_deks=[new_dek],
        )

    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        """ADDR-05: the item of an entity, freshly sealed where its type has an envelope."""
        sealed: Mapping[str, Value] = {}
        if draft.kind.has_envelope:
            sealed = self.seal(dialogue_id, draft.kind, draft.fields, dek)
        return whole_item(dialogue_id, draft.kind, draft.fields, sealed)

    def seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Mapping[str, Value]:
        """The envelope attributes of an item, under a fresh nonce (ENV-04)."""
        where = address(dialogue_id, kind.entity, fields)
        payload = envelope.payload_of(kind, fields)
        return envelope.seal(dek, where, payload, self._runtime.randomness(NONCE_BYTES))

    def head(self, dialogue_id: str, dek: DekHandle, new: HeadFields) -> Head:
        """A new head, sealed; the sum of its payload includes its own term (HEAD-02)."""
        kind = TYPES["head"]
        pk = partition_key(dialogue_id)
        own = head_term(dek.sum_key(), pk, new.revision, new.updated_at)
        fields = {
            "revision": new.revision,
            "state": "active",
            "updated_at": new.updated_at,
            "count": new.count,
            "sum": sum_text(new.items_sum + own),
            "audit_head": new.audit_head,
            "seals": new.seals,
        }
        item = whole_item(dialogue_id, kind, fields, self.seal(dialogue_id, kind, fields, dek))
        return Head(
            item=item,
            revision=new.revision,
            updated_at=new.updated_at,
            state="active",
            pending=None,
            count=new.count,
            items_sum=new.items_sum,
            seals=new.seals,
            audit_head=new.audit_head,
            dek=dek,
        )

    def _items(
        self,
        dialogue_id: str,
        drafts: Sequence[Draft],
        dek: DekHandle,
        summing: DekHandle,
        operation: Operation,
    ) -> tuple[list[Written], list[Action]]:
        """The drafts as items under ``dek``, their terms under ``summing``, and how they are put."""
        key = summing.sum_key()
        records: list[Written] = []
        actions: list[Action] = []
        found: list[Problem] = []
        for draft in drafts:
            item = self.item(dialogue_id, draft, dek)
            if (problem := too_large(draft.sk, item_size(item))) is not None:
                found.append(problem)
                continue
            actions.append(Put(item, ABSENT if draft.old is None else _as_found(draft.old)))
            record = Record(draft.kind, draft.parts, item, draft.fields)
            records.append(Written(draft.sk, record, term(key, item)))
        if found:
            operation.uses.failed_sealing = _failed_sealing(dialogue_id, drafts, dek)
            raise from_problems(found)
        return records, actions

    def _events(
        self, operation: Operation, sealed: Use, tip: Tip, revision: int
    ) -> tuple[list[Item], Tip]:
        uses = [*operation.uses.events(), sealed]
        return self._log.for_write(operation.dialogue_id, uses, tip, revision, operation.kek)

    def _through_journal(
        self, base: Snapshot, records: Sequence[Written], head: Head, own: Sequence[Put]
    ) -> tuple[Journal, Head, list[Action]]:
        """HEAD-08: a journal of the items, where the engine's transaction is too small for them; the head
        names it, and is put with the events in one transaction."""
        items = [written.record.item for written in records]
        journal = Journal.of(base.dialogue_id, items, self._runtime.token())
        item = {**head.item, "pending": journal.token}
        pending = replace(head, item=item, pending=journal.token)
        return journal, pending, [Put(item, own[0].expect), *own[1:]]


def _as_found(record: Record) -> Equals:
    """The item still is as it was opened; its nonce stands for the ciphertext."""
    expected: dict[str, Value | None] = {
        f.name: None for f in record.kind.cleartext_fields if f.nullable
    }
    expected.update(record.item)
    for name in ("pk", "sk", "content_encrypted"):
        expected.pop(name, None)
    return Equals(expected)


def _failed_sealing(dialogue_id: str, drafts: Sequence[Draft], dek: DekHandle) -> Use:
    """The sealing of a write that turned out too large for an item, as a failure (AUDIT-04)."""
    sealed = [draft for draft in drafts if draft.kind.has_envelope]
    where = address(dialogue_id, sealed[0].kind.entity, sealed[0].fields)
    subject = where if len(sealed) == 1 else partition_key(dialogue_id)
    return Use("encrypt", "failure", dek.key_id, subject, len(sealed))
