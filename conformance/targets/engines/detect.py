"""Does something that speaks DynamoDB answer at an address, and what is it?"""

from __future__ import annotations

import http.client
import ipaddress
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

UNKNOWN_VERSION = "unknown"

_TIMEOUT_S = 5.0
_MAX_ANSWER_BYTES = 1 << 20
_AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
# Engines look at who signs, not at whether the signature is right; AWS answers that it is not.
# No credential of the user's is ever needed to ask.
_SIGNED_BY_NOBODY = {
    "Authorization": (
        "AWS4-HMAC-SHA256 Credential=probe/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0"
    ),
    "X-Amz-Date": "20260101T000000Z",
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Content-Type": "application/x-amz-json-1.0",
}


@dataclass(frozen=True)
class Found:
    """What answers at an endpoint: `kind` and `version` as the report shows them."""

    kind: str
    version: str
    emulator: bool


class NotDynamoDB(Exception):
    """Nothing answers there, or what answers is not DynamoDB; the message says which."""


def probe(url: str) -> Found:
    """Ask for the list of tables, once, within seconds; raises `NotDynamoDB`.

    Kinds: `aws`, `dynamodb-local`, `moto` (the only emulator), `unrecognised` for anything else
    that speaks DynamoDB.
    """
    try:
        _, server, body = _ask(url, "POST", "/", b"{}", _SIGNED_BY_NOBODY)
    except (OSError, http.client.HTTPException) as error:
        raise NotDynamoDB(f"nothing answers at {url} ({error})") from error
    answer = _json_object(body)
    if not (isinstance(answer.get("TableNames"), list) or isinstance(answer.get("__type"), str)):
        raise NotDynamoDB(f"what answers at {url} is not DynamoDB")
    if is_aws(url):
        return Found("aws", "2012-08-10", emulator=False)
    if server.startswith("Jetty"):
        return Found("dynamodb-local", UNKNOWN_VERSION, emulator=False)
    if _is_moto(url):
        return Found("moto", UNKNOWN_VERSION, emulator=True)
    return Found("unrecognised", UNKNOWN_VERSION, emulator=False)


def is_aws(url: str) -> bool:
    """Whether the host is one of AWS's own, where the user's credentials belong."""
    return (urlsplit(url).hostname or "").endswith(_AWS_SUFFIXES)


def is_loopback(url: str) -> bool:
    """Whether the host is this machine; every other name counts as remote, unresolved."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_moto(url: str) -> bool:
    """The server of moto lists what it holds under a path that no DynamoDB has."""
    try:
        status, _, body = _ask(url, "GET", "/moto-api/data.json", None, {})
    except (OSError, http.client.HTTPException):
        return False
    return status == HTTPStatus.OK and bool(_json_object(body))


def _ask(
    url: str, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, str, bytes]:
    """One request, past any proxy of the environment: (status, Server header, body)."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, parts.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        content = response.read(_MAX_ANSWER_BYTES)
        return response.status, response.headers.get("Server", ""), content
    finally:
        connection.close()


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
