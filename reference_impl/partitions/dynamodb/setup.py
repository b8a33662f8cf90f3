"""The DynamoDB table: made once, and compared where it exists already. Imports boto3 when called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...contract.errors import DialogueStoreError, error
from ...contract.tables import INDEXES
from ..port import Transient
from .answers import asked
from .client import is_loopback, make_client, shown
from .errors import Where, meaning

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["SetupReport", "create_table", "differences", "key_differences", "where_of"]

_WAIT = {"Delay": 1, "MaxAttempts": 180}  # seconds and times


@dataclass(frozen=True)
class SetupReport:
    """What set-up did. ``differences``: in what an existing table is not the one that set-up makes,
    one sentence each; nothing was changed."""

    table_name: str
    created: bool
    differences: list[str] = field(default_factory=list)


def create_table(
    table_name: str,
    *,
    region: str | None = None,
    endpoint: str | None = None,
    client: DynamoDBClient | None = None,
) -> SetupReport:
    """Make the table with its three indexes, billed on demand, and wait until it is active.

    Errors: ``backend_unavailable``, ``access_denied``, ``unknown_setting``.
    """
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError

    own = None if client else make_client(region=region, endpoint=endpoint, read_timeout_s=30.0)
    client = client or own
    assert client is not None  # noqa: S101 - for the type checker
    where = where_of(client, table_name)
    try:
        created = asked(lambda: _create(client, table_name))
        waiter = client.get_waiter("table_exists")
        asked(lambda: waiter.wait(TableName=table_name, WaiterConfig=_WAIT))  # type: ignore[arg-type]
        table = asked(lambda: client.describe_table(TableName=table_name)["Table"])
    except WaiterError:
        raise error("backend_unavailable", f"table {table_name} is still being made") from None
    except (BotoCoreError, ClientError) as fault:
        raise _final(meaning(fault, where), fault) from None
    finally:
        if own is not None:
            own.close()
    return SetupReport(table_name, created, [] if created else differences(table))


def where_of(client: DynamoDBClient, table_name: str) -> Where:
    """For messages."""
    endpoint = client.meta.endpoint_url
    return Where(table_name, shown(endpoint), local=is_loopback(endpoint))


def key_differences(table: Any) -> list[str]:
    """In what the table's key is another than pk and sk, both text."""
    types = {d["AttributeName"]: d["AttributeType"] for d in table["AttributeDefinitions"]}
    found = _keys_of(table, types)
    wanted = _keys("pk", "sk")
    return [] if found == wanted else [f"its key is {_text(found)}, not {_text(wanted)}"]


def differences(table: Any) -> list[str]:
    """In what a table, as DescribeTable gives it, is not the one that set-up makes."""
    out = key_differences(table)
    if table.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
        out.append("it is not billed on demand")
    types = {d["AttributeName"]: d["AttributeType"] for d in table["AttributeDefinitions"]}
    there = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}
    for index in INDEXES:
        found = there.pop(index.name, None)
        if found is None:
            out.append(f"it has no index {index.name}")
            continue
        wanted = _keys(index.pk_attribute, index.sk_attribute)
        if _keys_of(found, types) != wanted:
            out.append(
                f"the key of its index {index.name} is {_text(_keys_of(found, types))}, "
                f"not {_text(wanted)}"
            )
        if found["Projection"]["ProjectionType"] != "KEYS_ONLY":
            out.append(f"its index {index.name} holds more than keys")
    names = [*there, *(index["IndexName"] for index in table.get("LocalSecondaryIndexes", []))]
    out.extend(f"it has another index, {name}" for name in names)
    return out


def _create(client: DynamoDBClient, table_name: str) -> bool:
    names = ["pk", "sk"]
    for index in INDEXES:
        names += [index.pk_attribute, index.sk_attribute]
    try:
        client.create_table(
            TableName=table_name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_schema("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": index.name,
                    "KeySchema": _schema(index.pk_attribute, index.sk_attribute),
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
                for index in INDEXES
            ],
        )
    except client.exceptions.ResourceInUseException:
        return False
    return True


def _schema(pk: str, sk: str) -> Any:
    return [
        {"AttributeName": pk, "KeyType": "HASH"},
        {"AttributeName": sk, "KeyType": "RANGE"},
    ]


def _keys(pk: str, sk: str) -> list[tuple[str, str, str]]:
    return [(pk, "HASH", "S"), (sk, "RANGE", "S")]


def _keys_of(described: Any, types: dict[str, str]) -> list[tuple[str, str, str]]:
    return [
        (key["AttributeName"], key["KeyType"], types[key["AttributeName"]])
        for key in described["KeySchema"]
    ]


def _text(keys: list[tuple[str, str, str]]) -> str:
    return ", ".join(f"{name} ({kind} {of})" for name, kind, of in keys)


def _final(problem: Exception | None, fault: Any) -> DialogueStoreError:
    if isinstance(problem, Transient):
        return problem.error
    if isinstance(problem, DialogueStoreError):
        return problem
    message = fault.response["Error"].get("Message", "")
    return error("unknown_setting", f"DynamoDB refuses the table ({message})")
