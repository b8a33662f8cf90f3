"""Items in one DynamoDB table: consistent reads, and every commit a transaction (STORE-16 to 18).

Attribute values are in ``dynamodb_items``, the client in ``dynamodb_client``, errors in
``dynamodb_errors``, the table in ``dynamodb_setup``. boto3 is imported by the first call.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ...contract.errors import DialogueStoreError, error
from ...contract.items import Item, Key
from ..port import Absent, Action, Delete, Equals, Expectation, PartitionStore, Put, keys_of
from .client import make_client
from .errors import meaning
from .items import from_engine, to_engine, value_to_engine
from .setup import SetupReport, create_table, key_differences, where_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["DynamoPartitionStore", "SetupReport", "create_table"]

_T = TypeVar("_T")


class DynamoPartitionStore(PartitionStore):
    """Items in the table ``table_name``, which :func:`create_table` makes.

    ``region``, ``endpoint``: where it is; unset means AWS as boto3 finds it. ``client_options``: more
    arguments for the client, such as credentials. ``client``: a client of the caller's, not closed
    here; it must not retry by itself. Time-outs are in seconds, for one request. Threads may share a
    store; after a fork the child makes its own client.
    """

    max_actions = 100

    def __init__(
        self,
        table_name: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        client: DynamoDBClient | None = None,
        client_options: Mapping[str, Any] | None = None,
        read_only: bool = False,
        connect_timeout_s: float = 2.0,
        read_timeout_s: float = 5.0,
    ) -> None:
        self.table_name = table_name
        self._given = client
        self._made: tuple[int, DynamoDBClient] | None = None
        self._settings: dict[str, Any] = {
            "region": region,
            "endpoint": endpoint,
            "connect_timeout_s": connect_timeout_s,
            "read_timeout_s": read_timeout_s,
            "options": client_options,
        }
        self._read_only = read_only
        self._closed = False
        self._lock = threading.Lock()

    @property
    def client(self) -> DynamoDBClient:
        """The boto3 client, made on first use."""
        if self._closed:
            raise error("store_closed")
        if self._given is not None:
            return self._given
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        with self._lock:
            # A client of the parent's is left alone after a fork: its connections are not ours.
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), make_client(**self._settings)
            return self._made[1]

    def get(self, pk: str, sk: str) -> Item | None:
        answer = self._call(
            lambda client: client.get_item(
                TableName=self.table_name, Key=to_engine({"pk": pk, "sk": sk}), ConsistentRead=True
            )
        )
        return from_engine(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        """One request for each megabyte."""
        return list(self._pages(_keys(pk, prefix=prefix)))

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        return next(self._pages(_keys(pk, prefix=prefix), ScanIndexForward=False, Limit=1), None)

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        """One request for each megabyte."""
        for item in self._pages(_keys(pk, low=low, high=high)):
            if item["sk"] != high:  # BETWEEN has both ends
                yield item

    def commit(self, actions: Sequence[Action], *, token: str) -> None:
        """One TransactWriteItems with ``token`` as its ClientRequestToken, also for a single put:
        a repeat within ten minutes is then no second write.

        :class:`LostAnswer` also where the engine knows the token from a request that is still at
        work, or that had other bytes: it took place or may, and only the items tell.
        ``limit_exceeded`` where the items take more than 4 MB.
        """
        if self._read_only:
            raise error("access_denied", "the store was opened for reading only")
        keys = keys_of(actions)
        if len(keys) > self.max_actions:
            raise ValueError(f"a commit has at most {self.max_actions} actions")
        request = [self._write(key, action) for key, action in zip(keys, actions, strict=True)]
        sent = [(key, write) for key, write in zip(keys, request, strict=True) if write]
        if not sent:
            return
        self._call(
            lambda client: client.transact_write_items(
                TransactItems=[write for _, write in sent], ClientRequestToken=token
            ),
            commits=[key for key, _ in sent],
        )

    def holds_wrapped_keys(self) -> bool:
        request: dict[str, Any] = {
            "TableName": self.table_name,
            "ConsistentRead": True,
            "ProjectionExpression": "pk, sk",
            "FilterExpression": "begins_with(pk, :pk) AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": "dialogue#"}, ":sk": {"S": "dek#"}},
            "Limit": 500,
        }
        while True:
            page = self._call(lambda client: client.scan(**request))
            if page["Items"]:
                return True
            if "LastEvaluatedKey" not in page:
                return False
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def close(self) -> None:
        self._closed = True
        made, self._made = self._made, None
        if made is not None and made[0] == os.getpid():
            made[1].close()

    # ------------------------------------------------------------------------------ below

    def _pages(self, keys: Mapping[str, Any], **options: Any) -> Iterator[Item]:
        request: dict[str, Any] = {
            "TableName": self.table_name,
            "ConsistentRead": True,
            **keys,
            **options,
        }
        while True:
            page = self._call(lambda client: client.query(**request))
            yield from map(from_engine, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _write(self, key: Key, action: Action) -> Any:
        """One member of TransactItems; nothing for a check of nothing."""
        condition = _condition(action.expect)
        target = {"TableName": self.table_name, **condition}
        if isinstance(action, Put):
            return {"Put": {**target, "Item": to_engine(action.item)}}
        located = {**target, "Key": to_engine({"pk": key[0], "sk": key[1]})}
        if isinstance(action, Delete):
            return {"Delete": located}
        return {"ConditionCheck": located} if condition else None

    def _call(
        self, request: Callable[[DynamoDBClient], _T], *, commits: Sequence[Key] | None = None
    ) -> _T:
        client = self.client
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return request(client)
        except (BotoCoreError, ClientError) as fault:
            problem = meaning(fault, where_of(client, self.table_name), commits)
            code = fault.response["Error"].get("Code", "") if isinstance(fault, ClientError) else ""
        # Outside, so that the answer, which may quote an item, is no part of the traceback (ERR-03).
        raise problem or self._why_refused(client, code)

    def _why_refused(self, client: DynamoDBClient, code: str) -> DialogueStoreError:
        """The engine did not understand the request: is it because of the table?"""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            other = key_differences(client.describe_table(TableName=self.table_name)["Table"])
        except ClientError as fault:
            if fault.response["Error"].get("Code") == "ValidationException":
                return error("table_not_found", f"{self.table_name!r} is no name for a table")
            other = []
        except BotoCoreError:
            other = []
        if other:
            return error(
                "table_not_found",
                f"table {self.table_name} exists, but {other[0]}; give another table name",
            )
        return error("backend_unavailable", f"DynamoDB refused the request ({code})")


def _keys(pk: str, *, prefix: str = "", low: str = "", high: str | None = None) -> dict[str, Any]:
    """The key condition of a query: a prefix, or from ``low`` to ``high``."""
    values = {":pk": pk, ":prefix": prefix, ":low": low, ":high": high}
    if prefix:
        condition = "pk = :pk AND begins_with(sk, :prefix)"
    elif low and high:
        condition = "pk = :pk AND sk BETWEEN :low AND :high"
    elif low:
        condition = "pk = :pk AND sk >= :low"
    elif high:
        condition = "pk = :pk AND sk < :high"
    else:
        condition = "pk = :pk"
    return {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {
            name: {"S": value} for name, value in values.items() if value and name in condition
        },
    }


def _condition(expect: Expectation) -> dict[str, Any]:
    """The condition expression, with placeholders for every name: some are reserved words."""
    if isinstance(expect, Absent):
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    if not isinstance(expect, Equals):
        return {}
    terms, names, values = ["attribute_exists(pk)"], {}, {}
    for number, (name, value) in enumerate(expect.attributes.items()):
        names[f"#{number}"] = name
        if value is None:
            terms.append(f"attribute_not_exists(#{number})")
        else:
            terms.append(f"#{number} = :{number}")
            values[f":{number}"] = value_to_engine(value)
    condition: dict[str, Any] = {"ConditionExpression": " AND ".join(terms)}
    if names:
        condition["ExpressionAttributeNames"] = names
    if values:
        condition["ExpressionAttributeValues"] = values
    return condition
