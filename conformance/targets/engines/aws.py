"""DynamoDB itself, as the engine `aws`: never taken unasked, and only under names of one's own.

A run makes and deletes tables in the account that boto3's usual credentials lead to, billed on
demand. So it wants to be told twice: `--allow-remote`, and the prefix of its tables' names, to
which an IAM policy can confine it (`arn:aws:dynamodb:REGION:ACCOUNT:table/PREFIX*`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from conformance.targets.engines.base import Engine
from conformance.targets.engines.errors import EngineUsage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["LONGEST_PREFIX", "AwsEngine", "check_prefix"]

#: Leaves room for the suite's own part of a table's name, which has 255 characters at most.
LONGEST_PREFIX = 100
_PREFIX = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST_PREFIX}}}")
_API_VERSION = "2012-08-10"


class AwsEngine(Engine):
    """DynamoDB in AWS, with the user's own credentials and no endpoint.

    Raises `EngineUsage` without leave, prefix or region, and where DYNAMODB_ENDPOINT says that
    another engine is meant. Nothing is asked of AWS yet.
    """

    name = "aws"
    credentials = None

    def __init__(
        self, environ: Mapping[str, str], *, allow_remote: bool, table_prefix: str
    ) -> None:
        if not allow_remote:
            raise EngineUsage(
                "engine `aws` makes and deletes tables in your AWS account, which costs time and "
                "money: add --allow-remote if that is meant"
            )
        if not table_prefix:
            raise EngineUsage(
                "engine `aws` needs the prefix that its tables' names shall begin with: "
                "--table-prefix, or CONFORMANCE_TABLE_PREFIX in the environment"
            )
        check_prefix(table_prefix)
        if environ.get("DYNAMODB_ENDPOINT"):
            raise EngineUsage(
                "engine `aws` has no endpoint, but DYNAMODB_ENDPOINT is set: unset it, or take "
                "engine `endpoint`"
            )
        self.table_prefix = table_prefix
        self.region = _region(environ)

    @property
    def endpoint_url(self) -> None:
        return None

    @property
    def emulator(self) -> bool:
        return False

    def describe(self) -> dict[str, str]:
        return {"kind": "aws", "version": _API_VERSION}

    def environment(self) -> dict[str, str | None]:
        # Settings of boto3's own that lead elsewhere would make the report name the wrong engine.
        return super().environment() | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing was started, so nothing is stopped."""


def check_prefix(prefix: str) -> None:
    """`EngineUsage` unless the names of tables can begin so; no prefix at all is fine."""
    if prefix and not _PREFIX.fullmatch(prefix):
        raise EngineUsage(
            f"a table prefix has 1 to {LONGEST_PREFIX} letters, digits and characters of `_.-`"
        )


def _region(environ: Mapping[str, str]) -> str:
    named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if named:
        return named
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        configured = botocore.session.Session().get_config_variable("region")
    except BotoCoreError as fault:
        raise EngineUsage(f"AWS is not configured: {fault}") from None
    if not configured:
        raise EngineUsage("engine `aws` needs a region: set AWS_REGION")
    return str(configured)
