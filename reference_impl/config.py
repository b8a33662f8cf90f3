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
    provider = "local-file"
    path = "~/.blue/keys/umk.key"
    user_id = "local"

    [audit]
    principal = "ada"               # who the audit names; default: the user_id
    sink = "reads.jsonl"            # where a read-only store writes its events

Top-level settings: ``deadline_s`` (seconds, default 10) and ``read_only`` (default false).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contract.addresses import is_identifier
from .contract.errors import DialogueStoreError, error
from .contract.tables import TABLE_NAME

__all__ = ["ENDPOINT_VARIABLE", "StoreConfig", "read_config"]

#: The one difference between a local and a production configuration.
ENDPOINT_VARIABLE = "DYNAMODB_ENDPOINT"
_BACKENDS = ("sqlite", "dynamodb")
_PROVIDERS = ("local-file",)
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
    "keys.user_id": str,
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
    key_path: Path | None
    user_id: str
    deadline_s: float
    read_only: bool
    principal: str | None
    audit_sink: Path | None


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
    tree = settings if config is None else config if isinstance(config, Mapping) else _file(config)
    flat = _flatten(tree)
    backend = _choice(flat, "storage.backend", _BACKENDS)
    if flat.get("keys.provider") is not None:
        _choice(flat, "keys.provider", _PROVIDERS)
    name = flat.get("storage.name")
    if name is not None and not is_identifier(name):
        raise error("invalid_identifier", "storage.name is not an identifier")
    path = flat.get("storage.sqlite.path")
    if backend == "sqlite" and not path:
        raise error(
            "missing_field", "storage.sqlite.path: the backend sqlite needs the file's path"
        )
    deadline = flat.get("deadline_s", 10.0)
    if isinstance(deadline, bool) or not 0 < deadline < float("inf"):
        raise error("invalid_field", "deadline_s must be a positive number of seconds")
    key_path = flat.get("keys.path")
    sink = flat.get("audit.sink")
    return StoreConfig(
        backend=backend,
        name=name,
        path=Path(path).expanduser() if path else None,
        table_name=flat.get("storage.dynamodb.table_name", TABLE_NAME),
        region=flat.get("storage.dynamodb.region"),
        endpoint=environ.get(ENDPOINT_VARIABLE) or flat.get("storage.dynamodb.endpoint"),
        key_path=Path(key_path).expanduser() if key_path else None,
        user_id=flat.get("keys.user_id", "local"),
        deadline_s=float(deadline),
        read_only=flat.get("read_only", False),
        principal=flat.get("audit.principal"),
        audit_sink=Path(sink).expanduser() if sink else None,
    )


def _file(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as wrong:
        raise error("invalid_field", f"{os.fspath(path)} is not TOML: {wrong}") from None
    except UnicodeDecodeError:
        raise error("invalid_field", f"{os.fspath(path)} is not UTF-8") from None
    except OSError as failure:
        raise _unreadable(path, failure) from None


def _unreadable(path: str | os.PathLike[str], failure: OSError) -> DialogueStoreError:
    return error(
        "missing_field",
        f"the configuration file {os.fspath(path)} cannot be read ({failure.strerror})",
    )


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        where = f"{prefix}{key}"
        if where in _SETTINGS:
            if not isinstance(value, _SETTINGS[where]):
                raise error("invalid_field", f"the setting {where} has a value of the wrong type")
            flat[where] = value
        elif any(name.startswith(f"{where}.") for name in _SETTINGS):
            if not isinstance(value, Mapping):
                raise error("invalid_field", f"the setting {where} is a table of settings")
            flat.update(_flatten(value, f"{where}."))
        else:
            raise error(
                "unknown_setting",
                f"there is no setting {where}; there are {', '.join(_SETTINGS)}",
                setting=where,
            )
    return flat


def _choice(flat: Mapping[str, Any], where: str, allowed: tuple[str, ...]) -> str:
    value = flat.get(where)
    if value is None:
        raise error("missing_field", f"the setting {where} is one of {', '.join(allowed)}")
    if value not in allowed:
        raise error(
            "invalid_field", f"the setting {where} is one of {', '.join(allowed)}", setting=where
        )
    return str(value)
