"""One call of a store from its beginning to its end: what it works on, and the log of the keys it used."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from ..contract.errors import DialogueStoreError
from ..contract.items import Item
from ..contract.limits import MAX_INTEGER
from ..partitions.port import bounded_by
from ..sealing.keys import KekHandle
from .audit_log import AuditLog
from .cache import Cache, CachedDialogue
from .commit import Commit
from .key_uses import KeyUses
from .keyring import Keyring
from .runtime import Runtime
from .snapshot import Snapshot
from .turns import Turn

__all__ = ["Operation", "Operations"]


class Operation:
    """What one call carries through the parts of a store; a context manager that logs at the end.

    ``dialogue_id``; ``cached``, what the store knows of the dialogue; ``uses``, the keys that the call used;
    ``until``, its deadline in seconds of ``monotonic``, which bounds its engine calls; ``known``, the state
    that it opened itself. Only this class logs, shares and forgets: what the call derived or opened becomes
    every call's once its events are stored, and is dropped when the call ends without them, whatever ended
    it (AUDIT-04).
    """

    def __init__(
        self,
        dialogue_id: str,
        cached: CachedDialogue,
        log: AuditLog,
        keyring: Keyring,
        until: float,
        monotonic: Callable[[], float],
    ) -> None:
        self.dialogue_id = dialogue_id
        self.cached = cached
        self.until = until
        self._bound = bounded_by(lambda: until - monotonic())
        self.uses = KeyUses(dialogue_id)
        #: What was opened so far: a call that has to read again does not open it again.
        self.known: Snapshot | None = None
        #: The turn that the call holds, if any.
        self.turn: Turn | None = None
        #: The revision that the head carries that was read, 0 where there is none (AUDIT-09).
        self.revision = 0
        self._log = log
        self._keyring = keyring
        self._proven: Snapshot | None = None

    def __enter__(self) -> Operation:
        self._bound.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if failure is None:
                self.log()
            elif isinstance(failure, DialogueStoreError):
                # It fails in any case: where the log fails as well, the error stays the one that tells what
                # to do, and says so in ``data.audit``.
                try:
                    self.log()
                except DialogueStoreError:
                    failure.data["audit"] = "audit_unavailable"
        finally:
            self._bound.__exit__(None, None, None)

    @property
    def kek(self) -> KekHandle | None:
        """The KEK, if this call or another one derived it."""
        return self._keyring.known_kek(self.uses)

    def derived_kek(self) -> KekHandle:
        """The KEK, derived where nobody has yet: what is stored never decides whether it is used (ENV-08).
        The errors of :meth:`Keyring.kek`."""
        return self._keyring.kek(self.uses)

    def read(self, head: Item | None) -> None:
        """The head was read, opened or not."""
        revision = head.get("revision") if head is not None else None
        is_sound = type(revision) is int and 0 < revision <= MAX_INTEGER
        self.revision = revision if is_sound and isinstance(revision, int) else 0

    def prove(self, snapshot: Snapshot) -> None:
        """The state was read and nothing is wrong with it: others may go on with it once it is logged."""
        self._proven = snapshot

    def log(self) -> None:
        """Append the events of what was used to the instance's own chain, then share what was opened.
        Where that cannot be done it fails (:meth:`AuditLog.append`), and nothing is shared."""
        events = self.uses.events()
        if events:
            revision = self.revision or self._known_revision()
            self._log.append(self.dialogue_id, events, revision, self.kek, self.until)
            self._share()
        if self._proven is not None:
            self._proven.is_shared = True  # the caller goes through it while others write
            self.cached.learn(self._proven)
            self._proven = None

    def committed(self, commit: Commit) -> None:
        """The events are stored with the write that they belong to, and its state is known."""
        for made in commit.new_deks:
            self.uses.deks[made.dek.version] = (dict(made.item), made.dek)
        self._share()
        self.known = self._proven = None
        self.cached.advance(commit)

    def _share(self) -> None:
        self._keyring.share(self.uses)
        self.uses.clear()

    def _known_revision(self) -> int:
        known = self.cached.shown()
        return known.revision if known is not None else 0


class Operations:
    """Begins the operations of one store. ``deadline_s``: seconds that each may go on trying (STORE-16)."""

    def __init__(
        self, cache: Cache, log: AuditLog, keyring: Keyring, runtime: Runtime, deadline_s: float
    ) -> None:
        self._cache = cache
        self._log = log
        self._keyring = keyring
        self._runtime = runtime
        self._deadline_s = deadline_s

    def end(self) -> None:
        """No operation begins any more: give back what others wait for, a quarter of a second at most."""
        with bounded_by(lambda: 0.0):
            self._cache.release()

    def begin(self, dialogue_id: str) -> Operation:
        """An operation on one dialogue."""
        monotonic = self._runtime.monotonic
        until = monotonic() + self._deadline_s
        cached = self._cache.of(dialogue_id)
        return Operation(dialogue_id, cached, self._log, self._keyring, until, monotonic)
