"""A boto3 client for DynamoDB with bounded times and no retries of its own. Imports boto3 when called."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...contract.errors import error
from .answers import watch

if TYPE_CHECKING:
    import botocore.session
    from botocore.loaders import Loader
    from types_boto3_dynamodb.client import DynamoDBClient

__all__ = ["is_loopback", "make_client", "shown"]

# DynamoDB Local asks for a name and a region and checks neither; where nothing is configured every
# process takes these, because it keeps tables of different names apart.
_LOCAL_KEYS = {"aws_access_key_id": "dummy", "aws_secret_access_key": "dummy"}
_LOCAL_REGION = "us-east-1"
#: The sources of keys that boto3 only has to read: variables, and its two files.
_WRITTEN_DOWN = ("env", "shared-credentials-file", "config-file")


def make_client(
    *,
    region: str | None,
    endpoint: str | None,
    connect_timeout_s: float = 2.0,
    read_timeout_s: float = 5.0,
    options: Mapping[str, Any] | None = None,
    loader: Loader | None = None,
) -> DynamoDBClient:
    """The client. One call is one request: the layer above owns retries and deadline (ERR-04).

    ``endpoint``: a URL, None for AWS, which no other setting of boto3's changes. ``region`` None: that of
    AWS_REGION or of the AWS configuration. ``options``: more arguments for ``Session.client``. ``loader``:
    what reads boto3's descriptions of AWS, so that a further client costs a fifth of the first. A loopback
    endpoint needs no credentials and no region. Errors: ``unknown_setting`` (no region, a bad URL),
    ``access_denied`` (a profile that is not there).
    """
    import boto3.session
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, InvalidRegionError, NoRegionError

    if endpoint is not None and not _is_url(endpoint):
        raise error(
            "unknown_setting", "the endpoint is not a URL; give one such as http://127.0.0.1:8000"
        )
    local = endpoint is not None and is_loopback(endpoint)
    more = dict(options or {})
    # The other AWS SDKs read AWS_REGION; boto3 knows AWS_DEFAULT_REGION alone.
    region = more.pop("region_name", None) or region or os.environ.get("AWS_REGION") or None
    settings: dict[str, Any] = {
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "connect_timeout": connect_timeout_s,
        "read_timeout": read_timeout_s,
        "tcp_keepalive": True,
        # "auto", which a configuration file may say, asks the network where this machine stands.
        "defaults_mode": "legacy",
        "max_pool_connections": 50,
        # The store writes every request itself; checking each again costs time.
        "parameter_validation": False,
        # DYNAMODB_ENDPOINT is the one way to another place (CONF-01).
        "ignore_configured_endpoint_urls": True,
        "proxies": {} if local else None,
    }
    try:
        core = _local_session() if local else botocore.session.Session()
        if loader is not None:
            core.register_component("data_loader", loader)
        session = boto3.session.Session(botocore_session=core, region_name=region)
        if local and "aws_access_key_id" not in more and session.get_credentials() is None:
            more |= _LOCAL_KEYS
        client: DynamoDBClient = session.client(
            "dynamodb",
            **{
                "region_name": session.region_name or (_LOCAL_REGION if local else None),
                "endpoint_url": endpoint,
                "config": Config(**settings),
                **more,
            },
        )
        # By default boto3 takes an answer that was cut off for an empty one: an item that is not there.
        watch(client)
        return client
    except NoRegionError:
        raise error(
            "unknown_setting", "no AWS region: give storage.dynamodb.region or AWS_REGION"
        ) from None
    except (InvalidRegionError, ValueError):
        raise error("unknown_setting", "the endpoint or region for DynamoDB is malformed") from None
    except BotoCoreError as fault:
        raise error("access_denied", f"no AWS credentials ({type(fault).__name__})") from None


def _local_session() -> botocore.session.Session:
    """A session that has keys only where they stand written down: nobody has to ask a role, a program, a
    container or the network for keys that this machine's engine does not check."""
    import botocore.session
    from botocore.exceptions import ProfileNotFound

    session = botocore.session.Session()
    try:
        session.get_scoped_config()
    except ProfileNotFound:  # AWS_PROFILE may name one of another machine's
        session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    resolver = session.get_component("credential_provider")
    for provider in list(resolver.providers):
        if provider.METHOD not in _WRITTEN_DOWN:
            resolver.remove(provider.METHOD)
    return session


def is_loopback(endpoint: str) -> bool:
    """Whether a URL names this machine."""
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_url(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def shown(endpoint: str) -> str:
    """A URL for messages: without a user name and password."""
    parts = urlsplit(endpoint)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
