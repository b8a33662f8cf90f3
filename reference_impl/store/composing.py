"""The parts of a store, built once and joined: each gets what it needs and knows nobody above it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..contract.errors import error
from ..contract.limits import DEADLINE_S
from ..partitions.port import PartitionStore
from ..sealing.keys import DEFAULT_USER, check_user_id
from ..sealing.providers import KeyProvider
from .assembling import Assembler
from .audit_log import AuditLog
from .cache import Cache
from .creating import Creator
from .keyring import Keyring
from .loading import Loader
from .opening import Opener
from .operation import Operations
from .runtime import SYSTEM, Runtime
from .verifying import Verifier
from .writing import Writer

__all__ = ["Makers", "Parts", "compose"]


@dataclass(frozen=True, slots=True)
class Makers:
    """What makes each part, called as the class that stands here: where a wrong part is handed in."""

    keyring: Callable[..., Keyring] = Keyring
    log: Callable[..., AuditLog] = AuditLog
    opener: Callable[..., Opener] = Opener
    loader: Callable[..., Loader] = Loader
    assembler: Callable[..., Assembler] = Assembler
    writer: Callable[..., Writer] = Writer
    creator: Callable[..., Creator] = Creator
    verifier: Callable[..., Verifier] = Verifier


@dataclass(frozen=True, slots=True)
class Parts:
    """What a store hands its calls to. The store owns ``partitions`` and closes it."""

    partitions: PartitionStore
    keys: KeyProvider
    operations: Operations
    loader: Loader
    writer: Writer
    creator: Creator
    verifier: Verifier
    read_only: bool


def compose(
    partitions: PartitionStore,
    keys: KeyProvider,
    *,
    user_id: str = DEFAULT_USER,
    deadline_s: float = DEADLINE_S,
    read_only: bool = False,
    principal: str | None = None,
    audit_sink: str | os.PathLike[str] | None = None,
    runtime: Runtime = SYSTEM,
    makers: Makers | None = None,
) -> Parts:
    """The parts of a store over a partition store and a key provider.

    ``deadline_s`` bounds how long a call goes on trying, in seconds (STORE-16). ``principal`` is who the
    audit names, by default ``user_id``; a store that is ``read_only`` needs ``audit_sink``, a file for its
    events (AUDIT-04), and no other store takes one. Errors: ``audit_unavailable``, ``invalid_field``.
    """
    if read_only and audit_sink is None:
        raise error(
            "audit_unavailable",
            "a store that is opened for reading only cannot write its audit events beside the dialogues",
            advice="Name a file for them: [audit] sink in the configuration, audit_sink in code.",
        )
    if audit_sink is not None and not read_only:
        raise error(
            "invalid_field",
            "a file for audit events is for a store that is opened for reading only: this one writes them "
            "beside the dialogues",
            advice="Leave out [audit] sink (audit_sink in code), or open the store with read_only.",
            setting="audit.sink",
        )
    make = makers or Makers()
    keyring = make.keyring(keys, check_user_id(user_id), runtime.randomness)
    log = make.log(
        partitions,
        principal=user_id if principal is None else check_user_id(principal, "principal"),
        runtime=runtime,
        sink=None if audit_sink is None else Path(audit_sink),
    )
    loader = make.loader(partitions, make.opener(keyring), log, runtime)
    assembler = make.assembler(partitions, log, runtime)
    writer = make.writer(partitions, loader, assembler, runtime)
    deadline = min(deadline_s, threading.TIMEOUT_MAX)
    return Parts(
        partitions=partitions,
        keys=keys,
        operations=Operations(Cache(partitions, runtime), log, keyring, runtime, deadline),
        loader=loader,
        writer=writer,
        creator=make.creator(partitions, keyring, log, assembler, writer, runtime),
        verifier=make.verifier(partitions, keyring, loader, runtime),
        read_only=read_only,
    )
