"""An engine on this machine: nobody is asked for keys, whatever the user's AWS configuration says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

#: Makes a client and prints the key's name with which it would sign.
SCRIPT = """
import sys
from reference_impl.partitions.dynamodb.client import make_client
client = make_client(region=None, endpoint="http://127.0.0.1:1")
signed = []
client.meta.events.register(
    "before-send.dynamodb", lambda request, **_: signed.append(request.headers["Authorization"])
)
try:
    client.get_item(TableName="t", Key={"pk": {"S": "p"}, "sk": {"S": "s"}})
except Exception as fault:
    assert type(fault).__name__ == "EndpointConnectionError", fault
value = signed[0] if isinstance(signed[0], str) else signed[0].decode()
print(value.split("Credential=")[1].split("/")[0])
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Who asks for keys by the network asks here, and is noticed."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


def was_asked(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def key_name(folder: Path, config: str, **environment: str) -> str:
    (folder / "config").write_text(config)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={
            **kept,
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "HOME": str(folder),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_role_no_program_no_container_and_no_machine_is_asked(
    tmp_path: Path, listener: socket.socket
) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ran = tmp_path / "ran"
    program = f'credential_process = {sys.executable} -c "open({str(ran)!r}, {"w"!r})"\n'
    base = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n"
    role = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"
    web = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = t\n"
    (tmp_path / "t").write_text("token")
    sts = {"AWS_PROFILE": "p", "AWS_ENDPOINT_URL_STS": url, "AWS_REGION": "us-east-1"}
    assert key_name(tmp_path, base + role, **sts) == "dummy"
    assert key_name(tmp_path, web.replace("= t\n", f"= {tmp_path}/t\n"), **sts) == "dummy"
    assert key_name(tmp_path, f"[profile p]\n{program}", AWS_PROFILE="p") == "dummy"
    assert key_name(tmp_path, "", AWS_CONTAINER_CREDENTIALS_FULL_URI=url) == "dummy"
    assert key_name(tmp_path, "", AWS_EC2_METADATA_SERVICE_ENDPOINT=url) == "dummy"
    automatic = "[default]\ndefaults_mode = auto\n"
    assert key_name(tmp_path, automatic, AWS_EC2_METADATA_SERVICE_ENDPOINT=url) == "dummy"
    assert not ran.exists()
    assert not was_asked(listener)


def test_a_profile_that_is_not_there_is_not_needed(tmp_path: Path) -> None:
    assert key_name(tmp_path, "", AWS_PROFILE="of-another-machine") == "dummy"


def test_keys_that_are_given_are_used(tmp_path: Path) -> None:
    """DynamoDB Local keeps the tables of different keys apart."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "x"}
    assert key_name(tmp_path, "", **keys) == "AKIDENV"
    profile = "[profile p]\naws_access_key_id = AKIDFILE\naws_secret_access_key = x\n"
    assert key_name(tmp_path, profile, AWS_PROFILE="p") == "AKIDFILE"
