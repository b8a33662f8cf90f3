"""Queries of one partition, and what counts as a page of their answer (ERR-04)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...contract.items import Item
from .items import from_engine

__all__ = ["Range"]


@dataclass(frozen=True, slots=True)
class Range:
    """Sort keys of the partition ``pk``: those that begin with ``prefix``, or from ``low`` to ``high``; the
    highest first where it goes ``backwards``."""

    pk: str
    prefix: str = ""
    low: str = ""
    high: str | None = None
    backwards: bool = False

    def request(self) -> dict[str, Any]:
        """The parameters of a Query that tell it. With both ends BETWEEN, which has ``high`` in it."""
        values = {":pk": self.pk, ":prefix": self.prefix, ":low": self.low, ":high": self.high}
        if self.prefix:
            condition = "pk = :pk AND begins_with(sk, :prefix)"
        elif self.low and self.high:
            condition = "pk = :pk AND sk BETWEEN :low AND :high"
        elif self.low:
            condition = "pk = :pk AND sk >= :low"
        elif self.high:
            condition = "pk = :pk AND sk < :high"
        else:
            condition = "pk = :pk"
        return {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": {
                name: {"S": value} for name, value in values.items() if value and name in condition
            },
            **({"ScanIndexForward": False} if self.backwards else {}),
        }

    def page(
        self, answer: Mapping[str, Any], start: Mapping[str, Any] | None
    ) -> tuple[list[Item], Any]:
        """The items of an answer to the request from ``start`` on, and where the next page begins, None:
        nowhere.

        ``ValueError`` where it answers something else: an item without its key, of another partition or range
        or out of order, or a next page that does not lie further on, so that reading would never end.
        """
        items = list(map(from_engine, answer["Items"]))
        begins = at = None if start is None else str(from_engine(start)["sk"])
        for item in items:
            at = self._after(at, item)
        last = answer.get("LastEvaluatedKey")
        if last is not None:
            key = from_engine(last)
            if not items or key["sk"] != at:
                at = self._after(at, key)
            if at == begins:
                raise ValueError("the next page is this one")
        return items, last

    def _after(self, before: str | None, key: Item) -> str:
        sk = key["sk"]
        if key["pk"] != self.pk or not isinstance(sk, str) or not self._holds(sk):
            raise ValueError("a key that was not asked for")
        if before is not None and not (sk < before if self.backwards else sk > before):
            raise ValueError("a key out of order")
        return sk

    def _holds(self, sk: str) -> bool:
        if self.prefix:
            return sk.startswith(self.prefix)
        if self.high and (sk > self.high or (sk == self.high and not self.low)):
            return False
        return sk >= self.low
