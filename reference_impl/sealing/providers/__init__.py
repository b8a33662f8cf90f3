"""Key providers (KEY-01). :data:`PROVIDERS` is the one list of those that a configuration can name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .base import KeyProvider
from .local_file import LocalFileKeyProvider

__all__ = ["PROVIDERS", "KeyProvider", "LocalFileKeyProvider", "Provider"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A key provider as a configuration knows it: the setting that it takes its key from, and what makes it
    (called with the key file's path, None for the default one); None: this release has it not yet."""

    setting: str
    make: Callable[[Path | None], KeyProvider] | None


#: Every provider of the contract by the name that ``keys.provider`` gives.
PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {
        "local-file": Provider("keys.path", LocalFileKeyProvider),
        "aws-kms": Provider("keys.cmk_arn", None),
    }
)
