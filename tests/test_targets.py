"""How backends are reached: built-in targets, plug-ins, the world of a test, the suite's tables."""

from __future__ import annotations

import functools
import stat
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.model.store import ModelStore
from conformance.running.runner import Options, run
from conformance.running.session import PUBLISHED_UMK, World
from conformance.spec import PROFILES
from conformance.targets.base import Backend, Target
from conformance.targets.builtin import BUILTIN, TABLE_PREFIX, Tables, own
from conformance.targets.engines.choose import EngineRefused, EngineUsage, MotoEngine
from conformance.targets.load import (
    LoadError,
    LoadUsageError,
    TargetOptions,
    adapt,
    from_callable,
    open_target,
)
from reference_impl.contract.addresses import partition_key
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.contract.tables import TABLE_NAME
from tests.fake_suites import WHOLE, run_suite, suite, target

HERE = TargetOptions(environ={})
TIME = "2026-02-03T10:15:00.000000Z"


@pytest.fixture(params=["memory", "sqlite"])
def reference(request: pytest.FixtureRequest) -> Iterator[Target]:
    with open_target(request.param, HERE) as opened:
        yield opened


# -- the built-in ones ----------------------------------------------------------------------------


def test_the_reference_claims_what_it_can_show(reference: Target, tmp_path: Path) -> None:
    backend = World(reference, tmp_path).open()
    assert backend.claims() == (
        *("core", "batch", "idempotency"),
        *("encrypted", "keys", "audit", "crypto"),
    )
    assert backend.keys is not None
    assert backend.crypto is not None
    assert reference.engine.emulated_by is None


def test_two_clients_share_one_folder_and_no_other(reference: Target, tmp_path: Path) -> None:
    world = World(reference, tmp_path)
    first, second = world.open().store, world.open().store
    first.create_dialogue("d", "Title")
    assert second.get_dialogue("d").title == "Title"
    first.close()
    second.close()
    assert world.open().store.get_dialogue("d").title == "Title"
    with pytest.raises(DialogueStoreError, match="dialogue_not_found"):
        world.new_world().open().store.get_dialogue("d")
    world.close_all()


def test_raw_access_is_past_the_store(reference: Target, tmp_path: Path) -> None:
    world = World(reference, tmp_path)
    backend = world.open()
    assert backend.raw is not None
    backend.store.create_dialogue("d", "Title")
    pk = partition_key("d")
    items = backend.raw.scan("d")
    assert [item["sk"] for item in items] == ["dek#1", "head", "meta"]
    head = backend.raw.get(pk, "head")
    assert head == items[1]
    backend.raw.delete(pk, "head")
    assert backend.raw.get(pk, "head") is None
    with pytest.raises(DialogueStoreError, match="integrity_error"):
        world.open().store.get_dialogue("d")
    backend.raw.put(head)
    assert world.open().store.get_dialogue("d").title == "Title"
    world.close_all()


def test_raw_access_outlives_the_store(reference: Target, tmp_path: Path) -> None:
    world = World(reference, tmp_path)
    backend = world.open()
    assert backend.raw is not None
    backend.store.create_dialogue("d", "Title")
    backend.store.close()
    assert len(backend.raw.scan("d")) == 3
    world.close_all()


@pytest.mark.parametrize("name", ["memory", "sqlite", "model"])
def test_the_clock_stands_still_where_it_was_set(name: str, tmp_path: Path) -> None:
    with open_target(name, HERE) as opened:
        backend = World(opened, tmp_path).open()
        assert backend.set_clock is not None
        backend.set_clock(TIME)
        assert backend.store.create_dialogue("d", "Title").created_at == TIME


def test_the_model_claims_what_needs_no_encryption(tmp_path: Path) -> None:
    with open_target("model", HERE) as opened:
        world = World(opened, tmp_path)
        backend = world.open()
        assert backend.claims() == ("core", "batch", "idempotency")
        backend.store.create_dialogue("d", "Title")
        assert world.open().store.get_dialogue("d").title == "Title"
        world.close_all()
        with pytest.raises(DialogueStoreError, match="dialogue_not_found"):
            World(opened, tmp_path / "other").open().store.get_dialogue("d")


def test_every_built_in_target_but_the_model_is_in_the_menu() -> None:
    shown = [builtin.name for builtin in BUILTIN.values() if not builtin.hidden]
    assert shown == ["memory", "sqlite", "dynamodb"]


# -- plug-ins ---------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a module of a name of its own into the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    written = 0

    def write(body: str) -> str:
        nonlocal written
        written += 1
        name = f"plugin_{tmp_path.name}_{written}".replace("[", "_").replace("]", "_")
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(body), encoding="utf-8")
        return name

    return write


def test_a_plug_in_of_a_few_lines_is_enough(module: Any, tmp_path: Path) -> None:
    name = module(
        """
        from conformance.model.store import ModelStore

        __version__ = "1.2"

        def factory(folder, **options):
            return ModelStore()
        """
    )
    with open_target(f"{name}:factory", HERE) as opened:
        report = run(opened, Options(suite=suite(tmp_path / "suite", whole=WHOLE)))
    assert report.verdict == "conformant"
    assert (report.target_version, report.engine.kind) == ("1.2", "in-process")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("postgres", "sqlite"),
        ("no_such_module:factory", "no_such_module"),
        ("tests.no_such_module:factory", "no_such_module"),
        ("tests:nothing", "nothing"),
        ("tests.fake_suites:HEAD", "HEAD"),
        (":factory", "module:factory"),
        ("tests:", "module:factory"),
    ],
)
def test_a_target_that_is_not_there_is_wrong_usage(name: str, says: str) -> None:
    with pytest.raises(LoadUsageError, match=says):
        from_callable(name)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_plug_in_that_cannot_be_imported_says_why(module: Any, body: str, says: str) -> None:
    name = module(body)
    with pytest.raises(LoadError, match=says) as caught:
        from_callable(f"{name}:factory")
    assert not isinstance(caught.value, LoadUsageError)


def test_a_factory_must_return_a_store(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="DialogueStore or a Backend, not NoneType"):
        adapt(lambda folder, **options: None)(tmp_path, key_file=tmp_path)
    assert adapt(lambda folder, **options: ModelStore())(tmp_path, key_file=tmp_path).raw is None


def test_what_a_factory_is_given(tmp_path: Path) -> None:
    given: list[Any] = []

    def factory(folder: Path, **options: Any) -> Backend:
        given.append((folder, options))
        return Backend(ModelStore())

    world = World(target(factory=adapt(factory)), tmp_path)
    world.open(user_id="anna", deadline_s=2.5)
    other = tmp_path / "other.key"
    world.open(key_file=other)
    folder = tmp_path / "storage"
    assert given == [
        (folder, {"key_file": world.key_file, "user_id": "anna", "deadline_s": 2.5}),
        (folder, {"key_file": other, "user_id": "local", "deadline_s": 10.0}),
    ]


# -- the world of a test ----------------------------------------------------------------------------


def test_a_world_has_a_key_only_its_owner_can_read(tmp_path: Path) -> None:
    world = World(target(), tmp_path)
    assert world.key_file.read_bytes() == PUBLISHED_UMK == bytes(range(32))
    assert stat.S_IMODE(world.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.key_file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    second = world.new_world(umk=bytes(32))
    assert second.key_file.read_bytes() == bytes(32)
    assert second.folder != world.folder


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit])
def test_a_world_closes_everything_even_if_a_store_will_not(
    tmp_path: Path, raised: type[BaseException]
) -> None:
    closed: list[str] = []

    class Stubborn(ModelStore):
        def close(self) -> None:
            closed.append("stubborn")
            raise raised("will not close")

    class Easy(ModelStore):
        def close(self) -> None:
            closed.append("easy")

    stores = iter([Easy(), Stubborn(), Easy()])
    dropped: list[Path] = []
    world = World(
        target(factory=lambda folder, **_: Backend(next(stores)), discard=dropped.append), tmp_path
    )
    world.open()
    world.open()
    other = world.new_world()
    other.open()
    with pytest.raises(raised, match="will not close"):
        world.close_all()
    assert closed == ["easy", "stubborn", "easy"]
    assert dropped == [other.folder, world.folder]
    world.close_all()


def test_the_fixtures_reach_a_test(tmp_path: Path) -> None:
    body = """
    @rules("STORE-09")
    def test_fixtures(world, backend, store, clock, budget, seed):
        assert backend.store is store
        assert not clock.controlled
        clock.set("2026-02-03T10:15:00.000000Z")
        assert (budget, seed) == ("nightly", 5)
        assert world.key_file.exists()
        store.create_dialogue("d", "Title")
    """
    folder = suite(tmp_path / "suite", whole=WHOLE, more=body)
    conftest = 'pytest_plugins = ["conformance.suite.conftest"]\n'
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    dropped: list[Path] = []
    report = run_suite(folder, target(discard=dropped.append), budget="nightly", seed=5)
    assert report.reasons == ()
    assert report.verdict == "conformant"
    assert len(dropped) == 2  # the probe's and the test's
    assert not any(path.exists() for path in dropped)


# -- a target that answers nothing --------------------------------------------------------------------


def test_a_store_that_answers_nothing_fails_case_by_case() -> None:
    def nothing(name: str) -> Any:
        @functools.wraps(getattr(DialogueStore, name))
        def method(self: Any, *args: Any, **options: Any) -> None:
            return None

        vars(method)["__isabstractmethod__"] = False
        return method

    methods = {name: nothing(name) for name in DialogueStore.__abstractmethods__}
    null_store = type("NullStore", (DialogueStore,), methods)

    def factory(folder: Path, **_: Any) -> Backend:
        return Backend(null_store())

    report = run(target(factory=factory), Options(budget="quick"))
    assert report.verdict == "not_conformant"
    # By their own assertions: no fixture and no helper broke on the way.
    assert [r for r in report.reasons if r.code != "no_case"] == []
    green = [r.id for r in report.requirements if r.profile == "core" and r.verdict == "pass"]
    assert green == []
    failed = [f.reason for r in report.requirements for f in r.failures]
    assert [
        reason for reason in failed if not reason.startswith(("AssertionError", "assert "))
    ] == []


# -- the suite's tables -------------------------------------------------------------------------------


@pytest.fixture
def moto() -> Iterator[MotoEngine]:
    engine = MotoEngine()
    with engine:
        yield engine


def names(engine: MotoEngine) -> list[str]:
    import boto3

    settings: Any = engine.client_kwargs()
    tables: list[str] = boto3.client("dynamodb", **settings).list_tables()["TableNames"]
    return tables


@pytest.mark.parametrize("name", [TABLE_NAME, "", "x" + TABLE_PREFIX, TABLE_PREFIX.upper() + "1"])
def test_no_other_table_can_be_touched(name: str) -> None:
    with pytest.raises(ValueError, match="no table of the suite"):
        own(name)


def test_the_tables_of_the_suite_have_their_prefix_and_go_away(
    moto: MotoEngine, tmp_path: Path
) -> None:
    tables = Tables(moto)
    first, second = tmp_path / "a", tmp_path / "b"
    made = [tables.name(first), tables.name(second)]
    assert tables.name(first) == made[0]
    assert sorted(names(moto)) == sorted(made)
    assert all(name.startswith(TABLE_PREFIX) for name in made)
    tables.drop(first)
    tables.drop(first)
    assert names(moto) == made[1:]
    tables.drop(second)
    assert names(moto) == []


def test_on_dynamodb_a_world_has_a_table_of_its_own(tmp_path: Path) -> None:
    with open_target("dynamodb", TargetOptions(engine="moto", environ={})) as opened:
        assert opened.engine.emulated_by == "moto"
        assert "EMULATOR" in opened.announcement
        import boto3

        client = boto3.client("dynamodb", region_name="us-east-1")

        def there() -> list[str]:
            return list(client.list_tables()["TableNames"])

        world = World(opened, tmp_path)
        backend = world.open()
        backend.store.create_dialogue("d", "Title")
        assert world.open().store.get_dialogue("d").title == "Title"
        assert backend.raw is not None
        assert len(backend.raw.scan("d")) == 3
        other = world.new_world().open()
        with pytest.raises(DialogueStoreError, match="dialogue_not_found"):
            other.store.get_dialogue("d")
        assert len(there()) == 2
        assert all(name.startswith(TABLE_PREFIX) for name in there())
        world.close_all()
        assert there() == []
        World(opened, tmp_path / "left").open()
        assert len(there()) == 1
        opened.close()
        assert there() == []


def test_an_emulator_is_refused_where_a_real_engine_is_required() -> None:
    wanted = [
        TargetOptions(engine="moto", require_real=True, environ={}),
        TargetOptions(engine="moto", environ={"CI": "true"}),
    ]
    for options in wanted:
        with pytest.raises(EngineRefused), open_target("dynamodb", options):
            pytest.fail("it was opened")


def test_a_remote_endpoint_needs_leave() -> None:
    environ = {"DYNAMODB_ENDPOINT": "https://dynamodb.eu-central-1.amazonaws.com"}
    options = TargetOptions(environ=environ)
    with pytest.raises(EngineUsage, match="--allow-remote"), open_target("dynamodb", options):
        pytest.fail("it was opened")


def test_the_profiles_that_are_built_are_of_the_contract() -> None:
    from conformance.spec import BUILT

    assert all(name in PROFILES for name in BUILT)
