"""What the packages do not offer is an error where it is imported: else mypy tells the ignored line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance import Bakend  # type: ignore[attr-defined]
    from reference_impl import DialogStore  # type: ignore[attr-defined]

    given = (Bakend, DialogStore)
