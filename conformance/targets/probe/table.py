"""A small table of the probe's own, asked past every store: plain requests, nothing of a store's code."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import tenacity

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["Broken", "ProbeTable", "Refusal", "Silent", "check", "delete", "put"]

T = TypeVar("T")
Attributes = dict[str, Any]  # {"name": {"S": …}}, as the client takes it
Page = dict[str, Any]

#: What any engine may answer at any time to a request that is right: it is made again.
_BUSY: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
#: A table of seven items takes two pages; an engine that goes on for ever is stopped here.
_MOST_PAGES: Final = 20


class Broken(Exception):
    """The engine does not do what is relied on; the message says what it did."""


class Silent(Exception):
    """The engine does not answer any more: nothing else can be asked."""


@dataclass(frozen=True)
class Refusal:
    """An error that the engine answered with. ``reasons``: one code for each action, where it was a
    cancelled transaction that says so."""

    code: str
    message: str = ""
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f" {list(self.reasons)}" if self.reasons else f" ({self.message})"
        return self.code + (told if self.reasons or self.message else "")

    @property
    def busy(self) -> bool:
        """Whether the same request may be taken later."""
        others = set(self.reasons) - {"None"}
        return self.code in _BUSY or (bool(others) and others <= _BUSY)


def put(pk: str, sk: str, attributes: Attributes | None = None, **condition: Any) -> Any:
    """One member of TransactItems: the item, with a condition as :func:`check` takes it."""
    item = {"pk": {"S": pk}, "sk": {"S": sk}, **(attributes or {})}
    return {"Put": {"Item": item, **_expression(condition)}}


def delete(pk: str, sk: str, **condition: Any) -> Any:
    """One member of TransactItems: no item any more."""
    return {"Delete": {"Key": _key(pk, sk), **_expression(condition)}}


def check(pk: str, sk: str, **condition: Any) -> Any:
    """One member of TransactItems that only asks. Conditions: ``absent=True`` (no item is there), or
    ``equals={"name": {"N": "1"}}`` with, in ``without``, names of attributes that are not there."""
    return {"ConditionCheck": {"Key": _key(pk, sk), **_expression(condition)}}


def _expression(condition: Mapping[str, Any]) -> dict[str, Any]:
    """In the form that a store uses: placeholders for every name and value."""
    if condition.get("absent"):
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    equals: Mapping[str, Any] = condition.get("equals", {})
    without: Sequence[str] = condition.get("without", ())
    if not condition:
        return {}
    terms, names, values = ["attribute_exists(pk)"], {}, {}
    for number, name in enumerate((*equals, *without)):
        names[f"#{number}"] = name
        if name in equals:
            values[f":{number}"] = equals[name]
            terms.append(f"#{number} = :{number}")
        else:
            terms.append(f"attribute_not_exists(#{number})")
    return _some(
        ConditionExpression=" AND ".join(terms),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def _some(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}


def _key(pk: str, sk: str) -> Attributes:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@dataclass
class ProbeTable:
    """The table ``name``, written over one connection and read over another.

    ``patience_s``: seconds that all waiting for a busy engine may take together.
    """

    name: str
    writer: DynamoDBClient
    reader: DynamoDBClient
    patience_s: float = 60.0
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.patience_s

    # -- writes ----------------------------------------------------------------------------------

    def put(self, pk: str, sk: str, attributes: Attributes | None = None) -> None:
        """Store one item by itself, with no condition."""
        item = {**_key(pk, sk), **(attributes or {})}
        self._must(lambda: self.writer.put_item(TableName=self.name, Item=item), "a PutItem")

    def transact(self, *actions: Any, token: str | None = None, what: str = "") -> None:
        """One TransactWriteItems that must be accepted."""
        self._must(self._transaction(actions, token), what or _count(actions))

    def refused(self, *actions: Any, token: str | None = None, what: str = "") -> Refusal:
        """One TransactWriteItems that must not be accepted."""
        refusal = self._ask(self._transaction(actions, token))
        if isinstance(refusal, Refusal):
            return refusal
        raise Broken(f"{what or _count(actions)} was accepted")

    def _transaction(self, actions: Sequence[Any], token: str | None) -> Callable[[], Any]:
        items: Any = [
            {kind: {"TableName": self.name, **body}}
            for action in actions
            for kind, body in action.items()
        ]
        request = {"TransactItems": items, **_some(ClientRequestToken=token)}
        return lambda: self.writer.transact_write_items(**request)

    # -- reads -----------------------------------------------------------------------------------

    def get(self, pk: str, sk: str) -> Attributes | None:
        """The item without its key, by a consistent GetItem."""
        answer = self._must(
            lambda: self.reader.get_item(
                TableName=self.name, Key=_key(pk, sk), ConsistentRead=True
            ),
            "a GetItem",
        )
        return _bare(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, prefix: str = "") -> list[tuple[str, Attributes]]:
        """Sort keys and items of a partition in the engine's order, by consistent Queries."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition, values = (
                condition + " AND begins_with(sk, :sk)",
                {**values, ":sk": {"S": prefix}},
            )
        request: Page = {
            "TableName": self.name,
            "ConsistentRead": True,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        found: list[tuple[str, Attributes]] = []
        for _ in range(_MOST_PAGES):
            page = self._must(lambda: self.reader.query(**request), "a Query")
            found += [(item["sk"]["S"], _bare(item)) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        raise Broken(f"a Query has not ended after {_MOST_PAGES} pages")

    def transact_get(self, pk: str, sks: Sequence[str]) -> list[Attributes | None]:
        """The items without their keys, by one TransactGetItems; None where there is none."""
        request: Any = [{"Get": {"TableName": self.name, "Key": _key(pk, sk)}} for sk in sks]
        answer = self._must(
            lambda: self.reader.transact_get_items(TransactItems=request),
            f"a TransactGetItems of {len(sks)}",
        )
        found: list[Attributes | None] = []
        for sk, response in zip(sks, answer["Responses"], strict=False):
            item = response.get("Item")
            if item is not None and item["sk"]["S"] != sk:
                raise Broken("the answers of a TransactGetItems are not in the order of the keys")
            found.append(None if item is None else _bare(item))
        return found

    # -- requests --------------------------------------------------------------------------------

    def _must(self, request: Callable[[], T], what: str) -> T:
        answer = self._ask(request)
        if isinstance(answer, Refusal):
            raise Broken(f"{what} was refused: {answer}")
        return answer

    def _ask(self, request: Callable[[], T]) -> T | Refusal:
        """The answer or the refusal; a busy engine is asked again, as long as there is patience."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda a: isinstance(a, Refusal) and a.busy),
            stop=lambda _: time.monotonic() >= self._until,
            wait=tenacity.wait_random_exponential(multiplier=0.05, max=2.0),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        answer: T | Refusal = retrying(_once, request)
        return answer


def _once(request: Callable[[], T]) -> T | Refusal:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return request()
    except ClientError as fault:
        response: Any = fault.response
        return Refusal(
            str(response["Error"].get("Code", "")),
            str(response["Error"].get("Message", "")),
            tuple(str(r.get("Code")) for r in response.get("CancellationReasons") or ()),
        )
    except BotoCoreError as fault:
        raise Silent(f"the engine does not answer ({type(fault).__name__})") from fault


def _bare(item: Mapping[str, Any]) -> Attributes:
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}


def _count(actions: Sequence[Any]) -> str:
    return f"a transaction of {len(actions)} actions"
