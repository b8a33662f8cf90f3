"""A dialogue's first write: its entity, its first data key, its head and the beginning of its chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..contract.addresses import address, partition_key
from ..contract.errors import Problem, from_problems, integrity_error
from ..partitions.port import PartitionStore
from .assembling import Assembler
from .audit_log import AuditLog
from .commit import Commit
from .keyring import Keyring
from .operation import Operation
from .planning import idempotency
from .planning.writes import Repeat, plan_create
from .runtime import Runtime
from .writing import Writer

__all__ = ["Creator"]


class Creator:
    """Makes dialogues."""

    def __init__(
        self,
        partitions: PartitionStore,
        keyring: Keyring,
        log: AuditLog,
        assembler: Assembler,
        writer: Writer,
        runtime: Runtime,
    ) -> None:
        self._partitions = partitions
        self._keyring = keyring
        self._log = log
        self._assembler = assembler
        self._writer = writer
        self._runtime = runtime

    def create(self, operation: Operation, args: Mapping[str, Any]) -> Any:
        """The new dialogue. ``duplicate_entity`` where it is there, ``integrity_error`` (layer ``head``)
        where items or a chain of that id lie without a head (HEAD-04)."""
        return self._writer.carry_out(operation, lambda: self._prepare(operation, args))

    def _prepare(self, operation: Operation, args: Mapping[str, Any]) -> Commit | Repeat:
        dialogue_id = operation.dialogue_id
        pk = partition_key(dialogue_id)
        there = self._partitions.query(pk)
        found = next((item for item in there if item["sk"] == "head"), None)
        operation.read(found)
        if found is not None:
            return self._repeat(operation, args)
        last = self._log.last_write(dialogue_id)
        if there or last is not None:
            detail = (
                "the partition has items and no head"
                if there
                else "the audit chain knows this dialogue, but its items are gone"
            )
            raise integrity_error("head", address(dialogue_id, "head", {}), pk, "head", detail)
        now = self._runtime.now()
        plan = plan_create(args, now)
        if args.get("request_id") is not None:
            result = plan.result_at(1)(dialogue_id)
            draft = idempotency.remembered("create_dialogue", args, result, now)
            plan = replace(plan, drafts=[*plan.drafts, draft])
        made = self._keyring.make(1, operation.uses)
        return self._assembler.first(plan, now, made, operation)

    def _repeat(self, operation: Operation, args: Mapping[str, Any]) -> Repeat:
        """STORE-22 for the call that made the dialogue; ``duplicate_entity`` for any other."""
        there = from_problems(
            [Problem("duplicate_entity", "dialogue_id", f"dialogue {operation.dialogue_id} exists")]
        )
        if args.get("request_id") is None:
            raise there

        def plan() -> None:
            raise there

        snapshot = self._writer.load(operation)
        earlier = idempotency.earlier_result(snapshot, "create_dialogue", args, plan)
        if earlier is None:
            raise there
        return earlier
