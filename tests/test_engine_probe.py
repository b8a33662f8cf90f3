"""The probe sees what an engine does wrong, says which point it is, and blames nobody else."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import main as command_line
from conformance.cli import run as run_module
from conformance.report.json_form import load
from conformance.running.runner import Options, run
from conformance.targets.base import Target
from conformance.targets.engines.choose import EndpointEngine, Engine, MotoEngine
from conformance.targets.probe.points import POINTS
from conformance.targets.probe.questions import PROBE_PREFIX, TABLE, Answer, failures, probe_engine
from tests import fake_suites
from tests.engine_lies import LIES, Known
from tests.fake_suites import WHOLE, suite
from tests.lying_proxy import Call, Lie, LyingProxy, Reply, Send, cancelled, error, honest

pytestmark = pytest.mark.integration

BY_NAME = {point.name: point for point in POINTS}


@pytest.fixture(scope="module")
def shared_proxy(dynamodb_local: Engine) -> Iterator[LyingProxy]:
    assert dynamodb_local.endpoint_url is not None
    with LyingProxy(dynamodb_local.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy: LyingProxy) -> Iterator[LyingProxy]:
    """An honest one, until it is told to lie."""
    shared_proxy.calls.clear()
    yield shared_proxy
    shared_proxy.lie = honest


@pytest.fixture
def engine(proxy: LyingProxy) -> Engine:
    """The engine as it looks from behind the proxy."""
    return EndpointEngine(proxy.url, {}, allow_remote=False)


def tables(engine: Engine) -> list[str]:
    """The probe's tables that are there."""
    from boto3.session import Session

    client = Session().client("dynamodb", **engine.client_kwargs())  # type: ignore[call-overload]
    try:
        names: list[str] = client.list_tables()["TableNames"]
    finally:
        client.close()
    return [name for name in names if PROBE_PREFIX in name]


def verdicts(answers: list[Answer]) -> dict[str, str]:
    return {answer.point: answer.verdict for answer in answers}


def lying_about(known: Known, engine: Engine) -> Target:
    """A target whose preflight asks for the point in question only, which takes less time."""
    points = [BY_NAME[known.point]] if known.point in BY_NAME else []
    return fake_suites.target(
        name="dynamodb", preflight=lambda: failures(engine, probe_engine(engine, points=points))
    )


# -- honest engines ---------------------------------------------------------------------------------


def test_an_honest_proxy_passes(engine: Engine, proxy: LyingProxy) -> None:
    answers = probe_engine(engine)
    assert [answer.point for answer in answers] == [TABLE.name, *BY_NAME]
    assert set(verdicts(answers).values()) == {"holds"}, answers
    assert failures(engine, answers) == []
    assert tables(engine) == []
    wanted = {"CreateTable", "TransactWriteItems", "TransactGetItems", "Query", "GetItem"}
    assert wanted <= set(proxy.calls)
    assert "Scan" not in proxy.calls


def test_moto_is_asked_for_what_it_can_do() -> None:
    with MotoEngine() as engine:
        answers = probe_engine(engine)
        assert tables(engine) == []
    gaps = {"idempotency_tokens", "transact_get", "item_limit", "transaction_size"}
    found = verdicts(answers)
    assert {name for name, verdict in found.items() if verdict == "not_relied_on"} == gaps
    assert {v for name, v in found.items() if name not in gaps} == {"holds"}, answers
    assert all(answer.detail for answer in answers if answer.point in gaps)


@pytest.mark.parametrize("name", [point.name for point in POINTS if "moto" in point.gaps])
def test_a_known_gap_of_moto_is_one(name: str) -> None:
    """Else it would have to be relied on again."""
    point = dataclasses.replace(BY_NAME[name], gaps={})
    with MotoEngine() as engine:
        assert verdicts(probe_engine(engine, points=[point]))[name] == "fails"


@pytest.mark.parametrize(
    "busy",
    [
        error("ThrottlingException"),
        error("ProvisionedThroughputExceededException"),
        error("TransactionInProgressException"),
        error("InternalServerError", status=500),
        cancelled("None", "TransactionConflict"),
    ],
    ids=lambda reply: str(reply.body["__type"]).rpartition("#")[2],
)
def test_an_engine_that_is_busy_is_asked_again(
    engine: Engine, proxy: LyingProxy, busy: Reply
) -> None:
    asked: Counter[str] = Counter()

    def every_other(call: Call, send: Send) -> Reply | None:
        asked[call.operation] += 1
        write = call.operation == "TransactWriteItems"
        return busy if write and asked[call.operation] % 2 else send(call)

    proxy.lie = every_other
    points = [BY_NAME["idempotency_tokens"], BY_NAME["cancellation_reasons"]]
    answers = probe_engine(engine, points=points)
    assert set(verdicts(answers).values()) == {"holds"}, answers


def test_an_engine_that_stays_busy_is_given_up(engine: Engine, proxy: LyingProxy) -> None:
    def always(call: Call, send: Send) -> Reply | None:
        return error("ThrottlingException", "later") if call.operation == "Query" else send(call)

    proxy.lie = always
    (_, answer) = probe_engine(engine, points=[BY_NAME["key_order"]], patience_s=0.3)
    assert answer.verdict == "fails"
    assert answer.detail == "a Query was refused: ThrottlingException (later)"


def test_the_documentation_lists_every_point() -> None:
    text = (Path(__file__).parent.parent / "docs" / "engine-probe.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert listed == {TABLE.name, *BY_NAME}


# -- engines that lie -------------------------------------------------------------------------------


def test_every_point_is_lied_about() -> None:
    assert {known.point for known in LIES} == {TABLE.name, *BY_NAME}
    assert len({known.name for known in LIES}) == len(LIES)


@pytest.mark.parametrize("known", LIES, ids=lambda known: f"{known.point}-{known.name}")
def test_a_lie_leaves_the_run_undecided_and_is_named(
    known: Known, engine: Engine, proxy: LyingProxy, tmp_path: Path
) -> None:
    proxy.lie = known.make()
    report = run(lying_about(known, engine), Options(suite=suite(tmp_path / "suite", whole=WHOLE)))
    assert report.verdict == "indeterminate"
    assert report.exit_code == 2
    assert {reason.code for reason in report.reasons} == {"engine"}
    named = [r.detail for r in report.reasons if f": {known.point}: " in r.detail]
    assert len(named) == 1, report.reasons
    assert known.says in named[0]
    # The engine is blamed, not the store: no case was run, no rule failed.
    assert sum(requirement.cases for requirement in report.requirements) == 0
    assert report.failed_rules == ()
    assert report.profiles_claimed == ("core",)


def test_one_lie_leaves_the_other_points_alone(engine: Engine, proxy: LyingProxy) -> None:
    (known,) = (known for known in LIES if known.name == "tokens_ignored")
    proxy.lie = known.make()
    answers = probe_engine(engine)
    failed = {name for name, verdict in verdicts(answers).items() if verdict != "holds"}
    assert failed == {"idempotency_tokens"}
    assert tables(engine) == []


def test_after_silence_nothing_more_is_asked(engine: Engine, proxy: LyingProxy) -> None:
    def silent(call: Call, send: Send) -> Reply | None:
        reply = send(call)
        return None if call.operation in ("Query", "DeleteTable") else reply

    proxy.lie = silent
    answers = probe_engine(engine)
    assert proxy.calls.count("Query") == 1
    found = verdicts(answers)
    assert found[TABLE.name] == found["conditional_transactions"] == "fails"
    assert found["transaction_size"] == "not_asked"


# -- the commands -----------------------------------------------------------------------------------

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    proxy: LyingProxy,
) -> Cli:
    """Runs a command in an empty folder against the proxy; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("DYNAMODB_ENDPOINT", proxy.url)
    monkeypatch.setenv("COLUMNS", "200")

    def run_small(target: Target, options: Options, *rest: Any, **more: Any) -> Any:
        folder = suite(tmp_path / "suite", whole=WHOLE)
        return run(target, dataclasses.replace(options, suite=folder), *rest, **more)

    monkeypatch.setattr(run_module, "run", run_small)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["conformance", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


def lie_named(name: str) -> Lie:
    (known,) = (known for known in LIES if known.name == name)
    return known.make()


def test_a_run_on_an_engine_that_lies(cli: Cli, proxy: LyingProxy) -> None:
    proxy.lie = lie_named("reasons_reversed")
    code, out, _ = cli("run", "--target", "dynamodb", "--profile", "core", "--report", "out")
    assert code == 2
    assert "engine: dynamodb-local unknown: cancellation_reasons: the reasons for a" in out
    assert out.splitlines()[-1].endswith("is neither proved nor refuted (engine)")
    report = load(Path("out") / "report.json")
    assert report["verdict"] == "indeterminate"
    assert [reason["code"] for reason in report["reasons"]] == ["engine"]


def test_a_run_on_an_engine_that_is_fit(cli: Cli, proxy: LyingProxy) -> None:
    code, out, _ = cli("run", "--target", "dynamodb", "--profile", "core", "--report", "out")
    assert code == 0, out
    assert load(Path("out") / "report.json")["verdict"] == "conformant"
    assert "TransactGetItems" in proxy.calls


def test_the_probe_by_itself(cli: Cli, proxy: LyingProxy) -> None:
    code, out, _ = cli("probe", "--engine", "endpoint")
    assert code == 0
    assert out.splitlines()[-1].startswith("fit: dynamodb-local unknown holds every point")
    proxy.lie = lie_named("only_25_items")
    code, out, _ = cli("probe")
    assert code == 2
    assert "a TransactGetItems of 100 was refused: ValidationException (not taken)" in out
    assert "unfit: dynamodb-local unknown does not hold transact_get" in out.splitlines()[-1]


def test_the_probe_as_json(cli: Cli, proxy: LyingProxy) -> None:
    proxy.lie = lie_named("no_new_tables")
    code, out, err = cli("probe", "--json")
    assert code == 2
    assert "engine `endpoint`" in err
    found = json.loads(out)
    assert found["engine"] == {"kind": "dynamodb-local", "version": "unknown"}
    assert found["verdict"] == "unfit"
    assert [point["name"] for point in found["points"]] == [TABLE.name, *BY_NAME]
    assert Counter(point["verdict"] for point in found["points"]) == {
        "fails": 1,
        "not_asked": len(POINTS),
    }


@pytest.mark.parametrize("target", ["sqlite", "nowhere"])
def test_only_an_engine_can_be_asked(cli: Cli, target: str) -> None:
    code, _, err = cli("probe", "--target", target)
    assert code == 3
    assert f"target {target} has no engine" in err


def test_moto_names_its_gaps_when_it_is_announced(cli: Cli) -> None:
    code, out, _ = cli("run", "--target", "dynamodb", "--engine", "moto", "--profile", "core")
    assert code == 0, out
    assert "Known gaps, not relied on: idempotency_tokens, transact_get," in out.splitlines()[1]
