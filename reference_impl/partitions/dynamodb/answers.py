"""What counts as an answer of DynamoDB's (ERR-04): the right form, whole, and with its checksum.

A proxy's login page, an empty body or half an answer is none, whatever its status: then nobody answered.
DynamoDB sends ``x-amz-crc32`` with every success; so do DynamoDB Local and moto, for which nothing is
different here (moto within the process names no length: the checksum alone shows that the answer is whole).
Errors come without it from DynamoDB Local, so that there it is checked where it is sent.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["NoAnswer", "asked", "fault_of", "watch"]

_T = TypeVar("_T")

_JSON = "application/x-amz-json-1.0"
_KINDS_OF_ERRORS = (_JSON, "application/json")
#: The requests that a store makes.
_OPERATIONS = ("DescribeTable", "GetItem", "Query", "Scan", "TransactWriteItems")
#: How the parser of botocore, or a reader of what it gives, fails over an answer of another shape.
_UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class NoAnswer(Exception):
    """Something came back that is not DynamoDB's answer; says what is wrong with it, and quotes nothing."""


def watch(client: DynamoDBClient) -> None:
    """Have every response that the client gets checked; one that is no answer is botocore's
    ``HTTPClientError``, with a :class:`NoAnswer` as its ``kwargs["error"]``."""
    model = client.meta.service_model
    shapes = {name: model.operation_model(name).output_shape for name in _OPERATIONS}
    members = {name: {*shape.members} if shape else set() for name, shape in shapes.items()}
    #: What only answers to other requests have, by request.
    foreign = {name: set().union(*members.values()) - members[name] for name in _OPERATIONS}

    def check(
        response_dict: Mapping[str, Any] | None = None, event_name: str = "", **_: Any
    ) -> None:
        from botocore.exceptions import HTTPClientError

        if response_dict is None:
            return
        status, body = response_dict["status_code"], response_dict["body"]
        wrong = fault_of(status, response_dict["headers"], body)
        # A proxy may mix two up. What DynamoDB may add to an answer one day is no fault.
        others = foreign.get(event_name.rpartition(".")[2], set())
        if wrong is None and status == 200 and others & orjson.loads(body).keys():
            wrong = "its answer is one to another request"
        if wrong is not None:
            raise HTTPClientError(error=NoAnswer(wrong))

    client.meta.events.register(
        "response-received.dynamodb", check, unique_id="dialogue-store-answers"
    )


def asked(request: Callable[[], _T]) -> _T:
    """What ``request`` gives: a call of the client, and the reading of what it returns. An answer that
    cannot be read is none, as for :func:`watch`."""
    from botocore.exceptions import BotoCoreError, HTTPClientError
    from botocore.parsers import ResponseParserError

    try:
        return request()
    except BotoCoreError:  # some of them are a ValueError too
        raise
    except (*_UNREADABLE, ResponseParserError) as fault:
        wrong = NoAnswer(f"its answer has another form ({type(fault).__name__})")
    raise HTTPClientError(error=wrong)


def fault_of(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Why a response is not DynamoDB's answer, None: it is. ``headers`` know no upper and lower case."""
    announced = headers.get("Content-Length")
    if announced is not None and announced.strip().lstrip("0") != str(len(body)).lstrip("0"):
        return f"its answer was cut off: {len(body)} bytes came"
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in ((_JSON,) if status == 200 else _KINDS_OF_ERRORS):
        return f"HTTP {status} without DynamoDB's content type"
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return f"HTTP {status} with a content encoding that nobody asked for"
    checksum = headers.get("x-amz-crc32")
    if checksum is None and status == 200:
        return "HTTP 200 without DynamoDB's checksum"
    if checksum is not None and checksum.strip() != str(crc32(body)):
        return "its answer does not have the checksum that was sent with it"
    try:
        is_object = isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        is_object = False
    return None if is_object else f"HTTP {status} with a body that is not a JSON object"
