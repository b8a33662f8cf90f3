"""Writing: plan, assemble, send until it is through (HEAD-03, HEAD-08, STORE-16, ERR-04)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from ..contract.errors import DialogueStoreError, Problem, from_problems
from ..partitions.port import (
    Action,
    ConditionFailed,
    Contention,
    LostAnswer,
    PartitionStore,
    Transient,
)
from ..sealing.audit_chain import Use
from .assembling import Assembler
from .commit import Commit
from .journal import Journal, journal_key, sweep
from .loading import Loader, as_error, check_state
from .operation import Operation
from .planning import idempotency
from .planning.drafts import time_of_write
from .planning.problems import Problems
from .planning.sizes import size_as_stored, too_large
from .planning.writes import PLANNERS, Plan, Planner, Repeat
from .retry import conflict, outcome_unknown, retry_until
from .runtime import Runtime
from .snapshot import Snapshot
from .turns import Turn

__all__ = ["Prepare", "Writer"]

#: Makes a commit that is ready to be sent, or finds that there is nothing to write.
Prepare: TypeAlias = Callable[[], Commit | Repeat]

#: What stands at the beginning of group 5 of STORE-14: the dialogue and its state.
_NOT_THERE = (
    "dialogue_not_found",
    "partition_frozen",
    "partition_importing",
    "partition_moved",
    "key_erased",
)


class Writer:
    """Carries writes out, one atomic commit for each (STORE-04)."""

    def __init__(
        self, partitions: PartitionStore, loader: Loader, assembler: Assembler, runtime: Runtime
    ) -> None:
        self._partitions = partitions
        self._loader = loader
        self._assembler = assembler
        self._runtime = runtime

    def write(self, operation: Operation, method: str, args: Mapping[str, Any]) -> Any:
        """One write of a method's validated parameters; what the method returns."""
        return self.carry_out(operation, self._preparing(operation, method, PLANNERS[method], args))

    def register_round(
        self, operation: Operation, args: Mapping[str, Any], findings: Problems
    ) -> Any:
        """STORE-13: as any other write, but every finding of every group is reported at once.
        ``findings``: those of groups 1 to 4."""
        from .planning import rounds  # few jobs write whole rounds

        def planner(snapshot: Snapshot, args: Mapping[str, Any], now: str) -> Plan:
            return rounds.plan_round(snapshot, args, now, findings)

        try:
            return self.carry_out(
                operation, self._preparing(operation, "register_round", planner, args)
            )
        except DialogueStoreError as refused:
            if refused.code in _NOT_THERE:  # what comes first in STORE-14 is said first
                findings.raise_all(below=5)
            raise

    def carry_out(self, operation: Operation, prepare: Prepare) -> Any:
        """Prepare a commit and send it until it is through, the store's own threads one after the other.

        Errors: those of the plan, ``conflict``, ``outcome_unknown``, and the engine's.
        """
        left = max(0.0, operation.until - self._runtime.monotonic())
        if not operation.cached.writing.acquire(timeout=left):
            raise conflict()
        pace = operation.cached.pace
        failed = True
        try:
            pace.begin()
            operation.turn = pace.turn
            attempt = _Attempt(self, operation, prepare)
            try:
                done = retry_until(
                    attempt, operation.until, self._runtime, evidence=attempt.evidence
                )
            except DialogueStoreError:
                if attempt.sealed is not None:
                    operation.uses.failed_sealing = attempt.sealed
                raise
            failed = False
            return done
        finally:
            try:
                pace.end(failed=failed)
            finally:
                operation.turn = None
                operation.cached.writing.release()

    def load(self, operation: Operation) -> Snapshot:
        """A fresh state that a write can be planned on. What another writer committed to a journal is put
        in place first: then the partition is read again, which is :class:`Contention`."""
        if operation.turn is not None:
            operation.turn.keep()
        loaded = self._loader.attempt(operation)
        if loaded.findings:
            raise as_error(loaded.findings[0])
        snapshot = loaded.snapshot
        if snapshot.known_head.pending is not None:
            Journal.roll_forward(
                self._partitions, operation.dialogue_id, snapshot, self._runtime.token
            )
            raise Contention
        if snapshot.tip is None:
            self._loader.find_tip(snapshot, operation.derived_kek())
        if self._partitions.max_actions is not None:
            key = journal_key(operation.dialogue_id)
            operation.cached.orphans = self._partitions.query(key)
        return snapshot

    def token(self) -> str:
        """A name for one more commit."""
        return self._runtime.token()

    def now(self, snapshot: Snapshot) -> str:
        """ADDR-09: the clock, or one microsecond after the partition's latest time."""
        return time_of_write(self._runtime.now(), snapshot.known_head.updated_at)

    def _preparing(
        self, operation: Operation, method: str, planner: Planner, args: Mapping[str, Any]
    ) -> Prepare:
        return partial(self._prepare, operation, method, planner, args)

    def _prepare(
        self, operation: Operation, method: str, planner: Planner, args: Mapping[str, Any]
    ) -> Commit | Repeat:
        """A commit ready to be sent. What no commit will prove (an error, a repeat) is only believed
        from a fresh read (STORE-03)."""
        known = operation.cached.plannable()
        if known is not None:
            try:
                prepared = self._prepare_on(known, operation, method, planner, args)
                if not isinstance(prepared, Repeat):
                    return prepared
            except DialogueStoreError:
                operation.uses.failed_sealing = None
        return self._prepare_on(self.load(operation), operation, method, planner, args)

    def _prepare_on(
        self,
        known: Snapshot,
        operation: Operation,
        method: str,
        planner: Planner,
        args: Mapping[str, Any],
    ) -> Commit | Repeat:
        check_state(known, write=True)
        now = self.now(known)
        if args.get("request_id") is None:
            plan = planner(known, args, now)
        else:
            plan = _plan_request(known, method, planner, args, now)
        if isinstance(plan, Repeat):
            return plan
        return self._assembler.assemble(known, plan, now, operation)

    # -- commits ---------------------------------------------------------------------------------

    def send(self, commit: Commit, besides: Sequence[Action], turn: Turn) -> None:
        """One try to commit, and what it does ``besides`` about turns. A journal keeps the turn."""
        if commit.journal is not None:
            commit.journal.write(self._partitions, commit.actions, commit.token, turn.keep)
        else:
            self._partitions.commit([*commit.actions, *besides], token=commit.token)

    def took_place(self, commit: Commit) -> bool | None:
        """ERR-04: whether a commit whose answer was lost is in the store. The event at its sequence of
        the write chain tells: ours, or another's; None: neither, so that it may still come."""
        event = commit.first_event
        there = self._partitions.get(str(event["pk"]), str(event["sk"]))
        return None if there is None else there.get("event_hash") == event["event_hash"]

    def settle(self, commit: Commit, operation: Operation) -> Any:
        """Take an acknowledged commit into what is known, and give its result. A journal is put in place,
        and what earlier ones left is swept; where that fails, the next writer does it."""
        cached = operation.cached
        operation.committed(commit)
        journal, token = commit.journal, self._runtime.token
        if journal is not None:
            head = commit.head.item
            keep = cached.pace.turn.keep
            if _tidied(lambda: journal.put_in_place(self._partitions, head, token, keep)):
                cached.settle(commit)
            else:
                cached.doubt()
        if cached.orphans:
            _tidied(lambda: sweep(self._partitions, cached.orphans, token))
            cached.orphans = []
        return commit.result(operation.dialogue_id)


class _Attempt:
    """One write, tried until it gets through: planned again when it lost against another writer, sent
    again with the same bytes and token when the engine was busy or did not answer (HEAD-08)."""

    def __init__(self, writer: Writer, operation: Operation, prepare: Prepare) -> None:
        self._writer = writer
        self._operation = operation
        self._prepare = prepare
        self._commit: Commit | None = None
        self._besides: list[Action] = []
        self.lost = False

    @property
    def sealed(self) -> Use | None:
        """The sealing of a write that never got through, as a failure (AUDIT-04)."""
        if self._commit is None:
            return None
        return replace(self._commit.sealed, outcome="failure")

    def evidence(self) -> Mapping[str, Any]:
        """ERR-01: how to find out whether the write took place."""
        return {} if self._commit is None else self._commit.evidence()

    def __call__(self) -> Any:
        pace = self._operation.cached.pace
        if self._commit is None:
            if pace.wait(self._operation.until):
                self._operation.cached.doubt()
            try:
                prepared = self._prepare()
            except Contention:
                pace.met()
                raise
            if isinstance(prepared, Repeat):
                return prepared.result(self._operation.dialogue_id)
            self._commit = prepared
            self._besides = [] if prepared.journal else pace.besides(len(prepared.actions))
        commit = self._commit
        try:
            self._writer.send(commit, self._besides, pace.turn)
        except LostAnswer:
            self.lost = True
            raise
        except ConditionFailed as failed:
            if failed.keys == [pace.turn.key]:
                pace.met(only_turn=True)
                self._give_way(commit)
                raise
            if not (self.lost and self._look(commit)):
                pace.met()
                self._commit, self.lost = None, False
                self._operation.cached.doubt()
                raise
        except DialogueStoreError as refused:
            if self._besides:  # it may be the turn alone that this client may not touch
                pace.refused(refused)
                self._send_alone(commit)
                return self()
            # It says nothing of an earlier try that was sent and not answered.
            took_place = self._look(commit, refused) if self.lost else False
            if took_place is None:
                raise outcome_unknown(self.evidence(), refused) from None
            if not took_place:
                raise
        self._commit = None
        result = self._writer.settle(commit, self._operation)
        pace.committed(self._besides)
        return result

    def _give_way(self, commit: Commit) -> None:
        """Somebody holds a turn, and the dialogue is the same. An earlier try without an answer may still
        take place, so then the very same write is sent, and looks for nobody (ERR-04)."""
        if self.lost:
            self._send_alone(commit)
        else:
            self._commit = None

    def _send_alone(self, commit: Commit) -> None:
        """From now on the same write, nothing besides. Other bytes need another token (HEAD-08); the
        event at its sequence tells whether an earlier try took place."""
        self._commit = replace(commit, token=self._writer.token())
        self._besides = []

    def _look(self, commit: Commit, refused: DialogueStoreError | None = None) -> bool | None:
        """Whether the lost commit took place, None: it is open. A look that fails for good, and after
        ``refused`` any that fails, leaves it open as well: no error may deny a write (ERR-04)."""
        try:
            return self._writer.took_place(commit)
        except DialogueStoreError as unseen:
            raise outcome_unknown(self.evidence(), refused or unseen) from None
        except (Contention, Transient):
            if refused is None:
                raise
            return None


def _plan_request(
    known: Snapshot, method: str, planner: Planner, args: Mapping[str, Any], now: str
) -> Plan | Repeat:
    """The plan with the request remembered, or what the same request gave before (STORE-22)."""
    whole = partial(_with_request, known, method, planner, args, now)
    earlier = idempotency.earlier_result(known, method, args, lambda: _measure(known, whole()))
    return whole() if earlier is None else earlier


def _with_request(
    known: Snapshot, method: str, planner: Planner, args: Mapping[str, Any], now: str
) -> Plan | Repeat:
    plan = planner(known, args, now)
    if isinstance(plan, Repeat):
        return plan
    result = plan.result_at(known.revision + 1)(known.dialogue_id)
    draft = idempotency.remembered(method, args, result, now)
    return replace(plan, drafts=[*plan.drafts, draft])


def _measure(snapshot: Snapshot, plan: Plan | Repeat) -> None:
    """``item_too_large`` for what a plan that will not be carried out would put (STORE-15)."""
    if isinstance(plan, Repeat):
        return
    key_id = snapshot.newest_dek.key_id
    sizes = {d.sk: size_as_stored(snapshot.dialogue_id, d, key_id) for d in plan.drafts}
    found: list[Problem] = [
        problem for sk, size in sizes.items() if (problem := too_large(sk, size)) is not None
    ]
    if found:
        raise from_problems(found)


def _tidied(work: Callable[[], None]) -> bool:
    """Do what another writer would do otherwise; an acknowledged write does not fail by it."""
    try:
        work()
    except (ConditionFailed, Contention, Transient, LostAnswer, DialogueStoreError):
        return False
    return True
