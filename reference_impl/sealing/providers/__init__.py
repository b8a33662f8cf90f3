"""Key providers (KEY-01). :data:`PROVIDERS` is the one list of those that a configuration can name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .base import KeyProvider
from .local_file import LocalFileKeyProvider

__all__ = ["PROVIDERS", "KeyProvider", "LocalFileKeyProvider"]

#: By the name that ``keys.provider`` gives.
PROVIDERS: Final[Mapping[str, type[KeyProvider]]] = MappingProxyType(
    {"local-file": LocalFileKeyProvider}
)
