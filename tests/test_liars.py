"""The liars: what they declare, and how they are tried."""

from __future__ import annotations

import io
import json
import textwrap
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conformance.liars import Liar, all_rules, liar
from conformance.liars.kit.trial import Plan, Result, alone, chosen, run_liars
from conformance.report.liars import show_liars
from conformance.spec import BUILT, OWN_PROFILE, PLANNED, PROFILES, RULES
from reference_impl.contract import items
from reference_impl.sealing.keys import DekHandle
from tests.fake_suites import WHOLE, open_model, suite

SEEDED = """
from conformance.running.session import SESSION

@pytest.fixture
def seed(request):
    return request.config.stash[SESSION].seed
"""


def _liar(*must_fail: str, **more: Any) -> Liar:
    return Liar("liar", "Lies on ordinary input.", "core", must_fail, open_model, **more)


def _try(tmp_path: Path, body: str, liar: Liar, **plan: Any) -> Result:
    folder = suite(tmp_path, whole=WHOLE, more=SEEDED + textwrap.dedent(body))
    (result,) = run_liars([liar], plan=Plan(suite=folder, **plan))
    return result


# -- what is there ------------------------------------------------------------------------------------


def test_there_are_enough_and_each_tells_its_lie() -> None:
    liars = chosen()
    assert len(liars) >= 60
    assert [one.name for one in liars if len(one.lie) < 20 or one.lie[-1] not in ".,:"] == []
    assert {one.profile for one in liars} == {*BUILT, OWN_PROFILE}
    assert {one.name for one in liars if one.trivial} >= {
        *("null_store", "null_vault", "null_log"),
        *("echoes", "always_empty", "always_raises", "hangs"),
    }


def test_every_rule_of_the_built_profiles_has_a_liar_of_its_own() -> None:
    declared = {rule for one in chosen() if not one.trivial for rule in one.must_fail}
    names = (*BUILT, OWN_PROFILE)
    built = {(rule, name) for name in names for rule in PROFILES[name].rules}
    assert sorted({rule for rule, name in built - PLANNED.keys()} - declared) == []


@pytest.mark.parametrize("profile", BUILT)
def test_a_trivial_liar_declares_all_rules_of_its_profile(profile: str) -> None:
    trivial = [one for one in chosen() if one.trivial and one.profile == profile]
    assert [one.name for one in trivial if {*one.must_fail} != {*all_rules(profile)}] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"must_fail": ()},
        {"must_fail": ("STORE-99",)},
        {"must_fail": ("STORE-09",), "also": {"STORE-09": "the same"}},
        {"must_fail": ("STORE-09",), "also": {"STORE-10": ""}},
        {"must_fail": ("STORE-09",), "profile": "graph"},
    ],
)
def test_what_cannot_be_declared(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rule|declared|profile"):
        liar(**{"profile": "core", **wrong})


# -- how they are tried -------------------------------------------------------------------------------


def test_a_rule_that_only_chance_turns_red_is_tried_with_further_seeds(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_lucky(seed):
        assert seed != 0

    @rules("STORE-10")
    def test_any(seed):
        assert seed > 10

    @rules("STORE-11")
    def test_always():
        assert False
    """
    declared = _liar("STORE-09", "STORE-10", "STORE-11")
    result = _try(tmp_path, body, declared, seeds=3)
    assert result.lucky == ((1, "STORE-09"), (2, "STORE-09"))
    assert result.survived == ("STORE-09",)
    assert not result.killed
    assert _try(tmp_path, body, declared).killed


def test_only_own_rules_are_run_and_only_until_they_are_red(tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    body = f"""
    def note(what):
        with open({str(seen)!r}, "a") as file:
            file.write(what)

    @rules("STORE-09")
    def test_a():
        note("a")
        assert False

    @rules("STORE-09")
    def test_b():
        note("b")

    @rules("STORE-10")
    def test_c():
        note("c")
        assert False
    """
    result = _try(tmp_path, body, _liar("STORE-09"), only_own=True)
    assert (result.killed, result.failed, seen.read_text()) == (True, ("STORE-09",), "a")
    seen.unlink()
    result = _try(tmp_path, body, _liar("STORE-09"))
    assert (result.killed, result.unexpected, seen.read_text()) == (False, ("STORE-10",), "abc")


@pytest.mark.parametrize("code", ["not_applicable", "machine_error"])
def test_what_nobody_could_decide_settles_no_rule(tmp_path: Path, code: str) -> None:
    """A fork of what is in one process alone, say: the case after it has to be asked."""
    body = f"""
    from conformance.targets.guard import Undecided

    @rules("STORE-09")
    def test_a():
        raise Undecided({code!r}, "nothing was tried")

    @rules("STORE-09")
    def test_b():
        assert False
    """
    assert _try(tmp_path, body, _liar("STORE-09"), only_own=True).killed


def test_a_liar_that_nothing_catches_has_survived(tmp_path: Path) -> None:
    for only_own in (False, True):
        result = _try(tmp_path, "", _liar("STORE-09"), only_own=only_own)
        assert (result.killed, result.survived) == (False, ("STORE-09",))


def test_a_null_target_passes_nothing_and_fails_by_assertions(tmp_path: Path) -> None:
    red = "\n".join(
        f"@rules({rule!r})\ndef test_{number}():\n    assert False\n"
        for number, rule in enumerate(all_rules("core"))
    )
    declared = _liar(*all_rules("core"), trivial=True, null=True)
    folder = suite(tmp_path / "good", more=red)
    (result,) = run_liars([declared], plan=Plan(suite=folder))
    assert result.killed
    for name, body in {
        "passes": "\n@rules('STORE-09')\ndef test_more():\n    pass\n",
        "raises": "\n@rules('STORE-09')\ndef test_more():\n    int('x')\n",
    }.items():
        folder = suite(tmp_path / name, more=red + body)
        (result,) = run_liars([declared], plan=Plan(suite=folder))
        assert result.strange == ("test_more.py::test_more",)
        assert not result.killed


def test_a_lie_about_configuration_is_caught_by_the_projects_own_tests() -> None:
    liars = chosen(["overlooks_unknown_settings", "keeps_its_endpoint"])
    results = run_liars(liars)
    assert [(r.liar.name, r.killed, r.failed) for r in results] == [
        ("overlooks_unknown_settings", True, ("CONF-02",)),
        ("keeps_its_endpoint", True, ("CONF-01",)),
    ]
    assert "CONF-01" in alone([results[0]])
    assert "CONF-01" not in alone(results)


def test_a_liar_that_leaves_the_reference_changed_is_told(tmp_path: Path) -> None:
    def forget_to_put_back() -> AbstractContextManager[object]:
        monkeypatch.setattr(items, "MAX_ITEM_BYTES", 7)
        return nullcontext()

    def forget_a_method() -> AbstractContextManager[object]:
        monkeypatch.setattr(DekHandle, "sum_key", lambda self: b"")
        return nullcontext()

    with pytest.MonkeyPatch.context() as monkeypatch:
        declared = _liar("STORE-09", during=forget_a_method)
        with pytest.raises(RuntimeError, match=r"keys\.DekHandle\.sum_key changed"):
            _try(tmp_path / "method", "", declared)
    with pytest.MonkeyPatch.context() as monkeypatch:
        declared = _liar("STORE-09", during=forget_to_put_back)
        with pytest.raises(
            RuntimeError, match=r"left reference_impl\.contract\.items\.MAX_ITEM_BYTES"
        ):
            _try(tmp_path, "", declared)


@pytest.mark.integration
def test_several_at_once_tell_the_same() -> None:
    liars = chosen(["rounds_as_text", "rounds_times"])
    plan = Plan(only_own=True)
    told: list[str] = []
    results = run_liars(liars, plan=plan, jobs=2, tell=lambda one: told.append(one.liar.name))
    assert [(r.liar.name, r.killed, r.failed) for r in results] == [
        ("rounds_as_text", True, ("STORE-05",)),
        ("rounds_times", True, ("ADDR-07",)),
    ]
    assert sorted(told) == ["rounds_as_text", "rounds_times"]


# -- what is told -------------------------------------------------------------------------------------


def test_a_rule_without_a_liar_of_its_own_is_named_and_counts(tmp_path: Path) -> None:
    body = "\n@rules('STORE-09')\ndef test_bad():\n    assert False\n"
    result = _try(tmp_path / "suite", body, _liar("STORE-09"))
    assert "STORE-09" not in alone([result])
    assert {*alone([result]), "STORE-09"} == {"ADDR-06", "CONF-01", "CONF-02"} | {
        rule for rule in RULES if any(rule in PROFILES[name].rules for name in BUILT)
    }
    path = tmp_path / "out" / "liars.json"
    console = Console(record=True, width=200, file=io.StringIO())
    assert show_liars(console, [result], path, whole=False) == 0
    assert show_liars(console, [result], path, whole=True) == 1
    assert "rules without a liar of their own: ADDR-01" in console.export_text()
    made = json.loads(path.read_text(encoding="utf-8"))
    assert made["liars"][0]["killed"] is True
    assert made["rules"]["STORE-09"] == ["liar"]
    table = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "| liar | Lies on ordinary input. |" in table
    assert "1 of 1 liars caught" in table
