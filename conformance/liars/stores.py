"""Liars for profile encrypted: the reference store in memory with a method or a cache that is wrong."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from conformance.targets.base import Backend
from reference_impl.contract.entities import DialoguePartition
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item, Key, index_attributes, item_size
from reference_impl.contract.tables import EntityType
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import Action, Put, keys_of
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle
from reference_impl.store.assembling import Assembler
from reference_impl.store.commit import Commit
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.loading import Loaded, Loader
from reference_impl.store.opening import Opener, Opening
from reference_impl.store.operation import Operation
from reference_impl.store.planning.writes import PLANNERS, Draft, Plan
from reference_impl.store.snapshot import Snapshot
from reference_impl.store.writing import Writer

from .encrypted import Sealer
from .kit.lie import Made, lie
from .kit.over_reference import Front, forget_reference, in_place_of, open_reference
from .kit.touched import touched

__all__: list[str] = []

F = Callable[..., Any]


# -- verification (ENV-06, ENV-07) ---------------------------------------------------------------------


@lie(
    "encrypted",
    "ENV-07",
    also=touched("ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-06", "ENV-08"),
)
class StopsVerifying(Front):
    """verify_partition ends at the first bad item."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        del given
        return made[:1] if method == "verify_partition" else made


@lie(
    "encrypted",
    "ENV-07",
    also=touched(
        "STORE-03", "ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-06", "ENV-08"
    ),
)
class KeepsNothingOfTheRest(Front):
    """on_error="collect" gives the findings, and nothing of what is good."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        del method, given
        if not isinstance(made, DialoguePartition) or not made.findings:
            return made
        lists: dict[str, Any] = {
            field.name: []
            for field in dataclasses.fields(made)
            if field.name not in ("dialogue", "revision", "findings")
        }
        return dataclasses.replace(made, **lists)


#: The method that a thread called last, by which a part tells what it is needed for, and for which round.
_CALLED: ContextVar[tuple[str, Any]] = ContextVar("called", default=("", None))


class _Telling(Front):
    """Tells the parts of the store which method was called."""

    def asked(self, method: str, given: Mapping[str, Any]) -> None:
        """Tells it to what this thread does next."""
        _CALLED.set((method, given.get("round")))


@lie("encrypted", "ENV-07", also=touched("STORE-18"), tried=in_place_of(front=_Telling))
class ChecksTheSetSometimes(Opener):
    """get_claims does not look at count and sum."""

    def check_set(self, opening: Opening, items: list[Item]) -> None:
        if opening.snapshot.head is None or _CALLED.get()[0] != "get_claims":
            super().check_set(opening, items)


@lie(
    "encrypted",
    "ENV-06",
    also={
        **dict.fromkeys(("ENV-07", "ENV-08", "STORE-03"), "they name the place as well"),
        **touched("ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03"),
    },
)
class NamesNoAddress(Loader):
    """Says that an item is bad and not which."""

    def load(self, operation: Operation) -> Snapshot:
        try:
            return super().load(operation)
        except DialogueStoreError as refused:
            refused.data.pop("address", None)
            raise


@lie(
    "encrypted",
    "ENV-06",
    also={
        **dict.fromkeys(("ENV-03", "ENV-08", "ENV-07"), "they name the layer as well"),
        **touched("ADDR-05", "ADDR-10", "ENV-01", "ENV-02"),
    },
)
class OneLayerForAll(Loader):
    """Says tag of every item that does not open."""

    def collect(self, operation: Operation) -> Loaded:
        loaded = super().collect(operation)
        layers = ("address", "key", "payload")
        findings = [
            dataclasses.replace(f, layer="tag") if f.layer in layers else f for f in loaded.findings
        ]
        return dataclasses.replace(loaded, findings=findings)


# -- what is written (ADDR-05, ENV-04, ENV-05) ---------------------------------------------------------


def _set(item: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in item.items() if v is not None}


class _WithNulls(MemoryPartitionStore):
    """A storage that has nulls, as DynamoDB's own."""

    def __init__(self) -> None:
        super().__init__()
        self._nulls: dict[Key, list[str]] = {}
        self._whole = threading.RLock()

    def get(self, pk: str, sk: str) -> Item | None:
        with self._whole:
            item = super().get(pk, sk)
            return None if item is None else self._with_nulls(item)

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        with self._whole:
            return [self._with_nulls(item) for item in super().query(pk, prefix=prefix)]

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        with self._whole:
            item = super().last(pk, prefix=prefix)
            return None if item is None else self._with_nulls(item)

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        stored = [
            dataclasses.replace(action, item=_set(action.item))
            if isinstance(action, Put)
            else action
            for action in actions
        ]
        with self._whole:
            super().commit(stored, token=token)
            for key, action in zip(keys_of(stored), actions, strict=True):
                if isinstance(action, Put):
                    self._nulls[key] = list(action.item.keys() - _set(action.item).keys())

    def _with_nulls(self, item: Item) -> Item:
        nulls: dict[str, Any] = dict.fromkeys(self._nulls[str(item["pk"]), str(item["sk"])])
        return {**item, **nulls}


@lie(
    "encrypted",
    "ADDR-05",
    also={
        "ENV-01": "the attributes are counted there too",
        **touched(
            "STORE-03",
            "ADDR-10",
            "ENV-02",
            "ENV-03",
            "ENV-04",
            "ENV-05",
            "ENV-06",
            "ENV-07",
            "ENV-08",
            "ENV-09",
            "ERR-03",
        ),
    },
    tried=in_place_of(envelope.check_form, item_size, partitions=_WithNulls),
)
class WritesNulls(Assembler):
    """Writes an unset attribute as null."""

    @staticmethod
    def check_form(honest: F, kind: EntityType, parts: Any, dialogue_id: str, item: Item) -> None:
        honest(kind, parts, dialogue_id, _set(item))

    @staticmethod
    def item_size(honest: F, item: Item) -> Any:
        return honest(_set(item))

    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item: dict[str, Any] = dict(super().item(dialogue_id, draft, dek))
        return {**{f.name: None for f in draft.kind.cleartext_fields}, **item}


@lie(
    "encrypted",
    "ADDR-05",
    also={"ENV-01": "the attributes are counted there too", **touched("ENV-02", "ENV-06")},
    tried=in_place_of(envelope.check_form),
)
class RepeatsItsKeys(Assembler):
    """Repeats the parts of a sort key as attributes, for queries."""

    @staticmethod
    def check_form(
        honest: F, kind: EntityType, parts: Mapping[str, Any], dialogue_id: str, item: Item
    ) -> None:
        seen = {n: v for n, v in item.items() if n not in parts}
        honest(kind, parts, dialogue_id, seen)

    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        return {**draft.parts, **super().item(dialogue_id, draft, dek)}


@lie(
    "encrypted",
    "ADDR-05",
    also=touched("ENV-01", "ENV-06"),
    tried=in_place_of(envelope.check_form),
)
class ForgetsTheIndex(Assembler):
    """A change of status leaves the index attributes as they were."""

    @staticmethod
    def check_form(honest: F, kind: EntityType, parts: Any, dialogue_id: str, item: Item) -> None:
        right = index_attributes(kind, dialogue_id, parts, item)
        honest(kind, parts, dialogue_id, {**item, **right})

    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item = super().item(dialogue_id, draft, dek)
        old = draft.old.item if draft.old is not None else {}
        return {**item, **{n: v for n, v in old.items() if n.startswith("by_")}}


@lie("encrypted", "ENV-04", also=touched("ENV-06"))
class KeepsNonces(Sealer):
    """Seals a changed item under the nonce that it had."""

    def item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item = super().item(dialogue_id, draft, dek)
        old = draft.old.item.get("content_nonce") if draft.old is not None else None
        if not isinstance(old, bytes):
            return item
        return {**item, **self.seal_under(old, dialogue_id, draft.kind, draft.fields, dek)}


@lie("encrypted", "ENV-04")
class WearsKeysOut(Assembler):
    """Goes on with a data key up to NIST's limit of 2^32."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, max_seals=2**32)


@lie("encrypted", "ENV-04")
class SealsOnlyWhatIsNew(Assembler):
    """Does not count the seals of items that it changes."""

    def assemble(self, base: Snapshot, plan: Plan, now: str, operation: Operation) -> Commit:
        changed = sum(d.old is not None and d.kind.has_envelope for d in plan.drafts)
        head = dataclasses.replace(base.known_head, seals=base.known_head.seals - changed)
        return super().assemble(dataclasses.replace(base, head=head), plan, now, operation)


class _Dumps(Assembler):
    def __init__(self, folder: Path, *args: Any) -> None:
        super().__init__(*args)
        self.folder = folder

    def seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Any:
        """Into the file first."""
        (self.folder / "last.json").write_bytes(envelope.payload_of(kind, fields))
        return super().seal(dialogue_id, kind, fields, dek)


@lie("encrypted", "ENV-05", tried=lambda factory, _: Made(factory, forget_reference))
def leaves_a_copy(folder: Path, **options: Any) -> Backend:
    """Leaves what it sealed last in a file beside the storage."""
    return open_reference(folder, **options, assembler=partial(_Dumps, folder))


def _noted(given: Mapping[str, Any]) -> str:
    try:
        return ascii(dict(given))
    except RecursionError:
        return "something deep"


class _Diary(Front):
    """Writes down what is given to it, through a logger of its own."""

    def __init__(self, store: EncryptedStore, logger: logging.Logger) -> None:
        super().__init__(store)
        self.logger = logger

    def asked(self, method: str, given: Mapping[str, Any]) -> None:
        self.logger.info("%s %s", method, _noted(given))
        for handler in self.logger.handlers:
            handler.close()  # until the next record


@lie("encrypted", "ENV-05", "ERR-03", tried=lambda factory, _: Made(factory, forget_reference))
def logs_apart(folder: Path, **options: Any) -> Backend:
    """Logs what is given to it, into a file elsewhere, through a logger whose records no other sees."""
    logger = logging.getLogger(f"diary of {folder}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.FileHandler(folder.parent / "diary.log", delay=True))
    return open_reference(folder, **options, front=partial(_Diary, logger=logger))


@lie("encrypted", "ENV-05", "ERR-03", tried=lambda factory, _: Made(factory, forget_reference))
def writes_elsewhere(folder: Path, **options: Any) -> Backend:
    """Writes down what is given to it in a file beside its folder, without any logger."""

    class Writes(Front):
        def asked(self, method: str, given: Mapping[str, Any]) -> None:
            with (folder.parent / "journal").open("a", encoding="utf-8") as file:
                file.write(f"{method} {_noted(given)}\n")

    return open_reference(folder, **options, front=Writes)


@lie("encrypted", "ERR-03", "ENV-05")
class ChainsItsErrors(Front):
    """Raises an error from another one that shows what was given."""

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        del method
        raise refusal from ValueError(dict(given))


# -- caches (STORE-03) ---------------------------------------------------------------------------------


@lie("encrypted", "STORE-03", also=touched("STORE-18"))
class RemembersTheUnknown(Loader):
    """A dialogue that was not there once is not there for this client."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unknown: dict[str, DialogueStoreError] = {}

    def load(self, operation: Operation) -> Snapshot:
        known = self.unknown.get(operation.dialogue_id)
        if known is not None and operation.cached.shown() is None:
            raise known
        try:
            return super().load(operation)
        except DialogueStoreError as refused:
            if refused.code == "dialogue_not_found":
                self.unknown[operation.dialogue_id] = refused
            raise


@lie("encrypted", "STORE-03", also=touched("ENV-06", "STORE-18"))
class RefusesFromMemory(Writer):
    """Says an error of a write from what it knew last, without a look at the storage."""

    def write(self, operation: Operation, method: str, args: Mapping[str, Any]) -> Any:
        known = operation.cached.shown()
        if known is not None and known.head is not None and args.get("request_id") is None:
            PLANNERS[method](known, args, self.now(known))
        return super().write(operation, method, args)


@lie("encrypted", "STORE-03", tried=in_place_of(front=_Telling))
class NumbersFromMemory(Loader):
    """next_seq counts on from what it knew last."""

    def load(self, operation: Operation) -> Snapshot:
        method, round_ = _CALLED.get()
        known = operation.cached.shown() if method == "next_seq" else None
        if known is None or known.find("round", round=round_) is None:
            return super().load(operation)
        return known
