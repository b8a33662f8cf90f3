"""A DynamoDB that lies: an HTTP server on loopback before the real one, which may change what passes.

`LyingProxy` sends everything on as it came; a `Lie` sees each request and decides what becomes of it.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from binascii import crc32
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

_TIMEOUT_S = 60.0
_PREFIX = "DynamoDB_20120810."
_ERRORS = "com.amazonaws.dynamodb.v20120810#"
# Of one connection, or of a body that a lie may have changed.
_NOT_PASSED_ON = {"connection", "content-length", "keep-alive", "transfer-encoding", "x-amz-crc32"}


@dataclass(frozen=True)
class Call:
    """One request: `TransactWriteItems` and the like, and its JSON."""

    operation: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    def but(self, **members: Any) -> Call:
        """The same with other members of the body; None takes one away."""
        body = {**self.body, **members}
        return replace(self, body={k: v for k, v in body.items() if v is not None})

    def of(self, operation: str, **body: Any) -> Call:
        """Another request, as the same client would make it."""
        return replace(self, operation=operation, body=body)


@dataclass(frozen=True)
class Reply:
    """What is answered; `cut`: the connection breaks before the body's last byte. `raw`: other bytes than
    the body as JSON. `without`: headers that are left out. The checksum is that of the bytes, unless
    `headers` has another."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    cut: bool = False
    raw: bytes | None = None
    without: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.status == 200

    def but(self, **members: Any) -> Reply:
        """The same with other members of the body; None takes one away."""
        body = {**self.body, **members}
        return replace(self, body={k: v for k, v in body.items() if v is not None})


Send = Callable[[Call], Reply]
#: Gets a request and what sends one to the engine; None: the connection is dropped, with no answer.
Lie = Callable[[Call, Send], Reply | None]


def honest(call: Call, send: Send) -> Reply:
    """No lie."""
    return send(call)


def error(code: str, message: str = "", *, status: int = 400, **more: Any) -> Reply:
    """An answer as DynamoDB gives it for an error."""
    return Reply(status, {"__type": _ERRORS + code, "message": message, **more})


def cancelled(*codes: str) -> Reply:
    """A transaction cancelled for these reasons."""
    reasons = [{"Code": code} | ({"Message": code} if code != "None" else {}) for code in codes]
    return error(
        "TransactionCanceledException",
        f"Transaction cancelled [{', '.join(codes)}]",
        Message=f"Transaction cancelled [{', '.join(codes)}]",
        CancellationReasons=reasons,
    )


class LyingProxy:
    """Serves while it is entered. `lie` may be exchanged at any time; `calls` are the names of the
    requests that came, in order, and `sent` those that went on to the engine."""

    def __init__(self, engine_url: str, lie: Lie = honest) -> None:
        self.lie = lie
        self.calls: list[str] = []
        self.sent: list[str] = []
        self._engine = urlsplit(engine_url)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end()

    def answer(self, call: Call) -> Reply | None:
        self.calls.append(call.operation)
        return self.lie(call, self._send)

    def _send(self, call: Call) -> Reply:
        """Ask the engine itself, over a connection of its own."""
        self.sent.append(call.operation)
        headers = {k: v for k, v in call.headers.items() if k.lower() not in _NOT_PASSED_ON}
        headers["X-Amz-Target"] = _PREFIX + call.operation
        with closing(
            http.client.HTTPConnection(
                self._engine.hostname or "", self._engine.port, timeout=_TIMEOUT_S
            )
        ) as connection:
            connection.request("POST", "/", json.dumps(call.body).encode(), headers)
            response = connection.getresponse()
            content = response.read()
        passed = {k: v for k, v in response.headers.items() if k.lower() not in _NOT_PASSED_ON}
        return Reply(response.status, json.loads(content), passed)


class _Server(ThreadingHTTPServer):
    # Leaving waits for every handler: no thread and no socket outlives a test.
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, proxy: LyingProxy) -> None:
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        self._faults: list[BaseException] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        fault = sys.exc_info()[1]
        # A client that has gone away is its own business.
        if fault is not None and not isinstance(fault, ConnectionError):
            self._faults.append(fault)

    def end(self) -> None:
        """Close what clients keep open; raise what went wrong in a lie."""
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        self.server_close()
        if self._faults:
            raise self._faults[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").removeprefix(_PREFIX)
        reply = self.server.proxy.answer(Call(operation, json.loads(content), dict(self.headers)))
        if reply is None:
            self.close_connection = True
            return
        body = json.dumps(reply.body).encode() if reply.raw is None else reply.raw
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "Content-Length": str(len(body)),
            "x-amz-crc32": str(crc32(body)),
            **reply.headers,
        }
        self.send_response_only(reply.status)
        for name, value in headers.items():
            if name not in reply.without:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:-1] if reply.cut else body)
        self.close_connection = (
            self.close_connection or reply.cut or "Content-Length" in reply.without
        )

    def log_message(self, *_: Any) -> None:
        """Not on the terminal."""
