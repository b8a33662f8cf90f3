"""What only the DynamoDB store has: a table, a network, and an engine with many errors."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import exceptions as boto

from conformance.targets.engines.choose import Engine, MotoEngine
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.items import MAX_ITEM_BYTES, Item, item_size
from reference_impl.contract.tables import INDEXES
from reference_impl.partitions.dynamodb.client import is_loopback, make_client, shown
from reference_impl.partitions.dynamodb.errors import Where, meaning
from reference_impl.partitions.dynamodb.items import from_engine
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore, SetupReport, create_table
from reference_impl.partitions.port import (
    ABSENT,
    ConditionFailed,
    Contention,
    LostAnswer,
    Put,
    Transient,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

HEAD: Item = {"pk": "dialogue#d", "sk": "head", "revision": 1}
KEYS = [("dialogue#d", "a"), ("dialogue#d", "b")]
DUMMY = {
    "aws_access_key_id": "dummy",
    "aws_secret_access_key": "dummy",
    "region_name": "us-east-1",
}


@pytest.fixture(params=["moto", pytest.param("local", marks=pytest.mark.integration)])
def client(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    engine: Engine = (
        MotoEngine() if request.param == "moto" else request.getfixturevalue("dynamodb_local")
    )
    if request.param == "moto":
        with engine:
            yield from client_of(engine)
    else:
        yield from client_of(engine)


@pytest.fixture
def local(dynamodb_local: Engine) -> Iterator[DynamoDBClient]:
    yield from client_of(dynamodb_local)


def client_of(engine: Engine) -> Iterator[DynamoDBClient]:
    made = make_client(
        region=None,
        endpoint=engine.endpoint_url,
        read_timeout_s=30.0,
        options=engine.client_kwargs(),
    )
    yield made
    made.close()


@pytest.fixture
def table(client: DynamoDBClient) -> Iterator[str]:
    yield from fresh_table(client)


@pytest.fixture
def local_table(local: DynamoDBClient) -> Iterator[str]:
    yield from fresh_table(local)


def fresh_table(client: DynamoDBClient) -> Iterator[str]:
    name = f"table-{uuid.uuid4().hex}"
    yield name
    with suppress(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=name)


def refusals(store: DynamoPartitionStore) -> list[DialogueStoreError]:
    """What get, query and commit are refused with."""
    found: list[DialogueStoreError] = []
    calls: list[Callable[[], object]] = [
        lambda: store.get("dialogue#d", "head"),
        lambda: store.query("dialogue#d", prefix="dek#"),
        lambda: store.commit([Put(HEAD)], token=str(uuid.uuid4())),
    ]
    for call in calls:
        with pytest.raises(DialogueStoreError) as failure:
            call()
        found.append(failure.value)
    return found


# --------------------------------------------------------------------------------- set-up


def test_set_up_makes_the_table_with_its_indexes(client: DynamoDBClient, table: str) -> None:
    assert create_table(table, client=client) == SetupReport(table, created=True, differences=[])
    described: Any = client.describe_table(TableName=table)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    indexes = {index["IndexName"]: index for index in described["GlobalSecondaryIndexes"]}
    assert sorted(indexes) == sorted(index.name for index in INDEXES)
    for index in INDEXES:
        found = indexes[index.name]
        assert found["Projection"] == {"ProjectionType": "KEYS_ONLY"}
        assert [key["AttributeName"] for key in found["KeySchema"]] == [
            index.pk_attribute,
            index.sk_attribute,
        ]


def test_set_up_again_changes_nothing(client: DynamoDBClient, table: str) -> None:
    create_table(table, client=client)
    DynamoPartitionStore(table, client=client).commit([Put(HEAD)], token=str(uuid.uuid4()))
    assert create_table(table, client=client) == SetupReport(table, created=False, differences=[])
    assert DynamoPartitionStore(table, client=client).query("dialogue#d") == [HEAD]


def test_set_up_says_what_differs(client: DynamoDBClient, table: str) -> None:
    first, second, _ = INDEXES
    untyped: Any = client
    untyped.create_table(
        TableName=table,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": first.pk_attribute, "AttributeType": "S"},
            {"AttributeName": second.sk_attribute, "AttributeType": "S"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        GlobalSecondaryIndexes=[
            {
                "IndexName": name,
                "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": projection},
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            }
            for name, attribute, projection in (
                (first.name, first.pk_attribute, "ALL"),
                (second.name, second.sk_attribute, "KEYS_ONLY"),
                ("Mine", second.sk_attribute, "KEYS_ONLY"),
            )
        ],
    )
    before = client.describe_table(TableName=table)["Table"]
    report = create_table(table, client=client)
    assert not report.created
    assert report.differences == [
        "its key is pk (HASH S), sk (RANGE N), not pk (HASH S), sk (RANGE S)",
        "it is not billed on demand",
        other_key("ByStatus", "by_status_pk (HASH S)"),
        "its index ByStatus holds more than keys",
        other_key("ByTensionStatus", "by_tension_status_sk (HASH S)"),
        "it has no index ByExpert",
        "it has another index, Mine",
    ]
    after = client.describe_table(TableName=table)["Table"]
    assert after["KeySchema"] == before["KeySchema"]
    assert len(after["GlobalSecondaryIndexes"]) == 3


def other_key(name: str, found: str) -> str:
    (index,) = (i for i in INDEXES if i.name == name)
    wanted = f"{index.pk_attribute} (HASH S), {index.sk_attribute} (RANGE S)"
    return f"the key of its index {name} is {found}, not {wanted}"


# -------------------------------------------------------------------------- wrong tables


def test_no_table(client: DynamoDBClient, table: str) -> None:
    for refusal in refusals(DynamoPartitionStore(table, client=client)):
        assert refusal.code == "table_not_found"
        assert table in refusal.message
        assert "setup-tables" in refusal.message


@pytest.mark.parametrize("name", ["hash only", "sort key is a number"])
def test_another_key_schema(client: DynamoDBClient, table: str, name: str) -> None:
    keys = {"hash only": [("id", "S")], "sort key is a number": [("pk", "S"), ("sk", "N")]}[name]
    untyped: Any = client
    untyped.create_table(
        TableName=table,
        KeySchema=[
            {"AttributeName": attribute, "KeyType": kind}
            for (attribute, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": of} for attribute, of in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    store = DynamoPartitionStore(table, client=client)
    with pytest.raises(DialogueStoreError) as failure:
        store.commit([Put(HEAD)], token=str(uuid.uuid4()))
    assert failure.value.code == "table_not_found"
    assert f"table {table} exists, but its key is {keys[0][0]} (HASH S)" in failure.value.message
    assert client.scan(TableName=table)["Items"] == []


@pytest.mark.integration
def test_another_key_schema_on_reads(local: DynamoDBClient, local_table: str) -> None:
    local.create_table(
        TableName=local_table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for refusal in refusals(DynamoPartitionStore(local_table, client=local)):
        assert refusal.code == "table_not_found"
        assert "exists, but its key is id (HASH S)" in refusal.message


@pytest.mark.integration
def test_a_name_that_no_table_can_have(local: DynamoDBClient) -> None:
    for refusal in refusals(DynamoPartitionStore("a b", client=local)):
        assert refusal.code == "table_not_found"
    with pytest.raises(DialogueStoreError) as failure:
        create_table("a b", client=local)
    assert failure.value.code == "unknown_setting"


# -------------------------------------------------------------------------------- items


def test_a_bare_client_reads_the_table(client: DynamoDBClient, table: str) -> None:
    create_table(table, client=client)
    sealed: Item = {
        "pk": "dialogue#d",
        "sk": "expert#muffin",
        "relevance": 0.000001,
        "total_score": 12,
        "calibrated": True,
        "note": "",
        "empty": b"",
        "content_encrypted": b"\x00\xff",
    }
    DynamoPartitionStore(table, client=client).commit([Put(sealed)], token=str(uuid.uuid4()))
    bare = boto3.client("dynamodb", endpoint_url=client.meta.endpoint_url, **DUMMY)  # type: ignore[call-overload]
    (found,) = bare.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "dialogue#d"}},
    )["Items"]
    bare.close()
    assert float(found.pop("relevance")["N"]) == 0.000001
    assert found == {
        "pk": {"S": "dialogue#d"},
        "sk": {"S": "expert#muffin"},
        "total_score": {"N": "12"},
        "calibrated": {"BOOL": True},
        "note": {"S": ""},
        "empty": {"B": b""},
        "content_encrypted": {"B": b"\x00\xff"},
    }


def test_what_no_store_writes_comes_back_recognisably_wrong(
    client: DynamoDBClient, table: str
) -> None:
    create_table(table, client=client)
    odd: dict[str, Any] = {
        "texts": {"SS": ["a"]},
        "numbers": {"NS": ["1"]},
        "blobs": {"BS": [b"a"]},
        "list": {"L": [{"S": "a"}]},
        "map": {"M": {"a": {"S": "a"}}},
        "null": {"NULL": True},
    }
    key: Any = {"pk": {"S": "dialogue#d"}, "sk": {"S": "head"}}
    client.put_item(TableName=table, Item={**key, **odd, "big": {"N": "1e40"}})
    found = DynamoPartitionStore(table, client=client).get("dialogue#d", "head")
    assert found == {"pk": "dialogue#d", "sk": "head", "big": 10**40, **odd}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.0", 1), ("-0.0", 0), ("0.5", 0.5), ("1e2", 100), ("1E-6", 0.000001)],
)
def test_a_number_is_an_int_where_it_is_integral(text: str, value: float) -> None:
    (found,) = from_engine({"n": {"N": text}}).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.integration
def test_one_byte_too_many(local: DynamoDBClient, local_table: str) -> None:
    create_table(local_table, client=local)
    store = DynamoPartitionStore(local_table, client=local)
    big: Item = {"pk": "dialogue#d", "sk": "a", "content_encrypted": b""}
    big["content_encrypted"] = bytes(MAX_ITEM_BYTES + 1 - item_size(big))
    with pytest.raises(DialogueStoreError) as failure:
        store.commit([Put(HEAD), Put(big)], token=str(uuid.uuid4()))
    assert failure.value.code == "item_too_large"
    assert store.query("dialogue#d") == []


@pytest.mark.integration
def test_more_than_a_transaction_holds(local: DynamoDBClient, local_table: str) -> None:
    create_table(local_table, client=local)
    store = DynamoPartitionStore(local_table, client=local)
    big: Item = {"pk": "dialogue#d", "content_encrypted": bytes(380_000)}
    with pytest.raises(DialogueStoreError) as failure:
        store.commit([Put({**big, "sk": f"a#{n:02d}"}) for n in range(12)], token=str(uuid.uuid4()))
    assert failure.value.code == "limit_exceeded"
    with pytest.raises(ValueError, match="at most 100"):
        store.commit([Put({**HEAD, "sk": str(n)}) for n in range(101)], token=str(uuid.uuid4()))
    assert store.query("dialogue#d") == []


@pytest.mark.integration
def test_a_token_makes_a_repeat_no_second_write(local: DynamoDBClient, local_table: str) -> None:
    create_table(local_table, client=local)
    store = DynamoPartitionStore(local_table, client=local)
    token = str(uuid.uuid4())
    store.commit([Put(HEAD, ABSENT)], token=token)
    store.commit([Put(HEAD, ABSENT)], token=token)  # answered from memory: the condition would fail
    with pytest.raises(LostAnswer):  # the same token with other bytes
        store.commit([Put({**HEAD, "revision": 2})], token=token)
    with pytest.raises(ConditionFailed):
        store.commit([Put(HEAD, ABSENT)], token=str(uuid.uuid4()))
    assert store.query("dialogue#d") == [HEAD]


def test_read_only_refuses_commits(client: DynamoDBClient, table: str) -> None:
    create_table(table, client=client)
    store = DynamoPartitionStore(table, client=client, read_only=True)
    with pytest.raises(DialogueStoreError) as failure:
        store.commit([Put(HEAD)], token=str(uuid.uuid4()))
    assert failure.value.code == "access_denied"
    assert store.query("dialogue#d") == []


# ------------------------------------------------------------------------------ network


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server on the loopback that answers every request the same way; the requests it got."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(self.headers["X-Amz-Target"].rpartition(".")[2])
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", requests
        finally:
            running.shutdown()
            thread.join(30)


def answering(status: int, code: str, **more: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = f'{{"__type": "com.amazonaws.dynamodb.v20120810#{code}", "message": "secret"}}'
        handler.send_response(status)
        handler.send_header("Content-Type", "application/x-amz-json-1.0")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


def hanging_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def outcomes(endpoint: str, **settings: Any) -> tuple[Exception, Exception]:
    """What a read and a commit raise."""
    store = DynamoPartitionStore("table", endpoint=endpoint, client_options=DUMMY, **settings)
    found: list[Exception] = []
    calls: list[Callable[[], object]] = [
        lambda: store.get("dialogue#d", "head"),
        lambda: store.commit([Put(HEAD)], token=str(uuid.uuid4())),
    ]
    for call in calls:
        with pytest.raises(Exception) as failure:  # noqa: PT011 - told apart by the caller
            call()
        found.append(failure.value)
        assert "secret" not in str(failure.value)
    store.close()
    return found[0], found[1]


def test_nobody_there() -> None:
    endpoint = f"http://127.0.0.1:{unused_port()}"
    for problem in outcomes(endpoint):
        assert isinstance(problem, Transient)
        assert problem.error.code == "backend_unavailable"
        assert f"DynamoDB at {endpoint} does not answer" in problem.error.message
        assert "Start it (docker run" in problem.error.message
        assert "DYNAMODB_ENDPOINT" in problem.error.message
    with pytest.raises(DialogueStoreError) as failure:
        create_table("table", endpoint=endpoint)
    assert failure.value.code == "backend_unavailable"
    assert "Start it (docker run" in failure.value.message


def test_a_connection_lost_after_sending() -> None:
    with server(hanging_up) as (endpoint, requests):
        read, write = outcomes(endpoint)
    assert isinstance(read, Transient)
    assert isinstance(write, LostAnswer)
    assert requests == ["GetItem", "TransactWriteItems"]  # nobody below repeats anything


def test_no_answer_in_time() -> None:
    done = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        done.wait(30)
        handler.close_connection = True

    with server(wait) as (endpoint, requests):
        try:
            read, write = outcomes(endpoint, read_timeout_s=0.2)
        finally:
            done.set()
    assert isinstance(read, Transient)
    assert isinstance(write, LostAnswer)
    assert requests == ["GetItem", "TransactWriteItems"]


@pytest.mark.parametrize(
    ("status", "code", "read", "write"),
    [
        (500, "InternalServerError", "backend_unavailable", LostAnswer),
        (503, "ServiceUnavailable", "backend_unavailable", LostAnswer),
        (400, "ThrottlingException", "backend_unavailable", Transient),
        (400, "ProvisionedThroughputExceededException", "backend_unavailable", Transient),
        (400, "RequestLimitExceeded", "backend_unavailable", Transient),
        (400, "AccessDeniedException", "access_denied", DialogueStoreError),
        (400, "UnrecognizedClientException", "access_denied", DialogueStoreError),
        (400, "ExpiredTokenException", "access_denied", DialogueStoreError),
        (400, "InvalidSignatureException", "access_denied", DialogueStoreError),
        (403, "SomethingNew", "access_denied", DialogueStoreError),
        (400, "ResourceNotFoundException", "table_not_found", DialogueStoreError),
        (400, "ValidationException", "table_not_found", DialogueStoreError),
        (400, "SomethingNew", "backend_unavailable", DialogueStoreError),
    ],
)
def test_an_error_of_the_engine(status: int, code: str, read: str, write: type) -> None:
    with server(answering(status, code)) as (endpoint, requests):
        found_read, found_write = outcomes(endpoint)
    if isinstance(found_read, Transient):
        assert write in (LostAnswer, Transient)
        found_read = found_read.error
    assert isinstance(found_read, DialogueStoreError)
    assert found_read.code == read
    assert type(found_write) is write
    assert [r for r in requests if r != "DescribeTable"] == ["GetItem", "TransactWriteItems"]


def client_error(code: str, reasons: list[dict[str, str]] | None = None) -> boto.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    if reasons is not None:
        response["CancellationReasons"] = reasons
    return boto.ClientError(response, "TransactWriteItems")


@pytest.mark.parametrize(
    ("reasons", "kind", "detail"),
    [
        (["None", "ConditionalCheckFailed"], ConditionFailed, [KEYS[1]]),
        (["ConditionalCheckFailed", "ConditionalCheckFailed"], ConditionFailed, KEYS),
        (["TransactionConflict", "ConditionalCheckFailed"], ConditionFailed, [KEYS[1]]),
        (["None", "TransactionConflict"], Contention, None),
        (["None", "ThrottlingError"], Transient, None),
        (["ProvisionedThroughputExceeded", "None"], Transient, None),
        (["None", "SomethingNew"], type(None), None),
    ],
)
def test_why_a_transaction_was_cancelled(reasons: list[str], kind: type, detail: Any) -> None:
    fault = client_error("TransactionCanceledException", [{"Code": code} for code in reasons])
    found = meaning(fault, Where("t", "here", local=True), KEYS)
    assert type(found) is kind
    if isinstance(found, ConditionFailed):
        assert found.keys == detail


def test_a_cancelled_transaction_with_an_item_too_large() -> None:
    reason = {"Code": "ValidationError", "Message": "Item size to update has exceeded the maximum"}
    fault = client_error("TransactionCanceledException", [{"Code": "None"}, reason])
    found = meaning(fault, Where("t", "here", local=True), KEYS)
    assert isinstance(found, DialogueStoreError)
    assert found.code == "item_too_large"


@pytest.mark.parametrize(
    ("fault", "read", "write"),
    [
        (client_error("TransactionInProgressException"), LostAnswer, LostAnswer),
        (client_error("IdempotentParameterMismatchException"), LostAnswer, LostAnswer),
        (client_error("TransactionConflictException"), Contention, Contention),
        (boto.EndpointConnectionError(endpoint_url="x"), Transient, Transient),
        (boto.ConnectTimeoutError(endpoint_url="x"), Transient, Transient),
        (boto.SSLError(endpoint_url="x", error=OSError()), Transient, LostAnswer),
        (
            boto.SSLError(endpoint_url="x", error=OSError(ssl.SSLCertVerificationError())),
            Transient,
            Transient,
        ),
        (
            boto.ProxyConnectionError(proxy_url="x", error=OSError(ConnectionRefusedError())),
            Transient,
            Transient,
        ),
        (boto.ProxyConnectionError(proxy_url="x", error=OSError()), Transient, LostAnswer),
        (boto.ReadTimeoutError(endpoint_url="x"), Transient, LostAnswer),
        (boto.ConnectionClosedError(endpoint_url="x"), Transient, LostAnswer),
        (boto.HTTPClientError(error="x"), Transient, LostAnswer),
        (boto.NoCredentialsError(), DialogueStoreError, DialogueStoreError),
        (
            boto.CredentialRetrievalError(provider="x", error_msg="x"),
            DialogueStoreError,
            DialogueStoreError,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_what_a_fault_means(fault: Any, read: type, write: type) -> None:
    where = Where("t", "here", local=False)
    if read is not LostAnswer:  # said of transactions alone
        assert type(meaning(fault, where)) is read
    assert type(meaning(fault, where, KEYS)) is write


# ----------------------------------------------------------------------- configuration


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("bare_environment")
def test_a_loopback_endpoint_needs_no_credentials() -> None:
    with server(answering(400, "ResourceNotFoundException")) as (endpoint, requests):
        store = DynamoPartitionStore("table", endpoint=endpoint)
        with pytest.raises(DialogueStoreError) as failure:
            store.get("dialogue#d", "head")
        store.close()
    assert failure.value.code == "table_not_found"
    assert requests == ["GetItem"]


@pytest.mark.usefixtures("bare_environment")
def test_no_region_and_no_credentials() -> None:
    with pytest.raises(DialogueStoreError) as failure:
        DynamoPartitionStore("table").get("dialogue#d", "head")
    assert failure.value.code == "unknown_setting"
    assert "AWS_REGION" in failure.value.message
    with pytest.raises(DialogueStoreError) as failure:
        DynamoPartitionStore("table", region="eu-central-1").get("dialogue#d", "head")
    assert failure.value.code == "access_denied"


@pytest.mark.parametrize("endpoint", ["nonsense", "http://", "ftp//x", "http://127.0.0.1:port"])
def test_an_endpoint_that_is_none(endpoint: str) -> None:
    with pytest.raises(DialogueStoreError) as failure:
        DynamoPartitionStore("table", region="us-east-1", endpoint=endpoint).get("a", "b")
    assert failure.value.code == "unknown_setting"


def test_a_profile_that_is_not_there(
    bare_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DialogueStoreError) as failure:
        DynamoPartitionStore("table", region="us-east-1").get("a", "b")
    assert failure.value.code == "access_denied"


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:8000", True),
        ("https://dynamodb.eu-central-1.amazonaws.com", False),
        ("http://127.0.0.1.example.org", False),
    ],
)
def test_loopback(endpoint: str, expected: bool) -> None:
    assert is_loopback(endpoint) is expected


def test_no_password_in_messages() -> None:
    assert shown("http://user:password@127.0.0.1:8000/path?x=y") == "http://127.0.0.1:8000"


def test_one_client_for_all_threads_and_none_after_closing() -> None:
    store = DynamoPartitionStore("table", endpoint="http://127.0.0.1:1", client_options=DUMMY)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(store.client)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert len(set(map(id, found))) == 1
    store.close()
    with pytest.raises(DialogueStoreError) as failure:
        _ = store.client
    assert failure.value.code == "store_closed"


def test_importing_the_module_imports_no_boto3() -> None:
    script = (
        "import sys, reference_impl.partitions.dynamodb.store as d;"
        "d.DynamoPartitionStore('table').close();"
        "print([m for m in sys.modules if m.startswith(('boto', 'urllib3'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
