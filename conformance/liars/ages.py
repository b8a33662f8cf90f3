"""Liars to whom what is old, or what comes after the first thousand, is not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from conformance.model.values import Entity
from reference_impl.contract.timestamps import format_time

from .kit.lie import lie
from .kit.meddling import Hand
from .kit.touched import touched

__all__: list[str] = []


class _Aged(Hand):
    """What is older than a day by the store's clock."""

    def is_old(self, created_at: str) -> bool:
        return created_at < format_time(self.store.state.clock() - timedelta(days=1))

    def forget(self, entities: list[Entity], given: Mapping[str, Any], *identity: str) -> None:
        """Take the old one of the identity that is given away."""
        entities[:] = [
            one
            for one in entities
            if not self.is_old(one["created_at"])
            or any(one[name] != given.get(name) for name in identity)
        ]


@lie("core", "STORE-07")
class RefsOfADay(_Aged):
    """Takes a ref that is given again after a day for a new one."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "register_ref" and (home := self.partition(given)):
            self.forget(home.refs, given, "source_id", "ref_type", "target_id")
        return given


@lie("core", "STORE-07")
class SignalsOfADay(_Aged):
    """Takes a signal that is given again after a day for a new one."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "record_convergence_signal" and (home := self.partition(given)):
            self.forget(home.signals, given, "round", "expert_slug")
        return given


@lie("core", "STORE-23", also=touched("STORE-07"))
class EvidenceOfADay(_Aged):
    """Shows no evidence that is older than a day."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "evidence":
            return found
        return [one for one in found if not self.is_old(one.created_at)]


@lie("core", "STORE-24")
class AThousandReferences(Hand):
    """Keeps the first thousand references of an entity."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given.get("references"), list):
            given["references"] = given["references"][:1000]
        return given


@lie("batch", "STORE-23")
class AThousandRefs(Hand):
    """Gives the first thousand refs of a dialogue."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return found[:1000] if name == "refs" else found


@lie("batch", "STORE-23")
class AThousandEvents(Hand):
    """Gives the first thousand events of a dialogue."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return found[:1000] if name == "events" else found
