"""The keys that one store instance has: the KEK, derived once, and data keys that were opened."""

from __future__ import annotations

import threading
from collections import OrderedDict

from .. import forks
from ..contract.errors import DialogueStoreError
from ..contract.items import Item
from ..sealing.keys import DekHandle, KekHandle, Randomness
from ..sealing.providers import KeyProvider
from .key_uses import KeyUses

__all__ = ["Keyring"]

#: How many opened data keys a store keeps.
_KEPT_DEKS = 1024


class Keyring:
    """The KEK and the data keys that calls share: those whose events are stored.

    What a call derives or opens lies with its :class:`KeyUses` until :meth:`share`; a call that ends
    without its events leaves no key behind (AUDIT-04). ``user_id``: whose KEK it is.
    """

    def __init__(self, provider: KeyProvider, user_id: str, randomness: Randomness) -> None:
        self.provider = provider
        self.user_id = user_id
        self._randomness = randomness
        self._kek: KekHandle | None = None
        self._deks: OrderedDict[tuple[str, int], tuple[Item, DekHandle]] = OrderedDict()
        self._lock = threading.Lock()
        forks.register(self, after_in_child=Keyring.renew)

    def kek(self, uses: KeyUses) -> KekHandle:
        """The KEK; asks the provider on first use. Its errors: ``umk_missing``, ``key_denied``, …"""
        known = self.known_kek(uses)
        if known is not None:
            return known
        try:
            uses.kek = self.provider.derive_kek(self.provider.get_umk(), self.user_id)
        except DialogueStoreError as refused:
            uses.derived(None, "denied" if refused.code == "key_denied" else "failure")
            raise
        uses.derived(uses.kek.key_id)
        return uses.kek

    def known_kek(self, uses: KeyUses) -> KekHandle | None:
        """The KEK if it was derived; does not try to."""
        return self._kek or uses.kek

    def make(self, version: int, uses: KeyUses) -> tuple[DekHandle, Item]:
        """A new data key of the call's dialogue, and the wrapped attributes of its item."""
        kek = self.kek(uses)
        dek, wrapped = self.provider.generate_dek(
            kek, uses.dialogue_id, version, randomness=self._randomness
        )
        uses.wrapped(kek.key_id, version)
        return dek, wrapped

    def open(self, version: int, item: Item, uses: KeyUses) -> DekHandle:
        """The data key of a dek item, unwrapped unless this very item was opened before."""
        place = (uses.dialogue_id, version)
        with self._lock:
            kept = self._deks.get(place)
            if kept is not None and kept[0] == item:
                self._deks.move_to_end(place)
                return kept[1]
        own = uses.deks.get(version)
        if own is not None and own[0] == item:
            return own[1]
        kek = self.kek(uses)
        try:
            dek = self.provider.decrypt_dek(kek, uses.dialogue_id, version, item)
        except DialogueStoreError as refused:
            outcome = "denied" if refused.code == "key_denied" else "failure"
            uses.unwrapped(kek.key_id, version, outcome)
            raise
        uses.unwrapped(kek.key_id, version)
        uses.deks[version] = (dict(item), dek)
        return dek

    def renew(self) -> None:
        """In the child of a fork: none of the parent's keys (AUDIT-08)."""
        self._kek, self._deks, self._lock = None, OrderedDict(), threading.Lock()

    def share(self, uses: KeyUses) -> None:
        """The events of a call are stored: what it derived and opened is every call's from now on."""
        with self._lock:
            self._kek = self._kek or uses.kek
            for version, opened in uses.deks.items():
                self._deks[uses.dialogue_id, version] = opened
                self._deks.move_to_end((uses.dialogue_id, version))
            while len(self._deks) > _KEPT_DEKS:
                self._deks.popitem(last=False)
