"""The reference store in memory with something wrong, as a backend: a part of it, a function that its parts
use, or what stands before it."""

from __future__ import annotations

import abc
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from conformance.targets.base import Backend, Factory
from conformance.targets.builtin import IN_MEMORY, PartitionRaw
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import METHODS
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.partitions.port import PartitionStore
from reference_impl.sealing.providers import KeyProvider, LocalFileKeyProvider
from reference_impl.store.assembling import Assembler
from reference_impl.store.audit_log import AuditLog
from reference_impl.store.creating import Creator
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.store.keyring import Keyring
from reference_impl.store.loading import Loader
from reference_impl.store.opening import Opener
from reference_impl.store.verifying import Verifier
from reference_impl.store.writing import Writer
from reference_impl.testing import ManualClock, exchanged, open_store

from .made import Made

__all__ = ["Front", "forget_reference", "in_place_of", "is_of_reference", "open_reference"]

#: What each folder of a run holds.
_STORAGE: Final[dict[Path, PartitionStore]] = {}


def forget_reference(folder: Path) -> None:
    """Forget what is stored for a folder."""
    _STORAGE.pop(folder.resolve(), None)


class Front:
    """What stands before the reference store and sees every call; here it leaves all as it is.

    ``store``: the honest store behind it.
    """

    def __init__(self, store: EncryptedStore) -> None:
        self.store = store

    def asked(self, method: str, given: Mapping[str, Any]) -> None:
        """A call is about to be made, with these arguments by name."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        """What a call returns that made this."""
        del method, given
        return made

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        """What is done instead of raising a refusal."""
        del method, given
        raise refusal


class _Fronted(DialogueStore):
    """A store whose every method goes through a :class:`Front`."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def close(self) -> None:
        self._front.store.close()


def _through_the_front(name: str) -> Any:
    honest = getattr(EncryptedStore, name)
    signature = inspect.signature(honest)

    @functools.wraps(honest)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        front: Front = self._front
        given = dict(signature.bind(front.store, *args, **kwargs).arguments)
        del given["self"]
        front.asked(name, given)
        try:
            made = getattr(front.store, name)(**given)
        except DialogueStoreError as refusal:
            return front.refused(name, given, refusal)
        return front.answered(name, given, made)

    return method


for _name in METHODS:
    if hasattr(EncryptedStore, _name):
        setattr(_Fronted, _name, _through_the_front(_name))
abc.update_abstractmethods(cast(Any, _Fronted))

#: What can be wrong of a store, with the name under which it is handed in.
_PARTS: Final[Mapping[type, str]] = {
    KeyProvider: "keys",
    PartitionStore: "partitions",
    Front: "front",
    Keyring: "keyring",
    AuditLog: "log",
    Opener: "opener",
    Loader: "loader",
    Assembler: "assembler",
    Writer: "writer",
    Creator: "creator",
    Verifier: "verifier",
}


def _named(wrong: Any) -> dict[str, Any]:
    """A class that is a part of the reference, by the name under which it is handed in; else nothing."""
    if not isinstance(wrong, type):
        return {}
    return {name: wrong for part, name in _PARTS.items() if issubclass(wrong, part)}


def is_of_reference(wrong: type) -> bool:
    """Whether a class is a part of the reference store, what it stands on, or what stands before it."""
    return bool(_named(wrong))


def open_reference(
    folder: Path,
    *,
    key_file: Path,
    user_id: str = "local",
    deadline_s: float = 10.0,
    profile: str = "encrypted",
    keys: Callable[[Path], KeyProvider] = LocalFileKeyProvider,
    partitions: Callable[[], PartitionStore] = MemoryPartitionStore,
    front: Callable[[EncryptedStore], Front] | None = None,
    **makers: Any,
) -> Backend:
    """The reference store over the memory of a folder, with wrong parts: see ``testing.open_store``.

    ``keys`` makes the key provider, ``partitions`` the memory, ``front`` what stands before the store.
    """
    clock, provider = ManualClock(), keys(key_file)
    items = _STORAGE.setdefault(folder.resolve(), partitions())
    store = open_store(
        items, provider, user_id=user_id, clock=clock, deadline_s=deadline_s, **makers
    )
    shown = store if front is None else cast(Any, _Fronted)(front(store))
    claims = ("core", "encrypted", "keys", *(("audit",) if profile == "audit" else ()))
    return Backend(
        *(shown, PartitionRaw(items), clock.set, provider), profiles=claims, elsewhere=IN_MEMORY
    )


def in_place_of(*honest: Callable[..., Any], **parts: Any) -> Callable[[Any, str], Made]:
    """How a lie over the reference is tried, with functions of the reference exchanged meanwhile.

    A wrong function stands for the one in ``honest``, which it is given first. A wrong class has a static
    method for each of ``honest``, of its name; a class that is a part of the store is handed in besides, as
    ``parts`` are, which are named as in :func:`open_reference`.
    """

    def tried(wrong: Any, profile: str) -> Made:
        pairs = [
            (function, getattr(wrong, function.__name__) if isinstance(wrong, type) else wrong)
            for function in honest
        ]
        factory: Factory = partial(open_reference, profile=profile, **parts, **_named(wrong))
        return Made(factory, forget_reference, lambda: _all_exchanged(pairs))

    return tried


@contextmanager
def _all_exchanged(
    pairs: list[tuple[Callable[..., Any], Callable[..., Any]]],
) -> Iterator[None]:
    with ExitStack() as stack:
        for honest, wrong in pairs:
            stack.enter_context(exchanged(honest, wrong))
        yield
