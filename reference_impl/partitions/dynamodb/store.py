"""Items in one DynamoDB table: consistent reads, and every commit a transaction (STORE-16 to 18).

Attribute values are in ``items``, the client in ``client``, what counts as an answer in ``answers``, errors
in ``errors``, pages in ``pages``, the table in ``setup``. boto3 is imported by the first call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ... import forks
from ...contract.errors import DialogueStoreError, error
from ...contract.items import Item, Key
from ..port import (
    Absent,
    Action,
    Delete,
    Equals,
    Expectation,
    PartitionStore,
    Put,
    keys_of,
    time_left,
)
from .answers import asked, watch
from .client import make_client
from .errors import meaning
from .items import from_engine, to_engine, value_to_engine
from .pages import Range
from .setup import SetupReport, create_table, key_differences, where_of

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["DynamoPartitionStore", "SetupReport", "create_table"]

_T = TypeVar("_T")

#: Seconds that a request may take without an answer where less than the store's own time-outs is left:
#: boto3 has time-outs of a client, not of a request, so there is a client for each.
_SHORTER_S = (7.0, 4.0, 2.0, 1.0, 0.5, 0.25)
#: The share of it for the connection; the rest is for the answer.
_CONNECT_SHARE = 0.3


class DynamoPartitionStore(PartitionStore):
    """Items in the table ``table_name``, which :func:`create_table` makes.

    ``region``, ``endpoint``: where it is; unset means AWS as boto3 finds it. ``client_options``: more
    arguments for the client, such as credentials. ``client``: a client of the caller's, not closed
    here; it must not retry by itself, its own time-outs count, and its answers are checked like those of
    an own one. Time-outs are in seconds, for one request; a call that has less time left
    (:func:`time_left`) takes shorter ones. Threads may share a store; after a fork the child makes its own
    clients (``store_closed`` with ``data.cause`` = ``fork`` where it cannot: a call was running, or the
    client is the caller's).
    """

    max_actions = 100
    turn_look_s = 0.12
    is_paged = True

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
        if client is not None:
            watch(client)
        self._made: dict[float | None, DynamoDBClient] = {}
        self._loader: Loader | None = None
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
        self._gate = forks.Gate(time_left)
        self._unusable = ""
        forks.register(
            self,
            before=DynamoPartitionStore._before_fork,
            after_in_parent=DynamoPartitionStore._after_fork,
            after_in_child=DynamoPartitionStore._begin_anew,
        )

    @property
    def client(self) -> DynamoDBClient:
        """The boto3 client with the store's own time-outs, made on first use."""
        return self._client(None)

    def _client(self, within: float | None) -> DynamoDBClient:
        """The client whose requests are given up after ``within`` seconds; None: after the store's own."""
        if self._closed:
            raise error("store_closed")
        with self._gate:  # before a fork that nobody was told of could hand out a parent's
            if self._unusable:
                raise forks.unusable(self._unusable)
            if self._given is not None:
                return self._given
            client = self._made.get(within)
            if client is None:
                with self._lock:
                    client = self._made.get(within)
                    if client is None:
                        client = self._made[within] = self._make(within)
            return client

    def _make(self, within: float | None) -> DynamoDBClient:
        if self._loader is None:
            from botocore.loaders import create_loader

            self._loader = create_loader()
        settings = {**self._settings, "loader": self._loader}
        if within is not None:
            connect, read = within * _CONNECT_SHARE, within * (1 - _CONNECT_SHARE)
            settings["connect_timeout_s"] = min(connect, settings["connect_timeout_s"])
            settings["read_timeout_s"] = min(read, settings["read_timeout_s"])
        return make_client(**settings)

    def _client_in_time(self) -> DynamoDBClient:
        """The client for what is left, looked at again where one had to be made."""
        within = self._within()
        client = self._client(within)
        later = self._within()
        return client if later == within else self._client(later)

    def _within(self) -> float | None:
        """The longest that a request may take now: the largest step that fits what is left."""
        left = time_left()
        own = self._settings["connect_timeout_s"] + self._settings["read_timeout_s"]
        if left is None or own <= left:
            return None
        return next((step for step in _SHORTER_S if step <= left), _SHORTER_S[-1])

    def get(self, pk: str, sk: str) -> Item | None:
        def look(client: DynamoDBClient) -> Item | None:
            key = to_engine({"pk": pk, "sk": sk})
            answer = client.get_item(TableName=self.table_name, Key=key, ConsistentRead=True)
            found = from_engine(answer["Item"]) if "Item" in answer else None
            if found is not None and (found["pk"], found["sk"]) != (pk, sk):
                raise ValueError("an item that was not asked for")
            return found

        return self._call(look)

    def query(self, pk: str, *, prefix: str = "") -> list[Item]:
        """One request for each megabyte."""
        return list(self._pages(Range(pk, prefix=prefix)))

    def last(self, pk: str, *, prefix: str = "") -> Item | None:
        return next(self._pages(Range(pk, prefix=prefix, backwards=True), Limit=1), None)

    def stream(self, pk: str, *, low: str = "", high: str | None = None) -> Iterator[Item]:
        """One request for each megabyte."""
        for item in self._pages(Range(pk, low=low, high=high)):
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
        last = None
        while True:
            found, last = self._call(
                lambda client, start=last: _scanned(client.scan(**request), start)  # type: ignore[misc]
            )
            if found:
                return True
            if last is None:
                return False
            request["ExclusiveStartKey"] = last

    def close(self) -> None:
        self._closed = True
        made, self._made = self._made, {}
        for client in made.values():
            client.close()

    # ------------------------------------------------------------------------------ below

    def _pages(self, keys: Range, **options: Any) -> Iterator[Item]:
        request: dict[str, Any] = {
            "TableName": self.table_name,
            "ConsistentRead": True,
            **keys.request(),
            **options,
        }
        last = None
        while True:
            items, last = self._call(
                lambda client, start=last: keys.page(client.query(**request), start)  # type: ignore[misc]
            )
            yield from items
            if last is None:
                return
            request["ExclusiveStartKey"] = last

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
        with self._gate:
            client = self._client_in_time()
            from botocore.exceptions import BotoCoreError, ClientError

            try:
                answer = asked(lambda: request(client))
            except (BotoCoreError, ClientError) as fault:
                problem = meaning(fault, where_of(client, self.table_name), commits)
                code = (
                    fault.response["Error"].get("Code", "")
                    if isinstance(fault, ClientError)
                    else ""
                )
            else:
                if self._unusable:  # a child that came back into the call of its parent
                    raise forks.unusable(self._unusable)
                return answer
            # Outside, so that the answer, which may quote an item, is no part of the traceback (ERR-03).
            raise problem or self._why_refused(client, code)

    def _before_fork(self, until: float) -> None:
        self._gate.shut(until)
        for client in list(self._made.values()):
            client.close()  # its idle connections; it opens others when it needs them

    def _after_fork(self) -> None:
        self._gate.open()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._made = {}  # their connections are the parent's
        if self._gate.renew():
            self._unusable = "This process was forked while a call of the store was running"
        elif self._given is not None:
            self._unusable = "The client of the store is one of the parent process's"

    def _why_refused(self, client: DynamoDBClient, code: str) -> DialogueStoreError:
        """The engine did not understand the request: is it because of the table?"""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            other = asked(
                lambda: key_differences(client.describe_table(TableName=self.table_name)["Table"])
            )
        except ClientError as fault:
            if fault.response["Error"].get("Code") == "ValidationException":
                what = f"a table of DynamoDB cannot be named {self.table_name!r}"
                return error("table_not_found", f"{what}; give another table name")
            other = []
        except BotoCoreError:
            other = []
        if other:
            return error(
                "table_not_found",
                f"table {self.table_name} exists, but {other[0]}; give another table name",
            )
        return error("backend_unavailable", f"DynamoDB refused the request ({code})")


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


def _scanned(answer: Mapping[str, Any], start: Any) -> tuple[bool, Any]:
    """Whether a page of a scan has items, and where the next one begins, None: nowhere. ``ValueError`` where
    that is where this one began: a scan has no order to go by."""
    last = answer.get("LastEvaluatedKey")
    if last is not None and last == start:
        raise ValueError("the next page is this one")
    return bool(list(map(from_engine, answer["Items"]))), last
