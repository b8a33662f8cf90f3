"""A walk along every chain of a dialogue (AUDIT-05): items in, one at a time, findings out."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.items import Value
from ..contract.limits import MAX_BOUNDARIES
from .audit_chain import Tip, first_tip, hash_fits, mac_fits
from .event_form import NOTE, WRITE_CHAIN, fault_of, is_kek_id, number_of, place_of

__all__ = ["WALK_ORDER", "ChainWalk"]

#: Ranges of sort keys in the order in which a walk has to see them: the write chain first, for its notes
#: name tips of the read chains. (low, high): from low up to, but without, high.
WALK_ORDER: tuple[tuple[str, str | None], ...] = (("w#", "w$"), ("", "w#"), ("w$", None))
#: Sort keys of no chain that a walk names; of more than these, the first.
_MOST_FOREIGN = 1000


@dataclass
class _Progress:
    """How far one chain was walked. ``kek_id``: on a read chain the KEK that its events name, on the write
    chain nothing. ``written``: the last sequence that is no boundary's. ``is_erased``: nothing follows."""

    tip: Tip
    events: int = 0
    broken: bool = False
    kek_id: str | None = None
    written: int = 0
    is_erased: bool = False


class ChainWalk:
    """Walks every chain of a dialogue, one event at a time.

    Feed :meth:`take` with the audit partition's items, ascending within the ranges of :data:`WALK_ORDER`,
    then call :meth:`finish`. A chain is named with the first sequence that fails and not walked further.
    With ``key``, made from the KEK of ``kek_id``, every change but a cut tail is found; without it, hashes
    and links only. ``audit_head``: the hash that the head named as the write chain's end before the walk.
    ``wrapped_by``: the key_ids that the dialogue's wrapped data keys name. One of another KEK, or an event
    of the write chain under another, is a finding, and then the key serves the write chain only.
    """

    def __init__(
        self,
        dialogue_id: str,
        key: bytes | None = None,
        *,
        kek_id: str = "",
        audit_head: str | None = None,
        wrapped_by: Sequence[str] = (),
    ) -> None:
        self._dialogue_id = dialogue_id
        self._key = key
        self._kek_id = kek_id
        self._audit_head = audit_head
        self._strange_wrap = next((name for name in wrapped_by if self._is_of_another(name)), None)
        self._is_another_users = self._strange_wrap is not None
        self._head_at: int | None = None
        self._chains: dict[str, _Progress] = {}
        self._noted: dict[tuple[str, int], str] = {}
        self._foreign: list[str] = []
        self._findings: dict[str, tuple[int, str]] = {}

    @property
    def findings(self) -> list[dict[str, Any]]:
        """One for each chain or foreign sort key, by its name in text order: ``{"chain", "sequence",
        "what"}``."""
        names = sorted(set(self._foreign))[:_MOST_FOREIGN]
        found = dict.fromkeys(names, (0, "foreign: the sort key is no chain's"))
        found.update(self._findings)
        return [
            {"chain": chain, "sequence": found[chain][0], "what": found[chain][1]}
            for chain in sorted(found)
        ]

    @property
    def unverified(self) -> list[dict[str, Any]]:
        """Read chains that one other KEK alone could prove, by name: ``{"chain", "events", "key_id"}``."""
        return [
            {"chain": chain, "events": progress.events, "key_id": progress.kek_id}
            for chain, progress in sorted(self._chains.items())
            if progress.kek_id not in (None, self._kek_id) and chain not in self._findings
        ]

    def take(self, item: Mapping[str, Value]) -> None:
        """The next event."""
        place = place_of(item["sk"])
        if place is None:
            self._find_foreign(item["sk"])
            return
        chain, sequence = place
        progress = self._chains.get(chain)
        if progress is None:
            progress = self._chains[chain] = _Progress(first_tip(self._dialogue_id, chain))
        progress.events += 1
        if progress.broken:
            return
        if sequence != progress.tip.sequence + 1:
            progress.broken = True
            self._find(chain, progress.tip.sequence + 1, "missing: the event is not there")
            return
        what = self._fault(item, progress)
        if what is not None:
            progress.broken = True
            self._find(chain, sequence, what)
            return
        progress.tip = Tip(chain, sequence, str(item["event_hash"]), number_of(item, "revision"))

    def finish(self, *, is_settled: bool = True) -> dict[str, dict[str, Any]]:
        """What is known after the last event: ``{chain: {"events", "tip_sequence", "tip_hash"}}``.

        ``is_settled``: the head is still the one that was there before the walk; otherwise events that a
        later write appended meanwhile are none too many.
        """
        writes = self._chains.get(WRITE_CHAIN) or _Progress(
            first_tip(self._dialogue_id, WRITE_CHAIN)
        )
        if self._key is not None and not writes.broken:
            self._check_end(writes, is_settled=is_settled)
        cut: dict[str, int] = {}
        for chain, sequence in self._noted:
            progress = self._chains.get(chain)
            if progress is None or (not progress.broken and progress.tip.sequence < sequence):
                cut[chain] = (progress.tip.sequence if progress else 0) + 1
        for chain, sequence in cut.items():
            self._find(chain, sequence, "missing: a write knew of later events")
        return {
            chain: {
                "events": progress.events,
                "tip_sequence": progress.tip.sequence,
                "tip_hash": progress.tip.event_hash,
            }
            for chain, progress in self._chains.items()
        }

    # -- one event -------------------------------------------------------------------------------

    def _fault(self, item: Mapping[str, Value], progress: _Progress) -> str | None:
        tip = progress.tip
        wrong = fault_of(item, self._dialogue_id)
        if wrong is not None:
            return f"foreign: {wrong}"
        if not hash_fits(item):
            return "hash: the event is not the one that was hashed"
        if not hmac.compare_digest(tip.event_hash, str(item["previous_hash"])):
            return "link: the event before it is another one"
        is_write = tip.chain == WRITE_CHAIN
        what = (
            self._fault_of_write(item, progress)
            if is_write
            else self._fault_of_read(item, progress)
        )
        if what is not None:
            return what
        if number_of(item, "revision") < tip.revision:
            return "revision: it falls along the chain"
        if is_write:
            return self._take_note(item)
        noted = self._noted.pop((tip.chain, tip.sequence + 1), None)
        if noted is not None and noted != item["event_hash"]:
            return "note: a write knew another event here"
        return None

    def _fault_of_write(self, item: Mapping[str, Value], progress: _Progress) -> str | None:
        key_id = item.get("key_id")
        if self._is_of_another(key_id):
            self._is_another_users = True
            return self._told_of(str(key_id))
        if self._key is not None and not mac_fits(item, self._key):
            return "mac: the event was not written with the key"
        if progress.is_erased:
            return "foreign: nothing follows an erasure"
        sequence = progress.tip.sequence + 1
        if item["operation"] == "boundary":
            if sequence - progress.written > MAX_BOUNDARIES:
                return f"foreign: more than {MAX_BOUNDARIES} boundaries in a row"
            return None
        progress.written, progress.is_erased = sequence, item["operation"] == "erase"
        if item["event_hash"] == self._audit_head:
            self._head_at = sequence
        return None

    def _fault_of_read(self, item: Mapping[str, Value], progress: _Progress) -> str | None:
        """With the key an event is ours by its mac, or what a stranger's try leaves: somebody with another
        KEK derived it, wrapped in vain, or could not unwrap. Its mac is made with that KEK and proves
        nothing here; but no chain has events of two."""
        if self._key is None or self._is_another_users:
            return None
        key_id = item.get("key_id")
        if not self._is_of_another(key_id):
            if not mac_fits(item, self._key):
                return "mac: the event was not written with the key"
            named = self._kek_id if key_id is not None else None
        elif not _is_strangers(item):
            return "mac: another key cannot be used so"
        else:
            named = str(key_id)
        if named is not None and progress.kek_id not in (None, named):
            return "foreign: the chain has events of two keys"
        progress.kek_id = progress.kek_id or named
        return None

    def _is_of_another(self, key_id: Value | None) -> bool:
        """Whether a name is that of a KEK which is not the verifier's."""
        return self._key is not None and key_id != self._kek_id and is_kek_id(key_id)

    def _told_of(self, key_id: str) -> str:
        """As KEY-08 tells another user's KEK from one of another master key."""
        of_user = self._kek_id.rpartition("#")[0] + "#"
        if key_id.startswith(of_user):
            return "umk_changed: it names a key that was derived from another master key"
        return "key_denied: it names another user's key"

    def _take_note(self, item: Mapping[str, Value]) -> str | None:
        note = item.get("note")
        if note is None or item["operation"] == "boundary":
            return None
        match = NOTE(str(note))
        if match is None:
            return "note: it names no tip"
        chain, sequence, event_hash = match[1], int(match[2]), match[3]
        if self._noted.setdefault((chain, sequence), event_hash) != event_hash:
            return "note: an earlier one names another event"
        return None

    # -- the whole -------------------------------------------------------------------------------

    def _check_end(self, writes: _Progress, *, is_settled: bool) -> None:
        """The write chain ends where the head says, but for boundaries; an erased one has no such head."""
        end = writes.tip.sequence
        if self._strange_wrap is not None:
            self._find(WRITE_CHAIN, 0, self._told_of(self._strange_wrap))
        elif writes.is_erased:
            return
        elif self._audit_head is None:
            if end:
                self._find(WRITE_CHAIN, end + 1, "head: none tells where the chain ends")
        elif self._head_at is None:
            self._find(WRITE_CHAIN, end + 1, "missing: the head names another end")
        elif is_settled and self._head_at != writes.written:
            self._find(WRITE_CHAIN, self._head_at + 1, "foreign: the head names an earlier end")

    def _find(self, chain: str, sequence: int, what: str) -> None:
        self._findings.setdefault(chain, (sequence, what))

    def _find_foreign(self, sk: object) -> None:
        """Keep the first names only: anybody who may put items can put a million."""
        self._foreign.append(sk.hex() if isinstance(sk, bytes) else str(sk))
        if len(self._foreign) > 2 * _MOST_FOREIGN:
            self._foreign = sorted(set(self._foreign))[:_MOST_FOREIGN]


def _is_strangers(item: Mapping[str, Value]) -> bool:
    operation = item["operation"]
    return "mac" in item and (
        operation in ("derive", "wrap") or (operation == "unwrap" and item["outcome"] != "success")
    )
