"""Key providers (KEY-01). :data:`PROVIDERS` is the one list of those that a configuration can name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .base import KeyProvider
from .local_file import LocalFileKeyProvider

__all__ = ["PROVIDERS", "KeyProvider", "LocalFileKeyProvider"]

#: What makes each provider, by the name that ``keys.provider`` gives; called with the key file's path, None
#: for the default one.
PROVIDERS: Final[Mapping[str, Callable[[Path | None], KeyProvider]]] = MappingProxyType(
    {"local-file": LocalFileKeyProvider}
)
