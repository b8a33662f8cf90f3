"""The bytes behind a key's handle, for published test keys: nothing of a store asks for them."""

from __future__ import annotations

from ..sealing.keys import DekHandle, KekHandle, UmkHandle

__all__ = ["exposed"]


def exposed(key: DekHandle | KekHandle | UmkHandle) -> bytes:
    """The 32 bytes of a key. A handle hides them on purpose (KEY-01): expose published keys only."""
    hidden: bytes = key._Handle__key  # type: ignore[union-attr]
    return hidden
