"""An item as DynamoDB's attribute values and back. Knows no boto3."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ...contract.items import Item, Value

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

__all__ = ["from_engine", "to_engine", "value_to_engine"]

#: The settings of the caller's thread decide nothing here.
_ANY_CALLER = Context(traps=[InvalidOperation])
#: The exponent of the largest number that DynamoDB holds.
_LARGEST = 125

_AS_IT_IS = frozenset(("S", "B", "BOOL"))


def to_engine(item: Mapping[str, Value]) -> dict[str, AttributeValueTypeDef]:
    """``{"name": {"S": …}, …}`` as the client API takes it."""
    return {name: value_to_engine(value) for name, value in item.items()}


def value_to_engine(value: Value) -> AttributeValueTypeDef:
    """Text as S, bytes as B, a boolean as BOOL, a number as N."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, bytes):
        return {"B": value}
    # The shortest text that gives the same double again: at most 17 digits, DynamoDB keeps 38.
    return {"N": repr(value)}


def from_engine(raw: Mapping[str, Mapping[str, Any]]) -> Item:
    """The item. A number is an int where it is integral, else a float.

    What no store of the contract writes (sets, lists, maps, null) comes back as the engine's own
    ``{"SS": […]}``: of another type than any value, so that the reader above finds it (ENV-06).
    """
    item: Item = {}
    for name, typed in raw.items():
        ((kind, value),) = typed.items()
        if kind in _AS_IT_IS:
            item[name] = value
        elif kind == "N":
            item[name] = _number(value)
        else:
            item[name] = typed  # type: ignore[assignment]  # on purpose: no Value
    return item


def _number(text: str) -> int | float:
    """``ValueError`` for what is no number, or none that DynamoDB can hold."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = Decimal(text, _ANY_CALLER)
    except InvalidOperation:
        raise ValueError("no number") from None
    if not number.is_finite() or number.adjusted() > _LARGEST:
        raise ValueError("no number that DynamoDB can hold")
    integer = int(number)
    return integer if integer == number else float(number)
