"""Liars for profile encrypted: the reference store in memory with a method or a cache that is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from conformance.targets.base import Backend
from reference_impl.contract.entities import Claim, DialoguePartition, Finding, NextSeq
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import Item, index_attributes, item_size
from reference_impl.contract.tables import EntityType
from reference_impl.partitions import port
from reference_impl.sealing import envelope
from reference_impl.sealing.keys import DekHandle
from reference_impl.store import mechanics
from reference_impl.store.opening import _Reader
from reference_impl.store.planning.parameters import validated
from reference_impl.store.planning.writes import PLANNERS, Draft
from reference_impl.store.snapshot import Snapshot

from . import liar
from .encrypted import LyingStore, factory_of, forget, lie
from .kit.patching import for_now
from .kit.touched import touched
from .sealed import everywhere

__all__: list[str] = []


# -- verification (ENV-06, ENV-07) ---------------------------------------------------------------------


@lie("ENV-07", also=touched("ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-06", "ENV-08"))
class StopsVerifying(LyingStore):
    """verify_partition ends at the first bad item."""

    def verify_partition(self, dialogue_id: str) -> list[Finding]:
        return super().verify_partition(dialogue_id)[:1]


@lie(
    "ENV-07",
    also=touched(
        "STORE-03", "ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03", "ENV-06", "ENV-08"
    ),
)
class KeepsNothingOfTheRest(LyingStore):
    """on_error="collect" gives the findings, and nothing of what is good."""

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        whole = super().load_partition(dialogue_id, on_error)
        if not whole.findings:
            return whole
        lists: dict[str, Any] = {
            field.name: []
            for field in dataclasses.fields(whole)
            if field.name not in ("dialogue", "revision", "findings")
        }
        return dataclasses.replace(whole, **lists)


class _Unaware(_Reader):
    def check_set(self, items: list[Item]) -> None:
        if self.snapshot.head is not None:
            return
        super().check_set(items)


@lie("ENV-07", also=touched("STORE-18"))
class ChecksTheSetSometimes(LyingStore):
    """get_claims does not look at count and sum."""

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        honest, type(self).reader = type(self).reader, _Unaware
        try:
            return super().get_claims(dialogue_id)
        finally:
            type(self).reader = honest


@lie(
    "ENV-06",
    also={
        **dict.fromkeys(("ENV-07", "ENV-08", "STORE-03"), "they name the place as well"),
        **touched("ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-03"),
    },
)
class NamesNoAddress(LyingStore):
    """Says that an item is bad and not which."""

    def _load(self, dialogue_id: str) -> Snapshot:
        try:
            return super()._load(dialogue_id)
        except DialogueStoreError as refused:
            refused.data.pop("address", None)
            raise


@lie(
    "ENV-06",
    also={
        **dict.fromkeys(("ENV-03", "ENV-08", "ENV-07"), "they name the layer as well"),
        **touched("ADDR-05", "ADDR-10", "ENV-01", "ENV-02"),
    },
)
class OneLayerForAll(LyingStore):
    """Says tag of every item that does not open."""

    def _read(self, dialogue_id: str) -> tuple[Snapshot, list[Finding]]:
        snapshot, findings = super()._read(dialogue_id)
        layers = ("address", "key", "payload")
        return snapshot, [
            dataclasses.replace(f, layer="tag") if f.layer in layers else f for f in findings
        ]


# -- what is written (ADDR-05, ENV-04, ENV-05) ---------------------------------------------------------


def _set(item: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in item.items() if v is not None}


@contextmanager
def _where_null_is_a_value() -> Iterator[None]:
    """A storage that has nulls, as DynamoDB's own."""
    storable = port._storable
    with (
        everywhere(item_size, lambda item: item_size(_set(item))),
        everywhere(storable, lambda value: value is None or storable(value)),
    ):
        yield


@lie(
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
    during=_where_null_is_a_value,
)
class WritesNulls(LyingStore):
    """Writes an unset attribute as null."""

    steps: ClassVar = {
        "check_form": lambda real, kind, parts, dialogue_id, item: real(
            kind, parts, dialogue_id, _set(item)
        )
    }

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item: dict[str, Any] = dict(super()._item(dialogue_id, draft, dek))
        return {**{f.name: None for f in draft.kind.cleartext_fields}, **item}


def _without_parts(item: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in item.items() if n not in parts}


@lie(
    "ADDR-05",
    also={"ENV-01": "the attributes are counted there too", **touched("ENV-02", "ENV-06")},
)
class RepeatsItsKeys(LyingStore):
    """Repeats the parts of a sort key as attributes, for queries."""

    steps: ClassVar = {
        "check_form": lambda real, kind, parts, dialogue_id, item: real(
            kind, parts, dialogue_id, _without_parts(item, parts)
        )
    }

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        return {**draft.parts, **super()._item(dialogue_id, draft, dek)}


@lie("ADDR-05", also=touched("ENV-01", "ENV-06"))
class ForgetsTheIndex(LyingStore):
    """A change of status leaves the index attributes as they were."""

    steps: ClassVar = {
        "check_form": lambda real, kind, parts, dialogue_id, item: real(
            kind,
            parts,
            dialogue_id,
            {**item, **index_attributes(kind, dialogue_id, parts, item)},
        )
    }

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        item = super()._item(dialogue_id, draft, dek)
        old = draft.old.item if draft.old is not None else {}
        return {**item, **{n: v for n, v in old.items() if n.startswith("by_")}}


@lie("ENV-04", also=touched("ENV-06"))
class KeepsNonces(LyingStore):
    """Seals a changed item under the nonce that it had."""

    def _item(self, dialogue_id: str, draft: Draft, dek: DekHandle) -> Item:
        if draft.old is None or "content_nonce" not in draft.old.item:
            return super()._item(dialogue_id, draft, dek)
        nonce = draft.old.item["content_nonce"]
        with mock.patch.object(self, "_randomness", return_value=nonce):
            return super()._item(dialogue_id, draft, dek)


@lie("ENV-04")
class WearsKeysOut(LyingStore):
    """Goes on with a data key up to NIST's limit of 2^32."""

    def _sealed(self, *args: Any) -> Any:
        with for_now(mechanics, MAX_SEALS=2**32):
            return super()._sealed(*args)


@lie("ENV-04")
class SealsOnlyWhatIsNew(LyingStore):
    """Does not count the seals of items that it changes."""

    def _head(self, dialogue_id: str, dek: DekHandle, at: Any, totals: Any, audit_head: str) -> Any:
        count, total, seals = totals
        known = self._cell(dialogue_id).snapshot
        before = known.head.seals if known is not None and known.head is not None else 0
        seals = min(seals, before + 2) if before else seals
        return super()._head(dialogue_id, dek, at, (count, total, seals), audit_head)


class _Dumps(LyingStore):
    folder: Path

    def _seal(
        self, dialogue_id: str, kind: EntityType, fields: Mapping[str, Any], dek: DekHandle
    ) -> Any:
        with (self.folder / "last.json").open("wb") as file:
            file.write(envelope.payload_of(kind, fields))
        return super()._seal(dialogue_id, kind, fields, dek)


@liar(must_fail=("ENV-05",), profile="encrypted", discard=forget)
def leaves_a_copy(
    folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
) -> Backend:
    """Leaves what it sealed last in a file beside the storage."""
    backend = factory_of(_Dumps)(folder, key_file=key_file, user_id=user_id, deadline_s=deadline_s)
    assert isinstance(backend.store, _Dumps)
    backend.store.folder = folder
    return backend


@lie("ERR-03", "ENV-05")
class ChainsItsErrors(LyingStore):
    """Raises an error from another one that shows what was given."""

    def _validated(self, method: str, **given: Any) -> dict[str, Any]:
        try:
            return super()._validated(method, **given)
        except DialogueStoreError as refused:
            raise refused from ValueError(given)


# -- caches (STORE-03) ---------------------------------------------------------------------------------


@lie("STORE-03")
class RemembersTheUnknown(LyingStore):
    """A dialogue that was not there once is not there for this client."""

    def _load(self, dialogue_id: str) -> Snapshot:
        unknown: dict[str, DialogueStoreError] = self.__dict__.setdefault("_unknown", {})
        if dialogue_id in unknown:
            raise unknown[dialogue_id]
        try:
            return super()._load(dialogue_id)
        except DialogueStoreError as refused:
            if refused.code == "dialogue_not_found":
                unknown[dialogue_id] = refused
            raise

    def _create(self, dialogue_id: str, args: Mapping[str, Any]) -> Any:
        made = super()._create(dialogue_id, args)
        self.__dict__.get("_unknown", {}).pop(dialogue_id, None)
        return made


@lie("STORE-03", also=touched("STORE-18"))
class RefusesFromMemory(LyingStore):
    """Says an error of a write from what it knew last, without a look at the storage."""

    def _write(self, method: str, **given: Any) -> Any:
        known = self._cell(str(given["dialogue_id"])).snapshot
        if known is not None and known.head is not None and not self._closed:
            args = validated(method, given)
            if args.get("request_id") is None:
                PLANNERS[method](known, args, self._now(known))
        return super()._write(method, **given)


@lie("STORE-03")
class NumbersFromMemory(LyingStore):
    """next_seq counts on from what it knew last."""

    def next_seq(self, dialogue_id: str, round: int, entity: str) -> NextSeq:
        args = self._validated("next_seq", dialogue_id=dialogue_id, round=round, entity=entity)
        known = self._cell(dialogue_id).snapshot
        if known is None or known.find("round", round=args["round"]) is None:
            return super().next_seq(dialogue_id, round, entity)
        return NextSeq(known.next_seq(args["entity"], round=args["round"]))
