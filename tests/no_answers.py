"""What comes back over a dishonest network and is no answer of DynamoDB's (ERR-04)."""

from __future__ import annotations

import gzip

from tests.lying_proxy import Reply

LOGIN = b"<!DOCTYPE html><title>Sign in</title><p>Please accept the terms of this network."
#: Each in the place of an answer, with the form of one but for what it is about.
NO_ANSWERS: dict[str, Reply] = {
    "login page": Reply(200, {}, {"Content-Type": "text/html"}, raw=LOGIN),
    "login page that claims to be JSON": Reply(200, {}, raw=LOGIN),
    "login page without a length": Reply(
        200, {}, {"Content-Type": "text/html"}, raw=LOGIN, without=("Content-Length", "x-amz-crc32")
    ),
    "redirection to it": Reply(
        302, {}, {"Location": "/login", "Content-Type": "text/html"}, raw=b""
    ),
    "refusal of a proxy": Reply(403, {}, {"Content-Type": "text/html"}, raw=LOGIN),
    "failure of a proxy": Reply(502, {}, {"Content-Type": "text/html"}, raw=LOGIN),
    "request that a proxy does not like": Reply(400, {}, raw=b"", without=("x-amz-crc32",)),
    "nothing": Reply(200, {}, raw=b""),
    "nothing, and no length": Reply(200, {}, raw=b"", without=("Content-Length",)),
    "list": Reply(200, {}, raw=b"[]"),
    "null": Reply(200, {}, raw=b"null"),
    "text": Reply(200, {}, raw=b'"{}"'),
    "number": Reply(200, {}, raw=b"1"),
    "not UTF-8": Reply(200, {}, raw=b'{"a": "\xff\xfe"}'),
    "not JSON": Reply(200, {}, raw=b"{]"),
    "list for an error": Reply(400, {}, raw=b"[]"),
    "null for an error": Reply(500, {}, raw=b"null"),
    "not UTF-8 for an error": Reply(400, {}, raw=b"\xff\xfe"),
    "other content type": Reply(200, {}, {"Content-Type": "application/json"}),
    "no content type": Reply(200, {}, without=("Content-Type",)),
    "head that was cut off": Reply(
        200, {}, without=("Content-Type", "Content-Length", "x-amz-crc32"), cut=True
    ),
    "body that was cut off": Reply(200, {}, cut=True),
    "body that was cut off before its length was known": Reply(
        200, {"Item": {"pk": {"S": "p"}}}, cut=True, without=("Content-Length",)
    ),
    "body shorter than announced": Reply(200, {}, {"Content-Length": "7"}, cut=True),
    "wrong checksum": Reply(200, {}, {"x-amz-crc32": "1"}),
    "no checksum": Reply(200, {}, without=("x-amz-crc32",)),
    "checksum that is no number": Reply(200, {}, {"x-amz-crc32": "x"}),
    "wrong checksum of an error": Reply(
        400, {"__type": "x#ValidationException"}, {"x-amz-crc32": "1"}
    ),
    "compressed": Reply(200, {}, {"Content-Encoding": "gzip"}, raw=gzip.compress(b"{}")),
}
