"""What a store on DynamoDB relies on, point by point: what the engine's documentation promises.

Each function asks one thing of a table, in a partition named after it, and raises ``Broken`` where
the engine answers otherwise.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from conformance.targets.probe.table import Broken, ProbeTable, Refusal, check, delete, put

__all__ = ["POINTS", "Point"]

#: Bytes of one item, names and values (STORE-15), and of all items of one transaction.
ITEM_BYTES: Final = 400 * 1024
TRANSACTION_BYTES: Final = 4 * 1024 * 1024
ACTIONS: Final = 100

_FAILED, _FINE = "ConditionalCheckFailed", "None"
#: Transactions made while others are read as one revision.
_MOMENTS: Final = 8
_READS: Final = 8


@dataclass(frozen=True)
class Point:
    """One thing that is relied on. ``gaps``: engines of which it is known that they do it otherwise,
    and where therefore nothing relies on it, with what they do."""

    name: str
    text: str
    ask: Callable[[ProbeTable], None]
    gaps: Mapping[str, str] = field(default_factory=dict)


def _n(number: int) -> dict[str, Any]:
    return {"n": {"N": str(number)}}


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def _cancelled(refusal: Refusal) -> None:
    _expect(
        refusal.code == "TransactionCanceledException",
        f"a transaction with a false condition ends as {refusal}, not as cancelled",
    )


# -- transactions -----------------------------------------------------------------------------------


def conditional_transactions(table: ProbeTable) -> None:
    """All conditions hold and everything is done, or one is false and nothing is."""
    pk = "conditional_transactions"
    old = {"n": {"N": "1"}, "s": {"S": "a"}, "b": {"B": b"\x00\xff"}, "f": {"BOOL": True}}
    table.put(pk, "changed", old)
    table.put(pk, "guard", _n(7))
    table.put(pk, "gone")
    table.transact(
        put(pk, "new", absent=True),
        put(pk, "changed", _n(2), equals=old, without=["x"]),
        check(pk, "guard", equals=_n(7)),
        delete(pk, "gone", equals={}),
        what="a transaction whose conditions all hold",
    )
    done = [("changed", _n(2)), ("guard", _n(7)), ("new", {})]
    _expect(
        table.query(pk) == done,
        "an acknowledged transaction was not done as a whole, or a put did not replace its item",
    )
    table.put(pk, "new", _n(2))
    table.put(pk, "twin", _n(2))
    before = table.query(pk)
    others = (
        put(pk, "another", absent=True),
        put(pk, "changed", _n(3), equals=_n(2)),
        delete(pk, "guard"),
    )
    for what, false in (
        ("an item is not there", put(pk, "new", absent=True)),
        ("a number has a value", put(pk, "new", equals=_n(5))),
        ("a number is a text", check(pk, "new", equals={"n": {"S": "2"}})),
        ("an attribute is not there", delete(pk, "twin", without=["n"])),
        ("an item is there", check(pk, "nowhere", equals={})),
    ):
        for actions in ((*others, false), (false, *others)):
            _cancelled(
                table.refused(*actions, what=f"a transaction with a false condition ({what})")
            )
        _expect(table.query(pk) == before, "a cancelled transaction was done in part")


def cancellation_reasons(table: ProbeTable) -> None:
    """One reason for each action, in their order, also for those that were not at fault."""
    pk = "cancellation_reasons"
    false: tuple[Callable[[str], Any], ...] = (
        lambda sk: put(pk, sk, absent=True),
        lambda sk: delete(pk, sk, equals=_n(2)),
        lambda sk: check(pk, sk, absent=True),
    )
    for number in range(5):
        table.put(pk, f"at{number}", _n(1))
    for pattern in ("x....", "....x", ".x..x.", "xx.x", "x"):
        actions = []
        for number, mark in enumerate(pattern):
            wrong = false[number % len(false)]
            actions.append(wrong(f"at{number}") if mark == "x" else put(pk, f"new{number}"))
        refusal = table.refused(*actions, what="a transaction with a false condition")
        _cancelled(refusal)
        expected = tuple(_FAILED if mark == "x" else _FINE for mark in pattern)
        _expect(
            refusal.reasons == expected,
            f"the reasons for a cancelled transaction are {list(refusal.reasons)}, "
            f"not {list(expected)}",
        )


def transaction_actions(table: ProbeTable) -> None:
    """100 actions are one transaction; 101 are refused whole."""
    pk = "transaction_actions"
    over = [put(pk, f"over{n:03d}") for n in range(ACTIONS + 1)]
    refusal = table.refused(*over)
    _expect(refusal.code == "ValidationException", f"{ACTIONS + 1} actions end as {refusal}")
    _expect(table.query(pk) == [], "a refused transaction was done in part")
    table.transact(*(put(pk, f"at{n:03d}") for n in range(ACTIONS)))
    found = len(table.query(pk))
    _expect(found == ACTIONS, f"of {ACTIONS} acknowledged actions {found} were done")


def transaction_size(table: ProbeTable) -> None:
    """4 MB of items are one transaction; one byte more is refused whole."""
    pk = "transaction_size"
    refusal = table.refused(
        *_filling(pk, "over", TRANSACTION_BYTES + 1),
        what=f"a transaction of {TRANSACTION_BYTES + 1} bytes",
    )
    _expect(_too_large(refusal), f"{TRANSACTION_BYTES + 1} bytes end as {refusal}")
    _expect(table.get(pk, "over00") is None, "a refused transaction was done in part")
    actions = _filling(pk, "at", TRANSACTION_BYTES)
    table.transact(*actions, what=f"a transaction of {TRANSACTION_BYTES} bytes")
    for number in (0, len(actions) - 1):
        _expect(
            table.get(pk, f"at{number:02d}") == {"d": actions[number]["Put"]["Item"]["d"]},
            "an acknowledged transaction of 4 MB was not done as a whole",
        )


def idempotency_tokens(table: ProbeTable) -> None:
    """A repeat with its token is no second write; the token with another content is refused."""
    pk, token = "idempotency_tokens", uuid.uuid4().hex
    first = put(pk, "a", _n(1), absent=True)
    table.transact(first, token=token)
    table.transact(first, token=token, what="a repeat with the same token and content")
    table.transact(delete(pk, "a"))
    table.transact(first, token=token, what="a repeat with the same token and content")
    _expect(table.query(pk) == [], "a repeat with the same token was a second write")
    refusal = table.refused(
        put(pk, "b", _n(2)), token=token, what="another content with the same token"
    )
    _expect(
        refusal.code == "IdempotentParameterMismatchException",
        f"another content with the same token ends as {refusal}",
    )
    _expect(table.query(pk) == [], "another content with the same token was written")


# -- reads ------------------------------------------------------------------------------------------


def consistent_reads(table: ProbeTable) -> None:
    """GetItem and Query over another connection see what was acknowledged just before."""
    pk = "consistent_reads"
    for number in range(_READS):
        if number % 2:
            table.transact(put(pk, "head", _n(number)), put(pk, f"new{number}"))
        else:
            table.put(pk, f"new{number}")
            table.put(pk, "head", _n(number))
        _expect(
            table.get(pk, "head") == _n(number),
            "a GetItem does not see the write acknowledged last",
        )
        wanted = [("head", _n(number)), *((f"new{n}", {}) for n in range(number + 1))]
        _expect(table.query(pk) == wanted, "a Query does not see the write acknowledged last")


def transact_get(table: ProbeTable) -> None:
    """100 items read at once are those of one moment, while transactions change them."""
    pk, missing = "transact_get", "at050"
    keys = [f"at{n:03d}" for n in range(ACTIONS)]
    there = [key for key in keys if key != missing]
    for start in range(0, len(there), 20):
        table.transact(*(put(pk, key, _n(0)) for key in there[start : start + 20]))
    changed = there[0], there[33], there[66], there[-1]
    others = {key: _n(0) for key in there if key not in changed}

    def moment() -> int:
        """The number that the changed items have; all have one."""
        found = table.transact_get(pk, keys)
        _expect(
            len(found) == len(keys), f"a TransactGetItems of {len(keys)} gives {len(found)} answers"
        )
        items = dict(zip(keys, found, strict=True))
        _expect(
            items.pop(missing) is None and all(items[k] == v for k, v in others.items()),
            "a TransactGetItems gives other items than those that are there",
        )
        numbers = [int((items[key] or {"n": {"N": "-1"}})["n"]["N"]) for key in changed]
        _expect(
            len(set(numbers)) == 1, f"a TransactGetItems shows several moments at once: {numbers}"
        )
        return numbers[0]

    last = 0
    with _Moments(table, pk, changed) as moments:
        while not moments.over:
            now = moment()
            _expect(now >= last, "a TransactGetItems goes back in time")
            last = now
    last = _MOMENTS + 1
    table.transact(*(put(pk, key, _n(last)) for key in changed))
    _expect(moment() == last, "a TransactGetItems does not see the write acknowledged last")


class _Moments:
    """Puts one number into several items at once, again and again, from another thread."""

    def __init__(self, table: ProbeTable, pk: str, keys: tuple[str, ...]) -> None:
        self._table, self._pk, self._keys = table, pk, keys
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stopped = threading.Event()
        self._failure: Exception | None = None

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def __enter__(self) -> _Moments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            for number in range(1, _MOMENTS + 1):
                if self._stopped.is_set():
                    return
                self._table.transact(*(put(self._pk, key, _n(number)) for key in self._keys))
        except Exception as failure:  # noqa: BLE001 - told where the thread was started
            self._failure = failure


def paging(table: ProbeTable) -> None:
    """A partition of more than 1 MB is read whole, page by page: every item, and none twice."""
    pk = "paging"
    wanted = []
    for number in range(9):
        # The first page ends within these, whether or not it holds the item that goes past 1 MB.
        size = 300_000 if number % 2 == 0 else 10
        item = {"d": {"B": bytes([number]) * size}}
        table.put(pk, f"at{number}", item)
        wanted.append((f"at{number}", item))
    found = table.query(pk)
    keys = [key for key, _ in found]
    _expect(len(set(keys)) == len(keys), "a Query of several pages gives an item twice")
    _expect(len(keys) == 9, f"a Query of several pages gives {len(keys)} of 9 items")
    _expect(found == wanted, "a Query of several pages gives other items, or in another order")


def key_order(table: ProbeTable) -> None:
    """A Query gives ascending sort keys, compared by the bytes of their UTF-8; prefixes as well."""
    pk = "key_order"
    # U+FFFF and U+10000 stand the other way round where UTF-16 is compared.
    keys = ["z", "\U00010000", "a0", "é", "B", "aa", "\uffff", "a", "~", "a#", "10", "9"]
    for key in keys:
        table.put(pk, key)
    wanted = sorted(keys, key=str.encode)
    _expect(_keys(table, pk) == wanted, "a Query does not give its items by ascending bytes of sk")
    prefixed = [key for key in wanted if key.startswith("a")]
    _expect(
        _keys(table, pk, "a") == prefixed, "a Query by prefix does not give the items of the prefix"
    )


# -- items ------------------------------------------------------------------------------------------


def item_limit(table: ProbeTable) -> None:
    """An item of 409,600 bytes is kept; one byte more is refused. Text counts as UTF-8."""
    pk = "item_limit"
    over = _item(pk, "over", ITEM_BYTES + 1)
    refusal = table.refused(over, what=f"an item of {ITEM_BYTES + 1} bytes")
    _expect(_too_large(refusal), f"an item of {ITEM_BYTES + 1} bytes ends as {refusal}")
    _expect(table.get(pk, "over") is None, "a refused item was written")
    fits = _item(pk, "fits", ITEM_BYTES)
    table.transact(fits, what=f"an item of {ITEM_BYTES} bytes")
    wanted = {name: fits["Put"]["Item"][name] for name in ("d", "t")}
    _expect(table.get(pk, "fits") == wanted, f"an item of {ITEM_BYTES} bytes comes back changed")


def numbers(table: ProbeTable) -> None:
    """Numbers come back as numbers of the same value: 64-bit integers and every double's 17 digits."""
    pk = "numbers"
    values = [
        *("0", "-1", "10", "9007199254740991", "-9223372036854775808", "9223372036854775807"),
        *("0.1", "0.30000000000000004", "-1.7976931348623157E+100", "1E-130"),
    ]
    table.put(pk, "a", {f"n{at}": {"N": value} for at, value in enumerate(values)})
    found = table.get(pk, "a") or {}
    for at, value in enumerate(values):
        typed = found.get(f"n{at}", {})
        _expect(list(typed) == ["N"], f"the number {value} comes back as {typed}")
        _expect(
            Decimal(typed["N"]) == Decimal(value), f"the number {value} comes back as {typed['N']}"
        )


def empty_values(table: ProbeTable) -> None:
    """Text and bytes outside the key may be empty, and come back as they were, like any others."""
    pk = "empty_values"
    item = {
        "s": {"S": ""},
        "b": {"B": b""},
        "f": {"BOOL": False},
        "all": {"B": bytes(range(256))},
        "text": {"S": " \x00\t\n\U0001f9c1 e\u0301 \ufeff"},
    }
    table.put(pk, "put", item)
    table.transact(put(pk, "transaction", item), what="an item with empty text and bytes")
    _expect(
        table.query(pk) == [("put", item), ("transaction", item)],
        "an item with empty text and bytes comes back changed",
    )


# -- below ------------------------------------------------------------------------------------------


def _keys(table: ProbeTable, pk: str, prefix: str = "") -> list[str]:
    return [key for key, _ in table.query(pk, prefix)]


def _item(pk: str, sk: str, size: int) -> Any:
    """A put of an item of ``size`` bytes, part of it text of two bytes a character."""
    rest = size - len(f"pk{pk}sk{sk}dt")
    text = "é" * 1000
    return put(pk, sk, {"d": {"B": b"d" * (rest - 2000)}, "t": {"S": text}})


def _filling(pk: str, sk: str, total: int) -> list[Any]:
    """Puts of eleven items that have ``total`` bytes together."""
    sizes = [total // 11] * 10
    sizes.append(total - sum(sizes))
    return [
        put(pk, f"{sk}{n:02d}", {"d": {"B": b"d" * (size - len(f"pk{pk}sk{sk}00d"))}})
        for n, size in enumerate(sizes)
    ]


def _too_large(refusal: Refusal) -> bool:
    """AWS may also say it as the reason for a cancelled transaction."""
    return refusal.code == "ValidationException" or "ValidationError" in refusal.reasons


#: In the order in which they are asked: small ones first.
POINTS: Final = (
    Point(
        "conditional_transactions",
        "a transaction with one false condition does nothing, else everything",
        conditional_transactions,
    ),
    Point(
        "cancellation_reasons",
        "a cancelled transaction gives one reason for each action, in order",
        cancellation_reasons,
    ),
    Point(
        "consistent_reads",
        "GetItem and Query see every write acknowledged before, on any connection",
        consistent_reads,
    ),
    Point("key_order", "a Query gives sort keys by ascending bytes", key_order),
    Point("numbers", "numbers come back as numbers of the same value", numbers),
    Point("empty_values", "empty text and bytes are kept outside the key", empty_values),
    Point(
        "idempotency_tokens",
        "a repeat with its token is no second write; with other content it is refused",
        idempotency_tokens,
        gaps={"moto": "it ignores ClientRequestToken"},
    ),
    Point(
        "transaction_actions",
        "100 actions are one transaction, 101 are refused",
        transaction_actions,
    ),
    Point(
        "transact_get",
        "TransactGetItems reads 100 items as of one moment",
        transact_get,
        gaps={"moto": "it refuses more than 25"},
    ),
    Point("paging", "a Query past 1 MB gives every item, none twice", paging),
    Point(
        "item_limit",
        "an item may have 409,600 bytes, not 409,601",
        item_limit,
        gaps={"moto": "it refuses an item of exactly 409,600 bytes"},
    ),
    Point(
        "transaction_size",
        "the items of a transaction may have 4,194,304 bytes, not one more",
        transaction_size,
        gaps={"moto": "it takes any size, and copies whole tables for each"},
    ),
)
