"""EncryptedStore: the domain layer, once for all backends.

A write flows one way: validate -> plan -> items -> seal -> one commit, conditional on the head that was
read (HEAD-03). A read: one query -> open -> entities. Backends differ in the partition store they are
given, and in nothing else.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from .contract import timestamps
from .contract.addresses import address, partition_key, sort_key
from .contract.entities import (
    Claim,
    Dialogue,
    DialoguePartition,
    Event,
    Evidence,
    Expert,
    Finding,
    Move,
    NextSeq,
    Perspective,
    Recommendation,
    Ref,
    Round,
    Signal,
    Tension,
    Verdict,
)
from .contract.errors import DialogueStoreError, Problem, error, from_problems, integrity_error
from .contract.items import MAX_ITEM_BYTES, Item, Value, index_attributes, item_size
from .contract.store import DialogueStore, Reference
from .contract.tables import METHODS, TYPES, EntityType
from .partitions.port import (
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
from .reading import Keyring, open_partition
from .sealing import envelope
from .sealing.head import MAX_SEALS, head_term, sum_text, term
from .sealing.keys import (
    NONCE_BYTES,
    DekHandle,
    KeyProvider,
    Randomness,
    check_user_id,
    system_randomness,
)
from .snapshot import Head, Record, Snapshot, entities, entity_of, partition_of
from .validation import validated
from .writes import PLANNERS, Draft, Plan, Planner, Repeat, no_dialogue, plan_create

__all__ = ["EncryptedStore"]

T = TypeVar("T")

#: Items of one commit at most, on every backend: DynamoDB's limit for one transaction.
MAX_ITEMS_PER_COMMIT = 100
#: Dialogues whose last opened state a store keeps, so that a further write needs no read.
_KEPT_SNAPSHOTS = 64
#: Full jitter between tries, in seconds.
_FIRST_WAIT, _LONGEST_WAIT = 0.002, 0.5


@dataclass(frozen=True, slots=True)
class _Commit:
    """One sealed write: what is sent, again and again if need be, with the same bytes (HEAD-08)."""

    token: str
    actions: Sequence[Action]
    head: Head
    records: Sequence[tuple[str, Record]]
    result: Draft


class _Cell:
    """What a store knows of one dialogue between writes; the lock lets its own threads queue up."""

    __slots__ = ("lock", "snapshot")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.snapshot: Snapshot | None = None


class EncryptedStore(DialogueStore):
    """The reference store over any :class:`PartitionStore` and :class:`KeyProvider`.

    ``deadline_s`` bounds every call: a writer that never gets through, or a reader that finds no calm
    moment, ends as ``conflict`` (STORE-16, STORE-18); an engine that stays away as
    ``backend_unavailable``, a commit without an answer as ``outcome_unknown`` (ERR-04). The store owns
    ``partitions`` and closes it. ``clock`` and ``randomness`` are for tests: the stores that are made
    from a configuration have no parameter for them.
    """

    def __init__(
        self,
        partitions: PartitionStore,
        keys: KeyProvider,
        *,
        user_id: str = "local",
        deadline_s: float = 10.0,
        clock: timestamps.Clock = timestamps.system_clock,
        randomness: Randomness = system_randomness,
        read_only: bool = False,
    ) -> None:
        self._partitions = partitions
        self._keys = Keyring(keys, check_user_id(user_id), randomness)
        keys.guard(partitions.holds_wrapped_keys)
        self._deadline_s = deadline_s
        self._read_only = read_only
        self._clock = clock
        self._randomness = randomness
        self._cells: OrderedDict[str, _Cell] = OrderedDict()
        self._cells_lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        self._closed = True
        self._partitions.close()

    # -- the dialogue ----------------------------------------------------------------------------

    def create_dialogue(
        self,
        dialogue_id: str,
        title: str,
        question: str | None = None,
        output_dir: str | None = None,
        background: Mapping[str, str] | None = None,
        calibrated: bool = False,
        domain_id: str | None = None,
        ethos_id: str | None = None,
    ) -> Dialogue:
        args = self._validated(
            "create_dialogue",
            dialogue_id=dialogue_id,
            title=title,
            question=question,
            output_dir=output_dir,
            background=background,
            calibrated=calibrated,
            domain_id=domain_id,
            ethos_id=ethos_id,
        )
        return cast(Dialogue, self._create(dialogue_id, args))

    def get_dialogue(self, dialogue_id: str) -> Dialogue:
        args = self._validated("get_dialogue", dialogue_id=dialogue_id)
        return cast(Dialogue, entities(self._load(args["dialogue_id"]), "dialogue")[0])

    def update_dialogue_status(self, dialogue_id: str, status: str) -> Dialogue:
        return cast(
            Dialogue,
            self._write("update_dialogue_status", dialogue_id=dialogue_id, status=status),
        )

    # -- experts ---------------------------------------------------------------------------------

    def register_expert(
        self,
        dialogue_id: str,
        expert_slug: str,
        role: str,
        tier: str,
        source: str = "pool",
        description: str | None = None,
        focus: str | None = None,
        relevance: float | None = None,
        creation_reason: str | None = None,
        color: str | None = None,
        first_round: int | None = None,
    ) -> Expert:
        return cast(
            Expert,
            self._write(
                "register_expert",
                dialogue_id=dialogue_id,
                expert_slug=expert_slug,
                role=role,
                tier=tier,
                source=source,
                description=description,
                focus=focus,
                relevance=relevance,
                creation_reason=creation_reason,
                color=color,
                first_round=first_round,
            ),
        )

    def record_expert_response(
        self, dialogue_id: str, expert_slug: str, round: int, content: str
    ) -> Expert:
        return cast(
            Expert,
            self._write(
                "record_expert_response",
                dialogue_id=dialogue_id,
                expert_slug=expert_slug,
                round=round,
                content=content,
            ),
        )

    def update_expert_score(
        self, dialogue_id: str, expert_slug: str, round: int, score: int
    ) -> Expert:
        return cast(
            Expert,
            self._write(
                "update_expert_score",
                dialogue_id=dialogue_id,
                expert_slug=expert_slug,
                round=round,
                score=score,
            ),
        )

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        return self._list("get_experts", dialogue_id, "expert")

    # -- rounds and signals ----------------------------------------------------------------------

    def create_round(
        self,
        dialogue_id: str,
        round: int,
        score: int = 0,
        title: str | None = None,
        metrics: Mapping[str, int] | None = None,
    ) -> Round:
        return cast(
            Round,
            self._write(
                "create_round",
                dialogue_id=dialogue_id,
                round=round,
                score=score,
                title=title,
                metrics=metrics,
            ),
        )

    def update_round_status(
        self, dialogue_id: str, round: int, status: str, summary: str | None = None
    ) -> Round:
        return cast(
            Round,
            self._write(
                "update_round_status",
                dialogue_id=dialogue_id,
                round=round,
                status=status,
                summary=summary,
            ),
        )

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        return self._list("get_rounds", dialogue_id, "round")

    def record_convergence_signal(self, dialogue_id: str, round: int, expert_slug: str) -> Signal:
        return cast(
            Signal,
            self._write(
                "record_convergence_signal",
                dialogue_id=dialogue_id,
                round=round,
                expert_slug=expert_slug,
            ),
        )

    def get_convergence_signals(self, dialogue_id: str, round: int | None = None) -> list[Signal]:
        args = self._validated("get_convergence_signals", dialogue_id=dialogue_id, round=round)
        signals: list[Signal] = entities(self._load(dialogue_id), "signal")
        return [s for s in signals if args["round"] is None or s.round == args["round"]]

    # -- perspectives, tensions, recommendations, evidence, claims -------------------------------

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        args = self._validated("next_seq", dialogue_id=dialogue_id, round=round, entity=entity)
        snapshot = self._load(dialogue_id)
        if snapshot.find("round", round=args["round"]) is None:
            raise from_problems(
                [Problem("round_not_found", "round", f"there is no round {args['round']}")]
            )
        return NextSeq(snapshot.next_seq(args["entity"], round=args["round"]))

    def register_perspective(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
    ) -> Perspective:
        return cast(
            Perspective,
            self._write(
                "register_perspective",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                references=references,
            ),
        )

    def register_tension(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        description: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
    ) -> Tension:
        return cast(
            Tension,
            self._write(
                "register_tension",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                description=description,
                contributors=contributors,
                references=references,
            ),
        )

    def register_recommendation(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        parameters: Mapping[str, Any] | None = None,
        references: Sequence[Reference] = (),
    ) -> Recommendation:
        return cast(
            Recommendation,
            self._write(
                "register_recommendation",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                parameters=parameters,
                references=references,
            ),
        )

    def register_evidence(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
    ) -> Evidence:
        return cast(
            Evidence,
            self._write(
                "register_evidence",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                references=references,
            ),
        )

    def register_claim(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Sequence[str],
        references: Sequence[Reference] = (),
    ) -> Claim:
        return cast(
            Claim,
            self._write(
                "register_claim",
                dialogue_id=dialogue_id,
                round=round,
                label=label,
                content=content,
                contributors=contributors,
                references=references,
            ),
        )

    def update_perspective_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        reason: str | None = None,
        reference: str | None = None,
        result_id: str | None = None,
    ) -> Perspective:
        return cast(
            Perspective,
            self._write(
                "update_perspective_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                actors=actors,
                event_round=event_round,
                reason=reason,
                reference=reference,
                result_id=result_id,
            ),
        )

    def update_tension_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        reason: str | None = None,
        reference: str | None = None,
        result_id: str | None = None,
    ) -> Tension:
        return cast(
            Tension,
            self._write(
                "update_tension_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                actors=actors,
                event_round=event_round,
                reason=reason,
                reference=reference,
                result_id=result_id,
            ),
        )

    def update_recommendation_status(
        self,
        dialogue_id: str,
        entity_id: str,
        status: str,
        actors: Sequence[str],
        event_round: int,
        verdict_id: str | None = None,
        reason: str | None = None,
        reference: str | None = None,
        result_id: str | None = None,
    ) -> Recommendation:
        return cast(
            Recommendation,
            self._write(
                "update_recommendation_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
                actors=actors,
                event_round=event_round,
                verdict_id=verdict_id,
                reason=reason,
                reference=reference,
                result_id=result_id,
            ),
        )

    def update_evidence_status(self, dialogue_id: str, entity_id: str, status: str) -> Evidence:
        return cast(
            Evidence,
            self._write(
                "update_evidence_status",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                status=status,
            ),
        )

    def update_claim_status(self, dialogue_id: str, entity_id: str, status: str) -> Claim:
        return cast(
            Claim,
            self._write(
                "update_claim_status", dialogue_id=dialogue_id, entity_id=entity_id, status=status
            ),
        )

    def comment_tension(
        self,
        dialogue_id: str,
        entity_id: str,
        actors: Sequence[str],
        event_round: int,
        reason: str,
        reference: str | None = None,
    ) -> Event:
        return cast(
            Event,
            self._write(
                "comment_tension",
                dialogue_id=dialogue_id,
                entity_id=entity_id,
                actors=actors,
                event_round=event_round,
                reason=reason,
                reference=reference,
            ),
        )

    # -- moves, refs, verdicts -------------------------------------------------------------------

    def register_move(
        self,
        dialogue_id: str,
        round: int,
        expert_slug: str,
        move_type: str,
        targets: Sequence[str] = (),
        context: str | None = None,
    ) -> Move:
        return cast(
            Move,
            self._write(
                "register_move",
                dialogue_id=dialogue_id,
                round=round,
                expert_slug=expert_slug,
                move_type=move_type,
                targets=targets,
                context=context,
            ),
        )

    def register_ref(
        self,
        dialogue_id: str,
        source_id: str,
        ref_type: str,
        target_id: str,
        source_type: str | None = None,
        target_type: str | None = None,
    ) -> Ref:
        return cast(
            Ref,
            self._write(
                "register_ref",
                dialogue_id=dialogue_id,
                source_id=source_id,
                ref_type=ref_type,
                target_id=target_id,
                source_type=source_type,
                target_type=target_type,
            ),
        )

    def register_verdict(
        self,
        dialogue_id: str,
        verdict_id: str,
        verdict_type: str,
        round: int,
        recommendation: str,
        description: str,
        author_expert: str | None = None,
        conditions: Sequence[str] | None = None,
        vote: str | None = None,
        confidence: str | None = None,
        supporting_experts: Sequence[str] | None = None,
        tensions_accepted: Sequence[str] | None = None,
        ethos_compliance: Mapping[str, Any] | None = None,
    ) -> Verdict:
        return cast(
            Verdict,
            self._write(
                "register_verdict",
                dialogue_id=dialogue_id,
                verdict_id=verdict_id,
                verdict_type=verdict_type,
                round=round,
                recommendation=recommendation,
                description=description,
                author_expert=author_expert,
                conditions=conditions,
                vote=vote,
                confidence=confidence,
                supporting_experts=supporting_experts,
                tensions_accepted=tensions_accepted,
                ethos_compliance=ethos_compliance,
            ),
        )

    # -- reads -----------------------------------------------------------------------------------

    def get_perspectives(self, dialogue_id: str) -> list[Perspective]:
        return self._list("get_perspectives", dialogue_id, "perspective")

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        return self._list("get_tensions", dialogue_id, "tension")

    def get_recommendations(self, dialogue_id: str) -> list[Recommendation]:
        return self._list("get_recommendations", dialogue_id, "recommendation")

    def get_evidence(self, dialogue_id: str) -> list[Evidence]:
        return self._list("get_evidence", dialogue_id, "evidence")

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        return self._list("get_claims", dialogue_id, "claim")

    def get_moves(self, dialogue_id: str) -> list[Move]:
        return self._list("get_moves", dialogue_id, "move")

    def get_refs(self, dialogue_id: str) -> list[Ref]:
        return self._list("get_refs", dialogue_id, "ref")

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        return self._list("get_verdicts", dialogue_id, "verdict")

    def get_events(self, dialogue_id: str, entity_id: str | None = None) -> list[Event]:
        args = self._validated("get_events", dialogue_id=dialogue_id, entity_id=entity_id)
        snapshot = self._load(dialogue_id)
        wanted = args["entity_id"]
        if wanted is not None and snapshot.find_by_display_id(wanted) is None:
            raise from_problems(
                [Problem("entity_not_found", "entity_id", "names nothing in this dialogue")]
            )
        events: list[Event] = entities(
            snapshot, "perspective_event", "tension_event", "recommendation_event"
        )
        return [e for e in events if wanted is None or e.entity_id == wanted]

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        args = self._validated("load_partition", dialogue_id=dialogue_id, on_error=on_error)
        if args["on_error"] == "fail":
            return partition_of(self._load(dialogue_id), [])
        return partition_of(*self._read(dialogue_id))

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        self._validated("verify_partition", dialogue_id=dialogue_id)
        return self._read(dialogue_id)[1]

    # -- how reads work --------------------------------------------------------------------------

    def _validated(self, method: str, **given: Any) -> dict[str, Any]:
        if self._closed:
            raise error("store_closed", "this store was closed")
        if self._read_only and METHODS[method].kind == "write":
            raise error("access_denied", "this store was opened read-only")
        return validated(method, given)

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
        until = time.monotonic() + self._deadline_s
        return self._persist(lambda: self._read_once(dialogue_id), until)

    def _read_once(self, dialogue_id: str) -> tuple[Snapshot, list[Finding]]:
        """One query. What looks bad is read again, and stands only where the head was the same before
        and after: otherwise the pages were of two moments (HEAD-04)."""
        pk = partition_key(dialogue_id)
        items = self._partitions.query(pk)
        if not items:
            raise no_dialogue(dialogue_id)
        snapshot, findings = open_partition(dialogue_id, items, self._keys)
        if not findings:
            return snapshot, findings
        before = self._partitions.get(pk, "head")
        items = self._partitions.query(pk)
        snapshot, findings = open_partition(dialogue_id, items, self._keys)
        within = next((item for item in items if item["sk"] == "head"), None)
        if findings and not before == within == self._partitions.get(pk, "head"):
            raise Contention
        return snapshot, findings

    # -- how writes work -------------------------------------------------------------------------

    def _write(self, method: str, **given: Any) -> Any:
        """One atomic write (STORE-04), planned on what is known and proven by its commit."""
        args = self._validated(method, **given)
        dialogue_id = args["dialogue_id"]
        planner = PLANNERS[method]
        until = time.monotonic() + self._deadline_s
        cell = self._cell(dialogue_id)
        if not cell.lock.acquire(timeout=self._deadline_s):
            raise error("conflict", "other writers of this store were in the way")
        try:
            attempt = _Attempt(self, cell, lambda: self._plan(dialogue_id, cell, planner, args))
            return self._persist(attempt, until)
        finally:
            cell.lock.release()

    def _plan(
        self, dialogue_id: str, cell: _Cell, planner: Planner, args: Mapping[str, Any]
    ) -> _Commit | Repeat:
        """A commit ready to be sent. What no commit will prove (an error, a repeat) is only believed
        from a fresh read (STORE-03)."""
        for known in (cell.snapshot, None):
            fresh = known is None
            if known is None:
                known = cell.snapshot = self._load_for_write(dialogue_id)
            try:
                _check_state(known, write=True)
                now = self._now(known)
                plan = planner(known, args, now)
                if not isinstance(plan, Repeat):
                    return self._sealed(known, plan, now)
                if fresh:
                    return plan
            except DialogueStoreError:
                if fresh:
                    raise
        raise AssertionError("the second round is fresh")

    def _load_for_write(self, dialogue_id: str) -> Snapshot:
        snapshot, findings = self._read_once(dialogue_id)
        if findings:
            raise _as_error(findings[0])
        return snapshot

    def _now(self, snapshot: Snapshot) -> str:
        """ADDR-09: the clock, or one microsecond after the partition's latest time."""
        now = timestamps.format_time(self._clock())
        if snapshot.head is None:
            return now
        return max(now, timestamps.after(snapshot.head.updated_at))

    def _sealed(self, snapshot: Snapshot, plan: Plan, now: str) -> _Commit:
        """Items, sealed, with the head that they make: everything that one commit sends."""
        head = _head_of(snapshot)
        dek = snapshot.deks[max(snapshot.deks)]
        if len(plan.drafts) + 1 > MAX_ITEMS_PER_COMMIT:
            raise from_problems(
                [
                    Problem(
                        "limit_exceeded",
                        "references",
                        f"one write holds at most {MAX_ITEMS_PER_COMMIT} items",
                    )
                ]
            )
        seals = head.seals + 1 + sum(draft.kind.has_envelope for draft in plan.drafts)
        actions: list[Action] = []
        records = []
        items_sum, count = head.items_sum, head.count
        key = head.dek.sum_key()
        too_large: list[Problem] = []
        for draft in plan.drafts:
            item = self._item(snapshot.dialogue_id, draft, dek)
            if item_size(item) > MAX_ITEM_BYTES:
                too_large.append(_too_large(draft, item))
                continue
            items_sum += term(key, item)
            if draft.old is None:
                count += 1
                actions.append(Put(item, ABSENT))
            else:
                items_sum -= term(key, draft.old.item)
                actions.append(Put(item, _as_found(draft.old)))
            records.append((draft.sk, Record(draft.kind, draft.parts, item, draft.fields)))
        if too_large:
            raise from_problems(too_large)
        if seals > MAX_SEALS:
            raise error(
                "key_exhausted", f"{dek.key_id} has sealed {head.seals} times", key_id=dek.key_id
            )
        revision = head.revision + 1
        new_head = self._head(snapshot.dialogue_id, dek, revision, now, count, items_sum, seals)
        # the audit chain's events commit here too, conditional on their sequence being free
        condition = {name: head.item[name] for name in ("revision", "content_nonce")}
        actions.append(
            Put(new_head.item, Equals({**condition, "state": "active", "pending": None}))
        )
        return _Commit(self._randomness(16).hex(), actions, new_head, records, plan.result)

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        """ADDR-05: the item of an entity, freshly sealed where its type has an envelope."""
        return _whole_item(
            dialogue_id,
            draft.kind,
            draft.fields,
            self._seal(dialogue_id, draft.kind, draft.fields, dek)
            if draft.kind.has_envelope
            else {},
        )

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
        revision: int,
        now: str,
        count: int,
        items_sum: int,
        seals: int,
    ) -> Head:
        """A new head, sealed; the sum of its payload includes its own term (HEAD-02)."""
        kind = TYPES["head"]
        own = head_term(dek.sum_key(), partition_key(dialogue_id), revision, now)
        fields = {
            "revision": revision,
            "state": "active",
            "updated_at": now,
            "count": count,
            "sum": sum_text(items_sum + own),
            "audit_head": None,
            "seals": seals,
        }
        item = _whole_item(dialogue_id, kind, fields, self._seal(dialogue_id, kind, fields, dek))
        return Head(item, revision, now, "active", None, count, items_sum, seals, dek)

    # -- a dialogue's first write ----------------------------------------------------------------

    def _create(self, dialogue_id: str, args: Mapping[str, Any]) -> Any:
        until = time.monotonic() + self._deadline_s
        cell = self._cell(dialogue_id)
        if not cell.lock.acquire(timeout=self._deadline_s):
            raise error("conflict", "other writers of this store were in the way")
        try:
            attempt = _Attempt(self, cell, lambda: self._plan_creation(dialogue_id, args))
            return self._persist(attempt, until)
        finally:
            cell.lock.release()

    def _plan_creation(self, dialogue_id: str, args: Mapping[str, Any]) -> _Commit:
        pk = partition_key(dialogue_id)
        there = self._partitions.query(pk)
        if any(item["sk"] == "head" for item in there):
            raise from_problems(
                [Problem("duplicate_entity", "dialogue_id", f"dialogue {dialogue_id} exists")]
            )
        if there:
            raise integrity_error(
                "head",
                address(dialogue_id, "head", {}),
                pk,
                "head",
                "the partition has items and no head",
            )
        now = timestamps.format_time(self._clock())
        draft = plan_create(args, now)
        dek, wrapped = self._keys.make(dialogue_id, 1)
        dek_kind = TYPES["dek"]
        dek_fields = {"version": 1, "created_at": now, "commitment": wrapped["commitment"]}
        dek_item = _whole_item(dialogue_id, dek_kind, dek_fields, wrapped)
        item = self._item(dialogue_id, draft, dek)
        if item_size(item) > MAX_ITEM_BYTES:
            raise from_problems([_too_large(draft, item)])
        key = dek.sum_key()
        total = term(key, dek_item) + term(key, item)
        head = self._head(dialogue_id, dek, 1, now, count=2, items_sum=total, seals=2)
        actions = [Put(dek_item, ABSENT), Put(item, ABSENT), Put(head.item, ABSENT)]
        self._keys.keep(dialogue_id, 1, dek_item, dek)
        record = Record(draft.kind, draft.parts, item, draft.fields)
        return _Commit(self._randomness(16).hex(), actions, head, [(draft.sk, record)], draft)

    # -- commits, retries, deadlines -------------------------------------------------------------

    def _committed(self, cell: _Cell, commit: _Commit, dialogue_id: str) -> Any:
        """Take an acknowledged commit into what is known, and give its result."""
        snapshot = cell.snapshot
        if snapshot is None:
            snapshot = cell.snapshot = Snapshot(dialogue_id)
            snapshot.deks[commit.head.dek.version] = commit.head.dek
        for sk, record in commit.records:
            snapshot.add(sk, record)
        snapshot.head = commit.head
        return entity_of(dialogue_id, commit.result.kind, commit.result.fields)

    def _took_place(self, commit: _Commit) -> bool:
        """Whether a commit whose answer was lost is in the store (ERR-04)."""
        pk = str(commit.head.item["pk"])
        head = self._partitions.get(pk, "head")
        if head == commit.head.item:
            return True
        if head is None or not isinstance(head.get("revision"), int):
            return False
        if cast(int, head["revision"]) < commit.head.revision:
            return False
        for action in commit.actions:
            if isinstance(action, Put) and action.expect is ABSENT:
                return self._partitions.get(pk, str(action.item["sk"])) == action.item
        raise error(
            "outcome_unknown",
            "the answer to a write was lost, and later writes hide whether it took place",
            revision=commit.head.revision,
        )

    def _persist(self, attempt: Callable[[], T], until: float) -> T:
        """Call ``attempt`` until it gets through, with full jitter between tries, up to the deadline."""
        try:
            return attempt()
        except (ConditionFailed, Contention, Transient, LostAnswer):
            pass
        from tenacity import (
            RetryError,
            Retrying,
            retry_if_exception_type,
            stop_after_delay,
            wait_random_exponential,
        )

        retrying = Retrying(
            stop=stop_after_delay(max(0.0, until - time.monotonic())),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
            retry=retry_if_exception_type((ConditionFailed, Contention, Transient, LostAnswer)),
        )
        try:
            return retrying(attempt)
        except RetryError as out_of_time:
            last = out_of_time.last_attempt.exception()
        if isinstance(attempt, _Attempt) and attempt.lost:
            raise error(
                "outcome_unknown", "the engine did not say whether the write took place"
            ) from None
        if isinstance(last, Transient):
            raise last.error from None
        raise error("conflict", f"no calm moment within {self._deadline_s} seconds") from None

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
        self, store: EncryptedStore, cell: _Cell, plan: Callable[[], _Commit | Repeat]
    ) -> None:
        self._store = store
        self._cell = cell
        self._plan = plan
        self._commit: _Commit | None = None
        self.lost = False

    def __call__(self) -> Any:
        store, cell = self._store, self._cell
        if self._commit is None:
            plan = self._plan()
            if isinstance(plan, Repeat):
                assert cell.snapshot is not None  # noqa: S101 - a repeat was found in it
                return entity_of(cell.snapshot.dialogue_id, plan.record.kind, plan.record.fields)
            self._commit = plan
        commit = self._commit
        try:
            store._partitions.commit(commit.actions, token=commit.token)
        except LostAnswer:
            self.lost = True
            raise
        except ConditionFailed:
            if not (self.lost and store._took_place(commit)):
                self._commit, self.lost, cell.snapshot = None, False, None
                raise
        pk = str(commit.head.item["pk"])
        return store._committed(cell, commit, pk.removeprefix(partition_key("")))


def _whole_item(
    dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], sealed: Mapping[str, Value]
) -> Item:
    """ADDR-05: keys, set cleartext fields, index attributes and the envelope of an item."""
    clear = {f.name: fields.get(f.name) for f in kind.cleartext_fields}
    item: Item = {
        "pk": partition_key(dialogue_id),
        "sk": sort_key(kind.entity, **fields),
        **{name: value for name, value in clear.items() if value is not None},
        **index_attributes(kind, dialogue_id, fields, clear),
        **sealed,
    }
    return item


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
    )


def _too_large(draft: Draft, item: Item) -> Problem:
    return Problem(
        "item_too_large",
        draft.sk,
        f"would take {item_size(item)} bytes as stored, the limit is {MAX_ITEM_BYTES}",
        {"size": item_size(item), "limit": MAX_ITEM_BYTES},
    )
