"""What a target is: a callable that opens a store in a folder, and what else it can show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.items import Item

if TYPE_CHECKING:
    from reference_impl.sealing.providers import KeyProvider

__all__ = ["Backend", "Crypto", "Engine", "Factory", "RawAccess", "RawParts", "Target", "keep"]


class RawAccess(Protocol):
    """The stored items themselves, past the store: maps as ADDR-05 describes them."""

    def get(self, pk: str, sk: str) -> Item | None:
        """The item under the key, or None."""

    def put(self, item: Item) -> None:
        """Store the item under its own ``pk`` and ``sk``, whatever lay there."""

    def delete(self, pk: str, sk: str) -> None:
        """Remove the item under the key; nothing happens where there is none."""

    def scan(self, dialogue_id: str) -> list[Item]:
        """Every item of the dialogue, by ascending sort key (bytes); events and journals lie apart."""


class RawParts(RawAccess, Protocol):
    """Raw access that shows all of a dialogue's parts, for profiles ``batch``, ``audit`` and up."""

    def scan(self, dialogue_id: str, part: str = "dialogue") -> list[Item]:
        """Every item of one part of the dialogue, by ascending sort key (bytes): ``dialogue`` (what
        count and sum cover), ``audit`` (the events of its chains) or ``journal``."""


class Crypto(Protocol):
    """The contract's arithmetic with every input given, keys and nonces too: profile ``crypto``.

    It needs no storage, and none of the values is a secret. What the contract refuses ends as a
    ``DialogueStoreError`` with the contract's code; an ``integrity_error`` carries ``layer`` (ENV-06).
    """

    def address(self, dialogue_id: str, entity: str, parts: Mapping[str, Any]) -> str:
        """ADDR-03: the canonical address of an entity, its identity as ``entities.json`` names it."""

    def parse_address(self, address: str) -> tuple[str, str, Mapping[str, Any]]:
        """ADDR-04: (dialogue_id, entity, parts); numbers in parts as numbers.
        ``invalid_identifier`` for any other text."""

    def canonical(self, text: bytes) -> bytes:
        """ADDR-10: the canonical form of JSON text in UTF-8; ``invalid_field`` for what is not JSON or
        cannot be carried."""

    def derive_kek(self, umk: bytes, user_id: str) -> tuple[bytes, str]:
        """KEY-03, KEY-05: the 32 bytes of the KEK and its key_id ``kek#{u}#{k}``; ``invalid_field``,
        ``key_malformed``."""

    def open_dek(self, kek: bytes, user_id: str, item: Item) -> bytes:
        """KEY-05, KEY-06: the 32 bytes of the data key in a dek item, which was asked for under its
        own ``pk`` and ``sk``; ``key_denied``, ``umk_changed``, ``integrity_error``."""

    def seal(
        self, address: str, fields: Mapping[str, Any], *, dek: bytes, key_id: str, nonce: bytes
    ) -> Item:
        """ENV-01 to ENV-03, ENV-09: the four envelope attributes over the sealed fields of what lies
        at a canonical address; fields that are unset may be left out."""

    def open(self, item: Item, deks: Mapping[int, bytes]) -> Mapping[str, Any]:
        """ENV-06 up to layer ``payload``: the sealed fields of an item, which was asked for under its
        own ``pk`` and ``sk``. ``deks``: the data keys of the dialogue that are there, by version."""


@dataclass
class Backend:
    """One opened backend. ``store`` alone is enough for profile ``core``.

    ``raw``: the stored items, for ``encrypted`` and up. ``set_clock`` takes a canonical time; from
    then on the store's clock stands still there until it is set again. ``keys``: the key provider
    in Python, for KEY-01, 03, 05 and 06. ``crypto``: for profile ``crypto``. ``profiles``: what the
    backend claims; None claims ``core``, with ``raw`` ``encrypted`` as well, and with ``raw`` and
    ``keys`` also ``keys``.

    ``places``: files and folders outside the run's folder in which this backend stores or logs (ENV-05);
    what the process itself writes is found without. ``elsewhere``: where items lie that no file here
    holds, as in ``on a server``; files are then searched, and need not show any item.

    ``stall``: gives a context in which the engine takes no write and says nothing, as behind another
    client's lock or a network that is silent; with it, what a call may take is measured (STORE-16).
    """

    store: DialogueStore
    raw: RawAccess | None = None
    set_clock: Callable[[str], None] | None = None
    keys: KeyProvider | None = None
    profiles: tuple[str, ...] | None = None
    crypto: Crypto | None = None
    places: tuple[Path, ...] = ()
    elsewhere: str = ""
    stall: Callable[[], AbstractContextManager[None]] | None = None

    def claims(self) -> tuple[str, ...]:
        """The profiles that this backend claims."""
        if self.profiles is not None:
            return tuple(self.profiles)
        if self.raw is None:
            return ("core",)
        return ("core", "encrypted") if self.keys is None else ("core", "encrypted", "keys")


class Factory(Protocol):
    """Opens a backend in ``folder``. Two calls with one folder open the same storage: a second
    client, or the same one opened again. A plug-in may take ``**options`` and look at none of them.

    ``key_file``: the 32-byte master key of this run, with mode 0600; a test may name one that is
    not there. ``deadline_s``: seconds that one call may take (STORE-16).
    """

    def __call__(
        self, folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        """The opened backend."""


@dataclass(frozen=True)
class Engine:
    """What stores the items: kind and version and, if it imitates another, which emulator."""

    kind: str
    version: str | None = None
    emulated_by: str | None = None


def _nothing() -> None:
    pass


def _fit() -> Sequence[str]:
    return ()


def keep(folder: Path) -> None:
    """Nothing of the folder's storage has to be forgotten."""
    del folder


@dataclass
class Target:
    """A backend ready to be tested, with what the report says about it.

    ``discard`` forgets the storage of one folder, ``close`` stops what the target started.
    ``case_deadline_s``: seconds after which one case counts as hung. ``preflight`` is asked before
    the first case: what the engine does not do although stores rely on it, one sentence each.
    """

    name: str
    factory: Factory
    engine: Engine
    implementation: str
    version: str | None = None
    language: str = "python"
    announcement: str = ""
    case_deadline_s: float = 60.0
    options: Mapping[str, str] = field(default_factory=dict)
    discard: Callable[[Path], None] = keep
    close: Callable[[], None] = _nothing
    preflight: Callable[[], Sequence[str]] = _fit
