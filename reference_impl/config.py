"""Configuration (CONF-01): one TOML file, or the same as keyword arguments.

    [storage]
    backend = "sqlite"              # or "dynamodb"
    name = "laptop"                 # optional: an identifier

    [storage.sqlite]
    path = "dialogues.db"

    [storage.dynamodb]
    table_name = "blue_dialogues"
    region = "eu-central-1"
    endpoint = "http://127.0.0.1:8000"   # unset means AWS; DYNAMODB_ENDPOINT overrides it

    [keys]
    provider = "local-file"         # "aws-kms" with cmk_arn instead of path: refused until it is built
    path = "~/.blue/keys/umk.key"
    user_id = "local"
    signing_key = "~/.blue/keys/signing.key"   # optional, both or none: who signs checkpoints
    signing_name = "laptop.example"

    [audit]
    principal = "ada"               # who the audit names; default: the user_id
    sink = "reads.jsonl"            # where a read-only store writes its events

Top-level settings: ``deadline_s`` (seconds, default 10) and ``read_only`` (default false).
"""

from __future__ import annotations

import os
import threading
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .contract.addresses import is_identifier
from .contract.errors import DialogueStoreError, error
from .contract.limits import DEADLINE_S
from .contract.tables import TABLE_NAME
from .partitions.port import PartitionStore
from .sealing.keys import DEFAULT_USER, check_user_id
from .sealing.providers import PROVIDERS

__all__ = ["BACKENDS", "ENDPOINT_VARIABLE", "StoreConfig", "read_config"]

#: The one difference between a local and a production configuration.
ENDPOINT_VARIABLE = "DYNAMODB_ENDPOINT"
#: Every setting there is, by its path, with the type of its value.
_SETTINGS: Mapping[str, type | tuple[type, ...]] = {
    "storage.backend": str,
    "storage.name": str,
    "storage.sqlite.path": str,
    "storage.dynamodb.table_name": str,
    "storage.dynamodb.region": str,
    "storage.dynamodb.endpoint": str,
    "keys.provider": str,
    "keys.path": str,
    "keys.cmk_arn": str,
    "keys.user_id": str,
    "keys.signing_key": str,
    "keys.signing_name": str,
    "audit.principal": str,
    "audit.sink": str,
    "deadline_s": (int, float),
    "read_only": bool,
}


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """A checked configuration: exactly one backend, one key provider."""

    backend: str
    name: str | None
    path: Path | None
    table_name: str
    region: str | None
    endpoint: str | None
    provider: str
    key_path: Path | None
    user_id: str
    deadline_s: float
    read_only: bool
    principal: str | None
    audit_sink: Path | None
    signing_key: Path | None
    signing_name: str | None


def _sqlite(chosen: StoreConfig, *, read_only: bool) -> PartitionStore:
    from .partitions.sqlite.store import SqlitePartitionStore

    return SqlitePartitionStore(chosen.path or "", read_only=read_only)


def _dynamodb(chosen: StoreConfig, *, read_only: bool) -> PartitionStore:
    from .partitions.dynamodb.store import DynamoPartitionStore

    return DynamoPartitionStore(
        chosen.table_name, region=chosen.region, endpoint=chosen.endpoint, read_only=read_only
    )


class OpenPartitions(Protocol):
    """Opens the partition store that a configuration names."""

    def __call__(self, chosen: StoreConfig, *, read_only: bool) -> PartitionStore:
        """The store, not yet asked anything."""


#: Every backend by its name in ``[storage] backend``.
BACKENDS: Mapping[str, OpenPartitions] = {"sqlite": _sqlite, "dynamodb": _dynamodb}


def read_config(
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    /,
    *,
    environ: Mapping[str, str] = os.environ,
    **settings: Any,
) -> StoreConfig:
    """A configuration from a TOML file's path, a mapping of the same shape, or keyword arguments.

    ``unknown_setting`` names a key that does not exist; ``missing_field`` and ``invalid_field`` name the
    setting that is missing or wrong. Nothing is read but the file and ``DYNAMODB_ENDPOINT``.
    """
    if config is not None and settings:
        raise error("invalid_field", "give a configuration or keyword arguments, not both")
    tree = (
        settings if config is None else config if isinstance(config, Mapping) else read_toml(config)
    )
    flat = flat_settings(tree)
    backend = one_of(flat, "storage.backend", tuple(BACKENDS))
    provider = _provider(flat)
    name = flat.get("storage.name")
    if name is not None and not is_identifier(name):
        raise error("invalid_identifier", "storage.name is not an identifier")
    if backend == "sqlite" and not flat.get("storage.sqlite.path"):
        raise error(
            "missing_field", "storage.sqlite.path: the backend sqlite needs the file's path"
        )
    deadline = flat.get("deadline_s", DEADLINE_S)
    if isinstance(deadline, bool) or not 0 < deadline <= threading.TIMEOUT_MAX:
        raise _wrong("deadline_s", "must be a positive number of seconds that a clock can count")
    for where in ("keys.user_id", "audit.principal"):
        if where in flat:
            check_user_id(flat[where], where)
    return StoreConfig(
        backend=backend,
        name=name,
        path=_path(flat, "storage.sqlite.path"),
        table_name=flat.get("storage.dynamodb.table_name", TABLE_NAME),
        region=flat.get("storage.dynamodb.region"),
        endpoint=endpoint_of(flat, environ),
        provider=provider,
        key_path=_path(flat, "keys.path"),
        user_id=flat.get("keys.user_id", DEFAULT_USER),
        deadline_s=float(deadline),
        read_only=flat.get("read_only", False),
        principal=flat.get("audit.principal"),
        audit_sink=_path(flat, "audit.sink"),
        signing_key=_path(flat, "keys.signing_key"),
        signing_name=_signing_name(flat),
    )


def _wrong(where: str, what: str, code: str = "invalid_field") -> DialogueStoreError:
    return error(code, f"the setting {where} {what}", setting=where)


def _provider(flat: Mapping[str, Any]) -> str:
    """CONF-02: a provider that cannot be had is refused; another one's key is never taken instead."""
    usable = tuple(name for name, known in PROVIDERS.items() if known.make is not None)
    provider = flat.get("keys.provider", usable[0])
    if provider not in PROVIDERS:
        one_of(flat, "keys.provider", usable)
    for other, known in PROVIDERS.items():
        if other != provider and known.setting in flat:
            what = f"belongs to the key provider {other}, and this one is {provider}"
            raise _wrong(known.setting, what)
    if provider not in usable:
        raise error(
            "invalid_field",
            f"the setting keys.provider names {provider}, which this release cannot use yet",
            advice=f"Use {' or '.join(usable)}.",
            setting="keys.provider",
        )
    return str(provider)


def _path(flat: Mapping[str, Any], where: str) -> Path | None:
    """The path that a setting names, ``~`` expanded; None where it is unset."""
    given = flat.get(where)
    if given is None:
        return None
    try:
        if given and b"\0" not in os.fsencode(given):
            return Path(given).expanduser()
    except (UnicodeEncodeError, RuntimeError):  # a lone surrogate; a ~user who is not there
        pass
    raise _wrong(where, "is not a valid file path")


def _signing_name(flat: Mapping[str, Any]) -> str | None:
    """AUDIT-07: UTF-8 that is not empty, without Unicode spaces, ``+`` and control characters."""
    for where, other in (("signing_key", "signing_name"), ("signing_name", "signing_key")):
        if f"keys.{where}" in flat and f"keys.{other}" not in flat:
            raise _wrong(f"keys.{other}", f"is needed beside keys.{where}", "missing_field")
    name: str | None = flat.get("keys.signing_name")
    if name is None:
        return None
    bad = any(c.isspace() or c == "+" or unicodedata.category(c) in ("Cc", "Cs") for c in name)
    if bad or not name:
        raise _wrong("keys.signing_name", "must be text without spaces, + and control characters")
    return name


def endpoint_of(flat: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """Where DynamoDB is: the variable's word comes before the setting's; None means AWS."""
    return environ.get(ENDPOINT_VARIABLE) or flat.get("storage.dynamodb.endpoint")


def read_toml(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """A configuration file, which must be there and hold TOML. ``missing_field``, ``invalid_field``."""
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as wrong:
        raise error("invalid_field", f"{os.fspath(path)} is not TOML: {wrong}") from None
    except UnicodeDecodeError:
        raise error("invalid_field", f"{os.fspath(path)} is not UTF-8") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a NUL in the path
        raise error("invalid_field", f"{os.fspath(path)!r} cannot be read as TOML") from None
    except OSError as failure:
        raise _unreadable(path, failure) from None


def _unreadable(path: str | os.PathLike[str], failure: OSError) -> DialogueStoreError:
    return error(
        "missing_field",
        f"the configuration file {os.fspath(path)} cannot be read ({failure.strerror})",
        advice="Check its path, or make it readable.",
    )


def flat_settings(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every setting by its path (``storage.sqlite.path``), each of its type. ``unknown_setting``,
    ``invalid_field``."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        where = f"{prefix}{key}"
        if where in _SETTINGS:
            if not isinstance(value, _SETTINGS[where]):
                raise error("invalid_field", f"the setting {where} has a value of the wrong type")
            flat[where] = value
        elif any(name.startswith(f"{where}.") for name in _SETTINGS):
            if not isinstance(value, Mapping):
                raise error("invalid_field", f"the setting {where} must be a table of settings")
            flat.update(flat_settings(value, f"{where}."))
        else:
            raise error(
                "unknown_setting",
                f"there is no setting {where}; there are {', '.join(_SETTINGS)}",
                setting=where,
            )
    return flat


def one_of(flat: Mapping[str, Any], where: str, allowed: tuple[str, ...]) -> str:
    """A setting that has to name one of ``allowed``. ``missing_field``, ``invalid_field``."""
    value = flat.get(where)
    choices = " or ".join(allowed)
    if value is None:
        raise error("missing_field", f"the setting {where} is missing; it must be {choices}")
    if value not in allowed:
        raise error("invalid_field", f"the setting {where} must be {choices}", setting=where)
    return str(value)
