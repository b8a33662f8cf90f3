"""Does a DynamoDB do what stores rely on? Asked before a run, so that its faults are not a store's.

`probe_engine` asks every point of `engine_points` of a table of its own, and deletes that table.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from conformance.targets.probe.points import POINTS, Point
from conformance.targets.probe.table import Broken, ProbeTable, Silent
from reference_impl.contract.errors import DialogueStoreError

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

    from conformance.targets.engines.choose import Engine

__all__ = ["PROBE_PREFIX", "TABLE", "Answer", "failures", "known_gaps", "probe_engine"]

#: What the probe's table is called, before a random part: a table of the suite's, never a store's.
PROBE_PREFIX: Final = "dsconf_probe_"

#: The point that stands for the table itself.
TABLE: Final = Point("table", "a table can be made, described and deleted", lambda _: None)

_READ_TIMEOUT_S: Final = 30.0
_WAIT: Final = {"Delay": 1, "MaxAttempts": 120}  # seconds and times


@dataclass(frozen=True)
class Answer:
    """What came of one point. ``detail`` says what the engine did instead, or why it was not asked."""

    point: str
    text: str
    verdict: Literal["holds", "fails", "not_relied_on", "not_asked"]
    detail: str = ""


def probe_engine(
    engine: Engine, *, points: Sequence[Point] = POINTS, patience_s: float = 60.0
) -> list[Answer]:
    """Ask a running engine; one answer for each point, in order, the table's own first.

    Takes a second or two on DynamoDB Local. Never raises for what the engine does. Points that are
    known gaps of this kind of engine are not asked, and nothing may rely on them there. All waiting
    for a busy engine together takes at most ``patience_s`` seconds.
    """
    kind = engine.describe()["kind"]
    asked = [point for point in points if kind not in point.gaps]
    answers: dict[str, Answer] = {
        point.name: _answer(point, "not_relied_on", f"{kind}: {point.gaps[kind]}")
        for point in points
        if kind in point.gaps
    }
    try:
        with _table(engine, patience_s) as table:
            _ask_all(asked, table, answers)
    except (Broken, Silent) as fault:
        answers[TABLE.name] = _answer(TABLE, "fails", str(fault))
    else:
        answers[TABLE.name] = _answer(TABLE, "holds")
    return [
        answers.get(point.name) or _answer(point, "not_asked", "nothing could be asked any more")
        for point in (TABLE, *points)
    ]


def failures(engine: Engine, answers: Sequence[Answer]) -> list[str]:
    """The points that do not hold, one sentence each that names the engine and the point."""
    name = " ".join(engine.describe().values())
    return [f"{name}: {a.point}: {a.detail}" for a in answers if a.verdict == "fails"]


def known_gaps(engine: Engine) -> str:
    """For the engine's announcement: what nothing relies on, on this kind of engine; else empty."""
    kind = engine.describe()["kind"]
    gaps = [point.name for point in POINTS if kind in point.gaps]
    return f". Known gaps, not relied on: {', '.join(gaps)}" if gaps else ""


def _answer(
    point: Point,
    verdict: Literal["holds", "fails", "not_relied_on", "not_asked"],
    detail: str = "",
) -> Answer:
    return Answer(point.name, point.text, verdict, detail)


def _ask_all(points: Sequence[Point], table: ProbeTable, answers: dict[str, Answer]) -> None:
    for point in points:
        try:
            point.ask(table)
        except Silent as silent:
            answers[point.name] = _answer(point, "fails", str(silent))
            return  # each further point would wait for nothing as long
        except Broken as broken:
            answers[point.name] = _answer(point, "fails", str(broken))
        except Exception as error:  # noqa: BLE001 - an answer of a shape that no DynamoDB gives
            detail = f"its answer cannot be read ({type(error).__name__}: {error})"
            answers[point.name] = _answer(point, "fails", detail)
        else:
            answers[point.name] = _answer(point, "holds")


@contextmanager
def _table(engine: Engine, patience_s: float) -> Iterator[ProbeTable]:
    """A table of the probe's own and two connections to it; deleted whatever happened."""
    name = engine.table_prefix + PROBE_PREFIX + secrets.token_hex(6)
    with _clients(engine) as (writer, reader):
        try:
            with _told("cannot be made"):
                _create(writer, name)
            yield ProbeTable(name, writer, reader, patience_s)
        finally:
            with _told("cannot be deleted"):
                _delete(writer, name)


@contextmanager
def _clients(engine: Engine) -> Iterator[tuple[DynamoDBClient, DynamoDBClient]]:
    from reference_impl.partitions.dynamodb.client import make_client

    made: list[DynamoDBClient] = []
    try:
        for _ in range(2):
            options = engine.client_kwargs()
            region, endpoint = options.pop("region_name"), options.pop("endpoint_url", None)
            try:
                made.append(
                    make_client(
                        region=region,
                        endpoint=endpoint,
                        read_timeout_s=_READ_TIMEOUT_S,
                        options=options,
                    )
                )
            except DialogueStoreError as error:
                raise Broken(error.message) from error
        writer, reader = made
        yield writer, reader
    finally:
        for client in made:
            client.close()


@contextmanager
def _told(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, WaiterError

    try:
        yield
    except WaiterError as fault:
        raise Broken(f"the probe's table {what}: it does not become active") from fault
    except ClientError as fault:
        code = fault.response["Error"].get("Code", "")
        raise Broken(f"the probe's table {what} ({code})") from fault
    except BotoCoreError as fault:
        raise Silent(f"the engine does not answer ({type(fault).__name__})") from fault


def _create(client: DynamoDBClient, name: str) -> None:
    key: Any = [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=key,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)  # type: ignore[arg-type]


def _delete(client: DynamoDBClient, name: str) -> None:
    """Where it was never made there is nothing to delete."""
    with suppress(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=name)
