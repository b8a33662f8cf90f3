"""Configuration (CONF-01, CONF-02): one file or the same as keywords, one backend, no unknown key."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.suite.kit.marks import profile, rules
from reference_impl import DynamoDialogueStore, SqliteDialogueStore, create_dialogue_store
from reference_impl.config import _SETTINGS, read_config
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.store import composing
from reference_impl.store.runtime import SYSTEM
from reference_impl.testing import exchanged

# `conformance spec` runs this module: it proves two rules that no backend claims.
pytestmark = profile("project")

NAME = 'name = "laptop"\n'
TOML = """
deadline_s = 3
[storage]
backend = "sqlite"
name = "laptop"
[storage.sqlite]
path = "PATH/dialogues.db"
[keys]
provider = "local-file"
path = "PATH/keys/umk.key"
user_id = "ada"
[audit]
principal = "ada@desk"
"""


def refused(code: str, config: Any = None, **settings: Any) -> DialogueStoreError:
    with pytest.raises(DialogueStoreError) as caught:
        read_config(config, environ={}, **settings)
    assert caught.value.code == code
    return caught.value


@rules("CONF-01")
def test_a_file_and_keywords_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "store.toml"
    file.write_text(TOML.replace("PATH", str(tmp_path)))
    keywords = read_config(
        environ={},
        deadline_s=3,
        storage={
            "backend": "sqlite",
            "name": "laptop",
            "sqlite": {"path": str(tmp_path / "dialogues.db")},
        },
        keys={
            "provider": "local-file",
            "path": str(tmp_path / "keys" / "umk.key"),
            "user_id": "ada",
        },
        audit={"principal": "ada@desk"},
    )
    assert read_config(file, environ={}) == keywords
    assert keywords.path == tmp_path / "dialogues.db"
    assert (keywords.user_id, keywords.deadline_s, keywords.principal) == ("ada", 3.0, "ada@desk")


@rules("CONF-01", "CONF-02")
def test_the_file_makes_a_store_that_works(tmp_path: Path) -> None:
    file = tmp_path / "store.toml"
    file.write_text(TOML.replace("PATH", str(tmp_path)).replace(NAME, ""))
    with create_dialogue_store(file) as store:
        assert isinstance(store.partitions, SqlitePartitionStore)
        store.create_dialogue("d", "title")
    with create_dialogue_store(file) as store:
        assert store.get_dialogue("d").title == "title"
        assert store.verify_chain("d").ok
    assert (tmp_path / "dialogues.db").is_file()
    assert (tmp_path / "keys" / "umk.key").stat().st_mode & 0o777 == 0o600


@rules("CONF-02")
@pytest.mark.parametrize(
    "settings",
    [
        {"storage": {"backend": "sqlite", "sqlite": {"path": "x", "pahts": "y"}}},
        {"storage": {"backend": "sqlite", "sqlite": {"path": "x"}}, "randomness": "seeded"},
        {"storage": {"backend": "sqlite", "sqlite": {"path": "x"}}, "clock": "2026"},
        {"storage": {"backend": "sqlite", "sqlite": {"path": "x"}, "mysql": {}}},
    ],
    ids=["misspelt", "randomness", "clock", "another backend"],
)
def test_an_unknown_key_is_named(settings: dict[str, Any]) -> None:
    failure = refused("unknown_setting", settings)
    assert failure.data["setting"] in failure.message


@rules("CONF-01")
@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("missing_field", {}),
        ("missing_field", {"storage": {"backend": "sqlite"}}),
        ("invalid_field", {"storage": {"backend": "mongodb"}}),
        ("invalid_field", {"storage": "sqlite"}),
        ("invalid_field", {"storage": {"backend": "sqlite", "sqlite": {"path": 7}}}),
        ("invalid_field", {"storage": {"backend": "dynamodb"}, "deadline_s": 0}),
        ("invalid_field", {"storage": {"backend": "dynamodb"}, "deadline_s": True}),
        ("invalid_field", {"storage": {"backend": "dynamodb"}, "keys": {"provider": "vault"}}),
        ("invalid_identifier", {"storage": {"backend": "dynamodb", "name": "a b"}}),
    ],
)
def test_a_wrong_setting_is_refused(code: str, settings: dict[str, Any]) -> None:
    refused(code, settings)


@rules("CONF-01")
def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    assert "nowhere.toml" in refused("missing_field", tmp_path / "nowhere.toml").message
    broken = tmp_path / "broken.toml"
    broken.write_text("[storage\n")
    assert "broken.toml" in refused("invalid_field", broken).message
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "caf\xe9"\n')
    assert "UTF-8" in refused("invalid_field", latin).message
    refused("invalid_field", tmp_path / "broken.toml", storage={})


@rules("CONF-01")
def test_the_environment_overrides_the_endpoint_and_nothing_else() -> None:
    settings = {"storage": {"backend": "dynamodb", "dynamodb": {"endpoint": "http://127.0.0.1:1"}}}
    plain = read_config(settings, environ={})
    other = read_config(settings, environ={"DYNAMODB_ENDPOINT": "http://127.0.0.1:2"})
    assert (plain.endpoint, other.endpoint) == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert read_config({"storage": {"backend": "dynamodb"}}, environ={}).endpoint is None
    assert {name for name in plain.__slots__ if getattr(plain, name) != getattr(other, name)} == {
        "endpoint"
    }


@rules("CONF-02")
def test_one_backend_is_made_and_none_is_fallen_back_to(tmp_path: Path) -> None:
    with create_dialogue_store(
        storage={
            "backend": "dynamodb",
            "dynamodb": {"endpoint": "http://127.0.0.1:9", "region": "us-east-1"},
        },
        keys={"path": str(tmp_path / "umk.key")},
        deadline_s=0.2,
    ) as store:
        assert isinstance(store.partitions, DynamoPartitionStore)
        with pytest.raises(DialogueStoreError) as caught:
            store.get_dialogue("d")
    assert caught.value.code == "backend_unavailable"
    assert "DynamoDB" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@rules("CONF-01")
def test_no_configured_store_takes_randomness_or_a_clock() -> None:
    """A production configuration has no way to replace either."""
    for make in (SqliteDialogueStore, DynamoDialogueStore):
        assert not {"clock", "randomness", "runtime"} & inspect.signature(make).parameters.keys()


@rules("CONF-01")
def test_a_configured_store_uses_the_systems_randomness(tmp_path: Path) -> None:
    assert SYSTEM.randomness is os.urandom
    seen: list[Any] = []

    def watched(honest: Callable[..., Any], *args: Any, **settings: Any) -> Any:
        seen.append(settings.get("runtime", SYSTEM))
        return honest(*args, **settings)

    with (
        exchanged(composing.compose, watched),
        create_dialogue_store(
            storage={"backend": "sqlite", "sqlite": {"path": str(tmp_path / "d.db")}},
            keys={"path": str(tmp_path / "umk.key")},
        ),
    ):
        assert seen == [SYSTEM]


@rules("CONF-01")
def test_a_read_only_store_needs_a_sink(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "storage": {"backend": "sqlite", "sqlite": {"path": str(tmp_path / "d.db")}},
        "keys": {"path": str(tmp_path / "umk.key")},
    }
    with create_dialogue_store(settings) as store:
        store.create_dialogue("d", "title")
    with pytest.raises(DialogueStoreError) as caught:
        create_dialogue_store({**settings, "read_only": True})
    assert caught.value.code == "audit_unavailable"
    sink = tmp_path / "reads.jsonl"
    with create_dialogue_store(
        {**settings, "read_only": True, "audit": {"sink": str(sink)}}
    ) as store:
        assert store.get_dialogue("d").title == "title"
        with pytest.raises(DialogueStoreError) as caught:
            store.create_round("d", 0)
        assert caught.value.code == "access_denied"
    assert len(sink.read_text().splitlines()) == 3  # derive, unwrap, decrypt


#: Every setting that CONF-01 names, with a value that is right.
NAMED: dict[str, Any] = {
    "storage.backend": "sqlite",
    "storage.name": "laptop",
    "storage.sqlite.path": "d.db",
    "storage.dynamodb.table_name": "t",
    "storage.dynamodb.region": "eu-central-1",
    "storage.dynamodb.endpoint": "http://127.0.0.1:8000",
    "keys.provider": "local-file",
    "keys.path": "umk.key",
    "keys.cmk_arn": "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000",
    "keys.user_id": "ada",
    "keys.signing_key": "signing.key",
    "keys.signing_name": "laptop.example",
    "deadline_s": 3,
    "read_only": False,
    "audit.principal": "ada",
    "audit.sink": "reads.jsonl",
}


def tree(flat: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for where, value in flat.items():
        *tables, last = where.split(".")
        table = out
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    return out


def with_settings(**given: Any) -> dict[str, Any]:
    least = {"storage.backend": "sqlite", "storage.sqlite.path": "d.db"}
    return tree({**least, **{name.replace("__", "."): value for name, value in given.items()}})


@rules("CONF-01")
def test_every_setting_of_the_contract_is_known_and_no_other() -> None:
    assert NAMED.keys() == _SETTINGS.keys()
    chosen = read_config(
        tree({name: value for name, value in NAMED.items() if name != "keys.cmk_arn"}), environ={}
    )
    assert chosen.signing_key == Path("signing.key")
    assert chosen.signing_name == "laptop.example"
    failure = refused("invalid_field", tree(NAMED))  # two sources of one key
    assert failure.data["setting"] == "keys.cmk_arn"


@rules("CONF-01", "CONF-02")
def test_a_provider_that_is_not_built_is_refused_by_its_name(tmp_path: Path) -> None:
    """Never the local key in its place."""
    kms = with_settings(keys__provider="aws-kms", keys__cmk_arn=NAMED["keys.cmk_arn"])
    failure = refused("invalid_field", kms)
    assert failure.data["setting"] == "keys.provider"
    assert "aws-kms" in failure.message
    with pytest.raises(DialogueStoreError):
        create_dialogue_store(kms)
    for given in ({}, {"cmk_arn": "alias"}):  # what it needs is not asked for in vain
        settings = {**with_settings(), "keys": {"provider": "aws-kms", **given}}
        assert refused("invalid_field", settings).data["setting"] == "keys.provider"
    other = {**with_settings(), "keys": {"provider": "aws-kms", "path": "x"}}
    assert refused("invalid_field", other).data["setting"] == "keys.path"


@rules("CONF-01")
@pytest.mark.parametrize("name", ["", "a b", "a\u2003b", "a+b", "a\n", "\x85", "\ud800"])
def test_a_signing_name_that_no_note_can_have(name: str) -> None:
    settings = with_settings(keys__signing_key="k", keys__signing_name=name)
    assert refused("invalid_field", settings).data["setting"] == "keys.signing_name"


@rules("CONF-01")
def test_half_a_signature_is_none() -> None:
    for given, missing in (("signing_key", "signing_name"), ("signing_name", "signing_key")):
        failure = refused("missing_field", with_settings(**{f"keys__{given}": "x"}))
        assert failure.data["setting"] == f"keys.{missing}"


@rules("CONF-01")
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("deadline_s", 10**400),
        ("deadline_s", 1e300),
        ("deadline_s", float("nan")),
        ("storage.sqlite.path", "d\0b"),
        ("storage.sqlite.path", "\ud800"),
        ("keys.path", "d\0b"),
        ("keys.path", ""),
        ("keys.signing_key", "d\0b"),
        ("audit.sink", "d\0b"),
        ("audit.sink", "~nobody-of-this-name/x"),
        ("audit.principal", "a\nb"),
        ("audit.principal", ""),
        ("keys.user_id", "x" * 256),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_settings_name(setting: str, value: Any) -> None:
    settings = with_settings(**{setting.replace(".", "__"): value})
    if setting == "keys.signing_key":
        settings["keys"]["signing_name"] = "x"
    failure = refused("invalid_field", settings)
    assert setting in failure.message
    assert "user_id" not in failure.message or setting == "keys.user_id"


@rules("CONF-01")
@pytest.mark.parametrize(
    "text", [f"deadline_s = 1{'0' * 400}", f"deadline_s = 1{'0' * 5000}", f"x = {'[' * 9999}"]
)
def test_a_file_with_values_out_of_measure_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "store.toml"
    file.write_text(f'{text}\n[storage]\nbackend = "dynamodb"\n')
    refused("invalid_field", file)
    refused("invalid_field", "a\0b")


@rules("CONF-01")
def test_a_principal_is_not_called_a_user_id(tmp_path: Path) -> None:
    with pytest.raises(DialogueStoreError) as caught:
        SqliteDialogueStore(tmp_path / "d.db", principal="a\nb")
    assert caught.value.code == "invalid_field"
    assert caught.value.message.startswith("principal must be")


@rules("CONF-01")
@pytest.mark.parametrize(
    "given",
    [
        {"storage__name": "laptop"},
        {"keys__signing_key": "signing.key", "keys__signing_name": "laptop.example"},
    ],
    ids=["name", "signing"],
)
def test_a_setting_that_nothing_uses_yet_is_refused_and_not_overlooked(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DialogueStoreError, match="Leave it out") as caught:
        create_dialogue_store(with_settings(**given))
    assert caught.value.data["setting"] in {name.replace("__", ".") for name in given}
    assert list(tmp_path.iterdir()) == []


@rules("CONF-01")
def test_a_file_for_events_is_refused_where_nothing_would_write_it(tmp_path: Path) -> None:
    settings = with_settings(
        storage__sqlite__path=str(tmp_path / "d.db"), audit__sink=str(tmp_path / "reads.jsonl")
    )
    with pytest.raises(DialogueStoreError) as caught:
        create_dialogue_store(settings)
    assert caught.value.code == "invalid_field"
    assert caught.value.data["setting"] == "audit.sink"
    assert "Leave out [audit] sink" in caught.value.message


@rules("CONF-01")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            with_settings(storage__name="laptop"),
            (
                "the setting storage.name is not used by this release, which neither moves dialogues nor "
                "signs. Leave it out."
            ),
        ),
        (
            with_settings(keys__provider="aws-kms"),
            "the setting keys.provider names aws-kms, which this release cannot use yet. Use local-file.",
        ),
        (
            with_settings(read_only=True),
            (
                "a store that is opened for reading only cannot write its audit events beside the dialogues. "
                "Name a file for them: [audit] sink in the configuration, audit_sink in code."
            ),
        ),
        (
            with_settings(storage__backend="postgres"),
            "the setting storage.backend must be sqlite or dynamodb. Correct the value.",
        ),
    ],
)
def test_what_is_said_fits_what_is_to_be_done(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DialogueStoreError) as caught:
        create_dialogue_store(settings)
    assert caught.value.message == message
