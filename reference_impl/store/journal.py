"""Writes that are too large for one transaction (HEAD-07).

They are packed into a journal, committed with the head, then put in place. From the commit on the write is
there, for every reader lays the journal over what it reads.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..contract.addresses import partition_key
from ..contract.items import Item, canonical_json, item_size
from ..contract.limits import JOURNAL_PART_BYTES
from ..partitions.port import Action, Check, ConditionFailed, Delete, Equals, PartitionStore, Put

if TYPE_CHECKING:
    from .snapshot import Snapshot

__all__ = ["Journal", "apply_journal", "journal_key", "sweep"]

#: Bytes of one part of a journal.
PART_BYTES: int = JOURNAL_PART_BYTES
#: Bytes of one DynamoDB transaction, with room for what the engine counts besides names and values.
_TRANSACTION_BYTES = 4 * 1024 * 1024 - 64 * 1024
_BYTES = ("content_encrypted", "content_nonce")


def journal_key(dialogue_id: str) -> str:
    """The partition key of a dialogue's journals."""
    return f"journal#{dialogue_id}"


def apply_journal(
    partitions: PartitionStore, dialogue_id: str, items: Sequence[Item], token: str
) -> tuple[list[Item], bool]:
    """What a partition holds with the journal ``token`` laid over it, and whether that journal could be
    read. One that is not there changes nothing: the head's sum tells whether it should be."""
    parts = partitions.query(journal_key(dialogue_id), prefix=f"{token}#")
    by_key = {str(item["sk"]): item for item in items}
    try:
        for item in _unpacked(dialogue_id, parts, token):
            by_key[str(item["sk"])] = item
    except (ValueError, TypeError, KeyError, AttributeError):
        return list(items), False
    return [by_key[sk] for sk in sorted(by_key, key=str.encode)], True


def _unpacked(dialogue_id: str, parts: Sequence[Item], token: str) -> list[Item]:
    """The items of a journal. ``ValueError`` and the like where it is not the one text that a writer
    makes of them (HEAD-07): numbered otherwise, spelled otherwise, in another order."""
    if not parts:
        return []
    data = bytearray()
    for number, part in enumerate(parts, start=1):
        piece = part["items"]
        if part["sk"] != f"{token}#{number:04d}" or not isinstance(piece, bytes):
            raise ValueError("a part is missing or of another form")
        data += piece
    items: list[Item] = orjson.loads(bytes(data))
    for item in items:
        if item["pk"] != partition_key(dialogue_id) or item["sk"] == "head":
            raise ValueError("a journal holds items of its own dialogue, without the head")
        for name in _BYTES:
            if name in item:
                item[name] = base64.b64decode(str(item[name]), validate=True)
    if len({item["sk"] for item in items}) < len(items) or not items or _packed(items) != data:
        raise ValueError("it is not the canonical list of its items in ascending sort key")
    return items


def _packed(items: Sequence[Item]) -> bytes:
    """The canonical JSON list of items by ascending sort key (bytes), bytes as base64."""
    return canonical_json(
        [
            {
                name: base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
                for name, value in item.items()
            }
            for item in _ordered(items)
        ]
    )


def _ordered(items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: str(item["sk"]).encode())


@dataclass(frozen=True, slots=True)
class Journal:
    """The items of one large write, by ascending sort key (bytes), and the parts that they are packed in."""

    token: str
    items: Sequence[Item]
    parts: Sequence[Item]

    @classmethod
    def fits(cls, partitions: PartitionStore, actions: Sequence[Action]) -> bool:
        """Whether the engine takes these actions in one transaction."""
        if partitions.max_actions is None:
            return True
        if len(actions) > partitions.max_actions:
            return False
        size = sum(item_size(action.item) for action in actions if isinstance(action, Put))
        return size <= _TRANSACTION_BYTES

    @classmethod
    def of(cls, dialogue_id: str, items: Sequence[Item], token: str) -> Journal:
        """Pack items: the canonical JSON list of all of them, cut into parts of 350 KiB."""
        packed = _packed(items)
        parts: list[Item] = [
            {
                "pk": journal_key(dialogue_id),
                "sk": f"{token}#{number:04d}",
                "items": packed[start : start + PART_BYTES],
            }
            for number, start in enumerate(range(0, len(packed), PART_BYTES), start=1)
        ]
        return cls(token, _ordered(items), parts)

    def write(
        self,
        partitions: PartitionStore,
        commit: Sequence[Action],
        token: str,
        keep: Callable[[], object] = bool,
    ) -> None:
        """Write the parts, and in the same or a last transaction what commits them; ``keep`` is called
        before each transaction.

        Parts that do not fit beside the commit go first: until a head names them they are invisible. Each
        of those transactions has a token that follows from the commit's, so that a repeat is none.
        """
        batches = list(_batches([Put(part) for part in self.parts], partitions, spare=commit))
        for number, batch in enumerate(batches[:-1]):
            keep()
            partitions.commit(batch, token=f"{token[:28]}-{number:03d}")
        keep()
        partitions.commit([*batches[-1], *commit], token=token)

    def put_in_place(
        self,
        partitions: PartitionStore,
        head: Item,
        new_token: Callable[[], str],
        keep: Callable[[], object] = bool,
    ) -> None:
        """Put every item where it belongs, then take the journal's name off the head, then the journal
        away. May be repeated; once another has finished it, nothing is changed."""
        key = (str(head["pk"]), "head")
        named = Equals({"pending": self.token, "revision": head["revision"]})
        check = [Check(key, named)]
        try:
            for batch in _batches([Put(item) for item in self.items], partitions, spare=check):
                keep()
                partitions.commit([*batch, *check], token=new_token())
            done = {name: value for name, value in head.items() if name != "pending"}
            partitions.commit([Put(done, named)], token=new_token())
        except ConditionFailed:
            there = partitions.get(*key)
            if there is None or there.get("pending") == self.token:
                raise
        sweep(partitions, self.parts, new_token)

    @staticmethod
    def roll_forward(
        partitions: PartitionStore,
        dialogue_id: str,
        snapshot: Snapshot,
        new_token: Callable[[], str],
    ) -> None:
        """Finish what another writer committed and did not put in place. ``snapshot`` was proven with the
        journal laid over it, so the journal is the one that was written."""
        head = snapshot.head
        if head is None or head.pending is None:
            return
        parts = partitions.query(journal_key(dialogue_id), prefix=f"{head.pending}#")
        try:
            items = _unpacked(dialogue_id, parts, head.pending)
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        Journal(head.pending, items, parts).put_in_place(partitions, head.item, new_token)


def sweep(
    partitions: PartitionStore, parts: Sequence[Mapping[str, Any]], new_token: Callable[[], str]
) -> None:
    """Delete parts of journals that no head names."""
    gone: list[Action] = [Delete((str(part["pk"]), str(part["sk"]))) for part in parts]
    most = partitions.max_actions or len(gone) or 1
    for start in range(0, len(gone), most):
        partitions.commit(gone[start : start + most], token=new_token())


def _batches(
    puts: Sequence[Put], partitions: PartitionStore, *, spare: Sequence[Action]
) -> Iterator[list[Action]]:
    """Puts in groups that the engine takes in one transaction together with ``spare``."""
    most = (partitions.max_actions or 10**9) - len(spare)
    room = _TRANSACTION_BYTES - sum(item_size(a.item) for a in spare if isinstance(a, Put))
    batch: list[Action] = []
    size = 0
    for put in puts:
        own = item_size(put.item)
        if batch and (len(batch) == most or size + own > room):
            yield batch
            batch, size = [], 0
        batch.append(put)
        size += own
    yield batch
