"""What one call did with keys and has not logged yet (AUDIT-01, AUDIT-04)."""

from __future__ import annotations

from ..contract.addresses import address, partition_key
from ..contract.items import Item
from ..sealing.audit_chain import Use
from ..sealing.keys import DekHandle, KekHandle

__all__ = ["KeyUses"]


class KeyUses:
    """The uses of keys that one call made and whose events are not stored, and the keys that it derived or
    opened meanwhile: no other call may use these before the events are there (AUDIT-04).

    Kinds come in the order of AUDIT-04, within one kind by ascending DEK version; one batch under one key
    is one event.
    """

    def __init__(self, dialogue_id: str) -> None:
        self.dialogue_id = dialogue_id
        self._derive: Use | None = None
        self._wraps: dict[tuple[str, int], Use] = {}
        self._opened: dict[int, tuple[int, str]] = {}
        self._failed: dict[int, dict[str, None]] = {}
        #: The sealing of a write that did not get through, if there was one.
        self.failed_sealing: Use | None = None
        #: The KEK that this call derived; the data keys that it opened, by version, with their items.
        self.kek: KekHandle | None = None
        self.deks: dict[int, tuple[Item, DekHandle]] = {}

    def derived(self, key_id: str | None, outcome: str = "success") -> None:
        """The KEK was derived, or could not be."""
        self._derive = Use("derive", outcome, key_id, partition_key(self.dialogue_id))

    def wrapped(self, key_id: str, version: int) -> None:
        """A new data key was wrapped."""
        self._add("wrap", key_id, version, "success")

    def unwrapped(self, key_id: str, version: int, outcome: str = "success") -> None:
        """A wrapped data key was opened, or not."""
        self._add("unwrap", key_id, version, outcome)

    def opened(self, version: int, where: str) -> None:
        """An item was opened under a data key."""
        count, _ = self._opened.get(version, (0, ""))
        self._opened[version] = (count + 1, where)

    def not_opened(self, version: int, where: str) -> None:
        """An item did not open under a data key; it counts once, however often it was tried."""
        self._failed.setdefault(version, {})[where] = None

    def _add(self, operation: str, key_id: str, version: int, outcome: str) -> None:
        where = address(self.dialogue_id, "dek", {"version": version})
        self._wraps[operation, version] = Use(operation, outcome, key_id, where)

    def events(self) -> list[Use]:
        """What is to be logged, in the order of AUDIT-04; a failed sealing comes last."""
        found = [self._derive] if self._derive is not None else []
        for operation in ("wrap", "unwrap"):
            found += [self._wraps[key] for key in sorted(self._wraps) if key[0] == operation]
        pk = partition_key(self.dialogue_id)
        for version in sorted(self._opened.keys() | self._failed.keys()):
            key_id = f"dek#{self.dialogue_id}#{version}"
            count, where = self._opened.get(version, (0, ""))
            failed = list(self._failed.get(version, ()))
            if count:
                found.append(Use("decrypt", "success", key_id, where if count == 1 else pk, count))
            if failed:
                subject = failed[0] if len(failed) == 1 else pk
                found.append(Use("decrypt", "failure", key_id, subject, len(failed)))
        return found if self.failed_sealing is None else [*found, self.failed_sealing]

    def clear(self) -> None:
        """The events are stored."""
        self._derive = self.failed_sealing = self.kek = None
        self._wraps.clear()
        self._opened.clear()
        self._failed.clear()
        self.deks.clear()
