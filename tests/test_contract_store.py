"""STORE-01 where a class is defined and under mypy, and the store classes as such (STORE-02, STORE-20).

The cases lie in typing_cases/: `bad.py` breaks the rule at the lines whose error is ignored there,
`good.py` keeps it. Both proofs run over the same classes.
"""

from __future__ import annotations
import __future__

import ast
import functools
import json
import runpy
from abc import ABC
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mypy.api
import pytest

from reference_impl.contract.analytics_store import AnalyticsStore
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import PartitionScoped
from reference_impl.contract.migration_store import MigrationStore

ROOT = Path(__file__).parent.parent
CASES = Path(__file__).parent / "typing_cases"
BAD = CASES / "bad.py"
GOOD = CASES / "good.py"
MARK = "partition-scoped"

NOT_FIRST = "the first parameter must be dialogue_id, without a default (STORE-01)"
NOT_SCOPED = "must be annotated to return a PartitionScoped or a list of them (STORE-01)"

# What each class of bad.py does wrong, written down by hand.
FAULTS = {
    "NoDialogueId": NOT_FIRST,
    "NoDialogueIdInOverride": NOT_FIRST,
    "NotFirst": NOT_FIRST,
    "ByNameOnly": NOT_FIRST,
    "ByPositionOnly": NOT_FIRST,
    "Many": NOT_FIRST,
    "AnyName": NOT_FIRST,
    "NoneMeansAll": NOT_FIRST,
    "NoDialogueIdInMigration": NOT_FIRST,
    "PlainList": NOT_SCOPED,
    "PlainListInOverride": NOT_SCOPED,
    "PlainResultInMigration": NOT_SCOPED,
    "NoResult": NOT_SCOPED,
    "MaybeNone": NOT_SCOPED,
    "Either": NOT_SCOPED,
    "Anything": NOT_SCOPED,
    "AnyList": NOT_SCOPED,
    "ListOfLists": NOT_SCOPED,
    "Mapped": NOT_SCOPED,
    "Streamed": NOT_SCOPED,
    "AcrossDialogues": NOT_SCOPED,
    "ItsStore": NOT_SCOPED,
    "Later": NOT_SCOPED,
    "Unannotated": NOT_SCOPED,
    "ResultUnannotated": NOT_SCOPED,
    "Abstract": NOT_SCOPED,
    "Overloaded": NOT_SCOPED,
    "FurtherDown": NOT_SCOPED,
    "Mixed": NOT_FIRST,
    "InPlaceOfClassMethod": NOT_SCOPED,
    "inside": NOT_SCOPED,
}


def _bad() -> tuple[dict[str, ast.stmt], list[ast.stmt]]:
    """The classes of bad.py that break the rule, by name, and the statements around them."""
    source = BAD.read_text(encoding="utf-8")
    lines = source.splitlines()
    wrong: dict[str, ast.stmt] = {}
    around: list[ast.stmt] = []
    for node in ast.parse(source).body:
        marked = any(MARK in line for line in lines[node.lineno - 1 : node.end_lineno])
        if marked and isinstance(node, ast.ClassDef | ast.FunctionDef):
            wrong[node.name] = node
        else:
            around.append(node)
    return wrong, around


def _run(statements: list[ast.stmt], scope: dict[str, Any]) -> None:
    module = ast.Module(statements, type_ignores=[])
    flags = __future__.annotations.compiler_flag
    exec(compile(module, str(BAD), "exec", flags=flags, dont_inherit=True), scope)


# -- at class definition -----------------------------------------------------------------------


def test_every_bad_class_is_listed() -> None:
    assert set(_bad()[0]) == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_class_cannot_be_defined(name: str) -> None:
    wrong, around = _bad()
    scope: dict[str, Any] = {"__name__": "bad"}
    _run(around, scope)
    statements = [wrong[name]]
    if isinstance(wrong[name], ast.FunctionDef):  # it defines its class when it is called
        statements += ast.parse(f"{name}()").body
    with pytest.raises(TypeError) as raised:
        _run(statements, scope)
    assert str(raised.value).endswith(FAULTS[name])
    assert f".{name}." in str(raised.value)


def test_good_classes_can_be_defined() -> None:
    found = runpy.run_path(str(GOOD))
    assert {name for name in found if name.startswith("Good")} == {
        *("GoodOverride", "GoodNewMethods", "GoodMigration", "GoodFree", "GoodInherits"),
        *("GoodMixin", "GoodMixed"),
    }


class Own(PartitionScoped):
    """A result of a backend's own."""


def _define(method: Any, name: str = "look", base: type = DialogueStore) -> type:
    return type("Defined", (base,), {name: method})


def _passes_on(method: Callable[..., Own]) -> Callable[..., Own]:
    def wrapper(*args: Any, **kwargs: Any) -> Own:
        return method(*args, **kwargs)

    return wrapper


def _scoped(self: object, dialogue_id: str) -> Own:
    return Own()


def _in_disguise(self: object, dialogue_id: str) -> Own:
    return Own()


_in_disguise.__annotations__["return"] = "Missing"


class _Callable:
    def __call__(self, dialogue_id: str) -> list[str]:
        return []


@pytest.mark.parametrize("base", [DialogueStore, MigrationStore])
def test_a_good_method_from_elsewhere_passes(base: type) -> None:
    _define(_scoped, base=base)
    _define(functools.wraps(_scoped)(_passes_on(_scoped)), base=base)
    _define(functools.lru_cache(_scoped), base=base)
    _define("just a value", base=base)
    _define(None, base=base)


@pytest.mark.parametrize(
    ("method", "says"),
    [
        pytest.param(_passes_on(_scoped), NOT_FIRST, id="a decorator that hides the signature"),
        pytest.param(lambda self, dialogue_id: Own(), NOT_SCOPED, id="lambda"),
        pytest.param(lambda dialogue_id: Own(), NOT_FIRST, id="lambda without self"),
        pytest.param(functools.lru_cache(lambda self: []), NOT_FIRST, id="cached"),
        pytest.param(functools.partialmethod(_scoped, "a"), NOT_FIRST, id="partial"),
        pytest.param(_Callable(), NOT_FIRST, id="callable object"),
        pytest.param(dict.get, NOT_FIRST, id="built in"),
        pytest.param(print, NOT_FIRST, id="another one"),
    ],
)
def test_a_method_in_disguise_is_refused(method: Any, says: str) -> None:
    with pytest.raises(TypeError, match="STORE-01") as raised:
        _define(method)
    assert str(raised.value).endswith(says)


def test_a_result_that_cannot_be_looked_up_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"'Missing' is not defined; import .*STORE-01"):
        _define(_in_disguise)


def test_an_unannotated_override_inherits_the_result() -> None:
    _define(lambda self, dialogue_id: [], "get_experts")
    with pytest.raises(TypeError, match="dialogue_id"):
        _define(lambda self: [], "get_experts")
    with pytest.raises(TypeError, match="annotated"):
        _define(lambda self, dialogue_id: [], "get_xperts")


def test_a_mixin_that_the_store_overrides_is_not_held_against_it() -> None:
    class Mixin:
        def look(self) -> list[str]:
            return []

    with pytest.raises(TypeError, match=r"Defined\.look: .*STORE-01"):
        type("Defined", (Mixin, DialogueStore), {})
    with pytest.raises(TypeError, match=r"Defined\.look: .*STORE-01"):
        type("Defined", (DialogueStore, Mixin), {})
    good = type("Good", (Mixin, DialogueStore), {"look": _scoped})
    type("Below", (good,), {})


# -- under mypy ----------------------------------------------------------------------------------


def test_mypy_reports_each_bad_line_and_no_other(tmp_path: Path) -> None:
    for case in (BAD, GOOD):
        plain = [line.split("  # type: ignore")[0] for line in case.read_text().splitlines()]
        (tmp_path / case.name).write_text("\n".join(plain) + "\n", encoding="utf-8")
    config = tmp_path / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = True\nplugins = reference_impl.contract.mypy_plugin\n"
        f"mypy_path = {ROOT}\ncache_dir = {tmp_path / 'cache'}\n",
        encoding="utf-8",
    )
    files = [str(tmp_path / case.name) for case in (BAD, GOOD)]
    out, err, _ = mypy.api.run(["--config-file", str(config), "--output", "json", *files])
    assert err == ""
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    found = [each for each in found if each["code"] == MARK]

    lines = BAD.read_text(encoding="utf-8").splitlines()
    expected = {number for number, line in enumerate(lines, 1) if f"[{MARK}" in line}
    assert {(Path(each["file"]).name, each["line"]) for each in found} == {
        (BAD.name, number) for number in expected
    }
    says = {each["line"]: each["message"] for each in found}
    for name, node in _bad()[0].items():
        at = [line for line in says if node.lineno <= line <= (node.end_lineno or 0)]
        assert any(FAULTS[name] in each["message"] for each in found if each["line"] in at), name
    assert all("STORE-01" in each["message"] for each in found)


# -- the classes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DialogueStore, AnalyticsStore, MigrationStore])
def test_a_store_class_is_abstract(kind: type) -> None:
    assert issubclass(kind, ABC)
    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_analytics_are_free_to_read_across_partitions() -> None:
    class Mine(AnalyticsStore):
        def count(self, status: str) -> int:
            return 0

    assert Mine.__abstractmethods__ == AnalyticsStore.__abstractmethods__


def _complete(kind: type) -> type:
    """A class with every abstract method filled in, none of which does anything."""

    def unannotated(self, dialogue_id, *args, **kwargs):  # type: ignore[no-untyped-def]
        return None

    names: set[str] = set(getattr(kind, "__abstractmethods__", ()))
    return type("Complete", (kind,), dict.fromkeys(names, unannotated))


@pytest.mark.parametrize("kind", [DialogueStore, MigrationStore, AnalyticsStore])
def test_a_store_closes_itself_as_a_context_manager(kind: type) -> None:
    closed: list[object] = []
    complete = _complete(kind)
    closing = type("Closing", (complete,), {"close": lambda self: closed.append(self)})
    with closing() as store:
        assert closed == []
    assert closed == [store]

    with pytest.raises(KeyError), closing() as second:
        raise KeyError  # goes on to the caller
    assert closed == [store, second]


def test_a_plaintext_backend_does_not_offer_verify_partition() -> None:
    store: DialogueStore = _complete(DialogueStore)()
    with pytest.raises(NotImplementedError, match="encrypted"):
        store.verify_partition("a")
