"""A dialogue told write by write: its items, its head and its audit events, as a store would have them.

Nothing is decided here that the contract leaves open but nonces, data keys and event ids, and those come
from the seeded stream of the story's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from . import audit_events, crypto
from .crypto import Item
from .recipe import PUBLISHED_UMK, stored, stream
from .tables import kind

__all__ = ["Draft", "State", "Story", "at", "moved", "reference", "registered", "shown"]

_FIRST = datetime(2026, 2, 3, 10, 15, tzinfo=UTC)
#: A type's name and its fields, those of the key among them.
Draft = tuple[str, Mapping[str, Any]]


def at(minutes: int, microseconds: int = 0) -> str:
    """A time of the stories: minutes after 2026-02-03T10:15Z."""
    moment = _FIRST + timedelta(minutes=minutes, microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class State:
    """What lies in the store after a write or a read: items with the head among them, audit events."""

    dialogue_id: str
    items: Mapping[str, Item]
    events: Mapping[str, Item]
    fields: Mapping[str, Mapping[str, Any]]
    deks: Mapping[int, bytes]

    @property
    def head(self) -> Item:
        """The partition's head."""
        return self.items["head"]

    @property
    def newest_dek(self) -> bytes:
        """The data key that the head names."""
        return self.deks[int(self.head["key_id"].rsplit("#", 1)[1])]

    @property
    def last_write(self) -> Item:
        """The write chain's last event."""
        return self.events[max(sk for sk in self.events if sk.startswith("w#"))]

    @property
    def others(self) -> list[Item]:
        """Every item but the head."""
        return [item for sk, item in self.items.items() if sk != "head"]


def shown(items: Mapping[str, Item]) -> dict[str, Any]:
    """Items by sort key (bytes) as vectors show them."""
    return {sk: stored(items[sk]) for sk in sorted(items, key=str.encode)}


@dataclass
class Story:
    """One dialogue and the store instance that writes it."""

    dialogue_id: str
    umk: bytes = PUBLISHED_UMK
    user_id: str = "local"
    principal: str = "local"
    items: dict[str, Item] = field(default_factory=dict)
    events: dict[str, Item] = field(default_factory=dict)
    fields: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    deks: dict[int, bytes] = field(default_factory=dict)
    revision: int = 0
    seals: int = 0
    label: str = ""

    def __post_init__(self) -> None:
        self._random = stream(f"story {self.label or self.dialogue_id}")
        self.kek = crypto.derive_kek(self.umk, self.user_id)
        self.kek_id = crypto.kek_key_id(self.kek, self.user_id)
        self.pk = f"dialogue#{self.dialogue_id}"
        self.mac_key = audit_events.mac_key(self.kek, self.dialogue_id)
        self._tips: dict[str, Item] = {}
        self._own_chain: str | None = None

    # -- what happens ------------------------------------------------------------------------------

    def write(self, time: str, *drafts: Draft, updated_at: str | None = None) -> State:
        """One atomic write of entities by the writing instance; the first one makes the data key."""
        uses: list[tuple[str, str, str, int]] = []
        if not self.deks:
            self._new_dek(1, time)
            uses += [("derive", self.kek_id, self.pk, 1), self._wrap(1)]
        for entity, fields in drafts:
            self._put(entity, fields)
        sealed = 1 + sum(kind(entity).address is not None for entity, _ in drafts)
        return self._commit(time, updated_at or time, uses, sealed)

    def rotate(self, time: str) -> State:
        """KEY-07 without reseal: a new data key, the head the first item under it."""
        version = max(self.deks) + 1
        self._new_dek(version, time)
        self.seals = 0
        return self._commit(time, time, [self._wrap(version)], 1)

    def read(self, time: str, chain: str, *, own: bool = False) -> State:
        """A load of the whole partition by a fresh instance, logged on its own chain; `own`: it is the
        instance that writes next."""
        if own:
            self._own_chain = chain
        version = max(self.deks)
        dek_address = crypto.address(self.dialogue_id, "dek", version=version)
        opened = sum("content_nonce" in item for item in self.items.values()) - len(self.deks)
        self.append(time, chain, "derive", self.kek_id, self.pk)
        self.append(time, chain, "unwrap", self.kek_id, dek_address)
        self.append(time, chain, "decrypt", self._dek_id(version), self.pk, count=opened)
        return self.state()

    def append(
        self,
        time: str,
        chain: str,
        operation: str,
        key_id: str | None,
        subject: str,
        *,
        count: int = 1,
        outcome: str = "success",
        note: str | None = None,
        revision: int | None = None,
        signed: bool = True,
        **more: Any,
    ) -> Item:
        """One event at the end of a chain."""
        last = self._tips.get(chain)
        sequence = int(last["sequence"]) + 1 if last else 1
        previous = (
            str(last["event_hash"])
            if last
            else audit_events.first_previous_hash(self.dialogue_id, chain)
        )
        milliseconds = int(datetime.fromisoformat(time).timestamp() * 1000)
        event: dict[str, Any] = {
            "event_id": audit_events.event_id(self._random.take(10), milliseconds),
            "timestamp": time,
            "trace_id": audit_events.ZERO_TRACE,
            "span_id": audit_events.ZERO_SPAN,
            "operation": operation,
            "key_id": key_id,
            "principal": self.principal,
            "outcome": outcome,
            "previous_hash": previous,
            "dialogue_id": self.dialogue_id,
            "chain": chain,
            "sequence": sequence,
            "subject": subject,
            "count": count,
            "revision": self.revision if revision is None else revision,
            "note": note,
            **more,
        }
        event["event_hash"] = audit_events.event_hash(event)
        event["mac"] = audit_events.mac(self.mac_key, event["event_hash"]) if signed else None
        item = audit_events.event_item(event)
        self.events[item["sk"]] = item
        self._tips[chain] = item
        return item

    def tip(self, chain: str) -> Item:
        """The last event of a chain."""
        return self._tips[chain]

    def state(self) -> State:
        """What lies there now."""
        return State(
            self.dialogue_id,
            {sk: self.items[sk] for sk in sorted(self.items, key=str.encode)},
            {sk: self.events[sk] for sk in sorted(self.events, key=str.encode)},
            dict(self.fields),
            dict(self.deks),
        )

    # -- its parts ---------------------------------------------------------------------------------

    def nonce(self) -> bytes:
        """The next nonce of the story's stream."""
        return self._random.take(12)

    def seal_head(
        self,
        *,
        items: Mapping[str, Item] | None = None,
        time: str | None = None,
        payload: Mapping[str, Any] | None = None,
        revision: int | None = None,
        nonce: bytes | None = None,
    ) -> Item:
        """A head as the key's holder can make it; `payload` overrides single sealed fields."""
        items = self.items if items is None else items
        version = max(self.deks)
        clear = {
            "pk": self.pk,
            "sk": "head",
            "revision": self.revision if revision is None else revision,
            "updated_at": time or self.items["head"]["updated_at"],
        }
        others = [item for sk, item in items.items() if sk != "head"]
        fields = {
            "count": len(others),
            "sum": crypto.partition_sum(self.deks[version], others, clear),
            "audit_head": self.tip("w")["event_hash"],
            "seals": self.seals,
            **(payload or {}),
        }
        return {
            **clear,
            "state": "active",
            **crypto.seal(
                self.deks[version],
                self._dek_id(version),
                crypto.address(self.dialogue_id, "head"),
                crypto.canonical(fields),
                nonce or self.nonce(),
            ),
        }

    def _commit(
        self, time: str, updated_at: str, uses: list[tuple[str, str, str, int]], sealed: int
    ) -> State:
        self.revision += 1
        self.seals += sealed
        version = max(self.deks)
        for operation, key_id, subject, count in uses:
            self.append(time, "w", operation, key_id, subject, count=count)
        own = self._tips.get(self._own_chain or "")
        head_address = crypto.address(self.dialogue_id, "head")
        self.append(
            time,
            "w",
            "encrypt",
            self._dek_id(version),
            head_address if sealed == 1 else self.pk,
            count=sealed,
            note=audit_events.tip_text(own) if own else None,
        )
        self.items["head"] = self.seal_head(time=updated_at)
        return self.state()

    def _put(self, entity: str, fields: Mapping[str, Any]) -> None:
        of = kind(entity)
        parts = {f.name: fields[f.name] for f in of.key if f.name in fields}
        version = max(self.deks)
        item = crypto.make_item(
            entity,
            self.dialogue_id,
            parts,
            fields,
            key=self.deks[version],
            key_id=self._dek_id(version),
            nonce=self.nonce() if of.address is not None else b"",
        )
        self.items[item["sk"]] = item
        self.fields[item["sk"]] = dict(fields)

    def _new_dek(self, version: int, time: str) -> None:
        self.deks[version] = self._random.take(32)
        item = crypto.wrap_dek(
            self.deks[version],
            self.dialogue_id,
            version,
            umk=self.umk,
            user_id=self.user_id,
            nonce=self.nonce(),
            created_at=time,
        )
        self.items[item["sk"]] = item

    def _wrap(self, version: int) -> tuple[str, str, str, int]:
        where = crypto.address(self.dialogue_id, "dek", version=version)
        return ("wrap", self.kek_id, where, 1)

    def _dek_id(self, version: int) -> str:
        return f"dek#{self.dialogue_id}#{version}"


# -- entities as a store makes them ----------------------------------------------------------------

_EVENT_LETTERS = {"P": "perspective", "T": "tension", "R": "recommendation"}


def registered(entity: str, time: str, fields: Mapping[str, Any]) -> list[Draft]:
    """STORE-08: a new entity and, for the three types that have them, its event `created`."""
    letter = kind(entity).letter
    whole = {"references": [], "created_at": time, "updated_at": time, **fields}
    drafts: list[Draft] = [(entity, whole)]
    if letter in _EVENT_LETTERS:
        drafts.append(_event(entity, time, whole, "created", fields["contributors"]))
    for given in whole["references"] if letter else ():
        display_id = f"{letter}{fields['round']:02d}{fields['seq']:02d}"
        drafts.append(reference(display_id, given["type"], given["target"], time))
    return drafts


def moved(
    entity: str,
    time: str,
    fields: Mapping[str, Any],
    status: str,
    *,
    actors: tuple[str, ...] = ("judge",),
    **more: Any,
) -> list[Draft]:
    """STORE-08: a status change of an entity (its fields as they are) and its event."""
    own = {name: more.pop(name) for name in ("adopted_in_verdict",) if name in more}
    whole = {**fields, **own, "status": status, "updated_at": time}
    drafts: list[Draft] = [(entity, whole)]
    if kind(entity).letter in _EVENT_LETTERS:
        drafts.append(_event(entity, time, whole, status, list(actors), **more))
    return drafts


def _event(
    entity: str,
    time: str,
    fields: Mapping[str, Any],
    event_type: str,
    actors: list[str],
    **more: Any,
) -> Draft:
    letter = kind(entity).letter
    return (
        f"{entity}_event",
        {
            "entity_id": f"{letter}{fields['round']:02d}{fields['seq']:02d}",
            "timestamp": time,
            "event_type": event_type,
            "event_round": fields["round"],
            "created_at": time,
            "actors": actors,
            **more,
        },
    )


def reference(source: str, ref_type: str, target: str, time: str) -> Draft:
    """A ref item."""
    return (
        "ref",
        {
            "source_id": source,
            "ref_type": ref_type,
            "target_id": target,
            "source_type": source[0],
            "target_type": target[0],
            "created_at": time,
        },
    )
