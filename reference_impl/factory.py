"""The reference stores by name, and the factory that makes exactly one from a configuration (CONF-02)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .config import BACKENDS, StoreConfig, read_config
from .contract.errors import error
from .contract.limits import DEADLINE_S
from .contract.tables import TABLE_NAME
from .sealing.keys import DEFAULT_USER
from .sealing.providers import PROVIDERS, KeyProvider, LocalFileKeyProvider
from .store.composing import compose
from .store.encrypted_store import EncryptedStore

__all__ = ["DynamoDialogueStore", "SqliteDialogueStore", "create_dialogue_store"]


class SqliteDialogueStore(EncryptedStore):
    """Dialogues in one SQLite file (WAL, ``synchronous=FULL``), encrypted on the client."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        keys: KeyProvider | None = None,
        *,
        user_id: str = DEFAULT_USER,
        deadline_s: float = DEADLINE_S,
        read_only: bool = False,
        principal: str | None = None,
        audit_sink: str | os.PathLike[str] | None = None,
    ) -> None:
        from .partitions.sqlite.store import SqlitePartitionStore

        parts = compose(
            SqlitePartitionStore(os.fspath(path), read_only=read_only),
            keys or LocalFileKeyProvider(),
            user_id=user_id,
            deadline_s=deadline_s,
            read_only=read_only,
            principal=principal,
            audit_sink=audit_sink,
        )
        super().__init__(parts)


class DynamoDialogueStore(EncryptedStore):
    """Dialogues in one DynamoDB table, encrypted on the client. Without ``endpoint``: AWS."""

    def __init__(
        self,
        table_name: str = TABLE_NAME,
        keys: KeyProvider | None = None,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        user_id: str = DEFAULT_USER,
        deadline_s: float = DEADLINE_S,
        read_only: bool = False,
        principal: str | None = None,
        audit_sink: str | os.PathLike[str] | None = None,
    ) -> None:
        from .partitions.dynamodb.store import DynamoPartitionStore

        parts = compose(
            DynamoPartitionStore(table_name, region=region, endpoint=endpoint, read_only=read_only),
            keys or LocalFileKeyProvider(),
            user_id=user_id,
            deadline_s=deadline_s,
            read_only=read_only,
            principal=principal,
            audit_sink=audit_sink,
        )
        super().__init__(parts)


def create_dialogue_store(
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None, /, **settings: Any
) -> EncryptedStore:
    """The one store that a configuration names (CONF-01, CONF-02); nothing falls back to another.

    ``config`` is the path of a TOML file or a mapping of the same shape; keyword arguments are the same
    again: ``create_dialogue_store(storage={"backend": "sqlite", "sqlite": {"path": "d.db"}})``. Nonces and
    keys come from the operating system: no setting can change that. Errors: ``unknown_setting``,
    ``missing_field``, ``invalid_field``, ``invalid_identifier``.
    """
    chosen = read_config(config, **settings)
    _refuse_unused(chosen)
    parts = compose(
        BACKENDS[chosen.backend](chosen, read_only=chosen.read_only),
        _provider(chosen),
        user_id=chosen.user_id,
        deadline_s=chosen.deadline_s,
        read_only=chosen.read_only,
        principal=chosen.principal,
        audit_sink=chosen.audit_sink,
    )
    return EncryptedStore(parts)


def _provider(chosen: StoreConfig) -> KeyProvider:
    make = PROVIDERS[chosen.provider].make
    if make is None:
        raise AssertionError("a configuration names no provider that cannot be made")
    return make(chosen.key_path)


def _refuse_unused(chosen: StoreConfig) -> None:
    """Settings of the contract that nothing here reads: who sets one would believe that it works."""
    later = {
        "storage.name": chosen.name,
        "keys.signing_key": chosen.signing_key,
        "keys.signing_name": chosen.signing_name,
    }
    for setting, value in later.items():
        if value is not None:
            raise error(
                "invalid_field",
                f"the setting {setting} is not used by this release, which neither moves dialogues nor signs",
                advice="Leave it out.",
                setting=setting,
            )
