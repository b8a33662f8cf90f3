"""CONF-01: the endpoint is the only difference between the local and the production client."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from reference_impl.factory import create_dialogue_store
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore

LOCAL = "http://127.0.0.1:8000"
AWS = "https://dynamodb.eu-central-1.amazonaws.com"
CONFIG: dict[str, Any] = {
    "storage": {
        "backend": "dynamodb",
        "dynamodb": {"table_name": "blue_dialogues", "region": "eu-central-1"},
    },
    "deadline_s": 7,
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials as in production, and nothing else that boto3 listens to."""
    for name in (*PROXIES, *(name.lower() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "DYNAMODB_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))


def client(**changes: Any) -> Any:
    """The client of a store that is made from the configuration; it has asked nobody anything."""
    storage = {**CONFIG["storage"], "dynamodb": {**CONFIG["storage"]["dynamodb"], **changes}}
    with create_dialogue_store({**CONFIG, "storage": storage}) as store:
        partitions = store.partitions
        assert isinstance(partitions, DynamoPartitionStore)
        return partitions.client


def settings(client: Any) -> dict[str, Any]:
    """Everything that decides what a client sends, where to, how it waits and who signs."""
    found = {f"config.{name}": value for name, value in vars(client.meta.config).items()}
    given = dict(found.pop("config._user_provided_options"))
    # None: what the environment says, and it names no proxy here. So both mean the same.
    given["proxies"] = given.get("proxies") or None
    found["config.proxies"] = found["config.proxies"] or None
    for place, name in ((found, "config.user_agent"), (given, "user_agent")):
        # In it botocore tells AWS which of its features are used, an own endpoint among them.
        place[name] = re.sub(r" m/\S+", "", place[name])
    sender = client._endpoint.http_session
    signer = client._request_signer
    return {
        **found,
        **{f"given.{name}": value for name, value in given.items()},
        "endpoint": client.meta.endpoint_url,
        "endpoint of requests": client._endpoint.host,
        "region": client.meta.region_name,
        "api": (client.meta.service_model.service_name, client.meta.service_model.api_version),
        "protocol": client.meta.service_model.resolved_protocol,
        "signer": (signer.signature_version, signer.signing_name, signer.region_name),
        "credentials": signer._credentials.get_frozen_credentials(),
        "timeouts": (sender._timeout.connect_timeout, sender._timeout.read_timeout),
        "connections": sender._max_pool_connections,
        "verify": sender._verify,
    }


def different(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_the_endpoint_is_the_only_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    production = settings(client())
    monkeypatch.setenv("DYNAMODB_ENDPOINT", LOCAL)
    local = settings(client())
    assert (local["endpoint"], production["endpoint"]) == (LOCAL, AWS)
    assert different(local, production) == {"endpoint", "endpoint of requests"}


def test_a_configured_endpoint_is_no_other_difference() -> None:
    assert different(settings(client(endpoint=LOCAL)), settings(client())) == {
        "endpoint",
        "endpoint of requests",
    }


def test_another_difference_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    production = settings(client())
    elsewhere = different(settings(client(region="eu-west-1")), production)
    assert {"region", "signer", "endpoint"} <= elsewhere
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    assert different(settings(client()), production) == {"credentials"}
    monkeypatch.setattr(
        "reference_impl.partitions.dynamodb.store.make_client",
        lambda **given: _make(**{**given, "read_timeout_s": 50.0}),
    )
    assert "timeouts" in different(settings(client()), production)


def _make(**given: Any) -> Any:
    from reference_impl.partitions.dynamodb.client import make_client

    return make_client(**given)


class Recorder:
    """A client that answers every read with nothing, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.meta = MagicMock()

    def __getattr__(self, operation: str) -> Any:
        def answer(**request: Any) -> dict[str, Any]:
            self.asked.append((operation, request))
            return {"Items": []}

        return answer


def test_every_read_asks_for_the_latest() -> None:
    """DynamoDB Local could not tell the difference (STORE-18)."""
    recorder: Any = Recorder()
    partitions = DynamoPartitionStore("t", client=recorder)
    partitions.get("dialogue#d", "head")
    partitions.query("dialogue#d")
    partitions.last("audit#d", prefix="w#")
    list(partitions.stream("audit#d"))
    partitions.holds_wrapped_keys()
    asked = [(operation, request["ConsistentRead"]) for operation, request in recorder.asked]
    assert asked == [
        ("get_item", True),
        ("query", True),
        ("query", True),
        ("query", True),
        ("scan", True),
    ]


def test_the_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMODB_ENDPOINT", "http://127.0.0.1:8001")
    assert client(endpoint=LOCAL).meta.endpoint_url == "http://127.0.0.1:8001"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_unset_means_aws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("DYNAMODB_ENDPOINT", "")
    assert client().meta.endpoint_url == AWS


def test_a_local_engine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("DYNAMODB_ENDPOINT", LOCAL)
    assert client().meta.config.proxies == {}
    assert client()._endpoint.http_session._proxy_config._proxies == {}


def test_the_region_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"storage": {"backend": "dynamodb"}}
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "eu-north-1" if name == "AWS_REGION" else "eu-west-3")
        with create_dialogue_store(config) as store:
            partitions = store.partitions
            assert isinstance(partitions, DynamoPartitionStore)
            expected = "eu-north-1" if name == "AWS_REGION" else "eu-west-3"
            assert partitions.client.meta.region_name == expected
