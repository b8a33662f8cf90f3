"""The demonstration that ships with the project: all 14 types, and what of them anybody can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reference_impl.cli.main import cli
from reference_impl.contract.tables import ENTITIES
from reference_impl.demo import load_demo


def test_it_has_every_entity_type_and_shows_what_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["demo", "--json"], catch_exceptions=False)
    shown = json.loads(done.stdout)
    assert done.exit_code == 0
    assert shown["findings"] == []
    assert {item["entity"] for item in shown["items"]} >= ENTITIES.keys()
    title = next(call for call in load_demo() if call["method"] == "create_dialogue")
    assert title["params"]["title"] not in done.stdout
    meta = next(item for item in shown["items"] if item["sort_key"] == "meta")
    assert meta["clear"]["status"] == "converged"
    assert "title" in meta["sealed_fields"]
    ref = next(item for item in shown["items"] if item["entity"] == "ref")
    assert (ref["sealed_fields"], ref["sealed_bytes"]) == ([], 0)
    assert list(tmp_path.iterdir()) == []


def test_the_table_names_every_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["demo"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "14 of 14 entity types" in done.stdout
    assert "perspective#01#01" in done.stdout
    assert "every item is as written" in done.stdout


def test_it_writes_to_a_store_of_ones_own(tmp_path: Path) -> None:
    config = tmp_path / "store.toml"
    config.write_text(
        f'[storage]\nbackend = "sqlite"\n[storage.sqlite]\npath = "{tmp_path}/d.db"\n'
        f'[keys]\npath = "{tmp_path}/keys/umk.key"\n'
    )
    done = CliRunner().invoke(
        cli, ["demo", "--config", str(config), "--json"], catch_exceptions=False
    )
    assert len(json.loads(done.stdout)["items"]) == 37
    assert (tmp_path / "d.db").is_file()
